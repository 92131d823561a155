#include "super/members.h"

#include "base/rng.h"
#include "link/connect.h"
#include "wire/message_attest.h"

enum {
	FULL_EVERY = 8, /* gossip exchanges between two that compare the whole tables */
	INTRODUCTIONS = 8, /* exchanges that begin with the entry of one who elected itself: then rumours do the rest */
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
	entry.flags = sn->help.draining ? flags | KITH_MEMBER_LEFT : flags;
	entry.load = kith_election_load_byte(sn->load.smooth);
	entry.seq = kith_record_next_seq(kith_super_seq(c), &c->now);
	entry.expires_ms = (int64_t)entry.seq + KITH_MEMBER_LIFE_MS;
	entry.endpoints_n = c->endpoints_n;
	memcpy(entry.endpoints, c->endpoints, c->endpoints_n * sizeof c->endpoints[0]);
	entry.attest = (struct kith_span){ sn->attests, sn->attests_len };
	entry.chain = c->self.chain;
	int n = kith_member_make(c->suite, sn->entry, &entry, c->self.sign_sk);
	if (n < 0)
		return n;
	sn->entry_len = (uint16_t)n;
	sn->entry_seq = entry.seq;
	sn->entry_at = sn->load.said_at = c->now.mono_us;
	sn->load.said = entry.load;
	sn->introductions_left = sn->elected ? INTRODUCTIONS : 0;
	kith_save_soon(c);
	/* Our own clock may have been set back since the last entry, which is no reason for us to doubt that entry. */
	struct kith_now now = c->now;
	if (now.unix_ms < (int64_t)entry.seq)
		now.unix_ms = (int64_t)entry.seq;
	struct kith_member *self = NULL;
	struct kith_span bytes = { sn->entry, sn->entry_len };
	int err = kith_members_merge(&sn->members, &now, bytes, &self);
	/* Whoever begins knows no member yet, its witnesses neither. Others do, and bring our entry back to us. */
	if (err == KITH_EEXPIRED || err == KITH_ENOTYET || err == KITH_ENOENT)
		err = kith_member_parse(&entry, bytes) == 0 ? kith_member_id(&entry, &c->trust, &sn->id) : KITH_EPROTO;
	if (err < 0)
		return err;
	if (self != NULL)
		sn->id = self->id;
	return 0;
}

/* A supernode that elected itself is none to whoever has not its entry yet, and may not gossip there. */
static void introduce(struct kith_core *c, const struct kith_host *host)
{
	struct kith_supernode *sn = c->super;
	uint8_t body[KITH_REQUEST_MAX];
	uint32_t session;
	const struct kith_msg_elected m = { .entry = { sn->entry, sn->entry_len } };
	if (sn->introductions_left == 0)
		return;
	sn->introductions_left--;
	const struct kith_span span = { body, kith_msg_elected_write(body, sizeof body, &m) };
	int err = kith_connect_request(c, host, KITH_USE_MEMBER, KITH_REQ_ELECTED, span,
				       kith_token(KITH_TOKEN_IGNORE, 0), &session);
	(void)err; /* the next exchange is soon */
}

void kith_super_on_elected(struct kith_core *c, struct kith_session *s, const struct kith_request *request)
{
	struct kith_msg_elected m;
	struct kith_member *member = NULL;
	uint8_t status = KITH_STATUS_MALFORMED;
	if (kith_msg_elected_read(&m, request->body) == 0) {
		int merged = kith_members_merge(&c->super->members, &c->now, m.entry, &member);
		status = member != NULL && memcmp(member->blob->bytes, s->device, KITH_DEVICE_ID_LEN) == 0
				 ? KITH_STATUS_OK
			 : merged == KITH_ENOENT ? KITH_STATUS_NOT_FOUND
						 : KITH_STATUS_INVALID;
		if (merged > 0)
			kith_super_learnt(c);
	}
	if (status == KITH_STATUS_OK && kith_member_live(member))
		s->role = KITH_ROLE_SUPERNODE;
	kith_session_answer(c, s, request->id, status, nothing);
}

void kith_super_gossip_with(struct kith_core *c, const struct kith_host *host, struct kith_span body)
{
	uint32_t session;
	introduce(c, host);
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

void kith_super_greet(struct kith_core *c, const struct kith_host *host)
{
	uint8_t body[KITH_GOSSIP_REQUEST_MAX];
	size_t n = kith_gossip_request(&c->super->members, &c->now, c->random, true, body);
	kith_super_gossip_with(c, host, (struct kith_span){ body, n });
}

void kith_super_tell_left(struct kith_core *c)
{
	struct kith_supernode *sn = c->super;
	const struct kith_member *partners[3];
	if (kith_super_make_entry(c, KITH_MEMBER_LEFT) != 0)
		return;
	uint32_t told = kith_members_pick(&sn->members, c->random, c->now.mono_us, &sn->id, partners, 3);
	for (uint32_t i = 0; i < told; i++) {
		struct kith_host host;
		kith_member_host(partners[i], &host);
		kith_super_greet(c, &host);
	}
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

bool kith_super_is_young(const struct kith_core *c)
{
	return c->now.mono_us - c->super->begun_at < KITH_MEMBERS_YOUNG_US;
}

/* Whether a session is with a supernode that its certificate calls so. */
static bool is_seed(struct kith_core *c, const struct kith_session *s)
{
	struct kith_person person;
	return kith_session_person(c, s, &person) && kith_members_seeds(&c->super->members, &person);
}

void kith_super_on_gossiped(struct kith_core *c, struct kith_session *s, const struct kith_answer *answer)
{
	struct kith_gossip_result result;
	kith_super_heard_of(c, s, answer->err);
	if (c->super == NULL || answer->err != 0)
		return;
	struct kith_members *ms = &c->super->members;
	ms->word = kith_super_is_young(c) && is_seed(c, s);
	int err = kith_gossip_answered(ms, &c->now, answer->body, &result);
	ms->word = false;
	if (err != 0)
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

size_t kith_super_leave_write(struct kith_core *c, uint64_t in_ms, uint8_t out[KITH_REQUEST_MAX])
{
	struct kith_super_named room;
	struct kith_msg_leave m = { .in_ms = in_ms, .members = kith_super_named(c, &room, KITH_MEMBERS_TOLD_MAX) };
	size_t len;
	while ((len = kith_msg_leave_write(out, KITH_REQUEST_MAX, &m)) == 0)
		m.members.n--; /* two entries of usual length fit, and one with attestations */
	return len;
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
