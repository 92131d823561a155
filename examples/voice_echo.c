/* voice-echo PROFILE NAME: talks to NAME, and hears its own voice. voice-echo PROFILE: sends everybody's voice back.
 *
 * Datagrams as a call has them: 50 a second of 160 bytes, which is G.711 at 8 kHz. There is no voice in them but a
 * number and a time; each second a line tells what a call would have been like. */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <string.h>

#include <uv.h>

#include <kith/kith.h>

enum { FRAME = 160, FRAME_MS = 20, REPORT_MS = 1000 };

struct echo {
	struct kith_node *node;
	struct kith_conn *conn; /* the caller's, while there is one */
	const char *name; /* whom to call; NULL: nobody */
	uv_timer_t speak, report;
	uv_signal_t ctrl_c;
	uint64_t began_ms;
	uint32_t sent, highest; /* numbers of frames: of the last that went, and the highest that came back */
	double jitter_us, transit_us; /* RFC 3550, 6.4.1 and A.8 */
	struct { /* since the last report */
		uint32_t sent, highest; /* at its beginning */
		uint32_t back, late, refused;
		double rtt_us, rtt_max_us; /* sum and maximum */
	} now;
	int exit_code;
};

static double clock_us(void)
{
	return (double)uv_hrtime() / 1000;
}

/* ---- the voice: it goes, and comes back ---- */

static void speak(uv_timer_t *timer)
{
	struct echo *e = timer->data;
	uint8_t frame[FRAME] = { 0 };
	/* As many as are due: a timer that comes late does not slow the voice down. */
	while (e->conn != NULL && uv_now(timer->loop) - e->began_ms >= (uint64_t)e->sent * FRAME_MS) {
		double at = clock_us();
		e->sent++;
		memcpy(frame, &e->sent, sizeof e->sent); /* in our own byte order: only we read it */
		memcpy(frame + sizeof e->sent, &at, sizeof at);
		if (kith_conn_send(e->conn, 0, frame, sizeof frame) != 0)
			e->now.refused++; /* a frame that has to wait is of no use */
	}
}

static void on_voice(struct kith_conn *conn, uint16_t channel, const uint8_t *data, size_t len, void *user)
{
	struct echo *e = user;
	uint32_t number;
	double at, transit_us;
	(void)conn, (void)channel;
	if (len != FRAME)
		return;
	memcpy(&number, data, sizeof number);
	memcpy(&at, data + sizeof number, sizeof at);
	transit_us = clock_us() - at;
	if (number == 0 || number > e->sent || transit_us < 0)
		return;
	/* How much longer or shorter this one was under way than the one before, smoothed. */
	double change = e->transit_us > 0 ? transit_us - e->transit_us : 0;
	e->jitter_us += ((change < 0 ? -change : change) - e->jitter_us) / 16;
	e->transit_us = transit_us;
	e->now.back++;
	e->now.rtt_us += transit_us;
	e->now.rtt_max_us = transit_us > e->now.rtt_max_us ? transit_us : e->now.rtt_max_us;
	if (number < e->highest)
		e->now.late++;
	else
		e->highest = number;
}

/* Lost is, as in RFC 3550, what is missing up to the highest number: negative when late ones come in. */
static void report(uv_timer_t *timer)
{
	struct echo *e = timer->data;
	if (e->conn == NULL)
		return;
	int lost = (int)(e->highest - e->now.highest) - (int)e->now.back;
	double back = e->now.back > 0 ? e->now.back : 1;
	printf("%u sent, %u back, %d lost, %u out of order, round trip %.2f ms (at most %.2f), jitter %.2f ms",
	       e->sent - e->now.sent, e->now.back, lost, e->now.late, e->now.rtt_us / back / 1000,
	       e->now.rtt_max_us / 1000, e->jitter_us / 1000);
	printf(e->now.refused > 0 ? ", %u not taken\n" : "\n", e->now.refused);
	memset(&e->now, 0, sizeof e->now);
	e->now.sent = e->sent;
	e->now.highest = e->highest;
}

static void on_voice_of_another(struct kith_conn *conn, uint16_t channel, const uint8_t *data, size_t len, void *user)
{
	struct echo *e = user;
	if (kith_conn_send(conn, channel, data, len) != 0)
		e->now.refused++; /* it is lost, as anywhere else on its way */
}

/* ---- calls ---- */

static void on_path(struct kith_conn *conn, const struct kith_path_info *path, void *user)
{
	char addr[KITH_ADDR_TEXT_MAX];
	struct kith_session_info who;
	(void)user;
	if (kith_conn_info(conn, &who) == 0)
		printf("%s: now %s %s\n", who.name,
		       path->kind == KITH_PATH_CLASS_DIRECT ? "direct, to" : "by the relay",
		       kith_addr_format(&path->remote, addr));
}

