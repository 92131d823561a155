#include "support.h"

#include "overlay/office.h"

static const kith_time_us start = 10 * KITH_US_PER_S, patience = 30 * KITH_US_PER_S;

static struct kith_office office_of(enum kith_role role, enum kith_consent consent)
{
	const struct kith_terms terms = { .consent = consent };
	struct kith_office o;
	kith_office_init(&o, role, &terms, start);
	o.certified = o.configured = true;
	o.leaves_max = KITH_OFFICE_LEAVES_LEAST;
	return o;
}

static struct kith_endpoint at(uint8_t last)
{
	const struct kith_addr addr = { .family = KITH_FAMILY_V4, .port = 4433, .ip = { 198, 51, 100, last } };
	return kith_endpoint_udp(&addr);
}

static void a_leaf_is_never_asked_and_never_begins(void **state)
{
	struct kith_office o = office_of(KITH_ROLE_LEAF, KITH_CONSENT_YES);
	(void)state;
	assert_int_equal(kith_office_ask(&o, start, patience), KITH_EACCES);
	assert_int_equal(kith_office_ask(NULL, start, patience), KITH_EACCES);
	assert_int_equal(o.begin, KITH_ROLE_WHY_NONE);
	assert_int_equal(kith_office_why(&o, start, true), KITH_ROLE_WHY_LEAF);
}

static void one_that_consents_begins_when_asked_and_not_before(void **state)
{
	struct kith_office o = office_of(KITH_ROLE_AUTO, KITH_CONSENT_YES);
	(void)state;
	assert_int_equal(kith_office_why(&o, start, true), KITH_ROLE_WHY_NOT_ASKED);
	assert_int_equal(o.begin, KITH_ROLE_WHY_NONE);
	assert_int_equal(kith_office_ask(&o, start, patience), 0);
	assert_int_equal(o.begin, KITH_ROLE_WHY_HELP);
	kith_office_began(&o, KITH_ROLE_WHY_HELP, start + 5);
	assert_int_equal(o.begin, KITH_ROLE_WHY_NONE);
	assert_int_equal(kith_office_why(&o, start, true), KITH_ROLE_WHY_HELP);
	assert_int_equal(kith_office_ask(&o, start, patience), KITH_ESTATE);
	assert_true(o.since == start + 5);
}

static void the_first_obstacle_is_told(void **state)
{
	static const struct {
		enum kith_consent consent;
		unsigned hindrances;
		bool certified, configured, seen;
		enum kith_role_reason why;
	} rows[] = {
		{ KITH_CONSENT_NO, 3, false, false, false, KITH_ROLE_WHY_REFUSED },
		{ KITH_CONSENT_YES, 3, false, false, false, KITH_ROLE_WHY_BATTERY },
		{ KITH_CONSENT_YES, KITH_HINDRANCE_METERED, false, false, false, KITH_ROLE_WHY_METERED },
		{ KITH_CONSENT_YES, 0, false, false, false, KITH_ROLE_WHY_NO_ADDRESS },
		{ KITH_CONSENT_YES, 0, false, false, true, KITH_ROLE_WHY_UNPROVEN },
		{ KITH_CONSENT_YES, 0, false, true, false, KITH_ROLE_WHY_UNPROVEN },
		{ KITH_CONSENT_YES, 0, true, false, true, KITH_ROLE_WHY_UNPROVEN }, /* it may be a NAT's */
		{ KITH_CONSENT_YES, 0, true, true, false, KITH_ROLE_WHY_NOT_ASKED },
		{ KITH_CONSENT_ASK, 0, true, true, true, KITH_ROLE_WHY_NOT_ASKED },
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct kith_office o = office_of(KITH_ROLE_AUTO, rows[i].consent);
		o.certified = rows[i].certified;
		o.configured = rows[i].configured;
		kith_office_hinder(&o, rows[i].hindrances);
		assert_int_equal(kith_office_why(&o, start, rows[i].seen), rows[i].why);
		if (rows[i].why != KITH_ROLE_WHY_NOT_ASKED)
			assert_int_equal(kith_office_ask(&o, start, patience), KITH_EACCES);
		assert_int_equal(o.begin, KITH_ROLE_WHY_NONE);
	}
}

