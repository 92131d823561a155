#include "sim/print.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <kith/version.h>

#include <jansson.h>

enum { LIST_SOON_MS = 30000 };

void kith_sim_memory_take(const struct kith_sim *sim, struct kith_simmemory *m)
{
	m->nodes[0] = kith_sim_memory(sim, KITH_ROLE_LEAF, &m->live[0], &m->most[0]);
	m->nodes[1] = kith_sim_memory(sim, KITH_ROLE_SUPERNODE, &m->live[1], &m->most[1]);
	m->shared = kith_sim_shared_memory(sim);
	m->pool = kith_sim_pool_peak(sim);
}

static double ratio(uint64_t a, uint64_t b)
{
	return b > 0 ? (double)a / (double)b : 0;
}

static uint64_t stat_sum(const struct kith_sim *sim, unsigned stat)
{
	return kith_sim_stats(sim, KITH_ROLE_LEAF)->counter[stat] +
	       kith_sim_stats(sim, KITH_ROLE_SUPERNODE)->counter[stat];
}

static void print_offices(const struct kith_sim *sim)
{
	const struct kith_simoffices *o = kith_sim_offices(sim);
	printf("offices          %" PRIu32 " supernodes serve (%" PRIu32 " to %" PRIu32
	       " once all had joined), %" PRIu32
	       " leaves each, the fullest %.3f times that; %.3f changes of role an hour of a supernode; %.2f kbit/s "
	       "each to and from others\n",
	       o->serving, o->serving_least, o->serving_most, o->leaves_mean, o->fullest_permille / 1e3,
	       3600 * ratio(o->changes, o->serving_s), 2 * 8e-3 * ratio(o->between_bytes, o->serving_s));
}

void kith_sim_print_text(const struct kith_sim *sim, const struct kith_simmemory *m)
{
	const struct kith_simcounts *c = kith_sim_counts(sim);
	printf("%-16s %8s %8s %8s %8s %8s\n", "milliseconds", "n", "p50", "p90", "p99", "most");
	for (unsigned i = 0; i < KITH_SIM_MEASURES_N; i++) {
		const struct kith_simsamples *s = kith_sim_samples(sim, (enum kith_simmeasure)i);
		printf("%-16s %8u %8u %8u %8u %8u\n", kith_simmeasure_name((enum kith_simmeasure)i), s->n,
		       kith_simsamples_percentile(s, 50), kith_simsamples_percentile(s, 90),
		       kith_simsamples_percentile(s, 99), kith_simsamples_percentile(s, 100));
	}
	printf("calls            %" PRIu64 " opened of %" PRIu64 ", %" PRIu64 " turned down, %" PRIu64
	       " failed (%" PRIu64 " for want of a home in common), direct %.1f %%\n",
	       c->calls_opened, c->calls, c->calls_refused, c->calls_failed, c->calls_hidden,
	       100 * ratio(c->calls_direct, c->calls_opened));
	if (c->calls_changed > 0)
		printf("sessions         %" PRIu64 " ends while their network changed; calls lost %" PRIu64 "\n",
		       c->calls_changed, c->calls_lost);
	printf("datagrams        %" PRIu64 " arrived of %" PRIu64 "; streams %" PRIu64 " of %" PRIu64 "\n",
	       c->datagrams_got, c->datagrams_sent, c->streams_got, c->streams_sent);
	printf("idle leaf        %.3f packets/s, %.1f bytes/s in and out\n", ratio(c->idle_packets, c->idle_seconds),
	       ratio(c->idle_bytes, c->idle_seconds));
	printf("memory           leaf %.0f bytes (most %" PRIu64 "), supernode %.0f (most %" PRIu64 "), shared %" PRIu64
	       ", engine's peak %" PRIu64 "\n",
	       ratio(m->live[0], m->nodes[0]), m->most[0], ratio(m->live[1], m->nodes[1]), m->most[1], m->shared,
	       m->pool);
	print_offices(sim);
	printf("handshakes       %" PRIu64 "\n", stat_sum(sim, KITH_STAT_HANDSHAKES));
	if (c->sybil_homes + c->flood_requests > 0)
		printf("attackers        Sybils are %" PRIu64 " of the homes, and the only ones of %" PRIu64
		       " leaves; %" PRIu64 " requests of floods\n",
		       c->sybil_homes, c->sybil_leaves, c->flood_requests);
	for (unsigned i = 0; i < KITH_SIM_FALSE_N; i++)
		if (c->candidates[i] > 0)
			printf("candidates       %s: %" PRIu64 ", attested %" PRIu64 ", served %" PRIu64 "\n",
			       i == KITH_SIM_FALSE_NOT ? "honest" : kith_simfalse_name(i), c->candidates[i],
			       c->attested[i], c->served[i]);
	printf("events           %" PRIu64 "\n", c->events);
	for (unsigned i = 0; i < KITH_STAT_MAX; i++) {
		if (stat_sum(sim, i) > 0)
			printf("  %-28s leaves %12" PRIu64 "  supernodes %12" PRIu64 "\n", kith_stat_name(i),
			       kith_sim_stats(sim, KITH_ROLE_LEAF)->counter[i],
			       kith_sim_stats(sim, KITH_ROLE_SUPERNODE)->counter[i]);
	}
	for (unsigned i = KITH_NET_DELIVERED; i < KITH_NET_CAUSES_N; i++) {
		if (kith_sim_net_stats(sim)->causes[i] > 0)
			printf("  net: %-40s %12" PRIu64 "\n", kith_net_cause_text((enum kith_net_cause)i),
			       kith_sim_net_stats(sim)->causes[i]);
	}
}

