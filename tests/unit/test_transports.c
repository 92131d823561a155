/* Which transport reaches what, and at which addresses they may be reached. */
#include "support.h"

#include "base/rng.h"
#include "path/transports.h"

static struct kith_addr addr(const char *text)
{
	struct kith_addr a;
	assert_int_equal(kith_addr_parse(&a, text), 0);
	return a;
}

static struct kith_transport udp(uint16_t id, const char *local, uint8_t prefix_bits)
{
	struct kith_transport t = { .id = id, .kind = KITH_TRANSPORT_UDP, .up = true, .locals_n = 1 };
	t.locals[0] = (struct kith_local){ addr(local), KITH_ADDR_HOST, prefix_bits };
	t.family = t.locals[0].addr.family;
	return t;
}

static bool has(const struct kith_transports *ts, uint16_t id)
{
	struct kith_transport t;
	return kith_transports_get(ts, id, &t) && t.id == id;
}

/* The id of the transport to an endpoint, -1 for none. */
static int to(const struct kith_transports *ts, const char *text, uint8_t kind)
{
	uint16_t id;
	struct kith_endpoint e = { addr(text), kind, 0 };
	return kith_transports_for(ts, &e, &id) == 0 ? (int)id : -1;
}

static void an_endpoint_is_reached_over_what_speaks_its_kind_and_family_and_is_up(void **state)
{
	struct test_alloc a;
	struct kith_transports ts;
	(void)state;
	test_alloc_init(&a);
	assert_int_equal(kith_transports_init(&ts, &a.alloc), 0);
	assert_int_equal(to(&ts, "20.1.1.1:5", KITH_TRANSPORT_UDP), -1);
	struct kith_transport v4 = udp(7, "10.0.0.5:4000", 24), v6 = udp(9, "[2001:db8::5]:4000", 64);
	assert_int_equal(kith_transports_set(&ts, &v4), 0);
	assert_int_equal(kith_transports_set(&ts, &v6), 0);
	assert_int_equal(to(&ts, "20.1.1.1:5", KITH_TRANSPORT_UDP), 7);
	assert_int_equal(to(&ts, "[2001:db8::1]:5", KITH_TRANSPORT_UDP), 9);
	assert_int_equal(to(&ts, "20.1.1.1:5", KITH_TRANSPORT_TCP), -1);
	assert_int_equal(kith_transports_kind(&ts, 9), KITH_TRANSPORT_UDP);
	assert_int_equal(kith_transports_kind(&ts, 8), KITH_TRANSPORT_NONE);
	v4.up = false;
	assert_int_equal(kith_transports_set(&ts, &v4), 0);
	assert_int_equal(to(&ts, "20.1.1.1:5", KITH_TRANSPORT_UDP), -1);
	assert_true(has(&ts, 7)); /* down is not gone */
	v4.closed = true;
	assert_int_equal(kith_transports_set(&ts, &v4), 0);
	assert_false(has(&ts, 7));
	assert_int_equal(kith_transports_set(&ts, &v4), 0); /* twice is once */
	assert_int_equal(to(&ts, "[2001:db8::1]:5", KITH_TRANSPORT_UDP), 9);
	kith_transports_deinit(&ts);
	test_alloc_check(&a);
}

/* Where that leads, as text; "" if nowhere. */
static const char *hop_to(const struct kith_transports *ts, const char *text, bool guess, char out[KITH_ADDR_TEXT_MAX])
{
	struct kith_hop hop = { 0 };
	struct kith_endpoint e = { addr(text), KITH_TRANSPORT_UDP, 0 };
	return kith_transports_reach(ts, &e, guess, &hop) == 0 ? kith_addr_format(&hop.remote, out) : "";
}

