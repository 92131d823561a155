#include "path/pathset_internal.h"
#include "path/punch_targets.h"
#include "path/transports.h"

enum { CLOSED_US = 10000000 /* longer than any packet is on its way, and than the other side's pings are apart */ };

/* In KITH_PATH_COST_UNIT_US. */
static unsigned cost_of(const struct kith_transports *ts, const struct kith_hop *hop)
{
	return ts != NULL ? kith_transports_cost(ts, hop->transport) / 10u & 15u : 0;
}

void kith_ps_weigh(const struct kith_pathset *ps, const struct kith_path_env *env, struct kith_path *p)
{
	const struct kith_punch *punch = ps->more != NULL ? ps->more->punch : NULL;
	const bool theirs = punch != NULL && p->hop.tunnel == 0 && kith_punch_is_relayed(punch, &p->hop.remote);
	const bool ours = env->transports != NULL && kith_transports_is_relayed(env->transports, p->hop.transport);
	p->cost = (theirs ? KITH_RELAYED_COST_MS / 10 : cost_of(env->transports, &p->hop)) & 15u;
	p->relayed = theirs || ours;
}

void kith_pathset_weigh(struct kith_pathset *ps, const struct kith_path_env *env)
{
	kith_ps_weigh(ps, env, &ps->first);
}

static bool is_live(const struct kith_pathset *ps, unsigned i)
{
	return kith_pathset_path(ps, i)->state == KITH_PATH_LIVE;
}

/* A direct path that is not dead, and no connection if that counts. One by a TURN server is none. */
static bool has_direct(const struct kith_pathset *ps, bool plain)
{
	for (unsigned i = 0; i < kith_ps_count(ps); i++) {
		const struct kith_path *p = kith_pathset_path(ps, i);
		if (kith_path_is_direct(p) && (p->state == KITH_PATH_LIVE || p->state == KITH_PATH_SUSPECT) &&
		    !(plain && kith_path_waits(p)))
			return true;
	}
	return false;
}

bool kith_ps_has_direct(const struct kith_pathset *ps)
{
	return has_direct(ps, false);
}

bool kith_pathset_is_plain(const struct kith_pathset *ps)
{
	return has_direct(ps, true);
}

static bool is_relay_there(const struct kith_path *p)
{
	return kith_path_is_relay(p) && p->state != KITH_PATH_DEAD; /* most that are in doubt are there in a moment */
}

/* Supernodes that relay, or are about to: two tunnels of one fail together. */
static unsigned count_relays(const struct kith_pathset *ps)
{
	unsigned n = 0;
	for (unsigned i = 0; i < kith_ps_count(ps); i++) {
		bool another = is_relay_there(kith_pathset_path(ps, i));
		for (unsigned k = 0; k < i && another; k++) {
			const struct kith_path *q = kith_pathset_path(ps, k);
			another = !is_relay_there(q) || !kith_path_is_same_relay(kith_pathset_path(ps, i), q);
		}
		n += another;
	}
	return n;
}

/* A message now and then is not worth another relay, a voice or a file is. */
static void judge_talk(struct kith_pathset_more *m, kith_time_us now)
{
	if (m->flow != NULL && (m->flow->in.run >= KITH_TALK_RUN || m->flow->out.run >= KITH_TALK_RUN))
		m->talks = true;
	else if (m->flow == NULL && now - m->used_at >= KITH_PATH_MEMORY_US)
		m->talks = false;
}

