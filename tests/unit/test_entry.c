/* Bootstrap entries: which are understood. */
#include "support.h"

#include "host/entry.h"

#define KEY "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static void entries_are_understood(void **state)
{
	struct kith_entry e;
	(void)state;
	assert_int_equal(kith_entry_parse(&e, "home.example:7000"), 0);
	assert_string_equal(e.host, "home.example");
	assert_int_equal(e.addr.port, 7000);
	assert_false(e.has_key);
	assert_int_equal(e.addr.family, KITH_FAMILY_NONE);
	assert_int_equal(kith_entry_parse(&e, " home:65535\t" KEY " \n"), 0);
	assert_true(e.has_key);
	assert_int_equal(kith_entry_parse(&e, "192.0.2.1:443"), 0);
	assert_string_equal(e.host, "");
	assert_int_equal(e.addr.port, 443);
	assert_int_equal(kith_entry_parse(&e, "[2001:db8::1]:443 " KEY), 0);
	assert_int_equal(e.addr.family, KITH_FAMILY_V6);
}

static void nonsense_is_refused(void **state)
{
	static const char *const bad[] = { "",
					   " ",
					   "home",
					   "home:",
					   "home:0",
					   "home:65536",
					   "home:-1",
					   "home:7000x",
					   ":7000",
					   "ho me:7000",
					   "home:7000 key",
					   ("home:7000 " KEY "a"),
					   ("home:7000 " KEY " more"),
					   "1.2.3:7000",
					   "1.2.3.4.5:7000",
					   "256.1.1.1:7000",
					   "192.0.2.1:0",
					   "[2001:db8::1:443",
					   "2001:db8::1:443",
					   "-home:7000",
					   ".home:7000",
					   "home/:7000",
					   "h\xc3\xb6me:7000" };
	struct kith_entry e;
	char longest[KITH_ENTRY_HOST_MAX + 16];
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		if (kith_entry_parse(&e, bad[i]) != KITH_EINVAL || kith_bootstrap_valid(bad[i]))
			fail_msg("'%s' was taken", bad[i]);
	assert_false(kith_bootstrap_valid(NULL));
	assert_true(kith_bootstrap_valid("home:7000"));
	memset(longest, 'a', sizeof longest);
	strcpy(longest + KITH_ENTRY_HOST_MAX, ":7000");
	assert_int_equal(kith_entry_parse(&e, longest), 0);
	strcpy(longest + KITH_ENTRY_HOST_MAX, "a:700");
	assert_int_equal(kith_entry_parse(&e, longest), KITH_EINVAL);
}

static void urls_are_understood(void **state)
{
	static const char *const bad[] = { "wss://",
					   "wss:///ws",
					   "wss://h.example/a b/",
					   "wss://h.example/a?b",
					   "wss://h.example/%20",
					   "wss://h.example:/ws",
					   "wss://h.example:0/ws",
					   "wss://1.2.3/ws",
					   "ws://h.example/ws",
					   "https://h.example/",
					   "wss://me@h.example/",
					   "WSS://h.example/" };
	char longest[sizeof "wss://h/" + KITH_WEB_PATH_MAX];
	struct kith_entry e;
	(void)state;
	assert_int_equal(kith_entry_parse(&e, "wss://h.example/some/path " KEY), 0);
	assert_true(e.web && e.has_key);
	assert_string_equal(e.host, "h.example");
	assert_string_equal(kith_entry_path(&e), "/some/path");
	assert_int_equal(e.addr.port, 443);
	assert_int_equal(kith_entry_parse(&e, "wss://h.example:8443"), 0);
	assert_string_equal(kith_entry_path(&e), "/ws");
	assert_int_equal(e.addr.port, 8443);
	assert_int_equal(kith_entry_parse(&e, "wss://[2001:db8::1]/"), 0);
	assert_string_equal(kith_entry_path(&e), "/ws");
	assert_string_equal(e.host, "");
	assert_int_equal(e.addr.family, KITH_FAMILY_V6);
	assert_int_equal(e.addr.port, 443);
	assert_int_equal(kith_entry_parse(&e, "wss://192.0.2.1:444/x"), 0);
	assert_int_equal(e.addr.port, 444);
	assert_int_equal(kith_entry_parse(&e, "h.example:443"), 0);
	assert_false(e.web);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		if (kith_entry_parse(&e, bad[i]) != KITH_EINVAL)
			fail_msg("'%s' was taken", bad[i]);
	memset(longest, 'a', sizeof longest);
	memcpy(longest, "wss://h/", 8);
	longest[7 + KITH_WEB_PATH_MAX - 1] = '\0';
	assert_int_equal(kith_entry_parse(&e, longest), 0);
	longest[7 + KITH_WEB_PATH_MAX - 1] = 'a';
	longest[7 + KITH_WEB_PATH_MAX] = '\0';
	assert_int_equal(kith_entry_parse(&e, longest), KITH_EINVAL);
}

static bool same(const char *a, const char *b)
{
	struct kith_entry first, second;
	assert_int_equal(kith_entry_parse(&first, a), 0);
	assert_int_equal(kith_entry_parse(&second, b), 0);
	return kith_entry_equal(&first, &second);
}

static void entries_are_one_if_host_and_port_are(void **state)
{
	(void)state;
	assert_true(same("home:1", " home:1 " KEY));
	assert_false(same("home:1", "home:2"));
	assert_false(same("home:1", "house:1"));
	assert_true(same("[2001:db8::1]:1", "[2001:DB8:0::1]:1"));
	assert_false(same("192.0.2.1:1", "192.0.2.2:1"));
	assert_false(same("192.0.2.1:1", "home:1"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries_are_understood),
		cmocka_unit_test(nonsense_is_refused),
		cmocka_unit_test(urls_are_understood),
		cmocka_unit_test(entries_are_one_if_host_and_port_are),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
