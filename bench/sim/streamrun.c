#include "sim/streamrun.h"

#include <stdlib.h>
#include <string.h>

#include <kith/err.h>

#include "base/alloc.h"
#include "base/timer.h"
#include "net/link.h"
#include "sim/simalloc.h"
#include "sim/simqueue.h"
#include "sim/simrandom.h"

enum {
	WRITER,
	READER,
	ENDS,
	CHUNK = 16384,
	PATTERN = 251, /* a prime: no power of two of bytes can slip unnoticed */
	READ_EVERY_US = 1000, /* of a reader that is told how fast */
	OVERHEAD = 3 + 16 + 16 + 8 + 20, /* STREAM frame, session's header and tag, UDP, IPv4 */
	CHANNEL = 1
};

struct flight {
	uint16_t len;
	uint8_t bytes[KITH_STREAMS_PACKET];
};

struct run {
	const struct kith_streamrun_options *o;
	struct kith_streamrun_result *r;
	struct kith_simpool pool;
	struct kith_simaccount accounts[ENDS], own;
	struct kith_simrandom random[ENDS];
	struct kith_streams *ends[ENDS];
	struct kith_access links[ENDS]; /* by sender */
	struct kith_simqueue queue;
	struct flight *flights; /* grows; freed ones are chained by free_next */
	uint32_t *free_next, flights_n, flights_cap, free_first;
	uint64_t id, written, seq;
	kith_time_us now, begun, read_at;
	bool writing, readable;
	int err;
};

static void fail(struct run *run, int err)
{
	run->err = run->err == 0 ? err : run->err;
}

/* ---- the network ---- */
static uint32_t take_flight(struct run *run)
{
	uint32_t i = run->free_first;
	if (i != UINT32_MAX) {
		run->free_first = run->free_next[i];
		return i;
	}
	if (run->flights_n == run->flights_cap) {
		uint32_t cap = run->flights_cap != 0 ? 2 * run->flights_cap : 1024;
		struct flight *flights = realloc(run->flights, cap * sizeof *flights);
		run->flights = flights != NULL ? flights : run->flights;
		uint32_t *next = realloc(run->free_next, cap * sizeof *next);
		run->free_next = next != NULL ? next : run->free_next;
		if (flights == NULL || next == NULL) {
			fail(run, KITH_ENOMEM);
			return UINT32_MAX;
		}
		run->flights_cap = cap;
	}
	return run->flights_n++;
}

static void give_flight(struct run *run, uint32_t i)
{
	run->free_next[i] = run->free_first;
	run->free_first = i;
}

static void transmit(struct run *run, unsigned from, const uint8_t *packet, size_t len)
{
	kith_time_us at[KITH_LINK_COPIES_MAX];
	unsigned copies = kith_access_send(&run->links[from], run->now, (uint32_t)len + OVERHEAD, at);
	for (unsigned i = 0; i < copies; i++) {
		uint32_t ref = take_flight(run);
		if (ref == UINT32_MAX)
			return;
		run->flights[ref].len = (uint16_t)len;
		memcpy(run->flights[ref].bytes, packet, len);
		const struct kith_simevent ev = { .key = { at[i], 1 - from, from, run->seq++ }, .ref = ref };
		if (kith_simqueue_push(&run->queue, &ev) != 0)
			fail(run, KITH_ENOMEM);
	}
}

/* ---- the applications ---- */
static void write_all(struct run *run)
{
	uint8_t chunk[CHUNK];
	while (run->writing) {
		for (size_t i = 0; i < sizeof chunk; i++)
			chunk[i] = (uint8_t)((run->written + i) % PATTERN);
		int n = kith_streams_write(run->ends[WRITER], run->id, chunk, sizeof chunk, false);
		if (n <= 0) {
			if (n != KITH_EAGAIN)
				fail(run, KITH_EPROTO);
			return;
		}
		run->written += (uint64_t)n;
	}
}

