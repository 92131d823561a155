/* Addresses to which no connection is made for a while, of which the oldest are forgotten for new ones. */
#include "support.h"

#include "host/tcp_shunned.h"

static struct kith_addr at(uint16_t port)
{
	return (struct kith_addr){ .family = KITH_FAMILY_V4, .ip = { 20, 1, 2, 3 }, .port = port };
}

static void one_is_shunned_until_its_time(void **state)
{
	struct kith_tcp_shunned s = { .list = NULL };
	struct test_alloc a;
	(void)state;
	test_alloc_init(&a);
	const struct kith_addr one = at(1), other = at(2);
	assert_false(kith_tcp_is_shunned(&s, &one, 0));
	kith_tcp_shun(&s, &a.alloc, &one, 1000);
	assert_true(kith_tcp_is_shunned(&s, &one, 999));
	assert_false(kith_tcp_is_shunned(&s, &one, 1000));
	assert_false(kith_tcp_is_shunned(&s, &other, 999));
	kith_tcp_shunned_deinit(&s, &a.alloc);
	kith_tcp_shunned_deinit(&s, &a.alloc);
	test_alloc_check(&a);
}

static void the_oldest_makes_room(void **state)
{
	struct kith_tcp_shunned s = { .list = NULL };
	struct test_alloc a;
	(void)state;
	test_alloc_init(&a);
	for (uint16_t i = 0; i <= KITH_TCP_SHUNNED_MAX; i++) {
		const struct kith_addr one = at(i);
		kith_tcp_shun(&s, &a.alloc, &one, 1000);
	}
	const struct kith_addr first = at(0), second = at(1), last = at(KITH_TCP_SHUNNED_MAX);
	assert_false(kith_tcp_is_shunned(&s, &first, 0));
	assert_true(kith_tcp_is_shunned(&s, &second, 0));
	assert_true(kith_tcp_is_shunned(&s, &last, 0));
	kith_tcp_shunned_deinit(&s, &a.alloc);
	test_alloc_check(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_is_shunned_until_its_time),
		cmocka_unit_test(the_oldest_makes_room),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
