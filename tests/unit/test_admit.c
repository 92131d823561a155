/* A callee has a say in what comes through its homes. */
#include "call_world.h"

#include "base/limits.h"
#include "call/admit.h"
#include "codec/cursor.h"
#include "super/tunnels.h"
#include "wire/packet.h"

enum { HOMES = 3, LEN = 1200 };

/* What reaches bob through a home, and from whom it came to the network. */
struct account {
	uint64_t reached; /* bytes */
	uint64_t answers; /* packets of bob's into tunnels */
};

static int account_tap(struct core_world *w, struct world_packet *p)
{
	struct account *a = w->tap_ctx;
	const uint8_t *packet = p->data + KITH_PACKET_HEADROOM;
	if (packet[0] != KITH_PKT_TUNNEL)
		return 1;
	if (kith_addr_equal(&p->to, &w->nodes[WORLD_BOB].addr))
		a->reached += p->len;
	a->answers += kith_addr_equal(&p->from, &w->nodes[WORLD_BOB].addr);
	return 1;
}

static struct kith_session *session_of(struct core_world *w, int node, int other)
{
	return kith_sessions_of(&w->nodes[node].core->sessions, w->nodes[other].id.device_dh.b);
}

static void begin(struct core_world *w, int node)
{
	struct kith_core *c = w->nodes[node].core;
	kith_core_tick(c, world_clock(w));
	world_drain(w, node);
	kith_outbox_claim(&w->shared->outbox, c, c->stats);
}

static void end(struct core_world *w, int node)
{
	kith_core_tick(w->nodes[node].core, world_clock(w));
	world_drain(w, node);
}

/* Alice asks for a tunnel to bob, with nothing in it. */
static void open_empty(struct core_world *w, int home)
{
	uint8_t body[KITH_REQUEST_MAX];
	struct kith_msg_introduce m = { .packet = { NULL, 0 } };
	memcpy(m.device, w->nodes[WORLD_BOB].id.device_dh.b, sizeof m.device);
	size_t len = kith_msg_introduce_write(body, sizeof body, &m);
	begin(w, WORLD_ALICE);
	int err = kith_session_request(w->nodes[WORLD_ALICE].core, session_of(w, WORLD_ALICE, home), KITH_REQ_INTRODUCE,
				       test_span(body, len), kith_token(KITH_TOKEN_IGNORE, 0));
	assert_int_equal(err, 0);
	end(w, WORLD_ALICE);
	world_run(w, 100 * KITH_US_PER_MS);
}

/* Alice sends n packets into each tunnel of hers at that home. Returns the bytes. */
static uint64_t pour(struct core_world *w, int home, int n)
{
	struct kith_core *c = w->nodes[home].core;
	const struct kith_fwd *fwd = &c->super->fwd;
	uint64_t spent = 0;
	for (uint32_t i = 0; i < fwd->cap; i++) {
		const struct kith_fwd_leg leg = fwd->tunnels[i].leg[0];
		for (int k = 0; leg.id != 0 && k < n; k++) {
			uint8_t bytes[KITH_PACKET_HEADROOM + LEN] = { 0 }, *packet = bytes + KITH_PACKET_HEADROOM;
			struct kith_packet p = { .data = packet, .len = LEN, .remote = leg.remote };
			p.transport = leg.transport;
			kith_tunnel_write(packet, leg.id);
			packet[KITH_TUNNEL_HEADER] = KITH_PKT_HELLO;
			kith_core_input(c, world_clock(w), &p, 1);
			world_drain(w, home);
			spent += LEN;
		}
	}
	world_run(w, 100 * KITH_US_PER_MS);
	return spent;
}

static void block(struct core_world *w, int node, int other, unsigned flags)
{
	assert_int_equal(kith_core_pin(w->nodes[node].core, world_clock(w), w->nodes[other].name,
				       &w->nodes[other].id.identity, (uint8_t)flags, false),
			 0);
	world_drain(w, node);
	world_run(w, KITH_US_PER_S);
}

static uint32_t tunnels_in_all(const struct core_world *w)
{
	uint32_t n = 0;
	for (int i = 0; i < HOMES; i++)
		n += tunnels_of(w, i);
	return n;
}

