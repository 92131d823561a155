#include "support.h"

#include "path/journal.h"
#include "wire/frame.h"

static struct kith_hop hop_of(const char *addr, uint64_t tunnel)
{
	struct kith_hop hop = { .tunnel = tunnel };
	assert_int_equal(kith_addr_parse(&hop.remote, addr), 0);
	return hop;
}

static void it_is_made_with_the_first_entry_and_keeps_the_last_64(void **state)
{
	(void)state;
	struct test_alloc a;
	test_alloc_init(&a);
	struct kith_journal *j = NULL;
	uint32_t it = 0;
	assert_null(kith_journal_read(j, &it));
	struct kith_hop hop = hop_of("1.2.3.4:5678", 0);
	for (uint32_t i = 0; i < 100; i++)
		kith_journal_add(&j, &a.alloc, i, KITH_JOURNAL_PROBED, &hop, i);
	assert_int_equal(a.live_bytes, sizeof *j);
	assert_true(sizeof(struct kith_journal_entry) <= 32);
	const struct kith_journal_entry *e;
	unsigned n = 0;
	while ((e = kith_journal_read(j, &it)) != NULL) {
		assert_int_equal(e->at, 100 - KITH_JOURNAL_MAX + n);
		assert_int_equal(e->value, 100 - KITH_JOURNAL_MAX + n);
		n++;
	}
	assert_int_equal(n, KITH_JOURNAL_MAX);
	kith_journal_add(&j, &a.alloc, 100, KITH_JOURNAL_HEARD, NULL, 0); /* reading goes on where it was */
	e = kith_journal_read(j, &it);
	assert_non_null(e);
	assert_int_equal(e->at, 100);
	assert_null(kith_journal_read(j, &it));
	kith_journal_free(&j, &a.alloc);
	assert_null(j);
	test_alloc_check(&a);
}

static void without_memory_nothing_is_recorded_and_nothing_breaks(void **state)
{
	(void)state;
	struct test_alloc a;
	test_alloc_init(&a);
	a.fail_after = 0;
	struct kith_journal *j = NULL;
	kith_journal_add(&j, &a.alloc, 1, KITH_JOURNAL_ROUND, NULL, 1);
	assert_null(j);
	kith_journal_free(&j, &a.alloc);
}

static void entries_are_told_in_words(void **state)
{
	(void)state;
	static const struct {
		enum kith_journal_what what;
		uint32_t value;
		bool relay, addr;
		const char *text;
	} cases[] = {
		{ KITH_JOURNAL_PROBED, 3, false, true, "1.2.3.4:5678: asked whether we reach each other (3)" },
		{ KITH_JOURNAL_VALIDATED, 0, false, true, "1.2.3.4:5678: works both ways" },
		{ KITH_JOURNAL_VALIDATED, 80, true, true, "relay 1.2.3.4:5678: works both ways (80 ms)" },
		{ KITH_JOURNAL_REFUSED, KITH_REFUSAL_PORT, false, true, "1.2.3.4:5678: not tried: port below 1024" },
		{ KITH_JOURNAL_SUSPECT, KITH_CAUSE_TOLD, false, true,
		  "1.2.3.4:5678: in doubt: the peer hears nothing on it" },
		{ KITH_JOURNAL_RELAY_LIMITED, KITH_RELAY_LIMIT_ALL, true, true,
		  "relay 1.2.3.4:5678: the relay drops what we send through it: more than it carries in all" },
		{ KITH_JOURNAL_ROUND, 2, false, false, "attempt to open a direct path (2)" },
		{ KITH_JOURNAL_REFUSED, 999, false, false, "not tried: ?" },
		{ KITH_JOURNAL_DEAD, 1000000, false, false, "given up (65535 ms)" },
	};
	struct test_alloc a;
	test_alloc_init(&a);
	struct kith_journal *j = NULL;
	uint32_t it = 0;
	for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct kith_hop hop = hop_of("1.2.3.4:5678", cases[i].relay ? 7 : 0);
		char line[160];
		kith_journal_add(&j, &a.alloc, 1, cases[i].what, cases[i].addr ? &hop : NULL, cases[i].value);
		assert_string_equal(kith_journal_describe(kith_journal_read(j, &it), line, sizeof line), cases[i].text);
		char narrow[9];
		it--;
		kith_journal_describe(kith_journal_read(j, &it), narrow, sizeof narrow);
		assert_int_equal(strlen(narrow), 8);
		assert_memory_equal(narrow, cases[i].text, 8);
		it--;
		kith_journal_describe(kith_journal_read(j, &it), NULL, 0);
	}
	kith_journal_free(&j, &a.alloc);
}

