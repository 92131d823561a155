/* A home asks witnesses for its leaf, and knows what its leaves are attested. */
#include "candidacy_world.h"

#include "wire/message_attest.h"

static const struct kith_candidacy_options no_caps;
static struct cw cw;

static void start(void)
{
	memset(&cw, 0, sizeof cw);
	cw_start(&cw);
}

/* ATTEST on the session of one of alice's homes; what the home answers. */
static int attest_at(int home, const struct kith_msg_attest *m)
{
	struct kith_core *c = cw.w.nodes[CW_ALICE].core;
	struct kith_session *s = kith_homes_session(c, &c->leaf.homes[home]);
	uint8_t body[KITH_REQUEST_MAX];
	kith_core_enter(c, world_clock(&cw.w));
	size_t len = kith_msg_attest_write(body, sizeof body, m);
	assert_int_equal(
		kith_session_request(c, s, KITH_REQ_ATTEST, test_span(body, len), kith_token(KITH_TOKEN_ATTEST, 0)), 0);
	kith_core_settle(c);
	world_drain(&cw.w, CW_ALICE);
	uint64_t limited = world_stat(&cw.w, cw_home_of(&cw, home), KITH_STAT_REQUESTS_LIMITED);
	world_run(&cw.w, KITH_US_PER_S / 2);
	return world_stat(&cw.w, cw_home_of(&cw, home), KITH_STAT_REQUESTS_LIMITED) > limited ? KITH_ELIMIT : 0;
}

static const struct kith_qualification *figures_at(int home)
{
	const struct kith_core *c = cw.w.nodes[cw_home_of(&cw, home)].core;
	return kith_sponsor_figures(c, kith_sessions_of(&c->sessions, cw.w.nodes[CW_ALICE].core->self.dh_pk));
}

static void a_leaf_is_asked_about_once_in_ten_minutes(void **state)
{
	(void)state;
	start();
	const struct kith_msg_attest ask = { .ask = true };
	assert_int_equal(attest_at(0, &ask), 0);
	world_run(&cw.w, 5 * KITH_US_PER_S);
	assert_int_equal(attest_at(0, &ask), KITH_ELIMIT);
	world_run(&cw.w, KITH_WITNESS_AGAIN_US);
	assert_int_equal(attest_at(0, &ask), 0);
	core_world_deinit(&cw.w);
}

/* What a leaf says of itself is nothing; what is attested to somebody else, or was altered, is nothing either. */
static void figures_are_those_that_members_attested(void **state)
{
	(void)state;
	uint8_t list[KITH_ATTESTS_LEN_MAX];
	struct kith_endpoint at;
	start();
	const struct kith_msg_attest claim = { .up = 1000000000, .down = 1000000000 };
	(void)attest_at(0, &claim);
	assert_null(figures_at(0));
	(void)cw_attest(&cw, &no_caps);
	const struct kith_qualification *q = figures_at(0);
	assert_non_null(q);
	uint32_t up = q->up;
	size_t len = kith_candidacy_attests(cw.w.nodes[CW_ALICE].core, list, &at);
	assert_true(len > 0);
	list[1 + 2 + KITH_HOME_TAG_LEN + KITH_MEMBER_ID_PREFIX + 9] = 0x7f; /* up, of the first one */
	const struct kith_msg_attest forged = { .held = test_span(list, len) };
	(void)attest_at(0, &forged);
	assert_int_equal(figures_at(0)->up, up);
	core_world_deinit(&cw.w);
}

static void figures_end_with_the_attestations(void **state)
{
	(void)state;
	start();
	(void)cw_attest(&cw, &no_caps);
	assert_non_null(figures_at(1));
	for (int i = 0; i < cw.w.n; i++) /* it is a day and an hour later, everywhere, and nobody was asked since */
		cw.w.nodes[i].skew_ms = 26 * 3600 * 1000;
	struct kith_core *home = cw.w.nodes[cw_home_of(&cw, 1)].core;
	kith_core_enter(home, world_clock_of(&cw.w, cw_home_of(&cw, 1)));
	assert_null(figures_at(1));
	kith_core_settle(home);
	world_drain(&cw.w, cw_home_of(&cw, 1));
	core_world_deinit(&cw.w);
}

/* Fewer than three could be asked: that is no verdict on the candidate. */
static void in_a_small_network_nobody_is_attested_and_nobody_is_blamed(void **state)
{
	(void)state;
	static const char *const leaves[] = { "alice", NULL };
	struct core_world w;
	world_network(&w, kith_suite_sim(), 1, 5, leaves);
	struct kith_core *c = w.nodes[5].core;
	kith_core_enter(c, world_clock(&w));
	assert_int_equal(kith_candidacy_begin(c, &no_caps), 0);
	kith_core_settle(c);
	world_drain(&w, 5);
	world_run(&w, 150 * KITH_US_PER_S);
	struct kith_candidacy_info info;
	assert_true(kith_candidacy_info(c, &info));
	assert_int_equal(info.reached, KITH_REACHED_UNKNOWN);
	assert_int_equal(info.attestations, 0);
	core_world_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_leaf_is_asked_about_once_in_ten_minutes),
		cmocka_unit_test(figures_are_those_that_members_attested),
		cmocka_unit_test(figures_end_with_the_attestations),
		cmocka_unit_test(in_a_small_network_nobody_is_attested_and_nobody_is_blamed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
