/* A network address translator after RFC 4787, for IPv4: what a home router, a mobile carrier or a Linux box does to
 * packets.
 *
 * Behaviour is mapping × filtering × port allocation × timers × hairpin × pooling, each an option. Carrier-grade chains
 * are made by passing a packet through several of these (see net/net.h).
 *
 * Mappings: one per inside endpoint and, for the dependent kinds, per destination address or address and port.
 * Filtering: an inbound packet passes if an outbound one went to its source first (as precisely as the filtering says).
 * Linux: `port_overload` makes a port taken only towards the same remote endpoint, so that preservation makes an
 * address-and-port-dependent NAT look endpoint-independent until two flows clash. With `wan_input_drop` off, a packet
 * that reached the NAT's own input is remembered like a confirmed conntrack flow, and an outbound flow that would need
 * the same (port, remote) is remapped: the way in which an early probe spoils a punch.
 *
 * Timers: none runs. An entry idle for its timeout is dead, noticed when it is met or when room is needed.
 * Bounds: entries_max entries of all kinds (mappings, permissions, local flows), least recently used ones go first; a
 * port search looks at KITH_NAT_TRIES_MAX ports. O(1) per packet.
 * Never: a clock, I/O, a source of randomness other than counted draws from its seed.
 */
#ifndef KITH_NET_NAT_H
#define KITH_NET_NAT_H

#include <kith/err.h>
#include <kith/types.h>

#define KITH_NAT_TRIES_MAX 144 /* ports looked at before giving up; Linux gives up after 128 as well */
#define KITH_NAT_ENTRIES_MIN 4 /* least entries_max: a mapping and its permission, twice */

/* How much of the other end is distinguished. Ordered from lax to strict. */
enum kith_nat_dependence { KITH_NAT_INDEPENDENT, KITH_NAT_ADDRESS, KITH_NAT_ADDRESS_PORT };

enum kith_nat_allocation {
	KITH_NAT_PRESERVE, /* the inside port if it is free, else a random one */
	KITH_NAT_SEQUENTIAL, /* the last one plus sequential_step */
	KITH_NAT_BLOCK, /* random within a block of block_len ports that follows from the inside address (RFC 7422) */
	KITH_NAT_RANDOM
};

enum kith_nat_pooling {
	KITH_NAT_PAIRED, /* an inside address always uses the same external address */
	KITH_NAT_ARBITRARY /* every mapping draws its external address */
};

enum kith_nat_proto { KITH_NAT_UDP, KITH_NAT_TCP };

/* Shared by any number of NATs; must not change while one uses it. */
struct kith_nat_options {
	enum kith_nat_dependence mapping, filtering;
	enum kith_nat_allocation allocation;
	enum kith_nat_pooling pooling;
	uint16_t port_min, port_max; /* external ports, both included */
	uint16_t sequential_step; /* >= 1 */
	uint16_t block_len; /* for KITH_NAT_BLOCK */
	uint16_t external_n; /* consecutive external addresses, >= 1 */
	uint16_t tcp_port_only; /* TCP to other ports is dropped; 0 = all may pass */
	uint32_t entries_max;
	kith_time_us timeout_us; /* UDP, since the last outbound packet */
	kith_time_us unreplied_timeout_us; /* UDP, until the first inbound packet; 0 = timeout_us */
	kith_time_us tcp_timeout_us;
	bool inbound_refresh; /* inbound packets keep an entry alive, too */
	bool hairpin; /* inside hosts reach each other by external address, and are seen with theirs (RFC 4787 REQ-9) */
	bool port_overload; /* only with address-and-port-dependent mapping and filtering */
	bool wan_input_drop; /* what no entry takes is dropped without a trace */
	bool udp_blocked;
};

/* What becomes of a packet. */
#define KITH_NAT_RESULT_MAP(X)                                                                                         \
	X(PASS, "passed on")                                                                                           \
	X(HAIRPIN, "turned back to the inside")                                                                        \
	X(BLOCKED, "protocol, family or port not let through")                                                         \
	X(TTL, "hop limit used up")                                                                                    \
	X(NO_HAIRPIN, "addressed to its own outside, and it does not turn packets")                                    \
	X(NO_PORT, "no free external port found")                                                                      \
	X(NO_MEMORY, "no memory for an entry")                                                                         \
	X(NO_MAPPING, "no mapping for the external port")                                                              \
	X(FILTERED, "the mapping does not admit this source")

