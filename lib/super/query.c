#include "super/query.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "base/bytes.h"
#include "base/rng.h"
#include "link/connect.h"
#include "link/follow.h"
#include "link/refuse.h"
#include "super/members.h"
#include "super/suspect.h"
#include "super/notify.h"

#define AGAIN_US (5 * KITH_US_PER_S) /* replicas did not answer a WATCH: when they are asked again */
enum {
	ENOUGH_ANSWERS = 3,
	ASKED_MAX = (1 + KITH_REPLICA_GROUPS) * KITH_REPLICAS, /* guides, the six, the next six */
	AGAIN_DOUBLINGS = 4, /* up to 80 s */
	JITTER = 20 /* percent */
};

static const struct kith_span nothing = { NULL, 0 };

enum query_for {
	QUERY_FREE,
	QUERY_FOR_SESSION,
	QUERY_FOR_OP,
	QUERY_FOR_WATCHERS, /* all of a key; the key is watched at its replicas from then on */
	QUERY_FOR_NEWCOMER, /* one more watcher of a key that is watched there already */
	QUERY_FOR_REPLICAS, /* to know them */
	QUERY_LOCATED, /* they are: the errand waits for super/publish, in c->super->done */
	QUERY_FOR_OTHERS, /* watchers of a key without its token, while others have it: the public view */
	QUERY_DONE /* what was found waits for this node's own application, in c->super->done */
};

struct kith_query {
	struct kith_timer timer;
	uint8_t what; /* enum query_for */
	uint8_t group; /* of replicas: the six, or the next six */
	uint8_t asked_n;
	uint8_t hop; /* at which members are asked: 1, and one more than that of whoever named those of now */
	uint8_t hop_from; /* whoever was asked before those, by the place in asked, was so at an earlier one */
	uint32_t asked[ASKED_MAX]; /* by device */
	uint8_t waiting, slow, answered; /* requests out; those not waited for; answers in, of this group */
	uint8_t names; /* how many replicas the asker wants to hear of when nobody is found */
	bool own; /* asked by a leaf for its own record: what it gave us is no answer */
	uint16_t request; /* id of the asker's request */
	uint32_t id, session;
	uint32_t replicas; /* kith_replicas_number when this query began */
	kith_op op;
	uint64_t asker; /* served by this query: kith_identity_key, or KITH_QUERY_OWN */
	struct kith_id key;
	struct kith_blob *tokens; /* that are shown; NULL: none */
	kith_time_us give_up_at;
	kith_time_us asked_at; /* the first replicas; 0 once one was not waited for */
	struct kith_findings found;
	uint8_t kind; /* of what is to be brought to the replicas (kith_errand), for the leaf of session */
	struct kith_blob *bring; /* NULL: nothing is */
	struct kith_query *next_done;
};

KITH_STATIC_ASSERT(KITH_QUERY_BLOCK *KITH_QUERY_BLOCKS == KITH_QUERIES_MAX, "blocks hold as many as there may be");

/* Slots of the blocks that there are. */
static uint32_t room(const struct kith_supernode *sn)
{
	return sn->query_blocks * KITH_QUERY_BLOCK;
}

static struct kith_query *slot(const struct kith_supernode *sn, uint32_t i)
{
	return &sn->queries[i / KITH_QUERY_BLOCK][i % KITH_QUERY_BLOCK];
}

struct kith_query *kith_query_of_timer(struct kith_timer *t)
{
	return KITH_CONTAINER_OF(t, struct kith_query, timer);
}

bool kith_query_room(const struct kith_core *c, uint64_t asker)
{
	const struct kith_supernode *sn = c->super;
	uint32_t max = asker == KITH_QUERY_OWN ? KITH_QUERIES_MAX / 2 : KITH_QUERIES_PER_ASKER, n = 0;
	if (sn->queries_n < max)
		return true; /* as usual, and cheap to tell */
	for (uint32_t i = 0; i < room(sn); i++)
		n += slot(sn, i)->what != QUERY_FREE && slot(sn, i)->asker == asker;
	return n < max && kith_shares_reserve(sn->queries_n, KITH_QUERIES_MAX, KITH_TABLES_RESERVE, n);
}

