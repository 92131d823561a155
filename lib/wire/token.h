/* What a supernode that has too much to do gives to the one that it asks for help: its signed word that this node is
 * needed, for a few minutes.
 *
 * A signed object in the frame of identity/object.h, by the Ed25519 key of the asker's device, with its chain.
 * PROTOCOL.md, 9.7.
 * Never: a clock, an allocation, a state.
 */
#ifndef KITH_WIRE_TOKEN_H
#define KITH_WIRE_TOKEN_H

#include "wire/record.h"

#define KITH_HELP_TOKEN_MAX 960 /* wire: in a request of 1100 bytes */
#define KITH_HELP_LIFE_MS (10 * 60 * 1000) /* wire: longest validity */

struct kith_help_token {
	struct kith_key candidate; /* X25519 key of the device that is asked */
	uint64_t seq; /* unix ms of the asker's clock */
	int64_t expires_ms;
	struct kith_span chain; /* the asker's */
	struct kith_key device, sign; /* as in a record */
	struct kith_span bytes;
	struct kith_signed s;
};

/* Signs with the device's Ed25519 secret key. The length, KITH_EINVAL, KITH_EMSGSIZE. */
int kith_help_token_make(const struct kith_suite *suite, uint8_t out[KITH_HELP_TOKEN_MAX],
			 const struct kith_help_token *token, const uint8_t sign_sk[KITH_SIGN_SK_LEN]) KITH_MUST_USE;

/* KITH_EPROTO, KITH_EVERSION, KITH_ENOTSUP, or what parsing the chain says. */
int kith_help_token_parse(struct kith_help_token *out, struct kith_span bytes) KITH_MUST_USE;

/* Whether it holds now: KITH_EEXPIRED, KITH_ENOTYET, KITH_ESIGNATURE, or what the trust says of the chain. person is
 * filled in on success; whether that one is a supernode is for the caller to know. */
int kith_help_token_verify(const struct kith_help_token *token, struct kith_trust *trust, const struct kith_now *now,
			   struct kith_person *person) KITH_MUST_USE;

#endif
