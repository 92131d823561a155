/* One handshake: the Noise messages with what kith puts around and inside them. PROTOCOL.md section 3.
 *
 *   [WHO    i -> r                 whose key is needed; only while that is not known]
 *   [IAM    r -> i                 certificates]
 *   HELLO   i -> r  e, es, s, ss  {HELLO CHAIN [FRESH] [SERVICE] [CANCEL] [EARLY] [REQUEST]}
 *   REPLY   r -> i  e, ee, se     {HELLO CHAIN [VERDICT] [CROSSED] [ANSWER]}
 *
 * A HELLO is made once: its retransmissions, and copies over other hops, are the same bytes but for mac2. A packet
 * that does not authenticate leaves the handshake as it was, so that a forger cannot end it.
 * Never: a clock, a socket, a decision about certificates.
 */
#ifndef KITH_SESSION_HANDSHAKE_H
#define KITH_SESSION_HANDSHAKE_H

#include "base/list.h"
#include "crypto/noise.h"
#include "session/guard.h"
#include "wire/frame.h"
#include "wire/packet.h"
#include "wire/record.h"

/* What a HELLO of len payload bytes costs besides its payload. */
#define KITH_IK_HELLO_OVERHEAD (KITH_HS_HEADER + 32 + 48 + 16 + KITH_HS_TRAILER)

/* Feature bits, authenticated in HELLO frames; a feature is used when both sides have it. */
enum kith_feature {
	KITH_FEATURE_STREAMS = 1 << 0, /* STREAM frames */
	KITH_FEATURE_AES = 1 << 1 /* reserved: AES-256-GCM transport */
};

/* The node itself, as handshakes need it. Everything is borrowed from the node. */
struct kith_self {
	const struct kith_suite *suite;
	const struct kith_random *random;
	struct kith_id network;
	uint8_t dh_sk[32], dh_pk[32];
	uint8_t sign_sk[KITH_SIGN_SK_LEN], sign_pk[32];
	struct kith_span chain; /* with the issuer's certificate, when there is one */
	uint32_t features;
	uint8_t role; /* enum kith_role */
};

/* A payload, taken apart. Spans are borrowed from it. */
struct kith_hello {
	uint32_t features;
	int64_t timestamp_ms;
	uint8_t call_id[16];
	uint8_t role;
	uint64_t name, spare; /* what packets to the author carry, and what they will when this side has moved */
	bool has_verdict;
	uint16_t verdict; /* 0 = accepted, else enum kith_close_reason */
	struct kith_span chain, service, verdict_text;
	struct kith_span early; /* of the caller's application; p is NULL when absent */
	struct kith_span fresh; /* the epoch that proves when it was made; p is NULL when absent */
	struct kith_span request, answer; /* bodies of those frames; p is NULL when absent */
	bool cancel; /* the call with this call id is given up */
	bool crossed; /* the answer also stands for the answer to a call of the responder's: */
	int64_t crossed_ms;
	uint8_t crossed_id[16];
};

struct kith_handshake {
	struct kith_link waiting; /* responder: for its address to be proven, among all that do */
	uint32_t session; /* responder: its index */
	uint32_t peer_index; /* responder: of the HELLO, which the REPLY repeats */
	uint64_t identity, net; /* responder: whose shares it is of, while it waits */
	struct kith_noise noise;
	struct kith_mac_keys mac_keys; /* initiator */
	uint8_t cookie[KITH_COOKIE_LEN]; /* initiator, when has_cookie */
	uint8_t epoch[KITH_COOKIE_LEN]; /* initiator, when has_epoch: goes into the HELLO */
	bool has_epoch;
	uint8_t call_id[16];
	int64_t timestamp_ms;
	/* Initiator: last sent, retransmission and end. Responder: begin of the second in which answers are counted,
	 * end. */
	kith_time_us sent_at, next_at, give_up_at;
	uint8_t tries; /* initiator: HELLOs sent; responder: answers repeated in that second */
	bool has_cookie;
	bool answered; /* initiator: one of the ways below has brought an answer, and is the only one now */
	bool who; /* initiator: asks for the responder's key; there is no Noise state yet */
	bool initiator;
	bool refused; /* responder: the REPLY says no; the keys that it carries are not used */
	bool cancel; /* initiator: the HELLO takes back the one before it */
	bool early; /* initiator: early data rides in it */
	bool by_id; /* initiator: the callee holds our issuer's certificate */
	bool alone; /* initiator: it need not fit an INTRODUCE in another HELLO */
	uint8_t purpose; /* initiator: enum kith_hello_purpose: what the HELLO says that it is for */
	int8_t why; /* initiator: enum kith_err: why it comes to nothing, as far as that is known */
	uint8_t busy_tries; /* initiator: the try that a BUSY was looked at for: one for each HELLO */
	/* Initiator, to a supernode: addresses that the HELLO goes to in turn, and the one it went to last. */
	uint8_t ways_n, way;
	struct kith_hop ways[KITH_HOST_ENDPOINTS_MAX];
	uint16_t len;
	uint8_t packet[KITH_UDP_PAYLOAD]; /* initiator: WHO or HELLO as sent; responder: REPLY as sent */
};

/* Parses a payload. False when a frame is malformed, illegal in a handshake, or comes twice; or HELLO or CHAIN is
 * missing. */
bool kith_hello_parse(struct kith_hello *out, struct kith_span payload);

/* Writes the HELLO frame (features, timestamp, call id, role, two names of the session) and the CHAIN frame. */
void kith_hello_write(struct kith_writer *w, const struct kith_self *self, int64_t timestamp_ms,
		      const uint8_t call_id[16], const uint64_t names[2], struct kith_span chain);

/* ---- initiator ---- */

/* Makes the WHO instead, by which a responder whose key is not known is asked for its certificates. */
void kith_handshake_ask(struct kith_handshake *hs, const struct kith_self *self, uint32_t sender);

/* Makes the HELLO to the owner of that X25519 key. The packet is padded to pad_to bytes. KITH_EMSGSIZE when the payload
 * does not fit a packet, KITH_EAUTH when the responder's key is no key. */
int kith_handshake_start(struct kith_handshake *hs, const struct kith_self *self, const uint8_t responder[32],
			 uint32_t sender, struct kith_span payload, size_t pad_to) KITH_MUST_USE;

/* Takes a cookie in: the HELLO gets a new mac2. 1: the HELLO must be made again, with the epoch that hs->epoch now
 * holds in a FRESH frame; 0, or an error. */
int kith_handshake_cookie(struct kith_handshake *hs, struct kith_span packet) KITH_MUST_USE;

/* Reads a REPLY; the payload is decrypted into buf (KITH_UDP_PAYLOAD bytes). Returns its length, KITH_EAUTH,
 * KITH_EPROTO. */
int kith_handshake_read_reply(struct kith_handshake *hs, const struct kith_hs_header *header,
			      uint8_t *buf) KITH_MUST_USE;

/* ---- responder ---- */

int kith_handshake_read_hello(struct kith_handshake *hs, const struct kith_self *self,
			      const struct kith_hs_header *header, uint8_t *buf) KITH_MUST_USE;

/* Makes the REPLY. KITH_EMSGSIZE when it would be longer than len_max: never more bytes go back than came. */
int kith_handshake_reply(struct kith_handshake *hs, const struct kith_self *self, uint32_t sender, uint32_t receiver,
			 struct kith_span payload, size_t len_max) KITH_MUST_USE;

void kith_handshake_wipe(struct kith_handshake *hs);

#endif
