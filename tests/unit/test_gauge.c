/* A leaf measures its NAT by spare sockets, and its keepalives follow. */
#include "gauge_world.h"

#define WHOLE (KITH_GAUGE_AFTER_US + 200 * S) /* a measurement */

static struct gw g;

static void how_long_a_mapping_lasts_is_found(void **state)
{
	static const struct {
		uint16_t lasts_s, found_s;
		unsigned keepalive_ms;
	} want[] = {
		{ 10, 10, 9000 },  { 15, 13, 9750 },  { 20, 18, 13500 },   { 30, 28, 21000 },	{ 45, 43, 32250 },
		{ 60, 58, 43500 }, { 90, 88, 55000 }, { 120, 118, 55000 }, { 180, 178, 55000 }, { 600, 178, 55000 },
	};
	(void)state;
	for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
		gw_start(&g, want[i].lasts_s, GW_BY_PORT, false);
		world_run(&g.w, WHOLE);
		assert_int_equal(gw_nat(&g)->lifetime_s, want[i].found_s);
		assert_int_equal(kith_gauge_keepalive_us(want[i].found_s), want[i].keepalive_ms * 1000);
		core_world_deinit(&g.w);
	}
	assert_int_equal(kith_gauge_keepalive_us(0), KITH_KEEPALIVE_US);
}

static void who_is_let_in_and_whether_two_behind_it_meet_is_found(void **state)
{
	static const uint8_t filtering[] = { KITH_NATCLASS_FILTERING_NONE, KITH_NATCLASS_FILTERING_ADDRESS,
					     KITH_NATCLASS_FILTERING_PORT };
	(void)state;
	for (unsigned i = 0; i < 6; i++) {
		gw_start(&g, 60, (enum gw_filter)(i % 3), i >= 3);
		world_run(&g.w, WHOLE);
		assert_int_equal(gw_nat(&g)->filtering, filtering[i % 3]);
		assert_int_equal(gw_nat(&g)->hairpin, i >= 3 ? KITH_NATCLASS_HAIRPIN_YES : KITH_NATCLASS_HAIRPIN_NO);
		assert_int_equal(gw_nat(&g)->lifetime_s, 58);
		core_world_deinit(&g.w);
	}
}

/* On a public address everybody is let in, as far as that goes; a firewall's mappings may end all the same. */
static void without_a_nat_nothing_is_said_of_a_hairpin(void **state)
{
	(void)state;
	gw_start(&g, 0, GW_EVERYBODY, false);
	world_run(&g.w, WHOLE);
	assert_int_equal(gw_nat(&g)->mapping, KITH_NATCLASS_MAPPING_NONE);
	assert_int_equal(gw_nat(&g)->filtering, KITH_NATCLASS_FILTERING_NONE);
	assert_int_equal(gw_nat(&g)->hairpin, KITH_NATCLASS_HAIRPIN_UNKNOWN);
	assert_int_equal(gw_nat(&g)->lifetime_s, 178);
	core_world_deinit(&g.w);
}

static void it_is_cheap_and_seldom_and_not_by_the_main_socket(void **state)
{
	(void)state;
	gw_start(&g, 60, GW_BY_PORT, true);
	world_run(&g.w, KITH_GAUGE_AFTER_US - 8 * S);
	assert_int_equal(g.echoes, 0);
	world_run(&g.w, WHOLE);
	assert_true(g.echoes > 0);
	assert_in_range(g.echo_bytes, 1000, 4000);
	assert_int_equal(g.main_sent, 0);
	assert_null(g.w.nodes[GW_ALICE].core->leaf.gauge);
	assert_int_equal(g.w.nodes[GW_ALICE].core->transports.n, 1); /* the spare ones are closed */
	const int echoes = g.echoes;
	world_run(&g.w, KITH_GAUGE_AGAIN_US - WHOLE - 60 * S);
	assert_int_equal(g.echoes, echoes);
	world_run(&g.w, 2 * WHOLE);
	assert_true(g.echoes > echoes);
	core_world_deinit(&g.w);
}

