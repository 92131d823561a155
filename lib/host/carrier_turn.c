#include "host/carrier_turn.h"

#include <stdio.h>
#include <string.h>

#include "base/addr.h"
#include "base/alloc.h"
#include "base/limits.h"
#include "crypto/suite.h"
#include "host/system.h"

enum { PACKET_MAX = 1500 /* with what it is wrapped in */ };

/* The socket of one attempt; it is freed when its handle is closed. */
struct line {
	struct turn *owner;
	struct kith_udp *udp;
	uv_poll_t poll;
	int events; /* polled for */
};

struct turn {
	struct kith_carrier_options o;
	const struct kith_turn_arg *arg; /* o.arg */
	struct line *line; /* NULL: between two attempts */
	size_t server; /* which of arg's accounts */
	unsigned failed; /* attempts since a server relayed */
	unsigned refused; /* of them, the last ones in a row that ended so */
	uint64_t again_ms; /* when the next one is begun; of the loop's clock */
	bool was_relayed; /* of this attempt, and its owner was told */
	bool closing;
	unsigned handles;
	uint64_t bad, full, queue_full; /* of the attempts before */
	int err; /* what went wrong last; 0: nothing */
	char why[KITH_TURN_WHY_MAX]; /* the same in words */
	uv_timer_t timer;
	void (*closed)(void *ctx);
	void *closed_ctx;
	struct kith_turn_client client;
};

static void polled(uv_poll_t *poll, int status, int events);
static void went_off(uv_timer_t *timer);

static kith_time_us now_us(const struct turn *t)
{
	return (kith_time_us)uv_now(t->o.loop) * KITH_US_PER_MS;
}

static const struct kith_turn_account *account_of(const struct turn *t)
{
	return &t->arg->accounts[t->server];
}

/* ---- handles ---- */

static void handle_closed(struct turn *t)
{
	if (--t->handles > 0 || !t->closing)
		return;
	void (*closed)(void *ctx) = t->closed;
	void *ctx = t->closed_ctx;
	kith_wipe(&t->client, sizeof t->client);
	KITH_FREE(t->o.alloc, t);
	closed(ctx);
}

static void line_closed(uv_handle_t *handle)
{
	struct line *l = handle->data;
	struct turn *t = l->owner;
	KITH_FREE(t->o.alloc, l);
	handle_closed(t);
}

static void timer_closed(uv_handle_t *handle)
{
	handle_closed(handle->data);
}

static void hang_up(struct turn *t)
{
	struct kith_udp_counts counts;
	struct line *l = t->line;
	if (l == NULL)
		return;
	kith_udp_counts(l->udp, &counts);
	t->queue_full += counts.queue_full;
	t->line = NULL;
	uv_close((uv_handle_t *)&l->poll, line_closed);
	kith_udp_close(l->udp);
}

/* Polls for what is needed now. */
static void watch(struct line *l)
{
	const int events = UV_READABLE | (kith_udp_queued(l->udp) ? UV_WRITABLE : 0);
	if (events == l->events || kith_udp_broken(l->udp) != 0)
		return;
	l->events = events;
	(void)uv_poll_start(&l->poll, events, polled);
}

/* ---- out ---- */

static void put(struct turn *t, uint8_t *bytes, size_t len)
{
	const struct kith_packet p = { .data = bytes, .len = (uint32_t)len, .remote = account_of(t)->server };
	kith_udp_send(t->line->udp, &p, 1);
}

/* What the client has to say now. */
static void talk(struct turn *t)
{
	uint8_t out[KITH_TURN_REQUEST_MAX];
	size_t len;
	while (t->line != NULL && (len = kith_turn_client_next(&t->client, now_us(t), out)) > 0)
		put(t, out, len);
}

static void send_one(struct turn *t, const struct kith_addr *to, const uint8_t *data, size_t len)
{
	uint8_t out[PACKET_MAX];
	const size_t n = kith_turn_client_wrap(&t->client, now_us(t), to, data, len, out, sizeof out);
	talk(t); /* whoever it is to is named first */
	if (n > 0)
		put(t, out, n);
}

/* ---- attempts ---- */

static void arm(struct turn *t)
{
	const kith_time_us due =
		t->line != NULL ? kith_turn_client_deadline(&t->client) : (kith_time_us)t->again_ms * KITH_US_PER_MS;
	const kith_time_us in = due > now_us(t) ? due - now_us(t) : 0;
	if (t->closing)
		return;
	if (due == KITH_TIME_NEVER)
		(void)uv_timer_stop(&t->timer);
	else
		(void)uv_timer_start(&t->timer, went_off, (uint64_t)((in + KITH_US_PER_MS - 1) / KITH_US_PER_MS), 0);
}

