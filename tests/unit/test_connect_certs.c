/* Certificates in the handshake: which are refused, by whom, and what it says of the other side. */
#include "core_tap.h"

#include "identity/revocation.h"
#include "link/connect.h"

/* Alice calls bob with what she shows now: bob hears nothing of it, and the call ends without an answer. */
static void expect_refused_by_bob(struct core_world *w, enum kith_stat counter)
{
	int since = w->events_n;
	uint64_t before = world_stat(w, WORLD_BOB, counter);
	uint32_t sessions = w->nodes[WORLD_BOB].core->sessions.by_index.n;
	kith_op op = world_dial(w, WORLD_ALICE, "bob", 5 * KITH_US_PER_S);
	world_run(w, 6 * KITH_US_PER_S);
	assert_null(world_event(w, WORLD_BOB, KITH_EVENT_INCOMING, since));
	const struct world_event *done = world_event(w, WORLD_ALICE, KITH_EVENT_OP_DONE, since);
	assert_non_null(done);
	assert_int_equal(done->ev.op, op);
	assert_int_equal(done->ev.err, KITH_ETIMEDOUT);
	assert_true(world_stat(w, WORLD_BOB, counter) > before);
	assert_int_equal(w->nodes[WORLD_BOB].core->sessions.by_index.n, sessions);
}

static void an_expired_certificate_is_refused_and_counted(void **state)
{
	struct core_world w;
	(void)state;
	world_alice_and_bob(&w);
	world_show(&w, WORLD_ALICE, &(struct world_cert){ .name = "alice", .from_s = -7200, .until_s = -3600 });
	expect_refused_by_bob(&w, KITH_STAT_REFUSE_EXPIRED);
	core_world_deinit(&w);
}

static void a_certificate_of_the_future_is_refused_and_counted(void **state)
{
	struct core_world w;
	(void)state;
	world_alice_and_bob(&w);
	world_show(&w, WORLD_ALICE, &(struct world_cert){ .name = "alice", .from_s = 3600, .until_s = 7200 });
	expect_refused_by_bob(&w, KITH_STAT_REFUSE_NOT_YET);
	core_world_deinit(&w);
}

static void a_chain_of_another_network_is_refused_and_counted(void **state)
{
	struct core_world w;
	struct kith_simpki other;
	(void)state;
	world_alice_and_bob(&w);
	kith_simpki_init(&other, w.pki.suite, 77, WORLD_UNIX_MS / 1000);
	world_show(&w, WORLD_ALICE, &(struct world_cert){ .name = "alice", .pki = &other });
	expect_refused_by_bob(&w, KITH_STAT_REFUSE_NETWORK);
	core_world_deinit(&w);
}

static void a_chain_for_another_device_is_refused_and_counted(void **state)
{
	struct core_world w;
	(void)state;
	world_alice_and_bob(&w);
	/* A true chain, but not of the key that speaks. */
	w.nodes[WORLD_ALICE].core->self.chain = w.nodes[0].core->self.chain;
	expect_refused_by_bob(&w, KITH_STAT_REFUSE_CHAIN);
	core_world_deinit(&w);
}

/* The clock may be wrong, and may be set: such a node starts, and says why it has no home. Where the clock is earlier
 * than what the issuer signed, it is the clock that is wrong. */
static void a_node_whose_own_certificates_are_out_of_their_time_says_so(void **state)
{
	static const struct {
		struct world_cert cert;
		int err;
		enum kith_event_type type;
	} cases[] = {
		{ { .name = "carol", .from_s = -7200, .until_s = -3600 }, KITH_EEXPIRED, KITH_EVENT_HOMELESS },
		{ { .name = "carol", .from_s = 3600, .until_s = 7200 }, KITH_ESKEW, KITH_EVENT_CLOCK },
	};
	struct core_world w;
	struct kith_core_options o;
	(void)state;
	core_world_init(&w, kith_suite_sodium(), 1);
	int i = world_add(&w, "carol", false);
	for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
		int since = w.events_n;
		world_certify(&w, i, &cases[k].cert);
		world_options(&w, i, &o);
		assert_int_equal(world_try_start(&w, i, &o), 0);
		world_run(&w, 5 * KITH_US_PER_S);
		const struct world_event *e = world_event(&w, i, cases[k].type, since);
		assert_non_null(e);
		assert_int_equal(e->ev.err, cases[k].err);
		world_stop(&w, i);
	}
	world_certify(&w, i, &(struct world_cert){ .name = "carol" });
	world_options(&w, i, &o);
	o.device.b[0] ^= 1; /* another device than the certified one */
	assert_int_equal(world_try_start(&w, i, &o), KITH_EAUTH);
	core_world_deinit(&w);
}

