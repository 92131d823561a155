/* Streams over a perfect pipe: opening, both directions, backpressure, ends, limits. */
#include "stream_pipe.h"

#include "base/limits.h"

static void bytes_arrive_in_order_and_end(void **state)
{
	(void)state;
	struct pipe *p = pipe_pair(1);
	struct pipe_stream *st = pipe_open(p, PIPE_INITIATOR, 0xbeef, 300000);
	pipe_transfer(p, PIPE_INITIATOR, st, 10 * PIPE_S);
	struct pipe_stream *other = pipe_stream(&p->ends[PIPE_RESPONDER], st->id);
	assert_int_equal(other->channel, 0xbeef);
	assert_int_equal(p->ends[PIPE_RESPONDER].opened, 1);
	pipe_free(p);
}

static void each_role_may_open_first(void **state)
{
	(void)state;
	for (unsigned who = 0; who < PIPE_ENDS; who++) {
		struct pipe *p = pipe_pair(2 + who);
		struct pipe_stream *st = pipe_open(p, who, 3, 2000);
		kith_time_us took = pipe_transfer(p, who, st, 5 * PIPE_S);
		assert_int_equal(took, 10 * PIPE_MS); /* one way: they leave with the first packet */
		pipe_free(p);
	}
}

static void both_ends_may_open_at_once(void **state)
{
	(void)state;
	struct pipe *p = pipe_pair(4);
	struct pipe_stream *a = pipe_open(p, PIPE_INITIATOR, 1, 50000);
	struct pipe_stream *b = pipe_open(p, PIPE_RESPONDER, 2, 50000);
	assert_int_not_equal(a->id, b->id);
	pipe_transfer(p, PIPE_INITIATOR, a, 5 * PIPE_S);
	pipe_transfer(p, PIPE_RESPONDER, b, 5 * PIPE_S);
	pipe_free(p);
}

static void an_answer_comes_back_after_half_close(void **state)
{
	(void)state;
	struct pipe *p = pipe_pair(5);
	p->ends[PIPE_RESPONDER].reply = true;
	struct pipe_stream *st = pipe_open(p, PIPE_INITIATOR, 9, 70000);
	pipe_run(p, 5 * PIPE_S);
	assert_true(st->ended);
	assert_int_equal(st->read, 70000);
	assert_true(st->gone);
	assert_int_equal(st->error, 0);
	assert_true(pipe_stream(&p->ends[PIPE_RESPONDER], st->id)->gone);
	assert_true(kith_streams_idle(p->ends[PIPE_INITIATOR].s));
	assert_true(kith_streams_idle(p->ends[PIPE_RESPONDER].s));
	pipe_free(p);
}

static void an_empty_stream_is_opened_and_ended(void **state)
{
	(void)state;
	struct pipe *p = pipe_pair(6);
	p->ends[PIPE_RESPONDER].reply = true;
	struct pipe_stream *st = pipe_open(p, PIPE_INITIATOR, 9, 0);
	pipe_run(p, 5 * PIPE_S);
	assert_int_equal(p->ends[PIPE_RESPONDER].opened, 1);
	assert_true(st->gone && st->ended);
	assert_int_equal(st->read, 0);
	pipe_free(p);
}

static void opening_alone_tells_the_peer_the_channel(void **state)
{
	(void)state;
	struct pipe *p = pipe_pair(7);
	uint64_t id;
	assert_int_equal(kith_streams_open(p->ends[PIPE_INITIATOR].s, 65535, &id), 0);
	pipe_run(p, 1 * PIPE_S);
	assert_int_equal(p->ends[PIPE_RESPONDER].opened, 1);
	assert_int_equal(pipe_stream(&p->ends[PIPE_RESPONDER], id)->channel, 65535);
	bool fin;
	uint8_t byte;
	assert_int_equal(kith_streams_read(p->ends[PIPE_RESPONDER].s, p->now, id, &byte, 1, &fin), KITH_EAGAIN);
	assert_false(fin);
	pipe_free(p);
}

