/* Device lists. */
#include "identity_world.h"

static int sign(const struct world *w, uint8_t out[KITH_DEVICES_LEN_MAX], uint64_t number, const struct kith_key *keys,
		size_t n)
{
	return kith_devices_sign(w->suite, out, number, keys, n, test_span(NULL, 0), w->identity.sk);
}

static void list_holds_its_devices_whatever_order_they_were_given_in(void **state)
{
	struct world w;
	struct kith_key keys[KITH_DEVICES_MAX], absent;
	uint8_t a[KITH_DEVICES_LEN_MAX], b[KITH_DEVICES_LEN_MAX];
	struct test_random random;
	(void)state;
	world_init(&w);
	test_random_init(&random, 5);
	random.random.fill(random.random.ctx, keys[0].b, sizeof keys);
	random.random.fill(random.random.ctx, absent.b, sizeof absent);
	for (size_t n = 0; n <= KITH_DEVICES_MAX; n++) {
		struct kith_devices list;
		int len = sign(&w, a, 77, keys, n);
		assert_int_equal(len, 2 + 8 + 1 + 32 * n + 1 + 64);
		assert_int_equal(kith_devices_parse(&list, world_made(a, len)), 0);
		assert_int_equal(list.number, 77);
		assert_int_equal(list.n, n);
		assert_int_equal(kith_object_verify(w.suite, &list.s, KITH_SIGN_DEVICES, &w.identity.pk), 0);
		for (size_t i = 0; i < KITH_DEVICES_MAX; i++)
			assert_int_equal(kith_devices_has(&list, &keys[i]), i < n);
		assert_false(kith_devices_has(&list, &absent));
		struct kith_key reversed[KITH_DEVICES_MAX];
		for (size_t i = 0; i < n; i++)
			reversed[i] = keys[n - 1 - i];
		assert_int_equal(sign(&w, b, 77, reversed, n), len);
		assert_memory_equal(a, b, (size_t)len);
	}
}

static void too_many_or_repeated_devices_are_not_signed(void **state)
{
	struct world w;
	struct kith_key keys[KITH_DEVICES_MAX + 1];
	uint8_t out[KITH_DEVICES_LEN_MAX];
	(void)state;
	world_init(&w);
	for (size_t i = 0; i <= KITH_DEVICES_MAX; i++)
		memset(keys[i].b, (int)i, KITH_KEY_LEN);
	assert_int_equal(sign(&w, out, 1, keys, KITH_DEVICES_MAX + 1), KITH_EINVAL);
	keys[3] = keys[7];
	assert_int_equal(sign(&w, out, 1, keys, 8), KITH_EINVAL);
}

static void unordered_repeated_or_too_many_are_not_parsed(void **state)
{
	struct world w;
	uint8_t rows[(KITH_DEVICES_MAX + 1) * 32], out[1024];
	struct kith_devices list = { .number = 1, .keys = rows };
	(void)state;
	world_init(&w);
	for (size_t n = 2; n <= KITH_DEVICES_MAX + 1; n++) {
		for (unsigned swap = 0; swap < 3; swap++) {
			struct kith_devices parsed;
			for (size_t i = 0; i < n; i++)
				memset(rows + 32 * i, (int)i, 32);
			if (swap == 1)
				memset(rows + 32 * (n - 2), (int)(n + 1), 32);
			if (swap == 2)
				memcpy(rows, rows + 32, 32);
			list.n = (uint8_t)n;
			struct kith_writer writer = kith_writer_of(out, sizeof out);
			kith_devices_write(&writer, &list);
			int len = kith_object_sign(w.suite, &writer, KITH_SIGN_DEVICES, w.identity.sk);
			bool good = swap == 0 && n <= KITH_DEVICES_MAX;
			assert_int_equal(kith_devices_parse(&parsed, world_made(out, len)), good ? 0 : KITH_EPROTO);
		}
	}
}

static void truncated_or_altered_lists_are_refused(void **state)
{
	struct world w;
	struct kith_key keys[3];
	uint8_t out[KITH_DEVICES_LEN_MAX];
	struct kith_devices list;
	(void)state;
	world_init(&w);
	for (size_t i = 0; i < 3; i++)
		memset(keys[i].b, (int)(40 * i), KITH_KEY_LEN);
	int len = sign(&w, out, 5, keys, 3);
	for (size_t cut = 0; cut < (size_t)len; cut++)
		assert_int_equal(kith_devices_parse(&list, test_span(out, cut)), KITH_EPROTO);
	for (size_t bit = 0; bit < 8 * (size_t)len; bit++) {
		out[bit / 8] ^= (uint8_t)(1 << bit % 8);
		if (kith_devices_parse(&list, test_span(out, (size_t)len)) == 0)
			assert_int_equal(kith_object_verify(w.suite, &list.s, KITH_SIGN_DEVICES, &w.identity.pk),
					 KITH_ESIGNATURE);
		out[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

static void critical_extension_refuses_the_list(void **state)
{
	struct world w;
	uint8_t out[KITH_DEVICES_LEN_MAX];
	struct kith_devices list = { .number = 1,
				     .keys = (const uint8_t *)"",
				     .s.ext = { (const uint8_t *)"\201\0", 2 } };
	(void)state;
	world_init(&w);
	struct kith_writer writer = kith_writer_of(out, sizeof out);
	kith_devices_write(&writer, &list);
	int len = kith_object_sign(w.suite, &writer, KITH_SIGN_DEVICES, w.identity.sk);
	assert_int_equal(kith_devices_parse(&list, world_made(out, len)), KITH_ENOTSUP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(list_holds_its_devices_whatever_order_they_were_given_in),
		cmocka_unit_test(too_many_or_repeated_devices_are_not_signed),
		cmocka_unit_test(unordered_repeated_or_too_many_are_not_parsed),
		cmocka_unit_test(truncated_or_altered_lists_are_refused),
		cmocka_unit_test(critical_extension_refuses_the_list),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
