/* What a node does with packets nobody should have sent: garbage, floods, copies, damage. Nothing is kept, everything
 * is counted, and never do more bytes go back than came. */
#include "core_world.h"

#include "core/dispatch.h"

/* What left a node towards an address, and came from it, since the tap was set. */
struct meter {
	struct kith_addr node, other;
	uint64_t out, in;
	bool hellos_only; /* the other's packets are lost, but for first messages */
};

static int meter_tap(struct core_world *w, struct world_packet *p)
{
	struct meter *m = w->tap_ctx;
	if (kith_addr_equal(&p->from, &m->node) && kith_addr_equal(&p->to, &m->other))
		m->out += p->len;
	if (!kith_addr_equal(&p->to, &m->node) || !kith_addr_equal(&p->from, &m->other))
		return 1;
	if (m->hellos_only && p->data[KITH_PACKET_HEADROOM] != KITH_PKT_HELLO)
		return 0;
	m->in += p->len;
	return 1;
}

static void inject(struct core_world *w, int node, const struct kith_addr *from, const uint8_t *data, size_t len)
{
	uint8_t room[KITH_PACKET_HEADROOM + 2048];
	assert_true(len <= sizeof room - KITH_PACKET_HEADROOM);
	if (len > 0)
		memcpy(room + KITH_PACKET_HEADROOM, data, len);
	struct kith_packet p = {
		.data = room + KITH_PACKET_HEADROOM, .len = (uint32_t)len, .remote = *from, .local = w->nodes[node].addr
	};
	kith_core_input(w->nodes[node].core, world_clock(w), &p, 1);
	world_drain(w, node);
}

static uint64_t all_drops(const struct core_world *w, int node)
{
	static const enum kith_stat drops[] = {
		KITH_STAT_DROP_TOO_SHORT,	KITH_STAT_DROP_UNKNOWN_TYPE,  KITH_STAT_DROP_UNKNOWN_VERSION,
		KITH_STAT_DROP_BAD_MAC,		KITH_STAT_DROP_UNKNOWN_INDEX, KITH_STAT_DROP_NOT_AUTHENTIC,
		KITH_STAT_DROP_RATE_LIMITED,	KITH_STAT_DROP_TUNNEL_SOURCE, KITH_STAT_REFUSE_NOT_VIA_HOME,
		KITH_STAT_DROP_COOKIE_REQUIRED, KITH_STAT_DROP_REPLAYED,      KITH_STAT_REFUSE_MALFORMED,
		KITH_STAT_DROP_TUNNEL_CREDIT,
	};
	uint64_t n = 0;
	for (size_t i = 0; i < sizeof drops / sizeof drops[0]; i++)
		n += world_stat(w, node, drops[i]);
	return n;
}

static const struct kith_addr stranger = { .family = KITH_FAMILY_V4, .port = 999, .ip = { 77, 1, 2, 3 } };

/* ---- floods ---- */

/* Random bytes behind each of our type bytes, and behind others. */
static void a_flood_of_garbage_leaves_nothing_behind_and_every_packet_is_counted(void **state)
{
	struct core_world w;
	uint8_t packet[1400];
	struct test_random r;
	(void)state;
	world_alice_and_bob(&w);
	test_random_init(&r, 4);
	for (int node = 0; node < 5; node += 4) {
		/* The stranger's prefix is remembered by the rate limits, once: their tables are bounded. */
		memset(packet, 0, sizeof packet);
		packet[0] = KITH_PKT_DATA;
		inject(&w, node, &stranger, packet, 100);
		packet[0] = KITH_PKT_GONE;
		inject(&w, node, &stranger, packet, KITH_GONE_PACKET_LEN);
		uint64_t before = all_drops(&w, node);
		size_t bytes = w.alloc.live_bytes;
		uint32_t sessions = w.nodes[node].core->sessions.by_index.n;
		uint32_t n = 0;
		struct meter m = { .node = w.nodes[node].addr, .other = stranger };
		w.tap = meter_tap;
		w.tap_ctx = &m;
		for (uint32_t i = 0; i < 20000; i++, n++) {
			size_t len = (size_t)(test_random_next(&r) % sizeof packet);
			uint64_t in = 0;
			test_random_fill(&r, packet, len);
			if (len > 0 && i % 4 != 0)
				packet[0] = (uint8_t)(0xe0 + i % 11);
			if (len > 4 && i % 3 != 0) { /* the right version, pattern and reserved bytes */
				packet[1] =
					packet[0] == KITH_PKT_DATA ? packet[1] : (uint8_t)(packet[0] == KITH_PKT_HELLO);
				packet[2] = 0;
				packet[3] = 0;
			}
			m.in = in = len;
			m.out = 0;
			inject(&w, node, &stranger, packet, len);
			assert_true(m.out <= in);
		}
		assert_int_equal(all_drops(&w, node) - before, n);
		assert_int_equal(w.nodes[node].core->sessions.by_index.n, sessions);
		assert_int_equal(w.alloc.live_bytes, bytes);
		w.tap = NULL;
	}
	core_world_deinit(&w);
}

