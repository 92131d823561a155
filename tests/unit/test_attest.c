#include "overlay_world.h"

#include "wire/attest.h"

static struct ow w;
static struct ow_node alice, haven, harbour;

static int setup(void **state)
{
	(void)state;
	ow_init(&w, kith_suite_sodium());
	ow_node_flags(&w, &alice, 1, 0);
	ow_node(&w, &haven, 10);
	ow_node(&w, &harbour, 11);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	ow_deinit(&w);
	return 0;
}

static struct kith_attest usual(void)
{
	struct kith_attest a = { .endpoint = kith_endpoint_udp(&alice.addr),
				 .up = 1250000,
				 .down = 6250000,
				 .first_seen_s = OW_NOW_MS / 1000 - 86400 * 9,
				 .availability = 240,
				 .at_s = OW_NOW_MS / 1000,
				 .hours = KITH_ATTEST_HOURS_MAX };
	kith_home_tag(w.suite, a.candidate, &alice.device.sign.pk);
	memset(a.witness, 7, sizeof a.witness);
	return a;
}

static struct kith_span made_of(uint8_t *buf, const struct kith_attest *a)
{
	int len = kith_attest_make(w.suite, buf, a, haven.device.sign.sk);
	assert_true(len > 0);
	return test_span(buf, (size_t)len);
}

static struct kith_endpoint in_v6(void)
{
	const struct kith_addr addr = { .family = KITH_FAMILY_V6, .port = 4500, .ip = { 0x2a, 1, 2, 3, 4 } };
	return kith_endpoint_udp(&addr);
}

static void an_attestation_comes_back_as_it_was_made(void **state)
{
	(void)state;
	uint8_t buf[KITH_ATTEST_LEN_MAX];
	for (int v6 = 0; v6 < 2; v6++) {
		struct kith_attest a = usual(), back;
		if (v6)
			a.endpoint = in_v6();
		struct kith_span bytes = made_of(buf, &a);
		assert_int_equal(bytes.len, v6 ? KITH_ATTEST_LEN_MAX : 128);
		assert_int_equal(kith_attest_parse(&back, bytes), 0);
		assert_memory_equal(back.candidate, a.candidate, sizeof a.candidate);
		assert_memory_equal(back.witness, a.witness, sizeof a.witness);
		assert_true(kith_endpoint_equal(&back.endpoint, &a.endpoint));
		assert_int_equal(back.up, a.up);
		assert_int_equal(back.down, a.down);
		assert_int_equal(back.first_seen_s, a.first_seen_s);
		assert_int_equal(back.availability, a.availability);
		assert_int_equal(back.at_s, a.at_s);
		assert_int_equal(back.hours, a.hours);
		assert_int_equal(kith_attest_verify(&back, w.suite, &haven.device.sign.pk), 0);
		assert_int_equal(kith_attest_verify(&back, w.suite, &harbour.device.sign.pk), KITH_ESIGNATURE);
	}
}

static void no_prefix_no_extension_and_no_flipped_bit_is_one(void **state)
{
	(void)state;
	uint8_t buf[KITH_ATTEST_LEN_MAX + 1];
	struct kith_attest a = usual(), back;
	struct kith_span bytes = made_of(buf, &a);
	for (size_t len = 0; len < bytes.len; len++) {
		uint8_t *exact = malloc(len + 1);
		memcpy(exact, buf, len);
		assert_int_not_equal(kith_attest_parse(&back, test_span(exact, len)), 0);
		free(exact);
	}
	buf[bytes.len] = 0;
	assert_int_not_equal(kith_attest_parse(&back, test_span(buf, bytes.len + 1)), 0);
	for (size_t i = 0; i < bytes.len; i++) {
		buf[i] ^= (uint8_t)(1u << (i % 8));
		assert_true(kith_attest_parse(&back, bytes) != 0 ||
			    kith_attest_verify(&back, w.suite, &haven.device.sign.pk) != 0);
		buf[i] ^= (uint8_t)(1u << (i % 8));
	}
}

static void what_is_out_of_bounds_is_not_made(void **state)
{
	(void)state;
	uint8_t buf[KITH_ATTEST_LEN_MAX];
	struct kith_attest a = usual();
	a.hours = KITH_ATTEST_HOURS_MAX + 1;
	assert_int_equal(kith_attest_make(w.suite, buf, &a, haven.device.sign.sk), KITH_EINVAL);
	a.hours = 0;
	assert_int_equal(kith_attest_make(w.suite, buf, &a, haven.device.sign.sk), KITH_EINVAL);
	a = usual();
	a.first_seen_s = a.at_s + 1; /* seen before it was there */
	assert_int_equal(kith_attest_make(w.suite, buf, &a, haven.device.sign.sk), KITH_EINVAL);
	a = usual();
	a.endpoint.kind = KITH_TRANSPORT_TCP; /* not what a dial-back speaks */
	assert_int_equal(kith_attest_make(w.suite, buf, &a, haven.device.sign.sk), KITH_EINVAL);
	a = usual();
	a.endpoint.addr.port = 0;
	assert_int_equal(kith_attest_make(w.suite, buf, &a, haven.device.sign.sk), KITH_EINVAL);
	a = usual();
	a.first_seen_s = -1;
	assert_int_equal(kith_attest_make(w.suite, buf, &a, haven.device.sign.sk), KITH_EINVAL);
}

