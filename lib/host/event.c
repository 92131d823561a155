/* Events of the core become callbacks of the application. See internal.h on why nothing else calls them. */
#include "host/internal.h"

#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"

/* ---- one handler for each kind ---- */

static void describe(struct kith_conn *conn, const struct kith_event *ev)
{
	struct kith_session_info *who = &conn->who;
	if (kith_core_session_info(conn->node->core, conn->id, who) != 0)
		memset(who, 0, sizeof *who);
	if (who->name[0] == '\0')
		memcpy(who->name, ev->name, sizeof who->name);
	if (who->service[0] == '\0')
		memcpy(who->service, ev->service, sizeof who->service);
}

static void on_incoming(struct kith_node *node, const struct kith_event *ev)
{
	struct kith_conn *conn = NULL;
	if (node->cb.incoming != NULL && node->state == KITH_NODE_RUNNING)
		conn = kith_conn_make(node, ev->session, KITH_CONN_INCOMING);
	if (conn == NULL) {
		enum kith_close_reason why = node->cb.incoming == NULL ? KITH_CLOSE_REJECTED : KITH_CLOSE_BUSY;
		(void)kith_core_reject(node->core, kith_node_now(node), ev->session, why);
		kith_node_touch(node);
		return;
	}
	describe(conn, ev);
	conn->who.initiator = false;
	node->cb.incoming(node, conn, &conn->who, node->user);
}

/* However it went: by the application's own wish it counts as given up. */
static bool given_up(const struct kith_node *node, const struct kith_call *call)
{
	return call->canceled || node->state != KITH_NODE_RUNNING;
}

/* A call of ours came through. */
static void on_connected(struct kith_node *node, const struct kith_event *ev, struct kith_call *call)
{
	bool canceled = given_up(node, call);
	struct kith_conn *conn = canceled ? NULL : kith_conn_make(node, ev->session, KITH_CONN_OPEN);
	if (conn == NULL) {
		(void)kith_core_close(node->core, kith_node_now(node), ev->session, KITH_CLOSE_CANCELED);
		kith_node_touch(node);
		kith_call_complete(call, canceled ? KITH_ECANCELED : KITH_ENOMEM, NULL);
		return;
	}
	describe(conn, ev);
	kith_call_complete(call, 0, conn);
}

static void on_opened(struct kith_node *node, const struct kith_event *ev)
{
	struct kith_call *call = ev->op != 0 ? kith_call_find(node, ev->op) : NULL;
	if (call != NULL) {
		on_connected(node, ev, call);
		return;
	}
	struct kith_conn *conn = kith_conn_find(node, ev->session);
	if (conn == NULL || conn->state != KITH_CONN_ACCEPTED)
		return;
	conn->state = KITH_CONN_OPEN;
	if (conn->cb.opened != NULL)
		conn->cb.opened(conn, conn->user);
}

static void on_op_done(struct kith_node *node, const struct kith_event *ev)
{
	struct kith_call *call = kith_call_find(node, ev->op);
	if (call == NULL)
		return;
	/* A call that succeeded was told by OPENED. If that got lost, its session has no handle. */
	int err = ev->err == 0 && call->kind == KITH_CALL_CONNECT ? KITH_ENOMEM : ev->err;
	kith_call_complete(call, given_up(node, call) ? KITH_ECANCELED : err, NULL);
}

static void on_found(struct kith_node *node, const struct kith_event *ev)
{
	struct kith_call *call = kith_call_find(node, ev->op);
	if (call != NULL && !call->canceled && call->found != NULL)
		call->found(call, &ev->found, call->user);
}

static void on_closed(struct kith_conn *conn, const struct kith_event *ev)
{
	bool ours = conn->state == KITH_CONN_LINGERING;
	conn->arrived = ours && !ev->remote && ev->err == 0;
	conn->cut = !ours && conn->node->state == KITH_NODE_RUNNING;
	kith_conn_end(conn, ev->reason, ev->remote);
}

static void on_early(struct kith_conn *conn)
{
	uint8_t bytes[KITH_EARLY_MAX];
	int len = conn->cb.early != NULL ? kith_core_early(conn->node->core, conn->id, bytes) : 0;
	if (len > 0)
		conn->cb.early(conn, bytes, (size_t)len, conn->user);
}

