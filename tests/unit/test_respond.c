/* The responder's half of the handshake: whom it answers, how often, and what it makes of old messages. */
#include "core_tap.h"

#include "base/limits.h"
#include "link/connect.h"

/* ---- finding a leaf by its address ---- */

static void a_leaf_does_not_answer_what_does_not_come_through_a_home(void **state)
{
	struct core_world w;
	(void)state;
	world_alice_and_bob(&w);
	/* The very message that bob would answer if his home brought it, straight to his address; and in a made-up
	 * tunnel. */
	struct keeper k = { .type = KITH_PKT_HELLO, .to = &w.nodes[WORLD_BOB].addr, .swallow = true };
	w.tap = keep_tap;
	w.tap_ctx = &k;
	world_dial(&w, WORLD_ALICE, "bob", 2 * KITH_US_PER_S);
	world_run(&w, 100 * KITH_US_PER_MS);
	assert_true(k.seen > 0);
	const uint8_t *hello;
	size_t len;
	inner_type(&k.packet, &hello, &len);
	uint64_t out = world_stat(&w, WORLD_BOB, KITH_STAT_PACKETS_OUT);
	struct kith_addr stranger = world_addr(20);
	inject(&w, WORLD_BOB, &stranger, hello, len);
	inject(&w, WORLD_BOB, &stranger, k.packet.data + KITH_PACKET_HEADROOM, k.packet.len);
	inject(&w, WORLD_BOB, &k.packet.from, hello, len); /* from the home, but no tunnel */
	assert_int_equal(world_stat(&w, WORLD_BOB, KITH_STAT_REFUSE_NOT_VIA_HOME), 3);
	assert_int_equal(world_stat(&w, WORLD_BOB, KITH_STAT_PACKETS_OUT), out);
	core_world_deinit(&w);
}

/* Who asks for a key needs no certificate: a leaf must not tell him who lives there. */
static void a_leaf_does_not_introduce_itself_to_who_does_not_know_its_key(void **state)
{
	struct core_world w;
	struct kith_handshake hs;
	(void)state;
	world_alice_and_bob(&w);
	struct keeper k = { .type = KITH_PKT_HELLO, .to = &w.nodes[WORLD_BOB].addr, .swallow = true };
	w.tap = keep_tap;
	w.tap_ctx = &k;
	world_dial(&w, WORLD_ALICE, "bob", 2 * KITH_US_PER_S);
	world_run(&w, 100 * KITH_US_PER_MS);
	assert_true(k.seen > 0);
	memset(&hs, 0, sizeof hs);
	kith_handshake_ask(&hs, &w.nodes[WORLD_ALICE].core->self, 5);
	uint8_t packet[KITH_UDP_PAYLOAD];
	memcpy(packet, k.packet.data + KITH_PACKET_HEADROOM, KITH_TUNNEL_HEADER);
	memcpy(packet + KITH_TUNNEL_HEADER, hs.packet, hs.len);
	uint64_t out = world_stat(&w, WORLD_BOB, KITH_STAT_PACKETS_OUT);
	inject(&w, WORLD_BOB, &k.packet.from, packet, KITH_TUNNEL_HEADER + (size_t)hs.len);
	assert_int_equal(world_stat(&w, WORLD_BOB, KITH_STAT_PACKETS_OUT), out);
	inject(&w, WORLD_BOB, &k.packet.from, hs.packet, hs.len);
	assert_int_equal(world_stat(&w, WORLD_BOB, KITH_STAT_PACKETS_OUT), out);
	assert_int_equal(world_stat(&w, WORLD_BOB, KITH_STAT_REFUSE_NOT_VIA_HOME), 2);
	core_world_deinit(&w);
}

/* ---- replays ---- */

/* A recorded first message of carol to s1. */
static void record_hello(struct core_world *w, struct keeper *k)
{
	world_network(w, kith_suite_sodium(), 1, 3, (const char *const[]){ NULL });
	*k = (struct keeper){ .type = KITH_PKT_HELLO, .to = &w->nodes[1].addr };
	w->tap = keep_tap;
	w->tap_ctx = k;
	world_start(w, "carol", false);
	world_run(w, 3 * KITH_US_PER_S);
	w->tap = NULL;
	assert_true(k->seen > 0);
}

