#include "super/interests.h"

#include "super/members.h"
#include "super/query.h"
#include "super/uplink.h"

enum {
	BATCH = 64,
	RECHECKED = 256 /* keys at once, whose replicas are looked at */
};
#define BACKLOG_US (10 * KITH_US_PER_MS)

static const struct kith_span nothing = { NULL, 0 };

static struct kith_id id_of(struct kith_span bytes)
{
	struct kith_id id;
	memcpy(id.b, bytes.p, KITH_ID_LEN);
	return id;
}

/* False: a limit was met, and the leaf may ask again. */
static bool may_ask(struct kith_core *c, uint64_t asker)
{
	if (kith_query_room(c, asker) &&
	    kith_allowance_spend(&c->allowance, c->now.mono_us, asker, KITH_CHARGE_SUBSCRIPTION))
		return true;
	kith_stats_add(c->stats, KITH_STAT_REQUESTS_LIMITED, 1);
	return false;
}

/* A key that the leaf watches already: other tokens are as a new key. */
static bool add_known(struct kith_core *c, const struct kith_session *s, const struct kith_id *key,
		      struct kith_span tokens)
{
	struct kith_watches *ws = &c->super->interests;
	uint64_t asker = kith_identity_key(&s->attached->identity);
	if (!kith_watches_shows_others(ws, key, s->index, tokens))
		return true;
	if (!may_ask(c, asker))
		return false;
	if (kith_watches_show(ws, key, s->index, tokens) == 1)
		kith_query_subscribe(c, s->index, key, asker, tokens, false);
	return true;
}

static bool add(struct kith_core *c, const struct kith_session *s, const struct kith_id *key, struct kith_span tokens)
{
	struct kith_watches *ws = &c->super->interests;
	uint64_t asker = kith_identity_key(&s->attached->identity);
	if (kith_watches_has(ws, key, s->index))
		return add_known(c, s, key, tokens);
	if (!may_ask(c, asker))
		return false;
	int added = kith_watches_add(ws, c->now.mono_us, key, s->index, asker);
	if (added < 0) { /* the leaf has its share: asking again would not help */
		kith_stats_add(c->stats, KITH_STAT_REQUESTS_LIMITED, 1);
		return true;
	}
	if (kith_watches_show(ws, key, s->index, tokens) < 0)
		kith_stats_add(c->stats, KITH_STAT_ALLOC_FAILED, 1);
	kith_query_subscribe(c, s->index, key, asker, tokens, added == 1);
	return true;
}

void kith_interests_on_request(struct kith_core *c, struct kith_session *s, const struct kith_request *request)
{
	struct kith_msg_room room;
	struct kith_msg_subscribe m;
	if (kith_msg_subscribe_read(&m, &room, request->body) != 0) {
		kith_session_answer(c, s, request->id, KITH_STATUS_MALFORMED, nothing);
		return;
	}
	if (!(s->use & KITH_USE_LEAF)) {
		kith_session_answer(c, s, request->id, KITH_STATUS_NOT_ALLOWED, nothing);
		return;
	}
	bool all = true;
	s->attached->brief = m.brief;
	for (size_t i = 0; i < m.drop.n; i++) {
		struct kith_id key = id_of(m.drop.at[i]);
		(void)kith_watches_remove(&c->super->interests, &key, s->index);
	}
	for (size_t i = 0; i < m.add.n; i++) {
		struct kith_id key = id_of(m.add.at[i]);
		all = add(c, s, &key, nothing) && all;
	}
	for (size_t i = 0; i < m.follow.n; i++) {
		struct kith_span bytes, tokens;
		if (!kith_msg_follow_item(m.follow.at[i], &bytes, &tokens))
			continue;
		struct kith_id key = id_of(bytes);
		all = add(c, s, &key, tokens) && all;
	}
	kith_session_answer(c, s, request->id, all ? KITH_STATUS_OK : KITH_STATUS_LIMITED, nothing);
}

void kith_interests_recheck(struct kith_core *c)
{
	c->super->recheck = 0;
	c->super->rechecking = true;
	kith_super_wake(c, c->now.mono_us);
}

/* A key of which a replica became another one is watched again; the others stay as they are. */
static void recheck(struct kith_core *c)
{
	struct kith_supernode *sn = c->super;
	const struct kith_watch_key *key = NULL;
	for (int i = 0; i < RECHECKED && (key = kith_watches_next_key(&sn->interests, &sn->recheck)) != NULL; i++) {
		if (key->replicas != kith_replicas_number(&sn->members, &key->key))
			kith_watches_renew_by(&sn->interests, &key->key, c->now.mono_us);
	}
	sn->rechecking = key != NULL;
}

kith_time_us kith_interests_tick(struct kith_core *c)
{
	struct kith_watches *ws = &c->super->interests;
	const struct kith_watch_key *key;
	if (c->super->rechecking)
		recheck(c);
	for (int i = 0; i < BATCH && kith_uplink_wait(c) == 0 && kith_query_room(c, KITH_QUERY_OWN) &&
			(key = kith_watches_due(ws, c->now.mono_us)) != NULL;
	     i++)
		kith_query_watch(c, &key->key);
	kith_time_us at = c->super->rechecking ? 0 : kith_watches_next_deadline(ws);
	kith_time_us soon = c->now.mono_us + BACKLOG_US, free_at = c->now.mono_us + kith_uplink_wait(c);
	soon = soon > free_at ? soon : free_at;
	return at > soon ? at : soon;
}
