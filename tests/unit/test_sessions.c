/* The table of sessions: indexes, devices, bounds, and walking over it while it changes. */
#include "support.h"

#include "base/alloc.h"
#include "session/sessions.h"

struct table {
	struct test_alloc alloc;
	struct test_random random;
	struct kith_blobs blobs;
	struct kith_sessions ss;
	struct kith_path_env env;
};

static void table_init(struct table *t, uint32_t max, uint8_t shard)
{
	const uint64_t seed[2] = { 1, 2 };
	memset(t, 0, sizeof *t);
	test_alloc_init(&t->alloc);
	test_random_init(&t->random, 8);
	kith_blobs_init(&t->blobs, &t->alloc.alloc, 16, seed);
	kith_sessions_init(&t->ss, &t->alloc.alloc, &t->random.random, max, shard);
	t->env.alloc = &t->alloc.alloc;
	t->env.random = &t->random.random;
}

static void drop(struct table *t, struct kith_session *s)
{
	t->env.session = s->index;
	kith_sessions_remove(&t->ss, &t->blobs, &t->env, s);
}

static void table_deinit(struct table *t)
{
	uint32_t it = 0;
	struct kith_session *s;
	while ((s = kith_table_next(&t->ss.by_index, &it)) != NULL) {
		drop(t, s);
		it = 0;
	}
	kith_sessions_deinit(&t->ss);
	kith_blobs_deinit(&t->blobs);
	test_alloc_check(&t->alloc);
}

static void an_index_carries_the_shard_and_finds_its_session(void **state)
{
	struct table t;
	(void)state;
	table_init(&t, 1000, 0xab);
	for (int i = 0; i < 1000; i++) {
		struct kith_session *s = kith_sessions_new(&t.ss, KITH_SESSION_INITIATING);
		assert_non_null(s);
		assert_int_equal(s->index >> 24, 0xab);
		assert_ptr_equal(kith_sessions_get(&t.ss, s->index), s);
	}
	assert_null(kith_sessions_get(&t.ss, 0));
	table_deinit(&t);
}

static void beyond_the_bound_a_new_one_is_refused(void **state)
{
	struct table t;
	(void)state;
	table_init(&t, 3, 0);
	struct kith_session *s[3];
	for (int i = 0; i < 3; i++) {
		s[i] = kith_sessions_new(&t.ss, KITH_SESSION_INITIATING);
		assert_non_null(s[i]);
		assert_int_not_equal(s[i]->index, 0);
	}
	assert_null(kith_sessions_new(&t.ss, KITH_SESSION_INITIATING));
	drop(&t, s[1]);
	assert_non_null(kith_sessions_new(&t.ss, KITH_SESSION_INITIATING));
	table_deinit(&t);
}

static void without_memory_there_is_none_and_nothing_leaks(void **state)
{
	(void)state;
	for (long n = 0; n < 3; n++) {
		struct table t;
		table_init(&t, 3, 0);
		t.alloc.fail_after = n;
		(void)kith_sessions_new(&t.ss, KITH_SESSION_INITIATING);
		t.alloc.fail_after = -1;
		table_deinit(&t);
	}
}

static void a_device_is_found_by_its_newest_session(void **state)
{
	struct table t;
	uint8_t device[KITH_DEVICE_ID_LEN] = { 7 };
	(void)state;
	table_init(&t, 10, 0);
	struct kith_session *a = kith_sessions_new(&t.ss, KITH_SESSION_OPEN),
			    *b = kith_sessions_new(&t.ss, KITH_SESSION_OPEN);
	memcpy(a->device, device, sizeof device);
	memcpy(b->device, device, sizeof device);
	assert_null(kith_sessions_of(&t.ss, device));
	assert_null(kith_sessions_bind(&t.ss, a));
	assert_null(kith_sessions_bind(&t.ss, a)); /* again: nothing changes */
	assert_ptr_equal(kith_sessions_of(&t.ss, device), a);
	assert_ptr_equal(kith_sessions_bind(&t.ss, b), a);
	assert_ptr_equal(kith_sessions_of(&t.ss, device), b);
	drop(&t, a); /* the older one does not take the newer with it */
	assert_ptr_equal(kith_sessions_of(&t.ss, device), b);
	drop(&t, b);
	assert_null(kith_sessions_of(&t.ss, device));
	table_deinit(&t);
}

static int visits;
static void end_all_and_begin_more(void *ctx, struct kith_session *s)
{
	struct table *t = ctx;
	visits++;
	drop(t, s);
	assert_non_null(kith_sessions_new(&t->ss, KITH_SESSION_INITIATING));
	struct kith_session *more = kith_sessions_new(&t->ss, KITH_SESSION_INITIATING);
	assert_non_null(more);
}

static void each_visits_what_is_there_once_though_the_table_changes(void **state)
{
	struct table t;
	(void)state;
	table_init(&t, 1000, 0);
	for (int i = 0; i < 100; i++)
		assert_non_null(kith_sessions_new(&t.ss, KITH_SESSION_INITIATING));
	visits = 0;
	assert_int_equal(kith_sessions_each(&t.ss, end_all_and_begin_more, &t), 0);
	assert_int_equal(visits, 100);
	assert_int_equal(t.ss.by_index.n, 200);
	t.alloc.fail_after = 0;
	assert_int_equal(kith_sessions_each(&t.ss, end_all_and_begin_more, &t), KITH_ENOMEM);
	assert_int_equal(visits, 100);
	t.alloc.fail_after = -1;
	table_deinit(&t);
}

static void what_hangs_off_a_session_goes_with_it(void **state)
{
	struct table t;
	(void)state;
	table_init(&t, 10, 0);
	struct kith_session *s = kith_sessions_new(&t.ss, KITH_SESSION_OPEN);
	s->hs = KITH_NEW(&t.alloc.alloc, struct kith_handshake);
	s->rekey = KITH_NEW(&t.alloc.alloc, struct kith_rekey);
	s->chain = kith_blob_intern(&t.blobs, (const uint8_t *)"chain", 5);
	assert_true(kith_replay_widen(&s->replay, &t.alloc.alloc));
	assert_true(s->hs != NULL && s->rekey != NULL && s->chain != NULL);
	drop(&t, s);
	table_deinit(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_index_carries_the_shard_and_finds_its_session),
		cmocka_unit_test(beyond_the_bound_a_new_one_is_refused),
		cmocka_unit_test(without_memory_there_is_none_and_nothing_leaks),
		cmocka_unit_test(a_device_is_found_by_its_newest_session),
		cmocka_unit_test(each_visits_what_is_there_once_though_the_table_changes),
		cmocka_unit_test(what_hangs_off_a_session_goes_with_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
