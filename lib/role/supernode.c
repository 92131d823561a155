#include "role/supernode.h"

#include "base/alloc.h"
#include "base/rng.h"
#include "role/connect.h"
#include "role/query.h"
#include "role/subscribing.h"
#include "role/tunnels.h"

#define HOSTS_TOLD 5 /* to a leaf that attaches: the other homes, and spares */
#define FULL_EVERY 8 /* gossip exchanges between two that compare the whole tables */
#define ISLAND_ODDS 5 /* one exchange in so many, and fewer in larger networks, is with a bootstrap host */
#define REPUBLISH_US (5 * KITH_US_PER_S) /* after the members changed */
#define EXPIRE_US (5 * KITH_US_PER_S)
#define BATCH 64

static const struct kith_span nothing = { NULL, 0 };

static void wake(struct kith_core *c, kith_time_us at)
{
	struct kith_timer *t = &c->super->timer;
	if (kith_timer_is_set(t) && t->at <= at)
		return;
	if (kith_timers_set(&c->timers, t, at) != 0)
		kith_stats_add(c->stats, KITH_STAT_ALLOC_FAILED, 1);
}

/* ---- our own entry ---- */

uint64_t kith_supernode_seq(const struct kith_core *c)
{
	uint64_t seq = c->leaf.record_seq > c->entry_seq_saved ? c->leaf.record_seq : c->entry_seq_saved;
	return c->super != NULL && c->super->entry_seq > seq ? c->super->entry_seq : seq;
}

static int make_entry(struct kith_core *c, uint16_t flags)
{
	struct kith_supernode *sn = c->super;
	struct kith_member_entry entry;
	memset(&entry, 0, sizeof entry);
	entry.flags = flags;
	entry.seq = kith_record_next_seq(kith_supernode_seq(c), &c->now);
	entry.expires_ms = (int64_t)entry.seq + KITH_MEMBER_LIFE_MS;
	entry.addrs_n = c->addrs_n;
	memcpy(entry.addrs, c->addrs, c->addrs_n * sizeof c->addrs[0]);
	entry.chain = c->self.chain;
	int n = kith_member_make(c->suite, sn->entry, &entry, c->self.sign_sk);
	if (n < 0)
		return n;
	sn->entry_len = (uint16_t)n;
	sn->entry_seq = entry.seq;
	sn->entry_at = c->now.mono_us;
	kith_save_soon(c);
	/* Our own clock may have been set back since the last entry: for ourselves that is no reason to doubt it. */
	struct kith_now now = c->now;
	if (now.unix_ms < (int64_t)entry.seq)
		now.unix_ms = (int64_t)entry.seq;
	struct kith_member *self = NULL;
	int err = kith_members_merge(&sn->members, &now, (struct kith_span){ sn->entry, sn->entry_len }, &self);
	if (err < 0)
		return err;
	if (self != NULL)
		sn->id = self->id;
	return 0;
}

