#include "wire/attest.h"

#include <string.h>

#include "base/assert.h"

enum { HOUR_S = 3600, ENDPOINT_V4_LEN = 9, ENDPOINT_V6_LEN = 21 };

static bool fits(const struct kith_attest *a)
{
	return a->endpoint.kind == KITH_TRANSPORT_UDP && kith_endpoint_valid(&a->endpoint) &&
	       a->first_seen_s <= a->at_s && a->hours >= 1 && a->hours <= KITH_ATTEST_HOURS_MAX;
}

int kith_attest_make(const struct kith_suite *suite, uint8_t out[KITH_ATTEST_LEN_MAX], const struct kith_attest *a,
		     const uint8_t sign_sk[KITH_SIGN_SK_LEN])
{
	const struct kith_span no_ext = { NULL, 0 };
	if (!fits(a))
		return KITH_EINVAL;
	struct kith_writer w = kith_writer_of(out, KITH_ATTEST_LEN_MAX);
	kith_object_write_header(&w, (enum kith_object_type)KITH_OBJECT_ATTEST);
	kith_write_bytes(&w, a->candidate, sizeof a->candidate);
	kith_write_bytes(&w, a->witness, sizeof a->witness);
	kith_endpoint_write(&w, &a->endpoint);
	kith_write_u32(&w, a->up);
	kith_write_u32(&w, a->down);
	kith_object_write_time(&w, a->first_seen_s);
	kith_write_u8(&w, a->availability);
	kith_object_write_time(&w, a->at_s);
	kith_write_u8(&w, a->hours);
	kith_object_write_ext(&w, no_ext);
	int len = kith_object_sign(suite, &w, KITH_SIGN_ATTEST, sign_sk);
	return len < 0 ? KITH_EINVAL : len; /* a time out of range: the room is what is longest */
}

/* Exactly an address, with nothing behind it: there is one encoding of what is signed. */
static void read_endpoint(struct kith_reader *r, struct kith_endpoint *out)
{
	const size_t before = kith_reader_left(r);
	if (!kith_endpoint_read(r, out))
		r->bad = true;
	if (before - kith_reader_left(r) != (out->addr.family == KITH_FAMILY_V4 ? ENDPOINT_V4_LEN : ENDPOINT_V6_LEN))
		r->bad = true;
}

int kith_attest_parse(struct kith_attest *out, struct kith_span bytes)
{
	struct kith_reader r;
	memset(out, 0, sizeof *out);
	if (bytes.len > KITH_ATTEST_LEN_MAX)
		return KITH_EPROTO;
	int err = kith_object_begin(&r, bytes, (enum kith_object_type)KITH_OBJECT_ATTEST);
	if (err != 0)
		return err;
	out->bytes = bytes;
	kith_read_bytes(&r, out->candidate, sizeof out->candidate);
	kith_read_bytes(&r, out->witness, sizeof out->witness);
	read_endpoint(&r, &out->endpoint);
	out->up = kith_read_u32(&r);
	out->down = kith_read_u32(&r);
	out->first_seen_s = (int64_t)kith_read_uint(&r, KITH_TIME_LEN);
	out->availability = kith_read_u8(&r);
	out->at_s = (int64_t)kith_read_uint(&r, KITH_TIME_LEN);
	out->hours = kith_read_u8(&r);
	if (r.bad || !fits(out))
		return KITH_EPROTO;
	err = kith_object_end(&r, bytes, &out->s);
	if (err == 0 && out->s.ext.len > 0)
		return KITH_ENOTSUP;
	return err;
}

int kith_attest_verify(const struct kith_attest *a, const struct kith_suite *suite, const struct kith_key *witness)
{
	return kith_object_verify(suite, &a->s, KITH_SIGN_ATTEST, witness);
}

int64_t kith_attest_until_ms(const struct kith_attest *a)
{
	return (a->at_s + a->hours * (int64_t)HOUR_S) * 1000;
}

int kith_attest_in_time(const struct kith_attest *a, const struct kith_now *now)
{
	if (kith_attest_until_ms(a) < now->unix_ms - KITH_CLOCK_TOLERANCE_MS)
		return KITH_EEXPIRED;
	if (now->unix_trusted && a->at_s * 1000 > now->unix_ms + KITH_CLOCK_TOLERANCE_MS)
		return KITH_ENOTYET;
	return 0;
}

size_t kith_attests_write(uint8_t out[KITH_ATTESTS_LEN_MAX], const struct kith_span list[], size_t n)
{
	struct kith_writer w = kith_writer_of(out, KITH_ATTESTS_LEN_MAX);
	KITH_ASSERT(n <= KITH_ATTESTS_MAX);
	for (size_t i = 0; i < n; i++) {
		kith_write_u8(&w, (uint8_t)list[i].len);
		kith_write_span(&w, list[i]);
	}
	KITH_ASSERT(!w.bad); /* each has parsed */
	return kith_writer_len(&w);
}

int kith_attests_read(struct kith_attest out[KITH_ATTESTS_MAX], struct kith_span bytes)
{
	struct kith_reader r = kith_reader_of_span(bytes);
	int n = 0;
	while (bytes.len > 0 && !kith_reader_done(&r)) {
		uint8_t len = kith_read_u8(&r);
		struct kith_span one = kith_read_span(&r, len);
		if (r.bad || n == KITH_ATTESTS_MAX || kith_attest_parse(&out[n], one) != 0)
			return KITH_EPROTO;
		n++;
	}
	return n;
}
