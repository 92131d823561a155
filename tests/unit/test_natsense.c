/* What a few sightings say of many models of NATs, and what they do not say. */
#include "support.h"

#include "net/nat.h"
#include "path/natsense.h"

#define S ((kith_time_us)1000000)

enum { LOCAL_PORT = 5000, HOMES = 3 };

static struct kith_addr v4(uint8_t last, uint16_t port)
{
	return (struct kith_addr){ .family = KITH_FAMILY_V4, .port = port, .ip = { 30, 0, 0, last } };
}

static struct kith_sighting sighting(unsigned by, uint16_t port, kith_time_us at)
{
	return (struct kith_sighting){ .seen = v4(200, port),
				       .by = v4((uint8_t)(1 + by), 7000),
				       .at = at,
				       .transport = 1,
				       .local_port = LOCAL_PORT };
}

/* The class by those ports, one a home, mappings made apart_us after each other. */
static struct kith_natclass class_of(const uint16_t ports[], size_t n, kith_time_us apart_us)
{
	static const struct kith_natclass unknown;
	struct kith_sighting list[KITH_NATSENSE_MAX];
	struct kith_natclass out;
	for (size_t i = 0; i < n; i++)
		list[n - 1 - i] = sighting((unsigned)i, ports[i], (kith_time_us)(1 + i) * apart_us); /* in any order */
	kith_natsense(list, n, &unknown, &out);
	return out;
}

static void expect(struct kith_natclass c, const char *text)
{
	char out[KITH_NATCLASS_TEXT_MAX];
	assert_string_equal(kith_natclass_format(&c, out), text);
}

#define CLASS(apart, ...)                                                                                              \
	class_of((const uint16_t[]){ __VA_ARGS__ }, sizeof((uint16_t[]){ __VA_ARGS__ }) / sizeof(uint16_t), (apart))

static void one_address_for_all_is_an_independent_mapping(void **state)
{
	(void)state;
	expect(CLASS(S, 9000, 9000, 9000), "mapping=independent");
	expect(CLASS(S, 9000, 9000), "mapping=independent");
	expect(CLASS(S, LOCAL_PORT, LOCAL_PORT), "mapping=independent allocation=preserved");
	expect(CLASS(S, 9000), "unknown");
	expect(CLASS(S, LOCAL_PORT), "allocation=preserved");
	expect(class_of(NULL, 0, S), "unknown");
}

static void an_address_of_ones_own_is_no_nat(void **state)
{
	static const struct kith_natclass unknown;
	struct kith_natclass out;
	struct kith_sighting list[2] = { sighting(0, LOCAL_PORT, S), sighting(1, LOCAL_PORT, S) };
	(void)state;
	list[0].own = list[1].own = true;
	kith_natsense(list, 2, &unknown, &out);
	expect(out, "mapping=none");
	kith_natsense(list, 1, &unknown, &out);
	expect(out, "mapping=none");
	list[1].own = false; /* one of them lies */
	kith_natsense(list, 2, &unknown, &out);
	assert_int_not_equal(out.mapping, KITH_NATCLASS_MAPPING_NONE);
}

static void ports_few_steps_apart_are_an_allocation_in_steps(void **state)
{
	(void)state;
	expect(CLASS(S, 9000, 9001, 9002), "mapping=port allocation=step step=1");
	expect(CLASS(S, 9000, 9002, 9006), "mapping=port allocation=step step=2");
	expect(CLASS(S, 9000, 9003, 9010), "mapping=port allocation=step step=1"); /* others took some */
	expect(CLASS(S, 65534, 0xffff, 3), "mapping=port allocation=step step=1"); /* over the end */
	expect(CLASS(S, 9000, 9002, 9001), "mapping=port allocation=step step=1"); /* answers overtook each other */
}

static void what_two_ports_or_far_apart_ones_do_not_tell_stays_unknown(void **state)
{
	(void)state;
	expect(CLASS(S, 9000, 9001), "mapping=port"); /* by chance in a block, once in sixteen */
	expect(CLASS(S, 9002, 9001, 9000), "mapping=port"); /* falling */
	expect(CLASS(60 * S, 9000, 9400, 9900), "mapping=port"); /* made a minute apart: steps, or a block? */
	expect(CLASS(S, 9000, 9001, 9100), "mapping=port"); /* steps with much traffic, or a block */
	expect(CLASS(S, 9000, 10000, 12000), "mapping=port"); /* a large block, or chance */
	expect(CLASS(S, 9000, 30000), "mapping=port");
}

