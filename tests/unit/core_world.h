/* A handful of cores in virtual time on a flat network: every node has a public address, packets take 20 ms. For tests
 * of the core itself; NATs and weather belong to the simulator.
 *
 * A test may look at every packet on its way (tap) and drop, change or repeat it.
 */
#ifndef KITH_TESTS_CORE_WORLD_H
#define KITH_TESTS_CORE_WORLD_H

#include "support.h"

#include <kith/core.h>

#include "crypto/suite.h"
#include "identity/cert.h"
#include "identity/revocation.h"
#include "link/state.h"
#include "sim/simpki.h"
#include "sim/simrandom.h"
#include "sim/suite_sim.h"

#define WORLD_NODES 48
#define WORLD_PACKETS 16384
#define WORLD_EVENTS 4096
#define WORLD_DELAY_US 20000
#define WORLD_LAN 2 /* the transport of purpose LAN */
#define WORLD_LAN_PORT 7411
#define WORLD_SPARE 100 /* the first transport that a core asked for, if the world has such ... */
#define WORLD_SPARE_PORT 20000 /* ... at this port of the node's address; the next at the next */
#define WORLD_UNIX_MS INT64_C(1800000000000)

struct world_packet {
	kith_time_us at;
	uint64_t seq;
	struct kith_addr from, to;
	uint8_t ttl;
	uint16_t len;
	int lan_to; /* to all on the link: its copy for this node, + 1; 0: to one address */
	uint8_t data[KITH_PACKET_HEADROOM + 1400];
};

struct world_node {
	struct kith_core *core;
	struct kith_stats stats;
	char name[KITH_NAME_MAX + 1];
	struct kith_addr addr; /* on transport 0; family NONE: it has none */
	struct kith_addr addr6; /* on transport 1; family NONE, as usual: it has none */
	struct kith_simcredentials id;
	int64_t skew_ms; /* of its wall clock */
	bool supernode, muted; /* muted: its packets go nowhere, and none reach it */
	bool on_lan; /* has transport WORLD_LAN: all such in one /24 hear each other there */
};

struct world_event {
	int node;
	kith_time_us at;
	struct kith_event ev;
	uint8_t data[KITH_DATAGRAM_MAX];
};

struct core_world {
	struct test_alloc alloc;
	struct test_random random;
	struct kith_simpki pki;
	struct kith_shared *shared;
	struct world_node nodes[WORLD_NODES];
	int n;
	kith_time_us now;
	uint64_t seq;
	struct world_packet *packets; /* unordered; the next is searched for */
	int packets_n;
	struct world_event *events;
	int events_n;
	bool log;
	bool spares; /* sockets that a core asks for are opened; else it is told so, and gets none */
	uint16_t spares_n;
	int bootstrap; /* the first of three nodes that those who start are told of */
	/* May change a packet; returns how many copies are delivered (0 drops it). */
	int (*tap)(struct core_world *w, struct world_packet *p);
	void *tap_ctx;
	/* Called for every event of a node; default: accept every call. */
	void (*on_event)(struct core_world *w, int node, const struct kith_event *ev);
};

static inline struct kith_now world_clock(const struct core_world *w)
{
	return (struct kith_now){ w->now, WORLD_UNIX_MS + w->now / 1000, true };
}

/* The clocks of one node, of which the wall clock may be wrong. */
static inline struct kith_now world_clock_of(const struct core_world *w, int i)
{
	struct kith_now now = world_clock(w);
	now.unix_ms += w->nodes[i].skew_ms;
	return now;
}

static void world_drain(struct core_world *w, int i);

static inline void world_accept(struct core_world *w, int node, const struct kith_event *ev)
{
	if (ev->type == KITH_EVENT_INCOMING)
		assert_int_equal(kith_core_accept(w->nodes[node].core, world_clock_of(w, node), ev->session), 0);
}

