/* Datagrams between two nodes: held back when the path carries no more, and only then. */
#include "core_world.h"

#include "base/limits.h"
#include "call/talk.h"
#include "path/pacer.h"

/* Loses a part of everything, and what would be too much under way. */
struct loss {
	unsigned permille;
	int most;
	uint64_t lost;
};

static int loss_tap(struct core_world *w, struct world_packet *p)
{
	struct loss *l = w->tap_ctx;
	(void)p;
	if (w->packets_n < l->most && test_random_next(&w->random) % 1000 >= l->permille)
		return 1;
	l->lost++;
	return 0;
}

static void a_call_is_not_held_while_the_network_loses_two_in_a_hundred(void **state)
{
	struct core_world w;
	struct loss l = { .permille = 20, .most = 1000 };
	uint8_t voice[160] = { 0 };
	kith_session_id theirs;
	(void)state;
	world_alice_and_bob(&w);
	kith_session_id ours = world_call(&w, WORLD_ALICE, WORLD_BOB, &theirs);
	w.tap = loss_tap;
	w.tap_ctx = &l;
	int got = 0;
	for (int i = 0; i < 3000; i++) { /* a minute, both ways */
		int since = w.events_n;
		assert_int_equal(world_say(&w, WORLD_ALICE, ours, voice, sizeof voice), 0);
		assert_int_equal(world_say(&w, WORLD_BOB, theirs, voice, sizeof voice), 0);
		world_run(&w, 20 * KITH_US_PER_MS);
		got += world_events(&w, WORLD_BOB, KITH_EVENT_DATAGRAM, since);
		w.events_n = since;
	}
	assert_true(l.lost > 50);
	assert_true(got > 2800);
	assert_int_equal(world_stat(&w, WORLD_ALICE, KITH_STAT_DATAGRAMS_PACED), 0);
	assert_int_equal(world_stat(&w, WORLD_BOB, KITH_STAT_DATAGRAMS_PACED), 0);
	core_world_deinit(&w);
}

/* Sends whenever it may; a refusal must be followed by one WRITABLE and no more. Returns how many were taken. */
static unsigned bulk(struct core_world *w, kith_session_id session, kith_time_us us, unsigned *got)
{
	static const uint8_t data[1000] = { 0 };
	unsigned taken = 0;
	bool refused = false;
	for (kith_time_us end = w->now + us; w->now < end;) {
		int since = w->events_n, at_once = 0;
		while (!refused) {
			int err = world_say(w, WORLD_ALICE, session, data, sizeof data);
			assert_true(err == 0 || err == KITH_EAGAIN || err == KITH_ENOENT);
			taken += err == 0;
			assert_true(++at_once < 5000); /* or nothing holds it */
			refused = err != 0;
		}
		world_run(w, KITH_US_PER_MS);
		int writable = world_events(w, WORLD_ALICE, KITH_EVENT_WRITABLE, since);
		assert_true(writable <= 1);
		refused = writable == 0;
		*got += (unsigned)world_events(w, WORLD_BOB, KITH_EVENT_DATAGRAM, since);
		if (world_event(w, WORLD_ALICE, KITH_EVENT_CLOSED, since) != NULL)
			break;
		w->events_n = since;
	}
	return taken;
}

static void bulk_finds_what_the_network_carries(void **state)
{
	struct core_world w;
	struct loss l = { .most = 120 };
	unsigned got = 0;
	(void)state;
	world_alice_and_bob(&w);
	kith_session_id ours = world_call(&w, WORLD_ALICE, WORLD_BOB, NULL);
	w.tap = loss_tap;
	w.tap_ctx = &l;
	(void)bulk(&w, ours, 5 * KITH_US_PER_S, &got);
	got = 0;
	l.lost = 0;
	unsigned taken = bulk(&w, ours, 20 * KITH_US_PER_S, &got);
	/* 120 packets in one delay is what there is room for. */
	unsigned room = (unsigned)(120 * (20 * KITH_US_PER_S) / WORLD_DELAY_US);
	assert_true(got > room / 3);
	assert_true(l.lost * 100 < taken * 5);
	assert_true(world_stat(&w, WORLD_ALICE, KITH_STAT_DATAGRAMS_PACED) > 0);
	assert_int_equal(world_stat(&w, WORLD_ALICE, KITH_STAT_OUTBOX_FULL), 0);
	core_world_deinit(&w);
}

/* The peer is gone: what is sent then is a trickle, not what was sent before. */
static void nobody_is_flooded_who_does_not_answer_any_more(void **state)
{
	struct core_world w;
	struct loss l = { .most = 120 };
	unsigned got = 0;
	(void)state;
	world_alice_and_bob(&w);
	kith_session_id ours = world_call(&w, WORLD_ALICE, WORLD_BOB, NULL);
	w.tap = loss_tap;
	w.tap_ctx = &l;
	unsigned before = bulk(&w, ours, 2 * KITH_US_PER_S, &got);
	w.nodes[WORLD_BOB].muted = true;
	(void)bulk(&w, ours, 3 * KITH_US_PER_S, &got);
	unsigned after = bulk(&w, ours, 5 * KITH_US_PER_S, &got);
	assert_true(after <= 5 * KITH_US_PER_S / (2 * WORLD_DELAY_US) + 10); /* one in a round trip */
	assert_true(after * 20 < before);
	core_world_deinit(&w);
}

static void how_long_a_datagram_may_be_is_told_of_open_sessions(void **state)
{
	struct core_world w;
	(void)state;
	world_alice_and_bob(&w);
	const struct kith_core *c = w.nodes[WORLD_ALICE].core;
	kith_session_id ours = world_call(&w, WORLD_ALICE, WORLD_BOB, NULL);
	assert_int_equal(kith_core_datagram_max(c, ours), KITH_DATAGRAM_MAX);
	assert_int_equal(kith_core_datagram_max(c, ours + 1), 0);
	assert_int_equal(kith_core_datagram_max(c, 0), 0);
	assert_int_equal(kith_core_close(w.nodes[WORLD_ALICE].core, world_clock(&w), ours, KITH_CLOSE_NORMAL), 0);
	assert_int_equal(kith_core_datagram_max(c, ours), 0);
	world_drain(&w, WORLD_ALICE);
	core_world_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_call_is_not_held_while_the_network_loses_two_in_a_hundred),
		cmocka_unit_test(bulk_finds_what_the_network_carries),
		cmocka_unit_test(nobody_is_flooded_who_does_not_answer_any_more),
		cmocka_unit_test(how_long_a_datagram_may_be_is_told_of_open_sessions),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
