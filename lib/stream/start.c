/* A connection as both ends begin with it: past a handshake that is never on the wire.
 *
 * All that QUIC's handshake is for the session has done long ago, and all that the stub in its place could tell is
 * the same for every connection of this protocol. So nobody waits for it: each end makes up what its peer would have
 * sent, feeds that to QUIC, and drops what QUIC puts out. What comes of it is agreed (PROTOCOL.md, section 7):
 *     the handshake is confirmed; both ends know the other's transport parameters, which are make_params
 *     each has given the other eight connection ids, which are their own sequence numbers, and uses the first
 *     packets 0 and 1 of each end have been sent, received and acknowledged; the next one is 2
 * The first packet on the wire then carries stream data, from either end, whoever speaks first; should both begin at
 * once, it is the same connection.
 *
 * An acknowledgement would be a sample of a round trip that nobody made. QUIC takes none if the newest packet that is
 * acknowledged did not ask for it; so each end's packet 1 is a mere acknowledgement. It becomes due by time, and what
 * was put out in the play must not delay what follows it: it is set before the present.
 */
#include "stream/internal.h"

#include <string.h>

#include "base/assert.h"
#include "base/timer.h"
#include "codec/cursor.h"

enum level { LEVEL_INITIAL = 0, LEVEL_HANDSHAKE = 2, LEVEL_OTHERS }; /* the first two: RFC 9000, 17.2 */

enum {
	FIRST_LONG = 0xc0, /* first bytes of packets: RFC 9000, 17 */
	FIRST_SHORT = 0x40,
	LEVEL_SHIFT = 4,
	LENGTH_OF_TWO = 0x4000, /* a length in two bytes (16) */
	LENGTH_LEN = 2,
	FRAME_ACK = 0x02, /* 19.3, 19.6, 19.15, 19.20 */
	FRAME_CRYPTO = 0x06,
	FRAME_NEW_CONNECTION_ID = 0x18,
	FRAME_HANDSHAKE_DONE = 0x1e,
	CRYPTO_BYTE = 1, /* what a message of the made-up handshake consists of */
	NEVER_A_RESET = 0xff, /* all bytes of reset tokens: a packet that ends in zeros, as all do, does not match */
	FRAMES_MAX = 256,
	/* QUIC's proof that the initiator's address is its own, which the session has had long ago. Without it a
	 * responder may send three times what it has got. */
	ADDRESS_TOKEN = 'k',
	PACKETS_PLAYED = 2
};

/* Between the two packets, and between the second and the present. The acknowledgement is due in 25 ms; what is put
 * out, less than a third of the first window, is paced over less than a third of a round trip. */
#define PAUSE_US (1 * KITH_US_PER_S)
#define NS_PER_US 1000
#define INITIAL_RTT_MIN_US (5 * KITH_US_PER_MS) /* a guess below is not worth the spurious probes */
#define INITIAL_RTT_MAX_US (1 * KITH_US_PER_S)

KITH_STATIC_ASSERT(STREAMS_SHARE *KITH_STREAMS_WINDOW == 1048576, "what both ends of every connection take for agreed");

static const uint8_t first_cid[QUIC_FIRST_CID_LEN] = { 'k', 'i', 't', 'h' };

/* The play: its connection's path, and the time. */
struct play {
	struct kith_streams *s;
	ngtcp2_path_storage path;
	ngtcp2_tstamp now;
};

static void make_settings(struct kith_streams *s, ngtcp2_tstamp now, ngtcp2_settings *settings)
{
	s->token[0] = ADDRESS_TOKEN;
	ngtcp2_settings_default(settings);
	settings->cc_algo = s->cfg.control == KITH_STREAMS_BBR2 ? NGTCP2_CC_ALGO_BBR2 : NGTCP2_CC_ALGO_CUBIC;
	settings->initial_ts = now;
	if (s->cfg.rtt_us > 0) {
		kith_time_us rtt = s->cfg.rtt_us < INITIAL_RTT_MIN_US ? INITIAL_RTT_MIN_US : s->cfg.rtt_us;
		rtt = rtt > INITIAL_RTT_MAX_US ? INITIAL_RTT_MAX_US : rtt;
		settings->initial_rtt = (ngtcp2_duration)rtt * NS_PER_US;
	}
	settings->rand_ctx.native_handle = s;
	settings->max_tx_udp_payload_size = KITH_STREAMS_QUIC;
	settings->token = (ngtcp2_vec){ s->token, sizeof s->token };
	settings->handshake_timeout = UINT64_MAX;
	settings->no_pmtud = 1;
}

