#include "support.h"

#include "path/offer.h"

enum { V4 = 0, V6 = 1 };

static struct kith_candidate address(const char *text, uint8_t kind, uint16_t transport)
{
	struct kith_candidate c = { .kind = kind, .transport = transport };
	struct kith_addr addr;
	assert_int_equal(kith_addr_parse(&addr, text), 0);
	c.at = kith_endpoint_udp(&addr);
	return c;
}

static void add(struct kith_own_list *own, const char *text, uint8_t kind, uint16_t transport)
{
	assert_true(own->n < KITH_OWN_MAX);
	own->list[own->n++] = address(text, kind, transport);
}

/* The ways out, ten bridges for containers, nine temporary addresses, and a network that leads nowhere else. */
static struct kith_own_list laptop(unsigned seen)
{
	struct kith_own_list own = { 0 };
	char text[KITH_ADDR_TEXT_MAX];
	for (unsigned i = 0; i < seen; i++) {
		(void)snprintf(text, sizeof text, "20.0.0.%u:4000", 1 + i);
		add(&own, text, KITH_ADDR_OBSERVED, V4);
	}
	add(&own, "192.168.7.20:4000", KITH_ADDR_HOST, V4);
	add(&own, "[2001:db8::20]:4000", KITH_ADDR_HOST, V6);
	for (unsigned i = 0; i < 9; i++) {
		(void)snprintf(text, sizeof text, "172.%u.0.1:4000", 17 + i);
		add(&own, text, KITH_ADDR_HOST, V4);
		(void)snprintf(text, sizeof text, "[2001:db8:%u::1]:4000", 1 + i);
		if (i < 8 - seen)
			add(&own, text, KITH_ADDR_HOST, V6);
	}
	add(&own, "10.9.0.20:4000", KITH_ADDR_HOST, V4);
	return own;
}

static bool has(const struct kith_candidate list[], size_t n, const char *text)
{
	struct kith_candidate c = address(text, KITH_ADDR_HOST, V4);
	for (size_t i = 0; i < n; i++) {
		if (kith_endpoint_equal(&list[i].at, &c.at))
			return true;
	}
	return false;
}

static void those_that_fit_are_all_named_in_every_round(void **state)
{
	(void)state;
	struct kith_own_list own = { 0 };
	struct kith_candidates theirs = { 0 };
	struct kith_candidate first[KITH_CANDIDATES_MAX], list[KITH_CANDIDATES_MAX];
	assert_int_equal(kith_offer_choose(&own, &theirs, 1, first), 0);
	char text[KITH_ADDR_TEXT_MAX];
	for (unsigned i = 0; i < KITH_CANDIDATES_MAX; i++) {
		(void)snprintf(text, sizeof text, "20.0.0.%u:4000", 1 + i);
		add(&own, text, i < 2 ? KITH_ADDR_OBSERVED : KITH_ADDR_HOST, V4);
	}
	assert_int_equal(kith_offer_choose(&own, &theirs, 0, first), KITH_CANDIDATES_MAX);
	for (uint8_t round = 1; round < 9; round++) {
		assert_int_equal(kith_offer_choose(&own, &theirs, round, list), KITH_CANDIDATES_MAX);
		for (unsigned i = 0; i < KITH_CANDIDATES_MAX; i++) {
			kith_addr_format(&own.list[i].at.addr, text);
			assert_true(has(list, KITH_CANDIDATES_MAX, text));
		}
	}
}

