/* Handshakes: the published vectors byte for byte, then everything that must be refused, with either suite. */
#include "support.h"

#include "crypto/noise.h"

#include "sim/suite_sim.h"
#include "../vectors/noise_cacophony.h"

enum { BUF = 512, STEPS = 2 };

/* Two ends about to shake hands; message i is sent by ends[i % 2]. */
struct pair {
	const struct kith_suite *suite;
	struct kith_noise ends[2];
	uint8_t e_sk[2][32];
};

static const struct kith_span nothing = { NULL, 0 };

static void pair_init(struct pair *p, const struct kith_suite *suite, struct kith_span prologue)
{
	uint8_t sk[2][32], pk[2][32];
	memset(p, 0, sizeof *p);
	p->suite = suite;
	for (uint8_t i = 0; i < 2; i++) {
		memset(sk[i], 0x11 + i, 32);
		memset(p->e_sk[i], 0x21 + i, 32);
		suite->dh_public(pk[i], sk[i]);
	}
	for (int i = 0; i < 2; i++)
		kith_noise_init(&p->ends[i], suite, i == 0 ? pk[1] : NULL, prologue, sk[i], pk[i]);
}

static size_t pair_write(struct pair *p, int step, uint8_t out[BUF], struct kith_span payload)
{
	const int len = kith_noise_write(&p->ends[step % 2], out, BUF, payload, p->e_sk[step]);
	assert_true(len > 0);
	return (size_t)len;
}

static int pair_read(struct pair *p, int step, struct kith_span message)
{
	uint8_t out[BUF];
	return kith_noise_read(&p->ends[(step + 1) % 2], out, sizeof out, message);
}

/* Brings the pair to where message step is due. */
static void pair_advance(struct pair *p, int step)
{
	uint8_t msg[BUF];
	for (int i = 0; i < step; i++) {
		const size_t len = pair_write(p, i, msg, test_span("payload", 7));

		assert_int_equal(pair_read(p, i, test_span(msg, len)), 7);
	}
}

/* Runs body with either suite and each message. */
typedef void case_fn(const struct kith_suite *suite, int step);

static void for_every_message(case_fn *body)
{
	const struct kith_suite *suites[] = { kith_suite_sodium(), kith_suite_sim() };
	for (size_t s = 0; s < 2; s++) {
		for (int step = 0; step < STEPS; step++)
			body(suites[s], step);
	}
}

static void vector_keys(const char *hex, uint8_t sk[32], uint8_t pk[32])
{
	assert_int_equal(test_hex(sk, 32, hex), 32);
	kith_suite_sodium()->dh_public(pk, sk);
}

static void vector_pair(const struct noise_vector *v, struct pair *p)
{
	uint8_t prologue[64], i_sk[32], i_pk[32], r_sk[32], r_pk[32], rs[32];
	const struct kith_span pro = test_span(prologue, test_hex(prologue, sizeof prologue, v->prologue));
	p->suite = kith_suite_sodium();
	vector_keys(v->init_static, i_sk, i_pk);
	vector_keys(v->resp_static, r_sk, r_pk);
	test_hex(p->e_sk[0], 32, v->init_ephemeral);
	test_hex(p->e_sk[1], 32, v->resp_ephemeral);
	test_hex(rs, sizeof rs, v->init_remote_static);
	assert_memory_equal(rs, r_pk, 32);
	kith_noise_init(&p->ends[0], p->suite, rs, pro, i_sk, i_pk);
	kith_noise_init(&p->ends[1], p->suite, NULL, pro, r_sk, r_pk);
}

