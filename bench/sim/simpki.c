#include "sim/simpki.h"

#include <string.h>

#include "base/assert.h"
#include "identity/cert.h"
#include "identity/devices.h"
#include "sim/simrandom.h"

#define DAY_S INT64_C(86400)

/* Streams of the seed that keys are made from; a node's own are above. */
enum stream { STREAM_ROOT = 1, STREAM_ISSUER, STREAM_NODES = 16 };

enum node_secret { SECRET_IDENTITY, SECRET_DEVICE, SECRET_PLACEMENT, SECRETS_N };

static struct kith_seed secret(const struct kith_simpki *pki, uint64_t stream)
{
	struct kith_simrandom r;
	struct kith_seed seed;
	kith_simrandom_init(&r, pki->seed ^ UINT64_C(0x706b69), stream);
	r.random.fill(r.random.ctx, seed.b, sizeof seed.b);
	return seed;
}

static struct kith_seed node_secret(const struct kith_simpki *pki, uint32_t node, enum node_secret which)
{
	return secret(pki, STREAM_NODES + (uint64_t)node * SECRETS_N + (uint64_t)which);
}

static void signer(const struct kith_simpki *pki, struct kith_signer *out, struct kith_seed seed)
{
	kith_signer_from_seed(out, pki->suite, &seed);
}

static size_t made(int len)
{
	KITH_ASSERT(len > 0);
	return (size_t)len;
}

void kith_simpki_init(struct kith_simpki *pki, const struct kith_suite *suite, uint64_t seed, int64_t base_s)
{
	memset(pki, 0, sizeof *pki);
	pki->suite = suite;
	pki->seed = seed;
	pki->base_s = base_s;
	signer(pki, &pki->root, secret(pki, STREAM_ROOT));
	signer(pki, &pki->issuer, secret(pki, STREAM_ISSUER));
	kith_ids_network(suite, &pki->network, &pki->root.pk);

	struct kith_issuer_cert cert;
	memset(&cert, 0, sizeof cert);
	cert.issuer = pki->issuer.pk;
	cert.serial = 1;
	cert.flags = KITH_ISSUER_SUPERNODES;
	cert.not_before_s = base_s - 30 * DAY_S;
	cert.expires_s = base_s + 365 * DAY_S;
	pki->issuer_len = made(kith_issuer_cert_sign(suite, pki->issuer_cert, &cert, pki->root.sk));
}

void kith_simpki_keys(const struct kith_simpki *pki, uint32_t node, struct kith_key *identity,
		      struct kith_key *device_dh)
{
	struct kith_signer id;
	struct kith_device_keys keys;
	struct kith_seed device = node_secret(pki, node, SECRET_DEVICE);
	signer(pki, &id, node_secret(pki, node, SECRET_IDENTITY));
	kith_device_keys_from_seed(&keys, pki->suite, &device);
	*identity = id.pk;
	*device_dh = keys.dh_pk;
}

static struct kith_name_cert name_cert(const struct kith_simpki *pki, uint32_t node, const char *name, bool supernode,
				       const struct kith_key *identity)
{
	struct kith_name_cert cert;
	struct kith_seed placement = node_secret(pki, node, SECRET_PLACEMENT);
	memset(&cert, 0, sizeof cert);
	kith_ids_issuer(pki->suite, cert.issuer_id, &pki->issuer.pk);
	size_t len = strlen(name);
	KITH_ASSERT(len <= KITH_NAME_MAX);
	memcpy(cert.name, name, len);
	cert.identity = *identity;
	cert.serial = 1 + (uint64_t)node;
	cert.not_before_s = pki->base_s - 30 * DAY_S;
	cert.expires_s = pki->base_s + 365 * DAY_S;
	memcpy(cert.placement, placement.b, sizeof cert.placement);
	cert.flags = supernode ? KITH_NAME_SUPERNODE : 0;
	return cert;
}

static struct kith_device_cert device_cert(const struct kith_simpki *pki, const struct kith_device_keys *keys)
{
	struct kith_device_cert cert;
	memset(&cert, 0, sizeof cert);
	cert.dh = keys->dh_pk;
	cert.sign = keys->sign.pk;
	cert.not_before_s = pki->base_s - 30 * DAY_S;
	cert.expires_s = pki->base_s + 180 * DAY_S;
	return cert;
}

void kith_simpki_issue(const struct kith_simpki *pki, uint32_t node, const char *name, bool supernode,
		       struct kith_simcredentials *out)
{
	const struct kith_suite *suite = pki->suite;
	static const struct kith_span none = { NULL, 0 };
	struct kith_signer identity;
	struct kith_device_keys keys;
	uint8_t name_buf[KITH_CERT_MAX], device_buf[KITH_CERT_MAX];
	memset(out, 0, sizeof *out);
	out->device = node_secret(pki, node, SECRET_DEVICE);
	signer(pki, &identity, node_secret(pki, node, SECRET_IDENTITY));
	kith_device_keys_from_seed(&keys, suite, &out->device);
	out->identity = identity.pk;
	out->device_dh = keys.dh_pk;

	struct kith_name_cert nc = name_cert(pki, node, name, supernode, &identity.pk);
	struct kith_device_cert dc = device_cert(pki, &keys);
	struct kith_span name_span = { name_buf, made(kith_name_cert_sign(suite, name_buf, &nc, pki->issuer.sk)) };
	struct kith_span device_span = { device_buf, made(kith_device_cert_sign(suite, device_buf, &dc, identity.sk)) };
	struct kith_span issuer_span = { pki->issuer_cert, pki->issuer_len };
	out->chain_len = made(kith_chain_join(suite, out->chain, &pki->network, issuer_span, name_span, device_span));
	if (node % 2 == 1)
		out->devices_len = made(kith_devices_sign(suite, out->devices, 1, &keys.sign.pk, 1, none, identity.sk));
}
