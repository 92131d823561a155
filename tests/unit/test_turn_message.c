/* Messages of TURN: what a request holds, what an answer may, and what is none. */
#include "turn_server.h"

static struct kith_turn_account account(void)
{
	struct kith_turn_account a;
	assert_int_equal(kith_turn_parse(&a, "turn:alice:secret@192.0.2.1:3478"), 0);
	return a;
}

static size_t u16_at(const uint8_t *p)
{
	return (size_t)p[0] << 8 | p[1];
}

/* The value of an attribute; NULL: it is not there. */
static const uint8_t *find(const uint8_t *m, size_t len, unsigned type, size_t *value_len)
{
	for (size_t at = 20; at + 4 <= len; at += 4 + (u16_at(m + at + 2) + 3) / 4 * 4) {
		*value_len = u16_at(m + at + 2);
		if (u16_at(m + at) == type)
			return m + at + 4;
	}
	return NULL;
}

static void the_first_request_asks_for_udp_and_names_nobody(void **state)
{
	const struct kith_turn_account a = account();
	const struct kith_turn_ask ask = { .what = KITH_TURN_ALLOCATE, .account = &a };
	uint8_t out[KITH_TURN_REQUEST_MAX], id[KITH_TURN_ID_LEN];
	StunAgent agent;
	size_t n;
	(void)state;
	kith_turn_agent_init(&agent);
	const size_t len = kith_turn_write(&agent, &ask, out, id);
	assert_int_equal(u16_at(out), 0x0003);
	assert_int_equal(u16_at(out + 2), len - 20);
	assert_memory_equal(out + 8, id + 4, 8); /* behind the magic cookie */
	assert_memory_equal(find(out, len, 0x0019, &n), "\x11\0\0\0", 4);
	assert_memory_equal(find(out, len, 0x000d, &n), "\0\0\x02\x58", 4);
	assert_null(find(out, len, 0x0006, &n)); /* USERNAME */
	assert_null(find(out, len, 0x0008, &n)); /* MESSAGE-INTEGRITY */
}

static void a_signed_one_has_all_that_was_told_and_no_password(void **state)
{
	const struct kith_turn_account a = account();
	struct kith_turn_challenge c = { .realm_len = 11, .nonce_len = 5 };
	const struct kith_addr peer = turn_addr("203.0.113.9:7000");
	const struct kith_turn_ask ask = { .what = KITH_TURN_PERMIT, .account = &a, .challenge = &c, .peer = &peer };
	uint8_t out[KITH_TURN_REQUEST_MAX], id[KITH_TURN_ID_LEN];
	StunAgent agent;
	size_t n;
	(void)state;
	memcpy(c.realm, "example.org", 11);
	memcpy(c.nonce, "nonce", 5);
	kith_turn_agent_init(&agent);
	const size_t len = kith_turn_write(&agent, &ask, out, id);
	assert_int_equal(u16_at(out), 0x0008);
	assert_memory_equal(find(out, len, 0x0006, &n), "alice", 5);
	assert_memory_equal(find(out, len, 0x0014, &n), "example.org", 11);
	assert_memory_equal(find(out, len, 0x0015, &n), "nonce", 5);
	assert_non_null(find(out, len, 0x0012, &n)); /* XOR-PEER-ADDRESS */
	assert_int_equal(n, 8);
	assert_non_null(find(out, len, 0x0008, &n));
	assert_int_equal(n, 20);
	for (size_t i = 0; i + 6 <= len; i++)
		assert_memory_not_equal(out + i, "secret", 6);
}

static void the_longest_request_has_room(void **state)
{
	struct kith_turn_account a = account();
	struct kith_turn_challenge c = { .realm_len = KITH_TURN_WORD_MAX, .nonce_len = KITH_TURN_WORD_MAX };
	const struct kith_addr peer = turn_addr("[2001:db8::9]:7000");
	uint8_t out[KITH_TURN_REQUEST_MAX], id[KITH_TURN_ID_LEN];
	StunAgent agent;
	(void)state;
	memset(c.realm, 'r', sizeof c.realm);
	memset(c.nonce, 'n', sizeof c.nonce);
	memset(a.user, 'u', sizeof a.user - 1);
	memset(a.password, 'p', sizeof a.password - 1);
	kith_turn_agent_init(&agent);
	for (int what = KITH_TURN_ALLOCATE; what <= KITH_TURN_PERMIT; what++) {
		const struct kith_turn_ask ask = {
			.what = (enum kith_turn_request)what, .account = &a, .challenge = &c, .peer = &peer
		};
		assert_true(kith_turn_write(&agent, &ask, out, id) > 0);
	}
}

/* Every request that is forgotten gives its place back; else none would be left after 200. */
static void what_is_forgotten_gives_its_place_back(void **state)
{
	const struct kith_turn_account a = account();
	const struct kith_turn_ask ask = { .what = KITH_TURN_ALLOCATE, .account = &a };
	uint8_t out[KITH_TURN_REQUEST_MAX], id[KITH_TURN_ID_LEN];
	StunAgent agent;
	(void)state;
	kith_turn_agent_init(&agent);
	for (int i = 0; i < 1000; i++) {
		assert_true(kith_turn_write(&agent, &ask, out, id) > 0);
		kith_turn_forget(&agent, id);
	}
	for (int i = 0; i < STUN_AGENT_MAX_SAVED_IDS; i++)
		assert_true(kith_turn_write(&agent, &ask, out, id) > 0);
	assert_int_equal(kith_turn_write(&agent, &ask, out, id), 0);
}