static void caps_that_leave_room_for_few_leaves_are_an_obstacle_to_whoever_may_be_asked(void **state)
{
	struct kith_office o = office_of(KITH_ROLE_AUTO, KITH_CONSENT_YES);
	(void)state;
	o.leaves_max--;
	assert_int_equal(kith_office_why(&o, start, true), KITH_ROLE_WHY_SMALL);
	assert_int_equal(kith_office_ask(&o, start, patience), KITH_EACCES);
	o.role = KITH_ROLE_SUPERNODE; /* its operator knows */
	assert_int_equal(kith_office_obstacle(&o, start), KITH_ROLE_WHY_NONE);
}

static void what_others_found_counts_until_it_expires(void **state)
{
	struct kith_office o = office_of(KITH_ROLE_AUTO, KITH_CONSENT_YES);
	const struct kith_endpoint found = at(7);
	(void)state;
	o.certified = o.configured = false;
	kith_office_found(&o, &found, start + 100);
	assert_int_equal(kith_office_obstacle(&o, start + 99), KITH_ROLE_WHY_NONE);
	assert_int_equal(kith_office_obstacle(&o, start + 100), KITH_ROLE_WHY_UNPROVEN);
	kith_office_found(&o, NULL, 0);
	assert_int_equal(kith_office_obstacle(&o, start), KITH_ROLE_WHY_UNPROVEN);
	kith_office_found(NULL, &found, 0);
}

static void a_user_is_asked_once_an_hour_and_may_take_its_time(void **state)
{
	struct kith_office o = office_of(KITH_ROLE_AUTO, KITH_CONSENT_ASK);
	(void)state;
	assert_int_equal(kith_office_ask(&o, start, patience), KITH_EAGAIN);
	assert_true(o.tell_asked);
	o.tell_asked = false;
	assert_int_equal(kith_office_why(&o, start, true), KITH_ROLE_WHY_CONSENT);
	assert_int_equal(kith_office_ask(&o, start + 1, patience), KITH_EAGAIN); /* by another supernode */
	assert_false(o.tell_asked);
	kith_office_consent(&o, KITH_CONSENT_YES, start + patience - 1);
	assert_int_equal(o.begin, KITH_ROLE_WHY_HELP);

	o = office_of(KITH_ROLE_AUTO, KITH_CONSENT_ASK);
	assert_int_equal(kith_office_ask(&o, start, patience), KITH_EAGAIN);
	assert_int_equal(kith_office_ask(&o, start + patience, patience), KITH_EACCES);
	assert_int_equal(kith_office_why(&o, start + patience, true), KITH_ROLE_WHY_NOT_ASKED);
	o.tell_asked = false;
	assert_int_equal(kith_office_ask(&o, start + KITH_OFFICE_ASK_US, patience), KITH_EAGAIN);
	assert_true(o.tell_asked);
}

/* The supernode has found another one by then; the next that asks finds the consent. */
static void an_answer_that_comes_too_late_begins_nothing(void **state)
{
	struct kith_office o = office_of(KITH_ROLE_AUTO, KITH_CONSENT_ASK);
	(void)state;
	assert_int_equal(kith_office_ask(&o, start, patience), KITH_EAGAIN);
	kith_office_consent(&o, KITH_CONSENT_YES, start + patience);
	assert_int_equal(o.begin, KITH_ROLE_WHY_NONE);
	assert_int_equal(kith_office_ask(&o, start + patience, patience), 0);
}

