/* Look-ups on somebody's behalf, with supernodes that are dead, and answers of every size. */
#include "query_world.h"

#include "base/limits.h"
#include "super/query.h"

static void a_name_is_found_through_any_home_and_by_supernodes(void **state)
{
	struct core_world w;
	int found;
	(void)state;
	world_far_apart(&w);
	for (int i = 0; i < 6; i++) {
		assert_int_equal(look_up(&w, i, "bob", 2 * KITH_US_PER_S, &found), 0);
		assert_int_equal(found, 1);
	}
	assert_int_equal(look_up(&w, WORLD_FAR_ALICE, "bob", 2 * KITH_US_PER_S, &found), 0);
	assert_int_equal(found, 1);
	assert_int_equal(look_up(&w, WORLD_FAR_ALICE, "nobody", 8 * KITH_US_PER_S, &found), KITH_ENOENT);
	core_world_deinit(&w);
}

/* Half of the replicas have died, and nobody knows yet. */
static void a_name_is_found_though_half_of_the_replicas_are_dead(void **state)
{
	(void)state;
	for (int dead = 0; dead < 3; dead++) {
		struct core_world w;
		int found;
		world_far_apart(&w);
		for (int i = 0; i < 3; i++) /* not the homes of both alike */
			w.nodes[(dead + 2 * i) % 6].muted = true;
		assert_int_equal(look_up(&w, WORLD_FAR_ALICE, "bob", 25 * KITH_US_PER_S, &found), 0);
		assert_int_equal(found, 1);
		core_world_deinit(&w);
	}
}

/* The replicas of a name by a supernode's view, as nodes. Returns how many. */
static uint32_t replicas_of(const struct core_world *w, int view, const char *name, uint32_t group,
			    int out[KITH_REPLICAS])
{
	const struct kith_core *c = w->nodes[view].core;
	const struct kith_member *list[KITH_REPLICAS];
	struct kith_id key;
	kith_ids_directory(c->suite, &key, &c->self.network, name);
	uint32_t n = kith_replicas_find(&c->super->members, &key, group, list);
	for (uint32_t k = 0; k < n; k++) {
		out[k] = -1;
		for (int i = 0; i < w->n; i++) {
			if (w->nodes[i].supernode &&
			    memcmp(w->nodes[i].core->super->id.b, list[k]->id.b, KITH_ID_LEN) == 0)
				out[k] = i;
		}
		assert_true(out[k] >= 0);
	}
	return n;
}

/* The three that are asked first have just died: the others are asked long before those are given up. */
static void a_name_is_found_in_a_second_though_those_asked_first_are_dead(void **state)
{
	struct core_world w;
	(void)state;
	world_network(&w, kith_suite_sodium(), 1, 14, (const char *const[]){ "bob", NULL });
	int out[KITH_REPLICAS], asker = -1;
	assert_int_equal(replicas_of(&w, 0, "bob", 0, out), KITH_REPLICAS);
	for (int i = 0; i < 14; i++) {
		bool replica = kith_sessions_of(&w.nodes[i].core->sessions, w.nodes[14].id.device_dh.b) != NULL;
		for (int k = 0; k < KITH_REPLICAS; k++)
			replica |= out[k] == i;
		asker = replica ? asker : i;
	}
	assert_true(asker >= 0);
	for (int k = 0; k < 3; k++)
		w.nodes[out[k]].muted = true;
	int found, since = w.events_n;
	kith_time_us t0 = w.now;
	assert_int_equal(look_up(&w, asker, "bob", 4 * KITH_US_PER_S, &found), 0);
	assert_int_equal(found, 1);
	assert_true(world_event(&w, asker, KITH_EVENT_OP_DONE, since)->at - t0 <= KITH_US_PER_S);
	core_world_deinit(&w);
}

/* ---- an answer that would be too long ---- */