static void a_replayed_first_message_makes_no_session(void **state)
{
	struct core_world w;
	struct keeper k;
	(void)state;
	record_hello(&w, &k);
	uint32_t sessions = w.nodes[1].core->sessions.by_index.n;
	uint64_t out = world_stat(&w, 1, KITH_STAT_PACKETS_OUT);
	struct kith_addr elsewhere = world_addr(20);
	inject(&w, 1, &k.packet.from, k.packet.data + KITH_PACKET_HEADROOM, k.packet.len);
	inject(&w, 1, &elsewhere, k.packet.data + KITH_PACKET_HEADROOM, k.packet.len);
	assert_int_equal(w.nodes[1].core->sessions.by_index.n, sessions);
	assert_int_equal(world_stat(&w, 1, KITH_STAT_PACKETS_OUT), out);
	/* Nor does it when carol has begun anew. */
	w.nodes[3].muted = true;
	world_stop(&w, 3);
	w.nodes[3].muted = false;
	struct kith_core_options o;
	world_options(&w, 3, &o);
	assert_int_equal(world_try_start(&w, 3, &o), 0);
	world_run(&w, 3 * KITH_US_PER_S);
	sessions = w.nodes[1].core->sessions.by_index.n;
	out = world_stat(&w, 1, KITH_STAT_PACKETS_OUT);
	inject(&w, 1, &elsewhere, k.packet.data + KITH_PACKET_HEADROOM, k.packet.len);
	assert_int_equal(world_stat(&w, 1, KITH_STAT_PACKETS_OUT), out);
	assert_int_equal(w.nodes[1].core->sessions.by_index.n, sessions);
	core_world_deinit(&w);
}

static void a_first_message_from_before_a_restart_only_earns_a_cookie(void **state)
{
	struct core_world w;
	struct keeper k;
	struct kith_core_options o;
	(void)state;
	record_hello(&w, &k);
	world_stop(&w, 1);
	world_run(&w, KITH_US_PER_S);
	world_options(&w, 1, &o);
	assert_int_equal(world_try_start(&w, 1, &o), 0);
	uint32_t sessions = w.nodes[1].core->sessions.by_index.n;
	struct kith_addr elsewhere = world_addr(20);
	struct keeper answer = { .from = &w.nodes[1].addr, .to = &elsewhere, .type = KITH_PKT_COOKIE };
	uint64_t required = world_stat(&w, 1, KITH_STAT_DROP_COOKIE_REQUIRED);
	uint64_t sent = world_stat(&w, 1, KITH_STAT_COOKIES_SENT);
	w.tap = keep_tap;
	w.tap_ctx = &answer;
	inject(&w, 1, &elsewhere, k.packet.data + KITH_PACKET_HEADROOM, k.packet.len);
	assert_int_equal(answer.seen, 1);
	assert_int_equal(world_stat(&w, 1, KITH_STAT_DROP_COOKIE_REQUIRED), required + 1);
	assert_int_equal(world_stat(&w, 1, KITH_STAT_COOKIES_SENT), sent + 1);
	assert_int_equal(w.nodes[1].core->sessions.by_index.n, sessions);
	core_world_deinit(&w);
}

/* A cookie proves an address, not who made a message: whoever replays an old one can read the cookie with the
 * responder's public key and add a good second MAC to it. */
static void a_cookie_that_another_adds_does_not_make_an_old_message_new(void **state)
{
	struct core_world w;
	struct keeper k;
	struct kith_core_options o;
	struct kith_mac_keys keys;
	uint8_t cookie[KITH_COOKIE_LEN], epoch[KITH_COOKIE_LEN];
	bool anew;
	(void)state;
	record_hello(&w, &k);
	world_stop(&w, 1);
	world_run(&w, KITH_US_PER_S);
	world_options(&w, 1, &o);
	assert_int_equal(world_try_start(&w, 1, &o), 0);
	uint32_t sessions = w.nodes[1].core->sessions.by_index.n;
	struct kith_addr elsewhere = world_addr(20);
	struct keeper answer = { .from = &w.nodes[1].addr, .to = &elsewhere, .type = KITH_PKT_COOKIE };
	uint8_t *hello = k.packet.data + KITH_PACKET_HEADROOM;
	w.tap = keep_tap;
	w.tap_ctx = &answer;
	inject(&w, 1, &elsewhere, hello, k.packet.len);
	assert_int_equal(answer.seen, 1);
	kith_mac_keys_derive(&keys, w.pki.suite, w.nodes[1].core->self.dh_pk);
	assert_int_equal(kith_cookie_open(w.pki.suite, &keys, hello + k.packet.len - KITH_HS_TRAILER,
					  test_span(answer.packet.data + KITH_PACKET_HEADROOM, answer.packet.len),
					  cookie, epoch, &anew),
			 0);
	assert_true(anew);
	kith_mac_write(w.pki.suite, &keys, cookie, hello, k.packet.len);
	inject(&w, 1, &elsewhere, hello, k.packet.len);
	assert_int_equal(answer.seen, 2);
	assert_int_equal(w.nodes[1].core->sessions.by_index.n, sessions);
	core_world_deinit(&w);
}

