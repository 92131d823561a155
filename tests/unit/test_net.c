/* The small internet as a whole: faults, changes, mistakes in building it, its cost, its repeatability. */
#include "net_world.h"

/* --- faults --- */

static void partitions_are_one_way_and_between_groups_only(void **state)
{
	(void)state;
	struct world *w = world_start(world_new());
	uint32_t nat = add_nat(w, KITH_NET_CORE, preset("full-cone"), public(1), plain);
	uint32_t a = add_host(w, nat, lan(2)), b = add_host(w, KITH_NET_CORE, public(2));
	uint32_t c = add_host(w, KITH_NET_CORE, public(3)), neighbour = add_host(w, nat, lan(3));
	kith_net_group_set(w->net, kith_net_first_iface(w->net, a), 63); /* that is: its NAT */
	kith_net_group_set(w->net, kith_net_first_iface(w->net, b), 1);
	struct kith_addr a_seen = public(1);
	a_seen.port = PORT;
	assert_int_equal(send_to(w, a, public(2)), KITH_NET_FLYING);
	run(w, S);
	kith_net_partition(w->net, 63, 1, true);
	assert_int_equal(send_to(w, a, public(2)), KITH_NET_PARTITION);
	assert_int_equal(send_to(w, b, a_seen), KITH_NET_FLYING);
	assert_int_equal(send_to(w, a, public(3)), KITH_NET_FLYING);
	assert_int_equal(send_to(w, c, public(2)), KITH_NET_FLYING);
	assert_int_equal(send_to(w, a, lan(3)), KITH_NET_FLYING);
	run(w, 2 * S);
	assert_int_equal(got(w, a) + got(w, c) + got(w, neighbour), 3);
	assert_int_equal(got(w, b), 2);
	kith_net_partition(w->net, 1, 63, true);
	kith_net_partition(w->net, 63, 1, false);
	assert_int_equal(send_to(w, a, public(2)), KITH_NET_FLYING);
	assert_int_equal(send_to(w, b, a_seen), KITH_NET_PARTITION);
	kith_net_partition(w->net, 1, 63, false);
	assert_int_equal(send_to(w, b, a_seen), KITH_NET_FLYING);
	run(w, 3 * S);
	assert_int_equal(w->stats.causes[KITH_NET_PARTITION], 2);
	world_free(w);
}

static void cut_pair_loses_one_path_one_way_and_the_relay_lives(void **state)
{
	(void)state;
	struct world *w = world_start(world_new());
	uint32_t host[40], device[40];
	for (uint32_t i = 0; i < 40; i++) {
		host[i] = add_host(w, KITH_NET_CORE, public(i));
		device[i] = kith_net_first_iface(w->net, host[i]);
	}
	for (uint32_t i = 0; i < 40; i++) /* in no order; twice is once */
		for (int twice = 0; twice < 2; twice++)
			assert_int_equal(kith_net_pair_cut(w->net, device[i * 7 % 40], device[(i * 7 + 1) % 40], true),
					 0);
	for (uint32_t i = 0; i < 40; i++)
		for (uint32_t k = 1; k < 40; k++)
			assert_int_equal(send_to(w, host[i], public((i + k) % 40)),
					 k == 1 ? KITH_NET_PAIR_CUT : KITH_NET_FLYING);
	assert_int_equal(kith_net_pair_cut(w->net, device[5], device[6], false), 0);
	for (uint32_t i = 0; i < 40; i++)
		assert_int_equal(send_to(w, host[i], public((i + 1) % 40)),
				 i == 5 ? KITH_NET_FLYING : KITH_NET_PAIR_CUT);
	run(w, S);
	world_free(w);
}

