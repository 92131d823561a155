/* What explained a session, when it has ended. */
#include "core_world.h"

#include "base/limits.h"
#include "call/ended.h"
#include "path/pathset_internal.h"

enum { FIRST_LINE_MAX = 200 };

/* A call between alice and bob, and what either says of it. */
struct gone {
	struct core_world w;
	kith_session_id ours, theirs;
	char text[2 * KITH_ENDED_TEXT_MAX];
};

static void gone_init(struct gone *g)
{
	world_alice_and_bob(&g->w);
	g->ours = world_call(&g->w, WORLD_ALICE, WORLD_BOB, &g->theirs);
}

static void hang_up(struct gone *g, kith_session_id id)
{
	assert_int_equal(kith_core_close(g->w.nodes[WORLD_ALICE].core, world_clock(&g->w), id, KITH_CLOSE_NORMAL), 0);
	world_drain(&g->w, WORLD_ALICE);
}

static size_t by_id(struct gone *g, int node, kith_session_id id)
{
	return kith_core_explain(g->w.nodes[node].core, world_clock(&g->w), id, g->text, sizeof g->text);
}

static size_t by_name(struct gone *g, int node, const char *name)
{
	return kith_core_explain_last(g->w.nodes[node].core, world_clock(&g->w), name, g->text, sizeof g->text);
}

#define SAYS(g, words) assert_non_null(strstr((g)->text, words))

static void what_was_known_is_kept_with_how_it_ended(void **state)
{
	struct gone g;
	(void)state;
	gone_init(&g);
	assert_int_equal(by_name(&g, WORLD_ALICE, "bob"), 0); /* it is still there */
	assert_string_equal(g.text, "");
	hang_up(&g, g.ours);
	world_run(&g.w, 5 * KITH_US_PER_S);
	for (int i = 0; i < 2; i++) {
		size_t n = i == 0 ? by_id(&g, WORLD_ALICE, g.ours) : by_name(&g, WORLD_ALICE, "bob");
		assert_int_equal(n, strlen(g.text));
		assert_int_equal(strncmp(g.text, "ended: 5000 ms ago, by this side: closed;", 41), 0);
		SAYS(&g, "session: bob, we called, service chat");
		SAYS(&g, "verdict: direct");
		SAYS(&g, "direct 24.29.3.4:4004");
	}
	assert_true(by_id(&g, WORLD_BOB, g.theirs) > 0);
	SAYS(&g, "by the other side: closed;");
	SAYS(&g, "session: alice, called us");
	assert_int_equal(by_name(&g, WORLD_BOB, "bob"), 0);
	core_world_deinit(&g.w);
}

static void after_a_minute_it_is_forgotten_and_its_memory_given_back(void **state)
{
	struct gone g;
	(void)state;
	gone_init(&g);
	hang_up(&g, g.ours);
	world_run(&g.w, KITH_ENDED_KEPT_US - KITH_US_PER_MS);
	assert_true(by_id(&g, WORLD_ALICE, g.ours) > 0);
	assert_true(by_name(&g, WORLD_ALICE, "bob") > 0);
	g.w.now += KITH_US_PER_MS;
	assert_int_equal(by_id(&g, WORLD_ALICE, g.ours), 0);
	assert_int_equal(by_name(&g, WORLD_ALICE, "bob"), 0);
	assert_string_equal(g.text, "");
	kith_core_tick(g.w.nodes[WORLD_ALICE].core, world_clock(&g.w));
	assert_null(g.w.nodes[WORLD_ALICE].core->endings);
	core_world_deinit(&g.w);
}

/* Nobody ticks for it: the next session that ends gives back what is over as well. */
static void the_last_ones_are_kept_and_no_more(void **state)
{
	struct gone g;
	kith_session_id ids[KITH_ENDED_MAX + 2];
	(void)state;
	gone_init(&g);
	for (int i = 0; i < KITH_ENDED_MAX + 2; i++) {
		ids[i] = i == 0 ? g.ours : world_call(&g.w, WORLD_ALICE, WORLD_BOB, NULL);
		hang_up(&g, ids[i]);
	}
	assert_true(g.w.now < KITH_ENDED_KEPT_US * 2);
	for (int i = 0; i < KITH_ENDED_MAX + 2; i++)
		assert_int_equal(by_id(&g, WORLD_ALICE, ids[i]) > 0, i >= 2);
	assert_true(by_name(&g, WORLD_ALICE, "bob") > 0);
	assert_int_equal(strncmp(g.text, "ended: 0 ms ago", 15), 0); /* the last one */
	core_world_deinit(&g.w);
}

