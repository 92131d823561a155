#include "commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "describe.h"
#include "files.h"

enum command_kind { COMMAND_LOOKUP, COMMAND_PING, COMMAND_EXPLAIN };

enum {
	EXPLAIN_MAX = 64 * 1024,
	ENDED_MAX = 8 * 1024, /* what the library keeps of one, with its first line */
	PING_BYTES = 16, /* sequence number and time, for ourselves */
	PING_LAST_WAIT_MS = 1000,
	EXPLAIN_STEP_MS = 50,
	TIMEOUT_MS_MAX = 10 * 60 * 1000,
};

/* A command under way. It ends when nothing can call back any more: no call, no session, and then its timer is
 * closed. */
struct command {
	struct command *next, *prev;
	struct commands *commands;
	enum command_kind kind;
	command_done_fn done; /* NULL: forgotten, or called */
	void *ctx;
	struct kith_call *call;
	struct peer *peer;
	uv_timer_t timer;
	bool ended;
	char name[KITH_NAME_MAX + 1];
	json_t *result;
	int err;
	uint64_t began_us, opened_us, last_sent_us;
	unsigned count, sent, received, interval_ms, wait_ms;
};

static uint64_t now_us(void)
{
	return uv_hrtime() / 1000;
}

static json_t *ms_json(uint64_t us)
{
	return json_real((double)us / 1000.0);
}

json_t *command_error(int err, const char *text)
{
	return json_pack("{s:b, s:s, s:s}", "ok", 0, "code", kith_err_name(err), "error",
			 text != NULL ? text : kith_strerror(err));
}

void commands_init(struct commands *c, struct kith_node *node, uv_loop_t *loop)
{
	memset(c, 0, sizeof *c);
	c->node = node;
	c->loop = loop;
}

/* ---- sessions ---- */

static struct peer *peer_new(struct commands *c, struct kith_conn *conn, struct command *command)
{
	struct peer *peer = calloc(1, sizeof *peer);
	if (peer == NULL)
		return NULL;
	peer->commands = c;
	peer->conn = conn;
	peer->command = command;
	peer->since_ms = uv_now(c->loop);
	peer->next = c->peers;
	if (c->peers != NULL)
		c->peers->prev = peer;
	c->peers = peer;
	return peer;
}

static void peer_free(struct peer *peer)
{
	if (peer->next != NULL)
		peer->next->prev = peer->prev;
	if (peer->prev != NULL)
		peer->prev->next = peer->next;
	else
		peer->commands->peers = peer->next;
	free(peer);
}

static void served_datagram(struct kith_conn *conn, uint16_t channel, const uint8_t *data, size_t len, void *user)
{
	(void)user;
	/* A ping that does not fit now is lost, as on any network. */
	int ignored = kith_conn_send(conn, channel, data, len);
	(void)ignored;
}

static void served_closed(struct kith_conn *conn, enum kith_close_reason reason, bool remote, void *user)
{
	struct peer *peer = user;
	(void)conn;
	(void)reason;
	(void)remote;
	peer->commands->served_n--;
	peer_free(peer);
}

static void end_oldest_served(struct commands *c)
{
	struct peer *oldest = NULL;
	for (struct peer *peer = c->peers; peer != NULL; peer = peer->next)
		if (peer->command == NULL)
			oldest = peer;
	if (oldest != NULL)
		(void)kith_conn_close(oldest->conn, KITH_CLOSE_LIMIT);
}

void commands_serve_ping(struct commands *c, struct kith_conn *conn)
{
	struct kith_conn_callbacks cb;
	if (c->served_n >= PINGS_SERVED_MAX)
		end_oldest_served(c);
	struct peer *peer = c->served_n < 2 * PINGS_SERVED_MAX ? peer_new(c, conn, NULL) : NULL;
	if (peer == NULL) {
		(void)kith_conn_reject(conn, KITH_CLOSE_BUSY);
		return;
	}
	c->served_n++;
	kith_conn_callbacks_init(&cb);
	cb.datagram = served_datagram;
	cb.closed = served_closed;
	kith_conn_set_callbacks(conn, &cb, peer);
	if (kith_conn_accept(conn) != 0)
		(void)kith_conn_close(conn, KITH_CLOSE_NORMAL);
}

