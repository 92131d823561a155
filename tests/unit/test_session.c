/* Sessions: states, sealing and opening, and the change of keys, alone and between two nodes with a network that loses
 * what it likes. */
#include "core_world.h"

#include "base/alloc.h"
#include "session/session.h"

/* ---- two ends without a network ---- */

#define NAME UINT64_C(0x0011223344556677)

struct ends {
	struct test_alloc alloc;
	struct test_random random;
	struct kith_self self[2];
	struct kith_session s[2];
};

static void ends_init(struct ends *e)
{
	memset(e, 0, sizeof *e);
	assert_int_equal(kith_suite_sodium_init(), 0);
	test_alloc_init(&e->alloc);
	test_random_init(&e->random, 5);
	uint8_t keys[3][32];
	test_random_fill(&e->random, keys[0], sizeof keys);
	for (int i = 0; i < 2; i++) {
		e->self[i].suite = kith_suite_sodium();
		e->self[i].random = &e->random.random;
		test_random_fill(&e->random, e->self[i].dh_sk, 32);
		e->self[i].suite->dh_public(e->self[i].dh_pk, e->self[i].dh_sk);
		e->s[i].index = (uint32_t)i + 1;
		e->s[i].initiator = i == 0;
		e->s[i].state = KITH_SESSION_OPEN;
		memcpy(e->s[i].tx_key, keys[i], 32);
		memcpy(e->s[i].rx_key, keys[1 - i], 32);
		memcpy(e->s[i].chain_key, keys[2], 32);
	}
	memcpy(e->s[0].device, e->self[1].dh_pk, KITH_DEVICE_ID_LEN);
	memcpy(e->s[1].device, e->self[0].dh_pk, KITH_DEVICE_ID_LEN);
}

static void ends_deinit(struct ends *e)
{
	for (int i = 0; i < 2; i++) {
		KITH_FREE(&e->alloc.alloc, e->s[i].rekey);
		kith_replay_narrow(&e->s[i].replay, &e->alloc.alloc);
	}
	test_alloc_check(&e->alloc);
}

struct sealed {
	uint8_t bytes[256];
	size_t len;
};

static struct sealed seal(struct ends *e, int from, const char *text)
{
	struct sealed p;
	memcpy(p.bytes + KITH_TRANSPORT_HEADER, text, strlen(text));
	p.len = kith_session_seal(&e->s[from], e->self[from].suite, NAME, p.bytes, strlen(text));
	return p;
}

/* What end `to` makes of it; its text when it opens. */
static enum kith_open_verdict open_text(struct ends *e, int to, struct sealed p, kith_time_us now, const char *text)
{
	struct kith_data_header header;
	struct kith_span frames;
	uint64_t counter;
	assert_true(kith_data_parse(&header, test_span(p.bytes, p.len)));
	enum kith_open_verdict v = kith_session_open(&e->s[to], e->self[to].suite, now, &header, &frames, &counter);
	if (v == KITH_OPEN_OK) {
		assert_int_equal(frames.len, strlen(text));
		assert_memory_equal(frames.p, text, frames.len);
	}
	return v;
}

static void what_one_end_seals_the_other_opens_once(void **state)
{
	struct ends e;
	(void)state;
	ends_init(&e);
	for (int from = 0; from < 2; from++) {
		struct sealed p = seal(&e, from, "hello");
		assert_int_equal(open_text(&e, 1 - from, p, 1, "hello"), KITH_OPEN_OK);
		assert_int_equal(open_text(&e, 1 - from, p, 1, "hello"), KITH_OPEN_REPLAYED);
	}
	ends_deinit(&e);
}

static void a_forged_packet_does_not_move_the_replay_window(void **state)
{
	struct ends e;
	(void)state;
	ends_init(&e);
	struct sealed early = seal(&e, 0, "early"), forged = seal(&e, 0, "x");
	forged.bytes[4] ^= 0x01; /* a counter far ahead */
	assert_int_equal(open_text(&e, 1, forged, 1, ""), KITH_OPEN_NOT_AUTHENTIC);
	assert_int_equal(open_text(&e, 1, early, 1, "early"), KITH_OPEN_OK);
	ends_deinit(&e);
}

