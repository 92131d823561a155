/* Device lists. */
#include "identity_world.h"

static int sign(const struct world *w, uint8_t out[KITH_DEVICES_LEN_MAX], uint64_t number, const struct kith_key *keys,
		size_t n)
{
	return kith_devices_sign(w->suite, out, number, keys, n, test_span(NULL, 0), w->identity.sk);
}

static size_t tags_for(size_t devices)
{
	return devices <= 3 ? 3 : devices <= 6 ? 6 : devices <= 12 ? 12 : 16;
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
		assert_int_equal(len, 2 + 8 + 1 + 8 * tags_for(n) + 1 + 64);
		assert_int_equal(kith_devices_parse(&list, world_made(a, len)), 0);
		assert_int_equal(list.number, 77);
		assert_int_equal(list.n, tags_for(n));
		assert_int_equal(kith_object_verify(w.suite, &list.s, KITH_SIGN_DEVICES, &w.identity.pk), 0);
		for (size_t i = 0; i < KITH_DEVICES_MAX; i++)
			assert_int_equal(kith_devices_holds(w.suite, &list, &keys[i]), i < n);
		assert_false(kith_devices_holds(w.suite, &list, &absent));
		struct kith_key reversed[KITH_DEVICES_MAX];
		for (size_t i = 0; i < n; i++)
			reversed[i] = keys[n - 1 - i];
		assert_int_equal(sign(&w, b, 77, reversed, n), len);
		assert_memory_equal(a, b, (size_t)len);
	}
}

static bool has_tag(const struct kith_devices *list, const uint8_t tag[KITH_DEVICE_TAG_LEN])
{
	for (size_t i = 0; i < list->n; i++)
		if (memcmp(list->tags + i * KITH_DEVICE_TAG_LEN, tag, KITH_DEVICE_TAG_LEN) == 0)
			return true;
	return false;
}

static size_t shared(const struct kith_devices *a, const struct kith_devices *b)
{
	size_t n = 0;
	for (size_t i = 0; i < a->n; i++)
		n += has_tag(b, a->tags + i * KITH_DEVICE_TAG_LEN);
	return n;
}

static void make(const struct world *w, struct kith_devices *out, uint8_t buf[KITH_DEVICES_LEN_MAX], uint64_t number,
		 const struct kith_key *keys, size_t n)
{
	assert_int_equal(kith_devices_parse(out, world_made(buf, sign(w, buf, number, keys, n))), 0);
}

static void strangers_see_neither_which_devices_there_are_nor_how_many(void **state)
{
	struct world w;
	struct kith_key keys[KITH_DEVICES_MAX];
	uint8_t a[KITH_DEVICES_LEN_MAX], b[KITH_DEVICES_LEN_MAX], c[KITH_DEVICES_LEN_MAX];
	struct kith_devices one, three, next;
	struct test_random random;
	(void)state;
	world_init(&w);
	test_random_init(&random, 6);
	random.random.fill(random.random.ctx, keys[0].b, sizeof keys);
	make(&w, &one, a, 77, keys, 1);
	make(&w, &three, b, 77, keys, 3);
	make(&w, &next, c, 78, keys, 3);
	assert_int_equal(one.n, three.n);
	assert_int_equal(shared(&one, &three), 1); /* that of the device in both: all else is other */
	assert_int_equal(shared(&three, &next), 0); /* nor does a list show which devices stayed */
	for (size_t i = 0; i < 3; i++)
		assert_false(has_tag(&three, keys[i].b));
	uint8_t of_other[KITH_DEVICES_LEN_MAX];
	struct kith_signer other = { { 0 }, { { 0 } } };
	struct kith_devices others;
	memset(other.sk, 7, sizeof other.sk);
	int len = kith_devices_sign(w.suite, of_other, 77, keys, 1, test_span(NULL, 0), other.sk);
	assert_int_equal(kith_devices_parse(&others, world_made(of_other, len)), 0);
	assert_int_equal(shared(&one, &others), 1); /* what is made up is made up with the identity's secret */
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
	uint8_t rows[(KITH_DEVICES_MAX + 1) * KITH_DEVICE_TAG_LEN], out[1024];
	struct kith_devices list = { .number = 1, .tags = rows };
	(void)state;
	world_init(&w);
	for (size_t n = 2; n <= KITH_DEVICES_MAX + 1; n++) {
		for (unsigned swap = 0; swap < 3; swap++) {
			struct kith_devices parsed;
			for (size_t i = 0; i < n; i++)
				memset(rows + KITH_DEVICE_TAG_LEN * i, (int)i, KITH_DEVICE_TAG_LEN);
			if (swap == 1)
				memset(rows + KITH_DEVICE_TAG_LEN * (n - 2), (int)(n + 1), KITH_DEVICE_TAG_LEN);
			if (swap == 2)
				memcpy(rows, rows + KITH_DEVICE_TAG_LEN, KITH_DEVICE_TAG_LEN);
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
				     .tags = (const uint8_t *)"",
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
		cmocka_unit_test(strangers_see_neither_which_devices_there_are_nor_how_many),
		cmocka_unit_test(too_many_or_repeated_devices_are_not_signed),
		cmocka_unit_test(unordered_repeated_or_too_many_are_not_parsed),
		cmocka_unit_test(truncated_or_altered_lists_are_refused),
		cmocka_unit_test(critical_extension_refuses_the_list),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
