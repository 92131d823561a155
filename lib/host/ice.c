/* A node's TURN servers: the component is loaded where the options name one, and its one carrier opened with the rest.
 * */
#include "host/internal.h"

#include <stdio.h>
#include <string.h>

#include "base/addr.h"
#include "base/alloc.h"
#include "crypto/suite.h"

/* Up to end, which is not copied. False: too long, or nothing, or with a quote, which libnice would not bear. */
static bool copy(char out[KITH_TURN_USER_MAX], const char *from, const char *end)
{
	const size_t n = (size_t)(end - from);
	if (n == 0 || n >= KITH_TURN_USER_MAX || memchr(from, '"', n) != NULL)
		return false;
	memcpy(out, from, n);
	out[n] = '\0';
	return true;
}

int kith_turn_parse(struct kith_turn_account *out, const char *text)
{
	static const char scheme[] = "turn:";
	memset(out, 0, sizeof *out);
	if (strncmp(text, scheme, sizeof scheme - 1) != 0)
		return KITH_EINVAL;
	const char *user = text + sizeof scheme - 1, *colon = strchr(user, ':'), *at = strrchr(user, '@');
	if (colon == NULL || at == NULL || at < colon || kith_addr_parse(&out->server, at + 1) != 0 ||
	    out->server.port == 0 || kith_addr_scope(&out->server) == KITH_SCOPE_NONE ||
	    !copy(out->user, user, colon) || !copy(out->password, colon + 1, at)) {
		memset(out, 0, sizeof *out);
		return KITH_EINVAL;
	}
	return 0;
}

bool kith_turn_valid(const char *text)
{
	struct kith_turn_account account;
	const bool valid = text != NULL && kith_turn_parse(&account, text) == 0;
	kith_wipe(&account, sizeof account);
	return valid;
}

const char *kith_turn_state_name(unsigned state)
{
	static const char *const names[] = { "off", "asking", "relayed", "failed" };
	return names[state < sizeof names / sizeof names[0] ? state : 0];
}

/* ---- the component ---- */

int kith_ice_load(struct kith_node *node, char why[KITH_HOST_WHY_MAX])
{
	const struct kith_node_options *o = &node->o;
	char what[KITH_HOST_WHY_MAX - 24];
	if (o->turn_n == 0)
		return 0;
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
	if (ice == NULL)
		return;
	kith_component_unload(&ice->part);
	kith_wipe(&ice->arg, sizeof ice->arg);
	KITH_FREE(kith_system_alloc(), ice);
	node->ice = NULL;
}

/* ---- what became of it ---- */

static const struct kith_socket *socket_of(const struct kith_node *node)
{
	for (size_t i = 0; i < node->sockets_n; i++) {
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
