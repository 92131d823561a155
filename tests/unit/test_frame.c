/* Inner frames and the addresses in them. */
#include "support.h"

#include "wire/frame.h"

static void frames_read_back_in_order(void **state)
{
	uint8_t bytes[64];
	struct kith_writer w = kith_writer_of(bytes, sizeof bytes);
	struct kith_frame f;
	(void)state;
	for (uint8_t i = 1; i < 5; i++) {
		uint8_t *mark = kith_frame_begin(&w, (enum kith_frame_type)i);
		for (uint8_t k = 0; k < i; k++)
			kith_write_u8(&w, k);
		kith_frame_end(&w, mark);
	}
	assert_false(w.bad);
	struct kith_reader r = kith_reader_of_span(test_span(bytes, kith_writer_len(&w)));
	for (uint8_t i = 1; i < 5; i++) {
		assert_true(kith_frame_next(&r, &f));
		assert_int_equal(f.type, i);
		assert_int_equal(f.body.len, i);
	}
	assert_false(kith_frame_next(&r, &f));
	assert_false(r.bad);
}

static void padding_ends_a_packet_whatever_follows(void **state)
{
	const uint8_t bytes[] = { KITH_FRAME_IDLE, 0, 1, 9, KITH_FRAME_PADDING, 0xff, 0xff, 0xff };
	struct kith_reader r = kith_reader_of_span(test_span(bytes, sizeof bytes));
	struct kith_frame f;
	(void)state;
	assert_true(kith_frame_next(&r, &f));
	assert_false(kith_frame_next(&r, &f));
	assert_false(r.bad);
}

static void a_frame_longer_than_the_packet_is_malformed(void **state)
{
	const uint8_t bytes[] = { KITH_FRAME_IDLE, 0, 2, 9, 9 };
	struct kith_frame f;
	(void)state;
	for (size_t len = 1; len < sizeof bytes; len++) {
		struct kith_reader r = kith_reader_of_span(test_span(bytes, len));
		assert_false(kith_frame_next(&r, &f));
		assert_true(r.bad);
	}
	const uint8_t huge[] = { KITH_FRAME_IDLE, 0xff, 0xff, 0 };
	struct kith_reader r = kith_reader_of_span(test_span(huge, sizeof huge));
	assert_false(kith_frame_next(&r, &f));
	assert_true(r.bad);
}

static void a_frame_that_does_not_fit_makes_the_writer_bad_and_writes_no_length(void **state)
{
	uint8_t bytes[6];
	struct kith_writer w = kith_writer_of(bytes, sizeof bytes);
	(void)state;
	uint8_t *mark = kith_frame_begin(&w, KITH_FRAME_DATAGRAM);
	kith_write_u64(&w, 1);
	kith_frame_end(&w, mark);
	assert_true(w.bad);
	w = kith_writer_of(bytes, 2);
	assert_null(kith_frame_begin(&w, KITH_FRAME_DATAGRAM));
	kith_frame_end(&w, NULL);
	assert_true(w.bad);
}

static void addresses_read_back_and_others_are_refused(void **state)
{
	uint8_t bytes[64];
	struct kith_addr v4, v6, out;
	(void)state;
	assert_int_equal(kith_addr_parse(&v4, "1.2.3.4:65535"), 0);
	assert_int_equal(kith_addr_parse(&v6, "[2001:db8::9]:1"), 0);
	struct kith_writer w = kith_writer_of(bytes, sizeof bytes);
	kith_addr_write(&w, &v4);
	assert_int_equal(kith_writer_len(&w), 7);
	kith_addr_write(&w, &v6);
	assert_int_equal(kith_writer_len(&w), 7 + KITH_ADDR_WIRE_MAX);
	struct kith_reader r = kith_reader_of_span(test_span(bytes, kith_writer_len(&w)));
	kith_addr_read(&r, &out);
	assert_true(kith_addr_equal(&out, &v4));
	kith_addr_read(&r, &out);
	assert_true(kith_addr_equal(&out, &v6));
	assert_true(kith_reader_done(&r));
	for (unsigned family = 0; family < 256; family++) {
		bytes[0] = (uint8_t)family;
		r = kith_reader_of_span(test_span(bytes, KITH_ADDR_WIRE_MAX));
		kith_addr_read(&r, &out);
		assert_int_equal(r.bad, family != 4 && family != 6);
	}
	bytes[0] = 6;
	r = kith_reader_of_span(test_span(bytes, KITH_ADDR_WIRE_MAX - 1));
	kith_addr_read(&r, &out);
	assert_true(r.bad);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_read_back_in_order),
		cmocka_unit_test(padding_ends_a_packet_whatever_follows),
		cmocka_unit_test(a_frame_longer_than_the_packet_is_malformed),
		cmocka_unit_test(a_frame_that_does_not_fit_makes_the_writer_bad_and_writes_no_length),
		cmocka_unit_test(addresses_read_back_and_others_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
