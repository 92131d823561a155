/* Addresses of the bootstrap hosts' names, without blocking.
 *
 * Entries are those of entry.h. Names are asked of the system's resolver on the thread pool; a name gives at most
 * KITH_RESOLVE_PER_NAME addresses. Names that were not found are tried again after 1 s, doubling up to a minute, with
 * full jitter; and so are all while no home is found, since a host may have moved. Else all are looked up again every
 * hour (bootstrap.c). What a name gave last counts, until it gives something else.
 */
#ifndef KITH_HOST_RESOLVE_H
#define KITH_HOST_RESOLVE_H

#include <uv.h>

#include <kith/transport.h>

#include "host/entry.h"

#define KITH_RESOLVE_ENTRIES_MAX 64
#define KITH_RESOLVE_PER_NAME 4
#define KITH_RESOLVE_RETRY_US (1 * KITH_US_PER_S)
#define KITH_RESOLVE_RETRY_MAX_US (60 * KITH_US_PER_S)
#define KITH_RESOLVE_AGAIN_US (3600 * KITH_US_PER_S)

struct kith_resolve_entry {
	struct kith_resolver *resolver;
	uv_getaddrinfo_t request;
	struct kith_entry is;
	bool busy;
	bool told; /* that it was not found */
	int err; /* of the last attempt */
	struct kith_addr found[KITH_RESOLVE_PER_NAME];
	size_t found_n;
};

struct kith_resolver {
	const struct kith_alloc *alloc;
	uv_loop_t *loop;
	struct kith_resolve_entry **entries; /* n of cap, at most KITH_RESOLVE_ENTRIES_MAX */
	size_t n, cap;
	unsigned busy; /* requests under way */
	unsigned attempt;
	void (*found)(void *ctx); /* as soon as a name has addresses, again or for the first time */
	void (*done)(void *ctx); /* after a round, when no request is under way */
	void *ctx;
};

/* KITH_EINVAL (which entry: *bad), KITH_EFULL, KITH_ENOMEM. */
int kith_resolver_init(struct kith_resolver *r, const struct kith_alloc *alloc, const char *const entries[], size_t n,
		       size_t *bad) KITH_MUST_USE;
void kith_resolver_deinit(struct kith_resolver *r); /* no request may be under way */

/* One more entry. KITH_EEXIST: there is one of that host and port; KITH_EINVAL, KITH_EFULL, KITH_ENOMEM. */
int kith_resolver_add(struct kith_resolver *r, const char *text) KITH_MUST_USE;

/* Looks up the names that were not found yet, or all, unless they are being looked up. found and done (set before, with
 * ctx) are called later, never in here. False: no request is under way now, and done is not called. */
bool kith_resolver_start(struct kith_resolver *r, uv_loop_t *loop, bool all);
void kith_resolver_cancel(struct kith_resolver *r); /* done still comes, soon */

/* Whether there are names at all, or nothing but addresses. */
bool kith_resolver_has_names(const struct kith_resolver *r);

/* Whether a name was not found yet. */
bool kith_resolver_wants(const struct kith_resolver *r);

/* Writes the addresses of one entry; returns how many. */
size_t kith_resolve_addresses(const struct kith_resolve_entry *e, struct kith_bootstrap out[KITH_RESOLVE_PER_NAME]);

/* Writes up to cap addresses with their keys; returns how many there are. */
size_t kith_resolver_result(const struct kith_resolver *r, struct kith_bootstrap out[], size_t cap);

#endif
