#include "overlay/members_vouched.h"

#include <string.h>

#include "base/addr.h"
#include "base/alloc.h"
#include "base/assert.h"
#include "base/bytes.h"
#include "identity/keypair.h"

#define SUSPECT_US (30 * KITH_US_PER_S)

enum {
	SUSPECT_DOUBLINGS = 7, /* 30 s to 64 min */
	MEMBERS_FIRST = 16, /* capacity of the first allocation */
	OWN = KITH_MEMBERS_RECENT /* place of our own entry among news */
};

void kith_members_init(struct kith_members *ms, const struct kith_alloc *alloc, struct kith_blobs *blobs,
		       struct kith_trust *trust, uint32_t max, const uint64_t seed[2])
{
	*ms = (struct kith_members){ .alloc = alloc, .blobs = blobs, .trust = trust, .max = max };
	ms->sectors.full = max;
	ms->sectors.size = KITH_SECTOR_SIZE;
	ms->sectors.guides = KITH_SECTOR_GUIDES;
	kith_table_init(&ms->by_tag, alloc, max, KITH_TABLE_KEY(struct kith_member, tag), seed);
}

/* A device that changed its place has been two members for a while: the newer counts. */
static void index_tag(struct kith_members *ms, struct kith_member *m)
{
	(void)kith_table_remove(&ms->by_tag, &m->tag);
	int err = kith_table_put(&ms->by_tag, m);
	(void)err; /* no memory: records that name it are doubted, and its leaves called by way of another */
}

static void unindex_tag(struct kith_members *ms, const struct kith_member *m)
{
	if (kith_table_get(&ms->by_tag, &m->tag) == m)
		(void)kith_table_remove(&ms->by_tag, &m->tag);
}

static void member_free(struct kith_members *ms, struct kith_member *m)
{
	unindex_tag(ms, m);
	kith_blob_unref(ms->blobs, m->blob);
	KITH_FREE(ms->alloc, m);
}

void kith_members_deinit(struct kith_members *ms)
{
	for (uint32_t i = 0; i < ms->n; i++)
		member_free(ms, ms->at[i]);
	kith_table_deinit(&ms->by_tag);
	KITH_FREE_ARRAY(ms->alloc, ms->at, ms->cap);
	KITH_FREE(ms->alloc, ms->absent);
	ms->at = NULL;
	ms->absent = NULL;
	ms->n = ms->cap = ms->tombs = 0;
}

/* ---- finding ---- */

static uint32_t lower_bound(const struct kith_members *ms, const uint8_t *key, size_t len)
{
	uint32_t from = 0, to = ms->n;
	while (from < to) {
		uint32_t mid = from + (to - from) / 2;
		if (memcmp(ms->at[mid]->id.b, key, len) < 0)
			from = mid + 1;
		else
			to = mid;
	}
	return from;
}

static struct kith_member *find(const struct kith_members *ms, const uint8_t *key, size_t len)
{
	uint32_t i = lower_bound(ms, key, len);
	return i < ms->n && memcmp(ms->at[i]->id.b, key, len) == 0 ? ms->at[i] : NULL;
}

uint32_t kith_members_lower(const struct kith_members *ms, const struct kith_id *id)
{
	return lower_bound(ms, id->b, sizeof id->b);
}

struct kith_member *kith_members_get(const struct kith_members *ms, const struct kith_id *id)
{
	return find(ms, id->b, sizeof id->b);
}

struct kith_member *kith_members_get_prefix(const struct kith_members *ms, const uint8_t prefix[KITH_MEMBER_ID_PREFIX])
{
	return find(ms, prefix, KITH_MEMBER_ID_PREFIX);
}

/* ---- sectors ---- */

uint32_t kith_members_in_sector(const struct kith_members *ms, uint64_t sector)
{
	const uint8_t bits = ms->sectors.bits;
	uint32_t bound[2] = { 0, ms->n };
	sector &= (UINT64_C(1) << bits) - 1;
	for (unsigned i = 0; i < 2 && bits > 0; i++) {
		uint8_t key[sizeof(uint64_t)];
		struct kith_writer w = kith_writer_of(key, sizeof key);
		kith_write_u64(&w, (sector + i) << (64 - bits));
		if (i == 0 || (sector + 1) >> bits == 0) /* else to the end of the ring */
			bound[i] = lower_bound(ms, key, sizeof key);
	}
	return bound[1] - bound[0];
}

