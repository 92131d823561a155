/* The talk with a TURN server, by a server that the test plays: from the first 401 to the end, with time as numbers. */
#include "turn_server.h"

#define S KITH_US_PER_S
#define MS KITH_US_PER_MS

struct talk {
	struct kith_turn_account account;
	struct kith_turn_client c;
	struct turn_server server;
	kith_time_us now;
	unsigned requests; /* that were sent */
};

static void begin(struct talk *t)
{
	memset(t, 0, sizeof *t);
	assert_int_equal(kith_turn_parse(&t->account, "turn:alice:secret@192.0.2.1:3478"), 0);
	turn_server_init(&t->server);
	t->now = 1000 * S;
	kith_turn_client_init(&t->c, &t->account, t->now);
}

/* Sends what is due now, and hands in the answers, until nothing is due. */
static void run(struct talk *t)
{
	uint8_t out[KITH_TURN_REQUEST_MAX], in[KITH_TURN_REQUEST_MAX];
	struct kith_addr peer;
	struct kith_span data;
	size_t n;
	while ((n = kith_turn_client_next(&t->c, t->now, out)) > 0) {
		t->requests++;
		const size_t len = turn_server_answer(&t->server, out, n, in);
		if (len > 0)
			assert_false(kith_turn_client_take(&t->c, t->now, in, len, &peer, &data));
	}
}

/* The same until then, each time at its moment. */
static void run_until(struct talk *t, kith_time_us until)
{
	run(t);
	while (kith_turn_client_deadline(&t->c) <= until) {
		assert_true(kith_turn_client_deadline(&t->c) > t->now); /* or it would never rest */
		t->now = kith_turn_client_deadline(&t->c);
		run(t);
	}
	t->now = until;
}

static void relayed(struct talk *t)
{
	begin(t);
	run(t);
	assert_int_equal(t->c.state, KITH_TURN_RELAYED);
}

/* Whether a packet to that peer leaves. */
static bool sends(struct talk *t, const char *peer)
{
	const struct kith_addr to = turn_addr(peer);
	uint8_t out[KITH_TURN_REQUEST_MAX];
	return kith_turn_client_wrap(&t->c, t->now, &to, (const uint8_t *)"hello", 5, out, sizeof out) > 0;
}

/* Whether a packet of that peer is taken. */
static bool hears(struct talk *t, const char *from)
{
	struct kith_addr peer;
	struct kith_span data;
	uint8_t in[KITH_TURN_REQUEST_MAX];
	const struct kith_addr want = turn_addr(from);
	const size_t len = turn_server_data(&t->server, from, "hello", 5, in);
	if (!kith_turn_client_take(&t->c, t->now, in, len, &peer, &data))
		return false;
	assert_true(kith_addr_equal(&peer, &want));
	assert_int_equal(data.len, 5);
	assert_memory_equal(data.p, "hello", 5);
	return true;
}

static void is_failed(const struct talk *t, int err, const char *why)
{
	assert_int_equal(t->c.state, KITH_TURN_FAILED);
	assert_int_equal(t->c.err, err);
	assert_string_equal(t->c.why, why);
	assert_int_equal(t->c.relayed.family, KITH_FAMILY_NONE);
	assert_true(kith_turn_client_deadline(&t->c) == KITH_TIME_NEVER);
}

static void the_first_request_shows_nothing_and_the_second_is_signed(void **state)
{
	struct talk t;
	(void)state;
	relayed(&t);
	assert_int_equal(t.server.unauthorized, 1);
	assert_int_equal(t.server.allocated, 1);
	assert_int_equal(t.requests, 2);
	assert_true(kith_addr_equal(&t.c.relayed, &t.server.relayed));
	assert_int_equal(t.c.bad, 0);
}

