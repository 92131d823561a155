/* A NAT on a bench: packets in at either side, and what comes out. */
#ifndef KITH_TESTS_NAT_BOX_H
#define KITH_TESTS_NAT_BOX_H

#include "net/nat.h"

#include "support.h"

#define S KITH_US_PER_S
#define EXTERNAL 0x0b000001u /* 11.0.0.1 */
#define INSIDE 0xc0a80102u /* 192.168.1.2 */
#define R1 0x0c000001u
#define R2 0x0c000002u

struct box {
	struct test_alloc mem;
	struct kith_nat_options options;
	struct kith_nat nat;
};

static inline struct kith_addr ep(uint32_t ip, uint16_t port)
{
	struct kith_addr a = { .family = KITH_FAMILY_V4, .port = port };
	for (int i = 0; i < 4; i++)
		a.ip[i] = (uint8_t)(ip >> (24 - 8 * i));
	return a;
}

static inline uint32_t ip_of(const struct kith_addr *a)
{
	return (uint32_t)a->ip[0] << 24 | (uint32_t)a->ip[1] << 16 | (uint32_t)a->ip[2] << 8 | a->ip[3];
}

static inline void box_start(struct box *b, uint64_t seed)
{
	struct kith_addr external = ep(EXTERNAL, 0);
	assert_int_equal(kith_nat_init(&b->nat, &b->options, &b->mem.alloc, &external, seed), 0);
}

static inline void box_init(struct box *b, const char *preset)
{
	test_alloc_init(&b->mem);
	assert_int_equal(kith_nat_options_preset(&b->options, preset), 0);
	box_start(b, 1);
}

static inline void box_restart(struct box *b, uint64_t seed)
{
	kith_nat_deinit(&b->nat);
	box_start(b, seed);
}

static inline void box_deinit(struct box *b)
{
	const struct kith_nat_counters *c = &b->nat.counters;
	assert_int_equal(c->results[KITH_NAT_PASS], c->passed_out + c->passed_in);
	kith_nat_deinit(&b->nat);
	test_alloc_check(&b->mem);
}

static inline enum kith_nat_result out_ttl(struct box *b, kith_time_us now, struct kith_addr src, struct kith_addr dst,
					   uint8_t ttl, struct kith_nat_packet *p)
{
	*p = (struct kith_nat_packet){ src, dst, KITH_NAT_UDP, ttl };
	return kith_nat_outbound(&b->nat, now, p);
}

/* The external endpoint that src gets towards dst; port 0 if it was dropped. */
static inline struct kith_addr out(struct box *b, kith_time_us now, struct kith_addr src, struct kith_addr dst)
{
	struct kith_nat_packet p;
	return out_ttl(b, now, src, dst, 64, &p) == KITH_NAT_PASS ? p.src : ep(0, 0);
}

static inline enum kith_nat_result in(struct box *b, kith_time_us now, struct kith_addr src, struct kith_addr dst)
{
	struct kith_nat_packet p = { src, dst, KITH_NAT_UDP, 64 };
	enum kith_nat_result r = kith_nat_inbound(&b->nat, now, &p);
	assert_int_equal(p.ttl, r == KITH_NAT_PASS ? 63 : 64);
	if (r == KITH_NAT_PASS)
		assert_int_equal(ip_of(&p.dst) >> 16, INSIDE >> 16);
	else
		assert_memory_equal(&p.dst, &dst, sizeof dst);
	return r;
}

static inline bool same(struct kith_addr a, struct kith_addr b)
{
	return memcmp(&a, &b, sizeof a) == 0;
}

#endif
