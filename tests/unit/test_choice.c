/* Who is tried next, and how soon a leaf can be found where only some of what it knows gets through. */
#include "two_kinds.h"

#include "base/addr.h"
#include "leaf/choice.h"
#include "leaf/places.h"

enum { ROUND_TRIP_MS = 2 * WORLD_DELAY_US / 1000, SEEDS = 20 };

/* A world of supernodes that listen at UDP (v4), at UDP or TCP of v6, and a wall in front of alice. */
struct walled {
	struct core_world w;
	uint8_t blocked; /* family that does not get through; 0: none */
	int dead; /* so many supernodes do not answer */
};

static int walled_tap(struct core_world *w, struct world_packet *p)
{
	const struct walled *t = (const struct walled *)w;
	const struct kith_addr alice = world_addr(ALICE), alice6 = world_addr6(ALICE);
	const bool hers = kith_addr_equal(&p->from, &alice) || kith_addr_equal(&p->to, &alice) ||
			  kith_addr_equal(&p->from, &alice6) || kith_addr_equal(&p->to, &alice6);
	if (t->blocked != 0 && p->to.family == t->blocked && hers)
		return 0;
	return 1;
}

/* The second transport of a node: UDP or WebSockets (TLS), over IPv6. */
static void link_second(struct core_world *w, int i, uint8_t kind)
{
	const bool udp = kind == KITH_TRANSPORT_UDP;
	world_link_second(w, i, kind, udp ? KITH_PURPOSE_ANY : KITH_PURPOSE_HOMES, udp ? 0 : 40);
}

static void start_walled(struct walled *t, uint64_t seed, uint8_t kind)
{
	memset(t, 0, sizeof *t);
	core_world_init(&t->w, kith_suite_sim(), seed);
	t->w.log = getenv("KITH_TEST_LOG") != NULL;
	t->w.tap = walled_tap;
	for (int i = S0; i <= S2; i++) {
		struct kith_core_options o;
		int n = world_add(&t->w, (const char *const[]){ "s0", "s1", "s2" }[i], true);
		world_options(&t->w, n, &o);
		if (kind == KITH_TRANSPORT_UDP) {
			const struct kith_addr addr6 = world_addr6(n);
			o.endpoints[o.endpoints_n++] = kith_endpoint_udp(&addr6);
		}
		assert_int_equal(world_try_start(&t->w, n, &o), 0);
		link_second(&t->w, n, kind);
	}
	world_run(&t->w, 10 * KITH_US_PER_S);
}

/* alice starts and knows n places, of which some may be of v6; how many ms until she can be found. */
static int found_after(struct walled *t, const struct kith_bootstrap list[], size_t n, uint8_t kind)
{
	struct kith_core_options o;
	int alice = world_add(&t->w, "alice", false), from = t->w.events_n;
	const kith_time_us since = t->w.now;
	for (int i = 0; i < t->dead; i++)
		t->w.nodes[i].muted = true;
	world_options(&t->w, alice, &o);
	o.bootstrap = list;
	o.bootstrap_n = n;
	t->w.nodes[alice].addr = (struct kith_addr){ 0 }; /* what costs nothing is told of last, as a host does */
	assert_int_equal(world_try_start(&t->w, alice, &o), 0);
	if (kind != KITH_TRANSPORT_NONE)
		link_second(&t->w, alice, kind);
	t->w.nodes[alice].addr = world_addr(alice);
	world_link(&t->w, alice, 0, true);
	while (world_event(&t->w, alice, KITH_EVENT_PUBLISHED, from) == NULL && t->w.now - since < 20 * KITH_US_PER_S)
		world_run(&t->w, KITH_US_PER_MS);
	assert_non_null(world_event(&t->w, alice, KITH_EVENT_PUBLISHED, from));
	return (int)((t->w.now - since) / KITH_US_PER_MS);
}

static size_t name_all(struct kith_bootstrap list[6], bool v4, bool v6, uint8_t kind)
{
	size_t n = 0;
	for (int i = S0; i <= S2; i++) {
		if (v4)
			list[n++] = (struct kith_bootstrap){ .at = world_endpoint(i) };
		if (v6)
			list[n++] = (struct kith_bootstrap){ .at = { world_addr6(i), kind, 0 } };
	}
	return n;
}

