#include "presence/hedge.h"

kith_time_us kith_hedge_wait(const struct kith_hedge *h)
{
	kith_time_us usual = h->usual_us + 4 * h->varies_us;
	if (h->usual_us == 0 || usual > KITH_QUERY_HEDGE_US)
		return KITH_QUERY_HEDGE_US;
	return usual > KITH_QUERY_HEDGE_MIN_US ? usual : KITH_QUERY_HEDGE_MIN_US;
}

void kith_hedge_learn(struct kith_hedge *h, kith_time_us took)
{
	if (h->usual_us == 0) {
		h->usual_us = took;
		h->varies_us = took / 2;
		return;
	}
	kith_time_us off = took > h->usual_us ? took - h->usual_us : h->usual_us - took;
	h->varies_us += (off - h->varies_us) / 4;
	h->usual_us += (took - h->usual_us) / 8;
}
