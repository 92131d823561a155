#include "core/requests.h"

#include "call/admit.h"
#include "call/challenge.h"
#include "call/dial.h"
#include "call/early.h"
#include "call/follow.h"
#include "call/relays.h"
#include "leaf/audit.h"
#include "leaf/beyond.h"
#include "leaf/candidacy.h"
#include "leaf/gauge.h"
#include "leaf/homes.h"
#include "leaf/hosts.h"
#include "leaf/moving.h"
#include "leaf/promotion.h"
#include "leaf/watching.h"
#include "link/lists.h"
#include "link/rekey.h"
#include "link/renewed.h"
#include "super/attach.h"
#include "super/bulletin.h"
#include "super/echo.h"
#include "super/help.h"
#include "super/interests.h"
#include "super/knock.h"
#include "super/members.h"
#include "super/notify.h"
#include "super/partners.h"
#include "super/publish.h"
#include "super/query.h"
#include "super/replica.h"
#include "super/seek.h"
#include "super/sponsor.h"
#include "super/tunnels.h"
#include "super/vouch.h"
#include "super/witness.h"

static const struct kith_span nothing = { NULL, 0 };

/* NOTIFY, from a replica to this home or from a home to this leaf: for our own application, and for leaves of ours. */
static void on_notify(struct kith_core *c, struct kith_session *s, const struct kith_request *request)
{
	struct kith_msg_room room;
	struct kith_msg_notice m;
	if (kith_msg_notice_read(&m, &room, request->body) != 0 || !m.has_key) {
		kith_session_answer(c, s, request->id, KITH_STATUS_MALFORMED, nothing);
		return;
	}
	kith_session_answer(c, s, request->id, KITH_STATUS_OK, nothing);
	kith_watching_notice(c, s, m.records, m.vanished);
	kith_watching_newest(c, s, &m);
	if (kith_serves(c))
		kith_notify_pass_on(c, s, &m);
}

/* Whether a letter of KITH_REQUEST_MAP holds for a session. */
static bool is_asker(struct kith_core *c, struct kith_session *s, char letter)
{
	bool infrastructure = !(s->use & KITH_USE_PEER), supernode = s->role == KITH_ROLE_SUPERNODE;
	switch (letter) {
	case 'C':
		return infrastructure && kith_serves(c);
	case 'S':
		return infrastructure && kith_serves(c) && supernode;
	case 'T':
		return infrastructure && supernode;
	case 'H':
		return (s->use & KITH_USE_HOME) != 0;
	case 'W':
		return kith_candidacy_witnessed(c, s);
	case 'P':
		return !infrastructure;
	case 'O': /* keys cannot be changed before there are any */
		return s->state == KITH_SESSION_OPEN;
	default:
		return false;
	}
}

static bool allowed(struct kith_core *c, struct kith_session *s, uint8_t kind)
{
	const char *askers = kith_request_askers(kind);
	if (askers == NULL)
		return true; /* to be told that it is unknown */
	for (const char *letter = askers; *letter != '\0'; letter++) {
		if (is_asker(c, s, *letter))
			return true;
	}
	return false;
}

/* Charges whoever asks. False: it has spent what it had, and was told. */
static bool charged(struct kith_core *c, struct kith_session *s, const struct kith_request *request)
{
	enum kith_charge charge;
	if (!kith_request_charged(request->kind, &charge) ||
	    kith_allowance_spend(&c->allowance, c->now.mono_us, kith_session_payer(c, s), charge))
		return true;
	kith_stats_add(c->stats, KITH_STAT_REQUESTS_LIMITED, 1);
	if (s->role == KITH_ROLE_SUPERNODE)
		kith_stats_add(c->stats, KITH_STAT_SUPERNODES_LIMITED, 1);
	KITH_LOG(c->log, KITH_LOG_DEBUG, "request_limited session=%08x kind=%u", s->index, request->kind);
	kith_session_answer(c, s, request->id, KITH_STATUS_LIMITED, nothing);
	return false;
}

