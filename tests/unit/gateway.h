/* A router that maps ports, as far as the bytes of its answers go: written out by hand, not by the codec under test. */
#ifndef KITH_TESTS_GATEWAY_H
#define KITH_TESTS_GATEWAY_H

#include "support.h"

#include "host/pcp.h"

enum { GATEWAY_PCP_LEN = 60, GATEWAY_PMP_LEN = 16 };

static inline struct kith_addr addr(const char *text)
{
	struct kith_addr a;
	assert_int_equal(kith_addr_parse(&a, text), 0);
	return a;
}

static inline void put_u32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (24 - 8 * i));
}

static inline uint32_t get_u32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* The answer of PCP to a request of MAP: what was wished for at 198.51.100.1, for life_s. */
static inline size_t pcp_answer(const uint8_t *request, uint32_t epoch_s, uint32_t life_s, uint8_t out[GATEWAY_PCP_LEN])
{
	memcpy(out, request, GATEWAY_PCP_LEN);
	out[1] |= 0x80;
	put_u32(out + 4, life_s);
	put_u32(out + 8, epoch_s);
	memset(out + 12, 0, 12);
	memcpy(out + 44, "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc6\x33\x64\x01", 16);
	return GATEWAY_PCP_LEN;
}

static inline size_t pcp_announcement(uint32_t epoch_s, uint8_t out[24])
{
	memset(out, 0, 24);
	out[0] = 2;
	out[1] = 0x80;
	put_u32(out + 8, epoch_s);
	return 24;
}

/* That of NAT-PMP to a request for a mapping. */
static inline size_t pmp_answer(const uint8_t *request, uint32_t epoch_s, uint32_t life_s, uint8_t out[GATEWAY_PMP_LEN])
{
	memset(out, 0, GATEWAY_PMP_LEN);
	out[1] = request[1] | 0x80;
	put_u32(out + 4, epoch_s);
	memcpy(out + 8, request + 4, 4);
	put_u32(out + 12, life_s);
	return GATEWAY_PMP_LEN;
}

#endif
