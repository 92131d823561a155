#include "super/seek.h"

#include "base/addr.h"
#include "base/alloc.h"
#include "base/rng.h"
#include "link/connect.h"
#include "overlay/pick.h"
#include "super/members.h"
#include "super/sponsor.h"
#include "super/vouch.h"
#include "wire/message_attest.h"
#include "wire/token.h"

#define SEEK_US (3 * KITH_US_PER_S)
#define UNWILLING_US (3600 * KITH_US_PER_S)

static const struct kith_span nothing = { NULL, 0 };

/* A candidate of another member. */
struct found {
	struct kith_qualification figures;
	struct kith_key device; /* X25519 */
	struct kith_id home;
};

/* A leaf of ours is asked for somebody else. */
struct passed {
	uint32_t asker; /* session; 0: free */
	uint16_t request;
	uint32_t leaf; /* session */
};

struct kith_seek {
	bool active;
	kith_time_us until;
	struct kith_id asked[KITH_ELECTION_CANDIDATES];
	uint8_t waiting; /* for so many answers */
	uint8_t n;
	struct found found[KITH_ELECTION_CANDIDATES];
	struct passed passed[KITH_PASSED_MAX];
};

static struct kith_seek *desk(struct kith_core *c)
{
	struct kith_supernode *sn = c->super;
	if (sn->seek == NULL)
		sn->seek = KITH_NEW(c->alloc, struct kith_seek);
	return sn->seek;
}

void kith_seek_deinit(struct kith_core *c)
{
	KITH_FREE(c->alloc, c->super->seek);
	c->super->seek = NULL;
}

/* ---- leaves of ours ---- */

static bool is_near(const struct kith_core *c, const struct kith_endpoint *at)
{
	const uint64_t prefix = kith_addr_diversity_prefix(&at->addr);
	for (uint8_t i = 0; i < c->endpoints_n; i++) {
		if (kith_addr_diversity_prefix(&c->endpoints[i].addr) == prefix)
			return true;
	}
	return false;
}

static bool suffices(const struct kith_core *c, const struct kith_qualification *q)
{
	return kith_election_lacks(q, c->now.unix_ms, c->pace) == KITH_ROLE_WHY_NONE;
}

static bool may_be_asked(struct kith_core *c, struct kith_session *s)
{
	kith_sponsor_look(c, s);
	const struct kith_qualification *q = kith_sponsor_figures(c, s);
	return s->state == KITH_SESSION_OPEN && q != NULL && kith_paced(c) >= s->attached->candidate->unwilling_until &&
	       suffices(c, q);
}

size_t kith_seek_own(struct kith_core *c, bool near, struct kith_session *out[KITH_ELECTION_CANDIDATES])
{
	const struct kith_table *t = &c->sessions.by_index;
	uint32_t from = t->cap > 0 ? kith_rng_below(c->random, t->cap) : 0, it = from;
	size_t n = 0;
	struct kith_session *s;
	for (int round = 0; round < 2; round++, it = 0) {
		while (n < KITH_ELECTION_CANDIDATES && (s = kith_table_next(t, &it)) != NULL &&
		       (round == 0 || it <= from)) {
			if (may_be_asked(c, s) && (near || !is_near(c, &kith_sponsor_figures(c, s)->endpoint)))
				out[n++] = s;
		}
	}
	return n;
}

struct kith_session *kith_seek_best(const struct kith_core *c, struct kith_session *const own[], size_t n)
{
	const struct kith_qualification *figures[KITH_ELECTION_CANDIDATES];
	for (size_t i = 0; i < n; i++)
		figures[i] = kith_sponsor_figures(c, own[i]);
	int best = kith_election_best(figures, n, c->now.unix_ms, c->pace);
	return best >= 0 ? own[best] : NULL;
}

int kith_seek_help_body(struct kith_core *c, const struct kith_key *device, uint8_t out[KITH_REQUEST_MAX])
{
	uint8_t bytes[KITH_HELP_TOKEN_MAX];
	const struct kith_help_token token = { .candidate = *device,
					       .seq = (uint64_t)c->now.unix_ms,
					       .expires_ms = c->now.unix_ms + KITH_HELP_LIFE_MS,
					       .chain = c->self.chain };
	int n = kith_help_token_make(c->suite, bytes, &token, c->self.sign_sk);
	if (n < 0)
		return n;
	const struct kith_msg_help m = { .token = { bytes, (size_t)n } };
	return (int)kith_msg_help_write(out, KITH_REQUEST_MAX, &m);
}

/* ---- seeking ---- */

bool kith_seek_active(const struct kith_core *c)
{
	return c->super->seek != NULL && c->super->seek->active;
}

kith_time_us kith_seek_until(const struct kith_core *c)
{
	return kith_seek_active(c) ? c->super->seek->until : KITH_TIME_NEVER;
}

