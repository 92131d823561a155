/* A port that the router maps to this node (PCP, NAT-PMP, UPnP-IGD), so that others reach it behind its NAT.
 *
 * A node of role leaf or auto asks its default router for that, unless its options say no_port_mapping, as soon as it
 * runs and whenever its network is another: if all its addresses of IPv4 are private, it is not told to use loopback
 * addresses, and the component kith-portmap.so is there. The mapping is renewed in time, and taken back when the node
 * closes. What became of it is only told here, and once in the log: a node without one is none the worse.
 */
#ifndef KITH_PORTMAP_H
#define KITH_PORTMAP_H

#include <kith/types.h>

struct kith_node;

/* What became of the mapping. */
enum kith_portmap_state {
	KITH_PORTMAP_OFF, /* not wanted: why says by what */
	KITH_PORTMAP_MISSING, /* the component is not there */
	KITH_PORTMAP_ASKING,
	KITH_PORTMAP_MAPPED,
	KITH_PORTMAP_USELESS, /* the router has mapped it, but has no public address itself: not offered to others */
	KITH_PORTMAP_REFUSED /* no router that maps ports has answered, or it does not want to; asked again later */
};

/* How the router was asked. */
enum kith_portmap_method { KITH_PORTMAP_NONE, KITH_PORTMAP_PCP, KITH_PORTMAP_NATPMP, KITH_PORTMAP_UPNP };

/* What there is to know about the mapping. */
struct kith_portmap_info { /* fixed */
	enum kith_portmap_state state; /* what became of it */
	enum kith_portmap_method method; /* MAPPED, USELESS: by which it was */
	struct kith_addr udp, tcp; /* the outer addresses; family NONE: there is none */
	int64_t expires_ms; /* unix time at which the first of them ends, unless it is renewed before; 0: none */
	uint64_t lies; /* answers of the router that were dropped: malformed, of another request, absurd */
	char why[192]; /* in words, of all but MAPPED and ASKING */
	uint64_t reserved[4];
};

/* "pcp", "natpmp", "upnp"; "none". Static storage. */
KITH_EXPORT const char *kith_portmap_method_name(unsigned method);

/* Fills in what there is to know now. KITH_EINVAL; zeros are then filled in. */
KITH_EXPORT int kith_node_portmap(const struct kith_node *node, struct kith_portmap_info *out);

#endif
