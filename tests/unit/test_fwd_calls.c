/* What a tunnel carries before who was called wants it. */
#include "support.h"

#include "base/limits.h"
#include "codec/cursor.h"
#include "relay/fwd.h"

enum { CALLEE = 99, LEN = 1212 };

static const uint64_t seed[2] = { 5, 6 };
static struct test_alloc mem;
static struct test_random rnd;
static struct kith_fwd fwd;

static int setup(void **state)
{
	const struct kith_fwd_limits limits = {
		.tunnels_max = 64, .tunnels_per_owner = 32, .call_packets = 8, .calls = 6, .calls_per_owner = 4
	};
	(void)state;
	test_alloc_init(&mem);
	test_random_init(&rnd, 1);
	kith_fwd_init(&fwd, &mem.alloc, &rnd.random, &limits, 0xab, seed);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	kith_fwd_deinit(&fwd);
	test_alloc_check(&mem);
	return 0;
}

static struct kith_addr addr_of(uint32_t n)
{
	return (struct kith_addr){ .family = KITH_FAMILY_V4, .port = 1000, .ip = { 20, 0, 0, (uint8_t)n } };
}

static struct kith_fwd_leg_spec leg(uint32_t session, uint8_t owner)
{
	struct kith_fwd_leg_spec s = { .remote = addr_of(session), .transport = 1, .session = session, .proven = true };
	s.owner.b[0] = owner;
	return s;
}

static void call(uint32_t from, uint8_t owner, uint64_t ids[2])
{
	struct kith_fwd_leg_spec a = leg(from, owner), b = leg(CALLEE, 200);
	b.called = true;
	assert_int_equal(kith_fwd_open(&fwd, 0, &a, &b, ids), 0);
}

static enum kith_fwd_verdict send(kith_time_us now, uint64_t id, uint32_t from)
{
	uint8_t buf[LEN] = { 0 };
	struct kith_fwd_out out;
	struct kith_addr src = addr_of(from);
	struct kith_writer w = kith_writer_of(buf, sizeof buf);
	kith_write_u8(&w, 0xe9);
	kith_write_uint(&w, 0, 3);
	kith_write_u64(&w, id);
	return kith_fwd_train(&fwd, now, buf, sizeof buf, 0, &src, 1, &out);
}

/* How many of so many packets pass. */
static int pour(kith_time_us now, uint64_t id, uint32_t from, int n)
{
	int passed = 0;
	for (int i = 0; i < n; i++) {
		enum kith_fwd_verdict verdict = send(now, id, from);
		assert_true(verdict == KITH_FWD_FORWARD || verdict == KITH_FWD_UNWANTED || verdict == KITH_FWD_UNKNOWN);
		passed += verdict == KITH_FWD_FORWARD;
	}
	return passed;
}

static void a_call_passes_each_way_and_nothing_more(void **state)
{
	(void)state;
	uint64_t ids[2];
	call(1, 1, ids);
	assert_int_equal(pour(0, ids[0], 1, 1000), 8);
	assert_int_equal(pour(0, ids[1], CALLEE, 1000), 8); /* whatever came the other way */
	assert_int_equal(fwd.bytes, 16 * LEN);
}

static void who_rings_for_long_has_a_few_more(void **state)
{
	(void)state;
	uint64_t ids[2];
	int passed = 0;
	call(1, 1, ids);
	for (int ms = 0; ms < 60000; ms += 100)
		passed += pour(ms * KITH_US_PER_MS, ids[0], 1, 1);
	assert_int_equal(passed, 8 + 3 * 4); /* at 15, 30 and 45 s */
}

