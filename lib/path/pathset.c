#include "path/pathset_internal.h"
#include "path/punch_targets.h"
#include "path/transports.h"

enum { REVIVE_US = 100000 /* a dead path that is heard of is asked this often */ };

/* ---- slots ---- */

int kith_ps_find(const struct kith_pathset *ps, const struct kith_hop *hop)
{
	unsigned n = kith_ps_count(ps);
	if (n > 0 && kith_hop_equal(&ps->first.hop, hop))
		return 0;
	for (unsigned i = 1; i < n; i++) {
		if (kith_hop_equal(&ps->more->others[i - 1].hop, hop))
			return (int)i;
	}
	return -1;
}

int kith_ps_find_id(const struct kith_pathset *ps, uint8_t id, bool peers)
{
	unsigned n = kith_ps_count(ps);
	for (unsigned i = 0; i < n && id != KITH_PATH_ID_NONE; i++) {
		const struct kith_path *p = kith_pathset_path(ps, i);
		if ((peers ? p->peer_id : p->id) == id)
			return (int)i;
	}
	return -1;
}

struct kith_pathset_more *kith_ps_more(struct kith_pathset *ps, const struct kith_path_env *env)
{
	if (ps->more == NULL) {
		ps->more = KITH_NEW(env->alloc, struct kith_pathset_more);
		if (ps->more == NULL)
			kith_stats_add(env->stats, KITH_STAT_ALLOC_FAILED, 1);
		else
			ps->more->used_at = env->now;
	}
	return ps->more;
}

void kith_ps_journal(struct kith_pathset *ps, const struct kith_path_env *env, enum kith_journal_what what,
		     const struct kith_hop *hop, uint32_t value)
{
	if (kith_ps_has(ps, KITH_PATHSET_PEER) && kith_ps_more(ps, env) != NULL)
		kith_journal_add(&ps->more->journal, env->alloc, env->now, what, hop, value);
}

static uint8_t take_id(struct kith_pathset *ps)
{
	do {
		ps->next_id = (uint8_t)(ps->next_id + 1);
	} while (ps->next_id == KITH_PATH_ID_NONE || kith_ps_find_id(ps, ps->next_id, false) >= 0);
	return ps->next_id;
}

enum kith_refusal kith_ps_refuse(const struct kith_pathset *ps, const struct kith_path_env *env,
				 const struct kith_hop *hop)
{
	if (hop->tunnel != 0)
		return env->is_relay != NULL && env->is_relay(env, hop) ? KITH_REFUSAL_NONE : KITH_REFUSAL_NO_RELAY;
	return kith_ps_has(ps, KITH_PATHSET_RELAY_ONLY) ? KITH_REFUSAL_RELAY_ONLY : KITH_REFUSAL_NONE;
}

/* The slot that is missed least: a dead path, or a candidate the peer did not name; never the sending one. */
static int dispensable(const struct kith_pathset *ps)
{
	for (unsigned i = 0; i < kith_ps_count(ps); i++) {
		const struct kith_path *p = kith_pathset_path(ps, i);
		if (i == ps->sending)
			continue;
		if (p->state == KITH_PATH_DEAD || kith_ps_is_stranger(p))
			return (int)i;
	}
	return -1;
}

static void say_tunnel(struct kith_pathset *ps, const struct kith_hop *hop)
{
	if (hop->tunnel != 0 && kith_ps_has(ps, KITH_PATHSET_PEER))
		ps->news |= KITH_NEWS_TUNNEL;
}

