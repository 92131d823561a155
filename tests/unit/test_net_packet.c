/* Packets through the small internet: who reaches whom through which NATs, when, and with what source seen. */
#include "net_world.h"

/* --- plain ways --- */

static void public_hosts_reach_each_other_after_both_uplinks_and_the_core(void **state)
{
	(void)state;
	struct world *w = world_start(world_new());
	uint32_t a, b;
	assert_int_equal(kith_net_host_add(w->net, &a), 0);
	assert_int_equal(kith_net_host_add(w->net, &b), 0);
	(void)add_iface(w, a, KITH_NET_CORE, public(1), (struct kith_net_uplink){ .delay_us = 3000 });
	(void)add_iface(w, b, KITH_NET_CORE, public(2), (struct kith_net_uplink){ .delay_us = 5000 });
	struct kith_addr dst = public(2), src = public(1);
	dst.port = 7;
	src.port = PORT;
	assert_int_equal(send_to(w, a, dst), KITH_NET_FLYING);
	run(w, S);
	assert_int_equal(got(w, b), 1);
	assert_int_equal(w->inbox[b].at, 28 * MS);
	assert_true(same(w->inbox[b].last.pkt.src, src));
	assert_true(same(w->inbox[b].last.pkt.dst, dst));
	assert_int_equal(w->inbox[b].last.pkt.ttl, 64 - 8);
	world_free(w);
}

static void nobody_answers_for_unused_and_private_addresses(void **state)
{
	(void)state;
	struct world *w = world_start(world_new());
	uint32_t nat = add_nat(w, KITH_NET_CORE, preset("full-cone"), public(1), plain);
	uint32_t a = add_host(w, nat, lan(2)), s = add_host(w, KITH_NET_CORE, public(0));
	assert_int_equal(send_to(w, a, public(9)), KITH_NET_NO_ROUTE);
	assert_int_equal(send_to(w, a, lan(3)), KITH_NET_NO_ROUTE);
	assert_int_equal(send_to(w, s, lan(2)), KITH_NET_NO_ROUTE);
	assert_int_equal(send_packet(w, s, ep(0x01020304, 1), public(1), 64, 1), KITH_NET_SOURCE);
	world_free(w);
}

static void server_sees_the_outermost_nat_and_answers_come_back(void **state)
{
	(void)state;
	struct world *w = world_start(world_new());
	uint32_t s = add_host(w, KITH_NET_CORE, public(0));
	uint32_t cgn = add_nat(w, KITH_NET_CORE, preset("symmetric-random"), public(1), plain);
	uint32_t home = add_nat(w, cgn, preset("port-restricted"), ep(0x64400001, 0), plain);
	uint32_t a = add_host(w, home, lan(2));
	struct kith_addr seen = observed(w, a, s);
	assert_true(same_ip(seen, public(1)));
	assert_int_not_equal(seen.port, PORT);
	assert_int_equal(w->inbox[s].last.pkt.ttl, 64 - 2 - 8);
	assert_int_equal(send_packet(w, s, ep(0, 3478), seen, 64, 100), KITH_NET_FLYING);
	run(w, w->now + S);
	assert_int_equal(got(w, a), 1);
	assert_true(same_ip(w->inbox[a].last.pkt.dst, lan(2)));
	assert_int_equal(w->inbox[a].last.pkt.dst.port, PORT);
	assert_int_equal(kith_net_nat(w->net, cgn)->counters.passed_in, 1);
	assert_int_equal(kith_net_nat(w->net, home)->counters.passed_in, 1);
	assert_int_equal(kith_net_nat(w->net, home)->counters.passed_out, 1);
	world_free(w);
}

