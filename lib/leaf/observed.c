#include "leaf/observed.h"

#include "base/addr.h"
#include "leaf/sounding.h"

#define BELIEVED_US (2 * KITH_US_PER_S) /* between two words of one home; KITH_PUNCH_RESTART_US is as much */
#define HINT_US (10 * KITH_US_PER_S)
enum { HINTS_VAIN_MAX = 6 };

static bool same(const struct kith_seen *a, const struct kith_seen *b)
{
	return a->transport == b->transport && kith_addr_equal(&a->addr, &b->addr);
}

void kith_observed_attached(struct kith_core *c, unsigned home, const struct kith_seen *told)
{
	struct kith_seen *seen = &c->leaf.seen[home];
	if (told->addr.family == KITH_FAMILY_NONE || same(seen, told))
		return;
	*seen = *told;
	c->leaf.offer = true;
}

static void ask_homes(struct kith_core *c)
{
	for (size_t i = 0; i < KITH_HOMES; i++) {
		struct kith_home_slot *home = &c->leaf.homes[i];
		struct kith_session *s =
			home->state == KITH_HOME_ATTACHED ? kith_sessions_get(&c->sessions, home->session) : NULL;
		if (s != NULL && s->state == KITH_SESSION_OPEN)
			kith_pathset_check(&s->paths, kith_env(c, s));
	}
}

/* A home sees us elsewhere than before. */
static void believe(struct kith_core *c, unsigned home, const struct kith_seen *told)
{
	char text[KITH_ADDR_TEXT_MAX];
	struct kith_leaf *leaf = &c->leaf;
	if (same(&leaf->seen[home], told))
		return;
	uint32_t now_ms = (uint32_t)(c->now.mono_us / KITH_US_PER_MS) | 1; /* never 0 */
	kith_time_us since = (now_ms - leaf->seen_ms[home]) * KITH_US_PER_MS;
	if (leaf->seen_ms[home] != 0 && since < BELIEVED_US) {
		kith_time_us again = c->now.mono_us + BELIEVED_US - since;
		leaf->ask_at = again < leaf->ask_at ? again : leaf->ask_at;
		return;
	}
	bool moved = leaf->seen[home].addr.family != KITH_FAMILY_NONE;
	leaf->remapped = moved && memcmp(leaf->seen[home].addr.ip, told->addr.ip, sizeof told->addr.ip) == 0;
	kith_observed_attached(c, home, told);
	leaf->seen_ms[home] = now_ms;
	leaf->hint_at = leaf->hints_vain = 0;
	KITH_LOG(c->log, KITH_LOG_INFO, "observed address=%s moved=%d", kith_log_addr(c->log, &told->addr, text),
		 moved);
	if (moved)
		kith_transport_doubt(c, told->transport, 0);
}

static bool known(const struct kith_core *c, const struct kith_seen *told)
{
	struct kith_candidate own[KITH_OWN_MAX];
	size_t n = kith_own_candidates(c, own, KITH_OWN_MAX);
	for (size_t i = 0; i < n; i++) {
		if (kith_addr_equal(&own[i].at.addr, &told->addr))
			return true;
	}
	return false;
}

void kith_observed_hint(struct kith_core *c)
{
	struct kith_leaf *leaf = &c->leaf;
	if (c->now.mono_us < leaf->hint_at)
		return;
	leaf->hint_at = c->now.mono_us + (HINT_US << leaf->hints_vain);
	if (leaf->hints_vain < HINTS_VAIN_MAX)
		leaf->hints_vain++;
	ask_homes(c);
}

kith_time_us kith_observed_told(struct kith_core *c, struct kith_session *s, const struct kith_seen *told)
{
	unsigned i = 0;
	while (i < KITH_HOMES && (c->leaf.homes[i].state != KITH_HOME_ATTACHED || c->leaf.homes[i].session != s->index))
		i++;
	if (i < KITH_HOMES)
		believe(c, i, told);
	else if (!kith_sounding_heard(c, s, told) && !known(c, told))
		kith_observed_hint(c);
	return c->leaf.ask_at;
}

void kith_observed_tick(struct kith_core *c)
{
	if (c->leaf.ask_at > c->now.mono_us)
		return;
	c->leaf.ask_at = KITH_TIME_NEVER;
	ask_homes(c);
}
