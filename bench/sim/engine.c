/* The loop: events in their order, packets through the net, batches to cores. */
#include "sim/internal.h"

#include <stdio.h>
#include <stdlib.h>
#if defined(__i386__) && defined(__GLIBC__)
#include <fpu_control.h>
#endif

#include "base/bytes.h"
#include "link/state.h"
#include "sim/suite_sim.h"
#include "wire/packet.h"

enum { SHARED_PACKETS = 1024, SHARED_EVENTS = 1024 };

void kith_sim_out_of_memory(struct kith_sim *sim)
{
	sim->no_memory = true;
}

static void push(struct kith_sim *sim, kith_time_us at, uint32_t dst, uint32_t src, uint64_t seq,
		 enum kith_simkind kind, uint32_t ref)
{
	struct kith_simevent e = { { at, dst, src, seq }, (uint32_t)kind, ref };
	KITH_ASSERT(at >= sim->now);
	if (kith_simqueue_push(&sim->queue, &e) != 0)
		kith_sim_out_of_memory(sim);
}

void kith_sim_wake_at(struct kith_sim *sim, struct kith_simnode *n, kith_time_us at)
{
	if (at == KITH_TIME_NEVER || at >= n->armed)
		return;
	n->armed = at;
	push(sim, at, n->iface, 0, ++n->wakes, KITH_SIM_EVENT_WAKE, n->id);
}

void kith_sim_app_at(struct kith_sim *sim, struct kith_simnode *n, kith_time_us at)
{
	if (at == KITH_TIME_NEVER || at >= n->app->armed)
		return;
	n->app->armed = at;
	/* The interface's own number as source: no packet comes from there. */
	push(sim, at, n->iface, n->iface, ++n->app->arms, KITH_SIM_EVENT_APP, n->id);
}

void kith_sim_turn_at(struct kith_sim *sim, struct kith_simnode *n, kith_time_us at, uint64_t number)
{
	/* After a wake of the same instant, whose numbers are small. */
	push(sim, at, n->iface, 0, UINT64_C(1) << 63 | number, KITH_SIM_EVENT_TURN, n->id);
}

/* A free slot of an array with a free list through next_free; grows by half. */
#define SLOT_TAKE(sim, array, slot)                                                                                    \
	do {                                                                                                           \
		if ((sim)->array##_free != 0) {                                                                        \
			(slot) = (sim)->array##_free - 1;                                                              \
			(sim)->array##_free = (sim)->array[slot].next_free;                                            \
		} else {                                                                                               \
			(slot) = (sim)->array##_n++;                                                                   \
		}                                                                                                      \
	} while (0)

static bool reserve(struct kith_sim *sim, void **array, uint32_t n, uint32_t *cap, size_t size)
{
	if (n < *cap)
		return true;
	uint32_t fresh = *cap < 64 ? 64 : *cap + *cap / 2;
	void *grown = kith_alloc_resize(&sim->engine.alloc, *array, *cap * size, fresh * size);
	if (grown == NULL)
		return false;
	*array = grown;
	*cap = fresh;
	return true;
}

void kith_sim_control_at(struct kith_sim *sim, kith_time_us at, const struct kith_simcontrol *control)
{
	void *array = sim->controls;
	uint32_t slot;
	if (sim->controls_free == 0 &&
	    !reserve(sim, &array, sim->controls_n, &sim->controls_cap, sizeof sim->controls[0])) {
		kith_sim_out_of_memory(sim);
		return;
	}
	sim->controls = array;
	SLOT_TAKE(sim, controls, slot);
	sim->controls[slot] = *control;
	push(sim, at, 0, 0, ++sim->control_seq, KITH_SIM_EVENT_CONTROL, slot);
}

/* ---- packets ---- */

void kith_sim_buf_drop(struct kith_sim *sim, struct kith_simbuf *buf)
{
	if (--buf->refs == 0)
		kith_alloc_free(&sim->engine.alloc, buf, sizeof *buf + KITH_PACKET_HEADROOM + buf->len);
}

struct kith_simbuf *kith_sim_buf_new(struct kith_sim *sim, const uint8_t *data, size_t len)
{
	struct kith_simbuf *buf =
		sim->engine.alloc.realloc_fn(sim->engine.alloc.ctx, NULL, 0, sizeof *buf + KITH_PACKET_HEADROOM + len);
	if (buf == NULL)
		return NULL;
	buf->refs = 1;
	buf->len = (uint32_t)len;
	memset(buf->bytes, 0, KITH_PACKET_HEADROOM);
	memcpy(buf->bytes + KITH_PACKET_HEADROOM, data, len);
	return buf;
}

