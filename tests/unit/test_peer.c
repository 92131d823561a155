/* Sessions of applications, from their opening on: datagrams, streams, paths, relays, and the end. */
#include "core_world.h"

#include "base/alloc.h"
#include "base/limits.h"
#include "path/pacer.h"
#include "role/peer.h"

/* ---- datagrams ---- */

static void datagrams_of_every_length_arrive_as_they_were_sent(void **state)
{
	struct core_world w;
	uint8_t data[KITH_DATAGRAM_MAX + 1];
	kith_session_id theirs;
	(void)state;
	world_alice_and_bob(&w);
	kith_session_id ours = world_call(&w, WORLD_ALICE, WORLD_BOB, &theirs);
	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (uint8_t)(i * 7);
	static const size_t lens[] = { 0, 1, 2, 100, 1000, KITH_DATAGRAM_MAX - 1, KITH_DATAGRAM_MAX };
	for (size_t k = 0; k < sizeof lens / sizeof lens[0]; k++) {
		int since = w.events_n;
		assert_int_equal(
			kith_core_send(w.nodes[WORLD_ALICE].core, world_clock(&w), ours, 0xfffe, data, lens[k]), 0);
		world_drain(&w, WORLD_ALICE);
		world_run(&w, KITH_US_PER_S);
		const struct world_event *got = world_event(&w, WORLD_BOB, KITH_EVENT_DATAGRAM, since);
		assert_non_null(got);
		assert_int_equal(got->ev.session, theirs);
		assert_int_equal(got->ev.channel, 0xfffe);
		assert_int_equal(got->ev.data.len, lens[k]);
		assert_memory_equal(got->data, data, lens[k]);
	}
	assert_int_equal(world_say(&w, WORLD_ALICE, ours, data, KITH_DATAGRAM_MAX + 1), KITH_EMSGSIZE);
	assert_int_equal(world_say(&w, WORLD_ALICE, ours + 1, data, 1), KITH_ENOENT);
	core_world_deinit(&w);
}

/* So many leave at once; then the sender is told to wait, and told when not to. */
static void a_sender_that_is_too_fast_waits_until_it_is_told(void **state)
{
	struct core_world w;
	uint8_t data[1000] = { 0 };
	(void)state;
	world_alice_and_bob(&w);
	kith_session_id ours = world_call(&w, WORLD_ALICE, WORLD_BOB, NULL);
	struct kith_core *c = w.nodes[WORLD_ALICE].core;
	int since = w.events_n, sent = 0, err;
	while ((err = kith_core_send(c, world_clock(&w), ours, 1, data, sizeof data)) == 0)
		sent++;
	assert_int_equal(err, KITH_EAGAIN);
	assert_int_equal(sent, KITH_PACE_INITIAL_BYTES / (sizeof data + KITH_PACER_OVERHEAD));
	assert_int_equal(world_stat(&w, WORLD_ALICE, KITH_STAT_OUTBOX_FULL), 0);
	world_drain(&w, WORLD_ALICE);
	world_run(&w, KITH_US_PER_S);
	assert_int_equal(world_events(&w, WORLD_ALICE, KITH_EVENT_WRITABLE, since), 1);
	assert_int_equal(world_events(&w, WORLD_BOB, KITH_EVENT_DATAGRAM, since), sent);
	assert_int_equal(world_say(&w, WORLD_ALICE, ours, data, sizeof data), 0);
	core_world_deinit(&w);
}

/* ---- streams ---- */

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
		    e->ev.stream_event == KITH_STREAM_NEWS_OPENED && e->ev.channel == 9)
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
	int closed[2] = { 0, 0 };
	for (int i = 0; i < w.events_n; i++) {
		if (w.events[i].ev.type == KITH_EVENT_STREAM &&
		    w.events[i].ev.stream_event == KITH_STREAM_NEWS_CLOSED) {
			assert_int_equal(w.events[i].ev.err, 0);
			closed[w.events[i].node == WORLD_BOB]++;
		}
	}
	assert_int_equal(closed[0], 1);
	assert_int_equal(closed[1], 1);
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
					w.events[i].ev.stream_event == KITH_STREAM_NEWS_READABLE);
	assert_true(readable);
	free(held);
	core_world_deinit(&w);
}

