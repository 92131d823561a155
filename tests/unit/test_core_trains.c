/* Trains of segments (GRO in, GSO out) through whole cores: a relay passes a train on as a train, and whatever else a
 * train holds is treated as if its segments had come one by one.
 */
#include "core_tap.h"

enum { SEGMENTS = 6 };

/* Alice's packets to bob by way of a home of hers or his, taken off the wire. */
struct caught {
	int home; /* the supernode that relays */
	size_t n;
	uint16_t len[SEGMENTS];
	uint8_t data[SEGMENTS][1300];
	bool on;
};

static int catch_tap(struct core_world *w, struct world_packet *p)
{
	struct caught *c = w->tap_ctx;
	if (!c->on || !kith_addr_equal(&p->from, &w->nodes[WORLD_ALICE].addr) ||
	    p->data[KITH_PACKET_HEADROOM] != KITH_PKT_TUNNEL)
		return 1;
	assert_true(c->n < SEGMENTS);
	c->home = world_node_at(w, &p->to);
	memcpy(c->data[c->n], p->data + KITH_PACKET_HEADROOM, p->len);
	c->len[c->n++] = p->len;
	return 0;
}

/* A call that may only be relayed, five datagrams of the same length under way, and a shorter one. */
static void talk_through_a_relay(struct core_world *w, struct caught *c)
{
	uint8_t text[500];
	world_relayed(w);
	kith_session_id session = world_call(w, WORLD_ALICE, WORLD_BOB, NULL);
	memset(c, 0, sizeof *c);
	w->tap = catch_tap;
	w->tap_ctx = c;
	c->on = true;
	memset(text, 't', sizeof text);
	for (uint8_t i = 0; i < SEGMENTS; i++) {
		text[0] = i;
		assert_int_equal(world_say(w, WORLD_ALICE, session, text, i + 1 < SEGMENTS ? sizeof text : 100), 0);
	}
	c->on = false;
	assert_int_equal(c->n, SEGMENTS);
	for (int i = 1; i + 1 < SEGMENTS; i++)
		assert_int_equal(c->len[i], c->len[0]);
	assert_true(c->len[SEGMENTS - 1] < c->len[0]);
}

/* Lays segments from..to one behind the other. */
static size_t couple(const struct caught *c, size_t from, size_t to, uint8_t *out)
{
	size_t len = 0;
	for (size_t i = from; i < to; i++) {
		memcpy(out + len, c->data[i], c->len[i]);
		len += c->len[i];
	}
	return len;
}

/* Gives a node a train and takes what comes out of it, up to max packets. */
static size_t pass(struct core_world *w, int node, int from, uint8_t *data, size_t len, size_t segment_len,
		   struct kith_packet out[], size_t max)
{
	struct kith_packet p = { .data = data,
				 .len = (uint32_t)len,
				 .segment_len = (uint16_t)segment_len,
				 .remote = w->nodes[from].addr,
				 .local = w->nodes[node].addr };
	kith_core_input(w->nodes[node].core, world_clock(w), &p, 1);
	return kith_core_poll(w->nodes[node].core, world_clock(w), out, max);
}

static int datagrams(const struct core_world *w, int since)
{
	return world_events(w, WORLD_BOB, KITH_EVENT_DATAGRAM, since);
}

