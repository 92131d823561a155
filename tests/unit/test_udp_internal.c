/* The queue behind a socket that takes no more, and the finding of trains; the system's half is made up here. */
#include <errno.h>

#include "support.h"

#include "host/udp_internal.h"

/* How many more packets the made-up socket takes, and what it took. */
static size_t room;
static uint8_t taken[4096];
static size_t taken_n;

void kith_udp_sys_prepare(struct kith_udp *u, bool offload)
{
	(void)u;
	(void)offload;
}

int kith_udp_sys_receive(struct kith_udp *u, struct kith_packet out[], size_t n)
{
	(void)u;
	(void)out;
	(void)n;
	return 0;
}

size_t kith_udp_sys_send(struct kith_udp *u, const struct kith_packet packets[], size_t n)
{
	size_t sent = 0;
	(void)u;
	for (; sent < n && room > 0; sent++, room--)
		taken[taken_n++ % sizeof taken] = packets[sent].data[0];
	return sent;
}

void kith_udp_sys_read_errors(struct kith_udp *u)
{
	(void)u;
}

/* Whether the made-up system can fragment, and does. */
static bool can_fragment, fragments;

bool kith_udp_sys_fragment(struct kith_udp *u, bool may)
{
	(void)u;
	fragments = can_fragment && may;
	return can_fragment;
}

struct fixture {
	struct test_alloc alloc;
	struct kith_udp *u;
};

static void fixture_init(struct fixture *f)
{
	struct kith_udp_options o = { .alloc = &f->alloc.alloc,
				      .bind = { .family = KITH_FAMILY_V4, .ip = { 127, 0, 0, 1 } } };
	char why[KITH_UDP_WHY_MAX];
	room = taken_n = 0;
	test_alloc_init(&f->alloc);
	assert_int_equal(kith_udp_open(&f->u, &o, why), 0);
}

static void fixture_deinit(struct fixture *f)
{
	kith_udp_close(f->u);
	test_alloc_check(&f->alloc);
}

/* Sends n packets of len bytes whose first byte counts on from first; their memory is overwritten afterwards. */
static void send_counted(struct fixture *f, uint8_t first, size_t n, uint32_t len)
{
	static uint8_t data[65536];
	for (size_t i = 0; i < n; i++) {
		struct kith_packet p = { .data = data, .len = len, .remote = { .family = KITH_FAMILY_V4, .port = 1 } };
		data[0] = (uint8_t)(first + i);
		kith_udp_send(f->u, &p, 1);
	}
	data[0] = 0xff;
}

static void order_is_kept_when_the_socket_blocks(void **state)
{
	struct fixture f;
	(void)state;
	fixture_init(&f);
	room = 3;
	send_counted(&f, 0, 10, 100);
	assert_int_equal(taken_n, 3);
	assert_true(kith_udp_queued(f.u));
	room = 4; /* there is room again, but packets are waiting: a new one goes behind them */
	send_counted(&f, 10, 1, 100);
	assert_int_equal(taken_n, 3);
	kith_udp_flush(f.u);
	assert_int_equal(taken_n, 7);
	assert_true(kith_udp_queued(f.u));
	room = 100;
	kith_udp_flush(f.u);
	assert_false(kith_udp_queued(f.u));
	assert_int_equal(taken_n, 11);
	for (size_t i = 0; i < taken_n; i++)
		assert_int_equal(taken[i], i);
	send_counted(&f, 11, 1, 100);
	assert_int_equal(taken_n, 12);
	fixture_deinit(&f);
}

static void the_queue_is_bounded_in_packets_and_bytes(void **state)
{
	struct fixture f;
	struct kith_udp_counts counts;
	(void)state;
	fixture_init(&f);
	send_counted(&f, 0, KITH_UDP_QUEUE_PACKETS + 5, 1);
	kith_udp_counts(f.u, &counts);
	assert_int_equal(counts.queue_full, 5);
	room = SIZE_MAX;
	kith_udp_flush(f.u);
	assert_int_equal(taken_n, KITH_UDP_QUEUE_PACKETS);
	room = 0;
	send_counted(&f, 0, KITH_UDP_QUEUE_BYTES / 65536 + 3, 65536);
	kith_udp_counts(f.u, &counts);
	assert_int_equal(counts.queue_full, 5 + 3);
	fixture_deinit(&f);
}

