/* What a pair of UDP sockets on the loopback interface must do, whichever system calls are behind them. */
#ifndef KITH_TESTS_UDP_CASES_H
#define KITH_TESTS_UDP_CASES_H

#include <poll.h>
#include <unistd.h>

#include "support.h"

#include "host/udp.h"

struct pair {
	struct test_alloc alloc;
	struct kith_udp *a, *b;
	struct kith_addr to_a, to_b;
	char why[KITH_UDP_WHY_MAX];
};

static inline struct kith_addr loopback(uint8_t family, uint16_t port)
{
	struct kith_addr addr = { .family = family, .port = port };
	if (family == KITH_FAMILY_V4) {
		addr.ip[0] = 127;
		addr.ip[3] = 1;
	} else {
		addr.ip[15] = 1;
	}
	return addr;
}

static inline bool pair_init(struct pair *p, uint8_t family, bool offload)
{
	struct kith_udp_options o = {
		.alloc = &p->alloc.alloc, .transport = 3, .bind = loopback(family, 0), .offload = offload
	};
	memset(p, 0, sizeof *p);
	test_alloc_init(&p->alloc);
	int err = kith_udp_open(&p->a, &o, p->why);
	if (family == KITH_FAMILY_V6 && err != 0)
		return false; /* a machine without IPv6 */
	assert_int_equal(err, 0);
	assert_int_equal(kith_udp_open(&p->b, &o, p->why), 0);
	p->to_a = loopback(family, kith_udp_port(p->a));
	p->to_b = loopback(family, kith_udp_port(p->b));
	return true;
}

static inline void pair_deinit(struct pair *p)
{
	kith_udp_close(p->a);
	kith_udp_close(p->b);
	test_alloc_check(&p->alloc);
}

static inline bool wait_readable(const struct kith_udp *u)
{
	struct pollfd fd = { .fd = kith_udp_fd(u), .events = POLLIN };
	return poll(&fd, 1, 5000) == 1;
}

/* Packets that differ in length and contents; data must hold n x 1200 bytes. */
static inline void make_packets(struct kith_packet packets[], size_t n, uint8_t *data, const struct kith_addr *to)
{
	for (size_t i = 0; i < n; i++) {
		memset(&packets[i], 0, sizeof packets[i]);
		packets[i].data = data + i * 1200;
		packets[i].len = (uint32_t)(i % 7 == 6 ? 200 + i : 1200);
		packets[i].transport = 3;
		packets[i].remote = *to;
		memset(packets[i].data, (int)i + 1, packets[i].len);
	}
}

/* Receives n packets, trains taken apart, and holds them against what was sent. */
static inline void expect_packets(struct kith_udp *u, const struct kith_packet want[], size_t n,
				  const struct kith_addr *from)
{
	size_t seen = 0;
	while (seen < n) {
		struct kith_packet got[KITH_UDP_BATCH];
		assert_true(wait_readable(u));
		int count = kith_udp_receive(u, got, KITH_UDP_BATCH);
		assert_true(count >= 0);
		for (int i = 0; i < count; i++) {
			uint32_t step = got[i].segment_len != 0 ? got[i].segment_len : got[i].len;
			assert_int_equal(got[i].transport, 3);
			assert_true(kith_addr_equal(&got[i].remote, from));
			memset(got[i].data - KITH_PACKET_HEADROOM, 0xee, KITH_PACKET_HEADROOM); /* must be ours */
			for (uint32_t at = 0; at < got[i].len; at += step, seen++) {
				uint32_t len = got[i].len - at < step ? got[i].len - at : step;
				assert_true(seen < n);
				assert_int_equal(len, want[seen].len);
				assert_memory_equal(got[i].data + at, want[seen].data, len);
			}
		}
	}
	struct kith_packet more;
	assert_int_equal(kith_udp_receive(u, &more, 1), 0);
}

