/* One path set under a script: the frames and the packets of a peer who may do as he likes, from any hop; time; lack of
 * memory; the calls of the layers above. A relay-only set never names, picks or sends to a direct hop, a hop that has
 * not proven itself is sent no more bytes than came from it, memory stays within its bound and is all given back.
 *
 * Input: flags, memory, then one byte for each step and its arguments. */
#include "fuzz_support.h"
#include "path_env.h"

#include "path/pathset_internal.h"
#include "path/transports.h"
#include "wire/packet.h"

enum {
	HOPS = 16, /* half of them relays */
	SESSION = 7,
	BYTES_MAX = 4096 + KITH_RETAIN_BYTES + sizeof(struct kith_pathset_more) + sizeof(struct kith_flow) +
		    sizeof(struct kith_punch) + sizeof(struct kith_journal)
};

static struct {
	struct fz_alloc alloc, outbox_alloc;
	struct fz_random random;
	struct kith_stats stats;
	struct kith_outbox ob;
	struct kith_path_env env;
	struct kith_pathset ps;
	kith_time_us now;
	uint64_t counter, heard_counter;
	size_t got[HOPS], sent[HOPS]; /* since it became a stranger */
} f;

/* Relays; then addresses public, private, loopback, v6, with a port that is none, and the like. */
static struct kith_hop hop_of(unsigned n)
{
	static const uint8_t ips[HOPS / 2][4] = { { 20, 0, 0, 1 },    { 20, 0, 0, 2 },
						  { 30, 1, 1, 1 },    { 10, 0, 0, 5 },
						  { 127, 0, 0, 1 },   { 224, 0, 0, 251 },
						  { 169, 254, 1, 1 }, { 0 } };
	struct kith_hop hop = { .transport = (uint16_t)(1 + n % 2) };
	hop.remote = (struct kith_addr){ .family = KITH_FAMILY_V4, .port = (uint16_t)(5000 + n) };
	if (n < HOPS / 2) {
		hop.remote.ip[0] = (uint8_t)(60 + n);
		hop.tunnel = 0x1000u + n;
		return hop;
	}
	memcpy(hop.remote.ip, ips[n - HOPS / 2], 4);
	if (n == HOPS - 1) {
		hop.remote.family = KITH_FAMILY_V6;
		hop.remote.ip[0] = 0x20;
		hop.remote.ip[15] = 1;
	}
	return hop;
}

static int index_of(const struct kith_hop *hop)
{
	for (unsigned i = 0; i < HOPS; i++) {
		struct kith_hop one = hop_of(i);
		if (kith_hop_equal(&one, hop))
			return (int)i;
	}
	return -1; /* an address that the script named */
}

static bool stranger(const struct kith_hop *hop)
{
	int i = kith_ps_find(&f.ps, hop);
	const struct kith_path *p = i >= 0 ? kith_pathset_path(&f.ps, (unsigned)i) : NULL;
	return p != NULL && p->state == KITH_PATH_CANDIDATE && (p->flags & KITH_PATH_STRANGER) != 0;
}

/* A path that never answered, and is not the one of the handshake: data may not go there. */
static bool unproven(const struct kith_hop *hop)
{
	int i = kith_ps_find(&f.ps, hop);
	const struct kith_path *p = i >= 0 ? kith_pathset_path(&f.ps, (unsigned)i) : NULL;
	return p != NULL && p->state == KITH_PATH_CANDIDATE && (p->flags & KITH_PATH_INITIAL) == 0;
}

static void leaves(const struct kith_hop *hop, size_t len)
{
	KITH_ASSERT((f.ps.flags & KITH_PATHSET_RELAY_ONLY) == 0 || hop->tunnel != 0);
	int i = index_of(hop);
	if (i < 0)
		return;
	f.sent[i] += len;
	KITH_ASSERT(!stranger(hop) || f.sent[i] <= f.got[i]);
}

