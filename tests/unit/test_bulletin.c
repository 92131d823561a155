/* Revocation lists on their way: from one supernode to all, and to leaves. */
#include "lists_world.h"

#include "super/bulletin.h"
#include "super/members.h"

enum { SUPERS = 8, ALICE = SUPERS, BOB };

static void network(struct core_world *w)
{
	world_network(w, kith_suite_sodium(), 1, SUPERS, (const char *const[]){ "alice", "bob", NULL });
	world_run(w, 20 * KITH_US_PER_S);
}

static uint64_t all_stats(const struct core_world *w, enum kith_stat stat)
{
	uint64_t n = 0;
	for (int i = 0; i < w->n; i++)
		n += world_stat(w, i, stat);
	return n;
}

static void a_list_given_to_one_supernode_reaches_all_and_cuts_the_name_off(void **state)
{
	struct core_world w;
	kith_session_id theirs;
	(void)state;
	network(&w);
	world_call(&w, ALICE, BOB, &theirs);
	int since = w.events_n;
	kith_time_us begun = w.now;
	list_give(&w, 3, &(struct list_of){ .issuer = &w.pki.issuer, .number = 7, .serial = 1 + ALICE });
	world_run(&w, 3 * KITH_US_PER_S);
	assert_int_equal(list_holders(&w, 0, SUPERS, &w.pki.issuer, 7), SUPERS);
	world_run(&w, 27 * KITH_US_PER_S);
	assert_int_equal(list_number(&w, BOB, &w.pki.issuer), 7);
	const struct world_event *closed = world_event(&w, BOB, KITH_EVENT_CLOSED, since);
	assert_non_null(closed);
	assert_int_equal(closed->ev.reason, KITH_CLOSE_CERTIFICATE);
	assert_true(closed->at - begun <= 30 * KITH_US_PER_S);
	assert_int_equal(all_stats(&w, KITH_STAT_LISTS_TAKEN), SUPERS - 1 + 1); /* each once; alice is cut off */
	assert_int_equal(all_stats(&w, KITH_STAT_LISTS_REFUSED) + all_stats(&w, KITH_STAT_LISTS_FALSE) +
				 all_stats(&w, KITH_STAT_LISTS_UNKNOWN) + all_stats(&w, KITH_STAT_LISTS_LIMITED),
			 0);
	core_world_deinit(&w);
}

static int count_tap(struct core_world *w, struct world_packet *p)
{
	uint64_t *bytes = w->tap_ctx;
	*bytes += p->len;
	return 1;
}

/* What lists cost once all have them: the sum in exchanges that compare tables. */
static void a_list_that_all_have_costs_next_to_nothing(void **state)
{
	struct core_world w;
	uint64_t before = 0, after = 0;
	(void)state;
	network(&w);
	world_run(&w, 120 * KITH_US_PER_S);
	w.tap = count_tap;
	w.tap_ctx = &before;
	world_run(&w, KITH_RECORD_REFRESH_US);
	w.tap = NULL;
	list_give(&w, 0, &(struct list_of){ .number = 1 });
	list_give(&w, 1, &(struct list_of){ .issuer = &w.pki.issuer, .number = 1 });
	world_run(&w, 120 * KITH_US_PER_S);
	assert_int_equal(list_holders(&w, 0, w.n, NULL, 1), w.n);
	uint64_t requests = all_stats(&w, KITH_STAT_LISTS_TAKEN);
	w.tap = count_tap;
	w.tap_ctx = &after;
	world_run(&w, KITH_RECORD_REFRESH_US);
	printf("  %llu bytes between two records, %llu with lists\n", (unsigned long long)before,
	       (unsigned long long)after);
	assert_true(after <= before + before / 20);
	assert_int_equal(all_stats(&w, KITH_STAT_LISTS_TAKEN), requests);
	core_world_deinit(&w);
}

static void who_comes_later_is_told_at_once(void **state)
{
	struct core_world w;
	(void)state;
	network(&w);
	list_give(&w, 0, &(struct list_of){ .number = 2 });
	list_give(&w, 0, &(struct list_of){ .issuer = &w.pki.issuer, .number = 5, .serial = 9999 });
	world_run(&w, 5 * KITH_US_PER_S);
	int super = world_start(&w, "late", true), leaf = world_start(&w, "carol", false);
	world_run(&w, 3 * KITH_US_PER_S);
	assert_int_equal(list_number(&w, super, NULL), 2);
	assert_int_equal(list_number(&w, super, &w.pki.issuer), 5);
	assert_int_equal(list_number(&w, leaf, NULL), 2);
	assert_int_equal(list_number(&w, leaf, &w.pki.issuer), 5);
	core_world_deinit(&w);
}

