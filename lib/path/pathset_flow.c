#include "path/pathset_internal.h"

enum { STANDBY_SPREAD = 20 /* percent: the first pings of a flow */ };

/* ---- the lazy part ---- */

/* Data flows: standbys are probed from here on, and what was given up while idle is asked for again. */
static struct kith_flow *flow_start(struct kith_pathset *ps, const struct kith_path_env *env)
{
	struct kith_pathset_more *m = kith_ps_more(ps, env);
	if (m == NULL || m->flow != NULL)
		return m != NULL ? m->flow : NULL;
	m->flow = KITH_NEW(env->alloc, struct kith_flow);
	if (m->flow == NULL) {
		kith_stats_add(env->stats, KITH_STAT_ALLOC_FAILED, 1);
		return NULL;
	}
	m->flow->in_path = ps->sending;
	m->flow->data_at = env->now;
	m->used_at = env->now;
	for (unsigned i = 0; i < kith_ps_count(ps); i++) {
		struct kith_path *p = kith_ps_path(ps, i);
		kith_time_us at = env->now + kith_rng_jitter(env->random, KITH_STANDBY_US, STANDBY_SPREAD);
		if (i != ps->sending && p->state == KITH_PATH_LIVE && p->due_at > at)
			kith_ps_due(ps, p, at);
	}
	if (m->punch != NULL) {
		struct kith_punch_view view = kith_ps_view(ps, env);
		kith_punch_again(m->punch, &view);
		kith_ps_arm(ps, kith_punch_deadline(m->punch));
	} else if (!kith_ps_has(ps, KITH_PATHSET_RELAY_ONLY) && !kith_pathset_is_plain(ps)) {
		ps->news |= KITH_NEWS_WANT_OFFER;
	}
	kith_ps_count_relays(ps, env->now);
	kith_ps_arm(ps, env->now + KITH_FLOW_KEEP_US);
	return m->flow;
}

void kith_ps_flow_free(struct kith_pathset *ps, const struct kith_alloc *alloc)
{
	if (ps->more == NULL || ps->more->flow == NULL)
		return;
	kith_retain_deinit(&ps->more->flow->retain, alloc);
	KITH_FREE(alloc, ps->more->flow);
	ps->more->flow = NULL;
}

/* ---- acknowledging ---- */

static void send_ack(struct kith_pathset *ps, const struct kith_path_env *env, unsigned about,
		     const struct kith_hop *hop, uint8_t flags)
{
	const struct kith_ack *a = &ps->more->flow->acks[about];
	kith_time_us delay = env->now - a->largest_at;
	struct kith_path_ack_frame f = {
		.path = kith_ps_path(ps, about)->peer_id,
		.largest = a->largest,
		.count = a->count,
		.delay_us = (uint32_t)(delay < UINT32_MAX ? delay : UINT32_MAX),
		.flags = flags,
	};
	if (f.path == KITH_PATH_ID_NONE) /* unnamed: the frame must arrive on the path that it is about */
		hop = &kith_ps_path(ps, about)->hop;
	struct kith_writer *w =
		kith_outbox_begin(env->outbox, env->session, hop, 0, KITH_FRAME_PATH_ACK, KITH_PATH_ACK_BODY);
	kith_path_ack_write(w, &f);
	kith_outbox_end(env->outbox);
}

static bool any_suspect(const struct kith_pathset *ps)
{
	for (unsigned i = 0; i < kith_ps_count(ps); i++) {
		if (kith_pathset_path(ps, i)->state == KITH_PATH_SUSPECT)
			return true;
	}
	return false;
}

/* With the data of the sending path where possible; on its own path otherwise; everywhere while something is in
 * doubt. */
