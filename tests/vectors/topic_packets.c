/* Outer packets that need no key. */
#include <string.h>

#include "topics.h"
#include "wire/packet.h"
#include "wire/where.h"

static const uint8_t gone[KITH_GONE_PACKET_LEN] = { KITH_PKT_GONE, 0,	 0,    0,    0x01, 0xa1,
						    0xb2,	   0xc3, 0xd4, 0xe5, 0xf6, 0x07 };

static void tunnel(struct vec_topic *topic)
{
	enum { LEN = KITH_TUNNEL_HEADER + sizeof gone };
	uint8_t packet[LEN];
	const uint64_t id = UINT64_C(0x0011223344556677);
	struct vec v =
		vec_begin(topic, "tunnel", "12", "A packet inside a tunnel, here a GONE: it is not read on the way.");
	vec_covers(&v, "packet", "TUNNEL");
	vec_u64(v.in, "tunnel", id);
	vec_bytes(v.in, "inner", gone, sizeof gone);
	kith_tunnel_write(packet, id);
	memcpy(packet + KITH_TUNNEL_HEADER, gone, sizeof gone);
	vec_bytes(v.out, "packet", packet, sizeof packet);
	vec_end(&v);

	uint64_t read;
	struct kith_span inner;
	VEC_REQUIRE(kith_tunnel_parse(&read, &inner, vec_span_of(packet, sizeof packet)) && read == id);
	v = vec_begin(topic, "tunnel, reserved byte", "12", "One of the three reserved bytes is 1.");
	packet[2] = 1;
	vec_bytes(v.in, "packet", packet, sizeof packet);
	VEC_REQUIRE(!kith_tunnel_parse(&read, &inner, vec_span_of(packet, sizeof packet)));
	vec_dropped(&v, "the reserved bytes are not zero");
	vec_end(&v);

	v = vec_begin(topic, "tunnel, empty", "12", "Nothing inside.");
	kith_tunnel_write(packet, id);
	vec_bytes(v.in, "packet", packet, KITH_TUNNEL_HEADER);
	VEC_REQUIRE(kith_packet_type(vec_span_of(packet, KITH_TUNNEL_HEADER)) == 0);
	vec_dropped(&v, "shorter than its type allows");
	vec_end(&v);
}

static void hints(struct vec_topic *topic)
{
	uint8_t packet[KITH_VERSION_PACKET_LEN];
	uint64_t name;
	struct vec v = vec_begin(topic, "gone", "2", "No session has that name.");
	vec_covers(&v, "packet", "GONE");
	vec_u64(v.in, "session_name", UINT64_C(0x01a1b2c3d4e5f607));
	kith_gone_write(packet, UINT64_C(0x01a1b2c3d4e5f607));
	VEC_REQUIRE(memcmp(packet, gone, sizeof gone) == 0);
	vec_bytes(v.out, "packet", packet, KITH_GONE_PACKET_LEN);
	vec_end(&v);

	v = vec_begin(topic, "gone, reserved byte", "2", "One of the three reserved bytes is 1.");
	packet[3] = 1;
	vec_bytes(v.in, "packet", packet, KITH_GONE_PACKET_LEN);
	VEC_REQUIRE(!kith_gone_parse(&name, vec_span_of(packet, KITH_GONE_PACKET_LEN)));
	vec_dropped(&v, "the reserved bytes are not zero");
	vec_end(&v);

	v = vec_begin(topic, "version", "2", "Answers a HELLO of another version: version 1 is spoken here.");
	vec_covers(&v, "packet", "VERSION");
	vec_number(v.in, "lowest", KITH_WIRE_VERSION);
	vec_number(v.in, "highest", KITH_WIRE_VERSION);
	vec_number(v.in, "receiver_index", 0x01a1b2c3);
	vec_number(v.in, "why", KITH_WHY_VERSION);
	kith_version_write(packet, 0x01a1b2c3, KITH_WHY_VERSION);
	vec_bytes(v.out, "packet", packet, KITH_VERSION_PACKET_LEN);
	vec_end(&v);

	v = vec_begin(topic, "version, full", "2", "Version 1 is spoken here, but there is room for no session more.");
	vec_number(v.in, "lowest", KITH_WIRE_VERSION);
	vec_number(v.in, "highest", KITH_WIRE_VERSION);
	vec_number(v.in, "receiver_index", 0x01a1b2c3);
	vec_number(v.in, "why", KITH_WHY_FULL);
	kith_version_write(packet, 0x01a1b2c3, KITH_WHY_FULL);
	vec_bytes(v.out, "packet", packet, KITH_VERSION_PACKET_LEN);
	vec_end(&v);
}

