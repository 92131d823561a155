#include "super/sponsor.h"

#include "base/addr.h"
#include "base/alloc.h"
#include "link/connect.h"
#include "overlay/witnesses.h"
#include "super/members.h"
#include "super/query.h"
#include "super/vouch.h"
#include "super/witness.h"
#include "wire/message_attest.h"

static const struct kith_span nothing = { NULL, 0 };

/* Where the candidate is to be dialled: its packets' source, or another port of that address. False: elsewhere. */
static bool proven_endpoint(struct kith_core *c, const struct kith_session *s, const struct kith_endpoint *wanted,
			    struct kith_endpoint *out)
{
	const struct kith_path *path = kith_pathset_sending(&s->paths);
	if (path == NULL || path->state == KITH_PATH_CANDIDATE) /* where packets come from, and nobody has answered */
		return false;
	const struct kith_hop *hop = &path->hop;
	if (hop->tunnel != 0 || kith_transports_kind(&c->transports, hop->transport) != KITH_TRANSPORT_UDP)
		return false;
	*out = kith_endpoint_udp(&hop->remote);
	if (wanted->kind == KITH_TRANSPORT_NONE)
		return true;
	struct kith_addr same = wanted->addr;
	same.port = hop->remote.port;
	if (wanted->kind != KITH_TRANSPORT_UDP || !kith_addr_equal(&same, &hop->remote))
		return false;
	*out = *wanted;
	return true;
}

static int id_of(struct kith_core *c, const struct kith_person *person, const struct kith_endpoint *at,
		 struct kith_id *out)
{
	if (c->trust.open)
		return kith_ids_supernode_open(c->suite, out, &c->trust.network, &person->identity, &at->addr);
	kith_ids_supernode(c->suite, out, &c->trust.network, person->placement);
	return 0;
}

/* ---- figures ---- */

/* False without memory. */
static bool has_candidate(struct kith_core *c, struct kith_session *leaf)
{
	if (leaf->attached->candidate != NULL)
		return true;
	leaf->attached->candidate = KITH_NEW(c->alloc, struct kith_candidate_leaf);
	if (leaf->attached->candidate == NULL)
		return false;
	leaf->attached->candidate->since = c->now.mono_us;
	return true;
}

static void keep_figures(struct kith_core *c, struct kith_session *s, const struct kith_person *person,
			 const struct kith_endpoint *at, struct kith_span held)
{
	const struct kith_qualify_who who = { .sign = person->device_sign, .identity = person->identity };
	struct kith_qualification figures;
	if ((s->use & KITH_USE_LEAF) == 0 || held.len == 0)
		return;
	int err = kith_members_qualify(&c->super->members, &c->now, &who, at, held, &figures);
	bool unsure = err == KITH_ENOENT && kith_vouch_seek(c, s, held);
	if ((err != 0 && !unsure) || !has_candidate(c, s))
		return;
	struct kith_candidate_leaf *leaf = s->attached->candidate;
	leaf->unsure = unsure;
	if (unsure) {
		leaf->shown_len = (uint16_t)held.len;
		memmove(leaf->shown, held.p, held.len);
		return;
	}
	leaf->figures = figures;
	leaf->held_len = (uint16_t)held.len;
	memcpy(leaf->held, held.p, held.len);
}

/* Attestations whose witnesses were looked for are judged when those are known. */
void kith_sponsor_look(struct kith_core *c, struct kith_session *s)
{
	struct kith_candidate_leaf *leaf = (s->use & KITH_USE_LEAF) != 0 ? s->attached->candidate : NULL;
	struct kith_attest list[KITH_ATTESTS_MAX];
	struct kith_person person;
	if (leaf == NULL || !leaf->unsure)
		return;
	const struct kith_span shown = { leaf->shown, leaf->shown_len };
	leaf->unsure = false;
	if (kith_attests_read(list, shown) > 0 && kith_session_person(c, s, &person))
		keep_figures(c, s, &person, &list[0].endpoint, shown);
}

