/* Assertions guard our own mistakes, stay on in release builds, and never depend on packet content. */
#ifndef KITH_BASE_ASSERT_H
#define KITH_BASE_ASSERT_H

#define KITH_ASSERT(cond) ((cond) ? (void)0 : __builtin_trap())
#define KITH_STATIC_ASSERT(cond, text) _Static_assert(cond, text)

#endif
