#include "leaf/caught.h"

#include "base/rng.h"

#define REPLACE_US (60 * KITH_US_PER_S)
#define NEW_US (60 * KITH_US_PER_S) /* a home that has just begun may not know all yet */
enum {
	ENOUGH = 9, /* points */
	SURE = 5, /* of a failing that was seen by signed bytes: twice, with one record between */
	UNSURE = 4, /* what was seen may have another reason: thrice */
	APART_S = 20,
	WITHHELD_APART_S = 120 /* a home may be cut off from replicas for a while */
};

static uint8_t points_of(enum kith_lie how)
{
	switch (how) {
	case KITH_LIE_NOT_PUBLISHED:
	case KITH_LIE_DENIES:
	case KITH_LIE_SILENT:
		return SURE;
	case KITH_LIE_WITHHOLDS:
		return UNSURE;
	case KITH_LIE_FORGES: /* a signature is proof */
		return ENOUGH;
	}
	return 0;
}

/* What comes sooner after the last failing shows the same trouble. */
static uint16_t apart_s(enum kith_lie how)
{
	return how == KITH_LIE_WITHHOLDS ? WITHHELD_APART_S : APART_S;
}

static uint16_t seconds(const struct kith_core *c)
{
	return (uint16_t)(c->now.mono_us / KITH_US_PER_S);
}

/* Tells the application who it is, and has the host cache remember. */
static void name(struct kith_core *c, const struct kith_home_slot *home, enum kith_lie how)
{
	struct kith_person person;
	const struct kith_session *s = kith_sessions_get(&c->sessions, home->session);
	int i = kith_hostcache_find(&c->leaf.cache, &home->host.dh);
	if (i >= 0 && kith_hostcache_lied(&c->leaf.cache, i))
		return; /* nothing new: it is a home again for want of another */
	kith_save_soon(c);
	if (s == NULL || !kith_session_person(c, s, &person))
		return;
	KITH_LOG(c->log, KITH_LOG_WARN, "home_caught session=%08x lie=%u", s->index, (unsigned)how);
	struct kith_event *ev = kith_event_push(c, KITH_EVENT_CAUGHT);
	if (ev == NULL)
		return;
	memcpy(ev->name, person.name, sizeof ev->name);
	ev->identity = person.identity;
	ev->lie = how;
}

static void failed(struct kith_core *c, unsigned slot, enum kith_lie how, uint8_t points)
{
	struct kith_home_slot *home = &c->leaf.homes[slot];
	if (home->state != KITH_HOME_ATTACHED || home->caught)
		return;
	if (c->now.mono_us - home->since < NEW_US && how != KITH_LIE_FORGES)
		return;
	if (home->points > 0 && (uint16_t)(seconds(c) - home->failed_s) < apart_s(how) && how != KITH_LIE_FORGES)
		return;
	home->failed_s = seconds(c);
	home->how = (uint8_t)how;
	home->points = (uint8_t)(home->points + points);
	KITH_LOG(c->log, KITH_LOG_INFO, "home_failed session=%08x lie=%u points=%u", home->session, (unsigned)how,
		 home->points);
	if (home->points < ENOUGH)
		return;
	home->caught = c->leaf.caught = true;
	name(c, home, how);
}

void kith_caught_failed(struct kith_core *c, unsigned slot, enum kith_lie how)
{
	failed(c, slot, how, points_of(how));
}

void kith_caught_failed_all(struct kith_core *c, unsigned slots, enum kith_lie how)
{
	for (unsigned i = 0; i < KITH_HOMES; i++) {
		if ((slots & 1u << i) != 0)
			failed(c, i, how, points_of(how));
	}
}

void kith_caught_unsure_all(struct kith_core *c, unsigned slots, enum kith_lie how)
{
	for (unsigned i = 0; i < KITH_HOMES; i++) {
		if ((slots & 1u << i) != 0)
			failed(c, i, how, UNSURE);
	}
}

static bool knows_another(const struct kith_core *c)
{
	const struct kith_hostcache *hc = &c->leaf.cache;
	bool another = hc->aside != NULL;
	for (int i = 0; i < hc->n; i++)
		another = another || (hc->at[i].flags & (KITH_HOST_USED | KITH_HOST_LIED)) == 0;
	return another;
}

void kith_caught_replace_one(struct kith_core *c)
{
	uint32_t n = 0;
	unsigned chosen = 0;
	for (unsigned i = 0; i < KITH_HOMES; i++) {
		const struct kith_home_slot *home = &c->leaf.homes[i];
		if (home->state == KITH_HOME_ATTACHED && home->took && kith_rng_below(c->random, ++n) == 0)
			chosen = i;
	}
	/* Records of another time are not kept by anybody. */
	if (n == 0 || c->now.mono_us < c->leaf.audit.replace_at || kith_wall_homes_differ(&c->wall) ||
	    !knows_another(c))
		return;
	c->leaf.audit.replace_at = c->now.mono_us + REPLACE_US;
	c->leaf.homes[chosen].caught = c->leaf.caught = true;
}

void kith_caught_fade(struct kith_core *c)
{
	for (unsigned i = 0; i < KITH_HOMES; i++) {
		struct kith_home_slot *home = &c->leaf.homes[i];
		if (home->points > 0)
			home->points--;
	}
}

int kith_caught_suspect(const struct kith_core *c, enum kith_lie how)
{
	for (int i = 0; i < KITH_HOMES; i++) {
		const struct kith_home_slot *home = &c->leaf.homes[i];
		if (home->state == KITH_HOME_ATTACHED && home->points >= UNSURE &&
		    (how == 0 ? home->how != KITH_LIE_WITHHOLDS : home->how == (uint8_t)how))
			return i;
	}
	return -1;
}