void kith_ps_count_relays(struct kith_pathset *ps, kith_time_us now)
{
	if (!kith_ps_has(ps, KITH_PATHSET_PEER | KITH_PATHSET_CONSENT))
		return;
	unsigned relays = count_relays(ps);
	struct kith_pathset_more *m = ps->more;
	if (m == NULL) {
		ps->news |= relays >= KITH_RELAYS_LIVE ? 0u : KITH_NEWS_WANT_RELAY;
		return;
	}
	judge_talk(m, now);
	const bool spare = relays >= KITH_RELAYS_LIVE; /* what is missing is missed by talk only */
	const bool enough = relays >= (m->talks ? KITH_RELAYS_TALK : KITH_RELAYS_LIVE);
	if (enough || m->relay_spare != spare) { /* one came, or went */
		m->relay_asked_at = 0;
		m->relay_tries = 0;
	}
	m->relay_spare = spare;
	if (enough)
		return;
	if (m->relay_asked_at == 0 || now - m->relay_asked_at >= KITH_RELAY_ASK_US << m->relay_tries) {
		const uint8_t most = spare ? KITH_RELAY_DOUBLINGS_TALK : KITH_RELAY_DOUBLINGS;
		if (m->relay_asked_at != 0 && m->relay_tries < most)
			m->relay_tries++;
		m->relay_asked_at = now;
		ps->news |= KITH_NEWS_WANT_RELAY;
	}
}

/* Whether a is a better place for data than b: one that may lose large packets is not, if there is another. Nor, when
 * the sending path has failed, one that has not answered since it was asked: the same may have befallen it. */
static bool is_better(const struct kith_path *a, const struct kith_path *b, bool failed)
{
	bool whole = kith_path_owes(a) == 0, answered = a->tries == 0;
	if (whole != (kith_path_owes(b) == 0))
		return whole;
	if (failed && answered != (b->tries == 0))
		return answered;
	return kith_path_cost(a) < kith_path_cost(b);
}

/* Direct, and no connection. */
static bool is_plain(const struct kith_path *p)
{
	return kith_path_is_direct(p) && !kith_path_waits(p);
}

/* Whether another path is live that is direct and no connection, so that this one, which is one of both, is a standby.
 * A leaf's paths to its home are a matter of the leaf (leaf/reach). */
static bool is_second(const struct kith_pathset *ps, unsigned i)
{
	const struct kith_path *p = kith_pathset_path(ps, i);
	if (!kith_ps_has(ps, KITH_PATHSET_PEER) || kith_path_is_relay(p) || is_plain(p))
		return false;
	for (unsigned k = 0; k < kith_ps_count(ps); k++) {
		const struct kith_path *q = kith_pathset_path(ps, k);
		if (is_live(ps, k) && is_plain(q) && kith_path_owes(q) == 0)
			return true;
	}
	return false;
}

/* The best live path; -1 when there is none. */
static int best_live(const struct kith_pathset *ps)
{
	const struct kith_path *cur = kith_pathset_sending(ps);
	bool failed = cur == NULL || cur->state == KITH_PATH_SUSPECT || cur->state == KITH_PATH_DEAD;
	int best = -1;
	for (unsigned i = 0; i < kith_ps_count(ps); i++) {
		if (is_live(ps, i) && !is_second(ps, i) &&
		    (best < 0 || is_better(kith_pathset_path(ps, i), kith_pathset_path(ps, (unsigned)best), failed)))
			best = (int)i;
	}
	return best;
}

static void settle_on(struct kith_pathset *ps, const struct kith_path_env *env, unsigned i, bool from_dead)
{
	struct kith_path *p = kith_ps_path(ps, i);
	ps->sending = i & 15u;
	ps->news |= KITH_NEWS_SENDING_CHANGED;
	if (kith_path_is_direct(p) && !ps->upgraded) {
		ps->upgraded = true;
		ps->news |= KITH_NEWS_UPGRADED;
	}
	if (ps->more != NULL)
		ps->more->better_since = 0;
	kith_stats_add(env->stats, KITH_STAT_PATH_SWITCHES, 1);
	kith_ps_journal(ps, env, KITH_JOURNAL_SENDING, &p->hop, p->srtt_us / 1000);
	KITH_LOG(env->log, KITH_LOG_INFO, "path.sending session=%u path=%u relay=%d rtt_us=%u", (unsigned)env->session,
		 (unsigned)p->id, kith_path_is_relay(p), (unsigned)p->srtt_us);
	kith_ps_flow_moved(ps, env, from_dead);
}

static void switch_to(struct kith_pathset *ps, const struct kith_path_env *env, unsigned i)
{
	unsigned old = ps->sending;
	settle_on(ps, env, i, kith_ps_path(ps, old)->state == KITH_PATH_DEAD);
	if (kith_ps_path(ps, old)->state == KITH_PATH_LIVE)
		kith_ps_rest(ps, env, old);
}

