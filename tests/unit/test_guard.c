/* What a first message meets before any key is touched, and how long old ones are remembered. */
#include "support.h"

#include "base/limits.h"
#include "crypto/noise.h"
#include "crypto/suite.h"
#include "session/guard.h"

#define START_MS INT64_C(1000000)

struct watch {
	uint8_t epoch[KITH_COOKIE_LEN]; /* that came with the last cookie */
	struct test_alloc alloc;
	struct test_random random;
	struct kith_guard guard;
	struct kith_mac_keys keys;
	uint8_t own_key[32];
	struct kith_id network;
	struct kith_hop from;
	bool home; /* it is a tunnel of a home */
	struct kith_now now;
};

static void watch_init(struct watch *w, uint32_t seen_max)
{
	memset(w, 0, sizeof *w);
	w->now = (struct kith_now){ .unix_ms = START_MS, .unix_trusted = true };
	assert_int_equal(kith_suite_sodium_init(), 0);
	test_alloc_init(&w->alloc);
	test_random_init(&w->random, 3);
	memset(w->own_key, 5, sizeof w->own_key);
	memset(w->network.b, 6, sizeof w->network.b);
	kith_guard_init(&w->guard, kith_suite_sodium(), &w->alloc.alloc, &w->random.random, w->own_key, &w->network,
			seen_max, START_MS);
	kith_mac_keys_derive(&w->keys, kith_suite_sodium(), w->own_key);
	w->from.remote = (struct kith_addr){ .family = KITH_FAMILY_V4, .port = 1000, .ip = { 9, 8, 7, 6 } };
}

static void watch_deinit(struct watch *w)
{
	kith_guard_deinit(&w->guard);
	test_alloc_check(&w->alloc);
}

struct message {
	uint8_t bytes[200];
	struct kith_hs_header header;
};

static void hello(struct watch *w, struct message *m, const uint8_t *cookie)
{
	memset(m->bytes, 0x11, sizeof m->bytes);
	kith_hs_write(m->bytes, KITH_PKT_HELLO, 42, 0);
	kith_mac_write(kith_suite_sodium(), &w->keys, cookie, m->bytes, sizeof m->bytes);
	assert_true(kith_hs_parse(&m->header, test_span(m->bytes, sizeof m->bytes)));
}

/* The cookie that a HELLO is answered with, as the initiator reads it. */
static void earn(struct watch *w, kith_time_us now, struct message *m, uint8_t cookie[KITH_COOKIE_LEN])
{
	uint8_t packet[KITH_COOKIE_PACKET_LEN];
	bool anew;
	kith_guard_cookie(&w->guard, now, &m->header, &w->from, false, packet);
	assert_int_equal(kith_cookie_open(kith_suite_sodium(), &w->keys, m->header.mac1,
					  test_span(packet, sizeof packet), cookie, w->epoch, &anew),
			 0);
	assert_false(anew);
}

static enum kith_guard_verdict check(struct watch *w, kith_time_us now, const struct message *m)
{
	return kith_guard_check(&w->guard, now, &m->header, &w->from, w->home);
}

static void only_who_knows_the_key_passes_the_first_mac(void **state)
{
	struct watch w;
	struct message m;
	(void)state;
	watch_init(&w, 8);
	hello(&w, &m, NULL);
	assert_int_equal(check(&w, 0, &m), KITH_GUARD_PASS);
	for (size_t i = 0; i < sizeof m.bytes - KITH_MAC_LEN; i++) {
		m.bytes[i] ^= 0x80;
		assert_int_equal(check(&w, 0, &m), KITH_GUARD_BAD_MAC);
		m.bytes[i] ^= 0x80;
	}
	kith_mac_keys_derive(&w.keys, kith_suite_sodium(), w.network.b); /* who knows only the network */
	hello(&w, &m, NULL);
	assert_int_equal(check(&w, 0, &m), KITH_GUARD_BAD_MAC);
	watch_deinit(&w);
}

