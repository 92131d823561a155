/* From the configuration to the node's options: the files it names, and what follows from its values. */
#include "kithd_config.h"

#include <errno.h>
#include <string.h>

static int read_file(struct config *c, const char *option, const struct config_text *path, struct armor *out)
{
	errno = 0;
	int err = armor_read(out, path->s);
	if (err == 0)
		return 0;
	if (err == KITH_EPROTO)
		return config_refuse(
			c, path->line,
			"%s: %s holds no armoured text, or a damaged one; expected what kith ca or kith id wrote",
			option, path->s);
	return config_refuse(c, path->line, "%s: %s cannot be read: %s", option, path->s, file_why(err));
}

static int collect(struct config *c, struct credentials *k, const struct armor *from, int line, const char *path)
{
	for (size_t i = 0; i < from->n; i++) {
		const struct armor_piece *piece = &from->pieces[i];
		if (piece->kind == KITH_ARMOR_ISSUER && k->issuers_n < ARMOR_PIECES_MAX)
			k->issuers[k->issuers_n++] = piece->bytes;
		else if (is_posted(piece->kind) && k->revocations_n < ARMOR_PIECES_MAX)
			k->revocations[k->revocations_n++] = piece->bytes;
		else if (piece->kind == KITH_ARMOR_ISSUER || is_posted(piece->kind))
			return config_refuse(c, line, "%s: more than %d certificates or lists", path, ARMOR_PIECES_MAX);
	}
	return 0;
}

static int read_lists(struct config *c, struct credentials *k, const char *option, const struct config_text *paths,
		      size_t n, enum kith_armor kind)
{
	for (size_t i = 0; i < n; i++) {
		struct armor *armor = &k->lists[k->lists_n++];
		if (read_file(c, option, &paths[i], armor) != 0)
			return KITH_EINVAL;
		if (armor_find(armor, kind) == NULL && (kind == KITH_ARMOR_ISSUER || !armor_has_posted(armor)))
			return config_refuse(c, paths[i].line, "%s: %s holds no %s", option, paths[i].s,
					     kind == KITH_ARMOR_ISSUER ? "issuer's certificate" : "revocation list");
		if (collect(c, k, armor, paths[i].line, paths[i].s) != 0)
			return KITH_EINVAL;
	}
	return 0;
}

static int read_chain(struct config *c, struct credentials *k, struct kith_node_options *o)
{
	if (read_file(c, "chain", &c->chain, &k->chain) != 0)
		return KITH_EINVAL;
	const struct armor_piece *chain = armor_find(&k->chain, KITH_ARMOR_CHAIN);
	const struct armor_piece *devices = armor_find(&k->chain, KITH_ARMOR_DEVICES);
	if (chain == NULL)
		return config_refuse(c, c->chain.line, "chain: %s holds no CHAIN; expected what kith id accept wrote",
				     c->chain.s);
	o->chain = chain->bytes;
	o->chain_path = c->chain.s;
	if (devices != NULL)
		o->devices = devices->bytes;
	return collect(c, k, &k->chain, c->chain.line, c->chain.s);
}

/* Lists of the profile stay; ours come behind them. */
static int join_lists(struct config *c, struct credentials *k, struct kith_node_options *o)
{
	if (o->issuers_n + k->issuers_n > ARMOR_PIECES_MAX || o->revocations_n + k->revocations_n > ARMOR_PIECES_MAX)
		return config_refuse(c, 0,
				     "more than %d issuers or revocation lists together with those of the profile",
				     ARMOR_PIECES_MAX);
	for (size_t i = 0; i < o->issuers_n; i++)
		k->issuers[k->issuers_n++] = o->issuers[i];
	for (size_t i = 0; i < o->revocations_n; i++)
		k->revocations[k->revocations_n++] = o->revocations[i];
	o->issuers = k->issuers;
	o->issuers_n = k->issuers_n;
	o->revocations = k->revocations;
	o->revocations_n = k->revocations_n;
	return 0;
}

static void apply_addresses(const struct config *c, struct kith_node_options *o)
{
	if (c->listen_v4.family != KITH_FAMILY_NONE || c->listen_v6.family != KITH_FAMILY_NONE) {
		o->no_v4 = c->listen_v4.family == KITH_FAMILY_NONE;
		o->no_v6 = c->listen_v6.family == KITH_FAMILY_NONE;
		o->port = o->no_v4 ? c->listen_v6.port : c->listen_v4.port;
		o->bind_v4 = c->listen_v4;
		o->bind_v6 = c->listen_v6;
	}
}

