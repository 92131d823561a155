/* The three wrappings of a packet, each on arbitrary bytes. The first byte says which: 0 an outer header, 1 the frames
 * of a sealed packet, 2 the payload of a handshake. What parses has its spans within the input, and writing it again
 * gives the same bytes. */
#include "fuzz_support.h"

#include "session/handshake.h"
#include "wire/busy.h"
#include "wire/packet.h"

static void same(struct kith_span packet, const uint8_t *written, size_t len)
{
	KITH_ASSERT(packet.len >= len && memcmp(packet.p, written, len) == 0);
}

static void handshake(struct kith_span packet)
{
	struct kith_hs_header h;
	uint8_t out[KITH_HS_HEADER];
	if (!kith_hs_parse(&h, packet))
		return;
	KITH_ASSERT(h.type == packet.p[0]);
	if (h.version != KITH_WIRE_VERSION) {
		KITH_ASSERT(h.noise.len == 0 && h.mac1 == NULL);
		return;
	}
	kith_hs_write(out, h.type, h.sender, h.receiver);
	if (h.type == KITH_PKT_HELLO) { /* a purpose that is not known says nothing */
		KITH_ASSERT(h.purpose == (packet.p[3] == KITH_PURPOSE_ATTACH ? KITH_PURPOSE_ATTACH : 0));
		out[3] = packet.p[3];
	}
	same(packet, out, sizeof out);
	KITH_ASSERT(fz_within(h.noise, packet) && fz_within(h.authed, packet) && fz_within(h.authed2, packet));
	size_t trailer = 0;
	if (h.type == KITH_PKT_HELLO) {
		const struct kith_span mac1 = { h.mac1, KITH_MAC_LEN }, mac2 = { h.mac2, KITH_MAC_LEN };
		trailer = KITH_HS_TRAILER;
		KITH_ASSERT(fz_within(mac1, packet) && fz_within(mac2, packet));
		KITH_ASSERT(h.authed.p + h.authed.len == h.mac1 && h.authed2.p + h.authed2.len == h.mac2);
	} else {
		KITH_ASSERT(h.mac1 == NULL && h.mac2 == NULL);
	}
	KITH_ASSERT(KITH_HS_HEADER + h.noise.len + trailer == packet.len);
}

static void certificates(struct kith_span packet)
{
	struct kith_who who;
	struct kith_span chain;
	uint32_t receiver;
	uint8_t out[KITH_HS_HEADER];
	if (kith_who_parse(&who, packet) && who.version == KITH_WIRE_VERSION) {
		const struct kith_span mac1 = { who.mac1, KITH_MAC_LEN };
		kith_hs_write(out, KITH_PKT_WHO, who.sender, 0);
		same(packet, out, sizeof out);
		KITH_ASSERT(fz_within(who.authed, packet) && fz_within(mac1, packet));
		KITH_ASSERT(who.authed.len + KITH_MAC_LEN == packet.len);
	}
	if (kith_iam_parse(&receiver, &chain, packet)) {
		kith_hs_write(out, KITH_PKT_IAM, 0, receiver);
		same(packet, out, sizeof out);
		KITH_ASSERT(fz_within(chain, packet) && chain.len + sizeof out == packet.len);
	}
}

static void data_packet(struct kith_span packet)
{
	struct kith_data_header h;
	uint8_t out[KITH_TRANSPORT_HEADER];
	if (!kith_data_parse(&h, packet))
		return;
	const struct kith_data_mark mark = kith_data_mark_read(h.hidden);
	kith_data_write(out, &mark, h.name);
	same(packet, out, sizeof out);
	KITH_ASSERT(h.hidden == packet.p + 1 && fz_within(h.sealed, packet));
	KITH_ASSERT(sizeof out + h.sealed.len == packet.len && h.sealed.len >= 16);
}

static void tunnel_packet(struct kith_span packet)
{
	uint64_t tunnel;
	struct kith_span inner;
	uint8_t out[KITH_TUNNEL_HEADER];
	if (!kith_tunnel_parse(&tunnel, &inner, packet))
		return;
	KITH_ASSERT(tunnel != 0 && inner.len > 0 && fz_within(inner, packet));
	kith_tunnel_write(out, tunnel);
	same(packet, out, sizeof out);
	KITH_ASSERT(sizeof out + inner.len == packet.len);
}

static void busy_packet(struct kith_span packet)
{
	struct kith_busy busy;
	uint32_t receiver;
	if (kith_busy_parse(&busy, &receiver, packet) != 0)
		return;
	KITH_ASSERT(fz_within(busy.bytes, packet) && fz_within(busy.chain, packet));
	KITH_ASSERT(busy.hosts_n <= KITH_BUSY_HOSTS_MAX && busy.retry_s >= 1 && busy.retry_s <= KITH_BUSY_RETRY_MAX_S);
	for (uint8_t i = 0; i < busy.hosts_n; i++)
		KITH_ASSERT(busy.hosts[i].endpoints_n <= KITH_HOST_ENDPOINTS_MAX);
}

