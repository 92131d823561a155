/* Round-trip times between countries, and how many internet users each country has.
 *
 * Source of the times: means and standard deviations of ping round trips between countries, aggregated from RIPE Atlas
 * measurements as published by the Ouroboros Leios project (country_rtt_stat); the countries with a figure for every
 * pair. The means carry the long tail of loaded access links, within a country too.
 * The weights are internet users in units of 100,000: approximate, from general knowledge, not measured.
 *
 * median and sigma belong to the log-normal distribution with that mean and the deviation min(std, mean): larger ones
 * come from single pings of seconds (CN to FR: 237 ± 1864 ms). They follow from the other columns (sigma^2 = ln(1 +
 * dev^2/mean^2), median = mean * exp(-sigma^2/2)) and stand here so that the model needs no floating point.
 */
#ifndef KITH_NET_COUNTRY_TABLE_H
#define KITH_NET_COUNTRY_TABLE_H

#include <stdint.h>

#define KITH_COUNTRIES_N 40

struct kith_country {
	char code[3]; /* ISO 3166-1 alpha-2 */
	uint16_t users_100k; /* internet users, in 100,000 */
};

struct kith_country_rtt {
	uint16_t mean_100us, std_100us; /* in 100 us */
	uint16_t median_10us; /* in 10 us */
	uint16_t sigma_q10; /* in 1/1024 */
};

/* Sorted by code. */
extern const struct kith_country kith_countries[KITH_COUNTRIES_N];

/* The upper triangle with its diagonal, row by row; see kith_delay_rtt. */
extern const struct kith_country_rtt kith_country_rtts[KITH_COUNTRIES_N * (KITH_COUNTRIES_N + 1) / 2];

#endif
