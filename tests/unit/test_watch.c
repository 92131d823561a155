#include "support.h"

#include "base/limits.h"
#include "presence/store.h"
#include "presence/watch.h"

enum { LIFE = 1000 };

static const uint64_t seed[2] = { 8, 9 };
static struct test_alloc mem;
static struct test_random rnd;
static struct kith_blobs blobs;
static struct kith_allowance allowance;
static struct kith_watches ws;

static void begin(uint32_t max, uint32_t per_watcher, kith_time_us life)
{
	test_alloc_init(&mem);
	test_random_init(&rnd, 4);
	kith_blobs_init(&blobs, &mem.alloc, 100, seed);
	kith_allowance_init(&allowance, &mem.alloc, &rnd.random, 16, 16);
	kith_watches_init(&ws, &mem.alloc, &blobs, &allowance, max, per_watcher, life, seed);
}

static int setup_replica(void **state)
{
	(void)state;
	begin(1000, 100, LIFE);
	return 0;
}

static int setup_home(void **state)
{
	(void)state;
	begin(1000, 100, 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	kith_watches_deinit(&ws);
	for (unsigned i = 0; i < KITH_HOLDINGS_N; i++)
		assert_int_equal(allowance.held[i].n, 0); /* what was taken was given back */
	kith_allowance_deinit(&allowance);
	kith_blobs_deinit(&blobs);
	test_alloc_check(&mem);
	return 0;
}

static struct kith_id key_of(uint32_t n)
{
	struct kith_id id = { { 7, (uint8_t)(n >> 8), (uint8_t)n } };
	return id;
}

static int add_of(kith_time_us now, uint32_t key, uint32_t watcher, uint64_t owner)
{
	struct kith_id id = key_of(key);
	return kith_watches_add(&ws, now, &id, watcher, owner);
}

/* Of a watcher that is alone with its owner. */
static int add(kith_time_us now, uint32_t key, uint32_t watcher)
{
	return add_of(now, key, watcher, 1000 + watcher);
}

/* Most of what many watches cost: a supernode keeps hundreds of thousands. */
static void a_watch_takes_what_its_end_needs(void **state)
{
	(void)state;
	const bool home = ws.life == 0;
	if (sizeof(void *) == 8)
		assert_int_equal(ws.all.size, home ? 40 : 56);
	assert_int_equal(ws.all.size, home ? offsetof(struct kith_watch, time_next) : sizeof(struct kith_watch));
	assert_int_equal(add(0, 1, 7), 1);
	const size_t first = mem.live_bytes;
	assert_int_equal(add(0, 1, 8), 0); /* in the chunk that the first one took */
	assert_int_equal(mem.live_bytes - first, sizeof(struct kith_watcher));
	const size_t second = mem.live_bytes, place = sizeof(void *); /* among the timers */
	assert_int_equal(add(0, 2, 7), 1);
	assert_int_equal(mem.live_bytes - second,
			 home ? sizeof(struct kith_watch_key) + place : offsetof(struct kith_watch_key, told));
}

static bool has(uint32_t key, uint32_t watcher)
{
	struct kith_id id = key_of(key);
	return kith_watches_has(&ws, &id, watcher);
}

static void watchers_of_a_key_are_listed_in_pages(void **state)
{
	(void)state;
	struct kith_id id = key_of(1);
	uint32_t out[4], seen = 0;
	for (uint32_t i = 0; i < 10; i++)
		assert_int_equal(add(0, 1, i), i == 0);
	assert_int_equal(add(0, 2, 3), 1);
	for (uint32_t skip = 0;;) {
		uint32_t n = kith_watches_of(&ws, &id, skip, out, 4);
		for (uint32_t i = 0; i < n; i++)
			seen |= 1u << out[i];
		skip += n;
		if (n < 4)
			break;
	}
	assert_int_equal(seen, 0x3ff);
	id = key_of(3);
	assert_int_equal(kith_watches_of(&ws, &id, 0, out, 4), 0);
}

static void a_watch_ends_unless_renewed(void **state)
{
	(void)state;
	assert_int_equal(add(0, 1, 1), 1);
	assert_int_equal(add(10, 2, 1), 1);
	assert_int_equal(add(500, 1, 1), 0);
	assert_int_equal(ws.n, 2);
	assert_true(kith_watches_next_deadline(&ws) == LIFE + 10);
	assert_int_equal(kith_watches_expire(&ws, LIFE + 9, 10), 0);
	assert_int_equal(kith_watches_expire(&ws, LIFE + 10, 10), 1);
	assert_true(has(1, 1));
	assert_false(has(2, 1));
	assert_int_equal(kith_watches_expire(&ws, LIFE + 500, 10), 1);
	assert_int_equal(ws.keys.n + ws.watchers.n, 0);
	assert_true(kith_watches_next_deadline(&ws) == KITH_TIME_NEVER);
}

static void watches_are_bounded_per_watcher_and_in_all(void **state)
{
	(void)state;
	kith_watches_deinit(&ws);
	begin(40, 5, LIFE);
	for (uint32_t i = 0; i < 12; i++)
		assert_int_equal(add(0, i, 1), i < 5 ? 1 : KITH_ELIMIT);
	for (uint32_t watcher = 2; ws.n < 40; watcher++)
		assert_int_equal(add(0, 0, watcher), 0); /* a newcomer finds the last one */
	assert_int_equal(add(0, 0, 100), KITH_EFULL);
	assert_int_equal(add(1, 0, 1), 0); /* renewing needs no room */
	assert_int_equal(kith_watches_drop(&ws, 2), 1);
	assert_int_equal(add(0, 0, 100), 0);
}

/* Watches that so many devices of one owner get, each of which asks for a thousand keys. */
static uint32_t watch_all(uint64_t owner, uint32_t first_device)
{
	uint32_t n = 0;
	for (uint32_t device = first_device; device < first_device + 5; device++) {
		for (uint32_t key = 0; key < 1000; key++) {
			int err = add_of(0, key, device, owner);
			assert_true(err >= 0 || err == KITH_ELIMIT);
			n += err >= 0;
		}
	}
	return n;
}

static void devices_of_one_owner_share_what_it_may_watch(void **state)
{
	(void)state;
	kith_watches_deinit(&ws);
	begin(1000, 1000, LIFE);
	assert_int_equal(watch_all(7, 1), 200); /* and not the whole table */
	assert_int_equal(add_of(0, 999, 1, 8), KITH_ELIMIT); /* a watcher keeps its owner */
	assert_int_equal(add_of(1, 0, 1, 7), 0); /* renewing takes nothing */
	assert_int_equal(watch_all(9, 11), 160);
	/* What ends is given back, whatever number the watcher goes by. */
	kith_watches_rename(&ws, 1, 21);
	assert_int_equal(kith_watches_drop(&ws, 21), 200);
	assert_int_equal(kith_allowance_held(&allowance, 7, KITH_HOLDING_WATCH), 0);
	assert_int_equal(watch_all(7, 1), 168);
}

/* Random operations against a matrix of ends. */
static void the_relation_behaves_like_a_matrix(void **state)
{
	(void)state;
	kith_time_us until[20][20] = { { 0 } }, now = 1;
	for (int step = 0; step < 20000; step++, now += (kith_time_us)(test_random_next(&rnd) % 4)) {
		uint32_t r = (uint32_t)test_random_next(&rnd), k = r % 20, by = r >> 8 & 15;
		struct kith_id id = key_of(k);
		(void)kith_watches_expire(&ws, now, UINT32_MAX);
		for (uint32_t a = 0; a < 20; a++) {
			for (uint32_t b = 0; b < 20; b++)
				until[a][b] = until[a][b] <= now ? 0 : until[a][b];
		}
		if (r >> 16 & 3) {
			bool first = true;
			for (uint32_t b = 0; b < 20; b++)
				first &= until[k][b] == 0;
			assert_int_equal(add(now, k, by), first);
			until[k][by] = now + LIFE;
		} else if (r >> 18 & 7) {
			assert_int_equal(kith_watches_remove(&ws, &id, by), until[k][by] != 0);
			until[k][by] = 0;
		} else {
			uint32_t n = 0;
			for (uint32_t a = 0; a < 20; a++) {
				n += until[a][by] != 0;
				until[a][by] = 0;
			}
			assert_int_equal(kith_watches_drop(&ws, by), n);
		}
		uint32_t n = 0, listed[20];
		for (uint32_t a = 0; a < 20; a++) {
			uint32_t of = 0;
			for (uint32_t b = 0; b < 20; b++)
				of += until[a][b] != 0;
			id = key_of(a);
			assert_int_equal(kith_watches_of(&ws, &id, 0, listed, 20), of);
			for (uint32_t i = 0; i < of; i++)
				assert_true(until[a][listed[i]] != 0);
			n += of;
		}
		assert_int_equal(ws.n, n);
	}
}

static void the_leaves_of_a_home_share_one_upstream_watch(void **state)
{
	(void)state;
	struct kith_id id = key_of(1);
	for (uint32_t leaf = 0; leaf < 50; leaf++)
		assert_int_equal(add(5, 1, leaf), leaf == 0);
	const struct kith_watch_key *k = kith_watches_due(&ws, 5);
	assert_non_null(k);
	assert_memory_equal(&k->key, &id, sizeof id);
	assert_int_equal(k->tries, 1);
	assert_null(kith_watches_due(&ws, 5)); /* asked: not again at once */
	assert_true(kith_watches_next_deadline(&ws) == 5 + KITH_REQUEST_TIMEOUT_US);
	kith_watches_upstream(&ws, &id, 1000, true);
	assert_int_equal(k->tries, 0);
	assert_null(kith_watches_due(&ws, 999));
	assert_non_null(kith_watches_due(&ws, 1000));
	assert_ptr_equal(kith_watches_due(&ws, 1000 + KITH_REQUEST_TIMEOUT_US), k); /* no answer: asked again */
	assert_int_equal(k->tries, 2);
	for (uint32_t leaf = 0; leaf < 50; leaf++)
		assert_int_equal(kith_watches_drop(&ws, leaf), 1);
	assert_true(kith_watches_next_deadline(&ws) == KITH_TIME_NEVER);
	kith_watches_upstream(&ws, &id, 1000, true); /* the answer came late: harmless */
	assert_null(kith_watches_due(&ws, KITH_TIME_NEVER - 1));
}

static void watches_at_a_home_do_not_end_by_themselves(void **state)
{
	(void)state;
	assert_int_equal(add(0, 1, 1), 1);
	assert_int_equal(kith_watches_expire(&ws, KITH_TIME_NEVER - 1, 10), 0);
	assert_true(has(1, 1));
}

static void a_key_can_be_renewed_sooner_but_never_later(void **state)
{
	(void)state;
	struct kith_id id = key_of(1), other = key_of(2);
	assert_int_equal(add(0, 1, 1), 1);
	assert_non_null(kith_watches_due(&ws, 0));
	kith_watches_upstream(&ws, &id, 1000, true);
	kith_watches_renew_by(&ws, &id, 2000);
	assert_int_equal(kith_watches_next_deadline(&ws), 1000);
	kith_watches_renew_by(&ws, &id, 500);
	kith_watches_renew_by(&ws, &other, 100); /* nobody watches it */
	assert_int_equal(kith_watches_next_deadline(&ws), 500);
}

static void keys_are_gone_over_with_the_replicas_that_watch_them(void **state)
{
	(void)state;
	uint32_t it = 0, seen = 0;
	for (uint32_t i = 0; i < 10; i++) {
		struct kith_id id = key_of(i);
		assert_int_equal(add(0, i, 1), 1);
		kith_watches_upstream_at(&ws, &id, 100 + i);
	}
	const struct kith_watch_key *k;
	while ((k = kith_watches_next_key(&ws, &it)) != NULL) {
		for (uint32_t i = 0; i < 10; i++) {
			struct kith_id id = key_of(i);
			if (memcmp(&id, &k->key, sizeof id) == 0) {
				assert_int_equal(k->replicas, 100 + i);
				seen |= 1u << i;
			}
		}
	}
	assert_int_equal(seen, 0x3ff);
}

static void running_out_of_memory_leaves_the_relation_as_it_was(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 20; i++) {
		for (long fail = 0;; fail++) {
			uint32_t n = ws.n, keys = ws.keys.n, watchers = ws.watchers.n;
			mem.fail_after = fail;
			int err = add(0, i, i / 2);
			mem.fail_after = -1;
			if (err >= 0)
				break;
			assert_int_equal(err, KITH_ENOMEM);
			assert_int_equal(ws.n, n);
			assert_int_equal(ws.keys.n, keys);
			assert_int_equal(ws.watchers.n, watchers);
			assert_true(fail < 20);
		}
	}
}

