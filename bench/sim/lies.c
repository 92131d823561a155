/* Supernodes that lie: put in front of the library's handlers by the linker (--wrap), so that the library itself has no
 * line of it. A liar attaches leaves, relays and gossips as it should; but to whoever asks it for a name it says that
 * there is nobody, and what it is given to publish or to store it takes, and drops. A leaf that lies signs records that
 * name its own address as that of each of its homes, to see who calls. */
#include "sim/internal.h"

#include "leaf/record.h"
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
bool __wrap_kith_publish_bring(struct kith_core *c, uint32_t leaf, const struct kith_id *key, uint8_t kind,
			       struct kith_span bytes, uint32_t copies[KITH_KEEPERS_MAX]);
bool __real_kith_publish_bring(struct kith_core *c, uint32_t leaf, const struct kith_id *key, uint8_t kind,
			       struct kith_span bytes, uint32_t copies[KITH_KEEPERS_MAX]);

void __wrap_kith_leaf_publish(struct kith_core *c);
void __real_kith_leaf_publish(struct kith_core *c);

static const struct kith_span nothing = { NULL, 0 };

/* Every core of a simulation allocates on the account of its node. */
static const struct kith_simnode *node_of(const struct kith_core *c)
{
	const char *account = (const char *)c->alloc - offsetof(struct kith_simaccount, alloc);
	const void *node = account - offsetof(struct kith_simnode, account);
	return node;
}

static bool lies(const struct kith_core *c)
{
	return node_of(c)->lies;
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

bool __wrap_kith_publish_bring(struct kith_core *c, uint32_t leaf, const struct kith_id *key, uint8_t kind,
			       struct kith_span bytes, uint32_t copies[KITH_KEEPERS_MAX])
{
	if (leaf == 0 || !lies(c))
		return __real_kith_publish_bring(c, leaf, key, kind, bytes, copies);
	return false;
}

void __wrap_kith_leaf_publish(struct kith_core *c)
{
	struct kith_host homes[KITH_HOMES];
	struct kith_addr own = node_of(c)->public;
	own.port = node_of(c)->local.port;
	for (size_t i = 0; i < KITH_HOMES; i++) {
		homes[i] = c->leaf.homes[i].host;
		if (!lies(c))
			continue;
		c->leaf.homes[i].host.endpoints_n = 1;
		c->leaf.homes[i].host.endpoints[0] = kith_endpoint_udp(&own);
	}
	__real_kith_leaf_publish(c);
	for (size_t i = 0; i < KITH_HOMES; i++)
		c->leaf.homes[i].host = homes[i];
}
