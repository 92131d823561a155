/* The world of core_world.h where every node has UDP over IPv4 on transport 0, and TCP over IPv6 on transport 1: what
 * one carries tells nothing of the other. Supernodes name both.
 */
#ifndef KITH_TESTS_TWO_KINDS_H
#define KITH_TESTS_TWO_KINDS_H

#include "core_world.h"

enum { S0, S1, S2, ALICE, BOB };

struct two_kinds {
	struct core_world w;
	bool wall; /* no UDP to or from alice */
	bool loses; /* the next packet of hers over UDP */
	bool muffled; /* of what goes between bob and others over UDP, tunnels' packets get through only */
	bool apart; /* nothing gets from alice to bob, nor back, but through supernodes */
};

static inline struct kith_endpoint tcp_endpoint(int i)
{
	return (struct kith_endpoint){ world_addr6(i), KITH_TRANSPORT_TCP, 0 };
}

static inline bool between(const struct world_packet *p, int a, int b)
{
	const struct kith_addr at[2] = { world_addr(a), world_addr(b) }, at6[2] = { world_addr6(a), world_addr6(b) };
	bool there = kith_addr_equal(&p->from, &at[0]) && kith_addr_equal(&p->to, &at[1]);
	return there || (kith_addr_equal(&p->from, &at6[0]) && kith_addr_equal(&p->to, &at6[1]));
}

static inline int wall_tap(struct core_world *w, struct world_packet *p)
{
	struct two_kinds *t = (struct two_kinds *)w;
	struct kith_addr alice = world_addr(ALICE);
	bool from = kith_addr_equal(&p->from, &alice), hers = from || kith_addr_equal(&p->to, &alice);
	struct kith_addr bob = world_addr(BOB);
	bool his = kith_addr_equal(&p->from, &bob) || kith_addr_equal(&p->to, &bob);
	bool lost = (t->loses && from) || (t->muffled && his && p->data[KITH_PACKET_HEADROOM] != KITH_PKT_TUNNEL);
	t->loses = t->loses && !from;
	bool straight = t->apart && (between(p, ALICE, BOB) || between(p, BOB, ALICE));
	return (t->wall && hers) || lost || straight ? 0 : 1;
}

static inline void start_with_both(struct core_world *w, const char *name, bool supernode)
{
	static struct kith_bootstrap list[6];
	struct kith_core_options o;
	int i = world_add(w, name, supernode);
	world_options(w, i, &o);
	for (int k = 0; k < 3; k++) { /* both of one host, UDP first */
		list[k] = list[k + 3] = o.bootstrap[k];
		list[k].has_key = list[k + 3].has_key = true;
		list[k].at = tcp_endpoint(k);
	}
	o.bootstrap = list;
	o.bootstrap_n = 6;
	if (supernode)
		o.endpoints[o.endpoints_n++] = tcp_endpoint(i);
	w->nodes[i].addr = (struct kith_addr){ 0 }; /* what costs nothing is told of last, as a host does */
	assert_int_equal(world_try_start(w, i, &o), 0);
	world_link_second(w, i, KITH_TRANSPORT_TCP, supernode ? KITH_PURPOSE_ANY : KITH_PURPOSE_OUT, 30);
	w->nodes[i].addr = world_addr(i);
	world_link(w, i, 0, true);
}

static inline struct two_kinds *two_kinds_new(bool wall)
{
	struct two_kinds *t = calloc(1, sizeof *t);
	assert_non_null(t);
	core_world_init(&t->w, kith_suite_sim(), 1);
	t->w.log = getenv("KITH_TEST_LOG") != NULL;
	t->w.tap = wall_tap;
	t->wall = wall;
	for (int i = S0; i <= S2; i++)
		start_with_both(&t->w, (const char *const[]){ "s0", "s1", "s2" }[i], true);
	world_run(&t->w, 10 * KITH_US_PER_S);
	start_with_both(&t->w, "alice", false);
	return t;
}

static inline void two_kinds_free(struct two_kinds *t)
{
	core_world_deinit(&t->w);
	free(t);
}

/* How many homes alice has that she reaches over that transport. */
static inline unsigned homes_over(struct two_kinds *t, uint16_t transport)
{
	struct kith_core *c = t->w.nodes[ALICE].core;
	unsigned n = 0;
	for (size_t i = 0; i < KITH_HOMES; i++) {
		const struct kith_home_slot *home = &c->leaf.homes[i];
		struct kith_session *s =
			home->state == KITH_HOME_ATTACHED ? kith_sessions_get(&c->sessions, home->session) : NULL;
		n += s != NULL && kith_session_hop(s)->transport == transport;
	}
	return n;
}

#endif
