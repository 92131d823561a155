/* Control requests: kinds, status codes, and the msgpack keys of their bodies. PROTOCOL.md section 6.
 *
 * A kind's request and answer bodies are msgpack maps with ascending integer keys; the keys of a kind are named
 * KITH_B_<KIND>_<FIELD>. Unknown keys are skipped, so that a later version can add some.
 */
#ifndef KITH_WIRE_BODY_H
#define KITH_WIRE_BODY_H

#include <stdint.h>

#define KITH_EDITION_LEN 17 /* kind of a posted thing 1, signer 8, number 8 ... */
#define KITH_EDITION_LEN_MAX 33 /* ... and, if the kind says so, a digest 16 */
#define KITH_DEVICE_ID_LEN 16 /* a device's id: the first half of its X25519 key */

/* X(name, value, who may ask). Any of the letters must hold; the requests' dispatcher and PROTOCOL.md follow them:
 *   C  anybody, of a supernode, on an infrastructure session
 *   S  a supernode, of a supernode, on an infrastructure session
 *   T  a supernode, of anybody, on an infrastructure session: it can only speak of its own tunnels
 *   H  a home, of its leaf
 *   P  either side of a peer session
 *   W  a witness, of its candidate, on the session by which it dialled back
 *   O  anybody, on every session that is open: not inside a HELLO */
#define KITH_REQUEST_MAP(X)                                                                                            \
	X(ATTACH, 1, "C") /* be my home */                                                                             \
	X(LOOKUP, 3, "C") /* records of a name, asked on my behalf */                                                  \
	X(SUBSCRIBE, 4, "C") /* tell me about these keys from now on */                                                \
	X(INTRODUCE, 5, "C") /* open a tunnel to that device and pass it this packet */                                \
	X(NOTIFY, 6, "HS") /* a key you watch changed */                                                               \
	X(LEAVE, 7, "H") /* I am going: use others from now on */                                                      \
	X(TUNNEL_CLOSE, 8, "T") /* this tunnel ends in so many ms */                                                   \
	X(ATTEST, 9, "C") /* have me attested, or: so I am attested */                                                 \
	X(MEASURE, 10, "W") /* send so many packets, or say which came */                                              \
	X(ATTESTED, 11, "W") /* my attestation of you */                                                               \
	X(ELECTED, 12, "C") /* I serve, though no certificate says so: here is my entry */                             \
	X(MOVE, 13, "H") /* take that one in my place: I have too much to do */                                        \
	X(HELP, 14, "HS") /* can you help me out? serve as a supernode, too */                                         \
	X(MEMBERS, 15, "C") /* name me some supernodes */                                                              \
	X(STORE, 16, "S") /* keep this record */                                                                       \
	X(FIND, 17, "C") /* records under this key */                                                                  \
	X(WATCH, 18, "S") /* tell me when this key changes */                                                          \
	X(VANISH, 19, "S") /* a leaf of mine fell silent */                                                            \
	X(GOSSIP, 20, "S") /* members: digests, rumours, missing entries */                                            \
	X(WITNESS, 21, "S") /* dial this candidate back, and measure it */                                             \
	X(LIST, 22, "C") /* give me what that signer posted, if it is newer than mine */                               \
	X(EDITIONS, 23, "H") /* so new are the posted things that I have */                                            \
	X(KNOCK, 24, "HS") /* send this candidate a packet, as somebody that it has not spoken to */                   \
	X(NOMINATE, 25, "S") /* which leaf of yours could help me out? */                                              \
	X(ADMIT, 26, "C") /* so much may come to me through that tunnel; and nothing at all from those */              \
	X(ECHO, 27, "C") /* answer my packets, so that I learn about my NAT; send one there for me */                  \
	X(REKEY, 32, "O") /* a fresh ephemeral for the next key epoch */                                               \
	X(CHALLENGE, 33, "P") /* prove, explicitly, that you hold your device key */                                   \
	X(RENEWED, 34, "O") /* these are my certificates from now on */                                                \
	X(FOLLOW, 35, "P") /* with this you may follow me */                                                           \
	X(EARLY, 36, "P") /* what was to come with the call, and did not */

enum kith_request_kind {
#define KITH_REQUEST_ENUM(name, value, who) KITH_REQ_##name = (value),
	KITH_REQUEST_MAP(KITH_REQUEST_ENUM)
#undef KITH_REQUEST_ENUM
};

