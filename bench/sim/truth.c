/* What nodes believe of each other, held against what is so: records that are kept, shown and found, who is named as a
 * liar, who counts whom as attached, what one identity holds, and how often roles change.
 *
 * A few leaves are looked at each time, in turn.
 */
#include "sim/internal.h"

#include "link/state.h"

enum {
	LOOKED_AT = 16, /* leaves in a sample */
	ROLES_IN_OFFICE =
		4, /* changes of role of one node in the least time in office: two terms, and one that failed */
	HELD_MASK = 31 /* of a slot of base/shares */
};

/* ---- who lies ---- */

static bool honest(const struct kith_simnode *n)
{
	return n->lies == 0 && !n->drops && !n->floods && !n->sybil && n->falsehood == KITH_SIM_FALSE_NOT;
}

void kith_sim_check_named(struct kith_sim *sim, const struct kith_simnode *by, uint32_t node, enum kith_lie lie)
{
	sim->counts.caught++;
	if (node < sim->nodes_n && !honest(&sim->nodes[node]))
		return;
	sim->counts.caught_wrongly++;
	if (honest(by))
		kith_sim_violate(sim, KITH_SIM_HONEST_NOT_NAMED, by->id, node < sim->nodes_n ? node : KITH_SIM_NONE,
				 "as one that lies, reason %d", (int)lie);
}

/* ---- records ---- */

/* News wait on purpose where machines have limits, or are loaded. */
static bool news_are_late(const struct kith_sim *sim)
{
	return kith_sim_capacity_suite(sim) != sim->suite || sim->options.busy_permille > 0 ||
	       sim->options.faults.liars_ppm > 0 || sim->options.faults.droppers_ppm > 0;
}

/* The newest record of a leaf that everybody has had the time to hear of; 0: there is none. */
static uint64_t settled_seq(struct kith_sim *sim, const struct kith_simnode *owner)
{
	const kith_time_us bound = sim->options.bounds.settle_us;
	const struct kith_core *c = owner->core;
	if (c == NULL || news_are_late(sim) || !honest(owner) || c->leaf.record == NULL || !c->leaf.published ||
	    !kith_sim_steady(sim, owner, bound) || kith_sim_node_now(sim, owner).mono_us - c->leaf.record_at < bound)
		return 0;
	return c->leaf.record_seq;
}

static void check_record(struct kith_sim *sim, const struct kith_simnode *holder, const struct kith_simnode *owner,
			 struct kith_span bytes)
{
	struct kith_record r;
	struct kith_key sign;
	const struct kith_core *c = owner->core;
	memcpy(sign.b, c->self.sign_pk, KITH_KEY_LEN);
	bool good =
		kith_record_parse(&r, bytes) == 0 && kith_object_verify(sim->suite, &r.s, KITH_SIGN_RECORD, &sign) == 0;
	if (kith_sim_mutates(sim, KITH_SIM_MUTATE_RECORD_FORGED)) {
		good = false;
		sim->mutations++;
	}
	if (!good)
		kith_sim_violate(sim, KITH_SIM_RECORDS_GENUINE, holder->id, owner->id, "a record that it did not sign");
	else if (owner->boots == 1 && r.seq > c->leaf.record_seq)
		kith_sim_violate(sim, KITH_SIM_RECORDS_GENUINE, holder->id, owner->id,
				 "record %llu, and it has signed %llu", (unsigned long long)r.seq,
				 (unsigned long long)c->leaf.record_seq);
}

static void check_stored(struct kith_sim *sim, const struct kith_simnode *owner)
{
	struct kith_id key;
	struct kith_key device;
	memcpy(device.b, owner->core->self.dh_pk, KITH_KEY_LEN);
	kith_ids_directory(sim->suite, &key, &owner->core->self.network, owner->core->me.name);
	for (uint32_t i = 0; i < sim->options.supernodes && !sim->failed; i++) {
		const struct kith_simnode *n = &sim->nodes[i];
		const struct kith_supernode *sn = n->core != NULL ? n->core->super : NULL;
		const struct kith_stored *st = sn != NULL ? kith_store_find(&sn->store, &key, &device) : NULL;
		if (st != NULL && honest(n))
			check_record(sim, n, owner, kith_blob_span(st->record));
	}
}

