/* The NAT model: who can reach whom after which outbound packet, for all mappings and filterings; ports, hairpin,
 * Linux. */
#include "nat_box.h"

/* --- mapping and filtering --- */

static void mapping_gives_one_port_per_what_it_tells_apart(void **state)
{
	(void)state;
	for (int m = KITH_NAT_INDEPENDENT; m <= KITH_NAT_ADDRESS_PORT; m++) {
		struct box b;
		box_init(&b, "full-cone");
		b.options.mapping = (enum kith_nat_dependence)m;
		b.options.allocation = KITH_NAT_RANDOM;
		box_restart(&b, 7);
		struct kith_addr base = out(&b, 0, ep(INSIDE, 5000), ep(R1, 80));
		assert_true(same(base, out(&b, 0, ep(INSIDE, 5000), ep(R1, 80))));
		assert_int_equal(same(base, out(&b, 0, ep(INSIDE, 5000), ep(R1, 81))), m < KITH_NAT_ADDRESS_PORT);
		assert_int_equal(same(base, out(&b, 0, ep(INSIDE, 5000), ep(R2, 80))), m < KITH_NAT_ADDRESS);
		assert_false(same(base, out(&b, 0, ep(INSIDE, 5001), ep(R1, 80))));
		assert_false(same(base, out(&b, 0, ep(INSIDE + 1, 5000), ep(R1, 80))));
		box_deinit(&b);
	}
}

/* One outbound packet to R1:80; then who gets in through the external endpoint it was given? */
static void filtering_truth_table_for_every_mapping(void **state)
{
	(void)state;
	static const struct {
		uint32_t ip;
		uint16_t port;
		bool admitted[3]; /* by filtering */
	} rows[] = {
		{ R1, 80, { true, true, true } },
		{ R1, 81, { true, true, false } },
		{ R2, 80, { true, false, false } },
		{ R2, 81, { true, false, false } },
	};
	for (int m = 0; m < 3; m++)
		for (int f = 0; f < 3; f++)
			for (int a = KITH_NAT_PRESERVE; a <= KITH_NAT_RANDOM; a++) {
				struct box b;
				box_init(&b, "full-cone");
				b.options.mapping = (enum kith_nat_dependence)m;
				b.options.filtering = (enum kith_nat_dependence)f;
				b.options.allocation = (enum kith_nat_allocation)a;
				box_restart(&b, 3);
				struct kith_addr x = out(&b, 0, ep(INSIDE, 5000), ep(R1, 80));
				for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
					assert_int_equal(in(&b, 1, ep(rows[i].ip, rows[i].port), x),
							 rows[i].admitted[f] ? KITH_NAT_PASS : KITH_NAT_FILTERED);
				x.port ^= 1;
				assert_int_equal(in(&b, 1, ep(R1, 80), x), KITH_NAT_NO_MAPPING);
				box_deinit(&b);
			}
}

/* After packets to R1:80 and R2:90, each remote gets in at the other one's mapping if mapping and filtering let it. */
static void second_destination_opens_what_mapping_and_filtering_say(void **state)
{
	(void)state;
	for (int m = 0; m < 3; m++)
		for (int f = 0; f < 3; f++) {
			struct box b;
			box_init(&b, "full-cone");
			b.options.mapping = (enum kith_nat_dependence)m;
			b.options.filtering = (enum kith_nat_dependence)f;
			b.options.allocation = KITH_NAT_RANDOM;
			box_restart(&b, 3);
			struct kith_addr x1 = out(&b, 0, ep(INSIDE, 5000), ep(R1, 80));
			struct kith_addr x2 = out(&b, 0, ep(INSIDE, 5000), ep(R2, 90));
			assert_int_equal(in(&b, 1, ep(R1, 80), x1), KITH_NAT_PASS);
			assert_int_equal(in(&b, 1, ep(R2, 90), x2), KITH_NAT_PASS);
			/* The first endpoint for the second remote: only if it is shared, or anybody may use it. */
			bool crossed = m == KITH_NAT_INDEPENDENT || f == KITH_NAT_INDEPENDENT;
			assert_int_equal(in(&b, 1, ep(R2, 90), x1), crossed ? KITH_NAT_PASS : KITH_NAT_FILTERED);
			assert_int_equal(in(&b, 1, ep(R1, 80), x2), crossed ? KITH_NAT_PASS : KITH_NAT_FILTERED);
			/* A second port of the first remote, heard of in an address-dependent mapping. */
			struct kith_addr x3 = out(&b, 0, ep(INSIDE, 5000), ep(R1, 85));
			assert_int_equal(same(x1, x3), m < KITH_NAT_ADDRESS_PORT);
			bool port = m < KITH_NAT_ADDRESS_PORT || f < KITH_NAT_ADDRESS_PORT;
			assert_int_equal(in(&b, 1, ep(R1, 85), x1), port ? KITH_NAT_PASS : KITH_NAT_FILTERED);
			box_deinit(&b);
		}
}

