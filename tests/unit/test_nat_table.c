/* The NAT's table: timers, bounds, memory, and a long run against a naive model. */
#include "nat_box.h"

/* --- timers --- */

static void mapping_dies_when_idle_for_its_timeout_and_not_before(void **state)
{
	(void)state;
	struct box b;
	box_init(&b, "full-cone");
	struct kith_addr x = out(&b, 0, ep(INSIDE, 5000), ep(R1, 80));
	assert_int_equal(in(&b, 120 * S - 1, ep(R1, 80), x), KITH_NAT_PASS);
	assert_int_equal(in(&b, 120 * S, ep(R1, 80), x), KITH_NAT_NO_MAPPING);
	assert_int_equal(b.nat.counters.expired, 1);
	box_deinit(&b);
}

static void outbound_refreshes(void **state)
{
	(void)state;
	struct box b;
	box_init(&b, "port-restricted");
	struct kith_addr x = out(&b, 0, ep(INSIDE, 5000), ep(R1, 80));
	for (int i = 1; i <= 10; i++)
		assert_true(same(x, out(&b, i * 119 * S, ep(INSIDE, 5000), ep(R1, 80))));
	assert_int_equal(in(&b, 1190 * S + 119 * S, ep(R1, 80), x), KITH_NAT_PASS);
	assert_int_equal(b.nat.counters.mappings, 1);
	box_deinit(&b);
}

static void inbound_refreshes_only_if_asked_to(void **state)
{
	(void)state;
	static const char *const presets[] = { "port-restricted",
					       "symmetric-random" }; /* with permissions, and without */
	for (int k = 0; k < 2; k++)
		for (int refresh = 0; refresh < 2; refresh++) {
			struct box b;
			box_init(&b, presets[k]);
			b.options.inbound_refresh = refresh == 1;
			struct kith_addr x = out(&b, 0, ep(INSIDE, 5000), ep(R1, 80));
			assert_int_equal(in(&b, 100 * S, ep(R1, 80), x), KITH_NAT_PASS);
			assert_int_equal(in(&b, 200 * S, ep(R1, 80), x),
					 refresh == 1 ? KITH_NAT_PASS : KITH_NAT_NO_MAPPING);
			box_deinit(&b);
		}
}

static void refused_inbound_refreshes_nothing(void **state)
{
	(void)state;
	struct box b;
	box_init(&b, "port-restricted");
	b.options.inbound_refresh = true;
	struct kith_addr x = out(&b, 0, ep(INSIDE, 5000), ep(R1, 80));
	assert_int_equal(in(&b, 100 * S, ep(R2, 80), x), KITH_NAT_FILTERED);
	assert_int_equal(in(&b, 121 * S, ep(R1, 80), x), KITH_NAT_NO_MAPPING);
	box_deinit(&b);
}

static void permission_dies_alone_while_another_destination_keeps_the_mapping(void **state)
{
	(void)state;
	struct box b;
	box_init(&b, "port-restricted");
	struct kith_addr x = out(&b, 0, ep(INSIDE, 5000), ep(R1, 80));
	(void)out(&b, 60 * S, ep(INSIDE, 5000), ep(R2, 80));
	assert_int_equal(in(&b, 119 * S, ep(R1, 80), x), KITH_NAT_PASS);
	assert_int_equal(in(&b, 121 * S, ep(R1, 80), x), KITH_NAT_FILTERED);
	assert_int_equal(in(&b, 121 * S, ep(R2, 80), x), KITH_NAT_PASS);
	box_deinit(&b);
}

static void new_mapping_does_not_inherit_old_permissions(void **state)
{
	(void)state;
	struct box b;
	box_init(&b, "port-restricted");
	(void)out(&b, 0, ep(INSIDE, 5000), ep(R1, 80));
	kith_nat_flush(&b.nat);
	assert_int_equal(b.mem.live_bytes, 0);
	struct kith_addr x = out(&b, 1, ep(INSIDE, 5000), ep(R2, 80));
	assert_int_equal(in(&b, 2, ep(R1, 80), x), KITH_NAT_FILTERED);
	/* Dead by age, the same way: a permission of the dead mapping must not serve the next one with its port. */
	(void)out(&b, 3, ep(INSIDE, 5000), ep(R1, 80));
	x = out(&b, 500 * S, ep(INSIDE, 5000), ep(R2, 80));
	assert_int_equal(in(&b, 500 * S, ep(R1, 80), x), KITH_NAT_FILTERED);
	box_deinit(&b);
}

