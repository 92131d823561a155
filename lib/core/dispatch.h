/* Gives packets and frames to their handlers: one switch over packet types, one over frame types. */
#ifndef KITH_CORE_DISPATCH_H
#define KITH_CORE_DISPATCH_H

#include "link/state.h"

/* One packet (no train) from the network. */
void kith_dispatch_packet(struct kith_core *c, struct kith_packet *packet);

/* A train of equal segments that is relayed as one. False: it must be taken apart. */
bool kith_dispatch_train(struct kith_core *c, struct kith_packet *packet);

#endif
