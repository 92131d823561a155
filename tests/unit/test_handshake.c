/* The handshake's messages: what is put in comes out, and what is changed on the way does not. */
#include "support.h"

#include "base/limits.h"
#include "crypto/suite.h"
#include "session/handshake.h"

struct two {
	struct test_random random;
	struct kith_self self[2];
	uint8_t chain[2][300];
	struct kith_handshake hs[2];
};

static void two_init(struct two *t)
{
	memset(t, 0, sizeof *t);
	assert_int_equal(kith_suite_sodium_init(), 0);
	test_random_init(&t->random, 11);
	for (int i = 0; i < 2; i++) {
		struct kith_self *s = &t->self[i];
		s->suite = kith_suite_sodium();
		s->random = &t->random.random;
		memset(s->network.b, 9, sizeof s->network.b);
		test_random_fill(&t->random, s->dh_sk, 32);
		s->suite->dh_public(s->dh_pk, s->dh_sk);
		memset(t->chain[i], i + 1, sizeof t->chain[i]);
		s->chain = test_span(t->chain[i], sizeof t->chain[i]);
		s->features = 3;
		s->role = (uint8_t)(i + 1);
	}
}

static size_t payload_of(struct two *t, int i, int64_t ms, uint8_t out[512])
{
	struct kith_writer w = kith_writer_of(out, 512);
	const uint8_t call_id[16] = { 4, 5, 6 };
	const uint64_t names[2] = { 7, 8 };
	kith_hello_write(&w, &t->self[i], ms, call_id, names, t->self[i].chain);
	assert_false(w.bad);
	return kith_writer_len(&w);
}

static struct kith_hs_header parsed(const struct kith_handshake *hs)
{
	struct kith_hs_header h;
	assert_true(kith_hs_parse(&h, test_span(hs->packet, hs->len)));
	return h;
}

static void start(struct two *t)
{
	uint8_t payload[512];
	size_t len = payload_of(t, 0, 1234, payload);
	assert_int_equal(
		kith_handshake_start(&t->hs[0], &t->self[0], t->self[1].dh_pk, 7, test_span(payload, len), 1200), 0);
	assert_int_equal(t->hs[0].len, 1200);
}

static void both_ends_get_the_same_keys(const struct two *t)
{
	uint8_t tx[2][32], rx[2][32], chain[2][32];
	for (int i = 0; i < 2; i++) {
		struct kith_handshake hs = t->hs[i];
		assert_true(kith_noise_done(&hs.noise));
		kith_noise_split(&hs.noise, tx[i], rx[i], chain[i]);
	}
	assert_memory_equal(tx[0], rx[1], 32);
	assert_memory_equal(tx[1], rx[0], 32);
	assert_memory_equal(chain[0], chain[1], 32);
	assert_memory_not_equal(tx[0], tx[1], 32);
}

static void who_knows_the_key_is_through_after_two_messages(void **state)
{
	struct two t;
	struct kith_hello hello;
	uint8_t buf[KITH_UDP_PAYLOAD], payload[512];
	(void)state;
	two_init(&t);
	start(&t);
	struct kith_hs_header h = parsed(&t.hs[0]);
	assert_int_equal(h.sender, 7);
	int n = kith_handshake_read_hello(&t.hs[1], &t.self[1], &h, buf);
	assert_true(n > 0);
	assert_true(kith_hello_parse(&hello, test_span(buf, (size_t)n)));
	assert_int_equal(hello.timestamp_ms, 1234);
	assert_int_equal(hello.features, 3);
	assert_int_equal(hello.role, 1);
	assert_int_equal(hello.chain.len, 300);
	assert_memory_equal(hello.chain.p, t.chain[0], 300);
	assert_memory_equal(t.hs[1].noise.rs, t.self[0].dh_pk, 32);
	size_t len = payload_of(&t, 1, 1234, payload);
	assert_int_equal(kith_handshake_reply(&t.hs[1], &t.self[1], 8, h.sender, test_span(payload, len), 1200), 0);
	h = parsed(&t.hs[1]);
	assert_int_equal(h.receiver, 7);
	n = kith_handshake_read_reply(&t.hs[0], &h, buf);
	assert_true(n > 0);
	assert_true(kith_hello_parse(&hello, test_span(buf, (size_t)n)));
	assert_memory_equal(hello.chain.p, t.chain[1], 300);
	both_ends_get_the_same_keys(&t);
}

