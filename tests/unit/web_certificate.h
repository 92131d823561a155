/* Files with a certificate that nobody signed, and its key, for tests of what speaks TLS. */
#ifndef KITH_TEST_WEB_CERTIFICATE_H
#define KITH_TEST_WEB_CERTIFICATE_H

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "support.h"

struct web_certificate {
	char dir[64], certificate[96], key[96];
};

/* For "DNS:name" or "IP:address". */
static inline void web_certificate_make(struct web_certificate *c, const char *of)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x = X509_new();
	X509V3_CTX ctx;
	assert_true(key != NULL && x != NULL);
	(void)snprintf(c->dir, sizeof c->dir, "/tmp/kith-web.XXXXXX");
	assert_non_null(mkdtemp(c->dir));
	(void)snprintf(c->certificate, sizeof c->certificate, "%s/certificate", c->dir);
	(void)snprintf(c->key, sizeof c->key, "%s/key", c->dir);
	assert_int_equal(X509_set_version(x, 2), 1);
	assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(x), 1), 1);
	(void)X509_gmtime_adj(X509_getm_notBefore(x), -60);
	(void)X509_gmtime_adj(X509_getm_notAfter(x), 3600);
	assert_int_equal(X509_set_pubkey(x, key), 1);
	X509_NAME *name = X509_get_subject_name(x);
	assert_int_equal(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"test", -1, -1, 0),
			 1);
	assert_int_equal(X509_set_issuer_name(x, name), 1);
	X509V3_set_ctx(&ctx, x, x, NULL, NULL, 0);
	X509_EXTENSION *names = X509V3_EXT_conf_nid(NULL, &ctx, NID_subject_alt_name, of);
	assert_non_null(names);
	assert_int_equal(X509_add_ext(x, names, -1), 1);
	X509_EXTENSION_free(names);
	assert_true(X509_sign(x, key, EVP_sha256()) > 0);
	FILE *f = fopen(c->certificate, "w");
	assert_true(f != NULL && PEM_write_X509(f, x) == 1 && fclose(f) == 0);
	f = fopen(c->key, "w");
	assert_true(f != NULL && PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL) == 1 && fclose(f) == 0);
	X509_free(x);
	EVP_PKEY_free(key);
}

static inline void web_certificate_remove(struct web_certificate *c)
{
	assert_int_equal(remove(c->certificate), 0);
	assert_int_equal(remove(c->key), 0);
	assert_int_equal(remove(c->dir), 0);
}

#endif
