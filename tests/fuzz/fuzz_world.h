/* A small network with fixed keys for fuzz targets that need something signed: a trust, and supernodes by number. Made
 * once and kept for the life of the process. */
#ifndef KITH_FUZZ_WORLD_H
#define KITH_FUZZ_WORLD_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/blob.h"
#include "identity/cert.h"
#include "identity/keypair.h"
#include "identity/trust.h"
#include "wire/record.h"

#define FW_NOW_MS (INT64_C(1800000000) * 1000)

struct fw {
	const struct kith_suite *suite;
	struct kith_alloc alloc;
	struct kith_blobs blobs;
	struct kith_trust trust;
	struct kith_signer root, issuer;
	uint8_t issuer_buf[KITH_CERT_MAX];
	struct kith_span issuer_cert;
	struct kith_now now;
};

static inline void *fw_realloc(void *ctx, void *p, size_t old_len, size_t new_len)
{
	(void)ctx;
	(void)old_len;
	if (new_len == 0) {
		free(p);
		return NULL;
	}
	return realloc(p, new_len);
}

static const uint64_t fw_seed[2] = { 1, 2 }; /* of the hash tables */

static inline struct kith_span fw_span(const uint8_t *p, int len)
{
	KITH_ASSERT(len > 0);
	struct kith_span s = { p, (size_t)len };
	return s;
}

static inline void fw_init(struct fw *w)
{
	const struct kith_seed root = { { 1 } }, issuer = { { 2 } };
	int err = kith_suite_sodium_init();
	KITH_ASSERT(err == 0);
	memset(w, 0, sizeof *w);
	w->suite = kith_suite_sodium();
	w->alloc.realloc_fn = fw_realloc;
	w->now = (struct kith_now){ 0, FW_NOW_MS, true };
	kith_blobs_init(&w->blobs, &w->alloc, 1000, fw_seed);
	kith_signer_from_seed(&w->root, w->suite, &root);
	kith_signer_from_seed(&w->issuer, w->suite, &issuer);
	struct kith_trust_options o = { .suite = w->suite,
					.alloc = &w->alloc,
					.blobs = &w->blobs,
					.root = &w->root.pk,
					.issuers_max = 4,
					.device_lists_max = 16,
					.chains_max = 64,
					.seed = { 1, 2 } };
	err = kith_trust_init(&w->trust, &o);
	KITH_ASSERT(err == 0);
	struct kith_issuer_cert c = { .issuer = w->issuer.pk,
				      .serial = 1,
				      .flags = KITH_ISSUER_SUPERNODES,
				      .not_before_s = FW_NOW_MS / 1000 - 86400,
				      .expires_s = FW_NOW_MS / 1000 + 86400 * 90 };
	w->issuer_cert = fw_span(w->issuer_buf, kith_issuer_cert_sign(w->suite, w->issuer_buf, &c, w->root.sk));
}

/* The chain and the keys of supernode n. */
static inline struct kith_span fw_chain(struct fw *w, uint8_t n, uint8_t chain[KITH_CHAIN_MAX],
					struct kith_device_keys *device, char name[KITH_NAME_MAX + 1])
{
	uint8_t name_buf[KITH_CERT_MAX], device_buf[KITH_CERT_MAX];
	const struct kith_seed identity_seed = { { 3, n } }, device_seed = { { 4, n } };
	struct kith_signer identity;
	kith_signer_from_seed(&identity, w->suite, &identity_seed);
	kith_device_keys_from_seed(device, w->suite, &device_seed);
	struct kith_name_cert nc = { .identity = identity.pk,
				     .serial = 1,
				     .not_before_s = FW_NOW_MS / 1000 - 60,
				     .expires_s = FW_NOW_MS / 1000 + 86400,
				     .flags = KITH_NAME_SUPERNODE };
	struct kith_device_cert dc = { .dh = device->dh_pk,
				       .sign = device->sign.pk,
				       .not_before_s = FW_NOW_MS / 1000 - 60,
				       .expires_s = FW_NOW_MS / 1000 + 86400 };
	kith_ids_issuer(w->suite, nc.issuer_id, &w->issuer.pk);
	snprintf(nc.name, sizeof nc.name, "node-%u", (unsigned)n);
	memcpy(name, nc.name, sizeof nc.name);
	memset(nc.placement, 17 * n, sizeof nc.placement);
	struct kith_span name_span = fw_span(name_buf, kith_name_cert_sign(w->suite, name_buf, &nc, w->issuer.sk));
	struct kith_span device_span =
		fw_span(device_buf, kith_device_cert_sign(w->suite, device_buf, &dc, identity.sk));
	return fw_span(chain,
		       kith_chain_join(w->suite, chain, &w->trust.network, w->issuer_cert, name_span, device_span));
}

static inline struct kith_span fw_member(struct fw *w, uint8_t n, uint8_t out[KITH_MEMBER_LEN_MAX])
{
	uint8_t chain[KITH_CHAIN_MAX];
	char name[KITH_NAME_MAX + 1];
	struct kith_device_keys device;
	struct kith_member_entry e = { .seq = (uint64_t)FW_NOW_MS, .expires_ms = FW_NOW_MS + 1000, .endpoints_n = 1 };
	e.chain = fw_chain(w, n, chain, &device, name);
	e.endpoints[0] = (struct kith_endpoint){ { .family = KITH_FAMILY_V4, .port = 4500, .ip = { 20, n, 1, 1 } },
						 KITH_TRANSPORT_UDP,
						 0 };
	return fw_span(out, kith_member_make(w->suite, out, &e, device.sign.sk));
}

#endif
