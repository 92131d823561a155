/* kithd's control socket: a unix stream socket, mode 0600. A request is one line of JSON, its answer is one line too;
 * commands.h says which there are. A request's "id", if it has one, comes back in the answer.
 *
 * Bounds: CONTROL_CLIENTS_MAX clients at once, further ones are told so and hung up; a line of CONTROL_LINE_MAX bytes;
 * one command at a time for each client. A client that hangs up gives up its command. */
#ifndef KITH_NODE_KITHD_CONTROL_H
#define KITH_NODE_KITHD_CONTROL_H

#include <uv.h>

#include "commands.h"

#define CONTROL_CLIENTS_MAX 16
#define CONTROL_LINE_MAX 65536 /* a full revocation list in armour is 22 KiB */
#define CONTROL_PATH_MAX 107 /* sun_path of sockaddr_un */

struct control_client;

struct control {
	uv_pipe_t pipe;
	struct commands *commands;
	struct control_client *clients;
	unsigned clients_n;
	char path[CONTROL_PATH_MAX + 1];
	bool open;
};

/* Binds and listens. A socket file that nobody listens on any more is replaced. KITH_EMSGSIZE (path too long),
 * KITH_EADDRINUSE (somebody listens), KITH_EEXIST (the file is no socket), KITH_EACCES, KITH_ENOENT (no such
 * directory), KITH_EMFILE, KITH_EIO. */
int control_open(struct control *control, uv_loop_t *loop, struct commands *commands, const char *path) KITH_MUST_USE;

/* What control_open would say, as far as it can be seen without touching anything. */
int control_look(const char *path) KITH_MUST_USE;

/* Such a code in words. */
const char *control_why(int err);

/* Hangs up on everybody and removes the socket file. Not open: nothing. */
void control_close(struct control *control);

#endif
