/* Objects of the directory (PROTOCOL.md section 9). */
#include <string.h>

#include "identity/devices.h"
#include "topics.h"
#include "wire/attest.h"
#include "wire/busy.h"
#include "wire/token.h"
#include "world.h"

/* Points into itself. */
struct cast {
	struct world w;
	struct person alice, homes[3];
	struct world_trust trust;
};

static void cast_init(struct cast *c)
{
	world_init(&c->w);
	world_person(&c->w, &c->alice, "alice");
	world_supernode(&c->w, &c->homes[0], "haven", "198.51.100.7:4500");
	world_supernode(&c->w, &c->homes[1], "harbour", "203.0.113.20:4500");
	world_supernode(&c->w, &c->homes[2], "hearth", "[2001:db8:40::1]:4500");
	world_trust_init(&c->w, &c->trust);
}

static void put_signed(struct vec *v, const struct kith_signer *signer, const char *label, struct kith_span object)
{
	vec_bytes(v->in, "signer_seed", signer->sk, 32);
	vec_text(v->in, "label_of_signature", label);
	vec_bytes(v->mid, "signed", object.p, object.len - KITH_SIG_LEN);
	vec_span(v->out, "object", object);
}

static void put_host(json_t *object, const struct kith_host *host)
{
	vec_bytes(object, "x25519", host->dh.b, KITH_KEY_LEN);
	json_t *list = vec_list(object, "endpoints");
	for (unsigned i = 0; i < host->endpoints_n; i++)
		vec_endpoint(vec_item(list), &host->endpoints[i]);
}

/* Exactly one host. */
static int host_parse(struct kith_host *out, struct kith_span bytes)
{
	struct kith_reader r = kith_reader_of_span(bytes);
	kith_host_read(&r, out);
	return kith_reader_done(&r) ? 0 : KITH_EPROTO;
}

static size_t host_make(uint8_t out[KITH_HOST_LEN_MAX], const struct kith_host *host)
{
	struct kith_writer to = kith_writer_of(out, KITH_HOST_LEN_MAX);
	kith_host_write(&to, host);
	return kith_writer_len(&to);
}

static void hosts(struct vec_topic *topic, const struct cast *c)
{
	uint8_t bytes[KITH_HOST_LEN_MAX];
	struct kith_host host = world_home(&c->w, &c->homes[0]).host, parsed;
	host.endpoints_n = 2;
	host.endpoints[1] = world_endpoint("[2001:db8:7::7]:4500", KITH_TRANSPORT_UDP);
	struct vec v = vec_begin(topic, "host entry", "9.1", "All that a stranger needs for a first message.");
	put_host(v.in, &host);
	size_t len = host_make(bytes, &host);
	vec_bytes(v.out, "host", bytes, len);
	vec_end(&v);

	v = vec_begin(topic, "host entry, a kind of a later version", "9.1",
		      "It is skipped; the other endpoint is kept.");
	bytes[KITH_KEY_LEN + 1] = 99;
	vec_bytes(v.in, "host", bytes, len);
	VEC_REQUIRE(host_parse(&parsed, vec_span_of(bytes, len)) == 0 && parsed.endpoints_n == 1);
	put_host(v.out, &parsed);
	vec_end(&v);
	bytes[KITH_KEY_LEN + 1] = KITH_TRANSPORT_UDP;

	v = vec_begin(topic, "host entry, multicast", "9.1", "No packet may be sent to such an address.");
	bytes[KITH_KEY_LEN + 6] = 224;
	vec_bytes(v.in, "host", bytes, len);
	int err = host_parse(&parsed, vec_span_of(bytes, len));
	vec_refused(&v, err, "an address that no packet may be sent to");
	vec_end(&v);

	v = vec_begin(topic, "host entry, no key", "9.1", "The key is zero.");
	memset(bytes, 0, KITH_KEY_LEN);
	bytes[KITH_KEY_LEN + 6] = 198;
	vec_bytes(v.in, "host", bytes, len);
	err = host_parse(&parsed, vec_span_of(bytes, len));
	vec_refused(&v, err, "the X25519 key is zero");
	vec_end(&v);
}

