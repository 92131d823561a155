/* Every kind of message on arbitrary bytes: the first byte says which, the rest is its body. What is accepted borrows
 * from the body only, and comes back the same when it is written and read again. */
#include <stddef.h>

#include "message_cases.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 0)
		(void)message_check((enum message_kind)(data[0] % MESSAGE_KINDS_N),
				    (struct kith_span){ data + 1, size - 1 });
	return 0;
}
