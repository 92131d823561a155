/* A network of cores in which alice, a leaf that no certificate calls a supernode, serves once it is attested. */
#ifndef KITH_TESTS_SERVING_WORLD_H
#define KITH_TESTS_SERVING_WORLD_H

#include "candidacy_world.h"
#include "lists_world.h"

#include "core/serving.h"
#include "super/members.h"
#include "wire/message_attest.h"

static const struct kith_candidacy_options no_caps;
static struct cw cw;

static inline int begin(int node)
{
	struct kith_core *c = cw.w.nodes[node].core;
	kith_core_enter(c, world_clock(&cw.w));
	assert_int_equal(kith_serving_init(c, KITH_ROLE_AUTO, &(struct kith_terms){ .consent = KITH_CONSENT_YES }), 0);
	int err = kith_serving_begin(c, KITH_ROLE_WHY_HELP);
	kith_core_settle(c);
	world_drain(&cw.w, node);
	return err;
}

static inline void start(void)
{
	memset(&cw, 0, sizeof cw);
	cw_start(&cw);
}

/* How many supernodes hold a live entry of alice. */
static inline int known_by(void)
{
	int n = 0;
	struct kith_id id;
	struct kith_core *c = cw.w.nodes[CW_ALICE].core;
	kith_ids_supernode(c->suite, &id, &c->trust.network, c->me.placement);
	for (int i = 0; i < CW_SUPERNODES; i++) {
		const struct kith_member *m = kith_members_get(&cw.w.nodes[i].core->super->members, &id);
		n += m != NULL && kith_member_live(m);
	}
	return n;
}

#endif