static void a_full_buffer_refuses_and_later_tells_of_room(void **state)
{
	(void)state;
	struct pipe *p = pipe_pair_bounded(8, 0, 8192, 8192);
	uint8_t buf[10000] = { 0 };
	uint64_t id;
	struct kith_streams *s = p->ends[PIPE_INITIATOR].s;
	assert_int_equal(kith_streams_open(s, 1, &id), 0);
	int first = kith_streams_write(s, id, buf, sizeof buf, false);
	assert_in_range(first, 8000, 8192);
	assert_int_equal(kith_streams_write(s, id, buf, 1, false), KITH_EAGAIN);
	struct kith_stream_event ev;
	assert_false(kith_streams_event(s, &ev));
	p->ends[PIPE_RESPONDER].hold = true;
	struct pipe_stream *st = pipe_stream(&p->ends[PIPE_INITIATOR], id);
	for (int i = 0; i < 10 && pipe_step(p, p->now + PIPE_S); i++)
		;
	st->stopped = true; /* writes nothing more by itself */
	pipe_run(p, 1 * PIPE_S);
	assert_in_range(kith_streams_write(s, id, buf, sizeof buf, false), 1, 8192);
	pipe_free(p);
}

static void writable_is_told_after_a_short_write(void **state)
{
	(void)state;
	struct pipe *p = pipe_pair_bounded(9, 0, KITH_STREAMS_WINDOW_MIN, KITH_STREAMS_WINDOW_MIN);
	struct pipe_stream *st = pipe_open(p, PIPE_INITIATOR, 1, 200000); /* needs some fifty WRITABLE */
	pipe_transfer(p, PIPE_INITIATOR, st, 60 * PIPE_S);
	pipe_free(p);
}

static void credit_is_given_only_for_what_is_read(void **state)
{
	(void)state;
	struct pipe *p = pipe_pair_bounded(10, 0, 16384, 0);
	p->ends[PIPE_RESPONDER].hold = true;
	struct pipe_stream *st = pipe_open(p, PIPE_INITIATOR, 1, 100000);
	pipe_run(p, 5 * PIPE_S);
	uint8_t buf[65536];
	bool fin;
	struct pipe_stream *other = pipe_stream(&p->ends[PIPE_RESPONDER], st->id);
	int n = kith_streams_read(p->ends[PIPE_RESPONDER].s, p->now, st->id, buf, sizeof buf, &fin);
	assert_int_equal(n, 16384 - 2); /* the channel is part of the first window */
	other->read = (uint64_t)n;
	p->ends[PIPE_RESPONDER].hold = other->hold = false;
	pipe_transfer(p, PIPE_INITIATOR, st, 5 * PIPE_S);
	pipe_free(p);
}

static void sixty_four_streams_run_at_once_from_each_end(void **state)
{
	(void)state;
	struct pipe *p = pipe_pair(11);
	p->ends[PIPE_INITIATOR].reply = p->ends[PIPE_RESPONDER].reply = true;
	for (unsigned who = 0; who < PIPE_ENDS; who++) {
		for (uint16_t i = 0; i < KITH_STREAMS_MAX; i++)
			pipe_open(p, who, i, 20000 + 100u * i);
	}
	uint64_t id;
	assert_int_equal(kith_streams_open(p->ends[PIPE_INITIATOR].s, 1, &id), KITH_EFULL);
	pipe_run(p, 30 * PIPE_S);
	for (unsigned who = 0; who < PIPE_ENDS; who++) {
		assert_int_equal(p->ends[who].opened, KITH_STREAMS_MAX);
		assert_int_equal(p->ends[who].closed, 2 * KITH_STREAMS_MAX);
	}
	assert_int_equal(kith_streams_open(p->ends[PIPE_INITIATOR].s, 1, &id), 0);
	pipe_free(p);
}