int kith_ps_add(struct kith_pathset *ps, const struct kith_path_env *env, const struct kith_hop *hop, uint8_t flags)
{
	KITH_ASSERT(!kith_ps_has(ps, KITH_PATHSET_RELAY_ONLY) || hop->tunnel != 0); /* callers have refused it */
	unsigned n = kith_ps_count(ps);
	if (n == KITH_PATHS_MAX) {
		int out = dispensable(ps);
		if (out < 0)
			return -1;
		kith_ps_remove(ps, env, (unsigned)out);
		n--;
	}
	if (n > 0 && kith_ps_more(ps, env) == NULL)
		return -1;
	struct kith_path *p = n == 0 ? &ps->first : &ps->more->others[n - 1];
	uint64_t before = p->name; /* of the last path there was, if there is none now */
	kith_path_init(p, hop, take_id(ps), env->now);
	p->name = before;
	p->flags = flags;
	kith_ps_weigh(ps, env, p);
	say_tunnel(ps, hop);
	if (n == 0)
		ps->sending = 0;
	else
		ps->more->n_others++;
	kith_ps_name_new(ps, p);
	if (kith_ps_flow(ps) != NULL)
		memset(&ps->more->flow->acks[n], 0, sizeof ps->more->flow->acks[n]);
	kith_ps_due(ps, p, env->now);
	return (int)n;
}

struct kith_target *kith_ps_target(const struct kith_pathset *ps, const struct kith_hop *hop)
{
	return ps->more != NULL && ps->more->punch != NULL ? kith_punch_find(ps->more->punch, hop) : NULL;
}

void kith_ps_take_target(struct kith_pathset *ps, const struct kith_hop *hop, bool taken)
{
	struct kith_target *t = kith_ps_target(ps, hop);
	if (t != NULL)
		t->taken = taken;
}

void kith_ps_judge(struct kith_pathset *ps)
{
	bool live = false;
	for (unsigned i = 0; i < kith_ps_count(ps); i++)
		live = live || kith_pathset_path(ps, i)->state == KITH_PATH_LIVE;
	if (ps->in_doubt == live)
		ps->news |= KITH_NEWS_DOUBT;
	ps->in_doubt = live ? 0 : 1;
}

void kith_ps_remove(struct kith_pathset *ps, const struct kith_path_env *env, unsigned i)
{
	unsigned last = kith_ps_count(ps) - 1;
	KITH_ASSERT(i <= last);
	kith_ps_take_target(ps, &kith_ps_path(ps, i)->hop, false);
	bool was_sending = ps->sending == i;
	*kith_ps_path(ps, i) = *kith_ps_path(ps, last);
	kith_path_set_state(kith_ps_path(ps, last), KITH_PATH_NONE);
	if (last > 0)
		ps->more->n_others--;
	if (ps->sending == last)
		ps->sending = i & 15u;
	struct kith_flow *flow = kith_ps_flow(ps);
	if (flow != NULL) {
		flow->acks[i] = flow->acks[last];
		memset(&flow->acks[last], 0, sizeof flow->acks[last]);
		if (flow->in_path == i)
			flow->in_path = ps->sending; /* whatever comes next decides */
		else if (flow->in_path == last)
			flow->in_path = (uint8_t)i;
	}
	if (ps->more != NULL)
		ps->more->better_since = 0;
	kith_ps_judge(ps);
	if (last == 0) {
		ps->news |= KITH_NEWS_ALL_DEAD;
		ps->all_dead = true;
		return;
	}
	if (was_sending) {
		kith_ps_succeed(ps, env);
		if (kith_ps_path(ps, ps->sending)->state == KITH_PATH_DEAD && !ps->all_dead) { /* nothing took over */
			ps->news |= KITH_NEWS_ALL_DEAD;
			ps->all_dead = true;
		}
	}
	kith_ps_count_relays(ps, env->now);
}

/* ---- probing ---- */

bool kith_ps_pay(struct kith_path *p, size_t frame_bytes)
{
	if (p->state != KITH_PATH_CANDIDATE)
		return true;
	/* Counted as if each frame had a packet of its own; frames often share one, which only the outbox knows. */
	size_t cost = frame_bytes + KITH_FRAME_HEADER + KITH_PROBE_OVERHEAD +
		      (kith_path_is_relay(p) ? KITH_TUNNEL_HEADER : 0u);
	if (cost > p->credit_bytes)
		return false;
	p->credit_bytes = (uint16_t)(p->credit_bytes - cost);
	return true;
}

