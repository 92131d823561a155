/* UDP sockets on the loopback interface; and what only this system's calls can tell. */
#include "udp_cases.h"

#ifdef __linux__

static void ttl_and_ecn_travel(void **state)
{
	static uint8_t data[2 * 1200];
	static const uint8_t families[] = { KITH_FAMILY_V4, KITH_FAMILY_V6 };
	struct kith_packet packets[2], got[2];
	struct pair p;
	(void)state;
	if (KITH_IS_PORTABLE) /* plain calls do not tell with what a packet came */
		skip();
	for (size_t f = 0; f < 2; f++) {
		if (!pair_init(&p, families[f], true))
			continue;
		make_packets(packets, 2, data, &p.to_b);
		packets[0].ttl = 5;
		packets[0].ecn = 2;
		kith_udp_send(p.a, packets, 2);
		assert_true(wait_readable(p.b));
		assert_int_equal(kith_udp_receive(p.b, got, 2), 2); /* unequal marks: no train */
		assert_int_equal(got[0].ttl, 5);
		assert_int_equal(got[0].ecn, 2);
		assert_true(got[1].ttl > 5);
		assert_int_equal(got[1].ecn, 0);
		pair_deinit(&p);
	}
}

static void trains_spare_system_calls(void **state)
{
	enum { N = 64 };
	static uint8_t data[N * 1200];
	struct kith_packet packets[N];
	struct kith_udp_counts out, in;
	struct pair p;

	(void)state;
	assert_true(pair_init(&p, KITH_FAMILY_V4, true));
	if (!kith_udp_offloads(p.a))
		skip();
	make_packets(packets, N, data, &p.to_b);
	for (size_t i = 0; i < N; i++)
		packets[i].len = 1200;
	kith_udp_send(p.a, packets, N);
	kith_udp_counts(p.a, &out);
	assert_int_equal(out.calls_out, 1);
	assert_int_equal(out.trains_out, 2); /* 64 kB hold 54 packets of 1200 bytes */
	expect_packets(p.b, packets, N, &p.to_a);
	kith_udp_counts(p.b, &in);
	assert_true(in.trains_in >= 1);
	pair_deinit(&p);
}

/* The ICMP error comes back to the socket, with the address of the one who is not there, and the other is served. */
static void a_port_that_nobody_has_is_told_with_its_address(void **state)
{
	static uint8_t data[1200];
	struct kith_packet to_nobody, to_b;
	struct kith_udp_error e;
	struct pair p, gone;
	(void)state;
	if (KITH_IS_PORTABLE) /* nor whom an error is about */
		skip();
	assert_true(pair_init(&gone, KITH_FAMILY_V4, true));
	struct kith_addr nobody = gone.to_a;
	pair_deinit(&gone);
	assert_true(pair_init(&p, KITH_FAMILY_V4, true));
	make_packets(&to_nobody, 1, data, &nobody);
	make_packets(&to_b, 1, data, &p.to_b);
	kith_udp_send(p.a, &to_nobody, 1);
	/* The answer is there at once on loopback; the next send would be blamed for it. */
	kith_udp_send(p.a, &to_b, 1);
	expect_packets(p.b, &to_b, 1, &p.to_a);
	kith_udp_read_errors(p.a);
	assert_true(kith_udp_error(p.a, &e));
	assert_int_equal(e.err, KITH_EUNREACHABLE);
	assert_true(kith_addr_equal(&e.remote, &nobody));
	assert_false(kith_udp_error(p.a, &e));
	/* Receiving is not disturbed either. */
	kith_udp_send(p.a, &to_nobody, 1);
	struct kith_packet got[2];
	assert_int_equal(kith_udp_receive(p.a, got, 2), 0);
	assert_true(kith_udp_error(p.a, &e));
	pair_deinit(&p);
}

#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		UDP_CASES,
#ifdef __linux__
		cmocka_unit_test(ttl_and_ecn_travel),
		cmocka_unit_test(trains_spare_system_calls),
		cmocka_unit_test(a_port_that_nobody_has_is_told_with_its_address),
#endif
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