/* packets: how many the nodes have together; 0: as many as by default. */
static inline void core_world_init_with(struct core_world *w, const struct kith_suite *suite, uint64_t seed,
					uint32_t packets)
{
	struct kith_shared_options o;
	memset(w, 0, sizeof *w);
	assert_int_equal(kith_suite_sodium_init(), 0);
	test_alloc_init(&w->alloc);
	test_random_init(&w->random, seed);
	kith_simpki_init(&w->pki, suite, seed, WORLD_UNIX_MS / 1000);
	kith_shared_options_init(&o);
	o.alloc = &w->alloc.alloc;
	o.random = &w->random.random;
	if (packets > 0)
		o.packets_max = packets;
	assert_int_equal(kith_shared_new(&w->shared, &o), 0);
	w->packets = calloc(WORLD_PACKETS, sizeof *w->packets);
	w->events = calloc(WORLD_EVENTS, sizeof *w->events);
	w->on_event = world_accept;
}

static inline void core_world_init(struct core_world *w, const struct kith_suite *suite, uint64_t seed)
{
	core_world_init_with(w, suite, seed, 0);
}

static inline struct kith_addr world_addr(int i)
{
	struct kith_addr a = { .family = KITH_FAMILY_V4, .port = (uint16_t)(4000 + i) };
	a.ip[0] = (uint8_t)(20 + i);
	a.ip[1] = (uint8_t)(i * 7 + 1);
	a.ip[2] = 3;
	a.ip[3] = 4;
	return a;
}

static inline struct kith_endpoint world_endpoint(int i)
{
	struct kith_addr addr = world_addr(i);
	return kith_endpoint_udp(&addr);
}

static inline struct kith_addr world_addr6(int i)
{
	struct kith_addr a = { .family = KITH_FAMILY_V6, .port = (uint16_t)(4000 + i) };
	a.ip[0] = 0x2a;
	a.ip[1] = (uint8_t)(1 + i); /* a network of its own */
	a.ip[15] = 1;
	return a;
}

/* Fills in the options of a node; a test may change them before world_start. */
static inline void world_options(struct core_world *w, int i, struct kith_core_options *o)
{
	struct world_node *n = &w->nodes[i];
	static struct kith_bootstrap bootstrap[3];
	kith_core_options_init(o);
	o->role = n->supernode ? KITH_ROLE_SUPERNODE : KITH_ROLE_LEAF;
	o->alloc = &w->alloc.alloc;
	o->random = &w->random.random;
	o->suite = w->pki.suite;
	o->shared = w->shared;
	o->stats = &n->stats;
	o->root = &w->pki.root.pk;
	o->device = n->id.device;
	o->chain = test_span(n->id.chain, n->id.chain_len);
	o->devices = test_span(n->id.devices, n->id.devices_len);
	for (int k = 0; k < 3; k++) {
		bootstrap[k].at = world_endpoint(w->bootstrap + k);
		bootstrap[k].has_key = k != 0; /* the first is asked for its key */
		kith_simpki_keys(&w->pki, (uint32_t)(w->bootstrap + k), &(struct kith_key){ { 0 } }, &bootstrap[k].key);
	}
	o->bootstrap = bootstrap;
	o->bootstrap_n = 3;
	if (n->supernode && n->addr.family != KITH_FAMILY_NONE)
		o->endpoints[o->endpoints_n++] = kith_endpoint_udp(&n->addr);
	if (n->supernode && n->addr6.family != KITH_FAMILY_NONE)
		o->endpoints[o->endpoints_n++] = kith_endpoint_udp(&n->addr6);
}

/* Brings transport 0 (v4) or 1 (v6) of a node up or down, at its address. */
static inline void world_link(struct core_world *w, int i, uint16_t id, bool up)
{
	struct world_node *n = &w->nodes[i];
	struct kith_transport t = { .id = id,
				    .kind = KITH_TRANSPORT_UDP,
				    .up = up,
				    .family = id == 0 ? KITH_FAMILY_V4 : KITH_FAMILY_V6,
				    .locals_n = 1 };
	t.locals[0] = (struct kith_local){ id == 0 ? n->addr : n->addr6, KITH_ADDR_HOST, id == 0 ? 24 : 64 };
	kith_core_transport(n->core, world_clock_of(w, i), &t);
	world_drain(w, i);
}

