/* What the library tells, as JSON. Each returns a new reference. */
#ifndef KITH_NODE_DESCRIBE_H
#define KITH_NODE_DESCRIBE_H

#include <jansson.h>

#include <kith/kith.h>

json_t *describe_node(const struct kith_node *node);
/* What is known of issuers' logs: [{issuer, size, time, root, head, forked: [...]}], heads in armour. */
json_t *describe_logs(const struct kith_node *node);
json_t *describe_device(const struct kith_found_device *device);
json_t *describe_session(const struct kith_session_info *who);
json_t *describe_path(const struct kith_path_info *path);
json_t *describe_paths(const struct kith_conn *conn);

const char *path_kind_text(enum kith_path_class kind);

#endif
