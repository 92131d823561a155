/* Certificates that somebody shows in an open session. */
#include "core_world.h"

#include "call/op.h"
#include "link/renewed.h"

enum { DAY_S = 86400 };

/* What bob's session with alice holds of her certificates. */
static struct kith_span held_by_bob(struct core_world *w, kith_session_id theirs)
{
	return kith_blob_span(kith_peer_get(w->nodes[WORLD_BOB].core, theirs)->chain);
}

/* Alice's core is made to show certificates that its host did not bring. */
static void show(struct core_world *w, const struct world_cert *cert)
{
	world_show(w, WORLD_ALICE, cert);
	kith_renewed_mark(w->nodes[WORLD_ALICE].core);
	world_run(w, 2 * 60 * KITH_US_PER_S);
}

static void nobody_becomes_somebody_else_in_a_session(void **state)
{
	struct core_world w;
	kith_session_id theirs;
	(void)state;
	world_alice_and_bob(&w);
	(void)world_call(&w, WORLD_ALICE, WORLD_BOB, &theirs);
	const uint8_t *before = held_by_bob(&w, theirs).p;
	struct world_cert cert = { .name = "alice", .device_from_s = -DAY_S, .device_until_s = 240 * DAY_S };
	cert.other_identity = true;
	show(&w, &cert);
	assert_ptr_equal(held_by_bob(&w, theirs).p, before);
	cert.other_identity = false;
	cert.name = "carol";
	show(&w, &cert);
	assert_ptr_equal(held_by_bob(&w, theirs).p, before);
	cert.name = "alice";
	cert.device_until_s = DAY_S; /* older than what bob has */
	show(&w, &cert);
	assert_ptr_equal(held_by_bob(&w, theirs).p, before);
	cert.device_until_s = 240 * DAY_S;
	show(&w, &cert);
	assert_ptr_not_equal(held_by_bob(&w, theirs).p, before); /* it is not that nothing came */
	core_world_deinit(&w);
}

static void what_does_not_verify_is_not_taken(void **state)
{
	struct core_world w;
	kith_session_id theirs;
	(void)state;
	world_alice_and_bob(&w);
	(void)world_call(&w, WORLD_ALICE, WORLD_BOB, &theirs);
	const uint8_t *before = held_by_bob(&w, theirs).p;
	const struct world_cert cert = { .name = "alice", .device_from_s = -DAY_S, .device_until_s = 240 * DAY_S };
	world_show(&w, WORLD_ALICE, &cert);
	w.nodes[WORLD_ALICE].id.chain[w.nodes[WORLD_ALICE].id.chain_len - 1] ^= 1;
	kith_renewed_mark(w.nodes[WORLD_ALICE].core);
	world_run(&w, 2 * 60 * KITH_US_PER_S);
	assert_ptr_equal(held_by_bob(&w, theirs).p, before);
	core_world_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_becomes_somebody_else_in_a_session),
		cmocka_unit_test(what_does_not_verify_is_not_taken),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
