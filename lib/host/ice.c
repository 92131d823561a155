/* A node's TURN servers: the component is loaded where the options name one, and its one carrier opened with the rest.
 * */
#include "host/internal.h"

#include <stdio.h>
#include <string.h>

#include "base/addr.h"
#include "base/alloc.h"
#include "crypto/suite.h"

/* ---- the component ---- */

int kith_ice_load(struct kith_node *node, char why[KITH_HOST_WHY_MAX])
{
	const struct kith_node_options *o = &node->o;
	char what[KITH_HOST_WHY_MAX - 24];
	if (o->turn_n == 0)
		return 0;
	if (!KITH_ICE) {
		(void)snprintf(why, KITH_HOST_WHY_MAX, "no TURN server: this libkith is built without it");
		return KITH_ENOTSUP;
	}
	struct kith_ice *ice = KITH_NEW(kith_system_alloc(), struct kith_ice);
	if (ice == NULL)
		return KITH_ENOMEM;
	int err = kith_component_load(&ice->part, "ice", what, sizeof what);
	for (; err == 0 && ice->arg.n < o->turn_n; ice->arg.n++)
		err = kith_turn_parse(&ice->arg.accounts[ice->arg.n], o->turn[ice->arg.n]);
	if (err != 0) {
		(void)snprintf(why, KITH_HOST_WHY_MAX, "no TURN server: %s", what);
		KITH_FREE(kith_system_alloc(), ice);
		return err;
	}
	const struct kith_ice_engine *engine = ice->part.component->table;
	ice->row = (struct kith_carrier_row){ engine->carrier, KITH_FAMILY_V4, &ice->arg };
	node->ice = ice;
	return 0;
}

void kith_ice_end(struct kith_node *node)
{
	struct kith_ice *ice = node->ice;
	if (!KITH_ICE || ice == NULL)
		return;
	kith_component_unload(&ice->part);
	kith_wipe(&ice->arg, sizeof ice->arg);
	KITH_FREE(kith_system_alloc(), ice);
	node->ice = NULL;
}

/* ---- what became of it ---- */

static const struct kith_socket *socket_of(const struct kith_node *node)
{
	for (size_t i = 0; KITH_ICE && i < node->sockets_n; i++) {
		if (node->sockets[i].carrier->relayed && node->sockets[i].self != NULL)
			return &node->sockets[i];
	}
	return NULL;
}

static void fill_in(const struct kith_node *node, struct kith_turn_info *out)
{
	const struct kith_socket *s = socket_of(node);
	if (s != NULL) {
		const struct kith_ice_engine *engine = node->ice->part.component->table;
		engine->info(s->self, out);
	}
}

void kith_ice_look(struct kith_node *node)
{
	char server[KITH_ADDR_TEXT_MAX], relayed[KITH_ADDR_TEXT_MAX], why[KITH_HOST_WHY_MAX];
	struct kith_ice *ice = node->ice;
	struct kith_turn_info info;
	if (!KITH_ICE)
		return;
	memset(&info, 0, sizeof info);
	fill_in(node, &info);
	const bool relays = info.state == KITH_TURN_RELAYED;
	if (relays != ice->relays)
		KITH_LOG(node->log, KITH_LOG_INFO, "turn_%s server=%s at=%s", relays ? "relays" : "ended",
			 kith_node_redacted(node, kith_addr_format(&info.server, server)),
			 kith_node_redacted(node, kith_addr_format(&info.relayed, relayed)));
	ice->relays = relays;
	if (relays && ice->told[0] != '\0') {
		ice->told[0] = '\0';
		kith_trouble(node, KITH_TROUBLE_TURN, 0, "a TURN server relays again");
	} else if (!relays && strcmp(ice->told, info.why) != 0) {
		memcpy(ice->told, info.why, sizeof ice->told);
		(void)snprintf(why, sizeof why, "a TURN server does not relay: %s", info.why);
		kith_trouble(node, KITH_TROUBLE_TURN, info.err, why);
	}
}

int kith_node_turn(const struct kith_node *node, struct kith_turn_info *out)
{
	const int err = out != NULL ? kith_node_check(node) : KITH_EINVAL;
	if (out != NULL)
		memset(out, 0, sizeof *out);
	if (err == 0)
		fill_in(node, out);
	return err;
}
