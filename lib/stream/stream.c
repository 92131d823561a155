/* The streams of a session: their table, their buffers, their events, and the application's calls.
 *
 * An event is a bit on its stream, and a stream with bits stands in a queue: raising one twice is raising it once, and
 * none is ever refused. Bits of one stream come out in the order of enum kith_stream_event_type.
 *
 * A stream is freed when the application has been told CLOSED; that is raised when QUIC is through with it and the
 * application has read to the end (or has given up reading, or the peer has reset).
 */
#include "stream/stream.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "base/rng.h"
#include "base/timer.h"
#include "stream/internal.h"

enum {
	RING_KEPT = 4096, /* an emptied receive buffer above is freed */
	CODE_BITS = 62, /* RFC 9000, 16 */
	/* What QUIC may allocate: for itself; and for each byte of the session's bound, which may arrive out of order
	 * while as many others are on their way to the peer. */
	QUIC_MEMORY = 1024 * 1024,
	QUIC_MEMORY_SHARE = 2
};

#define EVENT_BIT(type) (1u << (unsigned)(type))

void kith_streams_config_init(struct kith_streams_config *cfg)
{
	*cfg = (struct kith_streams_config){
		.control = KITH_STREAMS_CUBIC,
		.streams_max = KITH_STREAMS_MAX,
		.window = KITH_STREAMS_WINDOW,
		.window_max = KITH_STREAMS_WINDOW_MAX,
		.session_max = KITH_STREAMS_SESSION_MAX,
	};
}

static bool config_valid(const struct kith_streams_config *cfg)
{
	return cfg->alloc != NULL && cfg->random != NULL && cfg->streams_max > 0 &&
	       cfg->streams_max <= KITH_STREAMS_MAX_MAX && cfg->window >= KITH_STREAMS_WINDOW_MIN &&
	       cfg->window_max >= cfg->window && cfg->session_max >= cfg->window_max &&
	       cfg->session_max / STREAMS_SHARE >= cfg->window && cfg->session_max <= KITH_STREAMS_SESSION_LIMIT &&
	       cfg->rtt_us >= 0 && cfg->now >= 0;
}

int kith_streams_new(struct kith_streams **out, const struct kith_streams_config *cfg)
{
	*out = NULL;
	if (!config_valid(cfg))
		return KITH_EINVAL;
	struct kith_streams *s = KITH_NEW(cfg->alloc, struct kith_streams);
	if (s == NULL)
		return KITH_ENOMEM;
	s->cfg = *cfg;
	s->pace_at = cfg->now;
	s->probed_at = cfg->now;
	s->answered_at = cfg->now;
	s->next_id = cfg->initiator ? 0 : 1;
	kith_link_init(&s->sending);
	kith_link_init(&s->waiting);
	kith_link_init(&s->blocked);
	kith_link_init(&s->events);
	s->window = kith_window_first(s);
	kith_quic_memory_init(&s->memory, cfg->alloc, QUIC_MEMORY + QUIC_MEMORY_SHARE * cfg->session_max);
	uint64_t seed[2] = { kith_rng_u64(cfg->random), kith_rng_u64(cfg->random) };
	kith_table_init(&s->table, cfg->alloc, 2 * cfg->streams_max, KITH_TABLE_KEY(struct kith_quic_stream, id), seed);
	int rv = kith_quic_start(s, cfg->now);
	if (rv != 0) {
		kith_streams_free(s);
		return rv;
	}
	*out = s;
	return 0;
}

static void drop_unsent(struct kith_streams *s, struct kith_quic_stream *st)
{
	s->held -= st->send.held;
	kith_sendbuf_deinit(&st->send, s->cfg.alloc);
}

static void stream_free(struct kith_streams *s, struct kith_quic_stream *st)
{
	kith_quic_stream_freed(s, st);
	kith_window_close(s, st);
	if (st->flags & STREAM_LOCAL)
		s->opened_here--;
	else
		s->opened_there--;
	(void)kith_table_remove(&s->table, &st->id);
	kith_link_remove(&st->sending);
	kith_link_remove(&st->events);
	drop_unsent(s, st);
	kith_gaps_deinit(&st->gaps, s->cfg.alloc);
	kith_ring_deinit(&st->recv);
	KITH_FREE(s->cfg.alloc, st);
}

