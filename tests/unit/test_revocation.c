/* Revocation lists: order, merging, bisection, bounds. */
#include "identity_world.h"

static struct kith_revocation template_of(const struct world *w)
{
	struct kith_revocation list = { .signer = KITH_REVOKED_BY_ISSUER,
					.number = 12,
					.issued_s = WORLD_NOW_S,
					.next_update_s = WORLD_NOW_S + 86400 };
	memcpy(list.signer_id, w->name_cert.issuer_id, sizeof list.signer_id);
	return list;
}

static uint8_t buf[KITH_REVOCATION_LEN_MAX];

static int sign(const struct world *w, const struct kith_serial_range *ranges, size_t ranges_n,
		const struct kith_key *keys, size_t keys_n)
{
	struct kith_revocation list = template_of(w);
	return kith_revocation_sign(w->suite, buf, sizeof buf, &list, ranges, ranges_n, keys, keys_n, w->issuer.sk);
}

/* The part before the signature, with whatever rows: kith_revocation_sign makes none that are out of order. */
static void write_list(struct kith_writer *w, const struct kith_revocation *list)
{
	kith_object_write_header(w, KITH_OBJECT_REVOCATION);
	kith_write_u8(w, list->signer);
	kith_write_bytes(w, list->signer_id, KITH_ISSUER_ID_LEN);
	kith_write_u64(w, list->number);
	kith_object_write_time(w, list->issued_s);
	kith_object_write_time(w, list->next_update_s);
	kith_write_u16(w, list->ranges_n);
	kith_write_bytes(w, list->ranges, (size_t)list->ranges_n * KITH_REVOKED_RANGE_LEN);
	kith_write_u16(w, list->keys_n);
	kith_write_bytes(w, list->keys, (size_t)list->keys_n * KITH_KEY_LEN);
	kith_object_write_ext(w, list->s.ext);
}

static void ranges_are_sorted_and_merged(void **state)
{
	struct world w;
	struct kith_revocation list;
	static const struct kith_serial_range given[] = { { 50, 60 }, { 5, 5 },	 { 61, 70 },   { 7, 9 },    { 55, 56 },
							  { 6, 6 },   { 8, 20 }, { 100, 100 }, { 100, 100 } };
	static const struct kith_serial_range kept[] = { { 5, 20 }, { 50, 70 }, { 100, 100 } };
	(void)state;
	world_init(&w);
	int len = sign(&w, given, 9, NULL, 0);
	assert_int_equal(kith_revocation_parse(&list, world_made(buf, len)), 0);
	assert_int_equal(len, 2 + 1 + 8 + 8 + 10 + 2 + 3 * 16 + 2 + 1 + 64);
	assert_int_equal(list.ranges_n, 3);
	for (size_t i = 0; i < 3; i++) {
		struct kith_serial_range r = kith_revocation_range(&list, i);
		assert_int_equal(r.first, kept[i].first);
		assert_int_equal(r.last, kept[i].last);
	}
	for (uint64_t serial = 0; serial < 120; serial++) {
		bool in = (serial >= 5 && serial <= 20) || (serial >= 50 && serial <= 70) || serial == 100;
		assert_int_equal(kith_revocation_has_serial(&list, serial), in);
	}
	assert_int_equal(list.number, 12);
	assert_int_equal(list.issued_s, WORLD_NOW_S);
	assert_int_equal(list.next_update_s, WORLD_NOW_S + 86400);
	assert_int_equal(kith_object_verify(w.suite, &list.s, KITH_SIGN_REVOCATION, &w.issuer.pk), 0);
}

static void ends_of_the_number_line_do_not_wrap(void **state)
{
	struct world w;
	struct kith_revocation list;
	static const struct kith_serial_range given[] = { { UINT64_MAX, UINT64_MAX },
							  { 0, 0 },
							  { UINT64_MAX - 1, UINT64_MAX } };
	static const struct kith_serial_range all = { 0, UINT64_MAX };
	(void)state;
	world_init(&w);
	int len = sign(&w, given, 3, NULL, 0);
	assert_int_equal(kith_revocation_parse(&list, world_made(buf, len)), 0);
	assert_int_equal(list.ranges_n, 2);
	assert_true(kith_revocation_has_serial(&list, 0));
	assert_false(kith_revocation_has_serial(&list, 1));
	assert_false(kith_revocation_has_serial(&list, UINT64_MAX - 2));
	assert_true(kith_revocation_has_serial(&list, UINT64_MAX - 1));
	assert_true(kith_revocation_has_serial(&list, UINT64_MAX));
	len = sign(&w, &all, 1, NULL, 0);
	assert_int_equal(kith_revocation_parse(&list, world_made(buf, len)), 0);
	assert_true(kith_revocation_has_serial(&list, 0));
	assert_true(kith_revocation_has_serial(&list, UINT64_MAX));
}

