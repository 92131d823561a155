/* Why sessions end: the reasons that both sides of one are told. */
#ifndef KITH_CLOSE_H
#define KITH_CLOSE_H

#include <kith/export.h>

/* Why a session ended, or was not begun. On the wire in CLOSE and VERDICT. */
#define KITH_CLOSE_MAP(X)                                                                                              \
	X(NORMAL, 0, "closed")                                                                                         \
	X(REJECTED, 1, "rejected by the user")                                                                         \
	X(BUSY, 2, "busy")                                                                                             \
	X(NO_SERVICE, 3, "no such service here")                                                                       \
	X(NOT_CONTACT, 4, "does not take calls from strangers")                                                        \
	X(TIMED_OUT, 5, "nothing was heard any more")                                                                  \
	X(LEAVING, 6, "the other side is shutting down")                                                               \
	X(REPLACED, 7, "replaced by a newer session")                                                                  \
	X(CERTIFICATE, 8, "the certificate is not valid any more")                                                     \
	X(PROTOCOL, 9, "the other side broke the protocol")                                                            \
	X(LIMIT, 10, "a limit was reached")                                                                            \
	X(CANCELED, 11, "the caller gave up")

/* The reasons, as KITH_CLOSE_MAP lists them. */
enum kith_close_reason {
#define KITH_CLOSE_ENUM(name, value, text) KITH_CLOSE_##name = (value),
	KITH_CLOSE_MAP(KITH_CLOSE_ENUM)
#undef KITH_CLOSE_ENUM
};

/* The sentence for a reason. Static storage. */
KITH_EXPORT const char *kith_close_text(unsigned reason);

#endif
