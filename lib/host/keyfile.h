/* Key files: Argon2id (RFC 9106), the file itself, its armour. The format of what is sealed is identity/sealed.h's.
 *
 * The public calls are in <kith/keyfile.h>. Here is what the node needs besides: the file's bytes and the slow
 * derivation apart, so that the latter runs on the thread pool.
 * Never: a passphrase or a secret left in memory that was ours; a file that is half new.
 */
#ifndef KITH_HOST_KEYFILE_H
#define KITH_HOST_KEYFILE_H

#include <kith/keyfile.h>

#include "identity/sealed.h"

#define KITH_KEYFILE_LEN_MAX 8192 /* armoured: far below */

/* A key file in memory. */
struct kith_keyfile {
	uint8_t bytes[KITH_SEALED_LEN_MAX];
	size_t len;
	bool is_protected;
};

/* Reads the file and checks its header. KITH_ENOENT, KITH_EACCES, KITH_EIO, KITH_EPROTO, KITH_EVERSION. */
int kith_keyfile_load(struct kith_keyfile *file, const char *path) KITH_MUST_USE;

/* Derives the key and opens the contents: takes a second. Any thread. As kith_keyfile_read. */
int kith_keyfile_unlock(const struct kith_keyfile *file, const char *pass, size_t pass_len,
			struct kith_secrets *secrets) KITH_MUST_USE;

/* kith_keyfile_write with other costs than the default ones. */
int kith_keyfile_write_cost(const char *path, const struct kith_secrets *secrets, const char *pass, size_t pass_len,
			    bool replace, uint32_t ops, uint32_t mem_kib) KITH_MUST_USE;

#endif
