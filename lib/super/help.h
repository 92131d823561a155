/* A supernode among others that elect themselves: asking for help, handing leaves over, and giving the office up.
 *
 * When to ask, whom, and when to go is decided in overlay/election. While enough serve, one of eight that are drawn,
 * and has less to do, takes leaves over, one in a hundred a second, and nobody is asked. Else asked is the best of up
 * to eight qualified leaves of this home that are found from a random place on; who says no, or nothing, is not asked
 * again for an hour. If there is none in another prefix than ours, the best of eight other members' leaves is
 * (super/seek), and then ours. Who says yes begins to serve and takes leaves of this home, up to the number that it
 * named and half of them, one in twenty a second, by MOVE (leaf/moving), as long as there is need. A newcomer itself
 * takes a tenth of what its operator allows, and a tenth more each minute in which it has little to do.
 * Who was elected and is not needed any more drains: it takes nobody, tells the members that it goes, announces the end
 * of its tunnels, lets one leaf in a hundred go a second, and ends (core/serving) when none is left, DRAIN_US later at
 * most.
 * Timers: the supernode's, once a second while there is something to do.
 * Bounds: one request for help at a time.
 * Never: ends a session of an application, or a leaf's before it was told to go.
 */
#ifndef KITH_SUPER_HELP_H
#define KITH_SUPER_HELP_H

#include "link/state.h"

/* This node was asked for help, and has begun to serve: with so many places at first, and as many more each time. */
void kith_help_elected(struct kith_core *c, uint32_t places);

/* The answer of a leaf of ours; to NOMINATE; of a leaf of another member. */
void kith_help_on_answer(struct kith_core *c, struct kith_session *s, const struct kith_answer *answer);
void kith_help_on_nominated(struct kith_core *c, const struct kith_answer *answer);
void kith_help_on_sought(struct kith_core *c, const struct kith_answer *answer);

/* Looks at the figures of the last second, and does what is due; returns when to look again. */
kith_time_us kith_help_look(struct kith_core *c);

#endif
