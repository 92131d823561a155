/* The invariants, each a function. What a disturbance makes impossible to demand is demanded again once it has been
 * quiet for the stated bound. */
#include "sim/internal.h"

#include "link/state.h"

#include <stdarg.h>
#include <stdio.h>

enum { TRAP_FIRST = 102, TRAP_SECOND = 78, TRAP_PORT = 4433 }; /* kith_net_public_v4 gives it to nobody */

#define SLOW_CHECK_US (10 * KITH_US_PER_S) /* between checks that look at pairs or ask cores */

static const struct {
	const char *name, *text;
} invariants[KITH_SIM_INVARIANTS_N] = {
#define INVARIANT_TEXT(id, words, why) [KITH_SIM_##id] = { (words), (why) },
	KITH_SIM_INVARIANT_MAP(INVARIANT_TEXT)
#undef INVARIANT_TEXT
};

const char *kith_siminvariant_name(enum kith_siminvariant i)
{
	return (unsigned)i < KITH_SIM_INVARIANTS_N ? invariants[i].name : "unknown";
}

const char *kith_siminvariant_text(enum kith_siminvariant i)
{
	return (unsigned)i < KITH_SIM_INVARIANTS_N ? invariants[i].text : "unknown";
}

enum kith_siminvariant kith_siminvariant_find(const char *name)
{
	unsigned i = 0;
	while (i < KITH_SIM_INVARIANTS_N && strcmp(invariants[i].name, name) != 0)
		i++;
	return (enum kith_siminvariant)i;
}

static int print_node(const struct kith_sim *sim, char *out, size_t cap, uint32_t node)
{
	char name[KITH_NAME_MAX + 1];
	if (node >= sim->nodes_n)
		return 0;
	const struct kith_simnode *n = &sim->nodes[node];
	return snprintf(out, cap, "  node:      %s (%s, homes %u, start %u at %.3f s, disturbed at %.3f s)\n",
			kith_sim_node_name(sim, node, name), kith_simnat_name(n->nat_kind), n->homes, n->boots,
			(double)n->started_at / 1e6, (double)n->disturbed_at / 1e6);
}

static void print_nodes(const struct kith_sim *sim, struct kith_simviolation *v)
{
	const uint32_t nodes[2] = { v->a, v->b };
	size_t used = 0;
	for (unsigned i = 0; i < 2 && used < sizeof v->nodes; i++) {
		int n = print_node(sim, v->nodes + used, sizeof v->nodes - used, nodes[i]);
		used += n > 0 ? (size_t)n : 0;
	}
	if (used < sizeof v->nodes)
		snprintf(v->nodes + used, sizeof v->nodes - used, "  disturbed: at %.3f s\n",
			 (double)sim->disturbed_at / 1e6);
}

void kith_sim_violate(struct kith_sim *sim, enum kith_siminvariant invariant, uint32_t a, uint32_t b,
		      const char *format, ...)
{
	va_list args;
	struct kith_simviolation *v = &sim->violation;
	if (sim->failed || (sim->options.ignored >> invariant & 1) != 0)
		return;
	sim->violations[invariant]++;
	sim->failed = !sim->options.counting;
	if (sim->violated)
		return;
	sim->violated = true;
	v->invariant = invariant;
	v->at = sim->now;
	v->a = a;
	v->b = b;
	va_start(args, format);
	vsnprintf(v->text, sizeof v->text, format, args);
	va_end(args);
	print_nodes(sim, v);
}

const struct kith_simviolation *kith_sim_violation(const struct kith_sim *sim)
{
	return sim->violated ? &sim->violation : NULL;
}

uint64_t kith_sim_violations(const struct kith_sim *sim, enum kith_siminvariant invariant)
{
	return sim->violations[invariant];
}