static void cut_pairs_are_bounded(void **state)
{
	(void)state;
	struct world *w = world_start(world_new());
	uint32_t a = kith_net_first_iface(w->net, add_host(w, KITH_NET_CORE, public(0)));
	for (uint32_t i = 1; i <= KITH_NET_CUT_PAIRS_MAX + 1; i++) {
		uint32_t b = kith_net_first_iface(w->net, add_host(w, KITH_NET_CORE, public(i)));
		assert_int_equal(kith_net_pair_cut(w->net, b, a, true), i <= KITH_NET_CUT_PAIRS_MAX ? 0 : KITH_EFULL);
	}
	world_free(w);
}

static void cut_host_is_cut_the_way_that_was_asked(void **state)
{
	(void)state;
	struct world *w = world_start(world_new());
	uint32_t a = add_host(w, KITH_NET_CORE, public(1)), b = add_host(w, KITH_NET_CORE, public(2));
	kith_net_host_cut(w->net, a, KITH_NET_CUT_OUT);
	assert_int_equal(send_to(w, a, public(2)), KITH_NET_HOST_CUT);
	(void)send_to(w, b, public(1));
	run(w, S);
	assert_int_equal(got(w, a), 1);
	kith_net_host_cut(w->net, a, KITH_NET_CUT_IN);
	(void)send_to(w, a, public(2));
	(void)send_to(w, b, public(1));
	run(w, 2 * S);
	assert_int_equal(got(w, a), 0);
	assert_int_equal(got(w, b), 1);
	kith_net_host_cut(w->net, a, 0);
	(void)send_to(w, b, public(1));
	run(w, 3 * S);
	assert_int_equal(got(w, a), 1);
	world_free(w);
}

static void loss_and_duplicates_come_at_their_rates_and_add_up(void **state)
{
	(void)state;
	struct world *w = world_new();
	w->options.faults =
		(struct kith_access_faults){ .loss_ppm = 50000, .duplicate_ppm = 20000, .jitter_us = 3 * MS };
	w->options.profiles[1] = (struct kith_net_profile){ .up_loss_ppm = 100000 };
	w->options.profiles[2] = (struct kith_net_profile){ .down_loss_ppm = 30000 };
	world_start(w);
	uint32_t a, b;
	assert_int_equal(kith_net_host_add(w->net, &a), 0);
	assert_int_equal(kith_net_host_add(w->net, &b), 0);
	(void)add_iface(w, a, KITH_NET_CORE, public(1), (struct kith_net_uplink){ .profile = 1 });
	(void)add_iface(w, b, KITH_NET_CORE, public(2), (struct kith_net_uplink){ .profile = 2 });
	enum { N = 100000 };
	unsigned up_or_core = 0;
	for (int i = 0; i < N; i++) {
		up_or_core += send_to(w, a, public(2)) == KITH_NET_LOSS;
		run(w, w->now + 30 * MS);
	}
	/* 1 - 0.9 * 0.95; deviations 111, 41, 54 and so on: five of them. */
	assert_in_range(up_or_core, 14500 - 560, 14500 + 560);
	assert_in_range(w->stats.duplicated, 1710 - 210, 1710 + 210);
	double flying = (double)(N - up_or_core) + (double)w->stats.duplicated;
	assert_in_range(w->inbox[b].n, flying * 0.97 - 270, flying * 0.97 + 270);
	/* What the receiver sends meets neither uplink's loss in this direction. */
	unsigned back = 0;
	for (int i = 0; i < 20000; i++)
		back += send_to(w, b, public(1)) == KITH_NET_LOSS, run(w, w->now + 30 * MS);
	assert_in_range(back, 1000 - 155, 1000 + 155);
	world_free(w);
}

