#include "core/leaving.h"

#include "call/talk.h"
#include "leaf/leaf.h"

#define LEAVE_POLL_US (50 * KITH_US_PER_MS)

/* Ends a session while there is room to tell of it. */
static void say_goodbye(void *ctx, struct kith_session *s)
{
	struct kith_core *c = ctx;
	if (kith_has_room(c))
		kith_session_end(c, s, KITH_CLOSE_LEAVING, false);
}

static bool all_closed(const struct kith_core *c)
{
	const struct kith_session *s;
	uint32_t it = 0;
	while ((s = kith_table_next(&c->sessions.by_index, &it)) != NULL) {
		if (s->state != KITH_SESSION_CLOSED)
			return false;
	}
	return true;
}

/* Whether a goodbye still has to arrive. A leaf has one record to publish, and one home that took it is enough. A
 * supernode tells many nodes, some of them in the first message of a new session. */
static bool leave_waits(struct kith_core *c)
{
	const struct kith_session *s;
	uint32_t it = 0;
	if (!kith_serves(c))
		return kith_leaf_says_goodbye(c);
	while ((s = kith_table_next(&c->sessions.by_index, &it)) != NULL) {
		if ((s->state == KITH_SESSION_OPEN || s->state == KITH_SESSION_INITIATING) &&
		    kith_requests_busy(s->requests))
			return true;
	}
	return false;
}

/* Those have a time limit of their own. */
static bool sessions_linger(const struct kith_core *c)
{
	const struct kith_session *s;
	uint32_t it = 0;
	while ((s = kith_table_next(&c->sessions.by_index, &it)) != NULL) {
		if (kith_talk_lingers(c, s))
			return true;
	}
	return false;
}

void kith_leaving_tick(struct kith_core *c)
{
	if (c->left)
		return;
	c->leave_timer.kind = KITH_TIMER_LEAVE;
	kith_time_us again = c->now.mono_us + LEAVE_POLL_US;
	bool in_time = c->now.mono_us < c->leave_by, lingers = sessions_linger(c);
	if (in_time && !lingers && again > c->leave_by)
		again = c->leave_by;
	if ((lingers || (in_time && leave_waits(c))) && kith_timers_set(&c->timers, &c->leave_timer, again) == 0)
		return;
	if (kith_sessions_each(&c->sessions, say_goodbye, c) != 0)
		kith_stats_add(c->stats, KITH_STAT_ALLOC_FAILED, 1);
	else if (!all_closed(c) && kith_timers_set(&c->timers, &c->leave_timer, c->now.mono_us) == 0)
		return; /* the rest when these were told */
	c->left = true;
}

void kith_leaving_settle(struct kith_core *c)
{
	if (!c->left || c->left_told)
		return;
	c->left_told = true;
	(void)kith_event_push(c, KITH_EVENT_LEFT);
}
