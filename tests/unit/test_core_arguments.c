/* Every call of <kith/core.h> with what a careless host or application may give it: refused with the error that the
 * header names, and nothing has changed.
 */
#include "core_world.h"

static const uint8_t some[4] = { 1, 2, 3, 4 };

/* The numbers of a core and its shared memory that a refused call must leave alone. */
struct snapshot {
	struct kith_core_info info;
	size_t bytes;
	int events;
};

static struct snapshot look(struct core_world *w)
{
	struct snapshot s;
	memset(&s, 0, sizeof s);
	world_drain(w, WORLD_ALICE);
	kith_core_info(w->nodes[WORLD_ALICE].core, &s.info);
	s.bytes = w->alloc.live_bytes;
	s.events = w->events_n;
	return s;
}

static void unchanged(struct core_world *w, const struct snapshot *before)
{
	struct snapshot after = look(w);
	assert_memory_equal(after.info.hash, before->info.hash, sizeof after.info.hash);
	assert_int_equal(after.bytes, before->bytes);
	assert_int_equal(after.events, before->events);
}

static void a_core_that_is_none_is_refused_by_every_call(void **state)
{
	const struct kith_now now = { 0, 0, true };
	struct kith_key key = { { 0 } };
	struct kith_session_info info;
	struct kith_packet packet = { .data = NULL };
	struct kith_transport t = { .id = 0 };
	struct kith_effect effect;
	struct kith_event ev;
	struct kith_core_info figures;
	struct kith_addr addr;
	struct kith_path_info path;
	struct kith_core *c = NULL;
	uint8_t out[4];
	char text[4] = "abc";
	uint64_t stream = 0;
	bool fin;
	kith_op op;
	(void)state;
	kith_core_free(c);
	kith_core_input(c, now, &packet, 1);
	kith_core_tick(c, now);
	assert_int_equal(kith_core_poll(c, now, &packet, 1), 0);
	assert_true(kith_core_deadline(c) == KITH_TIME_NEVER);
	assert_int_equal(kith_core_transport(c, now, &t), KITH_EINVAL);
	kith_core_send_error(c, now, 0, &t.locals[0].addr, KITH_EIO);
	assert_false(kith_core_effect(c, &effect));
	kith_core_complete(c, now, 1, 0, NULL);
	assert_false(kith_core_event(c, &ev));
	assert_int_equal(kith_core_serve(c, "chat"), KITH_EINVAL);
	assert_int_equal(kith_core_call(c, now, "bob", "chat", 0, &op), KITH_EINVAL);
	assert_int_equal(kith_core_lookup(c, now, "bob", &op), KITH_EINVAL);
	assert_int_equal(kith_core_cancel(c, now, 1), KITH_EINVAL);
	assert_int_equal(kith_core_watch(c, now, "bob"), KITH_EINVAL);
	assert_int_equal(kith_core_unwatch(c, now, "bob"), KITH_EINVAL);
	assert_int_equal(kith_core_pin(c, now, "bob", &key, 0, false), KITH_EINVAL);
	assert_int_equal(kith_core_revoke(c, now, test_span(some, 4)), KITH_EINVAL);
	assert_int_equal(kith_core_add_issuer(c, now, test_span(some, 4)), KITH_EINVAL);
	assert_int_equal(kith_core_challenge(c, now, 1, "x", &op), KITH_EINVAL);
	assert_int_equal(kith_core_accept(c, now, 1), KITH_EINVAL);
	assert_int_equal(kith_core_reject(c, now, 1, KITH_CLOSE_BUSY), KITH_EINVAL);
	assert_int_equal(kith_core_close(c, now, 1, KITH_CLOSE_NORMAL), KITH_EINVAL);
	assert_int_equal(kith_core_send(c, now, 1, 1, some, 4), KITH_EINVAL);
	assert_int_equal(kith_core_datagram_max(c, 1), 0);
	assert_int_equal(kith_core_stream_open(c, now, 1, 1, &stream), KITH_EINVAL);
	assert_int_equal(kith_core_stream_write(c, now, 1, 0, some, 4, false), KITH_EINVAL);
	assert_int_equal(kith_core_stream_read(c, now, 1, 0, out, 4, &fin), KITH_EINVAL);
	assert_int_equal(kith_core_stream_reset(c, now, 1, 0, 0), KITH_EINVAL);
	assert_int_equal(kith_core_stream_stop(c, now, 1, 0, 0), KITH_EINVAL);
	kith_core_leave(c, now, 0);
	assert_int_equal(kith_core_session_info(c, 1, &info), KITH_EINVAL);
	assert_int_equal(kith_core_paths(c, now, 1, &path, 1), 0);
	assert_int_equal(kith_core_explain(c, now, 1, text, sizeof text), 0);
	assert_int_equal(kith_core_explain_last(c, now, "bob", text, sizeof text), 0);
	kith_core_info(c, &figures);
	assert_int_equal(kith_core_homes(c, &addr, 1), 0);
	kith_shared_free(NULL);
}

