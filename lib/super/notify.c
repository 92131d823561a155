#include "super/notify.h"

#include "base/table.h"
#include "super/members.h"
#include "super/uplink.h"

#define PAUSE_US (10 * KITH_US_PER_MS)
enum { BATCH = 64 }; /* news that have waited and go out at a time */

static bool is_record(const struct kith_held_about *about)
{
	static const struct kith_key none;
	return kith_key_equal(&about->home, &none);
}

/* A piece of news as a NOTIFY: one to a request, since a record fills most of a packet. */
struct item {
	uint8_t full[KITH_REQUEST_MAX];
	uint8_t brief[128]; /* of a record, for leaves that do not want it */
	size_t full_len, brief_len; /* 0: it does not fit; there is none */
};

static void write_item(struct item *out, const struct kith_id *key, bool is_a_record, struct kith_span bytes)
{
	struct kith_record record;
	struct kith_msg_notice one = { .has_key = true, .key = *key };
	*(is_a_record ? &one.records : &one.vanished) = (struct kith_spans){ &bytes, 1 };
	out->full_len = kith_msg_notice_write(out->full, sizeof out->full, &one);
	out->brief_len = 0;
	if (!is_a_record || kith_record_parse(&record, bytes) != 0)
		return;
	struct kith_msg_notice brief = { .has_key = true, .key = *key, .has_newest = true, .newest_seq = record.seq };
	memcpy(brief.newest, record.device.b, sizeof brief.newest);
	out->brief_len = kith_msg_notice_write(out->brief, sizeof out->brief, &brief);
}

static struct kith_span body_for(const struct kith_session *s, const struct item *item)
{
	if (s->attached != NULL && s->attached->brief && item->brief_len > 0)
		return (struct kith_span){ item->brief, item->brief_len };
	return (struct kith_span){ item->full, item->full_len };
}

/* Repeated as long as the watcher is believed to be there: a notice must not be lost because the watcher moves. Of what
 * is beyond the queue the watcher hears at its next renewal. False: it was. */
static bool notify(struct kith_core *c, uint32_t session, const struct item *item)
{
	struct kith_session *s = kith_sessions_get(&c->sessions, session);
	if (s != NULL)
		kith_uplink_owes(c, body_for(s, item).len);
	if (s == NULL || s->state != KITH_SESSION_OPEN || item->full_len == 0 ||
	    kith_session_request_for(c, s, KITH_REQ_NOTIFY, body_for(s, item), kith_token(KITH_TOKEN_IGNORE, 0),
				     KITH_LEAF_VANISH_US) == 0)
		return true;
	kith_stats_add(c->stats, KITH_STAT_NOTIFY_DROPPED, 1);
	return false;
}

void kith_notify_one(struct kith_core *c, uint32_t session, const struct kith_id *key,
		     const struct kith_msg_notice *notice)
{
	struct item item;
	for (size_t i = 0; i < notice->records.n; i++) {
		write_item(&item, key, true, notice->records.at[i]);
		(void)notify(c, session, &item);
	}
	for (size_t i = 0; i < notice->vanished.n; i++) {
		write_item(&item, key, false, notice->vanished.at[i]);
		(void)notify(c, session, &item);
	}
}

static struct kith_watches *watches_of(struct kith_core *c, const struct kith_held_about *about)
{
	return about->of_leaves ? &c->super->interests : &c->super->watches;
}

/* A home hears of each change from every replica, and again when it renews its watch; its leaves hear of it once. */
static bool told_already(struct kith_core *c, const struct kith_held_about *about, const struct item *item)
{
	const uint64_t seed[2] = { 0x6b697468, 0x746f6c64 + about->whom };
	return about->of_leaves && kith_watches_told(&c->super->interests, &about->key,
						     (uint32_t)kith_hash64(seed, item->full, item->full_len) | 1);
}

