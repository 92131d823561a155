/* Bringing records to the replicas that keep them: those of our leaves, and our own.
 *
 * Cost follows change: a record goes to replicas that do not have it. Who was sent it has it, until it does not answer,
 * was started again, or fell silent in between (kith_member_copy).
 * The replicas of a key that is far (overlay/sectors.h) are looked for before anything is brought to them: to a guide
 * that only seems to be one it would go in vain.
 * Timers: 0.5 s (with jitter) after members changed or answer again, or a STORE was in vain, all records are looked at;
 * our own record is signed anew as a leaf's is.
 */
#ifndef KITH_SUPER_PUBLISH_H
#define KITH_SUPER_PUBLISH_H

#include "link/state.h"

/* Brings a record (STORE) or a vanish report (VANISH) to the keepers of its key. leaf: the session of the leaf that the
 * record is of, or 0. copies (may be NULL): those that have it already are left out; becomes those that have it, or
 * were sent it. True: we are one of them, and did not have it. */
bool kith_publish_bring(struct kith_core *c, uint32_t leaf, const struct kith_id *key, uint8_t kind,
			struct kith_span bytes, uint32_t copies[KITH_KEEPERS_MAX]);

/* Signs and publishes our own record, since a supernode can be called like any node. */
void kith_publish_self(struct kith_core *c);

/* Supernodes came, went, fell silent or answer again, so the records of our leaves go to the replicas that keep them
 * now. */
void kith_publish_again(struct kith_core *c);

/* Brings what waited until the replicas of its key were looked for. */
void kith_publish_located(struct kith_core *c);

/* The answer to a STORE or VANISH. */
void kith_publish_on_answer(struct kith_core *c, struct kith_session *s, const struct kith_answer *answer);

#endif
