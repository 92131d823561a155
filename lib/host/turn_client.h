/* The talk with one TURN server: an address that it relays at for us, kept as long as we want, and whom it lets in
 * there.
 *
 * First ALLOCATE, without a signature; the server answers 401 with its realm and nonce, and the request goes again,
 * signed. Then REFRESH at half of the life that was granted, or when nothing went either way for KITH_TURN_QUIET_US:
 * that keeps NATs on the way open, and finds a server that is gone, or does not know us any more where our address is
 * another. A server lets in only whom we have named by CREATE PERMISSION, by address without the port: named with the
 * first packet there, which goes right behind it, and again after KITH_TURN_PERMIT_US if anything went there since, or
 * came.
 * Timers: a request is sent KITH_TURN_TRIES times, after KITH_TURN_FIRST_US, doubling; then the server is silent.
 * Invariants: 401 to a signed request is a wrong user or password; 438 is a new nonce, with which the same request
 * goes again, KITH_TURN_NONCES times in a row at most. Whatever ends it does so once: its owner begins anew, with a
 * socket of another port. Packets are taken from those only that we have named.
 * Bounds: KITH_TURN_REQUESTS requests under way; KITH_TURN_PERMITS_MAX addresses: when all are taken that which was
 * silent for the longest goes, if that is KITH_TURN_PERMIT_IDLE_US, else packets to a further one are dropped, and
 * counted.
 * Never: a socket, a clock; another server than the one it was given (300 is a failure).
 */
#ifndef KITH_HOST_TURN_CLIENT_H
#define KITH_HOST_TURN_CLIENT_H

#include "host/turn_message.h"

#define KITH_TURN_FIRST_US (500 * KITH_US_PER_MS) /* RFC 8489, 6.2.1 */
#define KITH_TURN_TRIES 4 /* 7.5 s */
#define KITH_TURN_NONCES 3
#define KITH_TURN_QUIET_US (25 * KITH_US_PER_S) /* as keepalives of paths: NATs forget UDP after 30 s */
#define KITH_TURN_PERMIT_US (240 * KITH_US_PER_S) /* RFC 8656, 9: a permission lasts 300 s */
#define KITH_TURN_REFUSED_US (60 * KITH_US_PER_S) /* one that was refused is asked for again */
#define KITH_TURN_PERMIT_IDLE_US (60 * KITH_US_PER_S) /* two keepalives */
#define KITH_TURN_PERMITS_MAX 32
#define KITH_TURN_REQUESTS 8
#define KITH_TURN_LIFE_LEAST_S 30
#define KITH_TURN_LIFE_MAX_S 3600 /* RFC 8656, 7.2: what servers grant at most */
#define KITH_TURN_WHY_MAX 160

struct kith_turn_pending {
	uint8_t id[KITH_TURN_ID_LEN];
	uint8_t what; /* enum kith_turn_request */
	uint8_t sent; /* how often; 0: not yet */
	uint8_t nonces; /* in a row that were stale */
	bool used, sign;
	kith_time_us due; /* when it is sent again, or given up */
	struct kith_addr peer; /* PERMIT */
	uint16_t len;
	uint8_t bytes[KITH_TURN_REQUEST_MAX];
};

struct kith_turn_permit {
	struct kith_addr peer; /* port 0; family NONE: the place is free */
	kith_time_us asked, used;
	bool granted, refused;
};

struct kith_turn_client {
	const struct kith_turn_account *account; /* borrowed */
	StunAgent agent;
	struct kith_turn_challenge challenge;
	uint8_t state; /* enum kith_turn_state: ASKING, RELAYED, FAILED */
	int err; /* FAILED: KITH_EACCES: asking again soon is of no use */
	char why[KITH_TURN_WHY_MAX]; /* FAILED */
	struct kith_addr relayed;
	kith_time_us until, refresh_at; /* RELAYED */
	kith_time_us sent_at, heard_at;
	struct kith_turn_pending pending[KITH_TURN_REQUESTS]; /* the first: ALLOCATE and REFRESH; the others: PERMIT */
	struct kith_turn_permit permits[KITH_TURN_PERMITS_MAX];
	uint64_t bad, full; /* as in struct kith_turn_info */
};

/* Begins. account is borrowed. */
void kith_turn_client_init(struct kith_turn_client *c, const struct kith_turn_account *account, kith_time_us now);

/* The next request that is due; its length, 0: none is. Lets time pass. */
size_t kith_turn_client_next(struct kith_turn_client *c, kith_time_us now, uint8_t out[KITH_TURN_REQUEST_MAX]);

/* When that is to be called again; KITH_TIME_NEVER. */
kith_time_us kith_turn_client_deadline(const struct kith_turn_client *c);

/* A packet to a peer, inside a message to the server, in cap bytes of out; what is due by then goes before it. Its
 * length; 0: it is dropped. */
size_t kith_turn_client_wrap(struct kith_turn_client *c, kith_time_us now, const struct kith_addr *peer,
			     const uint8_t *data, size_t len, uint8_t *out, size_t cap);

/* A datagram of the server's. True: it holds a packet of a peer, which lies in it. */
bool kith_turn_client_take(struct kith_turn_client *c, kith_time_us now, const uint8_t *in, size_t len,
			   struct kith_addr *peer, struct kith_span *data);

/* The server's machine says that nobody listens there. */
void kith_turn_client_deaf(struct kith_turn_client *c);

/* The message that gives up what the server relays; its length, 0: there is nothing. */
size_t kith_turn_client_leave(struct kith_turn_client *c, uint8_t out[KITH_TURN_REQUEST_MAX]);

unsigned kith_turn_client_permits(const struct kith_turn_client *c);

#endif
