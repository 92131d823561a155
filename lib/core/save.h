/* What a core wants to keep across restarts: one small file, written through an effect.
 *
 * Layout (network byte order): "KITHSTAT", version 1, last handshake timestamp 8, last record sequence 8, last wall
 * clock 8, then two blocks of length 4 and bytes: host cache, contacts; then 16 bytes of BLAKE2b over all before. A
 * torn or altered file is refused as a whole.
 * Timers: 5 s after the first change, so that a start-up writes once.
 */
#ifndef KITH_CORE_SAVE_H
#define KITH_CORE_SAVE_H

#include "link/state.h"

/* Makes the state and asks the host to save it, unless the last save is still out. */
void kith_state_save(struct kith_core *c);

/* The outcome of a save; one that failed is tried again. */
void kith_state_saved(struct kith_core *c, int err);

/* KITH_EPROTO: torn or altered; KITH_EVERSION. Nothing is taken in then. */
int kith_state_load(struct kith_core *c, struct kith_span file) KITH_MUST_USE;

#endif
