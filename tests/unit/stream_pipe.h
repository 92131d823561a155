/* Two ends of streams, joined by a pipe in virtual time: delay, jitter, loss, duplication, a rate with a queue,
 * blackouts. Times are integers, everything is drawn from one seed, and a hash runs over every packet and the time it
 * was sent at.
 */
#ifndef KITH_TESTS_STREAM_PIPE_H
#define KITH_TESTS_STREAM_PIPE_H

#include "support.h"

#include "base/alloc.h"
#include "stream/stream.h"

#define PIPE_MS KITH_US_PER_MS
#define PIPE_S KITH_US_PER_S

enum { PIPE_INITIATOR, PIPE_RESPONDER, PIPE_ENDS };
enum { PIPE_FLIGHT_MAX = 65536, PIPE_STREAMS_MAX = 160, PIPE_SPINS_MAX = 20000 };

struct pipe_faults {
	kith_time_us delay_us, jitter_us; /* jitter reorders: of all packets, unless late_permille is set */
	unsigned loss_permille, duplicate_permille, flip_permille, late_permille;
	uint64_t rate_bytes_s; /* 0: unlimited */
	kith_time_us queue_us; /* what waits longer than this is dropped */
	kith_time_us blackout_from, blackout_until;
};

struct pipe_packet {
	kith_time_us at;
	uint64_t seq;
	unsigned to;
	size_t len;
	uint8_t bytes[KITH_STREAMS_PACKET];
};

/* What an end does with one stream: writes a pattern, reads and checks one. */
struct pipe_stream {
	uint64_t id;
	bool used, gone, ended, reset, stopped, hold; /* hold: does not read */
	uint16_t channel;
	uint64_t to_write, written, read;
	bool fin_when_written, fin_done;
	int error;
	uint64_t reset_code;
};

struct pipe_end {
	struct test_alloc alloc;
	struct test_random random;
	struct kith_streams *s;
	struct pipe_stream streams[PIPE_STREAMS_MAX];
	int dead;
	bool reply; /* opened streams are answered with as many bytes, and ended, when the peer's end has come */
	bool hold; /* streams are not read */
	unsigned opened, closed;
	uint64_t packets, bytes;
};

struct pipe {
	struct pipe_end ends[PIPE_ENDS];
	struct pipe_faults faults;
	struct test_random random;
	kith_time_us now, link_free[PIPE_ENDS];
	struct pipe_packet **flight; /* a heap by time, then sequence */
	size_t flying;
	uint64_t seq, hash, lost;
	unsigned spins;
};

static inline uint8_t pipe_pattern(uint64_t id, uint64_t offset, unsigned from)
{
	uint64_t x = offset * 0x9e3779b97f4a7c15u + id * 0xbf58476d1ce4e5b9u + from;
	/* Runs of zeros too: a packet that ends in zeros must survive the cut of its tag. */
	return offset % 4096 < 1500 ? 0 : (uint8_t)(x >> 29);
}

static inline void pipe_config(struct pipe *p, unsigned who, struct kith_streams_config *cfg)
{
	kith_streams_config_init(cfg);
	cfg->alloc = &p->ends[who].alloc.alloc;
	cfg->random = &p->ends[who].random.random;
	cfg->initiator = who == PIPE_INITIATOR;
	cfg->now = p->now;
}

static inline struct pipe *pipe_new(uint64_t seed)
{
	struct pipe *p = calloc(1, sizeof *p);
	assert_non_null(p);
	p->flight = calloc(PIPE_FLIGHT_MAX, sizeof *p->flight);
	assert_non_null(p->flight);
	test_random_init(&p->random, seed);
	p->faults.delay_us = 10 * PIPE_MS;
	p->hash = 0xcbf29ce484222325u;
	p->now = 1 * PIPE_S;
	for (unsigned i = 0; i < PIPE_ENDS; i++) {
		test_alloc_init(&p->ends[i].alloc);
		test_random_init(&p->ends[i].random, seed * 2 + i + 1);
	}
	return p;
}