static void without_memory_packets_are_dropped_and_counted(void **state)
{
	struct fixture f;
	struct kith_udp_counts counts;
	(void)state;
	fixture_init(&f);
	send_counted(&f, 0, 1, 100);
	f.alloc.fail_after = 0;
	send_counted(&f, 1, 1, 100);
	f.alloc.fail_after = -1;
	send_counted(&f, 2, 1, 100);
	kith_udp_counts(f.u, &counts);
	assert_int_equal(counts.queue_full, 1);
	room = 10;
	kith_udp_flush(f.u);
	assert_int_equal(taken_n, 2);
	assert_int_equal(taken[1], 2);
	fixture_deinit(&f);
}

static void a_socket_is_given_up_after_failures_in_a_row(void **state)
{
	static const int own[] = { ENETDOWN, ENODEV, ENXIO, ENOTCONN, EPIPE, EINVAL, EFAULT, EIO };
	static const int of_others[] = { ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, EMSGSIZE, EACCES, EPROTO, ENOBUFS };
	struct fixture f;
	(void)state;
	for (size_t k = 0; k < sizeof own / sizeof own[0]; k++) {
		fixture_init(&f);
		for (int i = 1; i < KITH_UDP_FAILURES_MAX; i++)
			assert_true(kith_udp_note_failure(f.u, own[k]));
		assert_int_equal(kith_udp_broken(f.u), 0);
		f.u->failures = 0; /* one call that went well */
		for (int i = 1; i < KITH_UDP_FAILURES_MAX; i++)
			assert_true(kith_udp_note_failure(f.u, own[k]));
		for (size_t i = 0; i < sizeof of_others / sizeof of_others[0]; i++)
			assert_false(kith_udp_note_failure(f.u, of_others[i]));
		assert_int_equal(kith_udp_broken(f.u), 0);
		assert_true(kith_udp_note_failure(f.u, own[k]));
		assert_true(kith_udp_broken(f.u) < 0);
		assert_false(f.u->lost);
		fixture_deinit(&f);
	}
}

static void what_was_queued_goes_with_a_broken_socket(void **state)
{
	struct fixture f;
	(void)state;
	fixture_init(&f);
	send_counted(&f, 0, 10, 100);
	assert_true(kith_udp_queued(f.u));
	for (int i = 0; i < KITH_UDP_FAILURES_MAX; i++)
		(void)kith_udp_note_failure(f.u, ENETDOWN);
	room = 100;
	kith_udp_flush(f.u);
	assert_false(kith_udp_queued(f.u));
	send_counted(&f, 0, 1, 100);
	assert_int_equal(taken_n, 0);
	fixture_deinit(&f);
}

static void errors_are_told_once_and_bounded(void **state)
{
	struct fixture f;
	struct kith_udp_error e;
	struct kith_addr addr = { .family = KITH_FAMILY_V4, .port = 1 };
	size_t n = 0;
	(void)state;
	fixture_init(&f);
	for (int i = 0; i < 3; i++)
		kith_udp_note_error(f.u, &addr, 111 /* ECONNREFUSED */);
	assert_true(kith_udp_error(f.u, &e));
	assert_false(kith_udp_error(f.u, &e));
	for (uint16_t port = 1; port < 1000; port++) {
		addr.port = port;
		kith_udp_note_error(f.u, &addr, 111);
	}
	while (kith_udp_error(f.u, &e))
		assert_int_equal(e.remote.port, ++n);
	assert_int_equal(n, KITH_UDP_ERRORS_MAX);
	fixture_deinit(&f);
}

/* One letter a packet: its length; what joins the first. */
static size_t train_of(const uint32_t lens[], size_t n, bool join)
{
	struct kith_packet packets[128];
	memset(packets, 0, sizeof packets);
	for (size_t i = 0; i < n; i++) {
		packets[i].len = lens[i];
		packets[i].remote = (struct kith_addr){ .family = KITH_FAMILY_V4, .port = 1 };
	}
	struct kith_udp_train t = kith_udp_train_at(packets, 0, n, join);
	assert_int_equal(t.first, 0);
	assert_int_equal(t.segment_len, t.n > 1 ? lens[0] : 0);
	return t.n;
}