void kith_streams_free(struct kith_streams *s)
{
	if (s == NULL)
		return;
	s->dead = s->dead != 0 ? s->dead : KITH_ECLOSED; /* so that freeing a stream grants the peer nothing */
	kith_quic_free(s);
	uint32_t it = 0;
	for (struct kith_quic_stream *st = kith_table_next(&s->table, &it); st != NULL;
	     st = kith_table_next(&s->table, &it)) {
		stream_free(s, st);
		it = 0;
	}
	kith_table_deinit(&s->table);
	kith_window_deinit(s);
	const struct kith_alloc *alloc = s->cfg.alloc;
	KITH_FREE(alloc, s);
}

/* ---- for callback.c and quic.c ---- */
void kith_quic_stream_raise(struct kith_streams *s, struct kith_quic_stream *st, enum kith_stream_event_type type)
{
	if (st->pending == 0)
		kith_link_append(&s->events, &st->events);
	st->pending |= (uint8_t)EVENT_BIT(type);
}

static void lower(struct kith_quic_stream *st, unsigned bits)
{
	st->pending &= (uint8_t)~bits;
	if (st->pending == 0)
		kith_link_remove(&st->events);
}

/* Raises CLOSED if nothing stands in its way: not before what has arrived was read, to the end or to the cut. Frees a
 * stream that the application never heard of. */
static void close_if_over(struct kith_streams *s, struct kith_quic_stream *st)
{
	const uint32_t reading_over = STREAM_END_TOLD | STREAM_RESET_RECEIVED | STREAM_STOPPED_READING;
	if (!(st->flags & STREAM_CLOSED))
		return;
	if (!(st->flags & STREAM_ANNOUNCED))
		stream_free(s, st);
	else if (st->flags & reading_over || (!(st->flags & STREAM_FIN_RECEIVED) && st->recv.len == 0))
		kith_quic_stream_raise(s, st, KITH_STREAM_CLOSED);
}

struct kith_quic_stream *kith_quic_stream_create(struct kith_streams *s, uint64_t id)
{
	struct kith_quic_stream *st = KITH_NEW(s->cfg.alloc, struct kith_quic_stream);
	if (st == NULL)
		return NULL;
	st->id = id;
	kith_link_init(&st->sending);
	kith_link_init(&st->events);
	kith_ring_init(&st->recv, s->cfg.alloc, s->cfg.window_max);
	if (kith_table_put(&s->table, st) != 0) {
		KITH_FREE(s->cfg.alloc, st);
		return NULL;
	}
	if ((id & 1) == (s->next_id & 1)) {
		st->flags = STREAM_LOCAL | STREAM_ANNOUNCED;
		s->opened_here++;
	} else {
		s->opened_there++;
	}
	kith_window_open(s, st);
	return st;
}

void kith_quic_stream_wants_to_send(struct kith_streams *s, struct kith_quic_stream *st)
{
	bool fin = (st->flags & (STREAM_FIN_QUEUED | STREAM_FIN_SENT)) == STREAM_FIN_QUEUED;
	if (st->flags & STREAM_IN_QUIC && kith_link_empty(&st->sending) && (st->send.waiting > 0 || fin))
		kith_link_append(&s->sending, &st->sending);
}

/* The opener's first bytes are the channel. Returns how many were taken. */
static size_t take_prefix(struct kith_streams *s, struct kith_quic_stream *st, const uint8_t *p, size_t len)
{
	size_t n = 0;
	if (st->flags & STREAM_ANNOUNCED)
		return 0;
	for (; n < len && st->prefix_got < STREAM_PREFIX; n++, st->prefix_got++)
		st->channel = (uint16_t)(st->channel << 8 | p[n]);
	kith_window_consumed(s, st, n);
	if (st->prefix_got == STREAM_PREFIX) {
		st->flags |= STREAM_ANNOUNCED;
		kith_quic_stream_raise(s, st, KITH_STREAM_OPENED);
	}
	return n;
}

int kith_quic_stream_deliver(struct kith_streams *s, struct kith_quic_stream *st, const uint8_t *p, size_t len,
			     bool fin)
{
	st->delivered += len;
	kith_gaps_passed(&st->gaps, s->cfg.alloc, st->delivered);
	size_t skip = take_prefix(s, st, p, len);
	len -= skip;
	if (fin && !(st->flags & STREAM_ANNOUNCED))
		return KITH_EPROTO;
	if (st->flags & STREAM_STOPPED_READING) {
		kith_window_consumed(s, st, len);
		return 0;
	}
	if (len > 0) {
		if (kith_ring_write(&st->recv, p + skip, len) != len)
			return KITH_ENOMEM;
		kith_quic_stream_raise(s, st, KITH_STREAM_READABLE);
	}
	if (fin) {
		st->flags |= STREAM_FIN_RECEIVED;
		if (st->recv.len == 0)
			kith_quic_stream_raise(s, st, KITH_STREAM_FIN);
	}
	return 0;
}