static void above_the_rate_a_cookie_is_asked_for(void **state)
{
	struct watch w;
	struct message m;
	uint8_t cookie[KITH_COOKIE_LEN];
	(void)state;
	watch_init(&w, 8);
	w.guard.hellos_per_s = 3;
	hello(&w, &m, NULL);
	for (int i = 0; i < 3; i++)
		assert_int_equal(check(&w, 100, &m), KITH_GUARD_PASS);
	assert_int_equal(check(&w, 100, &m), KITH_GUARD_COOKIE);
	earn(&w, 100, &m, cookie);
	hello(&w, &m, cookie);
	assert_int_equal(check(&w, 100, &m), KITH_GUARD_PASS);
	hello(&w, &m, NULL);
	assert_int_equal(check(&w, 100 + KITH_US_PER_S, &m), KITH_GUARD_PASS); /* another second */
	watch_deinit(&w);
}

/* All callers of a leaf come from the few addresses of its homes: whoever pours first messages into his own tunnel must
 * not use up what others have. */
static void callers_through_one_home_have_a_rate_each(void **state)
{
	struct watch w;
	struct message m;
	uint8_t cookie[KITH_COOKIE_LEN];
	(void)state;
	watch_init(&w, 8);
	w.home = true;
	w.from.tunnel = 7;
	hello(&w, &m, NULL);
	for (int i = 0; i < KITH_HANDSHAKE_PREFIX_BURST; i++)
		assert_int_equal(check(&w, 0, &m), KITH_GUARD_PASS);
	assert_int_equal(check(&w, 0, &m), KITH_GUARD_COOKIE);
	earn(&w, 0, &m, cookie);
	hello(&w, &m, cookie);
	for (int i = 0; i < KITH_HANDSHAKE_PREFIX_BURST; i++)
		assert_int_equal(check(&w, 0, &m), KITH_GUARD_PASS);
	assert_int_equal(check(&w, 0, &m), KITH_GUARD_LIMITED);
	hello(&w, &m, NULL);
	w.from.tunnel = 8; /* somebody else */
	assert_int_equal(check(&w, 0, &m), KITH_GUARD_PASS);
	w.home = false; /* but whoever writes numbers on packets of his own stays one */
	w.from.tunnel = 0;
	for (int i = 0; i < KITH_HANDSHAKE_PREFIX_BURST; i++)
		assert_int_equal(check(&w, 0, &m), KITH_GUARD_PASS);
	w.from.tunnel = 9;
	assert_int_equal(check(&w, 0, &m), KITH_GUARD_COOKIE);
	watch_deinit(&w);
}

static void a_cookie_is_for_one_address_one_transport_and_one_tunnel(void **state)
{
	struct watch w;
	struct message m;
	uint8_t cookie[KITH_COOKIE_LEN];
	(void)state;
	watch_init(&w, 8);
	w.guard.hellos_per_s = 0;
	hello(&w, &m, NULL);
	earn(&w, 0, &m, cookie);
	hello(&w, &m, cookie);
	assert_int_equal(check(&w, 0, &m), KITH_GUARD_PASS);
	const struct kith_hop honest = w.from;
	w.from.remote.port++;
	assert_int_equal(check(&w, 0, &m), KITH_GUARD_COOKIE);
	w.from = honest;
	w.from.remote.ip[3]++;
	assert_int_equal(check(&w, 0, &m), KITH_GUARD_COOKIE);
	w.from = honest;
	w.from.tunnel = 1;
	assert_int_equal(check(&w, 0, &m), KITH_GUARD_COOKIE);
	w.from = honest;
	w.from.transport = 1;
	assert_int_equal(check(&w, 0, &m), KITH_GUARD_COOKIE);
	watch_deinit(&w);
}

