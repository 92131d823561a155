/* Two path sets against each other in virtual time: relays, one direct link, NATs, loss, failures. Sealing is the
 * identity: a packet is counter (8), data flag (1), frames.
 */
#ifndef KITH_TESTS_PATH_WORLD_H
#define KITH_TESTS_PATH_WORLD_H

#include "path_env.h"
#include "support.h"

#include "path/detect.h"
#include "path/pathset.h"
#include "path/transports.h"
#include "wire/packet.h"

#define MS ((kith_time_us)1000)
#define S ((kith_time_us)1000000)

enum {
	W_RELAYS = 8,
	W_PACKETS = 2048,
	W_SEEN = 1 << 20,
	W_TRANSPORT = 1,
	W_SESSION = 7,
	W_FILTERS = 64,
	W_GAPS = 4096
};

enum w_nat {
	W_OPEN, /* no NAT */
	W_PORT_RESTRICTED, /* one mapping; in only from where something was sent to */
	W_FRAGILE, /* the same, but a packet that comes too early moves the mapping for that source for good */
	W_SYMMETRIC /* another port for each destination */
};

struct w_filter {
	struct kith_addr remote;
	uint16_t port; /* external, for packets to remote */
	bool out; /* something was sent there */
};

struct w_node {
	struct kith_pathset ps;
	struct kith_path_env env;
	struct kith_outbox outbox;
	struct test_alloc alloc;
	struct test_random random;
	struct kith_stats stats;
	struct kith_addr outside; /* external address and first port */
	enum w_nat nat;
	uint8_t nat_hops; /* TTLs up to this die inside or at the own NAT; 2 * nat_hops + 2 reach the peer's */
	struct w_filter filters[W_FILTERS];
	unsigned n_filters;
	uint64_t counter;
	uint8_t *seen; /* one bit per counter of the peer */
	kith_time_us app_every, app_next; /* 0 = no data */
	size_t app_len, app_other; /* bytes of data, and of every second one; app_other 0: all are alike */
	kith_time_us data_at; /* last fresh data received */
	kith_time_us gap_max; /* longest distance of data since w_watch */
	kith_time_us large_at, large_gap; /* the same, of data of at least 1000 bytes */
	uint64_t data_got, data_sent, packets_sent, direct_sent, bytes_to_unproven;
	unsigned frames_sent[256];
	uint16_t news; /* all that was told */
};

struct w_packet {
	kith_time_us at;
	uint64_t order;
	unsigned to;
	struct kith_hop hop; /* as the receiver sees it */
	uint16_t len;
	uint8_t bytes[1280];
};

struct world {
	struct w_node node[2];
	kith_time_us now;
	uint64_t order;
	struct test_random chance;
	kith_time_us direct_owd, relay_owd[W_RELAYS], jitter;
	unsigned loss_percent;
	bool direct_down[2]; /* by sender */
	size_t direct_room[2]; /* by sender: larger packets are lost on the direct path; 0: none is */
	bool relay_down[W_RELAYS];
	bool never_direct; /* an assertion: no packet may leave for a direct hop */
	struct w_packet *packets;
	unsigned n_packets;
	uint64_t direct_arrived;
};

static inline struct kith_addr w_addr(uint8_t a, uint8_t b, uint8_t c, uint8_t d, uint16_t port)
{
	struct kith_addr addr = { .family = KITH_FAMILY_V4, .port = port, .ip = { a, b, c, d } };
	return addr;
}

/* That relay is another tunnel of relay 0's supernode. */
static unsigned w_twin = W_RELAYS;

/* The hop of a node towards the other through relay r. */
static inline struct kith_hop w_relay_hop(unsigned node, unsigned r)
{
	uint8_t place = (uint8_t)(60 + (r == w_twin ? 0 : r));
	struct kith_hop hop = { .remote = w_addr(place, 1, 1, 1, 4000), .transport = W_TRANSPORT };
	hop.tunnel = 0x1000u + r * 2 + node;
	return hop;
}

static inline struct kith_hop w_direct_hop(struct kith_addr remote)
{
	struct kith_hop hop = { .remote = remote, .transport = W_TRANSPORT };
	return hop;
}

