/* Supernodes that crash, are slow, or are cut off from each other: who is taken for dead, and how soon, and how soon
 * all is well again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "link/state.h"
#include "scenario.h"
#include "sim/internal.h"

enum {
	SUPERNODES = 30,
	CALM_S = 120, /* until everybody is known for longer than a newcomer */
	/* A crash is known to all by then: a round of partners, two silences, doubts that are not refuted; three
	 * survivors of thirty have to ask all others themselves. */
	FOUND_S = 45,
	FOUND_FEW_S = 90,
	HEAL_LEAVES = 60,
	HEALED_S = 5,
	LOOK_S = 8, /* nobody is found dead that fast */
	LOOK_MORE_MS = 150,
	STEP_MS = 100
};

static void calm(struct kith_simoptions *o, uint64_t seed, uint32_t leaves)
{
	scenario_calm(o, seed);
	o->supernodes = SUPERNODES;
	o->leaves = leaves;
	o->workload.call_gap_us = 0;
	o->verify_us = 0;
	o->checked = false;
	o->duration_us = 3600 * KITH_US_PER_S;
	o->ignored = 1u << KITH_SIM_THREE_HOMES | 1u << KITH_SIM_ONLINE_SEEN | 1u << KITH_SIM_MEMBERS_CONVERGE |
		     1u << KITH_SIM_OFFLINE_SEEN;
}

static struct kith_sim *begin(const struct kith_simoptions *o)
{
	assert_null(kith_simoptions_check(o));
	struct kith_sim *sim = kith_sim_new(o);
	assert_non_null(sim);
	return sim;
}

static void run(struct kith_sim *sim, kith_time_us until)
{
	char text[2048];
	if (!kith_sim_run(sim, until))
		fail_msg("%s", kith_sim_violation_text(sim, text, sizeof text));
}

/* Most and fewest live members in the tables of those that are up; in 1000ths: those among them that are down. */
static void tables(struct kith_sim *sim, uint32_t *fewest, uint32_t *most)
{
	*fewest = UINT32_MAX;
	*most = 0;
	for (uint32_t i = 0; i < SUPERNODES; i++) {
		const struct kith_core *c = kith_sim_core(sim, i);
		uint32_t n = c != NULL ? kith_members_live(&c->super->members) : 0;
		*fewest = c != NULL && n < *fewest ? n : *fewest;
		*most = n > *most ? n : *most;
	}
}

static uint32_t up(struct kith_sim *sim)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < SUPERNODES; i++)
		n += kith_sim_core(sim, i) != NULL;
	return n;
}

static void who_crashed_is_no_member_after_a_while(void **state)
{
	(void)state;
	static const uint32_t percent[] = { 4, 30, 60, 90 };
	for (size_t i = 0; i < sizeof percent / sizeof percent[0]; i++) {
		for (uint64_t seed = 1; seed <= 3; seed++) {
			struct kith_simoptions o;
			uint32_t fewest, most;
			calm(&o, seed, 1);
			o.faults.kill_ppm = percent[i] * 10000;
			o.faults.kill_at_us = CALM_S * KITH_US_PER_S;
			struct kith_sim *sim = begin(&o);
			run(sim, o.faults.kill_at_us - 1);
			tables(sim, &fewest, &most);
			assert_int_equal(fewest, SUPERNODES);
			kith_time_us at = o.faults.kill_at_us;
			do {
				at += STEP_MS * KITH_US_PER_MS;
				run(sim, at);
				tables(sim, &fewest, &most);
				assert_true(fewest >= up(sim)); /* nobody else is blamed */
			} while (most > up(sim) && at < o.faults.kill_at_us + 300 * KITH_US_PER_S);
			printf("  %2u %% crashed, seed %llu: no member anywhere after %.1f s\n", percent[i],
			       (unsigned long long)seed, (double)(at - o.faults.kill_at_us) / 1e6);
			assert_in_range(at - o.faults.kill_at_us, 1,
					(percent[i] < 90 ? FOUND_S : FOUND_FEW_S) * KITH_US_PER_S);
			kith_sim_free(sim);
		}
	}
}

/* ---- a network that is cut in two ---- */

static void cut(struct kith_sim *sim, bool on)
{
	for (uint8_t a = 0; a < KITH_SIM_GROUPS; a++) {
		for (uint8_t b = 0; b < KITH_SIM_GROUPS; b++) {
			if (a % 2 != b % 2)
				kith_net_partition(sim->net, a, b, on);
		}
	}
	sim->partitions = on;
	kith_sim_disturb(sim, NULL);
}

