#include "net/link.h"

#include <string.h>

#include "base/assert.h"
#include "net/draw.h"

#define NS_PER_US 1000
#define NS_PER_S 1000000000u

/* One packet's independent draws. */
enum lane { LANE_LOSS, LANE_DUPLICATE, LANE_REORDER, LANE_JITTER, LANE_JITTER_COPY, LANES = 8 };

static uint64_t lane_draw(uint64_t seed, uint64_t link, uint64_t number, enum lane lane)
{
	return kith_draw(seed, link, number * LANES + lane);
}

void kith_access_draw(const struct kith_access_faults *f, uint64_t seed, uint64_t link, uint64_t number,
		      struct kith_access_fate *out)
{
	memset(out, 0, sizeof *out);
	if (f->loss_ppm > 0 && kith_draw_hit(lane_draw(seed, link, number, LANE_LOSS), f->loss_ppm))
		return;
	out->copies = 1;
	if (f->jitter_us > 0)
		out->extra_us[0] = kith_draw_bell(lane_draw(seed, link, number, LANE_JITTER), f->jitter_us);
	if (f->reorder_ppm > 0 && kith_draw_hit(lane_draw(seed, link, number, LANE_REORDER), f->reorder_ppm))
		out->extra_us[0] += f->reorder_delay_us;
	if (f->duplicate_ppm == 0 || !kith_draw_hit(lane_draw(seed, link, number, LANE_DUPLICATE), f->duplicate_ppm))
		return;
	out->copies = 2;
	out->extra_us[1] = f->reorder_delay_us;
	if (f->jitter_us > 0)
		out->extra_us[1] += kith_draw_bell(lane_draw(seed, link, number, LANE_JITTER_COPY), f->jitter_us);
}

bool kith_access_queue_push(struct kith_access_queue *q, uint64_t bytes_per_s, uint32_t queue_bytes, kith_time_us now,
			    uint32_t len, kith_time_us *out)
{
	*out = now;
	if (bytes_per_s == 0)
		return true;
	KITH_ASSERT(now >= 0 && now < INT64_MAX / NS_PER_US / 2);
	int64_t now_ns = now * NS_PER_US;
	int64_t start_ns = q->busy_until_ns > now_ns ? q->busy_until_ns : now_ns;
	if (queue_bytes > 0 && start_ns > now_ns) {
		/* In time, not bytes: a slow link's backlog times its rate would need more than 64 bits. */
		uint64_t room_ns = (uint64_t)queue_bytes * NS_PER_S / bytes_per_s;
		uint64_t need_ns = (uint64_t)(start_ns - now_ns) + (uint64_t)len * NS_PER_S / bytes_per_s;
		if (need_ns > room_ns)
			return false;
	}
	q->busy_until_ns = start_ns + (int64_t)(((uint64_t)len * NS_PER_S + bytes_per_s - 1) / bytes_per_s);
	*out = (q->busy_until_ns + NS_PER_US - 1) / NS_PER_US;
	return true;
}

void kith_access_init(struct kith_access *l, const struct kith_access_options *options)
{
	memset(l, 0, sizeof *l);
	l->options = *options;
}

unsigned kith_access_send(struct kith_access *l, kith_time_us now, uint32_t len, kith_time_us at[KITH_LINK_COPIES_MAX])
{
	const struct kith_access_options *o = &l->options;
	uint64_t number = l->packets++;
	if (o->cut) {
		l->cut_drops++;
		return 0;
	}
	kith_time_us sent;
	if (!kith_access_queue_push(&l->queue, o->bytes_per_s, o->queue_bytes, now, len, &sent)) {
		l->queue_drops++;
		return 0;
	}
	struct kith_access_fate fate;
	kith_access_draw(&o->faults, o->seed, o->id, number, &fate);
	for (unsigned i = 0; i < fate.copies; i++)
		at[i] = sent + o->delay_us + fate.extra_us[i];
	l->delivered += fate.copies;
	l->lost += fate.copies == 0;
	l->duplicated += fate.copies > 1;
	return fate.copies;
}