/* ---- relays ---- */

/* The longest time without a datagram at `to`, while `from` says one thing every 200 ms. */
static kith_time_us longest_gap(struct core_world *w, int from, kith_session_id session, int to, kith_time_us us)
{
	kith_time_us last = w->now, gap = 0, end = w->now + us;
	while (w->now < end) {
		int since = w->events_n;
		if (world_say(w, from, session, "tick", 4) != 0)
			return KITH_TIME_NEVER;
		world_run(w, 200 * KITH_US_PER_MS);
		const struct world_event *got = world_event(w, to, KITH_EVENT_DATAGRAM, since);
		if (got != NULL) {
			gap = got->at - last > gap ? got->at - last : gap;
			last = got->at;
		}
		w->events_n = since;
	}
	return w->now - last > gap ? w->now - last : gap;
}

static void pin_relay_only(struct core_world *w, int node, int other)
{
	assert_int_equal(kith_core_pin(w->nodes[node].core, world_clock(w), w->nodes[other].name,
				       &w->nodes[other].id.identity, KITH_CONTACT_RELAY_ONLY, false),
			 0);
	world_drain(w, node);
}

static void a_relayed_call_goes_on_for_as_long_as_it_likes(void **state)
{
	struct core_world w;
	kith_session_id theirs;
	(void)state;
	world_far_apart(&w);
	pin_relay_only(&w, WORLD_FAR_ALICE, WORLD_FAR_BOB);
	kith_session_id ours = world_call(&w, WORLD_FAR_ALICE, WORLD_FAR_BOB, &theirs);
	assert_true(longest_gap(&w, WORLD_FAR_ALICE, ours, WORLD_FAR_BOB, 600 * KITH_US_PER_S) < KITH_US_PER_S);
	assert_int_equal(world_say(&w, WORLD_FAR_BOB, theirs, "back", 4), 0);
	world_run(&w, KITH_US_PER_S);
	assert_non_null(world_event(&w, WORLD_FAR_ALICE, KITH_EVENT_DATAGRAM, 0));
	core_world_deinit(&w);
}

/* The same while nobody says anything. */
static void an_idle_relayed_session_is_there_after_an_hour(void **state)
{
	struct core_world w;
	kith_session_id theirs;
	(void)state;
	world_far_apart(&w);
	pin_relay_only(&w, WORLD_FAR_BOB, WORLD_FAR_ALICE);
	kith_session_id ours = world_call(&w, WORLD_FAR_ALICE, WORLD_FAR_BOB, &theirs);
	world_run(&w, 3600 * KITH_US_PER_S);
	int since = w.events_n;
	assert_int_equal(world_say(&w, WORLD_FAR_ALICE, ours, "x", 1), 0);
	assert_int_equal(world_say(&w, WORLD_FAR_BOB, theirs, "y", 1), 0);
	world_run(&w, KITH_US_PER_S);
	assert_int_equal(world_events(&w, WORLD_FAR_BOB, KITH_EVENT_DATAGRAM, since), 1);
	assert_int_equal(world_events(&w, WORLD_FAR_ALICE, KITH_EVENT_DATAGRAM, since), 1);
	core_world_deinit(&w);
}

