/* One node: its core from start to stop, driven by the contract of <kith/core.h>: mutate, drain, read the deadline,
 * wait. */
#include "sim/internal.h"

#include "link/state.h"

enum {
	BOOTSTRAPS = 3,
	FEW_GUIDES = 3 /* of a sector, in a network that is small */
};
#define GRACE_US (5 * KITH_US_PER_S)
enum { SPINS_MAX = 1000 }; /* wakes at one instant before the core is taken to be stuck */
#define MONO_OFFSET_MAX_US (1000 * KITH_US_PER_S) /* monotonic clocks start anywhere */
enum { POLL_MAX = 64 };

struct kith_now kith_sim_node_now(const struct kith_sim *sim, const struct kith_simnode *n)
{
	struct kith_now now = { sim->now + n->mono_offset_us, KITH_SIM_UNIX_MS + sim->now / KITH_US_PER_MS + n->skew_ms,
				true };
	return now;
}

void kith_sim_node_keys(struct kith_sim *sim, struct kith_simnode *n)
{
	if (!n->has_keys)
		kith_simpki_keys(&sim->pki, n->id, &n->identity, &n->device);
	n->has_keys = true;
}

static void node_event(struct kith_sim *sim, struct kith_simnode *n, const struct kith_event *e)
{
	if (e->type == KITH_EVENT_ATTACHED) {
		n->homes = e->count;
		kith_sim_check_homes(sim, n);
	}
	if (e->type == KITH_EVENT_ROLE)
		kith_sim_offices_changed(sim, e);
	if (e->type == KITH_EVENT_LEFT && sim->options.mutation != KITH_SIM_MUTATE_LEAVE_STUCK)
		n->leaving = false;
	if (e->type == KITH_EVENT_LEFT)
		kith_sim_supers_changed(sim);
	if (n->app != NULL)
		kith_sim_app_event(sim, n, e);
	else if (e->type == KITH_EVENT_OP_DONE && n->looking_up) {
		n->looking_up = false;
		if (e->err != 0)
			kith_sim_ended(sim, n->id, KITH_SIM_LOOKUP_FAILED, n->lookup_at, e->err);
		if (e->err == 0)
			kith_sim_sample(sim, n->id, KITH_SIM_LOOKUP, sim->now - n->lookup_at);
	}
}

/* The core is gone; what it held must be back. */
static void node_down(struct kith_sim *sim, struct kith_simnode *n)
{
	KITH_ASSERT(n->core != NULL);
	kith_core_free(n->core);
	n->core = NULL;
	kith_sim_effects_drop(sim, n);
	kith_sim_capacity_drop(sim, n);
	n->up = n->leaving = n->resting = false;
	n->homes = 0;
	n->armed = KITH_TIME_NEVER;
	n->wakes++;
	n->idle = false;
	if (n->app != NULL)
		kith_sim_app_down(sim, n);
	if (n->starting && !sim->finished) {
		struct kith_simcontrol start = { .kind = KITH_SIM_START, .a = n->id };
		kith_sim_control_at(sim, sim->now + KITH_US_PER_S, &start);
	}
	n->starting = false;
	kith_sim_disturb(sim, kith_sim_is_super(n) ? NULL : n);
	if (kith_sim_is_super(n))
		kith_sim_orphans_due(sim);
	n->disturbed_at = sim->now;
	if (n->account.live_bytes != 0)
		kith_sim_violate(sim, KITH_SIM_MEMORY_RETURNED, n->id, KITH_SIM_NONE,
				 "%llu bytes in %u blocks are lost", (unsigned long long)n->account.live_bytes,
				 n->account.live_blocks);
}

/* In virtual time. */
static kith_time_us node_deadline(const struct kith_sim *sim, const struct kith_simnode *n)
{
	kith_time_us at = kith_core_deadline(n->core);
	if (kith_sim_mutates(sim, KITH_SIM_MUTATE_DEADLINE_STUCK))
		return sim->now;
	return at == KITH_TIME_NEVER ? at : at - n->mono_offset_us;
}

