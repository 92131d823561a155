/* Bytes to send. QUIC does not copy them: it keeps pointers until they are acknowledged, so they lie in pieces that
 * never move, and a piece is freed when its last byte is acknowledged. Small writes share a piece.
 */
#include "stream/internal.h"

#include "base/alloc.h"
#include "base/assert.h"

enum piece_size {
	PIECE_MIN = 256, /* a chat message and its header */
	PIECE_MAX = 4096 /* a page; three packets and a half */
};

static struct kith_piece *new_piece(const struct kith_alloc *alloc, size_t want)
{
	size_t len = want + sizeof(struct kith_piece);
	if (len < PIECE_MIN)
		len = PIECE_MIN;
	if (len > PIECE_MAX)
		len = PIECE_MAX;
	struct kith_piece *piece = kith_alloc_resize(alloc, NULL, 0, len);
	if (piece == NULL)
		return NULL;
	piece->next = NULL;
	piece->len = 0;
	piece->cap = (uint32_t)(len - sizeof *piece);
	return piece;
}

static void free_piece(const struct kith_alloc *alloc, struct kith_piece *piece)
{
	kith_alloc_free(alloc, piece, sizeof *piece + piece->cap);
}

static size_t fill(struct kith_piece *piece, const uint8_t *p, size_t len)
{
	size_t room = piece->cap - piece->len;
	size_t n = len < room ? len : room;
	if (n > 0)
		memcpy(piece->bytes + piece->len, p, n);
	piece->len += (uint32_t)n;
	return n;
}

/* Pieces for what does not fit the last one; *fresh is their list. */
static bool new_pieces(const struct kith_alloc *alloc, size_t len, struct kith_piece **fresh)
{
	struct kith_piece **end = fresh;
	*fresh = NULL;
	while (len > 0) {
		struct kith_piece *piece = new_piece(alloc, len);
		if (piece == NULL)
			break;
		*end = piece;
		end = &piece->next;
		len -= len < piece->cap ? len : piece->cap;
	}
	while (len > 0 && *fresh != NULL) {
		struct kith_piece *next = (*fresh)->next;
		free_piece(alloc, *fresh);
		*fresh = next;
	}
	return len == 0;
}

bool kith_sendbuf_put(struct kith_sendbuf *b, const struct kith_alloc *alloc, const uint8_t *p, size_t len)
{
	size_t room = b->last != NULL ? b->last->cap - b->last->len : 0;
	struct kith_piece *fresh = NULL;
	if (len == 0)
		return true;
	if (len > room && !new_pieces(alloc, len - room, &fresh))
		return false;
	b->held += len;
	b->waiting += len;
	if (room > 0) {
		if (b->unsent == NULL) {
			b->unsent = b->last;
			b->sent_in_unsent = b->last->len;
		}
		size_t n = fill(b->last, p, len);
		p += n;
		len -= n;
	}
	for (struct kith_piece *piece = fresh; piece != NULL; piece = piece->next) {
		if (b->unsent == NULL) {
			b->unsent = piece;
			b->sent_in_unsent = 0;
		}
		size_t n = fill(piece, p, len);
		p += n;
		len -= n;
		if (b->last != NULL)
			b->last->next = piece;
		else
			b->first = piece;
		b->last = piece;
	}
	KITH_ASSERT(len == 0);
	return true;
}

size_t kith_sendbuf_vectors(const struct kith_sendbuf *b, ngtcp2_vec *vec, size_t n, size_t *len)
{
	size_t used = 0, skip = b->sent_in_unsent;
	*len = 0;
	for (struct kith_piece *piece = b->unsent; piece != NULL && used < n; piece = piece->next) {
		if (piece->len > skip) {
			vec[used].base = piece->bytes + skip;
			vec[used].len = piece->len - skip;
			*len += vec[used].len;
			used++;
		}
		skip = 0;
	}
	return used;
}

void kith_sendbuf_sent(struct kith_sendbuf *b, size_t len)
{
	KITH_ASSERT(len <= b->waiting);
	b->waiting -= len;
	while (len > 0) {
		size_t here = b->unsent->len - b->sent_in_unsent;
		size_t n = len < here ? len : here;
		b->sent_in_unsent += (uint32_t)n;
		len -= n;
		if (b->sent_in_unsent == b->unsent->len) {
			b->unsent = b->unsent->next;
			b->sent_in_unsent = 0;
		}
	}
}

void kith_sendbuf_acked(struct kith_sendbuf *b, const struct kith_alloc *alloc, size_t len)
{
	KITH_ASSERT(len <= b->held - b->waiting);
	b->held -= len;
	while (b->first != NULL) {
		struct kith_piece *piece = b->first;
		size_t here = piece->len - b->acked_in_first;
		size_t n = len < here ? len : here;
		b->acked_in_first += (uint32_t)n;
		len -= n;
		if (b->acked_in_first < piece->len)
			break;
		b->first = piece->next;
		b->acked_in_first = 0;
		if (b->first == NULL)
			b->last = NULL;
		free_piece(alloc, piece);
	}
	KITH_ASSERT(len == 0);
}

void kith_sendbuf_deinit(struct kith_sendbuf *b, const struct kith_alloc *alloc)
{
	while (b->first != NULL) {
		struct kith_piece *next = b->first->next;
		free_piece(alloc, b->first);
		b->first = next;
	}
	*b = (struct kith_sendbuf){ 0 };
}
