/* Supernodes that lie: put in front of the library's handlers by the linker (--wrap), so that the library itself has no
 * line of it. A liar attaches leaves, relays and gossips as it should; enum kith_simlie says what it does else. A leaf
 * that lies signs records that name its own address as that of each of its homes, to see who calls; one that spies
 * names, before the address of each of its homes, one where only itself listens.
 */
#include "sim/internal.h"

#include "leaf/record.h"
#include "link/connect.h"
#include "link/state.h"
#include "overlay/members.h"
#include "overlay/pick.h"
#include "presence/store.h"
#include "super/attach.h"
#include "super/bulletin.h"
#include "super/interests.h"
#include "super/members.h"
#include "super/notify.h"
#include "super/publish.h"
#include "super/query.h"
#include "super/replica.h"
#include "super/tunnels.h"

/* X(name, what its parameters are) */
#define HANDLERS(X)                                                                                                    \
	X(kith_query_on_lookup, (struct kith_core * c, struct kith_session * s, const struct kith_request *request))   \
	X(kith_replica_on_find, (struct kith_core * c, struct kith_session * s, const struct kith_request *request))   \
	X(kith_replica_on_notice, (struct kith_core * c, struct kith_session * s, const struct kith_request *request)) \
	X(kith_super_on_members, (struct kith_core * c, struct kith_session * s, const struct kith_request *request))  \
	X(kith_interests_on_request,                                                                                   \
	  (struct kith_core * c, struct kith_session * s, const struct kith_request *request))                         \
	X(kith_attach_on_request, (struct kith_core * c, struct kith_session * s, const struct kith_request *request)) \
	X(kith_tunnels_on_request,                                                                                     \
	  (struct kith_core * c, struct kith_session * s, const struct kith_request *request, struct kith_span *own))  \
	X(kith_notify_one,                                                                                             \
	  (struct kith_core * c, uint32_t session, const struct kith_id *key, const struct kith_msg_notice *notice))   \
	X(kith_notify_all, (struct kith_core * c, const struct kith_watches *ws, const struct kith_id *key,            \
			    const struct kith_msg_notice *notice, enum kith_whom whom))                                \
	X(kith_notify_record,                                                                                          \
	  (struct kith_core * c, const struct kith_watches *ws, const struct kith_id *key, struct kith_span record))   \
	X(kith_notify_vanished, (struct kith_core * c, const struct kith_watches *ws, const struct kith_id *key,       \
				 const uint8_t *guard, struct kith_span report))                                       \
	X(kith_notify_pass_on, (struct kith_core * c, struct kith_session * s, const struct kith_msg_notice *m))       \
	X(kith_bulletin_on_list, (struct kith_core * c, struct kith_session * s, const struct kith_request *request))  \
	X(kith_bulletin_look, (struct kith_core * c, struct kith_session * s))                                         \
	X(kith_leaf_publish, (struct kith_core * c, bool news))

#define DECLARE(name, parameters)                                                                                      \
	void __wrap_##name parameters;                                                                                 \
	void __real_##name parameters;
HANDLERS(DECLARE)
#undef DECLARE

bool __wrap_kith_publish_bring(struct kith_core *c, uint32_t leaf, const struct kith_id *key, uint8_t kind,
			       struct kith_span bytes, uint32_t copies[KITH_KEEPERS_MAX]);
bool __real_kith_publish_bring(struct kith_core *c, uint32_t leaf, const struct kith_id *key, uint8_t kind,
			       struct kith_span bytes, uint32_t copies[KITH_KEEPERS_MAX]);

static const struct kith_span nothing = { NULL, 0 };

static bool lies(const struct kith_core *c, enum kith_simlie how)
{
	const struct kith_simnode *n = kith_sim_node_of(c);
	const struct kith_sim *sim = kith_sim_of(n);
	return (n->lies & 1u << how) != 0 && sim->now >= sim->options.faults.lies_from_us;
}

/* ---- doing nothing ---- */

uint16_t __wrap_kith_core_on_request(struct kith_core *c, struct kith_session *s, struct kith_span body,
				     struct kith_span *own);
uint16_t __real_kith_core_on_request(struct kith_core *c, struct kith_session *s, struct kith_span body,
				     struct kith_span *own);

