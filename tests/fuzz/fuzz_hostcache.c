/* State files of the host cache on arbitrary bytes, as they are and with their checksum put right: loading takes all or
 * nothing, and what was loaded can be saved and loaded again. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "codec/cursor.h"
#include "overlay/hostcache.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void *fuzz_realloc(void *ctx, void *p, size_t old_len, size_t new_len)
{
	(void)ctx;
	(void)old_len;
	if (new_len == 0) {
		free(p);
		return NULL;
	}
	return realloc(p, new_len);
}

static void check(struct kith_span file)
{
	const struct kith_alloc alloc = { fuzz_realloc, NULL };
	const uint64_t seed[2] = { 1, 2 };
	static uint8_t saved[KITH_HOSTCACHE_FILE_MAX];
	struct kith_blobs blobs;
	struct kith_hostcache hc, again;
	kith_blobs_init(&blobs, &alloc, 1000, seed);
	kith_hostcache_init(&hc, &alloc, &blobs);
	kith_hostcache_init(&again, &alloc, &blobs);
	int n = kith_hostcache_load(&hc, file, 3);
	KITH_ASSERT(n < 0 ? hc.n == 0 : n == hc.n && hc.n <= KITH_HOSTCACHE_MAX);
	size_t len = kith_hostcache_save(&hc, file, saved);
	KITH_ASSERT(len <= sizeof saved);
	struct kith_span s = { saved, len };
	int m = kith_hostcache_load(&again, s, 0);
	KITH_ASSERT(m >= 0 && m >= n);
	kith_hostcache_deinit(&hc);
	kith_hostcache_deinit(&again);
	kith_blobs_deinit(&blobs);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct kith_span file = { data, size };
	check(file);
	if (size < KITH_HOSTCACHE_FILE_SUM)
		return 0;
	/* The same with the checksum that it should have, so that what is behind it is reached. */
	const uint64_t sum_seed[2] = { 0x6b69746820686f73, 0x7420636163686500 };
	uint8_t *fixed = malloc(size);
	KITH_ASSERT(fixed != NULL);
	memcpy(fixed, data, size);
	size_t body = size - KITH_HOSTCACHE_FILE_SUM;
	struct kith_writer w = kith_writer_of(fixed + body, KITH_HOSTCACHE_FILE_SUM);
	kith_write_u64(&w, kith_hash64(sum_seed, fixed, body));
	file.p = fixed;
	check(file);
	free(fixed);
	return 0;
}