void kith_ps_succeed(struct kith_pathset *ps, const struct kith_path_env *env)
{
	static const uint8_t worth[] = {
		[KITH_PATH_CANDIDATE] = 1, [KITH_PATH_DEAD] = 2, [KITH_PATH_SUSPECT] = 3, [KITH_PATH_LIVE] = 4
	};
	unsigned best = 0;
	for (unsigned i = 1; i < kith_ps_count(ps); i++) {
		const struct kith_path *p = kith_ps_path(ps, i), *q = kith_ps_path(ps, best);
		if (worth[p->state] > worth[q->state] ||
		    (p->state == q->state && kith_path_cost(p) < kith_path_cost(q)))
			best = i;
	}
	if (worth[kith_ps_path(ps, best)->state] >= worth[KITH_PATH_SUSPECT]) {
		settle_on(ps, env, best, true);
	} else { /* nothing took over */
		ps->sending = best & 15u;
		ps->news |= KITH_NEWS_SENDING_CHANGED;
		kith_ps_flow_moved(ps, env, true);
	}
}

/* Between two live paths: now, after some time, or not at all. */
static void prefer(struct kith_pathset *ps, const struct kith_path_env *env, unsigned best)
{
	const struct kith_path *a = kith_ps_path(ps, ps->sending), *b = kith_ps_path(ps, best);
	kith_time_us gain = kith_path_cost(a) - kith_path_cost(b);
	bool upgrade = kith_path_is_relay(a) && kith_path_is_direct(b);
	bool plain = kith_ps_has(ps, KITH_PATHSET_PEER) && !kith_path_is_relay(a) && !is_plain(a) && is_plain(b);
	if ((upgrade && gain > 0) || plain) {
		switch_to(ps, env, best);
		return;
	}
	bool worth = a->srtt_us != 0 && b->srtt_us != 0 && gain >= KITH_SWITCH_GAIN_US &&
		     gain * 100 >= (kith_time_us)a->srtt_us * KITH_SWITCH_GAIN_PERCENT;
	struct kith_pathset_more *m = ps->more; /* there are two paths */
	if (!worth) {
		m->better_since = 0;
	} else if (m->better_since == 0 || m->better != best) {
		m->better = (uint8_t)best;
		m->better_since = env->now;
		kith_ps_arm(ps, env->now + KITH_SWITCH_HOLD_US);
	} else if (env->now - m->better_since >= KITH_SWITCH_HOLD_US) {
		switch_to(ps, env, best);
	}
}

void kith_ps_choose(struct kith_pathset *ps, const struct kith_path_env *env)
{
	int best = best_live(ps);
	if (best < 0 || (unsigned)best == ps->sending) {
		if (ps->more != NULL)
			ps->more->better_since = 0;
		return;
	}
	struct kith_path *cur = kith_ps_path(ps, ps->sending);
	switch ((enum kith_path_state)cur->state) {
	case KITH_PATH_NONE:
		break;
	case KITH_PATH_CANDIDATE:
	case KITH_PATH_DEAD:
		switch_to(ps, env, (unsigned)best);
		break;
	case KITH_PATH_LIVE:
		prefer(ps, env, (unsigned)best);
		break;
	case KITH_PATH_SUSPECT: /* the path had its time while nothing could take over */
		ps->more->better_since = 0; /* round trips do not count now, and a due time must not be left behind */
		if (env->now - cur->since >= 2 * kith_path_period(cur))
			kith_ps_dead(ps, env, ps->sending);
		break;
	}
}

/* Whether p is a better standby than q. Apart: does not share its relay with any that is chosen already. */
static bool is_better_standby(const struct kith_path *p, bool p_apart, const struct kith_path *q, bool q_apart,
			      bool failed)
{
	if (p_apart != q_apart)
		return p_apart;
	if (failed && (p->tries == 0) != (q->tries == 0)) /* the same may have befallen what does not answer */
		return p->tries == 0;
	return kith_path_cost(p) < kith_path_cost(q);
}

/* The best live path that is none of those given, and does not share its relay with any of them, if such a one is
 * there. -1: none is left. */