/* A supernode that comes back with a newer list than the others have hands it on: they ask it, by the sums. */
static void whoever_has_the_newer_one_is_asked_whichever_side_begins(void **state)
{
	struct core_world w;
	uint8_t buf[KITH_REVOCATION_LEN_MAX];
	(void)state;
	network(&w);
	struct kith_core *c = w.nodes[5].core;
	/* Nobody is told: as if what was told had been lost. */
	struct kith_span list = list_signed(&w, &(struct list_of){ .number = 3 }, &w.pki.root, buf);
	assert_int_equal(kith_trust_revocation_add(&c->trust, &c->now, list), 1);
	for (unsigned p = 0; p < KITH_MEMBERS_PARTNERS; p++) {
		bool all;
		uint8_t out[KITH_EDITIONS_LEN_MAX];
		(void)kith_bulletin_tell(c, p, 0, KITH_EDITIONS_LEN_MAX, &all, out);
	}
	c->super->told[0].since -= KITH_LISTS_NEWS_US; /* and long ago */
	for (int i = 0; i < SUPERS; i++)
		w.nodes[i].core->super->exchanges = 0; /* the next one compares the tables */
	world_run(&w, 12 * KITH_US_PER_S);
	assert_int_equal(list_holders(&w, 0, SUPERS, NULL, 3), SUPERS);
	core_world_deinit(&w);
}

static int loss_tap(struct core_world *w, struct world_packet *p)
{
	(void)p;
	return test_random_next(&w->random) % 20 == 0 ? 0 : 1;
}

static void a_list_of_full_length_comes_through_loss(void **state)
{
	struct core_world w;
	(void)state;
	network(&w);
	w.tap = loss_tap;
	list_give(&w, 2, &(struct list_of){ .number = 1, .ranges = KITH_REVOKED_RANGES_MAX });
	world_run(&w, 30 * KITH_US_PER_S);
	assert_int_equal(list_holders(&w, 0, w.n, NULL, 1), w.n);
	core_world_deinit(&w);
}

/* Its certificate comes first, and is the root's word. */
static void the_list_of_an_issuer_that_nobody_met_is_taken_with_its_certificate(void **state)
{
	struct core_world w;
	struct kith_signer other;
	struct kith_seed seed = { { 77 } };
	uint8_t cert[KITH_CERT_MAX];
	struct kith_issuer_cert ic = { .serial = 9,
				       .not_before_s = WORLD_UNIX_MS / 1000 - 86400,
				       .expires_s = WORLD_UNIX_MS / 1000 + 86400 };
	(void)state;
	network(&w);
	kith_signer_from_seed(&other, w.pki.suite, &seed);
	ic.issuer = other.pk;
	int len = kith_issuer_cert_sign(w.pki.suite, cert, &ic, w.pki.root.sk);
	assert_int_equal(kith_core_add_issuer(w.nodes[4].core, world_clock(&w), test_span(cert, (size_t)len)), 0);
	list_give(&w, 4, &(struct list_of){ .issuer = &other, .number = 12, .serial = 1 });
	world_run(&w, 30 * KITH_US_PER_S);
	assert_int_equal(list_holders(&w, 0, w.n, &other, 12), w.n);
	core_world_deinit(&w);
}

/* Lists that are too old keep calls back, until newer ones come: from wherever. */
static void a_list_that_came_by_gossip_is_as_fresh_as_one_that_was_handed_in(void **state)
{
	struct core_world w;
	(void)state;
	network(&w);
	list_give(&w, 0, &(struct list_of){ .number = 1, .due_s = 600, .grace = true });
	world_run(&w, 30 * KITH_US_PER_S);
	int since = w.events_n;
	world_run(&w, (600 + 1800 + 1200) * KITH_US_PER_S);
	assert_int_equal(world_event(&w, BOB, KITH_EVENT_LISTS_LATE, since)->ev.err, KITH_ESTALE);
	kith_op op = world_dial(&w, BOB, "alice", 0);
	world_run(&w, 5 * KITH_US_PER_S);
	assert_int_equal(world_event(&w, BOB, KITH_EVENT_OP_DONE, since)->ev.op, op);
	assert_int_equal(world_event(&w, BOB, KITH_EVENT_OP_DONE, since)->ev.err, KITH_ESTALE);

	list_give(&w, 1, &(struct list_of){ .number = 2, .due_s = 86400, .grace = true });
	world_run(&w, 30 * KITH_US_PER_S);
	assert_int_equal(world_event(&w, BOB, KITH_EVENT_LISTS_LATE, since)->ev.err, 0);
	world_call(&w, ALICE, BOB, NULL);
	core_world_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_list_given_to_one_supernode_reaches_all_and_cuts_the_name_off),
		cmocka_unit_test(a_list_that_all_have_costs_next_to_nothing),
		cmocka_unit_test(who_comes_later_is_told_at_once),
		cmocka_unit_test(whoever_has_the_newer_one_is_asked_whichever_side_begins),
		cmocka_unit_test(a_list_of_full_length_comes_through_loss),
		cmocka_unit_test(the_list_of_an_issuer_that_nobody_met_is_taken_with_its_certificate),
		cmocka_unit_test(a_list_that_came_by_gossip_is_as_fresh_as_one_that_was_handed_in),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
