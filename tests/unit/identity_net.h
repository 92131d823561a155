/* A trust in the world of identity_world.h, with an allocator that counts and a suite that counts verifications. For
 * one test program: the count is its own. */
#ifndef KITH_TESTS_IDENTITY_NET_H
#define KITH_TESTS_IDENTITY_NET_H

#include "identity_world.h"

#include "identity/trust.h"

struct net {
	struct world w;
	struct test_alloc alloc;
	struct kith_blobs blobs;
	struct kith_trust trust;
	struct kith_suite counting; /* the real suite, counting verifications */
};

/* The suite's calls have no context, so the count is the test program's. */
static unsigned verifications;

static inline int counting_verify(const uint8_t sig[KITH_SIG_LEN], const uint8_t *p, size_t len,
				  const uint8_t pk[KITH_KEY_LEN])
{
	verifications++;
	return kith_suite_sodium()->verify(sig, p, len, pk);
}

static inline void net_init_as(struct net *n, bool open, uint16_t issuers, uint32_t lists, uint32_t chains)
{
	static const uint64_t seed[2] = { 1, 2 };
	world_init(&n->w);
	test_alloc_init(&n->alloc);
	kith_blobs_init(&n->blobs, &n->alloc.alloc, 1000, seed);
	n->counting = *n->w.suite;
	n->counting.verify = counting_verify;
	struct kith_trust_options o = { .suite = &n->counting,
					.alloc = &n->alloc.alloc,
					.blobs = &n->blobs,
					.root = open ? NULL : &n->w.root.pk,
					.open_label = open ? "playground" : NULL,
					.issuers_max = issuers,
					.device_lists_max = lists,
					.chains_max = chains,
					.seed = { 3, 4 } };
	assert_int_equal(kith_trust_init(&n->trust, &o), 0);
	assert_int_equal(n->alloc.live_blocks, 0);
	verifications = 0;
}

static inline void net_init(struct net *n)
{
	net_init_as(n, false, 4, 4, 4);
}

static inline void net_deinit(struct net *n)
{
	kith_trust_deinit(&n->trust);
	kith_blobs_deinit(&n->blobs);
	test_alloc_check(&n->alloc);
}

static inline int check_at(struct net *n, struct kith_span chain, int64_t offset_ms)
{
	static const struct kith_person nobody;
	struct kith_person p;
	struct kith_now now = world_now(offset_ms);
	int err = kith_trust_check(&n->trust, &now, chain, &p);
	if (err != 0)
		assert_memory_equal(&p, &nobody, sizeof p);
	return err;
}

static inline int check(struct net *n, struct kith_span chain)
{
	return check_at(n, chain, 0);
}

/* A revocation list by the root or by the world's issuer, given to the trust. */
static inline int revoke(struct net *n, bool root, uint64_t number, const struct kith_serial_range *range,
			 const struct kith_key *key)
{
	uint8_t buf[1024];
	struct kith_revocation list = { .signer = root ? KITH_REVOKED_BY_ROOT : KITH_REVOKED_BY_ISSUER,
					.number = number,
					.issued_s = WORLD_NOW_S - 60,
					.next_update_s = WORLD_NOW_S + 86400 };
	struct kith_now now = world_now(0);
	memcpy(list.signer_id, root ? n->w.network.b : n->w.name_cert.issuer_id, sizeof list.signer_id);
	int len = kith_revocation_sign(n->w.suite, buf, sizeof buf, &list, range, range != NULL, key, key != NULL,
				       root ? n->w.root.sk : n->w.issuer.sk);
	return kith_trust_revocation_add(&n->trust, &now, world_made(buf, len));
}

static inline int list_devices_at(struct net *n, const struct kith_now *now, const struct kith_signer *identity,
				  uint64_t number, const struct kith_key keys[], size_t count, bool keep)
{
	uint8_t buf[KITH_DEVICES_LEN_MAX];
	int len = kith_devices_sign(n->w.suite, buf, number, keys, count, test_span(NULL, 0), identity->sk);
	return kith_trust_devices_add(&n->trust, now, &identity->pk, world_made(buf, len), keep);
}

static inline int list_devices(struct net *n, const struct kith_signer *identity, uint64_t number,
			       const struct kith_key keys[], size_t count, bool keep)
{
	const struct kith_now now = world_now(0);
	return list_devices_at(n, &now, identity, number, keys, count, keep);
}

#endif
