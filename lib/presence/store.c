#include "presence/store.h"

#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/limits.h"
#include "base/shares.h"

void kith_store_init(struct kith_store *st, const struct kith_alloc *alloc, struct kith_blobs *blobs, uint32_t max,
		     const uint64_t seed[2])
{
	*st = (struct kith_store){ .alloc = alloc, .blobs = blobs, .max = max };
	kith_table_init(&st->keys, alloc, max, KITH_TABLE_KEY(struct kith_stored_key, key), seed);
	kith_timers_init(&st->timers, alloc);
	kith_link_init(&st->pasts);
}

/* ---- the public view ---- */

static void past_free(struct kith_store *st, struct kith_stored *s)
{
	struct kith_stored_past *p = s->past;
	if (p == NULL)
		return;
	kith_blob_unref(st->blobs, p->record);
	for (unsigned i = 0; i < KITH_HOMES; i++)
		kith_blob_unref(st->blobs, p->reports[i]);
	kith_link_remove(&p->link);
	KITH_FREE(st->alloc, p);
	s->past = NULL;
}

/* By the rule of a watcher's verdict. */
static bool is_online(const struct kith_stored *s)
{
	return s->record != NULL && s->homes_n > 0 && 2 * __builtin_popcount(s->vanished) <= s->homes_n;
}

static struct kith_blob *ref(struct kith_blob *b)
{
	return b != NULL ? kith_blob_ref(b) : NULL;
}

/* Before the first change of a step: remembers how it was. False: no memory. */
static bool remember(struct kith_store *st, const struct kith_now *now, struct kith_stored *s)
{
	int64_t step = kith_record_step(now->unix_ms);
	if (s->past != NULL && s->past->step == step)
		return true;
	past_free(st, s);
	struct kith_stored_past *p = KITH_NEW(st->alloc, struct kith_stored_past);
	if (p == NULL)
		return false;
	kith_link_init(&p->link);
	p->of = s;
	p->step = step;
	p->until = now->mono_us + kith_record_step_left_us(now->unix_ms);
	p->record = ref(s->record);
	for (unsigned i = 0; i < KITH_HOMES; i++)
		p->reports[i] = ref(kith_stored_report(s, i));
	p->shown = !is_online(s); /* it may come */
	kith_link_append(&st->pasts, &p->link);
	s->past = p;
	return true;
}

/* After a change. */
static void look_whether_gone(struct kith_stored *s)
{
	if (s->past != NULL && !is_online(s))
		s->past->shown = true;
}

struct kith_store_view kith_store_view(const struct kith_stored *s, const struct kith_suite *suite,
				       const struct kith_now *now, struct kith_span tokens)
{
	struct kith_record r;
	static struct kith_blob *const none[KITH_HOMES];
	const struct kith_store_view as_it_is = { s->record, s->reports != NULL ? s->reports : none };
	const struct kith_stored_past *p = s->past;
	if (kith_record_parse(&r, kith_blob_span(s->record)) != 0 || kith_record_is_open_to(&r, suite, tokens))
		return as_it_is;
	if (r.flags & KITH_RECORD_CONTACTS)
		return (struct kith_store_view){ NULL, none };
	if (p == NULL || !p->shown || p->step != kith_record_step(now->unix_ms))
		return as_it_is;
	return (struct kith_store_view){ p->record, p->reports };
}

/* ---- keeping ---- */

static void drop_reports(struct kith_store *st, struct kith_stored *s)
{
	for (unsigned i = 0; i < KITH_HOMES; i++)
		kith_blob_unref(st->blobs, kith_stored_report(s, i));
	KITH_FREE_ARRAY(st->alloc, s->reports, KITH_HOMES);
	s->reports = NULL;
	s->vanished = 0;
}

static void stored_free(struct kith_store *st, struct kith_stored *s)
{
	past_free(st, s);
	drop_reports(st, s);
	kith_timers_stop(&st->timers, &s->timer);
	kith_blob_unref(st->blobs, s->record);
	KITH_FREE(st->alloc, s);
}

void kith_store_deinit(struct kith_store *st)
{
	uint32_t it = 0;
	struct kith_stored_key *k;
	while ((k = kith_table_next(&st->keys, &it)) != NULL) {
		while (k->first != NULL) {
			struct kith_stored *s = k->first;
			k->first = s->next;
			stored_free(st, s);
		}
		KITH_FREE(st->alloc, k);
	}
	kith_table_deinit(&st->keys);
	kith_timers_deinit(&st->timers);
	st->n = 0;
}

static void stored_remove(struct kith_store *st, struct kith_stored *s)
{
	struct kith_stored_key *k = s->under;
	struct kith_stored **at = &k->first;
	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	k->n--;
	st->n--;
	stored_free(st, s);
	if (k->first == NULL) {
		(void)kith_table_remove(&st->keys, &k->key);
		KITH_FREE(st->alloc, k);
	}
}

struct kith_stored *kith_store_get(const struct kith_store *st, const struct kith_id *key)
{
	const struct kith_stored_key *k = kith_table_get(&st->keys, key);
	return k != NULL ? k->first : NULL;
}

struct kith_stored *kith_store_find(const struct kith_store *st, const struct kith_id *key,
				    const struct kith_key *device)
{
	struct kith_stored *s = kith_store_get(st, key);
	while (s != NULL && !kith_key_equal(&s->device, device))
		s = s->next;
	return s;
}

bool kith_store_wants(const struct kith_store *st, const struct kith_record *record)
{
	const struct kith_stored *s = kith_store_find(st, &record->key, &record->device);
	return s == NULL || s->seq < record->seq;
}

/* ---- putting ---- */

