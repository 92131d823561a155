/* TURN servers (RFC 8656) that an operator names, so that others reach this node by way of one where nothing is direct.
 *
 * A node whose options name some asks the first of them to relay for it, by the component kith-ice.so, as long as it
 * runs; the next one when that does not answer or does not want to. Where the server relays is offered to contacts as
 * an address of its own, which is worth about as much as a tunnel through a supernode. Such a server sees who is talked
 * to (by address), how much and when; nothing of what. A contact that is relay-only neither sees nor uses it.
 */
#ifndef KITH_TURN_H
#define KITH_TURN_H

#include <kith/types.h>

struct kith_node;

#define KITH_TURN_SERVERS_MAX 4 /* of one node */

/* What became of it. */
enum kith_turn_state {
	KITH_TURN_OFF, /* no server is named */
	KITH_TURN_ASKING,
	KITH_TURN_RELAYED, /* the server relays for us */
	KITH_TURN_FAILED /* why says; the next server, or the same one again, is asked later */
};

/* What there is to know about it. */
struct kith_turn_info { /* fixed */
	enum kith_turn_state state; /* what became of it */
	struct kith_addr server; /* that is asked, or was last */
	struct kith_addr relayed; /* RELAYED: at which others reach us by it */
	int64_t expires_in_ms; /* RELAYED: when that ends unless it is renewed, which is tried at half of it */
	uint32_t permissions; /* addresses of others that it lets in now */
	int err; /* what went wrong last, with this server or the one before: KITH_EACCES: it refuses us; 0: nothing */
	uint64_t bad; /* messages of the server that were dropped: malformed, not proven, not asked for */
	uint64_t full; /* packets that were dropped, as too many addresses were spoken to */
	char why[192]; /* the same in words */
	uint64_t more[4]; /* reserved: 0 */
};

/* "off", "asking", "relayed", "failed". Static storage. */
KITH_EXPORT const char *kith_turn_state_name(unsigned state);

/* Whether a text names a server as the option turn has it: "turn:USER:PASSWORD@ADDRESS:PORT". */
KITH_EXPORT bool kith_turn_valid(const char *text);

/* Fills in what there is to know now. KITH_EINVAL; zeros are then filled in. */
KITH_EXPORT int kith_node_turn(const struct kith_node *node, struct kith_turn_info *out);

#endif
