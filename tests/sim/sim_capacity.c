/* Machines and links with limits, sessions as measured, roles that change, pieces of a partition: each does what it is
 * there for, and a run with all of it repeats.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scenario.h"
#include "sim/internal.h"

#include "link/state.h"

enum { SUPERNODES = 6, LEAVES = 200 };

static void join_at_once(struct kith_simoptions *o)
{
	scenario_calm(o, 4);
	o->supernodes = SUPERNODES;
	o->leaves = LEAVES;
	o->duration_us = 60 * KITH_US_PER_S;
	o->join_us = KITH_US_PER_S;
	o->verify_us = 0;
	o->checked = false;
	o->workload.call_gap_us = 0;
}

static struct kith_sim *finished(const struct kith_simoptions *o)
{
	char text[2048];
	const char *why = kith_simoptions_check(o);
	if (why != NULL)
		fail_msg("%s", why);
	struct kith_sim *sim = kith_sim_new(o);
	assert_non_null(sim);
	if (!kith_sim_finish(sim))
		fail_msg("%s", kith_sim_violation_text(sim, text, sizeof text));
	return sim;
}

static uint32_t attach_ms(const struct kith_sim *sim, unsigned percent)
{
	return kith_simsamples_percentile(kith_sim_samples(sim, KITH_SIM_ATTACH), percent);
}

static void on(struct kith_simoptions *o, const char *supernodes, const char *leaves)
{
	assert_int_equal(kith_simclass_parse(o->capacity.supernodes, supernodes), 0);
	assert_int_equal(kith_simclass_parse(o->capacity.leaves, leaves), 0);
}

/* The same crowd at supernodes of three kinds: the thinner the link, the longer it takes. */
static void a_thin_link_makes_a_crowd_wait(void **state)
{
	static const char *const kinds[] = { "server=1", "cable=1", "dsl=1" };
	uint32_t ms[3], up_ppm[3];
	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct kith_simoptions o;
		struct kith_simload load;
		join_at_once(&o);
		on(&o, kinds[i], "fibre=1");
		struct kith_sim *sim = finished(&o);
		kith_sim_load(sim, KITH_ROLE_SUPERNODE, &load);
		ms[i] = attach_ms(sim, 99);
		up_ppm[i] = load.up_ppm;
		printf("  %-9s attached after %4u ms (99 of 100), uplink at most %.2f, work %.2f\n", kinds[i], ms[i],
		       load.up_ppm / 1e6, load.work_ppm / 1e6);
		kith_sim_free(sim);
	}
	assert_true(ms[2] > ms[1] && ms[1] >= ms[0]);
	assert_true(ms[2] > 3 * ms[0]);
	assert_true(up_ppm[2] > 1000000 && up_ppm[1] < up_ppm[2] && up_ppm[0] < up_ppm[1]);
}

/* What a session costs both ends, against micro-core, which says 0.83 ms where the prices are from: primitives and
 * packets alone must come to most of it, and to no more. */
static void an_attachment_costs_what_was_measured(void **state)
{
	struct kith_simoptions o;
	struct kith_simload leaf, super;
	(void)state;
	join_at_once(&o);
	o.supernodes = 1;
	o.workload.watch = false;
	o.duration_us = 20 * KITH_US_PER_S;
	on(&o, "server=1", "server=1");
	struct kith_sim *sim = finished(&o);
	kith_sim_load(sim, KITH_ROLE_LEAF, &leaf);
	kith_sim_load(sim, KITH_ROLE_SUPERNODE, &super);
	double us = 20.0 * (leaf.mean_ppm + (double)super.mean_ppm / LEAVES);
	printf("  attaching once takes %.0f us of work at both ends\n", us);
	assert_true(us > 500 && us < 850);
	kith_sim_free(sim);
}

/* The socket's buffer is bounded: a flash crowd at one slow machine loses packets, and they are counted. */
static void a_full_buffer_drops_and_counts(void **state)
{
	struct kith_simoptions o;
	struct kith_simload load;
	(void)state;
	join_at_once(&o);
	o.supernodes = 1;
	o.leaves = 1500;
	o.join_us = 1;
	o.ignored = UINT32_MAX;
	on(&o, "fibre=1", "fibre=1");
	struct kith_sim *sim = finished(&o);
	kith_sim_load(sim, KITH_ROLE_SUPERNODE, &load);
	assert_true(load.dropped > 0);
	assert_true(load.waited_us > 10000);
	kith_sim_free(sim);
}

