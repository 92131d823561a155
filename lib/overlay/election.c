#include "overlay/election.h"

#include <string.h>

#include "overlay/burst.h"

enum { FULL = 1000, MANY = 25000 /* members, for which KITH_LOAD_ENTRY_US is meant */ };

/* The last level is reached below what the machine can do: refusing costs something, too. */
static const uint16_t thresholds[] = { [KITH_OVERLOAD_NONE] = 0,
				       [KITH_OVERLOAD_RELAYS] = 800,
				       [KITH_OVERLOAD_LOOKUPS] = 850,
				       [KITH_OVERLOAD_PRESENCE] = 900,
				       [KITH_OVERLOAD_ATTACHES] = 950 };
#define COALESCE_LEAST_US (5 * KITH_US_PER_S)
#define COALESCE_MOST_US (60 * KITH_US_PER_S)
#define WAIT_FULL_US (KITH_ELECTION_WAIT_US * FULL / KITH_ELECTION_ASK)

/* ---- load ---- */

static uint16_t share(uint64_t used, uint64_t max)
{
	if (max == 0)
		return 0;
	if (used / max >= KITH_UTILISATION_MAX / FULL)
		return KITH_UTILISATION_MAX;
	/* used is below four times max: only a max beyond 2^52 could overflow, and is divided first. */
	return (uint16_t)(max > UINT64_MAX / (4 * FULL) ? used / (max / FULL) : used * FULL / max);
}

uint32_t kith_election_utilisation(const struct kith_figures *f, uint16_t out[KITH_RESOURCES_N])
{
	uint32_t most = 0;
	out[KITH_RESOURCE_WAIT] = share((uint64_t)(f->wait_us > 0 ? f->wait_us : 0), WAIT_FULL_US);
	out[KITH_RESOURCE_BUSY] = share(f->busy_permille, FULL);
	out[KITH_RESOURCE_MEMORY] = share(f->memory, f->memory_max);
	out[KITH_RESOURCE_RELAY] = share(f->relayed, f->relay_max);
	out[KITH_RESOURCE_SESSIONS] = share(f->sessions, f->sessions_max);
	out[KITH_RESOURCE_TUNNELS] = share(f->tunnels, f->tunnels_max);
	for (unsigned i = 0; i < KITH_RESOURCES_N; i++)
		most = out[i] > most ? out[i] : most;
	return most;
}

uint32_t kith_election_strain(const uint16_t utilisation[KITH_RESOURCES_N])
{
	uint32_t most = utilisation[KITH_RESOURCE_RELAY];
	if (most >= thresholds[KITH_OVERLOAD_LOOKUPS])
		most = thresholds[KITH_OVERLOAD_LOOKUPS] - 1u;
	for (unsigned i = KITH_RESOURCE_WAIT; i <= KITH_RESOURCE_MEMORY; i++)
		most = utilisation[i] > most ? utilisation[i] : most;
	return most;
}

uint8_t kith_election_load_byte(uint32_t permille)
{
	return permille >= FULL ? UINT8_MAX : (uint8_t)((permille * UINT8_MAX + FULL / 2) / FULL);
}

uint32_t kith_election_load_permille(uint8_t load)
{
	return ((uint32_t)load * FULL + UINT8_MAX / 2) / UINT8_MAX;
}

kith_time_us kith_election_entry_us(uint32_t members)
{
	const kith_time_us wait = KITH_LOAD_ENTRY_US / MANY * (kith_time_us)members;
	if (wait < KITH_LOAD_ENTRY_LEAST_US)
		return KITH_LOAD_ENTRY_LEAST_US;
	return wait < KITH_LOAD_ENTRY_US ? wait : KITH_LOAD_ENTRY_US;
}

/* ---- overload ---- */

const char *kith_overload_name(uint8_t level)
{
	static const char *const names[] = { [KITH_OVERLOAD_NONE] = "none",
					     [KITH_OVERLOAD_RELAYS] = "relays",
					     [KITH_OVERLOAD_LOOKUPS] = "lookups",
					     [KITH_OVERLOAD_PRESENCE] = "presence",
					     [KITH_OVERLOAD_ATTACHES] = "attaches" };
	return level < sizeof names / sizeof names[0] ? names[level] : "?";
}

