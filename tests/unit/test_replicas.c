#include "overlay_world.h"

#include "overlay/members.h"
#include "presence/replicas.h"
#include "sim/suite_sim.h"

enum { NODES = 150 };

static struct ow w;
static struct ow_node nodes[NODES];
static struct kith_members ms;
static uint8_t buf[KITH_MEMBER_LEN_MAX];

static int setup(void **state)
{
	(void)state;
	ow_init(&w, kith_suite_sim());
	for (uint32_t i = 0; i < NODES; i++)
		ow_node(&w, &nodes[i], i);
	kith_members_init(&ms, &w.mem.alloc, &w.blobs, &w.trust, 1000, ow_seed);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	kith_members_deinit(&ms);
	ow_deinit(&w);
	return 0;
}

static void learn(struct kith_members *table, uint32_t i)
{
	assert_true(kith_members_merge(table, &w.now, ow_entry(&w, &nodes[i], buf, 0), NULL) >= 0);
}

static struct kith_id random_key(void)
{
	struct kith_id key;
	w.rnd.random.fill(&w.rnd, key.b, sizeof key.b);
	return key;
}

/* What the rule says, done the long way: all members sorted by distance, two passes, group after group. */
static uint32_t naive(const struct kith_id *key, uint32_t group, const struct kith_member *out[KITH_REPLICAS])
{
	const struct kith_member *near[KITH_REPLICA_WALK];
	bool taken[KITH_REPLICA_WALK] = { false };
	struct kith_member_walk walk;
	uint32_t total = 0, n = 0;
	for (kith_member_walk_init(&walk, &ms, key); total < KITH_REPLICA_WALK; total++) {
		near[total] = kith_member_walk_next(&walk);
		if (near[total] == NULL)
			break;
	}
	for (uint32_t g = 0; g <= group; g++) {
		n = 0;
		for (int pass = 0; pass < 2; pass++) {
			for (uint32_t i = 0; i < total; i++) {
				bool clash = taken[i];
				for (uint32_t k = 0; pass == 0 && k < n; k++)
					clash |= out[k]->prefix == near[i]->prefix;
				if (clash || n == KITH_REPLICAS)
					continue;
				taken[i] = true;
				out[n++] = near[i];
			}
		}
	}
	return n;
}

static void replicas_are_those_of_the_rule(void **state)
{
	(void)state;
	for (uint32_t spread = 1; spread <= 30; spread = spread * 2 + 1) {
		for (uint32_t i = 0; i < NODES; i++) {
			nodes[i].addr = ow_addr(i % spread, i);
			learn(&ms, i);
		}
		for (int round = 0; round < 100; round++) {
			const struct kith_member *got[KITH_REPLICAS], *want[KITH_REPLICAS];
			struct kith_id key = random_key();
			for (uint32_t group = 0; group < KITH_REPLICA_GROUPS; group++) {
				assert_int_equal(kith_replicas_find(&ms, &key, group, got), KITH_REPLICAS);
				assert_int_equal(naive(&key, group, want), KITH_REPLICAS);
				for (uint32_t i = 0; i < KITH_REPLICAS; i++)
					assert_ptr_equal(got[i], want[i]);
			}
		}
		kith_members_deinit(&ms);
	}
}

static void six_prefixes_when_there_are_six_and_nearest_first(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < NODES; i++) {
		nodes[i].addr = ow_addr(i % 8, i);
		learn(&ms, i);
	}
	for (int round = 0; round < 200; round++) {
		const struct kith_member *got[KITH_REPLICAS];
		struct kith_id key = random_key();
		struct kith_member_walk walk;
		assert_int_equal(kith_replicas_find(&ms, &key, 0, got), KITH_REPLICAS);
		kith_member_walk_init(&walk, &ms, &key);
		assert_ptr_equal(got[0], kith_member_walk_next(&walk));
		for (uint32_t i = 0; i < KITH_REPLICAS; i++) {
			for (uint32_t k = 0; k < i; k++)
				assert_true(got[i]->prefix != got[k]->prefix);
		}
	}
}

static void the_next_six_are_six_others(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < NODES; i++)
		learn(&ms, i);
	for (int round = 0; round < 100; round++) {
		const struct kith_member *first[KITH_REPLICAS], *next[KITH_REPLICAS];
		struct kith_id key = random_key();
		(void)kith_replicas_find(&ms, &key, 0, first);
		assert_int_equal(kith_replicas_find(&ms, &key, 1, next), KITH_REPLICAS);
		for (uint32_t i = 0; i < KITH_REPLICAS; i++) {
			for (uint32_t k = 0; k < KITH_REPLICAS; k++)
				assert_ptr_not_equal(first[i], next[k]);
		}
	}
}

