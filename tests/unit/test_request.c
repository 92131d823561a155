/* Control requests between two ends, over a way that loses, repeats and reorders. Every request ends exactly once; none
 * is carried out twice. */
#include "path_env.h"
#include "support.h"

#include "base/limits.h"
#include "base/stats.h"
#include "session/request.h"

enum { IN_FLIGHT = 512 };

struct flying {
	kith_time_us at;
	uint64_t order;
	int to;
	uint8_t type;
	uint16_t len;
	uint8_t body[1200];
};

struct end {
	struct kith_requests *rq;
	struct kith_path_env env;
	uint16_t request_id;
	struct kith_outbox ob;
	int done, ok, carried_out;
	uint64_t last_token;
	int last_err;
	size_t last_len;
	uint8_t last_first, last_last;
};

struct pair {
	struct test_alloc alloc;
	struct test_random random;
	struct kith_stats stats;
	struct end end[2];
	struct flying *air;
	int air_n;
	uint64_t order;
	kith_time_us now;
	unsigned loss_percent, copies_percent;
	size_t answer_len;
	bool hold; /* do not answer */
	uint16_t held[KITH_REQUESTS_MAX + 1];
	int held_n;
};

static void pair_init(struct pair *p)
{
	memset(p, 0, sizeof *p);
	test_alloc_init(&p->alloc);
	test_random_init(&p->random, 17);
	p->air = calloc(IN_FLIGHT, sizeof *p->air);
	assert_non_null(p->air);
	for (int i = 0; i < 2; i++) {
		struct end *e = &p->end[i];
		assert_int_equal(kith_outbox_init(&e->ob, &p->alloc.alloc, 256), 0);
		kith_outbox_claim(&e->ob, e, &p->stats);
		e->env = (struct kith_path_env){ .outbox = &e->ob,
						 .random = &p->random.random,
						 .alloc = &p->alloc.alloc,
						 .stats = &p->stats,
						 .session = 1,
						 .request_id = &e->request_id };
	}
}

static void pair_deinit(struct pair *p)
{
	for (int i = 0; i < 2; i++) {
		kith_requests_free(&p->end[i].rq, &p->alloc.alloc);
		kith_outbox_deinit(&p->end[i].ob);
	}
	free(p->air);
	test_alloc_check(&p->alloc);
}

/* Takes the frames of an end and sends each on its own, 10 to 40 ms away. */
static void fly(struct pair *p, int from)
{
	const struct kith_open_packet *open;
	struct kith_packet out[64];
	while ((open = kith_outbox_next_open(&p->end[from].ob)) != NULL) {
		struct kith_reader r = kith_reader_of_span(test_span(open->frames, open->len));
		struct kith_frame f;
		while (kith_frame_next(&r, &f)) {
			unsigned n = test_random_next(&p->random) % 100 < p->loss_percent ? 0 : 1;
			n += test_random_next(&p->random) % 100 < p->copies_percent;
			for (; n > 0; n--) {
				assert_true(p->air_n < IN_FLIGHT);
				struct flying *a = &p->air[p->air_n++];
				a->at = p->now + (kith_time_us)(10000 + test_random_next(&p->random) % 30000);
				a->order = p->order++;
				a->to = 1 - from;
				a->type = f.type;
				a->len = (uint16_t)f.body.len;
				assert_true(f.body.len <= sizeof a->body);
				memcpy(a->body, f.body.p, f.body.len);
			}
		}
		assert_false(r.bad);
	}
	while (kith_outbox_poll(&p->end[from].ob, out, 64) > 0) {}
}

static void answer_now(struct pair *p, int i, uint16_t id)
{
	static uint8_t body[KITH_ANSWER_MAX];
	memset(body, 0x55, sizeof body);
	if (p->answer_len > 0) {
		body[0] = 0xaa;
		body[p->answer_len - 1] = 0xbb;
	}
	kith_request_answer(p->end[i].rq, test_at(&p->end[i].env, p->now), id, KITH_STATUS_OK,
			    test_span(body, p->answer_len), NULL, true);
}

