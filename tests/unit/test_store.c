#include "overlay_world.h"

#include "presence/store.h"
#include "sim/suite_sim.h"

enum { NODES = 40 };

static struct ow w;
static struct ow_node nodes[NODES];
static struct kith_store st;
static uint8_t buf[KITH_RECORD_LEN_MAX];
static const uint64_t seed[2] = { 3, 4 };

static int setup(void **state)
{
	(void)state;
	ow_init(&w, kith_suite_sim());
	for (uint32_t i = 0; i < NODES; i++)
		ow_node(&w, &nodes[i], i);
	kith_store_init(&st, &w.mem.alloc, &w.blobs, 1000, seed);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	kith_store_deinit(&st);
	ow_deinit(&w);
	return 0;
}

static struct kith_record parsed(const struct ow_node *node, const struct kith_record *r)
{
	struct kith_record out;
	assert_int_equal(kith_record_parse(&out, ow_record_sign(&w, node, buf, r)), 0);
	return out;
}

static struct kith_record record(uint32_t i, uint64_t seq_add)
{
	struct kith_record r = ow_record_of(&w, &nodes[i], &nodes[30], 3);
	r.seq += seq_add;
	return parsed(&nodes[i], &r);
}

static int put(uint32_t i, uint64_t seq_add)
{
	struct kith_record r = record(i, seq_add);
	return kith_store_put(&st, &w.now, &r);
}

/* A record of node i as if from another of its devices: the store trusts its caller to have verified. */
static int put_device(uint32_t i, uint8_t device, uint64_t seq_add)
{
	struct kith_record r = record(i, seq_add);
	r.device.b[0] = device;
	return kith_store_put(&st, &w.now, &r);
}

static void the_highest_sequence_wins(void **state)
{
	(void)state;
	struct kith_record r = record(1, 5);
	assert_true(kith_store_wants(&st, &r));
	assert_int_equal(put(1, 5), KITH_PUT_NEW);
	assert_false(kith_store_wants(&st, &r));
	assert_int_equal(put(1, 5), KITH_PUT_OLD);
	assert_int_equal(put(1, 4), KITH_PUT_OLD);
	assert_int_equal(put(1, 6), KITH_PUT_UPDATED);
	r = record(1, 6);
	struct kith_stored *s = kith_store_get(&st, &r.key);
	assert_non_null(s);
	assert_null(s->next);
	assert_true(s->seq == r.seq);
	assert_int_equal(s->record->len, r.bytes.len);
	assert_memory_equal(s->record->bytes, r.bytes.p, r.bytes.len);
	assert_int_equal(st.n, 1);
}

static void devices_of_a_name_lie_under_one_key_up_to_eight(void **state)
{
	(void)state;
	struct kith_record r = record(1, 0);
	for (uint8_t d = 0; d < 12; d++) {
		w.now.mono_us += 1000; /* later ones end later */
		assert_int_equal(put_device(1, d, 0), KITH_PUT_NEW);
	}
	uint32_t n = 0;
	for (struct kith_stored *s = kith_store_get(&st, &r.key); s != NULL; s = s->next, n++)
		assert_true(s->device.b[0] >= 4); /* the first to end gave way */
	assert_int_equal(n, KITH_STORE_DEVICES);
	assert_int_equal(st.n, KITH_STORE_DEVICES);
	assert_int_equal(put_device(1, 11, 1), KITH_PUT_UPDATED);
	assert_int_equal(st.n, KITH_STORE_DEVICES);
}

static void a_full_store_refuses_the_newcomer_until_something_ends(void **state)
{
	(void)state;
	st.max = 10;
	for (uint32_t i = 0; i < 10; i++)
		assert_int_equal(put(i, 0), KITH_PUT_NEW);
	assert_int_equal(put(10, 0), KITH_EFULL);
	assert_int_equal(put(3, 1), KITH_PUT_UPDATED);
	w.now.mono_us += KITH_RECORD_LIFE_MS * KITH_US_PER_MS;
	assert_int_equal(put(10, 0), KITH_PUT_NEW);
	assert_int_equal(st.n, 10);
}

