/* Bootstrap addresses; see resolve.h. */
#include "host/resolve.h"

#include <netdb.h>
#include <string.h>

#include "base/alloc.h"
#include "host/sockaddr.h"

static bool parse_port(uint16_t *out, const char *text)
{
	unsigned port = 0;
	size_t n = strspn(text, "0123456789");

	if (n == 0 || n > 5 || text[n] != '\0')
		return false;
	for (size_t i = 0; i < n; i++)
		port = port * 10 + (unsigned)(text[i] - '0');
	*out = (uint16_t)port;
	return port > 0 && port <= UINT16_MAX;
}

/* Letters, digits, '-', '.' (and '_', which is seen in the wild). What is nothing but digits and dots was meant as
 * an address. */
static bool host_valid(const char *host, size_t len)
{
	bool letter = false;

	if (len == 0 || len > KITH_RESOLVE_HOST_MAX || host[0] == '-' || host[0] == '.')
		return false;
	for (size_t i = 0; i < len; i++) {
		char c = host[i];
		bool alpha = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
		letter = letter || alpha;
		if (!alpha && !(c >= '0' && c <= '9') && c != '-' && c != '.' && c != '_')
			return false;
	}
	return letter;
}

int kith_resolve_parse(struct kith_resolve_entry *out, const char *text)
{
	char where[KITH_RESOLVE_HOST_MAX + 8];

	memset(out, 0, sizeof *out);
	text += strspn(text, " \t");
	size_t len = strcspn(text, " \t\r\n");
	if (len == 0 || len >= sizeof where)
		return KITH_EINVAL;
	memcpy(where, text, len);
	where[len] = '\0';

	char key[KITH_KEY_TEXT_LEN + 1];
	const char *rest = text + len + strspn(text + len, " \t\r\n");
	size_t rest_len = strcspn(rest, " \t\r\n");
	if (rest[rest_len + strspn(rest + rest_len, " \t\r\n")] != '\0')
		return KITH_EINVAL;
	if (rest_len > 0) {
		if (rest_len != KITH_KEY_TEXT_LEN)
			return KITH_EINVAL;
		memcpy(key, rest, rest_len);
		key[rest_len] = '\0';
		if (kith_key_parse(out->key.b, key) != 0)
			return KITH_EINVAL;
		out->has_key = true;
	}
	if (kith_addr_parse(&out->found[0], where) == 0) {
		out->port = out->found[0].port;
		out->found_n = 1;
		return out->port != 0 ? 0 : KITH_EINVAL;
	}
	char *colon = strrchr(where, ':');
	if (colon == NULL || !parse_port(&out->port, colon + 1) || !host_valid(where, (size_t)(colon - where)))
		return KITH_EINVAL;
	memcpy(out->host, where, (size_t)(colon - where));
	out->host[colon - where] = '\0';
	return 0;
}

int kith_resolver_init(struct kith_resolver *r, const struct kith_alloc *alloc, const char *const entries[], size_t n,
		       size_t *bad)
{
	memset(r, 0, sizeof *r);
	r->alloc = alloc;
	*bad = 0;
	if (n == 0)
		return 0;
	if (n > KITH_RESOLVE_ENTRIES_MAX)
		return KITH_EFULL;
	r->entries = KITH_NEW_ARRAY(alloc, struct kith_resolve_entry, n);
	if (r->entries == NULL)
		return KITH_ENOMEM;
	r->n = n;
	for (size_t i = 0; i < n; i++) {
		int err = kith_resolve_parse(&r->entries[i], entries[i]);
		if (err != 0) {
			*bad = i;
			kith_resolver_deinit(r);
			return err;
		}
		r->entries[i].resolver = r;
	}
	return 0;
}

void kith_resolver_deinit(struct kith_resolver *r)
{
	if (r->n > 0)
		KITH_FREE_ARRAY(r->alloc, r->entries, r->n);
	r->entries = NULL;
	r->n = 0;
}

static void take_addresses(struct kith_resolve_entry *e, const struct addrinfo *ai)
{
	for (; ai != NULL && e->found_n < KITH_RESOLVE_PER_NAME; ai = ai->ai_next) {
		struct kith_addr addr;
		bool known = false;
		if (!kith_sockaddr_get(&addr, ai->ai_addr))
			continue;
		addr.port = e->port;
		for (size_t i = 0; i < e->found_n; i++)
			known = known || kith_addr_equal(&e->found[i], &addr);
		if (!known)
			e->found[e->found_n++] = addr;
	}
}

static void resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *ai)
{
	struct kith_resolve_entry *e = request->data;
	struct kith_resolver *r = e->resolver;

	e->busy = false;
	e->err = status == 0 ? 0 : KITH_ENOENT;
	if (status == 0)
		take_addresses(e, ai);
	if (e->err == 0 && e->found_n == 0)
		e->err = KITH_ENOENT;
	uv_freeaddrinfo(ai);
	if (--r->busy == 0)
		r->done(r->ctx);
}

bool kith_resolver_start(struct kith_resolver *r, uv_loop_t *loop, void (*done)(void *ctx), void *ctx)
{
	struct addrinfo hints = { .ai_socktype = SOCK_DGRAM, .ai_family = AF_UNSPEC };

	r->loop = loop;
	r->done = done;
	r->ctx = ctx;
	for (size_t i = 0; i < r->n; i++) {
		struct kith_resolve_entry *e = &r->entries[i];
		if (e->found_n > 0 || e->busy)
			continue;
		e->request.data = e;
		e->err = KITH_EIO;
		if (uv_getaddrinfo(loop, &e->request, resolved, e->host, NULL, &hints) != 0)
			continue;
		e->busy = true;
		r->busy++;
	}
	return r->busy > 0;
}

void kith_resolver_cancel(struct kith_resolver *r)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->entries[i].busy)
			(void)uv_cancel((uv_req_t *)&r->entries[i].request);
}

size_t kith_resolver_result(const struct kith_resolver *r, struct kith_bootstrap out[], size_t cap)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n; i++) {
		const struct kith_resolve_entry *e = &r->entries[i];
		for (size_t k = 0; k < e->found_n; k++, n++) {
			if (n >= cap)
				continue;
			out[n].addr = e->found[k];
			out[n].key = e->key;
			out[n].has_key = e->has_key;
		}
	}
	return n;
}
