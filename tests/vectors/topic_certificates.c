/* Certificates, chains and lists (PROTOCOL.md sections 8.2 to 8.6). */
#include <string.h>

#include "identity/certlog.h"
#include "identity/devices.h"
#include "identity/posted.h"
#include "identity/revocation.h"
#include "topics.h"
#include "world.h"

static const struct kith_span nothing = { NULL, 0 };

/* What every vector of a signed object tells: who signed it, what for, what is signed. */
static void put_signed(struct vec *v, const struct kith_signer *signer, const char *label, struct kith_span object)
{
	vec_bytes(v->in, "signer_seed", signer->sk, 32);
	vec_text(v->in, "label_of_signature", label);
	vec_bytes(v->mid, "signer_public", signer->pk.b, KITH_KEY_LEN);
	vec_bytes(v->mid, "signed", object.p, object.len - KITH_SIG_LEN);
	vec_span(v->out, "object", object);
}

static void put_validity(json_t *in, int64_t from_s, int64_t to_s)
{
	vec_number(in, "not_before_s", from_s);
	vec_number(in, "expires_s", to_s);
}

static void issuer_cert(struct vec_topic *topic, const struct world *w)
{
	struct kith_issuer_cert c;
	struct vec v = vec_begin(topic, "issuer certificate", "8.3",
				 "The root certifies an issuer without a constraint, which may make supernodes.");
	VEC_REQUIRE(kith_issuer_cert_parse(&c, w->issuer_cert) == 0);
	vec_covers(&v, "object", "ISSUER");
	vec_bytes(v.in, "issuer", c.issuer.b, KITH_KEY_LEN);
	vec_u64(v.in, "serial", c.serial);
	put_validity(v.in, c.not_before_s, c.expires_s);
	vec_text(v.in, "constraint", c.constraint);
	vec_number(v.in, "flags", c.flags);
	put_signed(&v, &w->root, KITH_SIGN_ISSUER, w->issuer_cert);
	vec_end(&v);
}

static void name_cert(struct vec_topic *topic, const struct world *w, const struct person *p, const char *name,
		      const char *shows)
{
	const struct kith_name_cert *c = &p->name_terms;
	struct vec v = vec_begin(topic, name, "8.3", shows);
	vec_covers(&v, "object", "NAME");
	vec_bytes(v.in, "issuer_id", c->issuer_id, sizeof c->issuer_id);
	vec_text(v.in, "name", c->name);
	vec_bytes(v.in, "identity", c->identity.b, KITH_KEY_LEN);
	vec_u64(v.in, "serial", c->serial);
	put_validity(v.in, c->not_before_s, c->expires_s);
	vec_bytes(v.in, "placement", c->placement, sizeof c->placement);
	vec_number(v.in, "flags", c->flags);
	put_signed(&v, &w->issuer, KITH_SIGN_NAME, p->name_cert);
	vec_end(&v);
}

static void device_cert(struct vec_topic *topic, const struct person *p)
{
	const struct kith_device_cert *c = &p->device_terms;
	struct vec v = vec_begin(topic, "device certificate", "8.3", "An identity certifies its device.");
	vec_covers(&v, "object", "DEVICE");
	vec_bytes(v.in, "x25519", c->dh.b, KITH_KEY_LEN);
	vec_bytes(v.in, "ed25519", c->sign.b, KITH_KEY_LEN);
	put_validity(v.in, c->not_before_s, c->expires_s);
	put_signed(&v, &p->identity, KITH_SIGN_DEVICE, p->device_cert);
	vec_end(&v);
}

/* ---- chains ---- */

