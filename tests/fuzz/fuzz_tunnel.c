/* A forwarding table under a script: tunnels opened, moved, announced and closed, and packets and trains with headers
 * of anybody's making. What is inside a packet is never changed, a packet that is not forwarded is not changed at all,
 * one that is carries the id of the other leg and goes to that leg's address, and an unproven address is sent no more
 * bytes than came from it. */
#include "fuzz_support.h"

#include "relay/fwd.h"
#include "wire/packet.h"

enum { LEGS = 64, TUNNELS_MAX = 12, PER_OWNER = 6, SESSIONS = 8, PACKET_MAX = 1500 };

struct leg {
	uint64_t id, out_id, other;
	uint32_t session;
	bool used;
};

static struct {
	struct fz_alloc alloc;
	struct fz_random random;
	struct kith_fwd fwd;
	struct leg legs[LEGS];
	uint64_t came[SESSIONS], went[SESSIONS]; /* while the session's address is not proven */
	bool proven[SESSIONS];
	uint8_t moved[SESSIONS]; /* its address */
	kith_time_us now;
} f;

static struct kith_addr addr_of(uint32_t session, uint8_t moved)
{
	struct kith_addr a = { .family = KITH_FAMILY_V4, .port = (uint16_t)(4000 + session) };
	a.ip[0] = 20;
	a.ip[1] = moved;
	a.ip[3] = (uint8_t)session;
	return a;
}

static struct kith_fwd_leg_spec spec_of(uint8_t byte)
{
	uint32_t session = byte % SESSIONS;
	struct kith_fwd_leg_spec spec = { .remote = addr_of(session, f.moved[session]), .session = session };
	spec.transport = (uint16_t)(session % 2);
	spec.proven = f.proven[session];
	spec.credit = 0; /* what came before is not credited: the count below begins at the same point */
	spec.out_id = (byte & 0xc0) == 0xc0 ? 0x1234567800u + byte : 0;
	spec.owner.b[0] = (uint8_t)(session / 2);
	return spec;
}

static struct leg *leg_of(uint64_t id)
{
	for (unsigned i = 0; i < LEGS; i++) {
		if (f.legs[i].used && f.legs[i].id == id)
			return &f.legs[i];
	}
	return NULL;
}

static void open_tunnel(struct kith_reader *r)
{
	struct kith_fwd_leg_spec a = spec_of(kith_read_u8(r)), b = spec_of(kith_read_u8(r));
	uint64_t ids[2];
	int err = kith_fwd_open(&f.fwd, f.now, &a, &b, ids);
	KITH_ASSERT(err == 0 || err == KITH_EFULL || err == KITH_ELIMIT || err == KITH_ESTATE || err == KITH_ENOMEM);
	KITH_ASSERT(f.fwd.n <= TUNNELS_MAX);
	if (err != 0)
		return;
	KITH_ASSERT(ids[0] != 0 && ids[1] != 0 && ids[0] != ids[1] && leg_of(ids[0]) == NULL && leg_of(ids[1]) == NULL);
	for (unsigned side = 0, i = 0; side < 2 && i < LEGS; i++) {
		if (f.legs[i].used)
			continue;
		const struct kith_fwd_leg_spec *spec = side == 0 ? &a : &b;
		f.legs[i] = (struct leg){ ids[side], spec->out_id != 0 ? spec->out_id : ids[side], ids[1 - side],
					  spec->session, true };
		side++;
	}
}

/* Ends are told by the numbers that they know their legs by, and several legs may go by one: the two that are told of
 * belong together. */
static void gone(const struct kith_fwd_ends *ends)
{
	struct leg *one = NULL, *other = NULL;
	for (unsigned i = 0; i < LEGS && other == NULL; i++) {
		one = &f.legs[i];
		if (!one->used || one->out_id != ends->id[0] || one->session != ends->session[0])
			continue;
		other = leg_of(one->other);
		if (other != NULL && (other->out_id != ends->id[1] || other->session != ends->session[1]))
			other = NULL;
	}
	KITH_ASSERT(other != NULL);
	one->used = other->used = false;
}

/* The header that the script wants: of a leg, or of nobody's. */
static uint64_t id_of(struct kith_reader *r)
{
	uint8_t which = kith_read_u8(r);
	if (which >= LEGS)
		return kith_read_u64(r);
	for (unsigned i = 0; i < LEGS; i++) {
		const struct leg *leg = &f.legs[(which + i) % LEGS];
		if (leg->used)
			return leg->id;
	}
	return which;
}

static void check_forwarded(const uint8_t *data, const uint8_t *before, size_t len, size_t step, uint64_t id,
			    uint32_t src, const struct kith_fwd_out *out)
{
	const struct leg *in = leg_of(id), *leg = in != NULL ? leg_of(in->other) : NULL;
	KITH_ASSERT(leg != NULL && in->session == src && out->session == src);
	uint8_t header[KITH_TUNNEL_HEADER];
	kith_tunnel_write(header, leg->out_id);
	for (size_t at = 0; at < len; at += step) {
		size_t n = len - at < step ? len - at : step;
		KITH_ASSERT(n > sizeof header && memcmp(data + at, header, sizeof header) == 0);
		KITH_ASSERT(memcmp(data + at + sizeof header, before + at + sizeof header, n - sizeof header) == 0);
	}
	struct kith_addr to = addr_of(leg->session, f.moved[leg->session]);
	KITH_ASSERT(kith_addr_equal(&out->remote, &to));
	f.went[leg->session] += len;
	KITH_ASSERT(f.proven[leg->session] || f.went[leg->session] <= f.came[leg->session]);
}

