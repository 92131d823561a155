/* A supernode sends packets back: only what was asked for, where it came from, and no more than came. */
#include "gauge_world.h"

#include "core/settle.h"
#include "super/echo.h"
#include "wire/message_attest.h"

static struct gw g;
static int to_victim, to_victim_bytes; /* packets to an address of nobody's */

enum { VICTIM = WORLD_NODES + 5 };

static int count_victim(struct core_world *w, struct world_packet *p)
{
	const struct kith_addr victim = world_addr(VICTIM);
	const bool hit = memcmp(p->to.ip, victim.ip, 4) == 0;
	to_victim += hit;
	to_victim_bytes += hit ? p->len : 0;
	return gw_tap(w, p);
}

/* Alice has a number, and a home that knows it. Returns the home. */
static int start(void)
{
	gw_start(&g, 60, GW_BY_PORT, false);
	g.w.tap = count_victim;
	to_victim = to_victim_bytes = 0;
	world_run(&g.w, KITH_GAUGE_AFTER_US + S);
	assert_true(g.number != 0);
	const int home = world_node_at(&g.w, &g.home);
	assert_true(home >= 0);
	return home;
}

/* A packet of alice's with a source that is not hers. */
static void send(int home, const struct kith_addr *from, uint8_t what, uint64_t number, bool paid, bool answer)
{
	uint8_t data[KITH_PACKET_HEADROOM + KITH_ECHO_PAID_LEN];
	struct kith_echo e = { .what = what, .number = number, .paid = paid };
	if (answer)
		e.seen = *from;
	kith_echo_write(data + KITH_PACKET_HEADROOM, &e);
	struct kith_packet in = { .data = data + KITH_PACKET_HEADROOM,
				  .len = paid ? KITH_ECHO_PAID_LEN : KITH_ECHO_PACKET_LEN,
				  .remote = *from,
				  .local = g.w.nodes[home].addr };
	kith_core_input(g.w.nodes[home].core, world_clock(&g.w), &in, 1);
	world_drain(&g.w, home);
}

static void no_more_is_sent_anywhere_than_came_from_there(void **state)
{
	(void)state;
	const int home = start();
	const struct kith_addr victim = world_addr(VICTIM);
	int sent_bytes = 0;
	for (int i = 0; i < 200; i++) {
		const uint8_t what = (uint8_t)(i % 12 < 9 ? i % 12 : KITH_ECHO_OTHER + i % 3);
		const bool paid = what == KITH_ECHO_OTHER || what == KITH_ECHO_PORT;
		send(home, &victim, what, g.number, paid, false);
		sent_bytes += paid ? KITH_ECHO_PAID_LEN : KITH_ECHO_PACKET_LEN;
		world_run(&g.w, 300000);
		assert_true(to_victim_bytes <= sent_bytes);
	}
	world_run(&g.w, 300 * S);
	assert_in_range(to_victim, 8, KITH_ECHO_PACKETS + KITH_ECHO_TWICE);
	core_world_deinit(&g.w);
}

static void what_was_not_agreed_on_is_not_sent_back(void **state)
{
	(void)state;
	const int home = start();
	struct kith_addr victim = world_addr(VICTIM);
	send(home, &victim, KITH_ECHO_AT_ONCE, g.number + 1, false, false); /* another number */
	send(home, &victim, KITH_ECHO_AT_ONCE, g.number, true, false); /* longer than it needs to be */
	send(home, &victim, KITH_ECHO_OTHER, g.number, false, false); /* does not pay for two */
	send(home, &victim, KITH_ECHO_PORT, g.number, false, false);
	send(home, &victim, KITH_ECHO_DELAYS_MAX + 1, g.number, false, false); /* there is no such delay */
	send(home, &victim, KITH_ECHO_HAIRPIN, g.number, false, false);
	send(home, &victim, KITH_ECHO_AT_ONCE, g.number, false,
	     true); /* an answer: two supernodes could go on for ever */
	world_run(&g.w, 300 * S);
	assert_int_equal(to_victim, 0);
	core_world_deinit(&g.w);
}