static void more_streams_than_the_peer_allows_wait_their_turn(void **state)
{
	(void)state;
	struct pipe *p = pipe_pair_bounded(12, 3, 0, 0);
	struct pipe_end *e = p->ends;
	e[PIPE_RESPONDER].reply = true;
	unsigned opened = 0, refused = 0;
	/* Ours are over, and others may be opened, a little before the peer knows and allows them. */
	while (e[PIPE_INITIATOR].closed < 40) {
		uint64_t id;
		int rv = opened < 40 ? kith_streams_open(e[PIPE_INITIATOR].s, 7, &id) : KITH_EFULL;
		if (rv == KITH_EFULL) {
			refused++;
			assert_true(pipe_step(p, p->now + 10 * PIPE_S));
			continue;
		}
		assert_int_equal(rv, 0);
		opened++;
		struct pipe_stream *st = pipe_stream(&e[PIPE_INITIATOR], id);
		st->to_write = 5000;
		st->fin_when_written = true;
		pipe_write(&e[PIPE_INITIATOR], PIPE_INITIATOR, st);
	}
	assert_true(refused > 40);
	assert_int_equal(e[PIPE_RESPONDER].opened, 40);
	assert_false(e[PIPE_INITIATOR].dead || e[PIPE_RESPONDER].dead);
	pipe_free(p);
}

static void unread_streams_do_not_stall_the_others(void **state)
{
	(void)state;
	struct pipe *p = pipe_pair_bounded(13, 0, 16384, 0);
	p->ends[PIPE_RESPONDER].hold = true;
	for (uint16_t i = 0; i + 1 < KITH_STREAMS_MAX; i++)
		pipe_open(p, PIPE_INITIATOR, i, 100000);
	pipe_run(p, 5 * PIPE_S);
	p->ends[PIPE_RESPONDER].hold = false;
	struct pipe_stream *st = pipe_open(p, PIPE_INITIATOR, 99, 3000000);
	pipe_transfer(p, PIPE_INITIATOR, st, 20 * PIPE_S);
	pipe_free(p);
}

static void a_reset_carries_its_code_and_frees_both_ends(void **state)
{
	(void)state;
	struct pipe *p = pipe_pair(14);
	struct pipe_end *e = p->ends;
	struct pipe_stream *st = pipe_open(p, PIPE_INITIATOR, 1, 50000000);
	for (int i = 0; i < 200; i++)
		pipe_step(p, p->now + PIPE_S);
	st->stopped = true;
	assert_int_equal(kith_streams_reset(e[PIPE_INITIATOR].s, st->id, 77), 0);
	assert_int_equal(kith_streams_reset(e[PIPE_INITIATOR].s, st->id, 78), 0); /* again is no error */
	assert_int_equal(kith_streams_write(e[PIPE_INITIATOR].s, st->id, (const uint8_t *)"x", 1, false), KITH_ECLOSED);
	pipe_run(p, 1 * PIPE_S);
	struct pipe_stream *other = pipe_stream(&e[PIPE_RESPONDER], st->id);
	assert_true(other->reset);
	assert_int_equal(other->reset_code, 77);
	assert_false(other->gone);
	assert_int_equal(kith_streams_write(e[PIPE_RESPONDER].s, st->id, NULL, 0, true), 0);
	pipe_run(p, 1 * PIPE_S);
	assert_true(other->gone && st->gone && st->ended);
	pipe_free(p);
}

static void stopping_to_read_stops_the_writer(void **state)
{
	(void)state;
	struct pipe *p = pipe_pair(15);
	struct pipe_end *e = p->ends;
	struct pipe_stream *st = pipe_open(p, PIPE_INITIATOR, 1, 50000000);
	for (int i = 0; i < 200; i++)
		pipe_step(p, p->now + PIPE_S);
	pipe_stream(&e[PIPE_RESPONDER], st->id)->hold = true;
	assert_int_equal(kith_streams_stop(e[PIPE_RESPONDER].s, st->id, 5), 0);
	uint8_t byte;
	bool fin;
	assert_int_equal(kith_streams_read(e[PIPE_RESPONDER].s, p->now, st->id, &byte, 1, &fin), KITH_ECLOSED);
	pipe_run(p, 2 * PIPE_S);
	assert_true(st->stopped);
	assert_int_equal(kith_streams_write(e[PIPE_INITIATOR].s, st->id, &byte, 1, false), KITH_ECLOSED);
	assert_int_equal(kith_streams_write(e[PIPE_RESPONDER].s, st->id, NULL, 0, true), 0);
	pipe_run(p, 2 * PIPE_S);
	assert_true(st->gone);
	assert_true(pipe_stream(&e[PIPE_RESPONDER], st->id)->gone);
	assert_true(kith_streams_idle(e[PIPE_INITIATOR].s));
	assert_true(kith_streams_idle(e[PIPE_RESPONDER].s));
	pipe_free(p);
}

