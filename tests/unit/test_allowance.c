/* What one identity may ask for and hold: each charge has its rate, nobody spends another's, tables are bounded. */
#include "support.h"

#include "session/allowance.h"
#include "wire/body.h"

struct fixture {
	struct test_alloc alloc;
	struct test_random random;
	struct kith_allowance a;
};

static void init(struct fixture *f, uint32_t known_max, uint32_t strangers_max)
{
	test_alloc_init(&f->alloc);
	test_random_init(&f->random, 1);
	kith_allowance_init(&f->a, &f->alloc.alloc, &f->random.random, known_max, strangers_max);
}

static void deinit(struct fixture *f)
{
	kith_allowance_deinit(&f->a);
	test_alloc_check(&f->alloc);
}

/* How many of so many more than a burst are allowed. */
static uint32_t spend(struct fixture *f, kith_time_us now, uint64_t who, enum kith_charge charge)
{
	uint32_t n = 0, tries = kith_charge_rates()[charge].burst + 5;
	for (uint32_t i = 0; i < tries; i++)
		n += kith_allowance_spend(&f->a, now, who, charge);
	return n;
}

static void each_charge_has_its_burst_and_its_rate(void **state)
{
	struct fixture f;
	(void)state;
	init(&f, 1024, 1024);
	for (unsigned i = 0; i < KITH_CHARGES_N; i++) {
		const enum kith_charge charge = (enum kith_charge)i;
		const struct kith_rate *rate = &kith_charge_rates()[charge];
		const kith_time_us second = (kith_time_us)rate->seconds * KITH_US_PER_S;
		assert_int_equal(spend(&f, 0, 7, charge), rate->burst);
		assert_int_equal(spend(&f, second, 7, charge), rate->tokens < rate->burst ? rate->tokens : rate->burst);
		assert_int_equal(spend(&f, second, 8, charge), rate->burst); /* another's */
	}
	deinit(&f);
}

static void what_strangers_do_leaves_the_known_their_room(void **state)
{
	enum { KNOWN = 16, STRANGERS = 8 };
	struct fixture f;
	(void)state;
	init(&f, KNOWN, STRANGERS);
	assert_int_equal(spend(&f, 0, 1, KITH_CHARGE_LOOKUP), KITH_LOOKUPS_BURST);
	for (uint64_t prefix = 100; prefix < 1100; prefix++)
		assert_true(kith_allowance_spend(&f.a, 0, prefix, KITH_CHARGE_HINT));
	assert_int_equal(f.a.strangers.buckets.n, STRANGERS);
	assert_int_equal(spend(&f, 0, 1, KITH_CHARGE_LOOKUP), 0); /* it is not forgotten what it spent */
	for (uint64_t who = 100; who < 1100; who++)
		assert_true(kith_allowance_spend(&f.a, 0, who, KITH_CHARGE_LOOKUP)); /* newcomers find room */
	assert_int_equal(f.a.known.buckets.n, KNOWN);
	kith_allowance_widen(&f.a, 2 * KNOWN, 1);
	assert_true(kith_allowance_spend(&f.a, 0, 5000, KITH_CHARGE_LOOKUP));
	assert_int_equal(f.a.known.buckets.n, KNOWN + 1);
	assert_int_equal(f.a.strangers.buckets.max, STRANGERS);
	deinit(&f);
}

static void an_identity_holds_its_share_of_each_table(void **state)
{
	struct fixture f;
	(void)state;
	init(&f, 16, 16);
	for (unsigned i = 0; i < KITH_HOLDINGS_N; i++) {
		const enum kith_holding holding = (enum kith_holding)i;
		uint32_t n = 0;
		assert_int_equal(kith_allowance_held(&f.a, 7, holding), 0);
		while (n < 2 * KITH_WATCHES_MOST && kith_allowance_take(&f.a, 7, holding))
			n++;
		assert_int_equal(n, kith_holding_most(holding));
		assert_int_equal(kith_allowance_held(&f.a, 7, holding), n);
		assert_int_equal(kith_allowance_held(&f.a, 8, holding), 0);
		assert_true(kith_allowance_take(&f.a, 8, holding));
		kith_allowance_give(&f.a, 7, holding);
		assert_true(kith_allowance_take(&f.a, 7, holding));
		assert_false(kith_allowance_take(&f.a, 7, holding));
	}
	deinit(&f);
}

/* Takes of a table of so many what one identity can get; returns how many it holds then. */
static uint32_t take_all(struct fixture *f, uint64_t who, uint32_t max, uint32_t *taken)
{
	while (kith_allowance_take_of(&f->a, who, KITH_HOLDING_WATCH, max - *taken) == 0)
		(*taken)++;
	return kith_allowance_held(&f->a, who, KITH_HOLDING_WATCH);
}

static void of_what_is_free_an_identity_gets_a_quarter(void **state)
{
	enum { TABLE = 100000, GREEDY = 16 };
	struct fixture f;
	uint32_t taken = 0, of_all = 0;
	(void)state;
	init(&f, 1024, 1024);
	assert_in_range(take_all(&f, 1, TABLE, &taken), TABLE / 5 - 1, TABLE / 5 + 1);
	/* Each takes what it can, again and again as others come. */
	for (uint64_t who = 1; who <= GREEDY; who++)
		(void)take_all(&f, who, TABLE, &taken);
	for (uint64_t who = 1; who <= GREEDY; who++) {
		(void)take_all(&f, who, TABLE, &taken);
		of_all += kith_allowance_held(&f.a, who, KITH_HOLDING_WATCH);
	}
	assert_int_equal(of_all, taken);
	assert_true(taken < TABLE - TABLE / 1000);
	assert_true(take_all(&f, 99, TABLE, &taken) > 0); /* who was never seen */
	while (taken < TABLE) {
		assert_int_equal(kith_allowance_take_of(&f.a, 1000 + taken, KITH_HOLDING_WATCH, TABLE - taken), 0);
		taken++;
	}
	assert_int_equal(kith_allowance_take_of(&f.a, 7777777, KITH_HOLDING_WATCH, 0), KITH_ELIMIT);
	deinit(&f);
}

static void each_request_kind_has_a_charge(void **state)
{
	(void)state;
#define KIND(name, value, who)                                                                                         \
	{                                                                                                              \
		enum kith_charge charge = KITH_CHARGES_N;                                                              \
		(void)kith_request_charged((value), &charge);                                                          \
		assert_in_range(charge, 0, KITH_CHARGES_N - 1);                                                        \
	}
	KITH_REQUEST_MAP(KIND)
#undef KIND
	enum kith_charge none = KITH_CHARGES_N;
	assert_false(kith_request_charged(255, &none));
	assert_int_equal(none, KITH_CHARGES_N);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_charge_has_its_burst_and_its_rate),
		cmocka_unit_test(what_strangers_do_leaves_the_known_their_room),
		cmocka_unit_test(an_identity_holds_its_share_of_each_table),
		cmocka_unit_test(of_what_is_free_an_identity_gets_a_quarter),
		cmocka_unit_test(each_request_kind_has_a_charge),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
