/* Members that do not answer: who says so, and when that is enough.
 *
 * A doubt is a signed word of one supernode (the accuser) that another (the accused) did not answer it, twice, while
 * others did. Doubts travel beside news (overlay/gossip.h). They are of one entry of the accused, by its sequence: an
 * entry with a higher one refutes them, so whoever is alive and hears of a doubt signs its entry anew.
 * A member is taken for dead (kith_members_bury) when KITH_ACCUSERS doubt it, counting one of each address prefix where
 * there are prefixes enough, and it had KITH_SUSPICION_HOLD_US to refute them. In a network so small, or so badly hit,
 * that there are not as many others who could say so, all of those are enough.
 *
 * Invariants: every doubt held has verified; its accuser is a member that was live, and no newcomer, when it was taken;
 *   an accuser doubts an entry once.
 * Timers: none of its own; doubts that did not suffice within KITH_SUSPICION_US are forgotten, as are those that did.
 * Bounds: KITH_SUSPECTED_MAX members doubted at once. When full, the one that was doubted first gives way.
 * Never: a message, a judgement about whether a member answers us.
 */
#ifndef KITH_OVERLAY_SUSPICION_H
#define KITH_OVERLAY_SUSPICION_H

#include "overlay/members.h"
#include "wire/message_gossip.h"

#define KITH_ACCUSERS 3 /* local; two may be the accused's enemies, or in the same broken place */
#define KITH_SUSPICION_HOLD_US (5 * KITH_US_PER_S) /* news reach all within that, and come back */
#define KITH_SUSPICION_US (60 * KITH_US_PER_S)
#define KITH_SUSPECTED_MAX 1024

struct kith_doubt {
	uint64_t accuser; /* first bytes of its id */
	uint64_t prefix; /* where it is */
	uint16_t told; /* bit for each partner, as news */
	uint8_t left; /* how often strangers are still told */
	uint8_t bytes[KITH_GOSSIP_DOUBT_LEN];
};

struct kith_suspected {
	struct kith_id id;
	uint64_t seq;
	kith_time_us since; /* the first doubt was heard */
	uint8_t n;
	bool ours; /* one of them is our own */
	bool decided; /* it was enough */
	struct kith_doubt by[KITH_ACCUSERS];
};

struct kith_suspicion {
	const struct kith_alloc *alloc; /* borrowed */
	struct kith_suspected *at; /* the one that was doubted first is the first */
	uint32_t n, cap;
	uint32_t ours; /* members that we doubt ourselves */
};

enum kith_doubt_verdict {
	KITH_DOUBT_OLD, /* heard before, or refuted, or enough others said so */
	KITH_DOUBT_NEW,
	KITH_DOUBT_UNKNOWN /* of somebody, or by somebody, whom we do not know, or not well enough */
};

void kith_suspicion_init(struct kith_suspicion *sus, const struct kith_alloc *alloc);
void kith_suspicion_deinit(struct kith_suspicion *sus);

/* Signs that m does not answer the member of that id, now. */
void kith_doubt_make(const struct kith_suite *suite, uint8_t out[KITH_GOSSIP_DOUBT_LEN], const struct kith_member *m,
		     int64_t at_ms, const struct kith_id *self, const uint8_t sign_sk[KITH_SIGN_SK_LEN]);

/* Takes a doubt that the partner told: enum kith_doubt_verdict, KITH_ESIGNATURE, KITH_EEXPIRED (too old to count),
 * KITH_ENOTYET, KITH_ENOMEM. self: our own id; a doubt of ourselves is KITH_DOUBT_OLD here. */
int kith_suspicion_take(struct kith_suspicion *sus, const struct kith_members *ms, const struct kith_now *now,
			const struct kith_id *self, const struct kith_gossip_doubt *doubt,
			unsigned partner) KITH_MUST_USE;

/* The member answered us: we do not doubt it any more. What others say is kept, and does not make it dead here. */
void kith_suspicion_answered(struct kith_suspicion *sus, const struct kith_id *id);

/* Takes those for dead that were doubted enough, and forgets what is refuted or old. Returns how many died. */
uint32_t kith_suspicion_settle(struct kith_suspicion *sus, struct kith_members *ms, kith_time_us now);

/* When kith_suspicion_settle has work; KITH_TIME_NEVER. */
kith_time_us kith_suspicion_next_deadline(const struct kith_suspicion *sus, kith_time_us now);

/* Writes doubts that the partner was not told, up to max bytes of whole ones; counts as told. Returns the length. */
size_t kith_suspicion_tell(struct kith_suspicion *sus, unsigned partner, uint8_t *out, size_t max);

/* Partners (bits) that were not told of something. */
uint16_t kith_suspicion_untold(const struct kith_suspicion *sus, uint16_t partners);

/* Another member takes the partner's slot. */
void kith_suspicion_partner(struct kith_suspicion *sus, unsigned partner);

/* NULL: nobody doubts it. */
const struct kith_suspected *kith_suspicion_get(const struct kith_suspicion *sus, const struct kith_id *id);

#endif
