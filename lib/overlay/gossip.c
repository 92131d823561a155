#include "overlay/gossip.h"

#include <string.h>

#include "base/assert.h"
#include "base/rng.h"

enum {
	PREFIX = KITH_MEMBER_ID_PREFIX,
	OFFER_LEN = KITH_GOSSIP_OFFER_LEN,
	DIGEST_LEN = KITH_GOSSIP_DIGEST_LEN,
	SUM_LEN = 10, /* key, type, number */
	PACK_OVERHEAD = 4, /* key, and type and length of up to 64 KiB of bytes */
	REQUEST_ROOM = KITH_GOSSIP_REQUEST_MAX - 16, /* without the map and the salt */
	ANSWER_MIN = 4096,
	/* Map, salt, count and offers of an answer, and the headers of its parts. */
	ANSWER_OVERHEAD = 64 + KITH_GOSSIP_OFFERS_MAX * OFFER_LEN,
	AROUND = 2, /* who is around a range that is far is told so many of them */
	NEWCOMER_SLACK = 64 /* tables this small are compared, not paged */
};

/* The digest of a range, and how many members it is made of. */
struct tally {
	struct kith_gossip_digest digest;
	uint32_t count[KITH_GOSSIP_FANOUT];
};

/* A request in the making. */
struct draft {
	uint64_t salt;
	uint8_t digests[KITH_GOSSIP_ASKED_DIGESTS_MAX * DIGEST_LEN];
	uint8_t offers[KITH_GOSSIP_OFFERS_MAX * OFFER_LEN];
	uint8_t wants[KITH_GOSSIP_WANTS_MAX * PREFIX];
	uint8_t cursor[PREFIX];
	size_t digests_len, offers_len, wants_len;
	const struct kith_gossip_to *to; /* what is told besides; NULL: nothing */
	bool page;
};

/* ---- ranges and digests ---- */

static struct kith_gossip_range child_of(struct kith_gossip_range r, unsigned child)
{
	struct kith_gossip_range c = { (uint8_t)(r.depth + 1), r.path << 4 | child };
	return c;
}

/* Indexes of the first member in the range and of the first after it. */
static void range_bounds(const struct kith_members *ms, struct kith_gossip_range r, uint32_t *from, uint32_t *to)
{
	unsigned shift = 32u - 4u * r.depth;
	uint64_t first = (uint64_t)r.path << shift, after = ((uint64_t)r.path + 1) << shift;
	struct kith_id id = { { 0 } };
	struct kith_writer w = kith_writer_of(id.b, 4);
	kith_write_u32(&w, (uint32_t)first);
	*from = kith_members_lower(ms, &id);
	w = kith_writer_of(id.b, 4);
	kith_write_u32(&w, (uint32_t)after);
	*to = after >> 32 != 0 ? ms->n : kith_members_lower(ms, &id);
}

/* Nearly expired entries are not compared: with clocks apart, one side would keep bringing back what the other just
 * swept. */
static bool compared(const struct kith_member *m, const struct kith_now *now)
{
	return m->expires_ms >= now->unix_ms;
}

static void offer_write(uint8_t out[OFFER_LEN], const struct kith_member *m)
{
	struct kith_writer w = kith_writer_of(out, OFFER_LEN);
	kith_gossip_offer_write(&w, m->id.b, m->seq);
}

static void digest_range(const struct kith_members *ms, const struct kith_now *now, uint64_t salt,
			 struct kith_gossip_range r, struct tally *out)
{
	const uint64_t seed[2] = { salt, 0x6b697468 };
	uint32_t from, to;
	memset(out, 0, sizeof *out);
	out->digest.range = r;
	range_bounds(ms, r, &from, &to);
	for (uint32_t i = from; i < to; i++) {
		const struct kith_member *m = ms->at[i];
		if (!compared(m, now))
			continue;
		uint8_t offer[OFFER_LEN];
		offer_write(offer, m);
		unsigned byte = m->id.b[r.depth / 2];
		unsigned child = r.depth % 2 == 0 ? byte >> 4 : byte & 15;
		out->digest.x[child] ^= kith_hash64(seed, offer, sizeof offer);
		out->count[child]++;
	}
}