static void seal(const struct kith_open_packet *open)
{
	static uint8_t bytes[KITH_UDP_PAYLOAD + 64];
	struct kith_hop hops[KITH_PICK_MAX];
	struct kith_reader r = kith_reader_of(open->frames, open->len);
	struct kith_frame frame;
	size_t n = 1, len = KITH_TRANSPORT_HEADER + 16u + open->len;
	KITH_ASSERT(open->session == SESSION);
	while (kith_frame_next(&r, &frame)) /* nothing of a relay-only node's addresses */
		KITH_ASSERT(frame.type != KITH_FRAME_CANDIDATES || (f.ps.flags & KITH_PATHSET_CONSENT) != 0);
	KITH_ASSERT(!r.bad);
	if (open->way != 0) { /* once more: what it is was looked at when it went first */
		KITH_ASSERT(open->pinned && open->counter < f.counter && open->way <= KITH_WAYS_MAX);
		KITH_ASSERT(!unproven(&open->hop));
		return;
	}
	hops[0] = open->hop;
	if (!open->pinned)
		n = kith_pathset_pick(&f.ps, f.now, open->data, hops);
	for (size_t i = 0; i < n && !open->pinned; i++)
		KITH_ASSERT(!unproven(&hops[i]));
	KITH_ASSERT(n <= KITH_PICK_MAX);
	memset(bytes, 0, len);
	memcpy(bytes + KITH_TRANSPORT_HEADER, open->frames, open->len);
	for (size_t i = 0; i < n; i++) {
		leaves(&hops[i], len + (hops[i].tunnel != 0 ? KITH_TUNNEL_HEADER : 0u));
		kith_pathset_sent(&f.ps, test_at(&f.env, f.now), &hops[i], f.counter, open->data,
				  (struct kith_span){ open->frames, open->len });
	}
	f.counter++;
}

static void collect(void)
{
	struct kith_open_packet *open;
	struct kith_packet ready[16];
	size_t n;
	while ((open = kith_outbox_next_open(&f.ob)) != NULL)
		seal(open);
	while ((n = kith_outbox_poll(&f.ob, ready, 16)) > 0) {
		for (size_t i = 0; i < n; i++) {
			struct kith_hop hop = { .remote = ready[i].remote, .transport = ready[i].transport };
			struct kith_span body = { ready[i].data, ready[i].len };
			if (kith_packet_type(body) == KITH_PKT_TUNNEL) {
				bool parsed = kith_tunnel_parse(&hop.tunnel, &body, body);
				KITH_ASSERT(parsed);
			}
			KITH_ASSERT(!unproven(&hop)); /* a repetition of data */
			leaves(&hop, ready[i].len);
		}
	}
	f.ps.news = 0;
}

static void check(void)
{
	collect();
	KITH_ASSERT(kith_pathset_count(&f.ps) <= KITH_PATHS_MAX);
	KITH_ASSERT((f.ps.more != NULL || f.alloc.live_bytes == 0) && f.alloc.live_bytes <= BYTES_MAX);
	for (unsigned i = 0; i < kith_pathset_count(&f.ps); i++) {
		const struct kith_path *p = kith_pathset_path(&f.ps, i);
		KITH_ASSERT(p->state != KITH_PATH_NONE && kith_ps_find(&f.ps, &p->hop) == (int)i);
		KITH_ASSERT((f.ps.flags & KITH_PATHSET_RELAY_ONLY) == 0 || p->hop.tunnel != 0);
	}
	for (unsigned i = 0; i < HOPS; i++) {
		struct kith_hop hop = hop_of(i);
		if (!stranger(&hop))
			f.got[i] = f.sent[i] = 0;
	}
}

static void pass(kith_time_us us)
{
	kith_time_us end = f.now + us;
	unsigned same = 0;
	while (kith_pathset_deadline(&f.ps) <= end) {
		kith_time_us at = kith_pathset_deadline(&f.ps);
		same = at <= f.now ? same + 1 : 0;
		KITH_ASSERT(same < 100); /* a deadline that does not move on */
		f.now = at > f.now ? at : f.now;
		kith_pathset_tick(&f.ps, test_at(&f.env, f.now));
		check();
	}
	f.now = end;
}

