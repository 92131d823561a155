/* What a core asks of its host: answered in virtual time, as the run's options say, or never.
 *
 * A state is saved at once. The rest takes a while that is drawn from the seed; whatever the core gives up before that
 * is not answered. A transport that is
 * opened is a port of the node's host, through the same NATs as the first one. A mapping is only an answer: the models
 * of NATs have none, so nothing comes in by it.
 */
#include "sim/internal.h"

#define QUICK_US (100 * KITH_US_PER_MS)
#define SLOW_US (5 * KITH_US_PER_S)
#define MAPPED_US (7200 * KITH_US_PER_S)

/* One that was taken from the core and is not answered yet. */
struct kith_simwork {
	struct kith_simwork *next;
	struct kith_effect effect; /* its bytes are the core's, until it ends: a CANCEL comes first */
	uint32_t serial; /* of all in the run: a restarted core begins again with its ids */
	bool fails;
};

/* A transport that the core asked for. */
struct kith_simport {
	uint32_t effect;
	uint16_t id, port;
	uint8_t purpose, kind;
};

void kith_sim_save(struct kith_sim *sim, struct kith_simnode *n, enum kith_save what, struct kith_span bytes)
{
	struct kith_simfile *file = &n->files[what];
	uint8_t *copy = NULL;
	if (sim->options.faults.until_us <= sim->options.faults.from_us)
		return; /* nobody starts again: nobody reads it */
	if (bytes.len > 0) {
		copy = sim->engine.alloc.realloc_fn(sim->engine.alloc.ctx, NULL, 0, bytes.len);
		if (copy == NULL) {
			kith_sim_out_of_memory(sim);
			return;
		}
		memcpy(copy, bytes.p, bytes.len);
	}
	kith_alloc_free(&sim->engine.alloc, file->bytes, file->len);
	*file = (struct kith_simfile){ copy, bytes.len };
}

void kith_sim_forget(struct kith_sim *sim, struct kith_simnode *n)
{
	for (int what = 0; what < KITH_SIM_FILES; what++)
		kith_sim_save(sim, n, (enum kith_save)what, (struct kith_span){ NULL, 0 });
}

/* ---- transports ---- */

uint16_t kith_sim_port(const struct kith_simnode *n, uint16_t transport)
{
	if (transport == KITH_SIM_TRANSPORT)
		return n->local.port;
	if (transport == KITH_SIM_LAN)
		return KITH_SIM_LAN_PORT;
	for (uint32_t i = 0; i < n->ports_n; i++) {
		if (n->ports[i].id == transport)
			return n->ports[i].port;
	}
	return 0;
}

uint16_t kith_sim_transport(const struct kith_simnode *n, uint16_t port)
{
	if (port == n->local.port)
		return KITH_SIM_TRANSPORT;
	if (port == KITH_SIM_LAN_PORT)
		return KITH_SIM_LAN;
	for (uint32_t i = 0; i < n->ports_n; i++) {
		if (n->ports[i].port == port && n->ports[i].kind == KITH_TRANSPORT_UDP)
			return n->ports[i].id;
	}
	return 0;
}

uint16_t kith_sim_listener(const struct kith_simnode *n, uint16_t port)
{
	if (kith_sim_is_super(n))
		return port == KITH_SIM_SUPER_PORT ? KITH_SIM_TCP : 0;
	for (uint32_t i = 0; i < n->ports_n; i++) {
		if (n->ports[i].port == port && n->ports[i].kind == KITH_TRANSPORT_TCP)
			return n->ports[i].id;
	}
	return 0;
}

static int tell(struct kith_sim *sim, struct kith_simnode *n, const struct kith_simport *p, bool closed)
{
	struct kith_transport t = { .id = p->id,
				    .kind = p->kind,
				    .family = KITH_FAMILY_V4,
				    .purpose = p->purpose,
				    .up = !closed,
				    .closed = closed,
				    .effect = p->effect,
				    .locals_n = 1 };
	t.locals[0] = (struct kith_local){ n->local, KITH_ADDR_HOST, 24 };
	t.locals[0].addr.port = p->port;
	return kith_core_transport(n->core, kith_sim_node_now(sim, n), &t);
}

void kith_sim_ports_tell(struct kith_sim *sim, struct kith_simnode *n)
{
	for (uint32_t i = 0; i < n->ports_n; i++)
		(void)tell(sim, n, &n->ports[i], false);
}