/* cfg NULL: defaults. */
static inline void pipe_make(struct pipe *p, unsigned who, const struct kith_streams_config *cfg)
{
	struct kith_streams_config own;
	pipe_config(p, who, &own);
	if (cfg != NULL) {
		own = *cfg;
		own.alloc = &p->ends[who].alloc.alloc;
		own.random = &p->ends[who].random.random;
		own.initiator = who == PIPE_INITIATOR;
		own.now = p->now;
	}
	assert_int_equal(kith_streams_new(&p->ends[who].s, &own), 0);
}

static inline struct pipe *pipe_pair(uint64_t seed)
{
	struct pipe *p = pipe_new(seed);
	pipe_make(p, PIPE_INITIATOR, NULL);
	pipe_make(p, PIPE_RESPONDER, NULL);
	return p;
}

/* With other bounds than the defaults, where they are not 0. */
static inline struct pipe *pipe_pair_bounded(uint64_t seed, uint32_t streams_max, size_t window, size_t window_max)
{
	struct pipe *p = pipe_new(seed);
	struct kith_streams_config cfg;
	kith_streams_config_init(&cfg);
	cfg.streams_max = streams_max != 0 ? streams_max : cfg.streams_max;
	cfg.window = window != 0 ? window : cfg.window;
	cfg.window_max = window_max != 0 ? window_max : cfg.window_max;
	for (unsigned i = 0; i < PIPE_ENDS; i++)
		pipe_make(p, i, &cfg);
	return p;
}

static inline void pipe_free(struct pipe *p)
{
	for (unsigned i = 0; i < PIPE_ENDS; i++) {
		kith_streams_free(p->ends[i].s);
		test_alloc_check(&p->ends[i].alloc);
	}
	while (p->flying > 0)
		free(p->flight[--p->flying]);
	free(p->flight);
	free(p);
}

static inline unsigned pipe_draw(struct pipe *p, unsigned n)
{
	return n > 0 ? (unsigned)(test_random_next(&p->random) % n) : 0;
}

static inline struct pipe_stream *pipe_stream(struct pipe_end *e, uint64_t id)
{
	for (unsigned i = 0; i < PIPE_STREAMS_MAX; i++) {
		if (e->streams[i].used && e->streams[i].id == id)
			return &e->streams[i];
	}
	for (unsigned i = 0; i < PIPE_STREAMS_MAX; i++) {
		if (!e->streams[i].used) {
			e->streams[i] = (struct pipe_stream){ .id = id, .used = true };
			return &e->streams[i];
		}
	}
	fail();
	return NULL;
}

/* ---- the network ---- */
static inline bool pipe_before(const struct pipe_packet *a, const struct pipe_packet *b)
{
	return a->at != b->at ? a->at < b->at : a->seq < b->seq;
}

static inline void pipe_push(struct pipe *p, struct pipe_packet *k)
{
	assert_true(p->flying < PIPE_FLIGHT_MAX);
	size_t i = p->flying++;
	for (; i > 0 && pipe_before(k, p->flight[(i - 1) / 2]); i = (i - 1) / 2)
		p->flight[i] = p->flight[(i - 1) / 2];
	p->flight[i] = k;
}

static inline struct pipe_packet *pipe_pop(struct pipe *p)
{
	struct pipe_packet *top = p->flight[0], *last = p->flight[--p->flying];
	size_t i = 0;
	for (;;) {
		size_t c = 2 * i + 1;
		if (c >= p->flying)
			break;
		if (c + 1 < p->flying && pipe_before(p->flight[c + 1], p->flight[c]))
			c++;
		if (!pipe_before(p->flight[c], last))
			break;
		p->flight[i] = p->flight[c];
		i = c;
	}
	if (p->flying > 0)
		p->flight[i] = last;
	return top;
}

static inline void pipe_fly(struct pipe *p, unsigned from, const uint8_t *bytes, size_t len)
{
	const struct pipe_faults *f = &p->faults;
	kith_time_us at = p->now;
	bool lost = pipe_draw(p, 1000) < f->loss_permille;
	if (p->now >= f->blackout_from && p->now < f->blackout_until)
		lost = true;
	if (f->rate_bytes_s > 0) {
		at = p->link_free[from] > p->now ? p->link_free[from] : p->now;
		if (at - p->now > f->queue_us)
			lost = true;
		else
			p->link_free[from] = at + (kith_time_us)((uint64_t)len * 1000000 / f->rate_bytes_s);
	}
	if (lost) {
		p->lost++;
		return;
	}
	struct pipe_packet *k = malloc(sizeof *k);
	assert_non_null(k);
	k->at = at + f->delay_us;
	if (f->late_permille == 0 || pipe_draw(p, 1000) < f->late_permille)
		k->at += (kith_time_us)pipe_draw(p, (unsigned)f->jitter_us + 1);
	k->seq = p->seq++;
	k->to = 1 - from;
	k->len = len;
	memcpy(k->bytes, bytes, len);
	if (pipe_draw(p, 1000) < f->flip_permille)
		k->bytes[pipe_draw(p, (unsigned)len)] ^= (uint8_t)(1u << pipe_draw(p, 8));
	pipe_push(p, k);
}