/* Another block; false: there are as many as there may be, or no memory. */
static bool more_room(struct kith_core *c)
{
	struct kith_supernode *sn = c->super;
	if (sn->query_blocks == KITH_QUERY_BLOCKS)
		return false;
	struct kith_query *block = KITH_NEW_ARRAY(c->alloc, struct kith_query, KITH_QUERY_BLOCK);
	if (block == NULL)
		return false;
	sn->next_query = room(sn);
	sn->queries[sn->query_blocks++] = block;
	return true;
}

static struct kith_query *new_query(struct kith_core *c, enum query_for what, const struct kith_id *key, uint64_t asker)
{
	struct kith_supernode *sn = c->super;
	if (sn->queries_n == room(sn) && !more_room(c))
		return NULL;
	/* Slots are taken in turn, and a slot's ids never come again: a late answer to an old query does not meet its
	 * successor's. */
	for (uint32_t i = 0; i < room(sn); i++) {
		uint32_t at = (sn->next_query + i) % room(sn);
		struct kith_query *q = slot(sn, at);
		if (q->what != QUERY_FREE)
			continue;
		sn->next_query = at + 1;
		uint32_t id = q->id + KITH_QUERIES_MAX;
		memset(q, 0, sizeof *q);
		q->id = id >= KITH_QUERIES_MAX && id % KITH_QUERIES_MAX == at ? id : KITH_QUERIES_MAX + at;
		q->what = (uint8_t)what;
		q->asker = asker;
		q->key = *key;
		q->timer.kind = KITH_TIMER_QUERY;
		q->replicas = kith_replicas_number(&sn->members, key);
		q->give_up_at = c->now.mono_us + KITH_QUERY_US;
		q->asked_at = c->now.mono_us;
		q->hop = 1;
		sn->queries_n++;
		return q;
	}
	return NULL;
}

/* Not ended by the first that knows the key: so many replicas are to answer. */
static bool for_watchers(const struct kith_query *q)
{
	return q->what == QUERY_FOR_WATCHERS || q->what == QUERY_FOR_NEWCOMER || q->what == QUERY_FOR_REPLICAS;
}

static struct kith_query *query_of(struct kith_core *c, uint32_t id)
{
	struct kith_supernode *sn = c->super;
	if (!kith_serves(c) || id % KITH_QUERIES_MAX >= room(sn))
		return NULL;
	struct kith_query *q = slot(sn, id % KITH_QUERIES_MAX);
	return q->what != QUERY_FREE && q->what < QUERY_LOCATED && q->id == id ? q : NULL;
}

static void drop_query(struct kith_core *c, struct kith_query *q)
{
	kith_timers_stop(&c->timers, &q->timer);
	kith_findings_clear(c, &q->found);
	kith_blob_unref(&c->shared->blobs, q->bring);
	kith_blob_unref(&c->shared->blobs, q->tokens);
	q->tokens = NULL;
	q->what = QUERY_FREE;
	c->super->queries_n--;
}

void kith_query_deinit(struct kith_core *c)
{
	struct kith_supernode *sn = c->super;
	for (uint32_t i = 0; i < room(sn); i++) {
		if (slot(sn, i)->what != QUERY_FREE)
			drop_query(c, slot(sn, i));
	}
	for (uint32_t i = 0; i < sn->query_blocks; i++)
		KITH_FREE_ARRAY(c->alloc, sn->queries[i], KITH_QUERY_BLOCK);
	sn->query_blocks = 0;
}

/* ---- collecting ---- */

/* Without memory for them none are shown. */
static void show(struct kith_core *c, struct kith_query *q, struct kith_span tokens)
{
	if (tokens.len > 0)
		q->tokens = kith_blob_intern(&c->shared->blobs, tokens.p, tokens.len);
}

static bool may_know(const struct kith_core *c, const struct kith_query *q, const struct kith_record *record)
{
	return kith_record_is_open_to(record, c->suite, kith_blob_span(q->tokens));
}

/* A record of a leaf attached here is mostly the freshest. The public view is its replicas' to tell. */
static void take_attached(struct kith_core *c, struct kith_query *q)
{
	const struct kith_attached *leaf = kith_table_get(&c->super->attached, q->key.b);
	struct kith_record record;
	if (leaf != NULL && kith_record_parse(&record, kith_blob_span(leaf->record)) == 0 && may_know(c, q, &record))
		kith_findings_record(c, &q->found, &record);
}