/* ---- verdicts ---- */

static const struct kith_now now = { 50, 1000000, true };

static struct kith_record record(uint64_t seq, uint8_t homes_n)
{
	struct kith_record r = { .seq = seq, .expires_ms = (int64_t)seq + 1000, .homes_n = homes_n };
	r.flags = homes_n == 0 ? KITH_RECORD_OFFLINE : 0;
	return r;
}

static void a_device_is_offline_when_most_of_its_homes_say_so(void **state)
{
	(void)state;
	/* reports needed, by number of homes */
	const int needed[] = { 0, 1, 2, 2 };
	for (uint8_t homes = 1; homes <= 3; homes++) {
		struct kith_verdict v = { 0 };
		struct kith_record r = record(1000000, homes);
		assert_false(kith_verdict_online(&v, 50));
		assert_true(kith_verdict_record(&v, &now, &r));
		assert_true(kith_verdict_online(&v, 50));
		for (int h = 0; h < homes; h++) {
			assert_true(kith_verdict_vanish(&v, r.seq, h));
			assert_false(kith_verdict_vanish(&v, r.seq, h)); /* twice by one home counts once */
			assert_int_equal(kith_verdict_online(&v, 50), h + 1 < needed[homes]);
		}
		r = record(1000001, homes); /* a higher sequence overrides */
		assert_true(kith_verdict_record(&v, &now, &r));
		assert_true(kith_verdict_online(&v, 50));
	}
}

