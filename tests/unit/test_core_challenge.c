/* Asking the other side of a running call to prove its key: what the application is told in the end, whatever happens
 * meanwhile. */
#include "core_world.h"

static kith_op ask(struct core_world *w, kith_session_id session)
{
	kith_op op = 0;
	assert_int_equal(kith_core_challenge(w->nodes[WORLD_ALICE].core, world_clock(w), session, "the door", &op), 0);
	assert_int_not_equal(op, 0);
	world_drain(w, WORLD_ALICE);
	return op;
}

/* How it ended; it must have, once. */
static int end_of(const struct core_world *w, kith_op op, int since)
{
	int err = 1, n = 0;
	for (int i = since; i < w->events_n; i++) {
		const struct kith_event *ev = &w->events[i].ev;
		if (w->events[i].node == WORLD_ALICE && ev->type == KITH_EVENT_OP_DONE && ev->op == op) {
			err = ev->err;
			n++;
		}
	}
	assert_int_equal(n, 1);
	return err;
}

static void who_holds_the_key_proves_it_as_often_as_asked(void **state)
{
	struct core_world w;
	(void)state;
	world_alice_and_bob(&w);
	kith_session_id session = world_call(&w, WORLD_ALICE, WORLD_BOB, NULL);
	for (int i = 0; i < 3; i++) {
		int since = w.events_n;
		kith_op op = ask(&w, session);
		world_run(&w, KITH_US_PER_S);
		assert_int_equal(end_of(&w, op, since), 0);
	}
	core_world_deinit(&w);
}

static void one_is_asked_at_a_time(void **state)
{
	struct core_world w;
	kith_op second;
	(void)state;
	world_alice_and_bob(&w);
	kith_session_id session = world_call(&w, WORLD_ALICE, WORLD_BOB, NULL);
	int since = w.events_n;
	kith_op op = ask(&w, session);
	assert_int_equal(kith_core_challenge(w.nodes[WORLD_ALICE].core, world_clock(&w), session, "again", &second),
			 KITH_ESTATE);
	world_drain(&w, WORLD_ALICE);
	world_run(&w, KITH_US_PER_S);
	assert_int_equal(end_of(&w, op, since), 0);
	core_world_deinit(&w);
}

static void without_an_answer_it_ends_in_time(void **state)
{
	struct core_world w;
	(void)state;
	world_alice_and_bob(&w);
	kith_session_id session = world_call(&w, WORLD_ALICE, WORLD_BOB, NULL);
	int since = w.events_n;
	w.nodes[WORLD_BOB].muted = true;
	kith_op op = ask(&w, session);
	world_run(&w, 10 * KITH_US_PER_S);
	assert_true(end_of(&w, op, since) < 0);
	core_world_deinit(&w);
}

static void a_call_that_ends_meanwhile_ends_it(void **state)
{
	struct core_world w;
	kith_session_id theirs;
	(void)state;
	for (int who = WORLD_ALICE; who <= WORLD_BOB; who++) {
		world_alice_and_bob(&w);
		kith_session_id ours = world_call(&w, WORLD_ALICE, WORLD_BOB, &theirs);
		int since = w.events_n;
		kith_op op = ask(&w, ours);
		assert_int_equal(kith_core_close(w.nodes[who].core, world_clock(&w), who == WORLD_ALICE ? ours : theirs,
						 KITH_CLOSE_NORMAL),
				 0);
		world_drain(&w, who);
		world_run(&w, 10 * KITH_US_PER_S);
		assert_true(end_of(&w, op, since) < 0);
		core_world_deinit(&w);
	}
}

static void one_that_is_cancelled_leaves_the_call_alone(void **state)
{
	struct core_world w;
	(void)state;
	world_alice_and_bob(&w);
	kith_session_id session = world_call(&w, WORLD_ALICE, WORLD_BOB, NULL);
	int since = w.events_n;
	kith_op op = ask(&w, session);
	assert_int_equal(kith_core_cancel(w.nodes[WORLD_ALICE].core, world_clock(&w), op), 0);
	world_drain(&w, WORLD_ALICE);
	world_run(&w, 10 * KITH_US_PER_S);
	assert_int_equal(end_of(&w, op, since), KITH_ECANCELED);
	assert_null(world_event(&w, WORLD_ALICE, KITH_EVENT_CLOSED, since));
	since = w.events_n;
	op = ask(&w, session);
	world_run(&w, KITH_US_PER_S);
	assert_int_equal(end_of(&w, op, since), 0);
	core_world_deinit(&w);
}

/* Bob's certificates are another's by now, or the key that signs is not the one of his certificate. */
static void who_cannot_prove_it_is_found_out(void **state)
{
	struct core_world w;
	(void)state;
	for (int lie = 0; lie < 2; lie++) {
		world_alice_and_bob(&w);
		kith_session_id session = world_call(&w, WORLD_ALICE, WORLD_BOB, NULL);
		if (lie == 0)
			world_show(&w, WORLD_BOB, &(struct world_cert){ .name = "bob", .other_identity = true });
		else
			w.nodes[WORLD_BOB].core->self.sign_sk[0] ^= 1;
		int since = w.events_n;
		kith_op op = ask(&w, session);
		world_run(&w, 10 * KITH_US_PER_S);
		assert_true(end_of(&w, op, since) < 0);
		core_world_deinit(&w);
	}
}

static void without_memory_nothing_is_left_behind(void **state)
{
	(void)state;
	int err = KITH_ENOMEM;
	for (long n = 0; err != 0; n++) {
		struct core_world w;
		kith_op op = 0;
		world_alice_and_bob(&w);
		kith_session_id session = world_call(&w, WORLD_ALICE, WORLD_BOB, NULL);
		w.alloc.fail_after = n;
		err = kith_core_challenge(w.nodes[WORLD_ALICE].core, world_clock(&w), session, "x", &op);
		w.alloc.fail_after = -1;
		assert_true(err == 0 || err == KITH_ENOMEM);
		world_drain(&w, WORLD_ALICE);
		int since = w.events_n;
		if (err != 0)
			op = ask(&w, session); /* the way is free */
		world_run(&w, KITH_US_PER_S);
		assert_int_equal(end_of(&w, op, since), 0);
		core_world_deinit(&w);
		assert_true(n < 20);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_holds_the_key_proves_it_as_often_as_asked),
		cmocka_unit_test(one_is_asked_at_a_time),
		cmocka_unit_test(without_an_answer_it_ends_in_time),
		cmocka_unit_test(a_call_that_ends_meanwhile_ends_it),
		cmocka_unit_test(one_that_is_cancelled_leaves_the_call_alone),
		cmocka_unit_test(who_cannot_prove_it_is_found_out),
		cmocka_unit_test(without_memory_nothing_is_left_behind),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
