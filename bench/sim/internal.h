/* What the files of the simulator share. Nobody else includes it, but the test of its effects.
 *
 *   engine.c    the queue of events, packets through the net, the loop
 *   topology.c  hosts, NATs, addresses
 *   node.c      one node: start, stop, driving its core by the contract
 *   capacity.c  what machines and links can do: packets wait for a processor
 *   simtcp.c    connections
 *   effect.c    what a core asks of its host
 *   faults.c    what goes wrong, and when
 *   app.c       an application on each leaf: contacts, calls, presence
 *   transfer.c  what is sent in a call, and whether it arrives as it was sent
 *   silence.c   networks that change during calls, and how long nothing is heard then
 *   hand.c      calls and faults by the hand of a test (hand.h)
 *   lies.c      supernodes that lie
 *   attack.c    ... that drop, flood, or are one attacker's
 *   lists.c     a revocation list that spreads
 *   offices.c   who serves, and how evenly
 *   bounds.c    tables, and what idle nodes say
 *   check.c     the invariants
 *   mutate.c    rules broken on purpose
 *   report.c    hash, samples, text
 */
#ifndef KITH_SIM_INTERNAL_H
#define KITH_SIM_INTERNAL_H

#include <kith/core.h>

#include "base/addr.h"
#include "base/alloc.h"
#include "base/assert.h"
#include "net/draw.h"
#include "net/net.h"
#include "sim/sim.h"
#include "sim/simalloc.h"
#include "sim/simmap.h"
#include "sim/simpki.h"
#include "sim/simqueue.h"
#include "sim/simrandom.h"

#define KITH_SIM_UNIX_MS INT64_C(1800000000000) /* the wall clock at virtual time 0 */
#define KITH_SIM_TRANSPORT 1
#define KITH_SIM_LAN 2 /* the transport to all in a site */
#define KITH_SIM_LAN_PORT 7411
#define KITH_SIM_TCP 1000 /* the transport for connections; a supernode's takes them in, too */
#define KITH_SIM_TCP_IN 1001 /* of a leaf that aims: what it says that it takes in (attack.c) */
#define KITH_SIM_SUPER_PORT 4433
#define KITH_SIM_PORTS_MAX 512 /* transports of a node that its core asked for */
#define KITH_SIM_CALLS_MAX 12 /* sessions of one application at once */
#define KITH_SIM_CONTACTS_MAX 32
#define KITH_SIM_BATCH 32 /* packets of one instant that a core is given at once */
#define KITH_SIM_GROUPS 60 /* groups of nodes for partitions; below KITH_NET_GROUPS_MAX */
#define KITH_SIM_TUNNELS 10000 /* as kith_core_options says, for supernodes that serve again */
#define KITH_SIM_RELAY_RATE 12500000
#define KITH_SIM_SERVICE "chat"
#define KITH_SIM_CHANNEL 7
#define KITH_SIM_TALK_CHANNEL 8 /* datagrams that go on until the call ends */

/* 16 bytes that occur in everything that applications send, and nowhere else. */
#define KITH_SIM_MARKER "<<kith-sim-clear"
#define KITH_SIM_MARKER_LEN 16

enum kith_simkind {
	KITH_SIM_EVENT_FLIGHT, /* ref: slot of a flight */
	KITH_SIM_EVENT_WAKE, /* ref: node; its core's deadline */
	KITH_SIM_EVENT_APP, /* ref: node; its application's */
	KITH_SIM_EVENT_CONTROL, /* ref: slot of a control */
	KITH_SIM_EVENT_TURN /* ref: node; its processor is free for packets that wait */
};

/* Streams of draws of the run's seed that have nothing to do with each other. */
enum kith_simstream {
	KITH_SIM_DRAW_NAT = 100,
	KITH_SIM_DRAW_COUNTRY,
	KITH_SIM_DRAW_JOIN,
	KITH_SIM_DRAW_PORT,
	KITH_SIM_DRAW_BOOTSTRAP,
	KITH_SIM_DRAW_CLOCK,
	KITH_SIM_DRAW_SKEW,
	KITH_SIM_DRAW_CONTACT,
	KITH_SIM_DRAW_RELAY_ONLY,
	KITH_SIM_DRAW_APP,
	KITH_SIM_DRAW_PAYLOAD,
	KITH_SIM_DRAW_FAULT,
	KITH_SIM_DRAW_LIFE,
	KITH_SIM_DRAW_EFFECT,
	KITH_SIM_DRAW_CHANGE,
	KITH_SIM_DRAW_CLASS,
	KITH_SIM_DRAW_DAY,
	KITH_SIM_DRAW_SPY,
	KITH_SIM_DRAW_AIM
};

