#include "natlab/ippacket.h"

#include <string.h>

#include "base/assert.h"

/* Offsets in the headers. */
enum {
	V4_LEN = 20,
	V4_TOTAL = 2,
	V4_FRAGMENT = 6,
	V4_TTL = 8,
	V4_PROTO = 9,
	V4_SUM = 10,
	V4_SRC = 12,
	V4_DST = 16,
	V6_LEN = 40,
	V6_PAYLOAD = 4,
	V6_NEXT = 6,
	V6_HOPS = 7,
	V6_SRC = 8,
	V6_DST = 24,
	UDP_LEN = 8,
	UDP_SUM = 6,
	TCP_LEN = 20,
	TCP_SUM = 16,
};

static unsigned get16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static void put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static size_t transport_len(uint8_t proto)
{
	return proto == KITH_IP_UDP ? UDP_LEN : proto == KITH_IP_TCP ? TCP_LEN : 0;
}

static void read_ports(struct kith_ip_packet *p, const uint8_t *bytes, size_t len)
{
	size_t need = transport_len(p->proto);
	if (need == 0 || p->fragment || len < p->header_len + need)
		return;
	p->src.port = (uint16_t)get16(bytes + p->header_len);
	p->dst.port = (uint16_t)get16(bytes + p->header_len + 2);
}

static bool read_v4(struct kith_ip_packet *p, const uint8_t *bytes, size_t len)
{
	p->header_len = (size_t)(bytes[0] & 15u) * 4;
	if (len < V4_LEN || p->header_len < V4_LEN || p->header_len > len || get16(bytes + V4_TOTAL) != len)
		return false;
	p->hops = bytes[V4_TTL];
	p->proto = bytes[V4_PROTO];
	p->fragment = (get16(bytes + V4_FRAGMENT) & 0x3fffu) != 0;
	p->src.family = p->dst.family = KITH_FAMILY_V4;
	memcpy(p->src.ip, bytes + V4_SRC, 4);
	memcpy(p->dst.ip, bytes + V4_DST, 4);
	return true;
}

static bool read_v6(struct kith_ip_packet *p, const uint8_t *bytes, size_t len)
{
	if (len < V6_LEN || V6_LEN + get16(bytes + V6_PAYLOAD) != len)
		return false;
	p->header_len = V6_LEN;
	p->hops = bytes[V6_HOPS];
	p->proto = bytes[V6_NEXT];
	p->src.family = p->dst.family = KITH_FAMILY_V6;
	memcpy(p->src.ip, bytes + V6_SRC, 16);
	memcpy(p->dst.ip, bytes + V6_DST, 16);
	return true;
}

bool kith_ip_read(struct kith_ip_packet *out, const uint8_t *bytes, size_t len)
{
	memset(out, 0, sizeof *out);
	if (len == 0)
		return false;
	unsigned version = bytes[0] >> 4;
	if (!(version == 4 ? read_v4(out, bytes, len) : version == 6 && read_v6(out, bytes, len)))
		return false;
	read_ports(out, bytes, len);
	return true;
}

/* Two bytes become others: the sum over them, too. */
static void change(uint8_t *at, unsigned to, uint8_t *sum)
{
	uint32_t s = (uint32_t)(~get16(sum) & 0xffffu) + (~get16(at) & 0xffffu) + to;
	s = (s & 0xffffu) + (s >> 16);
	s = (s & 0xffffu) + (s >> 16);
	put16(sum, ~s & 0xffffu);
	put16(at, to);
}

void kith_ip_set_hops(uint8_t *bytes, uint8_t hops)
{
	if (bytes[0] >> 4 == 4)
		change(bytes + V4_TTL, (unsigned)hops << 8 | bytes[V4_PROTO], bytes + V4_SUM);
	else
		bytes[V6_HOPS] = hops;
}

/* An address and a port, at their places; the transport's sum is over the address as well. NULL: it has none. */
static void change_end(uint8_t *bytes, unsigned ip_at, uint8_t *port, const struct kith_addr *to, uint8_t *sum)
{
	for (unsigned i = 0; i < 4; i += 2) {
		uint8_t was[2] = { bytes[ip_at + i], bytes[ip_at + i + 1] };
		change(bytes + ip_at + i, get16(to->ip + i), bytes + V4_SUM);
		if (sum != NULL)
			change(was, get16(to->ip + i), sum);
	}
	if (sum != NULL)
		change(port, to->port, sum);
	else
		put16(port, to->port);
}

void kith_ip_translate(uint8_t *bytes, size_t len, const struct kith_ip_packet *p, const struct kith_addr *src,
		       const struct kith_addr *dst)
{
	KITH_ASSERT(p->src.family == KITH_FAMILY_V4 && !p->fragment);
	KITH_ASSERT(transport_len(p->proto) > 0 && len >= p->header_len + transport_len(p->proto));
	uint8_t *ports = bytes + p->header_len;
	uint8_t *sum = ports + (p->proto == KITH_IP_UDP ? UDP_SUM : TCP_SUM);
	bool summed = p->proto == KITH_IP_TCP || get16(sum) != 0; /* UDP over IPv4 may go without */
	change_end(bytes, V4_SRC, ports, src, summed ? sum : NULL);
	change_end(bytes, V4_DST, ports + 2, dst, summed ? sum : NULL);
	if (summed && p->proto == KITH_IP_UDP && get16(sum) == 0)
		put16(sum, 0xffff);
}
