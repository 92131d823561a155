/* Streams against a peer that sends garbage, and with memory that runs out: a connection may end, with an event, and
 * that is all.
 */
#include "stream_pipe.h"

/* A bit of everything: both directions, ends, resets, path changes. Memory that ran out is there again a step later. */
static void busy_minute(struct pipe *p, struct test_alloc *recovers)
{
	for (unsigned who = 0; who < PIPE_ENDS; who++) {
		uint64_t id;
		for (uint16_t i = 0; i < 3; i++) {
			if (kith_streams_open(p->ends[who].s, i, &id) != 0)
				continue;
			struct pipe_stream *st = pipe_stream(&p->ends[who], id);
			st->to_write = 20000;
		}
	}
	for (unsigned round = 0; round < 12; round++) {
		for (unsigned who = 0; who < PIPE_ENDS; who++) {
			struct pipe_end *e = &p->ends[who];
			for (unsigned i = 0; i < PIPE_STREAMS_MAX; i++) {
				struct pipe_stream *st = &e->streams[i];
				uint8_t buf[2000];
				bool fin;
				if (!st->used || st->gone)
					continue;
				memset(buf, (int)round, sizeof buf);
				(void)kith_streams_write(e->s, st->id, buf, sizeof buf, round == 9);
				(void)kith_streams_read(e->s, p->now, st->id, buf, sizeof buf, &fin);
				if (round == 6 && i == 1)
					(void)kith_streams_reset(e->s, st->id, 1);
				if (round == 7 && i == 2)
					(void)kith_streams_stop(e->s, st->id, 1);
			}
			if (round % 3 == 1)
				kith_streams_migrate(e->s, p->now);
		}
		kith_time_us until = p->now + 300 * PIPE_MS;
		while (pipe_step(p, until)) {
			if (recovers != NULL && recovers->fail_after == 0)
				recovers->fail_after = -1;
		}
	}
}

/* Contents are not checked here: they are hostile. */
static void be_careless(struct pipe *p)
{
	p->ends[PIPE_INITIATOR].hold = p->ends[PIPE_RESPONDER].hold = true;
}

static void flipped_bits_never_crash(void **state)
{
	(void)state;
	unsigned died = 0, lived = 0;
	for (uint64_t seed = 1; seed <= 300; seed++) {
		struct pipe *p = pipe_pair(seed);
		be_careless(p);
		p->faults.flip_permille = seed % 3 == 0 ? 500 : 30;
		busy_minute(p, NULL);
		for (unsigned i = 0; i < PIPE_ENDS; i++) {
			died += p->ends[i].dead != 0;
			lived += p->ends[i].dead == 0;
		}
		pipe_free(p);
	}
	print_message("flipped bits: %u ends died, %u lived\n", died, lived);
	assert_true(died > 0 && lived > 0);
}

/* Takes the bytes of good packets apart: cut, overwritten, stuck together, with any mark and kind. */
static void mangle(struct pipe *p, uint8_t *bytes, size_t *len)
{
	switch (pipe_draw(p, 6)) {
	case 0:
		*len = pipe_draw(p, (unsigned)*len + 1);
		break;
	case 1:
		for (unsigned i = pipe_draw(p, 8) + 1; i > 0 && *len > 0; i--)
			bytes[pipe_draw(p, (unsigned)*len)] = (uint8_t)pipe_draw(p, 256);
		break;
	case 2:
		bytes[0] = (uint8_t)pipe_draw(p, 256);
		break;
	case 3: {
		size_t at = pipe_draw(p, (unsigned)*len), n = pipe_draw(p, (unsigned)(*len - at) + 1);
		memmove(bytes + at, bytes + pipe_draw(p, (unsigned)(*len - n) + 1), n);
		break;
	}
	case 4:
		test_random_fill(&p->random, bytes + KITH_STREAMS_HEADER, *len - KITH_STREAMS_HEADER);
		break;
	default:
		bytes[0] = (uint8_t)(bytes[0] ^ pipe_draw(p, 64)); /* a path change that nobody made */
		break;
	}
}

