/* What a supernode does for others, as they come, go, come back, and lie about it. */
#include "core_world.h"

#include "base/limits.h"
#include "role/supernode.h"

static struct kith_core_info info_of(const struct core_world *w, int node)
{
	struct kith_core_info info;
	kith_core_info(w->nodes[node].core, &info);
	return info;
}

static void restart(struct core_world *w, int node)
{
	struct kith_core_options o;
	world_stop(w, node);
	world_options(w, node, &o);
	assert_int_equal(world_try_start(w, node, &o), 0);
}

/* A leaf that restarts again and again, each time without a word. */
static void a_leaf_that_restarts_counts_once(void **state)
{
	struct core_world w;
	(void)state;
	world_alice_and_bob(&w);
	uint32_t sessions[3];
	for (int i = 0; i < 3; i++)
		sessions[i] = info_of(&w, i).sessions;
	for (int k = 0; k < 20; k++) {
		restart(&w, WORLD_BOB);
		world_run(&w, 2 * KITH_US_PER_S);
	}
	for (int i = 0; i < 3; i++) {
		assert_int_equal(info_of(&w, i).leaves, 2);
		assert_true(info_of(&w, i).sessions <= sessions[i] + 1);
	}
	world_call(&w, WORLD_ALICE, WORLD_BOB, NULL);
	core_world_deinit(&w);
}

static void what_a_newcomer_is_responsible_for_is_brought_to_it(void **state)
{
	struct core_world w;
	(void)state;
	world_alice_and_bob(&w);
	int i = world_start(&w, "s3", true);
	world_run(&w, 60 * KITH_US_PER_S);
	assert_int_equal(info_of(&w, i).members, 4);
	for (int k = 0; k < 4; k++) {
		int super = k < 3 ? k : i;
		assert_true(info_of(&w, super).records >=
			    2); /* six replicas, four supernodes: everybody has everything */
	}
	core_world_deinit(&w);
}

static void one_that_left_is_no_member_and_its_tunnels_are_not_missed(void **state)
{
	struct core_world w;
	(void)state;
	world_far_apart(&w);
	assert_int_equal(kith_core_pin(w.nodes[WORLD_FAR_ALICE].core, world_clock(&w), "bob",
				       &w.nodes[WORLD_FAR_BOB].id.identity, KITH_CONTACT_RELAY_ONLY, false),
			 0);
	world_drain(&w, WORLD_FAR_ALICE);
	kith_session_id s = world_call(&w, WORLD_FAR_ALICE, WORLD_FAR_BOB, NULL);
	world_run(&w, 5 * KITH_US_PER_S);
	int relay = -1;
	for (int i = 0; i < 6; i++)
		relay = info_of(&w, i).tunnels > 0 ? i : relay;
	assert_true(relay >= 0);
	kith_core_leave(w.nodes[relay].core, world_clock(&w), 10 * KITH_US_PER_S);
	world_drain(&w, relay);
	int got = 0;
	for (int i = 0; i < 150; i++) {
		int since = w.events_n;
		if (i == 60)
			world_stop(&w, relay);
		assert_int_equal(world_say(&w, WORLD_FAR_ALICE, s, "tick", 4), 0);
		world_run(&w, 200 * KITH_US_PER_MS);
		got += world_events(&w, WORLD_FAR_BOB, KITH_EVENT_DATAGRAM, since);
	}
	assert_true(got >= 148);
	world_run(&w, 30 * KITH_US_PER_S);
	for (int i = 0; i < 6; i++) {
		if (i != relay)
			assert_int_equal(info_of(&w, i).members, 5);
	}
	core_world_deinit(&w);
}

/* A leaf whose certificate does not say supernode cannot act as one, whatever it claims. */
static void a_leaf_that_claims_to_be_a_supernode_is_served_as_a_leaf(void **state)
{
	struct core_world w;
	(void)state;
	world_alice_and_bob(&w);
	struct kith_core *c = w.nodes[WORLD_BOB].core;
	c->self.role = KITH_ROLE_SUPERNODE;
	restart(&w, WORLD_ALICE);
	w.nodes[WORLD_ALICE].core->self.role = KITH_ROLE_SUPERNODE;
	world_run(&w, 5 * KITH_US_PER_S);
	for (int i = 0; i < 3; i++) {
		const struct kith_session *s =
			kith_sessions_of(&w.nodes[i].core->sessions, w.nodes[WORLD_ALICE].id.device_dh.b);
		assert_non_null(s);
		assert_int_equal(s->role, KITH_ROLE_LEAF);
		assert_int_equal(info_of(&w, i).members, 3);
	}
	core_world_deinit(&w);
}

