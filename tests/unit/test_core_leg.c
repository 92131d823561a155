/* Where the other end of a tunnel is, a relay tells when that end asks for it, and nobody else can say so. */
#include "core_tap.h"

#include "call/relays.h"
#include "path/punch.h"

struct legs {
	struct core_world w;
	kith_session_id alices, bobs;
	struct kith_hop hop; /* of alice's path through the relay */
	int relay; /* the node there */
};

static struct kith_session *session_of(struct legs *l, int node)
{
	kith_session_id id = node == WORLD_ALICE ? l->alices : l->bobs;
	return kith_sessions_get(&l->w.nodes[node].core->sessions, id);
}

static struct kith_session *infrastructure(struct legs *l, int at, int with)
{
	return kith_sessions_of(&l->w.nodes[at].core->sessions, l->w.nodes[with].core->self.dh_pk);
}

static void talk(struct legs *l)
{
	world_alice_and_bob(&l->w);
	l->alices = world_call(&l->w, WORLD_ALICE, WORLD_BOB, &l->bobs);
	const struct kith_session *s = session_of(l, WORLD_ALICE);
	for (unsigned i = 0; i < kith_pathset_count(&s->paths); i++) {
		const struct kith_path *p = kith_pathset_path(&s->paths, i);
		if (kith_path_is_relay(p))
			l->hop = p->hop;
	}
	assert_true(l->hop.tunnel != 0);
	l->relay = world_node_at(&l->w, &l->hop.remote);
}

/* Where alice was told that bob is. */
static struct kith_addr told(struct legs *l)
{
	const struct kith_punch *p = kith_pathset_punch(&session_of(l, WORLD_ALICE)->paths);
	assert_non_null(p);
	return p->attested;
}

/* A node writes a LEG on a session of its own; at NULL: it asks. */
static void say(struct legs *l, int from, const struct kith_session *s, uint64_t tunnel, const struct kith_addr *at,
		size_t cut)
{
	struct kith_core *c = l->w.nodes[from].core;
	uint8_t body[KITH_LEG_BODY + KITH_ADDR_WIRE_MAX];
	struct kith_writer b = kith_writer_of(body, sizeof body);
	kith_write_u64(&b, tunnel);
	if (at != NULL)
		kith_addr_write(&b, at);
	assert_non_null(s);
	kith_core_tick(c, world_clock(&l->w));
	world_drain(&l->w, from);
	kith_outbox_claim(&l->w.shared->outbox, c, c->stats);
	size_t len = kith_writer_len(&b) - cut;
	kith_write_bytes(kith_outbox_begin(&l->w.shared->outbox, s->index, NULL, 0, KITH_FRAME_LEG, len), body, len);
	kith_outbox_end(&l->w.shared->outbox);
	kith_core_tick(c, world_clock(&l->w)); /* seals */
	world_drain(&l->w, from);
	world_run(&l->w, 4 * WORLD_DELAY_US);
}

static void an_end_that_asks_is_shown_to_the_other_end(void **state)
{
	struct legs l;
	(void)state;
	talk(&l);
	assert_int_equal(told(&l).family, KITH_FAMILY_NONE); /* nobody asked */
	struct kith_core *bob = l.w.nodes[WORLD_BOB].core;
	kith_core_tick(bob, world_clock(&l.w));
	kith_outbox_claim(&l.w.shared->outbox, bob, bob->stats);
	kith_relays_show(bob, session_of(&l, WORLD_BOB));
	kith_core_tick(bob, world_clock(&l.w));
	world_drain(&l.w, WORLD_BOB);
	world_run(&l.w, 4 * WORLD_DELAY_US);
	struct kith_addr at = told(&l);
	assert_true(kith_addr_equal(&at, &l.w.nodes[WORLD_BOB].addr));
	core_world_deinit(&l.w);
}

static void nobody_asks_for_another(void **state)
{
	struct legs l;
	(void)state;
	talk(&l);
	/* Bob names alice's leg, alice's a number that is none: nothing is told to anybody, and alice not to bob. */
	say(&l, WORLD_BOB, infrastructure(&l, WORLD_BOB, l.relay), l.hop.tunnel, NULL, 0);
	say(&l, WORLD_ALICE, infrastructure(&l, WORLD_ALICE, l.relay), l.hop.tunnel + 1, NULL, 0);
	assert_int_equal(told(&l).family, KITH_FAMILY_NONE);
	assert_int_equal(kith_pathset_punch(&session_of(&l, WORLD_BOB)->paths)->attested.family, KITH_FAMILY_NONE);
	assert_int_equal(world_stat(&l.w, l.relay, KITH_STAT_DROP_MALFORMED_FRAME), 0);
	core_world_deinit(&l.w);
}

static void a_peer_another_relay_or_a_home_for_another_tunnel_say_nothing_that_counts(void **state)
{
	struct legs l;
	const struct kith_addr victim = { .family = KITH_FAMILY_V4, .port = 5000, .ip = { 66, 6, 6, 6 } };
	(void)state;
	talk(&l);
	uint64_t malformed = world_stat(&l.w, WORLD_ALICE, KITH_STAT_DROP_MALFORMED_FRAME);
	say(&l, WORLD_BOB, session_of(&l, WORLD_BOB), l.hop.tunnel, &victim, 0);
	assert_int_equal(world_stat(&l.w, WORLD_ALICE, KITH_STAT_DROP_MALFORMED_FRAME), malformed + 1);
	int other = (l.relay + 1) % 3;
	say(&l, other, infrastructure(&l, other, WORLD_ALICE), l.hop.tunnel, &victim, 0);
	say(&l, l.relay, infrastructure(&l, l.relay, WORLD_ALICE), l.hop.tunnel + 1, &victim, 0);
	assert_int_equal(world_stat(&l.w, WORLD_ALICE, KITH_STAT_DROP_MALFORMED_FRAME), malformed + 1);
	assert_int_equal(told(&l).family, KITH_FAMILY_NONE);
	/* Cut short, or of no tunnel. Cut by seven it is a question, for whom there is nothing to tell. */
	for (size_t cut = 1; cut <= 7; cut++)
		say(&l, l.relay, infrastructure(&l, l.relay, WORLD_ALICE), l.hop.tunnel, &victim, cut);
	say(&l, l.relay, infrastructure(&l, l.relay, WORLD_ALICE), 0, &victim, 0);
	assert_int_equal(world_stat(&l.w, WORLD_ALICE, KITH_STAT_DROP_MALFORMED_FRAME), malformed + 8);
	assert_int_equal(told(&l).family, KITH_FAMILY_NONE);
	core_world_deinit(&l.w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_end_that_asks_is_shown_to_the_other_end),
		cmocka_unit_test(nobody_asks_for_another),
		cmocka_unit_test(a_peer_another_relay_or_a_home_for_another_tunnel_say_nothing_that_counts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
