/* Leaving: how long it takes, and who hears of it, whatever is dead or lost meanwhile. A node is gone for good the
 * moment that it says LEFT. */
#include "core_world.h"

#include "base/limits.h"
#include "leaf/leaf.h"

enum { POLL_MS = 50, GRACE_MS = 2000, BIG = 300 /* only what holds a record is as long */ };

/* Leaves, and is gone. How long that took. */
static kith_time_us leave(struct core_world *w, int node, kith_time_us grace_us)
{
	const kith_time_us t0 = w->now;
	const struct world_event *left;
	int since = w->events_n;
	kith_core_leave(w->nodes[node].core, world_clock(w), grace_us);
	world_drain(w, node);
	while ((left = world_event(w, node, KITH_EVENT_LEFT, since)) == NULL) {
		assert_true(w->now <= t0 + grace_us);
		world_run(w, KITH_US_PER_MS);
	}
	kith_time_us at = left->at;
	assert_null(world_event(w, node, KITH_EVENT_PUBLISHED, since)); /* nobody can find it now */
	world_stop(w, node);
	return at - t0;
}

/* The homes of a node; how many. */
static int homes_of(const struct core_world *w, int node, int homes[KITH_HOMES])
{
	const struct kith_leaf *leaf = &w->nodes[node].core->leaf;
	int n = 0;
	for (int i = 0; i < w->n; i++) {
		for (int k = 0; k < KITH_HOMES; k++) {
			if (leaf->homes[k].state == KITH_HOME_ATTACHED &&
			    memcmp(&leaf->homes[k].host.dh, &w->nodes[i].id.device_dh, 32) == 0)
				homes[n++] = i;
		}
	}
	return n;
}

static uint32_t leaves_of(const struct core_world *w, int super)
{
	struct kith_core_info info;
	kith_core_info(w->nodes[super].core, &info);
	return info.leaves;
}

/* What a watcher was told last about its only name: 1 online, 0 offline, -1 nothing. */
static int seen(const struct core_world *w, int watcher)
{
	const struct world_event *ev = world_event(w, watcher, KITH_EVENT_PRESENCE, 0);
	return ev == NULL ? -1 : ev->ev.online;
}

/* Alice and bob have no home in common; bob watches alice. */
static void watched(struct core_world *w)
{
	world_far_apart(w);
	assert_int_equal(kith_core_watch(w->nodes[WORLD_FAR_BOB].core, world_clock(w), "alice"), 0);
	world_drain(w, WORLD_FAR_BOB);
	world_run(w, 5 * KITH_US_PER_S);
	assert_int_equal(seen(w, WORLD_FAR_BOB), 1);
}

/* Swallows so many packets with a record that leave a node, to one receiver or to any. */
struct thief {
	int from, to; /* to: -1 for any */
	int left, taken;
};

static int steal_tap(struct core_world *w, struct world_packet *p)
{
	struct thief *t = w->tap_ctx;
	if (t->taken == t->left || p->len < BIG || p->data[KITH_PACKET_HEADROOM] != KITH_PKT_DATA ||
	    !kith_addr_equal(&p->from, &w->nodes[t->from].addr) ||
	    (t->to >= 0 && !kith_addr_equal(&p->to, &w->nodes[t->to].addr)))
		return 1;
	t->taken++;
	return 0;
}

static void a_leaf_leaves_in_a_round_trip_and_its_homes_and_watchers_know(void **state)
{
	struct core_world w;
	int homes[KITH_HOMES];
	(void)state;
	watched(&w);
	assert_int_equal(homes_of(&w, WORLD_FAR_ALICE, homes), 3);
	uint64_t asked = world_stat(&w, WORLD_FAR_ALICE, KITH_STAT_REQUESTS_SENT);
	assert_in_range(leave(&w, WORLD_FAR_ALICE, GRACE_MS * KITH_US_PER_MS), 1, POLL_MS * KITH_US_PER_MS);
	assert_int_equal(world_stat(&w, WORLD_FAR_ALICE, KITH_STAT_REQUESTS_SENT) - asked, 3);
	world_run(&w, WORLD_DELAY_US);
	for (int i = 0; i < 3; i++)
		assert_int_equal(leaves_of(&w, homes[i]), 0);
	world_run(&w, KITH_US_PER_S);
	assert_int_equal(seen(&w, WORLD_FAR_BOB), 0);
	core_world_deinit(&w);
}

