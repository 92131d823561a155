#include "base/stats.h"

#include "base/assert.h"

KITH_STATIC_ASSERT((int)KITH_STAT_MAX <= (int)KITH_STATS_ROOM, "there is room for every counter");

const char *kith_stat_name(unsigned stat)
{
	static const char *const names[KITH_STAT_MAX] = {
#define KITH_STAT_NAME(name, text) #name,
		KITH_STAT_MAP(KITH_STAT_NAME)
#undef KITH_STAT_NAME
	};
	return stat < KITH_STAT_MAX ? names[stat] : NULL;
}

const char *kith_stat_text(unsigned stat)
{
	static const char *const texts[KITH_STAT_MAX] = {
#define KITH_STAT_TEXT(name, text) text,
		KITH_STAT_MAP(KITH_STAT_TEXT)
#undef KITH_STAT_TEXT
	};
	return stat < KITH_STAT_MAX ? texts[stat] : NULL;
}
