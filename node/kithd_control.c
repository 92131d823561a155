#include "kithd_control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "files.h"

struct control_client {
	struct control_client *next, *prev;
	struct control *control;
	uv_pipe_t pipe;
	struct command *command; /* under way */
	bool busy; /* a command is under way, also while command_run runs */
	bool closing;
	json_t *id; /* of the request */
	size_t len;
	char line[CONTROL_LINE_MAX];
};

struct control_write {
	uv_write_t request;
	char *text; /* from jansson */
};

static void serve_lines(struct control_client *client);

static void client_closed(uv_handle_t *handle)
{
	struct control_client *client = handle->data;
	json_decref(client->id);
	free(client);
}

static void client_close(struct control_client *client)
{
	if (client->closing)
		return;
	client->closing = true;
	if (client->next != NULL)
		client->next->prev = client->prev;
	if (client->prev != NULL)
		client->prev->next = client->next;
	else
		client->control->clients = client->next;
	client->control->clients_n--;
	if (client->command != NULL)
		command_forget(client->command);
	client->command = NULL;
	uv_close((uv_handle_t *)&client->pipe, client_closed);
}

static void written(uv_write_t *request, int status)
{
	struct control_write *w = (struct control_write *)request;
	(void)status; /* whoever does not read is noticed when it hangs up */
	free(w->text);
	free(w);
}

/* Sends one line; the answer is given up when there is no memory. */
static void send_line(struct control_client *client, const json_t *answer)
{
	static char newline[] = "\n";
	struct control_write *w = calloc(1, sizeof *w);
	if (w == NULL)
		return;
	w->text = json_dumps(answer, JSON_COMPACT | JSON_REAL_PRECISION(9));
	if (w->text == NULL) {
		free(w);
		return;
	}
	uv_buf_t bufs[2] = { uv_buf_init(w->text, (unsigned)strlen(w->text)), uv_buf_init(newline, 1) };
	if (uv_write(&w->request, (uv_stream_t *)&client->pipe, bufs, 2, written) != 0)
		written(&w->request, 0);
}

static void answered(void *ctx, json_t *answer)
{
	struct control_client *client = ctx;
	client->busy = false;
	client->command = NULL;
	if (client->id != NULL)
		json_object_set(answer, "id", client->id);
	send_line(client, answer);
	json_decref(client->id);
	client->id = NULL;
	if (client->len > 0 && !client->closing)
		serve_lines(client);
}

static void serve_line(struct control_client *client, const char *line, size_t len)
{
	json_error_t error;
	char why[256];
	json_t *request = json_loadb(line, len, JSON_REJECT_DUPLICATES, &error);
	client->busy = true;
	if (!json_is_object(request)) {
		(void)snprintf(why, sizeof why, "not a JSON object: %s",
			       request == NULL ? error.text : "some other value");
		json_t *answer = command_error(KITH_EPROTO, why);
		answered(client, answer);
		json_decref(answer);
	} else {
		struct command *command;
		json_t *id = json_object_get(request, "id");
		client->id = json_incref(id);
		command_run(client->control->commands, request, answered, client, &command);
		if (client->busy)
			client->command = command;
	}
	json_decref(request);
}

/* Whole lines, one after the other. A command that is under way stops this; its answer goes on here. */
static void serve_lines(struct control_client *client)
{
	static unsigned depth; /* an answer that comes at once re-enters: the outermost goes on */
	if (depth > 0)
		return;
	depth++;
	while (!client->busy && !client->closing) {
		char *end = memchr(client->line, '\n', client->len);
		if (end == NULL)
			break;
		size_t used = (size_t)(end - client->line) + 1;
		char *line = malloc(used);
		if (line == NULL) {
			client_close(client);
			break;
		}
		memcpy(line, client->line, used);
		memmove(client->line, end + 1, client->len - used);
		client->len -= used;
		serve_line(client, line, used - 1);
		free(line);
	}
	depth--;
}

static void give_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	struct control_client *client = handle->data;
	(void)suggested;
	*buf = uv_buf_init(client->line + client->len, (unsigned)(sizeof client->line - client->len));
}

static void got(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct control_client *client = stream->data;
	(void)buf;
	if (n < 0) { /* hung up, or no room left for the line (UV_ENOBUFS) */
		client_close(client);
		return;
	}
	client->len += (size_t)n;
	serve_lines(client);
}

