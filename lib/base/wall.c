#include "base/wall.h"

static int64_t distance(int64_t a, int64_t b)
{
	return a > b ? a - b : b - a;
}

/* Far beyond all times that certificates can have, and so near that sums of a few do not overflow. */
static int64_t within(int64_t unix_ms)
{
	const int64_t far_ms = INT64_C(1) << 52;
	return unix_ms > far_ms ? far_ms : unix_ms < -far_ms ? -far_ms : unix_ms;
}

static int64_t mono_ms(const struct kith_now *now)
{
	return now->mono_us / KITH_US_PER_MS;
}

void kith_wall_not_before(struct kith_wall *w, int64_t unix_ms)
{
	if (within(unix_ms) > w->earliest_ms)
		w->earliest_ms = within(unix_ms);
}

/* All homes say one thing: that it is earlier than the bound. */
static bool overruled(const struct kith_wall *w, const struct kith_now *now)
{
	for (unsigned i = 0; i < KITH_HOMES; i++) {
		if (!w->homes[i].told || w->homes[i].ahead_ms + mono_ms(now) >= w->earliest_ms)
			return false;
		if (distance(w->homes[i].ahead_ms, w->homes[0].ahead_ms) > KITH_CLOCK_TOLERANCE_MS)
			return false;
	}
	return distance(w->homes[1].ahead_ms, w->homes[KITH_HOMES - 1].ahead_ms) <= KITH_CLOCK_TOLERANCE_MS;
}

struct kith_now kith_wall_judge(struct kith_wall *w, struct kith_now host)
{
	host.unix_ms = within(host.unix_ms);
	int64_t ahead_ms = host.unix_ms - mono_ms(&host);
	if (w->known && distance(ahead_ms, w->ahead_ms) >= KITH_WALL_STEP_MS)
		w->was_set = w->news = true;
	w->ahead_ms = ahead_ms;
	if (host.unix_ms < w->earliest_ms - KITH_CLOCK_TOLERANCE_MS && !overruled(w, &host)) {
		host.unix_ms = w->earliest_ms;
		host.unix_trusted = false;
	}
	w->news = w->news || !w->known || host.unix_trusted != w->trusted;
	w->known = true;
	w->trusted = host.unix_trusted;
	return host;
}

void kith_wall_heard(struct kith_wall *w, unsigned home, const struct kith_now *now, int64_t unix_ms)
{
	w->homes[home].told = unix_ms > 0;
	w->homes[home].ahead_ms = unix_ms > 0 ? within(unix_ms) - mono_ms(now) : 0;
	w->news = true;
}

int64_t kith_wall_homes_ahead(const struct kith_wall *w, unsigned *n)
{
	int64_t best_ms = 0, best_total_ms = INT64_MAX;
	*n = 0;
	for (unsigned i = 0; i < KITH_HOMES;
	     i++) { /* the median is nearest to the others, and our clock breaks a tie */
		int64_t ahead_ms = w->homes[i].ahead_ms - w->ahead_ms, total_ms = 0;
		unsigned agree = 0;
		for (unsigned k = 0; k < KITH_HOMES; k++) {
			int64_t apart_ms = distance(w->homes[i].ahead_ms, w->homes[k].ahead_ms);
			if (!w->homes[i].told || !w->homes[k].told)
				continue;
			agree += apart_ms <= KITH_CLOCK_TOLERANCE_MS;
			total_ms += apart_ms < INT64_MAX / 8 ? apart_ms : INT64_MAX / 8;
		}
		bool better = total_ms < best_total_ms ||
			      (total_ms == best_total_ms && distance(ahead_ms, 0) < distance(best_ms, 0));
		if (agree == 0 || !better)
			continue;
		best_ms = ahead_ms;
		best_total_ms = total_ms;
		*n = agree;
	}
	return best_ms;
}

bool kith_wall_homes_differ(const struct kith_wall *w)
{
	unsigned unused;
	return distance(kith_wall_homes_ahead(w, &unused), 0) > KITH_CLOCK_TOLERANCE_MS;
}

bool kith_wall_is_off(const struct kith_wall *w)
{
	unsigned agree, told = 0;
	int64_t ahead_ms = kith_wall_homes_ahead(w, &agree);
	for (unsigned i = 0; i < KITH_HOMES; i++)
		told += w->homes[i].told;
	return agree >= 2 && agree == told && distance(ahead_ms, 0) > KITH_CLOCK_TOLERANCE_MS;
}