static void the_last_places_are_for_keys_without_a_record(void **state)
{
	(void)state;
	st.max = 16; /* of which two */
	for (uint32_t i = 0; i < 13; i++)
		assert_int_equal(put(i, 0), KITH_PUT_NEW);
	w.now.mono_us += 1000;
	assert_int_equal(put_device(3, 9, 0), KITH_PUT_NEW);
	assert_int_equal(st.n, 14);
	/* A further device of a key takes the place of that which ends next. */
	w.now.mono_us += 1000;
	assert_int_equal(put_device(3, 10, 0), KITH_PUT_NEW);
	assert_int_equal(st.n, 14);
	w.now.mono_us += 1000;
	assert_int_equal(put(3, 0), KITH_PUT_NEW);
	assert_int_equal(st.n, 14);
	assert_int_equal(put(13, 0), KITH_PUT_NEW);
	assert_int_equal(put(14, 0), KITH_PUT_NEW);
	assert_int_equal(st.n, 16);
	assert_int_equal(put(15, 0), KITH_EFULL);
}

static void a_record_ends_with_its_life_by_the_monotonic_clock(void **state)
{
	(void)state;
	kith_time_us life = KITH_RECORD_LIFE_MS * KITH_US_PER_MS, start = w.now.mono_us;
	assert_int_equal(put(1, 0), KITH_PUT_NEW);
	assert_true(kith_timers_next(&st.timers) == start + life);
	w.now.unix_ms += 1000000000; /* whatever the wall clock does */
	assert_int_equal(kith_store_expire(&st, start + life - 1, 10), 0);
	assert_int_equal(kith_store_expire(&st, start + life, 10), 1);
	assert_int_equal(st.n, 0);
	assert_int_equal(st.keys.n, 0);
	assert_true(kith_timers_next(&st.timers) == KITH_TIME_NEVER);
	w.now.unix_ms -= 1000000000;
	struct kith_record r = ow_record_of(&w, &nodes[1], &nodes[30], 3);
	r.seq -= 1400000;
	r.expires_ms = OW_NOW_MS - KITH_CLOCK_TOLERANCE_MS;
	r = parsed(&nodes[1], &r);
	assert_int_equal(kith_store_put(&st, &w.now, &r), KITH_EEXPIRED);
}

static int vanish(uint32_t home, const struct kith_record *r, struct kith_stored **out)
{
	uint8_t vbuf[KITH_VANISH_LEN_MAX];
	struct kith_vanish v;
	assert_int_equal(kith_vanish_parse(&v, ow_vanish(&w, &nodes[home], vbuf, r, &r->device)), 0);
	return kith_store_vanish(&st, &w.now, w.suite, &v, out);
}

static void vanish_reports_lie_beside_their_record_until_a_newer_one(void **state)
{
	(void)state;
	struct kith_stored *s;
	struct kith_record r = record(1, 0);
	assert_int_equal(vanish(30, &r, NULL), KITH_ENOENT);
	assert_int_equal(kith_store_put(&st, &w.now, &r), KITH_PUT_NEW);
	assert_int_equal(vanish(31, &r, &s), 1);
	assert_int_equal(s->vanished, 2);
	assert_non_null(kith_stored_report(s, 1));
	assert_int_equal(vanish(31, &r, &s), 0);
	assert_int_equal(vanish(33, &r, &s), KITH_EACCES); /* no home of it */
	assert_int_equal(vanish(30, &r, &s), 1);
	assert_int_equal(s->vanished, 3);
	struct kith_record newer = record(1, 1);
	assert_int_equal(vanish(32, &newer, &s), KITH_ENOENT);
	assert_int_equal(kith_store_put(&st, &w.now, &newer), KITH_PUT_UPDATED);
	assert_int_equal(s->vanished, 0);
	assert_null(kith_stored_report(s, 0));
	r = ow_record_of(&w, &nodes[1], &nodes[30], 3);
	r.device = nodes[1].device.dh_pk;
	assert_int_equal(vanish(32, &r, &s), KITH_ENOENT); /* about the old one */
}

/* Random puts and ends against arrays. */
static void the_store_behaves_like_an_array(void **state)
{
	(void)state;
	struct {
		uint64_t seq;
		kith_time_us until;
	} model[20][4] = { 0 };
	for (int step = 0; step < 4000; step++) {
		uint32_t r = (uint32_t)test_random_next(&w.rnd), i = r % 20, d = r >> 8 & 3;
		uint64_t add = r >> 10 & 63;
		w.now.mono_us += (r >> 16) % (30 * 1000 * 1000);
		(void)kith_store_expire(&st, w.now.mono_us, SIZE_MAX);
		for (uint32_t a = 0; a < 20; a++) {
			for (uint32_t b = 0; b < 4; b++) {
				if (model[a][b].until <= w.now.mono_us)
					model[a][b].seq = 0;
			}
		}
		int want = model[i][d].seq == 0				 ? KITH_PUT_NEW
			   : model[i][d].seq < (uint64_t)OW_NOW_MS + add ? KITH_PUT_UPDATED
									 : KITH_PUT_OLD;
		assert_int_equal(put_device(i, (uint8_t)d, add), want);
		if (want != KITH_PUT_OLD) {
			model[i][d].seq = (uint64_t)OW_NOW_MS + add;
			model[i][d].until = w.now.mono_us + (KITH_RECORD_LIFE_MS - (int64_t)add) * KITH_US_PER_MS;
		}
		uint32_t n = 0;
		for (uint32_t a = 0; a < 20; a++) {
			for (uint32_t b = 0; b < 4; b++)
				n += model[a][b].seq != 0;
		}
		assert_int_equal(st.n, n);
	}
}