static void put_record(struct vec *v, const struct kith_record *r)
{
	vec_number(v->in, "flags", r->flags);
	vec_bytes(v->in, "directory_key", r->key.b, KITH_ID_LEN);
	vec_u64(v->in, "seq", r->seq);
	vec_number(v->in, "expires_ms", r->expires_ms);
	json_t *list = vec_list(v->in, "homes");
	for (unsigned i = 0; i < r->homes_n; i++) {
		json_t *home = vec_item(list);
		put_host(home, &r->homes[i].host);
		vec_bytes(home, "tag", r->homes[i].tag, KITH_HOME_TAG_LEN);
	}
	vec_span(v->in, "status", r->status);
	vec_span(v->in, "device_list", r->devices);
	vec_span(v->in, "chain", r->chain);
	if (r->guarded)
		vec_bytes(v->in, "guard", r->guard, KITH_FOLLOW_LEN);
}

static struct kith_span record(struct vec_topic *topic, struct cast *c, const char *name, const char *shows,
			       struct kith_record *r, uint8_t buf[KITH_RECORD_LEN_MAX])
{
	struct kith_record parsed;
	struct kith_person person;
	struct vec v = vec_begin(topic, name, "9.3", shows);
	vec_covers(&v, "object", "RECORD");
	put_record(&v, r);
	struct kith_span made = world_record_sign(&c->w, &c->alice, r, buf);
	put_signed(&v, &c->alice.device.sign, KITH_SIGN_RECORD, made);
	vec_end(&v);
	VEC_REQUIRE(kith_record_parse(&parsed, made) == 0);
	VEC_REQUIRE(kith_record_verify(&parsed, &c->trust.trust, &c->w.now, &person) == 0);
	return made;
}

static void tag(struct vec_topic *topic, const struct cast *c)
{
	uint8_t bytes[KITH_HOME_TAG_LEN];
	struct vec v = vec_begin(topic, "home tag", "9.3", "Binds the key that a home signs vanish reports with.");
	vec_bytes(v.in, "ed25519", c->homes[0].device.sign.pk.b, KITH_KEY_LEN);
	kith_home_tag(c->w.suite, bytes, &c->homes[0].device.sign.pk);
	vec_bytes(v.out, "tag", bytes, sizeof bytes);
	vec_end(&v);
}

static void follow(struct vec_topic *topic, const struct cast *c, uint8_t guard[KITH_FOLLOW_LEN])
{
	uint8_t token[KITH_FOLLOW_LEN];
	const uint64_t number = WORLD_NOW_MS;
	struct vec v = vec_begin(topic, "follow token", "9.9", "What contacts are given, and what records show of it.");
	vec_bytes(v.in, "secret", c->alice.device.sign.sk, KITH_KEY_LEN);
	vec_u64(v.in, "number", number);
	kith_follow_token(c->w.suite, token, c->alice.device.sign.sk, number);
	kith_follow_guard(c->w.suite, guard, token);
	vec_bytes(v.out, "token", token, sizeof token);
	vec_bytes(v.out, "guard", guard, KITH_FOLLOW_LEN);
	vec_end(&v);
}

static void bad_record(struct vec_topic *topic, struct cast *c, const char *name, const char *shows,
		       struct kith_span bytes, int64_t now_ms, int err)
{
	struct kith_record parsed;
	struct kith_person person;
	struct kith_now now = { c->w.now.mono_us, now_ms, true };
	struct vec v = vec_begin(topic, name, "9.3", shows);
	vec_bytes(v.in, "root", c->w.root.pk.b, KITH_KEY_LEN);
	vec_span(v.in, "object", bytes);
	vec_number(v.in, "now_ms", now_ms);
	int got = kith_record_parse(&parsed, bytes);
	if (got == 0)
		got = kith_record_verify(&parsed, &c->trust.trust, &now, &person);
	VEC_EXPECT(got, err);
	vec_refused(&v, err, kith_strerror(err));
	vec_end(&v);
}

