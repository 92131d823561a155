/* A supernode that has too much to do asks a leaf for help, and hands leaves over without any of them losing a home;
 * who is not needed any more goes in good order. */
#include "help_world.h"

static unsigned fewest_homes(const struct core_world *w, int first, int n)
{
	unsigned fewest = KITH_HOMES;
	for (int i = first; i < first + n; i++) {
		unsigned homes = kith_homes_count(w->nodes[i].core);
		fewest = homes < fewest ? homes : fewest;
	}
	return fewest;
}

static void help_comes_and_leaves_move_one_in_twenty_a_second(void **state)
{
	enum { LEAVES = 16, FIRST = HELPER + 1 };
	struct core_world w;
	(void)state;
	help_network(&w, LEAVES);
	help_offer(&w, 1, HELPER);
	const struct kith_core *helper = w.nodes[HELPER].core;
	help_run_loaded(&w, 1, 600, 60 * KITH_US_PER_S);
	assert_false(kith_serves(helper)); /* there is no need */
	int waited = 0;
	for (; !kith_serves(helper) && waited < 60; waited++)
		help_run_loaded(&w, 1, 760, KITH_US_PER_S);
	assert_in_range(waited, 30, 36);
	assert_int_equal(help_leaves(&w, 1), LEAVES); /* but the helper, whose home it was */
	/* It is heard of, and takes leaves, never more than one a second of sixteen. */
	uint32_t before = 0;
	for (int s = 0; s < 30; s++) {
		help_run_loaded(&w, 1, 760, KITH_US_PER_S);
		uint32_t now = help_leaves(&w, HELPER);
		assert_true(now <= before + 1);
		assert_int_equal(fewest_homes(&w, FIRST, LEAVES), KITH_HOMES); /* make before break */
		before = now;
	}
	assert_int_equal(before, LEAVES / 2); /* half of what the other had; its own places are twenty */
	assert_int_equal(help_leaves(&w, 1), LEAVES / 2);
	assert_int_equal(kith_members_live(&w.nodes[0].core->super->members), HELP_SUPERS + 1);
	world_call(&w, FIRST, FIRST + 1, NULL);
	core_world_deinit(&w);
}

static void moving_stops_when_there_is_no_need_any_more(void **state)
{
	struct core_world w;
	(void)state;
	help_network(&w, 16);
	help_offer(&w, 1, HELPER);
	while (!kith_serves(w.nodes[HELPER].core))
		help_run_loaded(&w, 1, 760, KITH_US_PER_S);
	while (help_leaves(&w, HELPER) < 2)
		help_run_loaded(&w, 1, 760, KITH_US_PER_S);
	help_run_loaded(&w, 1, 300, 30 * KITH_US_PER_S);
	assert_in_range(help_leaves(&w, HELPER), 2, 4);
	core_world_deinit(&w);
}

/* Whoever refuses is not asked again for an hour, and nobody who is not qualified is asked. */
static void the_next_best_is_asked_when_one_refuses(void **state)
{
	struct core_world w;
	(void)state;
	help_network(&w, 4);
	help_offer(&w, 1, HELPER);
	help_offer(&w, 1, HELPER + 1); /* it consents to nothing */
	struct kith_session *s = kith_sessions_of(&w.nodes[1].core->sessions, w.nodes[HELPER + 1].core->self.dh_pk);
	s->attached->candidate->figures.up = s->attached->candidate->figures.down =
		9000000; /* it would be the better one */
	int waited = 0;
	for (; s->attached->candidate->unwilling_until == 0 && waited < 60; waited++)
		help_run_loaded(&w, 1, 760, KITH_US_PER_S);
	assert_in_range(waited, 30, 36);
	assert_true(s->attached->candidate->unwilling_until > w.now + 3000 * KITH_US_PER_S);
	help_run_loaded(&w, 1, 760, 4 * KITH_US_PER_S);
	assert_true(kith_serves(w.nodes[HELPER].core));
	assert_false(kith_serves(w.nodes[HELPER + 1].core));
	core_world_deinit(&w);
}

static void a_newcomer_begins_with_a_tenth_of_its_places(void **state)
{
	struct core_world w;
	(void)state;
	help_network(&w, 0);
	help_offer(&w, 1, HELPER);
	while (!kith_serves(w.nodes[HELPER].core))
		help_run_loaded(&w, 1, 760, KITH_US_PER_S);
	struct kith_help *h = &w.nodes[HELPER].core->super->help;
	assert_int_equal(h->places, 20);
	/* More with each minute in which it has little to do, and never more than its operator allows. */
	world_run(&w, 65 * KITH_US_PER_S);
	assert_int_equal(h->places, 40);
	help_run_loaded(&w, HELPER, 800, 180 * KITH_US_PER_S);
	assert_true(h->places <= 60);
	world_run(&w, 1200 * KITH_US_PER_S);
	assert_int_equal(h->places, 200);
	core_world_deinit(&w);
}

/* Nine supernodes with nothing to do are three too many; the elected one goes when its time has come, and those who had
 * it for a home have another before it is gone. */