/* What an allocation beyond it does is tested where limits are (test_simalloc); here each node has its own. */
static void a_node_has_the_memory_of_its_machine(void **state)
{
	struct kith_simoptions o;
	(void)state;
	join_at_once(&o);
	on(&o, "server=1", "phone=1");
	struct kith_sim *sim = kith_sim_new(&o);
	assert_non_null(sim);
	for (uint32_t i = 0; i < sim->nodes_n; i++)
		assert_int_equal(sim->nodes[i].account.limit_bytes, i < SUPERNODES ? 2048u << 20 : 32u << 20);
	kith_sim_free(sim);
	join_at_once(&o);
	sim = kith_sim_new(&o);
	assert_non_null(sim);
	for (uint32_t i = 0; i < sim->nodes_n; i++)
		assert_int_equal(sim->nodes[i].account.limit_bytes, 0);
	kith_sim_free(sim);
}

/* What the busiest supernode heard of its processor in the last second, and how long ago that was at most. */
static uint32_t most_told(const struct kith_simoptions *o, kith_time_us *age)
{
	uint32_t most = 0;
	struct kith_sim *sim = kith_sim_new(o);
	assert_non_null(sim);
	assert_true(kith_sim_run(sim, 50 * KITH_US_PER_S));
	*age = 0;
	for (uint32_t i = 0; i < SUPERNODES; i++) {
		const struct kith_core *c = kith_sim_core(sim, i);
		const struct kith_load *l = &c->super->load;
		const kith_time_us since =
			l->told_at > 0 ? kith_sim_node_now(sim, &sim->nodes[i]).mono_us - l->told_at : KITH_TIME_NEVER;
		most = l->told.busy_permille > most ? l->told.busy_permille : most;
		*age = since > *age ? since : *age;
		assert_int_equal(l->told.memory_max, since == KITH_TIME_NEVER ? 0 : 2048u << 20);
	}
	kith_sim_free(sim);
	return most;
}

static void supernodes_hear_how_their_machines_fare(void **state)
{
	struct kith_simoptions o;
	kith_time_us age;
	(void)state;
	join_at_once(&o);
	assert_int_equal(most_told(&o, &age), 0);
	assert_int_equal(age, KITH_TIME_NEVER); /* without limits there is nothing to hear */
	on(&o, "server=1", "phone=1");
	assert_in_range(most_told(&o, &age), 0, 20);
	assert_in_range(age, 0, 6 * KITH_US_PER_S);
	o.capacity.crowd = 5000; /* a hundred leaves say a few things a second, which take 6 us each */
	assert_in_range(most_told(&o, &age), 50, 4000);
}

/* A supernode that was one, is a leaf, and serves again: nobody is without homes or calls for it. */
static void roles_change_while_calls_go_on(void **state)
{
	struct kith_simoptions o;
	(void)state;
	for (uint64_t seed = 1; seed <= 2; seed++) {
		scenario_calm(&o, seed);
		o.supernodes = SUPERNODES;
		o.leaves = 20;
		o.duration_us = 240 * KITH_US_PER_S;
		o.faults.from_us = 15 * KITH_US_PER_S;
		o.faults.until_us = 150 * KITH_US_PER_S;
		o.faults.demotions_n = 4;
		o.faults.demotion_us = 40 * KITH_US_PER_S;
		struct kith_sim *sim = finished(&o);
		assert_true(kith_sim_counts(sim)->demotions >= 2);
		kith_sim_free(sim);
	}
}

/* While it is cut off, a piece is dropped from both sides; afterwards all is as before. */
static void a_piece_is_cut_off_and_comes_back(void **state)
{
	struct kith_simoptions o;
	(void)state;
	scenario_calm(&o, 2);
	o.supernodes = 12;
	o.leaves = 48;
	o.duration_us = 180 * KITH_US_PER_S;
	struct kith_sim *whole = finished(&o);
	assert_int_equal(kith_sim_net_stats(whole)->causes[KITH_NET_PARTITION], 0);
	kith_sim_free(whole);
	o.faults.split_ppm = 300000;
	o.faults.split_at_us = 30 * KITH_US_PER_S;
	o.faults.split_us = 30 * KITH_US_PER_S;
	struct kith_sim *sim = kith_sim_new(&o);
	assert_non_null(sim);
	assert_true(kith_sim_run(sim, 30 * KITH_US_PER_S - 1));
	assert_int_equal(kith_sim_net_stats(sim)->causes[KITH_NET_PARTITION], 0);
	assert_true(kith_sim_run(sim, 60 * KITH_US_PER_S));
	uint64_t cut = kith_sim_net_stats(sim)->causes[KITH_NET_PARTITION];
	assert_true(cut > 100);
	assert_true(kith_sim_finish(sim));
	assert_int_equal(kith_sim_net_stats(sim)->causes[KITH_NET_PARTITION], cut);
	kith_sim_free(sim);
}

