/* Hosts with several workers: a core's shard stands in every index and tunnel id that it gives away, so that a packet
 * can be handed to the worker that knows it; what is for another is dropped and counted, and nobody is told that it is
 * gone.
 */
#include "core_tap.h"

enum { S0, S1, S2, ALICE, BOB, NODES };

static uint8_t shard_of(int node)
{
	return (uint8_t)(0xf0 - 17 * node);
}

/* Each node is a worker of another shard. */
static void sharded_network(struct core_world *w)
{
	static const char *const names[NODES] = { "s0", "s1", "s2", "alice", "bob" };
	core_world_init(w, kith_suite_sodium(), 1);
	w->log = getenv("KITH_TEST_LOG") != NULL;
	for (int i = S0; i < NODES; i++) {
		struct kith_core_options o;
		assert_int_equal(world_add(w, names[i], i <= S2), i);
		world_options(w, i, &o);
		o.shard = shard_of(i);
		assert_int_equal(world_try_start(w, i, &o), 0);
		world_run(w, i == S2 ? 10 * KITH_US_PER_S : 0);
	}
	world_run(w, 5 * KITH_US_PER_S);
}

/* What tells of a shard in the packets to a node. */
struct watch {
	int to_sessions, to_tunnels; /* packets with an index, and with a tunnel id */
};

static int watch_tap(struct core_world *w, struct world_packet *p)
{
	struct watch *seen = w->tap_ctx;
	const uint8_t *data = p->data + KITH_PACKET_HEADROOM;
	int to = world_node_at(w, &p->to), from = world_node_at(w, &p->from);
	if (to < 0)
		return 1;
	if (data[0] == KITH_PKT_TUNNEL) {
		/* A tunnel's id is the supernode's, on both legs. */
		int supernode = to <= S2 ? to : from;
		assert_int_equal(data[4], shard_of(supernode));
		seen->to_tunnels++;
	} else if (data[0] == KITH_PKT_DATA) {
		assert_int_equal(data[8], shard_of(to));
		seen->to_sessions++;
	}
	return 1;
}

static void every_index_and_tunnel_names_the_shard_of_who_gave_it(void **state)
{
	struct core_world w;
	struct watch seen = { 0, 0 };
	kith_session_id theirs;
	(void)state;
	sharded_network(&w);
	w.tap = watch_tap;
	w.tap_ctx = &seen;
	kith_session_id ours = world_call(&w, ALICE, BOB, &theirs);
	assert_int_equal(ours >> 24, shard_of(ALICE));
	assert_int_equal(theirs >> 24, shard_of(BOB));
	assert_int_equal(world_say(&w, ALICE, ours, "hello", 5), 0);
	world_run(&w, 30 * KITH_US_PER_S);
	assert_non_null(world_event(&w, BOB, KITH_EVENT_DATAGRAM, 0));
	assert_true(seen.to_sessions > 10 && seen.to_tunnels > 4);
	core_world_deinit(&w);
}

/* Keeps the first packet of alice to s0 itself, not through it. */
static int keep_direct(struct core_world *w, struct world_packet *p)
{
	return p->data[KITH_PACKET_HEADROOM] == KITH_PKT_DATA ? keep_tap(w, p) : 1;
}

/* Whatever stands in the upper byte instead: no session is found, and nothing goes back. */
static void a_packet_for_another_shard_is_counted_and_dropped(void **state)
{
	struct core_world w;
	(void)state;
	sharded_network(&w);
	world_call(&w, ALICE, BOB, NULL);
	struct keeper k = { .type = KITH_PKT_DATA, .from = &w.nodes[ALICE].addr, .to = &w.nodes[S0].addr };
	w.tap = keep_direct;
	w.tap_ctx = &k;
	world_run(&w, 60 * KITH_US_PER_S);
	w.tap = NULL;
	assert_true(k.seen > 0);
	uint8_t *data = k.packet.data + KITH_PACKET_HEADROOM;
	assert_int_equal(data[0], KITH_PKT_DATA);
	assert_int_equal(data[8], shard_of(S0));
	uint64_t out = world_stat(&w, S0, KITH_STAT_PACKETS_OUT);
	for (unsigned other = 1; other < 256; other++) {
		uint64_t unknown = world_stat(&w, S0, KITH_STAT_DROP_UNKNOWN_INDEX);
		data[8] = (uint8_t)(shard_of(S0) ^ other);
		inject(&w, S0, &w.nodes[ALICE].addr, data, k.packet.len);
		assert_int_equal(world_stat(&w, S0, KITH_STAT_DROP_UNKNOWN_INDEX), unknown + 1);
	}
	assert_int_equal(world_stat(&w, S0, KITH_STAT_PACKETS_OUT), out);
	/* In its own shard a name that is not known is one that was forgotten, and that is said. */
	data[8] = shard_of(S0);
	data[15] ^= 1;
	inject(&w, S0, &w.nodes[ALICE].addr, data, k.packet.len);
	assert_int_equal(world_stat(&w, S0, KITH_STAT_PACKETS_OUT), out + 1);
	core_world_deinit(&w);
}

static void a_tunnel_of_another_shard_is_counted_and_dropped(void **state)
{
	struct core_world w;
	(void)state;
	sharded_network(&w);
	uint64_t id = 0;
	int relay = S0;
	/* Any tunnel that alice was told of: which supernodes are asked depends on who became a home first. */
	kith_session_id session = world_call(&w, ALICE, BOB, NULL);
	const struct kith_session *s = kith_sessions_get(&w.nodes[ALICE].core->sessions, session);
	for (unsigned n = 0; n < kith_pathset_count(&s->paths); n++) {
		const struct kith_path *path = kith_pathset_path(&s->paths, n);
		for (int i = S0; i <= S2 && path->hop.tunnel != 0; i++) {
			if (kith_addr_equal(&path->hop.remote, &w.nodes[i].addr)) {
				id = path->hop.tunnel;
				relay = i;
			}
		}
	}
	assert_int_not_equal(id, 0);
	assert_int_equal(id >> 56, shard_of(relay));
	uint64_t relayed = world_stat(&w, relay, KITH_STAT_RELAYED_PACKETS), drops = 0;
	for (unsigned other = 1; other < 256; other++) {
		uint8_t packet[200] = { 0 };
		kith_tunnel_write(packet, id ^ (uint64_t)other << 56);
		packet[KITH_TUNNEL_HEADER] = KITH_PKT_DATA;
		inject(&w, relay, &w.nodes[ALICE].addr, packet, sizeof packet);
		drops++;
	}
	assert_int_equal(world_stat(&w, relay, KITH_STAT_RELAYED_PACKETS), relayed);
	assert_true(world_stat(&w, relay, KITH_STAT_DROP_UNKNOWN_INDEX) +
			    world_stat(&w, relay, KITH_STAT_DROP_TUNNEL_UNKNOWN) >=
		    drops);
	core_world_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_index_and_tunnel_names_the_shard_of_who_gave_it),
		cmocka_unit_test(a_packet_for_another_shard_is_counted_and_dropped),
		cmocka_unit_test(a_tunnel_of_another_shard_is_counted_and_dropped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
