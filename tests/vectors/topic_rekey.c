/* Keys that change: both orders of asking, and the packets around the change. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "exchange.h"
#include "topics.h"
#include "wire/message.h"

/* A session that is open, with the keys of an IK handshake. That itself is told by another topic. */
static void open_session(struct vec_topic *topic, struct exchange *x)
{
	uint8_t payload[KITH_UDP_PAYLOAD], brief[KITH_CHAIN_MAX];
	struct kith_writer w = kith_writer_of(payload, sizeof payload);
	exchange_init(x, false);
	struct vec v = vec_begin(topic, "hello", "", "");
	exchange_hello_frame(x, INITIATOR, WORLD_NOW_MS, kith_chain_brief(x->self[INITIATOR].chain, brief), &w, v.in);
	exchange_hello(x, &v, vec_span_of(payload, kith_writer_len(&w)), KITH_UDP_PAYLOAD);
	exchange_read_hello(x);
	vec_drop(topic, &v);
	v = vec_begin(topic, "reply", "", "");
	exchange_reply(x, &v, vec_span_of(payload, kith_writer_len(&w)));
	exchange_read_reply(x);
	vec_drop(topic, &v);
	v = vec_begin(topic, "keys", "", "");
	exchange_keys(x, &v);
	vec_drop(topic, &v);
}

static size_t request_frame(uint8_t *out, size_t cap, uint8_t epoch, const uint8_t key[32])
{
	struct kith_msg_rekey m = { .epoch = epoch };
	uint8_t body[64];
	struct kith_writer w = kith_writer_of(out, cap);
	memcpy(m.ephemeral.b, key, KITH_KEY_LEN);
	uint8_t *mark = kith_frame_begin(&w, KITH_FRAME_REQUEST);
	kith_write_u16(&w, 7);
	kith_write_u8(&w, KITH_REQ_REKEY);
	kith_write_bytes(&w, body, kith_msg_rekey_write(body, sizeof body, &m));
	kith_frame_end(&w, mark);
	VEC_REQUIRE(!w.bad);
	return kith_writer_len(&w);
}

static size_t answer_frame(uint8_t *out, size_t cap, const uint8_t key[32])
{
	struct kith_msg_rekeyed m;
	uint8_t body[64];
	struct kith_writer w = kith_writer_of(out, cap);
	memcpy(m.ephemeral.b, key, KITH_KEY_LEN);
	uint8_t *mark = kith_frame_begin(&w, KITH_FRAME_ANSWER);
	kith_write_u16(&w, 7);
	kith_write_u8(&w, KITH_STATUS_OK);
	kith_write_u8(&w, 0);
	kith_write_u8(&w, 1);
	kith_write_bytes(&w, body, kith_msg_rekeyed_write(body, sizeof body, &m));
	kith_frame_end(&w, mark);
	VEC_REQUIRE(!w.bad);
	return kith_writer_len(&w);
}