/* A packet's bytes; shared by duplicates. */
struct kith_simbuf {
	uint32_t refs, len;
	/* KITH_PACKET_HEADROOM, then len bytes */
	uint8_t bytes[];
};

struct kith_simflight {
	struct kith_net_flight flight;
	struct kith_simbuf *buf;
	uint32_t next_free; /* slot + 1 */
};

enum kith_simcontrol_kind {
	KITH_SIM_START, /* a */
	KITH_SIM_CRASH, /* a: b tells whether its state survives */
	KITH_SIM_STOP, /* a: says goodbye */
	KITH_SIM_KILL, /* a: for good */
	KITH_SIM_ORPHANS, /* supernodes have gone down */
	KITH_SIM_PARTITION, /* from group a to group b, KITH_SIM_NONE: all */
	KITH_SIM_HEAL,
	KITH_SIM_RENUMBER, /* a gets another public address */
	KITH_SIM_ROAM, /* a joins another network */
	KITH_SIM_MUTE, /* a sends nothing any more */
	KITH_SIM_UNMUTE,
	KITH_SIM_READDRESS, /* routers get other addresses */
	KITH_SIM_REBIND, /* routers forget, and give other ports */
	KITH_SIM_CUT, /* leaves are cut off */
	KITH_SIM_UNCUT,
	KITH_SIM_DEMOTE, /* a is a leaf ... */
	KITH_SIM_PROMOTE, /* ... and a supernode again */
	KITH_SIM_SPLIT, /* groups below a from all others */
	KITH_SIM_JOIN,
	KITH_SIM_HEARD, /* silences after such a change are over, or count as they are */
	KITH_SIM_SAMPLE, /* look at all nodes */
	KITH_SIM_CHECK_OFFLINE, /* of a, boot b */
	KITH_SIM_CHECK_GOODBYE, /* the same after an orderly exit */
	KITH_SIM_LEAVE_END, /* of a, boot b: its grace is over */
	KITH_SIM_FLOOD, /* a floods once, and again */
	KITH_SIM_AIM, /* a names other addresses of the victim's, and again */
	KITH_SIM_LIST, /* a supernode is handed a revocation list */
	KITH_SIM_LOOK, /* at candidates, and again */
	KITH_SIM_EFFECT, /* of a, serial number b: it is answered; of a SYN: it is repeated */
	KITH_SIM_VERIFY /* the final calls */
};

struct kith_simcontrol {
	enum kith_simcontrol_kind kind;
	uint32_t a, b;
	kith_time_us since; /* checks: when it began */
	uint32_t next_free;
};

/* One way of one call: what a node sends to another. */
struct kith_simflow {
	uint32_t from, to;
	uint64_t sent, got; /* datagrams: bit per sequence number */
	uint32_t stream_len, stream_sent, stream_got;
	bool stream_begun, stream_done; /* at the receiver */
};

/* A session as its application sees it. */
struct kith_simcall {
	bool used, ours, open, accepted, refused, direct, first_byte;
	bool closing; /* we have asked for its end */
	bool kept; /* nobody hangs up */
	bool hushed; /* it says nothing for now */
	kith_session_id session;
	kith_op op;
	int err; /* what our call ended with */
	uint32_t peer;
	uint32_t flow, peer_flow; /* number + 1 */
	kith_time_us called_at, answer_at, opened_at, datagram_at, hang_up_at, answered_us;
	uint32_t datagrams_sent;
	uint64_t stream, stream_in;
	bool has_stream, has_stream_in, stream_fin, stream_in_fin, stream_full, over;
	uint8_t head[8]; /* of the stream that comes in */
	uint8_t head_n;
	kith_time_us check_at;
	uint32_t talk_sent, talk_newest; /* numbers of talk datagrams */
	uint64_t talk_got; /* bit i: number talk_newest - i came */
	uint64_t talks_heard;
	bool watched; /* its network has changed ... */
	kith_time_us watched_at, heard_at, silence_us; /* ... and so long no talk came at once since then */
	bool direct_now; /* it sends straight to the other end */
	kith_time_us left_at; /* its network changed then, and it sends so no more; 0: it does */
};

enum kith_simseen { KITH_SIM_SEEN_NOTHING, KITH_SIM_SEEN_ONLINE, KITH_SIM_SEEN_OFFLINE };

struct kith_simcontact {
	uint32_t node;
	bool relay_only;
	uint8_t seen; /* enum kith_simseen */
	kith_time_us seen_at;
};

