/* Streams over a bad pipe: loss, reordering, duplication, queues, blackouts, and paths that change under them. */
#include "stream_pipe.h"

static void five_megabytes_survive_loss_reordering_and_duplication(void **state)
{
	(void)state;
	for (unsigned from = 0; from < PIPE_ENDS; from++) {
		struct pipe *p = pipe_pair(100 + from);
		p->faults.loss_permille = 10;
		p->faults.jitter_us = 10 * PIPE_MS;
		p->faults.late_permille = 20;
		p->faults.duplicate_permille = 50;
		struct pipe_stream *st = pipe_open(p, from, 1, 5 * 1000 * 1000);
		kith_time_us took = pipe_transfer(p, from, st, 60 * PIPE_S);
		print_message("1 %% lost, 2 %% late: 5 MB in %lld ms\n", (long long)(took / PIPE_MS));
		assert_true(p->lost > 20);
		pipe_free(p);
	}
}

static void a_fifth_lost_slows_but_never_breaks(void **state)
{
	(void)state;
	for (uint64_t seed = 110; seed < 120; seed++) {
		struct pipe *p = pipe_pair(seed);
		p->faults.loss_permille = 200;
		p->faults.jitter_us = 20 * PIPE_MS;
		p->faults.duplicate_permille = 100;
		p->ends[PIPE_RESPONDER].reply = true;
		struct pipe_stream *st[8];
		for (uint16_t i = 0; i < 8; i++)
			st[i] = pipe_open(p, i % 2, i, 30000);
		p->ends[PIPE_INITIATOR].reply = true;
		pipe_settle(p, 600 * PIPE_S);
		for (unsigned i = 0; i < 8; i++) {
			assert_true(st[i]->gone && st[i]->ended);
			assert_int_equal(st[i]->read, 30000);
		}
		pipe_free(p);
	}
}

static void sixty_four_streams_survive_loss(void **state)
{
	(void)state;
	struct pipe *p = pipe_pair(121);
	p->faults.loss_permille = 50;
	p->faults.jitter_us = 5 * PIPE_MS;
	p->ends[PIPE_RESPONDER].reply = true;
	for (uint16_t i = 0; i < KITH_STREAMS_MAX; i++)
		pipe_open(p, PIPE_INITIATOR, i, 20000);
	pipe_settle(p, 120 * PIPE_S);
	assert_int_equal(p->ends[PIPE_INITIATOR].closed, KITH_STREAMS_MAX);
	assert_int_equal(p->ends[PIPE_RESPONDER].closed, KITH_STREAMS_MAX);
	pipe_free(p);
}

static void the_first_packets_survive_any_early_loss(void **state)
{
	(void)state;
	/* Half of all packets are lost, so every one of the first is, in some run. */
	for (uint64_t seed = 200; seed < 300; seed++) {
		struct pipe *p = pipe_pair(seed);
		p->faults.loss_permille = 500;
		struct pipe_stream *st = pipe_open(p, seed % 2, 1, 3000);
		pipe_transfer(p, seed % 2, st, 120 * PIPE_S);
		pipe_free(p);
	}
}

static void a_beginning_in_a_blackout_goes_on_after_it(void **state)
{
	(void)state;
	for (unsigned from = 0; from < PIPE_ENDS; from++) {
		struct pipe *p = pipe_pair(130 + from);
		p->faults.blackout_from = p->now;
		p->faults.blackout_until = p->now + 60 * PIPE_S;
		struct pipe_stream *st = pipe_open(p, from, 1, 3000);
		assert_in_range(pipe_transfer(p, from, st, 300 * PIPE_S), 60 * PIPE_S, 65 * PIPE_S);
		pipe_free(p);
	}
}

