#include "path/detect.h"

#include <kith/err.h>

enum { MARK_SPACING_US = 5000, ALARMS_MAX = 3, FLOW_MEAN_MAX_US = 100000 };

static struct kith_mark *mark(struct kith_flight *f, unsigned i)
{
	return &f->marks[(f->head + i) % KITH_MARKS];
}

void kith_flight_sent(struct kith_flight *f, uint64_t counter, kith_time_us now)
{
	if (f->n < KITH_MARKS && (f->n == 0 || now - mark(f, f->n - 1u)->at >= MARK_SPACING_US)) {
		*mark(f, f->n) = (struct kith_mark){ counter, now };
		f->n++;
	}
	f->last = (struct kith_mark){ counter, now };
}

bool kith_flight_acked(struct kith_flight *f, uint64_t largest, kith_time_us *sent_at)
{
	*sent_at = 0;
	if (f->last.at == 0 || largest > f->last.counter || largest < f->acked)
		return false;
	f->acked = largest + 1;
	while (f->n > 0 && mark(f, 0)->counter <= largest) {
		if (mark(f, 0)->counter == largest)
			*sent_at = mark(f, 0)->at;
		f->head = (uint8_t)((f->head + 1) % KITH_MARKS);
		f->n--;
	}
	if (f->last.counter == largest)
		*sent_at = f->last.at;
	return true;
}

kith_time_us kith_flight_oldest(const struct kith_flight *f)
{
	if (f->n > 0)
		return f->marks[f->head].at;
	return f->last.at != 0 && f->last.counter >= f->acked ? f->last.at : KITH_TIME_NEVER;
}

void kith_flight_forget(struct kith_flight *f, kith_time_us before)
{
	while (f->n > 0 && mark(f, 0)->at <= before) {
		f->acked = mark(f, 0)->counter + 1;
		f->head = (uint8_t)((f->head + 1) % KITH_MARKS);
		f->n--;
	}
	if (f->last.at != 0 && f->last.at <= before && f->last.counter >= f->acked)
		f->acked = f->last.counter + 1;
}

static uint32_t to_u32(kith_time_us us)
{
	return us < UINT32_MAX ? (uint32_t)us : UINT32_MAX;
}

void kith_pace_packet(struct kith_pace *p, kith_time_us now, bool data)
{
	if (data && (p->run == 0 || p->idle || now - p->data_at > KITH_FLOW_GAP_US)) {
		/* An intended pause says nothing about distances, which are kept unless the pause ends the flow. */
		if (p->run == 0 || now - p->data_at > KITH_FLOW_GAP_US) {
			p->mean_us = p->peak_us = 0;
			p->run = 0;
		}
		p->at = now;
	}
	if (p->run > 0 && !p->idle) {
		uint32_t distance = to_u32(now - p->at);
		if (p->mean_us == 0)
			p->mean_us = distance;
		else
			p->mean_us = p->mean_us - p->mean_us / 8 + distance / 8;
		p->peak_us -= p->peak_us / 16;
		if (distance > p->peak_us)
			p->peak_us = distance;
	}
	if (data) {
		p->run = (uint8_t)(p->run < UINT8_MAX ? p->run + 1 : p->run);
		p->data_at = now;
		p->idle = false;
	}
	p->at = now;
	p->alarms = 0;
}

kith_time_us kith_pace_silent_at(const struct kith_pace *p)
{
	if (p->run <= KITH_FLOW_RUN || p->idle || p->mean_us > FLOW_MEAN_MAX_US || p->alarms >= ALARMS_MAX)
		return KITH_TIME_NEVER;
	kith_time_us wait = KITH_SILENCE_FACTOR * (kith_time_us)p->mean_us;
	kith_time_us peak = (kith_time_us)p->peak_us * 3 / 2;
	if (wait < peak)
		wait = peak;
	if (wait < KITH_SILENCE_MIN_US)
		wait = KITH_SILENCE_MIN_US;
	return p->at + (wait << p->alarms) + 1;
}

kith_time_us kith_pace_idle_at(const struct kith_pace *p)
{
	if (p->run < KITH_FLOW_RUN || p->idle)
		return KITH_TIME_NEVER;
	kith_time_us wait = (kith_time_us)p->peak_us * 11 / 10;
	return p->data_at + (wait < KITH_IDLE_MARK_US ? KITH_IDLE_MARK_US : wait);
}

static void budget_roll(struct kith_budget *b, kith_time_us now)
{
	const kith_time_us half = KITH_DUPLICATE_WINDOW_US / 2;
	kith_time_us halves = (now - b->window_at) / half;
	if (halves <= 0)
		return;
	b->sent[1] = halves == 1 ? b->sent[0] : 0;
	b->extra[1] = halves == 1 ? b->extra[0] : 0;
	b->sent[0] = b->extra[0] = 0;
	b->window_at += halves * half;
}

void kith_budget_sent(struct kith_budget *b, kith_time_us now)
{
	budget_roll(b, now);
	b->sent[0]++;
}

static bool is_below(struct kith_budget *b, kith_time_us now, unsigned eighths)
{
	budget_roll(b, now);
	uint64_t sent = (uint64_t)b->sent[0] + b->sent[1], extra = (uint64_t)b->extra[0] + b->extra[1];
	uint64_t all = sent * KITH_DUPLICATE_PERCENT / 100 + KITH_DUPLICATE_BURST;
	return extra < all * eighths / 8;
}

bool kith_budget_is_ample(struct kith_budget *b, kith_time_us now)
{
	return is_below(b, now, 1);
}

bool kith_budget_take(struct kith_budget *b, kith_time_us now, bool sure)
{
	if (!is_below(b, now, sure ? 8 : 4))
		return false;
	b->extra[0]++;
	return true;
}

void kith_ack_packet(struct kith_ack *a, uint64_t counter, kith_time_us now)
{
	if (a->count == 0 || counter > a->largest) {
		a->largest = counter;
		a->largest_at = now;
	}
	if (a->pending == 0)
		a->first_at = now;
	a->count++;
	if (a->pending < UINT16_MAX)
		a->pending++;
}

void kith_path_ack_write(struct kith_writer *w, const struct kith_path_ack_frame *f)
{
	kith_write_u8(w, f->path);
	kith_write_u64(w, f->largest);
	kith_write_u32(w, f->count);
	kith_write_u32(w, f->delay_us);
	kith_write_u8(w, f->flags);
}

int kith_path_ack_read(struct kith_path_ack_frame *out, struct kith_span body)
{
	struct kith_reader r = kith_reader_of_span(body);
	out->path = kith_read_u8(&r);
	out->largest = kith_read_u64(&r);
	out->count = kith_read_u32(&r);
	out->delay_us = kith_read_u32(&r);
	out->flags = kith_read_u8(&r);
	return r.bad ? KITH_EPROTO : 0;
}
