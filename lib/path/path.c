#include "path/path.h"

#include "base/addr.h"

enum { UNKNOWN_RTT_US = 1000000 /* a measured path is preferred to one that is not */ };

void kith_path_init(struct kith_path *p, const struct kith_hop *hop, uint8_t id, kith_time_us now)
{
	memset(p, 0, sizeof *p);
	p->hop = *hop;
	p->since = now;
	p->due_at = KITH_TIME_NEVER;
	p->id = id;
	p->peer_id = KITH_PATH_ID_NONE;
	p->state = KITH_PATH_CANDIDATE;
}

void kith_path_set_state(struct kith_path *p, enum kith_path_state state)
{
	static const uint8_t legal[] = {
		[KITH_PATH_NONE] = 0,
		[KITH_PATH_CANDIDATE] = 1 << KITH_PATH_LIVE | 1 << KITH_PATH_DEAD, /* dead: closed */
		[KITH_PATH_LIVE] = 1 << KITH_PATH_SUSPECT | 1 << KITH_PATH_DEAD,
		[KITH_PATH_SUSPECT] = 1 << KITH_PATH_LIVE | 1 << KITH_PATH_DEAD,
		[KITH_PATH_DEAD] = 1 << KITH_PATH_LIVE,
	};
	KITH_ASSERT(state == KITH_PATH_NONE || (legal[p->state] & 1u << state) != 0);
	if (p->state == KITH_PATH_CANDIDATE)
		p->credit_bytes = 0; /* what stands in its place now begins with nothing */
	p->state = (uint8_t)state;
}

bool kith_path_is_same_relay(const struct kith_path *a, const struct kith_path *b)
{
	return kith_path_is_relay(a) && kith_path_is_relay(b) && kith_addr_equal(&a->hop.remote, &b->hop.remote);
}

void kith_path_rtt(struct kith_path *p, uint32_t sample_us)
{
	if (sample_us == 0)
		sample_us = 1;
	if (sample_us > KITH_PATH_ALL_DEAD_US)
		return;
	if (p->srtt_us == 0) {
		p->srtt_us = sample_us;
		p->rttvar_us = sample_us / 2;
		return;
	}
	uint32_t diff = p->srtt_us > sample_us ? p->srtt_us - sample_us : sample_us - p->srtt_us;
	p->rttvar_us = p->rttvar_us - p->rttvar_us / 4 + diff / 4;
	p->srtt_us = p->srtt_us - p->srtt_us / 8 + sample_us / 8;
	if (p->srtt_us == 0)
		p->srtt_us = 1;
}

kith_time_us kith_path_period(const struct kith_path *p)
{
	if (p->srtt_us == 0)
		return KITH_PATH_PERIOD_DEFAULT_US;
	kith_time_us period = (kith_time_us)p->srtt_us + 4 * (kith_time_us)p->rttvar_us + KITH_PATH_ACK_SLACK_US;
	return period < KITH_PATH_PERIOD_MAX_US ? period : KITH_PATH_PERIOD_MAX_US;
}

kith_time_us kith_path_cost(const struct kith_path *p)
{
	return (p->srtt_us != 0 ? (kith_time_us)p->srtt_us : UNKNOWN_RTT_US) +
	       (kith_path_is_relay(p) ? KITH_DIRECT_BONUS_US : 0) + p->cost * KITH_PATH_COST_UNIT_US;
}

kith_time_us kith_path_schedule(unsigned step)
{
	static const uint16_t ms[KITH_PATH_STEPS] = { 0, 20, 60, 140, 300, 600, 1000 };
	return step < KITH_PATH_STEPS ? ms[step] * KITH_US_PER_MS : KITH_TIME_NEVER;
}
