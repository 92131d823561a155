#include "sim/record.h"

#include <inttypes.h>

void kith_sim_record_write(void *ctx, const struct kith_simrecord *r)
{
	FILE *file = ctx;
	fprintf(file, "{\"at_s\":%.6f,\"what\":\"%s\",\"node\":%" PRIu32 ",\"ms\":%.3f", (double)r->at / 1e6, r->what,
		r->node, (double)r->took / 1e3);
	if (r->err != 0)
		fprintf(file, ",\"err\":\"%s\"", kith_err_name(r->err));
	fputs("}\n", file);
}

static void append(json_t *series, const char *name, json_t *value)
{
	json_t *list = json_object_get(series, name);
	if (list == NULL) {
		list = json_array();
		json_object_set_new(series, name, list);
	}
	json_array_append_new(list, value);
}

void kith_sim_series_take(const struct kith_sim *sim, json_t *series)
{
	const struct kith_simcounts *c = kith_sim_counts(sim);
	const struct kith_simoffices *offices = kith_sim_offices(sim);
	uint32_t up, some, all;
	uint64_t violations = 0;
	kith_sim_attached(sim, &up, &some, &all);
	for (unsigned i = 0; i < KITH_SIM_INVARIANTS_N; i++)
		violations += kith_sim_violations(sim, (enum kith_siminvariant)i);
	const struct {
		const char *name;
		uint64_t value;
	} figures[] = {
		{ "leaves_up", up },
		{ "leaves_attached", some },
		{ "leaves_with_all_homes", all },
		{ "serving", offices->serving },
		{ "calls", c->calls },
		{ "calls_opened", c->calls_opened },
		{ "calls_refused", c->calls_refused },
		{ "calls_failed", c->calls_failed },
		{ "calls_lost", c->calls_lost },
		{ "calls_direct", c->calls_direct },
		{ "lookups", c->lookups },
		{ "lookups_failed", c->lookups_failed },
		{ "leaf_packets", c->leaf_packets },
		{ "leaf_bytes", c->leaf_bytes },
		{ "supernode_packets", c->super_packets },
		{ "supernode_bytes", c->super_bytes },
		{ "leaf_hellos", c->leaf_hellos },
		{ "violations", violations },
	};
	append(series, "at_s", json_real((double)kith_sim_time(sim) / 1e6));
	for (size_t i = 0; i < sizeof figures / sizeof figures[0]; i++)
		append(series, figures[i].name, json_integer((json_int_t)figures[i].value));
}
