/* Taking in connections (TCP) of peers that find no direct path over UDP.
 *
 * A leaf listens only while a session wants that (KITH_NEWS_WANT_LISTENER): the host is asked for a transport of
 * purpose IN of each family, which is then named to peers as all own addresses are, after consent and never to those
 * that are relay-only. Where a transport of the host's own takes connections in, nothing is asked for.
 * Timers: it ends KITH_LISTEN_KEEP_US after a session wanted it last, unless a path leads through it; and a host that
 * refuses is asked again after that time.
 * Bounds: one transport of each family; memory only while there is one.
 * Never: while the node leaves, a connection that is made, a decision about a session.
 */
#ifndef KITH_CALL_LISTENING_H
#define KITH_CALL_LISTENING_H

#include "link/state.h"

/* A session would be helped if its peer could connect. */
void kith_listening_want(struct kith_core *c);

/* Something that was asked of the host has ended. */
void kith_listening_ended(struct kith_core *c, const struct kith_effect_end *end);

void kith_listening_tick(struct kith_core *c);
void kith_listening_deinit(struct kith_core *c);

#endif
