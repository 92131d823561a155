#include "core/save.h"

#include "base/alloc.h"
#include "base/rng.h"
#include "super/members.h"

#define MAGIC "KITHSTAT"
enum { VERSION = 1, FIXED_LEN = 8 + 1 + 3 * 8 + 2 * 4, SUM_LEN = 16 };

static void sum(const struct kith_core *c, uint8_t out[SUM_LEN], const uint8_t *p, size_t len)
{
	struct kith_span part = { p, len };
	c->suite->blake2b(out, SUM_LEN, (struct kith_span){ (const uint8_t *)MAGIC, 8 }, &part, 1);
}

static size_t write_state(struct kith_core *c, uint8_t *out, size_t cap)
{
	uint8_t hosts[KITH_HOSTCACHE_FILE_MAX];
	size_t hosts_len = kith_hostcache_save(&c->leaf.cache, c->old_hosts, hosts);
	size_t contacts_len = kith_contacts_size(&c->contacts);
	struct kith_writer w = kith_writer_of(out, cap);
	kith_write_bytes(&w, (const uint8_t *)MAGIC, 8);
	kith_write_u8(&w, VERSION);
	kith_write_u64(&w, (uint64_t)c->stamp_ms);
	kith_write_u64(&w, kith_super_seq(c));
	kith_write_u64(&w, (uint64_t)c->now.unix_ms);
	kith_write_u32(&w, (uint32_t)hosts_len);
	kith_write_bytes(&w, hosts, hosts_len);
	kith_write_u32(&w, (uint32_t)contacts_len);
	uint8_t *contacts = kith_write(&w, contacts_len);
	if (contacts == NULL || kith_contacts_save(&c->contacts, c->suite, contacts, contacts_len) < 0)
		return 0;
	size_t len = kith_writer_len(&w);
	uint8_t *tail = kith_write(&w, SUM_LEN);
	if (tail != NULL)
		sum(c, tail, out, len);
	return w.bad ? 0 : kith_writer_len(&w);
}

void kith_state_save(struct kith_core *c)
{
	if (c->save_id != 0) {
		kith_save_soon(c);
		return;
	}
	size_t cap = FIXED_LEN + KITH_HOSTCACHE_FILE_MAX + kith_contacts_size(&c->contacts) + SUM_LEN;
	uint8_t *buf = kith_alloc_resize(c->alloc, NULL, 0, cap);
	size_t len = buf != NULL ? write_state(c, buf, cap) : 0;
	struct kith_effect save = { .type = KITH_EFFECT_SAVE, .deadline = KITH_TIME_NEVER, .bytes = { buf, len } };
	int err = len > 0 ? kith_effects_begin(&c->effects, &save, KITH_OWNER_SAVE, 0, &c->save_id) : KITH_ENOMEM;
	kith_alloc_free(c->alloc, buf, cap);
	if (err != 0) {
		kith_stats_add(c->stats, KITH_STAT_ALLOC_FAILED, 1);
		kith_save_soon(c);
	}
}

void kith_state_saved(struct kith_core *c, int err)
{
	c->save_id = 0;
	if (err != 0) {
		KITH_LOG(c->log, KITH_LOG_ERROR, "state_not_saved err=%s", kith_err_name(err));
		kith_save_soon(c);
	}
}

static int load_blocks(struct kith_core *c, struct kith_reader *r)
{
	struct kith_span hosts = kith_read_span(r, kith_read_u32(r));
	struct kith_span contacts = kith_read_span(r, kith_read_u32(r));
	if (!kith_reader_done(r))
		return KITH_EPROTO;
	struct kith_contacts loaded;
	kith_contacts_init(&loaded, c->alloc, c->contacts.max);
	int err = contacts.len > 0 ? kith_contacts_load(&loaded, c->suite, contacts) : 0;
	int n = err == 0 && hosts.len > 0 ? kith_hostcache_load(&c->leaf.cache, hosts, kith_rng_u32(c->random)) : 0;
	if (err != 0 || n < 0) {
		kith_contacts_deinit(&loaded);
		return err != 0 ? err : n;
	}
	kith_contacts_deinit(&c->contacts);
	c->contacts = loaded;
	/* What does not fit memory is carried over when the file is written again. */
	c->old_hosts_blob = kith_blob_intern(&c->shared->blobs, hosts.p, hosts.len);
	c->old_hosts = kith_blob_span(c->old_hosts_blob);
	return 0;
}

int kith_state_load(struct kith_core *c, struct kith_span file)
{
	uint8_t want[SUM_LEN];
	struct kith_reader r = kith_reader_of_span(file);
	const uint8_t *magic = kith_read(&r, 8);
	uint8_t version = kith_read_u8(&r);
	if (magic == NULL || memcmp(magic, MAGIC, 8) != 0 || file.len < FIXED_LEN + SUM_LEN)
		return KITH_EPROTO;
	if (version != VERSION)
		return KITH_EVERSION;
	sum(c, want, file.p, file.len - SUM_LEN);
	if (memcmp(want, file.p + file.len - SUM_LEN, SUM_LEN) != 0)
		return KITH_EPROTO;
	r.end -= SUM_LEN;
	uint64_t stamp = kith_read_u64(&r), seq = kith_read_u64(&r), wall = kith_read_u64(&r);
	if (stamp > INT64_MAX / 2 || seq > INT64_MAX / 2 || wall > INT64_MAX / 2)
		return KITH_EPROTO;
	int err = load_blocks(c, &r);
	if (err != 0)
		return err;
	c->stamp_ms = (int64_t)stamp;
	c->leaf.record_seq = c->entry_seq_saved = seq;
	return 0;
}