static void unreplied_flow_dies_sooner_on_linux(void **state)
{
	(void)state;
	struct box b;
	box_init(&b, "linux-masquerade");
	struct kith_addr x = out(&b, 0, ep(INSIDE, 5000), ep(R1, 80));
	(void)out(&b, 0, ep(INSIDE, 5001), ep(R2, 80));
	assert_int_equal(in(&b, 29 * S, ep(R1, 80), x), KITH_NAT_PASS);
	assert_int_equal(in(&b, 29 * S + 119 * S, ep(R1, 80), x), KITH_NAT_PASS);
	x.port = 5001;
	assert_int_equal(in(&b, 30 * S, ep(R2, 80), x), KITH_NAT_NO_MAPPING);
	box_deinit(&b);
}

/* --- bounds --- */

static void full_table_evicts_the_least_recently_used(void **state)
{
	(void)state;
	struct box b;
	box_init(&b, "symmetric-random");
	b.options.entries_max = 10;
	struct kith_addr x[12];
	for (uint16_t i = 0; i < 10; i++)
		x[i] = out(&b, i, ep(INSIDE, 5000), ep(R1, (uint16_t)(i + 1)));
	(void)out(&b, 10, ep(INSIDE, 5000), ep(R1, 1)); /* the oldest is used again */
	for (uint16_t i = 10; i < 12; i++)
		x[i] = out(&b, 1 + i, ep(INSIDE, 5000), ep(R1, (uint16_t)(i + 1)));
	assert_int_equal(b.nat.counters.evicted, 2);
	assert_int_equal(kith_nat_mappings(&b.nat, 20), 10);
	for (uint16_t i = 0; i < 12; i++)
		assert_int_equal(in(&b, 20, ep(R1, (uint16_t)(i + 1)), x[i]),
				 i == 1 || i == 2 ? KITH_NAT_NO_MAPPING : KITH_NAT_PASS);
	box_deinit(&b);
}

static void permissions_go_before_the_mapping_that_they_serve(void **state)
{
	(void)state;
	struct box b;
	box_init(&b, "port-restricted");
	b.options.entries_max = KITH_NAT_ENTRIES_MIN;
	struct kith_addr x = ep(0, 0);
	for (uint16_t i = 1; i <= 1000; i++) {
		x = out(&b, i, ep(INSIDE, 5000), ep(R1, i));
		assert_int_equal(in(&b, i, ep(R1, i), x), KITH_NAT_PASS);
	}
	assert_int_equal(b.nat.counters.mappings, 1);
	assert_int_equal(x.port, 5000);
	assert_int_equal(in(&b, 1001, ep(R1, 998), x), KITH_NAT_PASS);
	assert_int_equal(in(&b, 1001, ep(R1, 997), x), KITH_NAT_FILTERED);
	box_deinit(&b);
}

static void mapping_outlives_its_newest_permission_among_others_traffic(void **state)
{
	(void)state;
	struct box b;
	box_init(&b, "port-restricted");
	b.options.entries_max = 5;
	struct kith_addr x = out(&b, 0, ep(INSIDE, 5000), ep(R1, 80));
	(void)out(&b, 1, ep(INSIDE + 1, 5001), ep(R1, 80));
	(void)out(&b, 2, ep(INSIDE + 2, 5002), ep(R1, 80)); /* two entries more, room for one */
	assert_int_equal(b.nat.counters.evicted, 1);
	assert_int_equal(in(&b, 3, ep(R1, 80), x), KITH_NAT_FILTERED);
	box_deinit(&b);
}

static void memory_grows_with_use_and_ends_at_the_bound(void **state)
{
	(void)state;
	struct box b;
	box_init(&b, "symmetric-random");
	b.options.entries_max = 1000;
	assert_int_equal(b.mem.live_bytes, 0);
	(void)out(&b, 0, ep(INSIDE, 5000), ep(R1, 1));
	assert_true(b.mem.live_bytes <= 256);
	for (unsigned i = 0; i < 5000; i++)
		(void)out(&b, 0, ep(INSIDE, (uint16_t)(i % 50000 + 1)), ep(R2, 1));
	assert_int_equal(kith_nat_mappings(&b.nat, 0), 1000);
	assert_true(b.mem.live_bytes <= 1000 * 64);
	box_deinit(&b);
}