/* Whether a PROBE may go to an unproven hop for which too little came from there. A hop that was merely heard from gets
 * none, a hop that the peer named as many as the punch would send; the other hops we opened ourselves. */
static bool may_probe_unpaid(struct kith_pathset *ps, const struct kith_path_env *env, const struct kith_path *p)
{
	struct kith_target *t = kith_ps_target(ps, &p->hop);
	if (kith_ps_is_stranger(p))
		return false;
	if (t == NULL)
		return true;
	struct kith_punch_view view = kith_ps_view(ps, env);
	return kith_punch_charge(ps->more->punch, &view, t);
}

static void send_probe(const struct kith_path_env *env, struct kith_path *p, size_t body)
{
	struct kith_probe_frame f = { kith_probe_next(&p->probe, env->random, env->now), p->id, 0 };
	struct kith_writer *w = kith_outbox_begin(env->outbox, env->session, &p->hop, 0, KITH_FRAME_PROBE, body);
	kith_probe_write(w, &f, body);
	kith_outbox_end(env->outbox);
}

bool kith_ps_probe(struct kith_pathset *ps, const struct kith_path_env *env, struct kith_path *p)
{
	bool unpaid = !kith_ps_pay(p, KITH_PROBE_BODY);
	if (unpaid && !may_probe_unpaid(ps, env, p)) {
		kith_stats_add(env->stats, KITH_STAT_PROBES_LIMITED, 1);
		return false;
	}
	/* If it is our own address that changed, we are a stranger there: the answer is paid for as well. */
	bool doubted = p->state == KITH_PATH_SUSPECT || p->state == KITH_PATH_DEAD;
	bool padded = unpaid || (doubted && !kith_path_is_relay(p));
	send_probe(env, p, padded ? KITH_PROBE_PADDED : KITH_PROBE_BODY);
	if (kith_path_owes(p) > 0)
		send_probe(env, p, kith_path_owes(p) - KITH_FRAME_HEADER);
	p->sent_at = env->now;
	if (p->tries < UINT8_MAX)
		p->tries++;
	kith_stats_add(env->stats, KITH_STAT_PROBES_SENT, 1);
	if (p->state == KITH_PATH_CANDIDATE && p->step == 0)
		kith_ps_journal(ps, env, KITH_JOURNAL_PROBED, &p->hop, p->tries);
	return true;
}

unsigned kith_ps_allow(const struct kith_pathset *ps)
{
	return (kith_ps_has(ps, KITH_PATHSET_ALLOW_LOOPBACK) ? KITH_ALLOW_LOOPBACK : 0u) |
	       (kith_ps_has(ps, KITH_PATHSET_ALLOW_PRIVATE) ? KITH_ALLOW_PRIVATE : 0u);
}

/* The peer was heard from this hop before it named the address: the hop is no stranger from now on. */
static bool adopt(struct kith_pathset *ps, const struct kith_hop *hop)
{
	int i = kith_ps_find(ps, hop);
	if (i < 0 || kith_ps_path(ps, (unsigned)i)->state == KITH_PATH_DEAD)
		return false;
	kith_ps_path(ps, (unsigned)i)->flags &= (uint8_t)~KITH_PATH_STRANGER;
	return true;
}

struct kith_punch_view kith_ps_view(struct kith_pathset *ps, const struct kith_path_env *env)
{
	bool consent = kith_ps_has(ps, KITH_PATHSET_CONSENT | KITH_PATHSET_PEER);
	return (struct kith_punch_view){
		.env = env,
		.journal = &ps->more->journal,
		.rtt_us = kith_pathset_rtt_us(ps),
		.initiator = kith_ps_has(ps, KITH_PATHSET_INITIATOR),
		.allowed = consent && !kith_ps_has(ps, KITH_PATHSET_RELAY_ONLY),
		.consent = consent,
		.allow = kith_ps_allow(ps),
		.direct = kith_pathset_is_plain(ps),
		.connected = kith_ps_has_direct(ps) && !kith_pathset_is_plain(ps),
		.used = env->now - ps->more->used_at < KITH_PATH_MEMORY_US,
		.adopt = adopt,
		.ps = ps,
	};
}