const char *kith_sim_violation_text(const struct kith_sim *sim, char *out, size_t cap)
{
	const struct kith_simviolation *v = &sim->violation;
	KITH_ASSERT(sim->violated && cap > 0);
	snprintf(out, cap,
		 "invariant %s violated: %s\n  what:      %s\n  time:      %.6f s\n%s  seed:      %llu\n  repeat:    "
		 "%s\n",
		 kith_siminvariant_name(v->invariant), kith_siminvariant_text(v->invariant), v->text,
		 (double)v->at / 1e6, v->nodes, (unsigned long long)sim->options.seed, sim->options.command);
	return out;
}

/* ---- quiet ---- */

void kith_sim_disturb(struct kith_sim *sim, struct kith_simnode *n)
{
	*(n != NULL ? &n->disturbed_at : &sim->disturbed_at) = sim->now;
	if (n == NULL)
		kith_sim_supers_changed(sim);
}

void kith_sim_supers_changed(struct kith_sim *sim)
{
	sim->supers_counted = false;
}

static void count_supers(struct kith_sim *sim)
{
	if (sim->supers_counted)
		return;
	sim->supers_counted = true;
	sim->supers_up = 0;
	sim->supers_broken = false;
	for (uint32_t i = 0; i < sim->options.supernodes; i++) {
		const struct kith_simnode *n = &sim->nodes[i];
		bool muted_by_fault = n->mute && sim->options.mutation != KITH_SIM_MUTATE_FEW_SUPERNODES;
		sim->supers_broken = sim->supers_broken || muted_by_fault || n->leaving;
		sim->supers_up += n->core != NULL && !n->leaving && !n->resting;
	}
}

static bool anything_broken(struct kith_sim *sim)
{
	count_supers(sim);
	return sim->partitions > 0 || sim->supers_broken;
}

bool kith_sim_undisturbed(struct kith_sim *sim, const struct kith_simnode *n, kith_time_us since)
{
	return n->core != NULL && !n->leaving && n->reachable && n->disturbed_at <= since &&
	       sim->disturbed_at <= since && !anything_broken(sim);
}

bool kith_sim_steady(struct kith_sim *sim, const struct kith_simnode *n, kith_time_us for_us)
{
	return kith_sim_undisturbed(sim, n, sim->now - for_us);
}

uint32_t kith_sim_supers_up(struct kith_sim *sim)
{
	count_supers(sim);
	return sim->supers_up;
}

/* ---- addresses ---- */

static uint64_t pair_key(uint32_t a, uint32_t b)
{
	return a < b ? (uint64_t)a << 32 | b : (uint64_t)b << 32 | a;
}

void kith_sim_consent(struct kith_sim *sim, uint32_t a, uint32_t b)
{
	uint32_t *v = kith_simmap_at(&sim->consents, pair_key(a, b));
	if (v == NULL)
		kith_sim_out_of_memory(sim);
	else
		*v = 1;
}

bool kith_sim_consented(const struct kith_sim *sim, uint32_t a, uint32_t b)
{
	return kith_sim_contact(&sim->nodes[a], b) != NULL || kith_simmap_get(&sim->consents, pair_key(a, b)) != NULL;
}

/* Who names its own address where it should not has given up hiding it. */
static bool hides_from(const struct kith_simnode *n, uint32_t peer)
{
	const struct kith_simcontact *c = kith_sim_contact(n, peer);
	return c != NULL && c->relay_only && !n->lies;
}

/* A packet goes, or would go, straight from one leaf to another. */
static void check_straight(struct kith_sim *sim, uint32_t from, uint32_t to, const char *how)
{
	const struct kith_simnode *a = &sim->nodes[from], *b = &sim->nodes[to];
	if (from == to || kith_sim_is_super(a) || kith_sim_is_super(b))
		return;
	if (hides_from(a, to) || hides_from(b, from))
		kith_sim_violate(sim, KITH_SIM_RELAY_ONLY_HIDDEN, from, to, "a packet was %s straight", how);
	else if (!kith_sim_consented(sim, from, to))
		kith_sim_violate(sim, KITH_SIM_NOTHING_BEFORE_CONSENT, from, to, "a packet was %s straight", how);
}

