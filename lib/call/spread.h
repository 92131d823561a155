/* Many sockets towards one peer, to get through our own NAT: where that gives each destination a random port, the peer
 * cannot guess the port of one, but that of one among some hundred (path/punch_birthday).
 *
 * A path set wants a spread (KITH_NEWS_WANT_SOCKETS); the sockets are asked of the host, one packet leaves from each,
 * in bursts, and then they wait for a probe of the peer's to hit. When there is a direct path, or the time is over, all
 * are closed but those that carry a path; these are closed when their path or session is gone.
 * Timers: KITH_SPREAD_PACE_US between two bursts; KITH_SPREAD_WAIT_US for a hit; what is kept is looked at every 30 s.
 * Bounds: one spread of a node at a time, of KITH_SPREAD_SOCKETS packets at most; none while KITH_SPREAD_KEPT sockets
 * are kept, while the way out is known to be metered, or while the node leaves. With fewer than an eighth of the
 * sockets that are wanted nothing is sent. Memory only while there are sockets.
 * Never: a packet to an address that no relay has named as the peer's: the punch judges each (kith_pathset_spread).
 */
#ifndef KITH_CALL_SPREAD_H
#define KITH_CALL_SPREAD_H

#include "link/state.h"

/* Whether there could be a spread may have changed: path sets tell their peers (c->env.sockets). */
void kith_spread_allow(struct kith_core *c);

/* The path set of that session wants one. */
void kith_spread_begin(struct kith_core *c, const struct kith_session *s);

/* Something that was asked of the host has ended. */
void kith_spread_ended(struct kith_core *c, const struct kith_effect_end *end);

/* Something has changed about the paths of that session; or it is over. */
void kith_spread_look(struct kith_core *c, const struct kith_session *s);
void kith_spread_over(struct kith_core *c, const struct kith_session *s);

void kith_spread_tick(struct kith_core *c);
void kith_spread_deinit(struct kith_core *c);

#endif