static void vector_transport(const struct noise_vector *v, const struct pair *p, int first)
{
	uint8_t tx[2][32], rx[2][32], chain[2][32], payload[64], want[BUF], got[BUF];
	uint64_t nonce[2] = { 0, 0 };
	for (int i = 0; i < 2; i++)
		kith_noise_split(&p->ends[i], tx[i], rx[i], chain[i]);
	for (int m = first; m < NOISE_VECTOR_MESSAGES; m++) {
		const int from = m % 2, to = 1 - from;
		const size_t len = test_hex(payload, sizeof payload, v->messages[m].payload);

		assert_int_equal(test_hex(want, sizeof want, v->messages[m].ciphertext), len + 16);
		p->suite->seal(got, tx[from], nonce[from], nothing, payload, len);
		assert_memory_equal(got, want, len + 16);
		assert_int_equal(p->suite->open(got, rx[to], nonce[from]++, nothing, want, len + 16), 0);
		assert_memory_equal(got, payload, len);
	}
}

static void published_vectors_agree_byte_for_byte_in_both_roles(void **state)
{
	(void)state;
	for (size_t i = 0; i < NOISE_VECTORS; i++) {
		const struct noise_vector *v = &noise_vectors[i];
		struct pair p;

		vector_pair(v, &p);
		for (int m = 0; m < STEPS; m++) {
			uint8_t payload[64], want[BUF], got[BUF];
			const size_t payload_len = test_hex(payload, sizeof payload, v->messages[m].payload);
			const size_t want_len = test_hex(want, sizeof want, v->messages[m].ciphertext);

			assert_int_equal(pair_write(&p, m, got, test_span(payload, payload_len)), want_len);
			assert_memory_equal(got, want, want_len);
			memset(got, 0, sizeof got);
			assert_int_equal(
				kith_noise_read(&p.ends[(m + 1) % 2], got, sizeof got, test_span(want, want_len)),
				payload_len);
			assert_memory_equal(got, payload, payload_len);
		}
		vector_transport(v, &p, STEPS);
	}
}

static void both_ends_agree_on_keys_and_on_whom_they_met(void **state)
{
	const struct kith_suite *suites[] = { kith_suite_sodium(), kith_suite_sim() };
	(void)state;
	for (int i = 0; i < 2; i++) {
		uint8_t tx[2][32], rx[2][32], chain[2][32];
		struct pair p;

		pair_init(&p, suites[i], test_span("kith", 4));
		assert_false(kith_noise_done(&p.ends[0]) || kith_noise_done(&p.ends[1]));
		pair_advance(&p, STEPS);
		assert_true(kith_noise_done(&p.ends[0]) && kith_noise_done(&p.ends[1]));
		for (int e = 0; e < 2; e++)
			kith_noise_split(&p.ends[e], tx[e], rx[e], chain[e]);
		assert_memory_equal(tx[0], rx[1], 32);
		assert_memory_equal(rx[0], tx[1], 32);
		assert_memory_equal(chain[0], chain[1], 32);
		assert_memory_not_equal(tx[0], rx[0], 32);
		assert_memory_not_equal(chain[0], tx[0], 32);
		assert_memory_not_equal(chain[0], rx[0], 32);
		assert_memory_equal(p.ends[0].h, p.ends[1].h, 32);
		assert_memory_equal(p.ends[0].rs, p.ends[1].s_pk, 32);
		assert_memory_equal(p.ends[1].rs, p.ends[0].s_pk, 32);
	}
}

static void overhead_is_what_a_message_adds_case(const struct kith_suite *suite, int step)
{
	static const size_t expected[STEPS] = { 32 + 48 + 16, 32 + 16 };
	uint8_t msg[BUF];
	struct pair p;
	for (size_t len = 0; len <= 300; len += 100) {
		uint8_t payload[300] = { 0 };

		pair_init(&p, suite, nothing);
		pair_advance(&p, step);
		assert_int_equal(kith_noise_overhead(&p.ends[0]), expected[step]);
		assert_int_equal(kith_noise_overhead(&p.ends[1]), expected[step]);
		assert_int_equal(pair_write(&p, step, msg, len > 0 ? test_span(payload, len) : nothing),
				 len + expected[step]);
		assert_int_equal(pair_read(&p, step, test_span(msg, len + expected[step])), len);
	}
}

