/* Outer headers: what is written is read back, and nothing else is taken for one. */
#include "support.h"

#include "wire/packet.h"

static void a_handshake_header_reads_back_as_it_was_written(void **state)
{
	uint8_t p[256];
	struct kith_hs_header hs;
	(void)state;
	memset(p, 0xaa, sizeof p);
	kith_hs_write(p, KITH_PKT_HELLO, 0x01020304, 0);
	assert_true(kith_hs_parse(&hs, test_span(p, 100)));
	assert_int_equal(hs.type, KITH_PKT_HELLO);
	assert_int_equal(hs.version, KITH_WIRE_VERSION);
	assert_int_equal(hs.sender, 0x01020304);
	assert_int_equal(hs.receiver, 0);
	assert_int_equal(hs.noise.len, 100 - KITH_HS_HEADER - KITH_HS_TRAILER);
	assert_ptr_equal(hs.noise.p, p + KITH_HS_HEADER);
	assert_ptr_equal(hs.mac1, p + 100 - 32);
	assert_ptr_equal(hs.mac2, p + 100 - 16);
	assert_int_equal(hs.authed.len, 100 - 32);
	assert_int_equal(hs.authed2.len, 100 - 16);

	kith_hs_write(p, KITH_PKT_REPLY, 5, 6);
	assert_true(kith_hs_parse(&hs, test_span(p, 100)));
	assert_int_equal(hs.receiver, 6);
	assert_int_equal(hs.noise.len, 100 - KITH_HS_HEADER);
	assert_null(hs.mac1);
}

static void headers_of_data_and_tunnels_read_back_as_they_were_written(void **state)
{
	uint8_t p[256];
	struct kith_data_header data;
	uint64_t tunnel;
	struct kith_span inner;
	(void)state;
	memset(p, 0xaa, sizeof p);
	const struct kith_data_mark mark = { .counter = UINT64_C(0x030405060708), .epoch = 7, .way = 15 };
	kith_data_write(p, &mark, UINT64_C(0xfffefdfcfbfaf9f8));
	assert_true(kith_data_parse(&data, test_span(p, 64)));
	struct kith_data_mark read = kith_data_mark_read(data.hidden);
	assert_int_equal(read.epoch, 7);
	assert_int_equal(read.way, 15);
	assert_int_equal(read.counter, UINT64_C(0x030405060708));
	assert_int_equal(data.name, UINT64_C(0xfffefdfcfbfaf9f8));
	assert_int_equal(data.sealed.len, 64 - KITH_TRANSPORT_HEADER);

	kith_tunnel_write(p, UINT64_MAX);
	assert_true(kith_tunnel_parse(&tunnel, &inner, test_span(p, 20)));
	assert_int_equal(tunnel, UINT64_MAX);
	assert_int_equal(inner.len, 8);
}

static void a_cookie_reads_back_as_it_was_written(void **state)
{
	uint8_t p[256], nonce[24], sealed[KITH_COOKIE_SEALED_LEN];
	const uint8_t *n, *s;
	uint32_t receiver;
	bool anew;
	(void)state;
	memset(nonce, 1, sizeof nonce);
	memset(sealed, 2, sizeof sealed);
	kith_cookie_write(p, 10, false, nonce, sealed);
	assert_true(kith_cookie_parse(&receiver, &anew, &n, &s, test_span(p, KITH_COOKIE_PACKET_LEN)));
	assert_false(anew);
	kith_cookie_write(p, 10, true, nonce, sealed);
	assert_true(kith_cookie_parse(&receiver, &anew, &n, &s, test_span(p, KITH_COOKIE_PACKET_LEN)));
	assert_true(anew);
	assert_int_equal(receiver, 10);
	assert_memory_equal(n, nonce, 24);
	assert_memory_equal(s, sealed, sizeof sealed);
}

static void a_version_packet_says_which_are_spoken(void **state)
{
	static const uint8_t want[] = { 0xe5, KITH_WIRE_VERSION, KITH_WIRE_VERSION, 0, 1, 2, 3, 4, 0, 0, 0, 0 };
	uint8_t p[KITH_VERSION_PACKET_LEN];
	(void)state;
	assert_int_equal(sizeof p, sizeof want);
	kith_version_write(p, 0x01020304, KITH_WHY_VERSION);
	assert_memory_equal(p, want, sizeof want);
}