static void a_node_of_another_network_gets_no_home(void **state)
{
	struct core_world w;
	struct kith_simpki other;
	struct kith_core_options o;
	struct kith_core_info info;
	(void)state;
	world_alice_and_bob(&w);
	uint32_t sessions = w.nodes[1].core->sessions.by_index.n;
	kith_simpki_init(&other, w.pki.suite, 77, WORLD_UNIX_MS / 1000);
	int i = world_add(&w, "carol", false);
	world_certify(&w, i, &(struct world_cert){ .name = "carol", .pki = &other });
	world_options(&w, i, &o);
	o.root = &other.root.pk;
	assert_int_equal(world_try_start(&w, i, &o), 0);
	world_run(&w, 30 * KITH_US_PER_S);
	kith_core_info(w.nodes[i].core, &info);
	assert_int_equal(info.homes, 0);
	assert_true(world_stat(&w, 0, KITH_STAT_DROP_BAD_MAC) > 0); /* WHO's MAC is keyed by the network */
	assert_true(world_stat(&w, 1, KITH_STAT_DROP_NOT_AUTHENTIC) > 0); /* by IK: the prologue differs */
	assert_int_equal(w.nodes[1].core->sessions.by_index.n, sessions);
	core_world_deinit(&w);
}

static void a_name_revoked_by_serial_or_by_key_is_refused(void **state)
{
	for (int by_key = 0; by_key < 2; by_key++) {
		struct core_world w;
		uint8_t list[512];
		world_alice_and_bob(&w);
		size_t len = world_revocation(&w, list, sizeof list, 1, by_key ? 0 : 1 + WORLD_ALICE,
					      by_key ? &w.nodes[WORLD_ALICE].id.identity : NULL);
		assert_int_equal(kith_core_revoke(w.nodes[WORLD_BOB].core, world_clock(&w), test_span(list, len)), 0);
		world_drain(&w, WORLD_BOB);
		expect_refused_by_bob(&w, KITH_STAT_REFUSE_REVOKED);
		core_world_deinit(&w);
	}
	(void)state;
}

static void a_live_session_ends_when_a_list_revokes_the_other_side(void **state)
{
	struct core_world w;
	uint8_t list[512];
	kith_session_id theirs;
	(void)state;
	world_alice_and_bob(&w);
	world_call(&w, WORLD_ALICE, WORLD_BOB, &theirs);
	int since = w.events_n;
	size_t len = world_revocation(&w, list, sizeof list, 1, 1 + WORLD_ALICE, NULL);
	assert_int_equal(kith_core_revoke(w.nodes[WORLD_BOB].core, world_clock(&w), test_span(list, len)), 0);
	world_drain(&w, WORLD_BOB);
	const struct world_event *closed = world_event(&w, WORLD_BOB, KITH_EVENT_CLOSED, since);
	assert_non_null(closed);
	assert_int_equal(closed->ev.session, theirs);
	assert_int_equal(closed->ev.reason, KITH_CLOSE_CERTIFICATE);
	world_run(&w, KITH_US_PER_S);
	closed = world_event(&w, WORLD_ALICE, KITH_EVENT_CLOSED, since);
	assert_non_null(closed);
	assert_true(closed->ev.remote);
	assert_int_equal(closed->ev.reason, KITH_CLOSE_CERTIFICATE);
	core_world_deinit(&w);
}

/* Bob's record says bob; the certificates in his answer, for the same device, say mallory. */
static void a_callee_that_shows_another_name_than_asked_for_is_refused(void **state)
{
	struct core_world w;
	(void)state;
	world_alice_and_bob(&w);
	world_show(&w, WORLD_BOB, &(struct world_cert){ .name = "mallory" });
	int since = w.events_n;
	kith_op op = world_dial(&w, WORLD_ALICE, "bob", 0);
	world_run(&w, 3 * KITH_US_PER_S);
	assert_null(world_event(&w, WORLD_ALICE, KITH_EVENT_OPENED, since));
	const struct world_event *done = world_event(&w, WORLD_ALICE, KITH_EVENT_OP_DONE, since);
	assert_non_null(done);
	assert_int_equal(done->ev.op, op);
	assert_int_equal(done->ev.err, KITH_EAUTH);
	assert_int_equal(world_stat(&w, WORLD_ALICE, KITH_STAT_REFUSE_NAME), 1);
	core_world_deinit(&w);
}

/* The same with another identity in the answer than in the record. */
static void a_callee_that_shows_another_identity_than_its_record_is_refused(void **state)
{
	struct core_world w;
	(void)state;
	world_alice_and_bob(&w);
	world_show(&w, WORLD_BOB, &(struct world_cert){ .name = "bob", .other_identity = true });
	int since = w.events_n;
	world_dial(&w, WORLD_ALICE, "bob", 0);
	world_run(&w, 3 * KITH_US_PER_S);
	assert_null(world_event(&w, WORLD_ALICE, KITH_EVENT_OPENED, since));
	const struct world_event *done = world_event(&w, WORLD_ALICE, KITH_EVENT_OP_DONE, since);
	assert_non_null(done);
	assert_int_equal(done->ev.err, KITH_EAUTH);
	core_world_deinit(&w);
}

