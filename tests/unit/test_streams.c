/* Streams of sessions between cores: when their first bytes come, that no news is lost, and what becomes of a
 * connection that one end gave up.
 */
#include "core_world.h"

#include "base/limits.h"
#include "call/op.h"
#include "call/streams.h"
#include "stream/stream.h"

enum { CHANNEL = 9, OTHER_CHANNEL = 10 };

static const uint8_t hello[] = "hello";

static const struct world_event *news(const struct core_world *w, int node, enum kith_stream_change what, int since)
{
	for (int i = since; i < w->events_n; i++) {
		const struct world_event *e = &w->events[i];
		if (e->node == node && e->ev.type == KITH_EVENT_STREAM && e->ev.stream_change == what)
			return e;
	}
	return NULL;
}

static uint64_t open_and_say(struct core_world *w, int node, kith_session_id session, bool fin)
{
	uint64_t stream;
	struct kith_core *c = w->nodes[node].core;
	assert_int_equal(kith_core_stream_open(c, world_clock(w), session, CHANNEL, &stream), 0);
	assert_int_equal(kith_core_stream_write(c, world_clock(w), session, stream, hello, sizeof hello, fin),
			 sizeof hello);
	return stream;
}

static struct kith_streams *streams_of(struct core_world *w, int node, kith_session_id session)
{
	return kith_peer_get(w->nodes[node].core, session)->peer->streams;
}

static void read_hello(struct core_world *w, int node, kith_session_id session, uint64_t stream, bool end)
{
	uint8_t got[2 * sizeof hello];
	bool fin = false;
	int n = kith_core_stream_read(w->nodes[node].core, world_clock(w), session, stream, got, sizeof got, &fin);
	assert_int_equal(n, sizeof hello);
	assert_memory_equal(got, hello, sizeof hello);
	assert_int_equal(fin, end);
	world_drain(w, node);
}

/* ---- the first bytes ---- */

/* Says something on a stream and in a datagram as soon as it may. */
static void speak_when_open(struct core_world *w, int node, const struct kith_event *ev)
{
	world_accept(w, node, ev);
	if (ev->type != KITH_EVENT_OPENED)
		return;
	assert_int_equal(kith_core_send(w->nodes[node].core, world_clock(w), ev->session, OTHER_CHANNEL, hello, 1), 0);
	(void)open_and_say(w, node, ev->session, false);
}

/* Both ends do, at once or not: neither's stream waits for anything that its datagrams do not wait for. */
static void the_first_bytes_of_a_stream_come_with_the_first_datagram(void **state)
{
	struct core_world w;
	(void)state;
	world_alice_and_bob(&w);
	w.on_event = speak_when_open;
	int since = w.events_n;
	world_call(&w, WORLD_ALICE, WORLD_BOB, NULL);
	for (int node = WORLD_ALICE; node <= WORLD_BOB; node++) {
		int other = WORLD_ALICE + WORLD_BOB - node;
		const struct world_event *opened = world_event(&w, other, KITH_EVENT_OPENED, since);
		const struct world_event *datagram = world_event(&w, node, KITH_EVENT_DATAGRAM, since);
		const struct world_event *readable = news(&w, node, KITH_STREAM_CHANGE_READABLE, since);
		assert_non_null(datagram);
		assert_non_null(readable);
		print_message("after %lld us a datagram, after %lld us the stream\n",
			      (long long)(datagram->at - opened->at), (long long)(readable->at - opened->at));
		assert_int_equal(readable->at, datagram->at);
		assert_int_equal(readable->at - opened->at, 2 * WORLD_DELAY_US); /* one way, through the relay */
	}
	core_world_deinit(&w);
}

/* ---- news ---- */

