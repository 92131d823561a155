#include "leaf/watching.h"

#include "base/alloc.h"
#include "base/text.h"
#include "leaf/homes.h"
#include "leaf/subscriptions.h"
#include "link/follow.h"
#include "super/query.h"

enum {
	ITEM_HEADER = 3, /* of a byte string in a body, at most */
	SUBSCRIBE_ROOM = KITH_REQUEST_MAX - 16 /* of items in a SUBSCRIBE */
};
#define ASKED_US (KITH_QUERY_US + KITH_US_PER_S) /* a name without a notice by then is offline */

static void wake(struct kith_core *c, kith_time_us at)
{
	struct kith_timer *t = &c->watching_timer;
	t->kind = KITH_TIMER_WATCHING;
	if (at == KITH_TIME_NEVER || (kith_timer_is_set(t) && t->at <= at))
		return;
	if (kith_timers_set(&c->timers, t, at) != 0)
		kith_stats_add(c->stats, KITH_STAT_ALLOC_FAILED, 1);
}

static void again(struct kith_core *c)
{
	c->subscribe_at = c->now.mono_us + kith_subscriptions_retry_us(c);
	wake(c, c->subscribe_at);
}

/* A SUBSCRIBE that is being made. */
struct asked {
	struct kith_span keys[KITH_SUBSCRIBE_KEYS_MAX], follow[KITH_SUBSCRIBE_KEYS_MAX];
	size_t keys_n, follow_n, len;
	uint8_t bytes[KITH_REQUEST_MAX]; /* of what stands in follow */
};

/* False: it is full. */
static bool ask_for(struct kith_core *c, struct asked *a, const struct kith_id *key)
{
	uint8_t tokens[KITH_FOLLOW_TOKENS_MAX * KITH_FOLLOW_LEN];
	const struct kith_span shown = kith_follow_for(c, key, tokens);
	const size_t len = KITH_ID_LEN + shown.len;
	if (a->keys_n + a->follow_n == KITH_SUBSCRIBE_KEYS_MAX ||
	    a->keys_n * (KITH_ID_LEN + ITEM_HEADER) + a->len + len + ITEM_HEADER > SUBSCRIBE_ROOM)
		return false;
	if (shown.len == 0) {
		a->keys[a->keys_n++] = (struct kith_span){ key->b, KITH_ID_LEN };
		return true;
	}
	uint8_t *at = a->bytes + a->len;
	memcpy(at, key->b, KITH_ID_LEN);
	memcpy(at + KITH_ID_LEN, shown.p, shown.len);
	a->follow[a->follow_n++] = (struct kith_span){ at, len };
	a->len += len + ITEM_HEADER;
	return true;
}

/* Has keys watched: a leaf asks its homes by SUBSCRIBE, a supernode the replicas by WATCH. */
static bool add(struct kith_core *c, const struct kith_watched list[], uint32_t n)
{
	for (uint32_t i = 0; kith_serves(c) && i < n; i++)
		kith_query_watch(c, &list[i].key);
	for (uint32_t i = 0; !kith_serves(c) && i < n;) {
		struct asked a;
		a.keys_n = a.follow_n = a.len = 0;
		while (i < n && ask_for(c, &a, &list[i].key))
			i++;
		if (!kith_subscriptions_send(c, &(struct kith_msg_subscribe){ .add = { a.keys, a.keys_n },
									      .follow = { a.follow, a.follow_n } }))
			return false;
	}
	return true;
}

static void add_all(struct kith_core *c)
{
	c->subscribe_at = KITH_TIME_NEVER;
	if (add(c, c->watched, c->watched_n))
		wake(c, kith_subscriptions_next(c));
	else
		again(c);
}

void kith_watching_renew(struct kith_core *c)
{
	if (c->leaving || c->watched_n == 0)
		return;
	if (!kith_serves(c))
		(void)kith_subscriptions_draw(c);
	add_all(c);
}

void kith_watching_on_answer(struct kith_core *c, const struct kith_session *s, const struct kith_answer *answer)
{
	if (!kith_subscriptions_on_answer(c, s, answer) && c->watched_n > 0)
		again(c);
}

static struct kith_watched *find(struct kith_core *c, const struct kith_id *key)
{
	for (uint32_t i = 0; i < c->watched_n; i++) {
		if (memcmp(c->watched[i].key.b, key->b, KITH_ID_LEN) == 0)
			return &c->watched[i];
	}
	return NULL;
}

void kith_watching_again(struct kith_core *c, const struct kith_id *key)
{
	const struct kith_watched *w = find(c, key);
	if (w != NULL && !c->leaving && !add(c, w, 1))
		again(c);
}

