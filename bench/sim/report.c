/* What a run amounts to: options and their check, samples, figures, the hash. */
#include "sim/internal.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/limits.h"

void kith_simoptions_init(struct kith_simoptions *o)
{
	memset(o, 0, sizeof *o);
	o->seed = 1;
	o->traced = KITH_SIM_NONE;
	o->presence = KITH_PRESENCE_PUBLIC;
	o->leaves = 200;
	o->supernodes = 8;
	o->duration_us = 30 * 60 * KITH_US_PER_S;
	o->join_us = 10 * KITH_US_PER_S;
	o->verify_us = 60 * KITH_US_PER_S;
	kith_simnat_mix_init(&o->nats);

	o->faults.partition_us = 30 * KITH_US_PER_S;
	o->faults.down_us = 30 * KITH_US_PER_S;
	o->faults.silence_us = 30 * KITH_US_PER_S;
	o->faults.demotion_us = 120 * KITH_US_PER_S;
	o->faults.leaf_away_us = o->faults.super_away_us = 3600 * KITH_US_PER_S;

	o->workload.contacts_n = 2;
	o->workload.call_gap_us = 60 * KITH_US_PER_S;
	o->workload.hold_us = 20 * KITH_US_PER_S;
	o->workload.answer_us = 2 * KITH_US_PER_S;
	o->workload.datagrams_n = 10;
	o->workload.stream_bytes = 20000;
	o->workload.stranger_ppm = 200000;
	o->workload.relay_only_ppm = 100000;
	o->workload.reject_ppm = 50000;
	o->workload.lookup_ppm = 250000;
	o->workload.watch = true;

	o->bounds.settle_us = 30 * KITH_US_PER_S;
	o->bounds.talk_us = 10 * KITH_US_PER_S;
	o->bounds.stream_us = 20 * KITH_US_PER_S;
	/* The stated bound for an unclean exit, and the way of the news to the watchers. */
	o->bounds.offline_us = KITH_LEAF_VANISH_US + 10 * KITH_US_PER_S;
	o->bounds.goodbye_us = 5 * KITH_US_PER_S;
	o->bounds.leaf_bytes = 64 * 1024;
	o->bounds.session_bytes = 256 * 1024;
	o->bounds.idle_bytes = 64;
	o->bounds.super_bytes = 4 * 1024 * 1024;
	o->bounds.attached_bytes = 4096;
	o->bounds.member_bytes = 8192;
	snprintf(o->command, sizeof o->command, "(unknown command)");
}

/* Machines, sessions and pieces of the network. */
static const char *check_more(const struct kith_simoptions *o)
{
	const struct kith_simfaults *f = &o->faults;
	const kith_time_us year = 366 * 86400 * KITH_US_PER_S;
	uint64_t weights = 0;
	for (unsigned i = 0; i < KITH_SIM_CLASSES_MAX; i++) {
		weights += (uint64_t)o->capacity.leaves[i] + o->capacity.supernodes[i];
		if (kith_simclass_name(i) == NULL && (o->capacity.leaves[i] > 0 || o->capacity.supernodes[i] > 0))
			return "there is no such kind of machine";
	}
	if (weights > 0 && o->suite != KITH_SIM_SUITE_SIM)
		return "what machines can do is counted with the simulated suite only";
	const kith_time_us times[] = { f->leaf_session_us, f->leaf_away_us, f->super_session_us, f->super_away_us };
	for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
		if (times[i] < 0 || times[i] > year)
			return "sessions, and the times between them, are at most a year";
	}
	if ((f->leaf_session_us > 0 || f->super_session_us > 0 || f->day || f->demotions_n > 0) && f->until_us == 0)
		return "sessions, days and roles change while there are faults";
	if (f->list_at_us < 0 || f->list_at_us > o->duration_us)
		return "a revocation list is handed in within the duration";
	if (f->demotion_us < 0)
		return "a demotion does not end before it begins";
	if (f->split_ppm > 0 &&
	    (f->split_at_us < 0 || f->split_us <= 0 || f->split_at_us + f->split_us > o->duration_us))
		return "a piece of the network is cut off, and back, within the duration";
	return NULL;
}

