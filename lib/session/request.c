#include "session/request.h"

#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/stats.h"
#include "session/kept.h"

enum {
	FRAGMENTS_MAX = KITH_ANSWER_MAX / KITH_ANSWER_FRAGMENT,
	/* times that an answer is repeated: an honest asker asks eight times while it is kept, and one packet holds a
	 * hundred frames */
	REPEATS_MAX = 16,
	/* The last part of its time, in which a request is not begun any more: what is asked too late for an answer
	 * delays those behind it, and when all that wait are late, nothing would slow them down. */
	LATE_PART = 8,
	REQUEST_FRAME_HEADER = 3, /* id, kind */
	ANSWER_FRAME_HEADER = 5 /* id, status, index, count */
};

KITH_STATIC_ASSERT(FRAGMENTS_MAX == 16, "the missing bitmap of ANSWER_MORE has 16 bits");
KITH_STATIC_ASSERT(REQUEST_FRAME_HEADER + KITH_REQUEST_MAX + KITH_FRAME_HEADER <= KITH_FRAMES_MAX,
		   "a request fits a packet");
KITH_STATIC_ASSERT(KITH_REQUEST_MAX <= UINT16_MAX && KITH_ANSWER_MAX <= UINT16_MAX, "lengths are kept in 16 bits");

/* A request of ours. */
struct asked {
	/* held: travels in a handshake, or waits for its end, repeated only then. unsent: not even that */
	bool held, unsent;
	uint8_t kind, tries, status;
	uint16_t id;
	uint64_t token;
	kith_time_us next_at, retry_us, give_up_at;
	uint8_t *body;
	uint8_t *answer; /* count x KITH_ANSWER_FRAGMENT */
	uint16_t len, last_len, got; /* of the body; of the answer's last fragment; bitmap of its fragments */
	uint8_t count; /* fragments of the answer; 0 = none came yet */
};

/* A request of ours that waits until one of those outstanding has ended. */
struct waiting {
	struct waiting *next;
	uint64_t token;
	kith_time_us retry_us, start_by, give_up_at;
	uint16_t len;
	uint8_t kind;
	uint8_t body[];
};

/* A request of the other side. */
struct work {
	bool answered;
	uint8_t status, repeats; /* repeats: of the answer, whole or in part */
	bool waits; /* answered before the session was up, and not embedded in the reply */
	uint16_t id;
	struct kith_kept *answer; /* NULL: it is empty, or there is none yet */
	kith_time_us keep_until;
};

struct kith_requests {
	struct asked *asked[KITH_REQUESTS_MAX]; /* NULL: the slot is free */
	struct work *work[KITH_REQUESTS_MAX];
	struct waiting *first, **last; /* FIFO */
	uint32_t waiting_n;
	bool resume; /* a slot fell free while some wait: the next tick, at once, starts them */
	size_t kept_bytes;
	uint8_t *finished; /* the answer last handed out, freed at the next call */
	size_t finished_len;
};

static struct kith_requests *get(struct kith_requests **rq, const struct kith_path_env *env)
{
	if (*rq == NULL)
		*rq = KITH_NEW(env->alloc, struct kith_requests);
	if (*rq != NULL && (*rq)->last == NULL)
		(*rq)->last = &(*rq)->first;
	return *rq;
}

static void drop_finished(struct kith_requests *rq, const struct kith_alloc *alloc)
{
	kith_alloc_free(alloc, rq->finished, rq->finished_len);
	rq->finished = NULL;
	rq->finished_len = 0;
}

static void drop_asked(struct asked **slot, const struct kith_alloc *alloc)
{
	struct asked *a = *slot;
	*slot = NULL;
	if (a == NULL)
		return;
	kith_alloc_free(alloc, a->body, a->len);
	kith_alloc_free(alloc, a->answer, (size_t)a->count * KITH_ANSWER_FRAGMENT);
	KITH_FREE(alloc, a);
}