/* A member opens as many tunnels as it may at all of bob's homes for ten seconds, and pours into them. */
static void what_nobody_took_carries_a_call_and_no_more(void **state)
{
	struct core_world w;
	struct account a = { 0, 0 };
	uint64_t spent = 0;
	(void)state;
	world_alice_and_bob(&w);
	w.tap = account_tap;
	w.tap_ctx = &a;
	for (int round = 0; round < 10; round++) {
		for (int home = 0; home < HOMES; home++) {
			open_empty(&w, home);
			spent += pour(&w, home, 100);
		}
		world_run(&w, 400 * KITH_US_PER_MS);
	}
	print_message("spent %llu bytes, %llu reached the callee in 10 s\n", (unsigned long long)spent,
		      (unsigned long long)a.reached);
	assert_true(spent > 10 * 1000 * 1000);
	/* Eight, eight, four and two packets, then one with each tunnel that takes the place of another. */
	assert_true(a.reached <= HOMES * (22 + 6) * (uint64_t)LEN);
	assert_true(world_stat(&w, 0, KITH_STAT_DROP_TUNNEL_UNWANTED) > 0);
	core_world_deinit(&w);
}

static void an_honest_call_is_not_put_off_meanwhile(void **state)
{
	struct core_world w;
	(void)state;
	world_alice_and_bob(&w);
	int carol = world_start(&w, "carol", false);
	world_run(&w, 5 * KITH_US_PER_S);
	for (int home = 0; home < HOMES; home++) {
		for (int i = 0; i < 6; i++)
			open_empty(&w, home);
		pour(&w, home, 1000);
	}
	int since = w.events_n;
	kith_time_us at = w.now;
	kith_op op = world_dial(&w, carol, "bob", 0);
	for (int i = 0; i < 10; i++) {
		for (int home = 0; home < HOMES; home++)
			pour(&w, home, 50);
	}
	assert_int_equal(outcome(&w, carol, op, since), 1);
	const struct world_event *opened = world_event(&w, carol, KITH_EVENT_OPENED, since);
	print_message("an honest call took %lld ms\n", (long long)((opened->at - at) / KITH_US_PER_MS));
	assert_true(opened->at - at < 300 * KITH_US_PER_MS);
	core_world_deinit(&w);
}

static bool wanted(const struct core_world *w, int home, uint64_t *id)
{
	const struct kith_fwd *fwd = &w->nodes[home].core->super->fwd;
	for (uint32_t i = 0; i < fwd->cap; i++) {
		*id = fwd->tunnels[i].leg[0].id;
		if (*id != 0)
			return (fwd->tunnels[i].leg[1].flags & 4) == 0;
	}
	return false;
}

static unsigned wanted_in_all(const struct core_world *w)
{
	unsigned n = 0;
	uint64_t id;
	for (int home = 0; home < HOMES; home++)
		n += wanted(w, home, &id);
	return n;
}

static void what_is_accepted_carries_all_until_it_is_over(void **state)
{
	struct core_world w;
	kith_session_id theirs;
	(void)state;
	world_relayed(&w);
	kith_session_id ours = world_call(&w, WORLD_ALICE, WORLD_BOB, &theirs);
	world_run(&w, 5 * KITH_US_PER_S);
	assert_int_equal(tunnels_in_all(&w), KITH_RELAYS_LIVE);
	assert_int_equal(wanted_in_all(&w), KITH_RELAYS_LIVE); /* also the one that was opened later */
	int since = w.events_n;
	for (int i = 0; i < 200; i++) {
		assert_int_equal(world_say(&w, WORLD_ALICE, ours, "data", 4), 0);
		world_run(&w, 10 * KITH_US_PER_MS);
	}
	world_run(&w, KITH_US_PER_S);
	assert_int_equal(world_events(&w, WORLD_BOB, KITH_EVENT_DATAGRAM, since), 200);
	for (int home = 0; home < HOMES; home++)
		assert_int_equal(world_stat(&w, home, KITH_STAT_DROP_TUNNEL_UNWANTED), 0);
	assert_int_equal(kith_core_close(w.nodes[WORLD_BOB].core, world_clock(&w), theirs, KITH_CLOSE_NORMAL), 0);
	world_drain(&w, WORLD_BOB);
	world_run(&w, KITH_US_PER_S);
	assert_non_null(world_event(&w, WORLD_ALICE, KITH_EVENT_CLOSED, since));
	assert_int_equal(tunnels_in_all(&w), KITH_RELAYS_TALK);
	assert_int_equal(wanted_in_all(&w), 0);
	core_world_deinit(&w);
}

