/* Cheap refusal: what a stranger's first message must pass before any asymmetric key is touched.
 *
 * In order, with what a refusal costs us: the outer layout (a few compares); mac1, which takes the responder's public
 * key to make (one BLAKE2b); the rate of the source's prefix (one table look-up); beyond that rate, or above a rate of
 * first messages in all, a cookie bound to the source address (one BLAKE2b more, one small packet
 * back). Sources proven by a cookie have a rate of their own, so that forged addresses use up only the rate of the
 * others. A leaf hears all of its callers through its homes: there a source is a home's tunnel, so that one caller
 * uses up nobody else's.
 * After that: one DH and an open, then the timestamp, which a replayed message fails: only its author can
 * put the guard's epoch into it.
 *
 * What is within the rates of its prefix and of its net (/16, v6 /32) counts to the rate in all, of which the last
 * quarter is for prefixes that asked for nothing lately: one net, and prefixes that go on asking, leave that to others.
 *
 * Bounds: two tables of KITH_GUARD_SOURCES prefixes (random eviction: an attacker with many prefixes gains one burst
 * each), one of KITH_GUARD_NETS nets, and one of devices' last timestamps; evicting a timestamp raises a floor, below
 * which a message needs a cookie.
 * Never: sees a session or a certificate, answers with more bytes than came.
 */
#ifndef KITH_SESSION_GUARD_H
#define KITH_SESSION_GUARD_H

#include "crypto/suite.h"
#include "session/allowance.h"
#include "wire/body.h"
#include "wire/hop.h"
#include "wire/packet.h"

#define KITH_GUARD_SOURCES 4096
#define KITH_GUARD_NETS 1024 /* local: nets whose rate is remembered, the same */
#define KITH_GUARD_SEEN_LEAF 1024 /* local: devices whose first messages are remembered; 56 to 104 bytes each */
#define KITH_GUARD_SEEN_SUPERNODE 65536 /* local: the same */
#define KITH_GUARD_REMEMBERED 3 /* first messages of one device: to several services, or devices of one name, at once */
#define KITH_COOKIE_LEN 16

enum kith_guard_verdict {
	KITH_GUARD_PASS,
	KITH_GUARD_COOKIE, /* answer with a cookie, do nothing else */
	KITH_GUARD_BAD_MAC,
	KITH_GUARD_LIMITED /* over its rate, whatever the address proves */
};

struct kith_guard {
	const struct kith_suite *suite;
	const struct kith_random *random;
	const struct kith_alloc *alloc;
	uint8_t mac_key[32], cookie_key[32]; /* from the own public key */
	uint8_t who_key[32]; /* from the network's id */
	uint8_t secret[2][32]; /* current and previous, from which cookies are made */
	kith_time_us secret_at; /* when the current one was drawn */
	struct kith_limiter unproven, proven; /* by address prefix: without a cookie, with one */
	struct kith_limiter nets; /* by /16 or /32: without one */
	struct kith_table seen; /* of struct seen, by device id */
	int64_t floor_ms; /* timestamps at or below need a cookie */
	kith_time_us window_at; /* the second in which hellos are counted */
	uint32_t window_hellos, window_cookies; /* hellos: that passed without a cookie */
	/* unix time in seconds: what was made later was not accepted before this guard began; UINT32_MAX: unknown */
	uint32_t proven_from_s;
	uint32_t hellos_per_s : 31; /* above: cookies */
	uint32_t seeded : 1;
};

/* own_key is the responder's X25519 public key. seen_max bounds the table of timestamps. start_ms: the wall clock
 * now. */
void kith_guard_init(struct kith_guard *g, const struct kith_suite *suite, const struct kith_alloc *alloc,
		     const struct kith_random *random, const uint8_t own_key[32], const struct kith_id *network,
		     uint32_t seen_max, int64_t start_ms);
void kith_guard_deinit(struct kith_guard *g);

/* Whether a parsed HELLO is meant for us: its mac1. */
bool kith_guard_genuine(const struct kith_guard *g, const struct kith_hs_header *hs);

/* Judges a parsed HELLO by everything that needs no asymmetric key. home: the hop is a tunnel of a home of ours, and so
 * one caller's: it has a rate of its own. Of anybody else the address counts, since who sends writes any number. */
