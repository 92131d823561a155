/* What kithd --check-config looks at beyond the text of the configuration: whether key, certificates, role, state
 * directory, control socket and addresses make a node. Nothing is made, bound or changed, so it may be run by root for
 * another user, and beside a running kithd. */
#ifndef KITH_NODE_KITHD_CHECK_H
#define KITH_NODE_KITHD_CHECK_H

#include "kithd_config.h"

/* KITH_EINVAL, and config->error tells. What may be meant goes to warn, as text of one line without a newline. */
int config_check(struct config *config, const struct kith_node_options *options,
		 void (*warn)(const char *text)) KITH_MUST_USE;

#endif
