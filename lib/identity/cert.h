/* Issuer, name and device certificates, and chains of them: layouts, making, parsing. Structures and parsing
 * functions are public (<kith/identity.h>); here is what takes a suite.
 *
 * Parsing borrows and verifies nothing. Who may sign what, and whether it holds now, is trust.h's.
 * Bounds: KITH_CERT_MAX, KITH_CHAIN_MAX, KITH_EXT_MAX.
 */
#ifndef KITH_IDENTITY_CERT_H
#define KITH_IDENTITY_CERT_H

#include "identity/object.h"

/* The part of a certificate before its signature. A field out of its bounds turns the writer bad. */
void kith_issuer_cert_write(struct kith_writer *w, const struct kith_issuer_cert *c);
void kith_name_cert_write(struct kith_writer *w, const struct kith_name_cert *c);
void kith_device_cert_write(struct kith_writer *w, const struct kith_device_cert *c);

/* As the _make functions of <kith/identity.h>, with the signer's secret key. name's issuer_id is what the caller put
 * there. */
int kith_issuer_cert_sign(const struct kith_suite *suite, uint8_t out[KITH_CERT_MAX], const struct kith_issuer_cert *c,
			  const uint8_t root_sk[KITH_SIGN_SK_LEN]) KITH_MUST_USE;
int kith_name_cert_sign(const struct kith_suite *suite, uint8_t out[KITH_CERT_MAX], const struct kith_name_cert *c,
			const uint8_t issuer_sk[KITH_SIGN_SK_LEN]) KITH_MUST_USE;
int kith_device_cert_sign(const struct kith_suite *suite, uint8_t out[KITH_CERT_MAX], const struct kith_device_cert *c,
			  const uint8_t identity_sk[KITH_SIGN_SK_LEN]) KITH_MUST_USE;

/* As kith_chain_make: suite is for the issuer's id. */
int kith_chain_join(const struct kith_suite *suite, uint8_t out[KITH_CHAIN_MAX], const struct kith_id *network,
		    struct kith_span issuer, struct kith_span name, struct kith_span device) KITH_MUST_USE;

/* Whether no certificate of a chain ends earlier than that of another chain, and one ends later. */
bool kith_chain_is_newer(const struct kith_chain *chain, const struct kith_chain *than);

/* Turns a full chain into the one by id (for a verifier that holds the issuer's certificate); others are copied. */
int kith_chain_shorten(uint8_t out[KITH_CHAIN_MAX], struct kith_span chain) KITH_MUST_USE;

/* The same of a chain of ours, made in buf; that chain itself if it cannot be shortened. */
struct kith_span kith_chain_brief(struct kith_span chain, uint8_t buf[KITH_CHAIN_MAX]);

/* The whole certificate, signature included. */
static inline struct kith_span kith_signed_whole(const struct kith_signed *s)
{
	struct kith_span whole = { s->body.p, s->body.len + KITH_SIG_LEN };
	return whole;
}

#endif