struct kith_addr kith_sim_trap_of(const struct kith_simnode *n)
{
	return (struct kith_addr){ .family = KITH_FAMILY_V4,
				   .port = TRAP_PORT,
				   .ip = { TRAP_FIRST, TRAP_SECOND, (uint8_t)(n->id >> 8), (uint8_t)n->id } };
}

/* A packet to where a contact that spies listens. */
static void check_named(struct kith_sim *sim, const struct kith_simnode *n, const struct kith_addr *to)
{
	uint32_t spy = (uint32_t)to->ip[2] << 8 | to->ip[3];
	if (to->family != KITH_FAMILY_V4 || to->ip[0] != TRAP_FIRST || to->ip[1] != TRAP_SECOND || spy >= sim->nodes_n)
		return;
	sim->counts.spied++;
	kith_sim_violate(sim, KITH_SIM_NAMED_NOT_SPOKEN_TO, n->id, spy, "a packet was sent there");
}

void kith_sim_check_delivered(struct kith_sim *sim, uint32_t from, uint32_t to, bool to_all)
{
	if (!to_all)
		check_straight(sim, from, to, "delivered");
	else if (hides_from(&sim->nodes[from], to)) /* whoever is on the link hears what is sent to all */
		kith_sim_violate(sim, KITH_SIM_RELAY_ONLY_HIDDEN, from, to, "a packet was delivered as to all");
}

/* By what is written on it: a packet that a NAT would drop gives an address away as well. */
void kith_sim_check_sent(struct kith_sim *sim, const struct kith_simnode *n, const struct kith_addr *to,
			 const uint8_t *data, size_t len)
{
	const struct kith_simnode *owner = kith_sim_is_super(n) ? NULL : kith_sim_owner(sim, to);
	if (owner != NULL)
		check_straight(sim, n->id, owner->id, "sent");
	if (!kith_sim_is_super(n))
		check_named(sim, n, to);
	if (memmem(data, len, KITH_SIM_MARKER, KITH_SIM_MARKER_LEN) != NULL)
		kith_sim_violate(sim, KITH_SIM_NO_PLAINTEXT, n->id, KITH_SIM_NONE,
				 "in a packet of %zu bytes, type 0x%02x", len, data[0]);
}

/* ---- homes ---- */

static uint32_t homes_possible(struct kith_sim *sim)
{
	uint32_t up = kith_sim_supers_up(sim);
	return up < 3 ? up : 3;
}

void kith_sim_check_homes(struct kith_sim *sim, struct kith_simnode *n)
{
	if (n->core == NULL || kith_sim_is_super(n))
		return;
	if (n->homes == 0 && n->homeless_since == KITH_TIME_NEVER)
		n->homeless_since = sim->now;
	kith_sim_orphan_look(sim, n);
	if (n->homes > 0 && n->homeless_since != KITH_TIME_NEVER) {
		enum kith_simmeasure what = n->attached_once ? KITH_SIM_RECOVERY : KITH_SIM_ATTACH;
		kith_sim_sample(sim, n->id, what, sim->now - n->homeless_since);
		n->homeless_since = KITH_TIME_NEVER;
		n->attached_once = true;
	}
	if (n->homes >= homes_possible(sim)) {
		n->homes_since = KITH_TIME_NEVER;
		if (!n->attached_all)
			kith_sim_sample(sim, n->id, KITH_SIM_ATTACH_ALL, sim->now - n->started_at);
		n->attached_all = true;
		return;
	}
	if (n->homes_since == KITH_TIME_NEVER)
		n->homes_since = sim->now;
	kith_time_us bound = sim->options.bounds.settle_us;
	if (sim->now - n->homes_since > bound && kith_sim_steady(sim, n, bound))
		kith_sim_violate(sim, KITH_SIM_THREE_HOMES, n->id, KITH_SIM_NONE, "%u of %u for %lld ms", n->homes,
				 homes_possible(sim), (long long)((sim->now - n->homes_since) / KITH_US_PER_MS));
}

