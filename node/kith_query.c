/* Questions to a node: to kithd over its control socket, or to a node of one's own that lives as long as the
 * question. */
#include "kith_cli.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "commands.h"
#include "kith_show.h"

enum {
	ANSWER_MAX = 1024 * 1024,
	ATTACH_MS_DEFAULT = 20000,
	MARGIN_MS = 5000,
#ifdef MSG_NOSIGNAL
	NO_SIGNAL = MSG_NOSIGNAL
#else
	NO_SIGNAL = 0 /* local_socket() has seen to it */
#endif
};

/* ---- the question and its answer ---- */

static unsigned timeout_ms(const struct cli *cli)
{
	return cli->timeout_s > 0 ? (unsigned)cli->timeout_s * 1000 : 30000;
}

/* How long a node of one's own may take until a supernode has answered. */
static unsigned attach_ms(const struct cli *cli)
{
	return cli->timeout_s > 0 ? timeout_ms(cli) : ATTACH_MS_DEFAULT;
}

/* The lists as text, checked as far as that can be done here. */
static int read_lists(const struct cli *cli, json_t *request)
{
	const char *path = cli->words[0];
	struct armor armor = { 0 };
	char *text = NULL;
	size_t len;
	errno = 0;
	int err = file_read(path, &text, &len);
	if (err != 0)
		return cli_fail(cli, CLI_FAILED, "%s cannot be read: %s", path, file_why(err));
	err = armor_parse(&armor, text, len);
	if (err != 0 || !armor_has_posted(&armor) || json_object_set_new(request, "list", json_stringn(text, len)) != 0)
		err = cli_fail(
			cli, CLI_FAILED,
			"%s holds no revocation list; expected what kith ca revoke wrote, ca log head, or ca network",
			path);
	armor_free(&armor);
	free(text);
	return err;
}

static int make_request(const struct cli *cli, json_t **out)
{
	int code = CLI_OK;
	json_t *request = json_pack("{s:s, s:i}", "command", cli->command, "timeout_ms", (int)timeout_ms(cli));
	if (strcmp(cli->command, "status") == 0 || strcmp(cli->command, "sessions") == 0) {
		code = cli_words(cli, 0, 0, "");
	} else if (strcmp(cli->command, "serve") == 0) {
		enum kith_role role;
		code = cli_words(cli, 1, 1, "on | off | auto");
		if (code == CLI_OK && !serving_word(cli->words[0], &role))
			code = cli_fail(cli, CLI_USAGE, "%s: expected on, off or auto", cli->words[0]);
		if (code == CLI_OK)
			json_object_set_new(request, "how", json_string(cli->words[0]));
	} else if (strcmp(cli->command, "revoke") == 0) {
		code = cli_words(cli, 1, 1, "FILE");
		if (code == CLI_OK)
			code = read_lists(cli, request);
	} else {
		code = cli_words(cli, 1, 1, "NAME");
		if (code == CLI_OK && !kith_name_valid(cli->words[0]))
			code = cli_fail(cli, CLI_USAGE, "%s: a name is 1 to 32 of a-z, 0-9, '.', '-', '_'",
					cli->words[0]);
		if (code == CLI_OK)
			json_object_set_new(request, "name", json_string(cli->words[0]));
	}
	if (cli->count > 0)
		json_object_set_new(request, "count", json_integer(cli->count));
	if (cli->interval_ms > 0)
		json_object_set_new(request, "interval_ms", json_integer(cli->interval_ms));
	if (cli->wait_s >= 0)
		json_object_set_new(request, "wait_ms", json_integer((json_int_t)cli->wait_s * 1000));
	*out = request;
	return code;
}

static enum cli_exit exit_of(const char *code)
{
	static const struct {
		int err;
		enum cli_exit exit;
	} map[] = {
		{ KITH_ENOENT, CLI_NOT_FOUND },	     { KITH_EOFFLINE, CLI_NOT_FOUND },
		{ KITH_ETIMEDOUT, CLI_UNREACHABLE }, { KITH_EUNREACHABLE, CLI_UNREACHABLE },
		{ KITH_EDETACHED, CLI_UNREACHABLE }, { KITH_ECLOSED, CLI_UNREACHABLE },
	};
	for (size_t i = 0; i < sizeof map / sizeof map[0]; i++)
		if (strcmp(kith_err_name(map[i].err), code) == 0)
			return map[i].exit;
	return CLI_FAILED;
}

/* A look-up finds what there is; whether somebody is there is the exit code. */
static bool somebody_online(const json_t *result)
{
	size_t i;
	json_t *device;
	json_array_foreach(json_object_get(result, "devices"), i, device)
	{
		if (json_is_true(json_object_get(device, "online")))
			return true;
	}
	return false;
}

