/* A TURN server (RFC 8656) by which a node is reached: what the node and the component "ice" know of each other.
 *
 * The component has the carrier (host/carrier_turn): one transport, whose own address is the one at which a server
 * relays for it. It is loaded by a node whose options name a server, and by no other. What libnice is used for is its
 * code for messages (host/turn_message); its agent is not: that does checks, nomination and keepalives of its own.
 * Invariant: servers are the operator's, by address; no peer and no name on the network adds one.
 * Never: a password in a text.
 */
#ifndef KITH_HOST_ICE_H
#define KITH_HOST_ICE_H

#include <kith/turn.h>

#include "host/carrier.h"
#include "host/component.h"

#define KITH_TURN_USER_MAX 128 /* with NUL; of the password too */

/* A server, and who we are there. */
struct kith_turn_account {
	struct kith_addr server;
	char user[KITH_TURN_USER_MAX], password[KITH_TURN_USER_MAX];
};

/* Of "turn:USER:PASSWORD@ADDRESS:PORT". KITH_EINVAL. */
int kith_turn_parse(struct kith_turn_account *out, const char *text) KITH_MUST_USE;

/* What the carrier's row has as its arg; borrowed until the carrier is closed. */
struct kith_turn_arg {
	struct kith_turn_account accounts[KITH_TURN_SERVERS_MAX]; /* in the order in which they are tried */
	size_t n;
};

struct kith_ice_engine {
	const struct kith_carrier *carrier; /* its row's arg is a struct kith_turn_arg */
	void (*info)(const void *self, struct kith_turn_info *out); /* of an open one */
};

/* A node's, while it uses the component. */
struct kith_ice {
	struct kith_component_file part;
	struct kith_turn_arg arg;
	struct kith_carrier_row row;
	char told[192]; /* what was wrong, as the application was told last; "": nothing */
	bool relays; /* as the log has it last */
};

#endif
