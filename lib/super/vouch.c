#include "super/vouch.h"

#include "base/addr.h"
#include "base/alloc.h"
#include "link/connect.h"
#include "super/members.h"
#include "super/suspect.h"
#include "wire/message_attest.h"

static const struct kith_span nothing = { NULL, 0 };

/* One that has shown its entry, and waits until we know its witnesses. */
struct introduced {
	uint32_t session; /* 0: free */
	uint16_t request;
	kith_time_us until;
	struct kith_blob *entry;
};

struct kith_vouching {
	struct introduced waiting[KITH_VOUCH_WAITING];
	kith_time_us next_at; /* the next question */
};

static bool seek(struct kith_core *c, const struct kith_session *s, struct kith_span attests)
{
	struct kith_members *ms = &c->super->members;
	ms->teller = s != NULL ? kith_addr_diversity_prefix(&kith_session_hop(s)->remote) : 0;
	bool sought = kith_members_seek(ms, &c->now, attests);
	ms->teller = 0;
	return sought;
}

bool kith_vouch_seek(struct kith_core *c, const struct kith_session *s, struct kith_span attests)
{
	if (!seek(c, s, attests))
		return false;
	kith_super_wake(c, c->now.mono_us);
	return true;
}

/* ---- entries of others ---- */

/* Takes the entry of whoever is at the other end. OK: it is a supernode. NOT_FOUND: not as long as its witnesses are
 * not known. */
static uint8_t take(struct kith_core *c, struct kith_session *s, struct kith_span entry)
{
	struct kith_members *ms = &c->super->members;
	struct kith_member *member = NULL;
	int merged = kith_members_merge(ms, &c->now, entry, &member);
	if (merged > 0)
		kith_super_learnt(c);
	if (member == NULL || memcmp(member->blob->bytes, s->device, KITH_DEVICE_ID_LEN) != 0)
		return merged == KITH_ENOENT ? KITH_STATUS_NOT_FOUND : KITH_STATUS_INVALID;
	if (kith_member_live(member))
		s->role = KITH_ROLE_SUPERNODE;
	kith_members_use(ms, &member->id, c->now.mono_us);
	return KITH_STATUS_OK;
}

static bool is_sought(struct kith_core *c, const struct kith_session *s, struct kith_span entry)
{
	struct kith_member_entry parsed;
	return kith_member_parse(&parsed, entry) == 0 && seek(c, s, parsed.attest);
}

static struct kith_vouching *desk(struct kith_core *c)
{
	struct kith_supernode *sn = c->super;
	if (sn->vouching == NULL)
		sn->vouching = KITH_NEW(c->alloc, struct kith_vouching);
	return sn->vouching;
}

/* False: its witnesses are nowhere, there is no room, or it asks too often. */
static bool wait(struct kith_core *c, struct kith_session *s, uint16_t request, struct kith_span entry)
{
	struct kith_vouching *v = c->super->members.sectors.bits > 0 ? desk(c) : NULL;
	struct introduced *place = NULL;
	for (size_t i = 0; v != NULL && i < KITH_VOUCH_WAITING; i++) {
		if (v->waiting[i].session == s->index)
			return false;
		place = v->waiting[i].session == 0 ? &v->waiting[i] : place;
	}
	if (place == NULL || !kith_session_spend(c, s, KITH_CHARGE_LOOKUP) || !is_sought(c, s, entry))
		return false;
	place->entry = kith_blob_intern(&c->shared->blobs, entry.p, entry.len);
	if (place->entry == NULL)
		return false;
	place->session = s->index;
	place->request = request;
	place->until = c->now.mono_us + KITH_VOUCH_WAIT_US;
	kith_super_wake(c, c->now.mono_us);
	return true;
}

void kith_vouch_on_elected(struct kith_core *c, struct kith_session *s, const struct kith_request *request)
{
	struct kith_msg_elected m;
	uint8_t status = KITH_STATUS_MALFORMED;
	if (kith_msg_elected_read(&m, request->body) == 0)
		status = take(c, s, m.entry);
	if (status != KITH_STATUS_NOT_FOUND || !wait(c, s, request->id, m.entry))
		kith_session_answer(c, s, request->id, status, nothing);
}

static void let_go(struct kith_core *c, struct introduced *w)
{
	kith_blob_unref(&c->shared->blobs, w->entry);
	*w = (struct introduced){ 0 };
}

/* Whoever waits is told when nobody is looked for any more for its sake, or its time is over. */
static void tell(struct kith_core *c)
{
	struct kith_vouching *v = c->super->vouching;
	for (size_t i = 0; v != NULL && i < KITH_VOUCH_WAITING; i++) {
		struct introduced *w = &v->waiting[i];
		struct kith_session *s = w->session != 0 ? kith_sessions_get(&c->sessions, w->session) : NULL;
		if (w->session == 0)
			continue;
		if (s == NULL || s->state == KITH_SESSION_CLOSED) {
			let_go(c, w);
			continue;
		}
		if (w->until > c->now.mono_us && is_sought(c, s, kith_blob_span(w->entry)))
			continue;
		kith_session_answer(c, s, w->request, take(c, s, kith_blob_span(w->entry)), nothing);
		let_go(c, w);
	}
}