static void ended(struct end *e, const struct kith_answer *a)
{
	e->done++;
	e->ok += a->err == 0;
	e->last_token = a->token;
	e->last_err = a->err;
	e->last_len = a->body.len;
	e->last_first = a->body.len > 0 ? a->body.p[0] : 0;
	e->last_last = a->body.len > 0 ? a->body.p[a->body.len - 1] : 0;
}

static void land(struct pair *p, const struct flying *a)
{
	struct end *e = &p->end[a->to];
	struct kith_answer answer;
	struct kith_request request;
	struct kith_span body = test_span(a->body, a->len);
	if (a->type == KITH_FRAME_ANSWER) {
		if (kith_request_on_answer(e->rq, test_at(&e->env, p->now), body, &answer))
			ended(e, &answer);
	} else if (a->type == KITH_FRAME_ANSWER_MORE) {
		kith_request_on_more(e->rq, &e->env, body);
	} else if (a->type == KITH_FRAME_REQUEST) {
		if (kith_request_on_request(&e->rq, test_at(&e->env, p->now), body, &request) == KITH_REQUEST_NEW) {
			e->carried_out++;
			if (p->hold)
				p->held[p->held_n++ % (KITH_REQUESTS_MAX + 1)] = request.id;
			else
				answer_now(p, a->to, request.id);
		}
	}
	fly(p, a->to);
}

static void run(struct pair *p, kith_time_us us)
{
	kith_time_us end = p->now + us;
	for (;;) {
		int next = -1, due = -1;
		kith_time_us at = end;
		for (int i = 0; i < p->air_n; i++) {
			if (p->air[i].at < at ||
			    (next >= 0 && p->air[i].at == at && p->air[i].order < p->air[next].order)) {
				at = p->air[i].at;
				next = i;
			}
		}
		for (int i = 0; i < 2; i++) {
			kith_time_us d = kith_requests_deadline(p->end[i].rq);
			if (d < at) {
				at = d;
				due = i;
			}
		}
		if (next < 0 && due < 0)
			break;
		p->now = at > p->now ? at : p->now;
		if (due >= 0) {
			struct end *e = &p->end[due];
			struct kith_answer answer;
			while (kith_requests_expired(e->rq, test_at(&e->env, p->now), false, &answer))
				ended(e, &answer);
			kith_requests_tick(&e->rq, test_at(&e->env, p->now));
			fly(p, due);
			kith_time_us after = kith_requests_deadline(e->rq);
			assert_true(after > p->now); /* else it would spin */
		} else {
			struct flying a = p->air[next];
			p->air[next] = p->air[--p->air_n];
			land(p, &a);
		}
	}
	p->now = end;
}

static int ask(struct pair *p, int from, uint64_t token, size_t len)
{
	uint8_t body[KITH_REQUEST_MAX + 1];
	memset(body, 0x33, sizeof body);
	int err = kith_request_send(&p->end[from].rq, test_at(&p->end[from].env, p->now), KITH_REQ_LOOKUP,
				    test_span(body, len), token, 0, KITH_REQUEST_TIMEOUT_US);
	fly(p, from);
	return err;
}

static void an_answer_of_every_size_arrives_whole(void **state)
{
	static const size_t lens[] = { 0, 1, 1023, 1024, 1025, 2048, 5000, KITH_ANSWER_MAX - 1, KITH_ANSWER_MAX };
	(void)state;
	for (unsigned loss = 0; loss <= 40; loss += 20) {
		for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
			struct pair p;
			pair_init(&p);
			p.loss_percent = loss;
			p.copies_percent = 20;
			p.answer_len = lens[i];
			assert_int_equal(ask(&p, 0, 99, i % 2 == 0 ? KITH_REQUEST_MAX : 0), 0);
			run(&p, KITH_REQUEST_TIMEOUT_US + KITH_US_PER_S);
			assert_int_equal(p.end[0].done, 1);
			assert_int_equal(p.end[0].last_token, 99);
			if (loss == 0 || p.end[0].last_err == 0) {
				assert_int_equal(p.end[0].last_err, 0);
				assert_int_equal(p.end[0].last_len, lens[i]);
				assert_int_equal(p.end[0].last_last, lens[i] > 0 ? 0xbb : 0);
				assert_int_equal(p.end[0].last_first, lens[i] > 1 ? 0xaa : lens[i] == 1 ? 0xbb : 0);
			}
			assert_true(p.end[1].carried_out <= 1);
			pair_deinit(&p);
		}
	}
}

