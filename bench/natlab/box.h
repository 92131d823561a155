/* A small internet in one process: links to hosts and routers, NATs of net/nat.h in front of some, delay and loss of
 * net/link.h on each.
 *
 *     host - link - NAT - [ delay, loss ] - core - [ delay, loss ] - NAT - link - host
 *
 * A packet that a link brings is translated, goes up (the link's delay), loses the core's hops, and goes down the link
 * that has its destination: by the longest prefix, or as one of a NAT's external addresses. Several links may share a
 * NAT: they see each other by its external addresses only, and if it turns packets back (hairpin).
 * What fails is told while it runs: the core does more to what goes from one link to another (a way), or a link is cut.
 * A NAT passes UDP and TCP over IPv4 that is not fragmented, and nothing else; links without one pass all.
 *
 * What happens to a packet is drawn from the seed and the number of the packet on its link (net/link.h).
 * Bounds: KITH_BOX_LINKS_MAX, KITH_BOX_NATS_MAX; KITH_BOX_PACKETS_MAX are on their way at once, more are dropped and
 * counted.
 * Never: a clock, a socket, an answer of its own (no ICMP).
 */
#ifndef KITH_NATLAB_BOX_H
#define KITH_NATLAB_BOX_H

#include "net/link.h"
#include "net/nat.h"
#include "net/net.h"

#define KITH_BOX_LINKS_MAX 160u
#define KITH_BOX_NATS_MAX 160u
#define KITH_BOX_NETS_MAX 4u
#define KITH_BOX_PACKETS_MAX 65536u
#define KITH_BOX_PACKET_LEN_MAX 2048u
#define KITH_BOX_NO_NAT (-1)

struct kith_box_net {
	struct kith_addr addr;
	uint8_t bits;
};

struct kith_box_link_options {
	int nat; /* number of the NAT in front; KITH_BOX_NO_NAT */
	struct kith_box_net nets[KITH_BOX_NETS_MAX]; /* what is reached through it; inside of the NAT */
	unsigned nets_n;
	struct kith_access_options access; /* each way; seed and id are set here */
};

/* What became of packets. */
struct kith_box_counters {
	uint64_t in, out; /* from links; to links */
	uint64_t unread; /* no IP packets, or no whole ones */
	uint64_t unroutable; /* to nobody's address, or from one that is not the link's */
	uint64_t hops; /* used up in the core */
	uint64_t refused; /* by a NAT: see its counters */
	uint64_t untranslated; /* neither UDP nor TCP, or a fragment, at a NAT */
	uint64_t lost; /* on a link, or on its way through the core */
	uint64_t full; /* too many on their way */
};

struct kith_box;

/* hops: how many routers the core is for a packet. KITH_ENOMEM, with NULL. alloc is borrowed. */
struct kith_box *kith_box_new(const struct kith_alloc *alloc, uint64_t seed, uint8_t hops);
void kith_box_free(struct kith_box *box);

/* A number from 0 on, or an error: KITH_EFULL when there are too many, KITH_EINVAL. options are copied. */
int kith_box_add_nat(struct kith_box *box, const struct kith_nat_options *options, const struct kith_addr *external);
int kith_box_add_link(struct kith_box *box, const struct kith_box_link_options *options);

struct kith_nat *kith_box_nat(struct kith_box *box, int nat);
const struct kith_box_counters *kith_box_counters(const struct kith_box *box);

/* Packets and bytes that went down link `to`, and had come up link `from`. */
struct kith_box_flow {
	uint64_t packets, bytes;
};
struct kith_box_flow kith_box_flow(const struct kith_box *box, int from, int to);

/* From now on the core does this, besides, to what comes up link `from` and goes down link `to`. All zero: nothing.
 * Sizes are those of IP packets. Behind a NAT that several links share, the first of them stands for all as `to`. */
void kith_box_set_way(struct kith_box *box, int from, int to, const struct kith_net_way *way);

/* Nothing goes up or down that link any more, or it does again; nobody is told. */
void kith_box_cut(struct kith_box *box, int link, bool cut);

/* A packet that link brings now. */
void kith_box_input(struct kith_box *box, kith_time_us now, int link, const uint8_t *bytes, size_t len);

/* When there is something to do next; KITH_TIME_NEVER. */
kith_time_us kith_box_due(const struct kith_box *box);

/* Does what is due, and hands over what has arrived. */
typedef void kith_box_deliver_fn(void *user, int link, const uint8_t *bytes, size_t len);
void kith_box_run(struct kith_box *box, kith_time_us now, kith_box_deliver_fn *deliver, void *user);

#endif