static void bad_records(struct vec_topic *topic, struct cast *c, struct kith_span good, const struct kith_record *r)
{
	enum { TOLERANCE_MS = 600000, PLACE_OF_EXPIRES = 44 };
	uint8_t bytes[KITH_RECORD_LEN_MAX];
	struct kith_record other = *r;
	memcpy(bytes, good.p, good.len);
	vec_damage(bytes, good.len, -1);
	struct kith_span made = vec_span_of(bytes, good.len);
	bad_record(topic, c, "record, signature damaged", "The last byte is another.", made, WORLD_NOW_MS,
		   KITH_ESIGNATURE);
	bad_record(topic, c, "record, expired", "Its end and the tolerance have passed by 1 ms.", good,
		   r->expires_ms + TOLERANCE_MS + 1, KITH_EEXPIRED);
	bad_record(topic, c, "record, ahead of time", "Its sequence is later than now and the tolerance by 1 ms.", good,
		   WORLD_NOW_MS - TOLERANCE_MS - 1, KITH_ENOTYET);
	memcpy(bytes, good.p, good.len);
	bytes[PLACE_OF_EXPIRES + 7]++;
	bad_record(topic, c, "record, life too long", "expires is above seq and 15 minutes.", made, WORLD_NOW_MS,
		   KITH_EPROTO);
	memcpy(bytes, good.p, good.len);
	bytes[3] |= KITH_RECORD_OFFLINE;
	bad_record(topic, c, "record, offline with homes", "A goodbye names no homes.", made, WORLD_NOW_MS,
		   KITH_EPROTO);
	kith_ids_directory(c->w.suite, &other.key, &c->w.network, "bob");
	made = world_record_sign(&c->w, &c->alice, &other, bytes);
	bad_record(topic, c, "record, under another's key", "Well signed, but the key is that of another name.", made,
		   WORLD_NOW_MS, KITH_ENAME);
}

static void vanish(struct vec_topic *topic, struct cast *c, struct kith_span record_bytes)
{
	uint8_t bytes[KITH_VANISH_LEN_MAX];
	struct kith_record r;
	struct kith_vanish parsed;
	VEC_REQUIRE(kith_record_parse(&r, record_bytes) == 0);
	struct kith_now later = { c->w.now.mono_us, WORLD_NOW_MS + 90000, true };
	for (unsigned i = 0; i < 2; i++) {
		struct person *home = &c->homes[i == 0 ? 0 : 2]; /* the record of the second case does not name it */
		struct kith_span made = world_vanish(&c->w, home, &r, &c->alice.device.dh_pk, bytes);
		VEC_REQUIRE(kith_vanish_parse(&parsed, made) == 0);
		struct vec v =
			i == 0 ? vec_begin(topic, "vanish report", "9.4", "A home says that a device fell silent.")
			       : vec_begin(topic, "vanish report, by no home", "9.4",
					   "Well signed, but the record names no such home.");
		if (i == 0) {
			vec_covers(&v, "object", "VANISH");
			vec_bytes(v.in, "directory_key", r.key.b, KITH_ID_LEN);
			vec_bytes(v.in, "x25519", c->alice.device.dh_pk.b, KITH_KEY_LEN);
			vec_u64(v.in, "seq", r.seq);
			vec_number(v.in, "at_ms", parsed.at_ms);
			vec_bytes(v.in, "home_ed25519", home->device.sign.pk.b, KITH_KEY_LEN);
			put_signed(&v, &home->device.sign, KITH_SIGN_VANISH, made);
			VEC_REQUIRE(kith_vanish_verify(&parsed, &r, 0, c->w.suite, &later) == 0);
		} else {
			vec_span(v.in, "record", record_bytes);
			vec_span(v.in, "object", made);
			int err = kith_vanish_verify(&parsed, &r, 0, c->w.suite, &later);
			vec_refused(&v, err, "no tag of the record is that of the signer's key");
		}
		vec_end(&v);
	}
}

