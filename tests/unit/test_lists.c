/* Revocation lists that others tell of: what is asked, of whom, and what lies come to. */
#include "lists_world.h"

#include "link/lists.h"

enum { SUPERS = 4, VICTIM = 0, LIAR = 1, HONEST = 2 };

static void network(struct core_world *w)
{
	world_network(w, kith_suite_sodium(), 1, SUPERS, (const char *const[]){ NULL });
	world_run(w, 30 * KITH_US_PER_S);
}

static const uint8_t *root_id(const struct core_world *w)
{
	return w->pki.network.b;
}

/* The victim hears from a node of a list; a call of its own, with time for the answer. */
static void hear(struct core_world *w, int from, const uint8_t *signer, uint64_t number, kith_time_us us)
{
	struct kith_core *c = w->nodes[VICTIM].core;
	uint8_t edition[KITH_EDITION_LEN];
	struct kith_writer wr = kith_writer_of(edition, sizeof edition);
	kith_edition_write(&wr, &(struct kith_edition){ KITH_POSTED_LIST, signer, number, NULL });
	kith_core_tick(c, world_clock(w));
	kith_outbox_claim(&w->shared->outbox, c, c->stats);
	kith_lists_hear(c, list_session(w, VICTIM, from), test_span(edition, sizeof edition));
	kith_core_tick(c, world_clock(w));
	world_drain(w, VICTIM);
	world_run(w, us);
}

/* Puts a list into a node as it never would itself: nothing is verified. */
static void plant(struct core_world *w, int node, struct kith_span list)
{
	struct kith_trust *t = &w->nodes[node].core->trust;
	kith_blob_unref(t->blobs, t->root_list);
	t->root_list = kith_blob_intern(t->blobs, list.p, list.len);
	assert_non_null(t->root_list);
}

static void a_number_that_nobody_has_is_counted_and_costs_the_liar_its_word(void **state)
{
	struct core_world w;
	(void)state;
	network(&w);
	uint64_t asked = world_stat(&w, VICTIM, KITH_STAT_REQUESTS_SENT);
	for (uint64_t i = 0; i < 20; i++)
		hear(&w, LIAR, root_id(&w), 1000 + i, KITH_US_PER_S / 4);
	uint64_t lies = world_stat(&w, VICTIM, KITH_STAT_LISTS_FALSE);
	assert_int_equal(lies, KITH_LISTS_BURST / KITH_LIST_LIE_COST);
	assert_int_equal(world_stat(&w, VICTIM, KITH_STAT_LISTS_LIMITED), 20 - lies);
	asked = world_stat(&w, VICTIM, KITH_STAT_REQUESTS_SENT) - asked;
	assert_true(asked < 20); /* lies, and five seconds of gossip */
	assert_null(w.nodes[VICTIM].core->lists.wanted);

	/* From then on one a minute, as long as it may lie. */
	for (uint64_t i = 0; i < 20; i++)
		hear(&w, LIAR, root_id(&w), 2000 + i, 6 * KITH_US_PER_S);
	assert_in_range(world_stat(&w, VICTIM, KITH_STAT_LISTS_FALSE), lies + 1, lies + 2);

	/* Others are believed as before. */
	hear(&w, HONEST, root_id(&w), 3000, KITH_US_PER_S);
	assert_in_range(world_stat(&w, VICTIM, KITH_STAT_LISTS_FALSE), lies + 2, lies + 3);
	core_world_deinit(&w);
}

static void a_signer_whom_the_root_did_not_certify_is_counted(void **state)
{
	struct core_world w;
	static const uint8_t nobody[KITH_ISSUER_ID_LEN] = { 1, 2, 3 };
	(void)state;
	network(&w);
	hear(&w, LIAR, nobody, 5, KITH_US_PER_S);
	assert_int_equal(world_stat(&w, VICTIM, KITH_STAT_LISTS_UNKNOWN), 1);
	assert_int_equal(world_stat(&w, VICTIM, KITH_STAT_LISTS_TAKEN), 0);
	assert_null(w.nodes[VICTIM].core->lists.wanted);
	core_world_deinit(&w);
}