static void fate_of_a_packet_does_not_depend_on_what_others_send(void **state)
{
	(void)state;
	enum { N = 500 };
	enum kith_net_cause fate[2][2][N];
	for (int order = 0; order < 2; order++) {
		struct world *w = world_new();
		w->options.faults = (struct kith_access_faults){ .loss_ppm = 300000 };
		world_start(w);
		uint32_t h[3];
		for (uint32_t i = 0; i < 3; i++)
			h[i] = add_host(w, KITH_NET_CORE, public(i));
		for (int i = 0; i < N && order == 0; i++)
			for (int k = 0; k < 2; k++)
				fate[0][k][i] = send_to(w, h[k], public(2));
		for (int k = 1; k >= 0 && order == 1; k--)
			for (int i = 0; i < N; i++)
				fate[1][k][i] = send_to(w, h[k], public(2));
		world_free(w);
	}
	assert_memory_equal(fate[0], fate[1], sizeof fate[0]);
	assert_memory_not_equal(fate[0][0], fate[0][1], sizeof fate[0][0]);
}

static void uplink_of_a_nat_is_shared_by_all_behind_it_and_bounded(void **state)
{
	(void)state;
	struct world *w = world_new();
	w->options.profiles[1] = (struct kith_net_profile){
		.up_bytes_per_s = 1000000, .up_queue_bytes = 10000, .down_bytes_per_s = 500000, .down_queue_bytes = 5000
	};
	world_start(w);
	uint32_t s = add_host(w, KITH_NET_CORE, public(0));
	uint32_t nat =
		add_nat(w, KITH_NET_CORE, preset("full-cone"), public(1), (struct kith_net_uplink){ .profile = 1 });
	uint32_t a = add_host(w, nat, lan(2)), b = add_host(w, nat, lan(3));
	unsigned sent = 0;
	for (int i = 0; i < 20; i++)
		sent += send_packet(w, i % 2 == 0 ? a : b, ep(0, PORT), public(0), 64, 1000) == KITH_NET_FLYING;
	assert_int_equal(sent, 10);
	run(w, S);
	assert_int_equal(got(w, s), 10);
	assert_int_equal(w->inbox[s].at, (20 + 10) * MS);
	/* Neighbours do not use it. */
	for (int i = 0; i < 20; i++)
		assert_int_equal(send_packet(w, a, ep(0, PORT), lan(3), 64, 1000), KITH_NET_FLYING);
	run(w, 2 * S);
	assert_int_equal(got(w, b), 20);
	/* Down: half the rate, half the queue. */
	for (int i = 0; i < 20; i++)
		assert_int_equal(send_packet(w, s, ep(0, PORT), w->inbox[s].last.pkt.src, 64, 1000), KITH_NET_FLYING);
	run(w, 3 * S);
	assert_int_equal(got(w, b), 5);
	assert_int_equal(w->inbox[b].at, 2 * S + (20 + 10) * MS);
	assert_int_equal(w->stats.causes[KITH_NET_QUEUE], 10 + 15);
	world_free(w);
}

static void faults_can_be_switched_while_it_runs(void **state)
{
	(void)state;
	struct world *w = world_start(world_new());
	uint32_t a = add_host(w, KITH_NET_CORE, public(1));
	(void)add_host(w, KITH_NET_CORE, public(2));
	struct kith_access_faults all = { .loss_ppm = KITH_PPM }, none = { 0 };
	kith_net_set_faults(w->net, &all);
	assert_int_equal(send_to(w, a, public(2)), KITH_NET_LOSS);
	kith_net_set_faults(w->net, &none);
	assert_int_equal(send_to(w, a, public(2)), KITH_NET_FLYING);
	run(w, S);
	world_free(w);
}

/* --- changes --- */

