/* The node and its handles, as the files of this layer share them.
 *
 *     options.c, profile.c   what it was told         thread.c    its loop, its thread, kith_post
 *     open.c, resolve.c      from start to running    drive.c     the core's contract: emptied, then waited for
 *     sockets.c, carrier.c   opened, and opened again exchange.c  packets in; events and packets out
 *     event.c                an event is a callback   effect.c    what the core asks for
 *     answer_stun.c          the STUN server          driven.c    its loop, turned by the application's own
 *     node.c                 made, started, freed     finish.c    the end
 *     call.c, conn.c, stream.c   the calls of the application
 *     role.c                 role, consent, and the machine (power.c)
 *     renew.c                our own certificate, in time
 *     portmap.c              a port at the router, by the component of that name
 *     bootstrap.c            names, found or not yet  base.c      clock, word of a change, troubles: for all of them
 *     web.c                  WebSockets, by the component of that name
 *     ice.c                  TURN servers, by the component of that name
 *
 * Callbacks run in few places only: in the pump (drive.c), around the start (open.c), and at the end of closing.
 * Nothing that an application calls runs a callback or frees a handle: it changes the core, notes what is to be told,
 * and sets dirty; the pump does the rest in the same turn of the loop. That is why anything may be called, closed and
 * freed anywhere. It holds among our own files, too: what changes something leaves it to the pump, and calls nobody.
 */
#ifndef KITH_HOST_INTERNAL_H
#define KITH_HOST_INTERNAL_H

#include <stdatomic.h>

#include <uv.h>

#include <kith/node.h>
#include <kith/portmap.h>
#include <kith/presence.h>
#include <kith/session.h>

#include "base/list.h"
#include "base/log.h"
#include "base/table.h"
#include "base/thrift.h"
#include "host/carrier.h"
#include "host/component.h"
#include "host/ice.h"
#include "host/interfaces.h"
#include "host/keyfile.h"
#include "host/lag.h"
#include "host/power.h"
#include "host/resolve.h"
#include "host/statedir.h"
#include "host/stun.h"
#include "host/system.h"
#include "host/web.h"

#define KITH_HOST_OPEN_LABEL "kith" /* of an open network whose label nobody said */
#define KITH_HOST_SERVICES_MAX 16 /* as in the core */
#define KITH_HOST_SOCKETS_MAX 9 /* rows of a table of carriers, two of the component "web", one of "ice" */
/* Sockets that the core asked for: a spread through a NAT with random ports wants 256 of them, 32 that hit may be kept
 * from earlier ones, and as many are for others. */
#define KITH_HOST_ASKED_MAX 320
#define KITH_HOST_BATCH 64 /* packets between two calls of the core */
#define KITH_HOST_BATCHES 8 /* of one socket, before others get their turn */
#define KITH_HOST_ROUNDS 16 /* of the pump, before the loop gets its turn */
#define KITH_HOST_CONNS_MAX 100000 /* as KITH_SESSIONS_MAX */
#define KITH_HOST_WHY_MAX 256
#define KITH_HOST_POSTS_MAX 65536 /* 2 MiB: a loop that is so far behind stands still */
#define KITH_SOCKET_RETRY_US (100 * KITH_US_PER_MS)
#define KITH_SOCKET_RETRY_MAX_US (30 * KITH_US_PER_S)
#define KITH_SOCKET_GOOD_US (60 * KITH_US_PER_S)
#define KITH_HOST_STATE_FILE "state"
#define KITH_HOST_CONTACTS_FILE "contacts"

/* Memory that lives as long as the node: copies of options. */
struct kith_owned {
	struct kith_owned *next;
	size_t len;
	uint8_t bytes[];
};

/* One transport: an open carrier, or one that is to come back. Its id is its place in the node's array. Transports that
 * the core asked for are numbered behind all others. */