/* A member asks, or a home. */
static void on_knock(struct kith_core *c, struct kith_session *s, const struct kith_request *request)
{
	if (kith_serves(c))
		kith_knock_on_request(c, s, request);
	else
		kith_candidacy_on_knock_asked(c, s, request);
}

/* A member asks for a leaf of ours, or a home for us. */
static void on_help(struct kith_core *c, struct kith_session *s, const struct kith_request *request)
{
	if (kith_serves(c) && (s->use & KITH_USE_HOME) == 0)
		kith_seek_on_help(c, s, request);
	else
		kith_promotion_on_request(c, s, request);
}

/* What only a supernode is asked for (C and S of KITH_REQUEST_MAP). */
static void serve_as_supernode(struct kith_core *c, struct kith_session *s, const struct kith_request *request,
			       struct kith_span *own)
{
	static const struct {
		uint8_t kind;
		void (*serve)(struct kith_core *c, struct kith_session *s, const struct kith_request *request);
	} of[] = {
		{ KITH_REQ_ATTACH, kith_attach_on_request },	   { KITH_REQ_LOOKUP, kith_query_on_lookup },
		{ KITH_REQ_FIND, kith_replica_on_find },	   { KITH_REQ_WATCH, kith_replica_on_find },
		{ KITH_REQ_SUBSCRIBE, kith_interests_on_request }, { KITH_REQ_MEMBERS, kith_super_on_members },
		{ KITH_REQ_ATTEST, kith_sponsor_on_attest },	   { KITH_REQ_ELECTED, kith_vouch_on_elected },
		{ KITH_REQ_WITNESS, kith_witness_on_request },	   { KITH_REQ_LIST, kith_bulletin_on_list },
		{ KITH_REQ_STORE, kith_replica_on_notice },	   { KITH_REQ_VANISH, kith_replica_on_notice },
		{ KITH_REQ_GOSSIP, kith_partners_on_gossip },	   { KITH_REQ_NOMINATE, kith_seek_on_nominate },
		{ KITH_REQ_ADMIT, kith_tunnels_on_admit },	   { KITH_REQ_ECHO, kith_echo_on_request },
	};
	if (request->kind == KITH_REQ_INTRODUCE)
		kith_tunnels_on_request(c, s, request, own);
	for (size_t i = 0; i < sizeof of / sizeof of[0]; i++) {
		if (of[i].kind == request->kind)
			of[i].serve(c, s, request);
	}
}

/* What has to do with serving, and is asked of whoever does not yet. */
static void serve_as_candidate(struct kith_core *c, struct kith_session *s, const struct kith_request *request)
{
	if (request->kind == KITH_REQ_HELP)
		on_help(c, s, request);
	else if (request->kind == KITH_REQ_MOVE)
		kith_moving_on_request(c, s, request);
	else if (request->kind == KITH_REQ_MEASURE)
		kith_candidacy_on_measure(c, s, request);
	else if (request->kind == KITH_REQ_ATTESTED)
		kith_candidacy_on_attested(c, s, request);
	else
		on_knock(c, s, request);
}

/* What the two ends of a call ask each other. */
static void serve_peer(struct kith_core *c, struct kith_session *s, const struct kith_request *request)
{
	if (request->kind == KITH_REQ_FOLLOW)
		kith_follow_on_request(c, s, request);
	else if (request->kind == KITH_REQ_EARLY)
		kith_early_on_request(c, s, request);
	else
		kith_challenge_on_request(c, s, request);
}

