/* What a loop's turns say of its load. */
#include "host_world.h"

#include "host/internal.h"
#include "link/state.h"

static struct kith_lag lag;
static kith_time_us now;
static uint64_t idle, ran;

/* A turn that takes so long, of which the thread runs a part, after the loop has waited so long; true when there are
 * figures. */
static bool turn_held_up(kith_time_us work, kith_time_us run, kith_time_us wait, struct kith_core_load *out)
{
	now += work + wait;
	idle += (uint64_t)wait;
	ran += (uint64_t)run;
	if (!kith_lag_turn(&lag, now, idle))
		return false;
	kith_lag_take(&lag, ran, out);
	return true;
}

static bool turn(kith_time_us work, kith_time_us wait, struct kith_core_load *out)
{
	return turn_held_up(work, work, wait, out);
}

static void begin(void)
{
	struct kith_core_load unused;
	memset(&lag, 0, sizeof lag);
	now = 5;
	idle = 0;
	ran = 5;
	assert_false(turn(0, 0, &unused));
	assert_true(turn(0, KITH_US_PER_S, &unused)); /* from here on it is known what the thread runs */
}

static void a_loop_that_waits_is_idle(void **state)
{
	struct kith_core_load load;
	(void)state;
	begin();
	for (int i = 0; i < 9; i++)
		assert_false(turn(100, 100000, &load));
	assert_true(turn(100, 100000, &load));
	assert_true(load.busy_permille <= 1);
	assert_int_equal(load.wait_us, 0);
}

static void a_loop_that_is_always_at_work_has_what_comes_wait_for_half_a_turn(void **state)
{
	struct kith_core_load load;
	(void)state;
	begin();
	for (int i = 0; i < 24; i++)
		assert_false(turn(40000, 0, &load));
	assert_true(turn(40000, 0, &load));
	assert_int_equal(load.busy_permille, 1000);
	assert_int_equal(load.wait_us, 20000);
	/* Half of the time, in turns as long: half as long at the mean of all moments. */
	for (int i = 0; i < 12; i++)
		assert_false(turn(40000, 40000, &load));
	assert_true(turn(40000, 40000, &load));
	assert_int_equal(load.busy_permille, 500);
	assert_int_equal(load.wait_us, 10000);
}

static void a_single_long_turn_is_no_queue(void **state)
{
	struct kith_core_load load;
	(void)state;
	begin();
	assert_false(turn(50000, 0, &load));
	assert_true(turn(0, 950000, &load));
	assert_int_equal(load.wait_us, 1250);
	assert_int_equal(load.busy_permille, 50);
}

/* Signals that wake it, so that the loop forgets how long it had waited; a process that is stopped. */
static void time_in_which_the_thread_does_not_run_is_no_load(void **state)
{
	struct kith_core_load load;
	(void)state;
	begin();
	assert_false(turn_held_up(350000, 500, 0, &load));
	assert_false(turn_held_up(350000, 500, 0, &load));
	assert_true(turn_held_up(350000, 500, 0, &load));
	assert_int_equal(load.busy_permille, 5);
	assert_in_range(load.wait_us, 0, 20);
	/* Three parts of four may go to others. */
	for (int i = 0; i < 24; i++)
		assert_false(turn_held_up(40000, 10000, 0, &load));
	assert_true(turn_held_up(40000, 10000, 0, &load));
	assert_int_equal(load.busy_permille, 1000);
	assert_int_equal(load.wait_us, 20000);
}

static void a_machine_that_slept_gives_figures_that_fit(void **state)
{
	struct kith_core_load load;
	(void)state;
	begin();
	assert_true(turn(86400 * 30 * KITH_US_PER_S, 0, &load));
	assert_true(load.busy_permille <= 1000 && load.wait_us >= 0);
}

/* On a loop that counts how long it waits, the core of a supernode hears of it within seconds. */
static void a_supernode_tells_its_core_how_its_loop_fares(void **state)
{
	struct world w;
	struct party p;
	(void)state;
	world_init(&w);
	assert_int_equal(uv_loop_configure(&w.loop, UV_METRICS_IDLE_TIME), 0);
	supernode_init(&p, &w);
	const struct kith_load *l = &p.node->core->super->load;
	UNTIL(&w, l->told_at != 0);
	assert_true(l->told.busy_permille < 1000 && l->told.wait_us < KITH_ELECTION_WAIT_US);
	assert_true(l->told.memory > 1000000 && l->told.memory < l->told.memory_max);
	assert_int_equal(l->utilisation[KITH_RESOURCE_BUSY], l->told.busy_permille);
	party_close(&p);
	world_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_supernode_tells_its_core_how_its_loop_fares),
		cmocka_unit_test(a_loop_that_waits_is_idle),
		cmocka_unit_test(a_loop_that_is_always_at_work_has_what_comes_wait_for_half_a_turn),
		cmocka_unit_test(a_single_long_turn_is_no_queue),
		cmocka_unit_test(time_in_which_the_thread_does_not_run_is_no_load),
		cmocka_unit_test(a_machine_that_slept_gives_figures_that_fit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
