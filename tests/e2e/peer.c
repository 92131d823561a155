/* A client for the end-to-end tests, on the public API only: commands on standard input, one JSON object per event on
 * standard output.
 *
 *     kith-peer --profile DIR [--allow-loopback] [--port N] [--proxy URL] [--trust FILE] [--turn URL]... [--no-lan]
 *
 *     call NAME        calls the service "flow" there        -> connected, or call-failed
 *     flow MS          every MS milliseconds a numbered record on a stream, and a numbered datagram; 0 stops
 *                      -> first, when the first of the other end's is there
 *     stats            -> stats: what was sent, what arrived, what is missing, the longest silence of each; clears the
 *                         silences
 *     voice MS BYTES   every MS milliseconds a numbered datagram of so many bytes, and nothing else; 0 0 stops
 *     listen, heard    a window begins; -> heard: what came of the other's voice since then (natlab/voice.h), the
 *                         longest time in which this end said none, and how many it has said in all
 *     bulk MS          as much as goes on a stream of its own, for so long -> bulk, at the other end: bytes, ms from
 *                      the first byte to the last, and rate_late: bytes a second from half of MS on
 *     paths, explain   -> paths, explain: of the connection
 *     lookup NAME      -> found for each device, then looked-up
 *     watch NAME       -> presence, from now on
 *     hide NAME KEY    it is a contact, relay-only; show NAME KEY: and not relay-only
 *     close, quit
 *
 * It accepts every call. Times are milliseconds of CLOCK_MONOTONIC, which all processes of one machine share. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>
#include <uv.h>

#include <kith/kith.h>

#include "natlab/voice.h"

#define SERVICE "flow"

enum { STREAM_CHANNEL = 1, DATAGRAM_CHANNEL = 2, BULK_CHANNEL = 3, VOICE_CHANNEL = 4 };
enum { RECORD_LEN = 16, VOICE_MAX = 1200, PATHS_MAX = 16, CHUNK = 65536 };

/* What arrived of one kind of numbered things. */
struct arrivals {
	uint64_t received, next, out_of_order;
	uint64_t last_us, silence_us; /* the longest time between two, since the last stats */
};

/* A stream that carries as much as it can: sent until a time, or what has come. */
struct bulk {
	uint64_t until_us, bytes, first_us, half_us, half_bytes;
};

/* What this end says of a call, and hears. */
struct voice {
	uv_timer_t timer;
	size_t len;
	uint64_t said, refused; /* refused: of those that were said, the library did not take; they are lost, too */
	uint64_t last_us, pause_us; /* pause: the longest between two frames, since the window began */
	struct kith_voice heard;
};

struct peer {
	uv_loop_t *loop;
	uv_poll_t input;
	uv_timer_t timer;
	struct kith_node *node;
	struct kith_conn *conn;
	struct kith_stream *stream;
	uint64_t sent, datagrams_sent;
	uint8_t unsent[RECORD_LEN]; /* the rest of a record that did not fit */
	size_t unsent_len;
	uint8_t part[RECORD_LEN];
	size_t part_len;
	struct arrivals records, datagrams;
	struct bulk bulk;
	struct voice voice;
	char line[512];
	size_t line_len;
};

static uint64_t now_us(void)
{
	return uv_hrtime() / 1000;
}

/* Prints {"event": ..., "at": ..., fields}; takes the reference, which may be NULL. */
static void tell(const char *event, json_t *fields)
{
	json_t *all = json_pack("{s:s, s:f}", "event", event, "at", (double)now_us() / 1000.0);
	if (fields != NULL)
		json_object_update(all, fields);
	json_dumpf(all, stdout, JSON_COMPACT | JSON_REAL_PRECISION(12));
	putchar('\n');
	fflush(stdout);
	json_decref(fields);
	json_decref(all);
}

static json_t *path_json(const struct kith_path_info *path)
{
	char addr[KITH_ADDR_TEXT_MAX];
	return json_pack("{s:s, s:s, s:s, s:f, s:b, s:b}", "kind",
			 path->kind == KITH_PATH_CLASS_DIRECT ? "direct"
			 : path->kind == KITH_PATH_CLASS_TURN ? "turn"
							      : "relay",
			 "carrier", kith_transport_kind_name(path->carrier), "address",
			 kith_addr_format(&path->remote, addr), "rtt_ms", (double)path->rtt_us / 1000.0, "sending",
			 path->sending, "alive", path->alive);
}

