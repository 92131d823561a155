/* The network that all topics speak of: one root, one issuer, people and supernodes by name, at one moment.
 *
 * Every key follows from a seed, and every seed from a text (vec_seed): "root", "issuer", "<name> identity", "<name>
 * device". Placements are the first half of the seed "<name> placement".
 */
#ifndef KITH_TESTS_VECTORS_WORLD_H
#define KITH_TESTS_VECTORS_WORLD_H

#include <kith/core.h>

#include "vec.h"

#include "base/blob.h"
#include "identity/cert.h"
#include "identity/keypair.h"
#include "identity/trust.h"
#include "session/handshake.h"
#include "wire/record.h"

#define WORLD_NOW_S INT64_C(1800000000)
#define WORLD_NOW_MS (WORLD_NOW_S * 1000)
#define WORLD_DAY_S INT64_C(86400)
#define WORLD_ISSUER_SERIAL 7
#define WORLD_NAME_SERIAL 4711

struct world {
	const struct kith_suite *suite;
	struct kith_now now;
	struct kith_seed root_seed, issuer_seed;
	struct kith_signer root, issuer;
	struct kith_id network;
	uint8_t issuer_bytes[KITH_CERT_MAX];
	struct kith_span issuer_cert;
};

/* Somebody with a name, an identity and one device. Points into itself: must not move. */
struct person {
	char name[KITH_NAME_MAX + 1];
	struct kith_seed identity_seed, device_seed;
	struct kith_signer identity;
	struct kith_device_keys device;
	struct kith_name_cert name_terms; /* as certified */
	struct kith_device_cert device_terms;
	uint8_t name_bytes[KITH_CERT_MAX], device_bytes[KITH_CERT_MAX];
	struct kith_span name_cert, device_cert;
	uint8_t full_bytes[KITH_CHAIN_MAX], by_id_bytes[KITH_CHAIN_MAX];
	struct kith_span full, by_id; /* chains */
	struct kith_addr addr; /* supernodes: a public one */
};

void world_init(struct world *w);

/* A leaf: no slots, no flags. */
void world_person(const struct world *w, struct person *p, const char *name);
/* One with the supernode flag and one slot, at an address such as "198.51.100.7:4500". */
void world_supernode(const struct world *w, struct person *p, const char *name, const char *addr);
/* Signs and joins again after the terms were changed. */
void world_certify(const struct world *w, struct person *p);

/* The node as its handshakes need it; p and random are borrowed. */
struct kith_self world_self(const struct world *w, const struct person *p, const struct kith_random *random,
			    enum kith_role role);

/* A trust of this network that has seen nothing; freed with world_trust_deinit. */
struct world_trust {
	struct kith_blobs blobs;
	struct kith_trust trust;
};
void world_trust_init(const struct world *w, struct world_trust *t);
void world_trust_deinit(struct world_trust *t);

struct kith_addr world_addr(const char *text);
struct kith_endpoint world_endpoint(const char *text, enum kith_transport_kind kind);

/* Objects of the directory, signed. Each writes into buf. */
struct kith_home world_home(const struct world *w, const struct person *supernode);
struct kith_record world_record(const struct world *w, const struct person *p, const struct person *const homes[],
				uint8_t homes_n);
struct kith_span world_record_sign(const struct world *w, const struct person *p, const struct kith_record *record,
				   uint8_t buf[KITH_RECORD_LEN_MAX]);
struct kith_member_entry world_member(const struct person *supernode);
struct kith_span world_member_sign(const struct world *w, const struct person *supernode,
				   const struct kith_member_entry *entry, uint8_t buf[KITH_MEMBER_LEN_MAX]);
struct kith_span world_vanish(const struct world *w, const struct person *home, const struct kith_record *record,
			      const struct kith_key *device, uint8_t buf[KITH_VANISH_LEN_MAX]);

#endif
