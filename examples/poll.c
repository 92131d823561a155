/* poll PROFILE [NAME]: says to NAME what is typed, a datagram a line, and shows what comes. Talks with hello, too.
 *
 * A program with an event loop that is not libuv's, here poll(2): the node is driven by it (options.driven), and no
 * other thread runs any of this. With epoll, GLib, Qt, asyncio and so on it is the same: wait for kith_node_fd to be
 * readable, kith_node_timeout milliseconds at most, and call kith_node_process. */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <kith/kith.h>

struct talk {
	const char *name; /* whom to call, or NULL: wait for calls */
	struct kith_conn *conn; /* with whom we talk, or NULL */
};

static int ctrl_c_pipe[2]; /* a signal that comes right before poll must end it, too */

static void on_ctrl_c(int signum)
{
	(void)signum;
	if (write(ctrl_c_pipe[1], "", 1) != 1)
		_exit(1);
}

static void on_datagram(struct kith_conn *conn, uint16_t channel, const uint8_t *data, size_t len, void *user)
{
	struct kith_session_info who;
	(void)channel, (void)user;
	if (kith_conn_info(conn, &who) == 0)
		printf("%s says: %.*s\n", who.name, (int)len, (const char *)data);
}

static void on_conn_closed(struct kith_conn *conn, enum kith_close_reason reason, bool remote, void *user)
{
	struct talk *t = user;
	(void)remote;
	printf("the session is over: %s\n", kith_close_text(reason));
	if (t->conn == conn)
		t->conn = NULL;
}

static void begin(struct talk *t, struct kith_conn *conn)
{
	struct kith_conn_callbacks cb;
	kith_conn_callbacks_init(&cb);
	cb.datagram = on_datagram;
	cb.closed = on_conn_closed;
	kith_conn_set_callbacks(conn, &cb, t);
	t->conn = conn;
}

static void on_incoming(struct kith_node *node, struct kith_conn *conn, const struct kith_session_info *who, void *user)
{
	struct talk *t = user;
	(void)node;
	if (t->conn != NULL) {
		(void)kith_conn_reject(conn, KITH_CLOSE_BUSY);
		return;
	}
	printf("%s calls\n", who->name);
	begin(t, conn);
	if (kith_conn_accept(conn) != 0)
		printf("%s has hung up\n", who->name);
}

static void on_connected(struct kith_call *call, int err, struct kith_conn *conn, void *user)
{
	struct talk *t = user;
	(void)call;
	printf("%s: %s\n", t->name, err == 0 ? "connected" : kith_strerror(err));
	if (err == 0)
		begin(t, conn);
}

static void on_presence(struct kith_node *node, const char *name, bool online, void *user)
{
	const struct talk *t = user;
	printf("%s is %s\n", name, online ? "online" : "offline");
	if (online && t->conn == NULL && kith_connect(node, name, "hello", 0, on_connected, user, NULL) != 0)
		printf("cannot call %s\n", name);
}

static void on_started(struct kith_node *node, int err, const char *why, void *user)
{
	const struct talk *t = user;
	if (err == 0 && t->name != NULL)
		err = kith_watch(node, t->name);
	if (err == 0)
		return;
	printf("cannot start: %s\n", why[0] != '\0' ? why : kith_strerror(err));
	(void)kith_node_close(node, NULL);
}

/* A line, or several, that were typed. False: there will be no more. */
static bool on_input(const struct talk *t)
{
	char text[1024];
	ssize_t n = read(STDIN_FILENO, text, sizeof text);
	size_t len = n > 0 && text[n - 1] == '\n' ? (size_t)n - 1 : (size_t)(n > 0 ? n : 0);
	if (len > 0 && (t->conn == NULL || kith_conn_send(t->conn, 0, text, len) != 0))
		printf("not sent: nobody takes it now\n");
	return n > 0;
}

/* The loop: until the node is closed, which the end of the input and Ctrl-C ask for. */
static void run(struct kith_node *node, const struct talk *t)
{
	enum { NODE, INPUT, CTRL_C, FDS };
	struct pollfd fds[FDS] = { [NODE] = { .fd = kith_node_fd(node), .events = POLLIN },
				   [INPUT] = { .fd = STDIN_FILENO, .events = POLLIN },
				   [CTRL_C] = { .fd = ctrl_c_pipe[0], .events = POLLIN } };
	while (kith_node_process(node) == 0) {
		int n = poll(fds, FDS, kith_node_timeout(node));
		if (n <= 0) /* its time, or a signal */
			continue;
		bool leave = fds[CTRL_C].revents != 0 || (fds[INPUT].revents != 0 && !on_input(t));
		if (!leave)
			continue;
		printf("leaving\n");
		fds[INPUT].fd = fds[CTRL_C].fd = -1; /* poll looks at them no more */
		(void)kith_node_close(node, NULL);
	}
}

static int fail(const char *what, const char *why)
{
	fprintf(stderr, "poll: %s: %s\n", what, why);
	return 1;
}

int main(int argc, char **argv)
{
	struct talk t = { .name = argc > 2 ? argv[2] : NULL };
	struct sigaction ctrl_c = { .sa_handler = on_ctrl_c };
	struct kith_node *node;
	struct kith_node_options options;
	struct kith_node_callbacks cb;
	char why[512];
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc < 2 || argc > 3)
		return fail("usage", "poll PROFILE [NAME]");
	kith_node_options_init(&options);
	if (kith_node_options_load(&options, argv[1], why, sizeof why) != 0)
		return fail("profile", why);
	options.driven = true;
	options.passphrase = kith_passphrase;
	kith_node_callbacks_init(&cb);
	cb.started = on_started;
	cb.incoming = on_incoming;
	cb.presence = on_presence;
	int err = kith_node_new(&node, &options, &cb, &t);
	kith_node_options_deinit(&options);
	if (err != 0 || (err = kith_serve(node, "hello")) != 0 || (err = kith_node_start(node)) != 0)
		return fail(argv[1], kith_strerror(err));
	if (pipe(ctrl_c_pipe) != 0 || sigaction(SIGINT, &ctrl_c, NULL) != 0)
		return fail("Ctrl-C", strerror(errno));
	run(node, &t);
	return kith_node_free(node) == 0 ? 0 : 1;
}
