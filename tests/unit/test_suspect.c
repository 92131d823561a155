/* Supernodes that do not answer, are slow, or are doubted and there. */
#include "super_world.h"

#include "overlay/suspicion.h"
#include "super/partners.h"
#include "super/suspect.h"

enum { SUPERS = 6 };

static void network(struct core_world *w)
{
	world_network(w, kith_suite_sodium(), 1, SUPERS, (const char *const[]){ "bob", NULL });
	world_run(w, 2 * KITH_MEMBERS_NEWCOMER_US);
	for (int i = 0; i < SUPERS; i++)
		assert_int_equal(info_of(w, i).members, SUPERS);
}

static uint64_t seq_of(const struct core_world *w, int node)
{
	return w->nodes[node].core->super->entry_seq;
}

static void who_is_gone_is_no_member_within_a_minute_and_nobody_else_is_blamed(void **state)
{
	struct core_world w;
	(void)state;
	network(&w);
	w.nodes[2].muted = true;
	world_run(&w, 45 * KITH_US_PER_S);
	for (int i = 0; i < SUPERS; i++) {
		if (i != 2)
			assert_int_equal(info_of(&w, i).members, SUPERS - 1);
	}
	/* Whoever hears nobody blames nobody: its own line may be dead. */
	assert_int_equal(info_of(&w, 2).members, SUPERS);
	/* It is told that it was found dead, and is a member again. */
	uint64_t before = seq_of(&w, 2);
	w.nodes[2].muted = false;
	world_run(&w, 45 * KITH_US_PER_S);
	assert_true(seq_of(&w, 2) > before);
	for (int i = 0; i < SUPERS; i++)
		assert_int_equal(info_of(&w, i).members, SUPERS);
	core_world_deinit(&w);
}

/* Late by that much, what one sends and what comes to it. */
struct slow {
	int node;
	kith_time_us by;
};

static int delay_tap(struct core_world *w, struct world_packet *p)
{
	const struct slow *s = w->tap_ctx;
	if (world_node_at(w, &p->to) == s->node || world_node_at(w, &p->from) == s->node)
		p->at += s->by;
	return 1;
}

static void who_is_slow_stays_a_member(void **state)
{
	(void)state;
	for (kith_time_us by = 200 * KITH_US_PER_MS; by <= 1200 * KITH_US_PER_MS; by += 500 * KITH_US_PER_MS) {
		struct core_world w;
		struct slow s = { 3, by };
		network(&w);
		w.tap = delay_tap;
		w.tap_ctx = &s;
		for (int second = 0; second < 240; second++) {
			world_run(&w, KITH_US_PER_S);
			for (int i = 0; i < SUPERS; i++)
				assert_int_equal(info_of(&w, i).members, SUPERS);
		}
		core_world_deinit(&w);
	}
}

/* Somebody says of another, who is there, that it is not. */
static void doubt(struct core_world *w, int at, int accused, int accuser)
{
	uint8_t bytes[KITH_GOSSIP_DOUBT_LEN];
	struct kith_core *c = w->nodes[at].core;
	const struct kith_core *by = w->nodes[accuser].core;
	const struct kith_member *m = kith_members_get(&c->super->members, &w->nodes[accused].core->super->id);
	kith_doubt_make(by->suite, bytes, m, by->now.unix_ms, &by->super->id, by->self.sign_sk);
	(void)kith_suspect_on_doubts(c, KITH_MEMBERS_STRANGER, test_span(bytes, sizeof bytes));
}

static void whoever_is_doubted_and_there_signs_anew_but_not_for_ever(void **state)
{
	struct core_world w;
	(void)state;
	network(&w);
	uint64_t before = seq_of(&w, 3);
	for (int accuser = 0; accuser < 3; accuser++)
		doubt(&w, 5, 3, accuser);
	world_run(&w, 10 * KITH_US_PER_S);
	assert_true(seq_of(&w, 3) > before);
	for (int i = 0; i < SUPERS; i++)
		assert_int_equal(info_of(&w, i).members, SUPERS);
	/* A liar who keeps at it for ten minutes costs a dozen entries, not hundreds. */
	int signs = 0;
	for (int second = 0; second < 600; second++) {
		before = seq_of(&w, 3);
		doubt(&w, 3, 3, 0);
		world_run(&w, KITH_US_PER_S);
		signs += seq_of(&w, 3) != before;
	}
	assert_in_range(signs, 2, 20);
	core_world_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_is_gone_is_no_member_within_a_minute_and_nobody_else_is_blamed),
		cmocka_unit_test(who_is_slow_stays_a_member),
		cmocka_unit_test(whoever_is_doubted_and_there_signs_anew_but_not_for_ever),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