static void a_wrong_password_is_said_and_not_tried_again(void **state)
{
	struct talk t;
	(void)state;
	begin(&t);
	t.server.password = "other";
	run(&t);
	is_failed(&t, KITH_EACCES, "192.0.2.1:3478: the user or the password is wrong (401)");
	assert_int_equal(t.requests, 2);
}

static void what_a_server_refuses_has_its_reason(void **state)
{
	static const struct {
		int error, err;
		const char *why;
	} all[] = { { 300, KITH_EACCES,
		      "192.0.2.1:3478: it sends us to another server (300), which is not asked; name "
		      "that one" },
		    { 403, KITH_EACCES, "192.0.2.1:3478: it does not serve us (403)" },
		    { 437, KITH_EUNREACHABLE, "192.0.2.1:3478: it does not know us any more (437)" },
		    { 486, KITH_EUNREACHABLE, "192.0.2.1:3478: this user has all that it may have (486)" },
		    { 508, KITH_EUNREACHABLE, "192.0.2.1:3478: it has no room (508)" },
		    { 500, KITH_EUNREACHABLE, "192.0.2.1:3478: it does not relay for us (500)" } };
	struct talk t;
	(void)state;
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
		begin(&t);
		t.server.refuses = all[i].error;
		run(&t);
		is_failed(&t, all[i].err, all[i].why);
	}
}

static void a_silent_server_is_asked_four_times(void **state)
{
	const kith_time_us at[] = { 0, 500 * MS, 1500 * MS, 3500 * MS };
	uint8_t out[KITH_TURN_REQUEST_MAX], first[KITH_TURN_REQUEST_MAX];
	struct talk t;
	(void)state;
	begin(&t);
	for (int i = 0; i < 4; i++) {
		t.now = kith_turn_client_deadline(&t.c);
		assert_int_equal(t.now - 1000 * S, at[i]);
		const size_t n = kith_turn_client_next(&t.c, t.now, i == 0 ? first : out);
		assert_true(n > 0);
		if (i > 0) /* the same request, so that one answer is enough */
			assert_memory_equal(out, first, n);
	}
	t.now = kith_turn_client_deadline(&t.c);
	assert_int_equal(t.now - 1000 * S, 7500 * MS);
	assert_int_equal(kith_turn_client_next(&t.c, t.now, out), 0);
	is_failed(&t, KITH_EUNREACHABLE, "192.0.2.1:3478: no answer");
	kith_turn_client_deaf(&t.c); /* what comes later changes nothing */
	is_failed(&t, KITH_EUNREACHABLE, "192.0.2.1:3478: no answer");
}

static void a_stale_nonce_is_replaced_and_the_request_goes_again(void **state)
{
	struct talk t;
	(void)state;
	relayed(&t);
	(void)snprintf(t.server.nonce, sizeof t.server.nonce, "second");
	run_until(&t, t.now + 26 * S);
	assert_int_equal(t.server.stale, 1);
	assert_int_equal(t.server.refreshed, 1);
	assert_int_equal(t.c.state, KITH_TURN_RELAYED);
}

/* A server that takes none of its own nonces. */
static void nonces_are_tried_three_times(void **state)
{
	uint8_t out[KITH_TURN_REQUEST_MAX], in[KITH_TURN_REQUEST_MAX];
	struct kith_addr peer;
	struct kith_span data;
	struct talk t;
	unsigned n = 0;
	(void)state;
	begin(&t);
	for (size_t len; (len = kith_turn_client_next(&t.c, t.now, out)) > 0; n++) {
		const size_t got = turn_server_answer(&t.server, out, len, in);
		assert_true(n < 8);
		(void)kith_turn_client_take(&t.c, t.now, in, got, &peer, &data);
		(void)snprintf(t.server.nonce, sizeof t.server.nonce, "nonce %u", n);
	}
	is_failed(&t, KITH_EUNREACHABLE, "192.0.2.1:3478: it takes none of the nonces that it tells (438)");
	assert_int_equal(t.server.stale, 1 + KITH_TURN_NONCES);
}

