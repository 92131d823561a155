/* The class of NAT that a node is behind: its fields, its bytes in messages, its text.
 *
 * Every field may be unknown, and all are until they are measured. Punching goes by what is known (path/strategy.h).
 * Mapping and filtering are those of RFC 4787; a node without a NAT has mapping "none".
 * On the wire (in CANDIDATES) the fields stand in the order of the struct, numbers high byte first, without what is
 * unknown at the end: a class of which nothing is known has no byte. A value that is not known here reads as unknown,
 * and what follows the last field is skipped, so that later versions can say more.
 * In text: "mapping=port filtering=address allocation=step step=2 hops=3", "unknown" when nothing is known.
 * Never: a measurement, a decision.
 */
#ifndef KITH_PATH_NATCLASS_H
#define KITH_PATH_NATCLASS_H

#include "codec/cursor.h"

/* X(name, text): what mappings and filters depend on. */
#define KITH_NATCLASS_MAPPING_MAP(X)                                                                                   \
	X(UNKNOWN, "unknown")                                                                                          \
	X(NONE, "none") /* addresses are not translated */                                                             \
	X(INDEPENDENT, "independent") /* one for all destinations */                                                   \
	X(ADDRESS, "address") /* one for each destination's address */                                                 \
	X(PORT, "port") /* one for each destination's address and port */

#define KITH_NATCLASS_FILTERING_MAP(X)                                                                                 \
	X(UNKNOWN, "unknown")                                                                                          \
	X(NONE, "none") /* whoever sends there is let in */                                                            \
	X(ADDRESS, "address")                                                                                          \
	X(PORT, "port")

/* Which port a new mapping has. */
#define KITH_NATCLASS_ALLOCATION_MAP(X)                                                                                \
	X(UNKNOWN, "unknown")                                                                                          \
	X(PRESERVED, "preserved") /* that of the socket, where it is free */                                           \
	X(STEP, "step") /* the last one and a step */                                                                  \
	X(BLOCK, "block") /* from a small range that this node has */                                                  \
	X(RANDOM, "random")

#define KITH_NATCLASS_HAIRPIN_MAP(X)                                                                                   \
	X(UNKNOWN, "unknown")                                                                                          \
	X(NO, "no")                                                                                                    \
	X(YES, "yes") /* two behind it reach each other by their outer addresses */

enum kith_natclass_mapping {
#define KITH_NATCLASS_MAPPING_ENUM(name, text) KITH_NATCLASS_MAPPING_##name,
	KITH_NATCLASS_MAPPING_MAP(KITH_NATCLASS_MAPPING_ENUM)
#undef KITH_NATCLASS_MAPPING_ENUM
		KITH_NATCLASS_MAPPINGS
};

enum kith_natclass_filtering {
#define KITH_NATCLASS_FILTERING_ENUM(name, text) KITH_NATCLASS_FILTERING_##name,
	KITH_NATCLASS_FILTERING_MAP(KITH_NATCLASS_FILTERING_ENUM)
#undef KITH_NATCLASS_FILTERING_ENUM
		KITH_NATCLASS_FILTERINGS
};

enum kith_natclass_allocation {
#define KITH_NATCLASS_ALLOCATION_ENUM(name, text) KITH_NATCLASS_ALLOCATION_##name,
	KITH_NATCLASS_ALLOCATION_MAP(KITH_NATCLASS_ALLOCATION_ENUM)
#undef KITH_NATCLASS_ALLOCATION_ENUM
		KITH_NATCLASS_ALLOCATIONS
};

enum kith_natclass_hairpin {
#define KITH_NATCLASS_HAIRPIN_ENUM(name, text) KITH_NATCLASS_HAIRPIN_##name,
	KITH_NATCLASS_HAIRPIN_MAP(KITH_NATCLASS_HAIRPIN_ENUM)
#undef KITH_NATCLASS_HAIRPIN_ENUM
		KITH_NATCLASS_HAIRPINS
};

/* 0 is "unknown" everywhere. */
struct kith_natclass {
	uint8_t mapping; /* enum kith_natclass_mapping */
	uint8_t filtering; /* enum kith_natclass_filtering */
	uint8_t allocation; /* enum kith_natclass_allocation */
	uint8_t hairpin; /* enum kith_natclass_hairpin */
	uint8_t hops; /* routers up to and with the outermost NAT */
	uint8_t reserved;
	uint16_t step; /* of an allocation in steps, or the size of a block */
	uint16_t port_low, port_high; /* what ports were seen between */
	uint16_t lifetime_s; /* of a mapping that is not used */
};

#define KITH_NATCLASS_LEN 13 /* the most that is written */
#define KITH_NATCLASS_TEXT_MAX 160 /* with its NUL */

bool kith_natclass_equal(const struct kith_natclass *a, const struct kith_natclass *b);

/* Length 1, then the bytes. Reading turns bad only when there are fewer than it says. */
void kith_natclass_write(struct kith_writer *w, const struct kith_natclass *c);
void kith_natclass_read(struct kith_reader *r, struct kith_natclass *out);

/* Words for one field; "unknown" for what is. */
const char *kith_natclass_mapping_text(const struct kith_natclass *c);
const char *kith_natclass_allocation_text(const struct kith_natclass *c);
const char *kith_natclass_filtering_text(const struct kith_natclass *c);
const char *kith_natclass_hairpin_text(const struct kith_natclass *c);

/* Formats into out; returns out. */
const char *kith_natclass_format(const struct kith_natclass *c, char out[KITH_NATCLASS_TEXT_MAX]);

/* The reverse: fields in any order, each at most once, those left out unknown. KITH_EINVAL. */
int kith_natclass_parse(struct kith_natclass *out, const char *text) KITH_MUST_USE;

#endif
