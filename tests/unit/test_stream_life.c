/* The life of a stream object over a perfect pipe: when it is silent, its first packets, its end, its generations. */
#include "stream_pipe.h"

static void an_idle_object_neither_sends_nor_wakes(void **state)
{
	(void)state;
	struct pipe *p = pipe_pair(18);
	struct pipe_stream *st = pipe_open(p, PIPE_INITIATOR, 1, 100000);
	pipe_transfer(p, PIPE_INITIATOR, st, 5 * PIPE_S);
	/* The stream stays open in the other direction. */
	assert_true(pipe_settle(p, 60 * PIPE_S) < 10 * PIPE_S);
	uint64_t before = p->ends[PIPE_INITIATOR].packets + p->ends[PIPE_RESPONDER].packets;
	pipe_run(p, 24 * 3600 * PIPE_S);
	assert_int_equal(p->ends[PIPE_INITIATOR].packets + p->ends[PIPE_RESPONDER].packets, before);
	assert_true(pipe_next(p) == KITH_TIME_NEVER);
	/* And a day later it still works. */
	st = pipe_open(p, PIPE_RESPONDER, 1, 100000);
	pipe_transfer(p, PIPE_RESPONDER, st, 5 * PIPE_S);
	pipe_free(p);
}

static void an_unused_object_is_silent(void **state)
{
	(void)state;
	struct pipe *p = pipe_pair(19);
	uint8_t out[KITH_STREAMS_PACKET];
	for (unsigned i = 0; i < PIPE_ENDS; i++) {
		assert_int_equal(kith_streams_output(p->ends[i].s, p->now, out, sizeof out), 0);
		assert_true(kith_streams_deadline(p->ends[i].s) == KITH_TIME_NEVER);
		assert_true(kith_streams_idle(p->ends[i].s));
	}
	pipe_free(p);
}

/* Both ends rely on it unseen: connection id 0, packet number 2, streams 0 and 1, and no frame but theirs. */
static void the_first_packet_is_as_agreed(void **state)
{
	(void)state;
	static const char *const expected[PIPE_ENDS] = { "0000400000020b000212340000", "0000400000020b010212340000" };
	for (unsigned who = 0; who < PIPE_ENDS; who++) {
		struct pipe *p = pipe_pair(70 + who);
		pipe_open(p, who, 0x1234, 0);
		uint8_t out[KITH_STREAMS_PACKET], want[32];
		kith_streams_tick(p->ends[who].s, p->now);
		int n = kith_streams_output(p->ends[who].s, p->now, out, sizeof out);
		size_t len = test_hex(want, sizeof want, expected[who]);
		assert_int_equal(n, len);
		assert_memory_equal(out, want, len);
		pipe_free(p);
	}
}

static void the_first_bytes_are_repeated_until_they_are_heard(void **state)
{
	(void)state;
	for (unsigned who = 0; who < PIPE_ENDS; who++) {
		struct pipe *p = pipe_new(60 + who);
		pipe_make(p, who, NULL);
		struct pipe_stream *st = pipe_open(p, who, 4, 1000);
		pipe_run(p, 60 * PIPE_S);
		assert_in_range(p->ends[who].packets, 10, 40);
		pipe_make(p, 1 - who, NULL);
		pipe_transfer(p, who, st, 5 * PIPE_S);
		pipe_settle(p, 10 * PIPE_S);
		uint64_t before = p->ends[who].packets;
		pipe_run(p, 3600 * PIPE_S);
		assert_int_equal(p->ends[who].packets, before);
		pipe_free(p);
	}
}

/* A peer whose session lives may still never acknowledge anything: what QUIC notes of each probe is not held for
 * ever. */
static void a_peer_that_never_acknowledges_is_given_up(void **state)
{
	(void)state;
	for (unsigned who = 0; who < PIPE_ENDS; who++) {
		struct pipe *p = pipe_new(72 + who);
		pipe_make(p, who, NULL);
		struct pipe_stream *st = pipe_open(p, who, 4, 1000);
		pipe_run(p, 1200 * PIPE_S - PIPE_S);
		assert_int_equal(p->ends[who].dead, 0);
		assert_in_range(p->ends[who].packets, 30, 80); /* and so not more than 40 probes */
		pipe_run(p, 10 * PIPE_S);
		assert_int_equal(p->ends[who].dead, KITH_ETIMEDOUT);
		assert_int_equal(st->error, KITH_ETIMEDOUT);
		assert_true(st->gone);
		assert_true(p->ends[who].alloc.peak_bytes < 1024 * 1024);
		assert_true(pipe_next(p) == KITH_TIME_NEVER || p->flying > 0);
		pipe_free(p);
	}
}

