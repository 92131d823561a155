#include "exchange.h"

#include <string.h>

static const uint8_t call_id[16] = { 0xca, 0x11, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };

void exchange_init(struct exchange *x, bool callee)
{
	memset(x, 0, sizeof *x);
	world_init(&x->world);
	world_person(&x->world, &x->alice, "alice");
	if (callee)
		world_person(&x->world, &x->haven, "bob");
	else
		world_supernode(&x->world, &x->haven, "haven", "198.51.100.7:4500");
	vec_random_init(&x->random[INITIATOR], "initiator");
	vec_random_init(&x->random[RESPONDER], "responder");
	x->self[INITIATOR] = world_self(&x->world, &x->alice, &x->random[INITIATOR].random, KITH_ROLE_LEAF);
	x->self[RESPONDER] = world_self(&x->world, &x->haven, &x->random[RESPONDER].random,
					callee ? KITH_ROLE_LEAF : KITH_ROLE_SUPERNODE);
}

/* Of each end: what packets to it carry, and the spare one. */
static const uint64_t exchange_names[2][2] = { { UINT64_C(0x0012233445566778), UINT64_C(0x00c1d2e3f4051627) },
					       { UINT64_C(0x009a8b7c6d5e4f30), UINT64_C(0x00213243546576a7) } };

void exchange_noise(json_t *object, const struct kith_noise *noise)
{
	vec_bytes(object, "h", noise->h, sizeof noise->h);
	vec_bytes(object, "ck", noise->ck, sizeof noise->ck);
}

void exchange_hello_frame(struct exchange *x, unsigned who, int64_t timestamp_ms, struct kith_span chain,
			  struct kith_writer *w, json_t *in)
{
	const struct kith_self *self = &x->self[who];
	const uint64_t *names = exchange_names[who];
	kith_hello_write(w, self, timestamp_ms, call_id, names, chain);
	vec_number(in, "features", self->features);
	vec_number(in, "timestamp_ms", timestamp_ms);
	vec_bytes(in, "call_id", call_id, sizeof call_id);
	vec_number(in, "role", self->role);
	vec_u64(in, "session_name", names[0]);
	vec_u64(in, "spare_name", names[1]);
	vec_span(in, "chain", chain);
}

static void put_dh(const struct exchange *x, json_t *mid, const char *key, const uint8_t sk[32], const uint8_t pk[32])
{
	uint8_t shared[32];
	VEC_REQUIRE(x->world.suite->dh(shared, sk, pk) == 0);
	vec_bytes(mid, key, shared, sizeof shared);
}

static void put_ephemeral(const struct exchange *x, struct vec *v, const struct vec_random *random)
{
	uint8_t pk[32];
	x->world.suite->dh_public(pk, random->last);
	vec_bytes(v->in, "ephemeral_secret", random->last, 32);
	vec_bytes(v->mid, "ephemeral_public", pk, sizeof pk);
}

/* What both ends know before the first message. */
static void put_parties(const struct exchange *x, struct vec *v)
{
	uint8_t prologue[5 + KITH_ID_LEN] = { 'k', 'i', 't', 'h', KITH_WIRE_VERSION };
	memcpy(prologue + 5, x->world.network.b, KITH_ID_LEN);
	vec_bytes(v->in, "network_id", x->world.network.b, KITH_ID_LEN);
	vec_bytes(v->in, "initiator_static_secret", x->self[INITIATOR].dh_sk, 32);
	vec_bytes(v->in, "responder_static_secret", x->self[RESPONDER].dh_sk, 32);
	vec_bytes(v->mid, "prologue", prologue, sizeof prologue);
	vec_bytes(v->mid, "initiator_static_public", x->self[INITIATOR].dh_pk, 32);
	vec_bytes(v->mid, "responder_static_public", x->self[RESPONDER].dh_pk, 32);
}