/* ---- under load ---- */

static void under_load_a_cookie_is_asked_for_and_the_handshake_still_succeeds(void **state)
{
	struct core_world w;
	struct kith_core_info info;
	(void)state;
	world_network(&w, kith_suite_sodium(), 1, 3, (const char *const[]){ NULL });
	for (int i = 0; i < 3; i++)
		w.nodes[i].core->guard.hellos_per_s = 0;
	int i = world_start(&w, "carol", false);
	world_run(&w, 5 * KITH_US_PER_S);
	for (int k = 0; k < 3; k++)
		assert_true(world_stat(&w, k, KITH_STAT_COOKIES_SENT) > 0);
	kith_core_info(w.nodes[i].core, &info);
	assert_int_equal(info.homes, 3);
	core_world_deinit(&w);
}

static void one_prefix_is_held_to_its_rate_of_first_messages(void **state)
{
	struct core_world w;
	struct kith_handshake hs;
	struct kith_addr from = world_addr(20);
	(void)state;
	world_network(&w, kith_suite_sodium(), 1, 2, (const char *const[]){ NULL });
	struct kith_self self = w.nodes[0].core->self;
	uint64_t cookies = world_stat(&w, 1, KITH_STAT_COOKIES_SENT);
	uint8_t payload[512];
	for (uint32_t i = 0; i < 200; i++) {
		struct kith_writer p = kith_writer_of(payload, sizeof payload);
		kith_write_zeros(&p, 16); /* nothing that is understood: the cost is in reading it */
		memset(&hs, 0, sizeof hs);
		assert_int_equal(kith_handshake_start(&hs, &self, w.nodes[1].core->self.dh_pk, i + 1,
						      test_span(payload, 16), 1200),
				 0);
		from.port = (uint16_t)(1000 + i);
		inject(&w, 1, &from, hs.packet, hs.len);
	}
	assert_int_equal(world_stat(&w, 1, KITH_STAT_REFUSE_MALFORMED), KITH_HANDSHAKE_PREFIX_BURST);
	assert_int_equal(world_stat(&w, 1, KITH_STAT_COOKIES_SENT), cookies + 200 - KITH_HANDSHAKE_PREFIX_BURST);
	core_world_deinit(&w);
}

/* A first message to node 1 by that node's device, from an address of that net, to which nobody answers. */
static void forge_from(struct core_world *w, int by, uint32_t i, uint8_t net)
{
	const struct kith_core *c = w->nodes[1].core;
	struct kith_self self = w->nodes[by].core->self;
	struct kith_handshake hs;
	struct kith_addr from = { .family = KITH_FAMILY_V4, .port = 9, .ip = { 77, net, (uint8_t)i, 1 } };
	uint8_t payload[KITH_UDP_PAYLOAD], call_id[16] = { (uint8_t)(i >> 8), (uint8_t)i, 1 };
	const uint64_t names[2] = { 1 + i, 0 };
	struct kith_writer p = kith_writer_of(payload, sizeof payload);
	kith_hello_write(&p, &self, world_clock(w).unix_ms + i, call_id, names, self.chain);
	memset(&hs, 0, sizeof hs);
	assert_int_equal(kith_handshake_start(&hs, &self, c->self.dh_pk, 1000 + i,
					      test_span(payload, kith_writer_len(&p)), 1200),
			 0);
	inject(w, 1, &from, hs.packet, hs.len);
	world_run(w, 5 * KITH_US_PER_MS);
}

/* From ever another net. */
static void forge(struct core_world *w, int by, uint32_t i)
{
	forge_from(w, by, i, (uint8_t)(i >> 4));
}

