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
	assert_int_equal(
		kith_core_send(w.nodes[3].core, world_clock(&w), opened->ev.session, 7, (const uint8_t *)"hello", 5),
		0);
	world_drain(&w, 3);
	world_run(&w, KITH_US_PER_S);
	const struct world_event *got = world_event(&w, 4, KITH_EVENT_DATAGRAM, since);
	assert_non_null(got);
	assert_int_equal(got->ev.channel, 7);
	assert_int_equal(got->ev.data.len, 5);
	assert_memory_equal(got->data, "hello", 5);
	core_world_deinit(&w);
}

/* ---- one history ---- */

struct trace {
	uint64_t hash, packets;
};

static int trace_tap(struct core_world *w, struct world_packet *p)
{
	struct trace *t = w->tap_ctx;
	t->packets++;
	t->hash = (t->hash ^ (uint64_t)p->at ^ (uint64_t)p->to.port << 48) * 0x100000001b3u;
	for (size_t i = 0; i < p->len; i++)
		t->hash = (t->hash ^ p->data[KITH_PACKET_HEADROOM + i]) * 0x100000001b3u;
	return test_random_next(&w->random) % 20 == 0 ? 0 : 1;
}

static struct trace history(uint64_t seed, uint8_t end[5][32])
{
	struct core_world w;
	struct trace t = { 0, 0 };
	core_world_init(&w, kith_suite_sodium(), seed);
	w.tap = trace_tap;
	w.tap_ctx = &t;
	for (int i = 0; i < 5; i++)
		world_start(&w, (const char *const[]){ "s0", "s1", "s2", "alice", "bob" }[i], i < 3);
	world_run(&w, 20 * KITH_US_PER_S);
	world_dial(&w, WORLD_ALICE, "bob", 0);
	assert_int_equal(kith_core_watch(w.nodes[WORLD_BOB].core, world_clock(&w), "alice"), 0);
	world_drain(&w, WORLD_BOB);
	world_run(&w, 300 * KITH_US_PER_S);
	for (int i = 0; i < 5; i++) {
		struct kith_core_info info;
		kith_core_info(w.nodes[i].core, &info);
		memcpy(end[i], info.hash, 32);
	}
	core_world_deinit(&w);
	return t;
}

static void the_same_seed_makes_the_same_history_to_the_last_byte(void **state)
{
	uint8_t a[5][32], b[5][32], c[5][32];
	(void)state;
	struct trace first = history(7, a), again = history(7, b), other = history(8, c);
	assert_true(first.packets > 500);
	assert_int_equal(first.packets, again.packets);
	assert_int_equal(first.hash, again.hash);
	assert_memory_equal(a, b, sizeof a);
	assert_int_not_equal(first.hash, other.hash);
	assert_memory_not_equal(a, c, sizeof a);
}

/* ---- memory ---- */

/* What both do when memory is there again: nothing that failed may have left anything half done. */
static void call_again(struct core_world *w)
{
	w->alloc.fail_after = -1;
	world_run(w, 200 * KITH_US_PER_S);
	int since = w->events_n;
	world_dial(w, WORLD_ALICE, "bob", 0);
	world_run(w, 10 * KITH_US_PER_S);
	if (world_event(w, WORLD_ALICE, KITH_EVENT_OPENED, since) == NULL)
		w->log = true;
	assert_non_null(world_event(w, WORLD_ALICE, KITH_EVENT_OPENED, since));
}

static void accept_if_possible(struct core_world *w, int node, const struct kith_event *ev)
{
	if (ev->type == KITH_EVENT_INCOMING) {
		int err = kith_core_accept(w->nodes[node].core, world_clock(w), ev->session);
		assert_true(err == 0 || err == KITH_ENOENT);
	}
}

/* From the n-th allocation on there is no memory for half a second, in the middle of a call, a watch, a stream and a
 * save. */
