/* What a node makes of a mapping. What it does with a router is in tests/e2e/portmap.sh. */
#include "host_world.h"

#include <kith/portmap.h>

#include "host/portmap_link.h"

static struct kith_portmap_told told_of(const char *outer)
{
	struct kith_portmap_told told = {
		.state = KITH_PORTMAP_MAPPED, .method = KITH_PORTMAP_PCP, .life_us = 3600 * KITH_US_PER_S, .lies = 7
	};
	assert_int_equal(kith_addr_parse(&told.outer[0], outer), 0);
	return told;
}

static void only_a_public_address_is_of_use(void **state)
{
	static const char *const useless[] = { "10.0.0.1:4433",	 "192.168.1.2:4433", "100.64.0.9:4433",
					       "127.0.0.1:4433", "0.0.0.0:4433",     "224.0.0.1:4433" };
	struct kith_portmap_info info;
	(void)state;
	struct kith_portmap_told told = told_of("44.4.0.4:4433");
	kith_portmap_judge(&told, 1000, &info);
	assert_int_equal(info.state, KITH_PORTMAP_MAPPED);
	assert_int_equal(info.method, KITH_PORTMAP_PCP);
	assert_true(kith_addr_equal(&info.udp, &told.outer[0]));
	assert_int_equal(info.tcp.family, KITH_FAMILY_NONE);
	assert_int_equal(info.expires_ms, 1000 + 3600 * 1000);
	assert_int_equal(info.lies, 7);
	assert_string_equal(info.why, "");
	for (size_t i = 0; i < sizeof useless / sizeof useless[0]; i++) {
		told = told_of(useless[i]);
		kith_portmap_judge(&told, 1000, &info);
		assert_int_equal(info.state, KITH_PORTMAP_USELESS);
		assert_non_null(strstr(info.why, useless[i]));
	}
}

static void why_there_is_none_is_said(void **state)
{
	struct kith_portmap_told told = { .state = KITH_PORTMAP_REFUSED, .result = 2 };
	struct kith_portmap_info info;
	(void)state;
	kith_portmap_judge(&told, 0, &info);
	assert_int_equal(info.state, KITH_PORTMAP_REFUSED);
	assert_non_null(strstr(info.why, "refuses (result 2)"));
	told.result = 0;
	kith_portmap_judge(&told, 0, &info);
	assert_non_null(strstr(info.why, "no router"));
	assert_string_equal(kith_portmap_method_name(KITH_PORTMAP_NATPMP), "natpmp");
	assert_string_equal(kith_portmap_method_name(99), "none");
}

static void a_node_says_why_it_does_not_ask(void **state)
{
	struct world w;
	struct party p;
	struct kith_node_options o;
	struct kith_portmap_info info;
	(void)state;
	memset(&info, 1, sizeof info);
	assert_int_equal(kith_node_portmap(NULL, &info), KITH_EINVAL);
	assert_string_equal(info.why, "");
	world_init(&w);
	party_options(&p, &w, "leaf", &o);
	party_new(&p, &o);
	assert_int_equal(kith_node_portmap(p.node, NULL), KITH_EINVAL);
	assert_int_equal(kith_node_portmap(p.node, &info), 0);
	assert_int_equal(info.state, KITH_PORTMAP_OFF);
	assert_non_null(strstr(info.why, KITH_HAS_PORTMAP ? "test network" : "built without"));
	assert_int_equal(kith_node_free(p.node), 0);
	party_options(&p, &w, "other", &o);
	assert_int_equal(kith_node_options_set(&o, "no_port_mapping", "true"), 0);
	party_new(&p, &o);
	assert_int_equal(kith_node_portmap(p.node, &info), 0);
	assert_non_null(strstr(info.why, KITH_HAS_PORTMAP ? "options" : "built without"));
	assert_int_equal(kith_node_free(p.node), 0);
	world_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_a_public_address_is_of_use),
		cmocka_unit_test(why_there_is_none_is_said),
		cmocka_unit_test(a_node_says_why_it_does_not_ask),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
