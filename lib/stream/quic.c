/* The QUIC connection below the streams: packets in and out, time, and path changes.
 *
 * Paths are made up: both addresses hold the initiator's path epoch. The initiator migrates to the next; the
 * responder follows when a packet with that epoch in its mark arrives. (The responder's own address changes too so
 * that it always takes a new connection id: 0.12 retires one twice, and aborts, when a change that kept it is
 * followed by one that does not.) Epochs only grow: a packet of an older epoch counts as one of the present path,
 * because QUIC at the responder would otherwise wander back (and 0.12 asserts that path-MTU discovery is on when it
 * does).
 *
 * The session has proven a path before it sends on it, so QUIC's own path validation is answered on the spot: a
 * PATH_CHALLENGE that QUIC writes leaves as a PING, and its PATH_RESPONSE is put into the next packet in. On the wire
 * there is neither. (Let alone the bytes, a responder whose paths change faster than it can answer would keep a
 * challenge that it never answers, and use up connection ids over it for ever.)
 *
 * QUIC doubles its pause with every probe that is not answered, without end. PROBE_MAX_US after the last packet that
 * asked for an acknowledgement, its loss timer is told that its time has come. (Acknowledgements that leave meanwhile
 * do not count: they ask for none, and an end that the peer sends to would so never probe for what it lost itself.)
 * The same is done on a path change that QUIC cannot or need not follow.
 * A peer that keeps the session alive, and acknowledges nothing for GIVE_UP_US, is given up.
 *
 * How often QUIC may probe is bounded: 0.12 shifts a 64-bit number by the count of probes in a row. From 64 on, that
 * comes to what the processor makes of it (nothing, on 32-bit ARM), and long before, the product loses its upper bits:
 * the timer lies in the past, and fires on and on. Only an acknowledgement or the initiator's change of path takes the
 * count back. So after PROBES_EAGER each pause is twice the one before. A change of path brings the first
 * PROBES_AT_ONCE at once; it, or a peer that is heard again, makes a pause a short one up to PROBES_HOPEFUL; what is
 * left is enough for GIVE_UP_US.
 *
 * What a path is to QUIC is never confused with its handshake: that is over before the first packet (start.c).
 */
#include "stream/internal.h"

#include <string.h>

#include "base/assert.h"
#include "base/limits.h"
#include "base/timer.h"

KITH_STATIC_ASSERT(KITH_STREAMS_PACKET <= KITH_STREAM_PACKET_MAX, "a packet fits the session's frame");
KITH_STATIC_ASSERT(KITH_STREAMS_QUIC == NGTCP2_MAX_UDP_PAYLOAD_SIZE, "QUIC's floor");

enum kind { KIND_QUIC, KIND_WISH, KIND_GONE, KIND_COUNT };

enum {
	MARK_BITS = 6,
	MARK_MASK = (1 << MARK_BITS) - 1,
	NS_PER_US = 1000,
	ADDRESS_INITIATOR = 1,
	ADDRESS_RESPONDER = 2,
	NO_STREAM = -1,
	FRAME_PADDING = 0x00,
	FRAME_PING = 0x01, /* RFC 9000, 19.2, 19.17, 19.18 */
	FRAME_PATH_CHALLENGE = 0x1a,
	FRAME_PATH_RESPONSE = 0x1b,
	FRAME_PATH_LEN = 1 + NGTCP2_PATH_CHALLENGE_DATALEN,
	FORM_LONG = 0x80, /* bits of a packet's first byte (RFC 9000, 17) */
	NUMBER_LEN_MASK = 0x03,
	LIMIT_STEPS = 4,
	RESTORED_MAX = KITH_STREAMS_QUIC + FRAME_PATH_LEN,
	PROBES_ANSWERED = 2, /* QUIC's count after an acknowledgement is not above it */
	PROBES_AT_ONCE = 10,
	PROBES_EAGER = 20,
	PROBES_HOPEFUL = 24,
	PROBES_MAX = 30, /* 2^30 probe timeouts of 17 s are what 64 bits hold */
	BURST_MIN = 2 * KITH_STREAMS_QUIC
};