static json_t *paths_json(const struct peer *p)
{
	struct kith_path_info paths[PATHS_MAX];
	json_t *list = json_array();
	size_t n = p->conn != NULL ? kith_conn_paths(p->conn, paths, PATHS_MAX) : 0;
	for (size_t i = 0; i < n && i < PATHS_MAX; i++)
		json_array_append_new(list, path_json(&paths[i]));
	return list;
}

/* ---- numbered things ---- */

static void arrived(struct arrivals *a, const uint8_t record[RECORD_LEN])
{
	uint64_t number, now = now_us();
	memcpy(&number, record, sizeof number);
	if (a->received == 0)
		tell("first", NULL);
	if (number != a->next)
		a->out_of_order++;
	if (number >= a->next)
		a->next = number + 1;
	a->received++;
	if (a->last_us != 0 && now - a->last_us > a->silence_us)
		a->silence_us = now - a->last_us;
	a->last_us = now;
}

static json_t *arrivals_json(struct arrivals *a)
{
	json_t *object =
		json_pack("{s:I, s:I, s:I, s:f}", "received", (json_int_t)a->received, "next", (json_int_t)a->next,
			  "out_of_order", (json_int_t)a->out_of_order, "silence_ms", (double)a->silence_us / 1000.0);
	a->silence_us = 0;
	return object;
}

static void on_readable(struct kith_stream *stream, void *user)
{
	struct peer *p = user;
	int n;
	while ((n = kith_stream_read(stream, p->part + p->part_len, sizeof p->part - p->part_len, NULL)) > 0) {
		p->part_len += (size_t)n;
		if (p->part_len == sizeof p->part) {
			arrived(&p->records, p->part);
			p->part_len = 0;
		}
	}
}

static void on_stream_closed(struct kith_stream *stream, int err, void *user)
{
	struct peer *p = user;
	if (p->stream == stream)
		p->stream = NULL;
	tell("stream-closed", json_pack("{s:s}", "error", kith_err_name(err)));
}

static void use_stream(struct peer *p, struct kith_stream *stream)
{
	struct kith_stream_callbacks cb;
	kith_stream_callbacks_init(&cb);
	cb.readable = on_readable;
	cb.closed = on_stream_closed;
	p->stream = stream;
	p->part_len = p->unsent_len = 0;
	kith_stream_set_callbacks(stream, &cb, p);
}

/* ---- as much as goes ---- */

static void write_bulk(struct kith_stream *stream, void *user)
{
	static const uint8_t zeros[CHUNK];
	struct peer *p = user;
	int n = 1;
	while (n > 0 && now_us() < p->bulk.until_us)
		n = kith_stream_write(stream, zeros, sizeof zeros);
	if (n > 0)
		(void)kith_stream_finish(stream);
}

static void send_bulk(struct peer *p, uint64_t ms)
{
	struct kith_stream_callbacks cb;
	struct kith_stream *stream;
	kith_stream_callbacks_init(&cb);
	cb.writable = write_bulk;
	p->bulk.until_us = now_us() + ms * 1000;
	if (p->conn != NULL && kith_stream_open(p->conn, BULK_CHANNEL, &cb, p, &stream) == 0) {
		if (kith_stream_write(stream, &ms, sizeof ms) == sizeof ms)
			write_bulk(stream, p);
	}
}

/* What the first bytes say is how long the sender means to send. */
static void read_bulk(struct kith_stream *stream, void *user)
{
	static uint8_t chunk[CHUNK];
	struct peer *p = user;
	struct bulk *b = &p->bulk;
	bool fin = false;
	int n;
	while (!fin && (n = kith_stream_read(stream, chunk, sizeof chunk, &fin)) >= 0) {
		uint64_t now = now_us(), ms;
		if (b->bytes == 0 && n >= (int)sizeof ms) {
			memcpy(&ms, chunk, sizeof ms);
			*b = (struct bulk){ .first_us = now, .half_us = now + ms * 500 };
		}
		b->bytes += (uint64_t)n;
		if (now < b->half_us)
			b->half_bytes = b->bytes;
	}
}