static void a_cookie_lives_between_one_and_two_lives_of_its_secret(void **state)
{
	(void)state;
	for (int k = 1; k < 40; k++) {
		struct watch w;
		struct message m;
		uint8_t cookie[KITH_COOKIE_LEN];
		watch_init(&w, 8);
		w.guard.hellos_per_s = 0;
		kith_time_us begun = 1000, earned = begun + KITH_COOKIE_LIFE_US / 2,
			     used = earned + k * KITH_COOKIE_LIFE_US / 16;
		hello(&w, &m, NULL);
		assert_int_equal(check(&w, begun, &m), KITH_GUARD_COOKIE);
		earn(&w, begun, &m, cookie); /* draws the secret */
		earn(&w, earned, &m, cookie);
		hello(&w, &m, cookie);
		enum kith_guard_verdict v = check(&w, used, &m);
		if (used - earned <= KITH_COOKIE_LIFE_US)
			assert_int_equal(v, KITH_GUARD_PASS);
		if (used - earned >= 2 * KITH_COOKIE_LIFE_US)
			assert_int_equal(v, KITH_GUARD_COOKIE);
		watch_deinit(&w);
	}
}

static void a_cookie_opens_only_for_the_message_it_answers(void **state)
{
	struct watch w;
	struct message m;
	uint8_t packet[KITH_COOKIE_PACKET_LEN], cookie[KITH_COOKIE_LEN], mac1[KITH_MAC_LEN];
	(void)state;
	watch_init(&w, 8);
	hello(&w, &m, NULL);
	bool anew;
	kith_guard_cookie(&w.guard, 0, &m.header, &w.from, true, packet);
	memcpy(mac1, m.header.mac1, sizeof mac1);
	mac1[0] ^= 1;
	assert_true(kith_cookie_open(kith_suite_sodium(), &w.keys, mac1, test_span(packet, sizeof packet), cookie,
				     w.epoch, &anew) < 0);
	for (size_t i = 8; i < sizeof packet; i++) {
		packet[i] ^= 1;
		assert_true(kith_cookie_open(kith_suite_sodium(), &w.keys, m.header.mac1,
					     test_span(packet, sizeof packet), cookie, w.epoch, &anew) < 0);
		packet[i] ^= 1;
	}
	assert_true(kith_cookie_open(kith_suite_sodium(), &w.keys, m.header.mac1, test_span(packet, sizeof packet - 1),
				     cookie, w.epoch, &anew) < 0);
	watch_deinit(&w);
}

/* How many of 1000 messages at one moment pass, and how many of the others are only asked for a cookie. */
static void flood(struct watch *w, kith_time_us now, const struct message *m, int *passed, int *asked)
{
	*passed = *asked = 0;
	for (int i = 0; i < 1000; i++) {
		enum kith_guard_verdict v = check(w, now, m);
		*passed += v == KITH_GUARD_PASS;
		*asked += v == KITH_GUARD_COOKIE;
	}
}

static void a_prefix_has_its_rate_with_or_without_cookies(void **state)
{
	(void)state;
	for (int with_cookie = 0; with_cookie < 2; with_cookie++) {
		struct watch w;
		struct message m;
		uint8_t cookie[KITH_COOKIE_LEN];
		int passed, asked;
		watch_init(&w, 8);
		hello(&w, &m, NULL);
		earn(&w, 0, &m, cookie);
		hello(&w, &m, with_cookie ? cookie : NULL);
		flood(&w, 0, &m, &passed, &asked);
		assert_int_equal(passed, KITH_HANDSHAKE_PREFIX_BURST);
		assert_int_equal(asked, with_cookie ? 0 : 1000 - passed);
		flood(&w, KITH_US_PER_S, &m, &passed, &asked);
		assert_int_equal(passed, KITH_HANDSHAKE_PREFIX_PER_S);
		watch_deinit(&w);
	}
}

