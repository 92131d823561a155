/* A node: one device of one identity in one network, with its sockets, timers and state directory.
 *
 * Threads. A node belongs to the thread of its loop: the application's own (options.loop), or one that the node
 * starts. Every call but kith_post, kith_node_free and the calls before kith_node_start is made on that thread, and
 * every callback runs there. With a thread of the node's own, calls from any other are refused: with KITH_ETHREAD, or
 * 0 or NULL where no error can be returned. (Of an application's own loop the library does not know the thread.)
 *
 * Callbacks may call anything, and may close or free anything but the node itself (which is freed after, or in, its
 * closed callback). None runs inside of a call of the application: they come from the loop, later. None comes after
 * the closed callback of its handle. Pointers that a callback is given, but handles, are borrowed until it returns.
 *
 * Operations (struct kith_call) are asynchronous calls under way. Each completes exactly once, through its callback,
 * also when it is cancelled and when the node is closed; the handle is invalid once that callback returned.
 *
 * Wrong arguments are refused and change nothing. A handle that is NULL, as any pointer that is missing and not said
 * to be allowed to, is KITH_EINVAL; calls that return a count or a pointer return 0 or NULL, kith_node_free nothing.
 *
 * In the last callbacks of a handle (its closed callback, and whatever is released with it) calls on it are refused
 * with KITH_ECLOSED or KITH_ESTATE and have no effect; reading what a session that was cut had brought is the
 * exception.
 *
 * Nothing here blocks, but where it says so. What a stranger on the network does is never an error of a call (see
 * <kith/stats.h>).
 */
#ifndef KITH_NODE_H
#define KITH_NODE_H

#include <kith/core.h>
#include <kith/keyfile.h>
#include <kith/trouble.h>

struct uv_loop_s;

struct kith_node;
struct kith_conn;
struct kith_stream;
struct kith_call;

/* Asks for the passphrase of a key file: writes it to out (at most cap bytes, no NUL needed) and returns its length,
 * or a negative code, which kith_node_new then returns. May block: it is called by kith_node_new, on its caller's
 * thread. kith_passphrase (<kith/keyfile.h>) is one that asks on the terminal. */
typedef int (*kith_passphrase_fn)(void *ctx, const char *path, char *out, size_t cap);

/* Everything is copied by kith_node_new, but what says "borrowed". Paths and texts are NUL-terminated. */
struct kith_node_options {
	size_t size; /* sizeof, set by kith_node_options_init */

	/* Where it runs. A supernode knows its thread's load if the loop is its own, or has UV_METRICS_IDLE_TIME. */
	struct uv_loop_s *loop; /* borrowed until closed; NULL: a loop of the node's own, on a thread of its own */
	const struct kith_alloc *alloc; /* borrowed until freed; NULL: malloc. Called on the loop's thread only */
	const struct kith_random *random; /* borrowed until freed; NULL: the kernel's generator */
	const struct kith_log *log; /* its ctx is borrowed until freed; NULL: silent */
	bool driven; /* neither (loop is NULL): the application calls kith_node_process when there is something to do */

	/* The node's identity. Either device holds the device's secret, or key_path names a key file that holds it. */
	enum kith_role role; /* default: leaf */
	struct kith_terms terms; /* not of a leaf: under which it serves (<kith/role.h>) */
	bool has_root; /* false: an open network */
	struct kith_key root; /* key of the network, when has_root */
	const char *open_label; /* of the open network; default "kith" */
	bool has_device; /* false: key_path names a key file */
	struct kith_seed device; /* the copy in the node is wiped as soon as the core has it */
	const char *key_path; /* opened by kith_node_start, on the thread pool: Argon2id takes a second */
	kith_passphrase_fn passphrase; /* called if the key file is protected */
	void *passphrase_ctx; /* the first argument of passphrase */
	struct kith_span chain; /* certificates of this device */
	struct kith_span devices; /* the identity's device list, or empty */
	const struct kith_span *issuers; /* further issuers' certificates, known from the start */
	size_t issuers_n;
	const struct kith_span *revocations; /* lists, known from the start */
	size_t revocations_n;
	const char *state_dir; /* what it remembers: made (0700) if missing, locked against a second node; or NULL */

