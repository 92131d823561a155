/* The core without input and output: no socket, no clock, no thread, no file. Time, packets and randomness come in as
 * arguments; packets, effects and events are polled out. Hosts (the library's own, a simulator) drive it;
 * applications normally use <kith/node.h>.
 *
 * The contract: mutate (any call that takes `now`), then drain (kith_core_poll until 0, kith_core_event and
 * kith_core_effect until false), then read kith_core_deadline, wait for packets or until then. Everything a core
 * hands out is borrowed until the next mutating call. A core, and all that share its kith_shared, belong to one
 * thread.
 *
 * What each struct promises to programs of older versions: <kith/types.h>.
 *
 * Wrong arguments are refused and change nothing: a missing pointer or a length without bytes with KITH_EINVAL, an id
 * of nothing with KITH_ENOENT; what returns nothing does nothing. A monotonic clock that goes back stands still.
 */
#ifndef KITH_CORE_H
#define KITH_CORE_H

#include <kith/close.h>
#include <kith/err.h>
#include <kith/events.h>
#include <kith/identity.h>
#include <kith/log.h>
#include <kith/packet.h>
#include <kith/role.h>
#include <kith/stats.h>
#include <kith/transport.h>
#include <kith/types.h>

struct kith_core;
struct kith_shared;
struct kith_suite;

/* What the cores of one thread share: the outbox, the event queue, interned blobs. Create once, free after the last
 * core. */
struct kith_shared_options {
	size_t size; /* sizeof, set by kith_shared_options_init */
	const struct kith_alloc *alloc; /* borrowed for the life */
	const struct kith_random *random; /* borrowed for the life */
	uint32_t packets_max; /* slots of the outbox: default 256, about 1.4 kB each */
	uint32_t events_max; /* default 1024 */
	uint32_t blobs_max; /* default 1 million */
};

/* Fills in the defaults. */
KITH_EXPORT void kith_shared_options_init_sized(struct kith_shared_options *o, size_t size);
static inline void kith_shared_options_init(struct kith_shared_options *o)
{
	kith_shared_options_init_sized(o, sizeof *o);
}

/* KITH_EINVAL: no allocator, no generator, or fewer than 32 packets or events; KITH_ENOMEM. */
KITH_EXPORT int kith_shared_new(struct kith_shared **out, const struct kith_shared_options *o) KITH_MUST_USE;
/* Gives back what packets and events lie in (0.8 MB with the defaults), if all were taken out: for hosts that are idle.
 * The next call takes it again; without memory it refuses what it refuses when both are full. */
KITH_EXPORT void kith_shared_rest(struct kith_shared *shared);
/* After the last core that was made with it. NULL is nothing. */
KITH_EXPORT void kith_shared_free(struct kith_shared *shared);

#define KITH_BOOTSTRAP_MAX 1024 /* hosts that a core remembers */
#define KITH_RELAY_RATE_MAX UINT64_C(10000000000) /* what rates can be set to, bytes a second */
#define KITH_TUNNELS_LIMIT 10000000u /* what the maxima can be set to: far more than a machine has memory for */
#define KITH_SESSIONS_LIMIT 100000000u /* the same */
/* Of windows of streams: what all streams begin with; what all streams of a session do; what can be set. */
#define KITH_STREAM_WINDOW_LEAST (256u * 1024)
#define KITH_SESSION_WINDOW_LEAST (1024u * 1024)
#define KITH_WINDOW_LIMIT (1024u * 1024 * 1024)

/* Hosts to ask first. Without a key, the host need only prove to be a supernode of the network. */
struct kith_bootstrap { /* fixed */
	struct kith_endpoint at; /* where it is */
	struct kith_key key; /* X25519 device key, when has_key */
	bool has_key; /* key is known */
};

/* What a core is made of. */
struct kith_core_options {
	size_t size; /* sizeof, set by kith_core_options_init */
	enum kith_role role; /* what it may be */
	const struct kith_alloc *alloc; /* borrowed for the core's life, as all pointers in this group */
	const struct kith_random *random; /* source of all randomness */
	const struct kith_suite *suite; /* NULL: libsodium */
	struct kith_shared *shared; /* shared with the other cores of this thread */
	struct kith_stats *stats; /* may be shared by cores; NULL: not counted */
	const struct kith_log *log; /* NULL: silent */