/* Message i of a flood comes from prefix i of so many in one net. How many pass. */
static uint32_t flood_of_a_net(struct watch *w, kith_time_us now, const struct message *m, uint32_t n)
{
	uint32_t passed = 0;
	for (uint32_t i = 0; i < n; i++) {
		w->from.remote.ip[0] = 10;
		w->from.remote.ip[1] = 1;
		w->from.remote.ip[2] = (uint8_t)i;
		passed += check(w, now, m) == KITH_GUARD_PASS;
	}
	return passed;
}

static void one_net_leaves_the_rate_to_others(void **state)
{
	struct watch w;
	struct message m;
	(void)state;
	watch_init(&w, 8);
	hello(&w, &m, NULL);
	for (kith_time_us s = 0; s < 5; s++) {
		assert_int_equal(flood_of_a_net(&w, s * KITH_US_PER_S, &m, 10000), KITH_HANDSHAKE_NET_PER_S);
		for (uint8_t net = 2; net < 8; net++) { /* nobody of another one is even asked for a cookie */
			w.from.remote.ip[1] = net;
			assert_int_equal(check(&w, s * KITH_US_PER_S, &m), KITH_GUARD_PASS);
		}
	}
	watch_deinit(&w);
}

/* Twenty messages in a second from each of so many prefixes, each of another net, are all that are served; but the last
 * quarter of it is for those who ask for the first time in a while. */
static void who_goes_on_asking_leaves_a_part_of_the_rate_to_newcomers(void **state)
{
	enum { ALL = 400, KEPT = ALL / 4 };
	struct watch w;
	struct message m;
	uint32_t passed = 0;
	(void)state;
	watch_init(&w, 8);
	w.guard.hellos_per_s = ALL;
	hello(&w, &m, NULL);
	for (kith_time_us s = 0; s < 3; s++) {
		passed = 0;
		for (unsigned i = 0; i < 2 * ALL; i++) {
			w.from.remote.ip[1] = (uint8_t)(i % 40);
			passed += check(&w, s * KITH_US_PER_S, &m) == KITH_GUARD_PASS;
		}
	}
	assert_int_equal(passed, ALL - KEPT);
	for (unsigned i = 0; i < KEPT; i++) {
		w.from.remote.ip[1] = (uint8_t)(100 + i);
		assert_int_equal(check(&w, 2 * KITH_US_PER_S, &m), KITH_GUARD_PASS);
	}
	w.from.remote.ip[1] = 99;
	assert_int_equal(check(&w, 2 * KITH_US_PER_S, &m), KITH_GUARD_COOKIE);
	watch_deinit(&w);
}

/* Forged addresses use up what a prefix has without proof. Whoever is really there is asked for one, and gets in. */
static void whoever_is_impersonated_still_gets_in_by_the_cookie(void **state)
{
	struct watch w;
	struct message m;
	uint8_t cookie[KITH_COOKIE_LEN];
	int passed, asked;
	(void)state;
	watch_init(&w, 8);
	hello(&w, &m, NULL);
	flood(&w, 0, &m, &passed, &asked);
	w.from.remote.port++; /* the victim, in the same prefix */
	assert_int_equal(check(&w, 0, &m), KITH_GUARD_COOKIE);
	earn(&w, 0, &m, cookie);
	hello(&w, &m, cookie);
	assert_int_equal(check(&w, 0, &m), KITH_GUARD_PASS);
	watch_deinit(&w);
}