static void overhead_is_what_a_message_adds(void **state)
{
	(void)state;
	for_every_message(overhead_is_what_a_message_adds_case);
}

static void any_flipped_bit_is_refused_case(const struct kith_suite *suite, int step)
{
	struct pair p, before;
	uint8_t msg[BUF];
	size_t len;
	pair_init(&p, suite, test_span("kith", 4));
	pair_advance(&p, step);
	len = pair_write(&p, step, msg, test_span("certificates", 12));
	memcpy(&before, &p, sizeof p);
	for (size_t bit = 0; bit < 8 * len; bit++) {
		msg[bit / 8] = (uint8_t)(msg[bit / 8] ^ (1u << (bit % 8)));
		assert_int_equal(pair_read(&p, step, test_span(msg, len)), KITH_EAUTH);
		memcpy(&p, &before, sizeof p);
		msg[bit / 8] = (uint8_t)(msg[bit / 8] ^ (1u << (bit % 8)));
	}
	assert_true(pair_read(&p, step, test_span(msg, len)) >= 0);
}

static void any_flipped_bit_is_refused(void **state)
{
	(void)state;
	for_every_message(any_flipped_bit_is_refused_case);
}

static void any_other_length_is_refused_case(const struct kith_suite *suite, int step)
{
	struct pair p, before;
	uint8_t msg[BUF] = { 0 };
	size_t len, overhead;
	pair_init(&p, suite, nothing);
	pair_advance(&p, step);
	overhead = kith_noise_overhead(&p.ends[0]);
	len = pair_write(&p, step, msg, test_span("certificates", 12));
	memcpy(&before, &p, sizeof p);
	for (size_t n = 0; n <= len + 20; n++) {
		const int err = pair_read(&p, step, test_span(msg, n));

		if (n < overhead)
			assert_int_equal(err, KITH_EPROTO);
		else if (n != len)
			assert_int_equal(err, KITH_EAUTH);
		else
			assert_true(err >= 0);
		memcpy(&p, &before, sizeof p);
	}
}

static void any_other_length_is_refused(void **state)
{
	(void)state;
	for_every_message(any_other_length_is_refused_case);
}

static void a_failed_read_leaves_the_state_for_the_right_message_case(const struct kith_suite *suite, int step)
{
	uint8_t msg[BUF], forged[BUF];
	struct kith_noise *reader;
	struct pair p, before;
	size_t len;
	pair_init(&p, suite, nothing);
	pair_advance(&p, step);
	len = pair_write(&p, step, msg, test_span("certificates", 12));
	reader = &p.ends[(step + 1) % 2];
	memcpy(&before, &p, sizeof p);
	memcpy(forged, msg, len);
	forged[len - 1] ^= 1;
	assert_int_equal(pair_read(&p, step, test_span(forged, len)), KITH_EAUTH);
	/* In place too, and with another ephemeral or static key in front. */
	assert_int_equal(kith_noise_read(reader, forged, sizeof forged, test_span(forged, len)), KITH_EAUTH);
	memcpy(forged, msg, len);
	forged[0] ^= 1;
	assert_int_equal(pair_read(&p, step, test_span(forged, len)), KITH_EAUTH);
	assert_int_equal(pair_read(&p, step, test_span(msg, 31)), KITH_EPROTO);
	assert_int_equal(kith_noise_read(reader, forged, 11, test_span(msg, len)), KITH_EMSGSIZE);
	assert_memory_equal(&p, &before, sizeof p);
	assert_int_equal(pair_read(&p, step, test_span(msg, len)), 12);
}

static void a_failed_read_leaves_the_state_for_the_right_message(void **state)
{
	(void)state;
	for_every_message(a_failed_read_leaves_the_state_for_the_right_message_case);
}