	/* The rest is copied. */
	const struct kith_key *root; /* the network's root key; NULL: an open network */
	const char *open_label; /* label of the open network */
	struct kith_seed device; /* this device's secret */
	struct kith_span chain; /* its certificates */
	struct kith_span devices; /* the identity's device list, or empty */
	const struct kith_bootstrap *bootstrap; /* hosts to ask first */
	size_t bootstrap_n;
	struct kith_endpoint endpoints[KITH_ENDPOINTS_MAX]; /* not of a leaf: where it is reachable, UDP first */
	size_t endpoints_n;
	struct kith_terms terms; /* not of a leaf: under which it serves */
	int64_t earliest_ms; /* unix: a time that has passed for sure, as the date of a release; 0: unknown */
	struct kith_span state; /* what the last KITH_EFFECT_SAVE of KITH_SAVE_STATE said, or empty */
	struct kith_span contacts; /* the same of KITH_SAVE_CONTACTS */

	uint8_t shard; /* upper 8 bits of indexes and tunnel ids: for hosts with several workers */
	uint32_t sessions_max; /* default KITH_SESSIONS_MAX */
	uint32_t tunnels_max; /* supernode: default 10,000 */
	uint64_t relay_rate; /* supernode: bytes a second for others in all; default 12.5 MB/s */
	uint64_t relay_owner_rate; /* supernode: for one identity; default 1.25 MB/s */
	/* Bytes that streams may hold in each direction: windows grow with use, up to these. The growth of all windows
	 * together is bounded too; 0: none grows. */
	uint32_t stream_window_max; /* one stream; default 8 MiB */
	uint32_t session_window_max; /* all streams of a session; default 16 MiB; at least stream_window_max */
	size_t windows_max; /* all sessions; default 256 MiB */
	bool allow_loopback; /* offer and probe loopback addresses: several nodes on one machine */
	bool answer_strangers; /* raise incoming for names that are no contact; default true */
	/* Not of a leaf: how many times as fast as usual supernodes elect themselves, for test networks. How long a
	 * candidate must have been seen, how long load must last, and an office does, is divided by it; what is
	 * measured, who witnesses and what they must have found are as ever. The same at all nodes of a network.
	 * Default 1, at most KITH_ELECTION_PACE_MAX */
	uint32_t election_pace;
	enum kith_presence presence; /* who sees this device come and go; default KITH_PRESENCE_STEPS */
};

/* Fills in the defaults: a leaf that answers strangers. */
KITH_EXPORT void kith_core_options_init_sized(struct kith_core_options *o, size_t size);
static inline void kith_core_options_init(struct kith_core_options *o)
{
	kith_core_options_init_sized(o, sizeof *o);
}

/* KITH_EINVAL, KITH_ENOMEM; KITH_EAUTH: the device is not the chain's; KITH_ENOTSUP: the library is built without
 * serving, and a core can only be a leaf; errors as kith_add_issuer, dates excepted. */
KITH_EXPORT int kith_core_new(struct kith_core **out, const struct kith_core_options *o,
			      struct kith_now now) KITH_MUST_USE;
KITH_EXPORT void kith_core_free(struct kith_core *core);

/* ---- driving ---- */

/* Packets that arrived; data must stay valid until the next call of this. */
KITH_EXPORT void kith_core_input(struct kith_core *core, struct kith_now now, struct kith_packet packets[], size_t n);
KITH_EXPORT void kith_core_tick(struct kith_core *core, struct kith_now now);
/* Up to n packets to send. Call until it returns 0; each batch is valid until the next call. */
KITH_EXPORT size_t kith_core_poll(struct kith_core *core, struct kith_now now, struct kith_packet out[], size_t n);
/* When kith_core_tick is due, KITH_TIME_NEVER if nothing is waited for. */
KITH_EXPORT kith_time_us kith_core_deadline(const struct kith_core *core);

/* The hosts to ask, as kith_core_options.bootstrap, from now on: new ones are tried at once, those that are not in the
 * list any more count as any others that are known. Nothing that the network says changes what is known of these.
 * KITH_EFULL: more than KITH_BOOTSTRAP_MAX; KITH_ENOMEM: nothing changed. */
KITH_EXPORT int kith_core_set_bootstrap(struct kith_core *core, struct kith_now now,
					const struct kith_bootstrap hosts[], size_t n) KITH_MUST_USE;

