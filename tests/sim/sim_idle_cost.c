/* What idle costs: bytes held for a session, for a leaf, and at a supernode for each attached leaf; packets of an idle
 * leaf. Measured from the allocator in a running network, held against the figures that the design states.
 *
 * Three supernodes: every leaf is attached to each of them, so what a supernode holds grows by one leaf with each leaf.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scenario.h"
#include "session/session.h"

enum {
	SESSION_BYTES_MAX = 384, /* a hot idle session, without what the allocator and tables add */
	/* a further idle node; what judges the clock, finds its own address and keeps cut sessions is in it */
	LEAF_BYTES_MAX = 6250,
	ATTACHED_BYTES_MAX =
		960, /* at a supernode: session, certificates, record as a replica, tables with room to grow */
	WATCHING_BYTES_MAX = 1530, /* the same when each watches four others */
	IDLE_MILLIPACKETS_MAX =
		200, /* deliveries to and from an idle leaf in 1000 s: the simulator's budget of 0.2 a second */
	/* what the simulator holds for a leaf that never calls: its node, application, NAT, events */
	ENGINE_BYTES_MAX = 1800,
	/* a supernode with tables for a few hundred leaves: the members, an empty store, a block of look-ups */
	BARE_SUPER_BYTES_MAX = 64 * 1024,
	FEW = 200,
	MANY = 600,
	/* past the first rekeys, renewals of subscriptions and refreshed records, and what is kept for their
	 * repetition */
	SECONDS = 440
};

struct cost {
	double leaf_bytes, super_bytes, shared_bytes, engine_bytes, packets_per_s, bytes_per_s;
};

static void measure(uint32_t supernodes, uint32_t leaves, bool watch, struct cost *out)
{
	struct kith_simoptions o;
	uint64_t live, most;
	scenario_calm(&o, 1);
	o.supernodes = supernodes;
	o.leaves = leaves;
	o.duration_us = SECONDS * KITH_US_PER_S;
	o.verify_us = 0;
	o.workload.call_gap_us = 0;
	o.workload.watch = watch;
	o.checked = false;
	struct kith_sim *sim = kith_sim_new(&o);
	assert_non_null(sim);
	assert_true(kith_sim_run(sim, o.duration_us));
	uint32_t up, some, all;
	kith_sim_attached(sim, &up, &some, &all);
	assert_int_equal(all, leaves);
	assert_int_equal(kith_sim_memory(sim, KITH_ROLE_LEAF, &live, &most), leaves);
	out->leaf_bytes = (double)live / leaves;
	assert_int_equal(kith_sim_memory(sim, KITH_ROLE_SUPERNODE, &live, &most), supernodes);
	out->super_bytes = (double)live / supernodes;
	out->shared_bytes = (double)kith_sim_shared_memory(sim);
	out->engine_bytes = (double)kith_sim_engine_memory(sim) / leaves;
	const struct kith_simcounts *c = kith_sim_counts(sim);
	assert_true(c->idle_seconds > leaves * 100);
	out->packets_per_s = (double)c->idle_packets / (double)c->idle_seconds;
	out->bytes_per_s = (double)c->idle_bytes / (double)c->idle_seconds;
	if (!kith_sim_finish(sim)) {
		char text[2048];
		fail_msg("%s", kith_sim_violation_text(sim, text, sizeof text));
	}
	kith_sim_free(sim);
}

static void a_session_fits_its_bound(void **state)
{
	(void)state;
	printf("  session                    %6zu bytes (at most %d)\n", sizeof(struct kith_session),
	       SESSION_BYTES_MAX);
	assert_true(sizeof(struct kith_session) <= SESSION_BYTES_MAX);
}

static void an_idle_leaf_fits_its_bound(void **state)
{
	(void)state;
	struct cost one, three;
	measure(1, 100, false, &one);
	measure(3, 100, false, &three);
	printf("  leaf with three homes      %6.0f bytes (at most %d)\n", three.leaf_bytes, LEAF_BYTES_MAX);
	printf("  leaf, for each home        %6.0f bytes\n", (three.leaf_bytes - one.leaf_bytes) / 2);
	assert_true(three.leaf_bytes <= LEAF_BYTES_MAX);
	/* A home is a session and what goes with it: nothing else may grow with their number. */
	assert_true(three.leaf_bytes - one.leaf_bytes <= 2 * ATTACHED_BYTES_MAX);
}

static void an_attached_leaf_fits_its_bound(void **state)
{
	(void)state;
	struct cost few, many, few_watching, many_watching;
	measure(3, FEW, false, &few);
	measure(3, MANY, false, &many);
	measure(3, FEW, true, &few_watching);
	measure(3, MANY, true, &many_watching);
	double attached = (many.super_bytes - few.super_bytes) / (MANY - FEW);
	double watching = (many_watching.super_bytes - few_watching.super_bytes) / (MANY - FEW);
	double shared = (many.shared_bytes - few.shared_bytes) / (MANY - FEW);
	printf("  supernode, for each leaf   %6.0f bytes (at most %d), %.0f when it watches four others (%d)\n",
	       attached, ATTACHED_BYTES_MAX, watching, WATCHING_BYTES_MAX);
	printf("  interned, for each leaf    %6.0f bytes in all\n", shared);
	double bare = few.super_bytes - attached * FEW, bare_watching = few_watching.super_bytes - watching * FEW;
	printf("  supernode without leaves   %6.0f bytes, %.0f when leaves watch (at most %d)\n", bare, bare_watching,
	       BARE_SUPER_BYTES_MAX);
	printf("  simulator, for each leaf   %6.0f bytes besides (at most %d)\n", many_watching.engine_bytes,
	       ENGINE_BYTES_MAX);
	assert_true(bare_watching <= BARE_SUPER_BYTES_MAX);
	assert_true(many_watching.engine_bytes <= ENGINE_BYTES_MAX);
	assert_true(attached <= ATTACHED_BYTES_MAX);
	assert_true(watching <= WATCHING_BYTES_MAX);
}

static void an_idle_leaf_is_quiet(void **state)
{
	(void)state;
	struct cost c;
	measure(8, 100, false, &c);
	printf("  idle leaf                  %6.3f packets/s (at most %.1f), %.1f bytes/s, in and out\n",
	       c.packets_per_s, IDLE_MILLIPACKETS_MAX / 1000.0, c.bytes_per_s);
	assert_true(c.packets_per_s * 1000 <= IDLE_MILLIPACKETS_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_session_fits_its_bound),
		cmocka_unit_test(an_idle_leaf_fits_its_bound),
		cmocka_unit_test(an_attached_leaf_fits_its_bound),
		cmocka_unit_test(an_idle_leaf_is_quiet),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