static void acknowledge(struct kith_pathset *ps, const struct kith_path_env *env, unsigned about)
{
	struct kith_flow *flow = ps->more->flow;
	const struct kith_path *named = kith_ps_path(ps, about);
	if (flow->acks[about].count == 0)
		return;
	flow->acks[about].pending = 0;
	flow->acked_at = env->now;
	if (named->state == KITH_PATH_CANDIDATE && named->peer_id == KITH_PATH_ID_NONE)
		return; /* unproven and unnamed: no frame may go there, and none elsewhere can name it */
	if (any_suspect(ps)) {
		for (unsigned i = 0; i < kith_ps_count(ps); i++) {
			const struct kith_path *p = kith_ps_path(ps, i);
			if (p->state == KITH_PATH_LIVE || p->state == KITH_PATH_SUSPECT)
				send_ack(ps, env, about, &p->hop, 0);
		}
	} else {
		bool along = about == ps->sending || named->state == KITH_PATH_CANDIDATE;
		send_ack(ps, env, about, along ? NULL : &named->hop, 0);
	}
}

/* ---- doubt ---- */

/* Unsettled packets from *from on and below end. False: the budget is used up. */
static bool replay_some(struct kith_pathset *ps, const struct kith_path_env *env, const unsigned to[KITH_STANDBYS_MAX],
			unsigned n, bool budgeted, uint64_t *from, uint64_t end)
{
	struct kith_flow *flow = ps->more->flow;
	bool sure = kith_ps_is_sure(kith_ps_path(ps, ps->sending));
	uint64_t counter;
	struct kith_span frames;
	if (*from < flow->flight.acked)
		*from = flow->flight.acked;
	while (kith_retain_get(&flow->retain, *from, &counter, &frames) && counter < end) {
		unsigned pair[KITH_PICK_MAX - 1];
		bool ample = !budgeted || sure || kith_budget_is_ample(&flow->budget, env->now);
		unsigned n_pair = kith_ps_pair(ps, to, n, counter, ample, pair);
		for (unsigned i = 0; i < n_pair; i++) {
			if (budgeted && !kith_budget_take(&flow->budget, env->now, sure))
				return false;
			uint8_t way = kith_retain_way(&flow->retain, counter);
			if (way == 0)
				break;
			kith_outbox_again(env->outbox, env->session, &kith_ps_path(ps, pair[i])->hop, counter, way,
					  frames);
			kith_stats_add(env->stats, KITH_STAT_PACKETS_REPLAYED, 1);
		}
		*from = counter + 1;
	}
	return true;
}

/* What is held back goes as well, now that doubt is not all there is. */
static void replay(struct kith_pathset *ps, const struct kith_path_env *env, const unsigned to[KITH_STANDBYS_MAX],
		   unsigned n, bool budgeted)
{
	struct kith_flow *flow = kith_ps_flow(ps);
	if (flow == NULL || n == 0)
		return;
	kith_pacer_doubt(&flow->pacer);
	bool sure = !budgeted || kith_ps_is_sure(kith_ps_path(ps, ps->sending));
	if (sure && !replay_some(ps, env, to, n, budgeted, &flow->held_from, flow->held_to))
		return;
	(void)replay_some(ps, env, to, n, budgeted, &flow->replay_from, UINT64_MAX);
}

/* Most doubts are false alarms, and the newest packets are enough to end a silence: the others wait until it is sure,
 * so that alarms do not use up what failures need. */
static void hold_back(struct kith_flow *flow)
{
	uint64_t newest = kith_retain_newest(&flow->retain, KITH_DOUBT_PACKETS);
	if (newest <= flow->replay_from)
		return;
	if (flow->held_from >= flow->held_to)
		flow->held_from = flow->replay_from;
	flow->held_to = flow->replay_from = newest;
}

static bool needs_answer(const struct kith_pathset *ps, enum kith_cause cause)
{
	return cause != KITH_CAUSE_SILENCE && (cause != KITH_CAUSE_UNANSWERED || kith_ps_has(ps, KITH_PATHSET_PEER));
}

/* What data uses is in doubt: whether the others live must be known now, and not when their next ping is due. */
static void ask_others(struct kith_pathset *ps, const struct kith_path_env *env, unsigned but)
{
	for (unsigned k = 0; k < kith_ps_count(ps); k++) {
		struct kith_path *p = kith_ps_path(ps, k);
		if (k == but || p->state != KITH_PATH_LIVE)
			continue;
		(void)kith_ps_probe(ps, env, p);
		kith_ps_due(ps, p, env->now + kith_path_period(p));
	}
}