/* ---- the life of a command ---- */

/* The last session with that name that ended, if that is known. */
static void note_ended(struct command *cmd)
{
	char text[ENDED_MAX];
	if (kith_explain_last(cmd->commands->node, cmd->name, text, sizeof text) > 0)
		json_object_set_new(cmd->result, "ended", json_string(text));
}

static json_t *answer_of(struct command *cmd)
{
	if (cmd->err == 0)
		return json_pack("{s:b, s:O}", "ok", 1, "result", cmd->result);
	json_t *answer = command_error(cmd->err, NULL);
	if (cmd->kind == COMMAND_EXPLAIN)
		note_ended(cmd); /* perhaps the very session that was to tell */
	if (json_object_get(cmd->result, "ended") != NULL)
		json_object_set(answer, "ended", json_object_get(cmd->result, "ended"));
	return answer;
}

static void timer_closed(uv_handle_t *handle)
{
	struct command *cmd = handle->data;
	json_decref(cmd->result);
	free(cmd);
}

/* Answers, and lets go of everything. Only when no call and no session is left. */
static void command_end(struct command *cmd)
{
	if (cmd->ended)
		return;
	cmd->ended = true;
	if (cmd->next != NULL)
		cmd->next->prev = cmd->prev;
	if (cmd->prev != NULL)
		cmd->prev->next = cmd->next;
	else
		cmd->commands->running = cmd->next;
	cmd->commands->running_n--;
	json_t *answer = answer_of(cmd);
	if (cmd->done != NULL)
		cmd->done(cmd->ctx, answer);
	cmd->done = NULL;
	json_decref(answer);
	uv_timer_stop(&cmd->timer);
	uv_close((uv_handle_t *)&cmd->timer, timer_closed);
}

static void command_fail(struct command *cmd, int err)
{
	cmd->err = err;
	command_end(cmd);
}

/* Ends what may still call back; the last callback then ends the command. */
static void command_stop(struct command *cmd)
{
	uv_timer_stop(&cmd->timer);
	if (cmd->call != NULL)
		kith_call_cancel(cmd->call);
	else if (cmd->peer != NULL)
		(void)kith_conn_close(cmd->peer->conn, KITH_CLOSE_NORMAL);
	else
		command_end(cmd);
}

void command_forget(struct command *cmd)
{
	cmd->done = NULL;
	command_stop(cmd);
}

/* ---- lookup ---- */

static void lookup_found(struct kith_call *call, const struct kith_found_device *device, void *user)
{
	struct command *cmd = user;
	(void)call;
	json_array_append_new(json_object_get(cmd->result, "devices"), describe_device(device));
}

static void lookup_done(struct kith_call *call, int err, void *user)
{
	struct command *cmd = user;
	(void)call;
	cmd->call = NULL;
	json_object_set_new(cmd->result, "time_ms", ms_json(now_us() - cmd->began_us));
	command_fail(cmd, err);
}

static int lookup_begin(struct command *cmd)
{
	json_object_set_new(cmd->result, "devices", json_array());
	return kith_lookup(cmd->commands->node, cmd->name, lookup_found, lookup_done, cmd, &cmd->call);
}

/* ---- ping and explain: a call to the service "ping" ---- */

static void note_path(struct command *cmd, const struct kith_path_info *path)
{
	json_t *changes = json_object_get(cmd->result, "changes"), *change = describe_path(path);
	json_object_set_new(change, "at_ms", ms_json(now_us() - cmd->began_us));
	if (json_array_size(changes) < PATHS_SHOWN_MAX)
		json_array_append(changes, change);
	json_decref(change);
}

static void called_path_changed(struct kith_conn *conn, const struct kith_path_info *path, void *user)
{
	(void)conn;
	struct peer *peer = user;
	if (peer->command != NULL)
		note_path(peer->command, path);
}

static void called_datagram(struct kith_conn *conn, uint16_t channel, const uint8_t *data, size_t len, void *user)
{
	struct peer *peer = user;
	struct command *cmd = peer->command;
	uint64_t words[2];
	(void)conn;
	(void)channel;
	if (cmd == NULL || len != PING_BYTES)
		return;
	memcpy(words, data, sizeof words);
	uint64_t now = now_us();
	if (words[0] >= cmd->sent || words[1] > now || words[1] < cmd->opened_us)
		return; /* not one of ours */
	cmd->received++;
	json_array_append_new(json_object_get(cmd->result, "rtt_ms"), ms_json(now - words[1]));
}