static void chained_uplinks_add_up_and_each_nat_works_at_its_own_time(void **state)
{
	(void)state;
	struct world *w = world_start(world_new());
	uint32_t s = add_host(w, KITH_NET_CORE, public(0));
	uint32_t cgn =
		add_nat(w, KITH_NET_CORE, preset("cgn"), public(1), (struct kith_net_uplink){ .delay_us = 2000 });
	uint32_t home = add_nat(w, cgn, preset("port-restricted"), ep(0x64400001, 0), ms20);
	uint32_t a = add_host(w, home, lan(2));
	struct kith_addr dst = public(0);
	assert_int_equal(send_to(w, a, dst), KITH_NET_FLYING);
	assert_int_equal(kith_nat_mappings(kith_net_nat(w->net, home), 0), 1);
	assert_int_equal(kith_nat_mappings(kith_net_nat(w->net, cgn), 0), 0);
	assert_int_equal(step(w, 20 * MS), KITH_NET_FLYING);
	assert_int_equal(w->now, 20 * MS);
	assert_int_equal(kith_nat_mappings(kith_net_nat(w->net, cgn), w->now), 1);
	run(w, S);
	assert_int_equal(got(w, s), 1);
	assert_int_equal(w->inbox[s].at, (20 + 2 + 20) * MS);
	kith_time_us start = w->now;
	assert_int_equal(send_packet(w, s, ep(0, 0), w->inbox[s].last.pkt.src, 64, 100), KITH_NET_FLYING);
	run(w, start + S);
	assert_int_equal(got(w, a), 1);
	assert_int_equal(w->inbox[a].at, start + (20 + 2 + 20) * MS);
	world_free(w);
}

static void a_nat_judges_a_packet_when_it_arrives_not_when_it_is_sent(void **state)
{
	(void)state;
	for (int late = 0; late < 2; late++) {
		struct world *w = world_start(world_new());
		uint32_t s = add_host(w, KITH_NET_CORE, public(0));
		uint32_t nat = add_nat(w, KITH_NET_CORE, preset("port-restricted"), public(1), plain);
		uint32_t a = add_host(w, nat, lan(2));
		struct kith_addr to_a = public(1), to_s = public(0);
		to_a.port = to_s.port = PORT;
		assert_int_equal(send_to(w, s, to_a), KITH_NET_FLYING); /* there after 20 ms */
		run(w, late == 0 ? 10 * MS : 30 * MS);
		assert_int_equal(send_to(w, a, to_s), KITH_NET_FLYING);
		run(w, S);
		assert_int_equal(got(w, a), late == 0 ? 1 : 0);
		assert_int_equal(w->stats.causes[KITH_NET_NAT_IN], late);
		world_free(w);
	}
}

/* --- hop limit --- */

/* A packet with one hop more than NATs opens them all, dies in the core, and the other side's NAT never sees it. */
static void low_ttl_opens_the_own_nats_and_dies_before_the_others(void **state)
{
	(void)state;
	for (uint8_t ttl = 1; ttl <= 11; ttl++) {
		struct world *w = world_start(world_new());
		uint32_t cgn = add_nat(w, KITH_NET_CORE, preset("cgn"), public(1), plain);
		uint32_t home = add_nat(w, cgn, preset("port-restricted"), ep(0x64400001, 0), plain);
		uint32_t other = add_nat(w, KITH_NET_CORE, preset("full-cone"), public(2), plain);
		uint32_t a = add_host(w, home, lan(2));
		enum kith_net_cause cause = send_packet(w, a, ep(0, PORT), public(2), ttl, 100);
		/* Two NATs and eight hops of core: eleven is the first that gets there. */
		assert_int_equal(cause, ttl <= 2 ? KITH_NET_NAT_OUT : ttl <= 10 ? KITH_NET_TTL : KITH_NET_FLYING);
		assert_int_equal(kith_nat_mappings(kith_net_nat(w->net, home), 0), ttl >= 2);
		assert_int_equal(kith_nat_mappings(kith_net_nat(w->net, cgn), 0), ttl >= 3);
		run(w, S);
		const struct kith_nat_counters *c = &kith_net_nat(w->net, other)->counters;
		assert_int_equal(c->results[KITH_NAT_NO_MAPPING], ttl >= 11);
		assert_int_equal(c->passed_in, 0);
		world_free(w);
	}
}

/* --- punching --- */

