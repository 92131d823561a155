/* A peer whose NAT gives ports in steps names the one that its next mapping should have (candidate of kind predicted).
 * Others behind that NAT may have taken some meanwhile, so the ones after it are tried as well: each twice, when the
 * peer's opener has made the mapping, and again in case that was lost.
 *
 * Behind two such NATs each end's mapping belongs to the very port that it is sent to. Both open theirs in the same
 * order, the i-th towards the peer's i-th: they meet if nobody else behind either NAT took a port meanwhile.
 */
#include "path/natsense.h"
#include "path/path.h"
#include "path/strategy.h"

enum { STEP_MAX = 64 };

static bool in_steps(const struct kith_natclass *nat)
{
	return kith_natclass_depends(nat) && nat->allocation == KITH_NATCLASS_ALLOCATION_STEP && nat->step > 0 &&
	       nat->step <= STEP_MAX;
}

/* What the peer predicts, at an address that others see it at. NULL: nothing. */
static const struct kith_candidate *predicted(const struct kith_candidates *theirs)
{
	for (unsigned i = 0; i < theirs->n; i++) {
		const struct kith_candidate *c = &theirs->list[i];
		if (c->kind != KITH_ADDR_PREDICTED || c->at.addr.family != KITH_FAMILY_V4 ||
		    c->at.kind == KITH_TRANSPORT_TCP)
			continue;
		for (unsigned k = 0; k < theirs->n; k++) {
			if (theirs->list[k].kind == KITH_ADDR_OBSERVED &&
			    theirs->list[k].at.addr.family == KITH_FAMILY_V4 &&
			    memcmp(theirs->list[k].at.addr.ip, c->at.addr.ip, sizeof c->at.addr.ip) == 0)
				return c;
		}
	}
	return NULL;
}

static bool plan_predict(const struct kith_punch_question *q, struct kith_plan *plan)
{
	const struct kith_candidate *first = in_steps(&q->theirs->nat) ? predicted(q->theirs) : NULL;
	if (first == NULL || !kith_punch_simple.plan(q, plan))
		return false;
	plan->targets_n = 0;
	uint32_t port = first->at.addr.port;
	for (unsigned i = 0; i < KITH_PLAN_GUESSES && port <= UINT16_MAX; i++, port += q->theirs->nat.step) {
		struct kith_candidate *c = &plan->targets[plan->targets_n++];
		*c = *first;
		c->at.addr.port = (uint16_t)port;
	}
	plan->guesses_n = plan->targets_n;
	plan->guess_openers = in_steps(&q->ours->nat);
	plan->guess_steps = plan->guess_openers ? 1u << 2 : 1u << 0 | 1u << 3;
	for (unsigned i = 0; i < q->theirs->n; i++) {
		if (q->theirs->list[i].kind != KITH_ADDR_PREDICTED)
			plan->targets[plan->targets_n++] = q->theirs->list[i];
	}
	return true;
}

const struct kith_strategy kith_punch_predict = { "predict", plan_predict };