bool kith_election_overload(struct kith_overload *o, kith_time_us now, uint32_t permille)
{
	uint8_t level = o->level;
	/* A bad second or two, such as of a loop that was held up, are no reason to turn anybody away. */
	uint32_t lasting = permille;
	for (size_t i = 0; i < KITH_OVERLOAD_BEFORE; i++)
		lasting = o->before[i] < lasting ? o->before[i] : lasting;
	memmove(o->before + 1, o->before, sizeof o->before - sizeof o->before[0]);
	o->before[0] = permille;
	while (level < KITH_OVERLOAD_ATTACHES && lasting >= thresholds[level + 1])
		level++;
	if (level > o->level) {
		o->level = level;
		o->calm_since = KITH_TIME_NEVER;
		return true;
	}
	if (level == KITH_OVERLOAD_NONE || permille + KITH_OVERLOAD_SLACK >= thresholds[level]) {
		o->calm_since = KITH_TIME_NEVER;
		return false;
	}
	if (o->calm_since == KITH_TIME_NEVER)
		o->calm_since = now;
	if (now - o->calm_since < KITH_OVERLOAD_HOLD_US)
		return false;
	o->level--;
	o->calm_since = now;
	return true;
}

kith_time_us kith_election_coalesce_us(const struct kith_overload *o, uint32_t permille)
{
	if (o->level < KITH_OVERLOAD_PRESENCE)
		return 0;
	uint32_t from = thresholds[KITH_OVERLOAD_PRESENCE], above = permille > from ? permille - from : 0;
	kith_time_us wait =
		COALESCE_LEAST_US + (kith_time_us)above * (COALESCE_MOST_US - COALESCE_LEAST_US) / (FULL - from);
	return wait < COALESCE_MOST_US ? wait : COALESCE_MOST_US;
}

/* ---- who may serve, and who is asked ---- */

enum {
	LEAST_BANDWIDTH = KITH_BURST_LEAST,
	MOST_BANDWIDTH = 12500000,
	LEAST_AVAILABILITY = 128 /* in 1/255 */,
	HOURS_MOST = 720
};

static int64_t seen_hours(const struct kith_qualification *q, int64_t now_ms, uint32_t pace)
{
	return (now_ms / 1000 - q->first_seen_s) * (int64_t)pace / 3600;
}

enum kith_role_reason kith_election_lacks(const struct kith_qualification *q, int64_t now_ms, uint32_t pace)
{
	if (q->until_ms <= now_ms)
		return KITH_ROLE_WHY_UNPROVEN;
	if (q->up < LEAST_BANDWIDTH || q->down < LEAST_BANDWIDTH)
		return KITH_ROLE_WHY_SLOW;
	if (q->availability < LEAST_AVAILABILITY)
		return KITH_ROLE_WHY_SELDOM;
	return seen_hours(q, now_ms, pace) >= 1 ? KITH_ROLE_WHY_NONE : KITH_ROLE_WHY_NEW;
}

static uint64_t worth(const struct kith_qualification *q, int64_t now_ms, uint32_t pace)
{
	uint64_t bandwidth = q->up < q->down ? q->up : q->down;
	int64_t hours = seen_hours(q, now_ms, pace);
	bandwidth = bandwidth < MOST_BANDWIDTH ? bandwidth : MOST_BANDWIDTH;
	hours = hours < HOURS_MOST ? hours : HOURS_MOST;
	/* A day weighs as much as the rest of what it can have: 24 hours double a newcomer's worth. */
	return bandwidth * q->availability / UINT8_MAX * (uint64_t)(24 + hours);
}

int kith_election_best(const struct kith_qualification *const candidates[], size_t n, int64_t now_ms, uint32_t pace)
{
	int best = -1;
	uint64_t most = 0;
	for (size_t i = 0; i < n && i < KITH_ELECTION_CANDIDATES; i++) {
		if (candidates[i] == NULL || kith_election_lacks(candidates[i], now_ms, pace) != KITH_ROLE_WHY_NONE)
			continue;
		uint64_t w = worth(candidates[i], now_ms, pace);
		if (best < 0 || w > most) {
			best = (int)i;
			most = w;
		}
	}
	return best;
}

/* ---- when ---- */