static void what_is_silent_is_kept_by_a_refresh_each_25_s(void **state)
{
	struct talk t;
	(void)state;
	relayed(&t);
	run_until(&t, t.now + 1000 * S);
	assert_int_equal(t.server.refreshed, 40);
	assert_int_equal(t.c.state, KITH_TURN_RELAYED);
}

static void what_is_busy_is_refreshed_at_half_of_its_life(void **state)
{
	struct talk t;
	(void)state;
	relayed(&t);
	const kith_time_us start = t.now;
	assert_true(sends(&t, "203.0.113.9:7000"));
	for (int i = 1; i < 60; i++) {
		run_until(&t, start + i * 5 * S);
		assert_true(sends(&t, "203.0.113.9:7000") && hears(&t, "203.0.113.9:7000"));
	}
	assert_int_equal(t.server.refreshed, 0);
	run_until(&t, start + 301 * S);
	assert_int_equal(t.server.refreshed, 1);
}

static void a_refresh_that_nobody_answers_ends_it(void **state)
{
	uint8_t out[KITH_TURN_REQUEST_MAX];
	struct talk t;
	unsigned n = 0;
	(void)state;
	relayed(&t);
	for (; t.c.state == KITH_TURN_RELAYED; t.now = kith_turn_client_deadline(&t.c))
		n += kith_turn_client_next(&t.c, t.now, out) > 0;
	assert_int_equal(n, KITH_TURN_TRIES);
	is_failed(&t, KITH_EUNREACHABLE, "192.0.2.1:3478: no answer");
	assert_false(sends(&t, "203.0.113.9:7000"));
}

/* As after a move to another network: the server sees somebody that it does not know. */
static void a_server_that_forgot_us_is_told_as_such(void **state)
{
	struct talk t;
	(void)state;
	relayed(&t);
	t.server.refuses = 437;
	run_until(&t, t.now + 26 * S);
	is_failed(&t, KITH_EUNREACHABLE, "192.0.2.1:3478: it does not know us any more (437)");
}

static void a_peer_is_named_with_the_first_packet_there_by_address_alone(void **state)
{
	const struct kith_addr port_0 = { .family = KITH_FAMILY_V4, .ip = { 203, 0, 113, 9 } };
	struct talk t;
	(void)state;
	relayed(&t);
	assert_false(hears(&t, "203.0.113.9:7000")); /* it was not named, so the server lies */
	assert_int_equal(t.c.bad, 1);
	assert_true(sends(&t, "203.0.113.9:7000"));
	assert_true(sends(&t, "203.0.113.9:7001"));
	assert_int_equal(kith_turn_client_permits(&t.c), 0);
	run(&t);
	assert_int_equal(t.server.permitted, 1);
	assert_memory_equal(t.server.peer.ip, port_0.ip, sizeof port_0.ip);
	assert_int_equal(kith_turn_client_permits(&t.c), 1);
	assert_true(hears(&t, "203.0.113.9:9999"));
	assert_false(hears(&t, "203.0.113.10:7000"));
	assert_int_equal(t.c.bad, 2);
}

static void who_is_spoken_to_is_named_again_in_time_and_who_is_not_is_forgotten(void **state)
{
	struct talk t;
	(void)state;
	relayed(&t);
	const kith_time_us start = t.now;
	assert_true(sends(&t, "203.0.113.1:7000") && sends(&t, "203.0.113.2:7000"));
	run_until(&t, start + 10 * S);
	assert_int_equal(t.server.permitted, 2);
	assert_true(hears(&t, "203.0.113.1:7000")); /* of the other nothing comes */
	run_until(&t, start + 241 * S);
	assert_int_equal(t.server.permitted, 3);
	assert_int_equal(t.server.peer.ip[3], 1);
	assert_int_equal(kith_turn_client_permits(&t.c), 1);
	run_until(&t, start + 481 * S);
	assert_int_equal(t.server.permitted, 3);
	assert_int_equal(kith_turn_client_permits(&t.c), 0);
}

