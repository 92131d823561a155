/* Revocation lists on arbitrary bytes: bisection agrees with looking at every entry; made anew from its own entries the
 * list is the same bytes. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/assert.h"
#include "identity/revocation.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool in_ranges(const struct kith_revocation *list, uint64_t serial)
{
	for (size_t i = 0; i < list->ranges_n; i++) {
		struct kith_serial_range r = kith_revocation_range(list, i);
		if (serial >= r.first && serial <= r.last)
			return true;
	}
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t out[KITH_REVOCATION_LEN_MAX];
	static struct kith_serial_range ranges[KITH_REVOKED_RANGES_MAX];
	static struct kith_key keys[KITH_REVOKED_KEYS_MAX];
	static const uint8_t sk[KITH_SIGN_SK_LEN] = { 1 };
	const struct kith_span in = { data, size };
	struct kith_revocation list;
	if (kith_revocation_parse(&list, in) != 0)
		return 0;
	KITH_ASSERT(list.s.body.len + KITH_SIG_LEN == size);
	for (size_t i = 0; i < list.ranges_n; i++) {
		ranges[i] = kith_revocation_range(&list, i);
		const uint64_t near[] = { ranges[i].first - 1, ranges[i].first, ranges[i].last, ranges[i].last + 1 };
		for (size_t j = 0; j < 4; j++)
			KITH_ASSERT(kith_revocation_has_serial(&list, near[j]) == in_ranges(&list, near[j]));
	}
	for (size_t i = 0; i < list.keys_n; i++) {
		memcpy(keys[i].b, list.keys + i * KITH_KEY_LEN, KITH_KEY_LEN);
		KITH_ASSERT(kith_revocation_has_key(&list, &keys[i]));
	}
	int len = kith_revocation_sign(kith_suite_sodium(), out, sizeof out, &list, ranges, list.ranges_n, keys,
				       list.keys_n, sk);
	KITH_ASSERT(len == (int)size && memcmp(out, data, list.s.body.len) == 0);
	return 0;
}
