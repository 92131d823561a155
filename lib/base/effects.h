/* What a core has asked of its host, besides packets: each once, under an id, with a deadline.
 *
 * A handler begins an effect and names its owner. The host takes it out, works on it, and completes it. An effect ends
 * once: completed, or at its deadline (KITH_ETIMEDOUT); its end is left here until whoever settles the call gives it to
 * the owner. One that its owner cancelled ends silently. What the host works on in vain is told to it as a CANCEL.
 * Invariants: ids only rise, and 0 is none; effects come out in the order of ids, and so do ends, those completed
 *   before those that are late; nothing is kept of an effect
 *   that has ended, and no memory while there is none.
 * Timers: the deadlines, kith_effects_deadline.
 * Bounds: KITH_EFFECTS_MAX under way.
 * Never: a call to an owner; anything that depends on what type an effect is.
 */
#ifndef KITH_BASE_EFFECTS_H
#define KITH_BASE_EFFECTS_H

#include <kith/transport.h>

/* local: a state to save, a few names, a mapping for each socket; one punch asks for all its sockets at once */
#define KITH_EFFECTS_MAX 16

struct kith_effect_slot;

struct kith_effects {
	const struct kith_alloc *alloc; /* borrowed */
	struct kith_effect_slot *at; /* KITH_EFFECTS_MAX, while any is used */
	uint32_t last_id;
};

/* The end of an effect, for its owner. */
struct kith_effect_end {
	uint32_t id;
	uint8_t owner; /* as it was begun, with tag */
	uint32_t tag;
	enum kith_effect_type type;
	int err;
	struct kith_effect_result result; /* all zero if the host had nothing to say */
};

void kith_effects_init(struct kith_effects *es, const struct kith_alloc *alloc);
void kith_effects_deinit(struct kith_effects *es);

/* Asks for what; its id is chosen here, its bytes are copied. KITH_EFULL, KITH_ENOMEM. */
int kith_effects_begin(struct kith_effects *es, const struct kith_effect *what, uint8_t owner, uint32_t tag,
		       uint32_t *id) KITH_MUST_USE;

/* The owner does not want it any more, and is not told of its end. No effect when it has ended. */
void kith_effects_cancel(struct kith_effects *es, uint32_t id);

/* Takes out the next one for the host. Its bytes stay until it ends. */
bool kith_effects_next(struct kith_effects *es, struct kith_effect *out);

/* The host is done with it. False: it is not under way. result may be NULL. */
bool kith_effects_complete(struct kith_effects *es, uint32_t id, int err, const struct kith_effect_result *result);

/* Takes out the next end: of one that was completed, or whose deadline has come. */
bool kith_effects_ended(struct kith_effects *es, kith_time_us now, struct kith_effect_end *out);

/* When the next deadline is; KITH_TIME_NEVER. */
kith_time_us kith_effects_deadline(const struct kith_effects *es);

#endif
