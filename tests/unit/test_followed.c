/* Tokens that contacts gave us. */
#include "support.h"

#include "identity/followed.h"

static struct test_alloc mem;
static struct kith_followed fs;

static int setup(void **state)
{
	(void)state;
	test_alloc_init(&mem);
	kith_followed_init(&fs, &mem.alloc);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	kith_followed_deinit(&fs);
	test_alloc_check(&mem);
	return 0;
}

static struct kith_id key_of(uint32_t name)
{
	return (struct kith_id){ { (uint8_t)(name >> 8), (uint8_t)name } };
}

static int put(uint32_t name, uint8_t device, uint8_t token)
{
	const struct kith_followed_item item = { .key = key_of(name), .device = { device }, .token = { token } };
	return kith_followed_put(&fs, &item);
}

/* First bytes of the tokens of a name, as text. */
static const char *tokens(uint32_t name)
{
	static char text[KITH_FOLLOWED_PER_NAME + 1];
	uint8_t out[KITH_FOLLOWED_PER_NAME * KITH_FOLLOWED_TOKEN_LEN];
	const struct kith_id key = key_of(name);
	size_t n = kith_followed_of(&fs, &key, out) / KITH_FOLLOWED_TOKEN_LEN;
	for (size_t i = 0; i < n; i++)
		text[i] = (char)out[i * KITH_FOLLOWED_TOKEN_LEN];
	text[n] = '\0';
	return text;
}

static void each_device_of_a_name_has_one_token(void **state)
{
	(void)state;
	assert_int_equal(put(1, 1, 'a'), 1);
	assert_int_equal(put(1, 2, 'b'), 1);
	assert_int_equal(put(2, 1, 'c'), 1);
	assert_int_equal(put(1, 1, 'a'), 0);
	assert_string_equal(tokens(1), "ab");
	assert_int_equal(put(1, 1, 'd'), 1);
	assert_string_equal(tokens(1), "db");
	assert_string_equal(tokens(2), "c");
	assert_string_equal(tokens(3), "");
}

static void the_device_heard_of_first_gives_way(void **state)
{
	(void)state;
	for (uint8_t d = 0; d < KITH_FOLLOWED_PER_NAME + 2; d++) {
		assert_int_equal(put(2, d, 'x'), 1);
		assert_int_equal(put(1, d, (uint8_t)('a' + d)), 1);
	}
	assert_string_equal(tokens(1), "cdef");
	assert_int_equal(fs.n, 2 * KITH_FOLLOWED_PER_NAME);
}

static void a_name_that_is_dropped_takes_its_tokens_along(void **state)
{
	(void)state;
	const struct kith_id one = key_of(1);
	assert_int_equal(put(1, 1, 'a'), 1);
	assert_int_equal(put(2, 1, 'b'), 1);
	assert_int_equal(put(1, 2, 'c'), 1);
	assert_true(kith_followed_drop(&fs, &one));
	assert_false(kith_followed_drop(&fs, &one));
	assert_string_equal(tokens(1), "");
	assert_string_equal(tokens(2), "b");
}

static void a_full_table_refuses_newcomers_and_knows_the_others(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < KITH_FOLLOWED_MAX; i++)
		assert_int_equal(put(i, 1, 'a'), 1);
	assert_int_equal(put(KITH_FOLLOWED_MAX, 1, 'a'), KITH_EFULL);
	assert_int_equal(put(5, 1, 'b'), 1);
	assert_string_equal(tokens(5), "b");
}

static void what_is_written_is_read_back(void **state)
{
	(void)state;
	static uint8_t file[(KITH_FOLLOWED_MAX + 1) * KITH_FOLLOWED_ITEM_LEN];
	assert_int_equal(put(1, 1, 'a'), 1);
	assert_int_equal(put(2, 2, 'b'), 1);
	struct kith_writer w = kith_writer_of(file, sizeof file);
	kith_followed_write(&fs, &w);
	assert_int_equal(kith_writer_len(&w), 2 * KITH_FOLLOWED_ITEM_LEN);
	assert_int_equal(put(1, 1, 'c'), 1);
	assert_int_equal(kith_followed_read(&fs, test_span(file, 2 * KITH_FOLLOWED_ITEM_LEN - 1)), KITH_EPROTO);
	assert_int_equal(kith_followed_read(&fs, test_span(file, sizeof file)), KITH_EFULL);
	assert_string_equal(tokens(1), "c");
	assert_int_equal(kith_followed_read(&fs, test_span(file, 2 * KITH_FOLLOWED_ITEM_LEN)), 0);
	assert_string_equal(tokens(1), "a");
	assert_string_equal(tokens(2), "b");
	assert_int_equal(kith_followed_read(&fs, test_span(file, 0)), 0);
	assert_int_equal(fs.n, 0);
}

static void without_memory_nothing_changes(void **state)
{
	(void)state;
	mem.fail_after = 0;
	assert_int_equal(put(1, 1, 'a'), KITH_ENOMEM);
	mem.fail_after = -1;
	assert_int_equal(put(1, 1, 'a'), 1);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(each_device_of_a_name_has_one_token),
		T(the_device_heard_of_first_gives_way),
		T(a_name_that_is_dropped_takes_its_tokens_along),
		T(a_full_table_refuses_newcomers_and_knows_the_others),
		T(what_is_written_is_read_back),
		T(without_memory_nothing_changes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