struct kith_socket {
	struct kith_node *node;
	const struct kith_carrier *carrier;
	const struct kith_carrier_row *row;
	uint16_t id;
	uint8_t purpose; /* enum kith_transport_purpose */
	uint32_t effect; /* that asked for it; 0: the node's own */
	void *self; /* the carrier's; NULL: not open */
	bool blocked; /* packets wait in the carrier's own queue */
	bool up; /* as the core was told */
	bool mending; /* it failed, and is to be opened again on that port */
	uint16_t port;
	unsigned attempts; /* since it failed */
	kith_time_us opened_at;
	struct kith_thrift thrift; /* with its receive buffers */
};

struct kith_posted {
	struct kith_posted *next;
	void (*fn)(struct kith_node *node, void *arg);
	void *arg;
};

/* An event of the core, until its callback ran. Its data lies in the node's event_data. */
struct kith_pending_event {
	struct kith_event event;
	size_t data_at;
};

/* A job on the thread pool. One of each kind at a time, of saving one for each file. */
struct kith_save_job {
	uv_work_t work;
	struct kith_node *node;
	enum kith_save what;
	uint32_t effect;
	uint8_t *bytes;
	size_t len;
	int err;
};

enum { KITH_HOST_FILES = KITH_SAVE_CONTACTS + 1 };

/* What a file of the state directory held. */
struct kith_host_file {
	uint8_t *bytes; /* malloc'd: the pool must not use the node's allocator */
	size_t len;
	int trouble; /* what was wrong with it, and in words; 0: nothing */
	char why[KITH_HOST_WHY_MAX];
};

struct kith_open_job {
	uv_work_t work;
	bool busy;
	struct kith_keyfile keyfile;
	char pass[KITH_PASSPHRASE_MAX];
	size_t pass_len;
	struct kith_host_file files[KITH_HOST_FILES]; /* by enum kith_save */
	struct kith_secrets secrets;
	enum kith_part part; /* that it was at when err came */
	int err;
	char why[KITH_HOST_WHY_MAX];
};

/* A certificate that is renewed, or was by others. */
struct kith_renew_job {
	uv_work_t work;
	struct kith_node *node;
	bool take_only; /* what stands in the chain file, or nothing */
	uint8_t ours[KITH_CHAIN_MAX]; /* the chain that the node has ... */
	struct kith_chain held; /* ... parsed */
	uint8_t chain[KITH_CHAIN_MAX]; /* the new one */
	size_t len; /* 0: there is none */
	int err, saved; /* why there is none; what became of the file */
	char why[KITH_HOST_WHY_MAX];
};

struct kith_node {
	struct kith_node_options o; /* deep copy */
	struct kith_node_callbacks cb;
	void *user;
	const struct kith_alloc *alloc;
	const struct kith_alloc *buffers; /* for what is large, and given back again and again */
	const struct kith_random *random;
	const struct kith_log *log;
	struct kith_log log_copy;
	struct kith_owned *owned;
	enum kith_node_state state;

	uv_loop_t *loop; /* the application's, or one of our own, which is allocated with the node's allocator */
	bool own; /* a loop of its own */
	bool processing; /* driven, and its loop turns */
	atomic_bool threaded; /* its thread was started, and is in thread from then on */
	uv_thread_t thread;
	uv_async_t async;
	uv_prepare_t prepare; /* right before the loop waits; closed last */
	uv_check_t check; /* right after it read */
	uv_timer_t timer; /* the core's deadline */
	uv_timer_t resolve_timer; /* names that were not found: again */
	uv_timer_t mend_timer; /* sockets that failed: again */
	uv_timer_t close_timer; /* closing: patience is over */
	unsigned handles; /* uv handles not closed yet, but for prepare */
	unsigned jobs; /* uv requests under way */

	uv_mutex_t post_lock;
	struct kith_posted *posted, **posted_tail; /* under post_lock, as the next three */
	unsigned posted_n;
	bool post_open, close_wanted;