static void without_memory_nothing_crashes_leaks_or_stays_broken(void **state)
{
	(void)state;
	int completed = 0;
	for (long n = 0; n < 2000 && completed == 0; n += n < 60 ? 1 : 7) {
		struct core_world w;
		uint64_t stream;
		kith_op op;
		world_alice_and_bob(&w);
		w.on_event = accept_if_possible;
		struct kith_core *alice = w.nodes[WORLD_ALICE].core;
		w.alloc.fail_after = n;
		int since = w.events_n;
		int err = kith_core_call(alice, world_clock(&w), "bob", "chat", 20 * KITH_US_PER_S, &op);
		assert_true(err == 0 || err == KITH_ENOMEM || err == KITH_EFULL);
		world_drain(&w, WORLD_ALICE);
		err = kith_core_watch(alice, world_clock(&w), "bob");
		assert_true(err == 0 || err == KITH_ENOMEM);
		world_drain(&w, WORLD_ALICE);
		world_run(&w, 250 * KITH_US_PER_MS);
		const struct world_event *opened = world_event(&w, WORLD_ALICE, KITH_EVENT_OPENED, since);
		if (opened != NULL) {
			kith_session_id s = opened->ev.session;
			err = kith_core_stream_open(alice, world_clock(&w), s, 1, &stream);
			world_drain(&w, WORLD_ALICE);
			if (err == 0)
				err = kith_core_stream_write(alice, world_clock(&w), s, stream, (const uint8_t *)"data",
							     4, true);
			world_drain(&w, WORLD_ALICE);
			assert_true(err >= 0 || err == KITH_ENOMEM || err == KITH_ENOENT || err == KITH_EAGAIN);
		}
		world_run(&w, 250 * KITH_US_PER_MS);
		completed += w.alloc.fail_after > 0;
		call_again(&w);
		core_world_deinit(&w);
	}
	assert_true(completed > 0); /* the sweep went as far as there are allocations */
}

static void a_core_that_cannot_be_made_leaves_nothing(void **state)
{
	(void)state;
	for (int super = 0; super < 2; super++) {
		bool made = false;
		for (long n = 0; n < 200 && !made; n++) {
			struct core_world w;
			struct kith_core_options o;
			core_world_init(&w, kith_suite_sodium(), 1);
			int i = world_add(&w, "s0", super);
			world_options(&w, i, &o);
			w.alloc.fail_after = n;
			int err = kith_core_new(&w.nodes[i].core, &o, world_clock(&w));
			w.alloc.fail_after = -1;
			made = err == 0;
			assert_true(made || err == KITH_ENOMEM);
			if (made)
				world_drain(&w, i);
			core_world_deinit(&w);
		}
		assert_true(made);
	}
}

/* ---- handing over ---- */

static void a_core_may_be_freed_with_packets_and_events_not_taken(void **state)
{
	struct core_world w;
	struct kith_event ev;
	(void)state;
	world_alice_and_bob(&w);
	kith_session_id ours = world_call(&w, WORLD_ALICE, WORLD_BOB, NULL);
	assert_int_equal(kith_core_close(w.nodes[WORLD_ALICE].core, world_clock(&w), ours, KITH_CLOSE_NORMAL), 0);
	world_stop(&w, WORLD_ALICE); /* not drained: a CLOSE is on its way out, CLOSED was not told */
	assert_false(kith_core_event(w.nodes[WORLD_BOB].core, &ev));
	world_run(&w, 10 * KITH_US_PER_S);
	core_world_deinit(&w);
}

static void options_that_make_no_sense_are_refused(void **state)
{
	struct core_world w;
	struct kith_core_options o;
	struct kith_core *c = NULL;
	(void)state;
	core_world_init(&w, kith_suite_sodium(), 1);
	int i = world_add(&w, "s0", true);
	world_options(&w, i, &o);
	o.size = 0;
	assert_int_equal(kith_core_new(&c, &o, world_clock(&w)), KITH_EINVAL);
	world_options(&w, i, &o);
	o.endpoints_n = 0;
	assert_int_equal(kith_core_new(&c, &o, world_clock(&w)), KITH_EINVAL);
	o.endpoints_n = 5;
	assert_int_equal(kith_core_new(&c, &o, world_clock(&w)), KITH_EINVAL);
	world_options(&w, i, &o);
	o.role = 0;
	assert_int_equal(kith_core_new(&c, &o, world_clock(&w)), KITH_EINVAL);
	world_options(&w, i, &o);
	o.chain.len--;
	assert_true(kith_core_new(&c, &o, world_clock(&w)) < 0);
	assert_null(c);
	core_world_deinit(&w);
}

