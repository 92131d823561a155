/* The plain system calls do what Linux's own do: the file stands in for them here. */
#define KITH_UDP_PORTABLE
#include "../../lib/host/portable_udp.c"

#include "udp_cases.h"

int main(void)
{
	const struct CMUnitTest tests[] = { UDP_CASES };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
