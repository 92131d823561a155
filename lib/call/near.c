#include "call/near.h"

#include "base/alloc.h"
#include "base/rng.h"
#include "link/nearby.h"

enum { ANSWERS_MAX = 8 }; /* to the questions of one call: of as many devices as a name has; each costs signatures */

static void ask(struct kith_core *c, struct kith_question *s)
{
	const kith_time_us wait = KITH_NEARBY_RETRY_US << s->tries;
	const bool asked = kith_nearby_ask(c, s);
	s->tries = (uint8_t)(s->tries + 1);
	s->next_at = asked && s->tries < KITH_NEARBY_TRIES ? c->now.mono_us + kith_rng_jitter(c->random, wait, 10)
							   : KITH_TIME_NEVER;
}

void kith_near_begin(struct kith_core *c, struct kith_operation *op)
{
	const struct kith_contact *contact = kith_contacts_get(&c->contacts, op->name);
	if (c->transports.lan == 0 || op->kind != KITH_OP_CALL || contact == NULL ||
	    !kith_nearby_may(c, op->name, &contact->identity, false))
		return;
	op->question = KITH_NEW(c->alloc, struct kith_question);
	if (op->question == NULL) {
		kith_stats_add(c->stats, KITH_STAT_ALLOC_FAILED, 1);
		return;
	}
	op->question->identity = contact->identity;
	op->question->index = (uint32_t)(kith_rng_u64(c->random) | 1);
	ask(c, op->question);
}

void kith_near_tick(struct kith_core *c, struct kith_operation *op)
{
	struct kith_question *s = op->question;
	if (kith_near_due(op) > c->now.mono_us)
		return;
	if (kith_nearby_may(c, op->name, &s->identity, false)) /* it was when the call began */
		ask(c, s);
	else
		kith_near_end(c, op);
}

kith_time_us kith_near_due(const struct kith_operation *op)
{
	return op->question != NULL ? op->question->next_at : KITH_TIME_NEVER;
}

struct kith_operation *kith_near_found(struct kith_core *c, struct kith_span packet, const struct kith_hop *from,
				       struct kith_person *person)
{
	const uint32_t index = kith_nearby_answers(c, packet, from);
	struct kith_operation *op = NULL;
	for (struct kith_operation *at = c->ops; index != 0 && op == NULL && at != NULL; at = at->next) {
		if (at->kind == KITH_OP_CALL && at->question != NULL && at->question->index == index)
			op = at;
	}
	if (op == NULL || op->question->answers == ANSWERS_MAX) {
		if (index != 0)
			kith_drop(c, KITH_STAT_DROP_UNKNOWN_INDEX, from, "here");
		return NULL;
	}
	if (!kith_nearby_read(c, op->question, packet, from, person))
		return NULL;
	op->question->answers++;
	if (strcmp(person->name, op->name) != 0 || !kith_nearby_may(c, op->name, &person->identity, false)) {
		kith_drop(c, KITH_STAT_REFUSE_NAME, from, "here");
		return NULL;
	}
	op->question->next_at = KITH_TIME_NEVER;
	return op;
}

void kith_near_end(struct kith_core *c, struct kith_operation *op)
{
	KITH_FREE(c->alloc, op->question);
	op->question = NULL;
}
