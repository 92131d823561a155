#include "support.h"

#include "path/candidate.h"

static struct kith_candidate candidate(const char *addr, uint8_t kind)
{
	struct kith_candidate c = { .kind = kind };
	c.at.kind = KITH_TRANSPORT_UDP;
	assert_int_equal(kith_addr_parse(&c.at.addr, addr), 0);
	return c;
}

static struct kith_own_list ours(void)
{
	struct kith_own_list cs = { .n = 3 };
	cs.list[0] = candidate("192.168.7.20:4000", KITH_ADDR_HOST);
	cs.list[1] = candidate("20.0.0.1:4000", KITH_ADDR_OBSERVED);
	cs.list[2] = candidate("[2001:db8::7]:4000", KITH_ADDR_HOST);
	return cs;
}

static void a_list_survives_the_wire(void **state)
{
	(void)state;
	uint8_t buf[KITH_CANDIDATES_BODY_MAX];
	struct kith_candidates in = { .generation = 9, .nat = { .mapping = KITH_NATCLASS_MAPPING_PORT, .hops = 3 } },
			       out;
	for (unsigned n = 0; n <= KITH_CANDIDATES_MAX; n++) {
		in.n = (uint8_t)n;
		if (n > 0)
			in.list[n - 1] = candidate(n & 1 ? "[2001:db8::1]:7" : "1.2.3.4:65535", (uint8_t)n);
		struct kith_writer w = kith_writer_of(buf, sizeof buf);
		kith_candidates_write(&w, &in);
		assert_false(w.bad);
		assert_int_equal(kith_candidates_read(&out, test_span(buf, kith_writer_len(&w))), 0);
		assert_int_equal(out.generation, 9);
		assert_true(kith_natclass_equal(&out.nat, &in.nat));
		assert_int_equal(out.n, n);
		for (unsigned i = 0; i < n; i++) {
			assert_int_equal(out.list[i].kind, i + 1);
			assert_int_equal(out.list[i].transport, 0); /* ours stay here */
			assert_true(kith_endpoint_equal(&out.list[i].at, &in.list[i].at));
		}
		for (size_t cut = 0; cut < kith_writer_len(&w); cut++)
			assert_int_equal(kith_candidates_read(&out, test_span(buf, cut)), KITH_EPROTO);
	}
}

static void more_than_are_kept_others_and_malformed_ones(void **state)
{
	(void)state;
	uint8_t buf[400] = { 1, 0, 12 };
	struct kith_candidates out;
	for (unsigned i = 0; i < 12; i++) {
		memcpy(buf + 3 + i * 10, "\x01\x01\x07\x04\x10\x00\x01\x02\x03\x04", 10);
		buf[3 + i * 10 + 5] = (uint8_t)i;
	}
	const size_t len = 3 + 12 * 10;
	assert_int_equal(kith_candidates_read(&out, test_span(buf, len)), 0);
	assert_int_equal(out.n, KITH_CANDIDATES_MAX);
	buf[3 + 1] = 99; /* a transport that is not known: the next one takes its place */
	buf[3 + 20 + 3] = 5; /* a family that is not known */
	assert_int_equal(kith_candidates_read(&out, test_span(buf, len)), 0);
	assert_int_equal(out.n, KITH_CANDIDATES_MAX);
	assert_int_equal(out.list[0].at.addr.port, 0x1001);
	assert_int_equal(out.list[1].at.addr.port, 0x1003);
	assert_int_equal(out.list[7].at.addr.port, 0x1009);
	assert_int_equal(kith_candidates_read(&out, test_span(buf, len - 1)), KITH_EPROTO);
	assert_int_equal(kith_candidates_read(&out, test_span(buf, len + 1)), KITH_EPROTO);
	buf[3 + 10 + 2] = 6; /* shorter than its address */
	assert_int_equal(kith_candidates_read(&out, test_span(buf, len)), KITH_EPROTO);
}

static void a_mapped_v4_address_cannot_hide_what_it_is(void **state)
{
	(void)state;
	struct kith_candidates in = { .generation = 1, .n = 1 }, out;
	struct kith_own_list mine = ours();
	uint8_t buf[KITH_CANDIDATES_BODY_MAX];
	in.list[0] = candidate("[::ffff:127.0.0.1]:4000", KITH_ADDR_HOST);
	struct kith_writer w = kith_writer_of(buf, sizeof buf);
	kith_candidates_write(&w, &in);
	assert_int_equal(kith_candidates_read(&out, test_span(buf, kith_writer_len(&w))), 0);
	assert_int_equal(kith_candidate_check(&out.list[0], &out, &mine, 0), KITH_REFUSAL_LOOPBACK);
}