static void payloads_may_be_written_and_read_in_place_case(const struct kith_suite *suite, int step)
{
	uint8_t apart[BUF], msg[BUF], text[100];
	struct kith_noise *reader;
	struct pair p, q;
	size_t overhead, head, len;
	memset(text, 0x77, sizeof text);
	pair_init(&p, suite, nothing);
	pair_advance(&p, step);
	memcpy(&q, &p, sizeof q);
	overhead = kith_noise_overhead(&p.ends[0]);
	/* All but the payload's tag stands in front of it. */
	head = overhead - 16;
	memcpy(msg + head, text, sizeof text);
	len = pair_write(&p, step, msg, test_span(msg + head, sizeof text));
	assert_int_equal(pair_write(&q, step, apart, test_span(text, sizeof text)), len);
	assert_memory_equal(msg, apart, len);
	reader = &p.ends[(step + 1) % 2];
	assert_int_equal(kith_noise_read(reader, msg + head, sizeof msg - head, test_span(msg, len)), sizeof text);
	assert_memory_equal(msg + head, text, sizeof text);
	assert_memory_equal(msg, apart, head);
	assert_int_equal(pair_read(&q, step, test_span(apart, len)), sizeof text);
	assert_memory_equal(p.ends, q.ends, sizeof p.ends);
}

static void payloads_may_be_written_and_read_in_place(void **state)
{
	(void)state;
	for_every_message(payloads_may_be_written_and_read_in_place_case);
}

static void another_prologue_is_refused_case(const struct kith_suite *suite, int step)
{
	struct pair p, q;
	uint8_t msg[BUF];
	size_t len;
	if (step != 0)
		return;
	pair_init(&p, suite, test_span("kith 1", 6));
	pair_init(&q, suite, test_span("kith 2", 6));
	memcpy(&p.ends[1], &q.ends[1], sizeof p.ends[1]);
	len = pair_write(&p, 0, msg, nothing);
	assert_int_equal(pair_read(&p, 0, test_span(msg, len)), KITH_EAUTH);
}

static void another_prologue_is_refused(void **state)
{
	(void)state;
	for_every_message(another_prologue_is_refused_case);
}

/* A static key other than the one the secret belongs to: the wrong responder, or anyone with a borrowed public
 * key. */
static void a_static_key_without_its_secret_is_refused_case(const struct kith_suite *suite, int step)
{
	uint8_t msg[BUF], other_sk[32], pk[2][32], sk[2][32];
	const int liar = step % 2;
	size_t len;
	struct pair p;
	pair_init(&p, suite, nothing);
	memset(other_sk, 0x55, sizeof other_sk);
	for (int i = 0; i < 2; i++) {
		memcpy(sk[i], p.ends[i].s_sk, 32);
		memcpy(pk[i], p.ends[i].s_pk, 32);
	}
	kith_noise_init(&p.ends[liar], suite, liar == 0 ? pk[1] : NULL, nothing, other_sk, pk[liar]);
	if (step == 1) {
		/* The responder cannot even read what was sealed to the key it claims. */
		len = pair_write(&p, 0, msg, nothing);
		assert_int_equal(pair_read(&p, 0, test_span(msg, len)), KITH_EAUTH);
		return;
	}
	pair_advance(&p, step);
	len = pair_write(&p, step, msg, test_span("it is me", 8));
	assert_int_equal(pair_read(&p, step, test_span(msg, len)), KITH_EAUTH);
}

static void a_static_key_without_its_secret_is_refused(void **state)
{
	(void)state;
	for_every_message(a_static_key_without_its_secret_is_refused_case);
}

