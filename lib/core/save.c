#include "core/save.h"

#include "base/alloc.h"
#include "base/rng.h"
#include "leaf/candidacy.h"
#include "super/members.h"

#define MAGIC "KITHSTAT"
enum {
	VERSION = 2,
	WITH_ATTESTS = 3,
	WITH_LISTS = 4,
	WITH_FOLLOWED = 5,
	WITH_CONTACTS = 1,
	FIXED_LEN = 8 + 1 + 2 * 8 + 4,
	ATTESTS_MAX = 4 + KITH_ATTESTS_LEN_MAX,
	SUM_LEN = 16
};

/* A state file that was checked: its blocks point into it. */
struct state {
	int64_t stamp_ms;
	uint64_t seq;
	struct kith_span hosts, contacts, attests, followed, lists;
};

static void sum(const struct kith_suite *suite, uint8_t out[SUM_LEN], const uint8_t *p, size_t len)
{
	struct kith_span part = { p, len };
	suite->blake2b(out, SUM_LEN, (struct kith_span){ (const uint8_t *)MAGIC, 8 }, &part, 1);
}

/* ---- saving ---- */

/* Revocation lists, each with the certificate of its issuer. w NULL: how long that is. */
static size_t write_lists(const struct kith_core *c, struct kith_writer *w)
{
	struct kith_trust_list l;
	size_t len = 0;
	for (size_t i = 0; kith_trust_list_at(&c->trust, &c->now, i, &l); i++) {
		if (l.list.len == 0)
			continue;
		len += 4 + l.cert.len + l.list.len;
		if (w == NULL)
			continue;
		kith_write_u16(w, (uint16_t)l.cert.len);
		kith_write_span(w, l.cert);
		kith_write_u16(w, (uint16_t)l.list.len);
		kith_write_span(w, l.list);
	}
	return len;
}

/* The number of our token, and the tokens that contacts gave us. */
static size_t followed_len(const struct kith_core *c)
{
	return 8 + c->followed.n * KITH_FOLLOWED_ITEM_LEN;
}

static size_t write_state(struct kith_core *c, uint8_t *out, size_t cap)
{
	uint8_t hosts[KITH_HOSTCACHE_FILE_MAX], attests[KITH_ATTESTS_LEN_MAX];
	size_t attests_len = kith_candidacy_held(c, attests);
	size_t hosts_len = kith_hostcache_save(&c->leaf.cache, c->old_hosts, hosts);
	struct kith_writer w = kith_writer_of(out, cap);
	kith_write_bytes(&w, (const uint8_t *)MAGIC, 8);
	bool lists = write_lists(c, NULL) > 0, followed = c->follow_number > 0 || c->followed.n > 0;
	kith_write_u8(&w, followed ? WITH_FOLLOWED : lists ? WITH_LISTS : attests_len > 0 ? WITH_ATTESTS : VERSION);
	kith_write_u64(&w, (uint64_t)c->stamp_ms);
	kith_write_u64(&w, kith_super_seq(c));
	kith_write_u32(&w, (uint32_t)hosts_len);
	kith_write_bytes(&w, hosts, hosts_len);
	if (followed || lists || attests_len > 0) {
		kith_write_u32(&w, (uint32_t)attests_len);
		kith_write_bytes(&w, attests, attests_len);
	}
	if (followed) {
		kith_write_u32(&w, (uint32_t)followed_len(c));
		kith_write_u64(&w, c->follow_number);
		kith_followed_write(&c->followed, &w);
	}
	(void)write_lists(c, &w);
	size_t len = kith_writer_len(&w);
	uint8_t *tail = kith_write(&w, SUM_LEN);
	if (tail != NULL)
		sum(c->suite, tail, out, len);
	return w.bad ? 0 : kith_writer_len(&w);
}

static int begin(struct kith_core *c, enum kith_save what, enum kith_effect_owner owner, struct kith_span bytes,
		 uint32_t *id)
{
	struct kith_effect save = {
		.type = KITH_EFFECT_SAVE, .deadline = KITH_TIME_NEVER, .bytes = bytes, .what = (uint8_t)what
	};
	return bytes.len > 0 ? kith_effects_begin(&c->effects, &save, (uint8_t)owner, 0, id) : KITH_ENOMEM;
}