static void a_relayed_train_stays_a_train_and_arrives_whole(void **state)
{
	struct core_world w;
	struct caught c;
	uint8_t room[KITH_PACKET_HEADROOM + SEGMENTS * 1300];
	uint8_t *data = room + KITH_PACKET_HEADROOM;
	struct kith_packet out[8];
	(void)state;
	talk_through_a_relay(&w, &c);
	uint64_t relayed = world_stat(&w, c.home, KITH_STAT_RELAYED_PACKETS),
		 in = world_stat(&w, c.home, KITH_STAT_PACKETS_IN),
		 bytes = world_stat(&w, c.home, KITH_STAT_RELAYED_BYTES);
	size_t len = couple(&c, 0, SEGMENTS, data);
	assert_int_equal(pass(&w, c.home, WORLD_ALICE, data, len, c.len[0], out, 8), 1);
	assert_ptr_equal(out[0].data, data); /* where it came in: nothing was copied */
	assert_int_equal(out[0].len, len);
	assert_int_equal(out[0].segment_len, c.len[0]);
	assert_true(kith_addr_equal(&out[0].remote, &w.nodes[WORLD_BOB].addr));
	assert_int_equal(world_stat(&w, c.home, KITH_STAT_PACKETS_IN), in + SEGMENTS);
	assert_int_equal(world_stat(&w, c.home, KITH_STAT_RELAYED_PACKETS), relayed + SEGMENTS);
	assert_int_equal(world_stat(&w, c.home, KITH_STAT_RELAYED_BYTES), bytes + len);
	/* Every segment says the other leg's tunnel; what is inside is as it was. */
	for (size_t i = 0; i < SEGMENTS; i++) {
		const uint8_t *segment = data + i * c.len[0];
		assert_memory_equal(segment, data, KITH_TUNNEL_HEADER);
		assert_memory_not_equal(segment, c.data[i], KITH_TUNNEL_HEADER);
		assert_memory_equal(segment + KITH_TUNNEL_HEADER, c.data[i] + KITH_TUNNEL_HEADER,
				    (size_t)(c.len[i] - KITH_TUNNEL_HEADER));
	}
	world_drain(&w, c.home);
	/* And at the end of the tunnel the train is taken apart. */
	int since = w.events_n;
	(void)pass(&w, WORLD_BOB, c.home, data, len, c.len[0], out, 0);
	world_drain(&w, WORLD_BOB);
	assert_int_equal(datagrams(&w, since), SEGMENTS);
	for (int i = since, k = 0; i < w.events_n; i++) {
		if (w.events[i].ev.type == KITH_EVENT_DATAGRAM)
			assert_int_equal(w.events[i].data[0], k++);
	}
	core_world_deinit(&w);
}

/* A single packet in a train's clothes: the length of a segment says nothing, and is not passed on. */
static void a_segment_as_long_as_the_packet_or_longer_is_one_packet(void **state)
{
	(void)state;
	for (uint16_t more = 0; more < 3; more++) {
		struct core_world w;
		struct caught c;
		uint8_t room[KITH_PACKET_HEADROOM + 1300];
		struct kith_packet out[8];
		talk_through_a_relay(&w, &c);
		uint64_t in = world_stat(&w, c.home, KITH_STAT_PACKETS_IN);
		size_t len = couple(&c, 0, 1, room + KITH_PACKET_HEADROOM);
		size_t segment = more == 2 ? UINT16_MAX : len + more;
		assert_int_equal(pass(&w, c.home, WORLD_ALICE, room + KITH_PACKET_HEADROOM, len, segment, out, 8), 1);
		assert_int_equal(out[0].len, len);
		assert_int_equal(out[0].segment_len, 0);
		assert_int_equal(world_stat(&w, c.home, KITH_STAT_PACKETS_IN), in + 1);
		world_drain(&w, c.home);
		core_world_deinit(&w);
	}
}

/* A packet of alice for the home itself, of a given length. */
static void own_packet(struct core_world *w, const struct caught *c, uint8_t *out, size_t len)
{
	struct kith_core *alice = w->nodes[WORLD_ALICE].core;
	struct kith_session *s = kith_sessions_of(&alice->sessions, w->nodes[c->home].core->self.dh_pk);
	assert_non_null(s);
	size_t padding = len - KITH_TRANSPORT_HEADER - 16 - KITH_FRAME_HEADER;
	struct kith_writer f = kith_writer_of(out + KITH_TRANSPORT_HEADER, padding + KITH_FRAME_HEADER);
	kith_write_u8(&f, KITH_FRAME_PADDING);
	kith_write_u16(&f, (uint16_t)padding);
	memset(out + KITH_TRANSPORT_HEADER + KITH_FRAME_HEADER, 0, padding);
	uint64_t name = kith_pathset_name_on(&s->paths, kith_session_hop(s));
	assert_int_equal(kith_session_seal(s, alice->suite, name, out, padding + KITH_FRAME_HEADER), len);
}