static void old_records_and_old_reports_count_for_nothing(void **state)
{
	(void)state;
	struct kith_verdict v = { 0 };
	struct kith_record r = record(1000005, 3), old = record(1000004, 3);
	assert_true(kith_verdict_record(&v, &now, &r));
	assert_false(kith_verdict_record(&v, &now, &r));
	assert_false(kith_verdict_record(&v, &now, &old));
	assert_false(kith_verdict_vanish(&v, old.seq, 0));
	assert_false(kith_verdict_vanish(&v, r.seq + 1, 0));
	assert_false(kith_verdict_vanish(&v, r.seq, 3));
	assert_false(kith_verdict_vanish(&v, r.seq, -1));
	assert_int_equal(v.vanished, 0);
	kith_time_us end = kith_verdict_deadline(&v, 50);
	assert_true(end == 50 + 1000 * KITH_US_PER_MS);
	assert_true(kith_verdict_online(&v, end - 1));
	assert_false(kith_verdict_online(&v, end));
	assert_true(kith_verdict_deadline(&v, end) == KITH_TIME_NEVER);
	assert_false(kith_verdict_record(&v, &now, &old)); /* also after it ended */
}

static void a_goodbye_is_offline_at_once(void **state)
{
	(void)state;
	struct kith_verdict v = { 0 };
	struct kith_record r = record(1000000, 3), bye = record(1000001, 0);
	assert_true(kith_verdict_record(&v, &now, &r));
	assert_true(kith_verdict_record(&v, &now, &bye));
	assert_false(kith_verdict_online(&v, 50));
	assert_false(kith_verdict_record(&v, &now, &r));
}