static void more_prefixes_than_are_remembered_are_still_judged(void **state)
{
	struct watch w;
	struct message m;
	(void)state;
	watch_init(&w, 8);
	w.guard.hellos_per_s = 1000000;
	hello(&w, &m, NULL);
	for (uint32_t i = 0; i < 3 * KITH_GUARD_SOURCES; i++) {
		w.from.remote.ip[0] = (uint8_t)(i >> 8); /* and as many nets */
		w.from.remote.ip[1] = (uint8_t)i;
		assert_int_equal(check(&w, 0, &m), KITH_GUARD_PASS);
	}
	size_t bytes = w.alloc.live_bytes;
	for (uint32_t i = 0; i < KITH_GUARD_SOURCES; i++) {
		w.from.remote.ip[0] = (uint8_t)(100 + (i >> 8));
		w.from.remote.ip[1] = (uint8_t)i;
		(void)check(&w, 0, &m);
	}
	assert_int_equal(w.alloc.live_bytes, bytes);
	watch_deinit(&w);
}

/* ---- timestamps ---- */

static const uint8_t dev_a[16] = { 1 }, dev_b[16] = { 2 };
static const uint8_t call_1[16] = { 1 }, call_2[16] = { 2 };

#define SESSION 77u /* what the messages here are said to have made */

static enum kith_freshness judge(const struct watch *w, const uint8_t device[16], int64_t timestamp_ms,
				 const uint8_t call_id[16], bool made_now)
{
	uint32_t session = 0;
	enum kith_freshness f = kith_guard_judge(&w->guard, &w->now, device, timestamp_ms, call_id, made_now, &session);
	assert_int_equal(session, f == KITH_SAME ? SESSION : 0);
	return f;
}

static void remember(struct watch *w, const uint8_t device[16], int64_t timestamp_ms, const uint8_t call_id[16])
{
	kith_guard_remember(&w->guard, &w->now, device, timestamp_ms, call_id, SESSION);
}

static void a_device_that_is_not_remembered_must_be_newer_than_the_start(void **state)
{
	struct watch w;
	(void)state;
	watch_init(&w, 8);
	assert_int_equal(judge(&w, dev_a, START_MS, call_1, false), KITH_UNSURE);
	assert_int_equal(judge(&w, dev_a, START_MS, call_1, true), KITH_FRESH);
	assert_int_equal(judge(&w, dev_a, START_MS + 1, call_1, false), KITH_FRESH);
	watch_deinit(&w);
}

static void an_accepted_message_is_known_again_and_does_not_count_twice(void **state)
{
	struct watch w;
	(void)state;
	watch_init(&w, 8);
	remember(&w, dev_a, START_MS + 10, call_1);
	assert_int_equal(judge(&w, dev_a, START_MS + 10, call_1, false), KITH_SAME);
	assert_int_equal(judge(&w, dev_a, START_MS + 10, call_1, true), KITH_SAME);
	/* The same time, another message: only proof of when it was made helps. */
	assert_int_equal(judge(&w, dev_a, START_MS + 10, call_2, false), KITH_UNSURE);
	assert_int_equal(judge(&w, dev_a, START_MS + 10, call_2, true), KITH_FRESH);
	assert_int_equal(judge(&w, dev_a, START_MS + 11, call_2, false), KITH_FRESH);
	assert_int_equal(judge(&w, dev_b, START_MS + 10, call_1, false), KITH_FRESH);
	watch_deinit(&w);
}

/* The i-th first message of a device. */
static const uint8_t *call_of(uint8_t i)
{
	static uint8_t call[16];
	call[0] = (uint8_t)(100 + i);
	return call;
}

static void several_messages_of_one_device_are_known_again(void **state)
{
	struct watch w;
	(void)state;
	watch_init(&w, 8);
	for (uint8_t i = 0; i < KITH_GUARD_REMEMBERED; i++) {
		remember(&w, dev_a, START_MS + 10 + i, call_of(i));
		for (uint8_t k = 0; k <= i; k++)
			assert_int_equal(judge(&w, dev_a, START_MS + 10 + k, call_of(k), false), KITH_SAME);
	}
	watch_deinit(&w);
}