static bool has_called(const struct kith_simpair *p)
{
	return p->calls + p->hidden > 0;
}

void kith_sim_print_pairs(const struct kith_sim *sim, const struct kith_simnat_mix *mix)
{
	struct kith_simpairs all;
	kith_sim_pairs_sum(sim, &all);
	printf("%-43s %8s %8s %8s %10s\n", "pairs of NATs (shares: %)", "calls", "of all", "by mix", "direct");
	for (unsigned a = 0; kith_simnat_name(a) != NULL; a++) {
		for (unsigned b = a; kith_simnat_name(b) != NULL; b++) {
			const struct kith_simpair *p = kith_sim_pair(sim, a, b);
			if (has_called(p))
				printf("%-20s x %-20s %8" PRIu64 " %8.2f %8.2f %10.2f\n", kith_simnat_name(a),
				       kith_simnat_name(b), p->calls, 100 * ratio(p->calls, all.sum.calls),
				       100 * kith_simnat_share(mix, a, b), 100 * ratio(p->direct, p->calls));
		}
	}
	printf("%-43s %8" PRIu64 " %8.2f %8.2f %10.2f, by the weights of the mix %.2f\n", "all", all.sum.calls, 100.0,
	       100 * all.called, 100 * ratio(all.sum.direct, all.sum.calls), 100 * all.weighted);
	printf("%-43s %8" PRIu64 " besides\n", "relayed, as one end wants", all.sum.hidden);
}

/* How many of those who are there have the list by the end, and how many had it in time. */
void kith_sim_print_list(const struct kith_sim *sim, const struct kith_simmemory *m)
{
	static const enum kith_simmeasure of[] = { KITH_SIM_LIST_LEAF, KITH_SIM_LIST_SUPER };
	for (unsigned i = 0; i < 2; i++) {
		const struct kith_simsamples *s = kith_sim_samples(sim, of[i]);
		uint32_t soon = 0;
		for (uint32_t k = 0; k < s->n; k++)
			soon += s->ms[k] <= LIST_SOON_MS;
		printf("list %-11s %u of %u have it, %u within %d s\n", i == 0 ? "leaves" : "supernodes", s->n,
		       m->nodes[i], soon, LIST_SOON_MS / 1000);
	}
}

