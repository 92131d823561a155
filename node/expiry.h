/* When a node's own certificates end, and what then is to be done. */
#ifndef KITH_NODE_EXPIRY_H
#define KITH_NODE_EXPIRY_H

#include <jansson.h>

#include <kith/kith.h>

#define SECONDS_PER_DAY (24 * 60 * 60)
#define EXPIRY_DAYS 30 /* so long before, an operator is warned */

struct chain_end {
	int64_t expires_s; /* the earliest of the chain; 0: there is no chain that could be read */
	const char *which; /* "issuer", "name", "device" */
};

/* What certifies a person is valid for whole days of UTC, from the beginning of today and for so many days after its
 * end: everybody reads it in presence records, and is not told when a person sat at his machine. */
int64_t valid_from(void);
int64_t valid_until(int days);

/* Of a chain by id the issuer is looked for among issuers. */
struct chain_end chain_end(struct kith_span chain, const struct kith_span issuers[], size_t n);

/* Whole days that are left, 0 on the last; negative when it is over. */
int64_t chain_days(const struct chain_end *end);
/* Whether there is a chain, and its end is near or past. */
bool chain_ends_soon(const struct chain_end *end);
/* What its owner does about it. */
const char *chain_advice(const struct chain_end *end);

/* {expires, first, days, soon, advice}; null if nothing is known. */
json_t *describe_end(const struct chain_end *end);

#endif