/* The letters of those that may send a request of that kind, as KITH_REQUEST_MAP has them. NULL: no such kind. */
static inline const char *kith_request_askers(uint8_t kind)
{
	switch ((enum kith_request_kind)kind) {
#define KITH_REQUEST_CASE(name, value, who)                                                                            \
	case KITH_REQ_##name:                                                                                          \
		return who;
		KITH_REQUEST_MAP(KITH_REQUEST_CASE)
#undef KITH_REQUEST_CASE
	}
	return NULL;
}

/* Answer status. The error a local caller sees is given beside it. */
#define KITH_STATUS_MAP(X)                                                                                             \
	X(OK, 0, 0)                                                                                                    \
	X(MALFORMED, 1, KITH_EPROTO)                                                                                   \
	X(UNKNOWN, 2, KITH_ENOTSUP) /* kind not known here */                                                          \
	X(NOT_ALLOWED, 3, KITH_EACCES)                                                                                 \
	X(NOT_FOUND, 4, KITH_ENOENT)                                                                                   \
	X(LIMITED, 5, KITH_ELIMIT) /* body may say when to retry */                                                    \
	X(FULL, 6, KITH_EFULL)                                                                                         \
	X(LEAVING, 7, KITH_EDETACHED) /* the answerer is shutting down */                                              \
	X(INVALID, 8, KITH_ESIGNATURE) /* well-formed, but does not verify */                                          \
	X(STALE, 9, KITH_EEXIST) /* something newer is known */                                                        \
	X(FAILED, 10, KITH_EUNREACHABLE) /* tried, and could not */

enum kith_status {
#define KITH_STATUS_ENUM(name, value, err) KITH_STATUS_##name = (value),
	KITH_STATUS_MAP(KITH_STATUS_ENUM)
#undef KITH_STATUS_ENUM
};

/* ATTACH request: the leaf's presence record, whether this home is to publish it, keys to watch. */
#define KITH_B_ATTACH_RECORD 0 /* bytes; absent until the leaf has its homes */
#define KITH_B_ATTACH_PUBLISH 1 /* bool: this home brings the record to the replicas */
/* ATTACH answer */
#define KITH_B_ATTACHED_OBSERVED 0 /* endpoint: the leaf as seen; absent when it came over what has no addresses */
/* 1 was unsigned hosts */
#define KITH_B_ATTACHED_UNIX_MS 2 /* the home's wall clock */
#define KITH_B_ATTACHED_ALT 3 /* reserved: bytes: the home's second address, for NAT classification */
#define KITH_B_ATTACHED_WAIT_MS 4 /* uint: more homes should be looked for at some moment within that time */

/* SUBSCRIBE request: keys to add to, and to drop from, what this home watches for the leaf. */
#define KITH_B_SUBSCRIBE_ADD 0 /* array of bytes(32), at most KITH_SUBSCRIBE_KEYS_MAX */
#define KITH_B_SUBSCRIBE_DROP 1 /* the same */
#define KITH_B_SUBSCRIBE_BRIEF 2 /* bool: records are told of by device and sequence only */
#define KITH_B_SUBSCRIBE_FOLLOW 3 /* array of bytes: to add, as well: a key, and the tokens that the leaf has for it */
#define KITH_SUBSCRIBE_KEYS_MAX 30

/* LOOKUP, FIND and WATCH request and answer. */
#define KITH_B_FIND_KEY 0 /* bytes(32) */
/* FIND, WATCH: array of bytes(16): the replicas the asker sees; the answer names others that are nearer */
#define KITH_B_FIND_NEARER 1
#define KITH_B_FIND_MEMBERS 2 /* uint: LOOKUP: how many replicas to name when nobody is found */
#define KITH_B_FIND_TOKENS 3 /* bytes: tokens by which the asker may follow, 16 each */
#define KITH_B_FOUND_RECORDS 0 /* array of bytes: presence records */
#define KITH_B_FOUND_VANISHED 1 /* array of bytes: vanish reports */
#define KITH_B_FOUND_MEMBERS 2 /* array of bytes: member entries nearer than the asker listed */
#define KITH_B_FOUND_DOUBTED 3 /* bytes: of each record a bitmap of its homes that are no supernodes, or elsewhere */

/* STORE / VANISH / NOTIFY request: any of */
#define KITH_B_NOTICE_RECORDS 0 /* array of bytes */
#define KITH_B_NOTICE_VANISHED 1 /* array of bytes */
#define KITH_B_NOTICE_KEY 2 /* bytes(32): NOTIFY: the key it is about */
#define KITH_B_NOTICE_NEWEST 3 /* bytes(24): NOTIFY: id of a device, u64 sequence of its newest record */
#define KITH_NEWEST_LEN (16 + 8)

