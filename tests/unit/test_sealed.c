/* Key files. */
#include "identity_world.h"

#include "identity/sealed.h"

static const uint8_t key[KITH_AEAD_KEY_LEN] = { 42 };

static struct kith_sealed head_of(enum kith_protection protection)
{
	struct kith_sealed head = { .protection = (uint8_t)protection };
	if (protection == KITH_PROTECTION_ARGON2ID) {
		head.ops = KITH_SEALED_OPS_DEFAULT;
		head.mem_kib = KITH_SEALED_MEM_KIB_DEFAULT;
		memset(head.salt, 1, sizeof head.salt);
		memset(head.nonce, 2, sizeof head.nonce);
	}
	return head;
}

static struct kith_secrets some_secrets(void)
{
	struct kith_secrets s = { 0 };
	struct kith_seed device = world_seed(2), identity = world_seed(1);
	assert_int_equal(kith_secrets_set(&s, KITH_SECRET_DEVICE, &device), 0);
	assert_int_equal(kith_secrets_set(&s, KITH_SECRET_IDENTITY, &identity), 0);
	return s;
}

static void what_is_sealed_opens_with_the_same_key_only(void **state)
{
	const struct kith_suite *suite = kith_suite_sodium();
	static const struct kith_secrets none;
	(void)state;
	for (int p = KITH_PROTECTION_NONE; p <= KITH_PROTECTION_ARGON2ID; p++) {
		struct kith_sealed head = head_of((enum kith_protection)p), sealed;
		struct kith_secrets secrets = some_secrets(), opened;
		uint8_t file[KITH_SEALED_LEN_MAX], wrong[KITH_AEAD_KEY_LEN] = { 43 };
		int len = kith_sealed_seal(suite, file, &head, key, &secrets);
		assert_int_equal(kith_sealed_parse(&sealed, world_made(file, len)), 0);
		assert_int_equal(sealed.protection, p);
		assert_int_equal(sealed.ops, head.ops);
		assert_int_equal(sealed.mem_kib, head.mem_kib);
		assert_memory_equal(sealed.salt, head.salt, sizeof head.salt);
		assert_int_equal(kith_sealed_open(suite, &sealed, key, &opened), 0);
		assert_memory_equal(&opened, &secrets, sizeof secrets);
		if (p == KITH_PROTECTION_NONE) {
			assert_int_equal(kith_sealed_open(suite, &sealed, NULL, &opened), 0);
			continue;
		}
		assert_int_equal(kith_sealed_open(suite, &sealed, wrong, &opened), KITH_EPASSPHRASE);
		assert_memory_equal(&opened, &none, sizeof none);
		assert_int_equal(kith_sealed_open(suite, &sealed, NULL, &opened), KITH_EINVAL);
		assert_int_equal(kith_sealed_seal(suite, file, &head, NULL, &secrets), KITH_EINVAL);
	}
}

static void sealed_file_shows_no_secret(void **state)
{
	struct kith_sealed head = head_of(KITH_PROTECTION_ARGON2ID);
	struct kith_secrets secrets = some_secrets();
	uint8_t file[KITH_SEALED_LEN_MAX], ones[8];
	(void)state;
	memset(ones, 1, sizeof ones); /* the identity's seed; the salt, also of ones, lies in the header */
	int len = kith_sealed_seal(kith_suite_sodium(), file, &head, key, &secrets);
	for (size_t i = KITH_SEALED_HEADER_LEN; i + sizeof ones <= (size_t)len; i++)
		assert_memory_not_equal(file + i, ones, sizeof ones);
}