static void ports_in_a_small_range_are_a_block_and_others_random(void **state)
{
	(void)state;
	expect(CLASS(S, 9000, 9300, 9301), "mapping=port allocation=block low=9000 high=9301");
	expect(CLASS(S, 9000, 9400, 9100), "mapping=port allocation=block low=9000 high=9400");
	expect(CLASS(S, 9000, 29400, 61000), "mapping=port allocation=random low=9000 high=61000");
}

static void steps_are_known_from_two_ports_when_a_third_is_far_and_old(void **state)
{
	static const struct kith_natclass unknown;
	struct kith_natclass out;
	struct kith_sighting list[3] = { sighting(0, 9000, S), sighting(1, 20000, 400 * S),
					 sighting(2, 20001, 401 * S) };
	(void)state;
	kith_natsense(list, 3, &unknown, &out);
	expect(out, "mapping=port allocation=step step=1");
}

static void what_was_found_before_holds_until_it_is_contradicted(void **state)
{
	struct kith_natclass steps = CLASS(S, 9000, 9002, 9004), out;
	struct kith_sighting list[3] = { sighting(0, 9000, S), sighting(1, 9500, 90 * S), sighting(2, 9900, 200 * S) };
	(void)state;
	kith_natsense(list, 3, &steps, &out);
	expect(out, "mapping=port allocation=step step=2");
	list[1] = sighting(1, 9901, 199 * S), list[2] = sighting(2, 9904, 200 * S);
	list[0] = sighting(0, 9900, 198 * S);
	kith_natsense(list, 3, &steps, &out); /* 1 and 3: the steps were smaller */
	expect(out, "mapping=port allocation=step step=1");
	for (unsigned i = 0; i < 3; i++)
		list[i].seen = v4(200, 9000);
	kith_natsense(list, 3, &steps, &out); /* another network */
	expect(out, "mapping=independent");
	for (unsigned i = 0; i < 3; i++)
		list[i] = sighting(i, (uint16_t)(9000 + 20000 * i), (1 + i) * S);
	kith_natsense(list, 3, &steps, &out);
	assert_int_equal(out.allocation, KITH_NATCLASS_ALLOCATION_RANDOM);
	assert_int_equal(out.step, 0);
}

static void a_range_grows_with_what_is_seen_of_it(void **state)
{
	struct kith_natclass block = CLASS(S, 9000, 9400, 9100), out;
	const uint16_t more[] = { 9050, 9410, 9200 };
	struct kith_sighting list[3];
	(void)state;
	for (unsigned i = 0; i < 3; i++)
		list[i] = sighting(i, more[i], (1 + i) * S);
	kith_natsense(list, 3, &block, &out);
	expect(out, "mapping=port allocation=block low=9000 high=9410");
}

static void two_ports_of_one_supernode_tell_an_address_from_a_port(void **state)
{
	static const struct kith_natclass unknown;
	struct kith_natclass out;
	struct kith_sighting list[3] = { sighting(0, 9000, S), sighting(0, 9000, S), sighting(1, 9001, 2 * S) };
	(void)state;
	list[1].by.port = 7001;
	kith_natsense(list, 3, &unknown, &out);
	assert_int_equal(out.mapping, KITH_NATCLASS_MAPPING_ADDRESS);
}

static void other_transports_families_and_second_words_do_not_count(void **state)
{
	static const struct kith_natclass unknown;
	struct kith_natclass out;
	struct kith_sighting list[4] = { sighting(0, 9000, S), sighting(1, 9000, S), sighting(2, 1, S),
					 sighting(1, 9700, S) };
	(void)state;
	list[2].transport = 2;
	kith_natsense(list, 4, &unknown, &out);
	expect(out, "mapping=independent");
	list[2].transport = 1;
	list[2].seen.family = KITH_FAMILY_V6;
	kith_natsense(list, 4, &unknown, &out);
	expect(out, "mapping=independent");
}

/* The class of each of the laboratory's NATs, by three homes that were spoken to 80 ms after each other, while others
 * behind the NAT open a flow now and then. */
