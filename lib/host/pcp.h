/* What is said to a router that maps ports: PCP (RFC 6887, version 2) and its elder sibling NAT-PMP (RFC 6886, version
 * 0). Both are fixed layouts over UDP, at the same port, and a router of one kind answers requests of the other by
 * saying that it does not know the version: so one codec has both.
 *
 * Requests are written, answers are read. Of PCP this is MAP and ANNOUNCE without options (those of an answer are
 * skipped: none was asked for), of NAT-PMP the outer address and the two kinds of mapping. Addresses are of IPv4.
 * Never: state, an address that is judged, a clock.
 */
#ifndef KITH_HOST_PCP_H
#define KITH_HOST_PCP_H

#include <kith/types.h>

#define KITH_PCP_PORT 5351 /* of a router; where others are told of its restart: one less */
#define KITH_PCP_NONCE_LEN 12
#define KITH_PCP_REQUEST_MAX 60
#define KITH_PCP_ANSWER_MAX 1100 /* RFC 6887, 7: longer ones are none */
#define KITH_PCP_UDP 17 /* protocols, as IP numbers them */
#define KITH_PCP_TCP 6

enum kith_pcp_result { /* of both; what is not named here is an error as well */
		       KITH_PCP_SUCCESS = 0,
		       KITH_PCP_VERSION = 1, /* the router does not know it */
		       KITH_PCP_REFUSED = 2
};

/* A mapping that is asked for. */
struct kith_pcp_map {
	struct kith_addr self; /* who asks; PCP only */
	uint8_t nonce[KITH_PCP_NONCE_LEN]; /* by which it is asked for again; PCP only */
	uint8_t protocol;
	uint16_t inner;
	struct kith_addr outer; /* what is wished for; family NONE: whatever there is. NAT-PMP: only its port */
	uint16_t outer_port;
	uint32_t life_s; /* 0: away with it */
};

/* Each returns the length of the request in out. */
size_t kith_pcp_write_map(const struct kith_pcp_map *map, uint8_t out[KITH_PCP_REQUEST_MAX]);
size_t kith_pmp_write_map(const struct kith_pcp_map *map, uint8_t out[KITH_PCP_REQUEST_MAX]);
size_t kith_pmp_write_address(uint8_t out[KITH_PCP_REQUEST_MAX]); /* the outer address is asked for */

enum kith_pcp_kind {
	KITH_PCP_MAPPED, /* PCP's MAP */
	KITH_PCP_ANNOUNCED, /* PCP: the router is (back) there */
	KITH_PCP_ERROR, /* PCP, of no request that can be told: result only */
	KITH_PMP_MAPPED,
	KITH_PMP_ADDRESS, /* asked for, or because it has changed */
	KITH_PMP_ERROR /* NAT-PMP, of no request that can be told: result only */
};

struct kith_pcp_answer {
	enum kith_pcp_kind kind;
	uint16_t result; /* enum kith_pcp_result */
	uint32_t epoch_s; /* how long the router has known what it knows */
	uint32_t life_s; /* MAPPED; of an error: for how long it will not change */
	uint8_t nonce[KITH_PCP_NONCE_LEN]; /* PCP's MAPPED */
	uint8_t protocol; /* MAPPED */
	uint16_t inner, outer_port; /* MAPPED */
	struct kith_addr outer; /* PCP's MAPPED, ADDRESS; with port 0. Family NONE: not of IPv4 */
};

/* Reads an answer. False: it is none. */
bool kith_pcp_read(struct kith_pcp_answer *out, const uint8_t *in, size_t len) KITH_MUST_USE;

#endif