bool kith_seek_begin(struct kith_core *c)
{
	const struct kith_member *drawn[KITH_ELECTION_CANDIDATES];
	struct kith_seek *seek = desk(c);
	if (seek == NULL)
		return false;
	uint32_t n = kith_members_pick(&c->super->members, c->random, c->now.mono_us, &c->super->id, drawn,
				       KITH_ELECTION_CANDIDATES);
	seek->n = seek->waiting = 0;
	for (uint32_t i = 0; i < n; i++) {
		struct kith_host host;
		uint32_t session;
		kith_member_host(drawn[i], &host);
		kith_super_introduce(c, &host);
		seek->asked[i] = drawn[i]->id;
		if (kith_connect_request(c, &host, KITH_USE_MEMBER, KITH_REQ_NOMINATE, nothing,
					 kith_token(KITH_TOKEN_NOMINATE, i), &session) == 0)
			seek->waiting++;
	}
	seek->active = seek->waiting > 0;
	seek->until = c->now.mono_us + SEEK_US;
	return seek->active;
}

void kith_seek_end(struct kith_core *c)
{
	if (c->super->seek != NULL)
		c->super->seek->active = false;
}

/* A leaf that a member shows, by what is signed of it. False: it does not suffice. */
static bool judge(struct kith_core *c, const struct kith_msg_nominated *m, struct found *out)
{
	struct kith_person person;
	struct kith_attest list[KITH_ATTESTS_MAX];
	if (kith_attests_read(list, m->attests) < KITH_ATTESTS_NEEDED ||
	    kith_trust_check(&c->trust, &c->now, m->chain, &person) != 0)
		return false;
	const struct kith_qualify_who who = { .sign = person.device_sign, .identity = person.identity };
	out->device = person.device_dh;
	int err = kith_members_qualify(&c->super->members, &c->now, &who, &list[0].endpoint, m->attests, &out->figures);
	if (err == KITH_ENOENT)
		(void)kith_vouch_seek(c, NULL, m->attests); /* its witnesses are known when we ask again */
	return err == 0 && suffices(c, &out->figures) && !is_near(c, &out->figures.endpoint);
}

static bool is_known(const struct kith_core *c, const struct kith_key *device)
{
	const struct kith_seek *seek = c->super->seek;
	for (uint8_t i = 0; i < seek->n; i++) {
		if (kith_key_equal(&seek->found[i].device, device))
			return true;
	}
	return memcmp(device->b, c->self.dh_pk, sizeof device->b) == 0;
}

bool kith_seek_heard(struct kith_core *c, const struct kith_answer *answer)
{
	struct kith_seek *seek = c->super->seek;
	const uint64_t at = kith_token_value(answer->token);
	struct kith_msg_nominated m;
	struct found f;
	if (seek == NULL || !seek->active || seek->waiting == 0)
		return false;
	seek->waiting--;
	if (answer->err == 0 && at < KITH_ELECTION_CANDIDATES && seek->n < KITH_ELECTION_CANDIDATES &&
	    kith_msg_nominated_read(&m, answer->body) == 0 && judge(c, &m, &f) && !is_known(c, &f.device)) {
		f.home = seek->asked[at];
		seek->found[seek->n++] = f;
	}
	return seek->waiting == 0;
}

bool kith_seek_next(struct kith_core *c, struct kith_host *newcomer, struct kith_host *home)
{
	struct kith_seek *seek = c->super->seek;
	const struct kith_qualification *figures[KITH_ELECTION_CANDIDATES];
	int best = -1;
	if (!kith_seek_active(c))
		return false;
	for (uint8_t i = 0; i < seek->n; i++)
		figures[i] = &seek->found[i].figures;
	while ((best = kith_election_best(figures, seek->n, c->now.unix_ms, c->pace)) >= 0) {
		const struct found f = seek->found[best];
		const struct kith_member *m = kith_members_get(&c->super->members, &f.home);
		seek->found[best] = seek->found[--seek->n];
		if (m == NULL)
			continue;
		*newcomer = (struct kith_host){ .dh = f.device, .endpoints_n = 1, .endpoints = { f.figures.endpoint } };
		kith_member_host(m, home);
		return true;
	}
	seek->active = false;
	return false;
}

void kith_seek_refused(struct kith_core *c, struct kith_session *s)
{
	if ((s->use & KITH_USE_LEAF) != 0 && s->attached->candidate != NULL)
		s->attached->candidate->unwilling_until = kith_paced(c) + UNWILLING_US;
}

/* ---- for others ---- */

static bool spend(struct kith_core *c, const struct kith_session *s)
{
	return desk(c) != NULL && kith_session_spend(c, s, KITH_CHARGE_NOMINATION);
}

static void refuse(struct kith_core *c, struct kith_session *s, uint16_t id, uint8_t status)
{
	if (status == KITH_STATUS_LIMITED)
		kith_stats_add(c->stats, KITH_STAT_REQUESTS_LIMITED, 1);
	kith_session_answer(c, s, id, status, nothing);
}

