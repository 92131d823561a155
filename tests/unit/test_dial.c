/* Operations of the application: each ends exactly once, whatever happens to it, and leaves nothing behind. */
#include "call_world.h"

#include "base/limits.h"
#include "call/dial.h"

/* The reports that supernodes keep of bob, each of which tells a minute. */
static int reports_of_bob(const struct core_world *w)
{
	struct kith_id key;
	int n = 0;
	kith_ids_directory(w->pki.suite, &key, &w->pki.network, "bob");
	for (int i = 0; i < WORLD_ALICE; i++) {
		const struct kith_stored *st = kith_store_get(&w->nodes[i].core->super->store, &key);
		for (size_t h = 0; st != NULL && h < KITH_HOMES; h++) {
			struct kith_vanish vanish;
			if (kith_stored_report(st, (unsigned)h) == NULL)
				continue;
			assert_int_equal(
				kith_vanish_parse(&vanish, kith_blob_span(kith_stored_report(st, (unsigned)h))), 0);
			assert_int_equal(vanish.at_ms % KITH_RECORD_GRAIN_MS, 0);
			n++;
		}
	}
	return n;
}

static void whoever_vanished_is_unreachable_and_then_offline(void **state)
{
	struct core_world w;
	(void)state;
	world_alice_and_bob(&w);
	w.nodes[WORLD_BOB].muted = true;
	int since = w.events_n;
	kith_op op = world_dial(&w, WORLD_ALICE, "bob", 5 * KITH_US_PER_S);
	world_run(&w, 6 * KITH_US_PER_S);
	assert_int_equal(outcome(&w, WORLD_ALICE, op, since), KITH_ETIMEDOUT);
	world_run(&w, KITH_LEAF_VANISH_US);
	assert_true(reports_of_bob(&w) > 0);
	since = w.events_n;
	op = world_dial(&w, WORLD_ALICE, "bob", 5 * KITH_US_PER_S);
	world_run(&w, 6 * KITH_US_PER_S);
	assert_int_equal(outcome(&w, WORLD_ALICE, op, since), KITH_EOFFLINE);
	core_world_deinit(&w);
}

static void a_leaf_that_never_had_a_home_is_told_so(void **state)
{
	struct core_world w;
	(void)state;
	core_world_init(&w, kith_suite_sodium(), 1);
	w.bootstrap = 10; /* nobody there */
	int i = world_start(&w, "alice", false);
	world_run(&w, KITH_US_PER_S);
	int since = w.events_n;
	kith_op op = world_dial(&w, i, "bob", 0);
	world_run(&w, 4 * KITH_US_PER_S);
	assert_null(world_event(&w, i, KITH_EVENT_OP_DONE, since)); /* a home may still come */
	world_run(&w, 3 * KITH_US_PER_S / 2);
	assert_int_equal(outcome(&w, i, op, since), KITH_EDETACHED);
	core_world_deinit(&w);
}

static void a_leaf_that_is_cut_off_ends_its_calls_in_time(void **state)
{
	struct core_world w;
	(void)state;
	world_alice_and_bob(&w);
	w.nodes[WORLD_ALICE].muted = true;
	int since = w.events_n;
	kith_op op = world_dial(&w, WORLD_ALICE, "bob", 12 * KITH_US_PER_S);
	world_run(&w, 13 * KITH_US_PER_S);
	int err = outcome(&w, WORLD_ALICE, op, since);
	assert_true(err == KITH_ETIMEDOUT || err == KITH_EDETACHED);
	/* An operation begun now knows that there is no home. */
	world_run(&w, 60 * KITH_US_PER_S);
	since = w.events_n;
	op = world_dial(&w, WORLD_ALICE, "bob", 5 * KITH_US_PER_S);
	world_run(&w, 6 * KITH_US_PER_S);
	err = outcome(&w, WORLD_ALICE, op, since);
	assert_true(err == KITH_ETIMEDOUT || err == KITH_EDETACHED);
	core_world_deinit(&w);
}

/* ---- giving up at every moment ---- */

/* What one side does after so many milliseconds of a call. */
enum deed { CANCEL, CLOSE_CALLEE, REJECT, MUTE_CALLER, MUTE_CALLEE, DEEDS_N };

static void act(struct core_world *w, enum deed deed, kith_op op)
{
	switch (deed) {
	case CANCEL: {
		int err = kith_core_cancel(w->nodes[WORLD_ALICE].core, world_clock(w), op);
		assert_true(err == 0 || err == KITH_ENOENT);
		world_drain(w, WORLD_ALICE);
		break;
	}
	case CLOSE_CALLEE:
		(void)kith_core_close(w->nodes[WORLD_BOB].core, world_clock(w), ringing.session, KITH_CLOSE_BUSY);
		world_drain(w, WORLD_BOB);
		break;
	case REJECT:
		(void)kith_core_reject(w->nodes[WORLD_BOB].core, world_clock(w), ringing.session, KITH_CLOSE_BUSY);
		world_drain(w, WORLD_BOB);
		break;
	case MUTE_CALLER:
		w->nodes[WORLD_ALICE].muted = true;
		break;
	case MUTE_CALLEE:
		w->nodes[WORLD_BOB].muted = true;
		break;
	case DEEDS_N:
		break;
	}
}

