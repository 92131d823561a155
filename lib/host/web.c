/* A node's WebSockets: the component is loaded where the options, or the URL of a bootstrap host, ask for it. */
#include "host/internal.h"

#include <stdio.h>

#include <kith/web.h>

#include "base/alloc.h"

/* The URL of the entry that has that address now. */
static bool find(const void *ctx, const struct kith_addr *remote, struct kith_web_place *out)
{
	const struct kith_node *node = ctx;
	for (size_t i = 0; i < node->resolver.n; i++) {
		const struct kith_resolve_entry *e = node->resolver.entries[i];
		for (size_t k = 0; e->is.web && k < e->found_n; k++) {
			if (!kith_addr_equal(&e->found[k], remote))
				continue;
			*out = (struct kith_web_place){ .host = e->is.host[0] != '\0' ? e->is.host : NULL,
							.path = kith_entry_path(&e->is),
							.addr = *remote };
			return true;
		}
	}
	return false;
}

static const struct kith_web_engine *engine_of(const struct kith_web *web)
{
	return web->part.component->table;
}

static bool has_urls(const struct kith_node *node)
{
	for (size_t i = 0; i < node->resolver.n; i++)
		if (node->resolver.entries[i]->is.web)
			return true;
	return false;
}

static int make(struct kith_web *web, char why[KITH_HOST_WHY_MAX])
{
	char what[KITH_HOST_WHY_MAX - 16];
	int err = kith_component_load(&web->part, "web", what, sizeof what);
	if (err != 0) {
		(void)snprintf(why, KITH_HOST_WHY_MAX, "no WebSockets: %s", what);
		return err;
	}
	const struct kith_web_engine *engine = engine_of(web);
	err = engine->make(&web->arg.shared, &web->config, why, KITH_HOST_WHY_MAX);
	if (err == KITH_ENOMEM)
		(void)snprintf(why, KITH_HOST_WHY_MAX, "no WebSockets: there is no memory for TLS");
	web->rows[0] = (struct kith_carrier_row){ engine->carrier, KITH_FAMILY_V4, &web->arg };
	web->rows[1] = (struct kith_carrier_row){ engine->carrier, KITH_FAMILY_V6, &web->arg };
	return err;
}

int kith_web_load(struct kith_node *node, char why[KITH_HOST_WHY_MAX])
{
	const struct kith_node_options *o = &node->o;
	const bool asked = o->web_listen.family != KITH_FAMILY_NONE;
	if (o->no_tcp || (!asked && !has_urls(node)))
		return 0;
	struct kith_web *web = KITH_NEW(kith_system_alloc(), struct kith_web);
	if (web == NULL)
		return KITH_ENOMEM;
	web->config = (struct kith_web_config){ .listen = o->web_listen,
						.certificate = o->web_certificate,
						.key = o->web_key,
						.path = o->web_path != NULL ? o->web_path : KITH_WEB_PATH,
						.trust = o->web_trust };
	web->arg.config = &web->config;
	web->arg.find = find;
	web->arg.ctx = node;
	int err = make(web, why);
	if (err == 0) {
		node->web = web;
		return 0;
	}
	kith_component_unload(&web->part);
	KITH_FREE(kith_system_alloc(), web);
	if (asked || err != KITH_ENOTSUP)
		return err;
	node->web_missing = true;
	return 0;
}

void kith_web_tell(struct kith_node *node)
{
	if (!node->web_missing)
		return;
	kith_trouble(
		node, KITH_TROUBLE_WEB, KITH_ENOTSUP,
		"the hosts with wss:// cannot be reached: the component kith-web.so is not installed, or cannot be "
		"loaded");
}

void kith_web_end(struct kith_node *node)
{
	struct kith_web *web = node->web;
	if (web == NULL)
		return;
	engine_of(web)->drop(web->arg.shared);
	kith_component_unload(&web->part);
	KITH_FREE(kith_system_alloc(), web);
	node->web = NULL;
}

size_t kith_node_home_kinds(const struct kith_node *node, uint8_t out[], size_t n)
{
	return kith_node_check(node) == 0 && node->core != NULL ? kith_core_home_kinds(node->core, out, n) : 0;
}
