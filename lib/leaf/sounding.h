/* What NAT this node is behind: kept up to date from what is heard anyway, and sounded out when a call needs it.
 *
 * The class (path/natclass) follows from where homes, and other supernodes that were spoken to lately, see the node
 * (path/natsense). Nothing is sent for it. Behind a NAT whose mappings depend on where they lead, and whose ports go in
 * steps, the address at which a peer will see the node can be told in advance, if a mapping was made just before: when
 * a call is to be punched, a supernode without a session is said hello to, and tells where it saw us (KEEPALIVE of a
 * new session). What that names is a candidate of kind *predicted*: the port after it. The peer tries a few after that.
 * Where a peer saw us is named to that peer again when it is called again soon: the mapping may still be there, and
 * then no new one is made.
 * Timers: KITH_SOUNDING_WAIT_US, for the answer; what is younger than KITH_SOUNDING_FRESH_US needs no other.
 * Bounds: one sounding at a time; sightings of KITH_SOUNDINGS supernodes beside the homes', KITH_SOUNDING_MET peers;
 * memory for them only behind such a NAT.
 * Never: an address that a peer told, named to anybody else; a packet while no call is punched.
 */
#ifndef KITH_LEAF_SOUNDING_H
#define KITH_LEAF_SOUNDING_H

#include "link/state.h"
#include "path/natsense.h"

#define KITH_SOUNDINGS (KITH_NATSENSE_MAX - KITH_HOMES)
#define KITH_SOUNDING_FRESH_US (250 * KITH_US_PER_MS) /* local: few mappings are made meanwhile */
#define KITH_SOUNDING_MET 4 /* local: peers by whom it is known where they saw us */
#define KITH_SOUNDING_MET_US (300 * KITH_US_PER_S) /* local: mappings last 30 s to some minutes after the last packet */
/* local: until a supernode is asked once more; NATs keep a mapping for two minutes, mostly, and one that is still there
 * is noticed */
#define KITH_SOUNDING_AGAIN_US (150 * KITH_US_PER_S)
#define KITH_SOUNDING_WAIT_US (400 * KITH_US_PER_MS) /* local: two round trips to a far supernode */

/* The class by what is known now. */
void kith_sounding_look(const struct kith_core *c, struct kith_natclass *out);

/* What is known of the NAT, in words. Only a leaf has homes that tell. */
void kith_sounding_info(const struct kith_core *c, struct kith_nat_info *out);

/* A home sees us elsewhere, or there is another one: takes the class by what is known now for c->nat. */
void kith_sounding_update(struct kith_core *c);

/* A supernode that is no home told where it sees us. Whether that was to be expected, and says nothing of a change. */
bool kith_sounding_heard(struct kith_core *c, struct kith_session *s, const struct kith_seen *told);

/* A punch is to begin: whether it has to wait for a sounding (c->leaf.sounded then tells; KITH_SOUNDING_WAIT_US at
 * most). */
bool kith_sounding_begin(struct kith_core *c);

/* The sounding is over: the session that was for it alone ends. */
void kith_sounding_done(struct kith_core *c);

/* The peer of that session told where it sees us, on a path that is new. */
void kith_sounding_met(struct kith_core *c, const struct kith_session *s, const struct kith_seen *told);

/* Appends where the peer of that session will see us, as far as that can be told, to n candidates; returns how many
 * there are then. */
size_t kith_sounding_predict(const struct kith_core *c, const struct kith_session *s, struct kith_candidate list[],
			     size_t n, size_t cap);

/* Gives the memory back; sessions are left alone. */
void kith_sounding_free(struct kith_core *c);

#endif