uint32_t kith_members_near(const struct kith_members *ms)
{
	uint64_t own = kith_sectors_of(&ms->sectors, ms->sectors.self);
	return ms->sectors.bits < 2 ? ms->n
				    : kith_members_in_sector(ms, own - 1) + kith_members_in_sector(ms, own) +
					      kith_members_in_sector(ms, own + 1);
}

uint32_t kith_members_estimate(const struct kith_members *ms)
{
	return ms->sectors.bits < 2 ? ms->n : (kith_members_near(ms) << ms->sectors.bits) / 3;
}

void kith_members_use(const struct kith_members *ms, const struct kith_id *id, kith_time_us now)
{
	struct kith_member *m = kith_members_get(ms, id);
	if (m != NULL)
		m->used_at = now;
}

void kith_members_narrow(struct kith_members *ms, kith_time_us now, uint32_t estimate)
{
	struct kith_sectors *s = &ms->sectors;
	/* Guides of all sectors take half of the table at most. */
	while ((uint32_t)s->guides << (s->bits + 1) <= ms->max / 2 && s->bits < KITH_SECTOR_BITS_MAX) {
		uint32_t held = kith_members_in_sector(ms, kith_sectors_of(s, s->self)), said = estimate >> s->bits;
		if ((held > said ? held : said) < (s->bits == 0 ? s->full : s->size + s->size / 2))
			return;
		s->bits++;
		s->since = now;
		s->marked = false;
	}
}

/* ---- merging ---- */

static struct kith_blob *intern(struct kith_members *ms, const struct kith_member_entry *entry)
{
	uint8_t bytes[2 * KITH_KEY_LEN + KITH_MEMBER_LEN_MAX];
	memcpy(bytes, entry->device.b, KITH_KEY_LEN);
	memcpy(bytes + KITH_KEY_LEN, entry->sign.b, KITH_KEY_LEN);
	memcpy(bytes + 2 * KITH_KEY_LEN, entry->bytes.p, entry->bytes.len);
	return kith_blob_intern(ms->blobs, bytes, 2 * KITH_KEY_LEN + entry->bytes.len);
}

/* Puts the verified entry's fields into m, which holds no blob. */
static void fill(const struct kith_members *ms, struct kith_member *m, const struct kith_member_entry *entry,
		 struct kith_blob *blob)
{
	uint8_t tag[KITH_HOME_TAG_LEN];
	kith_home_tag(ms->trust->suite, tag, &entry->sign);
	m->tag = kith_bytes_number(tag, sizeof m->tag);
	m->blob = blob;
	m->seq = entry->seq;
	m->expires_ms = entry->expires_ms;
	m->prefix = kith_addr_diversity_prefix(&entry->endpoints[0].addr);
	m->flags = (uint8_t)entry->flags;
	m->run = (uint8_t)(entry->flags >> 8);
	m->load = entry->load;
	m->on_word = false;
	m->suspect_until = 0; /* it signed this after we gave up on it */
	m->failures = 0;
}

static void count_gone(struct kith_members *ms, const struct kith_member *m, uint32_t by)
{
	ms->tombs += kith_member_live(m) ? 0 : by;
	ms->dead += m->dead ? by : 0;
}

static int make_room(struct kith_members *ms)
{
	if (ms->n < ms->cap)
		return 0;
	uint32_t cap = ms->cap > 0 ? ms->cap + ms->cap / 2 : MEMBERS_FIRST;
	if (cap > ms->max)
		cap = ms->max;
	struct kith_member **at = kith_alloc_resize(ms->alloc, ms->at, ms->cap * sizeof *at, cap * sizeof *at);
	if (at == NULL)
		return KITH_ENOMEM;
	ms->at = at;
	ms->cap = cap;
	return 0;
}

static int insert(struct kith_members *ms, const struct kith_id *id, const struct kith_member_entry *entry,
		  kith_time_us now, struct kith_member **out)
{
	int err = make_room(ms);
	if (err != 0)
		return err;
	struct kith_member *m = KITH_NEW(ms->alloc, struct kith_member);
	struct kith_blob *blob = m != NULL ? intern(ms, entry) : NULL;
	if (blob == NULL) {
		KITH_FREE(ms->alloc, m);
		return KITH_ENOMEM;
	}
	m->id = *id;
	m->since = m->used_at = now;
	fill(ms, m, entry, blob);
	index_tag(ms, m);
	uint32_t i = kith_members_lower(ms, id);
	memmove(&ms->at[i + 1], &ms->at[i], (ms->n - i) * sizeof *ms->at);
	ms->at[i] = m;
	ms->n++;
	count_gone(ms, m, 1);
	*out = m;
	return KITH_MERGE_NEW;
}

