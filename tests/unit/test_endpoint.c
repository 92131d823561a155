/* An address and what it speaks, there and back; what a later version says is skipped and breaks nothing. */
#include "support.h"

#include "wire/endpoint.h"

static struct kith_endpoint endpoint(const char *addr, unsigned kind)
{
	struct kith_endpoint e = { .kind = (uint8_t)kind };
	assert_int_equal(kith_addr_parse(&e.addr, addr), 0);
	return e;
}

static size_t write_list(uint8_t *out, size_t cap, const struct kith_endpoint list[], uint8_t n)
{
	struct kith_writer w = kith_writer_of(out, cap);
	kith_endpoints_write(&w, list, n, 4);
	return w.bad ? 0 : kith_writer_len(&w);
}

static void an_endpoint_survives_the_wire(void **state)
{
	static const uint8_t kinds[] = { KITH_TRANSPORT_UDP, KITH_TRANSPORT_TCP, KITH_TRANSPORT_TLS,
					 KITH_TRANSPORT_PRIVATE, 255 };
	static const char *const addrs[] = { "20.1.2.3:4567", "[2001:db8::1]:443" };
	uint8_t buf[KITH_ENDPOINT_LEN_MAX];
	(void)state;
	for (size_t i = 0; i < sizeof kinds; i++) {
		for (size_t k = 0; k < 2; k++) {
			struct kith_endpoint in = endpoint(addrs[k], kinds[i]), out;
			struct kith_writer w = kith_writer_of(buf, sizeof buf);
			kith_endpoint_write(&w, &in);
			assert_int_equal(kith_writer_len(&w), k == 0 ? 9 : KITH_ENDPOINT_LEN_MAX);
			for (size_t cut = 0; cut < kith_writer_len(&w); cut++) {
				struct kith_reader r = kith_reader_of(buf, cut);
				assert_false(kith_endpoint_read(&r, &out));
				assert_true(r.bad);
			}
			struct kith_reader r = kith_reader_of(buf, kith_writer_len(&w));
			assert_true(kith_endpoint_read(&r, &out));
			assert_true(kith_reader_done(&r) && kith_endpoint_equal(&in, &out));
		}
	}
}

static void what_is_not_known_is_skipped_by_its_length(void **state)
{
	uint8_t buf[64] = { 0 };
	struct kith_endpoint good = endpoint("20.1.2.3:4567", KITH_TRANSPORT_UDP), out;
	(void)state;
	for (unsigned kind = 0; kind < 256; kind++) {
		for (uint8_t len = 0; len < 30; len += 7) {
			buf[0] = (uint8_t)kind;
			buf[1] = len;
			memset(buf + 2, 77, len); /* also no family */
			struct kith_writer w = kith_writer_of(buf + 2 + len, sizeof buf - 2u - len);
			kith_endpoint_write(&w, &good);
			struct kith_reader r = kith_reader_of(buf, 2 + len + kith_writer_len(&w));
			assert_false(kith_endpoint_read(&r, &out));
			bool known = kith_endpoint_kind_known((uint8_t)kind);
			assert_int_equal(r.bad, known && len == 0);
			if (r.bad)
				continue;
			assert_true(kith_endpoint_read(&r, &out));
			assert_true(kith_reader_done(&r) && kith_endpoint_equal(&good, &out));
		}
	}
}

static void bytes_behind_the_address_are_for_later(void **state)
{
	uint8_t buf[64];
	struct kith_endpoint in = endpoint("20.1.2.3:443", KITH_TRANSPORT_TLS), out;
	(void)state;
	struct kith_writer w = kith_writer_of(buf, sizeof buf);
	kith_endpoint_write(&w, &in);
	kith_write_bytes(&w, (const uint8_t *)"home.example", 12);
	buf[1] += 12;
	struct kith_reader r = kith_reader_of(buf, kith_writer_len(&w));
	assert_true(kith_endpoint_read(&r, &out));
	assert_true(kith_reader_done(&r) && kith_endpoint_equal(&in, &out));
	buf[1] = 6; /* shorter than an address */
	r = kith_reader_of(buf, kith_writer_len(&w));
	assert_false(kith_endpoint_read(&r, &out));
	assert_true(r.bad);
}

