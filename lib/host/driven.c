/* A node that the application's own event loop drives: it waits for a descriptor, or a time, and then lets the node's
 * loop turn once. */
#include "host/internal.h"

static bool is_driven(const struct kith_node *node)
{
	return node != NULL && node->o.driven && node->state != KITH_NODE_NEW;
}

int kith_node_fd(const struct kith_node *node)
{
	if (node == NULL)
		return KITH_EINVAL;
	return is_driven(node) ? uv_backend_fd(node->loop) : KITH_ESTATE;
}

int kith_node_timeout(const struct kith_node *node)
{
	if (!is_driven(node) || node->state == KITH_NODE_CLOSED)
		return -1;
	if (node->dirty || node->finishing) /* the pump is due, which no handle of the loop knows of */
		return 0;
	uv_update_time(node->loop); /* the application may have been busy since the last turn */
	return uv_backend_timeout(node->loop);
}

int kith_node_process(struct kith_node *node)
{
	if (node == NULL)
		return KITH_EINVAL;
	if (!is_driven(node) || node->processing)
		return KITH_ESTATE;
	if (node->state != KITH_NODE_CLOSED) {
		node->processing = true;
		(void)uv_run(node->loop, UV_RUN_NOWAIT);
		node->processing = false;
	}
	return node->state != KITH_NODE_CLOSED ? 0 : KITH_ECLOSED;
}
