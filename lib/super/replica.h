/* A replica of the directory: takes records and vanish reports, and answers FIND and WATCH.
 *
 * Never: keeps a record that did not verify, or whose key is not near (presence/replicas.h); tells a watcher twice.
 */
#ifndef KITH_SUPER_REPLICA_H
#define KITH_SUPER_REPLICA_H

#include "link/state.h"

/* STORE and VANISH. */
void kith_replica_on_notice(struct kith_core *c, struct kith_session *s, const struct kith_request *request);

/* FIND asks what is stored under a key; WATCH also to be told of changes from then on. */
void kith_replica_on_find(struct kith_core *c, struct kith_session *s, const struct kith_request *request);

/* Puts a verified record into the store if it belongs here, and tells the watchers of its key. */
void kith_replica_take(struct kith_core *c, const struct kith_record *record);

/* Takes a vanish report that s brought, or we wrote (NULL). Returns a status of enum kith_status. */
uint8_t kith_replica_vanished(struct kith_core *c, struct kith_session *s, struct kith_span bytes);

#endif
