/* A connection that becomes a WebSocket; see web_conn.h. */
#include "host/web_conn.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <wslay/wslay.h>

#include "base/alloc.h"
#include "host/tcp_socket.h"

enum {
	FRAME_HEADER_MAX = 14,
	GATHER = 4, /* packets in one write */
	GATHER_LEN = GATHER * (FRAME_HEADER_MAX + KITH_TCP_PACKET_MAX) + 3 * (FRAME_HEADER_MAX + KITH_WEB_PONG_MAX)
};

/* What wslay writes into, while a frame is made. */
struct sink {
	uint8_t *bytes;
	size_t len;
};

/* wslay calls back with this. */
struct frames {
	wslay_frame_context_ptr ctx;
	struct kith_web_conn *conn;
	struct sink *sink;
	bool came;
};

void kith_web_conn_init(struct kith_web_conn *c, int fd, bool server, const struct kith_alloc *alloc,
			const struct kith_random *random)
{
	memset(c, 0, sizeof *c);
	c->io.fd = fd;
	c->server = server;
	c->alloc = alloc;
	c->random = random;
	c->state = server ? KITH_WEB_GREETING : KITH_WEB_DIALLING;
}

static void forget_head(struct kith_web_conn *c)
{
	kith_alloc_free(c->alloc, c->head, c->head == NULL ? 0 : KITH_WEB_HEAD_MAX);
	c->head = NULL;
	c->head_at = c->head_len = 0;
}

static void forget_wire(struct kith_web_conn *c)
{
	kith_alloc_free(c->alloc, c->wire, c->wire_cap);
	c->wire = NULL;
	c->wire_cap = c->wire_at = 0;
}

void kith_web_conn_deinit(struct kith_web_conn *c)
{
	struct frames *f = c->frames;
	if (c->state == KITH_WEB_OPEN && !c->hung && c->wire == NULL) {
		c->bye_due = true;
		c->hung = kith_web_conn_flush(c) != 0; /* who is gone does not hear it */
	}
	kith_tcp_dial_deinit(&c->dial, c->alloc);
	kith_web_io_end(&c->io);
	if (f != NULL) {
		wslay_frame_context_free(f->ctx);
		KITH_FREE(c->alloc, f);
		c->frames = NULL;
	}
	forget_head(c);
	forget_wire(c);
	kith_alloc_free(c->alloc, c->part, c->part == NULL ? 0 : KITH_TCP_PACKET_MAX);
	c->part = NULL;
	kith_tcp_out_deinit(&c->out, c->alloc);
}

/* ---- wslay ---- */

static ssize_t take(uint8_t *out, size_t cap, int flags, void *ctx)
{
	struct frames *f = ctx;
	struct kith_web_conn *c = f->conn;
	(void)flags;
	if (c->head != NULL && c->head_at < c->head_len) {
		size_t left = (size_t)(c->head_len - c->head_at), n = left < cap ? left : cap;
		memcpy(out, c->head + c->head_at, n);
		c->head_at = (uint16_t)(c->head_at + n);
		f->came = true;
		return (ssize_t)n;
	}
	forget_head(c);
	int n = c->hung ? KITH_ECLOSED : kith_web_io_read(&c->io, out, cap);
	c->hung = c->hung || n < 0;
	f->came = f->came || n > 0;
	return n > 0 ? n : -1;
}

static ssize_t give(const uint8_t *bytes, size_t len, int flags, void *ctx)
{
	struct frames *f = ctx;
	(void)flags;
	if (f->sink->len + len > GATHER_LEN)
		return -1; /* never: what is gathered is counted */
	memcpy(f->sink->bytes + f->sink->len, bytes, len);
	f->sink->len += len;
	return (ssize_t)len;
}

static int mask(uint8_t *out, size_t len, void *ctx)
{
	const struct frames *f = ctx;
	f->conn->random->fill(f->conn->random->ctx, out, len);
	return 0;
}

