/* How a stream's end is told to an application: once, after everything was read, whichever way it came. */
#include "host_world.h"

#include "base/alloc.h"

enum { LEN = 3000 };

/* One end's view of a stream. */
struct view {
	struct world *world;
	struct kith_stream *stream;
	bool ask_fin; /* give kith_stream_read the flag */
	bool hold; /* do not read */
	bool close_on_fin, finish_on_fin;
	size_t got;
	int readables, read_fins, fins, resets, closes, close_err;
	size_t got_at_fin;
	bool closed_before_fin;
};

static void read_view(struct kith_stream *stream, void *user)
{
	struct view *v = user;
	uint8_t buf[1000];
	bool fin = false;
	int n;
	v->readables++;
	if (v->hold)
		return;
	while ((n = kith_stream_read(stream, buf, sizeof buf, v->ask_fin ? &fin : NULL)) >= 0) {
		v->got += (size_t)n;
		v->read_fins += fin;
		if (fin || n == 0)
			break;
	}
	assert_int_equal(v->fins, 0); /* not from within a call, and nothing comes after the end */
}

static void fin_view(struct kith_stream *stream, void *user)
{
	struct view *v = user;
	uint8_t byte;
	bool fin = false;
	v->fins++;
	v->got_at_fin = v->got;
	v->closed_before_fin = v->closes > 0;
	assert_int_equal(kith_stream_read(stream, &byte, 1, &fin), KITH_ECLOSED);
	assert_false(fin);
	if (v->finish_on_fin)
		(void)kith_stream_finish(stream);
	if (v->close_on_fin)
		kith_stream_close(stream);
}

static void reset_view(struct kith_stream *stream, uint64_t code, void *user)
{
	(void)stream;
	assert_int_equal(code, 77);
	((struct view *)user)->resets++;
}

static void closed_view(struct kith_stream *stream, int err, void *user)
{
	struct view *v = user;
	assert_ptr_equal(v->stream, stream);
	v->stream = NULL;
	v->closes++;
	v->close_err = err;
}

static void view_callbacks(struct kith_stream_callbacks *cb)
{
	kith_stream_callbacks_init(cb);
	cb->readable = read_view;
	cb->fin = fin_view;
	cb->reset = reset_view;
	cb->closed = closed_view;
}

/* As if by a session on which a stream was opened, whose other end is the test. */
static struct view theirs;

static void take_stream(struct kith_conn *conn, struct kith_stream *stream, uint16_t channel, void *user)
{
	struct kith_stream_callbacks cb;
	struct view *v = user;
	(void)conn, (void)channel;
	v->stream = stream;
	if (v->hold)
		return; /* callbacks are given later */
	view_callbacks(&cb);
	kith_stream_set_callbacks(stream, &cb, v);
}

/* alice's stream to bob, with its bytes written. */
static void begin(struct trio *t, struct view *ours, size_t len)
{
	static const uint8_t bytes[LEN];
	struct kith_stream_callbacks cb;
	struct kith_conn_callbacks conn_cb;
	trio_init(t);
	talk(t);
	kith_conn_callbacks_init(&conn_cb);
	conn_cb.stream = take_stream;
	theirs.world = ours->world = &t->w;
	kith_conn_set_callbacks(t->bob.conn, &conn_cb, &theirs);
	view_callbacks(&cb);
	assert_int_equal(kith_stream_open(t->alice.conn, 3, &cb, ours, &ours->stream), 0);
	assert_int_equal(kith_stream_write(ours->stream, bytes, len), len);
}

static void end(struct trio *t)
{
	kith_conn_set_callbacks(t->alice.conn, NULL, NULL);
	kith_conn_set_callbacks(t->bob.conn, NULL, NULL);
	trio_deinit(t);
}

/* Runs the loop for as long as anything that is under way may take. */
static void expired(uv_timer_t *timer)
{
	*(bool *)timer->data = true;
}

static void settle(struct trio *t)
{
	uv_timer_t timer;
	bool done = false;
	assert_int_equal(uv_timer_init(&t->w.loop, &timer), 0);
	timer.data = &done;
	uv_timer_start(&timer, expired, 200, 0);
	UNTIL(&t->w, done);
	uv_close((uv_handle_t *)&timer, NULL);
	(void)uv_run(&t->w.loop, UV_RUN_NOWAIT);
}

