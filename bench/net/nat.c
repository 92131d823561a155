#include "net/nat.h"

#include <string.h>

#include "base/assert.h"
#include "net/draw.h"
#include "net/nat_table.h"

enum {
	RANDOM_TRIES = 16, /* independent draws before walking on from the last one */
	STEP_TRIES = 16, /* sequential allocation: by step, then one by one */
	WALK_TRIES = KITH_NAT_TRIES_MAX - RANDOM_TRIES
};

KITH_STATIC_ASSERT(RANDOM_TRIES == STEP_TRIES, "both allocations look at KITH_NAT_TRIES_MAX ports");

static uint32_t ip_of(const struct kith_addr *a)
{
	return (uint32_t)a->ip[0] << 24 | (uint32_t)a->ip[1] << 16 | (uint32_t)a->ip[2] << 8 | a->ip[3];
}

static void addr_set(struct kith_addr *a, uint32_t ip, uint16_t port)
{
	memset(a, 0, sizeof *a);
	a->family = KITH_FAMILY_V4;
	a->port = port;
	for (int i = 0; i < 4; i++)
		a->ip[i] = (uint8_t)(ip >> (24 - 8 * i));
}

int kith_nat_init(struct kith_nat *nat, const struct kith_nat_options *options, const struct kith_alloc *alloc,
		  const struct kith_addr *external, uint64_t seed)
{
	if (kith_nat_options_check(options) != 0 || external->family != KITH_FAMILY_V4)
		return KITH_EINVAL;
	memset(nat, 0, sizeof *nat);
	nat->options = options;
	nat->alloc = alloc;
	nat->seed = seed;
	nat->external_ip = ip_of(external);
	nat->free = nat->newest = nat->oldest = KITH_NAT_NONE;
	uint32_t span = (uint32_t)options->port_max - options->port_min + 1;
	nat->port_next = (uint16_t)(options->port_min + kith_draw_below(kith_draw(seed, 0, nat->draws++), span));
	return 0;
}

void kith_nat_flush(struct kith_nat *nat)
{
	kith_nat_table_clear(nat);
}

void kith_nat_rebind(struct kith_nat *nat)
{
	kith_nat_table_clear(nat);
	nat->rebound = true;
}

void kith_nat_deinit(struct kith_nat *nat)
{
	kith_nat_table_clear(nat);
}

void kith_nat_readdress(struct kith_nat *nat, const struct kith_addr *external)
{
	KITH_ASSERT(external->family == KITH_FAMILY_V4);
	kith_nat_table_clear(nat);
	nat->external_ip = ip_of(external);
}

bool kith_nat_owns(const struct kith_nat *nat, const struct kith_addr *ip)
{
	return ip->family == KITH_FAMILY_V4 && ip_of(ip) - nat->external_ip < nat->options->external_n;
}

uint32_t kith_nat_mappings(const struct kith_nat *nat, kith_time_us now)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < nat->cap; i++)
		if (nat->entries[i].kind == KITH_NAT_MAPPING && kith_nat_table_alive(nat, now, &nat->entries[i]))
			n++;
	return n;
}

static enum kith_nat_result count(struct kith_nat *nat, enum kith_nat_result r)
{
	nat->counters.results[r]++;
	return r;
}

/* The part of the remote that a dependence tells apart, into e. */
static void set_remote(struct kith_nat_entry *e, const struct kith_addr *remote, enum kith_nat_dependence dependence)
{
	e->remote_ip = dependence >= KITH_NAT_ADDRESS ? ip_of(remote) : 0;
	e->remote_port = dependence >= KITH_NAT_ADDRESS_PORT ? remote->port : 0;
}

/* --- external endpoints --- */

static uint64_t next_draw(struct kith_nat *nat)
{
	return kith_draw(nat->seed, 0, nat->draws++);
}

static uint32_t blocks_n(const struct kith_nat_options *o)
{
	return ((uint32_t)o->port_max - o->port_min + 1) / o->block_len;
}

