/* Counting. The block of counters is passed in and may be shared by all cores of one thread; never a global. */
#ifndef KITH_BASE_STATS_H
#define KITH_BASE_STATS_H

#include <stddef.h>

#include <kith/stats.h>

#include "base/assert.h"

/* stats may be NULL: then nothing is counted. */
static inline void kith_stats_add(struct kith_stats *stats, enum kith_stat stat, uint64_t n)
{
	KITH_ASSERT((unsigned)stat < KITH_STAT_MAX);
	if (stats != NULL)
		stats->counter[stat] += n;
}

#endif