/* Whichever they are: the one that publishes, too. */
static void dead_homes_delay_nothing_and_hide_nothing(void **state)
{
	(void)state;
	for (unsigned dead = 1; dead < (1u << KITH_HOMES) - 1; dead++) { /* a bit for each; not all */
		struct core_world w;
		int homes[KITH_HOMES];
		watched(&w);
		assert_int_equal(homes_of(&w, WORLD_FAR_ALICE, homes), 3);
		for (int i = 0; i < KITH_HOMES; i++)
			w.nodes[homes[i]].muted = (dead >> i & 1) != 0;
		assert_in_range(leave(&w, WORLD_FAR_ALICE, GRACE_MS * KITH_US_PER_MS), 1, 2 * POLL_MS * KITH_US_PER_MS);
		world_run(&w, WORLD_DELAY_US);
		for (int i = 0; i < KITH_HOMES; i++)
			assert_int_equal(leaves_of(&w, homes[i]), dead >> i & 1);
		world_run(&w, 5 * KITH_US_PER_S);
		assert_int_equal(seen(&w, WORLD_FAR_BOB), 0);
		core_world_deinit(&w);
	}
}

/* No sooner either: one of them may be slow. The bound is no multiple of anything. */
static void where_all_homes_are_dead_it_ends_with_its_grace(void **state)
{
	const kith_time_us grace_us = 733001;
	struct core_world w;
	(void)state;
	world_alice_and_bob(&w);
	for (int i = 0; i < 3; i++)
		w.nodes[i].muted = true;
	assert_true(leave(&w, WORLD_ALICE, grace_us) == grace_us);
	assert_true(leave(&w, WORLD_BOB, 0) == 0);
	core_world_deinit(&w);
}

static void a_leaf_that_is_still_connecting_leaves_at_once(void **state)
{
	struct core_world w;
	(void)state;
	core_world_init(&w, kith_suite_sodium(), 1);
	w.bootstrap = 10; /* nobody there */
	int i = world_start(&w, "alice", false);
	world_run(&w, KITH_US_PER_S);
	assert_int_equal(w.nodes[i].core->leaf.homes[0].state, KITH_HOME_CONNECTING);
	assert_true(leave(&w, i, GRACE_MS * KITH_US_PER_MS) == 0);
	core_world_deinit(&w);
}

/* A leaf with two homes, which still tries the third: node 2, which is muted. */
static int tries_a_third_home(struct core_world *w)
{
	int homes[KITH_HOMES];
	core_world_init(w, kith_suite_sodium(), 1);
	for (int i = 0; i < 3; i++)
		world_start(w, (const char *const[]){ "s0", "s1", "s2" }[i], true);
	world_run(w, 10 * KITH_US_PER_S);
	w->nodes[2].muted = true;
	int alice = world_start(w, "alice", false);
	world_run(w, KITH_US_PER_S);
	assert_int_equal(homes_of(w, alice, homes), 2);
	return alice;
}

static void a_home_that_is_still_being_tried_delays_nothing(void **state)
{
	struct core_world w;
	int connecting = 0;
	(void)state;
	int alice = tries_a_third_home(&w);
	for (int i = 0; i < KITH_HOMES; i++)
		connecting += w.nodes[alice].core->leaf.homes[i].state == KITH_HOME_CONNECTING;
	assert_int_equal(connecting, 1);
	assert_in_range(leave(&w, alice, GRACE_MS * KITH_US_PER_MS), 1, POLL_MS * KITH_US_PER_MS);
	core_world_deinit(&w);
}

