#include "leaf/turn.h"

#include "base/rng.h"
#include "leaf/choice.h"
#include "leaf/hosts.h"
#include "leaf/places.h"
#include "link/ways.h"

#define ALONE_US (KITH_US_PER_S / 2) /* for one to take us, where others would be as slow */
#define SETTLE_US (50 * KITH_US_PER_MS) /* until as many homes as came together are in the record */
#define MORE_US (400 * KITH_US_PER_MS) /* until there are more: a slow round trip or two */
#define VAIN_US (1 * KITH_US_PER_S) /* when all have failed: doubles */
#define VAIN_MAX_US (60 * KITH_US_PER_S) /* for each home there is */

/* Whether some are tried, and whether one of them has answered something. */
static bool trying(struct kith_core *c, bool *answered)
{
	bool any = false;
	*answered = false;
	for (unsigned i = 0; i < kith_places(c); i++) {
		const struct kith_home_slot *place = kith_place(c, i);
		const struct kith_session *s = kith_sessions_get(&c->sessions, place->session);
		if (place->state != KITH_HOME_CONNECTING || s == NULL)
			continue;
		any = true;
		*answered = *answered || !kith_ways_silent(s);
	}
	return any;
}

kith_time_us kith_turn_next(struct kith_core *c, unsigned homes)
{
	bool answered;
	if (homes > 0)
		return c->leaf.attempts >= KITH_CHOICE_PATIENT && kith_hosts_spare(c) > 0 ? 0 : c->leaf.more_at;
	if (c->leaf.attempts > 0 || !trying(c, &answered))
		return 0;
	return c->leaf.alone_at + (answered || !kith_choice_elsewhere(c) ? ALONE_US : KITH_STAGGER_US);
}

kith_time_us kith_turn_told(struct kith_core *c, uint32_t wait_ms)
{
	const kith_time_us told = (kith_time_us)wait_ms * KITH_US_PER_MS, now = c->now.mono_us;
	const kith_time_us wait = told < KITH_ATTACH_WAIT_US ? told : KITH_ATTACH_WAIT_US;
	if (wait == 0)
		return 0;
	c->leaf.more_at = now + kith_rng_below(c->random, (uint32_t)wait);
	if (c->leaf.eased_until < now + 2 * wait)
		c->leaf.eased_until = now + 2 * wait;
	return wait;
}

void kith_turn_failed(struct kith_core *c, unsigned homes)
{
	const unsigned failed = ++c->leaf.attempts;
	if (homes == 0 || failed < KITH_CHOICE_PATIENT)
		return;
	const kith_time_us at = c->now.mono_us +
				kith_rng_backoff(c->random, VAIN_US, homes * VAIN_MAX_US, failed - KITH_CHOICE_PATIENT);
	if (c->leaf.more_at < at)
		c->leaf.more_at = at;
}

void kith_turn_again(struct kith_core *c)
{
	if (c->leaf.attempts < KITH_CHOICE_PATIENT)
		return;
	c->leaf.more_at = c->now.mono_us;
	c->leaf.attempts = 0;
}

kith_time_us kith_turn_record(const struct kith_core *c, unsigned homes)
{
	return homes < KITH_HOMES && c->leaf.more_at <= c->now.mono_us ? MORE_US : SETTLE_US;
}
