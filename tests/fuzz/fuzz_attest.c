/* Attestations, and lists of them, on arbitrary bytes: what parses is made again with the same bytes but for the
 * signature, a list that parses is written again as it was, and nothing that was not signed qualifies. */
#include "fuzz_world.h"

#include "overlay/members.h"
#include "wire/attest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct fw w;

static void check_one(const struct kith_attest *a)
{
	static const uint8_t sk[KITH_SIGN_SK_LEN] = { 1 };
	uint8_t out[KITH_ATTEST_LEN_MAX];
	int len = kith_attest_make(w.suite, out, a, sk);
	KITH_ASSERT(len > 0 && (size_t)len == a->bytes.len);
	KITH_ASSERT(memcmp(out, a->bytes.p, a->bytes.len - KITH_SIG_LEN) == 0);
}

static void check_list(const struct kith_attest list[], size_t n, struct kith_span bytes)
{
	uint8_t out[KITH_ATTESTS_LEN_MAX];
	struct kith_span parts[KITH_ATTESTS_MAX];
	for (size_t i = 0; i < n; i++) {
		check_one(&list[i]);
		parts[i] = list[i].bytes;
	}
	KITH_ASSERT(kith_attests_write(out, parts, n) == bytes.len);
	KITH_ASSERT(bytes.len == 0 || memcmp(out, bytes.p, bytes.len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct kith_span bytes = { data, size };
	const struct kith_qualify_who who = { .sign = { { 1 } } };
	struct kith_attest one, list[KITH_ATTESTS_MAX];
	struct kith_qualification figures;
	struct kith_members ms;
	struct kith_history history;
	if (w.suite == NULL)
		fw_init(&w);
	if (kith_attest_parse(&one, bytes) == 0)
		check_one(&one);
	int n = kith_attests_read(list, bytes);
	if (n >= 0)
		check_list(list, (size_t)n, bytes);
	kith_members_init(&ms, &w.alloc, &w.blobs, &w.trust, 4, fw_seed);
	const struct kith_endpoint at = n > 0 ? list[0].endpoint : (struct kith_endpoint){ 0 };
	int qualified = kith_members_qualify(&ms, &w.now, &who, &at, bytes, &figures);
	KITH_ASSERT(qualified < 0 && figures.until_ms == 0);
	kith_members_history(&ms, &w.now, &who, bytes, &history);
	KITH_ASSERT(history.first_seen_s == FW_NOW_MS / 1000 && history.up == 0);
	kith_members_deinit(&ms);
	return 0;
}
