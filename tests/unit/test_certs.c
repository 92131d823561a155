/* Certificates as time passes. */
#include "core_tap.h"

#include "base/limits.h"
#include "core/certs.h"
#include "identity/devices.h"
#include "identity/revocation.h"

/* Alice's certificate ends in half an hour. */
static int start_short_lived(struct core_world *w, int64_t seconds)
{
	struct kith_core_options o;
	world_network(w, kith_suite_sodium(), 1, 3, (const char *const[]){ "bob", NULL });
	int i = world_add(w, "alice", false);
	world_certify(w, i, &(struct world_cert){ .name = "alice", .from_s = -3600, .until_s = seconds });
	world_options(w, i, &o);
	assert_int_equal(world_try_start(w, i, &o), 0);
	world_run(w, 5 * KITH_US_PER_S);
	return i;
}

static void a_node_is_warned_once_before_its_own_certificate_ends(void **state)
{
	struct core_world w;
	(void)state;
	int alice = start_short_lived(&w, 1800);
	world_run(&w, 3 * KITH_CERTS_US);
	assert_int_equal(world_events(&w, alice, KITH_EVENT_CERT_EXPIRING, 0), 1);
	assert_int_equal(world_event(&w, alice, KITH_EVENT_CERT_EXPIRING, 0)->ev.expires_ms,
			 WORLD_UNIX_MS + 1800 * 1000);
	assert_int_equal(world_events(&w, 3, KITH_EVENT_CERT_EXPIRING, 0), 0); /* bob has months */
	core_world_deinit(&w);
}

static void a_live_session_ends_when_the_other_certificate_does(void **state)
{
	struct core_world w;
	kith_session_id theirs;
	(void)state;
	int alice = start_short_lived(&w, 1800), bob = 3;
	world_call(&w, alice, bob, &theirs);
	int since = w.events_n;
	world_run(&w, 1500 * KITH_US_PER_S);
	assert_null(world_event(&w, bob, KITH_EVENT_CLOSED, since));
	world_run(&w, 300 * KITH_US_PER_S + (kith_time_us)KITH_CLOCK_TOLERANCE_MS * KITH_US_PER_MS + KITH_CERTS_US +
			      KITH_US_PER_S);
	const struct world_event *closed = world_event(&w, bob, KITH_EVENT_CLOSED, since);
	assert_non_null(closed);
	assert_int_equal(closed->ev.session, theirs);
	assert_int_equal(closed->ev.reason, KITH_CLOSE_CERTIFICATE);
	core_world_deinit(&w);
}

/* ---- lists ---- */

/* A list of that identity's devices: those of the nodes given. */
static int list_of(struct core_world *w, int identity_of, uint64_t number, const int nodes[], size_t n,
		   uint8_t out[KITH_DEVICES_LEN_MAX])
{
	struct kith_signer identity;
	struct kith_key keys[4];
	world_identity(w, identity_of, false, &identity);
	for (size_t i = 0; i < n; i++) {
		struct kith_device_keys device;
		kith_device_keys_from_seed(&device, w->pki.suite, &w->nodes[nodes[i]].id.device);
		keys[i] = device.sign.pk;
	}
	int len = kith_devices_sign(w->pki.suite, out, number, keys, n, test_span(NULL, 0), identity.sk);
	assert_true(len > 0);
	return len;
}

/* Three supernodes, and alice, who has no list yet, in a call with bob, who watches her name. */
enum { ALICE = 3, BOB, SECOND };

static void talk(struct core_world *w)
{
	struct kith_core_options o;
	world_network(w, kith_suite_sodium(), 1, 3, (const char *const[]){ NULL });
	world_add(w, "alice", false);
	w->nodes[ALICE].id.devices_len = 0;
	world_options(w, ALICE, &o);
	assert_int_equal(world_try_start(w, ALICE, &o), 0);
	world_start(w, "bob", false);
	world_run(w, 5 * KITH_US_PER_S);
	assert_int_equal(kith_core_watch(w->nodes[BOB].core, world_clock(w), "alice"), 0);
	world_drain(w, BOB);
	world_call(w, ALICE, BOB, NULL);
}

/* The second device of alice's brings a list that the first one, perhaps stolen, is not on. */
static void a_device_that_a_new_list_leaves_out_is_cut_off_when_the_list_is_learnt(void **state)
{
	struct core_world w;
	struct kith_core_options o;
	(void)state;
	talk(&w);
	int since = w.events_n;
	world_run(&w, 30 * KITH_US_PER_S);
	assert_null(world_event(&w, BOB, KITH_EVENT_CLOSED, since));
	assert_int_equal(world_add(&w, "alice", false), SECOND);
	world_certify(&w, SECOND, &(struct world_cert){ .name = "alice", .of = ALICE });
	w.nodes[SECOND].id.devices_len =
		(size_t)list_of(&w, ALICE, 2, (const int[]){ SECOND }, 1, w.nodes[SECOND].id.devices);
	world_options(&w, SECOND, &o);
	assert_int_equal(world_try_start(&w, SECOND, &o), 0);
	world_run(&w, 3 * KITH_US_PER_S);
	const struct world_event *closed = world_event(&w, BOB, KITH_EVENT_CLOSED, since);
	assert_non_null(closed);
	assert_int_equal(closed->ev.reason, KITH_CLOSE_CERTIFICATE);
	core_world_deinit(&w);
}

