#include "leaf/subscriptions.h"

#include "base/rng.h"
#include "leaf/caught.h"
#include "leaf/homes.h"
#include "link/follow.h"

#define WITHHELD_US (60 * KITH_US_PER_S + KITH_LEAF_VANISH_US) /* held under load; repeated */
#define GRACE_US (KITH_US_PER_S / 2) /* what is told in brief mostly comes in full by then */
enum {
	BRIEF = 1, /* the place of the subscription that is told in brief */
	ASKED_MAX = 6, /* in half a minute: it may not be at all of its replicas yet */
	REFUSALS = 6 /* in a row, in two minutes; an honest home refuses for want of time, too, and less often */
};

#define RETRY_US (2 * KITH_US_PER_S)
#define SLEPT_US (5 * KITH_US_PER_S) /* as late as that, this node slept, and so did what would have come */
#define SOON_US (60 * KITH_US_PER_S)
#define SOON_LATEST_US (420 * KITH_US_PER_S)
#define SELDOM_US (900 * KITH_US_PER_S)

/* Which subscription is at that session; below 0: none. */
static int at_session(const struct kith_core *c, const struct kith_session *s)
{
	for (int i = 0; s != NULL && i < KITH_SUBSCRIPTIONS; i++) {
		if (c->leaf.subscriptions.at[i].session == s->index)
			return i;
	}
	return -1;
}

static struct kith_session *session_of(struct kith_core *c, const struct kith_subscription *at)
{
	struct kith_session *s = at->session != 0 ? kith_sessions_get(&c->sessions, at->session) : NULL;
	return s != NULL && kith_homes_slot(c, s) >= 0 ? s : NULL;
}

/* A home without a subscription, drawn, if possible not that one; NULL: there is none. */
static struct kith_session *spare(struct kith_core *c, uint32_t not_session)
{
	struct kith_session *chosen = NULL;
	uint32_t n = 0;
	for (size_t i = 0; i < KITH_HOMES; i++) {
		const struct kith_home_slot *home = &c->leaf.homes[i];
		struct kith_session *s = kith_homes_session(c, home);
		if (s == NULL || home->caught || at_session(c, s) >= 0)
			continue;
		if (chosen != NULL && chosen->index == not_session)
			n = 0;
		if (n > 0 && s->index == not_session)
			continue;
		if (kith_rng_below(c->random, ++n) == 0)
			chosen = s;
	}
	return chosen;
}

/* At any time between these, since leaves may have subscribed all at once. */
static void control_by(struct kith_core *c, kith_time_us earliest, kith_time_us latest)
{
	struct kith_subscriptions *subs = &c->leaf.subscriptions;
	kith_time_us at = c->now.mono_us + earliest + kith_rng_below(c->random, (uint32_t)(latest - earliest));
	if (subs->control_at <= c->now.mono_us || subs->control_at > at)
		subs->control_at = at;
}

static void begin_at(struct kith_core *c, struct kith_subscription *at, const struct kith_session *s)
{
	*at = (struct kith_subscription){ .session = s->index, .refused = at->refused };
	control_by(c, SOON_US, SOON_LATEST_US);
}

bool kith_subscriptions_draw(struct kith_core *c)
{
	bool drawn = false;
	for (size_t i = 0; i < KITH_SUBSCRIPTIONS; i++) {
		struct kith_subscription *at = &c->leaf.subscriptions.at[i];
		if (session_of(c, at) != NULL)
			continue;
		at->session = 0;
		const struct kith_session *s = spare(c, at->refused);
		if (s == NULL)
			continue;
		begin_at(c, at, s);
		drawn = true;
	}
	return drawn;
}

bool kith_subscriptions_send(struct kith_core *c, const struct kith_msg_subscribe *m)
{
	uint8_t body[KITH_REQUEST_MAX];
	struct kith_msg_subscribe one = *m;
	unsigned sent = 0, failed = 0;
	for (size_t i = 0; i < KITH_SUBSCRIPTIONS; i++) {
		struct kith_session *s = session_of(c, &c->leaf.subscriptions.at[i]);
		if (s == NULL)
			continue;
		one.brief = i == BRIEF;
		const struct kith_span span = { body, kith_msg_subscribe_write(body, sizeof body, &one) };
		if (kith_session_request(c, s, KITH_REQ_SUBSCRIBE, span, kith_token(KITH_TOKEN_SUBSCRIBE, 0)) == 0)
			sent++;
		else
			failed++;
	}
	return sent > 0 && failed == 0;
}

bool kith_subscriptions_on_answer(struct kith_core *c, const struct kith_session *s, const struct kith_answer *answer)
{
	const int i = at_session(c, s);
	if (i < 0)
		return true;
	struct kith_subscription *at = &c->leaf.subscriptions.at[i];
	if (answer->err == 0) {
		at->refusals = 0;
		if (at->since == 0)
			at->since = c->now.mono_us;
		return true;
	}
	at->since = 0;
	if (at->refusals < REFUSALS)
		at->refusals++;
	if (at->refusals < REFUSALS || spare(c, 0) == NULL)
		return false;
	at->refused = at->session;
	at->session = 0;
	return false;
}

kith_time_us kith_subscriptions_retry_us(const struct kith_core *c)
{
	uint8_t most = 0;
	for (size_t i = 0; i < KITH_SUBSCRIPTIONS; i++)
		most = c->leaf.subscriptions.at[i].refusals > most ? c->leaf.subscriptions.at[i].refusals : most;
	return RETRY_US << (most > 0 ? most - 1 : 0);
}

