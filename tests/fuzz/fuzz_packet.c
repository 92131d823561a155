/* Outer headers on arbitrary bytes: what one of them is read from is what it is written as, and what has a type has its length. */
#include <stdlib.h>

#include "base/assert.h"
#include "wire/packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_handshake(struct kith_span p)
{
	struct kith_hs_header h;
	uint8_t out[KITH_HS_HEADER];
	if (!kith_hs_parse(&h, p) || h.version != KITH_WIRE_VERSION)
		return;
	kith_hs_write(out, h.type, h.pattern, h.sender, h.receiver);
	KITH_ASSERT(memcmp(out, p.p, sizeof out) == 0);
	size_t trailer = h.type == KITH_PKT_HELLO ? KITH_HS_TRAILER : 0;
	KITH_ASSERT(KITH_HS_HEADER + h.noise.len + trailer == p.len);
	if (trailer != 0) {
		KITH_ASSERT(h.mac1 + KITH_MAC_LEN == h.mac2 && h.mac2 + KITH_MAC_LEN == p.p + p.len);
		KITH_ASSERT(h.authed.len + KITH_MAC_LEN == h.authed2.len && h.authed2.len + KITH_MAC_LEN == p.len);
	}
}

static void check_data(struct kith_span p)
{
	struct kith_data_header h;
	uint8_t out[KITH_TRANSPORT_HEADER];
	if (!kith_data_parse(&h, p))
		return;
	kith_data_write(out, h.epoch, h.receiver, h.counter);
	KITH_ASSERT(memcmp(out + 1, p.p + 1, sizeof out - 1) == 0);
	KITH_ASSERT(h.sealed.len + KITH_TRANSPORT_HEADER == p.len);
}

static void check_others(struct kith_span p)
{
	uint64_t tunnel;
	struct kith_span inner;
	uint32_t receiver;
	uint8_t low, high, out[KITH_COOKIE_PACKET_LEN];
	const uint8_t *nonce, *sealed;
	if (kith_tunnel_parse(&tunnel, &inner, p)) {
		kith_tunnel_write(out, tunnel);
		KITH_ASSERT(memcmp(out, p.p, KITH_TUNNEL_HEADER) == 0 && inner.len + KITH_TUNNEL_HEADER == p.len);
	}
	if (kith_cookie_parse(&receiver, &nonce, &sealed, p)) {
		kith_cookie_write(out, receiver, nonce, sealed);
		KITH_ASSERT(p.len == KITH_COOKIE_PACKET_LEN && memcmp(out, p.p, p.len) == 0);
	}
	if (kith_gone_parse(&receiver, p)) {
		kith_gone_write(out, receiver);
		KITH_ASSERT(p.len == KITH_GONE_PACKET_LEN && memcmp(out, p.p, p.len) == 0);
	}
	if (kith_version_parse(&low, &high, &receiver, p))
		KITH_ASSERT(p.len == KITH_VERSION_PACKET_LEN && low <= high);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct kith_span p = { data, size };
	uint8_t type = kith_packet_type(p);
	KITH_ASSERT(type == 0 || (size > 0 && type == data[0]));
	check_handshake(p);
	check_data(p);
	check_others(p);
	return 0;
}