/* First messages that carry the right first MAC: whoever knows the public key can make them. */
static void no_length_of_a_first_message_earns_more_bytes_than_it_has(void **state)
{
	struct core_world w;
	uint8_t packet[KITH_UDP_PAYLOAD];
	struct test_random r;
	struct kith_mac_keys keys;
	(void)state;
	world_alice_and_bob(&w);
	test_random_init(&r, 4);
	for (int node = 0; node < 5; node += 4) {
		struct kith_core *c = w.nodes[node].core;
		kith_mac_keys_derive(&keys, w.pki.suite, c->self.dh_pk);
		struct meter m = { .node = w.nodes[node].addr, .other = stranger };
		w.tap = meter_tap;
		w.tap_ctx = &m;
		for (size_t len = KITH_HS_HEADER + KITH_HS_TRAILER; len <= sizeof packet; len++) {
			for (unsigned load = 0; load < 4; load++) {
				c->guard.hellos_per_s = load < 2 ? 0 : 1000000;
				m.other.ip[1] =
					(uint8_t)(len &
						  0xff); /* many prefixes: the rate of one is not what is tested */
				m.other.ip[2] = (uint8_t)(len >> 8);
				m.other.ip[0] = (uint8_t)(60 + load);
				test_random_fill(&r, packet, len);
				kith_hs_write(packet, load % 2 == 0 ? KITH_PKT_HELLO : KITH_PKT_WHO, 7, 0);
				if (load % 2 == 0)
					kith_mac_write(w.pki.suite, &keys, NULL, packet, len);
				else
					kith_who_mac(w.pki.suite, &c->self.network, packet, len);
				m.out = 0;
				inject(&w, node, &m.other, packet, len);
				assert_true(m.out <= len);
				packet[1] = KITH_WIRE_VERSION + 1;
				m.out = 0;
				inject(&w, node, &m.other, packet, len);
				assert_true(m.out <= len);
			}
		}
		w.tap = NULL;
	}
	core_world_deinit(&w);
}

/* A caller whose first message came, and nothing since: perhaps somebody who wants the answer to go to another. What
 * the callee's home and the callee say back through it is less than came. */
static void an_introduction_from_an_unproven_address_does_not_amplify(void **state)
{
	int tested = 0;
	(void)state;
	for (int i = 0; i < 3; i++) {
		struct core_world w;
		world_far_apart(&w);
		struct meter m = { .node = w.nodes[i].addr,
				   .other = w.nodes[WORLD_FAR_ALICE].addr,
				   .hellos_only = true };
		w.tap = meter_tap;
		w.tap_ctx = &m;
		world_dial(&w, WORLD_FAR_ALICE, "bob", 0);
		for (int k = 0; k < 200; k++) {
			world_run(&w, 50 * KITH_US_PER_MS);
			assert_true(m.out <= m.in);
		}
		tested += m.in > 0 && m.out > 0;
		core_world_deinit(&w);
	}
	assert_true(tested > 0);
}

/* ---- damage on the way ---- */

static int duplicate_tap(struct core_world *w, struct world_packet *p)
{
	(void)w;
	(void)p;
	return 2;
}

