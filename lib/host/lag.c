#include "host/lag.h"

#define PERIOD_US KITH_US_PER_S
#define TURN_MAX_US UINT64_C(1000000000) /* a machine that slept: its square must not overflow */

enum { HELD_UP = 4 };

bool kith_lag_turn(struct kith_lag *lag, kith_time_us now, uint64_t idle_us)
{
	if (lag->begun == 0) {
		*lag = (struct kith_lag){ .begun = now, .turned = now, .idle_us = idle_us };
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
	return now - lag->begun >= PERIOD_US;
}

void kith_lag_take(struct kith_lag *lag, uint64_t cpu_us, struct kith_core_load *out)
{
	const uint64_t period = (uint64_t)(lag->turned - lag->begun);
	const uint64_t cpu = cpu_us >= lag->cpu_us ? cpu_us - lag->cpu_us : 0;
	uint64_t worked = (uint64_t)lag->worked, squares = lag->squares;
	if (lag->cpu_us != 0 && worked / HELD_UP > cpu) {
		worked = HELD_UP * cpu;
		squares = squares < worked * worked ? squares : worked * worked;
	}
	*out = (struct kith_core_load){ .wait_us = (kith_time_us)(squares / (2 * period)),
					.busy_permille = (uint32_t)(worked * 1000 / period) };
	lag->begun = lag->turned;
	lag->cpu_us = cpu_us;
	lag->worked = 0;
	lag->squares = 0;
}
