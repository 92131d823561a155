/* Leaves on local networks, with or without supernodes in reach. */
#ifndef KITH_TEST_LAN_WORLD_H
#define KITH_TEST_LAN_WORLD_H

#include "call_world.h"

static inline struct kith_addr lan_group(void)
{
	return (struct kith_addr){ .family = KITH_FAMILY_V4, .port = WORLD_LAN_PORT, .ip = { 239, 255, 75, 72 } };
}

/* Tells a node of the local network that its address is in. */
static inline void lan_join(struct core_world *w, int i)
{
	struct kith_transport t = { .id = WORLD_LAN,
				    .kind = KITH_TRANSPORT_UDP,
				    .family = KITH_FAMILY_V4,
				    .purpose = KITH_PURPOSE_LAN,
				    .up = true,
				    .remote = lan_group(),
				    .locals_n = 1 };
	t.locals[0] = (struct kith_local){ w->nodes[i].addr, KITH_ADDR_HOST, 24 };
	assert_int_equal(kith_core_transport(w->nodes[i].core, world_clock_of(w, i), &t), 0);
	w->nodes[i].on_lan = true;
	world_drain(w, i);
}

static inline struct kith_addr lan_addr(int lan, int i)
{
	return (struct kith_addr){ .family = KITH_FAMILY_V4,
				   .port = (uint16_t)(4000 + i),
				   .ip = { 192, 168, (uint8_t)lan, (uint8_t)(10 + i) } };
}

/* A leaf at 192.168.<lan>.x. */
static inline int lan_start(struct core_world *w, const char *name, int lan)
{
	struct kith_core_options o;
	int i = world_add(w, name, false);
	w->nodes[i].addr = lan_addr(lan, i);
	world_options(w, i, &o);
	assert_int_equal(world_try_start(w, i, &o), 0);
	lan_join(w, i);
	return i;
}

static inline void lan_pin(struct core_world *w, int node, int other, uint8_t flags)
{
	assert_int_equal(kith_core_pin(w->nodes[node].core, world_clock(w), w->nodes[other].name,
				       &w->nodes[other].id.identity, flags, false),
			 0);
	world_drain(w, node);
}

/* No supernode; alice, bob and carol on network 1, who accepted each other. Nodes 3 to 5: the bootstrap addresses are
 * those of nobody. */
enum { LAN_ALICE = 3, LAN_BOB = 4, LAN_CAROL = 5 };
static inline void lan_alone(struct core_world *w, const struct kith_suite *suite)
{
	static const char *const names[] = { "alice", "bob", "carol" };
	core_world_init(w, suite, 1);
	w->log = getenv("KITH_TEST_LOG") != NULL;
	for (int i = 0; i < 3; i++) {
		char name[16];
		snprintf(name, sizeof name, "s%d", i);
		world_add(w, name, true); /* is not started */
	}
	for (int i = 0; i < 3; i++)
		lan_start(w, names[i], 1);
	for (int i = LAN_ALICE; i <= LAN_CAROL; i++) {
		for (int k = LAN_ALICE; k <= LAN_CAROL; k++) {
			if (i != k)
				lan_pin(w, i, k, KITH_CONTACT_ACCEPTED);
		}
	}
	world_run(w, KITH_US_PER_S);
}

/* What a node sends, by type; and the last question and the last answer. */
struct lan_seen {
	unsigned wheres, heres, hellos; /* straight ones */
	struct world_packet where, here;
	int (*then)(struct core_world *w, struct world_packet *p); /* may drop it; NULL */
};

static inline int lan_tap(struct core_world *w, struct world_packet *p)
{
	struct lan_seen *seen = w->tap_ctx;
	const uint8_t type = p->data[KITH_PACKET_HEADROOM];
	if (type == KITH_PKT_WHERE) {
		seen->wheres += p->lan_to != 0;
		seen->where = *p;
	} else if (type == KITH_PKT_HERE) {
		seen->heres++;
		seen->here = *p;
	} else if (type == KITH_PKT_HELLO) {
		seen->hellos += p->to.ip[0] == 192;
	}
	return seen->then != NULL ? seen->then(w, p) : 1;
}

static inline void lan_watch(struct core_world *w, struct lan_seen *seen)
{
	memset(seen, 0, sizeof *seen);
	w->tap = lan_tap;
	w->tap_ctx = seen;
}

/* A packet to a node, as if from there: over its local network's transport, or its socket. */
static inline void lan_inject(struct core_world *w, int node, const struct kith_addr *from, uint16_t transport,
			      const uint8_t *data, size_t len)
{
	uint8_t bytes[KITH_PACKET_HEADROOM + 1400];
	memcpy(bytes + KITH_PACKET_HEADROOM, data, len);
	struct kith_packet in = {
		.data = bytes + KITH_PACKET_HEADROOM, .len = (uint32_t)len, .transport = transport, .remote = *from
	};
	kith_core_input(w->nodes[node].core, world_clock_of(w, node), &in, 1);
	world_drain(w, node);
}

#endif