/* Whoever is blocked hears of a home what it would hear if bob were not there, and bob hears nothing. */
static void who_is_blocked_hears_what_is_said_of_nobody(void **state)
{
	struct core_world w;
	struct account a = { 0, 0 };
	(void)state;
	world_alice_and_bob(&w);
	block(&w, WORLD_BOB, WORLD_ALICE, KITH_CONTACT_BLOCKED);
	w.tap = account_tap;
	w.tap_ctx = &a;
	for (int home = 0; home < HOMES; home++)
		open_empty(&w, home);
	assert_int_equal(tunnels_in_all(&w), 0);
	int since = w.events_n;
	kith_op op = world_dial(&w, WORLD_ALICE, "bob", 4 * KITH_US_PER_S);
	world_run(&w, 6 * KITH_US_PER_S);
	assert_true(outcome(&w, WORLD_ALICE, op, since) < 0);
	assert_int_equal(a.reached, 0);
	assert_int_equal(a.answers, 0);
	block(&w, WORLD_BOB, WORLD_ALICE, KITH_CONTACT_ACCEPTED); /* and it can be taken back */
	since = w.events_n;
	op = world_dial(&w, WORLD_ALICE, "bob", 0);
	world_run(&w, 3 * KITH_US_PER_S);
	assert_int_equal(outcome(&w, WORLD_ALICE, op, since), 1);
	core_world_deinit(&w);
}

static void a_home_that_comes_later_is_told_too(void **state)
{
	struct core_world w;
	(void)state;
	world_far_apart(&w); /* six supernodes */
	block(&w, WORLD_FAR_BOB, WORLD_FAR_ALICE, KITH_CONTACT_BLOCKED);
	struct kith_core *bob = w.nodes[WORLD_FAR_BOB].core;
	const struct kith_session *home = kith_sessions_get(&bob->sessions, bob->leaf.homes[0].session);
	assert_non_null(home);
	for (int i = 0; i < 6; i++) {
		if (session_of(&w, WORLD_FAR_BOB, i) == home)
			world_stop(&w, i);
	}
	world_run(&w, 150 * KITH_US_PER_S);
	unsigned told = 0;
	for (int i = 0; i < 6; i++) {
		const struct kith_session *s = w.nodes[i].core != NULL ? session_of(&w, i, WORLD_FAR_BOB) : NULL;
		told += s != NULL && s->attached != NULL && s->attached->who != NULL;
	}
	assert_int_equal(told, KITH_HOMES);
	core_world_deinit(&w);
}

/* Blocked while it talks: the tunnels are gone, and what it pours into them. */
static void who_is_blocked_loses_its_tunnels(void **state)
{
	struct core_world w;
	(void)state;
	world_relayed(&w);
	world_call(&w, WORLD_ALICE, WORLD_BOB, NULL);
	world_run(&w, 5 * KITH_US_PER_S);
	assert_int_equal(tunnels_in_all(&w), KITH_RELAYS_LIVE);
	block(&w, WORLD_BOB, WORLD_ALICE, KITH_CONTACT_BLOCKED);
	assert_int_equal(tunnels_in_all(&w), 0);
	core_world_deinit(&w);
}

static void a_leaf_decides_of_its_own_tunnels_only(void **state)
{
	struct core_world w;
	uint64_t id;
	(void)state;
	world_alice_and_bob(&w);
	open_empty(&w, 0);
	assert_int_equal(tunnels_of(&w, 0), 1);
	assert_false(wanted(&w, 0, &id));
	for (int how = 0; how < 3; how++) {
		uint8_t body[32];
		const struct kith_msg_admit m = { .tunnel = w.nodes[0].core->super->fwd.tunnels[0].leg[1].id,
						  .wish = (uint8_t)how };
		size_t len = kith_msg_admit_write(body, sizeof body, &m);
		begin(&w, WORLD_ALICE);
		assert_int_equal(kith_session_request(w.nodes[WORLD_ALICE].core, session_of(&w, WORLD_ALICE, 0),
						      KITH_REQ_ADMIT, test_span(body, len),
						      kith_token(KITH_TOKEN_IGNORE, 0)),
				 0);
		end(&w, WORLD_ALICE);
		world_run(&w, 100 * KITH_US_PER_MS);
		assert_int_equal(tunnels_of(&w, 0), 1);
		assert_false(wanted(&w, 0, &id));
	}
	core_world_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_nobody_took_carries_a_call_and_no_more),
		cmocka_unit_test(an_honest_call_is_not_put_off_meanwhile),
		cmocka_unit_test(what_is_accepted_carries_all_until_it_is_over),
		cmocka_unit_test(who_is_blocked_hears_what_is_said_of_nobody),
		cmocka_unit_test(a_home_that_comes_later_is_told_too),
		cmocka_unit_test(who_is_blocked_loses_its_tunnels),
		cmocka_unit_test(a_leaf_decides_of_its_own_tunnels_only),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