/* All that the core left, in the end what it cost. */
static void drain(struct kith_sim *sim, struct kith_simnode *n)
{
	bool more = n->core != NULL;
	/* To the end in any case: the next core finds the shared outbox empty. */
	while (more) {
		struct kith_packet out[POLL_MAX];
		struct kith_event e;
		size_t count;
		more = false;
		while ((count = kith_core_poll(n->core, kith_sim_node_now(sim, n), out, POLL_MAX)) > 0) {
			for (size_t i = 0; i < count && !sim->failed; i++)
				kith_sim_send(sim, n, &out[i]);
		}
		while (kith_core_event(n->core, &e)) {
			more = true;
			if (!sim->failed)
				node_event(sim, n, &e);
		}
		more = kith_sim_effects(sim, n) || more;
	}
	kith_sim_capacity_charge(sim, n);
}

void kith_sim_node_drain(struct kith_sim *sim, struct kith_simnode *n)
{
	const bool was_leaving = n->leaving;
	struct kith_core_load load;
	drain(sim, n);
	if (n->core != NULL && kith_serves(n->core) && kith_sim_capacity_told(sim, n, &load)) {
		kith_core_load(n->core, kith_sim_node_now(sim, n), &load);
		drain(sim, n);
	}
	if (was_leaving && !n->leaving && n->core != NULL) {
		node_down(sim, n);
		return;
	}
	if (n->core == NULL)
		return;
	kith_sim_list_look(sim, n);
	kith_time_us at = node_deadline(sim, n);
	kith_sim_wake_at(sim, n, at > sim->now ? at : sim->now);
}

void kith_sim_super_lookup(struct kith_sim *sim, uint32_t node, uint32_t peer)
{
	struct kith_simnode *n = &sim->nodes[node];
	char name[KITH_NAME_MAX + 1];
	kith_op op;
	if (n->core == NULL || n->looking_up)
		return;
	n->lookup_at = sim->now;
	sim->counts.lookups++;
	n->looking_up =
		kith_core_lookup(n->core, kith_sim_node_now(sim, n), kith_sim_node_name(sim, peer, name), &op) == 0;
	sim->counts.lookups_failed += !n->looking_up;
	kith_sim_node_drain(sim, n);
}

/* What a processor or a modem that sleeps is woken for: a packet, or a timer. What follows soon finds it awake. */
static void rouse(struct kith_sim *sim, struct kith_simnode *n)
{
	n->roused += n->busy_at == 0 || sim->now - n->busy_at > KITH_SIM_ROUSED_US;
	n->busy_at = sim->now;
}

void kith_sim_node_input(struct kith_sim *sim, struct kith_simnode *n, struct kith_packet packets[], size_t count)
{
	if (n->core == NULL)
		return;
	n->spins = 0;
	rouse(sim, n);
	kith_core_input(n->core, kith_sim_node_now(sim, n), packets, count);
	kith_sim_node_drain(sim, n);
}

void kith_sim_node_wake(struct kith_sim *sim, struct kith_simnode *n)
{
	const kith_time_us woken = n->armed;
	const kith_time_us due = node_deadline(sim, n);
	n->armed = KITH_TIME_NEVER;
	const kith_time_us free_at = kith_sim_capacity_free_at(sim, n);
	if (due > sim->now || free_at > sim->now) {
		kith_sim_wake_at(sim, n, due > free_at ? due : free_at);
		return;
	}
	if (++n->spins > SPINS_MAX) {
		kith_sim_violate(sim, KITH_SIM_TIME_ADVANCES, n->id, KITH_SIM_NONE,
				 "woken %u times in a row at one instant", n->spins);
		return;
	}
	rouse(sim, n);
	kith_core_tick(n->core, kith_sim_node_now(sim, n));
	kith_sim_node_drain(sim, n);
	if (n->armed > woken)
		n->spins = 0;
}

