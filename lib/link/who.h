/* Whose address is this? Before a supernode is met whose key nobody knows (a bootstrap address in a configuration), it
 * is asked for its certificates (WHO, answered by IAM); the handshake with the key that they certify follows.
 * PROTOCOL.md section 3.10.
 *
 * IAM proves nothing of who sent it: that the supernode has the key, the handshake shows. What it costs the one who
 * answers: a hash over the question, and an answer that is no longer than that, out of what it has; no state, no DH.
 * Bounds: answers within the rate of first messages of each prefix. Timers: none of its own, a WHO is repeated as a
 * HELLO is. Never: an answer by a leaf, whose address nobody is to find, or into a tunnel.
 */
#ifndef KITH_LINK_WHO_H
#define KITH_LINK_WHO_H

#include "link/state.h"

/* Somebody asks. */
void kith_who_on_question(struct kith_core *c, struct kith_span packet, const struct kith_hop *from);

/* An answer: the HELLO goes out, or the attempt ends since the certificates are none of a supernode here. */
void kith_who_on_answer(struct kith_core *c, struct kith_span packet, const struct kith_hop *from);

#endif
