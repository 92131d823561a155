/* Outer packets that need no key. */
#include <string.h>

#include "topics.h"
#include "wire/packet.h"

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

/* First bytes and lengths that are no packet. */
static void nothing(struct vec_topic *topic)
{
	static const struct {
		const char *name, *shows;
		uint8_t bytes[20];
		size_t len;
	} cases[] = {
		{ "no type of ours", "0xEC is none.", { 0xec, 0, 0, 0, 1, 2, 3, 4 }, 8 },
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
	nothing(topic);
}
