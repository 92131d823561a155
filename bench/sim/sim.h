/* A network of real cores in virtual time: any number of libkith nodes in one process, behind modelled NATs and links,
 * with faults, an application's behaviour on top, and invariants that are checked while it runs.
 *
 * A run is a pure function of its options: the same options give the same end-state hash on every machine. Whatever an
 * invariant finds wrong is reported with the seed and the command line that repeats it.
 * Nodes 0 to supernodes - 1 are supernodes, "super-<node>"; the rest are leaves, "leaf-<node>".
 * Never: a thread, the real clock, floating point in anything that steers a run.
 */
#ifndef KITH_SIM_SIM_H
#define KITH_SIM_SIM_H

#include <kith/core.h>

#include "base/limits.h"
#include "net/net.h"
#include "sim/simnat.h"

#define KITH_SIM_NODES_MAX 2000000u
#define KITH_SIM_SUPERNODES_MAX 25000u /* full view of the members */
#define KITH_SIM_NONE UINT32_MAX /* no node */
#define KITH_SIM_TEXT_MAX 320

enum kith_simsuite { KITH_SIM_SUITE_SIM, KITH_SIM_SUITE_SODIUM };

/* What must hold. name, what it means */
#define KITH_SIM_INVARIANT_MAP(X)                                                                                      \
	X(NODE_STARTS, "node-starts", "a node with good certificates starts")                                          \
	X(TIME_ADVANCES, "time-advances", "a core that was ticked waits for a later time")                             \
	X(PAIRS_TALK, "pairs-talk", "two nodes that are up, attached and not cut off reach each other in time")        \
	X(OPS_END_ONCE, "ops-end-once", "every operation ends exactly once")                                           \
	X(EARLY_ONCE, "early-once", "what goes along with a call is told once, to whom it is for, as it was said")     \
	X(DATAGRAM_ONCE, "datagram-once", "no datagram is handed over twice")                                          \
	X(DATAGRAM_INTACT, "datagram-intact", "a datagram arrives as it was sent")                                     \
	X(DATAGRAM_ADDRESSEE, "datagram-addressee", "a datagram arrives at whom it was sent to, from whom it says")    \
	X(STREAM_EXACT, "stream-exact", "a stream's bytes arrive exactly, in order, from the right sender")            \
	X(STREAM_FINISHES, "stream-finishes", "a stream between undisturbed nodes is through in time")                 \
	X(RELAY_ONLY_HIDDEN, "relay-only-hidden", "no packet goes straight between two of whom one is relay-only")     \
	X(NAMED_NOT_SPOKEN_TO, "named-not-spoken-to",                                                                  \
	  "no leaf sends anything to an address that a record names as a home, and is none")                           \
	X(NOTHING_BEFORE_CONSENT, "nothing-before-consent", "no packet goes straight to a stranger before acceptance") \
	X(NO_PLAINTEXT, "no-plaintext", "what an application sends never shows on the wire")                           \
	X(OFFLINE_SEEN, "offline-seen", "who watches a node that vanished sees it offline in time")                    \
	X(ONLINE_SEEN, "online-seen", "who watches a node that is attached sees it online in time")                    \
	X(THREE_HOMES, "three-homes", "a leaf holds as many homes as it can, up to three, in time")                    \
	X(MEMBERS_CONVERGE, "members-converge", "supernodes know all that are up, in time")                            \
	X(MEMORY_BOUNDED, "memory-bounded", "a node's memory stays below its bound")                                   \
	X(MEMORY_RETURNED, "memory-returned", "a core that is freed gives back all its memory")                        \
	X(NO_GARBAGE, "no-garbage", "honest nodes never send what others count as malformed, and drop nothing inside") \
	X(LEAVE_FINISHES, "leave-finishes", "an orderly leave is done within its grace")                               \
	X(HONEST_NOT_NAMED, "honest-not-named", "no node names one that does not lie as a liar")                       \
	X(RECORDS_GENUINE, "records-genuine", "what is kept or shown of a node is what it signed, no newer than that") \
	X(RECORDS_FRESH, "records-fresh", "what is shown or found of a node is what it published last, in time")       \
	X(LOAD_CONSERVED, "load-conserved", "each home of a leaf counts it, once, also when it was handed over")       \
	X(BUDGETS_HOLD, "budgets-hold", "no identity holds more of a supernode than its share")                        \
	X(ROLES_STEADY, "roles-steady", "no node changes its role again and again")                                    \
	X(TABLES_BOUNDED, "tables-bounded", "no table of a core holds more than it may")                               \
	X(IDLE_QUIET, "idle-quiet", "what an idle leaf and a supernode among such send stays below its bound")