static void every_request_ends_once_and_is_carried_out_at_most_once_under_loss(void **state)
{
	struct pair p;
	(void)state;
	pair_init(&p);
	p.loss_percent = 30;
	p.copies_percent = 50;
	p.answer_len = 3000;
	int asked[2] = { 0, 0 };
	for (int i = 0; i < 300; i++) {
		int from = (int)(test_random_next(&p.random) % 2);
		assert_int_equal(ask(&p, from, (uint64_t)i, 10), 0);
		asked[from]++;
		run(&p, (kith_time_us)(test_random_next(&p.random) % 1000000));
	}
	run(&p, 60 * KITH_US_PER_S);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(p.end[i].done, asked[i]);
		assert_true(p.end[i].ok * 10 > asked[i] * 9);
		assert_true(p.end[1 - i].carried_out <= asked[i]);
		assert_true(p.end[1 - i].carried_out >= p.end[i].ok);
		assert_null(p.end[i].rq); /* nothing is held when all is over */
	}
	pair_deinit(&p);
}

static void without_an_answer_a_request_ends_in_time(void **state)
{
	struct pair p;
	(void)state;
	pair_init(&p);
	p.loss_percent = 100;
	assert_int_equal(ask(&p, 0, 5, 10), 0);
	assert_true(kith_requests_busy(p.end[0].rq));
	run(&p, KITH_REQUEST_TIMEOUT_US - 1);
	assert_int_equal(p.end[0].done, 0);
	run(&p, 2);
	assert_int_equal(p.end[0].done, 1);
	assert_int_equal(p.end[0].last_err, KITH_ETIMEDOUT);
	assert_int_equal(p.stats.counter[KITH_STAT_REQUESTS_TIMED_OUT], 1);
	assert_false(kith_requests_busy(p.end[0].rq));
	uint64_t repeats = p.stats.counter[KITH_STAT_REQUESTS_RETRANSMITTED];
	assert_true(repeats >= 3 && repeats <= 8); /* doubling, to 3 s */
	run(&p, 60 * KITH_US_PER_S);
	assert_int_equal(p.stats.counter[KITH_STAT_REQUESTS_RETRANSMITTED], repeats);
	pair_deinit(&p);
}

/* An answerer may remember an id until the count is half of all ids further on: a request under an id that it knows
 * would not be carried out. So ids go on however long nothing was asked, and whatever was given back meanwhile. */
static void ids_never_start_again_while_the_session_lasts(void **state)
{
	struct pair p;
	(void)state;
	pair_init(&p);
	for (uint64_t i = 0; i < 3; i++) {
		assert_int_equal(ask(&p, 0, i, 10), 0);
		run(&p, KITH_US_PER_S);
		assert_int_equal(p.end[0].ok, i + 1);
		assert_null(p.end[0].rq); /* and yet nothing is held for it */
		assert_int_equal(p.end[0].request_id, i + 1);
		run(&p, 3600 * KITH_US_PER_S);
	}
	pair_deinit(&p);
}

static void after_the_last_id_comes_the_first(void **state)
{
	struct pair p;
	(void)state;
	pair_init(&p);
	p.end[0].request_id = UINT16_MAX - 1;
	for (uint64_t i = 0; i < 3; i++) {
		assert_int_equal(ask(&p, 0, i, 10), 0);
		run(&p, KITH_US_PER_S);
		assert_int_equal(p.end[0].ok, i + 1);
	}
	assert_int_equal(p.end[0].request_id, 1);
	assert_int_equal(p.end[1].carried_out, 3);
	pair_deinit(&p);
}