/* A train of equal segments is taken apart, and a last one may be shorter. */
static void segments_of_a_train_count_as_packets(void **state)
{
	struct core_world w;
	uint8_t room[KITH_PACKET_HEADROOM + 1000];
	(void)state;
	world_alice_and_bob(&w);
	memset(room, 0xff, sizeof room);
	for (int node = 0; node < 5; node += 4) {
		uint64_t in = world_stat(&w, node, KITH_STAT_PACKETS_IN),
			 unknown = world_stat(&w, node, KITH_STAT_DROP_UNKNOWN_TYPE);
		struct kith_packet p = {
			.data = room + KITH_PACKET_HEADROOM, .len = 950, .segment_len = 100, .remote = w.nodes[1].addr
		};
		kith_core_input(w.nodes[node].core, world_clock(&w), &p, 1);
		world_drain(&w, node);
		assert_int_equal(world_stat(&w, node, KITH_STAT_PACKETS_IN), in + 10);
		assert_int_equal(world_stat(&w, node, KITH_STAT_DROP_UNKNOWN_TYPE), unknown + 10);
		p.len = 0;
		kith_core_input(w.nodes[node].core, world_clock(&w), &p, 1);
		world_drain(&w, node);
	}
	core_world_deinit(&w);
}

/* An application that does not take its events away loses some, and is not drowned. */
static void events_nobody_takes_are_dropped_and_counted(void **state)
{
	struct core_world w;
	(void)state;
	world_alice_and_bob(&w);
	struct kith_core *c = w.nodes[WORLD_ALICE].core;
	struct kith_packet out[64];
	kith_op op;
	for (int i = 0; i < 3000; i++) {
		int err = kith_core_lookup(c, world_clock(&w), "nobody", &op);
		assert_int_equal(err, 0);
		assert_int_equal(kith_core_cancel(c, world_clock(&w), op), 0);
		while (kith_core_poll(c, world_clock(&w), out, 64) > 0) {}
	}
	assert_int_equal(world_stat(&w, WORLD_ALICE, KITH_STAT_EVENTS_DROPPED), 3000 - 1024);
	w.events_n = 0;
	world_drain(&w, WORLD_ALICE);
	assert_int_equal(w.events_n, 1024);
	world_run(&w, KITH_US_PER_S);
	world_call(&w, WORLD_ALICE, WORLD_BOB, NULL);
	core_world_deinit(&w);
}

static void leaving_ends_in_time_and_ends_everything(void **state)
{
	struct core_world w;
	(void)state;
	world_alice_and_bob(&w);
	world_call(&w, WORLD_ALICE, WORLD_BOB, NULL);
	int since = w.events_n;
	kith_time_us t0 = w.now;
	struct kith_core *c = w.nodes[WORLD_ALICE].core;
	kith_core_leave(c, world_clock(&w), 3 * KITH_US_PER_S);
	world_drain(&w, WORLD_ALICE);
	kith_op op;
	assert_int_equal(kith_core_call(c, world_clock(&w), "bob", "chat", 0, &op), KITH_ESTATE);
	world_drain(&w, WORLD_ALICE);
	kith_core_leave(c, world_clock(&w), 3 * KITH_US_PER_S); /* again: nothing */
	world_drain(&w, WORLD_ALICE);
	world_run(&w, 5 * KITH_US_PER_S);
	const struct world_event *left = world_event(&w, WORLD_ALICE, KITH_EVENT_LEFT, since);
	assert_non_null(left);
	assert_true(left->at - t0 <= 3 * KITH_US_PER_S);
	assert_int_equal(world_events(&w, WORLD_ALICE, KITH_EVENT_LEFT, since), 1);
	const struct world_event *closed = world_event(&w, WORLD_BOB, KITH_EVENT_CLOSED, since);
	assert_non_null(closed);
	assert_int_equal(closed->ev.reason, KITH_CLOSE_LEAVING);
	assert_int_equal(c->sessions.by_index.n, 0);
	core_world_deinit(&w);
}

