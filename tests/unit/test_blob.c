#include "support.h"

#include "base/blob.h"

struct fixture {
	struct test_alloc alloc;
	struct kith_blobs blobs;
};

static int setup(void **state)
{
	static struct fixture f;
	const uint64_t seed[2] = { 3, 4 };
	test_alloc_init(&f.alloc);
	kith_blobs_init(&f.blobs, &f.alloc.alloc, 8, seed);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(f->blobs.bytes, 0);
	kith_blobs_deinit(&f->blobs);
	test_alloc_check(&f->alloc);
	return 0;
}

static struct kith_blob *intern(struct fixture *f, const char *text)
{
	return kith_blob_intern(&f->blobs, (const uint8_t *)text, strlen(text));
}

static void equal_bytes_are_stored_once(void **state)
{
	struct fixture *f = *state;
	struct kith_blob *a = intern(f, "certificate");
	struct kith_blob *b = intern(f, "certificate");
	struct kith_blob *c = intern(f, "certificatf");
	assert_ptr_equal(a, b);
	assert_ptr_not_equal(a, c);
	assert_int_equal(f->blobs.bytes, 2 * (sizeof *a + 11));
	assert_int_equal(kith_blob_span(a).len, 11);
	assert_memory_equal(kith_blob_span(a).p, "certificate", 11);
	kith_blob_unref(&f->blobs, a);
	assert_memory_equal(b->bytes, "certificate", 11);
	kith_blob_unref(&f->blobs, b);
	kith_blob_unref(&f->blobs, c);
}

static void the_last_reference_frees(void **state)
{
	struct fixture *f = *state;
	struct kith_blob *a = intern(f, "x");
	assert_ptr_equal(kith_blob_ref(a), a);
	size_t with_blob = f->alloc.live_blocks;
	kith_blob_unref(&f->blobs, a);
	assert_int_equal(f->alloc.live_blocks, with_blob);
	kith_blob_unref(&f->blobs, a);
	assert_int_equal(f->alloc.live_blocks, with_blob - 1);
	assert_int_equal(f->blobs.table.n, 0);
	kith_blob_unref(&f->blobs, NULL);
}

static void the_empty_blob_is_a_blob(void **state)
{
	struct fixture *f = *state;
	struct kith_blob *a = kith_blob_intern(&f->blobs, NULL, 0);
	assert_non_null(a);
	assert_ptr_equal(kith_blob_intern(&f->blobs, (const uint8_t *)"", 0), a);
	assert_int_equal(kith_blob_span(a).len, 0);
	assert_null(kith_blob_span(NULL).p);
	kith_blob_unref(&f->blobs, a);
	kith_blob_unref(&f->blobs, a);
}

static void a_full_table_refuses_new_bytes_and_shares_known_ones(void **state)
{
	struct fixture *f = *state;
	struct kith_blob *b[8];
	for (unsigned i = 0; i < 8; i++) {
		uint8_t byte = (uint8_t)i;
		b[i] = kith_blob_intern(&f->blobs, &byte, 1);
		assert_non_null(b[i]);
	}
	size_t bytes = f->blobs.bytes, live = f->alloc.live_bytes;
	assert_null(intern(f, "ninth"));
	assert_int_equal(f->blobs.bytes, bytes);
	assert_int_equal(f->alloc.live_bytes, live);
	uint8_t byte = 3;
	assert_ptr_equal(kith_blob_intern(&f->blobs, &byte, 1), b[3]);
	kith_blob_unref(&f->blobs, b[3]);
	for (unsigned i = 0; i < 8; i++)
		kith_blob_unref(&f->blobs, b[i]);
}

static void failed_allocations_leave_nothing_behind(void **state)
{
	struct fixture *f = *state;
	for (long n = 0; n < 2; n++) { /* the blob itself, then the table's slots */
		f->alloc.fail_after = n;
		assert_null(intern(f, "bytes"));
		f->alloc.fail_after = -1;
		assert_int_equal(f->blobs.bytes, 0);
		assert_int_equal(f->alloc.live_blocks, 0);
	}
	struct kith_blob *a = intern(f, "bytes");
	assert_non_null(a);
	kith_blob_unref(&f->blobs, a);
}

/* A collision cannot be searched for; it is made by changing the bytes under a digest. */
static void blobs_with_one_digest_and_different_bytes_are_kept_apart(void **state)
{
	struct fixture *f = *state;
	struct kith_blob *a = intern(f, "abc");
	a->bytes[0] = 'x';
	struct kith_blob *b = intern(f, "abc");
	assert_non_null(b);
	assert_ptr_not_equal(a, b);
	assert_memory_equal(a->digest, b->digest, sizeof a->digest);
	assert_memory_equal(b->bytes, "abc", 3);
	assert_memory_equal(a->bytes, "xbc", 3);
	kith_blob_unref(&f->blobs, b); /* must not take the other one out of the table */
	assert_int_equal(f->blobs.table.n, 1);
	kith_blob_unref(&f->blobs, a);
	assert_int_equal(f->blobs.table.n, 0);
}

static void a_private_blob_outlives_the_one_it_collided_with(void **state)
{
	struct fixture *f = *state;
	struct kith_blob *a = intern(f, "abc");
	a->bytes[0] = 'x';
	struct kith_blob *b = intern(f, "abc");
	kith_blob_unref(&f->blobs, a);
	struct kith_blob *c = intern(f, "abc");
	assert_ptr_not_equal(b, c);
	kith_blob_unref(&f->blobs, b);
	assert_ptr_equal(intern(f, "abc"), c);
	kith_blob_unref(&f->blobs, c);
	kith_blob_unref(&f->blobs, c);
}

static void lengths_beyond_32_bits_are_refused(void **state)
{
	struct fixture *f = *state;
	assert_null(kith_blob_intern(&f->blobs, (const uint8_t *)"", UINT32_MAX));
	assert_null(kith_blob_intern(&f->blobs, (const uint8_t *)"", SIZE_MAX));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(equal_bytes_are_stored_once, setup, teardown),
		cmocka_unit_test_setup_teardown(the_last_reference_frees, setup, teardown),
		cmocka_unit_test_setup_teardown(the_empty_blob_is_a_blob, setup, teardown),
		cmocka_unit_test_setup_teardown(a_full_table_refuses_new_bytes_and_shares_known_ones, setup, teardown),
		cmocka_unit_test_setup_teardown(failed_allocations_leave_nothing_behind, setup, teardown),
		cmocka_unit_test_setup_teardown(blobs_with_one_digest_and_different_bytes_are_kept_apart, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_private_blob_outlives_the_one_it_collided_with, setup, teardown),
		cmocka_unit_test_setup_teardown(lengths_beyond_32_bits_are_refused, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