/* Pairs of contacts of whom one sees the other as gone, though both are attached, and were for longer than that. */
static uint32_t unseen(struct kith_sim *sim, kith_time_us steady_us)
{
	uint32_t n = 0;
	for (uint32_t i = SUPERNODES; i < sim->nodes_n; i++) {
		const struct kith_simnode *leaf = &sim->nodes[i];
		for (uint32_t k = 0; k < leaf->app->contacts_n; k++) {
			const struct kith_simcontact *c = &leaf->app->contacts[k];
			const struct kith_simnode *peer = &sim->nodes[c->node];
			bool steady = leaf->homes > 0 && peer->homes > 0 && sim->now - peer->started_at > steady_us;
			n += steady && c->seen != KITH_SIM_SEEN_ONLINE;
		}
	}
	return n;
}

static void halves_see_each_other_within_seconds_of_the_heal(void **state)
{
	(void)state;
	static const uint32_t minutes[] = { 1, 5, 20, 120 };
	for (size_t i = 0; i < sizeof minutes / sizeof minutes[0]; i++) {
		for (uint64_t seed = 1; seed <= 3; seed++) {
			struct kith_simoptions o;
			calm(&o, seed, HEAL_LEAVES);
			o.workload.watch = true;
			o.duration_us = 4 * 3600 * KITH_US_PER_S;
			struct kith_sim *sim = begin(&o);
			run(sim, CALM_S * KITH_US_PER_S);
			assert_int_equal(unseen(sim, 0), 0);
			cut(sim, true);
			kith_time_us heal = (CALM_S + 60 * minutes[i]) * KITH_US_PER_S, at = heal;
			run(sim, heal);
			uint32_t lost = unseen(sim, 0), members, most;
			cut(sim, false);
			do {
				at += STEP_MS * KITH_US_PER_MS;
				run(sim, at);
			} while (unseen(sim, 0) > 0 && at < heal + 600 * KITH_US_PER_S);
			kith_time_us seen = at;
			for (tables(sim, &members, &most); members < SUPERNODES && at < heal + 600 * KITH_US_PER_S;
			     tables(sim, &members, &most)) {
				at += STEP_MS * KITH_US_PER_MS;
				run(sim, at);
			}
			printf("  %3u min, seed %llu: %2u pairs unseen at the heal; all seen after %.1f s, all members "
			       "after %.1f s\n",
			       minutes[i], (unsigned long long)seed, lost, (double)(seen - heal) / 1e6,
			       (double)(at - heal) / 1e6);
			kith_sim_free(sim);
			assert_in_range(seen - heal, 0, HEALED_S * KITH_US_PER_S);
		}
	}
}

/* ---- look-ups while many replicas are gone, and nobody knows ---- */

static uint32_t median_since(struct kith_sim *sim, uint32_t *since)
{
	const struct kith_simsamples *all = kith_sim_samples(sim, KITH_SIM_LOOKUP);
	struct kith_simsamples late = { all->ms + *since, all->n - *since, 0 };
	*since = all->n;
	return kith_simsamples_percentile(&late, 50);
}

static void a_dead_replica_costs_a_look_up_little(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 2; seed++) {
		struct kith_simoptions o;
		uint32_t n = 0;
		calm(&o, seed, 40);
		o.workload.call_gap_us = 2 * KITH_US_PER_S;
		o.workload.hold_us = KITH_US_PER_S;
		o.workload.stream_bytes = 0;
		o.workload.lookup_ppm = 1000000;
		o.ignored |= 1u << KITH_SIM_PAIRS_TALK;
		o.faults.kill_ppm = 500000;
		o.faults.kill_at_us = CALM_S * KITH_US_PER_S;
		struct kith_sim *sim = begin(&o);
		run(sim, o.faults.kill_at_us - 20 * KITH_US_PER_S);
		(void)median_since(sim, &n);
		run(sim, o.faults.kill_at_us - 1);
		uint32_t before = median_since(sim, &n);
		run(sim, o.faults.kill_at_us + LOOK_S * KITH_US_PER_S);
		uint32_t after = median_since(sim, &n);
		printf("  half of the members gone, seed %llu: a look-up takes %u ms instead of %u ms (medians of the "
		       "first %d s)\n",
		       (unsigned long long)seed, after, before, LOOK_S);
		kith_sim_free(sim);
		assert_in_range(after, 1, before + LOOK_MORE_MS);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_dead_replica_costs_a_look_up_little),
		cmocka_unit_test(who_crashed_is_no_member_after_a_while),
		cmocka_unit_test(halves_see_each_other_within_seconds_of_the_heal),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
