#include "super/members.h"

#include "base/rng.h"
#include "link/connect.h"

enum {
	FULL_EVERY = 8, /* gossip exchanges between two that compare the whole tables */
	ISLAND_ODDS = 5 /* one exchange in so many, and fewer in larger networks, is with a bootstrap host */
};
#define REPUBLISH_US (5 * KITH_US_PER_S) /* after the members changed */

static const struct kith_span nothing = { NULL, 0 };

void kith_super_wake(struct kith_core *c, kith_time_us at)
{
	struct kith_timer *t = &c->super->timer;
	if (kith_timer_is_set(t) && t->at <= at)
		return;
	if (kith_timers_set(&c->timers, t, at) != 0)
		kith_stats_add(c->stats, KITH_STAT_ALLOC_FAILED, 1);
}

uint64_t kith_super_seq(const struct kith_core *c)
{
	uint64_t seq = c->leaf.record_seq > c->entry_seq_saved ? c->leaf.record_seq : c->entry_seq_saved;
	return c->super != NULL && c->super->entry_seq > seq ? c->super->entry_seq : seq;
}

static void forget_ahead(const struct kith_core *c, uint64_t *seq)
{
	if (kith_record_seq_is_ahead(*seq, &c->now))
		*seq = 0;
}

void kith_super_forget_ahead(struct kith_core *c)
{
	struct kith_member *self = kith_members_get(&c->super->members, &c->super->id);
	forget_ahead(c, &c->leaf.record_seq);
	forget_ahead(c, &c->entry_seq_saved);
	forget_ahead(c, &c->super->entry_seq);
	if (self != NULL)
		forget_ahead(c, &self->seq);
}

int kith_super_make_entry(struct kith_core *c, uint16_t flags)
{
	struct kith_supernode *sn = c->super;
	struct kith_member_entry entry;
	memset(&entry, 0, sizeof entry);
	entry.flags = flags;
	entry.seq = kith_record_next_seq(kith_super_seq(c), &c->now);
	entry.expires_ms = (int64_t)entry.seq + KITH_MEMBER_LIFE_MS;
	entry.endpoints_n = c->endpoints_n;
	memcpy(entry.endpoints, c->endpoints, c->endpoints_n * sizeof c->endpoints[0]);
	entry.chain = c->self.chain;
	int n = kith_member_make(c->suite, sn->entry, &entry, c->self.sign_sk);
	if (n < 0)
		return n;
	sn->entry_len = (uint16_t)n;
	sn->entry_seq = entry.seq;
	sn->entry_at = c->now.mono_us;
	kith_save_soon(c);
	/* Our own clock may have been set back since the last entry, which is no reason for us to doubt that entry. */
	struct kith_now now = c->now;
	if (now.unix_ms < (int64_t)entry.seq)
		now.unix_ms = (int64_t)entry.seq;
	struct kith_member *self = NULL;
	struct kith_span bytes = { sn->entry, sn->entry_len };
	int err = kith_members_merge(&sn->members, &now, bytes, &self);
	if (err == KITH_EEXPIRED || err == KITH_ENOTYET)
		err = kith_member_parse(&entry, bytes) == 0 ? kith_member_id(&entry, &c->trust, &sn->id) : KITH_EPROTO;
	if (err < 0)
		return err;
	if (self != NULL)
		sn->id = self->id;
	return 0;
}

void kith_super_gossip_with(struct kith_core *c, const struct kith_host *host, struct kith_span body)
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
	for (size_t i = 0; i < c->endpoints_n; i++) {
		if (kith_endpoint_equal(&b->at, &c->endpoints[i]))
			return false; /* ourselves: another next time */
	}
	memset(host, 0, sizeof *host);
	host->endpoints_n = 1;
	host->endpoints[0] = b->at;
	if (b->has_key)
		host->dh = b->key;
	return true;
}

/* The partner of the next exchange is a member, or a bootstrap host: while no member is known, and now and then later,
 * since supernodes that met each other first may have formed an island. A larger network asks these few hosts more
 * seldom, since all of it shares them. */
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

void kith_super_gossip(struct kith_core *c)
{
	struct kith_host host;
	uint8_t body[KITH_GOSSIP_REQUEST_MAX];
	bool full;
	if (!pick_partner(c, &host, &full))
		return;
	size_t n = kith_gossip_request(&c->super->members, &c->now, c->random, full, body);
	kith_super_gossip_with(c, &host, (struct kith_span){ body, n });
}

void kith_super_republish_soon(struct kith_core *c)
{
	struct kith_supernode *sn = c->super;
	if (sn->republish_at == KITH_TIME_NEVER)
		sn->republish_at = c->now.mono_us + kith_rng_jitter(c->random, REPUBLISH_US, 50);
	kith_super_wake(c, sn->republish_at);
}

