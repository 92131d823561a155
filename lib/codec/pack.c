#include "codec/pack.h"

#include <string.h>

#include <msgpack/pack.h>
#include <msgpack/unpack_define.h>

#include "base/assert.h"

/* ---- writing ---- */

static int pack_write(void *ctx, const char *p, size_t len)
{
	struct kith_packer *pk = ctx;
	if (pk->bad || len > pk->cap - pk->len) {
		pk->bad = true;
		return KITH_EMSGSIZE;
	}
	if (len > 0)
		memcpy(pk->p + pk->len, p, len);
	pk->len += len;
	return 0;
}

/* msgpack-c's packer is two pointers; making it anew for each call keeps the type out of the header. What its calls
 * return is what pack_write returned, and pk->bad remembers that. */
static msgpack_packer packer_of(struct kith_packer *pk)
{
	msgpack_packer mp = { pk, pack_write };
	return mp;
}

void kith_packer_init(struct kith_packer *pk, uint8_t *out, size_t cap)
{
	pk->p = out;
	pk->len = 0;
	pk->cap = cap < KITH_PACK_LEN_MAX ? cap : KITH_PACK_LEN_MAX; /* no one would read more */
	pk->entries = 0;
	pk->bad = false;
}

struct kith_pack_map kith_pack_map_begin(struct kith_packer *pk)
{
	struct kith_pack_map map = { pk->len, pk->entries };
	pk->entries = 0;
	return map;
}

/* The header's length depends on the number of entries: msgpack-c writes it behind them, and both change places. */
void kith_pack_map_end(struct kith_packer *pk, struct kith_pack_map map)
{
	uint8_t header[5];
	size_t end = pk->len;
	msgpack_packer mp = packer_of(pk);
	(void)msgpack_pack_map(&mp, pk->entries);
	pk->entries = map.outer;
	if (pk->bad)
		return;
	size_t header_len = pk->len - end;
	KITH_ASSERT(map.at <= end && header_len <= sizeof header);
	memcpy(header, pk->p + end, header_len);
	memmove(pk->p + map.at + header_len, pk->p + map.at, end - map.at);
	memcpy(pk->p + map.at, header, header_len);
}

void kith_pack_array(struct kith_packer *pk, uint32_t items)
{
	msgpack_packer mp = packer_of(pk);
	(void)msgpack_pack_array(&mp, items);
}

void kith_pack_key(struct kith_packer *pk, uint32_t key)
{
	msgpack_packer mp = packer_of(pk);
	(void)msgpack_pack_uint32(&mp, key);
	pk->entries++;
}

void kith_pack_uint(struct kith_packer *pk, uint64_t v)
{
	msgpack_packer mp = packer_of(pk);
	(void)msgpack_pack_uint64(&mp, v);
}

void kith_pack_bool(struct kith_packer *pk, bool v)
{
	msgpack_packer mp = packer_of(pk);
	if (v)
		(void)msgpack_pack_true(&mp);
	else
		(void)msgpack_pack_false(&mp);
}

/* msgpack-c cuts lengths to 32 bits; what cannot fit is refused before that could matter. */
static bool fits(struct kith_packer *pk, size_t len)
{
	if (len > pk->cap - pk->len)
		pk->bad = true;
	return !pk->bad;
}

void kith_pack_bytes(struct kith_packer *pk, const uint8_t *p, size_t len)
{
	msgpack_packer mp = packer_of(pk);
	if (fits(pk, len) && msgpack_pack_bin(&mp, len) == 0)
		(void)msgpack_pack_bin_body(&mp, p, len);
}

/* ---- reading ----
 *
 * msgpack-c's template walks the body on a stack of its own, of fixed size, and calls back for each value; a negative
 * answer ends the walk. An object of the template is the index of an item here. Items are appended in the order of the
 * body: a map is followed by key, value, key, value; the keys are items too. */

struct pack_parse {
	struct kith_unpacked *out;
	struct kith_span body;
};

/* The bound on depth is the size of that stack. */
#undef MSGPACK_EMBED_STACK_SIZE
#define MSGPACK_EMBED_STACK_SIZE KITH_PACK_DEPTH_MAX
enum { MSGPACK_UNPACK_PARSE_ERROR = KITH_EPROTO, MSGPACK_UNPACK_NOMEM_ERROR = KITH_EPROTO };