static void running_out_of_memory_leaves_the_store_as_it_was(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 20; i++) {
		for (long fail = 0;; fail++) {
			uint32_t n = st.n, keys = st.keys.n;
			w.mem.fail_after = fail;
			int err = put(i % 15, i / 15);
			w.mem.fail_after = -1;
			if (err > 0)
				break;
			assert_int_equal(err, KITH_ENOMEM);
			assert_int_equal(st.n, n);
			assert_int_equal(st.keys.n, keys);
			assert_true(fail < 20);
		}
	}
	struct kith_record r = record(7, 0);
	struct kith_stored *s;
	w.mem.fail_after = 0;
	assert_int_equal(vanish(30, &r, &s), KITH_ENOMEM);
	w.mem.fail_after = -1;
	assert_int_equal(s->vanished, 0);
	assert_int_equal(vanish(30, &r, &s), 1);
}

/* ---- the public view ---- */

static const uint8_t token[KITH_FOLLOW_LEN] = "who may follow";
static const struct kith_span without = { NULL, 0 };

/* A guarded record of node 1; no homes: a goodbye. */
static struct kith_record guarded(uint64_t seq_add, uint8_t homes_n, uint16_t flags)
{
	struct kith_record r = ow_record_of(&w, &nodes[1], &nodes[30], homes_n);
	r.seq = OW_NOW_MS + seq_add;
	r.expires_ms = (int64_t)r.seq + KITH_RECORD_LIFE_MS;
	r.flags = homes_n > 0 ? flags : KITH_RECORD_OFFLINE;
	r.guarded = true;
	kith_follow_guard(w.suite, r.guard, token);
	return parsed(&nodes[1], &r);
}

static int put_guarded(uint64_t seq_add, uint8_t homes_n)
{
	struct kith_record r = guarded(seq_add, homes_n, 0);
	return kith_store_put(&st, &w.now, &r);
}

/* What was added to the sequence of the record that a reader is told; -1: there is none. */
static int64_t told(struct kith_span tokens)
{
	struct kith_record r = guarded(0, 3, 0), seen;
	const struct kith_stored *s = kith_store_get(&st, &r.key);
	if (s == NULL)
		return -1;
	const struct kith_store_view view = kith_store_view(s, w.suite, &w.now, tokens);
	if (view.record == NULL)
		return -1;
	assert_int_equal(kith_record_parse(&seen, kith_blob_span(view.record)), 0);
	return (int64_t)seen.seq - OW_NOW_MS;
}

static unsigned reports_told(struct kith_span tokens)
{
	struct kith_record r = guarded(0, 3, 0);
	const struct kith_store_view view = kith_store_view(kith_store_get(&st, &r.key), w.suite, &w.now, tokens);
	unsigned n = 0;
	for (size_t i = 0; i < KITH_HOMES; i++)
		n += view.reports[i] != NULL;
	return n;
}

static void pass(int64_t ms)
{
	w.now.unix_ms += ms;
	w.now.mono_us += ms * KITH_US_PER_MS;
}

/* 10 ms into the next step. */
static void next_step(void)
{
	pass(kith_record_step_left_us(w.now.unix_ms) / KITH_US_PER_MS + 10);
}