/* The next exchange comes sooner, so that a newcomer is known everywhere within seconds. */
void kith_super_learnt(struct kith_core *c)
{
	struct kith_supernode *sn = c->super;
	kith_time_us soon = c->now.mono_us + kith_rng_jitter(c->random, KITH_GOSSIP_US / 6, 20);
	if (sn->gossip_at > soon)
		sn->gossip_at = soon;
	kith_super_wake(c, sn->gossip_at);
	kith_watches_renew_all(&sn->interests, c->now.mono_us, 10 * KITH_US_PER_S);
	kith_super_republish_soon(c);
}

static void learnt(struct kith_core *c, const struct kith_gossip_result *result)
{
	if (result->fresh + result->updated > 0)
		kith_super_learnt(c);
}

static void follow_up(struct kith_core *c, struct kith_session *s, const struct kith_gossip_result *result)
{
	if (result->follow_len == 0 || s->state == KITH_SESSION_CLOSED)
		return;
	struct kith_span body = { result->follow, result->follow_len };
	int err = s->state == KITH_SESSION_OPEN
			  ? kith_session_request(c, s, KITH_REQ_GOSSIP, body, kith_token(KITH_TOKEN_GOSSIP, 0))
			  : kith_request_embed(&s->requests, kith_env(c, s), KITH_REQ_GOSSIP, body,
					       kith_token(KITH_TOKEN_GOSSIP, 0), KITH_REQUEST_TIMEOUT_US, NULL);
	(void)err;
}

void kith_super_on_gossip(struct kith_core *c, struct kith_session *s, const struct kith_request *request)
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

void kith_super_on_gossiped(struct kith_core *c, struct kith_session *s, const struct kith_answer *answer)
{
	struct kith_gossip_result result;
	kith_super_heard_of(c, s, answer->err);
	if (c->super == NULL || answer->err != 0 ||
	    kith_gossip_answered(&c->super->members, &c->now, answer->body, &result) != 0)
		return;
	learnt(c, &result);
	follow_up(c, s, &result);
}

/* The member whose device that is. All members are searched, which is needed only when one failed or recovered. */
static struct kith_member *member_of(struct kith_core *c, const struct kith_session *s)
{
	const struct kith_members *ms = &c->super->members;
	for (uint32_t i = 0; i < ms->n; i++) {
		if (memcmp(ms->at[i]->blob->bytes, s->device, KITH_DEVICE_ID_LEN) == 0)
			return ms->at[i];
	}
	return NULL;
}

void kith_super_heard_of(struct kith_core *c, const struct kith_session *s, int err)
{
	if (c->super == NULL)
		return;
	bool failed = err == KITH_ETIMEDOUT || (err == KITH_ECLOSED && s->chain == NULL); /* it never came up */
	if (!failed && c->super->suspects == 0)
		return; /* nobody to clear */
	struct kith_member *m = member_of(c, s);
	if (m == NULL)
		return;
	if (failed == (m->failures == 0)) {
		c->super->suspects += failed ? 1 : (uint32_t)-1;
		kith_super_republish_soon(c);
	}
	if (failed)
		kith_member_failed(m, c->now.mono_us);
	else
		kith_member_alive(m);
}

struct kith_spans kith_super_named(struct kith_core *c, struct kith_super_named *room, uint32_t max)
{
	const struct kith_member *picked[KITH_MEMBERS_TOLD_MAX];
	uint32_t n = kith_members_pick(&c->super->members, c->random, c->now.mono_us, &c->super->id, picked,
				       max < KITH_MEMBERS_TOLD_MAX ? max : KITH_MEMBERS_TOLD_MAX);
	for (uint32_t i = 0; i < n; i++)
		room->at[i] = kith_member_entry_bytes(picked[i]);
	return (struct kith_spans){ room->at, n };
}

void kith_super_on_members(struct kith_core *c, struct kith_session *s, const struct kith_request *request)
{
	uint8_t body[KITH_MEMBERS_TOLD_MAX * (KITH_MEMBER_LEN_MAX + 3) + 8];
	struct kith_super_named room;
	struct kith_msg_members m;
	struct kith_key identity;
	if (kith_msg_members_read(&m, request->body) != 0) {
		kith_session_answer(c, s, request->id, KITH_STATUS_MALFORMED, nothing);
		return;
	}
	if (!kith_session_asks_seldom(c, s) &&
	    (!kith_session_identity(c, s, &identity) ||
	     !kith_limiter_allow(&c->super->lookups, c->now.mono_us, kith_identity_key(&identity)))) {
		kith_stats_add(c->stats, KITH_STAT_REQUESTS_LIMITED, 1);
		kith_session_answer(c, s, request->id, KITH_STATUS_LIMITED, nothing);
		return;
	}
	uint32_t max = m.n < KITH_MEMBERS_TOLD_MAX ? (uint32_t)m.n : KITH_MEMBERS_TOLD_MAX;
	const struct kith_msg_named named = { .entries = kith_super_named(c, &room, max) };
	size_t len = kith_msg_named_write(body, sizeof body, &named);
	kith_session_answer(c, s, request->id, KITH_STATUS_OK, (struct kith_span){ body, len });
}
