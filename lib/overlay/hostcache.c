#include "overlay/hostcache.h"

#include <string.h>

#include "base/addr.h"
#include "base/alloc.h"
#include "base/assert.h"
#include "base/rng.h"

#define RETRY_FLOOR_US (1 * KITH_US_PER_S)
#define RETRY_CAP_US (120 * KITH_US_PER_S)
#define ASIDE_RETRY_US (60 * KITH_US_PER_S)
#define FULL_US (45 * KITH_US_PER_S) /* asking takes two packets where a cookie is wanted */

enum {
	ENTRIES_STEP =
		4, /* by which the room for entries grows: most leaves end with 16 and a few of the configuration */
	ASIDE_STEP = 8, /* the same for those put aside: a leaf is told of 30 others, and seldom of more */
	ASIDE_DOUBLINGS = 7, /* 1 min to 64 min */
	SHARES = 4, /* of the hosts put aside */
	SHARE = KITH_HOSTCACHE_ASIDE / SHARES,
	ANCHOR_FAILURES = 10, /* in a row: it is gone, not away */
	FILE_FLAGS = KITH_HOST_ANCHOR | KITH_HOST_LIED
};

bool kith_host_has_key(const struct kith_host *host)
{
	static const struct kith_key zero = { { 0 } };
	return memcmp(host->dh.b, zero.b, sizeof zero.b) != 0;
}

void kith_hostcache_host_write(struct kith_writer *w, const struct kith_host *host, const struct kith_host_word *word)
{
	kith_write_bytes(w, host->dh.b, sizeof host->dh.b);
	kith_endpoints_write(w, host->endpoints, host->endpoints_n, KITH_HOST_ENDPOINTS_MAX);
	kith_write_u64(w, word->seq);
	kith_write_bytes(w, word->author, sizeof word->author);
}

void kith_hostcache_host_read(struct kith_reader *r, struct kith_host *host, struct kith_host_word *word)
{
	memset(host, 0, sizeof *host);
	kith_read_bytes(r, host->dh.b, sizeof host->dh.b);
	host->endpoints_n = kith_endpoints_read(r, host->endpoints, KITH_HOST_ENDPOINTS_MAX);
	word->seq = kith_read_u64(r);
	kith_read_bytes(r, word->author, sizeof word->author);
}

static bool has_author(const struct kith_host_word *word)
{
	static const uint8_t none[KITH_HOME_TAG_LEN];
	return memcmp(word->author, none, sizeof none) != 0;
}

static struct kith_blob *intern(struct kith_hostcache *hc, const struct kith_host *host,
				const struct kith_host_word *word)
{
	uint8_t bytes[KITH_HOST_LEN_MAX + KITH_HOST_WORD_LEN];
	struct kith_writer w = kith_writer_of(bytes, sizeof bytes);
	kith_hostcache_host_write(&w, host, word);
	return kith_blob_intern(hc->blobs, bytes, kith_writer_len(&w));
}

void kith_hostcache_init(struct kith_hostcache *hc, const struct kith_alloc *alloc, struct kith_blobs *blobs)
{
	*hc = (struct kith_hostcache){ .alloc = alloc, .blobs = blobs };
}

void kith_hostcache_deinit(struct kith_hostcache *hc)
{
	for (uint16_t i = 0; i < hc->n; i++)
		kith_blob_unref(hc->blobs, hc->at[i].blob);
	for (int i = 0; i < hc->aside_n; i++) {
		if (hc->aside[i].blob != NULL)
			kith_blob_unref(hc->blobs, hc->aside[i].blob);
	}
	KITH_FREE_ARRAY(hc->alloc, hc->aside, hc->aside_n);
	hc->aside = NULL;
	hc->aside_n = 0;
	KITH_FREE_ARRAY(hc->alloc, hc->at, hc->cap);
	hc->at = NULL;
	hc->n = hc->cap = 0;
}

uint32_t kith_hostcache_source(const struct kith_key *dh)
{
	struct kith_reader r = kith_reader_of(dh->b, sizeof dh->b);
	uint32_t source = kith_read_u32(&r);
	return source != 0 ? source : 1;
}

void kith_hostcache_get_word(const struct kith_hostcache *hc, int i, struct kith_host *out, struct kith_host_word *word)
{
	KITH_ASSERT(i >= 0 && i < hc->n);
	struct kith_reader r = kith_reader_of_span(kith_blob_span(hc->at[i].blob));
	kith_hostcache_host_read(&r, out, word);
	KITH_ASSERT(kith_reader_done(&r));
}

