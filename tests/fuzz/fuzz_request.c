/* One end of a session's control requests, against another that sends what it likes and a clock that runs as it likes.
 *
 * The input is a sequence of steps: a byte that says what, a byte of length, and so many bytes. Asked of it: every request ends exactly once;
 * memory stays within its bounds and is given back; nothing due is left over after a tick. */
#include <stdlib.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/limits.h"
#include "session/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t live;
static volatile uint8_t sink;

static void *counted(void *ctx, void *p, size_t old_len, size_t new_len)
{
	(void)ctx;
	live += new_len;
	live -= old_len;
	if (new_len == 0) {
		free(p);
		return NULL;
	}
	return realloc(p, new_len);
}

static void fill(void *ctx, uint8_t *out, size_t len)
{
	(void)ctx;
	memset(out, 7, len);
}

static const struct kith_alloc alloc = { counted, NULL };
static const struct kith_random rnd = { fill, NULL };

struct run {
	struct kith_requests *rq;
	struct kith_path_env env;
	struct kith_outbox outbox;
	kith_time_us now;
	unsigned asked, ended;
	uint16_t busy[16];
	unsigned busy_n;
};

static void drain(struct run *r)
{
	struct kith_packet out[64];
	while (kith_outbox_next_open(&r->outbox) != NULL) {
	}
	while (kith_outbox_poll(&r->outbox, out, 64) > 0) {
	}
}

static void tick(struct run *r, kith_time_us us)
{
	struct kith_answer a;
	r->now += us;
	kith_requests_tick(&r->rq, &r->env, r->now);
	while (kith_requests_expired(r->rq, &r->env, r->now, false, &a))
		r->ended++;
	drain(r);
	KITH_ASSERT(kith_requests_deadline(r->rq) > r->now);
}

static void answer(struct run *r, uint8_t what, struct kith_span body)
{
	static uint8_t long_body[KITH_ANSWER_MAX];
	if (r->busy_n == 0)
		return;
	uint16_t id = r->busy[what % r->busy_n];
	r->busy[what % r->busy_n] = r->busy[--r->busy_n];
	if (what & 0x80)
		body = (struct kith_span){ long_body, body.len * 70 < sizeof long_body ? body.len * 70 : sizeof long_body };
	kith_request_answer(r->rq, &r->env, r->now, id, what & 3, body, true);
}

static void step(struct run *r, uint8_t what, struct kith_span body)
{
	struct kith_answer a;
	struct kith_ask ask;
	switch (what % 8) {
	case 0:
		if (kith_request_send(&r->rq, &r->env, r->now, KITH_REQ_PING, body, what / 8, 0, KITH_REQUEST_TIMEOUT_US) == 0)
			r->asked++;
		break;
	case 1:
		if (kith_request_on_answer(r->rq, &r->env, r->now, body, &a)) {
			KITH_ASSERT(a.body.len <= KITH_ANSWER_MAX);
			uint8_t sum = 0;
			for (size_t i = 0; i < a.body.len; i++)
				sum = (uint8_t)(sum + a.body.p[i]);
			sink = sum; /* every byte of it can be read */
			r->ended++;
		}
		break;
	case 2:
		if (kith_request_on_request(&r->rq, &r->env, r->now, body, &ask) == KITH_ASK_NEW && r->busy_n < 16)
			r->busy[r->busy_n++] = ask.id;
		break;
	case 3:
		kith_request_on_more(r->rq, &r->env, body);
		break;
	case 4:
		answer(r, what, body);
		break;
	case 5:
		tick(r, (kith_time_us)body.len * 20000);
		break;
	case 6:
		kith_requests_started(r->rq, &r->env, r->now, body.len > 0 ? body.p[0] * 1000 : 0);
		break;
	case 7: /* the first fragment of a long answer to what was asked last, as a genuine one would be */
		if (body.len > 0) {
			uint8_t frame[5 + KITH_ANSWER_FRAGMENT] = { 0, (uint8_t)r->asked, 0, (uint8_t)(body.p[0] % 16), 16 };
			frame[3] = (uint8_t)(body.p[0] % 16);
			if (kith_request_on_answer(r->rq, &r->env, r->now, (struct kith_span){ frame, sizeof frame }, &a))
				r->ended++;
		}
		break;
	default:
		break;
	}
	drain(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct run r = { .now = 1 };
	struct kith_answer a;
	int err = kith_outbox_init(&r.outbox, &alloc, 64);
	KITH_ASSERT(err == 0);
	kith_outbox_claim(&r.outbox, &r, NULL);
	r.env = (struct kith_path_env){ .outbox = &r.outbox, .random = &rnd, .alloc = &alloc, .session = 1 };
	size_t base = live;
	for (size_t at = 0; at + 2 <= size;) {
		uint8_t what = data[at], len = data[at + 1];
		at += 2;
		size_t n = size - at < len ? size - at : len;
		step(&r, what, (struct kith_span){ data + at, n });
		at += n;
		KITH_ASSERT(r.ended <= r.asked);
		KITH_ASSERT(live - base <= KITH_ANSWERS_KEPT_BYTES + (KITH_REQUESTS_MAX + 1) * (KITH_ANSWER_MAX + 256) + KITH_REQUESTS_WAITING * 400 + 8192);
	}
	while (kith_requests_expired(r.rq, &r.env, r.now, true, &a))
		r.ended++;
	KITH_ASSERT(r.ended == r.asked);
	kith_requests_free(&r.rq, &alloc);
	KITH_ASSERT(live == base);
	kith_outbox_deinit(&r.outbox);
	KITH_ASSERT(live == 0);
	return 0;
}