static void inbound_is_rewritten_to_the_endpoint_that_sent(void **state)
{
	(void)state;
	struct box b;
	box_init(&b, "port-restricted");
	struct kith_addr x1 = out(&b, 0, ep(INSIDE, 5000), ep(R1, 80));
	struct kith_addr x2 = out(&b, 0, ep(INSIDE + 7, 6000), ep(R1, 80));
	struct kith_nat_packet p = { ep(R1, 80), x2, KITH_NAT_UDP, 9 };
	assert_int_equal(kith_nat_inbound(&b.nat, 0, &p), KITH_NAT_PASS);
	assert_true(same(p.dst, ep(INSIDE + 7, 6000)));
	assert_true(same(p.src, ep(R1, 80)));
	assert_int_equal(p.ttl, 8);
	p = (struct kith_nat_packet){ ep(R1, 80), x1, KITH_NAT_UDP, 9 };
	assert_int_equal(kith_nat_inbound(&b.nat, 0, &p), KITH_NAT_PASS);
	assert_true(same(p.dst, ep(INSIDE, 5000)));
	box_deinit(&b);
}

static void udp_and_tcp_are_told_apart(void **state)
{
	(void)state;
	struct box b;
	box_init(&b, "full-cone");
	struct kith_addr x = out(&b, 0, ep(INSIDE, 5000), ep(R1, 80));
	struct kith_nat_packet p = { ep(R1, 80), x, KITH_NAT_TCP, 64 };
	assert_int_equal(kith_nat_inbound(&b.nat, 0, &p), KITH_NAT_NO_MAPPING);
	p = (struct kith_nat_packet){ ep(INSIDE, 5000), ep(R1, 80), KITH_NAT_TCP, 64 };
	assert_int_equal(kith_nat_outbound(&b.nat, 0, &p), KITH_NAT_PASS);
	assert_int_equal(p.src.port, 5000); /* both protocols may have the port */
	assert_int_equal(kith_nat_mappings(&b.nat, 0), 2);
	/* TCP lives on long after UDP has gone. */
	assert_int_equal(kith_nat_mappings(&b.nat, 7439 * S), 1);
	assert_int_equal(kith_nat_mappings(&b.nat, 7440 * S), 0);
	box_deinit(&b);
}

/* --- ports --- */

static void preservation_keeps_the_port_and_remaps_only_on_a_clash(void **state)
{
	(void)state;
	struct box b;
	box_init(&b, "port-restricted");
	assert_int_equal(out(&b, 0, ep(INSIDE, 5000), ep(R1, 80)).port, 5000);
	assert_int_equal(b.nat.counters.remapped, 0);
	struct kith_addr x = out(&b, 0, ep(INSIDE + 1, 5000), ep(R1, 80));
	assert_int_not_equal(x.port, 5000);
	assert_true(x.port >= 1024);
	assert_int_equal(b.nat.counters.remapped, 1);
	/* Below the range: never preserved. */
	assert_true(out(&b, 0, ep(INSIDE, 53), ep(R1, 80)).port >= 1024);
	/* Free again when the first has gone. */
	assert_int_equal(out(&b, 120 * S, ep(INSIDE + 2, 5000), ep(R1, 80)).port, 5000);
	box_deinit(&b);
}

