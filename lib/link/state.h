/* The state of one core. lib/super, lib/leaf, lib/call and lib/link act upon it; lib/core drives them.
 *
 * Everything here belongs to one core and one thread; now is the time of the call under way.
 */
#ifndef KITH_LINK_STATE_H
#define KITH_LINK_STATE_H

#include <kith/core.h>

#include "base/blob.h"
#include "base/effects.h"
#include "base/list.h"
#include "base/log.h"
#include "base/stats.h"
#include "base/wall.h"
#include "identity/followed.h"
#include "identity/contacts.h"
#include "identity/keypair.h"
#include "identity/posted.h"
#include "identity/trust.h"
#include "link/state_super.h"
#include "overlay/election.h"
#include "overlay/gossip.h"
#include "overlay/hostcache.h"
#include "overlay/members.h"
#include "overlay/office.h"
#include "overlay/qualify.h"
#include "overlay/suspicion.h"
#include "path/transports.h"
#include "presence/held.h"
#include "presence/replicas.h"
#include "presence/store.h"
#include "presence/watch.h"
#include "relay/fwd.h"
#include "session/allowance.h"
#include "session/guard.h"
#include "session/sessions.h"
#include "stream/stream.h"
#include "wire/attest.h"
#include "wire/busy.h"
#include "wire/message.h"
#include "wire/outbox.h"
#include "wire/record.h"

#define KITH_SERVICES_MAX 16
#define KITH_OPS_MAX 64 /* local: calls and look-ups under way */
#define KITH_DIAL_DEVICES_MAX 8 /* devices of one name */
#define KITH_WATCHED_MAX 256 /* local: names an application watches; one home carries them */

struct kith_shared {
	const struct kith_alloc *alloc;
	const struct kith_random *random;
	struct kith_outbox outbox;
	struct kith_blobs blobs;
	struct kith_seen told; /* kith_path_env.told, of the core that acts */
	struct kith_event *events; /* ring; NULL at rest, and then the queue is as one that is full */
	uint32_t events_max, events_head, events_n;
};

enum kith_timer_kind {
	KITH_TIMER_SESSION,
	KITH_TIMER_LEAF,
	KITH_TIMER_SUPERNODE,
	KITH_TIMER_OP,
	KITH_TIMER_QUERY,
	KITH_TIMER_WATCHING,
	KITH_TIMER_SAVE,
	KITH_TIMER_LEAVE,
	KITH_TIMER_EFFECTS,
	KITH_TIMER_CERTS, /* certificates that expire */
	KITH_TIMER_CUT, /* what sessions that ended left unread */
	KITH_TIMER_WITNESS, /* candidates that this supernode measures */
	KITH_TIMER_CANDIDACY,
	KITH_TIMER_SPREAD,
	KITH_TIMER_LISTENING
};

/* The owner of an effect: its outcome goes there (core/outcome.c). */
enum kith_effect_owner {
	KITH_OWNER_NONE, /* nobody waits for it */
	KITH_OWNER_SAVE,
	KITH_OWNER_CONTACTS,
	KITH_OWNER_WITNESS,
	KITH_OWNER_SPREAD,
	KITH_OWNER_LISTENING,
	KITH_OWNER_GAUGE
};

/* What a request was for, the upper 8 bits of its token. The rest is an id or index of the asker's choice. */
enum kith_token_kind {
	KITH_TOKEN_IGNORE, /* the answer changes nothing */
	KITH_TOKEN_ATTACH,
	KITH_TOKEN_MEMBERS,
	KITH_TOKEN_LOOKUP, /* operation */
	KITH_TOKEN_AUDIT, /* low bits of the sequence of our record */
	KITH_TOKEN_BEYOND, /* operation: asked of others than homes */
	KITH_TOKEN_INTRODUCE, /* session that is to be, or to get another relay */
	KITH_TOKEN_QUERY, /* query id, member index */
	KITH_TOKEN_STORE, /* session of the leaf that the record is of, or 0 */
	KITH_TOKEN_GOSSIP,
	KITH_TOKEN_SUBSCRIBE,
	KITH_TOKEN_REKEY,
	KITH_TOKEN_CHALLENGE, /* operation */
	KITH_TOKEN_HELP, /* session of the leaf that was asked */
	KITH_TOKEN_REFRESH, /* session whose peer's homes are looked up again */
	KITH_TOKEN_ATTEST, /* a candidate's home */
	KITH_TOKEN_WITNESS, /* number of the candidate that is measured */
	KITH_TOKEN_LIST, /* first bytes of the signer's id */
	KITH_TOKEN_EDITIONS,
	KITH_TOKEN_RENEWED,
	KITH_TOKEN_NOMINATE, /* which of the members that were asked */
	KITH_TOKEN_SOUGHT, /* HELP, by way of the candidate's home */
	KITH_TOKEN_PASSED, /* session of the leaf that was asked for somebody else */
	KITH_TOKEN_CONTROL, /* what a home knows of a name that is watched */
	KITH_TOKEN_CHAIN, /* our leg of a chained tunnel towards the next supernode */
	KITH_TOKEN_VOUCH, /* a witness that is far; our own entry, by ELECTED */
	KITH_TOKEN_ECHO /* low bits of the number; of a leaf: 0 */
};