static void moved_host_is_reached_at_its_new_address_only(void **state)
{
	(void)state;
	struct world *w = world_start(world_new());
	uint32_t a = add_host(w, KITH_NET_CORE, public(1)), b = add_host(w, KITH_NET_CORE, public(2));
	uint32_t device = kith_net_first_iface(w->net, b);
	struct kith_addr old = public(2), fresh = public(3), taken = public(1);
	assert_int_equal(send_to(w, a, old), KITH_NET_FLYING);
	assert_int_equal(kith_net_move(w->net, device, KITH_NET_CORE, &taken), KITH_EEXIST);
	assert_int_equal(kith_net_move(w->net, device, KITH_NET_CORE, &fresh), 0);
	run(w, S);
	assert_int_equal(got(w, b), 0); /* it was in flight */
	assert_int_equal(send_to(w, a, old), KITH_NET_NO_ROUTE);
	assert_int_equal(send_to(w, a, fresh), KITH_NET_FLYING);
	run(w, 2 * S);
	assert_int_equal(got(w, b), 1);
	/* Roaming behind a NAT: new mapping, seen from there. */
	uint32_t nat = add_nat(w, KITH_NET_CORE, preset("port-restricted"), old, ms20);
	struct kith_addr inside = lan(2);
	assert_int_equal(kith_net_move(w->net, device, nat, &inside), 0);
	assert_int_equal(send_to(w, b, public(1)), KITH_NET_FLYING);
	run(w, 3 * S);
	assert_true(same_ip(w->inbox[a].last.pkt.src, old));
	assert_int_equal(kith_net_realm(w->net, device), nat);
	assert_int_equal(kith_net_edge(w->net, device), nat);
	world_free(w);
}

static void nat_with_a_new_address_forgets_and_is_seen_with_it(void **state)
{
	(void)state;
	struct kith_nat_options o = *preset("full-cone");
	o.external_n = 4;
	struct world *w = world_start(world_new());
	uint32_t s = add_host(w, KITH_NET_CORE, public(0));
	uint32_t nat = add_nat(w, KITH_NET_CORE, &o, ep(0x14000010, 0), plain), a = add_host(w, nat, lan(2));
	struct kith_addr old = observed(w, a, s), overlapping = ep(0x14000012, 0), at;
	assert_int_equal(send_to(w, s, old), KITH_NET_FLYING);
	run(w, w->now + S);
	assert_int_equal(got(w, a), 1);
	assert_int_equal(kith_net_move(w->net, nat, KITH_NET_CORE, &overlapping), 0);
	for (uint32_t ip = 0x14000010; ip <= 0x14000017; ip++) {
		enum kith_net_cause cause = send_to(w, s, ep(ip, PORT));
		assert_int_equal(cause, ip >= 0x14000012 && ip <= 0x14000015 ? KITH_NET_FLYING : KITH_NET_NO_ROUTE);
	}
	run(w, w->now + S);
	assert_int_equal(got(w, a), 0);
	struct kith_addr seen = observed(w, a, s);
	assert_true(seen.port == PORT && seen.ip[3] >= 0x12 && seen.ip[3] <= 0x15);
	kith_net_address(w->net, nat, &at);
	assert_true(same(at, overlapping));
	assert_int_equal(send_to(w, s, seen), KITH_NET_FLYING);
	run(w, w->now + S);
	assert_int_equal(got(w, a), 1);
	kith_net_nat_flush(w->net, nat);
	assert_int_equal(send_to(w, s, seen), KITH_NET_FLYING);
	run(w, w->now + S);
	assert_int_equal(got(w, a), 0);
	world_free(w);
}

/* Many moves against a plain array: the routing table never loses or invents an address. */
static void routing_agrees_with_a_naive_model_over_many_moves(void **state)
{
	(void)state;
	enum { HOSTS = 60, ADDRESSES = 100 };
	struct world *w = world_start(world_new());
	struct test_random rng;
	test_random_init(&rng, 7);
	uint32_t owner[ADDRESSES], at[HOSTS];
	memset(owner, 0xff, sizeof owner);
	for (uint32_t i = 0; i < HOSTS; i++) {
		assert_int_equal(add_host(w, KITH_NET_CORE, public(i)), i);
		owner[i] = i;
		at[i] = i;
	}
	for (int step_n = 0; step_n < 5000; step_n++) {
		uint32_t host = (uint32_t)(test_random_next(&rng) % HOSTS);
		uint32_t to = (uint32_t)(test_random_next(&rng) % ADDRESSES);
		struct kith_addr ip = public(to);
		int err = kith_net_move(w->net, kith_net_first_iface(w->net, host), KITH_NET_CORE, &ip);
		assert_int_equal(err, owner[to] == UINT32_MAX || owner[to] == host ? 0 : KITH_EEXIST);
		if (err == 0) {
			owner[at[host]] = UINT32_MAX;
			owner[to] = host;
			at[host] = to;
		}
		uint32_t probe = (uint32_t)(test_random_next(&rng) % ADDRESSES);
		assert_int_equal(send_to(w, host, public(probe)),
				 owner[probe] == UINT32_MAX ? KITH_NET_NO_ROUTE : KITH_NET_FLYING);
		run(w, w->now + 30 * MS);
		if (owner[probe] != UINT32_MAX)
			assert_int_equal(got(w, owner[probe]), 1);
	}
	assert_true(w->mem.live_bytes <= 16384); /* nothing of an old address stays behind */
	world_free(w);
}