static void on_conn_closed(struct kith_conn *conn, enum kith_close_reason reason, bool remote, void *user)
{
	struct echo *e = user;
	printf("the call is over: %s%s\n", kith_close_text(reason), remote ? ", by the other side" : "");
	if (conn == e->conn)
		e->conn = NULL;
}

static void talk(struct echo *e, struct kith_conn *conn)
{
	struct kith_conn_callbacks cb;
	struct kith_path_info path;
	kith_conn_callbacks_init(&cb);
	cb.datagram = conn == e->conn ? on_voice : on_voice_of_another;
	cb.path_changed = on_path;
	cb.closed = on_conn_closed;
	kith_conn_set_callbacks(conn, &cb, e);
	if (kith_conn_paths(conn, &path, 1) > 0)
		on_path(conn, &path, e);
}

static void on_incoming(struct kith_node *node, struct kith_conn *conn, const struct kith_session_info *who, void *user)
{
	(void)node;
	printf("%s calls\n", who->name);
	talk(user, conn);
	if (kith_conn_accept(conn) != 0)
		printf("%s has hung up\n", who->name);
}

static void on_connected(struct kith_call *call, int err, struct kith_conn *conn, void *user)
{
	struct echo *e = user;
	(void)call;
	if (err != 0) {
		printf("cannot reach %s: %s\n", e->name, kith_strerror(err));
		return;
	}
	e->conn = conn;
	e->began_ms = uv_now(e->speak.loop);
	e->sent = e->highest = 0;
	e->jitter_us = e->transit_us = 0;
	memset(&e->now, 0, sizeof e->now);
	talk(e, conn);
}

static void on_presence(struct kith_node *node, const char *name, bool online, void *user)
{
	const struct echo *e = user;
	printf("%s is %s\n", name, online ? "online" : "offline");
	if (online && e->conn == NULL && kith_connect(node, name, "voice-echo", 0, on_connected, user, NULL) != 0)
		printf("cannot call %s\n", name);
}

/* ---- the program ---- */

static void on_node_closed(struct kith_node *node, void *user)
{
	struct echo *e = user;
	(void)node;
	uv_close((uv_handle_t *)&e->ctrl_c, NULL);
	uv_close((uv_handle_t *)&e->speak, NULL);
	uv_close((uv_handle_t *)&e->report, NULL);
}

static void on_ctrl_c(uv_signal_t *ctrl_c, int signum)
{
	struct echo *e = ctrl_c->data;
	(void)signum;
	(void)kith_node_close(e->node, on_node_closed);
}

static void on_started(struct kith_node *node, int err, const char *why, void *user)
{
	struct echo *e = user;
	if (err == 0 && (e->name == NULL || (err = kith_watch(node, e->name)) == 0))
		return;
	printf("cannot start: %s\n", why[0] != '\0' ? why : kith_strerror(err));
	e->exit_code = 1;
	(void)kith_node_close(node, on_node_closed);
}

static int fail(const char *what, const char *why)
{
	fprintf(stderr, "voice-echo: %s: %s\n", what, why);
	return 1;
}

int main(int argc, char **argv)
{
	uv_loop_t *loop = uv_default_loop();
	struct echo e = { .name = argc > 2 ? argv[2] : NULL };
	struct kith_node_options options;
	struct kith_node_callbacks cb;
	char why[512];
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc < 2 || argc > 3)
		return fail("usage", "voice-echo PROFILE [NAME]");
	kith_node_options_init(&options);
	if (kith_node_options_load(&options, argv[1], why, sizeof why) != 0)
		return fail("profile", why);
	options.loop = loop;
	options.passphrase = kith_passphrase;
	kith_node_callbacks_init(&cb);
	cb.started = on_started;
	cb.incoming = on_incoming;
	cb.presence = on_presence;
	int err = kith_node_new(&e.node, &options, &cb, &e);
	kith_node_options_deinit(&options);
	if (err != 0 || (err = kith_serve(e.node, "voice-echo")) != 0 || (err = kith_node_start(e.node)) != 0)
		return fail(argv[1], kith_strerror(err));
	e.ctrl_c.data = e.speak.data = e.report.data = &e;
	uv_signal_init(loop, &e.ctrl_c);
	uv_timer_init(loop, &e.speak);
	uv_timer_init(loop, &e.report);
	uv_signal_start(&e.ctrl_c, on_ctrl_c, SIGINT);
	if (e.name != NULL) {
		uv_timer_start(&e.speak, speak, 0, FRAME_MS);
		uv_timer_start(&e.report, report, REPORT_MS, REPORT_MS);
	}
	uv_run(loop, UV_RUN_DEFAULT);
	return kith_node_free(e.node) == 0 ? e.exit_code : 1;
}
