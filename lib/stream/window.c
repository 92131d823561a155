/* How much may be on its way: what the peer may send us, and how much the application may write ahead.
 *
 * Receiving. A stream's window is what the peer may have sent and the application has not read. It begins as agreed
 * (start.c), and is raised by frames, as far as the application's reading asks for it: it holds what is read in
 * three round trips, and so doubles until it does, at most eightfold at once. One of the three is on its way, one
 * passes without reading while a loss is repaired, and credit comes in halves of windows, so that a peer that waits
 * for it seems to be half as fast as its window. Reading is measured over round trips, and the shortest one counts:
 * a window that fills a queue makes the others longer, and would justify itself. What had arrived before does not
 * count, so an application that reads late, or less than comes, raises nothing.
 *
 * The session's window bounds what all its streams hold together. It follows the sum of theirs, and shrinks with it: as
 * long as it can, no stream that is not read stalls another. (QUIC tells the session's credit only when half the first
 * window has piled up; that much it is ahead.) A stream takes at most half of what is left, so that the first does not
 * leave nothing for the next. What a session's window has grown by is also counted for the node (kith_streams_pool).
 * At a bound nothing fails: windows stop growing, and what is beyond them waits at the peer.
 *
 * A window never takes back what was promised: it shrinks by crediting less than was read.
 *
 * Sending. QUIC points to what was written until it is acknowledged. What is on its way is what congestion control
 * and the peer's credit allow; as much again is taken in, so that there is something to send when acknowledgements
 * come. A quarter of the session's bound is divided among all streams that there can be, so that each gets on; the
 * rest is for whoever comes first.
 */
#include "stream/internal.h"

#include "base/assert.h"
#include "base/timer.h"

enum {
	NS_PER_US = 1000,
	DOUBLINGS_MAX = 3, /* at once */
	ROUNDS = 3, /* of reading that a window holds at least */
	SEND_ROUNDS = 2, /* times what is on its way */
	SEND_EACH = 4 /* the share of the session's bound that is divided among all streams */
};

/* What is read is measured for at least so long: a busy host reads in bursts. */
#define PERIOD_MIN_US (2 * KITH_US_PER_MS)

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* ---- round trips ---- */
kith_time_us kith_window_round_trip(const struct kith_streams *s)
{
	ngtcp2_conn_stat stat;
	ngtcp2_conn_get_conn_stat(s->conn, &stat);
	return (kith_time_us)(stat.smoothed_rtt / NS_PER_US);
}

kith_time_us kith_window_round_trip_min(const struct kith_streams *s)
{
	ngtcp2_conn_stat stat;
	ngtcp2_conn_get_conn_stat(s->conn, &stat);
	bool measured = stat.first_rtt_sample_ts != UINT64_MAX;
	return (kith_time_us)((measured ? stat.min_rtt : stat.smoothed_rtt) / NS_PER_US);
}

/* ---- the session's window ---- */
size_t kith_window_first(const struct kith_streams *s)
{
	return STREAMS_SHARE * s->cfg.window;
}

/* What the session's window may be. */
static size_t session_bound(const struct kith_streams *s)
{
	const struct kith_streams_pool *pool = s->cfg.pool;
	if (pool == NULL)
		return s->cfg.session_max;
	size_t left = pool->used < pool->max ? pool->max - pool->used : 0;
	return left < s->cfg.session_max - s->window ? s->window + left : s->cfg.session_max;
}

/* What it should be for the present streams. */
static size_t session_wanted(const struct kith_streams *s)
{
	size_t first = kith_window_first(s);
	size_t wanted = s->windows + first / 2;
	return wanted > first ? wanted : first;
}

static void set_session(struct kith_streams *s, size_t window)
{
	if (s->cfg.pool != NULL)
		s->cfg.pool->used = s->cfg.pool->used - s->window + window;
	s->window = window;
}

