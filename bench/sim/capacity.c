/* What machines and access links can do. A node's kind gives its uplink a rate both ways with a bounded queue
 * (net/link.h), its processor a speed, its socket a buffer, its core a limit of memory.
 *
 * A packet that arrives lies in the socket's buffer until the processor is free; in a full one it is dropped, and
 * counted. A free processor takes up to KITH_SIM_BATCH packets at once, as a host does. What the call cost, by the sum
 * of its primitives and packets (simcost.h), keeps it busy afterwards: what a call sends leaves at its beginning, at
 * most a batch's work too early. Timers wait for the processor too; what an application does is done at once, and paid
 * for.
 * A node that serves is told once a second how its loop fares, by the formula of a real host (host/lag), as soon as a
 * call ends after that. With options.capacity.crowd it hears of so many packets more for each small
 * one in a leaf's session, as if leaves said that much more; nothing waits for those.
 * Bounds: receive_bytes waiting for each node.
 */
#include "sim/internal.h"

#include <stdio.h>
#include <stdlib.h>

#include "link/state.h"
#include "sim/simcost.h"
#include "wire/packet.h"

#define NS_PER_US INT64_C(1000)
#define NS_PER_S UINT64_C(1000000000)
#define TURN_MAX_NS NS_PER_S /* as at a host: its square must not overflow */
#define KBIT 125u /* bytes */
#define MIB ((uint64_t)1 << 20)

enum {
	SKB_OVERHEAD = 768, /* what Linux counts against a socket's buffer for a small datagram besides its bytes */
	PERMILLE = 1000
};

enum { THIN = 6, SMALL_LEN = 128 /* of a packet: keepalives and such; no record fits in */ };

/* One packet is taken in, opened, seen to, and answered by one, such as a keepalive is. */
#define SMALL_TURN_NS                                                                                                  \
	((uint64_t)KITH_SIMCOST_RECEIVE_NS + KITH_SIMCOST_SEND_NS + KITH_SIMCOST_HANDLE_NS + 2 * KITH_SIMCOST_AEAD_NS)

/* Rates are those that such links are sold with; speeds are relative to the machine of simcost.h; queues and memory
 * are choices. How many there are of each kind is a choice as well: the country table has no access rates. */
static const struct machine {
	const char *name;
	uint32_t up_kbit_s, down_kbit_s;
	uint32_t queue_ms; /* of the uplink, each way */
	uint32_t speed_permille;
	uint32_t receive_bytes; /* the socket's buffer; Linux gives 212,992 when nothing else is allowed */
	uint64_t memory_bytes; /* for the core; 0: as it likes */
	uint32_t leaves, supernodes; /* weights of kith_simcapacity_usual */
} machines[] = {
	{ "phone", 10000, 40000, 200, 300, 212992, 32 * MIB, 40, 0 },
	{ "dsl", 1000, 16000, 250, 500, 212992, 64 * MIB, 15, 0 },
	{ "vdsl", 10000, 50000, 150, 500, 212992, 128 * MIB, 15, 2 },
	{ "cable", 20000, 200000, 150, 700, 212992, 256 * MIB, 20, 4 },
	{ "fibre", 100000, 300000, 50, 700, 212992, 512 * MIB, 10, 3 },
	{ "server", 1000000, 1000000, 20, 1000, 8 * MIB, 2048 * MIB, 0, 1 },
	[THIN] = { "thin", 400, 400, 250, 500, 212992, 64 * MIB, 0, 0 }, /* a tenth of what who boasts says */
};

enum { MACHINES_N = sizeof machines / sizeof machines[0] };
KITH_STATIC_ASSERT(MACHINES_N <= (int)KITH_SIM_CLASSES_MAX, "each has a weight");
KITH_STATIC_ASSERT(MACHINES_N < KITH_NET_PROFILES_MAX, "each has a profile, and there is one without limits");

/* A packet in the socket's buffer. */
struct kith_simqueued {
	struct kith_simqueued *next;
	struct kith_simbuf *buf;
	struct kith_net_delivery delivery;
	kith_time_us came_at;
	bool of_leaf;
};

