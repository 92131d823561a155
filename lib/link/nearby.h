/* Contacts on the local network: asking for one, and answering who asks for us. PROTOCOL.md, section 3.11.
 *
 * Who is called, and pinned, is asked for by a question to all that are on the link (wire/where.h): so two find each
 * other without any supernode. Only who knows the identity that is sought can tell whom the question is after. We
 * answer a question after us that is new, from the link, and signed by a contact that the user has accepted, unless
 * that one is blocked or relay-only: then, and to all others, we are silent. Our answer, to that one address, lets its
 * owner call us straight for as long as a call may take: that is the only exception from the rule that a leaf is called
 * through its homes. It names no address, and what it proves is proven again by the handshake.
 * Invariant: nothing is sent here unless the application calls, or a contact asks.
 * Timers: none (call/dial repeats questions).
 * Bounds: KITH_NEARBY_HEARD_MAX devices whose last question is remembered, so that it is not answered twice: when
 *   there are as many within KITH_CLOCK_TOLERANCE_MS, others are not answered. KITH_NEARBY_LET_IN_MAX who may call, the
 *   one next to expire gives way. Charges NEARBY, NEARBY_OF and NEARBY_ALL. Memory (2 KB) from the first answer on.
 * Never: an answer that is longer than its question, or that goes off the link; a session.
 */
#ifndef KITH_LINK_NEARBY_H
#define KITH_LINK_NEARBY_H

#include "link/state.h"

#define KITH_NEARBY_HEARD_MAX 64 /* local: devices of contacts that ask on one link within 20 min */
#define KITH_NEARBY_LET_IN_MAX 8 /* local: callers that were answered and have not called yet, or still ring */
#define KITH_NEARBY_LET_IN_US                                                                                          \
	(KITH_DIAL_TIMEOUT_US + KITH_CANCEL_US) /* as long as a HELLO is repeated, or taken back */

struct kith_nearby_heard {
	uint64_t device;
	int64_t made_ms;
};

struct kith_nearby_let_in {
	struct kith_hop from;
	struct kith_key identity;
	char name[KITH_NAME_MAX + 1];
	kith_time_us until; /* 0: the place is free */
};

struct kith_nearby {
	struct kith_nearby_heard heard[KITH_NEARBY_HEARD_MAX];
	uint8_t heard_n;
	struct kith_nearby_let_in let_in[KITH_NEARBY_LET_IN_MAX];
};

void kith_nearby_deinit(struct kith_core *c);

/* Whether somebody of that name may be looked for, or answered, on the local network: pinned to that identity, not
 * blocked, not relay-only. accepted: and accepted by the user. */
bool kith_nearby_may(const struct kith_core *c, const char *name, const struct kith_key *identity, bool accepted);

/* Asks for the identity on all links. False: there is none, too much was asked lately, or some contact is relay-only:
 * that one may be on the link, too, and must not learn where we are. */
bool kith_nearby_ask(struct kith_core *c, struct kith_question *question);

/* WHERE: answers, or is silent. */
void kith_nearby_on_where(struct kith_core *c, struct kith_span packet, const struct kith_hop *from);

/* The index that an answer is for; 0: it is none, or comes from off the link, which was counted. */
uint32_t kith_nearby_answers(struct kith_core *c, struct kith_span packet, const struct kith_hop *from);

/* Whether an answer is that of a device of the identity that was asked for: person is filled in. It is counted if
 * not. */
bool kith_nearby_read(struct kith_core *c, const struct kith_question *question, struct kith_span packet,
		      const struct kith_hop *from, struct kith_person *person);

/* Whether whoever sends from there was answered lately, and may still call. identity: who it turned out to be; NULL:
 * not known yet. */
bool kith_nearby_lets_in(const struct kith_core *c, const struct kith_hop *from, const struct kith_key *identity);

#endif