static void a_relay_only_contact_never_learns_or_sees_an_address(void **state)
{
	(void)state;
	for (int who = 0; who < 2; who++) {
		struct core_world w;
		kith_session_id theirs;
		struct kith_path_info paths[KITH_PATHS_MAX];
		world_far_apart(&w);
		int pinner = who == 0 ? WORLD_FAR_ALICE : WORLD_FAR_BOB,
		    other = who == 0 ? WORLD_FAR_BOB : WORLD_FAR_ALICE;
		pin_relay_only(&w, pinner, other);
		kith_session_id ours = world_call(&w, WORLD_FAR_ALICE, WORLD_FAR_BOB, &theirs);
		world_run(&w, 60 * KITH_US_PER_S);
		for (int i = 0; i < 2; i++) {
			int node = i == 0 ? WORLD_FAR_ALICE : WORLD_FAR_BOB;
			size_t n = kith_core_paths(w.nodes[node].core, world_clock(&w), i == 0 ? ours : theirs, paths,
						   KITH_PATHS_MAX);
			assert_true(n > 0);
			for (size_t k = 0; k < n; k++)
				assert_int_equal(paths[k].kind, KITH_PATH_CLASS_RELAY);
		}
		core_world_deinit(&w);
	}
}

static void a_call_survives_the_death_of_its_relay(void **state)
{
	struct core_world w;
	struct kith_path_info paths[KITH_PATHS_MAX];
	(void)state;
	world_far_apart(&w);
	pin_relay_only(&w, WORLD_FAR_ALICE, WORLD_FAR_BOB);
	kith_session_id ours = world_call(&w, WORLD_FAR_ALICE, WORLD_FAR_BOB, NULL);
	assert_true(longest_gap(&w, WORLD_FAR_ALICE, ours, WORLD_FAR_BOB, 10 * KITH_US_PER_S) < KITH_US_PER_S);
	size_t n = kith_core_paths(w.nodes[WORLD_FAR_ALICE].core, world_clock(&w), ours, paths, KITH_PATHS_MAX);
	assert_int_equal(n, KITH_RELAYS_LIVE);
	int relay = -1;
	for (size_t i = 0; i < n; i++)
		relay = paths[i].sending ? world_node_at(&w, &paths[i].remote) : relay;
	assert_true(relay >= 0);
	w.nodes[relay].muted = true;
	assert_true(longest_gap(&w, WORLD_FAR_ALICE, ours, WORLD_FAR_BOB, 30 * KITH_US_PER_S) < 1500 * KITH_US_PER_MS);
	core_world_deinit(&w);
}

/* ---- the end ---- */

static void both_sides_hear_of_the_end_and_why(void **state)
{
	struct core_world w;
	kith_session_id theirs;
	(void)state;
	world_alice_and_bob(&w);
	kith_session_id ours = world_call(&w, WORLD_ALICE, WORLD_BOB, &theirs);
	uint32_t held[2] = { w.nodes[WORLD_ALICE].core->sessions.by_index.n,
			     w.nodes[WORLD_BOB].core->sessions.by_index.n };
	assert_int_equal(kith_core_close(w.nodes[WORLD_ALICE].core, world_clock(&w), ours, KITH_CLOSE_BUSY), 0);
	assert_int_equal(kith_core_close(w.nodes[WORLD_ALICE].core, world_clock(&w), ours, KITH_CLOSE_BUSY),
			 KITH_ENOENT);
	world_drain(&w, WORLD_ALICE);
	world_run(&w, KITH_US_PER_S);
	const struct world_event *a = world_event(&w, WORLD_ALICE, KITH_EVENT_CLOSED, 0),
				 *b = world_event(&w, WORLD_BOB, KITH_EVENT_CLOSED, 0);
	assert_non_null(a);
	assert_non_null(b);
	assert_false(a->ev.remote);
	assert_true(b->ev.remote);
	assert_int_equal(b->ev.session, theirs);
	assert_int_equal(b->ev.reason, KITH_CLOSE_BUSY);
	assert_int_equal(w.nodes[WORLD_ALICE].core->sessions.by_index.n, held[0] - 1);
	assert_int_equal(w.nodes[WORLD_BOB].core->sessions.by_index.n, held[1] - 1);
	core_world_deinit(&w);
}

