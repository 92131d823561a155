#include "leaf/leaf.h"

#include "leaf/audit.h"
#include "leaf/caught.h"
#include "leaf/gauge.h"
#include "leaf/homeless.h"
#include "leaf/homes.h"
#include "leaf/hosts.h"
#include "leaf/observed.h"
#include "leaf/places.h"
#include "leaf/promotion.h"
#include "leaf/reach.h"
#include "leaf/record.h"
#include "leaf/sounding.h"
#include "leaf/turn.h"

#define SUSPECT_US (60 * KITH_US_PER_S) /* a home that failed is not given until the next record to do so again */

void kith_leaf_begin(struct kith_core *c)
{
	c->leaf.timer.kind = KITH_TIMER_LEAF;
	c->leaf.publish_at = c->leaf.ask_at = c->leaf.gauge_at = c->leaf.audit.at = KITH_TIME_NEVER;
	c->leaf.answered_at = KITH_TIME_NEVER;
	kith_homeless_begin(c);
	if (!kith_serves(c))
		kith_homes_wake(c, c->now.mono_us);
}

void kith_leaf_deinit(struct kith_core *c)
{
	kith_timers_stop(&c->timers, &c->leaf.timer);
	kith_blob_unref(&c->shared->blobs, c->leaf.record);
	kith_hostcache_deinit(&c->leaf.cache);
	kith_gauge_deinit(c);
	kith_sounding_free(c);
	KITH_FREE(c->alloc, c->leaf.asker);
	kith_places_shrink(c);
}

/* The answer to a request under way would come too late, or be taken for the answer to the goodbye. */
static void stop_asking(struct kith_core *c, struct kith_home_slot *home)
{
	struct kith_session *s = kith_homes_session(c, home);
	if (s == NULL)
		return;
	kith_request_cancel(s->requests, kith_env(c, s), kith_token(KITH_TOKEN_ATTACH, 0));
	home->asking = false;
}

void kith_leaf_rest(struct kith_core *c)
{
	for (unsigned i = 0; i < kith_places(c); i++) {
		struct kith_home_slot *slot = kith_place(c, i);
		if (slot->state != KITH_HOME_FREE)
			kith_homes_let_go(c, slot);
	}
	kith_timers_stop(&c->timers, &c->leaf.timer);
	c->leaf.parting = 0;
	c->leaf.serve_at = c->leaf.more_at = c->leaf.fill_at = c->leaf.eased_until = 0;
	kith_gauge_stop(c);
	kith_sounding_free(c);
	kith_blob_unref(&c->shared->blobs, c->leaf.record);
	c->leaf.record = NULL;
	c->leaf.audit = (struct kith_audit){ .at = KITH_TIME_NEVER };
}

void kith_leaf_leave(struct kith_core *c)
{
	for (unsigned i = 0; i < kith_places(c); i++) {
		struct kith_home_slot *slot = kith_place(c, i);
		if (slot->state == KITH_HOME_CONNECTING)
			kith_homes_let_go(c, slot);
		else if (slot->state == KITH_HOME_ATTACHED)
			stop_asking(c, slot);
	}
	kith_leaf_publish(c, true);
}

bool kith_leaf_says_goodbye(struct kith_core *c)
{
	bool asking = false;
	for (size_t i = 0; i < KITH_HOMES; i++)
		asking = asking || (c->leaf.homes[i].asking && kith_homes_session(c, &c->leaf.homes[i]) != NULL);
	return asking && !c->leaf.published;
}

/* When the record is signed anew though nothing changed. */
static kith_time_us refresh_at(const struct kith_core *c)
{
	return c->leaf.record_at + (kith_caught_suspect(c, 0) >= 0 ? SUSPECT_US : KITH_RECORD_REFRESH_US);
}

void kith_leaf_tick(struct kith_core *c)
{
	if (c->leaving || kith_serves(c))
		return; /* the last record is on its way, or the node needs no homes */
	kith_promotion_tick(c);
	kith_observed_tick(c);
	kith_homes_tick(c);
	kith_homes_wake(c, kith_hosts_tick(c));
	kith_homes_wake(c, kith_reach_tick(c));
	kith_homes_wake(c, kith_gauge_look(c));
	kith_homes_wake(c, kith_gauge_tick(c));
	if (c->leaf.publish_at <= c->now.mono_us)
		kith_leaf_publish(c, true);
	if (c->leaf.record != NULL && c->leaf.publish_at == KITH_TIME_NEVER && refresh_at(c) <= c->now.mono_us)
		kith_leaf_publish(c, false);
	kith_audit_tick(c);
	kith_homes_wake(c, c->leaf.audit.at);
	kith_homes_wake(c, c->leaf.ask_at);
	if (c->leaf.publish_at != KITH_TIME_NEVER)
		kith_homes_wake(c, c->leaf.publish_at);
	else if (c->leaf.record != NULL && kith_homes_count(c) > 0)
		kith_homes_wake(c, refresh_at(c));
}

/* What failed by the former clock, or with the former certificates, says nothing any more. */
void kith_leaf_again(struct kith_core *c)
{
	kith_hostcache_forgive(&c->leaf.cache);
	kith_turn_again(c);
	c->leaf.attempts = 0;
	c->leaf.brief = c->leaf.refusals = 0;
	if (kith_homes_count(c) > 0)
		c->leaf.publish_at = c->now.mono_us;
	kith_homes_wake(c, c->now.mono_us);
}