enum kith_siminvariant {
#define KITH_SIM_INVARIANT_ENUM(name, text, why) KITH_SIM_##name,
	KITH_SIM_INVARIANT_MAP(KITH_SIM_INVARIANT_ENUM)
#undef KITH_SIM_INVARIANT_ENUM
		KITH_SIM_INVARIANTS_N
};

/* Ways in which the engine breaks a rule on purpose, so that tests can see the invariant go red. Never in the
 * library. */
enum kith_simmutation {
	KITH_SIM_MUTATE_NOTHING,
	KITH_SIM_MUTATE_DATAGRAM_TWICE, /* the engine hands a datagram over twice */
	KITH_SIM_MUTATE_DATAGRAM_FLIP, /* ... with a bit changed */
	KITH_SIM_MUTATE_DATAGRAM_ASTRAY, /* ... to another node */
	KITH_SIM_MUTATE_STREAM_FLIP, /* a byte of a stream is changed */
	KITH_SIM_MUTATE_STREAM_CUT, /* a byte of a stream is left out */
	KITH_SIM_MUTATE_STREAM_STALL, /* streams are not read */
	KITH_SIM_MUTATE_PLAINTEXT, /* an application's bytes are put on the wire */
	KITH_SIM_MUTATE_LEAK_RELAY_ONLY, /* a packet goes straight to a relay-only contact */
	KITH_SIM_MUTATE_LEAK_NAMED, /* ... to an address that it named as its home's */
	KITH_SIM_MUTATE_LEAK_STRANGER, /* ... to a stranger */
	KITH_SIM_MUTATE_NO_RETRANSMIT, /* only the first handshake packet of a node to an address is sent */
	KITH_SIM_MUTATE_NO_OFFLINE, /* news of somebody's going offline is swallowed */
	KITH_SIM_MUTATE_NO_ONLINE, /* ... of coming online */
	KITH_SIM_MUTATE_FEW_SUPERNODES, /* all but two supernodes are mute, and the checks are not told */
	KITH_SIM_MUTATE_SPLIT_SUPERNODES, /* half of the supernodes cannot reach the other half */
	KITH_SIM_MUTATE_MEMORY_GROWS, /* memory is taken on a node's account */
	KITH_SIM_MUTATE_MEMORY_KEPT, /* ... and never given back */
	KITH_SIM_MUTATE_OP_TWICE, /* the end of an operation is told twice */
	KITH_SIM_MUTATE_EARLY_TWICE, /* what goes along with a call is told twice */
	KITH_SIM_MUTATE_DEADLINE_STUCK, /* a core's deadline never moves on */
	KITH_SIM_MUTATE_GARBAGE, /* sealed packets are cut short */
	KITH_SIM_MUTATE_LEAVE_STUCK, /* the end of a leave is not told */
	KITH_SIM_MUTATE_TABLE_FULL, /* a table holds more than it may */
	KITH_SIM_MUTATE_IDLE_TALKS, /* an idle leaf sends without need */
	KITH_SIM_MUTATE_BAD_CHAIN, /* a node's certificates are damaged */
	KITH_SIM_MUTATE_HONEST_NAMED, /* a leaf names a supernode that does not lie */
	KITH_SIM_MUTATE_RECORD_FORGED, /* signatures of records do not verify */
	KITH_SIM_MUTATE_RECORD_OLD, /* records are taken for older than they are */
	KITH_SIM_MUTATE_LEAF_LOST, /* homes are taken not to know their leaves */
	KITH_SIM_MUTATE_BUDGET_SPENT, /* identities are taken to hold more leaves than they do */
	KITH_SIM_MUTATE_ROLES_FLIP, /* leaves are taken to change their roles */
	KITH_SIM_MUTATIONS_N
};