/* Whether the entry says no more than that the member is still where it was. */
static bool only_longer(const struct kith_member *m, const struct kith_member_entry *entry)
{
	struct kith_member_facts facts;
	kith_member_facts(m, &facts);
	bool same = entry->flags == ((unsigned)m->run << 8 | m->flags) && entry->endpoints_n == facts.endpoints_n;
	for (uint8_t i = 0; same && i < facts.endpoints_n; i++)
		same = kith_endpoint_equal(&entry->endpoints[i], &facts.endpoints[i]);
	return same;
}

static int replace(struct kith_members *ms, struct kith_member *m, const struct kith_member_entry *entry)
{
	struct kith_blob *blob = intern(ms, entry);
	if (blob == NULL)
		return KITH_ENOMEM;
	int how = m->dead ? KITH_MERGE_RETURNED : only_longer(m, entry) ? KITH_MERGE_RENEWED : KITH_MERGE_UPDATED;
	kith_blob_unref(ms->blobs, m->blob);
	count_gone(ms, m, (uint32_t)-1);
	if (m->failures > 0 || m->dead)
		m->returns++;
	m->dead = false;
	unindex_tag(ms, m);
	fill(ms, m, entry, blob);
	index_tag(ms, m);
	count_gone(ms, m, 1);
	return how;
}

void kith_members_drop(struct kith_members *ms, uint32_t i)
{
	count_gone(ms, ms->at[i], (uint32_t)-1);
	member_free(ms, ms->at[i]);
	ms->n--;
	memmove(&ms->at[i], &ms->at[i + 1], (ms->n - i) * sizeof *ms->at);
}

/* How readily a member gives way to a newcomer: 0 not at all, 1 a guide that is far, 2 any other that is far, 3 one
 * that was found dead. */
static unsigned ease(const struct kith_members *ms, const struct kith_member *m, bool for_near)
{
	if (m->dead)
		return 3;
	return kith_member_near(ms, m) || (m->guide && !for_near) ? 0 : m->guide ? 1 : 2;
}

/* Of those that give way most readily the one that was known, or used, the longest ago. */
static bool give_way(struct kith_members *ms, const struct kith_id *newcomer)
{
	bool for_near = kith_sectors_near(&ms->sectors, newcomer->b);
	uint32_t best = ms->n;
	unsigned most = 0;
	for (uint32_t i = 0; (ms->dead > 0 || ms->sectors.bits > 0) && i < ms->n; i++) {
		unsigned e = ease(ms, ms->at[i], for_near);
		if (e > most ||
		    (e == most && e > 0 &&
		     (e == 3 ? ms->at[i]->since < ms->at[best]->since : ms->at[i]->used_at < ms->at[best]->used_at))) {
			best = i;
			most = e;
		}
	}
	if (most == 0)
		return false;
	kith_members_drop(ms, best);
	return true;
}

static bool out_of_use(const struct kith_members *ms, const struct kith_member *m, kith_time_us now)
{
	return ms->sectors.marked && !m->guide && !kith_member_near(ms, m) && now - m->used_at >= KITH_FAR_KEPT_US;
}

static uint32_t sweep(struct kith_members *ms, const struct kith_now *now)
{
	uint32_t kept = 0;
	for (uint32_t i = 0; i < ms->n; i++) {
		struct kith_member *m = ms->at[i];
		if (m->expires_ms < now->unix_ms - KITH_CLOCK_TOLERANCE_MS || out_of_use(ms, m, now->mono_us)) {
			count_gone(ms, m, (uint32_t)-1);
			member_free(ms, m);
		} else {
			ms->at[kept++] = m;
		}
	}
	uint32_t gone = ms->n - kept;
	ms->n = kept;
	ms->swept = now->mono_us;
	return gone;
}