/* Queues what flies on; takes no reference of its own if nothing does. */
static void fly(struct kith_sim *sim, const struct kith_net_outcome *out, struct kith_simbuf *buf)
{
	if (out->cause != KITH_NET_FLYING)
		return;
	for (unsigned i = 0; i < out->flights_n; i++) {
		const struct kith_net_flight *f = &out->flights[i];
		void *array = sim->flights;
		uint32_t slot;
		if (sim->flights_free == 0 &&
		    !reserve(sim, &array, sim->flights_n, &sim->flights_cap, sizeof sim->flights[0])) {
			kith_sim_out_of_memory(sim);
			return;
		}
		sim->flights = array;
		SLOT_TAKE(sim, flights, slot);
		sim->flights[slot].flight = *f;
		sim->flights[slot].buf = buf;
		buf->refs++;
		if (++sim->flights_live > sim->flights_peak)
			sim->flights_peak = sim->flights_live;
		push(sim, f->at, f->device, f->from_device, (uint64_t)f->number << 1 | f->copy, KITH_SIM_EVENT_FLIGHT,
		     slot);
	}
}

static void count_sent(struct kith_sim *sim, struct kith_simnode *n, uint8_t type, size_t len)
{
	n->packets_out++;
	n->bytes_out += len;
	if (kith_sim_is_super(n)) {
		sim->counts.super_packets++;
		sim->counts.super_bytes += len;
	} else {
		sim->counts.leaf_packets++;
		sim->counts.leaf_bytes += len;
		sim->counts.leaf_hellos += type == KITH_PKT_HELLO;
	}
}

/* KITH_SIM_MUTATE_NO_RETRANSMIT: whether this first handshake packet may pass. */
static bool first_hello(struct kith_sim *sim, const struct kith_simnode *n, const uint8_t *data, size_t len,
			const struct kith_addr *to)
{
	/* Nested or not, a handshake's packets are large; data packets of the control plane are not. */
	if (len < 400 && data[0] != KITH_PKT_HELLO)
		return true;
	uint64_t key = kith_draw_hash(
		n->id, (uint64_t)to->ip[0] << 24 | (uint64_t)to->ip[1] << 16 | (uint64_t)to->ip[2] << 8 | to->ip[3],
		to->port);
	uint32_t *seen = kith_simmap_at(&sim->hellos, key);
	return seen == NULL || (*seen)++ == 0;
}

/* One line per packet of the node that is looked at. */
static void trace_packet(const struct kith_sim *sim, const struct kith_simnode *n, char way,
			 const struct kith_addr *other, const uint8_t *data, size_t len, const char *what)
{
	char text[KITH_ADDR_TEXT_MAX];
	unsigned long long tunnel = 0;
	unsigned type = len > 0 ? data[0] : 0;
	if (n->id != sim->options.traced)
		return;
	if (type == KITH_PKT_TUNNEL && len > KITH_TUNNEL_HEADER) {
		for (unsigned i = 4; i < KITH_TUNNEL_HEADER; i++)
			tunnel = tunnel << 8 | data[i];
		type = data[KITH_TUNNEL_HEADER];
	}
	fprintf(stderr, "%.6f %c %-22s %4zu bytes, type %02x, tunnel %016llx%s\n", (double)sim->now / 1e6, way,
		kith_addr_format(other, text), len, type, tunnel, what);
}

void kith_sim_emit(struct kith_sim *sim, struct kith_simnode *n, const struct kith_net_packet *packet, uint16_t port,
		   const uint8_t *data, size_t len)
{
	struct kith_net_packet out = *packet;
	struct kith_net_outcome outcome;
	out.src.port = port;
	count_sent(sim, n, data[0], len);
	kith_sim_attack_sent(sim, n, &out.dst, out.len_bytes);
	uint8_t scratch[2048];
	data = kith_sim_mutate_packet(sim, data, len, scratch, sizeof scratch);
	kith_sim_check_sent(sim, n, &out.dst, data, len);
	if (n->mute || len == 0 || port == 0 || kith_sim_attack_drops(n, data, len))
		return;
	if (sim->options.mutation == KITH_SIM_MUTATE_NO_RETRANSMIT && !first_hello(sim, n, data, len, &out.dst))
		return;
	kith_sim_link(sim, n, data, len);
	kith_net_send(sim->net, &sim->net_stats, sim->now, n->id, &out, &outcome);
	trace_packet(sim, n, '>', &out.dst, data, len, outcome.cause == KITH_NET_FLYING ? "" : ", dropped");
	if (outcome.cause != KITH_NET_FLYING)
		return;
	struct kith_simbuf *buf = kith_sim_buf_new(sim, data, len);
	if (buf == NULL) {
		kith_sim_out_of_memory(sim);
		return;
	}
	fly(sim, &outcome, buf);
	kith_sim_buf_drop(sim, buf);
}

