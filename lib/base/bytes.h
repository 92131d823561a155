/* Numbers from bytes and back, lowest byte first, on every machine: for what is hashed or compared and never leaves it.
 * The wire has the highest first (codec/cursor).
 *
 * Never: memcpy() between a number and bytes that decide anything; the order of a table, a hash or a choice would then
 * be another one on a big-endian machine, and so the run.
 */
#ifndef KITH_BASE_BYTES_H
#define KITH_BASE_BYTES_H

#include <stddef.h>
#include <stdint.h>

/* len: at most 8. */
static inline uint64_t kith_bytes_number(const uint8_t *p, size_t len)
{
	uint64_t v = 0;
	for (size_t i = 0; i < len; i++)
		v |= (uint64_t)p[i] << (8 * i);
	return v;
}

static inline void kith_number_bytes(uint8_t *out, size_t len, uint64_t v)
{
	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)(v >> (8 * i));
}

#endif
