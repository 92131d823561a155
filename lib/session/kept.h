/* What is kept of an answer, for its repetition: its bytes; where stretches of it lie in interned blobs as well, those,
 * and the bytes in between. An answer that names fifteen members takes 0.4 kB instead of 8.
 *
 * Bounds: the answer's, KITH_ANSWER_MAX; KITH_KEPT_STRETCHES_MAX of which one lies in a blob.
 * Never: copies a stretch that it was told of, asks what an answer means.
 */
#ifndef KITH_SESSION_KEPT_H
#define KITH_SESSION_KEPT_H

#include "base/blob.h"
#include "codec/cursor.h"

#define KITH_KEPT_STRETCHES_MAX 16

struct kith_kept;

/* A stretch of an answer: what a blob has from one of its bytes on to its end. */
struct kith_kept_stretch {
	struct kith_blob *blob;
	uint16_t from;
};

/* Such as are in an answer, in their order there. blobs: where they are interned, borrowed as long as the answer is
 * kept. */
struct kith_kept_stretches {
	struct kith_blobs *blobs;
	const struct kith_kept_stretch *at;
	size_t n;
};

/* Of an answer that is not empty; stretches: NULL when there are none. One that is not found in the answer is not
 * looked for further, and neither are those behind it: their bytes are kept like others. NULL: no memory. */
struct kith_kept *kith_kept_new(const struct kith_alloc *alloc, struct kith_span answer,
				const struct kith_kept_stretches *stretches) KITH_MUST_USE;
void kith_kept_free(struct kith_kept *kept, const struct kith_alloc *alloc); /* NULL is allowed */

size_t kith_kept_len(const struct kith_kept *kept); /* of the answer; NULL: 0 */
size_t kith_kept_bytes(const struct kith_kept *kept); /* of memory, without the blobs; NULL: 0 */

/* Writes len bytes of the answer, from `at` on. */
void kith_kept_write(const struct kith_kept *kept, size_t at, size_t len, struct kith_writer *w);

#endif
