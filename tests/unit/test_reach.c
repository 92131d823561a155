/* By which kind of transport homes are reached, while walls rise and fall. */
#include "two_kinds.h"

#include "core/settle.h"
#include "leaf/homes.h"
#include "leaf/reach.h"

static void where_udp_gets_through_homes_are_reached_by_it(void **state)
{
	(void)state;
	struct two_kinds *t = two_kinds_new(false);
	world_run(&t->w, 5 * KITH_US_PER_S);
	assert_int_equal(homes_over(t, 0), 3);
	assert_int_equal(kith_reach_tick(t->w.nodes[ALICE].core), KITH_TIME_NEVER); /* nothing is left to do */
	two_kinds_free(t);
}

/* A lost packet is no wall. */
static void one_lost_packet_makes_no_home_over_tcp(void **state)
{
	(void)state;
	struct two_kinds *t = two_kinds_new(false);
	t->loses = true;
	world_run(&t->w, 2 * KITH_US_PER_S);
	assert_int_equal(homes_over(t, 0) + homes_over(t, 1), 3);
	world_run(&t->w, 10 * KITH_US_PER_S);
	assert_int_equal(homes_over(t, 0), 3);
	two_kinds_free(t);
}

static void behind_a_wall_a_leaf_has_homes_and_is_called(void **state)
{
	(void)state;
	struct two_kinds *t = two_kinds_new(true);
	kith_time_us since = t->w.now;
	while (homes_over(t, 1) < 3 && t->w.now - since < 2 * KITH_US_PER_S)
		world_run(&t->w, 10 * KITH_US_PER_MS);
	assert_int_equal(homes_over(t, 1), 3);
	print_message("three homes over TCP after %d ms\n", (int)((t->w.now - since) / 1000));
	start_with_both(&t->w, "bob", false);
	world_run(&t->w, 5 * KITH_US_PER_S);
	kith_session_id at_bob, at_alice = world_call(&t->w, ALICE, BOB, &at_bob);
	int from = t->w.events_n;
	assert_int_equal(world_say(&t->w, ALICE, at_alice, "hello", 5), 0);
	assert_int_equal(world_say(&t->w, BOB, at_bob, "hi", 2), 0);
	world_run(&t->w, KITH_US_PER_S);
	assert_int_equal(world_events(&t->w, BOB, KITH_EVENT_DATAGRAM, from), 1);
	assert_int_equal(world_events(&t->w, ALICE, KITH_EVENT_DATAGRAM, from), 1);
	two_kinds_free(t);
}

/* Where a leaf is seen over what leads out only, nobody can come in: it is not offered. */
static void what_leads_out_only_is_no_candidate(void **state)
{
	struct kith_candidate own[KITH_CANDIDATES_MAX];
	(void)state;
	struct two_kinds *t = two_kinds_new(true);
	world_run(&t->w, 5 * KITH_US_PER_S);
	assert_int_equal(homes_over(t, 1), 3);
	size_t n = kith_own_candidates(t->w.nodes[ALICE].core, own, KITH_CANDIDATES_MAX);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(own[i].at.kind, KITH_TRANSPORT_UDP);
	assert_int_equal(n, 1);
	two_kinds_free(t);
}

static void when_the_wall_falls_homes_move_and_none_is_lost(void **state)
{
	(void)state;
	struct two_kinds *t = two_kinds_new(true);
	world_run(&t->w, 5 * KITH_US_PER_S);
	assert_int_equal(homes_over(t, 1), 3);
	world_run(&t->w, 60 * KITH_US_PER_S); /* asked in vain, and no more often than that */
	assert_true(t->w.nodes[ALICE].core->leaf.reach_vain >= 3);
	assert_int_equal(homes_over(t, 1), 3);
	int from = t->w.events_n;
	t->wall = false;
	world_run(&t->w, 120 * KITH_US_PER_S);
	assert_int_equal(homes_over(t, 0), 3);
	assert_int_equal(world_events(&t->w, ALICE, KITH_EVENT_ATTACHED, from), 0);
	/* Both sides are through with the old paths. */
	struct kith_core *c = t->w.nodes[ALICE].core;
	for (size_t i = 0; i < KITH_HOMES; i++)
		assert_int_equal(kith_pathset_count(&kith_sessions_get(&c->sessions, c->leaf.homes[i].session)->paths),
				 1);
	assert_false(kith_transports_is_mute(&c->transports, 0));
	two_kinds_free(t);
}

/* As soon as something shows that they do not answer: whoever is idle asks once in 75 s, and homes wait no longer. */
static void when_a_wall_rises_homes_are_kept(void **state)
{
	kith_op op;
	(void)state;
	struct two_kinds *t = two_kinds_new(false);
	world_run(&t->w, 5 * KITH_US_PER_S);
	assert_int_equal(homes_over(t, 0), 3);
	int from = t->w.events_n;
	t->wall = true;
	assert_int_equal(kith_core_lookup(t->w.nodes[ALICE].core, world_clock(&t->w), "bob", &op), 0);
	world_drain(&t->w, ALICE);
	world_run(&t->w, 120 * KITH_US_PER_S);
	assert_int_equal(homes_over(t, 1), 3);
	assert_int_equal(world_events(&t->w, ALICE, KITH_EVENT_ATTACHED, from), 0);
	two_kinds_free(t);
}

