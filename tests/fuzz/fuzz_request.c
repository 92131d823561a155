/* The control requests of one session under a script: requests of ours, frames of the other side, time, lack of memory.
 * What is held stays within the module's bounds, every request of ours ends exactly once, those that wait get their
 * turn as soon as there is one, and in the end nothing is left.
 *
 * Each request of ours carries its number as its token and as its first bytes. */
#include "fuzz_support.h"
#include "path_env.h"

#include "base/limits.h"
#include "session/request.h"

enum {
	TOKENS = 1024,
	/* Bodies and pieces of answers of those outstanding, what waits, answers kept, the answer last handed out. */
	BYTES_MAX = KITH_REQUESTS_MAX * (KITH_REQUEST_MAX + KITH_ANSWER_MAX) +
		    KITH_REQUESTS_WAITING * (KITH_REQUEST_MAX + 64) + KITH_ANSWERS_KEPT_BYTES + KITH_ANSWER_MAX + 4096
};

enum token_state { TOKEN_UNUSED, TOKEN_OUT, TOKEN_ENDED };

static struct {
	struct fz_alloc alloc, outbox_alloc;
	struct fz_random random;
	struct kith_stats stats;
	struct kith_outbox ob;
	struct kith_path_env env;
	uint16_t request_id;
	struct kith_requests *rq;
	kith_time_us now;
	uint8_t state[TOKENS];
	bool sent[TOKENS], embedded[TOKENS];
	unsigned tokens, out;
} f;

static void collect(void)
{
	const struct kith_open_packet *open;
	struct kith_packet ready[16];
	while ((open = kith_outbox_next_open(&f.ob)) != NULL) {
		struct kith_reader r = kith_reader_of(open->frames, open->len);
		struct kith_frame frame;
		while (kith_frame_next(&r, &frame)) {
			KITH_ASSERT(frame.type == KITH_FRAME_REQUEST || frame.type == KITH_FRAME_ANSWER ||
				    frame.type == KITH_FRAME_ANSWER_MORE);
			if (frame.type != KITH_FRAME_REQUEST)
				continue;
			struct kith_reader body = kith_reader_of_span(frame.body);
			(void)kith_read(&body, 3);
			unsigned token = kith_read_u16(&body);
			KITH_ASSERT(token < TOKENS && f.state[token] == TOKEN_OUT);
			f.sent[token] = true;
		}
		KITH_ASSERT(!r.bad);
	}
	while (kith_outbox_poll(&f.ob, ready, 16) > 0) {}
}

static void ended(const struct kith_answer *a)
{
	KITH_ASSERT(a->token < TOKENS && f.state[a->token] == TOKEN_OUT);
	KITH_ASSERT(a->err == 0 || a->err < 0);
	fz_touch(a->body);
	f.state[a->token] = TOKEN_ENDED;
	f.out--;
}

/* Of those outstanding as many were sent as there are slots. Without memory they may have to wait longer. */
static void check_turns(void)
{
	unsigned begun = 0;
	for (unsigned i = 0; i < f.tokens; i++)
		begun += f.state[i] == TOKEN_OUT && (f.sent[i] || f.embedded[i]);
	KITH_ASSERT(f.alloc.failed || begun >= (f.out < KITH_REQUESTS_MAX ? f.out : KITH_REQUESTS_MAX));
}

static void tick(void)
{
	struct kith_answer a;
	for (int i = 0; i < 2 && kith_requests_deadline(f.rq) <= f.now;
	     i++) { /* twice: what fell empty is freed the next time */
		kith_requests_tick(&f.rq, test_at(&f.env, f.now));
		collect();
		while (kith_requests_expired(f.rq, test_at(&f.env, f.now), false, &a))
			ended(&a);
		collect();
	}
	KITH_ASSERT(f.alloc.failed || kith_requests_deadline(f.rq) > f.now);
}

static void pass(kith_time_us us)
{
	kith_time_us end = f.now + us;
	for (int i = 0; i < 10000 && kith_requests_deadline(f.rq) <= end; i++) {
		kith_time_us at = kith_requests_deadline(f.rq);
		f.now = at > f.now ? at : f.now + 1; /* without memory it is tried again and again */
		tick();
	}
	f.now = end > f.now ? end : f.now;
}

static void ask(struct kith_reader *r, bool embed)
{
	uint8_t body[KITH_REQUEST_MAX + 16] = { 0 }, payload[KITH_FRAMES_MAX];
	if (f.tokens == TOKENS)
		return;
	unsigned token = f.tokens;
	size_t len = kith_read_u16(r) % (sizeof body + 1);
	len = len < 2 ? 2 : len;
	kith_time_us timeout_us = fz_step_us(kith_read_u8(r)), rtt_us = fz_step_us(kith_read_u8(r)) % KITH_US_PER_S;
	body[0] = (uint8_t)(token >> 8);
	body[1] = (uint8_t)token;
	const struct kith_span span = { body, len };
	bool in_payload = embed && (kith_read_u8(r) & 1);
	struct kith_writer w = kith_writer_of(payload, sizeof payload);
	f.state[token] = TOKEN_OUT; /* before: it is sent within the call */
	f.tokens++;
	f.out++;
	int err = embed ? kith_request_embed(&f.rq, test_at(&f.env, f.now), KITH_REQ_LOOKUP, span, token, timeout_us,
					     in_payload ? &w : NULL)
			: kith_request_send(&f.rq, test_at(&f.env, f.now), KITH_REQ_LOOKUP, span, token, rtt_us,
					    timeout_us);
	f.embedded[token] = embed;
	KITH_ASSERT(err == 0 || err == KITH_EFULL || err == KITH_ENOMEM || err == KITH_EMSGSIZE);
	KITH_ASSERT((err == KITH_EMSGSIZE) == (len > KITH_REQUEST_MAX) && (err != KITH_ENOMEM || f.alloc.failed));
	if (err == 0)
		return;
	KITH_ASSERT(!f.sent[token]);
	f.state[token] = TOKEN_ENDED;
	f.out--;
}

