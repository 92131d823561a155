/* Our own certificates, renewed while the node runs. */
#include "core_tap.h"

#include "base/limits.h"
#include "core/certs.h"
#include "core/own.h"

/* Three supernodes; then alice, whose device's certificate lives for three hours, of which one is over; and bob. */
enum { ALICE = 3, BOB, HOUR_S = 3600 };

static const struct world_cert short_lived = { .name = "alice",
					       .device_from_s = -HOUR_S,
					       .device_until_s = 2 * HOUR_S },
			       renewed = { .name = "alice", .device_from_s = HOUR_S, .device_until_s = 24 * HOUR_S };

static void start(struct core_world *w)
{
	struct kith_core_options o;
	world_network(w, kith_suite_sodium(), 1, 3, (const char *const[]){ NULL });
	world_add(w, "alice", false);
	world_certify(w, ALICE, &short_lived);
	world_options(w, ALICE, &o);
	assert_int_equal(world_try_start(w, ALICE, &o), 0);
	world_start(w, "bob", false);
	world_run(w, 5 * KITH_US_PER_S);
}

/* Brings a node certificates, as its host does. */
static int bring(struct core_world *w, int node, const struct world_cert *cert)
{
	world_certify(w, node, cert);
	int err = kith_core_renew(w->nodes[node].core, world_clock(w),
				  test_span(w->nodes[node].id.chain, w->nodes[node].id.chain_len));
	world_drain(w, node);
	return err;
}

static void a_certificate_is_due_at_two_thirds_of_its_life(void **state)
{
	struct core_world w;
	(void)state;
	start(&w);
	world_run(&w, (HOUR_S - 10) * KITH_US_PER_S);
	assert_int_equal(world_events(&w, ALICE, KITH_EVENT_CERT_DUE, 0), 0);
	world_run(&w, HOUR_S / 4 * KITH_US_PER_S + 10 * KITH_US_PER_S);
	assert_int_equal(world_events(&w, ALICE, KITH_EVENT_CERT_DUE, 0), 1);
	assert_int_equal(world_event(&w, ALICE, KITH_EVENT_CERT_DUE, 0)->ev.expires_ms,
			 WORLD_UNIX_MS + 2 * HOUR_S * 1000);
	assert_int_equal(world_events(&w, BOB, KITH_EVENT_CERT_DUE, 0), 0); /* bob's has months */
	core_world_deinit(&w);
}

static void it_is_told_again_until_there_is_a_newer_one(void **state)
{
	struct core_world w;
	(void)state;
	start(&w);
	world_run(&w, (HOUR_S + HOUR_S / 4) * KITH_US_PER_S + 2 * KITH_CERTS_US);
	assert_true(world_events(&w, ALICE, KITH_EVENT_CERT_DUE, 0) >= 2);
	assert_int_equal(bring(&w, ALICE, &renewed), 0);
	int told = world_events(&w, ALICE, KITH_EVENT_CERT_DUE, 0);
	world_run(&w, 3 * KITH_CERTS_US);
	assert_int_equal(world_events(&w, ALICE, KITH_EVENT_CERT_DUE, 0), told);
	core_world_deinit(&w);
}

/* Without the new one bob and alice's homes would end their sessions: test_certs.c. */
static void open_sessions_outlive_the_certificate_that_they_began_with(void **state)
{
	struct core_world w;
	kith_session_id theirs;
	(void)state;
	start(&w);
	kith_session_id ours = world_call(&w, ALICE, BOB, &theirs);
	world_run(&w, (HOUR_S + HOUR_S / 2) * KITH_US_PER_S);
	int since = w.events_n;
	assert_int_equal(bring(&w, ALICE, &renewed), 0);
	world_run(&w, 3 * HOUR_S * KITH_US_PER_S);
	assert_null(world_event(&w, BOB, KITH_EVENT_CLOSED, since));
	assert_null(world_event(&w, ALICE, KITH_EVENT_CLOSED, since));
	assert_int_equal(world_events(&w, ALICE, KITH_EVENT_ATTACHED, since), 0); /* no home let go of alice */
	assert_int_equal(world_say(&w, ALICE, ours, "still", 5), 0);
	world_run(&w, KITH_US_PER_S);
	assert_non_null(world_event(&w, BOB, KITH_EVENT_DATAGRAM, since));
	core_world_deinit(&w);
}

