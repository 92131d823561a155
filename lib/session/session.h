/* A session: keys and counters that two devices share, with paths, requests and streams. PROTOCOL.md sections 3 to 5.
 *
 * One kind serves everything: leaf to home, supernode to supernode, peer to peer. Its uses are a set of bits; a session
 * without any is closed after KITH_SESSION_UNUSED_US of silence.
 * Idle cost is a contract: sizeof(struct kith_session) <= 384, one timer, no further allocation while idle; what only
 * an active session needs hangs off pointers and is freed when it falls idle.
 * Never: a certificate check, a role's decision.
 */
#ifndef KITH_SESSION_SESSION_H
#define KITH_SESSION_SESSION_H

#include "base/blob.h"
#include "base/timer.h"
#include "crypto/replay.h"
#include "path/pathset.h"
#include "session/handshake.h"
#include "session/request.h"

struct kith_streams;

enum kith_session_state {
	KITH_SESSION_INITIATING, /* HELLO sent, nothing heard */
	KITH_SESSION_DECIDING, /* HELLO accepted, the application has not answered yet */
	KITH_SESSION_UNCONFIRMED, /* REPLY sent; the initiator's address is not proven */
	KITH_SESSION_OPEN, /* both have heard each other in the session's keys */
	KITH_SESSION_CLOSED /* to be taken away at the end of this call */
};

/* What a session is used for, on our side. */
enum kith_session_use {
	KITH_USE_HOME = 1 << 0, /* the other is a home of ours */
	KITH_USE_LEAF = 1 << 1, /* the other is attached to us */
	KITH_USE_TUNNEL = 1 << 2, /* a tunnel of ours ends there, or one of theirs here */
	KITH_USE_PEER = 1 << 3, /* an application's */
	KITH_USE_MEMBER = 1 << 4, /* both are supernodes */
	KITH_USE_WATCH = 1 << 5, /* one side watches keys at the other: notices must arrive */
	/* a witness has dialled a candidate back, and measures it. Not found by its device: nothing else uses it */
	KITH_USE_WITNESS = 1 << 6
};

#define KITH_SESSION_UNUSED_US (60 * KITH_US_PER_S) /* local: a one-time asker is forgotten after this */
/* local: the asker itself forgets so much earlier. Its NAT may have kept the other side's CLOSE out, and a session
 * that only one side has costs the next request seconds, while a new handshake carries it as fast as the old session */
#define KITH_SESSION_ASKER_EARLIER_US (5 * KITH_US_PER_S)

/* A change of keys under way, or the previous receive key while it is still accepted. */
struct kith_rekey {
	uint8_t e_sk[32]; /* asker: our ephemeral until the answer comes */
	uint8_t next_tx[32], next_rx[32], next_chain[32]; /* answerer: installed when the other first uses them */
	uint8_t old_rx[32];
	kith_time_us old_until; /* 0 = no old key; NEVER = until the other is heard in the new one */
	kith_time_us retry_at; /* not asked before: the last request failed, or the other's was just answered */
	bool asking, next_ready;
};

struct kith_session {
	uint32_t index; /* ours: key of the table. Packets to us carry names of it (session/names.h) */
	uint32_t keyed_s; /* when the keys were made */
	uint8_t device[KITH_DEVICE_ID_LEN]; /* the other device; zero until known */
	union {
		struct kith_timer timer;
		/* KITH_SESSION_CLOSED: what its owners are told at the end of the call. It has no timer any more. */
		struct {
			struct kith_session *next;
			uint16_t reason; /* enum kith_close_reason */
			bool remote;
		} ended;
	};
	uint8_t tx_key[32], rx_key[32], chain_key[32];
	uint64_t tx_counter;
	struct kith_replay replay;
	kith_time_us used_at; /* when something but keepalives last passed */
	struct kith_blob *chain; /* the other's certificates, or NULL */
	struct kith_handshake *hs; /* until open */
	struct kith_rekey *rekey;
	struct kith_requests *requests;
	union {
		struct kith_peer *peer; /* KITH_USE_PEER: what an application's session needs (link/state.h) */
		struct kith_attached *attached; /* KITH_USE_LEAF: the leaf's record (link/state.h) */
	};
	struct kith_pathset paths;
	uint16_t request_id; /* the last one given to a request of ours; never starts again */
	uint8_t epoch; /* of the keys, modulo 256 */
	uint8_t use; /* bits of enum kith_session_use */
	uint8_t features; /* in common */
	uint8_t role : 4; /* of the other: enum kith_role */
	bool introduced : 1; /* the other was shown the entry by which we are a supernode (super/vouch) */
	bool counted : 1; /* among those of the identity at the other end (link/state.h) */
	bool turned_away : 1; /* the other came to attach, and was refused */
	bool stale : 1; /* the other side holds certificates of ours that were renewed since (link/renewed) */
	uint8_t keyed_block; /* tx_counter / KITH_REKEY_PACKETS when the keys were made, modulo 256 */
	unsigned state : 3; /* enum kith_session_state */
	unsigned gone_hints : 3; /* "no such session" heard since the last genuine packet */
	bool initiator : 1;
	bool touched : 1; /* in this call: its timer is set anew at the end */
};

