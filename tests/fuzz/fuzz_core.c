/* A small network of whole cores, put under a script. s0, a supernode, and alice, a leaf, are the victims; s1, a
 * supernode, and bob, whom alice talks to, are the hostile ones: the script writes the frames of their packets, which
 * leave sealed with the keys of their sessions, and the payloads of their handshakes. Besides: packets of anybody from
 * anywhere, packets seen before, time, and alice's application. Whatever happens, no core crashes or stands still,
 * memory, sessions and events stay bounded, each operation of the application ends once, and in the end carol can call
 * alice.
 *
 * Input: one byte for each step, then its arguments. */
#include "fuzz_core_world.h"

#include "session/handshake.h"

enum { TIME_MAX_US = 120 * KITH_US_PER_S, STEPS_MAX = 200 };

static kith_time_us passed_us;

/* ---- the hostile side ---- */

struct way {
	uint8_t from;
	bool peer; /* a session of applications, else the one to that node */
	uint8_t to;
};

static const struct way ways[] = {
	{ FW_S1, false, FW_S0 },    { FW_BOB, false, FW_S0 }, { FW_BOB, true, FW_ALICE },
	{ FW_S1, false, FW_ALICE }, { FW_S2, false, FW_S0 },
};

static struct kith_session *session_of(const struct way *way)
{
	struct kith_core *c = w.s.nodes[way->from].core;
	struct kith_addr to = fw_addr(way->to);
	struct kith_session *s;
	uint32_t it = 0;
	while ((s = kith_table_next(&c->sessions.by_index, &it)) != NULL) {
		if (s->state != KITH_SESSION_OPEN)
			continue;
		bool peer = (s->use & KITH_USE_PEER) != 0;
		if (peer == way->peer && (peer || kith_addr_equal(&kith_session_hop(s)->remote, &to)))
			return s;
	}
	return NULL;
}

/* A tunnel that alice sends through is a number that no script can guess: a relay that speaks of one gets it here. */
static void name_tunnel(const struct way *way, uint8_t *frame, size_t len)
{
	struct kith_core *alice = w.s.nodes[FW_ALICE].core;
	struct kith_addr relay = fw_addr(way->from);
	struct kith_session *s;
	uint32_t it = 0;
	if (way->peer || len < KITH_FRAME_HEADER + KITH_RELAY_LIMITED_BODY ||
	    (frame[0] != KITH_FRAME_RELAY_LIMITED && frame[0] != KITH_FRAME_LEG))
		return;
	while ((s = kith_table_next(&alice->sessions.by_index, &it)) != NULL) {
		for (unsigned i = 0; (s->use & KITH_USE_PEER) && i < kith_pathset_count(&s->paths); i++) {
			const struct kith_hop *hop = &kith_pathset_path(&s->paths, i)->hop;
			struct kith_writer tunnel = kith_writer_of(frame + KITH_FRAME_HEADER, 8);
			if (hop->tunnel == 0 || !kith_addr_equal(&hop->remote, &relay))
				continue;
			kith_write_u64(&tunnel, hop->tunnel);
			return;
		}
	}
}

/* Frames of the script in a genuine session. */
static void frames(struct kith_reader *r)
{
	uint8_t packet[KITH_UDP_PAYLOAD + KITH_TUNNEL_HEADER] = { 0 }, how = kith_read_u8(r);
	const struct way *way = &ways[how % (sizeof ways / sizeof ways[0])];
	struct kith_span body = fz_block(r, KITH_FRAMES_MAX);
	struct kith_session *s = session_of(way);
	if (s == NULL)
		return;
	const struct kith_hop hop = *kith_session_hop(s);
	uint8_t *p = packet + (hop.tunnel != 0 ? KITH_TUNNEL_HEADER : 0);
	if (body.len > 0)
		memcpy(p + KITH_TRANSPORT_HEADER, body.p, body.len);
	if (how & 0x08)
		name_tunnel(way, p + KITH_TRANSPORT_HEADER, body.len);
	size_t len = kith_session_seal(s, w.pki.suite, kith_pathset_name_on(&s->paths, &hop), p, body.len) +
		     (size_t)(p - packet);
	if (hop.tunnel != 0)
		kith_tunnel_write(packet, hop.tunnel);
	struct kith_addr from = fw_addr(way->from);
	if (how & 0x80) /* it has moved */
		from.port = (uint16_t)(from.port + 100 + (how >> 4 & 7));
	(void)fw_put(&from, &hop.remote, packet, len);
}

