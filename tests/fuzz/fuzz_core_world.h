/* Three supernodes and three leaves in virtual time, made once and put back to the same state before each input.
 *
 * Everything that the cores hold lies in one arena, so that putting it back is copying it; what ASan knows of the arena
 * is copied along. Between blocks, and in freed ones, the arena is poisoned; after the world is made nothing freed is
 * used again unless memory runs short.
 */
#ifndef KITH_FUZZ_CORE_WORLD_H
#define KITH_FUZZ_CORE_WORLD_H

#include "fuzz_support.h"

#include <sys/mman.h>

#include <kith/core.h>

#include "link/state.h"
#include "sim/simpki.h"
#include "sim/suite_sim.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FW_ASAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define FW_ASAN 1
#endif
#ifdef FW_ASAN
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#endif

#define FW_ARENA ((size_t)64 << 20)
#define FW_UNIX_MS INT64_C(1800000000000)
#define FW_GAP 16 /* poisoned, behind each block */
#define FW_CLASSES 1024 /* of 16 bytes: larger blocks are not used again */

enum { FW_S0, FW_S1, FW_S2, FW_ALICE, FW_BOB, FW_CAROL, FW_NODES, FW_PACKETS = 768, FW_SEEN = 16, FW_OPS = 512 };

enum { FW_SESSIONS_MAX = 64, FW_EVENTS_MAX = 1024, FW_DELAY_US = 20000, FW_LIVE_MAX = 16 << 20 };

struct fw_packet {
	kith_time_us at;
	uint64_t seq;
	struct kith_addr from, to;
	uint16_t len, segment_len;
	uint8_t data[KITH_PACKET_HEADROOM + 1400];
};

struct fw_node {
	struct kith_core *core;
	struct kith_stats stats;
	kith_session_id opened, closed; /* the last of each */
	uint64_t stream; /* the last that was opened to it */
	unsigned datagrams;
};

/* Everything that changes, but for the packets in flight. */
struct fw_state {
	size_t top, live;
	void *free_list[FW_CLASSES];
	struct fz_random random;
	struct kith_shared *shared;
	struct fw_node nodes[FW_NODES];
	kith_time_us now;
	uint64_t seq;
	int packets_n;
	unsigned seen_n;
	uint8_t op_state[FW_OPS]; /* operations of alice, by id: 1 under way, 2 done */
};

struct fw_world {
	uint8_t *arena, *arena_saved;
	void *shadow_saved;
	struct kith_alloc alloc;
	struct kith_simpki pki;
	bool made;
	struct fw_state s, saved;
	struct fw_packet packets[FW_PACKETS], packets_saved[FW_PACKETS], seen[FW_SEEN];
	void (*tap)(const struct fw_packet *p); /* sees every packet; for whoever collects a corpus */
};

static struct fw_world w;

/* ---- the arena ---- */

static inline size_t fw_class(size_t len)
{
	return (len + 15) / 16;
}

static inline void *fw_take(size_t len)
{
	size_t c = fw_class(len);
	bool again = !w.made || w.s.top > FW_ARENA / 2;
	void *p = again && c < FW_CLASSES ? w.s.free_list[c] : NULL;
	if (p != NULL) {
		ASAN_UNPOISON_MEMORY_REGION(p, 16 * c);
		memcpy(&w.s.free_list[c], p, sizeof(void *));
		ASAN_POISON_MEMORY_REGION(p, 16 * c);
		ASAN_UNPOISON_MEMORY_REGION(p, len);
		return p;
	}
	if (w.s.top + 16 * c + FW_GAP > FW_ARENA)
		return NULL;
	p = w.arena + w.s.top;
	w.s.top += 16 * c + FW_GAP;
	ASAN_UNPOISON_MEMORY_REGION(p, len);
	return p;
}

static inline void fw_give(void *p, size_t len)
{
	size_t c = fw_class(len);
	if (c < FW_CLASSES) {
		ASAN_UNPOISON_MEMORY_REGION(p, 16);
		memcpy(p, &w.s.free_list[c], sizeof(void *));
		w.s.free_list[c] = p;
	}
	ASAN_POISON_MEMORY_REGION(p, 16 * c);
}

static inline void *fw_realloc(void *ctx, void *p, size_t old_len, size_t new_len)
{
	(void)ctx;
	KITH_ASSERT((p == NULL) == (old_len == 0));
	void *fresh = new_len > 0 ? fw_take(new_len) : NULL;
	if (new_len > 0 && fresh == NULL)
		return NULL;
	if (fresh != NULL && p != NULL)
		memcpy(fresh, p, old_len < new_len ? old_len : new_len);
	if (p != NULL)
		fw_give(p, old_len);
	w.s.live = w.s.live - old_len + new_len;
	return fresh;
}

