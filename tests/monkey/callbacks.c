/* Every callback that there is. Each checks what it is promised, and may do anything. */
#include "monkey.h"

/* ---- handles ---- */

static struct conn_slot *slot_of_conn(const struct kith_conn *conn)
{
	for (unsigned i = 0; i < CONNS; i++)
		if (monkey.conns[i].conn == conn)
			return &monkey.conns[i];
	return NULL;
}

static struct stream_slot *slot_of_stream(const struct kith_stream *stream)
{
	for (unsigned i = 0; i < STREAMS; i++)
		if (monkey.streams[i].stream == stream)
			return &monkey.streams[i];
	return NULL;
}

/* In any callback: nothing, or a few of whatever there is. */
static void play(void)
{
	if (monkey.depth >= 2 || monkey_one_in(2))
		return;
	monkey.depth++;
	for (unsigned n = monkey_pick(4); n > 0; n--)
		monkey_act();
	monkey.depth--;
}

void monkey_released(const void *data, size_t len, int err, void *ctx)
{
	(void)err;
	MUST(data == monkey.bytes && len <= sizeof monkey.bytes && ctx == &monkey.borrowed && monkey.borrowed > 0);
	monkey.borrowed--;
	play();
}

void monkey_read(struct kith_stream *stream)
{
	static uint8_t out[30000];
	bool fin;
	for (unsigned n = monkey_pick(5); n > 0; n--) {
		int got = kith_stream_read(stream, out, 1 + monkey_pick(sizeof out), monkey_one_in(2) ? &fin : NULL);
		if (got <= 0)
			return;
		monkey.done_bytes += (unsigned long)got;
	}
}

static void on_readable(struct kith_stream *stream, void *user)
{
	MUST(slot_of_stream(stream) != NULL && user == &monkey.streams);
	monkey_read(stream);
	if (monkey_one_in(4))
		monkey_act_on_stream(stream);
	play();
}

static void on_stream_plain(struct kith_stream *stream, void *user)
{
	MUST(slot_of_stream(stream) != NULL && user == &monkey.streams);
	if (monkey_one_in(4))
		monkey_act_on_stream(stream);
	play();
}

static void on_reset(struct kith_stream *stream, uint64_t code, void *user)
{
	(void)code;
	on_stream_plain(stream, user);
}

static void on_stream_closed(struct kith_stream *stream, int err, void *user)
{
	struct stream_slot *slot = slot_of_stream(stream);
	MUST(slot != NULL && user == &monkey.streams); /* once, and last */
	MUST(err == 0 || err == KITH_ECUT || err == KITH_ECANCELED || err == KITH_ENOMEM || err == KITH_EPROTO ||
	     err == KITH_ETIMEDOUT);
	if (monkey_one_in(4))
		monkey_act_on_stream(stream);
	play();
	if (monkey_one_in(2))
		monkey_read(stream);
	if (!monkey.planted || monkey_one_in(2))
		slot->stream = NULL; /* monkey.planted: the monkey goes on to use a handle that is gone */
	monkey.done_closes++;
}

const struct kith_stream_callbacks monkey_stream_callbacks = {
	.size = sizeof monkey_stream_callbacks,
	.readable = on_readable,
	.writable = on_stream_plain,
	.fin = on_stream_plain,
	.reset = on_reset,
	.stopped = on_stream_plain,
	.closed = on_stream_closed,
};

void monkey_keep_stream(struct kith_stream *stream)
{
	struct stream_slot *slot = slot_of_stream(NULL);
	if (slot == NULL) { /* no place: without callbacks, and given up */
		(void)kith_stream_set_callbacks(stream, NULL, NULL);
		(void)kith_stream_close(stream);
		return;
	}
	slot->stream = stream;
}

static void on_stream(struct kith_conn *conn, struct kith_stream *stream, uint16_t channel, void *user)
{
	MUST(slot_of_conn(conn) != NULL && user == &monkey.conns);
	MUST(kith_stream_channel(stream) == channel && kith_stream_conn(stream) == conn);
	monkey_keep_stream(stream);
	if (slot_of_stream(stream) != NULL)
		MUST(kith_stream_set_callbacks(stream, &monkey_stream_callbacks, &monkey.streams) == 0);
	if (monkey_one_in(4))
		monkey_act_on_conn(conn);
	play();
}

static void on_conn_plain(struct kith_conn *conn, void *user)
{
	MUST(slot_of_conn(conn) != NULL && user == &monkey.conns);
	if (monkey_one_in(4))
		monkey_act_on_conn(conn);
	play();
}

static void on_path(struct kith_conn *conn, const struct kith_path_info *path, void *user)
{
	MUST(path->kind == KITH_PATH_CLASS_DIRECT || path->kind == KITH_PATH_CLASS_RELAY);
	on_conn_plain(conn, user);
}

static void on_datagram(struct kith_conn *conn, uint16_t channel, const uint8_t *data, size_t len, void *user)
{
	(void)channel;
	MUST(len == 0 || data[0] == 0);
	on_conn_plain(conn, user);
}