/* QUIC subtracts durations from times: it starts an hour after its zero. */
#define TIME_OFFSET_US (3600 * KITH_US_PER_S)
#define PROBE_MAX_US (3 * KITH_US_PER_S) /* plus two round trips: the longest pause between the first probes */
#define GIVE_UP_US (20 * 60 * KITH_US_PER_S)
/* connection ids come back once a round trip; faster changes become one */
#define MIGRATE_EVERY_US (100 * KITH_US_PER_MS)

/* ---- time ---- */
static ngtcp2_tstamp quic_time(const struct kith_streams *s)
{
	return (ngtcp2_tstamp)(s->pace_at + TIME_OFFSET_US) * NS_PER_US;
}

ngtcp2_tstamp kith_quic_stamp(struct kith_streams *s, kith_time_us now)
{
	if (now > s->pace_at)
		s->pace_at = now;
	return quic_time(s);
}

/* How many probes in a row were not answered. */
static size_t probes(const struct kith_streams *s)
{
	ngtcp2_conn_stat stat;
	ngtcp2_conn_get_conn_stat(s->conn, &stat);
	return stat.pto_count;
}

static kith_time_us probe_pause(const struct kith_streams *s, size_t sent)
{
	bool brief = sent <= PROBES_EAGER || (s->hopeful && sent < PROBES_HOPEFUL);
	return PROBE_MAX_US << (brief ? 0 : sent - PROBES_EAGER);
}

/* When QUIC would probe next, in its own time; UINT64_MAX when nothing is unacknowledged. *latest: when it has to. */
static ngtcp2_tstamp probe_time(const struct kith_streams *s, kith_time_us *latest)
{
	ngtcp2_conn_stat stat;
	ngtcp2_conn_get_conn_stat(s->conn, &stat);
	ngtcp2_tstamp asked = stat.last_tx_pkt_ts[NGTCP2_PKTNS_ID_APPLICATION];
	kith_time_us since = s->probed_at;
	if (asked != UINT64_MAX && (kith_time_us)(asked / NS_PER_US) - TIME_OFFSET_US > since)
		since = (kith_time_us)(asked / NS_PER_US) - TIME_OFFSET_US;
	*latest = since + probe_pause(s, stat.pto_count) + 2 * (kith_time_us)(stat.smoothed_rtt / NS_PER_US);
	if (stat.pto_count > PROBES_ANSWERED && s->answered_at + GIVE_UP_US < *latest)
		*latest = s->answered_at + GIVE_UP_US;
	return stat.loss_detection_timer;
}

kith_time_us kith_streams_deadline(const struct kith_streams *s)
{
	kith_time_us at = KITH_TIME_NEVER, latest;
	if (s->conn == NULL || s->dead != 0)
		return at;
	if (s->wish_due || s->corked)
		return s->pace_at;
	if (probe_time(s, &latest) != UINT64_MAX && latest < at)
		at = latest > s->pace_at ? latest : s->pace_at;
	if (s->migrate_wanted && s->migrate_at < at)
		at = s->migrate_at > s->pace_at ? s->migrate_at : s->pace_at;
	ngtcp2_tstamp expiry = ngtcp2_conn_get_expiry(s->conn), now = quic_time(s);
	if (expiry < now)
		return s->pace_at;
	/* Always after, never at, the expiry: some of QUIC's timers (retired connection ids) only fire once it has
	 * passed, and time that stands still until the deadline has been served would then stand for ever. */
	uint64_t wait_us = (expiry - now) / NS_PER_US + 1;
	if (expiry == UINT64_MAX || (kith_time_us)wait_us >= at - s->pace_at)
		return at;
	return s->pace_at + (kith_time_us)wait_us;
}

