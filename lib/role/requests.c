#include "role/requests.h"

#include "role/attach.h"
#include "role/challenge.h"
#include "role/dial.h"
#include "role/interests.h"
#include "role/leaf.h"
#include "role/members.h"
#include "role/notify.h"
#include "role/publish.h"
#include "role/query.h"
#include "role/relays.h"
#include "role/replica.h"
#include "role/tunnels.h"
#include "role/watching.h"

static const struct kith_span nothing = { NULL, 0 };

static void on_ping(struct kith_core *c, struct kith_session *s, const struct kith_request *request)
{
	kith_session_answer(c, s, request->id, KITH_STATUS_OK, nothing);
}

static void on_rekey(struct kith_core *c, struct kith_session *s, const struct kith_request *request)
{
	struct kith_unpacked pk;
	uint64_t epoch;
	uint8_t theirs[32], ours[32], body[64];
	uint8_t status = KITH_STATUS_MALFORMED;
	struct kith_packer out;
	kith_packer_init(&out, body, sizeof body);
	if (kith_unpack_parse(&pk, request->body) == 0 &&
	    kith_unpack_get_uint(&pk, kith_unpack_root(&pk), KITH_B_REKEY_EPOCH, 255, &epoch) &&
	    kith_unpack_get_fixed(&pk, kith_unpack_root(&pk), KITH_B_REKEY_KEY, theirs, sizeof theirs)) {
		int err = kith_rekey_answer(s, &c->self, c->alloc, c->now.mono_us, epoch, theirs, ours);
		status = err == 0 ? KITH_STATUS_OK : err == KITH_EEXIST ? KITH_STATUS_STALE : KITH_STATUS_FAILED;
		if (err == 0) {
			kith_pack_map(&out, 1);
			kith_pack_key(&out, KITH_B_REKEY_KEY);
			kith_pack_bytes(&out, ours, sizeof ours);
		}
	}
	kith_session_answer(c, s, request->id, status, (struct kith_span){ body, out.len });
}

static void on_rekeyed(struct kith_core *c, struct kith_session *s, const struct kith_answer *answer)
{
	struct kith_unpacked pk;
	uint8_t theirs[32];
	if (answer->err == 0 && kith_unpack_parse(&pk, answer->body) == 0 &&
	    kith_unpack_get_fixed(&pk, kith_unpack_root(&pk), KITH_B_REKEY_KEY, theirs, sizeof theirs) &&
	    kith_rekey_finish(s, &c->self, c->now.mono_us, theirs) == 0)
		kith_stats_add(c->stats, KITH_STAT_REKEYS, 1);
	else
		kith_rekey_abandon(s, c->now.mono_us);
}

/* Whether a letter of KITH_REQUEST_MAP holds for a session. */
static bool is_asker(const struct kith_core *c, const struct kith_session *s, char letter)
{
	bool infrastructure = !(s->use & KITH_USE_PEER), supernode = s->role == KITH_ROLE_SUPERNODE;
	switch (letter) {
	case 'C':
		return infrastructure && c->super != NULL;
	case 'S':
		return infrastructure && c->super != NULL && supernode;
	case 'T':
		return infrastructure && supernode;
	case 'H':
		return (s->use & KITH_USE_HOME) != 0;
	case 'P':
		return !infrastructure;
	case 'O': /* keys cannot be changed before there are any */
		return s->state == KITH_SESSION_OPEN;
	default:
		return letter == 'A';
	}
}

static const char *askers_of(uint8_t kind)
{
	switch ((enum kith_request_kind)kind) {
#define KITH_REQUEST_CASE(name, value, who)                                                                            \
	case KITH_REQ_##name:                                                                                          \
		return who;
		KITH_REQUEST_MAP(KITH_REQUEST_CASE)
#undef KITH_REQUEST_CASE
	}
	return "A"; /* unknown kinds get their own answer */
}

static bool allowed(const struct kith_core *c, const struct kith_session *s, uint8_t kind)
{
	for (const char *letter = askers_of(kind); *letter != '\0'; letter++) {
		if (is_asker(c, s, *letter))
			return true;
	}
	return false;
}