/* Supernodes that are up and that this one is to know. */
static uint32_t to_know(struct kith_sim *sim, const struct kith_simnode *n)
{
	const struct kith_sectors *sectors = &n->core->super->members.sectors;
	uint32_t near = 0;
	if (sectors->bits == 0)
		return kith_sim_supers_up(sim);
	for (uint32_t i = 0; i < sim->options.supernodes; i++) {
		const struct kith_core *c = sim->nodes[i].core;
		near += c != NULL && c->super != NULL && kith_sectors_near(sectors, c->super->id.b);
	}
	return near;
}

static uint32_t known(const struct kith_core *c)
{
	const struct kith_members *ms = &c->super->members;
	uint32_t near = 0;
	for (uint32_t i = 0; i < ms->n; i++)
		near += kith_member_live(ms->at[i]) && kith_member_near(ms, ms->at[i]);
	return near;
}

void kith_sim_check_members(struct kith_sim *sim)
{
	for (uint32_t i = 0; i < sim->options.supernodes && !sim->failed; i++) {
		const struct kith_simnode *n = &sim->nodes[i];
		if (n->resting || !kith_sim_steady(sim, n, sim->options.bounds.settle_us) || !kith_serves(n->core))
			continue;
		uint32_t up = to_know(sim, n), knows = known(n->core);
		if (knows + 1 < up)
			kith_sim_violate(sim, KITH_SIM_MEMBERS_CONVERGE, i, KITH_SIM_NONE, "knows %u of %u", knows,
					 up - 1);
	}
}

/* ---- memory, garbage ---- */

void kith_sim_check_memory(struct kith_sim *sim, const struct kith_simnode *n)
{
	const struct kith_simbounds *b = &sim->options.bounds;
	uint64_t bound = b->leaf_bytes + b->session_bytes * kith_sim_app_calls(n);
	if (n->core == NULL)
		return;
	if (kith_sim_is_super(n)) {
		struct kith_core_info info;
		kith_core_info(n->core, &info);
		bound = b->super_bytes + b->attached_bytes * (info.leaves + info.sessions + info.records) +
			b->member_bytes * info.members;
	} else if (sim->options.workload.call_gap_us > 0 || sim->verifying) {
		/* A peer that went without a word is held until it is given up. */
		bound += b->session_bytes * KITH_SIM_CALLS_MAX / 2;
	}
	if (n->account.live_bytes > bound)
		kith_sim_violate(sim, KITH_SIM_MEMORY_BOUNDED, n->id, KITH_SIM_NONE, "%llu bytes of %llu with %u calls",
				 (unsigned long long)n->account.live_bytes, (unsigned long long)bound,
				 kith_sim_app_calls(n));
}

void kith_sim_check_garbage(struct kith_sim *sim)
{
	static const enum kith_stat never[] = {
		KITH_STAT_DROP_TOO_SHORT,	KITH_STAT_DROP_UNKNOWN_TYPE,  KITH_STAT_DROP_UNKNOWN_VERSION,
		KITH_STAT_DROP_MALFORMED_FRAME, KITH_STAT_SKIP_UNKNOWN_FRAME, KITH_STAT_REFUSE_NETWORK,
		KITH_STAT_REFUSE_CHAIN,		KITH_STAT_REFUSE_EXPIRED,     KITH_STAT_REFUSE_NOT_YET,
		KITH_STAT_REFUSE_REVOKED,	KITH_STAT_REFUSE_MALFORMED,   KITH_STAT_REFUSE_TABLE_FULL,
		KITH_STAT_EVENTS_DROPPED,	KITH_STAT_ALLOC_FAILED,	      KITH_STAT_OUTBOX_FULL,
	};
	for (size_t i = 0; i < sizeof never / sizeof never[0] && !sim->failed; i++) {
		uint64_t n = sim->stats[0].counter[never[i]] + sim->stats[1].counter[never[i]];
		/* Nodes with a limit of memory may meet it. */
		if (never[i] == KITH_STAT_ALLOC_FAILED && kith_sim_capacity_suite(sim) != sim->suite)
			continue;
		if (n > 0)
			kith_sim_violate(sim, KITH_SIM_NO_GARBAGE, KITH_SIM_NONE, KITH_SIM_NONE, "%s is %llu (%s)",
					 kith_stat_name(never[i]), (unsigned long long)n, kith_stat_text(never[i]));
	}
}

