/* Which sessions of applications go through a tunnel: found by its number, so that what a relay says of one tunnel
 * costs the sessions that use it, and not a search through all of a supernode's.
 *
 * Invariant: every open session of an application is found by each tunnel that one of its paths takes, unless memory
 *   ran out. Entries are never taken out, but judged when they are met: those that have come to nothing go when the
 *   table is made anew, because half of it is full.
 * Bounds: the live entries are at most KITH_PATHS_MAX for each of our applications' sessions; the table has at most
 *   eight times as many slots of 16 bytes. Memory is taken with the first tunnel.
 * Never: trusts a number alone: the hop must be a path of the session.
 */
#ifndef KITH_CALL_ROUTES_H
#define KITH_CALL_ROUTES_H

#include "link/state.h"

/* A path of the session through a tunnel is new (KITH_NEWS_TUNNEL). */
void kith_routes_note(struct kith_core *c, const struct kith_session *s);

/* The next open session with a path through that tunnel of the supernode there; *it begins at 0, and counts the slots
 * that were looked at. NULL: there are no more. */
struct kith_session *kith_routes_next(const struct kith_core *c, const struct kith_hop *hop, uint32_t *it);

/* Whether any session goes through a tunnel of the supernode at that address. This one is a search. */
bool kith_routes_through(const struct kith_core *c, const struct kith_addr *remote);

void kith_routes_deinit(struct kith_core *c);

#endif
