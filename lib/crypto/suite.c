/* What holds for every suite: signatures with separated domains, constant-time comparison, wiping. */
#include "crypto/suite.h"

#include <string.h>

#include "base/assert.h"

enum { SIGNED_DIGEST_LEN = 64 };

/* BLAKE2b-512(label, 0x00, message). No label contains a zero byte, so the pair cannot be split in another way. */
static void signed_digest(const struct kith_suite *s, uint8_t out[SIGNED_DIGEST_LEN], const char *label,
			  struct kith_span message)
{
	KITH_ASSERT(label != NULL && label[0] != '\0');
	/* The label goes with its terminating zero. */
	const struct kith_span parts[] = { { (const uint8_t *)label, strlen(label) + 1 }, message };
	const struct kith_span no_key = { NULL, 0 };

	s->blake2b(out, SIGNED_DIGEST_LEN, no_key, parts, 2);
}

void kith_sign(const struct kith_suite *s, uint8_t sig[KITH_SIG_LEN], const char *label, struct kith_span message,
	       const uint8_t sk[KITH_SIGN_SK_LEN])
{
	uint8_t digest[SIGNED_DIGEST_LEN];
	signed_digest(s, digest, label, message);
	s->sign(sig, digest, sizeof digest, sk);
}

int kith_verify(const struct kith_suite *s, const uint8_t sig[KITH_SIG_LEN], const char *label,
		struct kith_span message, const uint8_t pk[KITH_KEY_LEN])
{
	uint8_t digest[SIGNED_DIGEST_LEN];
	signed_digest(s, digest, label, message);
	return s->verify(sig, digest, sizeof digest, pk);
}

bool kith_equal_secret(const void *a, const void *b, size_t len)
{
	/* Volatile, so that the compiler cannot leave the loop at the first difference. */
	const volatile uint8_t *x = a, *y = b;
	volatile uint8_t diff = 0;

	for (size_t i = 0; i < len; i++)
		diff = (uint8_t)(diff | (x[i] ^ y[i]));
	return diff == 0;
}

void kith_wipe(void *p, size_t len)
{
	if (len == 0)
		return;
#if defined(__GNUC__)
	memset(p, 0, len);
	/* The compiler must assume that this reads what p points to, so the store above is not dead. */
	__asm__ __volatile__("" : : "r"(p) : "memory");
#else
	volatile uint8_t *v = p;

	for (size_t i = 0; i < len; i++)
		v[i] = 0;
#endif
}