static void serve(struct kith_core *c, struct kith_session *s, const struct kith_request *request,
		  struct kith_span *own)
{
	switch ((enum kith_request_kind)request->kind) {
	case KITH_REQ_ATTACH:
	case KITH_REQ_LOOKUP:
	case KITH_REQ_FIND:
	case KITH_REQ_WATCH:
	case KITH_REQ_SUBSCRIBE:
	case KITH_REQ_INTRODUCE:
	case KITH_REQ_MEMBERS:
	case KITH_REQ_ATTEST:
	case KITH_REQ_ELECTED:
	case KITH_REQ_WITNESS:
	case KITH_REQ_LIST:
	case KITH_REQ_STORE:
	case KITH_REQ_VANISH:
	case KITH_REQ_GOSSIP:
	case KITH_REQ_NOMINATE:
	case KITH_REQ_ADMIT:
	case KITH_REQ_ECHO:
		if (kith_serves(c))
			serve_as_supernode(c, s, request, own);
		return;
	case KITH_REQ_NOTIFY:
		on_notify(c, s, request);
		return;
	case KITH_REQ_LEAVE:
		kith_homes_on_leave(c, s, request);
		return;
	case KITH_REQ_TUNNEL_CLOSE:
		kith_relays_on_close(c, s, request);
		if (kith_serves(c))
			kith_tunnels_on_close(c, s, request);
		return;
	case KITH_REQ_HELP:
	case KITH_REQ_MOVE:
	case KITH_REQ_MEASURE:
	case KITH_REQ_ATTESTED:
	case KITH_REQ_KNOCK:
		serve_as_candidate(c, s, request);
		return;
	case KITH_REQ_EDITIONS:
		kith_lists_on_editions(c, s, request);
		return;
	case KITH_REQ_FOLLOW:
	case KITH_REQ_EARLY:
	case KITH_REQ_CHALLENGE:
		serve_peer(c, s, request);
		return;
	case KITH_REQ_RENEWED:
		kith_renewed_on_request(c, s, request);
		return;
	case KITH_REQ_REKEY:
		kith_rekey_on_request(c, s, request);
		return;
	}
	kith_session_answer(c, s, request->id, KITH_STATUS_UNKNOWN, nothing);
}

uint16_t kith_core_on_request(struct kith_core *c, struct kith_session *s, struct kith_span body, struct kith_span *own)
{
	*own = nothing;
	struct kith_request request;
	switch (kith_request_on_request(&s->requests, kith_env(c, s), body, &request)) {
	case KITH_REQUEST_NEW:
		break;
	case KITH_REQUEST_MALFORMED:
		kith_stats_add(c->stats, KITH_STAT_DROP_MALFORMED_FRAME, 1);
		return 0;
	case KITH_REQUEST_REPEATED:
	case KITH_REQUEST_DROPPED:
		return 0;
	}
	if (!allowed(c, s, request.kind))
		kith_session_answer(c, s, request.id, KITH_STATUS_NOT_ALLOWED, nothing);
	else if (charged(c, s, &request))
		serve(c, s, &request, own);
	return request.id;
}

static void news_answered(struct kith_core *c, struct kith_session *s, const struct kith_answer *answer)
{
	if (kith_token_kind(answer->token) == KITH_TOKEN_LIST)
		kith_lists_on_answer(c, s, answer);
	else if (kith_token_kind(answer->token) == KITH_TOKEN_RENEWED)
		kith_renewed_on_answer(c, s, answer);
	else if (kith_token_kind(answer->token) == KITH_TOKEN_REKEY)
		kith_rekey_on_answer(c, s, answer);
	else
		kith_bulletin_on_told(c, s, answer);
}

static void watching_answered(struct kith_core *c, struct kith_session *s, const struct kith_answer *answer)
{
	if (kith_token_kind(answer->token) == KITH_TOKEN_SUBSCRIBE)
		kith_watching_on_answer(c, s, answer);
	else
		kith_watching_on_control(c, s, answer);
}

static void audit_answered(struct kith_core *c, struct kith_session *s, const struct kith_answer *answer)
{
	if (kith_token_kind(answer->token) == KITH_TOKEN_BEYOND) {
		kith_dial_on_beyond(c, answer);
	} else {
		kith_audit_on_answer(c, s, answer);
		kith_homes_wake(c, c->leaf.audit.at);
	}
	kith_beyond_answered(c, s);
}

static void supernodes_answered(struct kith_core *c, struct kith_session *s, const struct kith_answer *answer)
{
	const bool echo = kith_token_kind(answer->token) == KITH_TOKEN_ECHO;
	if (echo && kith_serves(c))
		kith_echo_on_answer(c, answer);
	else if (echo)
		kith_gauge_on_answer(c, answer);
	else if (kith_hosts_on_members(c, s, answer))
		kith_homes_wake(c, c->now.mono_us);
}