static void a_narrow_link_is_filled(void **state)
{
	(void)state;
	enum kith_streams_control controls[] = { KITH_STREAMS_CUBIC, KITH_STREAMS_BBR2 };
	for (unsigned i = 0; i < 2; i++) {
		struct pipe *p = pipe_new(140 + i);
		struct kith_streams_config cfg;
		pipe_config(p, PIPE_INITIATOR, &cfg);
		cfg.control = controls[i];
		pipe_make(p, PIPE_INITIATOR, &cfg);
		pipe_make(p, PIPE_RESPONDER, NULL);
		p->faults.rate_bytes_s = 1250000; /* 10 Mbit/s */
		p->faults.queue_us = 40 * PIPE_MS;
		struct pipe_stream *st = pipe_open(p, PIPE_INITIATOR, 1, 5 * 1000 * 1000);
		kith_time_us took = pipe_transfer(p, PIPE_INITIATOR, st, 60 * PIPE_S);
		print_message("%s: 5 MB over 10 Mbit/s in %lld ms, %llu of %llu packets lost\n", i ? "BBR2" : "CUBIC",
			      (long long)(took / PIPE_MS), (unsigned long long)p->lost,
			      (unsigned long long)p->ends[PIPE_INITIATOR].packets);
		assert_true(took < 5 * PIPE_S); /* 4 s is the floor */
		pipe_free(p);
	}
}

static void three_seconds_of_blackout_are_survived(void **state)
{
	(void)state;
	for (unsigned from = 0; from < PIPE_ENDS; from++) {
		struct pipe *p = pipe_pair(150 + from);
		p->faults.rate_bytes_s = 1250000;
		p->faults.queue_us = 40 * PIPE_MS;
		p->faults.blackout_from = p->now + 1 * PIPE_S;
		p->faults.blackout_until = p->now + 4 * PIPE_S;
		struct pipe_stream *st = pipe_open(p, from, 1, 5 * 1000 * 1000);
		pipe_transfer(p, from, st, 60 * PIPE_S);
		pipe_free(p);
	}
}

/* Both roles as sender, and each as the one whose path changes; returns the time of the transfer. */
static kith_time_us blackout_with_migration(uint64_t seed, unsigned from, unsigned migrates)
{
	struct pipe *p = pipe_pair(seed);
	p->faults.rate_bytes_s = 1250000;
	p->faults.queue_us = 40 * PIPE_MS;
	kith_time_us start = p->now;
	p->faults.blackout_from = start + 1 * PIPE_S;
	p->faults.blackout_until = start + 4 * PIPE_S;
	struct pipe_stream *st = pipe_open(p, from, 1, 5 * 1000 * 1000);
	pipe_run(p, 4 * PIPE_S);
	assert_int_equal(p->now, start + 4 * PIPE_S);
	kith_streams_migrate(p->ends[migrates].s, p->now);
	pipe_transfer(p, from, st, 60 * PIPE_S);
	kith_time_us took = p->now - start;
	struct kith_streams_stats stats;
	for (unsigned i = 0; i < PIPE_ENDS; i++) {
		kith_streams_stats(p->ends[i].s, &stats);
		assert_int_equal(stats.migrations, 1);
		assert_int_equal(p->ends[i].dead, 0);
	}
	pipe_settle(p, 60 * PIPE_S);
	pipe_free(p);
	return took;
}

static void migration_after_a_blackout_resumes_at_once(void **state)
{
	(void)state;
	for (unsigned from = 0; from < PIPE_ENDS; from++) {
		for (unsigned migrates = 0; migrates < PIPE_ENDS; migrates++) {
			kith_time_us took = blackout_with_migration(160 + 2 * from + migrates, from, migrates);
			print_message("sender %u, path change of %u: %lld ms\n", from, migrates,
				      (long long)(took / PIPE_MS));
			/* 4 s of transfer, 3 s of darkness, and less than one second lost on top. */
			assert_true(took < 8 * PIPE_S);
		}
	}
}