static void mangled_packets_never_crash(void **state)
{
	(void)state;
	unsigned died = 0;
	for (uint64_t seed = 1; seed <= 300; seed++) {
		struct pipe *p = pipe_pair(1000 + seed);
		be_careless(p);
		for (unsigned who = 0; who < PIPE_ENDS; who++) {
			uint64_t id;
			assert_int_equal(kith_streams_open(p->ends[who].s, 1, &id), 0);
			pipe_stream(&p->ends[who], id)->to_write = 1 << 20;
			pipe_write(&p->ends[who], who, pipe_stream(&p->ends[who], id));
		}
		for (unsigned step = 0; step < 300; step++) {
			if (p->flying > 0 && pipe_draw(p, 20) == 0) {
				struct pipe_packet *k = p->flight[pipe_draw(p, (unsigned)p->flying)];
				uint8_t bytes[KITH_STREAMS_PACKET];
				size_t len = k->len;
				memcpy(bytes, k->bytes, len);
				mangle(p, bytes, &len);
				(void)kith_streams_input(p->ends[k->to].s, p->now, bytes, len);
			}
			if (step % 40 == 39)
				kith_streams_migrate(p->ends[step & 1].s, p->now);
			pipe_step(p, p->now + PIPE_S);
		}
		for (unsigned i = 0; i < PIPE_ENDS; i++)
			died += p->ends[i].dead != 0;
		pipe_free(p);
	}
	print_message("mangled packets: %u of 600 ends died\n", died);
}

static void random_bytes_never_crash_nor_end_a_connection_by_their_header(void **state)
{
	(void)state;
	struct pipe *p = pipe_pair(2000);
	struct pipe_stream *st = pipe_open(p, PIPE_INITIATOR, 1, 100000);
	for (unsigned i = 0; i < 20000; i++) {
		uint8_t bytes[KITH_STREAMS_PACKET], generation;
		size_t len = pipe_draw(p, sizeof bytes + 1);
		test_random_fill(&p->random, bytes, len);
		if (len > 1)
			bytes[1] = (uint8_t)(1 + pipe_draw(p, 100)); /* another generation than the one that lives */
		for (unsigned who = 0; who < PIPE_ENDS; who++) {
			int rv = kith_streams_input(p->ends[who].s, p->now, bytes, len);
			assert_true(rv == 0 || rv == KITH_ESTATE);
		}
		(void)kith_streams_peek(bytes, len, (int)(i % 257) - 1, &generation);
	}
	pipe_transfer(p, PIPE_INITIATOR, st, 5 * PIPE_S);
	pipe_free(p);
}

static void an_end_that_gets_garbage_first_still_takes_what_follows(void **state)
{
	(void)state;
	struct pipe *p = pipe_pair(2001);
	for (unsigned i = 0; i < 20000; i++) {
		uint8_t bytes[KITH_STREAMS_PACKET];
		size_t len = 3 + pipe_draw(p, sizeof bytes - 2);
		test_random_fill(&p->random, bytes, len);
		bytes[0] &= 0x3f;
		bytes[1] = 0;
		assert_int_equal(kith_streams_input(p->ends[PIPE_RESPONDER].s, p->now, bytes, len), 0);
	}
	struct pipe_stream *st = pipe_open(p, PIPE_INITIATOR, 1, 100000);
	pipe_transfer(p, PIPE_INITIATOR, st, 5 * PIPE_S);
	pipe_free(p);
}

static void a_very_late_packet_is_not_taken_for_a_new_one(void **state)
{
	(void)state;
	/* QUIC sends a byte of the packet number; 256 packets later it would mean another packet, but for the tag. */
	struct pipe *p = pipe_pair(2002);
	p->faults.late_permille = 10;
	p->faults.jitter_us = 2 * PIPE_S;
	struct pipe_stream *st = pipe_open(p, PIPE_INITIATOR, 1, 3 * 1000 * 1000);
	struct pipe_stream *back = pipe_open(p, PIPE_RESPONDER, 1, 3 * 1000 * 1000);
	pipe_transfer(p, PIPE_INITIATOR, st, 60 * PIPE_S);
	pipe_transfer(p, PIPE_RESPONDER, back, 60 * PIPE_S);
	assert_int_equal(p->ends[PIPE_INITIATOR].dead, 0);
	assert_int_equal(p->ends[PIPE_RESPONDER].dead, 0);
	pipe_free(p);
}

/* ---- packets made by hand ---- */
enum {
	AT_FLAGS = KITH_STREAMS_HEADER,
	AT_NUMBER = AT_FLAGS + 3, /* after a connection id of two bytes */
	TAG_SENT = KITH_STREAMS_TAG - KITH_STREAMS_CUT
};

