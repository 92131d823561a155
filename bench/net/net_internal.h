/* What net.c (building, changing) and net_packet.c (sending) share. Nobody else includes it. */
#ifndef KITH_NET_INTERNAL_H
#define KITH_NET_INTERNAL_H

#include "net/net.h"

enum kith_net_kind { KITH_NET_IFACE, KITH_NET_NAT };

struct kith_net_device {
	uint8_t ip[16]; /* a NAT's first external address */
	uint32_t realm;
	uint32_t owner; /* interface: host; NAT: index into nats */
	uint32_t next; /* interface: the host's next one, 0 at the end */
	uint32_t packets; /* interface: the next packet's number */
	struct kith_access_queue up, down;
	uint32_t delay_us;
	uint8_t kind_family; /* kind in the upper half, enum kith_family in the lower */
	uint8_t profile, country, group;
};

struct kith_net_host {
	uint32_t first; /* interface, 0 if none */
	uint32_t cuts; /* set of enum kith_net_cut */
};

struct kith_net_pair {
	uint32_t from, to;
	struct kith_net_way way;
};

struct kith_net {
	const struct kith_alloc *alloc;
	struct kith_net_options options;
	struct kith_net_device *devices; /* [0] is unused: 0 means none, or the core */
	struct kith_net_host *hosts;
	struct kith_nat *nats;
	uint32_t devices_n, devices_cap, hosts_n, hosts_cap, nats_n, nats_cap;
	struct kith_route route;
	uint64_t cut_to[KITH_NET_GROUPS_MAX]; /* bit t of [f]: from group f to group t is cut */
	struct kith_net_pair *pairs; /* sorted */
	uint32_t pairs_n, pairs_cap;
};

static inline enum kith_net_kind kith_net_kind(const struct kith_net_device *d)
{
	return (enum kith_net_kind)(d->kind_family >> 4);
}

static inline enum kith_family kith_net_family(const struct kith_net_device *d)
{
	return (enum kith_family)(d->kind_family & 15);
}

/* The device with address ip in realm, 0 if none. */
uint32_t kith_net_find(const struct kith_net *net, uint32_t realm, const struct kith_addr *ip);

/* Whether device has address ip in realm. */
bool kith_net_owns(const struct kith_net *net, uint32_t device, uint32_t realm, const struct kith_addr *ip);

/* What goes wrong from one edge to the other; NULL: nothing. */
const struct kith_net_way *kith_net_pair_way(const struct kith_net *net, uint32_t from, uint32_t to);

#endif
