/* What the application says to serving others, and what the machine does: <kith/serving.h>. */
#include <kith/serving.h>

#include <net/if.h>
#include <string.h>

#include "base/alloc.h"
#include "crypto/suite.h"
#include "host/internal.h"

/* ---- the machine ---- */

static void name_way(struct kith_power_way *out, const struct kith_way_out *way)
{
	out->interface = way->interface;
	if (way->interface == 0 || if_indextoname(way->interface, out->name) == NULL)
		out->name[0] = '\0';
}

static void ways_of(void *ctx, struct kith_power_way out[KITH_POWER_WAYS])
{
	const struct kith_node *node = ctx;
	name_way(&out[0], &node->watch.last.out_v4);
	name_way(&out[1], &node->watch.last.out_v6);
}

static void hindered(void *ctx, unsigned hindrances)
{
	struct kith_node *node = ctx;
	KITH_LOG(node->log, KITH_LOG_INFO, "hindrances battery=%d metered=%d",
		 (hindrances & KITH_HINDRANCE_BATTERY) != 0, (hindrances & KITH_HINDRANCE_METERED) != 0);
	if (node->core == NULL)
		return;
	kith_core_hinder(node->core, kith_node_now(node), hindrances);
	kith_node_touch(node);
}

static void watch_closed(struct kith_power_watch *w)
{
	struct kith_node *node = w->ctx;
	const struct kith_alloc *alloc = node->alloc;
	KITH_FREE(alloc, w);
	node->handles--;
	kith_node_touch(node);
}

/* Only a node that may become a supernode by itself need know. */
int kith_serving_watch(struct kith_node *node)
{
	if (!KITH_SERVING || node->o.role != KITH_ROLE_AUTO) {
		kith_serving_unwatch(node);
		return 0;
	}
	if (node->power != NULL)
		return 0;
	struct kith_power_watch *w = KITH_NEW(node->alloc, struct kith_power_watch);
	if (w == NULL)
		return KITH_ENOMEM;
	*w = (struct kith_power_watch){ .root = node->root, .ways_of = ways_of, .changed = hindered, .ctx = node };
	int err = kith_power_watch_start(w, node->loop);
	if (err != 0) {
		const struct kith_alloc *alloc = node->alloc;
		KITH_FREE(alloc, w);
		return err;
	}
	node->handles++;
	node->power = w;
	return 0;
}

void kith_serving_unwatch(struct kith_node *node)
{
	if (node->power != NULL)
		kith_power_watch_stop(node->power, watch_closed);
	node->power = NULL;
}

void kith_serving_moved(struct kith_node *node)
{
	if (node->power != NULL)
		kith_power_watch_look(node->power);
}

/* ---- calls ---- */

int kith_node_set_role(struct kith_node *node, const struct kith_node_options *o)
{
	struct kith_node_options n;
	struct kith_endpoint endpoints[KITH_ENDPOINTS_MAX];
	size_t endpoints_n;
	int err = kith_node_check(node);
	if (err == 0 && (!kith_options_read(&n, o) || n.endpoints_n > KITH_ENDPOINTS_MAX))
		err = KITH_EINVAL;
	if (err != 0)
		return err;
	kith_wipe(&n.device, sizeof n.device);
	if (node->state != KITH_NODE_RUNNING)
		return KITH_ESTATE;
	endpoints_n = kith_sockets_endpoints(node, n.endpoints, n.endpoints_n, endpoints);
	err = kith_core_set_role(node->core, kith_node_now(node), n.role, &n.terms, endpoints, endpoints_n);
	kith_node_touch(node);
	if (err != 0)
		return err;
	node->o.role = n.role;
	node->o.terms = n.terms;
	memcpy(node->o.endpoints, n.endpoints, sizeof n.endpoints);
	node->o.endpoints_n = n.endpoints_n;
	kith_portmap_look(node);
	err = kith_serving_watch(node);
	if (err != 0) /* the core has what it was told last */
		KITH_LOG(node->log, KITH_LOG_WARN, "power_not_watched err=%s", kith_err_name(err));
	return 0;
}

int kith_node_consent(struct kith_node *node, enum kith_consent consent)
{
	int err = kith_node_check(node);
	if (err != 0)
		return err;
	if (consent != KITH_CONSENT_ASK && consent != KITH_CONSENT_YES && consent != KITH_CONSENT_NO)
		return KITH_EINVAL;
	if (node->state != KITH_NODE_RUNNING)
		return KITH_ESTATE;
	err = kith_core_consent(node->core, kith_node_now(node), consent);
	node->o.terms.consent = consent;
	kith_node_touch(node);
	return err;
}

int kith_node_role(const struct kith_node *node, struct kith_role_info *out)
{
	int err = out != NULL ? kith_node_check(node) : KITH_EINVAL;
	if (out != NULL)
		memset(out, 0, sizeof *out);
	if (err == 0 && node->core == NULL)
		err = KITH_ESTATE;
	if (err == 0)
		kith_core_role_info(node->core, kith_node_now(node), out);
	return err;
}
