/* Streams: the application's calls, and their handles' lives. */
#include "host/internal.h"

#include <limits.h>
#include <string.h>

#include "base/alloc.h"
#include "base/sized.h"

static struct kith_stream *make(struct kith_conn *conn, uint64_t id, uint16_t channel)
{
	struct kith_stream *stream = KITH_NEW(conn->node->alloc, struct kith_stream);
	if (stream == NULL)
		return NULL;
	stream->conn = conn;
	stream->id = id;
	stream->channel = channel;
	kith_link_init(&stream->link);
	kith_link_init(&stream->work_link);
	kith_link_append(&conn->streams, &stream->link);
	return stream;
}

static struct kith_stream *find(struct kith_conn *conn, uint64_t id)
{
	for (struct kith_link *l = conn->streams.next; l != &conn->streams; l = l->next) {
		struct kith_stream *stream = KITH_LINKED(l, struct kith_stream, link);
		if (stream->id == id)
			return stream;
	}
	return NULL;
}

/* To be looked at by the pump. */
static void needs_work(struct kith_stream *stream)
{
	struct kith_node *node = stream->conn->node;
	if (kith_link_empty(&stream->work_link))
		kith_link_append(&node->streams_work, &stream->work_link);
	kith_node_touch(node);
}

static bool usable(const struct kith_conn *conn)
{
	return conn->state == KITH_CONN_OPEN && conn->node->core != NULL;
}

/* The core may have ended the session, or the stream, with the event of it still waiting for the pump. */
static int gone_is_closed(int err)
{
	return err == KITH_ENOENT || err == KITH_ESTATE ? KITH_ECLOSED : err;
}

static int core_write(struct kith_stream *stream, const uint8_t *data, size_t len, bool fin)
{
	struct kith_node *node = stream->conn->node;
	kith_node_touch(node);
	return gone_is_closed(kith_core_stream_write(node->core, kith_node_now(node), stream->conn->id, stream->id,
						     data, len > INT_MAX ? INT_MAX : len, fin));
}

/* ---- borrowed writes and the end ---- */

static void release_all(struct kith_stream *stream, int err)
{
	while (stream->borrowed_n > 0) {
		struct kith_borrowed b = stream->borrowed[stream->borrowed_at];
		stream->borrowed_at = (uint8_t)((stream->borrowed_at + 1) % KITH_STREAM_BORROWS);
		stream->borrowed_n--;
		b.release(b.data, b.len, err, b.ctx);
	}
}

/* Moves what is borrowed into the stream, as far as it takes it; then the end, if that is due. */
static void feed(struct kith_stream *stream)
{
	while (stream->borrowed_n > 0 && usable(stream->conn) && !stream->closing) {
		struct kith_borrowed *b = &stream->borrowed[stream->borrowed_at];
		if (b->taken < b->len) {
			int n = core_write(stream, b->data + b->taken, b->len - b->taken, false);
			if (n == KITH_EAGAIN || n == KITH_ENOMEM || n == 0)
				return;
			if (n < 0) {
				stream->write_over = true;
				release_all(stream, KITH_ECLOSED);
				return;
			}
			b->taken += (size_t)n;
		}
		if (b->taken < b->len)
			continue;
		struct kith_borrowed done = *b;
		stream->borrowed_at = (uint8_t)((stream->borrowed_at + 1) % KITH_STREAM_BORROWS);
		stream->borrowed_n--;
		done.release(done.data, done.len, 0, done.ctx);
	}
	if (stream->finishing && !stream->finished && stream->borrowed_n == 0 && usable(stream->conn)) {
		int err = core_write(stream, (const uint8_t *)"", 0, true);
		stream->finished = err != KITH_EAGAIN && err != KITH_ENOMEM;
	}
}

/* Once, whether the end came with the last bytes, which kith_stream_read may have told already, or alone. */
static void tell_end(struct kith_stream *stream)
{
	if (!stream->ended || stream->end_told || stream->closing || stream->cb.fin == NULL)
		return;
	stream->end_told = true;
	stream->cb.fin(stream, stream->user);
}