/* Only where nothing speaks IPv4, and, but for who guesses, where one was seen to work; until the network changes. */
static void a_v4_address_is_reached_through_a_nat64_where_there_is_nothing_else(void **state)
{
	struct test_alloc a;
	struct kith_transports ts;
	char text[KITH_ADDR_TEXT_MAX];
	(void)state;
	test_alloc_init(&a);
	assert_int_equal(kith_transports_init(&ts, &a.alloc), 0);
	struct kith_transport v4 = udp(7, "10.0.0.5:4000", 24), v6 = udp(9, "[2001:db8::5]:4000", 64);
	struct kith_addr plain = addr("[2a00:11::1]:4433"), wrapped = addr("[64:ff9b::b01:1]:4433");
	assert_string_equal(hop_to(&ts, "11.1.0.1:4433", true, text), "");
	assert_int_equal(kith_transports_set(&ts, &v6), 0);
	assert_string_equal(hop_to(&ts, "11.1.0.1:4433", true, text), "[64:ff9b::b01:1]:4433");
	assert_string_equal(hop_to(&ts, "192.168.1.2:4433", true, text), "");
	assert_string_equal(hop_to(&ts, "11.1.0.1:4433", false, text), "");
	kith_transports_reached(&ts, &plain);
	assert_string_equal(hop_to(&ts, "11.1.0.1:4433", false, text), "");
	kith_transports_reached(&ts, &wrapped);
	assert_string_equal(hop_to(&ts, "11.1.0.1:4433", false, text), "[64:ff9b::b01:1]:4433");
	assert_int_equal(kith_transports_set(&ts, &v4), 0);
	assert_string_equal(hop_to(&ts, "11.1.0.1:4433", true, text), "11.1.0.1:4433");
	v4.closed = true;
	v4.up = false;
	assert_int_equal(kith_transports_set(&ts, &v4), 0);
	assert_int_equal(kith_transports_set(&ts, &v6), 0); /* told anew: it may be another network */
	assert_string_equal(hop_to(&ts, "11.1.0.1:4433", false, text), "");
	kith_transports_deinit(&ts);
	test_alloc_check(&a);
}

static void of_several_the_one_on_the_same_network_is_taken_else_the_first(void **state)
{
	struct test_alloc a;
	struct kith_transports ts;
	(void)state;
	test_alloc_init(&a);
	assert_int_equal(kith_transports_init(&ts, &a.alloc), 0);
	struct kith_transport line = udp(1, "10.0.0.5:4000", 24), wide = udp(2, "172.16.0.5:4000", 16),
			      near = udp(3, "172.16.7.5:4000", 0), many = udp(4, "20.9.9.9:4000", 24);
	many.purpose = KITH_PURPOSE_PUNCH;
	assert_int_equal(kith_transports_set(&ts, &line), 0);
	assert_int_equal(kith_transports_set(&ts, &wide), 0);
	assert_int_equal(kith_transports_set(&ts, &near), 0);
	assert_int_equal(kith_transports_set(&ts, &many), 0);
	assert_int_equal(to(&ts, "20.9.9.1:5", KITH_TRANSPORT_UDP), 1);
	assert_int_equal(to(&ts, "172.16.99.1:5", KITH_TRANSPORT_UDP), 2);
	assert_int_equal(to(&ts, "172.16.7.1:5", KITH_TRANSPORT_UDP), 3); /* its network is taken for a /24 */
	line.up = false;
	assert_int_equal(kith_transports_set(&ts, &line), 0);
	assert_int_equal(to(&ts, "20.9.9.1:5", KITH_TRANSPORT_UDP), 2);
	line.up = true;
	assert_int_equal(kith_transports_set(&ts, &line), 0); /* back, and first as before */
	assert_int_equal(to(&ts, "20.9.9.1:5", KITH_TRANSPORT_UDP), 1);
	kith_transports_deinit(&ts);
	test_alloc_check(&a);
}