static void an_ephemeral_key_of_zeros_is_refused(void **state)
{
	const struct kith_suite *suites[] = { kith_suite_sodium(), kith_suite_sim() };
	uint8_t msg[BUF], out[BUF];
	struct pair p;
	size_t len;
	(void)state;
	for (size_t s = 0; s < 2; s++) {
		for (int step = 0; step < 2; step++) {
			pair_init(&p, suites[s], nothing);
			pair_advance(&p, step);
			len = pair_write(&p, step, msg, nothing);
			memset(msg, 0, 32);
			assert_int_equal(pair_read(&p, step, test_span(msg, len)), KITH_EAUTH);
		}
		pair_init(&p, suites[s], nothing);
		/* A static key of zeros, which a dishonest directory might name. */
		memset(msg, 0, 32);
		kith_noise_init(&p.ends[0], suites[s], msg, nothing, p.e_sk[0], p.ends[0].s_pk);
		assert_int_equal(kith_noise_write(&p.ends[0], out, sizeof out, nothing, p.e_sk[0]), KITH_EAUTH);
	}
}

static void a_message_of_another_handshake_or_step_is_refused(void **state)
{
	uint8_t first[BUF], second[BUF], msg[BUF];
	size_t first_len, second_len;
	struct pair p, q;
	(void)state;
	pair_init(&p, kith_suite_sodium(), nothing);
	pair_init(&q, kith_suite_sodium(), nothing);
	memset(q.e_sk[0], 0x66, 32);
	first_len = pair_write(&p, 0, first, nothing);
	assert_int_equal(pair_read(&p, 0, test_span(first, first_len)), 0);
	second_len = pair_write(&p, 1, second, nothing);
	/* Another initiator's state does not take the answer. */
	(void)pair_write(&q, 0, msg, nothing);
	assert_int_equal(pair_read(&q, 1, test_span(second, second_len)), KITH_EAUTH);
	/* Nor does the right one take its own message for the answer. */
	assert_true(pair_read(&p, 1, test_span(first, first_len)) < 0);
	assert_int_equal(pair_read(&p, 1, test_span(second, second_len)), 0);
}

static void only_the_side_whose_turn_it_is_may_write_or_read(void **state)
{
	struct pair p;
	uint8_t msg[BUF], out[BUF];
	size_t len;
	(void)state;
	pair_init(&p, kith_suite_sim(), nothing);
	assert_int_equal(kith_noise_write(&p.ends[1], out, sizeof out, nothing, p.e_sk[1]), KITH_ESTATE);
	assert_int_equal(kith_noise_read(&p.ends[0], out, sizeof out, test_span(msg, 200)), KITH_ESTATE);
	len = pair_write(&p, 0, msg, nothing);
	assert_int_equal(kith_noise_write(&p.ends[0], out, sizeof out, nothing, p.e_sk[0]), KITH_ESTATE);
	assert_int_equal(pair_read(&p, 0, test_span(msg, len)), 0);
	assert_int_equal(pair_read(&p, 0, test_span(msg, len)), KITH_ESTATE);
	len = pair_write(&p, 1, msg, nothing);
	assert_int_equal(pair_read(&p, 1, test_span(msg, len)), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(kith_noise_overhead(&p.ends[i]), 0);
		assert_int_equal(kith_noise_write(&p.ends[i], out, sizeof out, nothing, p.e_sk[i]), KITH_ESTATE);
		assert_int_equal(kith_noise_read(&p.ends[i], out, sizeof out, test_span(msg, len)), KITH_ESTATE);
	}
}