void exchange_hello(struct exchange *x, struct vec *v, struct kith_span payload, size_t pad_to)
{
	struct kith_handshake *hs = &x->hs[INITIATOR];
	const uint8_t *responder = x->self[RESPONDER].dh_pk;
	int err = kith_handshake_start(hs, &x->self[INITIATOR], responder, EXCHANGE_INITIATOR_INDEX, payload, pad_to);
	VEC_REQUIRE(err == 0);
	put_parties(x, v);
	put_ephemeral(x, v, &x->random[INITIATOR]);
	memcpy(x->initiator_e, x->random[INITIATOR].last, sizeof x->initiator_e);
	vec_number(v->in, "sender_index", EXCHANGE_INITIATOR_INDEX);
	vec_number(v->in, "length", (int64_t)pad_to);
	vec_span(v->mid, "payload_before_padding", payload);
	put_dh(x, v->mid, "es", x->random[INITIATOR].last, responder);
	put_dh(x, v->mid, "ss", x->self[INITIATOR].dh_sk, responder);
	exchange_noise(v->mid, &hs->noise);
	vec_bytes(v->mid, "mac1_key", hs->mac_keys.mac, sizeof hs->mac_keys.mac);
	vec_bytes(v->out, "packet", hs->packet, hs->len);
	memcpy(x->hello, hs->packet, hs->len);
	x->hello_len = hs->len;
}

void exchange_read_hello(struct exchange *x)
{
	struct kith_hs_header header;
	const struct kith_handshake *sent = &x->hs[INITIATOR];
	VEC_REQUIRE(kith_hs_parse(&header, vec_span_of(sent->packet, sent->len)));
	int n = kith_handshake_read_hello(&x->hs[RESPONDER], &x->self[RESPONDER], &header, x->payload);
	VEC_REQUIRE(n >= 0);
	x->opened = vec_span_of(x->payload, (size_t)n);
	VEC_REQUIRE(memcmp(x->hs[RESPONDER].noise.h, sent->noise.h, sizeof sent->noise.h) == 0);
}

void exchange_reply(struct exchange *x, struct vec *v, struct kith_span payload)
{
	struct kith_handshake *hs = &x->hs[RESPONDER];
	uint8_t re[32];
	memcpy(re, hs->noise.re, sizeof re);
	int err = kith_handshake_reply(hs, &x->self[RESPONDER], EXCHANGE_RESPONDER_INDEX, EXCHANGE_INITIATOR_INDEX,
				       payload, x->hello_len);
	VEC_REQUIRE(err == 0);
	put_parties(x, v);
	vec_bytes(v->in, "hello", x->hello, x->hello_len);
	put_ephemeral(x, v, &x->random[RESPONDER]);
	vec_number(v->in, "sender_index", EXCHANGE_RESPONDER_INDEX);
	vec_number(v->in, "receiver_index", EXCHANGE_INITIATOR_INDEX);
	vec_span(v->mid, "payload", payload);
	put_dh(x, v->mid, "ee", x->random[RESPONDER].last, re);
	put_dh(x, v->mid, "se", x->random[RESPONDER].last, x->self[INITIATOR].dh_pk);
	exchange_noise(v->mid, &hs->noise);
	vec_bytes(v->out, "packet", hs->packet, hs->len);
}

void exchange_read_reply(struct exchange *x)
{
	struct kith_hs_header header;
	const struct kith_handshake *sent = &x->hs[RESPONDER];
	VEC_REQUIRE(kith_hs_parse(&header, vec_span_of(sent->packet, sent->len)));
	int n = kith_handshake_read_reply(&x->hs[INITIATOR], &header, x->payload);
	VEC_REQUIRE(n >= 0);
	x->opened = vec_span_of(x->payload, (size_t)n);
	VEC_REQUIRE(memcmp(x->hs[INITIATOR].noise.h, sent->noise.h, sizeof sent->noise.h) == 0);
}

