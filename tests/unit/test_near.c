/* A call that looks for its callee on the local network: with no supernode at all, and beside those there are. */
#include "lan_world.h"

#include "call/near.h"
#include "wire/where.h"

/* How long a call from alice to bob took to open; -1: it did not. */
static kith_time_us opened_after(struct core_world *w, kith_time_us wait)
{
	const int since = w->events_n;
	const kith_time_us at = w->now;
	world_dial(w, LAN_ALICE, "bob", 0);
	world_run(w, wait);
	const struct world_event *ours = world_event(w, LAN_ALICE, KITH_EVENT_OPENED, since);
	if (ours == NULL || world_event(w, LAN_BOB, KITH_EVENT_OPENED, since) == NULL)
		return -1;
	return ours->at - at;
}

static void contacts_talk_with_no_supernode_in_reach(void **state)
{
	struct core_world w;
	kith_session_id callee;
	(void)state;
	lan_alone(&w, kith_suite_sodium());
	assert_int_equal(opened_after(&w, KITH_US_PER_S), 4 * WORLD_DELAY_US); /* two round trips */
	kith_session_id session = world_call(&w, LAN_BOB, LAN_CAROL, &callee);
	const int since = w.events_n;
	assert_int_equal(world_say(&w, LAN_BOB, session, "hello", 5), 0);
	world_run(&w, KITH_US_PER_S);
	const struct world_event *got = world_event(&w, LAN_CAROL, KITH_EVENT_DATAGRAM, since);
	assert_non_null(got);
	assert_int_equal(got->ev.session, callee);
	core_world_deinit(&w);
}

static void the_session_lives_on_without_any_home(void **state)
{
	struct core_world w;
	(void)state;
	lan_alone(&w, kith_suite_sim());
	const int since = w.events_n;
	kith_session_id session = world_call(&w, LAN_ALICE, LAN_BOB, NULL);
	world_run(&w, 300 * KITH_US_PER_S);
	assert_null(world_event(&w, LAN_ALICE, KITH_EVENT_CLOSED, since));
	assert_int_equal(world_say(&w, LAN_ALICE, session, "still", 5), 0);
	world_run(&w, KITH_US_PER_S);
	assert_non_null(world_event(&w, LAN_BOB, KITH_EVENT_DATAGRAM, since));
	core_world_deinit(&w);
}

static void an_idle_node_asks_nothing(void **state)
{
	struct core_world w;
	struct lan_seen seen;
	(void)state;
	lan_alone(&w, kith_suite_sim());
	lan_watch(&w, &seen);
	world_run(&w, 3600 * KITH_US_PER_S);
	assert_int_equal(seen.wheres + seen.heres, 0);
	core_world_deinit(&w);
}

static int lose_three(struct core_world *w, struct world_packet *p)
{
	struct lan_seen *seen = w->tap_ctx;
	return p->data[KITH_PACKET_HEADROOM] != KITH_PKT_WHERE || seen->wheres > 3 * 2; /* each goes to two others */
}

static void lost_questions_are_asked_again(void **state)
{
	struct core_world w;
	struct lan_seen seen;
	(void)state;
	lan_alone(&w, kith_suite_sim());
	lan_watch(&w, &seen);
	seen.then = lose_three;
	const kith_time_us took = opened_after(&w, 4 * KITH_US_PER_S);
	assert_in_range(took, 1800000, 2500000); /* the fourth, after 300 + 600 + 1200 ms, +-10 % */
	assert_int_equal(seen.wheres, 4 * 2);
	core_world_deinit(&w);
}

static int twice(struct core_world *w, struct world_packet *p)
{
	(void)w;
	(void)p;
	return 2;
}

static void what_comes_twice_rings_once(void **state)
{
	struct core_world w;
	struct lan_seen seen;
	(void)state;
	lan_alone(&w, kith_suite_sim());
	lan_watch(&w, &seen);
	seen.then = twice;
	const int since = w.events_n;
	assert_in_range(opened_after(&w, KITH_US_PER_S), 1, KITH_US_PER_S);
	assert_int_equal(world_events(&w, LAN_BOB, KITH_EVENT_INCOMING, since), 1);
	assert_int_equal(seen.heres, 1);
	core_world_deinit(&w);
}

