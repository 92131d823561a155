/* GONE, "no such session": how often it is said and heard, to whom, and that it ends nothing by itself. */
#include "core_tap.h"

#include "link/gone.h"

enum { BURST = 2 * KITH_GONE_PER_S, FLOOD = 500 };

/* Counts what leaves as GONE, by receiver's address; nothing of it arrives. */
struct gones {
	const struct kith_addr *to; /* NULL: anybody */
	unsigned said;
	size_t longest;
};

static int gone_tap(struct core_world *w, struct world_packet *p)
{
	struct gones *g = w->tap_ctx;
	const uint8_t *inner;
	size_t len;
	if (inner_type(p, &inner, &len) != KITH_PKT_GONE || (g->to != NULL && !kith_addr_equal(g->to, &p->to)))
		return 1;
	g->said++;
	g->longest = len > g->longest ? len : g->longest;
	return 0;
}

/* A sealed packet for a session that never was. */
static void inject_unknown(struct core_world *w, int node, const struct kith_addr *from, uint32_t index, size_t len)
{
	uint8_t packet[64] = { 0 };
	const struct kith_data_mark mark = { .counter = 1 };
	kith_data_write(packet, &mark, index);
	inject(w, node, from, packet, len);
}

static struct kith_addr stranger(uint8_t net, uint8_t host)
{
	struct kith_addr a = { .family = KITH_FAMILY_V4, .port = 9999 };
	a.ip[0] = 99;
	a.ip[1] = 9;
	a.ip[2] = net;
	a.ip[3] = host;
	return a;
}

static void a_prefix_is_told_at_a_rate_and_others_are_told_meanwhile(void **state)
{
	struct core_world w;
	struct gones g = { 0 };
	(void)state;
	world_alice_and_bob(&w);
	w.tap = gone_tap;
	w.tap_ctx = &g;
	for (unsigned i = 0; i < FLOOD; i++) {
		struct kith_addr from = stranger(1, (uint8_t)i); /* all of one /24 */
		inject_unknown(&w, 0, &from, 1000 + i, 48);
	}
	assert_true(g.said > 0);
	assert_true(g.said <= BURST);
	unsigned at_once = g.said;
	struct kith_addr other = stranger(2, 1);
	inject_unknown(&w, 0, &other, 1, 48);
	assert_int_equal(g.said, at_once + 1);
	/* From then on, so many a second. */
	for (unsigned i = 0; i < FLOOD; i++) {
		struct kith_addr from = stranger(1, (uint8_t)i);
		inject_unknown(&w, 0, &from, 1000 + i, 48);
		world_run(&w, 10 * KITH_US_PER_MS);
	}
	assert_in_range(g.said - at_once - 1, 4 * KITH_GONE_PER_S, 6 * KITH_GONE_PER_S); /* 5 s */
	core_world_deinit(&w);
}

static void it_is_never_longer_than_what_it_answers_and_garbage_is_not_answered(void **state)
{
	struct core_world w;
	struct gones g = { 0 };
	(void)state;
	world_alice_and_bob(&w);
	w.tap = gone_tap;
	w.tap_ctx = &g;
	for (size_t len = 0; len <= 64; len++) {
		struct kith_addr from = stranger((uint8_t)len, 1);
		unsigned before = g.said;
		inject_unknown(&w, 0, &from, 77, len);
		bool sealed = len >= KITH_TRANSPORT_HEADER + 16;
		assert_int_equal(g.said - before, sealed);
		assert_true(g.longest <= KITH_GONE_PACKET_LEN);
	}
	core_world_deinit(&w);
}

static void a_leaf_tells_strangers_nothing(void **state)
{
	struct core_world w;
	struct gones g = { 0 };
	(void)state;
	world_alice_and_bob(&w);
	w.tap = gone_tap;
	w.tap_ctx = &g;
	for (unsigned i = 0; i < 50; i++) {
		struct kith_addr from = i % 2 == 0 ? stranger((uint8_t)i, 1) : w.nodes[i % 3].addr;
		inject_unknown(&w, WORLD_ALICE, &from, 1000 + i, 48); /* a home, too, but in no tunnel */
	}
	assert_int_equal(g.said, 0);
	core_world_deinit(&w);
}