/* A session in which all of this is possible, so that only the argument can be what is wrong. */
static kith_session_id arrange(struct core_world *w, uint64_t *stream)
{
	world_alice_and_bob(w);
	kith_session_id s = world_call(w, WORLD_ALICE, WORLD_BOB, NULL);
	struct kith_core *alice = w->nodes[WORLD_ALICE].core;
	assert_int_equal(kith_core_stream_open(alice, world_clock(w), s, 1, stream), 0);
	world_drain(w, WORLD_ALICE);
	assert_int_equal(kith_core_stream_write(alice, world_clock(w), s, *stream, some, 4, false), 4);
	world_drain(w, WORLD_ALICE);
	world_run(w, KITH_US_PER_S);
	return s;
}

static void a_missing_pointer_is_refused_and_changes_nothing(void **state)
{
	struct core_world w;
	struct kith_key key = { { 1 } };
	uint64_t stream;
	uint8_t out[4];
	bool fin;
	kith_op op;
	(void)state;
	kith_session_id s = arrange(&w, &stream);
	struct kith_core *c = w.nodes[WORLD_ALICE].core;
	struct kith_now now = world_clock(&w);
	struct snapshot before = look(&w);
	kith_core_input(c, now, NULL, 3);
	struct kith_packet empty = { .len = 100 };
	kith_core_input(c, now, &empty, 1);
	assert_int_equal(kith_core_poll(c, now, NULL, 3), 0);
	assert_int_equal(kith_core_transport(c, now, NULL), KITH_EINVAL);
	kith_core_send_error(c, now, 0, NULL, KITH_EIO);
	assert_false(kith_core_effect(c, NULL));
	assert_false(kith_core_event(c, NULL));
	kith_core_complete(c, now, 77777, KITH_EIO, NULL);
	assert_int_equal(kith_core_serve(c, NULL), KITH_EINVAL);
	assert_int_equal(kith_core_call(c, now, NULL, "chat", 0, &op), KITH_EINVAL);
	assert_int_equal(kith_core_call(c, now, "bob", NULL, 0, &op), KITH_EINVAL);
	assert_int_equal(kith_core_call(c, now, "bob", "chat", 0, NULL), KITH_EINVAL);
	assert_int_equal(kith_core_call(c, now, "bob", "chat", -1, &op), KITH_EINVAL);
	assert_int_equal(kith_core_lookup(c, now, NULL, &op), KITH_EINVAL);
	assert_int_equal(kith_core_lookup(c, now, "bob", NULL), KITH_EINVAL);
	assert_int_equal(kith_core_watch(c, now, NULL), KITH_EINVAL);
	assert_int_equal(kith_core_unwatch(c, now, NULL), KITH_EINVAL);
	assert_int_equal(kith_core_pin(c, now, NULL, &key, 0, false), KITH_EINVAL);
	assert_int_equal(kith_core_pin(c, now, "bob", NULL, 0, false), KITH_EINVAL);
	assert_int_equal(kith_core_revoke(c, now, test_span(NULL, 4)), KITH_EINVAL);
	assert_int_equal(kith_core_add_issuer(c, now, test_span(NULL, 4)), KITH_EINVAL);
	assert_int_equal(kith_core_challenge(c, now, s, NULL, &op), KITH_EINVAL);
	assert_int_equal(kith_core_challenge(c, now, s, "x", NULL), KITH_EINVAL);
	assert_int_equal(kith_core_send(c, now, s, 1, NULL, 4), KITH_EINVAL);
	assert_int_equal(kith_core_stream_open(c, now, s, 1, NULL), KITH_EINVAL);
	assert_int_equal(kith_core_stream_write(c, now, s, stream, NULL, 4, false), KITH_EINVAL);
	assert_int_equal(kith_core_stream_read(c, now, s, stream, NULL, 4, &fin), KITH_EINVAL);
	assert_int_equal(kith_core_stream_read(c, now, s, stream, out, 4, NULL), KITH_EINVAL);
	assert_int_equal(kith_core_session_info(c, s, NULL), KITH_EINVAL);
	assert_int_equal(kith_core_paths(c, now, s, NULL, 3), 0);
	assert_int_equal(kith_core_explain(c, now, s, NULL, 3), 0);
	assert_int_equal(kith_core_explain_last(c, now, "bob", NULL, 3), 0);
	assert_int_equal(kith_core_explain_last(c, now, NULL, (char *)out, sizeof out), 0);
	kith_core_info(c, NULL);
	assert_int_equal(kith_core_homes(c, NULL, 3), 0);
	unchanged(&w, &before);
	core_world_deinit(&w);
}