static int print_error(const struct cli *cli, json_t *answer)
{
	const char *code = json_string_value(json_object_get(answer, "code"));
	const char *why = json_string_value(json_object_get(answer, "error"));
	const char *ended = json_string_value(json_object_get(answer, "ended"));
	const char *name = cli->words_n > 0 ? cli->words[0] : ""; /* or the word, or file, that it is about */
	enum cli_exit exit = exit_of(code != NULL ? code : "");
	char text[512];
	(void)snprintf(text, sizeof text, "%s%s%s", name, name[0] != '\0' ? ": " : "",
		       why != NULL ? why : "no reason was given");
	return ended != NULL ? cli_fail_ended(cli, exit, ended, text) : cli_fail(cli, exit, "%s", text);
}

static int print_answer(const struct cli *cli, json_t *answer)
{
	if (!json_is_true(json_object_get(answer, "ok")))
		return print_error(cli, answer);
	json_t *result = json_object_get(answer, "result");
	struct text text = { 0 };
	if (!cli->json)
		show_answer(&text, cli->command, result);
	int code = cli_result(cli, json_incref(result), text.p != NULL ? text.p : "");
	text_free(&text);
	if (code == CLI_OK && strcmp(cli->command, "lookup") == 0 && !somebody_online(result))
		return CLI_NOT_FOUND;
	return code;
}

/* ---- over the control socket ---- */

static int connect_to(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof addr.sun_path) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(addr.sun_path, path, strlen(path) + 1);
	int fd = local_socket(false);
	if (fd >= 0 && connect(fd, (const struct sockaddr *)&addr, sizeof addr) != 0) {
		int why = errno;
		close(fd);
		errno = why;
		return -1;
	}
	return fd;
}

/* Reads one line; NULL when it does not come. */
static json_t *read_answer(int fd, int wait_ms)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	struct text line = { 0 };
	char part[4096];
	json_t *answer = NULL;
	while (line.len < ANSWER_MAX && poll(&ready, 1, wait_ms) > 0) {
		ssize_t n = read(fd, part, sizeof part);
		if (n <= 0 || text_add(&line, part, (size_t)n) != 0)
			break;
		if (memchr(part, '\n', (size_t)n) != NULL) {
			answer = json_loads(line.p, JSON_DISABLE_EOF_CHECK, NULL);
			break;
		}
	}
	text_free(&line);
	return answer;
}

static int ask_kithd(const struct cli *cli, const json_t *request)
{
	const char *path = cli->socket != NULL ? cli->socket : CONTROL_SOCKET_DEFAULT;
	struct stat st;
	if (stat(path, &st) == 0 && !S_ISSOCK(st.st_mode))
		return cli_fail(cli, CLI_NO_KITHD, "%s: it is no socket; expected what kithd.conf calls control", path);
	int fd = connect_to(path);
	if (fd < 0)
		return cli_fail(cli, CLI_NO_KITHD,
				"%s: %s; is kithd running with this control socket? (--socket names another, --profile "
				"needs none)",
				path, strerror(errno));
	char *line = json_dumps(request, JSON_COMPACT);
	if (line == NULL) {
		close(fd);
		return cli_fail(cli, CLI_FAILED, "%s", kith_strerror(KITH_ENOMEM));
	}
	bool sent =
		send(fd, line, strlen(line), NO_SIGNAL) == (ssize_t)strlen(line) && send(fd, "\n", 1, NO_SIGNAL) == 1;
	free(line);
	int wait = (int)timeout_ms(cli) + MARGIN_MS + cli->count * (cli->interval_ms > 0 ? cli->interval_ms : 200) +
		   (cli->wait_s > 0 ? cli->wait_s * 1000 : 0);
	json_t *answer = sent ? read_answer(fd, wait) : NULL;
	close(fd);
	if (answer == NULL)
		return cli_fail(cli, CLI_NO_KITHD, "%s: kithd did not answer", path);
	int code = print_answer(cli, answer);
	json_decref(answer);
	return code;
}

/* ---- with a node of one's own ---- */

struct own_node {
	const struct cli *cli;
	const json_t *request;
	uv_loop_t loop;
	uv_timer_t patience;
	struct kith_node *node;
	struct commands commands;
	bool asked;
	int code;
};

static void own_closed(struct kith_node *node, void *user)
{
	struct own_node *own = user;
	(void)node;
	uv_close((uv_handle_t *)&own->patience, NULL);
}

static void own_end(struct own_node *own, int code)
{
	own->code = code;
	(void)kith_node_close(own->node, own_closed);
}

