/* What a supernode does for others, as they come, go, come back, and lie about it. */
#include "core_world.h"

#include "base/limits.h"
#include "role/connect.h"
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
	assert_int_equal(
		kith_session_request(a, s, KITH_REQ_ATTACH, test_span(body, pk.len), kith_token(KITH_TOKEN_IGNORE, 0)),
		0);
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

/* Sends a leaf's record to one supernode from another, as a home would to a replica. */
static void store_at(struct core_world *w, int from, int to, int leaf)
{
	struct kith_core *c = w->nodes[from].core;
	const struct kith_leaf *l = &w->nodes[leaf].core->leaf;
	uint8_t body[KITH_REQUEST_MAX];
	struct kith_packer pk;
	struct kith_host host = { .dh = w->nodes[to].id.device_dh, .addrs_n = 1, .addrs = { w->nodes[to].addr } };
	uint32_t session;
	kith_packer_init(&pk, body, sizeof body);
	kith_pack_map(&pk, 1);
	kith_pack_key(&pk, KITH_B_NEWS_RECORDS);
	kith_pack_array(&pk, 1);
	kith_pack_bytes(&pk, l->record, l->record_len);
	assert_false(pk.bad);
	kith_core_tick(c, world_clock(w));
	world_drain(w, from);
	kith_outbox_claim(&w->shared->outbox, c, c->stats);
	assert_int_equal(kith_connect_request(c, &host, KITH_USE_MEMBER, KITH_REQ_STORE, test_span(body, pk.len),
					      kith_token(KITH_TOKEN_IGNORE, 0), &session),
			 0);
	kith_core_tick(c, world_clock(w));
	world_drain(w, from);
	world_run(w, 500 * KITH_US_PER_MS);
}

static bool holds(const struct core_world *w, int super, const struct kith_id *key)
{
	return kith_store_get(&w->nodes[super].core->super->store, key) != NULL;
}

static struct kith_id key_of_name(const struct core_world *w, const char *name)
{
	struct kith_id key;
	kith_ids_directory(w->pki.suite, &key, &w->nodes[0].core->self.network, name);
	return key;
}

static void records_are_kept_by_those_near_their_key_only(void **state)
{
	struct core_world w;
	(void)state;
	world_network(&w, kith_suite_sodium(), 1, 16, (const char *const[]){ "bob", NULL });
	struct kith_id key = key_of_name(&w, "bob");
	int kept = 0, before = 0;
	for (int i = 0; i < 16; i++)
		before += holds(&w, i, &key);
	assert_int_equal(before, KITH_REPLICAS);
	for (int i = 0; i < 16; i++) {
		bool near = kith_replicas_near(&w.nodes[i].core->super->members, &key, &w.nodes[i].core->super->id);
		uint64_t refused = world_stat(&w, i, KITH_STAT_STORE_REFUSED);
		store_at(&w, i == 0 ? 1 : 0, i, 16);
		assert_int_equal(holds(&w, i, &key), near);
		assert_int_equal(world_stat(&w, i, KITH_STAT_STORE_REFUSED) - refused, !near);
		kept += near;
	}
	assert_int_equal(kept, 2 * KITH_REPLICAS);
	core_world_deinit(&w);
}

/* All six replicas of a name are lost at one moment; its leaf has nothing new to say. */
static void a_name_whose_replicas_are_all_lost_is_found_again(void **state)
{
	struct core_world w;
	(void)state;
	world_network(&w, kith_suite_sodium(), 1, 16, (const char *const[]){ "bob", NULL });
	struct kith_id key = key_of_name(&w, "bob");
	for (int i = 0; i < 16; i++)
		w.nodes[i].muted = holds(&w, i, &key);
	world_run(&w, 150 * KITH_US_PER_S);
	int asker = -1, holders = 0;
	for (int i = 0; i < 16; i++) {
		if (w.nodes[i].muted)
			continue;
		holders += holds(&w, i, &key);
		if (!holds(&w, i, &key) &&
		    kith_sessions_of(&w.nodes[i].core->sessions, w.nodes[16].id.device_dh.b) == NULL)
			asker = i;
	}
	assert_int_equal(holders, KITH_REPLICAS);
	assert_true(asker >= 0);
	kith_op op;
	int since = w.events_n;
	assert_int_equal(kith_core_lookup(w.nodes[asker].core, world_clock(&w), "bob", &op), 0);
	world_drain(&w, asker);
	world_run(&w, 4 * KITH_US_PER_S);
	assert_int_equal(world_events(&w, asker, KITH_EVENT_FOUND, since), 1);
	core_world_deinit(&w);
}

static void a_replica_that_restarts_is_given_what_it_kept(void **state)
{
	struct core_world w;
	(void)state;
	world_network(&w, kith_suite_sodium(), 1, 8, (const char *const[]){ "bob", NULL });
	struct kith_id key = key_of_name(&w, "bob");
	int replica = -1;
	for (int i = 0; i < 8; i++) {
		if (holds(&w, i, &key) &&
		    kith_sessions_of(&w.nodes[i].core->sessions, w.nodes[8].id.device_dh.b) == NULL)
			replica = i;
	}
	assert_true(replica >= 0);
	restart(&w, replica);
	assert_false(holds(&w, replica, &key));
	world_run(&w, 30 * KITH_US_PER_S);
	assert_true(holds(&w, replica, &key));
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
		cmocka_unit_test(records_are_kept_by_those_near_their_key_only),
		cmocka_unit_test(a_name_whose_replicas_are_all_lost_is_found_again),
		cmocka_unit_test(a_replica_that_restarts_is_given_what_it_kept),
		cmocka_unit_test(an_idle_network_does_not_grow),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