static void drop_work(struct kith_requests *rq, struct work **slot, const struct kith_alloc *alloc)
{
	struct work *w = *slot;
	*slot = NULL;
	if (w == NULL)
		return;
	rq->kept_bytes -= kith_kept_bytes(w->answer);
	kith_kept_free(w->answer, alloc);
	KITH_FREE(alloc, w);
}

int kith_status_err(uint8_t status)
{
	switch (status) {
#define KITH_STATUS_CASE(name, value, err)                                                                             \
	case value:                                                                                                    \
		return err;
		KITH_STATUS_MAP(KITH_STATUS_CASE)
#undef KITH_STATUS_CASE
	default:
		return KITH_EPROTO;
	}
}

static void emit_request(const struct kith_path_env *env, const struct asked *a)
{
	struct kith_writer *w = kith_outbox_begin(env->outbox, env->session, NULL, 0, KITH_FRAME_REQUEST,
						  REQUEST_FRAME_HEADER + a->len);
	kith_write_u16(w, a->id);
	kith_write_u8(w, a->kind);
	kith_write_bytes(w, a->body, a->len);
	kith_outbox_end(env->outbox);
}

/* A slot with the body copied in, or an error. */
static int make_asked(struct kith_requests **rq, const struct kith_path_env *env, uint8_t kind, struct kith_span body,
		      struct asked **out)
{
	if (body.len > KITH_REQUEST_MAX)
		return KITH_EMSGSIZE;
	if (get(rq, env) == NULL)
		return KITH_ENOMEM;
	struct asked **slot = (*rq)->asked, **end = slot + KITH_REQUESTS_MAX;
	while (slot < end && *slot != NULL)
		slot++;
	if (slot == end)
		return KITH_EFULL;
	struct asked *a = KITH_NEW(env->alloc, struct asked);
	if (a == NULL)
		return KITH_ENOMEM;
	if (body.len > 0) {
		a->body = kith_alloc_resize(env->alloc, NULL, 0, body.len);
		if (a->body == NULL) {
			KITH_FREE(env->alloc, a);
			return KITH_ENOMEM;
		}
		memcpy(a->body, body.p, body.len);
	}
	a->len = (uint16_t)body.len;
	a->kind = kind;
	a->id = ++*env->request_id;
	*slot = *out = a;
	return 0;
}

static kith_time_us retry_after(kith_time_us rtt_us)
{
	return rtt_us > 0 ? 2 * rtt_us + 50 * KITH_US_PER_MS : KITH_REQUEST_RETRY_US;
}

static size_t waiting_size(const struct waiting *w)
{
	return sizeof *w + w->len;
}

/* Whether it has to wait for the answer to ELECTED, which says that we may ask what supernodes may. */
static bool is_early(const struct kith_requests *rq, uint8_t kind)
{
	const char *askers = kith_request_askers(kind);
	bool waits = false;
	for (size_t i = 0; rq != NULL && i < KITH_REQUESTS_MAX; i++)
		waits = waits || (rq->asked[i] != NULL && rq->asked[i]->kind == KITH_REQ_ELECTED);
	return waits && askers != NULL && strchr(askers, 'S') != NULL;
}

static struct waiting *take_waiting(struct kith_requests *rq)
{
	struct waiting *w = rq->first;
	if (w == NULL)
		return NULL;
	rq->first = w->next;
	if (rq->first == NULL)
		rq->last = &rq->first;
	rq->waiting_n--;
	return w;
}

/* Takes out and frees the one that p leads to. */
static void drop_waiting(struct kith_requests *rq, struct waiting **p, const struct kith_alloc *alloc)
{
	struct waiting *w = *p;
	*p = w->next;
	if (*p == NULL)
		rq->last = p;
	rq->waiting_n--;
	kith_alloc_free(alloc, w, waiting_size(w));
}