/* At which hop whoever answers was asked. */
static unsigned hop_of(const struct kith_query *q, const struct kith_session *s)
{
	for (unsigned i = 0; i < q->asked_n; i++) {
		if (q->asked[i] == (uint32_t)kith_device_key(s->device))
			return i < q->hop_from ? q->hop - 1u : q->hop;
	}
	return 1;
}

static void take_answer(struct kith_core *c, struct kith_query *q, const struct kith_session *s,
			const struct kith_msg_found *m)
{
	const unsigned hop = hop_of(q, s);
	bool first = q->found.n == 0 && (q->what == QUERY_FOR_SESSION || q->what == QUERY_FOR_OP);
	for (size_t i = 0; i < m->records.n; i++) {
		struct kith_record record;
		struct kith_person person;
		if (kith_record_parse(&record, m->records.at[i]) == 0 &&
		    memcmp(record.key.b, q->key.b, KITH_ID_LEN) == 0 &&
		    kith_record_verify(&record, &c->trust, &c->now, &person) == 0)
			kith_findings_record(c, &q->found, &record);
	}
	if (first && q->found.n > 0) {
		kith_stats_add(c->stats, KITH_STAT_LOOKUPS_FOUND, 1);
		kith_stats_add(c->stats, KITH_STAT_LOOKUP_HOPS, hop);
	}
	for (size_t i = 0; i < m->vanished.n; i++)
		kith_findings_report(c, &q->found, m->vanished.at[i]);
	/* The answerer sees these members nearer to the key than ours. go_on chooses again, and the answers so far may
	 * not have come from the replicas that count. */
	for (size_t i = 0; i < m->members.n; i++) {
		struct kith_member *member;
		int merged = kith_super_told_of(c, s, m->members.at[i], &member);
		if (merged != KITH_MERGE_NEW && merged != KITH_MERGE_RETURNED)
			continue;
		q->answered = 0;
		q->group = 0;
		q->hop_from = q->hop == hop ? q->asked_n : q->hop_from;
		q->hop = (uint8_t)(hop + 1);
		if (kith_member_near(&c->super->members, member))
			kith_super_learnt(c);
	}
}

/* ---- answering ---- */

/* This node itself asked: the query is left behind for the end of the call, or for the supernode's timer. */
static void leave_behind(struct kith_core *c, struct kith_query *q, enum query_for what)
{
	struct kith_query **last = &c->super->done;
	while (*last != NULL)
		last = &(*last)->next_done;
	*last = q;
	kith_timers_stop(&c->timers, &q->timer);
	q->what = (uint8_t)what;
	q->next_done = NULL;
}

/* The first that was left behind for that, off the list; NULL. */
static struct kith_query *pick_up(struct kith_core *c, enum query_for what, bool witness)
{
	struct kith_query **at = &c->super->done, *q;
	while (*at != NULL && ((*at)->what != what || ((*at)->kind == KITH_REQ_WITNESS) != witness))
		at = &(*at)->next_done;
	q = *at;
	if (q != NULL)
		*at = q->next_done;
	return q;
}

bool kith_query_located(struct kith_core *c, bool witness, struct kith_errand *out)
{
	struct kith_query *q = pick_up(c, QUERY_LOCATED, witness);
	if (q == NULL)
		return false;
	*out = (struct kith_errand){ q->bring, q->key, q->session, q->kind, q->request };
	q->bring = NULL;
	drop_query(c, q);
	return true;
}

bool kith_query_take(struct kith_core *c, kith_op *op, struct kith_findings *found)
{
	struct kith_query *q = pick_up(c, QUERY_DONE, false);
	if (q == NULL)
		return false;
	*op = q->op;
	*found = q->found;
	q->found.n = 0; /* they are the caller's now */
	drop_query(c, q);
	return true;
}

/* Replicas of the key, ourselves left out. */
static size_t name_replicas(struct kith_core *c, const struct kith_query *q, struct kith_span out[KITH_REPLICAS])
{
	const struct kith_member *replicas[KITH_REPLICAS];
	uint32_t n = kith_replicas_find(&c->super->members, &q->key, 0, replicas);
	size_t named = 0;
	for (uint32_t i = 0; i < n && named < q->names; i++) {
		if (memcmp(replicas[i]->id.b, c->super->id.b, KITH_ID_LEN) != 0)
			out[named++] = kith_member_entry_bytes(replicas[i]);
	}
	return named;
}

