#include "super/replica.h"

#include "base/assert.h"
#include "link/refuse.h"
#include "super/findings.h"
#include "super/members.h"
#include "super/notify.h"

static const struct kith_span nothing = { NULL, 0 };

static uint8_t on_record(struct kith_core *c, struct kith_span bytes)
{
	struct kith_record record;
	struct kith_person person;
	if (kith_record_parse(&record, bytes) != 0)
		return KITH_STATUS_MALFORMED;
	/* Readers ask the replicas next to a record's key; elsewhere the record would only take room. */
	if (!kith_replicas_near(&c->super->members, &record.key, &c->super->id)) {
		kith_stats_add(c->stats, KITH_STAT_STORE_REFUSED, 1);
		return KITH_STATUS_NOT_ALLOWED;
	}
	if (!kith_store_wants(&c->super->store, &record))
		return KITH_STATUS_OK;
	if (kith_record_verify(&record, &c->trust, &c->now, &person) != 0)
		return KITH_STATUS_INVALID;
	kith_replica_take(c, &record);
	return KITH_STATUS_OK;
}

uint8_t kith_replica_vanished(struct kith_core *c, struct kith_session *s, struct kith_span bytes)
{
	struct kith_vanish vanish;
	struct kith_stored *of;
	struct kith_record record;
	if (kith_vanish_parse(&vanish, bytes) != 0)
		return KITH_STATUS_MALFORMED;
	int err = kith_store_vanish(&c->super->store, &c->now, c->suite, &vanish, &of);
	/* Only now is it certain that this home wrote it. */
	if (err == 1 && !kith_allowance_spend(&c->allowance, c->now.mono_us, kith_identity_key(&vanish.home),
					      KITH_CHARGE_VANISH_REPORT)) {
		kith_stats_add(c->stats, KITH_STAT_REQUESTS_LIMITED, 1);
		return KITH_STATUS_LIMITED;
	}
	if (err < 0 && s != NULL)
		kith_notify_refused(c, s, err);
	if (err == 1 && kith_record_parse(&record, kith_blob_span(of->record)) == 0) {
		const uint8_t *guard = record.guarded ? record.guard : NULL;
		kith_notify_vanished(c, &c->super->watches, &vanish.key, guard, bytes);
		kith_notify_vanished(c, &c->super->interests, &vanish.key, guard, bytes);
	}
	return err >= 0 ? KITH_STATUS_OK : KITH_STATUS_INVALID;
}

void kith_replica_take(struct kith_core *c, const struct kith_record *record)
{
	int put = kith_store_put(&c->super->store, &c->now, record);
	KITH_LOG(c->log, KITH_LOG_DEBUG, "record_stored key=%02x%02x%02x seq=%llu put=%d", record->key.b[0],
		 record->key.b[1], record->key.b[2], (unsigned long long)record->seq, put);
	if (put == KITH_PUT_NEW || put == KITH_PUT_UPDATED) {
		kith_notify_record(c, &c->super->watches, &record->key, record->bytes);
		/* A home that is a replica itself counts as one of those it watches at. */
		kith_notify_record(c, &c->super->interests, &record->key, record->bytes);
	}
	kith_super_wake(c, c->super->expire_at);
}

void kith_replica_on_notice(struct kith_core *c, struct kith_session *s, const struct kith_request *request)
{
	struct kith_msg_room room;
	struct kith_msg_notice m;
	uint8_t status = KITH_STATUS_MALFORMED;
	kith_session_use(c, s, KITH_USE_MEMBER);
	if (kith_msg_notice_read(&m, &room, request->body) == 0) {
		for (size_t i = 0; i < m.records.n; i++)
			status = on_record(c, m.records.at[i]);
		for (size_t i = 0; i < m.vanished.n; i++)
			status = kith_replica_vanished(c, s, m.vanished.at[i]);
	}
	kith_session_answer(c, s, request->id, status, nothing);
}