static void chain(struct vec_topic *topic, const struct world *w, const struct person *p, enum kith_chain_kind kind)
{
	static const char *const names[] = { [KITH_CHAIN_FULL] = "chain, full",
					     [KITH_CHAIN_BY_ID] = "chain, by id",
					     [KITH_CHAIN_OPEN] = "chain, open" };
	static const char *const shows[] = { [KITH_CHAIN_FULL] = "Issuer, name, device.",
					     [KITH_CHAIN_BY_ID] = "For a verifier that holds the issuer's certificate.",
					     [KITH_CHAIN_OPEN] = "An open network: the identity key names itself." };
	uint8_t bytes[KITH_CHAIN_MAX];
	struct kith_id network = w->network;
	struct kith_span made = kind == KITH_CHAIN_FULL ? p->full : p->by_id;
	struct vec v = vec_begin(topic, names[kind], "8.4", shows[kind]);
	vec_covers(&v, "object", "CHAIN");
	if (kind == KITH_CHAIN_OPEN) {
		VEC_REQUIRE(kith_ids_network_open(w->suite, &network, "playground") == 0);
		made = vec_made(bytes, kith_chain_make_open(bytes, &network, &p->identity.pk, p->device_cert));
	}
	vec_number(v.in, "kind", kind);
	vec_bytes(v.in, "network_id", network.b, KITH_ID_LEN);
	if (kind == KITH_CHAIN_FULL)
		vec_span(v.in, "issuer_certificate", w->issuer_cert);
	if (kind == KITH_CHAIN_OPEN)
		vec_bytes(v.in, "identity", p->identity.pk.b, KITH_KEY_LEN);
	else
		vec_span(v.in, "name_certificate", p->name_cert);
	vec_span(v.in, "device_certificate", p->device_cert);
	vec_span(v.out, "object", made);
	vec_end(&v);
}

static void verified(struct vec_topic *topic, const struct world *w, const struct person *p)
{
	struct world_trust t;
	struct kith_person person;
	uint8_t remembered[32];
	struct vec v = vec_begin(topic, "chain, verified", "8.4", "Whom the full chain names, at now_s.");
	world_trust_init(w, &t);
	VEC_REQUIRE(kith_trust_check(&t.trust, &w->now, p->full, &person) == 0);
	vec_bytes(v.in, "root", w->root.pk.b, KITH_KEY_LEN);
	vec_span(v.in, "chain", p->full);
	vec_number(v.in, "now_s", WORLD_NOW_S);
	struct kith_span parts[2] = { p->full, vec_span_of(w->issuer.pk.b, KITH_KEY_LEN) };
	w->suite->blake2b(remembered, 32, nothing, parts, 2);
	vec_bytes(v.mid, "remembered_under", remembered, sizeof remembered);
	vec_text(v.out, "name", person.name);
	vec_bytes(v.out, "identity", person.identity.b, KITH_KEY_LEN);
	vec_bytes(v.out, "x25519", person.device_dh.b, KITH_KEY_LEN);
	vec_bytes(v.out, "ed25519", person.device_sign.b, KITH_KEY_LEN);
	vec_number(v.out, "not_before_s", person.not_before_ms / 1000);
	vec_number(v.out, "expires_s", person.expires_ms / 1000);
	vec_end(&v);
	world_trust_deinit(&t);
}

/* A chain that is refused; list is a revocation list or a device list that the verifier holds, or empty. */
static void refused(struct vec_topic *topic, const struct world *w, const char *name, const char *shows,
		    struct kith_span bytes, int64_t at_s, struct kith_span revocation, struct kith_span devices,
		    const struct person *p, int err)
{
	struct world_trust t;
	struct kith_person person;
	struct kith_now now = { w->now.mono_us, at_s * 1000, true };
	struct vec v = vec_begin(topic, name, "8.4", shows);
	world_trust_init(w, &t);
	vec_bytes(v.in, "root", w->root.pk.b, KITH_KEY_LEN);
	vec_span(v.in, "chain", bytes);
	vec_number(v.in, "now_s", at_s);
	if (revocation.len > 0) {
		vec_span(v.in, "held_issuer_certificate", w->issuer_cert);
		vec_span(v.in, "held_revocation_list", revocation);
		VEC_REQUIRE(kith_trust_issuer_add(&t.trust, &w->now, w->issuer_cert) == 0);
		VEC_REQUIRE(kith_trust_revocation_add(&t.trust, &w->now, revocation) == 1);
	}
	if (devices.len > 0) {
		vec_span(v.in, "held_device_list", devices);
		VEC_REQUIRE(kith_trust_devices_add(&t.trust, &w->now, &p->identity.pk, devices, false) == 1);
	}
	int got = kith_trust_check(&t.trust, &now, bytes, &person);
	VEC_EXPECT(got, err);
	vec_refused(&v, err, kith_strerror(err));
	vec_end(&v);
	world_trust_deinit(&t);
}

