/* Answering who asks for us on the local network: whom, how often, and who may call after that. */
#include "lan_world.h"

#include "link/nearby.h"
#include "wire/where.h"

/* alice calls bob, who never rings; the first question of hers, as it came to bob. */
static struct world_packet question(struct core_world *w, struct lan_seen *seen)
{
	lan_watch(w, seen);
	world_dial(w, LAN_ALICE, "bob", 0);
	for (int i = 0; i < w->packets_n; i++) {
		if (w->packets[i].lan_to == LAN_BOB + 1)
			return w->packets[i];
	}
	fail();
	return (struct world_packet){ 0 };
}

static void again(struct core_world *w, const struct world_packet *p)
{
	lan_inject(w, LAN_BOB, &p->from, WORLD_LAN, p->data + KITH_PACKET_HEADROOM, p->len);
}

static void an_answer_is_shorter_than_its_question_and_goes_to_the_asker(void **state)
{
	struct core_world w;
	struct lan_seen seen;
	(void)state;
	lan_alone(&w, kith_suite_sodium());
	(void)question(&w, &seen);
	world_run(&w, KITH_US_PER_S);
	assert_int_equal(seen.heres, 1);
	assert_int_equal(seen.where.len, KITH_WHERE_LEN);
	assert_true(seen.here.len < seen.where.len);
	assert_true(kith_addr_equal(&seen.here.to, &w.nodes[LAN_ALICE].addr));
	assert_int_equal(world_stat(&w, LAN_BOB, KITH_STAT_NEARBY_ANSWERED), 1);
	assert_int_equal(world_stat(&w, LAN_CAROL, KITH_STAT_NEARBY_OTHERS), 1);
	core_world_deinit(&w);
}

static void a_question_that_is_played_again_hears_silence(void **state)
{
	struct core_world w;
	struct lan_seen seen;
	(void)state;
	lan_alone(&w, kith_suite_sodium());
	struct world_packet first = question(&w, &seen);
	world_run(&w, KITH_US_PER_S);
	assert_int_equal(seen.heres, 1);
	again(&w, &first);
	first.from = w.nodes[LAN_CAROL].addr; /* as if another one asked */
	again(&w, &first);
	assert_int_equal(seen.heres, 1);
	assert_int_equal(world_stat(&w, LAN_BOB, KITH_STAT_DROP_REPLAYED), 2);
	core_world_deinit(&w);
}

static void an_old_question_is_not_answered_elsewhere(void **state)
{
	struct core_world w;
	struct lan_seen seen;
	(void)state;
	lan_alone(&w, kith_suite_sodium());
	w.nodes[LAN_BOB].muted = true; /* bob was not there when it was asked */
	struct world_packet first = question(&w, &seen);
	world_run(&w, 11 * 60 * KITH_US_PER_S);
	w.nodes[LAN_BOB].muted = false;
	again(&w, &first);
	assert_int_equal(seen.heres, 0);
	assert_int_equal(world_stat(&w, LAN_BOB, KITH_STAT_REFUSE_STALE), 1);
	core_world_deinit(&w);
}

static void bob_is_silent(uint8_t flags, bool pinned)
{
	struct core_world w;
	struct lan_seen seen;
	lan_alone(&w, kith_suite_sodium());
	if (pinned)
		lan_pin(&w, LAN_BOB, LAN_ALICE, flags);
	else
		assert_int_equal(kith_core_unpin(w.nodes[LAN_BOB].core, world_clock(&w), "alice"), 0);
	(void)question(&w, &seen);
	world_run(&w, 5 * KITH_US_PER_S);
	assert_int_equal(seen.heres, 0);
	assert_int_equal(world_stat(&w, LAN_BOB, KITH_STAT_REFUSE_BLOCKED), 4);
	core_world_deinit(&w);
}

static void who_is_not_an_accepted_contact_hears_silence(void **state)
{
	(void)state;
	bob_is_silent(0, false); /* a stranger, whom bob would let ring through his homes */
	bob_is_silent(0, true);
	bob_is_silent(KITH_CONTACT_ACCEPTED | KITH_CONTACT_BLOCKED, true);
	bob_is_silent(KITH_CONTACT_ACCEPTED | KITH_CONTACT_RELAY_ONLY, true);
}

