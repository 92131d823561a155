/* Leaves that attach: each counts once, is served as what its certificate says, and brings its own record only. */
#include "super_world.h"

#include "base/limits.h"
#include "core/settle.h"
#include "super/attach.h"
#include "link/connect.h"
#include "super/super.h"

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

/* Alice certifies one device after the other; bob's place is his all the same. */
static void one_identity_has_so_many_places_at_a_home(void **state)
{
	struct core_world w;
	struct kith_core_options o;
	(void)state;
	world_network(&w, kith_suite_sodium(), 1, 1, (const char *const[]){ NULL });
	assert_int_equal(world_add(&w, "alice", false), 1);
	w.nodes[1].id.devices_len = 0; /* no list that the others are not on */
	world_options(&w, 1, &o);
	assert_int_equal(world_try_start(&w, 1, &o), 0);
	for (int i = 0; i < KITH_LEAVES_PER_IDENTITY + 2; i++) {
		world_further(&w, "alice", 1);
		world_run(&w, 2 * KITH_US_PER_S);
	}
	assert_int_equal(info_of(&w, 0).leaves, KITH_LEAVES_PER_IDENTITY);
	assert_true(world_stat(&w, 0, KITH_STAT_REQUESTS_LIMITED) > 0);
	int bob = world_start(&w, "bob", false);
	world_run(&w, 2 * KITH_US_PER_S);
	assert_int_equal(info_of(&w, bob).homes, 1);
	world_stop(&w, 1); /* and a place that is free again is another device's */
	world_run(&w, 2 * KITH_LEAF_VANISH_US + 300 * KITH_US_PER_S);
	assert_int_equal(info_of(&w, 0).leaves, KITH_LEAVES_PER_IDENTITY + 1);
	core_world_deinit(&w);
}

/* Alice's devices take all places that they may: seven eighths. The others go to whoever has none, one each; a device
 * of hers that comes back has its own. */
static void the_last_places_are_for_those_who_have_none(void **state)
{
	enum { PLACES = 16, KEPT = PLACES / KITH_LEAVES_RESERVE };
	struct core_world w;
	struct kith_core_options o;
	(void)state;
	world_network(&w, kith_suite_sodium(), 1, 1, (const char *const[]){ NULL });
	w.nodes[0].core->super->leaves_max = PLACES;
	assert_int_equal(world_add(&w, "alice", false), 1);
	w.nodes[1].id.devices_len = 0;
	world_options(&w, 1, &o);
	assert_int_equal(world_try_start(&w, 1, &o), 0);
	for (int i = 0; i < PLACES; i++) {
		world_further(&w, "alice", 1);
		world_run(&w, 2 * KITH_US_PER_S);
	}
	assert_int_equal(info_of(&w, 0).leaves, PLACES - KEPT);
	int bob = world_start(&w, "bob", false);
	world_run(&w, 2 * KITH_US_PER_S);
	assert_int_equal(info_of(&w, bob).homes, 1);
	restart(&w, 1);
	world_run(&w, 2 * KITH_US_PER_S);
	assert_int_equal(info_of(&w, 1).homes, 1);
	assert_int_equal(info_of(&w, 0).leaves, PLACES - KEPT + 1);
	int carol = world_start(&w, "carol", false), dave = world_start(&w, "dave", false);
	world_run(&w, 5 * KITH_US_PER_S);
	assert_int_equal(info_of(&w, carol).homes + info_of(&w, dave).homes, 1);
	assert_int_equal(info_of(&w, 0).leaves, PLACES);
	core_world_deinit(&w);
}

/* The same where sessions run short before places do. */
static void the_last_sessions_for_leaves_are_for_those_who_have_none(void **state)
{
	struct core_world w;
	struct kith_core_options o;
	(void)state;
	world_network(&w, kith_suite_sodium(), 1, 1, (const char *const[]){ NULL });
	w.nodes[0].core->sessions.by_index.max = 12; /* of which one is kept */
	assert_int_equal(world_add(&w, "alice", false), 1);
	w.nodes[1].id.devices_len = 0;
	world_options(&w, 1, &o);
	assert_int_equal(world_try_start(&w, 1, &o), 0);
	for (int i = 0; i < KITH_LEAVES_PER_IDENTITY; i++) {
		world_further(&w, "alice", 1);
		world_run(&w, 2 * KITH_US_PER_S);
	}
	assert_int_equal(info_of(&w, 0).leaves, 10); /* the next one's session is the eleventh */
	int bob = world_start(&w, "bob", false);
	world_run(&w, 300 * KITH_US_PER_S); /* refused ones ask again, and may be in its way */
	assert_int_equal(info_of(&w, bob).homes, 1);
	core_world_deinit(&w);
}