void kith_hostcache_get(const struct kith_hostcache *hc, int i, struct kith_host *out)
{
	struct kith_host_word unused;
	kith_hostcache_get_word(hc, i, out, &unused);
}

uint64_t kith_hostcache_prefix(const struct kith_hostcache *hc, int i)
{
	struct kith_host host;
	kith_hostcache_get(hc, i, &host);
	return kith_addr_diversity_prefix(&host.endpoints[0].addr);
}

/* ---- adding ---- */

int kith_hostcache_find(const struct kith_hostcache *hc, const struct kith_key *dh)
{
	for (int i = 0; i < hc->n; i++) {
		KITH_ASSERT(hc->at[i].blob != NULL);
		if (memcmp(hc->at[i].blob->bytes, dh->b, sizeof dh->b) == 0)
			return i;
	}
	return KITH_ENOENT;
}

static int find_host(const struct kith_hostcache *hc, const struct kith_host *host)
{
	if (kith_host_has_key(host))
		return kith_hostcache_find(hc, &host->dh);
	for (int i = 0; i < hc->n; i++) {
		struct kith_host other;
		kith_hostcache_get(hc, i, &other);
		if (kith_endpoint_equal(&other.endpoints[0], &host->endpoints[0]))
			return i;
	}
	return KITH_ENOENT;
}

/* True when a should give way rather than b; both may. */
static bool worse(const struct kith_hostcache_entry *a, const struct kith_hostcache_entry *b)
{
	bool lied = (a->flags & KITH_HOST_LIED) != 0; /* what is forgotten may be chosen again */
	if (lied != ((b->flags & KITH_HOST_LIED) != 0))
		return !lied;
	bool a_full = a->came == KITH_EFULL, b_full = b->came == KITH_EFULL; /* they say when they may be asked again */
	if (a_full != b_full)
		return b_full;
	return a->failures != b->failures ? a->failures > b->failures : a->success_ms < b->success_ms;
}

/* The host that gives way to a newcomer, or KITH_EFULL. */
static int victim(const struct kith_hostcache *hc)
{
	int found = KITH_EFULL;
	for (int i = 0; i < hc->n; i++) {
		const struct kith_hostcache_entry *e = &hc->at[i];
		bool works = e->success_ms != 0 && e->failures == 0;
		bool fresh = e->success_ms == 0 && e->failures == 0; /* not tried: as good as the newcomer */
		if ((e->flags & ~KITH_HOST_LIED) != 0 || works || fresh)
			continue;
		if (found < 0 || worse(e, &hc->at[found]))
			found = i;
	}
	return found;
}

static int from_source(const struct kith_hostcache *hc, uint32_t source)
{
	int n = 0;
	for (int i = 0; i < hc->n; i++)
		n += hc->at[i].source == source;
	return n;
}

static int unconfigured(const struct kith_hostcache *hc)
{
	int n = 0;
	for (int i = 0; i < hc->n; i++)
		n += (hc->at[i].flags & KITH_HOST_BOOTSTRAP) == 0;
	return n;
}

/* An empty slot at the end, or that of the victim, cleared. */
static int make_room(struct kith_hostcache *hc, uint8_t flags)
{
	if ((flags & KITH_HOST_BOOTSTRAP) == 0 && unconfigured(hc) >= KITH_HOSTCACHE_MAX) {
		int i = victim(hc);
		if (i >= 0)
			kith_blob_unref(hc->blobs, hc->at[i].blob);
		return i;
	}
	if (hc->n == hc->cap) {
		uint16_t cap = (uint16_t)(hc->cap + ENTRIES_STEP);
		struct kith_hostcache_entry *at =
			kith_alloc_resize(hc->alloc, hc->at, hc->cap * sizeof *at, cap * sizeof *at);
		if (at == NULL)
			return KITH_ENOMEM;
		hc->at = at;
		hc->cap = cap;
	}
	return hc->n++;
}

static int refresh(struct kith_hostcache *hc, int i, const struct kith_host *host, const struct kith_host_word *word,
		   uint8_t flags)
{
	struct kith_blob *blob = intern(hc, host, word);
	if (blob == NULL)
		return KITH_ENOMEM;
	kith_blob_unref(hc->blobs, hc->at[i].blob);
	hc->at[i].blob = blob;
	hc->at[i].flags |= flags;
	return i;
}