static void send_one(struct kith_sim *sim, struct kith_simnode *n, const struct kith_packet *p, const uint8_t *data,
		     size_t len)
{
	const struct kith_net_packet out = {
		.src = n->local, .dst = p->remote, .len_bytes = (uint32_t)len + 28, .proto = KITH_NAT_UDP, .ttl = p->ttl
	};
	if (sim->options.tcp && kith_transports_kind(&n->core->transports, p->transport) == KITH_TRANSPORT_TCP)
		kith_simtcp_send(sim, n, p, data, len);
	else
		kith_sim_emit(sim, n, &out, kith_sim_port(n, p->transport), data, len);
}

/* To all others of a leaf's site: one packet each, as a radio would lose it for one and not for another. */
static void send_site(struct kith_sim *sim, struct kith_simnode *n, const struct kith_packet *p)
{
	const uint32_t first = kith_sim_site(sim, n), end = first + sim->options.site_leaves;
	for (uint32_t i = first; i < end && i < sim->nodes_n; i++) {
		struct kith_packet one = *p;
		one.remote = sim->nodes[i].local;
		one.remote.port = KITH_SIM_LAN_PORT;
		if (i != n->id && sim->nodes[i].nat == n->nat)
			send_one(sim, n, &one, p->data, p->len);
	}
}

void kith_sim_send(struct kith_sim *sim, struct kith_simnode *n, const struct kith_packet *p)
{
	if (p->transport == KITH_SIM_LAN && sim->options.site_lan) {
		send_site(sim, n, p);
		return;
	}
	size_t step = p->segment_len != 0 ? p->segment_len : p->len;
	for (size_t at = 0; at < p->len; at += step)
		send_one(sim, n, p, p->data + at, p->len - at < step ? p->len - at : step);
}

/* Packets of one instant for one node. */
struct batch {
	struct kith_simnode *node;
	struct kith_packet packets[KITH_SIM_BATCH];
	struct kith_simbuf *bufs[KITH_SIM_BATCH];
	size_t n;
};

static void batch_flush(struct kith_sim *sim, struct batch *b)
{
	if (b->n > 0)
		kith_sim_node_input(sim, b->node, b->packets, b->n);
	for (size_t i = 0; i < b->n; i++)
		kith_sim_buf_drop(sim, b->bufs[i]);
	b->n = 0;
}

/* The bytes of a delivered packet are the core's to change: nobody else may hold them. */
static struct kith_simbuf *buf_own(struct kith_sim *sim, struct kith_simbuf *buf)
{
	if (buf->refs == 1)
		return buf;
	struct kith_simbuf *own = kith_sim_buf_new(sim, buf->bytes + KITH_PACKET_HEADROOM, buf->len);
	if (own != NULL)
		kith_sim_buf_drop(sim, buf);
	return own;
}

/* Into a batch for the core; buf is taken over. */
static void hand(struct kith_sim *sim, struct batch *b, const struct kith_net_delivery *d, uint16_t transport,
		 struct kith_simbuf *buf)
{
	struct kith_simnode *n = &sim->nodes[d->host];
	buf = buf_own(sim, buf);
	if (buf == NULL) {
		kith_sim_out_of_memory(sim);
		return;
	}
	n->packets_in++;
	n->bytes_in += buf->len;
	kith_sim_link(sim, n, buf->bytes + KITH_PACKET_HEADROOM, buf->len);
	trace_packet(sim, n, '<', &d->pkt.src, buf->bytes + KITH_PACKET_HEADROOM, buf->len, "");
	struct kith_packet *p = &b->packets[b->n];
	memset(p, 0, sizeof *p);
	p->data = buf->bytes + KITH_PACKET_HEADROOM;
	p->len = buf->len;
	p->transport = transport;
	p->ttl = d->pkt.ttl;
	p->local = n->local;
	p->local.port = d->pkt.dst.port;
	p->remote = d->pkt.src;
	b->node = n;
	b->bufs[b->n++] = buf;
}

