/* What the host tells of its machine decides what is refused; the members hear of the load, and the operator of each
 * level. */
#include "core_world.h"

#include "base/limits.h"
#include "overlay/members.h"
#include "super/load.h"

/* So loaded from now on, told once a second. */
static void run_loaded(struct core_world *w, int i, uint32_t busy, kith_time_us us)
{
	kith_time_us until = w->now + us;
	const struct kith_core_load load = { .busy_permille = busy };
	while (w->now < until) {
		kith_core_load(w->nodes[i].core, world_clock_of(w, i), &load);
		world_drain(w, i);
		world_run(w, KITH_US_PER_S);
	}
}

static struct kith_core_info info_of(const struct core_world *w, int i)
{
	struct kith_core_info info;
	kith_core_info(w->nodes[i].core, &info);
	return info;
}

/* And is not off by what a thirtieth of it is, which may be the difference between too many supernodes and enough. */
static void the_load_arrives_where_it_is(void **state)
{
	struct core_world w;
	(void)state;
	world_alice_and_bob(&w);
	for (uint32_t k = 0; k < 4; k++) {
		const uint32_t busy = k % 2 == 0 ? 690 : 600;
		run_loaded(&w, 1, busy, 180 * KITH_US_PER_S);
		assert_int_equal(info_of(&w, 1).load_permille, busy);
		assert_int_equal(w.nodes[1].core->super->load.smooth, busy);
	}
	core_world_deinit(&w);
}

/* What another member believes of it. */
static uint8_t load_at(const struct core_world *w, int i, int at)
{
	const struct kith_member *m =
		kith_members_get(&w->nodes[at].core->super->members, &w->nodes[i].core->super->id);
	assert_non_null(m);
	return m->load;
}

static void figures_are_told_and_forgotten_when_the_host_falls_silent(void **state)
{
	struct core_world w;
	(void)state;
	world_alice_and_bob(&w);
	assert_int_equal(info_of(&w, 1).overload, 0);
	run_loaded(&w, 1, 980, 6 * KITH_US_PER_S);
	assert_int_equal(info_of(&w, 1).overload, KITH_OVERLOAD_ATTACHES);
	run_loaded(&w, 1, 980, 90 * KITH_US_PER_S);
	assert_in_range(info_of(&w, 1).load_permille, 900, 980);
	/* It takes no leaf, and keeps those that it has. */
	int carol = world_start(&w, "carol", false);
	run_loaded(&w, 1, 980, 5 * KITH_US_PER_S);
	assert_int_equal(info_of(&w, carol).homes, 2);
	assert_int_equal(info_of(&w, 1).leaves, 2);
	world_run(&w, 60 * KITH_US_PER_S);
	assert_int_equal(info_of(&w, 1).overload, KITH_OVERLOAD_NONE);
	world_run(&w, 120 * KITH_US_PER_S);
	assert_true(info_of(&w, 1).load_permille < 100);
	assert_int_equal(info_of(&w, carol).homes, 3);
	/* A leaf has no use for figures, and is not harmed by them. */
	run_loaded(&w, carol, 980, KITH_US_PER_S);
	core_world_deinit(&w);
}

static void members_hear_soon_of_a_load_that_is_a_twentieth_off_and_later_of_less(void **state)
{
	struct core_world w;
	(void)state;
	world_alice_and_bob(&w);
	run_loaded(&w, 1, 600, 8 * KITH_LOAD_ENTRY_LEAST_US);
	assert_in_range(kith_election_load_permille(load_at(&w, 1, 0)), 590, 610);
	/* 25 off, which is half of a twentieth, for less than twice as long as a twentieth waits; then longer. */
	uint64_t seq = w.nodes[1].core->super->entry_seq;
	const uint32_t said = kith_election_load_permille(load_at(&w, 1, 0));
	w.nodes[1].core->super->load.said_at = w.now;
	run_loaded(&w, 1, said + 28, 2 * KITH_LOAD_ENTRY_LEAST_US - 5 * KITH_US_PER_S);
	assert_int_equal(w.nodes[1].core->super->entry_seq, seq);
	run_loaded(&w, 1, said + 28, 10 * KITH_US_PER_S);
	assert_int_not_equal(w.nodes[1].core->super->entry_seq, seq);
	assert_in_range(kith_election_load_permille(load_at(&w, 1, 0)), said + 20, said + 30);
	/* What a byte hardly says is never worth one. */
	seq = w.nodes[1].core->super->entry_seq;
	run_loaded(&w, 1, kith_election_load_permille(load_at(&w, 1, 0)) + 3, KITH_LOAD_ENTRY_US);
	assert_int_equal(w.nodes[1].core->super->entry_seq, seq);
	/* A twentieth and more, soon. */
	w.nodes[1].core->super->load.said_at = w.now;
	run_loaded(&w, 1, 100, KITH_LOAD_ENTRY_LEAST_US + 5 * KITH_US_PER_S);
	assert_int_not_equal(w.nodes[1].core->super->entry_seq, seq);
	run_loaded(&w, 1, 100, KITH_LOAD_ENTRY_US);
	assert_in_range(kith_election_load_permille(load_at(&w, 1, 0)), 90, 110);
	/* To and fro: one entry a minute at most, among so few. */
	seq = 0;
	unsigned entries = 0;
	for (int k = 0; k < 80; k++) {
		run_loaded(&w, 1, k % 2 == 0 ? 900 : 0, 15 * KITH_US_PER_S);
		entries += w.nodes[1].core->super->entry_seq != seq;
		seq = w.nodes[1].core->super->entry_seq;
	}
	assert_in_range(entries, 3, 80 * 15 / 60 + 1);
	core_world_deinit(&w);
}

