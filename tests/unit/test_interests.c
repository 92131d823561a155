/* Names that leaves watch through their home, and leaves that watch more than is good for others. */
#include "core_world.h"

#include "base/limits.h"
#include "leaf/homes.h"
#include "super/interests.h"
#include "super/query.h"

/* A home at which the leaf subscribes, if it watches something. */
static struct kith_session *subscribed(struct kith_core *c)
{
	struct kith_session *s = kith_sessions_get(&c->sessions, c->leaf.subscriptions.at[0].session);
	return s != NULL ? s : kith_homes_primary(c);
}

/* Sends SUBSCRIBE with n keys from number first on to such a home. Returns that home. */
static int subscribe(struct core_world *w, int leaf, uint32_t first, uint32_t n)
{
	struct kith_core *c = w->nodes[leaf].core;
	uint8_t body[KITH_REQUEST_MAX];
	struct kith_id key[KITH_SUBSCRIBE_KEYS_MAX];
	struct kith_span add[KITH_SUBSCRIBE_KEYS_MAX];
	assert_true(n <= KITH_SUBSCRIBE_KEYS_MAX);
	for (uint32_t i = 0; i < n; i++) {
		key[i] = (struct kith_id){ { 9, (uint8_t)leaf, (uint8_t)((first + i) >> 8), (uint8_t)(first + i) } };
		add[i] = test_span(key[i].b, sizeof key[i].b);
	}
	const struct kith_msg_subscribe m = { .add = { add, n } };
	size_t len = kith_msg_subscribe_write(body, sizeof body, &m);
	assert_true(len > 0);
	kith_core_tick(c, world_clock(w));
	world_drain(w, leaf);
	kith_outbox_claim(&w->shared->outbox, c, c->stats);
	struct kith_session *home = subscribed(c);
	assert_non_null(home);
	assert_int_equal(kith_session_request(c, home, KITH_REQ_SUBSCRIBE, test_span(body, len),
					      kith_token(KITH_TOKEN_SUBSCRIBE, 0)),
			 0);
	int at = world_node_at(w, &kith_session_hop(home)->remote);
	kith_core_tick(c, world_clock(w));
	world_drain(w, leaf);
	return at;
}

static uint32_t queries(const struct core_world *w, int super)
{
	return w->nodes[super].core->super->queries_n;
}

/* Supernodes do not hear each other: look-ups stay under way until their time is over. */
static int deaf_tap(struct core_world *w, struct world_packet *p)
{
	int from = world_node_at(w, &p->from), to = world_node_at(w, &p->to);
	return from >= 0 && to >= 0 && w->nodes[from].supernode && w->nodes[to].supernode ? 0 : 1;
}

static void who_watches_without_end_leaves_look_ups_for_others(void **state)
{
	struct core_world w;
	(void)state;
	world_network(&w, kith_suite_sodium(), 1, 6, (const char *const[]){ "alice", "bob", NULL });
	w.tap = deaf_tap;
	int home = -1;
	uint32_t most = 0;
	for (uint32_t i = 0; i < 60; i++) {
		home = subscribe(&w, 6, i * KITH_SUBSCRIBE_KEYS_MAX, KITH_SUBSCRIBE_KEYS_MAX);
		world_run(&w, 40 * KITH_US_PER_MS);
		most = queries(&w, home) > most ? queries(&w, home) : most;
	}
	assert_true(most >= KITH_QUERIES_PER_ASKER); /* it was tried hard */
	assert_true(most <= KITH_QUERIES_PER_ASKER + 8);
	assert_true(world_stat(&w, home, KITH_STAT_REQUESTS_LIMITED) > 0);
	assert_true(kith_query_room(w.nodes[home].core, 12345));
	assert_true(kith_query_room(w.nodes[home].core, KITH_QUERY_OWN));
	core_world_deinit(&w);
}