static void deliver(struct kith_sim *sim, struct batch *b, const struct kith_net_delivery *d, uint32_t from,
		    struct kith_simbuf *buf)
{
	struct kith_simnode *n = &sim->nodes[d->host];
	if (b->n > 0 && (b->node != n || b->n == KITH_SIM_BATCH))
		batch_flush(sim, b);
	kith_sim_check_delivered(sim, from, d->host, d->pkt.dst.port == KITH_SIM_LAN_PORT);
	kith_sim_offices_delivered(sim, &sim->nodes[from], n, buf->len);
	uint16_t transport = kith_sim_transport(n, d->pkt.dst.port);
	if (d->pkt.proto == KITH_NAT_TCP)
		transport = n->core == NULL
				    ? 0
				    : kith_simtcp_came(sim, n, &d->pkt, buf->bytes[KITH_PACKET_HEADROOM], buf->len);
	if (n->core == NULL || transport == 0) {
		*(n->core == NULL ? &sim->counts.dead_host : &sim->counts.dead_port) += 1;
		kith_sim_buf_drop(sim, buf);
		return;
	}
	if (n->cpu != NULL)
		kith_sim_capacity_came(sim, n, &sim->nodes[from], d, buf);
	else
		hand(sim, b, d, transport, buf);
}

/* The processor of a node is free: what waits, up to a batch. A port may have been closed meanwhile. */
static void turn(struct kith_sim *sim, struct kith_simnode *n)
{
	struct batch b = { .n = 0 };
	struct kith_net_delivery d;
	struct kith_simbuf *buf;
	while (b.n < KITH_SIM_BATCH && (buf = kith_sim_capacity_next(sim, n, &d)) != NULL) {
		const uint16_t transport = kith_sim_transport(n, d.pkt.dst.port);
		if (transport != 0)
			hand(sim, &b, &d, transport, buf);
		else
			kith_sim_buf_drop(sim, buf);
	}
	batch_flush(sim, &b);
}

static void flight(struct kith_sim *sim, struct batch *b, uint32_t slot)
{
	struct kith_net_outcome out;
	const struct kith_net_flight f = sim->flights[slot].flight;
	struct kith_simbuf *buf = sim->flights[slot].buf;
	sim->flights[slot].next_free = sim->flights_free;
	sim->flights_free = slot + 1;
	sim->flights_live--;
	kith_net_advance(sim->net, &sim->net_stats, &f, &out);
	if (out.cause == KITH_NET_DELIVERED) {
		deliver(sim, b, &out.delivery, f.from_host, buf);
		return;
	}
	fly(sim, &out, buf);
	kith_sim_buf_drop(sim, buf);
}

static void trace(struct kith_sim *sim, const struct kith_simevent *e)
{
	uint64_t what = e->kind;
	if (e->kind == KITH_SIM_EVENT_FLIGHT) {
		const struct kith_simbuf *buf = sim->flights[e->ref].buf;
		uint64_t head = kith_bytes_number(buf->bytes + KITH_PACKET_HEADROOM,
						  buf->len < sizeof head ? buf->len : sizeof head);
		what ^= kith_draw_hash(head, buf->len, 0) << 8;
	}
	sim->trace = kith_draw_hash(sim->trace ^ (uint64_t)e->key.at, (uint64_t)e->key.dst << 32 | e->key.src,
				    e->key.seq ^ what);
	sim->counts.events++;
}

/* All flights of this instant to this device, in their order, as one batch. */
static void flights(struct kith_sim *sim, struct kith_simevent e)
{
	struct batch b = { .n = 0 };
	const struct kith_simevent *next;
	flight(sim, &b, e.ref);
	while ((next = kith_simqueue_peek(&sim->queue)) != NULL && next->kind == KITH_SIM_EVENT_FLIGHT &&
	       next->key.at == e.key.at && next->key.dst == e.key.dst && !sim->failed && !sim->no_memory) {
		(void)kith_simqueue_pop(&sim->queue, &e);
		trace(sim, &e);
		flight(sim, &b, e.ref);
	}
	batch_flush(sim, &b);
}

