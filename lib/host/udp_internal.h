/* What the portable and the system's own halves of host/udp share. */
#ifndef KITH_HOST_UDP_INTERNAL_H
#define KITH_HOST_UDP_INTERNAL_H

#include "host/udp.h"

struct kith_udp_queued {
	struct kith_udp_queued *next;
	struct kith_packet packet;
	uint8_t data[];
};

struct kith_udp {
	const struct kith_alloc *alloc;
	int fd;
	uint8_t family;
	uint16_t transport, port;
	bool offload, gso, gro, recverr;
	uint32_t parts_left; /* calls for which packets may be fragmented; 0: they may not */
	int broken; /* a code: given up */
	unsigned failures; /* in a row */
	bool lost; /* the descriptor is not ours any more, and not to be closed */
	uint8_t *rx; /* receive buffers, made when something is received */
	size_t rx_n, rx_stride; /* how many, and bytes from one to the next */
	struct kith_udp_queued *head, *tail;
	size_t queued_n, queued_bytes;
	struct kith_udp_error *errors; /* KITH_UDP_ERRORS_MAX, while there are any */
	size_t errors_n;
	struct kith_udp_counts counts;
};

/* What the system's half sends in one go: neighbouring packets with the same destination and marks. */
struct kith_udp_train {
	size_t first, n; /* packets */
	uint16_t segment_len; /* 0: one plain packet */
};

/* A packet of ours is too large for a link, as the system says. True: it is to be sent again, in fragments. */
bool kith_udp_go_in_parts(struct kith_udp *u, const struct kith_addr *remote);

void kith_udp_note_error(struct kith_udp *u, const struct kith_addr *remote, int errnum);

/* A call on the socket failed. True: for a reason of its own and not of one address (which may make it broken). */
bool kith_udp_note_failure(struct kith_udp *u, int errnum);

/* The train that starts at packets[first]: by itself (segment_len set by the core), with equals after it, or just
 * one. */
struct kith_udp_train kith_udp_train_at(const struct kith_packet packets[], size_t first, size_t n, bool join);

/* The system's half. prepare sets socket options after bind; send returns how many packets it took care of (sent, or
 * noted as failed), fewer than n when the socket would block. Both clear failures when a call went well. */
void kith_udp_sys_prepare(struct kith_udp *u, bool offload);
/* Whether packets may be fragmented; false: the system cannot do that. Without them, segmentation is as it was. */
bool kith_udp_sys_fragment(struct kith_udp *u, bool may);
int kith_udp_sys_receive(struct kith_udp *u, struct kith_packet out[], size_t n);
size_t kith_udp_sys_send(struct kith_udp *u, const struct kith_packet packets[], size_t n);
void kith_udp_sys_read_errors(struct kith_udp *u);

#endif