int kith_supernode_new(struct kith_core *c, const struct kith_core_options *o)
{
	struct kith_supernode *sn = KITH_NEW(c->alloc, struct kith_supernode);
	if (sn == NULL)
		return KITH_ENOMEM;
	c->super = sn;
	uint64_t seed[2] = { kith_rng_u64(c->random), kith_rng_u64(c->random) };
	kith_members_init(&sn->members, c->alloc, &c->shared->blobs, &c->trust, KITH_MEMBERS_MAX);
	kith_store_init(&sn->store, c->alloc, &c->shared->blobs, KITH_SUPER_RECORDS_MAX, seed);
	kith_watches_init(&sn->watches, c->alloc, KITH_SUPER_WATCHES_MAX, KITH_SUPER_WATCHES_PER_HOME,
			  KITH_SUBSCRIPTION_US, seed);
	kith_watches_init(&sn->interests, c->alloc, KITH_SUPER_WATCHES_MAX, KITH_WATCH_PER_LEAF, 0, seed);
	struct kith_fwd_limits limits = {
		.tunnels_max = o->tunnels_max,
		.tunnels_per_owner = 256,
		.rate = o->relay_rate,
		.burst = o->relay_rate / 4,
		.owner_rate = o->relay_owner_rate,
		.owner_burst = o->relay_owner_rate / 4,
	};
	kith_table_init(&sn->attached, c->alloc, o->sessions_max, KITH_TABLE_KEY(struct kith_attached, key), seed);
	sn->republish_at = KITH_TIME_NEVER;
	kith_limiter_init(&sn->lookups, c->alloc, c->random, KITH_ASKERS_MAX, KITH_LOOKUPS_PER_S, KITH_LOOKUPS_BURST);
	kith_limiter_init(&sn->subscriptions, c->alloc, c->random, KITH_ASKERS_MAX, KITH_SUBSCRIPTIONS_PER_S,
			  KITH_SUBSCRIPTIONS_BURST);
	kith_limiter_init(&sn->introductions, c->alloc, c->random, KITH_ASKERS_MAX, KITH_INTRODUCTIONS_PER_S,
			  KITH_INTRODUCTIONS_BURST);
	kith_fwd_init(&sn->fwd, c->alloc, c->random, &limits, o->shard, seed);
	sn->timer.kind = KITH_TIMER_SUPERNODE;
	if (c->addrs_n == 0)
		return KITH_EINVAL;
	int err = make_entry(c, 0);
	if (err != 0)
		return err;
	sn->gossip_at = c->now.mono_us;
	sn->expire_at = c->now.mono_us + EXPIRE_US;
	wake(c, c->now.mono_us);
	return 0;
}

void kith_supernode_free(struct kith_core *c)
{
	struct kith_supernode *sn = c->super;
	kith_timers_stop(&c->timers, &sn->timer);
	kith_query_deinit(c);
	kith_fwd_deinit(&sn->fwd);
	kith_limiter_deinit(&sn->introductions);
	kith_limiter_deinit(&sn->subscriptions);
	kith_limiter_deinit(&sn->lookups);
	kith_table_deinit(&sn->attached);
	kith_watches_deinit(&sn->interests);
	kith_watches_deinit(&sn->watches);
	kith_store_deinit(&sn->store);
	kith_members_deinit(&sn->members);
	KITH_FREE(c->alloc, sn);
	c->super = NULL;
}

/* ---- gossip ---- */

static void gossip_with(struct kith_core *c, const struct kith_host *host, struct kith_span body)
{
	uint32_t session;
	int err = kith_connect_request(c, host, KITH_USE_MEMBER, KITH_REQ_GOSSIP, body,
				       kith_token(KITH_TOKEN_GOSSIP, 0), &session);
	(void)err; /* the next round is soon */
}

/* A bootstrap host other than ourselves, at random. */
static bool pick_bootstrap(struct kith_core *c, struct kith_host *host)
{
	if (c->bootstrap_n == 0)
		return false;
	const struct kith_bootstrap *b = &c->bootstrap[kith_rng_below(c->random, (uint32_t)c->bootstrap_n)];
	for (size_t i = 0; i < c->addrs_n; i++) {
		if (kith_addr_equal(&b->addr, &c->addrs[i]))
			return false; /* ourselves: another next time */
	}
	memset(host, 0, sizeof *host);
	host->addrs_n = 1;
	host->addrs[0] = b->addr;
	if (b->has_key)
		host->dh = b->key;
	return true;
}

/* Whom to gossip with: a member; the bootstrap hosts while there is none, and now and then later, since supernodes
 * that met each other first may have formed an island. The larger the network, the more seldom: all of it shares
 * these few hosts. */
