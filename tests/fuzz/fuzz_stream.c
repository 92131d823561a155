/* The streams of one session under a script, whose other end is hostile when it likes: it opens, writes, reads and
 * gives up like an application, packets are lost, kept back, doubled and altered, and frames are made up with a header
 * and a tag that QUIC believes. What is held stays within its bounds, no end spins, each stream is told as opened first
 * and as closed last, and nothing is left in the end.
 */
#include "fuzz_support.h"

#include "stream/stream.h"

enum {
	ENDS = 2,
	FLIGHT_MAX = 64,
	STREAMS_MAX = 4,
	WINDOW = 8192,
	WINDOW_MAX = 32768,
	SESSION_MAX = 65536,
	TOLD_MAX = 256, /* ids that are followed: later ones are not checked */
	DRAIN_MAX = 4096, /* packets in a row without time passing */
	BYTES_MAX = 4 << 20, /* both ends; a connection and what is in its windows take less than half a megabyte */
	SHORT_HEADER = 0x40,
	TAG_LEN = 2
};

enum told { TOLD_NOTHING, TOLD_OPEN, TOLD_CLOSED };

struct end {
	struct kith_streams *s;
	uint8_t told[TOLD_MAX]; /* enum told */
	uint64_t last;
	bool dead;
};

static struct {
	struct fz_alloc alloc;
	struct fz_random random;
	struct end ends[ENDS];
	kith_time_us now;
	unsigned flying;
	struct {
		unsigned to;
		size_t len;
		uint8_t bytes[KITH_STREAMS_PACKET];
	} flight[FLIGHT_MAX];
} f;

static void follow(struct end *e, const struct kith_stream_event *ev)
{
	KITH_ASSERT(!e->dead);
	if (ev->type == KITH_STREAM_DEAD) {
		KITH_ASSERT(ev->error != 0);
		e->dead = true;
		return;
	}
	e->last = ev->id;
	if (ev->id >= TOLD_MAX)
		return;
	KITH_ASSERT(e->told[ev->id] == (ev->type == KITH_STREAM_OPENED ? TOLD_NOTHING : TOLD_OPEN));
	e->told[ev->id] = ev->type == KITH_STREAM_CLOSED ? TOLD_CLOSED : TOLD_OPEN;
}

static void drain(unsigned who)
{
	struct end *e = &f.ends[who];
	struct kith_stream_event ev;
	unsigned packets = 0;
	uint8_t out[KITH_STREAMS_PACKET];
	int n;
	do {
		while (kith_streams_event(e->s, &ev))
			follow(e, &ev);
		n = kith_streams_output(e->s, f.now, out, sizeof out);
		KITH_ASSERT(n >= 0 && n <= KITH_STREAMS_PACKET && ++packets < DRAIN_MAX);
		if (n > 0 && f.flying < FLIGHT_MAX) {
			f.flight[f.flying].to = 1 - who;
			f.flight[f.flying].len = (size_t)n;
			memcpy(f.flight[f.flying++].bytes, out, (size_t)n);
		}
	} while (n > 0);
	struct kith_streams_stats stats;
	kith_streams_stats(e->s, &stats);
	KITH_ASSERT(stats.streams <= 2 * STREAMS_MAX);
	KITH_ASSERT(f.alloc.live_bytes < BYTES_MAX);
}

static void give(unsigned to, const uint8_t *bytes, size_t len)
{
	(void)kith_streams_input(f.ends[to].s, f.now, bytes, len);
	drain(to);
}

/* Takes the packet at that place out of the flight and delivers it. */
static void deliver(unsigned at)
{
	uint8_t bytes[KITH_STREAMS_PACKET];
	unsigned to = f.flight[at].to;
	size_t len = f.flight[at].len;
	memcpy(bytes, f.flight[at].bytes, len);
	f.flying--;
	memmove(&f.flight[at], &f.flight[at + 1], (f.flying - at) * sizeof f.flight[0]);
	give(to, bytes, len);
}

/* Time passes, all that flies arrives, and timers are served as a host does it. */
static void pass(kith_time_us us)
{
	kith_time_us end = f.now + us;
	unsigned turns = 0;
	for (;;) {
		while (f.flying > 0 && turns++ < DRAIN_MAX)
			deliver(0);
		kith_time_us next = KITH_TIME_NEVER;
		for (unsigned i = 0; i < ENDS; i++) {
			kith_time_us at = kith_streams_deadline(f.ends[i].s);
			next = at < next ? at : next;
		}
		if (next > end)
			break;
		/* What is due at once is not due at once again for ever. */
		turns = next > f.now ? 0 : turns + 1;
		KITH_ASSERT(turns < 2 * DRAIN_MAX);
		f.now = next > f.now ? next : f.now;
		for (unsigned i = 0; i < ENDS; i++) {
			if (kith_streams_deadline(f.ends[i].s) <= f.now) {
				kith_streams_tick(f.ends[i].s, f.now);
				drain(i);
			}
		}
	}
	f.now = end;
}

