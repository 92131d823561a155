/* Sessions between two devices, and what travels on them: datagrams and streams.
 *
 * A session is end-to-end encrypted, with a verified name, for one service; a call is its beginning, from the dialling
 * until it is open. struct kith_conn is the application's handle of a session. A session has several paths at once and
 * survives the death of any of them; the application only hears which one carries its data.
 *
 * Handles: a kith_conn lives until its closed callback returned, a stream until its own; both are called exactly
 * once, also after kith_conn_close and kith_stream_close, and last. All threads and callbacks: see <kith/node.h>.
 */
#ifndef KITH_SESSION_H
#define KITH_SESSION_H

#include <kith/node.h>

/* Any may be NULL. user is what came with the callbacks. */
struct kith_conn_callbacks {
	size_t size; /* sizeof, set by KITH_CONN_CALLBACKS_INIT or kith_conn_callbacks_init */

	/* A session that was accepted is up now. (For one's own calls kith_connect's callback tells that.) */
	void (*opened)(struct kith_conn *conn, void *user);

	/* Data goes another way now. */
	void (*path_changed)(struct kith_conn *conn, const struct kith_path_info *path, void *user);

	/* A datagram of the other side. */
	void (*datagram)(struct kith_conn *conn, uint16_t channel, const uint8_t *data, size_t len, void *user);

	/* After KITH_EAGAIN of kith_conn_send: datagrams are taken again. */
	void (*writable)(struct kith_conn *conn, void *user);

	/* The other side opened a stream. Give it callbacks here; without this callback it is reset. */
	void (*stream)(struct kith_conn *conn, struct kith_stream *stream, uint16_t channel, void *user);

	/* It is over, for this reason; remote: the other side ended it. Its streams were closed before. */
	void (*closed)(struct kith_conn *conn, enum kith_close_reason reason, bool remote, void *user);

	/* Nothing of the other side has been heard for silent_us, on any path. Other ways are being looked for; streams
	 * wait, datagrams are not taken. Then resumed follows, or closed when the patience is over. */
	void (*interrupted)(struct kith_conn *conn, kith_time_us silent_us, void *user);

	/* After interrupted: the other side is there again; it had not been heard for silent_us in all. */
	void (*resumed)(struct kith_conn *conn, kith_time_us silent_us, void *user);

	/* What the other side said with its call (kith_connect_early), once: right behind incoming, or else behind
	 * opened, or at one's own call. Not if kith_conn_early has taken it. */
	void (*early)(struct kith_conn *conn, const uint8_t *data, size_t len, void *user);
};

/* No callbacks, and the size. */
#define KITH_CONN_CALLBACKS_INIT KITH_SIZED(kith_conn_callbacks)
static inline void kith_conn_callbacks_init(struct kith_conn_callbacks *cb)
{
	struct kith_conn_callbacks none = KITH_CONN_CALLBACKS_INIT;
	*cb = none;
}

/* For bindings: as kith_node_callbacks_new, _free and _set; errors as kith_node_callbacks_set. */
KITH_EXPORT struct kith_conn_callbacks *kith_conn_callbacks_new(void);
KITH_EXPORT void kith_conn_callbacks_free(struct kith_conn_callbacks *cb);
KITH_EXPORT int kith_conn_callbacks_set(struct kith_conn_callbacks *cb, const char *name, kith_any_fn fn) KITH_MUST_USE;

/* How a call ended: 0 and the open session (set its callbacks here), or conn is NULL and err one of KITH_ENOENT (the
 * directory has no device of that name whose certificates are good), KITH_EOFFLINE, KITH_EREJECTED, KITH_ETIMEDOUT,
 * KITH_EUNREACHABLE, KITH_EDETACHED (no home for 5 s), KITH_EPINNED, KITH_EACCES (we have blocked it), KITH_ERELAYONLY,
 * KITH_ECANCELED, KITH_EAUTH (who answered is not who was called, or its certificates are not good), KITH_EFULL and
 * KITH_ENOMEM (here). If time was over just when a supernode could not look the name up, what it said: KITH_ELIMIT (it
 * does not do so much for us at once), KITH_ECLOSED (its session ended), KITH_EPROTO and such if it is out of order. */
typedef void (*kith_connect_fn)(struct kith_call *call, int err, struct kith_conn *conn, void *user);

/* Calls a name. If that name calls us for the same service at the same time, both calls end with one session. When
 * it is given up (kith_call_cancel, or its time is over), a callee that still rings is told, and hears closed with
 * KITH_CLOSE_CANCELED. timeout_us 0: 30 s, time for a person to decide. out may be NULL. KITH_EINVAL (also for our
 * own name), KITH_ENAME, KITH_EFULL (64 operations), KITH_ENOMEM, KITH_ESTATE (not running): then done is never
 * called. */
