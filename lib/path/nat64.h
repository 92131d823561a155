/* IPv4 addresses as a NAT64 with the well-known prefix (RFC 6052: 64:ff9b::/96) takes them.
 *
 * A network without IPv4 reaches it by a translator, and hosts are not told of that: a name leads to an address with
 * the v4 one inside (DNS64), an address that a supernode or a peer names does not. So it is written so here.
 * Only public addresses are wrapped: no translator reaches others (RFC 6052, 3.1).
 * Never: a prefix of an operator's own, a question to the network.
 */
#ifndef KITH_PATH_NAT64_H
#define KITH_PATH_NAT64_H

#include <kith/types.h>

/* Whether it is such an address around a public one. */
bool kith_nat64_is(const struct kith_addr *addr);

/* Makes one of a public v4 address, with its port; false, and nothing done, for all others. */
bool kith_nat64_wrap(struct kith_addr *addr);

#endif