void kith_sim_print_load(const struct kith_sim *sim)
{
	static const enum kith_role roles[] = { KITH_ROLE_LEAF, KITH_ROLE_SUPERNODE };
	const struct kith_simcounts *c = kith_sim_counts(sim);
	for (unsigned i = 0; i < 2; i++) {
		struct kith_simload l;
		kith_sim_load(sim, roles[i], &l);
		printf("load %-11s work at most %.2f of a processor (node %u), %.6f on average; uplink at most %.2f; "
		       "%" PRIu64 " packets found no room, longest wait %.1f ms\n",
		       i == 0 ? "leaves" : "supernodes", l.work_ppm / 1e6, l.node == KITH_SIM_NONE ? 0 : l.node,
		       l.mean_ppm / 1e6, l.up_ppm / 1e6, l.dropped, (double)l.waited_us / 1e3);
	}
	uint64_t opened = kith_sim_stats(sim, KITH_ROLE_LEAF)->counter[KITH_STAT_SESSIONS_OPENED];
	printf("attempts         %" PRIu64 " first handshake packets of leaves for %" PRIu64 " sessions: %.2f each\n",
	       c->leaf_hellos, opened, ratio(c->leaf_hellos, opened));
}

static json_t *whole(uint64_t v)
{
	return json_integer((json_int_t)v);
}

/* All percentiles, from the least to the most, so that whoever reads this can draw the distribution. */
static json_t *json_times(const struct kith_sim *sim)
{
	json_t *times = json_object();
	for (unsigned i = 0; i < KITH_SIM_MEASURES_N; i++) {
		const struct kith_simsamples *s = kith_sim_samples(sim, (enum kith_simmeasure)i);
		uint32_t percentiles[101];
		json_t *all = json_array();
		if (s->n == 0 || !kith_simsamples_percentiles(s, percentiles)) {
			json_decref(all);
			continue;
		}
		for (unsigned p = 0; p <= 100; p++)
			json_array_append_new(all, whole(percentiles[p]));
		json_object_set_new(times, kith_simmeasure_name((enum kith_simmeasure)i),
				    json_pack("{s:i, s:i, s:i, s:i, s:i, s:o}", "n", (int)s->n, "p50_ms",
					      (int)percentiles[50], "p90_ms", (int)percentiles[90], "p99_ms",
					      (int)percentiles[99], "max_ms", (int)percentiles[100], "percentiles_ms",
					      all));
	}
	return times;
}

static json_t *json_stats(const struct kith_sim *sim, enum kith_role role)
{
	json_t *stats = json_object();
	for (unsigned i = 0; i < KITH_STAT_MAX; i++)
		json_object_set_new(stats, kith_stat_name(i), whole(kith_sim_stats(sim, role)->counter[i]));
	return stats;
}

static json_t *json_load(const struct kith_sim *sim, enum kith_role role)
{
	struct kith_simload l;
	kith_sim_load(sim, role, &l);
	return json_pack("{s:f, s:f, s:f, s:I, s:I}", "work_max", l.work_ppm / 1e6, "work_mean", l.mean_ppm / 1e6,
			 "up_max", l.up_ppm / 1e6, "dropped", (json_int_t)l.dropped, "waited_us",
			 (json_int_t)l.waited_us);
}

static json_t *json_offices(const struct kith_sim *sim)
{
	const struct kith_simoffices *o = kith_sim_offices(sim);
	return json_pack("{s:I, s:I, s:I, s:I, s:f, s:f, s:f}", "serving", (json_int_t)o->serving, "serving_least",
			 (json_int_t)o->serving_least, "serving_most", (json_int_t)o->serving_most, "leaves_mean",
			 (json_int_t)o->leaves_mean, "fullest", o->fullest_permille / 1e3, "changes_per_hour",
			 3600 * ratio(o->changes, o->serving_s), "kbit_s",
			 2 * 8e-3 * ratio(o->between_bytes, o->serving_s));
}