/* The application on a leaf. */
struct kith_simapp {
	struct kith_simcontact *contacts;
	uint32_t contacts_n, contacts_cap;
	struct kith_simcall **calls; /* KITH_SIM_CALLS_MAX places, from the first one on; NULL before */
	uint32_t calls_n; /* places of these that were ever needed */
	kith_time_us call_at, armed;
	uint64_t arms; /* times the application's timer was set */
	uint64_t draws;
	kith_op lookup;
	kith_time_us lookup_at, verify_at;
	uint32_t lookup_peer;
};

enum { KITH_SIM_FILES = KITH_SAVE_CONTACTS + 1 };

struct kith_simfile {
	uint8_t *bytes;
	size_t len;
};

struct kith_simnode {
	uint32_t place; /* counts the networks that it joined, ... */
	kith_time_us joined_at; /* ... the last one then, ... */
	bool hasty; /* ... and hardly was in the one before */
	uint32_t id;
	enum kith_role role;
	bool up, leaving, mute, killed, reachable, starting;
	bool spies; /* a leaf: see kith_sim_trap_of */
	uint32_t lies; /* set of 1 << enum kith_simlie, see lies.c; of a leaf: whether */
	bool candidate; /* a leaf that consents to serve */
	bool served; /* it did, at some time */
	enum kith_simfalse falsehood; /* see lies_candidate.c */
	bool drops, floods, sybil, aims; /* see attack.c */
	uint16_t aimed_port; /* the first of those that it names now */
	bool resting; /* a supernode that is a leaf for a while */
	bool unplugged; /* its transport is down, and its core knows */
	uint8_t nat_kind;
	uint32_t boots;
	uint32_t iface, nat, public_nat; /* devices; nat 0: open; public_nat: the one whose address the world sees */
	struct kith_addr local, public; /* port of local only */
	struct kith_core *core; /* NULL while down */
	struct kith_simcpu *cpu; /* NULL: without limits */
	struct kith_simaccount account;
	struct kith_simrandom random;
	struct kith_simfile files[KITH_SIM_FILES]; /* by enum kith_save, as last saved, on the engine's account */
	struct kith_simwork *work; /* what its core asked for and waits for */
	struct kith_simport *ports; /* the transports that it asked for and has */
	uint32_t ports_n, ports_cap;
	struct kith_simconn *conns;
	kith_time_us mono_offset_us;
	int64_t skew_ms;
	kith_time_us armed; /* time of the wake that counts */
	uint64_t wakes; /* set so far; the last one counts */
	uint32_t spins; /* wakes at one instant */
	uint32_t roused; /* how often it had something to do after KITH_SIM_ROUSED_US without */
	kith_time_us busy_at; /* when it last had */
	kith_time_us changed_at; /* its network; 0: never */
	kith_time_us started_at, disturbed_at, homes_since, homeless_since;
	kith_time_us orphaned_at; /* when the last of its homes went down; NEVER: one is up */
	kith_time_us lookup_at; /* a supernode's own, while looking_up */
	bool looking_up;
	uint32_t homes;
	bool attached_once, attached_all;
	bool listed, headed,
		ruled; /* it was seen to have the revocation list; the head, or the proof of two; the parameters */
	uint64_t packets_in, packets_out, bytes_in, bytes_out;
	uint64_t idle_packets, idle_bytes; /* at the last sample */
	bool idle; /* since the last sample */
	uint64_t idle_total_s, idle_total_bytes;
	kith_time_us idle_since; /* a supernode */
	uint32_t roles; /* changes by election ... */
	kith_time_us roles_from; /* ... since then */
	kith_time_us uncounted_since; /* a home does not know of it; 0: all do */
	struct kith_key identity, device; /* valid with has_keys */
	bool has_keys;
	struct kith_simapp *app;
};

enum { KITH_SIM_BROUGHT = 1024 };

/* What goes along with a call (early.c). */
struct kith_simearly {
	kith_time_us called_at;
	uint32_t caller, callee;
	bool told;
	bool lost; /* the callee has been down since */
};