/* Both ends': nobody tells them. What windows become later is told by frames (window.c). */
static void make_params(const struct kith_streams *s, ngtcp2_transport_params *params)
{
	ngtcp2_transport_params_default(params);
	params->initial_max_stream_data_bidi_local = s->cfg.window;
	params->initial_max_stream_data_bidi_remote = s->cfg.window;
	params->initial_max_data = kith_window_first(s);
	params->initial_max_streams_bidi = s->cfg.streams_max;
	params->active_connection_id_limit = QUIC_CIDS;
}

int kith_quic_learn_params(struct kith_streams *s)
{
	ngtcp2_transport_params params;
	uint8_t bytes[FRAMES_MAX];
	make_params(s, &params);
	params.initial_scid = kith_quic_cid(0);
	if (s->cfg.initiator)
		ngtcp2_cid_init(&params.original_dcid, first_cid, sizeof first_cid);
	ngtcp2_ssize n =
		ngtcp2_encode_transport_params(bytes, sizeof bytes,
					       s->cfg.initiator ? NGTCP2_TRANSPORT_PARAMS_TYPE_ENCRYPTED_EXTENSIONS
								: NGTCP2_TRANSPORT_PARAMS_TYPE_CLIENT_HELLO,
					       &params);
	return n < 0 ? (int)n : ngtcp2_conn_decode_remote_transport_params(s->conn, bytes, (size_t)n);
}

/* ---- what the peer would have sent ---- */
static void put_cid(struct kith_writer *w, const void *cid, uint8_t len)
{
	kith_write_u8(w, len);
	kith_write_bytes(w, cid, len);
}

static void put_long_header(const struct kith_streams *s, struct kith_writer *w, enum level level)
{
	ngtcp2_cid cid = kith_quic_cid(0);
	kith_write_u8(w, (uint8_t)(FIRST_LONG | (unsigned)level << LEVEL_SHIFT));
	kith_write_u32(w, NGTCP2_PROTO_VER_V1);
	if (level == LEVEL_INITIAL && !s->cfg.initiator)
		put_cid(w, first_cid, sizeof first_cid);
	else
		put_cid(w, cid.data, QUIC_CID_LEN);
	put_cid(w, cid.data, QUIC_CID_LEN);
	if (level == LEVEL_INITIAL)
		put_cid(w, s->token, s->cfg.initiator ? 0 : (uint8_t)sizeof s->token);
}

/* Feeds QUIC a packet of the peer. */
static int hear(const struct play *p, enum level level, uint8_t number, const uint8_t *frames, size_t len)
{
	uint8_t datagram[KITH_STREAMS_QUIC];
	struct kith_writer w = kith_writer_of(datagram, sizeof datagram);
	size_t padding = 0;
	if (level == LEVEL_OTHERS) {
		ngtcp2_cid cid = kith_quic_cid(0);
		kith_write_u8(&w, FIRST_SHORT);
		kith_write_bytes(&w, cid.data, QUIC_CID_LEN);
	} else {
		put_long_header(p->s, &w, level);
		if (level == LEVEL_INITIAL)
			padding = kith_writer_space(&w) - LENGTH_LEN - sizeof number - len - KITH_STREAMS_TAG;
		kith_write_u16(&w, (uint16_t)(LENGTH_OF_TWO | (sizeof number + len + padding + KITH_STREAMS_TAG)));
	}
	kith_write_u8(&w, number);
	kith_write_bytes(&w, frames, len);
	kith_write_zeros(&w, padding + KITH_STREAMS_TAG);
	KITH_ASSERT(!w.bad);
	return ngtcp2_conn_read_pkt(p->s->conn, &p->path.path, NULL, datagram, kith_writer_len(&w), p->now);
}

static int hear_crypto(const struct play *p, enum level level)
{
	static const uint8_t frame[] = { FRAME_CRYPTO, 0, 1, CRYPTO_BYTE };
	return hear(p, level, 0, frame, sizeof frame);
}

/* Packet 0: connection ids, and that the handshake is over. */
static int hear_cids(const struct play *p)
{
	uint8_t frames[FRAMES_MAX];
	struct kith_writer w = kith_writer_of(frames, sizeof frames);
	if (p->s->cfg.initiator)
		kith_write_u8(&w, FRAME_HANDSHAKE_DONE);
	for (unsigned i = 1; i < QUIC_CIDS; i++) {
		ngtcp2_cid cid = kith_quic_cid(i);
		kith_write_u8(&w, FRAME_NEW_CONNECTION_ID);
		kith_write_u8(&w, (uint8_t)i);
		kith_write_u8(&w, 0); /* retires none */
		put_cid(&w, cid.data, QUIC_CID_LEN);
		memset(kith_write(&w, NGTCP2_STATELESS_RESET_TOKENLEN), NEVER_A_RESET, NGTCP2_STATELESS_RESET_TOKENLEN);
	}
	KITH_ASSERT(!w.bad);
	return hear(p, LEVEL_OTHERS, 0, frames, kith_writer_len(&w));
}