static void own_answered(void *ctx, json_t *answer)
{
	struct own_node *own = ctx;
	own_end(own, print_answer(own->cli, answer));
}

static void own_started(struct kith_node *node, int err, const char *why, void *user)
{
	struct own_node *own = user;
	(void)node;
	if (err == KITH_EEXIST || err == KITH_ESTATE)
		own_end(own, cli_fail(own->cli, CLI_FAILED,
				      "%s: a program runs with this profile already; ask kithd with --socket", why));
	else if (err != 0)
		own_end(own, cli_fail(own->cli, CLI_FAILED, "%s", why != NULL ? why : kith_strerror(err)));
}

static void own_attached(struct kith_node *node, unsigned homes, void *user)
{
	struct own_node *own = user;
	(void)node;
	if (homes == 0 || own->asked)
		return;
	own->asked = true;
	uv_timer_stop(&own->patience);
	command_run(&own->commands, own->request, own_answered, own, NULL);
}

static void own_late(uv_timer_t *timer)
{
	struct own_node *own = timer->data;
	own_end(own, cli_fail(own->cli, CLI_UNREACHABLE,
			      "no supernode answered within %u s; check the profile's bootstrap file",
			      attach_ms(own->cli) / 1000));
}

static int own_passphrase(void *ctx, const char *path, char *out, size_t cap)
{
	struct passphrase pass;
	if (cli_passphrase(ctx, &pass, path, false) != CLI_OK)
		return KITH_EPASSPHRASE;
	int len = pass.len <= cap ? (int)pass.len : KITH_EINVAL;
	if (len > 0)
		memcpy(out, pass.b, pass.len);
	passphrase_wipe(&pass);
	return len;
}

static int ask_own(const struct cli *cli, const json_t *request)
{
	struct own_node own = { .cli = cli, .request = request };
	struct kith_node_options options;
	struct kith_node_callbacks cb;
	char why[512];
	kith_node_options_init(&options);
	int err = kith_node_options_load(&options, cli->profile, why, sizeof why);
	if (err != 0)
		return cli_fail(cli, CLI_FAILED, "--profile: %s%s", why,
				err == KITH_ENOENT ? "; expected a directory that kith id made" : "");
	if (uv_loop_init(&own.loop) != 0) {
		kith_node_options_deinit(&options);
		return cli_fail(cli, CLI_FAILED, "%s", kith_strerror(KITH_EIO));
	}
	kith_node_callbacks_init(&cb);
	cb.started = own_started;
	cb.attached = own_attached;
	options.loop = &own.loop;
	options.passphrase = own_passphrase;
	options.passphrase_ctx = (void *)(uintptr_t)cli;
	options.allow_loopback = options.allow_loopback || cli->loopback != 0;
	options.no_port_mapping = options.no_lan = true; /* it is gone before anybody could call */
	err = kith_node_new(&own.node, &options, &cb, &own);
	if (err == KITH_EPROTO || err == KITH_EACCES || err == KITH_ENOENT) /* what else is read was read before */
		own.code = cli_fail(cli, CLI_FAILED, "the key file %s cannot be used: %s", options.key_path,
				    kith_strerror(err));
	else if (err != 0 && err != KITH_EPASSPHRASE) /* own_passphrase complained */
		own.code = cli_fail(cli, CLI_FAILED, "%s: %s", cli->profile, kith_strerror(err));
	bool made = err == 0;
	struct chain_end end = chain_end(options.chain, options.issuers, options.issuers_n);
	kith_node_options_deinit(&options);
	if (made) {
		commands_init(&own.commands, own.node, &own.loop);
		own.commands.end = end;
		uv_timer_init(&own.loop, &own.patience);
		own.patience.data = &own;
		uv_timer_start(&own.patience, own_late, attach_ms(cli), 0);
		err = kith_node_start(own.node);
		if (err != 0)
			uv_close((uv_handle_t *)&own.patience, NULL);
		uv_run(&own.loop, UV_RUN_DEFAULT);
		kith_node_free(own.node);
	}
	uv_run(&own.loop, UV_RUN_DEFAULT);
	uv_loop_close(&own.loop);
	if (made && err != 0)
		own.code = cli_fail(cli, CLI_FAILED, "%s: %s", cli->profile, kith_strerror(err));
	return err != 0 && own.code == CLI_OK ? CLI_FAILED : own.code;
}

int cli_query(const struct cli *cli)
{
	json_t *request;
	int code = make_request(cli, &request);
	if (code == CLI_OK)
		code = cli->profile != NULL ? ask_own(cli, request) : ask_kithd(cli, request);
	json_decref(request);
	return code;
}
