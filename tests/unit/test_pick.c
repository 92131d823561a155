#include "overlay_world.h"

#include "overlay/pick.h"
#include "sim/suite_sim.h"

enum { NODES = 60 };

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
	kith_members_init(&ms, &w.mem.alloc, &w.blobs, &w.trust, 100, ow_seed);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	kith_members_deinit(&ms);
	ow_deinit(&w);
	return 0;
}

static struct kith_id learn(uint32_t i)
{
	struct kith_member *m = NULL;
	assert_true(kith_members_merge(&ms, &w.now, ow_entry(&w, &nodes[i], buf, 0), &m) >= 0);
	return m->id;
}

static struct kith_id id_of(uint32_t i)
{
	return learn(i);
}

static void a_pick_is_diverse_when_it_can_be_and_never_self_or_suspect(void **state)
{
	(void)state;
	const struct kith_member *out[NODES];
	for (uint32_t i = 0; i < NODES; i++)
		nodes[i].addr = ow_addr(i < 40 ? 0 : i, i); /* most share one prefix */
	for (uint32_t i = 0; i < NODES; i++)
		learn(i);
	struct kith_id self = id_of(50), gone = id_of(51);
	kith_member_failed(kith_members_get(&ms, &gone), 0);
	for (int round = 0; round < 200; round++) {
		assert_int_equal(kith_members_pick(&ms, &w.rnd.random, 1, &self, out, 5), 5);
		for (uint32_t i = 0; i < 5; i++) {
			assert_memory_not_equal(&out[i]->id, &self, sizeof self);
			assert_memory_not_equal(&out[i]->id, &gone, sizeof gone);
			for (uint32_t k = 0; k < i; k++)
				assert_true(out[i]->prefix != out[k]->prefix);
		}
	}
	/* All are asked for: prefixes repeat, members do not. */
	assert_int_equal(kith_members_pick(&ms, &w.rnd.random, 1, &self, out, NODES), NODES - 2);
	for (uint32_t i = 0; i < NODES - 2; i++) {
		for (uint32_t k = 0; k < i; k++)
			assert_ptr_not_equal(out[i], out[k]);
	}
	kith_members_deinit(&ms);
	assert_int_equal(kith_members_pick(&ms, &w.rnd.random, 1, NULL, out, 5), 0);
}

static void with_sectors_a_pick_may_be_of_those_near(void **state)
{
	(void)state;
	const struct kith_member *out[NODES];
	ms.sectors.bits = 3;
	for (uint32_t i = 0; i < NODES; i++)
		learn(i);
	uint32_t near = kith_members_near(&ms), own = kith_members_in_sector(&ms, 0);
	assert_in_range(own, 1, near - 1);
	assert_in_range(near, 1, NODES - 1);
	assert_int_equal(kith_members_pick_from(&ms, KITH_PICK_FROM_ALL, &w.rnd.random, 1, NULL, out, NODES), NODES);
	assert_int_equal(kith_members_pick_from(&ms, KITH_PICK_FROM_SECTOR, &w.rnd.random, 1, NULL, out, NODES), own);
	assert_int_equal(kith_members_pick_from(&ms, KITH_PICK_FROM_NEAR, &w.rnd.random, 1, NULL, out, NODES), near);
	for (uint32_t i = 0; i < near; i++)
		assert_true(kith_member_near(&ms, out[i]));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_pick_is_diverse_when_it_can_be_and_never_self_or_suspect),
		T(with_sectors_a_pick_may_be_of_those_near),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
