/* What one identity may ask for and hold at this node: all rates and all shares, in two tables.
 *
 * A rate is a charge: a token bucket for each identity, device or address prefix. A share is a holding: how much of a
 * table one identity has at most, and how much of the table is kept for those that have nothing of it.
 * Invariants: what strangers cause (by prefix) never takes room from what identities are remembered for.
 * Bounds: buckets of the known and of strangers, given at the start; beyond them a random one gives way, so that an
 *   identity never seen before always finds a full bucket. Holdings: those of base/shares.
 * What each table is kept from, whoever comes: PROTOCOL.md, section 6.4, has the list.
 * Never: a session or a certificate (callers know whose they are), a clock.
 */
#ifndef KITH_SESSION_ALLOWANCE_H
#define KITH_SESSION_ALLOWANCE_H

#include "base/limiter.h"
#include "base/limits.h"
#include "base/shares.h"

/* X(name, whose, tokens, seconds, burst): so many tokens in so many seconds, and so many at once, for each ...
 *   IDENTITY  person, whatever device it acts by
 *   DEVICE    device
 *   PREFIX    /24 or /48: whoever has not shown a certificate
 *   NET       /16 or /32
 * PROTOCOL.md, section 6.4, has this table with the reasons. */
#define KITH_CHARGE_MAP(X)                                                                                             \
	X(CALL, IDENTITY, KITH_CALLS_PER_S, 1, KITH_CALLS_BURST) /* that rings */                                      \
	X(LOOKUP, IDENTITY, KITH_LOOKUPS_PER_S, 1, KITH_LOOKUPS_BURST)                                                 \
	X(SUBSCRIPTION, IDENTITY, KITH_SUBSCRIPTIONS_PER_S, 1, KITH_SUBSCRIPTIONS_BURST) /* a key */                   \
	X(INTRODUCTION, IDENTITY, KITH_INTRODUCTIONS_PER_S, 1, KITH_INTRODUCTIONS_BURST)                               \
	X(CHAINING, IDENTITY, 16, 1, 256) /* INTRODUCE by a supernode, for whoever asked it */                         \
	X(VANISH_REPORT, IDENTITY, KITH_VANISHES_PER_S, 1, KITH_VANISHES_BURST) /* that is told on: its signer's */    \
	X(TUNNEL_CLOSING, IDENTITY, KITH_TUNNEL_CLOSES_PER_S, 1, KITH_TUNNEL_CLOSES_BURST)                             \
	X(ADMISSION, IDENTITY, KITH_ADMISSIONS_PER_S, 1, KITH_ADMISSIONS_BURST) /* ADMIT */                            \
	X(KNOCK, IDENTITY, 1, KITH_KNOCKS_SLOWER, KITH_KNOCKS_BURST)                                                   \
	X(KNOCK_THERE, PREFIX, 1, KITH_KNOCKS_SLOWER, KITH_KNOCKS_BURST) /* where it goes */                           \
	X(ECHO, IDENTITY, 1, KITH_ECHOES_SLOWER, KITH_ECHOES_BURST) /* of a leaf */                                    \
	X(ECHO_FOR, IDENTITY, 1, 1, 64) /* of a supernode, for its leaf; and KNOCK_THERE */                            \
	X(NOMINATION, IDENTITY, 1, KITH_NOMINATE_SLOWER, KITH_NOMINATE_BURST)                                          \
	X(POSTED_TOLD, IDENTITY, 1, KITH_LISTS_SLOWER, KITH_LISTS_BURST) /* asked for, since it told of it */          \
	X(RENEWAL, DEVICE, KITH_GONE_PER_S, 1, 2 * KITH_GONE_PER_S) /* of certificates */                              \
	X(FORGERY, DEVICE, KITH_GONE_PER_S, 1, 2 * KITH_GONE_PER_S) /* a report whose signature does not hold */       \
	X(RELAY_HINT, DEVICE, KITH_GONE_PER_S, 1, 2 * KITH_GONE_PER_S) /* RELAY_LIMITED, LEG */                        \
	X(HINT, PREFIX, KITH_GONE_PER_S, 1, 2 * KITH_GONE_PER_S) /* GONE, sent and heard; VERSION */                   \
	X(HANDSHAKE, PREFIX, KITH_HANDSHAKE_PREFIX_PER_S, 1, KITH_HANDSHAKE_PREFIX_BURST) /* not proven ... */         \
	X(HANDSHAKE_PROVEN, PREFIX, KITH_HANDSHAKE_PREFIX_PER_S, 1, KITH_HANDSHAKE_PREFIX_BURST) /* ... and proven */  \
	X(HANDSHAKE_NET, NET, KITH_HANDSHAKE_NET_PER_S, 1, KITH_HANDSHAKE_NET_PER_S) /* not proven, of a net */        \
	X(ATTACHING, IDENTITY, 2, 1, 128)                                                                              \
	X(HOME_WORD, IDENTITY, 2, 1, 128) /* what a home wants of its leaf: LEAVE, MOVE, HELP, EDITIONS */             \
	X(NOTICE, IDENTITY, 512, 1, 65536) /* NOTIFY */                                                                \
	X(STORING, IDENTITY, 128, 1, 8192) /* STORE, VANISH */                                                         \
	X(READING, IDENTITY, 256, 1, 65536) /* FIND, WATCH */                                                          \
	X(GOSSIPING, IDENTITY, 16, 1, 2048)                                                                            \
	X(ENTRY, IDENTITY, 2, 1, 64) /* ELECTED */                                                                     \
	X(ATTESTING, IDENTITY, 1, 1, 64) /* ATTEST */                                                                  \
	X(WITNESSING, IDENTITY, 1, 1, 64) /* WITNESS */                                                                \
	X(MEASURING, IDENTITY, 8, 1, 128) /* MEASURE, ATTESTED */                                                      \
	X(KNOCK_ASKED, IDENTITY, 2, 1, 64)                                                                             \
	X(REKEYING, IDENTITY, 4, 1, 512)                                                                               \
	X(PROOF, IDENTITY, 2, 1, 32) /* CHALLENGE */                                                                   \
	X(FOLLOWING, IDENTITY, 2, 1, 512) /* FOLLOW, EARLY */                                                          \
	X(NEARBY, DEVICE, KITH_NEARBY_PER_S, 1, KITH_NEARBY_BURST) /* WHERE, by this device */                         \
	X(NEARBY_OF, PREFIX, KITH_NEARBY_PER_S, 1, KITH_NEARBY_BURST) /* WHERE and HERE, of one address */             \
	X(NEARBY_ALL, DEVICE, 8 * KITH_NEARBY_PER_S, 1, 8 * KITH_NEARBY_BURST) /* that this device hears */