	/* Where it listens, and whom it asks first. */
	uint16_t port; /* of both families, UDP and, of a supernode, TCP; 0: any */
	bool no_v4, no_v6; /* do without that family */
	struct kith_addr bind_v4, bind_v6; /* family NONE: all interfaces. Ports are ignored */
	struct kith_endpoint endpoints[KITH_ENDPOINTS_MAX]; /* not of a leaf: where it is reachable, UDP first */
	size_t endpoints_n;
	const char *const *bootstrap; /* "host:port", "wss://host/path", each with " key" after it if known */
	size_t bootstrap_n;
	bool allow_loopback; /* use loopback addresses: several nodes on one machine, tests */
	bool no_offload; /* do not use the kernel's segmentation and coalescing (Linux UDP GSO/GRO) */

	/* What it offers. */
	bool answer_strangers; /* raise incoming for names that are no contact; default true */
	/* Supernode: answer STUN requests on the same port. Needs the component kith-stun.so, from "kith" beside the
	 * library, or from KITH_COMPONENT_PATH of the environment; else the node does not start (KITH_ENOTSUP). */
	bool stun;
	uint32_t sessions_max, tunnels_max; /* 0: the core's defaults */
	uint64_t relay_rate, relay_owner_rate; /* supernode: bytes a second, in all and for one identity; 0: defaults */
	/* Bytes that streams may hold each way: one; all of a session; the growth of all windows. 0: 8, 16, 256 MiB */
	uint32_t stream_window_max, session_window_max;
	size_t windows_max;
	kith_time_us leave_us; /* how long kith_node_close may take to say goodbye; default 2 s */
	kith_time_us linger_us; /* closing waits so long for what streams have finished to arrive; default 10 s */
	uint32_t election_pace; /* for test networks, as in kith_core_options; 0: the core's default */
	struct kith_profile *profile; /* owner of what kith_node_options_load read; kith_node_options_deinit frees it */
	/* The device's certificate is renewed when two thirds of its life are over: by a newer chain in this file; else
	 * by one that is made, if key_path holds the identity's secret, and written there. NULL: it is not written. */
	const char *chain_path;
	const char *passphrase_path; /* with key_path's, read again for that. NULL: a protected file stays shut */
	enum kith_presence presence; /* who sees this device come and go; default KITH_PRESENCE_PUBLIC */
	uint16_t listen_tcp; /* take TCP connections at this port, too (443), and name it to others; 0: at port only */
	bool no_tcp; /* neither take nor make TCP connections */
	const char *proxy; /* TCP goes through this SOCKS or HTTP proxy: kithd.conf(5) has the syntax; NULL: straight */
	bool no_port_mapping; /* do not ask the router for a port (<kith/portmap.h>) */
	bool no_lan; /* neither ask for contacts on the local network, nor answer; supernodes never do */
	bool no_tcp_in; /* take no TCP connections of contacts in calls that find no direct way over UDP */
	struct kith_addr web_listen; /* take WebSockets here, by the component kith-web.so; family NONE: nowhere */
	const char *web_certificate; /* PEM file; NULL: plain, behind a reverse proxy of one's own */
	const char *web_key; /* PEM file, with web_certificate */
	const char *web_path; /* of the URL; NULL: "/ws" */
	const char *web_trust; /* PEM file of authorities for wss:// hosts, or "any"; NULL: the system's */
	const char *const *turn; /* "turn:USER:PASSWORD@ADDRESS:PORT": servers that relay for it (<kith/turn.h>) */
	size_t turn_n;
};

/* Fills in the defaults. */
KITH_EXPORT void kith_node_options_init_sized(struct kith_node_options *o, size_t size);
static inline void kith_node_options_init(struct kith_node_options *o)
{
	kith_node_options_init_sized(o, sizeof *o);
}

/* Fills in root or open_label, chain, devices, issuers, revocations, key_path, chain_path, state_dir and bootstrap from
 * a directory, whose files <kith/keyfile.h> describes; sets allow_loopback if the profile asks for it. Blocks (reads
 * files). KITH_ENOENT: there is no profile; KITH_EACCES, KITH_EMFILE, KITH_EIO, KITH_ENOMEM; KITH_EINVAL: a path is too
 * long, or of no file; KITH_EMSGSIZE, KITH_EFULL: too much in one; KITH_EPROTO; errors as kith_chain_parse. why (cap
 * bytes, may be NULL) then says what is wrong with which file. */
KITH_EXPORT int kith_node_options_load(struct kith_node_options *o, const char *dir, char *why,
				       size_t cap) KITH_MUST_USE;

/* Fills in an identity of its own in the open network of that label: a fresh key and a certificate, made in memory and
 * forgotten with the node; for tests and programs that live for a while. name is its name. KITH_EINVAL (the label),
 * KITH_ENOMEM, KITH_EIO. */