static void every_model_is_told_for_what_it_is(void **state)
{
	static const struct {
		const char *preset;
		uint8_t mapping, allocation;
		unsigned wrong_max; /* of 400: by chance */
	} want[] = {
		{ "full-cone", KITH_NATCLASS_MAPPING_INDEPENDENT, KITH_NATCLASS_ALLOCATION_PRESERVED, 0 },
		{ "port-restricted", KITH_NATCLASS_MAPPING_INDEPENDENT, KITH_NATCLASS_ALLOCATION_PRESERVED, 0 },
		{ "cgn", KITH_NATCLASS_MAPPING_INDEPENDENT, KITH_NATCLASS_ALLOCATION_UNKNOWN, 2 },
		{ "linux-masquerade", KITH_NATCLASS_MAPPING_INDEPENDENT, KITH_NATCLASS_ALLOCATION_PRESERVED, 0 },
		{ "symmetric-sequential", KITH_NATCLASS_MAPPING_PORT, KITH_NATCLASS_ALLOCATION_STEP, 0 },
		{ "symmetric-block", KITH_NATCLASS_MAPPING_PORT, KITH_NATCLASS_ALLOCATION_BLOCK, 60 },
		{ "symmetric-random", KITH_NATCLASS_MAPPING_PORT, KITH_NATCLASS_ALLOCATION_RANDOM, 20 },
	};
	enum { TRIALS = 400 };
	(void)state;
	for (size_t k = 0; k < sizeof want / sizeof want[0]; k++) {
		unsigned wrong = 0, wrong_steps = 0;
		for (uint64_t seed = 1; seed <= TRIALS; seed++) {
			struct test_alloc alloc;
			struct kith_nat_options o;
			struct kith_nat nat;
			struct kith_addr outside = v4(200, 0),
					 inside = { .family = KITH_FAMILY_V4, .ip = { 10, 0, 0, 2 } };
			uint16_t ports[HOMES];
			test_alloc_init(&alloc);
			assert_int_equal(kith_nat_options_preset(&o, want[k].preset), 0);
			assert_int_equal(kith_nat_init(&nat, &o, &alloc.alloc, &outside, seed), 0);
			inside.port = LOCAL_PORT;
			for (unsigned i = 0; i < HOMES; i++) {
				kith_time_us now = (kith_time_us)i * S / 12;
				struct kith_nat_packet other = { .src = inside,
								 .dst = v4(99, (uint16_t)(i + 1)),
								 .ttl = 64 };
				struct kith_nat_packet p = { .src = inside,
							     .dst = v4((uint8_t)(1 + i), 7000),
							     .ttl = 64 };
				other.src.ip[3] = 3;
				other.src.port = (uint16_t)(6000 + i);
				if ((seed + i) % 3 == 0)
					(void)kith_nat_outbound(&nat, now, &other);
				assert_int_equal(kith_nat_outbound(&nat, now, &p), KITH_NAT_PASS);
				ports[i] = p.src.port;
			}
			struct kith_natclass c = class_of(ports, HOMES, S / 12);
			wrong += c.mapping != want[k].mapping || c.allocation != want[k].allocation;
			wrong_steps += c.allocation == KITH_NATCLASS_ALLOCATION_STEP &&
				       want[k].allocation != KITH_NATCLASS_ALLOCATION_STEP;
			kith_nat_deinit(&nat);
			test_alloc_check(&alloc);
		}
		if (wrong > want[k].wrong_max)
			fail_msg("%s: %u of %d are wrong", want[k].preset, wrong, TRIALS);
		assert_in_range(wrong_steps, 0, 6);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_address_for_all_is_an_independent_mapping),
		cmocka_unit_test(an_address_of_ones_own_is_no_nat),
		cmocka_unit_test(ports_few_steps_apart_are_an_allocation_in_steps),
		cmocka_unit_test(what_two_ports_or_far_apart_ones_do_not_tell_stays_unknown),
		cmocka_unit_test(ports_in_a_small_range_are_a_block_and_others_random),
		cmocka_unit_test(steps_are_known_from_two_ports_when_a_third_is_far_and_old),
		cmocka_unit_test(what_was_found_before_holds_until_it_is_contradicted),
		cmocka_unit_test(a_range_grows_with_what_is_seen_of_it),
		cmocka_unit_test(two_ports_of_one_supernode_tell_an_address_from_a_port),
		cmocka_unit_test(other_transports_families_and_second_words_do_not_count),
		cmocka_unit_test(every_model_is_told_for_what_it_is),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