static void everything(struct kith_simoptions *o, uint64_t seed)
{
	struct kith_simfaults *f = &o->faults;
	scenario_calm(o, seed);
	o->supernodes = 8;
	o->leaves = 24;
	o->duration_us = 420 * KITH_US_PER_S;
	o->world = true;
	kith_simcapacity_usual(&o->capacity);
	f->from_us = 20 * KITH_US_PER_S;
	f->until_us = 340 * KITH_US_PER_S;
	f->leaf_session_us = 60 * KITH_US_PER_S;
	f->super_session_us = 300 * KITH_US_PER_S;
	f->leaf_away_us = f->super_away_us = 30 * KITH_US_PER_S;
	f->day = true;
	f->demotions_n = 3;
	f->demotion_us = 40 * KITH_US_PER_S;
	f->split_ppm = 250000;
	f->split_at_us = 100 * KITH_US_PER_S;
	f->split_us = 20 * KITH_US_PER_S;
}

static void a_run_with_all_of_it_repeats(void **state)
{
	uint8_t first[32], again[32], other[32];
	struct kith_simoptions o;
	(void)state;
	everything(&o, 1);
	assert_null(kith_simoptions_check(&o));
	assert_int_equal(kith_sim_once(&o, first), 0);
	o.checked = false;
	assert_int_equal(kith_sim_once(&o, again), 0);
	assert_memory_equal(first, again, sizeof first);
	everything(&o, 2);
	assert_int_equal(kith_sim_once(&o, other), 0);
	assert_memory_not_equal(first, other, sizeof first);
	printf("hash: ");
	scenario_print_hash(first);
	printf("\n");
}

/* Sessions end and begin, and by night fewer are up than by day. */
static void leaves_come_by_the_hour(void **state)
{
	struct kith_simoptions o;
	uint32_t up, some, all, day = 0, night = 0;
	(void)state;
	join_at_once(&o);
	o.duration_us = 21 * 3600 * KITH_US_PER_S;
	o.ignored = UINT32_MAX;
	o.workload.watch = false;
	o.leaves = 60;
	o.supernodes = 3;
	o.faults.from_us = 20 * KITH_US_PER_S;
	o.faults.until_us = o.duration_us;
	o.faults.leaf_session_us = 1200 * KITH_US_PER_S;
	o.faults.leaf_away_us = 3600 * KITH_US_PER_S;
	o.faults.day = true;
	struct kith_sim *sim = kith_sim_new(&o);
	assert_non_null(sim);
	/* Runs begin at eight in the morning, Greenwich: noon to three, and one to four at night. */
	for (kith_time_us h = 4; h <= 20; h++) {
		assert_true(kith_sim_run(sim, h * 3600 * KITH_US_PER_S));
		kith_sim_attached(sim, &up, &some, &all);
		day += h <= 7 ? up : 0;
		night += h >= 17 ? up : 0;
	}
	printf("  of 60 leaves %.1f are up in the afternoon, %.1f at night; %llu sessions\n", day / 4.0, night / 4.0,
	       (unsigned long long)kith_sim_counts(sim)->starts);
	assert_true(night * 5 < day * 4);
	assert_true(kith_sim_counts(sim)->starts > 300);
	kith_sim_free(sim);
}

static void mixes_of_machines_are_understood(void **state)
{
	uint32_t w[KITH_SIM_CLASSES_MAX];
	char text[128];
	(void)state;
	assert_string_equal(kith_simclass_name(1), "dsl");
	assert_non_null(strstr(kith_simclass_text(1, text, sizeof text), "1.0 Mbit/s up"));
	assert_int_equal(kith_simclass_parse(w, "dsl=3,server=1"), 0);
	assert_int_equal(w[1], 3);
	assert_int_equal(w[5], 1);
	static const char *const wrong[] = { "", "dsl", "dsl=", "dsl=x", "modem=1", "dsl=0", "dsl=1,dsl=2", "dsl=1;a" };
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		assert_int_equal(kith_simclass_parse(w, wrong[i]), KITH_EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mixes_of_machines_are_understood),
		cmocka_unit_test(a_thin_link_makes_a_crowd_wait),
		cmocka_unit_test(an_attachment_costs_what_was_measured),
		cmocka_unit_test(a_full_buffer_drops_and_counts),
		cmocka_unit_test(a_node_has_the_memory_of_its_machine),
		cmocka_unit_test(supernodes_hear_how_their_machines_fare),
		cmocka_unit_test(roles_change_while_calls_go_on),
		cmocka_unit_test(a_piece_is_cut_off_and_comes_back),
		cmocka_unit_test(a_run_with_all_of_it_repeats),
		cmocka_unit_test(leaves_come_by_the_hour),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