static void knock(struct vec_topic *topic)
{
	uint8_t packet[KITH_KNOCK_PACKET_LEN];
	uint64_t name, number;
	struct vec v = vec_begin(topic, "knock", "2", "A stranger shows that it reaches a candidate.");
	vec_covers(&v, "packet", "KNOCK");
	vec_u64(v.in, "session_name", UINT64_C(0x01a1b2c3d4e5f607));
	vec_u64(v.in, "number", UINT64_C(0x1122334455667788));
	kith_knock_write(packet, UINT64_C(0x01a1b2c3d4e5f607), UINT64_C(0x1122334455667788));
	vec_bytes(v.out, "packet", packet, sizeof packet);
	vec_end(&v);

	v = vec_begin(topic, "knock, reserved byte", "2", "One of the three reserved bytes is 1.");
	packet[3] = 1;
	vec_bytes(v.in, "packet", packet, sizeof packet);
	VEC_REQUIRE(!kith_knock_parse(&name, &number, vec_span_of(packet, sizeof packet)));
	vec_dropped(&v, "the reserved bytes are not zero");
	vec_end(&v);
}

/* A leaf's question, which pays for two, and an answer. */
static void echo(struct vec_topic *topic)
{
	uint8_t packet[KITH_ECHO_PAID_LEN];
	struct kith_echo e = { .what = KITH_ECHO_OTHER, .number = UINT64_C(0x1122334455667788), .paid = true }, got;
	struct vec v = vec_begin(topic, "echo, question", "5.10", "Another supernode is to send one as well.");
	vec_covers(&v, "packet", "ECHO");
	vec_number(v.in, "what", e.what);
	vec_u64(v.in, "number", e.number);
	kith_echo_write(packet, &e);
	vec_bytes(v.out, "packet", packet, sizeof packet);
	vec_end(&v);

	v = vec_begin(topic, "echo, question that pays with other bytes than zeros", "5.10", "The last byte is 1.");
	packet[sizeof packet - 1] = 1;
	vec_bytes(v.in, "packet", packet, sizeof packet);
	VEC_REQUIRE(!kith_echo_parse(&got, vec_span_of(packet, sizeof packet)));
	vec_dropped(&v, "the bytes behind it are not zero");
	vec_end(&v);

	e = (struct kith_echo){ .what = 3, .number = e.number };
	e.seen = (struct kith_addr){ .family = KITH_FAMILY_V4, .port = 30000, .ip = { 192, 0, 2, 7 } };
	v = vec_begin(topic, "echo, answer", "5.10", "After the third delay, to 192.0.2.7, port 30000.");
	vec_covers(&v, "packet", "ECHO");
	vec_number(v.in, "what", e.what);
	vec_u64(v.in, "number", e.number);
	vec_number(v.in, "port", e.seen.port);
	vec_bytes(v.in, "ip", e.seen.ip, 4);
	kith_echo_write(packet, &e);
	vec_bytes(v.out, "packet", packet, KITH_ECHO_PACKET_LEN);
	vec_end(&v);
}