KITH_EXPORT int kith_connect(struct kith_node *node, const char *name, const char *service, kith_time_us timeout_us,
			     kith_connect_fn done, void *user, struct kith_call **out) KITH_MUST_USE;

/* The same, with up to KITH_EARLY_MAX bytes that the callee's application is told with the call: half a round trip
 * after the callee was found, before it has answered, and whether or not it will accept. It is told of calls that ring
 * only, not of those that are refused by its list of contacts or for want of the service.
 * Encrypted to the callee's device, but *not forward secret*: whoever gets that device's key later can read what was
 * recorded. Protected against replay, and told at most once for a call (but to a program that ends and starts again
 * while it is called: there it may be told anew); once if the call opens, unless its session ends within its first
 * round trips. Bytes are told when the session has opened where they cannot be known to be new (the callee has just
 * started, or clocks differ by more than 5 s), where they do not fit beside a long chain of certificates, and where the
 * callee calls as well. KITH_EMSGSIZE: more bytes; KITH_EINVAL: data is NULL, and len is not 0. Copied. */
KITH_EXPORT int kith_connect_early(struct kith_node *node, const char *name, const char *service,
				   kith_time_us timeout_us, const void *data, size_t len, kith_connect_fn done,
				   void *user, struct kith_call **out) KITH_MUST_USE;

/* Takes what the other side said with its call, for whoever decides by it in incoming: its length, copied to out.
 * KITH_ENOENT: nothing, or it was taken, or it is not known to be new before the call is accepted (then the early
 * callback tells it); KITH_EINVAL, KITH_ETHREAD; KITH_ESTATE: it is over. */
KITH_EXPORT int kith_conn_early(struct kith_conn *conn, uint8_t out[KITH_EARLY_MAX]);

/* cb is copied; NULL: none any more. KITH_EINVAL: cb has no size (KITH_CONN_CALLBACKS_INIT); nothing was changed. */
KITH_EXPORT int kith_conn_set_callbacks(struct kith_conn *conn, const struct kith_conn_callbacks *cb, void *user);

/* Answers an incoming call. KITH_ESTATE: it was answered, or is over. */
KITH_EXPORT int kith_conn_accept(struct kith_conn *conn) KITH_MUST_USE;
KITH_EXPORT int kith_conn_reject(struct kith_conn *conn, enum kith_close_reason reason);

/* Ends it. What streams have finished (kith_stream_finish) is sent first, within the time of kith_conn_linger; all
 * else is lost, and of the other side nothing is taken any more. The closed callback follows, without any other
 * before it but those of streams that end. KITH_ESTATE: it is ending already. */
KITH_EXPORT int kith_conn_close(struct kith_conn *conn, enum kith_close_reason reason);

/* How long closing waits for that; 0: not at all; at first the node's linger_us. KITH_EINVAL: negative; KITH_ESTATE: it
 * is closed already. */
KITH_EXPORT int kith_conn_linger(struct kith_conn *conn, kith_time_us us);
/* How long the session is kept while nothing of the other side is heard, counted from when that is noticed: default
 * 60 s. KITH_TIME_NEVER: until it is closed, or the other side has given it up and says so when it can be heard
 * again: for a shell, or a call on hold. The other side has a patience of its own. KITH_EINVAL: not above 0;
 * KITH_ESTATE: it is over. */
KITH_EXPORT int kith_conn_patience(struct kith_conn *conn, kith_time_us patience_us);

/* Sends a datagram on a channel, which is the application's to number: unordered, at most once. Copied.
 * Datagrams are paced: at first 12 kB leave at once, and as much in each round trip. A sender that uses more than half
 * of its allowance gets more with every round trip that loses nothing (twice as much at first), and less when more than
 * 3 % is lost, but never less than one datagram. If nothing that is sent arrives any more, sending is cut to that after
 * 2 s, and stopped after 8 s, until the path is heard again. A voice call does not come near any of this. KITH_EAGAIN:
 * not taken; drop it, or send it when the writable callback follows; KITH_EMSGSIZE: more than kith_conn_datagram_max;
 * KITH_ESTATE: not open; KITH_ENOMEM. */
KITH_EXPORT int kith_conn_send(struct kith_conn *conn, uint16_t channel, const void *data, size_t len) KITH_MUST_USE;

/* Bytes: the same for every session that is open, whichever path it takes; 0 when it is over. */
KITH_EXPORT size_t kith_conn_datagram_max(const struct kith_conn *conn);

/* The person at the other end, as verified. KITH_ESTATE: the session is over. */
KITH_EXPORT int kith_conn_info_sized(const struct kith_conn *conn, struct kith_session_info *out, size_t size);
static inline int kith_conn_info(const struct kith_conn *conn, struct kith_session_info *out)
{
	return kith_conn_info_sized(conn, out, sizeof *out);
}

