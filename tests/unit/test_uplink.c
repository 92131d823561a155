/* What a supernode has to send decides what waits: news, never for ever; and leaves, with their other homes. */
#include "super_world.h"

#include "base/limits.h"
#include "super/uplink.h"

enum { RATE = 50000 }; /* bytes a second that it lets others relay */

static struct kith_core *supernode(struct core_world *w, int supernodes, const char *const leaves[])
{
	world_network(w, kith_suite_sim(), 1, supernodes, leaves);
	for (int i = 0; i < supernodes; i++)
		w->nodes[i].core->super->fwd.limits.rate = RATE;
	return w->nodes[0].core;
}

/* Its clock goes on also when it has nothing to do. */
static void pass(struct core_world *w, kith_time_us us)
{
	world_run(w, us);
	kith_core_tick(w->nodes[0].core, world_clock(w));
	world_drain(w, 0);
}

static void what_was_sent_is_waited_for_and_no_more_than_the_link_holds(void **state)
{
	struct core_world w;
	(void)state;
	struct kith_core *c = supernode(&w, 1, (const char *const[]){ NULL });
	kith_uplink_owes(c, 100 * RATE); /* what waits has more than its share by far */
	kith_uplink_sent(c, 0);
	assert_int_equal(kith_uplink_wait(c), 0);
	kith_uplink_sent(c, RATE / 20);
	assert_int_equal(kith_uplink_wait(c), 0); /* 50 ms: nobody minds */
	kith_uplink_sent(c, RATE / 2);
	assert_in_range(kith_uplink_wait(c), 400 * KITH_US_PER_MS, 500 * KITH_US_PER_MS);
	kith_uplink_sent(c, 1000 * RATE);
	assert_in_range(kith_uplink_wait(c), 800 * KITH_US_PER_MS, KITH_US_PER_S);
	pass(&w, KITH_US_PER_S);
	assert_int_equal(kith_uplink_wait(c), 0);
	core_world_deinit(&w);
}

/* However much else is sent. */
static void what_waits_has_a_share(void **state)
{
	struct core_world w;
	uint64_t went = 0;
	(void)state;
	struct kith_core *c = supernode(&w, 1, (const char *const[]){ NULL });
	for (int ms = 0; ms < 10000; ms++) {
		kith_uplink_sent(c, RATE); /* a thousand times what it may */
		if (kith_uplink_wait(c) == 0) {
			kith_uplink_owes(c, 100);
			went += 100;
		}
		pass(&w, KITH_US_PER_MS);
	}
	assert_in_range(went, RATE * 10 / 4 * 9 / 10, RATE * 10 / 4 * 11 / 10);
	core_world_deinit(&w);
}

static void the_more_leaves_come_the_longer_the_next_wait(void **state)
{
	struct core_world w;
	kith_time_us last = 0;
	(void)state;
	struct kith_core *c = supernode(&w, 1, (const char *const[]){ NULL });
	assert_int_equal(kith_uplink_attached(c), 0); /* one that comes alone does not wait */
	for (int i = 0; i < 50; i++) {
		kith_time_us wait = kith_uplink_attached(c);
		assert_true(wait >= last);
		last = wait;
	}
	assert_in_range(last, 5 * KITH_US_PER_S, 10 * KITH_US_PER_S);
	for (int i = 0; i < 1000; i++)
		last = kith_uplink_attached(c);
	assert_int_equal(last, KITH_ATTACH_WAIT_US);
	c->super->fwd.limits.rate = 0; /* nobody said what it may send */
	core_world_deinit(&w);
}

/* News that wait for the link go out as one, the newest, when it is free. */
static void news_wait_for_the_link(void **state)
{
	struct core_world w;
	(void)state;
	struct kith_core *c = supernode(&w, 1, (const char *const[]){ "alice", "carol", NULL });
	assert_int_equal(kith_core_watch(w.nodes[1].core, world_clock(&w), "carol"), 0);
	world_drain(&w, 1);
	world_run(&w, 10 * KITH_US_PER_S);
	kith_uplink_owes(c, RATE); /* the share is used up for four seconds */
	int since = w.events_n;
	kith_core_leave(w.nodes[2].core, world_clock(&w), KITH_US_PER_S);
	for (int ms = 0; ms < 2000; ms += 10) {
		kith_uplink_sent(c, RATE);
		world_drain(&w, 2);
		world_run(&w, 10 * KITH_US_PER_MS);
	}
	assert_null(world_event(&w, 1, KITH_EVENT_PRESENCE, since));
	world_run(&w, 3 * KITH_US_PER_S);
	const struct world_event *ev = world_event(&w, 1, KITH_EVENT_PRESENCE, since);
	assert_non_null(ev);
	assert_false(ev->ev.online);
	core_world_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_sent_is_waited_for_and_no_more_than_the_link_holds),
		cmocka_unit_test(what_waits_has_a_share),
		cmocka_unit_test(the_more_leaves_come_the_longer_the_next_wait),
		cmocka_unit_test(news_wait_for_the_link),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
