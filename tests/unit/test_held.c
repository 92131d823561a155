/* News that wait: the newest of each thing, in the order in which things came up, and none lost. */
#include "support.h"

#include "presence/held.h"

static struct test_alloc mem;
static struct kith_blobs blobs;
static struct kith_held held;

static int setup(void **state)
{
	static const uint64_t seed[2] = { 1, 2 };
	(void)state;
	test_alloc_init(&mem);
	kith_blobs_init(&blobs, &mem.alloc, 10000, seed);
	kith_held_init(&held, &mem.alloc, &blobs, seed);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	kith_held_deinit(&held);
	kith_blobs_deinit(&blobs);
	test_alloc_check(&mem);
	return 0;
}

static struct kith_held_about about(uint32_t key, uint8_t device, uint8_t home, bool of_leaves)
{
	struct kith_held_about a = { .of_leaves = of_leaves };
	memcpy(a.key.b, &key, sizeof key);
	a.device.b[0] = device;
	a.home.b[0] = home;
	return a;
}

static bool put(struct kith_held_about a, const char *text, kith_time_us due)
{
	return kith_held_put(&held, &a, test_span(text, strlen(text)), due);
}

static void take(kith_time_us now, const char *text)
{
	struct kith_held_about a;
	struct kith_blob *blob = kith_held_take(&held, now, &a);
	assert_true((blob != NULL) == (text != NULL));
	if (blob == NULL)
		return;
	assert_int_equal(blob->len, strlen(text));
	assert_memory_equal(blob->bytes, text, blob->len);
	kith_blob_unref(&blobs, blob);
}

static void the_newest_goes_out_when_the_first_was_due(void **state)
{
	(void)state;
	assert_int_equal(kith_held_due(&held), KITH_TIME_NEVER);
	assert_true(put(about(1, 1, 0, true), "one", 100));
	assert_true(put(about(2, 1, 0, true), "two", 110));
	assert_true(put(about(1, 1, 0, true), "one again", 150));
	assert_int_equal(kith_held_due(&held), 100);
	take(99, NULL);
	take(100, "one again");
	take(100, NULL);
	take(110, "two");
	assert_int_equal(kith_held_due(&held), KITH_TIME_NEVER);
}

/* Another device, another home's report and the other kind of watcher are other news. */
static void what_is_about_something_else_is_kept_beside_it(void **state)
{
	(void)state;
	assert_true(put(about(1, 1, 0, true), "a", 1));
	assert_true(put(about(1, 2, 0, true), "b", 1));
	assert_true(put(about(1, 1, 1, true), "c", 1));
	assert_true(put(about(1, 1, 0, false), "d", 1));
	take(1, "a");
	take(1, "b");
	take(1, "c");
	take(1, "d");
	take(1, NULL);
}

static void what_finds_no_place_is_given_back(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < KITH_HELD_MAX; i++)
		assert_true(put(about(i, 1, 0, true), "same bytes", 7));
	assert_false(put(about(KITH_HELD_MAX, 1, 0, true), "no room", 7));
	assert_true(put(about(5, 1, 0, true), "but in its own place", 7));
	take(7, "same bytes");
	assert_true(put(about(KITH_HELD_MAX, 1, 0, true), "room", 7));
	mem.fail_after = 0;
	take(7, "same bytes");
	assert_false(put(about(0, 1, 0, true), "no memory", 7));
	mem.fail_after = -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_newest_goes_out_when_the_first_was_due, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_about_something_else_is_kept_beside_it, setup, teardown),
		cmocka_unit_test_setup_teardown(what_finds_no_place_is_given_back, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
