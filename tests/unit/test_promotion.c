/* When a leaf that is asked for help does so, and when not. */
#include "help_world.h"

#include "leaf/promotion.h"
#include "wire/token.h"

static struct kith_help_token token_of(const struct core_world *w, int home, int candidate)
{
	struct kith_help_token t = { .seq = (uint64_t)world_clock(w).unix_ms,
				     .expires_ms = world_clock(w).unix_ms + KITH_HELP_LIFE_MS,
				     .chain = w->nodes[home].core->self.chain };
	memcpy(t.candidate.b, w->nodes[candidate].core->self.dh_pk, KITH_KEY_LEN);
	return t;
}

/* Has a home send a token to the helper; true if that serves a few seconds later. */
static bool asked(struct core_world *w, int home, const struct kith_help_token *t, int signer)
{
	struct kith_core *c = w->nodes[home].core;
	uint8_t bytes[KITH_HELP_TOKEN_MAX], body[KITH_REQUEST_MAX];
	int n = kith_help_token_make(c->suite, bytes, t, w->nodes[signer].core->self.sign_sk);
	assert_true(n > 0);
	const struct kith_msg_help m = { .token = { bytes, (size_t)n } };
	size_t len = kith_msg_help_write(body, sizeof body, &m);
	struct kith_session *s = kith_sessions_of(&c->sessions, w->nodes[HELPER].core->self.dh_pk);
	kith_core_enter(c, world_clock(w));
	assert_int_equal(kith_session_request(c, s, KITH_REQ_HELP, (struct kith_span){ body, len },
					      kith_token(KITH_TOKEN_IGNORE, 0)),
			 0);
	kith_core_settle(c);
	world_drain(w, home);
	world_run(w, 5 * KITH_US_PER_S);
	return kith_serves(w->nodes[HELPER].core);
}

static void it_serves_where_others_reached_it_when_a_home_asks(void **state)
{
	struct core_world w;
	(void)state;
	help_network(&w, 1);
	struct kith_help_token t = token_of(&w, 1, HELPER);
	assert_true(asked(&w, 1, &t, 1));
	const struct kith_core *c = w.nodes[HELPER].core;
	assert_int_equal(c->endpoints_n, 1);
	assert_true(kith_addr_equal(&c->endpoints[0].addr, &w.nodes[HELPER].addr));
	assert_int_equal(kith_homes_count(c), 0);
	assert_int_equal(c->self.role, KITH_ROLE_SUPERNODE);
	for (int i = 0; i < HELP_SUPERS; i++)
		assert_int_equal(kith_members_live(&w.nodes[i].core->super->members), HELP_SUPERS + 1);
	core_world_deinit(&w);
}

static void it_does_not_without_consent_or_figures(void **state)
{
	struct core_world w;
	(void)state;
	help_network(&w, 1);
	struct kith_help_token t = token_of(&w, 1, HELPER);
	struct kith_core *c = w.nodes[HELPER].core;
	kith_office_consent(c->office, KITH_CONSENT_NO, w.now);
	assert_false(asked(&w, 1, &t, 1));
	kith_office_consent(c->office, KITH_CONSENT_YES, w.now);
	kith_office_found(c->office, NULL, 0);
	assert_false(asked(&w, 1, &t, 1));
	help_found(&w, HELPER);
	/* Consent that is taken back between the answer and the beginning counts. */
	t = token_of(&w, 1, HELPER);
	assert_true(asked(&w, 1, &t, 1));
	core_world_deinit(&w);
}

static void it_does_not_for_a_token_that_is_not_this_homes_word_about_it(void **state)
{
	struct core_world w;
	(void)state;
	help_network(&w, 1);
	struct kith_help_token t = token_of(&w, 1, HELPER + 1); /* about another */
	assert_false(asked(&w, 1, &t, 1));
	t = token_of(&w, 2, HELPER); /* another home's, shown by this one */
	assert_false(asked(&w, 1, &t, 2));
	t = token_of(&w, 1, HELPER);
	assert_false(asked(&w, 1, &t, 2)); /* badly signed */
	t.seq -= 2 * KITH_HELP_LIFE_MS + KITH_CLOCK_TOLERANCE_MS;
	t.expires_ms -= 2 * KITH_HELP_LIFE_MS + KITH_CLOCK_TOLERANCE_MS; /* of yesterday */
	assert_false(asked(&w, 1, &t, 1));
	core_world_deinit(&w);
}

static void a_tenth_of_what_is_allowed_is_taken_at_first(void **state)
{
	(void)state;
	assert_int_equal(kith_promotion_places(100000), 10000);
	assert_int_equal(kith_promotion_places(19), 1);
	assert_int_equal(kith_promotion_places(1), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_serves_where_others_reached_it_when_a_home_asks),
		cmocka_unit_test(it_does_not_without_consent_or_figures),
		cmocka_unit_test(it_does_not_for_a_token_that_is_not_this_homes_word_about_it),
		cmocka_unit_test(a_tenth_of_what_is_allowed_is_taken_at_first),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
