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
	assert_non_null(s->reports[1]);
	assert_int_equal(vanish(31, &r, &s), 0);
	assert_int_equal(vanish(33, &r, &s), KITH_EACCES); /* no home of it */
	assert_int_equal(vanish(30, &r, &s), 1);
	assert_int_equal(s->vanished, 3);
	struct kith_record newer = record(1, 1);
	assert_int_equal(vanish(32, &newer, &s), KITH_ENOENT);
	assert_int_equal(kith_store_put(&st, &w.now, &newer), KITH_PUT_UPDATED);
	assert_int_equal(s->vanished, 0);
	assert_null(s->reports[0]);
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

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(the_highest_sequence_wins),
		T(devices_of_a_name_lie_under_one_key_up_to_eight),
		T(a_full_store_refuses_the_newcomer_until_something_ends),
		T(a_record_ends_with_its_life_by_the_monotonic_clock),
		T(vanish_reports_lie_beside_their_record_until_a_newer_one),
		T(the_store_behaves_like_an_array),
		T(running_out_of_memory_leaves_the_store_as_it_was),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
