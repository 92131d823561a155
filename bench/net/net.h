/* A small internet: hosts with interfaces, NATs in chains, access links, a core with delays and faults.
 *
 * Devices are interfaces and NATs. Each has one address (a NAT: external_n of them) in a realm, which is the inside of
 * a NAT (named by the NAT's device number) or the core (KITH_NET_CORE); carrier-grade chains are NATs in realms of
 * NATs. Between a device and its realm lies its uplink: a delay both ways and, by profile, bandwidth with a bounded
 * queue and loss.
 *
 *        host 0                         host 1
 *      interface 1                    interface 3
 *   - - - - | - - realm 2           - - - -|- - realm 4
 *         NAT 2 (home)                   NAT 4 (home)
 *           | uplink of 2                  | uplink of 4
 *   --------+------------ core ------------+--------
 *
 * A packet in flight is a value (struct kith_net_flight) that the caller keeps until its time and then hands back to
 * kith_net_advance; a NAT is entered only at the time at which the packet is there. Between two home NATs a packet
 * takes one flight. A flight names the device that it waits for, so a caller with several threads gives each a set of
 * NATs with all behind them; sending touches the sender's devices and kith_net_advance those at and behind
 * flight.device, nothing else. What changes the net itself (add, move, cut, partition) must not run beside them.
 *
 * Hop limit: each NAT is one hop, the core is core_hops. ttl 0 stands for KITH_NET_TTL_DEFAULT.
 * Chance: one number per packet of an interface; loss, jitter and so on follow from (seed, interface, number).
 * Bounds: groups, profiles and cut pairs below; hosts and devices as options say. O(1) per packet and level of NAT (and
 * O(log n) in the number of cut pairs). 8 bytes a host, 56 a device, a NAT 152 more, and what its entries need.
 * Never: a clock, I/O, ICMP, fragments, the content of packets. NATs are for IPv4; IPv6 interfaces are in the core
 * only.
 */
#ifndef KITH_NET_NET_H
#define KITH_NET_NET_H

#include "net/delay.h"
#include "net/link.h"
#include "net/nat.h"
#include "net/route.h"

#define KITH_NET_CORE 0u /* the realm of public addresses */
#define KITH_NET_TTL_DEFAULT 64
#define KITH_NET_GROUPS_MAX 64 /* one word of bits per group */
#define KITH_NET_PROFILES_MAX 32 /* kinds of access links; a scenario needs a handful */
#define KITH_NET_CUT_PAIRS_MAX 4096 /* a sorted array, held for the few pairs that a failover trial cuts or spoils */
#define KITH_NET_LEVELS_MAX 8 /* NATs in a chain; the real world has three at most */

/* What became of a packet; every packet or copy is counted by the one it ends with. */
#define KITH_NET_CAUSE_MAP(X)                                                                                          \
	X(FLYING, "in flight")                                                                                         \
	X(DELIVERED, "delivered")                                                                                      \
	X(SOURCE, "source address is none of the sender's")                                                            \
	X(HOST_CUT, "sender or receiver is cut off")                                                                   \
	X(NAT_OUT, "dropped by a NAT on the way out")                                                                  \
	X(NAT_IN, "dropped by a NAT on the way in")                                                                    \
	X(QUEUE, "no room in the queue of an uplink")                                                                  \
	X(TTL, "hop limit used up in the core")                                                                        \
	X(NO_ROUTE, "nobody has the address")                                                                          \
	X(PARTITION, "sent across a partition")                                                                        \
	X(PAIR_CUT, "this pair is cut")                                                                                \
	X(PAIR_SIZE, "larger than what this pair carries")                                                             \
	X(LOSS, "lost in the core or on an uplink")

enum kith_net_cause {
#define KITH_NET_CAUSE_ENUM(name, text) KITH_NET_##name,
	KITH_NET_CAUSE_MAP(KITH_NET_CAUSE_ENUM)
#undef KITH_NET_CAUSE_ENUM
		KITH_NET_CAUSES_N
};