/* Eight are out; those beyond wait for their turn, and each gets it. */
static void more_than_eight_wait_for_their_turn(void **state)
{
	struct pair p;
	(void)state;
	pair_init(&p);
	p.hold = true;
	for (uint64_t i = 0; i < KITH_REQUESTS_MAX + 5; i++)
		assert_int_equal(ask(&p, 0, i, 10), 0);
	run(&p, 200 * KITH_US_PER_MS);
	assert_int_equal(p.end[1].carried_out, KITH_REQUESTS_MAX);
	p.hold = false;
	for (int i = 0; i < KITH_REQUESTS_MAX; i++)
		answer_now(&p, 1, p.held[i]);
	fly(&p, 1);
	run(&p, 2 * KITH_US_PER_S);
	assert_int_equal(p.end[0].ok, KITH_REQUESTS_MAX + 5);
	assert_int_equal(p.end[1].carried_out, KITH_REQUESTS_MAX + 5);
	pair_deinit(&p);
}

static int ask_kind(struct pair *p, uint8_t kind, uint64_t token)
{
	int err = kith_request_send(&p->end[0].rq, test_at(&p->end[0].env, p->now), kind, test_span("body", 4), token,
				    0, KITH_REQUEST_TIMEOUT_US);
	fly(p, 0);
	return err;
}

/* Whoever elected itself may not store a record before the other side has said that it takes it for a supernode; what
 * anybody may ask does not wait. */
static void what_only_supernodes_may_ask_waits_for_the_answer_to_elected(void **state)
{
	struct pair p;
	(void)state;
	pair_init(&p);
	p.hold = true;
	assert_int_equal(ask_kind(&p, KITH_REQ_STORE, 1), 0); /* nobody has to be introduced */
	run(&p, 200 * KITH_US_PER_MS);
	assert_int_equal(p.end[1].carried_out, 1);
	assert_int_equal(ask_kind(&p, KITH_REQ_ELECTED, 2), 0);
	assert_int_equal(ask_kind(&p, KITH_REQ_STORE, 3), 0);
	assert_int_equal(ask_kind(&p, KITH_REQ_GOSSIP, 4), 0);
	assert_int_equal(ask_kind(&p, KITH_REQ_FIND, 5), 0);
	run(&p, 200 * KITH_US_PER_MS);
	assert_int_equal(p.end[1].carried_out, 3); /* STORE, ELECTED, FIND */
	p.hold = false;
	for (int i = 0; i < 3; i++)
		answer_now(&p, 1, p.held[i]);
	fly(&p, 1);
	run(&p, 2 * KITH_US_PER_S);
	assert_int_equal(p.end[0].ok, 5);
	pair_deinit(&p);
}

/* Without an answer they go out when that has ended. */
static void what_waits_for_elected_does_not_wait_for_ever(void **state)
{
	struct pair p;
	(void)state;
	pair_init(&p);
	p.hold = true;
	assert_int_equal(ask_kind(&p, KITH_REQ_ELECTED, 1), 0);
	run(&p, 4 * KITH_US_PER_S);
	assert_int_equal(ask_kind(&p, KITH_REQ_STORE, 2), 0);
	run(&p, 5 * KITH_US_PER_S);
	assert_int_equal(p.end[1].carried_out, 2);
	assert_int_equal(p.end[0].done, 1);
	assert_int_equal(p.end[0].last_token, 1);
	pair_deinit(&p);
}

static void the_queue_of_those_that_wait_has_an_end(void **state)
{
	struct pair p;
	int taken = 0, err;
	(void)state;
	pair_init(&p);
	p.loss_percent = 100;
	while ((err = ask(&p, 0, 1, 10)) == 0)
		taken++;
	assert_int_equal(err, KITH_EFULL);
	assert_int_equal(taken, KITH_REQUESTS_MAX + KITH_REQUESTS_WAITING);
	run(&p, KITH_REQUEST_TIMEOUT_US + KITH_US_PER_S);
	assert_int_equal(p.end[0].done, taken); /* those that waited have the same time as the others */
	pair_deinit(&p);
}

