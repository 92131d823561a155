/* Two hundred leaves come to supernodes that take nobody: what they send, and what they cost.
 *
 *     sim_overload          the seeds 1 to KITH_OVERLOAD_SEEDS (default 3)
 *     sim_overload SEED     that one
 *
 * All supernodes refuse for five minutes while the leaves start. Each leaf sends two packets a minute and supernode at
 * most, no supernode does a DH for them, and each signs once a second at most. Then one of them takes leaves again, and
 * then all: every leaf has its homes within the longest time that it was told to stay away, and as much again.
 */
#include "scenario.h"

#include "link/state.h"
#include "sim/suite_sim.h"

enum { SUPERNODES = 5, LEAVES = 200, SEEDS_DEFAULT = 3, REFUSED_S = 300, BACK_S = 2 * 120 + 10 };

static uint64_t dhs, signatures;

static int counting_dh(uint8_t out[32], const uint8_t sk[32], const uint8_t pk[32])
{
	dhs++;
	return kith_suite_sim()->dh(out, sk, pk);
}

static void counting_sign(uint8_t sig[KITH_SIG_LEN], const uint8_t *p, size_t len, const uint8_t sk[KITH_SIGN_SK_LEN])
{
	signatures++;
	kith_suite_sim()->sign(sig, p, len, sk);
}

static struct kith_suite counting;
static struct kith_stats leaf_stats[LEAVES], super_stats[SUPERNODES];

/* As soon as they are there, and before the first leaf is. */
static void overload(struct kith_sim *sim, enum kith_overload_level level)
{
	for (uint32_t i = 0; i < SUPERNODES; i++) {
		struct kith_core *c = kith_sim_core(sim, i);
		if (c == NULL)
			continue;
		c->super->overload.level = (uint8_t)level;
		c->super->load.told.busy_permille = level == KITH_OVERLOAD_NONE ? 0 : 990;
		c->super->load.told_at = c->now.mono_us; /* the host said so just now */
		c->suite = c->self.suite = &counting;
		c->stats = c->env.stats = &super_stats[i];
	}
}

/* Leaves count for themselves from when they are there. */
static void adopt(struct kith_sim *sim)
{
	for (uint32_t i = 0; i < LEAVES; i++) {
		struct kith_core *c = kith_sim_core(sim, SUPERNODES + i);
		if (c != NULL && c->stats != &leaf_stats[i])
			c->stats = c->env.stats = &leaf_stats[i];
	}
}

static bool run_refused(struct kith_sim *sim, kith_time_us until)
{
	while (kith_sim_time(sim) < until) {
		if (!kith_sim_run(sim, kith_sim_time(sim) + 5 * KITH_US_PER_MS))
			return false;
		overload(sim, KITH_OVERLOAD_ATTACHES);
		adopt(sim);
	}
	return true;
}

static uint64_t most_packets(void)
{
	uint64_t most = 0;
	for (uint32_t i = 0; i < LEAVES; i++) {
		uint64_t n = leaf_stats[i].counter[KITH_STAT_PACKETS_OUT];
		most = n > most ? n : most;
	}
	return most;
}

static uint64_t sum(enum kith_stat stat)
{
	uint64_t n = 0;
	for (uint32_t i = 0; i < SUPERNODES; i++)
		n += super_stats[i].counter[stat];
	return n;
}

static uint32_t attached(struct kith_sim *sim)
{
	uint32_t up, some, all;
	kith_sim_attached(sim, &up, &some, &all);
	return all;
}

static bool expect(bool good, const char *what, uint64_t seen, uint64_t bound)
{
	if (!good)
		fprintf(stderr, "%s: %llu, bound %llu\n", what, (unsigned long long)seen, (unsigned long long)bound);
	return good;
}

/* What came of the time in which all were refused. */
static bool judge(struct kith_sim *sim)
{
	const uint64_t minutes = REFUSED_S / 60, packets = most_packets(), refused = sum(KITH_STAT_REFUSE_OVERLOAD);
	bool good = expect(attached(sim) == 0, "leaves attached", attached(sim), 0);
	good &= expect(packets <= 2 * minutes * SUPERNODES, "packets of a leaf", packets, 2 * minutes * SUPERNODES);
	good &= expect(refused >= LEAVES * SUPERNODES, "refused", refused, LEAVES * SUPERNODES);
	/* Two for each HELLO that were opened; supernodes talk with each other meanwhile, in a few sessions. */
	good &= expect(dhs < refused / 8, "DHs of supernodes", dhs, refused / 8);
	good &= expect(signatures <= (uint64_t)REFUSED_S * SUPERNODES, "signatures", signatures,
		       REFUSED_S * SUPERNODES);
	printf("  refused %llu HELLOs of %d leaves in %d s; most packets of a leaf %llu; %llu DHs, %llu signatures; "
	       "bytes in %llu, out %llu\n",
	       (unsigned long long)refused, LEAVES, REFUSED_S, (unsigned long long)packets, (unsigned long long)dhs,
	       (unsigned long long)signatures, (unsigned long long)sum(KITH_STAT_BYTES_IN),
	       (unsigned long long)sum(KITH_STAT_BYTES_OUT));
	return good;
}

static int run(uint64_t seed)
{
	struct kith_simoptions o;
	char text[2048];
	scenario_calm(&o, seed);
	o.supernodes = SUPERNODES;
	o.leaves = LEAVES;
	o.join_us = 20 * KITH_US_PER_S;
	o.duration_us = (REFUSED_S + BACK_S + 60) * KITH_US_PER_S;
	o.verify_us = 0;
	o.checked = false;
	o.workload.call_gap_us = 0;
	o.bounds.settle_us = o.duration_us; /* nobody finds a home here, on purpose */
	snprintf(o.command, sizeof o.command, "sim_overload %llu", (unsigned long long)seed);
	memset(leaf_stats, 0, sizeof leaf_stats);
	memset(super_stats, 0, sizeof super_stats);
	counting = *kith_suite_sim();
	counting.dh = counting_dh;
	counting.sign = counting_sign;
	struct kith_sim *sim = kith_sim_new(&o);
	if (sim == NULL)
		return 1;
	dhs = signatures = 0;
	bool good = run_refused(sim, REFUSED_S * KITH_US_PER_S) && judge(sim);
	kith_time_us since = kith_sim_time(sim);
	overload(sim, KITH_OVERLOAD_NONE);
	while (good && attached(sim) < LEAVES && kith_sim_time(sim) < since + BACK_S * KITH_US_PER_S)
		good = kith_sim_run(sim, kith_sim_time(sim) + KITH_US_PER_S);
	good = good && expect(attached(sim) == LEAVES, "leaves with all homes", attached(sim), LEAVES);
	if (good)
		printf("  seed %llu: all leaves have their homes %llu s after there was room again\n",
		       (unsigned long long)seed, (unsigned long long)((kith_sim_time(sim) - since) / KITH_US_PER_S));
	else
		fprintf(stderr, "%s\n%s\n", o.command,
			kith_sim_violation(sim) != NULL ? kith_sim_violation_text(sim, text, sizeof text) : "");
	kith_sim_free(sim);
	return good ? 0 : 1;
}

int main(int argc, char **argv)
{
	return scenario_seeds(argc, argv, "KITH_OVERLOAD_SEEDS", SEEDS_DEFAULT, run) > 0;
}
