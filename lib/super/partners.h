/* Gossip of a supernode: with whom, and when.
 *
 * Exchanges are with partners, again and again, on sessions that stay: four members that we chose at random, and those
 * that chose us. News go to each partner once. One of the chosen is another every ten minutes, or when it fails, so
 * that nobody can settle around us.
 *
 * Timers: an exchange every 3 s, 1.5 s while a partner was not told of something, 0.1 s while that cannot wait (members
 *   that came, went or moved, and doubts); 1 s while no member is known. One in eight (forty in quiet times), and the
 *   first with a new partner, compares the whole tables. Now and then it is with a bootstrap host.
 * Bounds: KITH_MEMBERS_PARTNERS. When full, a further one that chose us is answered like a stranger. One that chose us
 *   and was not heard for 20 s loses its place, and is tested (super/suspect.h).
 */
#ifndef KITH_SUPER_PARTNERS_H
#define KITH_SUPER_PARTNERS_H

#include "link/state.h"

#define KITH_GOSSIP_US (3 * KITH_US_PER_S)
#define KITH_GOSSIP_NEWS_US (1500 * KITH_US_PER_MS)
#define KITH_GOSSIP_TIMEOUT_US (3 * KITH_US_PER_S)
#define KITH_PARTNER_US (600 * KITH_US_PER_S)

/* Begins an exchange with the partner whose turn it is. */
void kith_partners_exchange(struct kith_core *c);

void kith_partners_on_gossip(struct kith_core *c, struct kith_session *s, const struct kith_request *request);
void kith_partners_on_gossiped(struct kith_core *c, struct kith_session *s, const struct kith_answer *answer);

/* Exchanges all with that supernode, now: we have just begun, and it knows the others. */
void kith_partners_greet(struct kith_core *c, const struct kith_host *host);

/* Tells three partners at once of our entry: we leave. */
void kith_partners_goodbye(struct kith_core *c);

#endif