enum { FORGERS = 8 };

static void with_forgers(struct core_world *w)
{
	world_network(w, kith_suite_sodium(), 1, 2,
		      (const char *const[]){ "a", "b", "c", "d", "e", "f", "g", "h", NULL });
	w->nodes[1].core->sessions.by_index.max = 1000; /* a fiftieth would be less than the least */
}

/* Members flood and never go on. Who is there in earnest attaches meanwhile. */
static void unconfirmed_sessions_have_a_share_of_the_table(void **state)
{
	struct core_world w;
	struct kith_core_info info;
	(void)state;
	with_forgers(&w);
	const struct kith_core *c = w.nodes[1].core;
	uint32_t before = c->sessions.by_index.n;
	int carol = 0;
	for (uint32_t i = 0; i < 6 * KITH_UNCONFIRMED_MIN; i++) {
		if (i == 3 * KITH_UNCONFIRMED_MIN)
			carol = world_start(&w, "carol", false);
		forge(&w, 2 + (int)(i % FORGERS), i);
		assert_true(c->unconfirmed_n <= KITH_UNCONFIRMED_MIN);
		assert_true(c->sessions.by_index.n <= before + KITH_UNCONFIRMED_MIN + 2);
	}
	assert_true(world_stat(&w, 1, KITH_STAT_UNCONFIRMED_OUT) >= 4 * KITH_UNCONFIRMED_MIN);
	kith_core_info(w.nodes[carol].core, &info);
	assert_int_equal(info.homes, 2);
	world_run(&w, KITH_HANDSHAKE_TIMEOUT_US + KITH_US_PER_S);
	assert_int_equal(c->unconfirmed_n, 0);
	assert_int_equal(c->allowance.held[KITH_HOLDING_UNPROVEN].n, 0);
	core_world_deinit(&w);
}

static void one_identity_has_its_share_of_the_unconfirmed(void **state)
{
	struct core_world w;
	(void)state;
	with_forgers(&w);
	for (uint32_t i = 0; i < 3 * KITH_UNCONFIRMED_MIN; i++)
		forge(&w, 2, i);
	assert_int_equal(w.nodes[1].core->unconfirmed_n, KITH_UNCONFIRMED_PER_IDENTITY);
	assert_int_equal(world_stat(&w, 1, KITH_STAT_UNCONFIRMED_OUT), 0);
	forge(&w, 3, 1000);
	assert_int_equal(w.nodes[1].core->unconfirmed_n, KITH_UNCONFIRMED_PER_IDENTITY + 1);
	core_world_deinit(&w);
}

/* Members in one net flood and never go on: what is unproven of others goes on, but for what they found room for. */
static void one_net_drives_no_other_out_of_the_unconfirmed(void **state)
{
	struct core_world w;
	(void)state;
	with_forgers(&w);
	const struct kith_core *c = w.nodes[1].core;
	for (uint32_t i = 0; i < KITH_UNCONFIRMED_MIN / 4; i++)
		forge_from(&w, 2, i, (uint8_t)(100 + i));
	for (uint32_t i = 0; i < 3 * KITH_UNCONFIRMED_MIN; i++)
		forge_from(&w, 3 + (int)(i % (FORGERS - 1)), 1000 + i, 7);
	assert_int_equal(c->unconfirmed_n, KITH_UNCONFIRMED_MIN); /* there was room */
	assert_int_equal(world_stat(&w, 1, KITH_STAT_UNCONFIRMED_OUT), 0);
	forge_from(&w, 2 + FORGERS - 1, 5000, 200); /* who comes from elsewhere finds room all the same */
	assert_int_equal(world_stat(&w, 1, KITH_STAT_UNCONFIRMED_OUT), 1);
	world_run(&w, KITH_HANDSHAKE_TIMEOUT_US + KITH_US_PER_S);
	assert_int_equal(c->unconfirmed_n, 0);
	assert_int_equal(c->allowance.held[KITH_HOLDING_UNPROVEN_NET].n, 0);
	core_world_deinit(&w);
}