uint16_t __wrap_kith_core_on_request(struct kith_core *c, struct kith_session *s, struct kith_span body,
				     struct kith_span *own)
{
	if (!lies(c, KITH_SIM_LIE_DULL))
		return __real_kith_core_on_request(c, s, body, own);
	*own = nothing;
	return 0;
}

void __wrap_kith_super_tick(struct kith_core *c);
void __real_kith_super_tick(struct kith_core *c);

void __wrap_kith_super_tick(struct kith_core *c)
{
	if (!lies(c, KITH_SIM_LIE_DULL))
		__real_kith_super_tick(c);
}

/* ---- what leaves and replicas are told ---- */

/* Whether the request is one of a leaf of ours that gets no answer. */
static bool ignores(const struct kith_core *c, const struct kith_session *s)
{
	return lies(c, KITH_SIM_LIE_SILENT) && (s->use & KITH_USE_LEAF) != 0;
}

void __wrap_kith_query_on_lookup(struct kith_core *c, struct kith_session *s, const struct kith_request *request)
{
	if (ignores(c, s))
		return;
	if (lies(c, KITH_SIM_LIE_DENY))
		kith_session_answer(c, s, request->id, KITH_STATUS_NOT_FOUND, nothing);
	else
		__real_kith_query_on_lookup(c, s, request);
}

void __wrap_kith_replica_on_find(struct kith_core *c, struct kith_session *s, const struct kith_request *request)
{
	if (lies(c, KITH_SIM_LIE_DENY))
		kith_session_answer(c, s, request->id, KITH_STATUS_NOT_FOUND, nothing);
	else
		__real_kith_replica_on_find(c, s, request);
}

/* Whether the records of a notice are of a name that something is known of. */
static bool has_older(const struct kith_core *c, const struct kith_request *request)
{
	struct kith_msg_room room;
	struct kith_msg_notice m;
	struct kith_record record;
	return kith_msg_notice_read(&m, &room, request->body) == 0 && m.records.n > 0 &&
	       kith_record_parse(&record, m.records.at[0]) == 0 &&
	       kith_store_get(&c->super->store, &record.key) != NULL;
}

void __wrap_kith_replica_on_notice(struct kith_core *c, struct kith_session *s, const struct kith_request *request)
{
	if (lies(c, KITH_SIM_LIE_OMIT) || (lies(c, KITH_SIM_LIE_STALE) && has_older(c, request)))
		kith_session_answer(c, s, request->id, KITH_STATUS_OK, nothing);
	else
		__real_kith_replica_on_notice(c, s, request);
}

/* Whether it brought a record for that session before; it will have. Another session may pass for it, seldom. */
static bool has_brought(struct kith_core *c, uint32_t leaf)
{
	const struct kith_simnode *n = kith_sim_node_of(c);
	struct kith_sim *sim = kith_sim_of(n);
	uint32_t hash = leaf ^ n->id * 2654435761u;
	uint64_t *word = &sim->brought[hash / 64 % KITH_SIM_BROUGHT];
	uint64_t bit = UINT64_C(1) << hash % 64;
	bool before = (*word & bit) != 0;
	*word |= bit;
	return before;
}

bool __wrap_kith_publish_bring(struct kith_core *c, uint32_t leaf, const struct kith_id *key, uint8_t kind,
			       struct kith_span bytes, uint32_t copies[KITH_KEEPERS_MAX])
{
	const struct kith_session *s = leaf != 0 ? kith_sessions_get(&c->sessions, leaf) : NULL;
	bool stale = s != NULL && lies(c, KITH_SIM_LIE_STALE) && has_brought(c, leaf);
	if (leaf == 0 || !(stale || lies(c, KITH_SIM_LIE_OMIT)))
		return __real_kith_publish_bring(c, leaf, key, kind, bytes, copies);
	return false;
}

/* An entry with another address, signed by the liar: it has no other key. */
static struct kith_span poisoned(struct kith_core *c, const struct kith_member *m, uint8_t out[KITH_MEMBER_LEN_MAX])
{
	struct kith_member_entry e;
	int n = kith_member_parse(&e, kith_member_entry_bytes(m));
	e.endpoints_n = 1;
	e.endpoints[0].addr.port = 9;
	e.endpoints[0].addr.ip[3] ^= 0x55;
	e.seq++;
	e.expires_ms++;
	if (n == 0)
		n = kith_member_make(c->suite, out, &e, c->self.sign_sk);
	return (struct kith_span){ out, n > 0 ? (size_t)n : 0 };
}

