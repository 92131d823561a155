/* Challenge and answer, and enrolment. */
#include "identity_world.h"

#include "identity/challenge.h"

struct talk {
	struct world w;
	struct test_alloc alloc;
	struct kith_blobs blobs;
	struct kith_trust trust;
	struct kith_challenge c; /* Bob asks Alice */
	uint8_t challenge_buf[KITH_CHALLENGE_LEN_MAX], answer_buf[KITH_PROOF_LEN_MAX];
	struct kith_span challenge, answer;
};

static void talk_init(struct talk *t)
{
	static const uint64_t seed[2] = { 1, 2 };
	struct kith_signer bob;
	world_init(&t->w);
	test_alloc_init(&t->alloc);
	kith_blobs_init(&t->blobs, &t->alloc.alloc, 100, seed);
	struct kith_trust_options o = { .suite = t->w.suite,
					.alloc = &t->alloc.alloc,
					.blobs = &t->blobs,
					.root = &t->w.root.pk,
					.issuers_max = 2,
					.device_lists_max = 2,
					.chains_max = 2 };
	assert_int_equal(kith_trust_init(&t->trust, &o), 0);
	world_signer(&t->w, &bob, 30);
	memset(&t->c, 0, sizeof t->c);
	t->c.network = t->w.network;
	t->c.asker = bob.pk;
	t->c.asked = t->w.identity.pk;
	memset(t->c.nonce, 0x5e, sizeof t->c.nonce);
	strcpy(t->c.context, "log in to printer 5");
	t->challenge = world_made(t->challenge_buf, kith_challenge_write(t->challenge_buf, &t->c));
	t->answer = world_made(t->answer_buf, kith_challenge_answer(t->w.suite, t->answer_buf, t->challenge, &t->c,
								    &t->w.device.sign, t->w.full));
}

static void talk_deinit(struct talk *t)
{
	kith_trust_deinit(&t->trust);
	kith_blobs_deinit(&t->blobs);
	test_alloc_check(&t->alloc);
}

static int check(struct talk *t, struct kith_span challenge, struct kith_span answer)
{
	static const struct kith_person nobody;
	struct kith_now now = world_now(0);
	struct kith_person p;
	int err = kith_challenge_check(&t->trust, &now, challenge, answer, &p);
	if (err != 0)
		assert_memory_equal(&p, &nobody, sizeof p);
	else
		assert_string_equal(p.name, "alice.example");
	return err;
}

static void answer_proves_who_was_asked(void **state)
{
	struct talk t;
	struct kith_challenge parsed;
	(void)state;
	talk_init(&t);
	assert_int_equal(kith_challenge_parse(&parsed, t.challenge), 0);
	assert_memory_equal(parsed.network.b, t.c.network.b, KITH_ID_LEN);
	assert_memory_equal(parsed.asker.b, t.c.asker.b, KITH_KEY_LEN);
	assert_memory_equal(parsed.asked.b, t.c.asked.b, KITH_KEY_LEN);
	assert_memory_equal(parsed.nonce, t.c.nonce, KITH_NONCE_LEN);
	assert_string_equal(parsed.context, t.c.context);
	assert_int_equal(check(&t, t.challenge, t.answer), 0);
	talk_deinit(&t);
}

static void answer_fits_no_other_challenge(void **state)
{
	struct talk t;
	(void)state;
	talk_init(&t);
	/* Each field that is bound, changed alone: whatever the reason, it is refused. */
	for (unsigned i = 0; i < 5; i++) {
		struct kith_challenge other = t.c;
		uint8_t buf[KITH_CHALLENGE_LEN_MAX];
		static const int expected[] = { KITH_ESIGNATURE, KITH_ESIGNATURE, KITH_ESIGNATURE, KITH_EAUTH,
						KITH_ENETWORK };
		if (i == 0)
			other.nonce[31] ^= 1;
		else if (i == 1)
			strcpy(other.context, "pay printer 5");
		else if (i == 2)
			other.asker.b[0] ^= 1;
		else if (i == 3)
			other.asked.b[0] ^= 1;
		else
			other.network.b[31] ^= 1;
		struct kith_span challenge = world_made(buf, kith_challenge_write(buf, &other));
		assert_int_equal(check(&t, challenge, t.answer), expected[i]);
	}
	talk_deinit(&t);
}