/* ---- requests ---- */

static size_t part_len(size_t len)
{
	return len > 0 ? len + PACK_OVERHEAD : 0;
}

/* What is told besides members. */
static size_t besides_len(const struct kith_gossip_to *to)
{
	return to == NULL
		       ? 0
		       : part_len(to->doubts.len) + part_len(to->editions.len) + (to->editions_sum != 0 ? SUM_LEN : 0);
}

static bool draft_has_room(const struct draft *d, size_t more)
{
	return part_len(d->digests_len) + part_len(d->offers_len) + part_len(d->wants_len) + besides_len(d->to) +
		       PACK_OVERHEAD + more <=
	       REQUEST_ROOM;
}

static void draft_digest(struct draft *d, const struct kith_members *ms, const struct kith_now *now,
			 struct kith_gossip_range r)
{
	if (d->digests_len + DIGEST_LEN > sizeof d->digests || !draft_has_room(d, DIGEST_LEN))
		return;
	struct tally own;
	digest_range(ms, now, d->salt, r, &own);
	struct kith_writer w = kith_writer_of(d->digests + d->digests_len, DIGEST_LEN);
	kith_gossip_digest_write(&w, &own.digest);
	d->digests_len += DIGEST_LEN;
}

static void draft_offer(struct draft *d, const struct kith_member *m)
{
	if (d->offers_len + OFFER_LEN > sizeof d->offers || !draft_has_room(d, OFFER_LEN))
		return;
	offer_write(d->offers + d->offers_len, m);
	d->offers_len += OFFER_LEN;
}

static void draft_want(struct draft *d, const uint8_t prefix[PREFIX])
{
	for (size_t i = 0; i < d->wants_len; i += PREFIX) {
		if (memcmp(d->wants + i, prefix, PREFIX) == 0)
			return;
	}
	if (d->wants_len + PREFIX > sizeof d->wants || !draft_has_room(d, PREFIX))
		return;
	memcpy(d->wants + d->wants_len, prefix, PREFIX);
	d->wants_len += PREFIX;
}

static bool draft_empty(const struct draft *d)
{
	return d->digests_len == 0 && d->offers_len == 0 && d->wants_len == 0 && !d->page;
}

static size_t draft_pack(const struct draft *d, uint8_t out[KITH_GOSSIP_REQUEST_MAX])
{
	struct kith_msg_gossip m = {
		.salt = d->salt,
		.digests = { d->digests, d->digests_len },
		.offers = { d->offers, d->offers_len },
		.wants = { d->wants, d->wants_len },
		.cursor = { d->cursor, d->page ? sizeof d->cursor : 0 },
	};
	if (d->to != NULL) {
		m.doubts = d->to->doubts;
		m.editions = d->to->editions;
		m.editions_sum = d->to->editions_sum;
	}
	size_t len = kith_msg_gossip_write(out, KITH_GOSSIP_REQUEST_MAX, &m);
	KITH_ASSERT(len > 0);
	return len;
}

/* Of all, or in sectors of what is near both, as much as has room, from anywhere on. A partner that is far is shown
 * something of ours, so that it names who is there: by partners of their own sector alone, some who met each other
 * first would never hear of the rest of it. */
static void draft_near(struct draft *d, const struct kith_members *ms, const struct kith_now *now, unsigned partner)
{
	unsigned n = kith_sectors_ranges(&ms->sectors);
	for (unsigned i = 0; i < n; i++) {
		struct kith_gossip_range r = kith_sectors_range(&ms->sectors, (unsigned)((d->salt + i) % n));
		if (partner >= KITH_MEMBERS_PARTNERS ||
		    kith_sectors_share(&ms->sectors, ms->partners[partner], kith_sectors_begin(r)))
			draft_digest(d, ms, now, r);
	}
	if (d->digests_len == 0)
		draft_digest(d, ms, now, kith_sectors_range(&ms->sectors, n / 2));
}

