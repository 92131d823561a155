/* What every file of this layer uses: the clock that drives the core, word that something changed, what is still open
 * or under way, and troubles. */
#include "host/internal.h"

struct kith_now kith_node_now(const struct kith_node *node)
{
	return kith_clock_now(&node->clock);
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

void kith_trouble(struct kith_node *node, enum kith_trouble what, int err, const char *why)
{
	KITH_LOG(node->log, KITH_LOG_WARN, "trouble what=%d err=%s why=\"%s\"", (int)what, kith_err_name(err),
		 kith_node_redacted(node, why));
	if (node->cb.trouble != NULL)
		node->cb.trouble(node, what, err, why, node->user);
}