static inline void carry(uint8_t family, bool offload)
{
	enum { N = 150 };
	static uint8_t data[N * 1200];
	struct kith_packet packets[N];
	struct pair p;

	if (!pair_init(&p, family, offload))
		skip();
	make_packets(packets, N, data, &p.to_b);
	kith_udp_send(p.a, packets, N);
	assert_false(kith_udp_queued(p.a));
	expect_packets(p.b, packets, N, &p.to_a);
	pair_deinit(&p);
}

static inline void batches_arrive_in_order_v4(void **state)
{
	(void)state;
	carry(KITH_FAMILY_V4, true);
}

static inline void batches_arrive_in_order_v6(void **state)
{
	(void)state;
	carry(KITH_FAMILY_V6, true);
}

static inline void batches_arrive_in_order_without_offload(void **state)
{
	(void)state;
	carry(KITH_FAMILY_V4, false);
}

/* A train of the core's own (relayed as it came) leaves as the packets that it is made of. */
static inline void a_train_is_cut_where_its_packets_end(void **state)
{
	static uint8_t data[5 * 1000 + 300];
	struct kith_packet want[6], train;
	struct pair p;
	(void)state;
	for (int offload = 0; offload < 2; offload++) {
		assert_true(pair_init(&p, KITH_FAMILY_V4, offload == 1));
		for (size_t i = 0; i < sizeof data; i++)
			data[i] = (uint8_t)(i / 1000 + 1);
		memset(&train, 0, sizeof train);
		train.data = data;
		train.len = sizeof data;
		train.segment_len = 1000;
		train.remote = p.to_b;
		for (size_t i = 0; i < 6; i++) {
			want[i].data = data + i * 1000;
			want[i].len = i < 5 ? 1000 : 300;
		}
		kith_udp_send(p.a, &train, 1);
		expect_packets(p.b, want, 6, &p.to_a);
		pair_deinit(&p);
	}
}

static inline void what_cannot_be_sent_is_told_and_stops_nothing(void **state)
{
	static uint8_t data[KITH_UDP_TRAIN_MAX + 1];
	struct kith_packet packets[3];
	struct kith_udp_error e;
	struct pair p;
	(void)state;
	assert_true(pair_init(&p, KITH_FAMILY_V4, true));
	make_packets(packets, 3, data, &p.to_b);
	packets[1].data = data;
	packets[1].len = sizeof data; /* longer than any datagram */
	kith_udp_send(p.a, packets, 3);
	assert_true(kith_udp_error(p.a, &e));
	assert_int_equal(e.err, KITH_EMSGSIZE);
	assert_true(kith_addr_equal(&e.remote, &p.to_b));
	assert_false(kith_udp_error(p.a, &e));
	packets[1] = packets[2];
	expect_packets(p.b, packets, 2, &p.to_a);
	pair_deinit(&p);
}

static inline void a_taken_port_is_told_in_words(void **state)
{
	struct pair p;
	struct kith_udp *u;
	char port[16];
	(void)state;
	assert_true(pair_init(&p, KITH_FAMILY_V4, true));
	struct kith_udp_options o = { .alloc = &p.alloc.alloc, .bind = p.to_a };
	assert_int_equal(kith_udp_open(&u, &o, p.why), KITH_EADDRINUSE);
	assert_null(u);
	(void)snprintf(port, sizeof port, ":%u:", p.to_a.port);
	assert_non_null(strstr(p.why, port));
	o.bind = loopback(KITH_FAMILY_V4, 0);
	o.bind.ip[0] = 192;
	assert_int_equal(kith_udp_open(&u, &o, p.why), KITH_EUNREACHABLE); /* 192.0.0.1 is not ours */
	o.bind.family = KITH_FAMILY_NONE;
	assert_int_equal(kith_udp_open(&u, &o, p.why), KITH_EINVAL);
	pair_deinit(&p);
}