/* How hosts answer what cores ask for: OPEN, CLOSE and MAP. A state is always saved, at once. */
enum kith_simeffects {
	KITH_SIM_EFFECTS_OK, /* done within 100 ms */
	KITH_SIM_EFFECTS_SLOW, /* done after 1 to 5 s */
	KITH_SIM_EFFECTS_FAIL, /* within 100 ms, in vain */
	KITH_SIM_EFFECTS_NEVER, /* no answer */
	KITH_SIM_EFFECTS_MIXED /* one of these for each, drawn from the seed */
};

/* What a node's machine and its access link can do; capacity.c has the kinds. */
enum { KITH_SIM_CLASSES_MAX = 8 };

/* Weights of the kinds of machines, for each role. With a role's all zero its nodes have no limits: no bottleneck, no
 * time for work, no bound of memory. Needs the simulated suite, since that is the one whose work is counted. */
struct kith_simcapacity {
	uint32_t leaves[KITH_SIM_CLASSES_MAX], supernodes[KITH_SIM_CLASSES_MAX];
	/* With each small packet in a leaf's session come so many more in what hosts tell their cores of their load,
	 * each in a turn of their loops of its own. A few leaves make as much work as many do, or busy ones. */
	uint32_t crowd;
};

/* What liars do. X(name, text, what) */
#define KITH_SIM_LIE_MAP(X)                                                                                            \
	X(DENY, "deny", "says of every name that there is nobody")                                                     \
	X(OMIT, "omit", "publishes and stores nothing that it is given")                                               \
	X(WITHHOLD, "withhold", "tells nobody any news")                                                               \
	X(POISON, "poison", "names other supernodes at an address where nobody is")                                    \
	X(SILENT, "silent", "attaches leaves, and answers none of their other requests")                               \
	X(STALE, "stale", "keeps the first record that it is given, and brings no newer one")                          \
	X(DELAY, "delay", "answers 1.5 s late")                                                                        \
	X(VANISH, "vanish", "reports that its leaves have vanished, and forges reports for all members to pass on")    \
	X(HOARD, "hoard", "takes revocation lists, and tells and gives them to nobody")                                \
	X(FORGE, "forge", "tells other supernodes of revocation lists that there are not")                             \
	X(DULL, "dull", "answers handshakes, probes and keepalives, and does nothing else")                            \
	X(MUTE, "mute", "takes packets, and sends none")

enum kith_simlie {
#define KITH_SIM_LIE_ENUM(name, text, what) KITH_SIM_LIE_##name,
	KITH_SIM_LIE_MAP(KITH_SIM_LIE_ENUM)
#undef KITH_SIM_LIE_ENUM
		KITH_SIM_LIES_N
};

/* How a candidate lies, one that consents to serve. X(NAME, text, what) */
#define KITH_SIM_FALSE_MAP(X)                                                                                          \
	X(NOT, "not", "is honest")                                                                                     \
	X(BOAST, "boast", "has a thin link, and says ten times its bandwidth")                                         \
	X(FORGE, "forge", "shows attestations that it made: ten times as fast, and seen for 30 days")                  \
	X(ELSEWHERE, "elsewhere", "wants to be dialled at somebody else's address")                                    \
	X(PUNCH, "punch", "sends to all supernodes, so that its NAT lets them in")

enum kith_simfalse {
#define KITH_SIM_FALSE_ENUM(name, text, what) KITH_SIM_FALSE_##name,
	KITH_SIM_FALSE_MAP(KITH_SIM_FALSE_ENUM)
#undef KITH_SIM_FALSE_ENUM
		KITH_SIM_FALSE_N
};

/* All that may go wrong. Everything is drawn from seed, in [from_us, until_us), and healed by then. All zero:
 * nothing. */