static void a_connection_reaches_its_other_end_only_and_is_offered_to_nobody(void **state)
{
	struct test_alloc a;
	struct kith_transports ts;
	struct kith_candidate out[KITH_CANDIDATES_MAX];
	(void)state;
	test_alloc_init(&a);
	assert_int_equal(kith_transports_init(&ts, &a.alloc), 0);
	struct kith_transport tcp = udp(1, "20.0.0.5:50001", 24);
	tcp.kind = KITH_TRANSPORT_TCP;
	tcp.remote = addr("30.1.1.1:443");
	assert_int_equal(kith_transports_set(&ts, &tcp), 0);
	assert_int_equal(to(&ts, "30.1.1.1:443", KITH_TRANSPORT_TCP), 1);
	assert_int_equal(to(&ts, "30.1.1.1:444", KITH_TRANSPORT_TCP), -1);
	assert_int_equal(kith_transports_candidates(&ts, NULL, 0, false, out, KITH_CANDIDATES_MAX), 0);
	kith_transports_deinit(&ts);
	test_alloc_check(&a);
}

static void what_is_offered_is_what_is_seen_then_what_is_own_each_once(void **state)
{
	struct test_alloc a;
	struct kith_transports ts;
	struct kith_candidate out[KITH_CANDIDATES_MAX];
	struct kith_seen seen[4] = { { addr("20.0.0.1:7000"), 1 },
				     { { 0 }, 1 },
				     { addr("20.0.0.1:7000"), 1 },
				     { addr("20.0.0.1:7001"), 66 } /* over one that is gone */ };
	static const char *const locals[] = { "127.0.0.1:5", "169.254.1.1:5", "10.0.0.1:5", "224.0.0.1:5",
					      "0.0.0.0:5" };
	(void)state;
	test_alloc_init(&a);
	assert_int_equal(kith_transports_init(&ts, &a.alloc), 0);
	struct kith_transport t = udp(1, "23.22.3.4:5", 20), other = udp(2, "23.22.3.4:5", 24),
			      many = udp(3, "23.1.1.1:9", 24);
	for (size_t i = 0; i < 5; i++)
		t.locals[t.locals_n++] = (struct kith_local){ addr(locals[i]), KITH_ADDR_HOST, 0 };
	t.locals[t.locals_n++] = (struct kith_local){ addr("20.0.0.1:9000"), KITH_ADDR_MAPPED, 0 };
	other.kind = KITH_TRANSPORT_TCP; /* on the same port */
	many.purpose = KITH_PURPOSE_PUNCH;
	assert_int_equal(kith_transports_set(&ts, &t), 0);
	assert_int_equal(kith_transports_set(&ts, &other), 0);
	assert_int_equal(kith_transports_set(&ts, &many), 0);
	assert_int_equal(kith_transports_candidates(&ts, seen, 4, false, out, KITH_CANDIDATES_MAX), 5);
	static const struct {
		const char *at;
		uint8_t kind, transport_kind, prefix_bits;
	} want[] = { { "20.0.0.1:7000", KITH_ADDR_OBSERVED, KITH_TRANSPORT_UDP, 0 },
		     { "23.22.3.4:5", KITH_ADDR_HOST, KITH_TRANSPORT_UDP, 20 },
		     { "23.22.3.4:5", KITH_ADDR_HOST, KITH_TRANSPORT_TCP, 24 },
		     { "10.0.0.1:5", KITH_ADDR_HOST, KITH_TRANSPORT_UDP, 0 },
		     { "20.0.0.1:9000", KITH_ADDR_MAPPED, KITH_TRANSPORT_UDP, 0 } };
	for (size_t i = 0; i < 5; i++) {
		struct kith_addr at = addr(want[i].at);
		assert_true(kith_addr_equal(&out[i].at.addr, &at));
		assert_int_equal(out[i].kind, want[i].kind);
		assert_int_equal(out[i].at.kind, want[i].transport_kind);
		assert_int_equal(out[i].transport, want[i].transport_kind == KITH_TRANSPORT_UDP ? 1 : 2);
		assert_int_equal(out[i].prefix_bits, want[i].prefix_bits);
	}
	assert_int_equal(kith_transports_candidates(&ts, seen, 4, true, out, KITH_CANDIDATES_MAX), 6);
	assert_int_equal(kith_transports_candidates(&ts, seen, 4, true, out, 2), 2);
	kith_transports_deinit(&ts);
	test_alloc_check(&a);
}