static json_t *json_pairs(const struct kith_sim *sim, const struct kith_simnat_mix *mix)
{
	struct kith_simpairs all;
	json_t *list = json_array();
	kith_sim_pairs_sum(sim, &all);
	for (unsigned a = 0; kith_simnat_name(a) != NULL; a++) {
		for (unsigned b = a; kith_simnat_name(b) != NULL; b++) {
			const struct kith_simpair *p = kith_sim_pair(sim, a, b);
			if (has_called(p))
				json_array_append_new(
					list, json_pack("{s:[s, s], s:f, s:I, s:I, s:I}", "nats", kith_simnat_name(a),
							kith_simnat_name(b), "by_mix", kith_simnat_share(mix, a, b),
							"calls", (json_int_t)p->calls, "direct", (json_int_t)p->direct,
							"hidden", (json_int_t)p->hidden));
		}
	}
	return json_pack("{s:o, s:I, s:I, s:I, s:f, s:f}", "list", list, "calls", (json_int_t)all.sum.calls, "direct",
			 (json_int_t)all.sum.direct, "hidden", (json_int_t)all.sum.hidden, "called_by_mix", all.called,
			 "direct_by_mix", all.weighted);
}

static json_t *json_net(const struct kith_sim *sim)
{
	json_t *net = json_object();
	for (unsigned i = KITH_NET_DELIVERED; i < KITH_NET_CAUSES_N; i++)
		json_object_set_new(net, kith_net_cause_text((enum kith_net_cause)i),
				    whole(kith_sim_net_stats(sim)->causes[i]));
	return net;
}

static json_t *json_counts(const struct kith_simcounts *c)
{
	const struct {
		const char *name;
		uint64_t value;
	} counts[] = {
		{ "starts", c->starts },
		{ "crashes", c->crashes },
		{ "stops", c->stops },
		{ "demotions", c->demotions },
		{ "calls", c->calls },
		{ "calls_opened", c->calls_opened },
		{ "calls_refused", c->calls_refused },
		{ "calls_failed", c->calls_failed },
		{ "calls_direct", c->calls_direct },
		{ "calls_excused", c->calls_excused },
		{ "calls_changed", c->calls_changed },
		{ "calls_lost", c->calls_lost },
		{ "calls_hidden", c->calls_hidden },
		{ "spied", c->spied },
		{ "lookups", c->lookups },
		{ "lookups_failed", c->lookups_failed },
		{ "caught", c->caught },
		{ "caught_wrongly", c->caught_wrongly },
		{ "offline_by_most", c->offline_by_most },
		{ "offline_wrongly", c->offline_wrongly },
		{ "checks_offline", c->checks_offline },
		{ "checks_offline_void", c->checks_offline_void },
		{ "checks_online", c->checks_online },
		{ "datagrams_sent", c->datagrams_sent },
		{ "datagrams_got", c->datagrams_got },
		{ "streams_sent", c->streams_sent },
		{ "streams_got", c->streams_got },
		{ "leaf_packets", c->leaf_packets },
		{ "leaf_bytes", c->leaf_bytes },
		{ "supernode_packets", c->super_packets },
		{ "supernode_bytes", c->super_bytes },
		{ "leaf_hellos", c->leaf_hellos },
		{ "sybil_homes", c->sybil_homes },
		{ "sybil_leaves", c->sybil_leaves },
		{ "flood_requests", c->flood_requests },
	};
	json_t *j = json_object();
	for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
		json_object_set_new(j, counts[i].name, whole(counts[i].value));
	return j;
}

static json_t *json_candidates(const struct kith_simcounts *c)
{
	json_t *j = json_object();
	for (unsigned i = 0; i < KITH_SIM_FALSE_N; i++)
		if (c->candidates[i] > 0)
			json_object_set_new(j, i == KITH_SIM_FALSE_NOT ? "honest" : kith_simfalse_name(i),
					    json_pack("{s:I, s:I, s:I}", "are", (json_int_t)c->candidates[i],
						      "attested", (json_int_t)c->attested[i], "served",
						      (json_int_t)c->served[i]));
	return j;
}

