/* A leaf comes back with its network, and its record is kept fresh. */
#include "leaf_world.h"

#include "base/limits.h"
#include "identity/devices.h"
#include "identity/keypair.h"
#include "leaf/leaf.h"

static void when_all_supernodes_come_back_so_do_the_leaves(void **state)
{
	struct core_world w;
	struct kith_core_options o;
	(void)state;
	world_alice_and_bob(&w);
	int since = w.events_n;
	for (int i = 0; i < 3; i++)
		world_stop(&w, i);
	world_run(&w, 180 * KITH_US_PER_S);
	assert_int_equal(homes_of(&w, WORLD_ALICE), 0);
	const struct world_event *attached = world_event(&w, WORLD_ALICE, KITH_EVENT_ATTACHED, since);
	assert_non_null(attached);
	assert_int_equal(attached->ev.count, 0);
	for (int i = 0; i < 3; i++) {
		world_options(&w, i, &o);
		assert_int_equal(world_try_start(&w, i, &o), 0);
	}
	world_run(&w, 300 * KITH_US_PER_S);
	assert_int_equal(homes_of(&w, WORLD_ALICE), 3);
	assert_int_equal(homes_of(&w, WORLD_BOB), 3);
	world_call(&w, WORLD_ALICE, WORLD_BOB, NULL);
	core_world_deinit(&w);
}

/* An older record that arrives after a newer one, because the network lost its first copy, costs nothing but itself. */
static int lose_attach_tap(struct core_world *w, struct world_packet *p)
{
	int *lose = w->tap_ctx;
	if (p->len > 700 && p->data[KITH_PACKET_HEADROOM] == KITH_PKT_DATA &&
	    kith_addr_equal(&p->from, &w->nodes[WORLD_ALICE].addr) && *lose > 0) {
		(*lose)--;
		return 0;
	}
	return 1;
}

static void publish(struct core_world *w, int node)
{
	struct kith_core *c = w->nodes[node].core;
	c->leaf.publish_at = w->now;
	kith_timers_stop(&c->timers, &c->leaf.timer);
	assert_int_equal(kith_timers_set(&c->timers, &c->leaf.timer, w->now), 0);
	world_run(w, 50 * KITH_US_PER_MS);
}

static void a_record_that_is_overtaken_by_a_newer_one_does_not_cost_a_home(void **state)
{
	struct core_world w;
	int lose = 3;
	(void)state;
	world_alice_and_bob(&w);
	w.tap = lose_attach_tap;
	w.tap_ctx = &lose;
	for (int i = 0; i < 2;
	     i++) /* two records, 50 ms apart; the first is lost on all three ways and repeated later */
		publish(&w, WORLD_ALICE);
	assert_int_equal(lose, 0);
	int since = w.events_n;
	world_run(&w, 30 * KITH_US_PER_S);
	assert_int_equal(homes_of(&w, WORLD_ALICE), 3);
	assert_null(world_event(&w, WORLD_ALICE, KITH_EVENT_ATTACHED, since));
	core_world_deinit(&w);
}

/* The interface goes away and comes back. */
static void a_transport_that_comes_back_brings_the_homes_back(void **state)
{
	struct core_world w;
	(void)state;
	world_alice_and_bob(&w);
	struct kith_transport t = {
		.id = 0, .kind = KITH_TRANSPORT_UDP, .up = false, .family = KITH_FAMILY_V4, .locals_n = 1
	};
	t.locals[0] = (struct kith_local){ w.nodes[WORLD_ALICE].addr, KITH_ADDR_HOST, 0 };
	kith_core_transport(w.nodes[WORLD_ALICE].core, world_clock(&w), &t);
	world_drain(&w, WORLD_ALICE);
	w.nodes[WORLD_ALICE].muted = true; /* as its host does */
	world_run(&w, 20 * KITH_US_PER_S);
	assert_int_equal(homes_of(&w, WORLD_ALICE), 0);
	w.nodes[WORLD_ALICE].muted = false;
	t.up = true;
	kith_core_transport(w.nodes[WORLD_ALICE].core, world_clock(&w), &t);
	world_drain(&w, WORLD_ALICE);
	world_run(&w, 60 * KITH_US_PER_S);
	assert_int_equal(homes_of(&w, WORLD_ALICE), 3);
	world_call(&w, WORLD_BOB, WORLD_ALICE, NULL);
	core_world_deinit(&w);
}

