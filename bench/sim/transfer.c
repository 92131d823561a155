/* What is sent in a call, so that whoever receives it can tell whether it is that: datagrams that name their flow and
 * number and end in a hash, streams whose every byte follows from flow and offset. The marker is in all of it. */
#include "sim/internal.h"

#define DATAGRAM_MIN 48u
#define DATAGRAM_GAP_US (100 * KITH_US_PER_MS)
#define HEAD 8u /* of a stream: flow, length */

enum { TALK_LEN = 160, TALK_LEN_MAX = 1200 };

static void put32(uint8_t *p, uint32_t v)
{
	for (unsigned i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (8 * i));
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint64_t hash_bytes(const uint8_t *p, size_t len)
{
	uint64_t h = len;
	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * UINT64_C(0x100000001b3);
	return kith_draw_hash(h, len, 0);
}

/* ---- datagrams: marker 16, flow 4, number 4, filler, hash 8 ---- */

static size_t datagram_make(const struct kith_sim *sim, uint32_t flow, uint32_t number, size_t least, size_t most,
			    uint8_t *out)
{
	uint64_t d = kith_sim_draw(sim, KITH_SIM_DRAW_PAYLOAD, (uint64_t)flow << 8 | number, 0);
	size_t len = least + kith_draw_below(d, (uint32_t)(most - least + 1));
	memcpy(out, KITH_SIM_MARKER, KITH_SIM_MARKER_LEN);
	put32(out + 16, flow);
	put32(out + 20, number);
	for (size_t i = 24; i < len - 8; i++)
		out[i] = (uint8_t)((d + i * 0x9e3779b9u) >> (i % 32));
	uint64_t h = hash_bytes(out, len - 8);
	put32(out + len - 8, (uint32_t)h);
	put32(out + len - 4, (uint32_t)(h >> 32));
	return len;
}

/* What is said after the counted ones: as much as a voice packet. What is not taken is not said later. */
static void talk(struct kith_sim *sim, struct kith_simnode *n, struct kith_simcall *c)
{
	uint8_t data[TALK_LEN_MAX];
	const struct kith_simworkload *w = &sim->options.workload;
	if (w->talk_gap_us == 0)
		return;
	size_t least = w->talk_bytes > 0 ? w->talk_bytes : DATAGRAM_MIN;
	size_t len = datagram_make(sim, c->flow - 1, c->talk_sent++, least, w->talk_bytes > 0 ? least : TALK_LEN, data);
	int err = kith_core_send(n->core, kith_sim_node_now(sim, n), c->session, KITH_SIM_TALK_CHANNEL, data, len);
	if (err == 0 || err == KITH_EAGAIN)
		c->datagram_at = sim->now + sim->options.workload.talk_gap_us;
}

void kith_sim_transfer_datagrams(struct kith_sim *sim, struct kith_simnode *n, struct kith_simcall *c)
{
	uint8_t data[2048];
	c->datagram_at = KITH_TIME_NEVER;
	if (!c->open || c->closing || c->hushed)
		return;
	if (c->datagrams_sent >= sim->options.workload.datagrams_n) {
		talk(sim, n, c);
		return;
	}
	size_t most = kith_core_datagram_max(n->core, c->session);
	if (most < DATAGRAM_MIN)
		return;
	size_t len = datagram_make(sim, c->flow - 1, c->datagrams_sent, DATAGRAM_MIN,
				   most < sizeof data ? most : sizeof data, data);
	/* Said before it is sent: it may be there at once. */
	sim->flows[c->flow - 1].sent |= UINT64_C(1) << c->datagrams_sent;
	int err = kith_core_send(n->core, kith_sim_node_now(sim, n), c->session, KITH_SIM_CHANNEL, data, len);
	if (err == 0) {
		c->datagrams_sent++;
		sim->counts.datagrams_sent++;
	} else {
		sim->flows[c->flow - 1].sent &= ~(UINT64_C(1) << c->datagrams_sent);
		if (err != KITH_EAGAIN)
			return;
	}
	c->datagram_at = sim->now + DATAGRAM_GAP_US;
}

/* The flow that a session's other side is bound to, or NULL after a violation. */
static struct kith_simflow *flow_of(struct kith_sim *sim, struct kith_simnode *n, struct kith_simcall *c, uint32_t flow,
				    enum kith_siminvariant bad, enum kith_siminvariant astray)
{
	if (flow >= sim->flows_n) {
		kith_sim_violate(sim, bad, n->id, c->peer, "names a flow that does not exist");
		return NULL;
	}
	struct kith_simflow *f = &sim->flows[flow];
	if (f->to != n->id || f->from != c->peer || (c->peer_flow != 0 && c->peer_flow != flow + 1)) {
		kith_sim_violate(sim, astray, n->id, c->peer, "sent by node %u to node %u, in another call", f->from,
				 f->to);
		return NULL;
	}
	c->peer_flow = flow + 1;
	return f;
}

static void first_byte(struct kith_sim *sim, const struct kith_simnode *n, struct kith_simcall *c)
{
	const struct kith_simnode *peer = &sim->nodes[c->peer];
	if (c->first_byte)
		return;
	c->first_byte = true;
	for (uint32_t i = 0; !c->ours && peer->app != NULL && i < peer->app->calls_n; i++) {
		const struct kith_simcall *theirs = peer->app->calls[i];
		if (!theirs->used || !theirs->ours || theirs->peer != n->id || theirs->flow != c->peer_flow)
			continue;
		kith_time_us took = sim->now - theirs->called_at - theirs->answered_us;
		kith_sim_sample(sim, n->id, KITH_SIM_FIRST_BYTE, took);
		kith_sim_silence_first_byte(sim, theirs, took, peer);
	}
}

/* The last 64 are remembered, to see that none comes twice. */
static void talk_got(struct kith_sim *sim, struct kith_simnode *n, struct kith_simcall *c, uint32_t number)
{
	uint32_t ahead = number - c->talk_newest, behind = c->talk_newest - number;
	if (c->talk_got == 0 || (ahead > 0 && ahead < UINT32_MAX / 2)) {
		c->talk_got = (c->talk_got == 0 || ahead >= 64 ? 0 : c->talk_got << ahead) | 1;
		c->talk_newest = number;
	} else if (behind < 64 && (c->talk_got >> behind & 1) != 0) {
		kith_sim_violate(sim, KITH_SIM_DATAGRAM_ONCE, n->id, c->peer, "number %u of a talk came twice", number);
	} else if (behind < 64) {
		c->talk_got |= UINT64_C(1) << behind;
	}
	kith_sim_silence_heard(sim, c);
}

void kith_sim_transfer_got(struct kith_sim *sim, struct kith_simnode *n, struct kith_simcall *c, uint16_t channel,
			   struct kith_span data)
{
	bool whole = data.len >= DATAGRAM_MIN && memcmp(data.p, KITH_SIM_MARKER, KITH_SIM_MARKER_LEN) == 0 &&
		     (channel == KITH_SIM_CHANNEL || channel == KITH_SIM_TALK_CHANNEL);
	if (whole) {
		uint64_t h = hash_bytes(data.p, data.len - 8);
		whole = get32(data.p + data.len - 8) == (uint32_t)h &&
			get32(data.p + data.len - 4) == (uint32_t)(h >> 32);
	}
	if (!whole) {
		kith_sim_violate(sim, KITH_SIM_DATAGRAM_INTACT, n->id, c->peer, "%zu bytes on channel %u do not verify",
				 data.len, channel);
		return;
	}
	uint32_t number = get32(data.p + 20);
	struct kith_simflow *f =
		flow_of(sim, n, c, get32(data.p + 16), KITH_SIM_DATAGRAM_INTACT, KITH_SIM_DATAGRAM_ADDRESSEE);
	if (f == NULL)
		return;
	if (channel == KITH_SIM_TALK_CHANNEL) {
		talk_got(sim, n, c, number);
		return;
	}
	if (number >= 64 || (f->sent >> number & 1) == 0) {
		kith_sim_violate(sim, KITH_SIM_DATAGRAM_INTACT, n->id, c->peer, "number %u was never sent", number);
		return;
	}
	if ((f->got >> number & 1) != 0) {
		kith_sim_violate(sim, KITH_SIM_DATAGRAM_ONCE, n->id, c->peer, "number %u of flow %u came twice", number,
				 c->peer_flow - 1);
		return;
	}
	f->got |= UINT64_C(1) << number;
	sim->counts.datagrams_got++;
	first_byte(sim, n, c);
}

/* ---- streams ---- */

static uint8_t stream_byte(const struct kith_sim *sim, uint32_t flow, uint32_t len, uint32_t offset)
{
	if (offset < 4)
		return (uint8_t)(flow >> (8 * offset));
	if (offset < HEAD)
		return (uint8_t)(len >> (8 * (offset - 4)));
	if (offset % 64 >= 16 && offset % 64 < 16 + KITH_SIM_MARKER_LEN)
		return (uint8_t)KITH_SIM_MARKER[offset % 64 - 16];
	uint64_t word = kith_draw_hash(sim->options.seed, flow, offset / 8);
	return (uint8_t)(word >> (offset % 8 * 8));
}

static void stream_write(struct kith_sim *sim, struct kith_simnode *n, struct kith_simcall *c)
{
	uint8_t data[1024];
	struct kith_simflow *f = &sim->flows[c->flow - 1];
	while (!c->stream_fin && !c->closing) {
		uint32_t len = f->stream_len - f->stream_sent;
		if (len > sizeof data)
			len = sizeof data;
		bool fin = f->stream_sent + len == f->stream_len;
		for (uint32_t i = 0; i < len; i++)
			data[i] = stream_byte(sim, c->flow - 1, f->stream_len, f->stream_sent + i);
		int took = kith_core_stream_write(n->core, kith_sim_node_now(sim, n), c->session, c->stream, data, len,
						  fin);
		if (took < 0)
			return;
		f->stream_sent += (uint32_t)took;
		if ((uint32_t)took < len)
			return;
		c->stream_fin = fin;
	}
}

static void stream_check(struct kith_sim *sim, struct kith_simnode *n, struct kith_simcall *c, const uint8_t *data,
			 size_t len)
{
	struct kith_simflow *f = c->peer_flow != 0 && c->head_n == HEAD ? &sim->flows[c->peer_flow - 1] : NULL;
	for (size_t i = 0; i < len; i++) {
		if (c->head_n < HEAD) {
			c->head[c->head_n++] = data[i];
			if (c->head_n < HEAD)
				continue;
			f = flow_of(sim, n, c, get32(c->head), KITH_SIM_STREAM_EXACT, KITH_SIM_STREAM_EXACT);
			if (f == NULL)
				return;
			f->stream_got = HEAD;
			if (get32(c->head + 4) != f->stream_len || f->stream_begun) {
				kith_sim_violate(sim, KITH_SIM_STREAM_EXACT, n->id, c->peer,
						 "its head says another length");
				return;
			}
			f->stream_begun = true;
			first_byte(sim, n, c);
			continue;
		}
		if (f->stream_got >= f->stream_sent ||
		    data[i] != stream_byte(sim, c->peer_flow - 1, f->stream_len, f->stream_got)) {
			kith_sim_violate(sim, KITH_SIM_STREAM_EXACT, n->id, c->peer, "wrong at byte %u of %u (%u sent)",
					 f->stream_got, f->stream_len, f->stream_sent);
			return;
		}
		f->stream_got++;
		sim->counts.stream_bytes_got++;
	}
}

static void stream_end(struct kith_sim *sim, struct kith_simnode *n, struct kith_simcall *c)
{
	struct kith_simflow *f = c->peer_flow != 0 ? &sim->flows[c->peer_flow - 1] : NULL;
	if (c->stream_in_fin)
		return;
	c->stream_in_fin = true;
	if (f == NULL || f->stream_got != f->stream_len) {
		kith_sim_violate(sim, KITH_SIM_STREAM_EXACT, n->id, c->peer, "ends after %u of %u bytes",
				 f != NULL ? f->stream_got : c->head_n, f != NULL ? f->stream_len : 0);
		return;
	}
	f->stream_done = true;
	sim->counts.streams_got++;
}

static void stream_read(struct kith_sim *sim, struct kith_simnode *n, struct kith_simcall *c, uint64_t stream)
{
	uint8_t data[1500];
	bool fin = false;
	if (kith_sim_mutates(sim, KITH_SIM_MUTATE_STREAM_STALL))
		return;
	while (!fin && !sim->failed) {
		int got = kith_core_stream_read(n->core, kith_sim_node_now(sim, n), c->session, stream, data,
						sizeof data, &fin);
		if (got < 0 || (got == 0 && !fin))
			return;
		size_t len = kith_sim_mutate_stream(sim, data, (size_t)got);
		if (c->has_stream_in && stream == c->stream_in) {
			stream_check(sim, n, c, data, len);
			if (fin && !sim->failed)
				stream_end(sim, n, c);
		} else if (got > 0) {
			kith_sim_violate(sim, KITH_SIM_STREAM_EXACT, n->id, c->peer,
					 "%d bytes on a stream on which nothing was sent", got);
		}
	}
}

/* Our side of a stream that the other one opened has nothing to say. */
static void stream_answer(struct kith_sim *sim, struct kith_simnode *n, struct kith_simcall *c)
{
	int err = kith_core_stream_write(n->core, kith_sim_node_now(sim, n), c->session, c->stream_in, NULL, 0, true);
	if (err < 0 && !c->closing)
		kith_sim_violate(sim, KITH_SIM_STREAM_FINISHES, n->id, c->peer, "an end without bytes is not taken: %s",
				 kith_strerror(err));
}

void kith_sim_transfer_stream(struct kith_sim *sim, struct kith_simnode *n, struct kith_simcall *c,
			      const struct kith_event *e)
{
	bool known = (c->has_stream && e->stream == c->stream) || (c->has_stream_in && e->stream == c->stream_in);
	switch (e->stream_change) {
	case KITH_STREAM_CHANGE_OPENED:
		if (c->has_stream_in || e->channel != KITH_SIM_CHANNEL) {
			kith_sim_violate(sim, KITH_SIM_STREAM_EXACT, n->id, c->peer, "a stream that nobody opened");
			return;
		}
		c->has_stream_in = true;
		c->stream_in = e->stream;
		stream_answer(sim, n, c);
		break;
	case KITH_STREAM_CHANGE_READABLE:
	case KITH_STREAM_CHANGE_FIN:
		if (known)
			stream_read(sim, n, c, e->stream);
		break;
	case KITH_STREAM_CHANGE_WRITABLE:
		if (c->has_stream && e->stream == c->stream)
			stream_write(sim, n, c);
		break;
	case KITH_STREAM_CHANGE_RESET:
	case KITH_STREAM_CHANGE_STOPPED:
		if (!c->closing)
			kith_sim_violate(sim, KITH_SIM_STREAM_EXACT, n->id, c->peer, "reset or stopped by nobody");
		break;
	case KITH_STREAM_CHANGE_CLOSED:
		if (c->has_stream && e->stream == c->stream)
			c->stream_full = e->err == 0;
		break;
	}
}

/* ---- a call ---- */

static bool flow_new(struct kith_sim *sim, const struct kith_simnode *n, struct kith_simcall *c)
{
	if (sim->flows_n == sim->flows_cap) {
		uint32_t cap = sim->flows_cap < 64 ? 64 : sim->flows_cap + sim->flows_cap / 2;
		struct kith_simflow *grown = kith_alloc_resize(&sim->engine.alloc, sim->flows,
							       sim->flows_cap * sizeof *grown, cap * sizeof *grown);
		if (grown == NULL)
			return false;
		sim->flows = grown;
		sim->flows_cap = cap;
	}
	struct kith_simflow *f = &sim->flows[sim->flows_n++];
	memset(f, 0, sizeof *f);
	f->from = n->id;
	f->to = c->peer;
	c->flow = sim->flows_n;
	return true;
}

void kith_sim_transfer_begin(struct kith_sim *sim, struct kith_simnode *n, struct kith_simcall *c)
{
	const uint32_t bytes = sim->options.workload.stream_bytes;
	if (!flow_new(sim, n, c)) {
		kith_sim_out_of_memory(sim);
		return;
	}
	c->datagram_at = sim->now;
	if (bytes == 0)
		return;
	int err = kith_core_stream_open(n->core, kith_sim_node_now(sim, n), c->session, KITH_SIM_CHANNEL, &c->stream);
	/* Its end may already stand in the queue of events behind its opening. */
	if (err == KITH_ENOENT || err == KITH_ESTATE)
		return;
	if (err != 0) {
		kith_sim_violate(sim, KITH_SIM_STREAM_FINISHES, n->id, c->peer, "kith_core_stream_open: %s",
				 kith_strerror(err));
		return;
	}
	c->has_stream = true;
	sim->flows[c->flow - 1].stream_len = bytes < HEAD ? HEAD : bytes;
	sim->counts.streams_sent++;
	stream_write(sim, n, c);
}

bool kith_sim_transfer_over(const struct kith_sim *sim, const struct kith_simcall *c)
{
	if (c->datagrams_sent < sim->options.workload.datagrams_n)
		return false;
	if (!c->has_stream)
		return true;
	const struct kith_simflow *ours = &sim->flows[c->flow - 1];
	return ours->stream_done && c->stream_in_fin;
}
