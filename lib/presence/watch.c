#include "presence/watch.h"

#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/limits.h"
#include "presence/store.h"

void kith_watches_init(struct kith_watches *ws, const struct kith_alloc *alloc, struct kith_blobs *blobs,
		       struct kith_allowance *allowance, uint32_t max, uint32_t per_watcher, kith_time_us life_us,
		       const uint64_t seed[2])
{
	*ws = (struct kith_watches){ .alloc = alloc,
				     .blobs = blobs,
				     .allowance = allowance,
				     .max = max,
				     .per_watcher = per_watcher,
				     .life = life_us };
	kith_table_init(&ws->keys, alloc, max, KITH_TABLE_KEY(struct kith_watch_key, key), seed);
	kith_table_init(&ws->watchers, alloc, max, KITH_TABLE_KEY(struct kith_watcher, ref), seed);
	kith_timers_init(&ws->upstream, alloc);
	kith_slots_init(&ws->all, alloc,
			life_us == 0 ? offsetof(struct kith_watch, time_next) : sizeof(struct kith_watch));
}

static struct kith_watch *watch_at(const struct kith_watches *ws, uint32_t number)
{
	return kith_slots_at(&ws->all, number);
}

static bool at_home(const struct kith_watches *ws)
{
	return ws->life == 0;
}

static enum kith_holding holding_of(const struct kith_watches *ws)
{
	return at_home(ws) ? KITH_HOLDING_SUBSCRIPTION : KITH_HOLDING_WATCH;
}

static size_t key_size(const struct kith_watches *ws)
{
	return at_home(ws) ? sizeof(struct kith_watch_key) : offsetof(struct kith_watch_key, told);
}

/* A key with what only a home has of it; NULL at a replica, too. */
static struct kith_watch_key *home_key(const struct kith_watches *ws, const struct kith_id *key)
{
	return at_home(ws) ? kith_table_get(&ws->keys, key) : NULL;
}

static struct kith_watch_device *devices_of(const struct kith_watches *ws, const struct kith_watch_key *k)
{
	return at_home(ws) && k != NULL ? k->devices : NULL;
}

/* ---- the three lists ---- */

static void time_link(struct kith_watches *ws, uint32_t number)
{
	if (at_home(ws))
		return;
	struct kith_watch *w = watch_at(ws, number);
	w->time_next = 0;
	w->time_prev = ws->newest;
	if (ws->newest != 0)
		watch_at(ws, ws->newest)->time_next = number;
	else
		ws->oldest = number;
	ws->newest = number;
}

static void time_unlink(struct kith_watches *ws, const struct kith_watch *w)
{
	if (at_home(ws))
		return;
	if (w->time_prev != 0)
		watch_at(ws, w->time_prev)->time_next = w->time_next;
	else
		ws->oldest = w->time_next;
	if (w->time_next != 0)
		watch_at(ws, w->time_next)->time_prev = w->time_prev;
	else
		ws->newest = w->time_prev;
}

static void link_in(struct kith_watches *ws, uint32_t number)
{
	struct kith_watch *w = watch_at(ws, number);
	struct kith_watch_key *k = w->key;
	struct kith_watcher *by = w->watcher;
	w->key_next = k->first;
	if (k->first != 0)
		watch_at(ws, k->first)->key_prev = number;
	k->first = number;
	k->n++;
	w->watcher_next = by->first;
	if (by->first != 0)
		watch_at(ws, by->first)->watcher_prev = number;
	by->first = number;
	by->n++;
	time_link(ws, number);
	ws->n++;
}

static void key_release(struct kith_watches *ws, struct kith_watch_key *k)
{
	if (k != NULL && k->first == 0) {
		for (struct kith_watch_device *d = devices_of(ws, k), *next; d != NULL; d = next) {
			next = d->next;
			KITH_FREE(ws->alloc, d);
		}
		if (at_home(ws))
			kith_timers_stop(&ws->upstream, &k->upstream);
		(void)kith_table_remove(&ws->keys, &k->key);
		kith_alloc_free(ws->alloc, k, key_size(ws));
	}
}

static void watcher_release(struct kith_watches *ws, struct kith_watcher *by)
{
	if (by != NULL && by->first == 0) {
		(void)kith_table_remove(&ws->watchers, &by->ref);
		KITH_FREE(ws->alloc, by);
	}
}

