/* IPv4, IPv6 and both: what a node can do with the sockets that it has, and what happens when one of them goes away. */
#include "core_world.h"

enum { S0, S1, S2, ALICE, BOB, NODES };

enum stack { V4 = 1, V6 = 2, BOTH = 3 };

static void start(struct core_world *w, const char *name, bool supernode, enum stack stack)
{
	static struct kith_bootstrap bootstrap[6];
	struct kith_core_options o;
	int i = world_add(w, name, supernode);
	if ((stack & V6) != 0)
		w->nodes[i].addr6 = world_addr6(i);
	if ((stack & V4) == 0)
		w->nodes[i].addr = (struct kith_addr){ 0 };
	world_options(w, i, &o);
	for (int k = 0; k < 6; k++) {
		bootstrap[k] = o.bootstrap[k % 3];
		struct kith_addr at = k < 3 ? world_addr6(k) : world_addr(k - 3);
		bootstrap[k].at = kith_endpoint_udp(&at);
	}
	o.bootstrap = bootstrap;
	o.bootstrap_n = 6;
	assert_int_equal(world_try_start(w, i, &o), 0);
}

static void network(struct core_world *w, enum stack supernodes, enum stack alice, enum stack bob)
{
	core_world_init(w, kith_suite_sodium(), 1);
	w->log = getenv("KITH_TEST_LOG") != NULL;
	for (int i = S0; i <= S2; i++)
		start(w, (const char *const[]){ "s0", "s1", "s2" }[i], true, supernodes);
	world_run(w, 10 * KITH_US_PER_S);
	start(w, "alice", false, alice);
	start(w, "bob", false, bob);
	world_run(w, 10 * KITH_US_PER_S);
}

static uint32_t homes(const struct core_world *w, int node)
{
	struct kith_core_info info;
	kith_core_info(w->nodes[node].core, &info);
	return info.homes;
}

/* The path that alice sends on. */
static struct kith_path_info sending(const struct core_world *w, kith_session_id session)
{
	struct kith_path_info paths[KITH_PATHS_MAX];
	size_t n = kith_core_paths(w->nodes[ALICE].core, world_clock(w), session, paths, KITH_PATHS_MAX);
	for (size_t i = 0; i < n; i++) {
		if (paths[i].sending)
			return paths[i];
	}
	fail_msg("no path is used");
	return paths[0];
}

/* Alice says something every 20 ms, so many times; how much of it bob hears. */
static int talk(struct core_world *w, kith_session_id session, int times)
{
	int since = w->events_n;
	for (int i = 0; i < times; i++) {
		(void)world_say(w, ALICE, session, "hello", 5);
		world_run(w, 20 * KITH_US_PER_MS);
	}
	world_run(w, KITH_US_PER_S);
	return world_events(w, BOB, KITH_EVENT_DATAGRAM, since);
}

static void a_network_of_ipv6_alone_lacks_nothing(void **state)
{
	struct core_world w;
	(void)state;
	network(&w, V6, V6, V6);
	assert_int_equal(homes(&w, ALICE), 3);
	assert_int_equal(homes(&w, BOB), 3);
	kith_session_id session = world_call(&w, ALICE, BOB, NULL);
	assert_int_equal(talk(&w, session, 10), 10);
	struct kith_path_info path = sending(&w, session);
	assert_int_equal(path.kind, KITH_PATH_CLASS_DIRECT);
	assert_int_equal(path.transport, 1);
	assert_true(kith_addr_equal(&path.remote, &w.nodes[BOB].addr6));
	core_world_deinit(&w);
}