static void without_memory_for_another_message_the_oldest_gives_way(void **state)
{
	struct watch w;
	(void)state;
	watch_init(&w, 8);
	remember(&w, dev_a, START_MS + 10, call_of(0));
	w.alloc.fail_after = 0;
	remember(&w, dev_a, START_MS + 11, call_of(1));
	w.alloc.fail_after = -1;
	assert_int_equal(judge(&w, dev_a, START_MS + 11, call_of(1), false), KITH_SAME);
	assert_int_equal(judge(&w, dev_a, START_MS + 10, call_of(0), false), KITH_UNSURE); /* not believed again */
	watch_deinit(&w);
}

static void calls_of_one_device_may_overtake_each_other(void **state)
{
	struct watch w;
	uint8_t call[16] = { 0 };
	(void)state;
	watch_init(&w, 8);
	remember(&w, dev_a, START_MS + 20, call_2);
	assert_int_equal(judge(&w, dev_a, START_MS + 10, call_1, false), KITH_FRESH);
	remember(&w, dev_a, START_MS + 10, call_1);
	for (uint8_t i = 0; i < KITH_GUARD_REMEMBERED; i++) {
		call[0] = (uint8_t)(100 + i);
		remember(&w, dev_a, START_MS + 30 + i, call);
	}
	/* Both are forgotten by now, and neither is believed again. */
	assert_int_equal(judge(&w, dev_a, START_MS + 10, call_1, false), KITH_UNSURE);
	assert_int_equal(judge(&w, dev_a, START_MS + 20, call_2, false), KITH_UNSURE);
	/* One that proved itself in spite of an old time does not lower the bar for others. */
	call[0] = 99;
	remember(&w, dev_a, START_MS + 1, call);
	call[0] = 98;
	remember(&w, dev_a, START_MS + 2, call);
	assert_int_equal(judge(&w, dev_a, START_MS + 10, call_1, false), KITH_UNSURE);
	watch_deinit(&w);
}

static void the_epoch_inside_a_message_is_good_for_its_life_and_at_all_addresses(void **state)
{
	struct watch w;
	struct message m;
	uint8_t cookie[KITH_COOKIE_LEN], epoch[KITH_COOKIE_LEN];
	(void)state;
	watch_init(&w, 8);
	hello(&w, &m, NULL);
	earn(&w, 0, &m, cookie);
	memcpy(epoch, w.epoch, sizeof epoch);
	w.from.remote.port++;
	earn(&w, 0, &m, cookie);
	assert_memory_equal(w.epoch, epoch, sizeof epoch);
	assert_false(kith_guard_epoch(&w.guard, 0, cookie)); /* the cookie is another thing */
	assert_true(kith_guard_epoch(&w.guard, 0, epoch));
	assert_true(kith_guard_epoch(&w.guard, KITH_COOKIE_LIFE_US, epoch));
	epoch[3] ^= 1;
	assert_false(kith_guard_epoch(&w.guard, KITH_COOKIE_LIFE_US, epoch));
	epoch[3] ^= 1;
	assert_false(kith_guard_epoch(&w.guard, 3 * KITH_COOKIE_LIFE_US, epoch));
	watch_deinit(&w);
}

/* Whatever is accepted in whatever order, no message is ever fresh again. */
static void nothing_is_ever_accepted_twice(void **state)
{
	struct watch w;
	enum { N = 200 };
	bool accepted[N] = { false };
	(void)state;
	watch_init(&w, 2); /* so few devices that they push each other out */
	for (int round = 0; round < 4000; round++) {
		uint8_t device[16] = { (uint8_t)(test_random_next(&w.random) % 4) }, call[16] = { 0 };
		unsigned which = (unsigned)(test_random_next(&w.random) % N);
		which = which / 4 * 4 + device[0]; /* a message belongs to a device */
		memcpy(call, &which, sizeof which);
		bool cookie = false;
		enum kith_freshness f = judge(&w, device, START_MS + 1 + which, call, cookie);
		if (f == KITH_FRESH) {
			assert_false(accepted[which]);
			accepted[which] = true;
			remember(&w, device, START_MS + 1 + which, call);
		}
	}
	watch_deinit(&w);
}