static int open_frames(struct kith_web_conn *c)
{
	static const struct wslay_frame_callbacks callbacks = { give, take, mask };
	struct frames *f = KITH_NEW(c->alloc, struct frames);
	c->part = kith_alloc_resize(c->alloc, NULL, 0, KITH_TCP_PACKET_MAX);
	if (f == NULL || c->part == NULL || wslay_frame_context_init(&f->ctx, &callbacks, f) != 0) {
		KITH_FREE(c->alloc, f);
		return KITH_ENOMEM;
	}
	f->conn = c;
	c->frames = f;
	c->state = KITH_WEB_OPEN;
	return 1;
}

static void add_frame(struct kith_web_conn *c, struct sink *sink, uint8_t opcode, const uint8_t *data, size_t len)
{
	struct frames *f = c->frames;
	struct wslay_frame_iocb io = {
		.fin = 1, .opcode = opcode, .payload_length = len, .mask = !c->server, .data = data, .data_length = len
	};
	ssize_t n;
	f->sink = sink;
	do {
		n = wslay_frame_send(f->ctx, &io);
		if (n <= 0)
			return; /* it had no data; all else is given room */
		io.data += n;
		io.data_length -= (size_t)n;
	} while (io.data_length > 0);
}

/* ---- out ---- */

/* Writes; what the socket does not take is kept. */
static int write_out(struct kith_web_conn *c, const uint8_t *bytes, size_t len)
{
	size_t at = 0;
	while (at < len) {
		int n = kith_web_io_write(&c->io, bytes + at, len - at);
		if (n < 0) {
			c->hung = true;
			return KITH_ECLOSED;
		}
		if (n == 0)
			break;
		at += (size_t)n;
	}
	if (at == len)
		return 0;
	c->wire = kith_alloc_resize(c->alloc, NULL, 0, len - at);
	if (c->wire == NULL)
		return KITH_ENOMEM;
	memcpy(c->wire, bytes + at, len - at);
	c->wire_cap = len - at;
	c->wire_at = 0;
	return 0;
}

/* What the socket did not take before. 1: all of it is gone. */
static int write_rest(struct kith_web_conn *c)
{
	while (c->wire_at < c->wire_cap) {
		int n = kith_web_io_write(&c->io, c->wire + c->wire_at, c->wire_cap - c->wire_at);
		if (n <= 0) {
			c->hung = c->hung || n < 0;
			return n < 0 ? KITH_ECLOSED : 0;
		}
		c->wire_at += (size_t)n;
	}
	forget_wire(c);
	return 1;
}

static void gather(struct kith_web_conn *c, struct sink *sink)
{
	static const uint8_t normal[2] = { 1000 >> 8, 1000 & 0xff };
	if (c->pong_due)
		add_frame(c, sink, WSLAY_PONG, c->pong, c->pong_len);
	if (c->ping_due)
		add_frame(c, sink, WSLAY_PING, NULL, 0);
	if (c->bye_due)
		add_frame(c, sink, WSLAY_CONNECTION_CLOSE, normal, sizeof normal);
	c->pong_due = c->ping_due = c->bye_due = false;
	for (int i = 0; i < GATHER && c->out.len > 0; i++) {
		const uint8_t *packet;
		size_t at = 0;
		int len = kith_tcp_cut(c->out.bytes + c->out.at, c->out.len, &at, &packet);
		if (len <= 0)
			return; /* never: whole packets are put in */
		add_frame(c, sink, WSLAY_BINARY_FRAME, packet, (size_t)len);
		kith_tcp_out_left(&c->out, c->alloc, at);
	}
}

unsigned kith_web_conn_put(struct kith_web_conn *c, const uint8_t *packet, size_t len, size_t max)
{
	return kith_tcp_out_put(&c->out, c->alloc, packet, len, 0, max);
}

int kith_web_conn_flush(struct kith_web_conn *c)
{
	uint8_t bytes[GATHER_LEN];
	int err = write_rest(c);
	if (err <= 0)
		return err;
	while (c->state == KITH_WEB_OPEN && c->wire == NULL &&
	       (c->out.len > 0 || c->pong_due || c->ping_due || c->bye_due)) {
		struct sink sink = { bytes, 0 };
		gather(c, &sink);
		err = write_out(c, bytes, sink.len);
		if (err != 0)
			return err;
	}
	return 0;
}

void kith_web_conn_ping(struct kith_web_conn *c)
{
	c->ping_due = c->state == KITH_WEB_OPEN;
}

