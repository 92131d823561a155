/* Options and callbacks as a binding of another language makes them: by name, and without any layout. */
#include "host_world.h"

#include "host/internal.h"

static void options_are_set_by_name(void **state)
{
	struct kith_node_options *o = kith_node_options_new();
	(void)state;
	assert_non_null(o);
	assert_int_equal(kith_node_options_set(o, "role", "supernode"), 0);
	assert_int_equal(o->role, KITH_ROLE_SUPERNODE);
	assert_int_equal(kith_node_options_set(o, "port", "65535"), 0);
	assert_int_equal(o->port, 65535);
	assert_int_equal(kith_node_options_set(o, "relay_rate", "18446744073709551615"), 0);
	assert_true(o->relay_rate == UINT64_MAX);
	assert_int_equal(kith_node_options_set(o, "leave_us", "9223372036854775807"), 0);
	assert_true(o->leave_us == INT64_MAX);
	assert_int_equal(kith_node_options_set(o, "allow_loopback", "true"), 0);
	assert_true(o->allow_loopback);
	assert_int_equal(kith_node_options_set(o, "answer_strangers", "false"), 0);
	assert_false(o->answer_strangers);
	assert_int_equal(kith_node_options_set(o, "presence", "contacts"), 0);
	assert_int_equal(o->presence, KITH_PRESENCE_CONTACTS);
	assert_int_equal(kith_node_options_set(o, "presence", "nobody"), KITH_EINVAL);
	assert_int_equal(kith_node_options_set(o, "bind_v4", "127.0.0.1"), 0);
	assert_int_equal(o->bind_v4.ip[0], 127);
	assert_int_equal(kith_node_options_set(o, "bind_v6", "::1"), 0);
	assert_int_equal(o->bind_v6.family, KITH_FAMILY_V6);
	char text[] = "/nowhere";
	assert_int_equal(kith_node_options_set(o, "state_dir", text), 0);
	text[1] = 'x'; /* it was copied */
	assert_string_equal(o->state_dir, "/nowhere");
	assert_int_equal(kith_node_options_set(o, "bootstrap", "a.example:1"), 0);
	assert_int_equal(kith_node_options_set(o, "bootstrap", "b.example:2"), 0);
	assert_int_equal(o->bootstrap_n, 2);
	assert_string_equal(o->bootstrap[1], "b.example:2");
	for (int i = 0; i < KITH_TURN_SERVERS_MAX; i++)
		assert_int_equal(kith_node_options_set(o, "turn", "turn:alice:a:b@c@192.0.2.1:3478"), 0);
	assert_int_equal(kith_node_options_set(o, "turn", "turn:alice:secret@192.0.2.1:3478"), KITH_EFULL);
	assert_int_equal(o->turn_n, KITH_TURN_SERVERS_MAX);
	assert_string_equal(o->turn[3], "turn:alice:a:b@c@192.0.2.1:3478");
	assert_int_equal(kith_node_options_set(o, "endpoint", "1.2.3.4:5"), 0);
	assert_int_equal(o->endpoints_n, 1);
	kith_node_options_free(o);
}

static void names_and_values_that_are_none_are_refused(void **state)
{
	static const struct {
		const char *name, *value;
		int err;
	} bad[] = {
		{ "no_such_thing", "1", KITH_ENOENT },
		{ "port", "65536", KITH_EINVAL },
		{ "port", "", KITH_EINVAL },
		{ "port", "-1", KITH_EINVAL },
		{ "port", "1x", KITH_EINVAL },
		{ "relay_rate", "18446744073709551616", KITH_EINVAL },
		{ "no_v4", "yes", KITH_EINVAL },
		{ "role", "king", KITH_EINVAL },
		{ "root", "short", KITH_EINVAL },
		{ "bind_v4", "nowhere", KITH_EINVAL },
		{ "bootstrap", "x", KITH_EINVAL },
		{ "endpoint", "host:1", KITH_EINVAL },
		{ "turn", "192.0.2.1:3478", KITH_EINVAL },
	};
	struct kith_node_options *o = kith_node_options_new();
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(kith_node_options_set(o, bad[i].name, bad[i].value), bad[i].err);
	assert_int_equal(kith_node_options_set(NULL, "port", "1"), KITH_EINVAL);
	assert_int_equal(kith_node_options_set(o, NULL, "1"), KITH_EINVAL);
	assert_int_equal(kith_node_options_set(o, "port", NULL), KITH_EINVAL);
	kith_node_options_free(o);
	kith_node_options_free(NULL);
}

