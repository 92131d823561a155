/* What a program's operator said of serving others, so that it can be changed while the program runs: by the command
 * serve, and by a configuration that is read again. */
#ifndef KITH_NODE_SERVING_H
#define KITH_NODE_SERVING_H

#include <stdbool.h>

#include <jansson.h>

#include <kith/kith.h>

struct serving {
	bool known; /* the rest counts */
	enum kith_role configured, role; /* of the configuration; in force */
	struct kith_terms terms;
	/* Where others reach it: as configured; and as a supernode, which is reachable where it listens. */
	struct kith_endpoint advertised[KITH_ENDPOINTS_MAX], listening[KITH_ENDPOINTS_MAX];
	size_t advertised_n, listening_n;
};

/* Fills in what kith_node_set_role takes over, for that role. */
void serving_options(const struct serving *s, enum kith_role role, struct kith_node_options *o);

/* Has the node be that from now on. Errors as kith_node_set_role: then it stays as it is, and *why says so in words. */
int serving_set(struct serving *s, struct kith_node *node, enum kith_role role, const char **why) KITH_MUST_USE;

/* "leaf", "supernode", "auto" */
const char *role_text(enum kith_role role);

/* The word of the command serve: "on", "off", "auto". False: none of them. */
bool serving_word(const char *word, enum kith_role *role);

/* For status: a new reference. */
json_t *describe_serving(const struct kith_role_info *info);

#endif
