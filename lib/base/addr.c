#include "base/addr.h"

#include <stdio.h>
#include <string.h>

#include <kith/err.h>

enum { V4_LEN = 4, V6_LEN = 16, V6_GROUPS = 8, PORT_DIGITS = 5 };

static size_t ip_len(const struct kith_addr *a)
{
	return a->family == KITH_FAMILY_V4 ? V4_LEN : a->family == KITH_FAMILY_V6 ? V6_LEN : 0;
}

/* The first bits of two byte strings are equal. */
static bool bits_equal(const uint8_t *a, const uint8_t *b, size_t bits)
{
	size_t whole = bits / 8;
	if (memcmp(a, b, whole) != 0)
		return false;
	unsigned rest = (unsigned)(bits % 8);
	return rest == 0 || (a[whole] ^ b[whole]) >> (8 - rest) == 0;
}

static const uint8_t v4_mapped[12] = { [10] = 0xff, [11] = 0xff };

struct scope_rule {
	uint8_t prefix[12];
	uint8_t bits;
	uint8_t scope; /* enum kith_addr_scope */
};

/* The first rule that matches decides. */
static enum kith_addr_scope scope_by_rules(const struct scope_rule *rules, size_t n, const uint8_t *ip)
{
	for (size_t i = 0; i < n; i++) {
		if (bits_equal(rules[i].prefix, ip, rules[i].bits))
			return (enum kith_addr_scope)rules[i].scope;
	}
	return KITH_SCOPE_NONE;
}

/* IANA special-purpose registry. The documentation networks stay public: simulations and examples live there. */
static enum kith_addr_scope scope_of_v4(const uint8_t *ip)
{
	/* clang-format off */
	static const struct scope_rule rules[] = {
		{ { 0 }, 8, KITH_SCOPE_NONE },
		{ { 127 }, 8, KITH_SCOPE_LOOPBACK },
		{ { 169, 254 }, 16, KITH_SCOPE_LINK },
		{ { 10 }, 8, KITH_SCOPE_PRIVATE },
		{ { 172, 16 }, 12, KITH_SCOPE_PRIVATE },
		{ { 192, 168 }, 16, KITH_SCOPE_PRIVATE },
		{ { 100, 64 }, 10, KITH_SCOPE_PRIVATE },
		{ { 192, 0, 0, 0 }, 29, KITH_SCOPE_PRIVATE },
		{ { 224 }, 3, KITH_SCOPE_NONE }, /* multicast and reserved, broadcast among them */
		{ { 0 }, 0, KITH_SCOPE_PUBLIC },
	};
	/* clang-format on */
	return scope_by_rules(rules, sizeof rules / sizeof rules[0], ip);
}

static enum kith_addr_scope scope_of_v6(const uint8_t *ip)
{
	static const struct scope_rule rules[] = {
		{ { 0xfe, 0x80 }, 10, KITH_SCOPE_LINK },
		{ { 0xfc }, 7, KITH_SCOPE_PRIVATE },
		{ { 0x20 }, 3, KITH_SCOPE_PUBLIC }, /* all that IANA has opened for unicast so far */
	};
	static const uint8_t loopback[V6_LEN] = { [15] = 1 };
	static const uint8_t nat64[12] = { 0x00, 0x64, 0xff, 0x9b };
	if (memcmp(ip, loopback, V6_LEN) == 0)
		return KITH_SCOPE_LOOPBACK;
	/* Translators turn these into the v4 address inside, which must not be a way around the rules for v4. */
	const uint8_t *inner = NULL;
	if (memcmp(ip, nat64, sizeof nat64) == 0)
		inner = ip + 12;
	else if (ip[0] == 0x20 && ip[1] == 0x02)
		inner = ip + 2;
	if (inner != NULL)
		return scope_of_v4(inner) == KITH_SCOPE_PUBLIC ? KITH_SCOPE_PUBLIC : KITH_SCOPE_NONE;
	return scope_by_rules(rules, sizeof rules / sizeof rules[0], ip);
}

enum kith_addr_scope kith_addr_scope(const struct kith_addr *addr)
{
	if (addr->family == KITH_FAMILY_V4)
		return scope_of_v4(addr->ip);
	return addr->family == KITH_FAMILY_V6 ? scope_of_v6(addr->ip) : KITH_SCOPE_NONE;
}

