/* Operations: calls and look-ups under way; and the presence calls that end at once. */
#include "host/internal.h"

#include "base/alloc.h"

struct kith_call *kith_call_find(struct kith_node *node, kith_op op)
{
	for (struct kith_link *l = node->calls.next; l != &node->calls; l = l->next) {
		struct kith_call *call = KITH_LINKED(l, struct kith_call, link);
		if (call->op == op)
			return call;
	}
	return NULL;
}

void kith_call_complete(struct kith_call *call, int err, struct kith_conn *conn)
{
	struct kith_node *node = call->node;
	kith_link_remove(&call->link);
	call->done = true;
	switch (call->kind) {
	case KITH_CALL_CONNECT:
		if (call->connected != NULL)
			call->connected(call, err, conn, call->user);
		break;
	case KITH_CALL_LOOKUP:
		if (call->looked_up != NULL)
			call->looked_up(call, err, call->user);
		break;
	case KITH_CALL_CHALLENGE:
		if (call->challenged != NULL)
			call->challenged(call, err, call->user);
		break;
	}
	KITH_FREE(node->alloc, call);
}

static int check_name(const struct kith_node *node, const char *name)
{
	int err = name != NULL ? kith_node_check(node) : KITH_EINVAL;
	if (err != 0)
		return err;
	if (node->state != KITH_NODE_RUNNING)
		return KITH_ESTATE;
	return kith_name_valid(name) ? 0 : KITH_ENAME;
}

static int begin(struct kith_node *node, enum kith_call_kind kind, struct kith_call **out)
{
	struct kith_call *call = KITH_NEW(node->alloc, struct kith_call);
	if (call == NULL)
		return KITH_ENOMEM;
	kith_link_init(&call->link);
	call->node = node;
	call->kind = kind;
	*out = call;
	return 0;
}

/* The core took it, or did not. */
static int began(struct kith_call *call, int err, struct kith_call **out)
{
	if (err != 0) {
		KITH_FREE(call->node->alloc, call);
		return err == KITH_ENOENT ? KITH_ESTATE : err;
	}
	kith_link_append(&call->node->calls, &call->link);
	kith_node_touch(call->node);
	if (out != NULL)
		*out = call;
	return 0;
}

int kith_connect_early(struct kith_node *node, const char *name, const char *service, kith_time_us timeout_us,
		       const void *data, size_t len, kith_connect_fn done, void *user, struct kith_call **out)
{
	struct kith_call *call;
	const struct kith_span early = { data, len };
	int err = service == NULL || timeout_us < 0 || (data == NULL && len > 0) ? KITH_EINVAL : check_name(node, name);
	if (err == 0)
		err = begin(node, KITH_CALL_CONNECT, &call);
	if (err != 0)
		return err;
	call->connected = done;
	call->user = user;
	err = kith_core_call_early(node->core, kith_node_now(node), name, service, timeout_us, early, &call->op);
	return began(call, err, out);
}

int kith_connect(struct kith_node *node, const char *name, const char *service, kith_time_us timeout_us,
		 kith_connect_fn done, void *user, struct kith_call **out)
{
	return kith_connect_early(node, name, service, timeout_us, NULL, 0, done, user, out);
}

int kith_lookup(struct kith_node *node, const char *name, kith_found_fn found, kith_lookup_fn done, void *user,
		struct kith_call **out)
{
	struct kith_call *call;
	int err = check_name(node, name);
	if (err == 0)
		err = begin(node, KITH_CALL_LOOKUP, &call);
	if (err != 0)
		return err;
	call->found = found;
	call->looked_up = done;
	call->user = user;
	return began(call, kith_core_lookup(node->core, kith_node_now(node), name, &call->op), out);
}

int kith_challenge(struct kith_conn *conn, const char *context, kith_challenge_fn done, void *user,
		   struct kith_call **out)
{
	struct kith_call *call;
	int err = kith_conn_check(conn);
	if (err != 0)
		return err;
	struct kith_node *node = conn->node;
	if (conn->state != KITH_CONN_OPEN || node->core == NULL)
		return KITH_ESTATE;
	err = context == NULL ? KITH_EINVAL : begin(node, KITH_CALL_CHALLENGE, &call);
	if (err != 0)
		return err;
	call->challenged = done;
	call->user = user;
	return began(call, kith_core_challenge(node->core, kith_node_now(node), conn->id, context, &call->op), out);
}

int kith_call_cancel(struct kith_call *call)
{
	int err = call != NULL ? kith_node_check(call->node) : KITH_EINVAL;
	if (err != 0)
		return err;
	struct kith_node *node = call->node;
	if (call->done || call->canceled)
		return KITH_ESTATE;
	call->canceled = true;
	/* When the core has ended it already, the event that says so is on its way. */
	if (node->core != NULL)
		(void)kith_core_cancel(node->core, kith_node_now(node), call->op);
	kith_node_touch(node);
	return 0;
}

struct kith_node *kith_call_node(const struct kith_call *call)
{
	return call != NULL ? call->node : NULL;
}

/* ---- presence ---- */

int kith_watch(struct kith_node *node, const char *name)
{
	int err = check_name(node, name);
	if (err != 0)
		return err;
	kith_node_touch(node);
	return kith_core_watch(node->core, kith_node_now(node), name);
}

int kith_unwatch(struct kith_node *node, const char *name)
{
	int err = check_name(node, name);
	if (err != 0)
		return err;
	kith_node_touch(node);
	return kith_core_unwatch(node->core, kith_node_now(node), name);
}

int kith_pin(struct kith_node *node, const char *name, const struct kith_key *identity, uint8_t flags, bool confirm)
{
	int err = identity == NULL ? KITH_EINVAL : check_name(node, name);
	if (err != 0)
		return err;
	kith_node_touch(node);
	return kith_core_pin(node->core, kith_node_now(node), name, identity, flags, confirm);
}

int kith_unpin(struct kith_node *node, const char *name)
{
	int err = check_name(node, name);
	if (err != 0)
		return err;
	kith_node_touch(node);
	return kith_core_unpin(node->core, kith_node_now(node), name);
}

size_t kith_contacts(const struct kith_node *node, struct kith_contact out[], size_t n)
{
	return kith_node_check(node) == 0 && node->core != NULL ? kith_core_contacts(node->core, out, n) : 0;
}