static void copies_of_every_packet_deliver_nothing_twice(void **state)
{
	struct core_world w;
	(void)state;
	world_alice_and_bob(&w);
	w.tap = duplicate_tap;
	kith_session_id theirs, ours = world_call(&w, WORLD_ALICE, WORLD_BOB, &theirs);
	int since = w.events_n;
	for (uint8_t i = 0; i < 50; i++) {
		assert_int_equal(world_say(&w, WORLD_ALICE, ours, &i, 1), 0);
		world_run(&w, 20 * KITH_US_PER_MS);
	}
	world_run(&w, KITH_US_PER_S);
	assert_int_equal(world_events(&w, WORLD_BOB, KITH_EVENT_DATAGRAM, since), 50);
	assert_true(world_stat(&w, WORLD_BOB, KITH_STAT_DROP_REPLAYED) >= 50);
	assert_int_equal(world_events(&w, WORLD_BOB, KITH_EVENT_INCOMING, 0), 1);
	assert_int_equal(world_events(&w, WORLD_BOB, KITH_EVENT_OPENED, 0), 1);
	core_world_deinit(&w);
}

/* Damages every n-th packet in a way that changes from one to the next. */
struct damage {
	unsigned every, n, kind;
};

enum damage_kind { FLIP, CUT, LENGTHEN, LOSE };

static int damage_tap(struct core_world *w, struct world_packet *p)
{
	struct damage *d = w->tap_ctx;
	if (++d->n % d->every != 0)
		return 1;
	uint64_t r = test_random_next(&w->random);
	uint8_t *data = p->data + KITH_PACKET_HEADROOM;
	switch ((enum damage_kind)d->kind) {
	case FLIP:
		data[r % p->len] ^= (uint8_t)(1u << (r >> 32) % 8);
		return 1;
	case CUT:
		p->len = (uint16_t)(r % p->len);
		return 1;
	case LENGTHEN: {
		size_t more = (size_t)(1 + r % (1400 - p->len));
		test_random_fill(&w->random, data + p->len, more);
		p->len = (uint16_t)(p->len + more);
		return 1;
	}
	case LOSE:
		return 0;
	}
	return 1;
}

/* From the very first packet on: nodes find each other, call, and talk, and each damaged packet is counted at who gets
 * it. */
static void damaged_packets_cost_time_but_not_calls(void **state)
{
	(void)state;
	for (unsigned kind = FLIP; kind <= LOSE; kind++) {
		for (unsigned every = 5; every < 14; every += 4) {
			struct core_world w;
			struct kith_core_info info;
			struct damage d = { .every = every, .kind = kind };
			core_world_init(&w, kith_suite_sodium(), kind * 100 + every);
			w.tap = damage_tap;
			w.tap_ctx = &d;
			for (int i = 0; i < 5; i++)
				world_start(&w, (const char *const[]){ "s0", "s1", "s2", "alice", "bob" }[i], i < 3);
			world_run(&w, 90 * KITH_US_PER_S);
			kith_core_info(w.nodes[WORLD_ALICE].core, &info);
			assert_true(info.homes >= 2);
			int since = w.events_n;
			int opened = 0;
			for (int i = 0; i < 3; i++) {
				world_dial(&w, WORLD_ALICE, "bob", 20 * KITH_US_PER_S);
				world_run(&w, 21 * KITH_US_PER_S);
			}
			for (int i = since; i < w.events_n; i++)
				opened += w.events[i].node == WORLD_ALICE && w.events[i].ev.type == KITH_EVENT_OPENED;
			assert_int_equal(opened + world_events(&w, WORLD_ALICE, KITH_EVENT_OP_DONE, since), 3);
			assert_int_equal(opened, 3);
			uint64_t drops = 0;
			for (int i = 0; i < 5; i++)
				drops += all_drops(&w, i) + world_stat(&w, i, KITH_STAT_DROP_TUNNEL_UNKNOWN) +
					 world_stat(&w, i, KITH_STAT_DROP_TUNNEL_SOURCE) +
					 world_stat(&w, i, KITH_STAT_REFUSE_STALE);
			if (kind != LOSE)
				assert_true(drops > 0);
			core_world_deinit(&w);
		}
	}
}

/* A genuine packet of a session, cut to every length and with every single byte changed: only the genuine one gets
 * through. */
struct last_data {
	struct kith_addr to;
	struct world_packet packet;
};

