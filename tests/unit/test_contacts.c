/* Pinned contacts and their file. */
#include "identity_world.h"

#include "identity/contacts.h"

struct book {
	const struct kith_suite *suite;
	struct test_alloc alloc;
	struct kith_contacts cs;
};

static void book_init(struct book *b, uint32_t max)
{
	assert_int_equal(kith_suite_sodium_init(), 0);
	b->suite = kith_suite_sodium();
	test_alloc_init(&b->alloc);
	kith_contacts_init(&b->cs, &b->alloc.alloc, max);
}

static void book_deinit(struct book *b)
{
	kith_contacts_deinit(&b->cs);
	test_alloc_check(&b->alloc);
}

static struct kith_key key_of(int n)
{
	struct kith_key k;
	memset(k.b, n, sizeof k.b);
	return k;
}

static void name_certified_for_another_key_stays_unaccepted_until_confirmed(void **state)
{
	struct book b;
	struct kith_key first = key_of(1), second = key_of(2), third = key_of(3);
	(void)state;
	book_init(&b, 10);
	assert_int_equal(kith_contacts_check(&b.cs, "alice", &first), KITH_ENOENT);
	assert_int_equal(kith_contacts_confirm(&b.cs, "alice", &first), KITH_ENOENT);
	assert_int_equal(kith_contacts_pin(&b.cs, "alice", &first, KITH_CONTACT_ACCEPTED | KITH_CONTACT_RELAY_ONLY), 0);
	assert_int_equal(kith_contacts_check(&b.cs, "alice", &first), 0);

	assert_int_equal(kith_contacts_check(&b.cs, "alice", &second), KITH_EPINNED);
	assert_int_equal(kith_contacts_pin(&b.cs, "alice", &second, KITH_CONTACT_ACCEPTED), KITH_EPINNED);
	assert_int_equal(kith_contacts_check(&b.cs, "alice", &first), 0);

	assert_int_equal(kith_contacts_confirm(&b.cs, "alice", &second), 0);
	assert_int_equal(kith_contacts_check(&b.cs, "alice", &first), KITH_EPINNED);
	assert_int_equal(kith_contacts_check(&b.cs, "alice", &third), KITH_EPINNED);
	assert_int_equal(kith_contacts_get(&b.cs, "alice")->flags, KITH_CONTACT_ACCEPTED | KITH_CONTACT_RELAY_ONLY);
	book_deinit(&b);
}

static void pinning_again_replaces_the_flags(void **state)
{
	struct book b;
	struct kith_key key = key_of(1);
	(void)state;
	book_init(&b, 10);
	assert_int_equal(kith_contacts_pin(&b.cs, "a", &key, KITH_CONTACT_ACCEPTED | KITH_CONTACT_BLOCKED), 0);
	assert_int_equal(kith_contacts_get(&b.cs, "a")->flags, KITH_CONTACT_ACCEPTED | KITH_CONTACT_BLOCKED);
	assert_int_equal(kith_contacts_pin(&b.cs, "a", &key, 0), 0);
	assert_int_equal(kith_contacts_get(&b.cs, "a")->flags, 0);
	assert_int_equal(kith_contacts_pin(&b.cs, "a", &key, KITH_CONTACT_ACCEPTED), 0);
	assert_int_equal(kith_contacts_get(&b.cs, "a")->flags, KITH_CONTACT_ACCEPTED);
	assert_int_equal(b.cs.n, 1);
	book_deinit(&b);
}

static void full_book_refuses_new_pins_and_keeps_the_old(void **state)
{
	struct book b;
	struct kith_key key = key_of(1);
	char name[16];
	(void)state;
	book_init(&b, 20);
	for (int i = 0; i < 20; i++) {
		snprintf(name, sizeof name, "n%d", (i * 7) % 20);
		assert_int_equal(kith_contacts_pin(&b.cs, name, &key, 0), 0);
	}
	assert_int_equal(kith_contacts_pin(&b.cs, "one-more", &key, 0), KITH_EFULL);
	assert_int_equal(kith_contacts_pin(&b.cs, "n3", &key, KITH_CONTACT_ACCEPTED), 0);
	for (int i = 0; i < 20; i++) {
		snprintf(name, sizeof name, "n%d", i);
		assert_int_equal(kith_contacts_check(&b.cs, name, &key), 0);
		if (i > 0)
			assert_true(strcmp(b.cs.items[i - 1].name, b.cs.items[i].name) < 0);
	}
	assert_int_equal(kith_contacts_pin(&b.cs, "No Name", &key, 0), KITH_ENAME);
	book_deinit(&b);
}

static void saved_contacts_come_back_the_same(void **state)
{
	struct book a, b;
	char name[KITH_NAME_MAX + 1];
	uint8_t file[8192], again[8192];
	(void)state;
	book_init(&a, 100);
	book_init(&b, 100);
	for (int i = 0; i < 100; i++) {
		struct kith_key key = key_of(i);
		snprintf(name, sizeof name, "%0*d", 1 + i % 32, i);
		if (kith_contacts_get(&a.cs, name) == NULL)
			assert_int_equal(kith_contacts_pin(&a.cs, name, &key, (uint8_t)(i % 8)), 0);
		size_t size = kith_contacts_size(&a.cs);
		assert_int_equal(kith_contacts_save(&a.cs, a.suite, file, size), (int)size);
		assert_int_equal(kith_contacts_save(&a.cs, a.suite, file, size - 1), KITH_EMSGSIZE);
		assert_int_equal(kith_contacts_save(&a.cs, a.suite, file, size), (int)size);
		assert_int_equal(kith_contacts_load(&b.cs, b.suite, test_span(file, size)), 0);
		assert_int_equal(b.cs.n, a.cs.n);
		assert_memory_equal(b.cs.items, a.cs.items, a.cs.n * sizeof *a.cs.items);
		assert_int_equal(kith_contacts_save(&b.cs, b.suite, again, size), (int)size);
		assert_memory_equal(again, file, size);
	}
	struct kith_key key = key_of(9);
	assert_int_equal(kith_contacts_pin(&b.cs, "after-loading", &key, 0), b.cs.n == 100 ? KITH_EFULL : 0);
	book_deinit(&a);
	book_deinit(&b);
}