/* One socket for v4. */
static inline const struct kith_transports *w_transports(void)
{
	static struct kith_transport_kept udp = {
		.id = W_TRANSPORT, .kind = KITH_TRANSPORT_UDP, .family = KITH_FAMILY_V4, .up = true
	};
	static const struct kith_transports all = { .at = &udp, .n = 1, .cap = 1 };
	return &all;
}

/* Every relay of the world is one of the session's. */
static inline bool w_is_relay(const struct kith_path_env *env, const struct kith_hop *hop)
{
	(void)env;
	return hop->remote.ip[0] >= 60 && hop->remote.ip[0] < 60 + W_RELAYS;
}

static inline void w_node_init(struct w_node *n, unsigned i, uint64_t seed)
{
	test_alloc_init(&n->alloc);
	test_random_init(&n->random, seed * 2 + i);
	n->env = (struct kith_path_env){ .outbox = &n->outbox,
					 .random = &n->random.random,
					 .alloc = &n->alloc.alloc,
					 .stats = &n->stats,
					 .session = W_SESSION,
					 .transports = w_transports(),
					 .is_relay = w_is_relay };
	static struct test_alloc outboxes; /* apart: a path set's own memory is what is counted */
	if (outboxes.alloc.realloc_fn == NULL)
		test_alloc_init(&outboxes);
	assert_int_equal(kith_outbox_init(&n->outbox, &outboxes.alloc, 256), 0);
	kith_outbox_claim(&n->outbox, n, &n->stats);
	n->outside = i == 0 ? w_addr(20, 0, 0, 1, 5000) : w_addr(30, 0, 0, 2, 6000);
	n->nat_hops = 3;
	n->app_len = 160;
	n->seen = calloc(W_SEEN / 8, 1);
	assert_non_null(n->seen);
}

static inline struct world *w_new(uint64_t seed)
{
	struct world *w = calloc(1, sizeof *w);
	assert_non_null(w);
	w->packets = calloc(W_PACKETS, sizeof *w->packets);
	assert_non_null(w->packets);
	w->now = 1000 * S;
	test_random_init(&w->chance, seed ^ 0x5bd1e995u);
	w->direct_owd = 40 * MS;
	for (unsigned r = 0; r < W_RELAYS; r++)
		w->relay_owd[r] = 40 * MS + 2 * MS * r;
	for (unsigned i = 0; i < 2; i++)
		w_node_init(&w->node[i], i, seed);
	return w;
}

static inline void w_free(struct world *w)
{
	for (unsigned i = 0; i < 2; i++) {
		kith_pathset_deinit(&w->node[i].ps, &w->node[i].env);
		test_alloc_check(&w->node[i].alloc);
		kith_outbox_deinit(&w->node[i].outbox);
		free(w->node[i].seen);
	}
	free(w->packets);
	free(w);
}

static inline uint32_t w_below(struct world *w, uint32_t n)
{
	return (uint32_t)(test_random_next(&w->chance) % n);
}

static inline struct w_filter *w_filter(struct w_node *n, const struct kith_addr *remote, bool make)
{
	for (unsigned i = 0; i < n->n_filters; i++) {
		if (kith_addr_equal(&n->filters[i].remote, remote))
			return &n->filters[i];
	}
	if (!make)
		return NULL;
	assert_true(n->n_filters < W_FILTERS);
	struct w_filter *f = &n->filters[n->n_filters++];
	*f = (struct w_filter){ .remote = *remote, .port = n->outside.port };
	if (n->nat == W_SYMMETRIC)
		f->port = (uint16_t)(n->outside.port + 1000 + n->n_filters);
	return f;
}

/* The source that a packet of node i to remote gets. */
static inline struct kith_addr w_nat_out(struct w_node *n, const struct kith_addr *remote)
{
	struct kith_addr source = n->outside;
	if (n->nat == W_OPEN)
		return source;
	struct w_filter *f = w_filter(n, remote, true);
	f->out = true;
	source.port = f->port;
	return source;
}

static inline bool w_nat_in(struct w_node *n, const struct kith_addr *source, uint16_t port)
{
	if (n->nat == W_OPEN)
		return port == n->outside.port;
	struct w_filter *f = w_filter(n, source, n->nat == W_FRAGILE);
	if (f == NULL)
		return false;
	if (!f->out && n->nat == W_FRAGILE)
		f->port = (uint16_t)(n->outside.port + 77); /* moved: the peer will not be listening for that one */
	return f->out && f->port == port;
}

