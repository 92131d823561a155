/* One UDP socket of one family: batches in, batches out, in order, without blocking.
 *
 * On Linux batches go through recvmmsg and sendmmsg, trains of equal packets through the kernel's segmentation
 * (UDP_SEGMENT, UDP_GRO), and errors that the network reports (ICMP) come with the address that they are about
 * (IP_RECVERR). What the kernel cannot do is found out at run time. Elsewhere: one recvfrom or sendmsg per packet.
 * TTL and ECN travel in control messages. Packets leave with "do not fragment" set (RFC 8899), so that paths are judged
 * by what arrives, and ICMP cannot lower the size for us. Only where a link of this machine, or a router, says that it
 * carries no packet of 1200 bytes (KITH_EMSGSIZE, told once) they may be fragmented, for KITH_UDP_PARTS_CALLS calls;
 * then it is tried without again.
 *
 * Order: when the socket takes no more, packets are copied to a queue, and later ones go behind them. Full
 * (KITH_UDP_QUEUE_PACKETS or _BYTES): newer packets are dropped and counted; a network does no less.
 * A socket that is beyond use (its descriptor is gone, or nothing but failures of its own for KITH_UDP_FAILURES_MAX
 * calls) says so by kith_udp_broken, and takes nothing more: its owner closes it and opens another.
 * Never: a callback upward; errors are collected for the caller to fetch.
 */
#ifndef KITH_HOST_UDP_H
#define KITH_HOST_UDP_H

#include <kith/err.h>
#include <kith/packet.h>

#define KITH_UDP_BATCH 64 /* packets or trains in one system call */
#define KITH_UDP_TRAINS 16 /* receive buffers for whole trains: 1 MiB */
#define KITH_UDP_PACKET_MAX 2048 /* longest packet taken in without coalescing; ours have at most 1200 bytes */
#define KITH_UDP_TRAIN_MAX 65535
#define KITH_UDP_SEGMENTS_MAX 64 /* of one train; UDP_MAX_SEGMENTS of older kernels */
#define KITH_UDP_QUEUE_PACKETS 1024
#define KITH_UDP_QUEUE_BYTES (2u * 1024 * 1024)
#define KITH_UDP_SOCKET_BUFFER (1024 * 1024) /* asked for; a kernel may give less. 10 ms at 800 Mbit/s */
#define KITH_UDP_ERRORS_MAX 32 /* kept between two fetches; more are the same story again */
#define KITH_UDP_FAILURES_MAX 8 /* in a row, of the socket and not of one address: then it is given up */
#define KITH_UDP_WHY_MAX 160
#define KITH_UDP_PARTS_CALLS 65536 /* about half an hour of a busy flow */

struct kith_udp; /* one socket */

/* An address that packets do not reach. */
struct kith_udp_error {
	struct kith_addr remote;
	int err; /* KITH_EUNREACHABLE, KITH_EACCES ...; KITH_EMSGSIZE: it reaches it in fragments, from now on */
};

struct kith_udp_options {
	const struct kith_alloc *alloc; /* borrowed until closed */
	uint16_t transport; /* put into packets that come in */
	struct kith_addr bind; /* the family, address (zeros: any) and port (0: any) */
	bool offload; /* use the kernel's segmentation and coalescing */
	int socket_buffer; /* bytes; 0: KITH_UDP_SOCKET_BUFFER. Tests use small ones */
};

/* KITH_EADDRINUSE, KITH_EACCES, KITH_ENOTSUP (the family), KITH_EUNREACHABLE (no such address here), KITH_ENOMEM,
 * KITH_EIO; why (KITH_UDP_WHY_MAX bytes) says it in words. */
int kith_udp_open(struct kith_udp **out, const struct kith_udp_options *o, char *why) KITH_MUST_USE;
void kith_udp_close(struct kith_udp *u);

int kith_udp_fd(const struct kith_udp *u);
uint16_t kith_udp_port(const struct kith_udp *u);
bool kith_udp_offloads(const struct kith_udp *u); /* segmentation is in use */

/* Takes in up to n packets; their memory, with KITH_PACKET_HEADROOM before each, is valid until the next call, or
 * kith_udp_rest. 0: none of use; if more are waiting, polling says so again. KITH_ENOMEM: not now; what
 * kith_udp_broken says. */
int kith_udp_receive(struct kith_udp *u, struct kith_packet out[], size_t n) KITH_MUST_USE;

/* What was received is not used any more: its memory (1 MiB with coalescing) is given back until the next receive. */
void kith_udp_rest(struct kith_udp *u);

/* Sends packets in order, neighbours for one destination in trains. What the socket does not take is copied and
 * queued. */
void kith_udp_send(struct kith_udp *u, const struct kith_packet packets[], size_t n);

/* Why the socket is of no more use; 0: it is. */
int kith_udp_broken(const struct kith_udp *u);

/* Whether packets are queued: then wait until the socket is writable and call kith_udp_flush. */
bool kith_udp_queued(const struct kith_udp *u);
void kith_udp_flush(struct kith_udp *u);

/* Reads the errors that the kernel keeps for this socket; call it when polling reports an error. */
void kith_udp_read_errors(struct kith_udp *u);

/* Takes out the next error; false when there is none. */
bool kith_udp_error(struct kith_udp *u, struct kith_udp_error *out);

struct kith_udp_counts {
	uint64_t queue_full; /* packets dropped */
	uint64_t calls_in, calls_out; /* system calls that moved packets */
	uint64_t trains_in, trains_out;
};

void kith_udp_counts(const struct kith_udp *u, struct kith_udp_counts *out);

#endif
