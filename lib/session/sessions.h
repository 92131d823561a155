/* All sessions of a node by our index, and infrastructure sessions also by device.
 *
 * An index is random, with the shard in its upper 8 bits, and never 0. A device has at most one infrastructure
 * session in the second table, the newest; sessions of applications are found by index only. Packets carry names of an
 * index, never itself (session/names.h).
 * Bounds: max sessions; beyond it, new ones are refused (KITH_EFULL) and existing ones stay.
 */
#ifndef KITH_SESSION_SESSIONS_H
#define KITH_SESSION_SESSIONS_H

#include "session/names.h"
#include "session/session.h"

struct kith_sessions {
	struct kith_table by_index, by_device;
	const struct kith_alloc *alloc;
	const struct kith_random *random;
	struct kith_names names;
	uint8_t shard;
};

void kith_sessions_init(struct kith_sessions *ss, const struct kith_alloc *alloc, const struct kith_random *random,
			uint32_t max, uint8_t shard);

/* Frees the tables; asserts that every session was removed. */
void kith_sessions_deinit(struct kith_sessions *ss);

/* A zeroed session with a fresh index in the given state; NULL when full or out of memory. */
struct kith_session *kith_sessions_new(struct kith_sessions *ss, enum kith_session_state state);

/* The session with that index, of that device; NULL when there is none, or it has ended. */
struct kith_session *kith_sessions_get(const struct kith_sessions *ss, uint32_t index);
struct kith_session *kith_sessions_of(const struct kith_sessions *ss, const uint8_t device[KITH_DEVICE_ID_LEN]);

/* A fresh name for s, to be told to the other side; and the session that a packet is for by its name (number: of the
 * name, which rises from name to name of all sessions). NULL as for kith_sessions_get. */
uint64_t kith_sessions_name(struct kith_sessions *ss, const struct kith_session *s);
struct kith_session *kith_sessions_named(const struct kith_sessions *ss, uint64_t name, uint32_t *number);

/* The same, even if the session ended in this call: its last packets are still to be sealed. */
struct kith_session *kith_sessions_find(const struct kith_sessions *ss, uint32_t index);

/* Makes s the session of its device. Returns the one that was before, or NULL. */
struct kith_session *kith_sessions_bind(struct kith_sessions *ss, struct kith_session *s);

/* Calls fn for every session there is now; fn may make and end sessions. KITH_ENOMEM: nothing was called. */
int kith_sessions_each(const struct kith_sessions *ss, void (*fn)(void *ctx, struct kith_session *s),
		       void *ctx) KITH_MUST_USE;

/* Takes a session out of both tables, wipes and frees it and all that hangs off it but peer. Timers must be stopped. */
void kith_sessions_remove(struct kith_sessions *ss, struct kith_blobs *blobs, const struct kith_path_env *env,
			  struct kith_session *s);

#endif
