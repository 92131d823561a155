#include "support.h"

#include "base/limits.h"
#include "codec/cursor.h"
#include "relay/fwd.h"

static const uint64_t seed[2] = { 5, 6 };
static struct test_alloc mem;
static struct test_random rnd;
static struct kith_fwd fwd;
static struct kith_fwd_limits limits;

static int setup(void **state)
{
	(void)state;
	test_alloc_init(&mem);
	test_random_init(&rnd, 1);
	limits = (struct kith_fwd_limits){ .tunnels_max = 64, .tunnels_per_owner = 8 };
	kith_fwd_init(&fwd, &mem.alloc, &rnd.random, &limits, 0xab, seed);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	kith_fwd_deinit(&fwd);
	test_alloc_check(&mem);
	return 0;
}

static void with_limits(void)
{
	kith_fwd_deinit(&fwd);
	kith_fwd_init(&fwd, &mem.alloc, &rnd.random, &limits, 0xab, seed);
}

static struct kith_addr addr_of(uint32_t n)
{
	struct kith_addr a = { .family = KITH_FAMILY_V4,
			       .port = 1000,
			       .ip = { 20, (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n } };
	return a;
}

static struct kith_fwd_leg_spec leg(uint32_t session)
{
	struct kith_fwd_leg_spec s = { .remote = addr_of(session), .transport = 1, .session = session, .proven = true };
	s.owner.b[0] = (uint8_t)session;
	s.owner.b[1] = (uint8_t)(session >> 8);
	return s;
}

static void open_tunnel(kith_time_us now, uint32_t a, uint32_t b, uint64_t ids[2])
{
	struct kith_fwd_leg_spec sa = leg(a), sb = leg(b);
	assert_int_equal(kith_fwd_open(&fwd, now, &sa, &sb, ids), 0);
}

static size_t packet_to(uint8_t *buf, uint64_t id, size_t len)
{
	struct kith_writer w = kith_writer_of(buf, len);
	kith_write_u8(&w, 0xe9);
	kith_write_uint(&w, 0, 3);
	kith_write_u64(&w, id);
	memset(buf + 12, 0x5a, len - 12);
	return len;
}

static uint64_t id_in(const uint8_t *buf)
{
	struct kith_reader r = kith_reader_of(buf + 4, 8);
	return kith_read_u64(&r);
}

static enum kith_fwd_verdict send(kith_time_us now, uint64_t id, size_t len, uint32_t from, struct kith_fwd_out *out)
{
	uint8_t buf[2048];
	struct kith_fwd_out unused;
	struct kith_addr src = addr_of(from);
	packet_to(buf, id, len);
	return kith_fwd_train(&fwd, now, buf, len, 0, &src, 1, out != NULL ? out : &unused);
}

static void a_packet_leaves_on_the_other_leg_with_its_id(void **state)
{
	(void)state;
	uint64_t ids[2];
	uint8_t buf[64];
	struct kith_fwd_out out;
	open_tunnel(0, 7, 9, ids);
	assert_int_equal(ids[0] >> 56, 0xab);
	assert_int_equal(ids[1] >> 56, 0xab);
	assert_true(ids[0] != ids[1]);
	for (int side = 0; side < 2; side++) {
		struct kith_addr src = addr_of(side ? 9 : 7), to = addr_of(side ? 7 : 9);
		packet_to(buf, ids[side], sizeof buf);
		assert_int_equal(kith_fwd_train(&fwd, 1, buf, sizeof buf, 0, &src, 1, &out), KITH_FWD_FORWARD);
		assert_true(id_in(buf) == ids[1 - side]);
		assert_true(kith_addr_equal(&out.remote, &to));
		assert_int_equal(out.transport, 1);
		assert_int_equal(buf[0], 0xe9);
		for (size_t i = 12; i < sizeof buf; i++)
			assert_int_equal(buf[i], 0x5a);
	}
	assert_int_equal(fwd.packets, 2);
	assert_int_equal(fwd.bytes, 128);
}

static void a_chained_leg_leaves_with_the_next_supernodes_id(void **state)
{
	(void)state;
	uint64_t ids[2];
	uint8_t buf[64];
	struct kith_fwd_out out;
	struct kith_fwd_leg_spec a = leg(1), b = leg(2);
	struct kith_addr src = addr_of(1);
	b.out_id = 0x1122334455667788;
	assert_int_equal(kith_fwd_open(&fwd, 0, &a, &b, ids), 0);
	packet_to(buf, ids[0], sizeof buf);
	assert_int_equal(kith_fwd_train(&fwd, 0, buf, sizeof buf, 0, &src, 1, &out), KITH_FWD_FORWARD);
	assert_true(id_in(buf) == 0x1122334455667788);
	assert_int_equal(send(0, b.out_id, 100, 1, NULL), KITH_FWD_UNKNOWN); /* it is none of ours */
}

static void malformed_headers_are_dropped_and_untouched(void **state)
{
	(void)state;
	uint64_t ids[2];
	uint8_t good[64], buf[64];
	struct kith_fwd_out out;
	struct kith_addr src = addr_of(7);
	open_tunnel(0, 7, 9, ids);
	packet_to(good, ids[0], sizeof good);
	for (size_t len = 0; len <= 12; len++) { /* a header without anything inside is no packet either */
		uint8_t *exact = malloc(len + 1);
		memcpy(exact, good, len);
		assert_int_equal(kith_fwd_train(&fwd, 0, exact, len, 0, &src, 1, &out), KITH_FWD_MALFORMED);
		free(exact);
	}
	for (int i = 0; i < 4; i++) {
		memcpy(buf, good, sizeof buf);
		buf[i] ^= 1;
		assert_int_equal(kith_fwd_train(&fwd, 0, buf, sizeof buf, 0, &src, 1, &out), KITH_FWD_MALFORMED);
	}
	for (int i = 4; i < 12; i++) {
		memcpy(buf, good, sizeof buf);
		buf[i] ^= 1;
		assert_int_equal(kith_fwd_train(&fwd, 0, buf, sizeof buf, 0, &src, 1, &out), KITH_FWD_UNKNOWN);
		buf[i] ^= 1;
		assert_memory_equal(buf, good, sizeof buf);
	}
}

static void only_the_bound_address_and_transport_may_send(void **state)
{
	(void)state;
	uint64_t ids[2];
	uint8_t buf[64];
	struct kith_fwd_out out;
	struct kith_addr src = addr_of(7);
	open_tunnel(0, 7, 9, ids);
	assert_int_equal(send(0, ids[0], 100, 9, &out), KITH_FWD_WRONG_SOURCE);
	assert_int_equal(out.session, 7);
	assert_int_equal(send(0, ids[1], 100, 7, NULL), KITH_FWD_WRONG_SOURCE);
	src.port++;
	packet_to(buf, ids[0], sizeof buf);
	assert_int_equal(kith_fwd_train(&fwd, 0, buf, sizeof buf, 0, &src, 1, &out), KITH_FWD_WRONG_SOURCE);
	src.port--;
	assert_int_equal(kith_fwd_train(&fwd, 0, buf, sizeof buf, 0, &src, 2, &out), KITH_FWD_WRONG_SOURCE);
	assert_true(id_in(buf) == ids[0]);
}

static void an_unproven_leg_never_gets_more_bytes_than_it_sent(void **state)
{
	(void)state;
	uint64_t ids[2];
	struct kith_fwd_leg_spec a = leg(7), b = leg(9);
	struct kith_addr moved = addr_of(70), home = addr_of(7);
	a.proven = false;
	a.credit = 150;
	assert_int_equal(kith_fwd_open(&fwd, 0, &a, &b, ids), 0);
	assert_int_equal(send(0, ids[1], 100, 9, NULL), KITH_FWD_FORWARD);
	assert_int_equal(send(0, ids[1], 100, 9, NULL), KITH_FWD_NO_CREDIT);
	assert_int_equal(send(0, ids[1], 50, 9, NULL), KITH_FWD_FORWARD);
	assert_int_equal(send(0, ids[1], 13, 9, NULL), KITH_FWD_NO_CREDIT);
	assert_int_equal(send(0, ids[0], 64, 7, NULL), KITH_FWD_FORWARD);
	assert_int_equal(send(0, ids[1], 65, 9, NULL), KITH_FWD_NO_CREDIT);
	assert_int_equal(send(0, ids[1], 64, 9, NULL), KITH_FWD_FORWARD);
	assert_int_equal(kith_fwd_rebind(&fwd, 7, &home, 1, true), 1);
	for (int i = 0; i < 20; i++)
		assert_int_equal(send(0, ids[1], 1200, 9, NULL), KITH_FWD_FORWARD);
	assert_int_equal(kith_fwd_rebind(&fwd, 7, &home, 1, false), 1); /* it did not move: still proven */
	assert_int_equal(send(0, ids[1], 1200, 9, NULL), KITH_FWD_FORWARD);
	assert_int_equal(kith_fwd_rebind(&fwd, 7, &moved, 1, false), 1);
	assert_int_equal(send(0, ids[1], 13, 9, NULL), KITH_FWD_NO_CREDIT);
	assert_int_equal(send(0, ids[0], 13, 70, NULL), KITH_FWD_FORWARD);
	assert_int_equal(send(0, ids[1], 13, 9, NULL), KITH_FWD_FORWARD);
}

static void nothing_is_sent_to_a_leg_without_an_address(void **state)
{
	(void)state;
	uint64_t ids[2];
	struct kith_fwd_leg_spec a = leg(7), b = leg(9);
	struct kith_addr none = { 0 };
	struct kith_fwd_out out;
	uint8_t buf[32];
	b.remote = none;
	assert_int_equal(kith_fwd_open(&fwd, 0, &a, &b, ids), 0);
	assert_int_equal(send(0, ids[0], 100, 7, NULL), KITH_FWD_NO_CREDIT);
	b.remote = addr_of(9);
	kith_fwd_rebind(&fwd, 9, &b.remote, 1, true);
	assert_int_equal(send(0, ids[0], 100, 7, &out), KITH_FWD_FORWARD);
	packet_to(buf, ids[1], sizeof buf);
	assert_int_equal(kith_fwd_train(&fwd, 0, buf, sizeof buf, 0, &none, 1, &out), KITH_FWD_WRONG_SOURCE);
}

static void all_legs_follow_their_session(void **state)
{
	(void)state;
	uint64_t ids[3][2];
	struct kith_addr moved = addr_of(500);
	open_tunnel(0, 7, 9, ids[0]);
	open_tunnel(0, 8, 7, ids[1]);
	open_tunnel(0, 8, 9, ids[2]);
	assert_int_equal(kith_fwd_rebind(&fwd, 7, &moved, 1, true), 2);
	assert_int_equal(kith_fwd_rebind(&fwd, 1234, &moved, 1, true), 0);
	assert_int_equal(send(0, ids[0][0], 100, 7, NULL), KITH_FWD_WRONG_SOURCE);
	assert_int_equal(send(0, ids[0][0], 100, 500, NULL), KITH_FWD_FORWARD);
	assert_int_equal(send(0, ids[1][1], 100, 500, NULL), KITH_FWD_FORWARD);
	assert_int_equal(send(0, ids[2][0], 100, 8, NULL), KITH_FWD_FORWARD);
}

static void a_leg_is_shown_to_its_session_alone_and_only_if_it_is_proven(void **state)
{
	uint64_t ids[2], other_id;
	uint32_t other;
	struct kith_addr at;
	(void)state;
	open_tunnel(0, 1, 2, ids);
	assert_true(kith_fwd_leg(&fwd, ids[0], 1, &at, &other_id, &other));
	const struct kith_addr one = addr_of(1), moved = addr_of(9);
	assert_true(kith_addr_equal(&at, &one) && other_id == ids[1] && other == 2);
	assert_false(kith_fwd_leg(&fwd, ids[0], 2, &at, &other_id, &other));
	assert_false(kith_fwd_leg(&fwd, ids[0] ^ ids[1], 1, &at, &other_id, &other));
	assert_int_equal(kith_fwd_rebind(&fwd, 1, &moved, 1, false), 1);
	assert_false(kith_fwd_leg(&fwd, ids[0], 1, &at, &other_id, &other));
}

static void an_owner_is_held_to_its_rate_and_told_once_a_second(void **state)
{
	(void)state;
	uint64_t ids[2], other[2];
	struct kith_fwd_out out;
	limits.owner_rate = 1000;
	limits.owner_burst = 5000;
	with_limits();
	open_tunnel(0, 7, 9, ids);
	open_tunnel(0, 8, 9, other);
	for (int i = 0; i < 5; i++)
		assert_int_equal(send(0, ids[0], 1000, 7, NULL), KITH_FWD_FORWARD);
	assert_int_equal(send(0, ids[0], 100, 7, &out), KITH_FWD_LIMITED_OWNER);
	assert_true(out.tell);
	assert_int_equal(out.session, 7);
	assert_int_equal(send(1, ids[0], 100, 7, &out), KITH_FWD_LIMITED_OWNER);
	assert_false(out.tell);
	assert_int_equal(send(1, other[0], 1000, 8, NULL), KITH_FWD_FORWARD); /* others are not held back */
	assert_int_equal(send(1, ids[1], 1000, 9, NULL), KITH_FWD_FORWARD); /* nor is the other direction */
	assert_int_equal(send(99999, ids[0], 100, 7, NULL), KITH_FWD_LIMITED_OWNER);
	assert_int_equal(send(100000, ids[0], 100, 7, NULL), KITH_FWD_FORWARD);
	assert_int_equal(send(KITH_US_PER_S + 2, ids[0], 1000, 7, &out), KITH_FWD_LIMITED_OWNER);
	assert_true(out.tell);
	assert_int_equal(send(1000 * KITH_US_PER_S, ids[0], 1500, 7, NULL), KITH_FWD_FORWARD);
}

/* Small steps must not lose what is less than a byte. */
static void a_bucket_fills_exactly_at_any_step(void **state)
{
	(void)state;
	uint64_t ids[2];
	limits.owner_rate = 3333;
	limits.owner_burst = 2000;
	with_limits();
	open_tunnel(0, 7, 9, ids);
	uint64_t sent = 0;
	for (kith_time_us now = 0; now <= 20 * KITH_US_PER_S; now += 97)
		sent += send(now, ids[0], 13, 7, NULL) == KITH_FWD_FORWARD ? 13 : 0;
	assert_in_range(sent, 2000 + 20 * 3333 - 13, 2000 + 20 * 3333);
}

static void all_owners_together_are_held_to_the_total(void **state)
{
	(void)state;
	uint64_t ids[2], other[2];
	limits.rate = 1000;
	limits.burst = 1500;
	with_limits();
	open_tunnel(0, 7, 9, ids);
	open_tunnel(0, 8, 9, other);
	assert_int_equal(send(0, ids[0], 1000, 7, NULL), KITH_FWD_FORWARD);
	assert_int_equal(send(0, other[0], 1000, 8, NULL), KITH_FWD_LIMITED_ALL);
	assert_int_equal(send(0, other[0], 500, 8, NULL), KITH_FWD_FORWARD);
	assert_int_equal(send(KITH_US_PER_S, other[0], 1000, 8, NULL), KITH_FWD_FORWARD);
}

static void limits_may_be_lowered_and_raised_meanwhile(void **state)
{
	uint64_t ids[2], more[2];
	struct kith_fwd_leg_spec a = leg(3), b = leg(4);
	(void)state;
	limits.rate = 100000;
	limits.burst = 1000000;
	with_limits();
	open_tunnel(0, 1, 2, ids);
	limits.rate = 1000;
	limits.burst = 2000;
	limits.tunnels_max = 1;
	kith_fwd_limit(&fwd, &limits);
	/* What the bucket held above the new limit is gone. */
	assert_int_equal(send(10, ids[0], 1000, 1, NULL), KITH_FWD_FORWARD);
	assert_int_equal(send(10, ids[0], 1000, 1, NULL), KITH_FWD_FORWARD);
	assert_int_equal(send(10, ids[0], 1000, 1, NULL), KITH_FWD_LIMITED_ALL);
	assert_int_equal(send(10 + KITH_US_PER_S, ids[0], 1000, 1, NULL), KITH_FWD_FORWARD);
	assert_int_equal(kith_fwd_open(&fwd, 20, &a, &b, more), KITH_EFULL);
	limits.tunnels_max = 2;
	kith_fwd_limit(&fwd, &limits);
	assert_int_equal(kith_fwd_open(&fwd, 20, &a, &b, more), 0);
}

static void closing_a_tunnel_does_not_refill_a_bucket(void **state)
{
	(void)state;
	uint64_t ids[2];
	struct kith_fwd_ends ends;
	limits.owner_rate = 100;
	limits.owner_burst = 1000;
	with_limits();
	open_tunnel(0, 7, 9, ids);
	assert_int_equal(send(0, ids[0], 1000, 7, NULL), KITH_FWD_FORWARD);
	assert_int_equal(kith_fwd_close_session(&fwd, 7, &ends, 1), 1);
	kith_fwd_expire(&fwd, 1, NULL, 10);
	open_tunnel(1, 7, 9, ids);
	assert_int_equal(send(1, ids[0], 100, 7, NULL), KITH_FWD_LIMITED_OWNER);
	assert_int_equal(kith_fwd_close_session(&fwd, 7, &ends, 1), 1);
	kith_fwd_expire(&fwd, 11 * KITH_US_PER_S, NULL, 10);
	assert_int_equal(fwd.owners.n, 0); /* full again: forgotten */
}

static void tunnels_are_bounded_per_opener_and_in_all(void **state)
{
	(void)state;
	uint64_t ids[2];
	struct kith_fwd_ends ends;
	struct kith_fwd_leg_spec a = leg(7), b = leg(9);
	for (uint32_t i = 0; i < limits.tunnels_per_owner; i++)
		assert_int_equal(kith_fwd_open(&fwd, 0, &a, &b, ids), 0);
	assert_int_equal(kith_fwd_open(&fwd, 0, &a, &b, ids), KITH_ELIMIT);
	assert_int_equal(kith_fwd_open(&fwd, 0, &b, &a, ids), 0); /* being called costs the callee nothing */
	for (uint32_t i = fwd.n; i < limits.tunnels_max; i++) {
		struct kith_fwd_leg_spec c = leg(100 + i);
		assert_int_equal(kith_fwd_open(&fwd, 0, &c, &b, ids), 0);
	}
	struct kith_fwd_leg_spec d = leg(999);
	assert_int_equal(kith_fwd_open(&fwd, 0, &d, &b, ids), KITH_EFULL);
	assert_int_equal(kith_fwd_close_session(&fwd, 100 + limits.tunnels_max - 1, &ends, 1), 1);
	assert_int_equal(kith_fwd_open(&fwd, 0, &d, &b, ids), 0);
}

static void the_last_tunnels_are_for_who_has_none(void **state)
{
	(void)state;
	uint64_t ids[2];
	struct kith_fwd_leg_spec a = leg(7), b = leg(9), c = leg(8);
	limits.tunnels_max = 16; /* of which two */
	limits.tunnels_per_owner = 16;
	with_limits();
	for (uint32_t i = 0; i < 14; i++)
		assert_int_equal(kith_fwd_open(&fwd, 0, &a, &b, ids), 0);
	assert_int_equal(kith_fwd_open(&fwd, 0, &a, &b, ids), KITH_EFULL);
	assert_int_equal(kith_fwd_open(&fwd, 0, &c, &b, ids), 0);
	assert_int_equal(kith_fwd_open(&fwd, 0, &c, &b, ids), KITH_EFULL);
	assert_int_equal(kith_fwd_open(&fwd, 0, &b, &a, ids), 0);
}

static void a_silent_tunnel_ends_and_a_used_one_does_not(void **state)
{
	(void)state;
	uint64_t ids[2], used[2];
	struct kith_fwd_ends ends[4];
	open_tunnel(0, 7, 9, ids);
	open_tunnel(0, 8, 9, used);
	kith_time_us last = 0;
	for (kith_time_us now = 0; now < 3 * KITH_TUNNEL_IDLE_US; now += KITH_US_PER_S) {
		if (now % (7 * KITH_US_PER_S) == 0)
			assert_int_equal(send(now, used[now % 2], 100, 8 + (uint32_t)(now % 2), NULL),
					 KITH_FWD_FORWARD);
		if (now == 50 * KITH_US_PER_S) {
			assert_int_equal(send(now, ids[1], 100, 9, NULL), KITH_FWD_FORWARD);
			last = now;
		}
		size_t n = kith_fwd_expire(&fwd, now, ends, 4);
		if (n == 0) {
			assert_true(kith_fwd_next_deadline(&fwd) > now);
			continue;
		}
		assert_int_equal(n, 1);
		assert_true(ends[0].id[0] == ids[0] && ends[0].id[1] == ids[1]);
		assert_int_equal(ends[0].session[0], 7);
		assert_int_equal(ends[0].session[1], 9);
		assert_true(now >= last + KITH_TUNNEL_IDLE_US);
		assert_true(now <= last + KITH_TUNNEL_IDLE_US + KITH_TUNNEL_IDLE_US / 8 + KITH_US_PER_S);
		last = -1;
	}
	assert_int_equal(last, -1);
	assert_int_equal(fwd.n, 1);
	assert_int_equal(send(0, ids[0], 100, 7, NULL), KITH_FWD_UNKNOWN);
}

static void draining_announces_each_tunnel_once_and_forwards_to_the_end(void **state)
{
	(void)state;
	uint64_t ids[3][2], none[2];
	struct kith_fwd_ends ends[4];
	struct kith_fwd_leg_spec a = leg(1), b = leg(2);
	for (uint32_t i = 0; i < 3; i++)
		open_tunnel(0, 10 + i, 9, ids[i]);
	assert_int_equal(kith_fwd_drain_all(&fwd, 5, ends, 1), 1);
	assert_true(ends[0].id[0] == ids[0][0]);
	assert_int_equal(kith_fwd_drain_all(&fwd, 10, ends, 4), 2);
	assert_true(ends[0].id[0] == ids[1][0] && ends[1].id[0] == ids[2][0]);
	assert_int_equal(kith_fwd_drain_all(&fwd, 10, ends, 4), 0);
	assert_int_equal(kith_fwd_open(&fwd, 10, &a, &b, none), KITH_ESTATE);
	assert_true(kith_fwd_next_deadline(&fwd) == 5 + KITH_TUNNEL_DRAIN_US);
	assert_int_equal(kith_fwd_expire(&fwd, 4 + KITH_TUNNEL_DRAIN_US, ends, 4), 0);
	assert_int_equal(send(4 + KITH_TUNNEL_DRAIN_US, ids[0][0], 100, 10, NULL), KITH_FWD_FORWARD);
	assert_int_equal(kith_fwd_expire(&fwd, 5 + KITH_TUNNEL_DRAIN_US, ends, 4), 1);
	assert_int_equal(kith_fwd_expire(&fwd, 10 + KITH_TUNNEL_DRAIN_US, ends, 4), 2);
	assert_true(kith_fwd_next_deadline(&fwd) == KITH_TIME_NEVER);
}

static void a_session_that_ends_takes_its_tunnels_along(void **state)
{
	(void)state;
	uint64_t ids[2];
	struct kith_fwd_ends ends[4];
	for (uint32_t i = 0; i < 5; i++)
		open_tunnel(0, i % 2 ? 7 : 10 + i, i % 2 ? 10 + i : 7, ids);
	open_tunnel(0, 7, 7, ids); /* both ends at one session */
	open_tunnel(0, 20, 21, ids);
	assert_int_equal(kith_fwd_close_session(&fwd, 7, ends, 4), 4);
	assert_int_equal(kith_fwd_close_session(&fwd, 7, ends, 4), 2);
	assert_int_equal(kith_fwd_close_session(&fwd, 7, ends, 4), 0);
	assert_int_equal(fwd.n, 1);
	assert_int_equal(fwd.sessions.n, 2);
}

static void a_train_goes_as_one_and_only_if_it_is_one(void **state)
{
	(void)state;
	uint64_t ids[2], other[2];
	uint8_t buf[350];
	struct kith_fwd_out out;
	struct kith_addr src = addr_of(7);
	open_tunnel(0, 7, 9, ids);
	open_tunnel(0, 7, 8, other);
	for (size_t at = 0; at < sizeof buf; at += 100)
		packet_to(buf + at, ids[0], sizeof buf - at < 100 ? sizeof buf - at : 100);
	assert_int_equal(kith_fwd_train(&fwd, 0, buf, sizeof buf, 100, &src, 1, &out), KITH_FWD_FORWARD);
	for (size_t at = 0; at < sizeof buf; at += 100)
		assert_true(id_in(buf + at) == ids[1]);
	assert_int_equal(fwd.packets, 4);
	for (size_t at = 0; at < sizeof buf; at += 100)
		packet_to(buf + at, at == 200 ? other[0] : ids[0], sizeof buf - at < 100 ? sizeof buf - at : 100);
	assert_int_equal(kith_fwd_train(&fwd, 0, buf, sizeof buf, 100, &src, 1, &out), KITH_FWD_MIXED);
	assert_true(id_in(buf) == ids[0] && id_in(buf + 200) == other[0]);
	/* A last segment too short for a header, and segments too short for one. */
	packet_to(buf + 200, ids[0], 100);
	assert_int_equal(kith_fwd_train(&fwd, 0, buf, 312, 100, &src, 1, &out), KITH_FWD_MIXED);
	assert_int_equal(kith_fwd_train(&fwd, 0, buf, 300, 12, &src, 1, &out), KITH_FWD_MIXED);
	assert_int_equal(kith_fwd_train(&fwd, 0, buf, 300, 1, &src, 1, &out), KITH_FWD_MIXED);
}

/* Random operations against an array that is searched from end to end. */
static void the_table_behaves_like_a_list_of_tunnels(void **state)
{
	(void)state;
	struct {
		bool live;
		uint64_t id[2];
		uint32_t session[2];
	} model[64] = { 0 };
	uint32_t where[32]; /* address number of each session */
	for (uint32_t i = 0; i < 32; i++)
		where[i] = i;
	for (int step = 0; step < 20000; step++) {
		uint32_t r = (uint32_t)test_random_next(&rnd), i = r >> 8 & 63, s = r >> 16 & 31, s2 = r >> 24 & 31;
		if (r % 8 < 2 && !model[i].live) {
			struct kith_fwd_leg_spec a = leg(s), b = leg(s2);
			a.remote = addr_of(where[s]);
			b.remote = addr_of(where[s2]);
			int err = kith_fwd_open(&fwd, step, &a, &b, model[i].id);
			uint32_t opened = 0, all = 0;
			for (uint32_t k = 0; k < 64; k++) {
				all += model[k].live;
				opened += model[k].live && model[k].session[0] == s;
			}
			int as_it_is = all < 56 || opened == 0 ? 0 : KITH_EFULL;
			assert_int_equal(err, opened < limits.tunnels_per_owner ? as_it_is : KITH_ELIMIT);
			model[i].live = err == 0;
			model[i].session[0] = s;
			model[i].session[1] = s2;
		} else if (r % 16 == 3) {
			struct kith_fwd_ends ends[64];
			uint32_t n = 0;
			for (uint32_t k = 0; k < 64; k++) {
				if (model[k].live && (model[k].session[0] == s || model[k].session[1] == s)) {
					model[k].live = false;
					n++;
				}
			}
			assert_int_equal(kith_fwd_close_session(&fwd, s, ends, 64), n);
		} else if (r % 8 == 4) {
			where[s] = 32 + (uint32_t)step % 60000;
			struct kith_addr to = addr_of(where[s]);
			kith_fwd_rebind(&fwd, s, &to, 1, true);
		} else {
			struct kith_fwd_out out;
			uint32_t side = r >> 4 & 1;
			enum kith_fwd_verdict v =
				send(step, model[i].id[side], 100, where[model[i].session[side]], &out);
			if (!model[i].live) {
				assert_int_equal(v, model[i].id[side] == 0 ? KITH_FWD_UNKNOWN : v);
				assert_true(v == KITH_FWD_UNKNOWN);
				continue;
			}
			struct kith_addr to = addr_of(where[model[i].session[1 - side]]);
			assert_int_equal(v, KITH_FWD_FORWARD);
			assert_true(kith_addr_equal(&out.remote, &to));
		}
	}
}

static void running_out_of_memory_leaves_the_table_as_it_was(void **state)
{
	(void)state;
	uint64_t ids[2], kept[2];
	open_tunnel(0, 1, 2, kept);
	for (uint32_t round = 0; round < 12; round++) {
		for (long fail = 0;; fail++) {
			struct kith_fwd_leg_spec a = leg(100 + round), b = leg(200 + round);
			uint32_t n = fwd.n, sessions = fwd.sessions.n;
			mem.fail_after = fail;
			int err = kith_fwd_open(&fwd, 0, &a, &b, ids);
			mem.fail_after = -1;
			if (err == 0)
				break;
			assert_int_equal(err, KITH_ENOMEM);
			assert_int_equal(fwd.n, n);
			assert_int_equal(fwd.sessions.n, sessions);
			assert_int_equal(send(0, kept[0], 100, 1, NULL), KITH_FWD_FORWARD);
			assert_true(fail < 20);
		}
		assert_int_equal(send(0, ids[0], 100, 100 + round, NULL), KITH_FWD_FORWARD);
	}
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_packet_leaves_on_the_other_leg_with_its_id),
		T(a_chained_leg_leaves_with_the_next_supernodes_id),
		T(malformed_headers_are_dropped_and_untouched),
		T(only_the_bound_address_and_transport_may_send),
		T(an_unproven_leg_never_gets_more_bytes_than_it_sent),
		T(nothing_is_sent_to_a_leg_without_an_address),
		T(all_legs_follow_their_session),
		T(a_leg_is_shown_to_its_session_alone_and_only_if_it_is_proven),
		T(an_owner_is_held_to_its_rate_and_told_once_a_second),
		T(a_bucket_fills_exactly_at_any_step),
		T(all_owners_together_are_held_to_the_total),
		T(limits_may_be_lowered_and_raised_meanwhile),
		T(closing_a_tunnel_does_not_refill_a_bucket),
		T(tunnels_are_bounded_per_opener_and_in_all),
		T(the_last_tunnels_are_for_who_has_none),
		T(a_silent_tunnel_ends_and_a_used_one_does_not),
		T(draining_announces_each_tunnel_once_and_forwards_to_the_end),
		T(a_session_that_ends_takes_its_tunnels_along),
		T(a_train_goes_as_one_and_only_if_it_is_one),
		T(the_table_behaves_like_a_list_of_tunnels),
		T(running_out_of_memory_leaves_the_table_as_it_was),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
