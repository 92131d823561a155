/* Attestations by the nodes of overlay_world.h. */
#ifndef KITH_TESTS_ATTEST_WORLD_H
#define KITH_TESTS_ATTEST_WORLD_H

#include "overlay_world.h"

#include "base/addr.h"
#include "overlay/qualify.h"

static inline struct kith_id aw_id(const struct ow *w, const struct ow_node *node)
{
	struct kith_chain chain;
	struct kith_id id;
	assert_int_equal(kith_chain_parse(&chain, node->chain), 0);
	kith_ids_supernode(w->suite, &id, &w->network, chain.name.placement);
	return id;
}

/* What an honest witness says of a candidate now: ten days old, 1 MB/s each way. */
static inline struct kith_attest aw_attest(const struct ow *w, const struct ow_node *candidate,
					   const struct ow_node *witness)
{
	struct kith_attest a = { .endpoint = kith_endpoint_udp(&candidate->addr),
				 .up = 1000000,
				 .down = 1000000,
				 .first_seen_s = w->now.unix_ms / 1000 - 10 * 86400,
				 .availability = 200,
				 .at_s = w->now.unix_ms / 1000,
				 .hours = KITH_ATTEST_HOURS_MAX };
	struct kith_id id = aw_id(w, witness);
	kith_home_tag(w->suite, a.candidate, &candidate->device.sign.pk);
	memcpy(a.witness, id.b, sizeof a.witness);
	return a;
}

/* Signed by the witness, appended to a list; returns the list's new length. */
static inline size_t aw_append(const struct ow *w, uint8_t list[KITH_ATTESTS_LEN_MAX], size_t len,
			       const struct kith_attest *a, const struct ow_node *witness)
{
	int n = kith_attest_make(w->suite, list + len + 1, a, witness->device.sign.sk);
	assert_true(n > 0);
	list[len] = (uint8_t)n;
	return len + 1 + (size_t)n;
}

/* A list by n witnesses, all honest. */
static inline struct kith_span aw_list(const struct ow *w, uint8_t list[KITH_ATTESTS_LEN_MAX],
				       const struct ow_node *candidate, const struct ow_node *const witnesses[],
				       size_t n)
{
	size_t len = 0;
	for (size_t i = 0; i < n; i++) {
		struct kith_attest a = aw_attest(w, candidate, witnesses[i]);
		len = aw_append(w, list, len, &a, witnesses[i]);
	}
	return test_span(list, len);
}

#endif