static bool pick_partner(struct kith_core *c, struct kith_host *host, bool *full)
{
	struct kith_supernode *sn = c->super;
	const struct kith_member *partner;
	bool alone = kith_members_live(&sn->members) <= 1;
	bool island = kith_rng_below(c->random, ISLAND_ODDS + kith_members_live(&sn->members) / 4) == 0;
	sn->gossip_at = c->now.mono_us + kith_rng_jitter(c->random, alone ? KITH_US_PER_S : KITH_GOSSIP_US, 20);
	*full = sn->exchanges++ % FULL_EVERY == 0 || alone || island;
	if ((alone || island) && pick_bootstrap(c, host))
		return true;
	if (kith_members_pick(&sn->members, c->random, c->now.mono_us, &sn->id, &partner, 1) == 0)
		return false;
	kith_member_host(partner, host);
	return true;
}

static void gossip(struct kith_core *c)
{
	struct kith_host host;
	uint8_t body[KITH_GOSSIP_REQUEST_MAX];
	bool full;
	if (!pick_partner(c, &host, &full))
		return;
	size_t n = kith_gossip_request(&c->super->members, &c->now, c->random, full, body);
	gossip_with(c, &host, (struct kith_span){ body, n });
}

static void republish_soon(struct kith_core *c)
{
	struct kith_supernode *sn = c->super;
	if (sn->republish_at == KITH_TIME_NEVER)
		sn->republish_at = c->now.mono_us + kith_rng_jitter(c->random, REPUBLISH_US, 50);
	wake(c, sn->republish_at);
}

/* The next exchange comes sooner, so that a newcomer is known everywhere within seconds. */
void kith_supernode_learnt(struct kith_core *c)
{
	struct kith_supernode *sn = c->super;
	kith_time_us soon = c->now.mono_us + kith_rng_jitter(c->random, KITH_GOSSIP_US / 6, 20);
	if (sn->gossip_at > soon)
		sn->gossip_at = soon;
	wake(c, sn->gossip_at);
	kith_watches_renew_all(&sn->interests, c->now.mono_us, 10 * KITH_US_PER_S);
	republish_soon(c);
}

static void learnt(struct kith_core *c, const struct kith_gossip_result *result)
{
	if (result->fresh + result->updated > 0)
		kith_supernode_learnt(c);
}

static void follow_up(struct kith_core *c, struct kith_session *s, const struct kith_gossip_result *result)
{
	if (result->follow_len == 0 || s->state == KITH_SESSION_CLOSED)
		return;
	struct kith_span body = { result->follow, result->follow_len };
	struct kith_path_env env = kith_env(c, s);
	int err = s->state == KITH_SESSION_OPEN
			  ? kith_session_request(c, s, KITH_REQ_GOSSIP, body, kith_token(KITH_TOKEN_GOSSIP, 0))
			  : kith_request_embed(&s->requests, &env, c->now.mono_us, KITH_REQ_GOSSIP, body,
					       kith_token(KITH_TOKEN_GOSSIP, 0), KITH_REQUEST_TIMEOUT_US, NULL);
	(void)err;
}

void kith_supernode_on_gossip(struct kith_core *c, struct kith_session *s, const struct kith_request *request)
{
	uint8_t body[KITH_ANSWER_MAX];
	struct kith_gossip_result result;
	kith_session_use(c, s, KITH_USE_MEMBER);
	int n = kith_gossip_answer(&c->super->members, &c->now, request->body, body, sizeof body, &result);
	if (n < 0) {
		kith_session_answer(c, s, request->id, KITH_STATUS_MALFORMED, nothing);
		return;
	}
	kith_session_answer(c, s, request->id, KITH_STATUS_OK, (struct kith_span){ body, (size_t)n });
	learnt(c, &result);
	follow_up(c, s, &result);
}

/* The member whose device that is. A search through all: it is only needed when one failed or recovered. */
static struct kith_member *member_of(struct kith_core *c, const struct kith_session *s)
{
	const struct kith_members *ms = &c->super->members;
	for (uint32_t i = 0; i < ms->n; i++) {
		if (memcmp(ms->at[i]->blob->bytes, s->device, KITH_DEVICE_ID_LEN) == 0)
			return ms->at[i];
	}
	return NULL;
}