/* --- building --- */

static void mistakes_in_building_are_refused(void **state)
{
	(void)state;
	struct world *w = world_new();
	w->options.hosts_max = 2;
	w->options.devices_max = 12;
	world_start(w);
	uint32_t nat = add_nat(w, KITH_NET_CORE, preset("full-cone"), public(1), plain), device, host;
	uint32_t a = add_host(w, nat, lan(2));
	uint32_t inner = add_nat(w, nat, preset("full-cone"), lan(9), plain);
	struct kith_addr free_ip = public(5), used = public(1), inside = lan(2);
	struct kith_net_uplink bad_profile = { .profile = KITH_NET_PROFILES_MAX }, bad_country = { .country = 40 };
	struct kith_nat_options contradictory = *preset("full-cone");
	contradictory.port_overload = true;
	assert_int_equal(kith_net_iface_add(w->net, a, KITH_NET_CORE, &used, &plain, &device), KITH_EEXIST);
	assert_int_equal(kith_net_iface_add(w->net, a, nat, &inside, &plain, &device), KITH_EEXIST);
	assert_int_equal(kith_net_iface_add(w->net, 7, KITH_NET_CORE, &free_ip, &plain, &device), KITH_EINVAL);
	assert_int_equal(kith_net_iface_add(w->net, a, kith_net_first_iface(w->net, a), &free_ip, &plain, &device),
			 KITH_EINVAL);
	assert_int_equal(kith_net_iface_add(w->net, a, 99, &free_ip, &plain, &device), KITH_EINVAL);
	assert_int_equal(kith_net_iface_add(w->net, a, 0, &free_ip, &bad_profile, &device), KITH_EINVAL);
	assert_int_equal(kith_net_iface_add(w->net, a, 0, &free_ip, &bad_country, &device), KITH_EINVAL);
	assert_int_equal(kith_net_nat_add(w->net, 0, &contradictory, NULL, &free_ip, &plain, &device), KITH_EINVAL);
	assert_int_equal(kith_net_nat_add(w->net, 0, preset("cgn"), NULL, &used, &plain, &device), KITH_EEXIST);
	assert_int_equal(kith_net_nat_add(w->net, 99, preset("cgn"), NULL, &free_ip, &plain, &device), KITH_EINVAL);
	assert_int_equal(kith_net_move(w->net, nat, inner, &free_ip), KITH_EINVAL);
	assert_int_equal(kith_net_move(w->net, nat, nat, &free_ip), KITH_EINVAL);
	(void)add_host(w, KITH_NET_CORE, public(6));
	assert_int_equal(kith_net_host_add(w->net, &host), KITH_EFULL);
	uint32_t realm = inner; /* level two */
	for (uint32_t level = 3; level <= KITH_NET_LEVELS_MAX; level++)
		realm = add_nat(w, realm, preset("full-cone"), lan(level), plain);
	assert_int_equal(kith_net_nat_add(w->net, realm, preset("cgn"), NULL, &inside, &plain, &device), KITH_EINVAL);
	(void)add_iface(w, a, realm, lan(1), plain);
	(void)add_iface(w, a, realm, lan(2), plain);
	assert_int_equal(kith_net_iface_add(w->net, a, realm, &used, &plain, &device), KITH_EFULL);
	/* The deepest reaches the world all the same. */
	assert_int_equal(send_packet(w, a, lan(1), public(6), 64, 1), KITH_NET_FLYING);
	run(w, S);
	assert_int_equal(got(w, 1), 1);
	assert_null(kith_net_nat(w->net, 0));
	assert_null(kith_net_nat(w->net, kith_net_first_iface(w->net, a)));
	assert_null(kith_net_nat(w->net, 99));
	world_free(w);
}