/* What a core may use from now on, as in its options. What is over a limit already stays; nothing new comes. */
struct kith_core_limits { /* fixed */
	uint32_t sessions_max, tunnels_max; /* as in kith_core_options */
	uint64_t relay_rate, relay_owner_rate; /* as in kith_core_options */
};

/* KITH_EINVAL: more than can be set, as in the options. */
KITH_EXPORT int kith_core_limit(struct kith_core *core, struct kith_now now,
				const struct kith_core_limits *limits) KITH_MUST_USE;

/* What the core may be from now on, as role, terms and endpoints (up to KITH_ENDPOINTS_MAX) of its options. ROLE tells
 * when it begins or ends to serve by that. Errors as kith_node_set_role. */
KITH_EXPORT int kith_core_set_role(struct kith_core *core, struct kith_now now, enum kith_role role,
				   const struct kith_terms *terms, const struct kith_endpoint endpoints[],
				   size_t n) KITH_MUST_USE;
/* What the user says to serving others. Errors as kith_node_consent. */
KITH_EXPORT int kith_core_consent(struct kith_core *core, struct kith_now now, enum kith_consent consent);
/* What of the machine speaks against serving, as bits of enum kith_hindrance, until told otherwise. A core of role auto
 * that serves stops. */
KITH_EXPORT void kith_core_hinder(struct kith_core *core, struct kith_now now, unsigned hindrances);

/* What a host measured since it told last. */
struct kith_core_load { /* fixed */
	kith_time_us wait_us; /* that a packet, or what was due, waited for the core: the mean over all moments */
	uint32_t busy_permille; /* share of the time in which the thread of the core worked, whatever for */
	uint64_t memory, memory_max; /* bytes taken, and what may be taken; 0: there is no bound */
};

/* Tells a supernode how its machine fares, about once a second: what it does not hear within five seconds counts as
 * idle. Under load it refuses new tunnels, then look-ups of others than its leaves, then holds news of presence back,
 * then refuses new leaves; those it has stay. At a leaf this does nothing. */
KITH_EXPORT void kith_core_load(struct kith_core *core, struct kith_now now, const struct kith_core_load *load);

/* Tells of a transport, new or known: it came up, went down, was closed, or has other local addresses. Where several
 * reach a place the one told of first is taken, so begin with the interface of the default route; and of those that
 * cost something (cost_ms) before the others, since homes are looked for as soon as one of these is up. KITH_EINVAL:
 * without a kind or a family, too many locals, too dear, or up and closed; KITH_EFULL: about a thousand;
 * KITH_ENOMEM. */
KITH_EXPORT int kith_core_transport(struct kith_core *core, struct kith_now now, const struct kith_transport *t);

/* A packet could not be sent to this address over this transport (ICMP, no route, message too long). */
KITH_EXPORT void kith_core_send_error(struct kith_core *core, struct kith_now now, uint16_t transport,
				      const struct kith_addr *remote, int err);

/* Takes out the next thing that the host is asked to do; false when there is none. */
KITH_EXPORT bool kith_core_effect_sized(struct kith_core *core, struct kith_effect *out, size_t size);
static inline bool kith_core_effect(struct kith_core *core, struct kith_effect *out)
{
	return kith_core_effect_sized(core, out, sizeof *out);
}

/* The effect was done (err 0) or failed; its bytes may go. result may be NULL. The host completes what it cannot do
 * with KITH_ENOTSUP. Ids that are not under way are ignored. */
KITH_EXPORT void kith_core_complete(struct kith_core *core, struct kith_now now, uint32_t id, int err,
				    const struct kith_effect_result *result);

/* ---- what happened: struct kith_event, <kith/events.h> ---- */

/* Takes out the next event; false when there is none. */
KITH_EXPORT bool kith_core_event_sized(struct kith_core *core, struct kith_event *out, size_t size);
static inline bool kith_core_event(struct kith_core *core, struct kith_event *out)
{
	return kith_core_event_sized(core, out, sizeof *out);
}

/* ---- what an application may ask for ---- */

/* Registers a service: calls for others are answered with KITH_CLOSE_NO_SERVICE. KITH_EFULL (16), KITH_EEXIST,
 * KITH_EINVAL, KITH_ENOMEM. */
KITH_EXPORT int kith_core_serve(struct kith_core *core, const char *service) KITH_MUST_USE;