KITH_EXPORT int kith_node_options_open(struct kith_node_options *o, const char *label,
				       char name[KITH_NAME_MAX + 1]) KITH_MUST_USE;

/* Frees what the functions here allocated and wipes secrets. Allowed as soon as kith_node_new returned. */
KITH_EXPORT void kith_node_options_deinit(struct kith_node_options *o);

/* ---- for bindings of other languages, which need to know no layout of these structs ---- */

/* Options on the heap, with the defaults filled in (NULL: no memory); and what frees them, as deinit does. */
KITH_EXPORT struct kith_node_options *kith_node_options_new(void);
KITH_EXPORT void kith_node_options_free(struct kith_node_options *o);

/* Sets the member of that name, or of terms, from text, which is copied: "true" and "false", a number, a path, "leaf",
 * "supernode" and "auto", a consent ("yes", "no", "ask"), a key, an address. "bootstrap", "turn" and "endpoint" add
 * one. What kith_node_options_load and _open fill in is theirs: call them before. KITH_ENOENT: no such name;
 * KITH_EINVAL: no such value; KITH_EFULL, KITH_ENOMEM. */
KITH_EXPORT int kith_node_options_set(struct kith_node_options *o, const char *name, const char *value) KITH_MUST_USE;

/* The members that are no text. KITH_EINVAL, KITH_ENOMEM. */
KITH_EXPORT int kith_node_options_set_loop(struct kith_node_options *o, struct uv_loop_s *loop);
KITH_EXPORT int kith_node_options_set_log(struct kith_node_options *o,
					  void (*sink)(void *ctx, enum kith_log_level level, const char *line),
					  void *ctx, enum kith_log_level level, bool clear) KITH_MUST_USE;
KITH_EXPORT int kith_node_options_set_passphrase(struct kith_node_options *o, kith_passphrase_fn fn, void *ctx);

/* What in a node's options something is wrong with. */
enum kith_part {
	KITH_PART_NONE,
	KITH_PART_OPTIONS, /* they contradict each other */
	KITH_PART_KEY, /* the key file or its passphrase, or the key is of another device than the chain */
	KITH_PART_CHAIN, /* the certificates */
	KITH_PART_ROLE, /* the certificates do not allow it */
	KITH_PART_LIST, /* issuers, revocations or devices */
	KITH_PART_STATE, /* the state directory */
	KITH_PART_SOCKET, /* port and addresses */
	KITH_PART_COMPONENT, /* of the library: an option needs one that is not installed */
	KITH_PART_SYSTEM /* none: memory, threads, descriptors */
};

/* Looks at all that kith_node_start needs but sockets and state: the key against the chain, the chain against root (or
 * open label) and clock, the name against the role, the lists. 0: a node with these options may start; *part is then
 * KITH_PART_KEY if the key file is protected and no passphrase callback is set, so that it was not opened, else
 * KITH_PART_NONE. Otherwise the code, *part, and why in words (at most cap bytes, always NUL-terminated): errors as
 * kith_keyfile_read, what the passphrase callback says, KITH_EAUTH (the key is another device's), KITH_EACCES and
 * KITH_ENOTSUP (the role), KITH_EINVAL; for certificates and lists errors as kith_add_issuer. Blocks, as opening a
 * protected key file does; for tools and any thread. */
KITH_EXPORT int kith_node_options_check(const struct kith_node_options *o, enum kith_part *part, char *why,
					size_t cap) KITH_MUST_USE;

/* Any may be NULL. user is what kith_node_new was given. */
struct kith_node_callbacks {
	size_t size; /* sizeof, set by KITH_NODE_CALLBACKS_INIT or kith_node_callbacks_init */

	/* The sockets are open, keys and certificates are good (0); or err says what is not, why in words, and the
	 * node is to be closed. Exactly once after kith_node_start, unless it is closed before. kith_node_info.failed
	 * says what err is about. Key: KITH_EPASSPHRASE, KITH_EPROTO, KITH_ENOENT (it holds no device's secret),
	 * KITH_EAUTH (another device's). Certificates, device list: errors as kith_add_issuer, dates excepted. State:
	 * KITH_ESTATE (another node uses it), KITH_ENOENT, KITH_EACCES, KITH_ENOSPC. Sockets: KITH_EADDRINUSE,
	 * KITH_EACCES, KITH_EUNREACHABLE, KITH_ENOTSUP. Component, role: KITH_ENOTSUP. Options: KITH_EINVAL. Of any:
	 * KITH_EMFILE, KITH_ENOMEM, KITH_EIO. */
	void (*started)(struct kith_node *node, int err, const char *why, void *user);

