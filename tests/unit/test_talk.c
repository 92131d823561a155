/* Sessions of applications, from their opening on: datagrams, streams, paths, relays, and the end. */
#include "call_world.h"

#include "base/alloc.h"
#include "base/limits.h"
#include "call/talk.h"
#include "path/pacer.h"

/* ---- datagrams ---- */

static void datagrams_of_every_length_arrive_as_they_were_sent(void **state)
{
	struct core_world w;
	uint8_t data[KITH_DATAGRAM_MAX + 1];
	kith_session_id theirs;
	(void)state;
	world_alice_and_bob(&w);
	kith_session_id ours = world_call(&w, WORLD_ALICE, WORLD_BOB, &theirs);
	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (uint8_t)(i * 7);
	static const size_t lens[] = { 0, 1, 2, 100, 1000, KITH_DATAGRAM_MAX - 1, KITH_DATAGRAM_MAX };
	for (size_t k = 0; k < sizeof lens / sizeof lens[0]; k++) {
		int since = w.events_n;
		assert_int_equal(
			kith_core_send(w.nodes[WORLD_ALICE].core, world_clock(&w), ours, 0xfffe, data, lens[k]), 0);
		world_drain(&w, WORLD_ALICE);
		world_run(&w, KITH_US_PER_S);
		const struct world_event *got = world_event(&w, WORLD_BOB, KITH_EVENT_DATAGRAM, since);
		assert_non_null(got);
		assert_int_equal(got->ev.session, theirs);
		assert_int_equal(got->ev.channel, 0xfffe);
		assert_int_equal(got->ev.data.len, lens[k]);
		assert_memory_equal(got->data, data, lens[k]);
	}
	assert_int_equal(world_say(&w, WORLD_ALICE, ours, data, KITH_DATAGRAM_MAX + 1), KITH_EMSGSIZE);
	assert_int_equal(world_say(&w, WORLD_ALICE, ours + 1, data, 1), KITH_ENOENT);
	core_world_deinit(&w);
}

/* So many leave at once; then the sender is told to wait, and told when not to. */
static void a_sender_that_is_too_fast_waits_until_it_is_told(void **state)
{
	struct core_world w;
	uint8_t data[1000] = { 0 };
	(void)state;
	world_alice_and_bob(&w);
	kith_session_id ours = world_call(&w, WORLD_ALICE, WORLD_BOB, NULL);
	struct kith_core *c = w.nodes[WORLD_ALICE].core;
	int since = w.events_n, sent = 0, err;
	while ((err = kith_core_send(c, world_clock(&w), ours, 1, data, sizeof data)) == 0)
		sent++;
	assert_int_equal(err, KITH_EAGAIN);
	assert_int_equal(sent, KITH_PACE_INITIAL_BYTES / (sizeof data + KITH_PACER_OVERHEAD));
	assert_int_equal(world_stat(&w, WORLD_ALICE, KITH_STAT_OUTBOX_FULL), 0);
	world_drain(&w, WORLD_ALICE);
	world_run(&w, KITH_US_PER_S);
	assert_int_equal(world_events(&w, WORLD_ALICE, KITH_EVENT_WRITABLE, since), 1);
	assert_int_equal(world_events(&w, WORLD_BOB, KITH_EVENT_DATAGRAM, since), sent);
	assert_int_equal(world_say(&w, WORLD_ALICE, ours, data, sizeof data), 0);
	core_world_deinit(&w);
}

/* ---- relays ---- */

