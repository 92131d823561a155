/* A STUN server (binding only) on the node's own socket: tells an asker the address that its request came from.
 *
 * The first byte of a STUN message is 0 to 3, of no packet of ours, so both share a port. A request with the magic
 * cookie (RFC 8489) is answered by XOR-MAPPED-ADDRESS, one without (the classic RFC 3489) by MAPPED-ADDRESS; nothing
 * else is told, and nothing that could be used to reach somebody else: CHANGE-REQUEST with a flag set, RESPONSE-PORT
 * and RESPONSE-ADDRESS are refused as unknown attributes (420). Not answered at all: indications, responses, other
 * methods, what is not laid out as a message.
 * Messages are read and made by a codec (host/component_stun), after their layout was checked here.
 * Bounds: KITH_STUN_RATE answers a second and KITH_STUN_BURST at once for a /24 or /48, in a table of fixed size;
 * prefixes that fall into the same row share it. No answer is longer than KITH_STUN_GAIN times its request: an address
 * of IPv6 (44 bytes) is told to those who ask with more than a header, such as a SOFTWARE or PADDING attribute.
 * Never: allocates, keeps state for a client.
 */
#ifndef KITH_HOST_STUN_H
#define KITH_HOST_STUN_H

#include <sys/socket.h>

#include <kith/types.h>

#define KITH_STUN_RATE 20
#define KITH_STUN_BURST 40
#define KITH_STUN_ROWS 4096 /* 64 kB */
#define KITH_STUN_ANSWER_MAX 128
#define KITH_STUN_GAIN 2 /* bytes out for a byte in: what is asked for in somebody else's name is of little use */

/* Reads and makes messages. */
struct kith_stun_codec {
	/* The answer to a message whose layout is good; its length, 0: there is none. */
	size_t (*answer)(const uint8_t *in, size_t len, bool classic, const struct sockaddr_storage *from,
			 socklen_t from_len, uint8_t out[KITH_STUN_ANSWER_MAX]);
};

struct kith_stun; /* one server */

/* codec is borrowed. seed keys the table's hash, so that nobody can aim at a row. NULL when out of memory. */
struct kith_stun *kith_stun_new(const struct kith_alloc *alloc, const struct kith_stun_codec *codec,
				const uint64_t seed[2]);
void kith_stun_free(struct kith_stun *stun);

/* Whether a packet is for the STUN server, by its first byte. */
static inline bool kith_stun_is(const uint8_t *p, size_t len)
{
	return len > 0 && p[0] <= 3;
}

/* Answers one packet from that address into out (KITH_STUN_ANSWER_MAX bytes). The answer's length; 0: none is sent. */
size_t kith_stun_answer(struct kith_stun *stun, kith_time_us now, const uint8_t *in, size_t len,
			const struct kith_addr *from, uint8_t out[KITH_STUN_ANSWER_MAX]);

/* What became of requests. */
struct kith_stun_counts {
	uint64_t answered;
	uint64_t limited; /* dropped by the limit */
	uint64_t too_short; /* dropped, as the answer would be more than KITH_STUN_GAIN times as long */
};

void kith_stun_counts(const struct kith_stun *stun, struct kith_stun_counts *out);

#endif