/* ---- from outside ---- */

void kith_pathset_init(struct kith_pathset *ps, kith_time_us now, const struct kith_hop *hop, bool validated,
		       uint16_t flags)
{
	memset(ps, 0, sizeof *ps);
	ps->flags = (uint8_t)flags;
	ps->deadline = KITH_TIME_NEVER;
	if (kith_ps_has(ps, KITH_PATHSET_RELAY_ONLY) && hop->tunnel == 0) {
		kith_ps_judge(ps);
		return;
	}
	kith_path_init(&ps->first, hop, 0, now);
	say_tunnel(ps, hop);
	ps->first.peer_id = 0; /* the path of the handshake is number 0 on both sides */
	ps->first.flags = KITH_PATH_INITIAL;
	if (validated) {
		kith_path_set_state(&ps->first, KITH_PATH_LIVE);
		ps->first.since = 0;
		ps->first.heard_at = ps->first.sent_at = now;
		ps->validated = true;
		ps->upgraded = hop->tunnel == 0 ? 1 : 0;
		const bool peer = kith_ps_has(ps, KITH_PATHSET_PEER);
		if (kith_ps_keeps_alive(ps, &ps->first))
			kith_ps_due(ps, &ps->first, now + (peer ? KITH_PEER_KEEPALIVE_US : KITH_KEEPALIVE_US));
	}
	kith_ps_judge(ps);
	kith_ps_count_relays(ps, now);
}

void kith_pathset_deinit(struct kith_pathset *ps, const struct kith_path_env *env)
{
	kith_ps_free_more(ps, env->alloc);
	memset(ps, 0, sizeof *ps);
	ps->deadline = KITH_TIME_NEVER;
}

static void drop_all_but_relays(struct kith_pathset *ps, const struct kith_path_env *env)
{
	for (unsigned i = kith_ps_count(ps); i-- > 0;) {
		if (i < kith_ps_count(ps) && kith_ps_refuse(ps, env, &kith_ps_path(ps, i)->hop) != KITH_REFUSAL_NONE) {
			kith_ps_journal(ps, env, KITH_JOURNAL_DROPPED, &kith_ps_path(ps, i)->hop, 0);
			kith_ps_remove(ps, env, i);
			i = kith_ps_count(ps);
		}
	}
}

void kith_pathset_allow(struct kith_pathset *ps, const struct kith_path_env *env, uint16_t flags)
{
	ps->flags |= (uint8_t)flags;
	if (kith_ps_has(ps, KITH_PATHSET_RELAY_ONLY))
		drop_all_but_relays(ps, env);
	for (unsigned i = 0; i < kith_ps_count(ps); i++) { /* the side that keeps a path alive may have changed */
		const struct kith_path *p = kith_ps_path(ps, i);
		if (p->state == KITH_PATH_LIVE && p->tries == 0)
			kith_ps_rest(ps, env, i);
	}
	if (ps->more != NULL && ps->more->punch != NULL) {
		struct kith_punch_view view = kith_ps_view(ps, env);
		kith_punch_again(ps->more->punch, &view);
		kith_ps_punch_acted(ps);
	}
	kith_ps_count_relays(ps, env->now);
	kith_ps_settle(ps, env);
}