static void packet(struct kith_reader *r, bool train)
{
	uint8_t data[PACKET_MAX] = { 0 }, before[PACKET_MAX];
	struct kith_fwd_out out;
	uint64_t id = id_of(r);
	uint8_t src = kith_read_u8(r), how = kith_read_u8(r);
	size_t len = kith_read_u16(r) % (PACKET_MAX + 1), step = train ? kith_read_u16(r) % 600u : 0;
	struct kith_addr from = addr_of(src % SESSIONS, f.moved[src % SESSIONS]);
	const struct leg *leg = leg_of(id);
	if (leg != NULL && src < 192) { /* mostly from where it should be */
		src = (uint8_t)leg->session;
		from = addr_of(src, f.moved[src]);
	}
	for (size_t at = 0; at<len; at += step> 0 ? step : len) {
		uint8_t header[KITH_TUNNEL_HEADER];
		kith_tunnel_write(header, at > 0 && (how & 1) ? id ^ how : id);
		memcpy(data + at, header, len - at < sizeof header ? len - at : sizeof header);
	}
	for (unsigned i = 0; i < (how >> 6); i++) /* bytes of the script over it */
		data[kith_read_u16(r) % PACKET_MAX] = kith_read_u8(r);
	memcpy(before, data, sizeof data);
	uint8_t *exact = malloc(len > 0 ? len : 1);
	KITH_ASSERT(exact != NULL);
	memcpy(exact, data, len);
	struct kith_reader header = kith_reader_of(before, len);
	(void)kith_read(&header, 4);
	id = kith_read_u64(&header);
	uint16_t transport = (uint16_t)((how & 2) ? 9 : src % SESSIONS % 2);
	enum kith_fwd_verdict v = kith_fwd_train(&f.fwd, f.now, exact, len, step, &from, transport, &out);
	if (v == KITH_FWD_FORWARD || v >= KITH_FWD_NO_CREDIT) /* it came from there, whatever became of it */
		f.came[src % SESSIONS] += len;
	if (v == KITH_FWD_FORWARD)
		check_forwarded(exact, before, len, step > 0 && step < len ? step : len, id, src % SESSIONS, &out);
	else
		KITH_ASSERT(memcmp(exact, before, len) == 0);
	free(exact);
}

static void rebind(uint8_t byte)
{
	uint32_t session = byte % SESSIONS;
	bool move = (byte & 0x10) != 0, proven = (byte & 0x20) != 0;
	if (move)
		f.moved[session]++;
	struct kith_addr to = addr_of(session, f.moved[session]);
	kith_fwd_rebind(&f.fwd, session, &to, (uint16_t)(session % 2), proven);
	if (proven || move)
		f.proven[session] = proven;
	if (!f.proven[session] && move)
		f.came[session] = f.went[session] = 0;
}

static void expire(void)
{
	struct kith_fwd_ends ends[4];
	size_t n;
	do {
		n = kith_fwd_expire(&f.fwd, f.now, ends, 4);
		for (size_t i = 0; i < n; i++)
			gone(&ends[i]);
	} while (n == 4);
	KITH_ASSERT(kith_fwd_next_deadline(&f.fwd) > f.now);
}

static void step(struct kith_reader *r)
{
	struct kith_fwd_ends ends[4];
	uint8_t op = kith_read_u8(r);
	switch (op % 9) {
	case 0:
		open_tunnel(r);
		break;
	case 1:
	case 2:
		packet(r, false);
		break;
	case 3:
		packet(r, true);
		break;
	case 5:
		rebind(kith_read_u8(r));
		break;
	case 6:
		if (op >= 240) /* seldom: nothing opens afterwards */
			(void)kith_fwd_drain_all(&f.fwd, f.now, ends, op % 2 == 0 ? 1 : 4);
		break;
	case 4:
	case 7: {
		uint32_t session = kith_read_u8(r) % SESSIONS;
		size_t n;
		do {
			n = kith_fwd_close_session(&f.fwd, session, ends, 4);
			for (size_t i = 0; i < n; i++)
				gone(&ends[i]);
		} while (n == 4);
		break;
	}
	default:
		f.now += fz_step_us(kith_read_u8(r));
		expire();
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct kith_fwd_limits limits = { .tunnels_max = TUNNELS_MAX,
						.tunnels_per_owner = PER_OWNER,
						.rate = 100000,
						.burst = 20000,
						.owner_rate = 20000,
						.owner_burst = 6000 };
	const uint64_t seed[2] = { 1, 2 };
	struct kith_reader r = kith_reader_of(data, size);
	memset(&f, 0, sizeof f);
	fz_alloc_init(&f.alloc);
	fz_random_init(&f.random, 1);
	f.now = KITH_US_PER_S;
	uint8_t first = kith_read_u8(&r);
	for (unsigned i = 0; i < SESSIONS; i++)
		f.proven[i] = (first & 1u << i) != 0;
	kith_fwd_init(&f.fwd, &f.alloc.alloc, &f.random.random, &limits, 3, seed);
	for (int i = 0; i < 500 && kith_reader_left(&r) > 0; i++)
		step(&r);
	unsigned legs = 0;
	for (unsigned i = 0; i < LEGS; i++)
		legs += f.legs[i].used;
	KITH_ASSERT(legs == 2 * f.fwd.n);
	kith_fwd_deinit(&f.fwd);
	KITH_ASSERT(f.alloc.live_bytes == 0);
	return 0;
}
