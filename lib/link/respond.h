/* Making sessions: the responder's half of the handshake.
 *
 * Costs of a stranger's first message, in the order in which it may fail: layout; mac1 (a hash), and no room here
 * (link/refuse); source rate (a
 * look-up); cookie when asked for (a hash); then one DH and one open, the certificates (up to three signatures,
 * remembered), the timestamp; and only what passed all of them makes state. A leaf answers only what came through the
 * tunnel of a home of its own, or from whom it answered on the local network (link/nearby.h), so that an address scan
 * with somebody's public key finds nobody.
 * What a first message is for is not known here: core/dispatch decides (may it ring, what does it ask), makes the
 * session, and has the message answered.
 * Bounds: a KITH_UNCONFIRMED_SHARE of the table for sessions of contacts whose address is not proven.
 */
#ifndef KITH_LINK_RESPOND_H
#define KITH_LINK_RESPOND_H

#include "link/connect.h"

enum kith_respond_event {
	KITH_RESPOND_DONE, /* nothing is left to do */
	KITH_RESPOND_CALL, /* a person calls */
	KITH_RESPOND_CONTACT /* a node contacts this supernode */
};

/* A first message that is new, and whose author is proven. */
struct kith_first {
	struct kith_handshake hs;
	struct kith_hello hello; /* borrowed from payload */
	struct kith_person person;
	uint32_t peer_index;
	struct kith_hop from;
	size_t packet_len;
	bool proven; /* certainly no replay: early data need not wait for the session */
	uint8_t payload[KITH_UDP_PAYLOAD];
};

/* Takes a HELLO; one that fails is counted. Unless DONE, *out is to be given to kith_respond_forget. */
enum kith_respond_event kith_respond_on_hello(struct kith_core *c, const struct kith_hs_header *header,
					      size_t packet_len, const struct kith_hop *from, struct kith_first *out);

/* Wipes it. */
void kith_respond_forget(struct kith_first *first);

/* Makes the session of a first message, in state DECIDING for a call. NULL: no room or no memory, which was counted. */
struct kith_session *kith_respond_begin(struct kith_core *c, const struct kith_first *first, bool call);

/* The initiator's call that this answer also stands for, since both called at once. */
struct kith_crossed {
	int64_t timestamp_ms;
	uint8_t call_id[16];
};

/* Answers a first message, and waits for the first packet in the new keys; after a refusal only for repetitions of the
 * HELLO. verdict: of a call, 0 accepts. answered: id of the request whose answer goes along, 0: none. crossed: NULL
 * unless both called at once. */
void kith_respond_reply(struct kith_core *c, struct kith_session *s, uint16_t verdict, uint16_t answered,
			const struct kith_crossed *crossed);

/* The first data packet arrived on an unconfirmed session, which is up now. */
void kith_respond_confirmed(struct kith_core *c, struct kith_session *s);

#endif