static void a_list_that_does_not_verify_is_refused_and_goes_no_further(void **state)
{
	struct core_world w;
	uint8_t buf[KITH_REVOCATION_LEN_MAX];
	(void)state;
	network(&w);
	plant(&w, LIAR, list_signed(&w, &(struct list_of){ .number = 50 }, &w.pki.issuer, buf));
	world_run(&w, 120 * KITH_US_PER_S); /* it tells all others */
	assert_int_equal(list_holders(&w, 0, SUPERS, NULL, 50), 1);
	for (int i = 0; i < SUPERS; i++) {
		uint64_t refused = world_stat(&w, i, KITH_STAT_LISTS_REFUSED);
		if (i != LIAR)
			assert_in_range(refused, 1, KITH_LISTS_BURST / KITH_LIST_LIE_COST + 2);
		assert_int_equal(world_stat(&w, i, KITH_STAT_LISTS_TAKEN), 0);
	}
	core_world_deinit(&w);
}

/* A list that is newer than ours, but not as new as was said: it is good, the word was not. */
static void an_older_list_than_was_told_is_taken_and_counted(void **state)
{
	struct core_world w;
	uint8_t buf[KITH_REVOCATION_LEN_MAX];
	(void)state;
	network(&w);
	plant(&w, LIAR, list_signed(&w, &(struct list_of){ .number = 4 }, &w.pki.root, buf));
	hear(&w, LIAR, root_id(&w), 1000, KITH_US_PER_S);
	assert_int_equal(list_number(&w, VICTIM, NULL), 4);
	assert_int_equal(world_stat(&w, VICTIM, KITH_STAT_LISTS_TAKEN), 1);
	assert_int_equal(world_stat(&w, VICTIM, KITH_STAT_LISTS_FALSE), 1);
	core_world_deinit(&w);
}

static void a_list_that_is_held_is_not_asked_for(void **state)
{
	struct core_world w;
	(void)state;
	network(&w);
	list_give(&w, HONEST, &(struct list_of){ .number = 4 });
	world_run(&w, 90 * KITH_US_PER_S);
	assert_int_equal(list_number(&w, VICTIM, NULL), 4);
	hear(&w, HONEST, root_id(&w), 4, 0);
	assert_null(w.nodes[VICTIM].core->lists.wanted);
	hear(&w, HONEST, root_id(&w), 5, 0);
	assert_int_equal(w.nodes[VICTIM].core->lists.n, 1);
	core_world_deinit(&w);
}

static int mute_lists_tap(struct core_world *w, struct world_packet *p)
{
	return kith_addr_equal(&p->from, &w->nodes[LIAR].addr) ? 0 : 1;
}

/* The liar takes the question and never answers; the other is asked after four seconds. */
static void another_that_told_of_it_is_asked_when_the_first_has_nothing(void **state)
{
	struct core_world w;
	uint8_t buf[KITH_REVOCATION_LEN_MAX];
	(void)state;
	network(&w);
	w.tap = mute_lists_tap;
	plant(&w, HONEST, list_signed(&w, &(struct list_of){ .number = 4 }, &w.pki.root, buf));
	hear(&w, LIAR, root_id(&w), 4, 0);
	hear(&w, HONEST, root_id(&w), 4, KITH_US_PER_S);
	assert_int_equal(w.nodes[VICTIM].core->lists.n, 1);
	assert_int_equal(list_number(&w, VICTIM, NULL), 0);
	world_run(&w, 4 * KITH_US_PER_S);
	assert_int_equal(list_number(&w, VICTIM, NULL), 4);
	assert_int_equal(world_stat(&w, VICTIM, KITH_STAT_LISTS_FALSE), 1);
	assert_null(w.nodes[VICTIM].core->lists.wanted);
	core_world_deinit(&w);
}

/* A false number that is higher keeps nobody from asking for the true one. */
static void a_lie_about_a_number_does_not_hold_the_list_up(void **state)
{
	struct core_world w;
	uint8_t buf[KITH_REVOCATION_LEN_MAX];
	(void)state;
	network(&w);
	w.tap = mute_lists_tap;
	plant(&w, HONEST, list_signed(&w, &(struct list_of){ .number = 4 }, &w.pki.root, buf));
	hear(&w, LIAR, root_id(&w), UINT64_MAX, 0);
	hear(&w, HONEST, root_id(&w), 4, KITH_US_PER_S);
	assert_int_equal(list_number(&w, VICTIM, NULL), 4);
	core_world_deinit(&w);
}

static void no_more_are_wanted_at_once_than_there_may_be(void **state)
{
	struct core_world w;
	(void)state;
	network(&w);
	w.tap = mute_lists_tap;
	for (uint64_t i = 0; i < 2 * KITH_LISTS_MAX; i++)
		hear(&w, LIAR, root_id(&w), 10 + i, 0);
	assert_int_equal(w.nodes[VICTIM].core->lists.n, KITH_LISTS_MAX);
	world_run(&w, 10 * KITH_US_PER_S);
	assert_null(w.nodes[VICTIM].core->lists.wanted);
	core_world_deinit(&w);
}