/* A TURN server's is offered as what it is, and leads nowhere but to contacts. */
static void what_a_server_relays_is_offered_and_chosen_for_nothing(void **state)
{
	struct test_alloc a;
	struct kith_transports ts;
	struct kith_candidate out[KITH_CANDIDATES_MAX];
	struct kith_transport t = udp(1, "10.0.0.1:5", 24), turn = udp(2, "66.6.0.6:50000", 0);
	struct kith_seen seen[1] = { { addr("20.0.0.1:7000"), 2 } }; /* where a peer saw us by it */
	const struct kith_endpoint home = kith_endpoint_udp(&t.locals[0].addr);
	uint16_t id = 0;
	(void)state;
	test_alloc_init(&a);
	assert_int_equal(kith_transports_init(&ts, &a.alloc), 0);
	turn.purpose = KITH_PURPOSE_RELAYED;
	turn.locals[0].kind = KITH_ADDR_RELAYED;
	assert_int_equal(kith_transports_set(&ts, &turn), 0);
	assert_int_equal(kith_transports_for(&ts, &home, &id), KITH_ENOENT);
	assert_true(kith_transports_is_relayed(&ts, 2) && !kith_transports_is_relayed(&ts, 1));
	assert_false(kith_transports_relayed(&ts, KITH_FAMILY_V6, &id));
	assert_true(kith_transports_relayed(&ts, KITH_FAMILY_V4, &id));
	assert_int_equal(id, 2);
	assert_false(kith_transports_has_udp(&ts)); /* it says nothing about ours */
	assert_int_equal(kith_transports_set(&ts, &t), 0);
	assert_int_equal(kith_transports_for(&ts, &home, &id), 0);
	assert_int_equal(id, 1);
	assert_int_equal(kith_transports_candidates(&ts, seen, 1, false, out, KITH_CANDIDATES_MAX), 2);
	assert_int_equal(out[0].kind, KITH_ADDR_RELAYED);
	assert_int_equal(out[0].at.kind, KITH_TRANSPORT_UDP);
	assert_true(kith_addr_equal(&out[0].at.addr, &turn.locals[0].addr));
	assert_int_equal(out[1].kind, KITH_ADDR_HOST);
	turn.up = false;
	turn.locals_n = 0;
	assert_int_equal(kith_transports_set(&ts, &turn), 0);
	assert_false(kith_transports_relayed(&ts, KITH_FAMILY_V4, &id));
	assert_int_equal(kith_transports_candidates(&ts, seen, 1, false, out, KITH_CANDIDATES_MAX), 1);
	kith_transports_deinit(&ts);
	test_alloc_check(&a);
}