static inline void empty_datagrams_are_skipped(void **state)
{
	static uint8_t data[1200];
	struct kith_packet packets[3], got[4];
	struct pair p;
	(void)state;
	assert_true(pair_init(&p, KITH_FAMILY_V4, true));
	for (size_t i = 0; i < 3; i++) {
		memset(&packets[i], 0, sizeof packets[i]);
		packets[i].data = data;
		packets[i].len = i == 2 ? 10 : 0;
		packets[i].remote = p.to_b;
	}
	kith_udp_send(p.a, packets, 3);
	assert_true(wait_readable(p.b));
	int n = kith_udp_receive(p.b, got, 4);
	while (n == 0 && wait_readable(p.b))
		n = kith_udp_receive(p.b, got, 4);
	assert_int_equal(n, 1);
	assert_int_equal(got[0].len, 10);
	pair_deinit(&p);
}

static inline void without_memory_nothing_is_taken_in(void **state)
{
	static uint8_t data[1200];
	struct kith_packet packet, got[4];
	struct kith_udp *u;
	struct pair p;
	(void)state;
	assert_true(pair_init(&p, KITH_FAMILY_V4, true));
	make_packets(&packet, 1, data, &p.to_b);
	kith_udp_send(p.a, &packet, 1);
	p.alloc.fail_after = 0;
	assert_int_equal(kith_udp_receive(p.b, got, 4), KITH_ENOMEM);
	struct kith_udp_options o = { .alloc = &p.alloc.alloc, .bind = loopback(KITH_FAMILY_V4, 0) };
	assert_int_equal(kith_udp_open(&u, &o, p.why), KITH_ENOMEM);
	p.alloc.fail_after = -1;
	expect_packets(p.b, &packet, 1, &p.to_a);
	pair_deinit(&p);
}

/* Whoever closes a descriptor under a socket makes it useless, and it says so; the number is not closed a second
 * time. */
static inline void break_socket(struct pair *p, bool foreign, bool send)
{
	static uint8_t data[3 * 1200];
	struct kith_packet packets[3];
	struct kith_udp_counts counts;
	struct kith_udp_error e;
	int other[2], fd = kith_udp_fd(p->a);
	assert_int_equal(kith_udp_broken(p->a), 0);
	assert_int_equal(pipe(other), 0);
	assert_int_equal(foreign ? dup2(other[0], fd) : close(fd), foreign ? fd : 0);
	make_packets(packets, 3, data, &p->to_b);
	if (send)
		kith_udp_send(p->a, packets, 3);
	else
		assert_int_equal(kith_udp_receive(p->a, packets, 3), KITH_EIO);
	assert_int_equal(kith_udp_broken(p->a), KITH_EIO);
	assert_false(kith_udp_error(p->a, &e)); /* nothing that is about an address */
	assert_false(kith_udp_queued(p->a));
	kith_udp_send(p->a, packets, 3);
	kith_udp_counts(p->a, &counts);
	assert_int_equal(counts.queue_full, 3);
	assert_int_equal(kith_udp_receive(p->a, packets, 3), KITH_EIO);
	if (!foreign) /* the number is somebody else's now */
		assert_int_equal(dup2(other[0], fd), fd);
	pair_deinit(p);
	assert_int_equal(close(fd), 0);
	(void)close(other[0]);
	(void)close(other[1]);
}

static inline void a_socket_without_its_descriptor_is_broken(void **state)
{
	struct pair p;
	(void)state;
	for (int i = 0; i < 4; i++) {
		assert_true(pair_init(&p, KITH_FAMILY_V4, true));
		break_socket(&p, i % 2 == 1, i / 2 == 1);
	}
}

#define UDP_CASES                                                                                                      \
	cmocka_unit_test(batches_arrive_in_order_v4), cmocka_unit_test(batches_arrive_in_order_v6),                    \
		cmocka_unit_test(batches_arrive_in_order_without_offload),                                             \
		cmocka_unit_test(a_train_is_cut_where_its_packets_end),                                                \
		cmocka_unit_test(what_cannot_be_sent_is_told_and_stops_nothing),                                       \
		cmocka_unit_test(a_taken_port_is_told_in_words), cmocka_unit_test(empty_datagrams_are_skipped),        \
		cmocka_unit_test(without_memory_nothing_is_taken_in),                                                  \
		cmocka_unit_test(a_socket_without_its_descriptor_is_broken)

#endif