static void only_what_can_be_the_peer_and_hurts_nobody_is_probed(void **state)
{
	(void)state;
	static const struct {
		const char *addr;
		uint8_t kind;
		enum kith_refusal refusal;
	} cases[] = {
		{ "30.0.0.2:6000", 2, KITH_REFUSAL_NONE },
		{ "30.0.0.2:443", 2, KITH_REFUSAL_NONE },
		{ "30.0.0.2:1024", 2, KITH_REFUSAL_NONE },
		{ "30.0.0.2:1023", 2, KITH_REFUSAL_PORT },
		{ "30.0.0.2:53", 2, KITH_REFUSAL_PORT },
		{ "30.0.0.2:0", 2, KITH_REFUSAL_PORT },
		{ "127.0.0.1:6000", 1, KITH_REFUSAL_LOOPBACK },
		{ "[::1]:6000", 1, KITH_REFUSAL_LOOPBACK },
		{ "169.254.1.1:6000", 1, KITH_REFUSAL_LINK_LOCAL },
		{ "224.0.0.1:6000", 1, KITH_REFUSAL_SCOPE },
		{ "255.255.255.255:6000", 1, KITH_REFUSAL_SCOPE },
		{ "0.0.0.0:6000", 1, KITH_REFUSAL_SCOPE },
		{ "[ff02::1]:6000", 1, KITH_REFUSAL_SCOPE },
		{ "192.168.7.99:6000", 1, KITH_REFUSAL_NONE }, /* our own network */
		{ "192.168.8.99:6000", 1, KITH_REFUSAL_PRIVATE },
		{ "10.0.0.1:6000", 1, KITH_REFUSAL_PRIVATE },
		{ "100.64.0.1:6000", 1, KITH_REFUSAL_PRIVATE },
		{ "[fd00::1]:6000", 1, KITH_REFUSAL_PRIVATE },
		{ "[2001:db8::99]:6000", 1, KITH_REFUSAL_NONE },
		{ "192.168.7.20:4000", 1, KITH_REFUSAL_SELF },
		{ "20.0.0.1:4000", 2, KITH_REFUSAL_SELF },
		{ "30.0.0.2:6000", 0, KITH_REFUSAL_KIND },
		{ "30.0.0.2:6000", 6, KITH_REFUSAL_KIND },
		{ "30.0.0.2:6000", 3, KITH_REFUSAL_NONE },
		{ "30.0.0.2:6000", 4, KITH_REFUSAL_NONE },
		{ "30.0.0.2:6000", 5, KITH_REFUSAL_NONE },
	};
	struct kith_own_list mine = ours();
	struct kith_candidates theirs = { .generation = 1, .n = 1 };
	theirs.list[0] = candidate("30.0.0.2:6000", KITH_ADDR_OBSERVED);
	for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct kith_candidate c = candidate(cases[i].addr, cases[i].kind);
		enum kith_refusal got = kith_candidate_check(&c, &theirs, &mine, 0);
		if (got != cases[i].refusal)
			fail_msg("%s: %s", cases[i].addr, kith_refusal_text(got));
	}
}

static void behind_one_nat_private_addresses_are_probed(void **state)
{
	(void)state;
	struct kith_own_list mine = ours();
	struct kith_candidates theirs = { .generation = 1, .n = 1 };
	struct kith_candidate c = candidate("10.0.0.1:6000", KITH_ADDR_HOST);
	theirs.list[0] = candidate("20.0.0.1:6000", KITH_ADDR_OBSERVED);
	assert_int_equal(kith_candidate_check(&c, &theirs, &mine, 0), KITH_REFUSAL_NONE);
	theirs.list[0] = candidate("20.0.0.2:4000", KITH_ADDR_OBSERVED);
	assert_int_equal(kith_candidate_check(&c, &theirs, &mine, 0), KITH_REFUSAL_PRIVATE);
	/* That both name the same private address proves nothing. */
	theirs.list[0] = candidate("192.168.7.20:6000", KITH_ADDR_HOST);
	assert_int_equal(kith_candidate_check(&c, &theirs, &mine, 0), KITH_REFUSAL_PRIVATE);
}