static void a_stream_reset_before_it_left_is_never_seen_by_the_peer(void **state)
{
	(void)state;
	struct pipe *p = pipe_pair(16);
	struct pipe_end *e = p->ends;
	struct pipe_stream *a = pipe_open(p, PIPE_INITIATOR, 1, 1000);
	assert_int_equal(kith_streams_reset(e[PIPE_INITIATOR].s, a->id, 1), 0);
	assert_int_equal(kith_streams_stop(e[PIPE_INITIATOR].s, a->id, 1), 0);
	struct pipe_stream *b = pipe_open(p, PIPE_INITIATOR, 2, 1000); /* the ids that follow are not disturbed */
	pipe_transfer(p, PIPE_INITIATOR, b, 2 * PIPE_S);
	pipe_run(p, 1 * PIPE_S);
	assert_int_equal(e[PIPE_RESPONDER].opened, 1);
	assert_true(a->gone);
	assert_false(e[PIPE_INITIATOR].dead || e[PIPE_RESPONDER].dead);
	pipe_free(p);
}

static void credit_is_not_lost_by_resets_and_stops(void **state)
{
	(void)state;
	struct pipe *p = pipe_pair_bounded(17, 2, 8192, 8192);
	struct pipe_end *e = p->ends;
	p->ends[PIPE_RESPONDER].hold = true;
	/* Each leaves up to 8 KB unread; the session's first window is 32 KB. */
	for (unsigned i = 0; i < 100; i++) {
		struct pipe_stream *st = pipe_open(p, PIPE_INITIATOR, 1, 100000);
		pipe_run(p, 200 * PIPE_MS);
		st->stopped = true;
		if (i % 2)
			assert_int_equal(kith_streams_reset(e[PIPE_INITIATOR].s, st->id, 1), 0);
		else
			assert_int_equal(kith_streams_stop(e[PIPE_RESPONDER].s, st->id, 1), 0);
		pipe_run(p, 100 * PIPE_MS);
		(void)kith_streams_reset(e[PIPE_INITIATOR].s, st->id, 1);
		(void)kith_streams_write(e[PIPE_RESPONDER].s, st->id, NULL, 0, true);
		pipe_run(p, 200 * PIPE_MS);
		assert_true(st->gone && pipe_stream(&e[PIPE_RESPONDER], st->id)->gone);
		st->used = pipe_stream(&e[PIPE_RESPONDER], st->id)->used = false;
	}
	p->ends[PIPE_RESPONDER].hold = false;
	struct pipe_stream *st = pipe_open(p, PIPE_INITIATOR, 1, 300000);
	pipe_transfer(p, PIPE_INITIATOR, st, 20 * PIPE_S);
	pipe_free(p);
}

static void a_thousand_streams_in_a_row_leave_nothing_behind(void **state)
{
	(void)state;
	struct pipe *p = pipe_pair(66);
	struct pipe_end *e = p->ends;
	size_t settled[PIPE_ENDS] = { 0 };
	e[PIPE_INITIATOR].reply = e[PIPE_RESPONDER].reply = true;
	for (unsigned i = 0; i < 1100; i++) {
		unsigned who = i % 2;
		struct pipe_stream *st = pipe_open(p, who, 1, 100 + i);
		if (i % 10 == 9) {
			assert_int_equal(kith_streams_reset(e[who].s, st->id, i), 0);
			assert_int_equal(kith_streams_stop(e[who].s, st->id, i), 0);
		}
		pipe_settle(p, 10 * PIPE_S);
		assert_true(st->gone);
		for (unsigned k = 0; k < PIPE_ENDS; k++) {
			assert_true(kith_streams_idle(e[k].s));
			memset(e[k].streams, 0, sizeof e[k].streams);
			if (i == 100)
				settled[k] = e[k].alloc.live_bytes;
		}
	}
	for (unsigned k = 0; k < PIPE_ENDS; k++) {
		print_message("end %u: %zu bytes after 100 streams, %zu after 1100\n", k, settled[k],
			      e[k].alloc.live_bytes);
		assert_true(e[k].alloc.live_bytes < settled[k] + 8 * 1024);
	}
	pipe_free(p);
}

