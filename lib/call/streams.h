/* The streams of an application's session: made when the first is opened or comes, given back after 60 s of idleness.
 *
 * Packets move out as far as the outbox has room, events as far as the queue has; the rest waits in lib/stream.
 */
#ifndef KITH_CALL_STREAMS_H
#define KITH_CALL_STREAMS_H

#include "link/state.h"

void kith_talk_streams_on_packet(struct kith_core *c, struct kith_session *s, struct kith_span body);

/* The session's streams, made when there are none; NULL when out of memory. */
struct kith_streams *kith_talk_streams(struct kith_core *c, struct kith_session *s);

/* Sends what the streams have to send, and tells what they have to tell. */
void kith_talk_streams_pump(struct kith_core *c, struct kith_session *s);

#endif