/* Calls a name. Ends with OPENED or OP_DONE. timeout_us 0: the default. If that name calls us for the same service at
 * the same time, its call is taken as the answer: no INCOMING is raised, or CLOSED follows it, and OPENED tells op.
 * Errors, also of OP_DONE, as kith_connect and its callback. */
KITH_EXPORT int kith_core_call(struct kith_core *core, struct kith_now now, const char *name, const char *service,
			       kith_time_us timeout_us, kith_op *op) KITH_MUST_USE;
/* The same, with up to KITH_EARLY_MAX bytes that the callee is told before it answers, if possible; see
 * kith_connect_early. KITH_EMSGSIZE: more. */
KITH_EXPORT int kith_core_call_early(struct kith_core *core, struct kith_now now, const char *name, const char *service,
				     kith_time_us timeout_us, struct kith_span early, kith_op *op) KITH_MUST_USE;
/* Takes what the other side said early. Its length; KITH_ENOENT: nothing, or not yet, or it was taken. */
KITH_EXPORT int kith_core_early(struct kith_core *core, kith_session_id session, uint8_t out[KITH_EARLY_MAX]);
/* Looks a name up. FOUND for each device, then OP_DONE. Errors as kith_lookup and its callback. */
KITH_EXPORT int kith_core_lookup(struct kith_core *core, struct kith_now now, const char *name,
				 kith_op *op) KITH_MUST_USE;

/* Gives an operation up: it ends with OP_DONE and KITH_ECANCELED. A callee that rings is told. KITH_ENOENT when it has
 * ended. */
KITH_EXPORT int kith_core_cancel(struct kith_core *core, struct kith_now now, kith_op op);

/* Wants PRESENCE events of a name until unwatched. The first tells the present state. Errors as kith_watch,
 * kith_unwatch. */
KITH_EXPORT int kith_core_watch(struct kith_core *core, struct kith_now now, const char *name) KITH_MUST_USE;
KITH_EXPORT int kith_core_unwatch(struct kith_core *core, struct kith_now now, const char *name);

/* Pins a name to an identity key with KITH_CONTACT_* flags; confirm: also when it was pinned to another. Errors as
 * kith_pin. */
KITH_EXPORT int kith_core_pin(struct kith_core *core, struct kith_now now, const char *name,
			      const struct kith_key *identity, uint8_t flags, bool confirm) KITH_MUST_USE;

/* Forgets a pinned name, with what it was allowed: it is a stranger's again. Sessions that there are go on.
 * KITH_ENOENT. */
KITH_EXPORT int kith_core_unpin(struct kith_core *core, struct kith_now now, const char *name);
/* Fills in up to n pinned names, in their order, and returns how many there are. */
KITH_EXPORT size_t kith_core_contacts(const struct kith_core *core, struct kith_contact out[], size_t n);

/* A revocation list, the head of an issuer's log or two of its heads that contradict each other, or an issuer's
 * certificate came in. Live sessions are checked again. Errors as kith_add_issuer. */
KITH_EXPORT int kith_core_revoke(struct kith_core *core, struct kith_now now, struct kith_span list) KITH_MUST_USE;
KITH_EXPORT int kith_core_add_issuer(struct kith_core *core, struct kith_now now, struct kith_span cert) KITH_MUST_USE;

/* Uses these certificates from now on, in place of those it has (KITH_EVENT_CERT_DUE): the same device's, with a newer
 * certificate. Open sessions go on, and their other sides are shown it. KITH_EEXIST: it has these, or newer ones;
 * KITH_EAUTH: of another device, identity or name; else errors as kith_add_issuer. */
KITH_EXPORT int kith_core_renew(struct kith_core *core, struct kith_now now, struct kith_span chain) KITH_MUST_USE;

/* What is known of the log of an issuer (<kith/certlog.h>). */
struct kith_log_info { /* fixed */
	struct kith_key issuer; /* whose log it is */
	struct kith_span head; /* the newest signed head; the later one of those that contradict each other */
	struct kith_span
		forked[2]; /* two signed heads that contradict each other, the older one first; empty: none do */
	uint64_t reserved[4];
};

/* Fills in up to n issuers of which a head is held; returns how many there are. Spans are borrowed until the next call
 * that changes the core. */
KITH_EXPORT size_t kith_core_logs(const struct kith_core *core, struct kith_log_info out[], size_t n);

