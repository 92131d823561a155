/* A peer whose NAT gives each destination another port that cannot be foretold, while ours is one for all: the peer's
 * NAT lets us in at one port, since the peer sends to us, and we look for that port.
 *
 * If it is out of a small block, we try each port of the block once. The block is what the peer has seen of it, made
 * larger to the power of two that blocks are. The peer opens a few ports of it besides (a small spread): one of them is
 * hit soon, also where our NAT has remapped the flow to the one port that the peer's first packets came from.
 * If it may be any port, the peer opens many: one from each of some hundred sockets (a spread), and we try some of all
 * ports until one of ours is one of theirs. With 256 of 64,512, that takes 180 probes in half of the cases (as people
 * in one room share a birthday sooner than one thinks).
 * Two NATs that both depend on the destination would have to guess each other's port at once: that is not tried.
 */
#include "path/natsense.h"
#include "path/path.h"
#include "path/ports.h"
#include "path/strategy.h"

enum {
	BLOCK_MIN = 512,
	BLOCK_MAX = 2048,
	PORT_MIN = 1024,
	SURE = 7 /* e^-7: with so many probes for each that hits on the average, one attempt in a thousand fails */
};

static bool is_one_for_all(const struct kith_natclass *nat)
{
	return nat->mapping == KITH_NATCLASS_MAPPING_NONE || nat->mapping == KITH_NATCLASS_MAPPING_INDEPENDENT;
}

static bool is_random(const struct kith_natclass *nat)
{
	return kith_natclass_depends(nat) && nat->allocation == KITH_NATCLASS_ALLOCATION_RANDOM;
}

static bool is_block(const struct kith_natclass *nat)
{
	return kith_natclass_depends(nat) && nat->allocation == KITH_NATCLASS_ALLOCATION_BLOCK;
}

/* How many sockets of ours send a packet each. 0: there are too few, or none is needed. */
static uint16_t spread_of(const struct kith_punch_question *q)
{
	if (!is_one_for_all(&q->theirs->nat))
		return 0;
	if (is_block(&q->ours->nat))
		return q->our_sockets < KITH_SPREAD_BLOCK ? q->our_sockets : KITH_SPREAD_BLOCK;
	return is_random(&q->ours->nat) && q->our_sockets >= KITH_SPREAD_MIN ? q->our_sockets : 0;
}

/* The smallest aligned block that has both; where there is none, a range that was chosen by hand: what is around both.
 * False: it would be too large. */
static bool block_of(const struct kith_natclass *nat, uint16_t *low, uint16_t *high)
{
	uint32_t len = BLOCK_MIN, first;
	if (nat->port_low == 0 || nat->port_high < nat->port_low)
		return false;
	while (len <= BLOCK_MAX && nat->port_low / len != nat->port_high / len)
		len *= 2;
	first = nat->port_low / len * len;
	if (len > BLOCK_MAX) {
		const uint32_t span = (uint32_t)nat->port_high - nat->port_low + 1;
		if (span > BLOCK_MAX)
			return false;
		const uint32_t room = (BLOCK_MAX - span) / 2, margin = room < BLOCK_MIN ? room : BLOCK_MIN;
		first = nat->port_low > margin ? nat->port_low - margin : 0;
		len = nat->port_high + margin - first + 1;
	}
	const uint32_t last = first + len - 1;
	*high = (uint16_t)(last < UINT16_MAX ? last : UINT16_MAX);
	*low = (uint16_t)(first < PORT_MIN ? PORT_MIN : first);
	return *low <= *high;
}

static bool set_block(const struct kith_punch_question *q, struct kith_plan *plan)
{
	const struct kith_natclass *nat = &q->theirs->nat;
	plan->range_most = BLOCK_MAX;
	return is_block(nat) && is_one_for_all(&q->ours->nat) && block_of(nat, &plan->range_low, &plan->range_high);
}

static bool set_all_ports(const struct kith_punch_question *q, struct kith_plan *plan)
{
	const struct kith_natclass *nat = &q->theirs->nat;
	const struct kith_ports ports = kith_ports_around(nat->port_low, nat->port_high);
	if (!is_random(nat) || !is_one_for_all(&q->ours->nat) || q->their_sockets < KITH_SPREAD_MIN)
		return false;
	const uint32_t enough = SURE * (kith_ports_count(&ports) / q->their_sockets);
	plan->range_low = ports.low;
	plan->range_high = ports.high;
	plan->near_low = ports.near_low;
	plan->near_high = ports.near_high;
	plan->range_most = (uint16_t)(enough < KITH_PROBES_RANGE ? enough : KITH_PROBES_RANGE);
	return true;
}

/* An address that others see the peer at, by UDP: nobody guesses ports by connections. NULL: there is none. */
static const struct kith_candidate *seen_at(const struct kith_candidates *theirs)
{
	for (unsigned i = 0; i < theirs->n; i++) {
		const struct kith_candidate *c = &theirs->list[i];
		if (c->kind == KITH_ADDR_OBSERVED && c->at.addr.family == KITH_FAMILY_V4 &&
		    c->at.kind != KITH_TRANSPORT_TCP)
			return c;
	}
	return NULL;
}

static bool plan_birthday(const struct kith_punch_question *q, struct kith_plan *plan)
{
	struct kith_plan range = { 0 };
	const struct kith_candidate *seen = seen_at(q->theirs);
	const uint16_t spread = spread_of(q);
	if (spread == 0 && (seen == NULL || !(set_block(q, &range) || set_all_ports(q, &range))))
		return false;
	if (!kith_punch_simple.plan(q, plan))
		return false;
	plan->spread = spread;
	if (spread > 0)
		return true;
	plan->range_at = seen->at;
	plan->range_low = range.range_low;
	plan->range_high = range.range_high;
	plan->near_low = range.near_low;
	plan->near_high = range.near_high;
	plan->range_most = range.range_most;
	return true;
}

const struct kith_strategy kith_punch_birthday = { "birthday", plan_birthday };