/* The endpoints of more behind those of host, as many as there is room for. */
static void append_endpoints(struct kith_host *host, const struct kith_host *more)
{
	for (uint8_t i = 0; i < more->endpoints_n; i++) {
		bool known = false;
		for (uint8_t k = 0; k < host->endpoints_n; k++)
			known = known || kith_endpoint_equal(&host->endpoints[k], &more->endpoints[i]);
		if (!known && host->endpoints_n < KITH_HOST_ENDPOINTS_MAX)
			host->endpoints[host->endpoints_n++] = more->endpoints[i];
	}
}

/* The configuration names a host that is known. Another address: what failed at the former one says nothing. */
static int configure(struct kith_hostcache *hc, int i, const struct kith_host *host, uint8_t flags)
{
	struct kith_host held, merged = *host;
	struct kith_host_word word;
	kith_hostcache_get_word(hc, i, &held, &word);
	if (!kith_host_has_key(host) && kith_host_has_key(&held))
		return i;
	append_endpoints(&merged, &held);
	hc->at[i].failures = 0;
	hc->at[i].came = 0;
	return refresh(hc, i, &merged, &word, flags);
}

/* Places for more hosts to be put aside. The first of them, or KITH_ENOMEM. */
static int more_places(struct kith_hostcache *hc)
{
	struct kith_hostcache_aside *aside = kith_alloc_resize(hc->alloc, hc->aside, hc->aside_n * sizeof *aside,
							       (hc->aside_n + ASIDE_STEP) * sizeof *aside);
	if (aside == NULL)
		return KITH_ENOMEM;
	memset(aside + hc->aside_n, 0, ASIDE_STEP * sizeof *aside);
	hc->aside = aside;
	hc->aside_n = (uint8_t)(hc->aside_n + ASIDE_STEP);
	return hc->aside_n - ASIDE_STEP;
}

/* Where a host is put aside that is not: in a free place, or, when the share of its source is full, in that of another
 * one of it. KITH_EEXIST: it is there; KITH_ENOMEM. */
static int place_aside(struct kith_hostcache *hc, const struct kith_blob *blob, uint32_t source)
{
	int vacant = KITH_ENOENT, given = KITH_ENOENT;
	unsigned in_share = 0;
	for (int i = 0; i < hc->aside_n; i++) {
		const struct kith_hostcache_aside *held = &hc->aside[i];
		if (held->blob == NULL)
			vacant = i;
		else if (memcmp(held->blob->bytes, blob->bytes, KITH_KEY_LEN) == 0)
			return KITH_EEXIST;
		else if (held->source % SHARES == source % SHARES && in_share++ == blob->bytes[0] % SHARE)
			given = i;
	}
	if (in_share == SHARE)
		return given;
	return vacant >= 0 ? vacant : more_places(hc);
}

/* Puts a host aside. The blob is the cache's from now on. */
static void put_aside(struct kith_hostcache *hc, struct kith_blob *blob, uint32_t source, uint8_t failures,
		      kith_time_us now)
{
	const int place = place_aside(hc, blob, source);
	if (place < 0) {
		kith_blob_unref(hc->blobs, blob);
		return;
	}
	if (hc->aside[place].blob != NULL)
		kith_blob_unref(hc->blobs, hc->aside[place].blob);
	unsigned doublings = failures < ASIDE_DOUBLINGS ? failures : ASIDE_DOUBLINGS;
	kith_time_us retry = failures > 0 ? now + (ASIDE_RETRY_US << (doublings - 1)) : 0;
	hc->aside[place] = (struct kith_hostcache_aside){ .blob = blob, .source = source };
	hc->aside[place].failures = (failures < 15 ? failures : 15u) & 15u;
	hc->aside[place].retry_s = (uint32_t)(retry / KITH_US_PER_S) & 0xfffffff;
}

static bool host_valid(const struct kith_host *host, uint8_t flags)
{
	if (host->endpoints_n == 0 || host->endpoints_n > KITH_HOST_ENDPOINTS_MAX ||
	    (flags & ~KITH_HOST_BOOTSTRAP) != 0)
		return false;
	for (uint8_t i = 0; i < host->endpoints_n; i++) {
		if (!kith_endpoint_valid(&host->endpoints[i]))
			return false;
	}
	return kith_host_has_key(host) || flags == KITH_HOST_BOOTSTRAP;
}

