/* Supernodes that elected themselves, in a table with sectors: who is near needs its witnesses, though these are far;
 * who is far needs words. */
#include "attest_world.h"

#include "overlay/far.h"
#include "overlay/members_vouched.h"
#include "sim/suite_sim.h"

enum { SEEDS = 5, BITS = 2, TELLERS = 3 };

static struct ow w;
static struct ow_node seeds[SEEDS], near, far;
static const struct ow_node *const witnesses[SEEDS] = { &seeds[0], &seeds[1], &seeds[2], &seeds[3], &seeds[4] };
static struct kith_members ms;
static uint8_t list[KITH_ATTESTS_LEN_MAX];
static uint32_t next_node;

/* Nodes of which the sector is the self's, or that on the other side of the ring. */
static void node_in(struct ow_node *node, bool is_near, bool seed)
{
	struct kith_id id;
	do {
		ow_node_flags(&w, node, next_node++, seed ? KITH_NAME_SUPERNODE : 0);
		id = aw_id(&w, node);
	} while (kith_sectors_of(&ms.sectors, kith_sectors_place(id.b)) != (is_near ? 0u : 2u));
}

static int setup(void **state)
{
	(void)state;
	ow_init(&w, kith_suite_sim());
	kith_members_init(&ms, &w.mem.alloc, &w.blobs, &w.trust, 100, ow_seed);
	ms.sectors.bits = BITS; /* self is at 0: sectors 3, 0 and 1 are near */
	next_node = 0;
	for (uint32_t i = 0; i < SEEDS; i++)
		node_in(&seeds[i], false, true);
	node_in(&near, true, false);
	node_in(&far, false, false);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	kith_members_deinit(&ms);
	ow_deinit(&w);
	return 0;
}

static int merge(const struct ow_node *node, size_t attestations)
{
	uint8_t buf[KITH_MEMBER_LEN_MAX];
	struct kith_member_entry e = ow_entry_of(&w, node);
	e.attest = aw_list(&w, list, node, witnesses, attestations);
	return kith_members_merge(&ms, &w.now, ow_entry_sign(&w, node, buf, &e), NULL);
}

static int told(const struct ow_node *node, uint64_t teller, size_t attestations)
{
	ms.teller = teller;
	int err = merge(node, attestations);
	ms.teller = 0;
	return err;
}

static void know_seeds(uint32_t n)
{
	uint8_t buf[KITH_MEMBER_LEN_MAX];
	for (uint32_t i = 0; i < n; i++)
		assert_true(kith_members_merge(&ms, &w.now, ow_entry(&w, &seeds[i], buf, 0), NULL) >= 0);
}

static unsigned looked_for(void)
{
	unsigned n = 0;
	for (size_t i = 0; ms.absent != NULL && i < KITH_ABSENT_MAX; i++)
		n += ms.absent->at[i].at != 0 && ms.absent->at[i].asked < KITH_ABSENT_GUIDES;
	return n;
}

static void in_vain(void)
{
	struct kith_absent_one *one;
	while ((one = kith_absent_due(ms.absent, w.now.mono_us)) != NULL)
		kith_absent_asked(one, w.now.mono_us, false);
}

static void who_is_near_needs_its_witnesses_and_they_are_looked_for(void **state)
{
	(void)state;
	assert_int_equal(merge(&near, 3), KITH_ENOENT);
	assert_int_equal(looked_for(), 0);
	assert_int_equal(told(&near, 1, 3), KITH_ENOENT);
	assert_int_equal(looked_for(), 3);
	know_seeds(2);
	assert_int_equal(merge(&near, 3), KITH_ENOENT);
	know_seeds(3);
	assert_int_equal(merge(&near, 3), KITH_MERGE_NEW);
}

/* However many say so. */
static void words_are_not_enough_for_who_is_near(void **state)
{
	(void)state;
	for (uint64_t teller = 1; teller < 10; teller++)
		assert_int_equal(told(&near, teller, 3), KITH_ENOENT);
	assert_int_equal(ms.n, 0);
}