/* And their end goes along. */
static void small_writes_share_a_packet(void **state)
{
	(void)state;
	struct pipe *p = pipe_pair(68);
	struct pipe_end *e = &p->ends[PIPE_INITIATOR];
	struct pipe_stream *st[4];
	for (unsigned i = 0; i < 4; i++) {
		st[i] = pipe_open(p, PIPE_INITIATOR, 1, 100);
		pipe_drain(p, PIPE_INITIATOR); /* as a host does after each call */
	}
	assert_int_equal(e->packets, 0);
	assert_true(kith_streams_deadline(e->s) <= p->now);
	kith_streams_tick(e->s, p->now);
	pipe_drain(p, PIPE_INITIATOR);
	assert_int_equal(e->packets, 1);
	for (unsigned i = 0; i < 4; i++)
		pipe_transfer(p, PIPE_INITIATOR, st[i], 1 * PIPE_S);
	assert_int_equal(p->now, 1 * PIPE_S + 10 * PIPE_MS);
	pipe_free(p);
}

static void what_comes_after_a_reset_or_a_close_is_refused_or_dropped(void **state)
{
	(void)state;
	struct pipe *p = pipe_pair(67);
	struct pipe_end *e = p->ends;
	uint8_t byte = 1;
	bool fin;
	struct pipe_stream *st = pipe_open(p, PIPE_INITIATOR, 1, 2000);
	pipe_run(p, 1 * PIPE_S);
	struct pipe_stream *other = pipe_stream(&e[PIPE_RESPONDER], st->id);
	assert_true(other->ended);
	assert_int_equal(kith_streams_read(e[PIPE_RESPONDER].s, p->now, st->id, &byte, 1, &fin), KITH_ECLOSED);
	assert_int_equal(kith_streams_stop(e[PIPE_RESPONDER].s, st->id, 1), 0); /* after the end: nothing to stop */
	assert_int_equal(kith_streams_reset(e[PIPE_RESPONDER].s, st->id, 5), 0);
	assert_int_equal(kith_streams_write(e[PIPE_RESPONDER].s, st->id, &byte, 1, false), KITH_ECLOSED);
	assert_int_equal(kith_streams_write(e[PIPE_RESPONDER].s, st->id, NULL, 0, true), KITH_ECLOSED);
	pipe_run(p, 1 * PIPE_S);
	assert_true(st->reset && st->reset_code == 5 && st->gone && other->gone);
	for (unsigned i = 0; i < PIPE_ENDS; i++) {
		assert_int_equal(kith_streams_write(e[i].s, st->id, &byte, 1, false), KITH_ENOENT);
		assert_int_equal(kith_streams_read(e[i].s, p->now, st->id, &byte, 1, &fin), KITH_ENOENT);
		assert_int_equal(kith_streams_reset(e[i].s, st->id, 1), KITH_ENOENT);
		assert_int_equal(kith_streams_stop(e[i].s, st->id, 1), KITH_ENOENT);
		assert_int_equal(e[i].dead, 0);
	}
	pipe_free(p);
}

static void what_is_complete_may_be_read_after_the_end(void **state)
{
	(void)state;
	struct pipe *p = pipe_pair(25);
	struct pipe_end *e = p->ends;
	e[PIPE_RESPONDER].hold = true;
	struct pipe_stream *st = pipe_open(p, PIPE_INITIATOR, 1, 5000);
	pipe_run(p, 200 * PIPE_MS);
	assert_int_equal(kith_streams_write(e[PIPE_RESPONDER].s, st->id, NULL, 0, true), 0);
	pipe_run(p, 200 * PIPE_MS);
	assert_true(st->gone);
	kith_streams_close(e[PIPE_INITIATOR].s);
	pipe_run(p, 200 * PIPE_MS);
	struct pipe_stream *other = pipe_stream(&e[PIPE_RESPONDER], st->id);
	assert_false(other->gone);
	assert_int_equal(e[PIPE_RESPONDER].dead, 0); /* not before its last stream is */
	pipe_read(p, PIPE_RESPONDER, other);
	assert_int_equal(other->read, 5000);
	pipe_events(p, PIPE_RESPONDER);
	assert_true(other->gone);
	assert_int_equal(other->error, 0);
	assert_int_equal(e[PIPE_RESPONDER].dead, KITH_ECUT);
	pipe_free(p);
}