void kith_quic_stream_on_acked(struct kith_streams *s, struct kith_quic_stream *st, size_t len)
{
	enum { ROOM_SHARE = 4 }; /* told when a quarter of the first window is free: not for every packet */
	if (len == 0)
		st->flags |= STREAM_FIN_ACKED; /* QUIC tells of no bytes for this alone */
	kith_sendbuf_acked(&st->send, s->cfg.alloc, len);
	s->held -= len;
	if (!(st->flags & STREAM_WANTS_ROOM) || st->flags & STREAM_WRITE_OVER)
		return;
	/* While other streams hold all that the session may, it is enough that all of this one has arrived. */
	if (kith_window_room(s, st) < s->cfg.window / ROOM_SHARE && st->send.held > 0)
		return;
	st->flags &= ~(uint32_t)STREAM_WANTS_ROOM;
	kith_quic_stream_raise(s, st, KITH_STREAM_WRITABLE);
}

static void drop_unread(struct kith_streams *s, struct kith_quic_stream *st)
{
	size_t unread = st->recv.len;
	kith_ring_deinit(&st->recv);
	kith_window_close(s, st);
	kith_window_consumed(s, st, unread);
	lower(st, EVENT_BIT(KITH_STREAM_READABLE) | EVENT_BIT(KITH_STREAM_FIN));
}

void kith_quic_stream_on_reset(struct kith_streams *s, struct kith_quic_stream *st, uint64_t code)
{
	if (st->flags & (STREAM_FIN_RECEIVED | STREAM_RESET_RECEIVED))
		return; /* all bytes came before: nothing is taken back */
	st->flags |= STREAM_RESET_RECEIVED;
	st->reset_code = code;
	drop_unread(s, st);
	if (!(st->flags & STREAM_ANNOUNCED))
		kith_quic_reset(s, st, 0); /* given up before its channel came: nobody here will ever answer */
	else if (!(st->flags & STREAM_STOPPED_READING))
		kith_quic_stream_raise(s, st, KITH_STREAM_RESET);
}

void kith_quic_stream_on_stopped(struct kith_streams *s, struct kith_quic_stream *st)
{
	kith_link_remove(&st->sending);
	lower(st, EVENT_BIT(KITH_STREAM_WRITABLE));
	bool by_peer = !(st->flags & STREAM_RESET_QUEUED);
	st->flags |= STREAM_WRITE_OVER | STREAM_FIN_SENT | STREAM_RESET_QUEUED;
	if (by_peer && st->flags & STREAM_ANNOUNCED)
		kith_quic_stream_raise(s, st, KITH_STREAM_STOPPED);
}

void kith_quic_stream_on_closed(struct kith_streams *s, struct kith_quic_stream *st)
{
	kith_link_remove(&st->sending);
	lower(st, EVENT_BIT(KITH_STREAM_WRITABLE));
	drop_unsent(s, st);
	kith_gaps_deinit(&st->gaps, s->cfg.alloc);
	st->flags &= ~(uint32_t)STREAM_IN_QUIC;
	st->flags |= STREAM_CLOSED | STREAM_WRITE_OVER;
	close_if_over(s, st);
}

void kith_streams_die(struct kith_streams *s, int error)
{
	uint32_t it = 0;
	bool kept = error == KITH_ECUT || error == KITH_ETIMEDOUT; /* else the peer is no friend, or memory is short */
	KITH_ASSERT(s->dead == 0 && error != 0);
	s->dead = error;
	for (struct kith_quic_stream *st = kith_table_next(&s->table, &it); st != NULL;
	     st = kith_table_next(&s->table, &it)) {
		if (st->flags & STREAM_CLOSED)
			continue; /* complete: what is unread may still be read */
		bool known = st->flags & STREAM_ANNOUNCED && !(st->pending & EVENT_BIT(KITH_STREAM_OPENED));
		kith_window_close(s, st);
		st->error = error;
		if (!kept) {
			lower(st, UINT8_MAX);
			drop_unread(s, st);
			st->flags |= STREAM_RESET_RECEIVED;
		}
		if (known) {
			kith_quic_stream_on_closed(s, st);
			continue;
		}
		lower(st, UINT8_MAX);
		st->flags &= ~(uint32_t)STREAM_ANNOUNCED;
	}
	/* The rest frees streams, and so must not walk the table. */
	it = 0;
	for (struct kith_quic_stream *st = kith_table_next(&s->table, &it); st != NULL;
	     st = kith_table_next(&s->table, &it)) {
		if (st->flags & STREAM_ANNOUNCED)
			continue;
		stream_free(s, st);
		it = 0;
	}
	if (!s->close_pending)
		kith_quic_free(s);
}