static void a_packet_grows_by_as_much_as_is_said(void **state)
{
	static const char *const peers[] = { "203.0.113.9:7000", "[2001:db8::9]:7000" };
	uint8_t data[1200] = { 7 }, out[1500];
	StunAgent agent;
	(void)state;
	kith_turn_agent_init(&agent);
	for (size_t len = 1197; len <= sizeof data; len++) {
		for (int i = 0; i < 2; i++) {
			const struct kith_addr peer = turn_addr(peers[i]);
			const size_t n = kith_turn_wrap(&agent, &peer, data, len, out, sizeof out);
			assert_int_equal(n, (len + 3) / 4 * 4 + (i == 0 ? 36 : 48));
			assert_true(n - len <= KITH_TURN_WRAP_MAX);
			assert_int_equal(u16_at(out), 0x0016);
			assert_int_equal(kith_turn_wrap(&agent, &peer, data, len, out, n - 1), 0);
		}
	}
}

/* A packet as a server passes it on: by IPv4 and IPv6, of any length, and cut. */
static void a_peers_packet_is_what_is_in_it(void **state)
{
	static const char *const peers[] = { "203.0.113.9:7000", "[2001:db8::9]:7000" };
	uint8_t in[KITH_TURN_REQUEST_MAX];
	struct turn_server server;
	struct kith_turn_heard h;
	StunAgent agent;
	(void)state;
	turn_server_init(&server);
	kith_turn_agent_init(&agent);
	for (size_t i = 0; i < 10; i++) {
		const struct kith_addr peer = turn_addr(peers[i % 2]);
		const size_t len = turn_server_data(&server, peers[i % 2], "0123456789", i, in);
		kith_turn_read(&agent, in, len, &h);
		assert_int_equal(h.told, KITH_TURN_TOLD_PACKET);
		assert_true(kith_addr_equal(&h.peer, &peer));
		assert_int_equal(h.data.len, i);
		assert_memory_equal(h.data.p, "0123456789", i);
		for (size_t cut = 0; cut < len; cut++) {
			kith_turn_read(&agent, in, cut, &h);
			assert_int_equal(h.told, KITH_TURN_TOLD_BAD);
		}
		in[1] ^= 1; /* another method */
		kith_turn_read(&agent, in, len, &h);
		assert_int_equal(h.told, KITH_TURN_TOLD_BAD);
	}
}

/* What a server says in 401, of words of that letter and length; 0: it leaves the realm out. */
static void challenge_of(char letter, size_t len, struct kith_turn_heard *h)
{
	const struct kith_turn_account a = account();
	const struct kith_turn_ask ask = { .what = KITH_TURN_ALLOCATE, .account = &a };
	uint8_t out[KITH_TURN_REQUEST_MAX], in[1024], id[KITH_TURN_ID_LEN], word[300];
	StunMessage request, m;
	struct turn_server server;
	StunAgent agent;
	turn_server_init(&server);
	kith_turn_agent_init(&agent);
	memset(word, letter, sizeof word);
	const size_t n = kith_turn_write(&agent, &ask, out, id);
	(void)stun_agent_validate(&server.agent, &request, out, n, turn_server_knows, &server);
	assert_true(stun_agent_init_error(&server.agent, &m, in, sizeof in, &request, STUN_ERROR_UNAUTHORIZED));
	if (len > 0)
		stun_message_append_bytes(&m, STUN_ATTRIBUTE_REALM, word, len);
	stun_message_append_bytes(&m, STUN_ATTRIBUTE_NONCE, word, len > 0 ? len : 1);
	const size_t in_len = stun_agent_finish_message(&server.agent, &m, NULL, 0);
	kith_turn_read(&agent, in, in_len, h);
	assert_int_equal(h->told, KITH_TURN_TOLD_ERROR);
	assert_int_equal(h->error, 401);
	assert_memory_equal(h->id, id, sizeof id);
}

static void a_realm_and_a_nonce_are_taken_up_to_their_bound(void **state)
{
	struct kith_turn_heard h;
	(void)state;
	challenge_of('w', KITH_TURN_WORD_MAX, &h);
	assert_int_equal(h.challenge.realm_len, KITH_TURN_WORD_MAX);
	assert_int_equal(h.challenge.nonce_len, KITH_TURN_WORD_MAX);
	assert_int_equal(h.challenge.nonce[KITH_TURN_WORD_MAX - 1], 'w');
	challenge_of('w', KITH_TURN_WORD_MAX + 1, &h);
	assert_int_equal(h.challenge.realm_len, 0);
	assert_int_equal(h.challenge.nonce_len, 0);
	/* Of these nothing would be left, and libnice would go on before their beginning. */
	challenge_of('"', 4, &h);
	assert_int_equal(h.challenge.realm_len, 0);
	challenge_of(0, 4, &h);
	assert_int_equal(h.challenge.realm_len, 0);
	challenge_of('w', 0, &h);
	assert_int_equal(h.challenge.realm_len, 0);
	assert_int_equal(h.challenge.nonce_len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_request_asks_for_udp_and_names_nobody),
		cmocka_unit_test(a_signed_one_has_all_that_was_told_and_no_password),
		cmocka_unit_test(the_longest_request_has_room),
		cmocka_unit_test(what_is_forgotten_gives_its_place_back),
		cmocka_unit_test(a_packet_grows_by_as_much_as_is_said),
		cmocka_unit_test(a_peers_packet_is_what_is_in_it),
		cmocka_unit_test(a_realm_and_a_nonce_are_taken_up_to_their_bound),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
