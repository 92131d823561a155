/* WHERE and HERE: what they say comes back, and says nothing to others. */
#include "support.h"

#include "identity/keypair.h"
#include "wire/where.h"

static const struct kith_suite *suite;
static struct kith_where_parties parties;
static struct kith_signer device;
static uint8_t key[KITH_WHERE_KEY_LEN], where[KITH_WHERE_LEN], here[KITH_HERE_LEN], chain[KITH_CHAIN_MAX];
static const uint8_t asked[KITH_XNONCE_LEN] = { 1, 2, 3 }, other[KITH_XNONCE_LEN] = { 4 };
static struct kith_where_body body = { .made_ms = 1800000000123 };

static int setup(void **state)
{
	const struct kith_seed seed = { { 7 } };
	(void)state;
	assert_int_equal(kith_suite_sodium_init(), 0);
	suite = kith_suite_sodium();
	kith_signer_from_seed(&device, suite, &seed);
	memset(&parties.network, 1, sizeof parties.network);
	memset(&parties.asker, 2, sizeof parties.asker);
	memset(&parties.sought, 3, sizeof parties.sought);
	memset(chain, 0xab, sizeof chain);
	body.chain = test_span(chain, 600);
	kith_where_key(suite, key, &parties.network, &parties.sought);
	kith_where_write(suite, where, 4711, 99, asked, &parties, &body, device.sk);
	kith_here_write(suite, here, 99, other, asked, &parties, &body, device.sk);
	return 0;
}

static void same_body(const struct kith_where_body *got)
{
	assert_int_equal(got->made_ms, body.made_ms);
	assert_int_equal(got->chain.len, body.chain.len);
	assert_memory_equal(got->chain.p, chain, got->chain.len);
}

static void a_question_comes_back_as_it_was_made(void **state)
{
	struct kith_where_header h;
	struct kith_where_body got;
	uint8_t plain[KITH_WHERE_BODY];
	(void)state;
	assert_int_equal(kith_packet_type(test_span(where, sizeof where)), KITH_PKT_WHERE);
	assert_true(kith_where_parse(&h, test_span(where, sizeof where)));
	assert_int_equal(h.port, 4711);
	assert_int_equal(h.index, 99);
	assert_memory_equal(h.number, asked, sizeof asked);
	assert_true(kith_where_is_for(suite, &h, key));
	assert_int_equal(kith_where_open(suite, &h, key, plain, &got), 0);
	same_body(&got);
	assert_int_equal(kith_where_verify(suite, &parties, &h, &got, &device.pk), 0);
}

static void an_answer_comes_back_and_is_of_one_question(void **state)
{
	struct kith_where_header h;
	struct kith_where_body got;
	uint8_t plain[KITH_WHERE_BODY];
	(void)state;
	assert_int_equal(kith_packet_type(test_span(here, sizeof here)), KITH_PKT_HERE);
	assert_true(kith_here_parse(&h, test_span(here, sizeof here)));
	assert_int_equal(h.index, 99);
	assert_int_equal(kith_here_open(suite, &h, key, asked, plain, &got), 0);
	same_body(&got);
	assert_int_equal(kith_here_verify(suite, &parties, asked, &got, &device.pk), 0);
	/* as an answer to another question it neither opens nor holds */
	assert_int_equal(kith_here_open(suite, &h, key, other, plain, &got), KITH_EAUTH);
	assert_int_equal(kith_here_open(suite, &h, key, asked, plain, &got), 0);
	assert_int_equal(kith_here_verify(suite, &parties, other, &got, &device.pk), KITH_ESIGNATURE);
}

static void who_does_not_know_whom_it_is_after_learns_nothing(void **state)
{
	struct kith_where_header h;
	struct kith_where_body got;
	uint8_t strange[KITH_WHERE_KEY_LEN], plain[KITH_WHERE_BODY], second[KITH_WHERE_LEN];
	struct kith_where_parties p = parties;
	(void)state;
	assert_true(kith_where_parse(&h, test_span(where, sizeof where)));
	p.sought.b[0] ^= 1; /* another identity */
	kith_where_key(suite, strange, &p.network, &p.sought);
	assert_false(kith_where_is_for(suite, &h, strange));
	assert_int_equal(kith_where_open(suite, &h, strange, plain, &got), KITH_EAUTH);
	p = parties;
	p.network.b[0] ^= 1; /* the same one in another network */
	kith_where_key(suite, strange, &p.network, &p.sought);
	assert_false(kith_where_is_for(suite, &h, strange));
	/* asked twice, nothing behind version, port and index is the same */
	kith_where_write(suite, second, 4711, 99, other, &parties, &body, device.sk);
	unsigned equal = 0;
	for (size_t i = KITH_WHERE_HEADER; i < sizeof second; i++)
		equal += second[i] == where[i];
	assert_true(equal < 20); /* 3 of 746 by chance */
}