static void accept_after_30_ms(struct core_world *w, int node, const struct kith_event *ev)
{
	let_ring(w, node, ev);
	(void)w;
}

static void whatever_happens_in_the_middle_of_a_call_each_side_hears_of_its_end_once(void **state)
{
	(void)state;
	for (int deed = 0; deed < DEEDS_N; deed++) {
		for (int ms = 0; ms < 260; ms += deed == CANCEL ? 5 : 20) {
			struct core_world w;
			world_alice_and_bob_sim(&w);
			memset(&ringing, 0, sizeof ringing);
			w.on_event = accept_after_30_ms;
			int since = w.events_n;
			bool accepted = false, done = false;
			kith_op op = world_dial(&w, WORLD_ALICE, "bob", 10 * KITH_US_PER_S);
			kith_time_us rang = 0;
			for (int t = 0; t <= 300; t++) {
				if (t >= ms && !done) {
					act(&w, (enum deed)deed, op);
					done = true;
				}
				if (ringing.rings > 0 && rang == 0)
					rang = w.now;
				if (rang != 0 && !accepted && w.now >= rang + 30 * KITH_US_PER_MS) {
					accepted = true;
					int err = kith_core_accept(w.nodes[WORLD_BOB].core, world_clock(&w),
								   ringing.session);
					assert_true(err == 0 || err == KITH_ENOENT || err == KITH_ESTATE);
					world_drain(&w, WORLD_BOB);
				}
				world_run(&w, KITH_US_PER_MS);
			}
			/* An end that only listens on a relay finds out when its tunnel is closed. */
			bool mute = deed == MUTE_CALLER || deed == MUTE_CALLEE;
			world_run(&w, mute ? KITH_TUNNEL_IDLE_US + 60 * KITH_US_PER_S : 60 * KITH_US_PER_S);
			(void)outcome(&w, WORLD_ALICE, op, since);
			assert_int_equal(ops_held(&w, WORLD_ALICE), 0);
			assert_int_equal(w.nodes[WORLD_BOB].core->deciding, 0);
			/* What the application was told of as begun, it was told the end of, or it is still there on
			 * both sides. */
			for (int n = WORLD_ALICE; n <= WORLD_BOB; n++) {
				int open = world_events(&w, n, KITH_EVENT_OPENED, since),
				    closed = world_events(&w, n, KITH_EVENT_CLOSED, since);
				assert_true(open <= 1 && closed <= 1);
				if (open > closed)
					assert_int_equal(calls_held(&w, n), 1);
				else
					assert_int_equal(calls_held(&w, n), 0);
			}
			if (mute || deed == CANCEL)
				assert_int_equal(calls_held(&w, WORLD_ALICE), calls_held(&w, WORLD_BOB));
			core_world_deinit(&w);
		}
	}
}

/* ---- bounds ---- */

static void a_caller_without_room_for_a_session_is_told(void **state)
{
	struct core_world w;
	(void)state;
	world_alice_and_bob(&w);
	w.nodes[WORLD_ALICE].core->sessions.by_index.max = w.nodes[WORLD_ALICE].core->sessions.by_index.n;
	int since = w.events_n;
	kith_op op = world_dial(&w, WORLD_ALICE, "bob", 0);
	world_run(&w, 3 * KITH_US_PER_S);
	assert_int_equal(outcome(&w, WORLD_ALICE, op, since), KITH_EFULL);
	core_world_deinit(&w);
}

static void nonsense_is_refused_at_once(void **state)
{
	struct core_world w;
	kith_op op;
	(void)state;
	world_alice_and_bob(&w);
	struct kith_core *c = w.nodes[WORLD_ALICE].core;
	assert_int_equal(kith_core_call(c, world_clock(&w), "Bob!", "chat", 0, &op), KITH_ENAME);
	assert_int_equal(kith_core_call(c, world_clock(&w), "bob", "", 0, &op), KITH_EINVAL);
	assert_int_equal(kith_core_call(c, world_clock(&w), "bob", "a-name-longer-than-sixteen", 0, &op), KITH_EINVAL);
	assert_int_equal(kith_core_call(c, world_clock(&w), "alice", "chat", 0, &op), KITH_EINVAL);
	assert_int_equal(kith_core_lookup(c, world_clock(&w), "", &op), KITH_ENAME);
	assert_int_equal(kith_core_cancel(c, world_clock(&w), 12345), KITH_ENOENT);
	core_world_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whoever_vanished_is_unreachable_and_then_offline),
		cmocka_unit_test(a_leaf_that_never_had_a_home_is_told_so),
		cmocka_unit_test(a_leaf_that_is_cut_off_ends_its_calls_in_time),
		cmocka_unit_test(whatever_happens_in_the_middle_of_a_call_each_side_hears_of_its_end_once),
		cmocka_unit_test(a_caller_without_room_for_a_session_is_told),
		cmocka_unit_test(nonsense_is_refused_at_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