/* What stands between type and name looks like noise: nobody else sees that one packet follows another. */
static void counter_and_epoch_are_hidden(void **state)
{
	enum { N = 512, BITS = 8 * KITH_DATA_HIDDEN };
	struct ends e;
	unsigned changed[BITS] = { 0 };
	struct sealed before = { .len = 0 };
	(void)state;
	ends_init(&e);
	for (int i = 0; i <= N; i++) {
		struct sealed p = seal(&e, 0, "the same text");
		assert_int_equal(p.bytes[0], KITH_PKT_DATA);
		for (unsigned k = 0; i > 0 && k < BITS; k++)
			changed[k] += (p.bytes[1 + k / 8] ^ before.bytes[1 + k / 8]) >> k % 8 & 1;
		before = p;
		assert_int_equal(open_text(&e, 1, p, 1, "the same text"), KITH_OPEN_OK);
	}
	for (unsigned k = 0; k < BITS; k++) /* 5 standard deviations */
		assert_in_range(changed[k], N / 2 - 57, N / 2 + 57);
	ends_deinit(&e);
}

/* What goes over several paths opens once, whichever arrives first, and shows nobody that it is the same. */
static void each_way_of_a_packet_has_other_bytes_and_the_first_one_opens(void **state)
{
	enum { WAYS = 1 + KITH_WAYS_MAX, LEN = 40 };
	struct ends e;
	struct sealed p[WAYS];
	char text[LEN + 1] = "the same forty bytes of text, many times";
	(void)state;
	ends_init(&e);
	for (int first = 0; first < WAYS; first++) {
		uint64_t counter = e.s[0].tx_counter;
		for (int way = 0; way < WAYS; way++) {
			p[way] = way == 0 ? seal(&e, 0, text) : p[0];
			if (way == 0)
				continue;
			memcpy(p[way].bytes + KITH_TRANSPORT_HEADER, text, LEN);
			p[way].len = kith_session_seal_again(&e.s[0], e.self[0].suite, NAME + (uint64_t)way, counter,
							     (uint8_t)way, p[way].bytes, LEN);
		}
		assert_int_equal(e.s[0].tx_counter, counter + 1);
		for (int i = 0; i < WAYS; i++) {
			for (int k = 0; k < i; k++) {
				assert_memory_not_equal(p[i].bytes + 1, p[k].bytes + 1, KITH_DATA_HIDDEN);
				for (size_t at = KITH_TRANSPORT_HEADER; at + 8 <= p[i].len; at += 8)
					assert_memory_not_equal(p[i].bytes + at, p[k].bytes + at, 8);
			}
		}
		assert_int_equal(open_text(&e, 1, p[first], 1, text), KITH_OPEN_OK);
		for (int way = 0; way < WAYS; way++)
			assert_int_equal(open_text(&e, 1, p[way], 1, text), KITH_OPEN_REPLAYED);
	}
	ends_deinit(&e);
}

static void a_packet_is_bound_to_its_receiver(void **state)
{
	struct ends e;
	(void)state;
	ends_init(&e);
	struct sealed p = seal(&e, 0, "hello");
	p.bytes[15] ^= 1;
	assert_int_equal(open_text(&e, 1, p, 1, ""), KITH_OPEN_NOT_AUTHENTIC);
	ends_deinit(&e);
}

/* One exchange of keys with end `asker` asking; 0 when both halves went well. */
static int exchange(struct ends *e, int asker, kith_time_us now)
{
	uint8_t ours[32], theirs[32];
	int err = kith_rekey_ask(&e->s[asker], &e->self[asker], &e->alloc.alloc, ours);
	if (err == 0)
		err = kith_rekey_answer(&e->s[1 - asker], &e->self[1 - asker], &e->alloc.alloc, now,
					(uint8_t)(e->s[asker].epoch + 1), ours, theirs);
	return err != 0 ? err : kith_rekey_finish(&e->s[asker], &e->self[asker], now, theirs);
}

