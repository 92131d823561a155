#include "support.h"

#include "path/path.h"
#include "path/probe.h"

static void an_answer_gives_the_round_trip_of_the_probe_it_names(void **state)
{
	(void)state;
	struct test_random r;
	test_random_init(&r, 1);
	struct kith_probe p = { 0 };
	uint32_t rtt;
	kith_time_us t0 = (kith_time_us)UINT32_MAX * 3 + 5; /* low bits are kept */
	uint64_t first = kith_probe_next(&p, &r.random, t0);
	uint64_t second = kith_probe_next(&p, &r.random, t0 + 20000);
	assert_int_equal(first >> 8, second >> 8);
	assert_true(kith_probe_match(&p, first, t0 + 80000, &rtt));
	assert_int_equal(rtt, 80000);
	assert_true(kith_probe_match(&p, second, t0 + 100000, &rtt));
	assert_int_equal(rtt, 80000);
	/* The latest was answered: the episode is over. */
	assert_false(kith_probe_match(&p, second, t0 + 100001, &rtt));
	uint64_t third = kith_probe_next(&p, &r.random, t0 + 200000);
	assert_int_not_equal(third >> 8, second >> 8);
}

static void a_guess_is_no_answer(void **state)
{
	(void)state;
	struct test_random r;
	test_random_init(&r, 2);
	struct kith_probe p = { 0 };
	uint32_t rtt;
	assert_false(kith_probe_match(&p, 0, 5, &rtt));
	assert_false(kith_probe_match(&p, 1, 5, &rtt));
	uint64_t nonce = kith_probe_next(&p, &r.random, 10);
	assert_false(kith_probe_match(&p, nonce + 1, 20, &rtt)); /* not sent yet */
	assert_false(kith_probe_match(&p, nonce & ~(uint64_t)0xff, 20, &rtt));
	for (unsigned bit = 8; bit < 64; bit++)
		assert_false(kith_probe_match(&p, nonce ^ UINT64_C(1) << bit, 20, &rtt));
	assert_true(kith_probe_match(&p, nonce, 20, &rtt));
}

static void an_old_probe_is_answered_without_a_time(void **state)
{
	(void)state;
	struct test_random r;
	test_random_init(&r, 3);
	struct kith_probe p = { 0 };
	uint64_t nonce[6];
	uint32_t rtt;
	for (unsigned i = 0; i < 6; i++)
		nonce[i] = kith_probe_next(&p, &r.random, 1000 + i);
	assert_true(kith_probe_match(&p, nonce[1], 2000, &rtt));
	assert_int_equal(rtt, 0);
	assert_true(kith_probe_match(&p, nonce[2], 2000, &rtt));
	assert_int_equal(rtt, 998);
}

static void many_unanswered_probes_start_over(void **state)
{
	(void)state;
	struct test_random r;
	test_random_init(&r, 4);
	struct kith_probe p = { 0 };
	uint32_t rtt;
	uint64_t before = 0;
	for (unsigned i = 0; i < 1000; i++) {
		uint64_t nonce = kith_probe_next(&p, &r.random, i);
		assert_int_not_equal(nonce, before);
		assert_int_not_equal(nonce & 0xff, 0);
		before = nonce;
	}
	assert_true(kith_probe_match(&p, before, 2000, &rtt));
}

static void frames_survive_the_wire(void **state)
{
	(void)state;
	uint8_t buf[KITH_PROBE_PADDED];
	for (unsigned padded = 0; padded < 2; padded++) {
		struct kith_probe_frame in = { 0x1122334455667788u, 7, 0 }, out;
		struct kith_writer w = kith_writer_of(buf, sizeof buf);
		kith_probe_write(&w, &in, padded ? KITH_PROBE_PADDED : KITH_PROBE_BODY);
		assert_int_equal(kith_writer_len(&w), padded ? KITH_PROBE_PADDED : KITH_PROBE_BODY);
		assert_int_equal(kith_probe_read(&out, test_span(buf, kith_writer_len(&w))), 0);
		assert_true(out.nonce == in.nonce && out.path == 7 && out.flags == 0);
		for (size_t cut = 0; cut < KITH_PROBE_BODY; cut++)
			assert_int_equal(kith_probe_read(&out, test_span(buf, cut)), KITH_EPROTO);
	}
	static const char *const seen[] = { NULL, "1.2.3.4:5", "[2001:db8::1]:65535" };
	for (unsigned i = 0; i < 3; i++) {
		struct kith_probe_ack_frame in = { .nonce = 42, .path = 3 }, out;
		if (seen[i] != NULL)
			assert_int_equal(kith_addr_parse(&in.observed, seen[i]), 0);
		struct kith_writer w = kith_writer_of(buf, KITH_PROBE_ACK_BODY_MAX);
		kith_probe_ack_write(&w, &in);
		size_t len = kith_writer_len(&w);
		assert_int_equal(kith_probe_ack_read(&out, test_span(buf, len)), 0);
		assert_true(out.nonce == 42 && out.path == 3 && kith_addr_equal(&in.observed, &out.observed));
		for (size_t cut = 0; cut < len; cut++)
			assert_int_equal(kith_probe_ack_read(&out, test_span(buf, cut)), cut == 9 ? 0 : KITH_EPROTO);
	}
}

static void a_padded_probe_pays_for_the_answer_and_a_probe_back(void **state)
{
	(void)state;
	size_t came = KITH_PROBE_OVERHEAD + KITH_FRAME_HEADER + KITH_PROBE_PADDED;
	size_t v6 = KITH_PROBE_OVERHEAD + KITH_FRAME_HEADER + KITH_PROBE_ACK_BODY_MAX;
	size_t back = KITH_PROBE_OVERHEAD + KITH_FRAME_HEADER + KITH_PROBE_BODY;
	assert_true(came >= v6 + back);
	assert_true(came + KITH_TUNNEL_HEADER >= v6 - KITH_ADDR_WIRE_MAX + back + 2 * KITH_TUNNEL_HEADER);
	size_t keepalive = KITH_PROBE_OVERHEAD + KITH_FRAME_HEADER + KITH_KEEPALIVE_BODY;
	assert_int_equal(keepalive, back); /* more would be sent in vain, every 25 s to every home */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_gives_the_round_trip_of_the_probe_it_names),
		cmocka_unit_test(a_guess_is_no_answer),
		cmocka_unit_test(an_old_probe_is_answered_without_a_time),
		cmocka_unit_test(many_unanswered_probes_start_over),
		cmocka_unit_test(frames_survive_the_wire),
		cmocka_unit_test(a_padded_probe_pays_for_the_answer_and_a_probe_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
