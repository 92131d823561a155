#include "support.h"

#include "session/kept.h"

enum { ENTRIES = 3, ENTRY = 300, FROM = 64 };

struct fixture {
	struct test_alloc alloc;
	struct kith_blobs blobs;
	struct kith_blob *entry[ENTRIES];
	struct kith_kept_stretch at[ENTRIES];
	struct kith_kept_stretches stretches;
	uint8_t answer[1200];
	size_t len;
};

/* An answer as MEMBERS has it: some framing, and in it what blobs have from their 64th byte on. */
static int setup(void **state)
{
	static struct fixture f;
	const uint64_t seed[2] = { 3, 4 };
	test_alloc_init(&f.alloc);
	kith_blobs_init(&f.blobs, &f.alloc.alloc, 8, seed);
	struct kith_writer w = kith_writer_of(f.answer, sizeof f.answer);
	kith_write_u16(&w, 0x8193);
	for (unsigned i = 0; i < ENTRIES; i++) {
		uint8_t bytes[ENTRY];
		for (unsigned k = 0; k < ENTRY; k++)
			bytes[k] = (uint8_t)(i + k * k);
		f.entry[i] = kith_blob_intern(&f.blobs, bytes, sizeof bytes);
		f.at[i] = (struct kith_kept_stretch){ f.entry[i], FROM };
		kith_write_u8(&w, 0xc5);
		kith_write_u16(&w, ENTRY - FROM);
		kith_write_bytes(&w, bytes + FROM, ENTRY - FROM);
	}
	f.len = kith_writer_len(&w);
	f.stretches = (struct kith_kept_stretches){ &f.blobs, f.at, ENTRIES };
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	for (unsigned i = 0; i < ENTRIES; i++)
		kith_blob_unref(&f->blobs, f->entry[i]);
	kith_blobs_deinit(&f->blobs);
	test_alloc_check(&f->alloc);
	return 0;
}

/* Every part of the answer, of every length, is what was kept. */
static void assert_reads(const struct fixture *f, const struct kith_kept *kept)
{
	uint8_t out[sizeof f->answer];
	assert_int_equal(kith_kept_len(kept), f->len);
	for (size_t at = 0; at <= f->len; at += 7) {
		for (size_t len = 0; at + len <= f->len; len += 11) {
			struct kith_writer w = kith_writer_of(out, sizeof out);
			kith_kept_write(kept, at, len, &w);
			assert_int_equal(kith_writer_len(&w), len);
			assert_memory_equal(out, f->answer + at, len);
		}
	}
}

static void an_answer_that_lies_in_blobs_is_kept_by_reference(void **state)
{
	struct fixture *f = *state;
	const struct kith_span answer = { f->answer, f->len };
	struct kith_kept *kept = kith_kept_new(&f->alloc.alloc, answer, &f->stretches);
	assert_non_null(kept);
	assert_true(kith_kept_bytes(kept) < 100);
	assert_reads(f, kept);
	for (unsigned i = 0; i < ENTRIES; i++)
		assert_int_equal(f->entry[i]->refs, 2);
	kith_kept_free(kept, &f->alloc.alloc);
	for (unsigned i = 0; i < ENTRIES; i++)
		assert_int_equal(f->entry[i]->refs, 1);
}

/* The blob may have been let go by everybody else meanwhile. */
static void what_an_answer_lies_in_stays_as_long_as_the_answer(void **state)
{
	struct fixture *f = *state;
	const struct kith_span answer = { f->answer, f->len };
	struct kith_kept *kept = kith_kept_new(&f->alloc.alloc, answer, &f->stretches);
	assert_non_null(kept);
	for (unsigned i = 0; i < ENTRIES; i++)
		kith_blob_unref(&f->blobs, f->entry[i]);
	assert_reads(f, kept);
	kith_kept_free(kept, &f->alloc.alloc);
	assert_int_equal(f->blobs.bytes, 0);
	memset(f->entry, 0, sizeof f->entry);
}

static void an_answer_without_stretches_is_copied(void **state)
{
	struct fixture *f = *state;
	struct kith_kept *kept = kith_kept_new(&f->alloc.alloc, (struct kith_span){ f->answer, f->len }, NULL);
	assert_non_null(kept);
	assert_true(kith_kept_bytes(kept) >= f->len);
	assert_reads(f, kept);
	kith_kept_free(kept, &f->alloc.alloc);
	kith_kept_free(NULL, &f->alloc.alloc);
	assert_int_equal(kith_kept_len(NULL) + kith_kept_bytes(NULL), 0);
}

static void a_stretch_that_is_not_in_the_answer_changes_nothing(void **state)
{
	struct fixture *f = *state;
	f->answer[f->len - 1] ^= 1; /* of the last entry */
	struct kith_kept *kept = kith_kept_new(&f->alloc.alloc, (struct kith_span){ f->answer, f->len }, &f->stretches);
	assert_non_null(kept);
	assert_int_equal(f->entry[1]->refs, 2);
	assert_int_equal(f->entry[2]->refs, 1);
	assert_reads(f, kept);
	kith_kept_free(kept, &f->alloc.alloc);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(an_answer_that_lies_in_blobs_is_kept_by_reference),
		T(what_an_answer_lies_in_stays_as_long_as_the_answer),
		T(an_answer_without_stretches_is_copied),
		T(a_stretch_that_is_not_in_the_answer_changes_nothing),
	};
#undef T
	return cmocka_run_group_tests(tests, NULL, NULL);
}