/* A call's tunnels are bound to the address that its home knows: it would be cut. */
static void a_home_with_tunnels_stays_where_it_is(void **state)
{
	(void)state;
	struct two_kinds *t = two_kinds_new(true);
	world_run(&t->w, 5 * KITH_US_PER_S);
	start_with_both(&t->w, "bob", false);
	world_run(&t->w, 5 * KITH_US_PER_S);
	kith_session_id session = world_call(&t->w, ALICE, BOB, NULL);
	int from = t->w.events_n;
	t->wall = false;
	for (int i = 0; i < 300; i++) {
		assert_int_equal(world_say(&t->w, ALICE, session, "hello", 5), 0);
		world_run(&t->w, 100 * KITH_US_PER_MS);
	}
	assert_int_equal(world_events(&t->w, BOB, KITH_EVENT_DATAGRAM, from), 300);
	assert_true(homes_over(t, 1) > 0);
	assert_int_equal(homes_over(t, 0) + homes_over(t, 1), 3);
	two_kinds_free(t);
}

static void ask_homes(struct two_kinds *t, int party)
{
	struct kith_core *c = t->w.nodes[party].core;
	kith_core_enter(c, world_clock(&t->w));
	for (size_t i = 0; i < KITH_HOMES; i++) {
		struct kith_session *s = kith_homes_session(c, &c->leaf.homes[i]);
		if (s == NULL)
			continue;
		kith_pathset_check(&s->paths, kith_env(c, s));
		kith_session_touch(c, s);
	}
	(void)kith_reach_tick(c); /* as it may be due any time */
	kith_core_settle(c);
	world_drain(&t->w, party);
}

static unsigned ways_to_homes(struct two_kinds *t, int party)
{
	const struct kith_core *c = t->w.nodes[party].core;
	unsigned n = 0;
	for (size_t i = 0; i < KITH_HOMES; i++)
		n += kith_pathset_count(&kith_sessions_get(&c->sessions, c->leaf.homes[i].session)->paths);
	return n;
}

/* Alice and bob talk through supernodes, 50 messages a second, all of which arrive in their time; after one second bob
 * asks his homes, which are muffled for so long. Returns how many paths to them he had at most. */
static unsigned talk_while_homes_are_asked(struct two_kinds *t, kith_time_us muffled_us)
{
	start_with_both(&t->w, "bob", false);
	world_run(&t->w, 5 * KITH_US_PER_S);
	t->apart = true;
	kith_session_id at_bob, at_alice = world_call(&t->w, ALICE, BOB, &at_bob);
	world_run(&t->w, 5 * KITH_US_PER_S);
	int from = t->w.events_n;
	kith_time_us until = 0;
	unsigned most = 0;
	for (int i = 1; i <= 200; i++) {
		assert_int_equal(world_say(&t->w, ALICE, at_alice, "hello", 5), 0);
		assert_int_equal(world_say(&t->w, BOB, at_bob, "hi", 2), 0);
		if (i == 50) {
			until = t->w.now + muffled_us;
			t->muffled = muffled_us > 0;
			ask_homes(t, BOB);
		}
		world_run(&t->w, 20 * KITH_US_PER_MS);
		t->muffled = t->muffled && t->w.now < until;
		assert_true(world_events(&t->w, BOB, KITH_EVENT_DATAGRAM, from) >= i - 3);
		assert_true(world_events(&t->w, ALICE, KITH_EVENT_DATAGRAM, from) >= i - 3);
		most = ways_to_homes(t, BOB) > most ? ways_to_homes(t, BOB) : most;
	}
	return most;
}

/* Whoever has a doubt about a call's path asks its homes: that alone opens no connection to them. */
static void a_home_that_is_asked_is_not_looked_for_elsewhere(void **state)
{
	(void)state;
	struct two_kinds *t = two_kinds_new(false);
	assert_int_equal(talk_while_homes_are_asked(t, 0), KITH_HOMES);
	two_kinds_free(t);
}

/* A home that does not answer for a while is reached by TCP then; the tunnels that went through it by UDP go on. */
static void tunnels_go_on_when_their_home_is_reached_otherwise(void **state)
{
	(void)state;
	struct two_kinds *t = two_kinds_new(false);
	assert_true(talk_while_homes_are_asked(t, 600 * KITH_US_PER_MS) > KITH_HOMES);
	two_kinds_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(where_udp_gets_through_homes_are_reached_by_it),
		cmocka_unit_test(one_lost_packet_makes_no_home_over_tcp),
		cmocka_unit_test(behind_a_wall_a_leaf_has_homes_and_is_called),
		cmocka_unit_test(what_leads_out_only_is_no_candidate),
		cmocka_unit_test(when_the_wall_falls_homes_move_and_none_is_lost),
		cmocka_unit_test(when_a_wall_rises_homes_are_kept),
		cmocka_unit_test(a_home_with_tunnels_stays_where_it_is),
		cmocka_unit_test(a_home_that_is_asked_is_not_looked_for_elsewhere),
		cmocka_unit_test(tunnels_go_on_when_their_home_is_reached_otherwise),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