	/* So many homes (supernodes that introduce and relay for us) are held now. 0: cut off; it is trying again, and
	 * who does not know us yet cannot find us until published comes again. */
	void (*attached)(struct kith_node *node, unsigned homes, void *user);

	/* Others can find us now: the presence record is in the directory. Once, and again after attached told of no
	 * home; not for each new record, and not while the node closes. */
	void (*published)(struct kith_node *node, void *user);

	/* Somebody calls, and nothing was answered yet. The caller's identity was verified (kith_conn_info). Call
	 * kith_conn_accept or kith_conn_reject, now or later. The caller may give up before: conn is then closed with
	 * KITH_CLOSE_CANCELED; and with KITH_CLOSE_REPLACED when kith_connect of its name has taken the call. Without
	 * this callback calls are rejected. */
	void (*incoming)(struct kith_node *node, struct kith_conn *conn, const struct kith_session_info *who,
			 void *user);

	/* A watched name came or went (kith_watch). */
	void (*presence)(struct kith_node *node, const char *name, bool online, void *user);

	/* A pinned name is certified for another identity key now. It stays unaccepted until kith_pin with confirm. */
	void (*identity_changed)(struct kith_node *node, const char *name, const struct kith_key *identity, void *user);

	/* Our own certificates end at that time (unix milliseconds). */
	void (*cert_expiring)(struct kith_node *node, int64_t expires_ms, void *user);

	/* Something that the user may want to know (enum kith_trouble): err and why in words. The node goes on. */
	void (*trouble)(struct kith_node *node, enum kith_trouble what, int err, const char *why, void *user);

	/* It begins to serve others, or ends (<kith/serving.h>); not for what it starts as. */
	void (*role)(struct kith_node *node, bool serving, enum kith_role_reason why, void *user);
	/* A supernode asks for help, and the terms say ASK: kith_node_consent answers. None within_us is no. */
	void (*asked)(struct kith_node *node, kith_time_us within_us, void *user);
};

/* No callbacks, and the size. */
#define KITH_NODE_CALLBACKS_INIT KITH_SIZED(kith_node_callbacks)
static inline void kith_node_callbacks_init(struct kith_node_callbacks *cb)
{
	struct kith_node_callbacks none = KITH_NODE_CALLBACKS_INIT;
	*cb = none;
}

/* The same on the heap (NULL: no memory), where the callback of that name is set, whatever its type. KITH_ENOENT: no
 * such name; KITH_EINVAL. Connections and streams have such functions, too (<kith/session.h>). */
KITH_EXPORT struct kith_node_callbacks *kith_node_callbacks_new(void);
KITH_EXPORT void kith_node_callbacks_free(struct kith_node_callbacks *cb);
KITH_EXPORT int kith_node_callbacks_set(struct kith_node_callbacks *cb, const char *name, kith_any_fn fn) KITH_MUST_USE;

/* Makes a node; nothing runs yet. cb is copied, NULL: none. KITH_EINVAL (options that contradict each other, a
 * bootstrap entry that is none, options or callbacks without their size), KITH_EFULL (bootstrap entries), KITH_ENOMEM,
 * KITH_EMFILE, KITH_EIO (a loop could not be made), KITH_EPASSPHRASE (the key file is protected, and there is no
 * callback), what the callback says; errors as kith_keyfile_protected. Reads a little file: may block for as long as a
 * disk does. */
KITH_EXPORT int kith_node_new(struct kith_node **out, const struct kith_node_options *o,
			      const struct kith_node_callbacks *cb, void *user) KITH_MUST_USE;

/* Begins. With a loop of its own the thread starts here, and from now on other threads use kith_post only.
 * KITH_ESTATE: was started; KITH_EMFILE, KITH_ENOMEM, KITH_EIO: the system is out of something; the node closes by
 * itself then, on its loop, without callbacks. Everything else that can go wrong is told by the started callback. */
KITH_EXPORT int kith_node_start(struct kith_node *node) KITH_MUST_USE;

/* Runs fn(node, arg) on the loop's thread, in the order of the calls. From any thread, as long as the node is not
 * freed. KITH_ECLOSED: it is closed, or not started yet; KITH_EFULL: 65,536 wait already, the loop stands still;
 * KITH_ENOMEM, KITH_EINVAL: fn will not run. In all other cases it runs exactly once, also while the node closes. */