static void refused_nat_leaves_no_trace_of_its_pool(void **state)
{
	(void)state;
	struct kith_nat_options pool = *preset("cgn");
	pool.external_n = 8;
	struct world *w = world_start(world_new());
	(void)add_host(w, KITH_NET_CORE, ep(0x14000007, 0)); /* the last address of the pool */
	struct kith_addr ip = ep(0x14000000, 0);
	for (int i = 0; i < 1000; i++) {
		uint32_t device;
		assert_int_equal(kith_net_nat_add(w->net, KITH_NET_CORE, &pool, NULL, &ip, &plain, &device),
				 KITH_EEXIST);
	}
	assert_true(w->mem.live_bytes <= 8192);
	assert_int_equal(send_to(w, 0, ip), KITH_NET_NO_ROUTE);
	world_free(w);
}

static void out_of_memory_at_any_point_is_an_error_and_leaks_nothing(void **state)
{
	(void)state;
	bool finished = false;
	for (long fail = 0; !finished && fail < 200; fail++) {
		struct test_alloc mem;
		struct kith_net_options o;
		test_alloc_init(&mem);
		mem.fail_after = fail;
		kith_net_options_init(&o);
		struct kith_net *net = kith_net_new(&mem.alloc, &o);
		finished = net != NULL;
		struct kith_nat_options pool = *preset("full-cone");
		pool.external_n = 5;
		for (uint32_t i = 0; net != NULL && i < 30; i++) {
			uint32_t host, nat, device;
			struct kith_addr ip = ep(0x14000000 + 8 * i, 0), in = lan(2);
			int err = kith_net_host_add(net, &host);
			if (err == 0)
				err = kith_net_nat_add(net, KITH_NET_CORE, &pool, NULL, &ip, &plain, &nat);
			if (err == 0)
				err = kith_net_iface_add(net, host, nat, &in, &plain, &device);
			if (err == 0 && i > 0)
				err = kith_net_pair_cut(net, device, kith_net_first_iface(net, host - 1), true);
			assert_true(err == 0 || err == KITH_ENOMEM);
			if (err != 0) {
				finished = false;
				break;
			}
		}
		kith_net_free(net);
		test_alloc_check(&mem);
	}
	assert_true(finished);
}

static void public_addresses_are_distinct_public_and_spread(void **state)
{
	(void)state;
	enum { N = 1 << 20 };
	uint8_t *seen = calloc(1, (size_t)89 << 21); /* a bit per address */
	assert_non_null(seen);
	uint32_t before = UINT32_MAX;
	for (uint32_t i = 0; i < N; i++) {
		struct kith_addr a = public(i);
		assert_in_range(a.ip[0], 11, 99);
		uint32_t v =
			((uint32_t)a.ip[0] - 11) << 24 | (uint32_t)a.ip[1] << 16 | (uint32_t)a.ip[2] << 8 | a.ip[3];
		assert_int_equal(seen[v >> 3] >> (v & 7) & 1, 0);
		seen[v >> 3] = (uint8_t)(seen[v >> 3] | 1 << (v & 7));
		assert_int_not_equal(v >> 16, before >> 16);
		before = v;
	}
	free(seen);
}

