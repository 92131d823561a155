/* Profiles, as <kith/keyfile.h> describes them, in the making: kith id makes and completes them, kith ca issue does it
 * all at once. */
#ifndef KITH_NODE_KITH_PROFILE_H
#define KITH_NODE_KITH_PROFILE_H

#include "kith_cli.h"
#include "kith_devices.h"
#include "kith_invitation.h"

#define DEVICE_DAYS 90

/* Fresh identity and device secrets into DIR/key, made with DIR; the identity's into --identity instead, where that is
 * given. */
int profile_new_key(const struct cli *cli, const char *dir, struct kith_secrets *secrets);
/* A fresh device secret only; secrets holds the identity's already. */
int profile_new_device_key(const struct cli *cli, const char *dir, struct kith_secrets *secrets);
/* Those of DIR/key, and the identity's of --identity where that is given. */
int profile_secrets(const struct cli *cli, const char *dir, struct kith_secrets *secrets);

/* The number of the device list among the pieces; 0: there is none. */
uint64_t profile_list_number(const struct armor *chain);
/* That of DIR/chain, if there is such a file. */
uint64_t profile_list_number_of(const char *dir);

/* What a profile is made of besides its key. */
struct profile_parts {
	struct kith_key root;
	struct kith_span issuer, name; /* certificates */
	const struct armor
		*lists; /* revocation lists in it, and certificates of their issuers, are taken over; or NULL */
	const char *label; /* of the device; NULL: as devices_join has it */
	int device_days;
	json_t *devices; /* the identity's, which this device joins (kith_devices.h) */
	uint64_t list_number; /* of their last list */
	const char *const *bootstrap; /* see profile_write_bootstrap; NULL: none */
	bool loopback;
};

/* Writes DIR/bootstrap: hosts, NULL-terminated, and whether loopback addresses are allowed. With neither the file stays
 * as it is. */
int profile_write_bootstrap(const char *dir, const char *const *hosts, bool loopback) KITH_MUST_USE;

/* Certifies the device, lists it and writes DIR/chain, DIR/devices, DIR/network, and DIR/bootstrap if there is any. */
int profile_write(const struct cli *cli, const char *dir, const struct kith_secrets *secrets,
		  const struct profile_parts *parts);

/* Adds the revocation lists of an armour, and the certificates of their issuers but own. What has expired is left
 * out. */
int text_add_lists(struct text *text, const struct armor *lists, struct kith_span own) KITH_MUST_USE;

/* "2026-01-31 23:59:59Z". */
#define DATE_TEXT_MAX 32
const char *date_text(int64_t unix_s, char out[DATE_TEXT_MAX]);

#endif