void kith_stream_end(struct kith_stream *stream, int err)
{
	struct kith_node *node = stream->conn->node;
	tell_end(stream);
	release_all(stream, err == 0 ? KITH_ECLOSED : err);
	if (stream->cb.closed != NULL)
		stream->cb.closed(stream, err, stream->user);
	kith_link_remove(&stream->work_link);
	kith_link_remove(&stream->link);
	KITH_FREE(node->alloc, stream);
}

void kith_stream_work(struct kith_stream *stream)
{
	if (stream->closing) {
		kith_stream_end(stream, KITH_ECANCELED);
		return;
	}
	feed(stream);
	if (stream->look_again && !stream->closing) {
		stream->look_again = false;
		if (!stream->ended && stream->cb.readable != NULL && usable(stream->conn))
			stream->cb.readable(stream, stream->user);
	}
	tell_end(stream);
}

/* ---- events of the core ---- */

/* Neither sends nor reads any more. What is over already says so; that is as good. */
static void give_up(struct kith_conn *conn, uint64_t id)
{
	struct kith_node *node = conn->node;
	(void)kith_core_stream_reset(node->core, kith_node_now(node), conn->id, id, 0);
	(void)kith_core_stream_stop(node->core, kith_node_now(node), conn->id, id, 0);
	kith_node_touch(node);
}

static void opened(struct kith_conn *conn, const struct kith_event *ev)
{
	struct kith_stream *stream = NULL;
	if (conn->cb.stream != NULL)
		stream = make(conn, ev->stream, ev->channel);
	if (stream != NULL) {
		conn->cb.stream(conn, stream, ev->channel, conn->user);
		return;
	}
	give_up(conn, ev->stream);
}

/* Callbacks may close the session; the handle stays until the pump gets there. */
static void tell(struct kith_stream *stream, const struct kith_event *ev)
{
	const struct kith_stream_callbacks *cb = &stream->cb;
	switch (ev->stream_change) {
	case KITH_STREAM_CHANGE_OPENED:
		break;
	case KITH_STREAM_CHANGE_READABLE:
		if (cb->readable != NULL)
			cb->readable(stream, stream->user);
		break;
	case KITH_STREAM_CHANGE_WRITABLE:
		feed(stream);
		if (stream->borrowed_n == 0 && !stream->finishing && !stream->closing && cb->writable != NULL)
			cb->writable(stream, stream->user);
		break;
	case KITH_STREAM_CHANGE_FIN:
		stream->ended = true;
		tell_end(stream);
		break;
	case KITH_STREAM_CHANGE_RESET:
		if (cb->reset != NULL)
			cb->reset(stream, ev->code, stream->user);
		break;
	case KITH_STREAM_CHANGE_STOPPED:
		stream->write_over = true;
		release_all(stream, KITH_ECLOSED);
		if (cb->stopped != NULL)
			cb->stopped(stream, stream->user);
		break;
	case KITH_STREAM_CHANGE_CLOSED:
		kith_stream_end(stream, ev->err);
		break;
	}
}

void kith_stream_changed(struct kith_conn *conn, const struct kith_event *ev)
{
	struct kith_stream *stream = find(conn, ev->stream);
	if (stream == NULL && ev->stream_change == KITH_STREAM_CHANGE_OPENED)
		opened(conn, ev);
	else if (stream != NULL && !stream->closing)
		tell(stream, ev);
}

/* ---- the application's calls ---- */

int kith_stream_open(struct kith_conn *conn, uint16_t channel, const struct kith_stream_callbacks *cb, void *user,
		     struct kith_stream **out)
{
	struct kith_node *node = conn->node;
	uint64_t id;
	struct kith_stream_callbacks full = KITH_STREAM_CALLBACKS_INIT;
	*out = NULL;
	if (cb != NULL && !kith_sized_read(&full, sizeof full, cb))
		return KITH_EINVAL;
	if (!usable(conn))
		return KITH_ESTATE;
	struct kith_stream *stream = make(conn, 0, channel);
	if (stream == NULL)
		return KITH_ENOMEM;
	int err = kith_core_stream_open(node->core, kith_node_now(node), conn->id, channel, &id);
	kith_node_touch(node);
	if (err != 0) {
		kith_link_remove(&stream->link);
		KITH_FREE(node->alloc, stream);
		return err == KITH_ENOENT ? KITH_ESTATE : err;
	}
	stream->id = id;
	stream->cb = full;
	stream->user = user;
	*out = stream;
	return 0;
}