void kith_sim_node_transport(struct kith_sim *sim, struct kith_simnode *n)
{
	struct kith_transport t;
	memset(&t, 0, sizeof t);
	t.id = KITH_SIM_TRANSPORT;
	t.up = !n->unplugged;
	t.kind = KITH_TRANSPORT_UDP;
	t.family = KITH_FAMILY_V4;
	t.locals[0] = (struct kith_local){ n->local, KITH_ADDR_HOST, 24 };
	t.locals_n = t.up ? 1 : 0;
	if (!sim->options.tcp)
		kith_sim_attack_locals(n, &t);
	(void)kith_core_transport(n->core, kith_sim_node_now(sim, n), &t);
	if (!kith_sim_is_super(n) && sim->options.site_lan) {
		t.id = KITH_SIM_LAN;
		t.purpose = KITH_PURPOSE_LAN;
		t.remote = (struct kith_addr){ .family = KITH_FAMILY_V4,
					       .port = KITH_SIM_LAN_PORT,
					       .ip = { 239, 255, 75, 72 } };
		(void)kith_core_transport(n->core, kith_sim_node_now(sim, n), &t);
	}
	if (sim->options.tcp) {
		t = (struct kith_transport){ .id = KITH_SIM_TCP,
					     .kind = KITH_TRANSPORT_TCP,
					     .family = KITH_FAMILY_V4,
					     .purpose = kith_sim_is_super(n) ? KITH_PURPOSE_ANY : KITH_PURPOSE_OUT,
					     .up = !n->unplugged,
					     .cost_ms = 30,
					     .locals_n = n->unplugged ? 0 : 1 };
		t.locals[0] = (struct kith_local){ n->local, KITH_ADDR_HOST, 24 };
		(void)kith_core_transport(n->core, kith_sim_node_now(sim, n), &t);
		if (n->aims) { /* what it takes in is the victim's */
			t.id = KITH_SIM_TCP_IN;
			t.purpose = KITH_PURPOSE_IN;
			kith_sim_attack_locals(n, &t);
			(void)kith_core_transport(n->core, kith_sim_node_now(sim, n), &t);
		}
	}
	kith_sim_ports_tell(sim, n);
}

/* A supernode knows the first ones; a leaf is given some at random. Every second entry comes with the key. */
static size_t bootstraps(struct kith_sim *sim, const struct kith_simnode *n, struct kith_bootstrap out[BOOTSTRAPS])
{
	size_t count = 0;
	uint32_t supers = sim->options.supernodes;
	for (uint32_t i = 0; i < 4 * BOOTSTRAPS && count < BOOTSTRAPS; i++) {
		uint32_t pick = i % supers;
		if (!kith_sim_is_super(n))
			pick = kith_draw_below(kith_sim_draw(sim, KITH_SIM_DRAW_BOOTSTRAP, n->id, i), supers);
		struct kith_simnode *s = &sim->nodes[pick];
		bool twice = s == n;
		for (size_t k = 0; k < count; k++)
			twice = twice || kith_addr_equal(&out[k].at.addr, &s->local);
		if (twice)
			continue;
		memset(&out[count], 0, sizeof out[count]);
		out[count].at = kith_endpoint_udp(&s->local);
		out[count].at.addr.port = KITH_SIM_SUPER_PORT;
		if ((n->id + i) % 2 == 0) {
			kith_sim_node_keys(sim, s);
			out[count].key = s->device;
			out[count].has_key = true;
		}
		count++;
	}
	return count;
}

static void options_fill(struct kith_sim *sim, struct kith_simnode *n, struct kith_core_options *o,
			 const struct kith_simcredentials *c, const struct kith_bootstrap bootstrap[],
			 size_t bootstrap_n)
{
	kith_core_options_init(o);
	o->role = n->role;
	o->alloc = &n->account.alloc;
	o->random = &n->random.random;
	o->suite = kith_sim_capacity_suite(sim);
	o->shared = sim->shared;
	o->stats = &sim->stats[kith_sim_is_super(n)];
	o->log = sim->options.log;
	kith_sim_capacity_options(n, o);
	kith_sim_candidates_options(sim, n, o);
	o->presence = sim->options.presence;
	o->root = &sim->pki.root.pk;
	o->device = c->device;
	o->chain = (struct kith_span){ c->chain, c->chain_len };
	o->devices = (struct kith_span){ c->devices, c->devices_len };
	o->bootstrap = bootstrap;
	o->bootstrap_n = bootstrap_n;
	o->state = (struct kith_span){ n->files[KITH_SAVE_STATE].bytes, n->files[KITH_SAVE_STATE].len };
	o->contacts = (struct kith_span){ n->files[KITH_SAVE_CONTACTS].bytes, n->files[KITH_SAVE_CONTACTS].len };
	if (kith_sim_is_super(n)) {
		o->endpoints[0] = kith_endpoint_udp(&n->local);
		o->endpoints_n = 1;
		if (sim->options.tcp) {
			o->endpoints[1] = o->endpoints[0];
			o->endpoints[1].kind = KITH_TRANSPORT_TCP;
			o->endpoints_n = 2;
		}
	}
}

