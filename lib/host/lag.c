#include "host/lag.h"

#define PERIOD_US KITH_US_PER_S
#define TURN_MAX_US UINT64_C(1000000000) /* a machine that slept: its square must not overflow */

static void begin(struct kith_lag *lag, kith_time_us now)
{
	lag->begun = now;
	lag->worked = 0;
	lag->squares = 0;
}

bool kith_lag_turn(struct kith_lag *lag, kith_time_us now, uint64_t idle_us, struct kith_core_load *out)
{
	if (lag->begun == 0) {
		begin(lag, now);
		lag->turned = now;
		lag->idle_us = idle_us;
		return false;
	}
	uint64_t waited = idle_us >= lag->idle_us ? idle_us - lag->idle_us : 0;
	uint64_t passed = now > lag->turned ? (uint64_t)(now - lag->turned) : 0;
	if (passed > TURN_MAX_US)
		passed = TURN_MAX_US;
	kith_time_us work = passed > waited ? (kith_time_us)(passed - waited) : 0;
	lag->turned = now;
	lag->idle_us = idle_us;
	lag->worked += work;
	lag->squares += (uint64_t)work * (uint64_t)work;
	kith_time_us period = now - lag->begun;
	if (period < PERIOD_US)
		return false;
	*out = (struct kith_core_load){ .wait_us = (kith_time_us)(lag->squares / (2 * (uint64_t)period)),
					.busy_permille = (uint32_t)(lag->worked * 1000 / period) };
	begin(lag, now);
	return true;
}
