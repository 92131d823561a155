/* A TURN server as a carrier: one transport, whose own address is where a server relays for us (KITH_PURPOSE_RELAYED).
 *
 * Of the servers of its row one is used at a time; the next is asked when that one fails, each time from a socket of
 * its own, over UDP. host/turn_client has the talk with it. Its own address comes and goes: KITH_CARRIER_LOCALS tells
 * so, and of each failure.
 * Timers: those of the client. After a failure the next server is asked KITH_TURN_NEXT_MS later; when all have failed,
 * the first again after KITH_TURN_AGAIN_MS, doubling with each such round up to KITH_TURN_AGAIN_MAX_MS, which it is at
 * once where each of them has refused us.
 * Bounds: one allocation at one server; those of the client.
 * Never: a packet to or from another address than the server's; a packet that waits for a permission (what cannot go
 * now is dropped, as a network would: probes are repeated).
 */
#ifndef KITH_HOST_CARRIER_TURN_H
#define KITH_HOST_CARRIER_TURN_H

#include "host/turn_client.h"
#include "host/udp.h"

#define KITH_TURN_NEXT_MS 500
#define KITH_TURN_AGAIN_MS 5000
#define KITH_TURN_AGAIN_MAX_MS 300000

extern const struct kith_carrier kith_carrier_turn;

/* What there is to know of an open one. */
void kith_carrier_turn_info(const void *self, struct kith_turn_info *out);

#endif
