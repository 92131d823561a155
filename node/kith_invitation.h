/* An invitation: what an issuer gives to somebody who wants a name, and expects to see again in the request.
 *
 * Text of "field: value" lines behind a first line that says what it is; tests/vectors/proofs.json has one. Other
 * fields are skipped. Never: a secret. Whoever holds an invitation can ask for the name, and the issuer decides.
 */
#ifndef KITH_NODE_KITH_INVITATION_H
#define KITH_NODE_KITH_INVITATION_H

#include "files.h"

struct invitation {
	struct kith_key root, issuer;
	uint8_t nonce[KITH_NONCE_LEN];
	char name[KITH_NAME_MAX + 1];
	uint8_t flags;
};

int invitation_format(struct text *out, const struct invitation *invitation) KITH_MUST_USE;
/* KITH_EPROTO: another title, a field that is missing or wrong. */
int invitation_parse(struct invitation *out, const char *text) KITH_MUST_USE;

#endif