/* Many use the same TURN server: that is no NAT of theirs, and no network. */
static void one_turn_server_of_both_makes_no_network(void **state)
{
	struct kith_own_list mine = ours();
	struct kith_candidates theirs = { .generation = 1, .n = 1 };
	struct kith_candidate c = candidate("10.0.0.1:6000", KITH_ADDR_HOST);
	(void)state;
	mine.list[mine.n++] = candidate("66.6.0.6:50000", KITH_ADDR_RELAYED);
	theirs.list[0] = candidate("66.6.0.6:50001", KITH_ADDR_RELAYED);
	assert_int_equal(kith_candidate_check(&c, &theirs, &mine, 0), KITH_REFUSAL_PRIVATE);
	theirs.list[0].kind = KITH_ADDR_OBSERVED; /* of ours, at the address that it has itself */
	assert_int_equal(kith_candidate_check(&c, &theirs, &mine, 0), KITH_REFUSAL_PRIVATE);
	mine.list[mine.n - 1].kind = KITH_ADDR_OBSERVED;
	theirs.list[0].kind = KITH_ADDR_RELAYED; /* of theirs */
	assert_int_equal(kith_candidate_check(&c, &theirs, &mine, 0), KITH_REFUSAL_PRIVATE);
	theirs.list[0].kind = KITH_ADDR_OBSERVED;
	assert_int_equal(kith_candidate_check(&c, &theirs, &mine, 0), KITH_REFUSAL_NONE);
}

static void an_interface_with_a_wider_network_says_so(void **state)
{
	(void)state;
	struct kith_own_list mine = ours();
	struct kith_candidates theirs = { .generation = 1 };
	struct kith_candidate c = candidate("192.168.200.1:6000", KITH_ADDR_HOST);
	assert_int_equal(kith_candidate_check(&c, &theirs, &mine, 0), KITH_REFUSAL_PRIVATE);
	mine.list[0].prefix_bits = 16;
	assert_int_equal(kith_candidate_check(&c, &theirs, &mine, 0), KITH_REFUSAL_NONE);
	mine.list[0].kind = KITH_ADDR_OBSERVED; /* seen by others: no interface of ours */
	assert_int_equal(kith_candidate_check(&c, &theirs, &mine, 0), KITH_REFUSAL_PRIVATE);
}

static void in_a_network_on_private_addresses_all_of_them_are_probed(void **state)
{
	(void)state;
	struct kith_own_list mine = ours();
	struct kith_candidates theirs = { .generation = 1 };
	struct kith_candidate c = candidate("10.77.0.1:6000", KITH_ADDR_HOST);
	assert_int_equal(kith_candidate_check(&c, &theirs, &mine, 0), KITH_REFUSAL_PRIVATE);
	assert_int_equal(kith_candidate_check(&c, &theirs, &mine, KITH_ALLOW_PRIVATE), KITH_REFUSAL_NONE);
	c = candidate("127.0.0.1:6000", KITH_ADDR_HOST);
	assert_int_equal(kith_candidate_check(&c, &theirs, &mine, KITH_ALLOW_PRIVATE), KITH_REFUSAL_LOOPBACK);
}

static void loopback_is_for_one_machine_only_on_request(void **state)
{
	(void)state;
	struct kith_own_list mine = ours();
	struct kith_candidates theirs = { .generation = 1 };
	struct kith_candidate c = candidate("127.0.0.1:6000", KITH_ADDR_HOST);
	assert_int_equal(kith_candidate_check(&c, &theirs, &mine, 0), KITH_REFUSAL_LOOPBACK);
	assert_int_equal(kith_candidate_check(&c, &theirs, &mine, KITH_ALLOW_LOOPBACK), KITH_REFUSAL_NONE);
	c.at.addr.port = 22;
	assert_int_equal(kith_candidate_check(&c, &theirs, &mine, KITH_ALLOW_LOOPBACK), KITH_REFUSAL_PORT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_list_survives_the_wire),
		cmocka_unit_test(more_than_are_kept_others_and_malformed_ones),
		cmocka_unit_test(a_mapped_v4_address_cannot_hide_what_it_is),
		cmocka_unit_test(only_what_can_be_the_peer_and_hurts_nobody_is_probed),
		cmocka_unit_test(behind_one_nat_private_addresses_are_probed),
		cmocka_unit_test(one_turn_server_of_both_makes_no_network),
		cmocka_unit_test(an_interface_with_a_wider_network_says_so),
		cmocka_unit_test(in_a_network_on_private_addresses_all_of_them_are_probed),
		cmocka_unit_test(loopback_is_for_one_machine_only_on_request),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