static void watch_end(struct kith_watches *ws, uint32_t number)
{
	const struct kith_watch *w = watch_at(ws, number);
	struct kith_watch_key *k = w->key;
	struct kith_watcher *by = w->watcher;
	if (w->key_prev != 0)
		watch_at(ws, w->key_prev)->key_next = w->key_next;
	else
		k->first = w->key_next;
	if (w->key_next != 0)
		watch_at(ws, w->key_next)->key_prev = w->key_prev;
	if (w->watcher_prev != 0)
		watch_at(ws, w->watcher_prev)->watcher_next = w->watcher_next;
	else
		by->first = w->watcher_next;
	if (w->watcher_next != 0)
		watch_at(ws, w->watcher_next)->watcher_prev = w->watcher_prev;
	time_unlink(ws, w);
	k->n--;
	by->n--;
	ws->n--;
	kith_allowance_give(ws->allowance, by->owner, holding_of(ws));
	kith_blob_unref(ws->blobs, w->tokens);
	kith_slots_give(&ws->all, number);
	key_release(ws, k);
	watcher_release(ws, by);
}

void kith_watches_deinit(struct kith_watches *ws)
{
	const struct kith_watcher *by;
	for (uint32_t it = 0; (by = kith_table_next(&ws->watchers, &it)) != NULL; it--)
		(void)kith_watches_drop(ws, by->ref);
	kith_table_deinit(&ws->keys);
	kith_table_deinit(&ws->watchers);
	kith_timers_deinit(&ws->upstream);
	kith_slots_deinit(&ws->all);
}

/* ---- adding ---- */

static struct kith_watch_key *key_make(struct kith_watches *ws, const struct kith_id *key)
{
	struct kith_watch_key *k = kith_table_get(&ws->keys, key);
	if (k != NULL)
		return k;
	if (at_home(ws) && kith_timers_reserve(&ws->upstream, ws->keys.n + 1) != 0)
		return NULL;
	k = kith_alloc_zero(ws->alloc, key_size(ws));
	if (k == NULL)
		return NULL;
	k->key = *key;
	if (kith_table_put(&ws->keys, k) != 0) {
		kith_alloc_free(ws->alloc, k, key_size(ws));
		return NULL;
	}
	return k;
}

static struct kith_watcher *watcher_make(struct kith_watches *ws, uint32_t ref, uint64_t owner)
{
	struct kith_watcher *by = kith_table_get(&ws->watchers, &ref);
	if (by != NULL)
		return by;
	by = KITH_NEW(ws->alloc, struct kith_watcher);
	if (by == NULL)
		return NULL;
	by->ref = ref;
	by->owner = owner;
	if (kith_table_put(&ws->watchers, by) != 0) {
		KITH_FREE(ws->alloc, by);
		return NULL;
	}
	return by;
}

/* A popular key has many watchers, a watcher watches few keys: the search is along the shorter list. */
static uint32_t find_number(const struct kith_watches *ws, const struct kith_id *key, uint32_t ref)
{
	const struct kith_watch_key *k = kith_table_get(&ws->keys, key);
	const struct kith_watcher *by = kith_table_get(&ws->watchers, &ref);
	if (k == NULL || by == NULL)
		return 0;
	const bool along_key = k->n <= by->n;
	uint32_t number = along_key ? k->first : by->first;
	while (number != 0) {
		const struct kith_watch *w = watch_at(ws, number);
		if (w->key == k && w->watcher == by)
			break;
		number = along_key ? w->key_next : w->watcher_next;
	}
	return number;
}

static struct kith_watch *find(const struct kith_watches *ws, const struct kith_id *key, uint32_t ref)
{
	return watch_at(ws, find_number(ws, key, ref));
}