/* Room in the ring is made by its owner, who need not wait for any timer then. */
static void news_are_told_as_soon_as_there_is_room(void **state)
{
	struct core_world w;
	kith_session_id theirs;
	(void)state;
	world_alice_and_bob(&w);
	kith_session_id ours = world_call(&w, WORLD_ALICE, WORLD_BOB, &theirs);
	struct kith_core *bob = w.nodes[WORLD_BOB].core;
	/* The packet of the stream goes straight from alice's core to bob's, who has no room for what it brings. */
	struct kith_packet out[8];
	struct world_packet copy;
	(void)open_and_say(&w, WORLD_ALICE, ours, true);
	kith_core_tick(w.nodes[WORLD_ALICE].core, world_clock(&w));
	assert_int_equal(kith_core_poll(w.nodes[WORLD_ALICE].core, world_clock(&w), out, 8), 1);
	assert_true(kith_addr_equal(&out[0].remote, &w.nodes[WORLD_BOB].addr)); /* on the direct path */
	memcpy(copy.data + KITH_PACKET_HEADROOM, out[0].data, out[0].len);
	struct kith_packet in = { .data = copy.data + KITH_PACKET_HEADROOM,
				  .len = out[0].len,
				  .remote = w.nodes[WORLD_ALICE].addr };
	world_drain(&w, WORLD_ALICE);
	while (w.shared->events_n < w.shared->events_max) {
		kith_op op;
		assert_int_equal(kith_core_lookup(bob, world_clock(&w), "nobody", &op), 0);
		assert_int_equal(kith_core_cancel(bob, world_clock(&w), op), 0);
		while (kith_core_poll(bob, world_clock(&w), out, 8) > 0) {}
	}
	kith_core_input(bob, world_clock(&w), &in, 1);
	int since = w.events_n;
	world_drain(&w, WORLD_BOB);
	assert_null(news(&w, WORLD_BOB, KITH_STREAM_CHANGE_READABLE, since));
	assert_true(kith_core_deadline(bob) <= w.now);
	world_run(&w, 0);
	const struct world_event *opened = news(&w, WORLD_BOB, KITH_STREAM_CHANGE_OPENED, since);
	assert_non_null(opened);
	assert_non_null(news(&w, WORLD_BOB, KITH_STREAM_CHANGE_READABLE, since));
	assert_true(kith_core_deadline(bob) > w.now); /* and nobody spins */
	read_hello(&w, WORLD_BOB, theirs, opened->ev.stream, true);
	core_world_deinit(&w);
}

/* ---- connections that end ---- */

/* One end lost its connection and makes another; the other end's application hears of it before it hears of the new. */
static void a_connection_that_was_given_up_is_told_before_the_next(void **state)
{
	(void)state;
	for (int caller = 0; caller < 2; caller++) {
		struct core_world w;
		kith_session_id session[WORLD_BOB + 1];
		int from = caller ? WORLD_ALICE : WORLD_BOB, to = WORLD_ALICE + WORLD_BOB - from;
		world_alice_and_bob(&w);
		session[WORLD_ALICE] = world_call(&w, WORLD_ALICE, WORLD_BOB, &session[WORLD_BOB]);
		uint64_t cut = open_and_say(&w, from, session[from], false);
		world_drain(&w, from);
		world_run(&w, KITH_US_PER_S);
		struct kith_peer *peer = kith_peer_get(w.nodes[from].core, session[from])->peer;
		kith_streams_free(peer->streams);
		peer->streams = NULL;
		int since = w.events_n;
		(void)open_and_say(&w, from, session[from], true);
		world_drain(&w, from);
		world_run(&w, KITH_US_PER_S);
		read_hello(&w, to, session[to], cut, false); /* it came before the connection ended */
		world_run(&w, KITH_US_PER_S);
		const struct world_event *closed = news(&w, to, KITH_STREAM_CHANGE_CLOSED, since);
		const struct world_event *opened = news(&w, to, KITH_STREAM_CHANGE_OPENED, since);
		assert_non_null(closed);
		assert_non_null(opened);
		assert_true(closed < opened);
		assert_int_equal(closed->ev.err, KITH_ECUT);
		read_hello(&w, to, session[to], opened->ev.stream, true);
		core_world_deinit(&w);
	}
}