const char *kith_simoptions_check(const struct kith_simoptions *o)
{
	const struct kith_simfaults *f = &o->faults;
	const struct kith_simworkload *w = &o->workload;
	if (o->supernodes < 1 || o->supernodes > KITH_SIM_SUPERNODES_MAX)
		return "supernodes: 1 to 25000";
	if (o->leaves < 1 || o->leaves > KITH_SIM_NODES_MAX - KITH_SIM_SUPERNODES_MAX)
		return "leaves: 1 to 1975000";
	if (o->duration_us < 10 * KITH_US_PER_S || o->duration_us > 366 * 86400 * KITH_US_PER_S)
		return "the duration is 10 seconds to a year";
	if (o->join_us < 0 || o->join_from_us < 0 || o->join_from_us + o->join_us > o->duration_us)
		return "the time of joining lies within the duration";
	if (o->site_leaves > 200 || (o->site_lan && o->site_leaves == 0) || (o->site_leaves > 0 && f->moves_n > 0))
		return "a site has at most 200 leaves, none of which moves; only who has a site hears others";
	if (w->datagrams_n > 64)
		return "datagrams: at most 64 in a call";
	if (w->contacts_n > KITH_SIM_CONTACTS_MAX / 2)
		return "contacts: at most 16";
	if (w->call_gap_us < 0 || w->hold_us < 0 || w->answer_us < 0 || w->talk_gap_us < 0)
		return "times of calls must not be negative";
	const uint32_t ppm[] = { w->stranger_ppm,     w->relay_only_ppm, w->spies_ppm,	   w->reject_ppm,
				 w->lookup_ppm,	      f->kill_ppm,	 f->link.loss_ppm, f->link.duplicate_ppm,
				 f->link.reorder_ppm, f->readdress_ppm,	 f->rebind_ppm,	   f->cut_ppm,
				 f->liars_ppm,	      f->posers_ppm,	 f->split_ppm,	   f->droppers_ppm,
				 f->flooders_ppm,     f->sybils_ppm,	 f->false_ppm,	   o->candidates_ppm,
				 f->aimers_ppm };
	for (size_t i = 0; i < sizeof ppm / sizeof ppm[0]; i++) {
		if (ppm[i] > KITH_PPM)
			return "a probability is 0 to 1";
	}
	if (f->link.loss_ppm >= KITH_PPM)
		return "with a loss of 1 nothing would get through";
	if (f->skew_max_ms > KITH_CLOCK_TOLERANCE_MS / 2)
		return "clock skew: at most half of the tolerance of 10 minutes, so that two nodes differ by no more "
		       "than it";
	if (f->from_us < 0 || f->until_us > o->duration_us || (f->until_us > 0 && f->from_us >= f->until_us))
		return "faults begin before they end, and end within the duration";
	if (f->kill_ppm > 0 && (f->kill_at_us < 0 || f->kill_at_us > o->duration_us))
		return "supernodes are killed within the duration";
	if (f->readdress_ppm > 0 && (f->readdress_at_us < 0 || f->readdress_at_us > o->duration_us))
		return "routers are given other addresses within the duration";
	if (f->rebind_ppm > 0 && (f->rebind_at_us < 0 || f->rebind_at_us > o->duration_us))
		return "routers forget within the duration";
	if (f->cut_ppm > 0 && (f->cut_at_us < 0 || f->cut_us <= 0 || f->cut_at_us + f->cut_us > o->duration_us))
		return "leaves are cut off, and back, within the duration";
	if (o->election_pace > KITH_ELECTION_PACE_MAX)
		return "the election's pace is 1 to 3600";
	if (o->verify_us > 0 && o->verify_us < o->bounds.talk_us + w->answer_us + 2 * KITH_US_PER_S)
		return "the final check is too short for a call";
	if (o->verify_us > 0 && f->until_us + o->bounds.settle_us > o->duration_us - o->verify_us)
		return "there is no time to settle between the end of the faults and the final check";
	return check_more(o);
}

/* ---- samples ---- */

const char *kith_simmeasure_name(enum kith_simmeasure measure)
{
	static const char *const names[KITH_SIM_MEASURES_N] = {
		[KITH_SIM_ATTACH] = "attach",
		[KITH_SIM_ATTACH_ALL] = "three homes",
		[KITH_SIM_LOOKUP] = "look-up",
		[KITH_SIM_OPEN] = "call opened",
		[KITH_SIM_FIRST_BYTE] = "first byte",
		[KITH_SIM_EARLY] = "early data",
		[KITH_SIM_DIRECT] = "direct",
		[KITH_SIM_RECOVERY] = "homes regained",
		[KITH_SIM_ORPHANED] = "without a home",
		[KITH_SIM_SILENCE] = "silence",
		[KITH_SIM_DIRECT_AGAIN] = "direct again",
		[KITH_SIM_FIRST_BYTE_AFTER] = "first byte soon",
		[KITH_SIM_LIST_SUPER] = "list, supernode",
		[KITH_SIM_LIST_LEAF] = "list, leaf",
		[KITH_SIM_HEAD_SUPER] = "head, supernode",
		[KITH_SIM_HEAD_LEAF] = "head, leaf",
		[KITH_SIM_PARAMS] = "parameters",
	};
	return names[measure];
}

