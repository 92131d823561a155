/* hello PROFILE [NAME]: says hello to NAME as soon as that is online, and answers everybody who says it. */
#define _POSIX_C_SOURCE 200809L /* uv.h needs it with -std=c11 */
#include <stdio.h>
#include <string.h>

#include <uv.h>

#include <kith/kith.h>

struct hello {
	struct kith_node *node;
	const char *name; /* whom to call, or NULL: wait for calls */
	uv_signal_t ctrl_c;
	int exit_code;
};

static void on_datagram(struct kith_conn *conn, uint16_t channel, const uint8_t *data, size_t len, void *user)
{
	struct kith_session_info who;
	(void)user;
	if (kith_conn_info(conn, &who) != 0)
		return;
	printf("%s says: %.*s\n", who.name, (int)len, (const char *)data);
	if (len == 5 && memcmp(data, "hello", len) == 0 && kith_conn_send(conn, channel, "hello yourself", 14) != 0)
		printf("cannot answer %s\n", who.name);
}

static void on_conn_closed(struct kith_conn *conn, enum kith_close_reason reason, bool remote, void *user)
{
	(void)conn, (void)user;
	if (remote || reason != KITH_CLOSE_LEAVING) /* else it is our own Ctrl-C */
		printf("the session is over: %s%s\n", kith_close_text(reason), remote ? ", by the other side" : "");
}

static void talk(struct kith_conn *conn)
{
	struct kith_conn_callbacks cb;
	kith_conn_callbacks_init(&cb);
	cb.datagram = on_datagram;
	cb.closed = on_conn_closed;
	kith_conn_set_callbacks(conn, &cb, NULL);
}

static void on_incoming(struct kith_node *node, struct kith_conn *conn, const struct kith_session_info *who, void *user)
{
	(void)node, (void)user;
	printf("%s calls\n", who->name); /* verified */
	talk(conn);
	int err = kith_conn_accept(conn);
	if (err != 0)
		printf("cannot take the call of %s: %s\n", who->name, kith_strerror(err));
}

static void on_connected(struct kith_call *call, int err, struct kith_conn *conn, void *user)
{
	struct hello *hello = (struct hello *)user;
	(void)call;
	if (err == 0) {
		talk(conn);
		err = kith_conn_send(conn, 0, "hello", 5); /* through a relay at first, on a direct path soon */
	}
	if (err != 0)
		printf("cannot say hello to %s: %s\n", hello->name, kith_strerror(err));
}

static void on_presence(struct kith_node *node, const char *name, bool online, void *user)
{
	printf("%s is %s\n", name, online ? "online" : "offline"); /* how it is now, and every change */
	int err = online ? kith_connect(node, name, "hello", 0, on_connected, user, NULL) : 0;
	if (err != 0)
		printf("cannot call %s: %s\n", name, kith_strerror(err));
}

static void on_node_closed(struct kith_node *node, void *user)
{
	struct hello *hello = (struct hello *)user;
	(void)node;
	uv_close((uv_handle_t *)&hello->ctrl_c, NULL); /* nothing is left to wait for: uv_run returns */
}

static void on_ctrl_c(uv_signal_t *ctrl_c, int signum)
{
	struct hello *hello = (struct hello *)ctrl_c->data;
	(void)signum;
	printf("leaving\n");
	(void)kith_node_close(hello->node, on_node_closed); /* the others are told; a second time changes nothing */
}

static void on_started(struct kith_node *node, int err, const char *why, void *user)
{
	struct hello *hello = (struct hello *)user;
	struct kith_node_info info;
	kith_node_info(node, &info);
	if (err == 0) {
		printf("this is %s\n", info.name);
		err = hello->name != NULL ? kith_watch(node, hello->name) : 0;
		why = kith_strerror(err);
	}
	if (err == 0)
		return;
	printf("cannot start: %s\n", why);
	hello->exit_code = 1;
	(void)kith_node_close(node, on_node_closed);
}

static void on_attached(struct kith_node *node, unsigned homes, void *user)
{
	(void)node, (void)user;
	printf("attached to %u supernode(s)\n", homes); /* 0: cut off, and trying again */
}

static void on_published(struct kith_node *node, void *user)
{
	(void)node, (void)user;
	printf("others can find this node\n");
}

static void on_trouble(struct kith_node *node, enum kith_trouble what, int err, const char *why, void *user)
{
	(void)node, (void)what, (void)user;
	printf("trouble: %s\n", why != NULL ? why : kith_strerror(err));
}

static int fail(const char *what, const char *why)
{
	fprintf(stderr, "hello: %s: %s\n", what, why);
	return 1;
}

int main(int argc, char **argv)
{
	struct hello hello;
	struct kith_node_options options;
	struct kith_node_callbacks cb;
	char why[512];
	memset(&hello, 0, sizeof hello);
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc < 2 || argc > 3)
		return fail("usage", "hello PROFILE [NAME]");
	kith_node_options_init(&options);
	if (kith_node_options_load(&options, argv[1], why, sizeof why) != 0)
		return fail("profile", why);
	hello.name = argv[2]; /* NULL if there is none */
	options.loop = uv_default_loop(); /* NULL: a thread of its own */
	options.passphrase = kith_passphrase; /* asks on the terminal, if the key is protected */
	kith_node_callbacks_init(&cb);
	cb.started = on_started;
	cb.attached = on_attached;
	cb.published = on_published;
	cb.incoming = on_incoming;
	cb.presence = on_presence;
	cb.trouble = on_trouble;
	int err = kith_node_new(&hello.node, &options, &cb, &hello);
	kith_node_options_deinit(&options);
	if (err == 0)
		err = kith_serve(hello.node, "hello");
	if (err == 0)
		err = kith_node_start(hello.node);
	if (err != 0)
		return fail(argv[1], kith_strerror(err));
	uv_signal_init(uv_default_loop(), &hello.ctrl_c);
	hello.ctrl_c.data = &hello;
	uv_signal_start(&hello.ctrl_c, on_ctrl_c, SIGINT);
	uv_run(uv_default_loop(), UV_RUN_DEFAULT);
	return kith_node_free(hello.node) == 0 ? hello.exit_code : 1;
}