static int wait_for_slot(struct kith_requests *rq, const struct kith_path_env *env, uint8_t kind, struct kith_span body,
			 uint64_t token, kith_time_us retry_us, kith_time_us give_up_at)
{
	if (rq->waiting_n == KITH_REQUESTS_WAITING)
		return KITH_EFULL;
	struct waiting *w = kith_alloc_zero(env->alloc, sizeof *w + body.len);
	if (w == NULL)
		return KITH_ENOMEM;
	w->kind = kind;
	w->len = (uint16_t)body.len;
	w->token = token;
	w->retry_us = retry_us;
	w->give_up_at = give_up_at;
	w->start_by = give_up_at - (give_up_at - env->now) / LATE_PART;
	if (body.len > 0)
		memcpy(w->body, body.p, body.len);
	*rq->last = w;
	rq->last = &w->next;
	rq->waiting_n++;
	return 0;
}

static void start(const struct kith_path_env *env, struct asked *a, uint64_t token, kith_time_us retry_us,
		  kith_time_us give_up_at)
{
	a->token = token;
	a->retry_us = retry_us;
	a->next_at = env->now + retry_us;
	a->give_up_at = give_up_at;
	emit_request(env, a);
	kith_stats_add(env->stats, KITH_STAT_REQUESTS_SENT, 1);
}

/* Starts requests that wait, as far as slots are free. */
static void start_waiting(struct kith_requests *rq, const struct kith_path_env *env)
{
	struct asked *a;
	while (rq->first != NULL && !is_early(rq, rq->first->kind)) {
		struct waiting *w = rq->first;
		if (make_asked(&rq, env, w->kind, (struct kith_span){ w->body, w->len }, &a) != 0)
			return;
		start(env, a, w->token, w->retry_us, w->give_up_at);
		(void)take_waiting(rq);
		kith_alloc_free(env->alloc, w, waiting_size(w));
	}
}

int kith_request_send(struct kith_requests **rq, const struct kith_path_env *env, uint8_t kind, struct kith_span body,
		      uint64_t token, kith_time_us rtt_us, kith_time_us timeout_us)
{
	struct asked *a;
	kith_time_us retry_us = retry_after(rtt_us), give_up_at = env->now + timeout_us;
	int err = is_early(*rq, kind) ? KITH_EFULL : make_asked(rq, env, kind, body, &a);
	if (err == KITH_EFULL)
		return wait_for_slot(*rq, env, kind, body, token, retry_us, give_up_at);
	if (err == 0)
		start(env, a, token, retry_us, give_up_at);
	return err;
}

static void write_request(struct kith_writer *w, const struct asked *a)
{
	uint8_t *mark = kith_frame_begin(w, KITH_FRAME_REQUEST);
	kith_write_u16(w, a->id);
	kith_write_u8(w, a->kind);
	kith_write_bytes(w, a->body, a->len);
	kith_frame_end(w, mark);
}

int kith_request_embed(struct kith_requests **rq, const struct kith_path_env *env, uint8_t kind, struct kith_span body,
		       uint64_t token, kith_time_us timeout_us, struct kith_writer *w)
{
	struct asked *a;
	int err = is_early(*rq, kind) ? KITH_EFULL : make_asked(rq, env, kind, body, &a);
	if (err == KITH_EFULL && w == NULL)
		return wait_for_slot(*rq, env, kind, body, token, KITH_REQUEST_RETRY_US, env->now + timeout_us);
	if (err != 0)
		return err;
	a->token = token;
	a->held = true;
	a->next_at = KITH_TIME_NEVER;
	a->give_up_at = env->now + timeout_us;
	if (w != NULL)
		write_request(w, a);
	else
		a->unsent = true;
	kith_stats_add(env->stats, KITH_STAT_REQUESTS_SENT, 1);
	return 0;
}

void kith_requests_embed_again(struct kith_requests *rq, struct kith_writer *w)
{
	bool written = false;
	for (size_t i = 0; rq != NULL && i < KITH_REQUESTS_MAX; i++) {
		struct asked *a = rq->asked[i];
		if (a == NULL || !a->held)
			continue;
		a->unsent = written || kith_writer_space(w) < KITH_FRAME_HEADER + 3 + (size_t)a->len;
		if (a->unsent)
			continue;
		write_request(w, a);
		written = true;
	}
}