/* The key's entry, made if need be. */
static struct kith_stored_key *key_make(struct kith_store *st, const struct kith_id *key)
{
	struct kith_stored_key *k = kith_table_get(&st->keys, key);
	if (k != NULL)
		return k;
	k = KITH_NEW(st->alloc, struct kith_stored_key);
	if (k == NULL)
		return NULL;
	k->key = *key;
	if (kith_table_put(&st->keys, k) != 0) {
		KITH_FREE(st->alloc, k);
		return NULL;
	}
	return k;
}

static struct kith_stored *next_to_expire(const struct kith_stored_key *k)
{
	struct kith_stored *found = k->first;
	for (struct kith_stored *s = found; s != NULL; s = s->next) {
		if (s->timer.at < found->timer.at)
			found = s;
	}
	return found;
}

static void stored_fill(struct kith_store *st, struct kith_stored *s, const struct kith_record *record,
			struct kith_blob *blob, kith_time_us until)
{
	drop_reports(st, s);
	kith_blob_unref(st->blobs, s->record);
	s->record = blob;
	s->seq = record->seq;
	s->homes_n = record->homes_n;
	look_whether_gone(s);
	int err = kith_timers_set(&st->timers, &s->timer, until);
	KITH_ASSERT(err == 0); /* room was reserved */
}

static int store_new(struct kith_store *st, const struct kith_now *now, const struct kith_record *record,
		     struct kith_blob *blob, kith_time_us until)
{
	struct kith_stored_key *k = NULL;
	struct kith_stored *s = NULL;
	if (kith_timers_reserve(&st->timers, st->n + 1) == 0)
		s = KITH_NEW(st->alloc, struct kith_stored);
	if (s != NULL && (!record->guarded || remember(st, now, s)))
		k = key_make(st, &record->key);
	if (k == NULL) {
		if (s != NULL)
			past_free(st, s);
		KITH_FREE(st->alloc, s);
		return KITH_ENOMEM;
	}
	s->device = record->device;
	s->under = k;
	s->next = k->first;
	k->first = s;
	k->n++;
	st->n++;
	stored_fill(st, s, record, blob, until);
	if (k->n > KITH_STORE_DEVICES ||
	    (k->n > 1 && !kith_shares_reserve(st->n - 1, st->max, KITH_TABLES_RESERVE, k->n - 1))) {
		struct kith_stored *oldest = next_to_expire(k);
		/* The new record may be the one to go; it then was not worth keeping. */
		stored_remove(st, oldest);
		if (oldest == s)
			return KITH_PUT_OLD;
	}
	return KITH_PUT_NEW;
}

int kith_store_put(struct kith_store *st, const struct kith_now *now, const struct kith_record *record)
{
	struct kith_stored *s = kith_store_find(st, &record->key, &record->device);
	if (s != NULL && s->seq >= record->seq)
		return KITH_PUT_OLD;
	kith_time_us life = kith_record_life_us(record, now);
	if (life <= 0)
		return KITH_EEXPIRED;
	if (s == NULL && st->n >= st->max && kith_store_expire(st, now->mono_us, 1) == 0)
		return KITH_EFULL;
	struct kith_blob *blob = kith_blob_intern(st->blobs, record->bytes.p, record->bytes.len);
	if (blob == NULL)
		return KITH_ENOMEM;
	if (s != NULL && record->guarded && !remember(st, now, s)) {
		kith_blob_unref(st->blobs, blob);
		return KITH_ENOMEM;
	}
	if (s != NULL) {
		stored_fill(st, s, record, blob, now->mono_us + life);
		return KITH_PUT_UPDATED;
	}
	int err = store_new(st, now, record, blob, now->mono_us + life);
	if (err < 0)
		kith_blob_unref(st->blobs, blob);
	return err;
}

int kith_store_vanish(struct kith_store *st, const struct kith_now *now, const struct kith_suite *suite,
		      const struct kith_vanish *vanish, struct kith_stored **out)
{
	struct kith_record record;
	struct kith_stored *s = kith_store_find(st, &vanish->key, &vanish->device);
	if (out != NULL)
		*out = s;
	if (s == NULL || s->seq != vanish->seq)
		return KITH_ENOENT;
	int err = kith_record_parse(&record, kith_blob_span(s->record));
	KITH_ASSERT(err == 0); /* it parsed when it was put in */
	int home = kith_vanish_verify(vanish, &record, s->vanished, suite, now);
	if (home < 0)
		return home == KITH_EEXIST ? 0 : home;
	if (s->reports == NULL)
		s->reports = KITH_NEW_ARRAY(st->alloc, struct kith_blob *, KITH_HOMES);
	struct kith_blob *report =
		s->reports != NULL ? kith_blob_intern(st->blobs, vanish->bytes.p, vanish->bytes.len) : NULL;
	if (report == NULL || (record.guarded && !remember(st, now, s))) {
		kith_blob_unref(st->blobs, report);
		return KITH_ENOMEM;
	}
	s->reports[home] = report;
	s->vanished |= (uint8_t)(1u << home);
	look_whether_gone(s);
	return 1;
}

/* ---- time ---- */

size_t kith_store_expire(struct kith_store *st, kith_time_us now, size_t max)
{
	size_t n = 0;
	struct kith_timer *t;
	while (!kith_link_empty(&st->pasts) && KITH_LINKED(st->pasts.next, struct kith_stored_past, link)->until <= now)
		past_free(st, KITH_LINKED(st->pasts.next, struct kith_stored_past, link)->of);
	while (n < max && (t = kith_timers_pop(&st->timers, now)) != NULL) {
		stored_remove(st, KITH_CONTAINER_OF(t, struct kith_stored, timer));
		n++;
	}
	return n;
}