void kith_pathset_heard(struct kith_pathset *ps, const struct kith_path_env *env, const struct kith_hop *hop,
			uint64_t counter, bool data, size_t len)
{
	int found = kith_ps_find(ps, hop);
	if (found < 0 && (found = kith_ps_stranger(ps, env, hop, data)) < 0)
		return;
	unsigned i = (unsigned)found;
	struct kith_path *p = kith_ps_path(ps, i);
	p->heard_at = env->now;
	ps->all_dead = false;
	if (ps->more != NULL && ps->more->punch != NULL)
		kith_punch_heard(ps->more->punch, len);
	switch ((enum kith_path_state)p->state) {
	case KITH_PATH_NONE:
		break;
	case KITH_PATH_CANDIDATE:
		if (data && (p->flags & (KITH_PATH_STRANGER | KITH_PATH_ASKED)) == KITH_PATH_STRANGER)
			p->flags |= KITH_PATH_MOVED;
		p->credit_bytes =
			(uint16_t)(len > (size_t)(UINT16_MAX - p->credit_bytes) ? UINT16_MAX : p->credit_bytes + len);
		if ((p->flags & KITH_PATH_INITIAL) != 0)
			kith_ps_validated(ps, env, i);
		else if (p->due_at <= env->now)
			kith_ps_candidate_due(ps, env, i);
		else if (p->tries == 0)
			(void)kith_ps_probe(ps, env, p);
		found = kith_ps_find(ps, hop); /* its place may have changed, and it may have been given up */
		if (found < 0)
			return;
		i = (unsigned)found;
		break;
	case KITH_PATH_LIVE:
		if ((p->flags & KITH_PATH_CONFIRM) == 0)
			p->since = 0;
		break;
	case KITH_PATH_SUSPECT:
		if ((p->flags & KITH_PATH_NEED_ANSWER) == 0 && kith_path_owes(p) == 0)
			kith_ps_clear(ps, env, i);
		break;
	case KITH_PATH_DEAD:
		if (env->now - p->sent_at < REVIVE_US)
			break;
		if ((p->flags & KITH_PATH_CLOSED) == 0)
			(void)kith_ps_probe(ps, env, p);
		else if (len > KITH_PROBE_OVERHEAD + KITH_FRAME_HEADER) /* it may never have been proven */
			kith_ps_say_closed(env, p);
		break;
	}
	if (kith_ps_has(ps, KITH_PATHSET_PEER))
		kith_ps_flow_heard(ps, env, i, counter, data);
}

size_t kith_pathset_pick(struct kith_pathset *ps, kith_time_us now, bool data, struct kith_hop out[KITH_PICK_MAX])
{
	if (ps->sending >= kith_ps_count(ps))
		return 0;
	struct kith_path *p = kith_ps_path(ps, ps->sending);
	struct kith_flow *flow = kith_ps_flow(ps);
	size_t n = 0;
	if (!kith_ps_may_carry(p)) /* all others are gone */
		return 0;
	out[n++] = p->hop;
	if (p->state != KITH_PATH_SUSPECT || !data || flow == NULL)
		return n;
	unsigned standbys[KITH_STANDBYS_MAX], pair[KITH_PICK_MAX - 1];
	bool sure = kith_ps_is_sure(p), ample = sure || kith_budget_is_ample(&flow->budget, now);
	unsigned n_pair = kith_ps_pair(ps, standbys, kith_ps_doubles(ps, standbys), flow->turn++, ample, pair);
	for (unsigned i = 0; i < n_pair && kith_budget_take(&flow->budget, now, sure); i++)
		out[n++] = kith_ps_path(ps, pair[i])->hop;
	return n;
}

static void expect(struct kith_pathset *ps, struct kith_path *p, kith_time_us now)
{
	if (p->state != KITH_PATH_LIVE || p->since != 0)
		return;
	p->since = now;
	if (p->due_at > now + KITH_PATH_UNANSWERED_US)
		kith_ps_due(ps, p, now + KITH_PATH_UNANSWERED_US);
}