static int parse_item(struct pack_parse *u, enum kith_unpack_type type, uint16_t *o)
{
	struct kith_unpacked *out = u->out;
	if (out->n >= KITH_PACK_ITEMS_MAX)
		return KITH_EPROTO;
	*o = out->n++;
	out->items[*o] = (struct kith_unpack_item){ .type = (uint8_t)type, .next = out->n };
	return 0;
}

static int parse_uint(struct pack_parse *u, uint64_t v, uint16_t *o)
{
	int err = parse_item(u, KITH_UNPACK_UINT, o);
	if (err == 0)
		u->out->items[*o].num = v;
	return err;
}

/* Other encoders may write small positive numbers in a signed format. */
static int parse_int(struct pack_parse *u, int64_t v, uint16_t *o)
{
	return v < 0 ? KITH_EPROTO : parse_uint(u, (uint64_t)v, o);
}

static int parse_bool(struct pack_parse *u, bool v, uint16_t *o)
{
	int err = parse_item(u, KITH_UNPACK_BOOL, o);
	if (err == 0)
		u->out->items[*o].num = v;
	return err;
}

/* The template has checked that len bytes are there; without any, its pointer means nothing. */
static int parse_bytes(struct pack_parse *u, enum kith_unpack_type type, const char *p, unsigned len, uint16_t *o)
{
	int err = parse_item(u, type, o);
	if (err == 0) {
		u->out->items[*o].bytes.p = len > 0 ? (const uint8_t *)p : u->body.p;
		u->out->items[*o].bytes.len = len;
	}
	return err;
}

/* A container announces how many items it holds: more than there is room for is refused here, before a single one. */
static int parse_container(struct pack_parse *u, enum kith_unpack_type type, uint32_t count, uint32_t items_each,
			   uint16_t *o)
{
	int err = parse_item(u, type, o);
	if (err == 0 && count > (uint32_t)(KITH_PACK_ITEMS_MAX - u->out->n) / items_each)
		err = KITH_EPROTO;
	if (err == 0)
		u->out->items[*o].count = (uint16_t)count;
	return err;
}

static int parse_array_item(struct pack_parse *u, uint16_t array)
{
	u->out->items[array].next = u->out->n;
	return 0;
}

/* While a map is read, and after, its num is one more than its last key, so that keys can only rise. */
static int parse_map_item(struct pack_parse *u, uint16_t map, uint16_t key)
{
	struct kith_unpack_item *m = &u->out->items[map];
	const struct kith_unpack_item *k = &u->out->items[key];
	if (k->type != KITH_UNPACK_UINT || k->num > UINT32_MAX || k->num < m->num)
		return KITH_EPROTO;
	m->num = k->num + 1;
	m->next = u->out->n;
	return 0;
}

static uint16_t template_root(struct pack_parse *u)
{
	(void)u;
	return 0;
}

#define template_nil(u, o) parse_item(u, KITH_UNPACK_NIL, o)
#define template_true(u, o) parse_bool(u, true, o)
#define template_false(u, o) parse_bool(u, false, o)
#define template_uint8 parse_uint
#define template_uint16 parse_uint
#define template_uint32 parse_uint
#define template_uint64 parse_uint
#define template_int8 parse_int
#define template_int16 parse_int
#define template_int32 parse_int
#define template_int64 parse_int
#define template_float(u, v, o) KITH_EPROTO
#define template_double(u, v, o) KITH_EPROTO
#define template_bin(u, base, p, len, o) parse_bytes(u, KITH_UNPACK_BYTES, p, len, o)
#define template_str(u, base, p, len, o) parse_bytes(u, KITH_UNPACK_TEXT, p, len, o)
#define template_ext(u, base, p, len, o) KITH_EPROTO
#define template_array(u, count, o) parse_container(u, KITH_UNPACK_ARRAY, count, 1, o)
#define template_map(u, count, o) parse_container(u, KITH_UNPACK_MAP, count, 2, o)
#define template_array_item(u, array, item) parse_array_item(u, *(array))
#define template_map_item(u, map, key, value) parse_map_item(u, *(map), key)

#define msgpack_unpack_struct(name) struct template##name
#define msgpack_unpack_func(ret, name) static ret template##name
#define msgpack_unpack_callback(name) template##name
#define msgpack_unpack_object uint16_t
#define msgpack_unpack_user struct pack_parse

#undef assert
#define assert KITH_ASSERT
#include <msgpack/unpack_template.h>

