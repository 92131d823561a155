#include "link/lists.h"

#include "base/alloc.h"
#include "base/bytes.h"

enum { OTHERS = sizeof((struct kith_wanted *)0)->others / sizeof(uint32_t) };

void kith_lists_deinit(struct kith_core *c)
{
	KITH_FREE_ARRAY(c->alloc, c->lists.wanted, c->lists.wanted != NULL ? KITH_LISTS_MAX : 0);
}

/* One question of those that an identity has. */
static bool spend(struct kith_core *c, struct kith_session *s)
{
	return kith_session_spend(c, s, KITH_CHARGE_POSTED_TOLD);
}

static void drop(struct kith_core *c, struct kith_wanted *w)
{
	*w = c->lists.wanted[--c->lists.n];
	if (c->lists.n > 0)
		return;
	KITH_FREE_ARRAY(c->alloc, c->lists.wanted, KITH_LISTS_MAX);
	c->lists.wanted = NULL;
}

static uint64_t token(const struct kith_wanted *w)
{
	return kith_token(KITH_TOKEN_LIST, kith_bytes_number(w->signer, sizeof w->signer) ^ w->kind);
}

static bool ask(struct kith_core *c, const struct kith_wanted *w)
{
	uint8_t body[32];
	struct kith_trust_list held;
	struct kith_msg_list m = { .cert = w->cert };
	struct kith_session *s = kith_sessions_get(&c->sessions, w->session);
	if (s == NULL || s->state == KITH_SESSION_CLOSED)
		return false;
	if (!spend(c, s)) {
		kith_stats_add(c->stats, KITH_STAT_LISTS_LIMITED, 1);
		return false;
	}
	memcpy(m.signer, w->signer, sizeof m.signer);
	m.kind = w->kind;
	if (kith_trust_posted_of(&c->trust, &c->now, w->kind, w->signer, &held))
		m.number = held.number < w->number ? held.number : w->number - 1; /* that one, though it is no newer */
	const struct kith_span span = { body, kith_msg_list_write(body, sizeof body, &m) };
	return (s->state == KITH_SESSION_OPEN
			? kith_session_request_for(c, s, KITH_REQ_LIST, span, token(w), KITH_LIST_TIMEOUT_US)
			: kith_request_embed(&s->requests, kith_env(c, s), KITH_REQ_LIST, span, token(w),
					     KITH_LIST_TIMEOUT_US, NULL)) == 0;
}

/* ---- hearing ---- */

/* Whether that very one is asked for already: whoever tells of it now may be asked next. A higher number may be false,
 * and keeps nobody from asking for this one. */
static bool wanted_already(struct kith_core *c, const struct kith_edition *e, uint32_t session)
{
	for (uint8_t i = 0; i < c->lists.n; i++) {
		struct kith_wanted *w = &c->lists.wanted[i];
		if (w->kind != e->kind || memcmp(w->signer, e->signer, sizeof w->signer) != 0 ||
		    w->number != e->number ||
		    (e->digest != NULL && memcmp(w->digest, e->digest, sizeof w->digest) != 0))
			continue;
		for (unsigned k = 0; k < OTHERS && w->session != session && w->others[k] != session; k++) {
			if (w->others[k] == 0) {
				w->others[k] = session;
				break;
			}
		}
		return true;
	}
	return false;
}

static bool make_room(struct kith_core *c)
{
	if (c->lists.wanted == NULL)
		c->lists.wanted = KITH_NEW_ARRAY(c->alloc, struct kith_wanted, KITH_LISTS_MAX);
	return c->lists.wanted != NULL && c->lists.n < KITH_LISTS_MAX;
}

/* Whether a thing is held, or one that is newer; of an issuer that is proven to keep two logs no head is wanted. */
static bool is_held(struct kith_core *c, const struct kith_wanted *w, struct kith_trust_list *held)
{
	struct kith_trust_list fork;
	bool known = kith_trust_posted_of(&c->trust, &c->now, w->kind, w->signer, held);
	if (w->kind == KITH_POSTED_HEAD &&
	    kith_trust_posted_of(&c->trust, &c->now, KITH_POSTED_FORK, w->signer, &fork) && fork.number > 0)
		return true;
	return known && (held->number > w->number ||
			 (held->number == w->number && memcmp(held->digest, w->digest, sizeof w->digest) == 0));
}

static bool is_known_kind(uint8_t kind)
{
	return kind == KITH_POSTED_LIST || kind == KITH_POSTED_HEAD || kind == KITH_POSTED_FORK ||
	       kind == KITH_POSTED_PARAMS;
}

