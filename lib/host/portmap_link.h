/* Between the node and the component "portmap": what is to be mapped, and what became of it.
 *
 * The component's one function runs on a thread of its own, from the first word of what is to be mapped until it is
 * told to stop; then it takes back what was mapped, and returns. It is woken by a byte at a descriptor, and looks what
 * is wanted; it tells each change.
 * Invariant: of the node it knows nothing but what is here.
 */
#ifndef KITH_HOST_PORTMAP_LINK_H
#define KITH_HOST_PORTMAP_LINK_H

#include <kith/portmap.h>

#define KITH_PORTMAP_PORTS_MAX 2 /* UDP, and TCP where it is taken in */
#define KITH_PORTMAP_NONCE_LEN 12

struct kith_portmap_port {
	uint8_t protocol; /* as IP numbers it */
	uint16_t port;
	uint8_t nonce[KITH_PORTMAP_NONCE_LEN]; /* a router knows by it whose mapping it is */
};

struct kith_portmap_ask {
	struct kith_addr gateway; /* its port: where it is asked; 0: PCP's. It tells of itself at one less */
	struct kith_addr self; /* our address on the way there */
	struct kith_portmap_port ports[KITH_PORTMAP_PORTS_MAX]; /* UDP first */
	unsigned n;
};

struct kith_portmap_told {
	enum kith_portmap_state state; /* ASKING, MAPPED, REFUSED */
	enum kith_portmap_method method;
	struct kith_addr outer[KITH_PORTMAP_PORTS_MAX]; /* of UDP and TCP; family NONE: not mapped */
	kith_time_us life_us; /* until the first of them ends, from when it is told */
	uint64_t lies;
	uint16_t result; /* REFUSED: what the router said in PCP or NAT-PMP; 0: nothing */
};

/* What of that others can use, and in words why not. */
void kith_portmap_judge(const struct kith_portmap_told *told, int64_t unix_ms, struct kith_portmap_info *out);

/* The node's end, for the component. Any of these may be called on its thread only. */
struct kith_portmap_link {
	int wake; /* readable when there is a reason to look */
	/* Reads all that is at wake. False: stop. *changed: ask is another, or the network may be. */
	bool (*look)(struct kith_portmap_link *link, struct kith_portmap_ask *ask, bool *changed);
	void (*tell)(struct kith_portmap_link *link, const struct kith_portmap_told *told);
};

/* What the component is. */
struct kith_portmap_engine {
	void (*run)(struct kith_portmap_link *link);
};

#endif
