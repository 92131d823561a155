/* A node becomes a supernode while it runs, and a leaf again, and nobody's call ends by it. */
#include "core_world.h"

#include "base/limits.h"
#include "core/serving.h"
#include "core/settle.h"
#include "leaf/homes.h"

static int begin(struct core_world *w, int node)
{
	struct kith_core *c = w->nodes[node].core;
	kith_core_enter(c, world_clock(w));
	int err = kith_serving_begin(c, KITH_ROLE_WHY_HELP);
	kith_core_settle(c);
	world_drain(w, node);
	return err;
}

static void end(struct core_world *w, int node)
{
	struct kith_core *c = w->nodes[node].core;
	kith_core_enter(c, world_clock(w));
	kith_serving_end(c, KITH_ROLE_WHY_IDLE);
	kith_core_settle(c);
	world_drain(w, node);
	assert_false(kith_serves(c));
}

static unsigned homes(const struct core_world *w, int node)
{
	return kith_homes_count(w->nodes[node].core);
}

static uint32_t leaves(const struct core_world *w, int node)
{
	struct kith_core_info info;
	kith_core_info(w->nodes[node].core, &info);
	return info.leaves;
}

static void expect_talk(struct core_world *w, kith_session_id ours)
{
	int since = w->events_n;
	assert_int_equal(world_say(w, WORLD_ALICE, ours, "word", 4), 0);
	world_run(w, KITH_US_PER_S);
	assert_int_equal(world_events(w, WORLD_BOB, KITH_EVENT_DATAGRAM, since), 1);
}

static void a_supernode_that_ends_is_a_leaf_and_its_leaves_have_other_homes(void **state)
{
	struct core_world w;
	(void)state;
	world_alice_and_bob(&w);
	kith_session_id ours = world_call(&w, WORLD_ALICE, WORLD_BOB, NULL);
	int super = 0;
	assert_true(leaves(&w, super) > 0);
	int since = w.events_n;
	end(&w, super);
	world_run(&w, 10 * KITH_US_PER_S);
	assert_int_equal(homes(&w, WORLD_ALICE), 2); /* of three */
	assert_int_equal(homes(&w, WORLD_BOB), 2);
	assert_int_equal(homes(&w, super), 2); /* its own */
	assert_null(world_event(&w, WORLD_ALICE, KITH_EVENT_CLOSED, since));
	expect_talk(&w, ours);
	core_world_deinit(&w);
}

static void a_leaf_that_begins_serves_and_is_found_by_others(void **state)
{
	struct core_world w;
	(void)state;
	world_alice_and_bob(&w);
	kith_session_id ours = world_call(&w, WORLD_ALICE, WORLD_BOB, NULL);
	int super = 0;
	for (int round = 0; round < 3; round++) {
		int since = w.events_n;
		end(&w, super);
		world_run(&w, 10 * KITH_US_PER_S);
		assert_int_equal(begin(&w, super), 0);
		assert_int_equal(begin(&w, super), KITH_ESTATE);
		world_run(&w, 120 * KITH_US_PER_S);
		assert_int_equal(homes(&w, super), 0);
		assert_int_equal(homes(&w, WORLD_ALICE), 3);
		assert_true(leaves(&w, super) >= 2);
		assert_null(world_event(&w, WORLD_ALICE, KITH_EVENT_CLOSED, since));
		expect_talk(&w, ours);
	}
	core_world_deinit(&w);
}

/* In the middle of whatever goes on: look-ups for leaves and for itself, watches, calls that are being set up. */
static void ending_in_the_middle_of_work_leaves_nothing_behind(void **state)
{
	(void)state;
	for (int ms = 0; ms < 200; ms += 7) {
		struct core_world w;
		kith_op op;
		world_alice_and_bob_sim(&w);
		assert_int_equal(kith_core_lookup(w.nodes[0].core, world_clock(&w), "bob", &op), 0);
		world_drain(&w, 0);
		assert_int_equal(kith_core_watch(w.nodes[0].core, world_clock(&w), "alice"), 0);
		world_drain(&w, 0);
		(void)world_dial(&w, WORLD_ALICE, "bob", 0);
		world_run(&w, ms * KITH_US_PER_MS);
		int since = w.events_n;
		end(&w, 0);
		world_run(&w, 20 * KITH_US_PER_S);
		assert_int_equal(homes(&w, 0), 2);
		/* What it had asked is answered once, be it by its time limit. */
		assert_true(world_events(&w, 0, KITH_EVENT_OP_DONE, 0) == 1);
		(void)since;
		core_world_deinit(&w);
	}
}