static void member(struct vec_topic *topic, struct cast *c, bool left)
{
	uint8_t bytes[KITH_MEMBER_LEN_MAX];
	struct kith_member_entry e = world_member(&c->homes[0]), parsed;
	struct kith_person person;
	struct kith_id id;
	if (left) {
		e.flags = KITH_MEMBER_LEFT;
		e.seq++;
	} else {
		e.load = 12;
		e.endpoints_n = 2;
		e.endpoints[1] = world_endpoint("[2001:db8:7::7]:4500", KITH_TRANSPORT_TLS);
	}
	struct vec v = left ? vec_begin(topic, "member entry, left", "9.5", "A tombstone.")
			    : vec_begin(topic, "member entry", "9.5", "A supernode with two endpoints.");
	vec_covers(&v, "object", "MEMBER");
	vec_bytes(v.in, "network_id", c->w.network.b, KITH_ID_LEN);
	vec_number(v.in, "flags", e.flags);
	vec_number(v.in, "load", e.load);
	vec_u64(v.in, "seq", e.seq);
	vec_number(v.in, "expires_ms", e.expires_ms);
	json_t *list = vec_list(v.in, "endpoints");
	for (unsigned i = 0; i < e.endpoints_n; i++)
		vec_endpoint(vec_item(list), &e.endpoints[i]);
	vec_span(v.in, "attestations", e.attest);
	vec_span(v.in, "chain", e.chain);
	struct kith_span made = world_member_sign(&c->w, &c->homes[0], &e, bytes);
	put_signed(&v, &c->homes[0].device.sign, KITH_SIGN_MEMBER, made);
	VEC_REQUIRE(kith_member_parse(&parsed, made) == 0);
	VEC_REQUIRE(kith_member_verify(&parsed, &c->trust.trust, &c->w.now, &person) == 0);
	VEC_REQUIRE(kith_member_id(&parsed, &c->trust.trust, &id) == 0);
	vec_bytes(v.out, "supernode_id", id.b, KITH_ID_LEN);
	vec_end(&v);
}

static void bad_member(struct vec_topic *topic, struct cast *c, const struct person *p, const char *name,
		       const char *shows)
{
	uint8_t bytes[KITH_MEMBER_LEN_MAX];
	struct kith_member_entry e = world_member(p), parsed;
	struct kith_person person;
	e.endpoints[0] = kith_endpoint_udp(&c->homes[0].addr);
	struct vec v = vec_begin(topic, name, "9.5", shows);
	struct kith_span made = world_member_sign(&c->w, p, &e, bytes);
	VEC_REQUIRE(kith_member_parse(&parsed, made) == 0);
	vec_bytes(v.in, "root", c->w.root.pk.b, KITH_KEY_LEN);
	vec_span(v.in, "object", made);
	vec_number(v.in, "now_ms", WORLD_NOW_MS);
	vec_refused(&v, kith_member_verify(&parsed, &c->trust.trust, &c->w.now, &person),
		    "the certificate does not allow it");
	vec_end(&v);
}

/* By an issuer whom the root does not let make supernodes. */
static void ungranted(struct vec_topic *topic, struct cast *c)
{
	struct world narrow = c->w;
	struct kith_issuer_cert terms;
	struct person p;
	VEC_REQUIRE(kith_issuer_cert_parse(&terms, c->w.issuer_cert) == 0);
	terms.flags = 0;
	narrow.issuer_cert = vec_made(narrow.issuer_bytes,
				      kith_issuer_cert_sign(c->w.suite, narrow.issuer_bytes, &terms, c->w.root.sk));
	world_supernode(&narrow, &p, "haven", "198.51.100.7:4500");
	bad_member(topic, c, &p, "member entry, issuer without the right", "The root does not let it make supernodes.");
}

