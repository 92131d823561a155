/* Bodies of requests and answers: of each kind one struct, one function that writes it and one that reads it.
 * PROTOCOL.md section 6. Those of GOSSIP are in message_gossip.h; a CHALLENGE and its answer are no maps
 * (identity/challenge.h); the other kinds that are not here have no body of their own (an OK to STORE, SUBSCRIBE ...).
 *
 * Writing: the length, or 0 when it does not fit (a body has at least one byte).
 *
 * Reading: small fields are copied, byte strings are borrowed from the body. Keys that are not known are skipped. A key
 * of another type or length than it should have counts as absent. KITH_EPROTO: no body, no map, a bound of codec/pack.h
 * is broken, or a key is missing that must be there; *out is then not to be used. Three things are not the same:
 *   - a body of no bytes, which is none at all: no message here is read from it;
 *   - an empty map, of which every key is absent;
 *   - a byte string of no bytes under a key: its span has a pointer, that of an absent one has NULL.
 *
 * Lists: to be written, an array of the caller's. What is read lies in the room that the reader was given, and is as
 * many as a body holds (KITH_PACK_ITEMS_MAX); a list that is absent is empty. Items that are no byte strings, or, where
 * all have one length, of another one, are left out.
 *
 * Bounds: KITH_REQUEST_MAX, KITH_ANSWER_MAX, which are the caller's buffers.
 * Never: an allocation, a signature checked, a record parsed.
 */
#ifndef KITH_WIRE_MESSAGE_H
#define KITH_WIRE_MESSAGE_H

#include "codec/pack.h"
#include "wire/body.h"
#include "wire/follow.h"
#include "wire/record.h"
#include "wire/token.h"

struct kith_spans {
	const struct kith_span *at;
	size_t n;
};

/* Where the lists of a message lie that was read; valid for as long as its body. */
struct kith_msg_room {
	struct kith_span at[KITH_PACK_ITEMS_MAX];
	size_t n;
};

/* ---- homes ---- */

/* ATTACH. The first one has neither: an empty map. */
struct kith_msg_attach {
	struct kith_span record; /* at most KITH_RECORD_LEN_MAX; NULL: the leaf has none yet */
	bool publish; /* this home brings the record to the replicas */
};

size_t kith_msg_attach_write(uint8_t *out, size_t cap, const struct kith_msg_attach *m);
int kith_msg_attach_read(struct kith_msg_attach *out, struct kith_span body) KITH_MUST_USE;

/* ... and its answer. */
struct kith_msg_attached {
	/* the leaf as the home sees it; kind 0: not told, or of a kind that is not known */
	struct kith_endpoint observed;
	int64_t unix_ms; /* the home's clock; 0: not told */
	uint32_t wait_ms; /* within which time it is to look for more homes; 0: at once */
};

size_t kith_msg_attached_write(uint8_t *out, size_t cap, const struct kith_msg_attached *m);
int kith_msg_attached_read(struct kith_msg_attached *out, struct kith_span body) KITH_MUST_USE;

/* LEAVE, MOVE. */
struct kith_msg_leave {
	uint64_t in_ms; /* from now; 0 when it was not told */
	struct kith_spans hosts; /* MOVE: the host entry to use instead */
	struct kith_spans members; /* LEAVE: entries of supernodes to use instead */
};

size_t kith_msg_leave_write(uint8_t *out, size_t cap, const struct kith_msg_leave *m);
int kith_msg_leave_read(struct kith_msg_leave *out, struct kith_msg_room *room, struct kith_span body) KITH_MUST_USE;

/* MEMBERS. */
struct kith_msg_members {
	uint64_t n; /* how many at most; 0 when it was not told */
};

size_t kith_msg_members_write(uint8_t *out, size_t cap, const struct kith_msg_members *m);
int kith_msg_members_read(struct kith_msg_members *out, struct kith_span body) KITH_MUST_USE;

/* ... and its answer. */
struct kith_msg_named {
	struct kith_spans entries; /* member entries */
};

size_t kith_msg_named_write(uint8_t *out, size_t cap, const struct kith_msg_named *m);
int kith_msg_named_read(struct kith_msg_named *out, struct kith_msg_room *room, struct kith_span body) KITH_MUST_USE;

/* HELP. */
struct kith_msg_help {
	struct kith_span token; /* must be there */
};

size_t kith_msg_help_write(uint8_t *out, size_t cap, const struct kith_msg_help *m);
int kith_msg_help_read(struct kith_msg_help *out, struct kith_span body) KITH_MUST_USE;

struct kith_msg_helped {
	uint64_t places; /* 0 when it was not told */
};

size_t kith_msg_helped_write(uint8_t *out, size_t cap, const struct kith_msg_helped *m);
int kith_msg_helped_read(struct kith_msg_helped *out, struct kith_span body) KITH_MUST_USE;

/* ---- the directory ---- */

/* LOOKUP, FIND, WATCH. */
struct kith_msg_find {
	struct kith_id key; /* must be there */
	struct kith_spans nearer; /* of KITH_MEMBER_ID_PREFIX bytes: the replicas by the asker's view; LOOKUP: none */
	uint64_t members; /* LOOKUP: how many replicas the answer is to name when it found nobody; 0: none. FIND: how
			   * many at most; 0: all that were not named */
	struct kith_span tokens; /* to follow by, one behind the other, at most KITH_FOLLOW_TOKENS_MAX; or none */
};

size_t kith_msg_find_write(uint8_t *out, size_t cap, const struct kith_msg_find *m);
int kith_msg_find_read(struct kith_msg_find *out, struct kith_msg_room *room, struct kith_span body) KITH_MUST_USE;

