/* Heads of logs, as every node keeps and passes them on. */
#include "lists_world.h"

#include "identity/posted.h"
#include "super/bulletin.h"

enum { SUPERS = 8, ALICE = SUPERS, BOB };

static void network(struct core_world *w)
{
	world_network(w, kith_suite_sodium(), 1, SUPERS, (const char *const[]){ "alice", "bob", NULL });
	world_run(w, 20 * KITH_US_PER_S);
}

static int told_of_forks(const struct core_world *w, int since)
{
	int n = 0;
	for (int i = 0; i < w->n; i++)
		n += world_events(w, i, KITH_EVENT_LOG_FORKED, since);
	return n;
}

/* ---- two heads ---- */

static struct kith_certlog_head head(uint64_t size, uint8_t root, int64_t time_ms)
{
	return (struct kith_certlog_head){ .size = size, .root = { { root } }, .time_ms = time_ms };
}

static void heads_contradict_each_other_where_no_log_has_both(void **state)
{
	static const struct {
		uint64_t size[2];
		uint8_t root[2];
		int64_t time_ms[2];
		bool contradict;
	} cases[] = {
		{ { 5, 5 }, { 1, 1 }, { 10, 20 }, false }, /* the same tree, signed twice */
		{ { 5, 5 }, { 1, 2 }, { 10, 20 }, true },  { { 5, 5 }, { 1, 2 }, { 10, 10 }, true },
		{ { 5, 6 }, { 1, 2 }, { 10, 20 }, false }, /* it grew: only a proof of consistency says more */
		{ { 5, 6 }, { 1, 2 }, { 20, 10 }, true }, /* it shrank */
		{ { 5, 6 }, { 1, 2 }, { 10, 10 }, true }, /* two sizes at one time */
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct kith_certlog_head a = head(cases[i].size[0], cases[i].root[0], cases[i].time_ms[0]);
		struct kith_certlog_head b = head(cases[i].size[1], cases[i].root[1], cases[i].time_ms[1]);
		assert_int_equal(kith_certlog_contradict(&a, &b), cases[i].contradict);
		assert_int_equal(kith_certlog_contradict(&b, &a), cases[i].contradict);
		b.issuer_id[0] = 1; /* of another issuer */
		assert_false(kith_certlog_contradict(&a, &b));
	}
}

/* ---- what is taken ---- */

static void the_newest_head_of_an_issuer_is_kept(void **state)
{
	struct core_world w;
	uint8_t buf[KITH_CERTLOG_HEAD_LEN_MAX];
	(void)state;
	world_network(&w, kith_suite_sodium(), 1, 1, (const char *const[]){ NULL });
	assert_int_equal(head_give(&w, 0, 5, 1, 1000), 0);
	assert_int_equal(head_holders(&w, 5), 1);
	assert_int_equal(head_give(&w, 0, 7, 2, 2000), 0);
	assert_int_equal(head_give(&w, 0, 5, 1, 1000), 0); /* known, and older */
	assert_int_equal(head_holders(&w, 7), 1);
	assert_int_equal(fork_holders(&w), 0);
	struct kith_core *c = w.nodes[0].core;
	assert_int_equal(kith_core_revoke(c, world_clock(&w), head_signed(&w, 9, 3, 3000, &w.pki.root, buf)),
			 KITH_ESIGNATURE);
	assert_int_equal(head_give(&w, 0, 9, 3, 86400 * 1000), KITH_ENOTYET);
	assert_int_equal(head_holders(&w, 7), 1);
	core_world_deinit(&w);
}

static void a_proof_is_two_heads_of_one_issuer_in_order_and_nothing_else(void **state)
{
	struct core_world w;
	uint8_t a[KITH_CERTLOG_HEAD_LEN_MAX], b[KITH_CERTLOG_HEAD_LEN_MAX], fork[KITH_FORK_LEN_MAX];
	struct kith_span parts[2], got[2];
	(void)state;
	world_network(&w, kith_suite_sodium(), 1, 2, (const char *const[]){ NULL });
	for (int i = 0; i < 4; i++) { /* in order; turned round; consistent; forged */
		const struct kith_signer *signer = i == 3 ? &w.pki.root : &w.pki.issuer;
		parts[0] = head_signed(&w, 5, 1, 1000, &w.pki.issuer, a);
		parts[1] = head_signed(&w, i == 2 ? 6 : 5, 2, 2000, signer, b);
		struct kith_writer wr = kith_writer_of(fork, sizeof fork);
		kith_object_write_header(&wr, KITH_OBJECT_FORK);
		for (int k = 0; k < 2; k++) {
			const struct kith_span part = parts[i == 1 ? 1 - k : k];
			kith_write_u16(&wr, (uint16_t)part.len);
			kith_write_span(&wr, part);
		}
		const struct kith_span whole = test_span(fork, kith_writer_len(&wr));
		assert_int_equal(kith_fork_parse(got, whole), i == 0 || i == 3 ? 0 : KITH_EPROTO);
		assert_int_equal(kith_core_revoke(w.nodes[1].core, world_clock(&w), whole), i == 0   ? 0
											    : i == 3 ? KITH_ESIGNATURE
												     : KITH_EPROTO);
		assert_int_not_equal(kith_fork_parse(got, test_span(fork, whole.len - 1)), 0);
	}
	world_drain(&w, 1);
	assert_int_equal(fork_holders(&w), 1);
	core_world_deinit(&w);
}

/* ---- on their way ---- */