void kith_supernode_heard_of(struct kith_core *c, const struct kith_session *s, int err)
{
	bool failed = err == KITH_ETIMEDOUT || (err == KITH_ECLOSED && s->chain == NULL); /* it never came up */
	if (!failed && c->super->suspects == 0)
		return; /* nobody to clear */
	struct kith_member *m = member_of(c, s);
	if (m == NULL)
		return;
	if (failed == (m->failures == 0)) {
		c->super->suspects += failed ? 1 : (uint32_t)-1;
		republish_soon(c);
	}
	if (failed)
		kith_member_failed(m, c->now.mono_us);
	else
		kith_member_alive(m);
}

/* The session ended with a leaf's record under way: its other end may have been started again. */
static void bring_again(struct kith_core *c, uint32_t leaf)
{
	const struct kith_session *s = leaf != 0 ? kith_sessions_get(&c->sessions, leaf) : NULL;
	if (s == NULL || !(s->use & KITH_USE_LEAF))
		return;
	s->attached->replicas = 0;
	republish_soon(c);
}

void kith_supernode_on_answer(struct kith_core *c, struct kith_session *s, const struct kith_answer *answer)
{
	struct kith_gossip_result result;
	kith_supernode_heard_of(c, s, answer->err);
	if (kith_token_kind(answer->token) == KITH_TOKEN_STORE && answer->err == KITH_ECLOSED)
		bring_again(c, (uint32_t)kith_token_value(answer->token));
	if (kith_token_kind(answer->token) != KITH_TOKEN_GOSSIP || answer->err != 0)
		return;
	if (kith_gossip_answered(&c->super->members, &c->now, answer->body, &result) != 0)
		return;
	learnt(c, &result);
	follow_up(c, s, &result);
}

/* ---- leaves ---- */

static void pack_hosts(struct kith_core *c, struct kith_packer *pk)
{
	const struct kith_member *picked[HOSTS_TOLD];
	uint32_t n =
		kith_members_pick(&c->super->members, c->random, c->now.mono_us, &c->super->id, picked, HOSTS_TOLD);
	kith_pack_array(pk, n);
	for (uint32_t i = 0; i < n; i++) {
		struct kith_host host;
		uint8_t bytes[KITH_HOST_LEN_MAX];
		kith_member_host(picked[i], &host);
		kith_pack_bytes(pk, bytes, kith_host_make(bytes, &host));
	}
}

static void answer_attach(struct kith_core *c, struct kith_session *s, uint16_t id)
{
	uint8_t body[1024], addr[KITH_ADDR_WIRE_MAX];
	struct kith_writer w = kith_writer_of(addr, sizeof addr);
	struct kith_packer pk;
	kith_addr_write(&w, &kith_session_hop(s)->remote);
	kith_packer_init(&pk, body, sizeof body);
	kith_pack_map(&pk, 3);
	kith_pack_key(&pk, KITH_B_ATTACHED_OBSERVED);
	kith_pack_bytes(&pk, addr, kith_writer_len(&w));
	kith_pack_key(&pk, KITH_B_ATTACHED_HOSTS);
	pack_hosts(c, &pk);
	kith_pack_key(&pk, KITH_B_ATTACHED_UNIX_MS);
	kith_pack_uint(&pk, (uint64_t)c->now.unix_ms);
	kith_session_answer(c, s, id, KITH_STATUS_OK, (struct kith_span){ body, pk.len });
}

/* Who keeps a key: its replicas, and when fewer than half of them answer the next six as well, where readers look next.
 * Returns how many. */