/* ---- presence ---- */

static void check_watcher(struct kith_sim *sim, const struct kith_simnode *gone, const struct kith_simnode *w,
			  const struct kith_simcontrol *c)
{
	const struct kith_simcontact *seen = kith_sim_contact(w, gone->id);
	kith_time_us before = c->since - sim->options.bounds.settle_us;
	if (seen == NULL || !kith_sim_undisturbed(sim, w, before > 0 ? before : 0))
		return;
	sim->counts.checks_offline++;
	if (seen->seen == KITH_SIM_SEEN_ONLINE)
		kith_sim_violate(sim, KITH_SIM_OFFLINE_SEEN, w->id, gone->id, "gone %lld ms ago",
				 (long long)((sim->now - c->since) / KITH_US_PER_MS));
}

void kith_sim_check_gone(struct kith_sim *sim, const struct kith_simcontrol *c)
{
	const struct kith_simnode *gone = &sim->nodes[c->a];
	const struct kith_simbounds *b = &sim->options.bounds;
	kith_time_us bound = c->kind == KITH_SIM_CHECK_GOODBYE ? b->goodbye_us : b->offline_us;
	if (!sim->options.workload.watch || gone->core != NULL || gone->boots != c->b) {
		sim->counts.checks_offline_void++;
		return;
	}
	if (sim->disturbed_at > c->since || anything_broken(sim)) {
		/* An orderly exit that fell into a disturbance is no better than another. */
		struct kith_simcontrol again = *c;
		again.kind = KITH_SIM_CHECK_OFFLINE;
		again.since = anything_broken(sim) ? sim->now : sim->disturbed_at;
		bound = b->offline_us + b->settle_us;
		kith_sim_control_at(sim, again.since + bound > sim->now ? again.since + bound : sim->now + 1, &again);
		return;
	}
	for (uint32_t i = 0; i < gone->app->contacts_n && !sim->failed; i++)
		check_watcher(sim, gone, &sim->nodes[gone->app->contacts[i].node], c);
}

void kith_sim_check_online(struct kith_sim *sim, struct kith_simnode *n)
{
	const kith_time_us bound = sim->options.bounds.settle_us;
	if (!sim->options.workload.watch || kith_sim_is_super(n) || !kith_sim_steady(sim, n, bound))
		return;
	for (uint32_t i = 0; i < n->app->contacts_n && !sim->failed; i++) {
		const struct kith_simcontact *c = &n->app->contacts[i];
		const struct kith_simnode *peer = &sim->nodes[c->node];
		if (!kith_sim_steady(sim, peer, bound) || peer->homes == 0)
			continue;
		sim->counts.checks_online++;
		if (c->seen != KITH_SIM_SEEN_ONLINE)
			kith_sim_violate(sim, KITH_SIM_ONLINE_SEEN, n->id, c->node, "seen as %s since %.3f s",
					 c->seen == KITH_SIM_SEEN_OFFLINE ? "offline" : "nothing",
					 (double)c->seen_at / 1e6);
	}
}

/* ---- calls ---- */