/* With the last bytes, or alone. */
static void end_bulk(struct kith_stream *stream, void *user)
{
	struct peer *p = user;
	struct bulk *b = &p->bulk;
	uint64_t end = now_us();
	tell("bulk",
	     json_pack("{s:I, s:f, s:f}", "bytes", (json_int_t)b->bytes, "ms", (double)(end - b->first_us) / 1000.0,
		       "rate_late", (double)(b->bytes - b->half_bytes) * 1e6 / (double)(end - b->half_us)));
	b->bytes = 0;
	(void)kith_stream_finish(stream);
}

static void on_stream(struct kith_conn *conn, struct kith_stream *stream, uint16_t channel, void *user)
{
	struct kith_stream_callbacks cb;
	(void)conn;
	if (channel != BULK_CHANNEL) {
		use_stream(user, stream);
		return;
	}
	kith_stream_callbacks_init(&cb);
	cb.readable = read_bulk;
	cb.fin = end_bulk;
	kith_stream_set_callbacks(stream, &cb, user);
}

static void make_record(uint8_t out[RECORD_LEN], uint64_t number)
{
	uint64_t now = now_us();
	memcpy(out, &number, sizeof number);
	memcpy(out + sizeof number, &now, sizeof now);
}

/* ---- voice ---- */

static void on_voice_tick(uv_timer_t *timer)
{
	struct peer *p = timer->data;
	struct voice *v = &p->voice;
	uint8_t frame[VOICE_MAX] = { 0 };
	if (p->conn == NULL)
		return;
	uint64_t now = now_us();
	make_record(frame, v->said);
	if (v->last_us != 0 && now - v->last_us > v->pause_us)
		v->pause_us = now - v->last_us;
	v->said++;
	v->refused += kith_conn_send(p->conn, VOICE_CHANNEL, frame, v->len) != 0;
	v->last_us = now;
}

/* "MS BYTES" */
static int speak(struct voice *v, const char *argument)
{
	char *rest;
	unsigned long ms = strtoul(argument, &rest, 10), len = strtoul(rest, NULL, 10);
	if (ms == 0)
		return uv_timer_stop(&v->timer);
	if (len < RECORD_LEN || len > VOICE_MAX)
		return KITH_EINVAL;
	v->len = len;
	return uv_timer_start(&v->timer, on_voice_tick, 0, ms);
}

static void hear(struct voice *v, const uint8_t *record)
{
	uint64_t number, left;
	memcpy(&number, record, sizeof number);
	memcpy(&left, record + sizeof number, sizeof left);
	kith_voice_hear(&v->heard, number, (kith_time_us)left, (kith_time_us)now_us());
}

static void listen_anew(struct voice *v)
{
	kith_voice_listen(&v->heard);
	v->pause_us = 0;
}

static void tell_heard(const struct voice *v)
{
	struct kith_voice_window w = kith_voice_tell(&v->heard, (kith_time_us)now_us());
	tell("heard", json_pack("{s:f, s:I, s:I, s:I, s:I, s:I, s:I, s:f}", "gap_ms", (double)w.gap_us / 1000.0,
				"heard", (json_int_t)w.heard, "late", (json_int_t)w.late, "lost", (json_int_t)w.lost,
				"twice", (json_int_t)w.twice, "said", (json_int_t)v->said, "refused",
				(json_int_t)v->refused, "pause_ms", (double)v->pause_us / 1000.0));
}

static void on_datagram(struct kith_conn *conn, uint16_t channel, const uint8_t *data, size_t len, void *user)
{
	struct peer *p = user;
	(void)conn;
	if (channel == DATAGRAM_CHANNEL && len == RECORD_LEN)
		arrived(&p->datagrams, data);
	else if (channel == VOICE_CHANNEL && len >= RECORD_LEN)
		hear(&p->voice, data);
}

static void on_tick(uv_timer_t *timer)
{
	struct peer *p = timer->data;
	uint8_t datagram[RECORD_LEN];
	if (p->stream != NULL) {
		if (p->unsent_len == 0) {
			make_record(p->unsent, p->sent++);
			p->unsent_len = RECORD_LEN;
		}
		int n = kith_stream_write(p->stream, p->unsent + RECORD_LEN - p->unsent_len, p->unsent_len);
		if (n > 0)
			p->unsent_len -= (size_t)n;
	}
	if (p->conn != NULL) {
		make_record(datagram, p->datagrams_sent);
		if (kith_conn_send(p->conn, DATAGRAM_CHANNEL, datagram, sizeof datagram) == 0)
			p->datagrams_sent++;
	}
}