static void a_head_given_to_one_supernode_reaches_all_and_their_leaves(void **state)
{
	struct core_world w;
	(void)state;
	network(&w);
	assert_int_equal(head_give(&w, 3, 12, 1, 1000), 0);
	world_run(&w, 30 * KITH_US_PER_S);
	assert_int_equal(head_holders(&w, 12), w.n);
	assert_int_equal(head_give(&w, 5, 13, 2, 2000), 0);
	int late = world_start(&w, "carol", false);
	world_run(&w, 30 * KITH_US_PER_S);
	assert_int_equal(late, w.n - 1);
	assert_int_equal(head_holders(&w, 13), w.n); /* whoever comes later is told when it attaches */
	assert_int_equal(told_of_forks(&w, 0), 0);
	core_world_deinit(&w);
}

/* Also two of one moment, by which it would have their editions look alike. */
static void an_issuer_that_shows_two_heads_is_found_out_by_all(void **state)
{
	(void)state;
	for (int64_t later_ms = 0; later_ms <= 1000; later_ms += 1000) {
		struct core_world w;
		network(&w);
		int since = w.events_n;
		assert_int_equal(head_give(&w, 1, 12, 1, 1000), 0);
		assert_int_equal(head_give(&w, 6, 12, 2, 1000 + later_ms), 0);
		world_run(&w, 30 * KITH_US_PER_S);
		assert_int_equal(fork_holders(&w), w.n);
		assert_int_equal(told_of_forks(&w, since), w.n); /* each application once */
		assert_int_equal(head_give(&w, 1, 50, 3, 5000), 0); /* nobody is told of its heads any more */
		world_run(&w, 30 * KITH_US_PER_S);
		assert_int_equal(head_holders(&w, 50), 0);
		assert_int_equal(told_of_forks(&w, since), w.n);
		core_world_deinit(&w);
	}
}

/* Each half has had its head for long. */
static void two_heads_that_stand_still_are_compared_when_tables_are(void **state)
{
	struct core_world w;
	uint8_t buf[KITH_CERTLOG_HEAD_LEN_MAX];
	(void)state;
	network(&w);
	for (int i = 0; i < w.n; i++) {
		struct kith_core *c = w.nodes[i].core;
		struct kith_span bytes = head_signed(&w, 12, (uint8_t)(1 + i % 2), 1000, &w.pki.issuer, buf);
		assert_int_equal(kith_trust_post(&c->trust, &c->now, bytes), 1);
		for (unsigned p = 0; i < SUPERS && p < KITH_MEMBERS_PARTNERS; p++) { /* all were told, and lost it */
			bool all;
			uint8_t out[KITH_EDITIONS_LEN_MAX];
			(void)kith_bulletin_tell(c, p, 0, sizeof out, &all, out);
		}
		for (size_t k = 0; i < SUPERS && k < KITH_POSTED_MAX; k++)
			c->super->told[k].since -= KITH_LISTS_NEWS_US;
		if (i < SUPERS)
			c->super->exchanges = 0;
	}
	world_run(&w, 15 * KITH_US_PER_S);
	int supers = 0;
	for (int i = 0; i < SUPERS; i++) {
		struct kith_log_info log;
		supers += kith_core_logs(w.nodes[i].core, &log, 1) == 1 && log.forked[0].len > 0;
	}
	assert_int_equal(supers, SUPERS);
	core_world_deinit(&w);
}

/* ---- parameters of the network ---- */

static int certified_only(const struct core_world *w)
{
	int n = 0;
	for (int i = 0; i < w->n; i++)
		n += w->nodes[i].core->trust.certified_only;
	return n;
}

static void what_the_root_says_of_the_network_reaches_all_and_the_highest_number_counts(void **state)
{
	struct core_world w;
	(void)state;
	network(&w);
	assert_int_equal(certified_only(&w), 0);
	assert_int_equal(params_give(&w, 2, 7, KITH_ELIGIBLE_CERTIFIED, &w.pki.issuer), KITH_ESIGNATURE);
	assert_int_equal(params_give(&w, 2, 7, KITH_ELIGIBLE_CERTIFIED, &w.pki.root), 0);
	world_run(&w, 30 * KITH_US_PER_S);
	assert_int_equal(certified_only(&w), w.n);
	assert_int_equal(params_give(&w, 4, 6, KITH_ELIGIBLE_ALL, &w.pki.root), 0); /* an older word */
	assert_int_equal(certified_only(&w), w.n);
	world_run(&w, 30 * KITH_US_PER_S);
	assert_int_equal(certified_only(&w), w.n);
	assert_int_equal(params_give(&w, 4, 8, KITH_ELIGIBLE_ALL, &w.pki.root), 0);
	world_run(&w, 30 * KITH_US_PER_S);
	assert_int_equal(certified_only(&w), 0);
	core_world_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(heads_contradict_each_other_where_no_log_has_both),
		cmocka_unit_test(the_newest_head_of_an_issuer_is_kept),
		cmocka_unit_test(a_proof_is_two_heads_of_one_issuer_in_order_and_nothing_else),
		cmocka_unit_test(a_head_given_to_one_supernode_reaches_all_and_their_leaves),
		cmocka_unit_test(an_issuer_that_shows_two_heads_is_found_out_by_all),
		cmocka_unit_test(two_heads_that_stand_still_are_compared_when_tables_are),
		cmocka_unit_test(what_the_root_says_of_the_network_reaches_all_and_the_highest_number_counts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
