/* The homes at which a leaf has what it watches watched, and whether they tell it the news.
 *
 * It subscribes at two of its homes, drawn. One tells all; the other tells in brief: of a record which device has it,
 * and its sequence, and it is asked for what the first does not bring within half a second, six times in half a
 * minute. A record that one of the two told of, and the other did not within 135 s, counts against the other
 * (leaf/caught): an honest one may hold news for 60 s (under load), of which it then tells the newest, and repeats what
 * it tells for 75 s.
 *
 * Now and then the third home, which has no subscription, is asked for a name that is drawn: two that withhold news
 * together look as if there were none. When neither told what the third has, the third takes the place of one of them
 * at once.
 *
 * Only records are compared. A home may rightly not pass a vanish report on, of whose record it does not know.
 *
 * Timers: news are compared after 135 s; the third home is asked one to seven minutes after there is a new
 *   subscription or both failed, then about every fifteen. A home that refuses is asked again after 2 s, 4 s and so on,
 *   and left for the third one after six times.
 * Bounds: KITH_SUBSCRIPTIONS homes; one question at a time.
 * Never: compares guarded records of which this node has no token; counts what was told before a home took the
 *   subscription, or while this node slept.
 */
#ifndef KITH_LEAF_SUBSCRIPTIONS_H
#define KITH_LEAF_SUBSCRIPTIONS_H

#include "link/state.h"

/* Draws homes where there are none now, or were lost. True if one is new: it is to be sent all that is watched. */
bool kith_subscriptions_draw(struct kith_core *c);

/* Sends SUBSCRIBE to each of them. False: there is none, or it could not be sent to one now. */
bool kith_subscriptions_send(struct kith_core *c, const struct kith_msg_subscribe *m) KITH_MUST_USE;

/* A home has answered a SUBSCRIBE. False: it is to be sent again, to it or to another one. */
bool kith_subscriptions_on_answer(struct kith_core *c, const struct kith_session *s, const struct kith_answer *answer);

/* After which time to send it again; longer, the more often it failed. */
kith_time_us kith_subscriptions_retry_us(const struct kith_core *c);

/* A session has told the record of a device of which no newer one is known; fresh: that record, if nobody told it
 * before, else NULL. s NULL: this node asked itself, as a supernode. */
void kith_subscriptions_told(struct kith_core *c, struct kith_watched_device *device, const struct kith_session *s,
			     const struct kith_record *fresh);

/* The home that tells in brief has told of a record. Unless it comes by then, it is asked for at w->ask_at. */
void kith_subscriptions_told_brief(struct kith_core *c, struct kith_watched *w, struct kith_watched_device *device,
				   const struct kith_session *s, uint64_t seq);
void kith_subscriptions_fetch(struct kith_core *c, struct kith_watched *w);

/* Looks whether that was told by all who should have. */
void kith_subscriptions_judge(struct kith_core *c, struct kith_watched_device *device);

/* Asks the third home for one of the names that are watched, when it is time to. */
void kith_subscriptions_control(struct kith_core *c);

/* When to be called next for that; NEVER. */
kith_time_us kith_subscriptions_next(const struct kith_core *c);

#endif