struct kith_simfaults {
	uint64_t seed; /* 0: the run's */
	struct kith_access_faults link; /* all the time */
	struct kith_access_faults lan; /* the same of what stays behind one router */
	kith_time_us from_us, until_us;
	uint32_t partitions_n; /* half of them one way */
	kith_time_us partition_us; /* longest */
	uint32_t leaf_crashes_n, super_crashes_n; /* start again, half of them without their state */
	uint32_t leaf_stops_n, super_stops_n; /* the same, but they say goodbye */
	kith_time_us down_us; /* longest */
	uint32_t moves_n; /* leaves: half get a new address without knowing, half join another network */
	uint32_t silences_n; /* supernodes that take packets and send none */
	kith_time_us silence_us; /* longest */
	uint32_t skew_max_ms; /* wall clocks are wrong by up to this much either way */
	kith_time_us leaf_life_us; /* mean time that a leaf stays up; 0: for good. Runs until until_us */
	/* Sessions as they were measured (simlife.h), instead of leaf_life_us: their median, 0: for good; and the mean
	 * time until the next one. What is up at first is met within a session. Until until_us. */
	kith_time_us leaf_session_us, leaf_away_us, super_session_us, super_away_us;
	bool day; /* leaves come, and are up at first, by the hour where they are */
	uint32_t demotions_n; /* supernodes that become leaves while they run, and serve again */
	kith_time_us demotion_us; /* longest */
	/* A piece of the network, in 1/60 of all nodes, that is cut off from the rest both ways, and for how long. */
	uint32_t split_ppm;
	kith_time_us split_at_us, split_us;
	uint32_t kill_ppm; /* share of the supernodes that is killed, for good, at kill_at_us */
	kith_time_us kill_at_us;
	uint32_t posers_ppm; /* share of the leaves that name their own address as that of their homes; the same */
	uint32_t droppers_ppm, flooders_ppm, sybils_ppm; /* shares of the supernodes, of attack.c */
	uint32_t aimers_ppm; /* share of the leaves that name a victim's addresses as their own; the same */
	uint32_t liars_ppm; /* share of the supernodes that lie (lies.c), in programs that link kith_bench_lies */
	uint32_t lies; /* how: set of 1 << enum kith_simlie; none: DENY and OMIT */
	kith_time_us lies_from_us; /* before that, they do as they should */
	kith_time_us list_at_us; /* a supernode is handed a revocation list then (lists.c); 0: none is */
	bool params; /* at that time, and the network's parameters, too */
	uint32_t heads; /* at that time: heads of the issuer's log, each to one supernode; 2 contradict each other */
	/* Share of the candidates (lies_candidate.c) that lie, and how: set of 1 << enum kith_simfalse, of which each
	 * does one; none: all of them. Who boasts needs capacity. */
	uint32_t false_ppm, falsehoods;
	/* Share of the leaves behind NATs whose router gets another public address at that time, which nobody tells
	 * them. */
	uint32_t readdress_ppm;
	kith_time_us readdress_at_us;
	/* Share of the leaves behind NATs whose router forgets all it knew at that time, and gives them other ports. */
	uint32_t rebind_ppm;
	kith_time_us rebind_at_us;
	/* Share of the leaves that are cut off at that time, for so long; half of them are told that their transport is
	 * down. */
	uint32_t cut_ppm;
	kith_time_us cut_at_us, cut_us;
};

/* What applications do. */
struct kith_simworkload {
	uint32_t contacts_n; /* of each leaf, twice that many: it is mutual */
	kith_time_us call_gap_us; /* mean time between a leaf's calls; 0: none but those of the final check */
	kith_time_us hold_us; /* longest call */
	kith_time_us answer_us; /* longest time until an incoming call is answered */
	uint32_t datagrams_n; /* each way in a call, at most 64 */
	kith_time_us talk_gap_us; /* between further ones each way, until the call ends; 0: none */
	uint32_t talk_bytes; /* of each of these, 48 to 1200; 0: 48 to 160 */
	uint32_t stream_bytes; /* each way in a call; 0: no stream */
	uint32_t stranger_ppm; /* calls to somebody who is no contact */
	uint32_t relay_only_ppm; /* contacts pinned as relay-only */
	/* Leaves whose records name, before each home's address, one of their own, to see who calls (lies.c); such
	 * calls take a little longer. In programs that link kith_bench_lies. */
	uint32_t spies_ppm;
	uint32_t reject_ppm; /* calls that are turned down */
	uint32_t lookup_ppm; /* calls that are preceded by a look-up */
	bool watch; /* contacts watch each other */
	uint32_t early_bytes; /* that go along with each call: 0, or 12 to KITH_EARLY_MAX */
};

