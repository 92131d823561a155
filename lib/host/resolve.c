/* Addresses of names; see resolve.h. */
#include "host/resolve.h"

#include <netdb.h>
#include <string.h>

#include "base/alloc.h"
#include "host/sockaddr.h"

static bool grow(struct kith_resolver *r)
{
	const size_t one = sizeof(struct kith_resolve_entry *);
	size_t cap = r->cap == 0 ? 1 : 2 * r->cap;
	struct kith_resolve_entry **entries = kith_alloc_resize(r->alloc, r->entries, r->cap * one, cap * one);
	if (entries == NULL)
		return false;
	r->entries = entries;
	r->cap = cap;
	return true;
}

int kith_resolver_add(struct kith_resolver *r, const char *text)
{
	struct kith_entry entry;
	int err = kith_entry_parse(&entry, text);
	if (err != 0)
		return err;
	for (size_t i = 0; i < r->n; i++)
		if (kith_entry_equal(&r->entries[i]->is, &entry))
			return KITH_EEXIST;
	if (r->n == KITH_RESOLVE_ENTRIES_MAX)
		return KITH_EFULL;
	if (r->n == r->cap && !grow(r))
		return KITH_ENOMEM;
	struct kith_resolve_entry *e = KITH_NEW(r->alloc, struct kith_resolve_entry);
	if (e == NULL)
		return KITH_ENOMEM;
	e->is = entry;
	e->resolver = r;
	if (e->is.host[0] == '\0')
		e->found[e->found_n++] = e->is.addr;
	r->entries[r->n++] = e;
	return 0;
}

int kith_resolver_init(struct kith_resolver *r, const struct kith_alloc *alloc, const char *const entries[], size_t n,
		       size_t *bad)
{
	memset(r, 0, sizeof *r);
	r->alloc = alloc;
	*bad = 0;
	for (size_t i = 0; i < n; i++) {
		int err = kith_resolver_add(r, entries[i]);
		if (err != 0 && err != KITH_EEXIST) {
			*bad = i;
			kith_resolver_deinit(r);
			return err;
		}
	}
	return 0;
}

void kith_resolver_deinit(struct kith_resolver *r)
{
	for (size_t i = 0; i < r->n; i++)
		KITH_FREE(r->alloc, r->entries[i]);
	KITH_FREE_ARRAY(r->alloc, r->entries, r->cap);
	r->entries = NULL;
	r->n = r->cap = 0;
}

/* Each address once, with that port; returns how many there are, at most cap. */
static size_t take_addresses(const struct addrinfo *ai, uint16_t port, struct kith_addr out[], size_t cap)
{
	size_t n = 0;
	for (; ai != NULL && n < cap; ai = ai->ai_next) {
		struct kith_addr addr;
		bool known = false;
		if (!kith_sockaddr_get(&addr, ai->ai_addr))
			continue;
		addr.port = port;
		for (size_t i = 0; i < n; i++)
			known = known || kith_addr_equal(&out[i], &addr);
		if (!known)
			out[n++] = addr;
	}
	return n;
}

static void resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *ai)
{
	struct kith_resolve_entry *e = request->data;
	struct kith_resolver *r = e->resolver;
	e->busy = false;
	e->err = status == 0 ? 0 : KITH_ENOENT;
	struct kith_addr found[KITH_RESOLVE_PER_NAME];
	size_t n = status == 0 ? take_addresses(ai, e->is.addr.port, found, KITH_RESOLVE_PER_NAME) : 0;
	if (e->err == 0 && n == 0)
		e->err = KITH_ENOENT;
	uv_freeaddrinfo(ai);
	r->busy--;
	if (e->err == 0) { /* else those of before are kept: they may still be right */
		memcpy(e->found, found, n * sizeof found[0]);
		e->found_n = n;
		r->found(r->ctx);
	}
	if (r->busy == 0)
		r->done(r->ctx);
}

bool kith_resolver_start(struct kith_resolver *r, uv_loop_t *loop, bool all)
{
	struct addrinfo hints = { .ai_socktype = SOCK_DGRAM, .ai_family = AF_UNSPEC };
	r->loop = loop;
	for (size_t i = 0; i < r->n; i++) {
		struct kith_resolve_entry *e = r->entries[i];
		if (e->is.host[0] == '\0' || e->busy || (e->found_n > 0 && !all))
			continue;
		e->request.data = e;
		if (uv_getaddrinfo(loop, &e->request, resolved, e->is.host, NULL, &hints) != 0) {
			e->err = KITH_EIO;
			continue;
		}
		e->busy = true;
		r->busy++;
	}
	return r->busy > 0;
}

void kith_resolver_cancel(struct kith_resolver *r)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->entries[i]->busy)
			(void)uv_cancel((uv_req_t *)&r->entries[i]->request);
}

bool kith_resolver_has_names(const struct kith_resolver *r)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->entries[i]->is.host[0] != '\0')
			return true;
	return false;
}

bool kith_resolver_wants(const struct kith_resolver *r)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->entries[i]->found_n == 0)
			return true;
	return false;
}

size_t kith_resolve_addresses(const struct kith_resolve_entry *e, struct kith_bootstrap out[KITH_RESOLVE_PER_NAME])
{
	for (size_t i = 0; i < e->found_n; i++) {
		out[i].at = kith_endpoint_udp(&e->found[i]);
		if (e->is.web)
			out[i].at.kind = KITH_TRANSPORT_TLS;
		out[i].key = e->is.key;
		out[i].has_key = e->is.has_key;
	}
	return e->found_n;
}

size_t kith_resolver_result(const struct kith_resolver *r, struct kith_bootstrap out[], size_t cap)
{
	struct kith_bootstrap some[KITH_RESOLVE_PER_NAME];
	size_t n = 0;
	for (size_t i = 0; i < r->n; i++) {
		size_t found = kith_resolve_addresses(r->entries[i], some);
		for (size_t k = 0; k < found; k++, n++)
			if (n < cap)
				out[n] = some[k];
	}
	return n;
}
