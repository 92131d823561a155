/* chat: talk with somebody by name. Usage: kith-chat DIR [NAME [WORDS]]     (DIR: a profile; kith(1) makes them)
 * WORDS: what is said with the call, and read before it is answered.
 *
 * The shape of any program on libkith: read a profile, make a node on a libuv loop, register a service, call a name or
 * be called, write into a stream. No address anywhere: data flows at once, and directly as soon as it can. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <uv.h>

#include <kith/kith.h>

struct chat {
	uv_poll_t keyboard;
	struct kith_node *node;
	const char *name; /* whom to call, or NULL: wait for calls */
	const char *words; /* what is said with the call */
	bool calling, quitting;
	struct kith_conn *conn; /* the session with whom we chat, or NULL */
	struct kith_stream *stream; /* its text, in both directions */
	char who[KITH_NAME_MAX + 1];
};

/* A line with the time (UTC) in front. */
#define SAY(...) (say_time(), printf(__VA_ARGS__), putchar('\n'), (void)fflush(stdout))

static void say_time(void)
{
	uv_timeval64_t t;
	uv_gettimeofday(&t);
	printf("%02d:%02d:%02d.%03d  ", (int)(t.tv_sec / 3600 % 24), (int)(t.tv_sec / 60 % 60), (int)(t.tv_sec % 60),
	       t.tv_usec / 1000);
}

static void show(const struct chat *c, char *text, int n)
{
	for (int i = 0; i < n; i++) /* a terminal obeys control characters, so a peer must not send any */
		text[i] = (unsigned char)text[i] < ' ' && text[i] != '\n' ? '?' : text[i];
	SAY("%s: %.*s", c->who, text[n - 1] == '\n' ? n - 1 : n, text);
}

static void on_readable(struct kith_stream *stream, void *user)
{
	char text[1024];
	int n;
	while ((n = kith_stream_read(stream, text, sizeof text, NULL)) > 0)
		show(user, text, n);
}

/* What the caller said with the call. */
static void on_early(struct kith_conn *conn, const uint8_t *data, size_t len, void *user)
{
	char text[KITH_EARLY_MAX];
	(void)conn;
	memcpy(text, data, len);
	show(user, text, (int)len);
}

/* The other side has ended its half, and all of it was read: end ours. */
static void on_fin(struct kith_stream *stream, void *user)
{
	(void)user;
	(void)kith_stream_finish(stream);
}

static void on_stream_closed(struct kith_stream *stream, int err, void *user)
{
	struct chat *c = user;
	(void)stream;
	if (err == KITH_ECUT) /* no end of theirs: there may have been more */
		SAY("(cut off: the last words may be missing)");
	c->stream = NULL;
	if (c->quitting)
		(void)kith_node_close(c->node, NULL);
}

static void on_key(uv_poll_t *keyboard, int status, int events)
{
	struct chat *c = keyboard->data;
	char line[1024];
	ssize_t n = status == 0 && events != 0 ? read(STDIN_FILENO, line, sizeof line) : 0;
	if (n > 0 && (c->stream == NULL || kith_stream_write(c->stream, line, (size_t)n) != n))
		SAY("(not sent: nobody takes it now)");
	if (n > 0)
		return;
	uv_close((uv_handle_t *)keyboard, NULL);
	c->quitting = true; /* as soon as what was sent has arrived: on_stream_closed */
	if (c->stream == NULL || kith_stream_finish(c->stream) != 0)
		(void)kith_node_close(c->node, NULL);
}

static void on_stream(struct kith_conn *conn, struct kith_stream *stream, uint16_t channel, void *user)
{
	struct chat *c = user;
	struct kith_stream_callbacks cb;
	(void)conn, (void)channel;
	kith_stream_callbacks_init(&cb);
	cb.readable = on_readable;
	cb.fin = on_fin; /* after the last bytes, or alone */
	cb.closed = on_stream_closed;
	c->stream = stream;
	kith_stream_set_callbacks(stream, &cb, c);
	if (!c->quitting)
		uv_poll_start(&c->keyboard, UV_READABLE, on_key);
}

static void on_path(struct kith_conn *conn, const struct kith_path_info *path, void *user)
{
	char addr[KITH_ADDR_TEXT_MAX];
	(void)conn, (void)user;
	SAY("now %s %s, %.1f ms", path->kind == KITH_PATH_CLASS_DIRECT ? "direct to" : "through the relay",
	    kith_addr_format(&path->remote, addr), (double)path->rtt_us / 1000.0);
}

static void on_closed(struct kith_conn *conn, enum kith_close_reason reason, bool remote, void *user)
{
	struct chat *c = user;
	(void)conn;
	SAY("the talk with %s is over: %s%s", c->who, kith_close_text(reason), remote ? " (there)" : "");
	c->conn = NULL;
}