static void an_address_that_no_session_could_be_at_is_not_answered(void **state)
{
	(void)state;
	const int home = start();
	struct kith_addr inside = { .family = KITH_FAMILY_V4, .port = 53, .ip = { 127, 0, 0, 1 } };
	const uint64_t dropped = g.w.nodes[home].stats.counter[KITH_STAT_DROP_UNKNOWN_INDEX];
	send(home, &inside, KITH_ECHO_AT_ONCE, g.number, false, false);
	assert_int_equal(g.w.nodes[home].stats.counter[KITH_STAT_DROP_UNKNOWN_INDEX], dropped + 1);
	core_world_deinit(&g.w);
}

static void a_number_ends(void **state)
{
	(void)state;
	const int home = start();
	const struct kith_addr victim = world_addr(VICTIM);
	send(home, &victim, KITH_ECHO_AT_ONCE, g.number, false, false);
	world_run(&g.w, S);
	assert_int_equal(to_victim, 1);
	world_run(&g.w, 178 * S + KITH_ECHO_GRACE_US);
	send(home, &victim, KITH_ECHO_AT_ONCE, g.number, false, false);
	world_run(&g.w, S);
	assert_int_equal(to_victim, 1);
	assert_null(g.w.nodes[home].core->super->echoes); /* and so has the memory */
	core_world_deinit(&g.w);
}

/* Supernode `of` is asked, by whoever is at the other end of its session with `by`. */
static void ask(int of, int by, const struct kith_endpoint *to)
{
	static uint16_t id = 1000;
	uint8_t body[64];
	struct kith_core *c = g.w.nodes[of].core;
	const struct kith_msg_echo m = { .to = *to, .number = 7 };
	const struct kith_request request = { .id = id++,
					      .kind = KITH_REQ_ECHO,
					      .body = { body, kith_msg_echo_write(body, sizeof body, &m) } };
	struct kith_session *s = kith_sessions_of(&c->sessions, g.w.nodes[by].core->self.dh_pk);
	assert_non_null(s);
	kith_core_enter(c, world_clock(&g.w));
	kith_echo_on_request(c, s, &request);
	kith_core_settle(c);
	world_drain(&g.w, of);
}

/* One that has others send at somebody who did not ask. */
static void a_supernode_sends_seldom_for_another_and_nowhere_inside(void **state)
{
	(void)state;
	const int home = start();
	int other = 0;
	while (other == home ||
	       kith_sessions_of(&g.w.nodes[home].core->sessions, g.w.nodes[other].core->self.dh_pk) == NULL)
		assert_true(++other < GW_SUPERNODES);
	const struct kith_endpoint victim = world_endpoint(VICTIM);
	for (int i = 0; i < 100; i++)
		ask(home, other, &victim);
	world_run(&g.w, S);
	assert_int_equal(to_victim, KITH_KNOCKS_BURST);
	assert_int_equal(to_victim_bytes, KITH_KNOCKS_BURST * KITH_ECHO_PACKET_LEN);
	struct kith_endpoint inside = victim;
	const uint8_t ip[] = { 127, 0, 0, 1 };
	memcpy(inside.addr.ip, ip, sizeof ip);
	const int echoes = g.echoes;
	ask(home, other, &inside);
	assert_int_equal(g.echoes, echoes);
	core_world_deinit(&g.w);
}

/* ... and for a leaf not at all: only its own packets count. */
static void a_leaf_names_no_address(void **state)
{
	(void)state;
	const int home = start();
	const struct kith_endpoint victim = world_endpoint(VICTIM);
	ask(home, GW_ALICE, &victim);
	world_run(&g.w, S);
	assert_int_equal(to_victim, 0);
	core_world_deinit(&g.w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_more_is_sent_anywhere_than_came_from_there),
		cmocka_unit_test(what_was_not_agreed_on_is_not_sent_back),
		cmocka_unit_test(an_address_that_no_session_could_be_at_is_not_answered),
		cmocka_unit_test(a_number_ends),
		cmocka_unit_test(a_supernode_sends_seldom_for_another_and_nowhere_inside),
		cmocka_unit_test(a_leaf_names_no_address),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