static void hundred_thousand_homes_cost_what_the_header_says(void **state)
{
	(void)state;
	enum { HOMES = 100000 };
	struct world *w = world_start(world_new());
	for (uint32_t i = 0; i < HOMES; i++)
		(void)add_host(w, add_nat(w, KITH_NET_CORE, preset("port-restricted"), public(i), plain), lan(2));
	/* Host 8, interface and NAT 56 each, NAT 152, two routes; arrays may be up to half empty. */
	assert_true(w->mem.live_bytes <= HOMES * (size_t)(8 + 2 * 56 + 152 + 2 * 24) * 3 / 2);
	for (uint32_t i = 0; i < 1000; i++) {
		uint32_t from = i * 97 % HOMES, to = (i * 89 + 1) % HOMES;
		struct kith_addr dst = public(to);
		dst.port = PORT;
		assert_int_equal(send_to(w, from, dst), KITH_NET_FLYING);
		assert_int_equal(w->flights[w->flights_n - 1].device, 2 * to + 1);
	}
	while (w->flights_n > 0)
		assert_int_equal(step(w, S), KITH_NET_NAT_IN);
	world_free(w);
}

/* The whole of it, twice: chaos is repeatable, and another seed is another chaos. */
static uint64_t chaos(uint64_t seed)
{
	struct world *w = world_new();
	w->options.seed = seed;
	w->options.delay = (struct kith_delay_model){ KITH_DELAY_COUNTRY, 0, seed };
	w->options.faults = (struct kith_access_faults){ 50000, 50000, 50000, 5 * MS, 30 * MS };
	w->options.profiles[1] = (struct kith_net_profile){ 100000, 100000, 5000, 5000, 10000, 10000 };
	world_start(w);
	struct test_random rng;
	test_random_init(&rng, 1); /* the same traffic for every seed */
	for (uint32_t i = 0; i < 30; i++) {
		struct kith_net_uplink u = { (uint32_t)(i * 500), (uint8_t)(i % 2), (uint8_t)i };
		const char *name = kith_nat_preset_name(i % 6);
		uint32_t nat = add_nat(w, KITH_NET_CORE, preset(name), public(i), u);
		(void)add_host(w, nat, lan(2));
	}
	w->echo = true;
	for (int i = 0; i < 3000; i++) {
		struct kith_addr dst = public((uint32_t)(test_random_next(&rng) % 30));
		dst.port = PORT;
		(void)send_packet(w, (uint32_t)(test_random_next(&rng) % 30), ep(0, PORT), dst, 64, 800);
		run(w, w->now + 2 * MS);
		w->inbox[i % 30].echoed = false;
	}
	run(w, w->now + 10 * S);
	assert_true(w->stats.causes[KITH_NET_DELIVERED] > 500);
	assert_true(w->stats.causes[KITH_NET_LOSS] > 0 && w->stats.causes[KITH_NET_NAT_IN] > 0);
	uint64_t trace = w->trace;
	world_free(w);
	return trace;
}

static void same_seed_same_run_other_seed_other_run(void **state)
{
	(void)state;
	uint64_t first = chaos(5);
	assert_int_equal(first, chaos(5));
	assert_int_not_equal(first, chaos(6));
}

static void every_cause_has_its_words(void **state)
{
	(void)state;
	for (int i = 0; i < KITH_NET_CAUSES_N; i++)
		assert_true(strlen(kith_net_cause_text((enum kith_net_cause)i)) > 4);
}