/* Both learn the other's endpoint from a server and send to it three times; who hears something answers what it saw. */
static bool punch(const char *nat_a, const char *nat_b)
{
	struct world *w = world_start(world_new());
	uint32_t s = add_host(w, KITH_NET_CORE, public(0));
	uint32_t realm_a = add_nat(w, KITH_NET_CORE, preset(nat_a), public(1), ms20);
	uint32_t realm_b = add_nat(w, KITH_NET_CORE, preset(nat_b), public(2), ms20);
	uint32_t a = add_host(w, realm_a, lan(2)), b = add_host(w, realm_b, lan(2));
	struct kith_addr seen_a = observed(w, a, s), seen_b = observed(w, b, s);
	w->echo = true;
	for (int round = 0; round < 3 && seen_a.port != 0 && seen_b.port != 0; round++) {
		(void)send_to(w, a, seen_b);
		run(w, w->now + 5 * MS); /* nobody starts at the same instant */
		(void)send_to(w, b, seen_a);
		run(w, w->now + 50 * MS);
	}
	run(w, w->now + S);
	bool ok = w->inbox[a].n > 0 && w->inbox[b].n > 0;
	if (!ok)
		assert_true(w->inbox[a].n == 0 && w->inbox[b].n == 0);
	world_free(w);
	return ok;
}

static void single_ports_punch_exactly_the_pairs_that_theory_says(void **state)
{
	(void)state;
	static const char *const kinds[] = { "full-cone",
					     "restricted",
					     "port-restricted",
					     "linux-masquerade",
					     "symmetric-random",
					     "symmetric-sequential",
					     "cgn",
					     "blocked-udp" };
	static const char expected[8][9] = {
		"11111110", /* full cone: whoever can send */
		"11111110", /* restricted: a symmetric peer's other port is admitted, and answered */
		"11110010", /* port restricted: not with a symmetric one, whose port cannot be known */
		"11110010", /* linux looks port restricted */
		"11000000", /* symmetric */
		"11000000", /* the next port could be predicted, but a single known one is not it */
		"11110010", /* carrier-grade: port restricted, ports of a block */
		"00000000",
	};
	for (int a = 0; a < 8; a++)
		for (int b = 0; b < 8; b++)
			if (punch(kinds[a], kinds[b]) != (expected[a][b] == '1'))
				fail_msg("%s with %s: expected %c", kinds[a], kinds[b], expected[a][b]);
}

static void carrier_grade_chains_punch_like_their_strictest_nat(void **state)
{
	(void)state;
	struct world *w = world_start(world_new());
	uint32_t s = add_host(w, KITH_NET_CORE, public(0)), host[2];
	struct kith_addr seen[2];
	for (uint32_t i = 0; i < 2; i++) {
		uint32_t cgn = add_nat(w, KITH_NET_CORE, preset("cgn"), public(1 + i), plain);
		uint32_t home = add_nat(w, cgn, preset("port-restricted"), ep(0x64400001, 0), ms20);
		host[i] = add_host(w, home, lan(2)); /* the same private addresses on both sides */
		seen[i] = observed(w, host[i], s);
	}
	(void)send_to(w, host[0], seen[1]);
	(void)send_to(w, host[1], seen[0]);
	run(w, w->now + S);
	(void)send_to(w, host[0], seen[1]);
	run(w, w->now + S);
	assert_int_equal(got(w, host[1]), 2); /* both were in flight while the other side opened */
	assert_int_equal(got(w, host[0]), 1);
	assert_true(same(w->inbox[host[0]].last.pkt.src, seen[1]));
	world_free(w);
}

/* On Linux without a drop rule, a probe that comes too early makes the NAT choose another port for the real flow; a
 * first packet of low TTL opens the own side without reaching the other's, and the punch works. */