static void who_is_not_needed_drains_and_is_a_leaf_again(void **state)
{
	struct core_world w;
	(void)state;
	help_network(&w, 4);
	help_offer(&w, 1, HELPER);
	struct kith_core *helper = w.nodes[HELPER].core;
	while (!kith_serves(helper))
		help_run_loaded(&w, 1, 760, KITH_US_PER_S);
	help_run_loaded(&w, 1, 760, 20 * KITH_US_PER_S);
	assert_true(help_leaves(&w, HELPER) > 0);
	for (int i = 0; i < 9; i++) {
		char name[16];
		snprintf(name, sizeof name, "more%d", i);
		world_start(&w, name, true);
	}
	world_run(&w, KITH_ELECTION_OFFICE_US - 120 * KITH_US_PER_S);
	assert_true(kith_serves(helper) && !helper->super->help.draining);
	int waited = 0;
	for (; kith_serves(helper) && !helper->super->help.draining && waited < 3600 * 6; waited++)
		world_run(&w, KITH_US_PER_S);
	assert_true(kith_serves(helper) && helper->super->help.draining);
	bool served = true;
	uint32_t left = UINT32_MAX;
	for (int s = 0; s < 2000 && served; s++) {
		left = help_leaves(&w, HELPER);
		world_run(&w, KITH_US_PER_S / 10);
		served = kith_serves(helper);
		assert_true(fewest_homes(&w, HELPER + 1, 4) >= KITH_HOMES - 1); /* one is being replaced */
	}
	assert_int_equal(left, 0); /* nobody was dropped */
	assert_false(served);
	world_run(&w, 10 * KITH_US_PER_S);
	assert_int_equal(kith_homes_count(helper), KITH_HOMES);
	for (int i = HELPER + 1; i < HELPER + 5; i++)
		assert_int_equal(kith_homes_count(w.nodes[i].core), KITH_HOMES);
	world_call(&w, HELPER + 1, HELPER + 2, NULL);
	core_world_deinit(&w);
}

/* One of seven has too much to do, and the others next to nothing: they take leaves of its, and no other one is needed.
 * Once all have more than they can do for long, one is. */
static void help_is_not_elected_while_others_have_room(void **state)
{
	enum { SUPERS = 7, LEAVES = 16, HELPER_OF_MANY = SUPERS };
	static const struct kith_core_load much = { .busy_permille = 820 };
	struct core_world w;
	struct kith_core_options o;
	char name[16];
	(void)state;
	world_network(&w, kith_suite_sim(), 1, SUPERS, (const char *const[]){ NULL });
	world_options(&w, world_add(&w, "helper", true), &o);
	o.role = KITH_ROLE_AUTO;
	o.terms.consent = KITH_CONSENT_YES;
	o.endpoints_n = 0;
	assert_int_equal(world_try_start(&w, HELPER_OF_MANY, &o), 0);
	for (int k = 0; k < LEAVES; k++) {
		snprintf(name, sizeof name, "leaf%d", k);
		world_start(&w, name, false);
	}
	world_run(&w, 5 * KITH_US_PER_S);
	help_found(&w, HELPER_OF_MANY);
	int loaded = world_node_at(&w, &w.nodes[HELPER_OF_MANY].core->leaf.homes[0].host.endpoints[0].addr);
	help_offer(&w, loaded, HELPER_OF_MANY);
	const uint32_t before = help_leaves(&w, loaded);
	/* One of six is drawn for each attempt, and two of them may be homes of all these leaves already. */
	for (int s = 0; s < 300 && help_leaves(&w, loaded) > before / 2 + 1; s += 10)
		help_run_loaded(&w, loaded, 760, 10 * KITH_US_PER_S);
	assert_true(help_leaves(&w, loaded) <= before / 2 + 1);
	assert_true(help_leaves(&w, loaded) + 1 >= before / 2);
	assert_false(kith_serves(w.nodes[HELPER_OF_MANY].core));
	for (int k = 0; k < LEAVES; k++)
		assert_int_equal(kith_homes_count(w.nodes[HELPER_OF_MANY + 1 + k].core), KITH_HOMES);
	/* All seven draw once a minute, and the one that knows whom to ask has to win. */
	for (int s = 0; s < 1800 && !kith_serves(w.nodes[HELPER_OF_MANY].core); s++) {
		for (int i = 0; i < SUPERS; i++) {
			kith_core_load(w.nodes[i].core, world_clock_of(&w, i), &much);
			world_drain(&w, i);
		}
		world_run(&w, KITH_US_PER_S);
	}
	assert_true(kith_serves(w.nodes[HELPER_OF_MANY].core));
	core_world_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(help_comes_and_leaves_move_one_in_twenty_a_second),
		cmocka_unit_test(help_is_not_elected_while_others_have_room),
		cmocka_unit_test(moving_stops_when_there_is_no_need_any_more),
		cmocka_unit_test(the_next_best_is_asked_when_one_refuses),
		cmocka_unit_test(a_newcomer_begins_with_a_tenth_of_its_places),
		cmocka_unit_test(who_is_not_needed_drains_and_is_a_leaf_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