static struct pipe_stream *half_way(struct pipe *p, unsigned from)
{
	p->faults.rate_bytes_s = 200000;
	p->faults.queue_us = 100 * PIPE_MS;
	struct pipe_stream *st = pipe_open(p, from, 4, 400000);
	pipe_run(p, PIPE_S);
	uint64_t read = pipe_stream(&p->ends[1 - from], st->id)->read;
	assert_true(read > 0 && read < st->to_write);
	return st;
}

/* What QUIC computes of the number of its probes stays in its bounds, whatever else there is to probe for. */
static void path_changes_that_lead_nowhere_are_no_reason_to_give_up_early(void **state)
{
	(void)state;
	for (unsigned who = 0; who < PIPE_ENDS; who++) {
		struct pipe *p = pipe_pair(74 + who);
		struct pipe_stream *st = half_way(p, who);
		p->faults.blackout_from = p->now;
		p->faults.blackout_until = p->now + 3600 * PIPE_S;
		for (unsigned i = 0; i < 1190; i++) {
			kith_streams_migrate(p->ends[who].s, p->now);
			pipe_run(p, PIPE_S);
		}
		assert_int_equal(p->ends[who].dead, 0);
		assert_true(p->ends[who].packets < 1190 + 300); /* a responder tells of each */
		pipe_run(p, 20 * PIPE_S);
		assert_int_equal(p->ends[who].dead, KITH_ETIMEDOUT);
		assert_int_equal(st->error, KITH_ETIMEDOUT);
		pipe_free(p);
	}
}

static void a_blackout_of_minutes_is_over_when_the_path_is_back(void **state)
{
	(void)state;
	for (unsigned who = 0; who < PIPE_ENDS; who++) {
		struct pipe *p = pipe_pair(76 + who);
		struct pipe_stream *st = half_way(p, who);
		p->faults.blackout_from = p->now;
		p->faults.blackout_until = p->now + 600 * PIPE_S;
		pipe_run(p, 600 * PIPE_S);
		kith_streams_migrate(p->ends[who].s, p->now);
		kith_time_us light = p->now;
		pipe_transfer(p, who, st, 60 * PIPE_S);
		assert_true(p->now - light < 5 * PIPE_S);
		pipe_free(p);
	}
}

/* Each end's first flight, in the order that delivers its first packet last. */
static void the_first_packets_may_come_in_any_order(void **state)
{
	(void)state;
	enum { FLIGHT = 12 };
	for (unsigned who = 0; who < PIPE_ENDS; who++) {
		struct pipe *p = pipe_pair(62 + who);
		struct pipe_stream *st = pipe_open(p, who, 4, 8000);
		uint8_t flight[FLIGHT][KITH_STREAMS_PACKET];
		size_t len[FLIGHT];
		unsigned n = 0;
		for (int rv; (rv = kith_streams_output(p->ends[who].s, p->now, flight[n], KITH_STREAMS_PACKET)) > 0;
		     n++) {
			assert_true(n + 1 < FLIGHT);
			len[n] = (size_t)rv;
		}
		assert_true(n > 4);
		for (unsigned twice = 0; twice < 2; twice++) {
			for (unsigned i = n; i-- > 0;)
				(void)kith_streams_input(p->ends[1 - who].s, p->now, flight[i], len[i]);
		}
		pipe_events(p, 1 - who);
		struct pipe_stream *other = pipe_stream(&p->ends[1 - who], st->id);
		assert_true(other->ended); /* without a single packet back */
		assert_int_equal(other->read, 8000);
		assert_int_equal(other->channel, 4);
		pipe_settle(p, 10 * PIPE_S);
		pipe_free(p);
	}
}

