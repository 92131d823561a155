/* Each frame (PROTOCOL.md section 4), written by the module that owns it where there is one. Frames that carry what has
 * a topic of its own are short here. */
#include <string.h>

#include "path/candidate.h"
#include "path/detect.h"
#include "path/probe.h"
#include "topics.h"
#include "wire/body.h"
#include "wire/frame.h"
#include "world.h"

/* A frame in the making. */
struct draft {
	struct vec v;
	uint8_t bytes[KITH_FRAMES_MAX];
	struct kith_writer w;
	uint8_t *mark;
};

static const char *name_of(enum kith_frame_type type)
{
	switch (type) {
#define NAME_CASE(name, value, where)                                                                                  \
	case KITH_FRAME_##name:                                                                                        \
		return #name;
		KITH_FRAME_MAP(NAME_CASE)
#undef NAME_CASE
	}
	return NULL;
}

static void begin(struct draft *d, struct vec_topic *topic, const char *name, const char *section, const char *shows,
		  enum kith_frame_type type)
{
	d->v = vec_begin(topic, name, section, shows);
	d->w = kith_writer_of(d->bytes, sizeof d->bytes);
	vec_covers(&d->v, "frame", name_of(type));
	d->mark = kith_frame_begin(&d->w, type);
}

static void end(struct draft *d)
{
	kith_frame_end(&d->w, d->mark);
	VEC_REQUIRE(!d->w.bad);
	vec_bytes(d->v.out, "frame", d->bytes, kith_writer_len(&d->w));
	vec_end(&d->v);
}

static void byte(struct draft *d, const char *key, uint8_t value)
{
	vec_number(d->v.in, key, value);
	kith_write_u8(&d->w, value);
}

static void u16(struct draft *d, const char *key, uint16_t value)
{
	vec_number(d->v.in, key, value);
	kith_write_u16(&d->w, value);
}

static void u64(struct draft *d, const char *key, uint64_t value)
{
	vec_u64(d->v.in, key, value);
	kith_write_u64(&d->w, value);
}

static void bytes(struct draft *d, const char *key, const void *p, size_t len)
{
	vec_bytes(d->v.in, key, p, len);
	kith_write_bytes(&d->w, p, len);
}

static void text(struct draft *d, const char *key, const char *value)
{
	vec_text(d->v.in, key, value);
	kith_write_bytes(&d->w, (const uint8_t *)value, strlen(value));
}

/* ---- paths ---- */

static void probe(struct vec_topic *topic, bool padded)
{
	struct draft d;
	const struct kith_probe_frame f = { .nonce = UINT64_C(0x1122334455667701), .path = padded ? 255 : 0 };
	begin(&d, topic, padded ? "probe, padded" : "probe", "5.1",
	      padded ? "On a path that is not proven yet, and has no number." : "On a proven path.", KITH_FRAME_PROBE);
	vec_u64(d.v.in, "nonce", f.nonce);
	vec_number(d.v.in, "path", f.path);
	vec_number(d.v.in, "flags", f.flags);
	vec_number(d.v.in, "body_length", padded ? KITH_PROBE_PADDED : KITH_PROBE_BODY);
	kith_probe_write(&d.w, &f, padded ? KITH_PROBE_PADDED : KITH_PROBE_BODY);
	end(&d);
}

static void probe_ack(struct vec_topic *topic, const char *name, const char *shows, uint64_t nonce,
		      const char *observed)
{
	struct draft d;
	struct kith_probe_ack_frame f = { .nonce = nonce, .path = 1 };
	begin(&d, topic, name, "5.1", shows, KITH_FRAME_PROBE_ACK);
	vec_u64(d.v.in, "nonce", f.nonce);
	vec_number(d.v.in, "path", f.path);
	if (observed != NULL) {
		f.observed = world_addr(observed);
		vec_address(d.v.in, "observed", &f.observed);
	}
	kith_probe_ack_write(&d.w, &f);
	end(&d);
}

static void path_ack(struct vec_topic *topic)
{
	struct draft d;
	const struct kith_path_ack_frame f = {
		.largest = 1000, .count = 900, .delay_us = 12345, .path = 2, .flags = 1
	};
	begin(&d, topic, "path ack", "5.1", "900 data packets came on path 2, of which nothing is heard any more.",
	      KITH_FRAME_PATH_ACK);
	vec_number(d.v.in, "path", f.path);
	vec_u64(d.v.in, "largest", f.largest);
	vec_number(d.v.in, "count", f.count);
	vec_number(d.v.in, "delay_us", f.delay_us);
	vec_number(d.v.in, "flags", f.flags);
	kith_path_ack_write(&d.w, &f);
	end(&d);
}

