/* Handshakes. The guard of the responder makes the cookies, so its secrets are drawn here too. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "exchange.h"
#include "session/guard.h"
#include "topics.h"
#include "wire/body.h"

#define ALICE_MS (WORLD_NOW_MS + 1)

/* The responder's half that needs no keys of the handshake. */
struct door {
	struct kith_guard guard;
	struct vec_random random;
	struct kith_hop from;
};

static void door_init(struct door *d, const struct exchange *x)
{
	vec_random_init(&d->random, "guard");
	kith_guard_init(&d->guard, x->world.suite, vec_alloc(), &d->random.random, x->self[RESPONDER].dh_pk,
			&x->world.network, 64, WORLD_NOW_MS);
	d->from = (struct kith_hop){ .remote = world_addr("203.0.113.9:40000") };
}

static struct kith_hs_header header_of(const struct kith_handshake *hs)
{
	struct kith_hs_header header;
	VEC_REQUIRE(kith_hs_parse(&header, vec_span_of(hs->packet, hs->len)));
	return header;
}

static void cookie(struct vec_topic *topic, struct exchange *x, struct door *d, const char *name, const char *shows,
		   bool anew, uint8_t packet[KITH_COOKIE_PACKET_LEN])
{
	struct vec v = vec_begin(topic, name, "3.3", shows);
	struct kith_handshake *hs = &x->hs[INITIATOR];
	struct kith_hs_header header = header_of(hs);
	kith_guard_cookie(&d->guard, x->world.now.mono_us, &header, &d->from, anew, packet);
	uint8_t cookie[KITH_COOKIE_LEN], epoch[KITH_COOKIE_LEN];
	VEC_REQUIRE(kith_cookie_open(x->world.suite, &hs->mac_keys, header.mac1,
				     vec_span_of(packet, KITH_COOKIE_PACKET_LEN), cookie, epoch, &anew) == 0);
	vec_covers(&v, "packet", "COOKIE");
	vec_bytes(v.in, "hello", hs->packet, hs->len);
	vec_bytes(v.in, "responder_static_public", x->self[RESPONDER].dh_pk, 32);
	vec_bytes(v.in, "secret", d->guard.secret[0], 32);
	vec_address(v.in, "from", &d->from.remote);
	vec_number(v.in, "transport", d->from.transport);
	vec_u64(v.in, "tunnel", d->from.tunnel);
	vec_number(v.in, "flags", anew);
	vec_bytes(v.in, "nonce", d->random.last, 24);
	vec_bytes(v.mid, "cookie", cookie, sizeof cookie);
	vec_bytes(v.mid, "epoch", epoch, sizeof epoch);
	vec_bytes(v.mid, "cookie_key", hs->mac_keys.cookie, 32);
	vec_bytes(v.mid, "mac1", header.mac1, KITH_MAC_LEN);
	vec_bytes(v.out, "packet", packet, KITH_COOKIE_PACKET_LEN);
	vec_end(&v);
}

/* The initiator takes the cookie; the responder believes the address then. */
static void with_mac2(struct vec_topic *topic, struct exchange *x, struct door *d, const char *name,
		      const uint8_t packet[KITH_COOKIE_PACKET_LEN])
{
	struct vec v = vec_begin(topic, name, "3.3", "The same HELLO once more, with the cookie's mac2.");
	struct kith_handshake *hs = &x->hs[INITIATOR];
	vec_covers(&v, "packet", "HELLO");
	vec_bytes(v.in, "hello", hs->packet, hs->len);
	VEC_REQUIRE(kith_handshake_cookie(hs, vec_span_of(packet, KITH_COOKIE_PACKET_LEN)) == 0);
	vec_bytes(v.in, "cookie", hs->cookie, sizeof hs->cookie);
	vec_bytes(v.out, "packet", hs->packet, hs->len);
	struct kith_hs_header header = header_of(hs);
	VEC_REQUIRE(kith_guard_check(&d->guard, x->world.now.mono_us, &header, &d->from, false) == KITH_GUARD_PASS);
	vec_end(&v);
}

