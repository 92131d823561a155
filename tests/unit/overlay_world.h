/* A network of many devices for the tests of records and of the overlay: one root, one issuer, nodes by number. */
#ifndef KITH_TESTS_OVERLAY_WORLD_H
#define KITH_TESTS_OVERLAY_WORLD_H

#include "support.h"

#include "base/blob.h"
#include "identity/cert.h"
#include "identity/devices.h"
#include "identity/keypair.h"
#include "identity/trust.h"
#include "wire/record.h"

#define OW_NOW_MS (INT64_C(1800000000) * 1000)
static const uint64_t ow_seed[2] = { 11, 12 };

struct ow {
	const struct kith_suite *suite;
	struct test_alloc mem;
	struct test_random rnd;
	struct kith_blobs blobs;
	struct kith_trust trust;
	struct kith_signer root, issuer;
	struct kith_id network;
	uint8_t issuer_buf[KITH_CERT_MAX];
	struct kith_span issuer_cert;
	struct kith_now now;
};

struct ow_node {
	struct kith_signer identity;
	struct kith_device_keys device;
	char name[KITH_NAME_MAX + 1];
	uint8_t chain_buf[KITH_CHAIN_MAX];
	struct kith_span chain;
	struct kith_addr addr;
};

static inline struct kith_seed ow_seed_of(uint8_t kind, uint32_t n)
{
	struct kith_seed seed = { { kind, (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n } };
	return seed;
}

static inline void ow_init(struct ow *w, const struct kith_suite *suite)
{
	struct kith_seed root = ow_seed_of(1, 0), issuer = ow_seed_of(2, 0);
	memset(w, 0, sizeof *w);
	assert_int_equal(kith_suite_sodium_init(), 0);
	w->suite = suite;
	w->now = (struct kith_now){ KITH_US_PER_S, OW_NOW_MS, true };
	test_alloc_init(&w->mem);
	test_random_init(&w->rnd, 42);
	kith_blobs_init(&w->blobs, &w->mem.alloc, 200000, ow_seed);
	kith_signer_from_seed(&w->root, suite, &root);
	kith_signer_from_seed(&w->issuer, suite, &issuer);
	kith_ids_network(suite, &w->network, &w->root.pk);
	struct kith_trust_options o = {
		.suite = suite,
		.alloc = &w->mem.alloc,
		.blobs = &w->blobs,
		.root = &w->root.pk,
		.issuers_max = 4,
		.device_lists_max = 64,
		.chains_max = 4096,
		.seed = { 1, 2 },
	};
	assert_int_equal(kith_trust_init(&w->trust, &o), 0);
	struct kith_issuer_cert c = { .issuer = w->issuer.pk,
				      .serial = 1,
				      .flags = KITH_ISSUER_SUPERNODES,
				      .not_before_s = OW_NOW_MS / 1000 - 86400,
				      .expires_s = OW_NOW_MS / 1000 + 86400 * 90 };
	int len = kith_issuer_cert_sign(suite, w->issuer_buf, &c, w->root.sk);
	assert_true(len > 0);
	w->issuer_cert = test_span(w->issuer_buf, (size_t)len);
}

static inline void ow_deinit(struct ow *w)
{
	kith_trust_deinit(&w->trust);
	kith_blobs_deinit(&w->blobs);
	test_alloc_check(&w->mem);
}

/* A public address: node n in the /16 number `prefix`. */
static inline struct kith_addr ow_addr(uint32_t prefix, uint32_t n)
{
	struct kith_addr a = { .family = KITH_FAMILY_V4, .port = 4500 };
	a.ip[0] = (uint8_t)(20 + prefix / 250);
	a.ip[1] = (uint8_t)(prefix % 250);
	a.ip[2] = (uint8_t)(n >> 8);
	a.ip[3] = (uint8_t)n;
	return a;
}

static inline struct kith_endpoint ow_endpoint(uint32_t prefix, uint32_t n)
{
	struct kith_addr addr = ow_addr(prefix, n);
	return kith_endpoint_udp(&addr);
}

/* Its placement is made of a number of its own. */
static inline void ow_node_placed(struct ow *w, struct ow_node *node, uint32_t n, uint8_t flags, uint32_t place)
{
	struct kith_seed identity = ow_seed_of(3, n), device = ow_seed_of(4, n);
	uint8_t name_buf[KITH_CERT_MAX], device_buf[KITH_CERT_MAX];
	memset(node, 0, sizeof *node);
	kith_signer_from_seed(&node->identity, w->suite, &identity);
	kith_device_keys_from_seed(&node->device, w->suite, &device);
	snprintf(node->name, sizeof node->name, "node-%u", (unsigned)n);
	struct kith_name_cert nc = { .identity = node->identity.pk,
				     .serial = 100 + n,
				     .not_before_s = OW_NOW_MS / 1000 - 3600,
				     .expires_s = OW_NOW_MS / 1000 + 86400 * 30,
				     .flags = flags };
	struct kith_device_cert dc = { .dh = node->device.dh_pk,
				       .sign = node->device.sign.pk,
				       .not_before_s = OW_NOW_MS / 1000 - 3600,
				       .expires_s = OW_NOW_MS / 1000 + 86400 * 20 };
	kith_ids_issuer(w->suite, nc.issuer_id, &w->issuer.pk);
	strcpy(nc.name, node->name);
	struct test_random placement;
	test_random_init(&placement, 1000 + place);
	placement.random.fill(&placement, nc.placement, sizeof nc.placement);
	int name_len = kith_name_cert_sign(w->suite, name_buf, &nc, w->issuer.sk);
	int device_len = kith_device_cert_sign(w->suite, device_buf, &dc, node->identity.sk);
	assert_true(name_len > 0 && device_len > 0);
	int len = kith_chain_join(w->suite, node->chain_buf, &w->network, w->issuer_cert,
				  test_span(name_buf, (size_t)name_len), test_span(device_buf, (size_t)device_len));
	assert_true(len > 0);
	node->chain = test_span(node->chain_buf, (size_t)len);
	node->addr = ow_addr(n, n);
}

static inline void ow_node_flags(struct ow *w, struct ow_node *node, uint32_t n, uint8_t flags)
{
	ow_node_placed(w, node, n, flags, n);
}

static inline void ow_node(struct ow *w, struct ow_node *node, uint32_t n)
{
	ow_node_flags(w, node, n, KITH_NAME_SUPERNODE);
}

static inline struct kith_member_entry ow_entry_of(const struct ow *w, const struct ow_node *node)
{
	struct kith_member_entry e = { .seq = (uint64_t)w->now.unix_ms,
				       .expires_ms = w->now.unix_ms + KITH_MEMBER_LIFE_MS,
				       .endpoints_n = 1,
				       .chain = node->chain };
	e.endpoints[0] = kith_endpoint_udp(&node->addr);
	return e;
}

static inline struct kith_span ow_entry_sign(const struct ow *w, const struct ow_node *node, uint8_t *buf,
					     const struct kith_member_entry *e)
{
	int len = kith_member_make(w->suite, buf, e, node->device.sign.sk);
	assert_true(len > 0);
	return test_span(buf, (size_t)len);
}

/* A member entry of the node: higher seq_add is newer. */
static inline struct kith_span ow_entry(const struct ow *w, const struct ow_node *node, uint8_t *buf, uint64_t seq_add)
{
	struct kith_member_entry e = ow_entry_of(w, node);
	e.seq += seq_add;
	return ow_entry_sign(w, node, buf, &e);
}

static inline struct kith_home ow_home(const struct ow *w, const struct ow_node *node)
{
	struct kith_home h = { .host = { .dh = node->device.dh_pk, .endpoints_n = 1 } };
	h.host.endpoints[0] = kith_endpoint_udp(&node->addr);
	kith_home_tag(w->suite, h.tag, &node->device.sign.pk);
	return h;
}

/* A record of the node with homes. */
static inline struct kith_record ow_record_of(const struct ow *w, const struct ow_node *node,
					      const struct ow_node homes[], uint8_t homes_n)
{
	struct kith_record r = { .seq = (uint64_t)w->now.unix_ms,
				 .expires_ms = w->now.unix_ms + KITH_RECORD_LIFE_MS,
				 .homes_n = homes_n,
				 .chain = node->chain };
	kith_ids_directory(w->suite, &r.key, &w->network, node->name);
	for (uint8_t i = 0; i < homes_n; i++)
		r.homes[i] = ow_home(w, &homes[i]);
	return r;
}

static inline struct kith_span ow_record_sign(const struct ow *w, const struct ow_node *node, uint8_t *buf,
					      const struct kith_record *r)
{
	int len = kith_record_make(w->suite, buf, r, node->device.sign.sk);
	assert_true(len > 0);
	return test_span(buf, (size_t)len);
}

static inline struct kith_span ow_vanish(const struct ow *w, const struct ow_node *home, uint8_t *buf,
					 const struct kith_record *r, const struct kith_key *device)
{
	struct kith_vanish v = { .key = r->key, .device = *device, .seq = r->seq, .at_ms = w->now.unix_ms };
	v.home = home->device.sign.pk;
	int len = kith_vanish_make(w->suite, buf, &v, home->device.sign.sk);
	assert_true(len > 0);
	return test_span(buf, (size_t)len);
}

#endif
