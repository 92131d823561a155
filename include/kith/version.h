/* Which version these headers are of, and which one the library is. CMakeLists.txt reads the numbers here. */
#ifndef KITH_VERSION_H
#define KITH_VERSION_H

#include <kith/export.h>

#define KITH_VERSION_MAJOR 0 /* of these headers */
#define KITH_VERSION_MINOR 1 /* of these headers */
#define KITH_VERSION_PATCH 0 /* of these headers */
/* Makes a text of three numbers, and of three macros. */
#define KITH_VERSION_TEXT(major, minor, patch) #major "." #minor "." #patch
#define KITH_VERSION_JOIN(major, minor, patch) KITH_VERSION_TEXT(major, minor, patch)
/* "MAJOR.MINOR.PATCH" */
#define KITH_VERSION_STRING KITH_VERSION_JOIN(KITH_VERSION_MAJOR, KITH_VERSION_MINOR, KITH_VERSION_PATCH)

/* KITH_VERSION_STRING of the library that runs, which may be newer than the headers. Static storage. */
KITH_EXPORT const char *kith_version(void);

#endif