static void the_ways_out_are_never_crowded_out(void **state)
{
	(void)state;
	for (unsigned seen = 0; seen <= 3; seen++) {
		struct kith_own_list own = laptop(seen);
		struct kith_candidates theirs = { 0 };
		for (uint8_t round = 1; round < 9; round++) {
			struct kith_candidate list[KITH_CANDIDATES_MAX];
			assert_int_equal(kith_offer_choose(&own, &theirs, round, list), KITH_CANDIDATES_MAX);
			assert_true(has(list, KITH_CANDIDATES_MAX, "192.168.7.20:4000"));
			assert_true(has(list, KITH_CANDIDATES_MAX, "[2001:db8::20]:4000"));
			for (unsigned i = 0; i < seen; i++)
				assert_int_equal(list[i].kind, KITH_ADDR_OBSERVED);
		}
	}
	/* Nor by what others see, whatever they say. */
	struct kith_own_list own = { 0 };
	struct kith_candidates theirs = { 0 };
	struct kith_candidate list[KITH_CANDIDATES_MAX];
	char text[KITH_ADDR_TEXT_MAX];
	for (unsigned i = 0; i < 12; i++) {
		(void)snprintf(text, sizeof text, "20.0.0.1:%u", 4000 + i);
		add(&own, text, KITH_ADDR_OBSERVED, V4);
	}
	add(&own, "192.168.7.20:4000", KITH_ADDR_HOST, V4);
	assert_int_equal(kith_offer_choose(&own, &theirs, 1, list), KITH_CANDIDATES_MAX);
	assert_true(has(list, KITH_CANDIDATES_MAX, "192.168.7.20:4000"));
}

static void an_address_on_a_network_of_the_peers_is_named_at_once(void **state)
{
	(void)state;
	struct kith_own_list own = laptop(2);
	struct kith_candidates theirs = { .generation = 1, .n = 1 };
	struct kith_candidate list[KITH_CANDIDATES_MAX];
	assert_false(has(list, kith_offer_choose(&own, &theirs, 1, list), "10.9.0.20:4000"));
	theirs.list[0] = address("10.9.0.77:5000", KITH_ADDR_HOST, V4);
	for (uint8_t round = 1; round < 9; round++)
		assert_true(has(list, kith_offer_choose(&own, &theirs, round, list), "10.9.0.20:4000"));
	theirs.list[0].kind = KITH_ADDR_OBSERVED; /* where it is seen says nothing about its networks */
	assert_false(has(list, kith_offer_choose(&own, &theirs, 1, list), "10.9.0.20:4000"));
}

/* A direct path came to life at it: that is worth more than a guess. */
static void an_address_that_worked_keeps_its_place(void **state)
{
	(void)state;
	for (unsigned seen = 0; seen <= 3; seen++) {
		struct kith_own_list own = laptop(seen);
		struct kith_candidates theirs = { 0 };
		struct kith_candidate list[KITH_CANDIDATES_MAX];
		own.list[own.n - 1].worked = true; /* 10.9.0.20 */
		for (uint8_t round = 0; round < 9; round++) {
			assert_int_equal(kith_offer_choose(&own, &theirs, round, list), KITH_CANDIDATES_MAX);
			assert_true(has(list, KITH_CANDIDATES_MAX, "10.9.0.20:4000"));
			assert_true(has(list, KITH_CANDIDATES_MAX, "192.168.7.20:4000"));
			assert_true(has(list, KITH_CANDIDATES_MAX, "[2001:db8::20]:4000"));
		}
	}
}

static void all_others_have_their_turn_within_the_four_rounds(void **state)
{
	(void)state;
	for (unsigned seen = 0; seen <= 2; seen++) {
		struct kith_own_list own = laptop(seen);
		struct kith_candidates theirs = { 0 };
		struct kith_candidate list[KITH_CANDIDATES_MAX];
		char text[KITH_ADDR_TEXT_MAX];
		for (unsigned i = 0; i < own.n; i++) {
			bool named = false;
			kith_addr_format(&own.list[i].at.addr, text);
			for (uint8_t round = 1; round <= 4 + seen; round++)
				named = has(list, kith_offer_choose(&own, &theirs, round, list), text) || named;
			assert_true(named);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(those_that_fit_are_all_named_in_every_round),
		cmocka_unit_test(the_ways_out_are_never_crowded_out),
		cmocka_unit_test(an_address_on_a_network_of_the_peers_is_named_at_once),
		cmocka_unit_test(an_address_that_worked_keeps_its_place),
		cmocka_unit_test(all_others_have_their_turn_within_the_four_rounds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
