#include "wire/packet.h"

#include "base/addr.h"

static size_t least_len(uint8_t type)
{
	switch (type) {
	case KITH_PKT_HELLO:
		return KITH_HS_HEADER + KITH_HS_TRAILER;
	case KITH_PKT_WHO:
		return KITH_WHO_LEN_MIN;
	case KITH_PKT_REPLY:
	case KITH_PKT_IAM:
		return KITH_HS_HEADER;
	case KITH_PKT_COOKIE:
		return KITH_COOKIE_PACKET_LEN;
	case KITH_PKT_VERSION:
		return KITH_VERSION_PACKET_LEN;
	case KITH_PKT_GONE:
		return KITH_GONE_PACKET_LEN;
	case KITH_PKT_KNOCK:
		return KITH_KNOCK_PACKET_LEN;
	case KITH_PKT_ECHO:
		return KITH_ECHO_PACKET_LEN;
	case KITH_PKT_BUSY:
		return KITH_BUSY_PACKET_LEAST;
	case KITH_PKT_WHERE:
	case KITH_PKT_HERE:
		return KITH_WHERE_PACKET_LEAST;
	case KITH_PKT_DATA:
		return KITH_TRANSPORT_HEADER + 16;
	case KITH_PKT_TUNNEL:
		return KITH_TUNNEL_HEADER + 1;
	default:
		return SIZE_MAX;
	}
}

uint8_t kith_packet_type(struct kith_span packet)
{
	if (packet.len == 0 || packet.len < least_len(packet.p[0]))
		return 0;
	return packet.p[0];
}

bool kith_hs_parse(struct kith_hs_header *out, struct kith_span packet)
{
	struct kith_reader r = kith_reader_of_span(packet);
	memset(out, 0, sizeof *out);
	out->type = kith_read_u8(&r);
	out->version = kith_read_u8(&r);
	uint8_t zero = kith_read_u8(&r), purpose = kith_read_u8(&r);
	out->sender = kith_read_u32(&r);
	out->receiver = kith_read_u32(&r);
	if (r.bad)
		return false;
	if (out->version != KITH_WIRE_VERSION)
		return true;
	bool hello = out->type == KITH_PKT_HELLO;
	size_t trailer = hello ? KITH_HS_TRAILER : 0;
	out->purpose = hello && purpose == KITH_PURPOSE_ATTACH ? purpose : KITH_PURPOSE_UNSAID;
	if ((!hello && purpose != 0) || zero != 0 || packet.len < KITH_HS_HEADER + trailer)
		return false;
	size_t noise_len = packet.len - KITH_HS_HEADER - trailer;
	out->noise = kith_read_span(&r, noise_len);
	if (trailer == 0)
		return kith_reader_done(&r);
	out->mac1 = kith_read(&r, KITH_MAC_LEN);
	out->mac2 = kith_read(&r, KITH_MAC_LEN);
	out->authed = (struct kith_span){ packet.p, KITH_HS_HEADER + noise_len };
	out->authed2 = (struct kith_span){ packet.p, KITH_HS_HEADER + noise_len + KITH_MAC_LEN };
	return kith_reader_done(&r);
}

bool kith_data_parse(struct kith_data_header *out, struct kith_span packet)
{
	struct kith_reader r = kith_reader_of_span(packet);
	(void)kith_read_u8(&r);
	out->hidden = kith_read(&r, KITH_DATA_HIDDEN);
	out->name = kith_read_u64(&r);
	out->sealed = kith_read_rest(&r);
	return !r.bad && out->sealed.len >= 16;
}

void kith_hs_write(uint8_t out[KITH_HS_HEADER], uint8_t type, uint32_t sender, uint32_t receiver)
{
	struct kith_writer w = kith_writer_of(out, KITH_HS_HEADER);
	kith_write_u8(&w, type);
	kith_write_u8(&w, KITH_WIRE_VERSION);
	kith_write_u16(&w, 0);
	kith_write_u32(&w, sender);
	kith_write_u32(&w, receiver);
}

void kith_data_write(uint8_t out[KITH_TRANSPORT_HEADER], const struct kith_data_mark *mark, uint64_t name)
{
	struct kith_writer w = kith_writer_of(out, KITH_TRANSPORT_HEADER);
	kith_write_u8(&w, KITH_PKT_DATA);
	kith_write_u8(&w, (uint8_t)((mark->epoch & 15) << 4 | (mark->way & 15)));
	kith_write_uint(&w, mark->counter, KITH_COUNTER_BITS / 8);
	kith_write_u64(&w, name);
}

struct kith_data_mark kith_data_mark_read(const uint8_t plain[KITH_DATA_HIDDEN])
{
	struct kith_reader r = kith_reader_of(plain, KITH_DATA_HIDDEN);
	uint8_t first = kith_read_u8(&r);
	uint64_t counter = kith_read_uint(&r, KITH_COUNTER_BITS / 8);
	return (struct kith_data_mark){ counter, (uint8_t)(first >> 4), first & 15 };
}