static inline uint64_t kith_token(enum kith_token_kind kind, uint64_t value)
{
	return (uint64_t)kind << 56 | (value & ((UINT64_C(1) << 56) - 1));
}

static inline enum kith_token_kind kith_token_kind(uint64_t token)
{
	return (enum kith_token_kind)(token >> 56);
}

static inline uint64_t kith_token_value(uint64_t token)
{
	return token & ((UINT64_C(1) << 56) - 1);
}

/* A peer session of which no path is live (call/outage). */
struct kith_outage {
	kith_time_us since; /* 0: a path is live */
	kith_time_us heard_at; /* when the peer was last heard before that */
	kith_time_us give_up_at;
	kith_time_us retry_at; /* when to look for another way */
	bool told; /* the application knows, and nothing of its data leaves */
};

/* A tunnel towards us that a home of ours lets all packets through (call/admit.h). */
struct kith_admitted {
	uint64_t tunnel; /* 0: none */
	uint32_t home; /* session */
};

/* Early data of a session (call/early). */
struct kith_peer_early {
	struct kith_blob *ours; /* caller: what goes along with the call */
	struct kith_blob *theirs; /* what the other side said early, until the application has taken it */
	bool sent; /* caller: it is in the HELLO */
	bool told; /* of theirs: once for a session */
};

/* What a peer session has beyond others. Hangs off kith_session.peer. */
struct kith_peer {
	char name[KITH_NAME_MAX + 1];
	char service[KITH_SERVICE_MAX + 1];
	struct kith_key identity; /* whom we called, or who calls */
	kith_op op; /* our call, until it opened */
	uint32_t rival; /* both called at once: the session of the other call. The first of the two that opens stays */
	struct kith_session *ring_next; /* while it is in the core's list of calls that ring */
	bool hang_up; /* given up: ends at once when it opens, so that the other side hears of it */
	bool told; /* the application knows of this session, and is told of its end */
	bool want_writable; /* a datagram was refused ... */
	uint16_t want_len; /* ... of so many bytes */
	bool relay_only;
	bool given, gave; /* it gave us its token, we gave ours ... */
	uint64_t gave_number; /* ... which was of that number */
	uint8_t token[KITH_FOLLOW_LEN];
	struct kith_blob *challenge; /* our challenge that is not answered yet */
	struct kith_streams *streams;
	bool had_streams;
	uint8_t stream_generation; /* of the last streams, when had_streams */
	struct kith_host homes[KITH_HOMES]; /* caller: the callee's homes, for further relays */
	uint8_t homes_n, homes_used; /* bitmap of those that were asked */
	uint8_t homes_doubted; /* of those that are not spoken to: no supernodes, or elsewhere, by what one knows */
	struct kith_hop hops[KITH_HOMES]; /* caller: the last tunnels that were opened for it */
	uint8_t hops_n, hops_next;
	uint8_t chain_turn; /* which of our homes is asked next for a chained tunnel */
	struct kith_admitted admitted[KITH_HOMES]; /* the last tunnels that our homes were told to let all through */
	uint8_t admitted_next;
	uint8_t refreshes; /* look-ups for newer homes */
	bool more; /* outbox or events were full before the streams had said all */
	kith_time_us
		linger_until; /* it ends when what streams have finished has arrived, or then; 0: nobody closed it */
	uint16_t linger_reason; /* enum kith_close_reason */
	kith_time_us relay_at; /* when to ask for another relay: the caller, and whoever has lost all paths */
	kith_time_us patience_us; /* how long it is kept without a live path; 0: KITH_PATIENCE_US */
	kith_time_us offer_at; /* our candidates wait for a sounding until then; 0: they do not */
	struct kith_hop near; /* caller: where the callee answered on the local network; family NONE: it did not */
	struct kith_outage outage;
	struct kith_peer_early early;
};