/* Until the next attempt. */
static uint64_t pause_ms(const struct turn *t)
{
	uint64_t pause = KITH_TURN_AGAIN_MS;
	if (t->failed == 0 || t->failed % t->arg->n != 0) /* others have not been asked in this round */
		return KITH_TURN_NEXT_MS;
	if (t->refused >= t->arg->n)
		return KITH_TURN_AGAIN_MAX_MS;
	for (size_t rounds = t->failed / t->arg->n; rounds > 1 && pause < KITH_TURN_AGAIN_MAX_MS; rounds--)
		pause *= 2;
	return pause < KITH_TURN_AGAIN_MAX_MS ? pause : KITH_TURN_AGAIN_MAX_MS;
}

/* This attempt has ended: the next server is asked later. */
static void end_attempt(struct turn *t, int err, const char *why)
{
	hang_up(t);
	t->failed = t->was_relayed ? 0 : t->failed + 1;
	t->refused = err == KITH_EACCES ? t->refused + 1 : 0;
	t->err = err;
	(void)snprintf(t->why, sizeof t->why, "%s", why);
	t->bad += t->client.bad;
	t->full += t->client.full;
	t->client.bad = t->client.full = 0;
	t->server = (t->server + 1) % t->arg->n;
	t->again_ms = uv_now(t->o.loop) + pause_ms(t);
}

static int dial(struct turn *t, char *why)
{
	const struct kith_addr *to = &account_of(t)->server;
	struct kith_udp_options uo = { .alloc = t->o.alloc, .transport = t->o.transport };
	if (t->o.bind.family == to->family)
		uo.bind = t->o.bind;
	uo.bind.family = to->family;
	uo.bind.port = 0;
	struct line *l = KITH_NEW(t->o.alloc, struct line);
	if (l == NULL)
		return KITH_ENOMEM;
	int err = kith_udp_open(&l->udp, &uo, why);
	const int polling = err == 0 ? uv_poll_init(t->o.loop, &l->poll, kith_udp_fd(l->udp)) : 0;
	if (polling != 0) {
		(void)snprintf(why, KITH_CARRIER_WHY_MAX, "cannot poll a UDP socket: %s", uv_strerror(polling));
		kith_udp_close(l->udp);
		err = kith_system_uv_err(polling);
	}
	if (err != 0) {
		KITH_FREE(t->o.alloc, l);
		return err;
	}
	l->owner = t;
	l->poll.data = l;
	t->line = l;
	t->handles++;
	watch(l);
	return 0;
}

static void begin_attempt(struct turn *t)
{
	char why[KITH_CARRIER_WHY_MAX] = "there is no memory";
	const int err = dial(t, why);
	kith_turn_client_init(&t->client, account_of(t), now_us(t));
	if (err != 0)
		end_attempt(t, err, why);
}

/* What changed is acted upon, and told. To be called last. */
static void settle(struct turn *t)
{
	const unsigned failed = t->failed;
	talk(t);
	if (t->line != NULL && t->client.state == KITH_TURN_FAILED)
		end_attempt(t, t->client.err, t->client.why);
	else if (t->line != NULL && kith_udp_broken(t->line->udp) != 0)
		end_attempt(t, KITH_EIO, "its socket broke");
	const bool relayed = t->line != NULL && t->client.state == KITH_TURN_RELAYED;
	const bool changed = relayed != t->was_relayed || failed != t->failed;
	t->was_relayed = relayed;
	if (t->line != NULL)
		watch(t->line);
	arm(t);
	if (changed)
		t->o.ready(t->o.ctx, KITH_CARRIER_LOCALS);
}

static void read_errors(struct turn *t)
{
	struct kith_udp_error e;
	kith_udp_read_errors(t->line->udp);
	while (kith_udp_error(t->line->udp, &e)) {
		if (e.err == KITH_EUNREACHABLE && kith_addr_equal(&e.remote, &account_of(t)->server))
			kith_turn_client_deaf(&t->client);
	}
}

static void polled(uv_poll_t *poll, int status, int events)
{
	struct line *l = poll->data;
	struct turn *t = l->owner;
	unsigned ready = (events & UV_READABLE) != 0 ? KITH_CARRIER_INPUT : 0;
	if (status != 0) { /* libuv has stopped polling */
		read_errors(t);
		l->events = 0;
		ready |= KITH_CARRIER_INPUT;
	}
	if ((events & UV_WRITABLE) != 0) {
		kith_udp_flush(l->udp);
		ready |= kith_udp_queued(l->udp) ? 0 : KITH_CARRIER_ROOM;
	}
	t->o.ready(t->o.ctx, ready);
	settle(t);
}

static void went_off(uv_timer_t *timer)
{
	struct turn *t = timer->data;
	if (t->line == NULL && uv_now(t->o.loop) >= t->again_ms)
		begin_attempt(t);
	settle(t);
}

/* ---- the carrier ---- */

static int turn_open(void **self, const struct kith_carrier_options *o, char *why)
{
	*self = NULL;
	why[0] = '\0';
	struct turn *t = KITH_NEW(o->alloc, struct turn);
	if (t == NULL)
		return KITH_ENOMEM;
	t->o = *o;
	t->arg = o->arg;
	const int err = kith_system_uv_err(uv_timer_init(o->loop, &t->timer));
	if (err != 0) {
		KITH_FREE(o->alloc, t);
		return err;
	}
	t->timer.data = t;
	t->handles = 1;
	(void)uv_timer_start(&t->timer, went_off, 0, 0);
	*self = t;
	return 0;
}