/* Before QUIC may probe: whether the peer is to be given up. */
static bool given_up(struct kith_streams *s)
{
	size_t sent = probes(s);
	if (sent <= PROBES_ANSWERED)
		s->answered_at = s->pace_at;
	if (sent < PROBES_MAX && s->pace_at < s->answered_at + GIVE_UP_US)
		return false;
	s->failed = KITH_ETIMEDOUT;
	kith_quic_check(s, 0);
	return true;
}

/* Makes QUIC probe now: its timers are served with the time at which they would be due. All else goes on in true
 * time. */
static void probe_now(struct kith_streams *s)
{
	kith_time_us latest;
	ngtcp2_tstamp due = probe_time(s, &latest), now = quic_time(s);
	if (due == UINT64_MAX || given_up(s))
		return;
	s->probed_at = s->pace_at;
	s->hopeful = false;
	kith_quic_check(s, ngtcp2_conn_handle_expiry(s->conn, due > now ? due : now));
}

/* A path that may be another one than that on which the last probes were lost. */
static void probe_soon(struct kith_streams *s)
{
	s->hopeful = true;
	if (probes(s) < PROBES_AT_ONCE)
		probe_now(s);
}

/* ---- paths ---- */
static struct sockaddr_in6 address(unsigned who, uint64_t epoch)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6 };
	a.sin6_addr.s6_addr[0] = 0xfc;
	a.sin6_addr.s6_addr[1] = (uint8_t)who;
	for (unsigned i = 0; i < sizeof epoch; i++)
		a.sin6_addr.s6_addr[15 - i] = (uint8_t)(epoch >> (8 * i));
	return a;
}

void kith_quic_path(const struct kith_streams *s, uint64_t epoch, ngtcp2_path_storage *ps)
{
	struct sockaddr_in6 initiator = address(ADDRESS_INITIATOR, epoch);
	struct sockaddr_in6 responder = address(ADDRESS_RESPONDER, epoch);
	const struct sockaddr_in6 *local = s->cfg.initiator ? &initiator : &responder;
	const struct sockaddr_in6 *remote = s->cfg.initiator ? &responder : &initiator;
	ngtcp2_path_storage_init(ps, (const ngtcp2_sockaddr *)(const void *)local, sizeof *local,
				 (const ngtcp2_sockaddr *)(const void *)remote, sizeof *remote, NULL);
}

/* ---- the end ---- */
void kith_quic_free(struct kith_streams *s)
{
	if (s->conn != NULL)
		ngtcp2_conn_del(s->conn);
	s->conn = NULL;
	kith_quic_memory_deinit(&s->memory);
}

/* ---- errors ---- */
void kith_quic_check(struct kith_streams *s, int rv)
{
	if (s->dead != 0 || (rv == 0 && s->failed == 0 && !s->memory.starved))
		return;
	int error = KITH_EPROTO;
	if (s->failed != 0)
		error = s->failed;
	else if (s->memory.starved || rv == NGTCP2_ERR_NOMEM || rv == NGTCP2_ERR_CALLBACK_FAILURE)
		error = KITH_ENOMEM;
	else if (rv == NGTCP2_ERR_DRAINING || rv == NGTCP2_ERR_CLOSING)
		error = KITH_ECUT;
	ngtcp2_connection_close_error_default(&s->reason);
	ngtcp2_connection_close_error_set_transport_error_liberr(&s->reason, rv != 0 ? rv : NGTCP2_ERR_INTERNAL, NULL,
								 0);
	/* What has no memory left is not asked for another packet: the peer is told when it speaks. */
	s->close_pending = s->conn != NULL && error != KITH_ECUT && !s->memory.starved;
	kith_streams_die(s, error);
}

void kith_streams_close(struct kith_streams *s)
{
	if (s->dead != 0)
		return;
	ngtcp2_connection_close_error_default(&s->reason);
	ngtcp2_connection_close_error_set_application_error(&s->reason, 0, NULL, 0);
	s->close_pending = s->conn != NULL;
	kith_streams_die(s, KITH_ECUT);
}