struct kith_simcpu {
	const struct machine *machine;
	int64_t busy_until_ns;
	struct kith_simqueued *first, *last;
	uint32_t waiting_bytes;
	bool armed; /* a turn is due */
	uint64_t turns, forwarded; /* forwarded: packets that the core need not look into, since the last charge */
	uint64_t packets_in, packets_out, bytes_out; /* of the node, at the last charge */
	/* The second that is looked at. */
	kith_time_us second;
	uint64_t second_ns, second_came, second_taken, second_bytes;
	uint64_t dropped, total_ns;
	uint32_t work_ppm, up_ppm; /* most in a second */
	kith_time_us waited_us;
	/* What its core is told. */
	int64_t told_ns; /* when it was told last */
	uint64_t worked_ns, squares; /* since then; squares of its turns, in us times ns */
	uint32_t said; /* packets of leaves' sessions in this turn ... */
	uint64_t said_all; /* ... and in all */
};

/* ---- kinds ---- */

const char *kith_simclass_name(unsigned kind)
{
	return kind < MACHINES_N ? machines[kind].name : NULL;
}

const char *kith_simclass_text(unsigned kind, char *out, size_t cap)
{
	KITH_ASSERT(kind < MACHINES_N);
	const struct machine *m = &machines[kind];
	snprintf(out, cap, "%u.%u Mbit/s up, %u.%u down, %u ms of queue, %u %% of a core, %llu MiB",
		 m->up_kbit_s / 1000, m->up_kbit_s % 1000 / 100, m->down_kbit_s / 1000, m->down_kbit_s % 1000 / 100,
		 m->queue_ms, m->speed_permille / 10, (unsigned long long)(m->memory_bytes / MIB));
	return out;
}

int kith_simclass_parse(uint32_t weights[KITH_SIM_CLASSES_MAX], const char *text)
{
	bool any = false;
	memset(weights, 0, KITH_SIM_CLASSES_MAX * sizeof weights[0]);
	while (*text != '\0') {
		size_t name = strcspn(text, "="), kind = 0;
		char *end;
		while (kind < MACHINES_N &&
		       (strlen(machines[kind].name) != name || memcmp(machines[kind].name, text, name) != 0))
			kind++;
		if (kind == MACHINES_N || text[name] != '=' || weights[kind] != 0)
			return KITH_EINVAL;
		unsigned long weight = strtoul(text + name + 1, &end, 10);
		if (end == text + name + 1 || weight > 1000000 || (*end != ',' && *end != '\0'))
			return KITH_EINVAL;
		weights[kind] = (uint32_t)weight;
		any = any || weight > 0;
		text = *end == ',' ? end + 1 : end;
	}
	return any ? 0 : KITH_EINVAL;
}

void kith_simcapacity_usual(struct kith_simcapacity *c)
{
	for (unsigned i = 0; i < MACHINES_N; i++) {
		c->leaves[i] = machines[i].leaves;
		c->supernodes[i] = machines[i].supernodes;
	}
}

static uint32_t sum(const uint32_t weights[KITH_SIM_CLASSES_MAX])
{
	uint32_t all = 0;
	for (unsigned i = 0; i < KITH_SIM_CLASSES_MAX; i++)
		all += weights[i];
	return all;
}

uint8_t kith_sim_class(const struct kith_sim *sim, uint32_t node)
{
	const struct kith_simcapacity *c = &sim->options.capacity;
	const uint32_t *weights = node < sim->options.supernodes ? c->supernodes : c->leaves;
	uint32_t all = sum(weights);
	if (all == 0)
		return 0;
	if (sim->nodes[node].falsehood == KITH_SIM_FALSE_BOAST)
		return THIN + 1;
	uint32_t at = kith_draw_below(kith_sim_draw(sim, KITH_SIM_DRAW_CLASS, node, 0), all);
	uint8_t kind = 0;
	while (at >= weights[kind])
		at -= weights[kind++];
	return (uint8_t)(kind + 1);
}

static uint32_t queue_bytes(const struct machine *m, uint32_t kbit_s)
{
	return (uint32_t)((uint64_t)kbit_s * KBIT * m->queue_ms / PERMILLE);
}

