/* Bounds-checked reading and writing of fixed layouts, network byte order. Never a struct cast.
 *
 * A reader or writer that runs past its end turns bad and stays so; callers check once, at the end. Reads from a bad
 * reader give zeros and empty spans.
 */
#ifndef KITH_CODEC_CURSOR_H
#define KITH_CODEC_CURSOR_H

#include <string.h>

#include <kith/types.h>

struct kith_reader {
	const uint8_t *p, *end;
	bool bad;
};

struct kith_writer {
	uint8_t *start;
	size_t len, cap; /* written, and room in all */
	bool bad;
};

static inline struct kith_reader kith_reader_of(const uint8_t *p, size_t len)
{
	/* Nothing may be read from no bytes at no address; adding even 0 to NULL is undefined. */
	struct kith_reader r = { p, len > 0 ? p + len : p, false };
	return r;
}

static inline struct kith_reader kith_reader_of_span(struct kith_span s)
{
	return kith_reader_of(s.p, s.len);
}

static inline size_t kith_reader_left(const struct kith_reader *r)
{
	return r->bad ? 0 : (size_t)(r->end - r->p);
}

/* Exactly consumed and never bad. */
static inline bool kith_reader_done(const struct kith_reader *r)
{
	return !r->bad && r->p == r->end;
}

/* The next len bytes, borrowed; NULL and bad when there are fewer. */
static inline const uint8_t *kith_read(struct kith_reader *r, size_t len)
{
	if (kith_reader_left(r) < len) {
		r->bad = true;
		return NULL;
	}
	const uint8_t *p = r->p;
	r->p += len;
	return p;
}

static inline struct kith_span kith_read_span(struct kith_reader *r, size_t len)
{
	struct kith_span s = { kith_read(r, len), len };
	if (s.p == NULL)
		s.len = 0;
	return s;
}

static inline struct kith_span kith_read_rest(struct kith_reader *r)
{
	return kith_read_span(r, kith_reader_left(r));
}

static inline uint64_t kith_read_uint(struct kith_reader *r, size_t len)
{
	const uint8_t *p = kith_read(r, len);
	uint64_t v = 0;
	for (size_t i = 0; p != NULL && i < len; i++)
		v = v << 8 | p[i];
	return v;
}

static inline uint8_t kith_read_u8(struct kith_reader *r)
{
	return (uint8_t)kith_read_uint(r, 1);
}

static inline uint16_t kith_read_u16(struct kith_reader *r)
{
	return (uint16_t)kith_read_uint(r, 2);
}

static inline uint32_t kith_read_u32(struct kith_reader *r)
{
	return (uint32_t)kith_read_uint(r, 4);
}

static inline uint64_t kith_read_u64(struct kith_reader *r)
{
	return kith_read_uint(r, 8);
}

/* Copies len bytes, zeros when bad. */
static inline void kith_read_bytes(struct kith_reader *r, uint8_t *out, size_t len)
{
	const uint8_t *p = kith_read(r, len);
	if (p != NULL)
		memcpy(out, p, len);
	else
		memset(out, 0, len);
}

static inline struct kith_writer kith_writer_of(uint8_t *p, size_t len)
{
	struct kith_writer w = { p, 0, len, false };
	return w;
}

static inline size_t kith_writer_len(const struct kith_writer *w)
{
	return w->len;
}

static inline size_t kith_writer_space(const struct kith_writer *w)
{
	return w->bad ? 0 : w->cap - w->len;
}

/* Room for len bytes to be filled in; NULL and bad when there is none. */
static inline uint8_t *kith_write(struct kith_writer *w, size_t len)
{
	if (kith_writer_space(w) < len) {
		w->bad = true;
		return NULL;
	}
	uint8_t *p = w->start + w->len;
	w->len += len;
	return p;
}

static inline void kith_write_bytes(struct kith_writer *w, const uint8_t *p, size_t len)
{
	uint8_t *out = kith_write(w, len);
	/* Not "out != NULL": a compiler that sees two of these in a row takes that for a start that may be NULL, and
	 * the second one for a write to address 1. */
	if (!w->bad && len > 0)
		memcpy(out, p, len);
}

static inline void kith_write_span(struct kith_writer *w, struct kith_span s)
{
	kith_write_bytes(w, s.p, s.len);
}

static inline void kith_write_zeros(struct kith_writer *w, size_t len)
{
	uint8_t *out = kith_write(w, len);
	if (out != NULL)
		memset(out, 0, len);
}

static inline void kith_write_uint(struct kith_writer *w, uint64_t v, size_t len)
{
	uint8_t *out = kith_write(w, len);
	if (out == NULL)
		return;
	for (size_t i = len; i-- > 0; v >>= 8)
		out[i] = (uint8_t)v;
}

static inline void kith_write_u8(struct kith_writer *w, uint8_t v)
{
	kith_write_bytes(w, &v, 1);
}

static inline void kith_write_u16(struct kith_writer *w, uint16_t v)
{
	kith_write_uint(w, v, 2);
}

static inline void kith_write_u32(struct kith_writer *w, uint32_t v)
{
	kith_write_uint(w, v, 4);
}

static inline void kith_write_u64(struct kith_writer *w, uint64_t v)
{
	kith_write_uint(w, v, 8);
}

#endif