void kith_pathset_sent(struct kith_pathset *ps, const struct kith_path_env *env, const struct kith_hop *hop,
		       uint64_t counter, bool data, struct kith_span frames)
{
	int i = kith_ps_find(ps, hop);
	if (i < 0)
		return;
	struct kith_path *p = kith_ps_path(ps, (unsigned)i);
	p->sent_at = env->now;
	if (!data)
		return;
	if (kith_ps_has(ps, KITH_PATHSET_PEER) && kith_ps_flow_sent(ps, env, (unsigned)i, counter, frames))
		return;
	expect(ps, p, env->now);
}

void kith_pathset_expect(struct kith_pathset *ps, kith_time_us now)
{
	if (ps->sending < kith_ps_count(ps))
		expect(ps, kith_ps_path(ps, ps->sending), now);
}

int kith_pathset_add(struct kith_pathset *ps, const struct kith_path_env *env, const struct kith_hop *hop)
{
	if (kith_ps_refuse(ps, env, hop) != KITH_REFUSAL_NONE)
		return KITH_EACCES;
	if (kith_ps_find(ps, hop) >= 0)
		return KITH_EEXIST;
	bool room = kith_ps_count(ps) < KITH_PATHS_MAX || dispensable(ps) >= 0;
	int i = kith_ps_add(ps, env, hop, 0);
	if (i < 0)
		return room ? KITH_ENOMEM : KITH_EFULL;
	kith_ps_candidate_due(ps, env, (unsigned)i);
	return 0;
}

void kith_pathset_drop(struct kith_pathset *ps, const struct kith_path_env *env, const struct kith_hop *hop)
{
	int i = kith_ps_find(ps, hop);
	if (i < 0)
		return;
	kith_ps_journal(ps, env, KITH_JOURNAL_DROPPED, hop, 0);
	kith_ps_remove(ps, env, (unsigned)i);
	kith_ps_settle(ps, env);
}

bool kith_pathset_keep_only(struct kith_pathset *ps, const struct kith_path_env *env, const struct kith_hop *hop)
{
	int kept = kith_ps_find(ps, hop);
	if (kept < 0 || kith_ps_path(ps, (unsigned)kept)->state != KITH_PATH_LIVE)
		return false;
	for (unsigned i = 0; i < kith_ps_count(ps); i++) {
		struct kith_path *p = kith_ps_path(ps, i);
		if ((int)i == kept || p->state == KITH_PATH_DEAD)
			continue;
		kith_ps_say_closed(env, p);
		kith_ps_journal(ps, env, KITH_JOURNAL_CLOSED, &p->hop, 0);
		kith_ps_close(ps, env, i);
	}
	kith_ps_settle(ps, env);
	return true;
}

/* Gives a path the time from here on to answer, and asks it. */
static void try_anew(struct kith_pathset *ps, const struct kith_path_env *env, unsigned i)
{
	struct kith_path *p = kith_ps_path(ps, i);
	if ((p->flags & KITH_PATH_CLOSED) != 0)
		return;
	if (p->state != KITH_PATH_SUSPECT && p->state != KITH_PATH_DEAD) {
		kith_ps_suspect(ps, env, i, KITH_CAUSE_ROUTE);
		return;
	}
	p->since = env->now;
	p->tries = 0;
	p->flags |= KITH_PATH_NEED_ANSWER;
	(void)kith_ps_probe(ps, env, p);
	kith_ps_due(ps, p, env->now + (p->state == KITH_PATH_DEAD ? KITH_PROBE_FAST_US : kith_path_period(p)));
}

static void link_event(struct kith_pathset *ps, const struct kith_path_env *env, unsigned i, int error)
{
	if (error == KITH_ECLOSED) {
		kith_ps_journal(ps, env, KITH_JOURNAL_DROPPED, &kith_ps_path(ps, i)->hop, 0);
		ps->news |= KITH_NEWS_PATH_DIED;
		kith_ps_remove(ps, env, i);
	} else if (error == 0) {
		try_anew(ps, env, i);
	} else {
		kith_ps_suspect(ps, env, i, KITH_CAUSE_SOCKET);
	}
}

