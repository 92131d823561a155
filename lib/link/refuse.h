/* Saying no to a HELLO before it costs anything: VERSION, a hint of 12 bytes, and BUSY, which is signed.
 *
 * BUSY answers whoever asks to be attached while this supernode is overloaded (lib/super/overload sets the level),
 * and everybody while the table of sessions is full. A sixteenth of the table is kept for those who do not attach:
 * members, and callers of our leaves; of the places for leaves an eighth, for identities that have none here. BUSY is
 * made at most once a second, whoever it goes to, and costs one hash (mac1) and a copy for each HELLO. It says how
 * long to stay away - longer, the more were refused in the last second - and names five supernodes that are loaded
 * least, of some that are drawn.
 * Bounds: KITH_BUSY_PER_S a second; beyond them, and for a HELLO that is shorter than BUSY, VERSION says so within its
 *   rate.
 * Timers: none. What was refused is logged at once, then at most once a minute, with the number.
 * Never: touches a session that there is; sends more than came; says anything into a tunnel.
 */
#ifndef KITH_LINK_REFUSE_H
#define KITH_LINK_REFUSE_H

#include "link/state.h"

/* Whether this HELLO is not to be served now, whatever is in it. Its mac1 has not been looked at. */
bool kith_refuse_wanted(const struct kith_core *c, const struct kith_hs_header *header, const struct kith_hop *from);

/* Whether overload has come to that level, so that what the level names is refused. */
bool kith_refuse_level(const struct kith_core *c, enum kith_overload_level level);

/* Whether a node that has got as far as a session may not become a leaf of ours. */
bool kith_refuse_attach(const struct kith_core *c);

/* Whether the places for leaves are so few that an identity which has one is not given another. */
bool kith_refuse_another(const struct kith_core *c);

/* Refuses a HELLO that kith_refuse_wanted named and whose mac1 is good. */
void kith_refuse_busy(struct kith_core *c, const struct kith_hs_header *header, size_t packet_len,
		      const struct kith_hop *from);

/* Says by VERSION why a HELLO is not answered, within a rate: a hint for people, never longer than what came. Only a
 * supernode says anything, and nothing into a tunnel. */
void kith_refuse_version(struct kith_core *c, uint32_t asker, size_t packet_len, const struct kith_hop *from,
			 enum kith_version_why why);

#endif