static struct kith_span altered(uint8_t out[KITH_CHAIN_MAX], struct kith_span chain, long at)
{
	memcpy(out, chain.p, chain.len);
	vec_damage(out, chain.len, at);
	return vec_span_of(out, chain.len);
}

static void refused_bytes(struct vec_topic *topic, const struct world *w, const struct person *p)
{
	uint8_t bytes[KITH_CHAIN_MAX + 1];
	refused(topic, w, "chain, device's signature damaged", "The last byte is another.", altered(bytes, p->full, -1),
		WORLD_NOW_S, nothing, nothing, p, KITH_ESIGNATURE);
	refused(topic, w, "chain, name damaged", "A letter of the name is another: the issuer has not signed that.",
		altered(bytes, p->full, 7 + 2 + (long)w->issuer_cert.len + 2 + 12), WORLD_NOW_S, nothing, nothing, p,
		KITH_ESIGNATURE);
	refused(topic, w, "chain, of another network", "The hint is another network's.", altered(bytes, p->full, 3),
		WORLD_NOW_S, nothing, nothing, p, KITH_ENETWORK);
	refused(topic, w, "chain, version 0", "A version that is not known.", altered(bytes, p->full, 0), WORLD_NOW_S,
		nothing, nothing, p, KITH_EVERSION);
	refused(topic, w, "chain, issuer not held", "By id, towards a verifier that has never seen the issuer.",
		p->by_id, WORLD_NOW_S, nothing, nothing, p, KITH_ECHAIN);
	memcpy(bytes, p->full.p, p->full.len);
	bytes[p->full.len] = 0;
	refused(topic, w, "chain, a byte too many", "An object ends with its last byte.",
		vec_span_of(bytes, p->full.len + 1), WORLD_NOW_S, nothing, nothing, p, KITH_EPROTO);
	refused(topic, w, "chain, expired", "Ten minutes and a second after the device's certificate ends.", p->full,
		p->device_terms.expires_s + 601, nothing, nothing, p, KITH_EEXPIRED);
	refused(topic, w, "chain, not yet", "Ten minutes and a second before it begins.", p->full,
		p->device_terms.not_before_s - 601, nothing, nothing, p, KITH_ENOTYET);
}

/* A chain whose device's certificate has a critical extension. The library makes neither: it is written by hand. */
static struct kith_span critical_chain(const struct world *w, struct person *p, uint8_t out[KITH_CHAIN_MAX])
{
	static const uint8_t critical[] = { KITH_EXT_CRITICAL | 5, 1, 0xaa };
	struct kith_writer cert = kith_writer_of(p->device_bytes, sizeof p->device_bytes);
	struct kith_writer chain = kith_writer_of(out, KITH_CHAIN_MAX);
	p->device_terms.s.ext = vec_span_of(critical, sizeof critical);
	kith_device_cert_write(&cert, &p->device_terms);
	int len = kith_object_sign(w->suite, &cert, KITH_SIGN_DEVICE, p->identity.sk);
	const struct kith_span links[] = { w->issuer_cert, p->name_cert, vec_made(p->device_bytes, len) };
	kith_object_write_header(&chain, KITH_OBJECT_CHAIN);
	kith_write_u8(&chain, KITH_CHAIN_FULL);
	kith_write_bytes(&chain, w->network.b, 4);
	for (size_t i = 0; i < 3; i++) {
		kith_write_u16(&chain, (uint16_t)links[i].len);
		kith_write_span(&chain, links[i]);
	}
	VEC_REQUIRE(!chain.bad);
	return vec_span_of(out, kith_writer_len(&chain));
}

