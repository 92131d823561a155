/* Each port of a range has its turn once, and those near what was seen have it sooner. */
#include "support.h"

#include "path/ports.h"

static unsigned seen[UINT16_MAX + 1];

/* Each port of the range once, and no other. */
static void check_all(const struct kith_ports *p)
{
	const uint32_t n = kith_ports_count(p);
	memset(seen, 0, sizeof seen);
	for (uint32_t i = 0; i < n; i++)
		seen[kith_ports_at(p, i)]++;
	for (uint32_t port = 0; port <= UINT16_MAX; port++)
		assert_int_equal(seen[port], port >= p->low && port <= p->high);
}

static void each_port_has_its_turn_once(void **state)
{
	static const struct kith_ports orders[] = {
		{ 1024, 65535, 0, 0, 0 },
		{ 1024, 65535, 20000, 40000, UINT32_MAX },
		{ 1024, 65535, 1024, 65535, 7 }, /* all of it is near */
		{ 1024, 65535, 1024, 1024, 8 },
		{ 1024, 65535, 65535, 65535, 9 },
		{ 1024, 65535, 1025, 65535, 10 }, /* all but one */
		{ 8192, 8703, 0, 0, 4711 }, /* a block */
		{ 5000, 5000, 0, 0, 3 },
		{ 2000, 2000 + 619 - 1, 0, 0, 1 }, /* as many as the stride */
		{ 2000, 2000 + 619 * 617 / 10, 2100, 2100 + 2 * 619 - 1, 1 },
		{ 0, UINT16_MAX, 3, 5, 12345 },
	};
	(void)state;
	for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++)
		check_all(&orders[i]);
}

static void three_of_four_lie_near_what_was_seen(void **state)
{
	struct kith_ports p = kith_ports_around(33000, 60000);
	unsigned near = 0;
	(void)state;
	assert_true(p.low == 1024 && p.high == UINT16_MAX);
	assert_in_range(p.near_low, 26000, 26500); /* a quarter further */
	assert_int_equal(p.near_high, UINT16_MAX);
	p.start = 4711;
	for (uint32_t i = 0; i < 400; i++) {
		const uint16_t port = kith_ports_at(&p, i);
		near += port >= p.near_low && port <= p.near_high;
	}
	assert_int_equal(near, 300);
}

static void what_was_seen_may_be_anything(void **state)
{
	static const uint16_t ports[] = { 0, 1, 1023, 1024, 1025, 32768, 65534, 65535 };
	const size_t n = sizeof ports / sizeof ports[0];
	(void)state;
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < n; k++) {
			const struct kith_ports p = kith_ports_around(ports[i], ports[k]);
			assert_true(p.near_high == 0 || (p.near_low >= p.low && p.near_low <= p.near_high));
			check_all(&p);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_port_has_its_turn_once),
		cmocka_unit_test(three_of_four_lie_near_what_was_seen),
		cmocka_unit_test(what_was_seen_may_be_anything),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