void kith_request_cancel(struct kith_requests *rq, const struct kith_path_env *env, uint64_t token)
{
	if (rq == NULL)
		return;
	for (size_t i = 0; i < KITH_REQUESTS_MAX; i++) {
		if (rq->asked[i] != NULL && rq->asked[i]->token == token)
			drop_asked(&rq->asked[i], env->alloc);
	}
	for (struct waiting **p = &rq->first; *p != NULL;) {
		if ((*p)->token == token)
			drop_waiting(rq, p, env->alloc);
		else
			p = &(*p)->next;
	}
	rq->resume = rq->first != NULL;
}

static struct asked **find_asked(struct kith_requests *rq, uint16_t id)
{
	for (size_t i = 0; i < KITH_REQUESTS_MAX; i++) {
		if (rq->asked[i] != NULL && rq->asked[i]->id == id)
			return &rq->asked[i];
	}
	return NULL;
}

static struct work *find_work(struct kith_requests *rq, uint16_t id)
{
	for (size_t i = 0; rq != NULL && i < KITH_REQUESTS_MAX; i++) {
		if (rq->work[i] != NULL && rq->work[i]->id == id)
			return rq->work[i];
	}
	return NULL;
}

/* Takes a fragment in. True when the answer is whole. */
static bool take_fragment(struct asked *a, const struct kith_alloc *alloc, uint8_t index, uint8_t count,
			  struct kith_span bytes)
{
	if (count == 0 || count > FRAGMENTS_MAX || index >= count || bytes.len > KITH_ANSWER_FRAGMENT)
		return false;
	if (index + 1 < count && bytes.len != KITH_ANSWER_FRAGMENT)
		return false;
	if (a->count == 0) {
		a->answer = kith_alloc_resize(alloc, NULL, 0, (size_t)count * KITH_ANSWER_FRAGMENT);
		if (a->answer == NULL)
			return false;
		a->count = count;
	}
	if (a->count != count)
		return false;
	if (bytes.len > 0)
		memcpy(a->answer + (size_t)index * KITH_ANSWER_FRAGMENT, bytes.p, bytes.len);
	if (index + 1 == count)
		a->last_len = (uint16_t)bytes.len;
	a->got = (uint16_t)(a->got | 1u << index);
	return a->got == (uint16_t)((1u << count) - 1);
}

/* Moves a whole answer out of its slot into rq->finished. */
static void finish(struct kith_requests *rq, struct asked **slot, const struct kith_alloc *alloc,
		   struct kith_answer *out)
{
	struct asked *a = *slot;
	*out = (struct kith_answer){
		.token = a->token, .kind = a->kind, .status = a->status, .err = kith_status_err(a->status)
	};
	out->body = (struct kith_span){ a->answer, (size_t)(a->count - 1) * KITH_ANSWER_FRAGMENT + a->last_len };
	rq->finished = a->answer;
	rq->finished_len = (size_t)a->count * KITH_ANSWER_FRAGMENT;
	a->answer = NULL;
	a->count = 0;
	drop_asked(slot, alloc);
}

bool kith_request_on_answer(struct kith_requests *rq, const struct kith_path_env *env, struct kith_span body,
			    struct kith_answer *out)
{
	struct kith_reader r = kith_reader_of_span(body);
	uint16_t id = kith_read_u16(&r);
	uint8_t status = kith_read_u8(&r);
	uint8_t index = kith_read_u8(&r), count = kith_read_u8(&r);
	struct kith_span bytes = kith_read_rest(&r);
	if (r.bad || rq == NULL)
		return false;
	drop_finished(rq, env->alloc);
	struct asked **slot = find_asked(rq, id);
	if (slot == NULL)
		return false;
	struct asked *a = *slot;
	a->status = status;
	if (take_fragment(a, env->alloc, index, count, bytes)) {
		finish(rq, slot, env->alloc, out);
		start_waiting(rq, env);
		return true;
	}
	if (!a->held && a->next_at < env->now + a->retry_us) /* more is coming: do not ask for it yet */
		a->next_at = env->now + a->retry_us;
	return false;
}