void kith_sim_capacity_profiles(const struct kith_sim *sim, struct kith_net_options *o)
{
	(void)sim;
	for (unsigned i = 0; i < MACHINES_N; i++) {
		const struct machine *m = &machines[i];
		struct kith_net_profile *p = &o->profiles[i + 1];
		p->up_bytes_per_s = (uint64_t)m->up_kbit_s * KBIT;
		p->down_bytes_per_s = (uint64_t)m->down_kbit_s * KBIT;
		p->up_queue_bytes = queue_bytes(m, m->up_kbit_s);
		p->down_queue_bytes = queue_bytes(m, m->down_kbit_s);
	}
}

bool kith_sim_capacity_new(struct kith_sim *sim, struct kith_simnode *n)
{
	uint8_t kind = kith_sim_class(sim, n->id);
	if (kind == 0)
		return true;
	n->cpu = KITH_NEW(&sim->engine.alloc, struct kith_simcpu);
	if (n->cpu == NULL)
		return false;
	n->cpu->machine = &machines[kind - 1];
	n->account.limit_bytes = n->cpu->machine->memory_bytes;
	return true;
}

void kith_sim_capacity_free(struct kith_sim *sim, struct kith_simnode *n)
{
	if (n->cpu == NULL)
		return;
	kith_sim_capacity_drop(sim, n);
	KITH_FREE(&sim->engine.alloc, n->cpu);
	n->cpu = NULL;
}

const struct kith_suite *kith_sim_capacity_suite(const struct kith_sim *sim)
{
	const struct kith_simcapacity *c = &sim->options.capacity;
	return sum(c->leaves) + sum(c->supernodes) > 0 ? kith_suite_simcost() : sim->suite;
}

/* A supernode's operator gives half of its uplink away, and no more than is usual. */
void kith_sim_capacity_options(const struct kith_simnode *n, struct kith_core_options *o)
{
	if (n->cpu == NULL)
		return;
	uint64_t half = (uint64_t)n->cpu->machine->up_kbit_s * KBIT / 2;
	if (o->relay_rate > half)
		o->relay_rate = half;
	if (o->relay_owner_rate > half)
		o->relay_owner_rate = half;
}

/* ---- how busy ---- */

static uint32_t ppm(uint64_t part, uint64_t whole)
{
	uint64_t v = whole > 0 ? part * KITH_PPM / whole : 0;
	return v < UINT32_MAX ? (uint32_t)v : UINT32_MAX;
}

/* The second is over: had all that came been taken in, it would have cost as much as what was. */
static void second_end(struct kith_simcpu *cpu)
{
	uint64_t ns = cpu->second_ns;
	if (cpu->second_taken > 0 && cpu->second_came > cpu->second_taken)
		ns = ns / cpu->second_taken * cpu->second_came;
	uint32_t work = ppm(ns, NS_PER_S), up = ppm(cpu->second_bytes, (uint64_t)cpu->machine->up_kbit_s * KBIT);
	if (work > cpu->work_ppm)
		cpu->work_ppm = work;
	if (up > cpu->up_ppm)
		cpu->up_ppm = up;
	cpu->second_ns = cpu->second_came = cpu->second_taken = cpu->second_bytes = 0;
}

static void second_look(const struct kith_sim *sim, struct kith_simcpu *cpu)
{
	kith_time_us second = sim->now / KITH_US_PER_S;
	if (second != cpu->second)
		second_end(cpu);
	cpu->second = second;
}

void kith_sim_load(const struct kith_sim *sim, enum kith_role role, struct kith_simload *out)
{
	uint64_t total_ns = 0, nodes = 0;
	memset(out, 0, sizeof *out);
	out->node = KITH_SIM_NONE;
	for (uint32_t i = 0; i < sim->nodes_n; i++) {
		const struct kith_simnode *n = &sim->nodes[i];
		if (n->cpu == NULL || n->role != role)
			continue;
		nodes++;
		total_ns += n->cpu->total_ns;
		out->dropped += n->cpu->dropped;
		if (n->cpu->work_ppm > out->work_ppm)
			out->node = i;
		if (n->cpu->work_ppm > out->work_ppm)
			out->work_ppm = n->cpu->work_ppm;
		if (n->cpu->up_ppm > out->up_ppm)
			out->up_ppm = n->cpu->up_ppm;
		if ((uint64_t)n->cpu->waited_us > out->waited_us)
			out->waited_us = (uint64_t)n->cpu->waited_us;
	}
	if (nodes > 0 && sim->now > 0)
		out->mean_ppm = ppm(total_ns / nodes, (uint64_t)(sim->now * NS_PER_US));
}

