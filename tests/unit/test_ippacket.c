/* What a router reads and changes in IP packets: sums stay right, and what is no packet is refused. */
#include "natlab/ippacket.h"

#include "support.h"

enum { V4 = 20, UDP = 8, TCP = 20, DATA = 5 };

/* The Internet checksum (RFC 1071), over a pseudo header's words too. */
static unsigned sum16(const uint8_t *p, size_t len, uint32_t sum)
{
	for (size_t i = 0; i < len; i++)
		sum += i % 2 == 0 ? (uint32_t)p[i] << 8 : p[i];
	while (sum >> 16 != 0)
		sum = (sum & 0xffffu) + (sum >> 16);
	return sum;
}

static uint32_t pseudo(const uint8_t *packet, size_t len)
{
	uint32_t sum = packet[9] + (uint32_t)(len - V4);
	return sum16(packet + 12, 8, sum);
}

/* Both sums of a packet are right: a sum over all, itself included, is all ones. */
static void sums_are_right(const uint8_t *packet, size_t len)
{
	assert_int_equal(sum16(packet, V4, 0), 0xffff);
	assert_int_equal(sum16(packet + V4, len - V4, pseudo(packet, len)), 0xffff);
}

static size_t make(uint8_t *out, uint8_t proto)
{
	size_t head = proto == KITH_IP_UDP ? UDP : TCP, len = V4 + head + DATA;
	uint8_t *sum = out + V4 + (proto == KITH_IP_UDP ? 6 : 16);
	memset(out, 0, len);
	out[0] = 0x45;
	out[3] = (uint8_t)len;
	out[8] = 64;
	out[9] = proto;
	memcpy(out + 12, (uint8_t[]){ 192, 168, 1, 2, 11, 1, 0, 1 }, 8);
	memcpy(out + V4, (uint8_t[]){ 0x30, 0x39, 0x11, 0x51 }, 4);
	if (proto == KITH_IP_UDP)
		out[V4 + 5] = (uint8_t)(head + DATA);
	memcpy(out + V4 + head, "hello", DATA);
	unsigned s = ~sum16(out, V4, 0) & 0xffffu;
	out[10] = (uint8_t)(s >> 8);
	out[11] = (uint8_t)s;
	s = ~sum16(out + V4, len - V4, pseudo(out, len)) & 0xffffu;
	sum[0] = (uint8_t)(s >> 8);
	sum[1] = (uint8_t)s;
	sums_are_right(out, len);
	return len;
}

static struct kith_addr end(const char *text)
{
	struct kith_addr a;
	assert_int_equal(kith_addr_parse(&a, text), 0);
	return a;
}

static void ends_and_hops_change_and_sums_follow(void **state)
{
	(void)state;
	uint8_t packet[64];
	for (unsigned k = 0; k < 2; k++) {
		size_t len = make(packet, k == 0 ? KITH_IP_UDP : KITH_IP_TCP);
		struct kith_ip_packet p;
		struct kith_addr src = end("61.1.0.9:60001"), dst = end("192.168.7.8:9");
		assert_true(kith_ip_read(&p, packet, len));
		assert_int_equal(p.src.port, 12345);
		assert_int_equal(p.dst.port, 4433);
		assert_int_equal(p.hops, 64);
		kith_ip_translate(packet, len, &p, &src, &dst);
		kith_ip_set_hops(packet, 57);
		sums_are_right(packet, len);
		assert_true(kith_ip_read(&p, packet, len));
		assert_true(kith_addr_equal(&p.src, &src));
		assert_true(kith_addr_equal(&p.dst, &dst));
		assert_int_equal(p.hops, 57);
		assert_memory_equal(packet + len - DATA, "hello", DATA);
	}
}

/* A wrong sum is not mended, and UDP without one stays without. */
static void wrong_and_missing_sums_stay_so(void **state)
{
	(void)state;
	uint8_t packet[64];
	struct kith_ip_packet p;
	struct kith_addr src = end("61.1.0.9:60001"), dst = end("192.168.7.8:9");
	size_t len = make(packet, KITH_IP_UDP);
	packet[len - 1] ^= 1;
	assert_true(kith_ip_read(&p, packet, len));
	kith_ip_translate(packet, len, &p, &src, &dst);
	assert_int_not_equal(sum16(packet + V4, len - V4, pseudo(packet, len)), 0xffff);
	len = make(packet, KITH_IP_UDP);
	packet[V4 + 6] = packet[V4 + 7] = 0;
	kith_ip_translate(packet, len, &p, &src, &dst);
	assert_int_equal(packet[V4 + 6] | packet[V4 + 7], 0);
	assert_int_equal(sum16(packet, V4, 0), 0xffff);
}

static void what_is_no_whole_packet_is_refused(void **state)
{
	(void)state;
	uint8_t packet[64];
	struct kith_ip_packet p;
	size_t len = make(packet, KITH_IP_UDP);
	for (size_t n = 0; n < len; n++)
		assert_false(kith_ip_read(&p, packet, n));
	packet[0] = 0x44; /* a header of 16 bytes */
	assert_false(kith_ip_read(&p, packet, len));
	packet[0] = 0x55;
	assert_false(kith_ip_read(&p, packet, len));
	memset(packet, 0, sizeof packet);
	packet[0] = 0x60;
	packet[5] = 8;
	packet[6] = KITH_IP_UDP;
	assert_true(kith_ip_read(&p, packet, 48));
	assert_int_equal(p.src.family, KITH_FAMILY_V6);
	assert_false(kith_ip_read(&p, packet, 47));
}

static void fragments_have_no_ports(void **state)
{
	(void)state;
	uint8_t packet[64];
	struct kith_ip_packet p;
	size_t len = make(packet, KITH_IP_UDP);
	packet[6] = 0x20; /* more come */
	assert_true(kith_ip_read(&p, packet, len));
	assert_true(p.fragment);
	assert_int_equal(p.src.port, 0);
	packet[6] = 0x40; /* must not be cut: whole */
	assert_true(kith_ip_read(&p, packet, len));
	assert_false(p.fragment);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ends_and_hops_change_and_sums_follow),
		cmocka_unit_test(wrong_and_missing_sums_stay_so),
		cmocka_unit_test(what_is_no_whole_packet_is_refused),
		cmocka_unit_test(fragments_have_no_ports),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
