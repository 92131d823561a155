/* A live supernode, with a leaf and another supernode that have turned hostile, and strangers.
 *
 * The input is a sequence of steps: a byte that says who does what, two bytes of length, and so many bytes. Bytes
 * become raw packets of a stranger, first messages with the right MAC, frames inside the genuine sessions of the two,
 * requests with a fresh id, packets in tunnels that exist; or time passes. Asked of it: no crash, memory and sessions
 * within bounds whatever is sent, and never more bytes to a stranger than came from there. */
#include "fuzz_node.h"

#include "base/limits.h"
#include "wire/packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SUPER, LEAF, MEMBER, VICTIM };

#define MEMORY_MAX (8u << 20)
enum { STEPS_MAX = 200 };

static const struct kith_addr stranger = { .family = KITH_FAMILY_V4, .port = 999, .ip = { 77, 1, 2, 3 } };

struct letter {
	struct kith_addr from, to;
	uint32_t len;
	uint8_t data[KITH_PACKET_HEADROOM + 1280];
};

static struct letter box[64];
static unsigned letters;
static uint64_t stranger_in, stranger_out, tunnel;
static uint16_t request_id;

/* While the network is honest: every letter is kept to be delivered. */
static void post_honest(struct fn *f, unsigned from, const struct kith_packet *p)
{
	if (letters == 64)
		return;
	struct letter *l = &box[letters++];
	l->from = f->node[from].addr;
	l->to = p->remote;
	l->len = p->len;
	memcpy(l->data + KITH_PACKET_HEADROOM, p->data, p->len);
}

/* Afterwards: only who gets how much is looked at. */
static void post_hostile(struct fn *f, unsigned from, const struct kith_packet *p)
{
	(void)f;
	if (from == SUPER && p->remote.ip[0] == stranger.ip[0])
		stranger_out += p->len;
	struct kith_span inner;
	uint64_t id;
	if (from == SUPER && kith_tunnel_parse(&id, &inner, (struct kith_span){ p->data, p->len }))
		tunnel = id;
}

static void deliver(struct fn *f)
{
	for (unsigned rounds = 0; letters > 0 && rounds < 200; rounds++) {
		struct letter l = box[0];
		memmove(box, box + 1, --letters * sizeof box[0]);
		for (unsigned i = 0; i < FN_NODES; i++) {
			if (f->node[i].core == NULL || !kith_addr_equal(&f->node[i].addr, &l.to))
				continue;
			struct kith_packet p = { .data = l.data + KITH_PACKET_HEADROOM,
						 .len = l.len,
						 .remote = l.from };
			kith_core_input(f->node[i].core, fn_clock(f), &p, 1);
			fn_drain(f, i);
		}
	}
}

static void settle(struct fn *f, kith_time_us until)
{
	while (f->now < until) {
		kith_time_us at = until;
		for (unsigned i = 0; i < FN_NODES; i++) {
			kith_time_us due =
				f->node[i].core != NULL ? kith_core_deadline(f->node[i].core) : KITH_TIME_NEVER;
			at = due < at ? due : at;
		}
		f->now = at > f->now ? at : f->now + 1000;
		for (unsigned i = 0; i < FN_NODES; i++) {
			if (f->node[i].core != NULL)
				fn_tick(f, i);
		}
		deliver(f);
	}
}

static void input(struct fn *f, const struct kith_addr *from, const uint8_t *bytes, size_t len)
{
	uint8_t room[KITH_PACKET_HEADROOM + 2048];
	KITH_ASSERT(len <= 2048);
	memcpy(room + KITH_PACKET_HEADROOM, bytes, len);
	struct kith_packet p = { .data = room + KITH_PACKET_HEADROOM, .len = (uint32_t)len, .remote = *from };
	kith_core_input(f->node[SUPER].core, fn_clock(f), &p, 1);
	fn_drain(f, SUPER);
}

/* Frames in the genuine session that a node has with the supernode, if it is still there. */
static void sealed(struct fn *f, unsigned who, const uint8_t *frames, size_t len)
{
	uint8_t packet[KITH_TRANSPORT_HEADER + KITH_FRAMES_MAX + 16];
	struct kith_core *c = f->node[who].core;
	struct kith_session *s = kith_sessions_of(&c->sessions, f->node[SUPER].id.device_dh.b);
	if (s == NULL || s->state != KITH_SESSION_OPEN)
		return;
	memcpy(packet + KITH_TRANSPORT_HEADER, frames, len);
	input(f, &f->node[who].addr, packet, kith_session_seal(s, c->suite, s->paths.first.name, packet, len));
}

static void from_stranger(struct fn *f, const uint8_t *bytes, size_t len, uint8_t who)
{
	struct kith_addr from = stranger;
	from.ip[1] = who;
	stranger_in += len;
	input(f, &from, bytes, len);
	KITH_ASSERT(stranger_out <= stranger_in);
}

