#include "sim/simalloc.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

#define CHUNK_BYTES ((size_t)1 << 20)
#define HEADER_BYTES ((size_t)16)

struct kith_simchunk {
	_Alignas(KITH_SIMALLOC_ALIGN) struct kith_simchunk *next; /* and what follows */
};

KITH_STATIC_ASSERT(sizeof(struct kith_simchunk) == KITH_SIMALLOC_ALIGN, "the first block of a chunk is aligned");
KITH_STATIC_ASSERT(sizeof(void *) <= KITH_SIMALLOC_GRAIN, "a free block holds the next one's address");

void kith_simpool_init(struct kith_simpool *pool, bool checked)
{
	memset(pool, 0, sizeof *pool);
	pool->checked = checked;
}

void kith_simpool_deinit(struct kith_simpool *pool)
{
	while (pool->chunks != NULL) {
		struct kith_simchunk *next = pool->chunks->next;
		free(pool->chunks);
		pool->chunks = next;
	}
	memset(pool, 0, sizeof *pool);
}

static void *small_alloc(struct kith_simpool *pool, size_t class)
{
	void *p = pool->free[class];
	if (p != NULL) {
		memcpy(&pool->free[class], p, sizeof(void *));
		return p;
	}
	size_t len = class * KITH_SIMALLOC_GRAIN;
	struct kith_simbump *bump = &pool->bump[len % KITH_SIMALLOC_ALIGN != 0];
	if (bump->left < len) {
		struct kith_simchunk *chunk = aligned_alloc(KITH_SIMALLOC_ALIGN, CHUNK_BYTES);
		if (chunk == NULL)
			return NULL;
		chunk->next = pool->chunks;
		pool->chunks = chunk;
		pool->chunk_bytes += CHUNK_BYTES;
		bump->at = (uint8_t *)(chunk + 1);
		bump->left = CHUNK_BYTES - sizeof *chunk;
	}
	p = bump->at;
	bump->at += len;
	bump->left -= len;
	return p;
}

static void *block_alloc(struct kith_simpool *pool, size_t len)
{
	if (pool->checked) {
		uint8_t *p = malloc(HEADER_BYTES + len);
		if (p == NULL)
			return NULL;
		memcpy(p, &len, sizeof len);
		return p + HEADER_BYTES;
	}
	if (len > KITH_SIMALLOC_SMALL_MAX)
		return malloc(len);
	return small_alloc(pool, (len + KITH_SIMALLOC_GRAIN - 1) / KITH_SIMALLOC_GRAIN);
}

static void block_check(const struct kith_simpool *pool, const void *p, size_t len)
{
	size_t told;
	if (!pool->checked)
		return;
	memcpy(&told, (const uint8_t *)p - HEADER_BYTES, sizeof told);
	KITH_ASSERT(told == len);
}

static void block_free(struct kith_simpool *pool, void *p, size_t len)
{
	if (pool->checked) {
		free((uint8_t *)p - HEADER_BYTES);
	} else if (len > KITH_SIMALLOC_SMALL_MAX) {
		free(p);
	} else {
		size_t class = (len + KITH_SIMALLOC_GRAIN - 1) / KITH_SIMALLOC_GRAIN;
		memcpy(p, &pool->free[class], sizeof(void *));
		pool->free[class] = p;
	}
}

static void account(struct kith_simaccount *a, size_t old_len, size_t new_len)
{
	a->live_bytes = a->live_bytes - old_len + new_len;
	a->pool->live_bytes = a->pool->live_bytes - old_len + new_len;
	if (a->live_bytes > a->peak_bytes)
		a->peak_bytes = a->live_bytes;
	if (a->pool->live_bytes > a->pool->peak_bytes)
		a->pool->peak_bytes = a->pool->live_bytes;
	if (old_len == 0)
		a->live_blocks++;
	if (new_len == 0)
		a->live_blocks--;
}

static void *account_realloc(void *ctx, void *p, size_t old_len, size_t new_len)
{
	struct kith_simaccount *a = ctx;
	KITH_ASSERT((p == NULL) == (old_len == 0));
	if (p != NULL)
		block_check(a->pool, p, old_len);
	if (p == NULL && new_len == 0)
		return NULL;
	if (new_len > old_len && a->limit_bytes != 0 && a->live_bytes - old_len + new_len > a->limit_bytes)
		return NULL;
	void *fresh = NULL;
	if (new_len > 0) {
		fresh = block_alloc(a->pool, new_len);
		if (fresh == NULL)
			return NULL;
	}
	if (p != NULL) {
		if (fresh != NULL)
			memcpy(fresh, p, old_len < new_len ? old_len : new_len);
		block_free(a->pool, p, old_len);
	}
	account(a, old_len, new_len);
	return fresh;
}

void kith_simaccount_init(struct kith_simaccount *a, struct kith_simpool *pool)
{
	memset(a, 0, sizeof *a);
	a->pool = pool;
	a->alloc.realloc_fn = account_realloc;
	a->alloc.ctx = a;
}