/* Whoever floods hints, from as many addresses as he likes, is listened to so often in all. */
static void hints_are_heard_at_a_rate_in_all_and_from_each_prefix(void **state)
{
	struct core_world w;
	uint8_t gone[KITH_GONE_PACKET_LEN];
	(void)state;
	world_alice_and_bob(&w);
	(void)world_call(&w, WORLD_ALICE, WORLD_BOB, NULL);
	const struct kith_session *s =
		kith_sessions_of(&w.nodes[WORLD_ALICE].core->sessions, w.nodes[0].id.device_dh.b);
	assert_non_null(s);
	for (int spread = 0; spread < 2; spread++) {
		world_run(&w, 10 * KITH_US_PER_S);
		uint64_t limited = world_stat(&w, WORLD_ALICE, KITH_STAT_DROP_RATE_LIMITED);
		uint64_t unknown = world_stat(&w, WORLD_ALICE, KITH_STAT_DROP_UNKNOWN_INDEX);
		for (unsigned i = 0; i < FLOOD; i++) {
			struct kith_addr from = stranger(spread ? (uint8_t)(i / 2) : 3, (uint8_t)i);
			kith_gone_write(gone, s->paths.first.name);
			inject(&w, WORLD_ALICE, &from, gone, sizeof gone);
		}
		limited = world_stat(&w, WORLD_ALICE, KITH_STAT_DROP_RATE_LIMITED) - limited;
		unknown = world_stat(&w, WORLD_ALICE, KITH_STAT_DROP_UNKNOWN_INDEX) - unknown;
		assert_int_equal(limited + unknown, FLOOD);
		assert_true(unknown > 0 && unknown <= BURST);
	}
	/* No hint was about a hop of the session: nothing was asked, nothing ended. */
	assert_int_equal(world_stat(&w, WORLD_ALICE, KITH_STAT_GONE_HINTS), 0);
	assert_null(world_event(&w, WORLD_ALICE, KITH_EVENT_CLOSED, 0));
	core_world_deinit(&w);
}

static void a_hint_about_another_name_or_over_another_hop_is_none(void **state)
{
	struct core_world w;
	uint8_t gone[KITH_GONE_PACKET_LEN];
	(void)state;
	world_alice_and_bob(&w);
	const struct kith_session *s =
		kith_sessions_of(&w.nodes[WORLD_ALICE].core->sessions, w.nodes[0].id.device_dh.b);
	kith_gone_write(gone, s->paths.first.name + 1);
	inject(&w, WORLD_ALICE, &w.nodes[0].addr, gone, sizeof gone);
	kith_gone_write(gone, s->paths.first.name);
	inject(&w, WORLD_ALICE, &w.nodes[1].addr, gone, sizeof gone);
	assert_int_equal(world_stat(&w, WORLD_ALICE, KITH_STAT_GONE_HINTS), 0);
	inject(&w, WORLD_ALICE, &w.nodes[0].addr, gone, sizeof gone);
	assert_int_equal(world_stat(&w, WORLD_ALICE, KITH_STAT_GONE_HINTS), 1);
	core_world_deinit(&w);
}

/* Whoever sees packets can make up hints as fast as they are heard, and an end that answers PROBEs of a session that it
 * has lost by GONE makes them without ill will. Each may draw a PROBE on every path: so they do at most once a second.
 */
