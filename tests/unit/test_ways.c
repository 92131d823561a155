/* The ways to a supernode, and in which order. */
#include "two_kinds.h"

#include "base/addr.h"
#include "link/ways.h"

/* A host that nobody has configured, with those endpoints. */
static struct kith_host stranger(const struct kith_endpoint at[], uint8_t n)
{
	struct kith_host host = { .dh = { { 7 } }, .endpoints_n = n };
	memcpy(host.endpoints, at, n * sizeof at[0]);
	return host;
}

static struct kith_endpoint at(const char *text, uint8_t kind)
{
	struct kith_endpoint e = { .kind = kind };
	assert_int_equal(kith_addr_parse(&e.addr, text), 0);
	return e;
}

static void add_transport(struct two_kinds *t, uint16_t id, uint8_t kind, uint8_t family)
{
	struct kith_transport tr = { .id = id, .kind = kind, .family = family, .up = true };
	tr.cost_ms = kind == KITH_TRANSPORT_UDP ? 0 : 30;
	assert_int_equal(kith_core_transport(t->w.nodes[ALICE].core, world_clock(&t->w), &tr), 0);
	world_drain(&t->w, ALICE);
}

static void the_second_way_is_of_another_family_or_kind(void **state)
{
	(void)state;
	struct two_kinds *t = two_kinds_new(false);
	struct kith_core *c = t->w.nodes[ALICE].core;
	struct kith_hop ways[KITH_HOST_ENDPOINTS_MAX], better[KITH_HOST_ENDPOINTS_MAX];
	const struct kith_endpoint list[] = { at("99.1.1.1:4433", KITH_TRANSPORT_UDP),
					      at("[2a55::1]:4433", KITH_TRANSPORT_UDP),
					      at("[2a55::1]:443", KITH_TRANSPORT_TCP),
					      at("99.1.1.1:443", KITH_TRANSPORT_TCP) };
	struct kith_host host = stranger(list, 4);
	assert_int_equal(kith_ways_to(c, &host, NULL, ways), 2); /* UDP over v4, TCP over v6 */
	add_transport(t, 2, KITH_TRANSPORT_UDP, KITH_FAMILY_V6);
	add_transport(t, 3, KITH_TRANSPORT_TCP, KITH_FAMILY_V4);
	assert_int_equal(kith_ways_to(c, &host, NULL, ways), 4);
	assert_true(kith_addr_equal(&ways[0].remote, &list[0].addr) && ways[0].transport == 0);
	assert_true(kith_addr_equal(&ways[1].remote, &list[1].addr) && ways[1].transport == 2);
	assert_true(kith_addr_equal(&ways[2].remote, &list[2].addr) && ways[2].transport == 1);
	assert_true(kith_addr_equal(&ways[3].remote, &list[3].addr) && ways[3].transport == 3);
	assert_int_equal(kith_ways_better(c, &host, &ways[0], better), 0);
	assert_int_equal(kith_ways_better(c, &host, &ways[2], better), 2); /* TCP costs something */
	assert_true(kith_hop_equal(&better[0], &ways[0]) && kith_hop_equal(&better[1], &ways[1]));
	kith_transports_mute(&c->transports, 2, true); /* and what is mute is not brought forward */
	assert_int_equal(kith_ways_to(c, &host, NULL, ways), 4);
	assert_int_equal(ways[1].transport, 1);
	two_kinds_free(t);
}

