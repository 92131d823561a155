#include "wire/follow.h"

#include <string.h>

static const struct kith_span no_key = { NULL, 0 };
static const struct kith_span token_label = { (const uint8_t *)"kith follow v1", 15 }; /* with its zero byte */
static const struct kith_span guard_label = { (const uint8_t *)"kith guard v1", 14 };

void kith_follow_token(const struct kith_suite *suite, uint8_t out[KITH_FOLLOW_LEN],
		       const uint8_t sign_sk[KITH_SIGN_SK_LEN], uint64_t number)
{
	uint8_t bytes[8];
	struct kith_writer w = kith_writer_of(bytes, sizeof bytes);
	kith_write_u64(&w, number);
	const struct kith_span parts[] = { token_label, { bytes, sizeof bytes } };
	suite->blake2b(out, KITH_FOLLOW_LEN, (struct kith_span){ sign_sk, KITH_KEY_LEN }, parts, 2);
}

void kith_follow_guard(const struct kith_suite *suite, uint8_t out[KITH_FOLLOW_LEN],
		       const uint8_t token[KITH_FOLLOW_LEN])
{
	const struct kith_span parts[] = { guard_label, { token, KITH_FOLLOW_LEN } };
	suite->blake2b(out, KITH_FOLLOW_LEN, no_key, parts, 2);
}

bool kith_follow_opens(const struct kith_suite *suite, struct kith_span tokens, const uint8_t guard[KITH_FOLLOW_LEN])
{
	uint8_t own[KITH_FOLLOW_LEN];
	for (size_t at = 0; at + KITH_FOLLOW_LEN <= tokens.len; at += KITH_FOLLOW_LEN) {
		kith_follow_guard(suite, own, tokens.p + at);
		if (memcmp(own, guard, sizeof own) == 0) /* a guard is no secret */
			return true;
	}
	return false;
}

bool kith_follow_well_formed(struct kith_span tokens)
{
	return tokens.len % KITH_FOLLOW_LEN == 0 && tokens.len <= KITH_FOLLOW_TOKENS_MAX * KITH_FOLLOW_LEN;
}
