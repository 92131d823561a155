/* A revocation list that one of 60 supernodes is handed: within half a minute nearly all of them have it, and so have
 * their leaves; under loss, too, and although a fifth of them keeps lists to itself or tells of such as there are not.
 * The same goes for the head of an issuer's log; and when the issuer shows one head to one supernode and another one to
 * another, all have the proof of it in that time.
 *
 *     sim_lists                     60 supernodes and 120 leaves
 *     sim_lists SUPERNODES LEAVES
 */
#include "scenario.h"

#include "sim/internal.h"

enum {
	SUPERNODES = 60,
	LEAVES = 120,
	GIVEN_S = 120, /* all know each other by then */
	SOON_S = 30,
	SUPERNODES_PERCENT = 99,
	LEAVES_PERCENT = 95, /* of those that have not heard of it by then the homes are liars, or it joined anew */
	SIZES_MAX = 2
};

struct weather {
	const char *name;
	uint32_t loss_ppm, liars_ppm, lies;
	uint32_t heads; /* of the issuer's log, beside the list */
	bool params; /* of the network, too */
};

static void options(struct kith_simoptions *o, const struct weather *w, const uint32_t sizes[SIZES_MAX])
{
	scenario_calm(o, 1);
	o->supernodes = sizes[0];
	o->leaves = sizes[1];
	o->duration_us = (GIVEN_S + SOON_S + 1) * KITH_US_PER_S;
	o->verify_us = 0;
	o->checked = false;
	o->workload.call_gap_us = 0;
	o->workload.watch = false;
	o->faults.list_at_us = GIVEN_S * KITH_US_PER_S;
	o->faults.heads = w->heads;
	o->faults.params = w->params;
	o->faults.link.loss_ppm = w->loss_ppm;
	o->faults.liars_ppm = w->liars_ppm;
	o->faults.lies = w->lies;
	o->ignored = 1u << KITH_SIM_PAIRS_TALK;
	if (sizes[0] > SUPERNODES) /* the bound of a supernode's memory is for some dozens that begin at once */
		o->ignored |= 1u << KITH_SIM_MEMORY_BOUNDED | 1u << KITH_SIM_MEMBERS_CONVERGE;
}

/* Whether enough have it, and what it took. */
static bool enough(const struct kith_sim *sim, enum kith_simmeasure measure, const char *who, uint32_t of,
		   uint32_t percent)
{
	const struct kith_simsamples *s = kith_sim_samples(sim, measure);
	uint32_t soon = 0;
	for (uint32_t i = 0; i < s->n; i++)
		soon += s->ms[i] <= SOON_S * 1000;
	printf("  %s: %u of %u within %d s (at least %u %%); half of them after %u ms, the last one after %u ms\n", who,
	       soon, of, SOON_S, percent, kith_simsamples_percentile(s, 50), kith_simsamples_percentile(s, 100));
	return (uint64_t)soon * 100 >= (uint64_t)of * percent;
}

static int run(const struct weather *w, const uint32_t sizes[SIZES_MAX])
{
	struct kith_simoptions o;
	char text[2048];
	options(&o, w, sizes);
	struct kith_sim *sim = kith_sim_new(&o);
	if (sim == NULL || !kith_sim_run(sim, o.duration_us)) {
		fprintf(stderr, "%s\n", sim != NULL ? kith_sim_violation_text(sim, text, sizeof text) : "no memory");
		return 1;
	}
	printf("%s:\n", w->name);
	bool good = enough(sim, KITH_SIM_LIST_SUPER, "supernodes", o.supernodes, SUPERNODES_PERCENT);
	good = enough(sim, KITH_SIM_LIST_LEAF, "leaves", o.leaves, LEAVES_PERCENT) && good;
	if (w->params)
		good = enough(sim, KITH_SIM_PARAMS, "all, the parameters", o.supernodes + o.leaves, LEAVES_PERCENT) &&
		       good;
	if (w->heads > 0) {
		const bool two = w->heads > 1;
		good = enough(sim, KITH_SIM_HEAD_SUPER, two ? "supernodes, the proof" : "supernodes, the head",
			      o.supernodes, SUPERNODES_PERCENT) &&
		       good;
		good = enough(sim, KITH_SIM_HEAD_LEAF, two ? "leaves, the proof" : "leaves, the head", o.leaves,
			      LEAVES_PERCENT) &&
		       good;
	}
	fflush(stdout);
	kith_sim_free(sim);
	return !good;
}

int main(int argc, char **argv)
{
	static const struct weather weathers[] = {
		{ .name = "nothing goes wrong" },
		{ .name = "5 % loss", .loss_ppm = 50000 },
		{ .name = "5 % loss, and a fifth keeps lists to itself",
		  .loss_ppm = 50000,
		  .liars_ppm = 200000,
		  .lies = 1u << KITH_SIM_LIE_HOARD },
		{ .name = "5 % loss, and a fifth tells of lists that there are not",
		  .loss_ppm = 50000,
		  .liars_ppm = 200000,
		  .lies = 1u << KITH_SIM_LIE_FORGE },
		{ .name = "a head of the issuer's log, and parameters of the network", .heads = 1, .params = true },
		{ .name = "two heads that contradict each other", .heads = 2 },
		{ .name = "two such heads, 5 % loss, and a fifth keeps all to itself",
		  .loss_ppm = 50000,
		  .liars_ppm = 200000,
		  .lies = 1u << KITH_SIM_LIE_HOARD,
		  .heads = 2 },
	};
	uint32_t sizes[SIZES_MAX] = { SUPERNODES, LEAVES };
	int failures = 0;
	for (int i = 1; i < argc && i <= SIZES_MAX; i++)
		sizes[i - 1] = (uint32_t)strtoul(argv[i], NULL, 10);
	for (size_t i = 0; i < sizeof weathers / sizeof weathers[0]; i++)
		failures += run(&weathers[i], sizes);
	return failures > 0;
}
