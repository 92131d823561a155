/* Outer headers: what a packet is, before any key is touched. PROTOCOL.md section 2.
 *
 * The first byte tells kinds apart: 0x00-0x03 STUN (the host's responder), 0xE1-0xEE ours; all else is dropped.
 * Never: a key, an allocation, a state.
 */
#ifndef KITH_WIRE_PACKET_H
#define KITH_WIRE_PACKET_H

#include "base/limits.h"
#include "codec/cursor.h"

#define KITH_WIRE_VERSION 1

enum kith_packet_type {
	KITH_PKT_HELLO = 0xE1, /* first handshake message */
	KITH_PKT_REPLY = 0xE2, /* second */
	KITH_PKT_WHO = 0xE3, /* "whose address is this?" */
	KITH_PKT_COOKIE = 0xE4, /* "prove your address first" */
	KITH_PKT_VERSION = 0xE5, /* "I do not answer that; these versions I speak" */
	KITH_PKT_GONE = 0xE6, /* "I have no session of that index": a hint, to be verified */
	KITH_PKT_BUSY = 0xE7, /* "I take nobody now, and these may": signed (wire/busy.h) */
	KITH_PKT_DATA = 0xE8, /* sealed frames */
	KITH_PKT_TUNNEL = 0xE9, /* a packet for, or from, the other leg of a tunnel */
	KITH_PKT_IAM = 0xEA, /* the answer to WHO: certificates */
	KITH_PKT_KNOCK = 0xEB, /* "strangers reach you": to a candidate, for one of its witnesses */
	KITH_PKT_WHERE = 0xEC, /* "is so-and-so on this link?" (wire/where.h) */
	KITH_PKT_HERE = 0xED, /* the answer */
	KITH_PKT_ECHO = 0xEE /* "send this back", and what is sent back: how a leaf gauges its NAT */
};

/* Handshake packets: type, version, 0, purpose (HELLO only, else 0), sender index, receiver index; then the Noise
 * message; then, on HELLO only, two MACs: whoever may be made to do work by a stranger is the one who answers a HELLO.
 */
#define KITH_HS_HEADER 12
#define KITH_MAC_LEN 16
#define KITH_HS_TRAILER (2 * KITH_MAC_LEN)
#define KITH_COOKIE_SEALED_LEN 48 /* cookie 16, epoch 16, tag 16 */
#define KITH_COOKIE_PACKET_LEN (8 + 24 + KITH_COOKIE_SEALED_LEN)
#define KITH_VERSION_PACKET_LEN 12
#define KITH_GONE_PACKET_LEN 12
#define KITH_KNOCK_PACKET_LEN 20
#define KITH_ECHO_PACKET_LEN 28
#define KITH_ECHO_PAID_LEN 56 /* of one that two are sent for: by its receiver, and by somebody else */
#define KITH_WHO_LEN_MIN (KITH_HS_HEADER + KITH_MAC_LEN)
#define KITH_WHERE_PACKET_LEAST 32 /* of WHERE and HERE: the header */
#define KITH_BUSY_PACKET_LEAST 88 /* without alternates and chain */

/* What a HELLO is for, readable before any key is used, so that it can be refused at the price of a hash. Values that
 * are not known count as UNSAID. */
enum kith_hello_purpose {
	KITH_PURPOSE_UNSAID = 0,
	KITH_PURPOSE_ATTACH = 1 /* its author asks the supernode to be its home */
};

struct kith_hs_header {
	uint8_t type; /* HELLO or REPLY */
	uint8_t version;
	uint8_t purpose; /* enum kith_hello_purpose, HELLO only */
	uint32_t sender; /* the sender's index for the session to be */
	uint32_t receiver; /* echo of the other's index; 0 in HELLO */
	struct kith_span noise; /* the Noise message, borrowed */
	struct kith_span authed; /* all before mac1 */
	struct kith_span authed2; /* all before mac2 */
	const uint8_t *mac1, *mac2; /* HELLO only, else NULL */
};

/* DATA: type; hidden: epoch 4 bits, way 4 bits, counter 6; name 8. What is hidden is there under a mask that follows
 * from the key and from the packet's tag (session/session.h), so that no two packets of a session look alike to
 * others. */
#define KITH_DATA_HIDDEN 7
#define KITH_COUNTER_BITS 48

struct kith_data_header {
	uint64_t name; /* session/names.h */
	const uint8_t *hidden; /* KITH_DATA_HIDDEN bytes */
	struct kith_span sealed; /* with the tag at its end */
};

/* What a data packet hides. */
struct kith_data_mark {
	uint64_t counter; /* below 2^KITH_COUNTER_BITS */
	uint8_t epoch; /* which key, modulo 16 */
	uint8_t way; /* the how manieth copy of what has this counter */
};

/* The type of a packet, or 0 when it is too short for its kind or none of ours. */
uint8_t kith_packet_type(struct kith_span packet);