const char *kith_simending_name(enum kith_simending how)
{
	static const char *const names[KITH_SIM_ENDINGS_N] = {
		[KITH_SIM_CALL_REFUSED] = "call refused",
		[KITH_SIM_CALL_FAILED] = "call failed",
		[KITH_SIM_CALL_LOST] = "call lost",
		[KITH_SIM_LOOKUP_FAILED] = "look-up failed",
	};
	return names[how];
}

static void tell(struct kith_sim *sim, uint32_t node, const char *what, kith_time_us took, int err)
{
	const struct kith_simobserver *o = sim->options.observer;
	if (o != NULL)
		o->happened(o->ctx, &(struct kith_simrecord){ sim->now, took < 0 ? 0 : took, what, node, err });
}

void kith_sim_ended(struct kith_sim *sim, uint32_t node, enum kith_simending how, kith_time_us since, int err)
{
	uint64_t *const counts[KITH_SIM_ENDINGS_N] = {
		[KITH_SIM_CALL_REFUSED] = &sim->counts.calls_refused,
		[KITH_SIM_CALL_FAILED] = &sim->counts.calls_failed,
		[KITH_SIM_CALL_LOST] = &sim->counts.calls_lost,
		[KITH_SIM_LOOKUP_FAILED] = &sim->counts.lookups_failed,
	};
	++*counts[how];
	tell(sim, node, kith_simending_name(how), sim->now - since, err);
}

void kith_sim_sample(struct kith_sim *sim, uint32_t node, enum kith_simmeasure measure, kith_time_us us)
{
	struct kith_simsamples *s = &sim->samples[measure];
	tell(sim, node, kith_simmeasure_name(measure), us, 0);
	if (s->n == s->cap) {
		uint32_t cap = s->cap < 64 ? 64 : s->cap + s->cap / 2;
		uint32_t *grown =
			kith_alloc_resize(&sim->engine.alloc, s->ms, s->cap * sizeof *grown, cap * sizeof *grown);
		if (grown == NULL) {
			kith_sim_out_of_memory(sim);
			return;
		}
		s->ms = grown;
		s->cap = cap;
	}
	s->ms[s->n++] = us < 0 ? 0 : (uint32_t)(us / KITH_US_PER_MS);
}

static int compare_ms(const void *a, const void *b)
{
	uint32_t x, y;
	memcpy(&x, a, sizeof x);
	memcpy(&y, b, sizeof y);
	return (x > y) - (x < y);
}

bool kith_simsamples_percentiles(const struct kith_simsamples *s, uint32_t out[101])
{
	uint32_t *copy = s->n > 0 ? malloc(s->n * sizeof *copy) : NULL;
	if (copy == NULL)
		return false;
	memcpy(copy, s->ms, s->n * sizeof *copy);
	qsort(copy, s->n, sizeof *copy, compare_ms);
	for (unsigned p = 0; p <= 100; p++) { /* nearest rank */
		uint64_t rank = ((uint64_t)s->n * p + 99) / 100;
		out[p] = copy[rank > 0 ? rank - 1 : 0];
	}
	free(copy);
	return true;
}

uint32_t kith_simsamples_percentile(const struct kith_simsamples *s, unsigned p)
{
	uint32_t all[101];
	KITH_ASSERT(p <= 100);
	return kith_simsamples_percentiles(s, all) ? all[p] : 0;
}

/* ---- looking in ---- */

kith_time_us kith_sim_time(const struct kith_sim *sim)
{
	return sim->now;
}

const struct kith_simcounts *kith_sim_counts(const struct kith_sim *sim)
{
	return &sim->counts;
}

const struct kith_simsamples *kith_sim_samples(const struct kith_sim *sim, enum kith_simmeasure measure)
{
	return &sim->samples[measure];
}

const struct kith_stats *kith_sim_stats(const struct kith_sim *sim, enum kith_role role)
{
	return &sim->stats[role == KITH_ROLE_SUPERNODE];
}

const struct kith_net_stats *kith_sim_net_stats(const struct kith_sim *sim)
{
	return &sim->net_stats;
}

uint32_t kith_sim_memory(const struct kith_sim *sim, enum kith_role role, uint64_t *live_bytes, uint64_t *most_bytes)
{
	uint32_t count = 0;
	*live_bytes = *most_bytes = 0;
	for (uint32_t i = 0; i < sim->nodes_n; i++) {
		const struct kith_simnode *n = &sim->nodes[i];
		if (n->role != role)
			continue;
		count += n->core != NULL;
		*live_bytes += n->account.live_bytes;
		if (n->account.peak_bytes > *most_bytes)
			*most_bytes = n->account.peak_bytes;
	}
	return count;
}

uint64_t kith_sim_shared_memory(const struct kith_sim *sim)
{
	return sim->shared_account.live_bytes;
}