/* Both kinds of address reach the peer: each is a warm path, beside the relays. */
static void two_families_are_two_direct_paths(void **state)
{
	struct core_world w;
	struct kith_path_info paths[KITH_PATHS_MAX];
	unsigned direct[2] = { 0, 0 }, relays = 0;
	(void)state;
	network(&w, BOTH, BOTH, BOTH);
	kith_session_id session = world_call(&w, ALICE, BOB, NULL);
	assert_int_equal(talk(&w, session, 500), 500);
	size_t n = kith_core_paths(w.nodes[ALICE].core, world_clock(&w), session, paths, KITH_PATHS_MAX);
	for (size_t i = 0; i < n; i++) {
		if (!paths[i].alive)
			continue;
		if (paths[i].kind == KITH_PATH_CLASS_DIRECT)
			direct[paths[i].transport]++;
		else
			relays++;
	}
	assert_int_equal(direct[0], 1);
	assert_int_equal(direct[1], 1);
	assert_int_equal(relays, KITH_RELAYS_TALK);
	for (int who = ALICE; who <= BOB; who++) { /* and both know which addresses of theirs that were */
		for (size_t i = 0; i < KITH_TRANSPORTS_MET; i++)
			assert_int_not_equal(w.nodes[who].core->transports.met[i], 0);
	}
	core_world_deinit(&w);
}

/* No address of one can reach one of the other: supernodes that have both kinds carry it. */
static void an_ipv4_node_and_an_ipv6_node_meet_at_a_relay_with_both(void **state)
{
	struct core_world w;
	(void)state;
	for (int turn = 0; turn < 2; turn++) {
		network(&w, BOTH, turn == 0 ? V4 : V6, turn == 0 ? V6 : V4);
		assert_int_equal(homes(&w, ALICE), 3);
		assert_int_equal(homes(&w, BOB), 3);
		kith_session_id session = world_call(&w, ALICE, BOB, NULL);
		assert_int_equal(talk(&w, session, 50), 50);
		world_run(&w, 20 * KITH_US_PER_S);
		struct kith_path_info path = sending(&w, session);
		assert_int_equal(path.kind, KITH_PATH_CLASS_RELAY);
		assert_int_equal(path.transport, turn == 0 ? 0 : 1);
		assert_int_equal(talk(&w, session, 10), 10);
		core_world_deinit(&w);
	}
}

static void a_leaf_attaches_by_the_kind_it_has(void **state)
{
	struct core_world w;
	(void)state;
	network(&w, V4, V6, V4);
	assert_int_equal(homes(&w, ALICE), 0); /* of supernodes that she cannot reach */
	assert_int_equal(homes(&w, BOB), 3);
	w.nodes[ALICE].addr = world_addr(ALICE);
	world_link(&w, ALICE, 0, true);
	world_run(&w, 10 * KITH_US_PER_S);
	assert_int_equal(homes(&w, ALICE), 3);
	world_call(&w, ALICE, BOB, NULL);
	core_world_deinit(&w);
}

/* The transport that a call uses goes down: it goes on over the other one. */
static void a_call_outlives_the_socket_it_runs_on(void **state)
{
	struct core_world w;
	(void)state;
	network(&w, BOTH, BOTH, BOTH);
	kith_session_id session = world_call(&w, ALICE, BOB, NULL);
	assert_int_equal(talk(&w, session, 50), 50);
	for (int turn = 0; turn < 2; turn++) {
		struct kith_path_info before = sending(&w, session);
		uint16_t down = before.transport;
		struct kith_addr *addr = down == 0 ? &w.nodes[ALICE].addr : &w.nodes[ALICE].addr6, old = *addr;
		world_link(&w, ALICE, down, false);
		*addr = (struct kith_addr){ 0 };
		assert_true(talk(&w, session, 100) >= 98); /* the packet on its way may be lost */
		struct kith_path_info after = sending(&w, session);
		assert_int_equal(after.transport, 1 - down);
		assert_true(homes(&w, ALICE) > 0);
		*addr = old;
		world_link(&w, ALICE, down, true);
		world_run(&w, 30 * KITH_US_PER_S);
		assert_int_equal(homes(&w, ALICE), 3);
		assert_int_equal(talk(&w, session, 10), 10);
		/* And now the other. */
		assert_null(world_event(&w, ALICE, KITH_EVENT_CLOSED, 0));
	}
	core_world_deinit(&w);
}