void __wrap_kith_super_on_members(struct kith_core *c, struct kith_session *s, const struct kith_request *request)
{
	const struct kith_member *picked[KITH_MEMBERS_TOLD_MAX];
	uint8_t bytes[KITH_MEMBERS_TOLD_MAX][KITH_MEMBER_LEN_MAX], body[KITH_ANSWER_MAX];
	struct kith_span entries[KITH_MEMBERS_TOLD_MAX];
	if (ignores(c, s))
		return;
	if (!lies(c, KITH_SIM_LIE_POISON)) {
		__real_kith_super_on_members(c, s, request);
		return;
	}
	uint32_t n = kith_members_pick(&c->super->members, c->random, c->now.mono_us, &c->super->id, picked,
				       KITH_MEMBERS_TOLD_MAX);
	for (uint32_t i = 0; i < n; i++)
		entries[i] = poisoned(c, picked[i], bytes[i]);
	const struct kith_msg_named named = { .entries = { entries, n } };
	size_t len = kith_msg_named_write(body, sizeof body, &named);
	kith_session_answer(c, s, request->id, KITH_STATUS_OK, (struct kith_span){ body, len });
}

void __wrap_kith_interests_on_request(struct kith_core *c, struct kith_session *s, const struct kith_request *request)
{
	if (!ignores(c, s))
		__real_kith_interests_on_request(c, s, request);
}

void __wrap_kith_tunnels_on_request(struct kith_core *c, struct kith_session *s, const struct kith_request *request,
				    struct kith_span *own)
{
	if (!ignores(c, s))
		__real_kith_tunnels_on_request(c, s, request, own);
}

/* ---- revocation lists ---- */

struct kith_span __wrap_kith_bulletin_tell(struct kith_core *c, unsigned partner, uint64_t sum, size_t max, bool *all,
					   uint8_t out[KITH_EDITIONS_LEN_MAX]);
struct kith_span __real_kith_bulletin_tell(struct kith_core *c, unsigned partner, uint64_t sum, size_t max, bool *all,
					   uint8_t out[KITH_EDITIONS_LEN_MAX]);

/* A forger's numbers are too high, and it says so in every exchange. */
struct kith_span __wrap_kith_bulletin_tell(struct kith_core *c, unsigned partner, uint64_t sum, size_t max, bool *all,
					   uint8_t out[KITH_EDITIONS_LEN_MAX])
{
	bool forges = lies(c, KITH_SIM_LIE_FORGE);
	struct kith_span told = __real_kith_bulletin_tell(c, partner, forges ? 1 : sum, max, all, out);
	for (size_t at = 0; forges && at < told.len;
	     at += (out[at] & KITH_POSTED_DIGEST) != 0 ? KITH_EDITION_LEN_MAX : KITH_EDITION_LEN)
		out[at + 1 + KITH_ISSUER_ID_LEN + 1] =
			(uint8_t)(1 + c->super->exchanges % 255); /* another one each time */
	return lies(c, KITH_SIM_LIE_HOARD) ? nothing : told;
}

void __wrap_kith_bulletin_on_list(struct kith_core *c, struct kith_session *s, const struct kith_request *request)
{
	if (lies(c, KITH_SIM_LIE_HOARD))
		kith_session_answer(c, s, request->id, KITH_STATUS_NOT_FOUND, nothing);
	else
		__real_kith_bulletin_on_list(c, s, request);
}

void __wrap_kith_bulletin_look(struct kith_core *c, struct kith_session *s)
{
	if (!lies(c, KITH_SIM_LIE_HOARD))
		__real_kith_bulletin_look(c, s);
}

/* ---- news ---- */

static bool tells(const struct kith_core *c)
{
	return !lies(c, KITH_SIM_LIE_WITHHOLD);
}

void __wrap_kith_notify_one(struct kith_core *c, uint32_t session, const struct kith_id *key,
			    const struct kith_msg_notice *notice)
{
	if (tells(c))
		__real_kith_notify_one(c, session, key, notice);
}

void __wrap_kith_notify_all(struct kith_core *c, const struct kith_watches *ws, const struct kith_id *key,
			    const struct kith_msg_notice *notice, enum kith_whom whom)
{
	if (tells(c))
		__real_kith_notify_all(c, ws, key, notice, whom);
}

