/* What a node reads at its start. The first byte says which: even the state file of a core, odd the contacts alone;
 * with bit 1 the checksums are put right, those of the blocks within a state file too, so that what is behind them is
 * reached. Loading takes all or nothing, and what was loaded comes out of saving and loading it again. */
#include "fuzz_support.h"

#include "core/save.h"

enum { SUM_LEN = 16, CONTACTS_SUM_LEN = 32 };

static const struct kith_suite *suite;
static struct fz_alloc alloc;
static struct fz_random rnd;

struct node {
	struct kith_core core;
	struct kith_shared shared;
};

static void node_init(struct node *n)
{
	const uint64_t seed[2] = { 1, 2 };
	memset(n, 0, sizeof *n);
	kith_blobs_init(&n->shared.blobs, &alloc.alloc, 1000, seed);
	n->core.shared = &n->shared;
	n->core.alloc = &alloc.alloc;
	n->core.random = &rnd.random;
	n->core.suite = suite;
	n->core.now = (struct kith_now){ 0, INT64_C(1800000000000), true };
	kith_contacts_init(&n->core.contacts, &alloc.alloc, KITH_CONTACTS_DEFAULT_MAX);
	kith_hostcache_init(&n->core.leaf.cache, &alloc.alloc, &n->shared.blobs);
	kith_effects_init(&n->core.effects, &alloc.alloc);
	/* The root of tests/vectors, so that lists of these are taken. */
	static const struct kith_key root = { { 0xec, 0xd1, 0xa8, 0xdc, 0x69, 0x83, 0x09, 0xa5, 0xd9, 0xae, 0xdf,
						0x2b, 0x8c, 0xe9, 0xa9, 0xb8, 0x1c, 0x61, 0xb6, 0xa9, 0xd7, 0x6e,
						0x0b, 0xd7, 0x4e, 0x3f, 0xed, 0x12, 0x53, 0xe1, 0x3d, 0x32 } };
	const struct kith_trust_options trust = { .suite = suite,
						  .alloc = &alloc.alloc,
						  .blobs = &n->shared.blobs,
						  .root = &root,
						  .issuers_max = KITH_TRUST_ISSUERS_MAX,
						  .device_lists_max = 1,
						  .chains_max = 1,
						  .seed = { 1, 2 } };
	int err = kith_trust_init(&n->core.trust, &trust);
	KITH_ASSERT(err == 0);
}

struct saved {
	struct kith_span files[KITH_SAVE_CONTACTS + 1]; /* by enum kith_save */
};

/* What the core would have saved, before now or now. */
static void saved_by(struct node *n, struct saved *out)
{
	struct kith_effect effect;
	memset(out, 0, sizeof *out);
	kith_state_save(&n->core);
	while (kith_effects_next(&n->core.effects, &effect)) {
		KITH_ASSERT(effect.type == KITH_EFFECT_SAVE && effect.bytes.len > 0);
		out->files[effect.what] = effect.bytes;
	}
	KITH_ASSERT(out->files[KITH_SAVE_STATE].len > 0);
}

static void node_deinit(struct node *n)
{
	kith_contacts_deinit(&n->core.contacts);
	kith_hostcache_deinit(&n->core.leaf.cache);
	kith_blob_unref(&n->shared.blobs, n->core.old_hosts_blob);
	kith_trust_deinit(&n->core.trust);
	kith_blobs_deinit(&n->shared.blobs);
	kith_effects_deinit(&n->core.effects);
}

static void same_contacts(const struct kith_contacts *a, const struct kith_contacts *b)
{
	KITH_ASSERT(a->n == b->n);
	for (uint32_t i = 0; i < a->n; i++) {
		const struct kith_contact *x = &a->items[i], *y = &b->items[i];
		KITH_ASSERT(strcmp(x->name, y->name) == 0 && x->flags == y->flags);
		KITH_ASSERT(memcmp(&x->identity, &y->identity, sizeof x->identity) == 0);
		KITH_ASSERT(i == 0 || strcmp(a->items[i - 1].name, x->name) < 0);
	}
}

