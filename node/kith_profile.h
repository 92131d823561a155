/* Profiles, as <kith/keyfile.h> describes them, in the making: kith id makes and completes them, kith ca issue does it
 * all at once. */
#ifndef KITH_NODE_KITH_PROFILE_H
#define KITH_NODE_KITH_PROFILE_H

#include "kith_cli.h"
#include "kith_invitation.h"

#define DEVICE_DAYS 90
#define DEVICE_LABEL_DEFAULT "main"

/* Fresh identity and device secrets into DIR/key, made with DIR. */
int profile_new_key(const struct cli *cli, const char *dir, struct kith_secrets *secrets);

/* What a profile is made of besides its key. */
struct profile_parts {
	struct kith_key root;
	struct kith_span issuer, name; /* certificates */
	const struct armor
		*lists; /* revocation lists in it, and certificates of their issuers, are taken over; or NULL */
	const char *label; /* of the device */
	int device_days;
	uint32_t device_number;
	uint64_t list_number;
	const char *const *bootstrap; /* see profile_write_bootstrap; NULL: none */
	bool loopback;
};

/* Writes DIR/bootstrap: hosts, NULL-terminated, and whether loopback addresses are allowed. With neither the file stays
 * as it is. */
int profile_write_bootstrap(const char *dir, const char *const *hosts, bool loopback) KITH_MUST_USE;

/* Certifies the device and writes DIR/chain, DIR/network, and DIR/bootstrap if there is any. */
int profile_write(const struct cli *cli, const char *dir, const struct kith_secrets *secrets,
		  const struct profile_parts *parts);

/* Adds the revocation lists of an armour, and the certificates of their issuers but own. What has expired is left
 * out. */
int text_add_lists(struct text *text, const struct armor *lists, struct kith_span own) KITH_MUST_USE;

/* "2026-01-31 23:59:59Z". */
#define DATE_TEXT_MAX 32
const char *date_text(int64_t unix_s, char out[DATE_TEXT_MAX]);

#endif
