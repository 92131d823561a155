/* The signing authority of a simulated network: a root, an issuer, and for each node a name and a device, all following
 * from the seed. Certificates are signed with the suite that the cores verify them with.
 *
 * Nothing is kept per node: what a node needs is made when it starts, and is the same bytes each time.
 * Never: a clock of its own; certificates are valid from a month before base to a year after.
 */
#ifndef KITH_SIM_SIMPKI_H
#define KITH_SIM_SIMPKI_H

#include <kith/identity.h>

#include "identity/keypair.h"

struct kith_simpki {
	const struct kith_suite *suite;
	uint64_t seed;
	int64_t base_s; /* unix seconds */
	struct kith_signer root, issuer;
	struct kith_id network;
	uint8_t issuer_cert[KITH_CERT_MAX];
	size_t issuer_len;
};

/* What one node is given. */
struct kith_simcredentials {
	struct kith_seed device;
	struct kith_key identity, device_dh; /* public */
	uint8_t chain[KITH_CHAIN_MAX];
	uint8_t devices[KITH_DEVICES_LEN_MAX];
	size_t chain_len, devices_len; /* devices_len 0: it has no list */
};

void kith_simpki_init(struct kith_simpki *pki, const struct kith_suite *suite, uint64_t seed, int64_t base_s);

/* Every second node has a device list. */
void kith_simpki_issue(const struct kith_simpki *pki, uint32_t node, const char *name, bool supernode,
		       struct kith_simcredentials *out);

/* Only the public keys of a node. */
void kith_simpki_keys(const struct kith_simpki *pki, uint32_t node, struct kith_key *identity,
		      struct kith_key *device_dh);

#endif