	enum kith_part failed; /* what the start is at, and then what it failed at */
	struct kith_statedir statedir;
	struct kith_open_job *open; /* NULL: it is done, and wiped */
	struct kith_resolver resolver;
	bool resolve_all; /* at the next round: names that were found, too */
	struct kith_save_job *saves[KITH_HOST_FILES]; /* by enum kith_save; NULL: none under way */
	struct kith_stats stats;
	struct kith_shared *shared;
	struct kith_core *core; /* NULL unless running or closing after that */
	struct kith_chain chain; /* ours, parsed */
	uint8_t *renewed; /* KITH_CHAIN_MAX: what it was parsed from, once it was renewed; else NULL */
	struct kith_renew_job *renewing; /* NULL: no job */
	int renew_told; /* the last error of CERTIFICATE */
	char name[KITH_NAME_MAX + 1]; /* of it */
	struct kith_id network;
	char (*services)[KITH_SERVICE_MAX + 1]; /* services_n, until the core is there, which has them from then on */
	size_t services_n;

	const struct kith_carrier_row *carriers; /* what to open */
	struct kith_socket sockets[KITH_HOST_SOCKETS_MAX];
	size_t sockets_n;
	struct kith_socket **asked; /* KITH_HOST_ASKED_MAX places, while there are any */
	size_t asked_n;
	struct kith_interface_watch watch;
	struct kith_interface_link told_link; /* the last one that the application was told to be small */
	struct kith_proxy *proxy; /* for TCP; NULL: straight */
	int told_proxy; /* the last error of it that the application was told */
	struct kith_addr told_web; /* where the last URL led that was no use */
	bool watching;
	struct kith_power_watch *power; /* NULL unless the role is auto */
	const char *root; /* where power looks: "/", but for tests */
	struct kith_component_file stun_part;
	struct kith_stun *stun;
	struct kith_portmap *portmap; /* NULL: nothing is asked of a router */
	struct kith_web *web; /* NULL: no WebSockets */
	struct kith_ice *ice; /* NULL: no TURN server */
	bool web_missing; /* there are none, although a bootstrap host wants them */
	bool locals_due; /* the router maps another address, or a TURN server relays: to be told to the core */
	struct kith_lag lag; /* of the loop, for a supernode */
	bool dirty, left, impatient, finishing;
	bool leave_due; /* closing, and the core was not told to leave yet */

	struct kith_pending_event *events;
	size_t events_n, events_cap;
	uint8_t *event_data;
	size_t event_data_len, event_data_cap;
	struct kith_thrift thrift; /* with events, and what all that moves lies in */

	struct kith_table conns; /* by session id */
	struct kith_link all_conns, closing_conns, held_conns; /* all_link, work_link, work_link */
	struct kith_link calls;
	struct kith_link streams_work; /* streams with something to do: work_link */
	void (*closed)(struct kith_node *node, void *user);
};

enum kith_call_kind { KITH_CALL_CONNECT, KITH_CALL_LOOKUP, KITH_CALL_CHALLENGE };

struct kith_call {
	struct kith_link link;
	struct kith_node *node;
	enum kith_call_kind kind;
	kith_op op;
	bool canceled, done;
	kith_connect_fn connected;
	kith_found_fn found;
	kith_lookup_fn looked_up;
	kith_challenge_fn challenged;
	void *user;
};

enum kith_conn_state {
	KITH_CONN_INCOMING, /* the application has not answered */
	KITH_CONN_ACCEPTED, /* it has, and the session is being made */
	KITH_CONN_OPEN,
	KITH_CONN_LINGERING, /* closed by the application; what its streams have finished is still on its way */
	KITH_CONN_CLOSING /* the core knows it no more; the closed callback is due */
};

struct kith_conn {
	struct kith_link all_link, work_link;
	struct kith_node *node;
	kith_session_id id;
	enum kith_conn_state state;
	enum kith_close_reason reason;
	bool remote; /* who ended it */
	bool cut; /* not by the application: what had arrived is still read */
	bool arrived; /* all that streams had finished when the application closed it */
	bool held; /* lingering, and not all that was finished is in the core yet */
	kith_time_us linger_us, linger_until;
	bool refused; /* a datagram was, for our own queue's sake */
	struct kith_session_info who;
	struct kith_conn_callbacks cb;
	void *user;
	struct kith_link streams;
};