static void new_keys_reach_both_ends_and_old_packets_are_still_opened_for_a_while(void **state)
{
	struct ends e;
	kith_time_us now = KITH_US_PER_S;
	(void)state;
	ends_init(&e);
	uint8_t old_key[32];
	memcpy(old_key, e.s[0].tx_key, 32);
	struct sealed late = seal(&e, 0, "late"), later = seal(&e, 0, "later"), back = seal(&e, 1, "back");
	assert_int_equal(exchange(&e, 0, now), 0);
	assert_int_equal(e.s[0].epoch, 1);
	assert_int_equal(e.s[1].epoch, 0); /* not before it sees that the other uses them */
	assert_memory_not_equal(old_key, e.s[0].tx_key, 32);
	assert_int_equal(open_text(&e, 0, back, now, "back"), KITH_OPEN_OK);
	assert_int_equal(open_text(&e, 0, seal(&e, 1, "old"), now, "old"), KITH_OPEN_OK);
	assert_int_equal(open_text(&e, 1, seal(&e, 0, "new"), now, "new"), KITH_OPEN_OK);
	assert_int_equal(e.s[1].epoch, 1);
	assert_int_equal(open_text(&e, 1, late, now, "late"), KITH_OPEN_OK);
	assert_int_equal(open_text(&e, 0, seal(&e, 1, "new"), now, "new"), KITH_OPEN_OK);
	now += KITH_OLD_KEY_US;
	for (int i = 0; i < 2; i++) {
		assert_true(kith_rekey_deadline(&e.s[i]) <= now);
		kith_rekey_tick(&e.s[i], &e.alloc.alloc, now);
		assert_int_equal(kith_rekey_deadline(&e.s[i]), KITH_TIME_NEVER);
	}
	assert_int_equal(open_text(&e, 1, later, now, ""), KITH_OPEN_NOT_AUTHENTIC);
	assert_null(e.s[0].rekey);
	assert_null(e.s[1].rekey);
	ends_deinit(&e);
}

/* What a packet hides looks right with a wrong key now and then, the more often the higher counters are. */
static void the_key_is_told_by_the_counter_that_comes_next(void **state)
{
	enum { PACKETS = 1000 };
	const uint64_t high = KITH_REPLAY_COUNTER_END / 4;
	struct ends e;
	(void)state;
	ends_init(&e);
	e.s[1].tx_counter = high;
	e.s[1].keyed_block = (uint8_t)(high / KITH_REKEY_PACKETS);
	e.s[0].replay.top = high - 1;
	assert_int_equal(exchange(&e, 0, KITH_US_PER_S), 0);
	assert_int_equal(e.s[0].epoch, 1);
	for (int i = 0; i < PACKETS; i++) /* with the old key, while the new one is tried first */
		assert_int_equal(open_text(&e, 0, seal(&e, 1, "old"), KITH_US_PER_S, "old"), KITH_OPEN_OK);
	assert_int_equal(e.s[1].epoch, 0);
	ends_deinit(&e);
}

/* Whoever asked may be silent for long after it has the new keys. The other end, which has not heard them in use, goes
 * on with the old ones. */
static void the_asker_opens_old_packets_until_it_has_seen_a_new_one(void **state)
{
	struct ends e;
	kith_time_us now = KITH_US_PER_S;
	(void)state;
	ends_init(&e);
	assert_int_equal(exchange(&e, 0, now), 0);
	for (int i = 0; i < 10; i++) {
		now += KITH_OLD_KEY_US;
		kith_rekey_tick(&e.s[0], &e.alloc.alloc, now);
		assert_int_equal(open_text(&e, 0, seal(&e, 1, "old"), now, "old"), KITH_OPEN_OK);
	}
	assert_int_equal(open_text(&e, 1, seal(&e, 0, "at last"), now, "at last"), KITH_OPEN_OK);
	struct sealed old = seal(&e, 1, "new");
	assert_int_equal(open_text(&e, 0, old, now, "new"), KITH_OPEN_OK);
	/* From then on the old key has its time and no more. */
	kith_rekey_tick(&e.s[0], &e.alloc.alloc, now);
	assert_true(kith_rekey_deadline(&e.s[0]) <= now + KITH_OLD_KEY_US);
	kith_rekey_tick(&e.s[0], &e.alloc.alloc, now + KITH_OLD_KEY_US);
	assert_null(e.s[0].rekey);
	ends_deinit(&e);
}

