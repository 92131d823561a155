#include "super/attach.h"

#include "base/alloc.h"
#include "link/refuse.h"
#include "super/help.h"
#include "super/members.h"
#include "super/notify.h"
#include "super/publish.h"
#include "super/replica.h"
#include "super/uplink.h"

static const struct kith_span nothing = { NULL, 0 };

static void answer_attach(struct kith_core *c, struct kith_session *s, uint16_t id, kith_time_us wait)
{
	uint8_t body[64];
	const struct kith_hop *hop = kith_session_hop(s);
	struct kith_msg_attached m = {
		.observed = { hop->remote, kith_transports_kind(&c->transports, hop->transport), 0 },
		.unix_ms = c->now.unix_ms,
		.wait_ms = (uint32_t)(wait / KITH_US_PER_MS),
	};
	size_t len = kith_msg_attached_write(body, sizeof body, &m);
	kith_session_answer(c, s, id, KITH_STATUS_OK, (struct kith_span){ body, len });
}

static void unindex(struct kith_core *c, struct kith_attached *leaf)
{
	if (leaf->indexed)
		(void)kith_table_remove(&c->super->attached, &leaf->key);
	leaf->indexed = false;
}

static bool newer_known(const struct kith_attached *leaf, uint64_t seq)
{
	struct kith_record held;
	return leaf->record != NULL && kith_record_parse(&held, kith_blob_span(leaf->record)) == 0 && seq < held.seq;
}

/* The leaf's new record is kept with its session, told to our leaves that watch its key, and published if the leaf
 * asks. */
static uint8_t take_leaf_record(struct kith_core *c, struct kith_session *s, struct kith_span bytes, bool publish)
{
	struct kith_record record;
	struct kith_person person;
	if (kith_record_parse(&record, bytes) != 0)
		return KITH_STATUS_MALFORMED;
	if (memcmp(record.device.b, s->device, KITH_DEVICE_ID_LEN) != 0)
		return KITH_STATUS_NOT_ALLOWED;
	if (kith_record_verify(&record, &c->trust, &c->now, &person) != 0)
		return KITH_STATUS_INVALID;
	if (newer_known(s->attached, record.seq))
		return KITH_STATUS_STALE;
	struct kith_blob *blob = kith_blob_intern(&c->shared->blobs, bytes.p, bytes.len);
	if (blob == NULL)
		return KITH_STATUS_FULL;
	unindex(c, s->attached);
	kith_blob_unref(&c->shared->blobs, s->attached->record);
	s->attached->record = blob;
	s->attached->key = record.key;
	s->attached->indexed = kith_table_put(&c->super->attached, s->attached) == 0;
	s->attached->publish = publish;
	if (record.flags & KITH_RECORD_OFFLINE)
		s->attached->leaving = true;
	if (!publish)
		return KITH_STATUS_OK; /* its other home does; we stand in when many are gone, see republish_leaf */
	kith_notify_record(c, &c->super->interests, &record.key, bytes);
	memset(s->attached->copies, 0, sizeof s->attached->copies);
	if (kith_publish_bring(c, s->index, &record.key, KITH_REQ_STORE, bytes, s->attached->copies))
		kith_replica_take(c, &record);
	return KITH_STATUS_OK;
}

/* Of the last places an identity is given one at most, so that those who take all they may lock no newcomer out. A
 * device that comes back takes its own place. */
static bool may_have_another(struct kith_core *c, const struct kith_session *s, uint64_t owner)
{
	const struct kith_session *before = kith_sessions_of(&c->sessions, s->device);
	const bool back = before != NULL && before != s && before->attached != NULL;
	return back || !kith_refuse_another(c) || kith_allowance_held(&c->allowance, owner, KITH_HOLDING_LEAF) == 0;
}

static bool make_attached(struct kith_core *c, struct kith_session *s)
{
	struct kith_key identity;
	if (s->use & KITH_USE_LEAF)
		return true;
	if (c->super->leaves >= c->super->leaves_max || !kith_session_identity(c, s, &identity))
		return false;
	const uint64_t owner = kith_identity_key(&identity);
	if (!may_have_another(c, s, owner) || !kith_allowance_take(&c->allowance, owner, KITH_HOLDING_LEAF)) {
		kith_stats_add(c->stats, KITH_STAT_REQUESTS_LIMITED, 1);
		return false;
	}
	s->attached = KITH_NEW(c->alloc, struct kith_attached);
	if (s->attached == NULL) {
		kith_allowance_give(&c->allowance, owner, KITH_HOLDING_LEAF);
		return false;
	}
	kith_session_uncount(c, s); /* it has this place instead */
	s->attached->identity = identity;
	c->super->leaves++;
	kith_session_use(c, s, KITH_USE_LEAF);
	return true;
}

