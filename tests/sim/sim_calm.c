/* A network in which nothing goes wrong costs nothing that faults cost: no call waits for a session that only one side
 * still has, and no request is repeated. Leaves call strangers often enough that every one comes back to supernodes it
 * spoke to minutes ago.
 *
 *     sim_calm [SEED]     with that seed (1)
 */
#include "scenario.h"

/* Who calls somebody twice at once may count the answering of the first call: hence the bound at 99 %. */
enum { MINUTES = 12, FIRST_BYTE_MS = 200, ANSWER_MS = 2000 };

static void options_of(struct kith_simoptions *o, uint64_t seed)
{
	kith_simoptions_init(o);
	o->seed = seed;
	o->duration_us = MINUTES * 60 * KITH_US_PER_S;
	snprintf(o->command, sizeof o->command, "kith-sim --seed %llu --minutes %u", (unsigned long long)seed, MINUTES);
}

static bool none(const char *what, uint64_t n)
{
	if (n != 0)
		printf("%s: %llu: NOT GOOD\n", what, (unsigned long long)n);
	return n == 0;
}

int main(int argc, char **argv)
{
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
	struct kith_simoptions o;
	char text[2 * KITH_SIM_TEXT_MAX + 1024];
	options_of(&o, seed);
	struct kith_sim *sim = kith_sim_new(&o);
	if (sim == NULL || !kith_sim_finish(sim)) {
		fputs(sim != NULL ? kith_sim_violation_text(sim, text, sizeof text) : "out of memory\n", stderr);
		return 1;
	}
	const struct kith_simsamples *s = kith_sim_samples(sim, KITH_SIM_FIRST_BYTE);
	uint32_t median = kith_simsamples_percentile(s, 50), p99 = kith_simsamples_percentile(s, 99),
		 most = kith_simsamples_percentile(s, 100);
	printf("seed %llu: first byte of %u calls after %u ms (median), %u ms (99 %%), %u ms (most)\n",
	       (unsigned long long)seed, s->n, median, p99, most);
	bool good = s->n > 1000 && p99 <= FIRST_BYTE_MS && most <= FIRST_BYTE_MS + ANSWER_MS;
	static const enum kith_role roles[] = { KITH_ROLE_LEAF, KITH_ROLE_SUPERNODE };
	for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++) {
		const uint64_t *n = kith_sim_stats(sim, roles[i])->counter;
		good = none("hints of forgotten sessions", n[KITH_STAT_GONE_HINTS]) && good;
		good = none("repeated requests", n[KITH_STAT_REQUESTS_RETRANSMITTED]) && good;
		good = none("requests without an answer", n[KITH_STAT_REQUESTS_TIMED_OUT]) && good;
	}
	kith_sim_free(sim);
	return good ? 0 : 1;
}
