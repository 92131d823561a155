/* loop PROFILE PORT: a node beside a small web server, http://127.0.0.1:PORT/status, on one libuv loop and thread.
 *
 * The point is that nothing has to be locked: the server's callbacks may ask the node whatever they like. (HTTP is by
 * hand, as one fixed request is all there is to it. A real server has a library for it, such as llhttp.) Everybody who
 * calls for the service hello is taken, so that there is something to see. */
#define _POSIX_C_SOURCE 200809L
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#include <kith/kith.h>

enum { CONNS_MAX = 16, REQUEST_MAX = 4096, ANSWER_MAX = 8192, BACKLOG = 16 };

struct app {
	struct kith_node *node;
	struct kith_conn *conns[CONNS_MAX]; /* open sessions; NULL: none */
	uv_tcp_t server;
	uv_signal_t ctrl_c;
	bool leaving;
	int exit_code;
};

/* ---- the node ---- */

static void on_conn_closed(struct kith_conn *conn, enum kith_close_reason reason, bool remote, void *user)
{
	struct app *app = user;
	(void)reason, (void)remote;
	for (int i = 0; i < CONNS_MAX; i++)
		if (app->conns[i] == conn)
			app->conns[i] = NULL;
}

static void on_incoming(struct kith_node *node, struct kith_conn *conn, const struct kith_session_info *who, void *user)
{
	struct app *app = user;
	struct kith_conn_callbacks cb;
	int i = 0;
	(void)node;
	while (i < CONNS_MAX && app->conns[i] != NULL)
		i++;
	if (i == CONNS_MAX) {
		(void)kith_conn_reject(conn, KITH_CLOSE_BUSY);
		return;
	}
	printf("%s calls\n", who->name);
	kith_conn_callbacks_init(&cb);
	cb.closed = on_conn_closed;
	kith_conn_set_callbacks(conn, &cb, app);
	app->conns[i] = conn;
	if (kith_conn_accept(conn) != 0)
		printf("%s has hung up\n", who->name);
}

/* ---- what the server tells ---- */

static void add(char out[ANSWER_MAX], size_t *len, const char *format, ...) KITH_PRINTF(3, 4);
static void add(char out[ANSWER_MAX], size_t *len, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	int n = vsnprintf(out + *len, ANSWER_MAX - *len, format, args);
	va_end(args);
	if (n > 0 && (size_t)n < ANSWER_MAX - *len)
		*len += (size_t)n;
}

/* Names are of a-z, 0-9 and ".-_" (<kith/identity.h>), and services are ours: nothing has to be escaped. */
static void add_session(const struct kith_conn *conn, char out[ANSWER_MAX], size_t *len)
{
	struct kith_session_info who;
	struct kith_path_info path;
	if (kith_conn_info(conn, &who) != 0)
		return;
	add(out, len, "%s{\"name\":\"%s\",\"service\":\"%s\"", out[*len - 1] == '[' ? "" : ",", who.name, who.service);
	if (kith_conn_paths(conn, &path, 1) > 0)
		add(out, len, ",\"direct\":%s,\"rtt_ms\":%.3f", path.kind == KITH_PATH_CLASS_DIRECT ? "true" : "false",
		    (double)path.rtt_us / 1000);
	add(out, len, "}");
}

static size_t status(const struct app *app, char out[ANSWER_MAX])
{
	struct kith_node_info info;
	struct kith_addr homes[1];
	size_t len = 0;
	(void)kith_node_info(app->node, &info);
	add(out, &len, "{\"name\":\"%s\",\"running\":%s,\"port\":%u,\"homes\":%zu,\"sessions\":[", info.name,
	    info.state == KITH_NODE_RUNNING ? "true" : "false", info.port, kith_node_homes(app->node, homes, 1));
	for (int i = 0; i < CONNS_MAX; i++)
		if (app->conns[i] != NULL)
			add_session(app->conns[i], out, &len);
	add(out, &len, "]}\n");
	return len;
}

/* ---- the server: one request a connection ---- */

struct client {
	uv_tcp_t tcp; /* first, so that it is the client's address, too */
	struct app *app;
	uv_write_t write;
	char request[REQUEST_MAX], answer[ANSWER_MAX + 256], body[ANSWER_MAX];
	size_t len;
};

static void on_client_closed(uv_handle_t *handle)
{
	free(handle);
}

static void on_written(uv_write_t *write, int err)
{
	(void)err;
	uv_close((uv_handle_t *)write->handle, on_client_closed);
}

