#include "wire/outbox.h"

#include <kith/err.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/stats.h"
#include "wire/packet.h"

enum {
	/* where frames start in a slot: room for the headers they get when sealed and tunnelled */
	FRAMES_AT = KITH_PACKET_HEADROOM + KITH_TRANSPORT_HEADER,
	READY_PER_SLOT = 2 /* relayed packets need no slot: a batch of them may outnumber the slots */
};

static void give_back(struct kith_outbox *ob)
{
	kith_alloc_free(ob->alloc, ob->slots, (size_t)ob->slots_max * KITH_SLOT_ROOM);
	KITH_FREE_ARRAY(ob->alloc, ob->open, ob->slots_max);
	KITH_FREE_ARRAY(ob->alloc, ob->ready, ob->slots_max * READY_PER_SLOT);
	ob->slots = NULL;
	ob->open = NULL;
	ob->ready = NULL;
	ob->n_slots = ob->ready_max = 0;
}

/* Memory as it comes: what is not used is not touched, and costs no page. */
static void *take(const struct kith_outbox *ob, size_t n, size_t len)
{
	return kith_alloc_resize(ob->alloc, NULL, 0, n * len);
}

bool kith_outbox_wake(struct kith_outbox *ob)
{
	if (ob->n_slots > 0)
		return true;
	ob->slots = take(ob, ob->slots_max, KITH_SLOT_ROOM);
	ob->open = take(ob, ob->slots_max, sizeof *ob->open);
	ob->ready = take(ob, (size_t)ob->slots_max * READY_PER_SLOT, sizeof *ob->ready);
	if (ob->slots == NULL || ob->open == NULL || ob->ready == NULL) {
		give_back(ob);
		return false;
	}
	ob->n_slots = ob->slots_max;
	ob->ready_max = ob->slots_max * READY_PER_SLOT;
	return true;
}

int kith_outbox_init(struct kith_outbox *ob, const struct kith_alloc *alloc, uint32_t slots)
{
	memset(ob, 0, sizeof *ob);
	ob->alloc = alloc;
	ob->slots_max = slots;
	return kith_outbox_wake(ob) ? 0 : KITH_ENOMEM;
}

void kith_outbox_deinit(struct kith_outbox *ob)
{
	give_back(ob);
	memset(ob, 0, sizeof *ob);
}

bool kith_outbox_is_empty(const struct kith_outbox *ob)
{
	return !ob->in_frame && ob->n_open == 0 && ob->n_ready == 0 && ob->used == 0;
}

void kith_outbox_rest(struct kith_outbox *ob)
{
	KITH_ASSERT(kith_outbox_is_empty(ob));
	give_back(ob);
}

void kith_outbox_claim(struct kith_outbox *ob, const void *owner, struct kith_stats *stats)
{
	KITH_ASSERT(!ob->in_frame);
	if (ob->owner != owner)
		KITH_ASSERT(ob->n_open == 0 && ob->n_ready == 0);
	ob->owner = owner;
	ob->stats = stats;
}

void kith_outbox_drop(struct kith_outbox *ob)
{
	KITH_ASSERT(!ob->in_frame);
	ob->n_open = ob->next_open = 0;
	ob->n_ready = ob->next_ready = ob->used = 0;
}

bool kith_outbox_has_room(const struct kith_outbox *ob, uint32_t n)
{
	return ob->n_slots - ob->used >= n && ob->ready_max - ob->n_ready >= n + (ob->n_open - ob->next_open);
}

static uint8_t *take_slot(struct kith_outbox *ob)
{
	if (ob->used == ob->n_slots) {
		kith_stats_add(ob->stats, KITH_STAT_OUTBOX_FULL, 1);
		return NULL;
	}
	return ob->slots + (size_t)ob->used++ * KITH_SLOT_ROOM;
}

static bool same_way(const struct kith_open_packet *p, uint32_t session, const struct kith_hop *hop, uint8_t ttl)
{
	if (p->session != session || p->way != 0 || p->ttl != ttl || p->pinned != (hop != NULL))
		return false;
	return hop == NULL || kith_hop_equal(&p->hop, hop);
}

/* The last open packet, if it may take a frame of need bytes for this session and hop. */
static struct kith_open_packet *fitting(struct kith_outbox *ob, uint32_t session, const struct kith_hop *hop,
					uint8_t ttl, size_t need)
{
	if (ob->n_open == ob->next_open)
		return NULL;
	struct kith_open_packet *p = &ob->open[ob->n_open - 1];
	if (p->frames == NULL || !same_way(p, session, hop, ttl) || p->len + need > KITH_FRAMES_MAX)
		return NULL;
	return p;
}

static struct kith_open_packet *open_packet(struct kith_outbox *ob, uint32_t session, const struct kith_hop *hop,
					    uint8_t ttl)
{
	if (ob->n_open == ob->n_slots) {
		kith_stats_add(ob->stats, KITH_STAT_OUTBOX_FULL, 1);
		return NULL;
	}
	uint8_t *slot = take_slot(ob);
	if (slot == NULL)
		return NULL;
	struct kith_open_packet *p = &ob->open[ob->n_open++];
	memset(p, 0, sizeof *p);
	p->session = session;
	p->ttl = ttl;
	p->frames = slot + FRAMES_AT;
	if (hop != NULL) {
		p->pinned = true;
		p->hop = *hop;
	}
	return p;
}

