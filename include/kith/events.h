/* What a core tells of: events, and what they carry. Of the fields of an event those that its type names are filled in.
 *
 * Pointers in an event are borrowed until the next call that changes the core.
 */
#ifndef KITH_EVENTS_H
#define KITH_EVENTS_H

#include <kith/close.h>
#include <kith/identity.h>
#include <kith/role.h>
#include <kith/transport.h>
#include <kith/types.h>

typedef uint32_t kith_session_id; /* 0 = none */
typedef uint32_t kith_op; /* an operation under way; 0 = none */

/* What an event tells. */
enum kith_event_type {
	KITH_EVENT_ATTACHED, /* count homes are held now; 0 = cut off */
	/* others can find us now: the presence record is in the directory. Once, and again when it is there after
	 * ATTACHED told of no home: then nobody can bring it there, and it is on its way out. Not for each new record,
	 * and not of the record that says goodbye */
	KITH_EVENT_PUBLISHED,
	KITH_EVENT_INCOMING, /* session, name, service: kith_core_accept or _reject it, now or later */
	/* session is up: op for ours, or an accepted incoming one. When both called each other at the same moment there
	 * is one session for both calls, which may be the one that the other side began (remote) */
	KITH_EVENT_OPENED,
	KITH_EVENT_OP_DONE, /* op ended with err; of a call that succeeded, OPENED tells instead */
	KITH_EVENT_FOUND, /* op: one device of a lookup's answer: device; OP_DONE follows after the last */
	/* session ended: reason, by whom (remote). Its streams end with it, without events of their own; what had
	 * arrived on them can be read for 10 s: kith_core_stream_read gives it, and then the end, or KITH_ECUT. Also
	 * one that still waits to be accepted: KITH_CLOSE_CANCELED when its caller gave up, KITH_CLOSE_REPLACED when
	 * it was taken as the answer to our own call of that name */
	KITH_EVENT_CLOSED,
	KITH_EVENT_PATH, /* session sends on another path now: path */
	KITH_EVENT_DATAGRAM, /* session, channel, data */
	KITH_EVENT_WRITABLE, /* session: datagrams are taken again */
	KITH_EVENT_STREAM, /* session, stream: see stream_change */
	KITH_EVENT_PRESENCE, /* name: online or not */
	KITH_EVENT_IDENTITY_CHANGED, /* name is certified for another key (identity) than the pinned one */
	/* name was found under several identities, of which identity is one and found.identity another: an issuer has
	 * certified it twice. Once for an operation (op); a call goes on if the name is pinned to one of them, else it
	 * ends with KITH_ETWICE */
	KITH_EVENT_NAME_TWICE,
	/* a revocation list was due at expires_ms, and no newer one has come (KITH_EEXPIRED); or that is longer ago
	 * than the network allows, and calls are not made and not taken (KITH_ESTALE); or all are in time again (0).
	 * Only where the root's list names a bound */
	KITH_EVENT_LISTS_LATE,
	KITH_EVENT_CERT_EXPIRING, /* our own chain ends at expires_ms */
	/* the wall clock is wrong (err KITH_ESKEW): earlier than it can be, or off by ahead_ms, as count homes say; or
	 * it is right again (0) */
	KITH_EVENT_CLOCK,
	KITH_EVENT_HOMELESS, /* no home since 5 s: err, as in kith_core_info.homeless; told again when that changes */
	/* attachments end right away, and are tried again at longer and longer intervals: err; reason of the last one
	 * when it was closed; ahead_ms: how far homes' clocks are ahead of ours. Told once in ten minutes */
	KITH_EVENT_ATTACH_FAILING,
	KITH_EVENT_LEFT, /* kith_core_leave is done */
	/* session: nothing of the other side has been heard for silent_us; it is kept, its streams wait, and datagrams
	 * are not taken. RESUMED follows, or CLOSED when its patience is over */
	KITH_EVENT_INTERRUPTED,
	KITH_EVENT_RESUMED, /* session: the other side is there again, after silent_us */
	KITH_EVENT_ROLE, /* the core begins to serve others (serving), or ends: role_reason; err: why it FAILED */
	/* a supernode asks for help, and the terms say ASK: kith_core_consent answers, within_us; nothing is no */
	KITH_EVENT_ASKED,
	/* an endpoint of ours was tried from outside in vain: err (endpoint); or, after such an event, it works (0) */
	KITH_EVENT_ENDPOINT,
	/* a home did not do what it is for: the supernode's name and identity; lie says what. More than once, or
	 * proven; it is replaced, and taken again only where there is no other */
	KITH_EVENT_CAUGHT,
	/* most of the life of this device's certificate is over: a newer one is to be made, and brought by
	 * kith_core_renew. Told again until it was, once a day or, if it lives for less than 48 days, 48 times in its
	 * life (but not more often than once in ten minutes). expires_ms: when our own chain ends */
	KITH_EVENT_CERT_DUE,
	/* an issuer keeps two logs: two heads that it signed contradict each other; identity: its key. Of each issuer
	 * once since the start; kith_core_logs has the proof */
	KITH_EVENT_LOG_FORKED,
	/* session: what the caller said early is there, and kith_core_early gives it. Once for a session at most: right
	 * behind INCOMING; or, if it might be a replay or did not fit, behind OPENED, when the caller is proven to be
	 * there */
	KITH_EVENT_EARLY
};