static void called_closed(struct kith_conn *conn, enum kith_close_reason reason, bool remote, void *user)
{
	struct peer *peer = user;
	struct command *cmd = peer->command;
	(void)conn;
	peer_free(peer);
	if (cmd == NULL)
		return;
	cmd->peer = NULL;
	if (remote && cmd->received == 0 && json_object_get(cmd->result, "paths") == NULL)
		cmd->err = reason == KITH_CLOSE_TIMED_OUT ? KITH_ETIMEDOUT : KITH_ECLOSED;
	command_end(cmd);
}

static int write_explain(struct command *cmd, const struct kith_conn *conn)
{
	char *text = malloc(EXPLAIN_MAX);
	if (text == NULL)
		return KITH_ENOMEM;
	kith_explain(conn, text, EXPLAIN_MAX);
	json_object_set_new(cmd->result, "text", json_string(text));
	free(text);
	return 0;
}

/* Writes down what is known at the end, and hangs up. */
static void hang_up(struct command *cmd)
{
	json_object_set_new(cmd->result, "paths", describe_paths(cmd->peer->conn));
	if (cmd->kind == COMMAND_EXPLAIN)
		cmd->err = write_explain(cmd, cmd->peer->conn);
	json_object_set_new(cmd->result, "sent", json_integer(cmd->sent));
	json_object_set_new(cmd->result, "received", json_integer(cmd->received));
	command_stop(cmd);
}

static void ping_tick(uv_timer_t *timer)
{
	struct command *cmd = timer->data;
	uint64_t words[2] = { cmd->sent, now_us() };
	if (cmd->sent < cmd->count) {
		if (kith_conn_send(cmd->peer->conn, 0, words, sizeof words) == 0)
			cmd->sent++;
		else
			cmd->count--; /* not taken: one less to wait for */
		cmd->last_sent_us = words[1];
	} else if (cmd->received >= cmd->sent || words[1] - cmd->last_sent_us >= PING_LAST_WAIT_MS * 1000) {
		hang_up(cmd);
	}
}

static void explain_tick(uv_timer_t *timer)
{
	struct command *cmd = timer->data;
	struct kith_path_info paths[PATHS_SHOWN_MAX];
	size_t n = kith_conn_paths(cmd->peer->conn, paths, PATHS_SHOWN_MAX);
	bool direct = false;
	for (size_t i = 0; i < n && i < PATHS_SHOWN_MAX; i++)
		direct = direct || (paths[i].sending && paths[i].kind == KITH_PATH_CLASS_DIRECT);
	if (direct || now_us() - cmd->opened_us >= (uint64_t)cmd->wait_ms * 1000)
		hang_up(cmd);
}

static void describe_who(struct command *cmd, const struct kith_conn *conn)
{
	struct kith_session_info who;
	if (kith_conn_info(conn, &who) == 0)
		json_object_set_new(cmd->result, "peer", describe_session(&who));
}

static void called(struct kith_call *call, int err, struct kith_conn *conn, void *user)
{
	struct command *cmd = user;
	struct kith_conn_callbacks cb;
	(void)call;
	cmd->call = NULL;
	if (err != 0) {
		command_fail(cmd, err);
		return;
	}
	cmd->opened_us = now_us();
	cmd->peer = peer_new(cmd->commands, conn, cmd);
	if (cmd->peer == NULL) {
		kith_conn_set_callbacks(conn, NULL, NULL);
		(void)kith_conn_close(conn, KITH_CLOSE_NORMAL);
		command_fail(cmd, KITH_ENOMEM);
		return;
	}
	kith_conn_callbacks_init(&cb);
	cb.path_changed = called_path_changed;
	cb.datagram = called_datagram;
	cb.closed = called_closed;
	kith_conn_set_callbacks(conn, &cb, cmd->peer);
	json_object_set_new(cmd->result, "connect_ms", ms_json(cmd->opened_us - cmd->began_us));
	describe_who(cmd, conn);
	if (cmd->done == NULL)
		command_stop(cmd);
	else if (cmd->kind == COMMAND_PING)
		uv_timer_start(&cmd->timer, ping_tick, 0, cmd->interval_ms);
	else
		uv_timer_start(&cmd->timer, explain_tick, 0, EXPLAIN_STEP_MS);
}

