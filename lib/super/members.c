#include "super/members.h"

#include "base/addr.h"
#include "base/rng.h"
#include "link/connect.h"
#include "overlay/pick.h"
#include "wire/message_attest.h"

#define REPUBLISH_US (KITH_US_PER_S / 2) /* after the members changed: more of them change at once */
enum {
	INTRODUCTIONS = 8 /* exchanges that begin with the entry of one who elected itself: then rumours do the rest */
};

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
	return kith_serves(c) && c->super->entry_seq > seq ? c->super->entry_seq : seq;
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
	if (sn->help.draining)
		flags |= KITH_MEMBER_LEFT;
	entry.flags = (uint16_t)(flags | (unsigned)sn->run << 8);
	entry.load = kith_election_load_byte(sn->load.smooth);
	entry.seq = kith_member_next_seq(kith_super_seq(c), &c->now);
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
	const uint64_t place = kith_sectors_place(sn->id.b);
	if (sn->members.sectors.self != place) {
		sn->members.sectors.self = place;
		kith_members_tell(&sn->members, &sn->id, 0, true); /* known for our own from now on */
	}
	return 0;
}

int kith_super_told_of(struct kith_core *c, const struct kith_session *s, struct kith_span entry,
		       struct kith_member **out)
{
	struct kith_members *ms = &c->super->members;
	ms->teller = kith_addr_diversity_prefix(&kith_session_hop(s)->remote);
	int merged = kith_members_merge(ms, &c->now, entry, out);
	ms->teller = 0;
	return merged;
}

static void show_entry(struct kith_core *c, const struct kith_host *host)
{
	struct kith_supernode *sn = c->super;
	uint8_t body[KITH_REQUEST_MAX];
	uint32_t session;
	const struct kith_msg_elected m = { .entry = { sn->entry, sn->entry_len } };
	const struct kith_span span = { body, kith_msg_elected_write(body, sizeof body, &m) };
	if (kith_connect_request(c, host, KITH_USE_MEMBER, KITH_REQ_ELECTED, span, kith_token(KITH_TOKEN_VOUCH, 0),
				 &session) != 0)
		return; /* the next exchange is soon */
	struct kith_session *s = kith_sessions_get(&c->sessions, session);
	if (s != NULL)
		s->introduced = true;
}

void kith_super_introduce(struct kith_core *c, const struct kith_host *host)
{
	const struct kith_supernode *sn = c->super;
	const struct kith_session *s = kith_sessions_of(&c->sessions, host->dh.b);
	bool knows = s != NULL && (s->introduced || !s->initiator);
	if (sn->elected && sn->members.sectors.bits > 0 && !knows)
		show_entry(c, host);
}

/* A supernode that elected itself is none to whoever has not its entry yet, and may not gossip there. */
static void introduce_first(struct kith_core *c, const struct kith_host *host)
{
	struct kith_supernode *sn = c->super;
	if (sn->introductions_left == 0) {
		kith_super_introduce(c, host);
		return;
	}
	sn->introductions_left--;
	show_entry(c, host);
}

void kith_super_gossip_with(struct kith_core *c, const struct kith_host *host, struct kith_span body,
			    kith_time_us give_up_us)
{
	uint32_t session;
	const uint64_t token = kith_token(KITH_TOKEN_GOSSIP, 0);
	introduce_first(c, host);
	struct kith_session *s = kith_sessions_of(&c->sessions, host->dh.b);
	if (s != NULL && s->state == KITH_SESSION_OPEN) {
		kith_session_use(c, s, KITH_USE_MEMBER);
		int err = kith_session_request_for(c, s, KITH_REQ_GOSSIP, body, token, give_up_us);
		(void)err; /* the next round is soon */
		return;
	}
	bool begun = s != NULL;
	if (kith_connect_request(c, host, KITH_USE_MEMBER, KITH_REQ_GOSSIP, body, token, &session) != 0)
		return;
	s = kith_sessions_get(&c->sessions, session);
	if (!begun && s != NULL && s->state == KITH_SESSION_INITIATING) {
		s->hs->give_up_at = c->now.mono_us + give_up_us;
		kith_session_touch(c, s);
	}
}

bool kith_super_is_young(const struct kith_core *c)
{
	return c->now.mono_us - c->super->begun_at < KITH_MEMBERS_YOUNG_US;
}

struct kith_member *kith_super_member_of(struct kith_core *c, const struct kith_session *s)
{
	const struct kith_members *ms = &c->super->members;
	for (uint32_t i = 0; i < ms->n; i++) {
		if (memcmp(ms->at[i]->blob->bytes, s->device, KITH_DEVICE_ID_LEN) == 0)
			return ms->at[i];
	}
	return NULL;
}

