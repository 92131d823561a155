/* Packets in a stream of bytes, each behind its length in 2 bytes, high byte first: cut out of what came, and put into
 * what is to go. PROTOCOL.md, 9.1.
 *
 * In: whoever reads puts what was left over (kith_tcp_in_begin) before what it reads now, cuts packets out, and leaves
 * the rest (kith_tcp_in_end), which is less than one packet.
 * Out: packets wait in order. When they are too many the oldest go, whole: what is late is of less use than what is
 * new, and only a packet of which the first byte has left has to be finished.
 * Invariant: what leaves is whole packets, whatever was dropped.
 * Bounds: KITH_TCP_PACKET_MAX for one packet, a limit that each call names for what waits. Nothing is held while
 * nothing waits.
 * Never: a socket, a look into a packet.
 */
#ifndef KITH_HOST_TCP_STREAM_H
#define KITH_HOST_TCP_STREAM_H

#include <kith/err.h>
#include <kith/types.h>

#define KITH_TCP_LENGTH 2 /* bytes of a length */
#define KITH_TCP_PACKET_MAX 2048 /* wire: longest packet; as many as are taken in from UDP */
#define KITH_TCP_UNIT_MAX (KITH_TCP_LENGTH + KITH_TCP_PACKET_MAX)

struct kith_tcp_in {
	uint8_t *part; /* KITH_TCP_UNIT_MAX bytes, while a packet has come in part */
	size_t part_len;
};

/* The part that came before goes to the beginning of bytes (KITH_TCP_UNIT_MAX at least); returns its length. */
size_t kith_tcp_in_begin(struct kith_tcp_in *in, const struct kith_alloc *alloc, uint8_t *bytes);

/* The next packet of bytes[*at] to bytes[len - 1]: its length, *packet, and *at behind it. 0: the rest is none yet;
 * KITH_EPROTO: no such length. */
int kith_tcp_cut(const uint8_t *bytes, size_t len, size_t *at, const uint8_t **packet) KITH_MUST_USE;

/* Keeps what is no packet yet. KITH_ENOMEM. */
int kith_tcp_in_end(struct kith_tcp_in *in, const struct kith_alloc *alloc, const uint8_t *rest,
		    size_t len) KITH_MUST_USE;

void kith_tcp_in_deinit(struct kith_tcp_in *in, const struct kith_alloc *alloc);

struct kith_tcp_out {
	uint8_t *bytes; /* cap of them, while any wait: from at on, len */
	size_t cap, at, len;
	size_t begun; /* of these, bytes of a packet that has left in part; they come first */
};

/* Room for the length of a packet, written. */
void kith_tcp_length(uint8_t out[KITH_TCP_LENGTH], size_t len);

/* Appends a packet (1 to KITH_TCP_PACKET_MAX bytes), of which skip bytes of length and packet have left already: 0
 * unless nothing waits. Returns how many packets were dropped so that no more than max bytes wait: older ones, or this
 * one for lack of room or memory. One that has left in part is dropped for lack of memory only: then nothing waits, and
 * its connection has to end. */
unsigned kith_tcp_out_put(struct kith_tcp_out *out, const struct kith_alloc *alloc, const uint8_t *packet, size_t len,
			  size_t skip, size_t max);

/* n bytes from the front have left. */
void kith_tcp_out_left(struct kith_tcp_out *out, const struct kith_alloc *alloc, size_t n);

void kith_tcp_out_deinit(struct kith_tcp_out *out, const struct kith_alloc *alloc);

#endif