static inline void w_enqueue(struct world *w, unsigned to, const struct kith_hop *hop, kith_time_us owd,
			     const uint8_t *p, size_t len)
{
	if (w->loss_percent > 0 && w_below(w, 100) < w->loss_percent)
		return;
	assert_true(w->n_packets < W_PACKETS && len <= sizeof w->packets[0].bytes);
	struct w_packet *pkt = &w->packets[w->n_packets++];
	pkt->at = w->now + owd + (w->jitter > 0 ? (kith_time_us)w_below(w, (uint32_t)w->jitter) : 0);
	pkt->order = w->order++;
	pkt->to = to;
	pkt->hop = *hop;
	pkt->len = (uint16_t)len;
	memcpy(pkt->bytes, p, len);
}

static inline void w_transmit(struct world *w, unsigned from, const struct kith_hop *hop, uint8_t ttl, const uint8_t *p,
			      size_t len)
{
	struct w_node *n = &w->node[from], *peer = &w->node[1 - from];
	n->packets_sent++;
	if (hop->tunnel != 0) {
		unsigned r = (unsigned)(hop->tunnel - 0x1000u) / 2;
		assert_true(r < W_RELAYS && (hop->tunnel & 1) == from);
		struct kith_hop seen = w_relay_hop(1 - from, r);
		if (!w->relay_down[r])
			w_enqueue(w, 1 - from, &seen, w->relay_owd[r], p, len);
		return;
	}
	n->direct_sent++;
	assert_false(w->never_direct);
	struct kith_addr source = w_nat_out(n, &hop->remote);
	if (ttl != 0 && ttl < 2 * n->nat_hops + 2)
		return;
	if (memcmp(hop->remote.ip, peer->outside.ip, 4) != 0 || w->direct_down[from])
		return;
	if (w->direct_room[from] > 0 && len > w->direct_room[from])
		return;
	if (!w_nat_in(peer, &source, hop->remote.port))
		return;
	w->direct_arrived++;
	struct kith_hop seen = w_direct_hop(source);
	w_enqueue(w, 1 - from, &seen, w->direct_owd, p, len);
}

/* Seals, sends, and collects the news. */
static inline void w_drain(struct world *w, unsigned i)
{
	struct w_node *n = &w->node[i];
	struct kith_open_packet *open;
	while ((open = kith_outbox_next_open(&n->outbox)) != NULL) {
		assert_int_equal(open->session, W_SESSION);
		struct kith_hop hops[KITH_PICK_MAX];
		size_t n_hops = 1;
		hops[0] = open->hop;
		if (!open->pinned)
			n_hops = kith_pathset_pick(&n->ps, w->now, open->data, hops);
		uint8_t bytes[1280];
		size_t len = 9u + open->len;
		struct kith_writer wr = kith_writer_of(bytes, sizeof bytes);
		kith_write_u64(&wr, open->way != 0 ? open->counter : n->counter);
		kith_write_u8(&wr, open->data || open->way != 0);
		kith_write_bytes(&wr, open->frames, open->len);
		struct kith_reader r = kith_reader_of(open->frames, open->len);
		struct kith_frame f;
		while (kith_frame_next(&r, &f))
			n->frames_sent[f.type]++;
		assert_false(r.bad);
		if (open->way != 0) {
			assert_true(open->pinned && open->counter < n->counter);
			w_transmit(w, i, &hops[0], open->ttl, bytes, len);
			continue;
		}
		for (size_t k = 0; k < n_hops; k++) {
			kith_pathset_sent(&n->ps, test_at(&n->env, w->now), &hops[k], n->counter, open->data,
					  test_span(open->frames, open->len));
			w_transmit(w, i, &hops[k], open->ttl, bytes, len);
		}
		n->counter++;
	}
	struct kith_packet ready[16];
	size_t got;
	while ((got = kith_outbox_poll(&n->outbox, ready, 16)) > 0) {
		for (size_t k = 0; k < got; k++) {
			struct kith_hop hop = { .remote = ready[k].remote, .transport = ready[k].transport };
			struct kith_span body = { ready[k].data, ready[k].len };
			if (body.p[0] == KITH_PKT_TUNNEL)
				assert_true(kith_tunnel_parse(&hop.tunnel, &body, body));
			w_transmit(w, i, &hop, ready[k].ttl, body.p, body.len);
		}
	}
	n->news |= n->ps.news;
	n->ps.news = 0;
}