/* ---- the role auto: carol is certified, has an address, and is a leaf until she is asked ---- */

static const kith_time_us patience = 30 * KITH_US_PER_S;

static struct kith_terms terms_of(enum kith_consent consent)
{
	return (struct kith_terms){ .consent = consent };
}

static int start_carol(struct core_world *w, enum kith_consent consent, bool with_endpoint)
{
	struct kith_core_options o;
	int carol = world_add(w, "carol", true);
	world_options(w, carol, &o);
	o.role = KITH_ROLE_AUTO;
	o.terms = terms_of(consent);
	if (!with_endpoint)
		o.endpoints_n = 0;
	assert_int_equal(world_try_start(w, carol, &o), 0);
	world_run(w, 5 * KITH_US_PER_S);
	return carol;
}

static struct kith_role_info role_of(const struct core_world *w, int node)
{
	struct kith_role_info info;
	kith_core_role_info(w->nodes[node].core, world_clock(w), &info);
	return info;
}

static int ask(struct core_world *w, int node)
{
	struct kith_core *c = w->nodes[node].core;
	kith_core_enter(c, world_clock(w));
	int err = kith_office_ask(c->office, c->now.mono_us, patience);
	kith_core_settle(c);
	world_drain(w, node);
	return err;
}

static const struct kith_event *told(const struct core_world *w, int node, int since)
{
	const struct world_event *e = world_event(w, node, KITH_EVENT_ROLE, since);
	return e != NULL ? &e->ev : NULL;
}

static void one_that_is_asked_serves_tells_why_and_resigns(void **state)
{
	struct core_world w;
	(void)state;
	world_alice_and_bob(&w);
	int carol = start_carol(&w, KITH_CONSENT_YES, true), since = w.events_n;
	assert_int_equal(role_of(&w, carol).why, KITH_ROLE_WHY_NOT_ASKED);
	assert_int_equal(homes(&w, carol), 3);
	assert_int_equal(ask(&w, carol), 0);
	assert_true(kith_serves(w.nodes[carol].core));
	assert_true(told(&w, carol, since)->serving);
	assert_int_equal(told(&w, carol, since)->role_reason, KITH_ROLE_WHY_HELP);
	world_run(&w, 120 * KITH_US_PER_S);
	const struct kith_role_info serving = role_of(&w, carol);
	assert_true(serving.serving && serving.why == KITH_ROLE_WHY_HELP && serving.role == KITH_ROLE_AUTO);
	assert_true(serving.since_us == 120 * KITH_US_PER_S);
	assert_int_equal(homes(&w, carol), 0);
	since = w.events_n;
	struct kith_core *c = w.nodes[carol].core;
	kith_core_enter(c, world_clock(&w));
	kith_office_resign(c->office);
	kith_core_settle(c);
	world_drain(&w, carol);
	assert_false(told(&w, carol, since)->serving);
	assert_int_equal(told(&w, carol, since)->role_reason, KITH_ROLE_WHY_IDLE);
	world_run(&w, 10 * KITH_US_PER_S);
	assert_int_equal(homes(&w, carol), 3);
	assert_int_equal(role_of(&w, carol).why, KITH_ROLE_WHY_NOT_ASKED);
	assert_int_equal(role_of(&w, carol).changed, KITH_ROLE_WHY_IDLE);
	core_world_deinit(&w);
}

static void the_application_is_asked_and_its_answer_counts(void **state)
{
	struct core_world w;
	(void)state;
	world_alice_and_bob(&w);
	int carol = start_carol(&w, KITH_CONSENT_ASK, true), since = w.events_n;
	assert_int_equal(ask(&w, carol), KITH_EAGAIN);
	const struct world_event *asked = world_event(&w, carol, KITH_EVENT_ASKED, since);
	assert_non_null(asked);
	assert_true(asked->ev.within_us == patience);
	assert_true(role_of(&w, carol).asked);
	assert_int_equal(role_of(&w, carol).why, KITH_ROLE_WHY_CONSENT);
	assert_false(kith_serves(w.nodes[carol].core));
	assert_int_equal(kith_core_consent(w.nodes[carol].core, world_clock(&w), KITH_CONSENT_YES), 0);
	world_drain(&w, carol);
	assert_true(kith_serves(w.nodes[carol].core));
	since = w.events_n;
	assert_int_equal(kith_core_consent(w.nodes[carol].core, world_clock(&w), KITH_CONSENT_NO), 0);
	world_drain(&w, carol);
	assert_false(kith_serves(w.nodes[carol].core));
	assert_int_equal(told(&w, carol, since)->role_reason, KITH_ROLE_WHY_REFUSED);
	assert_int_equal(ask(&w, carol), KITH_EACCES);
	assert_int_equal(kith_core_consent(w.nodes[carol].core, world_clock(&w), (enum kith_consent)7), KITH_EINVAL);
	core_world_deinit(&w);
}