static void a_full_table_refuses_new_sessions_and_serves_the_others(void **state)
{
	struct core_world w;
	struct kith_core_info info;
	(void)state;
	world_alice_and_bob(&w);
	/* What has no use ends first: two that met at once have two sessions. */
	world_run(&w, KITH_SESSION_UNUSED_US + 10 * KITH_US_PER_S);
	for (int i = 0; i < 3; i++)
		w.nodes[i].core->sessions.by_index.max = w.nodes[i].core->sessions.by_index.n;
	int i = world_start(&w, "carol", false);
	world_run(&w, 5 * KITH_US_PER_S);
	kith_core_info(w.nodes[i].core, &info);
	assert_int_equal(info.homes, 0);
	for (int k = 0; k < 3; k++)
		assert_true(world_stat(&w, k, KITH_STAT_REFUSE_TABLE_FULL) > 0);
	world_call(&w, WORLD_ALICE, WORLD_BOB, NULL);
	/* Who was refused knows why, and asks seldom: two packets a minute and supernode at most. Sessions between
	 * supernodes end meanwhile, and leave no room either. */
	for (int k = 0; k < 3; k++)
		w.nodes[k].core->sessions.by_index.max = 1;
	assert_int_equal(info.homeless.err, KITH_EFULL);
	assert_true(info.homeless.full >= 3); /* s0, which has no key, was named by the others as well */
	assert_int_equal(info.homeless.full, info.homeless.hosts);
	uint64_t sent = world_stat(&w, i, KITH_STAT_PACKETS_OUT);
	world_run(&w, 600 * KITH_US_PER_S);
	assert_true(world_stat(&w, i, KITH_STAT_PACKETS_OUT) > sent);
	assert_true(world_stat(&w, i, KITH_STAT_PACKETS_OUT) - sent <= 3 * 2 * 10);
	/* There is room again. */
	for (int k = 0; k < 3; k++)
		w.nodes[k].core->sessions.by_index.max = 32;
	world_run(&w, 100 * KITH_US_PER_S);
	kith_core_info(w.nodes[i].core, &info);
	assert_int_equal(info.homes, 3);
	core_world_deinit(&w);
}

/* From the attaching leaf on, everything it sends carries somebody else's address: its first packet in the session's
 * keys must not make the supernode write to that address as to a proven one. */
static int spoof_tap(struct core_world *w, struct world_packet *p)
{
	static const struct kith_addr victim = { .family = KITH_FAMILY_V4, .port = 7, .ip = { 77, 1, 2, 3 } };
	size_t *to_victim = w->tap_ctx;
	if (kith_addr_equal(&p->to, &victim))
		to_victim[1] += p->len;
	if (world_node_at(w, &p->from) < 3 || p->data[KITH_PACKET_HEADROOM] != KITH_PKT_DATA)
		return 1;
	to_victim[0] += p->len;
	p->from = victim;
	return 1;
}

static void the_first_packet_in_the_keys_proves_only_the_way_of_the_reply(void **state)
{
	struct core_world w;
	size_t bytes[2] = { 0, 0 }; /* sent in the victim's name, sent to it */
	(void)state;
	world_network(&w, kith_suite_sodium(), 1, 3, (const char *const[]){ NULL });
	w.tap = spoof_tap;
	w.tap_ctx = bytes;
	int mallory = world_start(&w, "mallory", false);
	const struct kith_addr *own = &w.nodes[mallory].addr;
	unsigned sessions = 0;
	world_run(&w, 300 * KITH_US_PER_MS);
	for (int i = 0; i < 3; i++) {
		const struct kith_session *at =
			kith_sessions_of(&w.nodes[i].core->sessions, w.nodes[mallory].core->self.dh_pk);
		if (at == NULL || at->state != KITH_SESSION_OPEN)
			continue;
		sessions++;
		assert_true(kith_addr_equal(&kith_session_hop(at)->remote, own));
	}
	assert_true(sessions > 0);
	world_run(&w, 10 * KITH_US_PER_S);
	assert_true(bytes[0] > 0);
	assert_true(bytes[1] <= bytes[0]);
	core_world_deinit(&w);
}

/* ---- repetitions ---- */

/* Counts what a node says of a type, and loses it. */
struct mouth {
	const struct kith_addr *from;
	uint8_t type;
	int said;
};

static int mouth_tap(struct core_world *w, struct world_packet *p)
{
	struct mouth *m = w->tap_ctx;
	const uint8_t *inner;
	size_t len;
	if (!kith_addr_equal(&p->from, m->from) || inner_type(p, &inner, &len) != m->type)
		return 1;
	m->said++;
	return 0;
}