/* ---- events ---- */
static enum kith_stream_event_type first_event(const struct kith_quic_stream *st)
{
	unsigned type = KITH_STREAM_OPENED;
	while (!(st->pending & EVENT_BIT(type)))
		type++;
	return (enum kith_stream_event_type)type;
}

bool kith_streams_event(struct kith_streams *s, struct kith_stream_event *ev)
{
	*ev = (struct kith_stream_event){ .type = KITH_STREAM_DEAD, .error = s->dead };
	if (kith_link_empty(&s->events)) {
		if (s->dead == 0 || s->dead_told || s->table.n > 0)
			return false;
		s->dead_told = true;
		return true;
	}
	struct kith_quic_stream *st = KITH_CONTAINER_OF(s->events.next, struct kith_quic_stream, events);
	ev->type = first_event(st);
	ev->id = st->id;
	ev->channel = st->channel;
	ev->error = 0;
	lower(st, EVENT_BIT(ev->type));
	switch (ev->type) {
	case KITH_STREAM_RESET:
		ev->code = st->reset_code;
		break;
	case KITH_STREAM_FIN:
		st->flags |= STREAM_END_TOLD;
		kith_window_close(s, st);
		close_if_over(s, st);
		break;
	case KITH_STREAM_CLOSED:
		ev->error = st->error;
		stream_free(s, st);
		break;
	case KITH_STREAM_OPENED:
	case KITH_STREAM_READABLE:
	case KITH_STREAM_WRITABLE:
	case KITH_STREAM_STOPPED:
	case KITH_STREAM_DEAD:
		break;
	}
	return true;
}

/* ---- the application's calls ---- */
static bool put(struct kith_streams *s, struct kith_quic_stream *st, const uint8_t *p, size_t len)
{
	bool done = kith_sendbuf_put(&st->send, s->cfg.alloc, p, len);
	s->held += done ? len : 0;
	return done;
}

int kith_streams_open(struct kith_streams *s, uint16_t channel, uint64_t *id)
{
	const uint8_t prefix[STREAM_PREFIX] = { (uint8_t)(channel >> 8), (uint8_t)channel };
	if (s->dead != 0)
		return KITH_ECLOSED;
	if (s->opened_here == s->cfg.streams_max)
		return KITH_EFULL;
	struct kith_quic_stream *st = kith_quic_stream_create(s, s->next_id);
	if (st == NULL)
		return KITH_ENOMEM;
	st->channel = channel;
	st->prefix_got = STREAM_PREFIX;
	if (!put(s, st, prefix, sizeof prefix)) {
		stream_free(s, st);
		return KITH_ENOMEM;
	}
	s->next_id += (uint64_t)STREAM_CLASSES * STREAM_CLASSES;
	kith_link_append(&s->waiting, &st->sending);
	s->corked = true;
	*id = st->id;
	return 0;
}

/* NULL also for one of the peer's whose channel has not come yet: the application was not told of it. */
static struct kith_quic_stream *known_stream(struct kith_streams *s, uint64_t id)
{
	struct kith_quic_stream *st = kith_table_get(&s->table, &id);
	return st != NULL && st->flags & STREAM_ANNOUNCED ? st : NULL;
}

int kith_streams_write(struct kith_streams *s, uint64_t id, const uint8_t *p, size_t len, bool fin)
{
	struct kith_quic_stream *st = known_stream(s, id);
	if (st == NULL)
		return KITH_ENOENT;
	if (st->flags & STREAM_WRITE_OVER)
		return KITH_ECLOSED;
	size_t fits = kith_window_room(s, st);
	size_t n = len < fits ? len : fits;
	if (!put(s, st, p, n))
		return KITH_ENOMEM;
	s->corked = st->send.waiting < STREAM_CORK;
	if (n < len)
		st->flags |= STREAM_WANTS_ROOM;
	else if (fin)
		st->flags |= STREAM_FIN_QUEUED | STREAM_WRITE_OVER;
	kith_quic_stream_wants_to_send(s, st);
	return n == 0 && len > 0 ? KITH_EAGAIN : (int)n;
}

