/* Places of homes are always there, those of spares while they are used. */
#include "support.h"

#include "leaf/places.h"

static void places_of_spares_come_and_go_behind_those_of_homes(void **state)
{
	static struct kith_core c;
	struct test_alloc a;
	(void)state;
	test_alloc_init(&a);
	memset(&c, 0, sizeof c);
	c.alloc = &a.alloc;
	assert_int_equal(kith_places(&c), KITH_HOMES);
	assert_true(kith_places_grow(&c));
	assert_true(kith_places_grow(&c));
	assert_int_equal(kith_places(&c), KITH_HOMES + KITH_SPARES);
	for (unsigned i = 0; i < kith_places(&c); i++) {
		assert_int_equal(kith_place(&c, i)->state, KITH_HOME_FREE);
		assert_int_equal(kith_place_is_home(&c, kith_place(&c, i)), i < KITH_HOMES);
	}
	kith_places_shrink(&c);
	assert_int_equal(kith_places(&c), KITH_HOMES);
	assert_int_equal(a.live_bytes, 0);
}

static void a_place_is_found_by_its_session_unless_it_is_free(void **state)
{
	static struct kith_core c;
	struct test_alloc a;
	(void)state;
	test_alloc_init(&a);
	memset(&c, 0, sizeof c);
	c.alloc = &a.alloc;
	assert_true(kith_places_grow(&c));
	struct kith_home_slot *spare = kith_place(&c, KITH_HOMES);
	spare->session = 7;
	assert_null(kith_place_of(&c, 7));
	spare->state = KITH_HOME_CONNECTING;
	assert_ptr_equal(kith_place_of(&c, 7), spare);
	assert_null(kith_place_of(&c, 8));
	kith_places_shrink(&c);
}

/* Without memory a leaf goes on with its homes. */
static void no_memory_is_no_spare(void **state)
{
	static struct kith_core c;
	struct test_alloc a;
	(void)state;
	test_alloc_init(&a);
	memset(&c, 0, sizeof c);
	c.alloc = &a.alloc;
	a.fail_after = 0;
	assert_false(kith_places_grow(&c));
	assert_int_equal(kith_places(&c), KITH_HOMES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(places_of_spares_come_and_go_behind_those_of_homes),
		cmocka_unit_test(a_place_is_found_by_its_session_unless_it_is_free),
		cmocka_unit_test(no_memory_is_no_spare),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
