#include "support.h"

#include "codec/cursor.h"

static void what_is_written_is_read_back_in_network_order(void **state)
{
	(void)state;
	uint8_t buf[64], want[64];
	struct kith_writer w = kith_writer_of(buf, sizeof buf);
	kith_write_u8(&w, 0x01);
	kith_write_u16(&w, 0x0203);
	kith_write_u32(&w, 0x04050607);
	kith_write_u64(&w, 0x08090a0b0c0d0e0fu);
	kith_write_uint(&w, 0x101112, 3);
	kith_write_span(&w, test_span("ab", 2));
	kith_write_zeros(&w, 2);
	size_t len = test_hex(want, sizeof want, "0102030405060708090a0b0c0d0e0f10111261620000");
	assert_false(w.bad);
	assert_int_equal(kith_writer_len(&w), len);
	assert_int_equal(kith_writer_space(&w), sizeof buf - len);
	assert_memory_equal(buf, want, len);

	uint8_t bytes[2];
	struct kith_reader r = kith_reader_of(buf, len);
	assert_int_equal(kith_read_u8(&r), 0x01);
	assert_int_equal(kith_read_u16(&r), 0x0203);
	assert_int_equal(kith_read_u32(&r), 0x04050607);
	assert_true(kith_read_u64(&r) == 0x08090a0b0c0d0e0fu);
	assert_int_equal(kith_read_uint(&r, 3), 0x101112);
	kith_read_bytes(&r, bytes, 2);
	assert_memory_equal(bytes, "ab", 2);
	assert_false(kith_reader_done(&r));
	struct kith_span rest = kith_read_rest(&r);
	assert_int_equal(rest.len, 2);
	assert_ptr_equal(rest.p, buf + len - 2);
	assert_true(kith_reader_done(&r));
}

static void a_reader_past_its_end_is_bad_for_good_and_gives_zeros(void **state)
{
	(void)state;
	const uint8_t buf[3] = { 0xff, 0xff, 0xff };
	uint8_t bytes[2] = { 1, 1 };
	struct kith_reader r = kith_reader_of(buf, sizeof buf);
	assert_int_equal(kith_read_u32(&r), 0);
	assert_true(r.bad);
	assert_int_equal(kith_reader_left(&r), 0);
	assert_int_equal(kith_read_u8(&r), 0);
	kith_read_bytes(&r, bytes, 2);
	assert_int_equal(bytes[0] | bytes[1], 0);
	struct kith_span s = kith_read_span(&r, 1);
	assert_null(s.p);
	assert_int_equal(s.len, 0);
	assert_int_equal(kith_read_rest(&r).len, 0);
	assert_false(kith_reader_done(&r));
}

static void a_reader_takes_exactly_what_is_there(void **state)
{
	(void)state;
	const uint8_t buf[4] = { 1, 2, 3, 4 };
	for (size_t have = 0; have <= sizeof buf; have++) {
		for (size_t want = 0; want <= sizeof buf + 1; want++) {
			struct kith_reader r = kith_reader_of_span(test_span(buf, have));
			struct kith_span s = kith_read_span(&r, want);
			assert_int_equal(r.bad, want > have);
			assert_int_equal(s.len, want > have ? 0 : want);
			assert_int_equal(kith_reader_done(&r), want == have);
		}
	}
	struct kith_reader r = kith_reader_of(buf, sizeof buf);
	assert_null(kith_read(&r, SIZE_MAX));
	assert_true(r.bad);
}

static void a_writer_past_its_end_is_bad_for_good_and_writes_nothing_more(void **state)
{
	(void)state;
	uint8_t buf[4] = { 9, 9, 9, 9 };
	struct kith_writer w = kith_writer_of(buf, 3);
	kith_write_u16(&w, 0x0102);
	kith_write_u16(&w, 0x0304);
	assert_true(w.bad);
	assert_int_equal(kith_writer_space(&w), 0);
	kith_write_u8(&w, 5);
	kith_write_zeros(&w, 1);
	kith_write_bytes(&w, (const uint8_t *)"x", 1);
	assert_null(kith_write(&w, 0 + 1));
	assert_int_equal(kith_writer_len(&w), 2);
	assert_memory_equal(buf, "\x01\x02\x09\x09", 4);
}

static void a_writer_can_be_filled_to_its_last_byte(void **state)
{
	(void)state;
	uint8_t buf[8];
	struct kith_writer w = kith_writer_of(buf, sizeof buf);
	kith_write_u64(&w, UINT64_MAX);
	kith_write_span(&w, test_span(NULL, 0));
	assert_false(w.bad);
	assert_int_equal(kith_writer_space(&w), 0);
	assert_null(kith_write(&w, SIZE_MAX));
	assert_true(w.bad);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read_back_in_network_order),
		cmocka_unit_test(a_reader_past_its_end_is_bad_for_good_and_gives_zeros),
		cmocka_unit_test(a_reader_takes_exactly_what_is_there),
		cmocka_unit_test(a_writer_past_its_end_is_bad_for_good_and_writes_nothing_more),
		cmocka_unit_test(a_writer_can_be_filled_to_its_last_byte),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
