/* A peer whose NAT gives ports in steps names the one that its next mapping should have (candidate of kind predicted).
 * Others behind that NAT may have taken some meanwhile, so the ones after it are tried as well: each twice, when the
 * peer's opener has made the mapping, and again in case that was lost.
 *
 * Behind two such NATs each end's mapping belongs to the very port that it is sent to. The responder opens its i-th
 * towards the initiator's i-th. If others have taken x ports of one NAT meanwhile and y of the other, the initiator's
 * i-th has to lead to the responder's i + x + y: what counts is the sum. So its i-th leads to i + i mod 5, and with up
 * to four ports that others took some pair meets, and most often two do.
 */
#include "path/natsense.h"
#include "path/path.h"
#include "path/strategy.h"

enum {
	STEP_MAX = 64,
	SWEEP = 5 /* sums that are tried; odd: no two guesses are then the same */
};

static bool in_steps(const struct kith_natclass *nat)
{
	return kith_natclass_steps(nat) && nat->step <= STEP_MAX;
}

/* How many steps after the predicted port the i-th guess is. */
static unsigned ahead(unsigned i, bool sweeps)
{
	return sweeps ? i + i % SWEEP : i;
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
	plan->guess_openers = in_steps(&q->ours->nat);
	for (unsigned i = 0; i < KITH_PLAN_GUESSES; i++) {
		const uint32_t port = first->at.addr.port +
				      ahead(i, plan->guess_openers && q->initiator) * (uint32_t)q->theirs->nat.step;
		if (port > UINT16_MAX)
			continue;
		struct kith_candidate *c = &plan->targets[plan->targets_n++];
		*c = *first;
		c->at.addr.port = (uint16_t)port;
	}
	plan->guesses_n = plan->targets_n;
	plan->guess_steps = plan->guess_openers ? 1u << 2 : 1u << 0 | 1u << 3;
	for (unsigned i = 0; i < q->theirs->n; i++) {
		if (q->theirs->list[i].kind != KITH_ADDR_PREDICTED)
			plan->targets[plan->targets_n++] = q->theirs->list[i];
	}
	return true;
}

const struct kith_strategy kith_punch_predict = { "predict", plan_predict };