static uint16_t pick_external(struct kith_nat *nat, uint32_t inside_ip)
{
	const struct kith_nat_options *o = nat->options;
	if (o->external_n == 1)
		return 0;
	if (o->pooling == KITH_NAT_ARBITRARY)
		return (uint16_t)kith_draw_below(next_draw(nat), o->external_n);
	/* Neighbours fill one address's blocks before the next address is begun, else they alternate. */
	uint32_t n = o->allocation == KITH_NAT_BLOCK ? inside_ip / blocks_n(o) : inside_ip;
	return (uint16_t)(n % o->external_n);
}

/* Whether a new mapping to dst may have this port: no mapping has it, and no local flow with dst holds it. */
static bool port_free(struct kith_nat *nat, kith_time_us now, struct kith_nat_entry *want, uint32_t port,
		      const struct kith_addr *dst)
{
	want->external_port = (uint16_t)port;
	if (kith_nat_table_by_in(nat, now, want) != KITH_NAT_NONE)
		return false;
	if (nat->options->wan_input_drop)
		return true;
	struct kith_nat_entry local = *want;
	local.kind = KITH_NAT_LOCAL;
	set_remote(&local, dst, KITH_NAT_ADDRESS_PORT);
	return kith_nat_table_by_in(nat, now, &local) == KITH_NAT_NONE;
}

static bool search_random(struct kith_nat *nat, kith_time_us now, struct kith_nat_entry *want,
			  const struct kith_addr *dst, uint32_t first, uint32_t span)
{
	uint32_t offset = 0;
	for (int k = 0; k < RANDOM_TRIES; k++) {
		offset = kith_draw_below(next_draw(nat), span);
		if (port_free(nat, now, want, first + offset, dst))
			return true;
	}
	for (uint32_t k = 1; k <= WALK_TRIES && k < span; k++)
		if (port_free(nat, now, want, first + (offset + k) % span, dst))
			return true;
	return false;
}

static bool search_sequential(struct kith_nat *nat, kith_time_us now, struct kith_nat_entry *want,
			      const struct kith_addr *dst)
{
	const struct kith_nat_options *o = nat->options;
	uint32_t span = (uint32_t)o->port_max - o->port_min + 1;
	uint32_t offset = (uint32_t)nat->port_next - o->port_min;
	for (uint32_t k = 0; k < STEP_TRIES + WALK_TRIES; k++) {
		bool found = port_free(nat, now, want, o->port_min + offset, dst);
		offset = (offset + (found || k < STEP_TRIES ? o->sequential_step : 1)) % span;
		nat->port_next = (uint16_t)(o->port_min + offset);
		if (found)
			return true;
	}
	return false;
}

/* Chooses want's external port. */
static bool pick_port(struct kith_nat *nat, kith_time_us now, struct kith_nat_entry *want, const struct kith_addr *dst)
{
	const struct kith_nat_options *o = nat->options;
	uint32_t first = o->port_min, span = (uint32_t)o->port_max - o->port_min + 1;
	switch (o->allocation) {
	case KITH_NAT_PRESERVE:
		if (!nat->rebound && want->inside_port >= o->port_min && want->inside_port <= o->port_max &&
		    port_free(nat, now, want, want->inside_port, dst))
			return true;
		nat->counters.remapped++;
		break;
	case KITH_NAT_SEQUENTIAL:
		return search_sequential(nat, now, want, dst);
	case KITH_NAT_BLOCK:
		first += want->inside_ip % blocks_n(o) * o->block_len;
		span = o->block_len;
		break;
	case KITH_NAT_RANDOM:
		break;
	}
	return search_random(nat, now, want, dst, first, span);
}

/* --- outbound --- */

