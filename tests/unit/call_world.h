/* What the tests of calls have in common. */
#ifndef KITH_TEST_CALL_WORLD_H
#define KITH_TEST_CALL_WORLD_H

#include "core_world.h"

/* How an operation ended: 1 if it opened a session, else its error; and that it did so once. */
static inline int outcome(const struct core_world *w, int node, kith_op op, int since)
{
	int ends = 0, result = 0;
	for (int i = since; i < w->events_n; i++) {
		const struct kith_event *ev = &w->events[i].ev;
		if (w->events[i].node != node || ev->op != op)
			continue;
		if (ev->type == KITH_EVENT_OPENED || ev->type == KITH_EVENT_OP_DONE) {
			ends++;
			result = ev->type == KITH_EVENT_OPENED ? 1 : ev->err;
		}
	}
	assert_int_equal(ends, 1);
	return result;
}

/* Sessions of applications, in whatever state. */
static inline int calls_held(const struct core_world *w, int node)
{
	uint32_t it = 0;
	const struct kith_session *s;
	int n = 0;
	while ((s = kith_table_next(&w->nodes[node].core->sessions.by_index, &it)) != NULL)
		n += (s->use & KITH_USE_PEER) != 0;
	return n;
}

static inline int ops_held(const struct core_world *w, int node)
{
	int n = 0;
	for (const struct kith_operation *op = w->nodes[node].core->ops; op != NULL; op = op->next)
		n += op->kind != KITH_OP_DONE;
	return n;
}

static struct {
	kith_session_id session;
	int rings;
} ringing __attribute__((unused));

static inline void let_ring(struct core_world *w, int node, const struct kith_event *ev)
{
	(void)w;
	(void)node;
	if (ev->type == KITH_EVENT_INCOMING) {
		ringing.session = ev->session;
		ringing.rings++;
	}
}

/* Alice and bob, whose calls ring until the test decides. */
static inline void world_lets_ring(struct core_world *w)
{
	world_alice_and_bob(w);
	memset(&ringing, 0, sizeof ringing);
	w->on_event = let_ring;
}

/* The network between two who call each other: loses and delays what it likes, by a seed. */
struct weather {
	struct test_random random;
	unsigned loss_percent;
	kith_time_us late_us; /* at most */
};

static inline int weather_tap(struct core_world *w, struct world_packet *p)
{
	struct weather *weather = w->tap_ctx;
	if (test_random_next(&weather->random) % 100 < weather->loss_percent)
		return 0;
	if (weather->late_us > 0)
		p->at += (kith_time_us)(test_random_next(&weather->random) % (uint64_t)weather->late_us);
	return 1;
}

/* Holds back the first messages that are brought to a node until some time, and a second longer. */
struct hold {
	int node;
	kith_time_us until;
};

static inline int hold_hello(struct core_world *w, struct world_packet *p)
{
	const uint8_t *inner = p->data + KITH_PACKET_HEADROOM;
	const struct hold *hold = w->tap_ctx;
	if (inner[0] == KITH_PKT_TUNNEL && inner[KITH_TUNNEL_HEADER] == KITH_PKT_HELLO && w->now < hold->until &&
	    kith_addr_equal(&p->to, &w->nodes[hold->node].addr))
		p->at = hold->until + KITH_US_PER_S;
	return 1;
}

static inline uint32_t tunnels_of(const struct core_world *w, int node)
{
	return w->nodes[node].core->super->fwd.n;
}

static inline void pin_relay_only(struct core_world *w, int node, int other)
{
	assert_int_equal(kith_core_pin(w->nodes[node].core, world_clock(w), w->nodes[other].name,
				       &w->nodes[other].id.identity, KITH_CONTACT_RELAY_ONLY, false),
			 0);
	world_drain(w, node);
}

#endif