static void a_battery_ends_it_and_keeps_it_from_beginning(void **state)
{
	struct core_world w;
	(void)state;
	world_alice_and_bob(&w);
	int carol = start_carol(&w, KITH_CONSENT_YES, true);
	assert_int_equal(ask(&w, carol), 0);
	int since = w.events_n;
	kith_core_hinder(w.nodes[carol].core, world_clock(&w), KITH_HINDRANCE_BATTERY);
	world_drain(&w, carol);
	assert_false(kith_serves(w.nodes[carol].core));
	assert_int_equal(told(&w, carol, since)->role_reason, KITH_ROLE_WHY_BATTERY);
	assert_int_equal(ask(&w, carol), KITH_EACCES);
	assert_int_equal(role_of(&w, carol).why, KITH_ROLE_WHY_BATTERY);
	kith_core_hinder(w.nodes[carol].core, world_clock(&w), 0);
	world_drain(&w, carol);
	assert_int_equal(ask(&w, carol), 0);
	core_world_deinit(&w);
}

/* What others found stands in for an address that nobody configured, for as long as the node serves. */
static void one_without_an_address_serves_where_others_found_it(void **state)
{
	struct core_world w;
	(void)state;
	world_alice_and_bob(&w);
	int carol = start_carol(&w, KITH_CONSENT_YES, false);
	struct kith_core *c = w.nodes[carol].core;
	const struct kith_endpoint found = world_endpoint(carol);
	assert_int_equal(begin(&w, carol), KITH_EINVAL);
	kith_office_found(c->office, &found, w.now + 3600 * KITH_US_PER_S);
	assert_int_equal(ask(&w, carol), 0);
	assert_true(kith_serves(c));
	struct kith_role_info info = role_of(&w, carol);
	assert_int_equal(info.endpoints_n, 1);
	assert_true(info.endpoints[0].found && kith_endpoint_equal(&info.endpoints[0].at, &found));
	end(&w, carol);
	assert_int_equal(c->endpoints_n, 0);
	core_world_deinit(&w);
}

static void the_operator_changes_the_role_while_it_runs(void **state)
{
	struct core_world w;
	(void)state;
	world_alice_and_bob(&w);
	kith_session_id ours = world_call(&w, WORLD_ALICE, WORLD_BOB, NULL);
	int carol = start_carol(&w, KITH_CONSENT_NO, false), since = w.events_n;
	struct kith_core *c = w.nodes[carol].core;
	const struct kith_terms no = terms_of(KITH_CONSENT_NO);
	struct kith_endpoint at[KITH_ENDPOINTS_MAX + 1] = { world_endpoint(carol) };
	assert_int_equal(kith_core_set_role(c, world_clock(&w), KITH_ROLE_SUPERNODE, &no, NULL, 0), KITH_EINVAL);
	assert_int_equal(kith_core_set_role(c, world_clock(&w), KITH_ROLE_SUPERNODE, &no, at, 5), KITH_EINVAL);
	assert_int_equal(kith_core_set_role(c, world_clock(&w), (enum kith_role)9, &no, at, 1), KITH_EINVAL);
	assert_int_equal(role_of(&w, carol).role, KITH_ROLE_AUTO);
	assert_int_equal(kith_core_set_role(c, world_clock(&w), KITH_ROLE_SUPERNODE, &no, at, 1), 0);
	world_drain(&w, carol);
	assert_int_equal(told(&w, carol, since)->role_reason, KITH_ROLE_WHY_CONFIGURED);
	world_run(&w, 20 * KITH_US_PER_S);
	assert_true(kith_serves(c));
	since = w.events_n;
	/* It goes on when it may be either, if it may at all. */
	const struct kith_terms yes = terms_of(KITH_CONSENT_YES);
	assert_int_equal(kith_core_set_role(c, world_clock(&w), KITH_ROLE_AUTO, &yes, at, 1), 0);
	world_drain(&w, carol);
	assert_true(kith_serves(c));
	assert_null(told(&w, carol, since));
	assert_int_equal(kith_core_set_role(c, world_clock(&w), KITH_ROLE_LEAF, &yes, NULL, 0), 0);
	world_drain(&w, carol);
	assert_false(kith_serves(c));
	assert_int_equal(told(&w, carol, since)->role_reason, KITH_ROLE_WHY_LEAF);
	world_run(&w, 10 * KITH_US_PER_S);
	assert_int_equal(homes(&w, carol), 3);
	expect_talk(&w, ours);
	core_world_deinit(&w);
}