/* Finds or makes the mapping for pkt. */
static enum kith_nat_result map(struct kith_nat *nat, kith_time_us now, const struct kith_nat_packet *pkt, uint32_t *i)
{
	struct kith_nat_entry e = { .kind = KITH_NAT_MAPPING, .proto = pkt->proto };
	e.inside_ip = ip_of(&pkt->src);
	e.inside_port = pkt->src.port;
	set_remote(&e, &pkt->dst, nat->options->mapping);
	*i = kith_nat_table_by_out(nat, now, &e);
	if (*i != KITH_NAT_NONE) {
		kith_nat_table_touch(nat, now, *i);
		return KITH_NAT_PASS;
	}
	e.external_index = pick_external(nat, e.inside_ip);
	if (!pick_port(nat, now, &e, &pkt->dst))
		return KITH_NAT_NO_PORT;
	e.serial = ++nat->serial;
	*i = kith_nat_table_add(nat, now, &e);
	if (*i == KITH_NAT_NONE)
		return KITH_NAT_NO_MEMORY;
	nat->counters.mappings++;
	return KITH_NAT_PASS;
}

/* A mapping that tells remotes apart at least as finely as the filter is its own permission. */
static bool needs_permission(const struct kith_nat_options *o)
{
	return o->filtering > o->mapping;
}

static struct kith_nat_entry permission_key(const struct kith_nat *nat, uint32_t mapping,
					    const struct kith_addr *remote)
{
	struct kith_nat_entry e = { .kind = KITH_NAT_PERMISSION };
	e.proto = nat->entries[mapping].proto;
	e.serial = nat->entries[mapping].serial;
	set_remote(&e, remote, nat->options->filtering);
	return e;
}

static enum kith_nat_result permit(struct kith_nat *nat, kith_time_us now, uint32_t mapping,
				   const struct kith_addr *dst)
{
	if (!needs_permission(nat->options))
		return KITH_NAT_PASS;
	struct kith_nat_entry e = permission_key(nat, mapping, dst);
	uint32_t i = kith_nat_table_by_in(nat, now, &e);
	if (i != KITH_NAT_NONE)
		kith_nat_table_touch(nat, now, i);
	else if (kith_nat_table_add(nat, now, &e) == KITH_NAT_NONE)
		return KITH_NAT_NO_MEMORY;
	/* A mapping must never be older than its permissions, else it would be evicted before them. */
	kith_nat_table_touch(nat, now, mapping);
	return KITH_NAT_PASS;
}

static bool blocked(const struct kith_nat_options *o, const struct kith_nat_packet *pkt)
{
	if (pkt->src.family != KITH_FAMILY_V4 || pkt->dst.family != KITH_FAMILY_V4)
		return true;
	if (pkt->proto == KITH_NAT_TCP)
		return o->tcp_port_only != 0 && pkt->dst.port != o->tcp_port_only;
	return o->udp_blocked;
}

/* --- inbound --- */

/* The entry that admits pkt's source: the mapping itself, or a permission; KITH_NAT_NONE if nothing does. */
static uint32_t admits(struct kith_nat *nat, kith_time_us now, uint32_t mapping, const struct kith_addr *src)
{
	const struct kith_nat_options *o = nat->options;
	if (o->filtering == KITH_NAT_INDEPENDENT)
		return mapping;
	if (needs_permission(o)) {
		struct kith_nat_entry e = permission_key(nat, mapping, src);
		return kith_nat_table_by_in(nat, now, &e);
	}
	const struct kith_nat_entry *m = &nat->entries[mapping];
	bool same = m->remote_ip == ip_of(src) && (o->filtering == KITH_NAT_ADDRESS || m->remote_port == src->port);
	return same ? mapping : KITH_NAT_NONE;
}

/* Remembers, like Linux, a flow that ended in the NAT's own input. */
static void confirm_local(struct kith_nat *nat, kith_time_us now, const struct kith_nat_packet *pkt)
{
	if (nat->options->wan_input_drop)
		return;
	struct kith_nat_entry e = { .kind = KITH_NAT_LOCAL, .proto = pkt->proto };
	e.external_index = (uint16_t)(ip_of(&pkt->dst) - nat->external_ip);
	e.external_port = pkt->dst.port;
	set_remote(&e, &pkt->src, KITH_NAT_ADDRESS_PORT);
	uint32_t i = kith_nat_table_by_in(nat, now, &e);
	if (i != KITH_NAT_NONE)
		kith_nat_table_touch(nat, now, i);
	else if (kith_nat_table_add(nat, now, &e) != KITH_NAT_NONE)
		nat->counters.local_flows++;
}