static inline void pipe_send(struct pipe *p, unsigned from, const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		p->hash = (p->hash ^ bytes[i]) * 0x100000001b3u;
	p->hash = (p->hash ^ (uint64_t)p->now) * 0x100000001b3u;
	p->ends[from].packets++;
	p->ends[from].bytes += len;
	pipe_fly(p, from, bytes, len);
	if (pipe_draw(p, 1000) < p->faults.duplicate_permille)
		pipe_fly(p, from, bytes, len);
}

/* ---- the application at an end ---- */
static inline void pipe_write(struct pipe_end *e, unsigned who, struct pipe_stream *st)
{
	uint8_t buf[5000];
	while (!st->gone && !st->stopped && !st->fin_done && (st->written < st->to_write || st->fin_when_written)) {
		uint64_t left = st->to_write - st->written;
		size_t n = left < sizeof buf ? (size_t)left : sizeof buf;
		for (size_t i = 0; i < n; i++)
			buf[i] = pipe_pattern(st->id, st->written + i, who);
		bool fin = st->fin_when_written && n == left;
		int rv = kith_streams_write(e->s, st->id, buf, n, fin);
		if (rv == KITH_EAGAIN)
			return;
		if (rv == KITH_ECLOSED && st->reset)
			return;
		assert_true(rv >= 0);
		st->written += (uint64_t)rv;
		st->fin_done = fin && (size_t)rv == n;
	}
}

static inline void pipe_read(struct pipe *p, unsigned who, struct pipe_stream *st)
{
	uint8_t buf[3000];
	bool fin = false;
	while (!fin) {
		int rv = kith_streams_read(p->ends[who].s, p->now, st->id, buf, sizeof buf, &fin);
		if (rv == KITH_EAGAIN)
			return;
		assert_true(rv >= 0);
		for (int i = 0; i < rv; i++)
			assert_int_equal(buf[i], pipe_pattern(st->id, st->read + (uint64_t)i, 1 - who));
		st->read += (uint64_t)rv;
	}
	st->ended = true;
}

static inline void pipe_ended(struct pipe_end *e, unsigned who, struct pipe_stream *st)
{
	if (!e->reply || !st->ended || st->fin_done)
		return;
	st->to_write = st->read;
	st->fin_when_written = true;
	pipe_write(e, who, st);
}

static inline void pipe_events(struct pipe *p, unsigned who)
{
	struct pipe_end *e = &p->ends[who];
	struct kith_stream_event ev;
	while (kith_streams_event(e->s, &ev)) {
		if (ev.type == KITH_STREAM_DEAD) {
			assert_int_equal(e->dead, 0);
			assert_int_not_equal(ev.error, 0);
			e->dead = ev.error;
			continue;
		}
		struct pipe_stream *st = pipe_stream(e, ev.id);
		assert_false(st->gone);
		switch (ev.type) {
		case KITH_STREAM_OPENED:
			st->channel = ev.channel;
			st->hold = st->hold || e->hold;
			e->opened++;
			break;
		case KITH_STREAM_READABLE:
			if (!st->hold && !e->hold)
				pipe_read(p, who, st);
			pipe_ended(e, who, st);
			break;
		case KITH_STREAM_WRITABLE:
			pipe_write(e, who, st);
			break;
		case KITH_STREAM_FIN:
			st->ended = true;
			pipe_ended(e, who, st);
			break;
		case KITH_STREAM_RESET:
			st->reset = true;
			st->reset_code = ev.code;
			break;
		case KITH_STREAM_STOPPED:
			st->stopped = true;
			break;
		case KITH_STREAM_CLOSED:
			st->gone = true;
			st->error = ev.error;
			e->closed++;
			break;
		case KITH_STREAM_DEAD:
			break;
		}
	}
}