/* Packet 1: an acknowledgement of both of ours. */
static int hear_ack(const struct play *p)
{
	static const uint8_t frame[] = { FRAME_ACK, PACKETS_PLAYED - 1, 0, 0, PACKETS_PLAYED - 1 };
	return hear(p, LEVEL_OTHERS, 1, frame, sizeof frame);
}

static void pause_play(struct play *p)
{
	ngtcp2_conn_update_pkt_tx_time(p->s->conn, p->now);
	p->now += PAUSE_US * NS_PER_US;
}

/* Drops what we would have sent. */
static int say(const struct play *p)
{
	uint8_t datagram[KITH_STREAMS_QUIC];
	ngtcp2_ssize n = ngtcp2_conn_write_pkt(p->s->conn, NULL, NULL, datagram, sizeof datagram, p->now);
	return n < 0 ? (int)n : 0;
}

/* ---- the play ---- */
static int play_handshake(const struct play *p)
{
	int rv;
	if (p->s->cfg.initiator) {
		rv = say(p);
		rv = rv != 0 ? rv : hear_crypto(p, LEVEL_INITIAL);
		rv = rv != 0 ? rv : say(p);
	} else {
		rv = hear_crypto(p, LEVEL_INITIAL);
		rv = rv != 0 ? rv : say(p);
		rv = rv != 0 ? rv : hear_crypto(p, LEVEL_HANDSHAKE);
	}
	return rv;
}

static int play(struct play *p)
{
	int rv = play_handshake(p);
	rv = rv != 0 ? rv : say(p);
	rv = rv != 0 ? rv : hear_cids(p);
	pause_play(p);
	rv = rv != 0 ? rv : say(p);
	rv = rv != 0 ? rv : hear_ack(p);
	pause_play(p);
	return rv != 0 ? rv : ngtcp2_conn_handle_expiry(p->s->conn, p->now);
}

/* QUIC did what it was meant to do: nothing about it depends on the peer. */
static void check_outcome(const struct kith_streams *s)
{
	ngtcp2_conn_stat stat;
	ngtcp2_conn_get_conn_stat(s->conn, &stat);
	KITH_ASSERT(s->confirmed);
	KITH_ASSERT(s->space.sent == PACKETS_PLAYED);
	KITH_ASSERT(s->cid_next == QUIC_CIDS);
	KITH_ASSERT(stat.bytes_in_flight == 0 && stat.loss_detection_timer == UINT64_MAX);
	KITH_ASSERT(stat.first_rtt_sample_ts == UINT64_MAX);
}

int kith_quic_start(struct kith_streams *s, kith_time_us now)
{
	ngtcp2_settings settings;
	ngtcp2_transport_params params;
	ngtcp2_cid first, cid = kith_quic_cid(s->cid_next++);
	struct play p = { .s = s, .now = kith_quic_stamp(s, now) - 2 * PAUSE_US * NS_PER_US };
	int rv;
	s->space.s = s;
	if (!kith_quic_memory_reserve(&s->memory))
		return KITH_ENOMEM;
	make_settings(s, p.now, &settings);
	make_params(s, &params);
	kith_quic_path(s, 0, &p.path);
	ngtcp2_cid_init(&first, first_cid, sizeof first_cid);
	if (s->cfg.initiator) {
		rv = ngtcp2_conn_client_new(&s->conn, &first, &cid, &p.path.path, NGTCP2_PROTO_VER_V1,
					    &kith_quic_callbacks, &settings, &params, &s->memory.mem, s);
	} else {
		params.original_dcid = first;
		rv = ngtcp2_conn_server_new(&s->conn, &cid, &cid, &p.path.path, NGTCP2_PROTO_VER_V1,
					    &kith_quic_callbacks, &settings, &params, &s->memory.mem, s);
	}
	if (rv != 0) {
		s->conn = NULL;
		return KITH_ENOMEM;
	}
	s->starting = true;
	rv = play(&p);
	s->starting = false;
	if (rv != 0 || s->failed != 0 || s->memory.starved)
		return KITH_ENOMEM; /* nothing else can go wrong */
	check_outcome(s);
	return 0;
}