static void keys(struct vec_topic *topic, struct exchange *x, const char *name)
{
	struct vec v = vec_begin(topic, name, "3.6", "The keys of both directions and the chain key, from Noise's ck.");
	exchange_keys(x, &v);
	vec_end(&v);
}

/* Both ends' first packets in the keys. */
static void first_data(struct vec_topic *topic, struct exchange *x, const char *prefix)
{
	static const uint8_t keepalive[] = { KITH_FRAME_KEEPALIVE, 0, 1, 0 };
	static const uint8_t probe[] = { KITH_FRAME_PROBE, 0, 10, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 1, 0, 0 };
	char name[64];
	for (unsigned who = INITIATOR; who <= RESPONDER; who++) {
		int n = snprintf(name, sizeof name, "%s data of the %s", prefix,
				 who == INITIATOR ? "initiator" : "responder");
		VEC_REQUIRE(n > 0 && (size_t)n < sizeof name);
		struct vec v = vec_begin(topic, name, "4",
					 who == INITIATOR
						 ? "The first packet: KEEPALIVE with sequence 0. It opens the session."
						 : "The responder's first packet: a PROBE.");
		vec_covers(&v, "packet", "DATA");
		exchange_data(x, &v, who,
			      who == INITIATOR ? vec_span_of(keepalive, sizeof keepalive)
					       : vec_span_of(probe, sizeof probe));
		vec_end(&v);
		n = snprintf(name, sizeof name, "second way of the data of the %s",
			     who == INITIATOR ? "initiator" : "responder");
		VEC_REQUIRE(n > 0 && (size_t)n < sizeof name);
		v = vec_begin(topic, name, "4",
			      "The same counter and frames for another path: none of the bytes is the same.");
		exchange_data_again(x, &v, who,
				    who == INITIATOR ? vec_span_of(keepalive, sizeof keepalive)
						     : vec_span_of(probe, sizeof probe));
		vec_end(&v);
	}
}

/* ---- to a supernode ---- */

static const uint8_t attach_request[] = { 0, 0, KITH_REQ_ATTACH, 0x80 }; /* id, kind, an empty map */
/* id, OK, fragment 0 of 1, { 2: the wall clock } */
static const uint8_t attach_answer[] = { 0, 0, 0, 0, 1, 0x81, 0x02, 0xcf, 0, 0, 1, 0xa3, 0x18, 0x5c, 0x50, 0 };

static void write_frame(struct kith_writer *w, enum kith_frame_type type, const uint8_t *body, size_t len)
{
	uint8_t *mark = kith_frame_begin(w, type);
	kith_write_bytes(w, body, len);
	kith_frame_end(w, mark);
}

static void first_hello(struct exchange *x, struct vec *v, bool fresh)
{
	uint8_t payload[KITH_UDP_PAYLOAD];
	struct kith_writer w = kith_writer_of(payload, sizeof payload);
	const struct kith_handshake *hs = &x->hs[INITIATOR];
	vec_covers(v, "packet", "HELLO");
	exchange_hello_frame(x, INITIATOR, ALICE_MS, x->self[INITIATOR].chain, &w, v->in);
	if (fresh) {
		vec_bytes(v->in, "fresh", hs->epoch, KITH_COOKIE_LEN);
		write_frame(&w, KITH_FRAME_FRESH, hs->epoch, KITH_COOKIE_LEN);
		vec_bytes(v->in, "cookie", hs->cookie, KITH_COOKIE_LEN);
	} else {
		vec_bytes(v->in, "request", attach_request, sizeof attach_request);
		write_frame(&w, KITH_FRAME_REQUEST, attach_request, sizeof attach_request);
	}
	exchange_hello(x, v, vec_span_of(payload, kith_writer_len(&w)), KITH_UDP_PAYLOAD);
}

