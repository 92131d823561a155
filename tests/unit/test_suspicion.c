#include "overlay_world.h"

#include "overlay/suspicion.h"
#include "sim/suite_sim.h"

enum { NODES = 12, PARTNER = 2 };

static struct ow w;
static struct ow_node nodes[NODES];
static struct kith_id ids[NODES];
static struct kith_members ms;
static struct kith_suspicion sus;

static int setup(void **state)
{
	uint8_t buf[KITH_MEMBER_LEN_MAX];
	(void)state;
	ow_init(&w, kith_suite_sodium());
	kith_members_init(&ms, &w.mem.alloc, &w.blobs, &w.trust, 100, ow_seed);
	kith_suspicion_init(&sus, &w.mem.alloc);
	for (uint32_t i = 0; i < NODES; i++) {
		struct kith_member *m;
		ow_node(&w, &nodes[i], i);
		assert_int_equal(kith_members_merge(&ms, &w.now, ow_entry(&w, &nodes[i], buf, 0), &m), KITH_MERGE_NEW);
		ids[i] = m->id;
	}
	w.now.mono_us += 2 * KITH_MEMBERS_NEWCOMER_US;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	kith_suspicion_deinit(&sus);
	kith_members_deinit(&ms);
	ow_deinit(&w);
	return 0;
}

static struct kith_member *member(uint32_t i)
{
	return kith_members_get(&ms, &ids[i]);
}

static void doubt_of(uint32_t accused, uint32_t accuser, uint8_t bytes[KITH_GOSSIP_DOUBT_LEN])
{
	kith_doubt_make(w.suite, bytes, member(accused), w.now.unix_ms, &ids[accuser], nodes[accuser].device.sign.sk);
}

static int take(const uint8_t bytes[KITH_GOSSIP_DOUBT_LEN])
{
	struct kith_gossip_doubt d;
	struct kith_reader r = kith_reader_of_span(test_span(bytes, KITH_GOSSIP_DOUBT_LEN));
	assert_true(kith_gossip_doubt_next(&r, &d));
	return kith_suspicion_take(&sus, &ms, &w.now, &ids[0], &d, PARTNER);
}

static int say(uint32_t accused, uint32_t accuser)
{
	uint8_t bytes[KITH_GOSSIP_DOUBT_LEN];
	doubt_of(accused, accuser, bytes);
	return take(bytes);
}

static uint32_t settle(kith_time_us later)
{
	w.now.mono_us += later;
	return kith_suspicion_settle(&sus, &ms, w.now.mono_us);
}

static void three_who_doubt_are_enough_after_a_while_and_two_are_not(void **state)
{
	(void)state;
	assert_int_equal(say(5, 1), KITH_DOUBT_NEW);
	assert_int_equal(say(5, 1), KITH_DOUBT_OLD); /* the same word again is no other */
	assert_int_equal(say(5, 2), KITH_DOUBT_NEW);
	assert_int_equal(settle(KITH_SUSPICION_HOLD_US), 0);
	assert_true(kith_member_live(member(5)));
	assert_int_equal(say(5, 3), KITH_DOUBT_NEW);
	assert_int_equal(settle(0), 1);
	assert_false(kith_member_live(member(5)));
	assert_int_equal(kith_members_live(&ms), NODES - 1);
	assert_int_equal(ms.dead, 1);
	/* Had all three come at once, it would have had time to refute them. */
	for (uint32_t i = 1; i <= 3; i++)
		assert_int_equal(say(6, i), KITH_DOUBT_NEW);
	assert_int_equal(settle(KITH_SUSPICION_HOLD_US - 1), 0);
	assert_int_equal(settle(1), 1);
	assert_int_equal(say(7, 5), KITH_DOUBT_UNKNOWN); /* the dead say nothing */
}