/* The question after a key: as long as the longest answer, and known by the network's name alone. */
static void who_does_not_know_the_key_asks_for_it(void **state)
{
	struct two t;
	struct kith_who who;
	const struct kith_hop from = { .remote = { .family = KITH_FAMILY_V4, .port = 1 } };
	struct kith_guard guard;
	struct test_alloc alloc;
	uint8_t payload[512], reply[KITH_COOKIE_PACKET_LEN] = { KITH_PKT_COOKIE };
	(void)state;
	two_init(&t);
	test_alloc_init(&alloc);
	kith_guard_init(&guard, kith_suite_sodium(), &alloc.alloc, &t.random.random, t.self[1].dh_pk,
			&t.self[1].network, 4, 0);
	kith_handshake_ask(&t.hs[0], &t.self[0], 7);
	assert_true(t.hs[0].who);
	assert_int_equal(t.hs[0].len, KITH_HS_HEADER + KITH_CHAIN_MAX);
	assert_true(kith_who_parse(&who, test_span(t.hs[0].packet, t.hs[0].len)));
	assert_int_equal(who.sender, 7);
	assert_int_equal(kith_guard_who(&guard, 0, &who, &from), KITH_GUARD_PASS);
	for (size_t i = 0; i < t.hs[0].len; i++) { /* every byte counts */
		t.hs[0].packet[i] ^= 0x20;
		assert_int_equal(kith_guard_who(&guard, 0, &who, &from), KITH_GUARD_BAD_MAC);
		t.hs[0].packet[i] ^= 0x20;
	}
	assert_int_equal(kith_handshake_cookie(&t.hs[0], test_span(reply, sizeof reply)), KITH_ESTATE);
	/* The HELLO takes its place. */
	size_t len = payload_of(&t, 0, 1234, payload);
	assert_int_equal(kith_handshake_start(&t.hs[0], &t.self[0], t.self[1].dh_pk, 7, test_span(payload, len), 1200),
			 0);
	assert_false(t.hs[0].who);
	assert_int_equal(parsed(&t.hs[0]).type, KITH_PKT_HELLO);
	kith_guard_deinit(&guard);
	test_alloc_check(&alloc);
}

/* Every byte of an answer matters, and a wrong one leaves the handshake as it was. */
static void a_forged_answer_does_not_end_a_handshake(void **state)
{
	struct two t;
	uint8_t buf[KITH_UDP_PAYLOAD], payload[512];
	(void)state;
	two_init(&t);
	start(&t);
	struct kith_hs_header h = parsed(&t.hs[0]);
	assert_true(kith_handshake_read_hello(&t.hs[1], &t.self[1], &h, buf) > 0);
	size_t len = payload_of(&t, 1, 1, payload);
	assert_int_equal(kith_handshake_reply(&t.hs[1], &t.self[1], 8, 7, test_span(payload, len), 1200), 0);
	for (size_t i = KITH_HS_HEADER; i < t.hs[1].len; i++) {
		t.hs[1].packet[i] ^= 4;
		h = parsed(&t.hs[1]);
		assert_true(kith_handshake_read_reply(&t.hs[0], &h, buf) < 0);
		t.hs[1].packet[i] ^= 4;
	}
	for (uint16_t cut = 1; cut <= t.hs[1].len - KITH_HS_HEADER; cut++) {
		struct kith_handshake shorter = t.hs[1];
		shorter.len = (uint16_t)(shorter.len - cut);
		h = parsed(&shorter);
		assert_true(kith_handshake_read_reply(&t.hs[0], &h, buf) < 0);
	}
	h = parsed(&t.hs[1]);
	assert_true(kith_handshake_read_reply(&t.hs[0], &h, buf) > 0);
	assert_true(kith_handshake_read_reply(&t.hs[0], &h, buf) < 0); /* once is enough */
	both_ends_get_the_same_keys(&t);
}