/* Half of the packets are for what else there is to say in the same call. */
static bool has_room(const struct kith_core *c)
{
	return kith_outbox_has_room(&c->shared->outbox, c->shared->outbox.slots_max / 2);
}

/* Tells those that are left, which are the last of the list: newcomers come first in it, and know. Ends when packets
 * run short, unless all must be told. */
static void tell(struct kith_core *c, struct kith_held_about *about, const struct item *item, bool must)
{
	struct kith_watches *ws = watches_of(c, about);
	uint32_t refs[BATCH], n, all = kith_watches_count(ws, &about->key), slots = c->shared->outbox.slots_max / 4;
	bool ok = true;
	if (about->left > all)
		about->left = all;
	while (about->left > 0 && (must || has_room(c))) {
		n = kith_watches_told_of(ws, c->suite, about, all - about->left, refs, slots < BATCH ? slots : BATCH);
		for (uint32_t i = 0; i < n; i++)
			ok = (refs[i] == 0 || notify(c, refs[i], item)) && ok;
		about->left -= n;
	}
	if (!ok)
		kith_watches_untold(ws, &about->key);
}

/* What has not reached all waits for the next call, which the host makes when it has taken the packets. */
static bool go_on(struct kith_core *c, const struct kith_held_about *about, struct kith_span bytes)
{
	if (!kith_held_put(&c->super->unfinished, about, bytes, c->now.mono_us))
		return false;
	kith_super_wake(c, c->now.mono_us + 1); /* not in this call: what is due at once comes in the same one */
	return true;
}

/* To as many as there are packets for, and to the others right after. */
static void send(struct kith_core *c, struct kith_held_about *about, const struct item *item, struct kith_span bytes)
{
	tell(c, about, item, false);
	if (about->left > 0 && !go_on(c, about, bytes))
		tell(c, about, item, true);
}

/* News go to all watchers now. */
static void send_all(struct kith_core *c, struct kith_held_about *about, struct kith_span bytes)
{
	struct item item;
	write_item(&item, &about->key, is_record(about), bytes);
	if (told_already(c, about, &item))
		return;
	about->left = UINT32_MAX;
	/* These take the place of older news that have not reached all, and so nobody hears of the older after them. */
	if (!kith_held_has(&c->super->unfinished, about) || !go_on(c, about, bytes))
		send(c, about, &item, bytes);
}

/* What was left when the packets ran short. */
static void finish(struct kith_core *c)
{
	struct kith_held_about about;
	struct item item;
	bool room = has_room(c);
	struct kith_blob *blob;
	while (has_room(c) && (blob = kith_held_take(&c->super->unfinished, c->now.mono_us, &about)) != NULL) {
		const struct kith_span bytes = kith_blob_span(blob);
		write_item(&item, &about.key, is_record(&about), bytes);
		send(c, &about, &item, bytes);
		kith_blob_unref(&c->shared->blobs, blob);
	}
	if (kith_held_due(&c->super->unfinished) != KITH_TIME_NEVER)
		kith_super_wake(c, c->now.mono_us + (room ? 1 : PAUSE_US));
}

void kith_notify_learn(struct kith_core *c, struct kith_spans records)
{
	struct kith_record record;
	for (size_t i = 0; i < records.n; i++) {
		if (kith_record_parse(&record, records.at[i]) == 0 &&
		    kith_watches_record(&c->super->interests, &record) != 0)
			kith_stats_add(c->stats, KITH_STAT_ALLOC_FAILED, 1);
	}
}

/* Whether news wait for now. */
static bool hold(struct kith_core *c, const struct kith_held_about *about, struct kith_span bytes)
{
	struct kith_supernode *sn = c->super;
	kith_time_us wait = kith_election_coalesce_us(&sn->overload, kith_election_strain(sn->load.utilisation));
	kith_time_us queue = kith_uplink_wait(c);
	wait = wait > queue ? wait : queue;
	if ((wait == 0 && !kith_held_has(&sn->held, about)) ||
	    !kith_held_put(&sn->held, about, bytes, c->now.mono_us + wait))
		return false;
	kith_super_wake(c, kith_held_due(&sn->held));
	return true;
}

