/* The reader of control bodies on arbitrary bytes: whatever it accepts has all its spans within the input, a table of
 * items that is consistent, and comes back the same when it is written and read again. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/assert.h"
#include "codec/pack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Checks one value and all it holds, and writes it again; returns the index after it. */
static size_t copy_value(const struct kith_unpacked *pk, size_t at, struct kith_span body, struct kith_packer *w,
			 unsigned depth)
{
	KITH_ASSERT(at < pk->n && depth <= KITH_PACK_DEPTH_MAX);
	const struct kith_unpack_item *item = &pk->items[at];
	size_t after = at + 1;
	switch ((enum kith_unpack_type)item->type) {
	case KITH_UNPACK_UINT:
		kith_pack_uint(w, item->num);
		break;
	case KITH_UNPACK_BOOL:
		KITH_ASSERT(item->num <= 1);
		kith_pack_bool(w, item->num != 0);
		break;
	case KITH_UNPACK_NIL:
		kith_pack_bool(w, false); /* there is no writer of nil: nothing of ours sends it */
		break;
	case KITH_UNPACK_BYTES:
	case KITH_UNPACK_TEXT:
		KITH_ASSERT(item->bytes.p >= body.p && item->bytes.p <= body.p + body.len);
		KITH_ASSERT(item->bytes.len <= (size_t)(body.p + body.len - item->bytes.p));
		kith_pack_bytes(w, item->bytes.p, item->bytes.len);
		break;
	case KITH_UNPACK_ARRAY:
		kith_pack_array(w, item->count);
		for (unsigned i = 0; i < item->count; i++)
			after = copy_value(pk, after, body, w, depth + 1);
		break;
	case KITH_UNPACK_MAP: {
		struct kith_pack_map map = kith_pack_map_begin(w);
		for (unsigned i = 0; i < item->count; i++) {
			const struct kith_unpack_item *key = &pk->items[after];
			KITH_ASSERT(key->type == KITH_UNPACK_UINT && key->num <= UINT32_MAX);
			KITH_ASSERT(kith_unpack_get(pk, item, (uint32_t)key->num) == key + 1);
			kith_pack_key(w, (uint32_t)key->num);
			after = copy_value(pk, after + 1, body, w, depth + 1);
		}
		kith_pack_map_end(w, map);
		break;
	}
	}
	KITH_ASSERT(item->next == after);
	return after;
}

/* Equal but for what copy_value changes on purpose. */
static bool same_item(const struct kith_unpack_item *a, const struct kith_unpack_item *b)
{
	if (a->type == KITH_UNPACK_NIL)
		return b->type == KITH_UNPACK_BOOL && b->num == 0;
	bool same_type = a->type == b->type || (a->type == KITH_UNPACK_TEXT && b->type == KITH_UNPACK_BYTES);
	return same_type && a->next == b->next && a->count == b->count && a->num == b->num &&
	       a->bytes.len == b->bytes.len && (a->bytes.len == 0 || memcmp(a->bytes.p, b->bytes.p, a->bytes.len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t out[KITH_PACK_LEN_MAX];
	struct kith_unpacked pk, again;
	struct kith_packer w;
	struct kith_span body = { data, size };
	if (kith_unpack_parse(&pk, body) != 0)
		return 0;
	KITH_ASSERT(size <= KITH_PACK_LEN_MAX && pk.n <= KITH_PACK_ITEMS_MAX);
	kith_packer_init(&w, out, sizeof out);
	KITH_ASSERT(copy_value(&pk, 0, body, &w, 0) == pk.n);
	if (w.bad) /* a text of 31 bytes takes one byte more as bytes, which may be one too many */
		return 0;
	struct kith_span copy = { out, w.len };
	KITH_ASSERT(kith_unpack_parse(&again, copy) == 0 && again.n == pk.n);
	for (uint16_t i = 0; i < pk.n; i++)
		KITH_ASSERT(same_item(&pk.items[i], &again.items[i]));
	return 0;
}