/* What a home knows of a leaf that would serve. */
struct kith_candidate_leaf {
	struct kith_qualification figures; /* as attested; until_ms says how long they hold, 0: there are none */
	kith_time_us since; /* when it asked first */
	kith_time_us attest_at; /* when it may ask for witnesses again */
	kith_time_us unwilling_until; /* it was asked for help in vain */
	bool unsure; /* it shows attestations whose witnesses are looked for */
	uint16_t held_len;
	uint8_t held[KITH_ATTESTS_LEN_MAX]; /* the attestations that figures are of, for other members */
	uint16_t shown_len;
	uint8_t shown[KITH_ATTESTS_LEN_MAX]; /* unsure: those */
};

/* A leaf attached to us. Hangs off kith_session.attached; a supernode has many. */
struct kith_attached {
	struct kith_key identity; /* whose device it is: who pays */
	struct kith_blob *record; /* its presence record or NULL */
	struct kith_blob
		*who; /* KITH_ADMIT_LEN bytes of each identity that may not call it, or, only, that alone may */
	struct kith_id key; /* of that record */
	bool publish : 1; /* we bring it to the replicas */
	bool leaving : 1; /* it said goodbye */
	bool indexed : 1; /* in c->super->attached */
	bool brief : 1; /* wants to be told of records without them */
	bool only : 1;
	uint8_t probes; /* sent since it fell silent */
	uint16_t asked_ms; /* low bits of when it last asked what every leaf asks */
	uint16_t round; /* the last round of super/help in which it was told to go elsewhere */
	uint16_t list_round; /* the round of the lists (kith_lists) that it was told of; 0: none yet */
	struct kith_candidate_leaf *candidate; /* NULL: it never asked to be attested */
	uint32_t copies[KITH_KEEPERS_MAX]; /* kith_member_copy of those that were given the record; 0: none */
};

#define KITH_SPARES 3 /* local: supernodes tried beside those chosen, after failures: many may be gone at once */

enum kith_home_state { KITH_HOME_FREE, KITH_HOME_CONNECTING, KITH_HOME_ATTACHED };

struct kith_home_slot {
	uint8_t state; /* enum kith_home_state */
	bool asking; /* was given a record, and has not said yet that it took it */
	bool doubted; /* has not answered the last request */
	bool took; /* a record of ours */
	uint8_t moves; /* a spare: 1 and the slot of the home that asked to have its place taken; 0: none did */
	uint8_t retry_s; /* it said that it is full: for so long it is not asked; 0: it did not say how long */
	bool caught; /* lying: it is to be replaced */
	uint8_t points; /* for what it failed to do (leaf/caught) */
	uint16_t failed_s; /* low bits of when it failed last */
	uint8_t how; /* enum kith_lie: the last failing */
	bool other; /* in doubt, and looked for by other ways (leaf/reach) */
	bool waits; /* a spare that takes us, until it is known that no home answers (leaf/doubt) */
	uint8_t admit_told; /* admit_number that it was told the callers of; 0: none */
	kith_time_us since; /* when it was chosen; then when it became a home */
	uint32_t session;
	struct kith_host host;
};

/* Whether the directory has our record (leaf/audit). */
struct kith_audit {
	kith_time_us at; /* the next step; NEVER */
	kith_time_us replace_at; /* when another home may be replaced that was not caught */
	uint8_t step; /* enum kith_audit_step */
	uint8_t out; /* questions out */
	uint8_t publishers; /* slots of homes that were to publish this record */
	uint8_t held; /* of those that are given it when the audit is over: what a home does not have it cannot show */
	uint8_t asked, denied; /* of those that were asked for it; that said that it is not there */
	uint8_t failed; /* the publishers, once all homes publish in their place */
	uint8_t turn; /* slot of the home that published the last record alone */
};

#define KITH_SUBSCRIPTIONS 2 /* local: homes that a leaf has its names watched at */

/* A home that a leaf has its names watched at (leaf/subscriptions). */
struct kith_subscription {
	uint32_t session; /* 0: none */
	uint32_t refused; /* session of a home that went on refusing; 0: none did */
	uint8_t refusals; /* in a row */
	kith_time_us since; /* when it took all of them; 0: it did not yet */
};