enum kith_charge {
#define KITH_CHARGE_ENUM(name, whose, tokens, seconds, burst) KITH_CHARGE_##name,
	KITH_CHARGE_MAP(KITH_CHARGE_ENUM)
#undef KITH_CHARGE_ENUM
		KITH_CHARGES_N
};

/* The charge of a request kind (enum kith_request_kind). True: whoever takes requests charges it, for each that comes.
 * False: its handler does, which knows whether it costs anything, and how much; or the kind is not known. */
bool kith_request_charged(uint8_t kind, enum kith_charge *charge);

/* X(name, most): held by one identity at most. Of leaves and sessions the last ones, one in KITH_LEAVES_RESERVE and
 * KITH_SESSIONS_RESERVE, are for identities that have none (link/refuse, link/respond). Of watches, of which a home
 * needs tens of thousands, one identity may hold as many as a quarter of what is free (kith_allowance_take_of). */
#define KITH_HOLDING_MAP(X)                                                                                            \
	X(LEAF, KITH_LEAVES_PER_IDENTITY) /* places for leaves */                                                      \
	X(SESSION, KITH_SESSIONS_PER_IDENTITY) /* that it began at a supernode, as no leaf */                          \
	X(PEER, KITH_PEERS_PER_IDENTITY) /* sessions of applications that it called */                                 \
	X(UNPROVEN, KITH_UNCONFIRMED_PER_IDENTITY) /* sessions whose address is not proven yet */                      \
	X(UNPROVEN_NET, 65535) /* them, of a net; link/respond has the bound */                                        \
	X(WATCH, KITH_WATCHES_MOST) /* at a replica; what is free bounds it */                                         \
	X(SUBSCRIPTION, KITH_SUBSCRIPTIONS_PER_IDENTITY) /* watches at a home */

enum kith_holding {
#define KITH_HOLDING_ENUM(name, most) KITH_HOLDING_##name,
	KITH_HOLDING_MAP(KITH_HOLDING_ENUM)
#undef KITH_HOLDING_ENUM
		KITH_HOLDINGS_N
};

struct kith_allowance {
	struct kith_limiter known; /* by identity and by device */
	struct kith_limiter strangers; /* by prefix */
	struct kith_shares *held; /* by holding; NULL until there is something: a leaf that is idle keeps nothing */
};

/* Buckets of the known, of strangers: at most. */
void kith_allowance_init(struct kith_allowance *a, const struct kith_alloc *alloc, const struct kith_random *random,
			 uint32_t known_max, uint32_t strangers_max);
/* More of both from now on; fewer changes nothing. */
void kith_allowance_widen(struct kith_allowance *a, uint32_t known_max, uint32_t strangers_max);
void kith_allowance_deinit(struct kith_allowance *a);

const struct kith_rate *kith_charge_rates(void); /* by charge */

/* Takes one token of a charge; false: there is none. who: kith_identity_key, kith_device_key or a prefix, as the charge
 * wants it. */
bool kith_allowance_spend(struct kith_allowance *a, kith_time_us now, uint64_t who, enum kith_charge charge);

/* False: this identity holds its share already, or there is no memory for another one. */
bool kith_allowance_take(struct kith_allowance *a, uint64_t who, enum kith_holding holding) KITH_MUST_USE;
/* Of a table that has `left` places. KITH_ELIMIT: this identity holds its share, or as many as one in KITH_FREE_SHARE
 * of these; KITH_ENOMEM. So one alone takes a fifth of the table, k of them k / (k + 4), and whoever holds none finds
 * some. */
int kith_allowance_take_of(struct kith_allowance *a, uint64_t who, enum kith_holding holding,
			   uint32_t left) KITH_MUST_USE;
void kith_allowance_give(struct kith_allowance *a, uint64_t who, enum kith_holding holding);
uint32_t kith_holding_most(enum kith_holding holding);
uint32_t kith_allowance_held(const struct kith_allowance *a, uint64_t who, enum kith_holding holding);

#endif