/* INTRODUCE request and answer */
#define KITH_B_INTRO_DEVICE 0 /* bytes(16): id of the device to reach */
#define KITH_B_INTRO_PACKET 1 /* bytes: the packet to pass on */
#define KITH_B_INTRO_VIA 2 /* bytes(32): X25519 key of the supernode that is to open the tunnel: it is chained */
#define KITH_B_INTRO_FOR                                                                                               \
	3 /* bytes(32): identity of whoever asked the supernode that asks: a chained one's other half */
#define KITH_B_INTRO_LEG 4 /* uint: beside FOR: the asker's leg, which packets to it carry */
#define KITH_B_INTRODUCED_TUNNEL 0 /* uint: the asker's leg */

/* ADMIT request */
#define KITH_B_ADMIT_TUNNEL 0 /* uint: the sender's leg */
#define KITH_B_ADMIT_WISH 1 /* uint: enum kith_fwd_wish: 0 nothing more, 1 what a call needs, 2 all */
#define KITH_B_ADMIT_WHO 2 /* bytes: the first 8 of identity keys: none of these reaches the sender */
#define KITH_B_ADMIT_ONLY 3 /* bool: of WHO: none but these */

/* HELP request, answer */
#define KITH_B_HELP_TOKEN 0 /* bytes: a help token */
#define KITH_B_HELPED_PLACES 0 /* uint: leaves that it takes for now */

/* LEAVE request, MOVE request, TUNNEL_CLOSE request */
#define KITH_B_LEAVE_MS 0 /* uint: how long from now */
#define KITH_B_LEAVE_HOSTS 1 /* array of bytes: MOVE: exactly one host entry, to use instead */
#define KITH_B_LEAVE_TUNNEL 2 /* uint: TUNNEL_CLOSE: the receiver's leg */
#define KITH_B_LEAVE_MEMBERS 3 /* array of bytes: LEAVE: member entries of supernodes to use instead */

/* MEMBERS request and answer */
#define KITH_B_MEMBERS_N 0 /* uint: how many at most */
#define KITH_B_MEMBERS_ENTRIES 0 /* array of bytes: member entries, drawn at random */
#define KITH_MEMBERS_TOLD_MAX 15

/* GOSSIP request */
#define KITH_B_GOSSIP_SALT 0 /* uint */
#define KITH_B_GOSSIP_DIGESTS 1 /* bytes: (depth 1, path 4, 16 x digest 8) each */
#define KITH_B_GOSSIP_OFFERS 2 /* bytes: (id prefix 16, seq 8) each: newer here, as far as known */
#define KITH_B_GOSSIP_WANTS 3 /* bytes: (id prefix 16) each */
#define KITH_B_GOSSIP_CURSOR 4 /* bytes(16): entries from that id on */
#define KITH_B_GOSSIP_DOUBTS 5 /* bytes: (accused 16, seq 8, at 8, accuser 16, signature 64) each */
#define KITH_B_GOSSIP_EDITIONS 6 /* bytes: editions of posted things that are news here */
#define KITH_B_GOSSIP_EDITIONS_SUM 7 /* uint: of all that the asker has */
/* GOSSIP answer */
#define KITH_B_GOSSIPED_SALT 0 /* uint: as asked */
#define KITH_B_GOSSIPED_DIGESTS 1 /* bytes: of children that differ and are large */
/* bytes: (depth 1, path 4, n 1, n x (id prefix 16, seq 8)) each: those that are small */
#define KITH_B_GOSSIPED_LISTS 2
#define KITH_B_GOSSIPED_ENTRIES 3 /* array of bytes: member entries */
#define KITH_B_GOSSIPED_CURSOR 4 /* bytes(16): where the next page begins; absent at the end */
#define KITH_B_GOSSIPED_COUNT 5 /* uint: members held */
#define KITH_B_GOSSIPED_OFFERS 6 /* bytes: as in a request */
#define KITH_B_GOSSIPED_DOUBTS 7 /* bytes: as in a request */
#define KITH_B_GOSSIPED_EDITIONS 8 /* bytes: as in a request; all, when the sums differ */
#define KITH_B_GOSSIPED_EDITIONS_SUM 9 /* uint: when they are all */

