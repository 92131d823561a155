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
/* The root's, whose key may have been moved to a safe place, as it should. */
int ca_root_seed(const struct ca *ca, struct kith_seed *seed);
/* A fresh secret into a key file. */
int ca_write_key(const struct cli *cli, const char *file, const struct passphrase *pass, enum kith_secret_kind kind,
		 bool replace, struct kith_seed *seed);
/* Certifies cert's issuer from now on, for --days, and writes that to a file. The caller sets issuer, serial and
 * constraint. */
int ca_write_cert(const struct cli *cli, const char *file, struct kith_issuer_cert *cert, const struct kith_seed *root);
/* Whether an issuer may make supernodes: with --supernode; else as given, but not where --constraint is another. */
uint8_t ca_issuer_flags(const struct cli *cli, uint8_t given);
/* --constraint, or the one given. */
int ca_constraint(const struct cli *cli, const char *given, char out[KITH_CONSTRAINT_MAX + 1]);

/* ---- issuers, present and former. Keys are texts, as in the ledger ---- */

/* Enters one, as the present one. */
void ca_add_issuer(struct ca *ca, const struct kith_issuer_cert *cert);
/* Finishes a renewal that the ledger has and that was interrupted: the new files take their names. */
int ca_settle(const struct ca *ca);
/* What issuers there are: an array of {serial, key, expires}, ascending by serial. */
json_t *ca_issuers(const struct ca *ca);
/* The key that signed a certificate of the ledger. */
const char *ca_signer(const struct ca *ca, const json_t *cert);
bool ca_is_present(const struct ca *ca, const char *key);
bool ca_is_revoked(const struct ca *ca, const char *key);
int64_t ca_expires(const struct ca *ca, const char *key); /* the latest of its certificates */
/* Neither revoked nor expired. */
bool ca_is_good(const struct ca *ca, const char *key);
/* The first entry of that key, so that each key is met once. */
bool ca_is_first(const struct ca *ca, size_t i);

/* "issuer.key", or "issuer-3.key" of a former one; suffix is "key" or "cert". */
#define CA_FILE_MAX 48
const char *ca_file(const struct ca *ca, const char *key, const char *suffix, char out[CA_FILE_MAX]);
/* What a file of the issuer with that serial is called: issuer-1.key. Returns out. */
const char *ca_serial_file(uint64_t serial, const char *suffix, char out[CA_FILE_MAX]);

/* The newest list of every good issuer that has one, each behind its issuer's certificate, so that a node can take them
 * that never met that issuer. fresh: lists just made, or NULL. Empty: there are none. */
int ca_lists(const struct ca *ca, const struct armor *fresh, struct text *out);

#endif