static void one_that_may_not_any_more_ends(void **state)
{
	static const struct {
		unsigned hindrances;
		enum kith_consent consent;
		enum kith_role role;
		enum kith_role_reason why;
	} rows[] = {
		{ 0, KITH_CONSENT_YES, KITH_ROLE_AUTO, KITH_ROLE_WHY_NONE },
		{ 0, KITH_CONSENT_ASK, KITH_ROLE_AUTO, KITH_ROLE_WHY_NONE },
		{ KITH_HINDRANCE_BATTERY, KITH_CONSENT_YES, KITH_ROLE_AUTO, KITH_ROLE_WHY_BATTERY },
		{ KITH_HINDRANCE_METERED, KITH_CONSENT_YES, KITH_ROLE_AUTO, KITH_ROLE_WHY_METERED },
		{ 0, KITH_CONSENT_NO, KITH_ROLE_AUTO, KITH_ROLE_WHY_REFUSED },
		{ 0, KITH_CONSENT_YES, KITH_ROLE_LEAF, KITH_ROLE_WHY_LEAF },
		{ 3, KITH_CONSENT_NO, KITH_ROLE_SUPERNODE, KITH_ROLE_WHY_NONE }, /* the operator's own word */
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct kith_office o = office_of(KITH_ROLE_AUTO, KITH_CONSENT_YES);
		struct kith_terms terms = { .consent = rows[i].consent };
		kith_office_began(&o, KITH_ROLE_WHY_HELP, start);
		kith_office_set(&o, rows[i].role, &terms, start);
		kith_office_hinder(&o, rows[i].hindrances);
		assert_int_equal(o.end, rows[i].why);
	}
}

static void the_operator_may_allow_batteries_and_metered_networks(void **state)
{
	struct kith_office o = office_of(KITH_ROLE_AUTO, KITH_CONSENT_YES);
	(void)state;
	kith_office_began(&o, KITH_ROLE_WHY_HELP, start);
	o.terms.on_battery = o.terms.on_metered = true;
	kith_office_hinder(&o, KITH_HINDRANCE_BATTERY | KITH_HINDRANCE_METERED);
	assert_int_equal(o.end, KITH_ROLE_WHY_NONE);
	assert_int_equal(o.hindrances, KITH_HINDRANCE_BATTERY | KITH_HINDRANCE_METERED);
}

static void a_supernode_by_its_role_does_not_resign(void **state)
{
	struct kith_office o = office_of(KITH_ROLE_SUPERNODE, KITH_CONSENT_YES);
	(void)state;
	kith_office_began(&o, KITH_ROLE_WHY_CONFIGURED, start);
	kith_office_resign(&o);
	assert_int_equal(o.end, KITH_ROLE_WHY_NONE);
	o.role = KITH_ROLE_AUTO;
	kith_office_resign(&o);
	assert_int_equal(o.end, KITH_ROLE_WHY_IDLE);
	kith_office_resign(NULL);
}

/* Both cannot be wished for; the last word counts. */
static void a_wish_takes_the_place_of_the_other(void **state)
{
	struct kith_office o = office_of(KITH_ROLE_AUTO, KITH_CONSENT_YES);
	(void)state;
	assert_int_equal(kith_office_ask(&o, start, patience), 0);
	kith_office_consent(&o, KITH_CONSENT_NO, start);
	assert_int_equal(o.begin, KITH_ROLE_WHY_NONE);
	assert_int_equal(o.end, KITH_ROLE_WHY_NONE); /* it did not serve */
}

static void an_endpoint_that_fails_is_told_once_and_again_when_it_works(void **state)
{
	struct kith_office o = office_of(KITH_ROLE_SUPERNODE, KITH_CONSENT_YES);
	const struct kith_endpoint mine = at(1), other = at(2);
	(void)state;
	kith_office_tried(&o, &other, 0);
	assert_null(kith_office_untold(&o));
	kith_office_tried(&o, &mine, KITH_ETIMEDOUT);
	assert_true(kith_office_is_failing(&o, &mine));
	assert_false(kith_office_is_failing(&o, &other));
	struct kith_office_trial *t = kith_office_untold(&o);
	assert_non_null(t);
	assert_int_equal(t->err, KITH_ETIMEDOUT);
	t->told = t->err;
	kith_office_tried(&o, &mine, KITH_ETIMEDOUT);
	assert_null(kith_office_untold(&o));
	kith_office_tried(&o, &mine, 0);
	t = kith_office_untold(&o);
	assert_non_null(t);
	assert_int_equal(t->err, 0);
	assert_false(kith_office_is_failing(&o, &mine));
	kith_office_tried(NULL, &mine, 0);
}

