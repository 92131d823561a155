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
	conn->linger_us = node->o.linger_us;
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
		kith_stream_end(KITH_LINKED(conn->streams.next, struct kith_stream, link),
				conn->cut ? KITH_ECUT : KITH_ECANCELED);
	if (conn->cb.closed != NULL)
		conn->cb.closed(conn, conn->reason, conn->remote, conn->user);
	kith_conn_forget(conn);
}

int kith_conn_set_callbacks(struct kith_conn *conn, const struct kith_conn_callbacks *cb, void *user)
{
	struct kith_conn_callbacks full = KITH_CONN_CALLBACKS_INIT;
	int err = kith_conn_check(conn);
	if (err != 0)
		return err;
	if (cb != NULL && !kith_sized_read(&full, sizeof full, cb))
		return KITH_EINVAL;
	conn->cb = full;
	conn->user = user;
	return 0;
}

int kith_conn_early(struct kith_conn *conn, uint8_t out[KITH_EARLY_MAX])
{
	int err = kith_conn_check(conn);
	if (err != 0)
		return err;
	struct kith_node *node = conn->node;
	if (out == NULL)
		return KITH_EINVAL;
	if (conn->state == KITH_CONN_LINGERING || conn->state == KITH_CONN_CLOSING || node->core == NULL)
		return KITH_ESTATE;
	return kith_core_early(node->core, conn->id, out);
}

int kith_conn_accept(struct kith_conn *conn)
{
	int err = kith_conn_check(conn);
	if (err != 0)
		return err;
	struct kith_node *node = conn->node;
	if (conn->state != KITH_CONN_INCOMING || node->core == NULL)
		return KITH_ESTATE;
	err = kith_core_accept(node->core, kith_node_now(node), conn->id);
	if (err == 0)
		conn->state = KITH_CONN_ACCEPTED;
	kith_node_touch(node);
	return err == KITH_ENOENT ? KITH_ESTATE : err; /* the caller gave up: closed is on its way */
}

int kith_conn_reject(struct kith_conn *conn, enum kith_close_reason reason)
{
	int err = kith_conn_check(conn);
	if (err != 0)
		return err;
	struct kith_node *node = conn->node;
	if (conn->state != KITH_CONN_INCOMING || node->core == NULL)
		return KITH_ESTATE;
	(void)kith_core_reject(node->core, kith_node_now(node), conn->id, reason);
	kith_conn_end(conn, reason, false);
	return 0;
}

bool kith_conn_finishes(const struct kith_conn *conn)
{
	if (conn->state != KITH_CONN_OPEN || conn->linger_us == 0)
		return false;
	for (const struct kith_link *l = conn->streams.next; l != &conn->streams; l = l->next) {
		const struct kith_stream *stream = KITH_LINKED(l, struct kith_stream, link);
		if (stream->finishing && !stream->closing)
			return true;
	}
	return false;
}

/* What is borrowed comes before the end, and enters the core as there is room. */
static bool in_core(const struct kith_conn *conn)
{
	for (const struct kith_link *l = conn->streams.next; l != &conn->streams; l = l->next) {
		const struct kith_stream *stream = KITH_LINKED(l, struct kith_stream, link);
		if (stream->finishing && !stream->finished && !stream->closing && !stream->write_over)
			return false;
	}
	return true;
}

void kith_conn_hold(struct kith_conn *conn)
{
	struct kith_node *node = conn->node;
	struct kith_now now = kith_node_now(node);
	kith_time_us left = conn->linger_until > now.mono_us ? conn->linger_until - now.mono_us : 0;
	conn->held = left > 0 && !in_core(conn);
	kith_link_remove(&conn->work_link);
	if (conn->held) {
		kith_link_append(&node->held_conns, &conn->work_link);
		return;
	}
	if (kith_core_close_after(node->core, now, conn->id, conn->reason, left) != 0)
		kith_conn_end(conn, conn->reason, false); /* the core's word of it is on its way, and finds it ended */
	kith_node_touch(node);
}

int kith_conn_linger(struct kith_conn *conn, kith_time_us us)
{
	int err = kith_conn_check(conn);
	if (err != 0)
		return err;
	if (us < 0)
		return KITH_EINVAL;
	if (conn->state == KITH_CONN_LINGERING || conn->state == KITH_CONN_CLOSING)
		return KITH_ESTATE;
	conn->linger_us = us;
	return 0;
}