static void many_changes_of_keys_follow_each_other_from_either_side(void **state)
{
	struct ends e;
	kith_time_us now = KITH_US_PER_S;
	(void)state;
	ends_init(&e);
	for (int i = 0; i < 600; i++) {
		int asker = i % 3 == 0;
		assert_int_equal(exchange(&e, asker, now), 0);
		assert_int_equal(open_text(&e, 1 - asker, seal(&e, asker, "a"), now, "a"), KITH_OPEN_OK);
		assert_int_equal(open_text(&e, asker, seal(&e, 1 - asker, "b"), now, "b"), KITH_OPEN_OK);
		assert_int_equal(e.s[0].epoch, (uint8_t)(i + 1));
		assert_int_equal(e.s[1].epoch, (uint8_t)(i + 1));
		if (i % 2 == 0)
			now += KITH_OLD_KEY_US + 1;
	}
	ends_deinit(&e);
}

static void of_two_that_ask_at_once_the_lower_device_goes_first(void **state)
{
	struct ends e;
	uint8_t asks[2][32], answers[2][32];
	(void)state;
	ends_init(&e);
	int low = memcmp(e.self[0].dh_pk, e.self[1].dh_pk, 32) < 0 ? 0 : 1;
	for (int i = 0; i < 2; i++)
		assert_int_equal(kith_rekey_ask(&e.s[i], &e.self[i], &e.alloc.alloc, asks[i]), 0);
	assert_int_equal(kith_rekey_answer(&e.s[low], &e.self[low], &e.alloc.alloc, 1, 1, asks[1 - low], answers[low]),
			 KITH_EEXIST);
	assert_int_equal(
		kith_rekey_answer(&e.s[1 - low], &e.self[1 - low], &e.alloc.alloc, 1, 1, asks[low], answers[1 - low]),
		0);
	kith_rekey_abandon(&e.s[1 - low], 1); /* its own request was refused */
	assert_int_equal(kith_rekey_finish(&e.s[low], &e.self[low], 1, answers[1 - low]), 0);
	assert_int_equal(open_text(&e, 1 - low, seal(&e, low, "x"), 1, "x"), KITH_OPEN_OK);
	assert_int_equal(open_text(&e, low, seal(&e, 1 - low, "y"), 1, "y"), KITH_OPEN_OK);
	assert_int_equal(e.s[0].epoch, 1);
	assert_int_equal(e.s[1].epoch, 1);
	ends_deinit(&e);
}

static void a_request_for_another_epoch_than_the_next_is_refused(void **state)
{
	struct ends e;
	uint8_t ask[32], answer[32], zero[32] = { 0 };
	(void)state;
	ends_init(&e);
	assert_int_equal(kith_rekey_ask(&e.s[0], &e.self[0], &e.alloc.alloc, ask), 0);
	assert_int_equal(kith_rekey_answer(&e.s[1], &e.self[1], &e.alloc.alloc, 1, 0, ask, answer), KITH_ESTATE);
	assert_int_equal(kith_rekey_answer(&e.s[1], &e.self[1], &e.alloc.alloc, 1, 2, ask, answer), KITH_ESTATE);
	assert_true(kith_rekey_answer(&e.s[1], &e.self[1], &e.alloc.alloc, 1, 1, zero, answer) <
		    0); /* a point of low order */
	assert_int_equal(e.s[1].epoch, 0);
	assert_int_equal(open_text(&e, 1, seal(&e, 0, "x"), 1, "x"), KITH_OPEN_OK);
	kith_rekey_abandon(&e.s[0], 1);
	for (int i = 0; i < 2; i++) {
		assert_true(kith_rekey_deadline(&e.s[i]) <= 1 + KITH_REKEY_RETRY_US);
		kith_rekey_tick(&e.s[i], &e.alloc.alloc, 1 + KITH_REKEY_RETRY_US);
		assert_null(e.s[i].rekey);
	}
	ends_deinit(&e);
}

static void an_answer_nobody_asked_for_changes_nothing(void **state)
{
	struct ends e;
	uint8_t answer[32] = { 9 };
	(void)state;
	ends_init(&e);
	assert_int_equal(kith_rekey_finish(&e.s[0], &e.self[0], 1, answer), KITH_ESTATE);
	assert_int_equal(e.s[0].epoch, 0);
	ends_deinit(&e);
}

/* ---- when to ask ---- */