const struct kith_qualification *kith_sponsor_figures(const struct kith_core *c, const struct kith_session *s)
{
	const struct kith_candidate_leaf *leaf = (s->use & KITH_USE_LEAF) != 0 ? s->attached->candidate : NULL;
	const struct kith_qualification *q = leaf != NULL && leaf->figures.until_ms != 0 ? &leaf->figures : NULL;
	return q != NULL && q->until_ms + KITH_CLOCK_TOLERANCE_MS >= c->now.unix_ms ? q : NULL;
}

/* ---- asking witnesses ---- */

/* A home of the leaf has heard from it: its packets may pass where those of strangers do not. */
static bool is_home(const struct kith_session *s, const struct kith_member *m)
{
	struct kith_record record;
	if ((s->use & KITH_USE_LEAF) == 0 || s->attached->record == NULL ||
	    kith_record_parse(&record, kith_blob_span(s->attached->record)) != 0)
		return false;
	for (uint8_t i = 0; i < record.homes_n; i++) {
		if (memcmp(m->blob->bytes, record.homes[i].host.dh.b, KITH_KEY_LEN) == 0)
			return true;
	}
	return false;
}

/* False: it is not asked. This node asks itself. */
static bool ask_witness(struct kith_core *c, const struct kith_session *s, const struct kith_member *w,
			const struct kith_msg_witness *m, struct kith_span span)
{
	struct kith_host host;
	uint32_t session;
	if (memcmp(w->id.b, c->super->id.b, KITH_ID_LEN) == 0)
		return kith_witness_take(c, s, m) == KITH_STATUS_OK;
	kith_member_host(w, &host);
	kith_super_introduce(c, &host);
	kith_members_use(&c->super->members, &w->id, c->now.mono_us);
	return kith_connect_request(c, &host, KITH_USE_MEMBER, KITH_REQ_WITNESS, span, kith_token(KITH_TOKEN_IGNORE, 0),
				    &session) == 0;
}

/* Asks those that are known to be nearest to the candidate's key of today: others than homes first, and nobody else but
 * where members are few. Returns how many. */
static uint8_t ask_witnesses(struct kith_core *c, const struct kith_session *s, const struct kith_id *key,
			     const struct kith_msg_witness *m, struct kith_span span)
{
	const struct kith_member *found[KITH_WITNESSES_MAX];
	uint8_t asked = 0;
	const uint32_t n = kith_witnesses_find(&c->super->members, key, &m->endpoint, found);
	const int rounds = kith_witnesses_few(&c->super->members, n) ? 2 : 1;
	for (int round = 0; round < rounds; round++) {
		for (uint32_t i = 0; i < n && asked < KITH_WITNESSES; i++) {
			const bool home =
				memcmp(found[i]->id.b, c->super->id.b, KITH_ID_LEN) == 0 || is_home(s, found[i]);
			if (home == (round > 0) && memcmp(found[i]->id.b, m->id.b, KITH_ID_LEN) != 0 &&
			    !kith_member_suspect(found[i], c->now.mono_us))
				asked += ask_witness(c, s, found[i], m, span);
		}
	}
	KITH_LOG(c->log, KITH_LOG_DEBUG, "sponsor session=%08x witnesses=%u", s->index, asked);
	return asked;
}

static void answer(struct kith_core *c, struct kith_session *s, uint16_t request, uint8_t witnesses)
{
	const struct kith_msg_asked asked = { .witnesses = witnesses };
	uint8_t body[16];
	const struct kith_span span = { body, kith_msg_asked_write(body, sizeof body, &asked) };
	if (witnesses >= KITH_ATTESTS_NEEDED)
		kith_session_answer(c, s, request, KITH_STATUS_OK, span);
	else
		kith_session_answer(c, s, request, KITH_STATUS_NOT_FOUND, nothing);
}