/* ---- the connection ---- */

static void on_path(struct kith_conn *conn, const struct kith_path_info *path, void *user)
{
	(void)conn;
	(void)user;
	tell("path", path_json(path));
}

static void on_interrupted(struct kith_conn *conn, kith_time_us silent_us, void *user)
{
	(void)conn;
	(void)user;
	tell("interrupted", json_pack("{s:f}", "silent_ms", (double)silent_us / 1000.0));
}

static void on_resumed(struct kith_conn *conn, kith_time_us silent_us, void *user)
{
	(void)conn;
	(void)user;
	tell("resumed", json_pack("{s:f}", "silent_ms", (double)silent_us / 1000.0));
}

static void on_opened(struct kith_conn *conn, void *user)
{
	(void)conn;
	(void)user;
	tell("opened", NULL);
}

static void on_conn_closed(struct kith_conn *conn, enum kith_close_reason reason, bool remote, void *user)
{
	struct peer *p = user;
	if (p->conn == conn)
		p->conn = NULL;
	tell("closed", json_pack("{s:s, s:b}", "reason", kith_close_text(reason), "remote", remote));
}

/* What every call says; see on_early. */
#define EARLY "are you there?"

static void on_early(struct kith_conn *conn, const uint8_t *data, size_t len, void *user)
{
	(void)conn;
	(void)user;
	tell("early", json_pack("{s:s%}", "text", (const char *)data, len));
}

static void use_conn(struct peer *p, struct kith_conn *conn)
{
	struct kith_conn_callbacks cb;
	kith_conn_callbacks_init(&cb);
	cb.opened = on_opened;
	cb.path_changed = on_path;
	cb.datagram = on_datagram;
	cb.stream = on_stream;
	cb.closed = on_conn_closed;
	cb.interrupted = on_interrupted;
	cb.resumed = on_resumed;
	cb.early = on_early;
	p->conn = conn;
	kith_conn_set_callbacks(conn, &cb, p);
}

static void on_connected(struct kith_call *call, int err, struct kith_conn *conn, void *user)
{
	struct peer *p = user;
	struct kith_stream *stream;
	struct kith_session_info who = { .name = "" };
	(void)call;
	if (err != 0) {
		tell("call-failed", json_pack("{s:s}", "error", kith_err_name(err)));
		return;
	}
	use_conn(p, conn);
	(void)kith_conn_info(conn, &who);
	tell("connected", json_pack("{s:s, s:o}", "name", who.name, "paths", paths_json(p)));
	if (kith_stream_open(conn, STREAM_CHANNEL, NULL, NULL, &stream) == 0)
		use_stream(p, stream);
	if (uv_is_active((uv_handle_t *)&p->timer))
		on_tick(&p->timer);
}

static void on_incoming(struct kith_node *node, struct kith_conn *conn, const struct kith_session_info *who, void *user)
{
	(void)node;
	tell("incoming", json_pack("{s:s, s:s}", "name", who->name, "service", who->service));
	if (kith_conn_accept(conn) == 0)
		use_conn(user, conn);
}

/* ---- look-ups and presence ---- */

static void on_found(struct kith_call *call, const struct kith_found_device *device, void *user)
{
	char addr[KITH_ADDR_TEXT_MAX];
	json_t *homes = json_array();
	(void)call;
	(void)user;
	for (unsigned i = 0; i < device->homes_n; i++)
		json_array_append_new(homes, json_string(kith_addr_format(&device->homes[i].addr, addr)));
	tell("found", json_pack("{s:b, s:o}", "online", device->online, "homes", homes));
}

static void on_looked_up(struct kith_call *call, int err, void *user)
{
	(void)call;
	(void)user;
	tell("looked-up", json_pack("{s:s}", "error", err == 0 ? "" : kith_err_name(err)));
}

static void on_presence(struct kith_node *node, const char *name, bool online, void *user)
{
	(void)node;
	(void)user;
	tell("presence", json_pack("{s:s, s:b}", "name", name, "online", online));
}

/* ---- the node ---- */

static void on_node_closed(struct kith_node *node, void *user)
{
	struct peer *p = user;
	(void)node;
	tell("bye", NULL);
	uv_close((uv_handle_t *)&p->input, NULL);
	uv_close((uv_handle_t *)&p->timer, NULL);
	uv_close((uv_handle_t *)&p->voice.timer, NULL);
}