static void both_sides_ask_by_age_the_responder_a_little_later(void **state)
{
	struct ends e;
	(void)state;
	ends_init(&e);
	for (int i = 0; i < 2; i++) {
		kith_time_us age = KITH_REKEY_US + (i == 0 ? 0 : KITH_REKEY_LAG_US);
		e.s[i].keyed_s = 7;
		assert_false(kith_session_wants_rekey(&e.s[i], 7 * KITH_US_PER_S + age - 1));
		assert_true(kith_session_wants_rekey(&e.s[i], 7 * KITH_US_PER_S + age));
		assert_true(kith_session_wants_rekey(&e.s[i], 7 * KITH_US_PER_S + 10 * age));
	}
	ends_deinit(&e);
}

/* The counter is also moved by packets that are not data, so no value of it may be waited for. */
static void a_count_that_was_passed_is_not_missed(void **state)
{
	struct ends e;
	(void)state;
	ends_init(&e);
	for (int i = 0; i < 2; i++) {
		e.s[i].tx_counter = KITH_REKEY_PACKETS - 1;
		assert_false(kith_session_wants_rekey(&e.s[i], 1));
		for (unsigned k = 0; k < 3; k++) {
			e.s[i].tx_counter = KITH_REKEY_PACKETS + k * 1000003;
			assert_true(kith_session_wants_rekey(&e.s[i], 1));
		}
	}
	assert_int_equal(exchange(&e, 0, 1), 0);
	assert_false(kith_session_wants_rekey(&e.s[0], 1));
	e.s[0].tx_counter += KITH_REKEY_PACKETS;
	assert_true(kith_session_wants_rekey(&e.s[0], 1));
	ends_deinit(&e);
}

static void a_request_that_failed_is_made_again_but_not_at_once(void **state)
{
	struct ends e;
	uint8_t ask[32];
	kith_time_us now = KITH_US_PER_S;
	(void)state;
	ends_init(&e);
	e.s[0].tx_counter = KITH_REKEY_PACKETS + 5;
	for (int i = 0; i < 3; i++) {
		assert_true(kith_session_wants_rekey(&e.s[0], now));
		assert_int_equal(kith_rekey_ask(&e.s[0], &e.self[0], &e.alloc.alloc, ask), 0);
		assert_false(kith_session_wants_rekey(&e.s[0], now + KITH_REKEY_US));
		kith_rekey_abandon(&e.s[0], now);
		assert_false(kith_session_wants_rekey(&e.s[0], now + KITH_REKEY_RETRY_US - 1));
		now += KITH_REKEY_RETRY_US;
	}
	ends_deinit(&e);
}

/* Who answered waits for the other to use the new keys; but not for ever, since the answer may have been lost for
 * good. */
static void an_answer_that_the_other_never_used_does_not_end_the_changing_of_keys(void **state)
{
	struct ends e;
	uint8_t ask[32], answer[32];
	kith_time_us now = KITH_REKEY_US;
	(void)state;
	ends_init(&e);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(kith_rekey_ask(&e.s[0], &e.self[0], &e.alloc.alloc, ask), 0);
		assert_int_equal(kith_rekey_answer(&e.s[1], &e.self[1], &e.alloc.alloc, now, 1, ask, answer), 0);
		kith_rekey_abandon(&e.s[0], now); /* it never came */
		e.s[1].tx_counter = KITH_REKEY_PACKETS;
		assert_false(kith_session_wants_rekey(&e.s[1], now));
		now += KITH_REKEY_RETRY_US;
		kith_rekey_tick(&e.s[1], &e.alloc.alloc, now);
		assert_true(kith_session_wants_rekey(&e.s[1], now));
	}
	assert_int_equal(exchange(&e, 1, now), 0);
	assert_int_equal(open_text(&e, 0, seal(&e, 1, "x"), now, "x"), KITH_OPEN_OK);
	assert_int_equal(open_text(&e, 1, seal(&e, 0, "y"), now, "y"), KITH_OPEN_OK);
	assert_int_equal(e.s[0].epoch, 1);
	ends_deinit(&e);
}