struct kith_sim {
	struct kith_simoptions options;
	struct kith_simearly *early; /* NULL: nothing has gone along with any call */
	uint32_t early_n;
	struct kith_simpool pool;
	struct kith_simaccount engine, net_account, shared_account; /* who else needs memory */
	struct kith_simrandom shared_random;
	const struct kith_suite *suite; /* whose objects are made with it; that of cores may be counted besides */
	struct kith_simpki pki;
	struct kith_shared *shared;
	struct kith_net *net;
	struct kith_net_stats net_stats;
	struct kith_stats stats[2]; /* leaves, supernodes */
	struct kith_nat_options nat_options[KITH_SIMNAT_KINDS_MAX];
	struct kith_simqueue queue;
	uint64_t brought
		[KITH_SIM_BROUGHT]; /* set of hashes: stale liars and sessions that gave them a record, see lies.c */
	struct kith_simflight *flights;
	uint32_t flights_n, flights_cap, flights_free, flights_live, flights_peak;
	struct kith_simcontrol *controls;
	uint32_t controls_n, controls_cap, controls_free;
	uint64_t control_seq;
	uint32_t truth_next; /* leaf that is looked at next, see truth.c */
	struct kith_simnode *nodes;
	uint32_t nodes_n;
	uint32_t public_next; /* next unused public address */
	uint32_t cgn_device, cgn_leaves; /* carrier that still takes customers */
	struct kith_simmap owners; /* public v4 address -> node + 1, or KITH_SIM_NONE for several */
	struct kith_simmap consents; /* pair of nodes that are no contacts -> 1: one accepted the other's call */
	struct kith_simmap links; /* for options.linking: what was seen of which leaf, and where */
	struct kith_simmap hellos; /* for KITH_SIM_MUTATE_NO_RETRANSMIT */
	struct kith_simflow *flows;
	uint32_t flows_n, flows_cap;
	kith_time_us now;
	kith_time_us disturbed_at; /* something that concerns all: partition, supernode up or down */
	uint32_t partitions; /* in force */
	kith_time_us orphans_at; /* when supernodes last went down */
	kith_time_us listed_at; /* when the revocation list was handed in; 0: it was not */
	/* Looked at for every leaf: counted again once something about supernodes has changed. */
	bool supers_counted, supers_broken;
	uint32_t supers_up;
	uint32_t effects; /* that took time so far */
	uint64_t trace;
	struct kith_simcounts counts;
	struct kith_simpair pairs[KITH_SIMNAT_KINDS_MAX][KITH_SIMNAT_KINDS_MAX]; /* the lower kind first */
	struct kith_simoffices offices;
	struct kith_simsamples samples[KITH_SIM_MEASURES_N];
	bool violated;
	struct kith_simviolation violation; /* the first one */
	uint64_t violations[KITH_SIM_INVARIANTS_N];
	bool failed, finished, no_memory, verifying;
	uint64_t mutations; /* how often a rule was broken */
	uint8_t hash[32];
};

static inline bool kith_sim_is_super(const struct kith_simnode *n)
{
	return n->role == KITH_ROLE_SUPERNODE;
}

static inline uint64_t kith_sim_draw(const struct kith_sim *sim, enum kith_simstream stream, uint64_t a, uint64_t b)
{
	return kith_draw(kith_draw_hash(sim->options.seed, (uint64_t)stream, 0), a, b);
}

/* Uniform in [0, max]. */
static inline kith_time_us kith_sim_draw_time(uint64_t draw, kith_time_us max)
{
	return max <= 0 ? 0 : (kith_time_us)((draw >> 1) % ((uint64_t)max + 1));
}

/* ---- engine.c ---- */
void kith_sim_out_of_memory(struct kith_sim *sim);
void kith_sim_wake_at(struct kith_sim *sim, struct kith_simnode *n, kith_time_us at);
void kith_sim_app_at(struct kith_sim *sim, struct kith_simnode *n, kith_time_us at);
void kith_sim_control_at(struct kith_sim *sim, kith_time_us at, const struct kith_simcontrol *control);
/* One packet of a core into the net. */
void kith_sim_send(struct kith_sim *sim, struct kith_simnode *n, const struct kith_packet *packet);

void kith_sim_turn_at(struct kith_sim *sim, struct kith_simnode *n, kith_time_us at, uint64_t number);
/* len bytes of a core, or of its host, leave from that port. */
void kith_sim_emit(struct kith_sim *sim, struct kith_simnode *n, const struct kith_net_packet *packet, uint16_t port,
		   const uint8_t *data, size_t len);
struct kith_simbuf *kith_sim_buf_new(struct kith_sim *sim, const uint8_t *data, size_t len);
void kith_sim_buf_drop(struct kith_sim *sim, struct kith_simbuf *buf);

/* ---- simtcp.c ---- */
void kith_simtcp_send(struct kith_sim *sim, struct kith_simnode *n, const struct kith_packet *p, const uint8_t *data,
		      size_t len);
/* A packet of TCP is there. The transport that is handed it; 0: it is not for the core. */
uint16_t kith_simtcp_came(struct kith_sim *sim, struct kith_simnode *n, const struct kith_net_packet *pkt, uint8_t type,
			  size_t len);