static void who_is_far_needs_three_that_say_so(void **state)
{
	(void)state;
	assert_int_equal(merge(&far, 3), KITH_ENOENT); /* its own word */
	for (uint64_t teller = 1; teller < TELLERS; teller++) {
		assert_int_equal(told(&far, teller, 3), KITH_ENOENT);
		assert_int_equal(told(&far, teller, 3), KITH_ENOENT);
	}
	assert_int_equal(looked_for(), 0); /* nobody needs to know its witnesses */
	assert_int_equal(told(&far, TELLERS, 3), KITH_MERGE_NEW);
}

static void words_do_not_stand_in_for_attestations(void **state)
{
	(void)state;
	for (uint64_t teller = 1; teller < 10; teller++)
		assert_int_equal(told(&far, teller, 2), KITH_EACCES);
	assert_int_equal(ms.n, 0);
}

/* A witness that is known is believed, and not those who tell: its signature does not hold. */
static void a_forged_attestation_is_not_told_away(void **state)
{
	(void)state;
	uint8_t buf[KITH_MEMBER_LEN_MAX];
	know_seeds(1);
	struct kith_member_entry e = ow_entry_of(&w, &far);
	e.attest = aw_list(&w, list, &far, witnesses, 3);
	list[1 + KITH_HOME_TAG_LEN + KITH_MEMBER_ID_PREFIX + 12] ^= 1; /* of the first witness */
	for (uint64_t teller = 1; teller < 10; teller++) {
		ms.teller = teller;
		assert_true(kith_members_merge(&ms, &w.now, ow_entry_sign(&w, &far, buf, &e), NULL) < 0);
	}
	assert_int_equal(ms.n, 1);
}

static uint32_t recheck(void)
{
	bool more;
	return kith_members_recheck(&ms, &w.now, 100, &more);
}

/* Taken on the word of a supernode in the first minutes: then its witnesses are looked for, and it stays meanwhile. */
static void a_newcomer_looks_for_witnesses_before_it_drops_anybody(void **state)
{
	(void)state;
	ms.word = true;
	assert_int_equal(merge(&near, 3), KITH_MERGE_NEW);
	assert_int_equal(merge(&far, 3), KITH_MERGE_NEW);
	ms.word = false;
	for (int i = 0; i < 3; i++)
		assert_int_equal(recheck(), 0);
	assert_int_equal(looked_for(), 3);
	know_seeds(3);
	assert_int_equal(recheck(), 0);
	const struct kith_id id = aw_id(&w, &near), id_far = aw_id(&w, &far);
	assert_false(kith_members_get(&ms, &id)->on_word);
	assert_non_null(kith_members_get(&ms, &id_far));
}

static void whose_witnesses_are_nowhere_goes_but_for_those_far(void **state)
{
	(void)state;
	ms.word = true;
	assert_int_equal(merge(&near, 3), KITH_MERGE_NEW);
	assert_int_equal(merge(&far, 3), KITH_MERGE_NEW);
	ms.word = false;
	assert_int_equal(recheck(), 0);
	in_vain();
	assert_int_equal(recheck(), 1);
	const struct kith_id id = aw_id(&w, &near), id_far = aw_id(&w, &far);
	assert_null(kith_members_get(&ms, &id));
	assert_non_null(kith_members_get(&ms, &id_far));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(who_is_near_needs_its_witnesses_and_they_are_looked_for),
		T(words_are_not_enough_for_who_is_near),
		T(who_is_far_needs_three_that_say_so),
		T(words_do_not_stand_in_for_attestations),
		T(a_forged_attestation_is_not_told_away),
		T(a_newcomer_looks_for_witnesses_before_it_drops_anybody),
		T(whose_witnesses_are_nowhere_goes_but_for_those_far),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