static void closing_ends_the_streams_of_both_ends(void **state)
{
	(void)state;
	for (unsigned who = 0; who < PIPE_ENDS; who++) {
		struct pipe *p = pipe_pair(21 + who);
		struct pipe_stream *st = pipe_open(p, PIPE_INITIATOR, 1, 1000000);
		pipe_run(p, 100 * PIPE_MS);
		kith_streams_close(p->ends[who].s);
		pipe_run(p, 100 * PIPE_MS);
		for (unsigned i = 0; i < PIPE_ENDS; i++) {
			assert_int_equal(p->ends[i].dead, KITH_ECUT);
			assert_true(pipe_stream(&p->ends[i], st->id)->gone);
			assert_int_equal(pipe_stream(&p->ends[i], st->id)->error, KITH_ECUT);
			assert_true(kith_streams_deadline(p->ends[i].s) == KITH_TIME_NEVER);
			uint64_t id;
			assert_int_equal(kith_streams_open(p->ends[i].s, 1, &id), KITH_ECLOSED);
		}
		pipe_free(p);
	}
}

static void a_peer_that_lost_its_object_is_noticed(void **state)
{
	(void)state;
	struct pipe *p = pipe_pair(23);
	struct pipe_stream *st = pipe_open(p, PIPE_INITIATOR, 1, 1000);
	pipe_transfer(p, PIPE_INITIATOR, st, 1 * PIPE_S);
	pipe_settle(p, 60 * PIPE_S);
	kith_streams_free(p->ends[PIPE_RESPONDER].s); /* tells nobody */
	p->ends[PIPE_RESPONDER].s = NULL;

	uint8_t out[KITH_STREAMS_PACKET], gone[KITH_STREAMS_PACKET], generation;
	uint64_t id;
	struct kith_streams *s = p->ends[PIPE_INITIATOR].s;
	assert_int_equal(kith_streams_open(s, 2, &id), 0);
	kith_streams_tick(s, p->now);
	int n = kith_streams_output(s, p->now, out, sizeof out);
	assert_true(n > 0);
	assert_int_equal(kith_streams_peek(out, (size_t)n, 0, &generation), KITH_STREAMS_REFUSE);
	size_t len = kith_streams_gone(generation, gone, sizeof gone);
	assert_int_equal(len, KITH_STREAMS_HEADER);
	assert_int_equal(kith_streams_peek(gone, len, 0, &generation), KITH_STREAMS_DROP);
	assert_int_equal(kith_streams_input(s, p->now, gone, len), 0);
	pipe_events(p, PIPE_INITIATOR);
	assert_int_equal(p->ends[PIPE_INITIATOR].dead, KITH_ECUT);
	pipe_free(p);
}

static void a_newer_generation_replaces_an_older_one(void **state)
{
	(void)state;
	struct pipe *p = pipe_pair(24);
	struct pipe_stream *st = pipe_open(p, PIPE_INITIATOR, 1, 1000);
	pipe_transfer(p, PIPE_INITIATOR, st, 1 * PIPE_S);
	pipe_settle(p, 60 * PIPE_S);

	uint8_t late[KITH_STREAMS_PACKET], first[KITH_STREAMS_PACKET], generation;
	uint64_t id;
	assert_int_equal(kith_streams_open(p->ends[PIPE_INITIATOR].s, 2, &id), 0);
	kith_streams_tick(p->ends[PIPE_INITIATOR].s, p->now);
	int late_len = kith_streams_output(p->ends[PIPE_INITIATOR].s, p->now, late, sizeof late);
	kith_streams_free(p->ends[PIPE_INITIATOR].s);
	struct kith_streams_config cfg;
	pipe_config(p, PIPE_INITIATOR, &cfg);
	cfg.generation = 1;
	pipe_make(p, PIPE_INITIATOR, &cfg);
	memset(p->ends[PIPE_INITIATOR].streams, 0, sizeof p->ends[PIPE_INITIATOR].streams);

	assert_int_equal(kith_streams_open(p->ends[PIPE_INITIATOR].s, 3, &id), 0);
	kith_streams_tick(p->ends[PIPE_INITIATOR].s, p->now);
	int n = kith_streams_output(p->ends[PIPE_INITIATOR].s, p->now, first, sizeof first);
	assert_true(n > 0);
	assert_int_equal(kith_streams_input(p->ends[PIPE_RESPONDER].s, p->now, first, (size_t)n), KITH_ESTATE);
	assert_int_equal(kith_streams_peek(first, (size_t)n, 0, &generation), KITH_STREAMS_MAKE);
	assert_int_equal(generation, 1);
	kith_streams_free(p->ends[PIPE_RESPONDER].s);
	memset(p->ends[PIPE_RESPONDER].streams, 0, sizeof p->ends[PIPE_RESPONDER].streams);
	pipe_make(p, PIPE_RESPONDER, &cfg);
	assert_int_equal(kith_streams_input(p->ends[PIPE_RESPONDER].s, p->now, first, (size_t)n), 0);
	assert_int_equal(kith_streams_input(p->ends[PIPE_RESPONDER].s, p->now, late, (size_t)late_len), 0);
	st = pipe_open(p, PIPE_INITIATOR, 3, 4000);
	pipe_transfer(p, PIPE_INITIATOR, st, 5 * PIPE_S);
	pipe_free(p);
}