static void an_id_of_nothing_is_not_found(void **state)
{
	static const kith_session_id ids[] = { 0, 1, 0x00ffffff, UINT32_MAX };
	struct core_world w;
	uint64_t stream;
	(void)state;
	kith_session_id s = arrange(&w, &stream);
	struct kith_core *c = w.nodes[WORLD_ALICE].core;
	/* Also that of a session that is there, but is no application's. */
	kith_session_id home = c->leaf.homes[0].session;
	struct kith_now now = world_clock(&w);
	struct snapshot before = look(&w);
	for (size_t i = 0; i <= sizeof ids / sizeof ids[0]; i++) {
		kith_session_id id = i < sizeof ids / sizeof ids[0] ? ids[i] : home;
		struct kith_session_info info;
		struct kith_path_info path;
		uint8_t out[4];
		char text[4] = "abc";
		uint64_t none;
		bool fin;
		kith_op op;
		assert_int_equal(kith_core_challenge(c, now, id, "x", &op), KITH_ENOENT);
		assert_int_equal(kith_core_accept(c, now, id), KITH_ENOENT);
		assert_int_equal(kith_core_reject(c, now, id, KITH_CLOSE_BUSY), KITH_ENOENT);
		assert_int_equal(kith_core_close(c, now, id, KITH_CLOSE_NORMAL), KITH_ENOENT);
		assert_int_equal(kith_core_send(c, now, id, 1, some, 4), KITH_ENOENT);
		assert_int_equal(kith_core_datagram_max(c, id), 0);
		assert_int_equal(kith_core_stream_open(c, now, id, 1, &none), KITH_ENOENT);
		assert_int_equal(kith_core_stream_write(c, now, id, stream, some, 4, false), KITH_ENOENT);
		assert_int_equal(kith_core_stream_read(c, now, id, stream, out, 4, &fin), KITH_ENOENT);
		assert_int_equal(kith_core_stream_reset(c, now, id, stream, 0), KITH_ENOENT);
		assert_int_equal(kith_core_stream_stop(c, now, id, stream, 0), KITH_ENOENT);
		assert_int_equal(kith_core_session_info(c, id, &info), KITH_ENOENT);
		assert_string_equal(info.name, "");
		assert_int_equal(kith_core_paths(c, now, id, &path, 1), 0);
		assert_int_equal(kith_core_explain(c, now, id, text, sizeof text), 0);
		assert_string_equal(text, "");
		assert_int_equal(kith_core_cancel(c, now, id), KITH_ENOENT);
	}
	assert_int_equal(kith_core_unwatch(c, now, "nobody"), KITH_ENOENT);
	unchanged(&w, &before);
	/* Streams that are none, of a session that is there; only these touch the session. */
	uint8_t out[4];
	bool fin;
	static const uint64_t streams[] = { 1, 2, 4, 1000, UINT64_C(1) << 62, UINT64_MAX };
	for (size_t i = 0; i < sizeof streams / sizeof streams[0]; i++) {
		assert_int_equal(kith_core_stream_write(c, now, s, streams[i], some, 4, true), KITH_ENOENT);
		assert_int_equal(kith_core_stream_read(c, now, s, streams[i], out, 4, &fin), KITH_ENOENT);
		assert_int_equal(kith_core_stream_reset(c, now, s, streams[i], 0), KITH_ENOENT);
		assert_int_equal(kith_core_stream_stop(c, now, s, streams[i], 0), KITH_ENOENT);
	}
	world_drain(&w, WORLD_ALICE);
	assert_int_equal(kith_core_stream_write(c, now, s, stream, some, 4, true), 4);
	world_drain(&w, WORLD_ALICE);
	core_world_deinit(&w);
}

