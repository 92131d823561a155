/* What a stranger sends over TCP, in pieces of any size, and what is to go to one who reads as they like. The first
 * half of the input are steps: how many bytes come, and how many of the packets that came are given back and leave.
 * Packets are the same however the bytes were cut; what leaves are whole packets in order, of which the oldest may be
 * missing. */
#include "fuzz_support.h"

#include "host/tcp_stream.h"

enum { WAITING_MAX = 6000, PACKETS = 4096 };

struct state {
	struct fz_alloc alloc;
	struct kith_tcp_in in;
	struct kith_tcp_out out;
	const uint8_t *stream;
	size_t expect_at; /* of the stream: what was cut in one piece */
	uint32_t put, dropped, left; /* packets */
	uint8_t part[4 * KITH_TCP_UNIT_MAX]; /* what has left, from the last whole packet on */
	size_t part_len;
	uint32_t last;
};

/* Packets are numbered in what leaves: that is how their order shows. */
static void put(struct state *s, size_t len)
{
	uint8_t packet[KITH_TCP_PACKET_MAX] = { 0 };
	uint32_t number = ++s->put;
	size_t n = len < 4 ? 4 : len;
	for (int i = 0; i < 4; i++)
		packet[i] = (uint8_t)(number >> (24 - 8 * i));
	s->dropped += kith_tcp_out_put(&s->out, &s->alloc.alloc, packet, n, 0, WAITING_MAX);
	KITH_ASSERT(s->out.len <= WAITING_MAX);
}

static void leave(struct state *s, size_t n)
{
	const uint8_t *packet;
	size_t at = 0;
	int len;
	n = n < s->out.len ? n : s->out.len;
	n = n < sizeof s->part - s->part_len ? n : sizeof s->part - s->part_len;
	if (n > 0)
		memcpy(s->part + s->part_len, s->out.bytes + s->out.at, n);
	s->part_len += n;
	kith_tcp_out_left(&s->out, &s->alloc.alloc, n);
	while ((len = kith_tcp_cut(s->part, s->part_len, &at, &packet)) > 0) {
		uint32_t number =
			(uint32_t)packet[0] << 24 | (uint32_t)packet[1] << 16 | (uint32_t)packet[2] << 8 | packet[3];
		KITH_ASSERT(len >= 4 && number > s->last && number <= s->put);
		s->last = number;
		s->left++;
	}
	KITH_ASSERT(len == 0); /* never anything but packets */
	memmove(s->part, s->part + at, s->part_len - at);
	s->part_len -= at;
}

/* False: no packets come any more. */
static bool come(struct state *s, const uint8_t *bytes, size_t len, unsigned give_back)
{
	uint8_t room[KITH_TCP_UNIT_MAX + 256];
	const uint8_t *packet, *want;
	size_t at = 0, before = kith_tcp_in_begin(&s->in, &s->alloc.alloc, room);
	int n;
	KITH_ASSERT(before < KITH_TCP_UNIT_MAX);
	memcpy(room + before, bytes, len);
	while ((n = kith_tcp_cut(room, before + len, &at, &packet)) > 0) {
		int m = kith_tcp_cut(s->stream, (size_t)(bytes - s->stream) + len, &s->expect_at, &want);
		KITH_ASSERT(m == n && memcmp(packet, want, (size_t)n) == 0);
		(void)fz_touch((struct kith_span){ packet, (size_t)n });
		if (give_back-- > 0)
			put(s, (size_t)n);
	}
	if (n < 0)
		return false;
	return kith_tcp_in_end(&s->in, &s->alloc.alloc, room + at, before + len - at) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct state s = { .stream = data + size / 2 };
	size_t at = 0, len = size - size / 2;
	fz_alloc_init(&s.alloc);
	for (size_t i = 0; i + 1 < size / 2 && at < len; i += 2) {
		size_t now = len - at < data[i] ? len - at : data[i];
		if (!come(&s, s.stream + at, now, data[i + 1] & 7))
			break;
		at += now;
		leave(&s, (size_t)(data[i + 1] >> 3) * 64);
	}
	while (s.out.len > 0)
		leave(&s, s.out.len);
	KITH_ASSERT(s.part_len == 0 && s.left + s.dropped == s.put);
	kith_tcp_in_deinit(&s.in, &s.alloc.alloc);
	kith_tcp_out_deinit(&s.out, &s.alloc.alloc);
	KITH_ASSERT(s.alloc.live_bytes == 0);
	return 0;
}
