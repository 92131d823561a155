#include "natlab/box.h"

#include "base/addr.h"
#include "base/alloc.h"
#include "base/assert.h"
#include "natlab/ippacket.h"
#include <kith/err.h>

#define V4_BITS 32u
#define V6_BITS 128u
enum { UP, DOWN, WAYS };

/* A packet on its way: up to the core, or down from it. */
struct moving {
	kith_time_us at;
	uint64_t number; /* of all: among equals, the first in is the first out */
	size_t len;
	int from, to; /* links; to is meaningful on the way down */
	uint8_t way;
	uint8_t bytes[];
};

struct link {
	struct kith_box_link_options options;
	struct kith_access access[WAYS];
};

struct nat {
	struct kith_nat_options options;
	struct kith_nat nat;
};

/* Between two links. */
struct way {
	struct kith_net_way what;
	uint64_t packets; /* the next one's number */
};

struct kith_box {
	const struct kith_alloc *alloc;
	uint64_t seed, number;
	uint8_t hops;
	int links_n, nats_n;
	struct link links[KITH_BOX_LINKS_MAX];
	struct nat nats[KITH_BOX_NATS_MAX];
	struct kith_box_flow flows[KITH_BOX_LINKS_MAX][KITH_BOX_LINKS_MAX]; /* from, to */
	struct way between[KITH_BOX_LINKS_MAX][KITH_BOX_LINKS_MAX]; /* from, to */
	struct kith_box_counters counters;
	unsigned n;
	struct moving *heap[KITH_BOX_PACKETS_MAX]; /* the next one first */
};

struct kith_box *kith_box_new(const struct kith_alloc *alloc, uint64_t seed, uint8_t hops)
{
	struct kith_box *box = KITH_NEW(alloc, struct kith_box);
	if (box == NULL)
		return NULL;
	box->alloc = alloc;
	box->seed = seed;
	box->hops = hops;
	return box;
}

static void drop(struct kith_box *box, struct moving *m)
{
	kith_alloc_free(box->alloc, m, sizeof *m + m->len);
}

void kith_box_free(struct kith_box *box)
{
	if (box == NULL)
		return;
	for (unsigned i = 0; i < box->n; i++)
		drop(box, box->heap[i]);
	for (int i = 0; i < box->nats_n; i++)
		kith_nat_deinit(&box->nats[i].nat);
	KITH_FREE(box->alloc, box);
}

int kith_box_add_nat(struct kith_box *box, const struct kith_nat_options *options, const struct kith_addr *external)
{
	if (box->nats_n == (int)KITH_BOX_NATS_MAX)
		return KITH_EFULL;
	struct nat *nat = &box->nats[box->nats_n];
	nat->options = *options;
	int err = kith_nat_init(&nat->nat, &nat->options, box->alloc, external, box->seed + (uint64_t)box->nats_n + 1);
	return err != 0 ? err : box->nats_n++;
}

int kith_box_add_link(struct kith_box *box, const struct kith_box_link_options *options)
{
	if (box->links_n == (int)KITH_BOX_LINKS_MAX)
		return KITH_EFULL;
	if (options->nets_n > KITH_BOX_NETS_MAX || options->nat >= box->nats_n || options->nat < KITH_BOX_NO_NAT)
		return KITH_EINVAL;
	struct link *link = &box->links[box->links_n];
	link->options = *options;
	for (unsigned way = UP; way < WAYS; way++) {
		struct kith_access_options access = options->access;
		access.seed = box->seed;
		access.id = (uint64_t)box->links_n * WAYS + way;
		kith_access_init(&link->access[way], &access);
	}
	return box->links_n++;
}

struct kith_nat *kith_box_nat(struct kith_box *box, int nat)
{
	KITH_ASSERT(nat >= 0 && nat < box->nats_n);
	return &box->nats[nat].nat;
}

const struct kith_box_counters *kith_box_counters(const struct kith_box *box)
{
	return &box->counters;
}

struct kith_box_flow kith_box_flow(const struct kith_box *box, int from, int to)
{
	KITH_ASSERT(from >= 0 && from < box->links_n && to >= 0 && to < box->links_n);
	return box->flows[from][to];
}

void kith_box_set_way(struct kith_box *box, int from, int to, const struct kith_net_way *way)
{
	KITH_ASSERT(from >= 0 && from < box->links_n && to >= 0 && to < box->links_n);
	box->between[from][to].what = *way;
}

void kith_box_cut(struct kith_box *box, int link, bool cut)
{
	KITH_ASSERT(link >= 0 && link < box->links_n);
	for (unsigned way = UP; way < WAYS; way++)
		box->links[link].access[way].options.cut = cut;
}

/* --- what is on its way --- */

static bool earlier(const struct moving *a, const struct moving *b)
{
	return a->at != b->at ? a->at < b->at : a->number < b->number;
}

