/* The hosts' state file, in bytes: magic 4, version 1, zero 1, count 2; hosts; checksum 8. */
#include "base/addr.h"
#include "base/assert.h"
#include "overlay/hostcache.h"

enum {
	FILE_MAGIC = 0x4b484f53, /* "KHOS" */
	FILE_VERSION = 3,
	FILE_FLAGS = KITH_HOST_ANCHOR | KITH_HOST_LIED
};

/* Keys the checksum of the file, which guards against accidents, not against enemies. */
static const uint64_t file_seed[2] = { 0x6b69746820686f73, 0x7420636163686500 };

struct file_host {
	uint8_t flags, failures;
	int64_t success_ms;
	uint32_t source;
	struct kith_host host;
	struct kith_host_word word;
};

static void file_host_write(struct kith_writer *w, const struct file_host *h)
{
	kith_write_u8(w, h->flags);
	kith_write_u8(w, h->failures);
	kith_write_u64(w, (uint64_t)h->success_ms);
	kith_write_u32(w, h->source);
	kith_hostcache_host_write(w, &h->host, &h->word);
}

static void file_host_read(struct kith_reader *r, struct file_host *h)
{
	h->flags = kith_read_u8(r) & FILE_FLAGS;
	h->failures = kith_read_u8(r);
	uint64_t success = kith_read_u64(r);
	h->success_ms = success <= INT64_MAX ? (int64_t)success : 0;
	h->source = kith_read_u32(r);
	kith_hostcache_host_read(r, &h->host, &h->word);
	if (!kith_host_has_key(&h->host))
		r->bad = true;
}

/* Checks the whole file and leaves r at the first of *n hosts. */
static int file_open(struct kith_reader *r, struct kith_span file, uint16_t *n)
{
	if (file.len < KITH_HOSTCACHE_FILE_HEADER + KITH_HOSTCACHE_FILE_SUM)
		return KITH_EPROTO;
	size_t body = file.len - KITH_HOSTCACHE_FILE_SUM;
	struct kith_reader sum = kith_reader_of(file.p + body, KITH_HOSTCACHE_FILE_SUM);
	*r = kith_reader_of(file.p, body);
	if (kith_read_u32(r) != FILE_MAGIC)
		return KITH_EPROTO;
	uint8_t version = kith_read_u8(r);
	(void)kith_read_u8(r);
	*n = kith_read_u16(r);
	if (kith_read_u64(&sum) != kith_hash64(file_seed, file.p, body))
		return KITH_EPROTO;
	if (version != FILE_VERSION)
		return KITH_EVERSION;
	if (*n > KITH_HOSTCACHE_FILE_HOSTS)
		return KITH_EPROTO;
	struct kith_reader all = *r;
	for (uint16_t i = 0; i < *n; i++) {
		struct file_host unused;
		file_host_read(&all, &unused);
	}
	return kith_reader_done(&all) ? 0 : KITH_EPROTO;
}

/* Memory's hosts that belong into the file, anchors first, then the latest success. */
static uint16_t save_order(const struct kith_hostcache *hc, uint16_t order[KITH_HOSTCACHE_FILE_HOSTS])
{
	uint16_t n = 0;
	for (uint16_t i = 0; i < hc->n && n < KITH_HOSTCACHE_FILE_HOSTS; i++) {
		const struct kith_hostcache_entry *e = &hc->at[i];
		struct kith_host host;
		kith_hostcache_get(hc, i, &host);
		/* A bootstrap host comes from the configuration again. One that worked is kept all the same, so that
		 * the network is found again when its configuration is gone. */
		if (!kith_host_has_key(&host) || ((e->flags & KITH_HOST_BOOTSTRAP) != 0 && e->success_ms == 0))
			continue;
		uint16_t at = n++;
		for (; at > 0; at--) {
			const struct kith_hostcache_entry *before = &hc->at[order[at - 1]];
			bool anchor = (e->flags & KITH_HOST_ANCHOR) != 0;
			bool anchor_before = (before->flags & KITH_HOST_ANCHOR) != 0;
			if (anchor != anchor_before ? anchor_before : before->success_ms >= e->success_ms)
				break;
			order[at] = order[at - 1];
		}
		order[at] = i;
	}
	return n;
}