/* X(name, value, text) */
#define KITH_LIE_MAP(X)                                                                                                \
	X(NOT_PUBLISHED, 1, "says that it published our record, and did not")                                          \
	X(DENIES, 2, "says that somebody is not there who is")                                                         \
	X(SILENT, 3, "does not answer")                                                                                \
	X(FORGES, 4, "names supernodes by entries that they did not sign")                                             \
	X(WITHHOLDS, 5, "does not tell of those whom we watch what others tell")

/* What a home was caught doing. */
enum kith_lie {
#define KITH_LIE_ENUM(name, value, text) KITH_LIE_##name = (value),
	KITH_LIE_MAP(KITH_LIE_ENUM)
#undef KITH_LIE_ENUM
};

/* How packets go. */
enum kith_path_class {
	KITH_PATH_CLASS_DIRECT = 1,
	KITH_PATH_CLASS_RELAY = 2, /* through a supernode */
	KITH_PATH_CLASS_TURN = 3 /* by a TURN server, ours or the peer's */
};

/* A path of a session. */
struct kith_path_info { /* fixed */
	enum kith_path_class kind; /* direct, or by what */
	struct kith_addr remote; /* the peer's, or the relay's; of the peer's TURN server where that relays */
	uint16_t transport; /* of the host: which one carries it */
	uint8_t carrier; /* enum kith_transport_kind: what the transport is; NONE: closed by now */
	bool sending; /* data goes this way now */
	bool alive; /* it carries packets in both directions, as far as is known */
	kith_time_us rtt_us; /* 0 = not measured */
	kith_time_us heard_us; /* how long ago */
	uint64_t reserved[4];
};

/* A device of a name, as its presence record tells of it. */
struct kith_found_device { /* fixed */
	struct kith_key device; /* X25519 */
	struct kith_key identity; /* Ed25519, of the person */
	bool online; /* it has not said goodbye */
	uint8_t homes_n;
	struct kith_endpoint homes[3]; /* supernodes that introduce to it */
	uint64_t seq; /* of the record: of two the higher is the newer. A minute in unix ms, and a count within it */
	int64_t expires_ms; /* of the record, in unix milliseconds */
	uint64_t reserved[4];
};

/* What a STREAM event tells. */
enum kith_stream_change {
	KITH_STREAM_CHANGE_OPENED, /* by the other side, on channel */
	KITH_STREAM_CHANGE_READABLE, /* read until KITH_EAGAIN or the end */
	KITH_STREAM_CHANGE_WRITABLE, /* there is room again, after a write was cut short */
	KITH_STREAM_CHANGE_FIN, /* the other side's end has come, and nothing is left to read */
	KITH_STREAM_CHANGE_RESET, /* the other side gave up sending: code */
	KITH_STREAM_CHANGE_STOPPED, /* the other side does not want more */
	KITH_STREAM_CHANGE_CLOSED /* it is over: err as in kith_stream_callbacks.closed; the id is invalid now */
};

/* What happened. Which members have a meaning stands with the types; the others are zero. */
struct kith_event { /* grows */
	enum kith_event_type type; /* what happened */
	kith_session_id session; /* in which session; 0: in none */
	kith_op op; /* which operation; 0: none */
	int err; /* 0, or why it failed */
	uint32_t count; /* ATTACHED: homes that are held; of a wrong clock: homes that say so */
	char name[KITH_NAME_MAX + 1]; /* of the person, or of what was watched */
	char service[KITH_SERVICE_MAX + 1]; /* that is called */
	struct kith_key identity; /* the key that the name is certified for */
	enum kith_close_reason reason; /* CLOSED: why */
	bool remote, online; /* the other side has begun, or ended it; the name is there */
	uint16_t channel; /* the application's number of a datagram or stream */
	uint64_t stream, code; /* its id; what came with a reset */
	enum kith_stream_change stream_change; /* STREAM: what it tells */
	int64_t expires_ms, ahead_ms; /* unix milliseconds; of a wrong clock: how far others are ahead */
	kith_time_us silent_us; /* since the other side was last heard */
	struct kith_path_info path; /* PATH: the one that data takes now */
	struct kith_span data; /* DATAGRAM: its bytes */
	struct kith_found_device found; /* FOUND: the device */
	bool serving; /* ROLE: it serves now */
	enum kith_role_reason role_reason; /* ROLE: why it began or ended */
	kith_time_us within_us; /* ASKED: how long the answer may take */
	struct kith_endpoint endpoint; /* ENDPOINT: which one */
	enum kith_lie lie; /* CAUGHT: what the home did; 0: it is another event */
};

#endif