void kith_ps_suspect(struct kith_pathset *ps, const struct kith_path_env *env, unsigned i, enum kith_cause cause)
{
	struct kith_path *p = kith_ps_path(ps, i);
	unsigned standbys[KITH_STANDBYS_MAX];
	if (p->state == KITH_PATH_SUSPECT && needs_answer(ps, cause))
		p->flags |= KITH_PATH_NEED_ANSWER;
	if (p->state != KITH_PATH_LIVE)
		return;
	kith_path_set_state(p, KITH_PATH_SUSPECT);
	p->flags &= (uint8_t) ~(KITH_PATH_NEED_ANSWER | KITH_PATH_CONFIRM);
	if (needs_answer(ps, cause))
		p->flags |= KITH_PATH_NEED_ANSWER;
	p->since = env->now;
	p->tries = 0;
	if (i == ps->sending)
		kith_ps_size_doubt(ps, p);
	kith_ps_judge(ps);
	kith_stats_add(env->stats, KITH_STAT_PATHS_SUSPECT, 1);
	kith_ps_journal(ps, env, KITH_JOURNAL_SUSPECT, &p->hop, cause);
	(void)kith_ps_probe(ps, env, p);
	kith_ps_due(ps, p, env->now + kith_path_period(p));
	if (kith_ps_flow(ps) == NULL)
		return;
	if (i == ps->sending || cause == KITH_CAUSE_SILENCE)
		ask_others(ps, env, i);
	if (i == ps->sending) {
		hold_back(ps->more->flow);
		replay(ps, env, standbys, kith_ps_doubles(ps, standbys), true);
	}
	for (unsigned k = 0; k < kith_ps_count(ps); k++)
		acknowledge(ps, env, k);
}

void kith_ps_repeat(struct kith_pathset *ps, const struct kith_path_env *env)
{
	unsigned standbys[KITH_STANDBYS_MAX];
	replay(ps, env, standbys, kith_ps_doubles(ps, standbys), true);
}

void kith_ps_clear(struct kith_pathset *ps, const struct kith_path_env *env, unsigned i)
{
	struct kith_path *p = kith_ps_path(ps, i);
	kith_path_set_state(p, KITH_PATH_LIVE);
	p->flags &= (uint8_t)~KITH_PATH_NEED_ANSWER;
	p->tries = 0;
	p->since = 0;
	kith_ps_judge(ps);
	if (i == ps->sending && kith_ps_flow(ps) != NULL)
		kith_pacer_alive(&ps->more->flow->pacer, env->now);
	kith_ps_journal(ps, env, KITH_JOURNAL_CLEARED, &p->hop, p->srtt_us / 1000);
	kith_ps_rest(ps, env, i);
	kith_ps_choose(ps, env);
}

void kith_ps_dead(struct kith_pathset *ps, const struct kith_path_env *env, unsigned i)
{
	struct kith_path *p = kith_ps_path(ps, i);
	bool direct = !kith_path_is_relay(p);
	kith_ps_journal(ps, env, KITH_JOURNAL_DEAD, &p->hop, (uint32_t)((env->now - p->since) / 1000));
	kith_path_set_state(p, KITH_PATH_DEAD);
	p->since = env->now;
	p->tries = 0;
	kith_ps_judge(ps);
	kith_ps_take_target(ps, &p->hop, false);
	kith_stats_add(env->stats, KITH_STAT_PATHS_DEAD, 1);
	kith_ps_size_dead(ps, env, p);
	ps->news |= KITH_NEWS_PATH_DIED;
	kith_ps_due(ps, p, env->now + kith_rng_jitter(env->random, KITH_PROBE_FAST_US, 10));
	KITH_LOG(env->log, KITH_LOG_INFO, "path.dead session=%u path=%u relay=%d", (unsigned)env->session,
		 (unsigned)p->id, !direct);
	if (i == ps->sending)
		kith_ps_choose(ps, env);
	if (i == ps->sending && !ps->all_dead) { /* nothing took over */
		ps->news |= KITH_NEWS_ALL_DEAD;
		ps->all_dead = true;
		kith_ps_journal(ps, env, KITH_JOURNAL_ALL_DEAD, NULL, 0);
	}
	kith_ps_count_relays(ps, env->now);
	if (direct && ps->more != NULL && ps->more->punch != NULL && !kith_pathset_is_plain(ps)) {
		struct kith_punch_view view = kith_ps_view(ps, env);
		kith_punch_again(ps->more->punch, &view);
		kith_ps_arm(ps, kith_punch_deadline(ps->more->punch));
	}
}