void config_serving(const struct config *c, struct serving *out)
{
	static const struct kith_addr none;
	const struct kith_addr *listens[] = { &c->listen_v4, &c->listen_v6 };
	memset(out, 0, sizeof *out);
	out->known = true;
	out->configured = out->role = c->role;
	out->terms = (struct kith_terms){ .consent = KITH_CONSENT_YES,
					  .on_battery = c->serve_on_battery,
					  .on_metered = c->serve_on_metered,
					  .leaves_max = (uint32_t)c->serve_leaves_max,
					  .up_max = c->serve_up_max,
					  .down_max = c->serve_down_max,
					  .memory_max = c->serve_memory_max };
	for (size_t i = 0; i < c->advertise_n; i++)
		out->advertised[out->advertised_n++] = kith_endpoint_udp(&c->advertise[i]);
	memcpy(out->listening, out->advertised, sizeof out->listening);
	out->listening_n = out->advertised_n;
	/* A supernode that listens on one address and says nothing else is reachable there. */
	for (size_t i = 0; c->advertise_n == 0 && i < 2; i++)
		if (listens[i]->port != 0 && memcmp(listens[i]->ip, none.ip, sizeof none.ip) != 0)
			out->listening[out->listening_n++] = kith_endpoint_udp(listens[i]);
}

static void apply_plain(const struct config *c, struct credentials *k, struct kith_node_options *o)
{
	struct serving serving;
	config_serving(c, &serving);
	serving_options(&serving, c->role, o);
	if (config_line(c, "network") != 0) {
		o->has_root = true;
		o->root = c->root;
	}
	if (c->open_label.s != NULL) {
		o->has_root = false;
		o->open_label = c->open_label.s;
	}
	if (c->key.s != NULL)
		o->key_path = c->key.s;
	if (c->state.s != NULL)
		o->state_dir = c->state.s;
	for (size_t i = 0; i < c->bootstrap_n; i++)
		k->bootstrap[i] = c->bootstrap[i].s;
	if (c->bootstrap_n > 0) {
		o->bootstrap = k->bootstrap;
		o->bootstrap_n = c->bootstrap_n;
	}
	for (size_t i = 0; i < c->turn_n; i++)
		k->turn[i] = c->turn[i].s;
	o->turn = k->turn;
	o->turn_n = c->turn_n;
	o->stun = c->stun;
	o->presence = c->presence;
	if (config_line(c, "allow_loopback") != 0)
		o->allow_loopback = c->allow_loopback;
	o->no_offload = !c->offload;
	o->no_tcp = !c->tcp;
	o->no_tcp_in = !c->tcp_in;
	o->no_port_mapping = !c->port_mapping;
	o->no_lan = !c->lan;
	o->listen_tcp = (uint16_t)c->listen_tcp;
	o->proxy = c->proxy.s;
	o->web_listen = c->web_listen;
	o->web_certificate = c->web_certificate.s;
	o->web_key = c->web_key.s;
	o->web_path = c->web_path.s;
	o->web_trust = c->web_trust.s;
	o->sessions_max = (uint32_t)c->sessions_max;
	o->tunnels_max = (uint32_t)c->tunnels_max;
	o->relay_rate = c->relay_rate;
	o->relay_owner_rate = c->relay_identity_rate;
	o->stream_window_max = (uint32_t)c->stream_window_max;
	o->session_window_max = (uint32_t)c->session_window_max;
	o->windows_max = (size_t)c->windows_max;
	o->election_pace = (uint32_t)c->election_pace;
	if (c->leave_timeout > 0)
		o->leave_us = (kith_time_us)c->leave_timeout * KITH_US_PER_S;
}

int config_apply(struct config *c, struct credentials *k, struct kith_node_options *o)
{
	char why[512];
	memset(k, 0, sizeof *k);
	if (c->profile.s != NULL && kith_node_options_load(o, c->profile.s, why, sizeof why) != 0)
		return config_refuse(c, c->profile.line, "profile: %s: %s", c->profile.s, why);
	if (c->chain.s != NULL && read_chain(c, k, o) != 0)
		return KITH_EINVAL;
	if (read_lists(c, k, "issuers", c->issuers, c->issuers_n, KITH_ARMOR_ISSUER) != 0 ||
	    read_lists(c, k, "revocations", c->revocations, c->revocations_n, KITH_ARMOR_REVOCATION) != 0)
		return KITH_EINVAL;
	apply_addresses(c, o);
	apply_plain(c, k, o);
	if (o->role == KITH_ROLE_SUPERNODE && o->endpoints_n == 0)
		return config_refuse(c, config_line(c, "role"),
				     "advertise: missing; a supernode on wildcard addresses must say where others "
				     "reach it: advertise = {\"address:port\"}");
	return join_lists(c, k, o);
}

void credentials_free(struct credentials *k)
{
	armor_free(&k->chain);
	for (size_t i = 0; i < k->lists_n; i++)
		armor_free(&k->lists[i]);
	k->lists_n = 0;
}

int config_revocations(struct config *c, void (*visit)(void *ctx, const char *path, struct kith_span list), void *ctx)
{
	c->error[0] = '\0';
	for (size_t i = 0; i < c->revocations_n; i++) {
		struct armor armor;
		int err = read_file(c, "revocations", &c->revocations[i], &armor);
		for (size_t j = 0; err == 0 && j < armor.n; j++)
			if (is_posted(armor.pieces[j].kind))
				visit(ctx, c->revocations[i].s, armor.pieces[j].bytes);
		armor_free(&armor);
		if (err != 0)
			return err;
	}
	return 0;
}