/* Asks the other side to prove, now and for this context (at most 64 printable characters), that it holds the key of
 * its certificates. Ends with OP_DONE. Errors as kith_challenge and its callback. */
KITH_EXPORT int kith_core_challenge(struct kith_core *core, struct kith_now now, kith_session_id session,
				    const char *context, kith_op *op) KITH_MUST_USE;

/* Takes an incoming call: OPENED follows. KITH_ENOENT: no such session; KITH_ESTATE: already decided. */
KITH_EXPORT int kith_core_accept(struct kith_core *core, struct kith_now now, kith_session_id session) KITH_MUST_USE;
/* Declines an incoming call; nothing follows here. Errors as kith_core_accept. */
KITH_EXPORT int kith_core_reject(struct kith_core *core, struct kith_now now, kith_session_id session,
				 enum kith_close_reason reason);
/* Ends a session, or declines it if it was not decided yet: CLOSED follows. KITH_ENOENT. */
KITH_EXPORT int kith_core_close(struct kith_core *core, struct kith_now now, kith_session_id session,
				enum kith_close_reason reason);

/* The same, when all that streams have finished (kith_core_stream_write with fin) has arrived, or after linger_us.
 * CLOSED follows then, with err KITH_ETIMEDOUT if it had not. KITH_ENOENT; KITH_EINVAL: linger_us is negative. */
KITH_EXPORT int kith_core_close_after(struct kith_core *core, struct kith_now now, kith_session_id session,
				      enum kith_close_reason reason, kith_time_us linger_us);
/* How long a session is kept of which nothing is heard any more, counted from when that was noticed; default 60 s.
 * KITH_TIME_NEVER: until it is closed, or the other side says that it is gone. May be called at any time. KITH_ENOENT;
 * KITH_EINVAL: not above 0. */
KITH_EXPORT int kith_core_patience(struct kith_core *core, struct kith_now now, kith_session_id session,
				   kith_time_us patience_us);

/* Sends a datagram of at most kith_core_datagram_max bytes. KITH_EAGAIN: more than the path carries now, or than the
 * host has taken away: WRITABLE will follow; KITH_EMSGSIZE; KITH_ESTATE; KITH_ENOMEM. */
KITH_EXPORT int kith_core_send(struct kith_core *core, struct kith_now now, kith_session_id session, uint16_t channel,
			       const uint8_t *data, size_t len) KITH_MUST_USE;
/* The same for every open session, whatever its path; 0: there is no such session, or it is not open. */
KITH_EXPORT size_t kith_core_datagram_max(const struct kith_core *core, kith_session_id session);

/* Streams: see <kith/session.h> for what they promise. Errors as kith_stream_open, kith_stream_write and so on; but
 * KITH_ENOENT: no such stream, and KITH_ESTATE: the session is not open. */
KITH_EXPORT int kith_core_stream_open(struct kith_core *core, struct kith_now now, kith_session_id session,
				      uint16_t channel, uint64_t *stream) KITH_MUST_USE;
KITH_EXPORT int kith_core_stream_write(struct kith_core *core, struct kith_now now, kith_session_id session,
				       uint64_t stream, const uint8_t *data, size_t len, bool fin) KITH_MUST_USE;
KITH_EXPORT int kith_core_stream_read(struct kith_core *core, struct kith_now now, kith_session_id session,
				      uint64_t stream, uint8_t *out, size_t cap, bool *fin) KITH_MUST_USE;
KITH_EXPORT int kith_core_stream_reset(struct kith_core *core, struct kith_now now, kith_session_id session,
				       uint64_t stream, uint64_t code);
/* Gives up reading: the other side sees STOPPED. Errors as kith_stream_stop. */
KITH_EXPORT int kith_core_stream_stop(struct kith_core *core, struct kith_now now, kith_session_id session,
				      uint64_t stream, uint64_t code);

/* Shuts down in an orderly way: leaves are told and moved, presence says goodbye. LEFT follows within grace_us. */
KITH_EXPORT void kith_core_leave(struct kith_core *core, struct kith_now now, kith_time_us grace_us);

/* ---- looking in ---- */

/* Who is at the other end of a session, and for what. */
struct kith_session_info { /* grows */
	char name[KITH_NAME_MAX + 1]; /* as certified */
	char service[KITH_SERVICE_MAX + 1]; /* that was called */
	struct kith_key identity, device; /* Ed25519, of the person; X25519, of the device */
	bool initiator, open; /* we have called; it is open, and not ringing */
};