static void accepted(uv_stream_t *server, int status)
{
	struct control *control = server->data;
	struct control_client *client = status == 0 ? calloc(1, sizeof *client) : NULL;
	if (client == NULL)
		return;
	client->control = control;
	client->pipe.data = client;
	uv_pipe_init(server->loop, &client->pipe, 0);
	client->pipe.data = client;
	client->next = control->clients;
	if (control->clients != NULL)
		control->clients->prev = client;
	control->clients = client;
	control->clients_n++;
	if (uv_accept(server, (uv_stream_t *)&client->pipe) != 0) {
		client_close(client);
		return;
	}
	if (control->clients_n > CONTROL_CLIENTS_MAX) {
		json_t *answer = command_error(KITH_EFULL, "too many clients on the control socket; try again later");
		send_line(client, answer);
		json_decref(answer);
		client_close(client);
		return;
	}
	uv_read_start((uv_stream_t *)&client->pipe, give_room, got);
}

/* libuv says EACCES for a directory that does not exist, as Windows would. */
static int check_directory(const char *path)
{
	char dir[CONTROL_PATH_MAX + 1];
	const char *slash = strrchr(path, '/');
	struct stat st;
	if (slash == NULL || slash == path)
		return 0;
	(void)snprintf(dir, sizeof dir, "%.*s", (int)(slash - path), path);
	return stat(dir, &st) != 0 && (errno == ENOENT || errno == ENOTDIR) ? KITH_ENOENT : 0;
}

/* 0: the way is free, or what is there is left over (*stale). */
static int look(const char *path, bool *stale)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct stat st;
	*stale = false;
	if (strlen(path) > CONTROL_PATH_MAX)
		return KITH_EMSGSIZE;
	if (lstat(path, &st) != 0)
		return errno == ENOENT || errno == ENOTDIR ? check_directory(path) : KITH_EACCES;
	if (!S_ISSOCK(st.st_mode))
		return KITH_EEXIST;
	memcpy(addr.sun_path, path, strlen(path) + 1);
	int fd = local_socket(true);
	if (fd < 0)
		return errno == EMFILE || errno == ENFILE ? KITH_EMFILE : KITH_EIO;
	int result = connect(fd, (const struct sockaddr *)&addr, sizeof addr);
	int why = errno;
	close(fd);
	*stale = result != 0 && why == ECONNREFUSED;
	return *stale ? 0 : KITH_EADDRINUSE;
}

int control_look(const char *path)
{
	bool stale;
	return look(path, &stale);
}

const char *control_why(int err)
{
	switch (err) {
	case KITH_EADDRINUSE:
		return "another kithd listens on it";
	case KITH_EEXIST:
		return "there is something that is no socket";
	case KITH_EMSGSIZE:
		return "the path is longer than 107 characters";
	case KITH_ENOENT:
		return "its directory does not exist";
	default:
		return kith_strerror(err);
	}
}

/* A socket that a crash left behind is removed. */
static int clear_way(const char *path)
{
	bool stale;
	int err = look(path, &stale);
	if (err != 0 || !stale)
		return err;
	return unlink(path) == 0 ? 0 : KITH_EACCES;
}

static int from_uv(int err)
{
	switch (err) {
	case 0:
		return 0;
	case UV_ENOENT:
	case UV_ENOTDIR:
		return KITH_ENOENT;
	case UV_EACCES:
	case UV_EPERM:
	case UV_EROFS:
		return KITH_EACCES;
	case UV_EADDRINUSE:
		return KITH_EADDRINUSE;
	case UV_ENOSPC:
		return KITH_ENOSPC;
	case UV_EMFILE:
	case UV_ENFILE:
		return KITH_EMFILE;
	default:
		return KITH_EIO;
	}
}

int control_open(struct control *control, uv_loop_t *loop, struct commands *commands, const char *path)
{
	memset(control, 0, sizeof *control);
	int err = clear_way(path);
	if (err != 0)
		return err;
	(void)snprintf(control->path, sizeof control->path, "%s", path);
	control->commands = commands;
	uv_pipe_init(loop, &control->pipe, 0);
	control->pipe.data = control;
	mode_t before = umask(0177); /* from its first moment on, only the owner can connect */
	err = from_uv(uv_pipe_bind(&control->pipe, path));
	umask(before);
	if (err == 0)
		err = from_uv(uv_listen((uv_stream_t *)&control->pipe, CONTROL_CLIENTS_MAX, accepted));
	if (err != 0)
		uv_close((uv_handle_t *)&control->pipe, NULL);
	control->open = err == 0;
	return err;
}

void control_close(struct control *control)
{
	if (!control->open)
		return;
	control->open = false;
	while (control->clients != NULL)
		client_close(control->clients);
	uv_close((uv_handle_t *)&control->pipe, NULL); /* libuv removes the file that it bound */
}