/* Two connected ends with nothing outstanding. */
static struct pipe *connected(uint64_t seed)
{
	struct pipe *p = pipe_pair(seed);
	struct pipe_stream *st = pipe_open(p, PIPE_INITIATOR, 1, 3000);
	pipe_transfer(p, PIPE_INITIATOR, st, 5 * PIPE_S);
	st = pipe_open(p, PIPE_RESPONDER, 1, 3000);
	pipe_transfer(p, PIPE_RESPONDER, st, 5 * PIPE_S);
	pipe_settle(p, 60 * PIPE_S);
	return p;
}

/* A packet of the initiator: its header and number are kept, its frames replaced. */
static size_t forge(struct pipe *p, uint8_t out[KITH_STREAMS_PACKET], const uint8_t *frames, size_t frames_len)
{
	uint64_t id;
	assert_int_equal(kith_streams_open(p->ends[PIPE_INITIATOR].s, 7, &id), 0);
	kith_streams_tick(p->ends[PIPE_INITIATOR].s, p->now);
	int n = kith_streams_output(p->ends[PIPE_INITIATOR].s, p->now, out, KITH_STREAMS_PACKET);
	assert_true(n > AT_NUMBER + 1 + TAG_SENT);
	assert_int_equal(out[AT_FLAGS] & 0x80, 0);
	size_t at = AT_NUMBER + 1 + (out[AT_FLAGS] & 3u);
	uint8_t tag[TAG_SENT];
	memcpy(tag, out + n - TAG_SENT, TAG_SENT);
	memcpy(out + at, frames, frames_len);
	memcpy(out + at + frames_len, tag, TAG_SENT);
	return at + frames_len + TAG_SENT;
}

static uint64_t refused(struct pipe *p, unsigned who)
{
	struct kith_streams_stats stats;
	kith_streams_stats(p->ends[who].s, &stats);
	return stats.packets_refused;
}

static void frames_that_the_protocol_does_not_use_are_refused(void **state)
{
	(void)state;
	static const struct {
		const char *what, *hex;
		bool good;
	} cases[] = {
		{ "ping", "01", true },
		{ "padding", "0000", true },
		{ "a connection id as it should be", "18080002000800112233445566778899aabbccddeeff", true },
		{ "nothing", "", false },
		{ "a connection id that retires others", "18080202000800112233445566778899aabbccddeeff", false },
		{ "a connection id that is not its number", "18080002000900112233445566778899aabbccddeeff", false },
		{ "a long connection id", "1808000300080000112233445566778899aabbccddeeff", false },
		{ "a cut connection id", "18080002000800112233445566778899", false },
		{ "acknowledgement with ECN", "030000000000000000", false },
		{ "acknowledgement with too many ranges", "0200004100", false },
		{ "cut acknowledgement", "0200", false },
		{ "handshake message", "06000101", false },
		{ "end of the handshake", "1e", false },
		{ "token", "070101", false },
		{ "stream without a length", "0800aa", false },
		{ "stream longer than the packet", "0a0005aa", false },
		{ "path challenge", "1a0011223344556677", false },
		{ "a guessed path response", "1b0011223344556677", false },
		{ "limit of one-way streams", "1301", false },
		{ "blocked one-way streams", "1701", false },
		{ "datagram", "30aa", false },
		{ "unknown", "3f", false },
		{ "type in two bytes", "4001", false },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct pipe *p = connected(2100);
		uint8_t frames[64], packet[KITH_STREAMS_PACKET];
		size_t len = forge(p, packet, frames, test_hex(frames, sizeof frames, cases[i].hex));
		(void)kith_streams_input(p->ends[PIPE_RESPONDER].s, p->now, packet, len);
		bool passed = refused(p, PIPE_RESPONDER) == 0;
		if (passed != cases[i].good)
			fail_msg("%s: %s", cases[i].what, passed ? "passed" : "refused");
		pipe_events(p, PIPE_RESPONDER);
		if (!passed)
			assert_int_equal(p->ends[PIPE_RESPONDER].dead, 0);
		pipe_free(p);
	}
}

/* Those of a handshake, and of what is older or newer than this QUIC. */
static void packets_with_long_headers_are_refused(void **state)
{
	(void)state;
	for (unsigned first = 0x80; first < 0x100; first++) {
		struct pipe *p = connected(2150);
		uint8_t packet[KITH_STREAMS_PACKET] = {
			0, 0, (uint8_t)first, 0, 0, 0, 1, 2, 0, 0, 2, 0, 0, 0x44, 0x98
		};
		for (unsigned who = 0; who < PIPE_ENDS; who++) {
			uint64_t before = refused(p, who);
			assert_int_equal(kith_streams_input(p->ends[who].s, p->now, packet, sizeof packet), 0);
			assert_int_equal(refused(p, who), before + 1);
			assert_int_equal(p->ends[who].dead, 0);
		}
		pipe_free(p);
	}
}

