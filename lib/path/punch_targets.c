#include "path/punch_targets.h"

#include "base/addr.h"
#include "base/stats.h"
#include "path/transports.h"

static void journal(const struct kith_punch_view *v, const struct kith_hop *hop, enum kith_refusal refusal)
{
	kith_stats_add(v->env->stats, KITH_STAT_CANDIDATES_REFUSED, 1);
	kith_journal_add(v->journal, v->env->alloc, v->env->now, KITH_JOURNAL_REFUSED, hop, refusal);
}

enum kith_refusal kith_punch_check(const struct kith_punch *p, const struct kith_punch_view *v,
				   const struct kith_candidate *c, struct kith_hop *hop)
{
	hop->remote = c->at.addr;
	const struct kith_transports *ts = v->env->transports;
	enum kith_refusal refusal = kith_candidate_check(c, &p->theirs, &p->own, v->allow);
	if (refusal == KITH_REFUSAL_NONE && (ts == NULL || kith_transports_reach(ts, &c->at, false, hop) != 0 ||
					     kith_transports_is_for_homes(ts, hop->transport)))
		refusal = KITH_REFUSAL_TRANSPORT;
	return refusal;
}

bool kith_punch_is_relayed(const struct kith_punch *p, const struct kith_addr *at)
{
	for (unsigned i = 0; i < p->theirs.n; i++) {
		if (p->theirs.list[i].kind == KITH_ADDR_RELAYED && kith_addr_equal(&p->theirs.list[i].at.addr, at))
			return true;
	}
	return false;
}

struct kith_target *kith_punch_find(struct kith_punch *p, const struct kith_hop *hop)
{
	for (unsigned i = 0; i < p->n_targets; i++) {
		if (kith_hop_equal(&p->targets[i].hop, hop))
			return &p->targets[i];
	}
	for (unsigned i = 0; i < KITH_CONNECT_ADDRESSES; i++) {
		if (p->connecting[i].sent > 0 && kith_hop_equal(&p->connecting[i].hop, hop))
			return &p->connecting[i];
	}
	return NULL;
}

/* The targets of the round before. */
struct targets {
	struct kith_target list[KITH_PLAN_TARGETS + KITH_RELAYED_TARGETS];
	unsigned n;
};

/* NULL: there is one at this hop. */
static struct kith_target *add(struct kith_punch *p, const struct kith_punch_view *v, const struct targets *old,
			       const struct kith_hop *hop)
{
	if (kith_punch_find(p, hop) != NULL)
		return NULL;
	struct kith_target *t = &p->targets[p->n_targets++];
	memset(t, 0, sizeof *t);
	t->hop = *hop;
	for (unsigned j = 0; j < old->n; j++) {
		if (kith_hop_equal(&old->list[j].hop, hop))
			*t = old->list[j];
	}
	t->taken = v->adopt(v->ps, hop);
	return t;
}

/* ---- by a TURN server of ours ---- */

static bool is_machine(const struct kith_addr *a, const struct kith_addr *b)
{
	return a->family == b->family && memcmp(a->ip, b->ip, sizeof a->ip) == 0;
}

/* Whether one more of the peer's addresses is named to the server. */
static bool may_name(struct kith_punch *p, kith_time_us now, const struct kith_addr *at)
{
	if (p->relayed_at != 0 && now - p->relayed_at >= KITH_RELAYED_PEERS_US)
		p->relayed_n = 0;
	for (unsigned i = 0; i < p->relayed_n; i++) {
		if (is_machine(&p->relayed_to[i], at))
			return true;
	}
	if (p->relayed_n == KITH_RELAYED_PEERS)
		return false;
	if (p->relayed_n == 0)
		p->relayed_at = now;
	p->relayed_to[p->relayed_n] = *at;
	p->relayed_to[p->relayed_n++].port = 0;
	return true;
}

/* Where it may be: at an address that others send to, or at one of a network that is on private ones altogether. */
static bool is_reached(const struct kith_punch *p, const struct kith_punch_view *v, const struct kith_candidate *c)
{
	const enum kith_addr_scope scope = kith_addr_scope(&c->at.addr);
	const bool far =
		scope == KITH_SCOPE_PUBLIC || (scope == KITH_SCOPE_PRIVATE && (v->allow & KITH_ALLOW_PRIVATE) != 0);
	return c->at.kind == KITH_TRANSPORT_UDP && c->kind != KITH_ADDR_PREDICTED && far &&
	       kith_candidate_check(c, &p->theirs, &p->own, v->allow) == KITH_REFUSAL_NONE;
}

static bool is_there(const struct kith_punch *p, unsigned from, const struct kith_addr *at)
{
	for (unsigned i = from; i < p->n_targets; i++) {
		if (is_machine(&p->targets[i].hop.remote, at))
			return true;
	}
	return false;
}

static void add_relayed(struct kith_punch *p, const struct kith_punch_view *v, const struct targets *old)
{
	const unsigned first = p->n_targets;
	for (unsigned i = 0; i < p->theirs.n && p->n_targets < first + KITH_RELAYED_TARGETS; i++) {
		const struct kith_candidate *c = &p->theirs.list[i];
		struct kith_hop hop = { .remote = c->at.addr };
		if (!is_reached(p, v, c) || is_there(p, first, &c->at.addr) ||
		    !kith_transports_relayed(v->env->transports, c->at.addr.family, &hop.transport))
			continue;
		if (!may_name(p, v->env->now, &c->at.addr)) {
			journal(v, &hop, KITH_REFUSAL_FULL);
			continue;
		}
		struct kith_target *t = add(p, v, old, &hop);
		if (t != NULL)
			t->relayed = true;
	}
}

void kith_punch_choose_targets(struct kith_punch *p, const struct kith_punch_view *v)
{
	struct targets old;
	old.n = p->n_targets;
	memcpy(old.list, p->targets, sizeof old.list);
	p->n_targets = 0;
	for (unsigned i = 0; i < p->plan.targets_n; i++) {
		const struct kith_candidate *c = &p->plan.targets[i];
		struct kith_hop hop = { 0 };
		if (kith_connections_takes(c))
			continue;
		enum kith_refusal refusal = kith_punch_check(p, v, c, &hop);
		if (refusal != KITH_REFUSAL_NONE) {
			journal(v, &hop, refusal);
			continue;
		}
		struct kith_target *t = add(p, v, &old, &hop);
		if (t == NULL)
			continue;
		t->open = kith_addr_scope(&c->at.addr) == KITH_SCOPE_PUBLIC;
		t->guess = i < p->plan.guesses_n;
	}
	if (v->env->transports != NULL)
		add_relayed(p, v, &old);
}