uint64_t kith_sim_engine_memory(const struct kith_sim *sim)
{
	return sim->engine.live_bytes + sim->net_account.live_bytes;
}

uint64_t kith_sim_pool_peak(const struct kith_sim *sim)
{
	return sim->pool.peak_bytes;
}

uint64_t kith_sim_trace(const struct kith_sim *sim)
{
	return sim->trace;
}

void kith_sim_attached(const struct kith_sim *sim, uint32_t *up, uint32_t *some, uint32_t *all)
{
	uint32_t possible = 0;
	for (uint32_t i = 0; i < sim->options.supernodes; i++)
		possible += sim->nodes[i].core != NULL && !sim->nodes[i].leaving && !sim->nodes[i].resting;
	*up = *some = *all = 0;
	for (uint32_t i = sim->options.supernodes; i < sim->nodes_n; i++) {
		const struct kith_simnode *n = &sim->nodes[i];
		*up += n->core != NULL;
		*some += n->core != NULL && n->homes > 0;
		*all += n->core != NULL && n->homes >= (possible < 3 ? possible : 3);
	}
}

struct kith_core *kith_sim_core(struct kith_sim *sim, uint32_t node)
{
	return node < sim->nodes_n ? sim->nodes[node].core : NULL;
}

/* ---- the hash ---- */

/* hash = BLAKE2b(hash, words) */
static void fold(struct kith_sim *sim, const uint64_t words[], size_t n)
{
	uint8_t bytes[16 * 8];
	KITH_ASSERT(n <= 16);
	for (size_t i = 0; i < n; i++)
		kith_number_bytes(bytes + 8 * i, 8, words[i]);
	const struct kith_span parts[] = { { sim->hash, sizeof sim->hash }, { bytes, 8 * n } };
	const struct kith_span no_key = { NULL, 0 };
	uint8_t out[32];
	kith_suite_sodium()->blake2b(out, sizeof out, no_key, parts, 2);
	memcpy(sim->hash, out, sizeof out);
}

/* Blocks of memory and not bytes: how large they are hangs on the width of a pointer. */
static void fold_node(struct kith_sim *sim, const struct kith_simnode *n)
{
	enum { NODE_WORDS = 10, HASH_WORDS = sizeof((struct kith_core_info *)0)->hash / 8 };
	struct kith_core_info info;
	memset(&info, 0, sizeof info);
	if (n->core != NULL)
		kith_core_info(n->core, &info);
	uint64_t words[NODE_WORDS + HASH_WORDS] = { n->id,	    n->core != NULL, n->boots,
						    n->homes,	    n->packets_in,   n->packets_out,
						    n->bytes_in,    n->bytes_out,    n->account.live_blocks,
						    n->random.count };
	for (unsigned i = 0; i < HASH_WORDS; i++)
		words[NODE_WORDS + i] = kith_bytes_number(info.hash + 8 * i, 8);
	fold(sim, words, NODE_WORDS + HASH_WORDS);
}

void kith_sim_end_hash(struct kith_sim *sim)
{
	const struct kith_simcounts *c = &sim->counts;
	const uint64_t words[] = { sim->trace,		(uint64_t)sim->now,	  c->events,	    c->calls,
				   c->calls_opened,	c->calls_direct,	  c->datagrams_got, c->stream_bytes_got,
				   sim->net_stats.sent, sim->net_stats.duplicated };
	memset(sim->hash, 0, sizeof sim->hash);
	fold(sim, words, sizeof words / sizeof words[0]);
	for (unsigned role = 0; role < 2; role++) {
		for (unsigned i = 0; i < KITH_STAT_MAX; i++)
			fold(sim, &sim->stats[role].counter[i], 1);
	}
	for (uint32_t i = 0; i < sim->nodes_n; i++)
		fold_node(sim, &sim->nodes[i]);
}

void kith_sim_hash(const struct kith_sim *sim, uint8_t out[32])
{
	memcpy(out, sim->hash, sizeof sim->hash);
}

int kith_sim_once(const struct kith_simoptions *options, uint8_t hash[32])
{
	char text[2 * KITH_SIM_TEXT_MAX + 1024];
	struct kith_sim *sim = kith_sim_new(options);
	if (sim == NULL) {
		fprintf(stderr, "out of memory\n");
		return 2;
	}
	bool ok = kith_sim_finish(sim);
	int status = ok ? 0 : 1;
	if (!ok && kith_sim_violation(sim) == NULL) {
		fprintf(stderr, "out of memory\n");
		status = 2;
	} else if (!ok) {
		fputs(kith_sim_violation_text(sim, text, sizeof text), stderr);
	}
	if (hash != NULL)
		kith_sim_hash(sim, hash);
	kith_sim_free(sim);
	return status;
}
