/* Bootstrap entries: which are understood, and what becomes of names. */
#include "support.h"

#include "host/resolve.h"

#define KEY "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static void entries_are_understood(void **state)
{
	struct kith_resolve_entry e;

	(void)state;
	assert_int_equal(kith_resolve_parse(&e, "home.example:7000"), 0);
	assert_string_equal(e.host, "home.example");
	assert_int_equal(e.port, 7000);
	assert_false(e.has_key);
	assert_int_equal(e.found_n, 0);
	assert_int_equal(kith_resolve_parse(&e, " home:65535\t" KEY " \n"), 0);
	assert_true(e.has_key);
	assert_int_equal(kith_resolve_parse(&e, "192.0.2.1:443"), 0);
	assert_string_equal(e.host, "");
	assert_int_equal(e.found_n, 1);
	assert_int_equal(e.found[0].port, 443);
	assert_int_equal(kith_resolve_parse(&e, "[2001:db8::1]:443 " KEY), 0);
	assert_int_equal(e.found[0].family, KITH_FAMILY_V6);
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
	struct kith_resolve_entry e;
	char longest[KITH_RESOLVE_HOST_MAX + 16];

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		if (kith_resolve_parse(&e, bad[i]) != KITH_EINVAL)
			fail_msg("'%s' was taken", bad[i]);
	memset(longest, 'a', sizeof longest);
	strcpy(longest + KITH_RESOLVE_HOST_MAX, ":7000");
	assert_int_equal(kith_resolve_parse(&e, longest), 0);
	strcpy(longest + KITH_RESOLVE_HOST_MAX, "a:700");
	assert_int_equal(kith_resolve_parse(&e, longest), KITH_EINVAL);
}

static int rounds;

static void done(void *ctx)
{
	(void)ctx;
	rounds++;
}

static void names_are_resolved_and_literals_need_not_be(void **state)
{
	static const char *const entries[] = { "192.0.2.1:1", ("localhost:2 " KEY), "nobody.invalid:3" };
	struct test_alloc alloc;
	struct kith_resolver r;
	struct kith_bootstrap found[16];
	uv_loop_t loop;
	size_t bad;

	(void)state;
	rounds = 0;
	test_alloc_init(&alloc);
	assert_int_equal(uv_loop_init(&loop), 0);
	assert_int_equal(kith_resolver_init(&r, &alloc.alloc, entries, 3, &bad), 0);
	assert_int_equal(kith_resolver_result(&r, found, 16), 1);
	assert_true(kith_resolver_start(&r, &loop, done, NULL));
	assert_int_equal(rounds, 0);
	assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
	assert_int_equal(rounds, 1);
	size_t n = kith_resolver_result(&r, found, 16);
	assert_in_range(n, 2, 3); /* localhost may be of both families */
	assert_int_equal(found[0].addr.port, 1);
	assert_int_equal(found[1].addr.port, 2);
	assert_true(found[1].has_key && !found[0].has_key);
	assert_int_equal(r.entries[2].err, KITH_ENOENT);
	assert_int_equal(kith_resolver_result(&r, NULL, 0), n);

	/* Again: only what failed; and it can be given up. */
	assert_true(kith_resolver_start(&r, &loop, done, NULL));
	assert_int_equal(r.busy, 1);
	kith_resolver_cancel(&r);
	assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
	assert_int_equal(rounds, 2);
	kith_resolver_deinit(&r);
	assert_int_equal(uv_loop_close(&loop), 0);
	test_alloc_check(&alloc);
}

static void lists_are_bounded(void **state)
{
	const char *entries[KITH_RESOLVE_ENTRIES_MAX + 1];
	struct test_alloc alloc;
	struct kith_resolver r;
	uv_loop_t loop;
	size_t bad;

	(void)state;
	test_alloc_init(&alloc);
	for (size_t i = 0; i <= KITH_RESOLVE_ENTRIES_MAX; i++)
		entries[i] = "192.0.2.1:1";
	assert_int_equal(kith_resolver_init(&r, &alloc.alloc, entries, KITH_RESOLVE_ENTRIES_MAX + 1, &bad), KITH_EFULL);
	entries[3] = "x";
	assert_int_equal(kith_resolver_init(&r, &alloc.alloc, entries, 4, &bad), KITH_EINVAL);
	assert_int_equal(bad, 3);
	assert_int_equal(kith_resolver_init(&r, &alloc.alloc, NULL, 0, &bad), 0);
	assert_int_equal(uv_loop_init(&loop), 0);
	assert_false(kith_resolver_start(&r, &loop, done, NULL)); /* nothing to ask: done is not called */
	assert_int_equal(uv_loop_close(&loop), 0);
	kith_resolver_deinit(&r);
	alloc.fail_after = 0;
	assert_int_equal(kith_resolver_init(&r, &alloc.alloc, entries, 3, &bad), KITH_ENOMEM);
	test_alloc_check(&alloc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries_are_understood),
		cmocka_unit_test(nonsense_is_refused),
		cmocka_unit_test(names_are_resolved_and_literals_need_not_be),
		cmocka_unit_test(lists_are_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