void kith_sim_check_found(struct kith_sim *sim, const struct kith_simnode *n, const struct kith_simnode *owner,
			  uint64_t seq, const char *how)
{
	const uint64_t newest = settled_seq(sim, owner);
	if (kith_sim_mutates(sim, KITH_SIM_MUTATE_RECORD_OLD) && seq > 0) {
		seq--;
		sim->mutations++;
	}
	if (newest > seq && kith_sim_steady(sim, n, sim->options.bounds.settle_us))
		kith_sim_violate(sim, KITH_SIM_RECORDS_FRESH, n->id, owner->id, "%s record %llu, and %llu is published",
				 how, (unsigned long long)seq, (unsigned long long)newest);
}

/* What the application watches: the records that verdicts stand on. */
static void check_watched(struct kith_sim *sim, const struct kith_simnode *n)
{
	struct kith_record r;
	for (uint32_t i = 0; i < n->core->watched_n && !sim->failed; i++) {
		const struct kith_watched *w = &n->core->watched[i];
		uint32_t peer = kith_sim_node_named(sim, w->name);
		const struct kith_simnode *owner = peer != KITH_SIM_NONE ? &sim->nodes[peer] : NULL;
		if (owner == NULL || owner->core == NULL || !honest(owner) || w->devices_n != 1 ||
		    w->devices[0].record == NULL)
			continue;
		check_record(sim, n, owner, kith_blob_span(w->devices[0].record));
		if (kith_record_parse(&r, kith_blob_span(w->devices[0].record)) == 0)
			kith_sim_check_found(sim, n, owner, r.seq, "shown");
	}
}

/* ---- who is attached where ---- */

static const struct kith_core *super_at(const struct kith_sim *sim, const struct kith_addr *at)
{
	for (uint32_t i = 0; i < sim->options.supernodes; i++) {
		const struct kith_core *c = sim->nodes[i].core;
		if (c != NULL && c->super != NULL && kith_addr_equal(&c->endpoints[0].addr, at))
			return c;
	}
	return NULL;
}

static bool is_counted(struct kith_sim *sim, const struct kith_core *home, const struct kith_simnode *n)
{
	const struct kith_session *s = kith_sessions_of(&home->sessions, n->core->self.dh_pk);
	uint32_t it = 0;
	if (kith_sim_mutates(sim, KITH_SIM_MUTATE_LEAF_LOST)) {
		sim->mutations++;
		return false;
	}
	/* The newest may be another: a witness has dialled it. */
	while (s == NULL || (s->use & KITH_USE_LEAF) == 0 ||
	       memcmp(s->device, n->core->self.dh_pk, KITH_DEVICE_ID_LEN) != 0) {
		s = kith_table_next(&home->sessions.by_index, &it);
		if (s == NULL)
			return false;
	}
	return true;
}

/* Each home of a leaf counts it, whichever supernodes came, went, or handed it over. A session that takes the place of
 * another does so at one end first; a leaf whose home has forgotten it notices that by a keepalive. */
static void check_attached(struct kith_sim *sim, struct kith_simnode *n)
{
	struct kith_addr homes[KITH_HOMES];
	const kith_time_us settle = sim->options.bounds.settle_us;
	const kith_time_us bound = settle > KITH_SIM_NOTICED_US ? settle : KITH_SIM_NOTICED_US;
	const size_t homes_n = kith_core_homes(n->core, homes, KITH_HOMES);
	const struct kith_core *stranger = NULL;
	for (size_t i = 0; i < homes_n; i++) {
		const struct kith_core *c = super_at(sim, &homes[i]);
		stranger = c != NULL && !is_counted(sim, c, n) ? c : stranger;
	}
	if (stranger == NULL || !kith_sim_steady(sim, n, KITH_LEAF_VANISH_US + bound))
		n->uncounted_since = 0;
	else if (n->uncounted_since == 0)
		n->uncounted_since = sim->now;
	else if (sim->now - n->uncounted_since > bound)
		kith_sim_violate(sim, KITH_SIM_LOAD_CONSERVED, n->id, kith_sim_node_of(stranger)->id,
				 "is its home, and does not know of it since %.3f s", (double)n->uncounted_since / 1e6);
}