int kith_watching_add(struct kith_core *c, const char *name)
{
	struct kith_id key;
	if (!kith_name_valid(name))
		return KITH_ENAME;
	kith_ids_directory(c->suite, &key, &c->self.network, name);
	if (find(c, &key) != NULL)
		return KITH_EEXIST;
	if (c->watched_n == KITH_WATCHED_MAX)
		return KITH_EFULL;
	if (c->watched_n == c->watched_cap) {
		uint32_t cap = c->watched_cap == 0 ? 4 : 2 * c->watched_cap;
		struct kith_watched *p =
			kith_alloc_resize(c->alloc, c->watched, c->watched_cap * sizeof *p, cap * sizeof *p);
		if (p == NULL)
			return KITH_ENOMEM;
		c->watched = p;
		c->watched_cap = cap;
	}
	struct kith_watched *w = &c->watched[c->watched_n++];
	memset(w, 0, sizeof *w);
	kith_text_copy(w->name, sizeof w->name, name);
	w->key = key;
	w->since = c->now.mono_us;
	w->ask_at = KITH_TIME_NEVER;
	if (!kith_serves(c) && kith_subscriptions_draw(c))
		add_all(c);
	else if (!add(c, w, 1))
		again(c);
	wake(c, c->now.mono_us + ASKED_US);
	return 0;
}

static void drop(struct kith_core *c, struct kith_watched *w)
{
	for (size_t i = 0; i < w->devices_n; i++)
		kith_blob_unref(&c->shared->blobs, w->devices[i].record);
	KITH_FREE_ARRAY(c->alloc, w->devices, w->devices_n);
}

int kith_watching_remove(struct kith_core *c, const char *name)
{
	for (uint32_t i = 0; i < c->watched_n; i++) {
		struct kith_watched *w = &c->watched[i];
		if (strcmp(w->name, name) != 0)
			continue;
		const struct kith_span key = { w->key.b, KITH_ID_LEN };
		if (!kith_serves(c) && !kith_subscriptions_send(c, &(struct kith_msg_subscribe){ .drop = { &key, 1 } }))
			KITH_LOG(c->log, KITH_LOG_DEBUG, "watch_not_dropped");
		drop(c, w);
		*w = c->watched[--c->watched_n];
		return 0;
	}
	return KITH_ENOENT;
}

void kith_watching_deinit(struct kith_core *c)
{
	kith_timers_stop(&c->timers, &c->watching_timer);
	for (uint32_t i = 0; i < c->watched_n; i++)
		drop(c, &c->watched[i]);
	KITH_FREE_ARRAY(c->alloc, c->watched, c->watched_cap);
	c->watched = NULL;
	c->watched_n = c->watched_cap = 0;
}

/* Tells the application when the verdict on a name has changed, and sets the timer to when it changes by itself. */
static void judge(struct kith_core *c, struct kith_watched *w)
{
	bool online = false;
	for (size_t i = 0; i < w->devices_n; i++) {
		const struct kith_verdict *v = &w->devices[i].verdict;
		online = online || kith_verdict_online(v, c->now.mono_us);
		kith_time_us at = kith_verdict_deadline(v, c->now.mono_us);
		if (at != KITH_TIME_NEVER)
			wake(c, at);
	}
	if (w->told && w->online == online)
		return;
	struct kith_event *ev = kith_event_push(c, KITH_EVENT_PRESENCE);
	if (ev == NULL)
		return;
	w->told = true;
	w->online = online;
	ev->online = online;
	memcpy(ev->name, w->name, sizeof ev->name);
}

/* The place of a device: its own, a new one, or that of the record that ends first. NULL: no memory. Most names have
 * one device, and few ever get another: places are made one by one. */
static struct kith_watched_device *place_of(struct kith_core *c, struct kith_watched *w,
					    const uint8_t device[KITH_DEVICE_ID_LEN])
{
	struct kith_watched_device *at = NULL;
	for (size_t i = 0; i < w->devices_n; i++) {
		if (memcmp(w->devices[i].device, device, KITH_DEVICE_ID_LEN) == 0)
			return &w->devices[i];
		if (at == NULL || w->devices[i].verdict.until < at->verdict.until)
			at = &w->devices[i];
	}
	if (w->devices_n < KITH_DIAL_DEVICES_MAX) {
		struct kith_watched_device *grown = kith_alloc_resize(
			c->alloc, w->devices, w->devices_n * sizeof *grown, (w->devices_n + 1u) * sizeof *grown);
		if (grown == NULL)
			return NULL;
		w->devices = grown;
		at = &grown[w->devices_n++];
	} else {
		kith_blob_unref(&c->shared->blobs, at->record);
	}
	*at = (struct kith_watched_device){ .compare_at = KITH_TIME_NEVER };
	memcpy(at->device, device, KITH_DEVICE_ID_LEN);
	return at;
}