void kith_simtcp_due(struct kith_sim *sim, struct kith_simnode *n, uint32_t serial);
/* All connections of a transport are gone; 0: of the node. */
void kith_simtcp_drop(struct kith_sim *sim, struct kith_simnode *n, uint16_t transport);

/* ---- capacity.c ---- */
/* The kind of machine of a node, 0: without limits, else its profile in the net. */
uint8_t kith_sim_class(const struct kith_sim *sim, uint32_t node);
void kith_sim_capacity_profiles(const struct kith_sim *sim, struct kith_net_options *o);
bool kith_sim_capacity_new(struct kith_sim *sim, struct kith_simnode *n);
void kith_sim_capacity_free(struct kith_sim *sim, struct kith_simnode *n);
const struct kith_suite *kith_sim_capacity_suite(const struct kith_sim *sim);
void kith_sim_capacity_options(const struct kith_simnode *n, struct kith_core_options *o);
/* A packet came; buf is taken over. */
void kith_sim_capacity_came(struct kith_sim *sim, struct kith_simnode *n, const struct kith_simnode *from,
			    const struct kith_net_delivery *d, struct kith_simbuf *buf);
/* The next one that waits; NULL: none. The caller holds it. */
struct kith_simbuf *kith_sim_capacity_next(struct kith_sim *sim, struct kith_simnode *n, struct kith_net_delivery *d);
/* What waits is lost: the core is gone. */
void kith_sim_capacity_drop(struct kith_sim *sim, struct kith_simnode *n);
/* What was spent so far is nobody's: on looking in, on a core that is gone, by another run. */
void kith_sim_capacity_begin(const struct kith_sim *sim);
/* For what time its processor would have worked on each more that a crowd of one had said since the beginning. */
uint64_t kith_sim_crowd_ns(const struct kith_sim *sim, uint32_t node);
/* What the node's core is to be told of its machine. False: nothing is due. */
bool kith_sim_capacity_told(const struct kith_sim *sim, struct kith_simnode *n, struct kith_core_load *out);
/* A call into the core is over, and cost what it did. */
void kith_sim_capacity_charge(struct kith_sim *sim, struct kith_simnode *n);
/* When the processor is free; now, if it is. */
kith_time_us kith_sim_capacity_free_at(const struct kith_sim *sim, const struct kith_simnode *n);

/* ---- pairs.c ---- */
/* A call of ours has opened; or is direct for the first time. */
void kith_sim_pair_note(struct kith_sim *sim, const struct kith_simnode *n, const struct kith_simcall *c, bool direct);

/* ---- topology.c ---- */
bool kith_sim_topology(struct kith_sim *sim);
bool kith_sim_renumber(struct kith_sim *sim, struct kith_simnode *n);
/* ---- linking.c ---- */

/* Who leaves a network sooner may have no spare name yet for the next one, and is not looked for there. */
#define KITH_SIM_LINK_STAY_US (5 * KITH_US_PER_S)

/* An observer sees a packet from or to a leaf where it is now. */
void kith_sim_link(struct kith_sim *sim, const struct kith_simnode *n, const uint8_t *data, size_t len);

bool kith_sim_roam(struct kith_sim *sim, struct kith_simnode *n);
/* The only leaf whose public address ip is; NULL if it is nobody's, or several leaves'. */
struct kith_simnode *kith_sim_owner(const struct kith_sim *sim, const struct kith_addr *ip);
/* The supernode with that address; NULL: there is none. */
const struct kith_simnode *kith_sim_super_at(const struct kith_sim *sim, const struct kith_addr *ip);
const char *kith_sim_node_name(const struct kith_sim *sim, uint32_t node, char out[KITH_NAME_MAX + 1]);
/* KITH_SIM_NONE if it is no node's. */
uint32_t kith_sim_node_named(const struct kith_sim *sim, const char *name);

/* ---- node.c ---- */
struct kith_now kith_sim_node_now(const struct kith_sim *sim, const struct kith_simnode *n);
void kith_sim_node_start(struct kith_sim *sim, struct kith_simnode *n);
/* Its table of members goes over to sectors as early as the options say. */
void kith_sim_node_full_view(const struct kith_sim *sim, struct kith_simnode *n);
void kith_sim_node_crash(struct kith_sim *sim, struct kith_simnode *n, bool keep_state);
void kith_sim_node_stop(struct kith_sim *sim, struct kith_simnode *n);
void kith_sim_node_input(struct kith_sim *sim, struct kith_simnode *n, struct kith_packet packets[], size_t count);
void kith_sim_node_wake(struct kith_sim *sim, struct kith_simnode *n);
/* A supernode, which has no user in the simulator, looks a node's name up: counted with those of the leaves. */
void kith_sim_super_lookup(struct kith_sim *sim, uint32_t node, uint32_t peer);
void kith_sim_node_drain(struct kith_sim *sim, struct kith_simnode *n);
void kith_sim_node_keys(struct kith_sim *sim, struct kith_simnode *n);
/* The first leaf of a leaf's site. */
uint32_t kith_sim_site(const struct kith_sim *sim, const struct kith_simnode *n);
void kith_sim_node_transport(struct kith_sim *sim, struct kith_simnode *n);