struct kith_subscriptions {
	struct kith_subscription at[KITH_SUBSCRIPTIONS]; /* the first tells all, the second in brief */
	kith_time_us control_at; /* when the home without one is asked */
};

/* The leaf's half. Every node has one; a supernode's is idle. */
struct kith_leaf {
	struct kith_home_slot homes[KITH_HOMES];
	/* KITH_SPARES that are tried beside them; the first that answer take places in homes. NULL: none is needed. */
	struct kith_home_slot *spares;
	struct kith_hostcache cache;
	struct kith_timer timer;
	unsigned attempts; /* failed in a row: see leaf/turn, leaf/choice */
	uint8_t primary; /* slot of the home that publishes */
	uint8_t asked_hosts; /* slot of the home that was asked last for other supernodes */
	uint8_t hosts_vain, hosts_skipped; /* answers in a row that told nothing new; records since the last question */
	struct kith_blob *record; /* the last one; NULL: none since the start */
	uint64_t record_seq;
	kith_time_us record_at; /* when it was signed */
	kith_time_us publish_at; /* when a changed set of homes is to be signed; NEVER: up to date */
	kith_time_us hosts_at; /* when homes may be asked again for want of a host to try */
	kith_time_us
		fill_at; /* when a home is asked for the cache's sake, since the first had much to do; 0: it is not */
	struct kith_seen seen[KITH_HOMES]; /* where each home sees us */
	struct kith_audit audit;
	struct kith_subscriptions subscriptions;
	kith_time_us guard_at; /* from then on records are guarded: a device that is new can be called at once */
	bool published; /* the directory has this record */
	bool findable; /* PUBLISHED was told, and no ATTACHED with no home since */
	bool reach_asked; /* homes were asked by a better way, and reach_at is when to look what came of it */
	uint8_t reach_vain; /* times in a row that nothing did */
	uint8_t hints_vain; /* hints in a row after which no home saw us elsewhere */
	uint8_t refusals; /* of records by homes, in a row */
	uint8_t brief; /* attachments that ended right away, in a row */
	/* Left behind for the end of the call (here, where they fit): */
	bool serve : 1; /* it is time */
	bool offer : 1; /* our candidates changed */
	bool subscribe : 1; /* a new record: SUBSCRIBE is sent again for what is watched */
	bool caught : 1; /* a home is to be replaced */
	bool remapped : 1; /* a home sees us at another port of the same address */
	bool sounded : 1; /* another supernode told where it sees us */
	uint32_t asked_ms; /* low bits of when a KEEPALIVE last wanted an answer of a home */
	kith_time_us grace_at; /* until when homes may answer since others would take us; 0: it is not waited for */
	kith_time_us answered_at; /* since when homes answer while others are in doubt; NEVER: none does */
	uint32_t seen_ms[KITH_HOMES]; /* low bits of when that changed last; 0: it did not */
	kith_time_us ask_at; /* when homes are asked where they see us; NEVER */
	kith_time_us hint_at; /* when a hint counts again */
	kith_time_us calm_until; /* after attachments that ended right away */
	kith_time_us more_at; /* when more homes are looked for, while there is one: it has much to do, or all failed */
	kith_time_us eased_until; /* until then homes may be slow: they said so */
	kith_time_us alone_at; /* when a first home was last tried */
	kith_time_us failing_told_at; /* ATTACH_FAILING */
	kith_time_us homeless_at; /* since when there is no home; NEVER: there is one */
	kith_time_us reach_at; /* when homes that are reached by a lesser way are asked by a better one; 0: none is */
	kith_time_us moved_at; /* when a home was last asked for its place by another; 0: never */
	uint32_t parting; /* session of a home whose place was taken; 0: none */
	int homeless_told; /* the last error of HOMELESS */
	kith_time_us part_at; /* when it is let go */
	struct kith_sounding *sounding; /* where other supernodes see us (leaf/sounding); NULL: nobody needs to know */
	struct kith_gauge *gauge; /* our NAT is being measured (leaf/gauge); NULL: it is not */
	kith_time_us gauge_at; /* when it is, again; NEVER: it is not known yet where we are */
	uint8_t gauged_ip[4]; /* at which address */
	struct kith_host *asker; /* the home that asked for help; NULL: none did */
	kith_time_us serve_at; /* when this node begins to serve, since it was asked to; 0: it was not */
};