static void who_calls_afterwards_is_shown_the_new_one(void **state)
{
	struct core_world w;
	(void)state;
	start(&w);
	assert_int_equal(bring(&w, ALICE, &renewed), KITH_ENOTYET); /* it begins in an hour */
	world_run(&w, (HOUR_S + HOUR_S / 2) * KITH_US_PER_S);
	assert_int_equal(bring(&w, ALICE, &renewed), 0);
	world_run(&w, 2 * HOUR_S * KITH_US_PER_S);
	assert_int_not_equal(world_call(&w, BOB, ALICE, NULL), 0); /* by alice's record, which is by the new one, too */
	core_world_deinit(&w);
}

static void a_supernode_renews_as_well(void **state)
{
	struct world_cert cert = { .name = "s1", .device_from_s = -HOUR_S, .device_until_s = 2 * HOUR_S };
	struct core_world w;
	struct kith_chain shown;
	struct kith_member_entry entry;
	(void)state;
	start(&w);
	struct kith_core *super = w.nodes[1].core;
	assert_int_equal(bring(&w, 1, &cert), KITH_EEXIST); /* it has months */
	const uint64_t seq = super->super->entry_seq;
	cert.device_until_s = 365 * 24 * HOUR_S;
	assert_int_equal(bring(&w, 1, &cert), 0);
	assert_true(super->super->entry_seq > seq);
	assert_int_equal(kith_member_parse(&entry, test_span(super->super->entry, super->super->entry_len)), 0);
	assert_int_equal(kith_chain_parse(&shown, entry.chain), 0);
	assert_int_equal(shown.device.expires_s, WORLD_UNIX_MS / 1000 + 365 * 24 * HOUR_S);
	core_world_deinit(&w);
}

/* ---- what is refused ---- */

static void a_chain_of_somebody_else_is_not_taken(void **state)
{
	struct core_world w;
	(void)state;
	start(&w);
	const struct kith_span before = w.nodes[ALICE].core->self.chain;
	assert_int_equal(kith_core_renew(w.nodes[ALICE].core, world_clock(&w),
					 test_span(w.nodes[BOB].id.chain, w.nodes[BOB].id.chain_len)),
			 KITH_EAUTH);
	struct world_cert other = renewed;
	other.device_from_s = 0;
	other.device_until_s = 2 * HOUR_S;
	assert_int_equal(bring(&w, ALICE, &other), KITH_EEXIST); /* it ends no later */
	other.device_until_s = 3 * HOUR_S;
	other.other_identity = true;
	assert_int_equal(bring(&w, ALICE, &other), KITH_EAUTH);
	w.nodes[ALICE].id.chain[w.nodes[ALICE].id.chain_len - 1] ^= 1;
	assert_int_equal(kith_core_renew(w.nodes[ALICE].core, world_clock(&w),
					 test_span(w.nodes[ALICE].id.chain, w.nodes[ALICE].id.chain_len)),
			 KITH_ESIGNATURE);
	assert_ptr_equal(w.nodes[ALICE].core->self.chain.p, before.p);
	core_world_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_certificate_is_due_at_two_thirds_of_its_life),
		cmocka_unit_test(it_is_told_again_until_there_is_a_newer_one),
		cmocka_unit_test(open_sessions_outlive_the_certificate_that_they_began_with),
		cmocka_unit_test(who_calls_afterwards_is_shown_the_new_one),
		cmocka_unit_test(a_supernode_renews_as_well),
		cmocka_unit_test(a_chain_of_somebody_else_is_not_taken),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
