#include "core/own.h"

#include "leaf/leaf.h"
#include "link/renewed.h"
#include "super/super.h"

/* Replaces the chain. */
static int keep_chain(struct kith_core *c, const struct kith_chain *parsed, struct kith_span chain)
{
	struct kith_blob *whole = kith_blob_intern(&c->shared->blobs, chain.p, chain.len);
	if (whole == NULL)
		return KITH_ENOMEM;
	kith_own_deinit(c);
	c->chain = whole;
	c->self.chain = kith_blob_span(whole);
	/* Unlike the chain, the key is the same for good. */
	const uint64_t seed[2] = { 0, 0 };
	const int64_t from_ms = parsed->device.not_before_s * 1000;
	const int64_t life_ms = parsed->device.expires_s * 1000 - from_ms;
	c->own.due_ms = from_ms + life_ms / 3 * 2 +
			(int64_t)(kith_hash64(seed, c->self.sign_pk, KITH_KEY_LEN) % (uint64_t)(life_ms / 12 + 1));
	c->own.again_us =
		life_ms / 48 * KITH_US_PER_MS < KITH_DUE_AGAIN_US ? life_ms / 48 * KITH_US_PER_MS : KITH_DUE_AGAIN_US;
	c->own.told_at = KITH_TIME_NEVER;
	return 0;
}

void kith_own_deinit(struct kith_core *c)
{
	kith_blob_unref(&c->shared->blobs, c->chain);
	c->chain = NULL;
}

/* A wrong one is found here and not by silence. */
int kith_own_take(struct kith_core *c, const struct kith_core_options *o, struct kith_now host)
{
	struct kith_device_keys keys;
	struct kith_chain parsed;
	kith_device_keys_from_seed(&keys, c->suite, &o->device);
	/* One that is out of its time by a clock that may be wrong is no reason not to start; see leaf/homeless. */
	int err = kith_trust_check_undated(&c->trust, &c->now, o->chain, &c->me);
	if (err == 0 && memcmp(c->me.device_dh.b, keys.dh_pk.b, 32) != 0)
		err = KITH_EAUTH;
	if (err == 0) {
		memcpy(c->self.dh_sk, keys.dh_sk, 32);
		memcpy(c->self.dh_pk, keys.dh_pk.b, 32);
		memcpy(c->self.sign_sk, keys.sign.sk, KITH_SIGN_SK_LEN);
		memcpy(c->self.sign_pk, keys.sign.pk.b, 32);
		err = kith_chain_parse(&parsed, o->chain);
	}
	kith_device_keys_wipe(&keys);
	if (err != 0)
		return err;
	if (parsed.kind != KITH_CHAIN_OPEN) { /* others signed that these days have come */
		kith_wall_not_before(&c->wall, parsed.name.not_before_s * 1000);
		if (parsed.kind == KITH_CHAIN_FULL)
			kith_wall_not_before(&c->wall, parsed.issuer.not_before_s * 1000);
		c->now = kith_wall_judge(&c->wall, host);
	}
	return keep_chain(c, &parsed, o->chain);
}

static bool same_holder(const struct kith_person *a, const struct kith_person *b)
{
	return strcmp(a->name, b->name) == 0 && memcmp(&a->identity, &b->identity, sizeof a->identity) == 0 &&
	       memcmp(&a->device_dh, &b->device_dh, sizeof a->device_dh) == 0 &&
	       memcmp(&a->device_sign, &b->device_sign, sizeof a->device_sign) == 0;
}

int kith_own_renew(struct kith_core *c, struct kith_span chain)
{
	struct kith_chain held, fresh;
	struct kith_person me;
	int err = kith_trust_check(&c->trust, &c->now, chain, &me);
	if (err == 0 && !same_holder(&me, &c->me))
		err = KITH_EAUTH;
	if (err == 0)
		err = kith_chain_parse(&fresh, chain);
	if (err == 0)
		err = kith_chain_parse(&held, c->self.chain);
	if (err == 0 && !kith_chain_is_newer(&fresh, &held))
		err = KITH_EEXIST;
	if (err == 0)
		err = keep_chain(c, &fresh, chain);
	if (err != 0)
		return err;
	c->me = me;
	c->warned_expiry = false;
	KITH_LOG(c->log, KITH_LOG_INFO, "certificate_renewed expires_ms=%lld", (long long)me.expires_ms);
	kith_renewed_mark(c);
	if (c->leaving)
		return 0;
	if (kith_serves(c)) {
		kith_super_announce(c);
	} else {
		kith_leaf_again(c);
	}
	return 0;
}

kith_time_us kith_own_tick(struct kith_core *c)
{
	const int64_t wait_ms = c->own.due_ms - c->now.unix_ms;
	if (!c->now.unix_trusted)
		return KITH_TIME_NEVER;
	if (wait_ms > 0)
		return wait_ms < KITH_DUE_AGAIN_US / KITH_US_PER_MS ? c->now.mono_us + wait_ms * KITH_US_PER_MS
								    : KITH_TIME_NEVER;
	kith_time_us again_at = c->own.told_at == KITH_TIME_NEVER ? c->now.mono_us : c->own.told_at + c->own.again_us;
	struct kith_event *ev = again_at <= c->now.mono_us ? kith_event_push(c, KITH_EVENT_CERT_DUE) : NULL;
	if (ev == NULL)
		return KITH_TIME_NEVER;
	ev->expires_ms = c->me.expires_ms;
	c->own.told_at = c->now.mono_us;
	return KITH_TIME_NEVER;
}