static void both_who_call_at_once_have_one_session(void **state)
{
	struct core_world w;
	(void)state;
	lan_alone(&w, kith_suite_sodium());
	const int since = w.events_n;
	const kith_op a = world_dial(&w, LAN_ALICE, "bob", 0), b = world_dial(&w, LAN_BOB, "alice", 0);
	world_run(&w, 10 * KITH_US_PER_S);
	assert_int_equal(outcome(&w, LAN_ALICE, a, since), 1);
	assert_int_equal(outcome(&w, LAN_BOB, b, since), 1);
	assert_int_equal(calls_held(&w, LAN_ALICE), 1);
	assert_int_equal(calls_held(&w, LAN_BOB), 1);
	core_world_deinit(&w);
}

static void who_is_not_pinned_is_not_looked_for(void **state)
{
	struct core_world w;
	struct lan_seen seen;
	(void)state;
	lan_alone(&w, kith_suite_sim());
	assert_int_equal(kith_core_unpin(w.nodes[LAN_ALICE].core, world_clock(&w), "bob"), 0);
	lan_watch(&w, &seen);
	const int since = w.events_n;
	const kith_op op = world_dial(&w, LAN_ALICE, "bob", 0);
	world_run(&w, 10 * KITH_US_PER_S);
	assert_int_equal(outcome(&w, LAN_ALICE, op, since), KITH_EDETACHED);
	assert_int_equal(seen.wheres, 0);
	core_world_deinit(&w);
}

static void a_relay_only_contact_is_not_looked_for(void **state)
{
	struct core_world w;
	struct lan_seen seen;
	(void)state;
	lan_alone(&w, kith_suite_sim());
	lan_pin(&w, LAN_ALICE, LAN_BOB, KITH_CONTACT_ACCEPTED | KITH_CONTACT_RELAY_ONLY);
	lan_watch(&w, &seen);
	assert_int_equal(opened_after(&w, 10 * KITH_US_PER_S), -1);
	assert_int_equal(seen.wheres + seen.hellos, 0);
	core_world_deinit(&w);
}

static void who_hides_from_somebody_asks_for_nobody(void **state)
{
	struct core_world w;
	struct lan_seen seen;
	(void)state;
	lan_alone(&w, kith_suite_sim());
	lan_pin(&w, LAN_ALICE, LAN_CAROL, KITH_CONTACT_ACCEPTED | KITH_CONTACT_RELAY_ONLY);
	lan_watch(&w, &seen);
	assert_int_equal(opened_after(&w, 10 * KITH_US_PER_S), -1); /* carol would hear where alice is */
	assert_int_equal(seen.wheres, 0);
	const int since = w.events_n;
	const kith_op op =
		world_dial(&w, LAN_BOB, "alice", 0); /* whom alice does not hide from, and nobody overhears */
	world_run(&w, KITH_US_PER_S);
	assert_int_equal(outcome(&w, LAN_BOB, op, since), 1);
	core_world_deinit(&w);
}

static int late_answer(struct core_world *w, struct world_packet *p)
{
	(void)w;
	if (p->data[KITH_PACKET_HEADROOM] == KITH_PKT_HERE)
		p->at += 200000;
	return 1;
}

/* alice's user makes bob relay-only while the answer is on its way. */
static void a_contact_that_is_hidden_from_meanwhile_is_not_called(void **state)
{
	struct core_world w;
	struct lan_seen seen;
	(void)state;
	lan_alone(&w, kith_suite_sim());
	lan_watch(&w, &seen);
	seen.then = late_answer;
	const int since = w.events_n;
	world_dial(&w, LAN_ALICE, "bob", 0);
	world_run(&w, 100000);
	assert_int_equal(seen.heres, 1);
	lan_pin(&w, LAN_ALICE, LAN_BOB, KITH_CONTACT_ACCEPTED | KITH_CONTACT_RELAY_ONLY);
	world_run(&w, 10 * KITH_US_PER_S);
	assert_int_equal(seen.hellos, 0);
	assert_int_equal(seen.wheres, 2); /* and no further question */
	assert_null(world_event(&w, LAN_ALICE, KITH_EVENT_OPENED, since));
	core_world_deinit(&w);
}

