#include "wire/token.h"

#include <string.h>

#define TIME_MAX (INT64_MAX / 2) /* as of other objects of the directory */

static bool times_fit(uint64_t seq, int64_t expires_ms)
{
	return seq <= TIME_MAX && expires_ms > 0 && expires_ms <= TIME_MAX &&
	       expires_ms - KITH_HELP_LIFE_MS <= (int64_t)seq;
}

int kith_help_token_make(const struct kith_suite *suite, uint8_t out[KITH_HELP_TOKEN_MAX],
			 const struct kith_help_token *token, const uint8_t sign_sk[KITH_SIGN_SK_LEN])
{
	if (!times_fit(token->seq, token->expires_ms) || token->chain.len > KITH_CHAIN_MAX)
		return KITH_EINVAL;
	struct kith_writer w = kith_writer_of(out, KITH_HELP_TOKEN_MAX);
	kith_object_write_header(&w, (enum kith_object_type)KITH_OBJECT_HELP_TOKEN);
	kith_write_bytes(&w, token->candidate.b, KITH_KEY_LEN);
	kith_write_u64(&w, token->seq);
	kith_write_u64(&w, (uint64_t)token->expires_ms);
	kith_write_u16(&w, (uint16_t)token->chain.len);
	kith_write_span(&w, token->chain);
	kith_object_write_ext(&w, token->s.ext);
	int len = kith_object_sign(suite, &w, KITH_SIGN_HELP_TOKEN, sign_sk);
	struct kith_help_token parsed;
	if (len > 0 && kith_help_token_parse(&parsed, (struct kith_span){ out, (size_t)len }) != 0)
		return KITH_EINVAL;
	return len;
}

int kith_help_token_parse(struct kith_help_token *out, struct kith_span bytes)
{
	struct kith_reader r;
	memset(out, 0, sizeof *out);
	if (bytes.len > KITH_HELP_TOKEN_MAX)
		return KITH_EPROTO;
	int err = kith_object_begin(&r, bytes, (enum kith_object_type)KITH_OBJECT_HELP_TOKEN);
	if (err != 0)
		return err;
	out->bytes = bytes;
	kith_read_bytes(&r, out->candidate.b, KITH_KEY_LEN);
	out->seq = kith_read_u64(&r);
	uint64_t expires = kith_read_u64(&r);
	out->expires_ms = expires <= TIME_MAX ? (int64_t)expires : 0;
	out->chain = kith_read_span(&r, kith_read_u16(&r));
	if (r.bad || !times_fit(out->seq, out->expires_ms))
		return KITH_EPROTO;
	return kith_object_end_chain(&r, bytes, &out->s, out->chain, &out->device, &out->sign);
}

int kith_help_token_verify(const struct kith_help_token *token, struct kith_trust *trust, const struct kith_now *now,
			   struct kith_person *person)
{
	if (token->expires_ms < now->unix_ms - KITH_CLOCK_TOLERANCE_MS)
		return KITH_EEXPIRED;
	if (now->unix_trusted && (int64_t)token->seq > now->unix_ms + KITH_CLOCK_TOLERANCE_MS)
		return KITH_ENOTYET;
	int err = kith_trust_check(trust, now, token->chain, person);
	return err != 0 ? err : kith_object_verify(trust->suite, &token->s, KITH_SIGN_HELP_TOKEN, &person->device_sign);
}
