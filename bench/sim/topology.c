/* Who is where: supernodes in the core of the net, leaves behind NATs by the mix. */
#include "sim/internal.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#define CGN_LEAVES 16u
#define ACCESS_US 19000u /* with CORE_US: 20 ms from a leaf to a supernode, 39 ms to another leaf */
#define LATE_US 750000u /* one way: a supernode that answers late */
#define CORE_US 1000
#define ACCESS_WORLD_US 5000u /* besides the delay between countries, which has its own share of access */

const char *kith_sim_node_name(const struct kith_sim *sim, uint32_t node, char out[KITH_NAME_MAX + 1])
{
	snprintf(out, KITH_NAME_MAX + 1, "%s-%u", node < sim->options.supernodes ? "super" : "leaf", node);
	return out;
}

uint32_t kith_sim_node_named(const struct kith_sim *sim, const char *name)
{
	char made[KITH_NAME_MAX + 1];
	const char *dash = strrchr(name, '-');
	unsigned long node = dash != NULL ? strtoul(dash + 1, NULL, 10) : ULONG_MAX;
	if (node >= sim->nodes_n || strcmp(kith_sim_node_name(sim, (uint32_t)node, made), name) != 0)
		return KITH_SIM_NONE;
	return (uint32_t)node;
}

static uint64_t owner_key(const struct kith_addr *ip)
{
	return (uint64_t)ip->ip[0] << 24 | (uint64_t)ip->ip[1] << 16 | (uint64_t)ip->ip[2] << 8 | ip->ip[3];
}

static bool owner_set(struct kith_sim *sim, const struct kith_addr *ip, uint32_t node)
{
	uint32_t *owner = kith_simmap_at(&sim->owners, owner_key(ip));
	if (owner == NULL)
		return false;
	*owner = *owner == 0 ? node + 1 : KITH_SIM_NONE;
	return true;
}

struct kith_simnode *kith_sim_owner(const struct kith_sim *sim, const struct kith_addr *ip)
{
	const uint32_t *owner = ip->family == KITH_FAMILY_V4 ? kith_simmap_get(&sim->owners, owner_key(ip)) : NULL;
	return owner != NULL && *owner != 0 && *owner != KITH_SIM_NONE ? &sim->nodes[*owner - 1] : NULL;
}

const struct kith_simnode *kith_sim_super_at(const struct kith_sim *sim, const struct kith_addr *ip)
{
	for (uint32_t i = 0; i < sim->options.supernodes; i++) {
		if (memcmp(sim->nodes[i].local.ip, ip->ip, sizeof ip->ip) == 0)
			return &sim->nodes[i];
	}
	return NULL;
}

static struct kith_addr private_ip(uint8_t b, uint8_t c, uint8_t d)
{
	struct kith_addr a;
	memset(&a, 0, sizeof a);
	a.family = KITH_FAMILY_V4;
	a.ip[0] = b;
	a.ip[1] = c;
	a.ip[2] = d;
	a.ip[3] = 2;
	return a;
}

static struct kith_net_uplink access_uplink(const struct kith_sim *sim, uint32_t node)
{
	struct kith_net_uplink up = { .delay_us = sim->options.world ? ACCESS_WORLD_US : ACCESS_US,
				      .profile = kith_sim_class(sim, node) };
	if (sim->options.access_us > 0)
		up.delay_us = (uint32_t)sim->options.access_us;
	if (sim->options.world)
		up.country = kith_delay_pick_country(kith_sim_draw(sim, KITH_SIM_DRAW_COUNTRY, node, 0));
	return up;
}

static struct kith_addr next_public(struct kith_sim *sim)
{
	struct kith_addr ip;
	kith_net_public_v4(sim->public_next++, &ip);
	return ip;
}

