/* What may be changed while a core runs: further bootstrap hosts, and limits. */
#include "core_world.h"

enum { S0, S1, S2, LATE };

static void start_supernodes(struct core_world *w)
{
	core_world_init(w, kith_suite_sodium(), 1);
	world_start(w, "s0", true);
	world_start(w, "s1", true);
	world_start(w, "s2", true);
	world_run(w, 10 * KITH_US_PER_S);
}

/* Starts one that knows nobody; hosts is what it may be told later. */
static void start_alone(struct core_world *w, bool supernode, struct kith_bootstrap hosts[3])
{
	struct kith_core_options o;
	int i = world_add(w, "late", supernode);
	world_options(w, i, &o);
	memcpy(hosts, o.bootstrap, 3 * sizeof *hosts);
	o.bootstrap = NULL;
	o.bootstrap_n = 0;
	assert_int_equal(world_try_start(w, i, &o), 0);
	world_run(w, 30 * KITH_US_PER_S);
}

static struct kith_core_info info_of(const struct core_world *w, int i)
{
	struct kith_core_info info;
	kith_core_info(w->nodes[i].core, &info);
	return info;
}

static void hosts_that_are_found_later_become_homes_at_once(void **state)
{
	struct core_world w;
	struct kith_bootstrap hosts[3];
	(void)state;
	start_supernodes(&w);
	start_alone(&w, false, hosts);
	struct kith_core *core = w.nodes[LATE].core;
	assert_int_equal(info_of(&w, LATE).homes, 0);
	assert_int_equal(kith_core_set_bootstrap(core, world_clock(&w), hosts, 1), 0);
	world_drain(&w, LATE);
	world_run(&w, KITH_US_PER_S);
	assert_true(info_of(&w, LATE).homes >= 1);
	assert_int_equal(kith_core_set_bootstrap(core, world_clock(&w), hosts, 3), 0);
	world_drain(&w, LATE);
	world_run(&w, 3 * KITH_US_PER_S);
	assert_int_equal(info_of(&w, LATE).homes, 3);
	assert_int_equal(core->bootstrap_n, 3); /* the first was there */
	core_world_deinit(&w);
}

static void a_supernode_joins_by_hosts_that_are_found_later(void **state)
{
	struct core_world w;
	struct kith_bootstrap hosts[3];
	(void)state;
	start_supernodes(&w);
	start_alone(&w, true, hosts);
	assert_int_equal(info_of(&w, LATE).members, 1);
	assert_int_equal(kith_core_set_bootstrap(w.nodes[LATE].core, world_clock(&w), hosts, 3), 0);
	world_drain(&w, LATE);
	world_run(&w, 30 * KITH_US_PER_S);
	assert_int_equal(info_of(&w, LATE).members, 4);
	core_world_deinit(&w);
}

/* All three had other addresses when the leaf began, and one of those belongs to nobody. */
static void hosts_that_moved_are_found_at_their_new_addresses(void **state)
{
	struct core_world w;
	struct kith_bootstrap hosts[3], before[3];
	(void)state;
	start_supernodes(&w);
	start_alone(&w, false, hosts);
	struct kith_core *core = w.nodes[LATE].core;
	for (int i = 0; i < 3; i++) {
		before[i] = hosts[i];
		before[i].at.addr.ip[3] = 99;
	}
	assert_int_equal(kith_core_set_bootstrap(core, world_clock(&w), before, 3), 0);
	world_drain(&w, LATE);
	world_run(&w, 30 * KITH_US_PER_S);
	assert_int_equal(info_of(&w, LATE).homes, 0);
	assert_int_equal(kith_core_set_bootstrap(core, world_clock(&w), hosts, 3), 0);
	world_drain(&w, LATE);
	world_run(&w, 30 * KITH_US_PER_S);
	assert_int_equal(info_of(&w, LATE).homes, 3);
	for (int i = 1; i < 3; i++) { /* known by their keys: the address of now comes first */
		struct kith_host host;
		kith_hostcache_get(&core->leaf.cache, kith_hostcache_find(&core->leaf.cache, &hosts[i].key), &host);
		assert_true(kith_endpoint_equal(&host.endpoints[0], &hosts[i].at));
	}
	core_world_deinit(&w);
}

/* Sixty hosts are configured, of which the last three live. */
static void every_bootstrap_host_is_tried(void **state)
{
	enum { MANY = 60 };
	struct core_world w;
	struct kith_bootstrap hosts[3], many[MANY];
	(void)state;
	start_supernodes(&w);
	start_alone(&w, false, hosts);
	for (int i = 0; i < MANY; i++) {
		many[i] = hosts[0];
		many[i].has_key = false;
		many[i].at.addr.ip[2] = (uint8_t)(100 + i);
	}
	memcpy(&many[MANY - 3], hosts, sizeof hosts);
	assert_int_equal(kith_core_set_bootstrap(w.nodes[LATE].core, world_clock(&w), many, MANY), 0);
	world_drain(&w, LATE);
	world_run(&w, 180 * KITH_US_PER_S);
	assert_int_equal(info_of(&w, LATE).homes, 3);
	core_world_deinit(&w);
}

