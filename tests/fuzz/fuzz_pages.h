/* Room that ends where its page does, with none behind it: code that was not built with the sanitizers cannot read or
 * write too far unseen. */
#ifndef KITH_FUZZ_PAGES_H
#define KITH_FUZZ_PAGES_H

#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/assert.h"

/* Room for len bytes that end with their page. */
static inline uint8_t *before_nothing(size_t len)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint8_t *p = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	KITH_ASSERT(len <= page && p != MAP_FAILED && mprotect(p + page, page, PROT_NONE) == 0);
	return p + page - len;
}

static inline void give_back(const uint8_t *p, size_t len)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	KITH_ASSERT(munmap((uint8_t *)(uintptr_t)p + len - page, 2 * page) == 0);
}

#endif