/* The witness haven says of alice's device where it answered, and how fast it is. */
static void attest(struct vec_topic *topic, struct cast *c, bool v6)
{
	uint8_t bytes[KITH_ATTEST_LEN_MAX];
	const struct person *haven = &c->homes[0];
	struct kith_attest a = { .endpoint = world_endpoint(v6 ? "[2001:db8:7::7]:4500" : "192.0.2.17:40000",
							    KITH_TRANSPORT_UDP),
				 .up = 1250000,
				 .down = 6250000,
				 .first_seen_s = WORLD_NOW_MS / 1000 - 864000,
				 .availability = 240,
				 .at_s = WORLD_NOW_MS / 1000,
				 .hours = KITH_ATTEST_HOURS_MAX },
			   parsed;
	struct kith_id id;
	kith_ids_supernode(c->w.suite, &id, &c->w.network, haven->name_terms.placement);
	kith_home_tag(c->w.suite, a.candidate, &c->alice.device.sign.pk);
	memcpy(a.witness, id.b, sizeof a.witness);
	struct vec v = v6 ? vec_begin(topic, "attestation, IPv6", "9.6", "Reached over IPv6.")
			  : vec_begin(topic, "attestation", "9.6", "What a witness measured of a candidate.");
	vec_covers(&v, "object", "ATTEST");
	vec_bytes(v.in, "candidate_ed25519", c->alice.device.sign.pk.b, KITH_KEY_LEN);
	vec_bytes(v.in, "witness_id", id.b, KITH_ID_LEN);
	vec_endpoint(vec_item(vec_list(v.in, "endpoints")), &a.endpoint);
	vec_number(v.in, "up", a.up);
	vec_number(v.in, "down", a.down);
	vec_number(v.in, "first_seen_s", a.first_seen_s);
	vec_number(v.in, "availability", a.availability);
	vec_number(v.in, "at_s", a.at_s);
	vec_number(v.in, "hours", a.hours);
	struct kith_span made = vec_made(bytes, kith_attest_make(c->w.suite, bytes, &a, haven->device.sign.sk));
	put_signed(&v, &haven->device.sign, KITH_SIGN_ATTEST, made);
	VEC_REQUIRE(kith_attest_parse(&parsed, made) == 0);
	VEC_REQUIRE(kith_attest_verify(&parsed, c->w.suite, &haven->device.sign.pk) == 0);
	vec_end(&v);
}

/* One that is full names two others, whoever it says so to. */
static void busy(struct vec_topic *topic, struct cast *c)
{
	uint8_t packet[KITH_BUSY_PACKET_MAX];
	const struct person *full = &c->homes[0];
	struct kith_busy b = { .made_ms = WORLD_NOW_MS, .retry_s = 60, .hosts_n = 2, .chain = full->full }, parsed;
	struct kith_person person;
	uint32_t receiver;
	struct vec v = vec_begin(topic, "busy", "9.7", "A supernode takes no leaf for a minute, and names two others.");
	vec_covers(&v, "packet", "BUSY");
	vec_covers(&v, "object", "BUSY");
	vec_number(v.in, "receiver_index", 0x01a1b2c3);
	vec_number(v.in, "made_ms", b.made_ms);
	vec_number(v.in, "retry_s", b.retry_s);
	json_t *list = vec_list(v.in, "hosts");
	for (unsigned i = 0; i < b.hosts_n; i++) {
		const struct person *other = &c->homes[i + 1];
		b.hosts[i] = (struct kith_host){ .dh = other->device.dh_pk, .endpoints_n = 1 };
		b.hosts[i].endpoints[0] = kith_endpoint_udp(&other->addr);
		json_t *item = vec_item(list);
		vec_bytes(item, "x25519", b.hosts[i].dh.b, KITH_KEY_LEN);
		vec_endpoint(vec_item(vec_list(item, "endpoints")), &b.hosts[i].endpoints[0]);
	}
	vec_span(v.in, "chain", b.chain);
	int n = kith_busy_make(c->w.suite, packet, &b, full->device.sign.sk);
	VEC_REQUIRE(n > 0);
	kith_busy_address(packet, 0x01a1b2c3);
	VEC_REQUIRE(kith_busy_parse(&parsed, &receiver, vec_span_of(packet, (size_t)n)) == 0 && receiver == 0x01a1b2c3);
	VEC_REQUIRE(kith_busy_verify(&parsed, &c->trust.trust, &c->w.now, &person) == 0);
	put_signed(&v, &full->device.sign, KITH_SIGN_BUSY, parsed.bytes);
	vec_bytes(v.out, "packet", packet, (size_t)n);
	vec_end(&v);
}