/* Both begin the same one, each before it has heard of the other's. */
static void both_ends_begin_a_new_generation_at_once(void **state)
{
	(void)state;
	struct pipe *p = pipe_new(64);
	struct kith_streams_config cfg;
	for (unsigned i = 0; i < PIPE_ENDS; i++) {
		pipe_config(p, i, &cfg);
		cfg.generation = 9;
		pipe_make(p, i, &cfg);
	}
	struct pipe_stream *a = pipe_open(p, PIPE_INITIATOR, 1, 3000), *b = pipe_open(p, PIPE_RESPONDER, 2, 3000);
	pipe_transfer(p, PIPE_INITIATOR, a, 1 * PIPE_S);
	pipe_transfer(p, PIPE_RESPONDER, b, 1 * PIPE_S);
	assert_int_equal(p->now, 1 * PIPE_S + 10 * PIPE_MS);
	pipe_free(p);
}

static void a_wish_makes_no_object(void **state)
{
	(void)state;
	struct pipe *p = pipe_pair(65);
	uint8_t out[KITH_STREAMS_PACKET], more[KITH_STREAMS_PACKET], generation;
	kith_streams_migrate(p->ends[PIPE_RESPONDER].s, p->now);
	assert_true(kith_streams_deadline(p->ends[PIPE_RESPONDER].s) <= p->now);
	int n = kith_streams_output(p->ends[PIPE_RESPONDER].s, p->now, out, sizeof out);
	assert_int_equal(n, KITH_STREAMS_HEADER);
	assert_int_equal(kith_streams_output(p->ends[PIPE_RESPONDER].s, p->now, more, sizeof more), 0);
	assert_true(kith_streams_deadline(p->ends[PIPE_RESPONDER].s) == KITH_TIME_NEVER);
	/* It may have overtaken the packet that begins; it says that an object lives which we have given up. */
	assert_int_equal(kith_streams_peek(out, (size_t)n, -1, &generation), KITH_STREAMS_DROP);
	assert_int_equal(kith_streams_peek(out, (size_t)n, 255, &generation), KITH_STREAMS_DROP);
	assert_int_equal(kith_streams_peek(out, (size_t)n, 0, &generation), KITH_STREAMS_REFUSE);
	pipe_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_idle_object_neither_sends_nor_wakes),
		cmocka_unit_test(an_unused_object_is_silent),
		cmocka_unit_test(the_first_packet_is_as_agreed),
		cmocka_unit_test(the_first_bytes_are_repeated_until_they_are_heard),
		cmocka_unit_test(a_peer_that_never_acknowledges_is_given_up),
		cmocka_unit_test(path_changes_that_lead_nowhere_are_no_reason_to_give_up_early),
		cmocka_unit_test(a_blackout_of_minutes_is_over_when_the_path_is_back),
		cmocka_unit_test(the_first_packets_may_come_in_any_order),
		cmocka_unit_test(both_ends_begin_a_new_generation_at_once),
		cmocka_unit_test(a_wish_makes_no_object),
		cmocka_unit_test(closing_ends_the_streams_of_both_ends),
		cmocka_unit_test(a_peer_that_lost_its_object_is_noticed),
		cmocka_unit_test(a_newer_generation_replaces_an_older_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
