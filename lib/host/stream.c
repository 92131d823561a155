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

/* Whether it still sends: also what was finished before the connection was closed. */
static bool sends(const struct kith_conn *conn)
{
	return (conn->state == KITH_CONN_OPEN || conn->state == KITH_CONN_LINGERING) && conn->node->core != NULL;
}

/* Why a stream of a connection that is not open takes no more calls. */
static int why_not(const struct kith_stream *stream)
{
	return stream->conn->cut && !stream->closing ? KITH_ECUT : KITH_ECLOSED;
}

/* The core may have ended the session, or the stream, with the event of it still waiting for the pump. */
static int gone_is_closed(const struct kith_stream *stream, int err)
{
	const struct kith_conn *conn = stream->conn;
	if (err != KITH_ENOENT && err != KITH_ESTATE)
		return err;
	bool over = conn->cut || kith_core_datagram_max(conn->node->core, conn->id) == 0;
	return over && !stream->ended ? KITH_ECUT : KITH_ECLOSED;
}

static int core_write(struct kith_stream *stream, const uint8_t *data, size_t len, bool fin)
{
	struct kith_node *node = stream->conn->node;
	kith_node_touch(node);
	return gone_is_closed(stream, kith_core_stream_write(node->core, kith_node_now(node), stream->conn->id,
							     stream->id, data, len > INT_MAX ? INT_MAX : len, fin));
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
	while (stream->borrowed_n > 0 && sends(stream->conn) && !stream->closing) {
		struct kith_borrowed *b = &stream->borrowed[stream->borrowed_at];
		if (b->taken < b->len) {
			int n = core_write(stream, b->data + b->taken, b->len - b->taken, false);
			if (n == KITH_EAGAIN || n == KITH_ENOMEM || n == 0)
				return;
			if (n < 0) {
				stream->write_over = true;
				release_all(stream, n);
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
	if (stream->finishing && !stream->finished && stream->borrowed_n == 0 && sends(stream->conn)) {
		int err = core_write(stream, (const uint8_t *)"", 0, true);
		stream->finished = err != KITH_EAGAIN && err != KITH_ENOMEM;
	}
}

/* Once, whether the end came with the last bytes, which kith_stream_read may have told already, or alone. */
static void tell_end(struct kith_stream *stream)
{
	if (!stream->ended || stream->end_told || stream->closing || stream->cb.fin == NULL ||
	    stream->conn->state == KITH_CONN_LINGERING)
		return;
	stream->end_told = true;
	stream->cb.fin(stream, stream->user);
}

/* Whether a session that was cut has left something to read. */
static bool unread(const struct kith_stream *stream)
{
	const struct kith_conn *conn = stream->conn;
	bool fin;
	return conn->node->core != NULL && !stream->ended &&
	       kith_core_stream_read(conn->node->core, kith_node_now(conn->node), conn->id, stream->id, NULL, 0,
				     &fin) >= 0;
}

/* The application closed the connection: 0 when all that it had finished here has arrived. */
static int why_closed(const struct kith_stream *stream, int err)
{
	return err == KITH_ECANCELED && stream->conn->arrived && stream->finished && !stream->closing ? 0 : err;
}

void kith_stream_end(struct kith_stream *stream, int err)
{
	const struct kith_conn *conn = stream->conn;
	struct kith_node *node = conn->node;
	bool cut = conn->cut && !stream->closing;
	if (cut && unread(stream) && stream->cb.readable != NULL)
		stream->cb.readable(stream, stream->user);
	tell_end(stream);
	stream->over = true;
	err = why_closed(stream, err);
	release_all(stream, err == 0 ? KITH_ECLOSED : err);
	if (stream->cb.closed != NULL)
		stream->cb.closed(stream, err, stream->user);
	if (cut && node->core != NULL) /* what is unread by now never will be */
		(void)kith_core_stream_stop(node->core, kith_node_now(node), conn->id, stream->id, 0);
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
	if (conn->cb.stream != NULL && conn->state != KITH_CONN_LINGERING)
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

/* The application has closed the connection: it hears of the end only. */
static void tell_lingering(struct kith_stream *stream, const struct kith_event *ev)
{
	if (ev->stream_change == KITH_STREAM_CHANGE_WRITABLE) {
		feed(stream);
	} else if (ev->stream_change == KITH_STREAM_CHANGE_STOPPED) {
		stream->write_over = true;
		release_all(stream, KITH_ECLOSED);
	} else if (ev->stream_change == KITH_STREAM_CHANGE_CLOSED) {
		kith_stream_end(stream, ev->err);
	}
}

void kith_stream_changed(struct kith_conn *conn, const struct kith_event *ev)
{
	struct kith_stream *stream = find(conn, ev->stream);
	if (stream == NULL && ev->stream_change == KITH_STREAM_CHANGE_OPENED)
		opened(conn, ev);
	else if (stream != NULL && !stream->closing && conn->state == KITH_CONN_LINGERING)
		tell_lingering(stream, ev);
	else if (stream != NULL && !stream->closing)
		tell(stream, ev);
}

/* ---- the application's calls ---- */

int kith_stream_open(struct kith_conn *conn, uint16_t channel, const struct kith_stream_callbacks *cb, void *user,
		     struct kith_stream **out)
{
	uint64_t id;
	struct kith_stream_callbacks full = KITH_STREAM_CALLBACKS_INIT;
	int err = out != NULL ? kith_conn_check(conn) : KITH_EINVAL;
	if (out != NULL)
		*out = NULL;
	if (err != 0)
		return err;
	struct kith_node *node = conn->node;
	if (cb != NULL && !kith_sized_read(&full, sizeof full, cb))
		return KITH_EINVAL;
	if (!usable(conn))
		return KITH_ESTATE;
	struct kith_stream *stream = make(conn, 0, channel);
	if (stream == NULL)
		return KITH_ENOMEM;
	err = kith_core_stream_open(node->core, kith_node_now(node), conn->id, channel, &id);
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
	int err = kith_stream_check(stream);
	if (err != 0)
		return err;
	if (cb != NULL && !kith_sized_read(&full, sizeof full, cb))
		return KITH_EINVAL;
	if (stream->over)
		return KITH_ECLOSED;
	stream->cb = full;
	stream->user = user;
	stream->look_again = true;
	needs_work(stream);
	return 0;
}

static bool writing_is_over(const struct kith_stream *stream)
{
	return stream->closing || stream->over || stream->finishing || stream->write_over || !usable(stream->conn);
}

int kith_stream_write(struct kith_stream *stream, const void *data, size_t len)
{
	int err = kith_stream_check(stream);
	if (err != 0)
		return err;
	if (writing_is_over(stream))
		return why_not(stream);
	if (data == NULL && len > 0)
		return KITH_EINVAL;
	if (len == 0)
		return 0;
	return stream->borrowed_n > 0 ? KITH_EAGAIN : core_write(stream, data, len, false);
}

int kith_stream_write_borrowed(struct kith_stream *stream, const void *data, size_t len, kith_release_fn release_fn,
			       void *ctx)
{
	int err = kith_stream_check(stream);
	if (err != 0)
		return err;
	if (writing_is_over(stream))
		return why_not(stream);
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
	int err = kith_stream_check(stream);
	if (err != 0)
		return err;
	if (writing_is_over(stream))
		return why_not(stream);
	stream->finishing = true;
	needs_work(stream);
	return 0;
}

int kith_stream_read(struct kith_stream *stream, void *out, size_t cap, bool *fin)
{
	int err = kith_stream_check(stream);
	bool end = false;
	if (fin != NULL)
		*fin = false;
	if (err != 0)
		return err;
	struct kith_node *node = stream->conn->node;
	if (out == NULL && cap > 0)
		return KITH_EINVAL;
	bool left = stream->conn->cut && node->core != NULL; /* the session has ended, and left something */
	if (stream->closing || stream->ended || (!left && (stream->over || !usable(stream->conn))))
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
	return gone_is_closed(stream, n);
}

int kith_stream_reset(struct kith_stream *stream, uint64_t code)
{
	int wrong = kith_stream_check(stream);
	if (wrong != 0)
		return wrong;
	struct kith_node *node = stream->conn->node;
	if (stream->closing || stream->over || stream->finished || stream->write_over || !usable(stream->conn))
		return why_not(stream);
	if (code >= UINT64_C(1) << 62)
		return KITH_EINVAL;
	int err = kith_core_stream_reset(node->core, kith_node_now(node), stream->conn->id, stream->id, code);
	if (err == 0)
		stream->write_over = true;
	needs_work(stream);
	return gone_is_closed(stream, err);
}

int kith_stream_stop(struct kith_stream *stream, uint64_t code)
{
	int wrong = kith_stream_check(stream);
	if (wrong != 0)
		return wrong;
	struct kith_node *node = stream->conn->node;
	if (stream->closing || stream->over || !usable(stream->conn))
		return why_not(stream);
	if (code >= UINT64_C(1) << 62)
		return KITH_EINVAL;
	kith_node_touch(node);
	return gone_is_closed(
		stream, kith_core_stream_stop(node->core, kith_node_now(node), stream->conn->id, stream->id, code));
}

int kith_stream_close(struct kith_stream *stream)
{
	int err = kith_stream_check(stream);
	if (err != 0)
		return err;
	if (stream->closing || stream->over)
		return KITH_ECLOSED;
	if (usable(stream->conn))
		give_up(stream->conn, stream->id);
	stream->closing = true;
	needs_work(stream);
	return 0;
}

struct kith_conn *kith_stream_conn(const struct kith_stream *stream)
{
	return stream != NULL ? stream->conn : NULL;
}

void *kith_stream_user(const struct kith_stream *stream)
{
	return stream != NULL ? stream->user : NULL;
}

uint16_t kith_stream_channel(const struct kith_stream *stream)
{
	return stream != NULL ? stream->channel : 0;
}
