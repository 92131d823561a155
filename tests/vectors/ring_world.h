/* Many supernodes, and a table of them: for the topics of replicas and of gossip. */
#ifndef KITH_TESTS_VECTORS_RING_WORLD_H
#define KITH_TESTS_VECTORS_RING_WORLD_H

#include "overlay/members.h"
#include "world.h"

/* Points into itself. */
struct ring_world {
	struct world w;
	struct world_trust trust;
};

void ring_init(struct ring_world *r);
void ring_deinit(struct ring_world *r);

/* Supernode number n. Its address is in the /16 network 20.<prefix>. first_digit: of its id in hex, -1 for any (its
 * placement is then the seed's of its name). */
void ring_node(const struct ring_world *r, struct person *p, unsigned n, unsigned prefix, int first_digit);

void ring_table(struct ring_world *r, struct kith_members *ms);

/* Takes the node's entry in, with a sequence that is so much above the usual. */
void ring_join(struct ring_world *r, struct kith_members *ms, const struct person *p, uint64_t later, bool left);

/* All of a table, in the order of ids: id, seq, address, left. */
void ring_put(const struct kith_members *ms, json_t *list);

#endif
