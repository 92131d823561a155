/* Memory, randomness, clocks; see system.h. */
#include "host/system.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#if defined(__linux__) || defined(__APPLE__)
#include <sys/random.h>
#endif

#include <uv.h>

#include <kith/err.h>
#include <kith/identity.h>

enum { LARGE_LEN = 64 * 1024 };

/* A sanitizer sees the ends of what malloc gave. */
#if defined(__SANITIZE_ADDRESS__)
#define KITH_SANITIZED true
#elif defined(__has_feature)
#define KITH_SANITIZED __has_feature(address_sanitizer)
#else
#define KITH_SANITIZED false
#endif

static void *system_realloc(void *ctx, void *p, size_t old_len, size_t new_len)
{
	(void)ctx;
	(void)old_len;
	if (new_len == 0) {
		free(p);
		return NULL;
	}
	return realloc(p, new_len);
}

const struct kith_alloc *kith_system_alloc(void)
{
	static const struct kith_alloc alloc = { system_realloc, NULL };
	return &alloc;
}

/* Pages of its own for a large block: malloc would place small blocks into the hole that it leaves, and the next one
 * would need another. */
static void *large_new(size_t len)
{
	void *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return p != MAP_FAILED ? p : NULL;
}

static void *pages_realloc(void *ctx, void *p, size_t old_len, size_t new_len)
{
	if (old_len < LARGE_LEN && new_len < LARGE_LEN)
		return system_realloc(ctx, p, old_len, new_len);
	void *fresh = NULL;
	if (new_len > 0) {
		fresh = new_len >= LARGE_LEN ? large_new(new_len) : malloc(new_len);
		if (fresh == NULL)
			return NULL;
	}
	if (fresh != NULL && p != NULL)
		memcpy(fresh, p, old_len < new_len ? old_len : new_len);
	if (old_len >= LARGE_LEN)
		(void)munmap(p, old_len);
	else
		free(p);
	return fresh;
}

const struct kith_alloc *kith_system_pages(void)
{
	static const struct kith_alloc alloc = { pages_realloc, NULL };
	return KITH_SANITIZED ? kith_system_alloc() : &alloc;
}

/* Returns how many bytes it wrote, or -1 with errno. */
static ssize_t random_some(uint8_t *out, size_t len)
{
#ifdef __linux__
	return getrandom(out, len, 0);
#else
	size_t n = len > 256 ? 256 : len; /* getentropy's limit */
	return getentropy(out, n) == 0 ? (ssize_t)n : -1;
#endif
}

static void system_random_fill(void *ctx, uint8_t *out, size_t len)
{
	(void)ctx;
	while (len > 0) {
		ssize_t n = random_some(out, len);
		if (n < 0 && errno != EINTR)
			abort();
		if (n > 0) {
			out += n;
			len -= (size_t)n;
		}
	}
}

const struct kith_random *kith_system_random(void)
{
	static const struct kith_random random_source = { system_random_fill, NULL };
	return &random_source;
}

int64_t kith_release_unix_ms(void)
{
	return INT64_C(1000) * KITH_RELEASE_UNIX_S;
}

int64_t kith_clock_unix_ms(void)
{
	struct timespec ts;
	if (clock_gettime(CLOCK_REALTIME, &ts) != 0)
		return 0;
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

struct kith_now kith_clock_now(void)
{
	return (struct kith_now){ (kith_time_us)(uv_hrtime() / 1000), kith_clock_unix_ms(), true };
}

bool kith_mode_exposes(mode_t mode)
{
	return S_ISREG(mode) && (mode & (S_IRWXG | S_IRWXO)) != 0;
}

int kith_system_err(int errnum)
{
	switch (errnum) {
	case 0:
		return 0;
	case ENOENT:
	case ENOTDIR:
		return KITH_ENOENT;
	case EEXIST:
		return KITH_EEXIST;
	case EACCES:
	case EPERM:
	case EROFS:
		return KITH_EACCES;
	case ENOSPC:
	case EDQUOT:
		return KITH_ENOSPC;
	case ENOMEM:
	case ENOBUFS:
		return KITH_ENOMEM;
	case EINVAL:
	case ENAMETOOLONG:
		return KITH_EINVAL;
	case EMFILE:
	case ENFILE:
		return KITH_EMFILE;
	case EADDRINUSE:
		return KITH_EADDRINUSE;
	case EMSGSIZE:
		return KITH_EMSGSIZE;
	case ECONNREFUSED:
	case ENETUNREACH:
	case EHOSTUNREACH:
	case ENETDOWN:
	case EHOSTDOWN:
	case EADDRNOTAVAIL:
		return KITH_EUNREACHABLE;
	case EAFNOSUPPORT:
	case EPROTONOSUPPORT:
	case EOPNOTSUPP:
	case ENOPROTOOPT:
		return KITH_ENOTSUP;
	default:
		return KITH_EIO;
	}
}

int kith_system_uv_err(int uv_err)
{
	/* On the systems that the host is for these are negative errnos. Those of names are below all of them. */
	return uv_err == UV_EAI_MEMORY ? KITH_ENOMEM : kith_system_err(-uv_err);
}