/* Who is at the other end was verified before any of our callbacks ran. */
static void talk(struct chat *c, struct kith_conn *conn)
{
	struct kith_conn_callbacks cb;
	struct kith_session_info who;
	char key[KITH_KEY_TEXT_LEN + 1];
	kith_conn_callbacks_init(&cb);
	cb.path_changed = on_path;
	cb.stream = on_stream;
	cb.early = on_early;
	cb.closed = on_closed;
	kith_conn_set_callbacks(conn, &cb, c);
	c->conn = conn;
	(void)kith_conn_info(conn, &who);
	(void)snprintf(c->who, sizeof c->who, "%s", who.name);
	SAY("talking with %s, identity %s", who.name, kith_key_format(who.identity.b, key));
}

static void on_incoming(struct kith_node *node, struct kith_conn *conn, const struct kith_session_info *who, void *user)
{
	struct chat *c = user;
	(void)node;
	SAY("%s calls", who->name);
	if (c->conn != NULL)
		(void)kith_conn_reject(conn, KITH_CLOSE_BUSY);
	else if (kith_conn_accept(conn) == 0)
		talk(c, conn);
}

static void on_connected(struct kith_call *call, int err, struct kith_conn *conn, void *user)
{
	struct chat *c = user;
	struct kith_stream *stream;
	struct kith_path_info path;
	(void)call;
	c->calling = false;
	if (err != 0) {
		SAY("cannot reach %s: %s", c->name, kith_strerror(err));
		return;
	}
	talk(c, conn);
	if (kith_conn_paths(conn, &path, 1) > 0)
		on_path(conn, &path, c);
	if (kith_stream_open(conn, 1, NULL, NULL, &stream) == 0)
		on_stream(conn, stream, 1, c);
}

static void on_presence(struct kith_node *node, const char *name, bool online, void *user)
{
	struct chat *c = user;
	SAY("%s is %s", name, online ? "online" : "offline"); /* how it is now, and every change */
	if (online && c->conn == NULL && !c->calling)
		c->calling = kith_connect_early(node, name, "chat", 0, c->words, strlen(c->words), on_connected, c,
						NULL) == 0;
}

static void on_started(struct kith_node *node, int err, const char *why, void *user)
{
	const struct chat *c = user;
	struct kith_node_info info;
	kith_node_info(node, &info);
	SAY("%s %s", err == 0 ? "you are" : "cannot start:", err == 0 ? info.name : why);
	if (err != 0 || (c->name != NULL && kith_watch(node, c->name) != 0))
		exit(EXIT_FAILURE);
}

static int fail(const char *what, const char *why)
{
	fprintf(stderr, "kith-chat: %s: %s\n", what, why);
	return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	struct chat c = { .keyboard = { .data = &c }, .name = argc > 2 ? argv[2] : NULL };
	c.words = argc > 3 ? argv[3] : "";
	struct kith_node_options options;
	struct kith_node_callbacks cb;
	char why[512] = "kith-chat DIR [NAME [WORDS]], where a name is 1 to 32 of a-z, 0-9, '.', '-', '_', "
			"and words are up to 200 bytes";
	kith_node_options_init(&options);
	if (argc < 2 || argc > 4 || strlen(c.words) > KITH_EARLY_MAX || (c.name != NULL && !kith_name_valid(c.name)) ||
	    kith_node_options_load(&options, argv[1], why, sizeof why) != 0)
		return fail(argc < 2 ? "usage" : argv[1], why);
	options.loop = uv_default_loop();
	if (uv_poll_init(options.loop, &c.keyboard, STDIN_FILENO) != 0)
		return fail("standard input", "expected a terminal or a pipe, not a file");
	options.passphrase = kith_passphrase; /* asks on the terminal, if the key file is protected */
	if (getenv("KITH_LOOPBACK") != NULL) /* for trying it out on one machine */
		options.allow_loopback = true;
	kith_node_callbacks_init(&cb);
	cb.started = on_started;
	cb.incoming = on_incoming;
	cb.presence = on_presence;
	int err = kith_node_new(&c.node, &options, &cb, &c);
	if (err != 0 || (err = kith_serve(c.node, "chat")) != 0 || (err = kith_node_start(c.node)) != 0)
		return fail(options.key_path, kith_strerror(err));
	kith_node_options_deinit(&options);
	if (c.name == NULL) /* else what is typed waits until somebody takes it */
		uv_poll_start(&c.keyboard, UV_READABLE, on_key);
	uv_run(options.loop, UV_RUN_DEFAULT);
	return kith_node_free(c.node) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
