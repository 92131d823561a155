/* What a core does per second and per byte of memory, without a network: cores in one process hand each other packets.
 *
 *   handshake  a leaf attaches to a supernode: IK, certificates checked on both sides, record verified and stored
 *   datagram   two leaves in a direct session: sealed, opened and delivered, 1000-byte datagrams
 *   relay      one supernode forwards 1200-byte packets between two legs
 *   push       a name's goodbye at the home of all the others, who watch it: how many pushes leave, within which time
 *              of the cores' clock (looked at each ms), and how long the home works on them
 *   memory     bytes at a supernode per attached leaf, and per idle leaf core, records included and apart
 *
 * One JSON line each. Time is real, the cores' clock is counted up by hand.
 */
#include <popt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <kith/core.h>

#include "crypto/suite.h"
#include "link/state.h"
#include "sim/simpki.h"

enum { LEAVES_MAX = 20000 };
#define BASE_MS INT64_C(1800000000000)
enum { QUEUE = 4096 };

struct packet {
	int from, to;
	uint16_t len;
	uint8_t data[KITH_PACKET_HEADROOM + 1400];
};

struct bench {
	struct kith_alloc alloc;
	struct kith_random random;
	struct kith_shared *shared;
	struct kith_simpki pki;
	struct kith_core **cores;
	int n;
	kith_time_us now;
	size_t live;
	uint64_t draws, delivered, datagrams;
	struct packet *queue;
	int head, tail;
	uint32_t session[2]; /* of the two who talk */
	int opened;
};

static void *counting_realloc(void *ctx, void *p, size_t old_len, size_t new_len)
{
	struct bench *b = ctx;
	b->live += new_len - old_len;
	if (new_len == 0) {
		free(p);
		return NULL;
	}
	return realloc(p, new_len);
}

/* splitmix64: the runs are repeatable. */
static void fill(void *ctx, uint8_t *out, size_t len)
{
	struct bench *b = ctx;
	for (size_t i = 0; i < len; i += 8) {
		uint64_t z = (b->draws += 0x9e3779b97f4a7c15u);
		z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
		z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
		z ^= z >> 31;
		memcpy(out + i, &z, len - i < 8 ? len - i : 8);
	}
}