static void the_dead_make_room_before_the_pool_grows(void **state)
{
	(void)state;
	struct box b;
	box_init(&b, "symmetric-random");
	for (unsigned i = 0; i < 10000; i++)
		(void)out(&b, (kith_time_us)i * 30 * S, ep(INSIDE, 5000), ep(R1, (uint16_t)(i + 1)));
	assert_true(b.mem.peak_bytes <= 8 * 64 * 2);
	assert_int_equal(b.nat.counters.evicted, 0);
	box_deinit(&b);
}

static void without_memory_packets_are_dropped_or_old_entries_reused(void **state)
{
	(void)state;
	struct box b;
	box_init(&b, "symmetric-random");
	b.mem.fail_after = 0;
	struct kith_nat_packet p;
	assert_int_equal(out_ttl(&b, 0, ep(INSIDE, 5000), ep(R1, 1), 64, &p), KITH_NAT_NO_MEMORY);
	b.mem.fail_after = 1; /* the first block only */
	for (uint16_t i = 1; i <= 100; i++)
		assert_int_not_equal(out(&b, 0, ep(INSIDE, 5000), ep(R1, i)).port, 0);
	assert_int_equal(kith_nat_mappings(&b.nat, 0), KITH_NAT_ENTRIES_MIN);
	assert_int_equal(b.nat.counters.evicted, 100 - KITH_NAT_ENTRIES_MIN);
	box_deinit(&b);
}

/* A slow but obvious model of a symmetric NAT, against which thousands of random packets are checked. */
static void long_random_run_agrees_with_a_naive_model(void **state)
{
	(void)state;
	enum { FLOWS = 64 };
	struct {
		struct kith_addr x;
		kith_time_us used_at;
	} flow[FLOWS] = { 0 };
	struct box b;
	struct test_random rng;
	box_init(&b, "symmetric-random");
	b.options.timeout_us = 50 * S;
	test_random_init(&rng, 42);
	kith_time_us now = 0;
	for (int step = 0; step < 200000; step++) {
		now += (kith_time_us)(test_random_next(&rng) % (4 * S));
		unsigned i = (unsigned)(test_random_next(&rng) % FLOWS);
		struct kith_addr inside = ep(INSIDE + i / 16, 5000),
				 remote = ep(R1 + i % 4, (uint16_t)(80 + i / 4 % 4));
		bool alive = flow[i].x.port != 0 && now - flow[i].used_at < 50 * S;
		if (test_random_next(&rng) % 2 == 0) {
			struct kith_addr x = out(&b, now, inside, remote);
			assert_int_not_equal(x.port, 0);
			if (alive)
				assert_true(same(x, flow[i].x));
			for (unsigned k = 0; k < FLOWS; k++) /* nobody else who is alive has it */
				assert_false(k != i && now - flow[k].used_at < 50 * S && same(x, flow[k].x));
			flow[i].x = x;
			flow[i].used_at = now;
		} else if (flow[i].x.port != 0) {
			struct kith_nat_packet p = { remote, flow[i].x, KITH_NAT_UDP, 64 };
			bool passed = kith_nat_inbound(&b.nat, now, &p) == KITH_NAT_PASS;
			if (alive)
				assert_true(passed && same(p.dst, inside));
			else
				assert_false(passed && same(p.dst, inside));
		}
	}
	assert_int_equal(b.nat.counters.evicted, 0);
	box_deinit(&b);
}

static void contradictory_options_are_refused(void **state)
{
	(void)state;
	struct kith_nat_options good, o;
	kith_nat_options_init(&good);
	assert_int_equal(kith_nat_options_check(&good), 0);
#define REFUSED(change)                                                                                                \
	do {                                                                                                           \
		o = good;                                                                                              \
		change;                                                                                                \
		assert_int_equal(kith_nat_options_check(&o), KITH_EINVAL);                                             \
	} while (0)
	REFUSED(o.port_min = 0);
	REFUSED(o.port_max = 1023);
	REFUSED(o.sequential_step = 0);
	REFUSED(o.external_n = 0);
	REFUSED(o.entries_max = KITH_NAT_ENTRIES_MIN - 1);
	REFUSED(o.timeout_us = 0);
	REFUSED(o.tcp_timeout_us = -1);
	REFUSED(o.unreplied_timeout_us = -1);
	REFUSED(o.port_overload = true);
	REFUSED((o.allocation = KITH_NAT_BLOCK, o.block_len = 0));
	REFUSED((o.allocation = KITH_NAT_BLOCK, o.port_max = 1100, o.block_len = 78));
#undef REFUSED
}