struct kith_borrowed {
	const uint8_t *data;
	size_t len, taken;
	kith_release_fn release;
	void *ctx;
};

struct kith_stream {
	struct kith_link link, work_link;
	struct kith_conn *conn;
	uint64_t id;
	uint16_t channel;
	bool closing; /* kith_stream_close was called */
	bool over; /* its last callbacks run: nothing is begun any more */
	bool look_again; /* new callbacks: tell them that there may be something to read */
	bool finishing, finished; /* kith_stream_finish was called; the core knows */
	bool write_over; /* reset, stopped or finished */
	bool ended, end_told; /* the peer's end came, and all was read; the application knows */
	struct kith_stream_callbacks cb;
	void *user;
	struct kith_borrowed borrowed[KITH_STREAM_BORROWS]; /* ring */
	uint8_t borrowed_at, borrowed_n;
};

/* ---- base.c ---- */
/* Of every call of the application. KITH_EINVAL: there is no such handle; KITH_ETHREAD: this is not the node's
 * thread. */
int kith_node_check(const struct kith_node *node) KITH_MUST_USE;
int kith_conn_check(const struct kith_conn *conn) KITH_MUST_USE;
int kith_stream_check(const struct kith_stream *stream) KITH_MUST_USE;
struct kith_now kith_node_now(const struct kith_node *node);
void kith_node_touch(struct kith_node *node); /* something changed: the pump will look */
void kith_node_job_done(struct kith_node *node);
void kith_node_handle_closed(uv_handle_t *handle); /* close callback of handles whose data is the node */
/* For logs: such texts hold host names, addresses and paths. */
const char *kith_node_redacted(const struct kith_node *node, const char *why);
void kith_trouble(struct kith_node *node, enum kith_trouble what, int err, const char *why);
struct kith_socket *kith_socket_find(const struct kith_node *node, uint16_t transport); /* NULL: there is none */
/* All sockets, in the order of ids: from *it on, which begins with 0. NULL: no more. */
struct kith_socket *kith_socket_next(const struct kith_node *node, uint16_t *it);

/* ---- plight.c ---- */
/* Events about clock and homes, told as troubles. */
void kith_plight_clock(struct kith_node *node, const struct kith_event *ev);
void kith_plight_lists(struct kith_node *node, const struct kith_event *ev);
/* ev is NAME_TWICE. */
void kith_plight_twice(struct kith_node *node, const struct kith_event *ev);
void kith_plight_homeless(struct kith_node *node, const struct kith_event *ev);
void kith_plight_failing(struct kith_node *node, const struct kith_event *ev);
/* An endpoint of ours that others cannot reach, or can again. */
void kith_plight_endpoint(struct kith_node *node, const struct kith_event *ev);
void kith_plight_forked(struct kith_node *node, const struct kith_event *ev);
/* Packets to an address go in fragments. */
void kith_plight_mtu(struct kith_node *node, const struct kith_addr *to);
void kith_plight_proxy(struct kith_node *node, int err); /* it does not do what it is asked */
void kith_plight_web(struct kith_node *node,
		     const struct kith_carrier_error *e); /* a URL does not lead to a supernode */
void kith_plight_caught(struct kith_node *node, const struct kith_event *ev);
void kith_homeless_text(const struct kith_node *node, const struct kith_homeless *h, char *out, size_t cap);

/* ---- options.c ---- */
/* Copies what o points to into memory of the node. KITH_EINVAL, KITH_ENOMEM. */
int kith_options_copy(struct kith_node *node, const struct kith_node_options *o) KITH_MUST_USE;
void kith_options_free(struct kith_node *node); /* wipes, too */
/* What the application was compiled with, and defaults for the rest. False: it has no size. */
bool kith_options_read(struct kith_node_options *out, const struct kith_node_options *o);

