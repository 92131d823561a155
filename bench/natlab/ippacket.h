/* What a router reads and changes in an IP packet: addresses, ports, hops.
 *
 * IPv4 and IPv6; ports are those of UDP and TCP. Translating (addresses and ports) is for IPv4 alone, as net/nat.h is.
 * Checksums are changed by what changed (RFC 1624), so that one that was wrong before is wrong afterwards.
 * Never: a copy of the packet, an assumption that its lengths are true.
 */
#ifndef KITH_NATLAB_IPPACKET_H
#define KITH_NATLAB_IPPACKET_H

#include <kith/types.h>

#define KITH_IP_TCP 6u
#define KITH_IP_UDP 17u

struct kith_ip_packet {
	struct kith_addr src, dst; /* ports are 0 where the packet has none */
	size_t header_len; /* of IP; what is behind it is the transport's */
	uint8_t proto; /* IP's number for it; of IPv6 the first header's */
	uint8_t hops; /* left */
	bool fragment; /* one of several: it has no ports, or not all of it is here */
};

/* False for what is no whole IPv4 or IPv6 packet. */
bool kith_ip_read(struct kith_ip_packet *out, const uint8_t *bytes, size_t len);

/* Writes the hops that are left. */
void kith_ip_set_hops(uint8_t *bytes, uint8_t hops);

/* Gives an IPv4 packet of UDP or TCP, read as p, another source and destination; not a fragment. */
void kith_ip_translate(uint8_t *bytes, size_t len, const struct kith_ip_packet *p, const struct kith_addr *src,
		       const struct kith_addr *dst);

#endif