/* ---- effect.c ---- */
void kith_sim_save(struct kith_sim *sim, struct kith_simnode *n, enum kith_save what, struct kith_span bytes);
void kith_sim_forget(struct kith_sim *sim, struct kith_simnode *n); /* all that it saved */
/* Takes out what the core asks for. False: nothing. */
bool kith_sim_effects(struct kith_sim *sim, struct kith_simnode *n);
void kith_sim_effect_due(struct kith_sim *sim, struct kith_simnode *n, uint32_t serial);
uint16_t kith_sim_listener(const struct kith_simnode *n, uint16_t port); /* the transport that takes in there; or 0 */
void kith_sim_effects_drop(struct kith_sim *sim, struct kith_simnode *n); /* the core is gone */
/* The port of a transport and the other way round; 0: it has none such. */
uint16_t kith_sim_port(const struct kith_simnode *n, uint16_t transport);
uint16_t kith_sim_transport(const struct kith_simnode *n, uint16_t port);
void kith_sim_ports_tell(struct kith_sim *sim, struct kith_simnode *n); /* again, with new addresses */

/* ---- lists.c ---- */
void kith_sim_list_schedule(struct kith_sim *sim);
void kith_sim_list_give(struct kith_sim *sim);
/* A node has acted: whether it has the list now. */
void kith_sim_list_look(struct kith_sim *sim, struct kith_simnode *n);

/* ---- faults.c ---- */
bool kith_sim_faults(struct kith_sim *sim);

/* Draws who lies. */
void kith_sim_liars(struct kith_sim *sim);
void kith_sim_control(struct kith_sim *sim, const struct kith_simcontrol *control);
/* A node came up: when will it go? */
void kith_sim_life(struct kith_sim *sim, const struct kith_simnode *n);

/* Whether a supernode is among the first ppm of a random order; which they are does not depend on how many. */
#define KITH_SIM_BOAST 500000 /* bytes a second: ten times what a thin link has */
/* The node of a core: each allocates on the account of its node. */
struct kith_simnode *kith_sim_node_of(const struct kith_core *c);
struct kith_sim *kith_sim_of(const struct kith_simnode *n);
/* Candidates: drawn, told of their load, counted; see candidates.c. */
void kith_sim_candidates_new(struct kith_sim *sim);
void kith_sim_candidates_options(const struct kith_sim *sim, const struct kith_simnode *n, struct kith_core_options *o);
void kith_sim_candidates_schedule(struct kith_sim *sim);
void kith_sim_candidates_look(struct kith_sim *sim);
void kith_sim_candidates_count(struct kith_sim *sim);
bool kith_sim_chosen(const struct kith_sim *sim, uint64_t stream, uint32_t super, uint32_t ppm);

/* ---- attack.c ---- */
void kith_sim_attack_new(struct kith_sim *sim);
void kith_sim_attack_schedule(struct kith_sim *sim);
void kith_sim_attack_flood(struct kith_sim *sim, struct kith_simnode *n);
/* Whether a packet that its core sends is never sent. */
void kith_sim_attack_aim(struct kith_sim *sim, struct kith_simnode *n);
/* What an aimer's host says that its addresses are. */
void kith_sim_attack_locals(const struct kith_simnode *n, struct kith_transport *t);
void kith_sim_attack_sent(struct kith_sim *sim, const struct kith_simnode *n, const struct kith_addr *to, size_t len);
bool kith_sim_attack_drops(const struct kith_simnode *n, const uint8_t *data, size_t len);
/* A Sybil's address instead of the one that it would have. */
void kith_sim_attack_address(const struct kith_simnode *n, struct kith_addr *ip);
/* How many homes of leaves are Sybils, and how many leaves have no others. */
void kith_sim_attack_count(struct kith_sim *sim);
/* How many homes a leaf has, and how many of them lie. */
uint32_t kith_sim_lying_homes(const struct kith_sim *sim, const struct kith_simnode *n, uint32_t *homes);