static void an_entry_that_was_signed_later_refutes(void **state)
{
	uint8_t buf[KITH_MEMBER_LEN_MAX], old[KITH_GOSSIP_DOUBT_LEN];
	(void)state;
	doubt_of(5, 4, old);
	for (uint32_t i = 1; i <= 3; i++)
		assert_int_equal(say(5, i), KITH_DOUBT_NEW);
	assert_int_equal(kith_members_merge(&ms, &w.now, ow_entry(&w, &nodes[5], buf, 1), NULL), KITH_MERGE_RENEWED);
	assert_int_equal(settle(KITH_SUSPICION_HOLD_US), 0);
	assert_true(kith_member_live(member(5)));
	assert_null(kith_suspicion_get(&sus, &ids[5]));
	assert_int_equal(take(old), KITH_DOUBT_OLD);
	/* Also when it is dead already. */
	for (uint32_t i = 1; i <= 3; i++)
		assert_int_equal(say(5, i), KITH_DOUBT_NEW);
	assert_int_equal(settle(KITH_SUSPICION_HOLD_US), 1);
	uint32_t copy = kith_member_copy(member(5));
	assert_int_equal(kith_members_merge(&ms, &w.now, ow_entry(&w, &nodes[5], buf, 2), NULL), KITH_MERGE_RETURNED);
	assert_true(kith_member_live(member(5)));
	assert_int_equal(ms.dead, 0);
	assert_int_not_equal(kith_member_copy(member(5)), copy); /* it missed what was brought meanwhile */
}

static void whoever_speaks_to_us_is_not_dead_to_us(void **state)
{
	(void)state;
	for (uint32_t i = 1; i <= 3; i++)
		assert_int_equal(say(5, i), KITH_DOUBT_NEW);
	kith_member_alive(member(5), w.now.mono_us + 1);
	kith_suspicion_answered(&sus, &ids[5]);
	assert_int_equal(settle(KITH_SUSPICION_HOLD_US), 0);
	assert_true(kith_member_live(member(5)));
}

static void a_word_counts_only_from_a_known_member_who_signed_it_lately(void **state)
{
	uint8_t bytes[KITH_GOSSIP_DOUBT_LEN], buf[KITH_MEMBER_LEN_MAX];
	struct ow_node late;
	struct kith_member *m;
	(void)state;
	doubt_of(5, 1, bytes);
	for (size_t i = 0; i < sizeof bytes; i++) {
		bytes[i] ^= 1;
		assert_int_not_equal(take(bytes), KITH_DOUBT_NEW);
		bytes[i] ^= 1;
	}
	assert_int_equal(say(5, 5), KITH_DOUBT_UNKNOWN);
	assert_int_equal(say(0, 1), KITH_DOUBT_OLD); /* of ourselves: that is another's business */
	ow_node(&w, &late, NODES);
	assert_int_equal(kith_members_merge(&ms, &w.now, ow_entry(&w, &late, buf, 0), &m), KITH_MERGE_NEW);
	kith_doubt_make(w.suite, bytes, member(5), w.now.unix_ms, &m->id, late.device.sign.sk);
	assert_int_equal(take(bytes), KITH_DOUBT_UNKNOWN);
	w.now.mono_us += KITH_MEMBERS_NEWCOMER_US;
	assert_int_equal(take(bytes), KITH_DOUBT_NEW);
	doubt_of(5, 1, bytes);
	w.now.unix_ms += KITH_CLOCK_TOLERANCE_MS + 1;
	assert_int_equal(take(bytes), KITH_EEXPIRED);
	w.now.unix_ms -= 2 * (KITH_CLOCK_TOLERANCE_MS + 1);
	assert_int_equal(take(bytes), KITH_ENOTYET);
}

static void accusers_of_one_prefix_count_once_where_there_are_others(void **state)
{
	(void)state;
	member(2)->prefix = member(3)->prefix = member(1)->prefix;
	assert_int_equal(say(5, 1), KITH_DOUBT_NEW);
	assert_int_equal(say(5, 2), KITH_DOUBT_OLD);
	assert_int_equal(say(5, 4), KITH_DOUBT_NEW);
	for (uint32_t i = 0; i < NODES; i++)
		member(i)->prefix = 7; /* all in one place: none would ever die */
	assert_int_equal(say(5, 2), KITH_DOUBT_NEW);
}