static uint32_t keepers(const struct kith_core *c, const struct kith_id *key,
			const struct kith_member *out[KITH_REPLICA_GROUPS * KITH_REPLICAS])
{
	const struct kith_members *ms = &c->super->members;
	uint32_t n = kith_replicas_find(ms, key, 0, out), good = 0;
	for (uint32_t i = 0; i < n; i++)
		good += out[i]->failures == 0;
	return 2 * good < n ? n + kith_replicas_find(ms, key, 1, out + n) : n;
}

/* Which they are, as one number to compare; one that was started again has lost what it kept. */
static uint64_t keepers_hash(const struct kith_member *const list[], uint32_t n)
{
	uint64_t h = n;
	for (uint32_t i = 0; i < n; i++) {
		uint64_t id;
		memcpy(&id, list[i]->id.b, sizeof id);
		h = (h ^ id ^ list[i]->seq) * 0x9e3779b97f4a7c15u;
	}
	return h;
}

/* Brings a record or a report to those who keep its key. leaf: whose record it is, or 0. Returns their hash; *own: we
 * are one of them. */
static uint64_t bring(struct kith_core *c, uint32_t leaf, const struct kith_id *key, uint8_t kind,
		      struct kith_span bytes, bool *own)
{
	uint32_t field = kind == KITH_REQ_VANISH ? KITH_B_NEWS_VANISHED : KITH_B_NEWS_RECORDS;
	const struct kith_member *list[KITH_REPLICA_GROUPS * KITH_REPLICAS];
	uint8_t body[KITH_REQUEST_MAX];
	struct kith_packer pk;
	kith_packer_init(&pk, body, sizeof body);
	kith_pack_map(&pk, 1);
	kith_pack_key(&pk, field);
	kith_pack_array(&pk, 1);
	kith_pack_bytes(&pk, bytes.p, bytes.len);
	uint32_t n = pk.bad ? 0 : keepers(c, key, list);
	*own = false;
	for (uint32_t i = 0; i < n; i++) {
		struct kith_host host;
		uint32_t session;
		if (memcmp(list[i]->id.b, c->super->id.b, KITH_ID_LEN) == 0) {
			*own = true;
			continue;
		}
		kith_member_host(list[i], &host);
		int err = kith_connect_request(c, &host, KITH_USE_MEMBER, kind, (struct kith_span){ body, pk.len },
					       kith_token(KITH_TOKEN_STORE, leaf), &session);
		(void)err; /* five others have it, and it is refreshed */
	}
	return keepers_hash(list, n);
}

/* A verified record: into the store if it belongs here, and to who watches. */
static void take_record(struct kith_core *c, const struct kith_record *record)
{
	struct kith_span bytes = record->bytes;
	int put = kith_store_put(&c->super->store, &c->now, record);
	KITH_LOG(c->log, KITH_LOG_DEBUG, "record_stored key=%02x%02x%02x seq=%llu put=%d", record->key.b[0],
		 record->key.b[1], record->key.b[2], (unsigned long long)record->seq, put);
	if (put == KITH_PUT_NEW || put == KITH_PUT_UPDATED)
		kith_query_tell(c, &c->super->watches, &record->key, &bytes, 1, NULL, 0);
	wake(c, c->super->expire_at);
}

static void unindex(struct kith_core *c, struct kith_attached *leaf)
{
	if (leaf->indexed)
		(void)kith_table_remove(&c->super->attached, &leaf->key);
	leaf->indexed = false;
}

/* The leaf's new record: kept with it, told to our own leaves that watch it, and published when it asks. */
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
	if (record.seq < s->attached->seq)
		return KITH_STATUS_STALE;
	struct kith_blob *blob = kith_blob_intern(&c->shared->blobs, bytes.p, bytes.len);
	if (blob == NULL)
		return KITH_STATUS_FULL;
	unindex(c, s->attached);
	kith_blob_unref(&c->shared->blobs, s->attached->record);
	s->attached->record = blob;
	s->attached->key = record.key;
	s->attached->indexed = kith_table_put(&c->super->attached, s->attached) == 0;
	s->attached->seq = record.seq;
	s->attached->publish = publish;
	if (record.flags & KITH_RECORD_OFFLINE)
		s->attached->leaving = true;
	if (!publish)
		return KITH_STATUS_OK; /* its other home does; we stand in when many are gone, see republish_leaf */
	kith_query_tell(c, &c->super->interests, &record.key, &bytes, 1, NULL, 0);
	bool own;
	s->attached->replicas = bring(c, s->index, &record.key, KITH_REQ_STORE, bytes, &own);
	if (own)
		take_record(c, &record);
	return KITH_STATUS_OK;
}