/* A bootstrap host without a key that is full, and now is named with it: it is as full by that name. */
static void full_as_well(struct kith_hostcache *hc, int i)
{
	struct kith_host host, other;
	kith_hostcache_get(hc, i, &host);
	for (int k = 0; k < hc->n; k++) {
		kith_hostcache_get(hc, k, &other);
		if (k == i || hc->at[k].came != KITH_EFULL ||
		    !kith_endpoint_equal(&host.endpoints[0], &other.endpoints[0]))
			continue;
		hc->at[i].came = KITH_EFULL;
		hc->at[i].failures = hc->at[k].failures;
		hc->at[i].retry_at = hc->at[k].retry_at;
	}
}

static void drop(struct kith_hostcache *hc, int i)
{
	kith_blob_unref(hc->blobs, hc->at[i].blob);
	hc->at[i] = hc->at[--hc->n];
}

/* A host that a source suggested, and that failed, gives way to another one of its. */
static bool drop_failed(struct kith_hostcache *hc, uint32_t source)
{
	for (int i = 0; i < hc->n; i++) {
		if (hc->at[i].source == source && hc->at[i].flags == 0 && hc->at[i].failures > 0) {
			drop(hc, i);
			return true;
		}
	}
	return false;
}

static int insert(struct kith_hostcache *hc, const struct kith_host *host, const struct kith_host_word *word,
		  uint32_t source, uint8_t flags)
{
	struct kith_blob *blob = intern(hc, host, word);
	if (blob == NULL)
		return KITH_ENOMEM;
	bool share = source != 0 && from_source(hc, source) >= KITH_HOSTCACHE_PER_SOURCE && !drop_failed(hc, source);
	int i = share ? KITH_EFULL : make_room(hc, flags);
	if (i == KITH_EFULL) {
		put_aside(hc, blob, source, 0, 0);
		return i;
	}
	if (i < 0) {
		kith_blob_unref(hc->blobs, blob);
		return i;
	}
	hc->at[i] = (struct kith_hostcache_entry){ .blob = blob, .source = source, .flags = flags };
	full_as_well(hc, i);
	return i;
}

int kith_hostcache_restore(struct kith_hostcache *hc, const struct kith_host *host, const struct kith_host_word *word,
			   uint32_t source)
{
	if (kith_hostcache_find(hc, &host->dh) >= 0)
		return KITH_EEXIST;
	return host_valid(host, 0) ? insert(hc, host, word, source, 0) : KITH_EINVAL;
}

int kith_hostcache_add(struct kith_hostcache *hc, const struct kith_host *host, uint32_t source, uint8_t flags)
{
	static const struct kith_host_word nobodys;
	if (!host_valid(host, flags))
		return KITH_EINVAL;
	int i = find_host(hc, host);
	if (i < 0)
		return insert(hc, host, &nobodys, source, flags);
	return (flags & KITH_HOST_BOOTSTRAP) != 0 ? configure(hc, i, host, flags) : i;
}

/* Who gives way to a host that is tried at once: not in use, no anchor, of the same source if that has its share. */
static int idle(const struct kith_hostcache *hc, uint32_t source)
{
	const bool share = from_source(hc, source) >= KITH_HOSTCACHE_PER_SOURCE;
	int found = KITH_EFULL;
	for (int i = 0; i < hc->n; i++) {
		const struct kith_hostcache_entry *e = &hc->at[i];
		if (e->flags == 0 && (!share || e->source == source) &&
		    (found < 0 || e->success_ms < hc->at[found].success_ms))
			found = i;
	}
	return found;
}

int kith_hostcache_add_tried(struct kith_hostcache *hc, const struct kith_host *host, uint32_t source)
{
	const int i = kith_hostcache_add(hc, host, source, 0), gives_way = i == KITH_EFULL ? idle(hc, source) : i;
	if (i != KITH_EFULL || gives_way < 0)
		return i;
	const struct kith_hostcache_entry *e = &hc->at[gives_way];
	put_aside(hc, e->blob, e->source, e->failures, 0);
	hc->at[gives_way] = hc->at[--hc->n];
	return kith_hostcache_add(hc, host, source, 0);
}