/* ---- whether they tell ---- */

/* Whoever has no token hears of a guarded record when a home happens to renew its watch. */
static bool is_told_at_once(const struct kith_core *c, const struct kith_record *record)
{
	uint8_t tokens[KITH_FOLLOW_TOKENS_MAX * KITH_FOLLOW_LEN];
	return kith_record_is_open_to(record, c->suite, kith_follow_for(c, &record->key, tokens));
}

void kith_subscriptions_told(struct kith_core *c, struct kith_watched_device *device, const struct kith_session *s,
			     const struct kith_record *fresh)
{
	const int i = at_session(c, s);
	if (fresh != NULL) {
		device->told_by = device->brief_seq == device->verdict.seq ? 1u << BRIEF : 0;
		device->compare_at =
			s != NULL && is_told_at_once(c, fresh) ? c->now.mono_us + WITHHELD_US : KITH_TIME_NEVER;
	}
	if (i >= 0)
		device->told_by |= (uint8_t)(1u << i);
	if (device->told_by == (1u << KITH_SUBSCRIPTIONS) - 1)
		device->compare_at = KITH_TIME_NEVER;
}

void kith_subscriptions_told_brief(struct kith_core *c, struct kith_watched *w, struct kith_watched_device *device,
				   const struct kith_session *s, uint64_t seq)
{
	if (at_session(c, s) != BRIEF)
		return;
	device->brief_seq = seq;
	if (seq == device->verdict.seq)
		kith_subscriptions_told(c, device, s, NULL);
	if (seq <= device->verdict.seq)
		return;
	w->asked = 0;
	if (w->ask_at > c->now.mono_us + GRACE_US)
		w->ask_at = c->now.mono_us + GRACE_US;
}

/* Asks a home what it knows of a name. The next time will do if it cannot be asked now. */
static void ask(struct kith_core *c, struct kith_session *home, const struct kith_id *key)
{
	uint8_t body[64 + KITH_FOLLOW_TOKENS_MAX * KITH_FOLLOW_LEN], tokens[KITH_FOLLOW_TOKENS_MAX * KITH_FOLLOW_LEN];
	const struct kith_msg_find m = { .key = *key, .tokens = kith_follow_for(c, key, tokens) };
	const struct kith_span span = { body, kith_msg_find_write(body, sizeof body, &m) };
	int err = kith_session_request(c, home, KITH_REQ_LOOKUP, span, kith_token(KITH_TOKEN_CONTROL, 0));
	(void)err;
}

void kith_subscriptions_fetch(struct kith_core *c, struct kith_watched *w)
{
	bool missing = false;
	if (w->ask_at > c->now.mono_us)
		return;
	w->ask_at = KITH_TIME_NEVER;
	for (size_t i = 0; i < w->devices_n; i++)
		missing = missing || w->devices[i].brief_seq > w->devices[i].verdict.seq;
	struct kith_session *home = missing ? session_of(c, &c->leaf.subscriptions.at[BRIEF]) : NULL;
	if (home == NULL || w->asked == ASKED_MAX)
		return;
	ask(c, home, &w->key);
	w->ask_at = c->now.mono_us + (GRACE_US << w->asked++);
}

/* Both kept back what the third home has. */
static void move_one(struct kith_core *c)
{
	const struct kith_session *third = spare(c, 0);
	control_by(c, SOON_US, SOON_LATEST_US);
	if (third != NULL)
		begin_at(c, &c->leaf.subscriptions.at[kith_rng_below(c->random, KITH_SUBSCRIPTIONS)], third);
	c->leaf.subscribe = c->leaf.subscribe || third != NULL;
}

void kith_subscriptions_judge(struct kith_core *c, struct kith_watched_device *device)
{
	unsigned silent = 0, slots = 0;
	if (device->compare_at > c->now.mono_us)
		return;
	const kith_time_us late = c->now.mono_us - device->compare_at;
	const kith_time_us told_at = device->compare_at - WITHHELD_US;
	device->compare_at = late > SLEPT_US ? c->now.mono_us + WITHHELD_US : KITH_TIME_NEVER;
	if (late > SLEPT_US)
		return;
	for (unsigned i = 0; i < KITH_SUBSCRIPTIONS; i++) {
		const struct kith_subscription *at = &c->leaf.subscriptions.at[i];
		const struct kith_session *s = session_of(c, at);
		if (s == NULL || at->since == 0 || at->since > told_at || (device->told_by & 1u << i) != 0)
			continue;
		silent++;
		slots |= 1u << kith_homes_slot(c, s);
	}
	if (silent == 0)
		return;
	kith_caught_unsure_all(c, slots, KITH_LIE_WITHHOLDS);
	if (silent == KITH_SUBSCRIPTIONS)
		move_one(c);
}

void kith_subscriptions_control(struct kith_core *c)
{
	struct kith_subscriptions *subs = &c->leaf.subscriptions;
	if (subs->control_at > c->now.mono_us || c->watched_n == 0 || kith_serves(c))
		return;
	control_by(c, SELDOM_US / 2, SELDOM_US * 3 / 2);
	struct kith_session *third = spare(c, 0);
	if (third != NULL)
		ask(c, third, &c->watched[kith_rng_below(c->random, c->watched_n)].key);
}

kith_time_us kith_subscriptions_next(const struct kith_core *c)
{
	return c->watched_n > 0 && !kith_serves(c) ? c->leaf.subscriptions.control_at : KITH_TIME_NEVER;
}
