/* The names of bootstrap hosts: looked for while the node starts and runs, without holding anything up. What is found
 * goes to the core at once; what is not is told once, shown by kith_node_bootstrap, and tried again. */
#include "host/internal.h"

#include <stdio.h>
#include <string.h>

#include "base/rng.h"

static void found(void *ctx)
{
	struct kith_node *node = ctx;
	/* Every name that an entry can have, four each: 10 kB. */
	struct kith_bootstrap hosts[KITH_RESOLVE_ENTRIES_MAX * KITH_RESOLVE_PER_NAME];
	if (node->core == NULL || node->state != KITH_NODE_RUNNING)
		return; /* open.c takes all that is found before the core is made */
	size_t n = kith_resolver_result(&node->resolver, hosts, sizeof hosts / sizeof hosts[0]);
	int err = kith_core_set_bootstrap(node->core, kith_node_now(node), hosts, n);
	if (err != 0)
		KITH_LOG(node->log, KITH_LOG_WARN, "bootstrap_not_set err=%s", kith_err_name(err));
	kith_node_touch(node);
}

static bool is_live(const struct kith_node *node)
{
	return node->state == KITH_NODE_STARTING || node->state == KITH_NODE_RUNNING;
}

static void tell_missing(struct kith_node *node)
{
	for (size_t i = 0; i < node->resolver.n && is_live(node); i++) {
		char why[KITH_HOST_WHY_MAX];
		struct kith_resolve_entry *e = node->resolver.entries[i];
		if (e->err == 0 || e->told)
			continue;
		e->told = true;
		(void)snprintf(why, sizeof why, "cannot resolve %.*s; trying again", (int)sizeof why - 48, e->is.host);
		kith_trouble(node, KITH_TROUBLE_BOOTSTRAP, e->err, why);
	}
}

/* No home is found: a host may have moved. */
static bool is_lost(const struct kith_node *node)
{
	struct kith_core_info info;
	if (node->core == NULL)
		return false;
	kith_core_info(node->core, &info);
	return info.homeless.err != 0;
}

static void resolve(struct kith_node *node, bool all);

static void try_again(uv_timer_t *timer)
{
	struct kith_node *node = timer->data;
	resolve(node, node->resolve_all || is_lost(node));
}

static void schedule(struct kith_node *node)
{
	struct kith_resolver *r = &node->resolver;
	bool soon = kith_resolver_wants(r) || is_lost(node);
	if (!is_live(node) || !kith_resolver_has_names(r))
		return;
	kith_time_us in =
		soon ? kith_rng_backoff(node->random, KITH_RESOLVE_RETRY_US, KITH_RESOLVE_RETRY_MAX_US, r->attempt++)
		     : kith_rng_jitter(node->random, KITH_RESOLVE_AGAIN_US, 10);
	node->resolve_all = !soon;
	(void)uv_timer_start(&node->resolve_timer, try_again, (uint64_t)(in / KITH_US_PER_MS), 0);
}

static void done(void *ctx)
{
	struct kith_node *node = ctx;
	tell_missing(node);
	schedule(node);
	kith_node_job_done(node);
}

static void resolve(struct kith_node *node, bool all)
{
	struct kith_resolver *r = &node->resolver;
	bool busy = r->busy > 0;
	if (!is_live(node))
		return;
	(void)uv_timer_stop(&node->resolve_timer);
	r->found = found;
	r->done = done;
	r->ctx = node;
	if (!kith_resolver_start(r, node->loop, all))
		schedule(node); /* nothing could be asked */
	else if (!busy)
		node->jobs++; /* a round: until done */
}

void kith_bootstrap_resolve(struct kith_node *node)
{
	resolve(node, is_lost(node));
}

void kith_bootstrap_cancel(struct kith_node *node)
{
	(void)uv_timer_stop(&node->resolve_timer);
	kith_resolver_cancel(&node->resolver);
}

