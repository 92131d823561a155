/* A STUN request of a stranger: the layout check, and behind it the codec, which is other people's. The first byte says
 * whether it comes by IPv4 or IPv6, the rest is the packet. Request and answer each end where their page does, with
 * none behind it, so that a codec that was not built with the sanitizers cannot read or write too far unseen. The
 * answer is at most twice as long as the request, and is one: a response to that transaction. */
#include <stdlib.h>

#include "fuzz_pages.h"
#include "fuzz_support.h"

#include "base/addr.h"
#include "host/component.h"
#include "host/stun.h"

extern const struct kith_component kith_component_stun; /* linked in */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const uint64_t seed[2] = { 1, 2 };
	struct fz_alloc alloc;
	struct kith_addr from = { .family = KITH_FAMILY_V4, .port = 4242, .ip = { 203, 0, 113, 9 } };
	if (len == 0 || len > 1500)
		return 0;
	if ((data[0] & 1) != 0)
		KITH_ASSERT(kith_addr_parse(&from, "[2001:db8::17]:4242") == 0);
	data++;
	len--;
	uint8_t *in = before_nothing(len), *out = before_nothing(KITH_STUN_ANSWER_MAX);
	memcpy(in, data, len);
	fz_alloc_init(&alloc);
	struct kith_stun *stun = kith_stun_new(&alloc.alloc, kith_component_stun.table, seed);
	KITH_ASSERT(stun != NULL);
	size_t n = kith_stun_answer(stun, 0, in, len, &from, out);
	KITH_ASSERT(n <= KITH_STUN_ANSWER_MAX && n <= 2 * len);
	if (n > 0)
		KITH_ASSERT(n >= 20 && out[0] == 0x01 && (out[1] == 0x01 || out[1] == 0x11) &&
			    memcmp(out + 4, in + 4, 16) == 0 && (size_t)(out[2] << 8 | out[3]) == n - 20);
	kith_stun_free(stun);
	give_back(out, KITH_STUN_ANSWER_MAX);
	give_back(in, len);
	return 0;
}