enum kith_guard_verdict kith_guard_check(struct kith_guard *g, kith_time_us now, const struct kith_hs_header *hs,
					 const struct kith_hop *from, bool home);

/* Whether one COOKIE more may be sent in this second: what they cost is bounded, whoever asks for them. */
bool kith_guard_may_cookie(struct kith_guard *g, kith_time_us now);

/* Makes the COOKIE packet that answers a HELLO. anew: a second MAC is not enough, the message must be made again. */
void kith_guard_cookie(struct kith_guard *g, kith_time_us now, const struct kith_hs_header *hs,
		       const struct kith_hop *from, bool anew, uint8_t out[KITH_COOKIE_PACKET_LEN]);

/* Judges a WHO: whether who asks knows at least the network (else BAD_MAC), within the rate of addresses that are not
 * proven (else LIMITED). */
enum kith_guard_verdict kith_guard_who(struct kith_guard *g, kith_time_us now, const struct kith_who *who,
				       const struct kith_hop *from);

enum kith_freshness { KITH_FRESH, KITH_SAME, KITH_UNSURE };

/* True for the epoch that this guard is in, or was in last. A MAC made with a cookie proves the address only: with the
 * responder's public key anybody can read the cookie, and add a MAC to an old message of another author. The epoch
 * inside of the message (frame FRESH) proves that its author made it after the epoch began. The epoch is no secret, and
 * the same for all addresses, so that copies over several hops stay copies. */
bool kith_guard_epoch(struct kith_guard *g, kith_time_us now, const uint8_t epoch[KITH_COOKIE_LEN]);

/* Judges the timestamp of an authenticated first message. SAME: of a call that is remembered (a copy, or made again for
 * a cookie); *session is the one given to kith_guard_remember. FRESH: the message carries the guard's epoch (made_now),
 * or is newer than all that is forgotten of this device, or, of a device not remembered, than the floor, and by our
 * clock (unless that is only a lower bound) not made ahead of time. UNSURE: it may be old; ask for a cookie. */
enum kith_freshness kith_guard_judge(const struct kith_guard *g, const struct kith_now *now,
				     const uint8_t device[KITH_DEVICE_ID_LEN], int64_t timestamp_ms,
				     const uint8_t call_id[16], bool made_now, uint32_t *session);

/* Whether a message that was judged FRESH, and is not remembered yet, was certainly never accepted before, also not
 * before a restart, and never will be again: then what it brings may be acted on before its author is heard. One that
 * made_now proves is not: a message with the same call id may have been accepted, and forgotten. A clock must not be
 * set back over a restart. */
bool kith_guard_proves(struct kith_guard *g, const struct kith_now *now, const uint8_t device[KITH_DEVICE_ID_LEN],
		       int64_t timestamp_ms, bool made_now);

/* Remembers an accepted first message, and the session that it made: its index, 0 for none. A time ahead of ours counts
 * as ours does: whoever signs times to come must not raise the floor that others stand on. */
void kith_guard_remember(struct kith_guard *g, const struct kith_now *now, const uint8_t device[KITH_DEVICE_ID_LEN],
			 int64_t timestamp_ms, const uint8_t call_id[16], uint32_t session);

/* ---- the initiator's half: MACs of a HELLO, and reading a cookie ---- */

/* Keys for talking to a responder: key is its X25519 key. */
struct kith_mac_keys {
	uint8_t mac[32], cookie[32];
};
void kith_mac_keys_derive(struct kith_mac_keys *out, const struct kith_suite *suite, const uint8_t key[32]);

/* Fills in the two MACs at the end of a HELLO of len bytes; cookie NULL: mac2 is zero. */
void kith_mac_write(const struct kith_suite *suite, const struct kith_mac_keys *keys, const uint8_t *cookie,
		    uint8_t *hello, size_t len);

/* Fills in the MAC at the end of a WHO of len bytes. */
void kith_who_mac(const struct kith_suite *suite, const struct kith_id *network, uint8_t *packet, size_t len);

/* Opens a COOKIE packet that answers the HELLO with this mac1. */
int kith_cookie_open(const struct kith_suite *suite, const struct kith_mac_keys *keys, const uint8_t mac1[KITH_MAC_LEN],
		     struct kith_span packet, uint8_t cookie[KITH_COOKIE_LEN], uint8_t epoch[KITH_COOKIE_LEN],
		     bool *anew) KITH_MUST_USE;

#endif