/* What is about a session. */
static void on_conn(struct kith_node *node, const struct kith_event *ev)
{
	struct kith_conn *conn = kith_conn_find(node, ev->session);
	if (conn == NULL)
		return; /* the application closed it meanwhile */
	bool deaf = conn->state == KITH_CONN_LINGERING; /* the application is through with it */
	if (ev->type == KITH_EVENT_CLOSED)
		on_closed(conn, ev);
	else if (ev->type == KITH_EVENT_STREAM)
		kith_stream_changed(conn, ev);
	else if (ev->type == KITH_EVENT_EARLY && !deaf)
		on_early(conn);
	else if (ev->type == KITH_EVENT_PATH && conn->cb.path_changed != NULL && !deaf)
		conn->cb.path_changed(conn, &ev->path, conn->user);
	else if (ev->type == KITH_EVENT_DATAGRAM && conn->cb.datagram != NULL && !deaf)
		conn->cb.datagram(conn, ev->channel, ev->data.p, ev->data.len, conn->user);
	else if (ev->type == KITH_EVENT_WRITABLE && conn->cb.writable != NULL && !deaf)
		conn->cb.writable(conn, conn->user);
	else if (ev->type == KITH_EVENT_INTERRUPTED && conn->cb.interrupted != NULL && !deaf)
		conn->cb.interrupted(conn, ev->silent_us, conn->user);
	else if (ev->type == KITH_EVENT_RESUMED && conn->cb.resumed != NULL && !deaf)
		conn->cb.resumed(conn, ev->silent_us, conn->user);
}

static void on_node(struct kith_node *node, const struct kith_event *ev)
{
	const struct kith_node_callbacks *cb = &node->cb;
	if (ev->type == KITH_EVENT_ATTACHED && cb->attached != NULL)
		cb->attached(node, ev->count, node->user);
	else if (ev->type == KITH_EVENT_PUBLISHED && cb->published != NULL)
		cb->published(node, node->user);
	else if (ev->type == KITH_EVENT_PRESENCE && cb->presence != NULL)
		cb->presence(node, ev->name, ev->online, node->user);
	else if (ev->type == KITH_EVENT_IDENTITY_CHANGED && cb->identity_changed != NULL)
		cb->identity_changed(node, ev->name, &ev->identity, node->user);
	else if (ev->type == KITH_EVENT_CERT_EXPIRING && cb->cert_expiring != NULL)
		cb->cert_expiring(node, ev->expires_ms, node->user);
	else if (ev->type == KITH_EVENT_CERT_DUE)
		kith_renew_due(node);
	else if (ev->type == KITH_EVENT_LOG_FORKED)
		kith_plight_forked(node, ev);
	else if (ev->type == KITH_EVENT_NAME_TWICE)
		kith_plight_twice(node, ev);
	else if (ev->type == KITH_EVENT_LISTS_LATE)
		kith_plight_lists(node, ev);
	else if (ev->type == KITH_EVENT_CLOCK)
		kith_plight_clock(node, ev);
	else if (ev->type == KITH_EVENT_HOMELESS)
		kith_plight_homeless(node, ev);
	else if (ev->type == KITH_EVENT_ATTACH_FAILING)
		kith_plight_failing(node, ev);
	else if (ev->type == KITH_EVENT_ENDPOINT)
		kith_plight_endpoint(node, ev);
	else if (ev->type == KITH_EVENT_CAUGHT)
		kith_plight_caught(node, ev);
}

/* Without anybody to ask the answer is no, and no supernode waits for it. */
static void on_asked(struct kith_node *node, const struct kith_event *ev)
{
	if (node->cb.asked != NULL) {
		node->cb.asked(node, ev->within_us, node->user);
		return;
	}
	(void)kith_core_consent(node->core, kith_node_now(node), KITH_CONSENT_NO);
	kith_node_touch(node);
}

