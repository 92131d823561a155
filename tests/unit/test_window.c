/* How windows grow and what bounds them: by use, at the application's pace, within the bounds of a stream, a session
 * and a node; against peers that keep to no bound; and that one stream fills a long and fast link.
 */
#include "sim/streamrun.h"
#include "stream/internal.h"
#include "stream_pipe.h"

enum { KIB = 1024, MIB = 1024 * 1024, LINK = 12500000 };

static size_t window_of(struct pipe *p, unsigned who, const struct pipe_stream *st)
{
	const struct kith_quic_stream *found = kith_table_get(&p->ends[who].s->table, &st->id);
	return found != NULL ? found->window : 0;
}

static size_t unread(const struct kith_streams *s)
{
	size_t sum = 0;
	uint32_t it = 0;
	for (const struct kith_quic_stream *st = kith_table_next(&s->table, &it); st != NULL;
	     st = kith_table_next(&s->table, &it))
		sum += st->recv.len;
	return sum;
}

/* Until the reader's window is so large. */
static void run_until_window(struct pipe *p, const struct pipe_stream *st, size_t window)
{
	kith_time_us until = p->now + 5 * PIPE_S;
	while (window_of(p, PIPE_RESPONDER, st) < window)
		assert_true(pipe_step(p, until));
}

/* Both ends with these bounds, 50 ms apart. */
static struct pipe *pair(uint64_t seed, size_t window_max, size_t session_max, struct kith_streams_pool *pool)
{
	struct pipe *p = pipe_new(seed);
	p->faults.delay_us = 50 * PIPE_MS;
	for (unsigned i = 0; i < PIPE_ENDS; i++) {
		struct kith_streams_config cfg;
		pipe_config(p, i, &cfg);
		cfg.window_max = window_max;
		cfg.session_max = session_max;
		cfg.pool = i == PIPE_RESPONDER ? pool : NULL;
		cfg.rtt_us = 100 * PIPE_MS;
		pipe_make(p, i, &cfg);
	}
	return p;
}

/* Keeps to the rules of a network in which all windows are this large. */
static void make_liar(struct pipe *p, unsigned who, size_t window, uint32_t streams_max)
{
	struct kith_streams_config cfg;
	pipe_config(p, who, &cfg);
	cfg.window = cfg.window_max = window;
	cfg.session_max = 4 * window;
	cfg.streams_max = streams_max;
	pipe_make(p, who, &cfg);
}

/* What one round trip a window gives is 20 Mbit/s of the 100. Of those, headers take 6. */
static void one_stream_fills_a_long_and_fast_link(void **state)
{
	(void)state;
	static struct kith_streamrun_result r;
	struct kith_streamrun_options o;
	kith_streamrun_options_init(&o);
	assert_int_equal(kith_streamrun(&o, &r), 0);
	assert_in_range(kith_streamrun_ramp(&r, LINK / 10 * 9), 1, 20); /* full within two seconds */
	assert_true(kith_streamrun_rate(&r, r.slots_n / 2) >= LINK / 100 * 90);
	assert_true(kith_streamrun_rate(&r, 0) >= LINK / 100 * 80);
	assert_true(r.writer_peak_bytes < 8 * MIB && r.reader_peak_bytes < 8 * MIB);
	assert_true(r.writer_after_bytes < 1 * MIB && r.reader_after_bytes < 1 * MIB / 2);
}

static void windows_grow_with_use_and_stop_at_the_bound(void **state)
{
	(void)state;
	struct pipe *p = pair(1, 2 * MIB, 16 * MIB, NULL);
	struct pipe_stream *st = pipe_open(p, PIPE_INITIATOR, 1, 100 * MIB);
	struct pipe_stream *other = pipe_stream(&p->ends[PIPE_RESPONDER], st->id);
	pipe_run(p, 120 * PIPE_MS);
	assert_int_equal(window_of(p, PIPE_RESPONDER, st), KITH_STREAMS_WINDOW); /* little has come */
	run_until_window(p, st, 2 * MIB);
	pipe_run(p, PIPE_S / 2);
	assert_int_equal(window_of(p, PIPE_RESPONDER, st), 2 * MIB);
	uint64_t before = other->read;
	pipe_run(p, PIPE_S / 2);
	assert_in_range(other->read - before, 9 * MIB, 21 * MIB / 2); /* a window each round trip */
	pipe_free(p);
}