static void comings_and_goings_show_when_the_step_is_over(void **state)
{
	(void)state;
	const struct kith_span with = { token, sizeof token };
	next_step();
	assert_int_equal(put_guarded(1, 3), KITH_PUT_NEW);
	assert_int_equal(told(without), -1);
	assert_int_equal(told(with), 1);
	pass(KITH_PRESENCE_STEP_MS - 20);
	assert_int_equal(told(without), -1);
	pass(20);
	assert_int_equal(told(without), 1);
	assert_int_equal(put_guarded(2, 0), KITH_PUT_UPDATED); /* goes ... */
	assert_int_equal(told(without), 1);
	assert_int_equal(told(with), 2);
	assert_int_equal(put_guarded(3, 3), KITH_PUT_UPDATED); /* ... and comes again, which nobody hears of */
	assert_int_equal(told(without), 1);
	next_step();
	assert_int_equal(told(without), 3);
	assert_int_equal(put_guarded(4, 0), KITH_PUT_UPDATED);
	next_step();
	assert_int_equal(told(without), 4);
	assert_int_equal(put_guarded(5, 3), KITH_PUT_UPDATED);
	assert_int_equal(told(without), 4);
}

static void other_homes_of_a_device_that_is_there_show_at_once(void **state)
{
	(void)state;
	next_step();
	assert_int_equal(put_guarded(1, 3), KITH_PUT_NEW);
	next_step();
	assert_int_equal(put_guarded(2, 2), KITH_PUT_UPDATED);
	assert_int_equal(told(without), 2);
	assert_int_equal(put_guarded(3, 3), KITH_PUT_UPDATED);
	assert_int_equal(told(without), 3);
}

static void reports_show_when_the_step_is_over(void **state)
{
	(void)state;
	const struct kith_span with = { token, sizeof token };
	next_step();
	struct kith_record r = guarded(1, 3, 0);
	assert_int_equal(kith_store_put(&st, &w.now, &r), KITH_PUT_NEW);
	next_step();
	assert_int_equal(vanish(30, &r, NULL), 1);
	assert_int_equal(reports_told(without), 1); /* one of three makes nobody offline */
	assert_int_equal(vanish(31, &r, NULL), 1);
	assert_int_equal(reports_told(with), 2);
	assert_int_equal(reports_told(without), 0);
	next_step();
	assert_int_equal(reports_told(without), 2);
	/* It comes back: until the step is over it is gone, by the reports of then. */
	assert_int_equal(put_guarded(2, 3), KITH_PUT_UPDATED);
	assert_int_equal(told(without), 1);
	assert_int_equal(reports_told(without), 2);
	assert_int_equal(reports_told(with), 0);
}

static void what_is_not_guarded_shows_at_once_and_what_is_for_contacts_never(void **state)
{
	(void)state;
	const struct kith_span with = { token, sizeof token };
	assert_int_equal(put(1, 1), KITH_PUT_NEW);
	assert_int_equal(told(without), 1);
	assert_int_equal(put(1, 2), KITH_PUT_UPDATED);
	assert_int_equal(told(without), 2);
	struct kith_record r = guarded(3, 3, KITH_RECORD_CONTACTS);
	assert_int_equal(kith_store_put(&st, &w.now, &r), KITH_PUT_UPDATED);
	next_step();
	assert_int_equal(told(without), -1);
	assert_int_equal(told(with), 3);
	uint8_t other[2 * KITH_FOLLOW_LEN] = { 1 };
	assert_int_equal(told(test_span(other, sizeof other)), -1);
	memcpy(other + KITH_FOLLOW_LEN, token, KITH_FOLLOW_LEN);
	assert_int_equal(told(test_span(other, sizeof other)), 3);
}

static void what_a_step_began_with_is_given_back_after_it(void **state)
{
	(void)state;
	size_t blocks = 0;
	for (uint64_t i = 0; i < 5; i++) {
		next_step();
		assert_true(put_guarded(1 + i, i % 2 == 0 ? 3 : 0) > 0);
		next_step();
		assert_int_equal(kith_store_expire(&st, w.now.mono_us, 10), 0);
		assert_true(kith_link_empty(&st.pasts));
		assert_true(i == 0 || w.mem.live_blocks == blocks);
		blocks = w.mem.live_blocks;
	}
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(the_highest_sequence_wins),
		T(devices_of_a_name_lie_under_one_key_up_to_eight),
		T(a_full_store_refuses_the_newcomer_until_something_ends),
		T(the_last_places_are_for_keys_without_a_record),
		T(a_record_ends_with_its_life_by_the_monotonic_clock),
		T(vanish_reports_lie_beside_their_record_until_a_newer_one),
		T(the_store_behaves_like_an_array),
		T(running_out_of_memory_leaves_the_store_as_it_was),
		T(comings_and_goings_show_when_the_step_is_over),
		T(other_homes_of_a_device_that_is_there_show_at_once),
		T(reports_show_when_the_step_is_over),
		T(what_is_not_guarded_shows_at_once_and_what_is_for_contacts_never),
		T(what_a_step_began_with_is_given_back_after_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
