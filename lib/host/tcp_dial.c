#include "host/tcp_dial.h"

#include <string.h>

#include "base/alloc.h"
#include "host/tcp_socket.h"

int kith_tcp_dial_begin(const struct kith_addr *bind, const struct kith_addr *remote, const struct kith_proxy *proxy,
			int *fd)
{
	static const struct kith_addr any = { .family = KITH_FAMILY_NONE };
	return proxy != NULL ? kith_tcp_dial(&any, &proxy->at, fd) : kith_tcp_dial(bind, remote, fd);
}

/* Says what is to be said. 1: all of it. */
static int say(struct kith_proxy_talk *talk, int fd)
{
	const uint8_t *bytes;
	size_t n;
	while ((n = kith_proxy_says(talk, &bytes)) > 0) {
		uint8_t out[KITH_PROXY_SAYS_MAX];
		memcpy(out, bytes, n);
		int sent = kith_tcp_write(fd, &(struct iovec){ out, n }, 1);
		if (sent <= 0)
			return sent;
		kith_proxy_said(talk, (size_t)sent);
	}
	return 1;
}

static int ask(struct kith_proxy_talk *talk, int fd)
{
	for (;;) {
		uint8_t bytes[sizeof talk->part];
		int result = say(talk, fd);
		if (result <= 0)
			return result;
		int n = kith_tcp_read(fd, bytes, kith_proxy_wants(talk));
		if (n <= 0)
			return n;
		result = kith_proxy_heard(talk, bytes, (size_t)n);
		if (result != 0)
			return result;
	}
}

int kith_tcp_dial_go(struct kith_tcp_dial *d, int fd, const struct kith_alloc *alloc, const struct kith_addr *remote,
		     const struct kith_proxy *proxy)
{
	if (!d->connected) {
		int err = kith_tcp_dialed(fd);
		if (err != 0)
			return err;
		d->connected = true;
		if (proxy == NULL)
			return 1;
		d->talk = KITH_NEW(alloc, struct kith_proxy_talk);
		if (d->talk == NULL)
			return KITH_ENOMEM;
		kith_proxy_begin(d->talk, proxy, remote);
	}
	int result = ask(d->talk, fd);
	if (result == 1)
		kith_tcp_dial_deinit(d, alloc);
	return result;
}

bool kith_tcp_dial_reads(const struct kith_tcp_dial *d)
{
	const uint8_t *bytes;
	return d->talk != NULL && kith_proxy_says(d->talk, &bytes) == 0;
}

void kith_tcp_dial_deinit(struct kith_tcp_dial *d, const struct kith_alloc *alloc)
{
	KITH_FREE(alloc, d->talk);
	d->talk = NULL;
}
