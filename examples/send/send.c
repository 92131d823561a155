/* send PROFILE NAME FILE...: sends files to NAME. send PROFILE -r INBOX [NAME]: takes files, of everybody or of NAME.
 *
 * The node and its calls. How a file goes over a stream, and goes on after a cut: transfer.h. */
#define _POSIX_C_SOURCE 200809L
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <uv.h>

#include "transfer.h"

struct send {
	struct kith_node *node;
	struct kith_conn *conn; /* the sender's */
	uv_signal_t ctrl_c;
	const char *name; /* whom to call; or to take files of, NULL: of everybody */
	char **files; /* still to be sent, up to NULL; NULL: takes files */
	int inbox, exit_code;
};

static void on_node_closed(struct kith_node *node, void *user)
{
	struct send *s = user;
	(void)node;
	uv_close((uv_handle_t *)&s->ctrl_c, NULL); /* nothing is left to wait for: uv_run returns */
}

static void leave(struct send *s, int exit_code)
{
	s->exit_code = exit_code;
	(void)kith_node_close(s->node, on_node_closed);
}

static void on_ctrl_c(uv_signal_t *ctrl_c, int signum)
{
	struct send *s = ctrl_c->data;
	(void)signum;
	leave(s, s->files != NULL); /* to give was not finished, to take never is */
}

static void on_taken(const char *name, int err, const char *why, void *user)
{
	(void)user;
	printf("%s: %s%s\n", name, why, err != 0 ? "; what has come is kept" : "");
}

static void on_given(const char *name, int err, const char *why, void *user);

/* One after the other, and nothing is left to be done after the last. */
static void give_next(struct send *s)
{
	if (*s->files == NULL) {
		leave(s, 0);
		return;
	}
	const char *path = *s->files++;
	int err = transfer_give(s->conn, path, on_given, s);
	if (err != 0)
		on_given(path, err, kith_strerror(err), s);
}

static void on_given(const char *name, int err, const char *why, void *user)
{
	struct send *s = user;
	printf("%s: %s%s\n", name, why, err == KITH_ECUT ? "; the same command goes on from here" : "");
	if (err == 0 && strcmp(why, DONE) == 0)
		give_next(s);
	else
		leave(s, 1);
}

static void on_stream(struct kith_conn *conn, struct kith_stream *stream, uint16_t channel, void *user)
{
	const struct send *s = user;
	(void)conn, (void)channel;
	if (s->files != NULL || transfer_take(stream, s->inbox, on_taken, user) != 0)
		(void)kith_stream_close(stream);
}

static void on_incoming(struct kith_node *node, struct kith_conn *conn, const struct kith_session_info *who, void *user)
{
	const struct send *s = user;
	struct kith_conn_callbacks cb;
	(void)node;
	if (s->files != NULL || (s->name != NULL && strcmp(s->name, who->name) != 0)) {
		(void)kith_conn_reject(conn, KITH_CLOSE_REJECTED);
		return;
	}
	printf("%s sends files\n", who->name);
	kith_conn_callbacks_init(&cb);
	cb.stream = on_stream;
	kith_conn_set_callbacks(conn, &cb, user);
	if (kith_conn_accept(conn) != 0)
		printf("%s has hung up\n", who->name);
}

static void on_connected(struct kith_call *call, int err, struct kith_conn *conn, void *user)
{
	struct send *s = user;
	(void)call;
	s->conn = conn;
	if (err == 0) {
		give_next(s);
		return;
	}
	printf("cannot reach %s: %s\n", s->name, kith_strerror(err));
	leave(s, 1);
}

static void on_presence(struct kith_node *node, const char *name, bool online, void *user)
{
	printf("%s is %s\n", name, online ? "online" : "offline: waiting");
	if (!online)
		return;
	(void)kith_unwatch(node, name);
	int err = kith_connect(node, name, "send", 0, on_connected, user, NULL);
	if (err != 0)
		on_connected(NULL, err, NULL, user);
}

static void on_started(struct kith_node *node, int err, const char *why, void *user)
{
	struct send *s = user;
	if (err == 0 && s->files != NULL) {
		err = kith_watch(node, s->name);
		why = kith_strerror(err);
	}
	if (err == 0)
		return;
	printf("cannot start: %s\n", why);
	leave(s, 1);
}

static int fail(const char *what, const char *why)
{
	fprintf(stderr, "send: %s: %s\n", what, why);
	return 1;
}

int main(int argc, char **argv)
{
	struct send s = { .inbox = -1 };
	struct kith_node_options options;
	struct kith_node_callbacks cb;
	char why[512];
	bool takes = argc >= 4 && argc <= 5 && strcmp(argv[2], "-r") == 0;
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc < 4 || (!takes && argv[2][0] == '-'))
		return fail("usage", "send PROFILE NAME FILE...   or   send PROFILE -r INBOX [NAME]");
	s.name = takes ? argv[4] : argv[2];
	s.files = takes ? NULL : argv + 3;
	if (takes && (s.inbox = open(argv[3], O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		return fail(argv[3], "there is no such directory");
	kith_node_options_init(&options);
	if (kith_node_options_load(&options, argv[1], why, sizeof why) != 0)
		return fail("profile", why);
	options.loop = uv_default_loop();
	options.passphrase = kith_passphrase;
	kith_node_callbacks_init(&cb);
	cb.started = on_started;
	cb.incoming = on_incoming;
	cb.presence = on_presence;
	int err = kith_node_new(&s.node, &options, &cb, &s);
	kith_node_options_deinit(&options);
	if (err == 0 && takes)
		err = kith_serve(s.node, "send");
	if (err == 0)
		err = kith_node_start(s.node);
	if (err != 0)
		return fail(argv[1], kith_strerror(err));
	uv_signal_init(options.loop, &s.ctrl_c);
	s.ctrl_c.data = &s;
	uv_signal_start(&s.ctrl_c, on_ctrl_c, SIGINT);
	uv_run(uv_default_loop(), UV_RUN_DEFAULT);
	return kith_node_free(s.node) == 0 ? s.exit_code : 1;
}