/* What has arrived, and was acknowledged, is not lost for a newer connection, which waits. */
static void a_newer_connection_waits_until_what_is_complete_was_read(void **state)
{
	struct core_world w;
	kith_session_id theirs;
	(void)state;
	world_alice_and_bob(&w);
	kith_session_id ours = world_call(&w, WORLD_ALICE, WORLD_BOB, &theirs);
	uint64_t first = open_and_say(&w, WORLD_ALICE, ours, true);
	world_drain(&w, WORLD_ALICE);
	world_run(&w, KITH_US_PER_S);
	struct kith_core *bob = w.nodes[WORLD_BOB].core;
	assert_int_equal(kith_core_stream_write(bob, world_clock(&w), theirs, first, NULL, 0, true), 0);
	world_drain(&w, WORLD_BOB);
	world_run(&w, 70 * KITH_US_PER_S); /* alice puts away what is idle */
	assert_null(streams_of(&w, WORLD_ALICE, ours));
	assert_non_null(streams_of(&w, WORLD_BOB, theirs));
	int since = w.events_n;
	(void)open_and_say(&w, WORLD_ALICE, ours, true);
	world_drain(&w, WORLD_ALICE);
	world_run(&w, 10 * KITH_US_PER_S);
	assert_null(news(&w, WORLD_BOB, KITH_STREAM_CHANGE_OPENED, since));
	read_hello(&w, WORLD_BOB, theirs, first, true);
	world_run(&w, 10 * KITH_US_PER_S);
	const struct world_event *opened = news(&w, WORLD_BOB, KITH_STREAM_CHANGE_OPENED, since);
	assert_non_null(opened);
	read_hello(&w, WORLD_BOB, theirs, opened->ev.stream, true);
	core_world_deinit(&w);
}

static void an_idle_connection_gives_its_memory_back_and_either_end_begins_the_next(void **state)
{
	struct core_world w;
	kith_session_id session[WORLD_BOB + 1];
	(void)state;
	world_alice_and_bob(&w);
	session[WORLD_ALICE] = world_call(&w, WORLD_ALICE, WORLD_BOB, &session[WORLD_BOB]);
	world_run(&w, 120 * KITH_US_PER_S);
	size_t before = w.alloc.live_bytes;
	for (int round = 0; round < 4; round++) {
		int from = round % 2 ? WORLD_ALICE : WORLD_BOB, to = WORLD_ALICE + WORLD_BOB - from;
		int since = w.events_n;
		uint64_t stream = open_and_say(&w, from, session[from], true);
		world_drain(&w, from);
		world_run(&w, KITH_US_PER_S);
		read_hello(&w, to, session[to], stream, true);
		assert_int_equal(
			kith_core_stream_write(w.nodes[to].core, world_clock(&w), session[to], stream, NULL, 0, true),
			0);
		world_drain(&w, to);
		world_run(&w, KITH_US_PER_S);
		assert_true(w.alloc.live_bytes > before + 2 * 60 * 1024);
		for (int node = WORLD_ALICE; node <= WORLD_BOB; node++) {
			const struct world_event *closed = news(&w, node, KITH_STREAM_CHANGE_CLOSED, since);
			assert_non_null(closed);
			assert_int_equal(closed->ev.err, 0);
		}
		world_run(&w, 120 * KITH_US_PER_S);
		assert_null(streams_of(&w, WORLD_ALICE, session[WORLD_ALICE]));
		assert_null(streams_of(&w, WORLD_BOB, session[WORLD_BOB]));
		print_message("%zu bytes before, %zu after\n", before, w.alloc.live_bytes);
		assert_true(w.alloc.live_bytes < before + 16 * 1024);
	}
	core_world_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_bytes_of_a_stream_come_with_the_first_datagram),
		cmocka_unit_test(news_are_told_as_soon_as_there_is_room),
		cmocka_unit_test(a_connection_that_was_given_up_is_told_before_the_next),
		cmocka_unit_test(a_newer_connection_waits_until_what_is_complete_was_read),
		cmocka_unit_test(an_idle_connection_gives_its_memory_back_and_either_end_begins_the_next),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
