#include "core_world.h"

/* Three supernodes and two leaves, settled. */
static void start_network(struct core_world *w)
{
	core_world_init(w, kith_suite_sodium(), 1);
	w->log = getenv("KITH_TEST_LOG") != NULL;
	world_start(w, "s0", true);
	world_start(w, "s1", true);
	world_start(w, "s2", true);
	world_run(w, 10 * KITH_US_PER_S);
	world_start(w, "alice", false);
	world_start(w, "bob", false);
	world_run(w, 5 * KITH_US_PER_S);
}

static void supernodes_find_each_other_by_gossip(void **state)
{
	struct core_world w;
	struct kith_core_info info;
	(void)state;
	start_network(&w);
	for (int i = 0; i < 3; i++) {
		kith_core_info(w.nodes[i].core, &info);
		assert_int_equal(info.members, 3);
	}
	core_world_deinit(&w);
}

static void a_leaf_gets_three_homes_and_publishes(void **state)
{
	struct core_world w;
	struct kith_core_info info;
	(void)state;
	start_network(&w);
	for (int i = 3; i < 5; i++) {
		kith_core_info(w.nodes[i].core, &info);
		assert_int_equal(info.homes, 3);
		assert_non_null(world_event(&w, i, KITH_EVENT_PUBLISHED, 0));
	}
	uint32_t records = 0;
	for (int i = 0; i < 3; i++) {
		kith_core_info(w.nodes[i].core, &info);
		records += info.records;
		assert_int_equal(info.leaves, 2);
	}
	assert_int_equal(records, 3 * 5); /* all five names, at every supernode: there are fewer than six */
	core_world_deinit(&w);
}

static void one_calls_the_other_by_name_and_datagrams_flow(void **state)
{
	struct core_world w;
	kith_op op;
	(void)state;
	start_network(&w);
	int since = w.events_n;
	kith_time_us t0 = w.now;
	assert_int_equal(kith_core_call(w.nodes[3].core, world_clock(&w), "bob", "chat", 0, &op), 0);
	world_drain(&w, 3);
	world_run(&w, 3 * KITH_US_PER_S);
	const struct world_event *opened = world_event(&w, 3, KITH_EVENT_OPENED, since);
	assert_non_null(opened);
	assert_int_equal(opened->ev.op, op);
	assert_string_equal(opened->ev.name, "bob");
	/* A look-up (40 ms: the home answers for its own leaf) and a round trip through a relay (80 ms). */
	assert_true(opened->at - t0 <= 125 * KITH_US_PER_MS);
	const struct world_event *incoming = world_event(&w, 4, KITH_EVENT_INCOMING, since);
	assert_non_null(incoming);
	assert_string_equal(incoming->ev.name, "alice");
	assert_string_equal(incoming->ev.service, "chat");
	const struct world_event *path = world_event(&w, 3, KITH_EVENT_PATH, since);
	assert_non_null(path);
	assert_int_equal(path->ev.path.kind, KITH_PATH_CLASS_DIRECT);
	since = w.events_n;
	assert_int_equal(kith_core_send(w.nodes[3].core, world_clock(&w), opened->ev.session, 7, (const uint8_t *)"hello", 5), 0);
	world_drain(&w, 3);
	world_run(&w, KITH_US_PER_S);
	const struct world_event *got = world_event(&w, 4, KITH_EVENT_DATAGRAM, since);
	assert_non_null(got);
	assert_int_equal(got->ev.channel, 7);
	assert_int_equal(got->ev.data.len, 5);
	assert_memory_equal(got->data, "hello", 5);
	core_world_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(supernodes_find_each_other_by_gossip),
		cmocka_unit_test(a_leaf_gets_three_homes_and_publishes),
		cmocka_unit_test(one_calls_the_other_by_name_and_datagrams_flow),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