/* One place for an identity. An entry in an open network has none: its id is made of the identity. */
static int take_place(struct kith_members *ms, const struct kith_now *now, const struct kith_member_entry *entry,
		      const struct kith_person *person)
{
	uint8_t former[KITH_PLACEMENT_LEN];
	struct kith_id id;
	if (ms->trust->open)
		return 0;
	int placing = kith_placements_take(&ms->trust->placements, now, &person->identity, person->placement,
					   entry->expires_ms, former);
	if (placing != KITH_PLACING_REPLACES)
		return placing;
	kith_ids_supernode(ms->trust->suite, &id, &ms->trust->network, former);
	struct kith_member *m = kith_members_get(ms, &id);
	if (m != NULL && (m->flags & KITH_MEMBER_LEFT) == 0) {
		count_gone(ms, m, (uint32_t)-1);
		m->flags |= KITH_MEMBER_LEFT;
		count_gone(ms, m, 1);
	}
	return 0;
}

int kith_members_merge(struct kith_members *ms, const struct kith_now *now, struct kith_span entry,
		       struct kith_member **out)
{
	struct kith_member_entry parsed;
	struct kith_member *m = NULL;
	struct kith_person person;
	struct kith_id id;
	if (out != NULL)
		*out = NULL;
	int err = kith_member_parse(&parsed, entry);
	if (err == 0)
		err = kith_member_id(&parsed, ms->trust, &id);
	if (err != 0)
		return err;
	m = kith_members_get(ms, &id);
	if (m == NULL || m->seq < parsed.seq) {
		/* A table that is full of the living refuses before it spends anything on a stranger. */
		if (m == NULL && ms->n >= ms->max && kith_members_expire(ms, now) == 0 && ms->dead == 0 &&
		    ms->sectors.bits == 0)
			return KITH_EFULL;
		err = kith_members_check(ms, now, &parsed, m, &person);
		bool on_word = err == KITH_ENOENT && kith_members_on_word(ms, now, &id, parsed.attest);
		if (err == 0 || on_word)
			err = take_place(ms, now, &parsed, &person);
		if (err != 0)
			return err;
		if (m == NULL && ms->n >= ms->max && !give_way(ms, &id))
			return KITH_EFULL;
		err = m != NULL ? replace(ms, m, &parsed) : insert(ms, &id, &parsed, now->mono_us, &m);
		if (err < 0)
			return err;
		m->on_word = on_word;
		if (err == KITH_MERGE_NEW)
			kith_members_narrow(ms, now->mono_us, 0);
		kith_members_tell(ms, &id, 0, err != KITH_MERGE_RENEWED);
	}
	if (out != NULL)
		*out = m;
	return err;
}

/* ---- one member ---- */

void kith_member_facts(const struct kith_member *m, struct kith_member_facts *out)
{
	struct kith_member_entry parsed;
	memset(out, 0, sizeof *out);
	memcpy(out->dh.b, m->blob->bytes, KITH_KEY_LEN);
	memcpy(out->sign.b, m->blob->bytes + KITH_KEY_LEN, KITH_KEY_LEN);
	out->entry = kith_member_entry_bytes(m);
	int err = kith_member_parse(&parsed, out->entry);
	KITH_ASSERT(err == 0); /* it parsed when it was merged */
	out->endpoints_n = parsed.endpoints_n;
	memcpy(out->endpoints, parsed.endpoints, sizeof out->endpoints);
}

static bool is_at(const struct kith_member_facts *facts, const struct kith_addr *addr)
{
	for (uint8_t i = 0; i < facts->endpoints_n; i++) {
		if (kith_addr_same_prefix(&facts->endpoints[i].addr, addr, 128))
			return true;
	}
	return false;
}

bool kith_members_refute(const struct kith_members *ms, const struct kith_home *home)
{
	struct kith_member_facts facts;
	uint64_t tag = kith_bytes_number(home->tag, sizeof tag);
	const struct kith_member *m = kith_table_get(&ms->by_tag, &tag);
	if (m == NULL || (m->flags & KITH_MEMBER_LEFT) != 0)
		return m != NULL || ms->sectors.bits == 0;
	kith_member_facts(m, &facts);
	bool there = kith_key_equal(&facts.dh, &home->host.dh);
	for (uint8_t i = 0; there && i < home->host.endpoints_n; i++)
		there = is_at(&facts, &home->host.endpoints[i].addr);
	return !there;
}

void kith_member_host(const struct kith_member *m, struct kith_host *out)
{
	struct kith_member_facts facts;
	kith_member_facts(m, &facts);
	memset(out, 0, sizeof *out);
	out->dh = facts.dh;
	for (uint8_t i = 0; i < facts.endpoints_n; i++)
		kith_host_add(out, &facts.endpoints[i]);
}

