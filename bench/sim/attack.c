/* Members that do harm, without a line of it in the library; who lies about records is in lies.c.
 *
 *   droppers   supernodes that attach leaves and open tunnels as they should, and forward no packet of one
 *   flooders   certified supernodes that ask each member they have a session with for names that nobody has, as fast
 *              as a session takes requests
 *   Sybils     supernodes of one attacker: all in one network (a /16 of IPv4), all of them droppers
 *   aimers     leaves whose hosts tell them that a victim's address is theirs, at as many ports as peers take, and at
 *              others as often as peers begin anew: whoever talks to them looks for them there
 *
 * Which nodes they are is drawn from the seed; more of a kind are the same ones and others.
 */
#include "sim/internal.h"

#include "core/settle.h"
#include "link/state.h"
#include "wire/message.h"
#include "wire/packet.h"

#define FLOOD_GAP_US (10 * KITH_US_PER_MS)
#define FLOOD_FROM_US (20 * KITH_US_PER_S) /* the network has formed by then */
#define AIM_GAP_US KITH_PUNCH_RESTART_US
enum { SYBIL_FIRST = 102, SYBIL_SECOND = 77 }; /* of their addresses: kith_net_public_v4 gives it to nobody */
enum { AIMED_PORTS = 8, AIMED_PORT_FIRST = 2000, AIMED_PORT_LAST = 60000 };

static const struct kith_addr victim = { .family = KITH_FAMILY_V4, .ip = { 9, 9, 9, 9 } };

void kith_sim_attack_new(struct kith_sim *sim)
{
	const struct kith_simfaults *f = &sim->options.faults;
	for (uint32_t i = 0; i < sim->options.supernodes; i++) {
		struct kith_simnode *n = &sim->nodes[i];
		n->sybil = kith_sim_chosen(sim, 250, i, f->sybils_ppm);
		n->drops = n->sybil || kith_sim_chosen(sim, 251, i, f->droppers_ppm);
		n->floods = kith_sim_chosen(sim, 252, i, f->flooders_ppm);
	}
	for (uint32_t i = sim->options.supernodes; i < sim->nodes_n; i++) {
		struct kith_simnode *n = &sim->nodes[i];
		n->aims = kith_draw_hit(kith_sim_draw(sim, KITH_SIM_DRAW_AIM, i, 0), f->aimers_ppm);
		n->aimed_port = AIMED_PORT_FIRST;
	}
}

void kith_sim_attack_schedule(struct kith_sim *sim)
{
	for (uint32_t i = 0; i < sim->options.supernodes; i++) {
		struct kith_simcontrol c = { .kind = KITH_SIM_FLOOD, .a = i };
		if (sim->nodes[i].floods)
			kith_sim_control_at(sim, FLOOD_FROM_US + i, &c);
	}
	for (uint32_t i = sim->options.supernodes; i < sim->nodes_n; i++) {
		struct kith_simcontrol c = { .kind = KITH_SIM_AIM, .a = i };
		if (sim->nodes[i].aims)
			kith_sim_control_at(sim, FLOOD_FROM_US + i, &c);
	}
}

void kith_sim_attack_aim(struct kith_sim *sim, struct kith_simnode *n)
{
	struct kith_simcontrol again = { .kind = KITH_SIM_AIM, .a = n->id };
	n->aimed_port = (uint16_t)(n->aimed_port + AIMED_PORTS);
	if (n->aimed_port > AIMED_PORT_LAST)
		n->aimed_port = AIMED_PORT_FIRST;
	if (n->core != NULL) {
		kith_sim_node_transport(sim, n);
		kith_sim_node_drain(sim, n);
	}
	kith_sim_control_at(sim, sim->now + AIM_GAP_US, &again);
}

void kith_sim_attack_locals(const struct kith_simnode *n, struct kith_transport *t)
{
	if (!n->aims || !t->up)
		return;
	t->locals_n = AIMED_PORTS;
	for (unsigned i = 0; i < AIMED_PORTS; i++) {
		t->locals[i] = (struct kith_local){ victim, KITH_ADDR_MAPPED, 32 };
		t->locals[i].addr.port = (uint16_t)(n->aimed_port + i);
	}
}

