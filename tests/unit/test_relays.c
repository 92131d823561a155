/* An end does without a tunnel that ends, and leaves none behind. */
#include "call_world.h"

#include "base/limits.h"
#include "call/relays.h"
#include "core/settle.h"
#include "link/connect.h"
#include "super/tunnels.h"

static uint32_t tunnels(const struct core_world *w)
{
	uint32_t n = 0;
	for (int i = 0; i < w->n; i++)
		n += w->nodes[i].supernode && w->nodes[i].core != NULL ? tunnels_of(w, i) : 0;
	return n;
}

/* Alice talks to bob and to carol, both over relays; the tunnel to bob is closed. */
static void a_tunnel_that_ends_concerns_the_sessions_that_used_it_only(void **state)
{
	struct core_world w;
	(void)state;
	world_network(&w, kith_suite_sodium(), 1, 6, (const char *const[]){ "alice", "bob", "carol", NULL });
	int alice = 6, bob = 7, carol = 8;
	struct kith_core *a = w.nodes[alice].core;
	for (int i = bob; i <= carol; i++) {
		assert_int_equal(kith_core_pin(a, world_clock(&w), w.nodes[i].name, &w.nodes[i].id.identity,
					       KITH_CONTACT_RELAY_ONLY, false),
				 0);
		world_drain(&w, alice);
	}
	struct kith_session *to_bob = kith_sessions_get(&a->sessions, world_call(&w, alice, bob, NULL));
	struct kith_session *to_carol = kith_sessions_get(&a->sessions, world_call(&w, alice, carol, NULL));
	world_run(&w, 5 * KITH_US_PER_S);
	assert_non_null(to_bob);
	assert_non_null(to_carol);
	assert_int_equal(to_bob->peer->relay_at, KITH_TIME_NEVER);
	assert_int_equal(to_carol->peer->relay_at, KITH_TIME_NEVER);
	const struct kith_hop *hop = &kith_pathset_path(&to_bob->paths, 0)->hop;
	assert_true(hop->tunnel != 0);
	struct kith_session *via = NULL, *s;
	for (uint32_t it = 0; (s = kith_table_next(&a->sessions.by_index, &it)) != NULL;) {
		if (!(s->use & KITH_USE_PEER) && kith_addr_equal(&kith_session_hop(s)->remote, &hop->remote))
			via = s;
	}
	assert_non_null(via);
	uint8_t body[32];
	const struct kith_msg_tunnel_close m = { .tunnel = hop->tunnel };
	size_t len = kith_msg_tunnel_close_write(body, sizeof body, &m);
	kith_core_tick(a, world_clock(&w));
	world_drain(&w, alice);
	kith_outbox_claim(&w.shared->outbox, a, a->stats);
	struct kith_request request = { .id = 77, .kind = KITH_REQ_TUNNEL_CLOSE, .body = test_span(body, len) };
	kith_relays_on_close(a, via, &request);
	assert_int_equal(to_bob->peer->relay_at, w.now);
	assert_int_equal(to_carol->peer->relay_at, KITH_TIME_NEVER);
	world_drain(&w, alice);
	world_run(&w, KITH_US_PER_S);
	core_world_deinit(&w);
}

/* ---- who may close what ---- */

static struct kith_session *infrastructure(struct core_world *w, int at, int with)
{
	return kith_sessions_of(&w->nodes[at].core->sessions, w->nodes[with].core->self.dh_pk);
}

/* Alice and bob talk over relays; *relay is that of her sending path, and *hop the path. */
static const struct kith_session *talk(struct core_world *w, struct kith_hop *hop, int *relay)
{
	world_relayed(w);
	kith_session_id id = world_call(w, WORLD_ALICE, WORLD_BOB, NULL);
	world_run(w, 5 * KITH_US_PER_S);
	const struct kith_session *s = kith_sessions_get(&w->nodes[WORLD_ALICE].core->sessions, id);
	assert_non_null(s);
	*hop = kith_pathset_sending(&s->paths)->hop;
	*relay = world_node_at(w, &hop->remote);
	return s;
}