/* A question to all on the link, and its answer. The chain is any bytes: it is looked at after the seal. */
static void nearby(struct vec_topic *topic)
{
	static const char chain[] = "certificates of whoever it is from";
	const struct kith_suite *suite = kith_suite_sodium();
	uint8_t asker_seed[KITH_SEED_LEN], sought_seed[KITH_SEED_LEN];
	struct kith_where_parties parties;
	struct kith_where_body body = { .made_ms = INT64_C(1800000000123),
					.chain = { (const uint8_t *)chain, sizeof chain - 1 } };
	uint8_t number[KITH_XNONCE_LEN], own[KITH_XNONCE_LEN], pk[KITH_KEY_LEN], sk[KITH_SIGN_SK_LEN];
	uint8_t where[KITH_WHERE_LEN], here[KITH_HERE_LEN], key[KITH_WHERE_KEY_LEN];
	memset(asker_seed, 0x51, sizeof asker_seed);
	memset(sought_seed, 0x52, sizeof sought_seed);
	memset(number, 0x61, sizeof number);
	memset(own, 0x62, sizeof own);
	memset(parties.network.b, 0x71, sizeof parties.network.b);
	memset(parties.asker.b, 0x72, sizeof parties.asker.b);
	memset(parties.sought.b, 0x73, sizeof parties.sought.b);

	struct vec v = vec_begin(topic, "where", "3.11", "A contact is asked for on the link.");
	vec_covers(&v, "packet", "WHERE");
	vec_bytes(v.in, "network", parties.network.b, sizeof parties.network.b);
	vec_bytes(v.in, "asker", parties.asker.b, sizeof parties.asker.b);
	vec_bytes(v.in, "sought", parties.sought.b, sizeof parties.sought.b);
	vec_bytes(v.in, "device_seed", asker_seed, sizeof asker_seed);
	vec_number(v.in, "port", 4711);
	vec_number(v.in, "index", 0x01a1b2c3);
	vec_bytes(v.in, "number", number, sizeof number);
	vec_number(v.in, "made_ms", body.made_ms);
	vec_span(v.in, "chain", body.chain);
	kith_where_key(suite, key, &parties.network, &parties.sought);
	vec_bytes(v.mid, "key", key, sizeof key);
	suite->sign_keypair(pk, sk, asker_seed);
	kith_where_write(suite, where, 4711, 0x01a1b2c3, number, &parties, &body, sk);
	vec_bytes(v.out, "packet", where, sizeof where);
	vec_end(&v);

	v = vec_begin(topic, "here", "3.11", "It answers.");
	vec_covers(&v, "packet", "HERE");
	vec_bytes(v.in, "network", parties.network.b, sizeof parties.network.b);
	vec_bytes(v.in, "asker", parties.asker.b, sizeof parties.asker.b);
	vec_bytes(v.in, "sought", parties.sought.b, sizeof parties.sought.b);
	vec_bytes(v.in, "device_seed", sought_seed, sizeof sought_seed);
	vec_number(v.in, "index", 0x01a1b2c3);
	vec_bytes(v.in, "asked", number, sizeof number);
	vec_bytes(v.in, "number", own, sizeof own);
	vec_number(v.in, "made_ms", body.made_ms);
	vec_span(v.in, "chain", body.chain);
	suite->sign_keypair(pk, sk, sought_seed);
	kith_here_write(suite, here, 0x01a1b2c3, own, number, &parties, &body, sk);
	vec_bytes(v.out, "packet", here, sizeof here);
	vec_end(&v);

	struct kith_where_header h;
	v = vec_begin(topic, "where, no port", "3.11", "Nobody could be answered.");
	where[2] = where[3] = 0;
	vec_bytes(v.in, "packet", where, sizeof where);
	VEC_REQUIRE(!kith_where_parse(&h, vec_span_of(where, sizeof where)));
	vec_dropped(&v, "the port is zero");
	vec_end(&v);
}

/* First bytes and lengths that are no packet. */
static void nothing(struct vec_topic *topic)
{
	static const struct {
		const char *name, *shows;
		uint8_t bytes[20];
		size_t len;
	} cases[] = {
		{ "no type of ours", "0xEE is none.", { 0xee, 0, 0, 0, 1, 2, 3, 4 }, 8 },
		{ "gone, too short", "One byte is missing.", { KITH_PKT_GONE, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7 }, 11 },
		{ "data, too short", "No room for a tag.", { KITH_PKT_DATA, 0, 0, 0, 1, 2, 3, 4 }, 8 },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct vec v = vec_begin(topic, cases[i].name, "2", cases[i].shows);
		vec_bytes(v.in, "packet", cases[i].bytes, cases[i].len);
		VEC_REQUIRE(kith_packet_type(vec_span_of(cases[i].bytes, cases[i].len)) == 0);
		vec_dropped(&v, "not a packet of this protocol");
		vec_end(&v);
	}
}

void topic_packets(struct vec_topic *topic)
{
	tunnel(topic);
	hints(topic);
	knock(topic);
	echo(topic);
	nearby(topic);
	nothing(topic);
}
