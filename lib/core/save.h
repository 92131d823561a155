/* What a core wants to keep across restarts: two small files, written through effects.
 *
 * The state is a cache: whatever is wrong with it costs the cache and nothing else. Layout (network byte order):
 * "KITHSTAT", version 2, last handshake timestamp 8, last record sequence 8, a length 4 and the host cache; then 16
 * bytes of BLAKE2b over all before. Version 3 has a length 4 and the attestations that the node holds behind the host
 * cache; whoever has none writes version 2. Version 4 has posted things behind these (of length 0 if there are none): a
 * length 2 and the certificate of the issuer (0 for the root), a length 2 and the thing. Version 5 has between these
 * two a length 4, the number of the own token 8 and the tokens of contacts (identity/followed.h). A torn or altered
 * file is refused as a whole. Version 1 had a wall clock before the cache and the contacts behind it, and is still
 * read. The contacts (identity/contacts.h) cannot be had again and have a file of their own, which is written only when
 * they changed.
 * Timers: the state 5 s after the first change, so that a start-up writes once; contacts at once.
 */
#ifndef KITH_CORE_SAVE_H
#define KITH_CORE_SAVE_H

#include "link/state.h"

/* Makes the state and asks the host to save it, unless the last save is still out; and contacts that changed. */
void kith_state_save(struct kith_core *c);

/* Asks the host to save the contacts, if they are others than those saved last. */
void kith_contacts_keep(struct kith_core *c);

/* The outcome of a save; one that failed is tried again. */
void kith_state_saved(struct kith_core *c, int err);
void kith_contacts_saved(struct kith_core *c, int err);

/* Whether a file can be loaded: KITH_EPROTO: torn or altered; KITH_EVERSION. */
int kith_state_check(const struct kith_suite *suite, struct kith_span file) KITH_MUST_USE;

/* As kith_state_check; nothing is taken in then. */
int kith_state_load(struct kith_core *c, struct kith_span file) KITH_MUST_USE;

/* Replaces the contacts by those of their file. As kith_contacts_load. */
int kith_contacts_take(struct kith_core *c, struct kith_span file) KITH_MUST_USE;

#endif