/* A carrier's NAT for up to CGN_LEAVES customers. */
static bool carrier(struct kith_sim *sim, struct kith_net_uplink uplink, unsigned kind, struct kith_addr *ip)
{
	uplink.profile = 0; /* the bottleneck is the customer's */
	if (sim->cgn_device == 0 || sim->cgn_leaves >= CGN_LEAVES) {
		const struct kith_addr outside = next_public(sim);
		if (kith_net_nat_add(sim->net, KITH_NET_CORE, &sim->nat_options[kind], NULL, &outside, &uplink,
				     &sim->cgn_device) != 0)
			return false;
		sim->cgn_leaves = 0;
	}
	sim->cgn_leaves++;
	kith_net_address(sim->net, sim->cgn_device, ip);
	return true;
}

/* A home router in realm, with the leaf's interface behind it. */
static bool home_router(struct kith_sim *sim, struct kith_simnode *n, uint32_t realm, unsigned kind,
			const struct kith_addr *outside, const struct kith_net_uplink *uplink, uint32_t *nat)
{
	static const struct kith_net_uplink none;
	struct kith_addr inside = private_ip(192, 168, 1);
	if (kith_net_nat_add(sim->net, realm, &sim->nat_options[kind], NULL, outside, uplink, nat) != 0)
		return false;
	n->local = inside;
	if (n->iface != 0)
		return kith_net_move(sim->net, n->iface, *nat, &inside) == 0;
	return kith_net_iface_add(sim->net, n->id, *nat, &inside, &none, &n->iface) == 0;
}

uint32_t kith_sim_site(const struct kith_sim *sim, const struct kith_simnode *n)
{
	const uint32_t first = sim->options.supernodes;
	return first + (n->id - first) / sim->options.site_leaves * sim->options.site_leaves;
}

/* Puts a leaf behind the router of the first one of its site. */
static bool place_beside(struct kith_sim *sim, struct kith_simnode *n, const struct kith_simnode *first)
{
	static const struct kith_net_uplink none;
	n->nat_kind = first->nat_kind;
	n->reachable = first->reachable;
	n->nat = first->nat;
	n->public = first->public;
	n->public_nat = first->public_nat;
	n->local = private_ip(192, 168, 1);
	n->local.ip[3] = (uint8_t)(n->local.ip[3] + (n->id - first->id));
	return owner_set(sim, &n->public, n->id) &&
	       kith_net_iface_add(sim->net, n->id, n->nat, &n->local, &none, &n->iface) == 0;
}

/* Puts a leaf behind a NAT of the kind: a new one, and its interface too if it has none. */
static bool place(struct kith_sim *sim, struct kith_simnode *n, unsigned kind)
{
	struct kith_net_uplink uplink = access_uplink(sim, n->id);
	const struct kith_net_uplink behind_carrier = { .profile = uplink.profile };
	n->nat_kind = (uint8_t)kind;
	n->reachable = !kith_simnat_blocked(kind) || sim->options.tcp;
	if (kith_simnat_is_cgn(kind)) {
		unsigned home = 1;
		while (strcmp(kith_simnat_name(home), "port-restricted") != 0)
			home++;
		if (!carrier(sim, uplink, kind, &n->public))
			return false;
		/* 100.64/10, RFC 6598: what carriers give their customers. */
		struct kith_addr outside = private_ip(100, (uint8_t)(64 + sim->cgn_leaves), 1);
		n->public_nat = sim->cgn_device;
		if (!home_router(sim, n, sim->cgn_device, home, &outside, &behind_carrier, &n->nat))
			return false;
	} else {
		n->public = next_public(sim);
		if (!home_router(sim, n, KITH_NET_CORE, kind, &n->public, &uplink, &n->nat))
			return false;
		n->public_nat = n->nat;
	}
	return owner_set(sim, &n->public, n->id);
}

