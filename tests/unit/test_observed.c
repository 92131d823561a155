/* Where others see a node: a NAT that gives it another port is noticed, by whoever says so first, and liars gain
 * nothing. */
#include "leaf_world.h"

#include "core/settle.h"
#include "leaf/observed.h"

/* A NAT in front of a node of the world: it gives the node's packets another port from some moment on, and drops what
 * comes to the old one. In front of another, it lets in only who was sent something. */
struct nat {
	int filtered; /* node behind a filter, -1: none */
	struct kith_addr sent_to[64];
	int sent_n;
	int lost; /* by the filter */
};

static int nat_tap(struct core_world *w, struct world_packet *p)
{
	struct nat *nat = w->tap_ctx;
	if (nat->filtered < 0)
		return 1;
	const struct kith_addr *inside = &w->nodes[nat->filtered].addr;
	bool known = false;
	for (int i = 0; i < nat->sent_n; i++)
		known = known ||
			kith_addr_equal(&nat->sent_to[i], kith_addr_equal(&p->from, inside) ? &p->to : &p->from);
	if (kith_addr_equal(&p->from, inside) && !known) {
		assert_true(nat->sent_n < 64);
		nat->sent_to[nat->sent_n++] = p->to;
	}
	if (!kith_addr_equal(&p->to, inside) || known)
		return 1;
	nat->lost++;
	return 0;
}

static void rebind(struct core_world *w, int node)
{
	w->nodes[node].addr.port = (uint16_t)(w->nodes[node].addr.port + 1000);
}

static bool offers(const struct core_world *w, int node, const struct kith_addr *addr)
{
	struct kith_candidate own[KITH_CANDIDATES_MAX];
	size_t n = kith_own_candidates(w->nodes[node].core, own, KITH_CANDIDATES_MAX);
	for (size_t i = 0; i < n; i++) {
		if (own[i].kind == KITH_ADDR_OBSERVED && kith_addr_equal(&own[i].at.addr, addr))
			return true;
	}
	return false;
}

/* How many of a leaf's homes send to the address that it has now. */
static int homes_that_follow(const struct core_world *w, int node)
{
	int n = 0;
	for (int i = 0; i < w->n; i++) {
		const struct kith_core *c = w->nodes[i].core;
		uint32_t it = 0;
		const struct kith_session *s;
		while (w->nodes[i].supernode && (s = kith_table_next(&c->sessions.by_index, &it)) != NULL)
			n += (s->use & KITH_USE_LEAF) != 0 &&
			     kith_addr_equal(&kith_session_hop(s)->remote, &w->nodes[node].addr);
	}
	return n;
}

static void an_idle_leaf_learns_its_new_port_from_a_keepalive(void **state)
{
	struct core_world w;
	(void)state;
	world_alice_and_bob(&w);
	const struct kith_addr old = w.nodes[WORLD_BOB].addr;
	assert_true(offers(&w, WORLD_BOB, &old));
	rebind(&w, WORLD_BOB);
	world_run(&w, KITH_KEEPALIVE_US * 11 / 10 + KITH_US_PER_S);
	assert_true(offers(&w, WORLD_BOB, &w.nodes[WORLD_BOB].addr));
	assert_false(offers(&w, WORLD_BOB, &old));
	assert_int_equal(homes_that_follow(&w, WORLD_BOB), 3);
	core_world_deinit(&w);
}

/* The session of a node sends straight to that address. */
static bool sends_to(const struct core_world *w, int node, kith_session_id session, const struct kith_addr *to)
{
	struct kith_path_info paths[KITH_PATHS_MAX];
	size_t n = kith_core_paths(w->nodes[node].core, world_clock(w), session, paths, KITH_PATHS_MAX);
	for (size_t i = 0; i < n; i++) {
		if (paths[i].sending && paths[i].alive)
			return paths[i].kind == KITH_PATH_CLASS_DIRECT && kith_addr_equal(&paths[i].remote, to);
	}
	return false;
}

struct call {
	kith_session_id alice, bob;
	kith_time_us every; /* between datagrams, each way; 0: none */
};

static void talk(struct core_world *w, const struct call *call, kith_time_us us)
{
	const kith_time_us end = w->now + us;
	while (w->now < end) {
		if (call->every != 0) {
			(void)world_say(w, WORLD_ALICE, call->alice, "a", 1);
			(void)world_say(w, WORLD_BOB, call->bob, "b", 1);
		}
		world_run(w, call->every != 0 ? call->every : 20 * KITH_US_PER_MS);
	}
}