static double seconds(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static struct kith_now now_of(const struct bench *b)
{
	return (struct kith_now){ b->now, BASE_MS + b->now / 1000, true };
}

static struct kith_addr addr_of(int i)
{
	struct kith_addr a = { .family = KITH_FAMILY_V4, .port = 4000 };
	a.ip[0] = (uint8_t)(20 + i % 200);
	a.ip[1] = (uint8_t)(i / 200 % 256);
	a.ip[2] = (uint8_t)(i / 51200);
	a.ip[3] = 1;
	return a;
}

static int node_of(const struct kith_addr *a)
{
	return a->ip[0] - 20 + a->ip[1] * 200 + a->ip[2] * 51200;
}

static void die(const char *what)
{
	fprintf(stderr, "micro_core: %s\n", what);
	exit(1);
}

static void drain(struct bench *b, int i)
{
	struct kith_packet out[64];
	struct kith_event ev;
	struct kith_effect effect;
	size_t n;
	bool acted = false;
	while ((n = kith_core_poll(b->cores[i], now_of(b), out, 64)) > 0) {
		for (size_t k = 0; k < n; k++) {
			struct packet *p = &b->queue[b->tail++ % QUEUE];
			p->from = i;
			p->to = node_of(&out[k].remote);
			p->len = (uint16_t)out[k].len;
			memcpy(p->data + KITH_PACKET_HEADROOM, out[k].data, out[k].len);
			if (b->tail - b->head > QUEUE)
				die("queue full");
		}
	}
	while (kith_core_event(b->cores[i], &ev)) {
		acted = acted || ev.type == KITH_EVENT_INCOMING;
		if (ev.type == KITH_EVENT_INCOMING && kith_core_accept(b->cores[i], now_of(b), ev.session) != 0)
			die("accept");
		if (ev.type == KITH_EVENT_OPENED) {
			b->session[ev.remote] = ev.session;
			b->opened++;
		}
		b->datagrams += ev.type == KITH_EVENT_DATAGRAM;
	}
	while (kith_core_effect(b->cores[i], &effect))
		kith_core_complete(b->cores[i], now_of(b), effect.id, 0, NULL);
	if (acted)
		drain(b, i);
}

/* Delivers until nothing is on its way. */
static void settle(struct bench *b)
{
	while (b->head != b->tail) {
		struct packet *p = &b->queue[b->head++ % QUEUE];
		struct kith_packet in = { .data = p->data + KITH_PACKET_HEADROOM,
					  .len = p->len,
					  .remote = addr_of(p->from) };
		if (p->to < 0 || p->to >= b->n || b->cores[p->to] == NULL)
			continue;
		kith_core_input(b->cores[p->to], now_of(b), &in, 1);
		b->delivered++;
		drain(b, p->to);
	}
}

static void run(struct bench *b, kith_time_us us)
{
	for (kith_time_us end = b->now + us; b->now < end; b->now += 10000) {
		for (int i = 0; i < b->n; i++) {
			if (kith_core_deadline(b->cores[i]) <= b->now) {
				kith_core_tick(b->cores[i], now_of(b));
				drain(b, i);
			}
			settle(b);
		}
	}
}

static int start(struct bench *b, bool supernode)
{
	struct kith_simcredentials id;
	struct kith_core_options o;
	struct kith_bootstrap boot = { .at = { .addr = addr_of(0), .kind = KITH_TRANSPORT_UDP }, .has_key = true };
	struct kith_key identity;
	struct kith_transport t = { .up = true, .kind = KITH_TRANSPORT_UDP, .family = KITH_FAMILY_V4, .locals_n = 1 };
	char name[KITH_NAME_MAX + 1];
	int i = b->n++;
	snprintf(name, sizeof name, "n%d", i);
	kith_simpki_issue(&b->pki, (uint32_t)i, name, supernode, &id);
	kith_simpki_keys(&b->pki, 0, &identity, &boot.key);
	kith_core_options_init(&o);
	o.role = supernode ? KITH_ROLE_SUPERNODE : KITH_ROLE_LEAF;
	o.alloc = &b->alloc;
	o.random = &b->random;
	o.shared = b->shared;
	o.root = &b->pki.root.pk;
	o.device = id.device;
	o.chain = (struct kith_span){ id.chain, id.chain_len };
	o.bootstrap = &boot;
	o.bootstrap_n = supernode ? 0 : 1;
	o.relay_rate = o.relay_owner_rate = 0;
	if (supernode)
		o.endpoints[o.endpoints_n++] = boot.at;
	if (kith_core_new(&b->cores[i], &o, now_of(b)) != 0)
		die("kith_core_new");
	drain(b, i);
	t.locals[0] = (struct kith_local){ addr_of(i), KITH_ADDR_HOST, 0 };
	if (kith_core_transport(b->cores[i], now_of(b), &t) != 0)
		die("kith_core_transport");
	drain(b, i);
	if (kith_core_serve(b->cores[i], "bench") != 0)
		die("serve");
	return i;
}

static void bench_handshakes(struct bench *b, int leaves)
{
	struct kith_core_info info;
	start(b, true);
	size_t before = b->live;
	size_t records = b->shared->blobs.bytes;
	double t0 = seconds(), making = 0;
	for (int i = 0; i < leaves; i++) {
		double m0 = seconds();
		start(b, false);
		making += seconds() - m0;
		settle(b);
		if (i % 16 == 15)
			b->now += KITH_US_PER_S; /* the guard lets 20 a second and prefix through */
	}
	double dt = seconds() - t0 - making;
	run(b, 2 * KITH_US_PER_S);
	kith_core_info(b->cores[0], &info);
	printf("{\"bench\":\"handshake\",\"attached\":%u,\"per_s\":%.0f,\"unit\":\"attach/s, both ends on one "
	       "core\"}\n",
	       info.leaves, (double)info.leaves / dt);
	run(b, 60 * KITH_US_PER_S);
	size_t blobs = b->shared->blobs.bytes - records;
	printf("{\"bench\":\"memory\",\"session_bytes\":%zu,\"per_leaf_both_ends\":%.0f,\"of_it_signed_bytes\":%.0f,"
	       "\"core_bytes\":%zu}\n",
	       sizeof(struct kith_session), (double)(b->live - before) / leaves, (double)blobs / leaves,
	       sizeof(struct kith_core));
}

static void bench_datagrams(struct bench *b, double for_s)
{
	uint8_t data[1000] = { 1 };
	kith_op op;
	if (kith_core_call(b->cores[1], now_of(b), "n2", "bench", 0, &op) != 0)
		die("call");
	drain(b, 1);
	run(b, 5 * KITH_US_PER_S);
	if (b->opened != 2)
		die("the call did not open");
	uint64_t n = 0, held = 0, before = b->datagrams;
	double t0 = seconds(), dt;
	do {
		for (int i = 0; i < 64; i++) {
			b->now += 50;
			int err = kith_core_send(b->cores[1], now_of(b), b->session[0], 1, data, sizeof data);
			if (err != 0 && err != KITH_EAGAIN)
				die("send");
			n += err == 0;
			held += err != 0; /* at first: until the pacer has seen how much arrives */
			drain(b, 1);
			settle(b);
		}
		for (int i = 1; i <= 2; i++) {
			if (kith_core_deadline(b->cores[i]) <= b->now) {
				kith_core_tick(b->cores[i], now_of(b));
				drain(b, i);
				settle(b);
			}
		}
		dt = seconds() - t0;
	} while (dt < for_s);
	printf("{\"bench\":\"datagram\",\"sent\":%llu,\"held\":%llu,\"delivered\":%llu,\"per_s\":%.0f,\"unit\":\"1000-"
	       "byte "
	       "datagrams/s, sealed and opened on one core\"}\n",
	       (unsigned long long)n, (unsigned long long)held, (unsigned long long)(b->datagrams - before),
	       (double)(b->datagrams - before) / dt);
}

static void bench_relay(struct bench *b, double for_s)
{
	struct kith_fwd *fwd = &b->cores[0]->super->fwd;
	struct kith_fwd_leg_spec a = { .remote = addr_of(1), .session = 1, .proven = true };
	struct kith_fwd_leg_spec z = { .remote = addr_of(2), .session = 2, .proven = true };
	static uint8_t bufs[64][KITH_PACKET_HEADROOM + 1200];
	struct kith_packet in[64], out[64];
	uint64_t ids[2], n = 0;
	if (kith_fwd_open(fwd, b->now, &a, &z, ids) != 0)
		die("fwd");
	double t0 = seconds(), dt;
	do {
		for (int i = 0; i < 64; i++) {
			kith_tunnel_write(bufs[i] + KITH_PACKET_HEADROOM, ids[0]);
			in[i] = (struct kith_packet){ .data = bufs[i] + KITH_PACKET_HEADROOM,
						      .len = 1200,
						      .remote = addr_of(1) };
		}
		b->now += 100;
		kith_core_input(b->cores[0], now_of(b), in, 64);
		size_t k;
		while ((k = kith_core_poll(b->cores[0], now_of(b), out, 64)) > 0)
			n += k;
		dt = seconds() - t0;
	} while (dt < for_s);
	printf("{\"bench\":\"relay\",\"forwarded\":%llu,\"per_s\":%.0f,\"unit\":\"packets/s through the core, without "
	       "sockets\"}\n",
	       (unsigned long long)n, (double)n / dt);
}

/* Takes what the home sends, without delivering it. Returns how many pushes were among it. */
static int pushes(struct bench *b)
{
	int n = 0, from = b->tail;
	drain(b, 0);
	for (int i = from; i != b->tail; i++)
		n += b->queue[i % QUEUE].len > 500;
	return n;
}

static void bench_push(struct bench *b)
{
	for (int i = 2; i < b->n; i++) {
		if (kith_core_watch(b->cores[i], now_of(b), "n1") != 0)
			die("watch");
		drain(b, i);
		settle(b);
		if (i % 16 == 0)
			run(b, KITH_US_PER_S);
	}
	run(b, 10 * KITH_US_PER_S);
	kith_core_leave(b->cores[1], now_of(b), KITH_US_PER_S);
	drain(b, 1);
	const kith_time_us v0 = b->now;
	double t0 = seconds();
	int n = 0, before;
	while (b->head != b->tail) { /* n1's packets: all that is on its way */
		struct packet *p = &b->queue[b->head++ % QUEUE];
		struct kith_packet in = { .data = p->data + KITH_PACKET_HEADROOM,
					  .len = p->len,
					  .remote = addr_of(p->from) };
		if (p->to == 0)
			kith_core_input(b->cores[0], now_of(b), &in, 1);
	}
	do {
		before = n;
		n += pushes(b);
		if (kith_core_deadline(b->cores[0]) <= b->now + 1000)
			kith_core_tick(b->cores[0], now_of(b));
		b->now += 1000;
		n += pushes(b);
	} while (n > before);
	printf("{\"bench\":\"push\",\"watchers\":%d,\"left\":%d,\"within_ms\":%lld,\"worked_ms\":%.1f}\n", b->n - 2, n,
	       (long long)(b->now - v0) / 1000, (seconds() - t0) * 1e3);
	settle(b);
}

int main(int argc, const char **argv)
{
	int leaves = 1000, c;
	double for_s = 2;
	struct poptOption options[] = {
		{ "leaves", 'l', POPT_ARG_INT, &leaves, 0, "leaves that attach (default 1000)", "N" },
		{ "seconds", 's', POPT_ARG_DOUBLE, &for_s, 0, "time for each rate (default 2)", "S" },
		POPT_AUTOHELP POPT_TABLEEND,
	};
	poptContext pc = poptGetContext("micro_core", argc, argv, options, 0);
	while ((c = poptGetNextOpt(pc)) > 0) {}
	if (c < -1 || poptPeekArg(pc) != NULL || leaves < 2 || leaves > LEAVES_MAX || for_s <= 0) {
		fprintf(stderr, "micro_core: wrong options (leaves 2 to %d, seconds above 0); try --help\n",
			LEAVES_MAX);
		return 2;
	}
	poptFreeContext(pc);

	static struct bench b;
	struct kith_shared_options so;
	b.alloc = (struct kith_alloc){ counting_realloc, &b };
	b.random = (struct kith_random){ fill, &b };
	b.queue = calloc(QUEUE, sizeof *b.queue);
	b.cores = calloc((size_t)leaves + 1, sizeof *b.cores);
	kith_shared_options_init(&so);
	so.alloc = &b.alloc;
	so.random = &b.random;
	if (kith_suite_sodium_init() != 0 || b.queue == NULL || b.cores == NULL || kith_shared_new(&b.shared, &so) != 0)
		die("start");
	kith_simpki_init(&b.pki, kith_suite_sodium(), 1, BASE_MS / 1000);
	bench_handshakes(&b, leaves);
	bench_datagrams(&b, for_s);
	bench_relay(&b, for_s);
	if (leaves <= QUEUE / 2)
		bench_push(&b);
	return 0;
}
