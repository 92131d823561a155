/* Endings as an application sees them: what a cut leaves, what was finished before closing, and what calls do in the
 * last callbacks of a handle.
 */
#include "host_world.h"

#include "host/internal.h"
#include "link/state.h"

enum { LEN = 100 * 1000, MEGABYTES = 4 * 1000 * 1000 };

/* How a stream came to its end. */
struct ending {
	size_t got, got_at_close;
	int fins, closes, err, read_err;
	bool hold, read_late;
	int released, release_err;
};

static void read_all(struct kith_stream *stream, struct ending *e)
{
	static uint8_t out[65536];
	int n;
	while ((n = kith_stream_read(stream, out, sizeof out, NULL)) > 0)
		e->got += (size_t)n;
	e->read_err = n;
}

static void readable(struct kith_stream *stream, void *user)
{
	struct ending *e = user;
	if (!e->hold)
		read_all(stream, e);
}

static void fin(struct kith_stream *stream, void *user)
{
	(void)stream;
	((struct ending *)user)->fins++;
}

static void closed(struct kith_stream *stream, int err, void *user)
{
	struct ending *e = user;
	e->got_at_close = e->got;
	if (e->read_late)
		read_all(stream, e);
	e->closes++;
	e->err = err;
}

static const struct kith_stream_callbacks endings = {
	.size = sizeof endings, .readable = readable, .fin = fin, .closed = closed
};

static struct ending there; /* bob's */

static void take(struct kith_conn *conn, struct kith_stream *stream, uint16_t channel, void *user)
{
	(void)conn, (void)channel, (void)user;
	assert_int_equal(kith_stream_set_callbacks(stream, &endings, &there), 0);
}

static void forget(struct kith_conn *conn, enum kith_close_reason reason, bool remote, void *user)
{
	struct party *p = user;
	(void)conn, (void)reason, (void)remote;
	p->conn = NULL;
	p->closed_conns++;
}

static void begin(struct trio *t, struct ending *here, struct kith_stream **stream)
{
	const struct kith_conn_callbacks cb = { .size = sizeof cb, .stream = take, .closed = forget };
	trio_init(t);
	talk(t);
	assert_int_equal(kith_conn_set_callbacks(t->bob.conn, &cb, &t->bob), 0);
	assert_int_equal(kith_conn_set_callbacks(t->alice.conn, &cb, &t->alice), 0);
	assert_int_equal(kith_stream_open(t->alice.conn, 1, &endings, here, stream), 0);
}

static void released(const void *data, size_t len, int err, void *ctx)
{
	struct ending *e = ctx;
	(void)data, (void)len;
	e->released++;
	e->release_err = err;
}

/* ---- cut ---- */

static void a_cut_is_no_end_and_what_came_before_it_is_told(void **state)
{
	static const uint8_t bytes[1000];
	(void)state;
	for (int late = 0; late < 2; late++) {
		struct trio t;
		struct ending here = { 0 };
		struct kith_stream *stream;
		there = (struct ending){ .hold = true, .read_late = late };
		begin(&t, &here, &stream);
		assert_int_equal(kith_stream_write(stream, bytes, sizeof bytes), sizeof bytes);
		UNTIL(&t.w, kith_core_datagram_max(t.bob.node->core, t.bob.conn->id) > 0 && there.closes == 0 &&
				    !kith_link_empty(&t.bob.conn->streams));
		there.hold = late;
		assert_int_equal(kith_conn_close(t.alice.conn, KITH_CLOSE_NORMAL), 0);
		UNTIL(&t.w, there.closes > 0 && here.closes > 0 && t.bob.conn == NULL);
		assert_int_equal(there.got, sizeof bytes);
		assert_int_equal(there.got_at_close, late ? 0 : sizeof bytes);
		assert_int_equal(there.read_err, KITH_ECUT);
		assert_int_equal(there.err, KITH_ECUT);
		assert_int_equal(there.fins, 0);
		assert_int_equal(here.err, KITH_ECANCELED);
		assert_int_equal(t.bob.node->core->cuts_n, 0); /* nothing is kept for nobody */
		trio_deinit(&t);
	}
}

/* ---- finished before closing ---- */

