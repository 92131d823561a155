/* Names of a session: what packets to it carry in the place of its index. PROTOCOL.md section 4.1.
 *
 * A name is the index and a number that counts up, enciphered with a secret of this node's own: so there are as many
 * names of a session as are needed, none has to be remembered, all stay good as long as the session, and nobody else
 * can tell that two are of one. The shard stands in front as it is, for whoever hands packets to workers.
 * Never: an allocation, a table, a look at a session.
 */
#ifndef KITH_SESSION_NAMES_H
#define KITH_SESSION_NAMES_H

#include <kith/types.h>

struct kith_names {
	uint64_t seed[2]; /* the secret */
	uint32_t moved; /* number of the next name when this node moved last */
	uint32_t next; /* number of the next name; may wrap, so that names of four thousand million ago come again */
};

void kith_names_init(struct kith_names *ns, const uint64_t seed[2]);

/* A name of the session with that index that was not given before; never 0, which means none. */
uint64_t kith_names_new(struct kith_names *ns, uint32_t index);

/* Whose name that is, and which: both are any numbers if it was never given. */
uint32_t kith_names_index(const struct kith_names *ns, uint64_t name, uint32_t *number);

/* Whether the name with that number was given after this node moved last. */
static inline bool kith_names_since(const struct kith_names *ns, uint32_t number)
{
	return number - ns->moved < UINT32_C(1) << 31;
}

#endif