static void of_more_endpoints_than_there_is_room_those_that_work_give_way(void **state)
{
	struct kith_office o = office_of(KITH_ROLE_SUPERNODE, KITH_CONSENT_YES);
	(void)state;
	for (uint8_t i = 0; i < KITH_OFFICE_TRIALS; i++) {
		const struct kith_endpoint e = at((uint8_t)(i + 1));
		kith_office_tried(&o, &e, KITH_ETIMEDOUT);
	}
	const struct kith_endpoint third = at(3), sixth = at(6), seventh = at(7), first = at(1);
	o.trials[2].told = KITH_ETIMEDOUT;
	kith_office_tried(&o, &third, 0);
	o.trials[2].told = 0;
	kith_office_tried(&o, &sixth, KITH_ETIMEDOUT);
	assert_true(kith_office_is_failing(&o, &sixth) && kith_office_is_failing(&o, &first));
	assert_int_equal(o.trials[2].err, KITH_ETIMEDOUT); /* in the place of the one that works */
	kith_office_tried(&o, &seventh, KITH_ETIMEDOUT);
	assert_true(kith_office_is_failing(&o, &seventh));
}

static void every_reason_has_its_name_and_says_whether_it_serves(void **state)
{
#define ROW(symbol, name, serves, text) { KITH_ROLE_WHY_##symbol, name, serves, text },
	static const struct {
		enum kith_role_reason reason;
		const char *name;
		bool serves;
		const char *text;
	} rows[] = { KITH_ROLE_REASON_MAP(ROW) };
#undef ROW
	(void)state;
	assert_int_equal(sizeof rows / sizeof rows[0], KITH_ROLE_WHY_MAX);
	for (unsigned i = 0; i < KITH_ROLE_WHY_MAX; i++) {
		struct kith_office o = office_of(KITH_ROLE_AUTO, KITH_CONSENT_YES);
		assert_int_equal(rows[i].reason, i);
		assert_string_equal(kith_role_reason_name(i), rows[i].name);
		assert_string_equal(kith_role_reason_text(i), rows[i].text);
		if (rows[i].serves)
			kith_office_began(&o, rows[i].reason, start);
		assert_true(!rows[i].serves || kith_office_why(&o, start, true) == rows[i].reason);
	}
	assert_string_equal(kith_role_reason_name(KITH_ROLE_WHY_MAX), "unknown");
	assert_string_equal(kith_role_reason_text(KITH_ROLE_WHY_MAX), "unknown reason");
}

static void terms_that_cannot_be_are_refused(void **state)
{
	struct kith_terms t = { .consent = KITH_CONSENT_YES };
	(void)state;
	assert_int_equal(kith_office_check(KITH_ROLE_AUTO, &t), 0);
	assert_int_equal(kith_office_check((enum kith_role)0, &t), KITH_EINVAL);
	t.memory_max = KITH_SERVING_MEMORY_LEAST - 1;
	assert_int_equal(kith_office_check(KITH_ROLE_AUTO, &t), KITH_EINVAL);
	t.memory_max++;
	assert_int_equal(kith_office_check(KITH_ROLE_AUTO, &t), 0);
	t.consent = (enum kith_consent)3;
	assert_int_equal(kith_office_check(KITH_ROLE_AUTO, &t), KITH_EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_leaf_is_never_asked_and_never_begins),
		cmocka_unit_test(one_that_consents_begins_when_asked_and_not_before),
		cmocka_unit_test(the_first_obstacle_is_told),
		cmocka_unit_test(caps_that_leave_room_for_few_leaves_are_an_obstacle_to_whoever_may_be_asked),
		cmocka_unit_test(what_others_found_counts_until_it_expires),
		cmocka_unit_test(a_user_is_asked_once_an_hour_and_may_take_its_time),
		cmocka_unit_test(an_answer_that_comes_too_late_begins_nothing),
		cmocka_unit_test(one_that_may_not_any_more_ends),
		cmocka_unit_test(the_operator_may_allow_batteries_and_metered_networks),
		cmocka_unit_test(a_supernode_by_its_role_does_not_resign),
		cmocka_unit_test(a_wish_takes_the_place_of_the_other),
		cmocka_unit_test(an_endpoint_that_fails_is_told_once_and_again_when_it_works),
		cmocka_unit_test(of_more_endpoints_than_there_is_room_those_that_work_give_way),
		cmocka_unit_test(every_reason_has_its_name_and_says_whether_it_serves),
		cmocka_unit_test(terms_that_cannot_be_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
