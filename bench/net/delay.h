/* How long a packet takes between two points of the internet's core, one way, without access links.
 *
 * Constant: the same for all. By country: each pair of endpoints has one round-trip time for good, drawn from the
 * log-normal distribution of its country pair (net/country_table.h), clamped to [KITH_DELAY_RTT_MIN_US, mean + 3
 * deviations, at most 4 means]; half of it each way. Symmetric: the pair (a, b) draws the same as (b, a).
 * Pure functions, integers only; changes of the delay over time are the link's jitter, not modelled here.
 */
#ifndef KITH_NET_DELAY_H
#define KITH_NET_DELAY_H

#include <kith/types.h>

#include "net/country_table.h"

#define KITH_DELAY_RTT_MIN_US 500 /* two hosts in one data centre; the published figures have no more precision */

enum kith_delay_kind { KITH_DELAY_CONSTANT, KITH_DELAY_COUNTRY };

struct kith_delay_model {
	enum kith_delay_kind kind;
	kith_time_us constant_us; /* one way */
	uint64_t seed;
};

/* An endpoint: a number of its own, and where it is. */
struct kith_delay_point {
	uint64_t id;
	uint8_t country; /* index into kith_countries */
};

kith_time_us kith_delay_one_way(const struct kith_delay_model *m, struct kith_delay_point a, struct kith_delay_point b);

/* The published figures for a pair of countries, in either order. */
const struct kith_country_rtt *kith_delay_rtt(uint8_t a, uint8_t b);

/* A country drawn by weight. */
uint8_t kith_delay_pick_country(uint64_t draw);

/* Its index by code; -1 if it is not in the table. */
int kith_delay_find_country(const char *code);

#endif