/* The supernode asks alice for help. */
static void help_token(struct vec_topic *topic, struct cast *c)
{
	uint8_t bytes[KITH_HELP_TOKEN_MAX];
	const struct person *asker = &c->homes[0];
	struct kith_help_token t = { .candidate = c->alice.device.dh_pk,
				     .seq = (uint64_t)WORLD_NOW_MS,
				     .expires_ms = WORLD_NOW_MS + KITH_HELP_LIFE_MS,
				     .chain = asker->full },
			       parsed;
	struct kith_person person;
	struct vec v =
		vec_begin(topic, "help token", "9.8", "A supernode has too much to do, and says so to a leaf of it.");
	vec_covers(&v, "object", "HELP_TOKEN");
	vec_bytes(v.in, "x25519", t.candidate.b, KITH_KEY_LEN);
	vec_u64(v.in, "seq", t.seq);
	vec_number(v.in, "expires_ms", t.expires_ms);
	vec_span(v.in, "chain", t.chain);
	int n = kith_help_token_make(c->w.suite, bytes, &t, asker->device.sign.sk);
	VEC_REQUIRE(n > 0 && kith_help_token_parse(&parsed, vec_span_of(bytes, (size_t)n)) == 0);
	VEC_REQUIRE(kith_help_token_verify(&parsed, &c->trust.trust, &c->w.now, &person) == 0);
	put_signed(&v, &asker->device.sign, KITH_SIGN_HELP_TOKEN, parsed.bytes);
	vec_end(&v);
}

void topic_directory(struct vec_topic *topic)
{
	static const uint8_t status[] = { 0x5e, 0xa1, 0xed };
	struct cast c;
	uint8_t usual[KITH_RECORD_LEN_MAX], other[KITH_RECORD_LEN_MAX], list[KITH_DEVICES_LEN_MAX];
	cast_init(&c);
	hosts(topic, &c);
	tag(topic, &c);
	const struct person *const homes[] = { &c.homes[0], &c.homes[1] };
	struct kith_record r = world_record(&c.w, &c.alice, homes, 2);
	r.status = vec_span_of(status, sizeof status);
	struct kith_span made = record(topic, &c, "record", "A leaf with two homes and a sealed status.", &r, usual);
	struct kith_record goodbye = world_record(&c.w, &c.alice, NULL, 0);
	goodbye.flags = KITH_RECORD_OFFLINE;
	goodbye.seq++;
	(void)record(topic, &c, "record, offline", "A goodbye.", &goodbye, other);
	struct kith_record guarded = r;
	guarded.seq++;
	guarded.guarded = true;
	follow(topic, &c, guarded.guard);
	struct kith_record one_of_two = r;
	struct kith_key devices[2] = { c.alice.device.sign.pk };
	vec_seed(devices[1].b, "another device's key");
	one_of_two.devices = vec_made(
		list, kith_devices_sign(c.w.suite, list, 9, devices, 2, (struct kith_span){ 0 }, c.alice.identity.sk));
	(void)record(topic, &c, "record, of one device of two", "With the identity's device list.", &one_of_two, other);
	(void)record(topic, &c, "record, guarded", "As it is told to those who may follow.", &guarded, other);
	bad_records(topic, &c, made, &r);
	vanish(topic, &c, made);
	member(topic, &c, false);
	member(topic, &c, true);
	bad_member(topic, &c, &c.alice, "member entry of a leaf", "The certificate has no supernode flag.");
	ungranted(topic, &c);
	attest(topic, &c, false);
	attest(topic, &c, true);
	busy(topic, &c);
	help_token(topic, &c);
	world_trust_deinit(&c.trust);
}
