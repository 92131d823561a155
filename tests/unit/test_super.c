/* What a supernode does for others, as they come, go, come back, and lie about it. */
#include "super_world.h"

#include "base/limits.h"
#include "link/connect.h"
#include "super/super.h"

static void one_that_left_is_no_member_and_its_tunnels_are_not_missed(void **state)
{
	struct core_world w;
	(void)state;
	world_far_apart(&w);
	assert_int_equal(kith_core_pin(w.nodes[WORLD_FAR_BOB].core, world_clock(&w), "alice",
				       &w.nodes[WORLD_FAR_ALICE].id.identity, KITH_CONTACT_RELAY_ONLY, false),
			 0);
	world_drain(&w, WORLD_FAR_BOB);
	kith_session_id s = world_call(&w, WORLD_FAR_ALICE, WORLD_FAR_BOB, NULL);
	world_run(&w, 5 * KITH_US_PER_S);
	int relay = -1;
	for (int i = 0; i < 6; i++)
		relay = info_of(&w, i).tunnels > 0 ? i : relay;
	assert_true(relay >= 0);
	kith_core_leave(w.nodes[relay].core, world_clock(&w), 10 * KITH_US_PER_S);
	world_drain(&w, relay);
	int got = 0;
	for (int i = 0; i < 150; i++) {
		int since = w.events_n;
		if (i == 60)
			world_stop(&w, relay);
		assert_int_equal(world_say(&w, WORLD_FAR_ALICE, s, "tick", 4), 0);
		world_run(&w, 200 * KITH_US_PER_MS);
		got += world_events(&w, WORLD_FAR_BOB, KITH_EVENT_DATAGRAM, since);
	}
	assert_true(got >= 148);
	world_run(&w, 30 * KITH_US_PER_S);
	for (int i = 0; i < 6; i++) {
		if (i != relay)
			assert_int_equal(info_of(&w, i).members, 5);
	}
	core_world_deinit(&w);
}

/* An hour with nothing going on: no node's memory grows. */
static void an_idle_network_does_not_grow(void **state)
{
	struct core_world w;
	(void)state;
	world_alice_and_bob(&w);
	world_run(&w, 1800 * KITH_US_PER_S);
	size_t bytes = w.alloc.live_bytes;
	world_run(&w, 3600 * KITH_US_PER_S);
	assert_true(w.alloc.live_bytes <= bytes + bytes / 50);
	core_world_deinit(&w);
}

/* Whether a supernode knows another at that address. */
static bool knows_at(const struct core_world *w, int node, int other, const struct kith_addr *at)
{
	const struct kith_members *ms = &w->nodes[node].core->super->members;
	for (uint32_t i = 0; i < ms->n; i++) {
		struct kith_host host;
		kith_member_host(ms->at[i], &host);
		if (memcmp(host.dh.b, w->nodes[other].core->self.dh_pk, KITH_KEY_LEN) == 0)
			return host.endpoints_n == 1 && kith_addr_equal(&host.endpoints[0].addr, at);
	}
	return false;
}

/* At once, or gone first and there some time later. */
static void a_supernode_with_another_address_tells_the_members(void **state)
{
	(void)state;
	for (int gap = 0; gap < 2; gap++) {
		struct core_world w;
		world_alice_and_bob(&w);
		const struct kith_addr old = w.nodes[2].addr;
		assert_true(knows_at(&w, 1, 2, &old));
		if (gap != 0) {
			struct kith_transport none = { .kind = KITH_TRANSPORT_UDP, .family = KITH_FAMILY_V4 };
			assert_int_equal(kith_core_transport(w.nodes[2].core, world_clock(&w), &none), 0);
			world_drain(&w, 2);
			world_run(&w, KITH_US_PER_S);
			assert_true(kith_addr_equal(&w.nodes[2].core->endpoints[0].addr, &old));
		}
		w.nodes[2].addr.ip[3] += 9;
		world_link(&w, 2, 0, true);
		world_run(&w, 12 * KITH_US_PER_S); /* a few exchanges of gossip */
		assert_true(knows_at(&w, 0, 2, &w.nodes[2].addr));
		assert_true(knows_at(&w, 1, 2, &w.nodes[2].addr));
		core_world_deinit(&w);
	}
}

/* What the operator says is not the interface's: a forwarded port, another's address. */
static void an_endpoint_that_was_no_interface_of_ours_stays(void **state)
{
	struct core_world w;
	(void)state;
	world_alice_and_bob(&w);
	struct kith_endpoint *at = &w.nodes[2].core->endpoints[0];
	at->addr.ip[0] = 77;
	const struct kith_addr told = at->addr;
	w.nodes[2].addr.ip[3] += 9;
	world_link(&w, 2, 0, true);
	assert_true(kith_addr_equal(&at->addr, &told));
	core_world_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_that_left_is_no_member_and_its_tunnels_are_not_missed),
		cmocka_unit_test(an_idle_network_does_not_grow),
		cmocka_unit_test(a_supernode_with_another_address_tells_the_members),
		cmocka_unit_test(an_endpoint_that_was_no_interface_of_ours_stays),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