/* A relay-only contact can be called through a home that both have, and not otherwise. */
static bool hidden_away(const struct kith_simnode *n, const struct kith_simcall *c, const struct kith_simnode *peer)
{
	const struct kith_simcontact *contact = kith_sim_contact(n, c->peer);
	struct kith_addr ours[3], theirs[3];
	if (c->err != KITH_ERELAYONLY || contact == NULL || !contact->relay_only)
		return false;
	size_t n_ours = kith_core_homes(n->core, ours, 3), n_theirs = kith_core_homes(peer->core, theirs, 3);
	for (size_t i = 0; i < n_ours * n_theirs; i++) {
		if (kith_addr_equal(&ours[i / n_theirs], &theirs[i % n_theirs]))
			return false;
	}
	return true;
}

/* A call that ended badly, or whose time is up. */
void kith_sim_check_call(struct kith_sim *sim, struct kith_simnode *n, struct kith_simcall *c)
{
	const struct kith_simnode *peer = &sim->nodes[c->peer];
	kith_time_us window = sim->now - c->called_at + sim->options.bounds.settle_us;
	if (!c->ours || c->open || c->refused || c->closing)
		return;
	if (!kith_sim_steady(sim, n, window) || !kith_sim_steady(sim, peer, window)) {
		sim->counts.calls_excused++;
		return;
	}
	if (hidden_away(n, c, peer)) {
		sim->counts.calls_hidden++;
		return;
	}
	kith_sim_violate(sim, KITH_SIM_PAIRS_TALK, n->id, c->peer, "a call %s%s after %lld ms",
			 c->op != 0 ? "is not open" : "failed: ", c->op != 0 ? "" : kith_strerror(c->err),
			 (long long)((sim->now - c->called_at) / KITH_US_PER_MS));
}

/* ---- looking at all ---- */

static void count_idle(struct kith_sim *sim, struct kith_simnode *n, kith_time_us gap)
{
	bool idle = n->core != NULL && !n->leaving && n->homes >= homes_possible(sim) && kith_sim_app_calls(n) == 0 &&
		    kith_sim_steady(sim, n, sim->options.bounds.settle_us);
	if (idle && n->idle) {
		sim->counts.idle_seconds += (uint64_t)(gap / KITH_US_PER_S);
		sim->counts.idle_packets += n->packets_in + n->packets_out - n->idle_packets;
		sim->counts.idle_bytes += n->bytes_in + n->bytes_out - n->idle_bytes;
		kith_sim_check_idle(sim, n, (uint64_t)(gap / KITH_US_PER_S), n->bytes_in + n->bytes_out - n->idle_bytes,
				    n->packets_in + n->packets_out - n->idle_packets);
	}
	n->idle = idle;
	n->idle_packets = n->packets_in + n->packets_out;
	n->idle_bytes = n->bytes_in + n->bytes_out;
}

void kith_sim_check_sample(struct kith_sim *sim)
{
	const kith_time_us gap = sim->nodes_n > 20000 ? 10 * KITH_US_PER_S : KITH_US_PER_S;
	bool slow = sim->now % SLOW_CHECK_US == 0 || gap >= SLOW_CHECK_US;
	kith_sim_mutate_sample(sim);
	kith_sim_offices_sample(sim, gap);
	for (uint32_t i = 0; i < sim->nodes_n && !sim->failed; i++) {
		struct kith_simnode *n = &sim->nodes[i];
		if (n->core == NULL)
			continue;
		if (slow || !kith_sim_is_super(n))
			kith_sim_check_memory(sim, n);
		if (slow)
			kith_sim_check_tables(sim, n);
		if (slow)
			kith_sim_check_budgets(sim, n);
		if (kith_sim_is_super(n)) {
			kith_sim_check_idle_super(sim, n);
			continue;
		}
		struct kith_addr homes[3];
		n->homes = (uint32_t)kith_core_homes(n->core, homes, 3);
		kith_sim_check_homes(sim, n);
		count_idle(sim, n, gap);
		if (slow)
			kith_sim_check_online(sim, n);
	}
	if (slow)
		kith_sim_check_members(sim);
	kith_sim_check_truth(sim);
	kith_sim_check_garbage(sim);
}