static void dispatch_one(struct kith_node *node, const struct kith_event *ev)
{
	switch (ev->type) {
	case KITH_EVENT_INCOMING:
		on_incoming(node, ev);
		break;
	case KITH_EVENT_OPENED:
		on_opened(node, ev);
		break;
	case KITH_EVENT_OP_DONE:
		on_op_done(node, ev);
		break;
	case KITH_EVENT_FOUND:
		on_found(node, ev);
		break;
	case KITH_EVENT_CLOSED:
	case KITH_EVENT_PATH:
	case KITH_EVENT_DATAGRAM:
	case KITH_EVENT_WRITABLE:
	case KITH_EVENT_STREAM:
	case KITH_EVENT_INTERRUPTED:
	case KITH_EVENT_RESUMED:
	case KITH_EVENT_EARLY:
		on_conn(node, ev);
		break;
	case KITH_EVENT_LEFT:
		node->left = true;
		break;
	case KITH_EVENT_ROLE:
		if (node->cb.role != NULL)
			node->cb.role(node, ev->serving, ev->role_reason, node->user);
		break;
	case KITH_EVENT_ASKED:
		on_asked(node, ev);
		break;
	case KITH_EVENT_ATTACHED:
	case KITH_EVENT_PUBLISHED:
	case KITH_EVENT_PRESENCE:
	case KITH_EVENT_IDENTITY_CHANGED:
	case KITH_EVENT_NAME_TWICE:
	case KITH_EVENT_LISTS_LATE:
	case KITH_EVENT_CERT_EXPIRING:
	case KITH_EVENT_CLOCK:
	case KITH_EVENT_HOMELESS:
	case KITH_EVENT_ATTACH_FAILING:
	case KITH_EVENT_ENDPOINT:
	case KITH_EVENT_CAUGHT:
	case KITH_EVENT_CERT_DUE:
	case KITH_EVENT_LOG_FORKED:
		on_node(node, ev);
		break;
	}
}

void kith_event_dispatch(struct kith_node *node)
{
	/* A callback may send, and thereby have more events collected: neither array is kept hold of over a
	 * callback. */
	for (size_t i = 0; i < node->events_n; i++) {
		uint8_t small[2048];
		struct kith_event ev = node->events[i].event;
		uint8_t *copy = NULL;
		if (ev.data.len > 0) {
			copy = ev.data.len <= sizeof small ? small : kith_alloc_zero(node->alloc, ev.data.len);
			if (copy == NULL)
				continue;
			memcpy(copy, node->event_data + node->events[i].data_at, ev.data.len);
			ev.data.p = copy;
		}
		dispatch_one(node, &ev);
		if (copy != NULL && copy != small)
			kith_alloc_free(node->alloc, copy, ev.data.len);
	}
	node->events_n = 0;
	node->event_data_len = 0;
}

/* ---- what calls left to be done ---- */

void kith_event_work(struct kith_node *node)
{
	/* Each is taken out before its callbacks run, which may put it, or others, in again: for the next round. */
	struct kith_link streams, conns;

	kith_link_init(&streams);
	kith_link_init(&conns);
	while (!kith_link_empty(&node->streams_work)) {
		struct kith_link *l = node->streams_work.next;
		kith_link_remove(l);
		kith_link_append(&streams, l);
	}
	while (!kith_link_empty(&node->closing_conns)) {
		struct kith_link *l = node->closing_conns.next;
		kith_link_remove(l);
		kith_link_append(&conns, l);
	}
	for (struct kith_link *l = node->held_conns.next, *next = l->next; l != &node->held_conns;
	     l = next, next = l->next)
		kith_conn_hold(KITH_LINKED(l, struct kith_conn, work_link));
	while (!kith_link_empty(&streams)) {
		struct kith_stream *stream = KITH_LINKED(streams.next, struct kith_stream, work_link);
		kith_link_remove(&stream->work_link);
		kith_stream_work(stream);
	}
	while (!kith_link_empty(&conns)) {
		struct kith_conn *conn = KITH_LINKED(conns.next, struct kith_conn, work_link);
		kith_link_remove(&conn->work_link);
		if (conn->state == KITH_CONN_CLOSING) {
			kith_conn_finish(conn);
		} else if (conn->refused) {
			conn->refused = false;
			if (conn->cb.writable != NULL)
				conn->cb.writable(conn, conn->user);
		}
	}
}

void kith_event_end_all(struct kith_node *node)
{
	kith_event_dispatch(node);
	while (!kith_link_empty(&node->calls))
		kith_call_complete(KITH_LINKED(node->calls.next, struct kith_call, link), KITH_ECANCELED, NULL);
	for (struct kith_link *l = node->all_conns.next; l != &node->all_conns; l = l->next)
		kith_conn_end(KITH_LINKED(l, struct kith_conn, all_link), KITH_CLOSE_LEAVING, false);
	kith_event_work(node);
	KITH_ASSERT(kith_link_empty(&node->all_conns) && kith_link_empty(&node->calls));
}