/* ---- witnesses ---- */

static bool has_prefix(const uint64_t prefixes[], unsigned n, uint64_t prefix)
{
	for (unsigned i = 0; i < n; i++) {
		if (prefixes[i] == prefix)
			return true;
	}
	return false;
}

/* The member next to a place after so many that were asked, each of another address prefix: it is in view there. */
static const struct kith_member *guide_for(const struct kith_core *c, const struct kith_id *place, unsigned asked)
{
	enum { WALK = 64 };
	uint64_t prefixes[KITH_ABSENT_GUIDES];
	struct kith_member_walk walk;
	const struct kith_member *m;
	unsigned n = 0;
	kith_member_walk_init(&walk, &c->super->members, place);
	for (unsigned i = 0; i < WALK && (m = kith_member_walk_next(&walk)) != NULL; i++) {
		if (kith_member_suspect(m, c->now.mono_us) || has_prefix(prefixes, n, m->prefix) ||
		    memcmp(m->id.b, c->super->id.b, KITH_ID_LEN) == 0)
			continue;
		if (n == asked)
			return m;
		prefixes[n++] = m->prefix;
	}
	return NULL;
}

static bool ask(struct kith_core *c, const struct kith_absent_one *one)
{
	const struct kith_span own = { c->super->id.b, KITH_MEMBER_ID_PREFIX };
	struct kith_msg_find m = { .nearer = { &own, 1 }, .members = 1 };
	uint8_t body[128];
	struct kith_host host;
	uint32_t session;
	memcpy(m.key.b, one->id, sizeof one->id);
	const struct kith_member *guide = guide_for(c, &m.key, one->asked);
	if (guide == NULL)
		return false;
	kith_members_use(&c->super->members, &guide->id, c->now.mono_us);
	kith_member_host(guide, &host);
	const struct kith_span span = { body, kith_msg_find_write(body, sizeof body, &m) };
	return kith_connect_request(c, &host, KITH_USE_MEMBER, KITH_REQ_FIND, span, kith_token(KITH_TOKEN_VOUCH, 0),
				    &session) == 0;
}

void kith_vouch_on_answer(struct kith_core *c, struct kith_session *s, const struct kith_answer *answer)
{
	struct kith_msg_room room;
	struct kith_msg_found m;
	kith_super_heard_of(c, s, answer->err);
	if (answer->kind == KITH_REQ_ELECTED) {
		s->introduced = s->introduced && answer->err == 0; /* else it is shown our entry again */
		return;
	}
	if (!kith_serves(c) || (answer->err != 0 && answer->err != KITH_ENOENT) ||
	    kith_msg_found_read(&m, &room, answer->body) != 0)
		return;
	for (size_t i = 0; i < m.members.n; i++) {
		int merged = kith_super_told_of(c, s, m.members.at[i], NULL);
		(void)merged; /* one of several that have to say so */
	}
	kith_super_wake(c, c->now.mono_us);
}

kith_time_us kith_vouch_tick(struct kith_core *c)
{
	struct kith_absent *a = c->super->members.absent;
	struct kith_vouching *v = a != NULL ? desk(c) : c->super->vouching;
	struct kith_absent_one *one;
	if (v == NULL)
		return KITH_TIME_NEVER;
	while (a != NULL && v->next_at <= c->now.mono_us && (one = kith_absent_due(a, c->now.mono_us)) != NULL) {
		if (kith_members_get_prefix(&c->super->members, one->id) != NULL) {
			kith_absent_found(one);
			continue;
		}
		kith_absent_asked(one, c->now.mono_us, ask(c, one));
		v->next_at = c->now.mono_us + KITH_VOUCH_US;
	}
	tell(c);
	kith_time_us at = a != NULL ? kith_absent_deadline(a) : KITH_TIME_NEVER;
	at = at < v->next_at ? v->next_at : at;
	for (size_t i = 0; i < KITH_VOUCH_WAITING; i++) {
		if (v->waiting[i].session != 0 && v->waiting[i].until < at)
			at = v->waiting[i].until;
	}
	return at;
}

void kith_vouch_deinit(struct kith_core *c)
{
	struct kith_vouching *v = c->super->vouching;
	for (size_t i = 0; v != NULL && i < KITH_VOUCH_WAITING; i++) {
		if (v->waiting[i].session != 0)
			let_go(c, &v->waiting[i]);
	}
	KITH_FREE(c->alloc, v);
	c->super->vouching = NULL;
}
