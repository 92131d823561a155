/* A revocation list that one supernode is handed, and when the others have it. It revokes nobody who is there. And
 * heads of the issuer's log: one, or two of one size, of which each is handed to another supernode. */
#include "sim/internal.h"

#include "identity/params.h"
#include "identity/posted.h"
#include "identity/revocation.h"
#include "link/state.h"

enum { RANGES = 20, NUMBER = 1 }; /* so many were revoked: half a kilobyte */

void kith_sim_list_schedule(struct kith_sim *sim)
{
	const struct kith_simcontrol c = { .kind = KITH_SIM_LIST };
	if (sim->options.faults.list_at_us > 0)
		kith_sim_control_at(sim, sim->options.faults.list_at_us, &c);
}

static bool has_list(const struct kith_sim *sim, const struct kith_simnode *n)
{
	struct kith_trust_list l;
	uint8_t id[KITH_ISSUER_ID_LEN];
	kith_ids_issuer(sim->suite, id, &sim->pki.issuer.pk);
	return kith_trust_list_of(&n->core->trust, &n->core->now, id, &l) && l.number >= NUMBER;
}

static struct kith_span make(const struct kith_sim *sim, uint8_t out[KITH_REVOCATION_LEN_MAX])
{
	struct kith_serial_range ranges[RANGES];
	struct kith_revocation list = { .signer = KITH_REVOKED_BY_ISSUER,
					.number = NUMBER,
					.issued_s = sim->pki.base_s,
					.next_update_s = sim->pki.base_s + 30 * 86400 };
	for (uint64_t i = 0; i < RANGES; i++)
		ranges[i].first = ranges[i].last = UINT64_C(1) + KITH_SIM_NODES_MAX + 2 * (i + 1);
	kith_ids_issuer(sim->suite, list.signer_id, &sim->pki.issuer.pk);
	int len = kith_revocation_sign(sim->suite, out, KITH_REVOCATION_LEN_MAX, &list, ranges, RANGES, NULL, 0,
				       sim->pki.issuer.sk);
	KITH_ASSERT(len > 0);
	return (struct kith_span){ out, (size_t)len };
}

/* The operators of two supernodes, the first and the last that are up and no liars, are shown heads. */
static void give_head(struct kith_sim *sim, struct kith_simnode *n, uint32_t i)
{
	uint8_t bytes[KITH_CERTLOG_HEAD_LEN_MAX];
	struct kith_writer w = kith_writer_of(bytes, sizeof bytes);
	struct kith_certlog_head head = { .size = 1000,
					  .root = { { (uint8_t)(i + 1) } },
					  .time_ms = sim->pki.base_s * 1000 };
	kith_ids_issuer(sim->suite, head.issuer_id, &sim->pki.issuer.pk);
	kith_certlog_head_write(&w, &head);
	int len = kith_object_sign(sim->suite, &w, KITH_SIGN_LOG_HEAD, sim->pki.issuer.sk);
	KITH_ASSERT(len > 0);
	int err = kith_core_revoke(n->core, kith_sim_node_now(sim, n), (struct kith_span){ bytes, (size_t)len });
	KITH_ASSERT(err == 0);
	kith_sim_node_drain(sim, n);
}

static void give_heads(struct kith_sim *sim)
{
	uint32_t given = 0, n = sim->options.supernodes;
	for (uint32_t i = 0; i < n && given < sim->options.faults.heads; i++) {
		struct kith_simnode *node = &sim->nodes[given == 0 ? i : n - 1 - i];
		if (node->core == NULL || node->lies != 0)
			continue;
		give_head(sim, node, given++);
		i = UINT32_MAX; /* the next one from the other end */
	}
}

/* They change nothing: who serves here is certified so. */
static void give_params(struct kith_sim *sim, struct kith_simnode *n)
{
	uint8_t bytes[KITH_PARAMS_LEN_MAX];
	struct kith_params p = { .number = 1, .issued_s = sim->pki.base_s, .eligible = KITH_ELIGIBLE_CERTIFIED };
	if (!sim->options.faults.params)
		return;
	memcpy(p.network, sim->pki.network.b, sizeof p.network);
	int len = kith_params_sign(sim->suite, bytes, &p, sim->pki.root.sk);
	KITH_ASSERT(len > 0);
	int err = kith_core_revoke(n->core, kith_sim_node_now(sim, n), (struct kith_span){ bytes, (size_t)len });
	KITH_ASSERT(err == 0);
	kith_sim_node_drain(sim, n);
}

static bool has_heads(const struct kith_sim *sim, const struct kith_simnode *n)
{
	struct kith_log_info log;
	return kith_core_logs(n->core, &log, 1) == 1 && (sim->options.faults.heads < 2 || log.forked[0].len > 0);
}

/* The operator of the first supernode that is up and no liar has it. */
void kith_sim_list_give(struct kith_sim *sim)
{
	uint8_t bytes[KITH_REVOCATION_LEN_MAX];
	for (uint32_t i = 0; i < sim->options.supernodes; i++) {
		struct kith_simnode *n = &sim->nodes[i];
		if (n->core == NULL || n->lies != 0)
			continue;
		sim->listed_at = sim->now;
		int err = kith_core_revoke(n->core, kith_sim_node_now(sim, n), make(sim, bytes));
		KITH_ASSERT(err == 0);
		kith_sim_node_drain(sim, n);
		give_params(sim, n);
		give_heads(sim);
		return;
	}
}

void kith_sim_list_look(struct kith_sim *sim, struct kith_simnode *n)
{
	if (sim->listed_at == 0 || n->core == NULL || n->core->lists.round == 0)
		return;
	if (sim->options.faults.heads > 0 && !n->headed && has_heads(sim, n)) {
		n->headed = true;
		kith_sim_sample(sim, n->id, kith_sim_is_super(n) ? KITH_SIM_HEAD_SUPER : KITH_SIM_HEAD_LEAF,
				sim->now - sim->listed_at);
	}
	if (!n->ruled && n->core->trust.certified_only) {
		n->ruled = true;
		kith_sim_sample(sim, n->id, KITH_SIM_PARAMS, sim->now - sim->listed_at);
	}
	if (n->listed || !has_list(sim, n))
		return;
	n->listed = true;
	kith_sim_sample(sim, n->id, kith_sim_is_super(n) ? KITH_SIM_LIST_SUPER : KITH_SIM_LIST_LEAF,
			sim->now - sim->listed_at);
}