void kith_ps_flow_moved(struct kith_pathset *ps, const struct kith_path_env *env, bool from_dead)
{
	struct kith_flow *flow = kith_ps_flow(ps);
	if (flow == NULL)
		return;
	unsigned to[KITH_STANDBYS_MAX] = { ps->sending };
	const struct kith_path *p = kith_ps_path(ps, ps->sending);
	bool forbidden =
		!kith_path_is_relay(p) && kith_ps_has(ps, KITH_PATHSET_RELAY_ONLY); /* it is about to be dropped */
	if (from_dead && !forbidden && kith_ps_may_carry(p))
		replay(ps, env, to, 1, false);
	uint64_t acked = flow->flight.acked;
	memset(&flow->flight, 0, sizeof flow->flight);
	flow->flight.acked = acked;
	memset(&flow->pacer, 0, sizeof flow->pacer); /* packets on the old path say nothing about this one */
}

/* ---- packets ---- */

void kith_ps_flow_heard(struct kith_pathset *ps, const struct kith_path_env *env, unsigned i, uint64_t counter,
			bool data)
{
	struct kith_flow *flow = data ? flow_start(ps, env) : kith_ps_flow(ps);
	if (flow == NULL)
		return;
	if (data) {
		if (counter >= flow->newest) {
			flow->newest = counter;
			flow->in_path = (uint8_t)i;
		}
		flow->data_at = ps->more->used_at = env->now;
		kith_ack_packet(&flow->acks[i], counter, env->now);
	}
	if (i == flow->in_path)
		kith_pace_packet(&flow->in, env->now, data);
	kith_ps_arm(ps, kith_pace_silent_at(&flow->in));
	struct kith_ack *a = &flow->acks[i];
	if (a->pending >= KITH_PATH_ACK_EVERY && env->now - flow->acked_at >= KITH_PATH_ACK_SPACING_US)
		acknowledge(ps, env, i);
	else if (a->pending > 0)
		kith_ps_arm(ps, a->first_at + KITH_PATH_ACK_DELAY_US);
}

bool kith_ps_flow_sent(struct kith_pathset *ps, const struct kith_path_env *env, unsigned i, uint64_t counter,
		       struct kith_span frames)
{
	struct kith_flow *flow = flow_start(ps, env);
	if (flow == NULL)
		return false;
	flow->data_at = ps->more->used_at = env->now;
	if (i != ps->sending) {
		kith_stats_add(env->stats, KITH_STAT_PACKETS_DUPLICATED, 1);
		kith_pacer_doubt(&flow->pacer);
		if (flow->replay_from <= counter)
			flow->replay_from = counter + 1;
		return true;
	}
	if (frames.len > flow->largest)
		flow->largest = (uint16_t)frames.len;
	kith_flight_sent(&flow->flight, counter, env->now);
	kith_pacer_begin(&flow->pacer, env->now, kith_pathset_rtt_us(ps));
	kith_pacer_sent(&flow->pacer, env->now, counter);
	kith_pace_packet(&flow->out, env->now, true);
	kith_budget_sent(&flow->budget, env->now);
	if (kith_ps_count(ps) > 1)
		kith_retain_put(&flow->retain, env->alloc, counter, KITH_PICK_MAX - 1, frames);
	kith_ps_arm(ps, kith_pace_idle_at(&flow->out));
	kith_ps_arm(ps, env->now + kith_path_period(kith_ps_path(ps, i)));
	return true;
}