/* A machine that sleeps is woken by a call into its core so long after the last one. */
#define KITH_SIM_ROUSED_US (100 * KITH_US_PER_MS)

/* A leaf that is idle has noticed by then that a home is gone: three keepalives with their jitter, and the wait for the
 * answer to the last (PROTOCOL.md, 5.5 and 16.4). */
#define KITH_SIM_NOTICED_US (3 * KITH_KEEPALIVE_US * 11 / 10 + 3 * KITH_US_PER_S + KITH_PATH_ALL_DEAD_US)

/* Within which time, counted from the last disturbance. */
struct kith_simbounds {
	kith_time_us settle_us; /* from disturbed to attached as well as can be, known to all members, found by name */
	kith_time_us talk_us; /* from a call to its opening, answering time not counted */
	kith_time_us stream_us; /* from opening to both streams' ends */
	kith_time_us offline_us; /* from an unclean exit to offline at the watchers */
	kith_time_us goodbye_us; /* from an orderly exit */
	uint64_t leaf_bytes, session_bytes; /* memory of a leaf: idle, and for each session with a peer */
	uint64_t idle_bytes; /* a second, in and out, headers included, of a leaf that is idle, on average */
	/* The same that a supernode sends while nobody calls, and idle_bytes for each leaf of its besides; 0: any. */
	uint64_t super_idle_bytes;
	uint64_t super_bytes, attached_bytes; /* of a supernode: idle, and for each attached leaf */
	/* ... and for each other one: its entry, and an answer that is kept for its repetition */
	uint64_t member_bytes;
};

struct kith_simoptions {
	uint64_t seed;
	uint32_t leaves, supernodes;
	kith_time_us duration_us;
	kith_time_us join_us; /* leaves start in this time ... */
	kith_time_us join_from_us; /* ... and not before the supernodes have been there for that long */
	uint32_t candidates_ppm; /* share of the leaves whose role is auto, and who consent to serve */
	uint32_t election_pace; /* of all cores; 0: the usual one */
	/* So many supernodes are one too many for a full view (0: KITH_MEMBERS_MAX); then sectors are a quarter of
	 * that, with three guides of each other one, since networks that are simulated are small. */
	uint32_t full_view;
	/* Who sees leaves come and go. Public unless told otherwise: what must hold, holds for all who watch, and most
	 * of these have not talked to whom they watch */
	enum kith_presence presence;
	uint32_t busy_permille; /* what every host of a supernode says of its processor, once a second ... */
	kith_time_us busy_from_us, busy_until_us; /* ... in that time */
	kith_time_us verify_us; /* at the end: every leaf calls a contact, nothing is disturbed; 0: none */
	enum kith_simsuite suite;
	struct kith_simnat_mix nats;
	/* So many leaves are behind one router, and each has contacts among these only; 0: a router each. site_lan:
	 * they hear what one of them sends to all */
	uint32_t site_leaves;
	bool site_lan;
	bool tcp; /* there is TCP besides UDP; not with capacity */
	bool nats_in_turn; /* the kinds that have a weight, one leaf each in turn, instead of drawn by it */
	bool world; /* delays by country instead of 20 ms an access link */
	kith_time_us access_us; /* of a leaf's access link, one way, instead; 0: as said */
	kith_time_us nat_timeout_us; /* of bindings for UDP, at all NATs; 0: as the presets say */
	bool checked; /* check every allocation */
	struct kith_simcapacity capacity;
	struct kith_simfaults faults;
	struct kith_simworkload workload;
	struct kith_simbounds bounds;
	enum kith_simeffects effects;
	enum kith_simmutation mutation;
	uint32_t ignored; /* set of 1 << enum kith_siminvariant that are not checked: to see what comes after */
	const struct kith_log *log; /* borrowed; of all cores; NULL: silent */
	/* A violation does not end the run: the first one is kept, and all are counted by invariant. */
	bool counting;
	const struct kith_simobserver *observer; /* borrowed; NULL: none */
	bool linking; /* an observer of all packets tries to find leaves again that joined another network */
	uint32_t traced; /* KITH_SIM_NONE, or a node whose packets are written to stderr, a line each */
	char command[KITH_SIM_TEXT_MAX]; /* repeats the run; printed with a violation */
};