/* The paths of a transport that is down have nothing to answer over, and need not be waited for. */
static void leave_transport(struct kith_pathset *ps, const struct kith_path_env *env, uint16_t transport)
{
	for (unsigned i = 0; i < kith_ps_count(ps) && !ps->in_doubt; i++) {
		const struct kith_path *p = kith_ps_path(ps, i);
		if (p->hop.transport == transport && p->state == KITH_PATH_SUSPECT)
			kith_ps_dead(ps, env, i);
	}
}

void kith_pathset_link_event(struct kith_pathset *ps, const struct kith_path_env *env, uint16_t transport,
			     const struct kith_hop *hop, int error)
{
	if (error == 0)
		kith_ps_size_forget(ps);
	for (unsigned i = kith_ps_count(ps); i-- > 0;) {
		if (i >= kith_ps_count(ps))
			continue;
		const struct kith_path *p = kith_ps_path(ps, i);
		if (p->hop.transport == transport && (hop == NULL || kith_hop_equal(hop, &p->hop)))
			link_event(ps, env, i, error);
	}
	if (error == KITH_EDETACHED)
		leave_transport(ps, env, transport);
	kith_ps_settle(ps, env);
}

void kith_pathset_check(struct kith_pathset *ps, const struct kith_path_env *env)
{
	for (unsigned i = 0; i < kith_ps_count(ps); i++)
		kith_ps_suspect(ps, env, i, KITH_CAUSE_ASKED);
}

void kith_pathset_again(struct kith_pathset *ps, const struct kith_path_env *env)
{
	kith_ps_size_forget(ps);
	for (unsigned i = 0; i < kith_ps_count(ps); i++)
		try_anew(ps, env, i);
}

/* Its next question comes when the next hint counts: what draws hints and nothing else is to be known for gone soon. */
static void ask_again(struct kith_pathset *ps, const struct kith_path_env *env, struct kith_path *p)
{
	if (p->state == KITH_PATH_CANDIDATE && (p->flags & KITH_PATH_INITIAL) == 0)
		p->step = KITH_PATH_STEPS - 1; /* once more, before it is given up */
	else if (p->state != KITH_PATH_DEAD || (p->flags & KITH_PATH_CLOSED) != 0)
		return;
	kith_ps_due(ps, p, env->now + KITH_GONE_ASK_US);
}

bool kith_pathset_hint(struct kith_pathset *ps, const struct kith_path_env *env)
{
	uint16_t now_ms = (uint16_t)((uint64_t)(env->now / KITH_US_PER_MS) | 1); /* never 0 */
	uint16_t since_ms = (uint16_t)(now_ms - ps->hinted_ms); /* once in 66 s it may seem to be less */
	if (ps->hinted_ms != 0 && since_ms < KITH_GONE_ASK_US / KITH_US_PER_MS)
		return false;
	ps->hinted_ms = now_ms;
	bool in_doubt = kith_pathset_in_doubt(ps);
	for (unsigned i = 0; i < kith_ps_count(ps); i++) {
		struct kith_path *p = kith_ps_path(ps, i);
		if (p->state == KITH_PATH_DEAD && (p->flags & KITH_PATH_CLOSED) == 0)
			(void)kith_ps_probe(ps, env, p);
		kith_ps_suspect(ps, env, i, KITH_CAUSE_ASKED);
		if (in_doubt)
			ask_again(ps, env, p);
	}
	return true;
}

void kith_pathset_interrupted(struct kith_pathset *ps, const struct kith_path_env *env)
{
	kith_ps_flow_free(ps, env->alloc);
	kith_ps_settle(ps, env);
}