/* Its answer comes while the leaf leaves. */
static void no_new_home_is_taken_by_the_way(void **state)
{
	struct core_world w;
	(void)state;
	int alice = tries_a_third_home(&w);
	w.nodes[2].muted = false;
	struct thief thief = { .from = alice, .to = -1, .left = 1000 }; /* it takes all the time there is */
	w.tap = steal_tap;
	w.tap_ctx = &thief;
	int since = w.events_n;
	assert_true(leave(&w, alice, GRACE_MS * KITH_US_PER_MS) == GRACE_MS * KITH_US_PER_MS);
	for (int i = since; i < w.events_n; i++)
		assert_false(w.events[i].node == alice && w.events[i].ev.type == KITH_EVENT_ATTACHED &&
			     w.events[i].ev.count > 2);
	core_world_deinit(&w);
}

static void a_goodbye_that_is_lost_is_repeated(void **state)
{
	(void)state;
	for (int lost = 3; lost <= 6; lost += 3) {
		struct core_world w;
		struct thief thief = { .from = WORLD_FAR_ALICE, .to = -1, .left = lost };
		watched(&w);
		w.tap = steal_tap;
		w.tap_ctx = &thief;
		kith_time_us took = leave(&w, WORLD_FAR_ALICE, GRACE_MS * KITH_US_PER_MS);
		assert_int_equal(thief.taken, lost);
		assert_in_range(took, 2 * POLL_MS * KITH_US_PER_MS, KITH_US_PER_S);
		world_run(&w, KITH_US_PER_S);
		assert_int_equal(seen(&w, WORLD_FAR_BOB), 0);
		core_world_deinit(&w);
	}
}

/* The end of the session tells a home what its goodbye did not. */
static void a_home_whose_goodbye_was_lost_drops_the_leaf_all_the_same(void **state)
{
	struct core_world w;
	int homes[KITH_HOMES];
	(void)state;
	watched(&w);
	assert_int_equal(homes_of(&w, WORLD_FAR_ALICE, homes), 3);
	struct thief thief = { .from = WORLD_FAR_ALICE, .to = homes[1], .left = 1000 };
	w.tap = steal_tap;
	w.tap_ctx = &thief;
	assert_in_range(leave(&w, WORLD_FAR_ALICE, GRACE_MS * KITH_US_PER_MS), 1, POLL_MS * KITH_US_PER_MS);
	assert_int_equal(thief.taken, 1);
	world_run(&w, WORLD_DELAY_US);
	for (int i = 0; i < KITH_HOMES; i++)
		assert_int_equal(leaves_of(&w, homes[i]), 0);
	core_world_deinit(&w);
}

static void the_answer_to_an_older_record_is_not_taken_for_the_goodbyes(void **state)
{
	struct core_world w;
	struct thief thief = { .from = WORLD_FAR_ALICE, .to = -1, .left = 3 };
	(void)state;
	watched(&w);
	struct kith_core *c = w.nodes[WORLD_FAR_ALICE].core;
	uint64_t seq = c->leaf.record_seq;
	c->leaf.publish_at = w.now;
	kith_timers_stop(&c->timers, &c->leaf.timer);
	assert_int_equal(kith_timers_set(&c->timers, &c->leaf.timer, w.now), 0);
	world_run(&w, 10 * KITH_US_PER_MS);
	assert_true(c->leaf.record_seq > seq);
	w.tap = steal_tap; /* what was sent before is on its way, and will be answered */
	w.tap_ctx = &thief;
	(void)leave(&w, WORLD_FAR_ALICE, GRACE_MS * KITH_US_PER_MS);
	assert_int_equal(thief.taken, 3);
	world_run(&w, KITH_US_PER_S);
	assert_int_equal(seen(&w, WORLD_FAR_BOB), 0);
	core_world_deinit(&w);
}