static void early_probe_spoils_a_punch_and_low_ttl_saves_it(void **state)
{
	(void)state;
	for (int low_ttl = 0; low_ttl < 2; low_ttl++) {
		struct kith_nat_options o = *preset("linux-masquerade");
		o.wan_input_drop = false;
		struct world *w = world_start(world_new());
		uint32_t s = add_host(w, KITH_NET_CORE, public(0));
		uint32_t a = add_host(w, add_nat(w, KITH_NET_CORE, &o, public(1), plain), lan(2));
		uint32_t b = add_host(w, add_nat(w, KITH_NET_CORE, &o, public(2), plain), lan(2));
		struct kith_addr seen_a = observed(w, a, s), seen_b = observed(w, b, s);
		(void)send_packet(w, a, ep(0, PORT), seen_b, low_ttl == 1 ? 2 : 64, 100);
		run(w, w->now + 100 * MS); /* the early one is there long before B sends */
		(void)send_to(w, b, seen_a);
		run(w, w->now + 100 * MS);
		(void)send_to(w, a, seen_b);
		run(w, w->now + 100 * MS);
		bool ok = w->inbox[a].n > 0 && w->inbox[b].n > 0;
		assert_int_equal(ok, low_ttl);
		world_free(w);
	}
}

/* --- behind one NAT --- */

static void neighbours_use_private_addresses_without_the_nat(void **state)
{
	(void)state;
	struct world *w = world_start(world_new());
	uint32_t nat = add_nat(w, KITH_NET_CORE, preset("blocked-udp"), public(1), ms20);
	uint32_t a = add_host(w, nat, lan(2)), b = add_host(w, nat, lan(3));
	assert_int_equal(send_to(w, a, lan(3)), KITH_NET_FLYING);
	run(w, S);
	assert_int_equal(got(w, b), 1);
	assert_int_equal(w->inbox[b].at, 100);
	assert_int_equal(w->inbox[b].last.pkt.ttl, 64);
	assert_true(same_ip(w->inbox[b].last.pkt.src, lan(2)));
	assert_int_equal(kith_net_nat(w->net, nat)->counters.passed_out, 0);
	world_free(w);
}

static void hairpin_reaches_neighbours_by_external_address_if_the_nat_does_it(void **state)
{
	(void)state;
	for (int hairpin = 0; hairpin < 2; hairpin++) {
		struct kith_nat_options o = *preset("full-cone");
		o.hairpin = hairpin == 1;
		struct world *w = world_start(world_new());
		uint32_t s = add_host(w, KITH_NET_CORE, public(0));
		uint32_t nat = add_nat(w, KITH_NET_CORE, &o, public(1), ms20);
		uint32_t a = add_host(w, nat, lan(2)), b = add_host(w, nat, lan(3));
		struct kith_addr seen_a = observed(w, a, s), seen_b = observed(w, b, s);
		assert_int_equal(send_to(w, a, seen_b), hairpin == 1 ? KITH_NET_FLYING : KITH_NET_NAT_OUT);
		run(w, w->now + S);
		assert_int_equal(got(w, b), hairpin);
		if (hairpin == 1)
			assert_true(same(w->inbox[b].last.pkt.src, seen_a));
		world_free(w);
	}
}

static void homes_behind_one_carrier_meet_inside_it(void **state)
{
	(void)state;
	struct world *w = world_start(world_new());
	uint32_t s = add_host(w, KITH_NET_CORE, public(0));
	uint32_t cgn = add_nat(w, KITH_NET_CORE, preset("cgn"), public(1), plain);
	uint32_t home_a = add_nat(w, cgn, preset("port-restricted"), ep(0x64400001, 0), ms20);
	uint32_t home_b = add_nat(w, cgn, preset("port-restricted"), ep(0x64400002, 0), ms20);
	uint32_t a = add_host(w, home_a, lan(2)), b = add_host(w, home_b, lan(2));
	struct kith_addr seen_a = observed(w, a, s), seen_b = observed(w, b, s);
	assert_true(same_ip(seen_a, seen_b));
	/* By the carrier's external address: turned back by the carrier. */
	(void)send_to(w, a, seen_b);
	run(w, w->now + S);
	kith_time_us start = w->now;
	(void)send_to(w, b, seen_a);
	run(w, start + S);
	assert_int_equal(got(w, a), 1);
	assert_true(same(w->inbox[a].last.pkt.src, seen_b));
	assert_int_equal(w->inbox[a].at, start + 40 * MS);
	assert_int_equal(kith_net_nat(w->net, cgn)->counters.results[KITH_NAT_HAIRPIN], 1);
	/* By the homes' addresses within the carrier: it is not involved at all. */
	uint32_t out_before = kith_net_nat(w->net, cgn)->counters.passed_out;
	(void)send_to(w, a, ep(0x64400002, PORT));
	run(w, w->now + S);
	(void)send_to(w, b, ep(0x64400001, PORT));
	run(w, w->now + S);
	assert_int_equal(got(w, a), 1);
	assert_true(same(w->inbox[a].last.pkt.src, ep(0x64400002, PORT)));
	assert_int_equal(kith_net_nat(w->net, cgn)->counters.passed_out, out_before);
	world_free(w);
}