void kith_addr_normalise(struct kith_addr *addr)
{
	if (addr->family != KITH_FAMILY_V6 || memcmp(addr->ip, v4_mapped, sizeof v4_mapped) != 0)
		return;
	addr->family = KITH_FAMILY_V4;
	memmove(addr->ip, addr->ip + V6_LEN - V4_LEN, V4_LEN);
	memset(addr->ip + V4_LEN, 0, V6_LEN - V4_LEN);
}

/* family (8 bits), reserved (8), the first len bytes of the address (at most 6). */
static uint64_t prefix_number(const struct kith_addr *addr, size_t v4_len, size_t v6_len)
{
	size_t len = addr->family == KITH_FAMILY_V4 ? v4_len : addr->family == KITH_FAMILY_V6 ? v6_len : 0;
	uint64_t v = 0;
	for (size_t i = 0; i < len; i++)
		v = v << 8 | addr->ip[i];
	return (uint64_t)addr->family << 56 | (uint64_t)addr->reserved << 48 | v;
}

uint64_t kith_addr_diversity_prefix(const struct kith_addr *addr)
{
	return prefix_number(addr, 2, 4);
}

uint64_t kith_addr_limit_prefix(const struct kith_addr *addr)
{
	return prefix_number(addr, 3, 6);
}

bool kith_addr_same_prefix(const struct kith_addr *a, const struct kith_addr *b, unsigned bits)
{
	size_t max = 8 * ip_len(a);
	if (a->family != b->family || max == 0)
		return false;
	return bits_equal(a->ip, b->ip, bits < max ? bits : max);
}

int kith_addr_compare(const struct kith_addr *a, const struct kith_addr *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	int order = memcmp(a->ip, b->ip, sizeof a->ip);
	if (order != 0)
		return order;
	return (a->port > b->port) - (a->port < b->port);
}

bool kith_addr_equal(const struct kith_addr *a, const struct kith_addr *b)
{
	return kith_addr_compare(a, b) == 0;
}

bool kith_endpoint_equal(const struct kith_endpoint *a, const struct kith_endpoint *b)
{
	return a->kind == b->kind && kith_addr_equal(&a->addr, &b->addr);
}

const char *kith_transport_kind_name(unsigned kind)
{
	switch (kind) {
#define KITH_TRANSPORT_KIND_CASE(name, value, text, named)                                                             \
	case value:                                                                                                    \
		return text;
		KITH_TRANSPORT_KIND_MAP(KITH_TRANSPORT_KIND_CASE)
#undef KITH_TRANSPORT_KIND_CASE
	default:
		return kind >= KITH_TRANSPORT_PRIVATE && kind <= UINT8_MAX ? "private" : "none";
	}
}

static unsigned group_of(const uint8_t *ip, unsigned i)
{
	return (unsigned)ip[2 * i] << 8 | ip[2 * i + 1];
}

/* RFC 5952: the longest run of two or more zero groups, the first among equals. Returns its length. */
static unsigned zero_run(const uint8_t *ip, unsigned *start)
{
	unsigned best = 1;
	for (unsigned i = 0; i < V6_GROUPS; i++) {
		unsigned n = 0;
		while (i + n < V6_GROUPS && group_of(ip, i + n) == 0)
			n++;
		if (n > best) {
			best = n;
			*start = i;
		}
	}
	return best > 1 ? best : 0;
}

/* Appends to text of KITH_ADDR_TEXT_MAX bytes, which holds the longest address there is. */
static int put_v4(char *out, size_t cap, const uint8_t *ip)
{
	return snprintf(out, cap, "%u.%u.%u.%u", (unsigned)ip[0], (unsigned)ip[1], (unsigned)ip[2], (unsigned)ip[3]);
}

static void format_v6(const struct kith_addr *addr, char *out, size_t cap)
{
	const uint8_t *ip = addr->ip;
	bool mapped = memcmp(ip, v4_mapped, sizeof v4_mapped) == 0;
	unsigned groups = mapped ? V6_GROUPS - 2 : V6_GROUPS;
	unsigned start = V6_GROUPS;
	unsigned run = zero_run(ip, &start);
	size_t n = 0;
	out[n++] = '[';
	for (unsigned i = 0; i < groups; i++) {
		if (i == start) {
			out[n++] = ':';
			out[n++] = ':';
			i += run - 1;
			continue;
		}
		if (i > 0 && i != start + run)
			out[n++] = ':';
		n += (size_t)snprintf(out + n, cap - n, "%x", group_of(ip, i));
	}
	if (mapped) {
		out[n++] = ':';
		n += (size_t)put_v4(out + n, cap - n, ip + V6_LEN - V4_LEN);
	}
	(void)snprintf(out + n, cap - n, "]:%u", (unsigned)addr->port);
}