static int call_begin(struct command *cmd, unsigned timeout_ms)
{
	json_object_set_new(cmd->result, "changes", json_array());
	json_object_set_new(cmd->result, "rtt_ms", json_array());
	return kith_connect(cmd->commands->node, cmd->name, PING_SERVICE, (kith_time_us)timeout_ms * KITH_US_PER_MS,
			    called, cmd, &cmd->call);
}

/* A session with that name that is open already, if there is one. */
static bool explain_existing(struct command *cmd)
{
	for (struct peer *peer = cmd->commands->peers; peer != NULL; peer = peer->next) {
		struct kith_session_info who;
		if (kith_conn_info(peer->conn, &who) != 0 || !who.open || strcmp(who.name, cmd->name) != 0)
			continue;
		json_object_set_new(cmd->result, "peer", describe_session(&who));
		json_object_set_new(cmd->result, "paths", describe_paths(peer->conn));
		command_fail(cmd, write_explain(cmd, peer->conn));
		return true;
	}
	return false;
}

/* ---- requests ---- */

static unsigned number(const json_t *request, const char *key, unsigned otherwise, unsigned min, unsigned max)
{
	const json_t *value = json_object_get(request, key);
	json_int_t n = json_is_integer(value) ? json_integer_value(value) : (json_int_t)otherwise;
	return n < (json_int_t)min ? min : n > (json_int_t)max ? max : (unsigned)n;
}

static void begin(struct command *cmd, const json_t *request)
{
	unsigned timeout_ms = number(request, "timeout_ms", 30000, 100, TIMEOUT_MS_MAX);
	int err = 0;
	switch (cmd->kind) {
	case COMMAND_LOOKUP:
		err = lookup_begin(cmd);
		break;
	case COMMAND_PING:
		cmd->count = number(request, "count", 5, 1, PING_COUNT_MAX);
		cmd->interval_ms = number(request, "interval_ms", 200, 10, 60000);
		err = call_begin(cmd, timeout_ms);
		break;
	case COMMAND_EXPLAIN:
		cmd->wait_ms = number(request, "wait_ms", 3000, 0, 60000);
		note_ended(cmd); /* now: a call that is hung up is the last one then */
		if (!explain_existing(cmd))
			err = call_begin(cmd, timeout_ms);
		break;
	}
	if (err != 0)
		command_fail(cmd, err);
}

static void run_long(struct commands *c, enum command_kind kind, const json_t *request, command_done_fn done, void *ctx,
		     struct command **out)
{
	const char *name = json_string_value(json_object_get(request, "name"));
	struct command *cmd = NULL;
	int err = name == NULL || strlen(name) > KITH_NAME_MAX ? KITH_ENAME
		  : c->running_n >= COMMANDS_MAX	       ? KITH_EFULL
							       : 0;
	if (err == 0) {
		cmd = calloc(1, sizeof *cmd);
		err = cmd == NULL ? KITH_ENOMEM : 0;
	}
	if (err != 0) {
		json_t *answer = command_error(err, NULL);
		done(ctx, answer);
		json_decref(answer);
		return;
	}
	cmd->commands = c;
	cmd->kind = kind;
	cmd->done = done;
	cmd->ctx = ctx;
	cmd->began_us = now_us();
	(void)snprintf(cmd->name, sizeof cmd->name, "%s", name);
	cmd->result = json_pack("{s:s}", "name", cmd->name);
	uv_timer_init(c->loop, &cmd->timer);
	cmd->timer.data = cmd;
	cmd->next = c->running;
	if (c->running != NULL)
		c->running->prev = cmd;
	c->running = cmd;
	c->running_n++;
	begin(cmd, request);
	if (out != NULL && !cmd->ended)
		*out = cmd;
}

