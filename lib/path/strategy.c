#include "path/strategy.h"

#include "base/assert.h"

const struct kith_strategy *const kith_strategies[] = { &kith_punch_predict, &kith_punch_birthday, &kith_punch_simple,
							NULL };

const struct kith_strategy *kith_strategy_choose(const struct kith_strategy *const list[],
						 const struct kith_punch_question *q, struct kith_plan *plan)
{
	for (; *list != NULL; list++) {
		memset(plan, 0, sizeof *plan);
		if ((*list)->plan(q, plan)) {
			KITH_ASSERT(plan->steps > 0 && plan->steps <= KITH_PLAN_STEPS && plan->at_us[0] == 0);
			KITH_ASSERT(plan->targets_n <= KITH_PLAN_TARGETS && plan->guesses_n <= plan->targets_n);
			return *list;
		}
	}
	return NULL;
}
