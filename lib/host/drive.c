/* Drives a core by its contract: packets and time in; packets, effects and events out. */
#include "host/internal.h"

#include <string.h>

#include "base/alloc.h"
#include "crypto/suite.h"

static void save_begin(struct kith_node *node, const struct kith_effect *effect);
static void timer_fired(uv_timer_t *timer);

bool kith_drive_blocked(const struct kith_node *node)
{
	for (size_t i = 0; i < KITH_HOST_SOCKETS; i++)
		if (node->sockets[i].udp != NULL && kith_udp_queued(node->sockets[i].udp))
			return true;
	return false;
}

/* ---- out ---- */

static void socket_polled(uv_poll_t *poll, int status, int events);

/* Polls for what is needed now: of a broken one nothing (its descriptor may be gone, and libuv aborts at that). */
static void watch_socket(struct kith_socket *s)
{
	int events = UV_READABLE | (kith_udp_queued(s->udp) ? UV_WRITABLE : 0);

	if (events == s->events || kith_udp_broken(s->udp) != 0)
		return;
	s->events = events;
	(void)uv_poll_start(&s->poll, events, socket_polled);
}

/* Hands a batch to its sockets; neighbours for the same one together. */
static void send_batch(struct kith_node *node, struct kith_packet packets[], size_t n)
{
	for (size_t at = 0; at < n;) {
		uint16_t transport = packets[at].transport;
		size_t run = 1;
		while (at + run < n && packets[at + run].transport == transport)
			run++;
		struct kith_udp *udp = transport < KITH_HOST_SOCKETS ? node->sockets[transport].udp : NULL;
		if (udp != NULL)
			kith_udp_send(udp, &packets[at], run);
		at += run;
	}
}

/* What could not be sent, and where to, is news for the core. */
static void report_errors(struct kith_node *node)
{
	for (int i = 0; i < KITH_HOST_SOCKETS; i++) {
		struct kith_udp_error e;
		struct kith_udp *udp = node->sockets[i].udp;
		while (udp != NULL && kith_udp_error(udp, &e)) {
			kith_core_send_error(node->core, kith_node_now(node), (uint16_t)i, &e.remote, e.err);
			node->dirty = true;
		}
	}
}

void kith_drive_flush(struct kith_node *node)
{
	struct kith_packet packets[KITH_HOST_BATCH];
	size_t n;

	if (node->core == NULL)
		return;
	while ((n = kith_core_poll(node->core, kith_node_now(node), packets, KITH_HOST_BATCH)) > 0)
		send_batch(node, packets, n);
	for (size_t i = 0; i < KITH_HOST_SOCKETS; i++)
		if (node->sockets[i].udp != NULL && uv_is_active((uv_handle_t *)&node->sockets[i].poll))
			watch_socket(&node->sockets[i]);
}

/* ---- the pump ---- */

static void take_effects(struct kith_node *node)
{
	struct kith_effect effect;

	while (kith_core_effect(node->core, &effect))
		switch (effect.type) {
		case KITH_EFFECT_SAVE:
			save_begin(node, &effect);
			break;
		}
}

/* Empties the core after it was changed: events first, as they may borrow from what came in. */
static void drain(struct kith_node *node)
{
	kith_event_collect(node);
	kith_drive_flush(node);
	take_effects(node);
	report_errors(node);
}

static void arm_timer(struct kith_node *node)
{
	kith_time_us deadline = node->core != NULL ? kith_core_deadline(node->core) : KITH_TIME_NEVER;
	kith_time_us now = kith_node_now(node).mono_us;

	if (node->dirty)
		deadline = now;
	if (deadline == KITH_TIME_NEVER) {
		(void)uv_timer_stop(&node->timer);
		return;
	}
	/* Rounded up: a tick that comes too early does nothing and costs a turn of the loop. */
	kith_time_us in_us = deadline > now ? deadline - now : 0;
	(void)uv_timer_start(&node->timer, timer_fired, (uint64_t)((in_us + KITH_US_PER_MS - 1) / KITH_US_PER_MS), 0);
}

void kith_drive_pump(struct kith_node *node)
{
	if (node->pumping || node->finishing || node->state == KITH_NODE_CLOSED)
		return;
	node->pumping = true;
	for (int round = 0; round < KITH_HOST_ROUNDS; round++) {
		node->dirty = false;
		if (node->core != NULL)
			drain(node);
		kith_sockets_check(node);
		kith_event_dispatch(node);
		kith_event_work(node);
		if (!node->dirty)
			break;
	}
	node->pumping = false;
	if (node->left)
		kith_node_finish(node);
	else
		arm_timer(node);
}

static void timer_fired(uv_timer_t *timer)
{
	struct kith_node *node = timer->data;

	if (node->core != NULL)
		kith_core_tick(node->core, kith_node_now(node));
	kith_drive_pump(node);
}

/* ---- in ---- */

