/* The supernodes that a leaf hears of: asked for by MEMBERS, verified, and kept in its host cache.
 *
 * What a home says of another supernode counts only as that one's own signed entry, so that a home can leave some out,
 * and no more.
 * Timers: a home that is new is asked - one only, and a while later, if homes have too much to do - as long as the
 *   cache has room for supernodes that may be tried; after that one home in turn, every 10 s while a home is wanting
 *   and nobody is left to try, else with each new record, and more and more seldom while nothing new is heard.
 * Bounds: KITH_HOSTS_WANTED entries at once; those of overlay/hostcache.h.
 * Never: an entry that was not verified.
 */
#ifndef KITH_LEAF_HOSTS_H
#define KITH_LEAF_HOSTS_H

#include "link/state.h"

#define KITH_HOSTS_WANTED 15 /* the other homes, spares, and those for the day when most are gone */

/* Whether an entry is a supernode's: signed by its author, who is certified to be one, or shows attestations of three
 * witnesses, which a leaf cannot verify. 0; KITH_EACCES: neither; or what kith_member_verify says. */
int kith_hosts_verify(struct kith_core *c, const struct kith_member_entry *entry) KITH_MUST_USE;

/* Takes entries that a supernode names; whether any of them told something new. */
bool kith_hosts_learn(struct kith_core *c, const struct kith_session *from, struct kith_spans entries);

/* Keeps an entry that this node knows by itself. 0, or why not. */
int kith_hosts_keep(struct kith_core *c, struct kith_span entry) KITH_MUST_USE;

/* How many hosts could take a home's place, as far as is known: none of them has failed. */
unsigned kith_hosts_spare(const struct kith_core *c);

/* A session leads to a home now, which has others wait that long with what they want besides. */
void kith_hosts_attached(struct kith_core *c, struct kith_session *s, kith_time_us wait);

/* Asks what had to wait. When there is something to do next. */
kith_time_us kith_hosts_tick(struct kith_core *c);

/* There is a place for a home, and nobody to try, or all have failed: a home is asked at once, then every 10 s. Returns
 * when next. */
kith_time_us kith_hosts_lacking(struct kith_core *c);

/* A new record was signed: a home in turn is asked, if there is anything to ask for. */
void kith_hosts_renew(struct kith_core *c);

/* The answer to MEMBERS; whether it told something new: places may have waited for that. */
bool kith_hosts_on_members(struct kith_core *c, const struct kith_session *s, const struct kith_answer *answer);

#endif