void kith_tunnel_write(uint8_t out[KITH_TUNNEL_HEADER], uint64_t tunnel)
{
	struct kith_writer w = kith_writer_of(out, KITH_TUNNEL_HEADER);
	kith_write_u8(&w, KITH_PKT_TUNNEL);
	kith_write_zeros(&w, 3);
	kith_write_u64(&w, tunnel);
}

bool kith_tunnel_parse(uint64_t *tunnel, struct kith_span *inner, struct kith_span packet)
{
	struct kith_reader r = kith_reader_of_span(packet);
	uint8_t type = kith_read_u8(&r);
	uint64_t zero = kith_read_uint(&r, 3);
	*tunnel = kith_read_u64(&r);
	*inner = kith_read_rest(&r);
	return !r.bad && type == KITH_PKT_TUNNEL && zero == 0 && *tunnel != 0 && inner->len > 0;
}

void kith_version_write(uint8_t out[KITH_VERSION_PACKET_LEN], uint32_t receiver, enum kith_version_why why)
{
	struct kith_writer w = kith_writer_of(out, KITH_VERSION_PACKET_LEN);
	kith_write_u8(&w, KITH_PKT_VERSION);
	kith_write_u8(&w, KITH_WIRE_VERSION);
	kith_write_u8(&w, KITH_WIRE_VERSION);
	kith_write_u8(&w, 0);
	kith_write_u32(&w, receiver);
	kith_write_u8(&w, (uint8_t)why);
	kith_write_uint(&w, 0, 3);
}

bool kith_version_parse(uint32_t *receiver, bool *spoken, uint8_t *why, struct kith_span packet)
{
	struct kith_reader r = kith_reader_of_span(packet);
	uint8_t type = kith_read_u8(&r), lowest = kith_read_u8(&r), highest = kith_read_u8(&r);
	uint8_t zero = kith_read_u8(&r);
	*receiver = kith_read_u32(&r);
	*why = kith_read_u8(&r);
	*spoken = lowest <= KITH_WIRE_VERSION && KITH_WIRE_VERSION <= highest;
	return kith_read_uint(&r, 3) == 0 && zero == 0 && type == KITH_PKT_VERSION && lowest <= highest &&
	       kith_reader_done(&r);
}

bool kith_who_parse(struct kith_who *out, struct kith_span packet)
{
	struct kith_reader r = kith_reader_of_span(packet);
	uint8_t type = kith_read_u8(&r);
	out->version = kith_read_u8(&r);
	uint16_t zero = kith_read_u16(&r);
	out->sender = kith_read_u32(&r);
	uint32_t none = kith_read_u32(&r);
	if (r.bad || type != KITH_PKT_WHO || packet.len < KITH_WHO_LEN_MIN)
		return false;
	out->authed = (struct kith_span){ packet.p, packet.len - KITH_MAC_LEN };
	out->mac1 = packet.p + out->authed.len;
	return out->version != KITH_WIRE_VERSION || (zero == 0 && none == 0);
}

bool kith_iam_parse(uint32_t *receiver, struct kith_span *chain, struct kith_span packet)
{
	struct kith_reader r = kith_reader_of_span(packet);
	uint8_t type = kith_read_u8(&r), version = kith_read_u8(&r);
	uint16_t zero = kith_read_u16(&r);
	uint32_t none = kith_read_u32(&r);
	*receiver = kith_read_u32(&r);
	*chain = kith_read_rest(&r);
	return !r.bad && type == KITH_PKT_IAM && version == KITH_WIRE_VERSION && zero == 0 && none == 0;
}

void kith_gone_write(uint8_t out[KITH_GONE_PACKET_LEN], uint64_t name)
{
	struct kith_writer w = kith_writer_of(out, KITH_GONE_PACKET_LEN);
	kith_write_u8(&w, KITH_PKT_GONE);
	kith_write_zeros(&w, 3);
	kith_write_u64(&w, name);
}

bool kith_gone_parse(uint64_t *name, struct kith_span packet)
{
	struct kith_reader r = kith_reader_of_span(packet);
	uint8_t type = kith_read_u8(&r);
	uint64_t zero = kith_read_uint(&r, 3);
	*name = kith_read_u64(&r);
	return kith_reader_done(&r) && type == KITH_PKT_GONE && zero == 0;
}

void kith_knock_write(uint8_t out[KITH_KNOCK_PACKET_LEN], uint64_t name, uint64_t number)
{
	struct kith_writer w = kith_writer_of(out, KITH_KNOCK_PACKET_LEN);
	kith_write_u8(&w, KITH_PKT_KNOCK);
	kith_write_zeros(&w, 3);
	kith_write_u64(&w, name);
	kith_write_u64(&w, number);
}