static int watch_new(struct kith_watches *ws, kith_time_us now, const struct kith_id *key, uint32_t ref, uint64_t owner,
		     uint32_t *out)
{
	const struct kith_watcher *known = kith_table_get(&ws->watchers, &ref);
	if (known != NULL && known->n >= ws->per_watcher)
		return KITH_ELIMIT;
	if (ws->n >= ws->max)
		return KITH_EFULL;
	owner = known != NULL ? known->owner : owner;
	int err = kith_allowance_take_of(ws->allowance, owner, holding_of(ws), ws->max - ws->n);
	if (err < 0)
		return err;
	const uint32_t number = kith_slots_take(&ws->all);
	struct kith_watch_key *k = number != 0 ? key_make(ws, key) : NULL;
	struct kith_watcher *by = k != NULL ? watcher_make(ws, ref, owner) : NULL;
	if (by == NULL) {
		key_release(ws, k);
		if (number != 0)
			kith_slots_give(&ws->all, number);
		kith_allowance_give(ws->allowance, owner, holding_of(ws));
		return KITH_ENOMEM;
	}
	struct kith_watch *w = watch_at(ws, number);
	w->key = k;
	w->watcher = by;
	link_in(ws, number);
	*out = number;
	if (k->n > 1)
		return 0;
	if (at_home(ws)) {
		err = kith_timers_set(&ws->upstream, &k->upstream, now);
		KITH_ASSERT(err == 0); /* room was reserved */
	}
	return 1;
}

int kith_watches_add(struct kith_watches *ws, kith_time_us now, const struct kith_id *key, uint32_t watcher,
		     uint64_t owner)
{
	uint32_t number = find_number(ws, key, watcher);
	int err = number == 0 ? watch_new(ws, now, key, watcher, owner, &number) : 0;
	if (err < 0)
		return err;
	if (at_home(ws))
		return err;
	watch_at(ws, number)->until = now + ws->life;
	time_unlink(ws, watch_at(ws, number));
	time_link(ws, number);
	return err;
}

/* ---- tokens ---- */

int kith_watches_show(struct kith_watches *ws, const struct kith_id *key, uint32_t watcher, struct kith_span tokens)
{
	struct kith_watch *w = find(ws, key, watcher);
	struct kith_blob *blob = NULL;
	if (w == NULL)
		return KITH_ENOENT;
	if (tokens.len > 0 && (blob = kith_blob_intern(ws->blobs, tokens.p, tokens.len)) == NULL)
		return KITH_ENOMEM;
	bool others = blob != w->tokens; /* equal bytes are one blob */
	kith_blob_unref(ws->blobs, w->tokens);
	w->tokens = blob;
	return others;
}

bool kith_watches_shows_others(const struct kith_watches *ws, const struct kith_id *key, uint32_t watcher,
			       struct kith_span tokens)
{
	const struct kith_watch *w = find(ws, key, watcher);
	if (w == NULL)
		return false;
	const struct kith_span now = kith_blob_span(w->tokens);
	return now.len != tokens.len || (now.len > 0 && memcmp(now.p, tokens.p, now.len) != 0);
}

static bool opens(const struct kith_suite *suite, const struct kith_blob *tokens, const uint8_t guard[KITH_FOLLOW_LEN])
{
	return tokens != NULL && kith_follow_opens(suite, kith_blob_span(tokens), guard);
}

static bool opens_any(const struct kith_suite *suite, const struct kith_watch_device *devices, struct kith_span token)
{
	for (const struct kith_watch_device *d = devices; d != NULL; d = d->next) {
		if (d->guarded && kith_follow_opens(suite, token, d->guard))
			return true;
	}
	return false;
}

/* Adds a token that is not there yet. */
static size_t add_token(uint8_t *out, size_t len, const uint8_t token[KITH_FOLLOW_LEN])
{
	for (size_t at = 0; at < len; at += KITH_FOLLOW_LEN) {
		if (memcmp(out + at, token, KITH_FOLLOW_LEN) == 0)
			return len;
	}
	if (len == KITH_FOLLOW_TOKENS_MAX * KITH_FOLLOW_LEN)
		return len;
	memcpy(out + len, token, KITH_FOLLOW_LEN);
	return len + KITH_FOLLOW_LEN;
}

