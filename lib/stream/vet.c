/* What of QUIC is let in. Packets come from a peer that has proven who it is, not that it means well, and nothing of
 * QUIC's own protection stands between them and QUIC's code, of which 0.12 aborts on some things that a peer can make
 * up. So, in the place of decryption, a packet passes only if it is made of what this protocol uses:
 *     PADDING PING ACK RESET_STREAM STOP_SENDING STREAM (with its length) MAX_DATA MAX_STREAM_DATA MAX_STREAMS
 *     DATA_BLOCKED STREAM_DATA_BLOCKED STREAMS_BLOCKED (bidirectional streams only) NEW_CONNECTION_ID (the id is its
 *     own sequence number, none is retired) RETIRE_CONNECTION_ID CONNECTION_CLOSE
 *     PATH_RESPONSE (our own, see quic.c)
 * Nothing of a handshake is among it (see start.c).
 * and if it does not know what it cannot: a packet that was sent before another which we have got cannot acknowledge
 * what we sent after getting that. (QUIC forgets what it has acknowledged when it learns that the acknowledgement
 * arrived; made to forget its newest packet by an older one, it counts below zero.)
 * and if it leaves no stream in too many pieces (gaps.c).
 * Values are QUIC's to judge. Layouts and numbers: RFC 9000, 16 and 19.
 */
#include "stream/internal.h"

#include <string.h>

#include "codec/cursor.h"

enum frame_type {
	FRAME_PADDING = 0x00,
	FRAME_PING = 0x01,
	FRAME_ACK = 0x02,
	FRAME_RESET_STREAM = 0x04,
	FRAME_STOP_SENDING = 0x05,
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
	FRAME_PATH_RESPONSE = 0x1b,
	FRAME_CONNECTION_CLOSE = 0x1c,
	FRAME_APPLICATION_CLOSE = 0x1d
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

bool kith_quic_vet(const uint8_t *frames, size_t len, const uint8_t *challenge, uint64_t *largest_ack)
{
	struct kith_reader r = kith_reader_of(frames, len);
	*largest_ack = QUIC_NO_ACK;
	while (kith_reader_left(&r) > 0) {
		uint8_t type = kith_read_u8(&r);
		if (type == FRAME_PATH_RESPONSE) {
			const uint8_t *answer = kith_read(&r, NGTCP2_PATH_CHALLENGE_DATALEN);
			if (answer == NULL || memcmp(answer, challenge, NGTCP2_PATH_CHALLENGE_DATALEN) != 0)
				return false;
			continue;
		}
		if (type == FRAME_ACK) {
			struct kith_reader ahead = r;
			uint64_t largest = varint(&ahead);
			*largest_ack = *largest_ack == QUIC_NO_ACK || largest > *largest_ack ? largest : *largest_ack;
		}
		vet_frame(&r, type);
	}
	return !r.bad;
}

static bool each_stream_frame(struct kith_streams *s, const uint8_t *frames, size_t len,
			      bool (*visit)(struct kith_streams *s, const struct kith_stream_frame *frame))
{
	struct kith_reader r = kith_reader_of(frames, len);
	bool all = true;
	while (all && kith_reader_left(&r) > 0) {
		uint8_t type = kith_read_u8(&r);
		if (type == FRAME_PATH_RESPONSE) {
			(void)kith_read(&r, NGTCP2_PATH_CHALLENGE_DATALEN);
		} else if (type < FRAME_STREAM || type > FRAME_STREAM_LAST) {
			vet_frame(&r, type);
		} else {
			struct kith_stream_frame frame = { .id = varint(&r) };
			frame.offset = type & STREAM_HAS_OFFSET ? varint(&r) : 0;
			frame.len = varint(&r);
			(void)kith_read(&r, (size_t)frame.len);
			all = visit(s, &frame);
		}
	}
	return all;
}

bool kith_quic_admit(struct kith_streams *s, const uint8_t *frames, size_t len)
{
	return each_stream_frame(s, frames, len, kith_gaps_admit) && each_stream_frame(s, frames, len, kith_gaps_take);
}

void kith_quic_seen(struct kith_quic_space *space, uint64_t number)
{
	unsigned n = space->seen_n;
	if (n > 0 && number <= space->seen[n - 1].number)
		return;
	if (n > 0 && space->seen[n - 1].sent == space->sent) {
		space->seen[n - 1].number = number;
		return;
	}
	if (n == QUIC_SEEN) {
		/* The oldest two become one that is as strict as the stricter. */
		space->seen[0].number = space->seen[1].number;
		memmove(&space->seen[1], &space->seen[2], (QUIC_SEEN - 2) * sizeof space->seen[0]);
		n--;
	}
	space->seen[n].number = number;
	space->seen[n].sent = space->sent;
	space->seen_n = n + 1;
}

bool kith_quic_could_know(const struct kith_quic_space *space, uint64_t number, uint64_t largest_ack)
{
	if (largest_ack == QUIC_NO_ACK)
		return true;
	for (unsigned i = 0; i < space->seen_n; i++) {
		if (space->seen[i].number > number)
			return largest_ack < space->seen[i].sent;
	}
	return true;
}
