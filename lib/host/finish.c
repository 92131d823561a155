/* The end of a node: every handle of the application gets its last callback, handles of the loop are closed, jobs are
 * waited for, and then the node is closed. */
#include "host/internal.h"

/* The last thing to happen on the loop. The application may free the node in its callback. */
static void finished(uv_handle_t *prepare)
{
	struct kith_node *node = prepare->data;
	void (*closed)(struct kith_node * node, void *user) = node->closed;

	kith_core_free(node->core);
	node->core = NULL;
	kith_shared_free(node->shared);
	node->shared = NULL;
	kith_statedir_close(&node->statedir);
	node->state = KITH_NODE_CLOSED;
	if (closed != NULL)
		closed(node, node->user);
}

static void watch_closed(void *ctx)
{
	struct kith_node *node = ctx;
	node->handles--;
}

/* All but the prepare handle, which sees to the rest. */
static void close_handles(struct kith_node *node)
{
	kith_sockets_close(node);
	if (node->watching) {
		node->handles++;
		kith_interface_watch_stop(&node->watch, watch_closed);
	}
	kith_serving_unwatch(node);
	uv_close((uv_handle_t *)&node->check, kith_node_handle_closed);
	uv_close((uv_handle_t *)&node->timer, kith_node_handle_closed);
	uv_close((uv_handle_t *)&node->close_timer, kith_node_handle_closed);
	uv_close((uv_handle_t *)&node->resolve_timer, kith_node_handle_closed);
	uv_close((uv_handle_t *)&node->mend_timer, kith_node_handle_closed);
	if (node->async.data != NULL)
		uv_close((uv_handle_t *)&node->async, kith_node_handle_closed);
}

static bool is_saving(const struct kith_node *node)
{
	for (int what = 0; what < KITH_HOST_FILES; what++)
		if (node->saves[what] != NULL)
			return true;
	return false;
}

void kith_finish_leave(struct kith_node *node)
{
	if (!node->leave_due || !kith_link_empty(&node->held_conns))
		return;
	node->leave_due = false;
	kith_core_leave(node->core, kith_node_now(node), node->o.leave_us);
	kith_node_touch(node);
}

void kith_finish_begin(struct kith_node *node)
{
	/* A save under way is waited for, and its end comes back here; the core may then ask for a last one. So is a
	 * mapping that is taken back. (Out of
	 * patience, the job is still waited for, but nothing that it leads to.) */
	if (node->finishing || ((is_saving(node) || kith_portmap_busy(node)) && !node->impatient))
		return;
	kith_portmap_abandon(node);
	kith_thread_stop_posts(node);
	kith_event_end_all(node);
	node->finishing = true;
	close_handles(node);
}

void kith_finish_look(struct kith_node *node)
{
	if (node->handles == 0 && node->jobs == 0 && !uv_is_closing((uv_handle_t *)&node->prepare))
		uv_close((uv_handle_t *)&node->prepare, finished);
}
