#include "core/outcome.h"

#include "call/listening.h"
#include "call/spread.h"
#include "core/save.h"
#include "leaf/gauge.h"
#include "super/witness.h"

static void tell(struct kith_core *c, const struct kith_effect_end *end)
{
	switch ((enum kith_effect_owner)end->owner) {
	case KITH_OWNER_NONE:
		break;
	case KITH_OWNER_SAVE:
		kith_state_saved(c, end->err);
		break;
	case KITH_OWNER_CONTACTS:
		kith_contacts_saved(c, end->err);
		break;
	case KITH_OWNER_WITNESS:
		kith_witness_opened(c, end->id);
		break;
	case KITH_OWNER_SPREAD:
		kith_spread_ended(c, end);
		break;
	case KITH_OWNER_LISTENING:
		kith_listening_ended(c, end);
		break;
	case KITH_OWNER_GAUGE:
		kith_gauge_opened(c, end);
		break;
	}
}

bool kith_outcome_settle(struct kith_core *c)
{
	struct kith_effect_end end;
	bool some = false;
	while (kith_effects_ended(&c->effects, c->now.mono_us, &end)) {
		if (end.err != 0)
			KITH_LOG(c->log, KITH_LOG_DEBUG, "effect_failed id=%u type=%d owner=%u err=%s", end.id,
				 (int)end.type, end.owner, kith_err_name(end.err));
		tell(c, &end);
		some = true;
	}
	return some;
}

void kith_outcome_arm(struct kith_core *c)
{
	kith_time_us at = kith_effects_deadline(&c->effects);
	c->effects_timer.kind = KITH_TIMER_EFFECTS;
	if (kith_timer_is_set(&c->effects_timer) ? c->effects_timer.at == at : at == KITH_TIME_NEVER)
		return;
	if (kith_timers_set(&c->timers, &c->effects_timer, at) != 0)
		kith_stats_add(c->stats, KITH_STAT_ALLOC_FAILED, 1);
}
