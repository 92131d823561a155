#include "link/follow.h"

KITH_STATIC_ASSERT(KITH_FOLLOWED_TOKEN_LEN == KITH_FOLLOW_LEN && KITH_FOLLOWED_DEVICE_LEN == KITH_DEVICE_ID_LEN &&
			   KITH_FOLLOWED_PER_NAME < KITH_FOLLOW_TOKENS_MAX,
		   "what contacts gave us fits a request, beside our own");

void kith_follow_own(const struct kith_core *c, uint8_t out[KITH_FOLLOW_LEN])
{
	kith_follow_token(c->suite, out, c->self.sign_sk, c->follow_number);
}

struct kith_span kith_follow_for(const struct kith_core *c, const struct kith_id *key,
				 uint8_t out[KITH_FOLLOW_TOKENS_MAX * KITH_FOLLOW_LEN])
{
	struct kith_id own;
	kith_ids_directory(c->suite, &own, &c->self.network, c->me.name);
	size_t len = kith_followed_of(&c->followed, key, out);
	if (memcmp(own.b, key->b, sizeof own.b) == 0) {
		kith_follow_own(c, out + len);
		len += KITH_FOLLOW_LEN;
	}
	return (struct kith_span){ len > 0 ? out : NULL, len };
}

void kith_follow_guard_own(const struct kith_core *c, struct kith_record *record)
{
	uint8_t token[KITH_FOLLOW_LEN];
	if (c->presence == KITH_PRESENCE_PUBLIC ||
	    (c->presence == KITH_PRESENCE_STEPS && c->now.mono_us < c->leaf.guard_at))
		return;
	kith_follow_own(c, token);
	kith_follow_guard(c->suite, record->guard, token);
	record->guarded = true;
	if (c->presence == KITH_PRESENCE_CONTACTS)
		record->flags |= KITH_RECORD_CONTACTS;
}
