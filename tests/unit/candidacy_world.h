/* A network of cores in which a leaf is attested: twelve supernodes in prefixes of their own, of which three are homes
 * of "alice". Her line can be behind a NAT that lets in only whom she has spoken to, and slow. */
#ifndef KITH_TESTS_CANDIDACY_WORLD_H
#define KITH_TESTS_CANDIDACY_WORLD_H

#include "core_world.h"

#include "base/alloc.h"

#include "core/settle.h"
#include "leaf/candidacy.h"
#include "leaf/homes.h"
#include "link/connect.h"
#include "link/knock.h"
#include "overlay/burst.h"
#include "super/sponsor.h"
#include "super/witness.h"

enum { CW_SUPERNODES = 12, CW_ALICE = CW_SUPERNODES, CW_SPOKEN_MAX = 64 };

struct cw_line {
	kith_time_us busy_until;
};

/* What the tap does to packets from and to alice. */
struct cw {
	struct core_world w;
	uint64_t seed; /* of the world, less one */
	bool nat; /* port-restricted: lets in only what comes from where she has sent to */
	bool by_address; /* address-restricted: from any port there */
	uint32_t rate; /* bytes a second each way; 0: no bottleneck */
	kith_time_us queue; /* most that a packet waits for the bottleneck */
	uint32_t loss_percent; /* of packets, at random, each way */
	kith_time_us jitter; /* up to so much later, at random: packets overtake each other */
	struct cw_line up, down;
	struct kith_addr spoken[CW_SPOKEN_MAX]; /* where she has sent to */
	int spoken_n;
	int refused; /* packets that her NAT kept out */
	int hellos; /* first messages to her */
	int knocks, knocks_of_supernodes; /* KNOCK to her; those that came from supernodes' addresses */
	int knockers; /* addresses that they came from */
	struct kith_addr knocker[CW_SPOKEN_MAX];
	uint64_t burst_bytes; /* of packets as long as those of a measurement, both ways */
};

static inline bool cw_spoken(const struct cw *cw, const struct kith_addr *to)
{
	for (int i = 0; i < cw->spoken_n; i++) {
		struct kith_addr spoken = cw->spoken[i];
		if (cw->by_address)
			spoken.port = to->port;
		if (kith_addr_equal(&spoken, to))
			return true;
	}
	return false;
}

static inline bool cw_is_supernode(const struct cw *cw, const struct kith_addr *at)
{
	for (int i = 0; i < CW_SUPERNODES; i++) {
		if (memcmp(cw->w.nodes[i].addr.ip, at->ip, sizeof at->ip) == 0)
			return true;
	}
	return false;
}

static inline void cw_knocked(struct cw *cw, const struct kith_addr *from)
{
	int i = 0;
	cw->knocks++;
	cw->knocks_of_supernodes += cw_is_supernode(cw, from);
	while (i < cw->knockers && !kith_addr_equal(&cw->knocker[i], from))
		i++;
	assert_true(i < CW_SPOKEN_MAX);
	cw->knocker[i] = *from;
	cw->knockers += i == cw->knockers;
}

/* False: lost. */
static inline bool cw_carry(struct cw *cw, struct cw_line *l, struct world_packet *p)
{
	if (cw->rate == 0)
		return true;
	kith_time_us begin = l->busy_until > cw->w.now ? l->busy_until : cw->w.now;
	if (begin - cw->w.now > cw->queue)
		return false;
	l->busy_until = begin + (kith_time_us)p->len * KITH_US_PER_S / cw->rate;
	p->at += l->busy_until - cw->w.now;
	return true;
}

