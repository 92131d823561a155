/* Strangers have to reach a candidate: a leaf knocks, which it cannot know of. */
#include "candidacy_world.h"

#include "overlay/witnesses.h"

static const struct kith_candidacy_options no_caps;
static struct cw cw;

static const char *const with_others[] = { "alice", "bob",  "carol", "dave", "erin", "frank", "grace",
					   "heidi", "ivan", "judy",  "mike", "niaj", "olga",  NULL };
enum { OTHERS = sizeof with_others / sizeof with_others[0] - 2 };

/* Others consent as well, and have been attested. */
static void start_with_others(uint64_t seed)
{
	memset(&cw, 0, sizeof cw);
	cw.seed = seed;
	cw_start_with(&cw, with_others);
	cw_consent_of(&cw, CW_ALICE + 1, &no_caps);
	cw_grow_old(&cw); /* the first of them is let off */
	world_run(&cw.w, KITH_KNOCK_SETTLED_US + 120 * KITH_US_PER_S);
	for (int i = 2; i <= OTHERS; i++)
		cw_consent_of(&cw, CW_ALICE + i, &no_caps);
	world_run(&cw.w, KITH_KNOCK_SETTLED_US + 300 * KITH_US_PER_S);
}

/* Her NAT lets in every port of an address that she has spoken to, and she has spoken to all supernodes. Some leaf that
 * she does not know of is to knock. */
static void one_behind_an_address_restricted_nat_is_not_attested(void **state)
{
	(void)state;
	start_with_others(0);
	cw.nat = cw.by_address = true;
	cw_punch(&cw);
	struct kith_candidacy_info info = cw_attest(&cw, &no_caps);
	assert_int_equal(info.attestations, 0);
	assert_int_equal(info.reached, KITH_REACHED_SOME); /* the witnesses themselves were let in */
	assert_true(cw.knocks >= KITH_ATTESTS_NEEDED);
	assert_true(cw.knocks <= KITH_WITNESSES * 3);
	assert_int_equal(cw.burst_bytes, 0);
	core_world_deinit(&cw.w);
}

/* ... which costs those whom strangers reach nothing, though packets are lost. */
static void one_that_strangers_reach_is_attested_by_way_of_leaves(void **state)
{
	(void)state;
	start_with_others(0);
	cw.loss_percent = 5;
	struct kith_candidacy_info info = cw_attest(&cw, &no_caps);
	assert_int_equal(info.reached, KITH_REACHED_YES);
	assert_true(cw.knocks >= KITH_ATTESTS_NEEDED);
	assert_int_equal(cw.knocks_of_supernodes, 0);
	core_world_deinit(&cw.w);
}

/* One that passes on what she is to be told could be among those that knock: her witness does not ask one after the
 * other until it is. */
static void a_witness_has_the_same_leaf_knock_again(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 3; seed++) {
		start_with_others(seed);
		cw.nat = cw.by_address = true;
		cw_punch(&cw);
		(void)cw_attest(&cw, &no_caps);
		/* Three each; a leaf that more than two of them drew does not knock at one /24 that often. */
		assert_in_range(cw.knocks, KITH_WITNESSES * 2, KITH_WITNESSES * 3);
		assert_true(cw.knockers <= KITH_WITNESSES);
		core_world_deinit(&cw.w);
	}
}

/* What leaf `of` does that a home of its asks to knock. */
static uint8_t knock_status(int of, int home, const struct kith_endpoint *at)
{
	struct kith_core *c = cw.w.nodes[of].core;
	const struct kith_msg_knock m = { .endpoint = *at, .name = 1, .number = 1 };
	const struct kith_session *s = kith_sessions_of(&c->sessions, cw.w.nodes[home].core->self.dh_pk);
	assert_non_null(s);
	kith_core_enter(c, world_clock(&cw.w));
	uint8_t status = kith_knock_send(c, s, &m);
	kith_core_settle(c);
	world_drain(&cw.w, of);
	return status;
}

static int to_victim; /* packets to an address of nobody's */

static int count_victim(struct core_world *w, struct world_packet *p)
{
	const struct kith_addr victim = world_addr(WORLD_NODES + 5);
	to_victim += memcmp(p->to.ip, victim.ip, 4) == 0;
	return cw_tap(w, p);
}