uint64_t kith_sim_crowd_ns(const struct kith_sim *sim, uint32_t node)
{
	const struct kith_simcpu *cpu = sim->nodes[node].cpu;
	return cpu != NULL ? cpu->said_all * SMALL_TURN_NS * PERMILLE / cpu->machine->speed_permille : 0;
}

/* ---- packets that wait ---- */

static kith_time_us free_at(const struct kith_sim *sim, const struct kith_simcpu *cpu)
{
	kith_time_us at = (cpu->busy_until_ns + NS_PER_US - 1) / NS_PER_US;
	return at > sim->now ? at : sim->now;
}

kith_time_us kith_sim_capacity_free_at(const struct kith_sim *sim, const struct kith_simnode *n)
{
	return n->cpu != NULL ? free_at(sim, n->cpu) : sim->now;
}

static void arm(struct kith_sim *sim, struct kith_simnode *n)
{
	struct kith_simcpu *cpu = n->cpu;
	if (cpu->armed || cpu->first == NULL)
		return;
	cpu->armed = true;
	kith_sim_turn_at(sim, n, free_at(sim, cpu), ++cpu->turns);
}

static uint32_t counted(const struct kith_simbuf *buf)
{
	return SKB_OVERHEAD + buf->len;
}

/* What a leaf says in a session all the time, and not because it moves or is measured. */
static bool is_of_leaf(const struct kith_simnode *from, const struct kith_simbuf *buf)
{
	const bool small = buf->len > 0 && buf->len < SMALL_LEN && buf->bytes[KITH_PACKET_HEADROOM] == KITH_PKT_DATA;
	return small && (from->core == NULL || !kith_serves(from->core));
}

void kith_sim_capacity_came(struct kith_sim *sim, struct kith_simnode *n, const struct kith_simnode *from,
			    const struct kith_net_delivery *d, struct kith_simbuf *buf)
{
	struct kith_simcpu *cpu = n->cpu;
	second_look(sim, cpu);
	cpu->second_came++;
	struct kith_simqueued *q = NULL;
	if (cpu->waiting_bytes + counted(buf) <= cpu->machine->receive_bytes) {
		q = KITH_NEW(&sim->engine.alloc, struct kith_simqueued);
		if (q == NULL)
			kith_sim_out_of_memory(sim);
	}
	if (q == NULL) {
		cpu->dropped++;
		kith_sim_buf_drop(sim, buf);
		return;
	}
	q->buf = buf;
	q->delivery = *d;
	q->came_at = sim->now;
	q->of_leaf = is_of_leaf(from, buf);
	*(cpu->last != NULL ? &cpu->last->next : &cpu->first) = q;
	cpu->last = q;
	cpu->waiting_bytes += counted(buf);
	arm(sim, n);
}

static struct kith_simbuf *take(struct kith_sim *sim, struct kith_simcpu *cpu, struct kith_net_delivery *d)
{
	struct kith_simqueued *q = cpu->first;
	struct kith_simbuf *buf = q->buf;
	cpu->first = q->next;
	if (cpu->first == NULL)
		cpu->last = NULL;
	cpu->waiting_bytes -= counted(buf);
	if (sim->now - q->came_at > cpu->waited_us)
		cpu->waited_us = sim->now - q->came_at;
	cpu->said += q->of_leaf;
	*d = q->delivery;
	KITH_FREE(&sim->engine.alloc, q);
	return buf;
}