/* ---- path changes ---- */
static void try_migrate(struct kith_streams *s)
{
	ngtcp2_path_storage ps;
	if (!s->migrate_wanted || s->conn == NULL || s->dead != 0 || s->pace_at < s->migrate_at)
		return;
	kith_quic_path(s, s->epoch + 1, &ps);
	int rv = ngtcp2_conn_initiate_immediate_migration(s->conn, &ps.path, quic_time(s));
	s->migrate_at = s->pace_at + MIGRATE_EVERY_US;
	/* With all spare connection ids used up, or too many given back and not acknowledged: tried again after a
	 * packet. */
	if (rv == NGTCP2_ERR_INVALID_STATE || rv == NGTCP2_ERR_CONN_ID_BLOCKED ||
	    rv == NGTCP2_ERR_CONNECTION_ID_LIMIT) {
		s->migrate_at = KITH_TIME_NEVER;
		return;
	}
	s->migrate_wanted = false;
	if (rv == 0) {
		s->epoch++;
		s->migrations++;
		s->heard_here = false;
	}
	kith_quic_check(s, rv);
}

static void initiator_migrates(struct kith_streams *s)
{
	/* A path on which nothing was heard has left no trace in QUIC that a further change would have to remove. */
	s->migrate_wanted = s->heard_here;
	try_migrate(s);
	if (s->dead == 0 && (s->migrate_wanted || !s->heard_here))
		probe_soon(s);
}

void kith_streams_migrate(struct kith_streams *s, kith_time_us now)
{
	if (s->dead != 0)
		return;
	(void)kith_quic_stamp(s, now);
	if (s->cfg.initiator) {
		initiator_migrates(s);
		return;
	}
	s->wish = (uint8_t)((s->wish + 1) & MARK_MASK);
	s->wish_due = true;
	probe_soon(s);
}

void kith_streams_resumed(struct kith_streams *s, kith_time_us now)
{
	s->answered_at = now;
	kith_streams_migrate(s, now);
}

/* How much newer a mark is than the one known: 0 if it is not. */
static unsigned mark_ahead(uint64_t known, uint8_t mark)
{
	unsigned ahead = ((unsigned)mark - (unsigned)(known & MARK_MASK)) & MARK_MASK;
	return ahead <= MARK_MASK / 2 ? ahead : 0;
}

static void heed_mark(struct kith_streams *s, uint8_t mark)
{
	if (s->cfg.initiator) {
		if (mark_ahead(s->wish, mark) == 0)
			return;
		s->wish = mark;
		initiator_migrates(s);
		return;
	}
	unsigned ahead = mark_ahead(s->epoch, mark);
	if (ahead == 0)
		return;
	s->epoch += ahead;
	s->validating = true;
	s->migrations++;
}

/* ---- packets in ---- */
static bool generation_newer(uint8_t than, uint8_t generation)
{
	return (uint8_t)(generation - than) - 1 < INT8_MAX;
}

enum kith_streams_verdict kith_streams_peek(const uint8_t *packet, size_t len, int last_generation, uint8_t *generation)
{
	if (len < KITH_STREAMS_HEADER || packet[0] >> MARK_BITS >= KIND_GONE)
		return KITH_STREAMS_DROP;
	*generation = packet[1];
	if (last_generation >= 0 && packet[1] != last_generation &&
	    !generation_newer((uint8_t)last_generation, packet[1]))
		return KITH_STREAMS_DROP;
	if (packet[1] == last_generation)
		return KITH_STREAMS_REFUSE; /* for an object that is no more */
	/* A wish may have overtaken what begins. */
	return packet[0] >> MARK_BITS == KIND_QUIC ? KITH_STREAMS_MAKE : KITH_STREAMS_DROP;
}

/* Answers QUIC's own path challenge: adds the frame to a datagram before its tag. */
static size_t add_answer(struct kith_streams *s, uint8_t datagram[RESTORED_MAX], size_t len)
{
	uint8_t tag[KITH_STREAMS_TAG], *end = datagram + len - KITH_STREAMS_TAG;
	if (datagram[0] & FORM_LONG || len < 1 + QUIC_CID_LEN + KITH_STREAMS_TAG || !s->challenged)
		return len;
	memcpy(tag, end, sizeof tag);
	*end++ = FRAME_PATH_RESPONSE;
	memcpy(end, s->challenge, sizeof s->challenge);
	memcpy(end + sizeof s->challenge, tag, sizeof tag);
	s->challenged = false;
	return len + FRAME_PATH_LEN;
}

