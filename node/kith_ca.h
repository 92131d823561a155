/* The directory of a network's authorities, as the files of kith ca share it; see kith_ca.c. */
#ifndef KITH_NODE_KITH_CA_H
#define KITH_NODE_KITH_CA_H

#include "kith_profile.h"

struct ca {
	const struct cli *cli;
	const char *dir;
	int lock;
	json_t *ledger;
	struct armor issuer_armor;
	struct kith_span issuer_cert;
	struct kith_issuer_cert issuer;
	struct kith_key root;
};

/* All return CLI_OK, or complain and return the exit code. ca_close in any case. */
int ca_open(struct ca *ca, const struct cli *cli); /* the directory is the first word; locks it */
void ca_close(struct ca *ca);
int ca_save(struct ca *ca); /* the ledger */
int ca_path(const struct cli *cli, char out[PATH_TEXT_MAX], const char *dir, const char *file);
/* A secret of one of the key files. */
int ca_seed(const struct ca *ca, const char *file, enum kith_secret_kind kind, struct kith_seed *seed);

#endif