static void a_version_packet_says_why(void **state)
{
	uint8_t p[KITH_VERSION_PACKET_LEN], why;
	uint32_t receiver;
	bool spoken;
	(void)state;
	kith_version_write(p, 0x01020304, KITH_WHY_FULL);
	assert_true(kith_version_parse(&receiver, &spoken, &why, test_span(p, sizeof p)));
	assert_int_equal(receiver, 0x01020304);
	assert_true(spoken);
	assert_int_equal(why, KITH_WHY_FULL);
	for (size_t len = 0; len < sizeof p; len++)
		assert_false(kith_version_parse(&receiver, &spoken, &why, test_span(p, len)));
	static const uint8_t zero[] = { 3, 9, 10, 11 };
	for (size_t i = 0; i < sizeof zero; i++) {
		p[zero[i]] = 1;
		assert_false(kith_version_parse(&receiver, &spoken, &why, test_span(p, sizeof p)));
		p[zero[i]] = 0;
	}
	p[1] = KITH_WIRE_VERSION + 1;
	p[2] = KITH_WIRE_VERSION + 3;
	assert_true(kith_version_parse(&receiver, &spoken, &why, test_span(p, sizeof p)));
	assert_false(spoken);
	p[2] = KITH_WIRE_VERSION; /* the lowest is above the highest */
	assert_false(kith_version_parse(&receiver, &spoken, &why, test_span(p, sizeof p)));
}

/* Each length below the least of its kind is no packet of that kind. */
static void a_packet_that_is_too_short_has_no_type(void **state)
{
	static const struct {
		uint8_t type;
		size_t least;
	} kinds[] = {
		{ KITH_PKT_HELLO, KITH_HS_HEADER + KITH_HS_TRAILER },
		{ KITH_PKT_REPLY, KITH_HS_HEADER },
		{ KITH_PKT_WHO, KITH_HS_HEADER + KITH_MAC_LEN },
		{ KITH_PKT_IAM, KITH_HS_HEADER },
		{ KITH_PKT_COOKIE, KITH_COOKIE_PACKET_LEN },
		{ KITH_PKT_VERSION, KITH_VERSION_PACKET_LEN },
		{ KITH_PKT_DATA, KITH_TRANSPORT_HEADER + 16 },
		{ KITH_PKT_TUNNEL, KITH_TUNNEL_HEADER + 1 },
		{ KITH_PKT_GONE, KITH_GONE_PACKET_LEN },
		{ KITH_PKT_BUSY, KITH_BUSY_PACKET_LEAST },
		{ KITH_PKT_KNOCK, KITH_KNOCK_PACKET_LEN },
		{ KITH_PKT_ECHO, KITH_ECHO_PACKET_LEN },
	};
	uint8_t p[128] = { 0 };
	(void)state;
	for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
		p[0] = kinds[k].type;
		for (size_t len = 0; len < sizeof p; len++)
			assert_int_equal(kith_packet_type(test_span(p, len)),
					 len >= kinds[k].least ? kinds[k].type : 0);
	}
}

static void every_other_first_byte_has_no_type(void **state)
{
	uint8_t p[1200] = { 0 };
	int known = 0;
	(void)state;
	for (unsigned b = 0; b < 256; b++) {
		p[0] = (uint8_t)b;
		known += kith_packet_type(test_span(p, sizeof p)) != 0;
	}
	assert_int_equal(known, 14);
	for (unsigned b = 0; b < 4; b++) { /* STUN's */
		p[0] = (uint8_t)b;
		assert_int_equal(kith_packet_type(test_span(p, sizeof p)), 0);
	}
}

/* Later versions may have more purposes: what is not known says nothing. */
static void the_purpose_of_a_first_message_is_read_without_a_key(void **state)
{
	uint8_t p[128] = { 0 };
	struct kith_hs_header hs;
	(void)state;
	for (unsigned purpose = 0; purpose < 256; purpose++) {
		kith_hs_write(p, KITH_PKT_HELLO, 1, 0);
		p[3] = (uint8_t)purpose;
		assert_true(kith_hs_parse(&hs, test_span(p, 100)));
		assert_int_equal(hs.purpose,
				 purpose == KITH_PURPOSE_ATTACH ? KITH_PURPOSE_ATTACH : KITH_PURPOSE_UNSAID);
	}
}

