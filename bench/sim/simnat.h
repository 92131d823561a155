/* Which NATs the leaves of a simulation sit behind: weights by kind.
 *
 * The kinds are net/nat.h's presets and "open" (a public address). "cgn" is a home router behind a carrier's, which it
 * shares with up to 15 others; "symmetric" is short for symmetric-random.
 */
#ifndef KITH_SIM_SIMNAT_H
#define KITH_SIM_SIMNAT_H

#include <kith/err.h>
#include <kith/types.h>

#define KITH_SIMNAT_OPEN 0u
#define KITH_SIMNAT_KINDS_MAX 16u

struct kith_simnat_mix {
	uint32_t weight[KITH_SIMNAT_KINDS_MAX]; /* by kind: 0 is open, i + 1 the i-th preset */
};

/* NULL past the end. */
const char *kith_simnat_name(unsigned kind);

/* A kind that lets no UDP through: its leaves cannot attach, unless there is TCP in a simulation. */
bool kith_simnat_blocked(unsigned kind);
bool kith_simnat_is_cgn(unsigned kind);

/* What homes have, roughly; no measured share. */
void kith_simnat_mix_init(struct kith_simnat_mix *mix);

/* "port-restricted=60,open=5". KITH_EINVAL: unknown kind, no number, a kind twice or all weights zero; mix is then
 * undefined. */
int kith_simnat_mix_parse(struct kith_simnat_mix *mix, const char *text) KITH_MUST_USE;

/* "open=3,..." of the kinds that occur; returns out. */
const char *kith_simnat_mix_format(const struct kith_simnat_mix *mix, char *out, size_t cap);

/* Which share of all calls is between two such kinds, whoever calls, when everybody calls everybody as often. */
double kith_simnat_share(const struct kith_simnat_mix *mix, unsigned a, unsigned b);

/* A kind by weight, from one draw. */
unsigned kith_simnat_pick(const struct kith_simnat_mix *mix, uint64_t draw);

/* The n-th of the kinds that have a weight, which come in turn. */
unsigned kith_simnat_turn(const struct kith_simnat_mix *mix, uint32_t n);

#endif
