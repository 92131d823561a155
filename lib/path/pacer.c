#include "path/pacer.h"

enum {
	ROUND_MAX_US = 3000000,
	MARKS_PER_ROUND = 32,
	JUDGED_MIN = 64, /* of fewer packets as many must be lost, or it may be chance */
	QUANTUM_US = 2000, /* a sender is not woken for less */
	SPELL_GAP_US = 1000000, /* a pause of the data: what was sent before it waits for nothing any more */
	COUNT_SLACK = 256, /* packets that a count may be ahead, of those that came late; more is another count */
	WINDOW_MAX = 1 << 26
};

/* Datagrams in a round that TCP gets at so much loss, RFC 5348, 3.1 with b = 1 and t_RTO = 4 R. */
static uint32_t bearable(uint32_t lost, uint32_t settled)
{
	static const uint8_t percent[] = { 4, 6, 9 }; /* for 4, 3, 2 datagrams */
	uint64_t p = (uint64_t)lost * 100;
	for (unsigned i = 0; i < sizeof percent; i++) {
		if (p <= (uint64_t)percent[i] * settled)
			return (4 - i) * KITH_PACE_FLOOR_BYTES;
	}
	return KITH_PACE_FLOOR_BYTES;
}

static uint32_t depth(const struct kith_pacer *p)
{
	if (p->window <= KITH_PACE_INITIAL_BYTES)
		return p->window;
	uint32_t burst = (uint32_t)((uint64_t)p->window * KITH_PACE_ROUND_MIN_US / p->round_us);
	return burst > KITH_PACE_INITIAL_BYTES ? burst : KITH_PACE_INITIAL_BYTES;
}

static void set_window(struct kith_pacer *p, uint32_t window)
{
	p->window = window < KITH_PACE_FLOOR_BYTES ? KITH_PACE_FLOOR_BYTES : window > WINDOW_MAX ? WINDOW_MAX : window;
	if (p->tokens > depth(p))
		p->tokens = depth(p);
}

/* Fills the bucket up to now; fractions of a byte stay in the time. */
static void fill(struct kith_pacer *p, kith_time_us now)
{
	uint32_t room = depth(p) - p->tokens;
	uint64_t us = (uint64_t)(now - p->filled_at);
	uint64_t bytes = us >= ROUND_MAX_US ? room : us * p->window / p->round_us;
	if (bytes >= room) {
		p->tokens += room;
		p->filled_at = now;
	} else {
		p->tokens += (uint32_t)bytes;
		p->filled_at += (kith_time_us)(bytes * p->round_us / p->window);
	}
}

static bool stopped(const struct kith_pacer *p)
{
	kith_time_us sign = p->alive_at > p->waits_since ? p->alive_at : p->waits_since;
	return p->waits_since != 0 && p->last.at - sign >= KITH_PACE_STOP_US;
}

static void break_circuit(struct kith_pacer *p)
{
	if (p->cut || p->waits_since == 0 || p->last.at - p->waits_since < KITH_PACE_CUT_US)
		return;
	p->cut = true;
	p->threshold = p->window / 2;
	set_window(p, 0);
}

void kith_pacer_begin(struct kith_pacer *p, kith_time_us now, uint32_t srtt_us)
{
	uint32_t round_us = srtt_us != 0 ? srtt_us : (uint32_t)KITH_PATH_PERIOD_DEFAULT_US;
	round_us = round_us < KITH_PACE_ROUND_MIN_US ? (uint32_t)KITH_PACE_ROUND_MIN_US : round_us;
	round_us = round_us > ROUND_MAX_US ? ROUND_MAX_US : round_us;
	if (!p->begun) {
		p->begun = true;
		p->window = p->tokens = KITH_PACE_INITIAL_BYTES;
		p->threshold = WINDOW_MAX;
		p->filled_at = p->round_at = now;
		p->round_us = round_us;
	}
	fill(p, now);
	p->round_us = round_us;
	set_window(p, p->window); /* the depth follows the round */
	break_circuit(p);
}

bool kith_pacer_take(struct kith_pacer *p, kith_time_us now, uint32_t bytes)
{
	fill(p, now);
	if (stopped(p) || p->tokens < bytes)
		return false;
	p->tokens -= bytes;
	p->used += bytes;
	p->taken++;
	return true;
}

kith_time_us kith_pacer_ready_at(const struct kith_pacer *p, kith_time_us now, uint32_t bytes)
{
	if (stopped(p))
		return KITH_TIME_NEVER;
	uint64_t quantum = (uint64_t)p->window * QUANTUM_US / p->round_us;
	uint64_t want = quantum > bytes ? quantum : bytes;
	want = want < depth(p) ? want : depth(p);
	if (p->tokens >= want)
		return now;
	return p->filled_at + (kith_time_us)(((want - p->tokens) * p->round_us + p->window - 1) / p->window);
}

