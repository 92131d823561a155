/* A carrier whose packets stay in the process: each instance is a port of one network, which every other reaches.
 *
 * It is what a new carrier has to be, and no more: a table of functions, and rows that name it. The test holds its
 * packets back, breaks it, and counts the batches.
 */
#ifndef KITH_TESTS_MEMORY_CARRIER_H
#define KITH_TESTS_MEMORY_CARRIER_H

#include "support.h"

#include "base/addr.h"
#include "base/alloc.h"
#include "host/carrier.h"

enum { MEMORY_PORTS = 8, MEMORY_BATCH = 64, MEMORY_ROOM = KITH_PACKET_HEADROOM + 2048 };

struct memory_packet {
	struct memory_packet *next;
	struct kith_addr from, to;
	uint32_t len;
	uint8_t bytes[2048];
};

struct memory_queue {
	struct memory_packet *head, **tail;
};

struct memory_port;

struct memory_net {
	struct memory_port *ports[MEMORY_PORTS];
	unsigned opened; /* ever */
	int open_err; /* of every open */
	uint16_t taken; /* a port that somebody else has on IPv6 */
};

struct memory_port {
	struct kith_carrier_options o;
	struct memory_net *net;
	struct kith_addr addr;
	uv_async_t async;
	unsigned ready;
	struct memory_queue in, out; /* out: held back */
	bool held; /* by the test */
	int broken;
	unsigned calls, packets, longest; /* sent */
	uint8_t buffers[MEMORY_BATCH][MEMORY_ROOM];
	void (*closed)(void *ctx);
	void *closed_ctx;
};

static inline void memory_put(struct memory_queue *q, struct memory_packet *m)
{
	m->next = NULL;
	*q->tail = m;
	q->tail = &m->next;
}

static inline struct memory_packet *memory_take(struct memory_queue *q)
{
	struct memory_packet *m = q->head;
	if (m != NULL && (q->head = m->next) == NULL)
		q->tail = &q->head;
	return m;
}

static inline void memory_tell(struct memory_port *p, unsigned ready)
{
	p->ready |= ready;
	assert_int_equal(uv_async_send(&p->async), 0);
}

static inline void memory_deliver(struct memory_port *p, struct memory_packet *m)
{
	for (size_t i = 0; i < MEMORY_PORTS; i++) {
		struct memory_port *to = p->net->ports[i];
		if (to != NULL && kith_addr_equal(&to->addr, &m->to)) {
			memory_put(&to->in, m);
			memory_tell(to, KITH_CARRIER_INPUT);
			return;
		}
	}
	free(m);
}

static inline void memory_hold(struct memory_port *p, bool hold)
{
	p->held = hold;
	if (hold)
		return;
	for (struct memory_packet *m; (m = memory_take(&p->out)) != NULL;)
		memory_deliver(p, m);
	memory_tell(p, KITH_CARRIER_ROOM);
}

static inline void memory_woken(uv_async_t *async)
{
	struct memory_port *p = async->data;
	unsigned ready = p->ready;
	p->ready = 0;
	p->o.ready(p->o.ctx, ready);
}

static inline int memory_open(void **self, const struct kith_carrier_options *o, char *why)
{
	struct memory_net *net = (struct memory_net *)(uintptr_t)o->arg;
	size_t at = 0;
	why[0] = '\0';
	if (net->open_err != 0) {
		strcpy(why, "the memory is taken");
		return net->open_err;
	}
	if (o->bind.family == KITH_FAMILY_V6 && o->bind.port != 0 && o->bind.port == net->taken) {
		strcpy(why, "the port is taken");
		return KITH_EADDRINUSE;
	}
	while (at < MEMORY_PORTS && net->ports[at] != NULL)
		at++;
	assert_true(at < MEMORY_PORTS);
	struct memory_port *p = KITH_NEW(o->alloc, struct memory_port);
	assert_non_null(p);
	p->o = *o;
	p->net = net;
	p->in.tail = &p->in.head;
	p->out.tail = &p->out.head;
	p->addr = (struct kith_addr){ .family = o->bind.family, .ip = { 11, 0, 0, 1 }, .port = o->bind.port };
	if (p->addr.port == 0)
		p->addr.port = (uint16_t)(2000 + net->opened);
	assert_int_equal(uv_async_init(o->loop, &p->async, memory_woken), 0);
	p->async.data = p;
	net->ports[at] = p;
	net->opened++;
	*self = p;
	return 0;
}