/* On a path that is not validated yet, a QUIC server sends three times what it got, and then waits for more; the peer
 * may have no reason to send any. It counts before it looks, so junk serves: each call lets ten packets and more out.
 */
static void lift_limit(struct kith_streams *s)
{
	uint8_t junk[KITH_STREAMS_QUIC];
	ngtcp2_path_storage ps;
	if (s->cfg.initiator || !s->validating || s->conn == NULL || s->dead != 0)
		return;
	memset(junk, 0, sizeof junk);
	junk[0] = FORM_LONG; /* of QUIC version 0, which is none */
	kith_quic_path(s, s->epoch, &ps);
	for (unsigned i = 0; i < LIMIT_STEPS; i++)
		kith_quic_check(s, ngtcp2_conn_read_pkt(s->conn, &ps.path, NULL, junk, sizeof junk, quic_time(s)));
}

static void input_quic(struct kith_streams *s, kith_time_us now, const uint8_t *quic, size_t len)
{
	uint8_t datagram[RESTORED_MAX];
	ngtcp2_path_storage ps;
	s->packets_in++;
	if (len == 0 || len > KITH_STREAMS_PACKET - KITH_STREAMS_HEADER || quic[0] & FORM_LONG) {
		s->packets_refused++;
		return;
	}
	memcpy(datagram, quic, len);
	memset(datagram + len, 0, KITH_STREAMS_CUT);
	len += KITH_STREAMS_CUT;
	len = add_answer(s, datagram, len);
	kith_quic_path(s, s->epoch, &ps);
	int rv = ngtcp2_conn_read_pkt(s->conn, &ps.path, NULL, datagram, len, kith_quic_stamp(s, now));
	s->heard = true;
	s->hopeful = true;
	s->heard_here = true;
	if (s->migrate_at == KITH_TIME_NEVER)
		s->migrate_at = s->pace_at;
	kith_quic_check(s, rv);
	lift_limit(s);
}

int kith_streams_input(struct kith_streams *s, kith_time_us now, const uint8_t *packet, size_t len)
{
	if (len < KITH_STREAMS_HEADER || packet[0] >> MARK_BITS >= KIND_COUNT)
		return 0;
	enum kind kind = (enum kind)(packet[0] >> MARK_BITS);
	if (packet[1] != s->cfg.generation) {
		return kind == KIND_QUIC && generation_newer(s->cfg.generation, packet[1]) ? KITH_ESTATE : 0;
	}
	if (s->dead != 0)
		return 0;
	(void)kith_quic_stamp(s, now);
	switch (kind) {
	case KIND_QUIC:
		heed_mark(s, packet[0] & MARK_MASK);
		if (s->dead == 0)
			input_quic(s, now, packet + KITH_STREAMS_HEADER, len - KITH_STREAMS_HEADER);
		break;
	case KIND_WISH:
		if (s->cfg.initiator)
			heed_mark(s, packet[0] & MARK_MASK);
		break;
	case KIND_GONE:
		kith_streams_die(s, KITH_ECUT);
		break;
	case KIND_COUNT:
		break;
	}
	try_migrate(s);
	return 0;
}

void kith_streams_tick(struct kith_streams *s, kith_time_us now)
{
	kith_time_us latest;
	if (s->conn == NULL || s->dead != 0)
		return;
	ngtcp2_tstamp ts = kith_quic_stamp(s, now);
	s->corked = false;
	if (probe_time(s, &latest) != UINT64_MAX && given_up(s))
		return;
	if (ngtcp2_conn_get_expiry(s->conn) <= ts)
		kith_quic_check(s, ngtcp2_conn_handle_expiry(s->conn, ts));
	lift_limit(s);
	if (s->dead == 0 && probe_time(s, &latest) != UINT64_MAX && latest <= s->pace_at)
		probe_now(s);
	try_migrate(s);
}