void kith_sim_node_full_view(const struct kith_sim *sim, struct kith_simnode *n)
{
	if (n->core->super == NULL || sim->options.full_view == 0)
		return;
	struct kith_sectors *sectors = &n->core->super->members.sectors;
	sectors->full = sim->options.full_view;
	sectors->size = sim->options.full_view / 4;
	sectors->guides = FEW_GUIDES;
}

void kith_sim_node_start(struct kith_sim *sim, struct kith_simnode *n)
{
	char name[KITH_NAME_MAX + 1];
	struct kith_simcredentials credentials;
	struct kith_bootstrap bootstrap[BOOTSTRAPS];
	struct kith_core_options o;
	/* Still saying goodbye: it starts once that is done. */
	n->starting = n->leaving;
	if (n->core != NULL || n->killed)
		return;
	n->boots++;
	sim->counts.starts++;
	n->mono_offset_us =
		kith_sim_draw_time(kith_sim_draw(sim, KITH_SIM_DRAW_CLOCK, n->id, n->boots), MONO_OFFSET_MAX_US);
	n->local.port = KITH_SIM_SUPER_PORT;
	if (!kith_sim_is_super(n))
		n->local.port =
			(uint16_t)(20000 +
				   kith_draw_below(kith_sim_draw(sim, KITH_SIM_DRAW_PORT, n->id, n->boots), 40000));
	kith_simpki_issue(&sim->pki, n->id, kith_sim_node_name(sim, n->id, name), kith_sim_is_super(n), &credentials);
	if (sim->options.mutation == KITH_SIM_MUTATE_BAD_CHAIN)
		credentials.chain[credentials.chain_len - 1] ^= 1;
	options_fill(sim, n, &o, &credentials, bootstrap, bootstraps(sim, n, bootstrap));
	int err = kith_core_new(&n->core, &o, kith_sim_node_now(sim, n));
	if (err != 0) {
		n->core = NULL;
		kith_sim_violate(sim, KITH_SIM_NODE_STARTS, n->id, KITH_SIM_NONE, "kith_core_new: %s",
				 kith_strerror(err));
		return;
	}
	kith_sim_node_full_view(sim, n);
	n->up = true;
	n->started_at = n->homeless_since = n->homes_since = sim->now;
	n->orphaned_at = KITH_TIME_NEVER;
	n->attached_once = n->attached_all = false;
	kith_sim_disturb(sim, kith_sim_is_super(n) ? NULL : n);
	n->disturbed_at = sim->now;
	kith_sim_node_transport(sim, n);
	if (n->app != NULL)
		kith_sim_app_start(sim, n);
	kith_sim_node_drain(sim, n);
	kith_sim_life(sim, n);
}

void kith_sim_node_crash(struct kith_sim *sim, struct kith_simnode *n, bool keep_state)
{
	if (n->core == NULL)
		return;
	if (!sim->finished)
		sim->counts.crashes++;
	if (sim->options.mutation == KITH_SIM_MUTATE_MEMORY_KEPT)
		(void)n->account.alloc.realloc_fn(n->account.alloc.ctx, NULL, 0, 100);
	if (!keep_state)
		kith_sim_forget(sim, n);
	uint32_t boot = n->boots;
	node_down(sim, n);
	struct kith_simcontrol check = { .kind = KITH_SIM_CHECK_OFFLINE, .a = n->id, .b = boot, .since = sim->now };
	if (n->app != NULL && !sim->finished)
		kith_sim_control_at(sim, sim->now + sim->options.bounds.offline_us, &check);
}

void kith_sim_node_stop(struct kith_sim *sim, struct kith_simnode *n)
{
	if (n->core == NULL || n->leaving)
		return;
	sim->counts.stops++;
	n->leaving = true;
	struct kith_simcontrol check = { .kind = KITH_SIM_LEAVE_END, .a = n->id, .b = n->boots, .since = sim->now };
	kith_sim_control_at(sim, sim->now + GRACE_US + KITH_US_PER_S, &check);
	check.kind = KITH_SIM_CHECK_GOODBYE;
	if (n->app != NULL)
		kith_sim_control_at(sim, sim->now + GRACE_US + sim->options.bounds.goodbye_us, &check);
	kith_sim_disturb(sim, kith_sim_is_super(n) ? NULL : n);
	n->disturbed_at = sim->now;
	kith_core_leave(n->core, kith_sim_node_now(sim, n), GRACE_US);
	kith_sim_node_drain(sim, n);
}