/* What a leaf sends to its home is partly for the home and partly for others, and the kernel joins it all. */
static void a_train_of_relayed_and_own_packets_is_taken_apart_without_loss(void **state)
{
	(void)state;
	for (size_t own = 0; own < 3; own++) {
		struct core_world w;
		struct caught c;
		uint8_t room[KITH_PACKET_HEADROOM + 3 * 1300];
		uint8_t *data = room + KITH_PACKET_HEADROOM;
		struct kith_packet out[8];
		talk_through_a_relay(&w, &c);
		(void)couple(&c, 0, 3, data);
		own_packet(&w, &c, data + own * c.len[0], c.len[0]);
		struct kith_session *s =
			kith_sessions_of(&w.nodes[c.home].core->sessions, w.nodes[WORLD_ALICE].core->self.dh_pk);
		uint64_t top = s->replay.top, relayed = world_stat(&w, c.home, KITH_STAT_RELAYED_PACKETS);
		size_t n = pass(&w, c.home, WORLD_ALICE, data, 3u * c.len[0], c.len[0], out, 8);
		assert_true(s->replay.top > top); /* it was opened */
		assert_int_equal(world_stat(&w, c.home, KITH_STAT_RELAYED_PACKETS), relayed + 2);
		size_t to_bob = 0;
		for (size_t i = 0; i < n; i++) {
			if (!kith_addr_equal(&out[i].remote, &w.nodes[WORLD_BOB].addr))
				continue;
			to_bob++;
			assert_int_equal(out[i].len, c.len[0]);
			assert_int_equal(out[i].segment_len, 0);
		}
		assert_int_equal(to_bob, 2);
		world_drain(&w, c.home);
		core_world_deinit(&w);
	}
}

/* One bad segment costs itself, not the others: anybody can put a byte between them. */
static void a_bad_segment_does_not_take_the_others_with_it(void **state)
{
	(void)state;
	for (size_t tail = 1; tail <= KITH_TUNNEL_HEADER; tail++) {
		struct core_world w;
		struct caught c;
		uint8_t room[KITH_PACKET_HEADROOM + 3 * 1300];
		uint8_t *data = room + KITH_PACKET_HEADROOM;
		struct kith_packet out[8];
		talk_through_a_relay(&w, &c);
		size_t len = couple(&c, 0, 2, data);
		memcpy(data + len, c.data[2], tail);
		uint64_t relayed = world_stat(&w, c.home, KITH_STAT_RELAYED_PACKETS),
			 bad = world_stat(&w, c.home, KITH_STAT_DROP_TOO_SHORT);
		size_t n = pass(&w, c.home, WORLD_ALICE, data, len + tail, c.len[0], out, 8);
		assert_int_equal(n, 2);
		assert_int_equal(world_stat(&w, c.home, KITH_STAT_RELAYED_PACKETS), relayed + 2);
		assert_int_equal(world_stat(&w, c.home, KITH_STAT_DROP_TOO_SHORT), bad + 1);
		world_drain(&w, c.home);
		core_world_deinit(&w);
	}
}