static void reserved_bits_must_be_zero(void **state)
{
	uint8_t p[128];
	struct kith_hs_header hs;
	uint64_t tunnel;
	struct kith_span inner;
	uint32_t receiver;
	static const uint8_t zero[KITH_COOKIE_SEALED_LEN];
	bool anew;
	const uint8_t *n, *s;
	(void)state;
	memset(p, 0, sizeof p);
	kith_hs_write(p, KITH_PKT_REPLY, 1, 0);
	p[3] = 1;
	assert_false(kith_hs_parse(&hs, test_span(p, 100)));
	for (int i = 2; i < 12; i++) {
		struct kith_who who;
		struct kith_span chain;
		kith_hs_write(p, KITH_PKT_HELLO, 0, 0);
		p[i] = 1;
		assert_int_equal(kith_hs_parse(&hs, test_span(p, 100)), i >= 3); /* byte 3 is its purpose */
		kith_hs_write(p, KITH_PKT_WHO, 0, 0);
		p[i] = 1;
		assert_int_equal(kith_who_parse(&who, test_span(p, 100)), i >= 4 && i < 8);
		kith_hs_write(p, KITH_PKT_IAM, 0, 0);
		p[i] = 1;
		assert_int_equal(kith_iam_parse(&receiver, &chain, test_span(p, 100)), i >= 8);
	}
	for (int i = 1; i < 4; i++) {
		kith_tunnel_write(p, 5);
		p[i] = 1;
		assert_false(kith_tunnel_parse(&tunnel, &inner, test_span(p, 100)));
	}
	for (int i = 0; i < 4; i++) {
		uint64_t name, number;
		kith_knock_write(p, 5, 6);
		assert_true(kith_knock_parse(&name, &number, test_span(p, KITH_KNOCK_PACKET_LEN)));
		assert_int_equal(name, 5);
		assert_int_equal(number, 6);
		assert_false(kith_knock_parse(&name, &number, test_span(p, KITH_KNOCK_PACKET_LEN + 1)));
		p[i]++;
		assert_false(kith_knock_parse(&name, &number, test_span(p, KITH_KNOCK_PACKET_LEN)));
	}
	kith_tunnel_write(p, 0);
	assert_false(kith_tunnel_parse(&tunnel, &inner, test_span(p, 100)));
	kith_cookie_write(p, 1, false, zero, zero);
	p[2] = 1;
	assert_false(kith_cookie_parse(&receiver, &anew, &n, &s, test_span(p, KITH_COOKIE_PACKET_LEN)));
}

static void an_echo_says_where_it_goes_in_a_way_that_no_nat_finds(void **state)
{
	uint8_t p[KITH_ECHO_PAID_LEN + 1] = { 0 };
	const struct kith_addr v4 = { .family = KITH_FAMILY_V4, .port = 4711, .ip = { 20, 1, 2, 3 } };
	const struct kith_addr v6 = { .family = KITH_FAMILY_V6, .port = 4711, .ip = { 0x2a, 1, [15] = 9 } };
	const struct kith_echo echoes[] = {
		{ .what = KITH_ECHO_AT_ONCE, .number = 5 },
		{ .what = KITH_ECHO_OTHER, .number = UINT64_MAX, .paid = true },
		{ .what = KITH_ECHO_DELAYS_MAX, .number = UINT64_C(0x1122334455667788), .seen = v4 },
		{ .what = KITH_ECHO_PORT, .number = UINT64_C(0x1122334455667788), .seen = v6 },
	};
	(void)state;
	for (size_t i = 0; i < sizeof echoes / sizeof echoes[0]; i++) {
		const struct kith_echo *e = &echoes[i];
		const size_t len = e->paid ? KITH_ECHO_PAID_LEN : KITH_ECHO_PACKET_LEN;
		struct kith_echo got;
		kith_echo_write(p, e);
		assert_true(kith_echo_parse(&got, test_span(p, len)));
		assert_int_equal(got.what, e->what);
		assert_true(got.number == e->number && got.paid == e->paid);
		assert_true(kith_addr_equal(&got.seen, &e->seen));
		assert_true(e->seen.family == KITH_FAMILY_NONE || memcmp(p + 24, e->seen.ip, 4) != 0);
		assert_false(kith_echo_parse(&got, test_span(p, len + 1)));
		assert_false(kith_echo_parse(&got, test_span(p, len - 1)));
	}
	struct kith_echo got;
	kith_echo_write(p, &echoes[1]);
	p[KITH_ECHO_PAID_LEN - 1] = 1; /* what pays is zeros */
	assert_false(kith_echo_parse(&got, test_span(p, KITH_ECHO_PAID_LEN)));
	kith_echo_write(p, &(struct kith_echo){ .number = 0 });
	assert_false(kith_echo_parse(&got, test_span(p, KITH_ECHO_PACKET_LEN)));
}