static void who_was_forgotten_raises_the_floor(void **state)
{
	struct watch w;
	(void)state;
	watch_init(&w, 1);
	remember(&w, dev_a, START_MS + 500, call_1);
	remember(&w, dev_b, START_MS + 600, call_2);
	assert_int_equal(judge(&w, dev_a, START_MS + 500, call_1, false), KITH_UNSURE);
	assert_true(judge(&w, dev_a, START_MS + 700, call_1, false) == KITH_FRESH);
	watch_deinit(&w);
}

static void without_memory_the_floor_rises_instead(void **state)
{
	struct watch w;
	struct message m;
	(void)state;
	watch_init(&w, 8);
	w.alloc.fail_after = 0;
	remember(&w, dev_a, START_MS + 500, call_1);
	assert_int_equal(judge(&w, dev_a, START_MS + 500, call_1, false), KITH_UNSURE);
	assert_int_equal(judge(&w, dev_b, START_MS + 400, call_1, false), KITH_UNSURE);
	hello(&w, &m, NULL);
	assert_int_equal(check(&w, 0, &m), KITH_GUARD_COOKIE); /* which costs none */
	w.alloc.fail_after = -1;
	assert_int_equal(check(&w, 0, &m), KITH_GUARD_PASS);
	watch_deinit(&w);
}

/* A device that signs times to come gets in by the epoch only, and does not take the floor of others along. */
static void a_message_of_times_to_come_is_not_believed(void **state)
{
	struct watch w;
	const int64_t latest = START_MS + KITH_CLOCK_TOLERANCE_MS;
	(void)state;
	watch_init(&w, 1);
	assert_int_equal(judge(&w, dev_a, latest, call_1, false), KITH_FRESH);
	assert_int_equal(judge(&w, dev_a, latest + 1, call_1, false), KITH_UNSURE);
	assert_int_equal(judge(&w, dev_a, INT64_MAX / 2, call_1, true), KITH_FRESH);
	remember(&w, dev_a, INT64_MAX / 2, call_1);
	assert_int_equal(judge(&w, dev_a, INT64_MAX / 2, call_1, false), KITH_SAME);
	remember(&w, dev_b, START_MS + 1, call_2); /* the first one is forgotten for it */
	w.now.unix_ms = latest + 1;
	assert_int_equal(judge(&w, dev_a, latest, call_1, false), KITH_UNSURE);
	assert_int_equal(judge(&w, dev_a, latest + 1, call_1, false), KITH_FRESH);
	/* A clock that is only a lower bound cannot tell. */
	w.now.unix_trusted = false;
	assert_int_equal(judge(&w, dev_a, INT64_MAX / 2, call_1, false), KITH_FRESH);
	watch_deinit(&w);
}

static bool proves(struct watch *w, const uint8_t device[16], int64_t timestamp_ms, bool made_now)
{
	return kith_guard_proves(&w->guard, &w->now, device, timestamp_ms, made_now);
}

static void what_is_surely_new_is_neither_ahead_nor_as_old_as_the_start_nor_forgotten(void **state)
{
	struct watch w;
	(void)state;
	watch_init(&w, 1);
	w.now.unix_ms = START_MS + 60000;
	/* Before a restart it may have been accepted with a time of up to that much ahead. */
	assert_false(proves(&w, dev_a, START_MS + KITH_EARLY_AHEAD_MS, false));
	assert_true(proves(&w, dev_a, START_MS + KITH_EARLY_AHEAD_MS + 1, false));
	assert_true(proves(&w, dev_a, w.now.unix_ms + KITH_EARLY_AHEAD_MS, false));
	assert_false(proves(&w, dev_a, w.now.unix_ms + KITH_EARLY_AHEAD_MS + 1, false));
	assert_false(proves(&w, dev_a, w.now.unix_ms, true));
	remember(&w, dev_a, START_MS + 50000, call_1);
	assert_true(proves(&w, dev_a, START_MS + 40000, false)); /* overtaken by it */
	remember(&w, dev_b, START_MS + 45000, call_2); /* in place of the other, by its epoch */
	assert_false(proves(&w, dev_a, START_MS + 50000, false));
	assert_true(proves(&w, dev_a, START_MS + 50001, false));
	/* Of a device that is remembered below the floor others may be forgotten above that. */
	assert_false(proves(&w, dev_b, START_MS + 46000, false));
	assert_true(proves(&w, dev_b, START_MS + 50001, false));
	watch_deinit(&w);
}