static void full_list_is_found_by_bisection_and_fits(void **state)
{
	struct world w;
	struct kith_revocation list, again;
	static struct kith_serial_range ranges[KITH_REVOKED_RANGES_MAX + 1];
	static struct kith_key keys[KITH_REVOKED_KEYS_MAX + 1];
	struct test_random random;
	(void)state;
	world_init(&w);
	test_random_init(&random, 3);
	for (size_t i = 0; i < KITH_REVOKED_RANGES_MAX + 1; i++)
		ranges[i].first = ranges[i].last = 10 * ((i * 7) % (KITH_REVOKED_RANGES_MAX + 1));
	random.random.fill(random.random.ctx, keys[0].b, sizeof keys);
	int len = sign(&w, ranges, KITH_REVOKED_RANGES_MAX, keys, KITH_REVOKED_KEYS_MAX);
	assert_true(len > 15000 && len <= 16384);
	assert_int_equal(kith_revocation_parse(&list, world_made(buf, len)), 0);
	assert_int_equal(list.ranges_n, KITH_REVOKED_RANGES_MAX);
	assert_int_equal(list.keys_n, KITH_REVOKED_KEYS_MAX);
	for (size_t i = 0; i < KITH_REVOKED_RANGES_MAX; i++) {
		assert_true(kith_revocation_has_serial(&list, ranges[i].first));
		assert_false(kith_revocation_has_serial(&list, ranges[i].first + 1));
	}
	assert_false(kith_revocation_has_serial(&list, ranges[KITH_REVOKED_RANGES_MAX].first));
	for (size_t i = 0; i < KITH_REVOKED_KEYS_MAX; i++)
		assert_true(kith_revocation_has_key(&list, &keys[i]));
	assert_false(kith_revocation_has_key(&list, &keys[KITH_REVOKED_KEYS_MAX]));
	assert_int_equal(kith_revocation_view(&again, world_made(buf, len)), 0);
	assert_memory_equal(&again, &list, sizeof list);

	assert_int_equal(sign(&w, ranges, KITH_REVOKED_RANGES_MAX + 1, NULL, 0), KITH_EFULL);
	assert_int_equal(sign(&w, NULL, 0, keys, KITH_REVOKED_KEYS_MAX + 1), KITH_EFULL);
}

static void keys_given_twice_are_kept_once(void **state)
{
	struct world w;
	struct kith_revocation list;
	struct kith_key keys[4];
	(void)state;
	world_init(&w);
	memset(keys, 9, sizeof keys);
	keys[1].b[0] = 1;
	int len = sign(&w, NULL, 0, keys, 4);
	assert_int_equal(kith_revocation_parse(&list, world_made(buf, len)), 0);
	assert_int_equal(list.keys_n, 2);
	assert_true(kith_revocation_has_key(&list, &keys[0]));
	assert_true(kith_revocation_has_key(&list, &keys[1]));
}

static void making_refuses_wrong_fields_and_small_buffers(void **state)
{
	struct world w;
	static const struct kith_serial_range backward = { 5, 4 }, one = { 5, 5 };
	(void)state;
	world_init(&w);
	assert_int_equal(sign(&w, &backward, 1, NULL, 0), KITH_EINVAL);
	struct kith_revocation list = template_of(&w);
	list.next_update_s = list.issued_s - 1;
	assert_int_equal(kith_revocation_sign(w.suite, buf, sizeof buf, &list, NULL, 0, NULL, 0, w.issuer.sk),
			 KITH_EINVAL);
	list = template_of(&w);
	list.signer = 3;
	assert_int_equal(kith_revocation_sign(w.suite, buf, sizeof buf, &list, NULL, 0, NULL, 0, w.issuer.sk),
			 KITH_EINVAL);
	list = template_of(&w);
	int len = kith_revocation_sign(w.suite, buf, sizeof buf, &list, &one, 1, &w.root.pk, 1, w.issuer.sk);
	assert_true(len > 0);
	for (size_t cap = 0; cap < (size_t)len; cap++) {
		uint8_t *exact = malloc(cap + 1);
		assert_non_null(exact);
		assert_int_equal(kith_revocation_sign(w.suite, exact, cap, &list, &one, 1, &w.root.pk, 1, w.issuer.sk),
				 KITH_EMSGSIZE);
		free(exact);
	}
	assert_int_equal(kith_revocation_sign(w.suite, buf, (size_t)len, &list, &one, 1, &w.root.pk, 1, w.issuer.sk),
			 len);
}