static void what_is_not_read_grows_nothing(void **state)
{
	(void)state;
	struct pipe *p = pair(2, 8 * MIB, 16 * MIB, NULL);
	p->ends[PIPE_RESPONDER].hold = true;
	struct pipe_stream *st = pipe_open(p, PIPE_INITIATOR, 1, 10 * MIB);
	pipe_run(p, 10 * PIPE_S);
	assert_int_equal(window_of(p, PIPE_RESPONDER, st), KITH_STREAMS_WINDOW);
	assert_in_range(unread(p->ends[PIPE_RESPONDER].s), KITH_STREAMS_WINDOW - 2, KITH_STREAMS_WINDOW);
	pipe_free(p);
}

/* All that has come, every ten seconds: read at once and in small pieces, and yet no more than a window each time. */
static void who_reads_late_raises_nothing(void **state)
{
	(void)state;
	struct pipe *p = pair(3, 8 * MIB, 16 * MIB, NULL);
	struct pipe_end *reader = &p->ends[PIPE_RESPONDER];
	reader->hold = true;
	struct pipe_stream *st = pipe_open(p, PIPE_INITIATOR, 1, 10 * MIB);
	for (unsigned i = 0; i < 20; i++) {
		pipe_run(p, 10 * PIPE_S);
		pipe_read(p, PIPE_RESPONDER, pipe_stream(reader, st->id));
	}
	assert_true(pipe_stream(reader, st->id)->read > 4 * MIB);
	assert_int_equal(window_of(p, PIPE_RESPONDER, st), KITH_STREAMS_WINDOW);
	pipe_free(p);
}

/* 200 kB a round trip need no more than six times that, however fast the link is: 1 MiB, and half as much again while
 * a buffer grows to that. */
static void a_slow_reader_gets_a_window_of_its_own_pace(void **state)
{
	(void)state;
	static struct kith_streamrun_result r;
	struct kith_streamrun_options o;
	kith_streamrun_options_init(&o);
	o.span_us = 4 * KITH_US_PER_S;
	o.read_bytes_per_s = 2000000;
	assert_int_equal(kith_streamrun(&o, &r), 0);
	assert_true(kith_streamrun_rate(&r, r.slots_n / 2) >= 1990000);
	assert_true(r.reader_peak_bytes < 2 * MIB);
}

static void a_session_holds_no_more_than_its_bound_and_goes_on_when_read(void **state)
{
	(void)state;
	struct pipe *p = pair(4, 1 * MIB, 2 * MIB, NULL);
	struct pipe_end *reader = &p->ends[PIPE_RESPONDER];
	struct pipe_stream *st[KITH_STREAMS_MAX];
	for (uint16_t i = 0; i < KITH_STREAMS_MAX; i++)
		st[i] = pipe_open(p, PIPE_INITIATOR, i, 2 * MIB);
	pipe_run(p, 1 * PIPE_S);
	reader->hold = true;
	for (unsigned i = 0; i < 100; i++) {
		pipe_run(p, 100 * PIPE_MS);
		assert_true(unread(reader->s) <= 2 * MIB);
	}
	assert_true(unread(reader->s) > 1 * MIB);
	assert_true(reader->alloc.live_bytes < 5 * MIB);
	reader->hold = false;
	for (unsigned i = 0; i < KITH_STREAMS_MAX; i++)
		pipe_read(p, PIPE_RESPONDER, pipe_stream(reader, st[i]->id));
	pipe_run(p, 60 * PIPE_S);
	for (unsigned i = 0; i < KITH_STREAMS_MAX; i++)
		assert_true(pipe_stream(reader, st[i]->id)->ended);
	pipe_free(p);
}