static void sequential_steps_through_the_range_and_wraps(void **state)
{
	(void)state;
	struct box b;
	box_init(&b, "symmetric-sequential");
	b.options.port_min = 2000;
	b.options.port_max = 2099;
	b.options.sequential_step = 3;
	box_restart(&b, 5);
	uint16_t last = out(&b, 0, ep(INSIDE, 5000), ep(R1, 1)).port;
	for (uint16_t i = 2; i < 30; i++) { /* 30 * 3 < 100: no port comes twice */
		uint16_t port = out(&b, 0, ep(INSIDE, 5000), ep(R1, i)).port;
		assert_int_equal(port, 2000 + (last - 2000 + 3) % 100);
		last = port;
	}
	box_deinit(&b);
}

static void sequential_skips_ports_in_use(void **state)
{
	(void)state;
	struct box b;
	box_init(&b, "symmetric-sequential");
	b.options.port_min = 2000;
	b.options.port_max = 2003;
	box_restart(&b, 5);
	uint16_t first = out(&b, 0, ep(INSIDE, 5000), ep(R1, 1)).port;
	for (uint16_t i = 2; i <= 4; i++)
		(void)out(&b, i * S, ep(INSIDE, 5000), ep(R1, i));
	/* All four are taken; keep all but the second alive: it must be found wherever the counter is. */
	(void)out(&b, 100 * S, ep(INSIDE, 5000), ep(R1, 1));
	(void)out(&b, 100 * S, ep(INSIDE, 5000), ep(R1, 3));
	(void)out(&b, 100 * S, ep(INSIDE, 5000), ep(R1, 4));
	assert_int_equal(out(&b, 100 * S, ep(INSIDE, 5000), ep(R1, 9)).port, 0);
	uint16_t port = out(&b, 130 * S, ep(INSIDE, 5000), ep(R1, 9)).port;
	assert_int_equal(port, 2000 + (first - 2000 + 1) % 4);
	box_deinit(&b);
}

static void random_ports_spread_over_the_whole_range(void **state)
{
	(void)state;
	struct box b;
	box_init(&b, "symmetric-random");
	unsigned buckets[16] = { 0 }, n = 3200, neighbours = 0;
	uint16_t last = 0;
	for (unsigned i = 0; i < n; i++) {
		uint16_t port = out(&b, 0, ep(INSIDE, 5000), ep(R1, (uint16_t)(i + 1))).port;
		assert_true(port >= 1024);
		buckets[(port - 1024) * 16 / (65536 - 1024)]++;
		neighbours += port == last + 1;
		last = port;
	}
	for (int i = 0; i < 16; i++) /* mean 200, deviation 13.7; five of them */
		assert_in_range(buckets[i], 132, 268);
	assert_true(neighbours <= 3);
	box_deinit(&b);
}

static void block_allocation_stays_in_the_subscribers_block(void **state)
{
	(void)state;
	struct box b;
	box_init(&b, "cgn");
	b.options.block_len = 64;
	box_restart(&b, 1);
	unsigned block[3];
	for (uint32_t host = 0; host < 3; host++) {
		uint16_t port = out(&b, 0, ep(INSIDE + host, 1), ep(R1, 80)).port;
		block[host] = (port - 1024u) / 64;
		for (uint16_t i = 2; i <= 64; i++) {
			port = out(&b, 0, ep(INSIDE + host, i), ep(R1, 80)).port;
			assert_int_equal((port - 1024u) / 64, block[host]);
		}
		/* The block is used up to its last port, and then there are no more. */
		assert_int_equal(out(&b, 0, ep(INSIDE + host, 65), ep(R1, 80)).port, 0);
	}
	assert_true(block[0] != block[1] && block[1] != block[2] && block[0] != block[2]);
	assert_int_equal(b.nat.counters.results[KITH_NAT_NO_PORT], 3);
	box_deinit(&b);
}