static inline int cw_tap(struct core_world *w, struct world_packet *p)
{
	struct cw *cw = w->tap_ctx;
	const struct kith_addr *alice = &w->nodes[CW_ALICE].addr;
	bool from = kith_addr_equal(&p->from, alice), to = kith_addr_equal(&p->to, alice);
	if (!from && !to)
		return 1;
	if (p->len >= KITH_BURST_PACKET && p->data[KITH_PACKET_HEADROOM] == KITH_PKT_DATA)
		cw->burst_bytes += p->len;
	if (from && !cw_spoken(cw, &p->to)) {
		assert_true(cw->spoken_n < CW_SPOKEN_MAX);
		cw->spoken[cw->spoken_n++] = p->to;
	}
	if (to && p->data[KITH_PACKET_HEADROOM] == KITH_PKT_HELLO)
		cw->hellos++;
	if (to && p->data[KITH_PACKET_HEADROOM] == KITH_PKT_KNOCK)
		cw_knocked(cw, &p->from);
	if (to && cw->nat && !cw_spoken(cw, &p->from)) {
		cw->refused++;
		return 0;
	}
	if (!cw_carry(cw, from ? &cw->up : &cw->down, p))
		return 0;
	if (cw->jitter > 0)
		p->at += (kith_time_us)(test_random_next(&w->random) % (uint64_t)cw->jitter);
	return test_random_next(&w->random) % 100 < cw->loss_percent ? 0 : 1;
}

static inline void cw_consent_of(struct cw *cw, int node, const struct kith_candidacy_options *o)
{
	struct kith_core *c = cw->w.nodes[node].core;
	kith_core_enter(c, world_clock(&cw->w));
	assert_int_equal(kith_candidacy_begin(c, o), 0);
	kith_core_settle(c);
	world_drain(&cw->w, node);
}

static inline void cw_consent(struct cw *cw, const struct kith_candidacy_options *o)
{
	cw_consent_of(cw, CW_ALICE, o);
}

/* The supernodes have been there for an hour: should nobody else consent, they attest whom nobody knocks at. */
static inline void cw_grow_old(struct cw *cw)
{
	for (int i = 0; i < CW_SUPERNODES; i++)
		cw->w.nodes[i].core->super->begun_at -= KITH_KNOCK_ALONE_US;
}

/* Starts it all; alice, who is the first of the leaves, has her homes, and does not consent yet. */
static inline void cw_start_with(struct cw *cw, const char *const leaves[])
{
	world_network(&cw->w, kith_suite_sim(), cw->seed + 1, CW_SUPERNODES, leaves);
	cw->w.tap = cw_tap;
	cw->w.tap_ctx = cw;
	for (size_t i = 0; i < KITH_HOMES; i++) { /* what she has spoken to before there was a tap */
		const struct kith_home_slot *home = &cw->w.nodes[CW_ALICE].core->leaf.homes[i];
		assert_int_equal(home->state, KITH_HOME_ATTACHED);
		cw->spoken[cw->spoken_n++] = home->host.endpoints[0].addr;
	}
}

static inline void cw_start(struct cw *cw)
{
	static const char *const leaves[] = { "alice", NULL };
	cw_start_with(cw, leaves);
	cw_grow_old(cw);
}

/* She has sent something to every supernode. */
static inline void cw_punch(struct cw *cw)
{
	cw->spoken_n = 0;
	for (int i = 0; i < CW_SUPERNODES; i++)
		cw->spoken[cw->spoken_n++] = cw->w.nodes[i].addr;
}

static inline struct kith_candidacy_info cw_info(const struct cw *cw)
{
	struct kith_candidacy_info info;
	assert_true(kith_candidacy_info(cw->w.nodes[CW_ALICE].core, &info));
	return info;
}

/* Consents, and waits until the first time of asking is over. */
static inline struct kith_candidacy_info cw_attest(struct cw *cw, const struct kith_candidacy_options *o)
{
	cw_consent(cw, o);
	world_run(&cw->w, 150 * KITH_US_PER_S);
	return cw_info(cw);
}

static inline int cw_home_of(const struct cw *cw, int i)
{
	return world_node_at(&cw->w, &cw->w.nodes[CW_ALICE].core->leaf.homes[i].host.endpoints[0].addr);
}

#endif