void kith_member_failed(struct kith_member *m, kith_time_us now)
{
	unsigned doublings = m->failures < SUSPECT_DOUBLINGS ? m->failures : SUSPECT_DOUBLINGS;
	m->suspect_until = now + (SUSPECT_US << doublings);
	if (m->failures < UINT8_MAX)
		m->failures++;
}

void kith_member_alive(struct kith_member *m, kith_time_us now)
{
	m->heard_at = now;
	m->suspect_until = 0;
	m->returns = (uint8_t)(m->returns + (m->failures > 0));
	m->failures = 0;
}

void kith_members_bury(struct kith_members *ms, struct kith_member *m)
{
	count_gone(ms, m, (uint32_t)-1);
	m->dead = true;
	count_gone(ms, m, 1);
}

uint32_t kith_member_copy(const struct kith_member *m)
{
	uint64_t h = kith_bytes_number(m->id.b, sizeof h) ^ ((uint64_t)m->run << 8 | m->returns);
	h *= 0x9e3779b97f4a7c15u;
	return (uint32_t)(h >> 32) | 1;
}

/* ---- news ---- */

static uint16_t bit_of(unsigned partner)
{
	return partner < KITH_MEMBERS_PARTNERS ? (uint16_t)(1u << partner) : 0;
}

/* The partner's bit if what is there is far from it: it would not keep that. */
static uint16_t not_for(const struct kith_members *ms, unsigned partner, const struct kith_id *id)
{
	bool near = kith_sectors_share(&ms->sectors, ms->partners[partner], kith_sectors_place(id->b));
	return near ? 0 : bit_of(partner);
}

void kith_members_tell(struct kith_members *ms, const struct kith_id *id, uint16_t told, bool urgent)
{
	/* Often enough that a rumour told at random reaches all with room to spare: log2 of their number, and three. */
	uint8_t times = 3;
	bool own = kith_sectors_place(id->b) == ms->sectors.self;
	if (!kith_sectors_near(&ms->sectors, id->b))
		return;
	for (uint32_t n = ms->n; n > 1; n /= 2)
		times++;
	struct kith_member_recent *recent = &ms->recent[own ? OWN : ms->recent_next];
	ms->news_lost =
		ms->news_lost || (!own && recent->left > 0 && recent->told != (1u << KITH_MEMBERS_PARTNERS) - 1);
	*recent = (struct kith_member_recent){ *id, told, times, urgent };
	for (unsigned i = 0; i < KITH_MEMBERS_PARTNERS; i++)
		recent->told |= not_for(ms, i, id);
	if (!own)
		ms->recent_next = (uint8_t)((ms->recent_next + 1) % KITH_MEMBERS_RECENT);
}

void kith_members_knows(struct kith_members *ms, unsigned partner, const uint8_t prefix[KITH_MEMBER_ID_PREFIX],
			uint64_t seq)
{
	const struct kith_member *m = kith_members_get_prefix(ms, prefix);
	if (m == NULL || m->seq > seq)
		return;
	for (unsigned i = 0; i <= OWN; i++) {
		if (memcmp(ms->recent[i].id.b, prefix, KITH_MEMBER_ID_PREFIX) == 0)
			ms->recent[i].told |= bit_of(partner);
	}
}

void kith_members_partner(struct kith_members *ms, unsigned partner, const struct kith_id *id)
{
	ms->partners[partner] = kith_sectors_place(id->b);
	for (unsigned i = 0; i <= OWN; i++) {
		ms->recent[i].told &= (uint16_t)~bit_of(partner);
		ms->recent[i].told |= not_for(ms, partner, &ms->recent[i].id);
	}
}

static bool to_tell(const struct kith_member_recent *recent, unsigned partner)
{
	return recent->left > 0 && (partner >= KITH_MEMBERS_PARTNERS || (recent->told & bit_of(partner)) == 0);
}

size_t kith_members_news(struct kith_members *ms, const struct kith_now *now, unsigned partner,
			 const struct kith_member *out[], size_t max)
{
	size_t n = 0;
	for (unsigned i = 0; i <= KITH_MEMBERS_RECENT && n < max; i++) {
		unsigned at = i == 0 ? OWN : (ms->recent_next + KITH_MEMBERS_RECENT - i) % KITH_MEMBERS_RECENT;
		struct kith_member_recent *recent = &ms->recent[at];
		if (!to_tell(recent, partner))
			continue;
		const struct kith_member *m = kith_members_get(ms, &recent->id);
		if (m == NULL || m->expires_ms < now->unix_ms) {
			recent->left = 0;
			continue;
		}
		recent->told |= bit_of(partner);
		if (partner >= KITH_MEMBERS_PARTNERS)
			recent->left--;
		bool twice = false; /* it changed again before the first change was told */
		for (size_t k = 0; k < n; k++)
			twice |= out[k] == m;
		if (!twice)
			out[n++] = m;
	}
	return n;
}

