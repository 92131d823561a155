#include "core/certs.h"

#include "core/own.h"

static void recheck(void *ctx, struct kith_session *s)
{
	struct kith_core *c = ctx;
	if (s->state == KITH_SESSION_CLOSED || s->chain == NULL)
		return;
	if (!kith_has_room(c)) { /* no room to tell of more ends: the rest when these were told */
		c->rechecked_epoch = c->trust.epoch - 1;
		c->recheck_at = c->now.mono_us;
		return;
	}
	if (kith_trust_recheck_chain(&c->trust, &c->now, kith_blob_span(s->chain)) != 0)
		kith_session_end(c, s, KITH_CLOSE_CERTIFICATE, false);
}

/* Tells what has become of the age of lists since it was told last. */
static void look_at_lists(struct kith_core *c)
{
	static const int errs[] = {
		[KITH_LISTS_FRESH] = 0, [KITH_LISTS_LATE] = KITH_EEXPIRED, [KITH_LISTS_TOO_OLD] = KITH_ESTALE
	};
	int64_t due_ms = 0;
	enum kith_lists_age fresh = kith_trust_lists_age(&c->trust, &c->now, NULL, &due_ms);
	struct kith_event *ev = fresh != c->lists_age ? kith_event_push(c, KITH_EVENT_LISTS_LATE) : NULL;
	if (ev == NULL)
		return;
	ev->err = errs[fresh];
	ev->expires_ms = due_ms;
	c->lists_age = (uint8_t)fresh;
}

void kith_certs_look_at_logs(struct kith_core *c)
{
	for (size_t i = 0; i < c->trust.issuers_n; i++) {
		struct kith_trust_issuer *issuer = &c->trust.issuers[i];
		struct kith_issuer_cert cert;
		bool untold = issuer->fork != NULL && !issuer->fork_told;
		struct kith_event *ev = untold ? kith_event_push(c, KITH_EVENT_LOG_FORKED) : NULL;
		if (ev == NULL || kith_issuer_cert_parse(&cert, kith_blob_span(issuer->cert)) != 0)
			continue;
		ev->identity = cert.issuer;
		issuer->fork_told = true;
	}
}

void kith_certs_recheck(struct kith_core *c)
{
	look_at_lists(c);
	c->rechecked_epoch = c->trust.epoch;
	c->recheck_at = c->now.mono_us + KITH_RECHECK_US;
	if (kith_sessions_each(&c->sessions, recheck, c) != 0)
		kith_stats_add(c->stats, KITH_STAT_ALLOC_FAILED, 1);
	kith_certs_look(c); /* there was no room for all */
}

static void wake(struct kith_core *c, kith_time_us at)
{
	c->certs_timer.kind = KITH_TIMER_CERTS;
	if (kith_timers_set(&c->timers, &c->certs_timer, at) != 0)
		kith_stats_add(c->stats, KITH_STAT_ALLOC_FAILED, 1);
}

void kith_certs_look(struct kith_core *c)
{
	if (c->trust.epoch == c->rechecked_epoch)
		return;
	kith_time_us at = c->recheck_at > c->now.mono_us ? c->recheck_at : c->now.mono_us;
	if (!kith_timer_is_set(&c->certs_timer) || c->certs_timer.at > at)
		wake(c, at);
}

void kith_certs_tick(struct kith_core *c)
{
	kith_time_us due_at = kith_own_tick(c);
	wake(c, due_at < c->now.mono_us + KITH_CERTS_US ? due_at : c->now.mono_us + KITH_CERTS_US);
	kith_certs_recheck(c);
	kith_certs_look_at_logs(c);
	if (c->warned_expiry || c->me.expires_ms - c->now.unix_ms > KITH_EXPIRY_WARNING_MS)
		return;
	struct kith_event *ev = kith_event_push(c, KITH_EVENT_CERT_EXPIRING);
	if (ev == NULL)
		return;
	ev->expires_ms = c->me.expires_ms;
	c->warned_expiry = true;
}
