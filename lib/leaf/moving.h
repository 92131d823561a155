/* A home that has too much to do asks its leaf to take another supernode in its place: MOVE.
 *
 * Make before break: the newcomer is attached to beside the homes that there are, takes the place of the one that
 * asked when it has answered, and the record that names it goes out; the one that asked is let go 3 s later
 * (leaf/homes).
 * If the newcomer does not answer, or takes nobody, nothing has changed.
 * A home must not choose the others: the newcomer is refused if it is in the network of another home, or one already;
 * and one leaf is moved once in KITH_MOVE_US, whoever asks.
 * Never: lets a home go before another is in its place.
 */
#ifndef KITH_LEAF_MOVING_H
#define KITH_LEAF_MOVING_H

#include "link/state.h"

#define KITH_MOVE_US (60 * KITH_US_PER_S) /* local */

void kith_moving_on_request(struct kith_core *c, struct kith_session *s, const struct kith_request *request);

#endif