static void a_question_from_off_the_link_is_dropped(void **state)
{
	struct core_world w;
	struct lan_seen seen;
	(void)state;
	lan_alone(&w, kith_suite_sodium());
	struct world_packet first = question(&w, &seen);
	w.packets_n = 0;
	first.from = world_addr(20); /* forwarded, or forged, from somewhere else */
	again(&w, &first);
	first.from = lan_addr(2, 7);
	again(&w, &first);
	/* to bob's own address, and not to all */
	lan_inject(&w, LAN_BOB, &w.nodes[LAN_ALICE].addr, 0, first.data + KITH_PACKET_HEADROOM, first.len);
	assert_int_equal(seen.heres, 0);
	assert_int_equal(world_stat(&w, LAN_BOB, KITH_STAT_DROP_OFF_LINK), 3);
	core_world_deinit(&w);
}

static void nothing_but_questions_is_taken_from_all(void **state)
{
	struct core_world w;
	struct lan_seen seen;
	uint8_t hello[200] = { KITH_PKT_HELLO, KITH_WIRE_VERSION };
	(void)state;
	lan_alone(&w, kith_suite_sodium());
	lan_watch(&w, &seen);
	const int flying = w.packets_n;
	for (unsigned type = 0; type < 256; type++) {
		hello[0] = (uint8_t)type;
		if (type != KITH_PKT_WHERE)
			lan_inject(&w, LAN_BOB, &w.nodes[LAN_ALICE].addr, WORLD_LAN, hello, sizeof hello);
	}
	assert_int_equal(world_stat(&w, LAN_BOB, KITH_STAT_DROP_OFF_LINK), 255);
	assert_int_equal(w.packets_n, flying);
	core_world_deinit(&w);
}

static void a_flood_of_questions_costs_little_and_shuts_nobody_out(void **state)
{
	struct core_world w;
	struct lan_seen seen;
	uint8_t junk[KITH_WHERE_LEN] = { KITH_PKT_WHERE, KITH_WIRE_VERSION, 0x10, 0x00 };
	struct kith_addr from = lan_addr(1, 77);
	(void)state;
	lan_alone(&w, kith_suite_sodium());
	for (int i = 0; i < 1000; i++)
		lan_inject(&w, LAN_BOB, &from, WORLD_LAN, junk, sizeof junk);
	assert_int_equal(world_stat(&w, LAN_BOB, KITH_STAT_NEARBY_OTHERS), KITH_NEARBY_BURST);
	assert_int_equal(world_stat(&w, LAN_BOB, KITH_STAT_DROP_RATE_LIMITED), 1000 - KITH_NEARBY_BURST);
	assert_null(w.nodes[LAN_BOB].core->nearby); /* and nothing is kept of it */
	(void)question(&w, &seen);
	world_run(&w, KITH_US_PER_S);
	assert_int_equal(seen.heres, 1);
	core_world_deinit(&w);
}

static void a_flood_in_many_names_is_bounded_for_the_network(void **state)
{
	struct core_world w;
	uint8_t junk[KITH_WHERE_LEN] = { KITH_PKT_WHERE, KITH_WIRE_VERSION, 0x10, 0x00 };
	(void)state;
	lan_alone(&w, kith_suite_sodium());
	for (int i = 0; i < 2000; i++) {
		struct kith_addr from = lan_addr(1, 0);
		from.ip[3] = (uint8_t)(1 + i % 250);
		lan_inject(&w, LAN_BOB, &from, WORLD_LAN, junk, sizeof junk);
	}
	assert_int_equal(world_stat(&w, LAN_BOB, KITH_STAT_NEARBY_OTHERS), 8 * KITH_NEARBY_BURST);
	core_world_deinit(&w);
}

static int no_hello(struct core_world *w, struct world_packet *p)
{
	(void)w;
	return p->data[KITH_PACKET_HEADROOM] != KITH_PKT_HELLO;
}