static inline void memory_is_closed(uv_handle_t *handle)
{
	struct memory_port *p = handle->data;
	void (*closed)(void *ctx) = p->closed;
	void *ctx = p->closed_ctx;

	for (struct memory_packet *m; (m = memory_take(&p->in)) != NULL || (m = memory_take(&p->out)) != NULL;)
		free(m);
	KITH_FREE(p->o.alloc, p);
	closed(ctx);
}

static inline void memory_close(void *self, void (*closed)(void *ctx), void *ctx)
{
	struct memory_port *p = self;
	for (size_t i = 0; i < MEMORY_PORTS; i++)
		if (p->net->ports[i] == p)
			p->net->ports[i] = NULL;
	p->closed = closed;
	p->closed_ctx = ctx;
	uv_close((uv_handle_t *)&p->async, memory_is_closed);
}

static inline int memory_receive(void *self, struct kith_packet out[], size_t n)
{
	struct memory_port *p = self;
	struct memory_packet *m;
	int got = 0;
	if (p->broken != 0)
		return p->broken;
	while ((size_t)got < n && got < MEMORY_BATCH && (m = memory_take(&p->in)) != NULL) {
		struct kith_packet *packet = &out[got];
		memset(packet, 0, sizeof *packet);
		packet->data = p->buffers[got++] + KITH_PACKET_HEADROOM;
		packet->len = m->len;
		packet->transport = p->o.transport;
		packet->remote = m->from;
		memcpy(packet->data, m->bytes, m->len);
		free(m);
	}
	if (p->in.head != NULL)
		memory_tell(p, KITH_CARRIER_INPUT);
	return got;
}

static inline bool memory_send(void *self, const struct kith_packet packets[], size_t n)
{
	struct memory_port *p = self;
	p->calls++;
	p->longest = n > p->longest ? (unsigned)n : p->longest;
	for (size_t i = 0; i < n; i++) {
		uint32_t step = packets[i].segment_len != 0 ? packets[i].segment_len : packets[i].len;
		for (uint32_t at = 0; at < packets[i].len; at += step, p->packets++) {
			struct memory_packet *m = calloc(1, sizeof *m);
			assert_non_null(m);
			m->from = p->addr;
			m->to = packets[i].remote;
			m->len = packets[i].len - at < step ? packets[i].len - at : step;
			memcpy(m->bytes, packets[i].data + at, m->len);
			if (p->held)
				memory_put(&p->out, m);
			else
				memory_deliver(p, m);
		}
	}
	return p->held && p->out.head != NULL;
}

static inline int memory_broken(const void *self)
{
	return ((const struct memory_port *)self)->broken;
}

static inline bool memory_error(void *self, struct kith_carrier_error *out)
{
	(void)self;
	(void)out;
	return false;
}

static inline void memory_info(const void *self, struct kith_carrier_info *out)
{
	memset(out, 0, sizeof *out);
	out->port = ((const struct memory_port *)self)->addr.port;
}

static inline void memory_locals(const void *self, struct kith_interface_list *out)
{
	memset(out, 0, sizeof *out);
	out->addrs[0] = ((const struct memory_port *)self)->addr;
	out->prefix_bits[0] = 8;
	out->n = 1;
}

static const struct kith_carrier memory_carrier = {
	.kind = KITH_TRANSPORT_UDP,
	.name = "memory",
	.open = memory_open,
	.close = memory_close,
	.receive = memory_receive,
	.send = memory_send,
	.broken = memory_broken,
	.error = memory_error,
	.info = memory_info,
	.locals = memory_locals,
};

#endif