/* Behind a NAT: where others see us, with the port that may be forwarded by hand; never the port of one connection. */
static void what_takes_connections_in_is_offered_and_no_way_out(void **state)
{
	struct test_alloc a;
	struct kith_transports ts;
	struct kith_candidate out[KITH_OWN_MAX];
	const struct kith_seen seen[2] = { { addr("20.0.0.1:7000"), 1 }, { addr("20.0.0.1:51234"), 3 } };
	(void)state;
	test_alloc_init(&a);
	assert_int_equal(kith_transports_init(&ts, &a.alloc), 0);
	struct kith_transport u = udp(1, "10.0.0.5:4000", 24), in = udp(2, "10.0.0.5:4001", 24),
			      way = udp(3, "10.0.0.5:0", 24);
	in.kind = way.kind = KITH_TRANSPORT_TCP;
	in.purpose = KITH_PURPOSE_IN;
	way.purpose = KITH_PURPOSE_OUT;
	for (in.locals_n = 1; in.locals_n < 6; in.locals_n++) {
		in.locals[in.locals_n] = in.locals[0];
		in.locals[in.locals_n].addr.ip[2] = (uint8_t)in.locals_n;
	}
	assert_int_equal(kith_transports_set(&ts, &u), 0);
	assert_false(kith_transports_listens(&ts, KITH_TRANSPORT_TCP, KITH_FAMILY_V4));
	assert_int_equal(kith_transports_set(&ts, &in), 0);
	assert_true(kith_transports_listens(&ts, KITH_TRANSPORT_TCP, KITH_FAMILY_V4));
	assert_false(kith_transports_listens(&ts, KITH_TRANSPORT_TCP, KITH_FAMILY_V6));
	assert_int_equal(to(&ts, "20.1.1.1:5", KITH_TRANSPORT_TCP), -1);
	assert_int_equal(kith_transports_set(&ts, &way), 0);
	assert_int_equal(to(&ts, "20.1.1.1:5", KITH_TRANSPORT_TCP), 3);
	const size_t n = kith_transports_candidates(&ts, seen, 2, false, out, KITH_OWN_MAX);
	unsigned tcp = 0;
	for (size_t i = 0; i < n; i++) {
		const struct kith_addr forwarded = addr("20.0.0.1:4001");
		if (out[i].at.kind != KITH_TRANSPORT_TCP)
			continue;
		tcp++;
		assert_int_equal(out[i].transport, 2);
		assert_int_equal(kith_addr_equal(&out[i].at.addr, &forwarded), out[i].kind == KITH_ADDR_PREDICTED);
		assert_int_equal(out[i].at.addr.port, 4001);
	}
	assert_int_equal(tcp, 3 + 1); /* a few of its own, and the one that is hoped for, last */
	assert_int_equal(out[n - 1].kind, KITH_ADDR_PREDICTED);
	assert_true(kith_transports_has_udp(&ts));
	kith_transports_mute(&ts, 1, true);
	assert_false(kith_transports_has_udp(&ts));
	kith_transports_deinit(&ts);
	test_alloc_check(&a);
}

static void only_a_mapping_that_is_new_or_gone_is_no_move(void **state)
{
	(void)state;
	const struct kith_transport plain = udp(1, "10.0.0.2:4000", 24), other = udp(1, "10.0.1.2:4000", 24);
	struct kith_transport mapped = plain, moved = plain, down = plain;
	mapped.locals[mapped.locals_n++] = (struct kith_local){ addr("20.0.0.1:9000"), KITH_ADDR_MAPPED, 0 };
	moved.locals[0] = (struct kith_local){ addr("20.0.0.2:9000"), KITH_ADDR_MAPPED, 0 };
	moved.locals[moved.locals_n++] = plain.locals[0]; /* in another order, and another outer address */
	down.up = false;
	assert_true(kith_transports_only_mapped(&plain, &mapped));
	assert_true(kith_transports_only_mapped(&mapped, &plain));
	assert_true(kith_transports_only_mapped(&mapped, &moved));
	assert_false(kith_transports_only_mapped(&plain, &plain)); /* told again: an interface was down in between */
	assert_false(kith_transports_only_mapped(&mapped, &mapped));
	assert_false(kith_transports_only_mapped(&plain, &other));
	assert_false(kith_transports_only_mapped(&mapped, &other)); /* another network, and so no mapping */
	assert_false(kith_transports_only_mapped(&down, &mapped));
	assert_false(kith_transports_only_mapped(&mapped, &down));
}

static void what_makes_no_sense_is_refused_and_changes_nothing(void **state)
{
	struct test_alloc a;
	struct kith_transports ts;
	(void)state;
	test_alloc_init(&a);
	assert_int_equal(kith_transports_init(&ts, &a.alloc), 0);
	struct kith_transport good = udp(1, "20.0.0.5:4000", 24), bad = good;
	assert_int_equal(kith_transports_set(&ts, &good), 0);
	bad.kind = KITH_TRANSPORT_NONE;
	assert_int_equal(kith_transports_set(&ts, &bad), KITH_EINVAL);
	bad = good;
	bad.family = KITH_FAMILY_NONE;
	assert_int_equal(kith_transports_set(&ts, &bad), KITH_EINVAL);
	bad = good;
	bad.locals_n = KITH_LOCALS_MAX + 1;
	assert_int_equal(kith_transports_set(&ts, &bad), KITH_EINVAL);
	bad = good;
	bad.closed = true;
	assert_int_equal(kith_transports_set(&ts, &bad), KITH_EINVAL);
	assert_int_equal(to(&ts, "30.1.1.1:5", KITH_TRANSPORT_UDP), 1);
	kith_transports_deinit(&ts);
	test_alloc_check(&a);
}