static bool room_for_port(struct kith_sim *sim, struct kith_simnode *n)
{
	if (n->ports_n < n->ports_cap)
		return true;
	uint32_t cap = n->ports_cap == 0 ? 8 : 2 * n->ports_cap;
	if (cap > KITH_SIM_PORTS_MAX)
		return false;
	struct kith_simport *grown =
		kith_alloc_resize(&sim->engine.alloc, n->ports, n->ports_cap * sizeof *grown, cap * sizeof *grown);
	if (grown == NULL) {
		kith_sim_out_of_memory(sim);
		return false;
	}
	n->ports = grown;
	n->ports_cap = cap;
	return true;
}

/* One more port of the host, told to the core. */
static int open_one(struct kith_sim *sim, struct kith_simnode *n, const struct kith_simwork *w, uint32_t number)
{
	struct kith_simport p = { .effect = w->effect.id, .purpose = w->effect.purpose, .kind = w->effect.kind };
	p.id = KITH_SIM_TRANSPORT + 1;
	if (!room_for_port(sim, n))
		return KITH_EFULL;
	while (kith_sim_port(n, p.id) != 0)
		p.id++;
	uint64_t draw = kith_draw_hash(w->serial, number, 0);
	do {
		p.port = (uint16_t)(20000 +
				    kith_draw_below(kith_sim_draw(sim, KITH_SIM_DRAW_EFFECT, n->id, draw++), 40000));
	} while (kith_sim_transport(n, p.port) != 0);
	int err = tell(sim, n, &p, false);
	if (err == 0)
		n->ports[n->ports_n++] = p;
	return err;
}

static int open_ports(struct kith_sim *sim, struct kith_simnode *n, const struct kith_simwork *w)
{
	const struct kith_effect *e = &w->effect;
	int err = 0;
	uint32_t opened = 0;
	const bool in = sim->options.tcp && e->kind == KITH_TRANSPORT_TCP && e->purpose == KITH_PURPOSE_IN;
	if ((e->kind != KITH_TRANSPORT_UDP && !in) || e->family != KITH_FAMILY_V4 ||
	    e->remote.family != KITH_FAMILY_NONE)
		return KITH_ENOTSUP;
	while (opened < e->count && (err = open_one(sim, n, w, opened)) == 0)
		opened++;
	return opened > 0 ? 0 : err != 0 ? err : KITH_EINVAL;
}

/* What many sockets took is given back when the last is closed. */
static void trim(struct kith_sim *sim, struct kith_simnode *n)
{
	if (n->ports_n > 0)
		return;
	KITH_FREE_ARRAY(&sim->engine.alloc, n->ports, n->ports_cap);
	n->ports = NULL;
	n->ports_cap = 0;
}

static void close_port(struct kith_sim *sim, struct kith_simnode *n, uint32_t at)
{
	struct kith_simport p = n->ports[at];
	n->ports[at] = n->ports[--n->ports_n];
	if (p.kind == KITH_TRANSPORT_TCP)
		kith_simtcp_drop(sim, n, p.id);
	(void)tell(sim, n, &p, true);
	trim(sim, n);
}

static int close_transport(struct kith_sim *sim, struct kith_simnode *n, uint16_t transport)
{
	for (uint32_t i = 0; i < n->ports_n; i++) {
		if (n->ports[i].id == transport) {
			close_port(sim, n, i);
			return 0;
		}
	}
	return transport == KITH_SIM_TRANSPORT ? KITH_EACCES : KITH_ENOENT;
}

/* ---- answers ---- */

/* Only the router at home can be asked: behind a carrier's NAT there is no port to be had. */
static int map(const struct kith_simnode *n, const struct kith_effect *e, struct kith_effect_result *out)
{
	uint16_t port = kith_sim_port(n, e->transport);
	if (port == 0)
		return KITH_ENOENT;
	if (n->nat == 0 || n->nat != n->public_nat)
		return KITH_ENOTSUP;
	out->addrs[0] = n->public;
	out->addrs[0].port = port;
	out->addrs_n = 1;
	out->life_us = MAPPED_US;
	return 0;
}

static int carry_out(struct kith_sim *sim, struct kith_simnode *n, const struct kith_simwork *w,
		     struct kith_effect_result *out)
{
	if (w->fails)
		return KITH_EIO;
	switch (w->effect.type) {
	case KITH_EFFECT_OPEN:
		return open_ports(sim, n, w);
	case KITH_EFFECT_CLOSE:
		return close_transport(sim, n, w->effect.transport);
	case KITH_EFFECT_MAP:
		return map(n, &w->effect, out);
	case KITH_EFFECT_SAVE:
	case KITH_EFFECT_CANCEL:
	case KITH_EFFECT_PRIVATE:
	default:
		return KITH_ENOTSUP;
	}
}

