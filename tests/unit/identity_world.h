/* A small network for the tests of identity: a root, an issuer, Alice with an identity and a device, all from fixed
 * seeds. */
#ifndef KITH_TESTS_IDENTITY_WORLD_H
#define KITH_TESTS_IDENTITY_WORLD_H

#include "support.h"

#include "identity/cert.h"
#include "identity/devices.h"
#include "identity/keypair.h"
#include "identity/revocation.h"

#define WORLD_NOW_S INT64_C(1800000000)

struct world {
	const struct kith_suite *suite;
	struct kith_signer root, issuer, identity;
	struct kith_device_keys device;
	struct kith_id network;
	/* Templates; change and sign again with world_sign. */
	struct kith_issuer_cert issuer_cert;
	struct kith_name_cert name_cert;
	struct kith_device_cert device_cert;
	uint8_t issuer_buf[KITH_CERT_MAX], name_buf[KITH_CERT_MAX], device_buf[KITH_CERT_MAX];
	struct kith_span issuer_span, name_span, device_span;
	uint8_t full_buf[KITH_CHAIN_MAX], by_id_buf[KITH_CHAIN_MAX], open_buf[KITH_CHAIN_MAX];
	struct kith_span full, by_id, open;
};

static inline struct kith_seed world_seed(uint8_t n)
{
	struct kith_seed seed;
	memset(seed.b, n, sizeof seed.b);
	return seed;
}

static inline void world_signer(const struct world *w, struct kith_signer *s, uint8_t n)
{
	struct kith_seed seed = world_seed(n);
	kith_signer_from_seed(s, w->suite, &seed);
}

static inline struct kith_span world_made(const uint8_t *p, int len)
{
	assert_true(len > 0);
	return test_span(p, (size_t)len);
}

/* Signs the three certificates and joins the chains. */
static inline void world_sign(struct world *w)
{
	static const struct kith_span none = { NULL, 0 };
	struct kith_id open;
	w->issuer_span =
		world_made(w->issuer_buf, kith_issuer_cert_sign(w->suite, w->issuer_buf, &w->issuer_cert, w->root.sk));
	w->name_span = world_made(w->name_buf, kith_name_cert_sign(w->suite, w->name_buf, &w->name_cert, w->issuer.sk));
	w->device_span = world_made(w->device_buf,
				    kith_device_cert_sign(w->suite, w->device_buf, &w->device_cert, w->identity.sk));
	w->full = world_made(w->full_buf, kith_chain_join(w->suite, w->full_buf, &w->network, w->issuer_span,
							  w->name_span, w->device_span));
	w->by_id = world_made(w->by_id_buf,
			      kith_chain_join(w->suite, w->by_id_buf, &w->network, none, w->name_span, w->device_span));
	assert_int_equal(kith_ids_network_open(w->suite, &open, "playground"), 0);
	w->open = world_made(w->open_buf, kith_chain_make_open(w->open_buf, &open, &w->identity.pk, w->device_span));
}

static inline void world_init(struct world *w)
{
	struct kith_seed device_seed = world_seed(4);
	memset(w, 0, sizeof *w);
	assert_int_equal(kith_suite_sodium_init(), 0);
	w->suite = kith_suite_sodium();
	world_signer(w, &w->root, 1);
	world_signer(w, &w->issuer, 2);
	world_signer(w, &w->identity, 3);
	kith_device_keys_from_seed(&w->device, w->suite, &device_seed);
	kith_ids_network(w->suite, &w->network, &w->root.pk);

	w->issuer_cert.issuer = w->issuer.pk;
	w->issuer_cert.serial = 7;
	w->issuer_cert.not_before_s = WORLD_NOW_S - 40 * 86400;
	w->issuer_cert.expires_s = WORLD_NOW_S + 90 * 86400;
	strcpy(w->issuer_cert.constraint, ".example");
	w->issuer_cert.flags = KITH_ISSUER_SUPERNODES;

	kith_ids_issuer(w->suite, w->name_cert.issuer_id, &w->issuer.pk);
	strcpy(w->name_cert.name, "alice.example");
	w->name_cert.identity = w->identity.pk;
	w->name_cert.serial = 4711;
	w->name_cert.not_before_s = WORLD_NOW_S - 30 * 86400;
	w->name_cert.expires_s = WORLD_NOW_S + 60 * 86400;
	memset(w->name_cert.placement, 0xa5, KITH_PLACEMENT_LEN);
	w->name_cert.flags = KITH_NAME_SUPERNODE;

	w->device_cert.dh = w->device.dh_pk;
	w->device_cert.sign = w->device.sign.pk;
	w->device_cert.not_before_s = WORLD_NOW_S - 86400;
	w->device_cert.expires_s = WORLD_NOW_S + 20 * 86400;
	world_sign(w);
}

static inline struct kith_now world_now(int64_t offset_ms)
{
	struct kith_now now = { 0, WORLD_NOW_S * 1000 + offset_ms, true };
	return now;
}

#endif
