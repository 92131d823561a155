#include "call/cut.h"

#include "base/alloc.h"
#include "stream/stream.h"

struct kith_cut {
	struct kith_link link; /* in core.cuts, the oldest first */
	kith_session_id session;
	struct kith_streams *streams;
	kith_time_us until;
};

static struct kith_cut *first(struct kith_core *c)
{
	return KITH_LINKED(c->cuts.next, struct kith_cut, link);
}

static void drop(struct kith_core *c, struct kith_cut *cut)
{
	kith_link_remove(&cut->link);
	c->cuts_n--;
	kith_streams_free(cut->streams);
	KITH_FREE(c->alloc, cut);
}

static void set_timer(struct kith_core *c)
{
	c->cut_timer.kind = KITH_TIMER_CUT;
	if (kith_link_empty(&c->cuts))
		kith_timers_stop(&c->timers, &c->cut_timer);
	else if (kith_timers_set(&c->timers, &c->cut_timer, first(c)->until) != 0)
		kith_stats_add(c->stats, KITH_STAT_ALLOC_FAILED, 1); /* they go with the next, or with the core */
}

static struct kith_cut *find(struct kith_core *c, kith_session_id session)
{
	for (struct kith_link *l = c->cuts.next; l != &c->cuts; l = l->next) {
		struct kith_cut *cut = KITH_LINKED(l, struct kith_cut, link);
		if (cut->session == session)
			return cut;
	}
	return NULL;
}

void kith_cut_keep(struct kith_core *c, kith_session_id session, struct kith_streams *streams)
{
	if (streams == NULL)
		return;
	kith_streams_close(streams);
	struct kith_cut *cut = kith_streams_unread(streams) ? KITH_NEW(c->alloc, struct kith_cut) : NULL;
	if (cut == NULL) {
		kith_streams_free(streams);
		return;
	}
	kith_cut_done(c, session);
	if (c->cuts_n == KITH_CUTS_MAX)
		drop(c, first(c));
	cut->session = session;
	cut->streams = streams;
	cut->until = c->now.mono_us + KITH_CUT_KEPT_US;
	kith_link_init(&cut->link);
	kith_link_append(&c->cuts, &cut->link);
	c->cuts_n++;
	set_timer(c);
}

struct kith_streams *kith_cut_get(struct kith_core *c, kith_session_id session)
{
	struct kith_cut *cut = find(c, session);
	return cut != NULL ? cut->streams : NULL;
}

void kith_cut_done(struct kith_core *c, kith_session_id session)
{
	struct kith_cut *cut = find(c, session);
	if (cut == NULL)
		return;
	drop(c, cut);
	set_timer(c);
}

void kith_cut_tick(struct kith_core *c)
{
	while (!kith_link_empty(&c->cuts) && first(c)->until <= c->now.mono_us)
		drop(c, first(c));
	set_timer(c);
}

void kith_cut_free_all(struct kith_core *c)
{
	while (c->cuts_n > 0)
		drop(c, first(c));
	kith_timers_stop(&c->timers, &c->cut_timer);
}