static void calls_on_unknown_streams_and_bad_values_are_refused(void **state)
{
	(void)state;
	struct pipe *p = pipe_pair(26);
	struct kith_streams *s = p->ends[PIPE_INITIATOR].s, *none;
	uint8_t byte = 0;
	bool fin;
	assert_int_equal(kith_streams_write(s, 0, &byte, 1, false), KITH_ENOENT);
	assert_int_equal(kith_streams_read(s, 0, 0, &byte, 1, &fin), KITH_ENOENT);
	assert_int_equal(kith_streams_write(s, 0, NULL, 0, true), KITH_ENOENT);
	assert_int_equal(kith_streams_reset(s, 0, 0), KITH_ENOENT);
	assert_int_equal(kith_streams_stop(s, 0, 0), KITH_ENOENT);
	assert_int_equal(kith_streams_output(s, p->now, &byte, 1), KITH_EINVAL);
	uint64_t id;
	assert_int_equal(kith_streams_open(s, 0, &id), 0);
	assert_int_equal(kith_streams_reset(s, id, UINT64_MAX), KITH_EINVAL);
	assert_int_equal(kith_streams_stop(s, id, UINT64_C(1) << 62), KITH_EINVAL);
	assert_int_equal(kith_streams_write(s, id, NULL, 0, true), 0);
	assert_int_equal(kith_streams_write(s, id, NULL, 0, true), KITH_ECLOSED);
	struct kith_streams_config cfg;
	pipe_config(p, PIPE_INITIATOR, &cfg);
	cfg.streams_max = 0;
	assert_int_equal(kith_streams_new(&none, &cfg), KITH_EINVAL);
	cfg.streams_max = KITH_STREAMS_MAX_MAX + 1;
	assert_int_equal(kith_streams_new(&none, &cfg), KITH_EINVAL);
	pipe_config(p, PIPE_INITIATOR, &cfg);
	cfg.window = KITH_STREAMS_WINDOW_MIN - 1;
	assert_int_equal(kith_streams_new(&none, &cfg), KITH_EINVAL);
	pipe_config(p, PIPE_INITIATOR, &cfg);
	cfg.window_max = cfg.window - 1;
	assert_int_equal(kith_streams_new(&none, &cfg), KITH_EINVAL);
	pipe_config(p, PIPE_INITIATOR, &cfg);
	cfg.session_max = cfg.window_max - 1;
	assert_int_equal(kith_streams_new(&none, &cfg), KITH_EINVAL);
	pipe_config(p, PIPE_INITIATOR, &cfg);
	cfg.window_max = cfg.window;
	cfg.session_max = 4 * cfg.window - 1;
	assert_int_equal(kith_streams_new(&none, &cfg), KITH_EINVAL);
	cfg.session_max = (size_t)KITH_STREAMS_SESSION_LIMIT + 1;
	assert_int_equal(kith_streams_new(&none, &cfg), KITH_EINVAL);
	kith_streams_free(NULL);
	pipe_free(p);
}

static void no_packet_exceeds_the_frame_of_the_session(void **state)
{
	(void)state;
	/* pipe_drain asserts it for every packet of every test; here, that the bound is used, and what it is. */
	assert_true(KITH_STREAMS_PACKET <= KITH_STREAM_PACKET_MAX);
	struct pipe *p = pipe_pair(27);
	struct pipe_stream *st = pipe_open(p, PIPE_INITIATOR, 1, 1000000);
	pipe_transfer(p, PIPE_INITIATOR, st, 10 * PIPE_S);
	assert_true(p->ends[PIPE_INITIATOR].bytes < 1000000 * 104 / 100); /* headers and handshake: under 4 % */
	pipe_free(p);
}