/* A first message of bob's with a payload of the script; to somebody whose key he has, or the question for it. */
static void handshake(struct kith_reader *r)
{
	uint8_t how = kith_read_u8(r);
	int to = how & 1 ? FW_ALICE : FW_S0;
	struct kith_core *bob = w.s.nodes[FW_BOB].core;
	struct kith_handshake hs = { .len = 0 };
	struct kith_key identity, dh;
	uint8_t payload[KITH_UDP_PAYLOAD];
	struct kith_writer out = kith_writer_of(payload, sizeof payload);
	uint8_t call_id[16] = { how };
	const uint64_t names[2] = { 1 + how, 2 + how };
	kith_simpki_keys(&w.pki, (uint32_t)to, &identity, &dh);
	if (how & 2) /* the honest beginning */
		kith_hello_write(&out, &bob->self, FW_UNIX_MS + w.s.now / 1000 + how, call_id, names, bob->self.chain);
	kith_write_span(&out, fz_block(r, 600));
	const struct kith_span body = { payload, out.bad ? 0 : kith_writer_len(&out) };
	if (how & 4)
		kith_handshake_ask(&hs, &bob->self, 0x10000u + how);
	else if (kith_handshake_start(&hs, &bob->self, dh.b, 0x10000u + how, body, KITH_UDP_PAYLOAD) != 0)
		return;
	struct kith_addr from = fw_addr(FW_BOB), addr = fw_addr(to);
	from.port = (uint16_t)(from.port + (how >> 4));
	(void)fw_put(&from, &addr, hs.packet, hs.len);
}

static struct kith_addr source(uint8_t byte)
{
	struct kith_addr a = fw_addr(byte % FW_NODES);
	if (byte & 0x40) {
		a.ip[0] = 100;
		a.ip[1] = byte;
	}
	return a;
}

static void raw(struct kith_reader *r)
{
	uint8_t from = kith_read_u8(r), how = kith_read_u8(r);
	struct kith_addr src = source(from), to = fw_addr(how & 1 ? FW_ALICE : FW_S0);
	struct kith_span body = fz_block(r, 1400);
	struct fw_packet *p = fw_put(&src, &to, body.p, body.len);
	if (p != NULL && (how & 2))
		p->segment_len = (uint16_t)(1 + how * 3u);
}

/* One of the last packets again, whole or with a byte changed, from there or from elsewhere. */
static void again(struct kith_reader *r)
{
	uint8_t which = kith_read_u8(r), from = kith_read_u8(r);
	uint16_t at = kith_read_u16(r);
	uint8_t flip = kith_read_u8(r);
	struct fw_packet p = w.seen[which % FW_SEEN];
	if (w.s.seen_n < FW_SEEN || p.len == 0)
		return;
	p.data[KITH_PACKET_HEADROOM + at % p.len] ^= flip;
	struct kith_addr src = from & 0x80 ? source(from) : p.from;
	if (fw_node_at(&p.to) == FW_CAROL)
		return; /* who is to call in the end is left alone */
	(void)fw_put(&src, &p.to, p.data + KITH_PACKET_HEADROOM, p.len);
}

/* ---- alice's application ---- */

/* op is read after the call that sets it: an argument of that same call must not be passed by value beside it. */
static void begun(int err, const kith_op *op)
{
	if (err == 0 && *op < FW_OPS) {
		KITH_ASSERT(*op != 0 && w.s.op_state[*op] == 0);
		w.s.op_state[*op] = 1;
	}
}

static void streams(struct kith_core *c, struct kith_now now, uint8_t what, kith_session_id session)
{
	static uint8_t bytes[5000];
	struct fw_node *n = &w.s.nodes[FW_ALICE];
	uint64_t id;
	bool fin;
	switch (what) {
	case 0:
		if (kith_core_stream_open(c, now, session, 2, &id) == 0)
			n->stream = id;
		break;
	case 1: {
		int got = kith_core_stream_write(c, now, session, n->stream, bytes, sizeof bytes, (w.s.seq & 7) == 0);
		KITH_ASSERT(got <= (int)sizeof bytes);
		break;
	}
	case 2: {
		int got = kith_core_stream_read(c, now, session, n->stream, bytes, sizeof bytes, &fin);
		KITH_ASSERT(got <= (int)sizeof bytes);
		break;
	}
	case 3:
		(void)kith_core_stream_reset(c, now, session, n->stream, 3);
		break;
	default:
		(void)kith_core_stream_stop(c, now, session, n->stream, 3);
		break;
	}
}

static int pin_bob(struct kith_core *c, struct kith_now now, uint8_t flags)
{
	struct kith_key identity, dh;
	kith_simpki_keys(&w.pki, FW_BOB, &identity, &dh);
	return kith_core_pin(c, now, "bob", &identity, flags, true);
}