/* Twenty a second, and nobody answers: as many as can be out are, and those that come too late for an answer are not
 * sent only to be given up. */
static void what_waited_too_long_is_not_begun(void **state)
{
	enum { SECONDS = 20, PER_S = 20 };
	struct pair p;
	(void)state;
	pair_init(&p);
	p.loss_percent = 100;
	for (int i = 0; i < SECONDS * PER_S; i++) {
		assert_int_equal(ask(&p, 0, (uint64_t)i, 10), 0);
		run(&p, KITH_US_PER_S / PER_S);
	}
	/* The last eighth of eight seconds is one: no place is taken more often. */
	assert_in_range(p.stats.counter[KITH_STAT_REQUESTS_SENT], KITH_REQUESTS_MAX, KITH_REQUESTS_MAX * (SECONDS - 6));
	run(&p, KITH_REQUEST_TIMEOUT_US);
	assert_int_equal(p.end[0].done, SECONDS * PER_S);
	pair_deinit(&p);
}

static void the_answerer_works_on_eight_at_a_time_and_drops_more(void **state)
{
	struct pair p;
	struct kith_request a;
	uint8_t frame[3] = { 0, 0, KITH_REQ_LOOKUP };
	(void)state;
	pair_init(&p);
	struct end *e = &p.end[1];
	for (uint8_t i = 0; i < KITH_REQUESTS_MAX; i++) {
		frame[1] = i;
		assert_int_equal(kith_request_on_request(&e->rq, test_at(&e->env, 0), test_span(frame, 3), &a),
				 KITH_REQUEST_NEW);
		assert_int_equal(kith_request_on_request(&e->rq, test_at(&e->env, 0), test_span(frame, 3), &a),
				 KITH_REQUEST_REPEATED);
	}
	frame[1] = 77;
	assert_int_equal(kith_request_on_request(&e->rq, test_at(&e->env, 0), test_span(frame, 3), &a),
			 KITH_REQUEST_DROPPED);
	assert_int_equal(p.stats.counter[KITH_STAT_REQUESTS_LIMITED], 1);
	kith_request_answer(e->rq, test_at(&e->env, 0), 3, KITH_STATUS_OK, test_span(NULL, 0), NULL, true);
	assert_int_equal(kith_request_on_request(&e->rq, test_at(&e->env, 0), test_span(frame, 3), &a),
			 KITH_REQUEST_NEW);
	/* What is never answered is forgotten as well. */
	kith_requests_tick(&e->rq, test_at(&e->env, KITH_ANSWER_KEEP_US));
	kith_requests_tick(&e->rq, test_at(&e->env, 2 * KITH_ANSWER_KEEP_US));
	assert_null(e->rq);
	kith_request_answer(e->rq, test_at(&e->env, 0), 3, KITH_STATUS_OK, test_span(NULL, 0), NULL, true);
	pair_deinit(&p);
}

static void answers_kept_for_repetition_are_bounded(void **state)
{
	struct pair p;
	struct kith_request a;
	uint8_t frame[3] = { 0, 0, KITH_REQ_LOOKUP };
	(void)state;
	pair_init(&p);
	struct end *e = &p.end[1];
	p.answer_len = KITH_ANSWER_MAX;
	size_t before = p.alloc.live_bytes;
	p.alloc.peak_bytes = before;
	for (unsigned i = 0; i < 1000; i++) {
		frame[0] = (uint8_t)(i >> 8);
		frame[1] = (uint8_t)i;
		assert_int_equal(kith_request_on_request(&e->rq, test_at(&e->env, 0), test_span(frame, 3), &a),
				 KITH_REQUEST_NEW);
		answer_now(&p, 1, a.id);
		const struct kith_open_packet *open;
		struct kith_packet out[64];
		while ((open = kith_outbox_next_open(&e->ob)) != NULL) {}
		while (kith_outbox_poll(&e->ob, out, 64) > 0) {}
	}
	assert_true(p.alloc.peak_bytes - before < KITH_ANSWERS_KEPT_BYTES + 8192);
	pair_deinit(&p);
}

