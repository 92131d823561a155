#include "support.h"

#include "path/path.h"

static struct kith_path path_of(uint64_t tunnel)
{
	struct kith_hop hop = { .tunnel = tunnel, .transport = 2 };
	struct kith_path p;
	kith_path_init(&p, &hop, 5, 1000);
	return p;
}

static void a_new_path_is_a_candidate_that_nobody_named(void **state)
{
	(void)state;
	struct kith_path p = path_of(0);
	assert_int_equal(p.state, KITH_PATH_CANDIDATE);
	assert_int_equal(p.id, 5);
	assert_int_equal(p.peer_id, KITH_PATH_ID_NONE);
	assert_int_equal(p.due_at, KITH_TIME_NEVER);
}

static void round_trips_follow_rfc_6298(void **state)
{
	(void)state;
	struct kith_path p = path_of(0);
	kith_path_rtt(&p, 80000);
	assert_int_equal(p.srtt_us, 80000);
	assert_int_equal(p.rttvar_us, 40000);
	kith_path_rtt(&p, 160000);
	assert_int_equal(p.srtt_us, 90000); /* 7/8 80 + 1/8 160 */
	assert_int_equal(p.rttvar_us, 50000); /* 3/4 40 + 1/4 80 */
	for (unsigned i = 0; i < 200; i++)
		kith_path_rtt(&p, 80000);
	assert_in_range(p.srtt_us, 79900, 80100);
	assert_in_range(p.rttvar_us, 0, 100);
	kith_path_rtt(&p, UINT32_MAX); /* no round trip takes that long */
	assert_in_range(p.srtt_us, 79900, 80100);
	struct kith_path q = path_of(0);
	kith_path_rtt(&q, 0);
	assert_int_equal(q.srtt_us, 1); /* measured, not unknown */
	for (unsigned i = 0; i < 50; i++)
		kith_path_rtt(&q, 0);
	assert_true(q.srtt_us >= 1);
}

static void the_period_is_srtt_four_rttvar_and_35_ms(void **state)
{
	(void)state;
	struct kith_path p = path_of(0);
	assert_int_equal(kith_path_period(&p), KITH_PATH_PERIOD_DEFAULT_US);
	kith_path_rtt(&p, 80000);
	assert_int_equal(kith_path_period(&p), 80000 + 4 * 40000 + 35000);
	p.srtt_us = 2900000;
	assert_int_equal(kith_path_period(&p), KITH_PATH_PERIOD_MAX_US);
}

static void a_relay_counts_50_ms_more_and_the_unknown_a_second(void **state)
{
	(void)state;
	struct kith_path direct = path_of(0), relay = path_of(9);
	assert_true(kith_path_is_relay(&relay) && !kith_path_is_relay(&direct));
	assert_true(kith_path_cost(&direct) < kith_path_cost(&relay));
	kith_path_rtt(&relay, 100000);
	assert_true(kith_path_cost(&relay) < kith_path_cost(&direct));
	kith_path_rtt(&direct, 149999);
	assert_true(kith_path_cost(&direct) < kith_path_cost(&relay));
	direct.srtt_us = 150001;
	assert_true(kith_path_cost(&relay) < kith_path_cost(&direct));
}

/* Over TCP, all wait for one that was lost. */
static void what_its_transport_costs_counts_as_well(void **state)
{
	(void)state;
	struct kith_path p = path_of(0), relay = path_of(7);
	kith_path_rtt(&p, 80000);
	kith_path_rtt(&relay, 80000);
	p.cost = relay.cost = 3;
	assert_int_equal(kith_path_cost(&p), 110000);
	assert_int_equal(kith_path_cost(&relay), 160000);
}

static void states_follow_the_edges(void **state)
{
	(void)state;
	struct kith_path p = path_of(0);
	static const enum kith_path_state round[] = { KITH_PATH_LIVE,	 KITH_PATH_SUSPECT, KITH_PATH_LIVE,
						      KITH_PATH_SUSPECT, KITH_PATH_DEAD,    KITH_PATH_LIVE,
						      KITH_PATH_DEAD,	 KITH_PATH_NONE };
	for (unsigned i = 0; i < sizeof round / sizeof round[0]; i++) {
		kith_path_set_state(&p, round[i]);
		assert_int_equal(p.state, round[i]);
	}
}

static void the_schedule_is_that_of_a_punch(void **state)
{
	(void)state;
	static const unsigned ms[] = { 0, 20, 60, 140, 300, 600, 1000 };
	for (unsigned i = 0; i < KITH_PATH_STEPS; i++)
		assert_int_equal(kith_path_schedule(i), ms[i] * 1000);
	assert_int_equal(kith_path_schedule(KITH_PATH_STEPS), KITH_TIME_NEVER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_path_is_a_candidate_that_nobody_named),
		cmocka_unit_test(round_trips_follow_rfc_6298),
		cmocka_unit_test(the_period_is_srtt_four_rttvar_and_35_ms),
		cmocka_unit_test(a_relay_counts_50_ms_more_and_the_unknown_a_second),
		cmocka_unit_test(what_its_transport_costs_counts_as_well),
		cmocka_unit_test(states_follow_the_edges),
		cmocka_unit_test(the_schedule_is_that_of_a_punch),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