static void every_allocation_uses_a_small_range_up_and_never_twice(void **state)
{
	(void)state;
	for (int a = KITH_NAT_PRESERVE; a <= KITH_NAT_RANDOM; a++)
		for (uint16_t span = 1; span <= 128; span = (uint16_t)(span * 2)) {
			struct box b;
			box_init(&b, "symmetric-random");
			b.options.allocation = (enum kith_nat_allocation)a;
			b.options.port_min = 3000;
			b.options.port_max = (uint16_t)(3000 + span - 1);
			b.options.block_len = span;
			b.options.sequential_step = 2; /* alone, it would find only every other port */
			box_restart(&b, span);
			bool used[128] = { false };
			for (uint16_t i = 0; i < span; i++) {
				struct kith_addr x =
					out(&b, 0, ep(INSIDE, (uint16_t)(3000 + i % 3)), ep(R1, (uint16_t)(i + 1)));
				assert_in_range(x.port, b.options.port_min, b.options.port_max);
				assert_false(used[x.port - 3000]);
				used[x.port - 3000] = true;
			}
			assert_int_equal(out(&b, 0, ep(INSIDE, 3000), ep(R2, 1)).port, 0);
			assert_int_equal(b.nat.counters.results[KITH_NAT_NO_PORT], 1);
			box_deinit(&b);
		}
}

static void same_seed_gives_the_same_ports_and_another_seed_others(void **state)
{
	(void)state;
	struct box a, b, c;
	box_init(&a, "symmetric-random");
	box_init(&b, "symmetric-random");
	box_init(&c, "symmetric-random");
	box_restart(&c, 2);
	unsigned equal = 0;
	for (uint16_t i = 1; i <= 100; i++) {
		struct kith_addr x = out(&a, 0, ep(INSIDE, 5000), ep(R1, i));
		assert_true(same(x, out(&b, 0, ep(INSIDE, 5000), ep(R1, i))));
		equal += same(x, out(&c, 0, ep(INSIDE, 5000), ep(R1, i)));
	}
	assert_true(equal <= 2);
	box_deinit(&a);
	box_deinit(&b);
	box_deinit(&c);
}

static void paired_pooling_keeps_a_hosts_address_and_arbitrary_does_not(void **state)
{
	(void)state;
	for (int k = 0; k < 2; k++) {
		struct box b;
		box_init(&b, "symmetric-random");
		b.options.external_n = 4;
		b.options.pooling = k == 0 ? KITH_NAT_PAIRED : KITH_NAT_ARBITRARY;
		box_restart(&b, 1);
		unsigned by_address[4] = { 0 }, by_host[4] = { 0 };
		for (uint16_t i = 1; i <= 100; i++) {
			struct kith_addr x = out(&b, 0, ep(INSIDE, 5000), ep(R1, i));
			assert_in_range(ip_of(&x), EXTERNAL, EXTERNAL + 3);
			by_address[ip_of(&x) - EXTERNAL]++;
			assert_int_equal(in(&b, 0, ep(R1, i), x), KITH_NAT_PASS);
			x = out(&b, 0, ep(INSIDE + i, 5000), ep(R1, 80));
			by_host[ip_of(&x) - EXTERNAL]++;
		}
		unsigned used = 0;
		for (int i = 0; i < 4; i++) {
			used += by_address[i] > 0;
			assert_true(by_host[i] > 0); /* hosts share the pool either way */
		}
		assert_int_equal(used, k == 0 ? 1 : 4);
		box_deinit(&b);
	}
}

static void owns_exactly_its_pool(void **state)
{
	(void)state;
	struct box b;
	box_init(&b, "full-cone");
	b.options.external_n = 3;
	box_restart(&b, 1);
	struct kith_addr a[] = { ep(EXTERNAL - 1, 1), ep(EXTERNAL, 1), ep(EXTERNAL + 2, 1), ep(EXTERNAL + 3, 1) };
	assert_false(kith_nat_owns(&b.nat, &a[0]));
	assert_true(kith_nat_owns(&b.nat, &a[1]));
	assert_true(kith_nat_owns(&b.nat, &a[2]));
	assert_false(kith_nat_owns(&b.nat, &a[3]));
	a[1].family = KITH_FAMILY_V6;
	assert_false(kith_nat_owns(&b.nat, &a[1]));
	box_deinit(&b);
}

