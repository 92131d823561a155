/* Leaves that consent to serve, supernodes that have too much to do, and what came of it. How some candidates lie is in
 * lies_candidate.c; who does is drawn here. */
#include "sim/internal.h"

#include "core/serving.h"
#include "leaf/candidacy.h"

enum { CANDIDATE = 260, FALSE, FALSEHOOD }; /* streams of draws */

struct kith_simnode *kith_sim_node_of(const struct kith_core *c)
{
	char *account = (char *)(uintptr_t)c->alloc - offsetof(struct kith_simaccount, alloc);
	void *node = account - offsetof(struct kith_simnode, account);
	return node;
}

struct kith_sim *kith_sim_of(const struct kith_simnode *n)
{
	void *sim = (char *)(uintptr_t)n->account.pool - offsetof(struct kith_sim, pool);
	return sim;
}

unsigned kith_simfalse_find(const char *name)
{
	unsigned i = KITH_SIM_FALSE_NOT + 1;
	while (i < KITH_SIM_FALSE_N && strcmp(kith_simfalse_name(i), name) != 0)
		i++;
	return i;
}

const char *kith_simfalse_name(unsigned falsehood)
{
	static const char *const names[] = {
#define KITH_SIM_FALSE_NAME(name, text, what) text,
		KITH_SIM_FALSE_MAP(KITH_SIM_FALSE_NAME)
#undef KITH_SIM_FALSE_NAME
	};
	return falsehood < KITH_SIM_FALSE_N ? names[falsehood] : NULL;
}

/* One of those that the options have. */
static enum kith_simfalse falsehood_of(const struct kith_sim *sim, uint32_t node)
{
	uint32_t set = sim->options.faults.falsehoods, n = 0;
	if (set == 0)
		set = (1u << KITH_SIM_FALSE_N) - 2;
	for (unsigned i = 1; i < KITH_SIM_FALSE_N; i++)
		n += set >> i & 1;
	uint32_t at = n > 0 ? kith_draw_below(kith_sim_draw(sim, KITH_SIM_DRAW_FAULT, node, FALSEHOOD), n) : 0;
	for (unsigned i = 1; i < KITH_SIM_FALSE_N; i++)
		if ((set >> i & 1) != 0 && at-- == 0)
			return (enum kith_simfalse)i;
	return KITH_SIM_FALSE_NOT;
}

void kith_sim_candidates_new(struct kith_sim *sim)
{
	for (uint32_t i = sim->options.supernodes; i < sim->nodes_n; i++) {
		struct kith_simnode *n = &sim->nodes[i];
		n->candidate = kith_draw_hit(kith_sim_draw(sim, KITH_SIM_DRAW_FAULT, i, CANDIDATE),
					     sim->options.candidates_ppm);
		if (n->candidate &&
		    kith_draw_hit(kith_sim_draw(sim, KITH_SIM_DRAW_FAULT, i, FALSE), sim->options.faults.false_ppm))
			n->falsehood = falsehood_of(sim, i);
	}
}

void kith_sim_candidates_options(const struct kith_sim *sim, const struct kith_simnode *n, struct kith_core_options *o)
{
	if (sim->options.election_pace != 0)
		o->election_pace = sim->options.election_pace;
	if (!n->candidate)
		return;
	o->role = KITH_ROLE_AUTO;
	o->terms.consent = KITH_CONSENT_YES;
	if (n->falsehood == KITH_SIM_FALSE_BOAST)
		o->terms.up_max = o->terms.down_max = KITH_SIM_BOAST;
}

/* ---- load, and who serves ---- */

void kith_sim_candidates_schedule(struct kith_sim *sim)
{
	const struct kith_simcontrol look = { .kind = KITH_SIM_LOOK };
	if (sim->options.candidates_ppm > 0)
		kith_sim_control_at(sim, KITH_US_PER_S, &look);
}

static void tell_load(struct kith_sim *sim, struct kith_simnode *n)
{
	const struct kith_core_load load = { .busy_permille = sim->options.busy_permille };
	kith_core_load(n->core, kith_sim_node_now(sim, n), &load);
	kith_sim_node_drain(sim, n);
}

void kith_sim_candidates_look(struct kith_sim *sim)
{
	const struct kith_simcontrol look = { .kind = KITH_SIM_LOOK };
	const bool busy = sim->now >= sim->options.busy_from_us && sim->now < sim->options.busy_until_us;
	for (uint32_t i = 0; i < sim->options.supernodes && busy; i++)
		if (sim->nodes[i].core != NULL)
			tell_load(sim, &sim->nodes[i]);
	for (uint32_t i = sim->options.supernodes; i < sim->nodes_n; i++) {
		struct kith_simnode *n = &sim->nodes[i];
		bool serves = n->candidate && n->core != NULL && kith_serves(n->core);
		if (serves)
			kith_sim_node_full_view(sim, n);
		n->served = n->served || serves;
	}
	kith_sim_control_at(sim, sim->now + KITH_US_PER_S, &look);
}

/* Strangers reach it: its line is open, or its NAT lets in who knows its address. */
static bool can_be_reached(const struct kith_simnode *n)
{
	return n->nat_kind == KITH_SIMNAT_OPEN || strcmp(kith_simnat_name(n->nat_kind), "full-cone") == 0;
}

void kith_sim_candidates_count(struct kith_sim *sim)
{
	for (uint32_t i = sim->options.supernodes; i < sim->nodes_n; i++) {
		const struct kith_simnode *n = &sim->nodes[i];
		struct kith_candidacy_info info;
		if (!n->candidate || (n->falsehood == KITH_SIM_FALSE_PUNCH && can_be_reached(n)))
			continue;
		sim->counts.candidates[n->falsehood]++;
		sim->counts.served[n->falsehood] += n->served;
		sim->counts.attested[n->falsehood] += n->core != NULL && kith_candidacy_info(n->core, &info) &&
						      info.attestations >= KITH_ATTESTS_NEEDED;
	}
}