static bool is_direct(const struct core_world *w, const struct call *call)
{
	return sends_to(w, WORLD_ALICE, call->alice, &w->nodes[WORLD_BOB].addr) &&
	       sends_to(w, WORLD_BOB, call->bob, &w->nodes[WORLD_ALICE].addr);
}

/* How long it takes until both send straight to each other; limit at most. */
static kith_time_us direct_after(struct core_world *w, const struct call *call, kith_time_us limit)
{
	const kith_time_us begin = w->now;
	do
		talk(w, call, 20 * KITH_US_PER_MS);
	while (!is_direct(w, call) && w->now - begin < limit);
	return w->now - begin;
}

/* Alice and bob talk directly; the node `filtered` has a NAT that lets in only who was sent something. */
static void world_talks(struct core_world *w, struct nat *nat, struct call *call, int filtered, kith_time_us every)
{
	world_alice_and_bob(w);
	*nat = (struct nat){ .filtered = filtered };
	for (int i = 0; i < WORLD_ALICE; i++) /* all are its homes */
		nat->sent_to[nat->sent_n++] = w->nodes[i].addr;
	w->tap = nat_tap;
	w->tap_ctx = nat;
	call->every = every;
	call->alice = world_call(w, WORLD_ALICE, WORLD_BOB, &call->bob);
	talk(w, call, 5 * KITH_US_PER_S);
	assert_true(is_direct(w, call));
}

static void check_direct_again(int moves, int filtered, kith_time_us every, kith_time_us limit)
{
	struct core_world w;
	struct nat nat;
	struct call call;
	world_talks(&w, &nat, &call, filtered, every);
	rebind(&w, moves);
	kith_time_us took = direct_after(&w, &call, 10 * limit);
	assert_true(took <= limit);
	core_world_deinit(&w);
}

static void data_that_uncovers_a_new_port_is_direct_again_within_two_seconds(void **state)
{
	(void)state;
	for (int moves = WORLD_ALICE; moves <= WORLD_BOB; moves++) {
		for (int filtered = -1; filtered <= WORLD_BOB; filtered++) {
			if (filtered < 0 || filtered >= WORLD_ALICE)
				check_direct_again(moves, filtered, 20 * KITH_US_PER_MS, 2 * KITH_US_PER_S);
		}
	}
}

static void an_idle_call_is_direct_again_within_a_keepalive(void **state)
{
	(void)state;
	for (int moves = WORLD_ALICE; moves <= WORLD_BOB; moves++)
		check_direct_again(moves, WORLD_ALICE + WORLD_BOB - moves, 0,
				   KITH_KEEPALIVE_US * 11 / 10 + 2 * KITH_US_PER_S);
}

/* Data flows on, since the peer's NAT lets everybody in: nothing is in doubt, but calls of others would be lost. */
static void a_peer_that_follows_makes_us_ask_the_homes(void **state)
{
	struct core_world w;
	struct nat nat;
	struct call call;
	(void)state;
	world_talks(&w, &nat, &call, -1, 20 * KITH_US_PER_MS);
	rebind(&w, WORLD_BOB);
	talk(&w, &call, KITH_US_PER_S);
	assert_int_equal(homes_that_follow(&w, WORLD_BOB), 3);
	assert_true(offers(&w, WORLD_BOB, &w.nodes[WORLD_BOB].addr));
	core_world_deinit(&w);
}

/* A callee, its caller or both moved a second ago, and their systems told them so. */
static void a_call_a_second_after_a_move_opens_within_two_seconds(void **state)
{
	(void)state;
	for (int who = 1; who <= 3; who++) {
		struct core_world w;
		world_alice_and_bob(&w);
		for (int i = WORLD_ALICE; i <= WORLD_BOB; i++) {
			if ((who & (i == WORLD_ALICE ? 1 : 2)) == 0)
				continue;
			w.nodes[i].addr.ip[3]++;
			rebind(&w, i);
			world_link(&w, i, 0, true);
		}
		world_run(&w, KITH_US_PER_S);
		int since = w.events_n;
		world_dial(&w, WORLD_ALICE, "bob", 0);
		world_run(&w, 2 * KITH_US_PER_S);
		assert_non_null(world_event(&w, WORLD_ALICE, KITH_EVENT_OPENED, since));
		assert_non_null(world_event(&w, WORLD_BOB, KITH_EVENT_OPENED, since));
		core_world_deinit(&w);
	}
}

