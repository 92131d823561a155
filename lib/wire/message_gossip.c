#include "wire/message_gossip.h"

#include "wire/message_internal.h"

enum { PREFIX = KITH_MEMBER_ID_PREFIX };

/* ---- the layouts ---- */

static struct kith_gossip_range read_range(struct kith_reader *r, uint8_t depth_min, uint8_t depth_max)
{
	struct kith_gossip_range range = { .depth = kith_read_u8(r) };
	range.path = kith_read_u32(r);
	bool whole = range.depth == 8; /* the path has room for eight digits */
	if (range.depth < depth_min || range.depth > depth_max || (!whole && range.path >> (4 * range.depth) != 0))
		r->bad = true;
	return range;
}

bool kith_gossip_digest_next(struct kith_reader *r, struct kith_gossip_digest *out)
{
	if (kith_reader_left(r) == 0)
		return false;
	out->range = read_range(r, 0, KITH_GOSSIP_DEPTH_MAX - 1);
	for (unsigned i = 0; i < KITH_GOSSIP_FANOUT; i++)
		out->x[i] = kith_read_u64(r);
	return !r->bad;
}

bool kith_gossip_offer_next(struct kith_reader *r, struct kith_gossip_offer *out)
{
	if (kith_reader_left(r) == 0)
		return false;
	out->prefix = kith_read(r, PREFIX);
	out->seq = kith_read_u64(r);
	return !r->bad;
}

bool kith_gossip_list_next(struct kith_reader *r, struct kith_gossip_list *out)
{
	if (kith_reader_left(r) == 0)
		return false;
	out->range = read_range(r, 1, KITH_GOSSIP_DEPTH_MAX);
	out->n = kith_read_u8(r);
	out->offers = kith_read_span(r, (size_t)out->n * KITH_GOSSIP_OFFER_LEN);
	return !r->bad;
}

bool kith_gossip_doubt_next(struct kith_reader *r, struct kith_gossip_doubt *out)
{
	if (kith_reader_left(r) == 0)
		return false;
	out->bytes = kith_read_span(r, KITH_GOSSIP_DOUBT_LEN);
	if (r->bad)
		return false;
	struct kith_reader in = kith_reader_of_span(out->bytes);
	out->accused = kith_read(&in, PREFIX);
	out->seq = kith_read_u64(&in);
	out->at_ms = kith_read_u64(&in);
	out->accuser = kith_read(&in, PREFIX);
	out->sig = kith_read(&in, KITH_SIG_LEN);
	return true;
}

void kith_gossip_digest_write(struct kith_writer *w, const struct kith_gossip_digest *d)
{
	kith_write_u8(w, d->range.depth);
	kith_write_u32(w, d->range.path);
	for (unsigned i = 0; i < KITH_GOSSIP_FANOUT; i++)
		kith_write_u64(w, d->x[i]);
}

void kith_gossip_offer_write(struct kith_writer *w, const uint8_t prefix[PREFIX], uint64_t seq)
{
	kith_write_bytes(w, prefix, PREFIX);
	kith_write_u64(w, seq);
}

void kith_gossip_doubt_write(struct kith_writer *w, const uint8_t accused[PREFIX], uint64_t seq, uint64_t at_ms,
			     const uint8_t accuser[PREFIX])
{
	kith_write_bytes(w, accused, PREFIX);
	kith_write_u64(w, seq);
	kith_write_u64(w, at_ms);
	kith_write_bytes(w, accuser, PREFIX);
}

void kith_gossip_list_header_write(struct kith_writer *w, struct kith_gossip_range range, uint8_t n)
{
	kith_write_u8(w, range.depth);
	kith_write_u32(w, range.path);
	kith_write_u8(w, n);
}

/* ---- parts ---- */

static void put_part(struct kith_msg_draft *d, uint32_t key, struct kith_span part)
{
	if (part.len > 0)
		kith_msg_put_bytes(d, key, part.p, part.len);
}

/* Absent, or bytes: whole units, at most max of them. */
static bool get_part(const struct kith_unpacked *in, uint32_t key, size_t unit, size_t max, struct kith_span *out)
{
	const struct kith_unpack_item *item = kith_unpack_get(in, kith_unpack_root(in), key);
	if (item == NULL)
		return true;
	if (item->type != KITH_UNPACK_BYTES || item->bytes.len % unit != 0 || item->bytes.len / unit > max)
		return false;
	if (item->bytes.len > 0)
		*out = item->bytes;
	return true;
}

static bool digests_valid(struct kith_span digests)
{
	struct kith_reader r = kith_reader_of_span(digests);
	struct kith_gossip_digest d;
	while (kith_gossip_digest_next(&r, &d)) {}
	return !r.bad;
}

static bool lists_valid(struct kith_span lists)
{
	struct kith_reader r = kith_reader_of_span(lists);
	struct kith_gossip_list l;
	while (kith_gossip_list_next(&r, &l)) {}
	return !r.bad;
}

/* ---- the messages ---- */