/* ... and their answer. */
struct kith_msg_found {
	struct kith_spans records; /* presence records */
	struct kith_spans vanished; /* vanish reports */
	struct kith_spans members; /* entries of replicas that the asker did not name */
	struct kith_span doubted; /* a byte of each record: bits of homes that are not where it says; empty: none is */
};

size_t kith_msg_found_write(uint8_t *out, size_t cap, const struct kith_msg_found *m);
int kith_msg_found_read(struct kith_msg_found *out, struct kith_msg_room *room, struct kith_span body) KITH_MUST_USE;

/* SUBSCRIBE. Directory keys, of KITH_ID_LEN bytes each. */
struct kith_msg_subscribe {
	struct kith_spans add, drop;
	bool brief; /* records are told of by newest only */
	struct kith_spans follow; /* to add, as well: a key with tokens behind it (kith_msg_follow_item) */
};

/* What an item of follow holds. False: no key, or no tokens. */
bool kith_msg_follow_item(struct kith_span item, struct kith_span *key, struct kith_span *tokens);

size_t kith_msg_subscribe_write(uint8_t *out, size_t cap, const struct kith_msg_subscribe *m);
int kith_msg_subscribe_read(struct kith_msg_subscribe *out, struct kith_msg_room *room,
			    struct kith_span body) KITH_MUST_USE;

/* STORE, VANISH, NOTIFY: what became of names. */
struct kith_msg_notice {
	struct kith_spans records; /* presence records */
	struct kith_spans vanished; /* vanish reports */
	bool has_key; /* NOTIFY must have it */
	struct kith_id key; /* that it is about */
	bool has_newest; /* instead of a record */
	uint8_t newest[KITH_DEVICE_ID_LEN]; /* the device ... */
	uint64_t newest_seq; /* ... whose newest record has that sequence */
};

size_t kith_msg_notice_write(uint8_t *out, size_t cap, const struct kith_msg_notice *m);
int kith_msg_notice_read(struct kith_msg_notice *out, struct kith_msg_room *room, struct kith_span body) KITH_MUST_USE;

/* ---- tunnels ---- */

/* INTRODUCE. */
struct kith_msg_introduce {
	uint8_t device[KITH_DEVICE_ID_LEN]; /* must be there */
	struct kith_span packet; /* at most KITH_NESTED_MAX; none: the tunnel is only opened */
	bool chained, second; /* by way of via; that half of it, of the caller's identity */
	struct kith_key via, caller;
	uint64_t leg; /* second: the asker's, not 0 */
};

size_t kith_msg_introduce_write(uint8_t *out, size_t cap, const struct kith_msg_introduce *m);
int kith_msg_introduce_read(struct kith_msg_introduce *out, struct kith_span body) KITH_MUST_USE;

/* ... and its answer: an empty map when there is no tunnel, a map without one is an error. */
struct kith_msg_introduced {
	uint64_t tunnel; /* the asker's leg; 0: the supernode itself was called, and answers without one */
};

size_t kith_msg_introduced_write(uint8_t *out, size_t cap, const struct kith_msg_introduced *m);
int kith_msg_introduced_read(struct kith_msg_introduced *out, struct kith_span body) KITH_MUST_USE;

/* TUNNEL_CLOSE. */
struct kith_msg_tunnel_close {
	uint64_t in_ms; /* from now; 0 when it was not told */
	uint64_t tunnel; /* the receiver's leg; must be there */
};

size_t kith_msg_tunnel_close_write(uint8_t *out, size_t cap, const struct kith_msg_tunnel_close *m);
int kith_msg_tunnel_close_read(struct kith_msg_tunnel_close *out, struct kith_span body) KITH_MUST_USE;

/* ADMIT. */
struct kith_msg_admit {
	uint64_t tunnel; /* the sender's leg; 0: it is about none */
	uint8_t wish; /* enum kith_fwd_wish */
	bool has_who, only;
	struct kith_span who; /* KITH_ADMIT_LEN each, at most KITH_ADMIT_MAX: in the place of those named before */
};

size_t kith_msg_admit_write(uint8_t *out, size_t cap, const struct kith_msg_admit *m);
/* An error also if it is about nothing. */
int kith_msg_admit_read(struct kith_msg_admit *out, struct kith_span body) KITH_MUST_USE;

/* ---- peer sessions ---- */

/* FOLLOW. */
struct kith_msg_follow {
	uint8_t token[KITH_FOLLOW_LEN]; /* must be there */
};

size_t kith_msg_follow_write(uint8_t *out, size_t cap, const struct kith_msg_follow *m);
int kith_msg_follow_read(struct kith_msg_follow *out, struct kith_span body) KITH_MUST_USE;

/* EARLY. */
struct kith_msg_early {
	struct kith_span bytes; /* 1 to KITH_EARLY_MAX; must be there */
};

size_t kith_msg_early_write(uint8_t *out, size_t cap, const struct kith_msg_early *m);
int kith_msg_early_read(struct kith_msg_early *out, struct kith_span body) KITH_MUST_USE;

/* ---- any session ---- */

/* REKEY. Both must be there. */
struct kith_msg_rekey {
	uint8_t epoch; /* the new one */
	struct kith_key ephemeral; /* X25519 */
};

size_t kith_msg_rekey_write(uint8_t *out, size_t cap, const struct kith_msg_rekey *m);
int kith_msg_rekey_read(struct kith_msg_rekey *out, struct kith_span body) KITH_MUST_USE;

/* ... and its answer. */
struct kith_msg_rekeyed {
	struct kith_key ephemeral; /* must be there */
};

size_t kith_msg_rekeyed_write(uint8_t *out, size_t cap, const struct kith_msg_rekeyed *m);
int kith_msg_rekeyed_read(struct kith_msg_rekeyed *out, struct kith_span body) KITH_MUST_USE;

#endif