size_t kith_watches_tokens(const struct kith_watches *ws, const struct kith_suite *suite, const struct kith_id *key,
			   uint8_t out[KITH_FOLLOW_TOKENS_MAX * KITH_FOLLOW_LEN])
{
	const struct kith_watch_key *k = kith_table_get(&ws->keys, key);
	const struct kith_blob *last = NULL;
	size_t len = 0;
	for (unsigned good = 2; good-- > 0;) {
		const struct kith_watch *w = watch_at(ws, k != NULL ? k->first : 0);
		for (; w != NULL; w = watch_at(ws, w->key_next)) {
			if (w->tokens == NULL || w->tokens == last)
				continue;
			last = w->tokens;
			for (size_t at = 0; at < last->len; at += KITH_FOLLOW_LEN) {
				const struct kith_span token = { last->bytes + at, KITH_FOLLOW_LEN };
				if (good == opens_any(suite, devices_of(ws, k), token))
					len = add_token(out, len, token.p);
			}
		}
		last = NULL;
	}
	return len;
}

bool kith_watches_has_others(const struct kith_watches *ws, const struct kith_suite *suite, const struct kith_id *key)
{
	const struct kith_watch_key *k = kith_table_get(&ws->keys, key);
	for (const struct kith_watch_device *d = devices_of(ws, k); d != NULL; d = d->next) {
		const struct kith_blob *good = NULL;
		const struct kith_watch *w = watch_at(ws, d->guarded ? k->first : 0);
		for (; w != NULL; w = watch_at(ws, w->key_next)) {
			if (w->tokens == NULL || (w->tokens != good && !opens(suite, w->tokens, d->guard)))
				return true;
			good = w->tokens;
		}
	}
	return false;
}

uint32_t kith_watches_told_of(const struct kith_watches *ws, const struct kith_suite *suite,
			      const struct kith_held_about *about, uint32_t skip, uint32_t out[], uint32_t max)
{
	const struct kith_watch_key *k = kith_table_get(&ws->keys, &about->key);
	const struct kith_watch *w = watch_at(ws, k != NULL ? k->first : 0);
	const struct kith_blob *last = NULL;
	bool last_opens = false;
	uint32_t n = 0;
	for (; w != NULL && skip > 0; skip--)
		w = watch_at(ws, w->key_next);
	for (; w != NULL && n < max; w = watch_at(ws, w->key_next)) {
		if (w->tokens != last) { /* one hash for all who have the same ones */
			last = w->tokens;
			last_opens = about->whom != KITH_WHOM_ALL && opens(suite, last, about->guard);
		}
		bool told = about->whom == KITH_WHOM_ALL || last_opens == (about->whom == KITH_WHOM_FOLLOWERS);
		out[n++] = told ? w->watcher->ref : 0;
	}
	return n;
}

/* ---- removing ---- */

bool kith_watches_remove(struct kith_watches *ws, const struct kith_id *key, uint32_t watcher)
{
	const uint32_t number = find_number(ws, key, watcher);
	if (number == 0)
		return false;
	watch_end(ws, number);
	return true;
}

void kith_watches_rename(struct kith_watches *ws, uint32_t watcher, uint32_t renamed)
{
	if (kith_table_get(&ws->watchers, &renamed) != NULL)
		return;
	struct kith_watcher *w = kith_table_remove(&ws->watchers, &watcher);
	if (w == NULL)
		return;
	w->ref = renamed;
	/* A slot has just become free, so this needs no memory. */
	int err = kith_table_put(&ws->watchers, w);
	KITH_ASSERT(err == 0);
}

uint32_t kith_watches_drop(struct kith_watches *ws, uint32_t watcher)
{
	const struct kith_watcher *by = kith_table_get(&ws->watchers, &watcher);
	uint32_t n = by != NULL ? by->n : 0;
	for (uint32_t i = 0; i < n; i++)
		watch_end(ws, by->first); /* the last one frees by */
	return n;
}

/* ---- asking ---- */

uint32_t kith_watches_of(const struct kith_watches *ws, const struct kith_id *key, uint32_t skip, uint32_t out[],
			 uint32_t max)
{
	const struct kith_watch_key *k = kith_table_get(&ws->keys, key);
	const struct kith_watch *w = watch_at(ws, k != NULL ? k->first : 0);
	uint32_t n = 0;
	for (; w != NULL && n < max; w = watch_at(ws, w->key_next)) {
		if (skip > 0)
			skip--;
		else
			out[n++] = w->watcher->ref;
	}
	return n;
}