/* ---- packets out ---- */
static size_t put_header(const struct kith_streams *s, enum kind kind, uint8_t *out)
{
	uint64_t mark = s->cfg.initiator ? s->epoch : s->wish;
	out[0] = (uint8_t)((unsigned)kind << MARK_BITS | (unsigned)(mark & MARK_MASK));
	out[1] = s->cfg.generation;
	return KITH_STREAMS_HEADER;
}

size_t kith_streams_gone(uint8_t generation, uint8_t *out, size_t cap)
{
	if (cap < KITH_STREAMS_HEADER)
		return 0;
	out[0] = KIND_GONE << MARK_BITS;
	out[1] = generation;
	return KITH_STREAMS_HEADER;
}

void kith_quic_open_waiting(struct kith_streams *s)
{
	while (!kith_link_empty(&s->waiting)) {
		struct kith_quic_stream *st = KITH_CONTAINER_OF(s->waiting.next, struct kith_quic_stream, sending);
		int64_t id;
		int rv = ngtcp2_conn_open_bidi_stream(s->conn, &id, st);
		if (rv == NGTCP2_ERR_STREAM_ID_BLOCKED)
			return;
		if (rv != 0) {
			kith_quic_check(s, rv);
			return;
		}
		KITH_ASSERT((uint64_t)id == st->id);
		kith_link_remove(&st->sending);
		st->flags |= STREAM_IN_QUIC;
		kith_quic_stream_wants_to_send(s, st);
		if (st->flags & STREAM_RESET_QUEUED)
			kith_quic_reset(s, st, st->reset_code);
		if (st->flags & STREAM_STOP_QUEUED)
			kith_quic_stop(s, st, st->stop_code);
	}
}

/* Notes what QUIC took of a stream. */
static void took(struct kith_streams *s, struct kith_quic_stream *st, size_t len, bool fin)
{
	kith_sendbuf_sent(&st->send, len);
	if (fin)
		st->flags |= STREAM_FIN_SENT | (len > 0 ? STREAM_FIN_WITH_BYTES : 0);
	/* To the end of the queue, if there is more: streams take turns by packet. */
	kith_link_remove(&st->sending);
	kith_quic_stream_wants_to_send(s, st);
}

/* QUIC tells when the peer extends a stream's credit, but not the session's. */
static void wait_for_credit(struct kith_streams *s, struct kith_quic_stream *st)
{
	kith_link_remove(&st->sending);
	if (ngtcp2_conn_get_max_data_left(s->conn) == 0)
		kith_link_append(&s->blocked, &st->sending);
}

static void unblock(struct kith_streams *s)
{
	if (kith_link_empty(&s->blocked) || ngtcp2_conn_get_max_data_left(s->conn) == 0)
		return;
	while (!kith_link_empty(&s->blocked)) {
		struct kith_quic_stream *st = KITH_CONTAINER_OF(s->blocked.next, struct kith_quic_stream, sending);
		kith_link_remove(&st->sending);
		kith_quic_stream_wants_to_send(s, st);
	}
}