static void the_end_is_told_once_when_it_comes_with_the_last_bytes(void **state)
{
	(void)state;
	for (int ask = 0; ask < 2; ask++) {
		struct trio t;
		struct view ours = { 0 };
		theirs = (struct view){ .ask_fin = ask };
		begin(&t, &ours, LEN);
		assert_int_equal(kith_stream_finish(ours.stream), 0);
		UNTIL(&t.w, theirs.fins > 0);
		assert_int_equal(theirs.got_at_fin, LEN);
		assert_true(theirs.read_fins <= ask); /* it may have come alone */
		/* the other direction lives on, and ends likewise */
		assert_int_equal(kith_stream_write(theirs.stream, "back", 4), 4);
		assert_int_equal(kith_stream_finish(theirs.stream), 0);
		UNTIL(&t.w, ours.closes > 0 && theirs.closes > 0);
		assert_int_equal(ours.fins, 1);
		assert_int_equal(ours.got_at_fin, 4);
		assert_false(ours.closed_before_fin || theirs.closed_before_fin);
		assert_int_equal(theirs.fins, 1);
		assert_int_equal(ours.close_err, 0);
		assert_int_equal(theirs.close_err, 0);
		assert_int_equal(ours.resets + theirs.resets, 0);
		end(&t);
	}
}

static void the_end_is_told_once_when_it_comes_alone(void **state)
{
	struct trio t;
	struct view ours = { .finish_on_fin = true };
	(void)state;
	theirs = (struct view){ .ask_fin = true, .finish_on_fin = true };
	begin(&t, &ours, LEN);
	UNTIL(&t.w, theirs.got == LEN);
	settle(&t);
	assert_int_equal(theirs.fins + theirs.read_fins, 0);
	assert_int_equal(kith_stream_finish(ours.stream), 0);
	UNTIL(&t.w, ours.closes > 0 && theirs.closes > 0);
	assert_int_equal(theirs.fins, 1);
	assert_int_equal(ours.fins, 1); /* of an empty direction */
	assert_int_equal(theirs.got_at_fin, LEN);
	end(&t);
}

static void the_end_is_told_after_the_bytes_that_were_not_read_when_it_came(void **state)
{
	struct trio t;
	struct view ours = { 0 };
	struct kith_stream_callbacks cb;
	(void)state;
	theirs = (struct view){ .hold = true, .ask_fin = true };
	begin(&t, &ours, LEN);
	assert_int_equal(kith_stream_finish(ours.stream), 0);
	UNTIL(&t.w, theirs.stream != NULL);
	settle(&t);
	view_callbacks(&cb);
	kith_stream_set_callbacks(theirs.stream, &cb, &theirs);
	settle(&t);
	assert_true(theirs.readables > 0);
	assert_int_equal(theirs.fins, 0); /* nothing was read yet */
	theirs.hold = false;
	kith_stream_set_callbacks(theirs.stream, &cb, &theirs);
	UNTIL(&t.w, theirs.fins > 0);
	assert_int_equal(theirs.got_at_fin, LEN);
	kith_stream_set_callbacks(theirs.stream, &cb, &theirs); /* not told again */
	settle(&t);
	assert_int_equal(theirs.fins, 1);
	assert_int_equal(theirs.read_fins, 1);
	end(&t);
}

static void an_end_that_came_before_there_were_callbacks_is_told_with_them(void **state)
{
	struct trio t;
	struct view ours = { 0 };
	struct kith_stream_callbacks cb;
	(void)state;
	theirs = (struct view){ .hold = true };
	begin(&t, &ours, 0);
	assert_int_equal(kith_stream_finish(ours.stream), 0);
	UNTIL(&t.w, theirs.stream != NULL);
	settle(&t);
	theirs.hold = false;
	view_callbacks(&cb);
	kith_stream_set_callbacks(theirs.stream, &cb, &theirs);
	UNTIL(&t.w, theirs.fins > 0);
	settle(&t);
	assert_int_equal(theirs.fins, 1);
	assert_int_equal(theirs.got, 0);
	end(&t);
}

