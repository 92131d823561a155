#include "link/gone.h"

#include "base/addr.h"
#include "link/connect_internal.h"

#define GONE_AFTER_US (2 * KITH_US_PER_S)
enum {
	/* questions of ours that drew a hint, with no genuine packet between them: over two seconds or more */
	GONE_HINTS_MAX = 3,
	ALL_SOURCES = 0 /* key of a limit that all addresses share: no prefix has this number */
};

void kith_gone_say(struct kith_core *c, uint64_t name, const struct kith_hop *from)
{
	if (!kith_connect_may_answer(c, from) ||
	    !kith_allowance_spend(&c->allowance, c->now.mono_us, kith_addr_limit_prefix(&from->remote),
				  KITH_CHARGE_HINT))
		return;
	uint8_t *out = kith_outbox_raw(&c->shared->outbox, from, KITH_GONE_PACKET_LEN);
	if (out != NULL)
		kith_gone_write(out, name);
}

/* The open session whose packets carry this name over this hop. */
static struct kith_session *session_to(struct kith_core *c, uint64_t name, const struct kith_hop *hop)
{
	uint32_t it = 0;
	struct kith_session *s;
	while ((s = kith_table_next(&c->sessions.by_index, &it)) != NULL) {
		if (s->state != KITH_SESSION_OPEN)
			continue;
		for (unsigned i = 0; i < kith_pathset_count(&s->paths); i++) {
			const struct kith_path *p = kith_pathset_path(&s->paths, i);
			if (p->name == name && kith_hop_equal(&p->hop, hop))
				return s;
		}
	}
	return NULL;
}

/* Hints count only while our own probes stay unanswered, too: an observer of one packet can forge any number. */
static bool unanswered(const struct kith_core *c, const struct kith_session *s)
{
	const struct kith_path *p = kith_pathset_sending(&s->paths);
	return p == NULL || p->state == KITH_PATH_DEAD ||
	       (p->state == KITH_PATH_SUSPECT && c->now.mono_us - p->since >= GONE_AFTER_US);
}

void kith_gone_on_packet(struct kith_core *c, struct kith_span packet, const struct kith_hop *from)
{
	uint64_t name;
	/* Finding the session is a search, so each source has a rate. */
	if (!kith_gone_parse(&name, packet) ||
	    !kith_allowance_spend(&c->allowance, c->now.mono_us, ALL_SOURCES, KITH_CHARGE_HINT) ||
	    !kith_allowance_spend(&c->allowance, c->now.mono_us, kith_addr_limit_prefix(&from->remote),
				  KITH_CHARGE_HINT)) {
		kith_drop(c, KITH_STAT_DROP_RATE_LIMITED, from, "gone_rate");
		return;
	}
	struct kith_session *s = session_to(c, name, from);
	if (s == NULL) {
		kith_drop(c, KITH_STAT_DROP_UNKNOWN_INDEX, from, "gone_index");
		return;
	}
	kith_stats_add(c->stats, KITH_STAT_GONE_HINTS, 1);
	if (s->gone_hints == GONE_HINTS_MAX && unanswered(c, s))
		kith_session_end(c, s, KITH_CLOSE_TIMED_OUT, false);
	else if (kith_pathset_hint(&s->paths, kith_env(c, s)) && s->gone_hints < GONE_HINTS_MAX)
		s->gone_hints++;
}