static void a_relay_only_contact_never_learns_or_sees_an_address(void **state)
{
	(void)state;
	for (int who = 0; who < 2; who++) {
		struct core_world w;
		kith_session_id theirs;
		struct kith_path_info paths[KITH_PATHS_MAX];
		world_alice_and_bob(&w);
		int pinner = who == 0 ? WORLD_ALICE : WORLD_BOB, other = who == 0 ? WORLD_BOB : WORLD_ALICE;
		pin_relay_only(&w, pinner, other);
		kith_session_id ours = world_call(&w, WORLD_ALICE, WORLD_BOB, &theirs);
		world_run(&w, 60 * KITH_US_PER_S);
		for (int i = 0; i < 2; i++) {
			int node = i == 0 ? WORLD_ALICE : WORLD_BOB;
			size_t n = kith_core_paths(w.nodes[node].core, world_clock(&w), i == 0 ? ours : theirs, paths,
						   KITH_PATHS_MAX);
			assert_true(n > 0);
			for (size_t k = 0; k < n; k++)
				assert_int_equal(paths[k].kind, KITH_PATH_CLASS_RELAY);
		}
		core_world_deinit(&w);
	}
}

/* ---- the end ---- */

static void a_contact_that_is_blocked_or_made_relay_only_feels_it_at_once(void **state)
{
	struct core_world w;
	kith_session_id theirs;
	struct kith_path_info paths[KITH_PATHS_MAX];
	(void)state;
	world_alice_and_bob(&w);
	kith_session_id ours = world_call(&w, WORLD_ALICE, WORLD_BOB, &theirs);
	const struct world_event *path = world_event(&w, WORLD_BOB, KITH_EVENT_PATH, 0);
	assert_non_null(path);
	assert_int_equal(path->ev.path.kind, KITH_PATH_CLASS_DIRECT);
	pin_relay_only(&w, WORLD_BOB, WORLD_ALICE);
	size_t n = kith_core_paths(w.nodes[WORLD_BOB].core, world_clock(&w), theirs, paths, KITH_PATHS_MAX);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(paths[i].kind, KITH_PATH_CLASS_RELAY);
	world_run(&w, 5 * KITH_US_PER_S);
	int since = w.events_n;
	assert_int_equal(world_say(&w, WORLD_ALICE, ours, "x", 1), 0);
	world_run(&w, KITH_US_PER_S);
	assert_int_equal(world_events(&w, WORLD_BOB, KITH_EVENT_DATAGRAM, since), 1);
	assert_int_equal(kith_core_pin(w.nodes[WORLD_BOB].core, world_clock(&w), "alice",
				       &w.nodes[WORLD_ALICE].id.identity, KITH_CONTACT_BLOCKED, false),
			 0);
	world_drain(&w, WORLD_BOB);
	assert_non_null(world_event(&w, WORLD_BOB, KITH_EVENT_CLOSED, since));
	world_run(&w, KITH_US_PER_S);
	assert_non_null(world_event(&w, WORLD_ALICE, KITH_EVENT_CLOSED, since));
	core_world_deinit(&w);
}

static void a_call_to_a_contact_that_is_blocked_meanwhile_says_so(void **state)
{
	struct core_world w;
	(void)state;
	world_lets_ring(&w);
	int since = w.events_n;
	kith_op op = world_dial(&w, WORLD_ALICE, "bob", 0);
	world_run(&w, 2 * KITH_US_PER_S);
	assert_int_equal(ringing.rings, 1);
	assert_int_equal(kith_core_pin(w.nodes[WORLD_ALICE].core, world_clock(&w), "bob",
				       &w.nodes[WORLD_BOB].id.identity, KITH_CONTACT_BLOCKED, false),
			 0);
	world_drain(&w, WORLD_ALICE);
	assert_int_equal(outcome(&w, WORLD_ALICE, op, since), KITH_EACCES);
	core_world_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(datagrams_of_every_length_arrive_as_they_were_sent),
		cmocka_unit_test(a_sender_that_is_too_fast_waits_until_it_is_told),
		cmocka_unit_test(a_relay_only_contact_never_learns_or_sees_an_address),
		cmocka_unit_test(a_call_to_a_contact_that_is_blocked_meanwhile_says_so),
		cmocka_unit_test(a_contact_that_is_blocked_or_made_relay_only_feels_it_at_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
