/* What of a stream has arrived behind a gap. QUIC (0.12) keeps such bytes, but gives a connection up, as over an error
 * of its own, at the thousandth gap of a stream; and a queue that overflows by a tenth makes as many in one round trip
 * of two megabytes. So a packet that would open one gap too many counts as lost: the peer repeats it, and slows down.
 * What fills gaps is always taken.
 *
 * A peer that hears of no packet does not know what is lost, and may probe for ever with what is refused. So some gaps
 * are kept for packets that come after a round trip in which none was taken; one that is acknowledged is enough.
 *
 * Ranges are sorted, neither touch nor overlap, and lie beyond what was delivered. One packet's frames of a stream that
 * began with it are not counted: only who means to can make hundreds of them.
 */
#include "stream/internal.h"

#include <string.h>

#include "base/alloc.h"

enum { CAP_MIN = 8, KEPT = 80 };

/* The first range that ends at `at` or beyond. */
static unsigned find(const struct kith_gaps *g, uint64_t at)
{
	unsigned low = 0, high = g->n;
	while (low < high) {
		unsigned mid = (low + high) / 2;
		if (g->ranges[mid].to < at)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static bool resize(struct kith_gaps *g, const struct kith_alloc *alloc, unsigned cap)
{
	struct kith_range *ranges = kith_alloc_resize(alloc, g->ranges, g->cap * sizeof *ranges, cap * sizeof *ranges);
	if (ranges == NULL)
		return false;
	g->ranges = ranges;
	g->cap = (uint16_t)cap;
	return true;
}

bool kith_gaps_opens(const struct kith_gaps *g, uint64_t from, uint64_t to)
{
	unsigned i = find(g, from);
	return i == g->n || g->ranges[i].from > to;
}

bool kith_gaps_note(struct kith_gaps *g, const struct kith_alloc *alloc, uint64_t from, uint64_t to)
{
	unsigned i = find(g, from), last = i;
	if (kith_gaps_opens(g, from, to)) {
		if (g->n == g->cap && !resize(g, alloc, g->cap != 0 ? 2u * g->cap : CAP_MIN))
			return false;
		memmove(&g->ranges[i + 1], &g->ranges[i], (g->n - i) * sizeof g->ranges[0]);
		g->ranges[i] = (struct kith_range){ from, to };
		g->n++;
		return true;
	}
	while (last + 1 < g->n && g->ranges[last + 1].from <= to)
		last++;
	g->ranges[i].from = from < g->ranges[i].from ? from : g->ranges[i].from;
	g->ranges[i].to = to > g->ranges[last].to ? to : g->ranges[last].to;
	memmove(&g->ranges[i + 1], &g->ranges[last + 1], (g->n - last - 1) * sizeof g->ranges[0]);
	g->n = (uint16_t)(g->n - (last - i));
	return true;
}

void kith_gaps_passed(struct kith_gaps *g, const struct kith_alloc *alloc, uint64_t delivered)
{
	if (g->n == 0)
		return;
	unsigned gone = find(g, delivered + 1);
	g->n = (uint16_t)(g->n - gone);
	memmove(&g->ranges[0], &g->ranges[gone], g->n * sizeof g->ranges[0]);
	if (g->n == 0)
		kith_gaps_deinit(g, alloc);
}

void kith_gaps_deinit(struct kith_gaps *g, const struct kith_alloc *alloc)
{
	kith_alloc_free(alloc, g->ranges, g->cap * sizeof g->ranges[0]);
	*g = (struct kith_gaps){ 0 };
}

static struct kith_quic_stream *behind_gap(struct kith_streams *s, const struct kith_stream_frame *frame)
{
	struct kith_quic_stream *st = kith_table_get(&s->table, &frame->id);
	return st != NULL && frame->len > 0 && frame->offset > st->delivered ? st : NULL;
}

bool kith_gaps_admit(struct kith_streams *s, const struct kith_stream_frame *frame)
{
	const struct kith_quic_stream *st = behind_gap(s, frame);
	if (st == NULL || st->gaps.n < STREAM_GAPS_MAX ||
	    !kith_gaps_opens(&st->gaps, frame->offset, frame->offset + frame->len))
		return true;
	return st->gaps.n < STREAM_GAPS_MAX + KEPT && s->pace_at - s->taken_at >= kith_window_round_trip(s);
}

bool kith_gaps_take(struct kith_streams *s, const struct kith_stream_frame *frame)
{
	struct kith_quic_stream *st = behind_gap(s, frame);
	return st == NULL || kith_gaps_note(&st->gaps, s->cfg.alloc, frame->offset, frame->offset + frame->len);
}