static bool frame_is_data(enum kith_frame_type type)
{
	/* An answer is repeated when it is asked for again; nothing comes back for it, so silence after it means
	 * nothing. */
	return type == KITH_FRAME_REQUEST || type == KITH_FRAME_DATAGRAM || type == KITH_FRAME_STREAM;
}

struct kith_writer *kith_outbox_begin(struct kith_outbox *ob, uint32_t session, const struct kith_hop *hop, uint8_t ttl,
				      enum kith_frame_type type, size_t body_max)
{
	KITH_ASSERT(!ob->in_frame && body_max + KITH_FRAME_HEADER <= KITH_FRAMES_MAX);
	struct kith_open_packet *p = fitting(ob, session, hop, ttl, body_max + KITH_FRAME_HEADER);
	if (p == NULL)
		p = open_packet(ob, session, hop, ttl);
	if (p != NULL) {
		p->data = p->data || frame_is_data(type);
		ob->writer = kith_writer_of(p->frames + p->len, body_max + KITH_FRAME_HEADER);
	} else {
		ob->writer = kith_writer_of(ob->scratch, body_max + KITH_FRAME_HEADER);
	}
	ob->in_frame = true;
	ob->mark = kith_frame_begin(&ob->writer, type);
	return &ob->writer;
}

void kith_outbox_end(struct kith_outbox *ob)
{
	KITH_ASSERT(ob->in_frame && !ob->writer.bad);
	ob->in_frame = false;
	kith_frame_end(&ob->writer, ob->mark);
	if (ob->writer.start != ob->scratch) {
		struct kith_open_packet *p = &ob->open[ob->n_open - 1];
		p->len = (uint16_t)(p->len + kith_writer_len(&ob->writer));
	}
}

uint8_t *kith_outbox_raw(struct kith_outbox *ob, const struct kith_hop *hop, size_t len)
{
	KITH_ASSERT(len <= 1280);
	uint8_t *slot = ob->n_ready < ob->ready_max ? take_slot(ob) : NULL;
	if (slot == NULL)
		return NULL;
	kith_outbox_ready(ob, hop, 0, slot + KITH_PACKET_HEADROOM, len);
	return slot + KITH_PACKET_HEADROOM;
}

struct kith_open_packet *kith_outbox_next_open(struct kith_outbox *ob)
{
	KITH_ASSERT(!ob->in_frame);
	while (ob->next_open < ob->n_open) {
		struct kith_open_packet *p = &ob->open[ob->next_open++];
		if (p->frames != NULL && p->len > 0)
			return p;
	}
	ob->n_open = ob->next_open = 0;
	return NULL;
}

void kith_outbox_ready(struct kith_outbox *ob, const struct kith_hop *hop, uint8_t ttl, uint8_t *data, size_t len)
{
	if (ob->n_ready == ob->ready_max) {
		kith_stats_add(ob->stats, KITH_STAT_OUTBOX_FULL, 1);
		return;
	}
	if (hop->tunnel != 0) {
		data -= KITH_TUNNEL_HEADER;
		len += KITH_TUNNEL_HEADER;
		kith_tunnel_write(data, hop->tunnel);
	}
	ob->ready[ob->n_ready++] = (struct kith_packet){
		.data = data, .len = (uint32_t)len, .transport = hop->transport, .ttl = ttl, .remote = hop->remote
	};
	kith_stats_add(ob->stats, KITH_STAT_PACKETS_OUT, 1);
	kith_stats_add(ob->stats, KITH_STAT_BYTES_OUT, len);
	ob->own_bytes += len;
}

uint8_t *kith_outbox_room(struct kith_outbox *ob)
{
	uint8_t *slot = take_slot(ob);
	return slot != NULL ? slot + FRAMES_AT : NULL;
}

void kith_outbox_again(struct kith_outbox *ob, uint32_t session, const struct kith_hop *hop, uint64_t counter,
		       uint8_t way, struct kith_span frames)
{
	KITH_ASSERT(!ob->in_frame && way > 0 && frames.len <= KITH_FRAMES_MAX);
	struct kith_open_packet *p = open_packet(ob, session, hop, 0);
	if (p == NULL)
		return;
	memcpy(p->frames, frames.p, frames.len);
	p->len = (uint16_t)frames.len;
	p->counter = counter;
	p->way = way;
}

void kith_outbox_relay(struct kith_outbox *ob, const struct kith_packet *packet)
{
	if (ob->n_ready == ob->ready_max) {
		kith_stats_add(ob->stats, KITH_STAT_OUTBOX_FULL, 1);
		return;
	}
	struct kith_packet *p = &ob->ready[ob->n_ready++];
	*p = *packet;
	if (p->segment_len >= p->len) /* one packet, whatever the host called it */
		p->segment_len = 0;
	uint32_t step = p->segment_len != 0 ? p->segment_len : p->len;
	kith_stats_add(ob->stats, KITH_STAT_RELAYED_PACKETS, step != 0 ? (p->len + step - 1) / step : 1);
	kith_stats_add(ob->stats, KITH_STAT_RELAYED_BYTES, packet->len);
}

size_t kith_outbox_poll(struct kith_outbox *ob, struct kith_packet out[], size_t n)
{
	KITH_ASSERT(ob->n_open == 0 && !ob->in_frame);
	size_t taken = 0;
	while (taken < n && ob->next_ready < ob->n_ready)
		out[taken++] = ob->ready[ob->next_ready++];
	if (ob->next_ready == ob->n_ready && taken == 0) /* the caller has sent the last batch: slots are free again */
		ob->n_ready = ob->next_ready = ob->used = 0;
	return taken;
}
