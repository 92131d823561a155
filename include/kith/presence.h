/* Presence: looking names up, watching them come and go, pinning them to keys.
 *
 * Threads, callbacks and operations: see <kith/node.h>.
 */
#ifndef KITH_PRESENCE_H
#define KITH_PRESENCE_H

#include <kith/node.h>

/* One device of the name; called once for each, before done. */
typedef void (*kith_found_fn)(struct kith_call *call, const struct kith_found_device *device, void *user);

/* A look-up is complete: 0, also when no device that was found is online; KITH_ENOENT: the directory has none of that
 * name whose certificates are good; KITH_ETIMEDOUT, KITH_EDETACHED, KITH_ECANCELED; KITH_EFULL: a supernode
 * looks up too much at once itself; and what one that is asked says as time is over: see kith_connect_fn. */
typedef void (*kith_lookup_fn)(struct kith_call *call, int err, void *user);

/* Looks up the devices of a name. Callbacks may be NULL; out may be NULL. KITH_ENAME, KITH_EFULL (64 operations),
 * KITH_ENOMEM, KITH_ESTATE (not running): then nothing is called. */
KITH_EXPORT int kith_lookup(struct kith_node *node, const char *name, kith_found_fn found, kith_lookup_fn done,
			    void *user, struct kith_call **out) KITH_MUST_USE;

/* Wants the node's presence callback for a name until unwatched; the first tells how it is now. Of somebody who
 * accepted us as a contact changes are told at once, of others some minutes later (enum kith_presence). Not remembered
 * over a restart. KITH_ENAME, KITH_EEXIST, KITH_EFULL (256), KITH_ENOMEM, KITH_ESTATE. */
KITH_EXPORT int kith_watch(struct kith_node *node, const char *name) KITH_MUST_USE;

/* KITH_ENOENT: was not watched; KITH_ENAME, KITH_ESTATE. */
KITH_EXPORT int kith_unwatch(struct kith_node *node, const char *name);

/* Pins a name to the identity key that the user trusts, with enum kith_contact_flags; remembered in the state
 * directory. Two who pinned each other as accepted see each other come and go at once, from when they have talked.
 * Whoever is blocked, or accepted no more, does not from then on; the others do again when they are talked to next, and
 * in steps till then. KITH_EPINNED: it is pinned to another key, and confirm is false; KITH_ENAME, KITH_EFULL,
 * KITH_ENOMEM, KITH_ESTATE. */
KITH_EXPORT int kith_pin(struct kith_node *node, const char *name, const struct kith_key *identity, uint8_t flags,
			 bool confirm) KITH_MUST_USE;

/* Forgets a pinned name, with what it was allowed: it is a stranger's again. Connections that there are go on.
 * KITH_ENOENT: it was not pinned; KITH_ENAME, KITH_ESTATE. */
KITH_EXPORT int kith_unpin(struct kith_node *node, const char *name);

/* Fills in up to n pinned names, in their order, and returns how many there are; 0 before started. */
KITH_EXPORT size_t kith_contacts(const struct kith_node *node, struct kith_contact out[], size_t n);

#endif
