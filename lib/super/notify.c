#include "super/notify.h"

#include "super/members.h"

#define PAUSE_US (10 * KITH_US_PER_MS)
enum { BATCH = 64 }; /* news that have waited and go out at a time */
#include "base/table.h"

static size_t items_of(const struct kith_msg_notice *notice)
{
	return notice->records.n + notice->vanished.n;
}

/* One item to a request: a record fills most of a packet. 0: it does not fit. */
static size_t write_item(uint8_t out[KITH_REQUEST_MAX], const struct kith_id *key, const struct kith_msg_notice *notice,
			 size_t i)
{
	struct kith_msg_notice one = { .has_key = true, .key = *key };
	if (i < notice->records.n)
		one.records = (struct kith_spans){ notice->records.at + i, 1 };
	else
		one.vanished = (struct kith_spans){ notice->vanished.at + (i - notice->records.n), 1 };
	return kith_msg_notice_write(out, KITH_REQUEST_MAX, &one);
}

/* Repeated as long as the watcher is believed to be there: a notice must not be lost because the watcher moves. Of what
 * is beyond the queue the watcher hears at its next renewal. False: it was. */
static bool notify(struct kith_core *c, uint32_t session, struct kith_span body)
{
	struct kith_session *s = kith_sessions_get(&c->sessions, session);
	if (s == NULL || s->state != KITH_SESSION_OPEN || body.len == 0 ||
	    kith_session_request_for(c, s, KITH_REQ_NOTIFY, body, kith_token(KITH_TOKEN_IGNORE, 0),
				     KITH_LEAF_VANISH_US) == 0)
		return true;
	kith_stats_add(c->stats, KITH_STAT_NOTIFY_DROPPED, 1);
	return false;
}

void kith_notify_one(struct kith_core *c, uint32_t session, const struct kith_id *key,
		     const struct kith_msg_notice *notice)
{
	uint8_t body[KITH_REQUEST_MAX];
	for (size_t i = 0; i < items_of(notice); i++)
		(void)notify(c, session, (struct kith_span){ body, write_item(body, key, notice, i) });
}

/* A home hears of each change from every replica, and again when it renews its watch; its leaves hear of it once. */
static bool told_already(struct kith_core *c, struct kith_watches *ws, const struct kith_id *key, struct kith_span body)
{
	static const uint64_t seed[2] = { 0x6b697468, 0x746f6c64 };
	return ws == &c->super->interests &&
	       kith_watches_told(ws, key, (uint32_t)kith_hash64(seed, body.p, body.len) | 1);
}

void kith_notify_all(struct kith_core *c, struct kith_watches *ws, const struct kith_id *key,
		     const struct kith_msg_notice *notice)
{
	uint32_t refs[64];
	uint8_t body[KITH_REQUEST_MAX];
	for (size_t i = 0; i < items_of(notice); i++) {
		const struct kith_span item = { body, write_item(body, key, notice, i) };
		bool all = true;
		if (told_already(c, ws, key, item))
			continue;
		for (uint32_t skip = 0, n = 1; n > 0; skip += n) {
			n = kith_watches_of(ws, key, skip, refs, 64);
			for (uint32_t k = 0; k < n; k++)
				all = notify(c, refs[k], item) && all;
		}
		if (!all)
			kith_watches_untold(ws, key);
	}
}

/* Whether news wait for now. Bytes that are none are not for us to judge: their caller has. */
static bool hold(struct kith_core *c, const struct kith_held_about *about, struct kith_span bytes)
{
	struct kith_supernode *sn = c->super;
	kith_time_us wait = kith_election_coalesce_us(&sn->overload, kith_election_strain(sn->load.utilisation));
	if (wait == 0 || !kith_held_put(&sn->held, about, bytes, c->now.mono_us + wait))
		return false;
	kith_super_wake(c, kith_held_due(&sn->held));
	return true;
}

static void send_record(struct kith_core *c, struct kith_watches *ws, const struct kith_id *key,
			struct kith_span record)
{
	const struct kith_msg_notice notice = { .records = { &record, 1 } };
	kith_notify_all(c, ws, key, &notice);
}

static void send_vanished(struct kith_core *c, struct kith_watches *ws, const struct kith_id *key,
			  struct kith_span report)
{
	const struct kith_msg_notice notice = { .vanished = { &report, 1 } };
	kith_notify_all(c, ws, key, &notice);
}

void kith_notify_record(struct kith_core *c, struct kith_watches *ws, const struct kith_id *key, struct kith_span bytes)
{
	struct kith_record record;
	struct kith_held_about about = { .of_leaves = ws == &c->super->interests, .key = *key };
	if (c->super->overload.level >= KITH_OVERLOAD_PRESENCE && kith_record_parse(&record, bytes) == 0) {
		about.device = record.device;
		if (hold(c, &about, bytes))
			return;
	}
	send_record(c, ws, key, bytes);
}

void kith_notify_vanished(struct kith_core *c, struct kith_watches *ws, const struct kith_id *key,
			  struct kith_span bytes)
{
	struct kith_vanish vanish;
	struct kith_held_about about = { .of_leaves = ws == &c->super->interests, .key = *key };
	if (c->super->overload.level >= KITH_OVERLOAD_PRESENCE && kith_vanish_parse(&vanish, bytes) == 0) {
		about.device = vanish.device;
		about.home = vanish.home;
		if (hold(c, &about, bytes))
			return;
	}
	send_vanished(c, ws, key, bytes);
}

kith_time_us kith_notify_tick(struct kith_core *c)
{
	static const struct kith_key none;
	struct kith_supernode *sn = c->super;
	struct kith_held_about about;
	struct kith_blob *blob;
	for (int i = 0; i < BATCH && (blob = kith_held_take(&sn->held, c->now.mono_us, &about)) != NULL; i++) {
		struct kith_watches *ws = about.of_leaves ? &sn->interests : &sn->watches;
		if (kith_key_equal(&about.home, &none))
			send_record(c, ws, &about.key, kith_blob_span(blob));
		else
			send_vanished(c, ws, &about.key, kith_blob_span(blob));
		kith_blob_unref(&c->shared->blobs, blob);
	}
	kith_time_us due = kith_held_due(&sn->held);
	return due > c->now.mono_us ? due : c->now.mono_us + PAUSE_US;
}

static bool watched(const struct kith_core *c, const struct kith_id *key)
{
	uint32_t ref;
	return kith_watches_of(&c->super->interests, key, 0, &ref, 1) > 0;
}

void kith_notify_pass_on(struct kith_core *c, const struct kith_msg_notice *m)
{
	/* The home verifies, although its leaves do so too: else any supernode could make it write to all that watch a
	 * name. */
	struct kith_watches *ws = &c->super->interests;
	struct kith_record record;
	struct kith_vanish vanish;
	struct kith_person person;
	for (size_t i = 0; i < m->records.n; i++) {
		if (watched(c, &m->key) && kith_record_parse(&record, m->records.at[i]) == 0 &&
		    memcmp(record.key.b, m->key.b, KITH_ID_LEN) == 0 &&
		    kith_record_verify(&record, &c->trust, &c->now, &person) == 0)
			kith_notify_record(c, ws, &m->key, m->records.at[i]);
	}
	for (size_t i = 0; i < m->vanished.n; i++) {
		if (watched(c, &m->key) && kith_vanish_parse(&vanish, m->vanished.at[i]) == 0 &&
		    memcmp(vanish.key.b, m->key.b, KITH_ID_LEN) == 0)
			kith_notify_vanished(c, ws, &m->key, m->vanished.at[i]);
	}
}
