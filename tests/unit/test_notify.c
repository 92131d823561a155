/* Watchers are told what there is, and nobody else is. */
#include "core_world.h"

#include "base/limits.h"
#include "leaf/leaf.h"
#include "super/interests.h"
#include "super/query.h"

/* Counts packets from one node to another that are long enough to hold a record. */
struct counted {
	int from, to, n;
};

static int count_tap(struct core_world *w, struct world_packet *p)
{
	struct counted *c = w->tap_ctx;
	c->n += p->len > 500 && kith_addr_equal(&p->from, &w->nodes[c->from].addr) &&
		kith_addr_equal(&p->to, &w->nodes[c->to].addr);
	return 1;
}

/* One home for both: carol's coming is told to alice, and later to bob, who watches what the home watches already. */
static void a_further_watcher_is_told_what_there_is_and_nobody_else_is(void **state)
{
	struct core_world w;
	(void)state;
	world_network(&w, kith_suite_sodium(), 1, 1, (const char *const[]){ "alice", "bob", "carol", NULL });
	assert_int_equal(kith_core_watch(w.nodes[1].core, world_clock(&w), "carol"), 0);
	world_drain(&w, 1);
	world_run(&w, 10 * KITH_US_PER_S);
	const struct world_event *ev = world_event(&w, 1, KITH_EVENT_PRESENCE, 0);
	assert_non_null(ev);
	assert_true(ev->ev.online);
	struct counted to_alice = { 0, 1, 0 };
	w.tap = count_tap;
	w.tap_ctx = &to_alice;
	int since = w.events_n;
	assert_int_equal(kith_core_watch(w.nodes[2].core, world_clock(&w), "carol"), 0);
	world_drain(&w, 2);
	world_run(&w, 2 * KITH_US_PER_S);
	ev = world_event(&w, 2, KITH_EVENT_PRESENCE, since);
	assert_non_null(ev);
	assert_true(ev->ev.online);
	assert_int_equal(to_alice.n, 0);
	core_world_deinit(&w);
}

/* Under load carol's news of five seconds reach alice as one, within the time that they may wait; nothing is lost. */
static void under_load_news_wait_and_the_newest_goes_out(void **state)
{
	struct core_world w;
	(void)state;
	world_network(&w, kith_suite_sodium(), 1, 1, (const char *const[]){ "alice", "carol", NULL });
	assert_int_equal(kith_core_watch(w.nodes[1].core, world_clock(&w), "carol"), 0);
	world_drain(&w, 1);
	world_run(&w, 10 * KITH_US_PER_S);
	struct kith_supernode *sn = w.nodes[0].core->super;
	sn->overload.level = KITH_OVERLOAD_PRESENCE;
	sn->load.told.busy_permille = 910;
	sn->load.told_at = w.now + 86400 * KITH_US_PER_S;
	world_run(&w, 6 * KITH_US_PER_S); /* the figures are looked at */
	struct counted to_alice = { 0, 1, 0 };
	w.tap = count_tap;
	w.tap_ctx = &to_alice;
	int since = w.events_n;
	for (int i = 0; i < 5; i++) { /* five records in five seconds */
		w.nodes[2].core->leaf.publish_at = w.now;
		kith_leaf_tick(w.nodes[2].core);
		kith_core_tick(w.nodes[2].core, world_clock(&w));
		world_drain(&w, 2);
		world_run(&w, KITH_US_PER_S);
	}
	assert_int_equal(to_alice.n, 0);
	world_run(&w, 10 * KITH_US_PER_S);
	assert_int_equal(to_alice.n, 1);
	/* The news that count most: she goes. */
	kith_core_leave(w.nodes[2].core, world_clock(&w), KITH_US_PER_S);
	world_drain(&w, 2);
	world_run(&w, 3 * KITH_US_PER_S);
	assert_null(world_event(&w, 1, KITH_EVENT_PRESENCE, since));
	world_run(&w, 12 * KITH_US_PER_S);
	const struct world_event *ev = world_event(&w, 1, KITH_EVENT_PRESENCE, since);
	assert_non_null(ev);
	assert_false(ev->ev.online);
	core_world_deinit(&w);
}

/* Forty watch the first one, and there are 32 packets: nobody waits until his notice would be repeated. */
static void all_watchers_are_told_at_once_also_when_there_are_more_of_them_than_packets(void **state)
{
	enum { LEAVES = 41 };
	struct core_world w;
	(void)state;
	core_world_init_with(&w, kith_suite_sim(), 1, 32);
	world_start(&w, "s0", true);
	world_run(&w, 10 * KITH_US_PER_S);
	for (int i = 1; i <= LEAVES; i++) {
		char name[16];
		snprintf(name, sizeof name, "n%d", i);
		world_start(&w, name, false);
		world_run(&w, KITH_US_PER_S);
		if (i == 1)
			continue;
		assert_int_equal(kith_core_watch(w.nodes[i].core, world_clock(&w), "n1"), 0);
		world_drain(&w, i);
	}
	world_run(&w, 20 * KITH_US_PER_S);
	int since = w.events_n, told = 0;
	kith_time_us first = KITH_TIME_NEVER, last = 0;
	kith_core_leave(w.nodes[1].core, world_clock(&w), KITH_US_PER_S);
	world_drain(&w, 1);
	world_run(&w, 2 * KITH_US_PER_S);
	for (int i = since; i < w.events_n; i++) {
		const struct world_event *e = &w.events[i];
		if (e->ev.type != KITH_EVENT_PRESENCE || e->ev.online)
			continue;
		told++;
		first = e->at < first ? e->at : first;
		last = e->at;
	}
	assert_int_equal(told, LEAVES - 1);
	assert_in_range(last - first, 0, 20 * KITH_US_PER_MS);
	core_world_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(under_load_news_wait_and_the_newest_goes_out),
		cmocka_unit_test(all_watchers_are_told_at_once_also_when_there_are_more_of_them_than_packets),
		cmocka_unit_test(a_further_watcher_is_told_what_there_is_and_nobody_else_is),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