/* A supernode can be called like anybody: its record names itself as its home. */
static void publish_self(struct kith_core *c)
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
	for (size_t i = 0; i < c->addrs_n && record.homes[0].host.addrs_n < KITH_HOST_ADDRS_MAX; i++) {
		struct kith_host *host = &record.homes[0].host;
		if (host->addrs_n == 0 || host->addrs[0].family != c->addrs[i].family)
			host->addrs[host->addrs_n++] = c->addrs[i];
	}
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
	(void)bring(c, 0, &record.key, KITH_REQ_STORE, span, &own);
	if (own && kith_record_parse(&record, span) == 0)
		take_record(c, &record);
}

static bool make_attached(struct kith_core *c, struct kith_session *s)
{
	struct kith_key identity;
	if (s->use & KITH_USE_LEAF)
		return true;
	if (!kith_session_identity(c, s, &identity))
		return false;
	s->attached = KITH_NEW(c->alloc, struct kith_attached);
	if (s->attached == NULL)
		return false;
	s->attached->identity = identity;
	c->super->leaves++;
	kith_session_use(c, s, KITH_USE_LEAF);
	return true;
}

void kith_supernode_on_attach(struct kith_core *c, struct kith_session *s, const struct kith_request *request)
{
	struct kith_unpacked pk;
	struct kith_span record = nothing;
	bool publish = false;
	if (kith_unpack_parse(&pk, request->body) != 0) {
		kith_session_answer(c, s, request->id, KITH_STATUS_MALFORMED, nothing);
		return;
	}
	if (c->leaving || !make_attached(c, s)) {
		kith_session_answer(c, s, request->id, c->leaving ? KITH_STATUS_LEAVING : KITH_STATUS_FULL, nothing);
		return;
	}
	(void)kith_unpack_get_bool(&pk, kith_unpack_root(&pk), KITH_B_ATTACH_PUBLISH, &publish);
	uint8_t status = KITH_STATUS_OK;
	if (kith_unpack_get_bytes(&pk, kith_unpack_root(&pk), KITH_B_ATTACH_RECORD, KITH_RECORD_LEN_MAX, &record))
		status = take_leaf_record(c, s, record, publish);
	if (status == KITH_STATUS_OK)
		answer_attach(c, s, request->id);
	else
		kith_session_answer(c, s, request->id, status, nothing);
}

static void forget_leaf(struct kith_core *c, struct kith_session *s)
{
	if (!(s->use & KITH_USE_LEAF))
		return;
	s->use &= (uint8_t)~KITH_USE_LEAF;
	c->super->leaves--;
	(void)kith_watches_drop(&c->super->interests, s->index);
	unindex(c, s->attached);
	kith_blob_unref(&c->shared->blobs, s->attached->record);
	KITH_FREE(c->alloc, s->attached);
	s->attached = NULL;
}

void kith_supernode_on_detach(struct kith_core *c, struct kith_session *s, const struct kith_request *request)
{
	forget_leaf(c, s);
	kith_session_answer(c, s, request->id, KITH_STATUS_OK, nothing);
}

/* ---- the directory ---- */

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
	take_record(c, &record);
	return KITH_STATUS_OK;
}

