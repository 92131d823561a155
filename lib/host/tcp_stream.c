/* Packets in a stream of bytes; see tcp_stream.h. */
#include "host/tcp_stream.h"

#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"

enum { ROOM_FIRST = 4096 };

static size_t length_at(const uint8_t *bytes)
{
	return (size_t)bytes[0] << 8 | bytes[1];
}

/* ---- in ---- */

size_t kith_tcp_in_begin(struct kith_tcp_in *in, const struct kith_alloc *alloc, uint8_t *bytes)
{
	size_t len = in->part_len;
	if (len > 0)
		memcpy(bytes, in->part, len);
	kith_tcp_in_deinit(in, alloc);
	return len;
}

int kith_tcp_cut(const uint8_t *bytes, size_t len, size_t *at, const uint8_t **packet)
{
	if (len - *at < KITH_TCP_LENGTH)
		return 0;
	size_t packet_len = length_at(bytes + *at);
	if (packet_len == 0 || packet_len > KITH_TCP_PACKET_MAX)
		return KITH_EPROTO;
	if (len - *at < KITH_TCP_LENGTH + packet_len)
		return 0;
	*packet = bytes + *at + KITH_TCP_LENGTH;
	*at += KITH_TCP_LENGTH + packet_len;
	return (int)packet_len;
}

int kith_tcp_in_end(struct kith_tcp_in *in, const struct kith_alloc *alloc, const uint8_t *rest, size_t len)
{
	KITH_ASSERT(in->part == NULL && len < KITH_TCP_UNIT_MAX);
	if (len == 0)
		return 0;
	in->part = kith_alloc_resize(alloc, NULL, 0, KITH_TCP_UNIT_MAX);
	if (in->part == NULL)
		return KITH_ENOMEM;
	memcpy(in->part, rest, len);
	in->part_len = len;
	return 0;
}

void kith_tcp_in_deinit(struct kith_tcp_in *in, const struct kith_alloc *alloc)
{
	kith_alloc_free(alloc, in->part, KITH_TCP_UNIT_MAX);
	in->part = NULL;
	in->part_len = 0;
}

/* ---- out ---- */

void kith_tcp_length(uint8_t out[KITH_TCP_LENGTH], size_t len)
{
	out[0] = (uint8_t)(len >> 8);
	out[1] = (uint8_t)len;
}

/* The oldest packet of which nothing has left goes; what is left of the one before it moves up. False: there is none.
 * */
static bool drop_oldest(struct kith_tcp_out *out)
{
	if (out->len == out->begun)
		return false;
	uint8_t *front = out->bytes + out->at;
	size_t unit = KITH_TCP_LENGTH + length_at(front + out->begun);
	memmove(front + unit, front, out->begun);
	out->at += unit;
	out->len -= unit;
	return true;
}

/* Room for n bytes more behind what waits. */
static bool make_room(struct kith_tcp_out *out, const struct kith_alloc *alloc, size_t n)
{
	if (out->cap - out->at - out->len >= n)
		return true;
	if (out->at >= out->cap / 2 && out->cap - out->len >= n) { /* so seldom that it costs little for each packet */
		memmove(out->bytes, out->bytes + out->at, out->len);
		out->at = 0;
		return true;
	}
	size_t cap = out->cap == 0 ? ROOM_FIRST : out->cap;
	while (cap - out->at - out->len < n)
		cap *= 2;
	uint8_t *bytes = kith_alloc_resize(alloc, out->bytes, out->cap, cap);
	if (bytes == NULL)
		return false;
	out->bytes = bytes;
	out->cap = cap;
	return true;
}

unsigned kith_tcp_out_put(struct kith_tcp_out *out, const struct kith_alloc *alloc, const uint8_t *packet, size_t len,
			  size_t skip, size_t max)
{
	size_t unit = KITH_TCP_LENGTH + len;
	unsigned dropped = 0;
	KITH_ASSERT(len > 0 && len <= KITH_TCP_PACKET_MAX && skip < unit && (skip == 0 || out->len == 0));
	while (out->len + unit > max && drop_oldest(out))
		dropped++;
	if (skip == 0 && out->len + unit > max)
		return dropped + 1;
	if (!make_room(out, alloc, unit))
		return dropped + 1;
	uint8_t *to = out->bytes + out->at + out->len;
	kith_tcp_length(to, len);
	memcpy(to + KITH_TCP_LENGTH, packet, len);
	out->len += unit;
	if (skip > 0) {
		out->at += skip;
		out->len -= skip;
		out->begun = out->len;
	}
	return dropped;
}

void kith_tcp_out_left(struct kith_tcp_out *out, const struct kith_alloc *alloc, size_t n)
{
	KITH_ASSERT(n <= out->len);
	while (n > 0) {
		if (out->begun == 0)
			out->begun = KITH_TCP_LENGTH + length_at(out->bytes + out->at);
		size_t now = n < out->begun ? n : out->begun;
		out->at += now;
		out->len -= now;
		out->begun -= now;
		n -= now;
	}
	if (out->len == 0)
		kith_tcp_out_deinit(out, alloc);
}

void kith_tcp_out_deinit(struct kith_tcp_out *out, const struct kith_alloc *alloc)
{
	kith_alloc_free(alloc, out->bytes, out->cap);
	memset(out, 0, sizeof *out);
}