static void emit_fragment(const struct kith_path_env *env, const struct work *w, unsigned index, unsigned count)
{
	size_t at = (size_t)index * KITH_ANSWER_FRAGMENT;
	size_t left = kith_kept_len(w->answer) - at, len = left < KITH_ANSWER_FRAGMENT ? left : KITH_ANSWER_FRAGMENT;
	struct kith_writer *out =
		kith_outbox_begin(env->outbox, env->session, NULL, 0, KITH_FRAME_ANSWER, ANSWER_FRAME_HEADER + len);
	kith_write_u16(out, w->id);
	kith_write_u8(out, w->status);
	kith_write_u8(out, (uint8_t)index);
	kith_write_u8(out, (uint8_t)count);
	if (len > 0) /* an empty answer has no bytes to point at */
		kith_kept_write(w->answer, at, len, out);
	kith_outbox_end(env->outbox);
}

static unsigned fragments(const struct work *w)
{
	const size_t len = kith_kept_len(w->answer);
	return len == 0 ? 1 : (unsigned)((len + KITH_ANSWER_FRAGMENT - 1) / KITH_ANSWER_FRAGMENT);
}

static bool may_repeat(struct work *w)
{
	if (w->repeats == REPEATS_MAX)
		return false;
	w->repeats++;
	return true;
}

static void emit_answer(const struct kith_path_env *env, const struct work *w, uint16_t missing)
{
	unsigned count = fragments(w);
	for (unsigned i = 0; i < count; i++) {
		if (missing & 1u << i)
			emit_fragment(env, w, i, count);
	}
}

void kith_requests_started(struct kith_requests *rq, const struct kith_path_env *env, kith_time_us rtt_us)
{
	for (size_t i = 0; rq != NULL && i < KITH_REQUESTS_MAX; i++) {
		struct asked *a = rq->asked[i];
		struct work *w = rq->work[i];
		if (w != NULL && w->answered && w->waits) {
			w->waits = false;
			emit_answer(env, w, UINT16_MAX);
		}
		if (a == NULL || !a->held)
			continue;
		a->held = false;
		a->retry_us = retry_after(rtt_us);
		if (a->unsent)
			emit_request(env, a);
		a->unsent = false;
		a->next_at = env->now + a->retry_us;
	}
}

/* The answered slot that was kept longest, NULL if all are free or being worked on. */
static struct work **oldest_answered(struct kith_requests *rq)
{
	struct work **oldest = NULL;
	for (size_t i = 0; i < KITH_REQUESTS_MAX; i++) {
		struct work **w = &rq->work[i];
		if (*w != NULL && (*w)->answered && (oldest == NULL || (*w)->keep_until < (*oldest)->keep_until))
			oldest = w;
	}
	return oldest;
}

static struct work *new_work(struct kith_requests *rq, const struct kith_alloc *alloc)
{
	struct work **slot = rq->work, **end = slot + KITH_REQUESTS_MAX;
	while (slot < end && *slot != NULL)
		slot++;
	if (slot == end)
		slot = oldest_answered(rq);
	if (slot == NULL)
		return NULL;
	drop_work(rq, slot, alloc);
	return *slot = KITH_NEW(alloc, struct work);
}

enum kith_request_verdict kith_request_on_request(struct kith_requests **rq, const struct kith_path_env *env,
						  struct kith_span body, struct kith_request *out)
{
	struct kith_reader r = kith_reader_of_span(body);
	out->id = kith_read_u16(&r);
	out->kind = kith_read_u8(&r);
	out->body = kith_read_rest(&r);
	if (r.bad)
		return KITH_REQUEST_MALFORMED;
	struct work *known = find_work(*rq, out->id);
	if (known != NULL) {
		if (known->answered && may_repeat(known)) {
			emit_answer(env, known, UINT16_MAX);
			kith_stats_add(env->stats, KITH_STAT_REQUESTS_DUPLICATE, 1);
		}
		return KITH_REQUEST_REPEATED;
	}
	struct work *w = get(rq, env) != NULL ? new_work(*rq, env->alloc) : NULL;
	if (w == NULL) {
		kith_stats_add(env->stats, KITH_STAT_REQUESTS_LIMITED, 1);
		return KITH_REQUEST_DROPPED;
	}
	w->id = out->id;
	w->keep_until = env->now + KITH_ANSWER_KEEP_US; /* a request that is never answered is forgotten too */
	return KITH_REQUEST_NEW;
}