static void hints_draw_probes_at_most_once_a_second(void **state)
{
	struct core_world w;
	uint8_t gone[KITH_GONE_PACKET_LEN];
	(void)state;
	world_alice_and_bob(&w);
	const struct kith_session *s =
		kith_sessions_of(&w.nodes[WORLD_ALICE].core->sessions, w.nodes[0].id.device_dh.b);
	uint64_t before = world_stat(&w, WORLD_ALICE, KITH_STAT_PROBES_SENT);
	for (unsigned i = 0; i < 100; i++) { /* 10 s; each PROBE is answered before the next hint */
		kith_gone_write(gone, s->paths.first.name);
		inject(&w, WORLD_ALICE, &w.nodes[0].addr, gone, sizeof gone);
		world_run(&w, 100 * KITH_US_PER_MS);
	}
	uint64_t probes = world_stat(&w, WORLD_ALICE, KITH_STAT_PROBES_SENT) - before;
	assert_true(world_stat(&w, WORLD_ALICE, KITH_STAT_GONE_HINTS) >= 90);
	/* A leaf whose home is in doubt asks its other homes as well. */
	assert_in_range(probes, 5, 10 * KITH_HOMES);
	assert_int_equal(s->state, KITH_SESSION_OPEN);
	core_world_deinit(&w);
}

/* Whoever has seen a packet knows its name, and can say that it belongs to no session. */
static void made_up_hints_do_not_end_a_session(void **state)
{
	struct core_world w;
	uint8_t gone[KITH_GONE_PACKET_LEN];
	(void)state;
	world_alice_and_bob(&w);
	kith_session_id ours = world_call(&w, WORLD_ALICE, WORLD_BOB, NULL);
	world_run(&w, 20 * KITH_US_PER_S); /* nothing was said for long */
	const struct kith_session *s = kith_sessions_get(&w.nodes[WORLD_ALICE].core->sessions, ours);
	for (int round = 0; round < 10; round++) {
		for (int i = 0; i < 20; i++) {
			kith_gone_write(gone, s->paths.first.name);
			inject(&w, WORLD_ALICE, &w.nodes[WORLD_BOB].addr, gone, sizeof gone);
			for (int home = 0; home < 3; home++) {
				kith_gone_write(gone, kith_sessions_of(&w.nodes[WORLD_ALICE].core->sessions,
								       w.nodes[home].id.device_dh.b)
							      ->paths.first.name);
				inject(&w, WORLD_ALICE, &w.nodes[home].addr, gone, sizeof gone);
			}
		}
		world_run(&w, 700 * KITH_US_PER_MS);
	}
	assert_null(world_event(&w, WORLD_ALICE, KITH_EVENT_CLOSED, 0));
	assert_int_equal(world_events(&w, WORLD_ALICE, KITH_EVENT_ATTACHED, 0), 3);
	assert_true(world_stat(&w, WORLD_ALICE, KITH_STAT_GONE_HINTS) > 0);
	assert_int_equal(world_say(&w, WORLD_ALICE, ours, "still here", 10), 0);
	world_run(&w, KITH_US_PER_S);
	assert_non_null(world_event(&w, WORLD_BOB, KITH_EVENT_DATAGRAM, 0));
	core_world_deinit(&w);
}

static void a_home_that_forgot_its_leaves_is_attached_to_again_within_a_keepalive(void **state)
{
	struct core_world w;
	struct kith_core_options o;
	struct kith_core_info info;
	(void)state;
	world_alice_and_bob(&w);
	world_stop(&w, 1);
	world_options(&w, 1, &o);
	assert_int_equal(world_try_start(&w, 1, &o), 0);
	world_run(&w, KITH_KEEPALIVE_US + 20 * KITH_US_PER_S);
	kith_core_info(w.nodes[1].core, &info);
	assert_int_equal(info.leaves, 2);
	core_world_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_prefix_is_told_at_a_rate_and_others_are_told_meanwhile),
		cmocka_unit_test(it_is_never_longer_than_what_it_answers_and_garbage_is_not_answered),
		cmocka_unit_test(a_leaf_tells_strangers_nothing),
		cmocka_unit_test(hints_are_heard_at_a_rate_in_all_and_from_each_prefix),
		cmocka_unit_test(a_hint_about_another_name_or_over_another_hop_is_none),
		cmocka_unit_test(hints_draw_probes_at_most_once_a_second),
		cmocka_unit_test(made_up_hints_do_not_end_a_session),
		cmocka_unit_test(a_home_that_forgot_its_leaves_is_attached_to_again_within_a_keepalive),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