/* A laptop goes from one network to another: same socket, another address. */
static void a_call_outlives_a_change_of_address(void **state)
{
	struct core_world w;
	(void)state;
	network(&w, V4, V4, V4);
	kith_session_id session = world_call(&w, ALICE, BOB, NULL);
	assert_int_equal(talk(&w, session, 50), 50);
	for (int turn = 0; turn < 3; turn++) {
		w.nodes[ALICE].addr = world_addr(12 + turn);
		world_link(&w, ALICE, 0, true);
		assert_true(talk(&w, session, 100) >= 90);
		world_run(&w, 20 * KITH_US_PER_S);
		assert_int_equal(sending(&w, session).kind, KITH_PATH_CLASS_DIRECT);
		assert_int_equal(homes(&w, ALICE), 3);
	}
	assert_null(world_event(&w, ALICE, KITH_EVENT_CLOSED, 0));
	core_world_deinit(&w);
}

/* Packets to that address vanish. */
static int lose_tap(struct core_world *w, struct world_packet *p)
{
	return kith_addr_equal(&p->to, w->tap_ctx) ? 0 : 1;
}

/* The system says that a packet could not go there: that path, and no other, is in doubt at once. A false alarm costs
 * nothing, a true one not a single packet.
 */
static void an_error_of_the_system_puts_that_path_in_doubt(void **state)
{
	struct core_world w;
	(void)state;
	network(&w, BOTH, BOTH, BOTH);
	kith_session_id session = world_call(&w, ALICE, BOB, NULL);
	assert_int_equal(talk(&w, session, 50), 50);
	struct kith_core *alice = w.nodes[ALICE].core;
	struct kith_path_info before = sending(&w, session);
	struct kith_addr elsewhere = world_addr(20);
	uint64_t doubts = world_stat(&w, ALICE, KITH_STAT_PATHS_SUSPECT);
	kith_core_send_error(alice, world_clock(&w), before.transport, &elsewhere, KITH_EUNREACHABLE);
	kith_core_send_error(alice, world_clock(&w), 7, &before.remote, KITH_EUNREACHABLE);
	world_drain(&w, ALICE);
	assert_int_equal(world_stat(&w, ALICE, KITH_STAT_PATHS_SUSPECT), doubts);
	kith_core_send_error(alice, world_clock(&w), before.transport, &before.remote, KITH_EUNREACHABLE);
	world_drain(&w, ALICE);
	assert_int_equal(world_stat(&w, ALICE, KITH_STAT_PATHS_SUSPECT), doubts + 1);
	assert_int_equal(talk(&w, session, 50), 50);
	struct kith_path_info again = sending(&w, session);
	assert_true(kith_addr_equal(&again.remote, &before.remote));
	/* And now in earnest. */
	w.tap = lose_tap;
	w.tap_ctx = &before.remote;
	kith_core_send_error(alice, world_clock(&w), before.transport, &before.remote, KITH_EUNREACHABLE);
	world_drain(&w, ALICE);
	assert_int_equal(talk(&w, session, 100), 100);
	struct kith_path_info after = sending(&w, session);
	assert_false(kith_addr_equal(&after.remote, &before.remote));
	w.tap = NULL;
	/* A home's: it is asked whether it is there, and stays one. */
	struct kith_addr home = alice->leaf.homes[0].host.endpoints[0].addr;
	for (uint16_t i = 0; i < 2; i++)
		kith_core_send_error(alice, world_clock(&w), i, &home, KITH_EUNREACHABLE);
	world_drain(&w, ALICE);
	world_run(&w, 20 * KITH_US_PER_S);
	assert_int_equal(homes(&w, ALICE), 3);
	assert_null(world_event(&w, ALICE, KITH_EVENT_CLOSED, 0));
	core_world_deinit(&w);
}

