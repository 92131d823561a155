/* The STUN server against proper clients (libnice's code), old ones, and such as want to use it against others. */
#include <netinet/in.h>
#include <sys/socket.h>

#include <stun/stunagent.h>
#include <stun/usages/bind.h>

#include "support.h"

#include "host/component.h"
#include "host/sockaddr.h"
#include "host/stun.h"

extern const struct kith_component kith_component_stun; /* linked in */

static const uint64_t seed[2] = { 1, 2 };

struct client {
	StunAgent agent;
	StunMessage request;
	uint8_t buf[512];
	size_t len;
	struct test_alloc alloc;
	struct kith_stun *stun;
	struct kith_addr from;
	uint8_t out[KITH_STUN_ANSWER_MAX];
};

static struct kith_addr addr_of(const char *text)
{
	struct kith_addr addr;
	assert_int_equal(kith_addr_parse(&addr, text), 0);
	return addr;
}

static void client_init_as(struct client *c, StunCompatibility compatibility)
{
	static const uint16_t known[] = { STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS, STUN_ATTRIBUTE_MAPPED_ADDRESS,
					  STUN_ATTRIBUTE_ERROR_CODE, STUN_ATTRIBUTE_UNKNOWN_ATTRIBUTES, 0 };
	memset(c, 0, sizeof *c);
	test_alloc_init(&c->alloc);
	c->stun = kith_stun_new(&c->alloc.alloc, kith_component_stun.table, seed);
	assert_non_null(c->stun);
	c->from = addr_of("203.0.113.9:4242");
	stun_agent_init(&c->agent, known, compatibility, 0);
	c->len = stun_usage_bind_create(&c->agent, &c->request, c->buf, sizeof c->buf);
	assert_true(c->len >= 20);
}

static void client_init(struct client *c)
{
	client_init_as(c, STUN_COMPATIBILITY_RFC5389);
}

static void client_deinit(struct client *c)
{
	kith_stun_free(c->stun);
	test_alloc_check(&c->alloc);
}

static size_t ask(struct client *c, kith_time_us now)
{
	return kith_stun_answer(c->stun, now, c->buf, c->len, &c->from, c->out);
}

/* Appends an attribute of 4 bytes to the request, by hand. */
static void add_attribute(struct client *c, uint16_t type, uint8_t value)
{
	uint8_t *p = c->buf + c->len;
	p[0] = (uint8_t)(type >> 8);
	p[1] = (uint8_t)type;
	p[2] = 0;
	p[3] = 4;
	memset(p + 4, 0, 4);
	p[7] = value;
	c->len += 8;
	c->buf[2] = (uint8_t)((c->len - 20) >> 8);
	c->buf[3] = (uint8_t)(c->len - 20);
}

static void tells_the_address(StunCompatibility compatibility, const char *text, bool change)
{
	bool classic = compatibility == STUN_COMPATIBILITY_RFC3489;
	struct client c;
	StunMessage answer;
	struct sockaddr_storage ss, other;
	socklen_t len = sizeof ss, other_len = sizeof other;
	struct kith_addr got;
	client_init_as(&c, compatibility);
	assert_int_equal(memcmp(c.buf + 4, "\x21\x12\xa4\x42", 4) != 0, classic);
	if (change)
		add_attribute(&c, 0x0003, 0);
	c.from = addr_of(text);
	if (c.from.family == KITH_FAMILY_V6 && !change)
		add_attribute(&c, 0x8022 /* SOFTWARE: as long as its answer needs it */, 0);
	size_t n = ask(&c, 0);
	assert_true(n > 0);
	assert_true(n <= KITH_STUN_GAIN * c.len);
	assert_memory_equal(c.out + 4, c.buf + 4, 16); /* the transaction, of which the cookie is a part or not */
	assert_int_equal(stun_agent_validate(&c.agent, &answer, c.out, n, NULL, NULL), STUN_VALIDATION_SUCCESS);
	assert_int_equal(
		stun_usage_bind_process(&answer, (struct sockaddr *)&ss, &len, (struct sockaddr *)&other, &other_len),
		STUN_USAGE_BIND_RETURN_SUCCESS);
	assert_true(kith_sockaddr_get(&got, (struct sockaddr *)&ss));
	assert_true(kith_addr_equal(&got, &c.from));
	assert_int_equal(stun_message_has_attribute(&answer, STUN_ATTRIBUTE_MAPPED_ADDRESS), classic);
	assert_int_equal(stun_message_has_attribute(&answer, STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS), !classic);
	client_deinit(&c);
}

