#include "identity/followed.h"

#include <string.h>

void kith_followed_init(struct kith_followed *cs, const struct kith_alloc *alloc)
{
	*cs = (struct kith_followed){ .alloc = alloc };
}

void kith_followed_deinit(struct kith_followed *cs)
{
	if (cs->items != NULL) {
		kith_wipe(cs->items, cs->n * sizeof *cs->items);
		KITH_FREE_ARRAY(cs->alloc, cs->items, cs->cap);
	}
	cs->items = NULL;
	cs->n = cs->cap = 0;
}

static bool is_of(const struct kith_followed_item *item, const struct kith_id *key)
{
	return memcmp(item->key.b, key->b, sizeof key->b) == 0;
}

static void remove_at(struct kith_followed *cs, uint32_t at)
{
	memmove(&cs->items[at], &cs->items[at + 1], (cs->n - at - 1) * sizeof *cs->items);
	cs->n--;
}

static int grow(struct kith_followed *cs)
{
	if (cs->n == KITH_FOLLOWED_MAX)
		return KITH_EFULL;
	if (cs->n < cs->cap)
		return 0;
	uint32_t cap = cs->cap + cs->cap / 2 + 4;
	if (cap > KITH_FOLLOWED_MAX)
		cap = KITH_FOLLOWED_MAX;
	void *items = kith_alloc_resize(cs->alloc, cs->items, cs->cap * sizeof *cs->items, cap * sizeof *cs->items);
	if (items == NULL)
		return KITH_ENOMEM;
	cs->items = items;
	cs->cap = cap;
	return 0;
}

int kith_followed_put(struct kith_followed *cs, const struct kith_followed_item *item)
{
	uint32_t first = cs->n, devices = 0;
	for (uint32_t i = 0; i < cs->n; i++) {
		struct kith_followed_item *known = &cs->items[i];
		if (!is_of(known, &item->key))
			continue;
		if (memcmp(known->device, item->device, sizeof item->device) == 0) {
			bool other = memcmp(known->token, item->token, sizeof item->token) != 0;
			memcpy(known->token, item->token, sizeof item->token);
			return other;
		}
		first = first == cs->n ? i : first;
		devices++;
	}
	if (devices == KITH_FOLLOWED_PER_NAME)
		remove_at(cs, first);
	int err = grow(cs);
	if (err != 0)
		return err;
	cs->items[cs->n++] = *item;
	return 1;
}

size_t kith_followed_of(const struct kith_followed *cs, const struct kith_id *key,
			uint8_t out[KITH_FOLLOWED_PER_NAME * KITH_FOLLOWED_TOKEN_LEN])
{
	size_t len = 0;
	for (uint32_t i = 0; i < cs->n && len < KITH_FOLLOWED_PER_NAME * KITH_FOLLOWED_TOKEN_LEN; i++) {
		if (!is_of(&cs->items[i], key))
			continue;
		memcpy(out + len, cs->items[i].token, KITH_FOLLOWED_TOKEN_LEN);
		len += KITH_FOLLOWED_TOKEN_LEN;
	}
	return len;
}

bool kith_followed_drop(struct kith_followed *cs, const struct kith_id *key)
{
	uint32_t before = cs->n;
	for (uint32_t i = cs->n; i-- > 0;) {
		if (is_of(&cs->items[i], key))
			remove_at(cs, i);
	}
	return cs->n != before;
}

void kith_followed_write(const struct kith_followed *cs, struct kith_writer *w)
{
	for (uint32_t i = 0; i < cs->n; i++) {
		kith_write_bytes(w, cs->items[i].key.b, sizeof cs->items[i].key.b);
		kith_write_bytes(w, cs->items[i].device, sizeof cs->items[i].device);
		kith_write_bytes(w, cs->items[i].token, sizeof cs->items[i].token);
	}
}

int kith_followed_read(struct kith_followed *cs, struct kith_span bytes)
{
	size_t n = bytes.len / KITH_FOLLOWED_ITEM_LEN;
	if (bytes.len % KITH_FOLLOWED_ITEM_LEN != 0)
		return KITH_EPROTO;
	if (n > KITH_FOLLOWED_MAX)
		return KITH_EFULL;
	struct kith_followed_item *items = n > 0 ? KITH_NEW_ARRAY(cs->alloc, struct kith_followed_item, n) : NULL;
	if (n > 0 && items == NULL)
		return KITH_ENOMEM;
	struct kith_reader r = kith_reader_of_span(bytes);
	for (size_t i = 0; i < n; i++) {
		kith_read_bytes(&r, items[i].key.b, sizeof items[i].key.b);
		kith_read_bytes(&r, items[i].device, sizeof items[i].device);
		kith_read_bytes(&r, items[i].token, sizeof items[i].token);
	}
	kith_followed_deinit(cs);
	cs->items = items;
	cs->n = cs->cap = (uint32_t)n;
	return 0;
}