static uint8_t on_vanish(struct kith_core *c, struct kith_span bytes)
{
	struct kith_vanish vanish;
	if (kith_vanish_parse(&vanish, bytes) != 0)
		return KITH_STATUS_MALFORMED;
	int err = kith_store_vanish(&c->super->store, &c->now, c->suite, &vanish, NULL);
	if (err == 1)
		kith_query_tell(c, &c->super->watches, &vanish.key, NULL, 0, &bytes, 1);
	return err >= 0 ? KITH_STATUS_OK : KITH_STATUS_INVALID;
}

void kith_supernode_on_news(struct kith_core *c, struct kith_session *s, const struct kith_request *request)
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
			status = on_vanish(c, bytes);
	}
	kith_session_answer(c, s, request->id, status, nothing);
}

void kith_supernode_on_members(struct kith_core *c, struct kith_session *s, const struct kith_request *request)
{
	uint8_t body[1024];
	struct kith_packer pk;
	kith_packer_init(&pk, body, sizeof body);
	kith_pack_map(&pk, 1);
	kith_pack_key(&pk, KITH_B_MEMBERS_HOSTS);
	pack_hosts(c, &pk);
	kith_session_answer(c, s, request->id, KITH_STATUS_OK, (struct kith_span){ body, pk.len });
}

/* ---- losing a leaf ---- */

/* Signs what we saw and tells the replicas, and our own leaves. */
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
	vanish.at_ms = c->now.unix_ms;
	memcpy(vanish.home.b, c->self.sign_pk, KITH_KEY_LEN);
	int n = kith_vanish_make(c->suite, bytes, &vanish, c->self.sign_sk);
	if (n < 0)
		return;
	struct kith_span span = { bytes, (size_t)n };
	kith_query_tell(c, &c->super->interests, &record.key, NULL, 0, &span, 1);
	(void)on_vanish(c, span);
	bool own;
	(void)bring(c, 0, &record.key, KITH_REQ_VANISH, span, &own);
}

void kith_supernode_lost(struct kith_core *c, struct kith_session *s, enum kith_close_reason reason)
{
	struct kith_fwd_ends ends[BATCH];
	size_t n;
	do {
		n = kith_fwd_close_session(&c->super->fwd, s->index, ends, BATCH);
		kith_tunnels_tell(c, ends, n, 0, s->index);
	} while (n == BATCH);
	(void)kith_watches_drop(&c->super->watches, s->index);
	if (!(s->use & KITH_USE_LEAF))
		return;
	if (reason == KITH_CLOSE_TIMED_OUT && !s->attached->leaving && !c->leaving)
		report_vanished(c, s->attached);
	forget_leaf(c, s);
}

kith_time_us kith_supernode_leaf_deadline(const struct kith_session *s)
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

void kith_supernode_leaf_tick(struct kith_core *c, struct kith_session *s)
{
	kith_time_us silent = c->now.mono_us - kith_session_heard_at(s);
	struct kith_path_env env = kith_env(c, s);
	if (silent < KITH_LEAF_SILENT_US) {
		s->attached->probes = 0;
		return;
	}
	if (c->now.mono_us < kith_supernode_leaf_deadline(s))
		return;
	if (silent >= KITH_LEAF_VANISH_US) {
		kith_session_end(c, s, KITH_CLOSE_TIMED_OUT, false);
		return;
	}
	s->attached->probes++;
	kith_pathset_check(&s->paths, &env, c->now.mono_us);
}

/* ---- time ---- */

static void expire(struct kith_core *c)
{
	struct kith_supernode *sn = c->super;
	struct kith_fwd_ends ends[BATCH];
	sn->expire_at = c->now.mono_us + EXPIRE_US;
	(void)kith_members_expire(&sn->members, &c->now);
	while (kith_store_expire(&sn->store, c->now.mono_us, BATCH) == BATCH) {}
	while (kith_watches_expire(&sn->watches, c->now.mono_us, BATCH) == BATCH) {}
	size_t n;
	do { /* an end that only listens would never find out by itself */
		n = kith_fwd_expire(&sn->fwd, c->now.mono_us, ends, BATCH);
		kith_tunnels_tell(c, ends, n, 0, 0);
	} while (n == BATCH);
}