static void trains_are_equal_packets_and_one_shorter_at_the_end(void **state)
{
	uint32_t many[128];
	(void)state;
	assert_int_equal(train_of((uint32_t[]){ 100, 100, 100 }, 3, true), 3);
	assert_int_equal(train_of((uint32_t[]){ 100, 100, 50, 50 }, 4, true), 3);
	assert_int_equal(train_of((uint32_t[]){ 100, 101 }, 2, true), 1);
	assert_int_equal(train_of((uint32_t[]){ 100, 0, 100 }, 3, true), 1);
	assert_int_equal(train_of((uint32_t[]){ 100, 100 }, 2, false), 1);
	assert_int_equal(train_of((uint32_t[]){ 100 }, 1, true), 1);
	for (size_t i = 0; i < 128; i++)
		many[i] = 100;
	assert_int_equal(train_of(many, 128, true), KITH_UDP_SEGMENTS_MAX);
	for (size_t i = 0; i < 128; i++)
		many[i] = 1200;
	assert_int_equal(train_of(many, 128, true), 54);
}

static void trains_go_to_one_place_with_one_mark(void **state)
{
	struct kith_packet p[2];
	(void)state;
	for (int difference = 0; difference < 5; difference++) {
		memset(p, 0, sizeof p);
		for (size_t i = 0; i < 2; i++) {
			p[i].len = 100;
			p[i].remote = (struct kith_addr){ .family = KITH_FAMILY_V4, .port = 1 };
		}
		if (difference == 1)
			p[1].remote.port = 2;
		else if (difference == 2)
			p[1].ttl = 4;
		else if (difference == 3)
			p[1].ecn = 1;
		else if (difference == 4)
			p[1].segment_len = 50;
		assert_int_equal(kith_udp_train_at(p, 0, 2, true).n, difference == 0 ? 2 : 1);
	}
	p[0].segment_len = 40;
	assert_int_equal(kith_udp_train_at(p, 0, 2, true).segment_len, 40);
	assert_int_equal(kith_udp_train_at(p, 0, 2, true).n, 1);
}

static void packets_go_in_parts_for_a_while_and_that_is_told_once(void **state)
{
	struct fixture f;
	struct kith_udp_error e;
	struct kith_addr to = { .family = KITH_FAMILY_V4, .port = 7 };
	(void)state;
	fixture_init(&f);
	can_fragment = true;
	room = SIZE_MAX;
	for (int round = 0; round < 2; round++) {
		assert_false(fragments);
		assert_true(kith_udp_go_in_parts(f.u, &to));
		assert_true(fragments);
		assert_true(kith_udp_error(f.u, &e));
		assert_int_equal(e.err, KITH_EMSGSIZE);
		assert_int_equal(e.remote.port, 7);
		assert_false(kith_udp_go_in_parts(f.u, &to)); /* they do already: sending again would not help */
		assert_false(kith_udp_error(f.u, &e));
		send_counted(&f, 0, KITH_UDP_PARTS_CALLS - 1, 10);
		assert_true(fragments);
		send_counted(&f, 0, 1, 10); /* the link may be another one by now */
	}
	can_fragment = false;
	assert_false(kith_udp_go_in_parts(f.u, &to));
	assert_true(kith_udp_error(f.u, &e)); /* they do not arrive */
	assert_int_equal(e.err, KITH_EUNREACHABLE);
	fixture_deinit(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(order_is_kept_when_the_socket_blocks),
		cmocka_unit_test(the_queue_is_bounded_in_packets_and_bytes),
		cmocka_unit_test(without_memory_packets_are_dropped_and_counted),
		cmocka_unit_test(a_socket_is_given_up_after_failures_in_a_row),
		cmocka_unit_test(what_was_queued_goes_with_a_broken_socket),
		cmocka_unit_test(errors_are_told_once_and_bounded),
		cmocka_unit_test(packets_go_in_parts_for_a_while_and_that_is_told_once),
		cmocka_unit_test(trains_are_equal_packets_and_one_shorter_at_the_end),
		cmocka_unit_test(trains_go_to_one_place_with_one_mark),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
