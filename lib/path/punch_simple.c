/* Each candidate as it is: enough for NATs whose mapping does not depend on the destination, on one side at least. */
#include "path/path.h"
#include "path/strategy.h"

enum { ENOUGH_STEPS = 5 /* with a direct path, the rest of the schedule is not worth it */ };

/* Through the outermost own NAT and no further; a guess while the routers are not counted. */
static uint8_t opener_ttl(const struct kith_natclass *nat)
{
	return nat->hops != 0 && nat->hops < UINT8_MAX ? (uint8_t)(nat->hops + 1) : KITH_PUNCH_TTL;
}

static bool plan_simple(const struct kith_punch_question *q, struct kith_plan *plan)
{
	KITH_STATIC_ASSERT(KITH_PATH_STEPS <= KITH_PLAN_STEPS, "the schedule of first probes is a plan");
	plan->opener_ttl = opener_ttl(&q->ours->nat);
	plan->steps = KITH_PATH_STEPS;
	plan->enough = ENOUGH_STEPS;
	for (unsigned i = 0; i < KITH_PATH_STEPS; i++)
		plan->at_us[i] = kith_path_schedule(i);
	plan->targets_n = q->theirs->n;
	memcpy(plan->targets, q->theirs->list, q->theirs->n * sizeof plan->targets[0]);
	return true;
}

const struct kith_strategy kith_punch_simple = { "simple", plan_simple };