static void first_reply(struct vec_topic *topic, struct exchange *x)
{
	uint8_t payload[KITH_UDP_PAYLOAD];
	struct kith_writer w = kith_writer_of(payload, sizeof payload);
	struct vec v =
		vec_begin(topic, "reply", "3",
			  "The supernode's answer: it repeats the timestamp and the call id, and answers ATTACH.");
	vec_covers(&v, "packet", "REPLY");
	exchange_hello_frame(x, RESPONDER, ALICE_MS, x->self[RESPONDER].chain, &w, v.in);
	vec_bytes(v.in, "answer", attach_answer, sizeof attach_answer);
	write_frame(&w, KITH_FRAME_ANSWER, attach_answer, sizeof attach_answer);
	exchange_reply(x, &v, vec_span_of(payload, kith_writer_len(&w)));
	vec_end(&v);
}

/* ---- what is refused ---- */

static void bad_hello(struct vec_topic *topic, struct exchange *x, struct door *d, const char *name, const char *shows,
		      long at, bool new_mac, const char *why)
{
	struct vec v = vec_begin(topic, name, "3.4", shows);
	struct kith_handshake *hs = &x->hs[INITIATOR];
	uint8_t packet[KITH_UDP_PAYLOAD], buf[KITH_UDP_PAYLOAD];
	struct kith_hs_header header;
	struct kith_handshake responder;
	memcpy(packet, hs->packet, hs->len);
	vec_damage(packet, hs->len, at);
	if (new_mac)
		kith_mac_write(x->world.suite, &hs->mac_keys, NULL, packet, hs->len);
	vec_bytes(v.in, "responder_static_secret", x->self[RESPONDER].dh_sk, 32);
	vec_bytes(v.in, "network_id", x->world.network.b, KITH_ID_LEN);
	vec_bytes(v.in, "packet", packet, hs->len);
	bool parsed = kith_hs_parse(&header, vec_span_of(packet, hs->len));
	if (parsed && header.version == KITH_WIRE_VERSION) {
		enum kith_guard_verdict verdict =
			kith_guard_check(&d->guard, x->world.now.mono_us, &header, &d->from, false);
		VEC_REQUIRE((verdict == KITH_GUARD_BAD_MAC) == !new_mac);
		if (new_mac)
			VEC_REQUIRE(kith_handshake_read_hello(&responder, &x->self[RESPONDER], &header, buf) < 0);
	}
	vec_dropped(&v, why);
	vec_end(&v);
}

static void bad_hellos(struct vec_topic *topic, struct exchange *x, struct door *d)
{
	bad_hello(topic, x, d, "hello, mac1 damaged", "The last byte of mac1 is another.", -KITH_MAC_LEN - 1, false,
		  "mac1 is wrong: dropped after one hash");
	bad_hello(topic, x, d, "hello, payload damaged", "A byte of the sealed payload is another, mac1 fits.", 200,
		  true, "the Noise message does not authenticate");
	bad_hello(topic, x, d, "hello, purpose altered", "The purpose in the header is another: mac1 covers it.", 3,
		  false, "mac1 is wrong: dropped after one hash");
	bad_hello(topic, x, d, "hello, version 0", "Another version: a supernode answers VERSION.", 1, false,
		  "a version that is not spoken");
}

/* The initiator's state must be the same afterwards: the genuine REPLY is read next. */
static void bad_reply(struct vec_topic *topic, struct exchange *x)
{
	struct vec v = vec_begin(topic, "reply damaged", "3.5",
				 "A forged REPLY changes nothing: the genuine one is still taken.");
	struct kith_handshake forged = x->hs[RESPONDER];
	struct kith_hs_header header;
	uint8_t buf[KITH_UDP_PAYLOAD];
	vec_damage(forged.packet, forged.len, -1);
	VEC_REQUIRE(kith_hs_parse(&header, vec_span_of(forged.packet, forged.len)));
	VEC_REQUIRE(kith_handshake_read_reply(&x->hs[INITIATOR], &header, buf) == KITH_EAUTH);
	vec_bytes(v.in, "network_id", x->world.network.b, KITH_ID_LEN);
	vec_bytes(v.in, "initiator_static_secret", x->self[INITIATOR].dh_sk, 32);
	vec_bytes(v.in, "initiator_ephemeral_secret", x->initiator_e, sizeof x->initiator_e);
	vec_bytes(v.in, "responder_static_secret", x->self[RESPONDER].dh_sk, 32);
	vec_bytes(v.in, "hello", x->hello, x->hello_len);
	vec_bytes(v.in, "packet", forged.packet, forged.len);
	vec_dropped(&v, "the Noise message does not authenticate");
	vec_end(&v);
}