/* Whose name is not certified for it does not serve by the operator's word alone; nothing is changed. */
static void a_role_that_the_certificates_do_not_allow_is_refused(void **state)
{
	struct core_world w;
	(void)state;
	world_alice_and_bob(&w);
	struct kith_core *c = w.nodes[WORLD_ALICE].core;
	const struct kith_terms yes = terms_of(KITH_CONSENT_YES);
	const struct kith_endpoint at = world_endpoint(WORLD_ALICE);
	assert_int_equal(kith_core_set_role(c, world_clock(&w), KITH_ROLE_SUPERNODE, &yes, &at, 1), KITH_EACCES);
	assert_int_equal(kith_core_set_role(c, world_clock(&w), KITH_ROLE_SUPERNODE, &yes, NULL, 0), KITH_EACCES);
	assert_int_equal(role_of(&w, WORLD_ALICE).why, KITH_ROLE_WHY_LEAF);
	assert_int_equal(kith_core_set_role(c, world_clock(&w), KITH_ROLE_AUTO, &yes, &at, 1), 0);
	assert_int_equal(role_of(&w, WORLD_ALICE).why, KITH_ROLE_WHY_UNPROVEN);
	assert_int_equal(kith_core_set_role(c, world_clock(&w), KITH_ROLE_SUPERNODE, &yes, &at, 1), KITH_EACCES);
	assert_int_equal(role_of(&w, WORLD_ALICE).role, KITH_ROLE_AUTO);
	world_run(&w, KITH_US_PER_S);
	assert_int_equal(homes(&w, WORLD_ALICE), 3);
	core_world_deinit(&w);
}

/* Whichever allocation fails on the way: all is as it was, and works when it is tried again. */
static void what_finds_no_memory_changes_nothing(void **state)
{
	struct core_world w;
	(void)state;
	world_alice_and_bob(&w);
	int carol = start_carol(&w, KITH_CONSENT_NO, false), failed = 0;
	struct kith_core *c = w.nodes[carol].core;
	const struct kith_terms yes = terms_of(KITH_CONSENT_YES);
	const struct kith_endpoint at = world_endpoint(carol);
	int err;
	do {
		w.alloc.fail_once = true;
		w.alloc.fail_after = failed;
		err = kith_core_set_role(c, world_clock(&w), KITH_ROLE_SUPERNODE, &yes, &at, 1);
		w.alloc.fail_after = -1;
		world_drain(&w, carol);
		if (err != 0) {
			const struct kith_role_info info = role_of(&w, carol);
			assert_int_equal(err, KITH_ENOMEM);
			assert_true(info.role == KITH_ROLE_AUTO && info.terms.consent == KITH_CONSENT_NO);
			assert_true(!info.serving && info.endpoints_n == 0);
			failed++;
		}
	} while (err != 0);
	assert_true(failed > 0);
	assert_true(kith_serves(c));
	core_world_deinit(&w);
}

