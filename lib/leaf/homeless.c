#include "leaf/homeless.h"

#include "base/rng.h"

#define CALM_US (KITH_US_PER_S / 2) /* doubles from here ... */
#define CALM_MAX_US (60 * KITH_US_PER_S) /* ... to one attempt a minute */
#define TELL_AGAIN_US (600 * KITH_US_PER_S)
enum {
	BRIEF_TOLD = 3, /* in a row: one or two are a supernode's own business */
	BRIEF_MAX = 32
};

int kith_homeless_cause(const struct kith_session *s, enum kith_close_reason reason)
{
	if (s->hs != NULL && s->hs->why != 0)
		return s->hs->why;
	switch (reason) {
	case KITH_CLOSE_TIMED_OUT:
		return KITH_ETIMEDOUT;
	case KITH_CLOSE_CERTIFICATE:
		return KITH_EREJECTED;
	case KITH_CLOSE_LIMIT:
		return KITH_EFULL;
	case KITH_CLOSE_REPLACED:
		return KITH_EEXIST;
	case KITH_CLOSE_LEAVING:
		return KITH_EDETACHED;
	case KITH_CLOSE_NORMAL:
	case KITH_CLOSE_REJECTED:
	case KITH_CLOSE_BUSY:
	case KITH_CLOSE_NO_SERVICE:
	case KITH_CLOSE_NOT_CONTACT:
	case KITH_CLOSE_PROTOCOL:
	case KITH_CLOSE_CANCELED:
		break;
	}
	return KITH_ECLOSED;
}

void kith_homeless_begin(struct kith_core *c)
{
	c->leaf.homeless_at = c->now.mono_us;
	c->leaf.failing_told_at = c->now.mono_us - TELL_AGAIN_US;
}

/* ---- why ---- */

static void count(struct kith_homeless *out, int err)
{
	switch (err) {
	case 0:
	case KITH_ETIMEDOUT:
		out->silent += err != 0;
		return;
	case KITH_ENETWORK:
		out->network++;
		return;
	case KITH_EVERSION:
		out->version++;
		return;
	case KITH_EREJECTED:
		out->rejected++;
		return;
	case KITH_EFULL:
		out->full++;
		return;
	case KITH_EUNREACHABLE:
		out->unreachable++;
		return;
	case KITH_EEXPIRED:
	case KITH_ENOTYET:
	case KITH_EREVOKED:
	case KITH_ECHAIN:
	case KITH_ENAME:
	case KITH_ESIGNATURE:
		out->theirs++;
		out->theirs_err = err;
		return;
	default:
		out->others++;
	}
}

static int most_telling(const struct kith_homeless *h)
{
	if (h->hosts == 0)
		return KITH_ENOENT;
	if (h->network > 0)
		return KITH_ENETWORK;
	if (h->version > 0)
		return KITH_EVERSION;
	if (h->rejected > 0)
		return KITH_EREJECTED;
	if (h->theirs > 0)
		return KITH_EAUTH;
	if (h->full > 0)
		return KITH_EFULL;
	return h->unreachable > 0 && h->silent == 0 ? KITH_EUNREACHABLE : KITH_ETIMEDOUT;
}

void kith_homeless_info(const struct kith_core *c, struct kith_homeless *out)
{
	memset(out, 0, sizeof *out);
	if (kith_serves(c) || c->leaf.homeless_at == KITH_TIME_NEVER ||
	    c->now.mono_us - c->leaf.homeless_at < KITH_HOMELESS_US)
		return;
	out->hosts = c->leaf.cache.n;
	for (int i = 0; i < c->leaf.cache.n; i++)
		count(out, c->leaf.cache.at[i].came);
	int own = kith_trust_recheck(&c->trust, &c->now, &c->me);
	out->err = own != 0 ? own : most_telling(out);
}

/* When one that holds ends the caution; NEVER: there is none. */
static kith_time_us settle_brief(struct kith_core *c)
{
	kith_time_us at = KITH_TIME_NEVER;
	for (size_t i = 0; i < KITH_HOMES && c->leaf.brief > 0; i++) {
		const struct kith_home_slot *home = &c->leaf.homes[i];
		if (home->state == KITH_HOME_ATTACHED && home->since + KITH_HOME_BRIEF_US < at)
			at = home->since + KITH_HOME_BRIEF_US;
	}
	if (at > c->now.mono_us)
		return at;
	c->leaf.brief = 0;
	return KITH_TIME_NEVER;
}

kith_time_us kith_homeless_tick(struct kith_core *c, unsigned homes)
{
	struct kith_homeless why;
	if (homes > 0) {
		c->leaf.homeless_at = KITH_TIME_NEVER;
		c->leaf.homeless_told = 0;
		return settle_brief(c);
	}
	if (c->leaf.homeless_at == KITH_TIME_NEVER)
		c->leaf.homeless_at = c->now.mono_us;
	kith_time_us due = c->leaf.homeless_at + KITH_HOMELESS_US;
	if (c->now.mono_us < due)
		return due;
	kith_homeless_info(c, &why);
	struct kith_event *ev = why.err != c->leaf.homeless_told ? kith_event_push(c, KITH_EVENT_HOMELESS) : NULL;
	if (ev != NULL)
		ev->err = c->leaf.homeless_told = why.err;
	return c->now.mono_us + KITH_HOMELESS_US;
}

/* ---- attachments that end right away ---- */

/* A home that has held long enough shows that it is not us. */
static bool one_holds(const struct kith_core *c)
{
	for (size_t i = 0; i < KITH_HOMES; i++) {
		const struct kith_home_slot *home = &c->leaf.homes[i];
		if (home->state == KITH_HOME_ATTACHED && c->now.mono_us - home->since >= KITH_HOME_BRIEF_US)
			return true;
	}
	return false;
}

void kith_homeless_failing(struct kith_core *c, enum kith_close_reason reason, int err)
{
	unsigned unused;
	struct kith_event *ev = c->now.mono_us - c->leaf.failing_told_at >= TELL_AGAIN_US
					? kith_event_push(c, KITH_EVENT_ATTACH_FAILING)
					: NULL;
	if (ev == NULL)
		return;
	c->leaf.failing_told_at = c->now.mono_us;
	ev->err = err;
	ev->reason = reason;
	ev->ahead_ms = kith_wall_homes_ahead(&c->wall, &unused);
}

void kith_homeless_ended(struct kith_core *c, kith_time_us since, enum kith_close_reason reason, int err)
{
	bool taken = reason == KITH_CLOSE_REPLACED; /* by a session of our own key that we did not make */
	if (!taken && (c->now.mono_us - since >= KITH_HOME_BRIEF_US || reason == KITH_CLOSE_TIMED_OUT ||
		       reason == KITH_CLOSE_LEAVING))
		return;
	if (!taken && one_holds(c))
		return;
	if (c->leaf.brief < BRIEF_MAX)
		c->leaf.brief++;
	kith_time_us wait = CALM_US << (c->leaf.brief < 7 ? c->leaf.brief : 7);
	wait = wait < CALM_MAX_US ? wait : CALM_MAX_US;
	c->leaf.calm_until = c->now.mono_us + kith_rng_jitter(c->random, wait, 10);
	if (taken || c->leaf.brief >= BRIEF_TOLD)
		kith_homeless_failing(c, reason, err);
}

kith_time_us kith_homeless_calm(const struct kith_core *c, bool *single)
{
	*single = c->leaf.brief >= BRIEF_TOLD && !one_holds(c);
	return c->leaf.brief > 0 ? c->leaf.calm_until : 0;
}