static void an_older_packet_cannot_acknowledge_what_it_could_not_know(void **state)
{
	(void)state;
	struct pipe *p = connected(2200);
	struct kith_streams *responder = p->ends[PIPE_RESPONDER].s;
	static const uint8_t ping[] = { 1 };
	uint8_t older[KITH_STREAMS_PACKET], newer[KITH_STREAMS_PACKET], answer[KITH_STREAMS_PACKET];
	size_t newer_len, older_len = forge(p, older, ping, sizeof ping);
	newer_len = forge(p, newer, ping, sizeof ping);
	assert_int_equal(kith_streams_input(responder, p->now, newer, newer_len), 0);
	uint64_t id;
	assert_int_equal(kith_streams_open(responder, 7, &id), 0);
	int n = kith_streams_output(responder, p->now, answer, sizeof answer);
	assert_true(n > 0);
	assert_int_equal(answer[AT_FLAGS] & 3, 0);
	/* The older packet claims to have seen that answer: ACK of its number alone. */
	size_t at = AT_NUMBER + 1 + (older[AT_FLAGS] & 3u);
	const uint8_t ack[] = { 2, answer[AT_NUMBER], 0, 0, 0 };
	uint8_t tag[TAG_SENT];
	assert_true(answer[AT_NUMBER] < 64);
	memcpy(tag, older + older_len - TAG_SENT, TAG_SENT);
	memcpy(older + at, ack, sizeof ack);
	memcpy(older + at + sizeof ack, tag, TAG_SENT);
	assert_int_equal(kith_streams_input(responder, p->now, older, at + sizeof ack + TAG_SENT), 0);
	assert_int_equal(refused(p, PIPE_RESPONDER), 1);
	/* What was sent before the newer one came, it may well know. */
	older[at + 1]--;
	assert_int_equal(kith_streams_input(responder, p->now, older, at + sizeof ack + TAG_SENT), 0);
	assert_int_equal(refused(p, PIPE_RESPONDER), 1);
	pipe_free(p);
}

/* once: only one allocation fails, what follows works again. */
static bool run_out_of_memory(uint64_t seed, unsigned who, long after, bool once)
{
	struct pipe *p = pipe_new(seed);
	struct kith_streams_config cfg;
	be_careless(p);
	for (unsigned i = 0; i < PIPE_ENDS; i++) {
		pipe_config(p, i, &cfg);
		if (i == who)
			p->ends[i].alloc.fail_after = after;
		int rv = kith_streams_new(&p->ends[i].s, &cfg);
		if (rv != 0) {
			assert_int_equal(rv, KITH_ENOMEM);
			assert_null(p->ends[i].s);
			pipe_free(p);
			return true;
		}
	}
	busy_minute(p, once ? &p->ends[who].alloc : NULL);
	bool ran_out = p->ends[who].alloc.fail_after <= 0;
	if (p->ends[who].dead != 0)
		assert_true(p->ends[who].dead == KITH_ENOMEM || p->ends[who].dead == KITH_ECLOSED);
	pipe_free(p);
	return ran_out;
}

static void running_out_of_memory_at_any_point_neither_crashes_nor_leaks(void **state)
{
	(void)state;
	for (unsigned who = 0; who < PIPE_ENDS; who++) {
		for (unsigned once = 0; once < 2; once++) {
			long after = 0;
			while (run_out_of_memory(3000 + who, who, after, once))
				after++;
			print_message("end %u: memory ran out at %ld points, %s\n", who, after,
				      once ? "for a moment" : "for good");
			assert_true(after > 100);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flipped_bits_never_crash),
		cmocka_unit_test(mangled_packets_never_crash),
		cmocka_unit_test(random_bytes_never_crash_nor_end_a_connection_by_their_header),
		cmocka_unit_test(an_end_that_gets_garbage_first_still_takes_what_follows),
		cmocka_unit_test(a_very_late_packet_is_not_taken_for_a_new_one),
		cmocka_unit_test(frames_that_the_protocol_does_not_use_are_refused),
		cmocka_unit_test(packets_with_long_headers_are_refused),
		cmocka_unit_test(an_older_packet_cannot_acknowledge_what_it_could_not_know),
		cmocka_unit_test(running_out_of_memory_at_any_point_neither_crashes_nor_leaks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