static void hundreds_of_sockets_come_and_go(void **state)
{
	struct test_alloc a;
	struct kith_transports ts;
	(void)state;
	test_alloc_init(&a);
	assert_int_equal(kith_transports_init(&ts, &a.alloc), 0);
	struct kith_transport t = udp(0, "20.0.0.5:4000", 24);
	assert_int_equal(kith_transports_set(&ts, &t), 0);
	t.purpose = KITH_PURPOSE_PUNCH;
	for (uint16_t id = 1; id < KITH_TRANSPORTS_MAX; id++) {
		t.id = id;
		assert_int_equal(kith_transports_set(&ts, &t), 0);
	}
	t.id = KITH_TRANSPORTS_MAX;
	assert_int_equal(kith_transports_set(&ts, &t), KITH_EFULL);
	assert_int_equal(to(&ts, "30.1.1.1:5", KITH_TRANSPORT_UDP), 0);
	t.up = false;
	t.closed = true;
	for (uint16_t id = 1; id < KITH_TRANSPORTS_MAX; id = (uint16_t)(id + 2)) {
		t.id = id;
		assert_int_equal(kith_transports_set(&ts, &t), 0);
	}
	assert_int_equal(ts.n, KITH_TRANSPORTS_MAX / 2);
	assert_false(has(&ts, 1));
	assert_true(has(&ts, 2));
	const size_t many = a.live_bytes;
	for (uint16_t id = 2; id < KITH_TRANSPORTS_MAX; id = (uint16_t)(id + 2)) {
		t.id = id;
		assert_int_equal(kith_transports_set(&ts, &t), 0);
	}
	assert_true(ts.n == 1 && a.live_bytes < many / 16); /* what they took is given back */
	kith_transports_deinit(&ts);
	test_alloc_check(&a);
}

/* Each has its own, in whatever order they are told of, change and close; and no more memory than it takes. */
static void local_addresses_stay_with_their_transport_and_take_what_they_need(void **state)
{
	enum { N = 5, ROUNDS = 2000 };
	struct test_alloc a;
	struct kith_transports ts;
	struct kith_transport told[N] = { { 0 } }, got;
	(void)state;
	test_alloc_init(&a);
	assert_int_equal(kith_transports_init(&ts, &a.alloc), 0);
	const size_t bare = a.live_bytes;
	struct test_random random;
	test_random_init(&random, 5);
	for (unsigned r = 0; r < ROUNDS; r++) {
		const uint16_t id = (uint16_t)kith_rng_below(&random.random, N);
		struct kith_transport *t = &told[id];
		*t = (struct kith_transport){ .id = id,
					      .kind = KITH_TRANSPORT_UDP,
					      .family = KITH_FAMILY_V4,
					      .purpose = KITH_PURPOSE_PUNCH,
					      .effect = r + 1,
					      .remote = addr("20.9.9.9:7"),
					      .closed = kith_rng_below(&random.random, 4) == 0 };
		t->locals_n = kith_rng_below(&random.random, KITH_LOCALS_MAX + 1);
		for (size_t i = 0; i < t->locals_n; i++) {
			t->locals[i] = (struct kith_local){ addr("10.0.0.1:1"), KITH_ADDR_HOST, (uint8_t)i };
			t->locals[i].addr.port = (uint16_t)(r * KITH_LOCALS_MAX + i);
		}
		assert_int_equal(kith_transports_set(&ts, t), 0);
		for (uint16_t i = 0; i < N; i++) {
			const bool there = told[i].kind != KITH_TRANSPORT_NONE && !told[i].closed;
			assert_int_equal(kith_transports_get(&ts, i, &got), there);
			if (!there)
				continue;
			assert_int_equal(got.effect, told[i].effect);
			assert_int_equal(got.purpose, KITH_PURPOSE_PUNCH);
			assert_true(kith_addr_equal(&got.remote, &told[i].remote));
			assert_int_equal(got.locals_n, told[i].locals_n);
			assert_memory_equal(got.locals, told[i].locals, got.locals_n * sizeof got.locals[0]);
		}
	}
	kith_transports_deinit(&ts);
	test_alloc_check(&a);
	/* One with one address: what a leaf that idles holds. */
	assert_true(bare < 64);
}

