/* What a TURN server says: the layout check, libnice's code behind it, and what the client makes of it. The first byte
 * says whether the server relays already; then come datagrams, each behind a byte of flags and its length: whether it
 * is made an answer to a request that is under way, by its id, which nobody could guess. Each ends where its page
 * does, with none behind it, so that code that was not built with the sanitizers cannot read too far unseen. What is
 * taken for a peer's packet lies in the datagram, and its peer was spoken to; the deadline is never in the past for
 * good. */
#include <stdlib.h>

#include "fuzz_pages.h"
#include "fuzz_support.h"

#include "base/addr.h"
#include "host/turn_client.h"

enum { RELAYED = 1, ANSWER = 1, WHICH = 1, LATER = 16, DATAGRAM_MAX = 1500, ROUNDS = 64 };

static void talk(struct kith_turn_client *c, kith_time_us now)
{
	uint8_t out[KITH_TURN_REQUEST_MAX];
	int n = 0;
	while (kith_turn_client_next(c, now, out) > 0)
		KITH_ASSERT(++n < ROUNDS);
	KITH_ASSERT(kith_turn_client_deadline(c) > now);
}

static void take(struct kith_turn_client *c, kith_time_us now, unsigned flags, const uint8_t *data, size_t len)
{
	const struct kith_turn_pending *p = &c->pending[flags >> WHICH & (KITH_TURN_REQUESTS - 1)];
	uint8_t *in = before_nothing(len);
	struct kith_addr peer;
	struct kith_span inner;
	if (len > 0)
		memcpy(in, data, len);
	if ((flags & ANSWER) != 0 && p->used && len >= 4 + sizeof p->id)
		memcpy(in + 4, p->id, sizeof p->id);
	if (kith_turn_client_take(c, now, in, len, &peer, &inner))
		KITH_ASSERT(peer.family == KITH_FAMILY_V4 && peer.ip[0] == 203 && inner.p >= in &&
			    inner.len <= (size_t)(in + len - inner.p));
	give_back(in, len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const struct kith_turn_account account = { .server = { KITH_FAMILY_V4, 0, 3478, { 192, 0, 2, 1 } },
							  .user = "alice",
							  .password = "secret" };
	static const struct kith_addr peer = { KITH_FAMILY_V4, 0, 7000, { 203, 0, 113, 9 } };
	static struct kith_turn_client c;
	uint8_t out[KITH_TURN_REQUEST_MAX];
	kith_time_us now = 1000 * KITH_US_PER_S;
	if (len == 0)
		return 0;
	kith_turn_client_init(&c, &account, now);
	talk(&c, now);
	if ((data[0] & RELAYED) != 0) {
		c.state = KITH_TURN_RELAYED;
		c.until = now + 600 * KITH_US_PER_S;
		c.refresh_at = now + 300 * KITH_US_PER_S;
		KITH_ASSERT(kith_turn_client_wrap(&c, now, &peer, data, 1, out, sizeof out) > 0);
	}
	for (size_t at = 1; at + 3 <= len;) {
		const unsigned flags = data[at];
		size_t n = (size_t)data[at + 1] << 8 | data[at + 2];
		at += 3;
		n = n < len - at ? n : len - at;
		n = n < DATAGRAM_MAX ? n : DATAGRAM_MAX;
		take(&c, now, flags, data + at, n);
		at += n;
		now += (flags & LATER) != 0 ? 7 * KITH_US_PER_S : 0;
		talk(&c, now);
	}
	return 0;
}