static void check_state(struct kith_span file)
{
	static struct node one, two;
	node_init(&one);
	node_init(&two);
	int err = kith_state_load(&one.core, file);
	if (err != 0) {
		KITH_ASSERT(err == KITH_EPROTO || err == KITH_EVERSION || err == KITH_EFULL);
		KITH_ASSERT(one.core.contacts.n == 0 && one.core.leaf.cache.n == 0 && one.core.stamp_ms == 0);
	} else {
		struct saved first, second;
		saved_by(&one, &first);
		int again = kith_state_load(&two.core, first.files[KITH_SAVE_STATE]);
		if (again == 0 && first.files[KITH_SAVE_CONTACTS].len > 0)
			again = kith_contacts_take(&two.core, first.files[KITH_SAVE_CONTACTS]);
		KITH_ASSERT(again == 0 && two.core.stamp_ms == one.core.stamp_ms);
		KITH_ASSERT(two.core.leaf.record_seq == one.core.leaf.record_seq);
		KITH_ASSERT(two.core.leaf.cache.n >= one.core.leaf.cache.n);
		same_contacts(&one.core.contacts, &two.core.contacts);
		saved_by(&two, &second);
		KITH_ASSERT(second.files[KITH_SAVE_STATE].len == first.files[KITH_SAVE_STATE].len);
		KITH_ASSERT(second.files[KITH_SAVE_CONTACTS].len == 0); /* those that were saved are not again */
	}
	node_deinit(&one);
	node_deinit(&two);
	KITH_ASSERT(alloc.live_bytes == 0);
}

static void check_contacts(struct kith_span file)
{
	struct kith_contacts one, two;
	kith_contacts_init(&one, &alloc.alloc, 64);
	kith_contacts_init(&two, &alloc.alloc, 64);
	int err = kith_contacts_load(&one, suite, file);
	if (err != 0) {
		KITH_ASSERT(one.n == 0 && (err == KITH_EPROTO || err == KITH_EVERSION || err == KITH_EFULL));
	} else {
		size_t len = kith_contacts_size(&one);
		uint8_t *saved = malloc(len);
		KITH_ASSERT(saved != NULL && len == file.len);
		int n = kith_contacts_save(&one, suite, saved, len);
		KITH_ASSERT(n >= 0 && (size_t)n == len && memcmp(saved, file.p, len) == 0);
		err = kith_contacts_load(&two, suite, (struct kith_span){ saved, len });
		KITH_ASSERT(err == 0);
		same_contacts(&one, &two);
		free(saved);
	}
	kith_contacts_deinit(&one);
	kith_contacts_deinit(&two);
	KITH_ASSERT(alloc.live_bytes == 0);
}

static void fix_contacts(uint8_t *p, size_t len)
{
	if (len <= CONTACTS_SUM_LEN)
		return;
	const struct kith_span no_key = { NULL, 0 }, part = { p, len - CONTACTS_SUM_LEN };
	suite->blake2b(p + part.len, CONTACTS_SUM_LEN, no_key, &part, 1);
}

/* The blocks within a state file, where their lengths say that they are; version 1 had a clock more. */
static void fix_state(uint8_t *p, size_t len)
{
	static const uint64_t hosts_seed[2] = { 0x6b69746820686f73, 0x7420636163686500 };
	struct kith_reader r = kith_reader_of(p, len > SUM_LEN ? len - SUM_LEN : 0);
	if (len <= SUM_LEN)
		return;
	(void)kith_read(&r, 8 + 1 + (p[8] == 1 ? 3 : 2) * 8);
	struct kith_span hosts = kith_read_span(&r, kith_read_u32(&r));
	if (hosts.len > KITH_HOSTCACHE_FILE_SUM) {
		size_t body = hosts.len - KITH_HOSTCACHE_FILE_SUM;
		struct kith_writer w = kith_writer_of(p + (hosts.p - p) + body, KITH_HOSTCACHE_FILE_SUM);
		kith_write_u64(&w, kith_hash64(hosts_seed, hosts.p, body));
	}
	struct kith_span contacts = kith_read_span(&r, kith_read_u32(&r));
	if (contacts.len > 0)
		fix_contacts(p + (contacts.p - p), contacts.len);
	const struct kith_span part = { p, len - SUM_LEN };
	suite->blake2b(p + len - SUM_LEN, SUM_LEN, (struct kith_span){ (const uint8_t *)"KITHSTAT", 8 }, &part, 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (suite == NULL) {
		int err = kith_suite_sodium_init();
		KITH_ASSERT(err == 0);
		suite = kith_suite_sodium();
		fz_alloc_init(&alloc);
		fz_random_init(&rnd, 1);
	}
	if (size < 2)
		return 0;
	size_t len = size - 1;
	uint8_t *file = malloc(len);
	KITH_ASSERT(file != NULL);
	memcpy(file, data + 1, len);
	bool contacts = (data[0] & 1) != 0;
	if ((data[0] & 2) != 0 && contacts)
		fix_contacts(file, len);
	else if ((data[0] & 2) != 0)
		fix_state(file, len);
	const struct kith_span span = { file, len };
	if (contacts)
		check_contacts(span);
	else
		check_state(span);
	free(file);
	return 0;
}
