/* UDP as a carrier; see carrier_udp.h. */
#include "host/carrier_udp.h"

#include <assert.h>
#include <stdio.h>

#include "base/alloc.h"
#include "host/system.h"

static_assert(KITH_CARRIER_WHY_MAX >= KITH_UDP_WHY_MAX, "the socket's reason is the carrier's");

static void polled(uv_poll_t *poll, int status, int events);

/* Polls for what is needed now. */
static void watch(struct kith_udp_carrier *c)
{
	int events = UV_READABLE | (kith_udp_queued(c->udp) ? UV_WRITABLE : 0);
	if (events == c->events || kith_udp_broken(c->udp) != 0)
		return;
	c->events = events;
	(void)uv_poll_start(&c->poll, events, polled);
}

static void polled(uv_poll_t *poll, int status, int events)
{
	struct kith_udp_carrier *c = poll->data;
	unsigned ready = (events & UV_READABLE) != 0 ? KITH_CARRIER_INPUT : 0;
	if (status != 0) {
		/* An error waits in the socket's queue. libuv has stopped polling. */
		kith_udp_read_errors(c->udp);
		c->events = 0;
		ready |= KITH_CARRIER_INPUT;
	}
	if ((events & UV_WRITABLE) != 0) {
		kith_udp_flush(c->udp);
		ready |= kith_udp_queued(c->udp) ? 0 : KITH_CARRIER_ROOM;
	}
	c->o.ready(c->o.ctx, ready);
	watch(c);
}

static int udp_open(void **self, const struct kith_carrier_options *o, char *why)
{
	struct kith_udp_options uo = {
		.alloc = o->alloc, .transport = o->transport, .bind = o->bind, .offload = o->offload
	};
	*self = NULL;
	why[0] = '\0';
	struct kith_udp_carrier *c = KITH_NEW(o->alloc, struct kith_udp_carrier);
	if (c == NULL)
		return KITH_ENOMEM;
	c->o = *o;
	int err = kith_udp_open(&c->udp, &uo, why);
	int polled = err == 0 ? uv_poll_init(o->loop, &c->poll, kith_udp_fd(c->udp)) : 0;
	if (polled != 0) {
		(void)snprintf(why, KITH_CARRIER_WHY_MAX, "cannot poll a UDP socket: %s", uv_strerror(polled));
		kith_udp_close(c->udp);
		err = kith_system_uv_err(polled);
	}
	if (err != 0) {
		KITH_FREE(o->alloc, c);
		return err;
	}
	c->poll.data = c;
	watch(c);
	*self = c;
	return 0;
}

static void poll_closed(uv_handle_t *handle)
{
	struct kith_udp_carrier *c = handle->data;
	void (*closed)(void *ctx) = c->closed;
	void *ctx = c->closed_ctx;

	KITH_FREE(c->o.alloc, c);
	closed(ctx);
}

static void udp_close(void *self, void (*closed)(void *ctx), void *ctx)
{
	struct kith_udp_carrier *c = self;
	c->closed = closed;
	c->closed_ctx = ctx;
	uv_close((uv_handle_t *)&c->poll, poll_closed);
	kith_udp_close(c->udp);
	c->udp = NULL;
}

static int udp_receive(void *self, struct kith_packet out[], size_t n)
{
	struct kith_udp_carrier *c = self;
	return kith_udp_receive(c->udp, out, n);
}

static void udp_rest(void *self)
{
	struct kith_udp_carrier *c = self;
	kith_udp_rest(c->udp);
}

static bool udp_send(void *self, const struct kith_packet packets[], size_t n)
{
	struct kith_udp_carrier *c = self;
	kith_udp_send(c->udp, packets, n);
	if (!kith_udp_queued(c->udp))
		return false;
	watch(c);
	return true;
}

static int udp_broken(const void *self)
{
	const struct kith_udp_carrier *c = self;
	return kith_udp_broken(c->udp);
}

static bool udp_error(void *self, struct kith_carrier_error *out)
{
	struct kith_udp_carrier *c = self;
	struct kith_udp_error e;
	if (!kith_udp_error(c->udp, &e))
		return false;
	out->remote = e.remote;
	out->err = e.err;
	return true;
}

static void udp_info(const void *self, struct kith_carrier_info *out)
{
	const struct kith_udp_carrier *c = self;
	struct kith_udp_counts counts;
	kith_udp_counts(c->udp, &counts);
	out->port = kith_udp_port(c->udp);
	out->offload = kith_udp_offloads(c->udp);
	out->queue_full = counts.queue_full;
}

const struct kith_carrier kith_carrier_udp = {
	.kind = KITH_TRANSPORT_UDP,
	.name = "UDP",
	.open = udp_open,
	.close = udp_close,
	.receive = udp_receive,
	.rest = udp_rest,
	.send = udp_send,
	.broken = udp_broken,
	.error = udp_error,
	.info = udp_info,
};