/* A critical extension, and a name that its issuer's constraint does not allow. */
static void refused_terms(struct vec_topic *topic, const struct world *w)
{
	uint8_t bytes[KITH_CHAIN_MAX];
	struct person p;
	struct world narrow = *w;
	world_person(w, &p, "alice");
	refused(topic, w, "chain, critical extension",
		"Extension 5 of the device's certificate is critical and not known.", critical_chain(w, &p, bytes),
		WORLD_NOW_S, nothing, nothing, &p, KITH_ENOTSUP);

	struct kith_issuer_cert terms;
	VEC_REQUIRE(kith_issuer_cert_parse(&terms, w->issuer_cert) == 0);
	memcpy(terms.constraint, ".example", sizeof ".example");
	narrow.issuer_cert =
		vec_made(narrow.issuer_bytes, kith_issuer_cert_sign(w->suite, narrow.issuer_bytes, &terms, w->root.sk));
	world_person(&narrow, &p, "aexample");
	refused(topic, w, "chain, name outside the constraint",
		"The issuer may certify what ends in .example and is longer.", p.full, WORLD_NOW_S, nothing, nothing,
		&p, KITH_ENAME);
}

/* ---- lists ---- */

static struct kith_span device_list(struct vec_topic *topic, const struct world *w, const struct person *p,
				    const struct kith_key keys[], size_t n, uint64_t number, const char *name,
				    const char *shows, uint8_t buf[KITH_DEVICES_LEN_MAX])
{
	struct vec v = vec_begin(topic, name, "8.5", shows);
	vec_covers(&v, "object", "DEVICES");
	vec_u64(v.in, "number", number);
	json_t *list = vec_list(v.in, "devices");
	for (size_t i = 0; i < n; i++)
		vec_item_bytes(list, keys[i].b, KITH_KEY_LEN);
	struct kith_span made =
		vec_made(buf, kith_devices_sign(w->suite, buf, number, keys, n, nothing, p->identity.sk));
	put_signed(&v, &p->identity, KITH_SIGN_DEVICES, made);
	struct kith_devices parsed;
	VEC_REQUIRE(kith_devices_parse(&parsed, made) == 0);
	json_t *tags = vec_list(v.mid, "tags");
	for (size_t i = 0; i < parsed.n; i++)
		vec_item_bytes(tags, parsed.tags + i * KITH_DEVICE_TAG_LEN, KITH_DEVICE_TAG_LEN);
	vec_end(&v);
	return made;
}

static struct kith_span revocation_list(struct vec_topic *topic, const struct world *w, enum kith_revocation_signer by,
					const struct kith_serial_range ranges[], size_t ranges_n,
					const struct kith_key *key, const char *name, const char *shows,
					uint8_t buf[512])
{
	struct vec v = vec_begin(topic, name, "8.6", shows);
	const struct kith_signer *signer = by == KITH_REVOKED_BY_ROOT ? &w->root : &w->issuer;
	struct kith_revocation list = { .signer = (uint8_t)by,
					.number = 3,
					.issued_s = WORLD_NOW_S - 3600,
					.next_update_s = WORLD_NOW_S + 7 * WORLD_DAY_S };
	if (by == KITH_REVOKED_BY_ROOT)
		memcpy(list.signer_id, w->network.b, sizeof list.signer_id);
	else
		kith_ids_issuer(w->suite, list.signer_id, &w->issuer.pk);
	vec_covers(&v, "object", "REVOCATION");
	vec_number(v.in, "signer", by);
	vec_bytes(v.in, "signer_id", list.signer_id, sizeof list.signer_id);
	vec_u64(v.in, "number", list.number);
	vec_number(v.in, "issued_s", list.issued_s);
	vec_number(v.in, "next_update_s", list.next_update_s);
	json_t *serials = vec_list(v.in, "serials");
	for (size_t i = 0; i < ranges_n; i++) {
		json_t *range = vec_item(serials);
		vec_u64(range, "first", ranges[i].first);
		vec_u64(range, "last", ranges[i].last);
	}
	json_t *keys = vec_list(v.in, "keys");
	if (key != NULL)
		vec_item_bytes(keys, key->b, KITH_KEY_LEN);
	struct kith_span made = vec_made(
		buf, kith_revocation_sign(w->suite, buf, 512, &list, ranges, ranges_n, key, key != NULL, signer->sk));
	put_signed(&v, signer, KITH_SIGN_REVOCATION, made);
	vec_end(&v);
	return made;
}