static void copies_of_a_first_message_are_answered_within_a_rate(void **state)
{
	struct core_world w;
	(void)state;
	world_network(&w, kith_suite_sodium(), 1, 3, (const char *const[]){ NULL });
	struct keeper k = { .type = KITH_PKT_HELLO, .to = &w.nodes[1].addr, .swallow = true };
	w.tap = keep_tap;
	w.tap_ctx = &k;
	int carol = world_start(&w, "carol", false);
	world_run(&w, 200 * KITH_US_PER_MS);
	assert_true(k.seen > 0);
	w.nodes[carol].muted = true; /* so that nothing but copies comes, and no answer arrives */
	struct mouth mouth = { &w.nodes[1].addr, KITH_PKT_REPLY, 0 };
	w.tap = mouth_tap;
	w.tap_ctx = &mouth;
	uint32_t sessions = w.nodes[1].core->sessions.by_index.n;
	inject(&w, 1, &k.packet.from, k.packet.data + KITH_PACKET_HEADROOM, k.packet.len);
	assert_int_equal(mouth.said, 1);
	for (int second = 0; second < 3; second++) {
		mouth.said = 0;
		for (int i = 0; i < 30; i++) {
			struct kith_addr from = world_addr(10 + i % 10);
			inject(&w, 1, &from, k.packet.data + KITH_PACKET_HEADROOM, k.packet.len);
		}
		assert_int_equal(mouth.said, KITH_REPLIES_PER_S);
		world_run(&w, KITH_US_PER_S);
	}
	assert_int_equal(w.nodes[1].core->sessions.by_index.n, sessions + 1);
	core_world_deinit(&w);
}

/* ---- one caller among others ---- */

/* Alice, bob, carol, and a second device of alice's. */
enum { CAROL = WORLD_BOB + 1, SECOND };

static void four_devices(struct core_world *w)
{
	struct kith_core_options o;
	world_network(w, kith_suite_sodium(), 1, 3, (const char *const[]){ NULL });
	assert_int_equal(world_add(w, "alice", false), WORLD_ALICE);
	w->nodes[WORLD_ALICE].id.devices_len = 0; /* no list that the second one is not on */
	world_options(w, WORLD_ALICE, &o);
	assert_int_equal(world_try_start(w, WORLD_ALICE, &o), 0);
	world_start(w, "bob", false);
	world_start(w, "carol", false);
	assert_int_equal(world_further(w, "alice", WORLD_ALICE), SECOND);
	world_run(w, 5 * KITH_US_PER_S);
}

static void ring(struct core_world *w, int node, const struct kith_event *ev)
{
	(void)w;
	(void)node;
	(void)ev;
}

static void refuse(struct core_world *w, int node, const struct kith_event *ev)
{
	if (ev->type == KITH_EVENT_INCOMING)
		(void)kith_core_reject(w->nodes[node].core, world_clock(w), ev->session, KITH_CLOSE_BUSY);
}

static int rings(const struct core_world *w, int since)
{
	return world_events(w, WORLD_BOB, KITH_EVENT_INCOMING, since);
}

static void one_person_cannot_fill_the_places_of_calls_that_wait(void **state)
{
	struct core_world w;
	(void)state;
	four_devices(&w);
	w.on_event = ring;
	int since = w.events_n;
	for (int i = 0; i < 3; i++) {
		world_dial(&w, WORLD_ALICE, "bob", 0);
		world_dial(&w, SECOND, "bob", 0);
	}
	world_run(&w, 2 * KITH_US_PER_S);
	assert_int_equal(rings(&w, since), KITH_INCOMING_PER_CALLER);
	assert_true(world_stat(&w, WORLD_BOB, KITH_STAT_REFUSE_CALLER) > 0);
	kith_session_id one = world_event(&w, WORLD_BOB, KITH_EVENT_INCOMING, since)->ev.session;
	world_dial(&w, CAROL, "bob", 0);
	world_run(&w, 2 * KITH_US_PER_S);
	assert_int_equal(rings(&w, since), KITH_INCOMING_PER_CALLER + 1);
	assert_string_equal(world_event(&w, WORLD_BOB, KITH_EVENT_INCOMING, since)->ev.name, "carol");
	/* When one of hers is taken, the next may ring. */
	assert_int_equal(kith_core_accept(w.nodes[WORLD_BOB].core, world_clock(&w), one), 0);
	world_drain(&w, WORLD_BOB);
	world_run(&w, 4 * KITH_US_PER_S);
	assert_int_equal(rings(&w, since), KITH_INCOMING_PER_CALLER + 2);
	core_world_deinit(&w);
}