static void read_some(struct run *run, uint64_t most)
{
	uint8_t chunk[CHUNK];
	bool fin;
	while (run->readable && most > 0) {
		size_t cap = most < sizeof chunk ? (size_t)most : sizeof chunk;
		int n = kith_streams_read(run->ends[READER], run->now, run->id, chunk, cap, &fin);
		if (n <= 0) {
			run->readable = false;
			if (n != KITH_EAGAIN)
				fail(run, KITH_EPROTO);
			return;
		}
		for (size_t i = 0; i < (size_t)n; i++)
			if (chunk[i] != (uint8_t)((run->r->bytes + i) % PATTERN))
				fail(run, KITH_EPROTO);
		run->r->bytes += (uint64_t)n;
		most -= (uint64_t)n;
		uint64_t slot = (uint64_t)((run->now - run->begun) / KITH_STREAMRUN_SLOT_US);
		if (slot < run->r->slots_n)
			run->r->slots[slot] += (uint32_t)n;
	}
}

static void hear(struct run *run, unsigned who)
{
	struct kith_stream_event ev;
	while (kith_streams_event(run->ends[who], &ev)) {
		if (ev.type == KITH_STREAM_WRITABLE && who == WRITER)
			write_all(run);
		else if (ev.type == KITH_STREAM_READABLE && who == READER)
			run->readable = true;
		else if (ev.type == KITH_STREAM_DEAD)
			fail(run, KITH_EPROTO);
	}
	if (who == READER && run->o->read_bytes_per_s == 0)
		read_some(run, UINT64_MAX);
}

static void drain(struct run *run, unsigned who)
{
	uint8_t packet[KITH_STREAMS_PACKET];
	int n;
	do {
		hear(run, who);
		n = kith_streams_output(run->ends[who], run->now, packet, sizeof packet);
		if (n > 0)
			transmit(run, who, packet, (size_t)n);
		if (n < 0)
			fail(run, KITH_EPROTO);
	} while (n > 0 && run->err == 0);
}

/* ---- time ---- */
static void serve(struct run *run)
{
	const struct kith_simevent *next = kith_simqueue_peek(&run->queue);
	while (next != NULL && next->key.at <= run->now && run->err == 0) {
		struct kith_simevent ev;
		(void)kith_simqueue_pop(&run->queue, &ev);
		struct flight f = run->flights[ev.ref];
		give_flight(run, ev.ref);
		(void)kith_streams_input(run->ends[ev.key.dst], run->now, f.bytes, f.len);
		drain(run, ev.key.dst);
		next = kith_simqueue_peek(&run->queue);
	}
	if (run->o->read_bytes_per_s != 0 && run->read_at <= run->now) {
		read_some(run, run->o->read_bytes_per_s * READ_EVERY_US / KITH_US_PER_S);
		run->read_at = run->now + READ_EVERY_US;
	}
	for (unsigned i = 0; i < ENDS; i++) {
		if (kith_streams_deadline(run->ends[i]) <= run->now)
			kith_streams_tick(run->ends[i], run->now);
		drain(run, i);
	}
}

static void run_until(struct run *run, kith_time_us until)
{
	while (run->err == 0) {
		const struct kith_simevent *next = kith_simqueue_peek(&run->queue);
		kith_time_us at = next != NULL ? next->key.at : KITH_TIME_NEVER;
		if (run->o->read_bytes_per_s != 0 && run->read_at < at)
			at = run->read_at;
		for (unsigned i = 0; i < ENDS; i++) {
			kith_time_us due = kith_streams_deadline(run->ends[i]);
			at = due < at ? due : at;
		}
		if (at > until)
			break;
		run->now = at > run->now ? at : run->now;
		serve(run);
	}
	run->now = until;
}

static int begin(struct run *run)
{
	run->begun = run->now = KITH_US_PER_S;
	for (unsigned i = 0; i < ENDS; i++) {
		kith_simaccount_init(&run->accounts[i], &run->pool);
		kith_simrandom_init(&run->random[i], run->o->seed, i);
		struct kith_streams_config cfg = run->o->streams;
		cfg.alloc = &run->accounts[i].alloc;
		cfg.random = &run->random[i].random;
		cfg.initiator = i == WRITER;
		cfg.rtt_us = run->o->rtt_us;
		cfg.now = run->now;
		int err = kith_streams_new(&run->ends[i], &cfg);
		if (err != 0)
			return err;
		const struct kith_access_options link = {
			.seed = run->o->seed,
			.id = i,
			.delay_us = run->o->rtt_us / 2,
			.bytes_per_s = run->o->bytes_per_s,
			.queue_bytes = run->o->queue_bytes,
			.faults.loss_ppm = run->o->loss_ppm,
		};
		kith_access_init(&run->links[i], &link);
	}
	return kith_streams_open(run->ends[WRITER], CHANNEL, &run->id);
}