static void every_entry_has_words(void **state)
{
	(void)state;
	for (unsigned what = 0; what < KITH_JOURNAL_WHATS; what++) {
		struct kith_journal_entry e = { .what = (uint8_t)what };
		char line[160] = "";
		assert_true(strlen(kith_journal_describe(&e, line, sizeof line)) > 4);
	}
	for (unsigned i = 0; i < KITH_REFUSALS; i++)
		assert_string_not_equal(kith_refusal_text(i), "?");
	for (unsigned i = 0; i < KITH_CAUSES; i++)
		assert_string_not_equal(kith_cause_text(i), "?");
	assert_string_equal(kith_refusal_text(KITH_REFUSALS), "?");
	assert_string_equal(kith_cause_text(KITH_CAUSES), "?");
	assert_string_not_equal(kith_relay_limit_text(KITH_RELAY_LIMIT_OWNER), kith_relay_limit_text(0));
	assert_string_equal(kith_relay_limit_text(3), kith_relay_limit_text(0));
}

/* Something that stays true for a day, said every second, of two relays: between its entries there is room for
 * others. */
static void what_stays_true_is_written_down_ever_more_seldom(void **state)
{
	(void)state;
	struct test_alloc a;
	test_alloc_init(&a);
	struct kith_journal *j = NULL;
	struct kith_hop hops[2] = { hop_of("1.2.3.4:5678", 7), hop_of("1.2.3.4:5679", 7) };
	struct kith_hop direct = hop_of("1.2.3.4:5678", 0);
	kith_time_us last = 0, gap_us = 0;
	unsigned n = 0;
	for (kith_time_us now = 0; now < 86400 * KITH_US_PER_S; now += KITH_US_PER_S) {
		for (int i = 0; i < 2; i++) {
			if (!kith_journal_due(j, now, KITH_JOURNAL_RELAY_LIMITED, &hops[i]))
				continue;
			kith_journal_add(&j, &a.alloc, now, KITH_JOURNAL_RELAY_LIMITED, &hops[i], 1);
			if (i == 1)
				continue;
			if (n > 0)
				assert_int_equal(now - last, gap_us);
			gap_us = n == 0 ? KITH_JOURNAL_AGAIN_US : 2 * gap_us;
			gap_us = gap_us < KITH_JOURNAL_AGAIN_MAX_US ? gap_us : KITH_JOURNAL_AGAIN_MAX_US;
			last = now;
			n++;
		}
	}
	assert_true(n > 100 && n < 150);
	/* What is said of other hops, and of other things, does not count. */
	assert_false(kith_journal_due(j, last + 1, KITH_JOURNAL_RELAY_LIMITED, &hops[0]));
	assert_true(kith_journal_due(j, last + 1, KITH_JOURNAL_RELAY_LIMITED, &direct));
	assert_true(kith_journal_due(j, last + 1, KITH_JOURNAL_SUSPECT, &hops[0]));
	kith_journal_free(&j, &a.alloc);
	test_alloc_check(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_made_with_the_first_entry_and_keeps_the_last_64),
		cmocka_unit_test(without_memory_nothing_is_recorded_and_nothing_breaks),
		cmocka_unit_test(entries_are_told_in_words),
		cmocka_unit_test(every_entry_has_words),
		cmocka_unit_test(what_stays_true_is_written_down_ever_more_seldom),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
