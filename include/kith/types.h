/* Plain values that every other header uses: time, addresses, byte spans, keys, memory.
 *
 * Structs and versions. A program runs on with a newer library of the same SONAME, whose structs may be longer than
 * those that it was compiled with. What each struct of these headers promises stands at its beginning
 * (tests/lint/api.py):
 *
 *     size_t size   its first member: the caller's sizeof, which an initialiser fills in (KITH_NODE_CALLBACKS_INIT,
 *                   kith_node_options_init ..., or ".size = sizeof x"). No more is read or written. New members come
 *                   last, and 0 in them means what was so before. A size that nobody filled in (0, or beyond
 *                   KITH_SIZE_MAX) is KITH_EINVAL.
 *     grows         filled in by the library, which may add members at the end. Where it is the caller's memory the
 *                   call is told the caller's sizeof: it is inline around a function that ends in _sized.
 *     fixed         keeps its layout as long as the SONAME; only such structs lie in others and in arrays. What is
 *                   "reserved" is 0, and is ignored.
 */
#ifndef KITH_TYPES_H
#define KITH_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <kith/export.h>

#define KITH_SIZE_MAX 4096 /* of a struct that begins with its size: more than any will have */

/* All members zero but size, to initialise a struct that begins with its size with: in C11 and in C++11. */
#ifdef __cplusplus
#define KITH_SIZED(type)                                                                                               \
	([] {                                                                                                          \
		struct type sized = {};                                                                                \
		sized.size = sizeof sized;                                                                             \
		return sized;                                                                                          \
	}())
#else
#define KITH_SIZED(type)                                                                                               \
	{                                                                                                              \
		.size = sizeof(struct type)                                                                            \
	}
#endif

/* Microseconds on the monotonic clock of the host (or of the simulator). Never wall-clock time. */
typedef int64_t kith_time_us;

#define KITH_TIME_NEVER INT64_MAX /* later than any time */
#define KITH_US_PER_MS ((kith_time_us)1000) /* microseconds in a millisecond */
#define KITH_US_PER_S ((kith_time_us)1000000) /* microseconds in a second */

/* Both clocks at one instant. Timers use mono_us only; validity periods use unix_ms, with KITH_CLOCK_TOLERANCE_MS. */
struct kith_now { /* fixed */
	kith_time_us mono_us; /* the monotonic clock */
	int64_t unix_ms; /* the wall clock */
	bool unix_trusted; /* false: unix_ms is only a lower bound (build date or last persisted) */
};

/* Borrowed bytes. */
struct kith_span { /* fixed */
	const uint8_t *p; /* the first one; may be NULL when there is none */
	size_t len; /* how many */
};

/* Of an address. */
enum kith_family { KITH_FAMILY_NONE = 0, KITH_FAMILY_V4 = 4, KITH_FAMILY_V6 = 6 };

/* A transport address. Bytes beyond the family's are zero, so that two equal addresses are equal bytes. */
struct kith_addr { /* fixed */
	uint8_t family; /* enum kith_family */
	uint8_t reserved; /* 0 */
	uint16_t port; /* host byte order */
	uint8_t ip[16]; /* network byte order; v4 in the first four */
};

/* What carries packets, and thereby what an address speaks. X(name, value, text, whether candidates and host entries
 * may name it). A kind that is not known is skipped there. */
#define KITH_TRANSPORT_KIND_MAP(X)                                                                                     \
	X(UDP, 1, "udp", true)                                                                                         \
	X(TCP, 2, "tcp", true) /* packets behind a length of 16 bits */                                                \
	X(TLS, 3, "tls", true) /* the same inside TLS, as a web server's WebSocket */                                  \
	X(ICE, 4, "ice", false) /* a component of an ICE agent: what agents exchange is more than addresses */