static void another_network_cannot_read_it(void **state)
{
	struct two t;
	uint8_t buf[KITH_UDP_PAYLOAD];
	(void)state;
	two_init(&t);
	start(&t);
	struct kith_hs_header h = parsed(&t.hs[0]);
	t.self[1].network.b[0] ^= 1;
	assert_true(kith_handshake_read_hello(&t.hs[1], &t.self[1], &h, buf) < 0);
}

static void an_answer_is_never_longer_than_allowed(void **state)
{
	struct two t;
	uint8_t buf[KITH_UDP_PAYLOAD], payload[512];
	(void)state;
	two_init(&t);
	start(&t);
	struct kith_hs_header h = parsed(&t.hs[0]);
	assert_true(kith_handshake_read_hello(&t.hs[1], &t.self[1], &h, buf) > 0);
	size_t len = payload_of(&t, 1, 1, payload);
	struct kith_handshake before = t.hs[1];
	size_t need = KITH_HS_HEADER + 48 + len;
	assert_int_equal(kith_handshake_reply(&t.hs[1], &t.self[1], 8, 7, test_span(payload, len), need - 1),
			 KITH_EMSGSIZE);
	t.hs[1] = before;
	assert_int_equal(kith_handshake_reply(&t.hs[1], &t.self[1], 8, 7, test_span(payload, len), need), 0);
	assert_int_equal(t.hs[1].len, need);
}

static void a_payload_that_does_not_fit_a_packet_is_refused(void **state)
{
	struct two t;
	uint8_t payload[KITH_UDP_PAYLOAD] = { 0 };
	size_t most = KITH_UDP_PAYLOAD - KITH_IK_HELLO_OVERHEAD;
	(void)state;
	two_init(&t);
	assert_int_equal(kith_handshake_start(&t.hs[0], &t.self[0], t.self[1].dh_pk, 1, test_span(payload, most), 0),
			 0);
	assert_int_equal(t.hs[0].len, KITH_UDP_PAYLOAD);
	memset(&t.hs[0], 0, sizeof t.hs[0]);
	assert_int_equal(
		kith_handshake_start(&t.hs[0], &t.self[0], t.self[1].dh_pk, 1, test_span(payload, most + 1), 0),
		KITH_EMSGSIZE);
	uint8_t no_key[32] = { 0 };
	memset(&t.hs[0], 0, sizeof t.hs[0]);
	assert_int_equal(kith_handshake_start(&t.hs[0], &t.self[0], no_key, 1, test_span(payload, 10), 0), KITH_EAUTH);
}