/* One per thread; handed in with every call. */
struct kith_net_stats {
	uint64_t sent, duplicated;
	uint64_t causes[KITH_NET_CAUSES_N]; /* [KITH_NET_FLYING] is not counted */
};

/* A kind of uplink. All zero: no bottleneck, no loss. Up is away from the device. */
struct kith_net_profile {
	uint64_t up_bytes_per_s, down_bytes_per_s; /* 0: no bottleneck */
	uint32_t up_queue_bytes, down_queue_bytes; /* 0: no bound */
	uint32_t up_loss_ppm, down_loss_ppm;
};

/* One device's uplink. */
struct kith_net_uplink {
	uint32_t delay_us;
	uint8_t profile; /* index into the options' profiles */
	uint8_t country; /* index into kith_countries; matters for devices in the core */
};

struct kith_net_options {
	uint64_t seed;
	uint32_t hosts_max, devices_max; /* bounds; memory grows as they are added */
	uint8_t core_hops;
	kith_time_us lan_delay_us; /* one way between two devices behind one NAT, besides their uplinks */
	struct kith_delay_model delay;
	struct kith_access_faults faults; /* of the core */
	struct kith_access_faults lan_faults; /* between two devices behind one NAT */
	struct kith_net_profile profiles[KITH_NET_PROFILES_MAX];
};

struct kith_net_packet {
	struct kith_addr src, dst;
	uint32_t len_bytes; /* for bandwidth only */
	uint8_t proto; /* enum kith_nat_proto */
	uint8_t ttl;
};

enum kith_net_stage {
	KITH_NET_UP, /* will reach the NAT `device` from its inside */
	KITH_NET_DOWN, /* will reach the outer end of the uplink of `device` */
	KITH_NET_IN /* is through that uplink's queue */
};

/* A packet on its way; plain bytes, to be kept by the caller until at. */
struct kith_net_flight {
	kith_time_us at;
	struct kith_net_packet pkt; /* as it looks at this point */
	uint32_t device; /* whom it waits for */
	uint32_t realm; /* DOWN and IN: the realm in which device has pkt.dst */
	uint32_t from_host, from_device; /* the sender and its interface */
	uint32_t number; /* of the packet on from_device; a duplicate has the same */
	uint8_t stage; /* enum kith_net_stage */
	uint8_t copy; /* 1 for a duplicate */
};

struct kith_net_delivery {
	uint32_t host, device;
	struct kith_net_packet pkt; /* src as observed, dst as the interface's own address */
};

struct kith_net_outcome {
	enum kith_net_cause cause;
	unsigned flights_n; /* with FLYING: 1 or 2 */
	struct kith_net_flight flights[KITH_LINK_COPIES_MAX];
	struct kith_net_delivery delivery; /* with DELIVERED */
};

enum kith_net_cut { KITH_NET_CUT_OUT = 1, KITH_NET_CUT_IN = 2 };

/* What goes wrong on the way from one edge to another. All zero: nothing. */
struct kith_net_way {
	bool cut; /* nothing passes */
	uint32_t most_bytes; /* what is larger is lost without a word; 0: any size passes */
	kith_time_us extra_us; /* delay besides the usual one */
	struct kith_access_faults faults; /* besides the core's; never duplicates */
};

struct kith_net;

/* Core of 20 ms one way and 8 hops, LAN of 100 us, no faults, seed 1, up to a million hosts. */
void kith_net_options_init(struct kith_net_options *o);

/* options are copied; alloc is borrowed. NULL when out of memory. */
struct kith_net *kith_net_new(const struct kith_alloc *alloc, const struct kith_net_options *options);
void kith_net_free(struct kith_net *net);

/* --- building; each gives a number, or KITH_EFULL, KITH_ENOMEM --- */

int kith_net_host_add(struct kith_net *net, uint32_t *host) KITH_MUST_USE;

/* An interface of host with address ip (its port is ignored) in realm. KITH_EEXIST if the realm has that address,
 * KITH_EINVAL for a realm that is no NAT, a bad uplink, or IPv6 in a realm other than the core. */
