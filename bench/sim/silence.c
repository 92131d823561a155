/* Networks that change while calls go on: routers that get another public address, leaves that are cut off for a while;
 * and how long nobody hears anything then. */
#include "sim/internal.h"

#define WATCH_US (20 * KITH_US_PER_S) /* what is silent for longer counts with that much, or is lost */
#define AFTER_US (10 * KITH_US_PER_S) /* calls that come so soon after a change are told apart */
#define TALKS_US KITH_US_PER_S /* a call in which that long nothing came is not one that goes on */

/* Whether this leaf is among those that a change is about; the same ones whenever it is asked. */
static bool hit(const struct kith_sim *sim, const struct kith_simnode *n, enum kith_simcontrol_kind kind, uint32_t ppm)
{
	return !kith_sim_is_super(n) &&
	       kith_draw_hit(kith_sim_draw(sim, KITH_SIM_DRAW_CHANGE, n->id, (uint64_t)kind), ppm);
}

static bool is_told(const struct kith_sim *sim, const struct kith_simnode *n)
{
	return (kith_sim_draw(sim, KITH_SIM_DRAW_CHANGE, n->id, KITH_SIM_UNCUT) & 1) != 0;
}

static void at(struct kith_sim *sim, kith_time_us when, enum kith_simcontrol_kind kind)
{
	struct kith_simcontrol c = { .kind = kind, .since = when };
	kith_sim_control_at(sim, when, &c);
}

bool kith_sim_silence_schedule(struct kith_sim *sim)
{
	const struct kith_simfaults *f = &sim->options.faults;
	if (f->readdress_ppm > 0) {
		at(sim, f->readdress_at_us, KITH_SIM_READDRESS);
		at(sim, f->readdress_at_us + WATCH_US, KITH_SIM_HEARD);
	}
	if (f->rebind_ppm > 0) {
		at(sim, f->rebind_at_us, KITH_SIM_REBIND);
		at(sim, f->rebind_at_us + WATCH_US, KITH_SIM_HEARD);
	}
	if (f->cut_ppm > 0) {
		at(sim, f->cut_at_us, KITH_SIM_CUT);
		at(sim, f->cut_at_us + f->cut_us, KITH_SIM_UNCUT);
		at(sim, f->cut_at_us + f->cut_us + WATCH_US, KITH_SIM_HEARD);
	}
	return !sim->no_memory;
}

void kith_sim_silence_watch(struct kith_sim *sim, struct kith_simcall *c)
{
	c->watched = true;
	c->watched_at = sim->now;
	c->silence_us = 0;
}

/* Both ends of the calls of a node that talk are watched. */
static void watch(struct kith_sim *sim, struct kith_simcall *c)
{
	if (!c->used || !c->open || c->closing || c->watched || c->heard_at == 0 || sim->now - c->heard_at > TALKS_US)
		return;
	kith_sim_silence_watch(sim, c);
	sim->counts.calls_changed++;
}

static void watch_calls_of(struct kith_sim *sim, uint32_t changed)
{
	sim->nodes[changed].changed_at = sim->now;
	for (uint32_t i = sim->options.supernodes; i < sim->nodes_n; i++) {
		struct kith_simnode *n = &sim->nodes[i];
		for (uint32_t k = 0; n->core != NULL && k < n->app->calls_n; k++) {
			struct kith_simcall *c = n->app->calls[k];
			if (i == changed || c->peer == changed)
				watch(sim, c);
		}
	}
}

void kith_sim_silence_heard(struct kith_sim *sim, struct kith_simcall *c)
{
	if (c->watched && sim->now - c->heard_at > c->silence_us)
		c->silence_us = sim->now - c->heard_at;
	c->heard_at = sim->now;
	c->talks_heard++;
}

void kith_sim_silence_path(struct kith_sim *sim, const struct kith_simnode *n, struct kith_simcall *c, bool direct)
{
	if (c->watched && c->direct_now && !direct)
		c->left_at = c->watched_at;
	if (c->left_at != 0 && direct) {
		kith_sim_sample(sim, n->id, KITH_SIM_DIRECT_AGAIN, sim->now - c->left_at);
		c->left_at = 0;
	}
	c->direct_now = direct;
}

static bool soon_after(const struct kith_simcall *c, const struct kith_simnode *n)
{
	return n->changed_at != 0 && c->called_at >= n->changed_at && c->called_at - n->changed_at <= AFTER_US;
}