static void who_answers_in_anothers_name_is_not_called(void **state)
{
	struct core_world w;
	struct lan_seen seen;
	(void)state;
	lan_alone(&w, kith_suite_sodium());
	w.nodes[LAN_BOB].muted = true;
	lan_watch(&w, &seen);
	world_dial(&w, LAN_CAROL, "alice", 0); /* an answer that alice gave, to somebody else */
	world_run(&w, 5 * KITH_US_PER_S);
	const struct world_packet old = seen.here;
	assert_int_equal(seen.here.data[KITH_PACKET_HEADROOM], KITH_PKT_HERE);
	const int since = w.events_n;
	world_dial(&w, LAN_ALICE, "bob", 0);
	uint8_t *index = w.packets[w.packets_n - 1].data + KITH_PACKET_HEADROOM + 4;
	uint8_t forged[KITH_HERE_LEN];
	memcpy(forged, old.data + KITH_PACKET_HEADROOM, sizeof forged);
	memcpy(forged + 4, index, 4);
	const unsigned hellos = seen.hellos;
	const uint64_t false_ones = world_stat(&w, LAN_ALICE, KITH_STAT_DROP_NOT_AUTHENTIC);
	for (int i = 0; i < 20; i++)
		lan_inject(&w, LAN_ALICE, &w.nodes[LAN_CAROL].addr, 0, forged, sizeof forged);
	world_run(&w, KITH_US_PER_S);
	assert_int_equal(seen.hellos, hellos);
	assert_int_equal(world_stat(&w, LAN_ALICE, KITH_STAT_DROP_NOT_AUTHENTIC), false_ones + 20);
	for (int i = 0; i < 200; i++) /* nor does it cost much */
		lan_inject(&w, LAN_ALICE, &w.nodes[LAN_CAROL].addr, 0, forged, sizeof forged);
	assert_in_range(world_stat(&w, LAN_ALICE, KITH_STAT_DROP_NOT_AUTHENTIC), false_ones + 20,
			false_ones + KITH_NEARBY_BURST + KITH_NEARBY_PER_S);
	assert_null(world_event(&w, LAN_ALICE, KITH_EVENT_OPENED, since));
	core_world_deinit(&w);
}

static void one_who_is_relay_only_to_the_callee_hears_silence(void **state)
{
	struct core_world w;
	struct lan_seen seen;
	(void)state;
	lan_alone(&w, kith_suite_sim());
	lan_pin(&w, LAN_BOB, LAN_ALICE, KITH_CONTACT_ACCEPTED | KITH_CONTACT_RELAY_ONLY);
	lan_watch(&w, &seen);
	assert_int_equal(opened_after(&w, 10 * KITH_US_PER_S), -1);
	assert_int_equal(seen.wheres, 4 * 2);
	assert_int_equal(seen.heres, 0);
	core_world_deinit(&w);
}

static int no_relay(struct core_world *w, struct world_packet *p)
{
	(void)w;
	return p->data[KITH_PACKET_HEADROOM] != KITH_PKT_TUNNEL;
}

/* The two have homes, and are contacts on one link; of their packets those get through that then lets through. */
static void on_one_link_with_homes(struct core_world *w, struct lan_seen *seen,
				   int (*then)(struct core_world *w, struct world_packet *p))
{
	world_network(w, kith_suite_sim(), 1, 3, (const char *const[]){ NULL });
	lan_start(w, "alice", 1);
	lan_start(w, "bob", 1);
	world_run(w, 5 * KITH_US_PER_S);
	lan_pin(w, LAN_ALICE, LAN_BOB, KITH_CONTACT_ACCEPTED);
	lan_pin(w, LAN_BOB, LAN_ALICE, KITH_CONTACT_ACCEPTED);
	lan_watch(w, seen);
	seen->then = then;
}

static void the_link_is_as_good_as_a_relay_that_fails(void **state)
{
	struct core_world w;
	struct lan_seen seen;
	(void)state;
	on_one_link_with_homes(&w, &seen, no_relay);
	assert_int_equal(opened_after(&w, KITH_US_PER_S), 4 * WORLD_DELAY_US);
	core_world_deinit(&w);
}