KITH_STATIC_ASSERT(sizeof(struct kith_session) <= 384, "the contract of an idle session");

/* Moves along the legal edges only (asserted). */
void kith_session_set_state(struct kith_session *s, enum kith_session_state state);

/* The hop of its packets now; before there is a proven path, the one that the handshake takes. */
const struct kith_hop *kith_session_hop(const struct kith_session *s);

/* When the other side was last heard, on any path; 0 = never. */
kith_time_us kith_session_heard_at(const struct kith_session *s);

/* Takes the transport keys out of a finished handshake. */
void kith_session_take_keys(struct kith_session *s, kith_time_us now);

/* Seals frames_len bytes of frames that lie KITH_TRANSPORT_HEADER behind packet, in place, for who has that name.
 * Returns the packet's length; 0 and nothing is sealed when the key, or the counter, has reached its limit: the
 * session is over then. */
size_t kith_session_seal(struct kith_session *s, const struct kith_suite *suite, uint64_t name, uint8_t *packet,
			 size_t frames_len);

/* Seals what has that counter already once more, in another way (1 to KITH_WAYS_MAX) than ever with this counter: the
 * other side opens one of them, and nobody else sees that they are the same. */
size_t kith_session_seal_again(const struct kith_session *s, const struct kith_suite *suite, uint64_t name,
			       uint64_t counter, uint8_t way, uint8_t *packet, size_t frames_len);

/* NOT_AUTHENTIC: made by somebody else, or with a key that is not good (yet, or any more). */
enum kith_open_verdict { KITH_OPEN_OK, KITH_OPEN_REPLAYED, KITH_OPEN_NOT_AUTHENTIC };

/* Opens a data packet in place; *frames is borrowed from it. Changes keys when the other has begun to use the next.
 * *counter: of the packet, if it opens. */
enum kith_open_verdict kith_session_open(struct kith_session *s, const struct kith_suite *suite, kith_time_us now,
					 const struct kith_data_header *header, struct kith_span *frames,
					 uint64_t *counter);

/* ---- rekeying: the asker is the side that sends data in old keys ---- */

/* True when the next data packet should be preceded by a request for new keys. */
bool kith_session_wants_rekey(const struct kith_session *s, kith_time_us now);

/* The asker's ephemeral key for a REKEY request body; KITH_ENOMEM. */
int kith_rekey_ask(struct kith_session *s, const struct kith_self *self, const struct kith_alloc *alloc,
		   uint8_t e_pk[32]) KITH_MUST_USE;

/* The answerer's turn: makes the next keys ready, returns its own ephemeral. KITH_ESTATE when the session is not open,
 * or the epoch not the next one; KITH_EEXIST when both ask at once and ours goes first (the lower device key's). */
int kith_rekey_answer(struct kith_session *s, const struct kith_self *self, const struct kith_alloc *alloc,
		      kith_time_us now, uint64_t epoch, const uint8_t their_e[32], uint8_t e_pk[32]) KITH_MUST_USE;

/* The asker takes the answer and begins to use the keys. */
int kith_rekey_finish(struct kith_session *s, const struct kith_self *self, kith_time_us now,
		      const uint8_t their_e[32]) KITH_MUST_USE;

/* The asker's request ended without an answer: it asks again after KITH_REKEY_RETRY_US. */
void kith_rekey_abandon(struct kith_session *s, kith_time_us now);

/* When kith_rekey_tick has something to drop; KITH_TIME_NEVER if it has not. */
kith_time_us kith_rekey_deadline(const struct kith_session *s);

/* Drops the old key when its time is over, and all of s->rekey when nothing is under way any more. */
void kith_rekey_tick(struct kith_session *s, const struct kith_alloc *alloc, kith_time_us now);

#endif