static void what_was_finished_arrives_when_the_connection_is_closed_at_once(void **state)
{
	static uint8_t bytes[MEGABYTES];
	(void)state;
	for (int how = 0; how < 4; how++) {
		struct trio t;
		struct ending here = { 0 };
		struct kith_stream *stream;
		there = (struct ending){ 0 };
		begin(&t, &here, &stream);
		size_t len = how % 2 == 0 ? LEN : MEGABYTES;
		if (how % 2 == 0)
			assert_int_equal(kith_stream_write(stream, bytes, len), len);
		else
			assert_int_equal(kith_stream_write_borrowed(stream, bytes, len, released, &here), 0);
		assert_int_equal(kith_stream_finish(stream), 0);
		if (how < 2)
			assert_int_equal(kith_conn_close(t.alice.conn, KITH_CLOSE_NORMAL), 0);
		else
			assert_int_equal(kith_node_close(t.alice.node, on_node_closed), 0);
		UNTIL(&t.w, there.closes > 0 && here.closes > 0 && t.alice.closed_conns && t.bob.closed_conns);
		assert_int_equal(there.got, len);
		assert_int_equal(there.fins, 1);
		assert_int_equal(here.err, 0); /* all has arrived */
		assert_int_equal(here.released, how % 2);
		assert_int_equal(here.release_err, 0);
		if (how < 2)
			party_close(&t.alice);
		UNTIL(&t.w, t.alice.closed);
		party_close(&t.bob);
		party_close(&t.home);
		world_deinit(&t.w);
	}
}

static void nobody_waits_who_does_not_want_to(void **state)
{
	static uint8_t bytes[MEGABYTES];
	struct trio t;
	struct ending here = { 0 };
	struct kith_stream *stream;
	(void)state;
	there = (struct ending){ .hold = true };
	begin(&t, &here, &stream);
	assert_int_equal(kith_stream_write_borrowed(stream, bytes, sizeof bytes, released, &here), 0);
	assert_int_equal(kith_stream_finish(stream), 0);
	assert_int_equal(kith_conn_linger(t.alice.conn, -1), KITH_EINVAL);
	assert_int_equal(kith_conn_linger(t.alice.conn, 0), 0);
	assert_int_equal(kith_conn_close(t.alice.conn, KITH_CLOSE_NORMAL), 0);
	assert_int_equal(kith_conn_linger(t.alice.conn, 0), KITH_ESTATE);
	UNTIL(&t.w, here.closes > 0 && t.bob.closed_conns);
	assert_int_equal(here.err, KITH_ECANCELED);
	assert_int_equal(here.released, 1);
	assert_int_equal(here.release_err, KITH_ECANCELED);
	trio_deinit(&t);
}

/* Bob reads nothing, so the windows fill up. */
static void lingering_ends_in_time_when_the_other_side_takes_nothing(void **state)
{
	static uint8_t bytes[MEGABYTES];
	struct trio t;
	struct ending here = { 0 };
	struct kith_stream *stream;
	(void)state;
	there = (struct ending){ .hold = true };
	begin(&t, &here, &stream);
	assert_int_equal(kith_stream_write_borrowed(stream, bytes, sizeof bytes, released, &here), 0);
	assert_int_equal(kith_stream_finish(stream), 0);
	assert_int_equal(kith_conn_linger(t.alice.conn, 200 * KITH_US_PER_MS), 0);
	assert_int_equal(kith_conn_close(t.alice.conn, KITH_CLOSE_NORMAL), 0);
	UNTIL(&t.w, here.closes > 0 && t.alice.closed_conns && t.bob.closed_conns);
	assert_int_equal(here.err, KITH_ECANCELED);
	assert_int_equal(here.released, 1);
	assert_int_equal(there.err, KITH_ECUT);
	trio_deinit(&t);
}

/* ---- last callbacks ---- */

/* Everything that can be called on a stream that is over, from its last callback. */
static void try_everything(struct kith_stream *stream, int err, void *user)
{
	struct ending *e = user;
	uint8_t byte = 0;
	e->closes++;
	e->err = err;
	assert_true(kith_stream_write(stream, &byte, 1) < 0);
	assert_true(kith_stream_write_borrowed(stream, &byte, 1, released, e) < 0);
	assert_true(kith_stream_finish(stream) < 0);
	assert_true(kith_stream_read(stream, &byte, 1, NULL) < 0);
	assert_true(kith_stream_reset(stream, 1) < 0);
	assert_true(kith_stream_stop(stream, 1) < 0);
	assert_int_equal(kith_stream_close(stream), KITH_ECLOSED);
	assert_int_equal(kith_stream_set_callbacks(stream, NULL, NULL), KITH_ECLOSED);
	assert_non_null(kith_stream_conn(stream));
}

static void release_and_write_again(const void *data, size_t len, int err, void *ctx)
{
	struct ending *e = ctx;
	e->released++;
	e->release_err = err;
	if (err != 0)
		assert_true(kith_stream_write_borrowed((struct kith_stream *)(uintptr_t)data, data, len,
						       release_and_write_again, ctx) < 0);
}

