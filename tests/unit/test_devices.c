/* Device lists: what they say of a device that is known, and what they keep to themselves. */
#include "identity_world.h"

#include "identity/devices.h"

enum { LIST_LEN = 2 + 8 + 8 + 16 * 6 + 1 + 64 };

static int sign(const struct world *w, uint8_t out[KITH_DEVICES_LEN_MAX], uint64_t number, const struct kith_key *keys,
		size_t n)
{
	return kith_devices_sign(w->suite, out, number, keys, n, test_span(NULL, 0), w->identity.sk);
}

static void draw_keys(struct kith_key keys[KITH_DEVICES_MAX])
{
	struct test_random random;
	test_random_init(&random, 5);
	random.random.fill(random.random.ctx, keys[0].b, KITH_DEVICES_MAX * sizeof keys[0]);
}

static void list_has_its_devices_whatever_order_they_were_given_in(void **state)
{
	struct world w;
	struct kith_key keys[KITH_DEVICES_MAX], absent = { { 1 } };
	uint8_t a[KITH_DEVICES_LEN_MAX], b[KITH_DEVICES_LEN_MAX];
	(void)state;
	world_init(&w);
	draw_keys(keys);
	for (size_t n = 0; n <= KITH_DEVICES_MAX; n++) {
		struct kith_devices list;
		int len = sign(&w, a, 77, keys, n);
		assert_int_equal(len, LIST_LEN); /* which tells nothing */
		assert_int_equal(kith_devices_parse(&list, world_made(a, len)), 0);
		assert_int_equal(list.number, 77);
		assert_int_equal(kith_object_verify(w.suite, &list.s, KITH_SIGN_DEVICES, &w.identity.pk), 0);
		for (size_t i = 0; i < KITH_DEVICES_MAX; i++)
			assert_int_equal(kith_devices_lists(w.suite, &list, &keys[i]), i < n);
		assert_false(kith_devices_lists(w.suite, &list, &absent));
		struct kith_key reversed[KITH_DEVICES_MAX];
		for (size_t i = 0; i < n; i++)
			reversed[i] = keys[n - 1 - i];
		assert_int_equal(sign(&w, b, 77, reversed, n), len);
		assert_memory_equal(a, b, (size_t)len);
	}
}

static size_t shared_marks(const struct kith_devices *a, const struct kith_devices *b)
{
	size_t n = 0;
	for (size_t i = 0; i < KITH_DEVICES_MAX; i++)
		for (size_t j = 0; j < KITH_DEVICES_MAX; j++)
			n += memcmp(a->marks + i * KITH_DEVICE_MARK_LEN, b->marks + j * KITH_DEVICE_MARK_LEN,
				    KITH_DEVICE_MARK_LEN) == 0;
	return n;
}

static bool has_bytes(struct kith_span in, const uint8_t *p, size_t len)
{
	for (size_t at = 0; at + len <= in.len; at++)
		if (memcmp(in.p + at, p, len) == 0)
			return true;
	return false;
}

/* Nobody who compares two lists finds out how many devices stayed, nor, who knows one device, which the others are. */
static void lists_tell_no_keys_and_have_nothing_in_common(void **state)
{
	struct world w;
	struct kith_key keys[KITH_DEVICES_MAX];
	uint8_t a[KITH_DEVICES_LEN_MAX], b[KITH_DEVICES_LEN_MAX];
	struct kith_devices first, other;
	(void)state;
	world_init(&w);
	draw_keys(keys);
	struct kith_span list = world_made(a, sign(&w, a, 77, keys, 3));
	assert_int_equal(kith_devices_parse(&first, list), 0);
	for (size_t i = 0; i < 3; i++)
		assert_false(has_bytes(list, keys[i].b, KITH_DEVICE_MARK_LEN));
	assert_int_equal(shared_marks(&first, &first), KITH_DEVICES_MAX);
	assert_int_equal(kith_devices_parse(&other, world_made(b, sign(&w, b, 78, keys, 3))), 0);
	assert_memory_not_equal(first.salt, other.salt, sizeof first.salt);
	assert_int_equal(shared_marks(&first, &other), 0);
	/* Under one number, too: one device fewer. */
	assert_int_equal(kith_devices_parse(&other, world_made(b, sign(&w, b, 77, keys, 2))), 0);
	assert_memory_not_equal(first.salt, other.salt, sizeof first.salt);
	assert_int_equal(shared_marks(&first, &other), 0);
	/* And by another identity. */
	int len = kith_devices_sign(w.suite, b, 77, keys, 3, test_span(NULL, 0), w.issuer.sk);
	assert_int_equal(kith_devices_parse(&other, world_made(b, len)), 0);
	assert_memory_not_equal(first.salt, other.salt, sizeof first.salt);
	assert_int_equal(shared_marks(&first, &other), 0);
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

static void unordered_or_repeated_marks_are_not_parsed(void **state)
{
	struct world w;
	uint8_t marks[KITH_DEVICES_MAX * KITH_DEVICE_MARK_LEN], out[1024];
	struct kith_devices list = { .number = 1, .marks = marks }, parsed;
	(void)state;
	world_init(&w);
	for (size_t at = 0; at < KITH_DEVICES_MAX; at++) {
		for (unsigned wrong = 0; wrong < 3; wrong++) {
			for (size_t i = 0; i < KITH_DEVICES_MAX; i++)
				memset(marks + i * KITH_DEVICE_MARK_LEN, (int)(2 * i), KITH_DEVICE_MARK_LEN);
			if (at > 0 && wrong == 1)
				memset(marks + at * KITH_DEVICE_MARK_LEN, (int)(2 * at - 3), KITH_DEVICE_MARK_LEN);
			if (at > 0 && wrong == 2)
				memcpy(marks + at * KITH_DEVICE_MARK_LEN, marks + (at - 1) * KITH_DEVICE_MARK_LEN,
				       KITH_DEVICE_MARK_LEN);
			struct kith_writer writer = kith_writer_of(out, sizeof out);
			kith_devices_write(&writer, &list);
			int len = kith_object_sign(w.suite, &writer, KITH_SIGN_DEVICES, w.identity.sk);
			assert_int_equal(kith_devices_parse(&parsed, world_made(out, len)),
					 at == 0 || wrong == 0 ? 0 : KITH_EPROTO);
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
	uint8_t out[KITH_DEVICES_LEN_MAX], marks[KITH_DEVICES_MAX * KITH_DEVICE_MARK_LEN];
	struct kith_devices list = { .number = 1, .marks = marks, .s.ext = { (const uint8_t *)"\201\0", 2 } };
	(void)state;
	world_init(&w);
	for (size_t i = 0; i < KITH_DEVICES_MAX; i++)
		memset(marks + i * KITH_DEVICE_MARK_LEN, (int)i, KITH_DEVICE_MARK_LEN);
	struct kith_writer writer = kith_writer_of(out, sizeof out);
	kith_devices_write(&writer, &list);
	int len = kith_object_sign(w.suite, &writer, KITH_SIGN_DEVICES, w.identity.sk);
	assert_int_equal(kith_devices_parse(&list, world_made(out, len)), KITH_ENOTSUP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(list_has_its_devices_whatever_order_they_were_given_in),
		cmocka_unit_test(lists_tell_no_keys_and_have_nothing_in_common),
		cmocka_unit_test(too_many_or_repeated_devices_are_not_signed),
		cmocka_unit_test(unordered_or_repeated_marks_are_not_parsed),
		cmocka_unit_test(truncated_or_altered_lists_are_refused),
		cmocka_unit_test(critical_extension_refuses_the_list),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