size_t kith_gossip_request(struct kith_members *ms, const struct kith_now *now, const struct kith_random *random,
			   const struct kith_gossip_to *to, uint8_t out[KITH_GOSSIP_REQUEST_MAX])
{
	struct draft d = { .salt = kith_rng_u64(random), .to = to };
	const struct kith_member *recent[KITH_GOSSIP_OFFERS_MAX];
	size_t places = part_len(to->editions.len) + (to->editions_sum != 0 ? SUM_LEN : 0) + OFFER_LEN - 1;
	size_t n = kith_members_news(ms, now, to->partner, recent, KITH_GOSSIP_OFFERS_MAX - places / OFFER_LEN);
	for (size_t i = 0; i < n; i++)
		draft_offer(&d, recent[i]);
	if (to->digests)
		draft_near(&d, ms, now, to->partner);
	return draft_pack(&d, out);
}

unsigned kith_gossip_requests(const struct kith_members *ms)
{
	return (kith_sectors_ranges(&ms->sectors) + KITH_GOSSIP_ASKED_DIGESTS_MAX - 1) / KITH_GOSSIP_ASKED_DIGESTS_MAX;
}

/* ---- what both sides do with what they hear ---- */

/* Asks for what the other side has newer. A full table asks for no one new: it could not keep the answer. */
static void want_newer(struct draft *d, struct kith_members *ms, const struct kith_now *now,
		       const struct kith_gossip_offer *offer)
{
	if (draft_has_room(d, PREFIX) && d->wants_len < sizeof d->wants &&
	    kith_members_want(ms, now, offer->prefix, offer->seq))
		draft_want(d, offer->prefix);
}

static void hear_offers(struct draft *d, struct kith_members *ms, const struct kith_now *now, unsigned partner,
			struct kith_span offers)
{
	struct kith_reader r = kith_reader_of_span(offers);
	struct kith_gossip_offer offer;
	while (kith_gossip_offer_next(&r, &offer)) {
		kith_members_knows(ms, partner, offer.prefix, offer.seq);
		want_newer(d, ms, now, &offer);
	}
}

/* ---- answering ---- */

struct reply {
	uint8_t digests[KITH_GOSSIP_TOLD_DIGESTS_MAX * DIGEST_LEN];
	uint8_t lists[KITH_GOSSIP_LISTS_LEN_MAX];
	struct kith_writer digests_w, lists_w;
	const struct kith_member *entries[KITH_GOSSIP_ENTRIES_MAX];
	size_t entries_n, entries_len; /* packed */
	const struct kith_member *page_next; /* the first that did not fit a page */
	const struct kith_member *around[AROUND]; /* who is known of a range that is far */
	size_t around_n;
};

static void reply_list(struct reply *re, const struct kith_members *ms, const struct kith_now *now,
		       struct kith_gossip_range r)
{
	uint32_t from, to, n = 0;
	struct kith_writer start = re->lists_w;
	uint8_t *header = kith_write(&re->lists_w, KITH_GOSSIP_LIST_HEADER_LEN);
	range_bounds(ms, r, &from, &to);
	for (uint32_t i = from; i < to && n < KITH_GOSSIP_LIST_MAX; i++) {
		if (!compared(ms->at[i], now))
			continue;
		uint8_t *out = kith_write(&re->lists_w, OFFER_LEN);
		if (out != NULL)
			offer_write(out, ms->at[i]);
		n++;
	}
	if (header == NULL || re->lists_w.bad) {
		re->lists_w = start; /* no room: a list must be whole; left for the next exchange */
		return;
	}
	struct kith_writer w = kith_writer_of(header, KITH_GOSSIP_LIST_HEADER_LEN);
	kith_gossip_list_header_write(&w, r, (uint8_t)n);
}

static void reply_digest(struct reply *re, const struct kith_members *ms, const struct kith_now *now, uint64_t salt,
			 struct kith_gossip_range r)
{
	if (kith_writer_space(&re->digests_w) < DIGEST_LEN)
		return;
	struct tally own;
	digest_range(ms, now, salt, r, &own);
	kith_gossip_digest_write(&re->digests_w, &own.digest);
}