static void unordered_touching_or_overfull_lists_are_not_parsed(void **state)
{
	struct world w;
	static const struct {
		struct kith_serial_range r[2];
		int err;
	} cases[] = { { { { 1, 2 }, { 4, 4 } }, 0 },	       { { { 1, 2 }, { 3, 3 } }, KITH_EPROTO },
		      { { { 1, 2 }, { 2, 3 } }, KITH_EPROTO }, { { { 4, 4 }, { 1, 2 } }, KITH_EPROTO },
		      { { { 2, 1 }, { 4, 4 } }, KITH_EPROTO }, { { { 1, UINT64_MAX }, { 0, 0 } }, KITH_EPROTO },
		      { { { 1, 2 }, { 1, 2 } }, KITH_EPROTO } };
	(void)state;
	world_init(&w);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint8_t rows[32];
		struct kith_writer r = kith_writer_of(rows, sizeof rows);
		for (size_t j = 0; j < 2; j++) {
			kith_write_u64(&r, cases[i].r[j].first);
			kith_write_u64(&r, cases[i].r[j].last);
		}
		struct kith_revocation list = template_of(&w), parsed;
		list.ranges_n = 2;
		list.ranges = rows;
		list.keys = rows;
		struct kith_writer out = kith_writer_of(buf, sizeof buf);
		write_list(&out, &list);
		int len = kith_object_sign(w.suite, &out, KITH_SIGN_REVOCATION, w.issuer.sk);
		assert_int_equal(kith_revocation_parse(&parsed, world_made(buf, len)), cases[i].err);
	}
	/* One range too many, all in order. */
	static uint8_t many[(KITH_REVOKED_RANGES_MAX + 1) * 16], big[sizeof many + 256];
	struct kith_writer r = kith_writer_of(many, sizeof many);
	for (size_t i = 0; i <= KITH_REVOKED_RANGES_MAX; i++) {
		kith_write_u64(&r, 10 * i);
		kith_write_u64(&r, 10 * i);
	}
	for (uint16_t n = KITH_REVOKED_RANGES_MAX; n <= KITH_REVOKED_RANGES_MAX + 1; n++) {
		struct kith_revocation list = template_of(&w), parsed;
		list.ranges_n = n;
		list.ranges = list.keys = many;
		struct kith_writer out = kith_writer_of(big, sizeof big);
		write_list(&out, &list);
		int len = kith_object_sign(w.suite, &out, KITH_SIGN_REVOCATION, w.issuer.sk);
		assert_int_equal(kith_revocation_parse(&parsed, world_made(big, len)),
				 n == KITH_REVOKED_RANGES_MAX ? 0 : KITH_EPROTO);
	}
}

static void truncated_or_altered_lists_are_refused(void **state)
{
	struct world w;
	struct kith_revocation list;
	static const struct kith_serial_range one = { 5, 5 };
	(void)state;
	world_init(&w);
	int len = sign(&w, &one, 1, &w.root.pk, 1);
	for (size_t cut = 0; cut < (size_t)len; cut++) {
		uint8_t *exact = malloc(cut + 1);
		assert_non_null(exact);
		memcpy(exact, buf, cut);
		assert_int_equal(kith_revocation_parse(&list, test_span(exact, cut)), KITH_EPROTO);
		free(exact);
	}
	for (size_t bit = 0; bit < 8 * (size_t)len; bit++) {
		buf[bit / 8] ^= (uint8_t)(1 << bit % 8);
		if (kith_revocation_parse(&list, test_span(buf, (size_t)len)) == 0)
			assert_int_equal(kith_object_verify(w.suite, &list.s, KITH_SIGN_REVOCATION, &w.issuer.pk),
					 KITH_ESIGNATURE);
		buf[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranges_are_sorted_and_merged),
		cmocka_unit_test(ends_of_the_number_line_do_not_wrap),
		cmocka_unit_test(full_list_is_found_by_bisection_and_fits),
		cmocka_unit_test(keys_given_twice_are_kept_once),
		cmocka_unit_test(making_refuses_wrong_fields_and_small_buffers),
		cmocka_unit_test(unordered_touching_or_overfull_lists_are_not_parsed),
		cmocka_unit_test(truncated_or_altered_lists_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
