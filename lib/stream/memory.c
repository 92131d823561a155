/* QUIC's allocator over the injected one, whose release wants the length: a header in front of each block keeps it, and
 * chains the blocks, so that what QUIC loses track of when it runs out of memory half-way is still given back.
 *
 * 0.12 asserts when it has put a packet together and has no memory to note it. So there is a reserve of what one call
 * needs, and who takes of it ends the connection after the call: two blocks for notes, which nothing else is given, and
 * some room for what is small.
 *
 * A peer decides how much QUIC keeps: bytes that arrived out of order count against windows, but a note of each gap
 * between them does not. What goes beyond bytes_max is refused like what there is no memory for.
 */
#include "stream/internal.h"

#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/timer.h"

enum { /* headers included */
       NOTES = 7424, /* frames, and packets, are noted in blocks of 7192 bytes; with 32 bits, of 6164 or more */
       NOTES_MIN = 6144, /* no other size of QUIC's lies between the two */
       SMALL = 2048
};

struct block {
	struct kith_link link;
	size_t len; /* of all, header included */
	size_t carved; /* part of the small reserve */
};

KITH_STATIC_ASSERT(sizeof(struct block) % _Alignof(max_align_t) == 0, "what follows a header must be aligned");

static struct block *block_of(void *p)
{
	return (struct block *)p - 1;
}

static struct block *take_notes(struct kith_quic_memory *m)
{
	struct block *b = NULL;
	for (unsigned i = 0; i < QUIC_RESERVES && b == NULL; i++) {
		b = m->reserve[i];
		m->reserve[i] = NULL;
	}
	if (b != NULL)
		*b = (struct block){ .len = NOTES };
	return b;
}

static struct block *carve(struct kith_quic_memory *m, size_t len)
{
	len = (len + sizeof(struct block) - 1) / sizeof(struct block) * sizeof(struct block);
	if (m->small == NULL || len > SMALL - m->small_used)
		return NULL;
	struct block *b = (struct block *)m->small + m->small_used / sizeof(struct block);
	m->small_used += len;
	*b = (struct block){ .len = len, .carved = 1 };
	return b;
}

static void *take(size_t len, void *ctx)
{
	struct kith_quic_memory *m = ctx;
	if (len > SIZE_MAX - sizeof(struct block))
		return NULL;
	len += sizeof(struct block);
	struct block *b = NULL;
	if (len <= m->bytes_max && m->bytes <= m->bytes_max - len)
		b = kith_alloc_resize(m->alloc, NULL, 0, len);
	if (b != NULL) {
		*b = (struct block){ .len = len };
	} else {
		m->starved = true;
		b = len >= NOTES_MIN && len <= NOTES ? take_notes(m) : carve(m, len);
	}
	if (b == NULL)
		return NULL;
	kith_link_init(&b->link);
	kith_link_append(&m->blocks, &b->link);
	m->bytes += b->len;
	return b + 1;
}

static void release(void *p, void *ctx)
{
	struct kith_quic_memory *m = ctx;
	if (p == NULL)
		return;
	struct block *b = block_of(p);
	kith_link_remove(&b->link);
	m->bytes -= b->len;
	if (b->carved == 0)
		kith_alloc_free(m->alloc, b, b->len);
}

static void *take_zeroed(size_t n, size_t size, void *ctx)
{
	if (size != 0 && n > SIZE_MAX / size)
		return NULL;
	void *p = take(n * size, ctx);
	if (p != NULL)
		memset(p, 0, n * size);
	return p;
}

static void *resize(void *p, size_t len, void *ctx)
{
	if (p == NULL)
		return take(len, ctx);
	size_t old_len = block_of(p)->len - sizeof(struct block);
	void *fresh = take(len, ctx);
	if (fresh == NULL)
		return NULL;
	memcpy(fresh, p, old_len < len ? old_len : len);
	release(p, ctx);
	return fresh;
}

void kith_quic_memory_init(struct kith_quic_memory *m, const struct kith_alloc *alloc, size_t bytes_max)
{
	m->alloc = alloc;
	m->bytes_max = bytes_max;
	m->bytes = 0;
	memset(m->reserve, 0, sizeof m->reserve);
	m->small = NULL;
	m->small_used = 0;
	m->starved = false;
	kith_link_init(&m->blocks);
	m->mem = (ngtcp2_mem){ m, take, release, take_zeroed, resize };
}

bool kith_quic_memory_reserve(struct kith_quic_memory *m)
{
	bool all = true;
	for (unsigned i = 0; i < QUIC_RESERVES; i++) {
		m->reserve[i] = kith_alloc_resize(m->alloc, NULL, 0, NOTES);
		all = all && m->reserve[i] != NULL;
	}
	m->small = kith_alloc_resize(m->alloc, NULL, 0, SMALL);
	return all && m->small != NULL;
}

void kith_quic_memory_deinit(struct kith_quic_memory *m)
{
	while (!kith_link_empty(&m->blocks))
		release(KITH_CONTAINER_OF(m->blocks.next, struct block, link) + 1, m);
	for (unsigned i = 0; i < QUIC_RESERVES; i++) {
		if (m->reserve[i] != NULL)
			kith_alloc_free(m->alloc, m->reserve[i], NOTES);
		m->reserve[i] = NULL;
	}
	if (m->small != NULL)
		kith_alloc_free(m->alloc, m->small, SMALL);
	m->small = NULL;
}