uint32_t kith_watches_count(const struct kith_watches *ws, const struct kith_id *key)
{
	const struct kith_watch_key *k = kith_table_get(&ws->keys, key);
	return k != NULL ? k->n : 0;
}

bool kith_watches_has(const struct kith_watches *ws, const struct kith_id *key, uint32_t watcher)
{
	return find_number(ws, key, watcher) != 0;
}

/* ---- time ---- */

uint32_t kith_watches_expire(struct kith_watches *ws, kith_time_us now, uint32_t max)
{
	uint32_t n = 0;
	while (n < max && ws->oldest != 0 && watch_at(ws, ws->oldest)->until <= now) {
		watch_end(ws, ws->oldest);
		n++;
	}
	return n;
}

static void upstream_set(struct kith_watches *ws, struct kith_watch_key *k, kith_time_us at)
{
	int err = kith_timers_set(&ws->upstream, &k->upstream, at);
	KITH_ASSERT(err == 0); /* room was reserved for every key */
}

const struct kith_watch_key *kith_watches_due(struct kith_watches *ws, kith_time_us now)
{
	struct kith_timer *t = kith_timers_pop(&ws->upstream, now);
	if (t == NULL)
		return NULL;
	struct kith_watch_key *k = KITH_CONTAINER_OF(t, struct kith_watch_key, upstream);
	k->tries = (uint16_t)(k->tries + (k->tries < UINT16_MAX));
	upstream_set(ws, k, now + KITH_REQUEST_TIMEOUT_US);
	return k;
}

void kith_watches_upstream(struct kith_watches *ws, const struct kith_id *key, kith_time_us at, bool went_well)
{
	struct kith_watch_key *k = home_key(ws, key);
	if (k == NULL)
		return;
	if (went_well)
		k->tries = 0;
	upstream_set(ws, k, at);
}

uint32_t kith_watches_tries(const struct kith_watches *ws, const struct kith_id *key)
{
	const struct kith_watch_key *k = home_key(ws, key);
	return k != NULL ? k->tries : 0;
}

void kith_watches_renew_by(struct kith_watches *ws, const struct kith_id *key, kith_time_us at)
{
	struct kith_watch_key *k = home_key(ws, key);
	if (k != NULL && (at < k->upstream.at || !kith_timer_is_set(&k->upstream)))
		upstream_set(ws, k, at);
}

bool kith_watches_told(struct kith_watches *ws, const struct kith_id *key, uint32_t notice)
{
	struct kith_watch_key *k = home_key(ws, key);
	for (unsigned i = 0; k != NULL && i < KITH_WATCH_TOLD; i++) {
		if (k->told[i] == notice)
			return true;
	}
	if (k == NULL)
		return false;
	k->told[k->told_next] = notice;
	k->told_next = (uint8_t)((k->told_next + 1) % KITH_WATCH_TOLD);
	return false;
}

void kith_watches_untold(struct kith_watches *ws, const struct kith_id *key)
{
	struct kith_watch_key *k = home_key(ws, key);
	if (k == NULL)
		return;
	memset(k->told, 0, sizeof k->told);
	for (struct kith_watch_device *d = k->devices; d != NULL; d = d->next)
		d->vanished = 0;
}

/* ---- what a home judges by ---- */

static struct kith_watch_device *device_of(const struct kith_watches *ws, const struct kith_id *key,
					   const struct kith_key *device)
{
	struct kith_watch_device *d = devices_of(ws, kith_table_get(&ws->keys, key));
	while (d != NULL && !kith_key_equal(&d->device, device))
		d = d->next;
	return d;
}

/* A place for another device: a new one, or that of the oldest record. */
static struct kith_watch_device *device_make(struct kith_watches *ws, struct kith_watch_key *k)
{
	struct kith_watch_device *oldest = k->devices, *d;
	unsigned n = 0;
	for (d = k->devices; d != NULL; d = d->next, n++) {
		if (d->seq < oldest->seq)
			oldest = d;
	}
	if (n == KITH_STORE_DEVICES)
		return oldest;
	d = KITH_NEW(ws->alloc, struct kith_watch_device);
	if (d != NULL) {
		d->next = k->devices;
		k->devices = d;
	}
	return d;
}

