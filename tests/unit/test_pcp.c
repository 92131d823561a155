/* What is said to routers, byte by byte: the layouts are those of RFC 6887 (7.1, 7.2, 11.1) and RFC 6886 (3.2, 3.3). */
#include "support.h"

#include "gateway.h"

static struct kith_pcp_map asked(void)
{
	struct kith_pcp_map m = { .protocol = KITH_PCP_UDP, .inner = 0x1151, .outer_port = 0x1152, .life_s = 3600 };
	m.self = addr("192.168.1.2:0");
	for (uint8_t i = 0; i < sizeof m.nonce; i++)
		m.nonce[i] = (uint8_t)(0xa0 + i);
	return m;
}

static void requests_are_laid_out_as_the_rfcs_say(void **state)
{
	static const uint8_t pcp[] = { 2,    1,	   0,	 0,    0,    0,	   0x0e, 0x10, /* version, MAP, lifetime */
				       0,    0,	   0,	 0,    0,    0,	   0,	 0, /* who asks, ... */
				       0,    0,	   0xff, 0xff, 192,  168,  1,	 2, /* ... v4-mapped */
				       0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, /* nonce */
				       0xa8, 0xa9, 0xaa, 0xab, 17,   0,	   0,	 0, /* protocol */
				       0x11, 0x51, 0x11, 0x52, /* inner and outer port */
				       0,    0,	   0,	 0,    0,    0,	   0,	 0, /* any address of IPv4 */
				       0,    0,	   0xff, 0xff, 0,    0,	   0,	 0 };
	static const uint8_t pmp[] = { 0, 1, 0, 0, 0x11, 0x51, 0x11, 0x52, 0, 0, 0x0e, 0x10 };
	static const uint8_t pmp_tcp_away[] = { 0, 2, 0, 0, 0x11, 0x51, 0, 0, 0, 0, 0, 0 };
	static const uint8_t address[] = { 0, 0 };
	struct kith_pcp_map m = asked();
	uint8_t out[KITH_PCP_REQUEST_MAX];
	(void)state;
	assert_int_equal(kith_pcp_write_map(&m, out), sizeof pcp);
	assert_memory_equal(out, pcp, sizeof pcp);
	assert_int_equal(kith_pmp_write_map(&m, out), sizeof pmp);
	assert_memory_equal(out, pmp, sizeof pmp);
	assert_int_equal(kith_pmp_write_address(out), sizeof address);
	assert_memory_equal(out, address, sizeof address);
	m.protocol = KITH_PCP_TCP;
	m.life_s = 0;
	assert_int_equal(kith_pmp_write_map(&m, out), sizeof pmp_tcp_away);
	assert_memory_equal(out, pmp_tcp_away, sizeof pmp_tcp_away);
	/* The outer address of a renewal is the one that it has. */
	m.outer = addr("198.51.100.1:0");
	assert_int_equal(kith_pcp_write_map(&m, out), sizeof pcp);
	assert_memory_equal(out + 44, "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc6\x33\x64\x01", 16);
}

static const uint8_t mapped[] = { 2,	0x81, 0,    0,	  0,	0,    0x0e, 0x10, /* version, MAP, result, lifetime */
				  0,	1,    0,    5,	  0,	0,    0,    0, /* epoch, reserved */
				  0,	0,    0,    0,	  0,	0,    0,    0, /* */
				  0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, /* nonce */
				  0xa8, 0xa9, 0xaa, 0xab, 17,	0,    0,    0, /* protocol */
				  0x11, 0x51, 0x11, 0x52, /* inner and outer port */
				  0,	0,    0,    0,	  0,	0,    0,    0, /* outer address, v4-mapped */
				  0,	0,    0xff, 0xff, 198,	51,   100,  1 };

static void an_answer_to_map_is_read(void **state)
{
	struct kith_pcp_answer a;
	const struct kith_pcp_map m = asked();
	struct kith_addr outer = addr("198.51.100.1:0");
	uint8_t longer[sizeof mapped + 8] = { 0 };
	(void)state;
	assert_true(kith_pcp_read(&a, mapped, sizeof mapped));
	assert_int_equal(a.kind, KITH_PCP_MAPPED);
	assert_int_equal(a.result, KITH_PCP_SUCCESS);
	assert_int_equal(a.life_s, 3600);
	assert_int_equal(a.epoch_s, 0x10005);
	assert_memory_equal(a.nonce, m.nonce, sizeof m.nonce);
	assert_int_equal(a.protocol, KITH_PCP_UDP);
	assert_int_equal(a.inner, 0x1151);
	assert_int_equal(a.outer_port, 0x1152);
	assert_true(kith_addr_equal(&a.outer, &outer));
	memcpy(longer, mapped, sizeof mapped); /* an option that was not asked for */
	assert_true(kith_pcp_read(&a, longer, sizeof longer));
	assert_int_equal(a.kind, KITH_PCP_MAPPED);
	longer[44] = 0x20; /* an outer address of IPv6 is none */
	assert_true(kith_pcp_read(&a, longer, sizeof longer));
	assert_int_equal(a.outer.family, KITH_FAMILY_NONE);
}