static void empty_book_can_be_saved_too(void **state)
{
	struct book a;
	uint8_t file[64];
	(void)state;
	book_init(&a, 3);
	size_t size = kith_contacts_size(&a.cs);
	assert_int_equal(kith_contacts_save(&a.cs, a.suite, file, sizeof file), (int)size);
	struct kith_key key = key_of(1);
	assert_int_equal(kith_contacts_pin(&a.cs, "gone", &key, 0), 0);
	assert_int_equal(kith_contacts_load(&a.cs, a.suite, test_span(file, size)), 0);
	assert_int_equal(a.cs.n, 0);
	assert_int_equal(kith_contacts_pin(&a.cs, "new", &key, 0), 0);
	book_deinit(&a);
}

/* Puts the right checksum under a changed file. */
static void seal(const struct book *b, uint8_t *file, size_t len)
{
	const struct kith_span body = test_span(file, len - 32);
	b->suite->blake2b(file + len - 32, 32, test_span(NULL, 0), &body, 1);
}

static void torn_or_altered_files_change_nothing(void **state)
{
	struct book a, b;
	struct kith_key key = key_of(1);
	uint8_t file[512], altered[512];
	(void)state;
	book_init(&a, 2);
	book_init(&b, 2);
	assert_int_equal(kith_contacts_pin(&a.cs, "aa", &key, 1), 0);
	assert_int_equal(kith_contacts_pin(&a.cs, "bb", &key, 2), 0);
	assert_int_equal(kith_contacts_pin(&b.cs, "kept", &key, 0), 0);
	size_t len = kith_contacts_size(&a.cs);
	assert_int_equal(kith_contacts_save(&a.cs, a.suite, file, sizeof file), (int)len);
	for (size_t cut = 0; cut < len; cut++)
		assert_int_not_equal(kith_contacts_load(&b.cs, b.suite, test_span(file, cut)), 0);
	for (size_t bit = 0; bit < 8 * len; bit++) {
		memcpy(altered, file, len);
		altered[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_not_equal(kith_contacts_load(&b.cs, b.suite, test_span(altered, len)), 0);
	}
	memcpy(altered, file, len);
	altered[5] = 'c'; /* "ca" before "bb" */
	seal(&a, altered, len);
	assert_int_equal(kith_contacts_load(&b.cs, b.suite, test_span(altered, len)), KITH_EPROTO);
	memcpy(altered, file, len);
	altered[5] = 'A';
	seal(&a, altered, len);
	assert_int_equal(kith_contacts_load(&b.cs, b.suite, test_span(altered, len)), KITH_EPROTO);
	memcpy(altered, file, len);
	altered[3] = 1; /* one contact, and bytes after it */
	seal(&a, altered, len);
	assert_int_equal(kith_contacts_load(&b.cs, b.suite, test_span(altered, len)), KITH_EPROTO);
	altered[2] = 0xff; /* more than the book takes */
	seal(&a, altered, len);
	assert_int_equal(kith_contacts_load(&b.cs, b.suite, test_span(altered, len)), KITH_EFULL);
	b.alloc.fail_after = 0;
	assert_int_equal(kith_contacts_load(&b.cs, b.suite, test_span(file, len)), KITH_ENOMEM);
	b.alloc.fail_after = -1;
	assert_int_equal(b.cs.n, 1);
	assert_int_equal(kith_contacts_check(&b.cs, "kept", &key), 0);
	book_deinit(&a);
	book_deinit(&b);
}

static void count_in_a_file_does_not_make_us_allocate(void **state)
{
	struct book b;
	uint8_t file[36] = { 1, KITH_OBJECT_CONTACTS, 0xff, 0xff };
	(void)state;
	book_init(&b, KITH_CONTACTS_MAX);
	seal(&b, file, sizeof file);
	assert_int_equal(kith_contacts_load(&b.cs, b.suite, test_span(file, sizeof file)), KITH_EPROTO);
	assert_int_equal(b.alloc.peak_bytes, 0);
	book_deinit(&b);
}

static void pinning_without_memory_changes_nothing(void **state)
{
	struct book b;
	struct kith_key key = key_of(1);
	(void)state;
	book_init(&b, 10);
	b.alloc.fail_after = 0;
	assert_int_equal(kith_contacts_pin(&b.cs, "a", &key, 0), KITH_ENOMEM);
	assert_int_equal(b.cs.n, 0);
	book_deinit(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(name_certified_for_another_key_stays_unaccepted_until_confirmed),
		cmocka_unit_test(pinning_again_replaces_the_flags),
		cmocka_unit_test(full_book_refuses_new_pins_and_keeps_the_old),
		cmocka_unit_test(saved_contacts_come_back_the_same),
		cmocka_unit_test(empty_book_can_be_saved_too),
		cmocka_unit_test(torn_or_altered_files_change_nothing),
		cmocka_unit_test(count_in_a_file_does_not_make_us_allocate),
		cmocka_unit_test(pinning_without_memory_changes_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
