/* Members that do not answer this supernode: testing them, doubting them, and finding out that they are back.
 *
 * Nobody is blamed for one silence. A request that was not answered, while nothing at all came on its session, has the
 * member tested: another GOSSIP, by a new handshake if the session is of no other use. Only when that fails too, and
 * some other member answered meanwhile (else our own line may be dead), the member is doubted (overlay/suspicion.h) and
 * others are told. Of those who hear of a doubt, about KITH_TESTERS test the accused themselves. Whoever hears that he
 * is doubted himself signs his entry anew. Those that were found dead are tested as well, one at a time, so that two
 * halves of a network find each other again: whoever is told that it was found dead refutes that. When one of many
 * comes back, all are tested at once.
 *
 * Timers: tests of one member after 0, 1, 2, 4, 8, 16, then every 30 s; of one that was found dead every 20 s, every
 *   second when these are a quarter of all, every 50 ms for 3 s after one of so many came back.
 * Bounds: KITH_TESTS_MAX members under test; when full, a further one is avoided and not tested. Refutations: at least
 *   2 s apart, doubling to 64 s while they go on.
 * Never: ends a session that has another use than membership.
 */
#ifndef KITH_SUPER_SUSPECT_H
#define KITH_SUPER_SUSPECT_H

#include "link/state.h"

#define KITH_TESTERS 6 /* local: so many of those who hear of a doubt test the accused, on average */

/* A supernode did not answer a request (KITH_ETIMEDOUT, KITH_ECLOSED), or did. */
void kith_super_heard_of(struct kith_core *c, struct kith_session *s, int err);

/* The member should have spoken to us, and did not: it is asked. */
void kith_suspect_test(struct kith_core *c, const struct kith_member *m);

/* The member spoke to us. */
void kith_suspect_alive(struct kith_core *c, struct kith_member *m);

/* What the partner at that slot (or a stranger) told. True: we were doubted, and signed our entry anew. */
bool kith_suspect_on_doubts(struct kith_core *c, unsigned partner, struct kith_span doubts);

/* Doubts for an exchange with that partner, as written to out: what it was not told yet, and, if it is one that we hold
 * for dead itself, that. */
struct kith_span kith_suspect_tell(struct kith_core *c, unsigned partner, const struct kith_member *m,
				   uint8_t out[KITH_GOSSIP_DOUBTS_LEN_MAX]);

/* A member of whom many hold that it is dead is back: so others may be. */
void kith_suspect_returned(struct kith_core *c);

/* Tests what is due, and settles doubts. Returns when to be called next. */
kith_time_us kith_suspect_tick(struct kith_core *c);

#endif