static int last_data_tap(struct core_world *w, struct world_packet *p)
{
	struct last_data *l = w->tap_ctx;
	if (!kith_addr_equal(&p->to, &l->to) || p->data[KITH_PACKET_HEADROOM] != KITH_PKT_DATA || p->len < 100)
		return 1;
	l->packet = *p;
	return 0;
}

static void only_the_genuine_packet_is_opened(void **state)
{
	struct core_world w;
	uint8_t big[200] = { 0 };
	(void)state;
	world_alice_and_bob(&w);
	kith_session_id ours = world_call(&w, WORLD_ALICE, WORLD_BOB, NULL);
	struct last_data last = { .to = w.nodes[WORLD_BOB].addr };
	w.tap = last_data_tap;
	w.tap_ctx = &last;
	int since = w.events_n;
	assert_int_equal(world_say(&w, WORLD_ALICE, ours, big, sizeof big), 0);
	assert_true(last.packet.len > 200);
	uint8_t *data = last.packet.data + KITH_PACKET_HEADROOM;
	for (size_t i = 0; i < last.packet.len; i++) {
		data[i] ^= 0x20;
		inject(&w, WORLD_BOB, &last.packet.from, data, last.packet.len);
		data[i] ^= 0x20;
		inject(&w, WORLD_BOB, &last.packet.from, data, i);
	}
	assert_int_equal(world_events(&w, WORLD_BOB, KITH_EVENT_DATAGRAM, since), 0);
	inject(&w, WORLD_BOB, &last.packet.from, data, last.packet.len);
	assert_int_equal(world_events(&w, WORLD_BOB, KITH_EVENT_DATAGRAM, since), 1);
	inject(&w, WORLD_BOB, &last.packet.from, data, last.packet.len);
	assert_int_equal(world_events(&w, WORLD_BOB, KITH_EVENT_DATAGRAM, since), 1);
	core_world_deinit(&w);
}

/* ---- versions ---- */

static void another_version_is_told_which_ones_are_spoken_by_supernodes_only(void **state)
{
	struct core_world w;
	uint8_t packet[1200] = { KITH_PKT_HELLO, 9, 0, 0, 1, 2, 3, 4 };
	struct meter m = { .other = stranger };
	(void)state;
	world_alice_and_bob(&w);
	w.tap = meter_tap;
	w.tap_ctx = &m;
	for (int node = 0; node < 5; node += 4) {
		m.node = w.nodes[node].addr;
		m.out = 0;
		inject(&w, node, &stranger, packet, sizeof packet);
		assert_int_equal(world_stat(&w, node, KITH_STAT_DROP_UNKNOWN_VERSION), 1);
		assert_int_equal(m.out, node < 3 ? KITH_VERSION_PACKET_LEN : 0);
	}
	core_world_deinit(&w);
}

/* ---- frames of a genuine peer that does not keep to the rules ---- */

/* Sends frames on a's session as if a were hostile. */
static void send_frames(struct core_world *w, int from, kith_session_id session, const uint8_t *frames, size_t len)
{
	struct kith_core *c = w->nodes[from].core;
	struct kith_session *s = kith_sessions_get(&c->sessions, session);
	uint8_t room[KITH_PACKET_HEADROOM + 1400];
	uint8_t *packet = room + KITH_PACKET_HEADROOM;
	assert_non_null(s);
	memcpy(packet + KITH_TRANSPORT_HEADER, frames, len);
	const struct kith_hop *hop = kith_session_hop(s);
	size_t n = kith_session_seal(s, c->suite, kith_pathset_name_on(&s->paths, hop), packet, len);
	struct kith_packet p = { .data = packet, .len = (uint32_t)n, .remote = hop->remote };
	if (hop->tunnel != 0) {
		p.data -= KITH_TUNNEL_HEADER;
		p.len += KITH_TUNNEL_HEADER;
		kith_tunnel_write(p.data, hop->tunnel);
	}
	world_send(w, from, &p);
}

