#include "identity/params.h"

#include "base/assert.h"

KITH_STATIC_ASSERT(KITH_OBJECT_HEADER_LEN + KITH_ISSUER_ID_LEN + 8 + KITH_TIME_LEN + 1 + 1 + KITH_EXT_MAX +
				   KITH_SIG_LEN <=
			   KITH_PARAMS_LEN_MAX,
		   "parameters fit");

int kith_params_sign(const struct kith_suite *suite, uint8_t out[KITH_PARAMS_LEN_MAX], const struct kith_params *p,
		     const uint8_t root_sk[KITH_SIGN_SK_LEN])
{
	struct kith_writer w = kith_writer_of(out, KITH_PARAMS_LEN_MAX);
	if (p->number == 0 || p->issued_s < 0 || p->issued_s > KITH_UNIX_S_MAX || p->s.ext.len > KITH_EXT_MAX)
		return KITH_EINVAL;
	kith_object_write_header(&w, KITH_OBJECT_PARAMS);
	kith_write_bytes(&w, p->network, sizeof p->network);
	kith_write_u64(&w, p->number);
	kith_object_write_time(&w, p->issued_s);
	kith_write_u8(&w, p->eligible);
	kith_object_write_ext(&w, p->s.ext);
	return kith_object_sign(suite, &w, KITH_SIGN_PARAMS, root_sk);
}

int kith_params_parse(struct kith_params *out, struct kith_span object)
{
	struct kith_reader r;
	memset(out, 0, sizeof *out);
	int err = kith_object_begin(&r, object, KITH_OBJECT_PARAMS);
	if (err != 0)
		return err;
	kith_read_bytes(&r, out->network, sizeof out->network);
	out->number = kith_read_u64(&r);
	for (int i = 0; i < KITH_TIME_LEN; i++)
		out->issued_s = out->issued_s << 8 | kith_read_u8(&r);
	out->eligible = kith_read_u8(&r);
	if (out->number == 0)
		r.bad = true;
	return kith_object_end(&r, object, &out->s);
}
