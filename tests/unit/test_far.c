#include "overlay_world.h"

#include "overlay/far.h"
#include "overlay/pick.h"
#include "sim/suite_sim.h"

enum { NODES = 400, FULL = 64, SIZE = 16, GUIDES = 3, MAX = 300 };

static struct ow w;
static struct ow_node nodes[NODES];
static struct kith_members ms;
static struct kith_id self;
static uint8_t buf[KITH_MEMBER_LEN_MAX];

static void begin(struct kith_members *table, const struct kith_id *id)
{
	kith_members_init(table, &w.mem.alloc, &w.blobs, &w.trust, MAX, ow_seed);
	table->sectors.full = FULL;
	table->sectors.size = SIZE;
	table->sectors.guides = GUIDES;
	table->sectors.self = kith_sectors_place(id->b);
}

static int setup(void **state)
{
	(void)state;
	ow_init(&w, kith_suite_sim());
	for (uint32_t i = 0; i < NODES; i++)
		ow_node(&w, &nodes[i], i);
	memset(&self, 0, sizeof self);
	begin(&ms, &self);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	kith_members_deinit(&ms);
	ow_deinit(&w);
	return 0;
}

static int learn(struct kith_members *table, uint32_t node)
{
	return kith_members_merge(table, &w.now, ow_entry(&w, &nodes[node], buf, 0), NULL);
}

static void settle(struct kith_members *table)
{
	kith_far_settle(table, w.now.mono_us, &self);
	(void)kith_members_expire(table, &w.now);
}

static uint32_t of_sector(const struct kith_members *table, uint64_t sector)
{
	return kith_members_in_sector(table, sector);
}

static void a_table_that_would_be_too_full_goes_over_to_sectors(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < FULL - 1; i++)
		assert_int_equal(learn(&ms, i), KITH_MERGE_NEW);
	assert_int_equal(ms.sectors.bits, 0);
	assert_int_equal(kith_members_near(&ms), FULL - 1);
	assert_int_equal(learn(&ms, FULL - 1), KITH_MERGE_NEW);
	assert_in_range(ms.sectors.bits, 1, 3);
	for (uint32_t i = FULL; i < 250; i++)
		assert_int_equal(learn(&ms, i), KITH_MERGE_NEW);
	assert_in_range(of_sector(&ms, 0), SIZE / 4, SIZE + SIZE / 2);
	assert_in_range(kith_members_estimate(&ms), 250 / 2, 250 * 2);
}

/* Near ones stay, of each other sector a few; others go when they were of no use for a while, and not before. */
static void of_what_is_far_a_few_guides_stay(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 250; i++)
		assert_int_equal(learn(&ms, i), KITH_MERGE_NEW);
	uint32_t near = kith_members_near(&ms);
	settle(&ms);
	assert_int_equal(ms.n, 250);
	w.now.mono_us += KITH_FAR_KEPT_US;
	uint32_t used = ms.n;
	for (uint32_t i = 0; i < ms.n && used == ms.n; i++) {
		if (!kith_member_near(&ms, ms.at[i]) && !ms.at[i]->guide)
			used = i;
	}
	const struct kith_id of_use = ms.at[used]->id;
	kith_members_use(&ms, &of_use, w.now.mono_us);
	settle(&ms);
	assert_int_equal(kith_members_near(&ms), near);
	assert_non_null(kith_members_get(&ms, &of_use));
	uint64_t sectors = UINT64_C(1) << ms.sectors.bits;
	for (uint64_t s = 2; s < sectors - 1; s++)
		assert_in_range(of_sector(&ms, s), 1, GUIDES + 1);
	assert_true(ms.n <= near + GUIDES * (sectors - 3) + 1);
}

/* Those next to the place of our own id; so each has other ones. */
static void guides_are_those_next_to_our_point(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 250; i++)
		assert_int_equal(learn(&ms, i), KITH_MERGE_NEW);
	settle(&ms);
	struct kith_id point;
	struct kith_member_walk walk;
	kith_sectors_point(&ms.sectors, &self, 4, &point);
	kith_member_walk_init(&walk, &ms, &point);
	for (int found = 0; found < GUIDES;) {
		const struct kith_member *m = kith_member_walk_next(&walk);
		if (kith_sectors_of(&ms.sectors, kith_sectors_place(m->id.b)) != 4)
			continue;
		assert_true(m->guide); /* all have other prefixes */
		found++;
	}
}

