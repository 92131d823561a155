#include "natlab/voice.h"

static uint8_t *byte_of(struct kith_voice *v, uint64_t number)
{
	return &v->came[number % KITH_VOICE_FRAMES / 8];
}

static uint8_t bit_of(uint64_t number)
{
	return (uint8_t)(1u << (number % 8));
}

void kith_voice_listen(struct kith_voice *v)
{
	v->first = v->next;
	v->gap_us = 0;
	v->heard = v->late = v->twice = 0;
}

/* Frames up to that number are known of, those between as not come. */
static void advance(struct kith_voice *v, uint64_t number)
{
	if (number - v->next >= KITH_VOICE_FRAMES)
		v->next = number - (KITH_VOICE_FRAMES - 1);
	for (; v->next <= number; v->next++)
		*byte_of(v, v->next) &= (uint8_t)~bit_of(v->next);
}

void kith_voice_hear(struct kith_voice *v, uint64_t number, kith_time_us left, kith_time_us now)
{
	const kith_time_us took_us = now - left;
	if (v->heard_at != 0 && now - v->heard_at > v->gap_us)
		v->gap_us = now - v->heard_at;
	if (v->heard_at == 0 || took_us < v->quickest_us)
		v->quickest_us = took_us;
	v->heard_at = now;
	if (number >= v->next)
		advance(v, number);
	else if (v->next - number > KITH_VOICE_FRAMES)
		return;
	if ((*byte_of(v, number) & bit_of(number)) != 0) {
		v->twice++;
		return;
	}
	*byte_of(v, number) |= bit_of(number);
	if (number < v->first) /* of the window before */
		return;
	v->heard++;
	v->late += took_us > v->quickest_us + KITH_VOICE_LATE_US;
}

struct kith_voice_window kith_voice_tell(const struct kith_voice *v, kith_time_us now)
{
	const kith_time_us lasts_us = v->heard_at != 0 ? now - v->heard_at : 0;
	return (struct kith_voice_window){ .gap_us = lasts_us > v->gap_us ? lasts_us : v->gap_us,
					   .heard = v->heard,
					   .late = v->late,
					   .twice = v->twice,
					   .lost = v->next - v->first - v->heard };
}
