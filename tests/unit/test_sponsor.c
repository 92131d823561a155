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

/* ---- where members are few ---- */

enum { FEW = 4, FEW_ALICE = FEW, FEW_BOB };
static struct core_world few;
static struct kith_addr spoken[32];
static int spoken_n;
static bool by_address; /* alice's NAT: lets in any port of an address that she has sent to */

static bool has_spoken(const struct kith_addr *to)
{
	for (int i = 0; i < spoken_n; i++)
		if (memcmp(spoken[i].ip, to->ip, sizeof to->ip) == 0)
			return true;
	return false;
}

static int few_tap(struct core_world *w, struct world_packet *p)
{
	const struct kith_addr *alice = &w->nodes[FEW_ALICE].addr;
	if (kith_addr_equal(&p->from, alice) && !has_spoken(&p->to)) {
		assert_true(spoken_n < (int)(sizeof spoken / sizeof spoken[0]));
		spoken[spoken_n++] = p->to;
	}
	return !by_address || !kith_addr_equal(&p->to, alice) || has_spoken(&p->from);
}

static void few_consents(int node)
{
	struct kith_core *c = few.nodes[node].core;
	kith_core_enter(c, world_clock(&few));
	assert_int_equal(kith_candidacy_begin(c, &no_caps), 0);
	kith_core_settle(c);
	world_drain(&few, node);
}

/* Four supernodes, of which three are homes of alice; and bob, who has consented for a while or never does. */
static struct kith_candidacy_info attested_by_few(bool bob, bool nat)
{
	static const char *const leaves[] = { "alice", "bob", NULL };
	struct kith_candidacy_info info;
	memset(&few, 0, sizeof few);
	spoken_n = 0;
	by_address = false;
	world_network(&few, kith_suite_sim(), 1, FEW, leaves);
	few.tap = few_tap;
	for (int i = 0; i < FEW; i++)
		spoken[spoken_n++] = few.nodes[i].addr;
	by_address = nat;
	if (bob)
		few_consents(FEW_BOB);
	world_run(&few, KITH_KNOCK_SETTLED_US + 120 * KITH_US_PER_S);
	for (int i = 0; i < FEW; i++) /* old enough to attest whom nobody knocks at */
		few.nodes[i].core->super->begun_at -= KITH_KNOCK_ALONE_US;
	few_consents(FEW_ALICE);
	world_run(&few, 150 * KITH_US_PER_S);
	assert_true(kith_candidacy_info(few.nodes[FEW_ALICE].core, &info));
	return info;
}

/* Her homes attest her, too: there are not three others. */
static void in_a_small_network_homes_attest_as_well(void **state)
{
	(void)state;
	struct kith_candidacy_info info = attested_by_few(true, false);
	assert_int_equal(info.reached, KITH_REACHED_YES);
	assert_true(info.attestations >= KITH_ATTESTS_NEEDED);
	core_world_deinit(&few);
}

/* ... but only whom a stranger reaches: her NAT lets in those that she has spoken to. */
static void homes_attest_nobody_whom_only_they_reach(void **state)
{
	(void)state;
	struct kith_candidacy_info info = attested_by_few(true, true);
	assert_int_equal(info.attestations, 0);
	assert_int_equal(info.reached, KITH_REACHED_SOME);
	core_world_deinit(&few);
	/* The one that she has not spoken to is old enough to do without a knock; her homes are not let off. */
	info = attested_by_few(false, false);
	assert_true(info.attestations < KITH_ATTESTS_NEEDED);
	core_world_deinit(&few);
}

/* Fewer than three could be asked: that is no verdict on the candidate. */
static void where_members_are_too_few_nobody_is_attested_and_nobody_is_blamed(void **state)
{
	(void)state;
	static const char *const leaves[] = { "alice", NULL };
	struct core_world w;
	world_network(&w, kith_suite_sim(), 1, KITH_ATTESTS_NEEDED - 1, leaves);
	struct kith_core *c = w.nodes[KITH_ATTESTS_NEEDED - 1].core;
	kith_core_enter(c, world_clock(&w));
	assert_int_equal(kith_candidacy_begin(c, &no_caps), 0);
	kith_core_settle(c);
	world_drain(&w, KITH_ATTESTS_NEEDED - 1);
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
		cmocka_unit_test(in_a_small_network_homes_attest_as_well),
		cmocka_unit_test(homes_attest_nobody_whom_only_they_reach),
		cmocka_unit_test(where_members_are_too_few_nobody_is_attested_and_nobody_is_blamed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