/* Packets between alice and bob that would go straight are lost. */
static int lose_straight(struct core_world *w, struct world_packet *p)
{
	int from = world_node_at(w, &p->from), to = world_node_at(w, &p->to);
	return from < WORLD_ALICE || to < WORLD_ALICE;
}

/* What was tried for minutes does not fit: the head and the newest lines stay. */
static void a_long_text_loses_the_oldest_of_what_was_tried(void **state)
{
	struct gone g;
	(void)state;
	world_alice_and_bob(&g.w);
	g.w.tap = lose_straight;
	g.ours = world_call(&g.w, WORLD_ALICE, WORLD_BOB, NULL);
	for (int i = 0; i < 60; i++) {
		assert_int_equal(world_say(&g.w, WORLD_ALICE, g.ours, "x", 1), 0);
		world_run(&g.w, 5 * KITH_US_PER_S);
	}
	struct kith_session *s = kith_sessions_get(&g.w.nodes[WORLD_ALICE].core->sessions, g.ours);
	struct kith_hop hop = { .remote = { .family = KITH_FAMILY_V6 } };
	memset(hop.remote.ip, 0xab, sizeof hop.remote.ip);
	for (unsigned i = 0; i < KITH_JOURNAL_MAX; i++)
		kith_journal_add(&s->paths.more->journal, &g.w.alloc.alloc, g.w.now, KITH_JOURNAL_STRANGER_REFUSED,
				 &hop, i == 0 ? KITH_REFUSAL_LOOPBACK : KITH_REFUSAL_PRIVATE);
	kith_journal_add(&s->paths.more->journal, &g.w.alloc.alloc, g.w.now, KITH_JOURNAL_ALL_DEAD, NULL, 0);
	assert_true(by_id(&g, WORLD_ALICE, g.ours) > KITH_ENDED_TEXT_MAX);
	hang_up(&g, g.ours);
	size_t n = by_id(&g, WORLD_ALICE, g.ours);
	assert_true(n < KITH_ENDED_TEXT_MAX + FIRST_LINE_MAX);
	SAYS(&g, "verdict: relayed");
	assert_null(strstr(g.text, kith_refusal_text(KITH_REFUSAL_LOOPBACK)));
	SAYS(&g, "0 ms ago: no path answers\n");
	assert_int_equal(g.text[n - 1], '\n');
	core_world_deinit(&g.w);
}

static void whatever_room_there_is_the_text_ends_in_it(void **state)
{
	struct gone g;
	char text[sizeof g.text];
	(void)state;
	gone_init(&g);
	hang_up(&g, g.ours);
	size_t all = by_id(&g, WORLD_ALICE, g.ours);
	for (size_t cap = 0; cap <= all + 2; cap++) {
		memset(text, '#', sizeof text);
		size_t n = kith_core_explain_last(g.w.nodes[WORLD_ALICE].core, world_clock(&g.w), "bob", text, cap);
		assert_true(text[cap] == '#');
		assert_int_equal(n, cap == 0 ? 0 : cap - 1 < all ? cap - 1 : all);
		assert_true(cap == 0 || text[n] == '\0');
		assert_memory_equal(text, g.text, n);
	}
	core_world_deinit(&g.w);
}

/* Of all that a person wants to know this is the most frequent. */
static void a_session_whose_other_end_is_gone_says_that_nothing_answers(void **state)
{
	struct gone g;
	(void)state;
	gone_init(&g);
	g.w.nodes[WORLD_BOB].muted = true;
	(void)!world_say(&g.w, WORLD_ALICE, g.ours, "x", 1);
	int since = g.w.events_n;
	world_run(&g.w, KITH_PATIENCE_US + 30 * KITH_US_PER_S);
	const struct world_event *closed = world_event(&g.w, WORLD_ALICE, KITH_EVENT_CLOSED, since);
	assert_non_null(closed);
	assert_true(by_name(&g, WORLD_ALICE, "bob") > 0);
	SAYS(&g, "by this side: nothing was heard any more;");
	SAYS(&g, "verdict: none: no path answers");
	core_world_deinit(&g.w);
}