static void memory_is_given_back_as_it_is_acknowledged_and_read(void **state)
{
	(void)state;
	struct pipe *p = pipe_pair(28);
	struct pipe_end *e = p->ends;
	struct kith_streams_stats stats;
	size_t made = e[PIPE_INITIATOR].alloc.live_bytes;
	struct pipe_stream *st = pipe_open(p, PIPE_INITIATOR, 1, 200);
	pipe_transfer(p, PIPE_INITIATOR, st, 1 * PIPE_S);
	pipe_settle(p, 60 * PIPE_S);
	size_t idle = e[PIPE_INITIATOR].alloc.live_bytes, idle_peer = e[PIPE_RESPONDER].alloc.live_bytes;
	for (uint16_t i = 0; i < 32; i++) {
		uint64_t id;
		assert_int_equal(kith_streams_open(e[PIPE_INITIATOR].s, i, &id), 0);
	}
	pipe_settle(p, 60 * PIPE_S);
	size_t open32 = e[PIPE_INITIATOR].alloc.live_bytes, open32_peer = e[PIPE_RESPONDER].alloc.live_bytes;
	struct pipe_stream *bulk = pipe_open(p, PIPE_INITIATOR, 1, 3000000);
	pipe_transfer(p, PIPE_INITIATOR, bulk, 20 * PIPE_S);
	pipe_settle(p, 60 * PIPE_S);
	size_t after = e[PIPE_INITIATOR].alloc.live_bytes;
	kith_streams_stats(e[PIPE_INITIATOR].s, &stats);
	print_message("bytes: new %zu, with one idle stream %zu (peer %zu), each further stream %zu (peer %zu), "
		      "after 3 MB %zu (peak %zu), of it QUIC's %zu\n",
		      made, idle, idle_peer, (open32 - idle) / 32, (open32_peer - idle_peer) / 32, after,
		      e[PIPE_INITIATOR].alloc.peak_bytes, stats.memory_bytes);
	assert_true(idle < 100 * 1024);
	assert_true((open32 - idle) / 32 < 2048);
	assert_true(after - stats.memory_bytes < 32 * 1024); /* no byte of the bulk is held */
	pipe_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_arrive_in_order_and_end),
		cmocka_unit_test(each_role_may_open_first),
		cmocka_unit_test(both_ends_may_open_at_once),
		cmocka_unit_test(an_answer_comes_back_after_half_close),
		cmocka_unit_test(an_empty_stream_is_opened_and_ended),
		cmocka_unit_test(opening_alone_tells_the_peer_the_channel),
		cmocka_unit_test(a_full_buffer_refuses_and_later_tells_of_room),
		cmocka_unit_test(writable_is_told_after_a_short_write),
		cmocka_unit_test(credit_is_given_only_for_what_is_read),
		cmocka_unit_test(sixty_four_streams_run_at_once_from_each_end),
		cmocka_unit_test(more_streams_than_the_peer_allows_wait_their_turn),
		cmocka_unit_test(unread_streams_do_not_stall_the_others),
		cmocka_unit_test(a_reset_carries_its_code_and_frees_both_ends),
		cmocka_unit_test(stopping_to_read_stops_the_writer),
		cmocka_unit_test(a_stream_reset_before_it_left_is_never_seen_by_the_peer),
		cmocka_unit_test(credit_is_not_lost_by_resets_and_stops),
		cmocka_unit_test(a_thousand_streams_in_a_row_leave_nothing_behind),
		cmocka_unit_test(small_writes_share_a_packet),
		cmocka_unit_test(what_comes_after_a_reset_or_a_close_is_refused_or_dropped),
		cmocka_unit_test(what_is_complete_may_be_read_after_the_end),
		cmocka_unit_test(calls_on_unknown_streams_and_bad_values_are_refused),
		cmocka_unit_test(no_packet_exceeds_the_frame_of_the_session),
		cmocka_unit_test(memory_is_given_back_as_it_is_acknowledged_and_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