static json_t *sessions(const struct commands *c)
{
	json_t *list = json_array();
	for (const struct peer *peer = c->peers; peer != NULL; peer = peer->next) {
		struct kith_session_info who;
		if (kith_conn_info(peer->conn, &who) != 0)
			continue;
		json_t *session = describe_session(&who);
		json_object_set_new(session, "age_ms", json_integer((json_int_t)(uv_now(c->loop) - peer->since_ms)));
		json_object_set_new(session, "paths", describe_paths(peer->conn));
		json_array_append_new(list, session);
	}
	return json_pack("{s:o}", "sessions", list);
}

static json_t *status(const struct commands *c)
{
	json_t *result = describe_node(c->node);
	json_object_set_new(result, "certificates", describe_end(&c->end));
	json_object_set_new(result, "logs", describe_logs(c->node));
	return result;
}

static json_t *take_lists(struct commands *c, const json_t *request)
{
	const char *text = json_string_value(json_object_get(request, "list"));
	struct armor armor;
	json_int_t taken = 0;
	if (text == NULL)
		return command_error(KITH_EINVAL, "revoke: \"list\" is missing: armoured revocation lists");
	int err = armor_parse(&armor, text, strlen(text));
	size_t n = err == 0 ? armor.n : 0;
	/* A list counts only with its issuer's certificate; one that is refused (expired, revoked) leaves the list to
	 * be. */
	for (size_t i = 0; i < n; i++)
		if (armor.pieces[i].kind == KITH_ARMOR_ISSUER && kith_add_issuer(c->node, armor.pieces[i].bytes) != 0)
			continue;
	for (size_t i = 0; i < n; i++) {
		if (!is_posted(armor.pieces[i].kind))
			continue;
		int refused = kith_revoke(c->node, armor.pieces[i].bytes);
		taken += refused == 0 ? 1 : 0;
		if (err == 0)
			err = refused;
	}
	armor_free(&armor);
	if (err != 0)
		return command_error(err, NULL);
	if (taken == 0)
		return command_error(KITH_EINVAL, "revoke: there is no revocation list, nor the head of a log, in it");
	return json_pack("{s:b, s:{s:I}}", "ok", 1, "result", "lists", taken);
}

static json_t *serve(struct commands *c, const json_t *request)
{
	const char *how = json_string_value(json_object_get(request, "how")), *why = NULL;
	enum kith_role role;
	if (how == NULL || !serving_word(how, &role))
		return command_error(KITH_EINVAL, "serve: \"how\" is one of on, off, auto");
	if (!c->serving.known)
		return command_error(KITH_ENOTSUP, "this program's role cannot be changed");
	int err = serving_set(&c->serving, c->node, role, &why);
	if (err != 0)
		return command_error(err, why);
	struct kith_role_info info;
	(void)kith_node_role(c->node, &info);
	return json_pack("{s:b, s:{s:o}}", "ok", 1, "result", "serving", describe_serving(&info));
}

void command_run(struct commands *c, const json_t *request, command_done_fn done, void *ctx, struct command **out)
{
	static const struct {
		const char *name;
		enum command_kind kind;
	} long_ones[] = { { "lookup", COMMAND_LOOKUP }, { "ping", COMMAND_PING }, { "explain", COMMAND_EXPLAIN } };
	const char *name = json_string_value(json_object_get(request, "command"));
	json_t *answer;

	if (out != NULL)
		*out = NULL;
	for (size_t i = 0; name != NULL && i < sizeof long_ones / sizeof long_ones[0]; i++) {
		if (strcmp(name, long_ones[i].name) == 0) {
			run_long(c, long_ones[i].kind, request, done, ctx, out);
			return;
		}
	}
	if (name != NULL && strcmp(name, "status") == 0)
		answer = json_pack("{s:b, s:o}", "ok", 1, "result", status(c));
	else if (name != NULL && strcmp(name, "sessions") == 0)
		answer = json_pack("{s:b, s:o}", "ok", 1, "result", sessions(c));
	else if (name != NULL && strcmp(name, "revoke") == 0)
		answer = take_lists(c, request);
	else if (name != NULL && strcmp(name, "serve") == 0)
		answer = serve(c, request);
	else
		answer = command_error(
			KITH_EINVAL,
			"there is no such command: status, sessions, lookup, ping, explain, revoke, serve");
	done(ctx, answer);
	json_decref(answer);
}
