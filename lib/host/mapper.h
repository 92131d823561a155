/* The talk with one router that is to map ports: what is sent when, what an answer means, when a mapping is renewed. By
 * PCP, by NAT-PMP if the router says that it knows nothing newer, and by UPnP-IGD if it knows neither or refuses. What
 * UPnP says is not here: its owner does that when it is due, and tells what came of it.
 *
 * Timers: an unanswered request is sent again after KITH_MAPPER_FIRST_US, doubling, KITH_MAPPER_TRIES times in all. A
 * mapping is renewed at half of its life; a renewal that is not answered is begun anew at half of what is left, and a
 * mapping that runs out is none, and asked for from the beginning. When nothing helped, all is tried again after
 * KITH_MAPPER_AGAIN_US.
 * Invariants: a mapping is of an answer to a request of ours (its nonce, its port), with a life between
 * KITH_MAPPER_LIFE_LEAST_S and KITH_MAPPER_LIFE_MAX_S; all else is a lie, counted, and changes nothing. A router whose
 * epoch says that it has lost its mappings (RFC 6887, 8.5) is asked for all of them at once.
 * Bounds: KITH_PORTMAP_PORTS_MAX mappings; no allocation.
 * Never: a socket, a clock, randomness, a judgement on the outer address.
 */
#ifndef KITH_HOST_MAPPER_H
#define KITH_HOST_MAPPER_H

#include "host/pcp.h"
#include "host/portmap_link.h"

#define KITH_MAPPER_FIRST_US (250 * KITH_US_PER_MS)
#define KITH_MAPPER_TRIES 4 /* 3.75 s */
#define KITH_MAPPER_LEAVE_TRIES 2 /* taking back is not waited for longer: 750 ms */
#define KITH_MAPPER_AGAIN_US (1800 * KITH_US_PER_S)
#define KITH_MAPPER_LIFE_S 3600 /* that is asked for */
#define KITH_MAPPER_LIFE_LEAST_S 16 /* RFC 6887, 11.2.1: renewals are not sent more often than each 4 s */
#define KITH_MAPPER_LIFE_MAX_S 86400 /* RFC 6887, 15 */

/* One mapping; that at the end is NAT-PMP's question for the outer address. */
struct kith_mapper_row {
	kith_time_us due; /* when something is to be sent, or given up */
	kith_time_us until; /* of the mapping; 0: there is none */
	uint16_t outer_port;
	uint8_t sent; /* of this request; 0: none is under way */
};

struct kith_mapper {
	struct kith_portmap_ask ask;
	enum kith_portmap_method method; /* NONE: all is tried again at again */
	struct kith_mapper_row rows[KITH_PORTMAP_PORTS_MAX + 1];
	struct kith_addr outer; /* of the router, as its last answer has it; port 0 */
	bool known; /* epoch and epoch_at are */
	bool leaving;
	uint16_t result; /* what the router refused with last; 0: nothing */
	uint32_t epoch_s;
	kith_time_us epoch_at, again, hushed;
	uint64_t lies;
};

/* Begins, at the first method. ask is copied. */
void kith_mapper_begin(struct kith_mapper *m, kith_time_us now, const struct kith_portmap_ask *ask);
/* The same router, and the same ports but for some more or less at the end: the mappings of the others stay. One that
 * is not wanted any more is not renewed; where nothing helped, that rests as before. ask is copied. */
void kith_mapper_ports(struct kith_mapper *m, kith_time_us now, const struct kith_portmap_ask *ask);
/* The network may be another: all mappings are asked for at once. */
void kith_mapper_again(struct kith_mapper *m, kith_time_us now);
/* All mappings are to be taken back; kith_mapper_done when that is over. */
void kith_mapper_leave(struct kith_mapper *m, kith_time_us now);
bool kith_mapper_done(const struct kith_mapper *m);

/* The next datagram that is due; its length, 0: none is. Lets time pass. */
size_t kith_mapper_next(struct kith_mapper *m, kith_time_us now, uint8_t out[KITH_PCP_REQUEST_MAX]);
/* When that is to be called again; KITH_TIME_NEVER. */
kith_time_us kith_mapper_deadline(const struct kith_mapper *m);
/* A datagram of the router's. */
void kith_mapper_take(struct kith_mapper *m, kith_time_us now, const uint8_t *in, size_t len);
/* The router's machine says that nobody listens there: it is not waited for. */
void kith_mapper_deaf(struct kith_mapper *m, kith_time_us now);

/* The mapping that UPnP is to be asked for now (of one that leaves: to take back); -1: none. */
int kith_mapper_upnp(struct kith_mapper *m, kith_time_us now);
/* What came of it. outer has the port, too; family NONE: nothing. Leaving: outer does not matter. */
void kith_mapper_upnp_done(struct kith_mapper *m, kith_time_us now, int i, const struct kith_addr *outer);

/* The outer address of mapping i; false: there is none. */
bool kith_mapper_mapped(const struct kith_mapper *m, unsigned i, struct kith_addr *outer);

#endif