static void spoilt_pair_loses_delays_and_swallows_as_it_was_told(void **state)
{
	enum { N = 20000, LEN = 100 };
	(void)state;
	struct world *w = world_start(world_new());
	uint32_t a = add_host(w, KITH_NET_CORE, public(1)), b = add_host(w, KITH_NET_CORE, public(2));
	uint32_t c = add_host(w, KITH_NET_CORE, public(3));
	uint32_t from = kith_net_first_iface(w->net, a), to = kith_net_first_iface(w->net, b);
	struct kith_net_way way = { .faults.loss_ppm = 300000 };
	assert_int_equal(kith_net_pair_set(w->net, from, to, &way), 0);
	unsigned lost = 0;
	for (int i = 0; i < N; i++) {
		lost += send_to(w, a, public(2)) == KITH_NET_LOSS;
		assert_int_equal(send_to(w, b, public(1)), KITH_NET_FLYING); /* the way back, and others, are well */
		assert_int_equal(send_to(w, a, public(3)), KITH_NET_FLYING);
		run(w, w->now + S);
	}
	assert_in_range(lost, N * 3 / 10 - 330, N * 3 / 10 + 330); /* five deviations */
	way = (struct kith_net_way){ .extra_us = 380 * MS };
	assert_int_equal(kith_net_pair_set(w->net, from, to, &way), 0);
	kith_time_us sent = w->now;
	assert_int_equal(send_to(w, a, public(2)), KITH_NET_FLYING);
	assert_int_equal(send_to(w, a, public(3)), KITH_NET_FLYING);
	run(w, w->now + S);
	assert_int_equal(w->inbox[b].at - w->inbox[c].at, 380 * MS);
	assert_true(w->inbox[c].at > sent);
	way = (struct kith_net_way){ .most_bytes = LEN };
	assert_int_equal(kith_net_pair_set(w->net, from, to, &way), 0);
	for (uint32_t len = LEN; len <= LEN + 1; len++) {
		const struct kith_net_packet p = { .src = { .family = KITH_FAMILY_V4, .port = PORT },
						   .dst = public(2),
						   .len_bytes = len };
		struct kith_net_outcome out;
		kith_net_send(w->net, &w->stats, w->now, a, &p, &out);
		assert_int_equal(out.cause, len <= LEN ? KITH_NET_FLYING : KITH_NET_PAIR_SIZE);
		if (out.cause == KITH_NET_FLYING) {
			struct kith_net_flight f = out.flights[0];
			kith_net_advance(w->net, &w->stats, &f, &out);
		}
	}
	assert_int_equal(kith_net_pair_set(w->net, from, to, NULL), 0);
	assert_int_equal(kith_net_pair_set(w->net, from, to, NULL), 0);
	assert_int_equal(send_to(w, a, public(2)), KITH_NET_FLYING);
	run(w, w->now + S);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(partitions_are_one_way_and_between_groups_only),
		cmocka_unit_test(cut_pair_loses_one_path_one_way_and_the_relay_lives),
		cmocka_unit_test(cut_pairs_are_bounded),
		cmocka_unit_test(cut_host_is_cut_the_way_that_was_asked),
		cmocka_unit_test(loss_and_duplicates_come_at_their_rates_and_add_up),
		cmocka_unit_test(fate_of_a_packet_does_not_depend_on_what_others_send),
		cmocka_unit_test(uplink_of_a_nat_is_shared_by_all_behind_it_and_bounded),
		cmocka_unit_test(faults_can_be_switched_while_it_runs),
		cmocka_unit_test(moved_host_is_reached_at_its_new_address_only),
		cmocka_unit_test(nat_with_a_new_address_forgets_and_is_seen_with_it),
		cmocka_unit_test(routing_agrees_with_a_naive_model_over_many_moves),
		cmocka_unit_test(mistakes_in_building_are_refused),
		cmocka_unit_test(refused_nat_leaves_no_trace_of_its_pool),
		cmocka_unit_test(out_of_memory_at_any_point_is_an_error_and_leaks_nothing),
		cmocka_unit_test(public_addresses_are_distinct_public_and_spread),
		cmocka_unit_test(hundred_thousand_homes_cost_what_the_header_says),
		cmocka_unit_test(same_seed_same_run_other_seed_other_run),
		cmocka_unit_test(every_cause_has_its_words),
		cmocka_unit_test(spoilt_pair_loses_delays_and_swallows_as_it_was_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