static void caps_of_leaves_memory_and_bandwidth_hold(void **state)
{
	struct core_world w;
	(void)state;
	world_alice_and_bob(&w);
	int carol = start_carol(&w, KITH_CONSENT_YES, true);
	struct kith_core *c = w.nodes[carol].core;
	struct kith_terms t = terms_of(KITH_CONSENT_YES);
	const struct kith_endpoint at = world_endpoint(carol);
	t.leaves_max = 1;
	t.up_max = 50000;
	t.down_max = 70000;
	assert_int_equal(kith_core_set_role(c, world_clock(&w), KITH_ROLE_SUPERNODE, &t, &at, 1), 0);
	world_drain(&w, carol);
	assert_int_equal(c->super->fwd.limits.rate, 50000);
	assert_int_equal(c->super->fwd.limits.owner_rate, 50000);
	assert_int_equal(role_of(&w, carol).relay_rate, 50000);
	world_run(&w, 20 * KITH_US_PER_S);
	for (int i = 0; i < 2; i++) /* two of the others go, so that leaves look for a new home */
		end(&w, i);
	world_run(&w, 60 * KITH_US_PER_S);
	assert_int_equal(leaves(&w, carol), 1);
	/* Of an MB half is for leaves; while it runs, too. */
	t.leaves_max = 0;
	t.memory_max = KITH_SERVING_MEMORY_LEAST;
	t.up_max = 0;
	assert_int_equal(kith_core_set_role(c, world_clock(&w), KITH_ROLE_SUPERNODE, &t, &at, 1), 0);
	world_drain(&w, carol);
	assert_int_equal(c->super->leaves_max, KITH_SERVING_MEMORY_LEAST / 2 / 2800);
	assert_int_equal(c->super->store.max, KITH_SERVING_MEMORY_LEAST / 4 / 1280);
	assert_int_equal(c->super->watches.max, KITH_SERVING_MEMORY_LEAST / 8 / 128);
	assert_int_equal(c->super->fwd.limits.rate, 70000);
	assert_int_equal(role_of(&w, carol).leaves_max, KITH_SERVING_MEMORY_LEAST / 2 / 2800);
	core_world_deinit(&w);
}

static void an_endpoint_that_fails_is_an_event_and_stands_in_the_info(void **state)
{
	struct core_world w;
	(void)state;
	world_alice_and_bob(&w);
	struct kith_core *c = w.nodes[0].core;
	const struct kith_endpoint at = world_endpoint(0);
	int since = w.events_n;
	for (int round = 0; round < 2; round++) {
		kith_core_enter(c, world_clock(&w));
		kith_office_tried(c->office, &at, KITH_ETIMEDOUT);
		kith_core_settle(c);
		world_drain(&w, 0);
	}
	assert_int_equal(world_events(&w, 0, KITH_EVENT_ENDPOINT, since), 1);
	const struct kith_event *ev = &world_event(&w, 0, KITH_EVENT_ENDPOINT, since)->ev;
	assert_true(ev->err == KITH_ETIMEDOUT && kith_endpoint_equal(&ev->endpoint, &at));
	assert_true(role_of(&w, 0).endpoints[0].failing);
	core_world_deinit(&w);
}

static void without_an_address_or_on_the_way_out_nothing_begins(void **state)
{
	struct core_world w;
	(void)state;
	world_alice_and_bob(&w);
	assert_int_equal(begin(&w, WORLD_ALICE), KITH_EACCES); /* a leaf for good */
	assert_false(kith_serves(w.nodes[WORLD_ALICE].core));
	int carol = start_carol(&w, KITH_CONSENT_YES, false);
	assert_int_equal(begin(&w, carol), KITH_EINVAL);
	assert_false(kith_serves(w.nodes[carol].core));
	world_run(&w, KITH_US_PER_S);
	assert_int_equal(homes(&w, WORLD_ALICE), 3);
	kith_core_leave(w.nodes[carol].core, world_clock(&w), KITH_US_PER_S);
	world_drain(&w, carol);
	assert_int_equal(begin(&w, carol), KITH_ESTATE);
	core_world_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_supernode_that_ends_is_a_leaf_and_its_leaves_have_other_homes),
		cmocka_unit_test(a_leaf_that_begins_serves_and_is_found_by_others),
		cmocka_unit_test(ending_in_the_middle_of_work_leaves_nothing_behind),
		cmocka_unit_test(one_that_is_asked_serves_tells_why_and_resigns),
		cmocka_unit_test(the_application_is_asked_and_its_answer_counts),
		cmocka_unit_test(a_battery_ends_it_and_keeps_it_from_beginning),
		cmocka_unit_test(one_without_an_address_serves_where_others_found_it),
		cmocka_unit_test(the_operator_changes_the_role_while_it_runs),
		cmocka_unit_test(a_role_that_the_certificates_do_not_allow_is_refused),
		cmocka_unit_test(what_finds_no_memory_changes_nothing),
		cmocka_unit_test(caps_of_leaves_memory_and_bandwidth_hold),
		cmocka_unit_test(an_endpoint_that_fails_is_an_event_and_stands_in_the_info),
		cmocka_unit_test(without_an_address_or_on_the_way_out_nothing_begins),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