static void swap(struct kith_box *box, unsigned i, unsigned k)
{
	struct moving *m = box->heap[i];
	box->heap[i] = box->heap[k];
	box->heap[k] = m;
}

static void push(struct kith_box *box, struct moving *m)
{
	unsigned i = box->n++;
	box->heap[i] = m;
	for (; i > 0 && earlier(box->heap[i], box->heap[(i - 1) / 2]); i = (i - 1) / 2)
		swap(box, i, (i - 1) / 2);
}

static struct moving *pop(struct kith_box *box)
{
	struct moving *first = box->heap[0];
	box->heap[0] = box->heap[--box->n];
	for (unsigned i = 0, next; (next = 2 * i + 1) < box->n; i = next) {
		if (next + 1 < box->n && earlier(box->heap[next + 1], box->heap[next]))
			next++;
		if (!earlier(box->heap[next], box->heap[i]))
			break;
		swap(box, i, next);
	}
	return first;
}

kith_time_us kith_box_due(const struct kith_box *box)
{
	return box->n > 0 ? box->heap[0]->at : KITH_TIME_NEVER;
}

/* Sends it over a link's delay, once, twice, or not at all. */
static void travel(struct kith_box *box, kith_time_us now, unsigned way, int from, int to, const uint8_t *bytes,
		   size_t len)
{
	kith_time_us at[KITH_LINK_COPIES_MAX];
	struct link *link = &box->links[way == UP ? from : to];
	unsigned copies = kith_access_send(&link->access[way], now, (uint32_t)len, at);
	if (copies == 0)
		box->counters.lost++;
	for (unsigned i = 0; i < copies; i++) {
		struct moving *m = box->n < KITH_BOX_PACKETS_MAX ? kith_alloc_zero(box->alloc, sizeof *m + len) : NULL;
		if (m == NULL) {
			box->counters.full++;
			continue;
		}
		m->at = at[i];
		m->number = box->number++;
		m->len = len;
		m->from = from;
		m->to = to;
		m->way = (uint8_t)way;
		memcpy(m->bytes, bytes, len);
		push(box, m);
	}
}

/* --- who has an address --- */

static unsigned all_bits(const struct kith_box_net *net)
{
	return net->addr.family == KITH_FAMILY_V4 ? V4_BITS : V6_BITS;
}

/* Of the links behind that NAT (KITH_BOX_NO_NAT: of those without), which has addr; negative: none. */
static int link_of(const struct kith_box *box, int nat, const struct kith_addr *addr)
{
	int found = -1;
	unsigned best = 0;
	for (int i = 0; i < box->links_n; i++) {
		const struct kith_box_link_options *o = &box->links[i].options;
		for (unsigned k = 0; o->nat == nat && k < o->nets_n; k++) {
			const struct kith_box_net *net = &o->nets[k];
			if ((found < 0 || net->bits > best) && net->bits <= all_bits(net) &&
			    kith_addr_same_prefix(&net->addr, addr, net->bits)) {
				found = i;
				best = net->bits;
			}
		}
	}
	return found;
}

static int nat_of(const struct kith_box *box, const struct kith_addr *addr)
{
	for (int i = 0; i < box->nats_n; i++)
		if (kith_nat_owns(&box->nats[i].nat, addr))
			return i;
	return KITH_BOX_NO_NAT;
}

static bool has(const struct link *link, const struct kith_addr *addr)
{
	for (unsigned i = 0; i < link->options.nets_n; i++) {
		const struct kith_box_net *net = &link->options.nets[i];
		if (kith_addr_same_prefix(&net->addr, addr, net->bits))
			return true;
	}
	return false;
}

/* --- a packet's way --- */

static bool translatable(struct kith_box *box, const struct kith_ip_packet *p)
{
	bool good = p->src.family == KITH_FAMILY_V4 && p->src.port != 0 && p->dst.port != 0;
	box->counters.untranslated += !good;
	return good;
}

static struct kith_nat_packet for_nat(const struct kith_ip_packet *p)
{
	return (struct kith_nat_packet){ p->src, p->dst, p->proto == KITH_IP_TCP ? KITH_NAT_TCP : KITH_NAT_UDP,
					 p->hops };
}

static void translate(uint8_t *bytes, size_t len, const struct kith_ip_packet *p, const struct kith_nat_packet *to)
{
	kith_ip_translate(bytes, len, p, &to->src, &to->dst);
	kith_ip_set_hops(bytes, to->ttl);
}

/* Through the NAT in front of the link; false if it ends there. *turned: it goes to this other link of the NAT's. */
static bool leave(struct kith_box *box, kith_time_us now, int link, uint8_t *bytes, size_t len,
		  const struct kith_ip_packet *p, int *turned)
{
	int number = box->links[link].options.nat;
	if (number == KITH_BOX_NO_NAT)
		return true;
	if (!translatable(box, p))
		return false;
	struct kith_nat_packet pkt = for_nat(p);
	enum kith_nat_result r = kith_nat_outbound(&box->nats[number].nat, now, &pkt);
	if (r != KITH_NAT_PASS && r != KITH_NAT_HAIRPIN) {
		box->counters.refused++;
		return false;
	}
	translate(bytes, len, p, &pkt);
	if (r == KITH_NAT_HAIRPIN)
		*turned = link_of(box, number, &pkt.dst);
	return true;
}

