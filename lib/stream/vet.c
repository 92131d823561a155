/* What of QUIC is let in. Packets come from a peer that has proven who it is, not that it means well, and nothing of QUIC's
 * own protection stands between them and QUIC's code (0.12 aborts on some frames that a peer can make up, such as a connection
 * id that is issued after it was to be retired). So a datagram passes only if it is made of what this protocol uses:
 *     Initial, Handshake and short-header packets of version 1, never a change of keys
 *     PADDING PING ACK RESET_STREAM STOP_SENDING CRYPTO STREAM (with its length) MAX_DATA MAX_STREAM_DATA MAX_STREAMS
 *     DATA_BLOCKED STREAM_DATA_BLOCKED STREAMS_BLOCKED (bidirectional streams only) NEW_CONNECTION_ID (the id is its own
 *     sequence number, none is retired) RETIRE_CONNECTION_ID CONNECTION_CLOSE HANDSHAKE_DONE
 * Values are QUIC's to judge. Layouts and numbers: RFC 9000, 16, 17 and 19.
 */
#include "stream/internal.h"

#include "codec/cursor.h"

enum packet_bits {
	LONG_FORM = 0x80,
	LONG_TYPE = 0x30,
	TYPE_INITIAL = 0x00,
	TYPE_HANDSHAKE = 0x20,
	SHORT_KEY_PHASE = 0x04,
	NUMBER_LEN = 0x03
};

enum frame_type {
	FRAME_PADDING = 0x00,
	FRAME_PING = 0x01,
	FRAME_ACK = 0x02,
	FRAME_RESET_STREAM = 0x04,
	FRAME_STOP_SENDING = 0x05,
	FRAME_CRYPTO = 0x06,
	FRAME_STREAM = 0x08, /* to 0x0f, with flags: */
	FRAME_STREAM_LAST = 0x0f,
	STREAM_HAS_LENGTH = 0x02,
	STREAM_HAS_OFFSET = 0x04,
	FRAME_MAX_DATA = 0x10,
	FRAME_MAX_STREAM_DATA = 0x11,
	FRAME_MAX_STREAMS = 0x12,
	FRAME_DATA_BLOCKED = 0x14,
	FRAME_STREAM_DATA_BLOCKED = 0x15,
	FRAME_STREAMS_BLOCKED = 0x16,
	FRAME_NEW_CONNECTION_ID = 0x18,
	FRAME_RETIRE_CONNECTION_ID = 0x19,
	FRAME_CONNECTION_CLOSE = 0x1c,
	FRAME_APPLICATION_CLOSE = 0x1d,
	FRAME_HANDSHAKE_DONE = 0x1e
};

static uint64_t varint(struct kith_reader *r)
{
	uint8_t first = kith_read_u8(r);
	unsigned more = (1u << (first >> 6)) - 1;
	uint64_t v = first & 0x3fu;
	return v << (8 * more) | kith_read_uint(r, more);
}

static void varints(struct kith_reader *r, unsigned n)
{
	while (n-- > 0)
		(void)varint(r);
}

/* As many bytes as a length says. */
static void counted(struct kith_reader *r)
{
	uint64_t len = varint(r);
	if (len > kith_reader_left(r))
		r->bad = true;
	else
		(void)kith_read(r, (size_t)len);
}

static void vet_ack(struct kith_reader *r)
{
	varints(r, 2);
	uint64_t ranges = varint(r);
	varints(r, 1);
	if (ranges > kith_reader_left(r) / 2)
		r->bad = true;
	for (; ranges > 0 && !r->bad; ranges--)
		varints(r, 2);
}

static void vet_stream(struct kith_reader *r, uint8_t type)
{
	if (!(type & STREAM_HAS_LENGTH))
		r->bad = true;
	varints(r, type & STREAM_HAS_OFFSET ? 2 : 1);
	counted(r);
}

static void vet_new_connection_id(struct kith_reader *r)
{
	uint64_t seq = varint(r), retire_prior_to = varint(r);
	uint8_t len = kith_read_u8(r);
	uint16_t id = kith_read_u16(r);
	(void)kith_read(r, NGTCP2_STATELESS_RESET_TOKENLEN);
	if (retire_prior_to != 0 || len != QUIC_CID_LEN || id != (uint16_t)seq)
		r->bad = true;
}

static void vet_frame(struct kith_reader *r, uint8_t type)
{
	switch (type) {
	case FRAME_PADDING:
	case FRAME_PING:
	case FRAME_HANDSHAKE_DONE:
		break;
	case FRAME_ACK:
		vet_ack(r);
		break;
	case FRAME_MAX_DATA:
	case FRAME_MAX_STREAMS:
	case FRAME_DATA_BLOCKED:
	case FRAME_STREAMS_BLOCKED:
	case FRAME_RETIRE_CONNECTION_ID:
		varints(r, 1);
		break;
	case FRAME_STOP_SENDING:
	case FRAME_MAX_STREAM_DATA:
	case FRAME_STREAM_DATA_BLOCKED:
		varints(r, 2);
		break;
	case FRAME_RESET_STREAM:
		varints(r, 3);
		break;
	case FRAME_NEW_CONNECTION_ID:
		vet_new_connection_id(r);
		break;
	case FRAME_CRYPTO:
	case FRAME_APPLICATION_CLOSE:
		varints(r, 1);
		counted(r);
		break;
	case FRAME_CONNECTION_CLOSE:
		varints(r, 2);
		counted(r);
		break;
	default:
		if (type < FRAME_STREAM || type > FRAME_STREAM_LAST)
			r->bad = true;
		else
			vet_stream(r, type);
		break;
	}
}

/* A packet number, frames, a tag. */
static bool vet_payload(struct kith_reader r, uint8_t first)
{
	if (kith_reader_left(&r) < KITH_STREAMS_TAG)
		return false;
	r.end -= KITH_STREAMS_TAG;
	(void)kith_read(&r, 1 + (size_t)(first & NUMBER_LEN));
	if (kith_reader_left(&r) == 0)
		return false;
	while (kith_reader_left(&r) > 0)
		vet_frame(&r, kith_read_u8(&r));
	return !r.bad;
}

static bool vet_long(struct kith_reader *r, uint8_t first)
{
	uint8_t type = first & LONG_TYPE;
	if (type != TYPE_INITIAL && type != TYPE_HANDSHAKE)
		return false;
	if (kith_read_u32(r) != NGTCP2_PROTO_VER_V1)
		return false;
	(void)kith_read(r, kith_read_u8(r)); /* both connection ids */
	(void)kith_read(r, kith_read_u8(r));
	if (type == TYPE_INITIAL)
		counted(r); /* token */
	uint64_t len = varint(r);
	if (r->bad || len > kith_reader_left(r))
		return false;
	return vet_payload(kith_reader_of(kith_read(r, (size_t)len), (size_t)len), first);
}

bool kith_quic_vet(const uint8_t *datagram, size_t len)
{
	struct kith_reader r = kith_reader_of(datagram, len);
	while (kith_reader_left(&r) > 0) {
		uint8_t first = kith_read_u8(&r);
		if (first & LONG_FORM) {
			if (!vet_long(&r, first))
				return false;
			continue;
		}
		(void)kith_read(&r, QUIC_CID_LEN);
		return !(first & SHORT_KEY_PHASE) && vet_payload(r, first);
	}
	return !r.bad;
}