/* What is not watched is said to be, so that the leaf asks again. */
static void the_last_look_ups_are_for_who_has_none_under_way(void **state)
{
	enum { KEPT = KITH_QUERIES_MAX / KITH_TABLES_RESERVE };
	struct core_world w;
	(void)state;
	world_network(&w, kith_suite_sim(), 1, 6, (const char *const[]){ "alice", NULL });
	w.tap = deaf_tap;
	int home = subscribe(&w, 6, 0, 20);
	world_run(&w, 40 * KITH_US_PER_MS);
	struct kith_core *c = w.nodes[home].core;
	const uint64_t alice = kith_identity_key(&w.nodes[6].id.identity);
	const uint32_t hers = queries(&w, home);
	assert_in_range(hers, 20, KITH_QUERIES_PER_ASKER - 1);
	/* As if others had so many under way. */
	c->super->queries_n = KITH_QUERIES_MAX - KEPT - 1;
	assert_true(kith_query_room(c, alice));
	c->super->queries_n++;
	assert_false(kith_query_room(c, alice));
	assert_true(kith_query_room(c, alice + 1));
	c->super->queries_n = KITH_QUERIES_MAX;
	assert_false(kith_query_room(c, alice + 1));
	c->super->queries_n = hers;
	core_world_deinit(&w);
}

static void who_is_over_a_limit_is_told_so(void **state)
{
	struct core_world w;
	(void)state;
	world_network(&w, kith_suite_sodium(), 1, 6, (const char *const[]){ "alice", NULL });
	const kith_time_us *retry = &w.nodes[6].core->subscribe_at;
	assert_int_equal(kith_core_watch(w.nodes[6].core, world_clock(&w), "nobody"), 0);
	world_drain(&w, 6);
	world_run(&w, 30 * KITH_US_PER_S);
	assert_int_equal(*retry, KITH_TIME_NEVER);
	subscribe(&w, 6, 0, KITH_SUBSCRIBE_KEYS_MAX);
	world_run(&w, 500 * KITH_US_PER_MS);
	assert_int_equal(*retry, KITH_TIME_NEVER);
	w.tap = deaf_tap;
	for (uint32_t i = 1; i <= 4; i++)
		subscribe(&w, 6, i * KITH_SUBSCRIBE_KEYS_MAX, KITH_SUBSCRIBE_KEYS_MAX);
	world_run(&w, 500 * KITH_US_PER_MS);
	assert_true(*retry < w.now + 5 * KITH_US_PER_S);
	core_world_deinit(&w);
}

/* The rate is the identity's: another of its devices has no other one. */
static void devices_of_one_identity_share_a_rate(void **state)
{
	struct core_world w;
	(void)state;
	world_network(&w, kith_suite_sodium(), 1, 1, (const char *const[]){ NULL });
	int first = world_further(&w, "alice", 1), second = world_further(&w, "alice", 1);
	int bob = world_start(&w, "bob", false);
	world_run(&w, 5 * KITH_US_PER_S);
	struct kith_watches *ws = &w.nodes[0].core->super->interests;
	for (uint32_t i = 0; i < KITH_SUBSCRIPTIONS_BURST; i += KITH_SUBSCRIBE_KEYS_MAX) {
		subscribe(&w, i / KITH_SUBSCRIBE_KEYS_MAX % 2 != 0 ? first : second, i, KITH_SUBSCRIBE_KEYS_MAX);
		world_run(&w, 50 * KITH_US_PER_MS);
	}
	uint32_t before = ws->n;
	assert_true(before >= KITH_SUBSCRIPTIONS_BURST - KITH_SUBSCRIBE_KEYS_MAX);
	subscribe(&w, second, 600, KITH_SUBSCRIBE_KEYS_MAX);
	world_run(&w, 50 * KITH_US_PER_MS);
	assert_true(ws->n <= KITH_SUBSCRIPTIONS_BURST + 2 * KITH_SUBSCRIPTIONS_PER_S);
	before = ws->n;
	subscribe(&w, bob, 0, KITH_SUBSCRIBE_KEYS_MAX); /* bob has his own */
	world_run(&w, 50 * KITH_US_PER_MS);
	assert_int_equal(ws->n, before + KITH_SUBSCRIBE_KEYS_MAX);
	core_world_deinit(&w);
}