void kith_sim_silence_first_byte(struct kith_sim *sim, const struct kith_simcall *c, kith_time_us took,
				 const struct kith_simnode *n)
{
	if (soon_after(c, n) || soon_after(c, &sim->nodes[c->peer]))
		kith_sim_sample(sim, n->id, KITH_SIM_FIRST_BYTE_AFTER, took);
}

/* Whether the other end has not hung up: else its goodbye was what got lost. */
static bool held_there(const struct kith_sim *sim, const struct kith_simcall *c)
{
	const struct kith_simnode *peer = &sim->nodes[c->peer];
	for (uint32_t k = 0; peer->app != NULL && peer->core != NULL && k < peer->app->calls_n; k++) {
		const struct kith_simcall *theirs = peer->app->calls[k];
		if (theirs->used && theirs->open && !theirs->closing && theirs->flow == c->peer_flow)
			return true;
	}
	return false;
}

void kith_sim_silence_end(struct kith_sim *sim, const struct kith_simnode *n, struct kith_simcall *c, bool lost)
{
	bool hung_up = lost && !held_there(sim, c);
	if (c->open && !c->closing && lost && !hung_up)
		kith_sim_ended(sim, n->id, KITH_SIM_CALL_LOST, c->called_at, KITH_ETIMEDOUT);
	if (!c->watched || c->closing)
		return;
	c->watched = false;
	if (hung_up)
		return;
	if (lost) /* what is silent to the end */
		c->silence_us = sim->now - c->heard_at;
	kith_sim_sample(sim, n->id, KITH_SIM_SILENCE, c->silence_us);
}

static void end_watch(struct kith_sim *sim)
{
	for (uint32_t i = sim->options.supernodes; i < sim->nodes_n; i++) {
		struct kith_simnode *n = &sim->nodes[i];
		for (uint32_t k = 0; n->core != NULL && k < n->app->calls_n; k++) {
			struct kith_simcall *c = n->app->calls[k];
			if (!c->used || !c->watched)
				continue;
			if (sim->now - c->heard_at > c->silence_us)
				c->silence_us = sim->now - c->heard_at;
			if (c->left_at != 0)
				kith_sim_sample(sim, n->id, KITH_SIM_DIRECT_AGAIN, sim->now - c->left_at);
			c->left_at = 0;
			kith_sim_silence_end(sim, n, c, false);
		}
	}
}

/* The host is not told: it is its router's address. Behind a carrier's NAT it has none of its own. */
static void readdress(struct kith_sim *sim, struct kith_simnode *n)
{
	if (n->nat == 0 || n->public_nat != n->nat || !n->reachable)
		return;
	if (!kith_sim_renumber(sim, n)) {
		kith_sim_out_of_memory(sim);
		return;
	}
	kith_sim_disturb(sim, n);
	watch_calls_of(sim, n->id);
}

void kith_sim_rebind(struct kith_sim *sim, struct kith_simnode *n)
{
	if (n->nat == 0 || !n->reachable)
		return;
	kith_net_nat_rebind(sim->net, n->public_nat);
	kith_sim_disturb(sim, n);
	watch_calls_of(sim, n->id);
}

void kith_sim_unplug(struct kith_sim *sim, struct kith_simnode *n, bool on, bool told)
{
	kith_net_host_cut(sim->net, n->id, on ? KITH_NET_CUT_OUT | KITH_NET_CUT_IN : 0);
	kith_sim_disturb(sim, n);
	if (on)
		watch_calls_of(sim, n->id);
	if (n->core == NULL || !told)
		return;
	n->unplugged = on;
	kith_sim_node_transport(sim, n);
	kith_sim_node_drain(sim, n);
}

void kith_sim_silence_control(struct kith_sim *sim, const struct kith_simcontrol *c)
{
	const struct kith_simfaults *f = &sim->options.faults;
	if (c->kind == KITH_SIM_HEARD) {
		end_watch(sim);
		return;
	}
	for (uint32_t i = 0; i < sim->nodes_n && !sim->failed; i++) {
		struct kith_simnode *n = &sim->nodes[i];
		if (c->kind == KITH_SIM_READDRESS && hit(sim, n, KITH_SIM_READDRESS, f->readdress_ppm))
			readdress(sim, n);
		else if (c->kind == KITH_SIM_REBIND && hit(sim, n, KITH_SIM_REBIND, f->rebind_ppm))
			kith_sim_rebind(sim, n);
		else if ((c->kind == KITH_SIM_CUT || c->kind == KITH_SIM_UNCUT) &&
			 hit(sim, n, KITH_SIM_CUT, f->cut_ppm))
			kith_sim_unplug(sim, n, c->kind == KITH_SIM_CUT, is_told(sim, n));
	}
}