/* One packet of control frames and of as many streams as it holds. */
static ngtcp2_ssize write_packet(struct kith_streams *s, uint8_t out[KITH_STREAMS_QUIC], ngtcp2_tstamp ts)
{
	for (;;) {
		struct kith_quic_stream *st = NULL;
		ngtcp2_vec vec[STREAM_VECTORS];
		size_t n = 0, len = 0;
		uint32_t flags = NGTCP2_WRITE_STREAM_FLAG_NONE;
		ngtcp2_ssize taken = -1;
		if (!kith_link_empty(&s->sending) && !s->corked) {
			st = KITH_CONTAINER_OF(s->sending.next, struct kith_quic_stream, sending);
			n = kith_sendbuf_vectors(&st->send, vec, STREAM_VECTORS, &len);
			flags = NGTCP2_WRITE_STREAM_FLAG_MORE;
			if (st->flags & STREAM_FIN_QUEUED && len == st->send.waiting)
				flags |= NGTCP2_WRITE_STREAM_FLAG_FIN;
		}
		ngtcp2_ssize rv = ngtcp2_conn_writev_stream(s->conn, NULL, NULL, out, KITH_STREAMS_QUIC, &taken, flags,
							    st != NULL ? (int64_t)st->id : NO_STREAM, vec, n, ts);
		if (st != NULL && taken >= 0)
			took(s, st, (size_t)taken, flags & NGTCP2_WRITE_STREAM_FLAG_FIN && (size_t)taken == len);
		if (s->memory.starved)
			return NGTCP2_ERR_NOMEM; /* the packet is given up half-way */
		if (rv == NGTCP2_ERR_WRITE_MORE)
			continue;
		if (st == NULL || rv >= 0)
			return rv;
		if (rv == NGTCP2_ERR_STREAM_DATA_BLOCKED)
			wait_for_credit(s, st);
		else if (rv == NGTCP2_ERR_STREAM_SHUT_WR || rv == NGTCP2_ERR_STREAM_NOT_FOUND)
			kith_quic_stream_on_stopped(s, st);
		else
			return rv;
	}
}

/* QUIC paces bursts: told that one is over, it counts the pause to the next. What is less than BURST_MIN is none, or
 * an acknowledgement would hold up the answer that follows it; but it counts until QUIC would have let more out. */
static void forget_burst(struct kith_streams *s, ngtcp2_tstamp ts)
{
	ngtcp2_conn_stat stat;
	if (s->burst == 0 || s->burst_at == ts)
		return;
	ngtcp2_conn_get_conn_stat(s->conn, &stat);
	if (s->burst * stat.smoothed_rtt / (stat.cwnd + 1) > ts - s->burst_at)
		return;
	ngtcp2_conn_update_pkt_tx_time(s->conn, s->burst_at);
	s->burst = 0;
}

static void pace(struct kith_streams *s, size_t len, ngtcp2_tstamp ts)
{
	if (s->burst == 0)
		s->burst_at = ts;
	s->burst += len;
	if (s->burst < BURST_MIN || (len > 0 && s->burst < ngtcp2_conn_get_send_quantum(s->conn)))
		return;
	ngtcp2_conn_update_pkt_tx_time(s->conn, ts);
	s->burst = 0;
}

/* Makes a PING of a PATH_CHALLENGE, which QUIC writes into a packet of its own, and leaves out its padding. */
static size_t challenge_to_ping(struct kith_streams *s, uint8_t *packet, size_t len)
{
	size_t at = 1 + QUIC_CID_LEN + 1 + (size_t)(packet[0] & NUMBER_LEN_MASK);
	if (packet[0] & FORM_LONG || len < at + FRAME_PATH_LEN + KITH_STREAMS_TAG ||
	    packet[at] != FRAME_PATH_CHALLENGE || memcmp(packet + at + 1, s->challenge, sizeof s->challenge) != 0)
		return len;
	packet[at] = FRAME_PING;
	memset(packet + at + 1, 0, sizeof s->challenge);
	memmove(packet + at + FRAME_PATH_LEN, packet + len - KITH_STREAMS_TAG, KITH_STREAMS_TAG);
	s->challenged = true;
	return at + FRAME_PATH_LEN + KITH_STREAMS_TAG;
}