/* Bob's name is issued for another key than alice has pinned: nothing is sent there, and she is told. */
static void a_callee_whose_name_is_pinned_to_another_key_is_not_called(void **state)
{
	struct core_world w;
	struct kith_key pinned;
	(void)state;
	world_alice_and_bob(&w);
	pinned = w.nodes[WORLD_BOB].id.identity;
	pinned.b[3] ^= 1;
	assert_int_equal(kith_core_pin(w.nodes[WORLD_ALICE].core, world_clock(&w), "bob", &pinned, 0, false), 0);
	world_drain(&w, WORLD_ALICE);
	int since = w.events_n;
	world_dial(&w, WORLD_ALICE, "bob", 0);
	world_run(&w, 3 * KITH_US_PER_S);
	const struct world_event *done = world_event(&w, WORLD_ALICE, KITH_EVENT_OP_DONE, since);
	assert_non_null(done);
	assert_int_equal(done->ev.err, KITH_EPINNED);
	const struct world_event *changed = world_event(&w, WORLD_ALICE, KITH_EVENT_IDENTITY_CHANGED, since);
	assert_non_null(changed);
	assert_memory_equal(&changed->ev.identity, &w.nodes[WORLD_BOB].id.identity, sizeof changed->ev.identity);
	assert_null(world_event(&w, WORLD_BOB, KITH_EVENT_INCOMING, since));
	core_world_deinit(&w);
}

static void a_caller_whose_name_is_pinned_to_another_key_is_told_of_and_not_accepted(void **state)
{
	struct core_world w;
	(void)state;
	world_alice_and_bob(&w);
	assert_int_equal(kith_core_pin(w.nodes[WORLD_BOB].core, world_clock(&w), "alice",
				       &w.nodes[WORLD_ALICE].id.identity, 0, false),
			 0);
	world_drain(&w, WORLD_BOB);
	world_show(&w, WORLD_ALICE, &(struct world_cert){ .name = "alice", .other_identity = true });
	int since = w.events_n;
	world_dial(&w, WORLD_ALICE, "bob", 0);
	world_run(&w, 3 * KITH_US_PER_S);
	assert_null(world_event(&w, WORLD_BOB, KITH_EVENT_INCOMING, since));
	const struct world_event *changed = world_event(&w, WORLD_BOB, KITH_EVENT_IDENTITY_CHANGED, since);
	assert_non_null(changed);
	assert_string_equal(changed->ev.name, "alice");
	const struct world_event *done = world_event(&w, WORLD_ALICE, KITH_EVENT_OP_DONE, since);
	assert_non_null(done);
	assert_int_equal(done->ev.err, KITH_EREJECTED);
	/* Confirmed, the new key is taken. */
	assert_int_equal(kith_core_pin(w.nodes[WORLD_BOB].core, world_clock(&w), "alice",
				       &w.nodes[WORLD_ALICE].id.identity, 0, false),
			 KITH_EPINNED);
	assert_int_equal(kith_core_pin(w.nodes[WORLD_BOB].core, world_clock(&w), "alice",
				       &w.nodes[WORLD_ALICE].id.identity, 0, true),
			 0);
	world_drain(&w, WORLD_BOB);
	world_call(&w, WORLD_ALICE, WORLD_BOB, NULL);
	core_world_deinit(&w);
}

/* A long name makes a chain longer than the caller's first message has room for in the answer. */
static void a_callee_with_longer_certificates_than_the_caller_still_answers(void **state)
{
	struct core_world w;
	struct kith_core_options o;
	const char *name = "a-name-of-thirty-two-characters-";
	(void)state;
	world_network(&w, kith_suite_sodium(), 1, 3, (const char *const[]){ NULL });
	int i = world_add(&w, "a", false);
	world_certify(&w, i, &(struct world_cert){ .name = "a" });
	world_options(&w, i, &o);
	assert_int_equal(world_try_start(&w, i, &o), 0);
	int k = world_add(&w, name, false);
	world_certify(&w, k, &(struct world_cert){ .name = name });
	world_options(&w, k, &o);
	assert_int_equal(world_try_start(&w, k, &o), 0);
	world_run(&w, 5 * KITH_US_PER_S);
	world_call(&w, i, k, NULL);
	assert_int_equal(w.nodes[k].core->deciding, 0);
	core_world_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_expired_certificate_is_refused_and_counted),
		cmocka_unit_test(a_certificate_of_the_future_is_refused_and_counted),
		cmocka_unit_test(a_chain_of_another_network_is_refused_and_counted),
		cmocka_unit_test(a_chain_for_another_device_is_refused_and_counted),
		cmocka_unit_test(a_node_whose_own_certificates_are_out_of_their_time_says_so),
		cmocka_unit_test(a_node_of_another_network_gets_no_home),
		cmocka_unit_test(a_name_revoked_by_serial_or_by_key_is_refused),
		cmocka_unit_test(a_live_session_ends_when_a_list_revokes_the_other_side),
		cmocka_unit_test(a_callee_that_shows_another_name_than_asked_for_is_refused),
		cmocka_unit_test(a_callee_that_shows_another_identity_than_its_record_is_refused),
		cmocka_unit_test(a_callee_whose_name_is_pinned_to_another_key_is_not_called),
		cmocka_unit_test(a_caller_whose_name_is_pinned_to_another_key_is_told_of_and_not_accepted),
		cmocka_unit_test(a_callee_with_longer_certificates_than_the_caller_still_answers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
