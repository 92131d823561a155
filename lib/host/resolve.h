/* Bootstrap addresses: parsing what an operator writes, and resolving host names without blocking.
 *
 * An entry is "host:port", "1.2.3.4:port" or "[v6]:port", and after a blank the supernode's device key (52
 * characters), if known. Names are asked of the system's resolver on the thread pool; a name gives at most
 * KITH_RESOLVE_PER_NAME addresses. If nothing at all could be resolved, it is tried again after 1 s, doubling up to
 * a minute, with full jitter.
 * Never: a second look at an entry that was resolved.
 */
#ifndef KITH_HOST_RESOLVE_H
#define KITH_HOST_RESOLVE_H

#include <uv.h>

#include <kith/core.h>

#define KITH_RESOLVE_ENTRIES_MAX 64
#define KITH_RESOLVE_PER_NAME 4
#define KITH_RESOLVE_HOST_MAX 253 /* RFC 1035 */
#define KITH_RESOLVE_RETRY_US (1 * KITH_US_PER_S)
#define KITH_RESOLVE_RETRY_MAX_US (60 * KITH_US_PER_S)

struct kith_resolve_entry {
	struct kith_resolver *resolver;
	uv_getaddrinfo_t request;
	char host[KITH_RESOLVE_HOST_MAX + 1]; /* "": a literal, found holds it */
	uint16_t port;
	struct kith_key key;
	bool has_key, busy;
	int err; /* of the last attempt */
	struct kith_addr found[KITH_RESOLVE_PER_NAME];
	size_t found_n;
};

struct kith_resolver {
	const struct kith_alloc *alloc;
	uv_loop_t *loop;
	struct kith_resolve_entry *entries;
	size_t n;
	unsigned busy; /* requests under way */
	unsigned attempt;
	void (*done)(void *ctx); /* after a round, when no request is under way */
	void *ctx;
};

/* Parses one entry (host, port, key, found). KITH_EINVAL. */
int kith_resolve_parse(struct kith_resolve_entry *out, const char *text) KITH_MUST_USE;

/* KITH_EINVAL (which entry: *bad), KITH_EFULL, KITH_ENOMEM. */
int kith_resolver_init(struct kith_resolver *r, const struct kith_alloc *alloc, const char *const entries[], size_t n,
		       size_t *bad) KITH_MUST_USE;
void kith_resolver_deinit(struct kith_resolver *r); /* no request may be under way */

/* Asks for all names that were not found yet. done is called later, never in here; false: nothing is to be asked,
 * done is not called. */
bool kith_resolver_start(struct kith_resolver *r, uv_loop_t *loop, void (*done)(void *ctx), void *ctx);
void kith_resolver_cancel(struct kith_resolver *r); /* done still comes, soon */

/* Writes up to cap addresses with their keys; returns how many there are. */
size_t kith_resolver_result(const struct kith_resolver *r, struct kith_bootstrap out[], size_t cap);

#endif