int kith_unpack_parse(struct kith_unpacked *out, struct kith_span body)
{
	struct template_context ctx;
	size_t used = 0;
	out->n = 0;
	if (body.len == 0 || body.len > KITH_PACK_LEN_MAX)
		return KITH_EPROTO;
	ctx.user = (struct pack_parse){ .out = out, .body = body };
	template_init(&ctx);
	int whole = template_execute(&ctx, (const char *)body.p, body.len, &used);
	if (whole != 1 || used != body.len || out->items[template_data(&ctx)].type != KITH_UNPACK_MAP) {
		out->n = 0;
		return KITH_EPROTO;
	}
	return 0;
}

/* ---- looking up ---- */

static uint16_t index_of(const struct kith_unpacked *pk, const struct kith_unpack_item *item)
{
	KITH_ASSERT(item >= pk->items && item < pk->items + pk->n);
	return (uint16_t)(item - pk->items);
}

const struct kith_unpack_item *kith_unpack_get(const struct kith_unpacked *pk, const struct kith_unpack_item *map,
					       uint32_t key)
{
	if (map == NULL || map->type != KITH_UNPACK_MAP)
		return NULL;
	uint32_t at = index_of(pk, map) + 1u;
	for (uint16_t i = 0; i < map->count; i++) {
		if (pk->items[at].num == key)
			return &pk->items[at + 1];
		at = pk->items[at + 1].next;
	}
	return NULL;
}

const struct kith_unpack_item *kith_unpack_first(const struct kith_unpacked *pk, const struct kith_unpack_item *array)
{
	if (array == NULL || array->type != KITH_UNPACK_ARRAY || array->count == 0)
		return NULL;
	return &pk->items[index_of(pk, array) + 1];
}

const struct kith_unpack_item *kith_unpack_after(const struct kith_unpacked *pk, const struct kith_unpack_item *item)
{
	if (item == NULL)
		return NULL;
	(void)index_of(pk, item);
	return item->next < pk->n ? &pk->items[item->next] : NULL;
}

static const struct kith_unpack_item *get_typed(const struct kith_unpacked *pk, const struct kith_unpack_item *map,
						uint32_t key, enum kith_unpack_type type)
{
	const struct kith_unpack_item *item = kith_unpack_get(pk, map, key);
	return item != NULL && item->type == type ? item : NULL;
}

bool kith_unpack_get_uint(const struct kith_unpacked *pk, const struct kith_unpack_item *map, uint32_t key,
			  uint64_t max, uint64_t *out)
{
	const struct kith_unpack_item *item = get_typed(pk, map, key, KITH_UNPACK_UINT);
	if (item == NULL || item->num > max)
		return false;
	*out = item->num;
	return true;
}

bool kith_unpack_get_bool(const struct kith_unpacked *pk, const struct kith_unpack_item *map, uint32_t key, bool *out)
{
	const struct kith_unpack_item *item = get_typed(pk, map, key, KITH_UNPACK_BOOL);
	if (item == NULL)
		return false;
	*out = item->num != 0;
	return true;
}

bool kith_unpack_get_bytes(const struct kith_unpacked *pk, const struct kith_unpack_item *map, uint32_t key,
			   size_t len_max, struct kith_span *out)
{
	const struct kith_unpack_item *item = get_typed(pk, map, key, KITH_UNPACK_BYTES);
	if (item == NULL || item->bytes.len > len_max)
		return false;
	*out = item->bytes;
	return true;
}

bool kith_unpack_get_fixed(const struct kith_unpacked *pk, const struct kith_unpack_item *map, uint32_t key,
			   uint8_t *out, size_t len)
{
	const struct kith_unpack_item *item = get_typed(pk, map, key, KITH_UNPACK_BYTES);
	if (item == NULL || item->bytes.len != len)
		return false;
	memcpy(out, item->bytes.p, len);
	return true;
}

struct kith_unpack_list kith_unpack_list(const struct kith_unpacked *pk, const struct kith_unpack_item *map,
					 uint32_t key)
{
	const struct kith_unpack_item *array = kith_unpack_get(pk, map, key);
	struct kith_unpack_list l = { pk, array != NULL ? kith_unpack_first(pk, array) : NULL, 0 };
	if (l.item != NULL)
		l.left = array->count;
	return l;
}

bool kith_unpack_list_next(struct kith_unpack_list *l, struct kith_span *out)
{
	while (l->left > 0) {
		const struct kith_unpack_item *item = l->item;

		l->left--;
		if (l->left > 0)
			l->item = kith_unpack_after(l->pk, item);
		if (item->type != KITH_UNPACK_BYTES)
			continue;
		*out = item->bytes;
		return true;
	}
	return false;
}