/* A home may tell its leaf, and nobody else may. */
static void editions_are_taken_from_homes_only(void **state)
{
	struct core_world w;
	uint8_t body[64], edition[KITH_EDITION_LEN];
	(void)state;
	network(&w);
	int leaf = world_start(&w, "alice", false);
	world_run(&w, 5 * KITH_US_PER_S);
	struct kith_writer wr = kith_writer_of(edition, sizeof edition);
	kith_edition_write(&wr, &(struct kith_edition){ KITH_POSTED_LIST, root_id(&w), 9, NULL });
	const struct kith_msg_editions m = { test_span(edition, sizeof edition) };
	struct kith_span span = test_span(body, kith_msg_editions_write(body, sizeof body, &m));
	for (int to = 0; to <= leaf; to += leaf) {
		int home = 0;
		while (kith_sessions_of(&w.nodes[leaf].core->sessions, w.nodes[home].id.device_dh.b) == NULL ||
		       home == to)
			home++;
		struct kith_core *c = w.nodes[home].core;
		kith_core_tick(c, world_clock(&w));
		kith_outbox_claim(&w.shared->outbox, c, c->stats);
		assert_int_equal(kith_session_request(c, list_session(&w, home, to), KITH_REQ_EDITIONS, span,
						      kith_token(KITH_TOKEN_IGNORE, 0)),
				 0);
		kith_core_tick(c, world_clock(&w));
		world_drain(&w, home);
		world_run(&w, KITH_US_PER_S);
		assert_int_equal(world_stat(&w, to, KITH_STAT_LISTS_FALSE), to == leaf);
	}
	core_world_deinit(&w);
}

/* What a victim holds of an issuer is out of its time by now; others have its renewed certificate. */
static void the_certificate_of_an_issuer_is_renewed_with_its_list(void **state)
{
	struct core_world w;
	struct kith_signer other;
	struct kith_seed seed = { { 78 } };
	uint8_t cert[KITH_CERT_MAX];
	(void)state;
	network(&w);
	kith_signer_from_seed(&other, w.pki.suite, &seed);
	for (int node = 0; node < SUPERS; node++) {
		struct kith_issuer_cert ic = { .serial = 9,
					       .not_before_s = WORLD_UNIX_MS / 1000 - 86400,
					       .expires_s = WORLD_UNIX_MS / 1000 + 600 };
		ic.issuer = other.pk;
		if (node != VICTIM) {
			ic.serial++;
			ic.expires_s += 86400;
		}
		int len = kith_issuer_cert_sign(w.pki.suite, cert, &ic, w.pki.root.sk);
		assert_int_equal(
			kith_core_add_issuer(w.nodes[node].core, world_clock(&w), test_span(cert, (size_t)len)), 0);
	}
	list_give(&w, HONEST, &(struct list_of){ .issuer = &other, .number = 1 });
	world_run(&w, 10 * KITH_US_PER_S);
	assert_int_equal(list_number(&w, VICTIM, &other), 1);
	world_run(&w, 1300 * KITH_US_PER_S);
	assert_int_equal(list_number(&w, VICTIM, &other), 1); /* by now with the other certificate */
	list_give(&w, HONEST, &(struct list_of){ .issuer = &other, .number = 2 });
	world_run(&w, 10 * KITH_US_PER_S);
	assert_int_equal(list_holders(&w, 0, SUPERS, &other, 2), SUPERS);
	core_world_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_number_that_nobody_has_is_counted_and_costs_the_liar_its_word),
		cmocka_unit_test(a_signer_whom_the_root_did_not_certify_is_counted),
		cmocka_unit_test(a_list_that_does_not_verify_is_refused_and_goes_no_further),
		cmocka_unit_test(an_older_list_than_was_told_is_taken_and_counted),
		cmocka_unit_test(a_list_that_is_held_is_not_asked_for),
		cmocka_unit_test(another_that_told_of_it_is_asked_when_the_first_has_nothing),
		cmocka_unit_test(a_lie_about_a_number_does_not_hold_the_list_up),
		cmocka_unit_test(no_more_are_wanted_at_once_than_there_may_be),
		cmocka_unit_test(editions_are_taken_from_homes_only),
		cmocka_unit_test(the_certificate_of_an_issuer_is_renewed_with_its_list),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