static void a_request_too_long_or_without_memory_is_refused_and_leaves_nothing(void **state)
{
	struct pair p;
	(void)state;
	pair_init(&p);
	assert_int_equal(ask(&p, 0, 1, KITH_REQUEST_MAX + 1), KITH_EMSGSIZE);
	for (long n = 0; n < 2; n++) {
		p.alloc.fail_after = n;
		assert_int_equal(ask(&p, 0, 1, 10), KITH_ENOMEM);
	}
	p.alloc.fail_after = -1;
	assert_false(kith_requests_busy(p.end[0].rq));
	assert_int_equal(ask(&p, 0, 1, 10), 0);
	p.answer_len = 5000;
	p.alloc.fail_after = 0; /* no room for the answer, on either side */
	run(&p, 400 * KITH_US_PER_MS);
	p.alloc.fail_after = -1;
	run(&p, KITH_REQUEST_TIMEOUT_US);
	assert_int_equal(p.end[0].done, 1);
	pair_deinit(&p);
}

static void what_was_canceled_is_not_heard_of_again(void **state)
{
	struct pair p;
	(void)state;
	pair_init(&p);
	p.hold = true;
	for (uint64_t i = 0; i < KITH_REQUESTS_MAX + 3; i++)
		assert_int_equal(ask(&p, 0, i % 2, 10), 0);
	kith_request_cancel(p.end[0].rq, &p.end[0].env, 1);
	run(&p, 20 * KITH_US_PER_S);
	assert_int_equal(p.end[0].done, (KITH_REQUESTS_MAX + 4) / 2);
	assert_int_equal(p.end[0].last_token, 0);
	kith_request_cancel(NULL, &p.end[0].env, 1);
	pair_deinit(&p);
}

/* All eight are canceled: the tick that finds nothing outstanding starts what waited, and keeps it. */
static void what_waited_is_sent_when_all_before_it_were_canceled(void **state)
{
	struct pair p;
	(void)state;
	pair_init(&p);
	p.loss_percent = 100;
	for (uint64_t i = 0; i <= KITH_REQUESTS_MAX; i++)
		assert_int_equal(ask(&p, 0, i, 10), 0);
	for (uint64_t i = 0; i < KITH_REQUESTS_MAX; i++)
		kith_request_cancel(p.end[0].rq, &p.end[0].env, i);
	p.loss_percent = 0;
	kith_requests_tick(&p.end[0].rq, test_at(&p.end[0].env, p.now));
	assert_non_null(p.end[0].rq);
	fly(&p, 0);
	run(&p, KITH_US_PER_S);
	assert_int_equal(p.end[0].ok, 1);
	assert_int_equal(p.end[0].last_token, KITH_REQUESTS_MAX);
	pair_deinit(&p);
}

static void when_the_session_ends_so_does_every_request(void **state)
{
	struct pair p;
	struct kith_answer answer;
	(void)state;
	pair_init(&p);
	for (uint64_t i = 0; i < KITH_REQUESTS_MAX + 3; i++)
		assert_int_equal(ask(&p, 0, i, 10), 0);
	while (kith_requests_expired(p.end[0].rq, test_at(&p.end[0].env, p.now), true, &answer)) {
		assert_int_equal(answer.err, KITH_ECLOSED);
		ended(&p.end[0], &answer);
	}
	assert_int_equal(p.end[0].done, KITH_REQUESTS_MAX + 3);
	assert_false(kith_requests_expired(NULL, test_at(&p.end[0].env, p.now), true, &answer));
	pair_deinit(&p);
}