static void answer(struct kith_core *c, const struct kith_query *q, const struct kith_msg_found *found)
{
	struct kith_span replicas[KITH_REPLICAS];
	struct kith_msg_found m = *found;
	uint8_t doubts[KITH_STORE_DEVICES];
	struct kith_session *s = kith_sessions_get(&c->sessions, q->session);
	m.doubted = kith_findings_doubts(c, &q->found, doubts);
	if (q->found.n == 0)
		m.members = (struct kith_spans){ replicas, name_replicas(c, q, replicas) };
	if (s != NULL)
		kith_findings_answer(c, s, q->request, &q->found, &m);
}

/* Replicas behind full links answer late: whoever asked them again at the same pace would keep the links full. */
static kith_time_us again_us(const struct kith_core *c, const struct kith_id *key)
{
	uint32_t tries = kith_watches_tries(&c->super->interests, key);
	kith_time_us wait = AGAIN_US << (tries < AGAIN_DOUBLINGS ? tries : AGAIN_DOUBLINGS);
	return kith_rng_jitter(c->random, wait, JITTER);
}

/* Keys that came to be watched all at once, as when everybody comes back, are not renewed all at once. */
static kith_time_us renew_us(const struct kith_core *c)
{
	return kith_rng_jitter(c->random, KITH_SUBSCRIPTION_US / 2, JITTER);
}

/* Whether all that was found is for those who showed the tokens. */
static bool opened_all(const struct kith_core *c, const struct kith_query *q, const struct kith_msg_notice *notice)
{
	struct kith_record record;
	for (size_t i = 0; i < notice->records.n; i++) {
		if (kith_record_parse(&record, notice->records.at[i]) == 0 && !may_know(c, q, &record))
			return false;
	}
	return true;
}

static void finish(struct kith_core *c, struct kith_query *q)
{
	struct kith_msg_room room;
	struct kith_msg_found found;
	kith_findings_message(&q->found, &room, &found);
	const struct kith_msg_notice notice = { .records = found.records, .vanished = found.vanished };
	KITH_LOG(c->log, KITH_LOG_DEBUG, "query_done key=%02x%02x%02x for=%u found=%u answered=%u group=%u",
		 q->key.b[0], q->key.b[1], q->key.b[2], q->what, q->found.n, q->answered, q->group);
	bool renewed = q->answered >= ENOUGH_ANSWERS || q->answered + 1u >= kith_members_live(&c->super->members);
	/* Else a replica became another one meanwhile. */
	renewed = renewed && q->replicas == kith_replicas_number(&c->super->members, &q->key);
	switch ((enum query_for)q->what) {
	case QUERY_FOR_SESSION:
		answer(c, q, &found);
		break;
	case QUERY_FOR_OP:
		leave_behind(c, q, QUERY_DONE);
		return;
	case QUERY_FOR_WATCHERS:
		kith_notify_learn(c, found.records);
		kith_notify_all(c, &c->super->interests, &q->key, &notice,
				q->tokens != NULL ? KITH_WHOM_FOLLOWERS : KITH_WHOM_ALL);
		if (q->tokens != NULL && !opened_all(c, q, &notice)) /* its tokens are old, or made up */
			kith_notify_one(c, q->session, &q->key, &notice);
		kith_watches_upstream(&c->super->interests, &q->key,
				      c->now.mono_us + (renewed ? renew_us(c) : again_us(c, &q->key)), renewed);
		kith_watches_upstream_at(&c->super->interests, &q->key, q->replicas);
		if (c->watched_n > 0) {
			leave_behind(c, q, QUERY_DONE);
			return;
		}
		break;
	case QUERY_FOR_NEWCOMER:
		kith_notify_learn(c, found.records);
		if (kith_watches_has(&c->super->interests, &q->key, q->session))
			kith_notify_one(c, q->session, &q->key, &notice);
		if (!renewed) /* by then for all who watch it */
			kith_watches_renew_by(&c->super->interests, &q->key, c->now.mono_us + AGAIN_US);
		break;
	case QUERY_FOR_REPLICAS:
		if (q->bring == NULL)
			break;
		leave_behind(c, q, QUERY_LOCATED);
		kith_super_wake(c, c->now.mono_us);
		return;
	case QUERY_FOR_OTHERS:
		kith_notify_all(c, &c->super->interests, &q->key, &notice, KITH_WHOM_OTHERS);
		break;
	case QUERY_FREE:
	case QUERY_LOCATED:
	case QUERY_DONE:
		break;
	}
	drop_query(c, q);
}