/* News of a host that is known, by its author or by somebody who says that the key is his. */
static int renew(struct kith_hostcache *hc, int i, const struct kith_host *host, const struct kith_host_word *word)
{
	const struct kith_hostcache_entry *e = &hc->at[i];
	struct kith_host held;
	struct kith_host_word former;
	kith_hostcache_get_word(hc, i, &held, &former);
	bool same = memcmp(former.author, word->author, sizeof word->author) == 0;
	bool proven = e->success_ms != 0 || e->failures == 0;
	if ((e->flags & KITH_HOST_BOOTSTRAP) != 0 || (same && word->seq <= former.seq))
		return KITH_EEXIST;
	if (!same && has_author(&former) && proven)
		return KITH_EACCES;
	return refresh(hc, i, host, word, 0);
}

int kith_hostcache_take(struct kith_hostcache *hc, const struct kith_member_entry *entry,
			const uint8_t author[KITH_HOME_TAG_LEN], uint32_t source)
{
	struct kith_host host = { .dh = entry->device };
	struct kith_host_word word = { .seq = entry->seq };
	memcpy(word.author, author, sizeof word.author);
	for (uint8_t i = 0; i < entry->endpoints_n; i++)
		kith_host_add(&host, &entry->endpoints[i]);
	if (!host_valid(&host, 0))
		return KITH_EINVAL;
	int i = kith_hostcache_find(hc, &host.dh);
	return i < 0 ? insert(hc, &host, &word, source, 0) : renew(hc, i, &host, &word);
}

bool kith_hostcache_is_configured(const struct kith_hostcache *hc, const struct kith_endpoint *at)
{
	for (int i = 0; i < hc->n; i++) {
		struct kith_host host;
		kith_hostcache_get(hc, i, &host);
		for (unsigned k = 0; (hc->at[i].flags & KITH_HOST_BOOTSTRAP) != 0 && k < host.endpoints_n; k++)
			if (kith_endpoint_equal(&host.endpoints[k], at))
				return true;
	}
	return false;
}

void kith_hostcache_unconfigure(struct kith_hostcache *hc, int i)
{
	struct kith_host host;
	kith_hostcache_get(hc, i, &host);
	if (kith_host_has_key(&host))
		hc->at[i].flags &= (uint8_t)~KITH_HOST_BOOTSTRAP;
	else if ((hc->at[i].flags & KITH_HOST_USED) == 0)
		drop(hc, i);
}

int kith_hostcache_learn(struct kith_hostcache *hc, int i, const struct kith_key *dh,
			 const uint8_t author[KITH_HOME_TAG_LEN])
{
	struct kith_host host;
	struct kith_host_word word;
	kith_hostcache_get_word(hc, i, &host, &word);
	int other = kith_hostcache_find(hc, dh);
	bool same = memcmp(word.author, author, sizeof word.author) == 0;
	if (other == i && same)
		return 0;
	if (!same)
		word = (struct kith_host_word){ .seq = 0 };
	memcpy(word.author, author, sizeof word.author);
	host.dh = *dh;
	if (other == i)
		other = KITH_ENOENT;
	if (other >= 0) { /* the address that was configured, and answered, comes first */
		struct kith_host held;
		struct kith_host_word former;
		kith_hostcache_get_word(hc, other, &held, &former);
		if (memcmp(former.author, author, sizeof former.author) == 0)
			word = former;
		append_endpoints(&host, &held);
		int merged = refresh(hc, other, &host, &word, hc->at[i].flags);
		if (merged < 0)
			return merged;
		drop(hc, i);
		return KITH_EEXIST;
	}
	int err = refresh(hc, i, &host, &word, 0);
	return err < 0 ? err : 0;
}

int kith_hostcache_draw(struct kith_hostcache *hc, kith_time_us now, const struct kith_random *random)
{
	int i = victim(hc), found = KITH_ENOENT;
	uint32_t n = 0;
	for (int k = 0; k < hc->aside_n; k++) {
		struct kith_key dh;
		if (hc->aside[k].blob == NULL || hc->aside[k].retry_s > (uint64_t)(now / KITH_US_PER_S))
			continue;
		memcpy(dh.b, hc->aside[k].blob->bytes, sizeof dh.b);
		if (kith_hostcache_find(hc, &dh) < 0 && kith_rng_below(random, ++n) == 0)
			found = k;
	}
	if (found < 0)
		return KITH_ENOENT;
	struct kith_hostcache_aside drawn = hc->aside[found];
	hc->aside[found].blob = NULL;
	if (i < 0) { /* none may give way: there may be room */
		i = make_room(hc, 0);
		if (i < 0) {
			hc->aside[found] = drawn;
			return KITH_ENOENT;
		}
	} else {
		put_aside(hc, hc->at[i].blob, hc->at[i].source, hc->at[i].failures, now);
	}
	hc->at[i] = (struct kith_hostcache_entry){ .blob = drawn.blob,
						   .source = drawn.source,
						   .failures = (uint8_t)drawn.failures };
	return i;
}