static void hand_over(struct kith_box *box, int from, int to, const uint8_t *bytes, size_t len,
		      kith_box_deliver_fn *deliver, void *user)
{
	box->flows[from][to].packets++;
	box->flows[from][to].bytes += len;
	box->counters.out++;
	deliver(user, to, bytes, len);
}

void kith_box_input(struct kith_box *box, kith_time_us now, int link, const uint8_t *bytes, size_t len)
{
	uint8_t copy[KITH_BOX_PACKET_LEN_MAX];
	struct kith_ip_packet p;
	int turned = -1;
	KITH_ASSERT(link >= 0 && link < box->links_n);
	box->counters.in++;
	if (len > sizeof copy || !kith_ip_read(&p, bytes, len)) {
		box->counters.unread++;
		return;
	}
	if (!has(&box->links[link], &p.src)) { /* multicast reports from fe80::, and what a router let slip */
		box->counters.unroutable++;
		return;
	}
	memcpy(copy, bytes, len);
	if (!leave(box, now, link, copy, len, &p, &turned))
		return;
	/* What is turned back never sees the core: it goes down the other link at once. */
	if (turned >= 0)
		travel(box, now, DOWN, link, turned, copy, len);
	else
		travel(box, now, UP, link, -1, copy, len);
}

/* What the core does to it between these two links; false: it is lost there. */
static bool cross(struct kith_box *box, int from, int to, size_t len, kith_time_us *at)
{
	struct way *w = &box->between[from][to];
	uint64_t pair = ((uint64_t)from * KITH_BOX_LINKS_MAX + (uint64_t)to + KITH_BOX_LINKS_MAX) * WAYS;
	struct kith_access_fate fate;
	kith_access_draw(&w->what.faults, box->seed, pair, w->packets++, &fate);
	*at += w->what.extra_us + fate.extra_us[0];
	return !w->what.cut && fate.copies > 0 && (w->what.most_bytes == 0 || len <= w->what.most_bytes);
}

/* In the core: where it goes down. */
static void pass_core(struct kith_box *box, struct moving *m)
{
	struct kith_ip_packet p;
	bool whole = kith_ip_read(&p, m->bytes, m->len);
	KITH_ASSERT(whole);
	if (p.hops <= box->hops) {
		box->counters.hops++;
		return;
	}
	kith_ip_set_hops(m->bytes, (uint8_t)(p.hops - box->hops));
	int nat = nat_of(box, &p.dst);
	/* Links behind one NAT have one delay: which of them has it, is known when it was translated. */
	int to = -1;
	for (int i = 0; nat != KITH_BOX_NO_NAT && to < 0 && i < box->links_n; i++)
		if (box->links[i].options.nat == nat)
			to = i;
	if (nat == KITH_BOX_NO_NAT)
		to = link_of(box, KITH_BOX_NO_NAT, &p.dst);
	if (to < 0) {
		box->counters.unroutable++;
		return;
	}
	kith_time_us at = m->at;
	if (cross(box, m->from, to, m->len, &at))
		travel(box, at, DOWN, m->from, to, m->bytes, m->len);
	else
		box->counters.lost++;
}

/* Through the NAT in front of the link that it came down on; false if it ends there. */
static bool arrive(struct kith_box *box, struct moving *m)
{
	int number = box->links[m->to].options.nat;
	struct kith_ip_packet p;
	if (number == KITH_BOX_NO_NAT)
		return true;
	bool whole = kith_ip_read(&p, m->bytes, m->len);
	KITH_ASSERT(whole);
	if (box->links[m->from].options.nat == number && !kith_nat_owns(&box->nats[number].nat, &p.dst))
		return true; /* turned back, and translated already */
	if (!translatable(box, &p))
		return false;
	struct kith_nat_packet pkt = for_nat(&p);
	if (kith_nat_inbound(&box->nats[number].nat, m->at, &pkt) != KITH_NAT_PASS) {
		box->counters.refused++;
		return false;
	}
	translate(m->bytes, m->len, &p, &pkt);
	m->to = link_of(box, number, &pkt.dst);
	if (m->to < 0)
		box->counters.unroutable++;
	return m->to >= 0;
}

void kith_box_run(struct kith_box *box, kith_time_us now, kith_box_deliver_fn *deliver, void *user)
{
	while (box->n > 0 && box->heap[0]->at <= now) {
		struct moving *m = pop(box);
		if (m->way == UP)
			pass_core(box, m);
		else if (arrive(box, m))
			hand_over(box, m->from, m->to, m->bytes, m->len, deliver, user);
		drop(box, m);
	}
}