/* --- Linux --- */

static void linux_looks_endpoint_independent_until_two_flows_clash(void **state)
{
	(void)state;
	struct box b;
	box_init(&b, "linux-masquerade");
	struct kith_addr x1 = out(&b, 0, ep(INSIDE, 5000), ep(R1, 80));
	struct kith_addr x2 = out(&b, 0, ep(INSIDE, 5000), ep(R2, 90));
	assert_true(same(x1, x2));
	assert_int_equal(x1.port, 5000);
	/* Another host with the same port: to a new remote it shares the port, to the same remote it cannot. */
	assert_int_equal(out(&b, 0, ep(INSIDE + 1, 5000), ep(R2, 91)).port, 5000);
	assert_int_not_equal(out(&b, 0, ep(INSIDE + 1, 5000), ep(R2, 90)).port, 5000);
	/* Answers go to whoever spoke to that remote. */
	struct kith_nat_packet p = { ep(R2, 91), x1, KITH_NAT_UDP, 64 };
	assert_int_equal(kith_nat_inbound(&b.nat, 1, &p), KITH_NAT_PASS);
	assert_true(same(p.dst, ep(INSIDE + 1, 5000)));
	p = (struct kith_nat_packet){ ep(R2, 90), x1, KITH_NAT_UDP, 64 };
	assert_int_equal(kith_nat_inbound(&b.nat, 1, &p), KITH_NAT_PASS);
	assert_true(same(p.dst, ep(INSIDE, 5000)));
	assert_int_equal(in(&b, 1, ep(R2, 92), x1), KITH_NAT_NO_MAPPING);
	box_deinit(&b);
}

static void early_inbound_remaps_the_real_flow_unless_the_input_drops_it(void **state)
{
	(void)state;
	for (int drop = 0; drop < 2; drop++) {
		struct box b;
		box_init(&b, "linux-masquerade");
		b.options.wan_input_drop = drop == 1;
		/* The peer's probe is early: our packet to it has not left yet. */
		assert_int_equal(in(&b, 0, ep(R1, 80), ep(EXTERNAL, 5000)), KITH_NAT_NO_MAPPING);
		assert_int_equal(b.nat.counters.local_flows, drop == 1 ? 0 : 1);
		uint16_t port = out(&b, 1, ep(INSIDE, 5000), ep(R1, 80)).port;
		assert_int_equal(port == 5000, drop == 1);
		/* Only that one flow is spoilt. */
		assert_int_equal(out(&b, 1, ep(INSIDE, 5000), ep(R1, 81)).port, 5000);
		assert_int_equal(out(&b, 1, ep(INSIDE, 5000), ep(R2, 80)).port, 5000);
		box_deinit(&b);
	}
}

static void local_flow_is_forgotten_after_its_timeout_and_kept_by_more_packets(void **state)
{
	(void)state;
	struct box b;
	box_init(&b, "linux-masquerade");
	b.options.wan_input_drop = false;
	(void)in(&b, 0, ep(R1, 80), ep(EXTERNAL, 5000));
	(void)in(&b, 0, ep(R2, 80), ep(EXTERNAL, 5000));
	(void)in(&b, 20 * S, ep(R2, 80), ep(EXTERNAL, 5000));
	assert_int_equal(b.nat.counters.local_flows, 2);
	assert_int_equal(out(&b, 30 * S, ep(INSIDE, 5000), ep(R1, 80)).port, 5000);
	assert_int_not_equal(out(&b, 30 * S, ep(INSIDE, 5000), ep(R2, 80)).port, 5000);
	box_deinit(&b);
}

static void early_packet_leaves_an_existing_flow_alone(void **state)
{
	(void)state;
	struct box b;
	box_init(&b, "linux-masquerade");
	b.options.wan_input_drop = false;
	struct kith_addr x = out(&b, 0, ep(INSIDE, 5000), ep(R1, 80));
	assert_int_equal(in(&b, 0, ep(R1, 80), x), KITH_NAT_PASS);
	assert_int_equal(b.nat.counters.local_flows, 0);
	assert_true(same(x, out(&b, 1, ep(INSIDE, 5000), ep(R1, 80))));
	box_deinit(&b);
}