/* false: malformed. Versions other than ours parse only as far as the version field (noise empty). */
bool kith_hs_parse(struct kith_hs_header *out, struct kith_span packet);
bool kith_data_parse(struct kith_data_header *out, struct kith_span packet);

/* Header writers; each writes exactly its header length at out. */
void kith_hs_write(uint8_t out[KITH_HS_HEADER], uint8_t type, uint32_t sender, uint32_t receiver);
void kith_data_write(uint8_t out[KITH_TRANSPORT_HEADER], const struct kith_data_mark *mark, uint64_t name);
struct kith_data_mark kith_data_mark_read(const uint8_t plain[KITH_DATA_HIDDEN]);
void kith_tunnel_write(uint8_t out[KITH_TUNNEL_HEADER], uint64_t tunnel);
bool kith_tunnel_parse(uint64_t *tunnel, struct kith_span *inner, struct kith_span packet);

/* Why a supernode does not answer a HELLO, in VERSION. What is not known says no more than the versions do. */
enum kith_version_why {
	KITH_WHY_VERSION = 0, /* the versions say it */
	KITH_WHY_STRANGE = 1, /* it is made for another network, or another key */
	KITH_WHY_FULL = 2, /* no session more */
	KITH_WHY_CERTIFICATE = 3 /* its certificates do not hold here */
};

/* VERSION: type, lowest and highest version spoken, 0, receiver index, why (enum kith_version_why), 3 zero bytes. */
void kith_version_write(uint8_t out[KITH_VERSION_PACKET_LEN], uint32_t receiver, enum kith_version_why why);
bool kith_version_parse(uint32_t *receiver, bool *spoken, uint8_t *why, struct kith_span packet);

/* WHO: type, version, 2 zero bytes, the asker's index, zeros as long as the longest answer, mac1. IAM: type, version, 2
 * zero bytes, 4 zero bytes, the index echoed, a chain of certificates. Of versions other than ours no more than that
 * and the index is read. */
struct kith_who {
	uint8_t version;
	uint32_t sender;
	struct kith_span authed; /* all before mac1 */
	const uint8_t *mac1;
};

bool kith_who_parse(struct kith_who *out, struct kith_span packet);
bool kith_iam_parse(uint32_t *receiver, struct kith_span *chain, struct kith_span packet);

/* GONE: type, 3 zero bytes, the name that is of no session. */
void kith_gone_write(uint8_t out[KITH_GONE_PACKET_LEN], uint64_t name);
bool kith_gone_parse(uint64_t *name, struct kith_span packet);

/* KNOCK: type, 3 zero bytes, the candidate's name of the witness's session, a number that only the packet has. */
void kith_knock_write(uint8_t out[KITH_KNOCK_PACKET_LEN], uint64_t name, uint64_t number);
bool kith_knock_parse(uint64_t *name, uint64_t *number, struct kith_span packet);

#define KITH_ECHO_DELAYS_MAX 8

/* What an ECHO asks its receiver for. 1 to KITH_ECHO_DELAYS_MAX: after that one of the delays that were agreed on. */
enum kith_echo_what {
	KITH_ECHO_AT_ONCE = 0,
	KITH_ECHO_OTHER = 0xF0, /* at once, and another supernode sends one as well */
	KITH_ECHO_PORT = 0xF1, /* at once, and one from another port of the receiver's */
	KITH_ECHO_HAIRPIN = 0xF2 /* nothing: from one socket of a leaf to another, by way of its NAT */
};

/* ECHO: type, what 1, port 2, number 8, address 16; zeros, if it asks for two. In an answer port and address (v4 as
 * ::ffff:a.b.c.d) are those that it is sent to, under a mask that follows from the number, since some NATs rewrite what
 * looks like an address of theirs. In a question they are 0. */
struct kith_echo {
	uint8_t what; /* enum kith_echo_what */
	uint64_t number;
	struct kith_addr seen; /* family NONE: it is a question */
	bool paid; /* of KITH_ECHO_PAID_LEN bytes, else of KITH_ECHO_PACKET_LEN */
};

/* Writes the length that paid says. */
void kith_echo_write(uint8_t *out, const struct kith_echo *e);
bool kith_echo_parse(struct kith_echo *out, struct kith_span packet);

/* COOKIE: type, flags 1 (1: make the message anew), 2 zero bytes, receiver index, nonce 24, sealed cookie and epoch
 * 48. */
void kith_cookie_write(uint8_t out[KITH_COOKIE_PACKET_LEN], uint32_t receiver, bool anew, const uint8_t nonce[24],
		       const uint8_t sealed[KITH_COOKIE_SEALED_LEN]);
bool kith_cookie_parse(uint32_t *receiver, bool *anew, const uint8_t **nonce, const uint8_t **sealed,
		       struct kith_span packet);

#endif
