/* Looking at packets on their way in a core_world: keeping one, and putting one in that nobody sent. */
#ifndef KITH_TESTS_CORE_TAP_H
#define KITH_TESTS_CORE_TAP_H

#include "core_world.h"

/* The type of a packet, of the one inside when it is in a tunnel. */
static inline uint8_t inner_type(const struct world_packet *p, const uint8_t **inner, size_t *len)
{
	*inner = p->data + KITH_PACKET_HEADROOM;
	*len = p->len;
	if (*len > KITH_TUNNEL_HEADER && (*inner)[0] == KITH_PKT_TUNNEL) {
		*inner += KITH_TUNNEL_HEADER;
		*len -= KITH_TUNNEL_HEADER;
	}
	return (*inner)[0];
}

/* Keeps the first packet of a type to or from a node, and may swallow it. */
struct keeper {
	uint8_t type;
	const struct kith_addr *from, *to; /* NULL: any */
	bool swallow;
	int seen;
	struct world_packet packet;
};

static inline int keep_tap(struct core_world *w, struct world_packet *p)
{
	struct keeper *k = w->tap_ctx;
	const uint8_t *inner;
	size_t len;
	if (inner_type(p, &inner, &len) != k->type || (k->from != NULL && !kith_addr_equal(k->from, &p->from)) ||
	    (k->to != NULL && !kith_addr_equal(k->to, &p->to)))
		return 1;
	if (k->seen++ == 0)
		k->packet = *p;
	return k->swallow ? 0 : 1;
}

/* Puts a packet into a node as if it came from there now. */
static inline void inject(struct core_world *w, int node, const struct kith_addr *from, const uint8_t *data, size_t len)
{
	uint8_t room[KITH_PACKET_HEADROOM + 2048];
	assert_true(len <= sizeof room - KITH_PACKET_HEADROOM);
	if (len > 0)
		memcpy(room + KITH_PACKET_HEADROOM, data, len);
	struct kith_packet p = {
		.data = room + KITH_PACKET_HEADROOM, .len = (uint32_t)len, .remote = *from, .local = w->nodes[node].addr
	};
	kith_core_input(w->nodes[node].core, world_clock(w), &p, 1);
	world_drain(w, node);
}

#endif