static void few_members_are_all_replicas_and_then_there_are_no_more(void **state)
{
	(void)state;
	const struct kith_member *out[KITH_REPLICAS];
	struct kith_id key = random_key();
	assert_int_equal(kith_replicas_find(&ms, &key, 0, out), 0);
	for (uint32_t n = 1; n <= 14; n++) {
		nodes[n].addr = ow_addr(0, n);
		learn(&ms, n);
		assert_int_equal(kith_replicas_find(&ms, &key, 0, out), n < 6 ? n : 6);
		assert_int_equal(kith_replicas_find(&ms, &key, 1, out), n < 6 ? 0 : n < 12 ? n - 6 : 6);
	}
}

static void equal_views_give_equal_replicas_whatever_their_history(void **state)
{
	(void)state;
	struct kith_members other;
	kith_members_init(&other, &w.mem.alloc, &w.blobs, &w.trust, 1000, ow_seed);
	for (uint32_t i = 0; i < NODES; i++) {
		learn(&ms, i);
		learn(&other, NODES - 1 - i);
	}
	kith_member_failed(other.at[3], 0);
	for (int round = 0; round < 100; round++) {
		const struct kith_member *a[KITH_REPLICAS], *b[KITH_REPLICAS];
		struct kith_id key = random_key();
		(void)kith_replicas_find(&ms, &key, 0, a);
		(void)kith_replicas_find(&other, &key, 0, b);
		for (uint32_t i = 0; i < KITH_REPLICAS; i++)
			assert_memory_equal(&a[i]->id, &b[i]->id, KITH_ID_LEN);
	}
	kith_members_deinit(&other);
}

/* One member more or less moves at most one replica of a key: that is what makes hand-over cheap. */
static void one_more_member_changes_few_replicas(void **state)
{
	(void)state;
	const struct kith_member *a[100][KITH_REPLICAS], *b[KITH_REPLICAS];
	struct kith_id keys[100];
	for (uint32_t i = 0; i + 1 < NODES; i++)
		learn(&ms, i);
	for (int k = 0; k < 100; k++) {
		keys[k] = random_key();
		(void)kith_replicas_find(&ms, &keys[k], 0, a[k]);
	}
	learn(&ms, NODES - 1);
	for (int k = 0; k < 100; k++) {
		uint32_t kept = 0;
		(void)kith_replicas_find(&ms, &keys[k], 0, b);
		for (uint32_t i = 0; i < KITH_REPLICAS; i++) {
			for (uint32_t j = 0; j < KITH_REPLICAS; j++)
				kept += a[k][i] == b[j];
		}
		assert_true(kept >= KITH_REPLICAS - 1);
	}
}

static void an_asker_hears_of_those_it_did_not_list(void **state)
{
	(void)state;
	uint8_t listed[KITH_REPLICAS * KITH_MEMBER_ID_PREFIX];
	const struct kith_member *all[KITH_REPLICAS], *out[KITH_REPLICAS];
	struct kith_id key = random_key();
	for (uint32_t i = 0; i < NODES; i++)
		learn(&ms, i);
	(void)kith_replicas_find(&ms, &key, 0, all);
	for (uint32_t n = 0; n <= KITH_REPLICAS; n++) {
		for (uint32_t i = 0; i < n; i++)
			memcpy(listed + i * KITH_MEMBER_ID_PREFIX, all[KITH_REPLICAS - 1 - i]->id.b,
			       KITH_MEMBER_ID_PREFIX);
		struct kith_span s = test_span(listed, n * KITH_MEMBER_ID_PREFIX);
		assert_int_equal(kith_replicas_unlisted(&ms, &key, s, out), KITH_REPLICAS - n);
		for (uint32_t i = 0; i < KITH_REPLICAS - n; i++)
			assert_ptr_equal(out[i], all[i]);
	}
	assert_int_equal(kith_replicas_unlisted(&ms, &key, test_span(listed, 15), out), KITH_REPLICAS);
}

/* Of a large network twelve are near enough to a key, and of a small one all. */
static void the_first_twelve_may_be_asked_to_keep_a_key(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < NODES; i++) {
		learn(&ms, i);
		struct kith_id key = random_key();
		const struct kith_member *out[KITH_REPLICA_GROUPS][KITH_REPLICAS];
		uint32_t near = 0, n = 0;
		for (uint32_t g = 0; g < KITH_REPLICA_GROUPS; g++) {
			uint32_t in_group = kith_replicas_find(&ms, &key, g, out[g]);
			for (uint32_t k = 0; k < in_group; k++)
				assert_true(kith_replicas_near(&ms, &key, &out[g][k]->id));
			n += in_group;
		}
		for (uint32_t k = 0; k < ms.n; k++)
			near += kith_replicas_near(&ms, &key, &ms.at[k]->id);
		assert_int_equal(near, n);
		assert_int_equal(n, i + 1 < 12 ? i + 1 : 12);
	}
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(replicas_are_those_of_the_rule),
		T(six_prefixes_when_there_are_six_and_nearest_first),
		T(the_next_six_are_six_others),
		T(the_first_twelve_may_be_asked_to_keep_a_key),
		T(few_members_are_all_replicas_and_then_there_are_no_more),
		T(equal_views_give_equal_replicas_whatever_their_history),
		T(one_more_member_changes_few_replicas),
		T(an_asker_hears_of_those_it_did_not_list),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