static void a_reset_is_told_instead_of_the_end(void **state)
{
	struct trio t;
	struct view ours = { 0 };
	(void)state;
	theirs = (struct view){ .finish_on_fin = true };
	begin(&t, &ours, LEN);
	UNTIL(&t.w, theirs.got == LEN);
	assert_int_equal(kith_stream_reset(ours.stream, 77), 0);
	UNTIL(&t.w, theirs.resets > 0);
	assert_int_equal(kith_stream_finish(theirs.stream), 0);
	UNTIL(&t.w, ours.closes > 0 && theirs.closes > 0);
	assert_int_equal(theirs.fins, 0);
	assert_int_equal(theirs.resets, 1);
	assert_int_equal(ours.fins, 1);
	end(&t);
}

static void a_stream_may_be_closed_when_its_end_is_told(void **state)
{
	struct trio t;
	struct view ours = { 0 };
	(void)state;
	theirs = (struct view){ .close_on_fin = true };
	begin(&t, &ours, LEN);
	assert_int_equal(kith_stream_finish(ours.stream), 0);
	UNTIL(&t.w, theirs.closes > 0);
	assert_int_equal(theirs.fins, 1);
	assert_int_equal(theirs.close_err, KITH_ECANCELED);
	end(&t);
}

static void an_end_that_was_read_is_told_before_the_connection_closes(void **state)
{
	struct trio t;
	struct view ours = { 0 };
	struct kith_stream_callbacks cb;
	uint8_t buf[LEN];
	bool fin = false;
	(void)state;
	theirs = (struct view){ .hold = true };
	begin(&t, &ours, LEN);
	assert_int_equal(kith_stream_finish(ours.stream), 0);
	UNTIL(&t.w, theirs.stream != NULL);
	view_callbacks(&cb);
	kith_stream_set_callbacks(theirs.stream, &cb, &theirs);
	settle(&t);
	/* From outside of any callback: read to the end, and close the connection at once. */
	assert_int_equal(kith_stream_read(theirs.stream, buf, sizeof buf, &fin), LEN);
	assert_true(fin);
	theirs.got = LEN;
	assert_int_equal(theirs.fins, 0);
	assert_int_equal(kith_conn_close(t.bob.conn, KITH_CLOSE_NORMAL), 0);
	UNTIL(&t.w, theirs.closes > 0);
	assert_int_equal(theirs.fins, 1);
	assert_false(theirs.closed_before_fin);
	assert_int_equal(theirs.close_err, KITH_ECANCELED);
	t.bob.conn = NULL;
	UNTIL(&t.w, ours.closes > 0);
	trio_deinit(&t);
}

static void callbacks_without_their_size_are_refused(void **state)
{
	const struct kith_conn_callbacks conn_cb = { .opened = NULL };
	const struct kith_stream_callbacks cb = { .fin = NULL };
	struct kith_stream *stream;
	struct trio t;
	struct view ours = { 0 };
	(void)state;
	theirs = (struct view){ 0 };
	begin(&t, &ours, LEN);
	UNTIL(&t.w, theirs.got == LEN);
	assert_int_equal(kith_conn_set_callbacks(t.alice.conn, &conn_cb, NULL), KITH_EINVAL);
	assert_int_equal(kith_stream_open(t.alice.conn, 1, &cb, NULL, &stream), KITH_EINVAL);
	assert_null(stream);
	assert_int_equal(kith_stream_set_callbacks(ours.stream, &cb, NULL), KITH_EINVAL);
	assert_ptr_equal(kith_stream_user(ours.stream), &ours); /* as before */
	end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(callbacks_without_their_size_are_refused),
		cmocka_unit_test(the_end_is_told_once_when_it_comes_with_the_last_bytes),
		cmocka_unit_test(the_end_is_told_once_when_it_comes_alone),
		cmocka_unit_test(the_end_is_told_after_the_bytes_that_were_not_read_when_it_came),
		cmocka_unit_test(an_end_that_came_before_there_were_callbacks_is_told_with_them),
		cmocka_unit_test(a_reset_is_told_instead_of_the_end),
		cmocka_unit_test(a_stream_may_be_closed_when_its_end_is_told),
		cmocka_unit_test(an_end_that_was_read_is_told_before_the_connection_closes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