int kith_pathset_take(struct kith_pathset *ps, const struct kith_path_env *env, size_t len)
{
	struct kith_flow *flow = flow_start(ps, env);
	if (flow == NULL)
		return KITH_ENOMEM;
	kith_pacer_begin(&flow->pacer, env->now, kith_pathset_rtt_us(ps));
	if (kith_pacer_take(&flow->pacer, env->now, (uint32_t)len + KITH_PACER_OVERHEAD))
		return 0;
	kith_stats_add(env->stats, KITH_STAT_DATAGRAMS_PACED, 1);
	return KITH_EAGAIN;
}

kith_time_us kith_pathset_ready_at(const struct kith_pathset *ps, kith_time_us now, size_t len)
{
	const struct kith_flow *flow = kith_ps_flow(ps);
	return flow != NULL && flow->pacer.begun
		       ? kith_pacer_ready_at(&flow->pacer, now, (uint32_t)len + KITH_PACER_OVERHEAD)
		       : now;
}

/* The peer hears nothing on our sending path. If all it can know of was acknowledged, only its IDLE mark was lost. */
static void told_suspect(struct kith_pathset *ps, const struct kith_path_env *env, unsigned i,
			 const struct kith_path_ack_frame *f)
{
	struct kith_flow *flow = kith_ps_flow(ps);
	if (flow == NULL || i != ps->sending || f->largest + 1 < flow->flight.acked)
		return; /* about the past */
	if (kith_flight_oldest(&flow->flight) == KITH_TIME_NEVER) {
		flow->out.idle = false;
		kith_ps_arm(ps, kith_pace_idle_at(&flow->out));
		return;
	}
	kith_ps_suspect(ps, env, i, KITH_CAUSE_TOLD);
}

int kith_ps_on_path_ack(struct kith_pathset *ps, const struct kith_path_env *env, int arrived, struct kith_span body)
{
	struct kith_path_ack_frame f;
	int err = kith_path_ack_read(&f, body);
	struct kith_flow *flow = kith_ps_flow(ps);
	if (err != 0 || flow == NULL)
		return err;
	int about = f.path == KITH_PATH_ID_NONE ? arrived : kith_ps_find_id(ps, f.path, false);
	if (about < 0)
		return 0;
	struct kith_path *p = kith_ps_path(ps, (unsigned)about);
	kith_time_us sent_at;
	kith_ps_size_arrived(ps, env, (unsigned)about, f.largest);
	if ((unsigned)about == ps->sending)
		kith_ps_size_lost(ps, env, kith_pacer_acked(&flow->pacer, env->now, f.largest, f.count));
	if ((unsigned)about == ps->sending && kith_flight_acked(&flow->flight, f.largest, &sent_at)) {
		if (sent_at != 0 && about == arrived && env->now - sent_at > f.delay_us)
			kith_path_rtt(p, (uint32_t)(env->now - sent_at - f.delay_us));
		kith_retain_release(&flow->retain, flow->flight.acked);
		/* In doubt, only a packet that left since proves anything about now; a late one also clears the doubt,
		 * cheaply. */
		if (p->state == KITH_PATH_SUSPECT && kith_path_owes(p) == 0 && (f.flags & KITH_PATH_ACK_SUSPECT) == 0)
			kith_ps_clear(ps, env, (unsigned)about);
	}
	if ((f.flags & KITH_PATH_ACK_SUSPECT) != 0)
		told_suspect(ps, env, (unsigned)about, &f);
	return 0;
}

/* ---- timers ---- */

/* The flow stopped without a mark: the peer is told on two other paths, and our own data is doubled if it takes the
 * same path. */