static void hello(struct fn *f, uint8_t what, struct kith_span body)
{
	uint8_t packet[KITH_UDP_PAYLOAD];
	struct kith_mac_keys keys;
	size_t len = body.len + KITH_HS_HEADER + KITH_HS_TRAILER;
	if (len > sizeof packet)
		return;
	kith_hs_write(packet, what & 1 ? KITH_PKT_WHO : KITH_PKT_HELLO, what, 0);
	memcpy(packet + KITH_HS_HEADER, body.p, body.len);
	if (what & 1) {
		kith_who_mac(f->pki.suite, &f->pki.network, packet, len);
	} else {
		kith_mac_keys_derive(&keys, f->pki.suite, f->node[SUPER].id.device_dh.b);
		kith_mac_write(f->pki.suite, &keys, NULL, packet, len);
	}
	from_stranger(f, packet, len, what);
}

/* A genuine first message of a device that is certified; its payload is the input's, or ends in it. */
static void genuine_hello(struct fn *f, uint8_t what, struct kith_span body)
{
	struct kith_handshake hs;
	uint8_t payload[KITH_UDP_PAYLOAD], brief[KITH_CHAIN_MAX];
	const struct kith_self *self = &f->node[VICTIM].core->self;
	struct kith_writer w = kith_writer_of(payload, sizeof payload);
	const uint8_t call_id[16] = { what };
	const uint64_t names[2] = { 1, 2 };
	if (what & 1)
		kith_hello_write(&w, self, FN_UNIX_MS + f->now / 1000 + what, call_id, names,
				 what & 2 ? self->chain : kith_chain_brief(self->chain, brief));
	kith_write_span(&w, body);
	memset(&hs, 0, sizeof hs);
	if (!w.bad && kith_handshake_start(&hs, self, f->node[SUPER].id.device_dh.b, 5,
					   (struct kith_span){ payload, kith_writer_len(&w) }, KITH_UDP_PAYLOAD) == 0)
		from_stranger(f, hs.packet, hs.len, 9);
}

static void request(struct fn *f, unsigned who, struct kith_span body)
{
	uint8_t frame[KITH_FRAMES_MAX];
	struct kith_writer w = kith_writer_of(frame, sizeof frame);
	uint8_t *mark = kith_frame_begin(&w, KITH_FRAME_REQUEST);
	kith_write_u16(&w, ++request_id);
	kith_write_span(&w, body); /* kind, then its body */
	kith_frame_end(&w, mark);
	if (!w.bad)
		sealed(f, who, frame, kith_writer_len(&w));
}

static void step(struct fn *f, uint8_t what, struct kith_span body)
{
	uint8_t packet[2048];
	switch (what % 10) {
	case 0:
		from_stranger(f, body.p, body.len, what);
		break;
	case 1:
		hello(f, what / 10, body);
		break;
	case 2:
	case 3:
		if (body.len <= KITH_FRAMES_MAX)
			sealed(f, what % 10 == 2 ? LEAF : MEMBER, body.p, body.len);
		break;
	case 4:
	case 5:
		request(f, what % 10 == 4 ? LEAF : MEMBER, body);
		break;
	case 6:
		f->now += (kith_time_us)body.len * 50000;
		fn_tick(f, SUPER);
		break;
	case 7:
		input(f, &f->node[LEAF].addr, body.p, body.len);
		break;
	case 8:
		kith_tunnel_write(packet, tunnel + (what / 10 & 1));
		memcpy(packet + KITH_TUNNEL_HEADER, body.p, body.len);
		input(f, &f->node[LEAF].addr, packet, KITH_TUNNEL_HEADER + body.len);
		break;
	case 9:
		genuine_hello(f, what / 10, body);
		break;
	default:
		break;
	}
	const struct kith_core *c = f->node[SUPER].core;
	KITH_ASSERT(c->sessions.by_index.n <= 8 + STEPS_MAX && c->deciding <= KITH_INCOMING_MAX);
	KITH_ASSERT(f->live <= MEMORY_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fn f;
	if (size > 20000)
		return 0;
	letters = 0;
	stranger_in = stranger_out = 0;
	tunnel = 1;
	request_id = 1000;
	fn_init(&f);
	f.post = post_honest;
	fn_start(&f, SUPER, true, (struct kith_span){ NULL, 0 });
	fn_start(&f, LEAF, false, (struct kith_span){ NULL, 0 });
	fn_start(&f, MEMBER, true, (struct kith_span){ NULL, 0 });
	fn_start(&f, VICTIM, false, (struct kith_span){ NULL, 0 });
	settle(&f, 3 * KITH_US_PER_S);
	KITH_ASSERT(f.node[SUPER].core->super->leaves == 2);
	f.post = post_hostile;
	unsigned steps = 0;
	for (size_t at = 0; at + 3 <= size && steps < STEPS_MAX; steps++) {
		uint8_t what = data[at];
		size_t len = (size_t)(data[at + 1] << 8 | data[at + 2]) % 1300;
		at += 3;
		len = size - at < len ? size - at : len;
		step(&f, what, (struct kith_span){ data + at, len });
		at += len;
	}
	fn_deinit(&f);
	return 0;
}
