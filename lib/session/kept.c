#include "session/kept.h"

#include "base/alloc.h"
#include "base/assert.h"

/* A stretch that was found. */
struct found {
	struct kith_blob *blob;
	uint16_t at; /* in the answer */
	uint16_t from; /* in the blob */
};

struct kith_kept {
	struct kith_blobs *blobs;
	uint16_t len; /* of the answer */
	uint16_t rest_len; /* of its bytes that are in no blob: they follow what was found */
	uint16_t n;
	struct found found[];
};

static struct kith_span bytes_of(const struct kith_blob *blob, uint16_t from)
{
	KITH_ASSERT(blob != NULL && from < blob->len);
	return (struct kith_span){ blob->bytes + from, blob->len - from };
}

/* Where in the answer, from `at` on, these bytes are; its length if nowhere. Only some bytes of framing are between
 * stretches: they are found at once. */
static size_t find(struct kith_span answer, size_t at, struct kith_span bytes)
{
	for (; at + bytes.len <= answer.len; at++) {
		if (memcmp(answer.p + at, bytes.p, bytes.len) == 0)
			return at;
	}
	return answer.len;
}

static size_t size_of(size_t n, size_t rest_len)
{
	return sizeof(struct kith_kept) + n * sizeof(struct found) + rest_len;
}

static uint8_t *rest_of(struct kith_kept *kept)
{
	return (uint8_t *)(kept->found + kept->n);
}

/* The bytes of the answer that were not found in blobs. */
static void copy_rest(struct kith_kept *kept, struct kith_span answer)
{
	uint8_t *out = rest_of(kept);
	size_t at = 0;
	for (uint16_t i = 0; i < kept->n; i++) {
		memcpy(out, answer.p + at, kept->found[i].at - at);
		out += kept->found[i].at - at;
		at = kept->found[i].at + bytes_of(kept->found[i].blob, kept->found[i].from).len;
	}
	memcpy(out, answer.p + at, answer.len - at);
}

struct kith_kept *kith_kept_new(const struct kith_alloc *alloc, struct kith_span answer,
				const struct kith_kept_stretches *stretches)
{
	struct found found[KITH_KEPT_STRETCHES_MAX];
	size_t n = 0, end = 0, rest_len = answer.len;
	KITH_ASSERT(answer.len > 0 && answer.len <= UINT16_MAX);
	while (stretches != NULL && n < stretches->n && n < KITH_KEPT_STRETCHES_MAX) {
		const struct kith_kept_stretch *s = &stretches->at[n];
		const struct kith_span bytes = bytes_of(s->blob, s->from);
		const size_t at = find(answer, end, bytes);
		if (at == answer.len)
			break;
		found[n++] = (struct found){ s->blob, (uint16_t)at, s->from };
		end = at + bytes.len;
		rest_len -= bytes.len;
	}
	struct kith_kept *kept = kith_alloc_resize(alloc, NULL, 0, size_of(n, rest_len));
	if (kept == NULL)
		return NULL;
	*kept = (struct kith_kept){ .blobs = n > 0 ? stretches->blobs : NULL,
				    .len = (uint16_t)answer.len,
				    .rest_len = (uint16_t)rest_len,
				    .n = (uint16_t)n };
	for (size_t i = 0; i < n; i++) {
		kept->found[i] = found[i];
		(void)kith_blob_ref(found[i].blob);
	}
	copy_rest(kept, answer);
	return kept;
}

void kith_kept_free(struct kith_kept *kept, const struct kith_alloc *alloc)
{
	if (kept == NULL)
		return;
	for (uint16_t i = 0; i < kept->n; i++)
		kith_blob_unref(kept->blobs, kept->found[i].blob);
	kith_alloc_free(alloc, kept, kith_kept_bytes(kept));
}

size_t kith_kept_len(const struct kith_kept *kept)
{
	return kept != NULL ? kept->len : 0;
}

size_t kith_kept_bytes(const struct kith_kept *kept)
{
	return kept != NULL ? size_of(kept->n, kept->rest_len) : 0;
}

/* Writes what of [at, end) is in the piece of the answer that begins at begin. */
static void write_piece(struct kith_writer *w, size_t at, size_t end, size_t begin, struct kith_span piece)
{
	const size_t from = at > begin ? at - begin : 0;
	const size_t to = end < begin + piece.len ? end - begin : piece.len;
	if (end > begin && from < to)
		kith_write_bytes(w, piece.p + from, to - from);
}

void kith_kept_write(const struct kith_kept *kept, size_t at, size_t len, struct kith_writer *w)
{
	const uint8_t *rest = (const uint8_t *)(kept->found + kept->n);
	size_t begin = 0;
	KITH_ASSERT(at + len <= kept->len);
	for (uint16_t i = 0; i < kept->n; i++) {
		const struct found *f = &kept->found[i];
		const struct kith_span bytes = bytes_of(f->blob, f->from);
		write_piece(w, at, at + len, begin, (struct kith_span){ rest, f->at - begin });
		write_piece(w, at, at + len, f->at, bytes);
		rest += f->at - begin;
		begin = f->at + bytes.len;
	}
	write_piece(w, at, at + len, begin, (struct kith_span){ rest, kept->len - begin });
}