int kith_streams_read(struct kith_streams *s, kith_time_us now, uint64_t id, uint8_t *out, size_t cap, bool *fin)
{
	*fin = false;
	struct kith_quic_stream *st = known_stream(s, id);
	if (st == NULL)
		return KITH_ENOENT;
	if (st->flags & (STREAM_END_TOLD | STREAM_RESET_RECEIVED | STREAM_STOPPED_READING))
		return KITH_ECLOSED;
	(void)kith_quic_stamp(s, now);
	bool empty = st->recv.len == 0;
	size_t n = kith_ring_read(&st->recv, out, cap < INT32_MAX ? cap : INT32_MAX);
	kith_window_consumed(s, st, n);
	if (st->recv.len == 0 && st->recv.cap > RING_KEPT)
		kith_ring_trim(&st->recv);
	if (st->recv.len == 0 && st->flags & STREAM_FIN_RECEIVED) {
		*fin = true;
		st->flags |= STREAM_END_TOLD;
		kith_window_close(s, st);
		lower(st, EVENT_BIT(KITH_STREAM_READABLE) | EVENT_BIT(KITH_STREAM_FIN));
		close_if_over(s, st);
	}
	bool cut = st->error != 0 && !(st->flags & STREAM_FIN_RECEIVED);
	int nothing = cut ? st->error : KITH_EAGAIN;
	if (cut && st->recv.len == 0) {
		lower(st, EVENT_BIT(KITH_STREAM_READABLE));
		close_if_over(s, st);
	}
	kith_quic_check(s, 0);
	return empty && !*fin ? nothing : (int)n;
}

bool kith_streams_unread(struct kith_streams *s)
{
	const uint32_t reading_over = STREAM_END_TOLD | STREAM_RESET_RECEIVED | STREAM_STOPPED_READING;
	uint32_t it = 0;
	for (const struct kith_quic_stream *st = kith_table_next(&s->table, &it); st != NULL;
	     st = kith_table_next(&s->table, &it)) {
		if (st->flags & STREAM_ANNOUNCED && !(st->flags & reading_over) &&
		    (st->recv.len > 0 || st->flags & STREAM_FIN_RECEIVED))
			return true;
	}
	return false;
}

/* Its end rides on its last bytes, and is acknowledged with them, or it left alone. */
static bool arrived(const struct kith_quic_stream *st)
{
	return st->flags & STREAM_FIN_SENT && st->send.held == 0 &&
	       (st->flags & (STREAM_FIN_WITH_BYTES | STREAM_FIN_ACKED)) != 0;
}

bool kith_streams_owes(struct kith_streams *s)
{
	uint32_t it = 0;
	for (const struct kith_quic_stream *st = kith_table_next(&s->table, &it); st != NULL;
	     st = kith_table_next(&s->table, &it)) {
		if ((st->flags & (STREAM_FIN_QUEUED | STREAM_RESET_QUEUED | STREAM_CLOSED)) == STREAM_FIN_QUEUED &&
		    !arrived(st))
			return true;
	}
	return false;
}

int kith_streams_reset(struct kith_streams *s, uint64_t id, uint64_t code)
{
	struct kith_quic_stream *st = known_stream(s, id);
	if (st == NULL)
		return KITH_ENOENT;
	if (code >> CODE_BITS != 0)
		return KITH_EINVAL;
	if (st->flags & (STREAM_RESET_QUEUED | STREAM_CLOSED))
		return 0;
	bool in_quic = st->flags & STREAM_IN_QUIC;
	kith_quic_reset(s, st, code);
	if (in_quic)
		kith_link_remove(&st->sending); /* else it keeps its place among those that wait to be opened */
	st->flags |= STREAM_WRITE_OVER | STREAM_FIN_SENT | STREAM_RESET_QUEUED;
	lower(st, EVENT_BIT(KITH_STREAM_WRITABLE));
	kith_quic_check(s, 0);
	return 0;
}

int kith_streams_stop(struct kith_streams *s, uint64_t id, uint64_t code)
{
	struct kith_quic_stream *st = known_stream(s, id);
	if (st == NULL)
		return KITH_ENOENT;
	if (code >> CODE_BITS != 0)
		return KITH_EINVAL;
	if (st->flags & (STREAM_STOPPED_READING | STREAM_END_TOLD | STREAM_RESET_RECEIVED))
		return 0;
	drop_unread(s, st);
	st->flags |= STREAM_STOPPED_READING;
	if (!(st->flags & STREAM_CLOSED))
		kith_quic_stop(s, st, code);
	close_if_over(s, st);
	kith_quic_check(s, 0);
	return 0;
}