static void a_client_is_told_its_address(void **state)
{
	(void)state;
	tells_the_address(STUN_COMPATIBILITY_RFC5389, "203.0.113.9:4242", false);
	tells_the_address(STUN_COMPATIBILITY_RFC5389, "[2001:db8::17]:65535", false);
}

/* Of RFC 3489: no magic cookie, and an address that is not masked. */
static void a_classic_client_is_told_its_address(void **state)
{
	(void)state;
	tells_the_address(STUN_COMPATIBILITY_RFC3489, "203.0.113.9:4242", false);
	tells_the_address(STUN_COMPATIBILITY_RFC3489, "[2001:db8::17]:65535", false);
}

static void a_change_request_without_flags_asks_for_no_change(void **state)
{
	(void)state;
	tells_the_address(STUN_COMPATIBILITY_RFC3489, "203.0.113.9:4242", true);
	tells_the_address(STUN_COMPATIBILITY_RFC5389, "[2001:db8::17]:65535", true);
}

static void refuses(StunCompatibility compatibility, uint16_t type, uint8_t value)
{
	struct client c;
	StunMessage answer;
	int code;
	uint16_t len;
	client_init_as(&c, compatibility);
	add_attribute(&c, type, value);
	size_t n = ask(&c, 0);
	assert_true(n > 0);
	assert_true(n <= KITH_STUN_GAIN * c.len);
	assert_int_equal(stun_agent_validate(&c.agent, &answer, c.out, n, NULL, NULL), STUN_VALIDATION_SUCCESS);
	assert_int_equal(stun_message_get_class(&answer), STUN_ERROR);
	assert_int_equal(stun_message_find_error(&answer, &code), STUN_MESSAGE_RETURN_SUCCESS);
	assert_int_equal(code, 420);
	const uint8_t *named = stun_message_find(&answer, STUN_ATTRIBUTE_UNKNOWN_ATTRIBUTES, &len);
	assert_non_null(named);
	assert_true(len >= 2);
	assert_int_equal(named[0] << 8 | named[1], type);
	assert_false(stun_message_has_attribute(&answer, STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS));
	assert_false(stun_message_has_attribute(&answer, STUN_ATTRIBUTE_MAPPED_ADDRESS));
	client_deinit(&c);
}

static void requests_for_others_are_refused(void **state)
{
	static const StunCompatibility kinds[] = { STUN_COMPATIBILITY_RFC5389, STUN_COMPATIBILITY_RFC3489 };
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		for (uint8_t flags = 2; flags <= 6; flags = (uint8_t)(flags + 2))
			refuses(kinds[i], 0x0003 /* CHANGE-REQUEST */, flags);
		refuses(kinds[i], 0x0027 /* RESPONSE-PORT */, 0);
		refuses(kinds[i], 0x0002 /* RESPONSE-ADDRESS */, 0);
	}
}

static void what_is_no_binding_request_gets_no_answer(void **state)
{
	static const StunCompatibility kinds[] = { STUN_COMPATIBILITY_RFC5389, STUN_COMPATIBILITY_RFC3489 };
	struct client c;
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		client_init_as(&c, kinds[i]);
		c.buf[0] |= 1; /* a response */
		assert_int_equal(ask(&c, 0), 0);
		c.buf[0] &= 0xfe;
		c.buf[1] |= 0x10; /* an indication */
		assert_int_equal(ask(&c, 0), 0);
		c.buf[1] = 0x03; /* TURN's Allocate */
		assert_int_equal(ask(&c, 0), 0);
		c.buf[1] = 0x01;
		for (size_t n = 0; n < c.len; n++)
			assert_int_equal(kith_stun_answer(c.stun, 0, c.buf, n, &c.from, c.out), 0);
		assert_true(ask(&c, 0) > 0);
		c.buf[3] = 8; /* longer than it is */
		assert_int_equal(ask(&c, 0), 0);
		client_deinit(&c);
	}
}

static void noise_is_survived(void **state)
{
	struct client c;
	struct test_random rnd;
	(void)state;
	client_init(&c);
	test_random_init(&rnd, 1);
	for (int i = 0; i < 100000; i++) {
		uint8_t in[64];
		size_t len = test_random_next(&rnd) % sizeof in;
		rnd.random.fill(rnd.random.ctx, in, sizeof in);
		/* A header that is nearly right gets deeper. */
		in[0] = 0;
		in[1] = 1;
		in[2] = 0;
		in[3] = (uint8_t)(len >= 20 ? len - 20 : 0);
		if (i % 2 == 0)
			memcpy(in + 4, "\x21\x12\xa4\x42", 4);
		size_t n = kith_stun_answer(c.stun, i * 1000, in, len, &c.from, c.out);
		assert_true(n <= sizeof c.out);
		assert_true(n <= KITH_STUN_GAIN * len);
	}
	client_deinit(&c);
}

