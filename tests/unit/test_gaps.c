/* Streams that arrive in many pieces: the ranges against a map of bytes, and what QUIC would give a connection up for.
 */
#include "codec/cursor.h"
#include "stream/internal.h"
#include "stream_pipe.h"

enum { MAP = 512, MIB = 1024 * 1024, SHORT_HEADER = 0x40, STREAM_OFF_LEN = 0x0e, TAG = 2, FOUR_BYTES = 0x80 };

static unsigned ranges_in(const uint8_t map[MAP])
{
	unsigned n = 0;
	for (unsigned i = 1; i < MAP; i++)
		n += map[i] && !map[i - 1];
	return n;
}

static void ranges_are_what_a_map_of_bytes_says(void **state)
{
	(void)state;
	struct test_alloc alloc;
	struct test_random random;
	test_alloc_init(&alloc);
	test_random_init(&random, 1);
	for (unsigned round = 0; round < 200; round++) {
		struct kith_gaps g = { 0 };
		uint8_t map[MAP] = { 0 }; /* the first is never there: nothing is delivered */
		for (unsigned step = 0; step < 60; step++) {
			unsigned from = 1 + (unsigned)(test_random_next(&random) % (MAP - 20));
			unsigned to = from + 1 + (unsigned)(test_random_next(&random) % 12);
			unsigned before = ranges_in(map);
			bool opens = kith_gaps_opens(&g, from, to);
			memset(map + from, 1, to - from);
			assert_true(!opens || ranges_in(map) == before + 1);
			assert_true(opens || ranges_in(map) <= before);
			assert_true(kith_gaps_note(&g, &alloc.alloc, from, to));
			assert_int_equal(g.n, ranges_in(map));
			for (unsigned i = 0; i < g.n; i++)
				assert_true(map[g.ranges[i].from] && !map[g.ranges[i].from - 1] &&
					    map[g.ranges[i].to - 1] && !map[g.ranges[i].to]);
		}
		unsigned passed = 0;
		while (g.n > 0) {
			passed += 10;
			while (map[passed]) /* what is delivered ends where a gap begins */
				passed++;
			memset(map, 0, passed);
			kith_gaps_passed(&g, &alloc.alloc, passed);
			assert_int_equal(g.n, ranges_in(map));
		}
		assert_null(g.ranges);
	}
	test_alloc_check(&alloc);
}

static void without_memory_a_range_is_refused_and_nothing_lost(void **state)
{
	(void)state;
	struct test_alloc alloc;
	struct kith_gaps g = { 0 };
	test_alloc_init(&alloc);
	for (uint64_t i = 0; i < 8; i++)
		assert_true(kith_gaps_note(&g, &alloc.alloc, 10 * i + 1, 10 * i + 2));
	alloc.fail_after = 0;
	assert_false(kith_gaps_note(&g, &alloc.alloc, 101, 102));
	assert_int_equal(g.n, 8);
	assert_true(kith_gaps_note(&g, &alloc.alloc, 2, 11)); /* fills one */
	assert_int_equal(g.n, 7);
	kith_gaps_deinit(&g, &alloc.alloc);
	test_alloc_check(&alloc);
}

/* One byte of stream 0 at each of n offsets, two apart, in a packet with this number. */
static void hear_bytes(struct pipe *p, uint8_t number, uint32_t offset, unsigned n)
{
	uint8_t packet[KITH_STREAMS_PACKET];
	struct kith_writer w = kith_writer_of(packet, sizeof packet);
	kith_write_u16(&w, 0); /* kind, mark, generation */
	kith_write_u8(&w, SHORT_HEADER);
	kith_write_u16(&w, 0);
	kith_write_u8(&w, number);
	for (; n > 0; n--, offset += 2) {
		kith_write_u8(&w, STREAM_OFF_LEN);
		kith_write_u8(&w, 0);
		kith_write_u32(&w, (uint32_t)FOUR_BYTES << 24 | offset);
		kith_write_u8(&w, 1);
		kith_write_u8(&w, 'x');
	}
	kith_write_zeros(&w, TAG);
	assert_false(w.bad);
	assert_int_equal(kith_streams_input(p->ends[PIPE_RESPONDER].s, p->now, packet, kith_writer_len(&w)), 0);
	pipe_drain(p, PIPE_RESPONDER);
}

static void a_peer_that_leaves_a_gap_at_every_byte_is_not_taken_in(void **state)
{
	(void)state;
	enum { EACH = 20 };
	struct pipe *p = pipe_pair(1);
	struct pipe_end *e = &p->ends[PIPE_RESPONDER];
	struct kith_streams_stats before, after;
	uint8_t number = 2;
	for (; number < 200; number++)
		hear_bytes(p, number, 2u * EACH * number, EACH);
	kith_streams_stats(e->s, &before);
	assert_true(before.packets_refused > 100);
	assert_int_equal(e->dead, 0);
	/* What fills a gap comes in as ever. */
	hear_bytes(p, ++number, 2u * EACH * 3 + 1, EACH - 1);
	kith_streams_stats(e->s, &after);
	assert_int_equal(after.packets_refused, before.packets_refused);
	assert_true(e->alloc.peak_bytes < MIB / 2);
	pipe_free(p);
}

/* Half of a window of 8 MiB is lost, and perhaps everything for a while after that. */
static void thousands_of_gaps_are_losses_like_others(void **state)
{
	(void)state;
	for (unsigned dark = 0; dark < 2; dark++) {
		struct pipe *p = pipe_new(2 + dark);
		struct kith_streams_config cfg;
		p->faults.delay_us = 50 * PIPE_MS;
		kith_streams_config_init(&cfg);
		cfg.rtt_us = 100 * PIPE_MS;
		for (unsigned i = 0; i < PIPE_ENDS; i++)
			pipe_make(p, i, &cfg);
		struct pipe_stream *st = pipe_open(p, PIPE_INITIATOR, 1, 50 * MIB);
		while (pipe_stream(&p->ends[PIPE_RESPONDER], st->id)->read < 30 * MIB)
			assert_true(pipe_step(p, p->now + PIPE_S));
		p->faults.loss_permille = 500;
		pipe_run(p, 120 * PIPE_MS);
		p->faults.loss_permille = 0;
		p->faults.blackout_until = p->now + dark * 2 * PIPE_S;
		kith_time_us light = p->faults.blackout_until;
		pipe_transfer(p, PIPE_INITIATOR, st, 120 * PIPE_S);
		assert_true(p->now - light < 10 * PIPE_S);
		assert_int_equal(p->ends[PIPE_RESPONDER].dead, 0);
		struct kith_streams_stats stats;
		kith_streams_stats(p->ends[PIPE_RESPONDER].s, &stats);
		assert_true(stats.packets_refused > 0); /* or it was not what this is about */
		pipe_free(p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranges_are_what_a_map_of_bytes_says),
		cmocka_unit_test(without_memory_a_range_is_refused_and_nothing_lost),
		cmocka_unit_test(a_peer_that_leaves_a_gap_at_every_byte_is_not_taken_in),
		cmocka_unit_test(thousands_of_gaps_are_losses_like_others),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