/* ---- open.c ---- */
int kith_open_begin(struct kith_node *node) KITH_MUST_USE;
void kith_open_cancel(struct kith_node *node);
void kith_open_forget(struct kith_node *node); /* wipes what it was to be opened with */

/* ---- renew.c ---- */
/* Takes a newer chain out of the chain file; if there is none, and not take_only, makes one. KITH_ENOMEM, KITH_EIO. */
int kith_renew_begin(struct kith_node *node, bool take_only) KITH_MUST_USE;
void kith_renew_due(struct kith_node *node); /* CERT_DUE came */

/* ---- sockets.c ---- */
/* Opens all on one port. One that this machine does not have is no error, none at all is. */
int kith_sockets_open(struct kith_node *node, char *why) KITH_MUST_USE;
void kith_sockets_close(struct kith_node *node);
/* The n endpoints that the options name, and behind them where TCP connections are taken in: at the addresses of UDP,
 * unless the options name others. How many. */
size_t kith_sockets_endpoints(const struct kith_node *node, const struct kith_endpoint at[], size_t n,
			      struct kith_endpoint out[KITH_ENDPOINTS_MAX]);
void kith_sockets_check(struct kith_node *node); /* gives up broken carriers, and sees to their return */
void kith_tell_transports(struct kith_node *node, const struct kith_interfaces *interfaces);
/* Opens what an OPEN asks for, as many as can be, and tells the core. KITH_ENOTSUP, KITH_EFULL, as a carrier's open. */
int kith_sockets_ask(struct kith_node *node, const struct kith_effect *effect) KITH_MUST_USE;
/* Closes one that was asked for. KITH_EACCES: it is the node's own; KITH_ENOENT. */
int kith_sockets_dismiss(struct kith_node *node, uint16_t transport) KITH_MUST_USE;
void kith_sockets_disown(struct kith_node *node, uint32_t effect); /* closes what that one asked for */

/* ---- role.c ---- */
/* Looks after what of the machine speaks against serving, if the role is auto. KITH_ENOMEM, KITH_EIO. */
int kith_serving_watch(struct kith_node *node) KITH_MUST_USE;
void kith_serving_unwatch(struct kith_node *node);
void kith_serving_moved(struct kith_node *node); /* the way out may be another */

/* ---- bootstrap.c ---- */
/* Begins to look up names that were not found yet, unless that is under way; all, while there is no home. */
void kith_bootstrap_resolve(struct kith_node *node);
void kith_bootstrap_cancel(struct kith_node *node);

/* ---- thread.c ---- */
int kith_thread_init(struct kith_node *node) KITH_MUST_USE;
void kith_thread_free_loop(struct kith_node *node); /* of its own; it is closed */
/* Posts are taken from here on; woken is called on the loop when there are some. */
int kith_thread_open(struct kith_node *node, uv_async_cb woken) KITH_MUST_USE;
int kith_thread_start(struct kith_node *node) KITH_MUST_USE;
void kith_thread_run_posted(struct kith_node *node);
void kith_thread_stop_posts(struct kith_node *node); /* runs what is left; no more are taken */
void kith_thread_ask_close(struct kith_node *node); /* from another thread: the node is to be closed */
bool kith_thread_close_asked(struct kith_node *node);

/* ---- effect.c ---- */
void kith_effects_take(struct kith_node *node); /* begins whatever the core asks for */

/* ---- exchange.c ---- */
void kith_exchange_ready(void *socket, unsigned ready); /* what a carrier tells */
void kith_exchange_unblocked(struct kith_socket *s); /* what waited there was sent, or is lost */
void kith_exchange_drain(struct kith_node *node); /* empties the core after it was changed */
void kith_exchange_flush(struct kith_node *node); /* of events and packets only */
void kith_exchange_rest(struct kith_node *node); /* all was dispatched: what it lay in may go */
bool kith_exchange_blocked(const struct kith_node *node); /* packets wait in our own queue */