/* A contact that is looked for on the local network (link/nearby). */
struct kith_question {
	struct kith_key identity;
	uint32_t index; /* of all its questions */
	uint8_t tries; /* questions asked */
	uint8_t answers; /* looked at, which costs signatures */
	kith_time_us next_at; /* when the next one is due; NEVER */
	uint8_t numbers[KITH_NEARBY_TRIES][KITH_XNONCE_LEN];
};

enum kith_op_kind { KITH_OP_DONE, KITH_OP_LOOKUP, KITH_OP_CALL, KITH_OP_CHALLENGE };

/* An operation of the application. */
struct kith_operation {
	struct kith_operation *next;
	kith_op id;
	uint8_t kind; /* enum kith_op_kind */
	uint8_t tries; /* look-ups sent */
	uint8_t first; /* home that is asked first: drawn */
	uint8_t denied; /* set of homes that know nobody of that name who is online */
	uint8_t beyond; /* questions out to others than homes */
	bool went; /* others than homes were asked */
	uint8_t absent; /* those of them that said that there is no such name */
	bool known; /* one of them gave a record */
	bool twice; /* records of several identities came: the application was told */
	struct kith_key identity; /* of the first record that came, if known */
	char name[KITH_NAME_MAX + 1];
	char service[KITH_SERVICE_MAX + 1];
	struct kith_id key;
	kith_time_us give_up_at;
	kith_time_us alone_at; /* since when it waits for a home; 0: there is one, or was when it was looked for */
	struct kith_timer timer;
	kith_time_us due_at; /* when it is looked at again, if nothing else is due before */
	struct kith_question *question; /* call; NULL: the callee is not looked for on the local network */
	uint32_t asked; /* session a LOOKUP is out on */
	uint32_t session; /* call: the session being made */
	struct kith_blob *early; /* call: what goes along with it; or NULL */
	bool early_went; /* in a HELLO that was sent: in no other any more */
	int last_err;
};

/* A device of a name that is watched. */
struct kith_watched_device {
	uint8_t device[KITH_DEVICE_ID_LEN];
	uint8_t told_by; /* bit for each subscription whose home told of the newest record */
	uint64_t brief_seq; /* of the newest record, as the home says that tells of them in brief; 0: it did not */
	struct kith_blob *record; /* the newest, to verify vanish reports against */
	struct kith_verdict verdict;
	kith_time_us compare_at; /* when all of them must have told it; NEVER: they have, or are not asked to */
};

/* A name that the application watches. */
struct kith_watched {
	char name[KITH_NAME_MAX + 1];
	struct kith_id key;
	uint8_t devices_n;
	uint8_t asked; /* how often a record was */
	bool told, online;
	struct kith_watched_device *devices; /* as many as have shown a record, KITH_DIAL_DEVICES_MAX at most */
	kith_time_us ask_at; /* when a record is asked for that was told of in brief only; NEVER */
	kith_time_us since; /* when it was asked for */
};

struct kith_talk_route {
	uint64_t tunnel;
	uint32_t session; /* index; 0: the slot is empty */
};

struct kith_talk_routes {
	struct kith_talk_route *slots;
	uint32_t n, cap; /* slots taken; slots: 0 or a power of two */
};

/* A posted thing that another node told of, until it is here (link/lists). */
struct kith_wanted {
	uint8_t kind; /* enum kith_posted_kind */
	uint8_t signer[KITH_ISSUER_ID_LEN];
	uint8_t digest[KITH_POSTED_DIGEST_LEN]; /* zero if the kind has none */
	uint64_t number; /* as told */
	uint32_t session; /* that is asked */
	uint32_t others[KITH_HOMES - 1]; /* that told of it, too */
	bool cert; /* the signer's certificate is asked for, which comes first */
};

struct kith_lists {
	struct kith_wanted *wanted; /* KITH_LISTS_MAX, NULL while there are none */
	uint8_t n;
	uint16_t round; /* counts the lists that were new; 0: there is none */
	/* Left behind for the end of the call: */
	bool fresh; /* a list is new here */
	bool lost; /* one was told of, and could not be had */
};

/* When our own certificate is to be renewed (core/own). */
struct kith_own {
	int64_t due_ms; /* unix */
	kith_time_us again_us; /* told of it so often */
	kith_time_us told_at; /* NEVER: not of this one */
};

