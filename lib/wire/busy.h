/* What a supernode says to whom it refuses: that it is full or overloaded, for how long, and whom to ask instead.
 *
 * A signed object in the frame of identity/object.h, by the Ed25519 key of the supernode's device, with its chain. It
 * names nobody that it is for, so one signature serves all that are refused in a second. The packet BUSY carries it
 * behind the index of the one that is refused. PROTOCOL.md, sections 2 and 9.6.
 * Bounds: KITH_BUSY_PACKET_MAX, so that no HELLO to a supernode is answered by more bytes than it had; alternates that
 *   do not fit are left out, the last first.
 * Never: a clock, an allocation, a state.
 */
#ifndef KITH_WIRE_BUSY_H
#define KITH_WIRE_BUSY_H

#include "wire/packet.h"
#include "wire/record.h"

#define KITH_BUSY_HOSTS_MAX 5 /* wire: alternates */
#define KITH_BUSY_RETRY_MAX_S 120 /* wire: longest time for which whoever is refused stays away */
#define KITH_BUSY_PACKET_MAX 1100 /* wire: below the 1200 bytes of a HELLO to a supernode */
#define KITH_BUSY_LIFE_MS                                                                                              \
	(2 * 60 * 1000) /* wire: one that is older, but for the tolerance of clocks, is not believed */

struct kith_busy {
	int64_t made_ms; /* unix, by the supernode's clock */
	uint16_t retry_s; /* 1 to KITH_BUSY_RETRY_MAX_S */
	uint8_t hosts_n;
	struct kith_host hosts[KITH_BUSY_HOSTS_MAX]; /* who may be asked instead */
	struct kith_span chain;
	struct kith_key device, sign; /* as in a record */
	struct kith_span bytes;
	struct kith_signed s;
};

/* Signs with the device's Ed25519 secret key, and writes the whole packet for a receiver that is filled in later. The
 * length of the packet, KITH_EINVAL for fields out of bounds, KITH_EMSGSIZE. */
int kith_busy_make(const struct kith_suite *suite, uint8_t out[KITH_BUSY_PACKET_MAX], const struct kith_busy *busy,
		   const uint8_t sign_sk[KITH_SIGN_SK_LEN]) KITH_MUST_USE;

/* Whom such a packet goes to. */
void kith_busy_address(uint8_t *packet, uint32_t receiver);

/* Parses a packet BUSY. KITH_EPROTO, KITH_EVERSION, KITH_ENOTSUP, or what parsing the chain says. */
int kith_busy_parse(struct kith_busy *out, uint32_t *receiver, struct kith_span packet) KITH_MUST_USE;

/* Whether it holds now: KITH_EEXPIRED, KITH_ENOTYET, KITH_ESIGNATURE, or what the trust says of the chain. That it is
 * of the device that was greeted is the caller's to see: what made that a supernode need not be its certificate.
 * person is filled in on success. */
int kith_busy_verify(const struct kith_busy *busy, struct kith_trust *trust, const struct kith_now *now,
		     struct kith_person *person) KITH_MUST_USE;

#endif
