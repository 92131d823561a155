/* Frame of signed objects; see object.h and PROTOCOL.md section 8. */
#include "identity/object.h"

int kith_object_begin(struct kith_reader *r, struct kith_span object, enum kith_object_type type)
{
	if (object.p == NULL || object.len < KITH_OBJECT_HEADER_LEN)
		return KITH_EPROTO;
	*r = kith_reader_of_span(object);
	uint8_t version = kith_read_u8(r);
	if (kith_read_u8(r) != (uint8_t)type)
		return KITH_EPROTO;
	return version == KITH_OBJECT_VERSION ? 0 : KITH_EVERSION;
}

int kith_object_ext(struct kith_reader *r, struct kith_span *ext)
{
	size_t len = kith_read_u8(r);
	*ext = kith_read_span(r, len);
	if (r->bad || len > KITH_EXT_MAX)
		return KITH_EPROTO;
	struct kith_reader e = kith_reader_of_span(*ext);
	int last = -1;
	bool critical = false;
	while (kith_reader_left(&e) > 0) {
		uint8_t type = kith_read_u8(&e);
		size_t value_len = kith_read_u8(&e);
		(void)kith_read(&e, value_len);
		int number = type & ~KITH_EXT_CRITICAL;
		if (e.bad || number <= last)
			return KITH_EPROTO;
		last = number;
		critical |= (type & KITH_EXT_CRITICAL) != 0;
	}
	return critical ? KITH_ENOTSUP : 0;
}

int kith_object_end(struct kith_reader *r, struct kith_span object, struct kith_signed *out)
{
	int err = kith_object_ext(r, &out->ext);
	out->sig = kith_read(r, KITH_SIG_LEN);
	if (!kith_reader_done(r))
		return KITH_EPROTO;
	out->body.p = object.p;
	out->body.len = object.len - KITH_SIG_LEN;
	return err;
}

void kith_object_read_validity(struct kith_reader *r, int64_t *from_s, int64_t *to_s)
{
	*from_s = (int64_t)kith_read_uint(r, KITH_TIME_LEN);
	*to_s = (int64_t)kith_read_uint(r, KITH_TIME_LEN);
	if (*from_s > *to_s)
		r->bad = true;
}

void kith_object_read_text(struct kith_reader *r, char *out, size_t cap)
{
	size_t len = kith_read_u8(r);
	struct kith_span text = { NULL, 0 };
	if (len < cap)
		text = kith_read_span(r, len);
	else
		r->bad = true;
	memset(out, 0, cap);
	for (size_t i = 0; i < text.len; i++) {
		/* Printable only: labels end up on terminals and in logs. */
		if (text.p[i] < 0x20 || text.p[i] > 0x7e)
			r->bad = true;
		out[i] = (char)text.p[i];
	}
}

void kith_object_write_header(struct kith_writer *w, enum kith_object_type type)
{
	kith_write_u8(w, KITH_OBJECT_VERSION);
	kith_write_u8(w, (uint8_t)type);
}

void kith_object_write_time(struct kith_writer *w, int64_t unix_s)
{
	if (unix_s < 0 || unix_s > KITH_UNIX_S_MAX)
		w->bad = true;
	kith_write_uint(w, (uint64_t)unix_s, KITH_TIME_LEN);
}

void kith_object_write_text(struct kith_writer *w, const char *text, size_t max)
{
	const char *nul = memchr(text, '\0', max + 1);
	if (nul == NULL) {
		w->bad = true;
		return;
	}
	size_t len = (size_t)(nul - text);
	kith_write_u8(w, (uint8_t)len);
	kith_write_bytes(w, (const uint8_t *)text, len);
}

void kith_object_write_ext(struct kith_writer *w, struct kith_span ext)
{
	if (ext.len > KITH_EXT_MAX) {
		w->bad = true;
		return;
	}
	kith_write_u8(w, (uint8_t)ext.len);
	kith_write_span(w, ext);
}

int kith_object_sign(const struct kith_suite *suite, struct kith_writer *w, const char *label,
		     const uint8_t sk[KITH_SIGN_SK_LEN])
{
	struct kith_span body = { w->start, kith_writer_len(w) };
	uint8_t *sig = kith_write(w, KITH_SIG_LEN);
	if (sig == NULL)
		return KITH_EMSGSIZE;
	kith_sign(suite, sig, label, body, sk);
	return (int)kith_writer_len(w);
}

int kith_object_verify(const struct kith_suite *suite, const struct kith_signed *s, const char *label,
		       const struct kith_key *key)
{
	return kith_verify(suite, s->sig, label, s->body, key->b) == 0 ? 0 : KITH_ESIGNATURE;
}