static int no_here(struct core_world *w, struct world_packet *p)
{
	(void)w;
	return p->data[KITH_PACKET_HEADROOM] != KITH_PKT_HERE;
}

static void a_relay_is_as_good_as_a_link_that_fails(void **state)
{
	struct core_world w;
	struct lan_seen seen;
	(void)state;
	on_one_link_with_homes(&w, &seen, no_here);
	assert_in_range(opened_after(&w, KITH_US_PER_S), 1, KITH_US_PER_S);
	assert_true(seen.heres > 0);
	core_world_deinit(&w);
}

static int hello_lost(struct core_world *w, struct world_packet *p)
{
	(void)w;
	return p->data[KITH_PACKET_HEADROOM] != KITH_PKT_HELLO || p->to.ip[0] != 192;
}

static void a_call_that_began_on_the_link_goes_through_homes_as_well(void **state)
{
	struct core_world w;
	struct lan_seen seen;
	(void)state;
	world_network(&w, kith_suite_sim(), 1, 3, (const char *const[]){ NULL });
	lan_start(&w, "alice", 1);
	lan_start(&w, "bob", 1);
	world_run(&w, 5 * KITH_US_PER_S);
	lan_pin(&w, LAN_ALICE, LAN_BOB, KITH_CONTACT_ACCEPTED);
	lan_pin(&w, LAN_BOB, LAN_ALICE, KITH_CONTACT_ACCEPTED);
	lan_watch(&w, &seen);
	seen.then = hello_lost;
	assert_in_range(opened_after(&w, 2 * KITH_US_PER_S), 1, 2 * KITH_US_PER_S);
	assert_true(seen.hellos > 0);
	core_world_deinit(&w);
}

static void a_call_that_is_taken_back_stops_ringing(void **state)
{
	struct core_world w;
	(void)state;
	lan_alone(&w, kith_suite_sim());
	memset(&ringing, 0, sizeof ringing);
	w.on_event = let_ring;
	const kith_op op = world_dial(&w, LAN_ALICE, "bob", 0);
	world_run(&w, 15 * KITH_US_PER_S);
	assert_int_equal(ringing.rings, 1);
	const int since = w.events_n;
	assert_int_equal(kith_core_cancel(w.nodes[LAN_ALICE].core, world_clock(&w), op), 0);
	world_drain(&w, LAN_ALICE);
	world_run(&w, KITH_US_PER_S);
	assert_non_null(world_event(&w, LAN_BOB, KITH_EVENT_CLOSED, since));
	core_world_deinit(&w);
}

static void a_core_that_ends_while_it_asks_gives_all_back(void **state)
{
	struct core_world w;
	(void)state;
	lan_alone(&w, kith_suite_sim());
	w.nodes[LAN_BOB].muted = true;
	world_dial(&w, LAN_ALICE, "bob", 0);
	world_stop(&w, LAN_ALICE);
	core_world_deinit(&w); /* asserts that nothing is left */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(contacts_talk_with_no_supernode_in_reach),
		cmocka_unit_test(the_session_lives_on_without_any_home),
		cmocka_unit_test(an_idle_node_asks_nothing),
		cmocka_unit_test(lost_questions_are_asked_again),
		cmocka_unit_test(what_comes_twice_rings_once),
		cmocka_unit_test(both_who_call_at_once_have_one_session),
		cmocka_unit_test(who_is_not_pinned_is_not_looked_for),
		cmocka_unit_test(a_relay_only_contact_is_not_looked_for),
		cmocka_unit_test(who_hides_from_somebody_asks_for_nobody),
		cmocka_unit_test(a_contact_that_is_hidden_from_meanwhile_is_not_called),
		cmocka_unit_test(who_answers_in_anothers_name_is_not_called),
		cmocka_unit_test(one_who_is_relay_only_to_the_callee_hears_silence),
		cmocka_unit_test(the_link_is_as_good_as_a_relay_that_fails),
		cmocka_unit_test(a_relay_is_as_good_as_a_link_that_fails),
		cmocka_unit_test(a_call_that_began_on_the_link_goes_through_homes_as_well),
		cmocka_unit_test(a_call_that_is_taken_back_stops_ringing),
		cmocka_unit_test(a_core_that_ends_while_it_asks_gives_all_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
