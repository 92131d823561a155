#include "support.h"

#define ROW(name, value, text) { KITH_##name, value, #name, text },
static const struct {
	int code, value;
	const char *name, *text;
} rows[] = { KITH_ERRNO_MAP(ROW) };
#undef ROW

enum { ROWS = sizeof rows / sizeof rows[0] };

static void every_code_is_negative_and_unique(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS; i++) {
		assert_int_equal(rows[i].code, rows[i].value);
		assert_true(rows[i].code < 0);
		for (size_t j = 0; j < i; j++) {
			assert_int_not_equal(rows[i].code, rows[j].code);
			assert_string_not_equal(kith_strerror(rows[i].code), kith_strerror(rows[j].code));
		}
	}
}

static void every_code_has_its_name_and_sentence(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS; i++) {
		assert_string_equal(kith_err_name(rows[i].code), rows[i].name);
		assert_string_equal(kith_strerror(rows[i].code), rows[i].text);
	}
}

static void numbers_that_are_no_code_are_unknown(void **state)
{
	(void)state;
	static const int others[] = { 1, INT32_MAX, INT32_MIN, -1000 };
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
		assert_string_equal(kith_strerror(others[i]), "unknown error");
		assert_string_equal(kith_err_name(others[i]), "UNKNOWN");
	}
}

static void zero_is_no_error(void **state)
{
	(void)state;
	assert_string_equal(kith_strerror(0), "no error");
	assert_string_equal(kith_err_name(0), "OK");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_code_is_negative_and_unique),
		cmocka_unit_test(every_code_has_its_name_and_sentence),
		cmocka_unit_test(zero_is_no_error),
		cmocka_unit_test(numbers_that_are_no_code_are_unknown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