static void who_leaves_is_not_told_that_the_other_side_does(void **state)
{
	struct gone g;
	(void)state;
	gone_init(&g);
	kith_core_leave(g.w.nodes[WORLD_ALICE].core, world_clock(&g.w), 0);
	world_drain(&g.w, WORLD_ALICE);
	world_run(&g.w, KITH_US_PER_S);
	assert_true(by_name(&g, WORLD_ALICE, "bob") > 0);
	SAYS(&g, "by this side: this side is shutting down;");
	assert_true(by_name(&g, WORLD_BOB, "alice") > 0);
	SAYS(&g, "by the other side: the other side is shutting down;");
	core_world_deinit(&g.w);
}

static void reject(struct core_world *w, int node, const struct kith_event *ev)
{
	if (ev->type == KITH_EVENT_INCOMING)
		assert_int_equal(kith_core_reject(w->nodes[node].core, world_clock(w), ev->session, KITH_CLOSE_BUSY),
				 0);
}

static void let_it_ring(struct core_world *w, int node, const struct kith_event *ev)
{
	(void)w, (void)node, (void)ev;
}

/* Else whoever rings would push out what the application had. */
static void nothing_is_kept_of_what_never_opened(void **state)
{
	struct gone g;
	(void)state;
	world_alice_and_bob(&g.w);
	g.w.on_event = reject;
	world_dial(&g.w, WORLD_ALICE, "bob", 0);
	world_run(&g.w, 3 * KITH_US_PER_S);
	g.w.on_event = let_it_ring;
	int since = g.w.events_n;
	kith_op op = world_dial(&g.w, WORLD_ALICE, "bob", 0);
	world_run(&g.w, 3 * KITH_US_PER_S);
	assert_int_equal(kith_core_cancel(g.w.nodes[WORLD_ALICE].core, world_clock(&g.w), op), 0);
	world_drain(&g.w, WORLD_ALICE);
	world_run(&g.w, 3 * KITH_US_PER_S);
	assert_non_null(world_event(&g.w, WORLD_BOB, KITH_EVENT_CLOSED, since));
	assert_null(g.w.nodes[WORLD_ALICE].core->endings);
	assert_null(g.w.nodes[WORLD_BOB].core->endings);
	core_world_deinit(&g.w);
}

static void without_memory_nothing_is_kept_and_the_session_ends_as_ever(void **state)
{
	struct gone g;
	(void)state;
	gone_init(&g);
	int since = g.w.events_n;
	g.w.alloc.fail_after = 0;
	hang_up(&g, g.ours);
	g.w.alloc.fail_after = -1;
	assert_non_null(world_event(&g.w, WORLD_ALICE, KITH_EVENT_CLOSED, since));
	assert_int_equal(by_id(&g, WORLD_ALICE, g.ours), 0);
	assert_true(world_stat(&g.w, WORLD_ALICE, KITH_STAT_ALLOC_FAILED) > 0);
	core_world_deinit(&g.w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_known_is_kept_with_how_it_ended),
		cmocka_unit_test(after_a_minute_it_is_forgotten_and_its_memory_given_back),
		cmocka_unit_test(the_last_ones_are_kept_and_no_more),
		cmocka_unit_test(a_long_text_loses_the_oldest_of_what_was_tried),
		cmocka_unit_test(whatever_room_there_is_the_text_ends_in_it),
		cmocka_unit_test(a_session_whose_other_end_is_gone_says_that_nothing_answers),
		cmocka_unit_test(who_leaves_is_not_told_that_the_other_side_does),
		cmocka_unit_test(nothing_is_kept_of_what_never_opened),
		cmocka_unit_test(without_memory_nothing_is_kept_and_the_session_ends_as_ever),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