bool kith_web_conn_wants_room(const struct kith_web_conn *c)
{
	if (c->state == KITH_WEB_DIALLING)
		return !kith_tcp_dial_reads(&c->dial);
	if (c->state == KITH_WEB_GREETING)
		return c->io.wants_room;
	return c->wire != NULL;
}

/* ---- in ---- */

/* The frame that begins, as RFC 6455 allows it here. */
static bool is_frame(const struct kith_web_conn *c, const struct wslay_frame_iocb *io)
{
	if (io->rsv != 0 || io->mask != (c->server ? 1 : 0))
		return false;
	if (wslay_is_ctrl_frame(io->opcode))
		return io->fin && io->payload_length <= KITH_WEB_PONG_MAX;
	if (io->opcode != (c->begun ? WSLAY_CONTINUATION_FRAME : WSLAY_BINARY_FRAME))
		return false;
	return io->payload_length <= (uint64_t)(KITH_TCP_PACKET_MAX - c->part_len);
}

/* A frame is whole. Above 0: a packet; 0: nothing that is handed out; an error. */
static int frame_end(struct kith_web_conn *c, uint8_t opcode, bool fin, uint8_t *out)
{
	int len = c->part_len;
	if (opcode == WSLAY_CONNECTION_CLOSE)
		return KITH_ECLOSED;
	c->pong_due = c->pong_due || opcode == WSLAY_PING;
	if (wslay_is_ctrl_frame(opcode))
		return 0;
	c->begun = !fin;
	if (!fin)
		return 0;
	memcpy(out, c->part, (size_t)len);
	c->part_len = 0;
	return len; /* an empty message is none */
}

static void keep(struct kith_web_conn *c, const struct wslay_frame_iocb *io)
{
	if (io->data_length == 0)
		return;
	if (!wslay_is_ctrl_frame(io->opcode)) {
		memcpy(c->part + c->part_len, io->data, io->data_length);
		c->part_len = (uint16_t)(c->part_len + io->data_length);
	} else if (io->opcode == WSLAY_PING) {
		memcpy(c->pong + c->pong_len, io->data, io->data_length);
		c->pong_len = (uint8_t)(c->pong_len + io->data_length);
	}
}

int kith_web_conn_receive(struct kith_web_conn *c, uint8_t *out, bool *came)
{
	struct frames *f = c->frames;
	struct wslay_frame_iocb io;
	int len = 0;
	f->came = false;
	while (len == 0) {
		memset(&io, 0, sizeof io);
		ssize_t n = wslay_frame_recv(f->ctx, &io);
		*came = *came || f->came;
		if (n < 0)
			return n != WSLAY_ERR_WANT_READ ? KITH_EPROTO : c->hung ? KITH_ECLOSED : 0;
		if (c->frame_left == 0) { /* one begins */
			if (!is_frame(c, &io))
				return KITH_EPROTO;
			c->frame_left = io.payload_length;
			c->pong_len = io.opcode == WSLAY_PING ? 0 : c->pong_len;
		}
		keep(c, &io);
		c->frame_left -= io.data_length;
		if (c->frame_left == 0)
			len = frame_end(c, io.opcode, io.fin != 0, out);
	}
	return len;
}

/* ---- becoming open ---- */

/* Reads on until a head is whole: its length; 0: not yet. */
static int read_head(struct kith_web_conn *c)
{
	if (c->head == NULL)
		c->head = kith_alloc_resize(c->alloc, NULL, 0, KITH_WEB_HEAD_MAX);
	if (c->head == NULL)
		return KITH_ENOMEM;
	for (;;) {
		int len = kith_web_head(c->head, c->head_len);
		if (len != 0)
			return len;
		int n = kith_web_io_read(&c->io, c->head + c->head_len, (size_t)(KITH_WEB_HEAD_MAX - c->head_len));
		if (n <= 0)
			return n;
		c->head_len = (uint16_t)(c->head_len + n);
	}
}

