/* Messages of TURN (RFC 8656), made and read by libnice's code: requests with long-term credentials (RFC 8489, 9.2),
 * what the server answers, and packets inside Send and Data indications. No socket, no clock, no state but the
 * requests that may still be answered (they are in the agent).
 *
 * An answer of success is one only if it has the integrity that our password gives it. An error needs none: a server
 * that does not know us can prove nothing, and who cannot see our requests cannot guess their ids.
 * Invariant: no quote and no NUL is in a realm, a nonce, a user or a password: libnice does not bear them.
 * Bounds: as many requests under way as the agent keeps ids; a realm and a nonce of KITH_TURN_WORD_MAX bytes; else it
 * is no answer.
 * Never: a name; a password in a message.
 */
#ifndef KITH_HOST_TURN_MESSAGE_H
#define KITH_HOST_TURN_MESSAGE_H

#include <stun/stunagent.h>

#include "host/ice.h"

#define KITH_TURN_REQUEST_MAX 768 /* bytes of the longest request */
#define KITH_TURN_WORD_MAX 256 /* RFC 8489, 14.9: fewer than 128 characters */
#define KITH_TURN_WRAP_MAX 52 /* bytes that a packet grows by inside an indication, at most: 36 with IPv4 */
#define KITH_TURN_ID_LEN STUN_MESSAGE_TRANS_ID_LEN
#define KITH_TURN_LIFE_S 600 /* that is asked for; RFC 8656, 2.2: the usual one */

enum kith_turn_request { KITH_TURN_ALLOCATE, KITH_TURN_REFRESH, KITH_TURN_PERMIT };

/* What a server wants to be told again: of which realm we are, and its last nonce. */
struct kith_turn_challenge {
	uint16_t realm_len, nonce_len; /* 0: none was told yet */
	uint8_t realm[KITH_TURN_WORD_MAX], nonce[KITH_TURN_WORD_MAX];
};

struct kith_turn_ask {
	enum kith_turn_request what;
	const struct kith_turn_account *account; /* its password is borrowed until the answer came, or is forgotten */
	const struct kith_turn_challenge *challenge; /* without one the request is not signed */
	uint32_t life_s; /* REFRESH; 0: it is given up */
	const struct kith_addr *peer; /* PERMIT */
};

enum kith_turn_told {
	KITH_TURN_TOLD_BAD, /* nothing for us */
	KITH_TURN_TOLD_PACKET, /* a peer's packet */
	KITH_TURN_TOLD_DONE, /* the request with that id was granted */
	KITH_TURN_TOLD_ERROR /* it was not */
};

struct kith_turn_heard {
	enum kith_turn_told told;
	uint8_t id[KITH_TURN_ID_LEN]; /* of an answer */
	int error; /* RFC 8489, 14.8: 401, 438 ... */
	uint32_t life_s; /* DONE, of an allocation */
	struct kith_addr relayed; /* DONE, of ALLOCATE; family NONE: it names none that can be used */
	struct kith_addr peer; /* PACKET */
	struct kith_span data; /* PACKET: inside of what came */
	struct kith_turn_challenge challenge; /* ERROR: of 401 and 438 */
};

void kith_turn_agent_init(StunAgent *agent);

/* A request of a new id, and its length. 0: it does not fit, or too many are under way. */
size_t kith_turn_write(StunAgent *agent, const struct kith_turn_ask *ask, uint8_t out[KITH_TURN_REQUEST_MAX],
		       uint8_t id[KITH_TURN_ID_LEN]);

/* An answer to it is not waited for any more. */
void kith_turn_forget(StunAgent *agent, const uint8_t id[KITH_TURN_ID_LEN]);

/* A packet to a peer, in cap bytes of out. Its length; 0: it does not fit. */
size_t kith_turn_wrap(StunAgent *agent, const struct kith_addr *peer, const uint8_t *data, size_t len, uint8_t *out,
		      size_t cap);

/* What a datagram of the server's says. */
void kith_turn_read(StunAgent *agent, const uint8_t *in, size_t len, struct kith_turn_heard *out);

#endif
