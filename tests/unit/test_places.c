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

/* A bootstrap host whose key is not known may be one that is in use. */
static void a_supernode_in_use_is_known_by_key_or_address(void **state)
{
	static struct kith_core c;
	struct kith_host host = { .dh = { { 1 } }, .endpoints_n = 1 };
	(void)state;
	memset(&c, 0, sizeof c);
	host.endpoints[0].addr.family = 4;
	host.endpoints[0].addr.ip[0] = 11;
	host.endpoints[0].addr.port = 4433;
	kith_place(&c, 1)->host = host;
	assert_false(kith_place_in_use(&c, &host));
	kith_place(&c, 1)->state = KITH_HOME_ATTACHED;
	assert_true(kith_place_in_use(&c, &host));
	struct kith_host unknown = host, moved = host, other = host;
	unknown.dh = (struct kith_key){ { 0 } };
	moved.endpoints[0].addr.port = 4434;
	other.dh.b[0] = 2;
	other.endpoints[0].addr.port = 4434;
	assert_true(kith_place_in_use(&c, &unknown));
	assert_true(kith_place_in_use(&c, &moved));
	assert_false(kith_place_in_use(&c, &other));
}

/* An address is asked whose it is, and a home tells of who is there by all its addresses. */
static void who_is_asked_for_its_key_is_in_use_by_any_of_its_addresses(void **state)
{
	static struct kith_core c;
	struct kith_host host = { .dh = { { 1 } }, .endpoints_n = 2 }, asked = { .endpoints_n = 1 };
	(void)state;
	memset(&c, 0, sizeof c);
	for (uint8_t i = 0; i < 2; i++)
		host.endpoints[i].addr = (struct kith_addr){ .family = 4, .ip = { 11, 0, 0, i }, .port = 4433 };
	asked.endpoints[0] = host.endpoints[1];
	kith_place(&c, 1)->host = asked;
	kith_place(&c, 1)->state = KITH_HOME_CONNECTING;
	assert_true(kith_place_in_use(&c, &host));
	kith_place(&c, 1)->host.dh.b[0] = 2; /* it is another: what an entry names is no proof */
	assert_false(kith_place_in_use(&c, &host));
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
		cmocka_unit_test(a_supernode_in_use_is_known_by_key_or_address),
		cmocka_unit_test(who_is_asked_for_its_key_is_in_use_by_any_of_its_addresses),
		cmocka_unit_test(no_memory_is_no_spare),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
