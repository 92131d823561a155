/* msgpack bodies of control messages: maps with ascending unsigned integer keys. The only code that includes msgpack-c:
 * its packer, with a bounded write callback, and its unpack template, with bounded callbacks and no allocation.
 *
 * Bounds (KITH_PACK_*): depth 8, 256 items in all, 16 KiB, keys of 32 bits. Duplicate or unordered keys are errors;
 * unknown keys are skipped; negative, float, extension and non-integer keys are errors. Numbers and lengths need not be
 * written in their shortest form: nothing is ever verified over re-encoded bytes.
 */
#ifndef KITH_CODEC_PACK_H
#define KITH_CODEC_PACK_H

#include <kith/err.h>
#include <kith/types.h>

#define KITH_PACK_DEPTH_MAX 8
#define KITH_PACK_ITEMS_MAX 256
#define KITH_PACK_LEN_MAX 16384

/* Writing: into a caller's buffer; running past its end, or past KITH_PACK_LEN_MAX, makes it bad, checked once at the
 * end. Inside a map, every value is preceded by its key (kith_pack_key), in ascending order. */
struct kith_packer {
	uint8_t *p;
	size_t len, cap;
	uint32_t entries; /* so far, of the innermost map that is open */
	bool bad;
};

/* A map that is open: where it begins, and the entries of the one around it. */
struct kith_pack_map {
	size_t at;
	uint32_t outer;
};

void kith_packer_init(struct kith_packer *pk, uint8_t *out, size_t cap);
/* What is written between the two is the map's: its end counts the keys. Maps may be nested. */
struct kith_pack_map kith_pack_map_begin(struct kith_packer *pk);
void kith_pack_map_end(struct kith_packer *pk, struct kith_pack_map map);
void kith_pack_array(struct kith_packer *pk, uint32_t items);
void kith_pack_key(struct kith_packer *pk, uint32_t key);
void kith_pack_uint(struct kith_packer *pk, uint64_t v);
void kith_pack_bool(struct kith_packer *pk, bool v);
void kith_pack_bytes(struct kith_packer *pk, const uint8_t *p, size_t len);

/* Reading: the body is parsed once into a flat table of items that point into it, in the order of the body. The keys
 * of a map are items too (and count as such): an entry is two. */
enum kith_unpack_type {
	KITH_UNPACK_UINT,
	KITH_UNPACK_BOOL,
	KITH_UNPACK_BYTES,
	KITH_UNPACK_TEXT,
	KITH_UNPACK_ARRAY,
	KITH_UNPACK_MAP,
	KITH_UNPACK_NIL
};

struct kith_unpack_item {
	uint8_t type; /* enum kith_unpack_type */
	uint16_t next; /* index of the item after this one and all it holds */
	uint16_t count; /* array: items; map: entries */
	uint64_t num; /* uint or bool; map: one more than its last key */
	struct kith_span bytes; /* bytes or text, borrowed from the body; never NULL for these, even if empty */
};

struct kith_unpacked {
	struct kith_unpack_item items[KITH_PACK_ITEMS_MAX];
	uint16_t n;
};

/* Parses a whole body whose outermost value is a map. KITH_EPROTO if it is anything else, breaks a bound, or has bytes
 * after its end. The body is borrowed by the result. */
int kith_unpack_parse(struct kith_unpacked *out, struct kith_span body) KITH_MUST_USE;

/* Item 0 is the outermost map. The value under key in the map item, or NULL. map may be NULL. */
const struct kith_unpack_item *kith_unpack_get(const struct kith_unpacked *pk, const struct kith_unpack_item *map,
					       uint32_t key);
static inline const struct kith_unpack_item *kith_unpack_root(const struct kith_unpacked *pk)
{
	return &pk->items[0];
}

/* The first item of an array (NULL when empty or not an array), and the one after item in it. Count with array->count:
 * what comes after the last item of an array belongs to something else. */
const struct kith_unpack_item *kith_unpack_first(const struct kith_unpacked *pk, const struct kith_unpack_item *array);
const struct kith_unpack_item *kith_unpack_after(const struct kith_unpacked *pk, const struct kith_unpack_item *item);

/* The byte strings of an array, one after the other; items of other types are skipped. An absent array, or what is
 * none, has none.
 *     struct kith_unpack_list l = kith_unpack_list(pk, map, key);
 *     while (kith_unpack_list_next(&l, &bytes)) ... */
struct kith_unpack_list {
	const struct kith_unpacked *pk;
	const struct kith_unpack_item *item; /* the next one */
	uint16_t left;
};

struct kith_unpack_list kith_unpack_list(const struct kith_unpacked *pk, const struct kith_unpack_item *map,
					 uint32_t key);
bool kith_unpack_list_next(struct kith_unpack_list *l, struct kith_span *out);

/* Typed access under a key of a map: false when absent or of another type; *out is then untouched. */
bool kith_unpack_get_uint(const struct kith_unpacked *pk, const struct kith_unpack_item *map, uint32_t key,
			  uint64_t max, uint64_t *out);
bool kith_unpack_get_bool(const struct kith_unpacked *pk, const struct kith_unpack_item *map, uint32_t key, bool *out);
bool kith_unpack_get_bytes(const struct kith_unpacked *pk, const struct kith_unpack_item *map, uint32_t key,
			   size_t len_max, struct kith_span *out);
/* Exactly len bytes, copied. */
bool kith_unpack_get_fixed(const struct kith_unpacked *pk, const struct kith_unpack_item *map, uint32_t key,
			   uint8_t *out, size_t len);

#endif
