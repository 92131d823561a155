#include "overlay/qualify.h"

#include <string.h>

#include "base/assert.h"

enum { HISTORY_NEEDED = 2 };

struct counted {
	const struct kith_vouch *at[KITH_ATTESTS_MAX];
	size_t n;
};

static bool apart(const struct counted *c, const struct kith_vouch *v)
{
	for (size_t i = 0; i < c->n; i++) {
		const struct kith_vouch *other = c->at[i];
		if (memcmp(other->attest.witness, v->attest.witness, sizeof v->attest.witness) == 0 ||
		    kith_key_equal(&other->identity, &v->identity) || other->prefix == v->prefix)
			return false;
	}
	return true;
}

/* Whether a known witness has said it, of that candidate, and is somebody else. */
static bool genuine(const struct kith_suite *suite, const struct kith_qualify_who *who, const struct kith_vouch *v)
{
	return v->known && !kith_key_equal(&v->identity, &who->identity) &&
	       kith_attest_verify(&v->attest, suite, &v->sign) == 0;
}

static bool is_of(const struct kith_suite *suite, const struct kith_qualify_who *who, const struct kith_attest *a)
{
	uint8_t tag[KITH_HOME_TAG_LEN];
	kith_home_tag(suite, tag, &who->sign);
	return memcmp(tag, a->candidate, sizeof tag) == 0;
}

/* The figure of index at in ascending order, of those that count. */
static int64_t ranked(const struct counted *c, size_t at, int64_t (*figure)(const struct kith_attest *a))
{
	int64_t sorted[KITH_ATTESTS_MAX] = { 0 };
	KITH_ASSERT(at < c->n && c->n <= KITH_ATTESTS_MAX);
	for (size_t i = 0; i < c->n; i++) {
		int64_t v = figure(&c->at[i]->attest);
		size_t k = i;
		for (; k > 0 && sorted[k - 1] > v; k--)
			sorted[k] = sorted[k - 1];
		sorted[k] = v;
	}
	return sorted[at];
}

static int64_t up_of(const struct kith_attest *a)
{
	return a->up;
}

static int64_t down_of(const struct kith_attest *a)
{
	return a->down;
}

static int64_t seen_of(const struct kith_attest *a)
{
	return a->first_seen_s;
}

static int64_t availability_of(const struct kith_attest *a)
{
	return a->availability;
}

static int64_t until_of(const struct kith_attest *a)
{
	return kith_attest_until_ms(a);
}

static int64_t made_of(const struct kith_attest *a)
{
	return a->at_s;
}

static void figures(const struct counted *c, struct kith_qualification *out)
{
	const size_t lower = (c->n - 1) / 2;
	out->until_ms = ranked(c, 0, until_of);
	out->first_seen_s = ranked(c, c->n / 2, seen_of); /* of two in the middle the later */
	out->endpoint = c->at[0]->attest.endpoint;
	out->up = (uint32_t)ranked(c, lower, up_of);
	out->down = (uint32_t)ranked(c, lower, down_of);
	out->availability = (uint8_t)ranked(c, lower, availability_of);
	out->witnesses = (uint8_t)c->n;
}

void kith_qualify_figures(const struct kith_vouch vouches[], size_t n, struct kith_qualification *out)
{
	struct counted c = { .n = 0 };
	for (; c.n < n && c.n < KITH_ATTESTS_MAX; c.n++)
		c.at[c.n] = &vouches[c.n];
	figures(&c, out);
}

int kith_qualify(const struct kith_suite *suite, const struct kith_now *now, const struct kith_qualify_who *who,
		 const struct kith_endpoint *endpoint, const struct kith_vouch vouches[], size_t n,
		 struct kith_qualification *out)
{
	struct counted c = { .n = 0 };
	size_t unknown = 0;
	memset(out, 0, sizeof *out);
	for (size_t i = 0; i < n && i < KITH_ATTESTS_MAX; i++) {
		const struct kith_vouch *v = &vouches[i];
		if (!is_of(suite, who, &v->attest) || !kith_endpoint_equal(&v->attest.endpoint, endpoint) ||
		    kith_attest_in_time(&v->attest, now) != 0)
			continue;
		unknown += !v->known;
		if (v->known && apart(&c, v) && genuine(suite, who, v))
			c.at[c.n++] = v;
	}
	if (c.n < KITH_ATTESTS_NEEDED)
		return c.n + unknown >= KITH_ATTESTS_NEEDED ? KITH_ENOENT : KITH_EACCES;
	figures(&c, out);
	return 0;
}

void kith_qualify_history(const struct kith_suite *suite, const struct kith_now *now,
			  const struct kith_qualify_who *who, const struct kith_vouch vouches[], size_t n,
			  struct kith_history *out)
{
	const int64_t now_s = now->unix_ms / 1000;
	struct counted c = { .n = 0 };
	for (size_t i = 0; i < n && i < KITH_ATTESTS_MAX; i++) {
		const struct kith_vouch *v = &vouches[i];
		if (v->attest.at_s <= now_s + KITH_CLOCK_TOLERANCE_MS / 1000 &&
		    v->attest.at_s >= now_s - KITH_HISTORY_S && v->known && is_of(suite, who, &v->attest) &&
		    apart(&c, v) && genuine(suite, who, v))
			c.at[c.n++] = v;
	}
	*out = (struct kith_history){ .first_seen_s = now_s, .availability = KITH_AVAILABILITY_FULL };
	if (c.n < HISTORY_NEEDED)
		return;
	const size_t lower = (c.n - 1) / 2;
	out->up = (uint32_t)ranked(&c, lower, up_of);
	out->down = (uint32_t)ranked(&c, lower, down_of);
	int64_t seen_s = ranked(&c, c.n / 2, seen_of), made_s = ranked(&c, lower, made_of);
	int64_t known_s = made_s > seen_s ? made_s - seen_s : 0, gap_s = now_s > made_s ? now_s - made_s : 0;
	if (seen_s > now_s)
		return;
	/* Until the former attestation ended nobody missed the node; after that nobody saw it. */
	int64_t there_s = gap_s <= KITH_ATTEST_HOURS_MAX * 3600 ? gap_s : 0;
	if (known_s > KITH_HISTORY_S)
		known_s = KITH_HISTORY_S;
	int64_t share = ranked(&c, lower, availability_of) * known_s + KITH_AVAILABILITY_FULL * there_s;
	out->first_seen_s = seen_s;
	if (known_s + gap_s > 0)
		out->availability = (uint8_t)((share + (known_s + gap_s) / 2) / (known_s + gap_s));
}
