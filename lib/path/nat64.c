#include "path/nat64.h"

#include <string.h>

#include "base/addr.h"

enum { V4_LEN = 4, PREFIX_LEN = 12 };

static const uint8_t prefix[PREFIX_LEN] = { 0x00, 0x64, 0xff, 0x9b };

bool kith_nat64_is(const struct kith_addr *addr)
{
	return addr->family == KITH_FAMILY_V6 && memcmp(addr->ip, prefix, PREFIX_LEN) == 0 &&
	       kith_addr_scope(addr) == KITH_SCOPE_PUBLIC;
}

bool kith_nat64_wrap(struct kith_addr *addr)
{
	if (addr->family != KITH_FAMILY_V4 || kith_addr_scope(addr) != KITH_SCOPE_PUBLIC)
		return false;
	memmove(addr->ip + PREFIX_LEN, addr->ip, V4_LEN);
	memcpy(addr->ip, prefix, PREFIX_LEN);
	addr->family = KITH_FAMILY_V6;
	return true;
}