/* ---- what a home judges by ---- */

static struct kith_record record_of(uint32_t key, uint8_t device, uint64_t seq)
{
	struct kith_record r;
	memset(&r, 0, sizeof r);
	r.key = key_of(key);
	r.device.b[0] = device;
	r.seq = seq;
	r.homes_n = KITH_HOMES;
	return r;
}

static bool outdated(uint32_t key, uint8_t device, uint64_t seq)
{
	const struct kith_record r = record_of(key, device, seq);
	return kith_watches_outdated(&ws, &r);
}

static void learn(uint32_t key, uint8_t device, uint64_t seq)
{
	const struct kith_record r = record_of(key, device, seq);
	assert_int_equal(kith_watches_record(&ws, &r), 0);
}

static void an_older_record_of_the_same_device_is_outdated(void **state)
{
	(void)state;
	learn(1, 1, 10); /* nobody watches it */
	assert_int_equal(mem.live_blocks, 0);
	assert_int_equal(add(0, 1, 5), 1);
	learn(1, 1, 10);
	learn(1, 1, 8);
	assert_true(outdated(1, 1, 9));
	assert_false(outdated(1, 1, 10));
	assert_false(outdated(1, 2, 1));
	assert_false(outdated(2, 1, 1));
	const struct kith_id key = key_of(1);
	assert_true(kith_watches_remove(&ws, &key, 5));
	assert_false(outdated(1, 1, 9));
}

