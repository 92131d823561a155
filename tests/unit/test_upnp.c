/* Which of the machines that answer a search is the router. What is said to it then is miniupnpc's, and tried by
 * tests/e2e/portmap.sh. */
#include "gateway.h"

#include "host/upnp.h"

static void only_what_is_on_the_router_itself_is_its_upnp(void **state)
{
	struct kith_addr gateway = addr("192.168.1.1:0");
	(void)state;
	assert_true(kith_upnp_is_at("http://192.168.1.1:5000/rootDesc.xml", &gateway));
	assert_true(kith_upnp_is_at("http://192.168.1.1/rootDesc.xml", &gateway));
	assert_false(kith_upnp_is_at("http://192.168.1.10:5000/rootDesc.xml", &gateway));
	assert_false(kith_upnp_is_at("http://192.168.1.1.example.org/", &gateway));
	assert_false(kith_upnp_is_at("http://192.168.1.1@192.168.1.9/", &gateway));
	assert_false(kith_upnp_is_at("https://192.168.1.1/", &gateway));
	assert_false(kith_upnp_is_at("http://", &gateway));
	assert_false(kith_upnp_is_at(NULL, &gateway));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(only_what_is_on_the_router_itself_is_its_upnp) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
