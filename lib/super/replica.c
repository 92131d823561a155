#include "super/replica.h"

#include "base/assert.h"
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
	/* Whoever reads it asks those next to its key: elsewhere it would only take room. */
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

uint8_t kith_replica_vanished(struct kith_core *c, struct kith_span bytes)
{
	struct kith_vanish vanish;
	if (kith_vanish_parse(&vanish, bytes) != 0)
		return KITH_STATUS_MALFORMED;
	int err = kith_store_vanish(&c->super->store, &c->now, c->suite, &vanish, NULL);
	if (err == 1)
		kith_notify_all(c, &c->super->watches, &vanish.key, NULL, 0, &bytes, 1);
	return err >= 0 ? KITH_STATUS_OK : KITH_STATUS_INVALID;
}

void kith_replica_take(struct kith_core *c, const struct kith_record *record)
{
	struct kith_span bytes = record->bytes;
	int put = kith_store_put(&c->super->store, &c->now, record);
	KITH_LOG(c->log, KITH_LOG_DEBUG, "record_stored key=%02x%02x%02x seq=%llu put=%d", record->key.b[0],
		 record->key.b[1], record->key.b[2], (unsigned long long)record->seq, put);
	if (put == KITH_PUT_NEW || put == KITH_PUT_UPDATED)
		kith_notify_all(c, &c->super->watches, &record->key, &bytes, 1, NULL, 0);
	kith_super_wake(c, c->super->expire_at);
}

void kith_replica_on_news(struct kith_core *c, struct kith_session *s, const struct kith_request *request)
{
	struct kith_unpacked pk;
	uint8_t status = KITH_STATUS_MALFORMED;
	kith_session_use(c, s, KITH_USE_MEMBER);
	if (kith_unpack_parse(&pk, request->body) == 0) {
		struct kith_unpack_list list = kith_unpack_list(&pk, kith_unpack_root(&pk), KITH_B_NEWS_RECORDS);
		struct kith_span bytes;
		while (kith_unpack_list_next(&list, &bytes))
			status = on_record(c, bytes);
		list = kith_unpack_list(&pk, kith_unpack_root(&pk), KITH_B_NEWS_VANISHED);
		while (kith_unpack_list_next(&list, &bytes))
			status = kith_replica_vanished(c, bytes);
	}
	kith_session_answer(c, s, request->id, status, nothing);
}

/* A replica's answer: what is stored, and members nearer to the key. */
static void answer_find(struct kith_core *c, struct kith_session *s, const struct kith_request *request,
			const struct kith_id *key, struct kith_unpack_list listed)
{
	uint8_t body[KITH_ANSWER_MAX], ids[KITH_REPLICAS * KITH_MEMBER_ID_PREFIX];
	struct kith_findings found = { .n = 0 };
	const struct kith_member *nearer[KITH_REPLICAS] = { NULL };
	struct kith_writer w = kith_writer_of(ids, sizeof ids);
	struct kith_span bytes;
	struct kith_findings_spans spans;
	kith_findings_stored(c, &found, key);
	kith_findings_spans(&found, &spans);
	while (kith_unpack_list_next(&listed, &bytes)) {
		if (bytes.len == KITH_MEMBER_ID_PREFIX && kith_writer_space(&w) >= bytes.len)
			kith_write_span(&w, bytes);
	}
	/* A question that lists no members does not ask for any. */
	if (kith_writer_len(&w) > 0)
		spans.members_n = kith_replicas_unlisted(&c->super->members, key,
							 (struct kith_span){ ids, kith_writer_len(&w) }, nearer);
	for (size_t i = 0; i < spans.members_n; i++) {
		KITH_ASSERT(nearer[i] != NULL);
		spans.members[i] = kith_member_entry_bytes(nearer[i]);
	}
	size_t len = found.n + spans.members_n > 0 ? kith_findings_pack(&spans, body) : 0;
	kith_session_answer(c, s, request->id, found.n > 0 && len > 0 ? KITH_STATUS_OK : KITH_STATUS_NOT_FOUND,
			    (struct kith_span){ body, len });
	kith_findings_clear(c, &found);
}

void kith_replica_on_find(struct kith_core *c, struct kith_session *s, const struct kith_request *request)
{
	struct kith_unpacked pk;
	struct kith_id key;
	bool watch = request->kind == KITH_REQ_WATCH;
	if (kith_unpack_parse(&pk, request->body) != 0 ||
	    !kith_unpack_get_fixed(&pk, kith_unpack_root(&pk), KITH_B_FIND_KEY, key.b, KITH_ID_LEN)) {
		kith_session_answer(c, s, request->id, KITH_STATUS_MALFORMED, nothing);
		return;
	}
	if (watch && kith_watches_add(&c->super->watches, c->now.mono_us, &key, s->index) < 0) {
		kith_session_answer(c, s, request->id, KITH_STATUS_FULL, nothing);
		return;
	}
	kith_session_use(c, s, watch ? KITH_USE_MEMBER | KITH_USE_WATCH : KITH_USE_MEMBER);
	answer_find(c, s, request, &key, kith_unpack_list(&pk, kith_unpack_root(&pk), KITH_B_FIND_NEARER));
}