static void without_any_transport_all_waits_and_nothing_ends(void **state)
{
	struct core_world w;
	(void)state;
	network(&w, BOTH, BOTH, BOTH);
	struct kith_addr v4 = w.nodes[ALICE].addr, v6 = w.nodes[ALICE].addr6;
	world_link(&w, ALICE, 0, false);
	world_link(&w, ALICE, 1, false);
	w.nodes[ALICE].addr = w.nodes[ALICE].addr6 = (struct kith_addr){ 0 };
	world_run(&w, 120 * KITH_US_PER_S);
	assert_int_equal(homes(&w, ALICE), 0);
	w.nodes[ALICE].addr = v4;
	w.nodes[ALICE].addr6 = v6;
	world_link(&w, ALICE, 0, true);
	world_link(&w, ALICE, 1, true);
	world_run(&w, 30 * KITH_US_PER_S);
	assert_int_equal(homes(&w, ALICE), 3);
	world_call(&w, BOB, ALICE, NULL);
	core_world_deinit(&w);
}

/* Nothing of v4 passes between alice and bob but by way of a relay. */
static int no_direct_v4(struct core_world *w, struct world_packet *p)
{
	const struct kith_addr *alice = &w->nodes[ALICE].addr, *bob = &w->nodes[BOB].addr;
	bool direct = (kith_addr_equal(&p->from, alice) && kith_addr_equal(&p->to, bob)) ||
		      (kith_addr_equal(&p->from, bob) && kith_addr_equal(&p->to, alice));
	return !direct;
}

/* Brings up a dummy: a carrier of a kind that the library has never heard of, at an address of the node's own. */
static void plug(struct core_world *w, int i, uint8_t kind)
{
	struct kith_transport t = { .id = 1, .kind = kind, .family = KITH_FAMILY_V6, .up = true, .locals_n = 1 };
	w->nodes[i].addr6 = world_addr6(i);
	t.locals[0] = (struct kith_local){ w->nodes[i].addr6, KITH_ADDR_HOST, 64 };
	assert_int_equal(kith_core_transport(w->nodes[i].core, world_clock(w), &t), 0);
	world_drain(w, i);
}

static void a_kind_of_ones_own_carries_a_direct_path_and_others_pass_it_over(void **state)
{
	struct core_world w;
	kith_session_id theirs;
	(void)state;
	for (int both = 0; both < 2; both++) {
		network(&w, V4, V4, V4);
		w.tap = no_direct_v4;
		plug(&w, ALICE, KITH_TRANSPORT_PRIVATE + 7);
		plug(&w, BOB, both ? KITH_TRANSPORT_PRIVATE + 7 : KITH_TRANSPORT_PRIVATE + 8);
		kith_session_id session = world_call(&w, ALICE, BOB, &theirs);
		world_run(&w, 10 * KITH_US_PER_S);
		struct kith_path_info path = sending(&w, session);
		assert_int_equal(path.kind, both ? KITH_PATH_CLASS_DIRECT : KITH_PATH_CLASS_RELAY);
		assert_int_equal(path.carrier, both ? KITH_TRANSPORT_PRIVATE + 7 : KITH_TRANSPORT_UDP);
		assert_int_equal(talk(&w, session, 20), 20);
		core_world_deinit(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_network_of_ipv6_alone_lacks_nothing),
		cmocka_unit_test(two_families_are_two_direct_paths),
		cmocka_unit_test(an_ipv4_node_and_an_ipv6_node_meet_at_a_relay_with_both),
		cmocka_unit_test(a_leaf_attaches_by_the_kind_it_has),
		cmocka_unit_test(a_call_outlives_the_socket_it_runs_on),
		cmocka_unit_test(a_call_outlives_a_change_of_address),
		cmocka_unit_test(an_error_of_the_system_puts_that_path_in_doubt),
		cmocka_unit_test(without_any_transport_all_waits_and_nothing_ends),
		cmocka_unit_test(a_kind_of_ones_own_carries_a_direct_path_and_others_pass_it_over),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