/* A cookie changes the second MAC and nothing else: the message stays the same one. */
static void a_cookie_changes_only_the_last_bytes_of_a_hello(void **state)
{
	struct two t;
	struct test_alloc alloc;
	struct kith_guard guard;
	uint8_t packet[KITH_COOKIE_PACKET_LEN];
	struct kith_hop from = { .remote = { .family = KITH_FAMILY_V4, .port = 1 } };
	(void)state;
	two_init(&t);
	test_alloc_init(&alloc);
	kith_guard_init(&guard, kith_suite_sodium(), &alloc.alloc, &t.random.random, t.self[1].dh_pk,
			&t.self[1].network, 4, 0);
	guard.hellos_per_s = 0;
	start(&t);
	struct kith_handshake before = t.hs[0];
	struct kith_hs_header h = parsed(&t.hs[0]);
	assert_int_equal(kith_guard_check(&guard, 0, &h, &from, false), KITH_GUARD_COOKIE);
	kith_guard_cookie(&guard, 0, &h, &from, false, packet);
	packet[20] ^= 1;
	assert_true(kith_handshake_cookie(&t.hs[0], test_span(packet, sizeof packet)) < 0);
	assert_memory_equal(t.hs[0].packet, before.packet, before.len);
	packet[20] ^= 1;
	assert_int_equal(kith_handshake_cookie(&t.hs[0], test_span(packet, sizeof packet)), 0);
	assert_memory_equal(t.hs[0].packet, before.packet, before.len - KITH_MAC_LEN);
	h = parsed(&t.hs[0]);
	assert_int_equal(kith_guard_check(&guard, 0, &h, &from, false), KITH_GUARD_PASS);
	/* One that asks for a new message does so once an epoch. */
	kith_guard_cookie(&guard, 0, &h, &from, true, packet);
	assert_int_equal(kith_handshake_cookie(&t.hs[0], test_span(packet, sizeof packet)), 1);
	assert_true(kith_guard_epoch(&guard, 0, t.hs[0].epoch));
	kith_guard_cookie(&guard, 0, &h, &from, true, packet);
	assert_int_equal(kith_handshake_cookie(&t.hs[0], test_span(packet, sizeof packet)), 0);
	kith_guard_deinit(&guard);
	test_alloc_check(&alloc);
}

/* ---- payloads ---- */

enum { HELLO_LEN = 45 };

static size_t frame(uint8_t *out, uint8_t type, size_t len)
{
	out[0] = type;
	out[1] = (uint8_t)(len >> 8);
	out[2] = (uint8_t)len;
	memset(out + 3, 0, len);
	if (type == KITH_FRAME_HELLO && len > 29)
		out[3 + 29] = 1; /* a name is never 0 */
	return 3 + len;
}

static void a_payload_without_its_parts_or_with_one_twice_is_malformed(void **state)
{
	uint8_t p[512];
	struct kith_hello h;
	(void)state;
	size_t hello = frame(p, KITH_FRAME_HELLO, HELLO_LEN), both = hello + frame(p + hello, KITH_FRAME_CHAIN, 10);
	assert_true(kith_hello_parse(&h, test_span(p, both)));
	assert_false(kith_hello_parse(&h, test_span(p, hello)));
	assert_false(kith_hello_parse(&h, test_span(p + hello, both - hello)));
	assert_false(kith_hello_parse(&h, test_span(p, 0)));
	static const uint8_t twice[] = { KITH_FRAME_HELLO,   KITH_FRAME_CHAIN,	 KITH_FRAME_SERVICE,
					 KITH_FRAME_VERDICT, KITH_FRAME_REQUEST, KITH_FRAME_ANSWER,
					 KITH_FRAME_CANCEL,  KITH_FRAME_CROSSED, KITH_FRAME_EARLY };
	for (size_t i = 0; i < sizeof twice; i++) {
		size_t len = twice[i] == KITH_FRAME_HELLO ? HELLO_LEN : twice[i] == KITH_FRAME_CROSSED ? 24 : 4;
		size_t once = both + (i < 2 ? 0 : frame(p + both, twice[i], len));
		assert_true(kith_hello_parse(&h, test_span(p, once)));
		assert_false(kith_hello_parse(&h, test_span(p, once + frame(p + once, twice[i], len))));
	}
}

static void frames_of_sealed_packets_are_illegal_and_unknown_ones_are_skipped(void **state)
{
	uint8_t p[512];
	struct kith_hello h;
	(void)state;
	size_t base = frame(p, KITH_FRAME_HELLO, HELLO_LEN);
	base += frame(p + base, KITH_FRAME_CHAIN, 10);
	for (unsigned type = 1; type < 256; type++) {
		if (type >= KITH_FRAME_HELLO && type <= KITH_FRAME_EARLY)
			continue;
		bool legal = type > KITH_FRAME_EARLY || type == KITH_FRAME_REQUEST || type == KITH_FRAME_ANSWER;
		assert_int_equal(kith_hello_parse(&h, test_span(p, base + frame(p + base, (uint8_t)type, 5))), legal);
	}
}