static void a_path_change_forgets_the_old_round_trip(void **state)
{
	(void)state;
	for (unsigned migrates = 0; migrates < PIPE_ENDS; migrates++) {
		struct pipe *p = pipe_pair(170 + migrates);
		struct pipe_stream *st = pipe_open(p, PIPE_INITIATOR, 1, 20000);
		struct pipe_stream *back = pipe_open(p, PIPE_RESPONDER, 1, 20000);
		pipe_transfer(p, PIPE_INITIATOR, st, 10 * PIPE_S);
		pipe_transfer(p, PIPE_RESPONDER, back, 10 * PIPE_S);
		pipe_settle(p, 60 * PIPE_S);
		p->faults.delay_us = 100 * PIPE_MS;
		kith_streams_migrate(p->ends[migrates].s, p->now);
		for (unsigned i = 0; i < 2; i++) {
			st = pipe_open(p, PIPE_INITIATOR, 1, 20000);
			back = pipe_open(p, PIPE_RESPONDER, 1, 20000);
			pipe_transfer(p, PIPE_INITIATOR, st, 10 * PIPE_S);
			pipe_transfer(p, PIPE_RESPONDER, back, 10 * PIPE_S);
		}
		for (unsigned i = 0; i < PIPE_ENDS; i++) {
			struct kith_streams_stats stats;
			kith_streams_stats(p->ends[i].s, &stats);
			assert_in_range(stats.rtt_min_us, 200 * PIPE_MS,
					230 * PIPE_MS); /* 20 if the old one were kept */
		}
		pipe_settle(p, 60 * PIPE_S);
		pipe_free(p);
	}
}

/* 20 ms become 200 ms in the middle of a transfer; migrating must not be slower than enduring it. */
static kith_time_us longer_path(unsigned from, bool migrate)
{
	struct pipe *p = pipe_pair(180 + from);
	p->faults.rate_bytes_s = 2500000;
	p->faults.queue_us = 50 * PIPE_MS;
	kith_time_us start = p->now;
	struct pipe_stream *st = pipe_open(p, from, 1, 4 * 1000 * 1000);
	pipe_run(p, 500 * PIPE_MS);
	p->faults.delay_us = 100 * PIPE_MS;
	if (migrate)
		kith_streams_migrate(p->ends[from].s, p->now);
	pipe_transfer(p, from, st, 100 * PIPE_S);
	kith_time_us took = p->now - start;
	pipe_free(p);
	return took;
}

static void a_longer_path_is_taken_without_harm(void **state)
{
	(void)state;
	for (unsigned from = 0; from < PIPE_ENDS; from++) {
		kith_time_us with = longer_path(from, true), without = longer_path(from, false);
		print_message("20 to 200 ms, sender %u: %lld ms with migration, %lld without\n", from,
			      (long long)(with / PIPE_MS), (long long)(without / PIPE_MS));
		assert_true(with < without + 1 * PIPE_S);
	}
}

static void flaps(uint64_t seed, unsigned loss_permille, kith_time_us every, unsigned count)
{
	struct pipe *p = pipe_pair(seed);
	p->faults.rate_bytes_s = 1250000;
	p->faults.queue_us = 60 * PIPE_MS;
	p->faults.jitter_us = 5 * PIPE_MS;
	p->faults.loss_permille = loss_permille;
	p->ends[PIPE_RESPONDER].reply = true;
	struct pipe_stream *st = pipe_open(p, PIPE_INITIATOR, 1, 10 * 1000 * 1000);
	struct pipe_stream *back = pipe_open(p, PIPE_RESPONDER, 1, 10 * 1000 * 1000);
	for (unsigned i = 0; i < count; i++) {
		pipe_run(p, every);
		p->faults.delay_us = (5 + pipe_draw(p, 60)) * PIPE_MS;
		kith_streams_migrate(p->ends[pipe_draw(p, 2)].s, p->now);
		if (pipe_draw(p, 3) == 0) { /* both ends notice */
			kith_streams_migrate(p->ends[0].s, p->now);
			kith_streams_migrate(p->ends[1].s, p->now);
		}
	}
	pipe_transfer(p, PIPE_INITIATOR, st, 300 * PIPE_S);
	pipe_transfer(p, PIPE_RESPONDER, back, 300 * PIPE_S);
	assert_int_equal(p->ends[0].dead, 0);
	assert_int_equal(p->ends[1].dead, 0);
	p->faults.loss_permille = 0;
	pipe_settle(p, 600 * PIPE_S);
	pipe_free(p);
}

static void fifty_flaps_in_a_minute_are_survived(void **state)
{
	(void)state;
	flaps(190, 0, 1200 * PIPE_MS, 50);
	flaps(191, 20, 1200 * PIPE_MS, 50);
	flaps(192, 100, 1200 * PIPE_MS, 50);
}

