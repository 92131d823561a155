/* What was tried to reach a peer, and what came of it: the memory behind kith_explain.
 *
 * A ring of KITH_JOURNAL_MAX entries; the oldest are overwritten. It is allocated with the first entry and may vanish
 * at any time (no memory: nothing is recorded, nothing else changes).
 * Never: a secret, a decision. Addresses are kept as they are: they are shown to the application that asks, not
 * logged.
 */
#ifndef KITH_PATH_JOURNAL_H
#define KITH_PATH_JOURNAL_H

#include "base/alloc.h"
#include "base/limits.h"
#include "wire/hop.h"

/* X(name, in words, what value holds: '-' nothing, 'n' a number, 'm' milliseconds, 'r' enum kith_refusal, 'c' enum
 * kith_cause, 'l' enum kith_relay_limit) */
#define KITH_JOURNAL_MAP(X)                                                                                            \
	X(OFFERED, "told the peer this address of ours", '-')                                                          \
	X(RECEIVED, "the peer told us this address", '-')                                                              \
	X(REFUSED, "not tried", 'r')                                                                                   \
	X(NO_CANDIDATES, "the peer offers no direct address", '-')                                                     \
	X(ROUND, "attempt to open a direct path", 'n')                                                                 \
	X(OPENER, "sent a packet that only our own router sees, so that it lets answers in", 'n')                      \
	X(GUESSED, "looked for the port by which the peer's router lets us in: ports to try", 'n')                     \
	X(SPREAD, "sent one packet from each of many sockets, so that one of the peer's guesses hits", '-')            \
	X(CONNECTING, "tried to connect to the peer by TCP", '-')                                                      \
	X(PROBED, "asked whether we reach each other", 'n')                                                            \
	X(LIMITED, "not asked any more: limit reached", 'n')                                                           \
	X(HEARD, "a packet of the peer came from there", '-')                                                          \
	X(STRANGER_REFUSED, "a packet of the peer came from there and was not followed", 'r')                          \
	X(ANSWERED, "the peer asked from there, and was answered", '-')                                                \
	X(OBSERVED, "the peer sees us at this address", '-')                                                           \
	X(VALIDATED, "works both ways", 'm')                                                                           \
	X(UNANSWERED, "no answer came", 'n')                                                                           \
	X(SUSPECT, "in doubt", 'c')                                                                                    \
	X(CLEARED, "answers again", 'm')                                                                               \
	X(DEAD, "given up", 'm')                                                                                       \
	X(SENDING, "used for sending from here on", 'm')                                                               \
	X(ROAMED, "the peer moved here", '-')                                                                          \
	X(CLOSED, "closed: enough others", '-')                                                                        \
	X(CLOSED_BY_PEER, "closed by the peer", '-')                                                                   \
	X(DROPPED, "closed here", '-')                                                                                 \
	X(FAILED_ROUND, "attempt ended without a direct path", 'n')                                                    \
	X(ALL_DEAD, "no path answers", '-')                                                                            \
	X(RELAY_LIMITED, "the relay drops what we send through it", 'l')                                               \
	X(TOO_SMALL, "loses large packets, while small ones arrive: bytes of the large ones", 'n')

enum kith_journal_what {
#define KITH_JOURNAL_ENUM(name, text, value) KITH_JOURNAL_##name,
	KITH_JOURNAL_MAP(KITH_JOURNAL_ENUM)
#undef KITH_JOURNAL_ENUM
		KITH_JOURNAL_WHATS
};

/* Why an address is not probed, or a packet from it not followed. */
#define KITH_REFUSAL_MAP(X)                                                                                            \
	X(NONE, "no reason")                                                                                           \
	X(SCOPE, "no address that packets may be sent to")                                                             \
	X(LOOPBACK, "loopback")                                                                                        \
	X(LINK_LOCAL, "valid on one link only")                                                                        \
	X(PORT, "port below 1024")                                                                                     \
	X(PRIVATE, "private address of another network")                                                               \
	X(SELF, "our own address")                                                                                     \
	X(TRANSPORT, "we have no transport of that kind and family")                                                   \
	X(KIND, "kind of candidate not known to this version")                                                         \
	X(CONSENT, "the application has not accepted the peer")                                                        \
	X(RELAY_ONLY, "the contact is relay-only")                                                                     \
	X(NO_RELAY, "a tunnel that no relay of this session opened")                                                   \
	X(FULL, "too many paths already")                                                                              \
	X(MEMORY, "out of memory")

enum kith_refusal {
#define KITH_REFUSAL_ENUM(name, text) KITH_REFUSAL_##name,
	KITH_REFUSAL_MAP(KITH_REFUSAL_ENUM)
#undef KITH_REFUSAL_ENUM
		KITH_REFUSALS
};

/* Why a path came under suspicion. */
#define KITH_CAUSE_MAP(X)                                                                                              \
	X(UNANSWERED, "a ping or data was not answered")                                                               \
	X(SILENCE, "nothing was heard while data flowed")                                                              \
	X(UNACKED, "data was not acknowledged in time")                                                                \
	X(TOLD, "the peer hears nothing on it")                                                                        \
	X(SOCKET, "the socket reported an error")                                                                      \
	X(ROUTE, "a network interface or route changed")                                                               \
	X(ASKED, "it was checked on request")                                                                          \
	X(SIZE, "a large packet was not answered")

enum kith_cause {
#define KITH_CAUSE_ENUM(name, text) KITH_CAUSE_##name,
	KITH_CAUSE_MAP(KITH_CAUSE_ENUM)
#undef KITH_CAUSE_ENUM
		KITH_CAUSES
};

struct kith_journal_entry {
	kith_time_us at;
	struct kith_addr addr; /* of the peer, or of the relay; family NONE when it is about no address */
	uint8_t what; /* enum kith_journal_what */
	bool relay; /* addr is a relay's */
	uint16_t value; /* see KITH_JOURNAL_MAP */
};

struct kith_journal {
	uint32_t written; /* in all; the last KITH_JOURNAL_MAX of them are here */
	struct kith_journal_entry entries[KITH_JOURNAL_MAX];
};

/* Appends. *j is allocated when it is NULL. hop may be NULL. value is capped. */
void kith_journal_add(struct kith_journal **j, const struct kith_alloc *alloc, kith_time_us at,
		      enum kith_journal_what what, const struct kith_hop *hop, uint32_t value);

/* Whether to append about that hop again what may be true for long: the first time, then after KITH_JOURNAL_AGAIN_US,
 * doubling with each such entry that is still here, up to KITH_JOURNAL_AGAIN_MAX_US. j may be NULL. */
bool kith_journal_due(const struct kith_journal *j, kith_time_us now, enum kith_journal_what what,
		      const struct kith_hop *hop);

void kith_journal_free(struct kith_journal **j, const struct kith_alloc *alloc);

/* The entry after *it, oldest first; start with *it = 0. NULL at the end. j may be NULL. Entries that are overwritten
 * between two calls are skipped. */
const struct kith_journal_entry *kith_journal_read(const struct kith_journal *j, uint32_t *it);

/* One line without time, such as "1.2.3.4:5: probed (3)"; cut to cap bytes, always NUL-terminated. Returns out. */
const char *kith_journal_describe(const struct kith_journal_entry *e, char *out, size_t cap);

/* The symbol of a refusal, cause or limit, in words. */
const char *kith_refusal_text(unsigned refusal);
const char *kith_cause_text(unsigned cause);
const char *kith_relay_limit_text(unsigned limit);

#endif