/* ---- the world ---- */
static inline void pipe_drain(struct pipe *p, unsigned who)
{
	uint8_t out[KITH_STREAMS_PACKET];
	int n;
	if (p->ends[who].s == NULL)
		return;
	do {
		pipe_events(p, who);
		n = kith_streams_output(p->ends[who].s, p->now, out, sizeof out);
		assert_in_range(n, 0, KITH_STREAMS_PACKET);
		if (n > 0)
			pipe_send(p, who, out, (size_t)n);
	} while (n > 0);
	pipe_events(p, who);
}

static inline kith_time_us pipe_next(const struct pipe *p)
{
	kith_time_us at = p->flying > 0 ? p->flight[0]->at : KITH_TIME_NEVER;
	for (unsigned i = 0; i < PIPE_ENDS; i++) {
		if (p->ends[i].s == NULL)
			continue;
		kith_time_us d = kith_streams_deadline(p->ends[i].s);
		at = d < at ? d : at;
	}
	return at;
}

/* Runs what is due next; false when nothing is, before until. */
static inline bool pipe_step(struct pipe *p, kith_time_us until)
{
	for (unsigned i = 0; i < PIPE_ENDS; i++)
		pipe_drain(p, i);
	kith_time_us at = pipe_next(p);
	if (at > until) {
		p->now = until > p->now && until != KITH_TIME_NEVER ? until : p->now;
		return false;
	}
	p->spins = at <= p->now ? p->spins + 1 : 0;
	assert_true(p->spins < PIPE_SPINS_MAX); /* a deadline that never moves would hang a host */
	p->now = at > p->now ? at : p->now;
	while (p->flying > 0 && p->flight[0]->at <= p->now) {
		struct pipe_packet *k = pipe_pop(p);
		if (p->ends[k->to].s != NULL)
			(void)kith_streams_input(p->ends[k->to].s, p->now, k->bytes, k->len);
		if (p->ends[k->to].s != NULL)
			pipe_drain(p, k->to);
		free(k);
	}
	for (unsigned i = 0; i < PIPE_ENDS; i++) {
		if (p->ends[i].s != NULL && kith_streams_deadline(p->ends[i].s) <= p->now)
			kith_streams_tick(p->ends[i].s, p->now);
	}
	return true;
}

static inline void pipe_run(struct pipe *p, kith_time_us span)
{
	kith_time_us until = p->now + span;
	while (pipe_step(p, until))
		;
}

/* Runs until nothing is outstanding at either end; fails when that takes longer than span. Returns the time it took. */
static inline kith_time_us pipe_settle(struct pipe *p, kith_time_us span)
{
	kith_time_us start = p->now;
	for (;;) {
		for (unsigned i = 0; i < PIPE_ENDS; i++)
			pipe_drain(p, i);
		if (pipe_next(p) == KITH_TIME_NEVER)
			return p->now - start;
		assert_true(pipe_step(p, start + span));
	}
}

/* Opens a stream that will carry so many bytes of pattern, and then ends. */
static inline struct pipe_stream *pipe_open(struct pipe *p, unsigned who, uint16_t channel, uint64_t bytes)
{
	struct pipe_end *e = &p->ends[who];
	uint64_t id;
	assert_int_equal(kith_streams_open(e->s, channel, &id), 0);
	struct pipe_stream *st = pipe_stream(e, id);
	st->channel = channel;
	st->to_write = bytes;
	st->fin_when_written = true;
	pipe_write(e, who, st);
	return st;
}

/* Runs until the stream's bytes have been read at the other end; returns the time it took. */
static inline kith_time_us pipe_transfer(struct pipe *p, unsigned from, const struct pipe_stream *st,
					 kith_time_us limit)
{
	kith_time_us start = p->now;
	struct pipe_stream *other = pipe_stream(&p->ends[1 - from], st->id);
	while (!other->ended && p->now - start < limit && pipe_step(p, start + limit))
		;
	assert_true(other->ended);
	assert_int_equal(other->read, st->to_write);
	return p->now - start;
}

#endif
