/* Connections: the application's calls, and their handles' lives. */
#include "host/internal.h"

#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/sized.h"

struct kith_conn *kith_conn_find(struct kith_node *node, kith_session_id id)
{
	return kith_table_get(&node->conns, &id);
}

struct kith_conn *kith_conn_make(struct kith_node *node, kith_session_id id, enum kith_conn_state state)
{
	struct kith_conn *conn = KITH_NEW(node->alloc, struct kith_conn);
	if (conn == NULL)
		return NULL;
	conn->node = node;
	conn->id = id;
	conn->state = state;
	kith_link_init(&conn->all_link);
	kith_link_init(&conn->work_link);
	kith_link_init(&conn->streams);
	if (kith_table_put(&node->conns, conn) != 0) {
		KITH_FREE(node->alloc, conn);
		return NULL;
	}
	kith_link_append(&node->all_conns, &conn->all_link);
	return conn;
}

void kith_conn_forget(struct kith_conn *conn)
{
	struct kith_node *node = conn->node;
	KITH_ASSERT(kith_link_empty(&conn->streams));
	if (conn->state != KITH_CONN_CLOSING)
		(void)kith_table_remove(&node->conns, &conn->id);
	kith_link_remove(&conn->work_link);
	kith_link_remove(&conn->all_link);
	KITH_FREE(node->alloc, conn);
}

void kith_conn_end(struct kith_conn *conn, enum kith_close_reason reason, bool remote)
{
	struct kith_node *node = conn->node;
	if (conn->state == KITH_CONN_CLOSING)
		return;
	/* The id may belong to another session from now on. */
	(void)kith_table_remove(&node->conns, &conn->id);
	conn->state = KITH_CONN_CLOSING;
	conn->reason = reason;
	conn->remote = remote;
	kith_link_remove(&conn->work_link);
	kith_link_append(&node->closing_conns, &conn->work_link);
	kith_node_touch(node);
}

void kith_conn_finish(struct kith_conn *conn)
{
	while (!kith_link_empty(&conn->streams))
		kith_stream_end(KITH_LINKED(conn->streams.next, struct kith_stream, link), KITH_ECLOSED);
	if (conn->cb.closed != NULL)
		conn->cb.closed(conn, conn->reason, conn->remote, conn->user);
	kith_conn_forget(conn);
}

int kith_conn_set_callbacks(struct kith_conn *conn, const struct kith_conn_callbacks *cb, void *user)
{
	struct kith_conn_callbacks full = KITH_CONN_CALLBACKS_INIT;
	if (cb != NULL && !kith_sized_read(&full, sizeof full, cb))
		return KITH_EINVAL;
	conn->cb = full;
	conn->user = user;
	return 0;
}

int kith_conn_accept(struct kith_conn *conn)
{
	struct kith_node *node = conn->node;
	if (conn->state != KITH_CONN_INCOMING || node->core == NULL)
		return KITH_ESTATE;
	int err = kith_core_accept(node->core, kith_node_now(node), conn->id);
	if (err == 0)
		conn->state = KITH_CONN_ACCEPTED;
	kith_node_touch(node);
	return err == KITH_ENOENT ? KITH_ESTATE : err; /* the caller gave up: closed is on its way */
}

int kith_conn_reject(struct kith_conn *conn, enum kith_close_reason reason)
{
	struct kith_node *node = conn->node;
	if (conn->state != KITH_CONN_INCOMING || node->core == NULL)
		return KITH_ESTATE;
	(void)kith_core_reject(node->core, kith_node_now(node), conn->id, reason);
	kith_conn_end(conn, reason, false);
	return 0;
}

int kith_conn_close(struct kith_conn *conn, enum kith_close_reason reason)
{
	struct kith_node *node = conn->node;
	if (conn->state == KITH_CONN_INCOMING)
		return kith_conn_reject(conn, reason);
	if (conn->state == KITH_CONN_CLOSING || node->core == NULL)
		return KITH_ESTATE;
	(void)kith_core_close(node->core, kith_node_now(node), conn->id, reason);
	kith_conn_end(conn, reason, false);
	return 0;
}

int kith_conn_send(struct kith_conn *conn, uint16_t channel, const void *data, size_t len)
{
	struct kith_node *node = conn->node;
	if (conn->state != KITH_CONN_OPEN || node->core == NULL)
		return KITH_ESTATE;
	if (data == NULL && len > 0)
		return KITH_EINVAL;
	if (kith_exchange_blocked(node)) {
		conn->refused = true;
		return KITH_EAGAIN;
	}
	int err = kith_core_send(node->core, kith_node_now(node), conn->id, channel, data, len);
	if (err == KITH_EAGAIN) {
		/* It may only be the batch that is full: send that, and try once more. */
		kith_exchange_flush(node);
		if (!kith_exchange_blocked(node))
			err = kith_core_send(node->core, kith_node_now(node), conn->id, channel, data, len);
	}
	kith_node_touch(node);
	return err == KITH_ENOENT ? KITH_ESTATE : err; /* the session ended, and closed is on its way */
}

size_t kith_conn_datagram_max(const struct kith_conn *conn)
{
	bool known = conn->state != KITH_CONN_CLOSING && conn->node->core != NULL;
	return known ? kith_core_datagram_max(conn->node->core, conn->id) : 0;
}

int kith_conn_info_sized(const struct kith_conn *conn, struct kith_session_info *out, size_t size)
{
	struct kith_session_info info = conn->who;
	info.open = conn->state == KITH_CONN_OPEN;
	kith_sized_write(out, size, &info, sizeof info);
	return conn->state == KITH_CONN_CLOSING ? KITH_ESTATE : 0;
}

size_t kith_conn_paths(const struct kith_conn *conn, struct kith_path_info out[], size_t n)
{
	if (conn->state == KITH_CONN_CLOSING || conn->node->core == NULL)
		return 0;
	return kith_core_paths(conn->node->core, kith_node_now(conn->node), conn->id, out, n);
}

kith_time_us kith_ping(const struct kith_conn *conn)
{
	struct kith_path_info paths[8];
	size_t n = kith_conn_paths(conn, paths, sizeof paths / sizeof paths[0]);
	for (size_t i = 0; i < n && i < sizeof paths / sizeof paths[0]; i++)
		if (paths[i].sending)
			return paths[i].rtt_us;
	return 0;
}

size_t kith_explain(const struct kith_conn *conn, char *out, size_t cap)
{
	if (cap > 0)
		out[0] = '\0';
	if (conn->state == KITH_CONN_CLOSING || conn->node->core == NULL)
		return 0;
	return kith_core_explain(conn->node->core, kith_node_now(conn->node), conn->id, out, cap);
}

struct kith_node *kith_conn_node(const struct kith_conn *conn)
{
	return conn->node;
}

void *kith_conn_user(const struct kith_conn *conn)
{
	return conn->user;
}