bool kith_election_asks(struct kith_need *need, kith_time_us now, uint32_t permille, uint32_t wait_permille)
{
	if (permille <= KITH_ELECTION_ASK) {
		need->above_since = KITH_TIME_NEVER;
		return false;
	}
	if (need->above_since == KITH_TIME_NEVER)
		need->above_since = now;
	if (wait_permille <= KITH_ELECTION_ASK && now - need->above_since < KITH_ELECTION_ASK_US)
		return false;
	if (need->asked_at != 0 && now - need->asked_at < KITH_ELECTION_AGAIN_US)
		return false;
	need->asked_at = now;
	return true;
}

/* Supernodes of which each has so much to do, to the nearest whole one. */
static uint32_t needed(uint64_t sum_permille, uint32_t each_permille)
{
	const uint64_t n = (sum_permille + each_permille / 2) / each_permille;
	return n > KITH_ELECTION_LEAST ? (uint32_t)n : KITH_ELECTION_LEAST;
}

static uint8_t counted(uint8_t looks, bool found, uint8_t most)
{
	if (!found)
		return looks > 0 ? (uint8_t)(looks - 1) : 0;
	return looks < most ? (uint8_t)(looks + 1) : most;
}

void kith_election_look(struct kith_looks *looks, const struct kith_census *all)
{
	enum { LOOKS = KITH_ELECTION_USUAL_LOOKS };
	const bool few = all->n >= KITH_ELECTION_LEAST && needed(all->sum, KITH_ELECTION_ASK) > all->n;
	const uint64_t came = all->n > looks->n ? all->n - looks->n : 0,
		       anew = came > 0 ? KITH_ELECTION_FEW_LOOKS * KITH_ELECTION_MANY_COME * came / all->n : 0;
	looks->few = looks->few > anew ? (uint8_t)(looks->few - anew) : 0;
	looks->few = counted(looks->few, few, KITH_ELECTION_FEW_LOOKS);
	looks->n = all->n;
	looks->many = counted(looks->many, kith_election_excess(all) > 0, KITH_ELECTION_MANY_LOOKS);
	looks->own = (looks->own * (LOOKS - 1) + all->own + LOOKS / 2) / LOOKS;
}

uint32_t kith_election_lacking(const struct kith_looks *looks, const struct kith_census *all)
{
	uint32_t n = KITH_ELECTION_LEAST;
	if (looks->few == KITH_ELECTION_FEW_LOOKS)
		n = needed(all->sum, KITH_ELECTION_ASK);
	const uint64_t pressing = (all->sum + KITH_ELECTION_PRESSING - 1) / KITH_ELECTION_PRESSING;
	n = pressing > n ? (uint32_t)pressing : n;
	return n > all->n ? n - all->n : 0;
}

bool kith_election_promotes(const struct kith_looks *looks, const struct kith_census *all,
			    const struct kith_random *random)
{
	const uint32_t lacking = kith_election_lacking(looks, all);
	return all->n < KITH_ELECTION_LEAST ||
	       (lacking > 0 && (lacking >= all->above || kith_rng_below(random, all->above) < lacking));
}

uint32_t kith_election_evens(const struct kith_looks *looks, const struct kith_census *all, uint32_t leaves,
			     uint32_t other_permille)
{
	const uint32_t mean = all->n > 0 ? (uint32_t)(all->sum / all->n) : 0;
	uint32_t own = all->own;
	if (own < mean + KITH_ELECTION_FAR)
		own = looks->own < own ? looks->own : own;
	if (own < mean + KITH_ELECTION_UNEVEN || other_permille >= mean)
		return 0;
	const uint32_t half = (own - other_permille) / 2, above = own - mean;
	const uint64_t n = (uint64_t)leaves * (half < above ? half : above) / own;
	return n > 0 ? (uint32_t)n : 1;
}

uint32_t kith_election_excess(const struct kith_census *all)
{
	const uint32_t enough = needed(all->sum, KITH_ELECTION_GO);
	return all->n > enough ? all->n - enough : 0;
}

bool kith_election_goes(struct kith_tenure *tenure, kith_time_us now, const struct kith_looks *looks,
			const struct kith_census *all, const struct kith_random *random)
{
	if (looks->many < KITH_ELECTION_MANY_LOOKS || now - tenure->since < KITH_ELECTION_OFFICE_US ||
	    (tenure->drawn_at != 0 && now - tenure->drawn_at < KITH_ELECTION_DRAW_US))
		return false;
	tenure->drawn_at = now;
	return kith_rng_below(random, all->n) < kith_election_excess(all);
}