/* Alice's devices come all at once, and are refused for want of places: none of them takes more than her share. */
static void one_identity_has_so_many_sessions_beside_its_leaves(void **state)
{
	enum { DEVICES = KITH_SESSIONS_PER_IDENTITY + 8 };
	struct core_world w;
	struct kith_core_options o;
	uint32_t most = 0, held;
	(void)state;
	world_network(&w, kith_suite_sodium(), 1, 1, (const char *const[]){ NULL });
	const struct kith_core *c = w.nodes[0].core;
	w.nodes[0].core->super->leaves_max = 0;
	assert_int_equal(world_add(&w, "alice", false), 1);
	w.nodes[1].id.devices_len = 0;
	world_options(&w, 1, &o);
	assert_int_equal(world_try_start(&w, 1, &o), 0);
	const uint64_t alice = kith_identity_key(&w.nodes[1].id.identity);
	for (int i = 1; i < DEVICES; i++) {
		world_further(&w, "alice", 1);
		world_run(&w, 100 * KITH_US_PER_MS);
		held = kith_allowance_held(&c->allowance, alice, KITH_HOLDING_SESSION);
		most = held > most ? held : most;
	}
	assert_int_equal(most, KITH_SESSIONS_PER_IDENTITY);
	assert_true(world_stat(&w, 0, KITH_STAT_SESSIONS_LIMITED) > 0);
	int bob = world_start(&w, "bob", false);
	world_run(&w, KITH_US_PER_S);
	const uint64_t his = kith_identity_key(&w.nodes[bob].id.identity);
	assert_int_equal(kith_allowance_held(&c->allowance, his, KITH_HOLDING_SESSION), 1);
	w.nodes[0].core->super->leaves_max = 1000; /* what becomes a leaf has another place */
	world_run(&w, 300 * KITH_US_PER_S);
	assert_int_equal(kith_allowance_held(&c->allowance, his, KITH_HOLDING_SESSION), 0);
	assert_int_equal(kith_allowance_held(&c->allowance, his, KITH_HOLDING_LEAF), 1);
	for (int i = 1; i <= bob; i++)
		world_stop(&w, i);
	world_run(&w, 300 * KITH_US_PER_S);
	assert_int_equal(c->allowance.held[KITH_HOLDING_SESSION].n, 0);
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
	const struct kith_span his = kith_blob_span(b->leaf.record);
	struct kith_session *s = kith_sessions_get(&a->sessions, a->leaf.homes[0].session);
	assert_non_null(s);
	uint8_t body[KITH_REQUEST_MAX];
	const struct kith_msg_attach m = { .record = his, .publish = true };
	size_t len = kith_msg_attach_write(body, sizeof body, &m);
	kith_core_tick(a, world_clock(&w));
	world_drain(&w, WORLD_ALICE);
	kith_outbox_claim(&w.shared->outbox, a, a->stats);
	assert_int_equal(
		kith_session_request(a, s, KITH_REQ_ATTACH, test_span(body, len), kith_token(KITH_TOKEN_IGNORE, 0)), 0);
	kith_core_tick(a, world_clock(&w));
	world_drain(&w, WORLD_ALICE);
	world_run(&w, KITH_US_PER_S);
	for (int i = 0; i < 3; i++)
		assert_int_equal(info_of(&w, i).records, records[i]);
	world_call(&w, WORLD_ALICE, WORLD_BOB, NULL);
	core_world_deinit(&w);
}

/* Somebody who kept an old record of bob's, which names homes that he has left, does not bring it back. */
static void an_older_record_is_not_taken_from_a_leaf(void **state)
{
	struct core_world w;
	uint8_t old[KITH_RECORD_LEN_MAX], body[KITH_REQUEST_MAX];
	(void)state;
	world_alice_and_bob(&w);
	struct kith_core *b = w.nodes[WORLD_BOB].core, *home = w.nodes[0].core;
	size_t len = b->leaf.record->len;
	memcpy(old, b->leaf.record->bytes, len);
	world_run(&w, KITH_RECORD_REFRESH_US + 60 * KITH_US_PER_S); /* he has signed another one */
	struct kith_session *s = kith_sessions_of(&home->sessions, w.nodes[WORLD_BOB].id.device_dh.b);
	assert_non_null(s);
	struct kith_record record;
	assert_int_equal(kith_record_parse(&record, kith_blob_span(s->attached->record)), 0);
	uint64_t seq = record.seq;
	const struct kith_msg_attach m = { .record = test_span(old, len), .publish = true };
	struct kith_request request = { .id = 77, .kind = KITH_REQ_ATTACH };
	request.body = test_span(body, kith_msg_attach_write(body, sizeof body, &m));
	assert_int_equal(kith_record_parse(&record, test_span(old, len)), 0);
	assert_true(record.seq < seq);
	kith_core_enter(home, world_clock(&w));
	kith_attach_on_request(home, s, &request);
	kith_core_settle(home);
	world_drain(&w, 0);
	assert_int_equal(kith_record_parse(&record, kith_blob_span(s->attached->record)), 0);
	assert_int_equal(record.seq, seq);
	core_world_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_identity_has_so_many_places_at_a_home),
		cmocka_unit_test(the_last_places_are_for_those_who_have_none),
		cmocka_unit_test(the_last_sessions_for_leaves_are_for_those_who_have_none),
		cmocka_unit_test(one_identity_has_so_many_sessions_beside_its_leaves),
		cmocka_unit_test(a_leaf_that_restarts_counts_once),
		cmocka_unit_test(a_leaf_that_claims_to_be_a_supernode_is_served_as_a_leaf),
		cmocka_unit_test(someone_else_s_record_is_not_taken_from_a_leaf),
		cmocka_unit_test(an_older_record_is_not_taken_from_a_leaf),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