KITH_EXPORT int kith_post(struct kith_node *node, void (*fn)(struct kith_node *node, void *arg),
			  void *arg) KITH_MUST_USE;

/* ---- for event loops that are not libuv's: nodes with options.driven, from kith_node_start on ----
 *
 *     while (kith_node_process(node) == 0)
 *             wait until kith_node_fd(node) is readable, for kith_node_timeout(node) milliseconds at most
 *
 * Such a node has no thread of its own. All calls, these among them, are made on one thread at a time; kith_post is for
 * the others, and makes the descriptor readable.
 */

/* What becomes readable when something is to be done: for poll, select, epoll, kqueue. The same until the node is
 * freed; nothing is to be read from it. KITH_ESTATE: it is not driven, or not started. */
KITH_EXPORT int kith_node_fd(const struct kith_node *node);

/* After how many milliseconds something is to be done all the same, as poll(2) has it; -1: nothing is waited for, or it
 * is not driven. No errors. Ask anew before each wait: any call may change it, and 0 says that one has left something
 * to do. */
KITH_EXPORT int kith_node_timeout(const struct kith_node *node);

/* Does what is to be done now, with the callbacks, and does not wait. 0; KITH_ECLOSED: closed was called, and the node
 * may be freed (but not in a callback); KITH_ESTATE: it is not driven, or not started, or this is a callback. */
KITH_EXPORT int kith_node_process(struct kith_node *node) KITH_MUST_USE;

/* Leaves in an orderly way within options.leave_us: homes and directory are told, leaves are moved. What streams have
 * finished is sent, as by kith_conn_close, which may take options.linger_us. Then operations complete
 * with KITH_ECANCELED, streams and sessions are closed (with their callbacks), and closed, the node's last callback, is
 * called; not before a look-up of a host name that is under way has ended. KITH_ESTATE: is closing or was never started
 * (then free it). closed may be NULL. */
KITH_EXPORT int kith_node_close(struct kith_node *node, void (*closed)(struct kith_node *node, void *user));

/* Frees a node that was never started, or that is closed (in the closed callback at the earliest). A node with a
 * loop of its own is freed from another thread than that loop's, at any time: this closes it if need be, and blocks
 * until its thread has ended. KITH_ESTATE: it is not closed yet, this is its own thread, or it is driven and this is a
 * callback. NULL is allowed. */
KITH_EXPORT int kith_node_free(struct kith_node *node);

/* Registers a service: 1 to KITH_SERVICE_MAX characters. Calls for others are refused. Allowed before
 * kith_node_start. KITH_EFULL (16), KITH_EEXIST, KITH_EINVAL, KITH_ENOMEM; KITH_ESTATE: it is closing. */
KITH_EXPORT int kith_serve(struct kith_node *node, const char *service) KITH_MUST_USE;

/* A revocation list, the head of an issuer's log (or two that contradict each other: <kith/certlog.h>), or an issuer's
 * certificate, that came by other ways. Live sessions are checked again, and supernodes pass it on. KITH_ESTATE:
 * it does not run; KITH_EPROTO, KITH_EVERSION, KITH_ENOTSUP, KITH_ENAME: as parsing it says; KITH_ENETWORK, KITH_ECHAIN
 * (an issuer that is not known), KITH_ESIGNATURE, KITH_EREVOKED, KITH_EEXPIRED, KITH_ENOTYET; KITH_EFULL (64 issuers),
 * KITH_ENOMEM. */
KITH_EXPORT int kith_revoke(struct kith_node *node, struct kith_span list) KITH_MUST_USE;
KITH_EXPORT int kith_add_issuer(struct kith_node *node, struct kith_span cert) KITH_MUST_USE;

/* Looks whether chain_path has a newer chain of this device by now, as kith id renew writes it, and uses it. What came
 * of it is told by the trouble callback (KITH_TROUBLE_CERTIFICATE); nothing is, if there is none. KITH_ESTATE: it does
 * not run; KITH_ENOMEM, KITH_EIO. */
KITH_EXPORT int kith_node_renew(struct kith_node *node) KITH_MUST_USE;

/* As kith_core_logs, what is known of issuers' logs; borrowed until the loop goes on. */
KITH_EXPORT size_t kith_node_logs(const struct kith_node *node, struct kith_log_info out[], size_t n);