/* A packet with one or more frames, from one hop. */
static void hear(struct kith_reader *r)
{
	uint8_t how = kith_read_u8(r), type = kith_read_u8(r);
	struct kith_hop hop = hop_of(how % HOPS);
	bool data = (how & 0x40) != 0;
	struct kith_span body = fz_bytes(r, kith_read_u8(r));
	size_t len =
		KITH_TRANSPORT_HEADER + 16 + KITH_FRAME_HEADER + body.len + (hop.tunnel != 0 ? KITH_TUNNEL_HEADER : 0u);
	f.heard_counter += (how & 0x80) != 0 ? 3 : 1;
	f.got[how % HOPS] += len;
	kith_pathset_heard(&f.ps, test_at(&f.env, f.now), &hop, f.heard_counter, data, len);
	const struct kith_frame frame = { type, body };
	int err = kith_pathset_on_frame(&f.ps, test_at(&f.env, f.now), &hop, &frame);
	KITH_ASSERT(err == 0 || err == KITH_EPROTO || err == KITH_ENOTSUP);
}

/* The answer to the probe that a path waits for: the script cannot know its number. */
static void answer(uint8_t which)
{
	uint8_t body[64];
	unsigned n = kith_pathset_count(&f.ps);
	if (n == 0)
		return;
	const struct kith_path *p = kith_pathset_path(&f.ps, which % n);
	struct kith_hop hop = p->hop;
	struct kith_writer w = kith_writer_of(body, sizeof body);
	kith_write_u64(&w, p->probe.nonce);
	kith_write_u8(&w, (uint8_t)(which & 7));
	if (hop.tunnel == 0) {
		const struct kith_addr self = { .family = KITH_FAMILY_V4, .port = 7000, .ip = { 50, 1, 1, 1 } };
		kith_addr_write(&w, &self);
	}
	int i = index_of(&hop);
	if (i >= 0)
		f.got[i] += 64;
	kith_pathset_heard(&f.ps, test_at(&f.env, f.now), &hop, ++f.heard_counter, false, 64);
	const struct kith_frame frame = { KITH_FRAME_PROBE_ACK, { body, kith_writer_len(&w) } };
	int err = kith_pathset_on_frame(&f.ps, test_at(&f.env, f.now), &hop, &frame);
	KITH_ASSERT(err == 0 || err == KITH_EPROTO);
}

/* Acknowledges what was sent, as an honest peer would. */
static void acknowledge(uint8_t which)
{
	uint8_t body[18] = { 0 };
	struct kith_writer w = kith_writer_of(body, sizeof body);
	struct kith_hop hop = hop_of(which % HOPS);
	kith_write_u8(&w, which >> 4);
	kith_write_u64(&w, f.counter > 0 ? f.counter - 1 : 0);
	kith_write_u32(&w, (uint32_t)f.counter);
	kith_write_u32(&w, 100);
	kith_write_u8(&w, 0);
	f.got[which % HOPS] += 60;
	kith_pathset_heard(&f.ps, test_at(&f.env, f.now), &hop, ++f.heard_counter, false, 60);
	const struct kith_frame frame = { KITH_FRAME_PATH_ACK, { body, sizeof body } };
	int err = kith_pathset_on_frame(&f.ps, test_at(&f.env, f.now), &hop, &frame);
	KITH_ASSERT(err == 0 || err == KITH_EPROTO);
}

static void data(uint8_t n)
{
	for (unsigned i = 0; i <= n % 8u; i++) {
		size_t len = n >= 128 ? KITH_DATAGRAM_MAX : 100;
		struct kith_writer *w = kith_outbox_begin(&f.ob, SESSION, NULL, 0, KITH_FRAME_DATAGRAM, len);
		kith_write_zeros(w, len);
		kith_outbox_end(&f.ob);
		collect();
		if (n & 64)
			pass(5000);
	}
}

static struct kith_transport_kept sockets[] = {
	{ .id = 1, .kind = KITH_TRANSPORT_UDP, .family = KITH_FAMILY_V4, .up = true },
	{ .id = 2, .kind = KITH_TRANSPORT_UDP, .family = KITH_FAMILY_V6, .up = true },
	{ .id = 3,
	  .kind = KITH_TRANSPORT_TCP,
	  .family = KITH_FAMILY_V4,
	  .purpose = KITH_PURPOSE_OUT,
	  .cost_ms = 30,
	  .up = true },
};
static const struct kith_transports transports = { .at = sockets, .n = 3, .cap = 3 };

