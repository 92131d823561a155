/* One stream over one link, in virtual time: both ends' streams, without sessions, behind the link model, which carries
 * each packet at the size that a direct path gives it (session's seal, UDP and IPv4 included).
 *
 *     writer ==[ rate, queue, half the round trip, loss ]==> reader
 *     writer <==[ the same ]================================ reader
 *
 * The writer writes whenever it may; the reader reads whatever has come, or as fast as it is told. A run is a function
 * of its options. Invariant: what is read is what was written, byte by byte, or the run fails.
 */
#ifndef KITH_SIM_STREAMRUN_H
#define KITH_SIM_STREAMRUN_H

#include <kith/types.h>

#include "stream/stream.h"

#define KITH_STREAMRUN_SLOT_US (100 * KITH_US_PER_MS) /* of the goodput's course */
#define KITH_STREAMRUN_SLOTS_MAX 1024

struct kith_streamrun_options {
	uint64_t seed;
	kith_time_us rtt_us; /* both ends know it, as they know their session's */
	uint64_t bytes_per_s; /* of the link; 0: no bottleneck */
	uint32_t queue_bytes; /* before it */
	uint32_t loss_ppm; /* each way */
	kith_time_us span_us; /* KITH_STREAMRUN_SLOTS_MAX slots at most */
	uint64_t read_bytes_per_s; /* as fast as the application reads; 0: at once */
	struct kith_streams_config streams; /* of both ends; what is unset is filled in */
};

struct kith_streamrun_result {
	uint64_t bytes; /* read by the application */
	uint32_t slots[KITH_STREAMRUN_SLOTS_MAX]; /* bytes read in each slot */
	unsigned slots_n;
	uint64_t writer_peak_bytes, reader_peak_bytes; /* memory, as the allocator counts it; all of streams included */
	uint64_t writer_after_bytes, reader_after_bytes; /* when all has arrived, and the stream is still open */
	uint64_t packets, packets_back, lost, queue_drops;
};

/* A link of 100 Mbit/s and 100 ms, its queue one bandwidth-delay product, for ten seconds. */
void kith_streamrun_options_init(struct kith_streamrun_options *o);

/* KITH_EINVAL, KITH_ENOMEM, or KITH_EPROTO: the streams did not do what they must. */
int kith_streamrun(const struct kith_streamrun_options *o, struct kith_streamrun_result *out) KITH_MUST_USE;

/* Bytes a second read from slot `from` on. */
uint64_t kith_streamrun_rate(const struct kith_streamrun_result *r, unsigned from);

/* The first slot of three in a row that each have so many bytes a second; slots_n if there is none. */
unsigned kith_streamrun_ramp(const struct kith_streamrun_result *r, uint64_t bytes_per_s);

#endif