/* A train is charged as a whole: over the rate none of it goes on, it is counted, and its sender told. */
static void a_train_over_the_rate_of_its_owner_is_dropped_and_counted(void **state)
{
	struct core_world w;
	struct caught c;
	uint8_t room[KITH_PACKET_HEADROOM + SEGMENTS * 1300];
	uint8_t *data = room + KITH_PACKET_HEADROOM;
	struct kith_packet out[8];
	(void)state;
	talk_through_a_relay(&w, &c);
	struct kith_fwd *fwd = &w.nodes[c.home].core->super->fwd;
	size_t len = couple(&c, 0, SEGMENTS, data), passed = 0;
	uint64_t dropped = world_stat(&w, c.home, KITH_STAT_DROP_TUNNEL_LIMIT);
	uint64_t told = world_stat(&w, c.home, KITH_STAT_TUNNELS_LIMITED);
	uint64_t most = fwd->limits.owner_burst + fwd->limits.owner_rate / 50;
	for (int i = 0; i < 100000 && world_stat(&w, c.home, KITH_STAT_DROP_TUNNEL_LIMIT) == dropped; i++) {
		(void)couple(&c, 0, SEGMENTS, data);
		size_t n = pass(&w, c.home, WORLD_ALICE, data, len, c.len[0], out, 8);
		passed += n > 0 && out[0].len == len ? len : 0; /* else it is what alice is told */
		while (kith_core_poll(w.nodes[c.home].core, world_clock(&w), out, 8) > 0) {}
	}
	assert_int_equal(world_stat(&w, c.home, KITH_STAT_DROP_TUNNEL_LIMIT), dropped + 1);
	assert_int_equal(world_stat(&w, c.home, KITH_STAT_TUNNELS_LIMITED), told + 1);
	assert_true(passed > 0 && passed <= most);
	world_drain(&w, c.home);
	/* Later there is room again. */
	world_run(&w, KITH_US_PER_S);
	(void)couple(&c, 0, SEGMENTS, data);
	assert_true(pass(&w, c.home, WORLD_ALICE, data, len, c.len[0], out, 8) > 0);
	world_drain(&w, c.home);
	core_world_deinit(&w);
}

/* However the host cuts it, nothing more goes out than came in, every segment is counted once, and the call goes on. */
static void no_length_of_a_segment_does_harm(void **state)
{
	struct core_world w;
	struct caught c;
	uint8_t room[KITH_PACKET_HEADROOM + SEGMENTS * 1300];
	uint8_t *data = room + KITH_PACKET_HEADROOM;
	(void)state;
	talk_through_a_relay(&w, &c);
	struct kith_packet out[64];
	for (size_t segment = 0; segment <= 2u * c.len[0]; segment += segment < 64 ? 1 : 13) {
		for (int node = 0; node < 5; node++) {
			size_t len = couple(&c, 0, SEGMENTS, data), n, bytes = 0;
			uint64_t in = world_stat(&w, node, KITH_STAT_PACKETS_IN);
			n = pass(&w, node, WORLD_ALICE, data, len, segment, out, 64);
			assert_int_equal(world_stat(&w, node, KITH_STAT_PACKETS_IN) - in,
					 segment == 0 ? 1 : (len + segment - 1) / segment);
			for (; n > 0; n = kith_core_poll(w.nodes[node].core, world_clock(&w), out, 64)) {
				for (size_t i = 0; i < n; i++) {
					bytes += out[i].len;
					assert_true(out[i].segment_len == 0 || out[i].segment_len < out[i].len);
				}
			}
			assert_true(bytes <= len);
			world_drain(&w, node);
		}
	}
	world_run(&w, 2 * KITH_US_PER_S);
	world_call(&w, WORLD_BOB, WORLD_ALICE, NULL);
	core_world_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_relayed_train_stays_a_train_and_arrives_whole),
		cmocka_unit_test(a_segment_as_long_as_the_packet_or_longer_is_one_packet),
		cmocka_unit_test(a_train_of_relayed_and_own_packets_is_taken_apart_without_loss),
		cmocka_unit_test(a_bad_segment_does_not_take_the_others_with_it),
		cmocka_unit_test(a_train_over_the_rate_of_its_owner_is_dropped_and_counted),
		cmocka_unit_test(no_length_of_a_segment_does_harm),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