/* Our certificates as they are now; borrowed until they are renewed. KITH_EINVAL. */
KITH_EXPORT int kith_node_chain(const struct kith_node *node, struct kith_span *chain) KITH_MUST_USE;

/* Takes over from o what may change while a node runs: stun, no_port_mapping, sessions_max, tunnels_max, relay_rate,
 * relay_owner_rate, leave_us, linger_us, and bootstrap entries that are new (none is taken away). All else in o is
 * ignored. KITH_EINVAL: nothing was changed, nor by KITH_ENOTSUP: the component that stun needs, which is read here, is
 * missing; KITH_ESTATE: it does not run; KITH_EFULL, KITH_ENOMEM: some bootstrap entries were left out. */
KITH_EXPORT int kith_node_adjust(struct kith_node *node, const struct kith_node_options *o) KITH_MUST_USE;

#define KITH_WHY_MAX 256 /* bytes of a reason in words */

/* Where a node is in its life. */
enum kith_node_state {
	KITH_NODE_NEW, /* kith_node_start is due */
	KITH_NODE_STARTING, /* keys are being opened */
	KITH_NODE_RUNNING,
	KITH_NODE_FAILED, /* started told an error; kith_node_close is due */
	KITH_NODE_CLOSING,
	KITH_NODE_CLOSED
};

/* What there is to know about a node. */
struct kith_node_info { /* grows */
	enum kith_node_state state; /* where it is in its life */
	enum kith_role role; /* as in the options, or as kith_node_set_role said */
	char name[KITH_NAME_MAX + 1]; /* ours, as certified; "" before started */
	struct kith_key identity, device; /* Ed25519 and X25519 */
	struct kith_id network; /* which one it is in */
	uint16_t port; /* UDP, as bound */
	bool v4, v6; /* which sockets are open */
	bool offload; /* GSO is in use */
	bool clock_trusted; /* false: it is earlier than it can be */
	char homeless_why[KITH_WHY_MAX]; /* what core.homeless comes to, in words; "" while there is a home */
	uint64_t stun_answers, stun_limited; /* binding requests answered, and dropped by the limit */
	uint64_t stun_too_short; /* dropped: the answer would be more than twice as long */
	uint64_t send_queue_full; /* packets dropped because the socket took none and the queue was full */
	enum kith_part failed; /* what the start failed at; NONE unless state says that it did */
	struct kith_core_info core; /* zeros before started, as the next */
	struct kith_role_info serving; /* what it is to others */
};

/* Fills in what there is to know now; zeros when it is refused, KITH_EINVAL or KITH_ETHREAD. */
KITH_EXPORT int kith_node_info_sized(const struct kith_node *node, struct kith_node_info *out, size_t size);
static inline int kith_node_info(const struct kith_node *node, struct kith_node_info *out)
{
	return kith_node_info_sized(node, out, sizeof *out);
}

/* Whether a text can be a bootstrap entry: see kith_node_options.bootstrap. */
KITH_EXPORT bool kith_bootstrap_valid(const char *entry);
/* What became of a bootstrap entry. */
struct kith_bootstrap_info { /* fixed */
	char where[272]; /* "host:port" */
	unsigned addrs_n; /* that it has; 0: not found yet */
	int err; /* of the last attempt; it goes on */
	uint64_t reserved[4];
};

/* Fills in up to n entries; returns how many there are. */
KITH_EXPORT size_t kith_node_bootstrap(const struct kith_node *node, struct kith_bootstrap_info out[], size_t n);

/* Fills in the addresses of up to n homes; returns how many there are. */
KITH_EXPORT size_t kith_node_homes(const struct kith_node *node, struct kith_addr out[], size_t n);

/* The node's counters; valid until it is freed. They change as it runs. */
KITH_EXPORT const struct kith_stats *kith_node_stats(const struct kith_node *node);

/* Our name, as kith_node_info tells it; "" before started. NULL: refused. Valid until the node is freed. */
KITH_EXPORT const char *kith_node_name(const struct kith_node *node);

/* What kith_node_new was given. */
KITH_EXPORT void *kith_node_user(const struct kith_node *node);

/* Gives an operation up. Its callback comes soon, with KITH_ECANCELED (or with its success, if that was already on
 * its way). KITH_ESTATE: it was given up, or is over. */
KITH_EXPORT int kith_call_cancel(struct kith_call *call);

/* The node that it is an operation of. */
KITH_EXPORT struct kith_node *kith_call_node(const struct kith_call *call);

#endif