/* ---- asking ---- */

static uint32_t short_id(const struct kith_member *m)
{
	return (uint32_t)kith_device_key(m->blob->bytes);
}

static bool was_asked(const struct kith_query *q, const struct kith_member *m)
{
	for (size_t i = 0; i < q->asked_n; i++) {
		if (q->asked[i] == short_id(m))
			return true;
	}
	return false;
}

/* Writes the key and the members that we take for its replicas; an answerer that knows nearer ones says so. */
static size_t write_find(struct kith_core *c, const struct kith_query *q, uint8_t *out, size_t cap)
{
	const struct kith_member *replicas[KITH_REPLICAS];
	struct kith_span ids[KITH_REPLICAS];
	uint32_t n = kith_replicas_find(&c->super->members, &q->key, 0, replicas);
	for (uint32_t i = 0; i < n; i++)
		ids[i] = (struct kith_span){ replicas[i]->id.b, KITH_MEMBER_ID_PREFIX };
	const struct kith_msg_find m = { .key = q->key, .nearer = { ids, n }, .tokens = kith_blob_span(q->tokens) };
	return kith_msg_find_write(out, cap, &m);
}

static void ask_one(struct kith_core *c, struct kith_query *q, const struct kith_member *m)
{
	uint8_t body[384];
	struct kith_host host;
	uint32_t session;
	q->asked[q->asked_n++] = short_id(m);
	kith_members_use(&c->super->members, &m->id, c->now.mono_us);
	if (memcmp(m->id.b, c->super->id.b, KITH_ID_LEN) == 0) {
		kith_findings_stored(c, &q->found, &q->key, kith_blob_span(q->tokens));
		q->answered++;
		return;
	}
	if (kith_member_suspect(m, c->now.mono_us))
		return;
	kith_member_host(m, &host);
	bool watch = q->what == QUERY_FOR_WATCHERS; /* a newcomer's key is watched already */
	if (watch)
		kith_super_introduce(c, &host);
	if (kith_connect_request(c, &host, watch ? KITH_USE_MEMBER | KITH_USE_WATCH : KITH_USE_MEMBER,
				 watch ? KITH_REQ_WATCH : KITH_REQ_FIND,
				 (struct kith_span){ body, write_find(c, q, body, sizeof body) },
				 kith_token(KITH_TOKEN_QUERY, q->id), &session) == 0)
		q->waiting++;
}

/* The nearest replica of the group that was not asked yet. */
static const struct kith_member *next_replica(struct kith_core *c, const struct kith_query *q)
{
	const struct kith_member *replicas[KITH_REPLICAS];
	uint32_t n = kith_replicas_find(&c->super->members, &q->key, q->group, replicas);
	for (uint32_t i = 0; i < n && q->asked_n < ASKED_MAX; i++) {
		if (!was_asked(q, replicas[i]))
			return replicas[i];
	}
	return NULL;
}

static void again_at(struct kith_core *c, struct kith_query *q, kith_time_us at)
{
	if (kith_timers_set(&c->timers, &q->timer, at < q->give_up_at ? at : q->give_up_at) != 0)
		kith_stats_add(c->stats, KITH_STAT_ALLOC_FAILED, 1);
}

/* How many have to answer, unless one that knows the key is enough. Of a key that is far all six, until somebody named
 * nearer ones: three who do not may be liars. A guide is soon looked for again. */
static unsigned enough(const struct kith_core *c, const struct kith_query *q)
{
	if (q->what == QUERY_FOR_REPLICAS && q->bring == NULL)
		return 1;
	bool unsure = for_watchers(q) && q->hop == 1 && !kith_sectors_near(&c->super->members.sectors, q->key.b);
	return unsure ? KITH_REPLICAS : ENOUGH_ANSWERS;
}

/* Whether the next six are to be asked too. A look-up needs one replica that knows the key, a watch needs three. */
static bool next_group(const struct kith_core *c, struct kith_query *q)
{
	bool ended = for_watchers(q) ? q->answered >= enough(c, q) : q->found.n > 0;
	if (ended || q->group + 1 >= KITH_REPLICA_GROUPS)
		return false;
	q->group++;
	return true;
}