/* The kinds, as KITH_TRANSPORT_KIND_MAP lists them. */
enum kith_transport_kind {
	KITH_TRANSPORT_NONE = 0,
#define KITH_TRANSPORT_KIND_ENUM(name, value, text, named) KITH_TRANSPORT_##name = (value),
	KITH_TRANSPORT_KIND_MAP(KITH_TRANSPORT_KIND_ENUM)
#undef KITH_TRANSPORT_KIND_ENUM
		KITH_TRANSPORT_PRIVATE = 240 /* to 255: named as well; for hosts with carriers of their own */
};

/* An address, and what it speaks. */
struct kith_endpoint { /* fixed */
	struct kith_addr addr; /* with its port */
	uint8_t kind; /* enum kith_transport_kind */
	uint8_t reserved; /* 0 */
};

/* What an address of a node is: how it came to be known. On the wire in CANDIDATES. */
enum kith_addr_kind {
	KITH_ADDR_HOST = 1, /* of an own interface */
	KITH_ADDR_OBSERVED = 2, /* as others see us */
	KITH_ADDR_MAPPED = 3, /* by PCP, NAT-PMP or UPnP */
	KITH_ADDR_PREDICTED = 4, /* where a NAT is likely to put the next flow */
	KITH_ADDR_RELAYED = 5 /* of a TURN server that relays for us */
};

#define KITH_ADDR_TEXT_MAX 64 /* "[v6]:port" with its NUL fits */
#define KITH_KEY_LEN 32 /* Ed25519 and X25519 public keys */
#define KITH_ID_LEN 32 /* network ids, directory keys, supernode ids */
#define KITH_NAME_MAX 32 /* longest name, without NUL; see docs in <kith/identity.h> */
#define KITH_SERVICE_MAX 16 /* longest service name, without NUL */
#define KITH_EARLY_MAX 200 /* bytes that may go along with a call */

/* A public key, Ed25519 or X25519. */
struct kith_key { /* fixed */
	uint8_t b[KITH_KEY_LEN]; /* the bytes */
};

/* An id: of a network, of a supernode, of a place in the directory. */
struct kith_id { /* fixed */
	uint8_t b[KITH_ID_LEN]; /* the bytes */
};

/* Sized allocator. realloc_fn(ctx, NULL, 0, n) allocates, (ctx, p, n, 0) frees and returns NULL, else it resizes.
 * The caller always passes the exact old length. Returns NULL when it cannot; p is then still valid. */
struct kith_alloc { /* fixed */
	/* Allocates, resizes, frees. */
	void *(*realloc_fn)(void *ctx, void *p, size_t old_len, size_t new_len);
	void *ctx; /* its first argument */
};

/* Source of randomness; fill must not fail. The host uses the kernel's generator, the simulator a seeded one. */
struct kith_random { /* fixed */
	/* Fills in len random bytes. */
	void (*fill)(void *ctx, uint8_t *out, size_t len);
	void *ctx; /* its first argument */
};

/* Any function, to be handed through to where its type is known. */
typedef void (*kith_any_fn)(void);

/* Formats "1.2.3.4:5" or "[v6]:5" into out; returns out. "none" for no address. */
KITH_EXPORT const char *kith_addr_format(const struct kith_addr *addr, char out[KITH_ADDR_TEXT_MAX]);

/* Parses a literal "1.2.3.4:5" or "[v6]:5" (no host names). KITH_EINVAL if it is not one. */
KITH_EXPORT int kith_addr_parse(struct kith_addr *out, const char *text) KITH_MUST_USE;

/* Same family, port and address. */
KITH_EXPORT bool kith_addr_equal(const struct kith_addr *a, const struct kith_addr *b);

/* Same address and kind. */
KITH_EXPORT bool kith_endpoint_equal(const struct kith_endpoint *a, const struct kith_endpoint *b);

/* "udp"; "private" of a host's own kind, "none" of no kind. Static storage. */
KITH_EXPORT const char *kith_transport_kind_name(unsigned kind);

/* An address that speaks UDP. */
static inline struct kith_endpoint kith_endpoint_udp(const struct kith_addr *addr)
{
	struct kith_endpoint e = { *addr, KITH_TRANSPORT_UDP, 0 };
	return e;
}

#endif