/* The second transport of a node, over IPv6, of any kind. */
static inline void world_link_second(struct core_world *w, int i, uint8_t kind, uint8_t purpose, uint8_t cost_ms)
{
	struct kith_transport t = { .id = 1,
				    .kind = kind,
				    .family = KITH_FAMILY_V6,
				    .purpose = purpose,
				    .cost_ms = cost_ms,
				    .up = true,
				    .locals_n = 1 };
	w->nodes[i].addr6 = world_addr6(i);
	t.locals[0] = (struct kith_local){ w->nodes[i].addr6, KITH_ADDR_HOST, 64 };
	assert_int_equal(kith_core_transport(w->nodes[i].core, world_clock(w), &t), 0);
	world_drain(w, i);
}

static inline int world_try_start(struct core_world *w, int i, const struct kith_core_options *o)
{
	struct world_node *n = &w->nodes[i];
	int err = kith_core_new(&n->core, o, world_clock_of(w, i));
	if (err != 0)
		return err;
	world_drain(w, i);
	if (n->addr.family != KITH_FAMILY_NONE)
		world_link(w, i, 0, true);
	if (n->addr6.family != KITH_FAMILY_NONE)
		world_link(w, i, 1, true);
	err = kith_core_serve(n->core, "chat");
	if (err == 0)
		return 0;
	kith_core_free(n->core);
	n->core = NULL;
	return err;
}

/* Names node i and makes its certificates. Nodes 0 to 2 are the bootstrap. */
static inline int world_add(struct core_world *w, const char *name, bool supernode)
{
	int i = w->n++;
	struct world_node *n = &w->nodes[i];
	strcpy(n->name, name);
	n->supernode = supernode;
	n->addr = world_addr(i);
	kith_simpki_issue(&w->pki, (uint32_t)i, name, supernode, &n->id);
	return i;
}

static inline int world_start(struct core_world *w, const char *name, bool supernode)
{
	struct kith_core_options o;
	int i = world_add(w, name, supernode);
	world_options(w, i, &o);
	assert_int_equal(world_try_start(w, i, &o), 0);
	return i;
}

/* A packet to all on the link: one for each of the others, which the tap sees one by one. */
static inline void world_send_lan(struct core_world *w, int from, const struct kith_packet *p)
{
	for (int i = 0; i < w->n; i++) {
		if (i == from || !w->nodes[i].on_lan || w->nodes[from].muted ||
		    memcmp(w->nodes[i].addr.ip, w->nodes[from].addr.ip, 3) != 0)
			continue;
		assert_true(w->packets_n < WORLD_PACKETS && p->len <= 1400);
		struct world_packet *out = &w->packets[w->packets_n];
		*out = (struct world_packet){ .at = w->now + WORLD_DELAY_US,
					      .seq = w->seq++,
					      .from = w->nodes[from].addr,
					      .to = p->remote,
					      .len = (uint16_t)p->len,
					      .lan_to = i + 1 };
		out->from.port = WORLD_LAN_PORT;
		memcpy(out->data + KITH_PACKET_HEADROOM, p->data, p->len);
		int copies = w->tap != NULL ? w->tap(w, out) : 1;
		for (int k = 1; k < copies; k++)
			w->packets[w->packets_n + k] = *out;
		w->packets_n += copies;
	}
}

static inline void world_send(struct core_world *w, int from, const struct kith_packet *p)
{
	if (p->transport == WORLD_LAN) {
		world_send_lan(w, from, p);
		return;
	}
	assert_true(w->packets_n < WORLD_PACKETS && p->len <= 1400);
	struct world_packet *out = &w->packets[w->packets_n];
	out->at = w->now + WORLD_DELAY_US;
	out->seq = w->seq++;
	out->from = p->transport == 1 ? w->nodes[from].addr6 : w->nodes[from].addr;
	if (p->transport >= WORLD_SPARE)
		out->from.port = (uint16_t)(WORLD_SPARE_PORT + p->transport - WORLD_SPARE);
	out->to = p->remote;
	out->ttl = p->ttl;
	out->len = (uint16_t)p->len;
	out->lan_to = 0;
	memcpy(out->data + KITH_PACKET_HEADROOM, p->data, p->len);
	if (w->nodes[from].muted || out->from.family != p->remote.family) /* the system would say: no route */
		return;
	int copies = w->tap != NULL ? w->tap(w, out) : 1;
	for (int k = 1; k < copies; k++) {
		assert_true(w->packets_n + k < WORLD_PACKETS);
		w->packets[w->packets_n + k] = *out;
		w->packets[w->packets_n + k].seq = w->seq++;
	}
	w->packets_n += copies;
}

