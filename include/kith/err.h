/* Error codes. Every fallible call returns 0 (or a count) on success and one of these negative codes otherwise.
 *
 * Garbage from the network is never returned as an error: it is dropped and counted (see <kith/stats.h>).
 */
#ifndef KITH_ERR_H
#define KITH_ERR_H

#include <kith/export.h>

/* One line per code: name, value, what it means to the caller and what to do. */
#define KITH_ERRNO_MAP(X)                                                                                              \
	X(EINVAL, -1, "invalid argument")                                                                              \
	X(ENOMEM, -2, "out of memory")                                                                                 \
	X(EAGAIN, -3, "cannot take more now; retry when told writable")                                                \
	X(EFULL, -4, "a bounded table is full")                                                                        \
	X(ENOENT, -5, "not found")                                                                                     \
	X(EEXIST, -6, "already exists")                                                                                \
	X(ESTATE, -7, "not possible in this state")                                                                    \
	X(EMSGSIZE, -8, "message too large")                                                                           \
	X(ETIMEDOUT, -9, "timed out")                                                                                  \
	X(ECANCELED, -10, "canceled")                                                                                  \
	X(ECLOSED, -11, "closed")                                                                                      \
	X(EREJECTED, -12, "rejected by the other side")                                                                \
	X(EOFFLINE, -13, "the name is known, but no device of it is online")                                           \
	X(EUNREACHABLE, -14, "no path to the other side")                                                              \
	X(EPROTO, -15, "malformed data")                                                                               \
	X(EVERSION, -16, "no protocol version in common")                                                              \
	X(ENETWORK, -17, "belongs to another network")                                                                 \
	X(ESIGNATURE, -18, "signature does not verify")                                                                \
	X(EEXPIRED, -19, "certificate has expired")                                                                    \
	X(ENOTYET, -20, "certificate is not valid yet")                                                                \
	X(EREVOKED, -21, "certificate was revoked")                                                                    \
	X(ECHAIN, -22, "certificate chain is incomplete or out of order")                                              \
	X(ENAME, -23, "name is not allowed by the certificate or its issuer")                                          \
	X(EPINNED, -24, "the name is certified for another key than the one pinned")                                   \
	X(EAUTH, -25, "could not be authenticated")                                                                    \
	X(EPASSPHRASE, -26, "wrong passphrase, or none")                                                               \
	X(ELIMIT, -27, "limited by the other side; retry later")                                                       \
	X(EIO, -28, "input/output error")                                                                              \
	X(ENOSPC, -29, "no space left on device")                                                                      \
	X(EACCES, -30, "permission denied")                                                                            \
	X(EADDRINUSE, -31, "address already in use")                                                                   \
	X(ENOTSUP, -32, "not supported")                                                                               \
	X(EDETACHED, -33, "not attached to any supernode")                                                             \
	X(ECUT, -34, "the session was cut before the other side had finished")                                         \
	X(ETHREAD, -35, "called on another thread than the node's")                                                    \
	X(ERELAYONLY, -36, "the contact is relay-only, and no home of ours reaches it")                                \
	X(EMFILE, -37, "out of file descriptors")                                                                      \
	X(ESKEW, -38, "the clock is wrong")                                                                            \
	X(EEXPOSED, -39, "others may read or change this secret: chmod 600 takes that from them")                      \
	X(ETWICE, -40, "the name is certified for several keys, and none of them is pinned")                           \
	X(ESTALE, -41, "the revocation lists are older than the network allows")

/* The codes, as KITH_ERRNO_MAP lists them. */
enum kith_err {
#define KITH_ERR_ENUM(name, value, text) KITH_##name = (value),
	KITH_ERRNO_MAP(KITH_ERR_ENUM)
#undef KITH_ERR_ENUM
};

/* The sentence for a code; "no error" for 0, "unknown error" for any other number. Static storage. */
KITH_EXPORT const char *kith_strerror(int err);

/* The symbol for a code, such as "EINVAL"; "OK" for 0, "UNKNOWN" for any other number. Static storage. */
KITH_EXPORT const char *kith_err_name(int err);

#endif
