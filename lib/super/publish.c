#include "super/publish.h"

#include "base/bytes.h"
#include "link/connect.h"
#include "super/members.h"
#include "super/replica.h"

/* The keepers of a key: its replicas, and the next six, where readers look next, when fewer than half of the replicas
 * answer. Returns how many. */
static uint32_t keepers(const struct kith_core *c, const struct kith_id *key,
			const struct kith_member *out[KITH_REPLICA_GROUPS * KITH_REPLICAS])
{
	const struct kith_members *ms = &c->super->members;
	uint32_t n = kith_replicas_find(ms, key, 0, out), good = 0;
	for (uint32_t i = 0; i < n; i++)
		good += out[i]->failures == 0;
	return 2 * good < n ? n + kith_replicas_find(ms, key, 1, out + n) : n;
}

/* The keepers as one number to compare. A keeper that was started again counts as another: it has lost what it kept. */
static uint64_t keepers_hash(const struct kith_member *const list[], uint32_t n)
{
	uint64_t h = n;
	for (uint32_t i = 0; i < n; i++) {
		uint64_t id = kith_bytes_number(list[i]->id.b, sizeof id);
		h = (h ^ id ^ list[i]->seq) * 0x9e3779b97f4a7c15u;
	}
	return h;
}

/* Brings a record or a report to the keepers of its key. */
uint64_t kith_publish_bring(struct kith_core *c, uint32_t leaf, const struct kith_id *key, uint8_t kind,
			    struct kith_span bytes, bool *own)
{
	const struct kith_spans item = { &bytes, 1 };
	struct kith_msg_notice m = { .has_key = false };
	const struct kith_member *list[KITH_REPLICA_GROUPS * KITH_REPLICAS];
	uint8_t body[KITH_REQUEST_MAX];
	*(kind == KITH_REQ_VANISH ? &m.vanished : &m.records) = item;
	size_t len = kith_msg_notice_write(body, sizeof body, &m);
	uint32_t n = len == 0 ? 0 : keepers(c, key, list);
	*own = false;
	for (uint32_t i = 0; i < n; i++) {
		struct kith_host host;
		uint32_t session;
		if (memcmp(list[i]->id.b, c->super->id.b, KITH_ID_LEN) == 0) {
			*own = true;
			continue;
		}
		kith_member_host(list[i], &host);
		int err = kith_connect_request(c, &host, KITH_USE_MEMBER, kind, (struct kith_span){ body, len },
					       kith_token(KITH_TOKEN_STORE, leaf), &session);
		(void)err; /* five others have it, and it is refreshed */
	}
	return keepers_hash(list, n);
}

/* The session ended with a leaf's record under way; the replica at its other end may have been started again. */
static void bring_again(struct kith_core *c, uint32_t leaf)
{
	const struct kith_session *s = leaf != 0 ? kith_sessions_get(&c->sessions, leaf) : NULL;
	if (s == NULL || !(s->use & KITH_USE_LEAF))
		return;
	s->attached->replicas = 0;
	kith_super_republish_soon(c);
}

/* Our own record names ourselves as the home. */
void kith_publish_self(struct kith_core *c)
{
	struct kith_record record;
	struct kith_key sign;
	uint8_t bytes[KITH_RECORD_LEN_MAX];
	memset(&record, 0, sizeof record);
	kith_ids_directory(c->suite, &record.key, &c->self.network, c->me.name);
	record.seq = kith_record_next_seq(c->leaf.record_seq, &c->now);
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
	c->super->self_at = c->now.mono_us;
	if (n < 0) {
		KITH_LOG(c->log, KITH_LOG_WARN, "own_record_not_made err=%s", kith_err_name(n));
		return;
	}
	c->leaf.record_seq = record.seq;
	kith_save_soon(c);
	struct kith_span span = { bytes, (size_t)n };
	bool own;
	(void)kith_publish_bring(c, 0, &record.key, KITH_REQ_STORE, span, &own);
	if (own && kith_record_parse(&record, span) == 0)
		kith_replica_take(c, &record);
}

/* The home that publishes brings the record to new replicas. When most replicas are gone, that home may be gone too, so
 * each home does it. */
static void republish_leaf(void *ctx, struct kith_session *s)
{
	struct kith_core *c = ctx;
	const struct kith_member *list[KITH_REPLICA_GROUPS * KITH_REPLICAS];
	struct kith_record record;
	if (!(s->use & KITH_USE_LEAF) || s->state != KITH_SESSION_OPEN || s->attached->record == NULL)
		return;
	uint32_t n = keepers(c, &s->attached->key, list);
	bool ours = s->attached->publish || n > KITH_REPLICAS;
	if (!ours || keepers_hash(list, n) == s->attached->replicas)
		return;
	struct kith_span bytes = kith_blob_span(s->attached->record);
	bool own;
	s->attached->replicas = kith_publish_bring(c, s->index, &s->attached->key, KITH_REQ_STORE, bytes, &own);
	if (own && kith_record_parse(&record, bytes) == 0)
		kith_replica_take(c, &record);
}

void kith_publish_again(struct kith_core *c)
{
	c->super->republish_at = KITH_TIME_NEVER;
	if (kith_sessions_each(&c->sessions, republish_leaf, c) != 0)
		kith_stats_add(c->stats, KITH_STAT_ALLOC_FAILED, 1);
	kith_publish_self(c);
}

void kith_publish_on_answer(struct kith_core *c, struct kith_session *s, const struct kith_answer *answer)
{
	kith_super_heard_of(c, s, answer->err);
	if (answer->err == KITH_ECLOSED)
		bring_again(c, (uint32_t)kith_token_value(answer->token));
}