/* ---- offices.c ---- */
void kith_sim_offices_delivered(struct kith_sim *sim, const struct kith_simnode *from, const struct kith_simnode *to,
				uint32_t len);
/* A node has begun or ceased to serve, or could not. */
void kith_sim_offices_changed(struct kith_sim *sim, const struct kith_event *e);
void kith_sim_offices_sample(struct kith_sim *sim, kith_time_us gap);

/* ---- bounds.c ---- */
void kith_sim_check_tables(struct kith_sim *sim, const struct kith_simnode *n);
void kith_sim_check_idle(struct kith_sim *sim, struct kith_simnode *n, uint64_t seconds, uint64_t bytes,
			 uint64_t packets);
void kith_sim_check_idle_super(struct kith_sim *sim, struct kith_simnode *n);

/* ---- app.c ---- */
bool kith_sim_app_new(struct kith_sim *sim, struct kith_simnode *n);
void kith_sim_app_free(struct kith_sim *sim, struct kith_simnode *n);
void kith_sim_app_start(struct kith_sim *sim, struct kith_simnode *n);
void kith_sim_app_down(struct kith_sim *sim, struct kith_simnode *n);
void kith_sim_app_timer(struct kith_sim *sim, struct kith_simnode *n);
void kith_sim_app_event(struct kith_sim *sim, struct kith_simnode *n, const struct kith_event *e);

/* Calls, with early data if the workload has some; and what a callee hears of that. */
int kith_sim_early_call(struct kith_sim *sim, struct kith_simnode *n, struct kith_simcall *c, const char *name);
void kith_sim_early_heard(struct kith_sim *sim, struct kith_simnode *n, kith_session_id session, uint32_t peer);
void kith_sim_early_down(struct kith_sim *sim, const struct kith_simnode *n);
void kith_sim_early_free(struct kith_sim *sim);
void kith_sim_app_verify(struct kith_sim *sim, struct kith_simnode *n);
uint32_t kith_sim_app_calls(const struct kith_simnode *n);
struct kith_simcontact *kith_sim_contact(const struct kith_simnode *n, uint32_t peer);
struct kith_simcall *kith_sim_any_call(const struct kith_simnode *n);
void kith_sim_hang_up(struct kith_sim *sim, struct kith_simnode *n, struct kith_simcall *c);
/* Calls the peer; the call is kept. NULL: that failed at once. */
struct kith_simcall *kith_sim_call_kept(struct kith_sim *sim, struct kith_simnode *n, uint32_t peer);
void kith_sim_call_hush(struct kith_sim *sim, struct kith_simnode *n, struct kith_simcall *c, bool on);

/* ---- transfer.c ---- */
void kith_sim_transfer_begin(struct kith_sim *sim, struct kith_simnode *n, struct kith_simcall *c);
void kith_sim_transfer_datagrams(struct kith_sim *sim, struct kith_simnode *n, struct kith_simcall *c);
void kith_sim_transfer_got(struct kith_sim *sim, struct kith_simnode *n, struct kith_simcall *c, uint16_t channel,
			   struct kith_span data);
void kith_sim_transfer_stream(struct kith_sim *sim, struct kith_simnode *n, struct kith_simcall *c,
			      const struct kith_event *e);
bool kith_sim_transfer_over(const struct kith_sim *sim, const struct kith_simcall *c);

/* ---- silence.c ---- */
bool kith_sim_silence_schedule(struct kith_sim *sim);
void kith_sim_silence_control(struct kith_sim *sim, const struct kith_simcontrol *control);
/* The call sends on another path. */
void kith_sim_silence_path(struct kith_sim *sim, const struct kith_simnode *n, struct kith_simcall *c, bool direct);
/* The first byte of a call that n placed to its peer came, so long after. */
void kith_sim_silence_first_byte(struct kith_sim *sim, const struct kith_simcall *c, kith_time_us took,
				 const struct kith_simnode *n);
/* From here on it is measured how long this end hears nothing. */
void kith_sim_silence_watch(struct kith_sim *sim, struct kith_simcall *c);
/* Its router forgets, and gives other ports. */
void kith_sim_rebind(struct kith_sim *sim, struct kith_simnode *n);
/* It is cut off; told: and knows. */
void kith_sim_unplug(struct kith_sim *sim, struct kith_simnode *n, bool on, bool told);
/* A talk datagram came in. */
void kith_sim_silence_heard(struct kith_sim *sim, struct kith_simcall *c);
/* The call's end is at hand; lost: by itself. */
void kith_sim_silence_end(struct kith_sim *sim, const struct kith_simnode *n, struct kith_simcall *c, bool lost);