/* Alice's homes are not bob's, so that she is a stranger there. */
static void strangers_are_refused_before_those_who_are_here(void **state)
{
	struct core_world w;
	(void)state;
	world_far_apart(&w);
	world_call(&w, WORLD_FAR_ALICE, WORLD_FAR_BOB, NULL);
	for (int k = 0; k < 12; k++)
		run_loaded(&w, k % 3, 820, KITH_US_PER_S);
	assert_int_equal(info_of(&w, 0).overload, KITH_OVERLOAD_RELAYS);
	/* No new tunnel to bob: the call cannot come through. */
	int since = w.events_n;
	world_dial(&w, WORLD_FAR_ALICE, "bob", 3 * KITH_US_PER_S);
	for (int k = 0; k < 3; k++)
		kith_core_load(w.nodes[k].core, world_clock_of(&w, k),
			       &(struct kith_core_load){ .busy_permille = 820 });
	world_run(&w, 4 * KITH_US_PER_S);
	assert_null(world_event(&w, WORLD_FAR_BOB, KITH_EVENT_INCOMING, since));
	/* Bob's own look-ups are answered at any level. */
	for (int k = 0; k < 3; k++)
		run_loaded(&w, k, 990, KITH_US_PER_S);
	kith_op op;
	since = w.events_n;
	assert_int_equal(kith_core_lookup(w.nodes[WORLD_FAR_BOB].core, world_clock(&w), "alice", &op), 0);
	world_drain(&w, WORLD_FAR_BOB);
	world_run(&w, 3 * KITH_US_PER_S);
	assert_non_null(world_event(&w, WORLD_FAR_BOB, KITH_EVENT_FOUND, since));
	core_world_deinit(&w);
}

static unsigned told;
static char last[256];

static void on_line(void *ctx, enum kith_log_level level, const char *line)
{
	(void)ctx;
	if (level != KITH_LOG_WARN || strstr(line, "overload ") == NULL)
		return;
	told++;
	snprintf(last, sizeof last, "%s", line);
}

static void each_level_is_told_to_the_operator_once(void **state)
{
	struct core_world w;
	const struct kith_log log = { .sink = on_line, .level = KITH_LOG_WARN };
	(void)state;
	world_alice_and_bob(&w);
	w.nodes[1].core->log = &log;
	run_loaded(&w, 1, 960, 10 * KITH_US_PER_S);
	assert_int_equal(told, 1);
	assert_non_null(strstr(last, "level=attaches was=none"));
	assert_non_null(strstr(last, "busy=960"));
	run_loaded(&w, 1, 0, 30 * KITH_US_PER_S);
	assert_int_equal(told, 5);
	assert_non_null(strstr(last, "level=none was=relays"));
	core_world_deinit(&w);
}

static void packets_are_counted_by_the_second(void **state)
{
	struct core_world w;
	uint8_t garbage[KITH_PACKET_HEADROOM + 10] = { 0 };
	(void)state;
	world_alice_and_bob(&w);
	run_loaded(&w, 1, 0, 2 * KITH_US_PER_S);
	for (int i = 0; i < 500; i++) {
		struct kith_packet p = { .data = garbage + KITH_PACKET_HEADROOM, .len = 10, .remote = world_addr(20) };
		kith_core_input(w.nodes[1].core, world_clock(&w), &p, 1);
		world_drain(&w, 1);
	}
	kith_core_load(w.nodes[1].core, world_clock(&w), &(struct kith_core_load){ .busy_permille = 1 });
	assert_in_range(info_of(&w, 1).packets_s, 500, 520);
	core_world_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(figures_are_told_and_forgotten_when_the_host_falls_silent),
		cmocka_unit_test(the_load_arrives_where_it_is),
		cmocka_unit_test(members_hear_soon_of_a_load_that_is_a_twentieth_off_and_later_of_less),
		cmocka_unit_test(strangers_are_refused_before_those_who_are_here),
		cmocka_unit_test(each_level_is_told_to_the_operator_once),
		cmocka_unit_test(packets_are_counted_by_the_second),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