static void until_the_clock_is_set_nothing_is_surely_new(void **state)
{
	struct watch w;
	(void)state;
	watch_init(&w, 8);
	w.now.unix_ms = START_MS + 60000;
	w.now.unix_trusted = false;
	assert_false(proves(&w, dev_a, START_MS + 50000, false));
	w.now.unix_trusted = true;
	assert_false(proves(&w, dev_a, START_MS + 60000, false));
	w.now.unix_ms += 2 * KITH_EARLY_AHEAD_MS;
	assert_true(proves(&w, dev_a, w.now.unix_ms, false));
	watch_deinit(&w);
}

static void cookies_have_a_rate(void **state)
{
	struct watch w;
	uint32_t n = 0;
	(void)state;
	watch_init(&w, 8);
	for (uint32_t i = 0; i < 2 * KITH_COOKIES_PER_S; i++)
		n += kith_guard_may_cookie(&w.guard, KITH_US_PER_S + i);
	assert_int_equal(n, KITH_COOKIES_PER_S);
	assert_true(kith_guard_may_cookie(&w.guard, 2 * KITH_US_PER_S));
	watch_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_of_times_to_come_is_not_believed),
		cmocka_unit_test(what_is_surely_new_is_neither_ahead_nor_as_old_as_the_start_nor_forgotten),
		cmocka_unit_test(until_the_clock_is_set_nothing_is_surely_new),
		cmocka_unit_test(cookies_have_a_rate),
		cmocka_unit_test(only_who_knows_the_key_passes_the_first_mac),
		cmocka_unit_test(above_the_rate_a_cookie_is_asked_for),
		cmocka_unit_test(callers_through_one_home_have_a_rate_each),
		cmocka_unit_test(a_cookie_is_for_one_address_one_transport_and_one_tunnel),
		cmocka_unit_test(a_cookie_lives_between_one_and_two_lives_of_its_secret),
		cmocka_unit_test(a_cookie_opens_only_for_the_message_it_answers),
		cmocka_unit_test(a_prefix_has_its_rate_with_or_without_cookies),
		cmocka_unit_test(one_net_leaves_the_rate_to_others),
		cmocka_unit_test(who_goes_on_asking_leaves_a_part_of_the_rate_to_newcomers),
		cmocka_unit_test(whoever_is_impersonated_still_gets_in_by_the_cookie),
		cmocka_unit_test(more_prefixes_than_are_remembered_are_still_judged),
		cmocka_unit_test(a_device_that_is_not_remembered_must_be_newer_than_the_start),
		cmocka_unit_test(an_accepted_message_is_known_again_and_does_not_count_twice),
		cmocka_unit_test(several_messages_of_one_device_are_known_again),
		cmocka_unit_test(without_memory_for_another_message_the_oldest_gives_way),
		cmocka_unit_test(calls_of_one_device_may_overtake_each_other),
		cmocka_unit_test(the_epoch_inside_a_message_is_good_for_its_life_and_at_all_addresses),
		cmocka_unit_test(nothing_is_ever_accepted_twice),
		cmocka_unit_test(who_was_forgotten_raises_the_floor),
		cmocka_unit_test(without_memory_the_floor_rises_instead),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
