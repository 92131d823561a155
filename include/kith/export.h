/* Visibility, linkage and contract attributes of the public API. */
#ifndef KITH_EXPORT_H
#define KITH_EXPORT_H

#ifdef __cplusplus
#define KITH_LINKAGE extern "C"
#else
#define KITH_LINKAGE
#endif

#if defined(__GNUC__)
#define KITH_EXPORT KITH_LINKAGE __attribute__((visibility("default")))
#define KITH_MUST_USE __attribute__((warn_unused_result))
#if defined(__MINGW32__) /* there "printf" means Microsoft's */
#define KITH_PRINTF(fmt, args) __attribute__((format(gnu_printf, fmt, args)))
#else
#define KITH_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#endif
#else
#define KITH_EXPORT KITH_LINKAGE
#define KITH_MUST_USE
#define KITH_PRINTF(fmt, args)
#endif

#endif
