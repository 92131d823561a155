/* A one-way link that gives a host access to the network: propagation delay, jitter, loss, duplication, reordering, and
 * a bandwidth with a bounded queue.
 *
 * Order of effects: queue (tail drop), serialisation, then loss, duplication, delay. A lost packet has used its
 * bandwidth. What happens to a packet is a function of (seed, link, packet number) alone, so it does not depend on
 * which other packet was worked off first; only the queue has state, and that is time.
 * Jitter may reorder packets that follow each other more closely than it.
 * Bounds: queue_bytes waiting or being sent; nothing is stored. Never: a clock, a copy of a packet, floating point.
 */
#ifndef KITH_NET_LINK_H
#define KITH_NET_LINK_H

#include <kith/types.h>

#define KITH_LINK_COPIES_MAX 2

/* Random mischief on a way. All zero: none. */
struct kith_access_faults {
	uint32_t loss_ppm, duplicate_ppm, reorder_ppm;
	kith_time_us jitter_us; /* up to this much more, bell-shaped */
	kith_time_us reorder_delay_us; /* more for a packet that is held back, and for the copy of a duplicate */
};

/* The fate of one packet. */
struct kith_access_fate {
	unsigned copies; /* 0 when lost */
	kith_time_us extra_us[KITH_LINK_COPIES_MAX]; /* on top of the link's delay */
};

void kith_access_draw(const struct kith_access_faults *f, uint64_t seed, uint64_t link, uint64_t number,
		      struct kith_access_fate *out);

/* A bottleneck. busy_until_ns has nanoseconds, so that fast links do not suffer from rounding. */
struct kith_access_queue {
	int64_t busy_until_ns;
};

/* Queues len bytes at now; false when they do not fit. *out is when the last byte has left, rounded up.
 * bytes_per_s 0 means no bottleneck, queue_bytes 0 no bound. An idle link takes any packet, however small its queue. */
bool kith_access_queue_push(struct kith_access_queue *q, uint64_t bytes_per_s, uint32_t queue_bytes, kith_time_us now,
			    uint32_t len, kith_time_us *out);

struct kith_access_options {
	uint64_t seed, id;
	kith_time_us delay_us;
	uint64_t bytes_per_s; /* 0: no bottleneck */
	uint32_t queue_bytes; /* 0: no bound */
	struct kith_access_faults faults;
	bool cut; /* nothing gets through */
};

struct kith_access {
	struct kith_access_options options; /* may be changed between packets */
	struct kith_access_queue queue;
	uint64_t packets; /* the next one's number */
	uint64_t delivered, lost, duplicated, queue_drops, cut_drops; /* delivered counts copies */
};

void kith_access_init(struct kith_access *l, const struct kith_access_options *options);

/* Sends len bytes at now. Returns how many copies arrive, and when, in at[]. */
unsigned kith_access_send(struct kith_access *l, kith_time_us now, uint32_t len, kith_time_us at[KITH_LINK_COPIES_MAX]);

#endif
