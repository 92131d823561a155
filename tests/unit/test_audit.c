/* Homes that say that they publish a record, and do not; homes that say that it is not there, and it is. */
#include "leaf_world.h"
#include "super_world.h"

#include "base/limits.h"
#include "core/settle.h"
#include "leaf/audit.h"
#include "leaf/record.h"

/* Six supernodes, bob at the first three for two minutes; who drops what he is to publish stands in lies. */
static struct core_world w;
static unsigned lies; /* set of nodes */

/* A home that lies loses the record before its replicas get it: its STOREs do not arrive. They are told by their way:
 * between supernodes, from the liar. What else it says to them is lost with them, which is nothing that bob sees. */
static int lose_stores(struct core_world *world, struct world_packet *p)
{
	int from = world_node_at(world, &p->from), to = world_node_at(world, &p->to);
	bool both = from >= 0 && to >= 0 && from < 6 && to < 6;
	return both && ((lies & 1u << from) != 0 || (lies & 1u << to) != 0) ? 0 : 1;
}

static int setup(void **state)
{
	(void)state;
	lies = 0;
	world_far_apart(&w);
	w.tap = lose_stores;
	world_run(&w, 120 * KITH_US_PER_S);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	core_world_deinit(&w);
	return 0;
}

static struct kith_leaf *bob(void)
{
	return &w.nodes[WORLD_FAR_BOB].core->leaf;
}

static int node_of(unsigned slot)
{
	int node = -1;
	for (int i = 0; i < 6; i++)
		node = kith_key_equal(&w.nodes[i].id.device_dh, &bob()->homes[slot].host.dh) ? i : node;
	assert_true(node >= 0);
	return node;
}

/* How many supernodes that are no homes of his keep bob's newest record. */
static int kept(void)
{
	struct kith_id key;
	int n = 0;
	kith_ids_directory(w.pki.suite, &key, &w.pki.network, "bob");
	for (int i = 3; i < 6; i++) {
		const struct kith_stored *st = kith_store_get(&w.nodes[i].core->super->store, &key);
		n += st != NULL && st->record == bob()->record;
	}
	return n;
}

static void a_record_is_seen_in_the_directory_and_then_given_to_all_homes(void **state)
{
	(void)state;
	assert_int_equal(kept(), 3);
	assert_true(bob()->audit.at == KITH_TIME_NEVER);
	assert_int_equal(bob()->audit.held, 0);
	for (int i = 0; i < KITH_HOMES; i++)
		assert_true(bob()->homes[i].took);
	world_run(&w, 4 * KITH_RECORD_REFRESH_US);
	assert_int_equal(world_events(&w, WORLD_FAR_BOB, KITH_EVENT_CAUGHT, 0), 0);
	for (unsigned i = 0; i < KITH_HOMES; i++)
		assert_int_equal(bob()->homes[i].points, 0);
}

static void a_renewed_record_is_brought_by_one_home_in_turn(void **state)
{
	unsigned seen = 0;
	(void)state;
	for (int i = 0; i < KITH_HOMES; i++) {
		world_run(&w, KITH_RECORD_REFRESH_US);
		assert_int_equal(__builtin_popcount(bob()->audit.publishers), 1);
		seen |= bob()->audit.publishers;
	}
	assert_int_equal(seen, (1u << KITH_HOMES) - 1);
}

static void a_home_that_does_not_publish_is_found_out_and_the_record_is_there_meanwhile(void **state)
{
	(void)state;
	unsigned liar = (bob()->audit.turn + 1u) % KITH_HOMES;
	int node = node_of(liar);
	lies = 1u << node;
	/* His next record, or the one after it, is to be brought by that home. */
	for (kith_time_us end = w.now + 3 * KITH_RECORD_REFRESH_US;
	     w.now < end && world_event(&w, WORLD_FAR_BOB, KITH_EVENT_CAUGHT, 0) == NULL;)
		world_run(&w, 30 * KITH_US_PER_S);
	const struct world_event *ev = world_event(&w, WORLD_FAR_BOB, KITH_EVENT_CAUGHT, 0);
	assert_non_null(ev);
	assert_string_equal(ev->ev.name, w.nodes[node].name);
	world_run(&w, 30 * KITH_US_PER_S);
	assert_int_equal(world_events(&w, WORLD_FAR_BOB, KITH_EVENT_CAUGHT, 0), 1); /* nobody else */
	assert_true(kept() >= 2);
}

/* A device that is started again within the minute, and has lost what it saved, signs a number that was used: replicas
 * keep what they have. It finds its other record there, and signs one that is newer. */
static void a_record_of_another_run_in_the_same_minute_is_overtaken(void **state)
{
	(void)state;
	kith_time_us left = KITH_RECORD_GRAIN_MS - world_clock(&w).unix_ms % KITH_RECORD_GRAIN_MS;
	world_run(&w, left * KITH_US_PER_MS); /* a minute begins */
	for (int i = 0; i < 3; i++) {
		kith_core_enter(w.nodes[WORLD_FAR_BOB].core, world_clock(&w));
		kith_leaf_publish(w.nodes[WORLD_FAR_BOB].core, true);
		kith_core_settle(w.nodes[WORLD_FAR_BOB].core);
		world_drain(&w, WORLD_FAR_BOB);
		world_run(&w, 2 * KITH_AUDIT_US);
	}
	uint64_t before = bob()->record_seq;
	restart(&w, WORLD_FAR_BOB);
	assert_true(bob()->record_seq == 0);
	world_run(&w, 5 * KITH_AUDIT_US);
	assert_true(kept() > 0);
	assert_true(bob()->audit.at == KITH_TIME_NEVER && bob()->audit.held == 0); /* it is there */
	assert_true(bob()->record_seq > before);
	assert_int_equal(bob()->record_seq / KITH_RECORD_GRAIN_MS, before / KITH_RECORD_GRAIN_MS);
	assert_int_equal(world_events(&w, WORLD_FAR_BOB, KITH_EVENT_CAUGHT, 0), 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_record_is_seen_in_the_directory_and_then_given_to_all_homes),
		T(a_renewed_record_is_brought_by_one_home_in_turn),
		T(a_home_that_does_not_publish_is_found_out_and_the_record_is_there_meanwhile),
		T(a_record_of_another_run_in_the_same_minute_is_overtaken),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