static void not_begun(struct kith_core *c)
{
	kith_stats_add(c->stats, KITH_STAT_ALLOC_FAILED, 1);
	kith_save_soon(c);
}

static void save_cache(struct kith_core *c)
{
	size_t cap = FIXED_LEN + KITH_HOSTCACHE_FILE_MAX + ATTESTS_MAX + 4 + followed_len(c) + write_lists(c, NULL) +
		     SUM_LEN;
	uint8_t *buf = kith_alloc_resize(c->alloc, NULL, 0, cap);
	struct kith_span bytes = { buf, buf != NULL ? write_state(c, buf, cap) : 0 };
	int err = begin(c, KITH_SAVE_STATE, KITH_OWNER_SAVE, bytes, &c->save_id);
	kith_alloc_free(c->alloc, buf, cap);
	if (err != 0)
		not_begun(c);
}

void kith_contacts_keep(struct kith_core *c)
{
	static const uint8_t never[KITH_CONTACTS_SUM_LEN];
	size_t len = kith_contacts_size(&c->contacts);
	if (c->contacts_id != 0 ||
	    (c->contacts.n == 0 && memcmp(c->contacts_saved, never, sizeof never) == 0)) /* there never were any */
		return;
	uint8_t *buf = kith_alloc_resize(c->alloc, NULL, 0, len);
	bool written = buf != NULL && kith_contacts_save(&c->contacts, c->suite, buf, len) >= 0;
	const uint8_t *now = buf != NULL ? buf + len - KITH_CONTACTS_SUM_LEN : NULL;
	int err = 0;
	if (!written || memcmp(c->contacts_saved, now, KITH_CONTACTS_SUM_LEN) != 0)
		err = begin(c, KITH_SAVE_CONTACTS, KITH_OWNER_CONTACTS, (struct kith_span){ buf, written ? len : 0 },
			    &c->contacts_id);
	if (err != 0)
		not_begun(c);
	else
		memcpy(c->contacts_saved, now, KITH_CONTACTS_SUM_LEN);
	kith_alloc_free(c->alloc, buf, len);
}

void kith_contacts_saved(struct kith_core *c, int err)
{
	c->contacts_id = 0;
	if (err == 0) {
		kith_contacts_keep(c); /* they may have changed meanwhile */
		return;
	}
	KITH_LOG(c->log, KITH_LOG_ERROR, "contacts_not_saved err=%s", kith_err_name(err));
	memset(c->contacts_saved, 0xff, sizeof c->contacts_saved); /* no contacts have this sum */
	kith_save_soon(c);
}

void kith_state_save(struct kith_core *c)
{
	kith_contacts_keep(c);
	if (c->save_id != 0)
		kith_save_soon(c);
	else
		save_cache(c);
}

void kith_state_saved(struct kith_core *c, int err)
{
	c->save_id = 0;
	if (err != 0) {
		KITH_LOG(c->log, KITH_LOG_ERROR, "state_not_saved err=%s", kith_err_name(err));
		kith_save_soon(c);
	}
}

/* ---- loading ---- */

/* Walks over revocation lists, and takes those that hold into a core, unless that is NULL. False: they are torn. */
static bool lists_read(struct kith_core *c, struct kith_span lists)
{
	struct kith_reader r = kith_reader_of_span(lists);
	while (kith_reader_left(&r) > 0) {
		struct kith_span cert = kith_read_span(&r, kith_read_u16(&r));
		struct kith_span list = kith_read_span(&r, kith_read_u16(&r));
		if (r.bad)
			return false;
		int err = c != NULL && cert.len > 0 ? kith_trust_issuer_add(&c->trust, &c->now, cert) : 0;
		if (c != NULL && err == 0 && kith_trust_post(&c->trust, &c->now, list) == 1)
			c->lists.round = 1;
	}
	return true;
}

