/* Which hops a round of punching probes: what its plan names, as far as that may be probed; and by a TURN server of
 * ours, if there is one, the peer's public addresses once more.
 *
 * Such a server lets in only those to whose address something was sent by it, whatever the port. So one address of
 * each machine is enough, and three probes (KITH_RELAYED_STEPS); but where the peer's own server relays is named with
 * its port.
 * Bounds: KITH_RELAYED_TARGETS of them in a round; KITH_RELAYED_PEERS in KITH_RELAYED_PEERS_US, all rounds of a
 * session together: a peer that names others again and again does not fill the server's table.
 * Never: a packet; an address by a server of ours that is not public, unless the network itself is on private ones.
 */
#ifndef KITH_PATH_PUNCH_TARGETS_H
#define KITH_PATH_PUNCH_TARGETS_H

#include "path/punch.h"

#define KITH_RELAYED_STEPS 0x15u /* bits: at 0, 60 and 300 ms of the simple schedule */

/* Whether a candidate is probed; *hop: where and from where. */
enum kith_refusal kith_punch_check(const struct kith_punch *p, const struct kith_punch_view *v,
				   const struct kith_candidate *c, struct kith_hop *hop);

/* Those of this round's plan. Those that were targets before keep their limits. */
void kith_punch_choose_targets(struct kith_punch *p, const struct kith_punch_view *v);

/* The target at this hop, or the connection; NULL: there is none. */
struct kith_target *kith_punch_find(struct kith_punch *p, const struct kith_hop *hop);

/* Whether the peer has named that address as one at which a TURN server relays for it. */
bool kith_punch_is_relayed(const struct kith_punch *p, const struct kith_addr *at);

#endif
