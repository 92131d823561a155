#include "leaf/reach.h"

#include "base/rng.h"
#include "leaf/homes.h"
#include "link/ways.h"

#define ASK_US (5 * KITH_US_PER_S)
#define FIRST_US (300 * KITH_US_PER_MS) /* a home's own word of its addresses comes right after it took us */
#define ANSWER_US (2 * KITH_US_PER_S) /* all first probes of a path, and their answers */
#define LOOK_US (100 * KITH_US_PER_MS)
enum { VAIN_MAX = 8 };

static uint8_t kind_of(const struct kith_core *c, const struct kith_hop *hop)
{
	return kith_transports_kind(&c->transports, hop->transport);
}

/* A home that does not answer is tried by all ways to it, once. Not when it is merely asked: each doubt about a call's
 * path asks homes. */
static void look_around(struct kith_core *c, struct kith_home_slot *home, struct kith_session *s)
{
	struct kith_hop ways[KITH_HOST_ENDPOINTS_MAX];
	bool silent = kith_pathset_unanswered(&s->paths);
	uint8_t n = silent && !home->other ? kith_ways_to(c, &home->host, NULL, ways) : 0;
	for (uint8_t i = 0; i < n; i++) {
		int err = kind_of(c, &ways[i]) != kind_of(c, kith_session_hop(s))
				  ? kith_pathset_add(&s->paths, kith_env(c, s), &ways[i])
				  : 0;
		(void)err; /* there is no room: the way that it had may come back */
	}
	home->other = silent;
}

/* Whether a session between peers goes through the home at that hop. */
static bool has_tunnels(struct kith_core *c, const struct kith_hop *hop)
{
	uint32_t it = 0;
	const struct kith_session *s;
	while ((s = kith_table_next(&c->sessions.by_index, &it)) != NULL) {
		for (unsigned i = 0; (s->use & KITH_USE_PEER) != 0 && i < kith_pathset_count(&s->paths); i++) {
			const struct kith_hop *through = &kith_pathset_path(&s->paths, i)->hop;
			if (through->tunnel != 0 && through->transport == hop->transport &&
			    kith_addr_equal(&through->remote, &hop->remote))
				return true;
		}
	}
	return false;
}

/* The ways by which a home should rather be reached, n of them. */
struct better {
	struct kith_hop ways[KITH_HOST_ENDPOINTS_MAX];
	uint8_t n;
};

static bool wants_better(struct kith_core *c, const struct kith_home_slot *home, const struct kith_session *s,
			 struct better *better)
{
	const struct kith_hop *hop = kith_session_hop(s);
	better->n = kith_ways_better(c, &home->host, hop, better->ways);
	return better->n > 0 && !has_tunnels(c, hop);
}

/* Where one of them answers, the home is reached by it from now on. */
static void take(struct kith_core *c, struct kith_session *s, const struct better *better)
{
	for (uint8_t i = 0; i < better->n; i++) {
		const struct kith_hop *hop = &better->ways[i];
		if (!kith_pathset_keep_only(&s->paths, kith_env(c, s), hop))
			continue;
		kith_transports_mute(&c->transports, hop->transport, false);
		kith_transports_reached(&c->transports, &hop->remote);
		KITH_LOG(c->log, KITH_LOG_INFO, "home_moved session=%08x carrier=%s", s->index,
			 kith_transport_kind_name(kind_of(c, hop)));
		return;
	}
}

static void ask(struct kith_core *c, struct kith_session *s, const struct better *better)
{
	for (uint8_t i = 0; i < better->n; i++) {
		int err = kith_pathset_add(&s->paths, kith_env(c, s), &better->ways[i]);
		(void)err; /* it is asked already, or another time */
	}
}

/* How long to wait before homes are asked, after having asked in vain that often. */
static kith_time_us patience(const struct kith_core *c)
{
	const unsigned vain = c->leaf.reach_vain;
	return vain == 0 ? FIRST_US : kith_rng_jitter(c->random, ASK_US << (vain - 1), 20);
}

/* What is next, when all homes were asked, or their answers were looked at. */
static void go_on(struct kith_core *c)
{
	struct kith_leaf *leaf = &c->leaf;
	leaf->reach_asked = !leaf->reach_asked;
	if (leaf->reach_asked) {
		leaf->reach_at = c->now.mono_us + ANSWER_US;
		return;
	}
	leaf->reach_vain = (uint8_t)(leaf->reach_vain + (leaf->reach_vain < VAIN_MAX));
	leaf->reach_at = c->now.mono_us + patience(c);
}

kith_time_us kith_reach_tick(struct kith_core *c)
{
	struct kith_leaf *leaf = &c->leaf;
	bool due = leaf->reach_at != 0 && c->now.mono_us >= leaf->reach_at, wanted = false;
	for (size_t i = 0; i < KITH_HOMES; i++) {
		struct kith_home_slot *home = &leaf->homes[i];
		struct kith_session *s = kith_homes_session(c, home);
		struct better better;
		if (s == NULL || s->state != KITH_SESSION_OPEN)
			continue;
		look_around(c, home, s);
		if (!wants_better(c, home, s, &better))
			continue;
		wanted = true;
		if (leaf->reach_asked)
			take(c, s, &better);
		else if (due)
			ask(c, s, &better);
	}
	if (!wanted) {
		kith_reach_again(c);
		return KITH_TIME_NEVER;
	}
	if (leaf->reach_at == 0)
		leaf->reach_at = c->now.mono_us + patience(c);
	else if (due)
		go_on(c);
	const kith_time_us look = c->now.mono_us + LOOK_US;
	return leaf->reach_asked && look < leaf->reach_at ? look : leaf->reach_at;
}

void kith_reach_again(struct kith_core *c)
{
	c->leaf.reach_at = 0;
	c->leaf.reach_vain = 0;
	c->leaf.reach_asked = false;
}
