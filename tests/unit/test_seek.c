/* A supernode without a leaf to ask finds one at other members, and judges it by what is signed of it. */
#include "candidacy_world.h"

#include "super/seek.h"

enum { LOADED = CW_SUPERNODES - 1, PACE = 60 };

static struct cw cw;

/* Alice may serve, and is attested since an hour of the election's clock. The loaded one is no home of hers. */
static void start(void)
{
	struct kith_core_options o;
	memset(&cw, 0, sizeof cw);
	world_network(&cw.w, kith_suite_sim(), 1, CW_SUPERNODES, (const char *const[]){ NULL });
	int i = world_add(&cw.w, "alice", true);
	world_options(&cw.w, i, &o);
	o.role = KITH_ROLE_AUTO;
	o.terms.consent = KITH_CONSENT_YES;
	o.endpoints_n = 0;
	assert_int_equal(i, CW_ALICE);
	assert_int_equal(world_try_start(&cw.w, i, &o), 0);
	cw_grow_old(&cw);
	for (int k = 0; k <= CW_ALICE; k++)
		cw.w.nodes[k].core->pace = PACE;
	world_run(&cw.w, 5 * KITH_US_PER_S);
	world_run(&cw.w, 300 * KITH_US_PER_S);
	for (int k = 0; k < KITH_HOMES; k++)
		assert_int_not_equal(cw_home_of(&cw, k), LOADED);
	assert_true(cw_info(&cw).attestations >= KITH_ATTESTS_NEEDED);
}

/* The others have just not too much to do, by what it knows: one more is needed, and nobody else promotes it. */
static void run_loaded(kith_time_us us)
{
	const struct kith_members *ms = &cw.w.nodes[LOADED].core->super->members;
	for (uint32_t i = 0; i < ms->n; i++)
		ms->at[i]->load = kith_election_load_byte(KITH_ELECTION_ASK - 2);
	const struct kith_core_load load = { .busy_permille = 4000 };
	for (kith_time_us until = cw.w.now + us; cw.w.now < until;) {
		kith_core_load(cw.w.nodes[LOADED].core, world_clock_of(&cw.w, LOADED), &load);
		world_drain(&cw.w, LOADED);
		world_run(&cw.w, KITH_US_PER_S);
	}
}

static struct kith_session *at_home(int i)
{
	struct kith_core *home = cw.w.nodes[cw_home_of(&cw, i)].core;
	return kith_sessions_of(&home->sessions, cw.w.nodes[CW_ALICE].core->self.dh_pk);
}

static void a_leaf_of_another_member_comes_to_help(void **state)
{
	(void)state;
	start();
	assert_false(kith_serves(cw.w.nodes[CW_ALICE].core));
	run_loaded(8 * KITH_US_PER_S);
	assert_true(kith_serves(cw.w.nodes[CW_ALICE].core));
	const struct kith_help *h = &cw.w.nodes[LOADED].core->super->help;
	assert_memory_equal(h->newcomer.dh.b, cw.w.nodes[CW_ALICE].core->self.dh_pk, KITH_KEY_LEN);
	core_world_deinit(&cw.w);
}

/* Whoever refuses is not offered to others for an hour, and the search ends. */
static void one_that_refuses_is_not_named_again(void **state)
{
	(void)state;
	start();
	kith_office_consent(cw.w.nodes[CW_ALICE].core->office, KITH_CONSENT_NO, cw.w.now);
	run_loaded(8 * KITH_US_PER_S);
	assert_false(kith_serves(cw.w.nodes[CW_ALICE].core));
	bool unwilling = false;
	for (int i = 0; i < KITH_HOMES; i++)
		unwilling = unwilling || at_home(i)->attached->candidate->unwilling_until > 0;
	assert_true(unwilling);
	assert_false(kith_seek_active(cw.w.nodes[LOADED].core));
	core_world_deinit(&cw.w);
}

/* Homes show what witnesses have not signed. */
static void what_a_member_says_of_its_leaf_counts_for_nothing(void **state)
{
	(void)state;
	start();
	for (int i = 0; i < KITH_HOMES; i++) {
		struct kith_candidate_leaf *leaf = at_home(i)->attached->candidate;
		for (size_t at = 0; at < leaf->held_len; at += 1u + leaf->held[at]) /* each signature */
			leaf->held[at + leaf->held[at]] ^= 1;
	}
	run_loaded(8 * KITH_US_PER_S);
	assert_false(kith_serves(cw.w.nodes[CW_ALICE].core));
	core_world_deinit(&cw.w);
}

/* A request of supernode `from` to the first home of alice. */
static void ask_home(int from, uint8_t kind, struct kith_span body)
{
	struct kith_core *c = cw.w.nodes[from].core;
	const struct kith_core *home = cw.w.nodes[cw_home_of(&cw, 0)].core;
	const struct kith_member *m = kith_members_get(&c->super->members, &home->super->id);
	struct kith_host host;
	uint32_t session;
	assert_non_null(m);
	kith_member_host(m, &host);
	kith_core_enter(c, world_clock(&cw.w));
	assert_int_equal(
		kith_connect_request(c, &host, KITH_USE_MEMBER, kind, body, kith_token(KITH_TOKEN_IGNORE, 0), &session),
		0);
	kith_core_settle(c);
	world_drain(&cw.w, from);
	world_run(&cw.w, KITH_US_PER_S / 2);
}

/* A home makes sure of the word by which its leaf is asked for: it is the asker's own. */
static void the_word_of_another_member_does_not_do(void **state)
{
	(void)state;
	uint8_t body[KITH_REQUEST_MAX];
	struct kith_key alice;
	start();
	memcpy(alice.b, cw.w.nodes[CW_ALICE].core->self.dh_pk, sizeof alice.b);
	int len = kith_seek_help_body(cw.w.nodes[LOADED].core, &alice, body);
	assert_true(len > 0);
	ask_home(LOADED - 1, KITH_REQ_HELP, test_span(body, (size_t)len));
	world_run(&cw.w, 5 * KITH_US_PER_S);
	assert_false(kith_serves(cw.w.nodes[CW_ALICE].core));
	ask_home(LOADED, KITH_REQ_HELP, test_span(body, (size_t)len));
	world_run(&cw.w, 5 * KITH_US_PER_S);
	assert_true(kith_serves(cw.w.nodes[CW_ALICE].core));
	core_world_deinit(&cw.w);
}

/* Names of leaves are not for whoever collects them. */
static void a_member_is_told_of_a_few_and_then_has_to_wait(void **state)
{
	(void)state;
	start();
	uint64_t limited = world_stat(&cw.w, cw_home_of(&cw, 0), KITH_STAT_REQUESTS_LIMITED);
	for (int i = 0; i < KITH_NOMINATE_BURST + 5; i++)
		ask_home(LOADED, KITH_REQ_NOMINATE, test_span(NULL, 0));
	assert_in_range(world_stat(&cw.w, cw_home_of(&cw, 0), KITH_STAT_REQUESTS_LIMITED) - limited, 4, 5);
	core_world_deinit(&cw.w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_leaf_of_another_member_comes_to_help),
		cmocka_unit_test(one_that_refuses_is_not_named_again),
		cmocka_unit_test(what_a_member_says_of_its_leaf_counts_for_nothing),
		cmocka_unit_test(the_word_of_another_member_does_not_do),
		cmocka_unit_test(a_member_is_told_of_a_few_and_then_has_to_wait),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