/* A home that has its leaf knock at somebody who did not ask: a few packets, then one in ten seconds. */
static void a_leaf_knocks_seldom_and_nowhere_inside(void **state)
{
	(void)state;
	memset(&cw, 0, sizeof cw);
	cw_start(&cw);
	to_victim = 0;
	cw.w.tap = count_victim;
	struct kith_endpoint victim = world_endpoint(WORLD_NODES + 5);
	int limited = 0;
	for (int i = 0; i < 100; i++)
		limited += knock_status(CW_ALICE, cw_home_of(&cw, 0), &victim) == KITH_STATUS_LIMITED;
	world_run(&cw.w, KITH_US_PER_S);
	assert_int_equal(to_victim, KITH_KNOCKS_BURST);
	assert_int_equal(limited, 100 - KITH_KNOCKS_BURST);
	/* The other homes have no more for the same network, and some for others. */
	assert_int_equal(knock_status(CW_ALICE, cw_home_of(&cw, 1), &victim), KITH_STATUS_LIMITED);
	const struct kith_endpoint other = world_endpoint(WORLD_NODES + 6);
	assert_int_equal(knock_status(CW_ALICE, cw_home_of(&cw, 1), &other), KITH_STATUS_OK);
	world_run(&cw.w, KITH_KNOCKS_SLOWER * KITH_US_PER_S);
	assert_int_equal(knock_status(CW_ALICE, cw_home_of(&cw, 1), &victim), KITH_STATUS_OK);
	assert_int_equal(knock_status(CW_ALICE, cw_home_of(&cw, 1), &victim), KITH_STATUS_LIMITED);
	const uint8_t inside[] = { 127, 0, 0, 1 };
	memcpy(victim.addr.ip, inside, sizeof inside);
	assert_int_equal(knock_status(CW_ALICE, cw_home_of(&cw, 2), &victim), KITH_STATUS_NOT_ALLOWED);
	core_world_deinit(&cw.w);
}

/* Nobody but her consents: somebody has to be the first. */
static void where_no_leaf_consents_nobody_knocks(void **state)
{
	(void)state;
	memset(&cw, 0, sizeof cw);
	cw_start_with(&cw, with_others);
	cw_grow_old(&cw);
	struct kith_candidacy_info info = cw_attest(&cw, &no_caps);
	assert_int_equal(info.reached, KITH_REACHED_YES);
	assert_int_equal(cw.knocks, 0);
	core_world_deinit(&cw.w);
}

/* ... but not in the hour in which all begin, when the others are about to consent. */
static void nobody_is_the_first_while_everybody_begins(void **state)
{
	(void)state;
	memset(&cw, 0, sizeof cw);
	cw_start_with(&cw, with_others);
	struct kith_candidacy_info info = cw_attest(&cw, &no_caps);
	assert_int_equal(info.attestations, 0);
	core_world_deinit(&cw.w);
}

/* Two that begin together: each would be drawn to knock at the other, and have spoken to it. */
static void who_has_just_consented_does_not_knock(void **state)
{
	(void)state;
	memset(&cw, 0, sizeof cw);
	cw_start_with(&cw, with_others);
	for (int i = 1; i <= OTHERS; i++)
		cw_consent_of(&cw, CW_ALICE + i, &no_caps);
	world_run(&cw.w, 120 * KITH_US_PER_S);
	(void)cw_attest(&cw, &no_caps);
	assert_int_equal(cw.knocks, 0);
	core_world_deinit(&cw.w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_behind_an_address_restricted_nat_is_not_attested),
		cmocka_unit_test(one_that_strangers_reach_is_attested_by_way_of_leaves),
		cmocka_unit_test(a_witness_has_the_same_leaf_knock_again),
		cmocka_unit_test(a_leaf_knocks_seldom_and_nowhere_inside),
		cmocka_unit_test(where_no_leaf_consents_nobody_knocks),
		cmocka_unit_test(who_has_just_consented_does_not_knock),
		cmocka_unit_test(nobody_is_the_first_while_everybody_begins),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