uint16_t kith_members_untold(const struct kith_members *ms, uint16_t partners, bool urgent)
{
	uint16_t untold = 0;
	for (unsigned i = 0; i <= OWN; i++) {
		const struct kith_member_recent *recent = &ms->recent[i];
		if (recent->left > 0 && (recent->urgent || !urgent))
			untold |= (uint16_t)(partners & ~recent->told);
	}
	return untold;
}

static bool has_place(const struct kith_members *ms, const uint8_t prefix[KITH_MEMBER_ID_PREFIX])
{
	uint64_t sector = kith_sectors_of(&ms->sectors, kith_sectors_place(prefix));
	if (!kith_sectors_near(&ms->sectors, prefix))
		return kith_members_in_sector(ms, sector) < ms->sectors.guides;
	return ms->n < ms->max || ms->dead > 0 || ms->sectors.bits > 0;
}

bool kith_members_want(struct kith_members *ms, const struct kith_now *now, const uint8_t prefix[KITH_MEMBER_ID_PREFIX],
		       uint64_t seq)
{
	const struct kith_member *m = kith_members_get_prefix(ms, prefix);
	if (m == NULL ? !has_place(ms, prefix) : m->seq >= seq)
		return false;
	uint64_t number = kith_bytes_number(prefix, sizeof number);
	for (unsigned i = 0; i < KITH_MEMBERS_WANTED; i++) {
		const struct kith_member_wanted *wanted = &ms->wanted[i];
		if (wanted->prefix == number && wanted->seq == seq && wanted->at > 0 &&
		    now->mono_us - wanted->at < KITH_MEMBERS_WANTED_US)
			return false;
	}
	ms->wanted[ms->wanted_next] = (struct kith_member_wanted){ number, seq, now->mono_us };
	ms->wanted_next = (uint8_t)((ms->wanted_next + 1) % KITH_MEMBERS_WANTED);
	return true;
}

/* ---- walking ---- */

/* (a - b) modulo 2^256. */
static void ring_from(const struct kith_id *b, const struct kith_id *a, struct kith_id *out)
{
	unsigned borrow = 0;
	for (size_t i = KITH_ID_LEN; i-- > 0;) {
		unsigned d = 256u + a->b[i] - b->b[i] - borrow;
		out->b[i] = (uint8_t)d;
		borrow = d < 256;
	}
}

void kith_member_walk_init(struct kith_member_walk *walk, const struct kith_members *ms, const struct kith_id *key)
{
	*walk = (struct kith_member_walk){ .ms = ms, .key = *key, .left = ms->n };
	if (ms->n > 0) {
		uint32_t i = kith_members_lower(ms, key);
		walk->up = i < ms->n ? i : 0;
		walk->down = i > 0 ? i - 1 : ms->n - 1;
	}
}

static const struct kith_member *walk_step(struct kith_member_walk *walk)
{
	const struct kith_members *ms = walk->ms;
	struct kith_id up, down;
	ring_from(&walk->key, &ms->at[walk->up]->id, &up);
	ring_from(&ms->at[walk->down]->id, &walk->key, &down);
	walk->left--;
	uint32_t i;
	if (memcmp(up.b, down.b, sizeof up.b) <= 0) {
		i = walk->up;
		walk->up = i + 1 < ms->n ? i + 1 : 0;
	} else {
		i = walk->down;
		walk->down = i > 0 ? i - 1 : ms->n - 1;
	}
	return ms->at[i];
}

const struct kith_member *kith_member_walk_next(struct kith_member_walk *walk)
{
	while (walk->left > 0) {
		const struct kith_member *m = walk_step(walk);
		if (kith_member_live(m))
			return m;
	}
	return NULL;
}

/* ---- time ---- */

uint32_t kith_members_expire(struct kith_members *ms, const struct kith_now *now)
{
	return now->mono_us >= kith_members_next_deadline(ms) ? sweep(ms, now) : 0;
}

kith_time_us kith_members_next_deadline(const struct kith_members *ms)
{
	return ms->n > 0 ? ms->swept + KITH_MEMBERS_SWEEP_US : KITH_TIME_NEVER;
}
