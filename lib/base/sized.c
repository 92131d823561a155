#include "base/sized.h"

#include <string.h>

#include <kith/types.h>

bool kith_sized_read(void *out, size_t out_size, const void *in)
{
	size_t size;
	if (in == NULL)
		return false;
	memcpy(&size, in, sizeof size);
	if (size < sizeof size || size > KITH_SIZE_MAX)
		return false;
	memcpy(out, in, size < out_size ? size : out_size);
	memcpy(out, &out_size, sizeof out_size);
	return true;
}

void kith_sized_write(void *out, size_t out_size, const void *in, size_t in_size)
{
	size_t n = in_size < out_size ? in_size : out_size;
	memcpy(out, in, n);
	memset((char *)out + n, 0, out_size - n);
}