enum kith_nat_result {
#define KITH_NAT_RESULT_ENUM(name, text) KITH_NAT_##name,
	KITH_NAT_RESULT_MAP(KITH_NAT_RESULT_ENUM)
#undef KITH_NAT_RESULT_ENUM
		KITH_NAT_RESULTS_N
};

/* Counted per NAT. Every packet counts once under passed_out, passed_in or its enum kith_nat_result. */
struct kith_nat_counters {
	uint32_t passed_out, passed_in;
	uint32_t results[KITH_NAT_RESULTS_N]; /* [KITH_NAT_PASS] = passed_out + passed_in */
	uint32_t mappings, remapped; /* made; made with another port because preservation clashed */
	uint32_t expired, evicted, local_flows;
};

struct kith_nat_packet {
	struct kith_addr src, dst;
	uint8_t proto; /* enum kith_nat_proto */
	uint8_t ttl;
};

struct kith_nat_entry;

struct kith_nat {
	const struct kith_nat_options *options; /* borrowed */
	const struct kith_alloc *alloc; /* borrowed */
	struct kith_nat_entry *entries; /* cap of them, then both indexes' heads, in one block; NULL until needed */
	uint64_t seed;
	uint32_t n, cap; /* entries in use; room */
	uint32_t free, newest, oldest; /* entry numbers: free list, ends of the recency list */
	uint32_t external_ip; /* first of external_n, host byte order */
	uint32_t serial, draws; /* of the last mapping; random numbers drawn */
	uint16_t port_next; /* for KITH_NAT_SEQUENTIAL */
	bool rebound; /* no port is preserved any more */
	struct kith_nat_counters counters;
};

/* The defaults are the preset "port-restricted". */
void kith_nat_options_init(struct kith_nat_options *o);

/* Fills in one of the presets below. KITH_ENOENT for any other name. */
int kith_nat_options_preset(struct kith_nat_options *o, const char *name) KITH_MUST_USE;

/* The n-th preset's name, NULL past the end: full-cone, restricted, port-restricted, symmetric-random,
 * symmetric-sequential, symmetric-block, blocked-udp, tcp443-only, linux-masquerade, cgn. */
const char *kith_nat_preset_name(unsigned n);

/* KITH_EINVAL if the options contradict each other. */
int kith_nat_options_check(const struct kith_nat_options *o) KITH_MUST_USE;

/* options and alloc are borrowed until deinit. external is the first external address (its port is ignored).
 * KITH_EINVAL for options that do not check or an external address that is not IPv4. Allocates nothing. */
int kith_nat_init(struct kith_nat *nat, const struct kith_nat_options *options, const struct kith_alloc *alloc,
		  const struct kith_addr *external, uint64_t seed) KITH_MUST_USE;
void kith_nat_deinit(struct kith_nat *nat);

/* From the inside. Rewrites src (and, for KITH_NAT_HAIRPIN, dst, which then is an inside endpoint) and takes one hop
 * off ttl. A packet whose hops are used up here (ttl <= 1) opens nothing. On any other result the packet is
 * unspecified. */
enum kith_nat_result kith_nat_outbound(struct kith_nat *nat, kith_time_us now, struct kith_nat_packet *pkt);

/* From the outside, to one of the external addresses. Rewrites dst to the inside endpoint and takes one hop off ttl. */
enum kith_nat_result kith_nat_inbound(struct kith_nat *nat, kith_time_us now, struct kith_nat_packet *pkt);

/* Forgets every entry: a reboot. Counters stay. */
void kith_nat_flush(struct kith_nat *nat);

/* Forgets every entry, and gives other ports from then on, also where it preserved them: they are others' by now. */
void kith_nat_rebind(struct kith_nat *nat);

/* A new external address: a flush as well. */
void kith_nat_readdress(struct kith_nat *nat, const struct kith_addr *external);

/* Whether ip (port ignored) is one of the external addresses. */
bool kith_nat_owns(const struct kith_nat *nat, const struct kith_addr *ip);

/* Mappings that are alive at now. Walks the table: for tests and reports. */
uint32_t kith_nat_mappings(const struct kith_nat *nat, kith_time_us now);

const char *kith_nat_result_text(enum kith_nat_result r);

#endif