/* A day and an hour, and the tolerance of clocks on either side. */
static void it_holds_for_its_hours(void **state)
{
	(void)state;
	const int64_t hour_ms = 3600 * 1000;
	uint8_t buf[KITH_ATTEST_LEN_MAX];
	struct kith_attest a = usual(), back;
	struct kith_now now = w.now;
	assert_int_equal(kith_attest_parse(&back, made_of(buf, &a)), 0);
	assert_int_equal(kith_attest_until_ms(&back), OW_NOW_MS + 25 * hour_ms);
	assert_int_equal(kith_attest_in_time(&back, &now), 0);
	now.unix_ms = OW_NOW_MS + 25 * hour_ms + KITH_CLOCK_TOLERANCE_MS;
	assert_int_equal(kith_attest_in_time(&back, &now), 0);
	now.unix_ms++;
	assert_int_equal(kith_attest_in_time(&back, &now), KITH_EEXPIRED);
	now.unix_ms = OW_NOW_MS - KITH_CLOCK_TOLERANCE_MS;
	assert_int_equal(kith_attest_in_time(&back, &now), 0);
	now.unix_ms--;
	assert_int_equal(kith_attest_in_time(&back, &now), KITH_ENOTYET);
	now.unix_trusted = false;
	assert_int_equal(kith_attest_in_time(&back, &now), 0);
}

static void a_list_has_five_at_most_and_nothing_else(void **state)
{
	(void)state;
	uint8_t buf[KITH_ATTEST_LEN_MAX], list[KITH_ATTESTS_LEN_MAX + KITH_ATTEST_LEN_MAX + 1];
	struct kith_attest a = usual(), back[KITH_ATTESTS_MAX];
	a.endpoint = in_v6();
	struct kith_span one = made_of(buf, &a), all[KITH_ATTESTS_MAX] = { one, one, one, one, one };
	for (size_t n = 0; n <= KITH_ATTESTS_MAX; n++) {
		size_t len = kith_attests_write(list, all, n);
		assert_int_equal(len, n * (1 + one.len));
		assert_int_equal(kith_attests_read(back, test_span(list, len)), n);
		if (n > 0)
			assert_int_equal(kith_attests_read(back, test_span(list, len - 1)), KITH_EPROTO);
	}
	list[KITH_ATTESTS_LEN_MAX] = (uint8_t)one.len;
	memcpy(list + KITH_ATTESTS_LEN_MAX + 1, one.p, one.len);
	assert_int_equal(kith_attests_read(back, test_span(list, sizeof list)), KITH_EPROTO);
	list[0] = 0;
	assert_int_equal(kith_attests_read(back, test_span(list, 1)), KITH_EPROTO);
}

/* What the lengths are for: a usual entry has room for three, in IPv6 as well. */
static void three_fit_in_an_entry_beside_a_usual_chain(void **state)
{
	(void)state;
	uint8_t buf[KITH_ATTEST_LEN_MAX], list[KITH_ATTESTS_LEN_MAX], entry[KITH_MEMBER_LEN_MAX];
	struct kith_attest a = usual();
	a.endpoint = in_v6();
	struct kith_span one = made_of(buf, &a), all[KITH_ATTESTS_NEEDED] = { one, one, one };
	struct kith_member_entry e = ow_entry_of(&w, &alice);
	e.endpoints[0] = in_v6();
	e.attest = test_span(list, kith_attests_write(list, all, KITH_ATTESTS_NEEDED));
	assert_true(kith_member_make(w.suite, entry, &e, alice.device.sign.sk) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_attestation_comes_back_as_it_was_made, setup, teardown),
		cmocka_unit_test_setup_teardown(no_prefix_no_extension_and_no_flipped_bit_is_one, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_out_of_bounds_is_not_made, setup, teardown),
		cmocka_unit_test_setup_teardown(it_holds_for_its_hours, setup, teardown),
		cmocka_unit_test_setup_teardown(a_list_has_five_at_most_and_nothing_else, setup, teardown),
		cmocka_unit_test_setup_teardown(three_fit_in_an_entry_beside_a_usual_chain, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