bool kith_watches_outdated(const struct kith_watches *ws, const struct kith_record *record)
{
	const struct kith_watch_device *d = device_of(ws, &record->key, &record->device);
	return d != NULL && d->seq > record->seq;
}

int kith_watches_record(struct kith_watches *ws, const struct kith_record *record)
{
	struct kith_watch_key *k = home_key(ws, &record->key);
	struct kith_watch_device *d = device_of(ws, &record->key, &record->device);
	if (k == NULL || (d != NULL && d->seq >= record->seq))
		return 0;
	if (d == NULL)
		d = device_make(ws, k);
	if (d == NULL)
		return KITH_ENOMEM;
	d->device = record->device;
	d->seq = record->seq;
	d->vanished = 0;
	d->homes_n = record->homes_n;
	d->guarded = record->guarded;
	memcpy(d->guard, record->guard, sizeof d->guard);
	for (unsigned i = 0; i < record->homes_n; i++)
		memcpy(d->tags[i], record->homes[i].tag, sizeof d->tags[i]);
	return 0;
}

bool kith_watches_guard(const struct kith_watches *ws, const struct kith_vanish *vanish, uint8_t out[KITH_FOLLOW_LEN])
{
	const struct kith_watch_device *d = device_of(ws, &vanish->key, &vanish->device);
	if (d == NULL || !d->guarded)
		return false;
	memcpy(out, d->guard, sizeof d->guard);
	return true;
}

int kith_watches_vanish(struct kith_watches *ws, const struct kith_suite *suite, const struct kith_now *now,
			const struct kith_vanish *vanish)
{
	struct kith_watch_device *d = device_of(ws, &vanish->key, &vanish->device);
	struct kith_record record;
	if (d == NULL)
		return KITH_ENOENT;
	memset(&record, 0, sizeof record);
	record.key = vanish->key;
	record.device = d->device;
	record.seq = d->seq;
	record.homes_n = d->homes_n;
	for (unsigned i = 0; i < d->homes_n; i++)
		memcpy(record.homes[i].tag, d->tags[i], sizeof d->tags[i]);
	int home = kith_vanish_verify(vanish, &record, d->vanished, suite, now);
	if (home >= 0)
		d->vanished |= (uint8_t)(1u << home);
	return home;
}

void kith_watches_upstream_at(struct kith_watches *ws, const struct kith_id *key, uint32_t replicas)
{
	struct kith_watch_key *k = home_key(ws, key);
	if (k != NULL)
		k->replicas = replicas;
}

const struct kith_watch_key *kith_watches_next_key(const struct kith_watches *ws, uint32_t *it)
{
	return kith_table_next(&ws->keys, it);
}

kith_time_us kith_watches_next_deadline(const struct kith_watches *ws)
{
	kith_time_us upstream = kith_timers_next(&ws->upstream);
	kith_time_us end = ws->oldest != 0 ? watch_at(ws, ws->oldest)->until : KITH_TIME_NEVER;
	return upstream < end ? upstream : end;
}

/* ---- a watcher's verdict on one device ---- */

bool kith_verdict_record(struct kith_verdict *v, const struct kith_now *now, const struct kith_record *record)
{
	if (record->seq <= v->seq)
		return false;
	*v = (struct kith_verdict){
		.seq = record->seq,
		.until = now->mono_us + kith_record_life_us(record, now),
		.homes_n = record->homes_n,
		.goodbye = (record->flags & KITH_RECORD_OFFLINE) != 0,
	};
	return true;
}

bool kith_verdict_vanish(struct kith_verdict *v, uint64_t seq, int home)
{
	if (seq != v->seq || home < 0 || home >= v->homes_n || (v->vanished >> home & 1) != 0)
		return false;
	v->vanished |= (uint8_t)(1u << home);
	return true;
}

bool kith_verdict_online(const struct kith_verdict *v, kith_time_us now)
{
	unsigned reports = 0;
	for (unsigned bits = v->vanished; bits != 0; bits >>= 1)
		reports += bits & 1;
	return v->seq != 0 && !v->goodbye && now < v->until && 2 * reports <= v->homes_n;
}

kith_time_us kith_verdict_deadline(const struct kith_verdict *v, kith_time_us now)
{
	return kith_verdict_online(v, now) ? v->until : KITH_TIME_NEVER;
}