/* The fields that are not unknown. */
static void put_class(json_t *in, const struct kith_natclass *c)
{
	json_t *list = vec_list(in, "nat");
	const unsigned fields[] = { c->mapping, c->filtering, c->allocation, c->hairpin, c->hops };
	for (unsigned i = 0; i < sizeof fields / sizeof fields[0]; i++)
		vec_number(vec_item(list), "field", fields[i]);
}

static void candidates(struct vec_topic *topic)
{
	struct draft d;
	struct kith_candidates cs = { .generation = 3, .n = 4 };
	static const struct {
		const char *addr;
		uint8_t kind;
	} list[] = { { "192.168.1.20:50000", KITH_ADDR_HOST },
		     { "198.51.100.4:50001", KITH_ADDR_OBSERVED },
		     { "[2001:db8:5::20]:50000", KITH_ADDR_HOST },
		     { "203.0.113.9:50002", KITH_ADDR_RELAYED } };
	begin(&d, topic, "candidates", "5.1", "Four addresses of the third list.", KITH_FRAME_CANDIDATES);
	vec_number(d.v.in, "generation", cs.generation);
	cs.nat = (struct kith_natclass){ .mapping = KITH_NATCLASS_MAPPING_PORT, .hops = 2 };
	put_class(d.v.in, &cs.nat);
	json_t *out = vec_list(d.v.in, "candidates");
	for (unsigned i = 0; i < cs.n; i++) {
		json_t *item = vec_item(out);
		cs.list[i].at = world_endpoint(list[i].addr, KITH_TRANSPORT_UDP);
		cs.list[i].kind = list[i].kind;
		vec_number(item, "kind", list[i].kind);
		vec_endpoint(item, &cs.list[i].at);
	}
	kith_candidates_write(&d.w, &cs);
	end(&d);

	const struct kith_candidates none = { .generation = 0 };
	begin(&d, topic, "candidates, none", "5.1", "None will be named: relays only.", KITH_FRAME_CANDIDATES);
	vec_number(d.v.in, "generation", 0);
	put_class(d.v.in, &none.nat);
	(void)vec_list(d.v.in, "candidates");
	kith_candidates_write(&d.w, &none);
	end(&d);
}

static void bad_candidates(struct vec_topic *topic)
{
	static const struct {
		const char *name, *shows, *why;
		uint8_t bytes[16];
		size_t len;
	} cases[] = {
		{ "candidates, cut short", "n is 9, and none follows.", "bytes are missing", { 1, 0, 9 }, 3 },
		{ "candidates, bytes behind",
		  "This frame has no room for later fields.",
		  "a byte too many",
		  { 1, 0, 0, 7 },
		  4 },
		{ "candidates, length too short",
		  "An endpoint of three bytes: an unknown family may have them, v4 may not.",
		  "shorter than its address",
		  { 1, 0, 1, 1, 1, 3, 4, 0, 1 },
		  9 },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct kith_candidates read;
		struct vec v = vec_begin(topic, cases[i].name, "5.1", cases[i].shows);
		vec_bytes(v.in, "body", cases[i].bytes, cases[i].len);
		vec_refused(&v, kith_candidates_read(&read, vec_span_of(cases[i].bytes, cases[i].len)), cases[i].why);
		vec_end(&v);
	}
}