static inline void w_data_arrived(struct world *w, struct w_node *n, size_t len)
{
	if (len >= 1000) {
		if (n->large_at != 0 && w->now - n->large_at > n->large_gap)
			n->large_gap = w->now - n->large_at;
		n->large_at = w->now;
	}
	n->data_got++;
	if (n->data_at != 0 && w->now - n->data_at > n->gap_max)
		n->gap_max = w->now - n->data_at;
	n->data_at = w->now;
}

static inline void w_receive(struct world *w, const struct w_packet *pkt)
{
	struct w_node *n = &w->node[pkt->to];
	struct kith_reader r = kith_reader_of(pkt->bytes, pkt->len);
	uint64_t counter = kith_read_u64(&r);
	bool data = kith_read_u8(&r) != 0;
	assert_true(counter < W_SEEN);
	if ((n->seen[counter / 8] & 1u << counter % 8) != 0)
		return; /* replay window */
	n->seen[counter / 8] |= (uint8_t)(1u << counter % 8);
	kith_pathset_heard(&n->ps, test_at(&n->env, w->now), &pkt->hop, counter, data, pkt->len + 23u);
	struct kith_frame f;
	while (kith_frame_next(&r, &f)) {
		if (f.type == KITH_FRAME_DATAGRAM)
			w_data_arrived(w, n, f.body.len);
		else
			assert_int_equal(kith_pathset_on_frame(&n->ps, test_at(&n->env, w->now), &pkt->hop, &f), 0);
	}
	w_drain(w, pkt->to);
}

static inline void w_send_data(struct world *w, unsigned i)
{
	struct w_node *n = &w->node[i];
	size_t len = n->app_other > 0 && n->data_sent % 2 == 1 ? n->app_other : n->app_len;
	struct kith_writer *wr = kith_outbox_begin(&n->outbox, W_SESSION, NULL, 0, KITH_FRAME_DATAGRAM, len);
	kith_write_zeros(wr, len);
	kith_outbox_end(&n->outbox);
	n->data_sent++;
	w_drain(w, i);
}

static inline void w_run(struct world *w, kith_time_us until)
{
	unsigned same = 0;
	for (;;) {
		kith_time_us at = until;
		int packet = -1, node = -1, app = -1;
		for (unsigned i = 0; i < w->n_packets; i++) {
			const struct w_packet *p = &w->packets[i];
			if (p->at < at || (p->at == at && packet >= 0 && p->order < w->packets[packet].order)) {
				at = p->at;
				packet = (int)i;
			}
		}
		for (int i = 0; i < 2; i++) {
			if (w->node[i].app_every > 0 && w->node[i].app_next < at) {
				at = w->node[i].app_next;
				app = i;
			}
		}
		for (int i = 0; i < 2; i++) {
			if (kith_pathset_deadline(&w->node[i].ps) < at) {
				at = kith_pathset_deadline(&w->node[i].ps);
				node = i;
			}
		}
		same = at <= w->now ? same + 1 : 0;
		assert_true(same < 1000); /* a deadline that never moves on */
		if (at > w->now)
			w->now = at;
		if (node >= 0) {
			kith_pathset_tick(&w->node[node].ps, test_at(&w->node[node].env, w->now));
			w_drain(w, (unsigned)node);
		} else if (app >= 0) {
			struct w_node *n = &w->node[app];
			n->app_next += n->app_every - n->app_every / 20 +
				       (kith_time_us)w_below(w, (uint32_t)n->app_every / 10);
			w_send_data(w, (unsigned)app);
		} else if (packet >= 0) {
			struct w_packet pkt = w->packets[packet];
			w->packets[packet] = w->packets[--w->n_packets];
			w_receive(w, &pkt);
		} else {
			return;
		}
	}
}

/* ---- scenes ---- */

