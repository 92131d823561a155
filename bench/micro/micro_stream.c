/* How many bytes a second one core moves from one end of a stream to the other, in one process, without a network: both
 * ends' work together. Prints one line of JSON. Usage: micro_stream [MB] [cubic|bbr2]
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <kith/types.h>

#include "stream/stream.h"

enum { ENDS = 2, CHUNK = 65536, MB = 1000000, HOP_US = 50 };

static void *bench_realloc(void *ctx, void *p, size_t old_len, size_t new_len)
{
	(void)ctx, (void)old_len;
	if (new_len == 0) {
		free(p);
		return NULL;
	}
	return realloc(p, new_len);
}

static void bench_fill(void *ctx, uint8_t *out, size_t len)
{
	uint64_t *state = ctx;
	for (size_t i = 0; i < len; i++) {
		*state = *state * 6364136223846793005u + 1442695040888963407u;
		out[i] = (uint8_t)(*state >> 56);
	}
}

static double seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

struct bench {
	struct kith_streams *ends[ENDS];
	uint64_t id, written, read, total, packets;
	kith_time_us now;
};

static void read_all(struct bench *b)
{
	static uint8_t buf[CHUNK];
	struct kith_stream_event ev;
	bool fin = false;
	while (kith_streams_event(b->ends[1], &ev)) {
		if (ev.type != KITH_STREAM_READABLE)
			continue;
		int n;
		while ((n = kith_streams_read(b->ends[1], b->now, ev.id, buf, sizeof buf, &fin)) > 0)
			b->read += (uint64_t)n;
	}
}

static void write_all(struct bench *b)
{
	static const uint8_t buf[CHUNK];
	struct kith_stream_event ev;
	while (kith_streams_event(b->ends[0], &ev))
		;
	while (b->written < b->total) {
		uint64_t left = b->total - b->written;
		int n = kith_streams_write(b->ends[0], b->id, buf, left < CHUNK ? (size_t)left : CHUNK, false);
		if (n <= 0)
			return;
		b->written += (uint64_t)n;
	}
}

/* Carries what one end puts out to the other, at once. */
static void carry(struct bench *b, unsigned from)
{
	uint8_t packet[KITH_STREAMS_PACKET];
	int n;
	while ((n = kith_streams_output(b->ends[from], b->now, packet, sizeof packet)) > 0) {
		b->packets++;
		(void)kith_streams_input(b->ends[1 - from], b->now, packet, (size_t)n);
	}
}

static void run(struct bench *b)
{
	while (b->read < b->total) {
		write_all(b);
		for (unsigned i = 0; i < ENDS; i++) {
			carry(b, i);
			read_all(b);
		}
		b->now += HOP_US;
		for (unsigned i = 0; i < ENDS; i++) {
			if (kith_streams_deadline(b->ends[i]) <= b->now)
				kith_streams_tick(b->ends[i], b->now);
		}
	}
}

int main(int argc, char **argv)
{
	const struct kith_alloc alloc = { bench_realloc, NULL };
	uint64_t state = 1;
	const struct kith_random random = { bench_fill, &state };
	unsigned long mb = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000;
	bool bbr2 = argc > 2 && strcmp(argv[2], "bbr2") == 0;
	struct bench b = { .total = (uint64_t)mb * MB };
	for (unsigned i = 0; i < ENDS; i++) {
		struct kith_streams_config cfg;
		kith_streams_config_init(&cfg);
		cfg.alloc = &alloc;
		cfg.random = &random;
		cfg.initiator = i == 0;
		cfg.control = bbr2 ? KITH_STREAMS_BBR2 : KITH_STREAMS_CUBIC;
		if (kith_streams_new(&b.ends[i], &cfg) != 0)
			return EXIT_FAILURE;
	}
	if (kith_streams_open(b.ends[0], 1, &b.id) != 0)
		return EXIT_FAILURE;
	double start = seconds();
	run(&b);
	double took = seconds() - start;
	printf("{\"bench\":\"stream\",\"control\":\"%s\",\"bytes\":%llu,\"packets\":%llu,\"seconds\":%.3f,\"mb_per_s\":"
	       "%.1f}\n",
	       bbr2 ? "bbr2" : "cubic", (unsigned long long)b.total, (unsigned long long)b.packets, took,
	       (double)b.total / MB / took);
	for (unsigned i = 0; i < ENDS; i++)
		kith_streams_free(b.ends[i]);
	return EXIT_SUCCESS;
}