static void another_device_of_the_same_person_may_not_ring_more_often(void **state)
{
	struct core_world w;
	(void)state;
	four_devices(&w);
	w.on_event = refuse;
	int since = w.events_n;
	for (int i = 0; i < KITH_CALLS_BURST; i++)
		world_dial(&w, WORLD_ALICE, "bob", 0);
	world_run(&w, 400 * KITH_US_PER_MS);
	assert_int_equal(rings(&w, since), KITH_CALLS_BURST);
	world_dial(&w, SECOND, "bob", 0);
	world_run(&w, 250 * KITH_US_PER_MS);
	assert_int_equal(rings(&w, since), KITH_CALLS_BURST);
	assert_true(world_stat(&w, WORLD_BOB, KITH_STAT_DROP_RATE_LIMITED) > 0);
	world_dial(&w, CAROL, "bob", 0);
	world_run(&w, 250 * KITH_US_PER_MS);
	assert_string_equal(world_event(&w, WORLD_BOB, KITH_EVENT_INCOMING, since)->ev.name, "carol");
	core_world_deinit(&w);
}

/* ---- memory ---- */

/* Certificates that are not kept would not be checked again when they expire or are revoked. */
static void a_session_whose_certificates_cannot_be_kept_is_not_made(void **state)
{
	struct core_world w;
	(void)state;
	world_alice_and_bob(&w);
	int since = w.events_n;
	uint32_t room = w.shared->blobs.table.max;
	kith_op op = world_dial(&w, WORLD_ALICE, "bob", 10 * KITH_US_PER_S);
	world_show(&w, WORLD_ALICE, &(struct world_cert){ .name = "alice", .serial = 77 });
	w.shared->blobs.table.max = w.shared->blobs.table.n; /* what is known may be kept; alice's new chain is not */
	world_run(&w, 2 * KITH_US_PER_S);
	assert_null(world_event(&w, WORLD_BOB, KITH_EVENT_INCOMING, since));
	assert_int_equal(w.nodes[WORLD_BOB].core->deciding, 0);
	assert_true(world_stat(&w, WORLD_BOB, KITH_STAT_ALLOC_FAILED) > 0);
	/* A copy of the same message finds room. */
	w.shared->blobs.table.max = room;
	world_run(&w, 2 * KITH_US_PER_S);
	const struct world_event *opened = world_event(&w, WORLD_ALICE, KITH_EVENT_OPENED, since);
	assert_non_null(opened);
	assert_int_equal(opened->ev.op, op);
	core_world_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_packet_in_the_keys_proves_only_the_way_of_the_reply),
		cmocka_unit_test(copies_of_a_first_message_are_answered_within_a_rate),
		cmocka_unit_test(one_person_cannot_fill_the_places_of_calls_that_wait),
		cmocka_unit_test(another_device_of_the_same_person_may_not_ring_more_often),
		cmocka_unit_test(a_session_whose_certificates_cannot_be_kept_is_not_made),
		cmocka_unit_test(a_leaf_does_not_answer_what_does_not_come_through_a_home),
		cmocka_unit_test(a_leaf_does_not_introduce_itself_to_who_does_not_know_its_key),
		cmocka_unit_test(a_replayed_first_message_makes_no_session),
		cmocka_unit_test(a_first_message_from_before_a_restart_only_earns_a_cookie),
		cmocka_unit_test(a_cookie_that_another_adds_does_not_make_an_old_message_new),
		cmocka_unit_test(under_load_a_cookie_is_asked_for_and_the_handshake_still_succeeds),
		cmocka_unit_test(one_prefix_is_held_to_its_rate_of_first_messages),
		cmocka_unit_test(unconfirmed_sessions_have_a_share_of_the_table),
		cmocka_unit_test(one_identity_has_its_share_of_the_unconfirmed),
		cmocka_unit_test(one_net_drives_no_other_out_of_the_unconfirmed),
		cmocka_unit_test(a_full_table_refuses_new_sessions_and_serves_the_others),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
