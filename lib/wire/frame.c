#include "wire/frame.h"

bool kith_frame_next(struct kith_reader *r, struct kith_frame *out)
{
	if (kith_reader_left(r) == 0)
		return false;
	out->type = kith_read_u8(r);
	if (out->type == KITH_FRAME_PADDING)
		return false;
	uint16_t len = kith_read_u16(r);
	out->body = kith_read_span(r, len);
	return !r->bad;
}

uint8_t *kith_frame_begin(struct kith_writer *w, enum kith_frame_type type)
{
	kith_write_u8(w, (uint8_t)type);
	return kith_write(w, 2);
}

void kith_frame_end(struct kith_writer *w, uint8_t *mark)
{
	if (mark == NULL || w->bad)
		return;
	size_t len = (size_t)(w->start + w->len - mark) - 2;
	mark[0] = (uint8_t)(len >> 8);
	mark[1] = (uint8_t)len;
}

static size_t ip_len(uint8_t family)
{
	return family == KITH_FAMILY_V4 ? 4 : 16;
}

void kith_addr_write(struct kith_writer *w, const struct kith_addr *addr)
{
	kith_write_u8(w, addr->family);
	kith_write_u16(w, addr->port);
	kith_write_bytes(w, addr->ip, ip_len(addr->family));
}

void kith_addr_read(struct kith_reader *r, struct kith_addr *out)
{
	memset(out, 0, sizeof *out);
	out->family = kith_read_u8(r);
	out->port = kith_read_u16(r);
	if (out->family != KITH_FAMILY_V4 && out->family != KITH_FAMILY_V6)
		r->bad = true;
	else
		kith_read_bytes(r, out->ip, ip_len(out->family));
}

void kith_burst_write(struct kith_writer *w, uint8_t round, uint16_t seq, uint64_t nonce)
{
	enum { HEAD_LEN = 11 };
	kith_write_u8(w, round);
	kith_write_u16(w, seq);
	kith_write_u64(w, nonce);
	uint8_t *rest = kith_write(w, KITH_BURST_BODY - HEAD_LEN);
	if (rest != NULL)
		memset(rest, 0, KITH_BURST_BODY - HEAD_LEN);
}

bool kith_burst_read(struct kith_span body, uint8_t *round, uint16_t *seq, uint64_t *nonce)
{
	struct kith_reader r = kith_reader_of_span(body);
	*round = kith_read_u8(&r);
	*seq = kith_read_u16(&r);
	*nonce = kith_read_u64(&r);
	return body.len == KITH_BURST_BODY;
}