static void without_memory_the_ones_there_are_stay(void **state)
{
	struct test_alloc a;
	struct kith_transports ts;
	(void)state;
	test_alloc_init(&a);
	a.fail_after = 0;
	assert_int_equal(kith_transports_init(&ts, &a.alloc), KITH_ENOMEM);
	kith_transports_deinit(&ts);
	a.fail_after = -1;
	assert_int_equal(kith_transports_init(&ts, &a.alloc), 0);
	struct kith_transport t = udp(1, "20.0.0.5:4000", 24);
	a.fail_after = 0;
	assert_int_equal(kith_transports_set(&ts, &t), 0); /* one can always be told of */
	t.id = 2;
	assert_int_equal(kith_transports_set(&ts, &t), KITH_ENOMEM);
	t = udp(1, "20.0.0.5:4000", 24);
	t.locals[t.locals_n++] = (struct kith_local){ addr("30.1.1.2:4000"), KITH_ADDR_HOST, 24 };
	assert_int_equal(kith_transports_set(&ts, &t), KITH_ENOMEM);
	struct kith_transport got;
	assert_true(kith_transports_get(&ts, 1, &got));
	assert_int_equal(got.locals_n, 1);
	assert_int_equal(to(&ts, "30.1.1.1:5", KITH_TRANSPORT_UDP), 1);
	kith_transports_deinit(&ts);
	test_alloc_check(&a);
}

static void one_that_reaches_the_link_carries_nothing_else(void **state)
{
	struct test_alloc a;
	struct kith_transports ts;
	struct kith_candidate list[4];
	struct kith_transport found;
	uint16_t i = 0;
	(void)state;
	test_alloc_init(&a);
	assert_int_equal(kith_transports_init(&ts, &a.alloc), 0);
	struct kith_transport lan = udp(3, "192.168.1.5:7411", 24), v4 = udp(0, "192.168.1.5:4000", 24);
	lan.purpose = KITH_PURPOSE_LAN;
	lan.remote = addr("239.255.75.72:7411");
	assert_int_equal(kith_transports_set(&ts, &lan), 0);
	assert_int_equal(to(&ts, "192.168.1.9:5", KITH_TRANSPORT_UDP), -1);
	assert_int_equal(to(&ts, "239.255.75.72:7411", KITH_TRANSPORT_UDP), -1);
	assert_int_equal(kith_transports_candidates(&ts, NULL, 0, false, list, 4), 0);
	assert_int_equal(kith_transports_set(&ts, &v4), 0);
	assert_int_equal(kith_transports_candidates(&ts, NULL, 0, false, list, 4), 1);
	assert_true(kith_transports_is_lan(&ts, 3));
	assert_false(kith_transports_is_lan(&ts, 0));
	assert_true(kith_transports_next(&ts, KITH_PURPOSE_LAN, &i, &found));
	assert_int_equal(found.id, 3);
	assert_false(kith_transports_next(&ts, KITH_PURPOSE_LAN, &i, &found));
	lan.closed = true;
	lan.up = false;
	assert_int_equal(kith_transports_set(&ts, &lan), 0);
	assert_false(kith_transports_is_lan(&ts, 3));
	lan.closed = false;
	lan.id = 16; /* there is no bit for it */
	assert_int_equal(kith_transports_set(&ts, &lan), KITH_EINVAL);
	kith_transports_deinit(&ts);
}

/* Of own addresses the last two at which a peer was met are told from the others; what a peer says of others is not
 * kept. */
