/* Member entries on arbitrary bytes: what parses is made again with the same bytes but for the signature, or fewer
 * where endpoints were skipped, and a table takes only what its trust can verify. */
#include "fuzz_world.h"

#include "overlay/members.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct fw w;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t sk[KITH_SIGN_SK_LEN] = { 1 };
	const struct kith_span bytes = { data, size };
	struct kith_member_entry entry, again;
	struct kith_members ms;
	struct kith_member *m;
	if (w.suite == NULL)
		fw_init(&w);
	int err = kith_member_parse(&entry, bytes);
	if (err == 0) {
		uint8_t out[KITH_MEMBER_LEN_MAX];
		int len = kith_member_make(w.suite, out, &entry, sk);
		KITH_ASSERT(len > 0 && (size_t)len <= size);
		if ((size_t)len == size)
			KITH_ASSERT(memcmp(out, data, size - KITH_SIG_LEN) == 0);
		else /* endpoints that are not known, and what stands behind an address, are not written again */
			KITH_ASSERT(kith_member_parse(&again, (struct kith_span){ out, (size_t)len }) == 0);
	}
	kith_members_init(&ms, &w.alloc, &w.blobs, &w.trust, 4, fw_seed);
	int merged = kith_members_merge(&ms, &w.now, bytes, &m);
	KITH_ASSERT(merged == KITH_MERGE_NEW ? err == 0 && m != NULL && ms.n == 1
					     : merged < 0 && m == NULL && ms.n == 0);
	if (merged == KITH_MERGE_NEW) {
		struct kith_member_facts facts;
		kith_member_facts(m, &facts);
		KITH_ASSERT(facts.entry.len == size && memcmp(facts.entry.p, data, size) == 0);
	}
	kith_members_deinit(&ms);
	return 0;
}
