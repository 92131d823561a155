/* What all roles share: tokens, events, timestamps, candidates, and the end of a session. */
#include "core_world.h"

#include "base/limits.h"

static void a_token_keeps_its_kind_and_value_apart(void **state)
{
	(void)state;
	for (int kind = KITH_TOKEN_IGNORE; kind <= KITH_TOKEN_REFRESH; kind++) {
		uint64_t t = kith_token((enum kith_token_kind)kind, UINT32_MAX);
		assert_int_equal(kith_token_kind(t), kind);
		assert_int_equal(kith_token_value(t), UINT32_MAX);
	}
	assert_int_equal(kith_token_kind(kith_token(KITH_TOKEN_ATTACH, UINT64_MAX)), KITH_TOKEN_ATTACH);
}

static void timestamps_only_rise(void **state)
{
	struct core_world w;
	(void)state;
	world_alice_and_bob(&w);
	struct kith_core *c = w.nodes[WORLD_ALICE].core;
	int64_t last = kith_stamp(c);
	for (int i = 0; i < 100; i++) {
		int64_t next = kith_stamp(c); /* several in one millisecond */
		assert_true(next > last);
		last = next;
	}
	c->now.unix_ms -= 1000000; /* a clock set back */
	assert_true(kith_stamp(c) > last);
	core_world_deinit(&w);
}

static void a_leaf_offers_what_it_has_and_what_its_homes_see_each_once(void **state)
{
	struct core_world w;
	struct kith_candidate list[KITH_CANDIDATES_MAX];
	(void)state;
	world_alice_and_bob(&w);
	struct kith_core *c = w.nodes[WORLD_ALICE].core;
	assert_int_equal(kith_own_candidates(c, list, KITH_CANDIDATES_MAX),
			 1); /* three homes see the interface's own address */
	struct kith_transport t = { .id = 0, .kind = KITH_TRANSPORT_UDP, .up = true, .family = KITH_FAMILY_V4 };
	static const char *const texts[] = { "127.0.0.1:5", "169.254.1.1:5",  "10.0.0.1:5",
					     "224.0.0.1:5", "23.22.3.4:4003", "0.0.0.0:5" };
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		t.locals[i].kind = KITH_ADDR_HOST;
		assert_int_equal(kith_addr_parse(&t.locals[t.locals_n++].addr, texts[i]), 0);
	}
	kith_core_transport(c, world_clock(&w), &t);
	world_drain(&w, WORLD_ALICE);
	assert_int_equal(kith_own_candidates(c, list, KITH_CANDIDATES_MAX),
			 2); /* the private one as well, and no others */
	c->allow_loopback = true;
	assert_int_equal(kith_own_candidates(c, list, KITH_CANDIDATES_MAX), 3);
	assert_int_equal(kith_own_candidates(c, list, 1), 1);
	core_world_deinit(&w);
}

/* Ended twice, or by both sides at once, a session is told of once. */
static void a_session_ends_once(void **state)
{
	struct core_world w;
	kith_session_id theirs;
	(void)state;
	world_alice_and_bob(&w);
	kith_session_id ours = world_call(&w, WORLD_ALICE, WORLD_BOB, &theirs);
	assert_int_equal(kith_core_close(w.nodes[WORLD_ALICE].core, world_clock(&w), ours, KITH_CLOSE_NORMAL), 0);
	world_drain(&w, WORLD_ALICE);
	assert_int_equal(kith_core_close(w.nodes[WORLD_BOB].core, world_clock(&w), theirs, KITH_CLOSE_BUSY), 0);
	world_drain(&w, WORLD_BOB);
	world_run(&w, 2 * KITH_US_PER_S);
	assert_int_equal(world_events(&w, WORLD_ALICE, KITH_EVENT_CLOSED, 0), 1);
	assert_int_equal(world_events(&w, WORLD_BOB, KITH_EVENT_CLOSED, 0), 1);
	assert_null(kith_sessions_get(&w.nodes[WORLD_ALICE].core->sessions, ours));
	core_world_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_token_keeps_its_kind_and_value_apart),
		cmocka_unit_test(timestamps_only_rise),
		cmocka_unit_test(a_leaf_offers_what_it_has_and_what_its_homes_see_each_once),
		cmocka_unit_test(a_session_ends_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