/* Name and service of kith_conn_info, valid until the connection's closed callback returned. */
KITH_EXPORT const char *kith_conn_name(const struct kith_conn *conn);
KITH_EXPORT const char *kith_conn_service(const struct kith_conn *conn);

/* Fills in up to n paths and returns how many there are. */
KITH_EXPORT size_t kith_conn_paths(const struct kith_conn *conn, struct kith_path_info out[], size_t n);

/* Round-trip time in microseconds, of the path that carries data; 0: not measured yet. Paths are measured all the
 * time, so nothing is sent; the others' are in kith_conn_paths. */
KITH_EXPORT kith_time_us kith_ping(const struct kith_conn *conn);

/* Why data takes the path it takes: every address tried, what was sent and heard, why a path failed and what would
 * help. One event per line, NUL-terminated; returns the length, cut at cap - 1. When the session is over, until the
 * closed callback returned: how it ended, and what was known then, in at most 4 KiB. */
KITH_EXPORT size_t kith_explain(const struct kith_conn *conn, char *out, size_t cap);

/* The same of the last session with that name that ended, for a minute: of the last 16 that were open. 0: there is
 * none. */
KITH_EXPORT size_t kith_explain_last(const struct kith_node *node, const char *name, char *out, size_t cap);

/* 0: the other side has just proved, for this very context, that it holds the key of its certificates; else why not:
 * KITH_EAUTH (the proof is another identity's), KITH_ESIGNATURE, KITH_ENETWORK, KITH_ECHAIN, KITH_ENAME, KITH_EEXPIRED,
 * KITH_ENOTYET, KITH_EREVOKED, KITH_EPROTO, KITH_EVERSION, KITH_ENOTSUP; KITH_EACCES: it does not take part, as our
 * certificates are not good there any more; KITH_ETIMEDOUT; KITH_ECLOSED: the session ended; KITH_ECANCELED. */
typedef void (*kith_challenge_fn)(struct kith_call *call, int err, void *user);

/* Asks for such a proof: challenge and response on top of those of the handshake, for applications that want one at
 * a certain moment. context: at most 64 printable characters, the application's. out may be NULL. KITH_EINVAL (of the
 * context, too), KITH_ESTATE (not open, or one is under way), KITH_EFULL (64 operations), KITH_ENOMEM: then done is
 * never called. */
KITH_EXPORT int kith_challenge(struct kith_conn *conn, const char *context, kith_challenge_fn done, void *user,
			       struct kith_call **out) KITH_MUST_USE;

/* The node that it belongs to, and what its callbacks were given. */
KITH_EXPORT struct kith_node *kith_conn_node(const struct kith_conn *conn);
KITH_EXPORT void *kith_conn_user(const struct kith_conn *conn);

/* ---- streams: reliable, ordered bytes in both directions (QUIC streams, RFC 9000, inside of the session) ---- */

/* Any may be NULL. user is what came with the callbacks. */
struct kith_stream_callbacks {
	size_t size; /* sizeof, set by KITH_STREAM_CALLBACKS_INIT or kith_stream_callbacks_init */

	/* There is something to read: read until KITH_EAGAIN or the end. Not repeated until more arrives. */
	void (*readable)(struct kith_stream *stream, void *user);

	/* After KITH_EAGAIN, or a write that was cut short: there is room again. */
	void (*writable)(struct kith_stream *stream, void *user);

	/* The other side has ended its sending, and everything was read: once, after kith_stream_read told the same if
	 * the end came with bytes. Not after reset. */
	void (*fin)(struct kith_stream *stream, void *user);

	/* The other side gave up sending; what was not read is lost. code is the application's. */
	void (*reset)(struct kith_stream *stream, uint64_t code, void *user);

	/* The other side does not want more; writing fails from now on. */
	void (*stopped)(struct kith_stream *stream, void *user);

	/* It is over: both directions ended (0); the session was cut before that (KITH_ECUT), by the other side or for
	 * want of a path; or it, its connection or the node was closed here (KITH_ECANCELED; 0 if it was finished
	 * before, and all of it has arrived). What had arrived when the session was cut is told by readable before, and
	 * can be read until this callback returns: only fin is an end. KITH_EPROTO, KITH_ENOMEM, KITH_ETIMEDOUT: the
	 * session's streams failed, and the session goes on. */
	void (*closed)(struct kith_stream *stream, int err, void *user);
};

/* No callbacks, and the size. */
#define KITH_STREAM_CALLBACKS_INIT KITH_SIZED(kith_stream_callbacks)
static inline void kith_stream_callbacks_init(struct kith_stream_callbacks *cb)
{
	struct kith_stream_callbacks none = KITH_STREAM_CALLBACKS_INIT;
	*cb = none;
}