static void every_preset_has_its_name_and_checks(void **state)
{
	(void)state;
	struct kith_nat_options o;
	unsigned n = 0;
	for (; kith_nat_preset_name(n) != NULL; n++) {
		assert_int_equal(kith_nat_options_preset(&o, kith_nat_preset_name(n)), 0);
		assert_int_equal(kith_nat_options_check(&o), 0);
		assert_true(o.wan_input_drop);
	}
	assert_int_equal(n, 10);
	assert_int_equal(kith_nat_options_preset(&o, "carrier-pigeon"), KITH_ENOENT);
	for (int r = 0; r < KITH_NAT_RESULTS_N; r++)
		assert_true(strlen(kith_nat_result_text((enum kith_nat_result)r)) > 5);
}

static void rebinding_gives_other_ports_where_they_were_preserved(void **state)
{
	(void)state;
	struct box b;
	box_init(&b, "full-cone");
	struct kith_addr old = out(&b, 0, ep(INSIDE, 5000), ep(R1, 80));
	assert_true(same(old, ep(EXTERNAL, 5000)));
	kith_nat_flush(&b.nat);
	assert_true(same(out(&b, 1, ep(INSIDE, 5000), ep(R1, 80)), old));
	kith_nat_rebind(&b.nat);
	assert_int_equal(in(&b, 2, ep(R1, 80), old), KITH_NAT_NO_MAPPING);
	struct kith_addr fresh = out(&b, 3, ep(INSIDE, 5000), ep(R1, 80));
	assert_true(ip_of(&fresh) == EXTERNAL && fresh.port != 0 && fresh.port != 5000);
	box_deinit(&b);
}

static void readdressing_moves_new_mappings_to_the_new_address(void **state)
{
	(void)state;
	struct box b;
	box_init(&b, "full-cone");
	struct kith_addr old = out(&b, 0, ep(INSIDE, 5000), ep(R1, 80)), fresh = ep(EXTERNAL + 100, 0);
	kith_nat_readdress(&b.nat, &fresh);
	assert_int_equal(in(&b, 1, ep(R1, 80), old), KITH_NAT_BLOCKED);
	assert_int_equal(in(&b, 1, ep(R1, 80), ep(EXTERNAL + 100, 5000)), KITH_NAT_NO_MAPPING);
	assert_true(same(out(&b, 2, ep(INSIDE, 5000), ep(R1, 80)), ep(EXTERNAL + 100, 5000)));
	box_deinit(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mapping_dies_when_idle_for_its_timeout_and_not_before),
		cmocka_unit_test(outbound_refreshes),
		cmocka_unit_test(inbound_refreshes_only_if_asked_to),
		cmocka_unit_test(refused_inbound_refreshes_nothing),
		cmocka_unit_test(permission_dies_alone_while_another_destination_keeps_the_mapping),
		cmocka_unit_test(new_mapping_does_not_inherit_old_permissions),
		cmocka_unit_test(unreplied_flow_dies_sooner_on_linux),
		cmocka_unit_test(full_table_evicts_the_least_recently_used),
		cmocka_unit_test(permissions_go_before_the_mapping_that_they_serve),
		cmocka_unit_test(mapping_outlives_its_newest_permission_among_others_traffic),
		cmocka_unit_test(memory_grows_with_use_and_ends_at_the_bound),
		cmocka_unit_test(the_dead_make_room_before_the_pool_grows),
		cmocka_unit_test(without_memory_packets_are_dropped_or_old_entries_reused),
		cmocka_unit_test(long_random_run_agrees_with_a_naive_model),
		cmocka_unit_test(contradictory_options_are_refused),
		cmocka_unit_test(every_preset_has_its_name_and_checks),
		cmocka_unit_test(rebinding_gives_other_ports_where_they_were_preserved),
		cmocka_unit_test(readdressing_moves_new_mappings_to_the_new_address),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