static void a_wanted_tunnel_carries_all_until_it_is_not(void **state)
{
	(void)state;
	uint64_t ids[2];
	call(1, 1, ids);
	assert_int_equal(pour(0, ids[0], 1, 100), 8);
	assert_false(kith_fwd_admit(&fwd, 1, ids[0], KITH_FWD_WISH_ALL)); /* who calls does not decide */
	assert_false(kith_fwd_admit(&fwd, 1, ids[1], KITH_FWD_WISH_ALL)); /* nor another session */
	assert_int_equal(pour(0, ids[0], 1, 100), 0);
	assert_true(kith_fwd_admit(&fwd, CALLEE, ids[1], KITH_FWD_WISH_ALL));
	assert_int_equal(pour(0, ids[0], 1, 100), 100);
	assert_int_equal(pour(0, ids[1], CALLEE, 100), 100);
	assert_true(kith_fwd_admit(&fwd, CALLEE, ids[1], KITH_FWD_WISH_CALL));
	assert_int_equal(pour(0, ids[0], 1, 100), 8);
	assert_int_equal(pour(0, ids[1], CALLEE, 100), 8);
	assert_true(kith_fwd_admit(&fwd, CALLEE, ids[1], KITH_FWD_WISH_END));
	assert_int_equal(pour(0, ids[0], 1, 100), 0);
	assert_int_equal(fwd.n, 0);
	assert_false(kith_fwd_admit(&fwd, CALLEE, ids[1], KITH_FWD_WISH_ALL));
}

static void who_calls_may_end_it_too(void **state)
{
	(void)state;
	uint64_t ids[2];
	call(1, 1, ids);
	assert_true(kith_fwd_admit(&fwd, 1, ids[0], KITH_FWD_WISH_END));
	assert_int_equal(fwd.n, 0);
}

/* One identity, from as many sessions as it likes, has a few, and the more it opens the less they carry. */
static void one_caller_gains_nothing_by_more_tunnels(void **state)
{
	(void)state;
	uint64_t ids[40][2];
	int passed = 0;
	for (uint32_t i = 0; i < 40; i++) {
		call(1 + i % 3, 1, ids[i]);
		passed += pour(0, ids[i][0], 1 + i % 3, 100);
	}
	assert_int_equal(fwd.n, 4);
	assert_int_equal(passed, 8 + 8 + 4 + 2 + 36);
	assert_int_equal(send(0, ids[0][0], 1), KITH_FWD_UNKNOWN); /* the oldest gave way */
}

/* Many identities push out what is oldest, and nothing that is wanted; whoever calls next is heard. */
static void many_callers_push_out_the_oldest_call(void **state)
{
	(void)state;
	uint64_t wanted[2], ids[20][2];
	call(1, 1, wanted);
	assert_true(kith_fwd_admit(&fwd, CALLEE, wanted[1], KITH_FWD_WISH_ALL));
	for (uint32_t i = 0; i < 20; i++)
		call(2 + i, (uint8_t)(2 + i), ids[i]);
	assert_int_equal(fwd.n, 7);
	assert_int_equal(pour(0, wanted[0], 1, 100), 100);
	assert_int_equal(pour(0, ids[13][0], 15, 100), 0);
	assert_int_equal(pour(0, ids[19][0], 21, 100), 8);
}

/* A train is passed on one by one when only some of it may pass, and unchanged. */
static void of_a_train_as_much_passes_as_may(void **state)
{
	(void)state;
	uint64_t ids[2];
	uint8_t buf[300] = { 0 }, before[300];
	struct kith_fwd_out out;
	struct kith_addr src = addr_of(1);
	call(1, 1, ids);
	assert_int_equal(pour(0, ids[0], 1, 6), 6);
	for (size_t at = 0; at < sizeof buf; at += 100) {
		struct kith_writer w = kith_writer_of(buf + at, 12);
		kith_write_u8(&w, 0xe9);
		kith_write_uint(&w, 0, 3);
		kith_write_u64(&w, ids[0]);
	}
	memcpy(before, buf, sizeof buf);
	assert_int_equal(kith_fwd_train(&fwd, 0, buf, sizeof buf, 100, &src, 1, &out), KITH_FWD_MIXED);
	assert_memory_equal(buf, before, sizeof buf);
	assert_int_equal(pour(0, ids[0], 1, 3), 2);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_call_passes_each_way_and_nothing_more),
		T(who_rings_for_long_has_a_few_more),
		T(a_wanted_tunnel_carries_all_until_it_is_not),
		T(who_calls_may_end_it_too),
		T(one_caller_gains_nothing_by_more_tunnels),
		T(many_callers_push_out_the_oldest_call),
		T(of_a_train_as_much_passes_as_may),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
