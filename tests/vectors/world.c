#include "world.h"

#include <stdio.h>
#include <string.h>

static struct kith_seed seed_of(const char *name, const char *what)
{
	struct kith_seed seed;
	char text[2 * KITH_NAME_MAX];
	int n = snprintf(text, sizeof text, "%s%s%s", name, what[0] != '\0' ? " " : "", what);
	VEC_REQUIRE(n > 0 && (size_t)n < sizeof text);
	vec_seed(seed.b, text);
	return seed;
}

void world_init(struct world *w)
{
	memset(w, 0, sizeof *w);
	VEC_REQUIRE(kith_suite_sodium_init() == 0);
	w->suite = kith_suite_sodium();
	w->now = (struct kith_now){ KITH_US_PER_S, WORLD_NOW_MS, true };
	w->root_seed = seed_of("root", "");
	w->issuer_seed = seed_of("issuer", "");
	kith_signer_from_seed(&w->root, w->suite, &w->root_seed);
	kith_signer_from_seed(&w->issuer, w->suite, &w->issuer_seed);
	kith_ids_network(w->suite, &w->network, &w->root.pk);
	struct kith_issuer_cert terms = { .issuer = w->issuer.pk,
					  .serial = WORLD_ISSUER_SERIAL,
					  .flags = KITH_ISSUER_SUPERNODES,
					  .not_before_s = WORLD_NOW_S - 40 * WORLD_DAY_S,
					  .expires_s = WORLD_NOW_S + 90 * WORLD_DAY_S };
	w->issuer_cert =
		vec_made(w->issuer_bytes, kith_issuer_cert_sign(w->suite, w->issuer_bytes, &terms, w->root.sk));
}

void world_certify(const struct world *w, struct person *p)
{
	p->name_cert =
		vec_made(p->name_bytes, kith_name_cert_sign(w->suite, p->name_bytes, &p->name_terms, w->issuer.sk));
	p->device_cert = vec_made(p->device_bytes,
				  kith_device_cert_sign(w->suite, p->device_bytes, &p->device_terms, p->identity.sk));
	p->full = vec_made(p->full_bytes, kith_chain_join(w->suite, p->full_bytes, &w->network, w->issuer_cert,
							  p->name_cert, p->device_cert));
	p->by_id = vec_made(p->by_id_bytes, kith_chain_shorten(p->by_id_bytes, p->full));
}

void world_person(const struct world *w, struct person *p, const char *name)
{
	memset(p, 0, sizeof *p);
	int n = snprintf(p->name, sizeof p->name, "%s", name);
	VEC_REQUIRE(n > 0 && (size_t)n < sizeof p->name);
	p->identity_seed = seed_of(name, "identity");
	p->device_seed = seed_of(name, "device");
	kith_signer_from_seed(&p->identity, w->suite, &p->identity_seed);
	kith_device_keys_from_seed(&p->device, w->suite, &p->device_seed);
	p->name_terms = (struct kith_name_cert){ .identity = p->identity.pk,
						 .serial = WORLD_NAME_SERIAL,
						 .not_before_s = WORLD_NOW_S - 30 * WORLD_DAY_S,
						 .expires_s = WORLD_NOW_S + 60 * WORLD_DAY_S };
	kith_ids_issuer(w->suite, p->name_terms.issuer_id, &w->issuer.pk);
	memcpy(p->name_terms.name, p->name, sizeof p->name);
	memcpy(p->name_terms.placement, seed_of(name, "placement").b, KITH_PLACEMENT_LEN);
	p->device_terms = (struct kith_device_cert){ .dh = p->device.dh_pk,
						     .sign = p->device.sign.pk,
						     .not_before_s = WORLD_NOW_S - WORLD_DAY_S,
						     .expires_s = WORLD_NOW_S + 20 * WORLD_DAY_S };
	world_certify(w, p);
}

void world_supernode(const struct world *w, struct person *p, const char *name, const char *addr)
{
	world_person(w, p, name);
	p->name_terms.flags = KITH_NAME_SUPERNODE;
	p->addr = world_addr(addr);
	world_certify(w, p);
}