/* --- hop limit, hairpin, blocked protocols --- */

static void packet_whose_hops_are_used_up_opens_nothing(void **state)
{
	(void)state;
	struct box b;
	box_init(&b, "full-cone");
	struct kith_nat_packet p;
	assert_int_equal(out_ttl(&b, 0, ep(INSIDE, 5000), ep(R1, 80), 1, &p), KITH_NAT_TTL);
	assert_int_equal(out_ttl(&b, 0, ep(INSIDE, 5000), ep(R1, 80), 0, &p), KITH_NAT_TTL);
	assert_int_equal(kith_nat_mappings(&b.nat, 0), 0);
	assert_int_equal(out_ttl(&b, 0, ep(INSIDE, 5000), ep(R1, 80), 2, &p), KITH_NAT_PASS);
	assert_int_equal(p.ttl, 1);
	assert_int_equal(kith_nat_mappings(&b.nat, 0), 1);
	struct kith_nat_packet q = { ep(R1, 80), p.src, KITH_NAT_UDP, 1 };
	assert_int_equal(kith_nat_inbound(&b.nat, 0, &q), KITH_NAT_TTL);
	q = (struct kith_nat_packet){ ep(R1, 80), p.src, KITH_NAT_UDP, 2 };
	assert_int_equal(kith_nat_inbound(&b.nat, 0, &q), KITH_NAT_PASS);
	box_deinit(&b);
}

static void hairpin_turns_packets_and_shows_the_external_source(void **state)
{
	(void)state;
	for (int f = 0; f < 3; f++) {
		struct box b;
		box_init(&b, "full-cone");
		b.options.filtering = (enum kith_nat_dependence)f;
		b.options.hairpin = true;
		struct kith_addr xa = out(&b, 0, ep(INSIDE, 5000), ep(R1, 80));
		struct kith_addr xb = out(&b, 0, ep(INSIDE + 1, 6000), ep(R1, 80));
		struct kith_nat_packet p;
		enum kith_nat_result r = out_ttl(&b, 1, ep(INSIDE, 5000), xb, 64, &p);
		assert_int_equal(r, f == KITH_NAT_INDEPENDENT ? KITH_NAT_HAIRPIN : KITH_NAT_FILTERED);
		/* B answers; A's packet has opened its side for the way back, if it was filtered at all. */
		assert_int_equal(out_ttl(&b, 2, ep(INSIDE + 1, 6000), xa, 64, &p), KITH_NAT_HAIRPIN);
		assert_true(same(p.src, xb));
		assert_true(same(p.dst, ep(INSIDE, 5000)));
		assert_int_equal(p.ttl, 63);
		assert_int_equal(out_ttl(&b, 3, ep(INSIDE, 5000), xb, 64, &p), KITH_NAT_HAIRPIN);
		assert_true(same(p.src, xa));
		assert_true(same(p.dst, ep(INSIDE + 1, 6000)));
		box_deinit(&b);
	}
}

static void without_hairpin_packets_to_the_own_outside_die_and_open_nothing(void **state)
{
	(void)state;
	struct box b;
	box_init(&b, "full-cone");
	struct kith_addr xb = out(&b, 0, ep(INSIDE + 1, 6000), ep(R1, 80));
	struct kith_nat_packet p;
	assert_int_equal(out_ttl(&b, 0, ep(INSIDE, 5000), xb, 64, &p), KITH_NAT_NO_HAIRPIN);
	assert_int_equal(kith_nat_mappings(&b.nat, 0), 1);
	box_deinit(&b);
}