size_t kith_msg_gossip_write(uint8_t *out, size_t cap, const struct kith_msg_gossip *m)
{
	struct kith_msg_draft d = kith_msg_begin(out, cap);
	kith_msg_put_uint(&d, KITH_B_GOSSIP_SALT, m->salt);
	put_part(&d, KITH_B_GOSSIP_DIGESTS, m->digests);
	put_part(&d, KITH_B_GOSSIP_OFFERS, m->offers);
	put_part(&d, KITH_B_GOSSIP_WANTS, m->wants);
	put_part(&d, KITH_B_GOSSIP_CURSOR, m->cursor);
	put_part(&d, KITH_B_GOSSIP_DOUBTS, m->doubts);
	put_part(&d, KITH_B_GOSSIP_EDITIONS, m->editions);
	if (m->editions_sum != 0)
		kith_msg_put_uint(&d, KITH_B_GOSSIP_EDITIONS_SUM, m->editions_sum);
	return kith_msg_end(&d);
}

int kith_msg_gossip_read(struct kith_msg_gossip *out, struct kith_span body)
{
	struct kith_unpacked in;
	memset(out, 0, sizeof *out);
	if (kith_unpack_parse(&in, body) != 0)
		return KITH_EPROTO;
	(void)kith_msg_get_uint(&in, KITH_B_GOSSIP_SALT, UINT64_MAX, &out->salt);
	(void)kith_msg_get_uint(&in, KITH_B_GOSSIP_EDITIONS_SUM, UINT64_MAX, &out->editions_sum);
	bool good = get_part(&in, KITH_B_GOSSIP_DIGESTS, KITH_GOSSIP_DIGEST_LEN, KITH_GOSSIP_ASKED_DIGESTS_MAX,
			     &out->digests) &&
		    get_part(&in, KITH_B_GOSSIP_OFFERS, KITH_GOSSIP_OFFER_LEN, SIZE_MAX, &out->offers) &&
		    get_part(&in, KITH_B_GOSSIP_WANTS, PREFIX, SIZE_MAX, &out->wants) &&
		    get_part(&in, KITH_B_GOSSIP_CURSOR, PREFIX, 1, &out->cursor) &&
		    get_part(&in, KITH_B_GOSSIP_DOUBTS, KITH_GOSSIP_DOUBT_LEN, SIZE_MAX, &out->doubts) &&
		    get_part(&in, KITH_B_GOSSIP_EDITIONS, 1, KITH_EDITIONS_LEN_MAX, &out->editions) &&
		    kith_editions_check(out->editions);
	return good && digests_valid(out->digests) ? 0 : KITH_EPROTO;
}

size_t kith_msg_gossiped_write(uint8_t *out, size_t cap, const struct kith_msg_gossiped *m)
{
	struct kith_msg_draft d = kith_msg_begin(out, cap);
	kith_msg_put_uint(&d, KITH_B_GOSSIPED_SALT, m->salt);
	put_part(&d, KITH_B_GOSSIPED_DIGESTS, m->digests);
	put_part(&d, KITH_B_GOSSIPED_LISTS, m->lists);
	if (m->entries.n > 0)
		kith_msg_put_list(&d, KITH_B_GOSSIPED_ENTRIES, m->entries);
	put_part(&d, KITH_B_GOSSIPED_CURSOR, m->cursor);
	kith_msg_put_uint(&d, KITH_B_GOSSIPED_COUNT, m->count);
	put_part(&d, KITH_B_GOSSIPED_OFFERS, m->offers);
	put_part(&d, KITH_B_GOSSIPED_DOUBTS, m->doubts);
	put_part(&d, KITH_B_GOSSIPED_EDITIONS, m->editions);
	if (m->editions_sum != 0)
		kith_msg_put_uint(&d, KITH_B_GOSSIPED_EDITIONS_SUM, m->editions_sum);
	return kith_msg_end(&d);
}

int kith_msg_gossiped_read(struct kith_msg_gossiped *out, struct kith_msg_room *room, struct kith_span body)
{
	struct kith_unpacked in;
	uint64_t count = 0;
	memset(out, 0, sizeof *out);
	room->n = 0;
	if (kith_unpack_parse(&in, body) != 0)
		return KITH_EPROTO;
	(void)kith_msg_get_uint(&in, KITH_B_GOSSIPED_SALT, UINT64_MAX, &out->salt);
	(void)kith_msg_get_uint(&in, KITH_B_GOSSIPED_EDITIONS_SUM, UINT64_MAX, &out->editions_sum);
	(void)kith_msg_get_uint(&in, KITH_B_GOSSIPED_COUNT, UINT32_MAX, &count);
	out->count = (uint32_t)count;
	out->entries = kith_msg_get_list(&in, KITH_B_GOSSIPED_ENTRIES, 0, room);
	bool good = get_part(&in, KITH_B_GOSSIPED_DIGESTS, KITH_GOSSIP_DIGEST_LEN, KITH_GOSSIP_TOLD_DIGESTS_MAX,
			     &out->digests) &&
		    get_part(&in, KITH_B_GOSSIPED_LISTS, 1, SIZE_MAX, &out->lists) &&
		    get_part(&in, KITH_B_GOSSIPED_CURSOR, PREFIX, 1, &out->cursor) &&
		    get_part(&in, KITH_B_GOSSIPED_OFFERS, KITH_GOSSIP_OFFER_LEN, SIZE_MAX, &out->offers) &&
		    get_part(&in, KITH_B_GOSSIPED_DOUBTS, KITH_GOSSIP_DOUBT_LEN, SIZE_MAX, &out->doubts) &&
		    get_part(&in, KITH_B_GOSSIPED_EDITIONS, 1, KITH_EDITIONS_LEN_MAX, &out->editions) &&
		    kith_editions_check(out->editions);
	return good && digests_valid(out->digests) && lists_valid(out->lists) ? 0 : KITH_EPROTO;
}