static void the_length_tells_nothing(void **state)
{
	struct kith_where_body least = { .made_ms = 1, .chain = test_span(chain, 0) };
	struct kith_where_header h;
	struct kith_where_body got;
	uint8_t packet[KITH_WHERE_LEN], plain[KITH_WHERE_BODY];
	(void)state;
	kith_where_write(suite, packet, 1, 1, asked, &parties, &least, device.sk);
	assert_true(kith_where_parse(&h, test_span(packet, sizeof packet)));
	assert_int_equal(kith_where_open(suite, &h, key, plain, &got), 0);
	least.chain = test_span(chain, KITH_CHAIN_MAX);
	kith_where_write(suite, packet, 1, 1, other, &parties, &least, device.sk);
	assert_true(kith_where_parse(&h, test_span(packet, sizeof packet)));
	assert_int_equal(kith_where_open(suite, &h, key, plain, &got), 0);
	assert_int_equal(got.chain.len, KITH_CHAIN_MAX);
	assert_true(KITH_HERE_LEN < KITH_WHERE_LEN);
}

static void every_bit_counts(void **state)
{
	uint8_t packet[KITH_WHERE_LEN], plain[KITH_WHERE_BODY];
	struct kith_where_header h;
	struct kith_where_body got;
	(void)state;
	for (size_t i = 0; i < sizeof packet; i++) {
		memcpy(packet, where, sizeof packet);
		packet[i] ^= 1;
		const bool parses = kith_where_parse(&h, test_span(packet, sizeof packet));
		const bool whole = parses && kith_where_is_for(suite, &h, key) &&
				   kith_where_open(suite, &h, key, plain, &got) == 0;
		assert_false(whole);
	}
	for (size_t i = 0; i < sizeof here; i++) {
		memcpy(packet, here, sizeof here);
		packet[i] ^= 1;
		assert_false(kith_here_parse(&h, test_span(packet, sizeof here)) &&
			     kith_here_open(suite, &h, key, asked, plain, &got) == 0);
	}
}

static void other_lengths_and_layouts_are_refused(void **state)
{
	uint8_t packet[KITH_WHERE_LEN + 1] = { 0 };
	struct kith_where_header h;
	(void)state;
	memcpy(packet, where, sizeof where);
	assert_false(kith_where_parse(&h, test_span(packet, sizeof where - 1)));
	assert_false(kith_where_parse(&h, test_span(packet, sizeof where + 1)));
	assert_false(kith_here_parse(&h, test_span(packet, sizeof where)));
	packet[2] = packet[3] = 0; /* no port */
	assert_false(kith_where_parse(&h, test_span(packet, sizeof where)));
	memcpy(packet, here, sizeof here);
	packet[3] = 1; /* a port where there is none */
	assert_false(kith_here_parse(&h, test_span(packet, sizeof here)));
}

static void it_is_signed_for_these_two_only(void **state)
{
	struct kith_where_parties p = parties;
	struct kith_where_header h;
	struct kith_where_body got;
	uint8_t plain[KITH_WHERE_BODY];
	(void)state;
	assert_true(kith_where_parse(&h, test_span(where, sizeof where)));
	assert_int_equal(kith_where_open(suite, &h, key, plain, &got), 0);
	p.asker.b[31] ^= 1;
	assert_int_equal(kith_where_verify(suite, &p, &h, &got, &device.pk), KITH_ESIGNATURE);
	p = parties;
	p.sought.b[31] ^= 1;
	assert_int_equal(kith_where_verify(suite, &p, &h, &got, &device.pk), KITH_ESIGNATURE);
	got.made_ms++;
	assert_int_equal(kith_where_verify(suite, &parties, &h, &got, &device.pk), KITH_ESIGNATURE);
	got.made_ms--;
	/* a question's signature is none of an answer */
	assert_int_equal(kith_here_verify(suite, &parties, asked, &got, &device.pk), KITH_ESIGNATURE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_question_comes_back_as_it_was_made),
		cmocka_unit_test(an_answer_comes_back_and_is_of_one_question),
		cmocka_unit_test(who_does_not_know_whom_it_is_after_learns_nothing),
		cmocka_unit_test(the_length_tells_nothing),
		cmocka_unit_test(every_bit_counts),
		cmocka_unit_test(other_lengths_and_layouts_are_refused),
		cmocka_unit_test(it_is_signed_for_these_two_only),
	};
	return cmocka_run_group_tests(tests, setup, NULL);
}