static void on_conn_closed(struct kith_conn *conn, enum kith_close_reason reason, bool remote, void *user)
{
	struct conn_slot *slot = slot_of_conn(conn);
	(void)reason, (void)remote;
	MUST(slot != NULL && user == &monkey.conns);
	for (unsigned i = 0; i < STREAMS; i++)
		MUST(monkey.streams[i].stream == NULL || kith_stream_conn(monkey.streams[i].stream) != conn);
	if (monkey_one_in(4))
		monkey_act_on_conn(conn);
	play();
	monkey.nodes[slot->node].conns--;
	slot->conn = NULL;
	monkey.done_closes++;
}

static const struct kith_conn_callbacks conn_cb = {
	.size = sizeof conn_cb,
	.opened = on_conn_plain,
	.path_changed = on_path,
	.datagram = on_datagram,
	.writable = on_conn_plain,
	.stream = on_stream,
	.closed = on_conn_closed,
};

int monkey_index(const struct kith_node *node)
{
	for (int i = 0; i < NODES; i++)
		if (monkey.nodes[i].node == node)
			return i;
	monkey_wrong("a callback of a node that is gone");
}

static bool keep_conn(struct kith_node *node, struct kith_conn *conn)
{
	struct conn_slot *slot = slot_of_conn(NULL);
	MUST(kith_conn_node(conn) == node);
	if (slot == NULL)
		return false;
	*slot = (struct conn_slot){ conn, monkey_index(node) };
	monkey.nodes[slot->node].conns++;
	MUST(kith_conn_set_callbacks(conn, &conn_cb, &monkey.conns) == 0);
	MUST(kith_conn_user(conn) == &monkey.conns);
	return true;
}

/* ---- callbacks of monkey.nodes and operations ---- */

static void on_started(struct kith_node *node, int err, const char *why, void *user)
{
	struct monkey_node *m = user;
	MUST(m->node == node && why != NULL && !m->started);
	m->started = err == 0;
	play();
}

static void on_count(struct kith_node *node, unsigned homes, void *user)
{
	MUST(((struct monkey_node *)user)->node == node && homes <= 3);
	play();
}

static void on_node_plain(struct kith_node *node, void *user)
{
	MUST(((struct monkey_node *)user)->node == node);
	play();
}

static void on_incoming(struct kith_node *node, struct kith_conn *conn, const struct kith_session_info *who, void *user)
{
	MUST(((struct monkey_node *)user)->node == node && who->name[0] != '\0');
	if (!keep_conn(node, conn)) {
		(void)kith_conn_reject(conn, KITH_CLOSE_BUSY);
		return;
	}
	MUST(strcmp(kith_conn_name(conn), who->name) == 0 && strcmp(kith_conn_service(conn), who->service) == 0);
	play();
	if (slot_of_conn(conn) != NULL && !monkey_one_in(6))
		(void)!kith_conn_accept(conn);
}

static void on_presence(struct kith_node *node, const char *name, bool online, void *user)
{
	(void)name, (void)online;
	on_node_plain(node, user);
}

static void on_trouble(struct kith_node *node, enum kith_trouble what, int err, const char *why, void *user)
{
	(void)what, (void)err;
	MUST(why != NULL);
	on_node_plain(node, user);
}

static void on_role(struct kith_node *node, bool serving, enum kith_role_reason why, void *user)
{
	MUST(why < KITH_ROLE_WHY_MAX && (!serving || why == KITH_ROLE_WHY_CONFIGURED || why == KITH_ROLE_WHY_HELP));
	on_node_plain(node, user);
}

static void on_asked(struct kith_node *node, kith_time_us within_us, void *user)
{
	MUST(within_us >= 0);
	on_node_plain(node, user);
}

static void end_call(struct kith_call *call, struct call_slot *slot)
{
	MUST(slot->busy && (slot->call == NULL || slot->call == call));
	MUST(kith_call_node(call) == monkey.nodes[slot->node].node);
	play();
	monkey.nodes[slot->node].calls--;
	*slot = (struct call_slot){ .call = NULL };
	monkey.done_calls++;
}

void monkey_connected(struct kith_call *call, int err, struct kith_conn *conn, void *user)
{
	MUST((err == 0) == (conn != NULL));
	if (conn != NULL && !keep_conn(kith_call_node(call), conn))
		(void)kith_conn_close(conn, KITH_CLOSE_BUSY);
	end_call(call, user);
}

void monkey_done(struct kith_call *call, int err, void *user)
{
	(void)err;
	end_call(call, user);
}

void monkey_found(struct kith_call *call, const struct kith_found_device *device, void *user)
{
	MUST(((struct call_slot *)user)->busy && call != NULL && device->homes_n <= 3);
	play();
}

void monkey_closed(struct kith_node *node, void *user)
{
	struct monkey_node *m = user;
	MUST(m->node == node && m->closing);
	MUST(m->calls == 0 && m->conns == 0); /* each was told */
	play();
	MUST(kith_node_free(node) == 0);
	MUST(m->live == 0);
	m->node = NULL;
	monkey.done_nodes++;
}

void monkey_posted(struct kith_node *node, void *arg)
{
	MUST(((struct monkey_node *)arg)->node == node);
	play();
}

const struct kith_node_callbacks monkey_node_callbacks = {
	.size = sizeof monkey_node_callbacks,
	.started = on_started,
	.attached = on_count,
	.published = on_node_plain,
	.incoming = on_incoming,
	.presence = on_presence,
	.trouble = on_trouble,
	.role = on_role,
	.asked = on_asked,
};

bool monkey_stream_room(void)
{
	return slot_of_stream(NULL) != NULL;
}