static void guarded_by(struct kith_held_about *about, const uint8_t *guard)
{
	if (guard == NULL)
		return;
	about->whom = KITH_WHOM_FOLLOWERS;
	memcpy(about->guard, guard, sizeof about->guard);
}

/* Bytes that are none are not for us to judge: their caller has. */
static struct kith_held_about about_record(const struct kith_watches *ws, const struct kith_core *c,
					   const struct kith_id *key, struct kith_span bytes)
{
	struct kith_record record;
	struct kith_held_about about = { .of_leaves = ws == &c->super->interests, .key = *key };
	if (kith_record_parse(&record, bytes) == 0) {
		about.device = record.device;
		guarded_by(&about, record.guarded ? record.guard : NULL);
	}
	return about;
}

static struct kith_held_about about_report(const struct kith_watches *ws, const struct kith_core *c,
					   const struct kith_id *key, const uint8_t *guard, struct kith_span bytes)
{
	struct kith_vanish vanish;
	struct kith_held_about about = { .of_leaves = ws == &c->super->interests, .key = *key };
	if (kith_vanish_parse(&vanish, bytes) == 0) {
		about.device = vanish.device;
		about.home = vanish.home;
	}
	guarded_by(&about, guard);
	return about;
}

/* Must not take the place of a newer one that waits. */
static bool is_old(const struct kith_watches *ws, struct kith_span bytes)
{
	struct kith_record record;
	return kith_record_parse(&record, bytes) == 0 && kith_watches_outdated(ws, &record);
}

/* The record that a report beside it is of. False: it is not there. */
static bool record_of(const struct kith_msg_notice *notice, struct kith_span report, struct kith_record *out)
{
	struct kith_vanish vanish;
	if (kith_vanish_parse(&vanish, report) != 0)
		return false;
	for (size_t i = 0; i < notice->records.n; i++) {
		if (kith_record_parse(out, notice->records.at[i]) == 0 && kith_key_equal(&out->device, &vanish.device))
			return true;
	}
	return false;
}

/* False: of what is not guarded all have been told. */
static bool is_for(struct kith_held_about *about, enum kith_whom whom)
{
	if (about->whom == KITH_WHOM_FOLLOWERS)
		about->whom = (uint8_t)whom;
	else if (whom == KITH_WHOM_OTHERS)
		return false;
	return true;
}

void kith_notify_all(struct kith_core *c, struct kith_watches *ws, const struct kith_id *key,
		     const struct kith_msg_notice *notice, enum kith_whom whom)
{
	struct kith_record record;
	for (size_t i = 0; i < notice->records.n; i++) {
		struct kith_held_about about = about_record(ws, c, key, notice->records.at[i]);
		const bool old = whom != KITH_WHOM_OTHERS && is_old(ws, notice->records.at[i]); /* theirs may be */
		if (!old && is_for(&about, whom) && !hold(c, &about, notice->records.at[i]))
			send_all(c, &about, notice->records.at[i]);
	}
	for (size_t i = 0; i < notice->vanished.n; i++) {
		bool guarded = record_of(notice, notice->vanished.at[i], &record) && record.guarded;
		struct kith_held_about about =
			about_report(ws, c, key, guarded ? record.guard : NULL, notice->vanished.at[i]);
		if (is_for(&about, whom))
			send_all(c, &about, notice->vanished.at[i]);
	}
}

void kith_notify_record(struct kith_core *c, struct kith_watches *ws, const struct kith_id *key, struct kith_span bytes)
{
	struct kith_held_about about = about_record(ws, c, key, bytes);
	if (about.of_leaves)
		kith_notify_learn(c, (struct kith_spans){ &bytes, 1 });
	if (!hold(c, &about, bytes))
		send_all(c, &about, bytes);
}