static void small_ones(struct vec_topic *topic)
{
	static const uint8_t zeros[KITH_KEEPALIVE_BODY - 1];
	struct draft d;
	begin(&d, topic, "idle", "5.1", "The sender of data falls silent on purpose.", KITH_FRAME_IDLE);
	byte(&d, "path", 0);
	end(&d);
	begin(&d, topic, "punch", "5.1", "The second round, about the third list.", KITH_FRAME_PUNCH);
	byte(&d, "round", 2);
	byte(&d, "generation", 3);
	end(&d);
	begin(&d, topic, "punch with a spread", "5.1", "The first round, of an end that would open 256 sockets.",
	      KITH_FRAME_PUNCH);
	byte(&d, "round", 1);
	byte(&d, "generation", 1);
	u16(&d, "sockets", 256);
	end(&d);
	begin(&d, topic, "keepalive", "5.1", "From a leaf to its home: one that is answered.", KITH_FRAME_KEEPALIVE);
	byte(&d, "sequence", 6);
	bytes(&d, "zeros", zeros, sizeof zeros);
	end(&d);
	begin(&d, topic, "path close", "5.1", "Path 4 is closed.", KITH_FRAME_PATH_CLOSE);
	byte(&d, "path", 4);
	end(&d);
	begin(&d, topic, "rename", "4.1", "What packets to the author carry on this path from now on.",
	      KITH_FRAME_NAME);
	u64(&d, "session_name", UINT64_C(0x00c1d2e3f4051627));
	end(&d);
	begin(&d, topic, "spare", "4.1", "For when the other side moves next.", KITH_FRAME_SPARE);
	u64(&d, "spare_name", UINT64_C(0x00213243546576a7));
	end(&d);
	begin(&d, topic, "relay limited", "12", "More than the relay carries for one person.",
	      KITH_FRAME_RELAY_LIMITED);
	u64(&d, "tunnel", UINT64_C(0x0011223344556677));
	byte(&d, "limit", KITH_RELAY_LIMIT_OWNER);
	end(&d);
	begin(&d, topic, "leg asked", "12", "An end of a tunnel wants the other end to know where it is.",
	      KITH_FRAME_LEG);
	u64(&d, "tunnel", UINT64_C(0x0011223344556677));
	end(&d);
	begin(&d, topic, "leg told", "12", "A relay says where the other end of a tunnel is.", KITH_FRAME_LEG);
	u64(&d, "tunnel", UINT64_C(0x0011223344556677));
	bytes(&d, "proven", "\x04\x13\x88\x14\x00\x00\x01", 7);
	end(&d);
	begin(&d, topic, "burst", "10.2", "The first packet of the second round of a measurement.", KITH_FRAME_BURST);
	vec_number(d.v.in, "round", 2);
	vec_number(d.v.in, "packet", 0);
	vec_u64(d.v.in, "nonce", UINT64_C(0x0123456789abcdef));
	kith_burst_write(&d.w, 2, 0, UINT64_C(0x0123456789abcdef));
	end(&d);
}

/* ---- sessions, requests, data ---- */

static void session_ones(struct vec_topic *topic)
{
	struct draft d;
	begin(&d, topic, "close", "4", "The session is over; a text may be there.", KITH_FRAME_CLOSE);
	u16(&d, "reason", 6);
	text(&d, "text", "back at eight");
	end(&d);
	begin(&d, topic, "datagram", "4", "Seven bytes on channel 258.", KITH_FRAME_DATAGRAM);
	u16(&d, "channel", 258);
	bytes(&d, "bytes", "payload", 7);
	end(&d);
	begin(&d, topic, "request", "6.1", "LEAVE, in 5 s, with no hosts: { 0: 5000, 1: [] }.", KITH_FRAME_REQUEST);
	u16(&d, "id", 513);
	byte(&d, "kind", KITH_REQ_LEAVE);
	bytes(&d, "body", "\x82\x00\xcd\x13\x88\x01\x90", 7);
	end(&d);
	begin(&d, topic, "answer", "6.1", "NOT_FOUND, with an empty map in one fragment.", KITH_FRAME_ANSWER);
	u16(&d, "id", 513);
	byte(&d, "status", KITH_STATUS_NOT_FOUND);
	byte(&d, "index", 0);
	byte(&d, "count", 1);
	bytes(&d, "bytes", "\x80", 1);
	end(&d);
	begin(&d, topic, "answer more", "6.1", "Fragments 0 and 2 are missing.", KITH_FRAME_ANSWER_MORE);
	u16(&d, "id", 513);
	u16(&d, "bitmap", 0x0005);
	end(&d);
}

/* ---- handshakes ---- */

