/* Who may attest a candidate. */
#include "attest_world.h"

#include "overlay/witnesses.h"
#include "sim/suite_sim.h"

enum { NODES = 40 };

static struct ow w;
static struct ow_node nodes[NODES];
static struct kith_members ms;
static struct kith_endpoint elsewhere;
static uint8_t buf[KITH_MEMBER_LEN_MAX];

static int setup(void **state)
{
	(void)state;
	ow_init(&w, kith_suite_sim());
	kith_members_init(&ms, &w.mem.alloc, &w.blobs, &w.trust, 100, ow_seed);
	for (uint32_t i = 0; i < NODES; i++) {
		ow_node(&w, &nodes[i], i);
		nodes[i].addr = ow_addr(i / 2, i); /* two in each prefix */
		assert_int_equal(kith_members_merge(&ms, &w.now, ow_entry(&w, &nodes[i], buf, 0), NULL),
				 KITH_MERGE_NEW);
	}
	elsewhere = ow_endpoint(200, 1);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	kith_members_deinit(&ms);
	ow_deinit(&w);
	return 0;
}

static struct kith_id candidate(uint8_t n)
{
	return (struct kith_id){ { n, 1, 2, 3 } };
}

static bool has(const struct kith_member *const list[], uint32_t n, const struct kith_member *m)
{
	for (uint32_t i = 0; i < n; i++) {
		if (list[i] == m)
			return true;
	}
	return false;
}

static void they_are_the_nearest_of_eight_prefixes(void **state)
{
	(void)state;
	for (uint8_t i = 0; i < 20; i++) {
		struct kith_id key, who = candidate(i);
		const struct kith_member *found[KITH_WITNESSES_MAX], *m;
		struct kith_member_walk walk;
		kith_witnesses_key(w.suite, &who, w.now.unix_ms, &key);
		assert_int_equal(kith_witnesses_find(&ms, &key, &elsewhere, found), KITH_WITNESSES_MAX);
		uint64_t prefixes[KITH_WITNESSES_MAX];
		uint32_t n = 0;
		kith_member_walk_init(&walk, &ms, &key);
		while (n < KITH_WITNESSES_MAX && (m = kith_member_walk_next(&walk)) != NULL) {
			bool first = true;
			for (uint32_t k = 0; k < n; k++)
				first = first && prefixes[k] != m->prefix;
			if (first) {
				assert_ptr_equal(found[n], m);
				prefixes[n++] = m->prefix;
			}
		}
	}
}

static void none_is_of_the_candidate_s_own_prefix(void **state)
{
	(void)state;
	struct kith_id key, who = candidate(1);
	const struct kith_member *found[KITH_WITNESSES_MAX], *nearest;
	kith_witnesses_key(w.suite, &who, w.now.unix_ms, &key);
	(void)kith_witnesses_find(&ms, &key, &elsewhere, found);
	nearest = found[0];
	struct kith_member_facts facts;
	kith_member_facts(nearest, &facts);
	facts.endpoints[0].addr.ip[3]++;
	assert_int_equal(kith_witnesses_find(&ms, &key, &facts.endpoints[0], found), KITH_WITNESSES_MAX);
	for (uint32_t i = 0; i < KITH_WITNESSES_MAX; i++)
		assert_true(found[i]->prefix != nearest->prefix);
}

/* Whoever lies well for his own key today lies elsewhere tomorrow. */
static void they_are_others_on_another_day_and_for_another_candidate(void **state)
{
	(void)state;
	const struct kith_member *today[KITH_WITNESSES_MAX], *found[KITH_WITNESSES_MAX];
	struct kith_id key, who = candidate(1), other = candidate(2);
	kith_witnesses_key(w.suite, &who, w.now.unix_ms, &key);
	uint32_t n = kith_witnesses_find(&ms, &key, &elsewhere, today);
	for (int days = 0; days < 2; days++) {
		unsigned same = 0;
		kith_witnesses_key(w.suite, days > 0 ? &who : &other, w.now.unix_ms + days * KITH_WITNESS_DAY_MS, &key);
		uint32_t k = kith_witnesses_find(&ms, &key, &elsewhere, found);
		for (uint32_t i = 0; i < k; i++)
			same += has(today, n, found[i]);
		assert_true(same < KITH_WITNESSES_MAX);
	}
}

static void a_member_knows_whether_it_is_one_also_around_midnight(void **state)
{
	(void)state;
	struct kith_id who = candidate(3), key;
	const struct kith_member *found[KITH_WITNESSES_MAX];
	struct kith_now now = w.now;
	now.unix_ms -= now.unix_ms % KITH_WITNESS_DAY_MS; /* midnight of the home */
	kith_witnesses_key(w.suite, &who, now.unix_ms, &key);
	uint32_t n = kith_witnesses_find(&ms, &key, &elsewhere, found);
	now.unix_ms -= KITH_CLOCK_TOLERANCE_MS; /* the witness is slow: it is yesterday there */
	uint32_t others = 0;
	for (uint32_t i = 0; i < ms.n; i++) {
		bool may = kith_witnesses_has(&ms, &who, &now, &elsewhere, &ms.at[i]->id);
		if (has(found, n, ms.at[i]))
			assert_true(may);
		else
			others += may;
	}
	assert_true(others <= KITH_WITNESSES_MAX); /* those of yesterday */
	now.unix_ms -= KITH_WITNESS_DAY_MS / 2;
	uint32_t still = 0;
	for (uint32_t i = 0; i < n; i++)
		still += kith_witnesses_has(&ms, &who, &now, &elsewhere, &found[i]->id);
	assert_true(still < n);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(they_are_the_nearest_of_eight_prefixes),
		T(none_is_of_the_candidate_s_own_prefix),
		T(they_are_others_on_another_day_and_for_another_candidate),
		T(a_member_knows_whether_it_is_one_also_around_midnight),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