int kith_conn_close(struct kith_conn *conn, enum kith_close_reason reason)
{
	int err = kith_conn_check(conn);
	if (err != 0)
		return err;
	struct kith_node *node = conn->node;
	if (conn->state == KITH_CONN_INCOMING)
		return kith_conn_reject(conn, reason);
	if (conn->state == KITH_CONN_LINGERING || conn->state == KITH_CONN_CLOSING || node->core == NULL)
		return KITH_ESTATE;
	if (kith_conn_finishes(conn)) {
		kith_time_us now = kith_node_now(node).mono_us;
		conn->state = KITH_CONN_LINGERING;
		conn->reason = reason;
		conn->linger_until = conn->linger_us < KITH_TIME_NEVER - now ? now + conn->linger_us : KITH_TIME_NEVER;
		kith_conn_hold(conn);
		kith_node_touch(node);
		return 0;
	}
	(void)kith_core_close(node->core, kith_node_now(node), conn->id, reason);
	kith_conn_end(conn, reason, false);
	return 0;
}

int kith_conn_patience(struct kith_conn *conn, kith_time_us patience_us)
{
	int err = kith_conn_check(conn);
	if (err != 0)
		return err;
	struct kith_node *node = conn->node;
	if (patience_us <= 0)
		return KITH_EINVAL;
	if (conn->state == KITH_CONN_CLOSING || node->core == NULL)
		return KITH_ESTATE;
	err = kith_core_patience(node->core, kith_node_now(node), conn->id, patience_us);
	kith_node_touch(node);
	return err == KITH_ENOENT ? KITH_ESTATE : err;
}

int kith_conn_send(struct kith_conn *conn, uint16_t channel, const void *data, size_t len)
{
	int err = kith_conn_check(conn);
	if (err != 0)
		return err;
	struct kith_node *node = conn->node;
	if (conn->state != KITH_CONN_OPEN || node->core == NULL)
		return KITH_ESTATE;
	if (data == NULL && len > 0)
		return KITH_EINVAL;
	if (kith_exchange_blocked(node)) {
		conn->refused = true;
		return KITH_EAGAIN;
	}
	err = kith_core_send(node->core, kith_node_now(node), conn->id, channel, data, len);
	if (err == KITH_EAGAIN) {
		/* It may only be the batch that is full: send that, and try once more. */
		kith_exchange_flush(node);
		if (!kith_exchange_blocked(node))
			err = kith_core_send(node->core, kith_node_now(node), conn->id, channel, data, len);
	}
	kith_node_touch(node);
	return err == KITH_ENOENT ? KITH_ESTATE : err; /* the session ended, and closed is on its way */
}

/* Whether the core can be asked about it. */
static bool askable(const struct kith_conn *conn)
{
	return kith_conn_check(conn) == 0 && conn->state != KITH_CONN_CLOSING && conn->node->core != NULL;
}

size_t kith_conn_datagram_max(const struct kith_conn *conn)
{
	return askable(conn) ? kith_core_datagram_max(conn->node->core, conn->id) : 0;
}

int kith_conn_info_sized(const struct kith_conn *conn, struct kith_session_info *out, size_t size)
{
	int err = out != NULL ? kith_conn_check(conn) : KITH_EINVAL;
	if (err != 0) {
		if (out != NULL)
			memset(out, 0, size);
		return err;
	}
	struct kith_session_info info = conn->who;
	info.open = conn->state == KITH_CONN_OPEN;
	kith_sized_write(out, size, &info, sizeof info);
	return conn->state == KITH_CONN_CLOSING ? KITH_ESTATE : 0;
}

const char *kith_conn_name(const struct kith_conn *conn)
{
	return kith_conn_check(conn) == 0 ? conn->who.name : NULL;
}

const char *kith_conn_service(const struct kith_conn *conn)
{
	return kith_conn_check(conn) == 0 ? conn->who.service : NULL;
}

size_t kith_conn_paths(const struct kith_conn *conn, struct kith_path_info out[], size_t n)
{
	if (!askable(conn))
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
	if (out != NULL && cap > 0)
		out[0] = '\0';
	if (kith_conn_check(conn) != 0 || conn->node->core == NULL)
		return 0;
	struct kith_session_info other;
	bool over = conn->state == KITH_CONN_CLOSING;
	if (over && kith_core_session_info(conn->node->core, conn->id, &other) == 0)
		return 0; /* another session has the id by now */
	return kith_core_explain(conn->node->core, kith_node_now(conn->node), conn->id, out, cap);
}

size_t kith_explain_last(const struct kith_node *node, const char *name, char *out, size_t cap)
{
	if (out != NULL && cap > 0)
		out[0] = '\0';
	if (kith_node_check(node) != 0 || node->core == NULL)
		return 0;
	return kith_core_explain_last(node->core, kith_node_now(node), name, out, cap);
}

struct kith_node *kith_conn_node(const struct kith_conn *conn)
{
	return conn != NULL ? conn->node : NULL;
}

void *kith_conn_user(const struct kith_conn *conn)
{
	return conn != NULL ? conn->user : NULL;
}