/* Stores the answer for repetition; without memory an empty FAILED is kept. */
static void keep_answer(struct kith_requests *rq, const struct kith_alloc *alloc, struct work *w, uint8_t status,
			struct kith_span body, const struct kith_kept_stretches *stretches)
{
	struct work **old;
	while (rq->kept_bytes + body.len > KITH_ANSWERS_KEPT_BYTES && (old = oldest_answered(rq)) != NULL)
		drop_work(rq, old, alloc);
	w->answered = true;
	w->status = status;
	if (body.len > 0 && (w->answer = kith_kept_new(alloc, body, stretches)) == NULL)
		w->status = KITH_STATUS_FAILED;
	rq->kept_bytes += kith_kept_bytes(w->answer);
}

void kith_request_answer(struct kith_requests *rq, const struct kith_path_env *env, uint16_t id, uint8_t status,
			 struct kith_span body, const struct kith_kept_stretches *stretches, bool send)
{
	KITH_ASSERT(body.len <= KITH_ANSWER_MAX);
	struct work *w = find_work(rq, id);
	if (w == NULL || w->answered)
		return;
	w->keep_until = env->now + KITH_ANSWER_KEEP_US;
	keep_answer(rq, env->alloc, w, status, body, stretches);
	w->waits = !send;
	if (send)
		emit_answer(env, w, UINT16_MAX);
}

void kith_request_answer_embed(struct kith_requests *rq, uint16_t id, struct kith_writer *w)
{
	struct work *work = find_work(rq, id);
	const size_t len = work != NULL ? kith_kept_len(work->answer) : 0;
	if (work == NULL || !work->answered || len > KITH_ANSWER_FRAGMENT ||
	    kith_writer_space(w) < KITH_FRAME_HEADER + ANSWER_FRAME_HEADER + len)
		return;
	uint8_t *mark = kith_frame_begin(w, KITH_FRAME_ANSWER);
	kith_write_u16(w, work->id);
	kith_write_u8(w, work->status);
	kith_write_u8(w, 0);
	kith_write_u8(w, 1);
	if (len > 0)
		kith_kept_write(work->answer, 0, len, w);
	kith_frame_end(w, mark);
	work->waits = false;
}

void kith_request_on_more(struct kith_requests *rq, const struct kith_path_env *env, struct kith_span body)
{
	struct kith_reader r = kith_reader_of_span(body);
	uint16_t id = kith_read_u16(&r), missing = kith_read_u16(&r);
	struct work *w = r.bad ? NULL : find_work(rq, id);
	if (w != NULL && w->answered && may_repeat(w))
		emit_answer(env, w, missing);
}

bool kith_requests_busy(const struct kith_requests *rq)
{
	bool busy = false;
	for (size_t i = 0; rq != NULL && i < KITH_REQUESTS_MAX; i++)
		busy = busy || rq->asked[i] != NULL;
	return busy;
}

static kith_time_us earlier(kith_time_us a, kith_time_us b)
{
	return a < b ? a : b;
}

kith_time_us kith_requests_deadline(const struct kith_requests *rq)
{
	if (rq == NULL)
		return KITH_TIME_NEVER;
	if (rq->resume)
		return 0;
	kith_time_us at = KITH_TIME_NEVER;
	bool empty = true;
	for (size_t i = 0; i < KITH_REQUESTS_MAX; i++) {
		const struct asked *a = rq->asked[i];
		const struct work *w = rq->work[i];
		empty = empty && a == NULL && w == NULL;
		if (a != NULL)
			at = earlier(at, earlier(a->next_at, a->give_up_at));
		if (w != NULL)
			at = earlier(at, w->keep_until);
	}
	for (const struct waiting *w = rq->first; w != NULL; w = w->next) /* their timeouts differ */
		at = earlier(at, w->start_by);
	return empty && rq->first == NULL ? 0 : at; /* nothing is left: to be given back */
}