static void frames_of_no_sense_are_counted_and_end_nothing(void **state)
{
	struct core_world w;
	struct test_random r;
	uint8_t frames[KITH_FRAMES_MAX];
	(void)state;
	world_alice_and_bob(&w);
	test_random_init(&r, 9);
	kith_session_id theirs, ours = world_call(&w, WORLD_ALICE, WORLD_BOB, &theirs);
	for (int i = 0; i < 5000; i++) {
		struct kith_writer f = kith_writer_of(frames, sizeof frames);
		for (int k = 0; k < 1 + i % 4; k++) {
			uint8_t type = (uint8_t)test_random_next(&r);
			if (i % 3 != 0)
				type = (uint8_t)(1 + type % 0x1f);
			size_t len = (size_t)(test_random_next(&r) % (i % 5 == 0 ? 200 : 24));
			if (type == KITH_FRAME_CLOSE || kith_writer_space(&f) < len + 3)
				continue;
			kith_write_u8(&f, type);
			kith_write_u16(&f, (uint16_t)(i % 17 == 0 ? len + 1 : len));
			uint8_t body[200];
			test_random_fill(&r, body, len);
			kith_write_bytes(&f, body, len);
		}
		send_frames(&w, WORLD_ALICE, ours, frames, kith_writer_len(&f));
		world_run(&w, 2 * KITH_US_PER_MS);
	}
	world_run(&w, KITH_US_PER_S);
	assert_true(world_stat(&w, WORLD_BOB, KITH_STAT_DROP_MALFORMED_FRAME) > 0);
	assert_true(world_stat(&w, WORLD_BOB, KITH_STAT_SKIP_UNKNOWN_FRAME) > 0);
	assert_null(world_event(&w, WORLD_BOB, KITH_EVENT_CLOSED, 0));
	int since = w.events_n;
	assert_int_equal(world_say(&w, WORLD_ALICE, ours, "still here", 10), 0);
	world_run(&w, KITH_US_PER_S);
	assert_non_null(world_event(&w, WORLD_BOB, KITH_EVENT_DATAGRAM, since));
	core_world_deinit(&w);
}

/* A leaf with a session to a supernode asks for everything, with random bodies. */
static void requests_of_no_sense_are_answered_and_end_nothing(void **state)
{
	struct core_world w;
	struct test_random r;
	uint8_t frames[KITH_FRAMES_MAX];
	(void)state;
	world_alice_and_bob(&w);
	test_random_init(&r, 9);
	kith_session_id to_home = w.nodes[WORLD_ALICE].core->leaf.homes[0].session;
	int home = world_node_at(&w, &w.nodes[WORLD_ALICE].core->leaf.homes[0].host.endpoints[0].addr);
	for (uint16_t i = 0; i < 4000; i++) {
		struct kith_writer f = kith_writer_of(frames, sizeof frames);
		size_t len = (size_t)(test_random_next(&r) % 60);
		uint8_t body[60];
		test_random_fill(&r, body, len);
		if (len > 2 && i % 2 == 0) {
			body[0] = (uint8_t)(0x80 | i % 4);
			body[1] = (uint8_t)(i % 5);
			body[2] = (uint8_t)(0xc4);
		}
		kith_write_u8(&f, KITH_FRAME_REQUEST);
		kith_write_u16(&f, (uint16_t)(len + 3));
		kith_write_u16(&f, (uint16_t)(20000 + i));
		kith_write_u8(&f, (uint8_t)(i % 40));
		kith_write_bytes(&f, body, len);
		send_frames(&w, WORLD_ALICE, to_home, frames, kith_writer_len(&f));
		world_run(&w, 5 * KITH_US_PER_MS);
	}
	world_run(&w, 20 * KITH_US_PER_S);
	struct kith_core_info info;
	kith_core_info(w.nodes[home].core, &info);
	assert_true(info.sessions > 0);
	world_call(&w, WORLD_BOB, WORLD_ALICE, NULL);
	core_world_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_flood_of_garbage_leaves_nothing_behind_and_every_packet_is_counted),
		cmocka_unit_test(no_length_of_a_first_message_earns_more_bytes_than_it_has),
		cmocka_unit_test(an_introduction_from_an_unproven_address_does_not_amplify),
		cmocka_unit_test(copies_of_every_packet_deliver_nothing_twice),
		cmocka_unit_test(damaged_packets_cost_time_but_not_calls),
		cmocka_unit_test(only_the_genuine_packet_is_opened),
		cmocka_unit_test(another_version_is_told_which_ones_are_spoken_by_supernodes_only),
		cmocka_unit_test(frames_of_no_sense_are_counted_and_end_nothing),
		cmocka_unit_test(requests_of_no_sense_are_answered_and_end_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