static void an_answer_is_at_most_twice_as_long_as_its_request(void **state)
{
	struct client c;
	(void)state;
	client_init(&c);
	size_t room = sizeof c.buf - 8;
	while (c.len < room) {
		size_t n = ask(&c, (kith_time_us)c.len * KITH_US_PER_S);
		assert_true(n <= c.len + 32); /* the error's text, or XOR-MAPPED-ADDRESS */
		assert_true(n <= KITH_STUN_GAIN * c.len);
		add_attribute(&c, (uint16_t)(0x4000 + c.len), 0);
	}
	client_deinit(&c);
}

/* 44 bytes for 20 would be worth an attacker's while. */
static void an_ipv6_address_is_not_told_to_the_shortest_request(void **state)
{
	struct client c;
	struct kith_stun_counts counts;
	(void)state;
	client_init(&c);
	c.from = addr_of("[2001:db8::17]:65535");
	assert_int_equal(c.len, 20);
	assert_int_equal(ask(&c, 0), 0);
	kith_stun_counts(c.stun, &counts);
	assert_int_equal(counts.too_short, 1);
	assert_int_equal(counts.answered, 0);
	add_attribute(&c, 0x8022 /* SOFTWARE */, 0);
	assert_int_equal(ask(&c, 0), 44);
	client_deinit(&c);
}

static void attributes_that_do_not_end_with_the_message_get_no_answer(void **state)
{
	struct client c;
	(void)state;
	client_init(&c);
	add_attribute(&c, 0x8022 /* SOFTWARE */, 0);
	assert_true(ask(&c, 0) > 0);
	c.buf[23] = 5; /* one byte more than there is */
	assert_int_equal(ask(&c, 0), 0);
	c.buf[23] = 0; /* a value of zeros becomes an attribute that is cut off */
	c.buf[27] = 1;
	assert_int_equal(ask(&c, 0), 0);
	client_deinit(&c);
}

static void a_prefix_is_limited_and_recovers(void **state)
{
	struct client c;
	struct kith_stun_counts counts;
	int n = 0;
	(void)state;
	client_init(&c);
	for (int i = 0; i < 1000; i++) {
		c.from.ip[3] = (uint8_t)i; /* all of one /24 */
		n += ask(&c, 0) > 0;
	}
	assert_int_equal(n, KITH_STUN_BURST);
	kith_stun_counts(c.stun, &counts);
	assert_int_equal(counts.answered, KITH_STUN_BURST);
	assert_int_equal(counts.limited, 1000 - KITH_STUN_BURST);
	n = 0;
	for (int i = 0; i < 1000; i++) /* one second, asked every millisecond */
		n += ask(&c, (i + 1) * KITH_US_PER_MS) > 0;
	assert_in_range(n, KITH_STUN_RATE - 1, KITH_STUN_RATE);
	c.from = addr_of("198.51.100.1:1");
	assert_true(ask(&c, 0) > 0); /* others are not hit */
	client_deinit(&c);
}

static void only_its_first_byte_makes_a_packet_stun(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 256; i++) {
		uint8_t first = (uint8_t)i;
		assert_int_equal(kith_stun_is(&first, 1), i <= 3);
	}
	assert_false(kith_stun_is((const uint8_t *)"", 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_client_is_told_its_address),
		cmocka_unit_test(a_classic_client_is_told_its_address),
		cmocka_unit_test(a_change_request_without_flags_asks_for_no_change),
		cmocka_unit_test(requests_for_others_are_refused),
		cmocka_unit_test(what_is_no_binding_request_gets_no_answer),
		cmocka_unit_test(noise_is_survived),
		cmocka_unit_test(an_answer_is_at_most_twice_as_long_as_its_request),
		cmocka_unit_test(an_ipv6_address_is_not_told_to_the_shortest_request),
		cmocka_unit_test(attributes_that_do_not_end_with_the_message_get_no_answer),
		cmocka_unit_test(a_prefix_is_limited_and_recovers),
		cmocka_unit_test(only_its_first_byte_makes_a_packet_stun),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
