/* Forms of bodies that are told apart, or refused. */
#include "support.h"

#include "message_cases.h"

static void no_body_an_empty_map_and_no_bytes_are_three_things(void **state)
{
	(void)state;
	static struct message m;
	for (int kind = 0; kind < MESSAGE_KINDS_N; kind++) {
		static const uint8_t empty[] = { 0x80 };
		bool mandatory = kind == MESSAGE_help || kind == MESSAGE_find || kind == MESSAGE_introduce ||
				 kind == MESSAGE_tunnel_close || kind == MESSAGE_rekey || kind == MESSAGE_rekeyed ||
				 kind == MESSAGE_witness || kind == MESSAGE_attested || kind == MESSAGE_knock ||
				 kind == MESSAGE_nominated || kind == MESSAGE_elected || kind == MESSAGE_list ||
				 kind == MESSAGE_editions || kind == MESSAGE_follow || kind == MESSAGE_admit ||
				 kind == MESSAGE_early || kind == MESSAGE_echo || kind == MESSAGE_echoed;
		assert_int_equal(message_read(&m, (enum message_kind)kind, (struct kith_span){ NULL, 0 }), KITH_EPROTO);
		assert_int_equal(message_read(&m, (enum message_kind)kind, (struct kith_span){ empty, 1 }),
				 mandatory ? KITH_EPROTO : 0);
	}
	static const uint8_t no_bytes[] = { 0x81, 0x00, 0xc4, 0x00 }, no_record[] = { 0x81, 0x01, 0xc3 };
	assert_int_equal(message_read(&m, MESSAGE_attach, (struct kith_span){ no_bytes, sizeof no_bytes }), 0);
	assert_non_null(m.as.attach.record.p);
	assert_int_equal(m.as.attach.record.len, 0);
	assert_int_equal(message_read(&m, MESSAGE_attach, (struct kith_span){ no_record, sizeof no_record }), 0);
	assert_null(m.as.attach.record.p);
}

static void a_word_about_callers_is_about_something_and_whole(void **state)
{
	static const struct {
		const char *hex, *why;
	} rows[] = {
		{ "80", "nothing" },
		{ "8200000102", "tunnel 0" },
		{ "810005", "a tunnel, and no wish" },
		{ "8200050103", "a fourth wish" },
		{ "8102c403010203", "part of a caller" },
	};
	static struct message m;
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		uint8_t body[64];
		size_t len = test_hex(body, sizeof body, rows[i].hex);
		if (message_read(&m, MESSAGE_admit, (struct kith_span){ body, len }) != KITH_EPROTO)
			fail_msg("%s", rows[i].why);
	}
}

static void of_nobody_named_none_but_these_means_nothing(void **state)
{
	static const uint8_t body[] = { 0x83, 0x00, 0x05, 0x01, 0x02, 0x03, 0xc3 };
	static struct message m;
	(void)state;
	assert_int_equal(message_read(&m, MESSAGE_admit, (struct kith_span){ body, sizeof body }), 0);
	assert_int_equal(m.as.admit.tunnel, 5);
	assert_false(m.as.admit.has_who);
	assert_false(m.as.admit.only);
}

static void a_tunnel_is_chained_once_at_most(void **state)
{
	static struct message m, back;
	uint8_t body[256];
	(void)state;
	memset(&m, 0, sizeof m);
	m.as.introduce.chained = true;
	memset(&m.as.introduce.via, 4, sizeof m.as.introduce.via);
	size_t len = kith_msg_introduce_write(body, sizeof body, &m.as.introduce);
	assert_int_equal(message_read(&back, MESSAGE_introduce, (struct kith_span){ body, len }), 0);
	assert_true(back.as.introduce.chained && !back.as.introduce.second);
	assert_true(kith_key_equal(&back.as.introduce.via, &m.as.introduce.via));
	m.as.introduce.second = true;
	m.as.introduce.leg = 9;
	memset(&m.as.introduce.caller, 5, sizeof m.as.introduce.caller);
	len = kith_msg_introduce_write(body, sizeof body, &m.as.introduce);
	assert_int_equal(message_read(&back, MESSAGE_introduce, (struct kith_span){ body, len }), KITH_EPROTO);
	m.as.introduce.chained = false;
	len = kith_msg_introduce_write(body, sizeof body, &m.as.introduce);
	assert_int_equal(message_read(&back, MESSAGE_introduce, (struct kith_span){ body, len }), 0);
	assert_true(back.as.introduce.second && back.as.introduce.leg == 9);
	assert_true(kith_key_equal(&back.as.introduce.caller, &m.as.introduce.caller));
	m.as.introduce.leg = 0;
	len = kith_msg_introduce_write(body, sizeof body, &m.as.introduce);
	assert_int_equal(message_read(&back, MESSAGE_introduce, (struct kith_span){ body, len }), KITH_EPROTO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_body_an_empty_map_and_no_bytes_are_three_things),
		cmocka_unit_test(of_nobody_named_none_but_these_means_nothing),
		cmocka_unit_test(a_tunnel_is_chained_once_at_most),
		cmocka_unit_test(a_word_about_callers_is_about_something_and_whole),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
