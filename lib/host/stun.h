/* A STUN server (binding only) on the node's own socket: tells an asker the address that its request came from.
 *
 * The first byte of a STUN message is 0 to 3, of no packet of ours, so both share a port. A request with the magic
 * cookie (RFC 8489) is answered by XOR-MAPPED-ADDRESS, one without (the classic RFC 3489) by MAPPED-ADDRESS; nothing
 * else is told, and nothing that could be used to reach somebody else: CHANGE-REQUEST with a flag set, RESPONSE-PORT
 * and RESPONSE-ADDRESS are refused as unknown attributes (420). Not answered at all: indications, responses, other
 * methods.
 * Bounds: KITH_STUN_RATE answers a second and KITH_STUN_BURST at once for a /24 or /48, in a table of fixed size;
 * prefixes that fall into the same row share it. An answer is at most KITH_STUN_ANSWER_MAX bytes, and at most 2.2
 * times as long as its request (44 bytes with an IPv6 address for the shortest, of 20).
 * Never: allocates, keeps state for a client.
 */
#ifndef KITH_HOST_STUN_H
#define KITH_HOST_STUN_H

#include <kith/types.h>

#define KITH_STUN_RATE 20
#define KITH_STUN_BURST 40
#define KITH_STUN_ROWS 4096 /* 64 kB */
#define KITH_STUN_ANSWER_MAX 128

struct kith_stun; /* one server */

/* seed keys the table's hash, so that nobody can aim at a row. NULL when out of memory. */
struct kith_stun *kith_stun_new(const struct kith_alloc *alloc, const uint64_t seed[2]);
void kith_stun_free(struct kith_stun *stun);

/* Whether a packet is for the STUN server, by its first byte. */
static inline bool kith_stun_is(const uint8_t *p, size_t len)
{
	return len > 0 && p[0] <= 3;
}

/* Answers one packet from that address into out (KITH_STUN_ANSWER_MAX bytes). The answer's length; 0: none is sent. */
size_t kith_stun_answer(struct kith_stun *stun, kith_time_us now, const uint8_t *in, size_t len,
			const struct kith_addr *from, uint8_t out[KITH_STUN_ANSWER_MAX]);

/* How many requests were answered, and how many not because of the limit. */
void kith_stun_counts(const struct kith_stun *stun, uint64_t *answered, uint64_t *limited);

#endif