/* A replica's answer: what is stored, as far as the asker may know it, and members nearer to the key. */
static void answer_find(struct kith_core *c, struct kith_session *s, const struct kith_request *request,
			const struct kith_msg_find *asked)
{
	uint8_t ids[KITH_REPLICAS * KITH_MEMBER_ID_PREFIX];
	struct kith_findings found = { .n = 0 };
	const struct kith_member *nearer[KITH_REPLICAS] = { NULL };
	struct kith_writer w = kith_writer_of(ids, sizeof ids);
	struct kith_span members[KITH_REPLICAS];
	struct kith_msg_room room;
	struct kith_msg_found m;
	uint8_t doubts[KITH_STORE_DEVICES];
	kith_findings_stored(c, &found, &asked->key, asked->tokens);
	kith_findings_message(&found, &room, &m);
	m.doubted = kith_findings_doubts(c, &found, doubts);
	for (size_t i = 0; i < asked->nearer.n && i < KITH_REPLICAS; i++)
		kith_write_span(&w, asked->nearer.at[i]);
	m.members.at = members;
	/* A request that lists no members does not ask for any. */
	if (kith_writer_len(&w) > 0)
		m.members.n = kith_replicas_unlisted(&c->super->members, &asked->key,
						     (struct kith_span){ ids, kith_writer_len(&w) }, nearer);
	if (asked->members > 0 && m.members.n > asked->members)
		m.members.n = asked->members;
	for (size_t i = 0; i < m.members.n; i++) {
		KITH_ASSERT(nearer[i] != NULL);
		members[i] = kith_member_entry_bytes(nearer[i]);
	}
	kith_findings_answer(c, s, request->id, &found, &m);
	kith_findings_clear(c, &found);
}

/* A leaf that asks by itself has the rate of look-ups, and is refused as others' look-ups are. */
static bool asks_seldom(struct kith_core *c, const struct kith_session *s)
{
	return ((s->use & KITH_USE_LEAF) || !kith_refuse_level(c, KITH_OVERLOAD_LOOKUPS)) &&
	       kith_session_spend(c, s, KITH_CHARGE_LOOKUP);
}

static bool take_watch(struct kith_core *c, struct kith_session *s, const struct kith_msg_find *m)
{
	struct kith_watches *ws = &c->super->watches;
	struct kith_key identity;
	if (kith_session_identity(c, s, &identity) &&
	    kith_watches_add(ws, c->now.mono_us, &m->key, s->index, kith_identity_key(&identity)) >= 0 &&
	    kith_watches_show(ws, &m->key, s->index, m->tokens) >= 0)
		return true;
	kith_stats_add(c->stats, KITH_STAT_REQUESTS_LIMITED, 1);
	return false;
}

void kith_replica_on_find(struct kith_core *c, struct kith_session *s, const struct kith_request *request)
{
	struct kith_msg_room room;
	struct kith_msg_find m;
	bool watch = request->kind == KITH_REQ_WATCH;
	bool member = s->role == KITH_ROLE_SUPERNODE;
	if (kith_msg_find_read(&m, &room, request->body) != 0) {
		kith_session_answer(c, s, request->id, KITH_STATUS_MALFORMED, nothing);
		return;
	}
	if (!member && !asks_seldom(c, s)) {
		kith_stats_add(c->stats, KITH_STAT_REQUESTS_LIMITED, 1);
		kith_session_answer(c, s, request->id, KITH_STATUS_LIMITED, nothing);
		return;
	}
	/* Whoever is no replica was asked for them: there would be no news here. */
	if (watch && kith_replicas_near(&c->super->members, &m.key, &c->super->id) && !take_watch(c, s, &m)) {
		kith_session_answer(c, s, request->id, KITH_STATUS_FULL, nothing);
		return;
	}
	if (member)
		kith_session_use(c, s, watch ? KITH_USE_MEMBER | KITH_USE_WATCH : KITH_USE_MEMBER);
	answer_find(c, s, request, &m);
}