/* Translates dst, without a look at the hops left. */
static enum kith_nat_result translate_in(struct kith_nat *nat, kith_time_us now, struct kith_nat_packet *pkt)
{
	struct kith_nat_entry e = { .kind = KITH_NAT_MAPPING, .proto = pkt->proto };
	e.external_index = (uint16_t)(ip_of(&pkt->dst) - nat->external_ip);
	e.external_port = pkt->dst.port;
	set_remote(&e, &pkt->src, nat->options->port_overload ? KITH_NAT_ADDRESS_PORT : KITH_NAT_INDEPENDENT);
	uint32_t mapping = kith_nat_table_by_in(nat, now, &e);
	if (mapping == KITH_NAT_NONE)
		return KITH_NAT_NO_MAPPING;
	uint32_t admitted = admits(nat, now, mapping, &pkt->src);
	if (admitted == KITH_NAT_NONE)
		return KITH_NAT_FILTERED;
	nat->entries[mapping].replied = nat->entries[admitted].replied = 1;
	if (nat->options->inbound_refresh) {
		kith_nat_table_touch(nat, now, admitted);
		kith_nat_table_touch(nat, now, mapping);
	}
	addr_set(&pkt->dst, nat->entries[mapping].inside_ip, nat->entries[mapping].inside_port);
	return KITH_NAT_PASS;
}

enum kith_nat_result kith_nat_outbound(struct kith_nat *nat, kith_time_us now, struct kith_nat_packet *pkt)
{
	if (blocked(nat->options, pkt))
		return count(nat, KITH_NAT_BLOCKED);
	if (pkt->ttl <= 1)
		return count(nat, KITH_NAT_TTL);
	bool turn = kith_nat_owns(nat, &pkt->dst);
	if (turn && !nat->options->hairpin)
		return count(nat, KITH_NAT_NO_HAIRPIN);
	uint32_t mapping;
	kith_nat_table_trim(nat, now);
	enum kith_nat_result r = map(nat, now, pkt, &mapping);
	if (r == KITH_NAT_PASS)
		r = permit(nat, now, mapping, &pkt->dst);
	if (r != KITH_NAT_PASS)
		return count(nat, r);
	const struct kith_nat_entry *m = &nat->entries[mapping];
	addr_set(&pkt->src, nat->external_ip + m->external_index, m->external_port);
	pkt->ttl--;
	if (!turn) {
		nat->counters.passed_out++;
		return count(nat, KITH_NAT_PASS);
	}
	r = translate_in(nat, now, pkt);
	return count(nat, r == KITH_NAT_PASS ? KITH_NAT_HAIRPIN : r);
}

enum kith_nat_result kith_nat_inbound(struct kith_nat *nat, kith_time_us now, struct kith_nat_packet *pkt)
{
	if (pkt->src.family != KITH_FAMILY_V4 || !kith_nat_owns(nat, &pkt->dst) ||
	    (pkt->proto == KITH_NAT_UDP && nat->options->udp_blocked))
		return count(nat, KITH_NAT_BLOCKED);
	struct kith_nat_packet in = *pkt;
	enum kith_nat_result r = translate_in(nat, now, &in);
	if (r != KITH_NAT_PASS) {
		confirm_local(nat, now, pkt);
		return count(nat, r);
	}
	/* Last, as in a router: translation comes before forwarding, and what is for its own input needs no hop. */
	if (pkt->ttl <= 1)
		return count(nat, KITH_NAT_TTL);
	pkt->dst = in.dst;
	pkt->ttl--;
	nat->counters.passed_in++;
	return count(nat, KITH_NAT_PASS);
}