static void control(struct kith_sim *sim, uint32_t slot)
{
	const struct kith_simcontrol c = sim->controls[slot];
	sim->controls[slot].next_free = sim->controls_free;
	sim->controls_free = slot + 1;
	kith_sim_control(sim, &c);
}

static void step(struct kith_sim *sim)
{
	struct kith_simevent e;
	(void)kith_simqueue_pop(&sim->queue, &e);
	sim->now = e.key.at;
	trace(sim, &e);
	kith_sim_capacity_begin(sim);
	struct kith_simnode *n = e.key.dst != 0 && e.kind != KITH_SIM_EVENT_FLIGHT ? &sim->nodes[e.ref] : NULL;
	switch ((enum kith_simkind)e.kind) {
	case KITH_SIM_EVENT_FLIGHT:
		flights(sim, e);
		break;
	case KITH_SIM_EVENT_WAKE:
		if (e.key.seq == n->wakes && n->core != NULL)
			kith_sim_node_wake(sim, n);
		break;
	case KITH_SIM_EVENT_APP:
		if (e.key.seq == n->app->arms) {
			n->app->armed = KITH_TIME_NEVER;
			kith_sim_app_timer(sim, n);
		}
		break;
	case KITH_SIM_EVENT_TURN:
		turn(sim, n);
		break;
	case KITH_SIM_EVENT_CONTROL:
		control(sim, e.ref);
		break;
	}
}

bool kith_sim_run(struct kith_sim *sim, kith_time_us until_us)
{
	const struct kith_simevent *next;
	while (!sim->failed && !sim->no_memory && (next = kith_simqueue_peek(&sim->queue)) != NULL &&
	       next->key.at <= until_us)
		step(sim);
	if (!sim->failed && !sim->no_memory && sim->now < until_us)
		sim->now = until_us;
	return !sim->failed && !sim->no_memory;
}

/* ---- life ---- */

static bool nodes_new(struct kith_sim *sim)
{
	sim->nodes_n = sim->options.supernodes + sim->options.leaves;
	sim->nodes = KITH_NEW_ARRAY(&sim->engine.alloc, struct kith_simnode, sim->nodes_n);
	if (sim->nodes == NULL)
		return false;
	for (uint32_t i = 0; i < sim->nodes_n; i++) {
		struct kith_simnode *n = &sim->nodes[i];
		n->id = i;
		n->role = i < sim->options.supernodes ? KITH_ROLE_SUPERNODE : KITH_ROLE_LEAF;
		n->armed = KITH_TIME_NEVER;
		kith_simaccount_init(&n->account, &sim->pool);
		kith_simrandom_init(&n->random, sim->options.seed, i);
		uint32_t skew = sim->options.faults.skew_max_ms;
		n->skew_ms =
			(int64_t)kith_draw_below(kith_sim_draw(sim, KITH_SIM_DRAW_SKEW, i, 0), 2 * skew + 1) - skew;
		if (!kith_sim_is_super(n) && !kith_sim_app_new(sim, n))
			return false;
		if (!kith_sim_capacity_new(sim, n))
			return false;
	}
	return true;
}

static bool shared_new(struct kith_sim *sim)
{
	struct kith_shared_options o;
	kith_simrandom_init(&sim->shared_random, sim->options.seed, UINT64_MAX);
	kith_shared_options_init(&o);
	o.alloc = &sim->shared_account.alloc;
	o.random = &sim->shared_random.random;
	o.packets_max = SHARED_PACKETS;
	o.events_max = SHARED_EVENTS;
	return kith_shared_new(&sim->shared, &o) == 0;
}

/* QUIC computes in doubles how fast it sends. Debian's is built for the x87, whose registers hold more than a double;
 * told to round to one, it comes to what all other machines do. */
static void round_to_doubles(void)
{
#if defined(__i386__) && defined(__GLIBC__)
	fpu_control_t word;
	_FPU_GETCW(word);
	word = (fpu_control_t)((word & ~_FPU_EXTENDED) | _FPU_DOUBLE);
	_FPU_SETCW(word);
#endif
}

static bool build(struct kith_sim *sim)
{
	if (!nodes_new(sim))
		return false;
	kith_sim_attack_new(sim);
	kith_sim_candidates_new(sim);
	return kith_sim_topology(sim) && shared_new(sim) && kith_sim_faults(sim) && !sim->no_memory;
}

