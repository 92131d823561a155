/* Bounds that hold at any time: of tables, and of what an idle node says. */
#include "sim/internal.h"

#include "link/state.h"
#include "overlay/hostcache.h"
#include "super/query.h"

#define IDLE_JUDGED_S 600u /* renewals come in steps of minutes ... */
enum {
	IDLE_BURST = 16000, /* ... and what all of them take at once is not what it costs in the long run */
	HEADERS = 28 /* of IPv4 and UDP */
};

struct bound {
	const char *what;
	uint64_t n, max;
};

static bool within(struct kith_sim *sim, const struct kith_simnode *n, const struct bound bounds[], size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (bounds[i].n <= bounds[i].max)
			continue;
		kith_sim_violate(sim, KITH_SIM_TABLES_BOUNDED, n->id, KITH_SIM_NONE, "%llu %s of %llu",
				 (unsigned long long)bounds[i].n, bounds[i].what, (unsigned long long)bounds[i].max);
		return false;
	}
	return true;
}

static struct bound of_table(const char *what, const struct kith_table *t)
{
	return (struct bound){ what, t->n, t->max };
}

void kith_sim_check_tables(struct kith_sim *sim, const struct kith_simnode *n)
{
	const struct kith_core *c = n->core;
	if (c == NULL)
		return;
	const struct bound all[] = {
		of_table("sessions", &c->sessions.by_index),
		of_table("devices with sessions", &c->sessions.by_device),
		of_table("first messages", &c->guard.seen),
		of_table("rates of strangers", &c->allowance.strangers.buckets),
		of_table("rates of the known", &c->allowance.known.buckets),
		{ "hosts", c->leaf.cache.n, KITH_HOSTCACHE_MAX + KITH_BOOTSTRAP_MAX },
		{ "names watched", c->watched_n, KITH_WATCHED_MAX },
		{ "contacts", c->contacts.n, c->contacts.max },
	};
	const struct kith_supernode *sn = c->super;
	if (!within(sim, n, all, sizeof all / sizeof all[0]) || sn == NULL)
		return;
	const struct bound super[] = {
		{ "members", sn->members.n, sn->members.max },
		{ "records", sn->store.n, sn->store.max },
		of_table("keys of records", &sn->store.keys),
		{ "watches", sn->watches.n, sn->watches.max },
		{ "interests", sn->interests.n, sn->interests.max },
		{ "tunnels", sn->fwd.n, sn->fwd.limits.tunnels_max },
		of_table("owners of tunnels", &sn->fwd.owners),
		of_table("sessions with tunnels", &sn->fwd.sessions),
		of_table("attached leaves", &sn->attached),
		of_table("news that wait", &sn->held.table),
		of_table("news that have not reached all", &sn->unfinished.table),
		{ "look-ups", sn->queries_n, KITH_QUERIES_MAX },
	};
	(void)within(sim, n, super, sizeof super / sizeof super[0]);
}

static void judge_idle(struct kith_sim *sim, struct kith_simnode *n, uint64_t bound)
{
	if (n->idle_total_s >= IDLE_JUDGED_S && n->idle_total_bytes > n->idle_total_s * bound + IDLE_BURST)
		kith_sim_violate(sim, KITH_SIM_IDLE_QUIET, n->id, KITH_SIM_NONE,
				 "%llu bytes in %llu idle seconds, at most %llu in one",
				 (unsigned long long)n->idle_total_bytes, (unsigned long long)n->idle_total_s,
				 (unsigned long long)bound);
}

void kith_sim_check_idle(struct kith_sim *sim, struct kith_simnode *n, uint64_t seconds, uint64_t bytes,
			 uint64_t packets)
{
	n->idle_total_s += seconds;
	n->idle_total_bytes += bytes + packets * HEADERS;
	/* What is lost is sent again, and paths are doubted: 70 bytes a second were seen where one packet of 20 is. */
	judge_idle(sim, n, sim->options.bounds.idle_bytes * (sim->options.faults.link.loss_ppm > 0 ? 2 : 1));
}

/* Since the run began to be calm: what it had to do before is not idle. */
void kith_sim_check_idle_super(struct kith_sim *sim, struct kith_simnode *n)
{
	const struct kith_simbounds *b = &sim->options.bounds;
	struct kith_core_info info;
	if (b->super_idle_bytes == 0 || sim->options.workload.call_gap_us > 0 || !kith_sim_steady(sim, n, b->settle_us))
		return;
	const uint64_t sent = n->bytes_out + HEADERS * n->packets_out;
	if (n->idle_since == 0) {
		n->idle_since = sim->now;
		n->idle_bytes = sent;
	}
	kith_core_info(n->core, &info);
	n->idle_total_s = (uint64_t)((sim->now - n->idle_since) / KITH_US_PER_S);
	n->idle_total_bytes = sent - n->idle_bytes;
	judge_idle(sim, n, b->super_idle_bytes + b->idle_bytes * info.leaves);
}