static void serve(struct kith_core *c, struct kith_session *s, const struct kith_request *request)
{
	switch ((enum kith_request_kind)request->kind) {
	case KITH_REQ_ATTACH:
		kith_attach_on_request(c, s, request);
		return;
	case KITH_REQ_DETACH:
		kith_attach_on_detach(c, s, request);
		return;
	case KITH_REQ_LOOKUP:
		kith_query_on_lookup(c, s, request);
		return;
	case KITH_REQ_FIND:
	case KITH_REQ_WATCH:
		kith_replica_on_find(c, s, request);
		return;
	case KITH_REQ_SUBSCRIBE:
		kith_interests_on_request(c, s, request);
		return;
	case KITH_REQ_INTRODUCE:
		kith_tunnels_on_request(c, s, request);
		return;
	case KITH_REQ_NOTIFY:
		kith_notify_on_request(c, s, request);
		return;
	case KITH_REQ_LEAVE:
		kith_leaf_on_leave(c, s, request);
		return;
	case KITH_REQ_TUNNEL_CLOSE:
		kith_relays_on_close(c, s, request);
		return;
	case KITH_REQ_STORE:
	case KITH_REQ_VANISH:
		kith_replica_on_news(c, s, request);
		return;
	case KITH_REQ_GOSSIP:
		kith_super_on_gossip(c, s, request);
		return;
	case KITH_REQ_MEMBERS:
		kith_super_on_members(c, s, request);
		return;
	case KITH_REQ_REKEY:
		on_rekey(c, s, request);
		return;
	case KITH_REQ_CHALLENGE:
		kith_challenge_on_request(c, s, request);
		return;
	case KITH_REQ_PING:
		on_ping(c, s, request);
		return;
	}
	kith_session_answer(c, s, request->id, KITH_STATUS_UNKNOWN, nothing);
}

uint16_t kith_core_on_request(struct kith_core *c, struct kith_session *s, struct kith_span body)
{
	struct kith_request request;
	struct kith_path_env env = kith_env(c, s);
	switch (kith_request_on_request(&s->requests, &env, c->now.mono_us, body, &request)) {
	case KITH_REQUEST_NEW:
		break;
	case KITH_REQUEST_MALFORMED:
		kith_stats_add(c->stats, KITH_STAT_DROP_MALFORMED_FRAME, 1);
		return 0;
	case KITH_REQUEST_REPEATED:
	case KITH_REQUEST_DROPPED:
		return 0;
	}
	if (allowed(c, s, request.kind))
		serve(c, s, &request);
	else
		kith_session_answer(c, s, request.id, KITH_STATUS_NOT_ALLOWED, nothing);
	return request.id;
}

void kith_core_answered(struct kith_core *c, struct kith_session *s, const struct kith_answer *answer)
{
	switch (kith_token_kind(answer->token)) {
	case KITH_TOKEN_IGNORE:
	case KITH_TOKEN_LEAVE:
	case KITH_TOKEN_PING:
		return;
	case KITH_TOKEN_ATTACH:
		kith_leaf_on_attached(c, s, answer);
		return;
	case KITH_TOKEN_LOOKUP:
		kith_dial_on_found(c, answer);
		return;
	case KITH_TOKEN_INTRODUCE:
		kith_relays_on_answer(c, s, answer);
		return;
	case KITH_TOKEN_QUERY:
		kith_query_on_answer(c, s, answer);
		return;
	case KITH_TOKEN_STORE:
		kith_publish_on_answer(c, s, answer);
		return;
	case KITH_TOKEN_GOSSIP:
		kith_super_on_gossiped(c, s, answer);
		return;
	case KITH_TOKEN_SUBSCRIBE:
		kith_watching_on_answer(c, answer);
		return;
	case KITH_TOKEN_REKEY:
		on_rekeyed(c, s, answer);
		return;
	case KITH_TOKEN_CHALLENGE:
		kith_challenge_on_answer(c, s, answer);
		return;
	case KITH_TOKEN_REFRESH:
		kith_dial_on_refreshed(c, answer);
		return;
	}
}

void kith_core_on_answer(struct kith_core *c, struct kith_session *s, struct kith_span body)
{
	struct kith_answer answer;
	struct kith_path_env env = kith_env(c, s);
	if (kith_request_on_answer(s->requests, &env, c->now.mono_us, body, &answer))
		kith_core_answered(c, s, &answer);
}
