/* The STUN server; see stun.h. */
#include "host/stun.h"

#include <string.h>

#include "base/addr.h"
#include "base/alloc.h"
#include "base/bytes.h"
#include "base/table.h"
#include "host/sockaddr.h"

enum {
	HEADER_LEN = 20,
	BINDING_REQUEST = 0x0001,
	REQUEST_LEN_MAX = 548 /* RFC 8489, 6.1: without knowledge of the path, shorter than 576 bytes with headers */
};

struct row {
	kith_time_us at;
	uint32_t millitokens;
};

struct kith_stun {
	const struct kith_alloc *alloc;
	const struct kith_stun_codec *codec;
	uint64_t seed[2];
	struct kith_stun_counts counts;
	struct row rows[KITH_STUN_ROWS];
};

struct kith_stun *kith_stun_new(const struct kith_alloc *alloc, const struct kith_stun_codec *codec,
				const uint64_t seed[2])
{
	struct kith_stun *stun = KITH_NEW(alloc, struct kith_stun);
	if (stun == NULL)
		return NULL;
	stun->alloc = alloc;
	stun->codec = codec;
	memcpy(stun->seed, seed, sizeof stun->seed);
	for (size_t i = 0; i < KITH_STUN_ROWS; i++)
		stun->rows[i].millitokens = KITH_STUN_BURST * 1000;
	return stun;
}

void kith_stun_free(struct kith_stun *stun)
{
	if (stun != NULL)
		KITH_FREE(stun->alloc, stun);
}

static bool take_token(struct kith_stun *stun, kith_time_us now, const struct kith_addr *from)
{
	uint8_t prefix[sizeof(uint64_t)];
	kith_number_bytes(prefix, sizeof prefix, kith_addr_limit_prefix(from));
	struct row *row = &stun->rows[kith_hash64(stun->seed, prefix, sizeof prefix) % KITH_STUN_ROWS];
	if (now > row->at) {
		kith_time_us passed = now - row->at;
		if (passed > 2 * KITH_STUN_BURST * KITH_US_PER_S / KITH_STUN_RATE)
			passed = 2 * KITH_STUN_BURST * KITH_US_PER_S / KITH_STUN_RATE;
		uint32_t gained = (uint32_t)(passed * KITH_STUN_RATE / 1000);
		/* Time that was not enough for a whole unit is kept for the next time. */
		row->at = gained == 0 && row->at != 0 ? row->at : now;
		row->millitokens += gained;
		if (row->millitokens > KITH_STUN_BURST * 1000)
			row->millitokens = KITH_STUN_BURST * 1000;
	}
	if (row->millitokens < 1000) {
		stun->counts.limited++;
		return false;
	}
	row->millitokens -= 1000;
	return true;
}

static size_t u16_at(const uint8_t *p)
{
	return (size_t)p[0] << 8 | p[1];
}

/* A binding request whose lengths agree: attributes (a type, a length, a value that is padded to four bytes) up to its
 * very end. */
static bool is_request(const uint8_t *in, size_t len)
{
	if (len < HEADER_LEN || len > REQUEST_LEN_MAX || len % 4 != 0 || u16_at(in) != BINDING_REQUEST ||
	    u16_at(in + 2) != len - HEADER_LEN)
		return false;
	size_t at = HEADER_LEN;
	while (at < len) {
		size_t padded = 4 + (u16_at(in + at + 2) + 3) / 4 * 4;
		if (padded > len - at)
			return false;
		at += padded;
	}
	return true;
}

size_t kith_stun_answer(struct kith_stun *stun, kith_time_us now, const uint8_t *in, size_t len,
			const struct kith_addr *from, uint8_t out[KITH_STUN_ANSWER_MAX])
{
	static const uint8_t cookie[4] = { 0x21, 0x12, 0xa4, 0x42 };
	struct sockaddr_storage ss;
	socklen_t ss_len = kith_sockaddr_set(&ss, from);
	if (!is_request(in, len) || ss_len == 0 || !take_token(stun, now, from))
		return 0;
	size_t n = stun->codec->answer(in, len, memcmp(in + 4, cookie, sizeof cookie) != 0, &ss, ss_len, out);
	if (n > KITH_STUN_GAIN * len) {
		stun->counts.too_short++;
		return 0;
	}
	if (n > 0)
		stun->counts.answered++;
	return n;
}

void kith_stun_counts(const struct kith_stun *stun, struct kith_stun_counts *out)
{
	*out = stun->counts;
}