/* One stream has grown as far as it could, and is not read any more. */
static void a_stream_that_grew_leaves_the_others_room(void **state)
{
	(void)state;
	struct pipe *p = pair(5, 8 * MIB, 16 * MIB, NULL);
	struct pipe_end *reader = &p->ends[PIPE_RESPONDER];
	struct pipe_stream *st = pipe_open(p, PIPE_INITIATOR, 1, 500 * (uint64_t)MIB);
	run_until_window(p, st, 8 * MIB);
	pipe_stream(reader, st->id)->hold = true;
	pipe_run(p, 3 * PIPE_S);
	assert_true(unread(reader->s) > 4 * MIB);
	struct pipe_stream *next = pipe_open(p, PIPE_INITIATOR, 2, 10 * MIB);
	assert_true(pipe_transfer(p, PIPE_INITIATOR, next, 10 * PIPE_S) < 5 * PIPE_S);
	pipe_free(p);
}

static void who_sends_beyond_the_window_is_cut_off(void **state)
{
	(void)state;
	struct pipe *p = pipe_new(6);
	make_liar(p, PIPE_INITIATOR, 8 * MIB, KITH_STREAMS_MAX);
	pipe_make(p, PIPE_RESPONDER, NULL);
	p->ends[PIPE_RESPONDER].hold = true;
	pipe_open(p, PIPE_INITIATOR, 1, 8 * MIB);
	pipe_run(p, 20 * PIPE_S);
	assert_int_equal(p->ends[PIPE_RESPONDER].dead, KITH_EPROTO);
	assert_true(p->ends[PIPE_RESPONDER].alloc.peak_bytes < 2 * MIB);
	pipe_free(p);
}

static void who_opens_streams_beyond_the_limit_is_cut_off(void **state)
{
	(void)state;
	struct pipe *p = pipe_new(7);
	make_liar(p, PIPE_INITIATOR, 8 * MIB, KITH_STREAMS_MAX_MAX);
	pipe_make(p, PIPE_RESPONDER, NULL);
	p->ends[PIPE_RESPONDER].hold = true;
	for (uint16_t i = 0; i < 2 * KITH_STREAMS_MAX; i++) {
		uint64_t id;
		assert_int_equal(kith_streams_open(p->ends[PIPE_INITIATOR].s, i, &id), 0);
	}
	pipe_run(p, 5 * PIPE_S);
	assert_int_equal(p->ends[PIPE_RESPONDER].dead, KITH_EPROTO);
	pipe_free(p);
}

/* Stays within each stream's window, but not within the session's. */
static void who_sends_beyond_the_sessions_window_is_cut_off(void **state)
{
	(void)state;
	struct pipe *p = pipe_new(8);
	struct kith_streams_config cfg;
	make_liar(p, PIPE_INITIATOR, 8 * MIB, KITH_STREAMS_MAX);
	pipe_config(p, PIPE_RESPONDER, &cfg);
	cfg.window_max = KITH_STREAMS_WINDOW;
	cfg.session_max = 1 * MIB;
	pipe_make(p, PIPE_RESPONDER, &cfg);
	p->ends[PIPE_RESPONDER].hold = true;
	for (uint16_t i = 0; i < KITH_STREAMS_MAX; i++)
		pipe_open(p, PIPE_INITIATOR, i, 200 * KIB);
	pipe_run(p, 20 * PIPE_S);
	assert_int_equal(p->ends[PIPE_RESPONDER].dead, KITH_EPROTO);
	assert_true(p->ends[PIPE_RESPONDER].alloc.peak_bytes < 4 * MIB);
	pipe_free(p);
}

static void a_node_bounds_what_its_sessions_have_grown_by(void **state)
{
	(void)state;
	struct kith_streams_pool pool = { .max = 3 * MIB };
	struct pipe *p[3];
	for (unsigned i = 0; i < 3; i++) {
		p[i] = pair(9 + i, 8 * MIB, 16 * MIB, &pool);
		pipe_open(p[i], PIPE_INITIATOR, 1, 100 * MIB);
		pipe_run(p[i], 1500 * PIPE_MS);
		assert_true(pool.used <= pool.max);
	}
	assert_true(pool.used > 1 * MIB);
	/* The last has what all begin with, and moves on. */
	assert_true(p[2]->ends[PIPE_RESPONDER].s->window >= 1 * MIB);
	assert_true(pipe_stream(&p[2]->ends[PIPE_RESPONDER], 0)->read > 2 * MIB);
	for (unsigned i = 0; i < 3; i++)
		pipe_free(p[i]);
	assert_int_equal(pool.used, 0);
}