/* A range that is far: who is known to be next to where it begins. */
static void reply_around(struct reply *re, const struct kith_members *ms, const struct kith_now *now,
			 struct kith_gossip_range asked)
{
	struct kith_member_walk walk;
	struct kith_id key = { { 0 } };
	struct kith_writer w = kith_writer_of(key.b, sizeof key.b);
	const struct kith_member *m;
	kith_write_u64(&w, kith_sectors_begin(asked));
	kith_member_walk_init(&walk, ms, &key);
	for (re->around_n = 0; re->around_n < AROUND && (m = kith_member_walk_next(&walk)) != NULL;) {
		if (compared(m, now))
			re->around[re->around_n++] = m;
	}
}

/* A range that is not known in full here: the asker may compare what of it is. */
static void reply_part(struct reply *re, const struct kith_members *ms, const struct kith_now *now, uint64_t salt,
		       struct kith_gossip_range asked)
{
	unsigned n = kith_sectors_ranges(&ms->sectors);
	bool far = true;
	for (unsigned i = 0; i < n; i++) {
		struct kith_gossip_range r = kith_sectors_range(&ms->sectors, (unsigned)((salt + i) % n));
		if (r.depth > asked.depth && r.path >> 4 * (r.depth - asked.depth) == asked.path) {
			reply_digest(re, ms, now, salt, r);
			far = false;
		}
	}
	if (far)
		reply_around(re, ms, now, asked);
}

/* Answers one range of the asker: where its children differ from ours. Begins anywhere, so that each gets its turn. */
static void reply_range(struct reply *re, const struct kith_members *ms, const struct kith_now *now, uint64_t salt,
			const struct kith_gossip_digest *theirs)
{
	struct tally own;
	if (!kith_sectors_whole(&ms->sectors, theirs->range)) {
		reply_part(re, ms, now, salt, theirs->range);
		return;
	}
	digest_range(ms, now, salt, theirs->range, &own);
	for (unsigned i = 0; i < KITH_GOSSIP_FANOUT; i++) {
		unsigned child = (i + (unsigned)(salt & 15)) % KITH_GOSSIP_FANOUT;
		struct kith_gossip_range r = child_of(theirs->range, child);
		if (own.digest.x[child] == theirs->x[child])
			continue;
		if (own.count[child] <= KITH_GOSSIP_LIST_MAX || r.depth == KITH_GOSSIP_DEPTH_MAX)
			reply_list(re, ms, now, r);
		else
			reply_digest(re, ms, now, salt, r);
	}
}

static bool reply_entry(struct reply *re, const struct kith_member *m, size_t room)
{
	size_t len = kith_member_entry_bytes(m).len + 3;
	if (re->entries_n == KITH_GOSSIP_ENTRIES_MAX || re->entries_len + len > room)
		return false;
	re->entries[re->entries_n++] = m;
	re->entries_len += len;
	return true;
}

static void reply_page(struct reply *re, const struct kith_members *ms, const struct kith_now *now,
		       struct kith_span cursor, size_t room)
{
	struct kith_id id = { { 0 } };
	memcpy(id.b, cursor.p, PREFIX);
	for (uint32_t i = kith_members_lower(ms, &id); i < ms->n; i++) {
		if (compared(ms->at[i], now) && !reply_entry(re, ms->at[i], room)) {
			re->page_next = ms->at[i];
			return;
		}
	}
}

static int reply_pack(const struct reply *re, struct kith_members *ms, const struct kith_now *now, uint64_t salt,
		      const struct kith_gossip_to *to, uint8_t *out, size_t cap)
{
	const struct kith_member *recent[KITH_GOSSIP_OFFERS_MAX];
	size_t recent_n = kith_members_news(ms, now, to->partner, recent, KITH_GOSSIP_OFFERS_MAX - AROUND);
	for (size_t i = 0; i < re->around_n; i++)
		recent[recent_n++] = re->around[i];
	uint8_t offers[KITH_GOSSIP_OFFERS_MAX * OFFER_LEN];
	struct kith_span entries[KITH_GOSSIP_ENTRIES_MAX];
	for (size_t i = 0; i < recent_n; i++)
		offer_write(offers + i * OFFER_LEN, recent[i]);
	for (size_t i = 0; i < re->entries_n; i++)
		entries[i] = kith_member_entry_bytes(re->entries[i]);
	struct kith_msg_gossiped m = {
		.salt = salt,
		.digests = { re->digests, kith_writer_len(&re->digests_w) },
		.lists = { re->lists, kith_writer_len(&re->lists_w) },
		.entries = { entries, re->entries_n },
		.count = kith_members_estimate(ms),
		.offers = { offers, recent_n * OFFER_LEN },
		.doubts = to->doubts,
		.editions = to->editions,
		.editions_sum = to->editions_sum,
	};
	if (re->page_next != NULL)
		m.cursor = (struct kith_span){ re->page_next->id.b, PREFIX };
	size_t len = kith_msg_gossiped_write(out, cap, &m);
	KITH_ASSERT(len > 0);
	return (int)len;
}

