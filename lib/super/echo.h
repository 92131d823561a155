/* Sends leaves their packets back, so that they learn about their NAT. PROTOCOL.md section 5.10.
 *
 * A leaf that is attached here asks for a number (ECHO), with some delays. Whatever packet comes with that number is
 * sent back to where it came from: at once, or after one of the delays. On a packet that pays for two, another
 * supernode sends one there as well, from its own address, or this one does from another port.
 * Invariants: to an address that a packet came from as many bytes go as that packet had, at most, from all together.
 * Timers: the delays, within the supernode's timer; a number ends KITH_ECHO_GRACE_US after the longest of them; the
 *   second port closes KITH_ECHO_PORT_US after it was used.
 * Bounds: KITH_ECHOES_LEAVES numbers, one of each session, KITH_ECHO_PACKETS packets of each; KITH_ECHOES_DUE that
 *   wait; KITH_ECHO_TWICE that pay for two. KITH_CHARGE_ECHO, and of other supernodes KITH_CHARGE_ECHO_FOR. No memory
 *   while nobody gauges.
 * Never: a packet to an address that a leaf names, or that no packet of a session could come from.
 */
#ifndef KITH_SUPER_ECHO_H
#define KITH_SUPER_ECHO_H

#include "link/state.h"

#define KITH_ECHOES_LEAVES 256 /* local: leaves that gauge at once, some 28 KiB; one needs four minutes */
#define KITH_ECHOES_DUE 1024 /* local: packets that wait for their time, 64 KiB */
#define KITH_ECHO_PACKETS 56 /* local: with one number; a leaf needs 24 to 31, and more where packets are lost */
#define KITH_ECHO_TWICE 8 /* local: of them that pay for two: four for either question */
#define KITH_ECHO_GRACE_US (60 * KITH_US_PER_S) /* local: for what comes before the delays begin */
#define KITH_ECHO_PORT_US (30 * KITH_US_PER_S) /* local: others are likely to gauge soon as well */

/* ECHO, of a leaf or of another supernode. */
void kith_echo_on_request(struct kith_core *c, struct kith_session *s, const struct kith_request *request);

/* The supernode that was to send one has answered. */
void kith_echo_on_answer(struct kith_core *c, const struct kith_answer *answer);

/* A packet ECHO. */
void kith_echo_on_packet(struct kith_core *c, struct kith_span packet, const struct kith_hop *from);

/* Sends what is due; returns when the next is, or KITH_TIME_NEVER. */
kith_time_us kith_echo_tick(struct kith_core *c);

void kith_echo_deinit(struct kith_core *c);

#endif