void kith_seek_on_nominate(struct kith_core *c, struct kith_session *s, const struct kith_request *request)
{
	struct kith_session *own[KITH_ELECTION_CANDIDATES];
	uint8_t body[KITH_CHAIN_MAX + KITH_ATTESTS_LEN_MAX + 16];
	if (!spend(c, s)) {
		refuse(c, s, request->id, KITH_STATUS_LIMITED);
		return;
	}
	const struct kith_session *best = kith_seek_best(c, own, kith_seek_own(c, true, own));
	if (best == NULL || best->chain == NULL || best->attached->candidate->held_len == 0) {
		refuse(c, s, request->id, KITH_STATUS_NOT_FOUND);
		return;
	}
	const struct kith_candidate_leaf *leaf = best->attached->candidate;
	const struct kith_msg_nominated m = { .chain = kith_blob_span(best->chain),
					      .attests = { leaf->held, leaf->held_len } };
	const struct kith_span span = { body, kith_msg_nominated_write(body, sizeof body, &m) };
	kith_session_answer(c, s, request->id, KITH_STATUS_OK, span);
}

/* The leaf that a member asks for; NULL, and why not. The token is the member's word about that leaf, and fresh. */
static struct kith_session *wanted_leaf(struct kith_core *c, const struct kith_session *s, struct kith_span body,
					uint8_t *status)
{
	struct kith_msg_help m;
	struct kith_help_token token;
	struct kith_person person;
	*status = KITH_STATUS_MALFORMED;
	if (kith_msg_help_read(&m, body) != 0 || kith_help_token_parse(&token, m.token) != 0)
		return NULL;
	*status = KITH_STATUS_LIMITED;
	if (!spend(c, s))
		return NULL;
	*status = KITH_STATUS_INVALID;
	if (memcmp(token.device.b, s->device, KITH_DEVICE_ID_LEN) != 0 ||
	    kith_help_token_verify(&token, &c->trust, &c->now, &person) != 0)
		return NULL;
	struct kith_session *leaf = kith_sessions_of(&c->sessions, token.candidate.b);
	*status = KITH_STATUS_NOT_FOUND;
	return leaf != NULL && (leaf->use & KITH_USE_LEAF) != 0 && may_be_asked(c, leaf) ? leaf : NULL;
}

static struct passed *place_for(struct kith_seek *seek, const struct kith_session *leaf)
{
	struct passed *free = NULL;
	for (size_t i = 0; i < KITH_PASSED_MAX; i++) {
		if (seek->passed[i].asker == 0)
			free = &seek->passed[i];
		else if (seek->passed[i].leaf == leaf->index)
			return NULL;
	}
	return free;
}

void kith_seek_on_help(struct kith_core *c, struct kith_session *s, const struct kith_request *request)
{
	uint8_t status = KITH_STATUS_LEAVING, body[KITH_REQUEST_MAX];
	struct kith_person person;
	struct kith_session *leaf = c->leaving ? NULL : wanted_leaf(c, s, request->body, &status);
	if (leaf == NULL) {
		refuse(c, s, request->id, status);
		return;
	}
	struct passed *p = place_for(c->super->seek, leaf);
	int len = p != NULL && kith_session_person(c, leaf, &person) ? kith_seek_help_body(c, &person.device_dh, body)
								     : KITH_EFULL;
	if (len <= 0 || kith_session_request(c, leaf, KITH_REQ_HELP, (struct kith_span){ body, (size_t)len },
					     kith_token(KITH_TOKEN_PASSED, leaf->index)) != 0) {
		refuse(c, s, request->id, KITH_STATUS_FULL);
		return;
	}
	*p = (struct passed){ .asker = s->index, .request = request->id, .leaf = leaf->index };
}

void kith_seek_on_passed(struct kith_core *c, struct kith_session *s, const struct kith_answer *answer)
{
	struct kith_seek *seek = c->super != NULL ? c->super->seek : NULL;
	for (size_t i = 0; seek != NULL && i < KITH_PASSED_MAX; i++) {
		struct passed *p = &seek->passed[i];
		if (p->asker == 0 || p->leaf != kith_token_value(answer->token))
			continue;
		struct kith_session *asker = kith_sessions_get(&c->sessions, p->asker);
		const uint8_t refused = answer->status != KITH_STATUS_OK ? answer->status : (uint8_t)KITH_STATUS_FAILED;
		if (asker != NULL && asker->state == KITH_SESSION_OPEN)
			kith_session_answer(c, asker, p->request, answer->err == 0 ? (uint8_t)KITH_STATUS_OK : refused,
					    answer->err == 0 ? answer->body : nothing);
		*p = (struct passed){ 0 };
	}
	if (answer->err != 0)
		kith_seek_refused(c, s);
}
