/* TLS by OpenSSL; see web_tls.h. */
#include "host/web_tls.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>

#include "host/tcp_socket.h"

struct kith_web_tls {
	SSL_CTX *server, *client; /* NULL: not asked for */
	BIO_METHOD *method;
};

/* ---- the socket, as OpenSSL sees it ---- */

static int bio_read(BIO *bio, char *out, int len)
{
	struct kith_web_io *io = BIO_get_data(bio);
	BIO_clear_retry_flags(bio);
	int n = kith_tcp_read(io->fd, (uint8_t *)out, (size_t)len);
	if (n == 0)
		BIO_set_retry_read(bio);
	return n > 0 ? n : n == KITH_ECLOSED ? 0 : -1;
}

static int bio_write(BIO *bio, const char *bytes, int len)
{
	struct kith_web_io *io = BIO_get_data(bio);
	BIO_clear_retry_flags(bio);
	int n = kith_tcp_write(io->fd, &(struct iovec){ (void *)(uintptr_t)bytes, (size_t)len }, 1);
	if (n == 0)
		BIO_set_retry_write(bio);
	return n > 0 ? n : -1;
}

static long bio_ctrl(BIO *bio, int what, long n, void *p)
{
	(void)bio;
	(void)n;
	(void)p;
	return what == BIO_CTRL_FLUSH;
}

static BIO_METHOD *make_method(void)
{
	BIO_METHOD *m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket");
	if (m != NULL && (BIO_meth_set_read(m, bio_read) != 1 || BIO_meth_set_write(m, bio_write) != 1 ||
			  BIO_meth_set_ctrl(m, bio_ctrl) != 1)) {
		BIO_meth_free(m);
		m = NULL;
	}
	return m;
}

/* ---- contexts ---- */

/* What OpenSSL says of the last failure. */
static const char *reason(void)
{
	const char *text = ERR_reason_error_string(ERR_peek_last_error());
	ERR_clear_error();
	return text != NULL ? text : "unknown reason";
}

static SSL_CTX *make_context(const SSL_METHOD *method)
{
	SSL_CTX *ctx = SSL_CTX_new(method);
	if (ctx == NULL || SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1) {
		SSL_CTX_free(ctx);
		return NULL;
	}
	(void)SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
					    SSL_MODE_RELEASE_BUFFERS);
	(void)SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION);
	return ctx;
}