static void texts_and_sizes_out_of_their_bounds_are_refused(void **state)
{
	struct core_world w;
	uint64_t stream;
	uint8_t big[KITH_DATAGRAM_MAX + 1] = { 0 };
	char text[200];
	kith_op op;
	(void)state;
	kith_session_id s = arrange(&w, &stream);
	struct kith_core *c = w.nodes[WORLD_ALICE].core;
	struct kith_now now = world_clock(&w);
	struct kith_key key = { { 1 } };
	struct snapshot before = look(&w);
	memset(text, 'a', sizeof text);
	text[sizeof text - 1] = '\0';
	static const char *const no_names[] = { "", "Bob", "b b", "b\n", "b/c", "b\xc3\xb6" };
	for (size_t i = 0; i <= sizeof no_names / sizeof no_names[0]; i++) {
		const char *name = i < sizeof no_names / sizeof no_names[0] ? no_names[i] : text;
		assert_true(kith_core_call(c, now, name, "chat", 0, &op) < 0);
		assert_true(kith_core_lookup(c, now, name, &op) < 0);
		assert_true(kith_core_watch(c, now, name) < 0);
		assert_true(kith_core_unwatch(c, now, name) < 0);
		assert_true(kith_core_pin(c, now, name, &key, 0, false) < 0);
	}
	assert_int_equal(kith_core_call(c, now, "bob", "", 0, &op), KITH_EINVAL);
	assert_int_equal(kith_core_call(c, now, "bob", text, 0, &op), KITH_EINVAL);
	assert_int_equal(kith_core_call(c, now, "alice", "chat", 0, &op), KITH_EINVAL); /* oneself */
	assert_int_equal(kith_core_serve(c, ""), KITH_EINVAL);
	assert_int_equal(kith_core_serve(c, text), KITH_EINVAL);
	assert_int_equal(kith_core_serve(c, "chat"), KITH_EEXIST);
	assert_int_equal(kith_core_challenge(c, now, s, text, &op), KITH_EINVAL);
	assert_int_equal(kith_core_challenge(c, now, s, "\x01", &op), KITH_EINVAL);
	assert_int_equal(kith_core_send(c, now, s, 1, big, sizeof big), KITH_EMSGSIZE);
	assert_true(kith_core_revoke(c, now, test_span(NULL, 0)) < 0);
	assert_true(kith_core_revoke(c, now, test_span(big, sizeof big)) < 0);
	assert_true(kith_core_add_issuer(c, now, test_span(NULL, 0)) < 0);
	assert_true(kith_core_add_issuer(c, now, test_span(big, sizeof big)) < 0);
	assert_int_equal(kith_core_accept(c, now, s), KITH_ESTATE); /* decided long ago */
	assert_int_equal(kith_core_reject(c, now, s, KITH_CLOSE_BUSY), KITH_ESTATE);
	struct kith_transport t = { .id = 3,
				    .kind = KITH_TRANSPORT_UDP,
				    .up = true,
				    .family = KITH_FAMILY_V4,
				    .locals_n = KITH_LOCALS_MAX + 1 };
	assert_int_equal(kith_core_transport(c, now, &t), KITH_EINVAL);
	t.locals_n = SIZE_MAX;
	assert_int_equal(kith_core_transport(c, now, &t), KITH_EINVAL);
	t.locals_n = 0;
	t.kind = KITH_TRANSPORT_NONE;
	assert_int_equal(kith_core_transport(c, now, &t), KITH_EINVAL);
	unchanged(&w, &before);
	assert_int_equal(c->transports.n, 1);
	/* Nothing to say is something that may be said. */
	assert_int_equal(kith_core_send(c, now, s, 1, NULL, 0), 0);
	world_drain(&w, WORLD_ALICE);
	core_world_deinit(&w);
}