struct kith_simviolation {
	enum kith_siminvariant invariant;
	kith_time_us at;
	uint32_t a, b; /* nodes, or KITH_SIM_NONE */
	char text[KITH_SIM_TEXT_MAX];
	char nodes[2 * KITH_SIM_TEXT_MAX]; /* how they were, lines */
};

/* Durations that were seen, in the order in which they ended. */
struct kith_simsamples {
	uint32_t *ms;
	uint32_t n, cap;
};

enum kith_simmeasure {
	KITH_SIM_ATTACH, /* from start to the first home */
	KITH_SIM_ATTACH_ALL, /* to three homes */
	KITH_SIM_LOOKUP,
	KITH_SIM_OPEN, /* from call to opened, at the caller; answering included */
	KITH_SIM_FIRST_BYTE, /* from call to the first byte at the callee; answering taken off */
	KITH_SIM_EARLY, /* from call to what goes along with it, at the callee's application */
	KITH_SIM_DIRECT, /* from opened to a direct path, at the caller */
	KITH_SIM_RECOVERY, /* from losing the last home to having one again */
	KITH_SIM_ORPHANED, /* from the crash of the last home, noticed or not, to a home that is up */
	KITH_SIM_SILENCE, /* longest time without a datagram at one end of a call whose network has changed */
	KITH_SIM_DIRECT_AGAIN, /* from such a change to a direct path, at each end that left the one it had */
	KITH_SIM_FIRST_BYTE_AFTER, /* first bytes of calls from and to a leaf whose network changed up to 10 s before */
	KITH_SIM_LIST_SUPER, /* from a revocation list in the hands of one supernode to each that has it ... */
	KITH_SIM_LIST_LEAF, /* ... and to each leaf */
	KITH_SIM_HEAD_SUPER, /* from the head of a log, or two: to each that has it, or the proof of two ... */
	KITH_SIM_HEAD_LEAF, /* ... and to each leaf */
	KITH_SIM_PARAMS, /* from parameters of the network in the hands of one supernode to each node that has them */
	KITH_SIM_MEASURES_N
};

/* How calls and look-ups came to nothing. */
enum kith_simending {
	KITH_SIM_CALL_REFUSED, /* turned down, or busy */
	KITH_SIM_CALL_FAILED,
	KITH_SIM_CALL_LOST, /* given up by one end while the other held it */
	KITH_SIM_LOOKUP_FAILED,
	KITH_SIM_ENDINGS_N
};

/* One thing that happened: a duration that was seen, or an ending. */
struct kith_simrecord {
	kith_time_us at, took;
	const char *what; /* kith_simmeasure_name or kith_simending_name */
	uint32_t node; /* whose it is */
	int err; /* of an ending: an error of kith/err.h; else 0 */
};

/* Who writes down what happens, one by one. Told inside the run, and looks at nothing else of it. */
struct kith_simobserver {
	void *ctx;
	void (*happened)(void *ctx, const struct kith_simrecord *record);
};