static void lists(struct vec_topic *topic, const struct world *w, const struct person *p)
{
	static const struct kith_serial_range of_name[] = { { 17, 17 }, { WORLD_NAME_SERIAL, WORLD_NAME_SERIAL + 5 } };
	static const struct kith_serial_range of_issuer[] = { { 0, WORLD_ISSUER_SERIAL } };
	uint8_t good[KITH_DEVICES_LEN_MAX], bad[KITH_DEVICES_LEN_MAX], by_issuer[512], by_root[512];
	struct kith_key keys[2] = { p->device.sign.pk }, other = p->device.sign.pk;
	vec_seed(keys[1].b, "another device's key");
	vec_seed(other.b, "another device's key");
	(void)device_list(topic, w, p, keys, 2, 9, "device list", "Two devices live; a tag stands for none.", good);
	struct kith_span gone = device_list(topic, w, p, &other, 1, 10, "device list without the device",
					    "A newer one: one is left.", bad);
	struct kith_span names =
		revocation_list(topic, w, KITH_REVOKED_BY_ISSUER, of_name, 2, NULL, "revocation list of the issuer",
				"Serials of names, in ranges.", by_issuer);
	struct kith_span issuers =
		revocation_list(topic, w, KITH_REVOKED_BY_ROOT, of_issuer, 1, &w->issuer.pk,
				"revocation list of the root", "An issuer, by serial and by key.", by_root);
	refused(topic, w, "chain, device not in the list", "The identity's newest list leaves the device out.", p->full,
		WORLD_NOW_S, nothing, gone, p, KITH_EREVOKED);
	refused(topic, w, "chain, name revoked", "Its serial is in the issuer's list.", p->full, WORLD_NOW_S, names,
		nothing, p, KITH_EREVOKED);
	refused(topic, w, "chain, issuer revoked", "It is in the root's list.", p->full, WORLD_NOW_S, issuers, nothing,
		p, KITH_EREVOKED);
}

/* A log of three certificates, its head, and what proves the second one, and that the log grew from two. */
static void certlog(struct vec_topic *topic, const struct world *w, const struct kith_span certs[3])
{
	struct kith_certlog_hash leaves[3], proof[KITH_CERTLOG_PROOF_MAX];
	struct kith_certlog_head head = { .size = 3, .time_ms = WORLD_NOW_MS };
	uint8_t bytes[KITH_CERTLOG_HEAD_LEN_MAX];
	struct vec v = vec_begin(topic, "log head", "8.9", "A log of three name certificates, and two proofs.");
	vec_covers(&v, "object", "LOG_HEAD");
	json_t *list = vec_list(v.in, "certificates");
	for (size_t i = 0; i < 3; i++) {
		vec_item_bytes(list, certs[i].p, certs[i].len);
		kith_certlog_leaf(&leaves[i], certs[i]);
	}
	kith_certlog_root(&head.root, leaves, 3);
	vec_number(v.in, "time_ms", head.time_ms);
	vec_bytes(v.in, "issuer", w->issuer.pk.b, KITH_KEY_LEN);
	list = vec_list(v.mid, "leaves");
	for (size_t i = 0; i < 3; i++)
		vec_item_bytes(list, leaves[i].b, sizeof leaves[i].b);
	vec_bytes(v.mid, "root", head.root.b, sizeof head.root.b);
	int steps = kith_certlog_inclusion(proof, leaves, 3, 1);
	list = vec_list(v.out, "second_is_in");
	for (int i = 0; i < steps; i++)
		vec_item_bytes(list, proof[i].b, sizeof proof[i].b);
	steps = kith_certlog_consistency(proof, leaves, 3, 2);
	list = vec_list(v.out, "grew_from_two");
	for (int i = 0; i < steps; i++)
		vec_item_bytes(list, proof[i].b, sizeof proof[i].b);
	struct kith_span made = vec_made(bytes, kith_certlog_head_make(bytes, &head, &w->issuer_seed));
	put_signed(&v, &w->issuer, KITH_SIGN_LOG_HEAD, made);
	vec_end(&v);
}