struct kith_simbuf *kith_sim_capacity_next(struct kith_sim *sim, struct kith_simnode *n, struct kith_net_delivery *d)
{
	struct kith_simcpu *cpu = n->cpu;
	cpu->armed = false;
	if (cpu->first == NULL)
		return NULL;
	struct kith_simbuf *buf = take(sim, cpu, d);
	second_look(sim, cpu);
	cpu->second_taken++;
	cpu->forwarded += kith_sim_is_super(n) && buf->len > 0 && buf->bytes[KITH_PACKET_HEADROOM] == KITH_PKT_TUNNEL;
	return buf;
}

void kith_sim_capacity_drop(struct kith_sim *sim, struct kith_simnode *n)
{
	struct kith_net_delivery d;
	while (n->cpu != NULL && n->cpu->first != NULL)
		kith_sim_buf_drop(sim, take(sim, n->cpu, &d));
}

void kith_sim_capacity_begin(const struct kith_sim *sim)
{
	if (sim->options.suite == KITH_SIM_SUITE_SIM)
		(void)kith_simcost_take_ns();
}

/* A turn of the loop, of so many ns, began when the processor was free, and is over; and so many more that are each
 * about one packet. */
static void turned(struct kith_simcpu *cpu, uint64_t ns, uint32_t crowd)
{
	const uint64_t clipped = ns < TURN_MAX_NS ? ns : TURN_MAX_NS, more = (uint64_t)cpu->said * crowd,
		       one = SMALL_TURN_NS * PERMILLE / cpu->machine->speed_permille;
	cpu->worked_ns += ns + more * one;
	cpu->squares += clipped * clipped / NS_PER_US + more * one * one / NS_PER_US;
	cpu->said_all += cpu->said;
	cpu->said = 0;
}

bool kith_sim_capacity_told(const struct kith_sim *sim, struct kith_simnode *n, struct kith_core_load *out)
{
	struct kith_simcpu *cpu = n->cpu;
	const struct kith_simoptions *o = &sim->options;
	if (cpu == NULL)
		return false;
	const uint64_t period = (uint64_t)(cpu->busy_until_ns - cpu->told_ns);
	if (cpu->busy_until_ns < cpu->told_ns + (int64_t)NS_PER_S)
		return false;
	const uint64_t busy = cpu->worked_ns * PERMILLE / period;
	*out = (struct kith_core_load){ .wait_us = (kith_time_us)(cpu->squares / (2 * period)),
					.busy_permille = busy < UINT32_MAX ? (uint32_t)busy : UINT32_MAX,
					.memory = n->account.live_bytes,
					.memory_max = n->account.limit_bytes };
	cpu->told_ns = cpu->busy_until_ns;
	cpu->worked_ns = cpu->squares = 0;
	/* The options say it in its place. */
	return o->busy_permille == 0 || n->id >= o->supernodes || sim->now < o->busy_from_us ||
	       sim->now >= o->busy_until_us;
}

void kith_sim_capacity_charge(struct kith_sim *sim, struct kith_simnode *n)
{
	struct kith_simcpu *cpu = n->cpu;
	uint64_t ns = kith_simcost_take_ns();
	if (cpu == NULL)
		return;
	uint64_t in = n->packets_in - cpu->packets_in, out = n->packets_out - cpu->packets_out;
	uint64_t handled = in > cpu->forwarded ? in - cpu->forwarded : 0;
	ns += in * KITH_SIMCOST_RECEIVE_NS + out * KITH_SIMCOST_SEND_NS + handled * KITH_SIMCOST_HANDLE_NS;
	ns = ns * PERMILLE / cpu->machine->speed_permille;
	if (cpu->busy_until_ns < sim->now * NS_PER_US)
		cpu->busy_until_ns = sim->now * NS_PER_US;
	cpu->busy_until_ns += (int64_t)ns;
	turned(cpu, ns, sim->options.capacity.crowd);
	second_look(sim, cpu);
	cpu->second_ns += ns;
	cpu->second_bytes += n->bytes_out - cpu->bytes_out;
	cpu->total_ns += ns;
	cpu->packets_in = n->packets_in;
	cpu->packets_out = n->packets_out;
	cpu->bytes_out = n->bytes_out;
	cpu->forwarded = 0;
	arm(sim, n);
}
