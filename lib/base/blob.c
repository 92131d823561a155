#include "base/blob.h"

#include "base/alloc.h"
#include "base/assert.h"

/* A blob stays out of the table only when another one with the same digest and other bytes is in it. It is then shared
 * with nobody, and otherwise like any. */

void kith_blobs_init(struct kith_blobs *bs, const struct kith_alloc *alloc, uint32_t max, const uint64_t seed[2])
{
	kith_table_init(&bs->table, alloc, max, KITH_TABLE_KEY(struct kith_blob, digest), seed);
	bs->alloc = alloc;
	bs->bytes = 0;
}

void kith_blobs_deinit(struct kith_blobs *bs)
{
	KITH_ASSERT(bs->table.n == 0 && bs->bytes == 0);
	kith_table_deinit(&bs->table);
}

/* Two keyed hashes under different keys. Not collision-resistant against who knows the seed: bytes are compared too. */
static void digest_of(const struct kith_blobs *bs, const uint8_t *p, size_t len, uint8_t out[16])
{
	for (unsigned half = 0; half < 2; half++) {
		const uint64_t seed[2] = { bs->table.seed[0] + 1, bs->table.seed[1] ^ half };
		uint64_t h = kith_hash64(seed, p, len);
		for (unsigned i = 0; i < 8; i++)
			out[8 * half + i] = (uint8_t)(h >> (8 * i));
	}
}

static bool same_bytes(const struct kith_blob *b, const uint8_t *p, size_t len)
{
	return b->len == len && (len == 0 || memcmp(b->bytes, p, len) == 0);
}

static void release(struct kith_blobs *bs, struct kith_blob *b)
{
	size_t size = sizeof *b + b->len;
	bs->bytes -= size;
	kith_alloc_free(bs->alloc, b, size);
}

struct kith_blob *kith_blob_intern(struct kith_blobs *bs, const uint8_t *p, size_t len)
{
	uint8_t digest[16];
	if (len > UINT32_MAX - sizeof(struct kith_blob))
		return NULL;
	digest_of(bs, p, len, digest);
	struct kith_blob *known = kith_table_get(&bs->table, digest);
	if (known != NULL && same_bytes(known, p, len))
		return kith_blob_ref(known);

	struct kith_blob *b = kith_alloc_zero(bs->alloc, sizeof *b + len);
	if (b == NULL)
		return NULL;
	b->refs = 1;
	b->len = (uint32_t)len;
	memcpy(b->digest, digest, sizeof digest);
	if (len > 0)
		memcpy(b->bytes, p, len);
	bs->bytes += sizeof *b + len;
	if (known == NULL && kith_table_put(&bs->table, b) != 0) {
		release(bs, b);
		return NULL;
	}
	return b;
}

struct kith_blob *kith_blob_ref(struct kith_blob *b)
{
	KITH_ASSERT(b->refs > 0 && b->refs < UINT32_MAX);
	b->refs++;
	return b;
}

void kith_blob_unref(struct kith_blobs *bs, struct kith_blob *b)
{
	if (b == NULL)
		return;
	KITH_ASSERT(b->refs > 0);
	if (--b->refs > 0)
		return;
	if (kith_table_get(&bs->table, b->digest) == b)
		(void)kith_table_remove(&bs->table, b->digest);
	release(bs, b);
}