static void respond(struct client *c)
{
	bool known = strncmp(c->request, "GET /status ", 12) == 0;
	size_t len = known ? status(c->app, c->body) : 0;
	int n = snprintf(c->answer, sizeof c->answer,
			 "HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n"
			 "Connection: close\r\n\r\n%.*s",
			 known ? "200 OK" : "404 Not Found", len, (int)len, c->body);
	uv_buf_t buf = uv_buf_init(c->answer, (unsigned)n);
	uv_read_stop((uv_stream_t *)&c->tcp);
	if (uv_write(&c->write, (uv_stream_t *)&c->tcp, &buf, 1, on_written) != 0)
		uv_close((uv_handle_t *)&c->tcp, on_client_closed);
}

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *buf)
{
	struct client *c = (struct client *)handle;
	(void)size;
	*buf = uv_buf_init(c->request + c->len, (unsigned)(REQUEST_MAX - 1 - c->len)); /* none left: an error follows */
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct client *c = (struct client *)stream;
	(void)buf;
	c->len += n > 0 ? (size_t)n : 0;
	c->request[c->len] = '\0';
	if (n < 0)
		uv_close((uv_handle_t *)stream, on_client_closed);
	else if (strstr(c->request, "\r\n\r\n") != NULL)
		respond(c);
}

static void on_connection(uv_stream_t *server, int err)
{
	struct client *c = err == 0 ? calloc(1, sizeof *c) : NULL;
	if (c == NULL)
		return;
	c->app = server->data;
	uv_tcp_init(server->loop, &c->tcp);
	uv_unref((uv_handle_t *)&c->tcp); /* whoever asks nothing does not keep us from leaving */
	if (uv_accept(server, (uv_stream_t *)&c->tcp) != 0 ||
	    uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read) != 0)
		uv_close((uv_handle_t *)&c->tcp, on_client_closed);
}

static int listen_on(struct app *app, uv_loop_t *loop, int port)
{
	struct sockaddr_in addr;
	uv_ip4_addr("127.0.0.1", port, &addr);
	uv_tcp_init(loop, &app->server);
	app->server.data = app;
	int err = uv_tcp_bind(&app->server, (const struct sockaddr *)&addr, 0);
	return err != 0 ? err : uv_listen((uv_stream_t *)&app->server, BACKLOG, on_connection);
}

/* ---- the program ---- */

static void leave(struct app *app)
{
	if (app->leaving)
		return;
	app->leaving = true;
	uv_close((uv_handle_t *)&app->server, NULL);
	uv_close((uv_handle_t *)&app->ctrl_c, NULL);
	(void)kith_node_close(app->node, NULL); /* when it is closed nothing is left on the loop, and uv_run returns */
}

static void on_ctrl_c(uv_signal_t *ctrl_c, int signum)
{
	(void)signum;
	leave(ctrl_c->data);
}

static void on_started(struct kith_node *node, int err, const char *why, void *user)
{
	struct app *app = user;
	(void)node;
	if (err == 0)
		return;
	printf("cannot start: %s\n", why);
	app->exit_code = 1;
	leave(app);
}

static int fail(const char *what, const char *why)
{
	fprintf(stderr, "loop: %s: %s\n", what, why);
	return 1;
}

int main(int argc, char **argv)
{
	uv_loop_t *loop = uv_default_loop();
	struct app app = { .exit_code = 0 };
	struct kith_node_options options;
	struct kith_node_callbacks cb;
	char why[512];
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc != 3)
		return fail("usage", "loop PROFILE PORT");
	kith_node_options_init(&options);
	if (kith_node_options_load(&options, argv[1], why, sizeof why) != 0)
		return fail("profile", why);
	options.loop = loop; /* the node lives on it: no thread, and no lock */
	options.passphrase = kith_passphrase;
	kith_node_callbacks_init(&cb);
	cb.started = on_started;
	cb.incoming = on_incoming;
	int err = kith_node_new(&app.node, &options, &cb, &app);
	kith_node_options_deinit(&options);
	if (err != 0 || (err = kith_serve(app.node, "hello")) != 0)
		return fail(argv[1], kith_strerror(err));
	err = listen_on(&app, loop, (int)strtol(argv[2], NULL, 10));
	if (err != 0)
		return fail(argv[2], uv_strerror(err));
	err = kith_node_start(app.node);
	if (err != 0)
		return fail(argv[1], kith_strerror(err));
	uv_signal_init(loop, &app.ctrl_c);
	app.ctrl_c.data = &app;
	uv_signal_start(&app.ctrl_c, on_ctrl_c, SIGINT);
	uv_run(loop, UV_RUN_DEFAULT);
	return kith_node_free(app.node) == 0 ? app.exit_code : 1;
}