struct kith_core {
	struct kith_shared *shared;
	struct kith_now now; /* as wall judges it */
	struct kith_wall wall;
	int clock_told; /* the last error of CLOCK */
	uint32_t unconfirmed_n;
	const struct kith_alloc *alloc;
	const struct kith_random *random;
	const struct kith_suite *suite;
	struct kith_stats *stats;
	const struct kith_log *log;
	struct kith_timers timers;
	struct kith_sessions sessions;
	struct kith_guard guard;
	struct kith_allowance allowance; /* what each identity may ask for and hold */
	struct kith_link unconfirmed; /* handshakes of sessions that contacted us, the oldest first: unconfirmed_n */
	struct kith_talk_routes routes; /* sessions of applications by tunnel (call/routes.h) */
	struct kith_trust trust;
	struct kith_lists lists;
	struct kith_contacts contacts;
	struct kith_followed followed;
	uint64_t follow_number; /* of our own token (wire/follow.h) */
	enum kith_presence presence;
	uint32_t pace; /* at which the election's clock goes */
	struct kith_self self;
	struct kith_person me;
	struct kith_blob *chain;
	struct kith_own own;
	struct kith_span devices; /* owned copy */
	struct kith_leaf leaf;
	struct kith_office *office; /* what the node may be to others, unless a leaf for good: then NULL */
	struct kith_core_limits limits; /* of the options, before the caps of the office's terms */
	struct kith_supernode *super;
	struct kith_nearby *nearby; /* who asked for us on the local network (link/nearby); NULL: nobody yet */
	struct kith_candidacy *candidacy; /* NULL: this node does not consent to serve */
	kith_time_us
		witnesses_until; /* until then witnesses may dial this leaf at its own address, witnesses_n did; 0 */
	struct kith_operation *ops; /* by their age; those that are done until the end of the call (call/op) */
	kith_op next_op;
	uint32_t cuts_n;
	struct kith_watched *watched; /* grows up to KITH_WATCHED_MAX */
	uint32_t watched_n, watched_cap;
	struct kith_timer watching_timer;
	kith_time_us subscribe_at; /* when SUBSCRIBE is sent again, since it could not be, or was refused; NEVER */
	char (*services)[KITH_SERVICE_MAX + 1]; /* services_n, at most KITH_SERVICES_MAX */
	struct kith_transports transports;
	struct kith_natclass nat; /* the NAT that we are behind: unknown until measured */
	struct kith_endpoint endpoints[KITH_ENDPOINTS_MAX]; /* not of a leaf: ours */
	uint8_t endpoints_n, services_n;
	struct kith_bootstrap *bootstrap;
	size_t bootstrap_n, bootstrap_cap;
	int64_t stamp_ms; /* the last timestamp given to a handshake, which only rises, across restarts */
	struct kith_timer save_timer, leave_timer, certs_timer;
	struct kith_blob *old_hosts_blob; /* host cache as it was in the state file */
	struct kith_span old_hosts; /* its bytes */
	struct kith_blob *old_attests; /* attestations of the state file, until this node consents to serve; or NULL */
	uint64_t entry_seq_saved; /* of the last run, so that sequence numbers only rise */
	struct kith_effects effects; /* what the host was asked for */
	struct kith_timer effects_timer;
	struct kith_spread
		*spread; /* sockets that were opened to get through our own NAT (call/spread.h), if any are */
	struct kith_listening *listening; /* what takes in connections of peers (call/listening.h), if anything does */
	uint32_t save_id, contacts_id; /* the effects that save; 0: none */
	uint8_t contacts_saved[KITH_CONTACTS_SUM_LEN]; /* checksum of the contacts as they were last saved */
	bool warned_expiry;
	uint8_t witnesses_n;
	uint8_t admit_number; /* counts who may call (call/admit.h); never 0 */
	uint8_t lists_age; /* enum kith_lists_age that the application was told last */