static void widen_session(struct kith_streams *s)
{
	size_t window = smaller(session_wanted(s), session_bound(s));
	if (window <= s->window)
		return;
	if (s->conn != NULL)
		ngtcp2_conn_extend_max_offset(s->conn, window - s->window);
	set_session(s, window);
}

static void credit_session(struct kith_streams *s, size_t len)
{
	size_t wanted = session_wanted(s);
	size_t kept = s->window > wanted ? smaller(len, s->window - wanted) : 0;
	set_session(s, s->window - kept);
	ngtcp2_conn_extend_max_offset(s->conn, len - kept);
}

void kith_window_deinit(struct kith_streams *s)
{
	set_session(s, kith_window_first(s));
}

/* ---- a stream's window ---- */
void kith_window_open(struct kith_streams *s, struct kith_quic_stream *st)
{
	st->window = s->cfg.window;
	st->judged_at = s->pace_at;
	s->windows += st->window;
	widen_session(s);
}

void kith_window_close(struct kith_streams *s, struct kith_quic_stream *st)
{
	KITH_ASSERT(st->window <= s->windows);
	s->windows -= st->window;
	st->window = 0;
}

static void credit_stream(struct kith_streams *s, const struct kith_quic_stream *st, size_t len)
{
	if (!(st->flags & STREAM_IN_QUIC))
		return;
	int rv = ngtcp2_conn_extend_max_stream_offset(s->conn, (int64_t)st->id, len);
	if (rv == NGTCP2_ERR_NOMEM && s->failed == 0)
		s->failed = KITH_ENOMEM;
}

/* read: bytes in a round trip. */
static void widen(struct kith_streams *s, struct kith_quic_stream *st, uint64_t read)
{
	size_t window = st->window, taken = s->windows + kith_window_first(s) / 2, bound = session_bound(s);
	size_t left = bound > taken ? bound - taken : 0;
	for (unsigned i = 0; i < DOUBLINGS_MAX && window <= ROUNDS * read && window < s->cfg.window_max; i++)
		window *= 2;
	window = smaller(smaller(window, s->cfg.window_max), st->window + left / 2);
	credit_stream(s, st, window - st->window);
	s->windows += window - st->window;
	st->window = window;
	widen_session(s);
}

void kith_window_consumed(struct kith_streams *s, struct kith_quic_stream *st, size_t len)
{
	if (s->conn == NULL || s->dead != 0 || len == 0)
		return;
	st->consumed += len;
	credit_stream(s, st, len);
	credit_session(s, len);
	kith_time_us took = s->pace_at - st->judged_at;
	if (st->window == 0 || took < PERIOD_MIN_US)
		return;
	kith_time_us rtt = kith_window_round_trip_min(s);
	if (took < rtt)
		return;
	if (st->consumed > st->judge_from)
		widen(s, st, (st->consumed - st->judge_from) * (uint64_t)rtt / (uint64_t)took);
	st->judged_at = s->pace_at;
	st->judge_from = st->consumed + st->recv.len; /* what has arrived already says nothing about the peer */
}

/* ---- sending ---- */
static size_t ahead(const struct kith_streams *s)
{
	ngtcp2_conn_stat stat = { 0 };
	if (s->conn != NULL)
		ngtcp2_conn_get_conn_stat(s->conn, &stat);
	uint64_t most = SEND_ROUNDS * stat.bytes_in_flight;
	if (most < s->cfg.window)
		return s->cfg.window;
	return most < s->cfg.window_max ? (size_t)most : s->cfg.window_max;
}

size_t kith_window_room(const struct kith_streams *s, const struct kith_quic_stream *st)
{
	size_t held = st->send.held, each = s->cfg.session_max / SEND_EACH / 2 / s->cfg.streams_max;
	size_t shared = s->cfg.session_max - s->cfg.session_max / SEND_EACH;
	size_t bound = ahead(s);
	size_t left = s->held < shared ? shared - s->held : 0;
	size_t own = held < each ? each - held : 0;
	left = left > own ? left : own;
	return held < bound ? smaller(bound - held, left) : 0;
}