static struct kith_pacer_mark *mark(struct kith_pacer *p, unsigned i)
{
	return &p->marks[(p->head + i) % KITH_PACER_MARKS];
}

void kith_pacer_sent(struct kith_pacer *p, kith_time_us now, uint64_t counter)
{
	struct kith_pacer_mark m = { .counter = counter, .at = now, .sent = p->last.sent + 1 };
	if (p->waits_since == 0 || now - p->last.at > SPELL_GAP_US)
		p->waits_since = now;
	p->last = m;
	if (p->n > 0 && now - mark(p, p->n - 1u)->at < (kith_time_us)p->round_us / MARKS_PER_ROUND)
		return;
	if (p->n == KITH_PACER_MARKS) {
		p->head = (uint8_t)((p->head + 1) % KITH_PACER_MARKS);
		p->n--;
	}
	*mark(p, p->n++) = m;
}

/* Data packets sent up to a counter; between two marks, by proportion: few other packets share the count. */
static bool sent_up_to(struct kith_pacer *p, uint64_t counter, uint32_t *sent)
{
	struct kith_pacer_mark next = p->last;
	if (p->n == 0 || counter > p->last.counter)
		return false;
	for (unsigned i = p->n; i-- > 0; next = *mark(p, i)) {
		const struct kith_pacer_mark *m = mark(p, i);
		if (counter < m->counter)
			continue;
		uint64_t part = next.counter > m->counter ? (counter - m->counter) * (uint32_t)(next.sent - m->sent) /
								    (next.counter - m->counter)
							  : 0;
		*sent = m->sent + (uint32_t)part;
		return true;
	}
	return false;
}

/* Loss since the last judgement was too much. */
static bool too_lossy(struct kith_pacer *p)
{
	/* One may be late, or miscounted. */
	uint64_t of = p->settled > JUDGED_MIN ? p->settled : JUDGED_MIN;
	bool lossy = p->lost > 1 && (uint64_t)(p->lost - 1) * 100 > of * KITH_PACE_LOSS_PERCENT;
	if (!lossy && p->settled < JUDGED_MIN)
		return false;
	if (lossy) {
		uint32_t least = bearable(p->lost, p->settled);
		uint32_t half = p->window / 2 > least ? p->window / 2 : least;
		set_window(p, half < p->window ? half : p->window);
		p->threshold = p->window;
		p->slowed = p->last.counter + 1;
	}
	p->settled = p->lost = 0;
	return lossy;
}

static void end_round(struct kith_pacer *p, kith_time_us now, uint32_t settled, uint32_t lost)
{
	p->settled += settled;
	p->lost += lost;
	uint64_t used = p->used * p->round_us / (uint64_t)(now - p->round_at); /* of a round that took longer */
	if (lost > 1 && p->threshold > p->window) /* the end of slow start */
		p->threshold = p->window;
	bool clean = settled > 0 && (p->lost <= 1 || (uint64_t)p->lost * 100 <= p->settled);
	if (!too_lossy(p) && clean && used >= p->window / 2) {
		uint64_t grown = (uint64_t)(settled - lost) * p->used / p->taken; /* acknowledged, in bytes */
		grown = grown < used ? grown : used;
		grown = grown < p->window ? grown : p->window;
		set_window(p, p->window + (p->window < p->threshold ? (uint32_t)grown : KITH_PACE_FLOOR_BYTES));
	}
	p->round_at = now;
	p->used = 0;
	p->taken = 0;
}

uint32_t kith_pacer_acked(struct kith_pacer *p, kith_time_us now, uint64_t largest, uint32_t count)
{
	uint32_t sent;
	if (!sent_up_to(p, largest, &sent))
		return 0;
	if (largest >= p->acked) {
		p->acked = largest + 1;
		p->waits_since = largest < p->last.counter ? now : 0;
		p->cut = false;
	}
	uint32_t settled = sent - p->base_sent, counted = count - p->base_count;
	if (!p->based || largest < p->slowed || settled > UINT32_MAX / 2 || counted > settled + COUNT_SLACK) {
		p->based = true;
		p->base_sent = sent;
		p->base_count = count;
		return 0;
	}
	if (now - p->round_at < p->round_us)
		return 0;
	fill(p, now);
	/* What is counted too much was lost before, and came late. */
	p->base_sent = sent;
	p->base_count = counted > settled ? p->base_count + settled : count;
	uint32_t lost = settled > counted ? settled - counted : 0;
	end_round(p, now, settled, lost);
	return lost;
}

void kith_pacer_alive(struct kith_pacer *p, kith_time_us now)
{
	p->alive_at = now;
}

void kith_pacer_doubt(struct kith_pacer *p)
{
	p->based = false;
}