/* A packet with a header of the script's and frames of its making, as QUIC takes it for one of the peer's. */
static void forge(struct kith_reader *r, unsigned to)
{
	uint8_t packet[KITH_STREAMS_PACKET];
	struct kith_writer w = kith_writer_of(packet, sizeof packet);
	uint8_t cid = kith_read_u8(r) & 7, number = kith_read_u8(r), mark = kith_read_u8(r);
	struct kith_span frames = fz_block(r, KITH_STREAMS_PACKET - KITH_STREAMS_HEADER - 4 - TAG_LEN);
	kith_write_u8(&w, mark & 0x3f);
	kith_write_u8(&w, 0);
	kith_write_u8(&w, SHORT_HEADER);
	kith_write_u16(&w, cid);
	kith_write_u8(&w, number);
	kith_write_span(&w, frames);
	kith_write_zeros(&w, TAG_LEN);
	KITH_ASSERT(!w.bad);
	give(to, packet, kith_writer_len(&w));
}

static void application(struct kith_reader *r, unsigned what, unsigned who)
{
	static uint8_t bytes[2 * WINDOW];
	struct end *e = &f.ends[who];
	uint8_t arg = kith_read_u8(r);
	uint64_t id = arg & 0x80 ? e->last : arg & 0x1f;
	bool fin;
	switch (what) {
	case 0:
		if (kith_streams_open(e->s, arg, &id) == 0) {
			e->last = id;
			if (id < TOLD_MAX) {
				KITH_ASSERT(e->told[id] == TOLD_NOTHING);
				e->told[id] = TOLD_OPEN;
			}
		}
		break;
	case 1:
		(void)kith_streams_write(e->s, id, bytes, (size_t)kith_read_u8(r) * 64, (arg & 0x40) != 0);
		break;
	case 2: {
		int n = kith_streams_read(e->s, f.now, id, bytes, (size_t)kith_read_u8(r) * 64, &fin);
		KITH_ASSERT(n <= 255 * 64);
		break;
	}
	case 3:
		(void)kith_streams_write(e->s, id, NULL, 0, true);
		break;
	case 4:
		(void)kith_streams_reset(e->s, id, arg);
		break;
	case 5:
		(void)kith_streams_stop(e->s, id, arg);
		break;
	case 6:
		kith_streams_migrate(e->s, f.now);
		break;
	default:
		if (arg == 0xcc)
			kith_streams_close(e->s);
		break;
	}
	drain(who);
}

static void network(struct kith_reader *r, unsigned what, unsigned to)
{
	uint8_t arg = kith_read_u8(r);
	unsigned at = f.flying > 0 ? arg % f.flying : 0;
	switch (what) {
	case 0:
		pass(fz_step_us(arg));
		break;
	case 1:
		f.flying = 0;
		break;
	case 2:
		if (f.flying > 0)
			deliver(at);
		break;
	case 3:
		if (f.flying > 0)
			give(f.flight[at].to, f.flight[at].bytes, f.flight[at].len);
		break;
	case 4:
		if (f.flying > 0)
			f.flight[at].bytes[kith_read_u16(r) % f.flight[at].len] ^= kith_read_u8(r);
		break;
	case 5: {
		struct kith_span raw = fz_block(r, KITH_STREAMS_PACKET);
		give(to, raw.p, raw.len);
		break;
	}
	case 6:
		forge(r, to);
		break;
	default:
		f.alloc.fail_after = arg;
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct kith_reader r = kith_reader_of(data, size);
	memset(&f, 0, sizeof f);
	fz_alloc_init(&f.alloc);
	fz_random_init(&f.random, 1);
	f.now = KITH_US_PER_S;
	for (unsigned i = 0; i < ENDS; i++) {
		struct kith_streams_config cfg;
		kith_streams_config_init(&cfg);
		cfg.alloc = &f.alloc.alloc;
		cfg.random = &f.random.random;
		cfg.initiator = i == 0;
		cfg.streams_max = STREAMS_MAX;
		cfg.window = WINDOW;
		cfg.window_max = WINDOW_MAX;
		cfg.session_max = SESSION_MAX;
		cfg.rtt_us = 20 * 1000;
		cfg.now = f.now;
		KITH_ASSERT(kith_streams_new(&f.ends[i].s, &cfg) == 0);
	}
	while (kith_reader_left(&r) > 0) {
		uint8_t op = kith_read_u8(&r);
		if (op & 0x10)
			network(&r, op & 7, op >> 7);
		else
			application(&r, op & 7, op >> 7);
	}
	f.alloc.fail_after = -1;
	pass(60 * KITH_US_PER_S);
	for (unsigned i = 0; i < ENDS; i++)
		kith_streams_free(f.ends[i].s);
	KITH_ASSERT(f.alloc.live_bytes == 0);
	return 0;
}