static void a_peer_that_is_refused_is_left_alone_for_a_minute(void **state)
{
	struct talk t;
	(void)state;
	relayed(&t);
	t.server.refuses_peers = 403;
	assert_true(sends(&t, "203.0.113.9:7000"));
	run(&t);
	assert_int_equal(t.c.state, KITH_TURN_RELAYED);
	assert_false(sends(&t, "203.0.113.9:7000"));
	assert_int_equal(kith_turn_client_permits(&t.c), 0);
	t.server.refuses_peers = 0;
	run_until(&t, t.now + 60 * S);
	assert_true(sends(&t, "203.0.113.9:7000"));
	run(&t);
	assert_int_equal(kith_turn_client_permits(&t.c), 1);
}

static bool sends_to_number(struct talk *t, unsigned i)
{
	char text[KITH_ADDR_TEXT_MAX];
	(void)snprintf(text, sizeof text, "203.0.%u.%u:7000", i / 200, i % 200 + 1);
	const bool sent = sends(t, text);
	run(t);
	return sent;
}

static void a_full_table_drops_what_is_new_and_keeps_what_is_in_use(void **state)
{
	struct talk t;
	(void)state;
	relayed(&t);
	for (unsigned i = 0; i < KITH_TURN_PERMITS_MAX; i++)
		assert_true(sends_to_number(&t, i));
	assert_int_equal(kith_turn_client_permits(&t.c), KITH_TURN_PERMITS_MAX);
	assert_false(sends_to_number(&t, 100));
	assert_int_equal(t.c.full, 1);
	run_until(&t, t.now + 59 * S);
	assert_true(hears(&t, "203.0.0.1:7000"));
	run_until(&t, t.now + 1 * S);
	assert_true(sends_to_number(&t, 100)); /* in the place of one that is silent */
	assert_true(hears(&t, "203.0.0.1:7000"));
	assert_true(hears(&t, "203.0.0.101:7000"));
	assert_int_equal(kith_turn_client_permits(&t.c), KITH_TURN_PERMITS_MAX);
}

static void no_more_than_seven_are_named_at_once(void **state)
{
	struct talk t;
	unsigned sent = 0;
	(void)state;
	relayed(&t);
	for (unsigned i = 0; i < 20; i++) {
		char text[KITH_ADDR_TEXT_MAX];
		(void)snprintf(text, sizeof text, "203.0.113.%u:7000", i + 1);
		sent += sends(&t, text);
	}
	assert_int_equal(sent, KITH_TURN_REQUESTS - 1);
	assert_int_equal(t.c.full, 20 - sent);
	run_until(&t, t.now + 26 * S); /* there is a place for the refresh besides */
	assert_int_equal(t.server.refreshed, 1);
}

/* A server that names a life of nothing, or of a century. */
static void a_life_is_taken_within_bounds(void **state)
{
	struct talk t;
	(void)state;
	begin(&t);
	t.server.life_s = 0;
	run(&t);
	assert_int_equal(t.c.until - t.now, KITH_TURN_LIFE_LEAST_S * S);
	begin(&t);
	t.server.life_s = UINT32_MAX;
	run(&t);
	assert_int_equal(t.c.until - t.now, KITH_TURN_LIFE_MAX_S * S);
}

static void an_address_that_nobody_can_send_to_is_none(void **state)
{
	static const char *const all[] = { "0.0.0.0:50000", "224.0.0.1:50000", "169.254.1.1:50000",
					   "[2001:db8::7]:50000" };
	struct talk t;
	(void)state;
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
		begin(&t);
		t.server.relayed = turn_addr(all[i]);
		run(&t);
		is_failed(&t, KITH_EPROTO, "192.0.2.1:3478: it relays at no address of IPv4 that others can send to");
	}
}

