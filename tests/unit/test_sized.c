#include "base/sized.h"
#include "support.h"

struct old {
	size_t size;
	int a;
};

struct now {
	size_t size;
	int a, b;
};

static void what_an_older_caller_does_not_know_keeps_its_default(void **state)
{
	struct now ours = { .size = sizeof ours, .a = 1, .b = 2 };
	const struct old theirs = { .size = sizeof theirs, .a = 7 };
	(void)state;
	/* The old struct ends with padding, which says nothing. */
	ours.b = 0;
	assert_true(kith_sized_read(&ours, sizeof ours, &theirs));
	assert_int_equal(ours.a, 7);
	assert_int_equal(ours.size, sizeof ours);
}

static void what_a_newer_caller_knows_beyond_us_is_left_alone(void **state)
{
	struct old ours = { .size = sizeof ours };
	const struct now theirs = { .size = sizeof theirs, .a = 7, .b = 8 };
	struct {
		struct old s;
		int behind;
	} room = { ours, 42 };
	(void)state;
	assert_true(kith_sized_read(&room.s, sizeof room.s, &theirs));
	assert_int_equal(room.s.a, 7);
	assert_int_equal(room.behind, 42);
}

static void a_size_that_nobody_filled_in_is_refused(void **state)
{
	static const size_t sizes[] = { 0, sizeof(size_t) - 1, KITH_SIZE_MAX + 1, SIZE_MAX };
	struct now ours = { .size = sizeof ours, .a = 1 };
	(void)state;
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		const struct now theirs = { .size = sizes[i], .a = 7 };
		assert_false(kith_sized_read(&ours, sizeof ours, &theirs));
	}
	assert_false(kith_sized_read(&ours, sizeof ours, NULL));
	assert_int_equal(ours.a, 1);
}

static void no_more_is_written_than_the_caller_has_room_for(void **state)
{
	const struct now ours = { .size = sizeof ours, .a = 1, .b = 2 };
	uint8_t out[sizeof ours + 8];
	(void)state;
	for (size_t room = 0; room <= sizeof out; room++) {
		memset(out, 0xee, sizeof out);
		kith_sized_write(out, room, &ours, sizeof ours);
		for (size_t i = 0; i < sizeof out; i++) {
			const uint8_t *src = (const uint8_t *)&ours;
			assert_int_equal(out[i], i >= room ? 0xee : i < sizeof ours ? src[i] : 0);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_an_older_caller_does_not_know_keeps_its_default),
		cmocka_unit_test(what_a_newer_caller_knows_beyond_us_is_left_alone),
		cmocka_unit_test(a_size_that_nobody_filled_in_is_refused),
		cmocka_unit_test(no_more_is_written_than_the_caller_has_room_for),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
