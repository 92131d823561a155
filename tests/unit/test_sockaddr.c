/* Addresses to the socket calls and back. */
#include <arpa/inet.h>
#include <netinet/in.h>

#include "support.h"

#include "host/sockaddr.h"

static void both_families_come_back_as_they_went(void **state)
{
	static const char *const texts[] = { "192.0.2.1:1", "255.255.255.255:65535", "[2001:db8::17]:443", "[::1]:9" };
	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct kith_addr addr, back;
		struct sockaddr_storage ss;
		assert_int_equal(kith_addr_parse(&addr, texts[i]), 0);
		socklen_t len = kith_sockaddr_set(&ss, &addr);
		assert_int_equal(len, addr.family == KITH_FAMILY_V4 ? sizeof(struct sockaddr_in)
								    : sizeof(struct sockaddr_in6));
		assert_true(kith_sockaddr_get(&back, (struct sockaddr *)&ss));
		assert_memory_equal(&back, &addr, sizeof addr);
	}
}

static void mapped_addresses_are_v4(void **state)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(7) };
	struct kith_addr addr;
	char text[KITH_ADDR_TEXT_MAX];
	(void)state;
	assert_int_equal(inet_pton(AF_INET6, "::ffff:192.0.2.9", &in6.sin6_addr), 1);
	assert_true(kith_sockaddr_get(&addr, (struct sockaddr *)&in6));
	assert_string_equal(kith_addr_format(&addr, text), "192.0.2.9:7");
}

static void what_means_nothing_to_others_is_refused(void **state)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	struct sockaddr other = { .sa_family = AF_UNIX };
	struct kith_addr addr, none = { .family = KITH_FAMILY_NONE };
	struct sockaddr_storage ss;
	(void)state;
	assert_int_equal(inet_pton(AF_INET6, "fe80::1", &in6.sin6_addr), 1);
	assert_false(kith_sockaddr_get(&addr, (struct sockaddr *)&in6));
	assert_false(kith_sockaddr_get(&addr, &other));
	assert_int_equal(addr.family, KITH_FAMILY_NONE);
	assert_int_equal(kith_sockaddr_set(&ss, &none), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_families_come_back_as_they_went),
		cmocka_unit_test(mapped_addresses_are_v4),
		cmocka_unit_test(what_means_nothing_to_others_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