static void nothing_is_taken_in_the_last_callbacks_of_a_stream(void **state)
{
	const struct kith_stream_callbacks cb = { .size = sizeof cb, .closed = try_everything };
	(void)state;
	for (int how = 0; how < 4; how++) {
		struct trio t;
		struct ending here = { 0 };
		struct kith_stream *stream;
		there = (struct ending){ .hold = true };
		begin(&t, &here, &stream);
		assert_int_equal(kith_stream_set_callbacks(stream, &cb, &here), 0);
		/* What is borrowed is the handle itself, for want of another way to name it in the callback. */
		assert_int_equal(kith_conn_linger(t.alice.conn, 0), 0);
		assert_int_equal(kith_stream_write_borrowed(stream, stream, 1, release_and_write_again, &here), 0);
		if (how == 0) {
			assert_int_equal(kith_stream_close(stream), 0);
		} else if (how == 1) {
			assert_int_equal(kith_conn_close(t.alice.conn, KITH_CLOSE_NORMAL), 0);
		} else if (how == 2) {
			assert_int_equal(kith_conn_close(t.bob.conn, KITH_CLOSE_NORMAL), 0);
		} else {
			assert_int_equal(kith_node_close(t.alice.node, on_node_closed), 0);
		}
		UNTIL(&t.w, here.closes > 0);
		assert_int_equal(here.released, 1);
		if (how != 3)
			party_close(&t.alice);
		UNTIL(&t.w, t.alice.closed);
		assert_int_equal(here.closes, 1);
		party_close(&t.bob);
		party_close(&t.home);
		world_deinit(&t.w);
	}
}

static void conn_tries_everything(struct kith_conn *conn, enum kith_close_reason reason, bool remote, void *user)
{
	struct party *p = user;
	struct kith_stream *stream;
	struct kith_session_info who;
	(void)reason, (void)remote;
	assert_int_equal(kith_conn_accept(conn), KITH_ESTATE);
	assert_int_equal(kith_conn_reject(conn, KITH_CLOSE_BUSY), KITH_ESTATE);
	assert_int_equal(kith_conn_close(conn, KITH_CLOSE_BUSY), KITH_ESTATE);
	assert_int_equal(kith_conn_linger(conn, 1), KITH_ESTATE);
	assert_int_equal(kith_conn_send(conn, 1, "x", 1), KITH_ESTATE);
	assert_int_equal(kith_stream_open(conn, 1, NULL, NULL, &stream), KITH_ESTATE);
	assert_int_equal(kith_challenge(conn, "x", NULL, NULL, NULL), KITH_ESTATE);
	assert_int_equal(kith_conn_info(conn, &who), KITH_ESTATE);
	assert_int_equal(kith_conn_datagram_max(conn), 0);
	assert_int_equal(kith_conn_paths(conn, NULL, 0), 0);
	p->conn = NULL;
	p->closed_conns++;
}

static void node_tries_everything(struct kith_node *node, void *user)
{
	assert_int_equal(kith_serve(node, "late"), KITH_ESTATE);
	assert_int_equal(kith_connect(node, "bob", "chat", 0, NULL, NULL, NULL), KITH_ESTATE);
	assert_int_equal(kith_lookup(node, "bob", NULL, NULL, NULL, NULL), KITH_ESTATE);
	assert_int_equal(kith_watch(node, "bob"), KITH_ESTATE);
	assert_int_equal(kith_node_start(node), KITH_ESTATE);
	assert_int_equal(kith_node_close(node, NULL), KITH_ESTATE);
	assert_int_equal(kith_revoke(node, (struct kith_span){ NULL, 0 }), KITH_ESTATE);
	assert_int_equal(kith_node_homes(node, NULL, 0), 0);
	on_node_closed(node, user);
}

static void nothing_is_begun_in_the_last_callbacks_of_a_connection_and_a_node(void **state)
{
	const struct kith_conn_callbacks cb = { .size = sizeof cb, .closed = conn_tries_everything };
	struct trio t;
	(void)state;
	trio_init(&t);
	talk(&t);
	assert_int_equal(kith_conn_set_callbacks(t.alice.conn, &cb, &t.alice), 0);
	assert_int_equal(kith_conn_set_callbacks(t.bob.conn, &cb, &t.bob), 0);
	assert_int_equal(kith_conn_close(t.bob.conn, KITH_CLOSE_NORMAL), 0);
	UNTIL(&t.w, t.alice.closed_conns == 1 && t.bob.closed_conns == 1);
	assert_int_equal(kith_node_close(t.alice.node, node_tries_everything), 0);
	UNTIL(&t.w, t.alice.closed);
	party_close(&t.bob);
	party_close(&t.home);
	world_deinit(&t.w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cut_is_no_end_and_what_came_before_it_is_told),
		cmocka_unit_test(what_was_finished_arrives_when_the_connection_is_closed_at_once),
		cmocka_unit_test(nobody_waits_who_does_not_want_to),
		cmocka_unit_test(lingering_ends_in_time_when_the_other_side_takes_nothing),
		cmocka_unit_test(nothing_is_taken_in_the_last_callbacks_of_a_stream),
		cmocka_unit_test(nothing_is_begun_in_the_last_callbacks_of_a_connection_and_a_node),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
