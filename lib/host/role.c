/* What the application says to serving others: <kith/serving.h>. */
#include <kith/serving.h>

#include <string.h>

#include "crypto/suite.h"
#include "host/internal.h"

int kith_node_set_role(struct kith_node *node, const struct kith_node_options *o)
{
	struct kith_node_options n;
	int err = kith_node_check(node);
	if (err == 0 && (!kith_options_read(&n, o) || n.endpoints_n > KITH_ENDPOINTS_MAX))
		err = KITH_EINVAL;
	if (err != 0)
		return err;
	kith_wipe(&n.device, sizeof n.device);
	if (node->state != KITH_NODE_RUNNING)
		return KITH_ESTATE;
	err = kith_core_set_role(node->core, kith_node_now(node), n.role, &n.terms, n.endpoints, n.endpoints_n);
	kith_node_touch(node);
	if (err != 0)
		return err;
	node->o.role = n.role;
	node->o.terms = n.terms;
	memcpy(node->o.endpoints, n.endpoints, sizeof n.endpoints);
	node->o.endpoints_n = n.endpoints_n;
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