static void bootstrap_hosts_are_bounded_and_need_memory(void **state)
{
	struct core_world w;
	struct kith_bootstrap hosts[3], many[KITH_BOOTSTRAP_MAX + 1];
	(void)state;
	start_supernodes(&w);
	start_alone(&w, true, hosts);
	struct kith_core *core = w.nodes[LATE].core;
	memset(many, 0, sizeof many);
	for (size_t i = 0; i <= KITH_BOOTSTRAP_MAX; i++) {
		many[i].at = hosts[0].at;
		many[i].at.addr.port = (uint16_t)(5000 + i);
	}
	assert_int_equal(kith_core_set_bootstrap(core, world_clock(&w), NULL, 1), KITH_EINVAL);
	assert_int_equal(kith_core_set_bootstrap(NULL, world_clock(&w), hosts, 1), KITH_EINVAL);
	w.alloc.fail_after = 0;
	assert_int_equal(kith_core_set_bootstrap(core, world_clock(&w), hosts, 3), KITH_ENOMEM);
	w.alloc.fail_after = -1;
	assert_int_equal(core->bootstrap_n, 0);
	assert_int_equal(kith_core_set_bootstrap(core, world_clock(&w), hosts, 3), 0);
	assert_int_equal(kith_core_set_bootstrap(core, world_clock(&w), many, KITH_BOOTSTRAP_MAX + 1), KITH_EFULL);
	assert_int_equal(core->bootstrap_n, 3);
	world_drain(&w, LATE);
	core_world_deinit(&w);
}

static void limits_take_effect_at_once_and_end_nothing(void **state)
{
	struct kith_core_limits l = { .sessions_max = 1000, .tunnels_max = 1, .relay_rate = 1000 };
	struct core_world w;
	(void)state;
	start_supernodes(&w);
	world_start(&w, "alice", false);
	world_run(&w, 5 * KITH_US_PER_S);
	struct kith_core *core = w.nodes[S0].core;
	uint32_t sessions = info_of(&w, S0).sessions;
	assert_int_equal(kith_core_limit(core, world_clock(&w), &l), 0);
	assert_int_equal(core->super->fwd.limits.tunnels_max, 1);
	assert_int_equal(core->super->fwd.limits.rate, 1000);
	l.sessions_max = 0; /* what is there stays, the next is refused */
	assert_int_equal(kith_core_limit(core, world_clock(&w), &l), 0);
	assert_null(kith_sessions_new(&core->sessions, KITH_SESSION_OPEN));
	world_run(&w, 5 * KITH_US_PER_S);
	assert_int_equal(info_of(&w, S0).sessions, sessions);
	l.relay_rate = KITH_RELAY_RATE_MAX + 1;
	assert_int_equal(kith_core_limit(core, world_clock(&w), &l), KITH_EINVAL);
	l.relay_rate = 1000;
	l.tunnels_max = KITH_TUNNELS_LIMIT + 1;
	assert_int_equal(kith_core_limit(core, world_clock(&w), &l), KITH_EINVAL);
	assert_int_equal(kith_core_limit(core, world_clock(&w), NULL), KITH_EINVAL);
	/* A leaf has sessions only. */
	l.tunnels_max = 1;
	l.sessions_max = 10;
	assert_int_equal(kith_core_limit(w.nodes[LATE].core, world_clock(&w), &l), 0);
	assert_int_equal(w.nodes[LATE].core->sessions.by_index.max, 10);
	core_world_deinit(&w);
}

static void options_beyond_what_can_be_set_are_refused(void **state)
{
	struct core_world w;
	struct kith_core_options good, o;
	(void)state;
	core_world_init(&w, kith_suite_sodium(), 1);
	int i = world_add(&w, "s0", true);
	world_options(&w, i, &good);
	o = good;
	o.relay_rate = KITH_RELAY_RATE_MAX + 1;
	assert_int_equal(world_try_start(&w, i, &o), KITH_EINVAL);
	o = good;
	o.relay_owner_rate = KITH_RELAY_RATE_MAX + 1;
	assert_int_equal(world_try_start(&w, i, &o), KITH_EINVAL);
	o = good;
	o.tunnels_max = KITH_TUNNELS_LIMIT + 1;
	assert_int_equal(world_try_start(&w, i, &o), KITH_EINVAL);
	o = good;
	o.sessions_max = KITH_SESSIONS_LIMIT + 1;
	assert_int_equal(world_try_start(&w, i, &o), KITH_EINVAL);
	o = good;
	o.stream_window_max = KITH_STREAM_WINDOW_LEAST - 1;
	assert_int_equal(world_try_start(&w, i, &o), KITH_EINVAL);
	o = good;
	o.session_window_max = o.stream_window_max - 1;
	assert_int_equal(world_try_start(&w, i, &o), KITH_EINVAL);
	o = good;
	o.stream_window_max = KITH_STREAM_WINDOW_LEAST;
	o.session_window_max = KITH_SESSION_WINDOW_LEAST - 1;
	assert_int_equal(world_try_start(&w, i, &o), KITH_EINVAL);
	o.session_window_max = KITH_WINDOW_LIMIT + 1;
	assert_int_equal(world_try_start(&w, i, &o), KITH_EINVAL);
	o = good;
	o.stream_window_max = KITH_STREAM_WINDOW_LEAST;
	o.session_window_max = KITH_SESSION_WINDOW_LEAST;
	o.windows_max = 0;
	o.relay_rate = o.relay_owner_rate = KITH_RELAY_RATE_MAX;
	assert_int_equal(world_try_start(&w, i, &o), 0);
	core_world_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hosts_that_are_found_later_become_homes_at_once),
		cmocka_unit_test(a_supernode_joins_by_hosts_that_are_found_later),
		cmocka_unit_test(hosts_that_moved_are_found_at_their_new_addresses),
		cmocka_unit_test(every_bootstrap_host_is_tried),
		cmocka_unit_test(bootstrap_hosts_are_bounded_and_need_memory),
		cmocka_unit_test(limits_take_effect_at_once_and_end_nothing),
		cmocka_unit_test(options_beyond_what_can_be_set_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