static int ask(struct kith_web_conn *c, const struct kith_web_place *place)
{
	uint8_t nonce[KITH_WEB_NONCE_LEN];
	char says[KITH_WEB_SAYS_MAX];
	c->random->fill(c->random->ctx, nonce, sizeof nonce);
	kith_web_key(c->key, nonce);
	size_t len = kith_web_request_write(says, place, c->key);
	c->state = KITH_WEB_ASKING;
	return len > 0 ? write_out(c, (const uint8_t *)says, len) : KITH_EINVAL;
}

static int hear_answer(struct kith_web_conn *c, char *why)
{
	int len = read_head(c);
	if (len == KITH_EPROTO)
		(void)snprintf(why, KITH_WEB_WHY_MAX, "what answers is no web server");
	if (len <= 0)
		return len;
	int status = kith_web_answer_read(c->head, (size_t)len, c->key);
	if (status > 0)
		(void)snprintf(why, KITH_WEB_WHY_MAX, "it answers %d: is the path of the URL right?", status);
	else if (status < 0)
		(void)snprintf(why, KITH_WEB_WHY_MAX, "what answers is no WebSocket");
	if (status != 0)
		return KITH_EPROTO;
	c->head_at = (uint16_t)len;
	return open_frames(c);
}

/* The page has gone out. What still comes is read until the other side has ended, too: a socket that is closed with
 * bytes in it takes the page with it. */
static int leave(struct kith_web_conn *c)
{
	uint8_t rest[1024];
	int n;
	if (!c->hung) {
		kith_web_io_end(&c->io);
		(void)shutdown(c->io.fd, SHUT_WR);
		c->hung = true;
	}
	do
		n = kith_tcp_read(c->io.fd, rest, sizeof rest);
	while (n > 0);
	return n;
}

static int answer(struct kith_web_conn *c, const struct kith_web_terms *t)
{
	char says[KITH_WEB_SAYS_MAX];
	bool opens;
	int len = read_head(c);
	if (len == 0 || (len < 0 && len != KITH_EPROTO))
		return len;
	c->request = (struct kith_web_request){ .bad = true };
	if (len > 0)
		kith_web_request_read(&c->request, c->head, (size_t)len);
	size_t says_len = kith_web_answer_write(says, &c->request, t->path, t->now, &opens);
	c->head_at = (uint16_t)(len > 0 ? len : 0);
	int err = write_out(c, (const uint8_t *)says, says_len);
	if (err != 0)
		return err;
	if (opens)
		return open_frames(c);
	forget_head(c);
	c->state = KITH_WEB_LEAVING;
	return c->wire == NULL ? leave(c) : 0;
}

/* 1: the next state is reached; 0: not yet. */
static int greet(struct kith_web_conn *c, const struct kith_web_terms *t, char *why)
{
	int err = 0;
	if (t->tls != NULL && c->io.ssl == NULL)
		err = kith_web_io_secure(&c->io, t->tls, t->place);
	if (err == 0)
		err = kith_web_io_greet(&c->io, why, KITH_WEB_WHY_MAX);
	if (err <= 0)
		return err;
	c->state = KITH_WEB_ASKING;
	if (c->server)
		return 1;
	err = ask(c, t->place);
	return err == 0 ? 1 : err;
}

static int dial(struct kith_web_conn *c, const struct kith_web_terms *t, bool *by_proxy)
{
	int came = kith_tcp_dial_go(&c->dial, c->io.fd, c->alloc, t->remote, t->proxy);
	*by_proxy = came < 0 && t->proxy != NULL;
	if (came > 0)
		c->state = KITH_WEB_GREETING;
	return came;
}

int kith_web_conn_go(struct kith_web_conn *c, const struct kith_web_terms *t, char *why, bool *by_proxy)
{
	int err = 1;
	why[0] = '\0';
	*by_proxy = false;
	if (c->state == KITH_WEB_DIALLING)
		err = dial(c, t, by_proxy);
	if (err > 0 && c->state == KITH_WEB_GREETING)
		err = greet(c, t, why);
	if (err > 0 && c->wire != NULL)
		err = write_rest(c);
	if (err > 0 && c->state == KITH_WEB_LEAVING)
		err = leave(c);
	if (err > 0 && c->state == KITH_WEB_ASKING)
		err = c->server ? answer(c, t) : hear_answer(c, why);
	return err;
}