/* A request that rides in the handshake is not repeated before the session is up, and the answer may ride back. */
static void a_request_in_a_handshake_is_answered_in_its_reply(void **state)
{
	struct pair p;
	uint8_t first[200], back[200];
	struct kith_frame f;
	struct kith_request a;
	struct kith_answer answer;
	(void)state;
	pair_init(&p);
	struct kith_writer w = kith_writer_of(first, sizeof first);
	assert_int_equal(kith_request_embed(&p.end[0].rq, test_at(&p.end[0].env, 0), KITH_REQ_ATTACH,
					    test_span("body", 4), 3, KITH_REQUEST_TIMEOUT_US, &w),
			 0);
	assert_int_equal(kith_request_embed(&p.end[0].rq, test_at(&p.end[0].env, 0), KITH_REQ_LOOKUP,
					    test_span("more", 4), 4, KITH_REQUEST_TIMEOUT_US, NULL),
			 0);
	assert_true(kith_requests_deadline(p.end[0].rq) >=
		    KITH_REQUEST_TIMEOUT_US); /* the handshake repeats, not this */
	struct kith_reader r = kith_reader_of_span(test_span(first, kith_writer_len(&w)));
	assert_true(kith_frame_next(&r, &f));
	assert_int_equal(kith_request_on_request(&p.end[1].rq, test_at(&p.end[1].env, 0), f.body, &a),
			 KITH_REQUEST_NEW);
	assert_int_equal(a.kind, KITH_REQ_ATTACH);
	assert_memory_equal(a.body.p, "body", 4);
	kith_request_answer(p.end[1].rq, test_at(&p.end[1].env, 0), a.id, KITH_STATUS_OK, test_span("yes", 3), NULL,
			    false);
	w = kith_writer_of(back, sizeof back);
	kith_request_answer_embed(p.end[1].rq, a.id, &w);
	r = kith_reader_of_span(test_span(back, kith_writer_len(&w)));
	assert_true(kith_frame_next(&r, &f));
	assert_int_equal(f.type, KITH_FRAME_ANSWER);
	kith_requests_started(p.end[1].rq, test_at(&p.end[1].env, 0), 0);
	kith_requests_started(p.end[0].rq, test_at(&p.end[0].env, 0), 0);
	assert_true(kith_request_on_answer(p.end[0].rq, test_at(&p.end[0].env, 0), f.body, &answer));
	assert_int_equal(answer.token, 3);
	assert_int_equal(answer.body.len, 3);
	fly(&p, 0);
	run(&p, KITH_US_PER_S);
	assert_int_equal(p.end[0].done, 1); /* the one that did not fit was sent when the session was up */
	assert_int_equal(p.end[0].last_token, 4);
	pair_deinit(&p);
}

/* An answer that was given before the session was up, and was too long for the reply, follows. */
static void an_answer_too_long_for_the_reply_follows_it(void **state)
{
	struct pair p;
	uint8_t first[200], back[200];
	struct kith_frame f;
	struct kith_request a;
	(void)state;
	pair_init(&p);
	p.answer_len = 5000;
	struct kith_writer w = kith_writer_of(first, sizeof first);
	assert_int_equal(kith_request_embed(&p.end[0].rq, test_at(&p.end[0].env, 0), KITH_REQ_ATTACH,
					    test_span("body", 4), 3, KITH_REQUEST_TIMEOUT_US, &w),
			 0);
	struct kith_reader r = kith_reader_of_span(test_span(first, kith_writer_len(&w)));
	assert_true(kith_frame_next(&r, &f));
	assert_int_equal(kith_request_on_request(&p.end[1].rq, test_at(&p.end[1].env, 0), f.body, &a),
			 KITH_REQUEST_NEW);
	static uint8_t body[5000];
	kith_request_answer(p.end[1].rq, test_at(&p.end[1].env, 0), a.id, KITH_STATUS_OK, test_span(body, sizeof body),
			    NULL, false);
	w = kith_writer_of(back, sizeof back);
	kith_request_answer_embed(p.end[1].rq, a.id, &w);
	assert_int_equal(kith_writer_len(&w), 0);
	kith_requests_started(p.end[0].rq, test_at(&p.end[0].env, 0), 0);
	kith_requests_started(p.end[1].rq, test_at(&p.end[1].env, 0), 0);
	fly(&p, 1);
	run(&p, KITH_US_PER_S);
	assert_int_equal(p.end[0].done, 1);
	assert_int_equal(p.end[0].last_len, 5000);
	pair_deinit(&p);
}