static void a_key_remembers_so_many_devices_and_loses_the_oldest(void **state)
{
	(void)state;
	assert_int_equal(add(0, 1, 5), 1);
	for (uint8_t d = 0; d < KITH_STORE_DEVICES; d++)
		learn(1, d, 100u + d);
	size_t blocks = mem.live_blocks;
	learn(1, 50, 200);
	assert_int_equal(mem.live_blocks, blocks);
	assert_false(outdated(1, 0, 1));
	assert_true(outdated(1, 1, 1));
	assert_true(outdated(1, 50, 1));
	assert_true(sizeof(struct kith_watch_device) <= 120);
}

/* ---- who may follow ---- */

static const uint8_t tokens[3][KITH_FOLLOW_LEN] = { "phone", "laptop", "made up" };

static void learn_guarded(uint8_t device, uint64_t seq, const uint8_t token[KITH_FOLLOW_LEN])
{
	struct kith_record r = record_of(1, device, seq);
	r.guarded = true;
	kith_follow_guard(kith_suite_sodium(), r.guard, token);
	assert_int_equal(kith_watches_record(&ws, &r), 0);
}

static int show(uint32_t watcher, const uint8_t *p, size_t n)
{
	const struct kith_id id = key_of(1);
	return kith_watches_show(&ws, &id, watcher, (struct kith_span){ p, n * KITH_FOLLOW_LEN });
}

/* The watchers of key 1 that are told, a bit each. */
static unsigned told(enum kith_whom whom, const uint8_t token[KITH_FOLLOW_LEN])
{
	struct kith_held_about about = { .key = key_of(1), .whom = (uint8_t)whom };
	uint32_t out[8];
	unsigned bits = 0;
	kith_follow_guard(kith_suite_sodium(), about.guard, token);
	uint32_t n = kith_watches_told_of(&ws, kith_suite_sodium(), &about, 0, out, 8);
	assert_int_equal(n, kith_watches_count(&ws, &about.key));
	for (uint32_t i = 0; i < n; i++)
		bits |= out[i] != 0 ? 1u << out[i] : 0;
	return bits;
}

