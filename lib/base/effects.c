#include "base/effects.h"

#include <string.h>

#include <kith/err.h>

#include "base/alloc.h"

enum slot_state {
	SLOT_FREE,
	SLOT_ASKED, /* the host has not taken it out */
	SLOT_OUT, /* the host works on it */
	SLOT_ENDED, /* completed; the owner has not been told */
	SLOT_VAIN /* ended without the host, which has not been told */
};

struct kith_effect_slot {
	struct kith_effect effect;
	struct kith_effect_result result;
	int err;
	uint32_t tag;
	uint8_t owner;
	uint8_t state; /* enum slot_state */
};

void kith_effects_init(struct kith_effects *es, const struct kith_alloc *alloc)
{
	*es = (struct kith_effects){ .alloc = alloc };
}

static void drop_bytes(struct kith_effects *es, struct kith_effect_slot *s)
{
	kith_alloc_free(es->alloc, (uint8_t *)(uintptr_t)s->effect.bytes.p, s->effect.bytes.len);
	s->effect.bytes = (struct kith_span){ NULL, 0 };
}

void kith_effects_deinit(struct kith_effects *es)
{
	for (unsigned i = 0; es->at != NULL && i < KITH_EFFECTS_MAX; i++)
		drop_bytes(es, &es->at[i]);
	if (es->at != NULL)
		KITH_FREE_ARRAY(es->alloc, es->at, KITH_EFFECTS_MAX);
	es->at = NULL;
}

/* Empties a slot; all of them are given back with the last one. */
static void release(struct kith_effects *es, struct kith_effect_slot *s)
{
	drop_bytes(es, s);
	memset(s, 0, sizeof *s);
	for (unsigned i = 0; i < KITH_EFFECTS_MAX; i++) {
		if (es->at[i].state != SLOT_FREE)
			return;
	}
	kith_effects_deinit(es);
}

/* The slot with the lowest id that is in a state and whose deadline is not after until; NULL. */
static struct kith_effect_slot *first(const struct kith_effects *es, enum slot_state state, kith_time_us until)
{
	struct kith_effect_slot *found = NULL;
	for (unsigned i = 0; es->at != NULL && i < KITH_EFFECTS_MAX; i++) {
		struct kith_effect_slot *s = &es->at[i];
		if (s->state == state && s->effect.deadline <= until &&
		    (found == NULL || s->effect.id < found->effect.id))
			found = s;
	}
	return found;
}

static struct kith_effect_slot *by_id(const struct kith_effects *es, uint32_t id)
{
	for (unsigned i = 0; es->at != NULL && i < KITH_EFFECTS_MAX; i++) {
		if (es->at[i].state != SLOT_FREE && es->at[i].effect.id == id)
			return &es->at[i];
	}
	return NULL;
}

static struct kith_effect_slot *make_room(struct kith_effects *es)
{
	if (es->at == NULL)
		es->at = KITH_NEW_ARRAY(es->alloc, struct kith_effect_slot, KITH_EFFECTS_MAX);
	for (unsigned i = 0; es->at != NULL && i < KITH_EFFECTS_MAX; i++) {
		if (es->at[i].state == SLOT_FREE)
			return &es->at[i];
	}
	return NULL;
}

int kith_effects_begin(struct kith_effects *es, const struct kith_effect *what, uint8_t owner, uint32_t tag,
		       uint32_t *id)
{
	struct kith_effect_slot *s = make_room(es);
	if (s == NULL)
		return es->at == NULL ? KITH_ENOMEM : KITH_EFULL;
	s->effect = *what;
	s->effect.bytes = (struct kith_span){ NULL, 0 };
	if (what->bytes.len > 0) {
		uint8_t *copy = kith_alloc_resize(es->alloc, NULL, 0, what->bytes.len);
		if (copy == NULL) {
			release(es, s);
			return KITH_ENOMEM;
		}
		memcpy(copy, what->bytes.p, what->bytes.len);
		s->effect.bytes = (struct kith_span){ copy, what->bytes.len };
	}
	s->effect.id = *id = ++es->last_id;
	s->owner = owner;
	s->tag = tag;
	s->state = SLOT_ASKED;
	return 0;
}

/* It ends without the host, which is told if it works on it. */
static void end_in_vain(struct kith_effects *es, struct kith_effect_slot *s)
{
	if (s->state == SLOT_OUT) {
		drop_bytes(es, s);
		s->state = SLOT_VAIN;
		s->effect.deadline = 0;
	} else {
		release(es, s);
	}
}

void kith_effects_cancel(struct kith_effects *es, uint32_t id)
{
	struct kith_effect_slot *s = by_id(es, id);
	if (s != NULL && s->state != SLOT_VAIN)
		end_in_vain(es, s);
}

bool kith_effects_next(struct kith_effects *es, struct kith_effect *out)
{
	struct kith_effect_slot *s = first(es, SLOT_VAIN, KITH_TIME_NEVER);
	if (s != NULL) {
		*out = (struct kith_effect){ .type = KITH_EFFECT_CANCEL, .id = s->effect.id };
		release(es, s);
		return true;
	}
	s = first(es, SLOT_ASKED, KITH_TIME_NEVER);
	if (s == NULL)
		return false;
	*out = s->effect;
	s->state = SLOT_OUT;
	return true;
}

bool kith_effects_complete(struct kith_effects *es, uint32_t id, int err, const struct kith_effect_result *result)
{
	struct kith_effect_slot *s = by_id(es, id);
	if (s == NULL || s->state != SLOT_OUT)
		return false;
	s->err = err;
	if (result != NULL)
		s->result = *result;
	s->state = SLOT_ENDED;
	drop_bytes(es, s);
	return true;
}

bool kith_effects_ended(struct kith_effects *es, kith_time_us now, struct kith_effect_end *out)
{
	if (es->at == NULL) /* as usual */
		return false;
	struct kith_effect_slot *s = first(es, SLOT_ENDED, KITH_TIME_NEVER);
	bool late = s == NULL;
	if (s == NULL)
		s = first(es, SLOT_OUT, now);
	if (s == NULL)
		s = first(es, SLOT_ASKED, now);
	if (s == NULL)
		return false;
	*out = (struct kith_effect_end){ .id = s->effect.id,
					 .owner = s->owner,
					 .tag = s->tag,
					 .type = s->effect.type,
					 .err = late ? KITH_ETIMEDOUT : s->err,
					 .result = s->result };
	if (late)
		end_in_vain(es, s);
	else
		release(es, s);
	return true;
}

kith_time_us kith_effects_deadline(const struct kith_effects *es)
{
	kith_time_us at = KITH_TIME_NEVER;
	for (unsigned i = 0; es->at != NULL && i < KITH_EFFECTS_MAX; i++) {
		const struct kith_effect_slot *s = &es->at[i];
		if ((s->state == SLOT_ASKED || s->state == SLOT_OUT) && s->effect.deadline < at)
			at = s->effect.deadline;
	}
	return at;
}