static void fell_silent(struct kith_pathset *ps, const struct kith_path_env *env)
{
	struct kith_flow *flow = ps->more->flow;
	unsigned about = flow->in_path, standbys[KITH_STANDBYS_MAX];
	flow->in.alarms++;
	if (about >= kith_ps_count(ps))
		return;
	struct kith_path *p = kith_ps_path(ps, about);
	if (p->state != KITH_PATH_LIVE && p->state != KITH_PATH_SUSPECT)
		return;
	unsigned n = kith_ps_standbys(ps, (int)about, standbys);
	if (p->peer_id != KITH_PATH_ID_NONE) {
		for (unsigned k = 0; k < n; k++)
			send_ack(ps, env, about, &kith_ps_path(ps, standbys[k])->hop, KITH_PATH_ACK_SUSPECT);
		if (about != ps->sending && n < 2)
			send_ack(ps, env, about, NULL, KITH_PATH_ACK_SUSPECT);
	}
	kith_ps_suspect(ps, env, about, KITH_CAUSE_SILENCE);
}

static void mark_idle(struct kith_pathset *ps, const struct kith_path_env *env)
{
	struct kith_writer *w = kith_outbox_begin(env->outbox, env->session, NULL, 0, KITH_FRAME_IDLE, 1);
	kith_write_u8(w, kith_ps_path(ps, ps->sending)->id);
	kith_outbox_end(env->outbox);
	ps->more->flow->out.idle = true;
}

/* When the sender's patience ends; KITH_TIME_NEVER when nothing is out, or it has ended already. */
static kith_time_us unacked_at(const struct kith_pathset *ps)
{
	const struct kith_path *p = kith_pathset_sending(ps);
	kith_time_us oldest = kith_flight_oldest(&ps->more->flow->flight);
	if (p == NULL || p->state != KITH_PATH_LIVE || oldest == KITH_TIME_NEVER)
		return KITH_TIME_NEVER;
	return oldest + kith_path_period(p);
}

void kith_ps_flow_tick(struct kith_pathset *ps, const struct kith_path_env *env)
{
	struct kith_flow *flow = kith_ps_flow(ps);
	if (flow == NULL)
		return;
	if (env->now - flow->data_at >= KITH_FLOW_KEEP_US) {
		kith_ps_flow_free(ps, env->alloc);
		for (unsigned i = 0; i < kith_ps_count(ps); i++) {
			struct kith_path *p = kith_ps_path(ps, i);
			if (p->state == KITH_PATH_LIVE && p->tries == 0)
				kith_ps_rest(ps, env, i);
		}
		return;
	}
	for (unsigned i = 0; i < kith_ps_count(ps); i++) {
		if (flow->acks[i].pending > 0 && env->now - flow->acks[i].first_at >= KITH_PATH_ACK_DELAY_US)
			acknowledge(ps, env, i);
	}
	if (kith_pace_idle_at(&flow->out) <= env->now)
		mark_idle(ps, env);
	if (kith_pace_silent_at(&flow->in) <= env->now)
		fell_silent(ps, env);
	if (unacked_at(ps) <= env->now)
		kith_ps_suspect(ps, env, ps->sending, KITH_CAUSE_UNACKED);
	kith_ps_count_relays(ps, env->now);
}

kith_time_us kith_ps_flow_deadline(const struct kith_pathset *ps)
{
	const struct kith_flow *flow = kith_ps_flow(ps);
	if (flow == NULL)
		return KITH_TIME_NEVER;
	kith_time_us at[] = { flow->data_at + KITH_FLOW_KEEP_US, kith_pace_idle_at(&flow->out),
			      kith_pace_silent_at(&flow->in), unacked_at(ps) };
	kith_time_us first = KITH_TIME_NEVER;
	for (unsigned i = 0; i < sizeof at / sizeof at[0]; i++) {
		if (at[i] < first)
			first = at[i];
	}
	for (unsigned i = 0; i < kith_ps_count(ps); i++) {
		if (flow->acks[i].pending > 0 && flow->acks[i].first_at + KITH_PATH_ACK_DELAY_US < first)
			first = flow->acks[i].first_at + KITH_PATH_ACK_DELAY_US;
	}
	return first;
}