/* The home that publishes sees to it; when most of the replicas are gone, perhaps so is that home: then each does. */
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
	s->attached->replicas = bring(c, s->index, &s->attached->key, KITH_REQ_STORE, bytes, &own);
	if (own && kith_record_parse(&record, bytes) == 0)
		take_record(c, &record);
}

/* Supernodes came, went, fell silent or answer again: the records of our leaves go to those that keep them now. */
static void republish(struct kith_core *c)
{
	c->super->republish_at = KITH_TIME_NEVER;
	if (kith_sessions_each(&c->sessions, republish_leaf, c) != 0)
		kith_stats_add(c->stats, KITH_STAT_ALLOC_FAILED, 1);
	publish_self(c);
}

void kith_supernode_tick(struct kith_core *c)
{
	struct kith_supernode *sn = c->super;
	if (c->leaving)
		return;
	if (sn->gossip_at <= c->now.mono_us)
		gossip(c);
	if (sn->expire_at <= c->now.mono_us)
		expire(c);
	if (c->now.mono_us - sn->entry_at >= KITH_MEMBER_RENEW_US && make_entry(c, 0) != 0)
		KITH_LOG(c->log, KITH_LOG_WARN, "entry_not_renewed");
	if (sn->republish_at <= c->now.mono_us)
		republish(c);
	if (c->now.mono_us - sn->self_at >= KITH_RECORD_REFRESH_US)
		publish_self(c);
	wake(c, kith_subscribing_tick(c));
	if (sn->republish_at != KITH_TIME_NEVER)
		wake(c, sn->republish_at);
	wake(c, sn->self_at + KITH_RECORD_REFRESH_US);
	wake(c, sn->gossip_at);
	wake(c, sn->expire_at);
}

void kith_supernode_leave(struct kith_core *c, kith_time_us grace_us)
{
	struct kith_supernode *sn = c->super;
	uint8_t body[1024];
	struct kith_packer pk;
	struct kith_session *s;
	uint32_t it = 0;
	kith_packer_init(&pk, body, sizeof body);
	kith_pack_map(&pk, 2);
	kith_pack_key(&pk, KITH_B_LEAVE_MS);
	kith_pack_uint(&pk, (uint64_t)(grace_us / KITH_US_PER_MS));
	kith_pack_key(&pk, KITH_B_LEAVE_HOSTS);
	pack_hosts(c, &pk);
	while ((s = kith_table_next(&c->sessions.by_index, &it)) != NULL) {
		if ((s->use & KITH_USE_LEAF) && s->state == KITH_SESSION_OPEN &&
		    kith_session_request(c, s, KITH_REQ_LEAVE, (struct kith_span){ body, pk.len },
					 kith_token(KITH_TOKEN_LEAVE, 0)) != 0)
			KITH_LOG(c->log, KITH_LOG_DEBUG, "leaf_not_told");
	}
	struct kith_fwd_ends ends[BATCH];
	size_t n;
	while ((n = kith_fwd_drain_all(&sn->fwd, c->now.mono_us, ends, BATCH)) > 0)
		kith_tunnels_tell(c, ends, n, grace_us, 0);
	if (make_entry(c, KITH_MEMBER_LEFT) != 0)
		return;
	const struct kith_member *partners[3];
	uint32_t told = kith_members_pick(&sn->members, c->random, c->now.mono_us, &sn->id, partners, 3);
	for (uint32_t i = 0; i < told; i++) {
		struct kith_host host;
		uint8_t request[KITH_GOSSIP_REQUEST_MAX];
		kith_member_host(partners[i], &host);
		size_t len = kith_gossip_request(&sn->members, &c->now, c->random, true, request);
		gossip_with(c, &host, (struct kith_span){ request, len });
	}
}
