#include "call/early.h"

#include "call/op.h"
#include "link/via.h"

static const struct kith_span nothing = { NULL, 0 };

/* Whether the first home that is asked is asked in a session that there is. */
static bool goes_alone(struct kith_core *c, const struct kith_peer *peer)
{
	if (peer->homes_n == 0 || !kith_via_allowed(c, peer, &peer->homes[0]))
		return true; /* on the local network; or chained, through a home of ours */
	const struct kith_session *s = kith_sessions_of(&c->sessions, peer->homes[0].dh.b);
	return s != NULL && s->state == KITH_SESSION_OPEN;
}

struct kith_early kith_early_along(struct kith_core *c, const struct kith_operation *op, const struct kith_peer *peer,
				   const struct kith_person *person)
{
	struct kith_early early = { .bytes = kith_blob_span(op->early) };
	/* The callee's own chain names this issuer. */
	early.by_id = memcmp(person->issuer_id, c->me.issuer_id, sizeof person->issuer_id) == 0;
	early.alone = early.bytes.len > 0 && goes_alone(c, peer);
	return early;
}

void kith_early_take(struct kith_operation *op, struct kith_session *s)
{
	if (op->early == NULL)
		return;
	s->peer->early.ours = kith_blob_ref(op->early);
	s->peer->early.sent = op->early_went = s->hs->early;
}

void kith_early_keep(struct kith_core *c, struct kith_session *s, struct kith_span bytes)
{
	if (bytes.len == 0 || s->peer->early.theirs != NULL)
		return;
	s->peer->early.theirs = kith_blob_intern(&c->shared->blobs, bytes.p, bytes.len);
	if (s->peer->early.theirs == NULL)
		kith_stats_add(c->stats, KITH_STAT_ALLOC_FAILED, 1);
}

void kith_early_tell(struct kith_core *c, struct kith_session *s)
{
	struct kith_peer_early *early = &s->peer->early;
	struct kith_event *ev = early->theirs != NULL && !early->told ? kith_event_push(c, KITH_EVENT_EARLY) : NULL;
	if (ev == NULL)
		return;
	early->told = true;
	ev->session = s->index;
}

/* What did not go along. */
static void send(struct kith_core *c, struct kith_session *s, struct kith_span bytes)
{
	uint8_t body[KITH_EARLY_MAX + 8];
	const struct kith_msg_early m = { bytes };
	size_t len = kith_msg_early_write(body, sizeof body, &m);
	if (kith_session_request(c, s, KITH_REQ_EARLY, (struct kith_span){ body, len },
				 kith_token(KITH_TOKEN_IGNORE, 0)) != 0)
		kith_stats_add(c->stats, KITH_STAT_ALLOC_FAILED, 1);
}

void kith_early_opened(struct kith_core *c, struct kith_session *s)
{
	struct kith_peer_early *early = &s->peer->early;
	const struct kith_operation *op = kith_op_get(c, s->peer->op);
	kith_early_tell(c, s);
	if (op != NULL && op->early != NULL && !(s->initiator && early->sent))
		send(c, s, kith_blob_span(op->early));
	kith_blob_unref(&c->shared->blobs, early->ours);
	early->ours = NULL;
}

void kith_early_on_request(struct kith_core *c, struct kith_session *s, const struct kith_request *request)
{
	struct kith_msg_early m;
	uint8_t status = KITH_STATUS_OK;
	if (kith_msg_early_read(&m, request->body) != 0)
		status = KITH_STATUS_MALFORMED;
	else if (s->peer->early.told || s->peer->early.theirs != NULL)
		status = KITH_STATUS_STALE;
	kith_session_answer(c, s, request->id, status, nothing);
	if (status != KITH_STATUS_OK)
		return;
	kith_early_keep(c, s, m.bytes);
	kith_early_tell(c, s);
}

int kith_early_give(struct kith_core *c, struct kith_session *s, uint8_t out[KITH_EARLY_MAX])
{
	struct kith_peer_early *early = &s->peer->early;
	if (!early->told || early->theirs == NULL)
		return KITH_ENOENT;
	const struct kith_span bytes = kith_blob_span(early->theirs);
	memcpy(out, bytes.p, bytes.len);
	const int len = (int)bytes.len;
	kith_blob_unref(&c->shared->blobs, early->theirs);
	early->theirs = NULL;
	return len;
}

void kith_early_over(struct kith_core *c, struct kith_session *s)
{
	kith_blob_unref(&c->shared->blobs, s->peer->early.ours);
	kith_blob_unref(&c->shared->blobs, s->peer->early.theirs);
	s->peer->early = (struct kith_peer_early){ 0 };
}
