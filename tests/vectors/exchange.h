/* A handshake of two nodes, message by message, each as a vector. Used by the topics of handshakes and keys. */
#ifndef KITH_TESTS_VECTORS_EXCHANGE_H
#define KITH_TESTS_VECTORS_EXCHANGE_H

#include "world.h"

#include "session/session.h"

#define EXCHANGE_INITIATOR_INDEX 0x01a1b2c3u
#define EXCHANGE_RESPONDER_INDEX 0x02d4e5f6u

/* Points into itself: must not move. */
struct exchange {
	struct world world;
	struct person alice, haven; /* the initiator, a leaf; the responder, a supernode */
	struct vec_random random[2]; /* of either */
	struct kith_self self[2];
	struct kith_handshake hs[2];
	struct kith_session session[2]; /* with keys, once there are any */
	uint8_t hello[KITH_UDP_PAYLOAD]; /* as sent first */
	size_t hello_len;
	uint8_t initiator_e[32]; /* its ephemeral secret */
	uint8_t payload[KITH_UDP_PAYLOAD]; /* as read last */
	struct kith_span opened; /* of it */
};

enum { INITIATOR, RESPONDER };

/* callee: the responder is a leaf, who is called. */
void exchange_init(struct exchange *x, bool callee);

/* The HELLO frame's fields in hand-written form, and the frames HELLO and CHAIN into w. */
void exchange_hello_frame(struct exchange *x, unsigned who, int64_t timestamp_ms, struct kith_span chain,
			  struct kith_writer *w, json_t *in);

/* Makes the HELLO and the vector's members. */
void exchange_hello(struct exchange *x, struct vec *v, struct kith_span payload, size_t pad_to);
/* The responder reads what the initiator has sent. */
void exchange_read_hello(struct exchange *x);
void exchange_reply(struct exchange *x, struct vec *v, struct kith_span payload);
void exchange_read_reply(struct exchange *x);

/* Both ends take their keys; the vector tells them. */
void exchange_keys(struct exchange *x, struct vec *v);

/* Seals frames as who's next packet and opens them at the other end. */
/* The last packet of that end once more, in way 1. */
void exchange_data_again(struct exchange *x, struct vec *v, unsigned who, struct kith_span frames);

void exchange_data(struct exchange *x, struct vec *v, unsigned who, struct kith_span frames);

/* h and ck. */
void exchange_noise(json_t *object, const struct kith_noise *noise);

#endif