static void times_at_the_ends_of_their_range_do_no_harm(void **state)
{
	struct core_world w;
	uint64_t stream;
	kith_op op;
	(void)state;
	(void)arrange(&w, &stream);
	struct kith_core *c = w.nodes[WORLD_ALICE].core;
	kith_core_tick(c,
		       (struct kith_now){ w.now - 5 * KITH_US_PER_S, WORLD_UNIX_MS, true }); /* the clock goes back */
	world_drain(&w, WORLD_ALICE);
	kith_core_tick(c, (struct kith_now){ INT64_MIN, INT64_MIN, false });
	world_drain(&w, WORLD_ALICE);
	kith_core_tick(c, (struct kith_now){ 0, INT64_MAX, false });
	world_drain(&w, WORLD_ALICE);
	kith_core_tick(c, world_clock(&w));
	world_drain(&w, WORLD_ALICE);
	assert_int_equal(kith_core_call(c, world_clock(&w), "nobody", "chat", INT64_MAX, &op), 0);
	world_drain(&w, WORLD_ALICE);
	world_run(&w, 20 * KITH_US_PER_S);
	assert_non_null(world_event(&w, WORLD_ALICE, KITH_EVENT_OP_DONE, 0));
	kith_core_leave(c, world_clock(&w), INT64_MAX);
	world_drain(&w, WORLD_ALICE);
	kith_core_leave(w.nodes[0].core, world_clock(&w), INT64_MIN);
	world_drain(&w, 0);
	kith_core_leave(w.nodes[1].core, world_clock(&w), INT64_MAX);
	world_drain(&w, 1);
	world_run(&w, 20 * KITH_US_PER_S);
	assert_non_null(world_event(&w, WORLD_ALICE, KITH_EVENT_LEFT, 0));
	assert_non_null(world_event(&w, 0, KITH_EVENT_LEFT, 0));
	core_world_deinit(&w);
}

static void options_without_what_they_need_are_refused(void **state)
{
	struct core_world w;
	struct kith_core_options good, o;
	struct kith_shared_options shared;
	struct kith_shared *sh = NULL;
	struct kith_core *c = NULL;
	(void)state;
	core_world_init(&w, kith_suite_sodium(), 1);
	int i = world_add(&w, "alice", false);
	world_options(&w, i, &good);
#define REFUSED(change)                                                                                                \
	do {                                                                                                           \
		o = good;                                                                                              \
		change;                                                                                                \
		assert_int_equal(kith_core_new(&c, &o, world_clock(&w)), KITH_EINVAL);                                 \
		assert_null(c);                                                                                        \
	} while (0)
	REFUSED(o.size = 0);
	REFUSED(o.alloc = NULL);
	REFUSED(o.random = NULL);
	REFUSED(o.shared = NULL);
	REFUSED(o.bootstrap = NULL);
	REFUSED(o.chain.p = NULL);
	REFUSED(o.devices = test_span(NULL, 3));
	REFUSED(o.state = test_span(NULL, 3));
	REFUSED(o.role = (enum kith_role)4);
	REFUSED(o.terms.consent = (enum kith_consent)3);
	REFUSED(o.terms.memory_max = KITH_SERVING_MEMORY_LEAST - 1);
	REFUSED(o.endpoints_n = SIZE_MAX);
#undef REFUSED
	assert_int_equal(kith_core_new(NULL, &good, world_clock(&w)), KITH_EINVAL);
	assert_int_equal(kith_core_new(&c, NULL, world_clock(&w)), KITH_EINVAL);
	kith_shared_options_init(&shared);
	assert_int_equal(kith_shared_new(&sh, &shared), KITH_EINVAL);
	shared.alloc = &w.alloc.alloc;
	assert_int_equal(kith_shared_new(&sh, &shared), KITH_EINVAL);
	shared.random = &w.random.random;
	assert_int_equal(kith_shared_new(NULL, &shared), KITH_EINVAL);
	assert_int_equal(kith_shared_new(&sh, NULL), KITH_EINVAL);
	shared.packets_max = 31;
	assert_int_equal(kith_shared_new(&sh, &shared), KITH_EINVAL);
	shared.packets_max = UINT32_MAX; /* more than can be had, not less than was asked for */
	w.alloc.fail_after = 1; /* as memory of that size would */
	assert_true(kith_shared_new(&sh, &shared) < 0);
	w.alloc.fail_after = -1;
	assert_null(sh);
	core_world_deinit(&w);
}

/* What a close reason is called, for any number. */
static void every_close_reason_has_a_text(void **state)
{
	(void)state;
	assert_string_equal(kith_close_text(KITH_CLOSE_BUSY), "busy");
	assert_string_equal(kith_close_text(UINT32_MAX), "unknown reason");
	for (unsigned i = 0; i <= KITH_CLOSE_CANCELED; i++)
		assert_string_not_equal(kith_close_text(i), "unknown reason");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_core_that_is_none_is_refused_by_every_call),
		cmocka_unit_test(a_missing_pointer_is_refused_and_changes_nothing),
		cmocka_unit_test(an_id_of_nothing_is_not_found),
		cmocka_unit_test(texts_and_sizes_out_of_their_bounds_are_refused),
		cmocka_unit_test(times_at_the_ends_of_their_range_do_no_harm),
		cmocka_unit_test(options_without_what_they_need_are_refused),
		cmocka_unit_test(every_close_reason_has_a_text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