/* The supernode closes a tunnel at alice n times. */
static void closes(struct core_world *w, int from, uint64_t tunnel, unsigned n)
{
	struct kith_core *a = w->nodes[WORLD_ALICE].core;
	struct kith_session *with = infrastructure(w, WORLD_ALICE, from);
	uint8_t body[32];
	const struct kith_msg_tunnel_close m = { .tunnel = tunnel };
	size_t len = kith_msg_tunnel_close_write(body, sizeof body, &m);
	assert_non_null(with);
	kith_core_tick(a, world_clock(w));
	world_drain(w, WORLD_ALICE);
	kith_outbox_claim(&w->shared->outbox, a, a->stats);
	while (n-- > 0) {
		struct kith_request request = { .id = 77, .kind = KITH_REQ_TUNNEL_CLOSE, .body = test_span(body, len) };
		kith_relays_on_close(a, with, &request);
	}
	world_drain(w, WORLD_ALICE);
}

static bool has_path(const struct kith_session *s, const struct kith_hop *hop)
{
	for (unsigned i = 0; i < kith_pathset_count(&s->paths); i++) {
		if (kith_hop_equal(&kith_pathset_path(&s->paths, i)->hop, hop))
			return true;
	}
	return false;
}

static uint64_t unknown(const struct core_world *w)
{
	return world_stat(w, WORLD_ALICE, KITH_STAT_TUNNEL_CLOSE_UNKNOWN);
}

static void a_supernode_closes_its_own_tunnels_only(void **state)
{
	struct core_world w;
	struct kith_hop hop;
	int relay;
	(void)state;
	const struct kith_session *s = talk(&w, &hop, &relay);
	int other = (relay + 1) % 3;
	closes(&w, other, hop.tunnel, 1);
	assert_true(has_path(s, &hop));
	assert_int_equal(unknown(&w), 1);
	closes(&w, relay, hop.tunnel + 1, 1);
	closes(&w, relay, 0, 1); /* malformed, and not the direct path at that address */
	assert_true(has_path(s, &hop));
	assert_int_equal(unknown(&w), 2);
	closes(&w, relay, hop.tunnel, 1);
	assert_false(has_path(s, &hop)); /* there is another one */
	assert_int_equal(unknown(&w), 2);
	core_world_deinit(&w);
}

/* Its address would be that of the relay in between, and the tunnels all of that one's. */
static void a_supernode_in_a_tunnel_closes_none(void **state)
{
	struct core_world w;
	struct kith_hop hop;
	int relay;
	(void)state;
	const struct kith_session *s = talk(&w, &hop, &relay);
	struct kith_session *with = infrastructure(&w, WORLD_ALICE, relay);
	struct kith_hop at = *kith_session_hop(with);
	assert_ptr_equal(kith_session_hop(with), &with->paths.first.hop);
	with->paths.first.hop.tunnel = 5;
	closes(&w, relay, hop.tunnel, 1);
	assert_true(has_path(s, &hop));
	assert_int_equal(unknown(&w), 1);
	with->paths.first.hop = at;
	core_world_deinit(&w);
}

static void a_flood_of_closings_is_limited_by_identity(void **state)
{
	struct core_world w;
	struct kith_hop hop;
	int relay;
	(void)state;
	const struct kith_session *s = talk(&w, &hop, &relay);
	closes(&w, (relay + 1) % 3, hop.tunnel, 5 * KITH_TUNNEL_CLOSES_BURST);
	assert_int_equal(unknown(&w), KITH_TUNNEL_CLOSES_BURST);
	assert_int_equal(world_stat(&w, WORLD_ALICE, KITH_STAT_REQUESTS_LIMITED), 4 * KITH_TUNNEL_CLOSES_BURST);
	closes(&w, relay, hop.tunnel, 1); /* which costs the others none of theirs */
	assert_false(has_path(s, &hop));
	core_world_deinit(&w);
}

static void tunnels_go_when_calls_are_over(void **state)
{
	struct core_world w;
	(void)state;
	world_far_apart(&w);
	for (int i = 0; i < 5; i++) {
		kith_session_id s = world_call(&w, WORLD_FAR_ALICE, WORLD_FAR_BOB, NULL);
		assert_int_equal(kith_core_close(w.nodes[WORLD_FAR_ALICE].core, world_clock(&w), s, KITH_CLOSE_NORMAL),
				 0);
		world_drain(&w, WORLD_FAR_ALICE);
		world_run(&w, KITH_US_PER_S);
	}
	assert_true(tunnels(&w) > 0);
	world_run(&w, KITH_TUNNEL_IDLE_US + KITH_TUNNEL_IDLE_US / 8 + 10 * KITH_US_PER_S);
	assert_int_equal(tunnels(&w), 0);
	/* And so do the sessions to homes that are not our own. */
	world_run(&w, 4 * KITH_TUNNEL_IDLE_US);
	assert_int_equal(w.nodes[WORLD_FAR_ALICE].core->sessions.by_index.n, KITH_HOMES);
	core_world_deinit(&w);
}

