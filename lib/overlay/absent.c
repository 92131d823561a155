#include "overlay/absent.h"

#include <string.h>

static bool in_vain(const struct kith_absent_one *one, kith_time_us now)
{
	return one->asked >= KITH_ABSENT_GUIDES && one->at <= now;
}

/* Room for another: a free place, else that of the one that was looked for in vain the longest ago. NULL: none. */
static struct kith_absent_one *place_for(struct kith_absent *a, kith_time_us now, uint64_t teller)
{
	struct kith_absent_one *best = NULL;
	unsigned same = 0;
	for (size_t i = 0; i < KITH_ABSENT_MAX; i++) {
		struct kith_absent_one *one = &a->at[i];
		bool vain = one->at != 0 && in_vain(one, now);
		same += one->at != 0 && !vain && teller != 0 && one->teller == teller;
		if ((one->at == 0 || vain) && (best == NULL || one->at < best->at))
			best = one;
	}
	return same < KITH_ABSENT_PER_TELLER ? best : NULL;
}

bool kith_absent_want(struct kith_absent *a, kith_time_us now, const uint8_t id[KITH_MEMBER_ID_PREFIX], uint64_t teller)
{
	for (size_t i = 0; i < KITH_ABSENT_MAX; i++) {
		struct kith_absent_one *one = &a->at[i];
		if (one->at == 0 || memcmp(one->id, id, sizeof one->id) != 0)
			continue;
		if (in_vain(one, now) && now - one->at >= KITH_ABSENT_VAIN_US)
			one->asked = 0;
		return !in_vain(one, now);
	}
	struct kith_absent_one *one = place_for(a, now, teller);
	if (one == NULL)
		return true;
	*one = (struct kith_absent_one){ .teller = teller, .at = now > 0 ? now : 1 };
	memcpy(one->id, id, sizeof one->id);
	return true;
}

struct kith_absent_one *kith_absent_due(struct kith_absent *a, kith_time_us now)
{
	for (size_t i = 0; i < KITH_ABSENT_MAX; i++) {
		struct kith_absent_one *one = &a->at[i];
		if (one->at != 0 && one->at <= now && one->asked < KITH_ABSENT_GUIDES)
			return one;
	}
	return NULL;
}

void kith_absent_asked(struct kith_absent_one *one, kith_time_us now, bool asked)
{
	one->asked = asked ? (uint8_t)(one->asked + 1) : KITH_ABSENT_GUIDES;
	one->at = now + (asked ? KITH_ABSENT_STEP_US : 0);
}

void kith_absent_found(struct kith_absent_one *one)
{
	memset(one, 0, sizeof *one);
}

kith_time_us kith_absent_deadline(const struct kith_absent *a)
{
	kith_time_us at = KITH_TIME_NEVER;
	for (size_t i = 0; i < KITH_ABSENT_MAX; i++) {
		const struct kith_absent_one *one = &a->at[i];
		if (one->at != 0 && one->asked < KITH_ABSENT_GUIDES && one->at < at)
			at = one->at;
	}
	return at;
}

static struct kith_absent_word *word_for(struct kith_absent *a, kith_time_us now, const uint8_t id[])
{
	for (size_t i = 0; i < KITH_ABSENT_WORDS; i++) {
		struct kith_absent_word *w = &a->words[i];
		if (w->n > 0 && memcmp(w->id, id, sizeof w->id) == 0 && now - w->since < KITH_ABSENT_WORDS_US)
			return w;
	}
	struct kith_absent_word *w = &a->words[a->next_word];
	a->next_word = (uint8_t)((a->next_word + 1) % KITH_ABSENT_WORDS);
	*w = (struct kith_absent_word){ .since = now };
	memcpy(w->id, id, sizeof w->id);
	return w;
}

bool kith_absent_told(struct kith_absent *a, kith_time_us now, const uint8_t id[KITH_MEMBER_ID_PREFIX], uint64_t teller)
{
	struct kith_absent_word *w = word_for(a, now, id);
	for (uint8_t i = 0; i < w->n; i++) {
		if (w->tellers[i] == teller)
			return false;
	}
	w->tellers[w->n++] = teller;
	if (w->n < KITH_ABSENT_WORDS_NEEDED)
		return false;
	w->n = 0;
	return true;
}
