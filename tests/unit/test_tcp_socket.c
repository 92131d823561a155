/* What the system calls around TCP sockets come to, on the loopback interface. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support.h"

#include "host/tcp_socket.h"

static struct kith_addr loopback(uint8_t family, uint16_t port)
{
	struct kith_addr addr = { .family = family, .port = port };
	addr.ip[family == KITH_FAMILY_V4 ? 0 : 15] = family == KITH_FAMILY_V4 ? 127 : 1;
	addr.ip[3] = family == KITH_FAMILY_V4;
	return addr;
}

static void wait_for(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };
	assert_int_equal(poll(&p, 1, 5000), 1);
}

static int option(int fd, int level, int name)
{
	int value = -1;
	socklen_t len = sizeof value;
	assert_int_equal(getsockopt(fd, level, name, &value, &len), 0);
	return value;
}

struct pair {
	int listener, in, out;
	struct kith_addr at, from;
};

static bool pair_init(struct pair *p, uint8_t family)
{
	char why[KITH_TCP_WHY_MAX];
	struct kith_addr bind = loopback(family, 0);
	if (kith_tcp_supported(family, why) != 0 || kith_tcp_listen(&bind, &p->listener, &bind.port, why) != 0) {
		assert_int_equal(family, KITH_FAMILY_V6); /* a machine without IPv6 */
		return false;
	}
	p->at = bind;
	assert_int_equal(kith_tcp_accept(p->listener, &p->in, &p->from), KITH_EAGAIN);
	assert_int_equal(kith_tcp_dial(&bind, &p->at, &p->out), 0);
	wait_for(p->out, POLLOUT);
	assert_int_equal(kith_tcp_dialed(p->out), 0);
	wait_for(p->listener, POLLIN);
	assert_int_equal(kith_tcp_accept(p->listener, &p->in, &p->from), 0);
	return true;
}

static void pair_deinit(struct pair *p)
{
	close(p->listener);
	close(p->in);
	close(p->out);
}

static void both_ends_are_set_up_alike(void **state)
{
	static const uint8_t families[] = { KITH_FAMILY_V4, KITH_FAMILY_V6 };
	(void)state;
	for (size_t f = 0; f < 2; f++) {
		struct pair p;
		if (!pair_init(&p, families[f]))
			continue;
		int fds[] = { p.in, p.out };
		for (size_t i = 0; i < 2; i++) {
			assert_true((fcntl(fds[i], F_GETFL) & O_NONBLOCK) != 0);
			assert_true((fcntl(fds[i], F_GETFD) & FD_CLOEXEC) != 0);
			assert_int_not_equal(option(fds[i], IPPROTO_TCP, TCP_NODELAY), 0);
		}
		struct kith_addr same = loopback(families[f], p.from.port);
		assert_true(kith_addr_equal(&p.from, &same));
		assert_int_not_equal(p.from.port, p.at.port); /* a dial has a port of its own */
		pair_deinit(&p);
	}
}

static void bytes_go_through_until_the_end(void **state)
{
	static uint8_t much[1 << 20];
	uint8_t got[16];
	struct pair p;
	const struct iovec parts[] = { { (void *)(uintptr_t) "ab", 2 }, { (void *)(uintptr_t) "cde", 3 } };
	const struct iovec all = { much, sizeof much };
	(void)state;
	assert_true(pair_init(&p, KITH_FAMILY_V4));
	assert_int_equal(kith_tcp_read(p.in, got, sizeof got), 0);
	assert_int_equal(kith_tcp_write(p.out, parts, 2), 5);
	wait_for(p.in, POLLIN);
	assert_int_equal(kith_tcp_read(p.in, got, sizeof got), 5);
	assert_memory_equal(got, "abcde", 5);
	int n, sent = 0;
	while ((n = kith_tcp_write(p.out, &all, 1)) > 0) /* as much as goes; then nothing, and no error */
		sent += n;
	assert_int_equal(n, 0);
	assert_true(sent > 0);
	close(p.in);
	p.in = -1;
	wait_for(p.out, POLLIN | POLLHUP);
	assert_int_equal(kith_tcp_write(p.out, parts, 2), KITH_ECLOSED); /* and no signal */
	assert_int_equal(kith_tcp_read(p.out, got, sizeof got), KITH_ECLOSED);
	pair_deinit(&p);
}

static void nobody_there_is_told(void **state)
{
	struct pair p;
	int fd;
	const struct kith_addr nowhere = { .family = KITH_FAMILY_V4, .port = 1, .ip = { 255, 255, 255, 255 } };
	(void)state;
	assert_true(pair_init(&p, KITH_FAMILY_V4));
	struct kith_addr gone = p.at;
	pair_deinit(&p);
	assert_int_equal(kith_tcp_dial(&gone, &gone, &fd), 0);
	wait_for(fd, POLLOUT);
	assert_int_equal(kith_tcp_dialed(fd), KITH_EUNREACHABLE);
	close(fd);
	assert_int_not_equal(kith_tcp_dial(&(struct kith_addr){ 0 }, &nowhere, &fd), 0);
	assert_int_equal(fd, -1);
}

static void a_port_that_is_taken_is_told_in_words(void **state)
{
	char why[KITH_TCP_WHY_MAX];
	struct pair p;
	int fd;
	uint16_t port;
	(void)state;
	assert_true(pair_init(&p, KITH_FAMILY_V4));
	assert_int_equal(kith_tcp_listen(&p.at, &fd, &port, why), KITH_EADDRINUSE);
	assert_int_equal(fd, -1);
	assert_non_null(strstr(why, "cannot listen on TCP 127.0.0.1:"));
	/* Connections of a listener that is gone do not keep its port. */
	close(p.listener);
	assert_int_equal(kith_tcp_listen(&p.at, &p.listener, &port, why), 0);
	assert_int_equal(port, p.at.port);
	pair_deinit(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_ends_are_set_up_alike),
		cmocka_unit_test(bytes_go_through_until_the_end),
		cmocka_unit_test(nobody_there_is_told),
		cmocka_unit_test(a_port_that_is_taken_is_told_in_words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