/* ---- what one identity holds, and what all do ---- */

void kith_sim_check_budgets(struct kith_sim *sim, const struct kith_simnode *n)
{
	const struct kith_supernode *sn = n->core->super;
	uint32_t held = 0, most = 0, it = 0;
	const struct kith_fwd_owner *owner;
	if (sn == NULL)
		return;
	const struct kith_shares *places = n->core->allowance.held; /* NULL: nobody holds anything */
	places = places != NULL ? &places[KITH_HOLDING_LEAF] : NULL;
	for (uint32_t i = 0; places != NULL && i < places->cap; i++) {
		const uint32_t one = places->slots[i] & HELD_MASK;
		held += one;
		most = one > most ? one : most;
	}
	if (kith_sim_mutates(sim, KITH_SIM_MUTATE_BUDGET_SPENT)) {
		most += KITH_LEAVES_PER_IDENTITY;
		sim->mutations++;
	}
	if (most > KITH_LEAVES_PER_IDENTITY)
		kith_sim_violate(sim, KITH_SIM_BUDGETS_HOLD, n->id, KITH_SIM_NONE, "%u leaves of one identity", most);
	if (held != sn->leaves)
		kith_sim_violate(sim, KITH_SIM_LOAD_CONSERVED, n->id, KITH_SIM_NONE,
				 "counts %u leaves, and identities hold %u", sn->leaves, held);
	while ((owner = kith_table_next(&sn->fwd.owners, &it)) != NULL) {
		if (owner->tunnels > sn->fwd.limits.tunnels_per_owner)
			kith_sim_violate(sim, KITH_SIM_BUDGETS_HOLD, n->id, KITH_SIM_NONE, "%u tunnels of one identity",
					 owner->tunnels);
	}
}

/* ---- roles ---- */

/* The node's role changed by election. */
void kith_sim_check_role(struct kith_sim *sim, struct kith_simnode *n)
{
	const uint32_t pace = sim->options.election_pace > 0 ? sim->options.election_pace : 1;
	if (sim->now - n->roles_from > KITH_ELECTION_OFFICE_US / pace) {
		n->roles_from = sim->now;
		n->roles = 0;
	}
	if (++n->roles > ROLES_IN_OFFICE)
		kith_sim_violate(sim, KITH_SIM_ROLES_STEADY, n->id, KITH_SIM_NONE, "%u changes in %lld ms", n->roles,
				 (long long)((sim->now - n->roles_from) / KITH_US_PER_MS));
}

/* ---- looking at some ---- */

static void mutate(struct kith_sim *sim, struct kith_simnode *n)
{
	if (kith_sim_mutates(sim, KITH_SIM_MUTATE_HONEST_NAMED)) {
		sim->mutations++;
		kith_sim_check_named(sim, n, 0, KITH_LIE_DENIES);
	}
	if (kith_sim_mutates(sim, KITH_SIM_MUTATE_ROLES_FLIP)) {
		sim->mutations++;
		kith_sim_check_role(sim, n);
	}
}

void kith_sim_check_truth(struct kith_sim *sim)
{
	const uint32_t leaves = sim->nodes_n - sim->options.supernodes;
	for (uint32_t i = 0; i < LOOKED_AT && i < leaves && !sim->failed; i++) {
		sim->truth_next = (sim->truth_next + 1) % leaves;
		struct kith_simnode *n = &sim->nodes[sim->options.supernodes + sim->truth_next];
		mutate(sim, n);
		if (n->core == NULL || kith_sim_is_super(n) || n->core->super != NULL || !honest(n))
			continue;
		check_stored(sim, n);
		check_watched(sim, n);
		check_attached(sim, n);
	}
}
