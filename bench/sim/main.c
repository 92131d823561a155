/* kith-sim: a network of libkith nodes in virtual time, from the command line. See bench/README.md. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <popt.h>

#include "sim/print.h"
#include "sim/record.h"

enum { EXIT_OK, EXIT_VIOLATION, EXIT_USAGE };

/* What popt fills in: all as text or numbers, checked afterwards. */
struct arguments {
	long long leaves, supernodes, seed, contacts, stream_bytes, early_bytes, skew_ms, trace;
	double minutes, join_s, churn, loss, reorder, duplicate, jitter_ms, calls, kill, kill_at_s, liars, lies_from_s;
	double candidates, false_share, busy, busy_from_s, busy_for_s;
	long long election_pace, full_view, crowd;
	double droppers, flooders, sybils, leaf_session_h, super_session_h, away_h, split, split_at_s, split_for_s;
	double hold_s, talk_ms, list_at_s, readdress, readdress_at_s, rebind, rebind_at_s, cut, cut_at_s, cut_for_s;
	int partitions, crashes, super_crashes, moves, silences, demotions, day, no_verify, no_watch;
	char *nat, *suite, *delay, *ignore, *capacity, *leaf_capacity, *lies, *falsehoods;
	char *records;
	double series_s;
	int json, progress, list, machines, invariants, verbose, counting, pairs;
};

static int refuse(const char *what, const char *value)
{
	fprintf(stderr, "kith-sim: %s%s%s\nTry kith-sim --help.\n", what, value != NULL ? ": " : "",
		value != NULL ? value : "");
	return EXIT_USAGE;
}

static bool seconds(double value, kith_time_us *out)
{
	if (!(value >= 0) || value > 366.0 * 86400)
		return false;
	*out = (kith_time_us)llround(value * 1e6);
	return true;
}

static bool probability(double value, uint32_t *out)
{
	if (!(value >= 0) || value > 1)
		return false;
	*out = (uint32_t)llround(value * 1e6);
	return true;
}

static bool count(long long value, uint32_t *out)
{
	if (value < 0 || value > UINT32_MAX)
		return false;
	*out = (uint32_t)value;
	return true;
}

/* Faults that have a time happen in the middle of the run. */
static void faults_window(struct kith_simoptions *o, const struct arguments *a)
{
	struct kith_simfaults *f = &o->faults;
	kith_time_us last = o->duration_us - o->verify_us - o->bounds.settle_us - 10 * KITH_US_PER_S;
	if (a->churn == 0 && a->leaf_session_h == 0 && a->super_session_h == 0 &&
	    a->partitions + a->crashes + a->super_crashes + a->moves + a->silences + a->demotions + a->day == 0)
		return;
	f->from_us = o->join_us + 10 * KITH_US_PER_S;
	f->until_us = last;
}

/* Share of the leaves that goes away in an hour; each is back after up to half a minute. */
static bool churn(struct kith_simoptions *o, double rate)
{
	if (!(rate >= 0) || rate > 1000)
		return false;
	if (rate > 0)
		o->faults.leaf_life_us = (kith_time_us)llround(3600e6 / rate);
	return true;
}

/* Sessions as measured, the day, roles, pieces of the network. */
static const char *lives(struct kith_simfaults *f, const struct arguments *a)
{
	if (!seconds(a->leaf_session_h * 3600, &f->leaf_session_us) ||
	    !seconds(a->super_session_h * 3600, &f->super_session_us) || !seconds(a->away_h * 3600, &f->leaf_away_us) ||
	    !seconds(a->split_at_s, &f->split_at_us) || !seconds(a->split_for_s, &f->split_us))
		return "a time is negative or longer than a year";
	f->super_away_us = f->leaf_away_us;
	f->day = a->day != 0;
	if (!probability(a->split, &f->split_ppm) || !probability(a->droppers, &f->droppers_ppm) ||
	    !probability(a->flooders, &f->flooders_ppm) || !probability(a->sybils, &f->sybils_ppm))
		return "--split, --droppers, --flooders and --sybils are shares from 0 to 1";
	if (a->demotions < 0)
		return "numbers of faults must not be negative";
	f->demotions_n = (uint32_t)a->demotions;
	return NULL;
}

