/* Effects are asked once and end once: done, failed, late, or given up. */
#include "support.h"

#include "base/effects.h"

#define S ((kith_time_us)1000000)

enum { OWNER = 7, ANOTHER = 9 };

struct fixture {
	struct test_alloc alloc;
	struct kith_effects effects;
};

static int setup(void **state)
{
	static struct fixture f;
	test_alloc_init(&f.alloc);
	kith_effects_init(&f.effects, &f.alloc.alloc);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	kith_effects_deinit(&f->effects);
	test_alloc_check(&f->alloc);
	return 0;
}

static uint32_t begin(struct kith_effects *es, int type, kith_time_us deadline, const char *bytes, uint32_t tag)
{
	struct kith_effect what = { .type = (enum kith_effect_type)type, .deadline = deadline };
	uint32_t id = 0;
	what.bytes = test_span(bytes, bytes != NULL ? strlen(bytes) : 0);
	assert_int_equal(kith_effects_begin(es, &what, OWNER, tag, &id), 0);
	assert_int_not_equal(id, 0);
	return id;
}

static void what_is_asked_comes_out_once_and_its_end_goes_to_its_owner(void **state)
{
	struct kith_effects *es = &((struct fixture *)*state)->effects;
	struct kith_effect out;
	struct kith_effect_end end;
	struct kith_effect_result result = { .addrs_n = 1, .life_us = 3 * S };
	char name[] = "home.example";
	uint32_t id = begin(es, KITH_EFFECT_SAVE, 10 * S, name, 5);
	name[0] = 'X'; /* it has its own copy */
	assert_false(kith_effects_ended(es, 0, &end));
	assert_false(kith_effects_complete(es, id, 0, NULL)); /* nobody has taken it */
	assert_true(kith_effects_next(es, &out));
	assert_true(out.type == KITH_EFFECT_SAVE && out.id == id && out.deadline == 10 * S);
	assert_int_equal(out.bytes.len, 12);
	assert_memory_equal(out.bytes.p, "home.example", 12);
	assert_false(kith_effects_next(es, &out));
	assert_false(kith_effects_complete(es, id + 1, 0, NULL));
	assert_true(kith_effects_complete(es, id, KITH_EIO, &result));
	assert_false(kith_effects_complete(es, id, 0, NULL));
	assert_true(kith_effects_ended(es, 0, &end));
	assert_true(end.id == id && end.owner == OWNER && end.tag == 5 && end.type == KITH_EFFECT_SAVE);
	assert_int_equal(end.err, KITH_EIO);
	assert_true(end.result.addrs_n == 1 && end.result.life_us == 3 * S);
	assert_false(kith_effects_ended(es, 100 * S, &end));
	assert_false(kith_effects_next(es, &out)); /* it is done: there is nothing to give up */
}

static void late_is_late_and_the_host_hears_of_it(void **state)
{
	struct kith_effects *es = &((struct fixture *)*state)->effects;
	struct kith_effect out;
	struct kith_effect_end end;
	assert_true(kith_effects_deadline(es) == KITH_TIME_NEVER);
	uint32_t taken = begin(es, KITH_EFFECT_MAP, 10 * S, NULL, 1);
	assert_true(kith_effects_next(es, &out));
	uint32_t waits = begin(es, KITH_EFFECT_OPEN, 20 * S, NULL, 2);
	uint32_t never = begin(es, KITH_EFFECT_SAVE, KITH_TIME_NEVER, "state", 3);
	assert_true(kith_effects_deadline(es) == 10 * S);
	assert_false(kith_effects_ended(es, 10 * S - 1, &end));
	assert_true(kith_effects_ended(es, 10 * S, &end));
	assert_true(end.id == taken && end.tag == 1 && end.err == KITH_ETIMEDOUT && end.result.addrs_n == 0);
	assert_false(kith_effects_complete(es, taken, 0, NULL)); /* too late */
	assert_true(kith_effects_next(es, &out));
	assert_true(out.type == KITH_EFFECT_CANCEL && out.id == taken);
	assert_true(kith_effects_deadline(es) == 20 * S);
	assert_true(kith_effects_ended(es, 20 * S, &end)); /* the host never took it: nothing to be told */
	assert_true(end.id == waits && end.err == KITH_ETIMEDOUT);
	assert_false(kith_effects_ended(es, KITH_TIME_NEVER - 1, &end));
	assert_true(kith_effects_next(es, &out));
	assert_true(out.type == KITH_EFFECT_SAVE && out.id == never);
	assert_false(kith_effects_next(es, &out));
}

