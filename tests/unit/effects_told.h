/* What ended, in the order in which owners are told: core/outcome.c with a tap in it, for programs of their own. The
 * file that includes this says how many it keeps (ENDS_MAX). Saving is not counted, nor what calls need (call/spread,
 * call/listening).
 */
#ifndef KITH_TEST_EFFECTS_TOLD_H
#define KITH_TEST_EFFECTS_TOLD_H

#include "support.h"

#include "link/state.h"

static struct {
	struct kith_effect_end at[ENDS_MAX];
	kith_time_us when[ENDS_MAX];
	unsigned n;
} told;

static bool count_ended(struct kith_effects *es, kith_time_us now, struct kith_effect_end *out)
{
	if (!kith_effects_ended(es, now, out))
		return false;
	if (out->type == KITH_EFFECT_SAVE || out->owner == KITH_OWNER_SPREAD || out->owner == KITH_OWNER_LISTENING)
		return true;
	assert_true(told.n < ENDS_MAX);
	told.at[told.n] = *out;
	told.when[told.n++] = now;
	return true;
}

#define kith_effects_ended count_ended
#include "../../lib/core/outcome.c"
#undef kith_effects_ended

#endif
