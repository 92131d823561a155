/* Noise_IK_25519_ChaChaPoly_SHA256 (Noise protocol framework, revision 34).
 *
 * One handshake state, used by either role. Writing and reading work on the Noise message alone (e, s, payload),
 * without outer headers. A read that fails leaves the state as it was: a forged message costs the handshake nothing,
 * and the right one may still come. A write that fails can only fail again: wipe and drop. Own secrets and the cipher
 * key are zeroed with the last message; kith_noise_wipe does the rest.
 * Bounds: a message is at most 65535 bytes (Noise, section 3).
 * Never: a prologue, payload or message order of its own; randomness (ephemerals are passed in).
 */
#ifndef KITH_CRYPTO_NOISE_H
#define KITH_CRYPTO_NOISE_H

#include "crypto/suite.h"

struct kith_noise {
	const struct kith_suite *suite;
	bool initiator;
	uint8_t step; /* messages done: 0 to 2 */
	bool has_key, have_rs;
	uint64_t nonce;
	uint8_t h[KITH_SHA256_LEN], ck[KITH_SHA256_LEN], k[KITH_AEAD_KEY_LEN];
	uint8_t s_sk[KITH_DH_LEN], s_pk[KITH_DH_LEN]; /* own static */
	uint8_t e_sk[KITH_DH_LEN], e_pk[KITH_DH_LEN]; /* own ephemeral */
	uint8_t rs[KITH_DH_LEN], re[KITH_DH_LEN]; /* the other's */
};

/* rs: the responder's static key; NULL for the responder itself, who is no initiator. */
void kith_noise_init(struct kith_noise *n, const struct kith_suite *suite, const uint8_t *rs, struct kith_span prologue,
		     const uint8_t s_sk[KITH_DH_LEN], const uint8_t s_pk[KITH_DH_LEN]);

/* Bytes a message adds to its payload at the current step (e, s, tags); 0 when done. */
size_t kith_noise_overhead(const struct kith_noise *n);

/* Writes the next message: overhead + payload.len bytes into out (cap at least that). e_sk is a fresh ephemeral
 * secret. Returns the length or KITH_EAUTH
 * (all-zero DH), KITH_EMSGSIZE (cap or 65535 exceeded), KITH_ESTATE (not this side's turn). payload may lie inside
 * out at the place where its ciphertext goes, and must not overlap out in any other way. */
int kith_noise_write(struct kith_noise *n, uint8_t *out, size_t cap, struct kith_span payload,
		     const uint8_t *e_sk) KITH_MUST_USE;

/* Reads the next message; payload is decrypted into out (cap at least message.len - overhead), which may be the place
 * of its ciphertext in message (a failure then destroys it). Returns the payload length; KITH_EPROTO when too short
 * or too long, KITH_EMSGSIZE when cap is too small, KITH_EAUTH when it does not authenticate, KITH_ESTATE when no
 * message is due. */
int kith_noise_read(struct kith_noise *n, uint8_t *out, size_t cap, struct kith_span message) KITH_MUST_USE;

bool kith_noise_done(const struct kith_noise *n);

/* After the last message: transport keys for both directions, HKDF2(ck, "") as Noise has it, and a chaining key from
 * which later rekeys derive, the first output of HKDF2(ck, "kith rekey"). The handshake hash n->h is the channel
 * binding. */
void kith_noise_split(const struct kith_noise *n, uint8_t tx_key[KITH_AEAD_KEY_LEN], uint8_t rx_key[KITH_AEAD_KEY_LEN],
		      uint8_t chain[KITH_SHA256_LEN]);

/* HKDF of Noise (two outputs): used by split and by rekeying. out1 may be ck; out2 must be neither. */
void kith_noise_hkdf2(const struct kith_suite *suite, const uint8_t ck[KITH_SHA256_LEN], struct kith_span ikm,
		      uint8_t out1[KITH_SHA256_LEN], uint8_t out2[KITH_SHA256_LEN]);

/* Zeroes everything. */
void kith_noise_wipe(struct kith_noise *n);

#endif