/* Asks further replicas until enough requests are out; ends the query when there is nothing more to wait for. */
static void go_on(struct kith_core *c, struct kith_query *q)
{
	for (;;) {
		const struct kith_member *m;
		unsigned wanted = for_watchers(q) ? enough(c, q) : KITH_READ_PARALLEL;
		while (q->waiting - q->slow + q->answered < (int)wanted && (m = next_replica(c, q)) != NULL)
			ask_one(c, q, m);
		if (q->answered >= enough(c, q) && (q->found.n > 0 || for_watchers(q))) {
			finish(c, q);
			return;
		}
		if (q->waiting > q->slow)
			return;
		if (next_replica(c, q) != NULL) { /* the replicas asked knew nothing: now the others */
			q->answered = 0;
			continue;
		}
		if (next_group(c, q)) {
			q->answered = for_watchers(q) ? q->answered : 0;
			continue;
		}
		if (q->waiting == 0 || q->found.n > 0)
			finish(c, q);
		return;
	}
}

/* What is only renewed, a leaf brings to one of its homes: another one may have been told of it since. */
static bool is_behind(const struct kith_core *c, const struct kith_query *q)
{
	struct kith_record record;
	for (unsigned i = 0; i < q->found.n; i++) {
		if (kith_record_parse(&record, kith_blob_span(q->found.at[i].record)) == 0 && may_know(c, q, &record) &&
		    kith_watches_outdated(&c->super->interests, &record))
			return true;
	}
	return false;
}

static void begin(struct kith_core *c, struct kith_query *q)
{
	again_at(c, q, c->now.mono_us + kith_hedge_wait(&c->super->hedge));
	if (!q->own)
		take_attached(c, q);
	if (q->found.n > 0 && !for_watchers(q) && !is_behind(c, q)) {
		kith_findings_stored(c, &q->found, &q->key, kith_blob_span(q->tokens));
		finish(c, q);
		return;
	}
	go_on(c, q);
}

void kith_query_tick(struct kith_core *c, struct kith_query *q)
{
	if (c->now.mono_us >= q->give_up_at) {
		finish(c, q);
		return;
	}
	q->slow = q->waiting;
	q->asked_at = 0;
	again_at(c, q, c->now.mono_us + kith_hedge_wait(&c->super->hedge));
	go_on(c, q);
}

int kith_query_for_op(struct kith_core *c, const struct kith_id *key, kith_op op)
{
	uint8_t tokens[KITH_FOLLOW_TOKENS_MAX * KITH_FOLLOW_LEN];
	struct kith_query *q = new_query(c, QUERY_FOR_OP, key, KITH_QUERY_OWN);
	if (q == NULL)
		return KITH_EFULL;
	q->op = op;
	show(c, q, kith_follow_for(c, key, tokens));
	begin(c, q);
	return 0;
}

/* Of all who watch the key here, or of this node's own application. */
static void show_watchers(struct kith_core *c, struct kith_query *q)
{
	uint8_t tokens[KITH_FOLLOW_TOKENS_MAX * KITH_FOLLOW_LEN];
	size_t len = kith_watches_tokens(&c->super->interests, c->suite, &q->key, tokens);
	show(c, q, len > 0 ? (struct kith_span){ tokens, len } : kith_follow_for(c, &q->key, tokens));
}

void kith_query_watch(struct kith_core *c, const struct kith_id *key)
{
	struct kith_query *q = new_query(c, QUERY_FOR_WATCHERS, key, KITH_QUERY_OWN);
	if (q == NULL)
		return;
	show_watchers(c, q);
	bool others = q->tokens != NULL && kith_watches_has_others(&c->super->interests, c->suite, key);
	begin(c, q);
	if (others && (q = new_query(c, QUERY_FOR_OTHERS, key, KITH_QUERY_OWN)) != NULL)
		begin(c, q);
}

void kith_query_subscribe(struct kith_core *c, uint32_t session, const struct kith_id *key, uint64_t asker,
			  struct kith_span tokens, bool first)
{
	struct kith_query *q = new_query(c, first ? QUERY_FOR_WATCHERS : QUERY_FOR_NEWCOMER, key, asker);
	if (q == NULL) { /* no memory: the next renewal is for all */
		kith_watches_renew_by(&c->super->interests, key, c->now.mono_us + AGAIN_US);
		return;
	}
	q->session = session;
	show(c, q, tokens);
	if (first) /* this is the renewal that a new key is due for */
		kith_watches_upstream(&c->super->interests, key, c->now.mono_us + KITH_REQUEST_TIMEOUT_US, false);
	else if (tokens.len > 0) /* and from now on the replicas tell what they open */
		kith_watches_renew_by(&c->super->interests, key, c->now.mono_us);
	begin(c, q);
}