/* ---- answer_stun.c ---- */
/* Loads the codec, unless it is loaded: any thread, and it may block. KITH_ENOTSUP: why says which component it is. */
int kith_node_stun_load(struct kith_node *node, char why[KITH_HOST_WHY_MAX]) KITH_MUST_USE;
int kith_node_stun_begin(struct kith_node *node) KITH_MUST_USE; /* when it is loaded */
void kith_node_stun_end(struct kith_node *node);
/* Answers what is for the STUN server and takes it out; returns how many packets are left for the core. */
size_t kith_node_stun_take(struct kith_socket *s, struct kith_packet packets[], size_t n);

/* ---- web.c ---- */
/* Loads the component, if anything asks for it; the pool's thread, as it reads files. An error says in why what is
 * wrong with what the options ask for; what only bootstrap hosts ask for is done without, and told by kith_web_tell. */
int kith_web_load(struct kith_node *node, char why[KITH_HOST_WHY_MAX]) KITH_MUST_USE;
void kith_web_tell(struct kith_node *node); /* that it was done without */
void kith_web_end(struct kith_node *node); /* when its carriers are closed */

/* ---- ice.c ---- */
/* Loads the component, if a TURN server is named; the pool's thread. An error says in why that it is not there. */
int kith_ice_load(struct kith_node *node, char why[KITH_HOST_WHY_MAX]) KITH_MUST_USE;
void kith_ice_look(struct kith_node *node); /* its address has come, or gone: told in the log */
void kith_ice_end(struct kith_node *node); /* when its carrier is closed */

/* ---- portmap.c ---- */
/* Begins to ask the router for a mapping, asks again, or stops, as options and addresses are now. */
void kith_portmap_look(struct kith_node *node);
void kith_portmap_stop(struct kith_node *node); /* what was mapped is taken back */
bool kith_portmap_busy(const struct kith_node *node); /* something is mapped, or is being taken back */
void kith_portmap_abandon(struct kith_node *node); /* nobody waits for that any more */
/* The outer address of a transport. False: there is none. */
bool kith_portmap_local(const struct kith_node *node, uint16_t transport, struct kith_local *out);

/* ---- drive.c ---- */
int kith_drive_start(struct kith_node *node) KITH_MUST_USE; /* the handles of the loop */

/* ---- finish.c ---- */
void kith_finish_leave(struct kith_node *node); /* the core leaves, as soon as it has all that was finished */
void kith_finish_begin(struct kith_node *node); /* LEFT came, or its time is over */
void kith_finish_look(struct kith_node *node); /* whether handles and jobs have come to their end */

/* ---- event.c ---- */
void kith_event_dispatch(struct kith_node *node);
void kith_event_work(struct kith_node *node); /* what the application's calls left to be told */
void kith_event_end_all(struct kith_node *node); /* at the end: every handle gets its last callback */

/* ---- call.c, conn.c, stream.c: what events need ---- */
struct kith_call *kith_call_find(struct kith_node *node, kith_op op);
void kith_call_complete(struct kith_call *call, int err, struct kith_conn *conn);
struct kith_conn *kith_conn_make(struct kith_node *node, kith_session_id id, enum kith_conn_state state);
struct kith_conn *kith_conn_find(struct kith_node *node, kith_session_id id);
void kith_conn_end(struct kith_conn *conn, enum kith_close_reason reason, bool remote); /* queues its closed callback */
void kith_conn_finish(struct kith_conn *conn); /* calls it, and frees the handle */
void kith_conn_hold(struct kith_conn *conn); /* lingers: closes it in the core as soon as all is there */
bool kith_conn_finishes(const struct kith_conn *conn); /* whether there is anything to linger for */
void kith_conn_forget(struct kith_conn *conn); /* frees a handle that the application never saw */
void kith_stream_changed(struct kith_conn *conn, const struct kith_event *ev);
void kith_stream_work(struct kith_stream *stream);
void kith_stream_end(struct kith_stream *stream, int err); /* calls closed, and frees the handle */

#endif