/* A host with an address of its own. */
static bool place_open(struct kith_sim *sim, struct kith_simnode *n)
{
	struct kith_net_uplink uplink = access_uplink(sim, n->id);
	if (kith_sim_is_super(n))
		uplink.delay_us = (n->lies & 1u << KITH_SIM_LIE_DELAY) != 0 ? LATE_US : 0;
	n->nat_kind = KITH_SIMNAT_OPEN;
	n->reachable = true;
	n->local = next_public(sim);
	kith_sim_attack_address(n, &n->local);
	n->public = n->local;
	if (n->iface != 0) {
		if (kith_net_move(sim->net, n->iface, KITH_NET_CORE, &n->local) != 0)
			return false;
	} else if (kith_net_iface_add(sim->net, n->id, KITH_NET_CORE, &n->local, &uplink, &n->iface) != 0) {
		return false;
	}
	n->nat = n->public_nat = 0;
	return kith_sim_is_super(n) || owner_set(sim, &n->public, n->id);
}

static bool place_kind(struct kith_sim *sim, struct kith_simnode *n, unsigned kind)
{
	if (kind == KITH_SIMNAT_OPEN ? !place_open(sim, n) : !place(sim, n, kind))
		return false;
	kith_net_group_set(sim->net, n->iface, (uint8_t)(n->id % KITH_SIM_GROUPS));
	return true;
}

bool kith_sim_renumber(struct kith_sim *sim, struct kith_simnode *n)
{
	if (n->nat == 0 || n->public_nat != n->nat)
		return place_kind(sim, n, n->nat_kind);
	const struct kith_addr fresh = next_public(sim);
	if (kith_net_move(sim->net, n->nat, KITH_NET_CORE, &fresh) != 0)
		return false;
	n->public = fresh;
	return owner_set(sim, &fresh, n->id);
}

bool kith_sim_roam(struct kith_sim *sim, struct kith_simnode *n)
{
	unsigned kind =
		kith_simnat_pick(&sim->options.nats, kith_sim_draw(sim, KITH_SIM_DRAW_NAT, n->id, sim->public_next));
	if (kith_simnat_blocked(kind))
		kind = n->nat_kind;
	return place_kind(sim, n, kind);
}

static bool net_new(struct kith_sim *sim)
{
	struct kith_net_options o;
	kith_net_options_init(&o);
	o.seed = sim->options.seed;
	o.hosts_max = sim->nodes_n;
	o.devices_max = UINT32_MAX / 4;
	o.faults = sim->options.faults.link;
	o.lan_faults = sim->options.faults.lan;
	o.delay.seed = sim->options.seed;
	o.delay.kind = sim->options.world ? KITH_DELAY_COUNTRY : KITH_DELAY_CONSTANT;
	o.delay.constant_us = CORE_US;
	kith_sim_capacity_profiles(sim, &o);
	sim->net = kith_net_new(&sim->net_account.alloc, &o);
	return sim->net != NULL;
}

bool kith_sim_topology(struct kith_sim *sim)
{
	kith_sim_liars(sim);
	if (!net_new(sim))
		return false;
	for (unsigned i = 1; i < KITH_SIMNAT_KINDS_MAX && kith_simnat_name(i) != NULL; i++) {
		int err = kith_nat_options_preset(&sim->nat_options[i], kith_simnat_name(i));
		KITH_ASSERT(err == 0);
		if (sim->options.nat_timeout_us > 0)
			sim->nat_options[i].timeout_us = sim->options.nat_timeout_us;
	}
	for (uint32_t i = 0; i < sim->nodes_n; i++) {
		struct kith_simnode *n = &sim->nodes[i];
		uint32_t host;
		if (kith_net_host_add(sim->net, &host) != 0)
			return false;
		KITH_ASSERT(host == i);
		unsigned kind = KITH_SIMNAT_OPEN;
		const bool sited = !kith_sim_is_super(n) && sim->options.site_leaves > 0;
		if (sited && kith_sim_site(sim, n) != i) {
			if (!place_beside(sim, n, &sim->nodes[kith_sim_site(sim, n)]))
				return false;
			continue;
		}
		if (!kith_sim_is_super(n))
			kind = sim->options.nats_in_turn
				       ? kith_simnat_turn(&sim->options.nats, i - sim->options.supernodes)
				       : kith_simnat_pick(&sim->options.nats,
							  kith_sim_draw(sim, KITH_SIM_DRAW_NAT, i, 0));
		if (!place_kind(sim, n, kind))
			return false;
	}
	return true;
}