static void the_last_two_own_addresses_that_worked_are_known(void **state)
{
	struct test_alloc a;
	struct kith_transports ts;
	struct kith_candidate list[8];
	static const char *const own[] = { "192.168.1.5:4000", "172.17.0.1:4000", "10.9.0.20:4000", "10.8.0.20:4000" };
	(void)state;
	test_alloc_init(&a);
	assert_int_equal(kith_transports_init(&ts, &a.alloc), 0);
	struct kith_transport v4 = udp(0, own[0], 24);
	for (size_t i = 1; i < 4; i++)
		v4.locals[v4.locals_n++] = (struct kith_local){ .addr = addr(own[i]), .kind = KITH_ADDR_HOST };
	assert_int_equal(kith_transports_set(&ts, &v4), 0);
	const struct kith_addr strange = addr("55.5.5.5:4000");
	kith_transports_met(&ts, &strange);
	for (size_t met = 0; met < 5; met++) {
		const struct kith_addr at = met > 0 ? addr(own[met - 1]) : strange;
		kith_transports_met(&ts, &at);
		kith_transports_met(&ts, &at);
		assert_int_equal(kith_transports_candidates(&ts, NULL, 0, false, list, 8), 4);
		for (size_t i = 0; i < 4; i++)
			assert_int_equal(list[i].worked, i < met && i + 2 >= met);
	}
	kith_transports_met(&ts, &strange); /* who says so pushes nobody out */
	assert_int_equal(kith_transports_candidates(&ts, NULL, 0, false, list, 8), 4);
	assert_true(list[2].worked && list[3].worked);
	assert_int_equal(kith_transports_candidates(&ts, NULL, 0, false, list, 2), 2); /* less room than there are */
	assert_false(list[0].worked || list[1].worked);
	kith_transports_deinit(&ts);
}

static void the_link_is_where_an_interface_is(void **state)
{
	struct test_alloc a;
	struct kith_transports ts;
	(void)state;
	test_alloc_init(&a);
	assert_int_equal(kith_transports_init(&ts, &a.alloc), 0);
	struct kith_transport v4 = udp(0, "192.168.1.5:4000", 26), v6 = udp(1, "[fd00::5]:4000", 64);
	const struct kith_addr near = addr("192.168.1.60:1"), far = addr("192.168.1.70:1"), near6 = addr("[fd00::9]:1");
	assert_int_equal(kith_transports_set(&ts, &v4), 0);
	assert_int_equal(kith_transports_set(&ts, &v6), 0);
	assert_true(kith_transports_on_link(&ts, &near));
	assert_true(kith_transports_on_link(&ts, &near6));
	assert_false(kith_transports_on_link(&ts, &far));
	v4.up = false;
	assert_int_equal(kith_transports_set(&ts, &v4), 0);
	assert_false(kith_transports_on_link(&ts, &near));
	kith_transports_deinit(&ts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_endpoint_is_reached_over_what_speaks_its_kind_and_family_and_is_up),
		cmocka_unit_test(a_v4_address_is_reached_through_a_nat64_where_there_is_nothing_else),
		cmocka_unit_test(of_several_the_one_on_the_same_network_is_taken_else_the_first),
		cmocka_unit_test(a_connection_reaches_its_other_end_only_and_is_offered_to_nobody),
		cmocka_unit_test(what_is_offered_is_what_is_seen_then_what_is_own_each_once),
		cmocka_unit_test(what_a_server_relays_is_offered_and_chosen_for_nothing),
		cmocka_unit_test(what_takes_connections_in_is_offered_and_no_way_out),
		cmocka_unit_test(only_a_mapping_that_is_new_or_gone_is_no_move),
		cmocka_unit_test(what_makes_no_sense_is_refused_and_changes_nothing),
		cmocka_unit_test(one_that_reaches_the_link_carries_nothing_else),
		cmocka_unit_test(the_last_two_own_addresses_that_worked_are_known),
		cmocka_unit_test(the_link_is_where_an_interface_is),
		cmocka_unit_test(hundreds_of_sockets_come_and_go),
		cmocka_unit_test(local_addresses_stay_with_their_transport_and_take_what_they_need),
		cmocka_unit_test(without_memory_the_ones_there_are_stay),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