static void nobody_is_a_majority_by_doubting_everybody(void **state)
{
	(void)state;
	for (uint32_t i = 2; i < NODES; i++)
		assert_int_equal(say(i, 1), KITH_DOUBT_NEW);
	assert_int_equal(settle(KITH_SUSPICION_HOLD_US), 0);
	assert_int_equal(settle(KITH_SUSPICION_US), 0);
	assert_int_equal(sus.n, 0); /* forgotten */
}

static void where_all_others_are_gone_our_own_word_is_enough(void **state)
{
	(void)state;
	for (uint32_t i = 2; i < NODES; i++)
		assert_int_equal(say(i, 0), KITH_DOUBT_NEW); /* 0 and 1 are left; only we have looked so far */
	assert_int_equal(sus.ours, NODES - 2);
	assert_int_equal(settle(KITH_SUSPICION_HOLD_US), 0);
	for (uint32_t i = 2; i < NODES; i++)
		assert_int_equal(say(i, 1), KITH_DOUBT_NEW);
	/* Each that dies is one fewer who might have said so, and none is doubted any more that could not be. */
	assert_int_equal(settle(0), NODES - 2);
	assert_int_equal(kith_members_live(&ms), 2);
	assert_int_equal(sus.ours, 0);
}

static void each_doubt_is_told_once_to_a_partner(void **state)
{
	uint8_t out[4 * KITH_GOSSIP_DOUBT_LEN];
	(void)state;
	assert_int_equal(say(5, 1), KITH_DOUBT_NEW); /* the partner that told it knows it */
	assert_int_equal(kith_suspicion_untold(&sus, 0xf), 0xf & ~(1 << PARTNER));
	assert_int_equal(kith_suspicion_tell(&sus, PARTNER, out, sizeof out), 0);
	assert_int_equal(kith_suspicion_tell(&sus, 0, out, KITH_GOSSIP_DOUBT_LEN - 1), 0); /* no room for a whole one */
	assert_int_equal(kith_suspicion_tell(&sus, 0, out, sizeof out), KITH_GOSSIP_DOUBT_LEN);
	assert_int_equal(kith_suspicion_tell(&sus, 0, out, sizeof out), 0);
	assert_int_equal(take(out), KITH_DOUBT_OLD);
	kith_suspicion_partner(&sus, 0);
	assert_int_equal(kith_suspicion_tell(&sus, 0, out, sizeof out), KITH_GOSSIP_DOUBT_LEN);
	int strangers = 0;
	while (kith_suspicion_tell(&sus, KITH_MEMBERS_STRANGER, out, sizeof out) > 0)
		strangers++;
	assert_in_range(strangers, 1, 16);
}

static void the_deadline_is_that_of_the_next_thing_to_be_done(void **state)
{
	(void)state;
	assert_true(kith_suspicion_next_deadline(&sus, w.now.mono_us) == KITH_TIME_NEVER);
	assert_int_equal(say(5, 1), KITH_DOUBT_NEW);
	kith_time_us since = w.now.mono_us;
	assert_true(kith_suspicion_next_deadline(&sus, since) == since + KITH_SUSPICION_HOLD_US);
	(void)settle(KITH_SUSPICION_HOLD_US);
	assert_true(kith_suspicion_next_deadline(&sus, w.now.mono_us) == since + KITH_SUSPICION_US);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(three_who_doubt_are_enough_after_a_while_and_two_are_not),
		TEST(an_entry_that_was_signed_later_refutes),
		TEST(whoever_speaks_to_us_is_not_dead_to_us),
		TEST(a_word_counts_only_from_a_known_member_who_signed_it_lately),
		TEST(accusers_of_one_prefix_count_once_where_there_are_others),
		TEST(nobody_is_a_majority_by_doubting_everybody),
		TEST(where_all_others_are_gone_our_own_word_is_enough),
		TEST(each_doubt_is_told_once_to_a_partner),
		TEST(the_deadline_is_that_of_the_next_thing_to_be_done),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