static void blocked_presets_let_through_only_what_they_say(void **state)
{
	(void)state;
	static const struct {
		const char *preset;
		bool udp, tcp443, tcp80;
	} rows[] = {
		{ "port-restricted", true, true, true },
		{ "blocked-udp", false, true, true },
		{ "tcp443-only", false, true, false },
	};
	for (size_t i = 0; i < 3; i++) {
		struct box b;
		box_init(&b, rows[i].preset);
		struct kith_nat_packet udp = { ep(INSIDE, 5000), ep(R1, 443), KITH_NAT_UDP, 64 };
		struct kith_nat_packet tcp443 = { ep(INSIDE, 5000), ep(R1, 443), KITH_NAT_TCP, 64 };
		struct kith_nat_packet tcp80 = { ep(INSIDE, 5000), ep(R1, 80), KITH_NAT_TCP, 64 };
		assert_int_equal(kith_nat_outbound(&b.nat, 0, &udp) == KITH_NAT_PASS, rows[i].udp);
		assert_int_equal(kith_nat_outbound(&b.nat, 0, &tcp443) == KITH_NAT_PASS, rows[i].tcp443);
		assert_int_equal(kith_nat_outbound(&b.nat, 0, &tcp80) == KITH_NAT_PASS, rows[i].tcp80);
		struct kith_nat_packet back = { ep(R1, 443), ep(EXTERNAL, 5000), KITH_NAT_TCP, 64 };
		assert_int_equal(kith_nat_inbound(&b.nat, 0, &back), KITH_NAT_PASS);
		box_deinit(&b);
	}
}

static void other_families_and_foreign_destinations_are_refused(void **state)
{
	(void)state;
	struct box b;
	box_init(&b, "full-cone");
	struct kith_nat_packet p = { ep(INSIDE, 5000), ep(R1, 80), KITH_NAT_UDP, 64 };
	p.dst.family = KITH_FAMILY_V6;
	assert_int_equal(kith_nat_outbound(&b.nat, 0, &p), KITH_NAT_BLOCKED);
	p = (struct kith_nat_packet){ ep(R1, 80), ep(R2, 5000), KITH_NAT_UDP, 64 };
	assert_int_equal(kith_nat_inbound(&b.nat, 0, &p), KITH_NAT_BLOCKED);
	struct kith_addr v6 = { .family = KITH_FAMILY_V6 };
	assert_int_equal(kith_nat_init(&b.nat, &b.options, &b.mem.alloc, &v6, 1), KITH_EINVAL);
	box_deinit(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mapping_gives_one_port_per_what_it_tells_apart),
		cmocka_unit_test(filtering_truth_table_for_every_mapping),
		cmocka_unit_test(second_destination_opens_what_mapping_and_filtering_say),
		cmocka_unit_test(inbound_is_rewritten_to_the_endpoint_that_sent),
		cmocka_unit_test(udp_and_tcp_are_told_apart),
		cmocka_unit_test(preservation_keeps_the_port_and_remaps_only_on_a_clash),
		cmocka_unit_test(sequential_steps_through_the_range_and_wraps),
		cmocka_unit_test(sequential_skips_ports_in_use),
		cmocka_unit_test(random_ports_spread_over_the_whole_range),
		cmocka_unit_test(block_allocation_stays_in_the_subscribers_block),
		cmocka_unit_test(every_allocation_uses_a_small_range_up_and_never_twice),
		cmocka_unit_test(same_seed_gives_the_same_ports_and_another_seed_others),
		cmocka_unit_test(paired_pooling_keeps_a_hosts_address_and_arbitrary_does_not),
		cmocka_unit_test(owns_exactly_its_pool),
		cmocka_unit_test(linux_looks_endpoint_independent_until_two_flows_clash),
		cmocka_unit_test(early_inbound_remaps_the_real_flow_unless_the_input_drops_it),
		cmocka_unit_test(local_flow_is_forgotten_after_its_timeout_and_kept_by_more_packets),
		cmocka_unit_test(early_packet_leaves_an_existing_flow_alone),
		cmocka_unit_test(packet_whose_hops_are_used_up_opens_nothing),
		cmocka_unit_test(hairpin_turns_packets_and_shows_the_external_source),
		cmocka_unit_test(without_hairpin_packets_to_the_own_outside_die_and_open_nothing),
		cmocka_unit_test(blocked_presets_let_through_only_what_they_say),
		cmocka_unit_test(other_families_and_foreign_destinations_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