/* The person on the other side. KITH_ENOENT; out is zeroed then. */
KITH_EXPORT int kith_core_session_info_sized(const struct kith_core *core, kith_session_id session,
					     struct kith_session_info *out, size_t size);
static inline int kith_core_session_info(const struct kith_core *core, kith_session_id session,
					 struct kith_session_info *out)
{
	return kith_core_session_info_sized(core, session, out, sizeof *out);
}

/* Fills in up to n paths and returns how many there are. */
KITH_EXPORT size_t kith_core_paths(const struct kith_core *core, struct kith_now now, kith_session_id session,
				   struct kith_path_info out[], size_t n);
/* Why the session takes the path it takes, and what was tried, one event per line. Returns the length, cut at cap -
 * 1. Of one that was open, also for a minute after CLOSED: how it ended, and what was known then, in at most 4 KiB; of
 * the last 16 that ended. */
KITH_EXPORT size_t kith_core_explain(const struct kith_core *core, struct kith_now now, kith_session_id session,
				     char *out, size_t cap);
/* The same of the last session with that name that ended; 0: there is none, or it was more than a minute ago. */
KITH_EXPORT size_t kith_core_explain_last(const struct kith_core *core, struct kith_now now, const char *name,
					  char *out, size_t cap);

/* Why a leaf has no home, as far as it can be known. What hosts say before a handshake anybody on the way may have
 * written: it is for people to read. */
struct kith_homeless { /* fixed */
	/* 0: there is one, or it is too early to tell. Of ourselves: KITH_EEXPIRED, KITH_ENOTYET or KITH_EREVOKED: our
	 * certificates; KITH_ENOENT: no host to ask is known. Else what the hosts say, the most telling first:
	 * KITH_ENETWORK, KITH_EVERSION, KITH_EREJECTED (they refuse our certificates), KITH_EAUTH (we refuse theirs:
	 * theirs_err), KITH_EFULL, KITH_EUNREACHABLE (no way leads there), KITH_ETIMEDOUT (silence) */
	int err;
	uint32_t hosts; /* that are known; of those, by what came of asking them last: */
	uint32_t silent, network, version, rejected, theirs, full, unreachable, others;
	int theirs_err; /* what is wrong with their certificates */
};

/* What a core has now. */
struct kith_core_info { /* fixed */
	struct kith_homeless homeless; /* since when it has no home, and why */
	bool clock_trusted; /* false: earlier than it can be */
	int64_t clock_ahead_ms; /* how far homes' clocks are ahead of ours, as clock_homes of them say */
	uint32_t clock_homes; /* how many homes say that */
	uint32_t sessions, homes, leaves, members, tunnels, records, watches; /* how many of each there are */
	struct kith_addr observed; /* our address as a home sees it */
	uint64_t memory_records; /* bytes in interned blobs, shared */
	uint8_t hash[32]; /* of the state that must be equal from run to run of one seed */
	uint32_t load_permille; /* supernode: the most used of what it has, mean of about 30 s; 1000: all of it */
	uint32_t packets_s; /* supernode: packets received in the last second */
	uint32_t overload; /* supernode: what it refuses: 0 nothing, 1 tunnels, 2 look-ups, 3 quick news, 4 leaves */
	uint32_t refused_s; /* supernode: HELLOs that were refused for want of room in the last second */
	/* supernode: 0: it knows all others; else of so many sectors it knows three in full; how many there are */
	uint32_t sectors, supernodes;
	struct kith_nat_info nat; /* leaf: the NAT that it is behind */
	uint64_t reserved[1];
};

/* Figures of this core, for operators and tests. */
KITH_EXPORT void kith_core_info(const struct kith_core *core, struct kith_core_info *out);
/* What it is to others now; zeros without a core. */
KITH_EXPORT void kith_core_role_info(const struct kith_core *core, struct kith_now now, struct kith_role_info *out);
/* Fills in the addresses of up to n homes; returns how many there are. */
KITH_EXPORT size_t kith_core_homes(const struct kith_core *core, struct kith_addr out[], size_t n);
/* By which kind of transport (enum kith_transport_kind) each is reached now, in the same order. */
KITH_EXPORT size_t kith_core_home_kinds(const struct kith_core *core, uint8_t out[], size_t n);

#endif