void __wrap_kith_notify_record(struct kith_core *c, const struct kith_watches *ws, const struct kith_id *key,
			       struct kith_span record)
{
	if (tells(c))
		__real_kith_notify_record(c, ws, key, record);
}

void __wrap_kith_notify_vanished(struct kith_core *c, const struct kith_watches *ws, const struct kith_id *key,
				 const uint8_t *guard, struct kith_span report)
{
	if (tells(c))
		__real_kith_notify_vanished(c, ws, key, guard, report);
}

void __wrap_kith_notify_pass_on(struct kith_core *c, struct kith_session *s, const struct kith_msg_notice *m)
{
	if (tells(c))
		__real_kith_notify_pass_on(c, s, m);
}

/* ---- vanish reports ---- */

/* Forged: well made, but not signed. Each member is to tell those who watch. */
static void tell_forged(struct kith_core *c, const struct kith_id *key, struct kith_span report)
{
	const struct kith_member *picked[KITH_MEMBERS_TOLD_MAX];
	uint8_t body[KITH_REQUEST_MAX];
	const struct kith_msg_notice m = { .has_key = true, .key = *key, .vanished = { &report, 1 } };
	size_t len = kith_msg_notice_write(body, sizeof body, &m);
	uint32_t n = kith_members_pick(&c->super->members, c->random, c->now.mono_us, &c->super->id, picked,
				       KITH_MEMBERS_TOLD_MAX);
	for (uint32_t i = 0; i < n; i++) {
		struct kith_host host;
		uint32_t session;
		kith_member_host(picked[i], &host);
		int err = kith_connect_request(c, &host, KITH_USE_MEMBER, KITH_REQ_NOTIFY,
					       (struct kith_span){ body, len }, kith_token(KITH_TOKEN_IGNORE, 0),
					       &session);
		(void)err; /* the next attach does it again */
	}
}

/* The leaf that has just attached has vanished. */
static void report_vanished(struct kith_core *c, const struct kith_attached *leaf)
{
	struct kith_record record;
	struct kith_vanish vanish = { .at_ms = c->now.unix_ms };
	uint8_t bytes[KITH_VANISH_LEN_MAX];
	if (leaf->record == NULL || kith_record_parse(&record, kith_blob_span(leaf->record)) != 0)
		return;
	vanish.key = record.key;
	vanish.device = record.device;
	vanish.seq = record.seq;
	memcpy(vanish.home.b, c->self.sign_pk, KITH_KEY_LEN);
	int n = kith_vanish_make(c->suite, bytes, &vanish, c->self.sign_sk);
	if (n < 0)
		return;
	const struct kith_span span = { bytes, (size_t)n };
	(void)kith_replica_vanished(c, NULL, span);
	(void)__real_kith_publish_bring(c, 0, &record.key, KITH_REQ_VANISH, span, NULL);
	bytes[n - 1] ^= 1;
	tell_forged(c, &record.key, span);
}

void __wrap_kith_attach_on_request(struct kith_core *c, struct kith_session *s, const struct kith_request *request)
{
	__real_kith_attach_on_request(c, s, request);
	if (lies(c, KITH_SIM_LIE_VANISH) && (s->use & KITH_USE_LEAF) != 0)
		report_vanished(c, s->attached);
}

/* ---- leaves ---- */

void __wrap_kith_leaf_publish(struct kith_core *c, bool news)
{
	struct kith_host homes[KITH_HOMES];
	struct kith_addr own = kith_sim_node_of(c)->public;
	own.port = kith_sim_node_of(c)->local.port;
	for (size_t i = 0; i < KITH_HOMES; i++) {
		struct kith_host *host = &c->leaf.homes[i].host;
		homes[i] = *host;
		if (kith_sim_node_of(c)->spies && host->endpoints_n > 0) {
			struct kith_addr trap = kith_sim_trap_of(kith_sim_node_of(c));
			host->endpoints_n = 2;
			host->endpoints[1] = host->endpoints[0];
			host->endpoints[0] = kith_endpoint_udp(&trap);
		}
		if (kith_sim_node_of(c)->lies == 0)
			continue;
		c->leaf.homes[i].host.endpoints_n = 1;
		c->leaf.homes[i].host.endpoints[0] = kith_endpoint_udp(&own);
	}
	__real_kith_leaf_publish(c, news);
	for (size_t i = 0; i < KITH_HOMES; i++)
		c->leaf.homes[i].host = homes[i];
}