static void a_record_is_signed_anew_before_it_lapses(void **state)
{
	struct core_world w;
	(void)state;
	world_alice_and_bob(&w);
	uint64_t seq = w.nodes[WORLD_BOB].core->leaf.record_seq;
	world_run(&w, (kith_time_us)KITH_RECORD_LIFE_MS * KITH_US_PER_MS + 60 * KITH_US_PER_S);
	assert_true(w.nodes[WORLD_BOB].core->leaf.record_seq > seq);
	world_call(&w, WORLD_ALICE, WORLD_BOB, NULL);
	core_world_deinit(&w);
}

/* A list that is left out is learnt by nobody, and a device that was stolen would still be called. */
static void a_record_that_is_too_long_names_fewer_addresses_and_not_fewer_devices(void **state)
{
	static const uint8_t kinds[] = { KITH_TRANSPORT_UDP, KITH_TRANSPORT_TCP };
	struct core_world w;
	struct kith_core_options o;
	struct kith_signer identity;
	struct kith_key keys[KITH_DEVICES_MAX];
	struct kith_record r;
	size_t named = 0;
	(void)state;
	world_alice_and_bob(&w);
	struct world_node *alice = &w.nodes[WORLD_ALICE];
	world_identity(&w, WORLD_ALICE, false, &identity);
	for (size_t i = 0; i < KITH_DEVICES_MAX; i++)
		memset(keys[i].b, (int)i + 1, sizeof keys[i].b);
	keys[0] = alice->core->me.device_sign;
	int len = kith_devices_sign(w.pki.suite, alice->id.devices, 2, keys, KITH_DEVICES_MAX, test_span(NULL, 0),
				    identity.sk);
	assert_int_equal(len, 2 + 8 + 1 + KITH_DEVICES_MAX * KITH_DEVICE_TAG_LEN + 1 + KITH_SIG_LEN);
	alice->id.devices_len = (size_t)len;
	world_stop(&w, WORLD_ALICE);
	world_options(&w, WORLD_ALICE, &o);
	assert_int_equal(world_try_start(&w, WORLD_ALICE, &o), 0);
	world_run(&w, 10 * KITH_US_PER_S);
	assert_int_equal(homes_of(&w, WORLD_ALICE), KITH_HOMES);
	struct kith_core *c = alice->core;
	for (size_t i = 0; i < KITH_HOMES; i++) {
		struct kith_host *host = &c->leaf.homes[i].host;
		for (uint8_t k = 1; k < KITH_HOST_ENDPOINTS_MAX; k++) {
			struct kith_endpoint e = { .addr = host->endpoints[0].addr, .kind = kinds[k % 2] };
			if (k >= 2)
				e.addr =
					(struct kith_addr){ .family = KITH_FAMILY_V6, .port = 9, .ip = { 0x20, 1, k } };
			kith_host_add(host, &e);
		}
		assert_int_equal(host->endpoints_n, KITH_HOST_ENDPOINTS_MAX);
	}
	publish(&w, WORLD_ALICE);
	assert_int_equal(kith_record_parse(&r, kith_blob_span(c->leaf.record)), 0);
	assert_int_equal(r.homes_n, KITH_HOMES);
	assert_int_equal(r.devices.len, len);
	for (size_t i = 0; i < KITH_HOMES; i++) {
		named += r.homes[i].host.endpoints_n;
		assert_in_range(r.homes[i].host.endpoints_n, KITH_HOST_ENDPOINTS_MAX - 1,
				KITH_HOST_ENDPOINTS_MAX); /* no home is cut more than others */
	}
	assert_true(named < (size_t)KITH_HOMES * KITH_HOST_ENDPOINTS_MAX);
	assert_true(r.bytes.len + KITH_ENDPOINT_LEN_MAX > KITH_RECORD_LEN_MAX); /* and no fewer than must be */
	world_run(&w, 30 * KITH_US_PER_S);
	world_call(&w, WORLD_BOB, WORLD_ALICE, NULL);
	core_world_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(when_all_supernodes_come_back_so_do_the_leaves),
		cmocka_unit_test(a_record_that_is_overtaken_by_a_newer_one_does_not_cost_a_home),
		cmocka_unit_test(a_transport_that_comes_back_brings_the_homes_back),
		cmocka_unit_test(a_record_is_signed_anew_before_it_lapses),
		cmocka_unit_test(a_record_that_is_too_long_names_fewer_addresses_and_not_fewer_devices),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