static void explain(struct kith_core *c, struct kith_now now, kith_session_id session)
{
	char text[4096];
	size_t len = kith_core_explain(c, now, session, text, sizeof text);
	KITH_ASSERT(len < sizeof text && strlen(text) == len);
	len = kith_core_explain_last(c, now, "bob", text, sizeof text);
	KITH_ASSERT(len < sizeof text && strlen(text) == len);
}

static void application(struct kith_reader *r)
{
	static const char *const names[] = { "bob", "carol", "nobody", "s1", "alice", "Not A Name" };
	uint8_t what = kith_read_u8(r), arg = kith_read_u8(r);
	struct kith_core *c = w.s.nodes[FW_ALICE].core;
	struct kith_now now = fw_clock();
	kith_session_id session = w.s.nodes[FW_ALICE].opened;
	const char *name = names[arg % 6];
	uint8_t bytes[KITH_DATAGRAM_MAX + 1] = { 0 };
	struct kith_addr to = fw_addr(arg % FW_NODES);
	kith_op op = 0;
	int err = 0;
	switch (what % 16) {
	case 0:
		begun(kith_core_call(c, now, name, arg & 0x80 ? "chat" : "voice", fz_step_us(arg), &op), &op);
		break;
	case 1:
		begun(kith_core_lookup(c, now, name, &op), &op);
		break;
	case 2:
		begun(kith_core_challenge(c, now, session, "context", &op), &op);
		break;
	case 3:
		(void)kith_core_cancel(c, now, arg);
		break;
	case 4:
		err = kith_core_watch(c, now, name);
		break;
	case 5:
		(void)kith_core_unwatch(c, now, name);
		break;
	case 6:
		err = kith_core_send(c, now, session, arg, bytes, arg * 5u);
		break;
	case 7:
	case 8:
	case 9:
	case 10:
	case 11:
		streams(c, now, what % 16 - 7, session);
		break;
	case 12:
		(void)kith_core_close(c, now, session, (enum kith_close_reason)(arg % 12));
		break;
	case 13:
		kith_core_send_error(c, now, 0, &to, arg & 0x40 ? KITH_EUNREACHABLE : KITH_EMSGSIZE);
		break;
	case 14:
		err = pin_bob(c, now, arg & 3);
		break;
	default:
		explain(c, now, session);
		break;
	}
	KITH_ASSERT(err <= 0);
	fw_drain(FW_ALICE);
}

/* ---- the script ---- */

static void pass(kith_time_us us)
{
	us = us < TIME_MAX_US - passed_us ? us : TIME_MAX_US - passed_us;
	passed_us += us;
	fw_run(us);
}

static void step(struct kith_reader *r)
{
	switch (kith_read_u8(r) % 8) {
	case 0:
	case 1:
	case 2:
		frames(r);
		break;
	case 3:
		handshake(r);
		break;
	case 4:
		raw(r);
		break;
	case 5:
		again(r);
		break;
	case 6:
		application(r);
		break;
	default:
		pass(fz_step_us(kith_read_u8(r)));
		break;
	}
}

static void check(void)
{
	KITH_ASSERT(w.s.live <= w.saved.live + FW_LIVE_MAX);
	for (int i = 0; i < FW_NODES; i++) {
		struct kith_core_info info;
		kith_core_info(w.s.nodes[i].core, &info);
		KITH_ASSERT(info.sessions <= FW_SESSIONS_MAX);
		KITH_ASSERT(w.s.nodes[i].stats.counter[KITH_STAT_ALLOC_FAILED] == 0);
	}
}

/* What was begun has ended, and somebody who had no part in this gets through. */
static void check_service(void)
{
	fw_run(60 * KITH_US_PER_S);
	for (unsigned i = 0; i < FW_OPS; i++)
		KITH_ASSERT(w.s.op_state[i] != 1);
	bool through = false;
	for (int i = 0; i < 3 && !through; i++)
		through = fw_call(FW_CAROL, "alice", FW_ALICE);
	KITH_ASSERT(through);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct kith_reader r = kith_reader_of(data, size);
	if (!w.made)
		fw_make();
	else
		fw_restore();
	passed_us = 0;
	for (int i = 0; i < STEPS_MAX && kith_reader_left(&r) > 0; i++)
		step(&r);
	fw_run(2 * FW_DELAY_US);
	check();
	if (size % 4 == 0) { /* costs as much as many other inputs */
		check_service();
		check();
	}
	return 0;
}