int kith_pathset_offer(struct kith_pathset *ps, const struct kith_path_env *env, const struct kith_candidate list[],
		       size_t n, const struct kith_natclass *nat)
{
	if (!kith_ps_has(ps, KITH_PATHSET_PEER) || kith_ps_has(ps, KITH_PATHSET_RELAY_ONLY))
		return 0;
	struct kith_punch *punch = kith_ps_punch(ps, env);
	if (punch == NULL) {
		kith_ps_settle(ps, env);
		return KITH_ENOMEM;
	}
	struct kith_punch_view view = kith_ps_view(ps, env);
	kith_punch_offer(punch, &view, list, n, nat);
	kith_ps_punch_acted(ps);
	kith_ps_settle(ps, env);
	return 0;
}

void kith_pathset_attested(struct kith_pathset *ps, const struct kith_path_env *env, const struct kith_hop *hop,
			   const struct kith_addr *at)
{
	if (kith_ps_find(ps, hop) < 0 || hop->tunnel == 0 || ps->more == NULL || ps->more->punch == NULL)
		return;
	struct kith_punch_view view = kith_ps_view(ps, env);
	kith_punch_attested(ps->more->punch, &view, at);
	kith_ps_punch_acted(ps);
	kith_ps_settle(ps, env);
}

uint16_t kith_pathset_spread_of(const struct kith_pathset *ps)
{
	return ps->more != NULL && ps->more->punch != NULL ? ps->more->punch->spread_of : 0;
}

bool kith_pathset_spread(struct kith_pathset *ps, const struct kith_path_env *env, uint16_t transport)
{
	if (ps->more == NULL || ps->more->punch == NULL)
		return false;
	struct kith_punch_view view = kith_ps_view(ps, env);
	return kith_punch_spread(ps->more->punch, &view, transport);
}

/* ---- to look at ---- */

bool kith_pathset_uses(const struct kith_pathset *ps, uint16_t transport)
{
	for (unsigned i = 0; i < kith_ps_count(ps); i++) {
		const struct kith_path *p = kith_pathset_path(ps, i);
		if (p->hop.transport == transport && p->state != KITH_PATH_DEAD)
			return true;
	}
	return false;
}

bool kith_pathset_is_direct(const struct kith_pathset *ps)
{
	return kith_ps_has_direct(ps);
}

bool kith_pathset_unanswered(const struct kith_pathset *ps)
{
	const struct kith_path *p = kith_pathset_sending(ps);
	return ps->in_doubt && (p == NULL || p->state == KITH_PATH_DEAD || p->tries > 1);
}

bool kith_pathset_in_doubt(const struct kith_pathset *ps)
{
	return ps->in_doubt;
}

unsigned kith_pathset_count(const struct kith_pathset *ps)
{
	return kith_ps_count(ps);
}

const struct kith_path *kith_pathset_path(const struct kith_pathset *ps, unsigned i)
{
	KITH_ASSERT(i < kith_ps_count(ps));
	return i == 0 ? &ps->first : &ps->more->others[i - 1];
}

const struct kith_path *kith_pathset_sending(const struct kith_pathset *ps)
{
	return ps->sending < kith_ps_count(ps) ? kith_pathset_path(ps, ps->sending) : NULL;
}

const struct kith_journal *kith_pathset_journal(const struct kith_pathset *ps)
{
	return ps->more != NULL ? ps->more->journal : NULL;
}

const struct kith_punch *kith_pathset_punch(const struct kith_pathset *ps)
{
	return ps->more != NULL ? ps->more->punch : NULL;
}

uint32_t kith_pathset_rtt_us(const struct kith_pathset *ps)
{
	const struct kith_path *p = kith_pathset_sending(ps);
	return p != NULL ? p->srtt_us : 0;
}

bool kith_pathset_relay_limited(struct kith_pathset *ps, const struct kith_path_env *env, const struct kith_hop *hop,
				uint8_t limit)
{
	if (kith_ps_find(ps, hop) < 0)
		return false;
	if (kith_journal_due(kith_pathset_journal(ps), env->now, KITH_JOURNAL_RELAY_LIMITED, hop))
		kith_ps_journal(ps, env, KITH_JOURNAL_RELAY_LIMITED, hop, limit);
	kith_ps_settle(ps, env);
	return true;
}