/* Of bob's homes two are dead, and the third is the caller. */
static void a_supernode_calls_its_own_leaf(void **state)
{
	struct core_world w;
	kith_session_id theirs;
	(void)state;
	world_alice_and_bob(&w);
	w.nodes[1].muted = w.nodes[2].muted = true;
	kith_session_id ours = world_call(&w, 0, WORLD_BOB, &theirs);
	int since = w.events_n;
	assert_int_equal(world_say(&w, 0, ours, "x", 1), 0);
	assert_int_equal(world_say(&w, WORLD_BOB, theirs, "y", 1), 0);
	world_run(&w, KITH_US_PER_S);
	assert_int_equal(world_events(&w, WORLD_BOB, KITH_EVENT_DATAGRAM, since), 1);
	assert_int_equal(world_events(&w, 0, KITH_EVENT_DATAGRAM, since), 1);
	core_world_deinit(&w);
}

/* The bits of the callee's homes through which a path goes that is dead, or is not. */
static unsigned homes_by(const struct kith_session *s, bool dead)
{
	unsigned bits = 0;
	for (unsigned k = 0; k < kith_pathset_count(&s->paths); k++) {
		const struct kith_path *p = kith_pathset_path(&s->paths, k);
		if (!kith_path_is_relay(p) || (p->state == KITH_PATH_DEAD) != dead)
			continue;
		for (unsigned i = 0; i < s->peer->homes_n; i++)
			bits |= (unsigned)kith_addr_equal(&s->peer->homes[i].endpoints[0].addr, &p->hop.remote) << i;
	}
	return bits;
}

static void what_has_just_died_is_asked_when_there_is_nobody_else(void **state)
{
	struct core_world w;
	struct kith_hop hop;
	int relay;
	(void)state;
	(void)talk(&w, &hop, &relay);
	struct kith_core *a = w.nodes[WORLD_ALICE].core;
	struct kith_session *s = NULL;
	for (uint32_t it = 0; (s = kith_table_next(&a->sessions.by_index, &it)) != NULL && !(s->use & KITH_USE_PEER);)
		;
	assert_non_null(s);
	assert_int_equal(s->peer->homes_n, KITH_HOMES);
	const uint8_t before = s->peer->homes_used;
	/* A doubt that is over in a moment changes nothing about who is asked next. */
	kith_core_enter(a, world_clock(&w));
	kith_pathset_check(&s->paths, kith_env(a, s));
	kith_session_touch(a, s);
	kith_core_settle(a);
	assert_true(s->peer->outage.since != 0);
	assert_int_equal(s->peer->homes_used, before);
	world_drain(&w, WORLD_ALICE);
	world_run(&w, KITH_US_PER_S);
	assert_int_equal(s->peer->outage.since, 0);
	/* The relay dies: it is still known as a dead path when another one is looked for. */
	w.nodes[relay].muted = true;
	for (int i = 0; i < 40 && homes_by(s, true) == 0; i++) {
		(void)world_say(&w, WORLD_ALICE, s->index, "x", 1);
		world_run(&w, 50 * KITH_US_PER_MS);
	}
	const unsigned dead = homes_by(s, true), there = homes_by(s, false), all = (1u << KITH_HOMES) - 1;
	assert_true(dead != 0 && (dead & there) == 0);
	assert_true(kith_relays_anew(s));
	assert_int_equal(s->peer->homes_used, (dead | there) != all ? (dead | there) : there);
	core_world_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tunnel_that_ends_concerns_the_sessions_that_used_it_only),
		cmocka_unit_test(a_supernode_calls_its_own_leaf),
		cmocka_unit_test(a_supernode_closes_its_own_tunnels_only),
		cmocka_unit_test(a_supernode_in_a_tunnel_closes_none),
		cmocka_unit_test(a_flood_of_closings_is_limited_by_identity),
		cmocka_unit_test(tunnels_go_when_calls_are_over),
		cmocka_unit_test(what_has_just_died_is_asked_when_there_is_nobody_else),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
