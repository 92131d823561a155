/* What the operating system gives to a core: memory, randomness, and the time on both clocks.
 *
 * Never: judges the wall clock, which may be wrong (base/wall.h).
 */
#ifndef KITH_HOST_SYSTEM_H
#define KITH_HOST_SYSTEM_H

#include <sys/types.h>

#include <kith/types.h>

/* A time that has passed when this build runs: from the sources, by cmake/KithReleaseDate.cmake. */
int64_t kith_release_unix_ms(void);

/* malloc, realloc and free; for any thread. */
const struct kith_alloc *kith_system_alloc(void);
/* The same, but large blocks are pages of their own: given back, they leave no hole that small ones break up. */
const struct kith_alloc *kith_system_pages(void);

/* The kernel's generator (getrandom). Aborts the process if there is none: going on would mean guessable keys. */
const struct kith_random *kith_system_random(void);

/* Both clocks now, as they are. */
struct kith_now kith_clock_now(void);

/* The wall clock as it is, in unix milliseconds. */
int64_t kith_clock_unix_ms(void);

/* Whether a file of that mode lets others than its owner at a secret. Of pipes the kernel asks anyway. */
bool kith_mode_exposes(mode_t mode);

/* The code for an errno. */
int kith_system_err(int errnum);

/* The code for one of libuv's. */
int kith_system_uv_err(int uv_err);

#endif