static int next_standby(const struct kith_pathset *ps, const int but[], unsigned n)
{
	const struct kith_path *cur = kith_pathset_sending(ps);
	const bool failed = cur != NULL && cur->state == KITH_PATH_SUSPECT;
	int best = -1;
	bool best_apart = false;
	for (unsigned i = 0; i < kith_ps_count(ps); i++) {
		const struct kith_path *p = kith_pathset_path(ps, i);
		bool apart = true, taken = !is_live(ps, i) || kith_path_owes(p) > 0;
		for (unsigned k = 0; k < n; k++) {
			if (but[k] < 0 || (unsigned)but[k] >= kith_ps_count(ps))
				continue;
			taken = taken || but[k] == (int)i;
			apart = apart && !kith_path_is_same_relay(p, kith_pathset_path(ps, (unsigned)but[k]));
		}
		if (taken || (best >= 0 &&
			      !is_better_standby(p, apart, kith_pathset_path(ps, (unsigned)best), best_apart, failed)))
			continue;
		best = (int)i;
		best_apart = apart;
	}
	return best;
}

unsigned kith_ps_standbys(const struct kith_pathset *ps, int but, unsigned out[KITH_STANDBYS_MAX])
{
	int taken[2 + KITH_STANDBYS_MAX] = { ps->sending, but };
	unsigned n = 0;
	for (int i; n < KITH_STANDBYS_MAX && (i = next_standby(ps, taken, 2 + n)) >= 0; n++) {
		taken[2 + n] = i;
		out[n] = (unsigned)i;
	}
	return n;
}

unsigned kith_ps_doubles(const struct kith_pathset *ps, unsigned out[KITH_STANDBYS_MAX])
{
	unsigned n = kith_ps_standbys(ps, -1, out), in_doubt = 0;
	if (n > 0 || ps->sending >= kith_ps_count(ps))
		return n;
	kith_time_us since = kith_pathset_path(ps, ps->sending)->since;
	for (unsigned i = 0; i < kith_ps_count(ps); i++) {
		const struct kith_path *p = kith_pathset_path(ps, i);
		if (i == ps->sending || p->state != KITH_PATH_SUSPECT || p->heard_at <= since)
			continue;
		if (in_doubt == 0 || p->heard_at > kith_pathset_path(ps, out[0])->heard_at)
			out[0] = i;
		in_doubt = 1;
	}
	return in_doubt;
}

unsigned kith_ps_pair(const struct kith_pathset *ps, const unsigned standbys[KITH_STANDBYS_MAX], unsigned n,
		      uint64_t turn, bool ample, unsigned out[KITH_PICK_MAX - 1])
{
	unsigned answered = 0;
	if (n == 0)
		return 0;
	if (ample) {
		out[0] = standbys[0];
		if (n > 1)
			out[1] = standbys[n > 2 && (turn & 1) != 0 ? 2 : 1];
		return n > 1 ? 2 : 1;
	}
	while (answered < n && kith_pathset_path(ps, standbys[answered])->tries == 0) /* they come first */
		answered++;
	out[0] = standbys[turn % (answered > 0 ? answered : n)];
	return 1;
}

/* What path i adds to those already kept: class, family, transport, and for relays their operator's network. */
static unsigned novelty(const struct kith_pathset *ps, unsigned i, unsigned kept)
{
	const struct kith_path *p = kith_pathset_path(ps, i);
	bool class_new = true, family_new = true, transport_new = true, prefix_new = kith_path_is_relay(p);
	for (unsigned k = 0; k < kith_ps_count(ps); k++) {
		if ((kept & 1u << k) == 0)
			continue;
		const struct kith_path *q = kith_pathset_path(ps, k);
		class_new = class_new && kith_path_is_relay(q) != kith_path_is_relay(p);
		family_new = family_new && q->hop.remote.family != p->hop.remote.family;
		transport_new = transport_new && q->hop.transport != p->hop.transport;
		if (kith_path_is_relay(q) &&
		    kith_addr_diversity_prefix(&q->hop.remote) == kith_addr_diversity_prefix(&p->hop.remote))
			prefix_new = false;
	}
	return 8u * class_new + 4u * prefix_new + 2u * family_new + 1u * transport_new;
}