/* HTTP/1.1 is what we speak. */
static int choose(SSL *ssl, const unsigned char **out, unsigned char *len, const unsigned char *in, unsigned in_len,
		  void *arg)
{
	static const unsigned char ours[] = "\x08http/1.1";
	unsigned char *chosen;
	(void)ssl;
	(void)arg;
	if (SSL_select_next_proto(&chosen, len, ours, sizeof ours - 1, in, in_len) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_NOACK;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

static int make_server(struct kith_web_tls *tls, const struct kith_web_config *c, char *why, size_t cap)
{
	tls->server = make_context(TLS_server_method());
	if (tls->server == NULL)
		return KITH_ENOMEM;
	SSL_CTX_set_alpn_select_cb(tls->server, choose, NULL);
	if (SSL_CTX_use_certificate_chain_file(tls->server, c->certificate) != 1) {
		(void)snprintf(why, cap, "web_certificate: %s cannot be used: %s; expected certificates in PEM",
			       c->certificate, reason());
		return KITH_EINVAL;
	}
	if (SSL_CTX_use_PrivateKey_file(tls->server, c->key, SSL_FILETYPE_PEM) != 1) {
		(void)snprintf(why, cap,
			       "web_key: %s cannot be used: %s; expected the private key of web_certificate in PEM, "
			       "without a passphrase",
			       c->key, reason());
		return KITH_EINVAL;
	}
	return 0;
}

static int make_client(struct kith_web_tls *tls, const struct kith_web_config *c, char *why, size_t cap)
{
	static const unsigned char ours[] = "\x08http/1.1";
	tls->client = make_context(TLS_client_method());
	if (tls->client == NULL || SSL_CTX_set_alpn_protos(tls->client, ours, sizeof ours - 1) != 0)
		return KITH_ENOMEM;
	if (c->trust != NULL && strcmp(c->trust, KITH_WEB_TRUST_ANY) == 0)
		return 0;
	SSL_CTX_set_verify(tls->client, SSL_VERIFY_PEER, NULL);
	if (c->trust == NULL)
		return SSL_CTX_set_default_verify_paths(tls->client) == 1 ? 0 : KITH_ENOMEM;
	if (SSL_CTX_load_verify_file(tls->client, c->trust) == 1)
		return 0;
	(void)snprintf(why, cap, "web_trust: %s cannot be used: %s; expected certificates in PEM, or \"any\"", c->trust,
		       reason());
	return KITH_EINVAL;
}

int kith_web_tls_new(struct kith_web_tls **out, const struct kith_web_config *config, char *why, size_t cap)
{
	struct kith_web_tls *tls = OPENSSL_zalloc(sizeof *tls);
	*out = NULL;
	if (tls == NULL)
		return KITH_ENOMEM;
	tls->method = make_method();
	int err = tls->method == NULL ? KITH_ENOMEM : 0;
	if (err == 0 && config->certificate != NULL)
		err = make_server(tls, config, why, cap);
	if (err == 0)
		err = make_client(tls, config, why, cap);
	if (err != 0) {
		kith_web_tls_free(tls);
		return err;
	}
	*out = tls;
	return 0;
}

void kith_web_tls_free(struct kith_web_tls *tls)
{
	if (tls == NULL)
		return;
	SSL_CTX_free(tls->server);
	SSL_CTX_free(tls->client);
	BIO_meth_free(tls->method);
	OPENSSL_free(tls);
}

bool kith_web_tls_serves(const struct kith_web_tls *tls)
{
	return tls->server != NULL;
}

/* ---- a connection ---- */

/* What a client says of the place, and what its certificate has to name. */
static bool aim(SSL *ssl, const struct kith_web_place *place)
{
	SSL_set_connect_state(ssl);
	if (place->host == NULL)
		return X509_VERIFY_PARAM_set1_ip(SSL_get0_param(ssl), place->addr.ip,
						 place->addr.family == KITH_FAMILY_V4 ? 4 : 16) == 1;
	return SSL_set_tlsext_host_name(ssl, place->host) == 1 && SSL_set1_host(ssl, place->host) == 1;
}

int kith_web_io_secure(struct kith_web_io *io, const struct kith_web_tls *tls, const struct kith_web_place *place)
{
	SSL *ssl = SSL_new(place != NULL ? tls->client : tls->server);
	BIO *bio = ssl != NULL ? BIO_new(tls->method) : NULL;
	if (bio == NULL) {
		SSL_free(ssl);
		return KITH_ENOMEM;
	}
	BIO_set_data(bio, io);
	BIO_set_init(bio, 1);
	SSL_set_bio(ssl, bio, bio);
	if (place == NULL)
		SSL_set_accept_state(ssl);
	else if (!aim(ssl, place)) {
		SSL_free(ssl);
		return KITH_ENOMEM;
	}
	io->ssl = ssl;
	io->wants_room = place != NULL;
	return 0;
}

/* What a call came to: n if it is above 0; 0: not now; an error. */
static int result(struct kith_web_io *io, int n)
{
	if (n > 0)
		return n;
	int what = SSL_get_error(io->ssl, n);
	io->wants_room = what == SSL_ERROR_WANT_WRITE;
	if (what == SSL_ERROR_WANT_READ || what == SSL_ERROR_WANT_WRITE)
		return 0;
	return what == SSL_ERROR_ZERO_RETURN || what == SSL_ERROR_SYSCALL ? KITH_ECLOSED : KITH_EPROTO;
}

int kith_web_io_greet(struct kith_web_io *io, char *why, size_t cap)
{
	if (io->ssl == NULL)
		return 1;
	ERR_clear_error();
	int n = result(io, SSL_do_handshake(io->ssl));
	if (n >= 0) {
		io->wants_room = n == 0 && io->wants_room;
		return n;
	}
	long verdict = SSL_get_verify_result(io->ssl);
	if (verdict != X509_V_OK) {
		(void)snprintf(why, cap, "%s", X509_verify_cert_error_string(verdict));
		ERR_clear_error();
		return KITH_EACCES;
	}
	(void)snprintf(why, cap, "%s", n == KITH_ECLOSED ? "it hung up" : reason());
	return n == KITH_ECLOSED ? n : KITH_EPROTO;
}

int kith_web_io_read(struct kith_web_io *io, uint8_t *out, size_t cap)
{
	io->wants_room = false;
	if (io->ssl == NULL)
		return kith_tcp_read(io->fd, out, cap);
	ERR_clear_error();
	return result(io, SSL_read(io->ssl, out, cap < INT_MAX ? (int)cap : INT_MAX));
}

int kith_web_io_write(struct kith_web_io *io, const uint8_t *bytes, size_t len)
{
	if (len == 0)
		return 0;
	if (io->ssl == NULL)
		return kith_tcp_write(io->fd, &(struct iovec){ (void *)(uintptr_t)bytes, len }, 1);
	ERR_clear_error();
	return result(io, SSL_write(io->ssl, bytes, len < INT_MAX ? (int)len : INT_MAX));
}

void kith_web_io_end(struct kith_web_io *io)
{
	if (io->ssl == NULL)
		return;
	if (SSL_is_init_finished(io->ssl))
		(void)SSL_shutdown(io->ssl);
	ERR_clear_error();
	SSL_free(io->ssl);
	io->ssl = NULL;
}