static void what_a_leaf_watches_already_is_not_looked_up_again(void **state)
{
	struct core_world w;
	(void)state;
	world_network(&w, kith_suite_sodium(), 1, 6, (const char *const[]){ "alice", NULL });
	int home = subscribe(&w, 6, 0, 20);
	world_run(&w, 10 * KITH_US_PER_S);
	assert_int_equal(queries(&w, home), 0);
	w.tap = deaf_tap;
	for (int i = 0; i < 20; i++) {
		subscribe(&w, 6, 0, 20);
		world_run(&w, 30 * KITH_US_PER_MS);
		assert_int_equal(queries(&w, home), 0);
	}
	core_world_deinit(&w);
}

/* As many names as an application may watch, at once: more than may be looked up at a time. */
static void many_names_are_all_watched_within_seconds(void **state)
{
	struct core_world w;
	(void)state;
	world_network(&w, kith_suite_sodium(), 1, 6, (const char *const[]){ "alice", "bob", NULL });
	for (int i = 0; i < KITH_WATCHED_MAX - 1; i++) {
		char name[16];
		snprintf(name, sizeof name, "name-%d", i);
		assert_int_equal(kith_core_watch(w.nodes[6].core, world_clock(&w), name), 0);
	}
	assert_int_equal(kith_core_watch(w.nodes[6].core, world_clock(&w), "bob"), 0);
	world_drain(&w, 6);
	world_run(&w, 20 * KITH_US_PER_S);
	for (size_t i = 0; i < KITH_SUBSCRIPTIONS; i++) {
		const struct kith_core *c = w.nodes[6].core;
		const struct kith_session *s = kith_sessions_get(&c->sessions, c->leaf.subscriptions.at[i].session);
		assert_non_null(s);
		int at = world_node_at(&w, &kith_session_hop(s)->remote);
		assert_int_equal(w.nodes[at].core->super->interests.n, KITH_WATCHED_MAX);
	}
	assert_int_equal(world_events(&w, 6, KITH_EVENT_PRESENCE, 0) >= KITH_WATCHED_MAX, 1);
	core_world_deinit(&w);
}

/* Links that are full would stay so if everybody went on asking at the pace of one who was not heard once. */
static void replicas_that_do_not_answer_are_asked_again_more_and_more_seldom(void **state)
{
	struct core_world w;
	(void)state;
	world_network(&w, kith_suite_sodium(), 1, 6, (const char *const[]){ "alice", NULL });
	const struct kith_watches *ws = &w.nodes[subscribe(&w, 6, 0, 1)].core->super->interests;
	uint32_t it = 0;
	w.tap = deaf_tap;
	world_run(&w, 10 * 60 * KITH_US_PER_S);
	const struct kith_watch_key *k = kith_watches_next_key(ws, &it);
	assert_non_null(k);
	assert_in_range(kith_watches_tries(ws, &k->key), 5,
			14); /* 5, 10, 20, 40, then every 80 s, and what each takes */
	core_world_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_watches_without_end_leaves_look_ups_for_others),
		cmocka_unit_test(the_last_look_ups_are_for_who_has_none_under_way),
		cmocka_unit_test(who_is_over_a_limit_is_told_so),
		cmocka_unit_test(devices_of_one_identity_share_a_rate),
		cmocka_unit_test(what_a_leaf_watches_already_is_not_looked_up_again),
		cmocka_unit_test(replicas_that_do_not_answer_are_asked_again_more_and_more_seldom),
		cmocka_unit_test(many_names_are_all_watched_within_seconds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