static void subscriptions_are_not_renewed_by_the_way(void **state)
{
	struct core_world w;
	(void)state;
	world_far_apart(&w);
	assert_int_equal(kith_core_watch(w.nodes[WORLD_FAR_ALICE].core, world_clock(&w), "bob"), 0);
	world_drain(&w, WORLD_FAR_ALICE);
	world_run(&w, 5 * KITH_US_PER_S);
	uint64_t asked = world_stat(&w, WORLD_FAR_ALICE, KITH_STAT_REQUESTS_SENT);
	(void)leave(&w, WORLD_FAR_ALICE, GRACE_MS * KITH_US_PER_MS);
	assert_int_equal(world_stat(&w, WORLD_FAR_ALICE, KITH_STAT_REQUESTS_SENT) - asked, 3); /* the homes */
	core_world_deinit(&w);
}

static void peers_are_told_though_a_home_is_dead(void **state)
{
	struct core_world w;
	int homes[KITH_HOMES];
	(void)state;
	world_far_apart(&w);
	world_call(&w, WORLD_FAR_ALICE, WORLD_FAR_BOB, NULL);
	assert_int_equal(homes_of(&w, WORLD_FAR_ALICE, homes), 3);
	w.nodes[homes[0]].muted = true;
	int since = w.events_n;
	assert_in_range(leave(&w, WORLD_FAR_ALICE, GRACE_MS * KITH_US_PER_MS), 1, 2 * POLL_MS * KITH_US_PER_MS);
	world_run(&w, 2 * WORLD_DELAY_US);
	const struct world_event *closed = world_event(&w, WORLD_FAR_BOB, KITH_EVENT_CLOSED, since);
	assert_non_null(closed);
	assert_true(closed->ev.remote);
	assert_int_equal(closed->ev.reason, KITH_CLOSE_LEAVING);
	core_world_deinit(&w);
}

static void a_call_that_still_rings_is_taken_back(void **state)
{
	struct core_world w;
	(void)state;
	world_far_apart(&w);
	w.on_event = NULL; /* bob lets it ring */
	int since = w.events_n;
	kith_op op = world_dial(&w, WORLD_FAR_ALICE, "bob", 0);
	world_run(&w, KITH_US_PER_S);
	assert_non_null(world_event(&w, WORLD_FAR_BOB, KITH_EVENT_INCOMING, since));
	assert_in_range(leave(&w, WORLD_FAR_ALICE, GRACE_MS * KITH_US_PER_MS), 1, POLL_MS * KITH_US_PER_MS);
	const struct world_event *done = world_event(&w, WORLD_FAR_ALICE, KITH_EVENT_OP_DONE, since);
	assert_non_null(done);
	assert_int_equal(done->ev.op, op);
	assert_int_equal(done->ev.err, KITH_ECANCELED);
	world_run(&w, 4 * WORLD_DELAY_US);
	const struct world_event *closed = world_event(&w, WORLD_FAR_BOB, KITH_EVENT_CLOSED, since);
	assert_non_null(closed);
	assert_int_equal(closed->ev.reason, KITH_CLOSE_CANCELED);
	core_world_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_leaf_leaves_in_a_round_trip_and_its_homes_and_watchers_know),
		cmocka_unit_test(dead_homes_delay_nothing_and_hide_nothing),
		cmocka_unit_test(where_all_homes_are_dead_it_ends_with_its_grace),
		cmocka_unit_test(a_leaf_that_is_still_connecting_leaves_at_once),
		cmocka_unit_test(a_home_that_is_still_being_tried_delays_nothing),
		cmocka_unit_test(no_new_home_is_taken_by_the_way),
		cmocka_unit_test(a_goodbye_that_is_lost_is_repeated),
		cmocka_unit_test(a_home_whose_goodbye_was_lost_drops_the_leaf_all_the_same),
		cmocka_unit_test(the_answer_to_an_older_record_is_not_taken_for_the_goodbyes),
		cmocka_unit_test(subscriptions_are_not_renewed_by_the_way),
		cmocka_unit_test(peers_are_told_though_a_home_is_dead),
		cmocka_unit_test(a_call_that_still_rings_is_taken_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
