/* What the tests of lib/leaf/gauge and lib/super/echo have in common: a leaf behind a NAT with a clock of its own, and
 * a look at every ECHO. */
#ifndef KITH_TESTS_GAUGE_WORLD_H
#define KITH_TESTS_GAUGE_WORLD_H

#include "leaf_world.h"

#include "leaf/gauge.h"
#include "wire/packet.h"

#define S KITH_US_PER_S
enum { GW_SUPERNODES = 5, GW_ALICE = GW_SUPERNODES, GW_FLOWS = 64, GW_FIRST_PORT = 30000, GW_IP_UDP = 28 };

enum gw_filter { GW_EVERYBODY, GW_BY_ADDRESS, GW_BY_PORT };

/* One mapping of the NAT before alice, the same for all destinations. */
struct gw_flow {
	uint16_t inside, outside;
	kith_time_us used_at;
	struct kith_addr to[8]; /* last destinations */
	int to_n;
};

struct gw {
	struct core_world w;
	uint16_t lifetime_s; /* of a mapping, since alice sent by it last; 0: there is no NAT */
	enum gw_filter filter;
	bool hairpin;
	struct gw_flow flows[GW_FLOWS];
	int flows_n;
	uint16_t next;
	uint8_t ip; /* last byte of the outer address */
	int loss_every; /* every so-manieth ECHO is lost; 0: none */
	int echoes, echo_bytes; /* both ways, headers included */
	int main_sent; /* by alice's main socket, to others than supernodes */
	uint64_t number; /* of the last ECHO */
	struct kith_addr home; /* that alice sent one to */
	kith_time_us lost_at; /* when a packet of a home to alice's main socket met no mapping; 0: never */
};

static inline struct kith_addr gw_outside(const struct gw *g, uint16_t port)
{
	return (struct kith_addr){ .family = KITH_FAMILY_V4, .ip = { 50, 0, 0, g->ip }, .port = port };
}

static inline bool gw_alive(const struct gw *g, const struct gw_flow *f)
{
	return g->w.now - f->used_at < g->lifetime_s * S;
}

static inline struct gw_flow *gw_flow(struct gw *g, uint16_t inside)
{
	for (int i = 0; i < g->flows_n; i++)
		if (g->flows[i].inside == inside && gw_alive(g, &g->flows[i]))
			return &g->flows[i];
	assert_true(g->flows_n < GW_FLOWS);
	struct gw_flow *f = &g->flows[g->flows_n++];
	*f = (struct gw_flow){ .inside = inside, .outside = g->next++ };
	return f;
}

static inline bool gw_admits(const struct gw *g, const struct gw_flow *f, const struct kith_addr *from)
{
	bool admits = g->filter == GW_EVERYBODY;
	for (int i = 0; i < 8 && i < f->to_n; i++)
		admits = admits || kith_addr_equal(&f->to[i], from) ||
			 (g->filter == GW_BY_ADDRESS && memcmp(f->to[i].ip, from->ip, 4) == 0);
	return admits;
}

static inline int gw_inwards(struct gw *g, struct world_packet *p)
{
	for (int i = 0; i < g->flows_n; i++) {
		struct gw_flow *f = &g->flows[i];
		if (f->outside != p->to.port || !gw_alive(g, f))
			continue;
		p->to = g->w.nodes[GW_ALICE].addr;
		p->to.port = f->inside;
		return gw_admits(g, f, &p->from);
	}
	if (p->data[KITH_PACKET_HEADROOM] == KITH_PKT_DATA)
		g->lost_at = g->w.now;
	return 0;
}

static inline int gw_outwards(struct gw *g, struct world_packet *p)
{
	struct gw_flow *f = gw_flow(g, p->from.port);
	f->used_at = g->w.now;
	if (!gw_admits(g, f, &p->to) || g->filter == GW_EVERYBODY)
		f->to[f->to_n++ % 8] = p->to;
	p->from = gw_outside(g, f->outside);
	if (memcmp(p->to.ip, p->from.ip, 4) == 0)
		return g->hairpin ? gw_inwards(g, p) : 0;
	return 1;
}

static inline void gw_count(struct gw *g, const struct world_packet *p)
{
	struct kith_echo e;
	if (!kith_echo_parse(&e, test_span(p->data + KITH_PACKET_HEADROOM, p->len)))
		return;
	g->echoes++;
	g->echo_bytes += p->len + GW_IP_UDP;
	g->number = e.number;
	if (p->from.port >= WORLD_SPARE_PORT && e.what == KITH_ECHO_AT_ONCE)
		g->home = p->to;
}

static inline int gw_tap(struct core_world *w, struct world_packet *p)
{
	struct gw *g = (struct gw *)w->tap_ctx;
	const struct kith_addr *alice = &w->nodes[GW_ALICE].addr, nat = gw_outside(g, 0);
	const bool echo = p->data[KITH_PACKET_HEADROOM] == KITH_PKT_ECHO;
	const bool out = memcmp(p->from.ip, alice->ip, 4) == 0;
	gw_count(g, p);
	if (echo && g->loss_every != 0 && g->echoes % g->loss_every == 0)
		return 0;
	if (g->lifetime_s == 0)
		return 1;
	if (out)
		g->main_sent += echo && p->from.port == alice->port;
	if (out)
		return gw_outwards(g, p);
	return memcmp(p->to.ip, nat.ip, 4) == 0 ? gw_inwards(g, p) : 1;
}

/* Alice has her homes, and has not begun to gauge. */
static inline void gw_start(struct gw *g, uint16_t lifetime_s, enum gw_filter filter, bool hairpin)
{
	struct core_world *w = &g->w;
	memset(g, 0, sizeof *g);
	core_world_init(w, kith_suite_sim(), 1);
	g->lifetime_s = lifetime_s;
	g->filter = filter;
	g->hairpin = hairpin;
	g->next = GW_FIRST_PORT;
	g->ip = 1;
	w->spares = true;
	for (int i = 0; i < GW_SUPERNODES; i++) {
		char name[16];
		snprintf(name, sizeof name, "s%d", i);
		world_start(w, name, true);
	}
	world_run(w, 10 * S);
	w->tap = gw_tap;
	w->tap_ctx = g;
	world_start(w, "alice", false);
	world_run(w, 8 * S);
	assert_int_equal(homes_of(w, GW_ALICE), KITH_HOMES);
	assert_int_equal(g->echoes, 0);
}

static inline const struct kith_natclass *gw_nat(const struct gw *g)
{
	return &g->w.nodes[GW_ALICE].core->nat;
}

#endif