static void malformed_frames_change_nothing(void **state)
{
	struct pair p;
	struct kith_answer answer;
	struct kith_request a;
	uint8_t frame[8 + KITH_ANSWER_FRAGMENT] = { 0, 1, 0, 0, 1 };
	(void)state;
	pair_init(&p);
	struct end *e = &p.end[0];
	assert_false(kith_request_on_answer(NULL, test_at(&e->env, 0), test_span(frame, 5), &answer));
	assert_int_equal(ask(&p, 0, 1, 0), 0);
	for (size_t len = 0; len < 5; len++)
		assert_false(kith_request_on_answer(e->rq, test_at(&e->env, 0), test_span(frame, len), &answer));
	static const struct {
		uint8_t index, count;
		size_t len;
	} bad[] = {
		{ 0, 0, 0 },	{ 1, 1, 0 },	{ 0, 17, 1024 },  { 0, 2, 1023 },
		{ 0, 2, 1025 }, { 0, 1, 1025 }, { 255, 255, 10 },
	};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		frame[3] = bad[i].index;
		frame[4] = bad[i].count;
		assert_false(
			kith_request_on_answer(e->rq, test_at(&e->env, 0), test_span(frame, 5 + bad[i].len), &answer));
	}
	frame[3] = 0;
	frame[4] = 1;
	frame[1] = 2; /* an id that was not asked with */
	assert_false(kith_request_on_answer(e->rq, test_at(&e->env, 0), test_span(frame, 5), &answer));
	frame[1] = 1;
	frame[2] = 200; /* a status from the future */
	assert_true(kith_request_on_answer(e->rq, test_at(&e->env, 0), test_span(frame, 5), &answer));
	assert_int_equal(answer.err, KITH_EPROTO);
	for (size_t len = 0; len < 3; len++)
		assert_int_equal(kith_request_on_request(&e->rq, test_at(&e->env, 0), test_span(frame, len), &a),
				 KITH_REQUEST_MALFORMED);
	for (size_t len = 0; len < 8; len++)
		kith_request_on_more(e->rq, &e->env, test_span(frame, len));
	kith_request_on_more(NULL, &e->env, test_span(frame, 4));
	fly(&p, 0);
	pair_deinit(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_of_every_size_arrives_whole),
		cmocka_unit_test(every_request_ends_once_and_is_carried_out_at_most_once_under_loss),
		cmocka_unit_test(without_an_answer_a_request_ends_in_time),
		cmocka_unit_test(ids_never_start_again_while_the_session_lasts),
		cmocka_unit_test(after_the_last_id_comes_the_first),
		cmocka_unit_test(more_than_eight_wait_for_their_turn),
		cmocka_unit_test(what_only_supernodes_may_ask_waits_for_the_answer_to_elected),
		cmocka_unit_test(what_waits_for_elected_does_not_wait_for_ever),
		cmocka_unit_test(the_queue_of_those_that_wait_has_an_end),
		cmocka_unit_test(what_waited_too_long_is_not_begun),
		cmocka_unit_test(the_answerer_works_on_eight_at_a_time_and_drops_more),
		cmocka_unit_test(answers_kept_for_repetition_are_bounded),
		cmocka_unit_test(a_request_too_long_or_without_memory_is_refused_and_leaves_nothing),
		cmocka_unit_test(what_was_canceled_is_not_heard_of_again),
		cmocka_unit_test(what_waited_is_sent_when_all_before_it_were_canceled),
		cmocka_unit_test(when_the_session_ends_so_does_every_request),
		cmocka_unit_test(a_request_in_a_handshake_is_answered_in_its_reply),
		cmocka_unit_test(an_answer_too_long_for_the_reply_follows_it),
		cmocka_unit_test(malformed_frames_change_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