/* A peer session over relay 0, node 0 the initiator, both with candidates; nothing has run yet. */
static inline void w_peers(struct world *w, unsigned flags0, unsigned flags1)
{
	for (unsigned i = 0; i < 2; i++) {
		struct kith_hop hop = w_relay_hop(i, 0);
		unsigned flags = KITH_PATHSET_PEER | KITH_PATHSET_CONSENT | (i == 0 ? KITH_PATHSET_INITIATOR : 0u) |
				 (i == 0 ? flags0 : flags1);
		kith_pathset_init(&w->node[i].ps, w->now, &hop, true, (uint16_t)flags);
	}
}

static inline void w_offer_as(struct world *w, unsigned i, uint8_t kind)
{
	struct w_node *n = &w->node[i];
	struct kith_candidate c = { .at = kith_endpoint_udp(&n->outside), .kind = kind, .transport = W_TRANSPORT };
	struct kith_natclass nat = { .hops = n->nat_hops };
	assert_int_equal(kith_pathset_offer(&n->ps, test_at(&n->env, w->now), &c, 1, &nat), 0);
	w_drain(w, i);
}

static inline void w_offer(struct world *w, unsigned i)
{
	w_offer_as(w, i, KITH_ADDR_OBSERVED);
}

static inline void w_add_relay(struct world *w, unsigned r)
{
	for (unsigned i = 0; i < 2; i++) {
		struct kith_hop hop = w_relay_hop(i, r);
		int err = kith_pathset_add(&w->node[i].ps, test_at(&w->node[i].env, w->now), &hop);
		assert_true(err == 0 || err == KITH_EEXIST);
		w_drain(w, i);
	}
}

static inline void w_talk(struct world *w, unsigned i, kith_time_us every)
{
	w->node[i].app_every = every;
	w->node[i].app_next = w->now + (every > 0 ? (kith_time_us)w_below(w, (uint32_t)every) : 0);
}

/* Gaps are measured from here on. */
static inline void w_watch(struct world *w)
{
	for (unsigned i = 0; i < 2; i++) {
		w->node[i].gap_max = w->node[i].large_gap = 0;
		w->node[i].news = 0;
	}
}

static inline bool w_sends_direct(const struct world *w, unsigned i)
{
	const struct kith_path *p = kith_pathset_sending(&w->node[i].ps);
	return p != NULL && p->hop.tunnel == 0;
}

static inline void w_dump(const struct world *w, unsigned i)
{
	uint32_t it = 0;
	const struct kith_journal_entry *e;
	while ((e = kith_journal_read(kith_pathset_journal(&w->node[i].ps), &it)) != NULL) {
		char line[160];
		print_message("%u %9.3f ms %s\n", i, (double)(e->at - 1000 * S) / 1000.0,
			      kith_journal_describe(e, line, sizeof line));
	}
}

/* Two friends on a call: direct, with a second relay, data both ways every 20 ms. */
static inline struct world *w_call(uint64_t seed, enum w_nat nat)
{
	struct world *w = w_new(seed);
	w->node[0].nat = w->node[1].nat = nat;
	w_peers(w, 0, 0);
	w_offer(w, 1);
	w_offer(w, 0);
	w_run(w, w->now + 400 * MS);
	w_add_relay(w, 1);
	w_talk(w, 0, 20 * MS);
	w_talk(w, 1, 20 * MS);
	w_run(w, w->now + 4 * S);
	return w;
}

static inline unsigned w_count(const struct kith_pathset *ps, enum kith_path_state state)
{
	unsigned n = 0;
	for (unsigned i = 0; i < kith_pathset_count(ps); i++)
		n += kith_pathset_path(ps, i)->state == state;
	return n;
}

static inline struct world *w_leaf_and_home(uint64_t seed)
{
	struct world *w = w_new(seed);
	w->node[0].nat = W_PORT_RESTRICTED;
	for (unsigned i = 0; i < 2; i++) {
		struct kith_hop hop = w_direct_hop(w->node[1 - i].outside);
		unsigned flags = KITH_PATHSET_CONSENT |
				 (i == 0 ? KITH_PATHSET_INITIATOR | KITH_PATHSET_HOME : KITH_PATHSET_ATTACHED);
		kith_pathset_init(&w->node[i].ps, w->now, &hop, true, (uint16_t)flags);
	}
	return w;
}

#endif