/* One socket more, or one less. */
static inline void world_spare(struct core_world *w, int i, uint16_t id, uint32_t effect, bool closed)
{
	struct kith_transport t = { .id = id,
				    .kind = KITH_TRANSPORT_UDP,
				    .family = KITH_FAMILY_V4,
				    .purpose = KITH_PURPOSE_PUNCH,
				    .up = !closed,
				    .closed = closed,
				    .effect = effect,
				    .locals_n = 1 };
	t.locals[0] = (struct kith_local){ w->nodes[i].addr, KITH_ADDR_HOST, 24 };
	t.locals[0].addr.port = (uint16_t)(WORLD_SPARE_PORT + id - WORLD_SPARE);
	assert_int_equal(kith_core_transport(w->nodes[i].core, world_clock_of(w, i), &t), 0);
}

static inline void world_work(struct core_world *w, int i, const struct kith_effect *e)
{
	for (uint16_t k = 0;
	     w->spares && e->type == KITH_EFFECT_OPEN && e->purpose == KITH_PURPOSE_PUNCH && k < e->count; k++)
		world_spare(w, i, (uint16_t)(WORLD_SPARE + w->spares_n++), e->id, false);
	if (w->spares && e->type == KITH_EFFECT_CLOSE)
		world_spare(w, i, e->transport, 0, true);
	kith_core_complete(w->nodes[i].core, world_clock_of(w, i), e->id, 0, NULL);
}

static void world_drain(struct core_world *w, int i)
{
	struct kith_packet out[64];
	struct kith_event ev;
	struct kith_effect effect;
	struct kith_core *core = w->nodes[i].core;
	size_t n;
	while ((n = kith_core_poll(core, world_clock_of(w, i), out, 64)) > 0) {
		for (size_t k = 0; k < n; k++)
			world_send(w, i, &out[k]);
	}
	int first = w->events_n;
	while (kith_core_event(core, &ev)) {
		assert_true(w->events_n < WORLD_EVENTS);
		struct world_event *e = &w->events[w->events_n++];
		e->node = i;
		e->at = w->now;
		e->ev = ev;
		if (ev.data.len > 0)
			memcpy(e->data, ev.data.p, ev.data.len);
		e->ev.data.p = e->data;
		if (w->log)
			printf("%9.3f %-8s event %d session %08x op %u err %d name %s count %u online %d kind %d\n",
			       (double)w->now / 1e6, w->nodes[i].name, (int)ev.type, ev.session, ev.op, ev.err, ev.name,
			       ev.count, ev.online, (int)ev.path.kind);
	}
	int last = w->events_n;
	bool completed = false;
	while (kith_core_effect(core, &effect)) {
		world_work(w, i, &effect);
		completed = true;
	}
	for (int k = first; k < last && w->on_event != NULL; k++)
		w->on_event(w, i, &w->events[k].ev);
	if (last > first || completed)
		world_drain(w, i);
}

static inline int world_node_at(const struct core_world *w, const struct kith_addr *addr)
{
	for (int i = 0; i < w->n; i++) {
		if (kith_addr_equal(&w->nodes[i].addr, addr) || kith_addr_equal(&w->nodes[i].addr6, addr) ||
		    (addr->port >= WORLD_SPARE_PORT && memcmp(w->nodes[i].addr.ip, addr->ip, sizeof addr->ip) == 0))
			return i;
	}
	return -1;
}

