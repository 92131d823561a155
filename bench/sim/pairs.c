/* Which kinds of NAT call each other, and which of these calls come to a direct path. */
#include "sim/internal.h"

static struct kith_simpair *pair_at(struct kith_sim *sim, unsigned a, unsigned b)
{
	return &sim->pairs[a < b ? a : b][a < b ? b : a];
}

static bool is_hidden(const struct kith_simnode *n, uint32_t peer)
{
	const struct kith_simcontact *c = kith_sim_contact(n, peer);
	return c != NULL && c->relay_only;
}

void kith_sim_pair_note(struct kith_sim *sim, const struct kith_simnode *n, const struct kith_simcall *c, bool direct)
{
	const struct kith_simnode *peer = &sim->nodes[c->peer];
	struct kith_simpair *pair = pair_at(sim, n->nat_kind, peer->nat_kind);
	if (direct)
		pair->direct++;
	else if (is_hidden(n, c->peer) || is_hidden(peer, n->id))
		pair->hidden++;
	else
		pair->calls++;
}

const struct kith_simpair *kith_sim_pair(const struct kith_sim *sim, unsigned a, unsigned b)
{
	return &sim->pairs[a < b ? a : b][a < b ? b : a];
}

void kith_sim_pairs_sum(const struct kith_sim *sim, struct kith_simpairs *out)
{
	double direct = 0;
	memset(out, 0, sizeof *out);
	for (unsigned a = 0; a < KITH_SIMNAT_KINDS_MAX; a++) {
		for (unsigned b = a; b < KITH_SIMNAT_KINDS_MAX; b++) {
			const struct kith_simpair *p = &sim->pairs[a][b];
			const double share = kith_simnat_share(&sim->options.nats, a, b);
			out->sum.calls += p->calls;
			out->sum.direct += p->direct;
			out->sum.hidden += p->hidden;
			if (p->calls == 0)
				continue;
			out->called += share;
			direct += share * (double)p->direct / (double)p->calls;
		}
	}
	out->weighted = out->called > 0 ? direct / out->called : 0;
}
