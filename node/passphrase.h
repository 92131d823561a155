/* Where a passphrase comes from: a file, or the terminal. Never the command line or the environment, which others can see. */
#ifndef KITH_NODE_PASSPHRASE_H
#define KITH_NODE_PASSPHRASE_H

#include <kith/kith.h>

struct passphrase {
	char b[KITH_PASSPHRASE_MAX];
	size_t len;
};

/* The first line of a file. KITH_EINVAL: it is empty or too long; else as file_read. */
int passphrase_read(struct passphrase *out, const char *path) KITH_MUST_USE;

/* Asks on the terminal without echo; twice when it is a new one. KITH_ENOTSUP: there is no terminal; KITH_EINVAL: empty, too long, or
 * the two differ. */
int passphrase_ask(struct passphrase *out, const char *what, bool is_new) KITH_MUST_USE;

void passphrase_wipe(struct passphrase *p);

#endif
