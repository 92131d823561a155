/* Streams of sessions between cores carry what was given to them, under loss and without room. */
#include "core_world.h"

#include "base/alloc.h"
#include "base/limits.h"
#include "call/op.h"
#include "call/streams.h"
#include "path/pacer.h"

/* Loses one packet in five, of those that carry streams and all else. */
static int lossy_tap(struct core_world *w, struct world_packet *p)
{
	(void)p;
	return test_random_next(&w->random) % 5 == 0 ? 0 : 1;
}

enum { STREAM_BYTES = 200000 };

/* One direction of a transfer, driven by the ticking of the test. */
struct transfer {
	int from, to;
	kith_session_id out_session, in_session;
	uint64_t out, in;
	size_t written, read;
	bool finished, fin_read;
	uint8_t *data, *got;
};

static void pump(struct core_world *w, struct transfer *t)
{
	bool fin = false;
	while (t->written < STREAM_BYTES) {
		size_t n = STREAM_BYTES - t->written < 5000 ? STREAM_BYTES - t->written : 5000;
		int put = kith_core_stream_write(w->nodes[t->from].core, world_clock(w), t->out_session, t->out,
						 t->data + t->written, n, t->written + n == STREAM_BYTES);
		world_drain(w, t->from);
		if (put <= 0)
			break;
		t->written += (size_t)put;
	}
	for (int i = w->events_n; t->in == UINT64_MAX && i-- > 0;) {
		const struct world_event *e = &w->events[i];
		if (e->node == t->to && e->ev.type == KITH_EVENT_STREAM &&
		    e->ev.stream_change == KITH_STREAM_CHANGE_OPENED && e->ev.channel == 9)
			t->in = e->ev.stream;
	}
	while (t->in != UINT64_MAX && !t->fin_read) {
		int n = kith_core_stream_read(w->nodes[t->to].core, world_clock(w), t->in_session, t->in,
					      t->got + t->read, STREAM_BYTES - t->read + 1, &fin);
		world_drain(w, t->to);
		if (n < 0)
			break;
		t->read += (size_t)n;
		assert_true(t->read <= STREAM_BYTES);
		t->fin_read = fin;
		if (n == 0)
			break;
	}
}

static void expect_closed_once_at_each_end(const struct core_world *w)
{
	int closed[2] = { 0, 0 };
	for (int i = 0; i < w->events_n; i++) {
		const struct world_event *e = &w->events[i];
		if (e->ev.type == KITH_EVENT_STREAM && e->ev.stream_change == KITH_STREAM_CHANGE_CLOSED) {
			assert_int_equal(e->ev.err, 0);
			closed[e->node == WORLD_BOB]++;
		}
	}
	assert_int_equal(closed[0], 1);
	assert_int_equal(closed[1], 1);
}

static void stream_both_ways(bool caller_opens, bool relay_only, int (*tap)(struct core_world *, struct world_packet *))
{
	struct core_world w;
	kith_session_id theirs;
	world_alice_and_bob(&w);
	if (relay_only) {
		assert_int_equal(kith_core_pin(w.nodes[WORLD_ALICE].core, world_clock(&w), "bob",
					       &w.nodes[WORLD_BOB].id.identity, KITH_CONTACT_RELAY_ONLY, false),
				 0);
		world_drain(&w, WORLD_ALICE);
	}
	kith_session_id ours = world_call(&w, WORLD_ALICE, WORLD_BOB, &theirs);
	w.tap = tap;
	struct transfer t = { .from = caller_opens ? WORLD_ALICE : WORLD_BOB,
			      .to = caller_opens ? WORLD_BOB : WORLD_ALICE,
			      .out_session = caller_opens ? ours : theirs,
			      .in_session = caller_opens ? theirs : ours,
			      .in = UINT64_MAX,
			      .data = malloc(STREAM_BYTES),
			      .got = calloc(1, STREAM_BYTES + 1) };
	assert_non_null(t.data);
	assert_non_null(t.got);
	test_random_fill(&w.random, t.data, STREAM_BYTES);
	assert_int_equal(kith_core_stream_open(w.nodes[t.from].core, world_clock(&w), t.out_session, 9, &t.out), 0);
	world_drain(&w, t.from);
	struct transfer back = { 0 };
	for (int i = 0; i < 12000 && !(t.fin_read && back.fin_read); i++) {
		pump(&w, &t);
		if (t.in != UINT64_MAX && back.data == NULL) { /* the same stream the other way */
			back = (struct transfer){ .from = t.to,
						  .to = t.from,
						  .out_session = t.in_session,
						  .in_session = t.out_session,
						  .out = t.in,
						  .in = t.out,
						  .data = t.data,
						  .got = calloc(1, STREAM_BYTES + 1) };
			assert_non_null(back.got);
		}
		if (back.data != NULL)
			pump(&w, &back);
		world_run(&w, 10 * KITH_US_PER_MS);
	}
	assert_true(t.fin_read && back.fin_read);
	assert_int_equal(t.read, STREAM_BYTES);
	assert_int_equal(back.read, STREAM_BYTES);
	assert_memory_equal(t.data, t.got, STREAM_BYTES);
	assert_memory_equal(t.data, back.got, STREAM_BYTES);
	w.tap = NULL;
	world_run(&w, 5 * KITH_US_PER_S);
	expect_closed_once_at_each_end(&w);
	free(t.data);
	free(t.got);
	free(back.got);
	core_world_deinit(&w);
}