static void fields_out_of_bounds_are_malformed(void **state)
{
	uint8_t p[512];
	struct kith_hello h;
	(void)state;
	for (size_t len = 0; len < 60; len++) { /* longer is allowed: a later version may add fields */
		size_t at = frame(p, KITH_FRAME_HELLO, len);
		at += frame(p + at, KITH_FRAME_CHAIN, 1);
		assert_int_equal(kith_hello_parse(&h, test_span(p, at)), len >= HELLO_LEN);
	}
	size_t at = frame(p, KITH_FRAME_HELLO, HELLO_LEN);
	p[3 + 4] = 0x80; /* a timestamp beyond all bounds */
	size_t n = at + frame(p + at, KITH_FRAME_CHAIN, 1);
	assert_false(kith_hello_parse(&h, test_span(p, n)));
	p[3 + 4] = 0;
	assert_true(kith_hello_parse(&h, test_span(p, n)));
	p[3 + 29] = 0; /* no name */
	assert_false(kith_hello_parse(&h, test_span(p, n)));
	p[3 + 29] = 1;
	assert_true(kith_hello_parse(&h, test_span(p, n + frame(p + n, KITH_FRAME_SERVICE, KITH_SERVICE_MAX))));
	assert_false(kith_hello_parse(&h, test_span(p, n + frame(p + n, KITH_FRAME_SERVICE, KITH_SERVICE_MAX + 1))));
	assert_false(kith_hello_parse(&h, test_span(p, n + frame(p + n, KITH_FRAME_VERDICT, 1))));
	assert_false(h.cancel);
	assert_true(kith_hello_parse(&h, test_span(p, n + frame(p + n, KITH_FRAME_CANCEL, 0))));
	assert_true(h.cancel);
	assert_false(kith_hello_parse(&h, test_span(p, n + frame(p + n, KITH_FRAME_CROSSED, 23))));
	assert_false(kith_hello_parse(&h, test_span(p, n + frame(p + n, KITH_FRAME_EARLY, 0))));
	assert_false(kith_hello_parse(&h, test_span(p, n + frame(p + n, KITH_FRAME_EARLY, KITH_EARLY_MAX + 1))));
	assert_true(kith_hello_parse(&h, test_span(p, n + frame(p + n, KITH_FRAME_EARLY, KITH_EARLY_MAX))));
	assert_int_equal(h.early.len, KITH_EARLY_MAX);
	size_t whole = n + frame(p + n, KITH_FRAME_CROSSED, 24);
	p[n + 3 + 7] = 5;
	p[n + 3 + 8] = 6;
	assert_true(kith_hello_parse(&h, test_span(p, whole)));
	assert_true(h.crossed);
	assert_int_equal(h.crossed_ms, 5);
	assert_int_equal(h.crossed_id[0], 6);
	p[n + 3] = 0x80;
	assert_false(kith_hello_parse(&h, test_span(p, whole)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_knows_the_key_is_through_after_two_messages),
		cmocka_unit_test(who_does_not_know_the_key_asks_for_it),
		cmocka_unit_test(a_forged_answer_does_not_end_a_handshake),
		cmocka_unit_test(another_network_cannot_read_it),
		cmocka_unit_test(an_answer_is_never_longer_than_allowed),
		cmocka_unit_test(a_payload_that_does_not_fit_a_packet_is_refused),
		cmocka_unit_test(a_cookie_changes_only_the_last_bytes_of_a_hello),
		cmocka_unit_test(a_payload_without_its_parts_or_with_one_twice_is_malformed),
		cmocka_unit_test(frames_of_sealed_packets_are_illegal_and_unknown_ones_are_skipped),
		cmocka_unit_test(fields_out_of_bounds_are_malformed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