/* Asks while the next keys are ready, and the other begins to use those: the request is void, its answer is no key. */
static void keys_that_come_into_use_end_a_request_under_way(void **state)
{
	struct ends e;
	uint8_t ask[2][32], answer[32];
	(void)state;
	ends_init(&e);
	assert_int_equal(kith_rekey_ask(&e.s[0], &e.self[0], &e.alloc.alloc, ask[0]), 0);
	assert_int_equal(kith_rekey_answer(&e.s[1], &e.self[1], &e.alloc.alloc, 1, 1, ask[0], answer), 0);
	assert_int_equal(kith_rekey_ask(&e.s[1], &e.self[1], &e.alloc.alloc, ask[1]), 0);
	assert_int_equal(kith_rekey_finish(&e.s[0], &e.self[0], 1, answer), 0);
	assert_int_equal(kith_rekey_answer(&e.s[0], &e.self[0], &e.alloc.alloc, 1, 1, ask[1], answer), KITH_ESTATE);
	assert_int_equal(open_text(&e, 1, seal(&e, 0, "x"), 1, "x"), KITH_OPEN_OK);
	assert_int_equal(kith_rekey_finish(&e.s[1], &e.self[1], 1, answer), KITH_ESTATE);
	assert_int_equal(open_text(&e, 0, seal(&e, 1, "y"), 1, "y"), KITH_OPEN_OK);
	assert_int_equal(e.s[1].epoch, 1);
	ends_deinit(&e);
}

static void keys_are_changed_in_an_open_session_only(void **state)
{
	struct ends e;
	uint8_t ask[32], answer[32];
	(void)state;
	ends_init(&e);
	assert_int_equal(kith_rekey_ask(&e.s[0], &e.self[0], &e.alloc.alloc, ask), 0);
	for (enum kith_session_state st = KITH_SESSION_INITIATING; st <= KITH_SESSION_CLOSED; st++) {
		e.s[1].state = (unsigned)st & 7;
		int err = kith_rekey_answer(&e.s[1], &e.self[1], &e.alloc.alloc, 1, 1, ask, answer);
		assert_int_equal(err, st == KITH_SESSION_OPEN ? 0 : KITH_ESTATE);
	}
	ends_deinit(&e);
}

static void nothing_is_sealed_beyond_the_limit_of_a_key_or_of_the_counter(void **state)
{
	struct ends e;
	uint8_t packet[64] = { 0 };
	(void)state;
	ends_init(&e);
	struct kith_session *s = &e.s[0];
	s->tx_counter = KITH_KEY_BLOCKS_MAX * KITH_REKEY_PACKETS - 1;
	assert_true(kith_session_seal(s, e.self[0].suite, NAME, packet, 1) > 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(kith_session_seal(s, e.self[0].suite, NAME, packet, 1), 0);
		assert_true(s->tx_counter == KITH_KEY_BLOCKS_MAX * KITH_REKEY_PACKETS);
	}
	assert_int_equal(exchange(&e, 0, 1), 0); /* in a new key it goes on */
	assert_true(kith_session_seal(s, e.self[0].suite, NAME, packet, 1) > 0);
	s->tx_counter = KITH_REPLAY_COUNTER_END - 1;
	s->keyed_block = (uint8_t)(s->tx_counter / KITH_REKEY_PACKETS);
	assert_true(kith_session_seal(s, e.self[0].suite, NAME, packet, 1) > 0);
	assert_int_equal(kith_session_seal(s, e.self[0].suite, NAME, packet, 1), 0);
	assert_true(s->tx_counter == KITH_REPLAY_COUNTER_END);
	ends_deinit(&e);
}

/* ---- between two nodes ---- */

static uint8_t epoch_of(const struct core_world *w, int node, kith_session_id id)
{
	const struct kith_session *s = kith_sessions_get(&w->nodes[node].core->sessions, id);
	assert_non_null(s);
	return s->epoch;
}

/* Loses data packets by their size, one after the other: the request and the answer of a rekey are of about 60
 * bytes. */
struct loser {
	unsigned lose, lost;
	bool active;
};

static int lose_small_tap(struct core_world *w, struct world_packet *p)
{
	struct loser *l = w->tap_ctx;
	if (!l->active || p->len < 60 || p->len > 130 || l->lost >= l->lose)
		return 1;
	l->lost++;
	return 0;
}