/* ---- check.c ---- */
void kith_sim_violate(struct kith_sim *sim, enum kith_siminvariant invariant, uint32_t a, uint32_t b,
		      const char *format, ...) __attribute__((format(printf, 5, 6)));
/* Nothing happened to n, nor to what concerns all, for that long. */
bool kith_sim_steady(struct kith_sim *sim, const struct kith_simnode *n, kith_time_us for_us);
/* Nothing happened to it since then. */
bool kith_sim_undisturbed(struct kith_sim *sim, const struct kith_simnode *n, kith_time_us since);
void kith_sim_disturb(struct kith_sim *sim, struct kith_simnode *n); /* n NULL: all */
/* Where a leaf that spies says that its homes are, and nobody but itself listens. */
struct kith_addr kith_sim_trap_of(const struct kith_simnode *n);
void kith_sim_check_sent(struct kith_sim *sim, const struct kith_simnode *n, const struct kith_addr *to,
			 const uint8_t *data, size_t len);
/* to_all: it was sent to all on the link, and this is one who hears it. */
void kith_sim_check_delivered(struct kith_sim *sim, uint32_t from, uint32_t to, bool to_all);
void kith_sim_check_homes(struct kith_sim *sim, struct kith_simnode *n);
void kith_sim_check_memory(struct kith_sim *sim, const struct kith_simnode *n);
void kith_sim_check_members(struct kith_sim *sim);
void kith_sim_check_garbage(struct kith_sim *sim);
void kith_sim_check_gone(struct kith_sim *sim, const struct kith_simcontrol *control);
void kith_sim_check_online(struct kith_sim *sim, struct kith_simnode *n);
void kith_sim_check_call(struct kith_sim *sim, struct kith_simnode *n, struct kith_simcall *c);
void kith_sim_check_sample(struct kith_sim *sim);
uint32_t kith_sim_supers_up(struct kith_sim *sim);
/* One went up, down, quiet, or changed its role. */
void kith_sim_supers_changed(struct kith_sim *sim);
void kith_sim_consent(struct kith_sim *sim, uint32_t a, uint32_t b);
bool kith_sim_consented(const struct kith_sim *sim, uint32_t a, uint32_t b);

/* ---- orphans.c ---- */

/* A supernode has gone down: who has no other home is looked for, once for all that go down now. */
void kith_sim_orphans_due(struct kith_sim *sim);
void kith_sim_orphans(struct kith_sim *sim);
/* Its homes have changed. */
void kith_sim_orphan_look(struct kith_sim *sim, struct kith_simnode *n);

/* ---- truth.c ---- */
/* A leaf named a node as one that lies. */
void kith_sim_check_named(struct kith_sim *sim, const struct kith_simnode *by, uint32_t node, enum kith_lie lie);
/* A record of owner's was shown to n, or found. */
void kith_sim_check_found(struct kith_sim *sim, const struct kith_simnode *n, const struct kith_simnode *owner,
			  uint64_t seq, const char *how);
void kith_sim_check_role(struct kith_sim *sim, struct kith_simnode *n);
void kith_sim_check_budgets(struct kith_sim *sim, const struct kith_simnode *n);
/* Some leaves, in turn. */
void kith_sim_check_truth(struct kith_sim *sim);

/* ---- mutate.c ---- */
void kith_sim_mutate_sample(struct kith_sim *sim);
void kith_sim_mutate_supernodes(struct kith_sim *sim);
/* Whether this mutation is on, and its time has come. */
bool kith_sim_mutates(const struct kith_sim *sim, enum kith_simmutation mutation);
/* Hands a datagram on as the mutation wants it. */
void kith_sim_mutate_datagram(struct kith_sim *sim, struct kith_simnode *n, struct kith_simcall *c,
			      const struct kith_event *e);
/* What is read from a stream; returns how much is left of it. */
size_t kith_sim_mutate_stream(struct kith_sim *sim, uint8_t *data, size_t len);
/* The bytes that go out: data, or the same with something in it. */
const uint8_t *kith_sim_mutate_packet(struct kith_sim *sim, const uint8_t *data, size_t len, uint8_t *scratch,
				      size_t cap);

/* ---- report.c ---- */
void kith_sim_sample(struct kith_sim *sim, uint32_t node, enum kith_simmeasure measure, kith_time_us us);
/* What node began at since came to nothing: counted, and told. */
void kith_sim_ended(struct kith_sim *sim, uint32_t node, enum kith_simending how, kith_time_us since, int err);
void kith_sim_end_hash(struct kith_sim *sim);

#endif
