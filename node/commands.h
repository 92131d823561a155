/* What can be asked of a node, as JSON: the commands of kithd's control socket, which kith also runs on a node of its
 * own.
 *
 * A request is an object with a "command" and its arguments:
 *
 *     status                             who the node is, its homes, its tables, its counters, the end of its
 *                                        certificates
 *     sessions                           the connections that the program itself has, with their paths
 *     lookup   name                      the devices of a name
 *     ping     name [count] [interval_ms] [timeout_ms]
 *                                        calls the service "ping" there; round trips of data, and of every path
 *     explain  name [wait_ms] [timeout_ms]
 *                                        why data to that name takes the path it takes: of a connection that there is,
 *                                        else of a call; "ended": of the last connection that ended, for a minute, also
 *                                        beside an error
 *     revoke   list                      armoured revocation lists take effect at once
 *     serve    how                       "on", "off", "auto": a supernode, a leaf, or either as it is needed, until the
 *                                        configuration is read again
 *
 * An answer is {"ok": true, "result": {...}}, or {"ok": false, "code": "ENOENT", "error": "in words"}.
 *
 * A program that serves "ping" answers with every datagram it gets. Bounds: COMMANDS_MAX under way, PINGS_SERVED_MAX
 * pings answered (a further one ends the oldest). Nothing here outlives the node: when that closes, what is under way
 * is answered with ECANCELED. */
#ifndef KITH_NODE_COMMANDS_H
#define KITH_NODE_COMMANDS_H

#include <jansson.h>
#include <uv.h>

#include <kith/kith.h>

#include "expiry.h"
#include "serving.h"

#define PING_SERVICE "ping"
#define COMMANDS_MAX 64
#define PINGS_SERVED_MAX 32
#define PING_COUNT_MAX 1000
#define PATHS_SHOWN_MAX 16

struct command;

/* A connection of this program. */
struct peer {
	struct peer *next, *prev;
	struct commands *commands;
	struct kith_conn *conn;
	struct command *command; /* that called; NULL: it came in */
	uint64_t since_ms;
};

struct commands {
	struct kith_node *node;
	uv_loop_t *loop;
	struct peer *peers; /* newest first */
	struct command *running;
	unsigned running_n, served_n;
	struct chain_end end; /* of our own certificates, for status; set after commands_init, as the next */
	struct serving serving; /* for serve */
};

/* Gets the answer, borrowed until it returns. */
typedef void (*command_done_fn)(void *ctx, json_t *answer);

void commands_init(struct commands *c, struct kith_node *node, uv_loop_t *loop);

/* Runs a command; done is called exactly once, maybe before this returns, unless command_forget is called before. *out
 * (may be NULL) is NULL when it was. */
void command_run(struct commands *c, const json_t *request, command_done_fn done, void *ctx, struct command **out);

/* Nobody waits for the answer any more: it is given up, and done not called. */
void command_forget(struct command *command);

/* Accepts a call for the service "ping". */
void commands_serve_ping(struct commands *c, struct kith_conn *conn);

/* {"ok": false ...}; a new reference. */
json_t *command_error(int err, const char *text);

#endif