static int parse(const struct kith_suite *suite, struct kith_span file, struct state *out)
{
	uint8_t want[SUM_LEN];
	struct kith_reader r = kith_reader_of_span(file);
	const uint8_t *magic = kith_read(&r, 8);
	uint8_t version = kith_read_u8(&r);
	memset(out, 0, sizeof *out);
	if (magic == NULL || memcmp(magic, MAGIC, 8) != 0 || file.len < FIXED_LEN + SUM_LEN)
		return KITH_EPROTO;
	if (version < WITH_CONTACTS || version > WITH_FOLLOWED)
		return KITH_EVERSION;
	sum(suite, want, file.p, file.len - SUM_LEN);
	if (memcmp(want, file.p + file.len - SUM_LEN, SUM_LEN) != 0)
		return KITH_EPROTO;
	r.end -= SUM_LEN;
	uint64_t stamp = kith_read_u64(&r), seq = kith_read_u64(&r);
	if (version == WITH_CONTACTS)
		(void)kith_read_u64(&r); /* the wall clock of then */
	out->hosts = kith_read_span(&r, kith_read_u32(&r));
	if (version == WITH_CONTACTS)
		out->contacts = kith_read_span(&r, kith_read_u32(&r));
	if (version >= WITH_ATTESTS)
		out->attests = kith_read_span(&r, kith_read_u32(&r));
	if (version == WITH_FOLLOWED)
		out->followed = kith_read_span(&r, kith_read_u32(&r));
	if (version >= WITH_LISTS)
		out->lists = kith_read_rest(&r);
	struct kith_attest unused[KITH_ATTESTS_MAX];
	if (version == WITH_FOLLOWED &&
	    (out->followed.len < 8 || (out->followed.len - 8) % KITH_FOLLOWED_ITEM_LEN != 0))
		return KITH_EPROTO;
	if (kith_attests_read(unused, out->attests) < 0 || !lists_read(NULL, out->lists))
		return KITH_EPROTO;
	if (!kith_reader_done(&r) || stamp > INT64_MAX / 2 || seq > INT64_MAX / 2)
		return KITH_EPROTO;
	out->stamp_ms = (int64_t)stamp;
	out->seq = seq;
	return 0;
}

int kith_state_check(const struct kith_suite *suite, struct kith_span file)
{
	struct state unused;
	return parse(suite, file, &unused);
}

static void followed_read(struct kith_core *c, struct kith_span bytes)
{
	struct kith_reader r = kith_reader_of_span(bytes);
	if (bytes.len == 0)
		return;
	c->follow_number = kith_read_u64(&r);
	int err = kith_followed_read(&c->followed, kith_read_rest(&r));
	if (err != 0) /* contacts give their tokens again */
		KITH_LOG(c->log, KITH_LOG_WARN, "followed_not_loaded err=%s", kith_err_name(err));
}

int kith_state_load(struct kith_core *c, struct kith_span file)
{
	struct state state;
	int err = parse(c->suite, file, &state);
	bool contacts = err == 0 && state.contacts.len > 0 && c->contacts.n == 0; /* to be saved in their own file */
	if (contacts)
		err = kith_contacts_load(&c->contacts, c->suite, state.contacts);
	int n = err == 0 && state.hosts.len > 0
			? kith_hostcache_load(&c->leaf.cache, state.hosts, kith_rng_u32(c->random))
			: err;
	if (n < 0) {
		if (contacts)
			kith_contacts_deinit(&c->contacts);
		return n;
	}
	/* What does not fit memory is carried over when the file is written again. */
	c->old_hosts_blob = kith_blob_intern(&c->shared->blobs, state.hosts.p, state.hosts.len);
	c->old_hosts = kith_blob_span(c->old_hosts_blob);
	if (state.attests.len > 0) /* for kith_candidacy_begin */
		c->old_attests = kith_blob_intern(&c->shared->blobs, state.attests.p, state.attests.len);
	(void)lists_read(c, state.lists);
	followed_read(c, state.followed);
	c->stamp_ms = state.stamp_ms;
	c->leaf.record_seq = c->entry_seq_saved = state.seq;
	return 0;
}

int kith_contacts_take(struct kith_core *c, struct kith_span file)
{
	int err = kith_contacts_load(&c->contacts, c->suite, file);
	if (err == 0)
		memcpy(c->contacts_saved, file.p + file.len - KITH_CONTACTS_SUM_LEN, KITH_CONTACTS_SUM_LEN);
	return err;
}