static void on_started(struct kith_node *node, int err, const char *why, void *user)
{
	struct kith_node_info info;
	(void)user;
	kith_node_info(node, &info);
	tell("started", json_pack("{s:s, s:s, s:s, s:i}", "error", err == 0 ? "" : kith_err_name(err), "why",
				  why != NULL ? why : "", "name", info.name, "port", (int)info.port));
	if (err != 0)
		(void)kith_node_close(node, on_node_closed);
}

static void on_attached(struct kith_node *node, unsigned homes, void *user)
{
	struct kith_addr addrs[8];
	char text[KITH_ADDR_TEXT_MAX];
	json_t *list = json_array();
	(void)user;
	size_t n = kith_node_homes(node, addrs, 8);
	for (size_t i = 0; i < n && i < 8; i++)
		json_array_append_new(list, json_string(kith_addr_format(&addrs[i], text)));
	tell("attached", json_pack("{s:i, s:o}", "homes", (int)homes, "addresses", list));
}

static void on_published(struct kith_node *node, void *user)
{
	(void)node;
	(void)user;
	tell("published", NULL);
}

static void on_trouble(struct kith_node *node, enum kith_trouble what, int err, const char *why, void *user)
{
	(void)node;
	(void)user;
	tell("trouble", json_pack("{s:i, s:s, s:s}", "what", (int)what, "error", kith_err_name(err), "why",
				  why != NULL ? why : ""));
}

/* ---- commands ---- */

static void tell_explain(const struct peer *p)
{
	char *text = calloc(1, 65536);
	if (text != NULL && p->conn != NULL)
		kith_explain(p->conn, text, 65536);
	tell("explain", json_pack("{s:s}", "text", text != NULL ? text : ""));
	free(text);
}

/* "NAME KEY" */
static int pin(struct peer *p, const char *argument, uint8_t flags)
{
	char name[KITH_NAME_MAX + 1];
	struct kith_key key;
	size_t n = strcspn(argument, " ");
	if (n >= sizeof name || argument[n] == '\0' || kith_key_parse(key.b, argument + n + 1) != 0)
		return KITH_EINVAL;
	memcpy(name, argument, n);
	name[n] = '\0';
	return kith_pin(p->node, name, &key, flags, false);
}

static void obey(struct peer *p, const char *command, const char *argument)
{
	int err = 0;
	if (strcmp(command, "call") == 0) {
		tell("calling", json_pack("{s:s}", "name", argument));
		err = kith_connect_early(p->node, argument, SERVICE, 0, EARLY, sizeof EARLY - 1, on_connected, p, NULL);
	} else if (strcmp(command, "flow") == 0) {
		unsigned ms = (unsigned)strtoul(argument, NULL, 10);
		if (ms > 0)
			uv_timer_start(&p->timer, on_tick, 0, ms);
		else
			uv_timer_stop(&p->timer);
	} else if (strcmp(command, "voice") == 0) {
		err = speak(&p->voice, argument);
	} else if (strcmp(command, "listen") == 0) {
		listen_anew(&p->voice);
		tell("listen", NULL);
	} else if (strcmp(command, "heard") == 0) {
		tell_heard(&p->voice);
	} else if (strcmp(command, "bulk") == 0) {
		send_bulk(p, strtoul(argument, NULL, 10));
	} else if (strcmp(command, "stats") == 0) {
		tell("stats", json_pack("{s:I, s:I, s:o, s:o, s:o}", "sent", (json_int_t)p->sent, "datagrams_sent",
					(json_int_t)p->datagrams_sent, "records", arrivals_json(&p->records),
					"datagrams", arrivals_json(&p->datagrams), "paths", paths_json(p)));
	} else if (strcmp(command, "paths") == 0) {
		tell("paths", json_pack("{s:o}", "paths", paths_json(p)));
	} else if (strcmp(command, "explain") == 0) {
		tell_explain(p);
	} else if (strcmp(command, "lookup") == 0) {
		err = kith_lookup(p->node, argument, on_found, on_looked_up, p, NULL);
	} else if (strcmp(command, "watch") == 0) {
		err = kith_watch(p->node, argument);
	} else if (strcmp(command, "hide") == 0) {
		err = pin(p, argument, KITH_CONTACT_ACCEPTED | KITH_CONTACT_RELAY_ONLY);
	} else if (strcmp(command, "show") == 0) {
		err = pin(p, argument, KITH_CONTACT_ACCEPTED);
	} else if (strcmp(command, "close") == 0 && p->conn != NULL) {
		err = kith_conn_close(p->conn, KITH_CLOSE_NORMAL);
	} else if (strcmp(command, "quit") == 0) {
		err = kith_node_close(p->node, on_node_closed);
	} else {
		err = KITH_EINVAL;
	}
	if (err != 0)
		tell("refused", json_pack("{s:s, s:s}", "command", command, "error", kith_err_name(err)));
}

