#include "support.h"

#include "overlay/sectors.h"

static const uint64_t top = UINT64_C(1) << 63;

static void what_is_near_goes_round_the_end_of_the_ring(void **state)
{
	(void)state;
	struct kith_sectors s = { .self = 5, .bits = 4 };
	assert_true(kith_sectors_share(&s, s.self, UINT64_C(1) << 60)); /* the next one */
	assert_true(kith_sectors_share(&s, s.self, UINT64_MAX)); /* the one before */
	assert_false(kith_sectors_share(&s, s.self, UINT64_C(2) << 60));
	assert_false(kith_sectors_share(&s, s.self, top));
	assert_int_equal(kith_sectors_side(&s, UINT64_C(1) << 60), 1);
	assert_int_equal(kith_sectors_side(&s, UINT64_MAX), -1);
	assert_int_equal(kith_sectors_side(&s, (UINT64_C(1) << 60) - 1), 0);
	s.self = UINT64_MAX;
	assert_int_equal(kith_sectors_side(&s, 0), 1);
	for (s.bits = 0; s.bits < 2; s.bits++) {
		assert_true(kith_sectors_share(&s, s.self, top));
		assert_int_equal(kith_sectors_ranges(&s), 1);
		assert_int_equal(kith_sectors_range(&s, 0).depth, 0);
		assert_int_equal(kith_sectors_range(&s, 0).path, 0);
	}
}

/* However wide sectors are, the ranges are whole, different, and all that is near. */
static void the_ranges_are_all_that_is_near(void **state)
{
	(void)state;
	for (uint8_t bits = 2; bits <= KITH_SECTOR_BITS_MAX; bits++) {
		const uint64_t selves[] = { 0, UINT64_MAX, top, UINT64_C(0x123456789abcdef0) };
		for (size_t k = 0; k < sizeof selves / sizeof selves[0]; k++) {
			struct kith_sectors s = { .self = selves[k], .bits = bits };
			unsigned n = kith_sectors_ranges(&s);
			uint64_t width = 0;
			for (unsigned i = 0; i < n; i++) {
				struct kith_gossip_range r = kith_sectors_range(&s, i);
				assert_true(kith_sectors_whole(&s, r));
				assert_true(kith_sectors_share(&s, s.self, kith_sectors_begin(r)));
				width += UINT64_C(1) << (64 - 4 * r.depth);
				for (unsigned other = 0; other < i; other++)
					assert_int_not_equal(kith_sectors_range(&s, other).path, r.path);
			}
			assert_true(width == UINT64_C(3) << (64 - bits));
		}
	}
}

static void a_range_wider_than_a_sector_is_not_known_in_full(void **state)
{
	(void)state;
	struct kith_sectors s = { .self = 0, .bits = 5 };
	assert_false(kith_sectors_whole(&s, (struct kith_gossip_range){ 0, 0 }));
	assert_false(kith_sectors_whole(&s, (struct kith_gossip_range){ 1, 0 }));
	assert_true(kith_sectors_whole(&s, (struct kith_gossip_range){ 2, 0 }));
	assert_false(kith_sectors_whole(&s, (struct kith_gossip_range){ 2, 0x80 }));
	s.bits = 0;
	assert_true(kith_sectors_whole(&s, (struct kith_gossip_range){ 0, 0 }));
}

static void the_point_of_a_sector_lies_in_it_as_our_id_lies_in_ours(void **state)
{
	(void)state;
	struct kith_id self = { { 0xab, 0xcd, 0xef, 1, 2, 3, 4, 5, 6 } }, point;
	struct kith_sectors s = { .self = kith_sectors_place(self.b), .bits = 4 };
	kith_sectors_point(&s, &self, 0xa, &point);
	assert_memory_equal(&point, &self, sizeof self);
	kith_sectors_point(&s, &self, 3, &point);
	assert_int_equal(point.b[0], 0x3b);
	assert_memory_equal(point.b + 1, self.b + 1, sizeof self - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_near_goes_round_the_end_of_the_ring),
		cmocka_unit_test(the_ranges_are_all_that_is_near),
		cmocka_unit_test(a_range_wider_than_a_sector_is_not_known_in_full),
		cmocka_unit_test(the_point_of_a_sector_lies_in_it_as_our_id_lies_in_ours),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
