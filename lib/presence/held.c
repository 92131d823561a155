#include "presence/held.h"

#include <string.h>

#include "base/alloc.h"

enum { ABOUT_LEN = 1 + KITH_ID_LEN + 2 * KITH_KEY_LEN };

struct news {
	uint8_t id[ABOUT_LEN]; /* of what it is about */
	struct kith_held_about about;
	struct kith_link link;
	struct kith_blob *blob;
	kith_time_us due_at;
};

static void name(const struct kith_held_about *about, uint8_t id[ABOUT_LEN])
{
	id[0] = (uint8_t)(about->of_leaves | about->whom << 1);
	memcpy(id + 1, about->key.b, KITH_ID_LEN);
	memcpy(id + 1 + KITH_ID_LEN, about->device.b, KITH_KEY_LEN);
	memcpy(id + 1 + KITH_ID_LEN + KITH_KEY_LEN, about->home.b, KITH_KEY_LEN);
}

void kith_held_init(struct kith_held *h, const struct kith_alloc *alloc, struct kith_blobs *blobs,
		    const uint64_t seed[2])
{
	h->alloc = alloc;
	h->blobs = blobs;
	kith_link_init(&h->list);
	kith_table_init(&h->table, alloc, KITH_HELD_MAX, KITH_TABLE_KEY(struct news, id), seed);
}

/* The caller has the blob from now on. */
static struct kith_blob *take_out(struct kith_held *h, struct news *n)
{
	struct kith_blob *blob = n->blob;
	(void)kith_table_remove(&h->table, n->id);
	kith_link_remove(&n->link);
	KITH_FREE(h->alloc, n);
	return blob;
}

void kith_held_deinit(struct kith_held *h)
{
	while (!kith_link_empty(&h->list))
		kith_blob_unref(h->blobs, take_out(h, KITH_LINKED(h->list.next, struct news, link)));
	kith_table_deinit(&h->table);
}

bool kith_held_has(const struct kith_held *h, const struct kith_held_about *about)
{
	uint8_t id[ABOUT_LEN];
	name(about, id);
	return kith_table_get(&h->table, id) != NULL;
}

static struct news *add(struct kith_held *h, const uint8_t id[ABOUT_LEN], kith_time_us due_at)
{
	struct news *n = h->table.n < h->table.max ? KITH_NEW(h->alloc, struct news) : NULL;
	if (n == NULL)
		return NULL;
	memcpy(n->id, id, ABOUT_LEN);
	n->due_at = due_at;
	kith_link_init(&n->link);
	if (kith_table_put(&h->table, n) != 0) {
		KITH_FREE(h->alloc, n);
		return NULL;
	}
	kith_link_append(&h->list, &n->link);
	return n;
}

bool kith_held_put(struct kith_held *h, const struct kith_held_about *about, struct kith_span bytes,
		   kith_time_us due_at)
{
	uint8_t id[ABOUT_LEN];
	name(about, id);
	struct kith_blob *blob = kith_blob_intern(h->blobs, bytes.p, bytes.len);
	struct news *n = blob != NULL ? kith_table_get(&h->table, id) : NULL;
	if (n == NULL && blob != NULL)
		n = add(h, id, due_at);
	if (n == NULL) {
		kith_blob_unref(h->blobs, blob);
		return false;
	}
	kith_blob_unref(h->blobs, n->blob);
	n->blob = blob;
	n->about = *about;
	return true;
}

struct kith_blob *kith_held_take(struct kith_held *h, kith_time_us now, struct kith_held_about *about)
{
	if (kith_held_due(h) > now)
		return NULL;
	struct news *n = KITH_LINKED(h->list.next, struct news, link);
	*about = n->about;
	return take_out(h, n);
}

kith_time_us kith_held_due(const struct kith_held *h)
{
	return kith_link_empty(&h->list) ? KITH_TIME_NEVER : KITH_LINKED(h->list.next, struct news, link)->due_at;
}