/* packet is sealed by the initiator, not yet heard. */
static void bad_data(struct vec_topic *topic, struct exchange *x)
{
	static const struct {
		const char *name, *shows;
		long at;
		enum kith_open_verdict verdict;
		const char *why;
	} cases[] = {
		{ "data, tag damaged", "The last byte is another.", -1, KITH_OPEN_NOT_AUTHENTIC,
		  "does not authenticate" },
		{ "data, counter damaged", "The counter is part of the associated data and of the nonce.", 6,
		  KITH_OPEN_NOT_AUTHENTIC, "does not authenticate" },
		{ "data, name damaged", "The name is part of the associated data.", 15, KITH_OPEN_NOT_AUTHENTIC,
		  "does not authenticate" },
		{ "data, another epoch", "Nobody agreed on keys of epoch 1.", 0, KITH_OPEN_NOT_AUTHENTIC,
		  "the epoch is neither this one nor the next that was agreed on" },
		{ "data, replayed", "A packet whose counter was seen.", 0, KITH_OPEN_REPLAYED,
		  "the counter is in the replay window" },
	};
	static const uint8_t idle[] = { KITH_FRAME_IDLE, 0, 1, 0 };
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint8_t packet[64];
		struct kith_data_header header;
		struct kith_span opened;
		uint64_t counter;
		struct kith_session from = x->session[INITIATOR], to = x->session[RESPONDER];
		bool replayed = cases[i].verdict == KITH_OPEN_REPLAYED;
		from.epoch = cases[i].at == 0 && !replayed;
		if (replayed)
			from.tx_counter = 0;
		memcpy(packet + KITH_TRANSPORT_HEADER, idle, sizeof idle);
		size_t len = kith_session_seal(&from, x->world.suite, from.paths.first.name, packet, sizeof idle);
		if (cases[i].at != 0)
			vec_damage(packet, len, cases[i].at);
		struct vec v = vec_begin(topic, cases[i].name, "4", cases[i].shows);
		vec_bytes(v.in, "key", to.rx_key, 32);
		vec_number(v.in, "epoch", to.epoch);
		vec_number(v.in, "counters_seen", 1);
		vec_bytes(v.in, "packet", packet, len);
		VEC_REQUIRE(kith_data_parse(&header, vec_span_of(packet, len)));
		VEC_REQUIRE(kith_session_open(&to, x->world.suite, x->world.now.mono_us, &header, &opened, &counter) ==
			    cases[i].verdict);
		vec_dropped(&v, cases[i].why);
		vec_end(&v);
	}
}

static void fill_handshake(struct vec_topic *topic, struct exchange *x)
{
	struct door d;
	uint8_t packet[KITH_COOKIE_PACKET_LEN];
	exchange_init(x, false);
	door_init(&d, x);
	struct vec v = vec_begin(topic, "hello", "3",
				 "A leaf's first message to a supernode: the full chain, and ATTACH inside.");
	first_hello(x, &v, false);
	vec_end(&v);
	bad_hellos(topic, x, &d);
	cookie(topic, x, &d, "cookie", "A responder asks for a proof of the address.", false, packet);
	with_mac2(topic, x, &d, "hello with mac2", packet);
	exchange_read_hello(x);
	first_reply(topic, x);
	bad_reply(topic, x);
	exchange_read_reply(x);
	keys(topic, x, "keys");
	first_data(topic, x, "first");
	bad_data(topic, x);
	kith_guard_deinit(&d.guard);
}

