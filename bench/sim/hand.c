#include "sim/hand.h"

#include "call/op.h"
#include "sim/internal.h"

enum { HEADERS = 28 /* of IPv4 and UDP */ };

static struct kith_simcall *call_of(const struct kith_sim *sim, uint32_t leaf)
{
	KITH_ASSERT(leaf >= sim->options.supernodes && leaf < sim->nodes_n);
	return kith_sim_any_call(&sim->nodes[leaf]);
}

bool kith_sim_hand_call(struct kith_sim *sim, uint32_t from, uint32_t to)
{
	struct kith_simnode *n = &sim->nodes[from];
	return n->core != NULL && kith_sim_call_kept(sim, n, to) != NULL;
}

static uint32_t super_at(const struct kith_sim *sim, const struct kith_addr *at)
{
	const struct kith_simnode *n = kith_sim_super_at(sim, at);
	return n != NULL ? n->id : KITH_SIM_NONE;
}

bool kith_sim_hand_look(const struct kith_sim *sim, uint32_t leaf, struct kith_simend *out)
{
	const struct kith_simcall *c = call_of(sim, leaf);
	const struct kith_session *s = c != NULL ? kith_peer_get(sim->nodes[leaf].core, c->session) : NULL;
	if (s == NULL || c->closing)
		return false;
	kith_time_us lasts = sim->now - c->heard_at;
	*out = (struct kith_simend){ .peer = c->peer, .ours = c->ours, .via = KITH_SIM_NONE };
	out->gap_us = c->silence_us > lasts ? c->silence_us : lasts;
	for (unsigned i = 0; i < kith_pathset_count(&s->paths); i++) {
		const struct kith_path *p = kith_pathset_path(&s->paths, i);
		out->live += p->state == KITH_PATH_LIVE;
		out->relays += p->state == KITH_PATH_LIVE && kith_path_is_relay(p);
		if (p == kith_pathset_sending(&s->paths) && kith_path_is_relay(p))
			out->via = super_at(sim, &p->hop.remote);
	}
	return true;
}

uint32_t kith_sim_hand_standby(const struct kith_sim *sim, uint32_t leaf, unsigned n)
{
	const struct kith_simcall *c = call_of(sim, leaf);
	const struct kith_session *s = c != NULL ? kith_peer_get(sim->nodes[leaf].core, c->session) : NULL;
	for (unsigned i = 0; s != NULL && i < kith_pathset_count(&s->paths); i++) {
		const struct kith_path *p = kith_pathset_path(&s->paths, i);
		if (p != kith_pathset_sending(&s->paths) && kith_path_is_relay(p) && p->state == KITH_PATH_LIVE &&
		    n-- == 0)
			return super_at(sim, &p->hop.remote);
	}
	return KITH_SIM_NONE;
}

uint32_t kith_sim_hand_home(const struct kith_sim *sim, uint32_t leaf)
{
	const struct kith_core *core = sim->nodes[leaf].core;
	const struct kith_session *s;
	uint32_t it = 0;
	while (core != NULL && (s = kith_table_next(&core->sessions.by_device, &it)) != NULL) {
		if (s->state == KITH_SESSION_OPEN && (s->use & KITH_USE_HOME) != 0)
			return super_at(sim, &kith_session_hop(s)->remote);
	}
	return KITH_SIM_NONE;
}

uint32_t kith_sim_hand_contact(const struct kith_sim *sim, uint32_t leaf)
{
	const struct kith_simapp *app = sim->nodes[leaf].app;
	return app != NULL && app->contacts_n > 0 ? app->contacts[0].node : KITH_SIM_NONE;
}

void kith_sim_hand_listen(struct kith_sim *sim, uint32_t leaf, bool anew)
{
	struct kith_simcall *c = call_of(sim, leaf);
	if (c == NULL)
		return;
	kith_sim_silence_watch(sim, c);
	if (anew)
		c->heard_at = sim->now;
}

void kith_sim_hand_hush(struct kith_sim *sim, uint32_t leaf, bool on)
{
	struct kith_simcall *c = call_of(sim, leaf);
	if (c != NULL)
		kith_sim_call_hush(sim, &sim->nodes[leaf], c, on);
}

uint64_t kith_sim_hand_heard(const struct kith_sim *sim, uint32_t leaf)
{
	const struct kith_simcall *c = call_of(sim, leaf);
	return c != NULL ? c->talks_heard : 0;
}

struct kith_simspent kith_sim_hand_spent(const struct kith_sim *sim, uint32_t leaf)
{
	const struct kith_simnode *n = &sim->nodes[leaf];
	return (struct kith_simspent){
		n->bytes_in + n->bytes_out + HEADERS * (n->packets_in + n->packets_out),
		n->roused,
	};
}

static void control(struct kith_sim *sim, enum kith_simcontrol_kind kind, uint32_t node)
{
	const struct kith_simcontrol c = { .kind = kind, .a = node };
	kith_sim_control(sim, &c);
}

void kith_sim_hand_do(struct kith_sim *sim, enum kith_simhand what, uint32_t node)
{
	struct kith_simnode *n = &sim->nodes[node];
	switch (what) {
	case KITH_SIM_HAND_KILL:
		control(sim, KITH_SIM_KILL, node);
		break;
	case KITH_SIM_HAND_FLUSH:
		KITH_ASSERT(n->nat != 0);
		kith_net_nat_flush(sim->net, n->public_nat);
		kith_sim_disturb(sim, n);
		break;
	case KITH_SIM_HAND_REBIND:
		kith_sim_rebind(sim, n);
		break;
	case KITH_SIM_HAND_READDRESS:
		control(sim, KITH_SIM_RENUMBER, node);
		break;
	case KITH_SIM_HAND_MOVE:
		control(sim, KITH_SIM_ROAM, node);
		break;
	case KITH_SIM_HAND_CUT:
	case KITH_SIM_HAND_UNCUT:
		kith_sim_unplug(sim, n, what == KITH_SIM_HAND_CUT, false);
		break;
	case KITH_SIM_HAND_UNPLUG:
	case KITH_SIM_HAND_PLUG:
		kith_sim_unplug(sim, n, what == KITH_SIM_HAND_UNPLUG, true);
		break;
	}
}

bool kith_sim_hand_way(struct kith_sim *sim, uint32_t from, uint32_t to, const struct kith_net_way *way)
{
	struct kith_simnode *a = &sim->nodes[from], *b = &sim->nodes[to];
	if (kith_net_pair_set(sim->net, a->iface, b->iface, way) != 0)
		return false;
	kith_sim_disturb(sim, kith_sim_is_super(a) && kith_sim_is_super(b) ? NULL : kith_sim_is_super(a) ? b : a);
	return true;
}