void kith_sim_attack_sent(struct kith_sim *sim, const struct kith_simnode *n, const struct kith_addr *to, size_t len)
{
	if (n->aims && kith_sim_super_at(sim, to) != NULL)
		sim->counts.aimers_bytes += len;
	if (!n->aims && to->family == victim.family && memcmp(to->ip, victim.ip, sizeof victim.ip) == 0)
		sim->counts.aimed_bytes += len;
}

bool kith_sim_attack_drops(const struct kith_simnode *n, const uint8_t *data, size_t len)
{
	return n->drops && len > 0 && data[0] == KITH_PKT_TUNNEL;
}

void kith_sim_attack_address(const struct kith_simnode *n, struct kith_addr *ip)
{
	if (!n->sybil)
		return;
	ip->ip[0] = SYBIL_FIRST;
	ip->ip[1] = SYBIL_SECOND;
	ip->ip[2] = (uint8_t)(n->id >> 8);
	ip->ip[3] = (uint8_t)n->id;
}

/* One request on each session; nobody waits for the answers. */
static void flood(struct kith_sim *sim, struct kith_simnode *n)
{
	struct kith_core *c = n->core;
	uint32_t it = 0;
	struct kith_session *s;
	uint8_t body[64];
	kith_core_enter(c, kith_sim_node_now(sim, n));
	while ((s = kith_table_next(&c->sessions.by_index, &it)) != NULL) {
		struct kith_msg_find m = { .nearer.n = 0 };
		if (s->state != KITH_SESSION_OPEN || !(s->use & KITH_USE_MEMBER))
			continue;
		n->random.random.fill(n->random.random.ctx, m.key.b, sizeof m.key.b);
		size_t len = kith_msg_find_write(body, sizeof body, &m);
		if (kith_session_request(c, s, KITH_REQ_FIND, (struct kith_span){ body, len },
					 kith_token(KITH_TOKEN_IGNORE, 0)) == 0)
			sim->counts.flood_requests++;
	}
	kith_core_settle(c);
	kith_sim_node_drain(sim, n);
}

void kith_sim_attack_flood(struct kith_sim *sim, struct kith_simnode *n)
{
	struct kith_simcontrol again = { .kind = KITH_SIM_FLOOD, .a = n->id };
	if (n->core != NULL && !n->leaving && !n->resting)
		flood(sim, n);
	kith_sim_control_at(sim, sim->now + FLOOD_GAP_US, &again);
}

uint32_t kith_sim_lying_homes(const struct kith_sim *sim, const struct kith_simnode *n, uint32_t *homes)
{
	struct kith_addr at[KITH_HOMES];
	uint32_t liars = 0;
	*homes = n->core != NULL ? (uint32_t)kith_core_homes(n->core, at, KITH_HOMES) : 0;
	for (uint32_t i = 0; i < *homes; i++) {
		const struct kith_simnode *home = kith_sim_super_at(sim, &at[i]);
		liars += home != NULL && home->lies != 0;
	}
	return liars;
}

void kith_sim_attack_count(struct kith_sim *sim)
{
	for (uint32_t i = sim->options.supernodes; i < sim->nodes_n && sim->options.faults.sybils_ppm > 0; i++) {
		struct kith_addr homes[KITH_HOMES];
		const struct kith_core *c = sim->nodes[i].core;
		size_t n = c != NULL ? kith_core_homes(c, homes, KITH_HOMES) : 0, sybils = 0;
		for (size_t k = 0; k < n; k++) {
			const struct kith_simnode *home = kith_sim_super_at(sim, &homes[k]);
			sybils += home != NULL && home->sybil;
		}
		sim->counts.sybil_homes += sybils;
		sim->counts.sybil_leaves += n > 0 && sybils == n;
	}
}