/* Names with commas between them, as a set; n: what find says of one that it does not know. */
static bool named(const char *names, unsigned (*find)(const char *name), unsigned n, uint32_t *out)
{
	while (names != NULL && *names != '\0') {
		char name[64];
		size_t len = strcspn(names, ",");
		snprintf(name, sizeof name, "%.*s", len < sizeof name ? (int)len : 0, names);
		unsigned found = find(name);
		if (found == n)
			return false;
		*out |= 1u << found;
		names += len + (names[len] == ',');
	}
	return true;
}

static unsigned find_invariant(const char *name)
{
	return kith_siminvariant_find(name);
}

/* Leaves that may serve, and what calls them. */
static const char *candidates(struct kith_simoptions *o, const struct arguments *a)
{
	kith_time_us busy_us;
	if (!probability(a->candidates, &o->candidates_ppm) || !probability(a->false_share, &o->faults.false_ppm))
		return "--candidates and --false-candidates are shares from 0 to 1";
	if (!named(a->falsehoods, kith_simfalse_find, KITH_SIM_FALSE_N, &o->faults.falsehoods))
		return "--falsehoods are boast, forge, elsewhere, punch; several with commas";
	if (!count(a->full_view, &o->full_view))
		return "--full-view is a number of supernodes";
	if (!count(a->crowd, &o->capacity.crowd))
		return "--crowd is no such number";
	if (!count(a->election_pace, &o->election_pace))
		return "--election-pace is 1 to 3600";
	if (!(a->busy >= 0) || a->busy > 1 || !seconds(a->busy_from_s, &o->busy_from_us) ||
	    !seconds(a->busy_for_s, &busy_us))
		return "--busy is a share from 0 to 1, --busy-from and --busy-for are seconds";
	o->busy_permille = (uint32_t)llround(a->busy * 1000);
	o->busy_until_us = o->busy_from_us + busy_us;
	return NULL;
}

static const char *numbers(struct kith_simoptions *o, const struct arguments *a)
{
	struct kith_simfaults *f = &o->faults;
	double call_gap_s = a->calls > 0 ? 3600 / a->calls : 0;
	if (a->seed < 0)
		return "--seed must not be negative";
	o->seed = (uint64_t)a->seed;
	if (!count(a->leaves, &o->leaves) || !count(a->supernodes, &o->supernodes))
		return "--leaves and --supernodes are numbers of nodes";
	if (!count(a->contacts, &o->workload.contacts_n) || !count(a->stream_bytes, &o->workload.stream_bytes) ||
	    !count(a->skew_ms, &f->skew_max_ms))
		return "--contacts, --stream-bytes and --skew-ms must not be negative";
	if (!count(a->early_bytes, &o->workload.early_bytes) || o->workload.early_bytes > KITH_EARLY_MAX ||
	    (o->workload.early_bytes > 0 && o->workload.early_bytes < 12))
		return "--early: expected 0, or 12 to 200";
	if (!seconds(a->minutes * 60, &o->duration_us) || !seconds(a->join_s, &o->join_us) ||
	    !seconds(a->jitter_ms / 1000, &f->link.jitter_us) || !seconds(a->kill_at_s, &f->kill_at_us))
		return "a time is negative or longer than a year";
	if (!probability(a->loss, &f->link.loss_ppm) || !probability(a->reorder, &f->link.reorder_ppm) ||
	    !probability(a->duplicate, &f->link.duplicate_ppm) || !probability(a->kill, &f->kill_ppm) ||
	    !probability(a->liars, &f->liars_ppm))
		return "--loss, --reorder, --duplicate, --kill and --liars are probabilities from 0 to 1";
	if (!named(a->lies, kith_simlie_find, KITH_SIM_LIES_N, &f->lies))
		return "--lies are deny, omit, withhold, poison, silent, stale, delay, vanish, hoard, forge, dull, "
		       "mute; "
		       "several with commas";
	if (!probability(a->readdress, &f->readdress_ppm) || !probability(a->rebind, &f->rebind_ppm) ||
	    !probability(a->cut, &f->cut_ppm))
		return "--readdress, --rebind and --cut are shares from 0 to 1";
	if (!seconds(a->readdress_at_s, &f->readdress_at_us) || !seconds(a->rebind_at_s, &f->rebind_at_us) ||
	    !seconds(a->list_at_s, &f->list_at_us) || !seconds(a->lies_from_s, &f->lies_from_us) ||
	    !seconds(a->cut_at_s, &f->cut_at_us) || !seconds(a->cut_for_s, &f->cut_us) ||
	    !seconds(a->hold_s, &o->workload.hold_us) || !seconds(a->talk_ms / 1000, &o->workload.talk_gap_us))
		return "a time is negative or longer than a year";
	if (!(a->calls >= 0) || !seconds(call_gap_s, &o->workload.call_gap_us))
		return "--calls is a number of calls an hour";
	if (!churn(o, a->churn))
		return "--churn is a rate from 0 to 1000 an hour";
	if (a->partitions < 0 || a->crashes < 0 || a->super_crashes < 0 || a->moves < 0 || a->silences < 0)
		return "numbers of faults must not be negative";
	f->partitions_n = (uint32_t)a->partitions;
	f->leaf_crashes_n = (uint32_t)a->crashes;
	f->super_crashes_n = (uint32_t)a->super_crashes;
	f->moves_n = (uint32_t)a->moves;
	f->silences_n = (uint32_t)a->silences;
	if (f->link.reorder_ppm > 0 || f->link.duplicate_ppm > 0)
		f->link.reorder_delay_us = 30 * KITH_US_PER_MS;
	return lives(f, a);
}

