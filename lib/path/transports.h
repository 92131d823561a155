/* The transports of a node: what the host has told of each, and which one reaches an endpoint.
 *
 * A transport has an id of the host's, a kind, a family and a purpose; a connection (TCP, TLS, a component of ICE)
 * reaches one remote address, a socket all of its family. Nothing here knows what a kind does, so a new kind needs no
 * line. Selection is one function, kith_transports_for. Of several transports that reach an endpoint it takes the one
 * whose interface is on the endpoint's own network (the longest prefix), else the first that the host told of: a host
 * begins with the interface of the default route.
 * Invariants: no two have the same id; the order is that in which the host told of them.
 * Bounds: KITH_TRANSPORTS_MAX; memory grows with them, and holds as many local addresses as there are. The first has
 * its place from the beginning, with one address, so that a node that was made can be told of a socket.
 * Never: a packet, a decision about a path, a transport opened or closed.
 */
#ifndef KITH_PATH_TRANSPORTS_H
#define KITH_PATH_TRANSPORTS_H

#include <kith/transport.h>

#include "base/assert.h"
#include "path/candidate.h"
#include "wire/hop.h"

/* local: four times the 256 sockets that one NAT with random ports asks for; far below what 16 bits can number */
#define KITH_TRANSPORTS_MAX 1024

/* local: own addresses that are known to have worked: of both families. Any peer may name one. */
#define KITH_TRANSPORTS_MET 2

/* What is kept of a struct kith_transport; its local addresses lie behind those of the transports before it. */
struct kith_transport_kept {
	struct kith_addr remote;
	uint32_t effect;
	uint16_t id;
	uint8_t kind, family, purpose;
	uint8_t locals_n;
	uint8_t cost_ms;
	bool up;
};

struct kith_transports {
	const struct kith_alloc *alloc; /* borrowed */
	struct kith_transport_kept *at;
	struct kith_local *locals;
	uint16_t n, cap;
	uint16_t locals_n, locals_cap;
	uint16_t mute; /* bits, by id: of those that the host opened by itself */
	uint16_t lan; /* bits, by id: of those of purpose LAN */
	uint8_t met[KITH_TRANSPORTS_MET]; /* what stands for the local addresses of kith_transports_met; 0: none */
	bool nat64; /* where we are, a NAT64 has been seen to work (path/nat64) */
};

KITH_STATIC_ASSERT(KITH_TRANSPORTS_MAX *KITH_LOCALS_MAX <= UINT16_MAX, "locals are counted by 16 bits");

/* An address at which others see one of our transports. */
struct kith_seen {
	struct kith_addr addr; /* family NONE: nobody has said */
	uint16_t transport;
};

/* KITH_ENOMEM. */
int kith_transports_init(struct kith_transports *ts, const struct kith_alloc *alloc) KITH_MUST_USE;
/* Also for a struct that could not be initialised, or is all zero. */
void kith_transports_deinit(struct kith_transports *ts);

/* The transport with that id, as the host told of it. False if it has not. */
bool kith_transports_get(const struct kith_transports *ts, uint16_t id, struct kith_transport *out);

/* What a path over it costs besides its round trip, in milliseconds; 0 if the host has not told of it. */
uint8_t kith_transports_cost(const struct kith_transports *ts, uint16_t id);

/* enum kith_transport_kind; NONE if the host has not told of it. */
uint8_t kith_transports_kind(const struct kith_transports *ts, uint16_t id);

/* Takes what the host tells: a new transport, or a change of a known one; a closed one is forgotten. KITH_EINVAL:
 * without a kind or family, too many locals, up and closed; KITH_EFULL, KITH_ENOMEM. */
int kith_transports_set(struct kith_transports *ts, const struct kith_transport *t) KITH_MUST_USE;

/* Whether all that is new of a transport is what a router maps to it: the network is the same. */
bool kith_transports_only_mapped(const struct kith_transport *before, const struct kith_transport *t);

/* The transport that reaches an endpoint, by kind and family; KITH_ENOENT. A transport that was opened for a punch is
 * never chosen. */
int kith_transports_for(const struct kith_transports *ts, const struct kith_endpoint *to, uint16_t *id) KITH_MUST_USE;

/* The same, as a hop: where nothing speaks IPv4, what has IPv6 reaches a public v4 address by way of a NAT64. guess:
 * also when none has been seen to work here. */
int kith_transports_reach(const struct kith_transports *ts, const struct kith_endpoint *to, bool guess,
			  struct kith_hop *hop) KITH_MUST_USE;

/* A home was reached at that address. */
void kith_transports_reached(struct kith_transports *ts, const struct kith_addr *remote);

/* Notes whether packets over that transport come to nothing where others are answered; what the host tells of it takes
 * that back. Of ids above 15 nothing is noted: those are not a host's first sockets. */
void kith_transports_mute(struct kith_transports *ts, uint16_t id, bool mute);
bool kith_transports_is_mute(const struct kith_transports *ts, uint16_t id);

/* Whether there is one of UDP by which answers come, as far as is known. */
bool kith_transports_has_udp(const struct kith_transports *ts);

/* Whether contacts are not spoken to by it (KITH_PURPOSE_HOMES). */
bool kith_transports_is_for_homes(const struct kith_transports *ts, uint16_t id);

/* Whether what goes by it passes a server of our own (KITH_PURPOSE_RELAYED). */
bool kith_transports_is_relayed(const struct kith_transports *ts, uint16_t id);

/* Such a transport that is up, by which addresses of that family are reached. False: there is none. */
bool kith_transports_relayed(const struct kith_transports *ts, uint8_t family, uint16_t *id);

/* Whether what goes by the one comes from another place when the other one moves: sockets for a punch are told to have
 * been opened and closed, and lie on the interfaces of those that the host opened by itself. */
bool kith_transports_moves_with(const struct kith_transports *ts, uint16_t id, uint16_t other);

/* Whether connections of strangers are taken in by a transport of that kind and family. */
bool kith_transports_listens(const struct kith_transports *ts, uint8_t kind, uint8_t family);

/* Whether it reaches all that are on the link (KITH_PURPOSE_LAN). */
static inline bool kith_transports_is_lan(const struct kith_transports *ts, uint16_t id)
{
	return id < 16 && (ts->lan >> id & 1) != 0;
}

/* The next transport that is up, of that purpose and for UDP, from *i on, which goes on behind it. False: none. */
bool kith_transports_next(const struct kith_transports *ts, uint8_t purpose, uint16_t *i, struct kith_transport *out);

/* Whether the address is in the network of an interface of ours. */
bool kith_transports_on_link(const struct kith_transports *ts, const struct kith_addr *addr);

/* A peer says that it sees us at this address, on a direct path that has just come to life. If it is one of our own,
 * it is among the last KITH_TRANSPORTS_MET that worked, and candidates say so. */
void kith_transports_met(struct kith_transports *ts, const struct kith_addr *addr);

/* The addresses at which this node may be reachable, each once: those that others see, then its own. Loopback only when
 * allowed. Of TCP three at most of each transport, and none that others see, since each connection has a port of its
 * own; but where a NAT shows us at a public address, that with our port, as predicted: it may be forwarded by hand.
 * Returns how many. */
size_t kith_transports_candidates(const struct kith_transports *ts, const struct kith_seen seen[], size_t seen_n,
				  bool loopback, struct kith_candidate out[], size_t n);

#endif