static void short_packet(struct kith_span packet)
{
	uint8_t out[KITH_COOKIE_PACKET_LEN];
	const uint8_t *nonce, *sealed;
	uint32_t index;
	uint64_t name, number;
	bool anew;
	struct kith_echo echo;
	if (packet.p[0] == KITH_PKT_GONE && kith_gone_parse(&name, packet)) {
		KITH_ASSERT(packet.len == KITH_GONE_PACKET_LEN);
		kith_gone_write(out, name);
		same(packet, out, packet.len);
	} else if (packet.p[0] == KITH_PKT_KNOCK && kith_knock_parse(&name, &number, packet)) {
		KITH_ASSERT(packet.len == KITH_KNOCK_PACKET_LEN);
		kith_knock_write(out, name, number);
		same(packet, out, packet.len);
	} else if (packet.p[0] == KITH_PKT_ECHO && kith_echo_parse(&echo, packet)) {
		KITH_ASSERT(packet.len == (echo.paid ? KITH_ECHO_PAID_LEN : KITH_ECHO_PACKET_LEN));
		kith_echo_write(out, &echo);
		if (echo.seen.family != KITH_FAMILY_NONE || packet.p[2] == 0)
			same(packet, out, packet.len);
	} else if (packet.p[0] == KITH_PKT_COOKIE && kith_cookie_parse(&index, &anew, &nonce, &sealed, packet)) {
		KITH_ASSERT(packet.len == KITH_COOKIE_PACKET_LEN);
		kith_cookie_write(out, index, anew, nonce, sealed);
		same(packet, out, packet.len);
	}
}

static void outer(struct kith_span packet)
{
	switch (kith_packet_type(packet)) {
	case 0:
		return;
	case KITH_PKT_HELLO:
	case KITH_PKT_REPLY:
		handshake(packet);
		return;
	case KITH_PKT_WHO:
	case KITH_PKT_IAM:
		certificates(packet);
		return;
	case KITH_PKT_DATA:
		data_packet(packet);
		return;
	case KITH_PKT_TUNNEL:
		tunnel_packet(packet);
		return;
	case KITH_PKT_BUSY:
		busy_packet(packet);
		return;
	default:
		short_packet(packet);
	}
}

static void frames(struct kith_span payload)
{
	uint8_t *again = malloc(payload.len + 1);
	KITH_ASSERT(again != NULL);
	struct kith_writer w = kith_writer_of(again, payload.len);
	struct kith_reader r = kith_reader_of_span(payload);
	struct kith_frame f;
	while (kith_frame_next(&r, &f)) {
		KITH_ASSERT(f.type != KITH_FRAME_PADDING && fz_within(f.body, payload));
		uint8_t *mark = kith_frame_begin(&w, (enum kith_frame_type)f.type);
		kith_write_span(&w, f.body);
		kith_frame_end(&w, mark);
	}
	size_t len = kith_writer_len(&w);
	KITH_ASSERT(!w.bad && (len == 0 || memcmp(again, payload.p, len) == 0));
	KITH_ASSERT(r.bad || len == payload.len || payload.p[len] == KITH_FRAME_PADDING);
	free(again);
}

/* What kith_hello_write makes of a payload's own fields parses to the same fields. */
static void hello(struct kith_span payload)
{
	struct kith_hello h, again;
	if (!kith_hello_parse(&h, payload))
		return;
	const struct kith_span spans[] = { h.chain, h.service, h.verdict_text, h.request, h.answer, h.early };
	for (size_t i = 0; i < sizeof spans / sizeof spans[0]; i++)
		KITH_ASSERT(fz_within(spans[i], payload));
	KITH_ASSERT(h.chain.p != NULL && h.service.len <= KITH_SERVICE_MAX);
	KITH_ASSERT(h.early.len <= KITH_EARLY_MAX && (h.early.p == NULL || h.early.len > 0));
	KITH_ASSERT(h.crossed_ms >= 0 && (h.crossed || h.crossed_ms == 0));
	size_t cap = h.chain.len + 64;
	uint8_t *buf = malloc(cap);
	KITH_ASSERT(buf != NULL);
	struct kith_writer w = kith_writer_of(buf, cap);
	struct kith_self self = { .features = h.features, .role = h.role };
	const uint64_t names[2] = { h.name, h.spare };
	kith_hello_write(&w, &self, h.timestamp_ms, h.call_id, names, h.chain);
	const struct kith_span written = { buf, kith_writer_len(&w) };
	bool parsed = !w.bad && kith_hello_parse(&again, written);
	KITH_ASSERT(parsed && again.features == h.features && again.timestamp_ms == h.timestamp_ms);
	KITH_ASSERT(again.name == h.name && again.spare == h.spare && h.name != 0);
	KITH_ASSERT(again.role == h.role && memcmp(again.call_id, h.call_id, sizeof h.call_id) == 0);
	KITH_ASSERT(again.chain.len == h.chain.len &&
		    (h.chain.len == 0 || memcmp(again.chain.p, h.chain.p, h.chain.len) == 0));
	KITH_ASSERT(!again.has_verdict && !again.cancel && !again.crossed && again.service.len == 0 &&
		    again.request.p == NULL && again.answer.p == NULL && again.early.p == NULL);
	free(buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	const struct kith_span rest = { data + 1, size - 1 };
	switch (data[0] % 3) {
	case 0:
		outer(rest);
		break;
	case 1:
		frames(rest);
		break;
	default:
		hello(rest);
	}
	return 0;
}
