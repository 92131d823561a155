/* What the host is asked for goes out and comes back through the core: done, late, or by nobody who is known. */
#include "core_world.h"

#include "core/outcome.h"
#include "core/settle.h"

/* A dummy: an effect of a type of one's own, that a handler of alice's begins. */
static uint32_t begin(struct core_world *w, kith_time_us in)
{
	struct kith_core *c = w->nodes[WORLD_ALICE].core;
	struct kith_effect what = { .type = KITH_EFFECT_PRIVATE, .transport = 5 };
	uint32_t id = 0;
	kith_core_enter(c, world_clock(w));
	what.deadline = c->now.mono_us + in;
	assert_int_equal(kith_effects_begin(&c->effects, &what, KITH_OWNER_NONE, 0, &id), 0);
	kith_core_settle(c);
	return id;
}

static void an_effect_goes_out_and_what_came_of_it_comes_back(void **state)
{
	struct core_world w;
	struct kith_effect out;
	(void)state;
	world_alice_and_bob(&w);
	struct kith_core *c = w.nodes[WORLD_ALICE].core;
	uint32_t id = begin(&w, 3600 * KITH_US_PER_S);
	assert_true(kith_core_effect(c, &out));
	assert_true(out.type == KITH_EFFECT_PRIVATE && out.id == id && out.transport == 5);
	assert_false(kith_core_effect(c, &out));
	struct kith_effect_result bad = { .addrs_n = KITH_EFFECT_ADDRS_MAX + 1 };
	kith_core_complete(c, world_clock(&w), id, 0, &bad); /* a host's mistake is not taken in */
	assert_non_null(c->effects.at);
	kith_core_complete(c, world_clock(&w), id, 0, NULL);
	assert_null(c->effects.at);
	core_world_deinit(&w);
}

static void a_host_that_never_answers_is_not_waited_for(void **state)
{
	struct core_world w;
	struct kith_effect out;
	(void)state;
	world_alice_and_bob(&w);
	struct kith_core *c = w.nodes[WORLD_ALICE].core;
	uint32_t id = begin(&w, 50 * KITH_US_PER_MS);
	kith_time_us due = c->effects_timer.at;
	assert_true(kith_core_effect(c, &out) && out.id == id && out.deadline == due);
	assert_true(kith_core_deadline(c) <= due);
	struct kith_now at = world_clock(&w);
	at.mono_us = due;
	kith_core_tick(c, at); /* the world is not asked: it would answer */
	assert_true(kith_core_effect(c, &out));
	assert_true(out.type == KITH_EFFECT_CANCEL && out.id == id);
	assert_false(kith_timer_is_set(&c->effects_timer));
	kith_core_complete(c, world_clock(&w), id, 0, NULL); /* too late */
	assert_true(kith_effects_deadline(&c->effects) == KITH_TIME_NEVER);
	core_world_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_effect_goes_out_and_what_came_of_it_comes_back),
		cmocka_unit_test(a_host_that_never_answers_is_not_waited_for),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