static void who_shows_the_token_of_a_record_is_told_of_it(void **state)
{
	(void)state;
	const struct kith_id id = key_of(1);
	for (uint32_t i = 1; i <= 4; i++)
		assert_true(add(0, 1, i) >= 0);
	assert_int_equal(show(1, tokens[0], 1), 1);
	assert_int_equal(show(1, tokens[0], 1), 0);
	assert_int_equal(show(2, tokens[0], 2), 1);
	assert_int_equal(show(3, tokens[2], 1), 1);
	assert_int_equal(show(9, tokens[2], 1), KITH_ENOENT);
	assert_int_equal(told(KITH_WHOM_ALL, tokens[0]), 0x1e);
	assert_int_equal(told(KITH_WHOM_FOLLOWERS, tokens[0]), 0x06);
	assert_int_equal(told(KITH_WHOM_OTHERS, tokens[0]), 0x18);
	assert_int_equal(told(KITH_WHOM_FOLLOWERS, tokens[1]), 0x04);
	assert_false(kith_watches_has_others(&ws, kith_suite_sodium(), &id)); /* no record is known */
	learn_guarded(1, 10, tokens[0]);
	assert_true(kith_watches_has_others(&ws, kith_suite_sodium(), &id));
	assert_int_equal(show(3, tokens[0], 1), 1);
	assert_int_equal(show(4, tokens[0], 1), 1);
	assert_false(kith_watches_has_others(&ws, kith_suite_sodium(), &id));
	assert_int_equal(show(4, NULL, 0), 1);
	assert_true(kith_watches_has_others(&ws, kith_suite_sodium(), &id));
}

static void tokens_that_open_a_record_go_first_and_each_goes_once(void **state)
{
	(void)state;
	const struct kith_id id = key_of(1);
	uint8_t out[KITH_FOLLOW_TOKENS_MAX * KITH_FOLLOW_LEN], junk[KITH_FOLLOW_LEN] = { 0 };
	for (uint32_t i = 1; i <= 20; i++) {
		junk[0] = (uint8_t)i;
		assert_true(add(0, 1, i) >= 0);
		assert_int_equal(show(i, i <= 2 ? tokens[0] : junk, 1), 1);
	}
	assert_int_equal(show(2, tokens[0], 2), 1);
	learn_guarded(1, 10, tokens[0]);
	learn_guarded(2, 10, tokens[1]);
	assert_int_equal(kith_watches_tokens(&ws, kith_suite_sodium(), &id, out), sizeof out);
	for (size_t i = 0; i < KITH_FOLLOW_TOKENS_MAX; i++) {
		for (size_t k = 0; k < i; k++)
			assert_memory_not_equal(out + i * KITH_FOLLOW_LEN, out + k * KITH_FOLLOW_LEN, KITH_FOLLOW_LEN);
	}
	for (size_t i = 0; i < 2; i++) /* a watcher shows the first, another one both */
		assert_true(memcmp(out + i * KITH_FOLLOW_LEN, tokens[0], KITH_FOLLOW_LEN) == 0 ||
			    memcmp(out + i * KITH_FOLLOW_LEN, tokens[1], KITH_FOLLOW_LEN) == 0);
}

int main(void)
{
#define R(f) cmocka_unit_test_setup_teardown(f, setup_replica, teardown)
#define H(f) cmocka_unit_test_setup_teardown(f, setup_home, teardown)
	const struct CMUnitTest tests[] = {
		R(a_watch_takes_what_its_end_needs),
		H(a_watch_takes_what_its_end_needs),
		R(watchers_of_a_key_are_listed_in_pages),
		R(a_watch_ends_unless_renewed),
		R(watches_are_bounded_per_watcher_and_in_all),
		R(devices_of_one_owner_share_what_it_may_watch),
		R(the_relation_behaves_like_a_matrix),
		H(the_leaves_of_a_home_share_one_upstream_watch),
		H(watches_at_a_home_do_not_end_by_themselves),
		H(a_key_can_be_renewed_sooner_but_never_later),
		H(an_older_record_of_the_same_device_is_outdated),
		H(a_key_remembers_so_many_devices_and_loses_the_oldest),
		H(keys_are_gone_over_with_the_replicas_that_watch_them),
		H(who_shows_the_token_of_a_record_is_told_of_it),
		H(tokens_that_open_a_record_go_first_and_each_goes_once),
		R(running_out_of_memory_leaves_the_relation_as_it_was),
		H(running_out_of_memory_leaves_the_relation_as_it_was),
		cmocka_unit_test(a_device_is_offline_when_most_of_its_homes_say_so),
		cmocka_unit_test(old_records_and_old_reports_count_for_nothing),
		cmocka_unit_test(a_goodbye_is_offline_at_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
