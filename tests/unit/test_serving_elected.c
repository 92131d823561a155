/* A leaf that no certificate calls a supernode serves once it is attested, and is a supernode to everybody. */
#include "serving_world.h"

static void without_attestations_it_does_not_serve(void **state)
{
	(void)state;
	start();
	struct kith_core *c = cw.w.nodes[CW_ALICE].core;
	c->endpoints[0] = world_endpoint(CW_ALICE); /* as if it were configured */
	c->endpoints_n = 1;
	assert_int_equal(begin(CW_ALICE), KITH_EACCES);
	assert_false(kith_serves(c));
	world_run(&cw.w, 30 * KITH_US_PER_S);
	assert_int_equal(known_by(), 0);
	assert_int_equal(kith_homes_count(c), KITH_HOMES); /* it goes on as it was */
	core_world_deinit(&cw.w);
}

static void with_them_it_is_known_everywhere_and_is_a_home(void **state)
{
	(void)state;
	start();
	assert_int_equal(cw_attest(&cw, &no_caps).reached, KITH_REACHED_YES);
	assert_int_equal(begin(CW_ALICE), 0);
	world_run(&cw.w, 60 * KITH_US_PER_S);
	assert_int_equal(known_by(), CW_SUPERNODES);
	const struct kith_core *alice = cw.w.nodes[CW_ALICE].core;
	assert_int_equal(kith_members_live(&alice->super->members), CW_SUPERNODES + 1);
	assert_non_null(kith_members_get(&alice->super->members, &alice->super->id));
	/* Leaves come, and are told of her by their homes; then these are gone. */
	for (int i = 0; i < 8; i++) {
		char name[16];
		snprintf(name, sizeof name, "leaf%d", i);
		(void)world_start(&cw.w, name, false);
	}
	world_run(&cw.w, 30 * KITH_US_PER_S);
	for (int i = 0; i < CW_SUPERNODES - 1; i++)
		cw.w.nodes[i].muted = true;
	world_run(&cw.w, 5 * 60 * KITH_US_PER_S);
	int at_alice = 0;
	for (int i = CW_ALICE + 1; i < cw.w.n; i++) {
		for (int k = 0; k < KITH_HOMES; k++) {
			const struct kith_home_slot *home = &cw.w.nodes[i].core->leaf.homes[k];
			at_alice += home->state == KITH_HOME_ATTACHED &&
				    memcmp(home->host.dh.b, alice->self.dh_pk, KITH_KEY_LEN) == 0;
		}
	}
	assert_true(at_alice > 0);
	core_world_deinit(&cw.w);
}

/* The node of a supernode that has attested alice, and is no bootstrap host. */
static int a_witness_of_hers(void)
{
	struct kith_attest list[KITH_ATTESTS_MAX];
	const struct kith_supernode *sn = cw.w.nodes[CW_ALICE].core->super;
	int n = kith_attests_read(list, test_span(sn->attests, sn->attests_len));
	for (int i = 3; i < CW_SUPERNODES; i++) {
		for (int k = 0; k < n; k++) {
			if (memcmp(cw.w.nodes[i].core->super->id.b, list[k].witness, sizeof list[k].witness) == 0)
				return i;
		}
	}
	fail_msg("all of them are bootstrap hosts");
	return 0;
}

/* One of those who attested her has gone. Whoever begins now takes the word of the certified for it that she serves;
 * when it knows the others, it finds that two attestations are too few. */
static void a_newcomer_takes_a_word_for_it_and_looks_later(void **state)
{
	(void)state;
	start();
	assert_int_equal(cw_attest(&cw, &no_caps).reached, KITH_REACHED_YES);
	assert_int_equal(begin(CW_ALICE), 0);
	world_run(&cw.w, 60 * KITH_US_PER_S);
	int witness = a_witness_of_hers();
	kith_core_leave(cw.w.nodes[witness].core, world_clock(&cw.w), KITH_US_PER_S);
	world_drain(&cw.w, witness);
	world_run(&cw.w, 60 * KITH_US_PER_S);
	int newcomer = world_start(&cw.w, "late", true);
	world_run(&cw.w, 20 * KITH_US_PER_S);
	const struct kith_members *ms = &cw.w.nodes[newcomer].core->super->members;
	const struct kith_id id = cw.w.nodes[CW_ALICE].core->super->id;
	assert_non_null(kith_members_get(ms, &id));
	assert_true(kith_members_get(ms, &id)->on_word);
	world_run(&cw.w, KITH_MEMBERS_YOUNG_US + 60 * KITH_US_PER_S);
	assert_null(kith_members_get(ms, &id));
	core_world_deinit(&cw.w);
}

/* One that attested her has gone by the time that her entry is renewed: she has others, and names those. */
static void its_entry_outlives_its_witnesses(void **state)
{
	(void)state;
	start();
	assert_int_equal(cw_attest(&cw, &no_caps).attestations, 5);
	assert_int_equal(begin(CW_ALICE), 0);
	world_run(&cw.w, 60 * KITH_US_PER_S);
	int witness = a_witness_of_hers();
	kith_core_leave(cw.w.nodes[witness].core, world_clock(&cw.w), KITH_US_PER_S);
	world_drain(&cw.w, witness);
	world_run(&cw.w, 13 * 3600 * KITH_US_PER_S); /* no entry of before holds any more */
	assert_int_equal(known_by(), CW_SUPERNODES);
	core_world_deinit(&cw.w);
}