/* The asker's request, the answerer's keys, and the answer: three vectors. Keys change at the asker. */
static void change(struct vec_topic *topic, struct exchange *x, unsigned asker)
{
	const struct kith_alloc *alloc = vec_alloc();
	struct kith_session *a = &x->session[asker], *b = &x->session[!asker];
	const char *who = asker == INITIATOR ? "the initiator asks" : "the responder asks";
	uint8_t ask_pk[32], answer_pk[32], shared[32], frame[128];
	char name[64];
	snprintf(name, sizeof name, "%s", who);
	struct vec v = vec_begin(topic, name, "6.3", "REKEY with a fresh key, sealed in the old keys.");
	vec_covers(&v, "request", "REKEY");
	vec_covers(&v, "packet", "DATA");
	VEC_REQUIRE(kith_rekey_ask(a, &x->self[asker], alloc, ask_pk) == 0);
	vec_bytes(v.in, "ephemeral_secret", a->rekey->e_sk, 32);
	vec_number(v.in, "request_id", 7);
	vec_bytes(v.mid, "ephemeral_public", ask_pk, 32);
	size_t len = request_frame(frame, sizeof frame, (uint8_t)(a->epoch + 1), ask_pk);
	vec_bytes(v.out, "frame", frame, len);
	exchange_data(x, &v, asker, vec_span_of(frame, len));
	vec_end(&v);

	snprintf(name, sizeof name, "%s, new keys", who);
	v = vec_begin(topic, name, "3.6", "chain', seed = HKDF(chain, DH); the sending keys = HKDF(seed, \"\").");
	vec_bytes(v.in, "asker_ephemeral_secret", a->rekey->e_sk, 32);
	vec_bytes(v.in, "chain_key", b->chain_key, 32);
	VEC_REQUIRE(kith_rekey_answer(b, &x->self[!asker], alloc, x->world.now.mono_us, (uint8_t)(a->epoch + 1), ask_pk,
				      answer_pk) == 0);
	vec_bytes(v.in, "answerer_ephemeral_secret", x->random[!asker].last, 32);
	VEC_REQUIRE(x->world.suite->dh(shared, x->random[!asker].last, ask_pk) == 0);
	vec_bytes(v.mid, "dh", shared, sizeof shared);
	vec_bytes(v.out, "chain_key", b->rekey->next_chain, 32);
	vec_bytes(v.out, "initiator_key", asker == INITIATOR ? b->rekey->next_rx : b->rekey->next_tx, 32);
	vec_bytes(v.out, "responder_key", asker == INITIATOR ? b->rekey->next_tx : b->rekey->next_rx, 32);
	vec_end(&v);

	snprintf(name, sizeof name, "%s, the answer", who);
	v = vec_begin(topic, name, "6.3", "The answer is sealed in the old keys still.");
	vec_covers(&v, "answer", "REKEY");
	vec_covers(&v, "packet", "DATA");
	vec_bytes(v.in, "ephemeral_public", answer_pk, 32);
	vec_number(v.in, "request_id", 7);
	len = answer_frame(frame, sizeof frame, answer_pk);
	vec_bytes(v.out, "frame", frame, len);
	exchange_data(x, &v, !asker, vec_span_of(frame, len));
	vec_end(&v);
	VEC_REQUIRE(kith_rekey_finish(a, &x->self[asker], x->world.now.mono_us, answer_pk) == 0);
}

/* The asker begins; the answerer follows when that opens. */
static void use(struct vec_topic *topic, struct exchange *x, unsigned asker, const char *asker_name,
		const char *answerer_name)
{
	static const uint8_t idle[] = { KITH_FRAME_IDLE, 0, 1, 0 };
	for (unsigned turn = 0; turn < 2; turn++) {
		struct vec v = vec_begin(topic, turn == 0 ? asker_name : answerer_name, "3.6",
					 turn == 0 ? "The asker's first packet in the new keys; the counter goes on."
						   : "The answerer's, once it has heard that.");
		vec_covers(&v, "packet", "DATA");
		exchange_data(x, &v, turn == 0 ? asker : !asker, vec_span_of(idle, sizeof idle));
		vec_end(&v);
	}
	VEC_REQUIRE(memcmp(x->session[INITIATOR].tx_key, x->session[RESPONDER].rx_key, 32) == 0);
	VEC_REQUIRE(x->session[INITIATOR].epoch == x->session[RESPONDER].epoch);
}

static void forget(struct exchange *x)
{
	for (unsigned who = INITIATOR; who <= RESPONDER; who++) {
		x->session[who].rekey->old_until = 0;
		x->session[who].rekey->retry_at = 0;
		kith_rekey_tick(&x->session[who], vec_alloc(), x->world.now.mono_us);
		VEC_REQUIRE(x->session[who].rekey == NULL);
	}
}

void topic_rekey(struct vec_topic *topic)
{
	struct exchange *x = KITH_NEW(vec_alloc(), struct exchange);
	open_session(topic, x);
	change(topic, x, INITIATOR);
	use(topic, x, INITIATOR, "the initiator asks, first packet", "the initiator asks, first packet back");
	forget(x);
	change(topic, x, RESPONDER);
	use(topic, x, RESPONDER, "the responder asks, first packet", "the responder asks, first packet back");
	forget(x);
	KITH_FREE(vec_alloc(), x);
}