static void repeat(const struct kith_path_env *env, struct asked *a)
{
	if (a->count == 0) {
		emit_request(env, a);
	} else {
		struct kith_writer *w =
			kith_outbox_begin(env->outbox, env->session, NULL, 0, KITH_FRAME_ANSWER_MORE, 4);
		kith_write_u16(w, a->id);
		kith_write_u16(w, (uint16_t)(((1u << a->count) - 1) & ~(unsigned)a->got));
		kith_outbox_end(env->outbox);
	}
	a->tries++;
	a->retry_us = earlier(2 * a->retry_us, KITH_REQUEST_RETRY_MAX_US);
	a->next_at = env->now + a->retry_us;
	kith_stats_add(env->stats, KITH_STAT_REQUESTS_RETRANSMITTED, 1);
}

static bool holds_nothing(const struct kith_requests *rq)
{
	bool empty = rq->first == NULL;
	for (size_t i = 0; i < KITH_REQUESTS_MAX; i++)
		empty = empty && rq->asked[i] == NULL && rq->work[i] == NULL;
	return empty;
}

void kith_requests_tick(struct kith_requests **rq, const struct kith_path_env *env)
{
	if (*rq == NULL)
		return;
	drop_finished(*rq, env->alloc);
	for (size_t i = 0; i < KITH_REQUESTS_MAX; i++) {
		struct asked *a = (*rq)->asked[i];
		struct work *w = (*rq)->work[i];
		if (a != NULL && a->next_at <= env->now && a->give_up_at > env->now)
			repeat(env, a);
		if (w != NULL && w->keep_until <= env->now)
			drop_work(*rq, &(*rq)->work[i], env->alloc);
	}
	(*rq)->resume = false; /* without memory they wait on */
	start_waiting(*rq, env);
	if (holds_nothing(*rq))
		kith_requests_free(rq, env->alloc);
}

bool kith_requests_expired(struct kith_requests *rq, const struct kith_path_env *env, bool closing,
			   struct kith_answer *out)
{
	for (size_t i = 0; rq != NULL && i < KITH_REQUESTS_MAX; i++) {
		struct asked *a = rq->asked[i];
		if (a == NULL || (!closing && a->give_up_at > env->now))
			continue;
		*out = (struct kith_answer){ .token = a->token, .kind = a->kind };
		out->err = closing ? KITH_ECLOSED : KITH_ETIMEDOUT;
		if (!closing)
			kith_stats_add(env->stats, KITH_STAT_REQUESTS_TIMED_OUT, 1);
		drop_asked(&rq->asked[i], env->alloc);
		return true;
	}
	for (struct waiting **p = rq != NULL ? &rq->first : NULL; p != NULL && *p != NULL; p = &(*p)->next) {
		struct waiting *w = *p;
		if (!closing && w->start_by > env->now)
			continue;
		*out = (struct kith_answer){ .token = w->token,
					     .kind = w->kind,
					     .err = closing ? KITH_ECLOSED : KITH_ETIMEDOUT };
		drop_waiting(rq, p, env->alloc);
		return true;
	}
	if (rq != NULL) /* requests whose turn it is, now that others have ended */
		start_waiting(rq, env);
	return false;
}

void kith_requests_free(struct kith_requests **rq, const struct kith_alloc *alloc)
{
	if (*rq == NULL)
		return;
	struct waiting *waiting;
	drop_finished(*rq, alloc);
	while ((waiting = take_waiting(*rq)) != NULL)
		kith_alloc_free(alloc, waiting, waiting_size(waiting));
	for (size_t i = 0; i < KITH_REQUESTS_MAX; i++) {
		drop_asked(&(*rq)->asked[i], alloc);
		drop_work(*rq, &(*rq)->work[i], alloc);
	}
	KITH_FREE(alloc, *rq);
	*rq = NULL;
}
