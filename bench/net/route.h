/* Which device owns an address, per realm. A realm is the inside of a NAT, or the core (realm 0).
 *
 * Open addressing with linear probing and backward-shift deletion over (hash, device) pairs: 8 bytes per slot, load at
 * most 3/4, O(1). The owner of the devices confirms a hit, since only it knows the addresses.
 * Bounds: grows by doubling. Never: iteration order, pointers to devices.
 */
#ifndef KITH_NET_ROUTE_H
#define KITH_NET_ROUTE_H

#include <kith/err.h>
#include <kith/types.h>

struct kith_route_slot {
	uint32_t hash, device; /* device 0: empty */
};

struct kith_route {
	struct kith_route_slot *slots;
	uint32_t n, cap; /* cap: 0 or a power of two */
	const struct kith_alloc *alloc; /* borrowed */
};

/* Whether the device has this address in this realm. */
typedef bool (*kith_route_owns_fn)(const void *ctx, uint32_t device, uint32_t realm, const struct kith_addr *ip);

void kith_route_init(struct kith_route *r, const struct kith_alloc *alloc);
void kith_route_deinit(struct kith_route *r);

/* The device that has ip (its port is ignored), 0 if none. */
uint32_t kith_route_find(const struct kith_route *r, uint32_t realm, const struct kith_addr *ip,
			 kith_route_owns_fn owns, const void *ctx);

/* device > 0. The caller has made sure that nobody has the address. KITH_ENOMEM. */
int kith_route_add(struct kith_route *r, uint32_t realm, const struct kith_addr *ip, uint32_t device) KITH_MUST_USE;

/* No effect if it is not in. */
void kith_route_remove(struct kith_route *r, uint32_t realm, const struct kith_addr *ip, uint32_t device);

#endif