int kith_stream_set_callbacks(struct kith_stream *stream, const struct kith_stream_callbacks *cb, void *user)
{
	struct kith_stream_callbacks full = KITH_STREAM_CALLBACKS_INIT;
	if (cb != NULL && !kith_sized_read(&full, sizeof full, cb))
		return KITH_EINVAL;
	stream->cb = full;
	stream->user = user;
	stream->look_again = true;
	needs_work(stream);
	return 0;
}

static bool writing_is_over(const struct kith_stream *stream)
{
	return stream->closing || stream->finishing || stream->write_over || !usable(stream->conn);
}

int kith_stream_write(struct kith_stream *stream, const void *data, size_t len)
{
	if (writing_is_over(stream))
		return KITH_ECLOSED;
	if (data == NULL && len > 0)
		return KITH_EINVAL;
	if (len == 0)
		return 0;
	return stream->borrowed_n > 0 ? KITH_EAGAIN : core_write(stream, data, len, false);
}

int kith_stream_write_borrowed(struct kith_stream *stream, const void *data, size_t len, kith_release_fn release_fn,
			       void *ctx)
{
	if (writing_is_over(stream))
		return KITH_ECLOSED;
	if (release_fn == NULL || (data == NULL && len > 0))
		return KITH_EINVAL;
	if (stream->borrowed_n == KITH_STREAM_BORROWS)
		return KITH_EAGAIN;
	struct kith_borrowed *b = &stream->borrowed[(stream->borrowed_at + stream->borrowed_n) % KITH_STREAM_BORROWS];
	b->data = data;
	b->len = len;
	b->taken = 0;
	b->release = release_fn;
	b->ctx = ctx;
	stream->borrowed_n++;
	/* Copied by the pump, as the release callback must not come from in here. */
	needs_work(stream);
	return 0;
}

int kith_stream_finish(struct kith_stream *stream)
{
	if (writing_is_over(stream))
		return KITH_ECLOSED;
	stream->finishing = true;
	needs_work(stream);
	return 0;
}

int kith_stream_read(struct kith_stream *stream, void *out, size_t cap, bool *fin)
{
	struct kith_node *node = stream->conn->node;
	bool end = false;
	if (fin != NULL)
		*fin = false;
	if (stream->closing || !usable(stream->conn))
		return KITH_ECLOSED;
	int n = kith_core_stream_read(node->core, kith_node_now(node), stream->conn->id, stream->id, out,
				      cap > INT_MAX ? INT_MAX : cap, &end);
	kith_node_touch(node);
	if (fin != NULL)
		*fin = end;
	if (end) {
		stream->ended = true;
		needs_work(stream);
	}
	return gone_is_closed(n);
}

int kith_stream_reset(struct kith_stream *stream, uint64_t code)
{
	struct kith_node *node = stream->conn->node;
	if (stream->closing || stream->finished || stream->write_over || !usable(stream->conn))
		return KITH_ECLOSED;
	if (code >= UINT64_C(1) << 62)
		return KITH_EINVAL;
	int err = kith_core_stream_reset(node->core, kith_node_now(node), stream->conn->id, stream->id, code);
	if (err == 0)
		stream->write_over = true;
	needs_work(stream);
	return gone_is_closed(err);
}

int kith_stream_stop(struct kith_stream *stream, uint64_t code)
{
	struct kith_node *node = stream->conn->node;
	if (stream->closing || !usable(stream->conn))
		return KITH_ECLOSED;
	if (code >= UINT64_C(1) << 62)
		return KITH_EINVAL;
	kith_node_touch(node);
	return gone_is_closed(
		kith_core_stream_stop(node->core, kith_node_now(node), stream->conn->id, stream->id, code));
}

void kith_stream_close(struct kith_stream *stream)
{
	if (stream->closing)
		return;
	if (usable(stream->conn))
		give_up(stream->conn, stream->id);
	stream->closing = true;
	needs_work(stream);
}

struct kith_conn *kith_stream_conn(const struct kith_stream *stream)
{
	return stream->conn;
}

void *kith_stream_user(const struct kith_stream *stream)
{
	return stream->user;
}

uint16_t kith_stream_channel(const struct kith_stream *stream)
{
	return stream->channel;
}