bool kith_knock_parse(uint64_t *name, uint64_t *number, struct kith_span packet)
{
	struct kith_reader r = kith_reader_of_span(packet);
	uint8_t type = kith_read_u8(&r);
	uint64_t zero = kith_read_uint(&r, 3);
	*name = kith_read_u64(&r);
	*number = kith_read_u64(&r);
	return kith_reader_done(&r) && type == KITH_PKT_KNOCK && zero == 0;
}

enum { ECHO_AT_PORT = 2, ECHO_AT_NUMBER = 4, ECHO_AT_IP = 12, ECHO_IP = 16, ECHO_MAPPED = 12 };

/* Where an answer is sent to, as it stands in the packet; the mask is taken off by the same. */
static void mask_echo(uint8_t *packet)
{
	const uint8_t *mask = packet + ECHO_AT_NUMBER;
	packet[ECHO_AT_PORT] ^= mask[0];
	packet[ECHO_AT_PORT + 1] ^= mask[1];
	for (unsigned i = 0; i < ECHO_IP; i++)
		packet[ECHO_AT_IP + i] ^= mask[i % 8];
}

void kith_echo_write(uint8_t *out, const struct kith_echo *e)
{
	struct kith_writer w = kith_writer_of(out, e->paid ? KITH_ECHO_PAID_LEN : KITH_ECHO_PACKET_LEN);
	uint8_t ip[ECHO_IP] = { [ECHO_MAPPED - 2] = 0xFF, [ECHO_MAPPED - 1] = 0xFF };
	if (e->seen.family == KITH_FAMILY_V4)
		memcpy(ip + ECHO_MAPPED, e->seen.ip, ECHO_IP - ECHO_MAPPED);
	else
		memcpy(ip, e->seen.ip, ECHO_IP);
	kith_write_u8(&w, KITH_PKT_ECHO);
	kith_write_u8(&w, e->what);
	kith_write_u16(&w, e->seen.port);
	kith_write_u64(&w, e->number);
	kith_write_bytes(&w, ip, ECHO_IP);
	kith_write_zeros(&w, e->paid ? KITH_ECHO_PAID_LEN - KITH_ECHO_PACKET_LEN : 0);
	if (e->seen.family != KITH_FAMILY_NONE)
		mask_echo(out);
}

bool kith_echo_parse(struct kith_echo *out, struct kith_span packet)
{
	static const uint8_t zeros[KITH_ECHO_PAID_LEN];
	uint8_t plain[KITH_ECHO_PACKET_LEN];
	memset(out, 0, sizeof *out);
	out->paid = packet.len == KITH_ECHO_PAID_LEN;
	if ((!out->paid && packet.len != KITH_ECHO_PACKET_LEN) || packet.p[0] != KITH_PKT_ECHO ||
	    memcmp(packet.p + KITH_ECHO_PACKET_LEN, zeros, packet.len - KITH_ECHO_PACKET_LEN) != 0)
		return false;
	memcpy(plain, packet.p, sizeof plain);
	struct kith_reader r = kith_reader_of(plain + 1, sizeof plain - 1);
	out->what = kith_read_u8(&r);
	if (memcmp(plain + ECHO_AT_PORT, zeros, 2) != 0 || memcmp(plain + ECHO_AT_IP, zeros, ECHO_IP) != 0) {
		mask_echo(plain);
		out->seen.family = KITH_FAMILY_V6;
	}
	out->seen.port = kith_read_u16(&r);
	out->number = kith_read_u64(&r);
	kith_read_bytes(&r, out->seen.ip, ECHO_IP);
	kith_addr_normalise(&out->seen);
	return out->number != 0;
}

void kith_cookie_write(uint8_t out[KITH_COOKIE_PACKET_LEN], uint32_t receiver, bool anew, const uint8_t nonce[24],
		       const uint8_t sealed[KITH_COOKIE_SEALED_LEN])
{
	struct kith_writer w = kith_writer_of(out, KITH_COOKIE_PACKET_LEN);
	kith_write_u8(&w, KITH_PKT_COOKIE);
	kith_write_u8(&w, anew);
	kith_write_zeros(&w, 2);
	kith_write_u32(&w, receiver);
	kith_write_bytes(&w, nonce, 24);
	kith_write_bytes(&w, sealed, KITH_COOKIE_SEALED_LEN);
}

bool kith_cookie_parse(uint32_t *receiver, bool *anew, const uint8_t **nonce, const uint8_t **sealed,
		       struct kith_span packet)
{
	struct kith_reader r = kith_reader_of_span(packet);
	uint8_t type = kith_read_u8(&r);
	uint8_t flags = kith_read_u8(&r);
	uint16_t zero = kith_read_u16(&r);
	*receiver = kith_read_u32(&r);
	*nonce = kith_read(&r, 24);
	*sealed = kith_read(&r, KITH_COOKIE_SEALED_LEN);
	*anew = flags == 1;
	return kith_reader_done(&r) && type == KITH_PKT_COOKIE && flags <= 1 && zero == 0;
}
