#include "core/house.h"

static void recheck(void *ctx, struct kith_session *s)
{
	struct kith_core *c = ctx;
	struct kith_person person;
	if (s->state == KITH_SESSION_CLOSED || s->chain == NULL)
		return;
	if (!kith_session_person(c, s, &person))
		kith_session_end(c, s, KITH_CLOSE_CERTIFICATE, false);
}

void kith_recheck_sessions(struct kith_core *c)
{
	if (kith_sessions_each(&c->sessions, recheck, c) != 0)
		kith_stats_add(c->stats, KITH_STAT_ALLOC_FAILED, 1);
}

void kith_house_tick(struct kith_core *c)
{
	c->house_timer.kind = KITH_TIMER_HOUSE;
	if (kith_timers_set(&c->timers, &c->house_timer, c->now.mono_us + KITH_HOUSE_US) != 0)
		kith_stats_add(c->stats, KITH_STAT_ALLOC_FAILED, 1);
	kith_recheck_sessions(c);
	if (c->warned_expiry || c->me.expires_ms - c->now.unix_ms > KITH_EXPIRY_WARNING_MS)
		return;
	struct kith_event *ev = kith_event_push(c, KITH_EVENT_CERT_EXPIRING);
	if (ev == NULL)
		return;
	ev->expires_ms = c->me.expires_ms;
	c->warned_expiry = true;
}