static void whoever_vanishes_from_a_session_is_missed_within_half_a_minute_of_talk(void **state)
{
	struct core_world w;
	(void)state;
	world_alice_and_bob(&w);
	kith_session_id ours = world_call(&w, WORLD_ALICE, WORLD_BOB, NULL);
	w.nodes[WORLD_BOB].muted = true;
	int since = w.events_n;
	for (int i = 0; i < 150 && world_event(&w, WORLD_ALICE, KITH_EVENT_CLOSED, since) == NULL; i++) {
		int err = world_say(&w, WORLD_ALICE, ours, "hello?", 6);
		assert_true(err == 0 || err == KITH_ENOENT || err == KITH_EAGAIN); /* the circuit breaker */
		world_run(&w, 200 * KITH_US_PER_MS);
	}
	const struct world_event *closed = world_event(&w, WORLD_ALICE, KITH_EVENT_CLOSED, since);
	assert_non_null(closed);
	assert_int_equal(closed->ev.reason, KITH_CLOSE_TIMED_OUT);
	assert_false(closed->ev.remote);
	core_world_deinit(&w);
}

static void a_contact_that_is_blocked_or_made_relay_only_feels_it_at_once(void **state)
{
	struct core_world w;
	kith_session_id theirs;
	struct kith_path_info paths[KITH_PATHS_MAX];
	(void)state;
	world_alice_and_bob(&w);
	kith_session_id ours = world_call(&w, WORLD_ALICE, WORLD_BOB, &theirs);
	const struct world_event *path = world_event(&w, WORLD_BOB, KITH_EVENT_PATH, 0);
	assert_non_null(path);
	assert_int_equal(path->ev.path.kind, KITH_PATH_CLASS_DIRECT);
	pin_relay_only(&w, WORLD_BOB, WORLD_ALICE);
	size_t n = kith_core_paths(w.nodes[WORLD_BOB].core, world_clock(&w), theirs, paths, KITH_PATHS_MAX);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(paths[i].kind, KITH_PATH_CLASS_RELAY);
	world_run(&w, 5 * KITH_US_PER_S);
	int since = w.events_n;
	assert_int_equal(world_say(&w, WORLD_ALICE, ours, "x", 1), 0);
	world_run(&w, KITH_US_PER_S);
	assert_int_equal(world_events(&w, WORLD_BOB, KITH_EVENT_DATAGRAM, since), 1);
	assert_int_equal(kith_core_pin(w.nodes[WORLD_BOB].core, world_clock(&w), "alice",
				       &w.nodes[WORLD_ALICE].id.identity, KITH_CONTACT_BLOCKED, false),
			 0);
	world_drain(&w, WORLD_BOB);
	assert_non_null(world_event(&w, WORLD_BOB, KITH_EVENT_CLOSED, since));
	world_run(&w, KITH_US_PER_S);
	assert_non_null(world_event(&w, WORLD_ALICE, KITH_EVENT_CLOSED, since));
	core_world_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(datagrams_of_every_length_arrive_as_they_were_sent),
		cmocka_unit_test(a_sender_that_is_too_fast_waits_until_it_is_told),
		cmocka_unit_test(a_stream_carries_the_same_bytes_both_ways_under_loss),
		cmocka_unit_test(streams_of_a_session_that_ends_are_told_so_by_its_end),
		cmocka_unit_test(news_of_a_stream_wait_until_there_is_room_for_them),
		cmocka_unit_test(a_relayed_call_goes_on_for_as_long_as_it_likes),
		cmocka_unit_test(an_idle_relayed_session_is_there_after_an_hour),
		cmocka_unit_test(a_relay_only_contact_never_learns_or_sees_an_address),
		cmocka_unit_test(a_call_survives_the_death_of_its_relay),
		cmocka_unit_test(both_sides_hear_of_the_end_and_why),
		cmocka_unit_test(whoever_vanishes_from_a_session_is_missed_within_half_a_minute_of_talk),
		cmocka_unit_test(a_contact_that_is_blocked_or_made_relay_only_feels_it_at_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