/* LIST request and answer */
#define KITH_B_LIST_SIGNER 0 /* bytes(8) */
#define KITH_B_LIST_NUMBER 1 /* uint: a higher one is wanted */
#define KITH_B_LIST_CERT 2 /* bool: the issuer's certificate is wanted, not what it posted */
#define KITH_B_LIST_KIND 3 /* uint: of the posted thing; absent: a revocation list */
#define KITH_B_LISTED_LIST 0 /* bytes: the posted thing */
#define KITH_B_LISTED_CERT 1 /* bytes: the certificate */

/* EDITIONS request */
#define KITH_B_EDITIONS 0 /* bytes: editions */

/* ATTEST request */
#define KITH_B_ATTEST_ASK 0 /* bool: have me attested; else it is told only */
#define KITH_B_ATTEST_ENDPOINT 1 /* endpoint: where to dial; absent: where the home sees the asker */
#define KITH_B_ATTEST_UP 2 /* uint: bytes a second that the operator gives at most; absent: no bound */
#define KITH_B_ATTEST_DOWN 3 /* uint: the same, towards the asker */
#define KITH_B_ATTEST_HELD 4 /* bytes: list of attestations that it has */
/* ATTEST answer */
#define KITH_B_ASKED_WITNESSES 0 /* uint: that were asked */

/* WITNESS request: as ATTEST, and */
#define KITH_B_WITNESS_ID 0 /* bytes(32): supernode id of the candidate */
#define KITH_B_WITNESS_DEVICE 1 /* bytes(32): X25519 key of its device */
#define KITH_B_WITNESS_ENDPOINT 2 /* endpoint: where it is dialled */
#define KITH_B_WITNESS_UP 3
#define KITH_B_WITNESS_DOWN 4
#define KITH_B_WITNESS_HELD 5

/* MEASURE request and answer */
#define KITH_B_MEASURE_ROUND 0 /* uint */
#define KITH_B_MEASURE_SEND 1 /* bool: send a round; else: say what came of it */
#define KITH_B_MEASURE_PACKETS 2 /* uint: of that round; 0: nothing is measured, only answered */
#define KITH_B_MEASURE_RATE 3 /* uint: bytes a second */
#define KITH_B_MEASURE_KNOCK 4 /* bool: nothing is measured: who has knocked? */
#define KITH_B_MEASURED_GOT 0 /* bytes: bit i % 8 of byte i / 8: packet i came */
#define KITH_B_MEASURED_PROOF 1 /* uint: XOR of their nonces */
#define KITH_B_MEASURED_KNOCK 2 /* uint: number of the last KNOCK that came; absent: none did */

/* ATTESTED request */
#define KITH_B_ATTESTED_ATTEST 0 /* bytes: attestation */

/* KNOCK request */
#define KITH_B_KNOCK_ENDPOINT 0 /* endpoint: the candidate's */
#define KITH_B_KNOCK_NAME 1 /* uint: its name of the session that is its witness's */
#define KITH_B_KNOCK_NUMBER 2 /* uint */

/* ECHO request: of a leaf, the first; of a supernode, the others */
#define KITH_B_ECHO_DELAYS 0 /* bytes: seconds, one byte each, at most KITH_ECHO_DELAYS_MAX */
#define KITH_B_ECHO_TO 1 /* endpoint: where one is to be sent to */
#define KITH_B_ECHO_NUMBER 2 /* uint: which */
/* ECHO answer, to a leaf */
#define KITH_B_ECHOED_NUMBER 0 /* uint: for its packets */

/* NOMINATE answer */
#define KITH_B_NOMINATED_CHAIN 0 /* bytes: the leaf's certificates */
#define KITH_B_NOMINATED_ATTESTS 1 /* bytes: its attestations */

/* ELECTED request */
#define KITH_B_ELECTED_ENTRY 0 /* bytes: member entry */

/* EARLY request */
#define KITH_B_EARLY_BYTES 0 /* bytes: 1 to KITH_EARLY_MAX */

/* FOLLOW request */
#define KITH_B_FOLLOW_TOKEN 0 /* bytes(16): for the records of the device that sends it */

/* REKEY request and answer */
#define KITH_B_REKEY_EPOCH 0 /* uint: the new epoch */
#define KITH_B_REKEY_KEY 1 /* bytes(32): X25519 ephemeral */
#define KITH_B_REKEY_MIX 2 /* reserved: post-quantum key exchange */

#endif