static void flaps_faster_than_a_round_trip_are_survived(void **state)
{
	(void)state;
	flaps(193, 0, 10 * PIPE_MS, 300);
	flaps(194, 20, 7 * PIPE_MS, 300);
	flaps(195, 200, 30 * PIPE_MS, 100);
}

static void random_path_changes_and_loss_never_stall(void **state)
{
	(void)state;
	for (uint64_t seed = 300; seed < 320; seed++) {
		struct pipe *p = pipe_pair(seed);
		p->faults.rate_bytes_s = 1250000;
		p->faults.queue_us = 60 * PIPE_MS;
		p->faults.jitter_us = pipe_draw(p, 20) * PIPE_MS;
		p->faults.loss_permille = pipe_draw(p, 3) * 100;
		p->ends[PIPE_RESPONDER].reply = true;
		struct pipe_stream *st = pipe_open(p, PIPE_INITIATOR, 1, 500 * 1000);
		struct pipe_stream *back = pipe_open(p, PIPE_RESPONDER, 1, 500 * 1000);
		kith_time_us every = (1 + pipe_draw(p, 100)) * PIPE_MS;
		for (unsigned i = 0; i < 100; i++) {
			pipe_run(p, every);
			p->faults.delay_us = (5 + pipe_draw(p, 60)) * PIPE_MS;
			kith_streams_migrate(p->ends[pipe_draw(p, 2)].s, p->now);
		}
		pipe_transfer(p, PIPE_INITIATOR, st, 300 * PIPE_S);
		pipe_transfer(p, PIPE_RESPONDER, back, 300 * PIPE_S);
		p->faults.loss_permille = 0;
		pipe_settle(p, 600 * PIPE_S);
		pipe_free(p);
	}
}

static void migrations_in_a_blackout_are_survived(void **state)
{
	(void)state;
	for (unsigned who = 0; who < PIPE_ENDS; who++) {
		struct pipe *p = pipe_pair(196 + who);
		struct pipe_stream *st = pipe_open(p, who, 1, 5 * 1000 * 1000);
		p->faults.rate_bytes_s = 1250000;
		p->faults.queue_us = 60 * PIPE_MS;
		pipe_run(p, 500 * PIPE_MS);
		p->faults.blackout_from = p->now;
		p->faults.blackout_until = p->now + 20 * PIPE_S;
		for (unsigned i = 0; i < 40; i++) {
			pipe_run(p, 500 * PIPE_MS);
			kith_streams_migrate(p->ends[who].s, p->now);
		}
		kith_time_us took = pipe_transfer(p, who, st, 100 * PIPE_S);
		print_message("40 path changes in 20 s of darkness, sender %u: done %lld ms later\n", who,
			      (long long)(took / PIPE_MS));
		pipe_settle(p, 60 * PIPE_S);
		pipe_free(p);
	}
}

/* What was never heard has left no trace on the old path: nothing need be forgotten, and the first bytes still take one
 * flight. */
static void a_migration_before_anything_was_heard_costs_nothing(void **state)
{
	(void)state;
	for (unsigned who = 0; who < PIPE_ENDS; who++) {
		for (unsigned from = 0; from < PIPE_ENDS; from++) {
			struct pipe *p = pipe_pair(210 + 2 * who + from);
			struct pipe_stream *st = pipe_open(p, from, 1, 3000);
			kith_streams_migrate(p->ends[who].s, p->now);
			assert_int_equal(pipe_transfer(p, from, st, 10 * PIPE_S), 10 * PIPE_MS);
			pipe_settle(p, 60 * PIPE_S);
			kith_streams_migrate(p->ends[who].s, p->now); /* and the next one is one */
			st = pipe_open(p, from, 1, 3000);
			assert_int_equal(pipe_transfer(p, from, st, 10 * PIPE_S), 10 * PIPE_MS);
			pipe_settle(p, 60 * PIPE_S);
			struct kith_streams_stats stats;
			for (unsigned i = 0; i < PIPE_ENDS; i++) {
				kith_streams_stats(p->ends[i].s, &stats);
				assert_true(stats.migrations >= 1);
			}
			pipe_free(p);
		}
	}
}

