/* Proof of possession outside a handshake: challenge and answer between two people, and the request for a name.
 *
 * Challenge: the asker sends network, both identities, a fresh nonce and a context text; the asked signs all of it,
 * and its own answer, with its device key, and sends its chain along. The asker keeps the challenge it sent,
 * compares, and uses it once; how long it waits is its own affair. The signature's label makes it worth nothing
 * elsewhere, and the context says to a user or to an application what it is for.
 * Bounds: KITH_CHALLENGE_LEN_MAX, KITH_PROOF_LEN_MAX, context of KITH_CONTEXT_MAX printable characters.
 * Never: a nonce of its own, a memory of those that were used.
 */
#ifndef KITH_IDENTITY_CHALLENGE_H
#define KITH_IDENTITY_CHALLENGE_H

#include "identity/keypair.h"
#include "identity/trust.h"

#define KITH_CONTEXT_MAX 64
#define KITH_CHALLENGE_LEN_MAX                                                                                         \
	(2 + KITH_ID_LEN + 2 * KITH_KEY_LEN + KITH_NONCE_LEN + 1 + KITH_CONTEXT_MAX + 1 + KITH_EXT_MAX)
#define KITH_PROOF_LEN_MAX (2 + 2 + KITH_CHAIN_MAX + 1 + KITH_EXT_MAX + KITH_SIG_LEN)

struct kith_challenge {
	struct kith_id network;
	struct kith_key asker, asked; /* identity keys */
	uint8_t nonce[KITH_NONCE_LEN];
	char context[KITH_CONTEXT_MAX + 1];
	struct kith_span ext;
};

/* Writes a challenge. Returns the length, KITH_EINVAL. */
int kith_challenge_write(uint8_t out[KITH_CHALLENGE_LEN_MAX], const struct kith_challenge *c) KITH_MUST_USE;
int kith_challenge_parse(struct kith_challenge *out, struct kith_span challenge) KITH_MUST_USE;

/* Answers a challenge with a device key and the chain that certifies it. expected holds what the answerer knows: its
 * network, its own identity as asked, the asker it is talking to; nonce and context are not compared. KITH_ENETWORK,
 * KITH_EAUTH (meant for or by somebody else), KITH_EINVAL (the chain is not for these keys), or what parsing says.
 * Returns the length. */
int kith_challenge_answer(const struct kith_suite *suite, uint8_t out[KITH_PROOF_LEN_MAX], struct kith_span challenge,
			  const struct kith_challenge *expected, const struct kith_signer *device,
			  struct kith_span chain) KITH_MUST_USE;

/* Checks the answer to the challenge that was sent (its very bytes). 0 and who it is; KITH_EAUTH: by another identity
 * than the one asked; KITH_ESIGNATURE; or what kith_trust_check says of the chain. */
int kith_challenge_check(struct kith_trust *t, const struct kith_now *now, struct kith_span challenge,
			 struct kith_span answer, struct kith_person *out) KITH_MUST_USE;

/* As the functions of <kith/identity.h>, on the suite in use. */
int kith_enrol_sign(const struct kith_suite *suite, uint8_t out[KITH_ENROL_LEN_MAX], const struct kith_enrol *request,
		    const struct kith_signer *identity) KITH_MUST_USE;
int kith_enrol_parse(struct kith_enrol *out, struct kith_span request) KITH_MUST_USE;
int kith_enrol_verify(const struct kith_suite *suite, struct kith_enrol *out, struct kith_span request,
		      const struct kith_id *network, const struct kith_key *issuer,
		      const uint8_t nonce[KITH_NONCE_LEN]) KITH_MUST_USE;
int kith_enrol_issue(const struct kith_suite *suite, uint8_t out[KITH_CERT_MAX], const struct kith_enrol *request,
		     const struct kith_name_cert *terms, const struct kith_signer *issuer) KITH_MUST_USE;
int kith_enrol_receive(const struct kith_suite *suite, struct kith_name_cert *out, struct kith_span answer,
		       const struct kith_enrol *request, const struct kith_key *issuer) KITH_MUST_USE;

#endif