void kith_ps_say_closed(const struct kith_path_env *env, struct kith_path *p)
{
	struct kith_writer *w = kith_outbox_begin(env->outbox, env->session, &p->hop, 0, KITH_FRAME_PATH_CLOSE, 1);
	kith_write_u8(w, p->id);
	kith_outbox_end(env->outbox);
	p->sent_at = env->now;
}

void kith_ps_close(struct kith_pathset *ps, const struct kith_path_env *env, unsigned i)
{
	struct kith_path *p = kith_ps_path(ps, i);
	if (p->state != KITH_PATH_DEAD)
		kith_path_set_state(p, KITH_PATH_DEAD);
	p->flags |= KITH_PATH_CLOSED;
	kith_ps_judge(ps);
	kith_ps_due(ps, p, env->now + CLOSED_US);
	if (i == ps->sending)
		kith_ps_choose(ps, env);
}

/* Closes the live paths that are not among those kept. */
static bool close_others(struct kith_pathset *ps, const struct kith_path_env *env, unsigned kept)
{
	bool closed = false;
	for (unsigned i = kith_ps_count(ps); i-- > 0;) {
		if (!is_live(ps, i) || (kept & 1u << i) != 0)
			continue;
		kith_ps_say_closed(env, kith_ps_path(ps, i));
		kith_ps_journal(ps, env, KITH_JOURNAL_CLOSED, &kith_ps_path(ps, i)->hop, 0);
		kith_ps_close(ps, env, i);
		closed = true;
	}
	return closed;
}

/* Keeps one more live path: what adds most to those kept, and of these the best. False: there is none. */
static bool keep_one(const struct kith_pathset *ps, unsigned *kept)
{
	int best = -1;
	for (unsigned i = 0; i < kith_ps_count(ps); i++) {
		if ((*kept & 1u << i) != 0 || !is_live(ps, i))
			continue;
		unsigned a = novelty(ps, i, *kept), b = best < 0 ? 0 : novelty(ps, (unsigned)best, *kept);
		if (best < 0 || a > b ||
		    (a == b &&
		     kith_path_cost(kith_pathset_path(ps, i)) < kith_path_cost(kith_pathset_path(ps, (unsigned)best))))
			best = (int)i;
	}
	*kept |= best < 0 ? 0u : 1u << best;
	return best >= 0;
}

void kith_ps_trim(struct kith_pathset *ps, const struct kith_path_env *env)
{
	unsigned kept = 1u << ps->sending, n_live = 0;
	/* One side only, since two sides that choose differently would close too much. */
	if (!kith_ps_has(ps, KITH_PATHSET_PEER | KITH_PATHSET_INITIATOR))
		return;
	for (unsigned i = 0; i < kith_ps_count(ps); i++)
		n_live += is_live(ps, i);
	if (n_live <= KITH_PATHS_HOT)
		return;
	for (unsigned n = 1; n < KITH_PATHS_HOT && keep_one(ps, &kept); n++)
		continue;
	(void)close_others(ps, env, kept);
}

bool kith_ps_let_go(struct kith_pathset *ps, const struct kith_path_env *env)
{
	if (!kith_ps_has(ps, KITH_PATHSET_PEER | KITH_PATHSET_INITIATOR) || ps->more == NULL)
		return false;
	judge_talk(ps->more, env->now);
	if (ps->more->talks || ps->more->flow != NULL)
		return false;
	unsigned kept = 1u << ps->sending, relays = 0, live = 0;
	for (unsigned i = 0; i < kith_ps_count(ps); i++) {
		const bool relay = kith_path_is_relay(kith_ps_path(ps, i));
		kept |= relay ? 0u : 1u << i;
		relays += relay && (kept & 1u << i) != 0;
		live += relay && is_live(ps, i);
	}
	if (live <= KITH_RELAYS_LIVE)
		return false;
	for (; relays < KITH_RELAYS_LIVE && keep_one(ps, &kept); relays++)
		continue;
	return close_others(ps, env, kept);
}