static void callbacks_are_set_by_name(void **state)
{
	struct kith_node_callbacks *node = kith_node_callbacks_new();
	struct kith_conn_callbacks *conn = kith_conn_callbacks_new();
	struct kith_stream_callbacks *stream = kith_stream_callbacks_new();
	(void)state;
	assert_int_equal(node->size, sizeof *node);
	assert_int_equal(kith_node_callbacks_set(node, "started", (kith_any_fn)on_started), 0);
	assert_true(node->started == on_started);
	assert_int_equal(kith_node_callbacks_set(node, "strated", (kith_any_fn)on_started), KITH_ENOENT);
	assert_int_equal(kith_conn_callbacks_set(conn, "closed", (kith_any_fn)on_closed), 0);
	assert_true(conn->closed == on_closed);
	assert_int_equal(kith_stream_callbacks_set(stream, "fin", (kith_any_fn)on_fin), 0);
	assert_true(stream->fin == on_fin);
	assert_int_equal(kith_stream_callbacks_set(NULL, "fin", (kith_any_fn)on_fin), KITH_EINVAL);
	kith_node_callbacks_free(node);
	kith_conn_callbacks_free(conn);
	kith_stream_callbacks_free(stream);
	kith_node_callbacks_free(NULL);
}

/* All of it together, as a binding would: no struct but through pointers, no file. */
static void a_node_with_an_identity_in_memory_starts(void **state)
{
	struct world w;
	struct party p = { .started = 0 };
	struct kith_node_info info;
	struct kith_contact contacts[4];
	const struct kith_key key = { { 7 } };
	struct kith_node_options *o = kith_node_options_new();
	struct kith_node_callbacks *cb = kith_node_callbacks_new();
	(void)state;
	world_init(&w);
	p.world = &w;
	assert_int_equal(kith_node_options_open(o, "playground", p.name), 0);
	assert_int_equal(kith_node_options_set_loop(o, &w.loop), 0);
	assert_int_equal(kith_node_options_set(o, "allow_loopback", "true"), 0);
	assert_int_equal(kith_node_options_set(o, "bind_v4", "127.0.0.1"), 0);
	assert_int_equal(kith_node_callbacks_set(cb, "started", (kith_any_fn)on_started), 0);
	assert_int_equal(kith_node_new(&p.node, o, cb, &p), 0);
	kith_node_options_free(o);
	kith_node_callbacks_free(cb);
	assert_int_equal(kith_node_start(p.node), 0);
	UNTIL(&w, p.started);
	assert_int_equal(p.start_err, 0);
	assert_int_equal(kith_node_info(p.node, &info), 0);
	assert_string_equal(info.name, p.name);

	assert_int_equal(kith_pin(p.node, "carol", &key, KITH_CONTACT_ACCEPTED, false), 0);
	assert_int_equal(kith_pin(p.node, "bob", &key, KITH_CONTACT_BLOCKED, false), 0);
	assert_int_equal(kith_contacts(p.node, contacts, 1), 2);
	assert_string_equal(contacts[0].name, "bob");
	assert_int_equal(contacts[0].flags, KITH_CONTACT_BLOCKED);
	assert_int_equal(kith_unpin(p.node, "bob"), 0);
	assert_int_equal(kith_unpin(p.node, "bob"), KITH_ENOENT);
	assert_int_equal(kith_contacts(p.node, contacts, 4), 1);
	assert_string_equal(contacts[0].name, "carol");
	assert_memory_equal(contacts[0].identity.b, key.b, sizeof key.b);
	party_close(&p);
	world_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_are_set_by_name),
		cmocka_unit_test(names_and_values_that_are_none_are_refused),
		cmocka_unit_test(callbacks_are_set_by_name),
		cmocka_unit_test(a_node_with_an_identity_in_memory_starts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
