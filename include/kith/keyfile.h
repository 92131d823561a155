/* Files that hold who a device is: the key file, and the profile (a directory of it and its certificates).
 *
 * These calls block: they read and write files, and protecting a key file takes a second of processor time and 256 MiB
 * by design, unless the file says otherwise (Argon2id, RFC 9106; a file that asks for more than 1 GiB or 16 passes is
 * refused). They are for tools, and for programs that have no loop running yet; any thread may
 * call them. A node opens its key file on the thread pool.
 *
 * A key file is armoured text ("KITH KEY FILE"), made with mode 0600, and replaced as a whole or not at all. Without a
 * passphrase its contents are plain, and say so: for supernodes that start unattended. One that others than its owner
 * may read or write is not opened (KITH_EEXPOSED), nor is such a file with a passphrase.
 *
 * A profile is a directory of these files:
 *     network     one line: the root key (52 characters), or "open" and the label of an open network
 *     key         the key file, with the device's secret
 *     chain       armour: CHAIN; if there are any DEVICE LIST, ISSUER CERTIFICATE, REVOCATION LIST, in any order. A
 *                 node whose key file holds the identity's secret renews the chain in it
 *     bootstrap   a line each: "host:port", and the supernode's key (52 characters) if known; '#' begins a comment.
 *                 The line "loopback" allows loopback addresses, for a network on one machine. May be missing
 *     devices     what only the owner knows of his devices (JSON): keys, names, dates; for kith id, and no node
 *     state/      what the node remembers; made when missing
 */
#ifndef KITH_KEYFILE_H
#define KITH_KEYFILE_H

#include <kith/err.h>
#include <kith/identity.h>

/* Seals secrets with a passphrase (pass_len 0: unprotected) and writes them to path. KITH_EEXIST: there is one, and
 * replace is false; KITH_ENOENT (the directory), KITH_EACCES, KITH_ENOSPC, KITH_EMFILE, KITH_EIO: the old file, if any,
 * is intact; KITH_ENOMEM: not even 256 MiB; KITH_EINVAL. */
KITH_EXPORT int kith_keyfile_write(const char *path, const struct kith_secrets *secrets, const char *pass,
				   size_t pass_len, bool replace) KITH_MUST_USE;

/* The same within mem_mib MiB (KITH_KEYFILE_MIB_MIN to _MAX; of no matter without a passphrase), for machines that
 * do not have 256: opening it takes as much. Fewer make up for it by more passes, up to 16; from 48 MiB on the work
 * of a guess stays what it is, below that it is less, so take as many as there are. Errors as kith_keyfile_write. */
#define KITH_KEYFILE_MIB_MIN 8
#define KITH_KEYFILE_MIB_MAX 1024
#define KITH_KEYFILE_MIB_DEFAULT 256
KITH_EXPORT int kith_keyfile_write_within(const char *path, const struct kith_secrets *secrets, const char *pass,
					  size_t pass_len, bool replace, uint32_t mem_mib) KITH_MUST_USE;

/* Reads and opens one. pass may be NULL for unprotected files. KITH_ENOENT, KITH_EACCES, KITH_EMFILE, KITH_EIO;
 * KITH_EEXPOSED: others than its owner may read or write it;
 * KITH_EPROTO: no key file, or damaged; KITH_EVERSION: from a newer program; KITH_EPASSPHRASE: wrong, or none given
 * where one is needed (one bit of damage in the sealed part looks the same: that is what sealing means); KITH_ENOMEM.
 * The caller wipes secrets with kith_secrets_wipe. */
KITH_EXPORT int kith_keyfile_read(const char *path, const char *pass, size_t pass_len,
				  struct kith_secrets *secrets) KITH_MUST_USE;

/* Whether a passphrase is needed: 1, 0; errors as kith_keyfile_read, but KITH_EPASSPHRASE. */
KITH_EXPORT int kith_keyfile_protected(const char *path) KITH_MUST_USE;

#define KITH_PASSPHRASE_MAX 1024 /* bytes */
#define KITH_PASSPHRASE_ENV "KITH_PASSPHRASE_FILE" /* the variable that names a file: kith_passphrase */

/* The three write a passphrase to out (cap bytes, KITH_PASSPHRASE_MAX suffice; no NUL) and return its length, above 0.
 * The caller wipes it.
 *
 * From the first line of a file: a regular one, or a pipe such as /dev/fd/3. KITH_EINVAL: the line is empty, too long,
 * or no text, or path is neither kind of file; KITH_EEXPOSED, KITH_ENOENT, KITH_EACCES, KITH_EMFILE, KITH_EIO. */
KITH_EXPORT int kith_passphrase_read(const char *path, char *out, size_t cap) KITH_MUST_USE;

/* From the controlling terminal, which shows nothing meanwhile: "Passphrase for WHAT: "; twice for a new one.
 * KITH_ENOTSUP: there is no terminal; KITH_EINVAL: empty, too long, or not the same twice; KITH_ECANCELED: by
 * Ctrl-C; KITH_EIO. */
KITH_EXPORT int kith_passphrase_ask(const char *what, bool is_new, char *out, size_t cap) KITH_MUST_USE;

/* To be kith_node_options.passphrase: from the file that ctx names (a path, or NULL), else the one that the environment
 * variable KITH_PASSPHRASE_ENV names, else from the terminal. KITH_EPASSPHRASE when there is none to be had. */
KITH_EXPORT int kith_passphrase(void *ctx, const char *path, char *out, size_t cap) KITH_MUST_USE;

/* Makes a profile for the open network of that label: fresh identity and device, certified by itself for ten years.
 * Its name is the identity's fingerprint, written to name. For trying things out. KITH_EEXIST: dir holds a profile;
 * KITH_EINVAL (the label); else errors as kith_keyfile_write. */
KITH_EXPORT int kith_profile_create_open(const char *dir, const char *label, const char *pass, size_t pass_len,
					 char name[KITH_NAME_MAX + 1]) KITH_MUST_USE;

/* The same, with a key file as kith_keyfile_write_within makes it. Errors as kith_profile_create_open. */
KITH_EXPORT int kith_profile_create_open_within(const char *dir, const char *label, const char *pass, size_t pass_len,
						uint32_t mem_mib, char name[KITH_NAME_MAX + 1]) KITH_MUST_USE;

#endif
