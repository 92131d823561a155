/* What becomes of the names of bootstrap hosts. */
#include "support.h"

#include "host/resolve.h"

#define KEY "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static int rounds, founds;

static void found_one(void *ctx)
{
	(void)ctx;
	founds++;
}

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
	r.found = found_one;
	r.done = done;
	assert_true(kith_resolver_start(&r, &loop, false));
	assert_int_equal(rounds + founds, 0);
	assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
	assert_int_equal(rounds, 1);
	assert_int_equal(founds, 1);
	assert_true(kith_resolver_wants(&r));
	size_t n = kith_resolver_result(&r, found, 16);
	assert_in_range(n, 2, 3); /* localhost may be of both families */
	assert_int_equal(found[0].at.addr.port, 1);
	assert_int_equal(found[1].at.addr.port, 2);
	assert_true(found[1].has_key && !found[0].has_key);
	assert_int_equal(r.entries[2]->err, KITH_ENOENT);
	assert_int_equal(kith_resolver_result(&r, NULL, 0), n);

	/* Again: only what failed; and it can be given up. */
	assert_true(kith_resolver_start(&r, &loop, false));
	assert_int_equal(r.busy, 1);
	assert_int_equal(r.entries[2]->err, KITH_ENOENT); /* what is known until the answer comes */
	assert_true(kith_resolver_start(&r, &loop, false)); /* under way already: no second question */
	assert_int_equal(r.busy, 1);
	kith_resolver_cancel(&r);
	assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
	assert_int_equal(rounds, 2);

	/* Once more, all: what was found may have moved. An address that is not given any more goes. */
	r.entries[1]->found[0].ip[0] = 99;
	r.entries[1]->found_n = 1;
	assert_true(kith_resolver_start(&r, &loop, true));
	assert_int_equal(r.busy, 2);
	assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
	assert_int_equal(kith_resolver_result(&r, found, 16), n);
	for (size_t i = 0; i < n; i++)
		assert_true(found[i].at.addr.ip[0] != 99);
	assert_true(kith_resolver_has_names(&r));
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
	char texts[KITH_RESOLVE_ENTRIES_MAX + 1][32];
	for (size_t i = 0; i <= KITH_RESOLVE_ENTRIES_MAX; i++) {
		(void)snprintf(texts[i], sizeof texts[i], "192.0.2.1:%zu", i + 1);
		entries[i] = texts[i];
	}
	assert_int_equal(kith_resolver_init(&r, &alloc.alloc, entries, KITH_RESOLVE_ENTRIES_MAX + 1, &bad), KITH_EFULL);
	entries[3] = "x";
	assert_int_equal(kith_resolver_init(&r, &alloc.alloc, entries, 4, &bad), KITH_EINVAL);
	assert_int_equal(bad, 3);
	assert_int_equal(kith_resolver_init(&r, &alloc.alloc, NULL, 0, &bad), 0);
	assert_int_equal(uv_loop_init(&loop), 0);
	r.done = done;
	assert_false(kith_resolver_start(&r, &loop, false)); /* nothing to ask: done is not called */
	assert_int_equal(uv_loop_close(&loop), 0);
	kith_resolver_deinit(&r);
	alloc.fail_after = 0;
	assert_int_equal(kith_resolver_init(&r, &alloc.alloc, entries, 3, &bad), KITH_ENOMEM);
	test_alloc_check(&alloc);
}

static void entries_may_be_added_and_are_there_once(void **state)
{
	static const char *const first[] = { "192.0.2.1:1", "a.invalid:2", "192.0.2.1:1" };
	struct test_alloc alloc;
	struct kith_resolver r;
	size_t bad;
	(void)state;
	test_alloc_init(&alloc);
	assert_int_equal(kith_resolver_init(&r, &alloc.alloc, first, 3, &bad), 0);
	assert_int_equal(r.n, 2);
	const struct kith_resolve_entry *kept = r.entries[1];
	assert_int_equal(kith_resolver_add(&r, "a.invalid:2"), KITH_EEXIST);
	assert_int_equal(kith_resolver_add(&r, "192.0.2.1:1 " KEY), KITH_EEXIST);
	assert_int_equal(kith_resolver_add(&r, "a.invalid"), KITH_EINVAL);
	assert_int_equal(kith_resolver_add(&r, "a.invalid:3"), 0);
	assert_int_equal(kith_resolver_add(&r, "[2001:db8::1]:1"), 0);
	alloc.fail_after = 0;
	assert_int_equal(kith_resolver_add(&r, "a.invalid:4"), KITH_ENOMEM);
	alloc.fail_after = -1;
	assert_int_equal(r.n, 4);
	assert_ptr_equal(r.entries[1], kept); /* a request under way may point to it */
	kith_resolver_deinit(&r);
	test_alloc_check(&alloc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_resolved_and_literals_need_not_be),
		cmocka_unit_test(entries_may_be_added_and_are_there_once),
		cmocka_unit_test(lists_are_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