#ifdef FW_ASAN
/* Plain loads and stores: the library's memcpy would be checked against the shadow's own shadow. */
__attribute__((no_sanitize("address", "undefined", "coverage"))) static inline void fw_shadow(bool restore, size_t len)
{
	size_t scale, offset;
	__asan_get_shadow_mapping(&scale, &offset);
	volatile uint64_t *shadow = (volatile uint64_t *)(((uintptr_t)w.arena >> scale) + offset);
	volatile uint64_t *saved = (volatile uint64_t *)w.shadow_saved;
	size_t words = ((len >> scale) + sizeof *saved - 1) / sizeof *saved;
	for (size_t i = 0; i < words; i++) {
		if (restore)
			shadow[i] = saved[i];
		else
			saved[i] = shadow[i];
	}
}
#else
static inline void fw_shadow(bool restore, size_t len)
{
	(void)restore;
	(void)len;
}
#endif

static inline void fw_save(void)
{
	fw_shadow(false, w.s.top);
	ASAN_UNPOISON_MEMORY_REGION(w.arena, w.s.top);
	memcpy(w.arena_saved, w.arena, w.s.top);
	w.saved = w.s;
	memcpy(w.packets_saved, w.packets, sizeof w.packets);
	fw_shadow(true, w.s.top);
}

static inline void fw_restore(void)
{
	size_t used = w.s.top;
	ASAN_UNPOISON_MEMORY_REGION(w.arena, w.saved.top);
	memcpy(w.arena, w.arena_saved, w.saved.top);
	w.s = w.saved;
	memcpy(w.packets, w.packets_saved, sizeof w.packets[0] * (size_t)w.s.packets_n);
	fw_shadow(true, w.s.top);
	ASAN_POISON_MEMORY_REGION(w.arena + w.s.top, used - w.s.top);
}

/* ---- nodes, packets, time ---- */

static inline struct kith_now fw_clock(void)
{
	return (struct kith_now){ w.s.now, FW_UNIX_MS + w.s.now / 1000, true };
}

static inline struct kith_addr fw_addr(int i)
{
	struct kith_addr a = { .family = KITH_FAMILY_V4, .port = (uint16_t)(4000 + i) };
	a.ip[0] = (uint8_t)(20 + i);
	a.ip[1] = (uint8_t)(i * 7 + 1);
	a.ip[3] = 4;
	return a;
}

static inline struct fw_packet *fw_put(const struct kith_addr *from, const struct kith_addr *to, const uint8_t *data,
				       size_t len)
{
	if (w.s.packets_n == FW_PACKETS || len > 1400)
		return NULL; /* the network loses it */
	struct fw_packet *p = &w.packets[w.s.packets_n++];
	*p = (struct fw_packet){
		.at = w.s.now + FW_DELAY_US, .seq = w.s.seq++, .from = *from, .to = *to, .len = (uint16_t)len
	};
	if (len > 0)
		memcpy(p->data + KITH_PACKET_HEADROOM, data, len);
	return p;
}

/* An operation of alice ends once, and only if it was begun. */
static inline void fw_op_done(int node, kith_op op)
{
	if (node != FW_ALICE || op == 0 || op >= FW_OPS)
		return;
	KITH_ASSERT(w.s.op_state[op] == 1);
	w.s.op_state[op] = 2;
}

static inline void fw_event(int i, const struct kith_event *ev)
{
	struct fw_node *n = &w.s.nodes[i];
	fz_touch(ev->data);
	switch ((unsigned)ev->type) {
	case KITH_EVENT_OPENED:
		n->opened = ev->session;
		fw_op_done(i, ev->op);
		break;
	case KITH_EVENT_OP_DONE:
		fw_op_done(i, ev->op);
		break;
	case KITH_EVENT_CLOSED:
		n->closed = ev->session;
		break;
	case KITH_EVENT_DATAGRAM:
		n->datagrams++;
		break;
	case KITH_EVENT_STREAM:
		if (ev->stream_change == KITH_STREAM_CHANGE_OPENED)
			n->stream = ev->stream;
		break;
	default:
		break;
	}
}