/* Has witnesses asked, now, or when those that are far have been looked for. */
static void sponsor(struct kith_core *c, struct kith_session *s, uint16_t request, const struct kith_msg_witness *m)
{
	uint8_t body[KITH_REQUEST_MAX];
	struct kith_id key;
	const struct kith_span span = { body, kith_msg_witness_write(body, sizeof body, m) };
	kith_witnesses_key(c->suite, &m->id, c->now.unix_ms, &key);
	if (!kith_sectors_near(&c->super->members.sectors, key.b) && span.len > 0 &&
	    kith_query_locate(c, &key, s->index, KITH_REQ_WITNESS, span, request) == 0)
		return;
	answer(c, s, request, span.len > 0 ? ask_witnesses(c, s, &key, m, span) : 0);
}

void kith_sponsor_located(struct kith_core *c)
{
	struct kith_errand e;
	while (kith_query_located(c, true, &e)) {
		struct kith_session *s = kith_sessions_get(&c->sessions, e.leaf);
		const struct kith_span span = kith_blob_span(e.bytes);
		struct kith_msg_witness m;
		if (s != NULL && s->state == KITH_SESSION_OPEN && kith_msg_witness_read(&m, span) == 0)
			answer(c, s, e.request, ask_witnesses(c, s, &e.key, &m, span));
		kith_blob_unref(&c->shared->blobs, e.bytes);
	}
}

/* Whether this may be asked now; then not again for a while. */
static bool may_ask(struct kith_core *c, struct kith_session *s)
{
	const bool of_leaf = (s->use & KITH_USE_LEAF) != 0;
	if (of_leaf && !has_candidate(c, s))
		return false;
	struct kith_candidate_leaf *leaf = of_leaf ? s->attached->candidate : NULL;
	if ((c->super->sponsored_at != 0 && c->now.mono_us - c->super->sponsored_at < KITH_US_PER_S) ||
	    (leaf != NULL && leaf->attest_at > c->now.mono_us))
		return false;
	c->super->sponsored_at = c->now.mono_us;
	if (leaf != NULL)
		leaf->attest_at = c->now.mono_us + kith_pace_wait(c, KITH_WITNESS_AGAIN_US);
	return true;
}

/* OK: witnesses are to be asked, or that was not wanted. */
static uint8_t serve(struct kith_core *c, struct kith_session *s, const struct kith_msg_attest *m,
		     struct kith_msg_witness *w)
{
	struct kith_person person;
	if ((s->use & KITH_USE_LEAF) == 0 && s->role != KITH_ROLE_SUPERNODE)
		return KITH_STATUS_NOT_ALLOWED;
	if (!proven_endpoint(c, s, &m->endpoint, &w->endpoint))
		return KITH_STATUS_NOT_ALLOWED;
	if (!kith_session_person(c, s, &person) || id_of(c, &person, &w->endpoint, &w->id) != 0)
		return KITH_STATUS_FAILED;
	keep_figures(c, s, &person, &w->endpoint, m->held);
	w->device = person.device_dh;
	return !m->ask || may_ask(c, s) ? KITH_STATUS_OK : KITH_STATUS_LIMITED;
}

void kith_sponsor_on_attest(struct kith_core *c, struct kith_session *s, const struct kith_request *request)
{
	struct kith_msg_attest m;
	if (kith_msg_attest_read(&m, request->body) != 0) {
		kith_session_answer(c, s, request->id, KITH_STATUS_MALFORMED, nothing);
		return;
	}
	/* The address of whoever asks inside a HELLO is not proven yet. */
	struct kith_msg_witness w = { .up = m.up, .down = m.down, .held = m.held };
	uint8_t status = s->state != KITH_SESSION_OPEN ? KITH_STATUS_NOT_ALLOWED : serve(c, s, &m, &w);
	if (status == KITH_STATUS_LIMITED)
		kith_stats_add(c->stats, KITH_STAT_REQUESTS_LIMITED, 1);
	if (status == KITH_STATUS_OK && m.ask) {
		sponsor(c, s, request->id, &w);
		return;
	}
	const struct kith_msg_asked told = { .witnesses = 0 };
	uint8_t body[16];
	const struct kith_span span = { body, kith_msg_asked_write(body, sizeof body, &told) };
	kith_session_answer(c, s, request->id, status, status == KITH_STATUS_OK ? span : nothing);
}
