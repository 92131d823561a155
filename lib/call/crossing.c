#include "call/crossing.h"

#include "call/op.h"
#include "call/relays.h"
#include "link/connect.h"

struct kith_session *kith_crossing_taken(struct kith_core *c, const struct kith_operation *op)
{
	struct kith_session *s = kith_peer_get(c, op->session);
	if (s == NULL)
		return NULL;
	return s->initiator ? kith_peer_get(c, s->peer->rival) : s;
}

static bool same_service(const struct kith_operation *op, struct kith_span service)
{
	return strlen(op->service) == service.len && memcmp(op->service, service.p, service.len) == 0;
}

enum kith_crossing kith_crossing_judge(struct kith_core *c, const struct kith_hello *hello,
				       const struct kith_person *person, kith_op *out)
{
	*out = 0;
	for (const struct kith_operation *op = c->ops; op != NULL; op = op->next) {
		if (op->kind != KITH_OP_CALL || strcmp(op->name, person->name) != 0 ||
		    !same_service(op, hello->service))
			continue;
		const struct kith_session *ours = kith_peer_get(c, op->session), *taken = kith_crossing_taken(c, op);
		if (ours != NULL && !kith_key_equal(&ours->peer->identity, &person->identity))
			continue;
		if (taken != NULL && memcmp(taken->device, person->device_dh.b, KITH_DEVICE_ID_LEN) != 0)
			continue; /* another device of theirs came first */
		*out = op->id;
		/* A call that they took back and made again counts, an older one does not. */
		if (taken != NULL && taken->hs != NULL)
			return hello->timestamp_ms > taken->hs->timestamp_ms ? KITH_CROSSING_THEIRS
									     : KITH_CROSSING_OURS;
		bool sent = ours != NULL && memcmp(ours->device, person->device_dh.b, KITH_DEVICE_ID_LEN) == 0;
		return sent && memcmp(c->self.dh_pk, person->device_dh.b, sizeof person->device_dh.b) < 0
			       ? KITH_CROSSING_OURS
			       : KITH_CROSSING_THEIRS;
	}
	return KITH_CROSSING_NONE;
}

void kith_crossing_take(struct kith_core *c, kith_op id, struct kith_session *s)
{
	struct kith_operation *op = kith_op_get(c, id);
	struct kith_session *ours = kith_peer_get(c, op->session), *before = kith_crossing_taken(c, op);
	if (before != NULL)
		kith_crossing_give_way(c, before);
	s->peer->op = id;
	if (ours != NULL && ours->initiator) {
		s->peer->rival = ours->index;
		ours->peer->rival = s->index;
	} else {
		op->session = s->index;
	}
	kith_op_arm(c, op, op->give_up_at);
}

static void cancel(struct kith_core *c, struct kith_session *s)
{
	if (kith_connect_cancel(c, s))
		kith_relays_carry(c, s);
}

void kith_crossing_give_way(struct kith_core *c, struct kith_session *s)
{
	struct kith_session *rival = kith_peer_get(c, s->peer->rival);
	s->peer->op = 0;
	s->peer->rival = 0;
	s->peer->told = false;
	if (rival != NULL)
		rival->peer->rival = 0;
	if (s->state == KITH_SESSION_INITIATING)
		cancel(c, s);
	else if (s->state == KITH_SESSION_UNCONFIRMED && !s->hs->refused)
		s->peer->hang_up =
			true; /* the caller may have our answer: it is told in the new keys, which we lack yet */
	else
		kith_session_end(c, s, KITH_CLOSE_CANCELED, false);
}

void kith_crossing_settle(struct kith_core *c, struct kith_session *s, struct kith_session *rival)
{
	if (rival->initiator && memcmp(rival->device, s->device, KITH_DEVICE_ID_LEN) == 0) {
		/* The peer knows our call from the answer that opened its own, and waits for nothing more. */
		rival->peer->op = 0;
		kith_session_end(c, rival, KITH_CLOSE_REPLACED, false);
		return;
	}
	kith_crossing_give_way(c, rival);
}