static void hear(struct kith_core *c, struct kith_session *s, const struct kith_edition *e)
{
	struct kith_trust_list held;
	struct kith_wanted want = { .kind = e->kind, .number = e->number, .session = s->index };
	memcpy(want.signer, e->signer, sizeof want.signer);
	if (e->digest != NULL)
		memcpy(want.digest, e->digest, sizeof want.digest);
	if (c->trust.open || e->number == 0 || !is_known_kind(e->kind) || is_held(c, &want, &held) ||
	    wanted_already(c, e, s->index))
		return;
	/* The certificate of an issuer whose own is out of its time may have been renewed. */
	want.cert = !(memcmp(held.id, e->signer, sizeof held.id) == 0 && held.valid);
	if (!make_room(c)) {
		c->lists.lost = true;
		return;
	}
	struct kith_wanted *w = &c->lists.wanted[c->lists.n++];
	*w = want;
	if (!ask(c, w))
		drop(c, w);
}

void kith_lists_hear(struct kith_core *c, struct kith_session *s, struct kith_span editions)
{
	struct kith_reader r = kith_reader_of_span(editions);
	struct kith_edition e;
	while (kith_edition_next(&r, &e))
		hear(c, s, &e);
}

void kith_lists_on_editions(struct kith_core *c, struct kith_session *s, const struct kith_request *request)
{
	const struct kith_span nothing = { NULL, 0 };
	struct kith_msg_editions m;
	int err = kith_msg_editions_read(&m, request->body);
	kith_session_answer(c, s, request->id, err == 0 ? KITH_STATUS_OK : KITH_STATUS_MALFORMED, nothing);
	if (err == 0)
		kith_lists_hear(c, s, m.editions);
}

/* ---- what comes ---- */

static int take(struct kith_core *c, const struct kith_wanted *w, struct kith_span body)
{
	struct kith_msg_listed m;
	int err = kith_msg_listed_read(&m, body);
	if (err == 0)
		err = w->cert ? kith_trust_issuer_add(&c->trust, &c->now, m.cert)
			      : kith_trust_post(&c->trust, &c->now, m.list);
	if (err != 1)
		return err;
	KITH_LOG(c->log, KITH_LOG_INFO, "list_taken signer=%016llx session=%08x",
		 (unsigned long long)kith_bytes_number(w->signer, sizeof w->signer), w->session);
	kith_stats_add(c->stats, KITH_STAT_LISTS_TAKEN, 1);
	c->lists.fresh = true;
	return 0;
}

/* Counts why a list did not come. What may happen between honest nodes is held against nobody: it was busy or left, or
 * our clock is behind. */
static void blame(struct kith_core *c, const struct kith_wanted *w, int err)
{
	struct kith_session *s = kith_sessions_get(&c->sessions, w->session);
	bool missing = err == 0 || err == KITH_ENOENT || err == KITH_ETIMEDOUT;
	bool wrong = err == KITH_EPROTO || err == KITH_ESIGNATURE || err == KITH_ECHAIN || err == KITH_ENETWORK;
	if (!missing && !wrong)
		return;
	kith_stats_add(c->stats,
		       w->cert	 ? KITH_STAT_LISTS_UNKNOWN
		       : missing ? KITH_STAT_LISTS_FALSE
				 : KITH_STAT_LISTS_REFUSED,
		       1);
	for (unsigned i = 1; s != NULL && i < KITH_LIST_LIE_COST && spend(c, s); i++) {}
}

/* Asks the next one that told of it. */
static void go_on(struct kith_core *c, struct kith_wanted *w)
{
	for (unsigned i = 0; i < OTHERS; i++) {
		w->session = w->others[i];
		w->others[i] = 0;
		if (w->session != 0 && ask(c, w))
			return;
	}
	drop(c, w);
	c->lists.lost = true;
}

/* What is held by now is not wanted any more, whoever was asked. */
static void sweep(struct kith_core *c)
{
	struct kith_trust_list held;
	for (uint8_t i = c->lists.n; i-- > 0;) {
		struct kith_wanted *w = &c->lists.wanted[i];
		if (is_held(c, w, &held))
			drop(c, w);
	}
}

static struct kith_wanted *asked(const struct kith_core *c, uint32_t session, uint64_t tok)
{
	for (uint8_t i = 0; i < c->lists.n; i++) {
		if (c->lists.wanted[i].session == session && token(&c->lists.wanted[i]) == tok)
			return &c->lists.wanted[i];
	}
	return NULL;
}

void kith_lists_on_answer(struct kith_core *c, struct kith_session *s, const struct kith_answer *answer)
{
	struct kith_trust_list held;
	struct kith_wanted *w = asked(c, s->index, answer->token);
	if (w == NULL)
		return;
	int err = answer->err != 0 ? answer->err : take(c, w, answer->body);
	if (is_held(c, w, &held)) {
		sweep(c);
		return;
	}
	if (w->cert && memcmp(held.id, w->signer, sizeof held.id) == 0 && held.valid) {
		w->cert = false;
		if (ask(c, w))
			return;
	} else {
		blame(c, w, err);
	}
	go_on(c, w);
}