static void fill_anew(struct vec_topic *topic, struct exchange *x)
{
	struct door d;
	uint8_t anew[KITH_COOKIE_PACKET_LEN];
	exchange_init(x, false);
	door_init(&d, x);
	struct vec v = vec_begin(topic, "the first hello once more", "", "");
	first_hello(x, &v, false);
	vec_drop(topic, &v);
	cookie(topic, x, &d, "cookie, anew", "A responder asks for a message made now.", true, anew);
	VEC_REQUIRE(kith_handshake_cookie(&x->hs[INITIATOR], vec_span_of(anew, sizeof anew)) == 1);
	v = vec_begin(topic, "hello made anew", "3.3",
		      "The HELLO made anew for a COOKIE with flags 1: same call id, FRESH, a new ephemeral, no "
		      "request; mac2 by "
		      "the cookie.");
	first_hello(x, &v, true);
	vec_end(&v);
	VEC_REQUIRE(kith_guard_epoch(&d.guard, x->world.now.mono_us, x->hs[INITIATOR].epoch));
	kith_guard_deinit(&d.guard);
}

/* ---- a call to a person ---- */

static void call_hello(struct vec_topic *topic, struct exchange *x, bool cancel)
{
	static const char service[] = "chat";
	uint8_t payload[KITH_UDP_PAYLOAD], brief[KITH_CHAIN_MAX];
	struct kith_writer w = kith_writer_of(payload, sizeof payload);
	struct vec v = cancel ? vec_begin(topic, "call hello with cancel", "3.8",
					  "The call is given up: the same call id, a new timestamp, CANCEL.")
			      : vec_begin(topic, "call hello", "3.1",
					  "A call to a person, which travels inside INTRODUCE and is padded for that.");
	size_t pad_to = KITH_UDP_PAYLOAD -
			(KITH_IK_HELLO_OVERHEAD + 35 + kith_chain_brief(x->self[INITIATOR].chain, brief).len + 40);
	vec_covers(&v, "packet", "HELLO");
	exchange_hello_frame(x, INITIATOR, ALICE_MS + cancel, x->self[INITIATOR].chain, &w, v.in);
	vec_text(v.in, "service", service);
	write_frame(&w, KITH_FRAME_SERVICE, (const uint8_t *)service, sizeof service - 1);
	vec_bool(v.in, "cancel", cancel);
	if (cancel)
		write_frame(&w, KITH_FRAME_CANCEL, NULL, 0);
	exchange_hello(x, &v, vec_span_of(payload, kith_writer_len(&w)), pad_to);
	vec_end(&v);
}

static void call_reply(struct vec_topic *topic, struct exchange *x)
{
	static const uint8_t accepted[2] = { 0, 0 };
	static const uint8_t id[16] = { 0xb0, 0xb1, 0xb2 };
	uint8_t payload[KITH_UDP_PAYLOAD];
	struct kith_writer w = kith_writer_of(payload, sizeof payload);
	struct vec v = vec_begin(topic, "call reply", "3.7",
				 "The callee accepts, and this answers its own call of the same moment too (CROSSED).");
	vec_covers(&v, "packet", "REPLY");
	exchange_hello_frame(x, RESPONDER, ALICE_MS, x->self[RESPONDER].chain, &w, v.in);
	vec_number(v.in, "verdict", 0);
	write_frame(&w, KITH_FRAME_VERDICT, accepted, sizeof accepted);
	vec_number(v.in, "crossed_timestamp_ms", ALICE_MS - 7);
	vec_bytes(v.in, "crossed_call_id", id, sizeof id);
	uint8_t *mark = kith_frame_begin(&w, KITH_FRAME_CROSSED);
	kith_write_u64(&w, (uint64_t)(ALICE_MS - 7));
	kith_write_bytes(&w, id, sizeof id);
	kith_frame_end(&w, mark);
	exchange_reply(x, &v, vec_span_of(payload, kith_writer_len(&w)));
	exchange_read_reply(x);
	vec_end(&v);
}

static void fill_call(struct vec_topic *topic, struct exchange *x)
{
	exchange_init(x, true);
	call_hello(topic, x, false);
	exchange_read_hello(x);
	call_reply(topic, x);
	call_hello(topic, x, true);
}

/* ---- before the key is known ---- */

