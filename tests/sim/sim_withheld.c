/* Supernodes that tell nobody any news (bench/sim/lies.c), among the homes of leaves that watch each other.
 *
 * A record that a leaf signs is news for all that watch it. How many of them know it 3 s later is counted by how many
 * of the watcher's homes withheld news then: none, one, or two of three. Two may be the ones that it subscribes at,
 * until it has asked its third home; then it is told late. Nobody else is named.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scenario.h"

#include "link/state.h"
#include "sim/internal.h"

enum {
	SUPERNODES = 12,
	LEAVES = 24,
	SETTLED_S = 300,
	DURATION_S = 2 * 3600,
	BOUND_MS = 3000, /* a record to its replicas, to the homes, and a question after a second of grace */
	STEP_MS = 500,
	LATE_MAX_PPM = 10000 /* 99 of 100 are told in time */
};

/* The newest record of each leaf, and since when there is one. */
struct newest {
	uint64_t seq;
	kith_time_us at;
	bool counted;
};

struct tally {
	uint64_t news[KITH_HOMES + 1], late[KITH_HOMES + 1]; /* by the number of homes that withhold */
	uint64_t late_at_last; /* in the last half of the time */
};

static unsigned liars_of(struct kith_sim *sim, const struct kith_core *c)
{
	struct kith_addr homes[KITH_HOMES];
	unsigned liars = 0;
	size_t n = kith_core_homes(c, homes, KITH_HOMES);
	for (uint32_t i = 0; i < SUPERNODES; i++) {
		struct kith_addr at = sim->nodes[i].public;
		at.port = sim->nodes[i].local.port;
		for (size_t k = 0; k < n; k++)
			liars += sim->nodes[i].lies != 0 && kith_addr_equal(&homes[k], &at);
	}
	return liars;
}

static bool knows(const struct kith_watched *w, uint64_t seq)
{
	bool known = false;
	for (size_t i = 0; i < w->devices_n; i++)
		known = known || w->devices[i].verdict.seq >= seq;
	return known;
}

static void count(struct kith_sim *sim, struct tally *t, const struct newest newest[], uint32_t watcher)
{
	const struct kith_core *c = kith_sim_core(sim, watcher);
	for (uint32_t i = 0; c != NULL && i < c->watched_n; i++) {
		uint32_t peer = kith_sim_node_named(sim, c->watched[i].name);
		const struct newest *n = &newest[peer];
		if (n->counted || n->seq == 0 || sim->now - n->at < BOUND_MS * KITH_US_PER_MS)
			continue;
		unsigned liars = liars_of(sim, c);
		bool late = !knows(&c->watched[i], n->seq);
		t->news[liars]++;
		t->late[liars] += late;
		t->late_at_last += late && sim->now > DURATION_S * KITH_US_PER_S / 2;
	}
}

static void look(struct kith_sim *sim, struct tally *t, struct newest newest[])
{
	for (uint32_t i = SUPERNODES; i < SUPERNODES + LEAVES; i++)
		count(sim, t, newest, i);
	for (uint32_t i = SUPERNODES; i < SUPERNODES + LEAVES; i++) {
		const struct kith_core *c = kith_sim_core(sim, i);
		if (sim->now - newest[i].at >= BOUND_MS * KITH_US_PER_MS)
			newest[i].counted = true;
		if (c == NULL || c->leaf.record_seq == newest[i].seq)
			continue;
		newest[i] = (struct newest){ .seq = c->leaf.record_seq, .at = sim->now };
	}
}

static void withhold(uint32_t liars_ppm, uint64_t seed, struct tally *t, uint64_t *caught)
{
	static struct newest newest[SUPERNODES + LEAVES];
	struct kith_simoptions o;
	memset(newest, 0, sizeof newest);
	scenario_calm(&o, seed);
	o.supernodes = SUPERNODES;
	o.leaves = LEAVES;
	o.duration_us = DURATION_S * KITH_US_PER_S;
	o.verify_us = 0;
	o.checked = false;
	o.workload.call_gap_us = 0;
	o.workload.contacts_n = 4;
	o.workload.watch = true;
	o.faults.liars_ppm = liars_ppm;
	o.faults.lies = 1u << KITH_SIM_LIE_WITHHOLD;
	o.ignored = 1u << KITH_SIM_PAIRS_TALK | 1u << KITH_SIM_ONLINE_SEEN;
	struct kith_sim *sim = kith_sim_new(&o);
	assert_non_null(sim);
	assert_true(kith_sim_run(sim, SETTLED_S * KITH_US_PER_S));
	for (kith_time_us at = SETTLED_S * KITH_US_PER_S; at < o.duration_us; at += STEP_MS * KITH_US_PER_MS) {
		assert_true(kith_sim_run(sim, at));
		look(sim, t, newest);
	}
	assert_int_equal(kith_sim_counts(sim)->caught_wrongly, 0);
	*caught += kith_sim_counts(sim)->caught;
	kith_sim_free(sim);
}

static void print(const struct tally *t, uint64_t caught)
{
	for (unsigned i = 0; i <= KITH_HOMES; i++)
		printf("  %u of three homes withhold: %llu of %llu news were not known after %d ms\n", i,
		       (unsigned long long)t->late[i], (unsigned long long)t->news[i], BOUND_MS);
	printf("  %llu of them in the second hour; %llu times a home was named, never a wrong one\n",
	       (unsigned long long)t->late_at_last, (unsigned long long)caught);
}

static void watchers_are_told_though_homes_withhold_news(void **state)
{
	struct tally t = { 0 };
	uint64_t caught = 0;
	(void)state;
	for (uint64_t seed = 1; seed <= 2; seed++)
		withhold(333000, seed, &t, &caught);
	print(&t, caught);
	assert_true(t.news[1] > 100 && t.news[2] > 100);
	assert_true(t.late[0] * KITH_PPM <= LATE_MAX_PPM * t.news[0]);
	assert_true(t.late[1] * KITH_PPM <= LATE_MAX_PPM * t.news[1]);
	assert_true(caught > 0);
}

static void nobody_is_named_where_all_tell(void **state)
{
	struct tally t = { 0 };
	uint64_t caught = 0;
	(void)state;
	withhold(0, 1, &t, &caught);
	print(&t, caught);
	assert_int_equal(caught, 0);
	assert_int_equal(t.late[0], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(watchers_are_told_though_homes_withhold_news),
		cmocka_unit_test(nobody_is_named_where_all_tell),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
