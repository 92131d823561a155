#include "call/ended.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "call/explain.h"

struct kith_ended {
	struct kith_ended *next; /* in core.endings, the newest first */
	kith_session_id session;
	char name[KITH_NAME_MAX + 1];
	kith_time_us at;
	enum kith_close_reason reason;
	bool remote;
	size_t len;
	char text[]; /* len, and a NUL */
};

static bool over(const struct kith_ended *e, kith_time_us now)
{
	return now - e->at >= KITH_ENDED_KEPT_US;
}

/* From here on: the rest is older. */
static void drop(struct kith_core *c, struct kith_ended **from)
{
	while (*from != NULL) {
		struct kith_ended *e = *from;
		*from = e->next;
		kith_alloc_free(c->alloc, e, sizeof *e + e->len + 1);
	}
}

void kith_ended_expire(struct kith_core *c)
{
	struct kith_ended **from = &c->endings;
	while (*from != NULL && !over(*from, c->now.mono_us))
		from = &(*from)->next;
	drop(c, from);
}

void kith_ended_free_all(struct kith_core *c)
{
	drop(c, &c->endings);
}

static void make_room(struct kith_core *c)
{
	struct kith_ended **from = &c->endings;
	kith_ended_expire(c);
	for (unsigned n = 0; *from != NULL && n < KITH_ENDED_MAX - 1; n++)
		from = &(*from)->next;
	drop(c, from);
}

void kith_ended_keep(struct kith_core *c, const struct kith_session *s, enum kith_close_reason reason, bool remote)
{
	char text[KITH_ENDED_TEXT_MAX];
	if (!s->peer->told || s->keyed_s == 0) /* only rang, or was never heard of */
		return;
	size_t len = kith_explain_ending(c, s, text, sizeof text);
	make_room(c);
	struct kith_ended *e = kith_alloc_zero(c->alloc, sizeof *e + len + 1);
	if (e == NULL) {
		kith_stats_add(c->stats, KITH_STAT_ALLOC_FAILED, 1);
		return;
	}
	e->session = s->index;
	memcpy(e->name, s->peer->name, sizeof e->name);
	e->at = c->now.mono_us;
	e->reason = reason;
	e->remote = remote;
	e->len = len;
	memcpy(e->text, text, len + 1);
	e->next = c->endings;
	c->endings = e;
}

/* The sentences of <kith/close.h> are about the other side where they are about one. */
static const char *why(const struct kith_ended *e)
{
	if (!e->remote && e->reason == KITH_CLOSE_LEAVING)
		return "this side is shutting down";
	if (e->remote && e->reason == KITH_CLOSE_PROTOCOL)
		return "it says that this side broke the protocol";
	return kith_close_text(e->reason);
}

static size_t tell(const struct kith_core *c, const struct kith_ended *e, kith_time_us now, char *out, size_t cap)
{
	now = now > c->now.mono_us ? now : c->now.mono_us; /* a clock that goes back stands still */
	if (cap > 0)
		out[0] = '\0';
	if (e == NULL || over(e, now) || cap == 0)
		return 0;
	int n = snprintf(out, cap, "ended: %lld ms ago, by %s: %s; what was known then:\n%s",
			 (long long)((now - e->at) / KITH_US_PER_MS), e->remote ? "the other side" : "this side",
			 why(e), e->text);
	return n < 0 ? 0 : (size_t)n < cap ? (size_t)n : cap - 1;
}

size_t kith_ended_explain(const struct kith_core *c, kith_time_us now, kith_session_id session, char *out, size_t cap)
{
	const struct kith_ended *e = c->endings;
	while (e != NULL && e->session != session)
		e = e->next;
	return tell(c, e, now, out, cap);
}

size_t kith_ended_explain_last(const struct kith_core *c, kith_time_us now, const char *name, char *out, size_t cap)
{
	const struct kith_ended *e = c->endings;
	while (e != NULL && strcmp(e->name, name) != 0)
		e = e->next;
	return tell(c, e, now, out, cap);
}
