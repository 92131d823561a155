/* Which of a peer's addresses a connection (TCP) is made to, and when, for peers that find no direct path over UDP.
 *
 * One end that can be reached listens and names where; the other one connects. No round is needed for it, since only
 * one of both has to act. A connection costs more than a probe: its SYN goes out again and again, and the machine at
 * that address answers. So an address that is named gets few of them, however often it is named.
 *
 * Timers: an address that was tried is tried again after KITH_CONNECT_AGAIN_US, KITH_CONNECT_TRIES times; then after
 * KITH_CONNECT_REST_US.
 * Bounds: KITH_CONNECT_ADDRESSES remembered; another takes the place of one that was tried KITH_CONNECT_AGAIN_US ago,
 * or longer, and if there is none it waits. So of a session there are no more than that many in that time.
 * Never: a packet, a clock, a judgement whether an address may be tried at all (path/candidate).
 */
#ifndef KITH_PATH_CONNECTIONS_H
#define KITH_PATH_CONNECTIONS_H

#include "path/transports.h"

struct kith_connection_tried {
	struct kith_addr at;
	kith_time_us when; /* 0: the place is empty */
	uint8_t tries; /* in a row */
};

struct kith_connections {
	struct kith_connection_tried tried[KITH_CONNECT_ADDRESSES];
};

/* Whether a candidate is one to connect to. */
static inline bool kith_connections_takes(const struct kith_candidate *c)
{
	return c->at.kind == KITH_TRANSPORT_TCP;
}

/* Whether a list names one to connect to; and whether one that is reached from everywhere. */
bool kith_connections_named(const struct kith_candidates *cs);
bool kith_connections_open(const struct kith_candidates *cs);

/* Whether there is nothing to hope for from UDP: the peer names no address of it that is reached from everywhere, or
 * lies on a network of ours, or we have no transport of it that answers came by. */
bool kith_connections_alone(const struct kith_candidates *theirs, const struct kith_transports *ours);

/* The place for another attempt at that address now; -1: not now. */
int kith_connections_place(const struct kith_connections *cs, const struct kith_addr *at, kith_time_us now);

/* An attempt begins. */
void kith_connections_note(struct kith_connections *cs, int place, const struct kith_addr *at, kith_time_us now);

#endif