static void who_looks_up_too_much_waits_and_nobody_else_does(void **state)
{
	struct core_world w;
	kith_op op;
	(void)state;
	world_alice_and_bob(&w);
	int since = w.events_n, begun = 0, refused = 0;
	for (int i = 0; i < 600; i++) {
		char name[32];
		snprintf(name, sizeof name, "name-%d", i);
		int err = kith_core_lookup(w.nodes[WORLD_ALICE].core, world_clock(&w), name, &op);
		begun += err == 0;
		refused += err == KITH_EFULL;
		world_drain(&w, WORLD_ALICE);
		world_run(&w, 5 * KITH_US_PER_MS);
	}
	assert_int_equal(begun + refused, 600);
	/* What one device is served at once by each of its homes, and what it earns in three seconds. */
	int served = world_events(&w, WORLD_ALICE, KITH_EVENT_OP_DONE, since);
	assert_true(served <= KITH_HOMES * (KITH_LOOKUPS_BURST + 4 * KITH_LOOKUPS_PER_S));
	uint64_t limited = 0;
	for (int i = 0; i < 3; i++)
		limited += world_stat(&w, i, KITH_STAT_REQUESTS_LIMITED);
	assert_true(limited > 0);
	assert_int_equal(look_up(&w, WORLD_BOB, "alice", KITH_US_PER_S, NULL), 0);
	world_run(&w, 20 * KITH_US_PER_S);
	assert_int_equal(world_events(&w, WORLD_ALICE, KITH_EVENT_OP_DONE, since), begun);
	core_world_deinit(&w);
}

static void devices_of_one_identity_share_its_look_ups(void **state)
{
	struct core_world w;
	kith_op op;
	int device[3];
	(void)state;
	world_network(&w, kith_suite_sodium(), 1, 1, (const char *const[]){ NULL });
	for (int i = 0; i < 3; i++)
		device[i] = world_further(&w, "alice", 1);
	world_run(&w, 5 * KITH_US_PER_S);
	int since = w.events_n, done = 0;
	for (int i = 0; i < 3 * KITH_LOOKUPS_BURST; i++) {
		char name[32];
		snprintf(name, sizeof name, "name-%d", i);
		int err = kith_core_lookup(w.nodes[device[i % 3]].core, world_clock(&w), name, &op);
		assert_true(err == 0 || err == KITH_EFULL);
		world_drain(&w, device[i % 3]);
		world_run(&w, 10 * KITH_US_PER_MS);
	}
	for (int i = 0; i < 3; i++)
		done += world_events(&w, device[i], KITH_EVENT_OP_DONE, since);
	assert_true(done >= KITH_LOOKUPS_BURST && done <= KITH_LOOKUPS_BURST + 4 * KITH_LOOKUPS_PER_S);
	core_world_deinit(&w);
}

static void a_record_that_nobody_refreshes_is_gone_after_its_life(void **state)
{
	struct core_world w;
	(void)state;
	world_alice_and_bob(&w);
	w.nodes[WORLD_BOB].muted = true;
	world_run(&w, (kith_time_us)KITH_RECORD_LIFE_MS * KITH_US_PER_MS + 60 * KITH_US_PER_S);
	assert_int_equal(look_up(&w, WORLD_ALICE, "bob", 8 * KITH_US_PER_S, NULL), KITH_ENOENT);
	for (int i = 0; i < 3; i++) {
		struct kith_core_info info;
		kith_core_info(w.nodes[i].core, &info);
		assert_true(info.records <= 4); /* alice and the supernodes themselves */
	}
	core_world_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_is_found_through_any_home_and_by_supernodes),
		cmocka_unit_test(a_name_is_found_though_half_of_the_replicas_are_dead),
		cmocka_unit_test(a_name_is_found_in_a_second_though_those_asked_first_are_dead),
		cmocka_unit_test(devices_of_one_identity_share_its_look_ups),
		cmocka_unit_test(who_looks_up_too_much_waits_and_nobody_else_does),
		cmocka_unit_test(a_record_that_nobody_refreshes_is_gone_after_its_life),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