struct kith_simcounts {
	uint64_t events, starts, crashes, stops;
	uint64_t calls, calls_opened, calls_refused, calls_failed, calls_direct, calls_excused;
	uint64_t calls_changed; /* ends of calls whose network changed */
	uint64_t calls_lost; /* given up by one end, of any call, while the other held it */
	uint64_t spied; /* packets to where leaves that spy listen */
	uint64_t calls_hidden; /* of relay-only contacts with whom no home is shared: not possible */
	uint64_t lookups, lookups_failed;
	uint64_t caught, caught_wrongly; /* homes that a leaf named as lying; those of them that do not */
	/* Contacts that were seen to go, and are there with three homes: two of them lie; one does, or none. */
	uint64_t offline_by_most, offline_wrongly;
	uint64_t datagrams_sent, datagrams_got, streams_sent, streams_got, stream_bytes_got;
	uint64_t checks_offline, checks_online, checks_offline_void;
	uint64_t idle_seconds, idle_packets, idle_bytes; /* of leaves without a call, in and out */
	uint64_t leaf_packets, leaf_bytes, super_packets, super_bytes; /* sent */
	uint64_t dead_host, dead_port; /* packets that arrived where nobody listens */
	/* options.linking: sealed packets of leaves at another network than their first one; those of them that tell an
	 * observer of all packets that they were elsewhere, by a name, a counter or equal bytes; and packets in tunnels
	 * that do so by the tunnel's id */
	uint64_t moved_packets, linked_packets, linked_tunnels;
	uint64_t leaf_hellos; /* first handshake packets that leaves sent, again ones too */
	uint64_t demotions;
	uint64_t flood_requests; /* that flooders sent */
	/* With their headers: bytes to the victim's addresses, of all nodes but aimers; bytes that aimers sent to
	 * supernodes, and through them: what they look for peers with is not needed to have these look. */
	uint64_t aimed_bytes, aimers_bytes;
	/* At the end: leaves that consent, by what they do; those of them that are attested, and that have served. Of
	 * those that PUNCH, only such as strangers do not reach. */
	uint64_t candidates[KITH_SIM_FALSE_N], attested[KITH_SIM_FALSE_N], served[KITH_SIM_FALSE_N];
	uint64_t sybil_homes, sybil_leaves; /* at the end: homes of leaves that are Sybils, leaves that have no other */
};

/* How busy the machines of a role were, in parts per million of what they can do. With capacity only. */
struct kith_simload {
	/* Most that one had to do in a second, what it could not take in included: work, and bytes sent. */
	uint32_t work_ppm, up_ppm;
	uint32_t node; /* whose work that was */
	uint32_t mean_ppm; /* of all, all the time: work */
	uint64_t dropped; /* packets that came while the socket's buffer was full */
	uint64_t waited_us; /* longest that one lay there */
};

/* Who serves. From when all have joined, and had the time to settle, unless it says otherwise. */
struct kith_simoffices {
	uint32_t serving; /* now */
	uint32_t serving_least, serving_most;
	uint32_t leaves_mean; /* of a supernode, now */
	uint32_t fullest_permille; /* leaves of the fullest supernode, of the mean, at the worst time */
	uint64_t serving_s; /* of all supernodes, in all: since the start, as the next two */
	uint64_t changes; /* nodes that began or ceased to serve */
	uint64_t between_bytes; /* from one supernode to another: what keeping the network up costs */
};

/* Calls between leaves behind two kinds of NAT, whoever of them called. */
struct kith_simpair {
	uint64_t calls; /* opened, and free to be direct */
	uint64_t direct; /* of these */
	uint64_t hidden; /* opened, and relayed because one end has the other as relay-only */
};

/* All of them. */
struct kith_simpairs {
	struct kith_simpair sum;
	double weighted; /* share that is direct when every pair counts by the weights of the mix ... */
	double called; /* ... of those that called each other; and their share of all by these weights */
};

struct kith_sim;

/* 200 leaves and 8 supernodes for 30 minutes, usual NATs, a call per leaf and minute, no faults. */
void kith_simoptions_init(struct kith_simoptions *o);

/* NULL if they make sense, else a sentence that says what does not. Static storage. */
const char *kith_simoptions_check(const struct kith_simoptions *o);

/* options must check. NULL when out of memory. */
struct kith_sim *kith_sim_new(const struct kith_simoptions *options);
void kith_sim_free(struct kith_sim *sim);

/* Runs until virtual time until_us. False as soon as an invariant is violated. */
bool kith_sim_run(struct kith_sim *sim, kith_time_us until_us);

/* To the end of the options' duration, then the checks of the end, then all cores are stopped. */
bool kith_sim_finish(struct kith_sim *sim);

/* kith_sim_new, _finish; prints a violation to stderr. 0, 1 on a violation, 2 when out of memory. hash may be NULL. */
int kith_sim_once(const struct kith_simoptions *options, uint8_t hash[32]);