/* ---- what came of it ---- */

void kith_hostcache_use(struct kith_hostcache *hc, int i, bool used)
{
	KITH_ASSERT(i >= 0 && i < hc->n);
	if (used)
		hc->at[i].flags |= KITH_HOST_USED;
	else
		hc->at[i].flags &= (uint8_t)~KITH_HOST_USED;
}

static bool may_anchor(const struct kith_hostcache *hc, int i)
{
	int anchors = 0;
	for (int k = 0; k < hc->n; k++) {
		if ((hc->at[k].flags & KITH_HOST_ANCHOR) == 0)
			continue;
		anchors++;
		if (k == i || kith_hostcache_prefix(hc, k) == kith_hostcache_prefix(hc, i))
			return false;
		if (hc->at[i].source != 0 && hc->at[k].source == hc->at[i].source)
			return false;
	}
	return anchors < KITH_HOSTCACHE_ANCHORS;
}

void kith_hostcache_succeeded(struct kith_hostcache *hc, int i, const struct kith_now *now)
{
	KITH_ASSERT(i >= 0 && i < hc->n);
	struct kith_hostcache_entry *e = &hc->at[i];
	e->success_ms = now->unix_ms > 0 ? now->unix_ms : 1;
	e->failures = 0;
	e->came = 0;
	if ((e->flags & KITH_HOST_LIED) == 0 && may_anchor(hc, i))
		e->flags |= KITH_HOST_ANCHOR;
}

bool kith_hostcache_lied(struct kith_hostcache *hc, int i)
{
	KITH_ASSERT(i >= 0 && i < hc->n);
	bool known = (hc->at[i].flags & KITH_HOST_LIED) != 0;
	hc->at[i].flags = (uint8_t)((hc->at[i].flags & ~KITH_HOST_ANCHOR) | KITH_HOST_LIED);
	return known;
}

void kith_hostcache_forgive(struct kith_hostcache *hc)
{
	for (int i = 0; i < hc->n; i++) {
		if (hc->at[i].came != KITH_EFULL) /* which is not our line's fault */
			hc->at[i].retry_at = 0;
		if (hc->at[i].came == KITH_EUNREACHABLE) /* nothing led there: it was not even asked */
			hc->at[i].failures = 0;
	}
	for (int i = 0; i < hc->aside_n; i++)
		hc->aside[i].retry_s = 0;
}

void kith_hostcache_full(struct kith_hostcache *hc, int i, kith_time_us now, const struct kith_random *random,
			 kith_time_us retry_us)
{
	KITH_ASSERT(i >= 0 && i < hc->n && retry_us >= 0 && retry_us <= KITH_HOSTCACHE_FULL_MAX_US);
	struct kith_hostcache_entry *e = &hc->at[i];
	kith_time_us wait = retry_us > 0 ? retry_us : FULL_US;
	e->came = KITH_EFULL;
	e->retry_at = now + wait + kith_rng_below(random, (uint32_t)wait);
	if (e->failures < UINT8_MAX)
		e->failures++;
}

void kith_hostcache_failed(struct kith_hostcache *hc, int i, kith_time_us now, const struct kith_random *random,
			   int err)
{
	KITH_ASSERT(i >= 0 && i < hc->n);
	struct kith_hostcache_entry *e = &hc->at[i];
	if (err == KITH_EFULL) {
		kith_hostcache_full(hc, i, now, random, 0);
		return;
	}
	e->came = (int8_t)err;
	e->retry_at = now + kith_rng_backoff(random, RETRY_FLOOR_US, RETRY_CAP_US, e->failures);
	if (e->failures < UINT8_MAX)
		e->failures++;
	if (e->failures >= ANCHOR_FAILURES)
		e->flags &= (uint8_t)~KITH_HOST_ANCHOR;
}
