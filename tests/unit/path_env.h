/* An environment of lib/path at a time: tests keep their clock beside it. */
#ifndef KITH_TEST_PATH_ENV_H
#define KITH_TEST_PATH_ENV_H

#include "path/path.h"

static inline const struct kith_path_env *test_at(struct kith_path_env *env, kith_time_us now)
{
	env->now = now;
	return env;
}

#endif