static void an_idle_object_migrates_and_falls_silent_again(void **state)
{
	(void)state;
	for (unsigned who = 0; who < PIPE_ENDS; who++) {
		struct pipe *p = pipe_pair(220 + who);
		struct pipe_stream *st = pipe_open(p, PIPE_INITIATOR, 1, 1000);
		pipe_transfer(p, PIPE_INITIATOR, st, 10 * PIPE_S);
		pipe_settle(p, 60 * PIPE_S);
		for (unsigned i = 0; i < 5; i++) {
			uint64_t before = p->ends[0].packets + p->ends[1].packets;
			kith_streams_migrate(p->ends[who].s, p->now);
			assert_true(pipe_settle(p, 60 * PIPE_S) < 20 * PIPE_S);
			assert_in_range(p->ends[0].packets + p->ends[1].packets - before, 1, 40);
		}
		pipe_free(p);
	}
}

static uint64_t eventful_hash(uint64_t seed)
{
	struct pipe *p = pipe_pair(seed);
	p->faults.loss_permille = 50;
	p->faults.jitter_us = 10 * PIPE_MS;
	p->faults.duplicate_permille = 50;
	p->ends[PIPE_RESPONDER].reply = true;
	for (uint16_t i = 0; i < 10; i++)
		pipe_open(p, i % 2, i, 50000);
	for (unsigned i = 0; i < 10; i++) {
		pipe_run(p, 200 * PIPE_MS);
		kith_streams_migrate(p->ends[i % 2].s, p->now);
	}
	pipe_run(p, 60 * PIPE_S);
	uint64_t hash = p->hash;
	pipe_free(p);
	return hash;
}

/* What one end wrote in the dark has to arrive soon after it, whatever it acknowledged meanwhile. */
static void an_end_that_only_acknowledges_still_probes(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 20; seed++) {
		struct pipe *p = pipe_pair(310 + seed);
		const unsigned from = seed % 2;
		const kith_time_us every = (500 + 200 * (kith_time_us)(seed / 2)) * PIPE_MS;
		struct kith_streams *us = p->ends[from].s, *peer = p->ends[1 - from].s;
		uint8_t bytes[100] = { 0 };
		uint64_t ours, theirs;
		bool fin;
		int got = KITH_EAGAIN;
		p->ends[0].hold = p->ends[1].hold = true;
		assert_int_equal(kith_streams_open(us, 1, &ours), 0);
		assert_int_equal(kith_streams_open(peer, 1, &theirs), 0);
		pipe_run(p, PIPE_S);
		p->faults.blackout_from = p->now;
		p->faults.blackout_until = p->now + 20 * PIPE_S;
		assert_int_equal(kith_streams_write(us, ours, bytes, sizeof bytes, false), sizeof bytes);
		pipe_run(p, 20 * PIPE_S);
		kith_time_us light = p->now;
		while (got < 0 && p->now - light < 60 * PIPE_S) { /* the peer says a little, again and again */
			assert_int_equal(kith_streams_write(peer, theirs, bytes, 1, false), 1);
			for (kith_time_us until = p->now + every; got < 0 && p->now < until;) {
				pipe_run(p, 20 * PIPE_MS);
				got = kith_streams_read(peer, p->now, ours, bytes, sizeof bytes, &fin);
			}
		}
		assert_int_equal(got, sizeof bytes);
		assert_true(p->now - light < 3 * PIPE_S + 100 * PIPE_MS);
		pipe_free(p);
	}
}

static void a_blackout_is_over_three_seconds_after_its_end(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 40; seed++) {
		struct pipe *p = pipe_pair(330 + seed);
		const unsigned from = seed % 2;
		const kith_time_us dark = 20 * PIPE_S + (kith_time_us)seed * 331 * PIPE_MS;
		p->faults.rate_bytes_s = 200000;
		p->faults.queue_us = 100 * PIPE_MS;
		struct pipe_stream *st = pipe_open(p, from, 1, 400000);
		pipe_run(p, PIPE_S);
		uint64_t read = pipe_stream(&p->ends[1 - from], st->id)->read;
		assert_true(read > 0 && read < st->to_write);
		p->faults.blackout_from = p->now;
		p->faults.blackout_until = p->now + dark;
		pipe_run(p, 10 * PIPE_S);
		uint64_t packets = p->ends[from].packets;
		pipe_run(p, dark - 10 * PIPE_S);
		/* Nothing is acknowledged, and so no more leaves than a probe of two packets each three seconds. */
		assert_true(p->ends[from].packets - packets <= 2 * (uint64_t)((dark - 10 * PIPE_S) / (3 * PIPE_S) + 1));
		kith_time_us light = p->now;
		read = pipe_stream(&p->ends[1 - from], st->id)->read;
		while (pipe_stream(&p->ends[1 - from], st->id)->read == read)
			assert_true(pipe_step(p, light + 60 * PIPE_S));
		assert_true(p->now - light < 3 * PIPE_S + 3 * 120 * PIPE_MS); /* and three round trips */
		pipe_transfer(p, from, st, 60 * PIPE_S);
		pipe_free(p);
	}
}