static int output_quic(struct kith_streams *s, kith_time_us now, uint8_t *out)
{
	uint8_t packet[KITH_STREAMS_QUIC];
	ngtcp2_tstamp ts = kith_quic_stamp(s, now);
	ngtcp2_ssize n;
	if (s->dead != 0) {
		s->close_pending = false;
		n = ngtcp2_conn_write_connection_close(s->conn, NULL, NULL, packet, sizeof packet, &s->reason, ts);
		kith_quic_free(s);
	} else {
		forget_burst(s, ts);
		unblock(s);
		if (!s->corked)
			kith_quic_open_waiting(s);
		s->challenging = false;
		n = s->dead == 0 ? write_packet(s, packet, ts) : 0;
		kith_quic_check(s, n < 0 ? (int)n : 0);
		if (s->dead == 0)
			pace(s, n > 0 ? (size_t)n : 0, ts);
	}
	if (n <= KITH_STREAMS_TAG)
		return 0;
	if (s->challenging)
		n = (ngtcp2_ssize)challenge_to_ping(s, packet, (size_t)n);
	size_t header = put_header(s, KIND_QUIC, out);
	memcpy(out + header, packet, (size_t)n - KITH_STREAMS_CUT);
	s->packets_out++;
	return (int)(header + (size_t)n - KITH_STREAMS_CUT);
}

int kith_streams_output(struct kith_streams *s, kith_time_us now, uint8_t *out, size_t cap)
{
	if (cap < KITH_STREAMS_PACKET)
		return KITH_EINVAL;
	int n = 0;
	if (s->conn != NULL && (s->dead == 0 || s->close_pending))
		n = output_quic(s, now, out);
	/* An error while writing leaves a last packet to be written. */
	if (n == 0 && s->dead != 0 && s->close_pending)
		n = output_quic(s, now, out);
	if (n == 0 && s->dead == 0 && s->wish_due) {
		n = (int)put_header(s, KIND_WISH, out);
		s->packets_out++;
	}
	if (n > 0)
		s->wish_due = false; /* it rides on every packet */
	return n;
}

/* ---- calls of streams ---- */
static void note(struct kith_streams *s, int rv)
{
	if (rv == NGTCP2_ERR_NOMEM && s->failed == 0)
		s->failed = KITH_ENOMEM;
}

void kith_quic_reset(struct kith_streams *s, struct kith_quic_stream *st, uint64_t code)
{
	if (s->dead == 0 && st->flags & STREAM_IN_QUIC) {
		note(s, ngtcp2_conn_shutdown_stream_write(s->conn, (int64_t)st->id, code));
		return;
	}
	st->flags |= STREAM_RESET_QUEUED;
	st->reset_code = code;
}

void kith_quic_stop(struct kith_streams *s, struct kith_quic_stream *st, uint64_t code)
{
	if (s->dead == 0 && st->flags & STREAM_IN_QUIC) {
		note(s, ngtcp2_conn_shutdown_stream_read(s->conn, (int64_t)st->id, code));
		return;
	}
	st->flags |= STREAM_STOP_QUEUED;
	st->stop_code = code;
}

void kith_quic_stream_freed(struct kith_streams *s, const struct kith_quic_stream *st)
{
	if (s->conn != NULL && s->dead == 0 && !(st->flags & STREAM_LOCAL))
		ngtcp2_conn_extend_max_streams_bidi(s->conn, 1);
}

void kith_streams_stats(const struct kith_streams *s, struct kith_streams_stats *out)
{
	*out = (struct kith_streams_stats){
		.packets_in = s->packets_in,
		.packets_refused = s->packets_refused,
		.packets_out = s->packets_out,
		.migrations = s->migrations,
		.memory_bytes = s->memory.bytes,
		.streams = s->table.n,
		.connected = s->heard && s->dead == 0,
	};
	if (s->conn == NULL)
		return;
	ngtcp2_conn_stat stat;
	ngtcp2_conn_get_conn_stat(s->conn, &stat);
	out->window_bytes = stat.cwnd;
	out->in_flight_bytes = stat.bytes_in_flight;
	if (stat.first_rtt_sample_ts == UINT64_MAX)
		return;
	out->rtt_us = (kith_time_us)(stat.smoothed_rtt / NS_PER_US);
	out->rtt_min_us = (kith_time_us)(stat.min_rtt / NS_PER_US);
}

bool kith_streams_idle(const struct kith_streams *s)
{
	struct kith_streams_stats stats;
	kith_streams_stats(s, &stats);
	return s->dead == 0 && s->table.n == 0 && stats.in_flight_bytes == 0;
}
