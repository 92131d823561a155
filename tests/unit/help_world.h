/* A network in which one node may serve and does not yet: the tests of help and promotion. */
#ifndef KITH_TESTS_HELP_WORLD_H
#define KITH_TESTS_HELP_WORLD_H

#include "core_world.h"

#include "base/limits.h"
#include "core/serving.h"
#include "core/settle.h"
#include "leaf/homes.h"
#include "super/help.h"
#include "super/sponsor.h"

enum { HELP_SUPERS = 3, HELPER = HELP_SUPERS, HELP_SESSIONS = KITH_OFFICE_LEAVES_LEAST };

static inline struct kith_qualification help_figures(const struct core_world *w, int i)
{
	const struct kith_now now = world_clock(w);
	return (struct kith_qualification){ .endpoint = kith_endpoint_udp(&w->nodes[i].addr),
					    .up = 1000000,
					    .down = 1000000,
					    .availability = 230,
					    .first_seen_s = now.unix_ms / 1000 - 86400,
					    .until_ms = now.unix_ms + INT64_C(86400000) };
}

/* Others have found it at its address. */
static inline void help_found(struct core_world *w, int i)
{
	const struct kith_endpoint at = kith_endpoint_udp(&w->nodes[i].addr);
	kith_office_found(w->nodes[i].core->office, &at, w->now + 24 * 3600 * KITH_US_PER_S);
}

/* Three supernodes, one that may serve (its certificate says so) and is a leaf, and as many leaves. */
static inline void help_network(struct core_world *w, int leaves)
{
	struct kith_core_options o;
	char name[16];
	world_network(w, kith_suite_sodium(), 1, HELP_SUPERS, (const char *const[]){ NULL });
	int i = world_add(w, "helper", true);
	world_options(w, i, &o);
	o.role = KITH_ROLE_AUTO;
	o.terms.consent = KITH_CONSENT_YES;
	o.sessions_max = HELP_SESSIONS;
	o.endpoints_n = 0;
	assert_int_equal(world_try_start(w, i, &o), 0);
	for (int k = 0; k < leaves; k++) {
		snprintf(name, sizeof name, "leaf%d", k);
		world_start(w, name, false);
	}
	world_run(w, 5 * KITH_US_PER_S);
	help_found(w, i);
}

/* What its home was told of it by the witnesses. */
static inline void help_offer(struct core_world *w, int home, int leaf)
{
	struct kith_session *s = kith_sessions_of(&w->nodes[home].core->sessions, w->nodes[leaf].core->self.dh_pk);
	const struct kith_qualification q = help_figures(w, leaf);
	assert_non_null(s);
	if (s->attached->candidate == NULL)
		s->attached->candidate = KITH_NEW(w->nodes[home].core->alloc, struct kith_candidate_leaf);
	assert_non_null(s->attached->candidate);
	s->attached->candidate->figures = q;
}

/* So loaded from now on, told once a second. */
static inline void help_run_loaded(struct core_world *w, int i, uint32_t busy, kith_time_us us)
{
	const struct kith_core_load load = { .busy_permille = busy };
	for (kith_time_us until = w->now + us; w->now < until;) {
		kith_core_load(w->nodes[i].core, world_clock_of(w, i), &load);
		world_drain(w, i);
		world_run(w, KITH_US_PER_S);
	}
}

static inline uint32_t help_leaves(const struct core_world *w, int i)
{
	struct kith_core_info info;
	kith_core_info(w->nodes[i].core, &info);
	return info.leaves;
}

#endif