/* Of all that happened, and of the state of all cores before they were stopped. After kith_sim_finish. */
void kith_sim_hash(const struct kith_sim *sim, uint8_t out[32]);

/* KITH_SIM_FALSE_N if there is none of that name; and its name. */
unsigned kith_simfalse_find(const char *name);
const char *kith_simfalse_name(unsigned falsehood);
/* KITH_SIM_LIES_N if there is none of that name. */
unsigned kith_simlie_find(const char *name);

/* The first; NULL if there was none. */
const struct kith_simviolation *kith_sim_violation(const struct kith_sim *sim);
/* How often a check of it failed. More than one with options.counting only. */
uint64_t kith_sim_violations(const struct kith_sim *sim, enum kith_siminvariant invariant);
/* "invariant ... violated", time, nodes, seed, command line: several lines into out; returns out. */
const char *kith_sim_violation_text(const struct kith_sim *sim, char *out, size_t cap);
const char *kith_simmeasure_name(enum kith_simmeasure measure);
const char *kith_simending_name(enum kith_simending how);
const char *kith_siminvariant_name(enum kith_siminvariant invariant);
const char *kith_siminvariant_text(enum kith_siminvariant invariant);
/* KITH_SIM_INVARIANTS_N if there is none of that name. */
enum kith_siminvariant kith_siminvariant_find(const char *name);

/* ---- looking in ---- */

kith_time_us kith_sim_time(const struct kith_sim *sim);
const struct kith_simcounts *kith_sim_counts(const struct kith_sim *sim);
const struct kith_simsamples *kith_sim_samples(const struct kith_sim *sim, enum kith_simmeasure measure);
const struct kith_stats *kith_sim_stats(const struct kith_sim *sim, enum kith_role role);
const struct kith_net_stats *kith_sim_net_stats(const struct kith_sim *sim);
/* How many nodes of a role are up, and what their cores hold in all and at most. */
uint32_t kith_sim_memory(const struct kith_sim *sim, enum kith_role role, uint64_t *live_bytes, uint64_t *most_bytes);
uint64_t kith_sim_shared_memory(const struct kith_sim *sim);
/* What the engine itself and its models of the net need. */
uint64_t kith_sim_engine_memory(const struct kith_sim *sim);
uint64_t kith_sim_pool_peak(const struct kith_sim *sim);
uint64_t kith_sim_trace(const struct kith_sim *sim);
/* All zero without capacity. */
void kith_sim_load(const struct kith_sim *sim, enum kith_role role, struct kith_simload *out);
const struct kith_simoffices *kith_sim_offices(const struct kith_sim *sim);
/* Kinds as in sim/simnat.h. */
const struct kith_simpair *kith_sim_pair(const struct kith_sim *sim, unsigned a, unsigned b);
void kith_sim_pairs_sum(const struct kith_sim *sim, struct kith_simpairs *out);
/* The name of a kind of machine; NULL past the end. */
const char *kith_simclass_name(unsigned kind);
/* What it has, in words. */
const char *kith_simclass_text(unsigned kind, char *out, size_t cap);
/* "server=3,fibre=7" into weights. KITH_EINVAL: unknown, no number, twice, or all zero; weights are then undefined. */
int kith_simclass_parse(uint32_t weights[KITH_SIM_CLASSES_MAX], const char *text) KITH_MUST_USE;
/* What homes, and what volunteers' supernodes have; both are choices. */
void kith_simcapacity_usual(struct kith_simcapacity *c);
/* Leaves that are up, those with a home, and those with as many as they can have. */
void kith_sim_attached(const struct kith_sim *sim, uint32_t *up, uint32_t *some, uint32_t *all);
/* A node's core; NULL while it is down. For tests. */
struct kith_core *kith_sim_core(struct kith_sim *sim, uint32_t node);

/* The p-th percentile in ms (p in 0 to 100), 0 without samples. Sorts a copy. */
uint32_t kith_simsamples_percentile(const struct kith_simsamples *s, unsigned p);
/* All of them, from 0 to 100; false without samples, or out of memory. */
bool kith_simsamples_percentiles(const struct kith_simsamples *s, uint32_t out[101]);

#endif