/* What the server relays is given up, so that it need not keep it for its life; nobody waits for its answer. */
static void turn_close(void *self, void (*closed)(void *ctx), void *ctx)
{
	struct turn *t = self;
	uint8_t out[KITH_TURN_REQUEST_MAX];
	const size_t len = t->line != NULL ? kith_turn_client_leave(&t->client, out) : 0;
	if (len > 0)
		put(t, out, len);
	t->closed = closed;
	t->closed_ctx = ctx;
	t->closing = true;
	hang_up(t);
	uv_close((uv_handle_t *)&t->timer, timer_closed);
}

/* What came from elsewhere than the server is nothing. */
static bool unwrap(struct turn *t, struct kith_packet *p)
{
	struct kith_span data;
	struct kith_addr peer;
	if (!kith_addr_equal(&p->remote, &account_of(t)->server)) {
		t->bad++;
		return false;
	}
	if (!kith_turn_client_take(&t->client, now_us(t), p->data, p->len, &peer, &data))
		return false;
	*p = (struct kith_packet){ .data = p->data + (data.p - p->data),
				   .len = (uint32_t)data.len,
				   .transport = t->o.transport,
				   .remote = peer };
	return true;
}

static int turn_receive(void *self, struct kith_packet out[], size_t n)
{
	struct turn *t = self;
	int got = 0;
	size_t kept = 0;
	while (t->line != NULL && kept == 0 && (got = kith_udp_receive(t->line->udp, out, n)) > 0) {
		for (size_t i = 0; i < (size_t)got; i++) {
			if (unwrap(t, &out[i]))
				out[kept++] = out[i];
		}
	}
	return got < 0 && kept == 0 ? 0 : (int)kept; /* a socket that broke is replaced */
}

static void turn_rest(void *self)
{
	struct turn *t = self;
	if (t->line != NULL)
		kith_udp_rest(t->line->udp);
}

static bool turn_send(void *self, const struct kith_packet packets[], size_t n)
{
	struct turn *t = self;
	for (size_t i = 0; i < n && t->line != NULL; i++) {
		const struct kith_packet *p = &packets[i];
		const uint32_t step = p->segment_len != 0 ? p->segment_len : p->len;
		for (uint32_t at = 0; at < p->len; at += step)
			send_one(t, &p->remote, p->data + at, p->len - at < step ? p->len - at : step);
	}
	arm(t);
	if (t->line == NULL || !kith_udp_queued(t->line->udp))
		return false;
	watch(t->line);
	return true;
}

static int turn_broken(const void *self)
{
	(void)self;
	return 0; /* it helps itself */
}

/* A peer that the server does not reach is known by its silence. */
static bool turn_error(void *self, struct kith_carrier_error *out)
{
	(void)self;
	(void)out;
	return false;
}

static void turn_info(const void *self, struct kith_carrier_info *out)
{
	const struct turn *t = self;
	struct kith_udp_counts counts = { 0 };
	if (t->line != NULL)
		kith_udp_counts(t->line->udp, &counts);
	*out = (struct kith_carrier_info){ .port = t->was_relayed ? t->client.relayed.port : 0,
					   .queue_full = t->queue_full + counts.queue_full };
}

static void turn_locals(const void *self, struct kith_interface_list *out)
{
	const struct turn *t = self;
	memset(out, 0, sizeof *out);
	if (!t->was_relayed)
		return;
	out->addrs[0] = t->client.relayed;
	out->n = 1;
}

void kith_carrier_turn_info(const void *self, struct kith_turn_info *out)
{
	const struct turn *t = self;
	const kith_time_us left = t->client.until - now_us(t);
	memset(out, 0, sizeof *out);
	out->server = account_of(t)->server;
	out->bad = t->bad + t->client.bad;
	out->full = t->full + t->client.full;
	out->err = t->err;
	(void)snprintf(out->why, sizeof out->why, "%s", t->why);
	if (t->was_relayed) {
		out->state = KITH_TURN_RELAYED;
		out->relayed = t->client.relayed;
		out->expires_in_ms = left > 0 ? left / KITH_US_PER_MS : 0;
		out->permissions = kith_turn_client_permits(&t->client);
	} else {
		out->state = t->line != NULL ? KITH_TURN_ASKING : KITH_TURN_FAILED;
	}
}

const struct kith_carrier kith_carrier_turn = {
	.kind = KITH_TRANSPORT_UDP,
	.name = "TURN",
	.spare = true,
	.relayed = true,
	.cost_ms = KITH_RELAYED_COST_MS,
	.open = turn_open,
	.close = turn_close,
	.receive = turn_receive,
	.rest = turn_rest,
	.send = turn_send,
	.broken = turn_broken,
	.error = turn_error,
	.info = turn_info,
	.locals = turn_locals,
};