/* The earliest thing to happen: a packet's index in *packet, or a core's in *node. */
static inline kith_time_us world_next(const struct core_world *w, int *packet, int *node)
{
	kith_time_us at = KITH_TIME_NEVER;
	uint64_t seq = 0;
	*packet = *node = -1;
	for (int i = 0; i < w->packets_n; i++) {
		if (w->packets[i].at < at || (w->packets[i].at == at && w->packets[i].seq < seq)) {
			at = w->packets[i].at;
			seq = w->packets[i].seq;
			*packet = i;
		}
	}
	for (int i = 0; i < w->n; i++) {
		kith_time_us due = w->nodes[i].core != NULL ? kith_core_deadline(w->nodes[i].core) : KITH_TIME_NEVER;
		if (due < at) {
			at = due;
			*packet = -1;
			*node = i;
		}
	}
	return at;
}

static inline void world_deliver(struct core_world *w, int k)
{
	struct world_packet p = w->packets[k];
	w->packets[k] = w->packets[--w->packets_n];
	int i = p.lan_to > 0 ? p.lan_to - 1 : world_node_at(w, &p.to);
	if (i < 0 || w->nodes[i].core == NULL || w->nodes[i].muted)
		return;
	struct kith_packet in = {
		.data = p.data + KITH_PACKET_HEADROOM, .len = p.len, .remote = p.from, .local = p.to
	};
	in.transport = p.lan_to > 0 ? WORLD_LAN : p.to.family == KITH_FAMILY_V6;
	if (p.lan_to == 0 && p.to.port >= WORLD_SPARE_PORT)
		in.transport = (uint16_t)(WORLD_SPARE + p.to.port - WORLD_SPARE_PORT);
	kith_core_input(w->nodes[i].core, world_clock_of(w, i), &in, 1);
	world_drain(w, i);
}

static inline void world_run(struct core_world *w, kith_time_us us)
{
	kith_time_us end = w->now + us;
	for (;;) {
		int packet, node;
		kith_time_us at = world_next(w, &packet, &node);
		if (at > end)
			break;
		if (at > w->now)
			w->now = at;
		if (packet >= 0) {
			world_deliver(w, packet);
		} else {
			kith_core_tick(w->nodes[node].core, world_clock_of(w, node));
			world_drain(w, node);
		}
	}
	w->now = end;
}

/* The last event of that type at a node, NULL if there was none since event number `since`. */
static inline const struct world_event *world_event(const struct core_world *w, int node, enum kith_event_type type,
						    int since)
{
	for (int i = w->events_n; i-- > since;) {
		if (w->events[i].node == node && w->events[i].ev.type == type)
			return &w->events[i];
	}
	return NULL;
}

static inline void world_stop(struct core_world *w, int i)
{
	kith_core_free(w->nodes[i].core);
	w->nodes[i].core = NULL;
}

/* How many events of that type a node had since event number `since`. */
static inline int world_events(const struct core_world *w, int node, enum kith_event_type type, int since)
{
	int n = 0;
	for (int i = since; i < w->events_n; i++)
		n += w->events[i].node == node && w->events[i].ev.type == type;
	return n;
}

static inline uint64_t world_stat(const struct core_world *w, int node, enum kith_stat stat)
{
	return w->nodes[node].stats.counter[stat];
}

/* Supernodes s0, s1, ..., settled, then leaves with the given names (up to NULL), settled. */
static inline void world_network(struct core_world *w, const struct kith_suite *suite, uint64_t seed, int supernodes,
				 const char *const leaves[])
{
	core_world_init(w, suite, seed);
	w->log = getenv("KITH_TEST_LOG") != NULL;
	for (int i = 0; i < supernodes; i++) {
		char name[16];
		snprintf(name, sizeof name, "s%d", i);
		world_start(w, name, true);
	}
	world_run(w, 10 * KITH_US_PER_S);
	for (int i = 0; leaves[i] != NULL; i++)
		world_start(w, leaves[i], false);
	world_run(w, 5 * KITH_US_PER_S);
}