/* "usual", or weights of kinds of machines; of leaves, when supernodes have limits, as usual. */
static bool capacity(struct kith_simcapacity *c, const struct arguments *a)
{
	if (a->capacity == NULL)
		return a->leaf_capacity == NULL;
	kith_simcapacity_usual(c);
	return (strcmp(a->capacity, "usual") == 0 || kith_simclass_parse(c->supernodes, a->capacity) == 0) &&
	       (a->leaf_capacity == NULL || kith_simclass_parse(c->leaves, a->leaf_capacity) == 0);
}

static int options_fill(struct kith_simoptions *o, const struct arguments *a)
{
	if (a->suite != NULL && strcmp(a->suite, "sim") != 0 && strcmp(a->suite, "sodium") != 0)
		return refuse("--suite is sim or sodium", a->suite);
	if (a->delay != NULL && strcmp(a->delay, "lab") != 0 && strcmp(a->delay, "world") != 0)
		return refuse("--delay is lab or world", a->delay);
	if (a->nat != NULL && kith_simnat_mix_parse(&o->nats, a->nat) != 0)
		return refuse("--nat is a list such as port-restricted=60,symmetric=20; --list-nats names the kinds",
			      a->nat);
	if (!named(a->ignore, find_invariant, KITH_SIM_INVARIANTS_N, &o->ignored))
		return refuse("--ignore is a list of invariants; --list-invariants names them", a->ignore);
	if (!capacity(&o->capacity, a))
		return refuse(
			"--capacity is usual or a list such as server=1,fibre=3, and --leaf-capacity goes with it; "
			"--list-machines names the kinds",
			a->capacity);
	const char *why = numbers(o, a);
	if (why == NULL)
		why = candidates(o, a);
	if (why != NULL)
		return refuse(why, NULL);
	o->suite = a->suite != NULL && strcmp(a->suite, "sodium") == 0 ? KITH_SIM_SUITE_SODIUM : KITH_SIM_SUITE_SIM;
	o->world = a->delay != NULL && strcmp(a->delay, "world") == 0;
	if (a->trace >= (long long)o->leaves + (long long)o->supernodes)
		return refuse("--trace is the number of a node", NULL);
	if (a->trace >= 0)
		o->traced = (uint32_t)a->trace;
	if (!(a->series_s >= 0) || (a->series_s > 0 && (a->series_s < 1 || !a->json)))
		return refuse("--series is 1 second or more, and goes with --json", NULL);
	o->counting = a->counting != 0;
	if (a->no_verify)
		o->verify_us = 0;
	if (a->no_watch)
		o->workload.watch = false;
	if (o->faults.kill_ppm > 0) /* all homes of some leaves go at once, and nobody is left to tell them */
		o->bounds.settle_us += KITH_SIM_NOTICED_US;
	if (o->faults.link.loss_ppm > 50000) {
		o->bounds.settle_us *= 2;
		o->bounds.talk_us *= 2;
		o->bounds.stream_us *= 2;
	}
	faults_window(o, a);
	why = kith_simoptions_check(o);
	return why != NULL ? refuse(why, NULL) : EXIT_OK;
}