static void handshake_ones(struct vec_topic *topic, const struct world *w)
{
	static const uint8_t id[16] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 };
	struct draft d;
	struct person p;
	world_person(w, &p, "alice");
	begin(&d, topic, "hello", "3.2", "Features, time, call, role and two names.", KITH_FRAME_HELLO);
	vec_number(d.v.in, "features", 1);
	kith_write_u32(&d.w, 1);
	vec_number(d.v.in, "timestamp_ms", WORLD_NOW_MS);
	kith_write_u64(&d.w, (uint64_t)WORLD_NOW_MS);
	bytes(&d, "call_id", id, sizeof id);
	byte(&d, "role", KITH_ROLE_LEAF);
	bytes(&d, "session_name", id, 8);
	bytes(&d, "spare_name", id + 8, 8);
	end(&d);
	begin(&d, topic, "chain", "3.2", "A chain by id.", KITH_FRAME_CHAIN);
	bytes(&d, "chain", p.by_id.p, p.by_id.len);
	end(&d);
	begin(&d, topic, "service", "3.2", "The service that is called.", KITH_FRAME_SERVICE);
	text(&d, "service", "chat");
	end(&d);
	begin(&d, topic, "verdict", "3.2", "Busy.", KITH_FRAME_VERDICT);
	u16(&d, "reason", 2);
	text(&d, "text", "");
	end(&d);
	begin(&d, topic, "fresh", "3.2", "The epoch of a COOKIE.", KITH_FRAME_FRESH);
	bytes(&d, "epoch", id, sizeof id);
	end(&d);
	begin(&d, topic, "cancel", "3.2", "The call is given up.", KITH_FRAME_CANCEL);
	end(&d);
	begin(&d, topic, "crossed", "3.2", "The call the other way.", KITH_FRAME_CROSSED);
	vec_number(d.v.in, "timestamp_ms", WORLD_NOW_MS);
	kith_write_u64(&d.w, (uint64_t)WORLD_NOW_MS);
	bytes(&d, "call_id", id, sizeof id);
	end(&d);
	begin(&d, topic, "early", "3.2", "What goes along with a call.", KITH_FRAME_EARLY);
	bytes(&d, "bytes", id, sizeof id);
	end(&d);
}

/* ---- how frames follow each other ---- */

static void sequence(struct vec_topic *topic, const char *name, const char *shows, const uint8_t *p, size_t len,
		     const char *why)
{
	struct vec v = vec_begin(topic, name, "4", shows);
	if (p[0] == KITH_FRAME_PADDING)
		vec_covers(&v, "frame", "PADDING");
	struct kith_reader r = kith_reader_of(p, len);
	struct kith_frame f;
	vec_bytes(v.in, "frames", p, len);
	json_t *list = vec_list(v.mid, "taken");
	while (kith_frame_next(&r, &f)) {
		json_t *item = vec_item(list);
		vec_number(item, "type", f.type);
		vec_span(item, "body", f.body);
	}
	VEC_REQUIRE(r.bad == (why != NULL));
	if (why != NULL)
		vec_dropped(&v, why);
	else
		vec_bool(v.out, "well_formed", true);
	vec_end(&v);
}

static void sequences(struct vec_topic *topic)
{
	static const uint8_t padding[] = { KITH_FRAME_PADDING, 0xff, 0xff };
	static const uint8_t padded[] = { KITH_FRAME_IDLE, 0, 1, 0, KITH_FRAME_PADDING, 0xff, 0xff };
	static const uint8_t unknown[] = { 0x77, 0, 2, 0xaa, 0xbb, KITH_FRAME_IDLE, 0, 1, 0 };
	static const uint8_t longer[] = { KITH_FRAME_IDLE, 0, 1, 0, KITH_FRAME_IDLE, 0, 9, 0 };
	sequence(topic, "padding alone", "A zero byte, without a length.", padding, sizeof padding, NULL);
	sequence(topic, "padding", "A zero byte ends the packet; what is behind it is ignored.", padded, sizeof padded,
		 NULL);
	sequence(topic, "unknown frame", "Skipped by its length.", unknown, sizeof unknown, NULL);
	sequence(topic, "frame beyond the end", "What stood before it counts.", longer, sizeof longer,
		 "the length goes beyond the packet");
}

void topic_frames(struct vec_topic *topic)
{
	struct world w;
	world_init(&w);
	probe(topic, false);
	probe(topic, true);
	probe_ack(topic, "probe ack", "With the address that the PROBE came from.", UINT64_C(0x1122334455667701),
		  "198.51.100.4:50001");
	probe_ack(topic, "probe ack, relay", "On a relay path, without an address.", UINT64_C(0x1122334455667702),
		  NULL);
	probe_ack(topic, "probe ack, keepalive", "To a KEEPALIVE: nonce 0.", 0, "[2001:db8:5::20]:50000");
	path_ack(topic);
	candidates(topic);
	bad_candidates(topic);
	small_ones(topic);
	session_ones(topic);
	handshake_ones(topic, &w);
	sequences(topic);
}