/* The one that is asked for is taken out of the list. */
static struct kith_simwork *take(struct kith_simnode *n, uint32_t serial, uint32_t effect)
{
	for (struct kith_simwork **at = &n->work; *at != NULL; at = &(*at)->next) {
		struct kith_simwork *w = *at;
		if (w->serial == serial || w->effect.id == effect) {
			*at = w->next;
			return w;
		}
	}
	return NULL;
}

void kith_sim_effect_due(struct kith_sim *sim, struct kith_simnode *n, uint32_t serial)
{
	struct kith_effect_result result = { .addrs_n = 0 };
	struct kith_simwork *w = take(n, serial, 0);
	if (w == NULL) { /* given up, or the core that asked is gone; or no effect */
		kith_simtcp_due(sim, n, serial);
		return;
	}
	int err = carry_out(sim, n, w, &result);
	kith_core_complete(n->core, kith_sim_node_now(sim, n), w->effect.id, err, err == 0 ? &result : NULL);
	KITH_FREE(&sim->engine.alloc, w);
	kith_sim_node_drain(sim, n);
}

/* How this one is answered, when the run has some of all. */
static enum kith_simeffects manner(const struct kith_sim *sim, const struct kith_simnode *n, uint32_t serial)
{
	if (sim->options.effects != KITH_SIM_EFFECTS_MIXED)
		return sim->options.effects;
	return (enum kith_simeffects)kith_draw_below(kith_sim_draw(sim, KITH_SIM_DRAW_EFFECT, n->id, serial),
						     KITH_SIM_EFFECTS_MIXED);
}

static void begin(struct kith_sim *sim, struct kith_simnode *n, const struct kith_effect *e)
{
	struct kith_simwork *w = KITH_NEW(&sim->engine.alloc, struct kith_simwork);
	if (w == NULL) {
		kith_sim_out_of_memory(sim);
		return;
	}
	w->serial = ++sim->effects;
	w->effect = *e;
	w->next = n->work;
	n->work = w;
	enum kith_simeffects how = manner(sim, n, w->serial);
	w->fails = how == KITH_SIM_EFFECTS_FAIL;
	if (how == KITH_SIM_EFFECTS_NEVER)
		return;
	uint64_t draw = kith_sim_draw(sim, KITH_SIM_DRAW_EFFECT, w->serial, 0);
	kith_time_us after = how == KITH_SIM_EFFECTS_SLOW ? SLOW_US / 5 + kith_sim_draw_time(draw, SLOW_US * 4 / 5)
							  : 1 + kith_sim_draw_time(draw, QUICK_US);
	struct kith_simcontrol due = { .kind = KITH_SIM_EFFECT, .a = n->id, .b = w->serial };
	kith_sim_control_at(sim, sim->now + after, &due);
}

/* The core was told of transports for something that it gives up: it will not use them. */
static void cancel(struct kith_sim *sim, struct kith_simnode *n, uint32_t effect)
{
	struct kith_simwork *w = take(n, 0, effect);
	if (w != NULL)
		KITH_FREE(&sim->engine.alloc, w);
	for (uint32_t i = n->ports_n; i-- > 0;) {
		if (n->ports[i].effect == effect)
			close_port(sim, n, i);
	}
}

bool kith_sim_effects(struct kith_sim *sim, struct kith_simnode *n)
{
	struct kith_effect e;
	bool some = false;
	for (; kith_core_effect(n->core, &e); some = true) {
		switch (e.type) {
		case KITH_EFFECT_SAVE:
			kith_sim_save(sim, n, (enum kith_save)e.what, e.bytes);
			kith_core_complete(n->core, kith_sim_node_now(sim, n), e.id, 0, NULL);
			break;
		case KITH_EFFECT_OPEN:
		case KITH_EFFECT_CLOSE:
		case KITH_EFFECT_MAP:
			begin(sim, n, &e);
			break;
		case KITH_EFFECT_CANCEL:
			cancel(sim, n, e.id);
			break;
		case KITH_EFFECT_PRIVATE:
		default:
			kith_core_complete(n->core, kith_sim_node_now(sim, n), e.id, KITH_ENOTSUP, NULL);
			break;
		}
	}
	return some;
}

void kith_sim_effects_drop(struct kith_sim *sim, struct kith_simnode *n)
{
	while (n->work != NULL) {
		struct kith_simwork *w = n->work;
		n->work = w->next;
		KITH_FREE(&sim->engine.alloc, w);
	}
	kith_simtcp_drop(sim, n, 0);
	KITH_FREE_ARRAY(&sim->engine.alloc, n->ports, n->ports_cap);
	n->ports = NULL;
	n->ports_n = n->ports_cap = 0;
}
