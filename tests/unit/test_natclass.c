/* A class of NAT, there and back: on the wire, in text, and from a version that knows more or less. */
#include "support.h"

#include "path/natclass.h"

static const struct kith_natclass hard = { .mapping = KITH_NATCLASS_MAPPING_PORT,
					   .filtering = KITH_NATCLASS_FILTERING_ADDRESS,
					   .allocation = KITH_NATCLASS_ALLOCATION_STEP,
					   .hairpin = KITH_NATCLASS_HAIRPIN_NO,
					   .hops = 3,
					   .step = 2,
					   .port_low = 1024,
					   .port_high = 2047,
					   .lifetime_s = 300 };

static size_t write(uint8_t out[1 + KITH_NATCLASS_LEN], const struct kith_natclass *c)
{
	struct kith_writer w = kith_writer_of(out, 1 + KITH_NATCLASS_LEN);
	kith_natclass_write(&w, c);
	assert_false(w.bad);
	return kith_writer_len(&w);
}

static void a_class_survives_the_wire_and_what_is_unknown_costs_nothing(void **state)
{
	uint8_t buf[1 + KITH_NATCLASS_LEN];
	struct kith_natclass c = hard, out;
	(void)state;
	assert_int_equal(write(buf, &c), 1 + KITH_NATCLASS_LEN);
	assert_memory_equal(buf, "\x0d\x04\x02\x02\x01\x03\x00\x02\x04\x00\x07\xff\x01\x2c", 14);
	struct kith_reader r = kith_reader_of(buf, sizeof buf);
	kith_natclass_read(&r, &out);
	assert_true(kith_reader_done(&r) && kith_natclass_equal(&c, &out));
	c.step = c.port_low = c.port_high = c.lifetime_s = 0;
	assert_int_equal(write(buf, &c), 1 + 5);
	memset(&c, 0, sizeof c);
	assert_int_equal(write(buf, &c), 1);
	r = kith_reader_of(buf, 1);
	kith_natclass_read(&r, &out);
	assert_true(kith_reader_done(&r) && kith_natclass_equal(&c, &out));
	assert_false(kith_natclass_equal(&hard, &out));
}

static void each_field_that_people_ask_for_has_a_word(void **state)
{
	static const struct kith_natclass unknown, odd = { .mapping = 99, .allocation = 99 };
	(void)state;
	assert_string_equal(kith_natclass_mapping_text(&hard), "port");
	assert_string_equal(kith_natclass_allocation_text(&hard), "step");
	assert_string_equal(kith_natclass_mapping_text(&unknown), "unknown");
	assert_string_equal(kith_natclass_allocation_text(&odd), "unknown");
}

static void a_version_that_knows_less_says_less_and_one_that_knows_more_is_understood(void **state)
{
	uint8_t buf[40];
	struct kith_natclass c = hard, out;
	(void)state;
	memset(buf, 99, sizeof buf);
	(void)write(buf, &c);
	for (uint8_t len = 0; len <= KITH_NATCLASS_LEN; len++) {
		buf[0] = len; /* ends before, after, or within a field */
		struct kith_reader r = kith_reader_of(buf, 1u + len);
		kith_natclass_read(&r, &out);
		assert_true(kith_reader_done(&r));
		assert_int_equal(out.mapping, len > 0 ? hard.mapping : 0);
		assert_int_equal(out.step, len > 6 ? hard.step : 0);
		assert_int_equal(out.lifetime_s, len > 12 ? hard.lifetime_s : 0);
	}
	buf[0] = sizeof buf - 1;
	struct kith_reader r = kith_reader_of(buf, sizeof buf);
	kith_natclass_read(&r, &out);
	assert_true(kith_reader_done(&r) && kith_natclass_equal(&hard, &out));
	buf[1] = KITH_NATCLASS_MAPPINGS; /* the first that is not known */
	r = kith_reader_of(buf, sizeof buf);
	kith_natclass_read(&r, &out);
	assert_int_equal(out.mapping, KITH_NATCLASS_MAPPING_UNKNOWN);
	assert_int_equal(out.filtering, hard.filtering);
	r = kith_reader_of(buf, sizeof buf - 1);
	kith_natclass_read(&r, &out);
	assert_true(r.bad);
}

static void text_comes_back(void **state)
{
	char text[KITH_NATCLASS_TEXT_MAX];
	struct kith_natclass out, longest = { 3, 3, 2, 2, 255, 0, 65535, 65535, 65535, 65535 }, none = { 0 };
	(void)state;
	assert_string_equal(
		kith_natclass_format(&hard, text),
		"mapping=port filtering=address allocation=step hairpin=no hops=3 step=2 low=1024 high=2047 "
		"lifetime=300");
	assert_int_equal(kith_natclass_parse(&out, text), 0);
	assert_true(kith_natclass_equal(&hard, &out));
	assert_string_equal(kith_natclass_format(&none, text), "unknown");
	assert_int_equal(kith_natclass_parse(&out, text), 0);
	assert_true(kith_natclass_equal(&none, &out));
	longest.mapping = KITH_NATCLASS_MAPPING_INDEPENDENT;
	longest.allocation = KITH_NATCLASS_ALLOCATION_PRESERVED;
	assert_int_equal(kith_natclass_parse(&out, kith_natclass_format(&longest, text)), 0);
	assert_true(kith_natclass_equal(&longest, &out));
	assert_int_equal(kith_natclass_parse(&out, "hops=2 mapping=none"), 0); /* in any order */
	assert_int_equal(out.hops, 2);
	assert_int_equal(out.mapping, KITH_NATCLASS_MAPPING_NONE);
}

static void text_that_says_nothing_or_too_much_is_refused(void **state)
{
	static const char *const bad[] = {
		"",	    "mapping",	     "mapping=",    "mapping=odd", "mapping=unknown",
		"hops=256", "hops=-1",	     "hops=0",	    "step=65536",  "step=99999999999",
		"hops=1 ",  "hops=1 hops=2", "hops=1  low", "=1",	   "unknown hops=1"
	};
	struct kith_natclass out = hard;
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(kith_natclass_parse(&out, bad[i]), KITH_EINVAL);
	assert_int_equal(kith_natclass_parse(&out, NULL), KITH_EINVAL);
	assert_true(kith_natclass_equal(&hard, &out)); /* as it was */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_class_survives_the_wire_and_what_is_unknown_costs_nothing),
		cmocka_unit_test(each_field_that_people_ask_for_has_a_word),
		cmocka_unit_test(a_version_that_knows_less_says_less_and_one_that_knows_more_is_understood),
		cmocka_unit_test(text_comes_back),
		cmocka_unit_test(text_that_says_nothing_or_too_much_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