/* An issuer that shows this log to some, and that one to others. */
static void fork(struct vec_topic *topic, const struct world *w)
{
	uint8_t heads[2][KITH_CERTLOG_HEAD_LEN_MAX], whole[KITH_FORK_LEN_MAX];
	struct kith_span spans[2];
	struct vec v =
		vec_begin(topic, "log fork", "8.9", "Two heads of one size with two roots; the older one first.");
	vec_covers(&v, "object", "FORK");
	for (int i = 0; i < 2; i++) {
		struct kith_certlog_head head = { .size = 3, .time_ms = WORLD_NOW_MS - i };
		vec_seed(head.root.b, i == 0 ? "root of some" : "root of others");
		spans[i] = vec_made(heads[i], kith_certlog_head_make(heads[i], &head, &w->issuer_seed));
	}
	vec_span(v.in, "newer", spans[0]);
	vec_span(v.in, "older", spans[1]);
	vec_span(v.out, "object", vec_span_of(whole, kith_fork_make(whole, spans[0], spans[1])));
	vec_end(&v);
}

static void params(struct vec_topic *topic, const struct world *w)
{
	uint8_t bytes[KITH_PARAMS_LEN_MAX];
	const struct kith_params p = { .number = 3,
				       .issued_s = WORLD_NOW_MS / 1000,
				       .eligible = KITH_ELIGIBLE_CERTIFIED };
	struct vec v = vec_begin(topic, "network parameters", "8.10", "Only certified names may be supernodes.");
	vec_covers(&v, "object", "PARAMS");
	vec_bytes(v.in, "network", w->network.b, KITH_ISSUER_ID_LEN);
	vec_number(v.in, "number", (int64_t)p.number);
	vec_number(v.in, "issued_s", p.issued_s);
	vec_number(v.in, "eligible", p.eligible);
	put_signed(&v, &w->root, KITH_SIGN_PARAMS, vec_made(bytes, kith_params_make(bytes, &p, &w->root_seed)));
	vec_end(&v);
}

void topic_certificates(struct vec_topic *topic)
{
	struct world w;
	struct person alice, haven;
	world_init(&w);
	world_person(&w, &alice, "alice");
	world_supernode(&w, &haven, "haven", "198.51.100.7:4500");
	issuer_cert(topic, &w);
	name_cert(topic, &w, &alice, "name certificate", "The issuer certifies a leaf's name.");
	name_cert(topic, &w, &haven, "name certificate of a supernode", "The supernode flag is set.");
	device_cert(topic, &alice);
	chain(topic, &w, &alice, KITH_CHAIN_FULL);
	chain(topic, &w, &alice, KITH_CHAIN_BY_ID);
	chain(topic, &w, &alice, KITH_CHAIN_OPEN);
	verified(topic, &w, &alice);
	refused_bytes(topic, &w, &alice);
	refused_terms(topic, &w);
	lists(topic, &w, &alice);
	certlog(topic, &w, (const struct kith_span[]){ alice.name_cert, haven.name_cert, alice.name_cert });
	fork(topic, &w);
	params(topic, &w);
}