static void on_input(uv_poll_t *input, int status, int events)
{
	struct peer *p = input->data;
	char *end;
	(void)events;
	ssize_t n = status == 0 ? read(STDIN_FILENO, p->line + p->line_len, sizeof p->line - 1 - p->line_len) : 0;
	if (n <= 0) {
		uv_poll_stop(input);
		(void)kith_node_close(p->node, on_node_closed);
		return;
	}
	p->line_len += (size_t)n;
	p->line[p->line_len] = '\0';
	while ((end = strchr(p->line, '\n')) != NULL) {
		*end = '\0';
		char *argument = strchr(p->line, ' ');
		if (argument != NULL)
			*argument++ = '\0';
		obey(p, p->line, argument != NULL ? argument : "");
		p->line_len -= (size_t)(end + 1 - p->line);
		memmove(p->line, end + 1, p->line_len + 1);
	}
}

static int make_node(struct peer *p, struct kith_node_options *options)
{
	struct kith_node_callbacks cb;
	kith_node_callbacks_init(&cb);
	cb.started = on_started;
	cb.attached = on_attached;
	cb.published = on_published;
	cb.incoming = on_incoming;
	cb.presence = on_presence;
	cb.trouble = on_trouble;
	options->loop = p->loop;
	int err = kith_node_new(&p->node, options, &cb, p);
	if (err == 0)
		err = kith_serve(p->node, SERVICE);
	return err == 0 ? kith_node_start(p->node) : err;
}

int main(int argc, char **argv)
{
	static const struct option words[] = {
		{ "profile", required_argument, NULL, 'p' }, { "port", required_argument, NULL, 'P' },
		{ "proxy", required_argument, NULL, 'x' },   { "allow-loopback", no_argument, NULL, 'l' },
		{ "no-lan", no_argument, NULL, 'n' },	     { "trust", required_argument, NULL, 't' },
		{ "turn", required_argument, NULL, 'u' },    { 0 }
	};
	struct peer p = { .loop = uv_default_loop() };
	struct kith_node_options options;
	const char *dir = NULL, *turn[KITH_TURN_SERVERS_MAX];
	char why[512] = "usage: kith-peer --profile DIR [--allow-loopback] [--port N] [--proxy URL] [--trust FILE] "
			"[--turn URL]... [--no-lan]";
	int c;
	kith_node_options_init(&options);
	while ((c = getopt_long(argc, argv, "", words, NULL)) != -1) {
		if (c == 'p')
			dir = optarg;
		else if (c == 'P')
			options.port = (uint16_t)strtoul(optarg, NULL, 10);
		else if (c == 'x')
			options.proxy = optarg;
		else if (c == 't')
			options.web_trust = optarg;
		else if (c == 'u' && options.turn_n < KITH_TURN_SERVERS_MAX)
			turn[options.turn_n++] = optarg;
		else if (c == 'n')
			options.no_lan = true;
		else if (c == 'l')
			options.allow_loopback = true;
		else
			return 2;
	}
	options.turn = turn;
	if (dir == NULL || kith_node_options_load(&options, dir, why, sizeof why) != 0) {
		fprintf(stderr, "%s\n", why);
		return 2;
	}
	int err = make_node(&p, &options);
	kith_node_options_deinit(&options);
	if (err != 0) {
		fprintf(stderr, "kith-peer: %s\n", kith_strerror(err));
		return 1;
	}
	uv_timer_init(p.loop, &p.timer);
	uv_timer_init(p.loop, &p.voice.timer);
	uv_poll_init(p.loop, &p.input, STDIN_FILENO);
	p.timer.data = p.voice.timer.data = p.input.data = &p;
	uv_poll_start(&p.input, UV_READABLE, on_input);
	uv_run(p.loop, UV_RUN_DEFAULT);
	return kith_node_free(p.node) == 0 ? 0 : 1;
}