/* Answers what is for the STUN server and takes it out; returns how many packets are left for the core. */
static size_t take_stun(struct kith_node *node, struct kith_udp *udp, struct kith_packet packets[], size_t n)
{
	uint8_t out[KITH_STUN_ANSWER_MAX];
	size_t left = 0;

	for (size_t i = 0; i < n; i++) {
		struct kith_packet *p = &packets[i];
		if (!kith_stun_is(p->data, p->len)) {
			packets[left++] = *p;
			continue;
		}
		uint32_t step = p->segment_len != 0 ? p->segment_len : p->len;
		for (uint32_t at = 0; at < p->len; at += step) {
			size_t len = p->len - at < step ? p->len - at : step;
			size_t n_out = kith_stun_answer(node->stun, kith_node_now(node).mono_us, p->data + at, len,
							&p->remote, out);
			struct kith_packet answer = {
				.data = out, .len = (uint32_t)n_out, .transport = p->transport, .remote = p->remote
			};
			if (n_out > 0)
				kith_udp_send(udp, &answer, 1);
		}
	}
	return left;
}

static void receive(struct kith_socket *s)
{
	struct kith_node *node = s->node;
	struct kith_packet packets[KITH_HOST_BATCH];

	for (int batch = 0; batch < KITH_HOST_BATCHES; batch++) {
		int got = kith_udp_receive(s->udp, packets, KITH_HOST_BATCH);
		if (got <= 0)
			return; /* nothing, or no memory now, or broken: the pump looks after that */
		size_t n = (size_t)got;
		if (node->stun != NULL)
			n = take_stun(node, s->udp, packets, n);
		if (n > 0)
			kith_core_input(node->core, kith_node_now(node), packets, n);
		/* Before the buffers are used again: what is relayed, and what events tell, lies in them. */
		drain(node);
		if (got < KITH_HOST_BATCH / 8)
			return; /* probably all; if not, the loop comes back */
	}
}

/* Connections whose datagrams had to wait for our queue. */
static void tell_writable(struct kith_node *node)
{
	for (struct kith_link *l = node->all_conns.next; l != &node->all_conns; l = l->next) {
		struct kith_conn *conn = KITH_LINKED(l, struct kith_conn, all_link);
		if (conn->refused && kith_link_empty(&conn->work_link))
			kith_link_append(&node->closing_conns, &conn->work_link);
	}
}

static void socket_polled(uv_poll_t *poll, int status, int events)
{
	struct kith_socket *s = poll->data;
	struct kith_node *node = s->node;

	if (node->core == NULL)
		return;
	if (status != 0) {
		/* An error waits in the socket's queue. libuv has stopped polling. */
		kith_udp_read_errors(s->udp);
		s->events = 0;
		receive(s);
	}
	if ((events & UV_WRITABLE) != 0) {
		kith_udp_flush(s->udp);
		if (!kith_drive_blocked(node))
			tell_writable(node);
	}
	if ((events & UV_READABLE) != 0)
		receive(s);
	watch_socket(s);
	kith_drive_pump(node);
}

int kith_drive_socket_start(struct kith_socket *s)
{
	if (uv_poll_init(s->node->loop, &s->poll, kith_udp_fd(s->udp)) != 0)
		return KITH_EIO;
	s->poll.data = s;
	s->node->handles++;
	s->events = 0;
	watch_socket(s);
	return 0;
}

/* ---- effects ---- */

/* On the thread pool. */
static void save_work(uv_work_t *work)
{
	struct kith_node *node = work->data;
	struct kith_span bytes = { node->save.bytes, node->save.len };

	node->save.err = kith_statedir_save(&node->statedir, KITH_HOST_STATE_FILE, bytes);
}

static void save_done(uv_work_t *work, int status)
{
	struct kith_node *node = work->data;
	int err = status != 0 ? KITH_ECANCELED : node->save.err;

	node->save.busy = false;
	kith_wipe(node->save.bytes, node->save.len);
	kith_alloc_free(node->alloc, node->save.bytes, node->save.len);
	node->save.bytes = NULL;
	if (node->core != NULL)
		kith_core_complete(node->core, kith_node_now(node), node->save.effect, err);
	if (err != 0 && !node->finishing)
		kith_trouble(node, KITH_TROUBLE_STATE, err, "the state could not be saved");
	kith_node_job_done(node);
}

static void save_begin(struct kith_node *node, const struct kith_effect *effect)
{
	struct kith_save_job *job = &node->save;
	int err = 0;

	if (node->statedir.dir < 0 || effect->bytes.len == 0) {
		kith_core_complete(node->core, kith_node_now(node), effect->id, 0);
		node->dirty = true;
		return;
	}
	if (job->busy)
		err = KITH_EAGAIN;
	else
		job->bytes = kith_alloc_zero(node->alloc, effect->bytes.len);
	if (err == 0 && job->bytes == NULL)
		err = KITH_ENOMEM;
	if (err == 0) {
		memcpy(job->bytes, effect->bytes.p, effect->bytes.len);
		job->len = effect->bytes.len;
		job->effect = effect->id;
		job->work.data = node;
		if (uv_queue_work(node->loop, &job->work, save_work, save_done) == 0) {
			job->busy = true;
			node->jobs++;
			return;
		}
		kith_alloc_free(node->alloc, job->bytes, job->len);
		job->bytes = NULL;
		err = KITH_EIO;
	}
	kith_core_complete(node->core, kith_node_now(node), effect->id, err);
	node->dirty = true;
}