struct kith_sim *kith_sim_new(const struct kith_simoptions *options)
{
	KITH_ASSERT(kith_simoptions_check(options) == NULL);
	round_to_doubles();
	struct kith_sim *sim = calloc(1, sizeof *sim);
	if (sim == NULL || kith_suite_sodium_init() != 0) {
		free(sim);
		return NULL;
	}
	sim->options = *options;
	if (sim->options.faults.seed == 0)
		sim->options.faults.seed = options->seed;
	kith_simpool_init(&sim->pool, options->checked);
	kith_simaccount_init(&sim->engine, &sim->pool);
	kith_simaccount_init(&sim->net_account, &sim->pool);
	kith_simaccount_init(&sim->shared_account, &sim->pool);
	kith_simqueue_init(&sim->queue, &sim->engine.alloc);
	kith_simmap_init(&sim->owners, &sim->engine.alloc);
	kith_simmap_init(&sim->consents, &sim->engine.alloc);
	kith_simmap_init(&sim->links, &sim->engine.alloc);
	kith_simmap_init(&sim->hellos, &sim->engine.alloc);
	sim->suite = options->suite == KITH_SIM_SUITE_SIM ? kith_suite_sim() : kith_suite_sodium();
	kith_simpki_init(&sim->pki, sim->suite, options->seed, KITH_SIM_UNIX_MS / 1000);
	if (!build(sim)) {
		kith_sim_free(sim);
		return NULL;
	}
	return sim;
}

/* The queue and whatever is in flight. */
static void queue_free(struct kith_sim *sim)
{
	struct kith_simevent e;
	while (kith_simqueue_pop(&sim->queue, &e)) {
		if (e.kind == KITH_SIM_EVENT_FLIGHT)
			kith_sim_buf_drop(sim, sim->flights[e.ref].buf);
	}
	kith_simqueue_deinit(&sim->queue);
	KITH_FREE_ARRAY(&sim->engine.alloc, sim->flights, sim->flights_cap);
	KITH_FREE_ARRAY(&sim->engine.alloc, sim->controls, sim->controls_cap);
	KITH_FREE_ARRAY(&sim->engine.alloc, sim->flows, sim->flows_cap);
}

void kith_sim_free(struct kith_sim *sim)
{
	if (sim == NULL)
		return;
	for (uint32_t i = 0; i < sim->nodes_n && sim->nodes != NULL; i++) {
		struct kith_simnode *n = &sim->nodes[i];
		if (n->core != NULL)
			kith_core_free(n->core);
		kith_sim_effects_drop(sim, n);
		kith_sim_capacity_free(sim, n);
		kith_sim_forget(sim, n);
		kith_sim_app_free(sim, n);
	}
	kith_sim_early_free(sim);
	kith_shared_free(sim->shared);
	kith_net_free(sim->net);
	queue_free(sim);
	for (unsigned i = 0; i < KITH_SIM_MEASURES_N; i++)
		KITH_FREE_ARRAY(&sim->engine.alloc, sim->samples[i].ms, sim->samples[i].cap);
	kith_simmap_deinit(&sim->owners);
	kith_simmap_deinit(&sim->consents);
	kith_simmap_deinit(&sim->links);
	kith_simmap_deinit(&sim->hellos);
	KITH_FREE_ARRAY(&sim->engine.alloc, sim->nodes, sim->nodes_n);
	kith_simpool_deinit(&sim->pool);
	free(sim);
}

/* Everybody is stopped; what is still held then is lost. */
static void stop_all(struct kith_sim *sim)
{
	for (uint32_t i = 0; i < sim->nodes_n && !sim->failed; i++) {
		struct kith_simnode *n = &sim->nodes[i];
		if (n->core != NULL)
			kith_sim_node_crash(sim, n, true);
	}
}

bool kith_sim_finish(struct kith_sim *sim)
{
	if (sim->finished || !kith_sim_run(sim, sim->options.duration_us))
		return !sim->failed && !sim->no_memory;
	sim->finished = true;
	kith_sim_check_members(sim);
	kith_sim_check_garbage(sim);
	for (uint32_t i = 0; i < sim->nodes_n && !sim->failed; i++) {
		struct kith_simnode *n = &sim->nodes[i];
		if (n->app != NULL && n->core != NULL) {
			kith_sim_check_homes(sim, n);
			kith_sim_check_online(sim, n);
		}
	}
	kith_sim_end_hash(sim);
	kith_sim_attack_count(sim);
	kith_sim_candidates_count(sim);
	stop_all(sim);
	return !sim->failed && !sim->no_memory;
}
