/* Sessions change their keys while they are used, and lose nothing by it. */
#include "core_world.h"

#include "base/limits.h"
#include "call/op.h"

static struct kith_session *session_of(struct core_world *w, int node, kith_session_id id)
{
	return kith_peer_get(w->nodes[node].core, id);
}

/* Says something in both directions every second for a while, and expects each word at the other end. */
static void talk_for(struct core_world *w, const kith_session_id id[2], int seconds)
{
	static const uint8_t word[] = "word";
	static const int who[2] = { WORLD_ALICE, WORLD_BOB };
	for (int i = 0; i < seconds; i++) {
		for (int k = 0; k < 2; k++) {
			int since = w->events_n;
			assert_int_equal(world_say(w, who[k], id[k], word, sizeof word), 0);
			world_run(w, KITH_US_PER_S / 2);
			assert_int_equal(world_events(w, who[1 - k], KITH_EVENT_DATAGRAM, since), 1);
		}
	}
}

static void a_session_that_is_used_changes_its_keys_and_loses_nothing(void **state)
{
	struct core_world w;
	kith_session_id id[2];
	uint8_t first[32];
	(void)state;
	world_alice_and_bob(&w);
	id[0] = world_call(&w, WORLD_ALICE, WORLD_BOB, &id[1]);
	memcpy(first, session_of(&w, WORLD_ALICE, id[0])->tx_key, sizeof first);
	talk_for(&w, id, (int)(KITH_REKEY_US / KITH_US_PER_S) + 30);
	const struct kith_session *a = session_of(&w, WORLD_ALICE, id[0]), *b = session_of(&w, WORLD_BOB, id[1]);
	assert_memory_not_equal(a->tx_key, first, sizeof first);
	assert_memory_equal(a->tx_key, b->rx_key, sizeof first);
	assert_memory_equal(b->tx_key, a->rx_key, sizeof first);
	assert_int_equal(a->epoch, 1);
	core_world_deinit(&w);
}

static void an_idle_session_keeps_its_keys(void **state)
{
	struct core_world w;
	kith_session_id id[2];
	(void)state;
	world_alice_and_bob(&w);
	id[0] = world_call(&w, WORLD_ALICE, WORLD_BOB, &id[1]);
	world_run(&w, 3 * KITH_REKEY_US);
	assert_int_equal(session_of(&w, WORLD_ALICE, id[0])->epoch, 0);
	core_world_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_session_that_is_used_changes_its_keys_and_loses_nothing),
		cmocka_unit_test(an_idle_session_keeps_its_keys),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