static inline void fw_send(int i)
{
	const struct kith_addr from = fw_addr(i);
	struct kith_packet out[64];
	size_t n;
	while ((n = kith_core_poll(w.s.nodes[i].core, fw_clock(), out, 64)) > 0) {
		for (size_t k = 0; k < n; k++) {
			fz_touch((struct kith_span){ out[k].data, out[k].len });
			(void)fw_put(&from, &out[k].remote, out[k].data, out[k].len);
		}
	}
}

static inline void fw_drain(int i)
{
	struct kith_core *core = w.s.nodes[i].core;
	struct kith_session_info info;
	struct kith_effect effect;
	struct kith_event ev;
	kith_session_id incoming;
	KITH_ASSERT(w.s.shared->events_n < FW_EVENTS_MAX); /* else the next would have been lost */
	do {
		incoming = 0;
		while (incoming == 0 && kith_core_event(core, &ev)) {
			fw_event(i, &ev);
			incoming = ev.type == KITH_EVENT_INCOMING ? ev.session : 0;
		}
		fw_send(i);
		while (kith_core_effect(core, &effect))
			kith_core_complete(core, fw_clock(), effect.id, 0, NULL);
		if (incoming != 0) {
			int err = kith_core_session_info(core, incoming, &info);
			KITH_ASSERT(err != 0 || info.name[0] != '\0');
			err = kith_core_accept(core, fw_clock(), incoming);
			KITH_ASSERT(err <= 0);
		}
	} while (incoming != 0 || w.s.shared->events_n > 0);
	fw_send(i);
}

static inline int fw_node_at(const struct kith_addr *addr)
{
	for (int i = 0; i < FW_NODES; i++) {
		struct kith_addr own = fw_addr(i);
		if (w.s.nodes[i].core != NULL && kith_addr_equal(&own, addr))
			return i;
	}
	return -1;
}

static inline void fw_deliver(int k)
{
	struct fw_packet *p = &w.seen[w.s.seen_n++ % FW_SEEN];
	*p = w.packets[k];
	w.packets[k] = w.packets[--w.s.packets_n];
	int i = fw_node_at(&p->to);
	if (w.tap != NULL)
		w.tap(p);
	if (i < 0)
		return;
	/* A block of just its length, so that a read past its end is seen. */
	uint8_t *exact = malloc(KITH_PACKET_HEADROOM + (size_t)p->len);
	KITH_ASSERT(exact != NULL);
	memcpy(exact, p->data, KITH_PACKET_HEADROOM + (size_t)p->len);
	struct kith_packet in = { .data = exact + KITH_PACKET_HEADROOM, .len = p->len, .segment_len = p->segment_len };
	in.remote = p->from;
	in.local = p->to;
	kith_core_input(w.s.nodes[i].core, fw_clock(), &in, 1);
	fw_drain(i);
	free(exact);
}

static inline void fw_run(kith_time_us us)
{
	kith_time_us end = w.s.now + us;
	for (unsigned same = 0;;) {
		kith_time_us at = KITH_TIME_NEVER;
		int packet = -1, node = -1;
		for (int i = 0; i < w.s.packets_n; i++) {
			const struct fw_packet *p = &w.packets[i];
			if (p->at < at || (p->at == at && p->seq < w.packets[packet].seq)) {
				at = p->at;
				packet = i;
			}
		}
		for (int i = 0; i < FW_NODES; i++) {
			kith_time_us due =
				w.s.nodes[i].core != NULL ? kith_core_deadline(w.s.nodes[i].core) : KITH_TIME_NEVER;
			if (due < at) {
				at = due;
				node = i;
			}
		}
		if (at > end)
			break;
		same = at <= w.s.now && node >= 0 ? same + 1 : 0;
		KITH_ASSERT(same < 20000); /* a deadline that does not move on */
		w.s.now = at > w.s.now ? at : w.s.now;
		if (node >= 0) {
			kith_core_tick(w.s.nodes[node].core, fw_clock());
			fw_drain(node);
		} else {
			fw_deliver(packet);
		}
	}
	w.s.now = end;
}

/* ---- making it ---- */