static void command_fill(struct kith_simoptions *o, int argc, const char **argv)
{
	size_t used = 0;
	for (int i = 0; i < argc && used < sizeof o->command; i++) {
		const char *word = i == 0 ? "kith-sim" : argv[i];
		int n = snprintf(o->command + used, sizeof o->command - used, "%s%s", i > 0 ? " " : "", word);
		used += n > 0 ? (size_t)n : 0;
	}
}

/* ---- running ---- */

static double wall(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void show_progress(const struct kith_sim *sim, const struct kith_simoptions *o, double began, bool last)
{
	uint32_t up, some, all;
	kith_sim_attached(sim, &up, &some, &all);
	double at = (double)kith_sim_time(sim) / 1e6, took = wall() - began;
	fprintf(stderr,
		"\r%3.0f %%  %6.0f s  leaves %u, attached %u, with all homes %u; calls %" PRIu64
		"; %.0f times real time  ",
		100 * at / ((double)o->duration_us / 1e6), at, up, some, all, kith_sim_counts(sim)->calls_opened,
		took > 0 ? at / took : 0);
	if (last)
		fputc('\n', stderr);
	fflush(stderr);
}

/* series: taken every so often if it is not NULL. */
static bool run(struct kith_sim *sim, const struct kith_simoptions *o, bool progress, json_t *series,
		kith_time_us every_us)
{
	double began = wall(), shown = 0;
	kith_time_us next = every_us;
	for (kith_time_us at = KITH_US_PER_S; at < o->duration_us; at += KITH_US_PER_S) {
		if (!kith_sim_run(sim, at))
			break;
		if (series != NULL && at >= next) {
			kith_sim_series_take(sim, series);
			next += every_us;
		}
		if (progress && wall() - shown > 0.25) {
			shown = wall();
			show_progress(sim, o, began, false);
		}
	}
	if (progress)
		show_progress(sim, o, began, true);
	return kith_sim_run(sim, o->duration_us);
}

static void log_line(void *ctx, enum kith_log_level level, const char *line)
{
	struct kith_sim **sim = ctx;
	static const char letters[] = "EWID";
	fprintf(stderr, "%.6f %c %s\n", *sim != NULL ? (double)kith_sim_time(*sim) / 1e6 : 0.0, letters[level & 3],
		line);
}

/* The options as they were taken, by their long names: what a run is a function of. */
static json_t *json_options(const struct poptOption *table)
{
	json_t *j = json_object();
	for (const struct poptOption *p = table; p->arg != NULL; p++) {
		if (p->longName == NULL)
			continue;
		switch (p->argInfo) {
		case POPT_ARG_LONGLONG:
			json_object_set_new(j, p->longName, json_integer(*(long long *)p->arg));
			break;
		case POPT_ARG_DOUBLE:
			json_object_set_new(j, p->longName, json_real(*(double *)p->arg));
			break;
		case POPT_ARG_INT:
			json_object_set_new(j, p->longName, json_integer(*(int *)p->arg));
			break;
		case POPT_ARG_NONE:
			json_object_set_new(j, p->longName, json_boolean(*(int *)p->arg));
			break;
		case POPT_ARG_STRING:
			json_object_set_new(j, p->longName,
					    *(char **)p->arg != NULL ? json_string(*(char **)p->arg) : json_null());
			break;
		default:
			break;
		}
	}
	return j;
}

static void print_json(const struct kith_sim *sim, const struct kith_simoptions *o, const struct kith_simmemory *memory,
		       double took, json_t *series, const struct poptOption *table)
{
	json_t *j = kith_sim_json(sim, o, memory);
	json_object_set_new(j, "options", json_options(table));
	json_object_set_new(j, "wall_s", json_real(took));
	if (series != NULL)
		json_object_set(j, "series", series);
	char *text = json_dumps(j, JSON_COMPACT);
	if (text != NULL)
		puts(text);
	free(text);
	json_decref(j);
}

static void print_text(const struct kith_sim *sim, const struct kith_simoptions *o, const struct kith_simmemory *memory,
		       const struct arguments *a)
{
	kith_sim_print_text(sim, memory);
	if (a->pairs)
		kith_sim_print_pairs(sim, &o->nats);
	if (a->capacity != NULL)
		kith_sim_print_load(sim);
	if (o->faults.list_at_us > 0)
		kith_sim_print_list(sim, memory);
	if (o->counting)
		kith_sim_print_violations(sim);
	if (kith_sim_violation(sim) == NULL || o->counting)
		kith_sim_print_hash(sim);
}

static int simulate(struct kith_simoptions *o, const struct arguments *a, const struct poptOption *table, FILE *records)
{
	char text[2048];
	struct kith_sim *sim = NULL;
	struct kith_log log = { log_line, &sim, KITH_LOG_DEBUG, true };
	const struct kith_simobserver observer = { records, kith_sim_record_write };
	struct kith_simmemory memory;
	double began = wall();
	json_t *series = a->series_s > 0 ? json_object() : NULL;
	if (a->verbose)
		o->log = &log;
	if (records != NULL)
		o->observer = &observer;
	sim = kith_sim_new(o);
	if (sim == NULL) {
		fprintf(stderr, "kith-sim: out of memory\n");
		json_decref(series);
		return EXIT_VIOLATION;
	}
	bool ok = run(sim, o, a->progress || (isatty(STDERR_FILENO) && !a->json && !a->verbose), series,
		      (kith_time_us)llround(a->series_s * 1e6));
	kith_sim_memory_take(sim, &memory);
	ok = kith_sim_finish(sim) && ok;
	if (a->json)
		print_json(sim, o, &memory, wall() - began, series, table);
	else
		print_text(sim, o, &memory, a);
	fflush(stdout);
	if (kith_sim_violation(sim) != NULL)
		fputs(kith_sim_violation_text(sim, text, sizeof text), stderr);
	else if (!ok)
		fputs("kith-sim: out of memory\n", stderr);
	ok = ok && kith_sim_violation(sim) == NULL;
	kith_sim_free(sim);
	json_decref(series);
	return ok ? EXIT_OK : EXIT_VIOLATION;
}

/* With a file for what happens one by one, if there is to be one. */
static int simulate_recorded(struct kith_simoptions *o, const struct arguments *a, const struct poptOption *table)
{
	FILE *records = a->records != NULL ? fopen(a->records, "w") : NULL;
	if (a->records != NULL && records == NULL) {
		fprintf(stderr, "kith-sim: --records %s: %s\n", a->records, strerror(errno));
		return EXIT_USAGE;
	}
	int status = simulate(o, a, table, records);
	bool failed = records != NULL && ferror(records) != 0;
	if (records != NULL && (fclose(records) != 0 || failed)) {
		fprintf(stderr, "kith-sim: --records %s: not all could be written: %s\n", a->records, strerror(errno));
		return EXIT_USAGE;
	}
	return status;
}

static void list_nats(void)
{
	char text[512];
	struct kith_simnat_mix mix;
	for (unsigned i = 0; kith_simnat_name(i) != NULL; i++)
		printf("%s%s\n", kith_simnat_name(i), kith_simnat_blocked(i) ? " (lets no UDP through)" : "");
	kith_simnat_mix_init(&mix);
	printf("default: %s\n", kith_simnat_mix_format(&mix, text, sizeof text));
}

static void list_machines(void)
{
	char text[128];
	for (unsigned i = 0; kith_simclass_name(i) != NULL; i++)
		printf("%-8s %s\n", kith_simclass_name(i), kith_simclass_text(i, text, sizeof text));
}

static void list_invariants(void)
{
	for (unsigned i = 0; i < KITH_SIM_INVARIANTS_N; i++)
		printf("%-24s %s\n", kith_siminvariant_name((enum kith_siminvariant)i),
		       kith_siminvariant_text((enum kith_siminvariant)i));
}

static struct arguments a = { .leaves = 200,
			      .supernodes = 8,
			      .seed = 1,
			      .contacts = 2,
			      .stream_bytes = 20000,
			      .minutes = 30,
			      .join_s = 10,
			      .calls = 60,
			      .hold_s = 20,
			      .cut_for_s = 3,
			      .away_h = 1,
			      .busy_for_s = 180,
			      .split_for_s = 60,
			      .trace = -1 };

static const struct poptOption options[] = {
	{ "leaves", 'l', POPT_ARG_LONGLONG, &a.leaves, 0, "leaves (200)", "N" },
	{ "supernodes", 's', POPT_ARG_LONGLONG, &a.supernodes, 0, "supernodes (8)", "N" },
	{ "minutes", 'm', POPT_ARG_DOUBLE, &a.minutes, 0, "virtual time (30)", "M" },
	{ "seed", 0, POPT_ARG_LONGLONG, &a.seed, 0, "all chance follows from it (1)", "N" },
	{ "join", 0, POPT_ARG_DOUBLE, &a.join_s, 0, "leaves start within that time (10)", "SECONDS" },
	{ "calls", 0, POPT_ARG_DOUBLE, &a.calls, 0, "calls that a leaf makes in an hour (60)", "RATE" },
	{ "contacts", 0, POPT_ARG_LONGLONG, &a.contacts, 0, "each leaf has twice that many contacts (2)", "N" },
	{ "early", 0, POPT_ARG_LONGLONG, &a.early_bytes, 0, "that go along with each call, 12 to 200 (0)", "N" },
	{ "stream-bytes", 0, POPT_ARG_LONGLONG, &a.stream_bytes, 0, "sent each way in a call, 0: no stream (20000)",
	  "N" },
	{ "hold", 0, POPT_ARG_DOUBLE, &a.hold_s, 0, "longest time that a call goes on when all is said (20)",
	  "SECONDS" },
	{ "talk", 0, POPT_ARG_DOUBLE, &a.talk_ms, 0, "a datagram each way every so often until then, 0: none (0)",
	  "MS" },
	{ "churn", 0, POPT_ARG_DOUBLE, &a.churn, 0, "departures of a leaf in an hour, half of them unclean (0)",
	  "RATE" },
	{ "loss", 0, POPT_ARG_DOUBLE, &a.loss, 0, "probability that a packet is lost (0)", "P" },
	{ "reorder", 0, POPT_ARG_DOUBLE, &a.reorder, 0, "... that it is held back for 30 ms (0)", "P" },
	{ "duplicate", 0, POPT_ARG_DOUBLE, &a.duplicate, 0, "... that it arrives twice (0)", "P" },
	{ "jitter", 0, POPT_ARG_DOUBLE, &a.jitter_ms, 0, "more delay, up to that much (0)", "MS" },
	{ "partitions", 0, POPT_ARG_INT, &a.partitions, 0, "partitions, half of them one way (0)", "N" },
	{ "crashes", 0, POPT_ARG_INT, &a.crashes, 0, "leaves that crash and restart (0)", "N" },
	{ "super-crashes", 0, POPT_ARG_INT, &a.super_crashes, 0, "supernodes that do (0)", "N" },
	{ "moves", 0, POPT_ARG_INT, &a.moves, 0, "leaves that get another address (0)", "N" },
	{ "silences", 0, POPT_ARG_INT, &a.silences, 0, "supernodes that fall silent for a while (0)", "N" },
	{ "kill", 0, POPT_ARG_DOUBLE, &a.kill, 0, "share of the supernodes that is killed at --kill-at (0)", "P" },
	{ "liars", 0, POPT_ARG_DOUBLE, &a.liars, 0, "share of the supernodes that lie (0)", "P" },
	{ "droppers", 0, POPT_ARG_DOUBLE, &a.droppers, 0, "... that open tunnels and forward nothing (0)", "P" },
	{ "flooders", 0, POPT_ARG_DOUBLE, &a.flooders, 0, "... that ask the others for names without end (0)", "P" },
	{ "sybils", 0, POPT_ARG_DOUBLE, &a.sybils, 0, "... of one attacker: in one network, and droppers (0)", "P" },
	{ "lies", 0, POPT_ARG_STRING, &a.lies, 0,
	  "how: deny, omit, withhold, poison, silent, stale, delay, vanish, hoard, forge, dull, mute; several with "
	  "commas (deny,omit)",
	  "WHAT" },
	{ "lies-from", 0, POPT_ARG_DOUBLE, &a.lies_from_s, 0, "since when (from the beginning)", "SECONDS" },
	{ "list-at", 0, POPT_ARG_DOUBLE, &a.list_at_s, 0, "when a supernode is handed a revocation list (never)",
	  "SECONDS" },
	{ "candidates", 0, POPT_ARG_DOUBLE, &a.candidates, 0, "share of the leaves that consent to serve (0)", "P" },
	{ "false-candidates", 0, POPT_ARG_DOUBLE, &a.false_share, 0, "share of these that lie (0)", "P" },
	{ "falsehoods", 0, POPT_ARG_STRING, &a.falsehoods, 0,
	  "how: boast (needs --capacity), forge, elsewhere, punch; several with commas (all)", "WHAT" },
	{ "full-view", 0, POPT_ARG_LONGLONG, &a.full_view, 0,
	  "more supernodes than that know each other in sectors (25000)", "N" },
	{ "election-pace", 0, POPT_ARG_LONGLONG, &a.election_pace, 0,
	  "how many times as fast as usual supernodes elect themselves (1)", "N" },
	{ "busy", 0, POPT_ARG_DOUBLE, &a.busy, 0, "how busy the machines of supernodes are, as they say (0)", "P" },
	{ "busy-from", 0, POPT_ARG_DOUBLE, &a.busy_from_s, 0, "from when on", "SECONDS" },
	{ "busy-for", 0, POPT_ARG_DOUBLE, &a.busy_for_s, 0, "how long (180)", "SECONDS" },
	{ "kill-at", 0, POPT_ARG_DOUBLE, &a.kill_at_s, 0, "when", "SECONDS" },
	{ "readdress", 0, POPT_ARG_DOUBLE, &a.readdress, 0,
	  "share of the leaves whose router gets another public address at --readdress-at (0)", "P" },
	{ "readdress-at", 0, POPT_ARG_DOUBLE, &a.readdress_at_s, 0, "when", "SECONDS" },
	{ "rebind", 0, POPT_ARG_DOUBLE, &a.rebind, 0,
	  "share of the leaves whose router forgets them and gives them other ports at --rebind-at (0)", "P" },
	{ "rebind-at", 0, POPT_ARG_DOUBLE, &a.rebind_at_s, 0, "when", "SECONDS" },
	{ "cut", 0, POPT_ARG_DOUBLE, &a.cut, 0,
	  "share of the leaves that is cut off at --cut-at for --cut-for; half of them are told so (0)", "P" },
	{ "cut-at", 0, POPT_ARG_DOUBLE, &a.cut_at_s, 0, "when", "SECONDS" },
	{ "cut-for", 0, POPT_ARG_DOUBLE, &a.cut_for_s, 0, "how long (3)", "SECONDS" },
	{ "leaf-session", 0, POPT_ARG_DOUBLE, &a.leaf_session_h, 0,
	  "median session of leaves, as long ones and short ones were measured (0: for good)", "HOURS" },
	{ "super-session", 0, POPT_ARG_DOUBLE, &a.super_session_h, 0, "... of supernodes; 5.5 were measured (0)",
	  "HOURS" },
	{ "away", 0, POPT_ARG_DOUBLE, &a.away_h, 0, "mean time between two sessions (1)", "HOURS" },
	{ "day", 0, POPT_ARG_NONE, &a.day, 0, "leaves come by the hour where they are", NULL },
	{ "demotions", 0, POPT_ARG_INT, &a.demotions, 0, "supernodes that become leaves and serve again (0)", "N" },
	{ "split", 0, POPT_ARG_DOUBLE, &a.split, 0, "share of all nodes that is cut off from the rest (0)", "P" },
	{ "split-at", 0, POPT_ARG_DOUBLE, &a.split_at_s, 0, "when", "SECONDS" },
	{ "split-for", 0, POPT_ARG_DOUBLE, &a.split_for_s, 0, "how long (60)", "SECONDS" },
	{ "capacity", 0, POPT_ARG_STRING, &a.capacity, 0,
	  "machines and links with limits: usual, or of supernodes, such as server=1,fibre=3", "MIX" },
	{ "leaf-capacity", 0, POPT_ARG_STRING, &a.leaf_capacity, 0, "... of leaves", "MIX" },
	{ "crowd", 0, POPT_ARG_LONGLONG, &a.crowd, 0,
	  "with each packet of a leaf come so many more in what supernodes are told of their load (0)", "N" },
	{ "list-machines", 0, POPT_ARG_NONE, &a.machines, 0, "names the kinds of machines", NULL },
	{ "skew-ms", 0, POPT_ARG_LONGLONG, &a.skew_ms, 0, "wall clocks are wrong by up to this much (0)", "MS" },
	{ "nat", 0, POPT_ARG_STRING, &a.nat, 0, "weights, such as port-restricted=60,symmetric=20", "MIX" },
	{ "list-nats", 0, POPT_ARG_NONE, &a.list, 0, "names the kinds of NAT and the default mix", NULL },
	{ "pairs", 0, POPT_ARG_NONE, &a.pairs, 0, "of each two kinds of NAT: how many of their calls were direct",
	  NULL },
	{ "ignore", 0, POPT_ARG_STRING, &a.ignore, 0, "does not check these, to see what comes after", "INVARIANTS" },
	{ "list-invariants", 0, POPT_ARG_NONE, &a.invariants, 0, "names what is checked", NULL },
	{ "suite", 0, POPT_ARG_STRING, &a.suite, 0, "sim (default): cheap; sodium: real cryptography", "sim|sodium" },
	{ "delay", 0, POPT_ARG_STRING, &a.delay, 0, "lab (default): 20 ms an access link; world: by country",
	  "lab|world" },
	{ "no-watch", 0, POPT_ARG_NONE, &a.no_watch, 0, "contacts do not watch each other", NULL },
	{ "no-verify", 0, POPT_ARG_NONE, &a.no_verify, 0, "no final minute in which all call each other undisturbed",
	  NULL },
	{ "count-violations", 0, POPT_ARG_NONE, &a.counting, 0, "goes on after a violation, and counts", NULL },
	{ "json", 0, POPT_ARG_NONE, &a.json, 0, "a document of JSON", NULL },
	{ "series", 0, POPT_ARG_DOUBLE, &a.series_s, 0, "figures of every so often in it (0: none)", "SECONDS" },
	{ "records", 0, POPT_ARG_STRING, &a.records, 0, "a line of JSON for each thing that happens", "FILE" },
	{ "progress", 0, POPT_ARG_NONE, &a.progress, 0, "show progress even if stderr is no terminal", NULL },
	{ "trace", 0, POPT_ARG_LONGLONG, &a.trace, 0, "a line for each packet of that node, on stderr", "NODE" },
	{ "verbose", 'v', POPT_ARG_NONE, &a.verbose, 0, "the logs of all nodes, on stderr", NULL },
	POPT_AUTOHELP POPT_TABLEEND
};

int main(int argc, const char **argv)
{
	struct kith_simoptions o;
	poptContext ctx = poptGetContext("kith-sim", argc, argv, options, 0);
	int rc = poptGetNextOpt(ctx);
	int status;
	kith_simoptions_init(&o);
	if (rc < -1)
		status = refuse(poptStrerror(rc), poptBadOption(ctx, POPT_BADOPTION_NOALIAS));
	else if (poptPeekArg(ctx) != NULL)
		status = refuse("takes options only", poptPeekArg(ctx));
	else
		status = a.list || a.machines || a.invariants ? EXIT_OK : options_fill(&o, &a);
	if (status == EXIT_OK && a.list) {
		list_nats();
	} else if (status == EXIT_OK && a.machines) {
		list_machines();
	} else if (status == EXIT_OK && a.invariants) {
		list_invariants();
	} else if (status == EXIT_OK) {
		command_fill(&o, argc, argv);
		status = simulate_recorded(&o, &a, options);
	}
	free(a.nat);
	free(a.suite);
	free(a.delay);
	free(a.ignore);
	free(a.capacity);
	free(a.leaf_capacity);
	free(a.falsehoods);
	free(a.records);
	free(a.lies);
	poptFreeContext(ctx);
	return status;
}