/* A flood of strangers pushes out strangers, and neither those near nor guides. */
static void a_full_table_gives_up_what_is_far(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 250; i++)
		assert_int_equal(learn(&ms, i), KITH_MERGE_NEW);
	settle(&ms);
	uint8_t bits = ms.sectors.bits;
	for (uint32_t i = 250; i < NODES; i++) {
		w.now.mono_us += KITH_US_PER_MS;
		int err = learn(&ms, i);
		assert_true(err == KITH_MERGE_NEW || err == KITH_EFULL);
		assert_true(ms.n <= MAX);
	}
	for (uint32_t i = 0; i < NODES && ms.sectors.bits == bits; i++) {
		struct kith_member_entry entry;
		struct kith_id id;
		assert_int_equal(kith_member_parse(&entry, ow_entry(&w, &nodes[i], buf, 0)), 0);
		assert_int_equal(kith_member_id(&entry, &w.trust, &id), 0);
		if (kith_sectors_near(&ms.sectors, id.b))
			assert_non_null(kith_members_get(&ms, &id));
	}
	settle(&ms);
	for (uint64_t s = 2; s < (UINT64_C(1) << ms.sectors.bits) - 1; s++)
		assert_true(of_sector(&ms, s) > 0);
}

/* One may lie; and whoever is told the truth knows only what it was told. */
static void two_have_to_say_that_there_are_so_many(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 20; i++)
		assert_int_equal(learn(&ms, i), KITH_MERGE_NEW);
	kith_far_told(&ms, w.now.mono_us, 1, 200);
	kith_far_told(&ms, w.now.mono_us, 1, 200);
	kith_far_told(&ms, w.now.mono_us, 2, FULL - 1);
	assert_int_equal(ms.sectors.bits, 0);
	kith_far_told(&ms, w.now.mono_us, 2, 200);
	assert_int_equal(ms.sectors.bits, 4); /* 200 in 16 */
	kith_far_told(&ms, w.now.mono_us, 1, 300);
	kith_far_told(&ms, w.now.mono_us, 2, 300);
	assert_int_equal(ms.sectors.bits, 4); /* as good as known */
	/* If that was wrong, a full view comes again. */
	w.now.mono_us += KITH_SECTORS_HOLD_US - 1;
	settle(&ms);
	assert_int_equal(ms.sectors.bits, 4);
	w.now.mono_us += KITH_MEMBERS_SWEEP_US;
	settle(&ms);
	assert_int_equal(ms.sectors.bits, 0);
	assert_int_equal(ms.n, 20); /* and nobody was let go: there were so few */
}

/* Else a newcomer would look for its neighbours among all that there are. */
static void sectors_that_are_too_wide_become_narrower_on_the_word_of_two(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < FULL; i++)
		assert_int_equal(learn(&ms, i), KITH_MERGE_NEW);
	assert_in_range(ms.sectors.bits, 1, 3);
	kith_far_told(&ms, w.now.mono_us, 1, 500);
	kith_far_told(&ms, w.now.mono_us, 1, 500);
	assert_in_range(ms.sectors.bits, 1, 3);
	kith_far_told(&ms, w.now.mono_us, 2, 500);
	assert_int_equal(ms.sectors.bits, 5); /* 500 in 32 */
}

/* News of a member go to partners that are near it. */
static void news_are_for_those_who_are_near(void **state)
{
	(void)state;
	const struct kith_member *out[4];
	struct kith_id near = self, opposite = self;
	opposite.b[0] = 0x80;
	for (uint32_t i = 0; i < 250; i++)
		assert_int_equal(learn(&ms, i), KITH_MERGE_NEW);
	memset(ms.recent, 0, sizeof ms.recent);
	kith_members_partner(&ms, 0, &near);
	kith_members_partner(&ms, 1, &opposite);
	for (uint32_t i = 0; i < ms.n; i++)
		kith_members_tell(&ms, &ms.at[i]->id, 0, true);
	assert_int_equal(kith_members_untold(&ms, 3, true), 1);
	assert_int_equal(kith_members_news(&ms, &w.now, 1, out, 4), 0);
	assert_int_equal(kith_members_news(&ms, &w.now, 0, out, 4), 4);
	for (int i = 0; i < 4; i++)
		assert_true(kith_member_near(&ms, out[i]));
	kith_members_partner(&ms, 1, &near); /* another one has the place */
	assert_int_equal(kith_members_untold(&ms, 2, true), 2);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_table_that_would_be_too_full_goes_over_to_sectors),
		T(of_what_is_far_a_few_guides_stay),
		T(guides_are_those_next_to_our_point),
		T(a_full_table_gives_up_what_is_far),
		T(two_have_to_say_that_there_are_so_many),
		T(sectors_that_are_too_wide_become_narrower_on_the_word_of_two),
		T(news_are_for_those_who_are_near),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