static void lists_that_come_one_after_the_other_are_gone_through_together(void **state)
{
	struct core_world w;
	uint8_t list[KITH_DEVICES_LEN_MAX];
	struct kith_addr stranger = world_addr(20);
	(void)state;
	talk(&w);
	world_run(&w, KITH_CERTS_US / 10);
	struct kith_core *c = w.nodes[BOB].core;
	kith_time_us begun = w.now;
	int since = w.events_n;
	for (uint64_t number = 2; number < 8; number++) {
		/* All but the last one name alice's device. */
		int len = list_of(&w, ALICE, number, (const int[]){ ALICE }, number < 7, list);
		assert_int_equal(kith_trust_devices_add(&c->trust, &c->now, &w.nodes[ALICE].core->me.identity,
							test_span(list, (size_t)len), false),
				 1);
		inject(&w, BOB, &stranger, (const uint8_t *)"?", 1); /* whatever came with it */
		assert_int_equal(c->certs_timer.at, number == 2 ? w.now : begun + KITH_RECHECK_US);
		world_run(&w, KITH_US_PER_MS);
	}
	assert_null(world_event(&w, BOB, KITH_EVENT_CLOSED, since));
	world_run(&w, KITH_RECHECK_US);
	assert_int_equal(world_events(&w, BOB, KITH_EVENT_CLOSED, since), 1);
	core_world_deinit(&w);
}

/* The root's list is due in a day, and half an hour after that it is too old. Only bob has it. */
static void take_bounded_list(struct core_world *w, uint64_t number, int64_t issued_s)
{
	static const uint8_t ext[] = { KITH_EXT_LIST_GRACE, 4, 0, 0, 1800 >> 8, 1800 & 0xff };
	struct kith_revocation list = { .signer = KITH_REVOKED_BY_ROOT,
					.number = number,
					.issued_s = issued_s,
					.next_update_s = issued_s + 86400,
					.s.ext = { ext, sizeof ext } };
	uint8_t buf[512];
	memcpy(list.signer_id, w->pki.network.b, sizeof list.signer_id);
	int len = kith_revocation_sign(w->pki.suite, buf, sizeof buf, &list, NULL, 0, NULL, 0, w->pki.root.sk);
	assert_true(len > 0);
	assert_int_equal(kith_core_revoke(w->nodes[BOB].core, world_clock(w), test_span(buf, (size_t)len)), 0);
	world_drain(w, BOB);
}

/* What a call of one node to another comes to: 0, it is up; else how it ended. */
static void expect_call(struct core_world *w, int from, const char *to, int err)
{
	int since = w->events_n;
	kith_op op = world_dial(w, from, to, 0);
	world_run(w, 5 * KITH_US_PER_S);
	const struct world_event *done = world_event(w, from, KITH_EVENT_OP_DONE, since);
	if (err == 0) {
		assert_null(done);
		assert_int_equal(world_events(w, from, KITH_EVENT_OPENED, since), 1);
		return;
	}
	assert_non_null(done);
	assert_int_equal(done->ev.op, op);
	assert_int_equal(done->ev.err, err);
}

static void calls_are_refused_while_lists_are_too_old_and_sessions_go_on(void **state)
{
	struct core_world w;
	kith_time_us due = 86400 * KITH_US_PER_S + (kith_time_us)KITH_CLOCK_TOLERANCE_MS * KITH_US_PER_MS;
	(void)state;
	talk(&w);
	take_bounded_list(&w, 1, WORLD_UNIX_MS / 1000);
	int since = w.events_n;
	world_run(&w, due - 60 * KITH_US_PER_S);
	assert_null(world_event(&w, BOB, KITH_EVENT_LISTS_LATE, since));
	world_run(&w, KITH_CERTS_US + 60 * KITH_US_PER_S);
	const struct world_event *late = world_event(&w, BOB, KITH_EVENT_LISTS_LATE, since);
	assert_non_null(late);
	assert_int_equal(late->ev.err, KITH_EEXPIRED);
	assert_int_equal(late->ev.expires_ms, WORLD_UNIX_MS + 86400 * 1000);
	expect_call(&w, BOB, "alice", 0);

	since = w.events_n;
	world_run(&w, 1800 * KITH_US_PER_S + KITH_CERTS_US);
	assert_int_equal(world_events(&w, BOB, KITH_EVENT_LISTS_LATE, since), 1);
	assert_int_equal(world_event(&w, BOB, KITH_EVENT_LISTS_LATE, since)->ev.err, KITH_ESTALE);
	assert_null(world_event(&w, BOB, KITH_EVENT_CLOSED, since));
	expect_call(&w, BOB, "alice", KITH_ESTALE);
	expect_call(&w, ALICE, "bob", KITH_EREJECTED);

	since = w.events_n;
	take_bounded_list(&w, 2, WORLD_UNIX_MS / 1000 + 86400 + 3600);
	world_run(&w, KITH_US_PER_S);
	assert_int_equal(world_events(&w, BOB, KITH_EVENT_LISTS_LATE, since), 1);
	assert_int_equal(world_event(&w, BOB, KITH_EVENT_LISTS_LATE, since)->ev.err, 0);
	expect_call(&w, BOB, "alice", 0);
	expect_call(&w, ALICE, "bob", 0);
	core_world_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_node_is_warned_once_before_its_own_certificate_ends),
		cmocka_unit_test(a_live_session_ends_when_the_other_certificate_does),
		cmocka_unit_test(a_device_that_a_new_list_leaves_out_is_cut_off_when_the_list_is_learnt),
		cmocka_unit_test(lists_that_come_one_after_the_other_are_gone_through_together),
		cmocka_unit_test(calls_are_refused_while_lists_are_too_old_and_sessions_go_on),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