void kith_notify_vanished(struct kith_core *c, struct kith_watches *ws, const struct kith_id *key, const uint8_t *guard,
			  struct kith_span bytes)
{
	struct kith_held_about about = about_report(ws, c, key, guard, bytes);
	if (!hold(c, &about, bytes))
		send_all(c, &about, bytes);
}

kith_time_us kith_notify_tick(struct kith_core *c)
{
	struct kith_supernode *sn = c->super;
	struct kith_held_about about;
	struct kith_blob *blob;
	finish(c);
	for (int i = 0; i < BATCH && kith_uplink_wait(c) == 0 &&
			(blob = kith_held_take(&sn->held, c->now.mono_us, &about)) != NULL;
	     i++) {
		send_all(c, &about, kith_blob_span(blob));
		kith_blob_unref(&c->shared->blobs, blob);
	}
	kith_time_us due = kith_held_due(&sn->held), at = c->now.mono_us + kith_uplink_wait(c);
	if (due == KITH_TIME_NEVER)
		return due;
	at = due > at ? due : at;
	return at > c->now.mono_us + PAUSE_US ? at : c->now.mono_us + PAUSE_US;
}

static bool watched(const struct kith_core *c, const struct kith_id *key)
{
	uint32_t ref;
	return kith_watches_of(&c->super->interests, key, 0, &ref, 1) > 0;
}

void kith_notify_refused(struct kith_core *c, struct kith_session *s, int err)
{
	if (err == KITH_EEXIST)
		return;
	kith_stats_add(c->stats, KITH_STAT_VANISH_REFUSED, 1);
	/* Nobody who verifies before passing on comes by such a one. */
	if (err == KITH_ESIGNATURE &&
	    !kith_allowance_spend(&c->allowance, c->now.mono_us, kith_device_key(s->device), KITH_CHARGE_FORGERY))
		kith_session_end(c, s, KITH_CLOSE_PROTOCOL, false);
}

static void pass_on_record(struct kith_core *c, const struct kith_id *key, struct kith_span bytes)
{
	struct kith_watches *ws = &c->super->interests;
	struct kith_record record;
	struct kith_person person;
	if (watched(c, key) && kith_record_parse(&record, bytes) == 0 &&
	    memcmp(record.key.b, key->b, KITH_ID_LEN) == 0 && !kith_watches_outdated(ws, &record) &&
	    kith_record_verify(&record, &c->trust, &c->now, &person) == 0)
		kith_notify_record(c, ws, key, bytes);
}

static void pass_on_vanished(struct kith_core *c, struct kith_session *s, const struct kith_id *key,
			     struct kith_span bytes)
{
	struct kith_watches *ws = &c->super->interests;
	struct kith_vanish vanish;
	if (!watched(c, key) || kith_vanish_parse(&vanish, bytes) != 0 ||
	    memcmp(vanish.key.b, key->b, KITH_ID_LEN) != 0)
		return;
	uint8_t guard[KITH_FOLLOW_LEN];
	int home = kith_watches_vanish(ws, c->suite, &c->now, &vanish);
	if (home >= 0)
		kith_notify_vanished(c, ws, key, kith_watches_guard(ws, &vanish, guard) ? guard : NULL, bytes);
	else
		kith_notify_refused(c, s, home);
}

/* The home verifies, although its leaves do so too: else any supernode could make it write to all that watch a name. */
void kith_notify_pass_on(struct kith_core *c, struct kith_session *s, const struct kith_msg_notice *m)
{
	for (size_t i = 0; i < m->records.n; i++)
		pass_on_record(c, &m->key, m->records.at[i]);
	for (size_t i = 0; i < m->vanished.n && s->state == KITH_SESSION_OPEN; i++)
		pass_on_vanished(c, s, &m->key, m->vanished.at[i]);
}