/* For bindings: as kith_node_callbacks_new, _free and _set; errors as kith_node_callbacks_set. */
KITH_EXPORT struct kith_stream_callbacks *kith_stream_callbacks_new(void);
KITH_EXPORT void kith_stream_callbacks_free(struct kith_stream_callbacks *cb);
KITH_EXPORT int kith_stream_callbacks_set(struct kith_stream_callbacks *cb, const char *name,
					  kith_any_fn fn) KITH_MUST_USE;

/* Opens a stream on a channel, which the other side is told. It can be written to at once. cb is copied, NULL: none.
 * KITH_EFULL (64 open ones of ours), KITH_ENOMEM, KITH_ESTATE: the session is not open; KITH_ENOTSUP: the other side
 * has no streams; KITH_EINVAL: cb has no size (KITH_STREAM_CALLBACKS_INIT). */
KITH_EXPORT int kith_stream_open(struct kith_conn *conn, uint16_t channel, const struct kith_stream_callbacks *cb,
				 void *user, struct kith_stream **out) KITH_MUST_USE;

/* cb is copied; NULL: none any more. If there is something to read, readable comes (again). KITH_EINVAL: cb has no
 * size, KITH_ECLOSED: the stream is over; nothing was changed. */
KITH_EXPORT int kith_stream_set_callbacks(struct kith_stream *stream, const struct kith_stream_callbacks *cb,
					  void *user);

/* Copies as many bytes as there is room for, and returns how many: less than len, or KITH_EAGAIN for none, means that
 * the writable callback follows. There is room for 256 KiB that have not arrived, and for twice what is on its way if
 * that is more, up to the node's stream_window_max. KITH_ECLOSED: ended, reset or stopped; KITH_ECUT: the session is
 * over; KITH_ENOMEM: nothing was taken. */
KITH_EXPORT int kith_stream_write(struct kith_stream *stream, const void *data, size_t len) KITH_MUST_USE;

/* Takes len bytes without copying them at once: they are borrowed until release is called, exactly once: when the
 * last one is in the stream's buffer (0), or when the stream ended before that (KITH_ECLOSED, KITH_ECUT,
 * KITH_ECANCELED). Further writes queue up behind: kith_stream_write says KITH_EAGAIN meanwhile. KITH_EAGAIN:
 * KITH_STREAM_BORROWS pieces are waiting; KITH_ECLOSED, KITH_ECUT: release is not called. */
#define KITH_STREAM_BORROWS 16
typedef void (*kith_release_fn)(const void *data, size_t len, int err, void *ctx);
KITH_EXPORT int kith_stream_write_borrowed(struct kith_stream *stream, const void *data, size_t len,
					   kith_release_fn release, void *ctx) KITH_MUST_USE;

/* Ends the sending direction after all that was written. KITH_ECLOSED: was ended before; KITH_ECUT. */
KITH_EXPORT int kith_stream_finish(struct kith_stream *stream);

/* Copies out up to cap bytes and returns how many. *fin (may be NULL): the last byte was read; the count may then be
 * 0. KITH_EAGAIN: nothing now; KITH_ECLOSED: after the end, after reset, and when it was stopped or closed;
 * KITH_ECUT: the session was cut, and this is all that had come; KITH_ETIMEDOUT: the same of its streams alone. Reading
 * is what lets the other side send more. */
KITH_EXPORT int kith_stream_read(struct kith_stream *stream, void *out, size_t cap, bool *fin) KITH_MUST_USE;

/* Gives up sending: what is unsent is dropped, the other side sees reset with the code (62 bits). KITH_ECLOSED,
 * KITH_ECUT, KITH_EINVAL. */
KITH_EXPORT int kith_stream_reset(struct kith_stream *stream, uint64_t code);

/* Gives up reading: what was not read is dropped, the other side sees stopped. KITH_ECLOSED, KITH_ECUT, KITH_EINVAL. */
KITH_EXPORT int kith_stream_stop(struct kith_stream *stream, uint64_t code);

/* Gives the stream up in both directions, unless both have ended. The closed callback follows, with KITH_ECANCELED.
 * Give up nothing that matters: kith_stream_finish, and wait for closed. KITH_ECLOSED: it is closed already. */
KITH_EXPORT int kith_stream_close(struct kith_stream *stream);

/* The session that it belongs to, what its callbacks were given, and its channel. */
KITH_EXPORT struct kith_conn *kith_stream_conn(const struct kith_stream *stream);
KITH_EXPORT void *kith_stream_user(const struct kith_stream *stream);
KITH_EXPORT uint16_t kith_stream_channel(const struct kith_stream *stream);

#endif