/* Six supernodes; alice's homes are the last three, bob's the first three. */
enum { WORLD_FAR_ALICE = 6, WORLD_FAR_BOB = 7 };
static inline void world_far_apart(struct core_world *w)
{
	world_network(w, kith_suite_sodium(), 1, 6, (const char *const[]){ NULL });
	w->bootstrap = 3;
	world_start(w, "alice", false);
	w->bootstrap = 0;
	world_start(w, "bob", false);
	world_run(w, 5 * KITH_US_PER_S);
}

/* The network of most tests: three supernodes, alice and bob. */
enum { WORLD_ALICE = 3, WORLD_BOB = 4 };
static inline void world_alice_and_bob(struct core_world *w)
{
	static const char *const leaves[] = { "alice", "bob", NULL };
	world_network(w, kith_suite_sodium(), 1, 3, leaves);
}

/* The same with the simulator's suite, for tests that try hundreds of moments: the real one's signatures would be most
 * of their time and none of their question. */
static inline void world_alice_and_bob_sim(struct core_world *w)
{
	static const char *const leaves[] = { "alice", "bob", NULL };
	world_network(w, kith_suite_sim(), 1, 3, leaves);
}

/* Alice and bob, who may only be relayed to each other. */
static inline void world_relayed(struct core_world *w)
{
	world_alice_and_bob(w);
	for (int i = WORLD_ALICE; i <= WORLD_BOB; i++) {
		const struct world_node *other = &w->nodes[i == WORLD_ALICE ? WORLD_BOB : WORLD_ALICE];
		assert_int_equal(kith_core_pin(w->nodes[i].core, world_clock(w), other->name, &other->id.identity,
					       KITH_CONTACT_RELAY_ONLY, false),
				 0);
		world_drain(w, i);
	}
}

static inline kith_op world_dial(struct core_world *w, int from, const char *name, kith_time_us timeout_us)
{
	kith_op op;
	assert_int_equal(kith_core_call(w->nodes[from].core, world_clock(w), name, "chat", timeout_us, &op), 0);
	world_drain(w, from);
	return op;
}

/* Calls and waits; the session at the caller, and in *callee (if not NULL) that at node `to`. */
static inline kith_session_id world_call(struct core_world *w, int from, int to, kith_session_id *callee)
{
	int since = w->events_n;
	world_dial(w, from, w->nodes[to].name, 0);
	world_run(w, 3 * KITH_US_PER_S);
	const struct world_event *ours = world_event(w, from, KITH_EVENT_OPENED, since);
	const struct world_event *theirs = world_event(w, to, KITH_EVENT_OPENED, since);
	assert_non_null(ours);
	assert_non_null(theirs);
	if (callee != NULL)
		*callee = theirs->ev.session;
	return ours->ev.session;
}

static inline int world_say(struct core_world *w, int from, kith_session_id session, const void *data, size_t len)
{
	int err = kith_core_send(w->nodes[from].core, world_clock(w), session, 1, data, len);
	world_drain(w, from);
	return err;
}

/* How a node's certificates differ from those that the authority of the network made for it. */
struct world_cert {
	const char *name;
	int64_t from_s, until_s; /* of the name, relative to the start of the world; both 0: as usual */
	int64_t device_from_s, device_until_s; /* of the device, in the same way */
	uint64_t serial; /* 0: as usual */
	bool other_identity; /* certified for another identity key */
	int of; /* a further device of that node's identity; 0: its own, as usual */
	const struct kith_simpki *pki; /* NULL: the network's own */
};

/* The secret of a node's identity, as simpki makes it. */
static inline void world_identity(const struct core_world *w, int node, bool other, struct kith_signer *out)
{
	struct kith_simrandom r;
	struct kith_seed seed;
	kith_simrandom_init(&r, w->pki.seed ^ UINT64_C(0x706b69), 16 + (uint64_t)node * 3);
	r.random.fill(r.random.ctx, seed.b, sizeof seed.b);
	seed.b[0] = (uint8_t)(seed.b[0] ^ (other ? 1 : 0));
	kith_signer_from_seed(out, w->pki.suite, &seed);
}

