/* Pinned contacts; see contacts.h. */
#include "identity/contacts.h"

#include "base/assert.h"
#include "identity/keypair.h"

enum { HEADER_LEN = 2 + 2, CONTACT_LEN_MIN = 1 + 1 + 1 + KITH_KEY_LEN };

void kith_contacts_init(struct kith_contacts *cs, const struct kith_alloc *alloc, uint32_t max)
{
	KITH_ASSERT(max <= KITH_CONTACTS_MAX);
	memset(cs, 0, sizeof *cs);
	cs->alloc = alloc;
	cs->max = max;
}

void kith_contacts_deinit(struct kith_contacts *cs)
{
	KITH_FREE_ARRAY(cs->alloc, cs->items, cs->cap);
	cs->items = NULL;
	cs->n = cs->cap = 0;
}

/* Index of the first contact whose name is not less. */
static uint32_t place_of(const struct kith_contacts *cs, const char *name)
{
	uint32_t low = 0, high = cs->n;
	while (low < high) {
		uint32_t mid = low + (high - low) / 2;
		if (strcmp(cs->items[mid].name, name) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static struct kith_contact *find(const struct kith_contacts *cs, const char *name)
{
	uint32_t at = place_of(cs, name);
	return at < cs->n && strcmp(cs->items[at].name, name) == 0 ? &cs->items[at] : NULL;
}

const struct kith_contact *kith_contacts_get(const struct kith_contacts *cs, const char *name)
{
	return find(cs, name);
}

bool kith_contacts_blocked(const struct kith_contacts *cs, const char *name)
{
	const struct kith_contact *contact = kith_contacts_get(cs, name);
	return contact != NULL && (contact->flags & KITH_CONTACT_BLOCKED) != 0;
}

int kith_contacts_check(const struct kith_contacts *cs, const char *name, const struct kith_key *identity)
{
	const struct kith_contact *c = find(cs, name);
	if (c == NULL)
		return KITH_ENOENT;
	return kith_key_equal(&c->identity, identity) ? 0 : KITH_EPINNED;
}

static int grow(struct kith_contacts *cs)
{
	if (cs->n == cs->max)
		return KITH_EFULL;
	if (cs->n < cs->cap)
		return 0;
	uint32_t cap = cs->cap + cs->cap / 2 + 4;
	if (cap > cs->max)
		cap = cs->max;
	void *items = kith_alloc_resize(cs->alloc, cs->items, cs->cap * sizeof *cs->items, cap * sizeof *cs->items);
	if (items == NULL)
		return KITH_ENOMEM;
	cs->items = items;
	cs->cap = cap;
	return 0;
}

int kith_contacts_pin(struct kith_contacts *cs, const char *name, const struct kith_key *identity, uint8_t flags)
{
	if (!kith_name_valid(name))
		return KITH_ENAME;
	struct kith_contact *c = find(cs, name);
	if (c != NULL) {
		if (!kith_key_equal(&c->identity, identity))
			return KITH_EPINNED;
		c->flags = flags;
		return 0;
	}
	int err = grow(cs);
	if (err != 0)
		return err;
	uint32_t at = place_of(cs, name);
	memmove(&cs->items[at + 1], &cs->items[at], (cs->n - at) * sizeof *cs->items);
	memset(&cs->items[at], 0, sizeof *cs->items);
	memcpy(cs->items[at].name, name, strlen(name));
	cs->items[at].flags = flags;
	cs->items[at].identity = *identity;
	cs->n++;
	return 0;
}

int kith_contacts_unpin(struct kith_contacts *cs, const char *name)
{
	const struct kith_contact *c = find(cs, name);
	if (c == NULL)
		return KITH_ENOENT;
	size_t at = (size_t)(c - cs->items);
	memmove(&cs->items[at], &cs->items[at + 1], (cs->n - at - 1) * sizeof *cs->items);
	cs->n--;
	return 0;
}

int kith_contacts_confirm(struct kith_contacts *cs, const char *name, const struct kith_key *identity)
{
	struct kith_contact *c = find(cs, name);
	if (c == NULL)
		return KITH_ENOENT;
	c->identity = *identity;
	return 0;
}

size_t kith_contacts_size(const struct kith_contacts *cs)
{
	size_t size = HEADER_LEN + KITH_CONTACTS_SUM_LEN;
	for (uint32_t i = 0; i < cs->n; i++)
		size += 1 + strlen(cs->items[i].name) + 1 + KITH_KEY_LEN;
	return size;
}

static void checksum(const struct kith_suite *suite, uint8_t out[KITH_CONTACTS_SUM_LEN], struct kith_span body)
{
	const struct kith_span no_key = { NULL, 0 };
	suite->blake2b(out, KITH_CONTACTS_SUM_LEN, no_key, &body, 1);
}

int kith_contacts_save(const struct kith_contacts *cs, const struct kith_suite *suite, uint8_t *out, size_t cap)
{
	struct kith_writer w = kith_writer_of(out, cap);
	kith_object_write_header(&w, KITH_OBJECT_CONTACTS);
	kith_write_u16(&w, (uint16_t)cs->n);
	for (uint32_t i = 0; i < cs->n; i++) {
		kith_object_write_text(&w, cs->items[i].name, KITH_NAME_MAX);
		kith_write_u8(&w, cs->items[i].flags);
		kith_write_bytes(&w, cs->items[i].identity.b, KITH_KEY_LEN);
	}
	struct kith_span body = { out, kith_writer_len(&w) };
	uint8_t *sum = kith_write(&w, KITH_CONTACTS_SUM_LEN);
	if (sum == NULL)
		return KITH_EMSGSIZE;
	checksum(suite, sum, body);
	return (int)kith_writer_len(&w);
}

static int load_items(struct kith_contact *items, uint32_t n, struct kith_reader *r)
{
	for (uint32_t i = 0; i < n; i++) {
		kith_object_read_text(r, items[i].name, sizeof items[i].name);
		items[i].flags = kith_read_u8(r);
		kith_read_bytes(r, items[i].identity.b, KITH_KEY_LEN);
		if (r->bad || !kith_name_valid(items[i].name) ||
		    (i > 0 && strcmp(items[i - 1].name, items[i].name) >= 0))
			return KITH_EPROTO;
	}
	return kith_reader_done(r) ? 0 : KITH_EPROTO;
}

int kith_contacts_load(struct kith_contacts *cs, const struct kith_suite *suite, struct kith_span saved)
{
	struct kith_reader r;
	uint8_t sum[KITH_CONTACTS_SUM_LEN];
	int err = kith_object_begin(&r, saved, KITH_OBJECT_CONTACTS);
	if (err != 0)
		return err;
	if (saved.len < HEADER_LEN + KITH_CONTACTS_SUM_LEN)
		return KITH_EPROTO;
	struct kith_span body = { saved.p, saved.len - KITH_CONTACTS_SUM_LEN };
	checksum(suite, sum, body);
	if (memcmp(sum, saved.p + body.len, KITH_CONTACTS_SUM_LEN) != 0)
		return KITH_EPROTO;
	r = kith_reader_of_span(body);
	(void)kith_read(&r, KITH_OBJECT_HEADER_LEN);
	uint32_t n = kith_read_u16(&r);
	if (n > cs->max)
		return KITH_EFULL;
	if (n * (size_t)CONTACT_LEN_MIN > kith_reader_left(&r))
		return KITH_EPROTO;
	struct kith_contact *items = n > 0 ? KITH_NEW_ARRAY(cs->alloc, struct kith_contact, n) : NULL;
	if (n > 0 && items == NULL)
		return KITH_ENOMEM;
	err = load_items(items, n, &r);
	if (err != 0) {
		KITH_FREE_ARRAY(cs->alloc, items, n);
		return err;
	}
	kith_contacts_deinit(cs);
	cs->items = items;
	cs->n = cs->cap = n;
	return 0;
}
