#include "base/ring.h"

#include "base/alloc.h"
#include "base/assert.h"

enum { RING_CAP_MIN = 256 };

static size_t round_up(size_t n)
{
	size_t power = 1;
	while (power < n)
		power *= 2;
	return power;
}

void kith_ring_init(struct kith_ring *r, const struct kith_alloc *alloc, size_t max)
{
	KITH_ASSERT(max > 0 && max <= SIZE_MAX / 4);
	*r = (struct kith_ring){ .max = round_up(max), .alloc = alloc };
}

void kith_ring_deinit(struct kith_ring *r)
{
	kith_alloc_free(r->alloc, r->p, r->cap);
	kith_ring_init(r, r->alloc, r->max);
}

static size_t min(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Copies len bytes that start offset bytes after the first; they must be there. */
static void copy_out(const struct kith_ring *r, size_t offset, uint8_t *out, size_t len)
{
	while (len > 0) {
		struct kith_span piece = kith_ring_peek(r, offset);
		size_t n = min(piece.len, len);
		KITH_ASSERT(n > 0);
		memcpy(out, piece.p, n);
		out += n;
		offset += n;
		len -= n;
	}
}

/* Makes room for need bytes in all, as far as max and memory allow. */
static void grow(struct kith_ring *r, size_t need)
{
	size_t cap = round_up(min(need, r->max));
	cap = min(cap < RING_CAP_MIN ? RING_CAP_MIN : cap, r->max);
	if (cap <= r->cap)
		return;
	uint8_t *p = kith_alloc_resize(r->alloc, NULL, 0, cap);
	if (p == NULL)
		return;
	copy_out(r, 0, p, r->len);
	kith_alloc_free(r->alloc, r->p, r->cap);
	r->p = p;
	r->cap = cap;
	r->head = 0;
}

size_t kith_ring_write(struct kith_ring *r, const uint8_t *p, size_t len)
{
	len = min(len, kith_ring_space(r));
	if (len > r->cap - r->len)
		grow(r, r->len + len);
	len = min(len, r->cap - r->len);
	if (len == 0)
		return 0;
	size_t tail = (r->head + r->len) & (r->cap - 1);
	size_t until_end = min(len, r->cap - tail);
	memcpy(r->p + tail, p, until_end);
	if (len > until_end)
		memcpy(r->p, p + until_end, len - until_end);
	r->len += len;
	return len;
}

struct kith_span kith_ring_peek(const struct kith_ring *r, size_t offset)
{
	struct kith_span s = { NULL, 0 };
	if (offset >= r->len)
		return s;
	size_t start = (r->head + offset) & (r->cap - 1);
	s.p = r->p + start;
	s.len = min(r->len - offset, r->cap - start);
	return s;
}

void kith_ring_consume(struct kith_ring *r, size_t len)
{
	KITH_ASSERT(len <= r->len);
	r->len -= len;
	/* An empty ring starts over, so that the next write is in one piece. */
	r->head = r->len > 0 ? (r->head + len) & (r->cap - 1) : 0;
}

size_t kith_ring_read(struct kith_ring *r, uint8_t *out, size_t len)
{
	len = min(len, r->len);
	copy_out(r, 0, out, len);
	kith_ring_consume(r, len);
	return len;
}

void kith_ring_trim(struct kith_ring *r)
{
	if (r->len > 0)
		return;
	kith_alloc_free(r->alloc, r->p, r->cap);
	r->p = NULL;
	r->cap = 0;
	r->head = 0;
}
