/* What a router says to a node that asks it for mappings, and when. The input are steps: a byte that says what happens
 * (time passes, an answer comes to what was asked last, any datagram comes, UPnP answers, the network changes, the
 * end), and what that needs. However it lies: no mapping has a life or an address that makes no sense, nothing is sent
 * in a flood, and the end comes. */
#include "fuzz_support.h"

#include "host/mapper.h"

enum { SENT_MAX = 4 }; /* in one moment: two mappings, and NAT-PMP's question, which may be begun anew once */
#define HOUR_US (3600 * KITH_US_PER_S)

struct state {
	struct kith_mapper m;
	kith_time_us now;
	uint8_t sent[KITH_PCP_REQUEST_MAX];
	size_t sent_len;
	const uint8_t *p, *end;
};

static uint8_t take(struct state *s)
{
	return s->p < s->end ? *s->p++ : 0;
}

static void check(const struct state *s)
{
	for (unsigned i = 0; i < s->m.ask.n; i++) {
		struct kith_addr outer;
		if (!kith_mapper_mapped(&s->m, i, &outer))
			continue;
		KITH_ASSERT(outer.family == KITH_FAMILY_V4 && outer.port != 0);
		KITH_ASSERT(outer.ip[0] != 0 || outer.ip[1] != 0 || outer.ip[2] != 0 || outer.ip[3] != 0);
		KITH_ASSERT(s->m.rows[i].until <= s->now + KITH_MAPPER_LIFE_MAX_S * KITH_US_PER_S);
	}
}

static void send_due(struct state *s)
{
	uint8_t out[KITH_PCP_REQUEST_MAX];
	size_t len;
	int n = 0;
	while ((len = kith_mapper_next(&s->m, s->now, out)) > 0) {
		KITH_ASSERT(++n <= SENT_MAX && len <= sizeof out);
		memcpy(s->sent, out, len);
		s->sent_len = len;
	}
}

/* An answer to what was asked last, of which so many bytes are other ones. */
static void answer(struct state *s)
{
	uint8_t in[KITH_PCP_REQUEST_MAX];
	size_t len = s->sent_len;
	if (len == 0)
		return;
	memcpy(in, s->sent, len);
	in[1] |= 0x80;
	if (in[0] == 0) { /* NAT-PMP: as long as its answers are */
		const size_t longer = in[1] == 0x80 ? 12 : 16;
		memset(in + 2, 0, longer - 2);
		if (len == 12)
			memcpy(in + 8, s->sent + 4, 8);
		len = longer;
	} else {
		in[58] = 44;
	}
	for (unsigned n = take(s) % 4; n > 0; n--) {
		size_t at = take(s);
		in[at % len] = take(s);
	}
	kith_mapper_take(&s->m, s->now, in, len);
}

static void datagram(struct state *s)
{
	size_t len = take(s), left = (size_t)(s->end - s->p);
	len = len < left ? len : left;
	kith_mapper_take(&s->m, s->now, s->p, len);
	s->p += len;
}

static void upnp(struct state *s)
{
	struct kith_addr outer = { .family = KITH_FAMILY_V4, .ip = { 44, 4, 0, 4 } };
	int i = kith_mapper_upnp(&s->m, s->now);
	if (i < 0)
		return;
	outer.port = take(s);
	kith_mapper_upnp_done(&s->m, s->now, i, &outer);
}

static void step(struct state *s)
{
	const kith_time_us due = kith_mapper_deadline(&s->m);
	switch (take(s) % 8) {
	case 0:
		s->now = due > s->now && due != KITH_TIME_NEVER ? due : s->now;
		break;
	case 1:
		s->now += take(s) * 10 * KITH_US_PER_MS;
		break;
	case 2:
		s->now += take(s) * HOUR_US / 16;
		break;
	case 3:
		answer(s);
		break;
	case 4:
		datagram(s);
		break;
	case 5:
		upnp(s);
		break;
	case 6:
		kith_mapper_deaf(&s->m, s->now);
		break;
	default:
		kith_mapper_again(&s->m, s->now);
		break;
	}
}

/* Whatever the router does: it is over soon. */
static void leave(struct state *s)
{
	kith_time_us began = s->now;
	int i;
	kith_mapper_leave(&s->m, s->now);
	while ((i = kith_mapper_upnp(&s->m, s->now)) >= 0)
		kith_mapper_upnp_done(&s->m, s->now, i, &(struct kith_addr){ 0 });
	while (!kith_mapper_done(&s->m)) {
		send_due(s);
		if (kith_mapper_done(&s->m))
			break;
		KITH_ASSERT(kith_mapper_deadline(&s->m) > s->now); /* it waits, and not for ever */
		s->now = kith_mapper_deadline(&s->m);
		KITH_ASSERT(s->now <= began + KITH_US_PER_S);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct kith_portmap_ask ask = { .gateway = { .family = KITH_FAMILY_V4, .ip = { 192, 168, 1, 1 } },
					.self = { .family = KITH_FAMILY_V4, .ip = { 192, 168, 1, 2 } },
					.ports = { { KITH_PCP_UDP, 4433, { 1 } }, { KITH_PCP_TCP, 443, { 2 } } } };
	struct state s = { .now = HOUR_US, .p = data, .end = data + len };
	if (len == 0 || len > 4096)
		return 0;
	ask.n = 1 + take(&s) % 2;
	kith_mapper_begin(&s.m, s.now, &ask);
	while (s.p < s.end) {
		send_due(&s);
		check(&s);
		step(&s);
	}
	leave(&s);
	return 0;
}