static void bytes_behind_a_packet_of_fixed_length_are_not_allowed(void **state)
{
	uint8_t p[128] = { 0 };
	uint32_t receiver;
	static const uint8_t zero[KITH_COOKIE_SEALED_LEN];
	bool anew;
	const uint8_t *n, *s;
	(void)state;
	kith_cookie_write(p, 1, false, zero, zero);
	assert_false(kith_cookie_parse(&receiver, &anew, &n, &s, test_span(p, KITH_COOKIE_PACKET_LEN + 1)));
	assert_false(kith_cookie_parse(&receiver, &anew, &n, &s, test_span(p, KITH_COOKIE_PACKET_LEN - 1)));
}

/* So that an answer can name the one who asked, whatever version it spoke. */
static void of_another_version_only_the_indexes_are_read(void **state)
{
	uint8_t p[64] = { 0 };
	struct kith_hs_header hs;
	(void)state;
	kith_hs_write(p, KITH_PKT_HELLO, 77, 0);
	p[1] = KITH_WIRE_VERSION + 1;
	p[2] = 200;
	assert_true(kith_hs_parse(&hs, test_span(p, KITH_HS_HEADER)));
	assert_int_equal(hs.version, KITH_WIRE_VERSION + 1);
	assert_int_equal(hs.sender, 77);
	assert_int_equal(hs.noise.len, 0);
	assert_false(kith_hs_parse(&hs, test_span(p, KITH_HS_HEADER - 1)));
	struct kith_who who;
	p[0] = KITH_PKT_WHO;
	assert_true(kith_who_parse(&who, test_span(p, KITH_WHO_LEN_MIN)));
	assert_int_equal(who.version, KITH_WIRE_VERSION + 1);
	assert_int_equal(who.sender, 77);
	assert_false(kith_who_parse(&who, test_span(p, KITH_WHO_LEN_MIN - 1)));
}

static void a_question_for_certificates_and_its_answer_read_back(void **state)
{
	uint8_t p[64];
	struct kith_who who;
	uint32_t receiver;
	struct kith_span chain;
	(void)state;
	memset(p, 0xaa, sizeof p);
	kith_hs_write(p, KITH_PKT_WHO, 0x01020304, 0);
	assert_true(kith_who_parse(&who, test_span(p, sizeof p)));
	assert_int_equal(who.sender, 0x01020304);
	assert_int_equal(who.authed.len, sizeof p - KITH_MAC_LEN);
	assert_ptr_equal(who.mac1, p + sizeof p - KITH_MAC_LEN);
	kith_hs_write(p, KITH_PKT_IAM, 0, 0x01020304);
	assert_true(kith_iam_parse(&receiver, &chain, test_span(p, sizeof p)));
	assert_int_equal(receiver, 0x01020304);
	assert_ptr_equal(chain.p, p + KITH_HS_HEADER);
	assert_int_equal(chain.len, sizeof p - KITH_HS_HEADER);
	p[1] = KITH_WIRE_VERSION + 1;
	assert_false(kith_iam_parse(&receiver, &chain, test_span(p, sizeof p)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_handshake_header_reads_back_as_it_was_written),
		cmocka_unit_test(headers_of_data_and_tunnels_read_back_as_they_were_written),
		cmocka_unit_test(a_cookie_reads_back_as_it_was_written),
		cmocka_unit_test(a_version_packet_says_which_are_spoken),
		cmocka_unit_test(a_version_packet_says_why),
		cmocka_unit_test(a_packet_that_is_too_short_has_no_type),
		cmocka_unit_test(every_other_first_byte_has_no_type),
		cmocka_unit_test(the_purpose_of_a_first_message_is_read_without_a_key),
		cmocka_unit_test(reserved_bits_must_be_zero),
		cmocka_unit_test(an_echo_says_where_it_goes_in_a_way_that_no_nat_finds),
		cmocka_unit_test(bytes_behind_a_packet_of_fixed_length_are_not_allowed),
		cmocka_unit_test(of_another_version_only_the_indexes_are_read),
		cmocka_unit_test(a_question_for_certificates_and_its_answer_read_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