size_t kith_hostcache_save(const struct kith_hostcache *hc, struct kith_span old, uint8_t out[KITH_HOSTCACHE_FILE_MAX])
{
	uint16_t order[KITH_HOSTCACHE_FILE_HOSTS];
	uint16_t n = save_order(hc, order), old_n = 0;
	struct kith_reader r;
	struct kith_writer w = kith_writer_of(out, KITH_HOSTCACHE_FILE_MAX);
	kith_write_u32(&w, FILE_MAGIC);
	kith_write_u8(&w, FILE_VERSION);
	kith_write_u8(&w, 0);
	uint8_t *count = kith_write(&w, 2);
	for (uint16_t i = 0; i < n; i++) {
		const struct kith_hostcache_entry *e = &hc->at[order[i]];
		struct file_host h = { .flags = e->flags & FILE_FLAGS,
				       .failures = e->failures,
				       .success_ms = e->success_ms,
				       .source = e->source };
		kith_hostcache_get_word(hc, order[i], &h.host, &h.word);
		file_host_write(&w, &h);
	}
	if (file_open(&r, old, &old_n) != 0)
		old_n = 0;
	for (uint16_t i = 0; i < old_n && n < KITH_HOSTCACHE_FILE_HOSTS; i++) {
		struct file_host h;
		file_host_read(&r, &h);
		if (h.host.endpoints_n == 0 || kith_hostcache_find(hc, &h.host.dh) >= 0)
			continue;
		h.flags &= KITH_HOST_LIED; /* memory holds the anchors; one that is not there was given up */
		file_host_write(&w, &h);
		n++;
	}
	struct kith_writer cw = kith_writer_of(count, 2);
	kith_write_u16(&cw, n);
	kith_write_u64(&w, kith_hash64(file_seed, out, kith_writer_len(&w)));
	KITH_ASSERT(!w.bad);
	return kith_writer_len(&w);
}

static bool prefix_known(const struct kith_hostcache *hc, const struct kith_host *host)
{
	for (int i = 0; i < hc->n; i++) {
		if (kith_hostcache_prefix(hc, i) == kith_addr_diversity_prefix(&host->endpoints[0].addr))
			return true;
	}
	return false;
}

static int load_one(struct kith_hostcache *hc, const struct file_host *h)
{
	int i = kith_hostcache_restore(hc, &h->host, &h->word, h->source);
	if (i < 0)
		return 0;
	hc->at[i].flags |= h->flags;
	hc->at[i].failures = 0; /* another day */
	hc->at[i].success_ms = h->success_ms;
	return 1;
}

int kith_hostcache_load(struct kith_hostcache *hc, struct kith_span file, uint32_t from)
{
	enum { ANCHORS, DIVERSE, REST, PASSES };
	uint16_t n;
	struct kith_reader first;
	int added = 0, anchors = 0, err = file_open(&first, file, &n);
	if (err != 0)
		return err;
	for (int i = 0; i < hc->n; i++)
		anchors += (hc->at[i].flags & KITH_HOST_ANCHOR) != 0;
	for (int pass = 0; pass < PASSES; pass++) {
		for (uint32_t round = 0; round < 2; round++) { /* from `from` to the end, then what was skipped */
			struct kith_reader r = first;
			for (uint16_t i = 0; i < n; i++) {
				struct file_host h;
				file_host_read(&r, &h);
				bool late = i < from % n;
				bool anchor = (h.flags & KITH_HOST_ANCHOR) != 0 && anchors < KITH_HOSTCACHE_ANCHORS;
				bool lied = (h.flags & KITH_HOST_LIED) != 0;
				if (late != (round == 1) || (pass == ANCHORS && !anchor) || (pass < REST && lied) ||
				    (pass == DIVERSE && prefix_known(hc, &h.host)))
					continue;
				h.flags = anchor ? KITH_HOST_ANCHOR : h.flags & KITH_HOST_LIED;
				int one = load_one(hc, &h);
				anchors += anchor && one;
				added += one;
			}
		}
	}
	return added;
}