/* ---- liars ---- */

/* Says to the other side of a session that it is seen at that address, unasked. */
static void lie(struct core_world *w, int node, struct kith_session *s, const struct kith_addr *victim)
{
	struct kith_core *c = w->nodes[node].core;
	const struct kith_probe_ack_frame f = { .nonce = 0, .path = 0, .observed = *victim };
	const struct kith_hop hop = *kith_session_hop(s);
	assert_int_equal(hop.tunnel, 0);
	kith_core_enter(c, world_clock(w));
	struct kith_writer *out =
		kith_outbox_begin(&c->shared->outbox, s->index, &hop, 0, KITH_FRAME_PROBE_ACK, KITH_PROBE_ACK_BODY_MAX);
	kith_probe_ack_write(out, &f);
	kith_outbox_end(&c->shared->outbox);
	kith_core_settle(c);
	world_drain(w, node);
}

static struct kith_addr victim_of(int i)
{
	return (struct kith_addr){ .family = KITH_FAMILY_V4, .port = (uint16_t)(7000 + i), .ip = { 99, 1, 1, 1 } };
}

static void a_contact_that_lies_is_not_believed_and_costs_little(void **state)
{
	enum { LIES = 600 };
	struct core_world w;
	struct nat nat;
	struct call call;
	(void)state;
	world_talks(&w, &nat, &call, -1, 0);
	struct kith_session *s = kith_sessions_get(&w.nodes[WORLD_ALICE].core->sessions, call.alice);
	assert_non_null(s);
	uint64_t probes = world_stat(&w, WORLD_BOB, KITH_STAT_PROBES_SENT);
	for (int i = 0; i < LIES; i++) {
		struct kith_addr victim = victim_of(i);
		lie(&w, WORLD_ALICE, s, &victim);
		world_run(&w, 100 * KITH_US_PER_MS);
		assert_false(offers(&w, WORLD_BOB, &victim));
	}
	/* In a minute: three homes are asked at once, after 10 and after 30 s; the direct path is probed as ever, after
	 * KITH_PEER_KEEPALIVE_US less 10 % at the earliest. */
	const uint64_t ever = LIES * 100 * KITH_US_PER_MS / (KITH_PEER_KEEPALIVE_US * 9 / 10);
	assert_in_range(world_stat(&w, WORLD_BOB, KITH_STAT_PROBES_SENT) - probes, 9, 9 + ever);
	core_world_deinit(&w);
}

static void a_home_that_lies_cannot_make_us_flap(void **state)
{
	enum { LIES = 200 };
	struct core_world w;
	struct nat nat;
	struct call call;
	(void)state;
	world_talks(&w, &nat, &call, -1, 0);
	struct kith_core *bob = w.nodes[WORLD_BOB].core;
	struct kith_session *s = kith_sessions_of(&w.nodes[0].core->sessions, bob->self.dh_pk);
	assert_non_null(s);
	int changes = 0;
	for (int i = 0; i < LIES; i++) {
		struct kith_addr victim = victim_of(i);
		lie(&w, 0, s, &victim);
		world_run(&w, 100 * KITH_US_PER_MS);
		changes += offers(&w, WORLD_BOB, &victim);
		assert_true(offers(&w, WORLD_BOB, &w.nodes[WORLD_BOB].addr));
	}
	assert_in_range(changes, 1, LIES / 10 / 2 + 1);
	world_run(&w, 3 * KITH_US_PER_S); /* it was asked again, and its core says the truth */
	struct kith_candidate own[KITH_CANDIDATES_MAX];
	size_t n = kith_own_candidates(bob, own, KITH_CANDIDATES_MAX);
	for (size_t i = 0; i < n; i++)
		assert_int_not_equal(own[i].at.addr.ip[0], 99);
	core_world_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_idle_leaf_learns_its_new_port_from_a_keepalive),
		cmocka_unit_test(data_that_uncovers_a_new_port_is_direct_again_within_two_seconds),
		cmocka_unit_test(an_idle_call_is_direct_again_within_a_keepalive),
		cmocka_unit_test(a_peer_that_follows_makes_us_ask_the_homes),
		cmocka_unit_test(a_call_a_second_after_a_move_opens_within_two_seconds),
		cmocka_unit_test(a_contact_that_lies_is_not_believed_and_costs_little),
		cmocka_unit_test(a_home_that_lies_cannot_make_us_flap),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
