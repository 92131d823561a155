/* The leaf's half of a node: its life, its timer, and saying goodbye. A supernode has it too, idle. */
#ifndef KITH_LEAF_LEAF_H
#define KITH_LEAF_LEAF_H

#include "link/state.h"

void kith_leaf_begin(struct kith_core *c);
void kith_leaf_deinit(struct kith_core *c);
void kith_leaf_tick(struct kith_core *c);

/* The wall clock was set, or our certificates are others: whatever was refused is tried again now. */
void kith_leaf_again(struct kith_core *c);

/* Lets its homes go, and tries no others: the node serves as a supernode from now on. */
void kith_leaf_rest(struct kith_core *c);

/* Says goodbye to the directory and to the homes. Each home is asked to publish the last record, since any may be dead;
 * attempts under way are given up. */
void kith_leaf_leave(struct kith_core *c);

/* Whether the goodbye is still on its way: no home has taken it yet, and one still may. */
bool kith_leaf_says_goodbye(struct kith_core *c);

#endif