static void answer(struct kith_reader *r)
{
	static const uint8_t bytes[KITH_ANSWER_MAX] = { 1, 2, 3 };
	uint8_t payload[KITH_FRAMES_MAX];
	uint16_t id = kith_read_u16(r);
	size_t len = kith_read_u16(r) % (KITH_ANSWER_MAX + 1);
	uint8_t how = kith_read_u8(r);
	kith_request_answer(f.rq, test_at(&f.env, f.now), id, how >> 4,
			    (struct kith_span){ len > 0 ? bytes : NULL, len }, NULL, how & 1);
	if (how & 2) {
		struct kith_writer w = kith_writer_of(payload, sizeof payload);
		kith_request_answer_embed(f.rq, id, &w);
		KITH_ASSERT(!w.bad);
	}
}

static void step(struct kith_reader *r)
{
	struct kith_answer a;
	struct kith_request asked;
	uint8_t op = kith_read_u8(r);
	switch (op % 10) {
	case 0:
	case 1:
		ask(r, op % 10 == 1);
		break;
	case 2: {
		uint64_t token = kith_read_u16(r);
		kith_request_cancel(f.rq, &f.env, token);
		if (token < TOKENS && f.state[token] == TOKEN_OUT) {
			f.state[token] = TOKEN_ENDED;
			f.out--;
		}
		break;
	}
	case 3:
		if (kith_request_on_answer(f.rq, test_at(&f.env, f.now), fz_block(r, KITH_FRAMES_MAX), &a))
			ended(&a);
		break;
	case 4: { /* a fragment of full length, which a script would seldom hit on */
		uint8_t body[5 + KITH_ANSWER_FRAGMENT] = { 0 };
		kith_read_bytes(r, body, 5);
		if (kith_request_on_answer(f.rq, test_at(&f.env, f.now), (struct kith_span){ body, sizeof body }, &a))
			ended(&a);
		break;
	}
	case 5: {
		struct kith_span body = fz_block(r, KITH_FRAMES_MAX);
		if (kith_request_on_request(&f.rq, test_at(&f.env, f.now), body, &asked) == KITH_REQUEST_NEW)
			KITH_ASSERT(fz_within(asked.body, body));
		break;
	}
	case 6:
		answer(r);
		break;
	case 7:
		kith_request_on_more(f.rq, &f.env, fz_block(r, 16));
		break;
	case 8:
		kith_requests_started(f.rq, test_at(&f.env, f.now), fz_step_us(kith_read_u8(r)) % KITH_US_PER_S);
		break;
	default:
		pass(fz_step_us(kith_read_u8(r)));
		check_turns();
		break;
	}
	collect();
	KITH_ASSERT(f.alloc.live_bytes <= BYTES_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct kith_reader r = kith_reader_of(data, size);
	struct kith_answer a;
	if (f.ob.slots == NULL) {
		fz_alloc_init(&f.outbox_alloc);
		int err =
			kith_outbox_init(&f.ob, &f.outbox_alloc.alloc, 1024); /* room for all that one call can write */
		KITH_ASSERT(err == 0);
	}
	fz_alloc_init(&f.alloc);
	fz_random_init(&f.random, 1);
	memset(&f.stats, 0, sizeof f.stats);
	memset(f.state, 0, sizeof f.state);
	memset(f.sent, 0, sizeof f.sent);
	memset(f.embedded, 0, sizeof f.embedded);
	f.tokens = f.out = 0;
	f.now = KITH_US_PER_S;
	kith_outbox_claim(&f.ob, &f, &f.stats);
	f.request_id = 0;
	f.env = (struct kith_path_env){ .outbox = &f.ob,
					.random = &f.random.random,
					.alloc = &f.alloc.alloc,
					.stats = &f.stats,
					.session = 1,
					.request_id = &f.request_id };
	uint8_t fail = kith_read_u8(&r);
	f.alloc.fail_after = fail < 200 ? -1 : fail - 200;
	for (int i = 0; i < 600 && kith_reader_left(&r) > 0; i++)
		step(&r);
	f.alloc.fail_after = -1;
	if (size % 2 == 0) { /* the session ends */
		while (kith_requests_expired(f.rq, test_at(&f.env, f.now), true, &a))
			ended(&a);
		KITH_ASSERT(f.out == 0);
		kith_requests_free(&f.rq, &f.alloc.alloc);
	} else { /* or nothing is heard any more */
		for (int i = 0; i < 10 && f.rq != NULL; i++)
			pass(600 * KITH_US_PER_S);
		KITH_ASSERT(f.out == 0);
	}
	KITH_ASSERT(f.rq == NULL && f.alloc.live_bytes == 0 && f.stats.counter[KITH_STAT_OUTBOX_FULL] == 0);
	return 0;
}
