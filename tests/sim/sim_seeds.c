/* Many small networks under fire, one per seed: 5 supernodes and 11 leaves behind mixed NATs, two virtual minutes each.
 *
 *     sim_seeds            the seeds 1 to KITH_SIM_SEEDS (default 50), on both cores of a small machine
 *     sim_seeds SEED       that one, as a failing run prints it
 *
 * KITH_SIM_TRACE=NODE writes a line for each packet of a node.
 * KITH_SIM_IGNORE=name,... leaves invariants unchecked, to see what comes after the first.
 *
 * Nine of ten run on the simulated crypto suite, the tenth on the real one. A failure says what was violated, when, by
 * whom, and how to repeat it.
 */
#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scenario.h"

enum { SEEDS_DEFAULT = 50, SEEDS_MOST = 10000000, WORKERS = 2, SODIUM_EVERY = 10 };

static int run_seed(uint64_t seed)
{
	struct kith_simoptions o;
	scenario_storm(&o, seed);
	o.suite = seed % SODIUM_EVERY == 0 ? KITH_SIM_SUITE_SODIUM : KITH_SIM_SUITE_SIM;
	snprintf(o.command, sizeof o.command, "sim_seeds %llu", (unsigned long long)seed);
	const char *why = kith_simoptions_check(&o);
	if (getenv("KITH_SIM_TRACE") != NULL)
		o.traced = (uint32_t)strtoul(getenv("KITH_SIM_TRACE"), NULL, 10);
	if (!scenario_ignore(&o, getenv("KITH_SIM_IGNORE")))
		why = "KITH_SIM_IGNORE names an unknown invariant";
	if (why != NULL) {
		fprintf(stderr, "seed %llu: %s\n", (unsigned long long)seed, why);
		return 2;
	}
	return kith_sim_once(&o, NULL);
}

/* Every WORKERS-th seed. The number of failures, at most 100. */
static int work(uint64_t first, uint64_t seeds)
{
	int failures = 0;
	for (uint64_t seed = first; seed <= seeds; seed += WORKERS) {
		if (run_seed(seed) != 0 && failures < 100)
			failures++;
	}
	return failures;
}

static bool parse(const char *text, uint64_t *out)
{
	char *end;
	errno = 0;
	*out = strtoull(text, &end, 10);
	return errno == 0 && *text >= '0' && *text <= '9' && *end == '\0';
}

static int run_all(uint64_t seeds)
{
	int failures = 0, broken = 0;
	for (uint64_t i = 1; i <= WORKERS; i++) {
		pid_t pid = fork();
		if (pid < 0) {
			perror("fork");
			return 1;
		}
		if (pid == 0)
			_exit(work(i, seeds));
	}
	for (int i = 0; i < WORKERS; i++) {
		int status;
		if (wait(&status) < 0 || !WIFEXITED(status))
			broken++;
		else
			failures += WEXITSTATUS(status);
	}
	printf("%llu seeds, %d failed%s\n", (unsigned long long)seeds, failures, broken > 0 ? ", a worker died" : "");
	return failures + broken > 0;
}

int main(int argc, char **argv)
{
	uint64_t seed, seeds = SEEDS_DEFAULT;
	const char *wanted = getenv("KITH_SIM_SEEDS");
	if (argc > 2 || (argc == 2 && !parse(argv[1], &seed))) {
		fprintf(stderr, "usage: %s [SEED]\n", argv[0]);
		return 2;
	}
	if (argc == 2) {
		int status = run_seed(seed);
		printf("seed %llu: %s\n", (unsigned long long)seed, status == 0 ? "holds" : "fails");
		return status;
	}
	if (wanted != NULL && (!parse(wanted, &seeds) || seeds < 1 || seeds > SEEDS_MOST)) {
		fprintf(stderr, "KITH_SIM_SEEDS is the number of seeds to try: '%s'\n", wanted);
		return 2;
	}
	return run_all(seeds);
}