struct kith_self world_self(const struct world *w, const struct person *p, const struct kith_random *random,
			    enum kith_role role)
{
	struct kith_self self = { .suite = w->suite,
				  .random = random,
				  .network = w->network,
				  .chain = p->full,
				  .features = KITH_FEATURE_STREAMS,
				  .role = (uint8_t)role };
	memcpy(self.dh_sk, p->device.dh_sk, sizeof self.dh_sk);
	memcpy(self.dh_pk, p->device.dh_pk.b, sizeof self.dh_pk);
	memcpy(self.sign_sk, p->device.sign.sk, sizeof self.sign_sk);
	memcpy(self.sign_pk, p->device.sign.pk.b, sizeof self.sign_pk);
	return self;
}

void world_trust_init(const struct world *w, struct world_trust *t)
{
	static const uint64_t seed[2] = { 1, 2 };
	kith_blobs_init(&t->blobs, vec_alloc(), 4096, seed);
	struct kith_trust_options options = { .suite = w->suite,
					      .alloc = vec_alloc(),
					      .blobs = &t->blobs,
					      .root = &w->root.pk,
					      .issuers_max = 4,
					      .device_lists_max = 16,
					      .chains_max = 256,
					      .seed = { 3, 4 } };
	VEC_REQUIRE(kith_trust_init(&t->trust, &options) == 0);
}

void world_trust_deinit(struct world_trust *t)
{
	kith_trust_deinit(&t->trust);
	kith_blobs_deinit(&t->blobs);
}

struct kith_addr world_addr(const char *text)
{
	struct kith_addr addr;
	VEC_REQUIRE(kith_addr_parse(&addr, text) == 0);
	return addr;
}

struct kith_endpoint world_endpoint(const char *text, enum kith_transport_kind kind)
{
	struct kith_endpoint e = { world_addr(text), (uint8_t)kind, 0 };
	return e;
}

struct kith_home world_home(const struct world *w, const struct person *supernode)
{
	struct kith_home home = { .host = { .dh = supernode->device.dh_pk, .endpoints_n = 1 } };
	home.host.endpoints[0] = kith_endpoint_udp(&supernode->addr);
	kith_home_tag(w->suite, home.tag, &supernode->device.sign.pk);
	return home;
}

struct kith_record world_record(const struct world *w, const struct person *p, const struct person *const homes[],
				uint8_t homes_n)
{
	struct kith_record record = { .seq = (uint64_t)WORLD_NOW_MS,
				      .expires_ms = WORLD_NOW_MS + KITH_RECORD_LIFE_MS,
				      .homes_n = homes_n,
				      .chain = p->full };
	kith_ids_directory(w->suite, &record.key, &w->network, p->name);
	for (uint8_t i = 0; i < homes_n; i++)
		record.homes[i] = world_home(w, homes[i]);
	return record;
}

struct kith_span world_record_sign(const struct world *w, const struct person *p, const struct kith_record *record,
				   uint8_t buf[KITH_RECORD_LEN_MAX])
{
	return vec_made(buf, kith_record_make(w->suite, buf, record, p->device.sign.sk));
}

struct kith_member_entry world_member(const struct person *supernode)
{
	struct kith_member_entry entry = { .seq = (uint64_t)WORLD_NOW_MS,
					   .expires_ms = WORLD_NOW_MS + KITH_MEMBER_LIFE_MS,
					   .endpoints_n = 1,
					   .chain = supernode->full };
	entry.endpoints[0] = kith_endpoint_udp(&supernode->addr);
	return entry;
}

struct kith_span world_member_sign(const struct world *w, const struct person *supernode,
				   const struct kith_member_entry *entry, uint8_t buf[KITH_MEMBER_LEN_MAX])
{
	return vec_made(buf, kith_member_make(w->suite, buf, entry, supernode->device.sign.sk));
}

struct kith_span world_vanish(const struct world *w, const struct person *home, const struct kith_record *record,
			      const struct kith_key *device, uint8_t buf[KITH_VANISH_LEN_MAX])
{
	struct kith_vanish vanish = { .key = record->key,
				      .device = *device,
				      .seq = record->seq,
				      .at_ms = WORLD_NOW_MS + 90000,
				      .home = home->device.sign.pk };
	return vec_made(buf, kith_vanish_make(w->suite, buf, &vanish, home->device.sign.sk));
}
