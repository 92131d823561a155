#include "session/sessions.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "base/rng.h"

void kith_sessions_init(struct kith_sessions *ss, const struct kith_alloc *alloc, const struct kith_random *random,
			uint32_t max, uint8_t shard)
{
	memset(ss, 0, sizeof *ss);
	ss->alloc = alloc;
	ss->random = random;
	ss->shard = shard;
	uint64_t seed[2] = { kith_rng_u64(random), kith_rng_u64(random) };
	static const uint8_t names_label[] = { 'n', 'a', 'm', 'e', 's', 0 };
	uint64_t secret[2];
	for (unsigned i = 0; i < 2; i++) {
		uint8_t label[sizeof names_label];
		memcpy(label, names_label, sizeof label);
		label[sizeof label - 1] = (uint8_t)i;
		secret[i] = kith_hash64(seed, label, sizeof label);
	}
	kith_names_init(&ss->names, secret);
	kith_table_init(&ss->by_index, alloc, max, KITH_TABLE_KEY(struct kith_session, index), seed);
	kith_table_init(&ss->by_device, alloc, max, KITH_TABLE_KEY(struct kith_session, device), seed);
}

void kith_sessions_deinit(struct kith_sessions *ss)
{
	KITH_ASSERT(ss->by_index.n == 0 && ss->by_device.n == 0);
	kith_table_deinit(&ss->by_index);
	kith_table_deinit(&ss->by_device);
}

struct kith_session *kith_sessions_new(struct kith_sessions *ss, enum kith_session_state state)
{
	struct kith_session *s = KITH_NEW(ss->alloc, struct kith_session);
	if (s == NULL)
		return NULL;
	s->state = (unsigned)state & 7;
	int err;
	do {
		s->index = (uint32_t)ss->shard << 24 | (kith_rng_u32(ss->random) & 0xffffff);
		err = s->index == 0 ? KITH_EEXIST : kith_table_put(&ss->by_index, s);
	} while (err == KITH_EEXIST);
	if (err == 0)
		return s;
	KITH_FREE(ss->alloc, s);
	return NULL;
}

static struct kith_session *alive(struct kith_session *s)
{
	return s != NULL && s->state != KITH_SESSION_CLOSED ? s : NULL;
}

struct kith_session *kith_sessions_get(const struct kith_sessions *ss, uint32_t index)
{
	return alive(kith_table_get(&ss->by_index, &index));
}

struct kith_session *kith_sessions_of(const struct kith_sessions *ss, const uint8_t device[KITH_DEVICE_ID_LEN])
{
	return alive(kith_table_get(&ss->by_device, device));
}

uint64_t kith_sessions_name(struct kith_sessions *ss, const struct kith_session *s)
{
	return kith_names_new(&ss->names, s->index);
}

struct kith_session *kith_sessions_named(const struct kith_sessions *ss, uint64_t name, uint32_t *number)
{
	return kith_sessions_get(ss, kith_names_index(&ss->names, name, number));
}

struct kith_session *kith_sessions_find(const struct kith_sessions *ss, uint32_t index)
{
	return kith_table_get(&ss->by_index, &index);
}

struct kith_session *kith_sessions_bind(struct kith_sessions *ss, struct kith_session *s)
{
	struct kith_session *old = kith_table_get(&ss->by_device, s->device);
	if (old == s)
		return NULL;
	if (old != NULL)
		(void)kith_table_remove(&ss->by_device, s->device);
	/* Without memory the session works, but is not found by its device, and a second one will be made. */
	int err = kith_table_put(&ss->by_device, s);
	(void)err;
	return old;
}

int kith_sessions_each(const struct kith_sessions *ss, void (*fn)(void *ctx, struct kith_session *s), void *ctx)
{
	uint32_t n = ss->by_index.n, it = 0;
	uint32_t *list = n > 0 ? KITH_NEW_ARRAY(ss->alloc, uint32_t, n) : NULL;
	if (n > 0 && list == NULL)
		return KITH_ENOMEM;
	for (uint32_t i = 0; i < n; i++)
		list[i] = ((struct kith_session *)kith_table_next(&ss->by_index, &it))->index;
	for (uint32_t i = 0; i < n; i++) {
		struct kith_session *s = kith_sessions_get(ss, list[i]);
		if (s != NULL)
			fn(ctx, s);
	}
	KITH_FREE_ARRAY(ss->alloc, list, n);
	return 0;
}

void kith_sessions_remove(struct kith_sessions *ss, struct kith_blobs *blobs, const struct kith_path_env *env,
			  struct kith_session *s)
{
	KITH_ASSERT(!kith_timer_is_set(&s->timer));
	(void)kith_table_remove(&ss->by_index, &s->index);
	if (kith_table_get(&ss->by_device, s->device) == s)
		(void)kith_table_remove(&ss->by_device, s->device);
	kith_pathset_deinit(&s->paths, env);
	kith_requests_free(&s->requests, ss->alloc);
	kith_replay_narrow(&s->replay, ss->alloc);
	if (s->hs != NULL) {
		kith_handshake_wipe(s->hs);
		KITH_FREE(ss->alloc, s->hs);
	}
	if (s->rekey != NULL) {
		kith_wipe(s->rekey, sizeof *s->rekey);
		KITH_FREE(ss->alloc, s->rekey);
	}
	kith_blob_unref(blobs, s->chain);
	kith_wipe(s, sizeof *s);
	KITH_FREE(ss->alloc, s);
}
