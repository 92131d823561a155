/* Packets inside WebSockets: what the node and the component "web" know of each other.
 *
 * The component has the carrier (host/carrier_web), and what all its transports share: certificates, and whom to trust.
 * It is loaded by a node that listens for WebSockets, or that knows a URL of somebody who does, and by no other.
 * A URL belongs to the addresses that its host has at the moment: the node is asked by address (struct kith_web_arg).
 * Never: a URL that came from the network.
 */
#ifndef KITH_HOST_WEB_H
#define KITH_HOST_WEB_H

#include "host/carrier.h"
#include "host/component.h"
#include "host/entry.h"

#define KITH_WEB_TRUST_ANY "any" /* certificates are not looked at */

/* A URL, in parts. */
struct kith_web_place {
	const char *host; /* a name; NULL: it is addr itself. Borrowed, as path */
	const char *path;
	struct kith_addr addr; /* at which it is at the moment, with the port */
};

/* What the options say of it; borrowed until the component is done with. */
struct kith_web_config {
	struct kith_addr listen; /* family NONE: it does not */
	const char *certificate, *key; /* files; NULL: TLS ends in front of us, in a proxy of our own */
	const char *path; /* at which a WebSocket is answered */
	const char *trust; /* of those that we connect to: NULL: the system's; KITH_WEB_TRUST_ANY; a file */
};

struct kith_web_engine {
	const struct kith_carrier *carrier; /* its row's arg is a struct kith_web_arg */
	/* What all transports share. Reads files. KITH_EINVAL and others: why (cap bytes) names the file. */
	int (*make)(void **shared, const struct kith_web_config *config, char *why, size_t cap);
	void (*drop)(void *shared);
};

struct kith_web_arg {
	void *shared; /* of the engine's make */
	const struct kith_web_config *config;
	/* The URL that belongs to an address; false: none. */
	bool (*find)(const void *ctx, const struct kith_addr *remote, struct kith_web_place *out);
	const void *ctx;
};

/* A node's, while it uses the component. */
struct kith_web {
	struct kith_component_file part;
	struct kith_web_config config;
	struct kith_web_arg arg;
	struct kith_carrier_row rows[2]; /* of both families */
};

#endif
