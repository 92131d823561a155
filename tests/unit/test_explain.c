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

static struct kith_session *session_of(struct core_world *w, int node, kith_session_id id)
{
	return kith_sessions_get(&w->nodes[node].core->sessions, id);
}

/* Packets between alice and bob that would go straight are lost. */
static int lose_straight(struct core_world *w, struct world_packet *p)
{
	int from = world_node_at(w, &p->from), to = world_node_at(w, &p->to);
	return from < WORLD_ALICE || to < WORLD_ALICE;
}

/* The journal has room for 64 entries, and what is tried for minutes makes more; the verdict stays. */
static void the_verdict_does_not_depend_on_what_the_journal_has_forgotten(void **state)
{
	struct core_world w;
	char text[8192];
	(void)state;
	world_alice_and_bob(&w);
	w.tap = lose_straight;
	kith_session_id s = world_call(&w, WORLD_ALICE, WORLD_BOB, NULL);
	struct kith_core *c = w.nodes[WORLD_ALICE].core;
	for (int i = 0; i < 120; i++) {
		assert_int_equal(world_say(&w, WORLD_ALICE, s, "x", 1), 0);
		world_run(&w, 5 * KITH_US_PER_S);
	}
	const struct kith_journal *j = kith_pathset_journal(&session_of(&w, WORLD_ALICE, s)->paths);
	assert_true(j->written > KITH_JOURNAL_MAX);
	bool offered = false;
	const struct kith_journal_entry *e;
	for (uint32_t it = 0; (e = kith_journal_read(j, &it)) != NULL;)
		offered |= e->what == KITH_JOURNAL_OFFERED;
	assert_false(offered);
	kith_core_explain(c, world_clock(&w), s, text, sizeof text);
	assert_non_null(strstr(text, "verdict: relayed: no packet passes in either direction"));
	core_world_deinit(&w);
}

/* What came through a relay says nothing about the direct way. */
static void what_came_through_a_relay_is_not_heard_directly(void **state)
{
	struct core_world w;
	char text[8192];
	(void)state;
	world_alice_and_bob(&w);
	w.tap = lose_straight;
	world_call(&w, WORLD_ALICE, WORLD_BOB, NULL);
	world_run(&w, 10 * KITH_US_PER_S);
	const struct world_event *theirs = world_event(&w, WORLD_BOB, KITH_EVENT_OPENED, 0);
	kith_core_explain(w.nodes[WORLD_BOB].core, world_clock(&w), theirs->ev.session, text, sizeof text);
	assert_non_null(strstr(text, "relay ")); /* a further tunnel was heard first */
	assert_non_null(strstr(text, "a packet of the peer came from there"));
	assert_null(strstr(text, "the peer's packets arrive here"));
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
		cmocka_unit_test(the_verdict_does_not_depend_on_what_the_journal_has_forgotten),
		cmocka_unit_test(what_came_through_a_relay_is_not_heard_directly),
		cmocka_unit_test(text_is_cut_to_the_room_there_is),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
