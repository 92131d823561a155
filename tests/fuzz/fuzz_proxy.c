/* What a proxy answers. The first byte chooses the kind, whether there is a user, and how many bytes come at once: the
 * talk ends the same way however the bytes were cut, and takes none that are behind its end. */
#include "fuzz_support.h"

#include "base/addr.h"
#include "host/proxy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* The result, and how many bytes were taken. */
static int talk(const struct kith_proxy *proxy, const uint8_t *data, size_t len, size_t step, size_t *taken)
{
	struct kith_addr remote;
	struct kith_proxy_talk t;
	int result = 0;
	KITH_ASSERT(kith_addr_parse(&remote, (proxy->at.port & 1) != 0 ? "11.1.0.1:443" : "[2001:4860::7]:443") == 0);
	kith_proxy_begin(&t, proxy, &remote);
	*taken = 0;
	for (;;) {
		const uint8_t *bytes;
		size_t n;
		while ((n = kith_proxy_says(&t, &bytes)) > 0)
			kith_proxy_said(&t, n < step ? n : step);
		if (result != 0)
			return result;
		n = kith_proxy_wants(&t);
		KITH_ASSERT(n > 0);
		n = n < step ? n : step;
		n = n < len - *taken ? n : len - *taken;
		if (n == 0)
			return 0;
		result = kith_proxy_heard(&t, data + *taken, n);
		*taken += n;
		KITH_ASSERT(result == 0 || result == 1 || result == KITH_EACCES || result == KITH_EUNREACHABLE ||
			    result == KITH_EPROTO);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const char *const urls[] = { "socks5://10.0.0.1:1", "socks5://me:secret@10.0.0.1:2", "http://10.0.0.1:3",
					    "http://me:secret@10.0.0.1:4" };
	struct kith_proxy proxy;
	size_t whole, cut;
	if (len == 0)
		return 0;
	KITH_ASSERT(kith_proxy_parse(&proxy, urls[data[0] & 3]) == 0);
	int one = talk(&proxy, data + 1, len - 1, SIZE_MAX, &whole);
	int other = talk(&proxy, data + 1, len - 1, 1 + (data[0] >> 2), &cut);
	KITH_ASSERT(one == other && whole == cut);
	return 0;
}