	bool answer_strangers, allow_loopback, leaving, left, left_told;
	bool ops_done; /* some of the operations are */
	uint32_t stream_window_max, session_window_max;
	struct kith_streams_pool windows; /* of all sessions' streams */
	kith_time_us leave_by;
	struct kith_link cuts; /* what sessions that ended left unread (call/cut.h): cuts_n */
	struct kith_timer cut_timer;
	struct kith_ended *endings; /* what explained sessions that ended (call/ended.h) */
	uint32_t interrupted; /* sessions that wait for a path: at most KITH_INTERRUPTED_MAX */
	unsigned homes_seen; /* homes at the end of the last call */
	kith_time_us due_at; /* when the host was to call next */
	bool woken; /* time went by without us */
	uint32_t deciding; /* sessions that wait for the application: at most KITH_INCOMING_MAX */
	uint32_t rechecked_epoch; /* epoch of the trust when live sessions were last checked against its lists */
	struct kith_session *ringing; /* calls that the application was told of, the newest first */
	kith_time_us recheck_at; /* the earliest time to do so again because of a list */
	kith_time_us drops_at; /* start of the second that drops_told belongs to */
	uint32_t drops_told, drops_untold; /* lines about dropped packets: written, and left out since the last one */
	struct kith_path_env env; /* what parts of sessions need to act, of the session that was touched last */
	/* What is left behind for the end of the call (core/settle.h). */
	struct kith_session **touched; /* there is room for as many sessions as there are */
	uint32_t touched_n, touched_cap;
	struct kith_session *ended, *ended_last; /* their owners were not told yet; the first that ended first */
	uint32_t ended_n;
};

/* The election's clock: in test networks it goes faster than others (kith_core_options.election_pace). */
static inline kith_time_us kith_paced(const struct kith_core *c)
{
	return c->now.mono_us * c->pace;
}

/* How long something of the election waits by other clocks: so long that those that began together draw apart. */
static inline kith_time_us kith_pace_wait(const struct kith_core *c, kith_time_us us)
{
	const kith_time_us least = us < 2 * KITH_US_PER_S ? us : 2 * KITH_US_PER_S;
	return us / c->pace > least ? us / c->pace : least;
}

/* KITH_SERVING says whether the library was built to serve (KITH_BUILD_SERVING). If not, these are false whatever is
 * asked for, which the compiler knows: it leaves out what only supernodes need, and those who would be. */

/* Whether this node serves strangers, as a supernode does. */
static inline bool kith_serves(const struct kith_core *c)
{
	return KITH_SERVING && c->super != NULL;
}

/* Whether it may: it is no leaf for good. */
static inline bool kith_may_serve(const struct kith_core *c)
{
	return KITH_SERVING && c->office != NULL;
}

/* Whether it consents to, and has itself attested. */
static inline bool kith_consents(const struct kith_core *c)
{
	return KITH_SERVING && c->candidacy != NULL;
}

/* ---- what every half needs (link/state.c) ---- */

/* A session was changed, or is about to be: its timer is set anew when the call ends. */
void kith_session_touch(struct kith_core *c, struct kith_session *s);

/* What the parts of a session need to act, for this very use; the session is touched. */
const struct kith_path_env *kith_env(struct kith_core *c, struct kith_session *s);

/* A session with an index and a place among those that are touched. NULL: there are as many as may be, or no memory. */
struct kith_session *kith_session_new(struct kith_core *c, enum kith_session_state state);

/* The session is not unconfirmed any more, or ends. */
void kith_session_proven(struct kith_core *c, struct kith_session *s);

/* Takes back a session of this call that came to nothing: nobody is told. */
void kith_session_drop(struct kith_core *c, struct kith_session *s);

/* Takes memory for packets and events, unless it has some. Without any it stays at rest: then all is refused that is
 * refused when they are full. */
void kith_shared_wake(struct kith_shared *sh);

struct kith_event *kith_event_push(struct kith_core *c, enum kith_event_type type); /* NULL when the queue is full */

/* Whether the queue has room for the events of another piece of work that must not be lost (the end of a session, of an
 * operation). Other work waits for a later call, before which the host has taken events out. */
bool kith_has_room(const struct kith_core *c);

/* Counts a packet that is dropped, and says why in one word at level debug, at most DROPS_TOLD_MAX times a second; the
 * next line says how many were not told. from: NULL when it is not known any more. */
void kith_drop(struct kith_core *c, enum kith_stat cause, const struct kith_hop *from, const char *why);

/* An identity as a key of its allowance; never 0. */
uint64_t kith_identity_key(const struct kith_key *identity);

/* A device as a key of its allowance. */
uint64_t kith_device_key(const uint8_t device[KITH_DEVICE_ID_LEN]);

/* A timestamp for a handshake, above all given before. */
int64_t kith_stamp(struct kith_core *c);

/* Whether a node that says that it is a supernode is one: by its certificate; by its entry in our table of members,
 * which has been attested; or, as a leaf has no such table, by the host entry that a home gave us, with the key that
 * the node has just proven. */