static void election_answered(struct kith_core *c, struct kith_session *s, const struct kith_answer *answer)
{
	const enum kith_token_kind kind = kith_token_kind(answer->token);
	if (kind == KITH_TOKEN_HELP)
		kith_help_on_answer(c, s, answer);
	else if (kind == KITH_TOKEN_ATTEST)
		kith_candidacy_on_asked(c, answer);
	else if (kind == KITH_TOKEN_WITNESS)
		kith_witness_on_answer(c, s, answer);
	else if (kind == KITH_TOKEN_VOUCH)
		kith_vouch_on_answer(c, s, answer);
	else if (kind == KITH_TOKEN_NOMINATE)
		kith_help_on_nominated(c, answer);
	else if (kind == KITH_TOKEN_SOUGHT)
		kith_help_on_sought(c, answer);
	else
		kith_seek_on_passed(c, s, answer);
}

static void attached(struct kith_core *c, struct kith_session *s, const struct kith_answer *answer)
{
	kith_homes_on_attached(c, s, answer);
	kith_admit_tell(c, s);
}

static void introduced(struct kith_core *c, struct kith_session *s, const struct kith_answer *answer)
{
	if (kith_token_kind(answer->token) == KITH_TOKEN_INTRODUCE)
		kith_relays_on_answer(c, s, answer);
	else if (kith_serves(c))
		kith_tunnels_on_chained(c, s, answer);
}

void kith_core_answered(struct kith_core *c, struct kith_session *s, const struct kith_answer *answer)
{
	switch (kith_token_kind(answer->token)) {
	case KITH_TOKEN_IGNORE:
		return;
	case KITH_TOKEN_ATTACH:
		attached(c, s, answer);
		return;
	case KITH_TOKEN_ECHO:
	case KITH_TOKEN_MEMBERS:
		supernodes_answered(c, s, answer);
		return;
	case KITH_TOKEN_LOOKUP:
		kith_dial_on_found(c, s, answer);
		return;
	case KITH_TOKEN_AUDIT:
	case KITH_TOKEN_BEYOND:
		audit_answered(c, s, answer);
		return;
	case KITH_TOKEN_INTRODUCE:
	case KITH_TOKEN_CHAIN:
		introduced(c, s, answer);
		return;
	case KITH_TOKEN_QUERY:
		kith_query_on_answer(c, s, answer);
		return;
	case KITH_TOKEN_STORE:
		kith_publish_on_answer(c, s, answer);
		return;
	case KITH_TOKEN_GOSSIP:
		kith_partners_on_gossiped(c, s, answer);
		return;
	case KITH_TOKEN_SUBSCRIBE:
	case KITH_TOKEN_CONTROL:
		watching_answered(c, s, answer);
		return;
	case KITH_TOKEN_CHALLENGE:
		kith_challenge_on_answer(c, s, answer);
		return;
	case KITH_TOKEN_REFRESH:
		kith_dial_on_refreshed(c, answer);
		return;
	case KITH_TOKEN_HELP:
	case KITH_TOKEN_ATTEST:
	case KITH_TOKEN_WITNESS:
	case KITH_TOKEN_NOMINATE:
	case KITH_TOKEN_SOUGHT:
	case KITH_TOKEN_PASSED:
	case KITH_TOKEN_VOUCH:
		election_answered(c, s, answer);
		return;
	case KITH_TOKEN_LIST:
	case KITH_TOKEN_EDITIONS:
	case KITH_TOKEN_RENEWED:
	case KITH_TOKEN_REKEY:
		news_answered(c, s, answer);
		return;
	}
}

void kith_core_on_answer(struct kith_core *c, struct kith_session *s, struct kith_span body)
{
	struct kith_answer answer;
	if (kith_request_on_answer(s->requests, kith_env(c, s), body, &answer))
		kith_core_answered(c, s, &answer);
}
