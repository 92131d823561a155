/* TLS around a socket, by OpenSSL; or the bare socket, where TLS ends in front of us.
 *
 * TLS keeps nobody out and nothing secret that packets do not by themselves: they are sealed end to end, and whoever
 * ends this TLS (a reverse proxy, a box that inspects) learns no more than one who watches UDP. Certificates are looked
 * at all the same, as a browser would, so that a box in between is told of and not mistaken for the supernode.
 * Invariant: no signal of a socket that was closed (all is sent with MSG_NOSIGNAL).
 * Never: a wait, but in kith_web_tls_new, which reads files.
 */
#ifndef KITH_HOST_WEB_TLS_H
#define KITH_HOST_WEB_TLS_H

#include "host/web.h"

#define KITH_WEB_WHY_MAX 256

struct kith_web_tls; /* certificates, and whom to trust */

/* KITH_EINVAL: a file cannot be used; why (cap bytes) names the option and the file. KITH_ENOMEM. */
int kith_web_tls_new(struct kith_web_tls **out, const struct kith_web_config *config, char *why,
		     size_t cap) KITH_MUST_USE;
void kith_web_tls_free(struct kith_web_tls *tls);
bool kith_web_tls_serves(const struct kith_web_tls *tls); /* has a certificate */

struct kith_web_io {
	int fd; /* not ours to close */
	void *ssl; /* NULL: bare */
	bool wants_room; /* the last call would go on when the socket takes more; else when it has more */
};

/* Begins TLS on a connected socket: as a client of that place, or, if that is NULL, as a server. KITH_ENOMEM. */
int kith_web_io_secure(struct kith_web_io *io, const struct kith_web_tls *tls,
		       const struct kith_web_place *place) KITH_MUST_USE;

/* Goes on with the handshake. 1: it is done; 0: not yet; KITH_EACCES: the certificate is not to be trusted, and why
 * (cap bytes) says for what reason; KITH_EPROTO: no TLS there. */
int kith_web_io_greet(struct kith_web_io *io, char *why, size_t cap) KITH_MUST_USE;

/* As kith_tcp_read and kith_tcp_write: bytes, 0: none now; an error: it has ended. */
int kith_web_io_read(struct kith_web_io *io, uint8_t *out, size_t cap) KITH_MUST_USE;
int kith_web_io_write(struct kith_web_io *io, const uint8_t *bytes, size_t len) KITH_MUST_USE;

void kith_web_io_end(struct kith_web_io *io); /* says goodbye if it can at once */

#endif