static void offer(struct kith_reader *r)
{
	struct kith_candidate list[KITH_CANDIDATES_MAX];
	size_t n = kith_read_u8(r) % (KITH_CANDIDATES_MAX + 1u);
	for (size_t i = 0; i < n; i++) {
		struct kith_hop hop = hop_of(HOPS / 2 + kith_read_u8(r) % (HOPS / 2));
		list[i] = (struct kith_candidate){ .at = { hop.remote, KITH_TRANSPORT_UDP, 0 },
						   .transport = 1,
						   .kind = KITH_ADDR_OBSERVED };
	}
	struct kith_natclass nat = { .hops = kith_read_u8(r) };
	int err = kith_pathset_offer(&f.ps, test_at(&f.env, f.now), list, n, &nat);
	KITH_ASSERT(err == 0 || err == KITH_ENOMEM || err == KITH_EACCES);
}

static void link_event(uint8_t how)
{
	static const int errors[] = { 0, KITH_ECLOSED, KITH_EUNREACHABLE, KITH_EMSGSIZE };
	struct kith_hop hop = hop_of(how % HOPS);
	int error = errors[how >> 6];
	bool all = (how & 0x20) != 0 || error == KITH_ECLOSED; /* only a transport closes */
	kith_pathset_link_event(&f.ps, test_at(&f.env, f.now), hop.transport, all ? NULL : &hop, error);
}

static void step(struct kith_reader *r)
{
	uint8_t op = kith_read_u8(r);
	struct kith_hop hop;
	switch (op % 12) {
	case 0:
	case 1:
		hear(r);
		break;
	case 2:
		answer(kith_read_u8(r));
		break;
	case 3:
		acknowledge(kith_read_u8(r));
		break;
	case 4:
	case 5:
		pass(fz_step_us(kith_read_u8(r)));
		break;
	case 6:
		data(kith_read_u8(r));
		break;
	case 7: {
		hop = hop_of(kith_read_u8(r) % HOPS);
		int err = kith_pathset_add(&f.ps, test_at(&f.env, f.now), &hop);
		KITH_ASSERT(err != 0 || hop.tunnel != 0 || (f.ps.flags & KITH_PATHSET_RELAY_ONLY) == 0);
		break;
	}
	case 8:
		hop = hop_of(kith_read_u8(r) % HOPS);
		kith_pathset_drop(&f.ps, test_at(&f.env, f.now), &hop);
		break;
	case 9:
		offer(r);
		break;
	case 10:
		link_event(kith_read_u8(r));
		break;
	default: {
		uint8_t how = kith_read_u8(r);
		if (how < 32)
			kith_pathset_allow(&f.ps, test_at(&f.env, f.now),
					   how & 1 ? KITH_PATHSET_RELAY_ONLY : KITH_PATHSET_CONSENT);
		else
			kith_pathset_check(&f.ps, test_at(&f.env, f.now));
	}
	}
	check();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct kith_reader r = kith_reader_of(bytes, size);
	uint8_t flags = kith_read_u8(&r), how = kith_read_u8(&r);
	if (f.ob.slots == NULL) {
		fz_alloc_init(&f.outbox_alloc);
		int err = kith_outbox_init(&f.ob, &f.outbox_alloc.alloc, 1024);
		KITH_ASSERT(err == 0);
	}
	fz_alloc_init(&f.alloc);
	f.alloc.fail_after = how < 224 ? -1 : how - 224;
	fz_random_init(&f.random, 1);
	f.now = 1000 * KITH_US_PER_S;
	f.counter = f.heard_counter = 0;
	memset(&f.stats, 0, sizeof f.stats);
	memset(f.got, 0, sizeof f.got);
	memset(f.sent, 0, sizeof f.sent);
	kith_outbox_claim(&f.ob, &f, &f.stats);
	f.env = (struct kith_path_env){ .outbox = &f.ob,
					.random = &f.random.random,
					.alloc = &f.alloc.alloc,
					.stats = &f.stats,
					.session = SESSION,
					.transports = &transports };
	struct kith_hop first = hop_of((flags & KITH_PATHSET_RELAY_ONLY) != 0 ? how % (HOPS / 2) : how % HOPS);
	kith_pathset_init(&f.ps, f.now, &first, (how & 1) != 0, flags & 127);
	for (int i = 0; i < 400 && kith_reader_left(&r) > 0; i++)
		step(&r);
	check();
	kith_pathset_deinit(&f.ps, &f.env);
	KITH_ASSERT(f.alloc.live_bytes == 0 && f.stats.counter[KITH_STAT_OUTBOX_FULL] == 0);
	return 0;
}