/* Talks for so long, both ways, and asserts that everything arrives. */
static void talk(struct core_world *w, kith_session_id a, kith_session_id b, kith_time_us us, kith_time_us every)
{
	static const uint8_t words[300] = { 1 };
	int sent = 0, got = 0, back = 0;
	for (kith_time_us t = 0; t < us; t += every) {
		int since = w->events_n;
		assert_int_equal(world_say(w, WORLD_ALICE, a, words, sizeof words), 0);
		assert_int_equal(world_say(w, WORLD_BOB, b, words, sizeof words), 0);
		sent++;
		world_run(w, every);
		got += world_events(w, WORLD_BOB, KITH_EVENT_DATAGRAM, since);
		back += world_events(w, WORLD_ALICE, KITH_EVENT_DATAGRAM, since);
		w->events_n = since; /* there would be too many to keep */
	}
	int since = w->events_n;
	world_run(w, KITH_US_PER_S);
	got += world_events(w, WORLD_BOB, KITH_EVENT_DATAGRAM, since);
	back += world_events(w, WORLD_ALICE, KITH_EVENT_DATAGRAM, since);
	assert_int_equal(got, sent);
	assert_int_equal(back, sent);
}

static void keys_change_while_data_flows_and_nothing_is_lost(void **state)
{
	struct core_world w;
	kith_session_id b;
	(void)state;
	world_alice_and_bob(&w);
	kith_session_id a = world_call(&w, WORLD_ALICE, WORLD_BOB, &b);
	talk(&w, a, b, KITH_REKEY_US - 20 * KITH_US_PER_S, KITH_US_PER_S);
	assert_int_equal(epoch_of(&w, WORLD_ALICE, a), 0);
	talk(&w, a, b, 30 * KITH_US_PER_S, 20 * KITH_US_PER_MS);
	assert_int_equal(epoch_of(&w, WORLD_ALICE, a), 1);
	assert_int_equal(epoch_of(&w, WORLD_BOB, b), 1);
	assert_true(world_stat(&w, WORLD_ALICE, KITH_STAT_REKEYS) >= 1);
	talk(&w, a, b, 2 * KITH_REKEY_US, KITH_US_PER_S);
	assert_true(epoch_of(&w, WORLD_ALICE, a) >= 2);
	assert_int_equal(epoch_of(&w, WORLD_ALICE, a), epoch_of(&w, WORLD_BOB, b));
	core_world_deinit(&w);
}

static void keys_change_although_requests_and_answers_for_it_are_lost(void **state)
{
	(void)state;
	for (unsigned lose = 1; lose < 8; lose++) {
		struct core_world w;
		kith_session_id b;
		struct loser l = { .lose = lose };
		world_alice_and_bob(&w);
		kith_session_id a = world_call(&w, WORLD_ALICE, WORLD_BOB, &b);
		talk(&w, a, b, KITH_REKEY_US - 10 * KITH_US_PER_S, KITH_US_PER_S);
		w.tap = lose_small_tap;
		w.tap_ctx = &l;
		l.active = true;
		talk(&w, a, b, 60 * KITH_US_PER_S, 200 * KITH_US_PER_MS);
		assert_true(l.lost == lose);
		assert_int_equal(epoch_of(&w, WORLD_ALICE, a), 1);
		assert_int_equal(epoch_of(&w, WORLD_BOB, b), 1);
		core_world_deinit(&w);
	}
}

/* Alice's one word after a long silence changes the keys. What bob says long after that must reach her. */
static void who_changed_the_keys_and_fell_silent_still_hears_the_other(void **state)
{
	struct core_world w;
	kith_session_id b;
	(void)state;
	world_alice_and_bob(&w);
	kith_session_id a = world_call(&w, WORLD_ALICE, WORLD_BOB, &b);
	world_run(&w, KITH_REKEY_US + KITH_US_PER_S);
	assert_int_equal(world_say(&w, WORLD_ALICE, a, "one word", 8), 0);
	world_run(&w, 12 * KITH_US_PER_S);
	assert_int_equal(epoch_of(&w, WORLD_ALICE, a), 1);
	assert_int_equal(epoch_of(&w, WORLD_BOB, b), 1);
	int since = w.events_n;
	assert_int_equal(world_say(&w, WORLD_BOB, b, "answer", 6), 0);
	world_run(&w, KITH_US_PER_S);
	assert_int_equal(world_events(&w, WORLD_ALICE, KITH_EVENT_DATAGRAM, since), 1);
	core_world_deinit(&w);
}

