/* Supernodes that lie: put in front of the library's handlers by the linker (--wrap), so that the library itself has no
 * line of it. A liar attaches leaves, relays and gossips as it should; but to whoever asks it for a name it says that
 * there is nobody, and what it is given to publish or to store it takes, and drops. */
#include "sim/internal.h"

#include "link/state.h"
#include "super/publish.h"
#include "super/query.h"
#include "super/replica.h"

void __wrap_kith_query_on_lookup(struct kith_core *c, struct kith_session *s, const struct kith_request *request);
void __real_kith_query_on_lookup(struct kith_core *c, struct kith_session *s, const struct kith_request *request);
void __wrap_kith_replica_on_find(struct kith_core *c, struct kith_session *s, const struct kith_request *request);
void __real_kith_replica_on_find(struct kith_core *c, struct kith_session *s, const struct kith_request *request);
void __wrap_kith_replica_on_notice(struct kith_core *c, struct kith_session *s, const struct kith_request *request);
void __real_kith_replica_on_notice(struct kith_core *c, struct kith_session *s, const struct kith_request *request);
uint64_t __wrap_kith_publish_bring(struct kith_core *c, uint32_t leaf, const struct kith_id *key, uint8_t kind,
				   struct kith_span bytes, bool *own);
uint64_t __real_kith_publish_bring(struct kith_core *c, uint32_t leaf, const struct kith_id *key, uint8_t kind,
				   struct kith_span bytes, bool *own);

static const struct kith_span nothing = { NULL, 0 };

/* Every core of a simulation allocates on the account of its node. */
static bool lies(const struct kith_core *c)
{
	const char *account = (const char *)c->alloc - offsetof(struct kith_simaccount, alloc);
	const void *node = account - offsetof(struct kith_simnode, account);
	return ((const struct kith_simnode *)node)->lies;
}

void __wrap_kith_query_on_lookup(struct kith_core *c, struct kith_session *s, const struct kith_request *request)
{
	if (lies(c))
		kith_session_answer(c, s, request->id, KITH_STATUS_NOT_FOUND, nothing);
	else
		__real_kith_query_on_lookup(c, s, request);
}

void __wrap_kith_replica_on_find(struct kith_core *c, struct kith_session *s, const struct kith_request *request)
{
	if (lies(c))
		kith_session_answer(c, s, request->id, KITH_STATUS_NOT_FOUND, nothing);
	else
		__real_kith_replica_on_find(c, s, request);
}

void __wrap_kith_replica_on_notice(struct kith_core *c, struct kith_session *s, const struct kith_request *request)
{
	if (lies(c))
		kith_session_answer(c, s, request->id, KITH_STATUS_OK, nothing);
	else
		__real_kith_replica_on_notice(c, s, request);
}

uint64_t __wrap_kith_publish_bring(struct kith_core *c, uint32_t leaf, const struct kith_id *key, uint8_t kind,
				   struct kith_span bytes, bool *own)
{
	if (leaf == 0 || !lies(c))
		return __real_kith_publish_bring(c, leaf, key, kind, bytes, own);
	*own = false;
	return 1;
}