int kith_net_iface_add(struct kith_net *net, uint32_t host, uint32_t realm, const struct kith_addr *ip,
		       const struct kith_net_uplink *uplink, uint32_t *device) KITH_MUST_USE;

/* A NAT whose external addresses, starting with ip, are in realm. options are borrowed as long as the net lives, and so
 * is alloc, which its entries come from (NULL: the net's). Errors as for an interface. */
int kith_net_nat_add(struct kith_net *net, uint32_t realm, const struct kith_nat_options *options,
		     const struct kith_alloc *alloc, const struct kith_addr *ip, const struct kith_net_uplink *uplink,
		     uint32_t *device) KITH_MUST_USE;

/* The i-th of 1.49e9 distinct public-looking IPv4 addresses. Consecutive ones fall into different /16s, as unrelated
 * homes do; none is in a private, shared, reserved or documentation range. */
void kith_net_public_v4(uint32_t i, struct kith_addr *out);

/* --- packets --- */

/* From an interface of host: pkt's source address says which one; an unspecified one (family set, address zero) takes
 * the host's first of that family. Results in flights, or in a cause. */
void kith_net_send(struct kith_net *net, struct kith_net_stats *stats, kith_time_us now, uint32_t host,
		   const struct kith_net_packet *pkt, struct kith_net_outcome *out);

/* Carries on at flight->at: delivered, dropped, or one flight more (a further NAT behind an uplink with a delay, a
 * queue). */
void kith_net_advance(struct kith_net *net, struct kith_net_stats *stats, const struct kith_net_flight *flight,
		      struct kith_net_outcome *out);

/* --- faults and changes --- */

void kith_net_set_faults(struct kith_net *net, const struct kith_access_faults *faults);

/* cuts: a set of enum kith_net_cut; 0 heals. */
void kith_net_host_cut(struct kith_net *net, uint32_t host, unsigned cuts);

/* A device's edge is the device in the core that it is, or is behind. Groups and pairs are sets of edges, since nobody
 * outside can tell apart what is behind one. */
uint32_t kith_net_edge(const struct kith_net *net, uint32_t device);
void kith_net_group_set(struct kith_net *net, uint32_t device, uint8_t group);

/* Drops what goes from one group to the other; the way back is another call. */
void kith_net_partition(struct kith_net *net, uint8_t from, uint8_t to, bool cut);

/* Drops what goes from one device's edge to the other's: one direct path dies, all else lives. KITH_EFULL,
 * KITH_ENOMEM. */
int kith_net_pair_cut(struct kith_net *net, uint32_t from, uint32_t to, bool cut) KITH_MUST_USE;

/* The same for anything else that may go wrong there, in the place of what did before; NULL heals. */
int kith_net_pair_set(struct kith_net *net, uint32_t from, uint32_t to, const struct kith_net_way *way) KITH_MUST_USE;

/* Gives a device another address, in another realm too (roaming, a new lease). A NAT's entries are lost. Packets in
 * flight to the old address are dropped when they arrive. Errors as for adding, and KITH_EINVAL for a move behind
 * itself. */
int kith_net_move(struct kith_net *net, uint32_t device, uint32_t realm, const struct kith_addr *ip) KITH_MUST_USE;

/* A reboot: the NAT forgets its entries. */
void kith_net_nat_flush(struct kith_net *net, uint32_t device);

/* kith_nat_rebind. */
void kith_net_nat_rebind(struct kith_net *net, uint32_t device);

/* --- looking --- */

/* NULL if device is no NAT. Valid until the next NAT is added. */
const struct kith_nat *kith_net_nat(const struct kith_net *net, uint32_t device);

/* The device's (first) address, port 0. */
void kith_net_address(const struct kith_net *net, uint32_t device, struct kith_addr *out);
uint32_t kith_net_realm(const struct kith_net *net, uint32_t device);
uint32_t kith_net_first_iface(const struct kith_net *net, uint32_t host); /* 0 if it has none */

const char *kith_net_cause_text(enum kith_net_cause cause);

#endif
