/* What every file of this layer uses: the clock that drives the core, the signal that something changed, what is still
 * open or under way, and troubles. */
#include "host/internal.h"

struct kith_now kith_node_now(const struct kith_node *node)
{
	(void)node;
	return kith_clock_now();
}

int kith_node_check(const struct kith_node *node)
{
	if (node == NULL)
		return KITH_EINVAL;
	if (!atomic_load_explicit(&node->threaded, memory_order_acquire))
		return 0;
	uv_thread_t self = uv_thread_self();
	return uv_thread_equal(&self, &node->thread) ? 0 : KITH_ETHREAD;
}

int kith_conn_check(const struct kith_conn *conn)
{
	return conn != NULL ? kith_node_check(conn->node) : KITH_EINVAL;
}

int kith_stream_check(const struct kith_stream *stream)
{
	return stream != NULL ? kith_node_check(stream->conn->node) : KITH_EINVAL;
}

void kith_node_touch(struct kith_node *node)
{
	node->dirty = true;
}

void kith_node_job_done(struct kith_node *node)
{
	node->jobs--;
	kith_node_touch(node);
}

void kith_node_handle_closed(uv_handle_t *handle)
{
	struct kith_node *node = handle->data;
	node->handles--;
}

const char *kith_node_redacted(const struct kith_node *node, const char *why)
{
	return node->log->clear ? why : "[redacted]";
}

struct kith_socket *kith_socket_find(const struct kith_node *node, uint16_t transport)
{
	if (transport < KITH_HOST_SOCKETS_MAX)
		return transport < node->sockets_n ? (struct kith_socket *)(uintptr_t)&node->sockets[transport] : NULL;
	size_t at = transport - (size_t)KITH_HOST_SOCKETS_MAX;
	return node->asked != NULL && at < KITH_HOST_ASKED_MAX ? node->asked[at] : NULL;
}

struct kith_socket *kith_socket_next(const struct kith_node *node, uint16_t *it)
{
	uint16_t end = KITH_HOST_SOCKETS_MAX + (node->asked != NULL ? KITH_HOST_ASKED_MAX : 0);
	while (*it < end) {
		if (*it >= node->sockets_n && *it < KITH_HOST_SOCKETS_MAX)
			*it = KITH_HOST_SOCKETS_MAX;
		struct kith_socket *s = kith_socket_find(node, (*it)++);
		if (s != NULL)
			return s;
	}
	return NULL;
}

void kith_trouble(struct kith_node *node, enum kith_trouble what, int err, const char *why)
{
	/* Who is told by the callback is not told again. */
	enum kith_log_level level = node->cb.trouble != NULL ? KITH_LOG_DEBUG : KITH_LOG_WARN;
	KITH_LOG(node->log, level, "trouble what=%d err=%s why=\"%s\"", (int)what, kith_err_name(err),
		 kith_node_redacted(node, why));
	if (node->cb.trouble != NULL)
		node->cb.trouble(node, what, err, why, node->user);
}