int kith_query_locate(struct kith_core *c, const struct kith_id *key, uint32_t leaf, uint8_t kind,
		      struct kith_span bytes, uint16_t request)
{
	struct kith_query *q =
		kith_query_room(c, KITH_QUERY_OWN) ? new_query(c, QUERY_FOR_REPLICAS, key, KITH_QUERY_OWN) : NULL;
	if (q == NULL)
		return KITH_EFULL;
	q->session = leaf;
	q->kind = kind;
	q->request = request;
	if (bytes.len > 0)
		q->bring = kith_blob_intern(&c->shared->blobs, bytes.p, bytes.len);
	if (bytes.len > 0 && q->bring == NULL) {
		drop_query(c, q);
		return KITH_ENOMEM;
	}
	begin(c, q);
	return 0;
}

/* Whether the answerer is one of those that keep the key, and not a guide that was asked for them. */
static bool keeps(struct kith_core *c, const struct kith_query *q, const struct kith_session *s)
{
	const struct kith_member *replicas[KITH_REPLICAS];
	for (unsigned group = 0; group <= q->group; group++) {
		uint32_t n = kith_replicas_find(&c->super->members, &q->key, group, replicas);
		for (uint32_t i = 0; i < n; i++) {
			if (memcmp(replicas[i]->blob->bytes, s->device, KITH_DEVICE_ID_LEN) == 0)
				return true;
		}
	}
	return false;
}

void kith_query_on_answer(struct kith_core *c, struct kith_session *s, const struct kith_answer *answer)
{
	struct kith_query *q = query_of(c, (uint32_t)kith_token_value(answer->token));
	struct kith_msg_room room;
	struct kith_msg_found m;
	kith_super_heard_of(c, s, answer->err);
	if (q == NULL)
		return;
	q->waiting--;
	if (q->slow > q->waiting)
		q->slow = q->waiting;
	if (answer->err == 0 || answer->err == KITH_ENOENT) {
		if (q->asked_at != 0) /* of those who were among the first to be asked */
			kith_hedge_learn(&c->super->hedge, c->now.mono_us - q->asked_at);
		if (kith_msg_found_read(&m, &room, answer->body) == 0) /* NOT_FOUND may come without a body */
			take_answer(c, q, s, &m);
		q->answered = (uint8_t)(q->answered + keeps(c, q, s));
	}
	go_on(c, q);
}

/* ---- serving ---- */

void kith_query_on_lookup(struct kith_core *c, struct kith_session *s, const struct kith_request *request)
{
	struct kith_msg_room room;
	struct kith_msg_find m;
	if (kith_msg_find_read(&m, &room, request->body) != 0) {
		kith_session_answer(c, s, request->id, KITH_STATUS_MALFORMED, nothing);
		return;
	}
	struct kith_key identity;
	uint64_t asker = kith_session_identity(c, s, &identity) ? kith_identity_key(&identity) : KITH_QUERY_OWN;
	bool stranger = !(s->use & KITH_USE_LEAF) && kith_refuse_level(c, KITH_OVERLOAD_LOOKUPS);
	bool own = kith_session_asks_for_itself(c, s, &m.key);
	bool seldom = own && kith_session_asks_seldom(c, s);
	bool allowed = !stranger && asker != KITH_QUERY_OWN && kith_query_room(c, asker) &&
		       (seldom || kith_allowance_spend(&c->allowance, c->now.mono_us, asker, KITH_CHARGE_LOOKUP));
	struct kith_query *q = allowed ? new_query(c, QUERY_FOR_SESSION, &m.key, asker) : NULL;
	if (q == NULL) {
		kith_stats_add(c->stats, KITH_STAT_REQUESTS_LIMITED, 1);
		kith_session_answer(c, s, request->id, KITH_STATUS_LIMITED, nothing);
		return;
	}
	q->session = s->index;
	q->request = request->id;
	q->names = (uint8_t)(m.members < KITH_REPLICAS ? m.members : KITH_REPLICAS);
	q->own = own;
	show(c, q, m.tokens);
	begin(c, q);
}