static void answers_of_nat_pmp_are_read(void **state)
{
	static const uint8_t pmp[] = { 0, 0x82, 0, 0, 0, 0, 0, 9, 0x11, 0x51, 0x11, 0x52, 0, 0, 0x0e, 0x10 };
	static const uint8_t address[] = { 0, 0x80, 0, 0, 0, 0, 0, 9, 198, 51, 100, 1 };
	static const uint8_t unknown[] = { 0, 0x81, 0, 1, 0, 0, 0, 9 };
	struct kith_addr outer = addr("198.51.100.1:0");
	struct kith_pcp_answer a;
	(void)state;
	assert_true(kith_pcp_read(&a, pmp, sizeof pmp));
	assert_int_equal(a.kind, KITH_PMP_MAPPED);
	assert_int_equal(a.protocol, KITH_PCP_TCP);
	assert_int_equal(a.inner, 0x1151);
	assert_int_equal(a.outer_port, 0x1152);
	assert_int_equal(a.life_s, 3600);
	assert_int_equal(a.epoch_s, 9);
	assert_true(kith_pcp_read(&a, address, sizeof address));
	assert_int_equal(a.kind, KITH_PMP_ADDRESS);
	assert_true(kith_addr_equal(&a.outer, &outer));
	/* This is also what a router that knows only NAT-PMP says to PCP. */
	assert_true(kith_pcp_read(&a, unknown, sizeof unknown));
	assert_int_equal(a.kind, KITH_PMP_ERROR);
	assert_int_equal(a.result, KITH_PCP_VERSION);
}

static void an_announcement_and_an_error_of_pcp_are_read(void **state)
{
	uint8_t in[24] = { 2, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7 };
	struct kith_pcp_answer a;
	(void)state;
	assert_true(kith_pcp_read(&a, in, sizeof in));
	assert_int_equal(a.kind, KITH_PCP_ANNOUNCED);
	assert_int_equal(a.epoch_s, 7);
	in[1] = 0x81;
	in[3] = KITH_PCP_REFUSED;
	assert_true(kith_pcp_read(&a, in, sizeof in));
	assert_int_equal(a.kind, KITH_PCP_ERROR);
	assert_int_equal(a.result, KITH_PCP_REFUSED);
	in[3] = KITH_PCP_SUCCESS; /* of a mapping that is not there */
	assert_false(kith_pcp_read(&a, in, sizeof in));
}

static void what_is_no_answer_is_refused(void **state)
{
	static const uint8_t pmp[] = { 0, 0x81, 0, 0, 0, 0, 0, 9, 0x11, 0x51, 0x11, 0x52, 0, 0, 0x0e, 0x10 };
	uint8_t in[KITH_PCP_ANSWER_MAX + 4];
	struct kith_pcp_answer a;
	(void)state;
	for (size_t len = 0; len < sizeof mapped; len++)
		assert_false(kith_pcp_read(&a, mapped, len)); /* cut anywhere */
	for (size_t len = 0; len < sizeof pmp; len++)
		assert_false(kith_pcp_read(&a, pmp, len));
	memset(in, 0, sizeof in);
	memcpy(in, mapped, sizeof mapped);
	assert_true(kith_pcp_read(&a, in, KITH_PCP_ANSWER_MAX));
	assert_false(kith_pcp_read(&a, in, KITH_PCP_ANSWER_MAX + 4)); /* too long */
	assert_false(kith_pcp_read(&a, in, sizeof mapped + 1)); /* no multiple of four */
	in[1] = 0x01; /* a request */
	assert_false(kith_pcp_read(&a, in, sizeof mapped));
	in[1] = 0x81;
	in[0] = 1; /* of a version that nobody speaks */
	assert_false(kith_pcp_read(&a, in, sizeof mapped));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_are_laid_out_as_the_rfcs_say),
		cmocka_unit_test(an_answer_to_map_is_read),
		cmocka_unit_test(answers_of_nat_pmp_are_read),
		cmocka_unit_test(an_announcement_and_an_error_of_pcp_are_read),
		cmocka_unit_test(what_is_no_answer_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
