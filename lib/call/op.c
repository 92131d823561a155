#include "call/op.h"

#include "base/alloc.h"
#include "base/text.h"
#include "call/near.h"

struct kith_operation *kith_op_get(struct kith_core *c, kith_op id)
{
	for (struct kith_operation *op = c->ops; id != 0 && op != NULL; op = op->next) {
		if (op->kind != KITH_OP_DONE && op->id == id)
			return op;
	}
	return NULL;
}

/* The last of the list, all zero. */
static int new_op(struct kith_core *c, struct kith_operation **out)
{
	struct kith_operation **at = &c->ops;
	size_t n = 0;
	for (; *at != NULL; at = &(*at)->next)
		n += (*at)->kind != KITH_OP_DONE;
	if (n == KITH_OPS_MAX)
		return KITH_EFULL;
	*at = *out = KITH_NEW(c->alloc, struct kith_operation);
	return *out != NULL ? 0 : KITH_ENOMEM;
}

void kith_op_arm(struct kith_core *c, struct kith_operation *op, kith_time_us at)
{
	if (at > op->give_up_at)
		at = op->give_up_at;
	op->due_at = at;
	at = kith_near_due(op) < at ? kith_near_due(op) : at;
	if (kith_timers_set(&c->timers, &op->timer, at) != 0)
		kith_stats_add(c->stats, KITH_STAT_ALLOC_FAILED, 1);
}

int kith_op_new(struct kith_core *c, enum kith_op_kind kind, const char *name, kith_time_us timeout_us, kith_op *out)
{
	struct kith_operation *op;
	int err = new_op(c, &op);
	if (err != 0)
		return err;
	op->kind = (uint8_t)kind;
	op->id = ++c->next_op != 0 ? c->next_op : ++c->next_op;
	op->timer.kind = KITH_TIMER_OP;
	op->give_up_at = c->now.mono_us + timeout_us;
	kith_text_copy(op->name, sizeof op->name, name);
	kith_op_arm(c, op, op->give_up_at);
	*out = op->id;
	return 0;
}

/* What hangs off it. */
static void let_go(struct kith_core *c, struct kith_operation *op)
{
	kith_timers_stop(&c->timers, &op->timer);
	kith_near_end(c, op);
	kith_blob_unref(&c->shared->blobs, op->early);
	op->early = NULL;
}

void kith_op_done(struct kith_core *c, kith_op id, int err, bool told)
{
	struct kith_operation *op = kith_op_get(c, id);
	if (op == NULL)
		return;
	if (op->asked != 0) {
		struct kith_session *s = kith_sessions_get(&c->sessions, op->asked);
		if (s != NULL) {
			kith_request_cancel(s->requests, kith_env(c, s), kith_token(KITH_TOKEN_LOOKUP, id));
		}
	}
	op->kind = KITH_OP_DONE;
	c->ops_done = true;
	let_go(c, op);
	if (told)
		return;
	struct kith_event *ev = kith_event_push(c, KITH_EVENT_OP_DONE);
	if (ev == NULL)
		return;
	ev->op = id;
	ev->err = err;
	memcpy(ev->name, op->name, sizeof ev->name);
}

static void drop(struct kith_core *c, bool all)
{
	struct kith_operation **at = &c->ops;
	while (*at != NULL) {
		struct kith_operation *op = *at;
		if (!all && op->kind != KITH_OP_DONE) {
			at = &op->next;
			continue;
		}
		*at = op->next;
		let_go(c, op);
		KITH_FREE(c->alloc, op);
	}
	c->ops_done = false;
}

void kith_ops_settle(struct kith_core *c)
{
	if (c->ops_done)
		drop(c, false);
}

void kith_ops_deinit(struct kith_core *c)
{
	drop(c, true);
}

struct kith_session *kith_peer_get(struct kith_core *c, kith_session_id id)
{
	struct kith_session *s = id != 0 ? kith_sessions_get(&c->sessions, id) : NULL;
	return s != NULL && (s->use & KITH_USE_PEER) && s->peer != NULL && s->state != KITH_SESSION_CLOSED ? s : NULL;
}