static inline void fw_start(int i, const char *name)
{
	bool super = i <= FW_S2;
	struct kith_simcredentials id;
	struct kith_core_options o;
	struct kith_bootstrap bootstrap[3];
	kith_simpki_issue(&w.pki, (uint32_t)i, name, super, &id);
	kith_core_options_init(&o);
	o.role = super ? KITH_ROLE_SUPERNODE : KITH_ROLE_LEAF;
	o.alloc = &w.alloc;
	o.random = &w.s.random.random;
	o.suite = w.pki.suite;
	o.shared = w.s.shared;
	o.stats = &w.s.nodes[i].stats;
	o.root = &w.pki.root.pk;
	o.device = id.device;
	o.chain = (struct kith_span){ id.chain, id.chain_len };
	o.devices = (struct kith_span){ id.devices, id.devices_len };
	o.sessions_max = FW_SESSIONS_MAX;
	for (int k = 0; k < 3; k++) {
		struct kith_key identity;
		bootstrap[k] =
			(struct kith_bootstrap){ .at = { fw_addr(k), KITH_TRANSPORT_UDP, 0 }, .has_key = k != 0 };
		kith_simpki_keys(&w.pki, (uint32_t)k, &identity, &bootstrap[k].key);
	}
	o.bootstrap = bootstrap;
	o.bootstrap_n = 3;
	struct kith_addr own = fw_addr(i);
	o.endpoints[0] = kith_endpoint_udp(&own);
	o.endpoints_n = super ? 1 : 0;
	int err = kith_core_new(&w.s.nodes[i].core, &o, fw_clock());
	KITH_ASSERT(err == 0);
	fw_drain(i);
	struct kith_transport t = { .kind = KITH_TRANSPORT_UDP, .up = true, .family = KITH_FAMILY_V4, .locals_n = 1 };
	t.locals[0] = (struct kith_local){ fw_addr(i), KITH_ADDR_HOST, 24 };
	kith_core_transport(w.s.nodes[i].core, fw_clock(), &t);
	fw_drain(i);
	err = kith_core_serve(w.s.nodes[i].core, "chat");
	KITH_ASSERT(err == 0);
}

/* True when `from` got through to `to`, and a datagram after that. */
static inline bool fw_call(int from, const char *name, int to)
{
	struct fw_node *a = &w.s.nodes[from], *b = &w.s.nodes[to];
	const uint8_t hello[] = "hello";
	kith_op op;
	a->opened = 0;
	if (kith_core_call(a->core, fw_clock(), name, "chat", 0, &op) != 0)
		return false;
	fw_drain(from);
	for (int i = 0; i < 32 && a->opened == 0; i++)
		fw_run(KITH_US_PER_S);
	if (a->opened == 0)
		return false;
	for (int i = 0; i < 5; i++) {
		unsigned before = b->datagrams;
		int err = kith_core_send(a->core, fw_clock(), a->opened, 1, hello, sizeof hello);
		fw_drain(from);
		fw_run(KITH_US_PER_S);
		if (err == 0 && b->datagrams > before)
			return true;
	}
	return false;
}

static inline void fw_make(void)
{
	static const char *const names[FW_NODES] = { "s0", "s1", "s2", "alice", "bob", "carol" };
	struct kith_shared_options o;
	void *m[3];
	for (int i = 0; i < 3; i++) {
		m[i] = mmap(NULL, FW_ARENA, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		KITH_ASSERT(m[i] != MAP_FAILED);
	}
	w.arena = m[0];
	w.arena_saved = m[1];
	w.shadow_saved = m[2];
	ASAN_POISON_MEMORY_REGION(w.arena, FW_ARENA);
	w.alloc = (struct kith_alloc){ fw_realloc, NULL };
	fz_random_init(&w.s.random, 1);
	kith_simpki_init(&w.pki, kith_suite_sim(), 1, FW_UNIX_MS / 1000);
	kith_shared_options_init(&o);
	o.alloc = &w.alloc;
	o.random = &w.s.random.random;
	o.events_max = FW_EVENTS_MAX;
	int err = kith_shared_new(&w.s.shared, &o);
	KITH_ASSERT(err == 0);
	for (int i = 0; i < FW_NODES; i++) {
		fw_start(i, names[i]);
		fw_run((i <= FW_S2 ? 4 : 2) * KITH_US_PER_S);
	}
	fw_run(5 * KITH_US_PER_S);
	bool called = fw_call(FW_BOB, "alice", FW_ALICE);
	KITH_ASSERT(called);
	uint64_t stream;
	err = kith_core_stream_open(w.s.nodes[FW_BOB].core, fw_clock(), w.s.nodes[FW_BOB].opened, 1, &stream);
	KITH_ASSERT(err == 0);
	err = kith_core_stream_write(w.s.nodes[FW_BOB].core, fw_clock(), w.s.nodes[FW_BOB].opened, stream,
				     (const uint8_t *)"hello", 5, false);
	KITH_ASSERT(err == 5);
	fw_drain(FW_BOB);
	fw_run(2 * KITH_US_PER_S);
	w.made = true;
	fw_save();
}

#endif