static void messages_beyond_the_bounds_are_refused(void **state)
{
	enum { BIG = 65536 };
	uint8_t *payload = calloc(1, BIG), *out = calloc(1, BIG);
	struct pair p;

	(void)state;
	assert_true(payload != NULL && out != NULL);
	pair_init(&p, kith_suite_sim(), nothing);
	assert_int_equal(kith_noise_write(&p.ends[0], out, 96 + 9, test_span(payload, 10), p.e_sk[0]), KITH_EMSGSIZE);
	assert_int_equal(kith_noise_write(&p.ends[0], out, BIG, test_span(payload, 65535 - 95), p.e_sk[0]),
			 KITH_EMSGSIZE);
	assert_int_equal(kith_noise_write(&p.ends[0], out, SIZE_MAX, test_span(payload, SIZE_MAX), p.e_sk[0]),
			 KITH_EMSGSIZE);
	assert_int_equal(kith_noise_write(&p.ends[0], out, 65535, test_span(payload, 65535 - 96), p.e_sk[0]), 65535);
	assert_int_equal(kith_noise_read(&p.ends[1], payload, BIG, test_span(out, 65536)), KITH_EPROTO);
	assert_int_equal(kith_noise_read(&p.ends[1], payload, BIG, test_span(out, 65535)), 65535 - 96);
	free(payload);
	free(out);
}

static bool zeroed(const void *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (((const uint8_t *)p)[i] != 0)
			return false;
	return true;
}

static void secrets_are_gone_when_the_handshake_is_done(void **state)
{
	struct pair p;
	(void)state;
	pair_init(&p, kith_suite_sodium(), nothing);
	assert_false(zeroed(p.ends[0].s_sk, 32));
	pair_advance(&p, STEPS);
	for (int i = 0; i < 2; i++) {
		assert_true(zeroed(p.ends[i].s_sk, 32));
		assert_true(zeroed(p.ends[i].e_sk, 32));
		assert_true(zeroed(p.ends[i].k, 32));
		kith_noise_wipe(&p.ends[i]);
		assert_true(zeroed(&p.ends[i], sizeof p.ends[i]));
		assert_false(kith_noise_done(&p.ends[i]));
	}
}

static void hkdf2_is_the_hmac_chain_of_the_specification(void **state)
{
	const struct kith_suite *s = kith_suite_sodium();
	uint8_t ck[32], temp[32], want1[32], want2[32], got1[32], got2[32];
	const uint8_t one = 1, two = 2;
	const struct kith_span ikm = test_span("input", 5), first = test_span(&one, 1);
	const struct kith_span second[] = { test_span(want1, 32), test_span(&two, 1) };
	(void)state;
	memset(ck, 0x42, sizeof ck);
	s->hmac(temp, test_span(ck, 32), &ikm, 1);
	s->hmac(want1, test_span(temp, 32), &first, 1);
	s->hmac(want2, test_span(temp, 32), second, 2);
	kith_noise_hkdf2(s, ck, ikm, got1, got2);
	assert_memory_equal(got1, want1, 32);
	assert_memory_equal(got2, want2, 32);
	/* The chaining key may be replaced as it is used. */
	kith_noise_hkdf2(s, ck, ikm, ck, got2);
	assert_memory_equal(ck, want1, 32);
	assert_memory_equal(got2, want2, 32);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(published_vectors_agree_byte_for_byte_in_both_roles),
		cmocka_unit_test(both_ends_agree_on_keys_and_on_whom_they_met),
		cmocka_unit_test(overhead_is_what_a_message_adds),
		cmocka_unit_test(any_flipped_bit_is_refused),
		cmocka_unit_test(any_other_length_is_refused),
		cmocka_unit_test(a_failed_read_leaves_the_state_for_the_right_message),
		cmocka_unit_test(payloads_may_be_written_and_read_in_place),
		cmocka_unit_test(another_prologue_is_refused),
		cmocka_unit_test(a_static_key_without_its_secret_is_refused),
		cmocka_unit_test(an_ephemeral_key_of_zeros_is_refused),
		cmocka_unit_test(a_message_of_another_handshake_or_step_is_refused),
		cmocka_unit_test(only_the_side_whose_turn_it_is_may_write_or_read),
		cmocka_unit_test(messages_beyond_the_bounds_are_refused),
		cmocka_unit_test(secrets_are_gone_when_the_handshake_is_done),
		cmocka_unit_test(hkdf2_is_the_hmac_chain_of_the_specification),
	};
	if (kith_suite_sodium_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