const char *kith_addr_format(const struct kith_addr *addr, char out[KITH_ADDR_TEXT_MAX])
{
	if (addr->family == KITH_FAMILY_V4) {
		size_t n = (size_t)put_v4(out, KITH_ADDR_TEXT_MAX, addr->ip);
		(void)snprintf(out + n, KITH_ADDR_TEXT_MAX - n, ":%u", (unsigned)addr->port);
	} else if (addr->family == KITH_FAMILY_V6) {
		format_v6(addr, out, KITH_ADDR_TEXT_MAX);
	} else {
		memcpy(out, "none", sizeof "none");
	}
	return out;
}

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return 16;
}

/* A number of 1 to digits_max digits, at most max, or NULL. Decimal ones have no leading zeros, which elsewhere mean
 * octal. Returns what follows. */
static const char *scan_number(const char *s, int base, unsigned digits_max, unsigned max, unsigned *out)
{
	unsigned v = 0, digits = 0;
	while (digit_of(*s) < base) {
		if (++digits > digits_max || (base == 10 && digits == 2 && v == 0))
			return NULL;
		v = v * (unsigned)base + (unsigned)digit_of(*s++);
	}
	*out = v;
	return digits > 0 && v <= max ? s : NULL;
}

static const char *scan_v4(const char *s, uint8_t *ip)
{
	for (unsigned i = 0; i < V4_LEN; i++) {
		unsigned v;
		if (i > 0 && *s++ != '.')
			return NULL;
		s = scan_number(s, 10, 3, UINT8_MAX, &v);
		if (s == NULL)
			return NULL;
		ip[i] = (uint8_t)v;
	}
	return s;
}

/* True when the group at s is followed by a dot: a v4 address ends the v6 one. */
static bool dotted_ahead(const char *s)
{
	while (digit_of(*s) < 10)
		s++;
	return *s == '.';
}

/* Reads groups up to the ']'. len: bytes read; gap: where in them "::" stood, or V6_LEN + 1. */
static const char *scan_groups(const char *s, uint8_t *ip, unsigned *len, unsigned *gap)
{
	*len = 0;
	*gap = V6_LEN + 1;
	if (s[0] == ':') {
		if (s[1] != ':')
			return NULL;
		*gap = 0;
		s += 2;
	}
	while (*s != ']') {
		unsigned v;
		if (dotted_ahead(s)) {
			if (*len + V4_LEN > V6_LEN)
				return NULL;
			s = scan_v4(s, ip + *len);
			*len += V4_LEN;
			return s != NULL && *s == ']' ? s : NULL;
		}
		s = *len < V6_LEN ? scan_number(s, 16, 4, UINT16_MAX, &v) : NULL;
		if (s == NULL)
			return NULL;
		ip[(*len)++] = (uint8_t)(v >> 8);
		ip[(*len)++] = (uint8_t)v;
		if (*s == ']')
			break;
		if (*s++ != ':')
			return NULL;
		if (*s == ':') {
			if (*gap <= V6_LEN)
				return NULL;
			*gap = *len;
			s++;
		} else if (*s == ']') {
			return NULL;
		}
	}
	return s;
}

static const char *scan_v6(const char *s, uint8_t *ip)
{
	unsigned len, gap;
	s = scan_groups(s, ip, &len, &gap);
	if (s == NULL)
		return NULL;
	bool has_gap = gap <= V6_LEN;
	if (has_gap == (len == V6_LEN)) /* "::" stands for one group at least, and without it none is missing */
		return NULL;
	if (has_gap) {
		unsigned tail = len - gap;
		memmove(ip + V6_LEN - tail, ip + gap, tail);
		memset(ip + gap, 0, V6_LEN - len);
	}
	return s + 1;
}

int kith_addr_parse(struct kith_addr *out, const char *text)
{
	struct kith_addr addr = { 0 };
	unsigned port;
	if (text == NULL)
		return KITH_EINVAL;
	bool v6 = text[0] == '[';
	const char *s = v6 ? scan_v6(text + 1, addr.ip) : scan_v4(text, addr.ip);
	if (s == NULL || *s++ != ':')
		return KITH_EINVAL;
	s = scan_number(s, 10, PORT_DIGITS, UINT16_MAX, &port);
	if (s == NULL || *s != '\0')
		return KITH_EINVAL;
	addr.family = v6 ? KITH_FAMILY_V6 : KITH_FAMILY_V4;
	addr.port = (uint16_t)port;
	*out = addr;
	return 0;
}