static bool are_entries(const char *const entries[], size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (entries == NULL || !kith_bootstrap_valid(entries[i]))
			return false;
	return true;
}

/* Takes over a list that was checked and may name further hosts. */
static int extend(struct kith_node *node, const char *const entries[], size_t n)
{
	int result = 0;
	for (size_t i = 0; i < n; i++) {
		int err = kith_resolver_add(&node->resolver, entries[i]);
		if (err == KITH_EEXIST)
			continue;
		if (err != 0)
			result = err;
	}
	found(node); /* what is an address needs no looking up */
	node->resolver.attempt = 0;
	kith_bootstrap_resolve(node);
	return result;
}

size_t kith_node_bootstrap(const struct kith_node *node, struct kith_bootstrap_info out[], size_t n)
{
	if (kith_node_check(node) != 0 || (out == NULL && n > 0))
		return 0;
	for (size_t i = 0; i < node->resolver.n && i < n; i++) {
		const struct kith_resolve_entry *e = node->resolver.entries[i];
		char addr[KITH_ADDR_TEXT_MAX];
		memset(&out[i], 0, sizeof out[i]);
		const char *scheme = e->is.web ? "wss://" : "";
		if (e->is.host[0] == '\0') /* a literal */
			(void)snprintf(out[i].where, sizeof out[i].where, "%s%s%.64s", scheme,
				       kith_addr_format(&e->is.addr, addr), kith_entry_path(&e->is));
		else
			(void)snprintf(out[i].where, sizeof out[i].where, "%s%.180s:%u%.64s", scheme, e->is.host,
				       e->is.addr.port, kith_entry_path(&e->is));
		out[i].addrs_n = (unsigned)e->found_n;
		out[i].err = e->found_n == 0 ? e->err : 0;
	}
	return node->resolver.n;
}

static void change_stun(struct kith_node *node, bool wanted)
{
	if (!wanted)
		kith_node_stun_end(node);
	node->o.stun = wanted && (node->stun != NULL || kith_node_stun_begin(node) == 0);
}

int kith_node_adjust(struct kith_node *node, const struct kith_node_options *o)
{
	struct kith_core_options defaults;
	struct kith_node_options n;
	char why[KITH_HOST_WHY_MAX];
	int err = kith_node_check(node);
	if (err == 0 && !kith_options_read(&n, o))
		err = KITH_EINVAL;
	if (err != 0)
		return err;
	if (node->state != KITH_NODE_RUNNING)
		return KITH_ESTATE;
	if (n.leave_us < 0 || n.linger_us < 0 || !are_entries(n.bootstrap, n.bootstrap_n) ||
	    (n.stun && node->o.role == KITH_ROLE_LEAF))
		return KITH_EINVAL;
	kith_core_options_init(&defaults);
	struct kith_core_limits limits = { .sessions_max = n.sessions_max != 0 ? n.sessions_max : defaults.sessions_max,
					   .tunnels_max = n.tunnels_max != 0 ? n.tunnels_max : defaults.tunnels_max,
					   .relay_rate = n.relay_rate != 0 ? n.relay_rate : defaults.relay_rate,
					   .relay_owner_rate = n.relay_owner_rate != 0 ? n.relay_owner_rate
										       : defaults.relay_owner_rate };
	err = n.stun ? kith_node_stun_load(node, why) : 0;
	if (err == 0)
		err = kith_core_limit(node->core, kith_node_now(node), &limits);
	if (err != 0) {
		if (node->stun == NULL)
			kith_component_unload(&node->stun_part);
		return err;
	}
	kith_node_touch(node);
	node->o.leave_us = n.leave_us;
	node->o.linger_us = n.linger_us;
	change_stun(node, n.stun);
	if (node->o.no_port_mapping != n.no_port_mapping) {
		node->o.no_port_mapping = n.no_port_mapping;
		kith_portmap_look(node);
	}
	return extend(node, n.bootstrap, n.bootstrap_n);
}