static void report(struct run *run)
{
	run->r->writer_peak_bytes = run->accounts[WRITER].peak_bytes;
	run->r->reader_peak_bytes = run->accounts[READER].peak_bytes;
	run->r->packets = run->links[WRITER].packets;
	run->r->packets_back = run->links[READER].packets;
	run->r->lost = run->links[WRITER].lost;
	run->r->queue_drops = run->links[WRITER].queue_drops;
}

/* What is still to come; afterwards nothing may be outstanding. */
static void finish(struct run *run)
{
	enum { PATIENCE_US = 300 * 1000000 };
	uint64_t counted = run->r->bytes;
	run->writing = false;
	run->r->slots_n = run->r->slots_n < KITH_STREAMRUN_SLOTS_MAX ? run->r->slots_n : KITH_STREAMRUN_SLOTS_MAX;
	run_until(run, run->now + PATIENCE_US);
	if (run->r->bytes != run->written)
		fail(run, KITH_EPROTO);
	run->r->bytes = counted;
	run->r->writer_after_bytes = run->accounts[WRITER].live_bytes;
	run->r->reader_after_bytes = run->accounts[READER].live_bytes;
}

void kith_streamrun_options_init(struct kith_streamrun_options *o)
{
	*o = (struct kith_streamrun_options){
		.seed = 1,
		.rtt_us = 100 * KITH_US_PER_MS,
		.bytes_per_s = 12500000,
		.queue_bytes = 1250000,
		.span_us = 10 * KITH_US_PER_S,
	};
	kith_streams_config_init(&o->streams);
}

int kith_streamrun(const struct kith_streamrun_options *o, struct kith_streamrun_result *out)
{
	struct run run = { .o = o, .r = out, .free_first = UINT32_MAX, .writing = true };
	memset(out, 0, sizeof *out);
	if (o->span_us <= 0 || o->span_us > KITH_STREAMRUN_SLOTS_MAX * KITH_STREAMRUN_SLOT_US)
		return KITH_EINVAL;
	out->slots_n = (unsigned)(o->span_us / KITH_STREAMRUN_SLOT_US);
	kith_simpool_init(&run.pool, false);
	kith_simaccount_init(&run.own, &run.pool);
	kith_simqueue_init(&run.queue, &run.own.alloc);
	int err = begin(&run);
	if (err == 0) {
		write_all(&run);
		drain(&run, WRITER);
		run_until(&run, run.begun + o->span_us);
		report(&run);
		finish(&run);
		err = run.err;
	}
	for (unsigned i = 0; i < ENDS; i++)
		kith_streams_free(run.ends[i]);
	kith_simqueue_deinit(&run.queue);
	kith_simpool_deinit(&run.pool);
	free(run.flights);
	free(run.free_next);
	return err;
}

uint64_t kith_streamrun_rate(const struct kith_streamrun_result *r, unsigned from)
{
	uint64_t bytes = 0;
	for (unsigned i = from; i < r->slots_n; i++)
		bytes += r->slots[i];
	return from < r->slots_n ? bytes * KITH_US_PER_S / ((r->slots_n - from) * (uint64_t)KITH_STREAMRUN_SLOT_US) : 0;
}

unsigned kith_streamrun_ramp(const struct kith_streamrun_result *r, uint64_t bytes_per_s)
{
	enum { IN_A_ROW = 3 };
	uint64_t least = bytes_per_s * KITH_STREAMRUN_SLOT_US / KITH_US_PER_S;
	unsigned row = 0;
	for (unsigned i = 0; i < r->slots_n; i++) {
		row = r->slots[i] >= least ? row + 1 : 0;
		if (row == IN_A_ROW)
			return i + 1 - IN_A_ROW;
	}
	return r->slots_n;
}
