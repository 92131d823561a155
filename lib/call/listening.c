#include "call/listening.h"

#include "base/alloc.h"

#define OPEN_US (5 * KITH_US_PER_S)

struct kith_listening {
	struct kith_timer timer;
	kith_time_us wanted_at;
};

static const uint8_t families[2] = { KITH_FAMILY_V4, KITH_FAMILY_V6 };

static bool is_ours(const struct kith_transport_kept *t)
{
	return t->purpose == KITH_PURPOSE_IN && t->effect != 0;
}

static void wake(struct kith_core *c, kith_time_us at)
{
	if (kith_timers_set(&c->timers, &c->listening->timer, at) != 0)
		kith_stats_add(c->stats, KITH_STAT_ALLOC_FAILED, 1);
}

void kith_listening_deinit(struct kith_core *c)
{
	if (c->listening == NULL)
		return;
	kith_timers_stop(&c->timers, &c->listening->timer);
	KITH_FREE(c->alloc, c->listening);
	c->listening = NULL;
}

void kith_listening_want(struct kith_core *c)
{
	struct kith_listening *l = c->listening;
	if (l != NULL) { /* there is one, or the host refuses */
		l->wanted_at = c->now.mono_us;
		return;
	}
	if (c->leaving || kith_serves(c))
		return;
	l = c->listening = KITH_NEW(c->alloc, struct kith_listening);
	if (l == NULL) {
		kith_stats_add(c->stats, KITH_STAT_ALLOC_FAILED, 1);
		return;
	}
	l->timer.kind = KITH_TIMER_LISTENING;
	l->wanted_at = c->now.mono_us;
	for (unsigned i = 0; i < 2; i++) {
		const struct kith_effect e = { .type = KITH_EFFECT_OPEN,
					       .deadline = c->now.mono_us + OPEN_US,
					       .count = 1,
					       .kind = KITH_TRANSPORT_TCP,
					       .family = families[i],
					       .purpose = KITH_PURPOSE_IN };
		uint32_t id;
		const bool listens = kith_transports_listens(&c->transports, KITH_TRANSPORT_TCP, families[i]);
		if (!listens && kith_effects_begin(&c->effects, &e, KITH_OWNER_LISTENING, 0, &id) != 0)
			kith_stats_add(c->stats, KITH_STAT_ALLOC_FAILED, 1);
	}
	wake(c, c->now.mono_us + KITH_LISTEN_KEEP_US);
}

void kith_listening_ended(struct kith_core *c, const struct kith_effect_end *end)
{
	if (end->type == KITH_EFFECT_CLOSE && c->listening != NULL)
		wake(c, c->now.mono_us); /* perhaps that was all */
}

static bool is_used(struct kith_core *c, uint16_t transport)
{
	const struct kith_session *s;
	uint32_t it = 0;
	while ((s = kith_table_next(&c->sessions.by_index, &it)) != NULL) {
		if (s->state == KITH_SESSION_OPEN && kith_pathset_uses(&s->paths, transport))
			return true;
	}
	return false;
}

/* Has those closed that no path leads through. False: some are left. */
static bool close_all(struct kith_core *c)
{
	bool left = false;
	for (uint16_t i = 0; i < c->transports.n; i++) {
		const struct kith_transport_kept *t = &c->transports.at[i];
		const struct kith_effect e = { .type = KITH_EFFECT_CLOSE,
					       .deadline = c->now.mono_us + OPEN_US,
					       .transport = t->id };
		uint32_t id;
		if (!is_ours(t))
			continue;
		left = true;
		if (!is_used(c, t->id) && kith_effects_begin(&c->effects, &e, KITH_OWNER_LISTENING, 0, &id) != 0)
			break; /* others are under way; the next look tries again */
	}
	return !left;
}

void kith_listening_tick(struct kith_core *c)
{
	struct kith_listening *l = c->listening;
	if (l == NULL)
		return;
	const kith_time_us over_at = l->wanted_at + KITH_LISTEN_KEEP_US;
	if (over_at > c->now.mono_us)
		wake(c, over_at);
	else if (close_all(c))
		kith_listening_deinit(c);
	else
		wake(c, c->now.mono_us + KITH_LISTEN_KEEP_US / 4);
}