static void a_stream_carries_the_same_bytes_both_ways_under_loss(void **state)
{
	(void)state;
	for (int caller = 0; caller < 2; caller++) {
		stream_both_ways(caller, false, NULL);
		stream_both_ways(caller, false, lossy_tap);
		stream_both_ways(caller, true, lossy_tap);
	}
}

static void streams_of_a_session_that_ends_are_told_so_by_its_end(void **state)
{
	struct core_world w;
	uint64_t stream;
	kith_session_id theirs;
	bool fin;
	uint8_t buf[16];
	(void)state;
	world_alice_and_bob(&w);
	kith_session_id ours = world_call(&w, WORLD_ALICE, WORLD_BOB, &theirs);
	struct kith_core *c = w.nodes[WORLD_ALICE].core;
	assert_int_equal(kith_core_stream_write(c, world_clock(&w), ours, 0, buf, 1, false), KITH_ENOENT);
	assert_int_equal(kith_core_stream_open(c, world_clock(&w), ours, 1, &stream), 0);
	assert_int_equal(kith_core_stream_write(c, world_clock(&w), ours, stream, buf, 16, false), 16);
	world_drain(&w, WORLD_ALICE);
	world_run(&w, KITH_US_PER_S);
	assert_int_equal(kith_core_close(w.nodes[WORLD_BOB].core, world_clock(&w), theirs, KITH_CLOSE_NORMAL), 0);
	world_drain(&w, WORLD_BOB);
	world_run(&w, KITH_US_PER_S);
	assert_non_null(world_event(&w, WORLD_ALICE, KITH_EVENT_CLOSED, 0));
	assert_int_equal(kith_core_stream_write(c, world_clock(&w), ours, stream, buf, 16, false), KITH_ENOENT);
	assert_int_equal(kith_core_stream_read(c, world_clock(&w), ours, stream, buf, 16, &fin), KITH_ENOENT);
	core_world_deinit(&w);
}

/* Keeps what goes to bob. */
struct held {
	struct world_packet packet[64];
	int n;
};

static int hold_tap(struct core_world *w, struct world_packet *p)
{
	struct held *h = w->tap_ctx;
	if (!kith_addr_equal(&p->to, &w->nodes[WORLD_BOB].addr) || h->n == 64)
		return 1;
	h->packet[h->n++] = *p;
	return 0;
}

/* A batch that brings more events than there is room for: news of streams must not be among those that are lost. */
static void news_of_a_stream_wait_until_there_is_room_for_them(void **state)
{
	struct core_world w;
	uint64_t stream;
	struct held *held = calloc(1, sizeof *held);
	(void)state;
	assert_non_null(held);
	world_alice_and_bob(&w);
	kith_session_id ours = world_call(&w, WORLD_ALICE, WORLD_BOB, NULL);
	struct kith_core *alice = w.nodes[WORLD_ALICE].core, *bob = w.nodes[WORLD_BOB].core;
	assert_int_equal(kith_core_stream_open(alice, world_clock(&w), ours, 1, &stream), 0);
	world_drain(&w, WORLD_ALICE);
	world_run(&w, KITH_US_PER_S);
	w.tap = hold_tap;
	w.tap_ctx = held;
	for (int i = 0; i < 1200; i++) {
		assert_int_equal(kith_core_send(alice, world_clock(&w), ours, 2, NULL, 0), 0);
		if (i % 10 == 9)
			world_drain(&w, WORLD_ALICE);
		if (held->n >= 60)
			break;
	}
	assert_int_equal(kith_core_stream_write(alice, world_clock(&w), ours, stream, (const uint8_t *)"data", 4, true),
			 4);
	world_drain(&w, WORLD_ALICE);
	w.tap = NULL;
	struct kith_packet batch[64];
	for (int i = 0; i < held->n; i++)
		batch[i] = (struct kith_packet){ .data = held->packet[i].data + KITH_PACKET_HEADROOM,
						 .len = held->packet[i].len,
						 .remote = held->packet[i].from };
	/* Fill the ring up to the last place first. */
	kith_core_tick(bob, world_clock(&w));
	world_drain(&w, WORLD_BOB);
	w.shared->events_n = 0;
	kith_op op;
	while (w.shared->events_n < w.shared->events_max) {
		assert_int_equal(kith_core_lookup(bob, world_clock(&w), "nobody", &op), 0);
		assert_int_equal(kith_core_cancel(bob, world_clock(&w), op), 0);
		struct kith_packet out[64];
		while (kith_core_poll(bob, world_clock(&w), out, 64) > 0) {}
	}
	kith_core_input(bob, world_clock(&w), batch, (size_t)held->n);
	int since = w.events_n;
	world_drain(&w, WORLD_BOB);
	world_run(&w, 5 * KITH_US_PER_S);
	bool readable = false;
	for (int i = since; i < w.events_n; i++)
		readable = readable || (w.events[i].node == WORLD_BOB && w.events[i].ev.type == KITH_EVENT_STREAM &&
					w.events[i].ev.stream_change == KITH_STREAM_CHANGE_READABLE);
	assert_true(readable);
	free(held);
	core_world_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stream_carries_the_same_bytes_both_ways_under_loss),
		cmocka_unit_test(streams_of_a_session_that_ends_are_told_so_by_its_end),
		cmocka_unit_test(news_of_a_stream_wait_until_there_is_room_for_them),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