int kith_gossip_answer(struct kith_members *ms, const struct kith_now *now, const struct kith_gossip_to *to,
		       struct kith_span request, uint8_t *out, size_t cap, struct kith_gossip_result *result)
{
	struct kith_msg_gossip in;
	memset(result, 0, sizeof *result);
	if (cap < ANSWER_MIN)
		return KITH_EMSGSIZE;
	if (cap > KITH_ANSWER_MAX)
		cap = KITH_ANSWER_MAX;
	if (request.len > KITH_REQUEST_MAX || kith_msg_gossip_read(&in, request) != 0)
		return KITH_EPROTO;

	struct reply re = { .entries_n = 0 };
	size_t room = cap - ANSWER_OVERHEAD - besides_len(to);
	size_t lists_cap = room - sizeof re.digests < sizeof re.lists ? room - sizeof re.digests : sizeof re.lists;
	re.digests_w = kith_writer_of(re.digests, sizeof re.digests);
	re.lists_w = kith_writer_of(re.lists, lists_cap);
	struct kith_reader r = kith_reader_of_span(in.digests);
	struct kith_gossip_digest theirs;
	while (kith_gossip_digest_next(&r, &theirs))
		reply_range(&re, ms, now, in.salt, &theirs);
	room -= kith_writer_len(&re.digests_w) + kith_writer_len(&re.lists_w);
	for (size_t i = 0; i < in.wants.len; i += PREFIX) {
		const struct kith_member *m = kith_members_get_prefix(ms, in.wants.p + i);
		if (m != NULL)
			(void)reply_entry(&re, m, room);
	}
	if (in.cursor.len > 0)
		reply_page(&re, ms, now, in.cursor, room);

	result->doubts = in.doubts;
	result->editions = in.editions;
	struct draft follow = { .salt = in.salt };
	hear_offers(&follow, ms, now, to->partner, in.offers);
	if (!draft_empty(&follow))
		result->follow_len = draft_pack(&follow, result->follow);
	return reply_pack(&re, ms, now, in.salt, to, out, cap);
}

/* ---- taking an answer in ---- */

static void merge_entries(struct kith_members *ms, const struct kith_now *now, unsigned partner,
			  struct kith_spans entries, struct kith_gossip_result *result)
{
	for (size_t i = 0; i < entries.n; i++) {
		struct kith_member *m;
		int merged = kith_members_merge(ms, now, entries.at[i], &m);
		if (merged > 0)
			kith_members_knows(ms, partner, m->id.b, m->seq);
		bool near = m != NULL && kith_member_near(ms, m);
		result->paged = (uint16_t)(result->paged + (merged == KITH_MERGE_NEW));
		result->fresh = (uint16_t)(result->fresh + (near && merged == KITH_MERGE_NEW));
		result->updated = (uint16_t)(result->updated + (near && merged == KITH_MERGE_UPDATED));
		result->renewed = (uint16_t)(result->renewed + (near && merged == KITH_MERGE_RENEWED));
		result->returned = (uint16_t)(result->returned + (merged == KITH_MERGE_RETURNED));
		result->refused = (uint16_t)(result->refused + (merged < 0));
	}
}

/* One list of a range: asks for what is newer there, offers what is newer here or not there at all. Both are in the
 * order of ids, so one pass over both does it. */
