/* What work costs on a processor of the reference kind, in nanoseconds: so that a simulated node can be busy.
 *
 * A suite that does what the simulated one does, and notes for each primitive what libsodium needs for it; the caller
 * takes the sum after each call into a core. Packets cost besides, by number.
 *
 * The figures are those of micro-crypto and micro-core (release build) on the machine that this was written on,
 * rounded: dh 26.8 us, dh_public 24.6, sign 12.6, verify 35.2; seal 0.70 us and 0.50 ns a byte (799 ns for 200 bytes,
 * 1304 for 1200); blake2b 0.18, hmac 0.77 us for 64 bytes; the mask of a header 0.07. sha256 is taken for a third of
 * an hmac, which hashes three blocks or more. A datagram of 1000 bytes took 7.0 us from call to event, of which
 * sealing and opening are 2.4: 2 us for a packet that a core takes in and does not forward. A bare loop of receive and
 * send calls on a socket moved 400,000 packets a second on one core: 1.25 us for each end.
 *
 * One sum per thread, as primitives have no context. Never: an order, a clock, a random number that depends on it.
 */
#ifndef KITH_SIM_SIMCOST_H
#define KITH_SIM_SIMCOST_H

#include "crypto/suite.h"

enum {
	KITH_SIMCOST_RECEIVE_NS = 1250, /* a packet from the socket */
	KITH_SIMCOST_SEND_NS = 1250, /* a packet into it */
	KITH_SIMCOST_HANDLE_NS = 2000, /* what a core does with one besides cryptography, if it is not forwarded */
	KITH_SIMCOST_DH_NS = 26800,
	KITH_SIMCOST_DH_PUBLIC_NS = 24600,
	KITH_SIMCOST_SIGN_NS = 12600,
	KITH_SIMCOST_VERIFY_NS = 35200,
	KITH_SIMCOST_AEAD_NS = 700, /* and half a nanosecond a byte */
	KITH_SIMCOST_BLAKE2B_NS = 180,
	KITH_SIMCOST_SHA256_NS = 260,
	KITH_SIMCOST_HMAC_NS = 770,
	KITH_SIMCOST_MASK_NS = 70
};

/* kith_suite_sim, counted. */
const struct kith_suite *kith_suite_simcost(void);

/* What was spent on this thread since it was last asked. */
uint64_t kith_simcost_take_ns(void);

#endif
