/* A node's WebSockets: the component is loaded where it is asked for, and what is wrong with it is said. */
#include "host_world.h"

#include <kith/web.h>

#include "base/alloc.h"
#include "host/internal.h"

static struct kith_node *node_new(const char *bootstrap)
{
	struct kith_node *node = KITH_NEW(kith_system_alloc(), struct kith_node);
	size_t bad;
	assert_non_null(node);
	assert_int_equal(kith_resolver_init(&node->resolver, kith_system_alloc(), &bootstrap, bootstrap != NULL, &bad),
			 0);
	assert_int_equal(setenv(KITH_COMPONENT_PATH_ENV, KITH_COMPONENTS, 1), 0);
	return node;
}

static void node_free(struct kith_node *node)
{
	kith_web_end(node);
	kith_resolver_deinit(&node->resolver);
	KITH_FREE(kith_system_alloc(), node);
	assert_int_equal(unsetenv(KITH_COMPONENT_PATH_ENV), 0);
}

static void listen_at(struct kith_node *node, const char *text)
{
	assert_int_equal(kith_addr_parse(&node->o.web_listen, text), 0);
}

static void it_is_loaded_where_it_is_asked_for(void **state)
{
	static const struct {
		const char *bootstrap;
		bool listens, no_tcp, loaded;
	} cases[] = {
		{ NULL, false, false, false },
		{ "192.0.2.1:443", false, false, false },
		{ "wss://192.0.2.1/ws", false, false, true },
		{ "wss://192.0.2.1/ws", false, true, false }, /* nothing goes by TCP */
		{ NULL, true, false, true },
	};
	char why[KITH_HOST_WHY_MAX];
	(void)state;
	if (!KITH_HAS_WEB)
		skip();
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct kith_node *node = node_new(cases[i].bootstrap);
		node->o.no_tcp = cases[i].no_tcp;
		if (cases[i].listens)
			listen_at(node, "127.0.0.1:8080");
		assert_int_equal(kith_web_load(node, why), 0);
		assert_int_equal(node->web != NULL, cases[i].loaded);
		if (node->web != NULL) {
			assert_int_equal(node->web->rows[0].carrier->kind, KITH_TRANSPORT_TLS);
			assert_int_equal(node->web->rows[1].family, KITH_FAMILY_V6);
		}
		node_free(node);
	}
}

static void an_address_has_the_url_that_led_to_it(void **state)
{
	struct kith_web_place place;
	struct kith_addr at;
	char why[KITH_HOST_WHY_MAX];
	(void)state;
	if (!KITH_HAS_WEB)
		skip();
	struct kith_node *node = node_new("wss://192.0.2.1:444/path");
	assert_int_equal(kith_resolver_add(&node->resolver, "wss://h.example/other"), 0);
	assert_int_equal(kith_resolver_add(&node->resolver, "192.0.2.9:444"), 0);
	assert_int_equal(kith_web_load(node, why), 0);
	const struct kith_web_arg *arg = &node->web->arg;
	assert_int_equal(kith_addr_parse(&at, "192.0.2.1:444"), 0);
	assert_true(arg->find(arg->ctx, &at, &place));
	assert_string_equal(place.path, "/path");
	assert_null(place.host);
	assert_true(kith_addr_equal(&place.addr, &at));
	at.port = 443;
	assert_false(arg->find(arg->ctx, &at, &place));
	assert_int_equal(kith_addr_parse(&at, "192.0.2.9:444"), 0);
	assert_false(arg->find(arg->ctx, &at, &place)); /* that is none */
	struct kith_resolve_entry *e = node->resolver.entries[1];
	assert_int_equal(kith_addr_parse(&e->found[0], "192.0.2.7:443"), 0);
	assert_false(arg->find(arg->ctx, &e->found[0], &place)); /* it was not found yet */
	e->found_n = 1;
	assert_true(arg->find(arg->ctx, &e->found[0], &place));
	assert_string_equal(place.host, "h.example");
	assert_string_equal(place.path, "/other");
	node_free(node);
}

static void without_the_component_only_who_listens_does_not_start(void **state)
{
	char why[KITH_HOST_WHY_MAX];
	(void)state;
	struct kith_node *node = node_new("wss://192.0.2.1/ws");
	assert_int_equal(setenv(KITH_COMPONENT_PATH_ENV, "/nonexistent", 1), 0);
	assert_int_equal(kith_web_load(node, why), 0);
	assert_null(node->web);
	assert_true(node->web_missing);
	listen_at(node, "127.0.0.1:8080");
	assert_int_equal(kith_web_load(node, why), KITH_ENOTSUP);
	assert_non_null(strstr(why, "no WebSockets: the component kith-web.so is not installed"));
	node_free(node);
}

static void files_that_cannot_be_used_are_named(void **state)
{
	char why[KITH_HOST_WHY_MAX];
	(void)state;
	if (!KITH_HAS_WEB)
		skip();
	struct kith_node *node = node_new("wss://192.0.2.1/ws");
	node->o.web_trust = "/nonexistent";
	assert_int_equal(kith_web_load(node, why), KITH_EINVAL);
	assert_non_null(strstr(why, "web_trust: /nonexistent cannot be used"));
	assert_null(node->web);
	node_free(node);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_loaded_where_it_is_asked_for),
		cmocka_unit_test(an_address_has_the_url_that_led_to_it),
		cmocka_unit_test(without_the_component_only_who_listens_does_not_start),
		cmocka_unit_test(files_that_cannot_be_used_are_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
