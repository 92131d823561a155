/* What a core and its host tell each other besides packets and events: the transports there are, and what the host is
 * asked to do. The calls are in <kith/core.h>.
 */
#ifndef KITH_TRANSPORT_H
#define KITH_TRANSPORT_H

#include <kith/types.h>

/* What a transport is for. */
enum kith_transport_purpose {
	KITH_PURPOSE_ANY, /* handshakes, homes, calls */
	KITH_PURPOSE_PUNCH, /* one of many, to get through one NAT: only its asker uses it, and it is not offered */
	KITH_PURPOSE_OUT, /* as ANY, but nobody can send there first: it is not offered */
	/* reaches all that are on the link: remote is the group's address, locals those of the interfaces that it is
	 * joined on. Contacts are looked for there, and nothing else is sent or taken. Its id is below 16 */
	KITH_PURPOSE_LAN,
	/* takes in connections, and makes none: it is offered, and nothing begins over it */
	KITH_PURPOSE_IN,
	KITH_PURPOSE_HOMES, /* as OUT, by way of a proxy: contacts are not connected to by it */
	KITH_PURPOSE_RELAYED /* by a server of our own, which lets in whom we send to: offered, and for contacts only */
};

/* An address at which a transport may be reachable. */
struct kith_local { /* fixed */
	struct kith_addr addr; /* with its port */
	uint8_t kind; /* enum kith_addr_kind: HOST or MAPPED; RELAYED of a transport of that purpose */
	uint8_t prefix_bits; /* HOST: of the interface's network; 0 = 24 for v4, 64 for v6 */
};

#define KITH_TRANSPORT_COST_MAX_MS 150 /* of one transport */
#define KITH_LOCALS_MAX 16 /* addresses of one transport */

/* Whatever carries packets: a UDP socket, a TCP connection, a component of an ICE agent. */
struct kith_transport { /* fixed */
	uint16_t id; /* the host's choice: what packets name */
	uint8_t kind; /* enum kith_transport_kind */
	uint8_t family; /* what it can reach */
	uint8_t purpose; /* enum kith_transport_purpose */
	bool up; /* down: it may come back, with other addresses */
	bool closed; /* for good: it is forgotten, and its id is free */
	/* what a path over it counts beyond its round trip (up to KITH_TRANSPORT_COST_MAX_MS): so much better is one by
	 * which no packet waits for one that was lost before it */
	uint8_t cost_ms;
	uint32_t effect; /* of the KITH_EFFECT_OPEN that asked for it; 0: opened by the host itself */
	struct kith_addr remote; /* a connection: all that it reaches; family NONE: whatever its kind and family can */
	struct kith_local locals[KITH_LOCALS_MAX]; /* the first locals_n */
	size_t locals_n;
};

/* The NAT that a leaf is behind, as far as the places tell at which homes see it, and what it has measured by spare
 * sockets (some minutes after it has come to a network, over IPv4); for people and tests. The words may become more. */
struct kith_nat_info { /* fixed */
	/* What its outer address depends on: "none" (there is no NAT), "independent" (of where it sends), "address" and
	 * "port" (of the other side's), "unknown". */
	char mapping[12];
	/* Which port a new one gets: "preserved" (that of the socket), "step", "block", "random", "unknown". */
	char allocation[12];
	uint16_t step; /* from one port to the next; 0: not in steps */
	uint16_t port_low, port_high; /* of a block, or random: between what they were seen; 0: not known */
	uint16_t lifetime_s; /* of a mapping that is not used: so long at least; 0: not measured yet */
	/* Who is let in by a mapping: "none" (everybody is), "address" and "port" (of others that were sent to only),
	 * "unknown". */
	char filtering[12];
	/* Whether two behind it reach each other by their outer addresses: "no", "yes", "unknown". */
	char hairpin[12];
};

/* ---- effects ---- */

/* What a core asks of its host beyond packets: each once, under an id. It ends once: the host completes it, or its
 * deadline comes, or the core gives it up. */
enum kith_effect_type {
	KITH_EFFECT_SAVE, /* write bytes to stable storage, as what says */
	/* open count transports of kind, family and purpose, a connection to remote; each is told by
	 * kith_core_transport, with this id, before this is completed: with 0 if there is one at least. Of purpose IN:
	 * one listens, at the node's port if that is free. KITH_ENOTSUP: connections are not wanted here */
	KITH_EFFECT_OPEN,
	/* close transport, which an OPEN brought; kith_core_transport tells that it is closed before this is completed.
	 * KITH_EACCES: it is the host's own */
	KITH_EFFECT_CLOSE,
	/* map a port of transport at the NAT (PCP, NAT-PMP, UPnP), or renew it. In its result: the outer address, and
	 * for how long */
	KITH_EFFECT_MAP,
	/* what has this id is not wanted any more: nothing is to be completed, and transports that were told for it are
	 * closed */
	KITH_EFFECT_CANCEL,
	KITH_EFFECT_PRIVATE = 240 /* to 255: for hosts and cores with effects of their own */
};

/* What a SAVE keeps: given back in the option of struct kith_core_options that has its name. */
enum kith_save {
	KITH_SAVE_STATE, /* a cache: a node without it is slower to find its way, and starts all the same */
	/* what cannot be had again: a host keeps the version before, too, and is loud when it finds neither whole */
	KITH_SAVE_CONTACTS
};

/* One thing that the host is asked to do. */
struct kith_effect { /* grows */
	enum kith_effect_type type; /* what is to be done */
	uint32_t id; /* for kith_core_complete; CANCEL: of what is given up */
	kith_time_us deadline; /* on the monotonic clock: what is completed later is ignored; or KITH_TIME_NEVER */
	struct kith_span bytes; /* until the effect ends */
	uint16_t transport; /* CLOSE, MAP */
	uint16_t count; /* OPEN */
	uint8_t what; /* SAVE: enum kith_save */
	uint8_t kind; /* OPEN: enum kith_transport_kind */
	uint8_t family; /* OPEN */
	uint8_t purpose; /* OPEN: enum kith_transport_purpose */
	struct kith_addr remote; /* OPEN: of a connection */
};

#define KITH_EFFECT_ADDRS_MAX 8 /* in one result */

/* What a host has to say besides that it is done. */
struct kith_effect_result { /* fixed */
	struct kith_addr addrs[KITH_EFFECT_ADDRS_MAX]; /* MAP: the outer one */
	uint8_t addrs_n;
	kith_time_us life_us; /* MAP: how long it lasts from now */
};

#endif