/* Behind a NAT that forgets after 20 s a home's word would not arrive at every 25 s. */
static void no_home_is_out_of_reach_for_an_hour(void **state)
{
	(void)state;
	gw_start(&g, 20, GW_BY_PORT, false);
	world_run(&g.w, WHOLE);
	assert_int_equal(g.w.nodes[GW_ALICE].core->env.keepalive_us, 13500000);
	const int flows = g.flows_n;
	g.lost_at = 0;
	world_run(&g.w, 3600 * S);
	assert_int_equal(g.lost_at, 0);
	assert_int_equal(g.flows_n, flows); /* no mapping was made anew */
	core_world_deinit(&g.w);
}

/* Her homes see her at another port: a mapping did not last as long as it was found to. */
static void a_mapping_that_is_lost_early_halves_the_lifetime(void **state)
{
	(void)state;
	gw_start(&g, 120, GW_BY_PORT, false);
	world_run(&g.w, WHOLE);
	assert_int_equal(gw_nat(&g)->lifetime_s, 118);
	memset(g.flows, 0, sizeof g.flows); /* the NAT forgets */
	world_run(&g.w, 60 * S);
	const uint16_t half = gw_nat(&g)->lifetime_s;
	assert_true(half == 59 || half == 29 || half == 14); /* each home has its word */
	assert_int_equal(g.w.nodes[GW_ALICE].core->env.keepalive_us, kith_gauge_keepalive_us(half));
	core_world_deinit(&g.w);
}

static void another_public_address_is_another_network(void **state)
{
	(void)state;
	gw_start(&g, 120, GW_EVERYBODY, true);
	world_run(&g.w, WHOLE);
	g.ip = 2;
	g.lifetime_s = 30;
	g.filter = GW_BY_PORT;
	memset(g.flows, 0, sizeof g.flows);
	world_run(&g.w, WHOLE + 80 * S);
	assert_int_equal(gw_nat(&g)->lifetime_s, 28);
	assert_int_equal(gw_nat(&g)->filtering, KITH_NATCLASS_FILTERING_PORT);
	core_world_deinit(&g.w);
}

/* ... whose packets do not come back: that is no word about the NAT. */
static void a_home_that_goes_is_not_taken_for_a_short_lifetime(void **state)
{
	(void)state;
	gw_start(&g, 120, GW_EVERYBODY, true);
	world_run(&g.w, KITH_GAUGE_AFTER_US + 10 * S);
	assert_non_null(g.w.nodes[GW_ALICE].core->leaf.gauge);
	world_stop(&g.w, world_node_at(&g.w, &g.home));
	world_run(&g.w, 200 * S);
	assert_int_equal(gw_nat(&g)->lifetime_s, 0);
	assert_null(g.w.nodes[GW_ALICE].core->leaf.gauge);
	world_run(&g.w, KITH_GAUGE_RETRY_US + WHOLE); /* by another */
	assert_int_equal(gw_nat(&g)->lifetime_s, 118);
	core_world_deinit(&g.w);
}

static void packets_that_are_lost_shorten_what_is_found_and_nothing_else(void **state)
{
	(void)state;
	for (int every = 3; every < 20; every++) {
		gw_start(&g, 120, GW_EVERYBODY, true);
		g.loss_every = every;
		world_run(&g.w, WHOLE);
		assert_true(gw_nat(&g)->lifetime_s <= 118);
		assert_true(gw_nat(&g)->filtering == KITH_NATCLASS_FILTERING_NONE ||
			    gw_nat(&g)->filtering == KITH_NATCLASS_FILTERING_UNKNOWN);
		assert_null(g.w.nodes[GW_ALICE].core->leaf.gauge);
		core_world_deinit(&g.w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(how_long_a_mapping_lasts_is_found),
		cmocka_unit_test(who_is_let_in_and_whether_two_behind_it_meet_is_found),
		cmocka_unit_test(without_a_nat_nothing_is_said_of_a_hairpin),
		cmocka_unit_test(it_is_cheap_and_seldom_and_not_by_the_main_socket),
		cmocka_unit_test(no_home_is_out_of_reach_for_an_hour),
		cmocka_unit_test(a_mapping_that_is_lost_early_halves_the_lifetime),
		cmocka_unit_test(another_public_address_is_another_network),
		cmocka_unit_test(a_home_that_goes_is_not_taken_for_a_short_lifetime),
		cmocka_unit_test(packets_that_are_lost_shorten_what_is_found_and_nothing_else),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