/* Only the side that was called says anything. */
static void a_flow_from_the_callee_alone_changes_the_keys_too(void **state)
{
	struct core_world w;
	kith_session_id b;
	(void)state;
	world_alice_and_bob(&w);
	kith_session_id a = world_call(&w, WORLD_ALICE, WORLD_BOB, &b);
	for (int i = 0; i < 330; i++) {
		int since = w.events_n;
		assert_int_equal(world_say(&w, WORLD_BOB, b, "news", 4), 0);
		world_run(&w, KITH_US_PER_S);
		assert_int_equal(world_events(&w, WORLD_ALICE, KITH_EVENT_DATAGRAM, since), 1);
		w.events_n = since;
	}
	assert_int_equal(epoch_of(&w, WORLD_ALICE, a), 1);
	assert_int_equal(epoch_of(&w, WORLD_BOB, b), 1);
	core_world_deinit(&w);
}

static void a_session_whose_key_is_used_up_ends_and_says_why(void **state)
{
	struct core_world w;
	kith_session_id b;
	(void)state;
	world_alice_and_bob(&w);
	kith_session_id a = world_call(&w, WORLD_ALICE, WORLD_BOB, &b);
	struct kith_session *s = kith_sessions_get(&w.nodes[WORLD_ALICE].core->sessions, a);
	int since = w.events_n;
	s->tx_counter = KITH_KEY_BLOCKS_MAX * KITH_REKEY_PACKETS;
	assert_int_equal(world_say(&w, WORLD_ALICE, a, "one more", 8), 0);
	const struct world_event *closed = world_event(&w, WORLD_ALICE, KITH_EVENT_CLOSED, since);
	assert_non_null(closed);
	assert_int_equal(closed->ev.reason, KITH_CLOSE_LIMIT);
	assert_null(kith_sessions_get(&w.nodes[WORLD_ALICE].core->sessions, a));
	world_run(&w, KITH_US_PER_S);
	assert_int_equal(world_events(&w, WORLD_BOB, KITH_EVENT_DATAGRAM, since), 0);
	core_world_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_one_end_seals_the_other_opens_once),
		cmocka_unit_test(a_forged_packet_does_not_move_the_replay_window),
		cmocka_unit_test(counter_and_epoch_are_hidden),
		cmocka_unit_test(each_way_of_a_packet_has_other_bytes_and_the_first_one_opens),
		cmocka_unit_test(a_packet_is_bound_to_its_receiver),
		cmocka_unit_test(new_keys_reach_both_ends_and_old_packets_are_still_opened_for_a_while),
		cmocka_unit_test(the_key_is_told_by_the_counter_that_comes_next),
		cmocka_unit_test(the_asker_opens_old_packets_until_it_has_seen_a_new_one),
		cmocka_unit_test(many_changes_of_keys_follow_each_other_from_either_side),
		cmocka_unit_test(of_two_that_ask_at_once_the_lower_device_goes_first),
		cmocka_unit_test(a_request_for_another_epoch_than_the_next_is_refused),
		cmocka_unit_test(an_answer_nobody_asked_for_changes_nothing),
		cmocka_unit_test(both_sides_ask_by_age_the_responder_a_little_later),
		cmocka_unit_test(a_count_that_was_passed_is_not_missed),
		cmocka_unit_test(a_request_that_failed_is_made_again_but_not_at_once),
		cmocka_unit_test(an_answer_that_the_other_never_used_does_not_end_the_changing_of_keys),
		cmocka_unit_test(keys_that_come_into_use_end_a_request_under_way),
		cmocka_unit_test(keys_are_changed_in_an_open_session_only),
		cmocka_unit_test(nothing_is_sealed_beyond_the_limit_of_a_key_or_of_the_counter),
		cmocka_unit_test(a_flow_from_the_callee_alone_changes_the_keys_too),
		cmocka_unit_test(a_session_whose_key_is_used_up_ends_and_says_why),
		cmocka_unit_test(keys_change_while_data_flows_and_nothing_is_lost),
		cmocka_unit_test(keys_change_although_requests_and_answers_for_it_are_lost),
		cmocka_unit_test(who_changed_the_keys_and_fell_silent_still_hears_the_other),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
