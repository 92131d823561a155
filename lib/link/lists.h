/* Posted things (identity/posted.h: revocation lists, heads of logs) that other nodes have: what is newer there is
 * asked for, verified, and kept.
 *
 * Editions (which thing is the newest of a kind and signer) come from supernodes: from homes by EDITIONS, from members
 * inside gossip. A newer one is asked for by LIST, at whoever told of it first; another that told of it is asked when
 * that one does not have it. A signer that is not known has to show its certificate first. What is taken is the trust's
 * (identity/trust.h), which verifies; what it means to sessions and to others is left behind (core/settle). An edition
 * that is false costs whoever told it KITH_LIST_LIE_COST of the KITH_LISTS_BURST questions that its identity has; an
 * identity that has none left is not asked, and each question costs it an answer, which is larger.
 * Timers: those of requests.
 * Bounds: KITH_LISTS_MAX lists wanted at once, taken when the first is; three that told of each.
 * Never: a list kept that did not verify; a question because of a list that is held.
 */
#ifndef KITH_LINK_LISTS_H
#define KITH_LINK_LISTS_H

#include "link/state.h"
#include "wire/message_list.h"

void kith_lists_deinit(struct kith_core *c);

/* The other side of a session has these editions. */
void kith_lists_hear(struct kith_core *c, struct kith_session *s, struct kith_span editions);

/* EDITIONS, of a home of ours. */
void kith_lists_on_editions(struct kith_core *c, struct kith_session *s, const struct kith_request *request);

void kith_lists_on_answer(struct kith_core *c, struct kith_session *s, const struct kith_answer *answer);

#endif
