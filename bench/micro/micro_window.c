/* How much of a link one stream fills: goodput at the application over 100 Mbit/s, in virtual time (the figures are the
 * same on every machine), for several round trips and losses; and what memory it takes. A line for each, of text or of
 * JSON.
 *
 * Full: when three slots of 100 ms in a row had 90 % of the link. Then: the second half of the run. Whole: from the
 * first byte. The queue before the link holds a share of what is on its way in a round trip at full rate.
 * Usage: micro_window [--json] [cubic|bbr2] [seconds]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/timer.h"
#include "sim/streamrun.h"

enum { RATE = 12500000, MBIT = 1000000 / 8, PERCENT = 100, FULL = 90 };

struct path {
	unsigned rtt_ms, loss_permille, queue_percent;
};

static void print(const struct path *path, const struct kith_streamrun_options *o,
		  const struct kith_streamrun_result *r, bool json)
{
	unsigned ramp = kith_streamrun_ramp(r, (uint64_t)RATE * FULL / PERCENT);
	bool full = ramp < r->slots_n;
	double then = (double)kith_streamrun_rate(r, r->slots_n / 2) / MBIT;
	double whole = (double)kith_streamrun_rate(r, 0) / MBIT, start = (double)ramp / 10;
	const char *control = o->streams.control == KITH_STREAMS_BBR2 ? "bbr2" : "cubic";
	if (json) {
		printf("{\"bench\":\"window\",\"control\":\"%s\",\"rtt_ms\":%u,\"loss_permille\":%u,\"queue_percent\":%"
		       "u,"
		       "\"full\":%s,"
		       "\"start_s\":%.1f,\"then_mbit_per_s\":%.1f,\"whole_mbit_per_s\":%.1f,\"writer_peak_bytes\":%llu,"
		       "\"reader_peak_bytes\":%llu,\"writer_after_bytes\":%llu,\"reader_after_bytes\":%llu,"
		       "\"packets\":%llu,\"packets_back\":%llu,\"lost\":%llu,\"queue_drops\":%llu}\n",
		       control, path->rtt_ms, path->loss_permille, path->queue_percent, full ? "true" : "false", start,
		       then, whole, (unsigned long long)r->writer_peak_bytes, (unsigned long long)r->reader_peak_bytes,
		       (unsigned long long)r->writer_after_bytes, (unsigned long long)r->reader_after_bytes,
		       (unsigned long long)r->packets, (unsigned long long)r->packets_back, (unsigned long long)r->lost,
		       (unsigned long long)r->queue_drops);
		return;
	}
	printf("%s %3u ms, loss %.1f %%, queue %3u %%: ", control, path->rtt_ms, (double)path->loss_permille / 10,
	       path->queue_percent);
	if (full)
		printf("full after %.1f s, ", start);
	printf("then %.1f Mbit/s, whole %.1f", then, whole);
	printf("; memory at most %llu kB (writer), %llu kB (reader), afterwards %llu, %llu kB; %llu packets, %llu "
	       "lost, "
	       "%llu dropped by the queue\n",
	       (unsigned long long)r->writer_peak_bytes / 1000, (unsigned long long)r->reader_peak_bytes / 1000,
	       (unsigned long long)r->writer_after_bytes / 1000, (unsigned long long)r->reader_after_bytes / 1000,
	       (unsigned long long)r->packets, (unsigned long long)r->lost, (unsigned long long)r->queue_drops);
}

int main(int argc, char **argv)
{
	static const struct path paths[] = { { 10, 0, 100 },  { 100, 0, 100 },	{ 100, 0, 25 },	 { 200, 0, 100 },
					     { 10, 10, 100 }, { 100, 10, 100 }, { 200, 10, 100 } };
	static struct kith_streamrun_result result;
	struct kith_streamrun_options o;
	bool json = false;
	kith_streamrun_options_init(&o);
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--json") == 0)
			json = true;
		else if (strcmp(argv[i], "bbr2") == 0)
			o.streams.control = KITH_STREAMS_BBR2;
		else if (strcmp(argv[i], "cubic") != 0)
			o.span_us = (kith_time_us)strtoul(argv[i], NULL, 10) * KITH_US_PER_S;
	}
	for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
		o.rtt_us = (kith_time_us)paths[i].rtt_ms * KITH_US_PER_MS;
		o.queue_bytes = (uint32_t)((uint64_t)RATE * paths[i].rtt_ms / 1000 * paths[i].queue_percent / PERCENT);
		o.loss_ppm = paths[i].loss_permille * 1000;
		int err = kith_streamrun(&o, &result);
		if (err != 0) {
			fprintf(stderr, "micro-window: %s\n", kith_strerror(err));
			return EXIT_FAILURE;
		}
		print(&paths[i], &o, &result, json);
	}
	return EXIT_SUCCESS;
}