static void what_is_given_up_ends_in_silence(void **state)
{
	struct kith_effects *es = &((struct fixture *)*state)->effects;
	struct kith_effect out;
	struct kith_effect_end end;
	uint32_t first = begin(es, KITH_EFFECT_MAP, 10 * S, "x", 1),
		 second = begin(es, KITH_EFFECT_MAP, 10 * S, "y", 2),
		 third = begin(es, KITH_EFFECT_MAP, 10 * S, "z", 3);
	assert_true(kith_effects_next(es, &out) && out.id == first);
	kith_effects_cancel(es, second); /* not taken: nobody is told */
	kith_effects_cancel(es, first);
	kith_effects_cancel(es, first);
	kith_effects_cancel(es, 99);
	assert_true(kith_effects_next(es, &out) && out.type == KITH_EFFECT_CANCEL && out.id == first);
	assert_true(kith_effects_next(es, &out) && out.id == third);
	assert_true(kith_effects_complete(es, third, 0, NULL));
	kith_effects_cancel(es, third); /* done, and its owner has not been told: it is not told */
	assert_false(kith_effects_ended(es, 100 * S, &end));
	assert_false(kith_effects_next(es, &out));
}

/* The table does not know what it is about: a type and an owner of a later version, or of a test, need no line. */
static void a_type_and_an_owner_of_ones_own_need_nothing(void **state)
{
	struct kith_effects *es = &((struct fixture *)*state)->effects;
	struct kith_effect what = { .type = KITH_EFFECT_PRIVATE, .deadline = 5 * S, .transport = 3, .count = 256 }, out;
	struct kith_effect_end end;
	uint32_t id;
	assert_int_equal(kith_effects_begin(es, &what, ANOTHER, 77, &id), 0);
	assert_true(kith_effects_next(es, &out));
	assert_true(out.type == KITH_EFFECT_PRIVATE && out.transport == 3 && out.count == 256);
	assert_true(kith_effects_complete(es, id, 0, NULL));
	assert_true(kith_effects_ended(es, 0, &end));
	assert_true(end.owner == ANOTHER && end.tag == 77 && end.type == KITH_EFFECT_PRIVATE && end.err == 0);
}

static void effects_are_bounded_need_memory_and_give_it_back(void **state)
{
	struct fixture *f = *state;
	struct kith_effects *es = &f->effects;
	struct kith_effect what = { .type = KITH_EFFECT_SAVE, .deadline = S, .bytes = test_span("name", 4) }, out;
	struct kith_effect_end end;
	uint32_t id = 0, last = 0;
	for (int allocations = 0; allocations < 2; allocations++) {
		f->alloc.fail_after = allocations;
		assert_int_equal(kith_effects_begin(es, &what, OWNER, 0, &id), KITH_ENOMEM);
		assert_int_equal(f->alloc.live_bytes, 0);
	}
	f->alloc.fail_after = -1;
	for (unsigned i = 0; i < KITH_EFFECTS_MAX; i++) {
		assert_int_equal(kith_effects_begin(es, &what, OWNER, i, &id), 0);
		assert_true(id > last);
		last = id;
	}
	assert_int_equal(kith_effects_begin(es, &what, OWNER, 0, &id), KITH_EFULL);
	for (unsigned i = 0; i < KITH_EFFECTS_MAX; i++) {
		assert_true(kith_effects_next(es, &out)); /* in the order in which they were asked */
		if (i % 2 == 0)
			assert_true(kith_effects_complete(es, out.id, 0, NULL));
	}
	uint32_t before = 0;
	for (unsigned i = 0; i < KITH_EFFECTS_MAX; i++) {
		assert_true(kith_effects_ended(es, S, &end));
		assert_int_equal(end.err, i < KITH_EFFECTS_MAX / 2 ? 0 : KITH_ETIMEDOUT);
		assert_true(i == KITH_EFFECTS_MAX / 2 || end.id > before);
		before = end.id;
	}
	for (unsigned i = 0; i < KITH_EFFECTS_MAX / 2; i++)
		assert_true(kith_effects_next(es, &out) && out.type == KITH_EFFECT_CANCEL);
	assert_int_equal(f->alloc.live_bytes, 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(what_is_asked_comes_out_once_and_its_end_goes_to_its_owner),
		T(late_is_late_and_the_host_hears_of_it),
		T(what_is_given_up_ends_in_silence),
		T(a_type_and_an_owner_of_ones_own_need_nothing),
		T(effects_are_bounded_need_memory_and_give_it_back),
	};
#undef T
	return cmocka_run_group_tests(tests, NULL, NULL);
}