static bool knows(const struct kith_watched *w, const uint8_t device[KITH_DEVICE_ID_LEN])
{
	bool known = false;
	for (size_t i = 0; i < w->devices_n; i++)
		known = known || memcmp(w->devices[i].device, device, KITH_DEVICE_ID_LEN) == 0;
	return known;
}

static void on_record(struct kith_core *c, const struct kith_session *s, struct kith_span bytes)
{
	struct kith_record record;
	struct kith_person person;
	if (kith_record_parse(&record, bytes) != 0)
		return;
	struct kith_watched *w = find(c, &record.key);
	if (w == NULL || kith_record_verify(&record, &c->trust, &c->now, &person) != 0 ||
	    strcmp(person.name, w->name) != 0)
		return;
	struct kith_watched_device *d = place_of(c, w, record.device.b);
	if (d == NULL)
		return;
	const bool fresh = kith_verdict_record(&d->verdict, &c->now, &record);
	if (fresh) {
		kith_blob_unref(&c->shared->blobs, d->record);
		d->record = kith_blob_intern(&c->shared->blobs, bytes.p, bytes.len);
	}
	if (record.seq == d->verdict.seq)
		kith_subscriptions_told(c, d, s, fresh ? &record : NULL);
	wake(c, d->compare_at);
	judge(c, w);
}

static void on_vanish(struct kith_core *c, struct kith_span bytes)
{
	struct kith_vanish vanish;
	struct kith_record record;
	if (kith_vanish_parse(&vanish, bytes) != 0)
		return;
	struct kith_watched *w = find(c, &vanish.key);
	for (size_t i = 0; w != NULL && i < w->devices_n; i++) {
		if (w->devices[i].record == NULL ||
		    kith_record_parse(&record, kith_blob_span(w->devices[i].record)) != 0)
			continue;
		struct kith_verdict *v = &w->devices[i].verdict;
		int home = kith_vanish_verify(&vanish, &record, v->vanished, c->suite, &c->now);
		if (home >= 0 && kith_verdict_vanish(v, vanish.seq, home))
			judge(c, w);
	}
}

/* The home that tells in brief says which record is the newest. Only a name of which room is left, or whose device that
 * is, takes it in: what is not signed pushes nothing out. */
void kith_watching_newest(struct kith_core *c, const struct kith_session *s, const struct kith_msg_notice *m)
{
	struct kith_watched *w = m->has_newest ? find(c, &m->key) : NULL;
	if (w == NULL || (w->devices_n == KITH_DIAL_DEVICES_MAX && !knows(w, m->newest)))
		return;
	struct kith_watched_device *d = place_of(c, w, m->newest);
	if (d != NULL)
		kith_subscriptions_told_brief(c, w, d, s, m->newest_seq);
	wake(c, w->ask_at);
}

void kith_watching_notice(struct kith_core *c, const struct kith_session *s, struct kith_spans records,
			  struct kith_spans vanished)
{
	if (c->watched_n == 0)
		return;
	for (size_t i = 0; i < records.n; i++)
		on_record(c, s, records.at[i]);
	for (size_t i = 0; i < vanished.n; i++)
		on_vanish(c, vanished.at[i]);
}

void kith_watching_on_control(struct kith_core *c, const struct kith_session *s, const struct kith_answer *answer)
{
	struct kith_msg_room room;
	struct kith_msg_found m;
	if (answer->err == 0 && kith_msg_found_read(&m, &room, answer->body) == 0)
		kith_watching_notice(c, s, m.records, m.vanished);
}

/* What is due by itself: a verdict, what was told by one home only, what was asked for and is not known. */
static void look(struct kith_core *c, struct kith_watched *w, bool attached)
{
	for (size_t i = 0; i < w->devices_n; i++) {
		kith_subscriptions_judge(c, &w->devices[i]);
		wake(c, w->devices[i].compare_at);
	}
	kith_subscriptions_fetch(c, w);
	wake(c, w->ask_at);
	if (w->told || (attached && c->now.mono_us - w->since >= ASKED_US))
		judge(c, w);
	else if (attached)
		wake(c, w->since + ASKED_US);
}

void kith_watching_tick(struct kith_core *c)
{
	bool attached = kith_serves(c) || kith_homes_primary(c) != NULL;
	if (kith_serves(c) || c->subscribe_at <= c->now.mono_us)
		kith_watching_renew(c);
	for (uint32_t i = 0; i < c->watched_n; i++)
		look(c, &c->watched[i], attached);
	kith_subscriptions_control(c);
	wake(c, kith_subscriptions_next(c));
}