static void altered_or_truncated_answers_are_refused(void **state)
{
	struct talk t;
	(void)state;
	talk_init(&t);
	for (size_t cut = 0; cut < t.answer.len; cut++)
		assert_int_not_equal(check(&t, t.challenge, test_span(t.answer.p, cut)), 0);
	for (size_t bit = 0; bit < 8 * t.answer.len; bit++) {
		t.answer_buf[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_not_equal(check(&t, t.challenge, t.answer), 0);
		t.answer_buf[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t cut = 0; cut < t.challenge.len; cut++)
		assert_int_not_equal(check(&t, test_span(t.challenge.p, cut), t.answer), 0);
	for (size_t bit = 0; bit < 8 * t.challenge.len; bit++) {
		t.challenge_buf[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_not_equal(check(&t, t.challenge, t.answer), 0);
		t.challenge_buf[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_int_equal(check(&t, t.challenge, t.answer), 0);
	talk_deinit(&t);
}

static void nobody_answers_for_another(void **state)
{
	struct talk t;
	uint8_t out[KITH_PROOF_LEN_MAX];
	(void)state;
	talk_init(&t);
	struct kith_challenge mine = t.c;
	mine.asked.b[0] ^= 1; /* the challenge is not for me */
	assert_int_equal(kith_challenge_answer(t.w.suite, out, t.challenge, &mine, &t.w.device.sign, t.w.full),
			 KITH_EAUTH);
	mine = t.c;
	mine.asker.b[0] ^= 1; /* passed on by somebody whom it does not name */
	assert_int_equal(kith_challenge_answer(t.w.suite, out, t.challenge, &mine, &t.w.device.sign, t.w.full),
			 KITH_EAUTH);
	mine = t.c;
	mine.network.b[0] ^= 1;
	assert_int_equal(kith_challenge_answer(t.w.suite, out, t.challenge, &mine, &t.w.device.sign, t.w.full),
			 KITH_ENETWORK);
	assert_int_equal(kith_challenge_answer(t.w.suite, out, t.challenge, &t.c, &t.w.issuer, t.w.full), KITH_EINVAL);
	assert_int_equal(kith_challenge_answer(t.w.suite, out, t.challenge, &t.c, &t.w.device.sign, t.w.name_span),
			 KITH_EPROTO);

	/* Mallory, rightly certified under a name of his own, answers what Alice was asked. */
	struct world mallory = t.w;
	world_signer(&mallory, &mallory.identity, 66);
	mallory.name_cert.identity = mallory.identity.pk;
	strcpy(mallory.name_cert.name, "mallory.example");
	world_sign(&mallory);
	struct kith_challenge for_mallory = t.c;
	uint8_t buf[KITH_CHALLENGE_LEN_MAX];
	for_mallory.asked = mallory.identity.pk;
	struct kith_span challenge = world_made(buf, kith_challenge_write(buf, &for_mallory));
	int len = kith_challenge_answer(t.w.suite, out, challenge, &for_mallory, &mallory.device.sign, mallory.full);
	assert_int_equal(check(&t, t.challenge, world_made(out, len)), KITH_EAUTH);

	/* A stolen chain without its device key. */
	struct kith_signer thief;
	world_signer(&t.w, &thief, 67);
	struct kith_writer w = kith_writer_of(out, sizeof out);
	uint8_t message[sizeof t.challenge_buf + sizeof out];
	kith_write_bytes(&w, t.answer.p, t.answer.len - KITH_SIG_LEN);
	memcpy(message, t.challenge.p, t.challenge.len);
	memcpy(message + t.challenge.len, out, kith_writer_len(&w));
	uint8_t *sig = kith_write(&w, KITH_SIG_LEN);
	kith_sign(t.w.suite, sig, KITH_SIGN_CHALLENGE,
		  test_span(message, t.challenge.len + t.answer.len - KITH_SIG_LEN), thief.sk);
	assert_int_equal(check(&t, t.challenge, test_span(out, t.answer.len)), KITH_ESIGNATURE);
	talk_deinit(&t);
}

static void answer_works_with_the_issuer_by_id_and_fails_when_the_chain_does(void **state)
{
	struct talk t;
	struct kith_now late = world_now(100 * INT64_C(86400000));
	struct kith_person p;
	(void)state;
	talk_init(&t);
	t.answer = world_made(t.answer_buf, kith_challenge_answer(t.w.suite, t.answer_buf, t.challenge, &t.c,
								  &t.w.device.sign, t.w.by_id));
	assert_int_equal(check(&t, t.challenge, t.answer), KITH_ECHAIN);
	struct kith_now now = world_now(0);
	assert_int_equal(kith_trust_issuer_add(&t.trust, &now, t.w.issuer_span), 0);
	assert_int_equal(check(&t, t.challenge, t.answer), 0);
	assert_int_equal(kith_challenge_check(&t.trust, &late, t.challenge, t.answer, &p), KITH_EEXPIRED);
	talk_deinit(&t);
}

static void context_is_bounded_and_printable(void **state)
{
	struct talk t;
	uint8_t out[KITH_CHALLENGE_LEN_MAX];
	(void)state;
	talk_init(&t);
	struct kith_challenge c = t.c;
	memset(c.context, 'x', KITH_CONTEXT_MAX);
	c.context[KITH_CONTEXT_MAX] = '\0';
	assert_true(kith_challenge_write(out, &c) > 0);
	c.context[3] = '\n';
	assert_int_equal(kith_challenge_write(out, &c), KITH_EINVAL);
	memset(c.context, 'x', sizeof c.context); /* no end */
	assert_int_equal(kith_challenge_write(out, &c), KITH_EINVAL);
	c = t.c;
	c.ext = test_span("\201\0", 2);
	assert_int_equal(kith_challenge_write(out, &c), KITH_EINVAL);
	talk_deinit(&t);
}

/* ---- enrolment ---- */

static struct kith_enrol request_of(const struct world *w)
{
	struct kith_enrol r = { .network = w->network, .name = "alice.example" };
	memcpy(r.issuer_id, w->name_cert.issuer_id, sizeof r.issuer_id);
	memset(r.nonce, 0x77, sizeof r.nonce);
	return r;
}

static void enrolment_ends_in_a_certificate_for_the_key_that_asked(void **state)
{
	struct talk t;
	struct kith_enrol asked, seen;
	struct kith_name_cert cert;
	uint8_t request[KITH_ENROL_LEN_MAX], answer[KITH_CERT_MAX];
	(void)state;
	talk_init(&t);
	asked = request_of(&t.w);
	struct kith_span r = world_made(request, kith_enrol_sign(t.w.suite, request, &asked, &t.w.identity));
	assert_int_equal(kith_enrol_verify(t.w.suite, &seen, r, &t.w.network, &t.w.issuer.pk, asked.nonce), 0);
	assert_string_equal(seen.name, "alice.example");
	assert_memory_equal(seen.identity.b, t.w.identity.pk.b, KITH_KEY_LEN);

	struct kith_name_cert terms = t.w.name_cert;
	strcpy(terms.name, "ignored");
	memset(&terms.identity, 0, sizeof terms.identity);
	struct kith_span a = world_made(answer, kith_enrol_issue(t.w.suite, answer, &seen, &terms, &t.w.issuer));
	assert_int_equal(kith_enrol_receive(t.w.suite, &cert, a, &seen, &t.w.issuer.pk), 0);
	assert_int_equal(cert.serial, terms.serial);
	assert_memory_equal(cert.placement, terms.placement, KITH_PLACEMENT_LEN);
	assert_memory_equal(a.p, t.w.name_span.p, a.len); /* the very certificate of this world */

	/* An answer for another key, another name, by another issuer. */
	struct kith_enrol other = seen;
	other.identity = t.w.root.pk;
	assert_int_equal(kith_enrol_receive(t.w.suite, &cert, a, &other, &t.w.issuer.pk), KITH_EAUTH);
	other = seen;
	strcpy(other.name, "bob.example");
	assert_int_equal(kith_enrol_receive(t.w.suite, &cert, a, &other, &t.w.issuer.pk), KITH_ENAME);
	assert_int_equal(kith_enrol_receive(t.w.suite, &cert, a, &seen, &t.w.root.pk), KITH_ECHAIN);
	for (size_t bit = 0; bit < 8 * a.len; bit++) {
		answer[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_not_equal(kith_enrol_receive(t.w.suite, &cert, a, &seen, &t.w.issuer.pk), 0);
		answer[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	talk_deinit(&t);
}

static void issuer_refuses_requests_that_are_not_for_it_or_not_fresh(void **state)
{
	struct talk t;
	struct kith_enrol asked, seen;
	uint8_t request[KITH_ENROL_LEN_MAX];
	(void)state;
	talk_init(&t);
	asked = request_of(&t.w);
	struct kith_span r = world_made(request, kith_enrol_sign(t.w.suite, request, &asked, &t.w.identity));
	uint8_t other_nonce[KITH_NONCE_LEN] = { 1 };
	struct kith_id other_network = { { 9 } };
	assert_int_equal(kith_enrol_verify(t.w.suite, &seen, r, &t.w.network, &t.w.issuer.pk, other_nonce), KITH_EAUTH);
	assert_int_equal(kith_enrol_verify(t.w.suite, &seen, r, &other_network, &t.w.issuer.pk, asked.nonce),
			 KITH_ENETWORK);
	assert_int_equal(kith_enrol_verify(t.w.suite, &seen, r, &t.w.network, &t.w.root.pk, asked.nonce), KITH_ECHAIN);
	for (size_t cut = 0; cut < r.len; cut++)
		assert_int_not_equal(kith_enrol_verify(t.w.suite, &seen, test_span(r.p, cut), &t.w.network,
						       &t.w.issuer.pk, asked.nonce),
				     0);
	for (size_t bit = 0; bit < 8 * r.len; bit++) {
		request[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_not_equal(kith_enrol_verify(t.w.suite, &seen, r, &t.w.network, &t.w.issuer.pk, asked.nonce),
				     0);
		request[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	strcpy(asked.name, "Alice");
	assert_int_equal(kith_enrol_sign(t.w.suite, request, &asked, &t.w.identity), KITH_ENAME);
	talk_deinit(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answer_proves_who_was_asked),
		cmocka_unit_test(answer_fits_no_other_challenge),
		cmocka_unit_test(altered_or_truncated_answers_are_refused),
		cmocka_unit_test(nobody_answers_for_another),
		cmocka_unit_test(answer_works_with_the_issuer_by_id_and_fails_when_the_chain_does),
		cmocka_unit_test(context_is_bounded_and_printable),
		cmocka_unit_test(enrolment_ends_in_a_certificate_for_the_key_that_asked),
		cmocka_unit_test(issuer_refuses_requests_that_are_not_for_it_or_not_fresh),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
