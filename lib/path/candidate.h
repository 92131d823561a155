/* Addresses at which a node may be reachable: how they travel, and which of a peer's are probed.
 *
 * A peer's list is a stranger's claim: probing it unfiltered would make us a weapon. kith_candidate_check refuses
 * addresses that cannot be the peer's, or where a probe would hurt others.
 * Never: a socket, a name, a probe.
 */
#ifndef KITH_PATH_CANDIDATE_H
#define KITH_PATH_CANDIDATE_H

#include "path/journal.h"
#include "path/natclass.h"
#include "wire/endpoint.h"

struct kith_candidate {
	struct kith_endpoint at;
	uint16_t transport; /* own: the one it belongs to. a peer's: 0 */
	uint8_t kind; /* enum kith_addr_kind */
	uint8_t prefix_bits; /* own HOST: of the interface's network; 0 = 24 for v4, 64 for v6 */
	bool worked; /* own HOST: a peer was met at it lately (kith_transports_met) */
};

/* A list of at most KITH_CANDIDATES_MAX, and the NAT of the node that offers it. */
struct kith_candidates {
	uint8_t generation; /* of the list: the first is 1, a different list has another */
	uint8_t n;
	struct kith_natclass nat;
	struct kith_candidate list[KITH_CANDIDATES_MAX];
};

/* local: twice as many as a machine with some container networks has, of both families, and what others see */
#define KITH_OWN_MAX 24

/* All addresses at which this node may be reachable (kith_transports_candidates); path/offer chooses what is named. */
struct kith_own_list {
	uint8_t n;
	struct kith_candidate list[KITH_OWN_MAX];
};

/* The longest body of a CANDIDATES frame. */
#define KITH_CANDIDATES_BODY_MAX (3 + KITH_NATCLASS_LEN + KITH_CANDIDATES_MAX * (1 + KITH_ENDPOINT_LEN_MAX))

void kith_candidates_write(struct kith_writer *w, const struct kith_candidates *cs);

/* Parses a whole body. Of the candidates whose transport is known the first KITH_CANDIDATES_MAX are kept; a later
 * version may name more, and others. Unknown kinds of address are kept (and refused by the check). KITH_EPROTO:
 * malformed. */
int kith_candidates_read(struct kith_candidates *out, struct kith_span body) KITH_MUST_USE;

/* Whether both lists have the same candidates in the same order. */
bool kith_candidates_same(const struct kith_candidate a[], size_t a_n, const struct kith_candidate b[], size_t b_n);

/* How many bits of an own address are its network: bits, unless they are not known. */
static inline unsigned kith_prefix_bits(uint8_t family, uint8_t bits)
{
	enum { USUAL_V4 = 24, USUAL_V6 = 64 };
	return bits != 0 ? bits : family == KITH_FAMILY_V4 ? USUAL_V4 : USUAL_V6;
}

/* What the configuration allows beyond public addresses. */
enum kith_candidate_allow {
	KITH_ALLOW_LOOPBACK = 1 << 0, /* both may be on one machine */
	KITH_ALLOW_PRIVATE = 1 << 1 /* the network itself is on private addresses: a site's, without NATs inside */
};

/* Whether c of the list theirs may be probed, by any transport that reaches it. */
enum kith_refusal kith_candidate_check(const struct kith_candidate *c, const struct kith_candidates *theirs,
				       const struct kith_own_list *ours, unsigned allow);

/* Whether a path may be made to the source of an authenticated packet. */
enum kith_refusal kith_candidate_check_source(const struct kith_addr *addr, unsigned allow);

#endif
