/* A node's TURN servers: what names one, and that the component is loaded where one is named, and not else. */
#include "host_world.h"

#include <kith/turn.h>

#include "base/alloc.h"
#include "host/internal.h"

static void only_what_names_a_server_is_one(void **state)
{
	static const char *const good[] = { "turn:alice:secret@192.0.2.1:3478", "turn:a:b@[2001:db8::1]:443",
					    "turn:alice:a:b@c@192.0.2.1:3478" };
	static const char *const bad[] = { "",
					   "192.0.2.1:3478",
					   "turns:alice:secret@192.0.2.1:3478",
					   "turn:192.0.2.1:3478",
					   "turn:alice@192.0.2.1:3478",
					   "turn:alice:@192.0.2.1:3478",
					   "turn::secret@192.0.2.1:3478",
					   "turn:alice:secret@192.0.2.1",
					   "turn:alice:secret@192.0.2.1:0",
					   "turn:alice:secret@turn.example:3478",
					   "turn:alice:secret@0.0.0.0:3478",
					   "turn:al\"ice:secret@192.0.2.1:3478",
					   "turn:alice:\"@192.0.2.1:3478",
					   "turn:al@ice" };
	struct kith_turn_account account;
	char text[2 * KITH_TURN_USER_MAX + 64];
	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
		assert_true(kith_turn_valid(good[i]));
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		assert_false(kith_turn_valid(bad[i]));
		assert_int_equal(kith_turn_parse(&account, bad[i]), KITH_EINVAL);
		assert_int_equal(account.server.family, KITH_FAMILY_NONE);
	}
	assert_false(kith_turn_valid(NULL));
	assert_int_equal(kith_turn_parse(&account, good[2]), 0);
	assert_string_equal(account.user, "alice");
	assert_string_equal(account.password, "a:b@c");
	for (int len = KITH_TURN_USER_MAX - 1; len <= KITH_TURN_USER_MAX; len++) {
		(void)snprintf(text, sizeof text, "turn:%0*d:secret@192.0.2.1:3478", len, 1);
		assert_int_equal(kith_turn_valid(text), len < KITH_TURN_USER_MAX);
		(void)snprintf(text, sizeof text, "turn:alice:%0*d@192.0.2.1:3478", len, 1);
		assert_int_equal(kith_turn_valid(text), len < KITH_TURN_USER_MAX);
	}
}

static const char *const servers[] = { "turn:alice:secret@192.0.2.1:3478", "turn:bob:other@192.0.2.2:3478" };

static void it_is_loaded_where_a_server_is_named(void **state)
{
	char why[KITH_HOST_WHY_MAX];
	(void)state;
	if (!KITH_HAS_ICE)
		skip();
	struct kith_node *node = KITH_NEW(kith_system_alloc(), struct kith_node);
	assert_non_null(node);
	assert_int_equal(setenv(KITH_COMPONENT_PATH_ENV, KITH_COMPONENTS, 1), 0);
	assert_int_equal(kith_ice_load(node, why), 0);
	assert_null(node->ice);
	node->o.turn = servers;
	node->o.turn_n = 2;
	assert_int_equal(kith_ice_load(node, why), 0);
	assert_int_equal(node->ice->arg.n, 2);
	assert_string_equal(node->ice->arg.accounts[1].user, "bob");
	assert_true(node->ice->row.carrier->relayed);
	assert_int_equal(node->ice->row.family, KITH_FAMILY_V4);
	kith_ice_end(node);
	assert_null(node->ice);
	kith_ice_end(node);
	KITH_FREE(kith_system_alloc(), node);
	assert_int_equal(unsetenv(KITH_COMPONENT_PATH_ENV), 0);
}

static void a_component_that_is_missing_is_told(void **state)
{
	char why[KITH_HOST_WHY_MAX];
	(void)state;
	struct kith_node *node = KITH_NEW(kith_system_alloc(), struct kith_node);
	assert_non_null(node);
	assert_int_equal(setenv(KITH_COMPONENT_PATH_ENV, "/nowhere", 1), 0);
	node->o.turn = servers;
	node->o.turn_n = 1;
	assert_int_equal(kith_ice_load(node, why), KITH_ENOTSUP);
	assert_non_null(strstr(why, KITH_HAS_ICE ? "no TURN server: the component kith-ice.so is not installed"
						 : "no TURN server: this libkith is built without it"));
	assert_null(strstr(why, "secret"));
	assert_null(node->ice);
	KITH_FREE(kith_system_alloc(), node);
	assert_int_equal(unsetenv(KITH_COMPONENT_PATH_ENV), 0);
}

static void options_that_name_no_server_make_no_node(void **state)
{
	static const char *const bad[] = { "turn:alice:secret@192.0.2.1:3478", "192.0.2.1:3478" };
	const char *const many[] = { bad[0], bad[0], bad[0], bad[0], bad[0] };
	char name[KITH_NAME_MAX + 1];
	struct kith_node_options o;
	struct kith_node *node;
	(void)state;
	kith_node_options_init(&o);
	assert_int_equal(kith_node_options_open(&o, "test", name), 0);
	o.turn = bad;
	o.turn_n = 2;
	assert_int_equal(kith_node_new(&node, &o, NULL, NULL), KITH_EINVAL);
	o.turn = many;
	o.turn_n = KITH_TURN_SERVERS_MAX + 1;
	assert_int_equal(kith_node_new(&node, &o, NULL, NULL), KITH_EINVAL);
	o.turn_n = KITH_TURN_SERVERS_MAX;
	assert_int_equal(kith_node_new(&node, &o, NULL, NULL), 0);
	struct kith_turn_info info;
	assert_int_equal(kith_node_turn(node, &info), 0);
	assert_int_equal(info.state, KITH_TURN_OFF);
	assert_int_equal(kith_node_turn(node, NULL), KITH_EINVAL);
	info.state = KITH_TURN_FAILED;
	assert_int_equal(kith_node_turn(NULL, &info), KITH_EINVAL);
	assert_int_equal(info.state, KITH_TURN_OFF);
	assert_int_equal(kith_node_free(node), 0);
	kith_node_options_deinit(&o);
}

static void states_have_names(void **state)
{
	(void)state;
	assert_string_equal(kith_turn_state_name(KITH_TURN_OFF), "off");
	assert_string_equal(kith_turn_state_name(KITH_TURN_FAILED), "failed");
	assert_string_equal(kith_turn_state_name(99), "off");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_what_names_a_server_is_one),
		cmocka_unit_test(it_is_loaded_where_a_server_is_named),
		cmocka_unit_test(a_component_that_is_missing_is_told),
		cmocka_unit_test(options_that_name_no_server_make_no_node),
		cmocka_unit_test(states_have_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