static json_t *json_memory(const struct kith_simmemory *m)
{
	return json_pack("{s:f, s:I, s:f, s:I, s:I, s:I}", "leaf_bytes", ratio(m->live[0], m->nodes[0]),
			 "leaf_bytes_max", (json_int_t)m->most[0], "supernode_bytes", ratio(m->live[1], m->nodes[1]),
			 "supernode_bytes_max", (json_int_t)m->most[1], "shared_bytes", (json_int_t)m->shared,
			 "engine_peak_bytes", (json_int_t)m->pool);
}

/* By name, how often a check of each failed; the first one in words. */
static json_t *json_violations(const struct kith_sim *sim)
{
	char text[2048];
	json_t *j = json_object(), *counts = json_object();
	for (unsigned i = 0; i < KITH_SIM_INVARIANTS_N; i++)
		json_object_set_new(counts, kith_siminvariant_name((enum kith_siminvariant)i),
				    whole(kith_sim_violations(sim, (enum kith_siminvariant)i)));
	json_object_set_new(j, "checks", counts);
	if (kith_sim_violation(sim) != NULL)
		json_object_set_new(j, "first", json_string(kith_sim_violation_text(sim, text, sizeof text)));
	return j;
}

static void hash_text(const struct kith_sim *sim, char out[65])
{
	uint8_t hash[32];
	kith_sim_hash(sim, hash);
	for (size_t i = 0; i < sizeof hash; i++)
		snprintf(out + 2 * i, 3, "%02x", hash[i]);
}

json_t *kith_sim_json(const struct kith_sim *sim, const struct kith_simoptions *o, const struct kith_simmemory *m)
{
	const struct kith_simcounts *c = kith_sim_counts(sim);
	char hash[65];
	json_t *j = json_object();
	json_object_set_new(j, "version", json_string(kith_version()));
	json_object_set_new(j, "command", json_string(o->command));
	json_object_set_new(j, "seed", whole(o->seed));
	json_object_set_new(j, "leaves", whole(o->leaves));
	json_object_set_new(j, "supernodes", whole(o->supernodes));
	json_object_set_new(j, "virtual_s", json_real((double)kith_sim_time(sim) / 1e6));
	json_object_set_new(j, "events", whole(c->events));
	json_object_set_new(j, "times", json_times(sim));
	json_object_set_new(j, "counts", json_counts(c));
	json_object_set_new(j, "idle_leaf",
			    json_pack("{s:f, s:f}", "packets_per_s", ratio(c->idle_packets, c->idle_seconds),
				      "bytes_per_s", ratio(c->idle_bytes, c->idle_seconds)));
	json_object_set_new(j, "memory", json_memory(m));
	json_object_set_new(j, "offices", json_offices(sim));
	json_object_set_new(j, "candidates", json_candidates(c));
	json_object_set_new(j, "load",
			    json_pack("{s:o, s:o}", "leaves", json_load(sim, KITH_ROLE_LEAF), "supernodes",
				      json_load(sim, KITH_ROLE_SUPERNODE)));
	json_object_set_new(j, "counters",
			    json_pack("{s:o, s:o}", "leaves", json_stats(sim, KITH_ROLE_LEAF), "supernodes",
				      json_stats(sim, KITH_ROLE_SUPERNODE)));
	json_object_set_new(j, "pairs", json_pairs(sim, &o->nats));
	json_object_set_new(j, "net", json_net(sim));
	json_object_set_new(j, "violations", json_violations(sim));
	hash_text(sim, hash);
	json_object_set_new(j, "hash",
			    kith_sim_violation(sim) == NULL || o->counting ? json_string(hash) : json_null());
	return j;
}

void kith_sim_print_violations(const struct kith_sim *sim)
{
	for (unsigned i = 0; i < KITH_SIM_INVARIANTS_N; i++)
		if (kith_sim_violations(sim, (enum kith_siminvariant)i) > 0)
			printf("violated         %s: %" PRIu64 " checks\n",
			       kith_siminvariant_name((enum kith_siminvariant)i),
			       kith_sim_violations(sim, (enum kith_siminvariant)i));
}

void kith_sim_print_hash(const struct kith_sim *sim)
{
	char hash[65];
	hash_text(sim, hash);
	printf("hash: %s\n", hash);
}
