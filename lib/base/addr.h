/* Classification of addresses: what may be probed, what counts as one operator's prefix.
 *
 * Parsing, formatting and equality are public (<kith/types.h>).
 */
#ifndef KITH_BASE_ADDR_H
#define KITH_BASE_ADDR_H

#include <kith/types.h>

enum kith_addr_scope {
	/* no address, or one that no packet may be sent to: unspecified, multicast, broadcast, reserved (v6: all
	 * outside of 2000::/3), or a NAT64 or 6to4 address around a v4 address that is not public */
	KITH_SCOPE_NONE,
	KITH_SCOPE_LOOPBACK,
	KITH_SCOPE_LINK, /* 169.254/16, fe80::/10 */
	KITH_SCOPE_PRIVATE, /* RFC 1918, RFC 6598 shared (100.64/10), RFC 7335 (192.0.0.0/29), RFC 4193 fc00::/7 */
	KITH_SCOPE_PUBLIC
};

/* v4-mapped v6 addresses are classified as none: they must have been normalised (kith_addr_normalise) before. */
enum kith_addr_scope kith_addr_scope(const struct kith_addr *addr);

/* Turns ::ffff:a.b.c.d into a.b.c.d, leaves others alone. */
void kith_addr_normalise(struct kith_addr *addr);

/* The prefix that is taken for one operator: /16 of v4, /32 of v6 (replica and home diversity). Family and reserved
 * mixed in; equal prefixes give equal numbers, and only they. */
uint64_t kith_addr_diversity_prefix(const struct kith_addr *addr);

/* The prefix that is rate-limited as one source: /24 of v4, /48 of v6. Same encoding rules. */
uint64_t kith_addr_limit_prefix(const struct kith_addr *addr);

/* Same network under the given prefix length in bits (at most the whole address); false for different families and for
 * no address. */
bool kith_addr_same_prefix(const struct kith_addr *a, const struct kith_addr *b, unsigned bits);

/* Total order by family, ip, port: <0, 0, >0. */
int kith_addr_compare(const struct kith_addr *a, const struct kith_addr *b);

#endif