/* With nobody there to hear it, too. */
static void leaving_ends_in_time_without_a_network(void **state)
{
	struct core_world w;
	(void)state;
	world_alice_and_bob(&w);
	for (int i = 0; i < 5; i++)
		w.nodes[i].muted = true;
	int since = w.events_n;
	kith_time_us t0 = w.now;
	for (int i = 0; i < 5; i++) {
		kith_core_leave(w.nodes[i].core, world_clock(&w), 3 * KITH_US_PER_S);
		world_drain(&w, i);
	}
	world_run(&w, 4 * KITH_US_PER_S);
	for (int i = 0; i < 5; i++) {
		const struct world_event *left = world_event(&w, i, KITH_EVENT_LEFT, since);
		assert_non_null(left);
		assert_true(left->at - t0 <= 3 * KITH_US_PER_S + 100 * KITH_US_PER_MS);
	}
	core_world_deinit(&w);
}

/* A ring that is soon full, with what is in it taken out. */
static void small_ring(struct core_world *w, uint32_t max)
{
	assert_int_equal(w->shared->events_n, 0);
	w->shared->events_head = 0;
	w->shared->events_max = max;
}

enum { CALLS = 60, RING = 32 };

/* More sessions than there are places for events. Returns how many there were before. */
static uint32_t many_calls(struct core_world *w)
{
	world_alice_and_bob(w);
	uint32_t ring = w->shared->events_max;
	for (int i = 0; i < CALLS; i++)
		world_call(w, WORLD_ALICE, WORLD_BOB, NULL);
	small_ring(w, RING);
	return ring;
}

/* More ends come at once than there are places for events. */
static void the_end_of_each_of_many_sessions_is_told(void **state)
{
	struct core_world w;
	(void)state;
	uint32_t ring = many_calls(&w);
	int since = w.events_n;
	uint8_t list[512];
	size_t len = world_revocation(&w, list, sizeof list, 1, 1 + WORLD_ALICE, NULL);
	assert_int_equal(kith_core_revoke(w.nodes[WORLD_BOB].core, world_clock(&w), test_span(list, len)), 0);
	world_drain(&w, WORLD_BOB);
	world_run(&w, 0);
	assert_int_equal(world_events(&w, WORLD_BOB, KITH_EVENT_CLOSED, since), CALLS);
	world_run(&w, KITH_US_PER_S);
	assert_int_equal(world_events(&w, WORLD_ALICE, KITH_EVENT_CLOSED, since), CALLS);
	small_ring(&w, ring);
	core_world_deinit(&w);
}

static void leaving_tells_of_each_of_many_sessions(void **state)
{
	struct core_world w;
	(void)state;
	uint32_t ring = many_calls(&w);
	int since = w.events_n;
	kith_core_leave(w.nodes[WORLD_ALICE].core, world_clock(&w), KITH_US_PER_S);
	world_drain(&w, WORLD_ALICE);
	world_run(&w, 2 * KITH_US_PER_S);
	assert_int_equal(world_events(&w, WORLD_ALICE, KITH_EVENT_CLOSED, since), CALLS);
	assert_int_equal(world_events(&w, WORLD_ALICE, KITH_EVENT_LEFT, since), 1);
	assert_int_equal(world_events(&w, WORLD_BOB, KITH_EVENT_CLOSED, since), CALLS);
	small_ring(&w, ring);
	core_world_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(supernodes_find_each_other_by_gossip),
		cmocka_unit_test(a_leaf_gets_three_homes_and_publishes),
		cmocka_unit_test(one_calls_the_other_by_name_and_datagrams_flow),
		cmocka_unit_test(the_same_seed_makes_the_same_history_to_the_last_byte),
		cmocka_unit_test(without_memory_nothing_crashes_leaks_or_stays_broken),
		cmocka_unit_test(a_core_that_cannot_be_made_leaves_nothing),
		cmocka_unit_test(a_core_may_be_freed_with_packets_and_events_not_taken),
		cmocka_unit_test(options_that_make_no_sense_are_refused),
		cmocka_unit_test(segments_of_a_train_count_as_packets),
		cmocka_unit_test(events_nobody_takes_are_dropped_and_counted),
		cmocka_unit_test(the_end_of_each_of_many_sessions_is_told),
		cmocka_unit_test(leaving_tells_of_each_of_many_sessions),
		cmocka_unit_test(leaving_ends_in_time_and_ends_everything),
		cmocka_unit_test(leaving_ends_in_time_without_a_network),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