/* Five of six packets are lost or acknowledged in vain: it is slow, but it goes on, and no window of a minute is
 * empty. */
static void three_fifths_lost_both_ways_never_stall(void **state)
{
	kith_time_us longest = 0, sum = 0;
	(void)state;
	for (uint64_t seed = 0; seed < 20; seed++) {
		struct pipe *p = pipe_pair(370 + seed);
		struct pipe_stream *st[PIPE_ENDS];
		uint64_t before[PIPE_ENDS] = { 0 };
		const kith_time_us start = p->now;
		bool over = false;
		p->faults.loss_permille = 600;
		p->faults.delay_us = 40 * PIPE_MS;
		for (unsigned i = 0; i < PIPE_ENDS; i++)
			st[i] = pipe_open(p, i, 1, 100000);
		while (!over) {
			kith_time_us from = p->now;
			while (!over && pipe_step(p, from + 60 * PIPE_S))
				over = pipe_stream(&p->ends[0], st[1]->id)->ended &&
				       pipe_stream(&p->ends[1], st[0]->id)->ended;
			for (unsigned i = 0; i < PIPE_ENDS; i++) {
				const struct pipe_stream *there = pipe_stream(&p->ends[1 - i], st[i]->id);
				assert_true(there->ended || there->read > before[i]);
				before[i] = there->read;
			}
		}
		sum += p->now - start;
		longest = p->now - start > longest ? p->now - start : longest;
		pipe_free(p);
	}
	print_message("100 kB each way: %lld s on average, %lld s at most\n", (long long)(sum / 20 / PIPE_S),
		      (long long)(longest / PIPE_S));
	assert_true(longest < 150 * PIPE_S);
}

static void the_same_seed_gives_the_same_packets_at_the_same_times(void **state)
{
	(void)state;
	uint64_t first = eventful_hash(230);
	assert_true(first == eventful_hash(230));
	assert_true(first != eventful_hash(231));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(five_megabytes_survive_loss_reordering_and_duplication),
		cmocka_unit_test(a_fifth_lost_slows_but_never_breaks),
		cmocka_unit_test(sixty_four_streams_survive_loss),
		cmocka_unit_test(the_first_packets_survive_any_early_loss),
		cmocka_unit_test(a_beginning_in_a_blackout_goes_on_after_it),
		cmocka_unit_test(a_narrow_link_is_filled),
		cmocka_unit_test(three_seconds_of_blackout_are_survived),
		cmocka_unit_test(migration_after_a_blackout_resumes_at_once),
		cmocka_unit_test(a_path_change_forgets_the_old_round_trip),
		cmocka_unit_test(a_longer_path_is_taken_without_harm),
		cmocka_unit_test(fifty_flaps_in_a_minute_are_survived),
		cmocka_unit_test(flaps_faster_than_a_round_trip_are_survived),
		cmocka_unit_test(random_path_changes_and_loss_never_stall),
		cmocka_unit_test(migrations_in_a_blackout_are_survived),
		cmocka_unit_test(a_migration_before_anything_was_heard_costs_nothing),
		cmocka_unit_test(an_idle_object_migrates_and_falls_silent_again),
		cmocka_unit_test(an_end_that_only_acknowledges_still_probes),
		cmocka_unit_test(a_blackout_is_over_three_seconds_after_its_end),
		cmocka_unit_test(three_fifths_lost_both_ways_never_stall),
		cmocka_unit_test(the_same_seed_gives_the_same_packets_at_the_same_times),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