static void someone_else_s_record_is_not_taken_from_a_leaf(void **state)
{
	struct core_world w;
	(void)state;
	world_alice_and_bob(&w);
	struct kith_core *a = w.nodes[WORLD_ALICE].core, *b = w.nodes[WORLD_BOB].core;
	uint32_t records[3];
	for (int i = 0; i < 3; i++)
		records[i] = info_of(&w, i).records;
	/* Alice publishes bob's newest record as hers: refused, and it costs her the home, not bob anything. */
	memcpy(a->leaf.record, b->leaf.record, b->leaf.record_len);
	a->leaf.record_len = b->leaf.record_len;
	struct kith_session *s = kith_sessions_get(&a->sessions, a->leaf.homes[0].session);
	assert_non_null(s);
	uint8_t body[KITH_REQUEST_MAX];
	struct kith_packer pk;
	kith_packer_init(&pk, body, sizeof body);
	kith_pack_map(&pk, 2);
	kith_pack_key(&pk, KITH_B_ATTACH_RECORD);
	kith_pack_bytes(&pk, b->leaf.record, b->leaf.record_len);
	kith_pack_key(&pk, KITH_B_ATTACH_PUBLISH);
	kith_pack_bool(&pk, true);
	kith_core_tick(a, world_clock(&w));
	world_drain(&w, WORLD_ALICE);
	kith_outbox_claim(&w.shared->outbox, a, a->stats);
	assert_int_equal(kith_ask(a, s, KITH_REQ_ATTACH, test_span(body, pk.len), kith_token(KITH_TOKEN_IGNORE, 0)), 0);
	kith_core_tick(a, world_clock(&w));
	world_drain(&w, WORLD_ALICE);
	world_run(&w, KITH_US_PER_S);
	for (int i = 0; i < 3; i++)
		assert_int_equal(info_of(&w, i).records, records[i]);
	world_call(&w, WORLD_ALICE, WORLD_BOB, NULL);
	core_world_deinit(&w);
}

static void supernodes_that_were_cut_off_from_each_other_meet_again(void **state)
{
	struct core_world w;
	(void)state;
	world_alice_and_bob(&w);
	w.nodes[2].muted = true;
	world_run(&w, 600 * KITH_US_PER_S);
	w.nodes[2].muted = false;
	world_run(&w, 120 * KITH_US_PER_S);
	for (int i = 0; i < 3; i++)
		assert_int_equal(info_of(&w, i).members, 3);
	world_call(&w, WORLD_ALICE, WORLD_BOB, NULL);
	core_world_deinit(&w);
}

/* An hour with nothing going on: no node's memory grows. */
static void an_idle_network_does_not_grow(void **state)
{
	struct core_world w;
	(void)state;
	world_alice_and_bob(&w);
	world_run(&w, 1800 * KITH_US_PER_S);
	size_t bytes = w.alloc.live_bytes;
	world_run(&w, 3600 * KITH_US_PER_S);
	assert_true(w.alloc.live_bytes <= bytes + bytes / 50);
	core_world_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_leaf_that_restarts_counts_once),
		cmocka_unit_test(what_a_newcomer_is_responsible_for_is_brought_to_it),
		cmocka_unit_test(one_that_left_is_no_member_and_its_tunnels_are_not_missed),
		cmocka_unit_test(a_leaf_that_claims_to_be_a_supernode_is_served_as_a_leaf),
		cmocka_unit_test(someone_else_s_record_is_not_taken_from_a_leaf),
		cmocka_unit_test(supernodes_that_were_cut_off_from_each_other_meet_again),
		cmocka_unit_test(an_idle_network_does_not_grow),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