void exchange_keys(struct exchange *x, struct vec *v)
{
	for (unsigned who = INITIATOR; who <= RESPONDER; who++) {
		struct kith_session *s = &x->session[who];
		memset(s, 0, sizeof *s);
		s->hs = &x->hs[who];
		s->initiator = who == INITIATOR;
		s->state = KITH_SESSION_OPEN;
		s->index = who == INITIATOR ? EXCHANGE_INITIATOR_INDEX : EXCHANGE_RESPONDER_INDEX;
		s->paths.first.name = exchange_names[!who][0];
		memcpy(s->device, x->self[!who].dh_pk, sizeof s->device);
		kith_session_take_keys(s, x->world.now.mono_us);
	}
	const struct kith_session *a = &x->session[INITIATOR], *b = &x->session[RESPONDER];
	VEC_REQUIRE(memcmp(a->tx_key, b->rx_key, 32) == 0 && memcmp(a->rx_key, b->tx_key, 32) == 0);
	VEC_REQUIRE(memcmp(a->chain_key, b->chain_key, 32) == 0);
	exchange_noise(v->in, &x->hs[INITIATOR].noise);
	vec_bytes(v->out, "initiator_key", a->tx_key, 32);
	vec_bytes(v->out, "responder_key", b->tx_key, 32);
	vec_bytes(v->out, "chain_key", a->chain_key, 32);
}

void exchange_data(struct exchange *x, struct vec *v, unsigned who, struct kith_span frames)
{
	uint8_t packet[KITH_UDP_PAYLOAD], copy[KITH_UDP_PAYLOAD];
	struct kith_session *from = &x->session[who], *to = &x->session[!who];
	struct kith_data_header header;
	struct kith_span opened;
	uint64_t counter;
	vec_bytes(v->in, "key", from->tx_key, 32);
	vec_number(v->in, "epoch", from->epoch);
	vec_u64(v->in, "session_name", from->paths.first.name);
	vec_number(v->in, "way", 0);
	vec_u64(v->in, "counter", from->tx_counter);
	vec_span(v->in, "frames", frames);
	memcpy(packet + KITH_TRANSPORT_HEADER, frames.p, frames.len);
	size_t len = kith_session_seal(from, x->world.suite, from->paths.first.name, packet, frames.len);
	VEC_REQUIRE(len > 0);
	const struct kith_data_mark mark = { .counter = from->tx_counter - 1, .epoch = from->epoch };
	uint8_t ad[KITH_TRANSPORT_HEADER];
	kith_data_write(ad, &mark, from->paths.first.name);
	vec_bytes(v->mid, "associated_data", ad, sizeof ad);
	vec_bytes(v->out, "packet", packet, len);

	memcpy(copy, packet, len);
	VEC_REQUIRE(kith_data_parse(&header, vec_span_of(copy, len)));
	VEC_REQUIRE(kith_session_open(to, x->world.suite, x->world.now.mono_us, &header, &opened, &counter) ==
		    KITH_OPEN_OK);
	VEC_REQUIRE(opened.len == frames.len && memcmp(opened.p, frames.p, frames.len) == 0);
}

void exchange_data_again(struct exchange *x, struct vec *v, unsigned who, struct kith_span frames)
{
	uint8_t packet[KITH_UDP_PAYLOAD], ad[KITH_TRANSPORT_HEADER];
	const struct kith_session *from = &x->session[who];
	const struct kith_data_mark mark = { .counter = from->tx_counter - 1, .epoch = from->epoch, .way = 1 };
	vec_bytes(v->in, "key", from->tx_key, 32);
	vec_number(v->in, "epoch", from->epoch);
	vec_u64(v->in, "session_name", exchange_names[!who][1]);
	vec_number(v->in, "way", mark.way);
	vec_u64(v->in, "counter", mark.counter);
	vec_span(v->in, "frames", frames);
	memcpy(packet + KITH_TRANSPORT_HEADER, frames.p, frames.len);
	size_t len = kith_session_seal_again(from, x->world.suite, exchange_names[!who][1], mark.counter, mark.way,
					     packet, frames.len);
	kith_data_write(ad, &mark, exchange_names[!who][1]);
	vec_bytes(v->mid, "associated_data", ad, sizeof ad);
	vec_bytes(v->out, "packet", packet, len);
}