/* A NAT's addresses are known to those only who are spoken to by IPv4. */
static void a_leaf_begins_with_ipv4(void **state)
{
	(void)state;
	struct two_kinds *t = two_kinds_new(false);
	struct kith_core *c = t->w.nodes[ALICE].core;
	struct kith_hop ways[KITH_HOST_ENDPOINTS_MAX];
	uint16_t transport = 99;
	const struct kith_endpoint list[] = { at("[2a55::1]:4433", KITH_TRANSPORT_UDP),
					      at("[2a55::2]:4433", KITH_TRANSPORT_UDP),
					      at("99.1.1.1:4433", KITH_TRANSPORT_UDP),
					      at("99.1.1.1:443", KITH_TRANSPORT_TCP) };
	struct kith_host host = stranger(list, 4);
	add_transport(t, 2, KITH_TRANSPORT_UDP, KITH_FAMILY_V6);
	add_transport(t, 3, KITH_TRANSPORT_TCP, KITH_FAMILY_V4);
	assert_int_equal(kith_ways_to(c, &host, NULL, ways), 4);
	assert_true(kith_addr_equal(&ways[0].remote, &list[2].addr) && ways[0].transport == 0);
	assert_true(kith_addr_equal(&ways[1].remote, &list[0].addr) && ways[1].transport == 2);
	assert_true(kith_ways_transport(c, &host, &transport) && transport == 0);
	struct kith_hop better[KITH_HOST_ENDPOINTS_MAX];
	assert_int_equal(kith_ways_better(c, &host, &ways[0], better), 0);
	assert_int_equal(kith_ways_better(c, &host, &ways[1], better), 1); /* IPv6 */
	assert_true(kith_hop_equal(&better[0], &ways[0]));
	/* Not where it is silent, and not by another kind. */
	kith_transports_mute(&c->transports, 0, true);
	assert_int_equal(kith_ways_to(c, &host, NULL, ways), 4);
	assert_int_equal(ways[0].transport, 2);
	assert_true(kith_ways_transport(c, &host, &transport) && transport == 2);
	two_kinds_free(t);
}

/* The operator says where a host is; what gets through there shows. Whoever else names an address names what it
 * speaks. */
static void what_is_configured_is_tried_by_every_kind(void **state)
{
	(void)state;
	struct two_kinds *t = two_kinds_new(false);
	struct kith_core *c = t->w.nodes[ALICE].core;
	struct kith_hop ways[KITH_HOST_ENDPOINTS_MAX];
	const struct kith_endpoint configured = world_endpoint(S0), other = at("99.1.1.1:4433", KITH_TRANSPORT_UDP);
	struct kith_host host = stranger(&configured, 1);
	add_transport(t, 3, KITH_TRANSPORT_TCP, KITH_FAMILY_V4);
	assert_int_equal(kith_ways_to(c, &host, NULL, ways), 2);
	assert_true(ways[0].transport == 0 && ways[1].transport == 3);
	assert_true(kith_addr_equal(&ways[1].remote, &configured.addr));
	host = stranger(&other, 1);
	assert_int_equal(kith_ways_to(c, &host, NULL, ways), 1);
	uint16_t from = 9; /* as a witness wants it */
	host = stranger(&configured, 1);
	assert_int_equal(kith_ways_to(c, &host, &from, ways), 1);
	assert_int_equal(ways[0].transport, 9);
	two_kinds_free(t);
}

/* A web server is no supernode by other kinds, nor is a supernode a web server. */
static void what_has_a_url_is_reached_by_that_only(void **state)
{
	(void)state;
	struct two_kinds *t = two_kinds_new(false);
	struct kith_core *c = t->w.nodes[ALICE].core;
	struct kith_hop ways[KITH_HOST_ENDPOINTS_MAX];
	struct kith_endpoint configured = world_endpoint(S0);
	struct kith_host host = stranger(&configured, 1);
	add_transport(t, 3, KITH_TRANSPORT_TCP, KITH_FAMILY_V4);
	add_transport(t, 4, KITH_TRANSPORT_TLS, KITH_FAMILY_V4);
	assert_int_equal(kith_ways_to(c, &host, NULL, ways), 2);
	assert_true(ways[0].transport == 0 && ways[1].transport == 3);
	configured.kind = KITH_TRANSPORT_TLS;
	host = stranger(&configured, 1);
	assert_int_equal(kith_ways_to(c, &host, NULL, ways), 1);
	assert_int_equal(ways[0].transport, 4);
	two_kinds_free(t);
}

static void where_others_may_not_be_contacted_there_is_no_way(void **state)
{
	(void)state;
	struct two_kinds *t = two_kinds_new(false);
	struct kith_hop ways[KITH_HOST_ENDPOINTS_MAX];
	const struct kith_endpoint list[] = { at("99.1.1.1:22", KITH_TRANSPORT_UDP),
					      at("[fe80::1]:443", KITH_TRANSPORT_TCP) };
	struct kith_host host = stranger(list, 2);
	assert_int_equal(kith_ways_to(t->w.nodes[ALICE].core, &host, NULL, ways), 0);
	assert_int_equal(world_stat(&t->w, ALICE, KITH_STAT_HOSTS_REFUSED), 2);
	two_kinds_free(t);
}

