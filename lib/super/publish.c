#include "super/publish.h"

#include "link/connect.h"
#include "super/members.h"
#include "super/query.h"
#include "super/replica.h"
#include "super/suspect.h"
#include "super/uplink.h"

#define REST_US (200 * KITH_US_PER_MS) /* until the next part of many records */

/* The keepers of a key: its replicas, and the next six, where readers look next, when fewer than half of the replicas
 * answer. Returns how many. */
static uint32_t keepers(const struct kith_core *c, const struct kith_id *key,
			const struct kith_member *out[KITH_KEEPERS_MAX])
{
	const struct kith_members *ms = &c->super->members;
	uint32_t n = kith_replicas_find(ms, key, 0, out), good = 0;
	for (uint32_t i = 0; i < n; i++)
		good += out[i]->failures == 0;
	return 2 * good < n ? n + kith_replicas_find(ms, key, 1, out + n) : n;
}

static bool has_copy(const uint32_t copies[KITH_KEEPERS_MAX], const struct kith_member *m)
{
	for (uint32_t i = 0; i < KITH_KEEPERS_MAX; i++) {
		if (copies[i] == kith_member_copy(m))
			return true;
	}
	return false;
}

static bool is_self(const struct kith_core *c, const struct kith_member *m)
{
	return memcmp(m->id.b, c->super->id.b, KITH_ID_LEN) == 0;
}

/* One that does not answer is not waited for: it is brought the record when it answers again. */
static bool send_to(struct kith_core *c, const struct kith_member *m, uint8_t kind, struct kith_span body,
		    uint32_t leaf)
{
	struct kith_host host;
	uint32_t session;
	if (kith_member_suspect(m, c->now.mono_us))
		return false;
	kith_members_use(&c->super->members, &m->id, c->now.mono_us);
	kith_member_host(m, &host);
	kith_super_introduce(c, &host);
	return kith_connect_request(c, &host, KITH_USE_MEMBER, kind, body, kith_token(KITH_TOKEN_STORE, leaf),
				    &session) == 0;
}

/* As kith_publish_bring, to those that are known now. */
static bool bring(struct kith_core *c, uint32_t leaf, const struct kith_id *key, uint8_t kind, struct kith_span bytes,
		  uint32_t copies[KITH_KEEPERS_MAX])
{
	const struct kith_spans item = { &bytes, 1 };
	struct kith_msg_notice m = { .has_key = false };
	const struct kith_member *list[KITH_KEEPERS_MAX];
	uint32_t now[KITH_KEEPERS_MAX] = { 0 };
	uint8_t body[KITH_REQUEST_MAX];
	*(kind == KITH_REQ_VANISH ? &m.vanished : &m.records) = item;
	size_t len = kith_msg_notice_write(body, sizeof body, &m);
	uint32_t n = len == 0 ? 0 : keepers(c, key, list);
	bool own = false;
	for (uint32_t i = 0; i < n; i++) {
		bool had = copies != NULL && has_copy(copies, list[i]);
		own = own || (is_self(c, list[i]) && !had);
		if (had || is_self(c, list[i]) || send_to(c, list[i], kind, (struct kith_span){ body, len }, leaf))
			now[i] = kith_member_copy(list[i]);
	}
	if (copies != NULL)
		memcpy(copies, now, sizeof now);
	return own;
}

static bool all_have_copies(const struct kith_core *c, const struct kith_id *key,
			    const uint32_t copies[KITH_KEEPERS_MAX])
{
	const struct kith_member *list[KITH_KEEPERS_MAX];
	uint32_t n = keepers(c, key, list);
	for (uint32_t i = 0; i < n; i++) {
		if (copies == NULL || !has_copy(copies, list[i]))
			return false;
	}
	return true;
}

bool kith_publish_bring(struct kith_core *c, uint32_t leaf, const struct kith_id *key, uint8_t kind,
			struct kith_span bytes, uint32_t copies[KITH_KEEPERS_MAX])
{
	if (!kith_sectors_near(&c->super->members.sectors, key->b) && !all_have_copies(c, key, copies) &&
	    kith_query_locate(c, key, leaf, kind, bytes, 0) == 0)
		return false;
	return bring(c, leaf, key, kind, bytes, copies);
}

static uint32_t *copies_of(struct kith_core *c, uint32_t leaf)
{
	const struct kith_session *s = leaf != 0 ? kith_sessions_get(&c->sessions, leaf) : NULL;
	if (leaf == 0)
		return c->super->self_copies;
	return s != NULL && (s->use & KITH_USE_LEAF) ? s->attached->copies : NULL;
}

/* A record did not arrive at the replica at the other end: it is brought again, by the next look at all of them. */
static void bring_again(struct kith_core *c, uint32_t leaf, const struct kith_session *s)
{
	uint32_t *copies = copies_of(c, leaf);
	const struct kith_member *m = copies != NULL ? kith_super_member_of(c, s) : NULL;
	for (uint32_t i = 0; m != NULL && i < KITH_KEEPERS_MAX; i++) {
		if (copies[i] == kith_member_copy(m))
			copies[i] = 0;
	}
	if (m != NULL)
		kith_super_republish_soon(c);
}