bool kith_session_may_serve(struct kith_core *c, const struct kith_session *s, const struct kith_person *person);

/* The certificates of the other side, parsed and checked before; false when the chain is not known. */
bool kith_session_person(struct kith_core *c, const struct kith_session *s, struct kith_person *out);

/* Charges the identity at the other end. False: it has spent what it had, or is not known. */
bool kith_session_spend(struct kith_core *c, const struct kith_session *s, enum kith_charge charge);

/* Who is charged for what the session asks for: the identity at the other end, or its device if that is not known any
 * more. */
uint64_t kith_session_payer(struct kith_core *c, const struct kith_session *s);

/* An open session that the other side began takes its place among those of its identity: false, that has its share.
 * It is given back when the session ends, or becomes a leaf's, which has another place. */
bool kith_session_count(struct kith_core *c, struct kith_session *s) KITH_MUST_USE;
void kith_session_uncount(struct kith_core *c, struct kith_session *s);

/* Whether a leaf that is attached here asks what each does now and then (for supernodes, for its own record) not more
 * often than once a second. Such questions need no place among those of look-ups. */
bool kith_session_asks_seldom(struct kith_core *c, struct kith_session *s);

/* Whether a leaf that is attached here asks for its own name, by the key: who looks whether its record is there may not
 * have given us one. */
bool kith_session_asks_for_itself(struct kith_core *c, const struct kith_session *s, const struct kith_id *key);

/* The identity at the other end, known without parsing if that is a leaf of ours. False: as kith_session_person. */
bool kith_session_identity(struct kith_core *c, const struct kith_session *s, struct kith_key *out);

/* Uses a session for something more; its paths are kept alive as that needs. */
void kith_session_use(struct kith_core *c, struct kith_session *s, uint8_t use);

/* When a session that is neither a leaf's, a home's nor a peer's ends for want of use. */
kith_time_us kith_session_unused_at(const struct kith_session *s);

/* Sends a request on an open session; the second one gives it its own time limit, and the third is for what the other
 * side has to ask a further one for, whom it may not know yet: it is repeated later. */
int kith_session_request(struct kith_core *c, struct kith_session *s, uint8_t kind, struct kith_span body,
			 uint64_t token) KITH_MUST_USE;
int kith_session_request_for(struct kith_core *c, struct kith_session *s, uint8_t kind, struct kith_span body,
			     uint64_t token, kith_time_us timeout_us) KITH_MUST_USE;
int kith_session_request_through(struct kith_core *c, struct kith_session *s, uint8_t kind, struct kith_span body,
				 uint64_t token) KITH_MUST_USE;
void kith_session_answer(struct kith_core *c, struct kith_session *s, uint16_t id, uint8_t status,
			 struct kith_span body);
/* The same with a body that lies in interned blobs for the most part (session/kept.h). */
void kith_session_answer_shared(struct kith_core *c, struct kith_session *s, uint16_t id, uint8_t status,
				struct kith_span body, const struct kith_kept_stretches *stretches);

/* Sends a packet of a measurement. */
void kith_session_burst(struct kith_core *c, struct kith_session *s, uint8_t round, uint16_t seq, uint64_t nonce);

/* Ends a session, and tells the other side if it can be told. When the call settles, the session's owners are told, its
 * requests end, and it is freed. */
void kith_session_end(struct kith_core *c, struct kith_session *s, enum kith_close_reason reason, bool remote);

/* The way out through a transport may be another one by now: all paths on it are in doubt. err KITH_ECLOSED: it is
 * gone, and its paths are. */
void kith_transport_doubt(struct kith_core *c, uint16_t transport, int err);

/* What is sent through a transport may come from another place by now: sessions take other names there. */
void kith_transport_moved(struct kith_core *c, uint16_t transport);

/* A fresh name of the session that the environment was lent for (path/path.h). */
uint64_t kith_session_new_name(const struct kith_path_env *env);

/* The candidates we may offer: interface addresses, and what homes see. */
size_t kith_own_candidates(const struct kith_core *c, struct kith_candidate out[], size_t n);

/* What the configuration allows beyond public addresses, as enum kith_candidate_allow. A network whose bootstrap hosts
 * or whose own address is private is a site's own, with all its nodes inside. */
unsigned kith_allowed_scopes(const struct kith_core *c);

/* State changed that should survive a restart. */
void kith_save_soon(struct kith_core *c);

#endif
