/* Whether the directory has the record that homes say they published.
 *
 * The leaf looks itself up through a home that was not given the record yet, so that it can only have it from a
 * replica; now and then, and when that one says no, through supernodes that are no homes. If nobody has it, all homes
 * are given it to publish, and it is looked for once more: when it is there then, those that were to publish it first
 * have failed, and when it was there all the time, those who said that it was not. What is compared are the record's
 * own bytes. If there is another record of ours that is not older, signed in the same minute by a run whose state is
 * lost, a newer one is signed: sequences tell the time to the minute.
 *
 * Timers: 3 s after the record was given to its publishers, or later, when homes said that they have much to do; 3 s
 *   from the first no to the next question, and from publishing again to the last one.
 * Bounds: at most one question to each home, and those of leaf/beyond.h twice, for each record. Two runs of one device
 *   outnumber each other until the minute is over.
 * Never: believes that a record is not there because one supernode says so.
 */
#ifndef KITH_LEAF_AUDIT_H
#define KITH_LEAF_AUDIT_H

#include "link/state.h"

enum kith_audit_step {
	KITH_AUDIT_HOMES, /* asking homes that do not have the record */
	KITH_AUDIT_OTHERS, /* asking others */
	KITH_AUDIT_AGAIN /* all homes publish it; asking others */
};

/* The next step, when it is due. */
void kith_audit_tick(struct kith_core *c);

/* The answer to a question. c->leaf.audit.at is when to go on. */
void kith_audit_on_answer(struct kith_core *c, const struct kith_session *s, const struct kith_answer *answer);

#endif
