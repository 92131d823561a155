#include <kith/version.h>

#include "support.h"

static void the_library_says_the_version_of_its_headers(void **state)
{
	char text[32];
	(void)state;
	(void)snprintf(text, sizeof text, "%d.%d.%d", KITH_VERSION_MAJOR, KITH_VERSION_MINOR, KITH_VERSION_PATCH);
	assert_string_equal(kith_version(), text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_library_says_the_version_of_its_headers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
