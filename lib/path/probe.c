#include "path/probe.h"

#include <kith/err.h>

#include "base/rng.h"

enum { SEQUENCE = 0xff, LAST = 0xfe }; /* the low bits of a nonce; an even last one, so that pairs stay pairs */

uint64_t kith_probe_next(struct kith_probe *p, const struct kith_random *random, kith_time_us now)
{
	if (p->nonce == 0 || (p->nonce & SEQUENCE) >= LAST) {
		do {
			p->nonce = kith_rng_u64(random) & ~(uint64_t)SEQUENCE;
		} while (p->nonce == 0);
	}
	p->nonce++;
	p->at_us[p->nonce % KITH_PROBE_TIMES] = (uint32_t)now;
	return p->nonce;
}

bool kith_probe_match(struct kith_probe *p, uint64_t nonce, kith_time_us now, uint32_t *rtt_us)
{
	uint64_t sequence = nonce & SEQUENCE, latest = p->nonce & SEQUENCE;
	*rtt_us = 0;
	if (p->nonce == 0 || (nonce & ~(uint64_t)SEQUENCE) != (p->nonce & ~(uint64_t)SEQUENCE))
		return false;
	if (sequence == 0 || sequence > latest)
		return false;
	if (latest - sequence < KITH_PROBE_TIMES)
		*rtt_us = (uint32_t)now - p->at_us[sequence % KITH_PROBE_TIMES];
	if (sequence == latest)
		p->nonce = 0;
	return true;
}

void kith_probe_write(struct kith_writer *w, const struct kith_probe_frame *f, size_t body)
{
	kith_write_u64(w, f->nonce);
	kith_write_u8(w, f->path);
	kith_write_u8(w, f->flags);
	if (body > KITH_PROBE_BODY)
		kith_write_zeros(w, body - KITH_PROBE_BODY);
}

void kith_probe_ack_write(struct kith_writer *w, const struct kith_probe_ack_frame *f)
{
	kith_write_u64(w, f->nonce);
	kith_write_u8(w, f->path);
	if (f->observed.family != KITH_FAMILY_NONE)
		kith_addr_write(w, &f->observed);
}

int kith_probe_read(struct kith_probe_frame *out, struct kith_span body)
{
	struct kith_reader r = kith_reader_of_span(body);
	out->nonce = kith_read_u64(&r);
	out->path = kith_read_u8(&r);
	out->flags = kith_read_u8(&r);
	return r.bad ? KITH_EPROTO : 0;
}

int kith_probe_ack_read(struct kith_probe_ack_frame *out, struct kith_span body)
{
	struct kith_reader r = kith_reader_of_span(body);
	memset(out, 0, sizeof *out);
	out->nonce = kith_read_u64(&r);
	out->path = kith_read_u8(&r);
	if (kith_reader_left(&r) > 0)
		kith_addr_read(&r, &out->observed);
	return r.bad ? KITH_EPROTO : 0;
}