/* The longest time of all seeds: the order among equals is drawn. */
static int longest(bool v4, bool v6, uint8_t kind, uint8_t blocked, int dead)
{
	int most = 0;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct walled *t = calloc(1, sizeof *t);
		struct kith_bootstrap list[6];
		assert_non_null(t);
		start_walled(t, seed, kind);
		t->blocked = blocked;
		t->dead = dead;
		size_t n = name_all(list, v4, v6, kind);
		int ms = found_after(t, list, n, kind);
		most = ms > most ? ms : most;
		core_world_deinit(&t->w);
		free(t);
	}
	print_message("found after %d ms at most (%d runs)\n", most, SEEDS);
	return most;
}

enum { STAGGER_MS = KITH_STAGGER_US / 1000, AS_USUAL_MS = 8 * ROUND_TRIP_MS };

static void behind_a_wall_urls_are_found_among_addresses(void **state)
{
	(void)state;
	int usual = longest(false, true, KITH_TRANSPORT_TLS, 0, 0);
	assert_in_range(usual, 1, AS_USUAL_MS);
	assert_in_range(longest(true, true, KITH_TRANSPORT_TLS, KITH_FAMILY_V4, 0), 1, usual + STAGGER_MS + 50);
}

static void where_udp_gets_through_urls_cost_nothing(void **state)
{
	(void)state;
	assert_in_range(longest(true, true, KITH_TRANSPORT_TLS, 0, 0), 1, AS_USUAL_MS);
}

static void ipv6_that_leads_nowhere_costs_a_moment(void **state)
{
	(void)state;
	assert_in_range(longest(true, true, KITH_TRANSPORT_UDP, KITH_FAMILY_V6, 0), 1, AS_USUAL_MS + STAGGER_MS + 50);
}

static void so_does_ipv4(void **state)
{
	(void)state;
	assert_in_range(longest(true, true, KITH_TRANSPORT_UDP, KITH_FAMILY_V4, 0), 1, AS_USUAL_MS + STAGGER_MS + 50);
}

/* The same supernodes, named once by UDP's address and once by one where only WebSockets answer: both lead there, and
 * homes are reached by UDP in the end, soon, and none was lost for it. */
static void who_is_named_twice_is_reached_by_udp(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct walled *t = calloc(1, sizeof *t);
		struct kith_bootstrap list[6];
		assert_non_null(t);
		start_walled(t, seed, KITH_TRANSPORT_TLS);
		int from = t->w.events_n;
		(void)found_after(t, list, name_all(list, true, true, KITH_TRANSPORT_TLS), KITH_TRANSPORT_TLS);
		world_run(&t->w, KITH_US_PER_S);
		struct kith_core *c = t->w.nodes[ALICE].core;
		for (size_t i = 0; i < KITH_HOMES; i++) {
			assert_int_equal(c->leaf.homes[i].state, KITH_HOME_ATTACHED);
			const struct kith_session *s = kith_sessions_get(&c->sessions, c->leaf.homes[i].session);
			assert_int_equal(kith_session_hop(s)->transport, 0);
		}
		assert_int_equal(world_events(&t->w, ALICE, KITH_EVENT_ATTACHED, from), KITH_HOMES);
		core_world_deinit(&t->w);
		free(t);
	}
}

/* With fewer than three homes 400 ms are waited for more before the record is signed (leaf/turn). */
static void supernodes_that_are_dead_cost_half_a_second_each(void **state)
{
	(void)state;
	assert_in_range(longest(true, false, KITH_TRANSPORT_TLS, 0, 1), 1, AS_USUAL_MS + 500 + 450);
	assert_in_range(longest(true, false, KITH_TRANSPORT_TLS, 0, 2), 1, AS_USUAL_MS + 2 * 500 + 450);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(behind_a_wall_urls_are_found_among_addresses),
		cmocka_unit_test(where_udp_gets_through_urls_cost_nothing),
		cmocka_unit_test(ipv6_that_leads_nowhere_costs_a_moment),
		cmocka_unit_test(so_does_ipv4),
		cmocka_unit_test(who_is_named_twice_is_reached_by_udp),
		cmocka_unit_test(supernodes_that_are_dead_cost_half_a_second_each),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
