/* What a supernode tells others of posted things (identity/posted.h): which ones it has, and the things themselves. Of
 * lists is said here what goes for all of them.
 *
 * Editions go to each partner inside gossip: at once when a list is new here, and for a minute in each exchange with
 * whomever did not say that it has it, since what was told may be lost. Two tables are compared by a sum, in exchanges
 * that compare the members, too; when the sums differ the answer has all editions. A leaf is told by EDITIONS
 * when it is next heard: when it attaches, and after a list came; one that is not heard, unasked, within 25 s, since
 * leaves behind NATs that keep a mapping for long are heard less often than that (leaf/gauge). So a list costs each
 * that gets it a few editions and one question, and nothing once it is there.
 * Timers: the supernode's, every 5 s; for a minute after a list came.
 * Bounds: one edition of each kind for each of KITH_LISTS_MAX signers; LIST is answered within the rate of look-ups of
 * an identity.
 * Never: the list of an issuer that is revoked or out of its time.
 */
#ifndef KITH_SUPER_BULLETIN_H
#define KITH_SUPER_BULLETIN_H

#include "link/state.h"
#include "wire/message_list.h"

/* Of all editions that are held; never 0, but in an open network. */
uint64_t kith_bulletin_sum(const struct kith_core *c);

/* Editions for a partner, at most max bytes of them: what it was not told, or all if the sum that it told (0: none) is
 * not ours; then *all. */
struct kith_span kith_bulletin_tell(struct kith_core *c, unsigned partner, uint64_t sum, size_t max, bool *all,
				    uint8_t out[KITH_EDITIONS_LEN_MAX]);

/* What a partner has; all: it has no others, and is told what it lacks. */
void kith_bulletin_knows(struct kith_core *c, unsigned partner, struct kith_span editions, bool all);

/* Partners (bits) that were not told of something. */
uint16_t kith_bulletin_untold(struct kith_core *c, uint16_t partners);

/* Another member takes the partner's slot. */
void kith_bulletin_partner(struct kith_core *c, unsigned partner);

/* A list is new here: partners hear of it at once. */
void kith_bulletin_news(struct kith_core *c);

/* Something came on a session: if it is a leaf's that was not told yet, it is. */
void kith_bulletin_look(struct kith_core *c, struct kith_session *s);
/* Some of the leaves that were not heard since a list came are told. */
void kith_bulletin_tick(struct kith_core *c);
void kith_bulletin_on_told(struct kith_core *c, struct kith_session *s, const struct kith_answer *answer);

/* LIST. */
void kith_bulletin_on_list(struct kith_core *c, struct kith_session *s, const struct kith_request *request);

#endif
