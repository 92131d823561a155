/* The frame of signed objects: header, texts, times, extensions, signature. */
#include "identity_world.h"

static void header_names_version_and_type(void **state)
{
	static const uint8_t object[] = { 1, KITH_OBJECT_DEVICES, 9 };
	struct kith_reader r;
	(void)state;
	assert_int_equal(kith_object_begin(&r, test_span(object, 3), KITH_OBJECT_DEVICES), 0);
	assert_int_equal(kith_read_u8(&r), 9);
	assert_int_equal(kith_object_begin(&r, test_span(object, 3), KITH_OBJECT_NAME), KITH_EPROTO);
	assert_int_equal(kith_object_begin(&r, test_span(object, 1), KITH_OBJECT_DEVICES), KITH_EPROTO);
	assert_int_equal(kith_object_begin(&r, test_span(NULL, 0), KITH_OBJECT_DEVICES), KITH_EPROTO);
	static const uint8_t later[] = { 2, KITH_OBJECT_DEVICES };
	assert_int_equal(kith_object_begin(&r, test_span(later, 2), KITH_OBJECT_DEVICES), KITH_EVERSION);
	assert_int_equal(kith_object_begin(&r, test_span(later, 2), KITH_OBJECT_NAME), KITH_EPROTO);
}

static void texts_are_printable_and_bounded(void **state)
{
	char out[5];
	(void)state;
	struct kith_reader r = kith_reader_of((const uint8_t *)"\4abc~", 5);
	kith_object_read_text(&r, out, sizeof out);
	assert_true(kith_reader_done(&r));
	assert_string_equal(out, "abc~");
	r = kith_reader_of((const uint8_t *)"\0", 1);
	kith_object_read_text(&r, out, sizeof out);
	assert_true(kith_reader_done(&r));
	assert_string_equal(out, "");
	static const char *const wrong[] = { "\5abcde", "\4abc", "\2a\037", "\2a\177", "\2a\200", "\377" };
	for (size_t i = 0; i < 6; i++) {
		r = kith_reader_of((const uint8_t *)wrong[i], strlen(wrong[i]));
		kith_object_read_text(&r, out, sizeof out);
		assert_true(r.bad);
		assert_int_equal(out[4], '\0');
	}
	r = kith_reader_of((const uint8_t *)"\2a", 3); /* a zero inside */
	kith_object_read_text(&r, out, sizeof out);
	assert_true(r.bad);
}

static void times_are_40_bits_and_in_order(void **state)
{
	uint8_t buf[10];
	int64_t from, to;
	(void)state;
	struct kith_writer w = kith_writer_of(buf, sizeof buf);
	kith_object_write_time(&w, 5);
	kith_object_write_time(&w, KITH_UNIX_S_MAX);
	assert_false(w.bad);
	assert_memory_equal(buf, "\0\0\0\0\5\377\377\377\377\377", 10);
	struct kith_reader r = kith_reader_of(buf, sizeof buf);
	kith_object_read_validity(&r, &from, &to);
	assert_true(kith_reader_done(&r));
	assert_int_equal(from, 5);
	assert_int_equal(to, KITH_UNIX_S_MAX);
	buf[0] = 0xff;
	buf[5] = 0xfe;
	r = kith_reader_of(buf, sizeof buf);
	kith_object_read_validity(&r, &from, &to);
	assert_true(r.bad);
	static const int64_t wrong[] = { -1, KITH_UNIX_S_MAX + 1, INT64_MIN, INT64_MAX };
	for (size_t i = 0; i < 4; i++) {
		w = kith_writer_of(buf, sizeof buf);
		kith_object_write_time(&w, wrong[i]);
		assert_true(w.bad);
	}
}

static void signature_covers_all_before_it_under_its_label(void **state)
{
	struct world world;
	uint8_t buf[80];
	struct kith_signed s;
	struct kith_reader r;
	(void)state;
	world_init(&world);
	struct kith_writer w = kith_writer_of(buf, sizeof buf);
	kith_object_write_header(&w, KITH_OBJECT_NAME);
	kith_object_write_ext(&w, test_span("\1\2hi", 4));
	int len = kith_object_sign(world.suite, &w, KITH_SIGN_NAME, world.root.sk);
	assert_int_equal(len, 2 + 1 + 4 + 64);
	struct kith_span object = test_span(buf, (size_t)len);
	assert_int_equal(kith_object_begin(&r, object, KITH_OBJECT_NAME), 0);
	assert_int_equal(kith_object_end(&r, object, &s), 0);
	assert_int_equal(s.ext.len, 4);
	assert_int_equal(s.body.len, 7);
	assert_ptr_equal(s.sig, buf + 7);
	assert_int_equal(kith_object_verify(world.suite, &s, KITH_SIGN_NAME, &world.root.pk), 0);
	assert_int_equal(kith_object_verify(world.suite, &s, KITH_SIGN_ISSUER, &world.root.pk), KITH_ESIGNATURE);
	assert_int_equal(kith_object_verify(world.suite, &s, KITH_SIGN_NAME, &world.issuer.pk), KITH_ESIGNATURE);
	w = kith_writer_of(buf, 70);
	kith_object_write_header(&w, KITH_OBJECT_NAME);
	kith_object_write_ext(&w, test_span("\1\2hi", 4));
	assert_int_equal(kith_object_sign(world.suite, &w, KITH_SIGN_NAME, world.root.sk), KITH_EMSGSIZE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(header_names_version_and_type),
		cmocka_unit_test(texts_are_printable_and_bounded),
		cmocka_unit_test(times_are_40_bits_and_in_order),
		cmocka_unit_test(signature_covers_all_before_it_under_its_label),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
