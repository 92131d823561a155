/* Tokens that contacts have given us: with them their comings and goings may be followed (wire/follow.h).
 *
 * One for each device of a name; a later one takes the place of an earlier one.
 * Bounds: KITH_FOLLOWED_MAX in all, when full a newcomer's is not taken (KITH_EFULL); KITH_FOLLOWED_PER_NAME devices of
 *   a name, of which the one heard of first gives way.
 * Never: a judgement who is a contact; a clock.
 */
#ifndef KITH_IDENTITY_FOLLOWED_H
#define KITH_IDENTITY_FOLLOWED_H

#include "base/alloc.h"
#include "codec/cursor.h"
#include "crypto/suite.h"

#define KITH_FOLLOWED_MAX 2048 /* local: as many as contacts; 130 kB */
#define KITH_FOLLOWED_PER_NAME 4 /* local: devices of one contact that one follows to the moment */
#define KITH_FOLLOWED_DEVICE_LEN 16
#define KITH_FOLLOWED_TOKEN_LEN 16
#define KITH_FOLLOWED_ITEM_LEN (KITH_KEY_LEN + KITH_FOLLOWED_DEVICE_LEN + KITH_FOLLOWED_TOKEN_LEN)

struct kith_followed_item {
	struct kith_id key; /* directory key of the name */
	uint8_t device[KITH_FOLLOWED_DEVICE_LEN]; /* first half of its X25519 key */
	uint8_t token[KITH_FOLLOWED_TOKEN_LEN];
};

struct kith_followed {
	const struct kith_alloc *alloc; /* borrowed */
	struct kith_followed_item *items; /* in the order in which they came first */
	uint32_t n, cap;
};

void kith_followed_init(struct kith_followed *cs, const struct kith_alloc *alloc);
void kith_followed_deinit(struct kith_followed *cs);

/* 1: new, or another token than before; 0: known; KITH_EFULL, KITH_ENOMEM. */
int kith_followed_put(struct kith_followed *cs, const struct kith_followed_item *item) KITH_MUST_USE;

/* Writes the tokens of a name, one behind the other; returns their length. */
size_t kith_followed_of(const struct kith_followed *cs, const struct kith_id *key,
			uint8_t out[KITH_FOLLOWED_PER_NAME * KITH_FOLLOWED_TOKEN_LEN]);

/* Forgets those of a name. Whether there were any. */
bool kith_followed_drop(struct kith_followed *cs, const struct kith_id *key);

/* All, one behind the other, KITH_FOLLOWED_ITEM_LEN bytes each. */
void kith_followed_write(const struct kith_followed *cs, struct kith_writer *w);

/* Takes what was written so, in place of all that there is. KITH_EPROTO, KITH_EFULL, KITH_ENOMEM: nothing changes. */
int kith_followed_read(struct kith_followed *cs, struct kith_span bytes) KITH_MUST_USE;

#endif