static void a_session_gives_back_when_its_streams_have_ended(void **state)
{
	(void)state;
	struct kith_streams_pool pool = { .max = 64 * MIB };
	struct pipe *p = pair(12, 8 * MIB, 16 * MIB, &pool);
	struct pipe_stream *st = pipe_open(p, PIPE_INITIATOR, 1, 30 * MIB);
	pipe_transfer(p, PIPE_INITIATOR, st, 60 * PIPE_S);
	assert_true(pool.used > 4 * MIB);
	(void)kith_streams_write(p->ends[PIPE_RESPONDER].s, st->id, NULL, 0, true);
	/* A chat goes on: what it says is not granted anew as long as there is too much. */
	for (unsigned i = 0; i < 100; i++) {
		st = pipe_open(p, PIPE_INITIATOR, 3, 100 * KIB);
		pipe_transfer(p, PIPE_INITIATOR, st, 10 * PIPE_S);
		(void)kith_streams_write(p->ends[PIPE_RESPONDER].s, st->id, NULL, 0, true);
		pipe_run(p, 200 * PIPE_MS);
		st->used = pipe_stream(&p->ends[PIPE_RESPONDER], st->id)->used = false;
	}
	assert_true(pool.used < 1 * MIB);
	pipe_free(p);
}

static void what_is_written_ahead_is_bounded_and_shared(void **state)
{
	(void)state;
	enum { SESSION = 4 * MIB };
	struct pipe *p = pair(14, 2 * MIB, SESSION, NULL);
	struct pipe_end *e = &p->ends[PIPE_INITIATOR];
	static uint8_t bytes[MIB];
	p->faults.blackout_until = p->now + 1000 * PIPE_S;
	size_t sum = 0, last = 0;
	for (uint16_t i = 0; i < KITH_STREAMS_MAX; i++) {
		uint64_t id;
		assert_int_equal(kith_streams_open(e->s, i, &id), 0);
		int n = kith_streams_write(e->s, id, bytes, sizeof bytes, false);
		assert_true(n > 0); /* the last one too */
		assert_int_equal(kith_streams_write(e->s, id, bytes, 1, false), KITH_EAGAIN);
		sum += (size_t)n;
		last = (size_t)n;
	}
	assert_true(sum <= SESSION && sum > SESSION / 4 * 3);
	assert_true(last >= SESSION / 8 / KITH_STREAMS_MAX - 2);
	pipe_free(p);
}

/* QUIC's memory is the peer's to fill. */
static void what_quic_may_allocate_has_a_bound(void **state)
{
	(void)state;
	struct test_alloc alloc;
	struct kith_quic_memory m;
	test_alloc_init(&alloc);
	kith_quic_memory_init(&m, &alloc.alloc, 10000);
	void *a = m.mem.malloc(6000, m.mem.user_data);
	assert_non_null(a);
	assert_null(m.mem.malloc(5000, m.mem.user_data));
	assert_true(m.starved);
	m.mem.free(a, m.mem.user_data);
	a = m.mem.malloc(9000, m.mem.user_data);
	assert_non_null(a);
	m.mem.free(a, m.mem.user_data);
	kith_quic_memory_deinit(&m);
	test_alloc_check(&alloc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_stream_fills_a_long_and_fast_link),
		cmocka_unit_test(windows_grow_with_use_and_stop_at_the_bound),
		cmocka_unit_test(what_is_not_read_grows_nothing),
		cmocka_unit_test(who_reads_late_raises_nothing),
		cmocka_unit_test(a_slow_reader_gets_a_window_of_its_own_pace),
		cmocka_unit_test(a_session_holds_no_more_than_its_bound_and_goes_on_when_read),
		cmocka_unit_test(a_stream_that_grew_leaves_the_others_room),
		cmocka_unit_test(who_sends_beyond_the_window_is_cut_off),
		cmocka_unit_test(who_opens_streams_beyond_the_limit_is_cut_off),
		cmocka_unit_test(who_sends_beyond_the_sessions_window_is_cut_off),
		cmocka_unit_test(a_node_bounds_what_its_sessions_have_grown_by),
		cmocka_unit_test(a_session_gives_back_when_its_streams_have_ended),
		cmocka_unit_test(what_is_written_ahead_is_bounded_and_shared),
		cmocka_unit_test(what_quic_may_allocate_has_a_bound),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