/* A grant that was not signed with our password, one for another request, noise, and what was cut or made longer. */
static void what_is_not_proven_changes_nothing(void **state)
{
	uint8_t out[KITH_TURN_REQUEST_MAX], in[KITH_TURN_REQUEST_MAX + 4];
	struct kith_addr peer;
	struct kith_span data;
	struct talk t;
	(void)state;
	begin(&t);
	size_t n = kith_turn_client_next(&t.c, t.now, out);
	size_t len = turn_server_answer(&t.server, out, n, in);
	assert_false(kith_turn_client_take(&t.c, t.now, in, len, &peer, &data));
	n = kith_turn_client_next(&t.c, t.now, out); /* signed */
	len = turn_server_answer(&t.server, out, n, in);
	for (size_t cut = 0; cut < len; cut++)
		assert_false(kith_turn_client_take(&t.c, t.now, in, cut, &peer, &data));
	in[len - 1] ^= 1; /* of its integrity */
	assert_false(kith_turn_client_take(&t.c, t.now, in, len, &peer, &data));
	in[len - 1] ^= 1;
	in[8] ^= 1; /* of its id */
	assert_false(kith_turn_client_take(&t.c, t.now, in, len, &peer, &data));
	in[8] ^= 1;
	assert_int_equal(t.c.state, KITH_TURN_ASKING);
	assert_int_equal(t.c.bad, len + 2);
	assert_false(kith_turn_client_take(&t.c, t.now, in, len, &peer, &data));
	assert_int_equal(t.c.state, KITH_TURN_RELAYED);
	assert_false(kith_turn_client_take(&t.c, t.now, in, len, &peer, &data)); /* once more: it was answered */
	assert_int_equal(t.c.bad, len + 3);
}

static void what_is_relayed_is_given_up(void **state)
{
	uint8_t out[KITH_TURN_REQUEST_MAX], in[KITH_TURN_REQUEST_MAX];
	struct talk t;
	(void)state;
	begin(&t);
	assert_int_equal(kith_turn_client_leave(&t.c, out), 0); /* there is nothing yet */
	run(&t);
	const size_t n = kith_turn_client_leave(&t.c, out);
	assert_true(n > 0 && turn_server_answer(&t.server, out, n, in) > 0);
	assert_int_equal(t.server.given_up, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_request_shows_nothing_and_the_second_is_signed),
		cmocka_unit_test(a_wrong_password_is_said_and_not_tried_again),
		cmocka_unit_test(what_a_server_refuses_has_its_reason),
		cmocka_unit_test(a_silent_server_is_asked_four_times),
		cmocka_unit_test(a_stale_nonce_is_replaced_and_the_request_goes_again),
		cmocka_unit_test(nonces_are_tried_three_times),
		cmocka_unit_test(what_is_silent_is_kept_by_a_refresh_each_25_s),
		cmocka_unit_test(what_is_busy_is_refreshed_at_half_of_its_life),
		cmocka_unit_test(a_refresh_that_nobody_answers_ends_it),
		cmocka_unit_test(a_server_that_forgot_us_is_told_as_such),
		cmocka_unit_test(a_peer_is_named_with_the_first_packet_there_by_address_alone),
		cmocka_unit_test(who_is_spoken_to_is_named_again_in_time_and_who_is_not_is_forgotten),
		cmocka_unit_test(a_peer_that_is_refused_is_left_alone_for_a_minute),
		cmocka_unit_test(a_full_table_drops_what_is_new_and_keeps_what_is_in_use),
		cmocka_unit_test(no_more_than_seven_are_named_at_once),
		cmocka_unit_test(a_life_is_taken_within_bounds),
		cmocka_unit_test(an_address_that_nobody_can_send_to_is_none),
		cmocka_unit_test(what_is_not_proven_changes_nothing),
		cmocka_unit_test(what_is_relayed_is_given_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