/* The rule that a leaf is called through its homes has one exception, and that ends. */
static void who_was_answered_may_call_for_a_while(void **state)
{
	struct core_world w;
	struct lan_seen seen;
	(void)state;
	lan_alone(&w, kith_suite_sodium());
	const struct kith_core *bob = w.nodes[LAN_BOB].core;
	const struct kith_hop alice = { .remote = w.nodes[LAN_ALICE].addr },
			      carol = { .remote = w.nodes[LAN_CAROL].addr };
	(void)question(&w, &seen);
	seen.then = no_hello;
	assert_false(kith_nearby_lets_in(bob, &alice, NULL));
	world_run(&w, KITH_US_PER_S);
	assert_true(kith_nearby_lets_in(bob, &alice, NULL));
	assert_true(kith_nearby_lets_in(bob, &alice, &w.nodes[LAN_ALICE].id.identity));
	assert_false(kith_nearby_lets_in(bob, &alice, &w.nodes[LAN_CAROL].id.identity));
	assert_false(kith_nearby_lets_in(bob, &carol, NULL));
	lan_pin(&w, LAN_BOB, LAN_ALICE, KITH_CONTACT_ACCEPTED | KITH_CONTACT_BLOCKED);
	assert_false(kith_nearby_lets_in(bob, &alice, NULL));
	lan_pin(&w, LAN_BOB, LAN_ALICE, KITH_CONTACT_ACCEPTED);
	assert_true(kith_nearby_lets_in(bob, &alice, NULL));
	world_run(&w, KITH_NEARBY_LET_IN_US);
	kith_core_tick(w.nodes[LAN_BOB].core, world_clock(&w));
	world_drain(&w, LAN_BOB);
	assert_false(kith_nearby_lets_in(bob, &alice, NULL));
	core_world_deinit(&w);
}

static void a_straight_call_from_who_was_not_answered_finds_nobody(void **state)
{
	struct core_world w;
	struct lan_seen seen;
	struct world_packet hello = { 0 };
	(void)state;
	lan_alone(&w, kith_suite_sodium());
	(void)question(&w, &seen);
	while (hello.len == 0) {
		world_run(&w, 1000);
		for (int i = 0; i < w.packets_n; i++) {
			if (w.packets[i].data[KITH_PACKET_HEADROOM] == KITH_PKT_HELLO && w.packets[i].to.ip[0] == 192)
				hello = w.packets[i];
		}
	}
	w.packets_n = 0;
	w.nodes[LAN_BOB].core->nearby->let_in[0].until = 0;
	const uint64_t refused = world_stat(&w, LAN_BOB, KITH_STAT_REFUSE_NOT_VIA_HOME);
	lan_inject(&w, LAN_BOB, &hello.from, 0, hello.data + KITH_PACKET_HEADROOM, hello.len);
	assert_int_equal(world_stat(&w, LAN_BOB, KITH_STAT_REFUSE_NOT_VIA_HOME), refused + 1);
	assert_int_equal(w.packets_n, 0);
	core_world_deinit(&w);
}

static void who_asks_is_limited_by_itself(void **state)
{
	struct core_world w;
	struct lan_seen seen;
	(void)state;
	lan_alone(&w, kith_suite_sim());
	w.nodes[LAN_BOB].muted = true;
	lan_watch(&w, &seen);
	for (int i = 0; i < 60; i++)
		world_dial(&w, LAN_ALICE, "bob", 0);
	assert_int_equal(world_stat(&w, LAN_ALICE, KITH_STAT_NEARBY_ASKED), KITH_NEARBY_BURST);
	core_world_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_is_shorter_than_its_question_and_goes_to_the_asker),
		cmocka_unit_test(a_question_that_is_played_again_hears_silence),
		cmocka_unit_test(an_old_question_is_not_answered_elsewhere),
		cmocka_unit_test(who_is_not_an_accepted_contact_hears_silence),
		cmocka_unit_test(a_question_from_off_the_link_is_dropped),
		cmocka_unit_test(nothing_but_questions_is_taken_from_all),
		cmocka_unit_test(a_flood_of_questions_costs_little_and_shuts_nobody_out),
		cmocka_unit_test(a_flood_in_many_names_is_bounded_for_the_network),
		cmocka_unit_test(who_was_answered_may_call_for_a_while),
		cmocka_unit_test(a_straight_call_from_who_was_not_answered_finds_nobody),
		cmocka_unit_test(who_asks_is_limited_by_itself),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