static void hear_list(struct draft *d, struct kith_members *ms, const struct kith_now *now,
		      const struct kith_gossip_list *list)
{
	uint32_t i, to;
	struct kith_gossip_offer offer;
	struct kith_reader r = kith_reader_of_span(list->offers);
	bool more = kith_gossip_offer_next(&r, &offer);
	range_bounds(ms, list->range, &i, &to);
	while (i < to || more) {
		KITH_ASSERT(i == to || ms->at != NULL);
		int order = i == to ? 1 : !more ? -1 : memcmp(ms->at[i]->id.b, offer.prefix, PREFIX);
		if (order <= 0) {
			const struct kith_member *m = ms->at[i++];
			if (compared(m, now) && (order < 0 || m->seq > offer.seq))
				draft_offer(d, m);
		}
		if (order >= 0) {
			want_newer(d, ms, now, &offer);
			more = kith_gossip_offer_next(&r, &offer);
		}
	}
}

/* A list that was cut at its bound (a range of many) must not be taken as "I lack the rest": it offers nothing. */
static void hear_lists(struct draft *d, struct kith_members *ms, const struct kith_now *now, struct kith_span lists)
{
	struct kith_reader r = kith_reader_of_span(lists);
	struct kith_gossip_list list;
	while (kith_gossip_list_next(&r, &list)) {
		if (list.n >= KITH_GOSSIP_LIST_MAX)
			hear_offers(d, ms, now, KITH_MEMBERS_STRANGER, list.offers);
		else
			hear_list(d, ms, now, &list);
	}
}

static void hear_digest(struct draft *d, const struct kith_members *ms, const struct kith_now *now,
			const struct kith_gossip_digest *theirs)
{
	struct tally own;
	if (theirs->range.depth == 0 || !kith_sectors_whole(&ms->sectors, theirs->range))
		return; /* the whole would go round in circles: what is deeper than our own question is followed */
	digest_range(ms, now, d->salt, theirs->range, &own);
	for (unsigned i = 0; i < KITH_GOSSIP_FANOUT; i++) {
		unsigned child = (i + (unsigned)(d->salt >> 4 & 15)) % KITH_GOSSIP_FANOUT;
		if (own.digest.x[child] != theirs->x[child] && theirs->range.depth + 1 < KITH_GOSSIP_DEPTH_MAX)
			draft_digest(d, ms, now, child_of(theirs->range, child));
	}
}

int kith_gossip_answered(struct kith_members *ms, const struct kith_now *now, unsigned partner, struct kith_span answer,
			 struct kith_gossip_result *result)
{
	struct kith_msg_room room;
	struct kith_msg_gossiped in;
	memset(result, 0, sizeof *result);
	if (kith_msg_gossiped_read(&in, &room, answer) != 0)
		return KITH_EPROTO;
	uint32_t held = kith_members_estimate(ms);
	merge_entries(ms, now, partner, in.entries, result);
	result->doubts = in.doubts;
	result->editions = in.editions;
	result->editions_all = in.editions_sum != 0;
	result->count = in.count;

	struct draft d = { .salt = in.salt };
	bool brought = result->paged > 0 && in.cursor.len > 0;
	if (brought && kith_sectors_near(&ms->sectors, in.cursor.p)) {
		d.page = true;
		memcpy(d.cursor, in.cursor.p, PREFIX);
	} else if (in.digests.len + in.lists.len > 0 && in.count > 2 * (uint64_t)held + NEWCOMER_SLACK &&
		   ms->n < ms->max) {
		/* From the first id that is near: asked once per exchange, since pages carry neither of the two. */
		struct kith_writer w = kith_writer_of(d.cursor, sizeof d.cursor);
		kith_write_u64(&w, kith_sectors_begin(kith_sectors_range(&ms->sectors, 0)));
		d.page = true;
	} else {
		hear_offers(&d, ms, now, partner, in.offers);
		hear_lists(&d, ms, now, in.lists);
		struct kith_reader r = kith_reader_of_span(in.digests);
		struct kith_gossip_digest theirs;
		while (kith_gossip_digest_next(&r, &theirs))
			hear_digest(&d, ms, now, &theirs);
	}
	if (!draft_empty(&d))
		result->follow_len = draft_pack(&d, result->follow);
	return 0;
}
