#include "path/retain.h"

#include "base/alloc.h"
#include "base/assert.h"

enum { CAP_MIN = 4096, PACKET_MAX = 1280 };

static const struct kith_retained *held(const struct kith_retain *r, unsigned i)
{
	return &r->ring[(r->head + i) % KITH_RETAIN_PACKETS];
}

static struct kith_retained *entry(struct kith_retain *r, unsigned i)
{
	return &r->ring[(r->head + i) % KITH_RETAIN_PACKETS];
}

static void drop_oldest(struct kith_retain *r)
{
	r->head = (uint16_t)((r->head + 1) % KITH_RETAIN_PACKETS);
	r->n--;
	if (r->n == 0)
		r->end = 0;
}

/* Where len bytes fit behind the newest packet, before the oldest; UINT32_MAX when they do not. */
static uint32_t place(struct kith_retain *r, uint32_t len)
{
	if (r->n == 0)
		return len <= r->cap ? 0 : UINT32_MAX;
	uint32_t oldest = entry(r, 0)->offset;
	if (r->end > oldest) {
		if (r->cap - r->end >= len)
			return r->end;
		return oldest >= len ? 0 : UINT32_MAX;
	}
	return oldest - r->end >= len ? r->end : UINT32_MAX;
}

/* Doubles the memory; the packets are moved to its start in order. */
static bool grow(struct kith_retain *r, const struct kith_alloc *alloc)
{
	uint32_t cap = r->cap == 0 ? CAP_MIN : 2 * r->cap;
	if (cap > KITH_RETAIN_BYTES)
		return false;
	uint8_t *bytes = kith_alloc_resize(alloc, NULL, 0, cap);
	if (bytes == NULL)
		return false;
	uint32_t end = 0;
	for (unsigned i = 0; i < r->n; i++) {
		struct kith_retained *e = entry(r, i);
		memcpy(bytes + end, r->bytes + e->offset, e->len);
		e->offset = end;
		end += e->len;
	}
	kith_alloc_free(alloc, r->bytes, r->cap);
	r->bytes = bytes;
	r->cap = cap;
	r->end = end;
	return true;
}

void kith_retain_put(struct kith_retain *r, const struct kith_alloc *alloc, uint64_t counter, uint8_t way,
		     struct kith_span frames)
{
	if (frames.len == 0 || frames.len > PACKET_MAX)
		return;
	uint32_t len = (uint32_t)frames.len;
	if (r->n == KITH_RETAIN_PACKETS)
		drop_oldest(r);
	uint32_t at = place(r, len);
	if (at == UINT32_MAX && grow(r, alloc))
		at = place(r, len);
	while (at == UINT32_MAX && r->n > 0) {
		drop_oldest(r);
		at = place(r, len);
	}
	if (at == UINT32_MAX)
		return;
	KITH_ASSERT(at + len <= r->cap);
	memcpy(r->bytes + at, frames.p, len);
	*entry(r, r->n) = (struct kith_retained){ counter, at, (uint16_t)len, way };
	r->n++;
	r->end = at + len;
}

void kith_retain_release(struct kith_retain *r, uint64_t below)
{
	while (r->n > 0 && entry(r, 0)->counter < below)
		drop_oldest(r);
}

bool kith_retain_get(const struct kith_retain *r, uint64_t from, uint64_t *counter, struct kith_span *frames)
{
	for (unsigned i = 0; i < r->n; i++) {
		const struct kith_retained *e = held(r, i);
		if (e->counter >= from) {
			*counter = e->counter;
			frames->p = r->bytes + e->offset;
			frames->len = e->len;
			return true;
		}
	}
	return false;
}

uint64_t kith_retain_newest(const struct kith_retain *r, unsigned n)
{
	return r->n == 0 ? 0 : held(r, r->n > n ? r->n - n : 0)->counter;
}

uint8_t kith_retain_way(struct kith_retain *r, uint64_t counter)
{
	for (unsigned i = 0; i < r->n; i++) {
		struct kith_retained *e = entry(r, i);
		if (e->counter == counter && e->way < KITH_WAYS_MAX)
			return ++e->way;
	}
	return 0;
}

void kith_retain_deinit(struct kith_retain *r, const struct kith_alloc *alloc)
{
	kith_alloc_free(alloc, r->bytes, r->cap);
	memset(r, 0, sizeof *r);
}

uint16_t kith_retain_len(const struct kith_retain *r, uint64_t counter)
{
	for (unsigned i = 0; i < r->n; i++) {
		const struct kith_retained *e = held(r, i);
		if (e->counter == counter)
			return e->len;
	}
	return 0;
}

uint16_t kith_retain_largest(const struct kith_retain *r, uint64_t from)
{
	uint16_t largest = 0;
	for (unsigned i = 0; i < r->n; i++) {
		const struct kith_retained *e = held(r, i);
		if (e->counter >= from && e->len > largest)
			largest = e->len;
	}
	return largest;
}