static void a_list_keeps_the_first_that_are_known(void **state)
{
	uint8_t buf[256];
	struct kith_endpoint list[4], out[4];
	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		list[i] = endpoint("20.1.2.3:4000", i < 2 ? KITH_TRANSPORT_UDP : KITH_TRANSPORT_TCP);
		list[i].addr.port = (uint16_t)(4000 + i);
	}
	size_t len = write_list(buf, sizeof buf, list, 4);
	assert_int_equal(len, 1 + 4 * 9);
	struct kith_reader r = kith_reader_of(buf, len);
	assert_int_equal(kith_endpoints_read(&r, out, 4), 4);
	assert_true(kith_reader_done(&r));
	buf[1] = 100; /* the first one is of a later version */
	r = kith_reader_of(buf, len);
	assert_int_equal(kith_endpoints_read(&r, out, 2), 2);
	assert_true(kith_reader_done(&r));
	assert_true(kith_endpoint_equal(&out[0], &list[1]) && kith_endpoint_equal(&out[1], &list[2]));
	for (size_t i = 0; i < 4; i++)
		buf[1 + 9 * i] = 100;
	r = kith_reader_of(buf, len);
	assert_int_equal(kith_endpoints_read(&r, out, 4), 0);
	assert_true(kith_reader_done(&r));
}

static void a_list_is_neither_empty_nor_leads_nowhere(void **state)
{
	uint8_t buf[256] = { 0 };
	struct kith_endpoint list[5], out[4];
	(void)state;
	for (unsigned i = 0; i < 5; i++)
		list[i] = endpoint("20.1.2.3:4000", KITH_TRANSPORT_UDP);
	assert_int_equal(write_list(buf, sizeof buf, list, 0), 0);
	assert_int_equal(write_list(buf, sizeof buf, list, 5), 0);
	size_t len = write_list(buf, sizeof buf, list, 2);
	buf[0] = 0;
	struct kith_reader r = kith_reader_of(buf, 1);
	assert_int_equal(kith_endpoints_read(&r, out, 4), 0);
	assert_true(r.bad);
	buf[0] = 2;
	buf[1 + 9 + 2 + 3] = 224; /* multicast */
	r = kith_reader_of(buf, len);
	assert_int_equal(kith_endpoints_read(&r, out, 4), 0);
	assert_true(r.bad);
	list[1].addr.port = 0;
	assert_int_equal(write_list(buf, sizeof buf, list, 2), 0);
	list[1] = list[0];
	list[1].kind = KITH_TRANSPORT_ICE; /* agents exchange more than an address */
	assert_int_equal(write_list(buf, sizeof buf, list, 2), 0);
}

static void kinds_have_names(void **state)
{
	(void)state;
	assert_string_equal(kith_transport_kind_name(KITH_TRANSPORT_UDP), "udp");
	assert_string_equal(kith_transport_kind_name(KITH_TRANSPORT_ICE), "ice");
	assert_string_equal(kith_transport_kind_name(KITH_TRANSPORT_PRIVATE + 3), "private");
	assert_string_equal(kith_transport_kind_name(0), "none");
	assert_string_equal(kith_transport_kind_name(99), "none");
	assert_string_equal(kith_transport_kind_name(256), "none");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_endpoint_survives_the_wire),
		cmocka_unit_test(what_is_not_known_is_skipped_by_its_length),
		cmocka_unit_test(bytes_behind_the_address_are_for_later),
		cmocka_unit_test(a_list_keeps_the_first_that_are_known),
		cmocka_unit_test(a_list_is_neither_empty_nor_leads_nowhere),
		cmocka_unit_test(kinds_have_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
