/* Mixes of NATs as they are written on a command line. */
#include "support.h"

#include "net/draw.h"
#include "sim/simnat.h"

static void reads_what_it_writes(void **state)
{
	(void)state;
	struct kith_simnat_mix a, b;
	char text[300], again[300];
	assert_int_equal(kith_simnat_mix_parse(&a, "port-restricted=60,symmetric=20,open=1"), 0);
	kith_simnat_mix_format(&a, text, sizeof text);
	assert_string_equal(text, "open=1,port-restricted=60,symmetric-random=20");
	assert_int_equal(kith_simnat_mix_parse(&b, text), 0);
	assert_memory_equal(&a, &b, sizeof a);
	kith_simnat_mix_init(&a);
	kith_simnat_mix_format(&a, text, sizeof text);
	assert_int_equal(kith_simnat_mix_parse(&b, text), 0);
	kith_simnat_mix_format(&b, again, sizeof again);
	assert_string_equal(text, again);
}

static void refuses_what_makes_no_sense(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"",
		"open",
		"open=",
		"open=x",
		"open=0",
		"nat=3",
		"open=1,",
		"open=1,,cgn=1",
		"open=1,open=2",
		"=3",
		"open=1 cgn=2",
		"open=-1",
		"open=99999999999",
		"symmetric=1,symmetric-random=1",
		"open==1",
		",open=1",
	};
	struct kith_simnat_mix mix;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(kith_simnat_mix_parse(&mix, bad[i]), KITH_EINVAL);
}

static void cuts_a_text_that_does_not_fit(void **state)
{
	(void)state;
	struct kith_simnat_mix mix;
	char text[12];
	kith_simnat_mix_init(&mix);
	kith_simnat_mix_format(&mix, text, sizeof text);
	assert_true(strlen(text) < sizeof text);
}

static void picks_by_weight(void **state)
{
	(void)state;
	struct kith_simnat_mix mix;
	uint32_t picked[KITH_SIMNAT_KINDS_MAX] = { 0 };
	assert_int_equal(kith_simnat_mix_parse(&mix, "open=1,cgn=3"), 0);
	for (uint64_t i = 0; i < 4000; i++)
		picked[kith_simnat_pick(&mix, kith_draw(1, 2, i))]++;
	assert_in_range(picked[KITH_SIMNAT_OPEN], 900, 1100);
	uint32_t cgn = 0;
	while (!kith_simnat_is_cgn(cgn))
		cgn++;
	assert_int_equal(picked[KITH_SIMNAT_OPEN] + picked[cgn], 4000);
}

static void shares_of_pairs_are_by_weight_and_all_together_are_one(void **state)
{
	struct kith_simnat_mix mix = { { 0 } };
	double sum = 0;
	(void)state;
	mix.weight[1] = 1;
	mix.weight[4] = 3;
	assert_true(kith_simnat_share(&mix, 1, 1) == 1.0 / 16 && kith_simnat_share(&mix, 4, 1) == 6.0 / 16);
	for (unsigned a = 0; a < KITH_SIMNAT_KINDS_MAX; a++)
		for (unsigned b = a; b < KITH_SIMNAT_KINDS_MAX; b++)
			sum += kith_simnat_share(&mix, a, b);
	assert_true(sum == 1);
}

static void gives_the_kinds_that_have_a_weight_in_turn(void **state)
{
	struct kith_simnat_mix mix = { { 0 } };
	(void)state;
	mix.weight[1] = 5;
	mix.weight[4] = 1;
	for (uint32_t n = 0; n < 6; n++)
		assert_int_equal(kith_simnat_turn(&mix, n), n % 2 == 0 ? 1 : 4);
}

static void knows_which_kinds_let_no_udp_through(void **state)
{
	(void)state;
	unsigned blocked = 0, n = 0;
	for (; kith_simnat_name(n) != NULL; n++) {
		assert_true(n < KITH_SIMNAT_KINDS_MAX);
		blocked += kith_simnat_blocked(n);
	}
	assert_int_equal(blocked, 2);
	assert_false(kith_simnat_blocked(KITH_SIMNAT_OPEN));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_it_writes),
		cmocka_unit_test(refuses_what_makes_no_sense),
		cmocka_unit_test(cuts_a_text_that_does_not_fit),
		cmocka_unit_test(picks_by_weight),
		cmocka_unit_test(shares_of_pairs_are_by_weight_and_all_together_are_one),
		cmocka_unit_test(gives_the_kinds_that_have_a_weight_in_turn),
		cmocka_unit_test(knows_which_kinds_let_no_udp_through),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
