#include "super/load.h"

#include "super/members.h"
#include "super/tunnels.h"

#define LOOK_US (KITH_US_PER_S * 9 / 10) /* a host's second is not exactly one */
#define SMOOTH_US (30 * KITH_US_PER_S)

/* In 1/255. What is a twentieth off is said after one wait, what is half of that after two, and so on: a sum of many is
 * as good as exact by that, and none of them says each change. */
enum { SAY_STEP = 13, SAY_LEAST = 2 };

static uint64_t per_second(uint64_t n, kith_time_us us)
{
	const uint64_t second = (uint64_t)KITH_US_PER_S, time = (uint64_t)us;
	return n > UINT64_MAX / second ? n / time * second : n * second / time;
}

static void take_figures(struct kith_core *c, kith_time_us passed, struct kith_figures *f)
{
	struct kith_supernode *sn = c->super;
	struct kith_load *l = &sn->load;
	uint64_t relayed;
	*f = (struct kith_figures){ .sessions = c->sessions.by_index.n, .sessions_max = c->sessions.by_index.max };
	f->tunnels = kith_tunnels_count(c, &relayed);
	f->tunnels_max = sn->fwd.limits.tunnels_max;
	f->relayed = per_second(relayed - l->relayed, passed);
	f->relay_max = sn->fwd.limits.rate;
	l->packets_s = (uint32_t)per_second(l->packets, passed);
	l->relayed = relayed;
	l->packets = 0;
	if (l->told_at == 0 || c->now.mono_us - l->told_at > KITH_LOAD_TOLD_US)
		return;
	f->wait_us = l->told.wait_us;
	f->busy_permille = l->told.busy_permille;
	f->memory = l->told.memory;
	f->memory_max = l->told.memory_max;
}

/* The others hear of it with the next gossip. */
static void say(struct kith_core *c)
{
	struct kith_load *l = &c->super->load;
	const int now = kith_election_load_byte(l->smooth), by = now > l->said ? now - l->said : l->said - now;
	const kith_time_us since = (c->now.mono_us - l->said_at) * c->pace,
			   wait = kith_election_entry_us(c->super->members.n);
	if (by < SAY_LEAST || since / wait * by < SAY_STEP || c->leaving)
		return;
	if (kith_super_make_entry(c, 0) != 0)
		KITH_LOG(c->log, KITH_LOG_WARN, "entry_not_renewed");
}

static void judge(struct kith_core *c, kith_time_us passed)
{
	struct kith_supernode *sn = c->super;
	struct kith_load *l = &sn->load;
	int64_t by = (int64_t)l->permille - (int64_t)l->smooth;
	kith_time_us weight = passed * c->pace < SMOOTH_US ? passed * c->pace : SMOOTH_US;
	const int64_t part = by * weight / SMOOTH_US;
	if (part != 0 || by == 0)
		by = part;
	else
		by = by > 0 ? 1 : -1; /* the last steps, which are less than one, would never come */
	l->smooth = (uint32_t)((int64_t)l->smooth + by);
	if (kith_may_serve(c))
		c->office->load = l->smooth;
	uint8_t before = sn->overload.level;
	if (kith_election_overload(&sn->overload, c->now.mono_us, kith_election_strain(l->utilisation)))
		KITH_LOG(c->log, KITH_LOG_WARN,
			 "overload level=%s was=%s load=%u wait_us=%lld busy=%u memory=%u relay=%u packets_s=%u",
			 kith_overload_name(sn->overload.level), kith_overload_name(before), l->permille,
			 (long long)l->told.wait_us, l->utilisation[KITH_RESOURCE_BUSY],
			 l->utilisation[KITH_RESOURCE_MEMORY], l->utilisation[KITH_RESOURCE_RELAY], l->packets_s);
	say(c);
}

void kith_load_look(struct kith_core *c)
{
	struct kith_load *l = &c->super->load;
	struct kith_figures f;
	kith_time_us passed = c->now.mono_us - l->at;
	if (passed < LOOK_US)
		return;
	l->at = c->now.mono_us;
	take_figures(c, passed, &f);
	l->permille = kith_election_utilisation(&f, l->utilisation);
	judge(c, passed);
}

void kith_load_told(struct kith_core *c, const struct kith_core_load *told)
{
	struct kith_load *l = &c->super->load;
	l->told = *told;
	l->told_at = c->now.mono_us;
	kith_load_look(c);
}