static void every_cut_and_every_flipped_bit_is_refused(void **state)
{
	const struct kith_suite *suite = kith_suite_sodium();
	(void)state;
	for (int p = KITH_PROTECTION_NONE; p <= KITH_PROTECTION_ARGON2ID; p++) {
		struct kith_sealed head = head_of((enum kith_protection)p), sealed;
		struct kith_secrets secrets = some_secrets(), opened;
		uint8_t file[KITH_SEALED_LEN_MAX];
		int len = kith_sealed_seal(suite, file, &head, key, &secrets);
		assert_true(len > 0);
		for (size_t cut = 0; cut < (size_t)len; cut++) {
			uint8_t *exact = malloc(cut + 1);
			assert_non_null(exact);
			memcpy(exact, file, cut);
			assert_int_equal(kith_sealed_parse(&sealed, test_span(exact, cut)), KITH_EPROTO);
			free(exact);
		}
		for (size_t bit = 0; bit < 8 * (size_t)len; bit++) {
			file[bit / 8] ^= (uint8_t)(1 << bit % 8);
			if (kith_sealed_parse(&sealed, test_span(file, (size_t)len)) == 0)
				assert_int_not_equal(kith_sealed_open(suite, &sealed, key, &opened), 0);
			file[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
	}
}

static void parameters_beyond_the_bounds_are_refused_before_any_work(void **state)
{
	const struct kith_suite *suite = kith_suite_sodium();
	static const struct {
		uint32_t ops, mem_kib;
		bool good;
	} cases[] = { { KITH_SEALED_OPS_MIN, KITH_SEALED_MEM_KIB_MIN, true },
		      { KITH_SEALED_OPS_MAX, KITH_SEALED_MEM_KIB_MAX, true },
		      { 0, KITH_SEALED_MEM_KIB_DEFAULT, false },
		      { KITH_SEALED_OPS_MAX + 1, KITH_SEALED_MEM_KIB_DEFAULT, false },
		      { UINT32_MAX, KITH_SEALED_MEM_KIB_DEFAULT, false },
		      { KITH_SEALED_OPS_DEFAULT, KITH_SEALED_MEM_KIB_MIN - 1, false },
		      { KITH_SEALED_OPS_DEFAULT, KITH_SEALED_MEM_KIB_MAX + 1, false },
		      { KITH_SEALED_OPS_DEFAULT, UINT32_MAX, false } };
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct kith_sealed head = head_of(KITH_PROTECTION_ARGON2ID), parsed;
		struct kith_secrets secrets = some_secrets();
		uint8_t file[KITH_SEALED_LEN_MAX];
		int len = kith_sealed_seal(suite, file, &head, key, &secrets);
		assert_true(len > 0);
		struct kith_writer w = kith_writer_of(file + 11, 8);
		kith_write_u32(&w, cases[i].ops);
		kith_write_u32(&w, cases[i].mem_kib);
		assert_int_equal(kith_sealed_parse(&parsed, test_span(file, (size_t)len)),
				 cases[i].good ? 0 : KITH_EPROTO);
		head.ops = cases[i].ops;
		head.mem_kib = cases[i].mem_kib;
		assert_int_equal(kith_sealed_seal(suite, file, &head, key, &secrets) > 0, cases[i].good);
	}
	struct kith_sealed head = head_of(KITH_PROTECTION_NONE);
	struct kith_secrets secrets = some_secrets();
	uint8_t file[KITH_SEALED_LEN_MAX];
	head.salt[3] = 1;
	assert_int_equal(kith_sealed_seal(suite, file, &head, NULL, &secrets), KITH_EINVAL);
	head = head_of(KITH_PROTECTION_NONE);
	head.protection = 3;
	assert_int_equal(kith_sealed_seal(suite, file, &head, key, &secrets), KITH_EINVAL);
}

static void another_version_says_so(void **state)
{
	struct kith_sealed head = head_of(KITH_PROTECTION_NONE), parsed;
	struct kith_secrets secrets = some_secrets();
	uint8_t file[KITH_SEALED_LEN_MAX];
	(void)state;
	int len = kith_sealed_seal(kith_suite_sodium(), file, &head, NULL, &secrets);
	file[8] = 2;
	assert_int_equal(kith_sealed_parse(&parsed, world_made(file, len)), KITH_EVERSION);
}

static void secrets_are_found_by_kind_and_replaced(void **state)
{
	struct kith_secrets s = some_secrets();
	struct kith_seed out = world_seed(77), seed = world_seed(9), expected = world_seed(1);
	(void)state;
	assert_int_equal(s.n, 2);
	assert_true(kith_secrets_get(&s, KITH_SECRET_IDENTITY, &out));
	assert_memory_equal(out.b, expected.b, 32);
	assert_false(kith_secrets_get(&s, KITH_SECRET_ROOT, &out));
	assert_memory_equal(out.b, expected.b, 32);
	assert_int_equal(kith_secrets_set(&s, KITH_SECRET_IDENTITY, &seed), 0);
	assert_int_equal(s.n, 2);
	assert_true(kith_secrets_get(&s, KITH_SECRET_IDENTITY, &out));
	assert_memory_equal(out.b, seed.b, 32);
	static const struct kith_secrets none;
	kith_secrets_wipe(&s);
	assert_memory_equal(&s, &none, sizeof s);
}

static void full_set_of_secrets_takes_no_more(void **state)
{
	struct kith_secrets s = { 0 };
	struct kith_seed seed = world_seed(9);
	(void)state;
	s.n = KITH_SECRETS_MAX;
	for (uint8_t i = 0; i < KITH_SECRETS_MAX; i++) {
		s.items[i].kind = (uint8_t)(100 + i);
		s.items[i].len = KITH_SECRET_LEN_MAX;
	}
	assert_int_equal(kith_secrets_set(&s, KITH_SECRET_ROOT, &seed), KITH_EFULL);
	/* The longest contents still fit a file. */
	struct kith_sealed head = head_of(KITH_PROTECTION_ARGON2ID), parsed;
	struct kith_secrets opened;
	uint8_t file[KITH_SEALED_LEN_MAX];
	int len = kith_sealed_seal(kith_suite_sodium(), file, &head, key, &s);
	assert_int_equal(kith_sealed_parse(&parsed, world_made(file, len)), 0);
	assert_int_equal(kith_sealed_open(kith_suite_sodium(), &parsed, key, &opened), 0);
	assert_memory_equal(&opened, &s, sizeof s);
}

static void contents_keep_unknown_kinds_and_refuse_disorder(void **state)
{
	static const struct {
		const char *plain;
		size_t len;
		int err;
	} cases[] = { { "\0", 1, 0 },
		      { "\2\144\2hi\145\0", 7, 0 }, /* unknown kinds */
		      { "", 0, KITH_EPROTO },
		      { "\1", 1, KITH_EPROTO },
		      { "\1\144\3hi", 5, KITH_EPROTO },
		      { "\1\144\2hi!", 6, KITH_EPROTO },
		      { "\2\145\0\144\0", 5, KITH_EPROTO }, /* order */
		      { "\2\144\0\144\0", 5, KITH_EPROTO }, /* twice */
		      { "\1\1\2hi", 5, KITH_EPROTO }, /* an identity of two bytes */
		      { "\11", 1, KITH_EPROTO } };
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct kith_secrets s;
		uint8_t back[64];
		assert_int_equal(kith_secrets_parse(&s, test_span(cases[i].plain, cases[i].len)), cases[i].err);
		if (cases[i].err != 0)
			continue;
		struct kith_writer w = kith_writer_of(back, sizeof back);
		kith_secrets_write(&w, &s);
		assert_int_equal(kith_writer_len(&w), cases[i].len);
		assert_memory_equal(back, cases[i].plain, cases[i].len);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_sealed_opens_with_the_same_key_only),
		cmocka_unit_test(sealed_file_shows_no_secret),
		cmocka_unit_test(every_cut_and_every_flipped_bit_is_refused),
		cmocka_unit_test(parameters_beyond_the_bounds_are_refused_before_any_work),
		cmocka_unit_test(another_version_says_so),
		cmocka_unit_test(secrets_are_found_by_kind_and_replaced),
		cmocka_unit_test(full_set_of_secrets_takes_no_more),
		cmocka_unit_test(contents_keep_unknown_kinds_and_refuse_disorder),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
