/* What goes along with calls: said in each, and told once.
 *
 * Each call of the network has a number, which its early data name, with caller and callee. A bit for each number says
 * that it was told: whatever the network repeats, and whoever restarts, none is told twice. But a callee that was told
 * and has lost its state since may be told again by a caller that calls still.
 */
#include "sim/internal.h"

#include <string.h>

enum { NUMBERS_MAX = 1 << 16, HEAD = 12 };

static void put(uint8_t out[4], uint32_t number)
{
	for (unsigned i = 0; i < 4; i++)
		out[i] = (uint8_t)(number >> 8 * i);
}

static uint32_t get(const uint8_t in[4])
{
	return (uint32_t)in[0] | (uint32_t)in[1] << 8 | (uint32_t)in[2] << 16 | (uint32_t)in[3] << 24;
}

int kith_sim_early_call(struct kith_sim *sim, struct kith_simnode *n, struct kith_simcall *c, const char *name)
{
	uint8_t bytes[KITH_EARLY_MAX];
	const uint32_t len = sim->options.workload.early_bytes;
	const struct kith_now now = kith_sim_node_now(sim, n);
	if (len < HEAD || sim->early_n == NUMBERS_MAX)
		return kith_core_call(n->core, now, name, KITH_SIM_SERVICE, 0, &c->op);
	if (sim->early == NULL)
		sim->early = KITH_NEW_ARRAY(&sim->engine.alloc, struct kith_simearly, NUMBERS_MAX);
	if (sim->early == NULL) {
		kith_sim_out_of_memory(sim);
		return KITH_ENOMEM;
	}
	memset(bytes, 0x55, sizeof bytes);
	put(bytes, sim->early_n);
	put(bytes + 4, n->id);
	put(bytes + 8, c->peer);
	sim->early[sim->early_n++] = (struct kith_simearly){ sim->now, n->id, c->peer, false, false };
	return kith_core_call_early(n->core, now, name, KITH_SIM_SERVICE, 0, (struct kith_span){ bytes, len }, &c->op);
}

/* Whether its caller still calls. */
static bool calls(const struct kith_sim *sim, const struct kith_simearly *early)
{
	const struct kith_simapp *app = sim->nodes[early->caller].app;
	for (uint32_t i = 0; app != NULL && i < app->calls_n; i++) {
		const struct kith_simcall *c = app->calls[i];
		if (c->used && c->ours && c->peer == early->callee && c->called_at == early->called_at)
			return true;
	}
	return false;
}

void kith_sim_early_down(struct kith_sim *sim, const struct kith_simnode *n)
{
	for (uint32_t i = 0; i < sim->early_n; i++)
		sim->early[i].lost = sim->early[i].lost || (sim->early[i].told && sim->early[i].callee == n->id);
}

void kith_sim_early_heard(struct kith_sim *sim, struct kith_simnode *n, kith_session_id session, uint32_t peer)
{
	uint8_t bytes[KITH_EARLY_MAX];
	const int len = kith_core_early(n->core, session, bytes);
	const uint32_t number = len >= HEAD ? get(bytes) : UINT32_MAX;
	if (len == KITH_ENOENT) /* the session has ended meanwhile */
		return;
	if (len != (int)sim->options.workload.early_bytes || number >= sim->early_n || get(bytes + 8) != n->id ||
	    (peer != KITH_SIM_NONE && get(bytes + 4) != peer)) {
		kith_sim_violate(sim, KITH_SIM_EARLY_ONCE, n->id, peer, "%d bytes that nobody said", len);
		return;
	}
	struct kith_simearly *early = &sim->early[number];
	if ((early->told || kith_sim_mutates(sim, KITH_SIM_MUTATE_EARLY_TWICE)) && !(early->lost && calls(sim, early)))
		kith_sim_violate(sim, KITH_SIM_EARLY_ONCE, n->id, peer, "call %u once more", number);
	if (!early->told)
		kith_sim_sample(sim, n->id, KITH_SIM_EARLY, sim->now - early->called_at);
	early->told = true;
	early->lost = false;
}

void kith_sim_early_free(struct kith_sim *sim)
{
	KITH_FREE_ARRAY(&sim->engine.alloc, sim->early, sim->early != NULL ? NUMBERS_MAX : 0);
	sim->early = NULL;
}