void kith_attach_on_request(struct kith_core *c, struct kith_session *s, const struct kith_request *request)
{
	struct kith_msg_attach m;
	if (kith_msg_attach_read(&m, request->body) != 0) {
		kith_session_answer(c, s, request->id, KITH_STATUS_MALFORMED, nothing);
		return;
	}
	const bool comes = !(s->use & KITH_USE_LEAF);
	bool refused = !(s->use & KITH_USE_LEAF) && kith_refuse_attach(c); /* its HELLO did not say what it is for */
	if (c->leaving || refused || !make_attached(c, s)) {
		kith_session_answer(c, s, request->id, c->leaving ? KITH_STATUS_LEAVING : KITH_STATUS_FULL, nothing);
		s->turned_away = true;
		return;
	}
	s->turned_away = false;
	uint8_t status = KITH_STATUS_OK;
	if (m.record.p != NULL)
		status = take_leaf_record(c, s, m.record, m.publish);
	if (status == KITH_STATUS_OK)
		answer_attach(c, s, request->id, comes ? kith_uplink_attached(c) : 0);
	else
		kith_session_answer(c, s, request->id, status, nothing);
}

static void forget_leaf(struct kith_core *c, struct kith_session *s)
{
	if (!(s->use & KITH_USE_LEAF))
		return;
	s->use &= (uint8_t)~KITH_USE_LEAF;
	c->super->leaves--;
	kith_allowance_give(&c->allowance, kith_identity_key(&s->attached->identity), KITH_HOLDING_LEAF);
	(void)kith_watches_drop(&c->super->interests, s->index);
	unindex(c, s->attached);
	kith_blob_unref(&c->shared->blobs, s->attached->record);
	kith_blob_unref(&c->shared->blobs, s->attached->who);
	KITH_FREE(c->alloc, s->attached->candidate);
	KITH_FREE(c->alloc, s->attached);
	s->attached = NULL;
}

/* Signs what we saw, and tells the replicas and our own leaves. */
static void report_vanished(struct kith_core *c, const struct kith_attached *leaf)
{
	struct kith_record record;
	struct kith_vanish vanish;
	uint8_t bytes[KITH_VANISH_LEN_MAX];
	if (leaf->record == NULL || kith_record_parse(&record, kith_blob_span(leaf->record)) != 0)
		return;
	memset(&vanish, 0, sizeof vanish);
	vanish.key = record.key;
	vanish.device = record.device;
	vanish.seq = record.seq;
	vanish.at_ms = kith_record_time(c->now.unix_ms, record.guarded);
	memcpy(vanish.home.b, c->self.sign_pk, KITH_KEY_LEN);
	int n = kith_vanish_make(c->suite, bytes, &vanish, c->self.sign_sk);
	if (n < 0)
		return;
	struct kith_span span = { bytes, (size_t)n };
	kith_notify_vanished(c, &c->super->interests, &record.key, record.guarded ? record.guard : NULL, span);
	(void)kith_replica_vanished(c, NULL, span);
	(void)kith_publish_bring(c, 0, &record.key, KITH_REQ_VANISH, span, NULL);
}

void kith_attach_lost(struct kith_core *c, struct kith_session *s, enum kith_close_reason reason)
{
	if (!(s->use & KITH_USE_LEAF))
		return;
	if (reason == KITH_CLOSE_TIMED_OUT && !s->attached->leaving && !c->leaving)
		report_vanished(c, s->attached);
	forget_leaf(c, s);
}

kith_time_us kith_attach_deadline(const struct kith_session *s)
{
	kith_time_us heard = kith_session_heard_at(s);
	switch (s->attached->probes) {
	case 0:
		return heard + KITH_LEAF_SILENT_US;
	case 1:
		return heard + KITH_LEAF_SILENT_US + 3 * KITH_US_PER_S;
	case 2:
		return heard + KITH_LEAF_SILENT_US + 6 * KITH_US_PER_S;
	default:
		return heard + KITH_LEAF_VANISH_US;
	}
}

void kith_attach_tick(struct kith_core *c, struct kith_session *s)
{
	kith_time_us silent = c->now.mono_us - kith_session_heard_at(s);
	if (silent < KITH_LEAF_SILENT_US) {
		s->attached->probes = 0;
		return;
	}
	if (c->now.mono_us < kith_attach_deadline(s))
		return;
	if (silent >= KITH_LEAF_VANISH_US) {
		kith_session_end(c, s, KITH_CLOSE_TIMED_OUT, false);
		return;
	}
	s->attached->probes++;
	kith_pathset_check(&s->paths, kith_env(c, s));
}