static void bring_self(struct kith_core *c)
{
	struct kith_record record;
	struct kith_span bytes = { c->super->self_record, c->super->self_len };
	if (kith_record_parse(&record, bytes) == 0 &&
	    kith_publish_bring(c, 0, &record.key, KITH_REQ_STORE, bytes, c->super->self_copies))
		kith_replica_take(c, &record);
}

/* Whether a record is the newest of its leaf, or of ours, still: the copies are of that. */
static bool is_newest(struct kith_core *c, const struct kith_errand *e)
{
	const struct kith_session *s = kith_sessions_get(&c->sessions, e->leaf);
	if (e->leaf == 0)
		return e->bytes->len == c->super->self_len &&
		       memcmp(e->bytes->bytes, c->super->self_record, e->bytes->len) == 0;
	return copies_of(c, e->leaf) != NULL && s->attached->record == e->bytes;
}

void kith_publish_located(struct kith_core *c)
{
	struct kith_errand e;
	while (kith_query_located(c, false, &e)) {
		bool store = e.kind == KITH_REQ_STORE;
		if (!store || is_newest(c, &e))
			(void)bring(c, e.leaf, &e.key, e.kind, kith_blob_span(e.bytes),
				    store ? copies_of(c, e.leaf) : NULL);
		kith_blob_unref(&c->shared->blobs, e.bytes);
	}
}

/* Our own record names ourselves as the home. */
void kith_publish_self(struct kith_core *c)
{
	struct kith_record record;
	struct kith_key sign;
	uint8_t bytes[KITH_RECORD_LEN_MAX];
	memset(&record, 0, sizeof record);
	kith_ids_directory(c->suite, &record.key, &c->self.network, c->me.name);
	record.seq = kith_member_next_seq(c->leaf.record_seq, &c->now);
	record.expires_ms = (int64_t)record.seq + KITH_RECORD_LIFE_MS;
	record.chain = c->self.chain;
	record.devices = c->devices;
	record.homes_n = 1;
	memcpy(record.homes[0].host.dh.b, c->self.dh_pk, KITH_KEY_LEN);
	memcpy(sign.b, c->self.sign_pk, KITH_KEY_LEN);
	kith_home_tag(c->suite, record.homes[0].tag, &sign);
	for (size_t i = 0; i < c->endpoints_n; i++)
		kith_host_add(&record.homes[0].host, &c->endpoints[i]);
	int n = kith_record_make(c->suite, bytes, &record, c->self.sign_sk);
	c->super->self_due = c->now.mono_us + KITH_RECORD_REFRESH_US;
	if (n < 0) {
		KITH_LOG(c->log, KITH_LOG_WARN, "own_record_not_made err=%s", kith_err_name(n));
		return;
	}
	c->leaf.record_seq = record.seq;
	kith_save_soon(c);
	c->super->self_len = (uint16_t)n;
	memcpy(c->super->self_record, bytes, (size_t)n);
	memset(c->super->self_copies, 0, sizeof c->super->self_copies);
	bring_self(c);
}

/* The home that publishes brings the record to new replicas. When most replicas are gone, that home may be gone too, so
 * each home does it. */
static void republish_leaf(void *ctx, struct kith_session *s)
{
	struct kith_core *c = ctx;
	const struct kith_member *list[KITH_KEEPERS_MAX];
	struct kith_record record;
	if (!(s->use & KITH_USE_LEAF) || s->state != KITH_SESSION_OPEN || s->attached->record == NULL)
		return;
	if (!s->attached->publish && keepers(c, &s->attached->key, list) <= KITH_REPLICAS)
		return;
	if (kith_uplink_wait(c) > 0) { /* those that have their copies by then are passed over */
		c->super->republish_at = c->now.mono_us + REST_US;
		return;
	}
	uint32_t had[KITH_KEEPERS_MAX];
	memcpy(had, s->attached->copies, sizeof had);
	struct kith_span bytes = kith_blob_span(s->attached->record);
	if (kith_publish_bring(c, s->index, &s->attached->key, KITH_REQ_STORE, bytes, s->attached->copies) &&
	    kith_record_parse(&record, bytes) == 0)
		kith_replica_take(c, &record);
	for (uint32_t i = 0; i < KITH_KEEPERS_MAX; i++)
		kith_uplink_owes(c, s->attached->copies[i] != had[i] ? bytes.len : 0);
}

void kith_publish_again(struct kith_core *c)
{
	c->super->republish_at = KITH_TIME_NEVER;
	if (kith_sessions_each(&c->sessions, republish_leaf, c) != 0)
		kith_stats_add(c->stats, KITH_STAT_ALLOC_FAILED, 1);
	if (c->super->self_len > 0)
		bring_self(c);
	else
		kith_publish_self(c);
}

void kith_publish_on_answer(struct kith_core *c, struct kith_session *s, const struct kith_answer *answer)
{
	kith_super_heard_of(c, s, answer->err);
	if (kith_serves(c) && (answer->err == KITH_ECLOSED || answer->err == KITH_ETIMEDOUT))
		bring_again(c, (uint32_t)kith_token_value(answer->token), s);
}
