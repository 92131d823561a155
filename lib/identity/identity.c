/* The public face of this layer: the functions of <kith/identity.h> on the real suite. Each makes a key pair of the
 * seed it is given, uses it once and wipes it. */
#include <kith/identity.h>

#include <string.h>

#include "identity/cert.h"
#include "identity/challenge.h"
#include "identity/devices.h"
#include "identity/keypair.h"
#include "identity/params.h"
#include "identity/revocation.h"

void kith_network_id(struct kith_id *out, const struct kith_key *root)
{
	kith_ids_network(kith_suite_sodium(), out, root);
}

int kith_network_id_open(struct kith_id *out, const char *label)
{
	return kith_ids_network_open(kith_suite_sodium(), out, label);
}

const char *kith_fingerprint(const struct kith_key *identity, char out[KITH_NAME_MAX + 1])
{
	kith_ids_fingerprint(kith_suite_sodium(), out, identity);
	return out;
}

void kith_directory_key(struct kith_id *out, const struct kith_id *network, const char *name)
{
	kith_ids_directory(kith_suite_sodium(), out, network, name);
}

void kith_supernode_id(struct kith_id *out, const struct kith_id *network, const uint8_t placement[KITH_PLACEMENT_LEN])
{
	kith_ids_supernode(kith_suite_sodium(), out, network, placement);
}

void kith_issuer_id(uint8_t out[KITH_ISSUER_ID_LEN], const struct kith_key *issuer)
{
	kith_ids_issuer(kith_suite_sodium(), out, issuer);
}

void kith_seed_public(struct kith_key *out, const struct kith_seed *seed)
{
	struct kith_signer s;
	kith_signer_from_seed(&s, kith_suite_sodium(), seed);
	*out = s.pk;
	kith_signer_wipe(&s);
}

void kith_seed_device(struct kith_key *dh, struct kith_key *sign, const struct kith_seed *seed)
{
	struct kith_device_keys keys;
	kith_device_keys_from_seed(&keys, kith_suite_sodium(), seed);
	*dh = keys.dh_pk;
	*sign = keys.sign.pk;
	kith_device_keys_wipe(&keys);
}

int kith_issuer_cert_make(uint8_t out[KITH_CERT_MAX], const struct kith_issuer_cert *cert, const struct kith_seed *root)
{
	struct kith_signer s;
	kith_signer_from_seed(&s, kith_suite_sodium(), root);
	int len = kith_issuer_cert_sign(kith_suite_sodium(), out, cert, s.sk);
	kith_signer_wipe(&s);
	return len;
}

int kith_name_cert_make(uint8_t out[KITH_CERT_MAX], const struct kith_name_cert *cert, const struct kith_seed *issuer)
{
	struct kith_name_cert c = *cert;
	struct kith_signer s;
	kith_signer_from_seed(&s, kith_suite_sodium(), issuer);
	kith_ids_issuer(kith_suite_sodium(), c.issuer_id, &s.pk);
	int len = kith_name_cert_sign(kith_suite_sodium(), out, &c, s.sk);
	kith_signer_wipe(&s);
	return len;
}

int kith_device_cert_make(uint8_t out[KITH_CERT_MAX], const struct kith_device_cert *cert,
			  const struct kith_seed *identity)
{
	struct kith_signer s;
	kith_signer_from_seed(&s, kith_suite_sodium(), identity);
	int len = kith_device_cert_sign(kith_suite_sodium(), out, cert, s.sk);
	kith_signer_wipe(&s);
	return len;
}

int kith_chain_make(uint8_t out[KITH_CHAIN_MAX], const struct kith_id *network, struct kith_span issuer,
		    struct kith_span name, struct kith_span device)
{
	return kith_chain_join(kith_suite_sodium(), out, network, issuer, name, device);
}

int kith_devices_make(uint8_t out[KITH_DEVICES_LEN_MAX], uint64_t number, const struct kith_key keys[], size_t n,
		      const struct kith_seed *identity)
{
	const struct kith_span no_ext = { NULL, 0 };
	struct kith_signer s;
	kith_signer_from_seed(&s, kith_suite_sodium(), identity);
	int len = kith_devices_sign(kith_suite_sodium(), out, number, keys, n, no_ext, s.sk);
	kith_signer_wipe(&s);
	return len;
}

bool kith_devices_has(const struct kith_devices *list, const struct kith_key *device)
{
	return kith_devices_holds(kith_suite_sodium(), list, device);
}

int kith_revocation_make(uint8_t *out, size_t cap, const struct kith_revocation *list,
			 const struct kith_serial_range ranges[], size_t ranges_n, const struct kith_key keys[],
			 size_t keys_n, const struct kith_seed *signer)
{
	const struct kith_suite *suite = kith_suite_sodium();
	struct kith_revocation l = *list;
	struct kith_signer s;
	struct kith_id id;
	/* Ids of networks and of issuers are made in the same way: first bytes of the key's hash. */
	kith_signer_from_seed(&s, suite, signer);
	kith_ids_network(suite, &id, &s.pk);
	memcpy(l.signer_id, id.b, sizeof l.signer_id);
	int len = kith_revocation_sign(suite, out, cap, &l, ranges, ranges_n, keys, keys_n, s.sk);
	kith_signer_wipe(&s);
	return len;
}

int kith_enrol_make(uint8_t out[KITH_ENROL_LEN_MAX], const struct kith_enrol *request, const struct kith_seed *identity)
{
	struct kith_signer s;
	kith_signer_from_seed(&s, kith_suite_sodium(), identity);
	int len = kith_enrol_sign(kith_suite_sodium(), out, request, &s);
	kith_signer_wipe(&s);
	return len;
}

int kith_enrol_check(struct kith_enrol *out, struct kith_span request, const struct kith_id *network,
		     const struct kith_key *issuer, const uint8_t nonce[KITH_NONCE_LEN])
{
	return kith_enrol_verify(kith_suite_sodium(), out, request, network, issuer, nonce);
}

int kith_enrol_grant(uint8_t out[KITH_CERT_MAX], const struct kith_enrol *request, const struct kith_name_cert *terms,
		     const struct kith_seed *issuer)
{
	struct kith_signer s;
	kith_signer_from_seed(&s, kith_suite_sodium(), issuer);
	int len = kith_enrol_issue(kith_suite_sodium(), out, request, terms, &s);
	kith_signer_wipe(&s);
	return len;
}

int kith_enrol_accept(struct kith_name_cert *out, struct kith_span answer, const struct kith_enrol *request,
		      const struct kith_key *issuer)
{
	return kith_enrol_receive(kith_suite_sodium(), out, answer, request, issuer);
}

int kith_params_make(uint8_t out[KITH_PARAMS_LEN_MAX], const struct kith_params *params, const struct kith_seed *root)
{
	const struct kith_suite *suite = kith_suite_sodium();
	struct kith_params p = *params;
	struct kith_signer s;
	struct kith_id id;
	kith_signer_from_seed(&s, suite, root);
	kith_ids_network(suite, &id, &s.pk);
	memcpy(p.network, id.b, sizeof p.network);
	int len = kith_params_sign(suite, out, &p, s.sk);
	kith_signer_wipe(&s);
	return len;
}
