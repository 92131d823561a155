/* Questions to supernodes that are no homes. */
#include "leaf_world.h"

#include "core/settle.h"
#include "leaf/beyond.h"

static unsigned ask(struct core_world *w, struct kith_spans named)
{
	struct kith_core *c = w->nodes[WORLD_FAR_BOB].core;
	struct kith_id key;
	kith_ids_directory(w->pki.suite, &key, &w->pki.network, "alice");
	kith_core_enter(c, world_clock(w));
	unsigned n = kith_beyond_ask(c, &key, kith_token(KITH_TOKEN_IGNORE, 0), named, 2);
	kith_core_settle(c);
	world_drain(w, WORLD_FAR_BOB);
	return n;
}

static struct kith_span entry(const struct core_world *w, int super)
{
	const struct kith_supernode *sn = w->nodes[super].core->super;
	return test_span(sn->entry, sn->entry_len);
}

/* Six supernodes, of which bob's homes are the first three. */
static void two_replicas_and_two_strangers_are_asked_and_no_home(void **state)
{
	struct core_world w;
	(void)state;
	world_far_apart(&w);
	struct kith_core *c = w.nodes[WORLD_FAR_BOB].core;
	struct kith_span homes[] = { entry(&w, 0), entry(&w, 1), entry(&w, 2) };
	struct kith_span others[] = { entry(&w, 0), entry(&w, 3), entry(&w, 4), entry(&w, 5) };
	assert_int_equal(ask(&w, (struct kith_spans){ NULL, 0 }), 2);
	assert_int_equal(ask(&w, (struct kith_spans){ homes, 3 }), 2);
	assert_int_equal(ask(&w, (struct kith_spans){ others, 4 }), 4);
	for (int i = 0; i < c->leaf.cache.n; i++) /* what was picked is free again */
		c->leaf.cache.at[i].flags |= KITH_HOST_USED;
	assert_int_equal(ask(&w, (struct kith_spans){ NULL, 0 }), 0);
	core_world_deinit(&w);
}

static void a_replica_with_a_wrong_signature_is_not_asked(void **state)
{
	struct core_world w;
	uint8_t bytes[KITH_MEMBER_LEN_MAX];
	(void)state;
	world_far_apart(&w);
	struct kith_span named = entry(&w, 4);
	memcpy(bytes, named.p, named.len);
	bytes[named.len - 1] ^= 1;
	named.p = bytes;
	assert_int_equal(ask(&w, (struct kith_spans){ &named, 1 }), 2); /* strangers */
	core_world_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_replicas_and_two_strangers_are_asked_and_no_home),
		cmocka_unit_test(a_replica_with_a_wrong_signature_is_not_asked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