void kith_super_republish_soon(struct kith_core *c)
{
	struct kith_supernode *sn = c->super;
	if (sn->republish_at == KITH_TIME_NEVER)
		sn->republish_at = c->now.mono_us + kith_rng_jitter(c->random, REPUBLISH_US, 50);
	kith_super_wake(c, sn->republish_at);
}

void kith_super_learnt(struct kith_core *c)
{
	struct kith_supernode *sn = c->super;
	kith_time_us soon = c->now.mono_us + kith_rng_jitter(c->random, KITH_GOSSIP_URGENT_US, 20);
	sn->changed_at = c->now.mono_us;
	if (sn->gossip_at > soon)
		sn->gossip_at = soon;
	kith_super_wake(c, sn->gossip_at);
	kith_super_republish_soon(c);
}

/* ---- hosts for leaves ---- */

static bool heard_lately(const struct kith_core *c, const struct kith_member *m)
{
	kith_time_us now = c->now.mono_us;
	return m != NULL && kith_member_live(m) && !kith_member_suspect(m, now) && !kith_member_newcomer(m, now) &&
	       m->heard_at != 0 && now - m->heard_at < KITH_MEMBER_LATELY_US &&
	       kith_suspicion_get(&c->super->suspicion, &m->id) == NULL;
}

static bool picked_already(const struct kith_member *const out[], uint32_t n, const struct kith_member *m)
{
	for (uint32_t i = 0; i < n; i++) {
		if (out[i] == m)
			return true;
	}
	return false;
}

/* Partners that answer, from a random one on; then others. */
static uint32_t pick_hosts(struct kith_core *c, const struct kith_member *out[], uint32_t max)
{
	struct kith_supernode *sn = c->super;
	const struct kith_member *others[2 * KITH_MEMBERS_TOLD_MAX];
	uint32_t n = 0, start = kith_rng_below(c->random, KITH_MEMBERS_PARTNERS);
	for (uint32_t i = 0; i < KITH_MEMBERS_PARTNERS && n < max; i++) {
		const struct kith_partner *p = &sn->partners[(start + i) % KITH_MEMBERS_PARTNERS];
		const struct kith_member *m = p->taken ? kith_members_get(&sn->members, &p->id) : NULL;
		if (heard_lately(c, m) && !picked_already(out, n, m))
			out[n++] = m;
	}
	if (n == max)
		return n;
	uint32_t more = kith_members_pick(&sn->members, c->random, c->now.mono_us, &sn->id, others, 2 * max);
	for (uint32_t i = 0; i < more && n < max; i++) {
		if (!picked_already(out, n, others[i]) && kith_suspicion_get(&sn->suspicion, &others[i]->id) == NULL)
			out[n++] = others[i];
	}
	return n;
}

struct kith_spans kith_super_named(struct kith_core *c, struct kith_super_named *room, uint32_t max)
{
	const struct kith_member *picked[KITH_MEMBERS_TOLD_MAX];
	uint32_t n = pick_hosts(c, picked, max < KITH_MEMBERS_TOLD_MAX ? max : KITH_MEMBERS_TOLD_MAX);
	for (uint32_t i = 0; i < n; i++) {
		room->at[i] = kith_member_entry_bytes(picked[i]);
		room->kept[i] = (struct kith_kept_stretch){ picked[i]->blob,
							    (uint16_t)(room->at[i].p - picked[i]->blob->bytes) };
	}
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
	if (kith_msg_members_read(&m, request->body) != 0) {
		kith_session_answer(c, s, request->id, KITH_STATUS_MALFORMED, nothing);
		return;
	}
	if (!kith_session_asks_seldom(c, s) && !kith_session_spend(c, s, KITH_CHARGE_LOOKUP)) {
		kith_stats_add(c->stats, KITH_STAT_REQUESTS_LIMITED, 1);
		kith_session_answer(c, s, request->id, KITH_STATUS_LIMITED, nothing);
		return;
	}
	uint32_t max = m.n < KITH_MEMBERS_TOLD_MAX ? (uint32_t)m.n : KITH_MEMBERS_TOLD_MAX;
	bool own = max > 0 && c->endpoints_n > 1; /* who came here by one of our endpoints may not know the others */
	struct kith_msg_named named = { .entries = kith_super_named(c, &room, max - own) };
	const size_t shared = named.entries.n; /* our own entry lies in no blob */
	if (own)
		room.at[named.entries.n++] = (struct kith_span){ c->super->entry, c->super->entry_len };
	size_t len = kith_msg_named_write(body, sizeof body, &named);
	const struct kith_kept_stretches entries = { &c->shared->blobs, room.kept, shared };
	kith_session_answer_shared(c, s, request->id, KITH_STATUS_OK, (struct kith_span){ body, len }, &entries);
}
