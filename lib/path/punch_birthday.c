/* A peer whose NAT gives each destination another port out of a small block, while ours is one for all: the peer's NAT
 * lets us in at one port of the block, since the peer sends to us, and we try each of them once. The block is what the
 * peer has seen of it, made larger to the power of two that blocks are.
 */
#include "path/natsense.h"
#include "path/path.h"
#include "path/strategy.h"

enum { BLOCK_MIN = 512, BLOCK_MAX = 2048, PORT_MIN = 1024 };

static bool is_one_for_all(const struct kith_natclass *nat)
{
	return nat->mapping == KITH_NATCLASS_MAPPING_NONE || nat->mapping == KITH_NATCLASS_MAPPING_INDEPENDENT;
}

/* The smallest aligned block that has both. False: it would be too large. */
static bool block_of(const struct kith_natclass *nat, uint32_t *low, uint32_t *high)
{
	uint32_t len = BLOCK_MIN;
	while (len <= BLOCK_MAX && nat->port_low / len != nat->port_high / len)
		len *= 2;
	*low = nat->port_low / len * len;
	*high = *low + len - 1;
	*low = *low < PORT_MIN ? PORT_MIN : *low;
	return len <= BLOCK_MAX && *low <= *high;
}

static bool plan_birthday(const struct kith_punch_question *q, struct kith_plan *plan)
{
	const struct kith_natclass *nat = &q->theirs->nat;
	const struct kith_candidate *seen = NULL;
	uint32_t low, high;
	if (!kith_natclass_depends(nat) || nat->allocation != KITH_NATCLASS_ALLOCATION_BLOCK || nat->port_low == 0 ||
	    nat->port_high < nat->port_low || !is_one_for_all(&q->ours->nat) || !block_of(nat, &low, &high))
		return false;
	for (unsigned i = 0; i < q->theirs->n && seen == NULL; i++) {
		const struct kith_candidate *c = &q->theirs->list[i];
		seen = c->kind == KITH_ADDR_OBSERVED && c->at.addr.family == KITH_FAMILY_V4 ? c : NULL;
	}
	if (seen == NULL || !kith_punch_simple.plan(q, plan))
		return false;
	plan->range_at = seen->at;
	plan->range_low = (uint16_t)low;
	plan->range_high = (uint16_t)high;
	return true;
}

const struct kith_strategy kith_punch_birthday = { "birthday", plan_birthday };