/* Says that it is a supernode, and is in nobody's table. */
static void who_only_says_so_is_a_leaf(void **state)
{
	(void)state;
	start();
	struct kith_core *c = cw.w.nodes[CW_ALICE].core;
	struct kith_host host = { .endpoints_n = 1 };
	uint8_t body[KITH_GOSSIP_REQUEST_MAX];
	uint32_t index;
	int other = 0;
	while (other == cw_home_of(&cw, 0) || other == cw_home_of(&cw, 1) || other == cw_home_of(&cw, 2))
		other++;
	memcpy(host.dh.b, cw.w.nodes[other].core->self.dh_pk, KITH_KEY_LEN);
	host.endpoints[0] = world_endpoint(other);
	kith_core_enter(c, world_clock(&cw.w));
	c->self.role = KITH_ROLE_SUPERNODE;
	const struct kith_gossip_to to = { .partner = KITH_MEMBERS_STRANGER, .digests = true };
	size_t len = kith_gossip_request(&cw.w.nodes[0].core->super->members, &c->now, c->random, &to, body);
	assert_int_equal(kith_connect_request(c, &host, KITH_USE_MEMBER, KITH_REQ_GOSSIP, test_span(body, len),
					      kith_token(KITH_TOKEN_IGNORE, 0), &index),
			 0);
	kith_core_settle(c);
	world_drain(&cw.w, CW_ALICE);
	world_run(&cw.w, KITH_US_PER_S);
	const struct kith_session *s = kith_sessions_of(&cw.w.nodes[other].core->sessions, c->self.dh_pk);
	assert_non_null(s);
	assert_int_equal(s->role, KITH_ROLE_LEAF);
	assert_int_equal(s->use & KITH_USE_MEMBER, 0); /* the exchange was refused */
	core_world_deinit(&cw.w);
}

/* The root changes its mind: first it ends, and then it is asked no more, until the root allows it again. */
static void where_the_root_lets_certified_ones_serve_only_it_is_a_leaf_again(void **state)
{
	(void)state;
	start();
	assert_int_equal(cw_attest(&cw, &no_caps).reached, KITH_REACHED_YES);
	assert_int_equal(begin(CW_ALICE), 0);
	world_run(&cw.w, 60 * KITH_US_PER_S);
	assert_int_equal(known_by(), CW_SUPERNODES);
	struct kith_core *alice = cw.w.nodes[CW_ALICE].core;
	assert_int_equal(params_give(&cw.w, 0, 1, KITH_ELIGIBLE_CERTIFIED, &cw.w.pki.root), 0);
	world_run(&cw.w, 120 * KITH_US_PER_S);
	assert_false(kith_serves(alice));
	world_run(&cw.w, KITH_MEMBERS_YOUNG_US); /* so long the others take a word for what they cannot check yet */
	assert_int_equal(known_by(), 0);
	assert_int_equal(kith_office_why(alice->office, cw.w.now, true), KITH_ROLE_WHY_NETWORK);
	assert_int_equal(kith_office_ask(alice->office, cw.w.now, 0), KITH_EACCES);
	assert_int_equal(kith_homes_count(alice), KITH_HOMES);
	for (int i = 0; i < CW_SUPERNODES; i++) /* who is certified so stays */
		assert_int_equal(kith_members_live(&cw.w.nodes[i].core->super->members), CW_SUPERNODES);
	assert_int_equal(params_give(&cw.w, 0, 2, KITH_ELIGIBLE_ALL, &cw.w.pki.root), 0);
	world_run(&cw.w, 60 * KITH_US_PER_S);
	assert_int_not_equal(kith_office_why(alice->office, cw.w.now, true), KITH_ROLE_WHY_NETWORK);
	core_world_deinit(&cw.w);
}

/* An elected one that pays no heed is no supernode to others. */
static void an_elected_one_that_pays_no_heed_is_in_nobodys_table(void **state)
{
	(void)state;
	start();
	assert_int_equal(cw_attest(&cw, &no_caps).reached, KITH_REACHED_YES);
	assert_int_equal(begin(CW_ALICE), 0);
	world_run(&cw.w, 60 * KITH_US_PER_S);
	struct kith_core *alice = cw.w.nodes[CW_ALICE].core;
	alice->office->certified = true;
	alice->me.flags |= KITH_NAME_SUPERNODE; /* it only says so to itself */
	assert_int_equal(params_give(&cw.w, 0, 1, KITH_ELIGIBLE_CERTIFIED, &cw.w.pki.root), 0);
	world_run(&cw.w, 120 * KITH_US_PER_S + KITH_MEMBERS_YOUNG_US);
	assert_true(kith_serves(alice));
	assert_int_equal(known_by(), 0);
	core_world_deinit(&cw.w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_attestations_it_does_not_serve),
		cmocka_unit_test(with_them_it_is_known_everywhere_and_is_a_home),
		cmocka_unit_test(a_newcomer_takes_a_word_for_it_and_looks_later),
		cmocka_unit_test(its_entry_outlives_its_witnesses),
		cmocka_unit_test(who_only_says_so_is_a_leaf),
		cmocka_unit_test(where_the_root_lets_certified_ones_serve_only_it_is_a_leaf_again),
		cmocka_unit_test(an_elected_one_that_pays_no_heed_is_in_nobodys_table),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
