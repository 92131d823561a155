/* What a session says about its own paths, in words. */
#include "core_world.h"

#include "call/explain.h"

static void a_direct_session_says_so_and_how_it_came_about(void **state)
{
	struct core_world w;
	char text[8192];
	(void)state;
	world_alice_and_bob(&w);
	kith_session_id s = world_call(&w, WORLD_ALICE, WORLD_BOB, NULL);
	size_t n = kith_core_explain(w.nodes[WORLD_ALICE].core, world_clock(&w), s, text, sizeof text);
	assert_int_equal(n, strlen(text));
	assert_non_null(strstr(text, "bob"));
	assert_non_null(strstr(text, "service chat"));
	assert_non_null(strstr(text, "verdict: direct"));
	assert_non_null(strstr(text, "direct 24.29.3.4:4004"));
	core_world_deinit(&w);
}

static void a_relay_only_session_says_why(void **state)
{
	struct core_world w;
	char text[8192];
	kith_session_id theirs;
	(void)state;
	world_alice_and_bob(&w);
	assert_int_equal(kith_core_pin(w.nodes[WORLD_ALICE].core, world_clock(&w), "bob",
				       &w.nodes[WORLD_BOB].id.identity, KITH_CONTACT_RELAY_ONLY, false),
			 0);
	world_drain(&w, WORLD_ALICE);
	kith_session_id s = world_call(&w, WORLD_ALICE, WORLD_BOB, &theirs);
	kith_core_explain(w.nodes[WORLD_ALICE].core, world_clock(&w), s, text, sizeof text);
	assert_non_null(strstr(text, "relay-only"));
	assert_null(strstr(text, "direct 24"));
	kith_core_explain(w.nodes[WORLD_BOB].core, world_clock(&w), theirs, text, sizeof text);
	assert_non_null(strstr(text, "verdict: relayed, since the peer has not named any address"));
	core_world_deinit(&w);
}

/* Whatever room there is, the text ends in it. */
static void text_is_cut_to_the_room_there_is(void **state)
{
	struct core_world w;
	char whole[8192], text[8192];
	(void)state;
	world_alice_and_bob(&w);
	kith_session_id s = world_call(&w, WORLD_ALICE, WORLD_BOB, NULL);
	size_t all = kith_core_explain(w.nodes[WORLD_ALICE].core, world_clock(&w), s, whole, sizeof whole);
	for (size_t cap = 0; cap <= all + 2; cap++) {
		memset(text, '#', sizeof text);
		size_t n = kith_core_explain(w.nodes[WORLD_ALICE].core, world_clock(&w), s, text, cap);
		assert_true(text[cap] == '#');
		if (cap == 0) {
			assert_int_equal(n, 0);
			continue;
		}
		assert_int_equal(n, cap - 1 < all ? cap - 1 : all);
		assert_int_equal(strlen(text), n);
		assert_memory_equal(text, whole, n);
	}
	assert_int_equal(kith_core_explain(w.nodes[WORLD_ALICE].core, world_clock(&w), s + 1, text, sizeof text), 0);
	assert_string_equal(text, "");
	core_world_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_direct_session_says_so_and_how_it_came_about),
		cmocka_unit_test(a_relay_only_session_says_why),
		cmocka_unit_test(text_is_cut_to_the_room_there_is),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