/* What was asked first, and of whom another way answered. */
static struct kith_handshake tried(const struct kith_hop ways[2], uint8_t tries)
{
	struct kith_handshake hs = { .ways_n = 2, .tries = tries };
	hs.ways[0] = ways[0];
	hs.ways[1] = ways[1];
	return hs;
}

static void what_is_mute_comes_last_until_it_speaks(void **state)
{
	(void)state;
	struct two_kinds *t = two_kinds_new(true);
	struct kith_core *c = t->w.nodes[ALICE].core;
	struct kith_hop ways[KITH_HOST_ENDPOINTS_MAX], better[KITH_HOST_ENDPOINTS_MAX];
	const struct kith_endpoint list[] = { at("99.1.1.1:4433", KITH_TRANSPORT_UDP),
					      at("[2a55::1]:443", KITH_TRANSPORT_TCP) };
	struct kith_host host = stranger(list, 2);
	assert_int_equal(kith_ways_to(c, &host, NULL, ways), 2);
	struct kith_handshake hs = tried(ways, 1);
	assert_int_equal(kith_ways_other(c, &hs), 1);
	kith_ways_answered(c, &hs, &ways[1]); /* before the first was waited for */
	assert_false(kith_transports_is_mute(&c->transports, 0));
	hs.tries = 2;
	kith_ways_answered(c, &hs, &ways[1]);
	assert_true(kith_transports_is_mute(&c->transports, 0));
	struct kith_hop now[KITH_HOST_ENDPOINTS_MAX];
	assert_int_equal(kith_ways_to(c, &host, NULL, now), 2);
	assert_true(kith_hop_equal(&now[0], &ways[1]) && kith_hop_equal(&now[1], &ways[0]));
	assert_int_equal(kith_ways_better(c, &host, &ways[1], better), 1); /* it is better, all the same */
	assert_true(kith_hop_equal(&better[0], &ways[0]));
	hs = tried(now, 1);
	kith_ways_answered(c, &hs, &ways[0]);
	assert_false(kith_transports_is_mute(&c->transports, 0));
	two_kinds_free(t);
}

/* One host that is not there by one kind says nothing about that kind, where others are. */
static void what_others_are_reached_by_is_not_mute(void **state)
{
	(void)state;
	struct two_kinds *t = two_kinds_new(false);
	struct kith_core *c = t->w.nodes[ALICE].core;
	struct kith_hop ways[KITH_HOST_ENDPOINTS_MAX];
	world_run(&t->w, 5 * KITH_US_PER_S);
	assert_int_equal(homes_over(t, 0), 3);
	const struct kith_endpoint list[] = { at("99.1.1.1:4433", KITH_TRANSPORT_UDP),
					      at("[2a55::1]:443", KITH_TRANSPORT_TCP) };
	struct kith_host host = stranger(list, 2);
	assert_int_equal(kith_ways_to(c, &host, NULL, ways), 2);
	struct kith_handshake hs = tried(ways, 3);
	kith_ways_answered(c, &hs, &ways[1]);
	assert_false(kith_transports_is_mute(&c->transports, 0));
	two_kinds_free(t);
}

static void what_the_host_tells_of_a_transport_ends_its_silence(void **state)
{
	(void)state;
	struct two_kinds *t = two_kinds_new(true);
	struct kith_core *c = t->w.nodes[ALICE].core;
	kith_transports_mute(&c->transports, 0, true);
	kith_transports_mute(&c->transports, 300, true); /* one of many of a punch: nothing is noted */
	assert_false(kith_transports_is_mute(&c->transports, 300));
	world_link(&t->w, ALICE, 0, true);
	assert_false(kith_transports_is_mute(&c->transports, 0));
	two_kinds_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_second_way_is_of_another_family_or_kind),
		cmocka_unit_test(a_leaf_begins_with_ipv4),
		cmocka_unit_test(what_is_configured_is_tried_by_every_kind),
		cmocka_unit_test(what_has_a_url_is_reached_by_that_only),
		cmocka_unit_test(where_others_may_not_be_contacted_there_is_no_way),
		cmocka_unit_test(what_is_mute_comes_last_until_it_speaks),
		cmocka_unit_test(what_others_are_reached_by_is_not_mute),
		cmocka_unit_test(what_the_host_tells_of_a_transport_ends_its_silence),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