static void question(struct vec_topic *topic, struct exchange *x, struct door *d)
{
	struct kith_handshake *hs = &x->hs[INITIATOR];
	struct kith_who who;
	struct kith_mac_keys keys;
	struct vec v = vec_begin(topic, "who", "3.10",
				 "A leaf asks whose address it has: zeros, and a MAC that the network keys.");
	vec_covers(&v, "packet", "WHO");
	kith_handshake_ask(hs, &x->self[INITIATOR], EXCHANGE_INITIATOR_INDEX);
	kith_mac_keys_derive(&keys, x->world.suite, x->world.network.b);
	vec_bytes(v.in, "network_id", x->world.network.b, KITH_ID_LEN);
	vec_number(v.in, "sender_index", EXCHANGE_INITIATOR_INDEX);
	vec_number(v.in, "length", hs->len);
	vec_bytes(v.mid, "mac1_key", keys.mac, sizeof keys.mac);
	vec_bytes(v.out, "packet", hs->packet, hs->len);
	VEC_REQUIRE(kith_who_parse(&who, vec_span_of(hs->packet, hs->len)) &&
		    kith_guard_who(&d->guard, x->world.now.mono_us, &who, &d->from) == KITH_GUARD_PASS);
	vec_end(&v);

	v = vec_begin(topic, "who, mac damaged", "3.10", "The last byte is another.");
	uint8_t packet[KITH_UDP_PAYLOAD];
	memcpy(packet, hs->packet, hs->len);
	vec_damage(packet, hs->len, -1);
	vec_bytes(v.in, "network_id", x->world.network.b, KITH_ID_LEN);
	vec_bytes(v.in, "packet", packet, hs->len);
	VEC_REQUIRE(kith_who_parse(&who, vec_span_of(packet, hs->len)) &&
		    kith_guard_who(&d->guard, x->world.now.mono_us, &who, &d->from) == KITH_GUARD_BAD_MAC);
	vec_dropped(&v, "mac1 is wrong: dropped after one hash");
	vec_end(&v);
}

static void answer(struct vec_topic *topic, struct exchange *x)
{
	uint8_t packet[KITH_UDP_PAYLOAD];
	uint32_t receiver;
	struct kith_span chain = x->self[RESPONDER].chain, read;
	size_t len = KITH_HS_HEADER + chain.len;
	struct vec v = vec_begin(topic, "iam", "3.10", "The supernode answers with its certificates.");
	vec_covers(&v, "packet", "IAM");
	vec_number(v.in, "receiver_index", EXCHANGE_INITIATOR_INDEX);
	vec_span(v.in, "chain", chain);
	kith_hs_write(packet, KITH_PKT_IAM, 0, EXCHANGE_INITIATOR_INDEX);
	memcpy(packet + KITH_HS_HEADER, chain.p, chain.len);
	vec_bytes(v.out, "packet", packet, len);
	VEC_REQUIRE(kith_iam_parse(&receiver, &read, vec_span_of(packet, len)));
	VEC_REQUIRE(receiver == EXCHANGE_INITIATOR_INDEX && read.len == chain.len);
	vec_end(&v);

	v = vec_begin(topic, "iam, reserved bytes", "3.10", "Where a sender's index is elsewhere, a bit is set.");
	packet[4] = 1;
	vec_bytes(v.in, "packet", packet, len);
	VEC_REQUIRE(!kith_iam_parse(&receiver, &read, vec_span_of(packet, len)));
	vec_dropped(&v, "the reserved bytes are not zero");
	vec_end(&v);
}

static void fill_who(struct vec_topic *topic, struct exchange *x)
{
	struct door d;
	exchange_init(x, false);
	door_init(&d, x);
	question(topic, x, &d);
	answer(topic, x);
	kith_guard_deinit(&d.guard);
}

void topic_handshake(struct vec_topic *topic)
{
	struct exchange *x = KITH_NEW(vec_alloc(), struct exchange);
	fill_handshake(topic, x);
	fill_anew(topic, x);
	fill_call(topic, x);
	fill_who(topic, x);
	KITH_FREE(vec_alloc(), x);
}