/* --- IPv6, several interfaces --- */

static void hosts_may_have_several_interfaces_and_ipv6(void **state)
{
	(void)state;
	struct world *w = world_start(world_new());
	uint32_t nat = add_nat(w, KITH_NET_CORE, preset("full-cone"), public(1), plain);
	uint32_t a = add_host(w, nat, lan(2)), b = add_host(w, KITH_NET_CORE, public(2)), device;
	struct kith_addr v6a = { .family = KITH_FAMILY_V6, .ip = { 0x2a, 1, [15] = 1 } }, v6b = v6a;
	v6b.ip[15] = 2;
	(void)add_iface(w, a, KITH_NET_CORE, v6a, plain);
	(void)add_iface(w, a, KITH_NET_CORE, public(3), plain);
	(void)add_iface(w, b, KITH_NET_CORE, v6b, plain);
	struct kith_addr any6 = { .family = KITH_FAMILY_V6, .port = 9 };
	assert_int_equal(send_packet(w, a, any6, v6b, 64, 100), KITH_NET_FLYING);
	run(w, S);
	assert_int_equal(got(w, b), 1);
	v6a.port = 9;
	assert_true(same(w->inbox[b].last.pkt.src, v6a));
	/* The source address chooses between two interfaces of a family. */
	assert_int_equal(send_packet(w, a, public(3), public(2), 64, 100), KITH_NET_FLYING);
	run(w, 2 * S);
	assert_true(same_ip(w->inbox[b].last.pkt.src, public(3)));
	assert_int_equal(send_packet(w, a, lan(2), public(2), 64, 100), KITH_NET_FLYING);
	run(w, 3 * S);
	assert_true(same_ip(w->inbox[b].last.pkt.src, public(1)));
	assert_int_equal(send_packet(w, a, lan(2), v6b, 64, 100), KITH_NET_NO_ROUTE);
	assert_int_equal(send_packet(w, a, v6a, public(2), 64, 100), KITH_NET_NO_ROUTE);
	assert_int_equal(kith_net_iface_add(w->net, a, nat, &v6a, &plain, &device), KITH_EINVAL);
	assert_int_equal(kith_net_nat_add(w->net, KITH_NET_CORE, preset("cgn"), NULL, &v6a, &plain, &device),
			 KITH_EINVAL);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(public_hosts_reach_each_other_after_both_uplinks_and_the_core),
		cmocka_unit_test(nobody_answers_for_unused_and_private_addresses),
		cmocka_unit_test(server_sees_the_outermost_nat_and_answers_come_back),
		cmocka_unit_test(chained_uplinks_add_up_and_each_nat_works_at_its_own_time),
		cmocka_unit_test(a_nat_judges_a_packet_when_it_arrives_not_when_it_is_sent),
		cmocka_unit_test(low_ttl_opens_the_own_nats_and_dies_before_the_others),
		cmocka_unit_test(single_ports_punch_exactly_the_pairs_that_theory_says),
		cmocka_unit_test(carrier_grade_chains_punch_like_their_strictest_nat),
		cmocka_unit_test(early_probe_spoils_a_punch_and_low_ttl_saves_it),
		cmocka_unit_test(neighbours_use_private_addresses_without_the_nat),
		cmocka_unit_test(hairpin_reaches_neighbours_by_external_address_if_the_nat_does_it),
		cmocka_unit_test(homes_behind_one_carrier_meet_inside_it),
		cmocka_unit_test(hosts_may_have_several_interfaces_and_ipv6),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