/* Makes node i's chain anew; its device stays. */
static inline void world_certify(struct core_world *w, int i, const struct world_cert *c)
{
	const int64_t day_s = 86400, base_s = WORLD_UNIX_MS / 1000;
	const struct kith_simpki *pki = c->pki != NULL ? c->pki : &w->pki;
	struct world_node *n = &w->nodes[i];
	struct kith_device_keys keys;
	struct kith_signer identity;
	uint8_t name_buf[KITH_CERT_MAX], device_buf[KITH_CERT_MAX];
	bool usual = c->from_s == 0 && c->until_s == 0;
	world_identity(w, c->of != 0 ? c->of : i, c->other_identity, &identity);
	kith_device_keys_from_seed(&keys, pki->suite, &n->id.device);
	struct kith_name_cert nc = { .identity = identity.pk,
				     .serial = c->serial != 0 ? c->serial : 1 + (uint64_t)i,
				     .not_before_s = base_s + (usual ? -30 * day_s : c->from_s),
				     .expires_s = base_s + (usual ? 365 * day_s : c->until_s),
				     .flags = n->supernode ? KITH_NAME_SUPERNODE : 0 };
	struct kith_device_cert dc = { .dh = keys.dh_pk,
				       .sign = keys.sign.pk,
				       .not_before_s = base_s - 30 * day_s,
				       .expires_s = base_s + 180 * day_s };
	if (c->device_from_s != 0 || c->device_until_s != 0) {
		dc.not_before_s = base_s + c->device_from_s;
		dc.expires_s = base_s + c->device_until_s;
	}
	kith_ids_issuer(pki->suite, nc.issuer_id, &pki->issuer.pk);
	snprintf(nc.name, sizeof nc.name, "%s", c->name);
	memset(nc.placement, i + 1, sizeof nc.placement);
	int name_len = kith_name_cert_sign(pki->suite, name_buf, &nc, pki->issuer.sk);
	int device_len = kith_device_cert_sign(pki->suite, device_buf, &dc, identity.sk);
	assert_true(name_len > 0 && device_len > 0);
	int len = kith_chain_join(pki->suite, n->id.chain, &pki->network, test_span(pki->issuer_cert, pki->issuer_len),
				  test_span(name_buf, (size_t)name_len), test_span(device_buf, (size_t)device_len));
	assert_true(len > 0);
	n->id.chain_len = (size_t)len;
	n->id.identity = identity.pk;
	n->id.devices_len = 0;
}

/* Starts a leaf that is one of several devices of node `of`'s identity; none of them has a device list. */
static inline int world_further(struct core_world *w, const char *name, int of)
{
	struct kith_core_options o;
	int i = world_add(w, name, false);
	world_certify(w, i, &(struct world_cert){ .name = name, .of = of });
	world_options(w, i, &o);
	assert_int_equal(world_try_start(w, i, &o), 0);
	return i;
}

/* Makes a running node show other certificates than it started with: what a hostile one would do. */
static inline void world_show(struct core_world *w, int i, const struct world_cert *c)
{
	world_certify(w, i, c);
	w->nodes[i].core->self.chain = test_span(w->nodes[i].id.chain, w->nodes[i].id.chain_len);
}

/* A list by the issuer, of at most one serial and one key. */
static inline size_t world_revocation(const struct core_world *w, uint8_t *out, size_t cap, uint64_t number,
				      uint64_t serial, const struct kith_key *key)
{
	struct kith_revocation list = { .signer = KITH_REVOKED_BY_ISSUER,
					.number = number,
					.issued_s = WORLD_UNIX_MS / 1000,
					.next_update_s = WORLD_UNIX_MS / 1000 + 86400 };
	struct kith_serial_range range = { serial, serial };
	kith_ids_issuer(w->pki.suite, list.signer_id, &w->pki.issuer.pk);
	int n = kith_revocation_sign(w->pki.suite, out, cap, &list, &range, serial != 0, key, key != NULL,
				     w->pki.issuer.sk);
	assert_true(n > 0);
	return (size_t)n;
}

static inline void core_world_deinit(struct core_world *w)
{
	for (int i = 0; i < w->n; i++)
		world_stop(w, i);
	kith_shared_free(w->shared);
	free(w->packets);
	free(w->events);
	test_alloc_check(&w->alloc);
}

#endif
